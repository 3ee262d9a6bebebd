#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ingest_bad.sh - input that is missing, empty, truncated, binary, malformed, or too much for the store: what is wrong is
# said with its line, what came before it is in the store and counted.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

counts() {
	local pair

	for pair in "$@"; do
		[[ $(total "${pair%=*}") == "${pair#*=}" ]] || return 1
	done
}

store s --lanes 100 --value-max 64 --key-max 16

refuses "missing" 5 "nope.csv: No such file or directory; nothing was read" splinterctl ingest nope.csv
refuses "a folder" 5 "Is a directory" splinterctl ingest -f lines .
refuses "no format" 2 "which format?" splinterctl ingest -
refuses "an unknown format" 2 "no format 'xml'" splinterctl ingest -f xml -
: >empty.csv
for format in lines csv json control; do
	refuses "empty: $format" 5 "empty.csv: it is empty" splinterctl ingest -f $format empty.csv
done
does "empty, and allowed" 0 "" splinterctl ingest -q --allow-empty empty.csv

# Truncated: a control file in the middle of a line, a quoted field, a JSON object
printf 'Package: a\nX: 1\n\nPackage: b\nX: trunc' >cut.control
refuses "truncated control file" 5 "cut.control: line 5: the input ends in the middle of a line" \
	splinterctl ingest --json cut.control
point "what was read before is counted" counts records=1 made=1 malformed=1
point "and intact" cmp <(splinterctl get a) <(printf 'Package: a\nX: 1\n')
does "the half record is not there" 1 "" splinterctl exists b
printf 'key,value\nc,1\nd,"open\nfield' >cut.csv
refuses "truncated csv" 5 "cut.csv: line 3: a quoted field of the record that begins here never ends" \
	splinterctl ingest --json cut.csv
point "counted, too" counts records=1 made=1 malformed=1
printf '{"key":"e","value":"1"}\n{"key":"f","val' >cut.json
refuses "truncated json" 5 "cut.json: line 2: column 15" splinterctl ingest --json cut.json
point "counted as well" counts records=1 made=1 malformed=1
printf 'g\t1\nh\tperhaps cut' >cut.tsv
run splinterctl ingest --json cut.tsv
point "an unfinished line is told" fails 0 "the last line has no line break: is the input whole?"

# Binary
{ printf 'i\t1\nj\t2\n'; head -c 4096 /dev/zero; } >binary
refuses "binary" 5 "binary: line 3: a NUL byte: this is binary data, not text" \
	splinterctl ingest --json -f lines binary
point "stopped there" counts records=2 made=2 stopped_line=3
does "what came before is intact" 0 2 splinterctl get j
for format in csv json control; do
	run splinterctl ingest --json -f $format /bin/sh
	point "a program as $format" gives 5
done
printf 'k\tv\n' | gzip >packed.gz
refuses "compressed" 5 "zcat FILE | splinterctl ingest" splinterctl ingest -f lines packed.gz

# Malformed: passed over, or with --strict a stop
printf 'l\t1\nno tab\n\tno key\nm\t2\n' >bad.tsv
run splinterctl ingest --json bad.tsv
point "no TAB" fails 5 "bad.tsv: line 2: no TAB between key and value"
point "no key" fails 5 "bad.tsv: line 3: an empty key"
point "the rest goes in" counts records=2 made=2 malformed=2
refuses "--strict" 5 "line 2: no TAB" splinterctl ingest --json --strict bad.tsv
point "stops there" counts records=1 malformed=1 stopped_line=2
printf 'k,v\nn,1,2\no,"q"x\np\nq,4\n' >bad.csv
run splinterctl ingest --json bad.csv
point "csv: a column too many" fails 5 "line 2: 3 columns where the first line has 2"
point "csv: a stray quote" fails 5 "line 3: a quote where none may be"
point "csv: a column too few" fails 5 "line 4: 1 columns where"
point "csv: the rest" counts records=1 made=1 malformed=3
printf '[1]\n{"key":1.5}\n{"key":"r"}\n{"key":"","value":"x"}\n{"key":"s","value":"\\ud800"}\n{"a":1,"a":2}\n{"key":"t","value":1}\n' >bad.json
run splinterctl ingest --json bad.json
point "json: not an object" fails 5 "line 1: not a JSON object"
point "json: no value" fails 5 "line 3: no member 'value'"
point "json: half a surrogate" fails 5 "line 5: column"
point "json: a name twice" fails 5 "line 6: column"
point "json: the rest" counts records=1 malformed=6
printf ' continued\nPackage: u\n\nX: 1\n\nPackage: v\nrubbish\n\nPackage: w\nPackage: w\n\nPackage:\n\nPackage: x\n' >bad.control
run splinterctl ingest --json bad.control
point "control: a continuation of nothing" fails 5 "line 1: a record begins with a continuation line"
point "control: no key" fails 5 "line 4: the record that begins here has no field 'Package'"
point "control: no field" fails 5 "line 7: neither 'Field: value' nor a continuation line"
point "control: a field twice" fails 5 "line 10: a second 'Package' in one record"
point "control: an empty key" fails 5 "line 12: 'Package' is empty"
point "control: the rest" counts records=1 made=1 malformed=5
seq 1 30 | splinterctl ingest -f lines - >out 2>err
point "of many faults ten are told" test "$(grep -c 'no TAB' err)" = 10
point "and the rest counted" grep -q '30 MALFORMED' out

# Too much for the store
printf 'aa\t1\nkey-of-17-bytes--\tx\nbb\t%065d\ncc\t2\n' 0 >long.tsv
run splinterctl ingest --json long.tsv
point "a key too long" fails 4 "line 2: key 'key-of-17-bytes--' of 17 bytes, value of 1: the store takes 16 and 64"
point "a value too long" fails 4 "line 3: key 'bb' of 2 bytes, value of 65"
point "the rest, of the long ones" counts records=4 made=2 too_long=2
run splinterctl ingest --json --strict long.tsv
point "--strict, of the long ones" counts records=2 too_long=1 stopped_line=2
store full --lanes 3 --value-max 64
seq 1 5 | sed 's/$/\tv/' >five.tsv
refuses "a full store" 4 "five.tsv: line 4: key '4': the store is full" splinterctl ingest --json five.tsv
point "stops" counts records=4 made=3 stopped_line=4
does "with the old keys intact" 0 3 splinterctl list --count
refuses "a store that isn't there" 3 "no such store" splinterctl -s file:nope ingest five.tsv

# Killed on the way
store killed --lanes 1M --value-max 64
for _ in 1 2 3 4 5; do
	seq 1 1000000 | sed 's/$/\tv/' | splinterctl ingest -q -f lines - 2>/dev/null &
	sleep 0.15
	kill -9 $!
	wait 2>/dev/null
done
splinterctl reap >/dev/null
point "killed in the middle: the store is sound" sound
finish
