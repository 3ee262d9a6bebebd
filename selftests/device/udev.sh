#!/bin/bash
# SPDX-License-Identifier: MIT
#
# udev.sh - the installed udev rule gives the device to the group that the module's parameter names.
set -u

echo "1..2"
if ! command -v udevadm >/dev/null || [[ ! -x /lib/systemd/systemd-udevd ]]; then
	echo "ok 1 - the group of the parameter # SKIP udev is not installed"
	echo "ok 2 - the mode of the parameter # SKIP udev is not installed"
	exit 0
fi

mkdir -p /run/udev/rules.d
cp "$TOP/tools/setup/60-splinter.rules" /run/udev/rules.d/
/lib/systemd/systemd-udevd --daemon >/dev/null 2>&1
trap 'pkill -x systemd-udevd' EXIT

rmmod splinter && insmod "$SPLINTER_KO" gid=20 mode=0640
udevadm settle --timeout=60
for _ in {1..100}; do
	[[ $(stat -c %g /dev/splinter) == 20 ]] && break
	sleep 0.1
done
point() {
	if [[ $2 == "$3" ]]; then echo "ok $1 - $4"; else echo "not ok $1 - $4"; echo "# $2 instead of $3"; fi
}
point 1 "$(stat -c %g /dev/splinter)" 20 "the group of the parameter"
point 2 "$(stat -c %a /dev/splinter)" 640 "the mode of the parameter"
