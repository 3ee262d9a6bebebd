#!/bin/bash
# SPDX-License-Identifier: MIT
#
# signal.sh - bind, signal, feed and lists by label: what is bound, what is told, and what a store must have been made with.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

# lines N: until that many were told, or too much time went by.
lines() {
	local i

	for ((i = 0; i < 500; i++)); do
		(($(wc -l <told) >= $1)) && return
		sleep 0.02
	done
}

store plain --lanes 10 --value-max 64
splinterctl set a one
refuses "keys of a plain store can't be bound" 4 "init --watch" splinterctl bind a 3
refuses "nor asked for it" 4 "init --watch" splinterctl bind a
refuses "it has no feed" 4 "init --feed" splinterctl feed
refuses "its feed can't be bound" 4 "init --feed" splinterctl bind --feed 1
does "labels can be bound" 0 "" splinterctl bind --label 1 3
refuses "a feed of no power of two" 2 "a power of two" splinterctl init "file:$tmp/x" --feed 1000
refuses "a feed too short" 2 "128 to" splinterctl init "file:$tmp/x" --feed 64

store s --lanes 100 --value-max 64 --watch --feed 1K
splinterctl set a one
splinterctl set b two
does "bound to nothing" 0 "none" splinterctl bind a
does "bind a key" 0 "" splinterctl bind a 3 0x21
does "it tells" 0 "0 3 5" splinterctl bind a
does "in JSON" 0 '{"key":"a","groups":"0x29"}' splinterctl bind --json a
does "unbind" 0 "" splinterctl bind --unbind a 3
does "it is gone" 0 "0 5" splinterctl bind a
does "bind a label" 0 "" splinterctl bind --label 7 9
does "it tells" 0 '{"label":7,"groups":"0x200"}' splinterctl bind --json --label 7
does "bind comings and goings" 0 "" splinterctl bind --keys 63
does "they tell" 0 "63" splinterctl bind --keys
refuses "no such key" 1 "key 'x'" splinterctl bind x 3
refuses "no such group" 2 "group '64' is neither a number from 0 to 63" splinterctl bind a 64
refuses "no group at all" 2 "group 'three'" splinterctl signal three
refuses "no such label" 2 "--label" splinterctl bind --label 64 3
refuses "two at once" 2 "one of --label, --keys and --feed" splinterctl bind --keys --feed
refuses "neither" 2 "which key?" splinterctl bind
refuses "unbind from nothing" 2 "--unbind needs groups" splinterctl bind --unbind a
does "signal" 0 "" splinterctl signal 9 0x6

splinterctl label set a 1 2
splinterctl label set b 2
does "keys with a label" 0 $'a\nb' eval 'splinterctl label list 2 | sort'
does "with both" 0 a splinterctl label list 1 2
does "in JSON" 0 '{"key":"a","labels":"0x6"}' splinterctl label list --json 1
does "none" 0 "" splinterctl label list 40
refuses "of no label" 2 "missing operand" splinterctl label list

does "the keys that are there" 0 $'set 1 0x4 b\nset 1 0x6 a' eval 'splinterctl feed | sort'
refuses "to sleep, the feed is bound" 4 "bind --feed 63" splinterctl feed --follow
refuses "a time without sleep" 2 "needs --follow" splinterctl feed --timeout 1
splinterctl bind --feed 63
does "nothing new" 1 "" splinterctl feed --follow --new --timeout 20ms
splinterctl feed --follow --new --json --timeout 10 >told &
pid=$!
for ((i = 0; i < 250; i++)); do
	grep -q futex "/proc/$pid/wchan" 2>/dev/null && break
	sleep 0.02
done
splinterctl set c three
lines 1
splinterctl label set c 5
lines 2
splinterctl unset c
lines 3
kill $pid
wait $pid 2>/dev/null
cat >want <<'END'
{"change":"set","key":"c","epoch":1,"labels":"0x0"}
{"change":"labels","key":"c","epoch":1,"labels":"0x20"}
{"change":"gone","key":"c","epoch":1,"labels":"0x0"}
END
run cat told
point "changes, as they come" cmp told want
point "the store is sound" sound
finish
