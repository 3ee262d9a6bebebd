#!/bin/bash
# SPDX-License-Identifier: MIT
#
# export.sh - what export writes, import reads back: values of any bytes, types, flags, labels; broken input is refused.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

everything() {
	splinterctl -s "file:$1" export | LC_ALL=C sort
}

store a --lanes 400 --value-max 1K --key-max 64
for ((i = 0; i < 256; i++)); do
	printf -v hex %02x "$i"
	printf '%b' "\\x$hex" | splinterctl set -x "6b$hex" -
done
splinterctl set text $'größe "quoted" \\ \n\t end'
splinterctl set empty ""
head -c 1024 /dev/urandom | splinterctl set random -
splinterctl type text vartext
splinterctl flags random --set 0xa5
splinterctl label set random 0 63
splinterctl set n --int -7

splinterctl export >e.jsonl
point "a line per key" test "$(wc -l <e.jsonl)" = 260
point "text as text" grep -qF '{"key":"text","value":"größe \"quoted\" \\ \n\t end","type":"vartext"}' e.jsonl
point "other bytes in base64" grep -qF '{"key_base64":"a/8=","value_base64":"/w=="}' e.jsonl
splinterctl init file:b --lanes 400 --value-max 1K >/dev/null
run splinterctl -s file:b import e.jsonl --json
point "import" gives 0
point "all of it" test "$(total made)" = 260
point "the same again" cmp <(everything a) <(everything b)
splinterctl -s file:a get random >r1
splinterctl -s file:b get random >r2
point "byte for byte" cmp r1 r2
splinterctl flags random --clear 0xff
splinterctl label clear random 0
run splinterctl import -q e.jsonl
point "import over what is there brings attributes back" cmp <(everything a) <(everything b)
splinterctl export --meta | splinterctl -s file:b import -q -
point "import passes over epochs and times" cmp <(everything a) <(everything b)
does "export --prefix" 0 '{"key":"empty","value":""}' splinterctl export --prefix emp
splinterctl init file:none --lanes 4 >/dev/null
does "of an empty store" 0 "" splinterctl -s file:none export
refuses "import of nothing" 5 "it is empty" splinterctl import /dev/null

cat >bad <<'END'
{"key":"x1","value":"v"}
not JSON
{"key":"x2"
{"key":"x3","value":7}
{"value":"no key"}
{"key":"x4","value_base64":"?"}
{"key":"x5","value":"v","value_base64":""}
{"key":"x6","value":"v","type":"text"}
{"key":"x7","value":"v","flags":256}
{"key":"x8","value":"v","labels":"0xg"}
{"key":"x9","value":"v","labels":-1}
{"key":"y1","value":"v","labels":"0x8000000000000001","flags":255,"type":"json"}
END
run splinterctl -s file:none import --json bad
for said in "line 2: column 3" "line 3: column" "line 4: 'value' is not a string" "line 5: no member 'key'" \
	"line 6: 'value_base64' is not base64" "line 7: both 'value' and 'value_base64'" \
	"line 8: 'type' is not the name of a type" "line 9: 'flags' is not a mask of up to 0xff" \
	"line 10: 'labels' is not a mask" "line 11: 'labels' is not a mask"; do
	point "$said" fails 5 "$said"
done
point "what is sound goes in" test "$(total made) $(total malformed)" = "2 10"
does "with its attributes" 0 "0 63" splinterctl -s file:none label get y1
run sh -c 'splinterctl export | head -n 1'
point "a reader that leaves early" gives 0
finish
