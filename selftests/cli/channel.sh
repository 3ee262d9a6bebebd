#!/bin/bash
# SPDX-License-Identifier: MIT
#
# channel.sh - channel: what is sent is received, with its boundaries; ends, times, and what is refused. Channels of files,
# as here there is no module; those of stores are selftests/device/channel_cli.sh's.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

c=file:$tmp/c

json() {
	sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p" out
}

does "create" 0 "" splinterctl channel create "$c" --capacity 4K
refuses "create it again" 3 "there is such a channel already, of 4.00 KiB; use that, or take it away with \`splinterctl channel unlink\`" \
	splinterctl channel create "$c"
refuses "receive from it with another capacity" 3 "already, of 4.00 KiB" splinterctl channel recv "$c" -C -c 8K
does "send lines to nobody" 0 "" splinterctl channel send "$c" --lines <<<$'one\n\ntwo words'
run splinterctl channel show "$c" --interval 1ms --json
point "they wait" test "$(json depth_messages) $(json producer) $(json capacity)" = "3 gone 4096"
run splinterctl channel recv "$c" --count 1 --lines
point "one of them" gives 0 one
run splinterctl channel show "$c" --interval 1ms
point "one is no plural" grep -qE '^received +1 message, ' out
point "two are" grep -qE '^depth +2 messages, ' out
does "the others" 0 $'\ntwo words' splinterctl channel recv "$c" --lines
does "none, and nobody to wait for" 1 "" splinterctl channel recv "$c" --timeout 50ms
does "a type" 0 "" splinterctl channel send "$c" --type 7 <<<x
does "as JSON" 0 '{"type":7,"correlation":0,"length":2,"payload":"x\n"}' splinterctl channel recv "$c" --json

# Both at one time, far more than the ring holds.
seq 1 20000 >sent
splinterctl channel send "$c" --lines <sent &
run splinterctl channel recv "$c" --lines
wait
point "a stream of lines" cmp out sent
head -c 300000 /dev/urandom >sent
splinterctl channel send "$c" --size 1000 <sent &
run splinterctl channel recv "$c" --json
wait
point "messages of a size" test "$(grep -c '"length":1000,' out)" = 300
splinterctl channel send "$c" <sent &
run splinterctl channel recv "$c"
wait
point "bytes as they come" cmp out sent

does "time is up for who receives" 1 "" splinterctl channel recv "file:$tmp/new" --create --timeout 50ms
yes | head -c 100000 >sent
run splinterctl channel send "file:$tmp/new" --timeout 50ms <sent
point "a sender waits for the next receiver, not without end" gives 1

# An end whose process was killed: nobody but the kernel knows.
d=file:$tmp/dead
splinterctl channel create "$d"
splinterctl channel recv "$d" &
until run splinterctl channel show "$d" --interval 1ms --json && [[ $(json consumer) == taken ]]; do
	sleep 0.05
done
kill -KILL $!
wait $! 2>/dev/null
run splinterctl channel show "$d" --interval 1ms --json
point "a consumer that was killed has gone" test "$(json producer), $(json consumer)" = "never taken, gone"
splinterctl channel send "$d" <<<words
does "the next one receives what was sent since" 0 words splinterctl channel recv "$d"

does "unlink" 0 "" splinterctl channel unlink "$c"
refuses "what was unlinked" 3 "no such channel" splinterctl channel show "$c"
refuses "no channel at all" 3 "no such channel" splinterctl channel send "file:$tmp/none" </dev/null
for action in create send recv show unlink; do
	refuses "$action in no folder" 3 "nodir/x': there is no such folder" \
		splinterctl channel $action "file:$tmp/nodir/x" </dev/null
done
splinterctl channel create "$c" --capacity 4K
head -c 5000 /dev/zero | tr '\0' x >sent
refuses "a line that is too long" 4 "at most 2032 bytes" splinterctl channel send "$c" --lines <sent
refuses "a size that is too long" 4 "at most 2032 bytes" splinterctl channel send "$c" --size 2033 <sent
for capacity in 0 1000 2K 5000 2G; do
	refuses "a capacity of $capacity" 2 "--capacity is a power of two from 4K to 1G, not $capacity" \
		splinterctl channel create "file:$tmp/odd" -c $capacity
done
refuses "a capacity that is no size" 2 "'x' is not a number" splinterctl channel create "file:$tmp/odd" -c x
point "makes nothing" test ! -e odd
refuses "an action that isn't one" 2 "did you mean 'recv'?" splinterctl channel rcv "$c"
refuses "no channel given" 2 "create needs a channel" splinterctl channel create
refuses "a mode that isn't one" 2 "not octal" splinterctl channel create "file:$tmp/m" --mode 999
echo text >text
refuses "create it where there is such a file" 3 "this is no channel" splinterctl channel create "file:$tmp/text"
refuses "a file that is no channel" 3 "no channel" splinterctl channel show "file:$tmp/text"
store s --lanes 10 --value-max 64
refuses "a name in a store of a file" 3 "name the channel itself" splinterctl channel list
finish
