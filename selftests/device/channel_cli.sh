#!/bin/bash
# SPDX-License-Identifier: MIT
#
# channel_cli.sh - splinterctl channel and top with the module: names in stores, the death of either end, rates. The rest of
# their behaviour is selftests/cli/channel.sh's.
# selftest-timeout: 300
set -u
# shellcheck source=selftests/cli/tap.bash
. "$TOP/selftests/cli/tap.bash"

export SPLINTER_STORE=dev:chan$$
splinterctl init --lanes 10 --value-max 64 >/dev/null || exit 1
does "create" 0 "" splinterctl channel create a --capacity 4K
refuses "create it again" 3 "there is such a channel already" splinterctl channel create a
does "send to nobody" 0 "" splinterctl channel send a --lines <<<$'one\ntwo'
run splinterctl channel list --json
point "list" grep -q '"name":"a",.*"producer":"gone","consumer":"-",.*"depth_bytes":128,"sent_messages":2' out
does "receive" 0 $'one\ntwo' splinterctl channel recv a --lines
seq 1 3000 >sent
splinterctl channel send a --lines <sent &
run splinterctl channel recv a --lines
wait
point "a stream" cmp out sent
splinterctl channel recv a --timeout 30 >got &
pid=$!
until splinterctl channel list --json | grep -q '"consumer":"taken"'; do sleep 0.1; done
refuses "the end is somebody's" 3 "somebody has that end" splinterctl channel recv a
mkfifo in
splinterctl channel send a --lines <in &
exec 9>in
echo first >&9
until grep -q first got; do sleep 0.1; done
sender=$(splinterctl channel list --json | sed -n 's/.*"tx_pid":\([0-9]*\).*/\1/p')
kill -9 "$sender"
run wait $pid
point "the sender's death ends the receiver" gives 0
run splinterctl top --once --interval 0.2
point "top" grep -qE '^ +[0-9]+ +[0-9]+ +4.00 KiB +0 +xx +0 ' out
run splinterctl top --once --interval 0.2 --json
point "top in JSON" grep -q '"channels":\[.*"name":"a"' out
does "unlink" 0 "" splinterctl channel unlink a
does "an empty list" 0 "" splinterctl channel list --json
splinterctl unlink "$SPLINTER_STORE"
finish
