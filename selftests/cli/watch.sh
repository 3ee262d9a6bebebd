#!/bin/bash
# SPDX-License-Identifier: MIT
#
# watch.sh - watch tells changes, comings and goings, and ends when it should.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

# watching FILE: until the watch has looked once, which its process's wait shows.
watching() {
	local i

	for ((i = 0; i < 100; i++)); do
		grep -q nanosleep "/proc/$1/wchan" 2>/dev/null && return
		sleep 0.02
	done
}

# lines N: until that many were told, or too much time went by.
lines() {
	local i

	for ((i = 0; i < 500; i++)); do
		(($(wc -l <told) >= $1)) && return
		sleep 0.02
	done
}

store s --lanes 10 --value-max 64
splinterctl set a one
does "time is up" 1 "" splinterctl watch a --timeout 50ms
does "a change since an epoch is told at once" 0 "a epoch 1 length 3" splinterctl watch a --oneshot --since 0
does "none since this one" 1 "" splinterctl watch a --oneshot --since 1 --timeout 0
splinterctl watch a --oneshot --values --timeout 10 >told &
pid=$!
watching $pid
splinterctl set a $'two\n'
run wait $pid
point "a change wakes it" test "$code $(<told)" = '0 a epoch 2 length 4 value two\n'
splinterctl watch a b --json --values --timeout 10 --interval 5ms >told &
pid=$!
watching $pid
splinterctl set b new
lines 1
splinterctl unset b
lines 2
splinterctl bump a
lines 3
kill $pid
wait $pid 2>/dev/null
cat >want <<'END'
{"key":"b","epoch":1,"length":3,"value":"new"}
{"key":"b","gone":true}
{"key":"a","epoch":3,"length":4,"value":"two\n"}
END
run cat told
point "a key comes, goes, another is bumped" cmp told want
refuses "not a time" 2 "not a number of seconds" splinterctl watch a --timeout soon
finish
