#!/bin/bash
# SPDX-License-Identifier: MIT
#
# stores.sh - stores are made, chosen, described and taken away; what can't be is refused and leaves nothing behind.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

run splinterctl init file:a --lanes 1K --value-max 2K --key-max 48 --writers 7 --spares 3
point "init tells what it made" gives 0 "file:a: 1024 lanes, keys to 48 bytes, values to 2048 bytes, 7 writers, watch no, feed 0, $(sed 's/.*, //' out)"
splinterctl -s file:a set k v
cksum a >before
refuses "init refuses to overwrite" 3 "there is such a store; nothing was changed" splinterctl init file:a --lanes 5
cksum a >after
point "and leaves it alone" cmp before after
does "unless the same is asked for" 0 "" sh -c \
	'splinterctl init -o file:a --lanes 1K --value-max 2K --key-max 48 --writers 7 --spares 3 >/dev/null'
refuses "--or-open with another geometry" 3 "another geometry" splinterctl init -o file:a --lanes 5
run splinterctl --store file:a geometry --json
point "geometry" grep -qE '^\{"lanes":1024,"lanes_total":1045,"value_max":2048,"key_max":48,"max_writers":7,"spares":3,"watch":false,"feed":0,"policy":"local","node":-1,"bytes":[0-9]+\}$' out
run splinterctl info --store file:a --json
point "info" grep -qE '^\{"store":"file:a","backend":"embedded","store_id":"?[0-9]+"?,"abi":1,' out
run splinterctl -s file:a info
point "info for people" grep -qE '^lanes +1024$' out
point "neither watch" grep -qE '^watch +no$' out
point "nor feed" grep -qE '^feed +0$' out
run splinterctl init file:f --lanes 8 --value-max 16 --watch --feed 128
point "init tells watch and feed" grep -q ', 64 writers, watch yes, feed 128, ' out
run splinterctl -s file:f geometry
point "geometry tells watch" grep -qE '^watch +yes$' out
point "and feed" grep -qE '^feed +128$' out
run splinterctl -s file:f info --json
point "info as JSON, too" grep -q '"watch":true,"feed":128,' out
run splinterctl -s file:a stats --json
point "stats" grep -qE '^\{"lanes":1024,"lanes_used":1,"writers":0,"writers_dead":0,"publish":1,"insert":1,' out
run splinterctl -s file:a check --json
point "check" grep -qE '^\{"live":1,.*"sound":true\}$' out
does "check --repair of a sound store" 0 "" sh -c 'splinterctl -s file:a check --repair >/dev/null'
# The index, which the info page says where it begins, loses its cells.
splinterctl init file:hurt --lanes 8 --value-max 16 >/dev/null
splinterctl -s file:hurt set k v
dd if=/dev/zero of=hurt bs=1 seek="$(od -An -tu8 -j312 -N8 hurt)" conv=notrunc status=none \
	count="$(splinterctl -s file:hurt info | sed -n 's/^bytes of index *//p')"
run splinterctl -s file:hurt check
point "check of a damaged store" gives 1
point "says what mends it" grep -qxF "not sound; \`splinterctl check --repair\` mends it" out
run splinterctl -s file:hurt check --repair
point "check --repair tells that there were faults" gives 1
point "and that they are mended" grep -qxF "was not sound, and was mended; \`splinterctl check\` tells what it is now" out
run splinterctl -s file:hurt check
point "so it is sound" gives 0
run splinterctl -s file:a reap --json
point "reap" gives 0 '{"writers":0,"finished":0,"undone":0,"alive":0,"unknown":0}'
run splinterctl caps --json
point "caps" grep -qE '^\{"library":"[0-9]+\.[0-9]+","abi":1,"features":\["attr","signal","feed"\],"module":' out

# Which store
run splinterctl --device "$tmp/nodevice" use
point "the default store, if nothing is said" gives 0 "default (nothing else was said)"
does "use" 0 "" splinterctl use file:a
does "use remembers an absolute path" 0 "file:$tmp/a (\`splinterctl use\`)" splinterctl use
does "from every folder" 0 v sh -c 'cd / && splinterctl get k'
splinterctl init file:b --lanes 5 >/dev/null
does "SPLINTER_STORE goes before it" 1 "" env SPLINTER_STORE="file:$tmp/b" splinterctl get k
does "--store before that" 0 v env SPLINTER_STORE="file:$tmp/b" splinterctl get k --store file:a
refuses "use of a store that isn't there" 3 "no such store" splinterctl use file:nope
does "which changes nothing" 0 v splinterctl get k
does "use --clear" 0 "" splinterctl use --clear
run splinterctl use
point "forgets it" gives 0 "default (nothing else was said)"

