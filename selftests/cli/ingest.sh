#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ingest.sh - sound input in every format, byte for byte, with duplicates; what is wrong with input is ingest_bad.sh's.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

# counts NAME=N...: the totals of the last ingest.
counts() {
	local pair

	for pair in "$@"; do
		[[ $(total "${pair%=*}") == "${pair#*=}" ]] || return 1
	done
}

store lines --lanes 1000 --value-max 1K
printf 'a\tone\nb\ttwo\twith TAB\n\nempty\t\nw\tCR\r\na\tthree\n' >in.tsv
run splinterctl ingest --json in.tsv
point "lines: ends well" gives 0
point "lines: totals" counts records=5 made=4 replaced=0 duplicates=1 malformed=0 too_long=0 bytes=43
does "lines: the last duplicate counts" 0 three splinterctl get a
does "lines: the first TAB divides" 0 $'two\twith TAB' splinterctl get b
does "lines: an empty value" 0 0 sh -c 'splinterctl get empty | wc -c'
point "lines: a CR is the value's" test "$(splinterctl get w | od -An -tx1)" = " 43 52 0d"
run splinterctl ingest --json --duplicates first in.tsv
point "again: keys are replaced" counts made=0 replaced=4 duplicates=1
does "--duplicates first" 0 one splinterctl get a
splinterctl set a mine
run splinterctl ingest --json --keep - --format lines < <(cat in.tsv; printf 'new\tv\n')
point "--keep" counts made=1 replaced=0 kept=4 duplicates=1
does "leaves alone what was there" 0 mine splinterctl get a
run splinterctl ingest --duplicates fail in.tsv
point "--duplicates fail" fails 5 "in.tsv: line 6: key 'a' stands earlier in the input"
run splinterctl ingest in.tsv
point "totals for people" grep -qE '^5 records, 43 B in [0-9.]+ s: 0 keys made, 4 replaced, 1 duplicate \(the last one counts\)$' out
point "no progress where no terminal is" test ! -s err
does "--quiet" 0 "" splinterctl ingest -q in.tsv
does "another delimiter" 0 "" splinterctl ingest -q -f lines -D = - <<<'d=e=f'
does "is the first one" 0 e=f splinterctl get d
run splinterctl ingest -f lines - <<<''
point "nothing but an empty line" fails 5 "no records in it"

store csv --lanes 1000 --value-max 1K
printf 'name,text\na,plain\n"b ""q""","with, comma\nand line"\r\nc, spaces kept \n' >in.csv
run splinterctl ingest --json in.csv
point "csv: totals" counts records=3 made=3 malformed=0
does "csv: quotes" 0 $'with, comma\nand line' splinterctl get 'b "q"'
does "csv: spaces belong to values" 0 " spaces kept " splinterctl get c
printf 'id;name;note\r\n1;one;first\r\n2;two;second\r\n' >in2.csv
run splinterctl ingest -D ';' -k name -v note in2.csv
does "csv: columns by name, CR LF" 0 second splinterctl get two
run splinterctl ingest -D ';' -k 3 -v 1 in2.csv
does "csv: columns by number" 0 2 splinterctl get second
run splinterctl ingest -D ';' --whole in2.csv
does "csv: whole record" 0 "1;one;first" splinterctl get 1
run splinterctl ingest --no-header --json in.csv
point "csv: no header" counts made=1 replaced=3
refuses "csv: three columns" 5 "line 1: 3 columns: which is the value? --value" splinterctl ingest -D ';' in2.csv
refuses "csv: no such column" 5 "no column 'nope'" splinterctl ingest -D ';' -k nope -v 1 in2.csv

store json --lanes 1000 --value-max 1K
cat >in.jsonl <<-'END'
	{"key":"a","value":"te\u0000xt\n"}

	{"key":"b","value":{"x":[1,true,null]},"id":7}
	{"key":"c","value_base64":"/wA=","id":8}
END
run splinterctl ingest --json in.jsonl
point "json: totals" counts records=3 made=3
does "json: a string's bytes" 0 74650078740a sh -c "splinterctl get a | od -An -tx1 | tr -d ' \\n'"
does "json: other values as JSON" 0 '{"x":[1,true,null]}' splinterctl get b
does "json: base64" 0 ff00 sh -c "splinterctl get c | od -An -tx1 | tr -d ' \n'"
run splinterctl ingest -f json --key id --whole - < <(grep id in.jsonl)
does "json: another member, whole record" 0 '{"key":"b","value":{"x":[1,true,null]},"id":7}' splinterctl get 7

store control --lanes 1000 --value-max 1K
printf '\n\nPackage: a\nVersion: 1\nDescription: x\n more\n .\n Package: no field\n\n\n# comment\nversion: 2\npackage:  b \n' >Packages
printf '\nPackage: a\nVersion: 3\n' >>Packages
run splinterctl ingest --json Packages
point "control: totals" counts records=3 made=2 duplicates=1 malformed=0
point "control: a record byte for byte" cmp <(splinterctl get b) <(printf '# comment\nversion: 2\npackage:  b \n')
point "control: last version counts" cmp <(splinterctl get a) <(printf 'Package: a\nVersion: 3\n')
run splinterctl ingest --json -f control --key version --duplicates first Packages
point "control: another field" counts made=3
printf 'Package: crlf\r\nX: y\r\n\r\nPackage: d\r\n' >crlf
run splinterctl ingest -f control crlf
point "control: CR LF" cmp <(splinterctl get crlf) <(printf 'Package: crlf\r\nX: y\r\n')

# Two stores: a key is in one of them.
splinterctl init file:long --lanes 10 --value-max 64K >/dev/null
{ printf 'k\t'; head -c 2000 /dev/zero | tr '\0' x; printf '\nshort\tv\n'; } >long.tsv
run splinterctl ingest --json --long-to file:long long.tsv
point "--long-to: totals" counts records=2 made=2 elsewhere=1 too_long=0
point "--long-to: the long one" test "$(splinterctl -s file:long get k | wc -c)" = 2000
does "--long-to: only there" 1 "" splinterctl exists k
printf 'k\tnow short\n' >short.tsv
run splinterctl ingest --json --long-to file:long short.tsv
does "now it is short" 0 "now short" splinterctl get k
does "and no longer there" 1 "" splinterctl -s file:long exists k
refuses "--long-to the same store" 2 "the same store" splinterctl ingest --long-to "$SPLINTER_STORE" short.tsv

if command -v script >/dev/null; then
	seq 1 300000 | sed 's/$/\tv/' >many.tsv
	store many --lanes 300000 --value-max 8
	script -qec "splinterctl ingest many.tsv" /dev/null </dev/null >terminal 2>&1
	point "progress on a terminal" grep -qE '\[#*\.*\] [0-9]+ %, .* records, [0-9]+/s, ETA [0-9:]+' terminal
	run splinterctl list --count
	point "all of 300,000" gives 0 300000
fi
point "the store is sound" sound
finish
