#!/bin/bash
# SPDX-License-Identifier: MIT
#
# storm.sh - the kill storm on a store of the device: here the kernel knows who is dead, and repairs.
set -u

echo "1..2"
if "$O/selftests/storm/storm" --store dev:storm --seconds 25 >/tmp/storm.said 2>&1; then
	echo "ok 1 - nothing wedged, lost or leaked"
else
	echo "not ok 1 - nothing wedged, lost or leaked"
fi
sed 's/^#* */# /' /tmp/storm.said
# All lines of a terminal's progress aside, the last one counts what happened.
if grep -Eq '^storm: .* [1-9][0-9]* kills, [1-9][0-9]* stops, [1-9][0-9]* reaps, ' /tmp/storm.said; then
	echo "ok 2 - writers were killed, stopped and reaped"
else
	echo "not ok 2 - writers were killed, stopped and reaped"
fi
rm -f /tmp/storm.said