# What can't be
lefts() {
	[[ $(ls) == "$1" ]]
}
files=$(ls)
for wrong in "--lanes 0" "--lanes 3G" "--lanes x" "--lanes -1" "--value-max 0" "--value-max 17M" "--key-max 0" \
	"--key-max 2K" "--writers 5000" "--spares 1" "--mode 888" "--policy near" "--node x" "--lanes 1Q" \
	"--lanes 99999999999999999999" "--policy bind"; do
	# shellcheck disable=SC2086
	run splinterctl init file:c $wrong
	point "init $wrong" gives 2 ""
done
refuses "more than can be" 3 "store 'file:c'" splinterctl init file:c --lanes 2G --value-max 16M
refuses "a NUMA node for a file" 3 "neither --policy nor --node" splinterctl init file:c --node 0
refuses "a folder that isn't there" 3 "no such folder" splinterctl init file:no/where
refuses "a memfd, which would be gone at once" 2 "would end with this command" splinterctl init memfd:x
point "nothing was left behind" lefts "$files"
for name in "a/b" "" "$(printf '%0300d' 0)" $'\xff\xfe' "." ".."; do
	run splinterctl -s "dev:$name" --device "$tmp/nodevice" get k
	point "no such store: dev:$(printf %.10q "$name")" gives 3 ""
done
refuses "no module" 3 "load the module" splinterctl --device "$tmp/nodevice" stores
refuses "no module, on opening" 3 "load the module" splinterctl --device "$tmp/nodevice" -s some get k

# Files that aren't stores
printf 'no store at all' >foreign
head -c 100000 /dev/urandom >garbage
head -c 5000 a >part
: >empty
for file in foreign garbage empty part; do
	cksum "$file" >before
	run splinterctl -s "file:$file" get k
	point "$file is refused" gives 3 ""
	# What is damaged but was a store may go.
	[[ $file == part ]] || refuses "unlink $file too" 3 "left as it is" splinterctl unlink "file:$file"
	refuses "init $file too" 3 "store 'file:$file'" splinterctl init "file:$file"
	cksum "$file" >after
	point "$file is untouched" cmp before after
done
does "chmod" 0 "" splinterctl chmod 0640 file:a
point "it has the mode" test "$(stat -c %a a)" = 640
refuses "chmod to what can't be" 2 "0000 to 0666" splinterctl chmod 0700 file:a
refuses "chmod to words" 2 "octal" splinterctl chmod u+r file:a
refuses "chmod of nothing" 3 "no such store" splinterctl chmod 0600 file:none
refuses "chmod needs a name" 2 "missing operand" splinterctl chmod 0600
refuses "chmod of the default store" 3 "change /dev/splinter" splinterctl chmod 0600 default
refuses "chmod of a memfd" 2 "no name" splinterctl chmod 0600 memfd:x
does "chown to what it is" 0 "" splinterctl chown "$(id -u):$(id -g)" file:a
does "chown by name" 0 "" splinterctl chown "$(id -un)" file:a
does "chown of the group" 0 "" splinterctl chown ":$(id -gn)" file:a
point "which changes no mode" test "$(stat -c %a a)" = 640
refuses "chown to nobody" 2 "OWNER:GROUP" splinterctl chown : file:a
refuses "chown to an empty group" 2 "OWNER:GROUP" splinterctl chown 0: file:a
refuses "chown to an unknown user" 2 "no user 'no one'" splinterctl chown "no one" file:a
refuses "chown to an unknown group" 2 "no group 'no group'" splinterctl chown ":no group" file:a
refuses "chown beyond all ids" 2 "4294967294" splinterctl chown 4294967295 file:a
echo 'not a store' >no.store
refuses "chmod of what is no store" 3 "no.store" splinterctl chmod 0600 file:no.store
point "it is left alone" test "$(stat -c %a no.store)" != 600
refuses "unlink needs a name" 2 "missing operand" splinterctl unlink
refuses "destroy is the module's" 3 "\`unlink\` removes" splinterctl destroy file:a
does "unlink" 0 "" splinterctl unlink file:a
point "it is gone" test ! -e a
refuses "unlink again" 3 "no such store" splinterctl unlink file:a
refuses "get from it" 3 "\`splinterctl init SPEC\` makes it" splinterctl -s file:a get k
if [[ $(id -u) != 0 ]]; then
	chmod 0 b
	refuses "no permission" 3 "forbids it" splinterctl -s file:b get k
fi
finish
