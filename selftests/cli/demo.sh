#!/bin/bash
# SPDX-License-Identifier: MIT
#
# demo.sh - the demo on the embedded backend: passes on sound records, and says so when a record is not there.
set -u

# shellcheck source=selftests/points.bash
. "$(dirname "$(realpath "$0")")/../points.bash"

# Keys of 1 to 60 bytes; every 50th record is long, every 40th is followed by another of its key.
awk 'BEGIN {
	for (i = 1; i <= 2000; i++) {
		key = sprintf("%d", i)
		while (length(key) < i % 60) key = key "-" i
		for (again = 0; again <= (i % 40 == 0); again++) {
			printf "Package: %s\nVersion: %d.%d\nDescription: number %d\n", key, i, again, i
			for (line = 0; line < (i % 50 == 0 ? 200 : i % 7); line++) printf " line %d of %d\n", line, i
			print ""
		}
	}
}' >"$TMPDIR/control"

"$TOP/tools/demo/run" --embedded --seconds 0.5 --kills 60 --source "$TMPDIR/control" >"$TMPDIR/out" 2>&1
status=$?
sed 's/^/# /' "$TMPDIR/out"
point "the demo passes" [ $status = 0 ]
point "its last line tells" [ "$(tail -1 "$TMPDIR/out")" = "demo: 2000 records verified, 60 kills, 0 lost, 0 leaked" ]
point "two stores for two kinds of records" grep -qE "packages-long: +[0-9,]+ lanes" "$TMPDIR/out"
point "repeated keys are counted" grep -qE "repeated keys .* 50$" "$TMPDIR/out"

# The verifier has to notice: a key less, a byte changed, a store that isn't one.
verify() { "$TOP/tools/demo/verify.py" "$TMPDIR/control" "$@" >"$TMPDIR/verify" 2>&1; }
store=$TMPDIR/store
splinterctl init "file:$store" --lanes 2000 --value-max 4096 --key-max 64 >/dev/null
splinterctl -s "file:$store" ingest --quiet --format control "$TMPDIR/control"
point "all records in one full store are verified" verify "$store"
splinterctl -s "file:$store" unset 1 >/dev/null
verify "$store"
point "a missing record fails it" [ $? = 1 ]
point "and is told" grep -q '^missing 1$' "$TMPDIR/verify"
splinterctl -s "file:$store" set 1 other >/dev/null
verify "$store"
point "a different record is told" grep -q '^differs 1$' "$TMPDIR/verify"
head -c 8192 /dev/zero >"$TMPDIR/zeros"
verify "$TMPDIR/zeros"
point "what is no store is refused" grep -q 'not a store' "$TMPDIR/verify"
echo "1..$nr"
