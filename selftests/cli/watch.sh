#!/bin/bash
# SPDX-License-Identifier: MIT
#
# watch.sh - watch sleeps, tells changes, comings and goings, pulses of groups, and ends when it should.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

# watching PID THREADS: until all threads of the watch sleep.
watching() {
	local i

	for ((i = 0; i < 250; i++)); do
		(($(grep -l futex "/proc/$1"/task/*/wchan 2>/dev/null | wc -l) >= $2)) && return
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
watching $pid 1
splinterctl set a $'two\n'
run wait $pid
point "a change wakes it" test "$code $(<told)" = '0 a epoch 2 length 4 value two\n'
splinterctl watch a b --json --values --timeout 10 >told &
pid=$!
watching $pid 2
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
splinterctl bind --label 3 9 10
splinterctl watch --group 8,0x2 --label 3 b --json --timeout 10 >told &
pid=$!
watching $pid 2
splinterctl signal 8
lines 1
splinterctl label set a 3
lines 3
ticks=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
kill $pid
wait $pid 2>/dev/null
cat >want <<'END'
{"group":8,"pulses":1,"count":1}
{"group":9,"pulses":1,"count":1}
{"group":10,"pulses":1,"count":1}
END
run cat told
point "groups, by number and by label" cmp told want
point "it slept" test "$ticks" -le 2
splinterctl watch --group 8 --oneshot --timeout 10 >told &
pid=$!
watching $pid 1
splinterctl signal 8
run wait $pid
point "a pulse ends --oneshot" test "$code $(<told)" = '0 group 8 pulses 1 count 2'
# Who may read a store in a file, but not write it, can't sleep on it.
reader=(splinterctl)
[[ $(id -u) == 0 ]] && reader=(setpriv --bounding-set "-dac_override,-dac_read_search" splinterctl)
splinterctl init file:ro --lanes 10 --value-max 64 --feed 128 --mode 0644 >/dev/null
splinterctl -s file:ro set a one
splinterctl -s file:ro bind --feed 63
chmod 0444 ro
does "a reader reads" 0 one "${reader[@]}" -s file:ro get a
refuses "watch, as a reader" 3 "takes permission to write it" "${reader[@]}" -s file:ro watch a --timeout 0
refuses "feed --follow, as a reader" 3 "takes permission to write it" "${reader[@]}" -s file:ro feed --follow --timeout 0
does "feed, as a reader" 0 "set 1 0x0 a" "${reader[@]}" -s file:ro feed
chmod 0 ro
refuses "nor who may not even read" 3 "forbids it" "${reader[@]}" -s file:ro watch a --timeout 0
refuses "nothing to watch" 2 "watch what?" splinterctl watch
refuses "no such group" 2 "group '64' is neither" splinterctl watch --group 64
refuses "a label that is bound to nothing" 4 "bind --label 5" splinterctl watch --label 5
refuses "not a time" 2 "not a number of seconds" splinterctl watch a --timeout soon
finish
