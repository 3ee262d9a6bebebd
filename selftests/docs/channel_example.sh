#!/bin/bash
# SPDX-License-Identifier: MIT
#
# channel_example.sh - examples/channel runs as its README prints it, against an installed library, and says what it says.
set -u

# shellcheck source=selftests/docs/docs.bash
. "$(dirname "$(realpath "$0")")/docs.bash"
readme=$top/examples/channel/README.md
store=/dev/shm/splinter-numbers
litters "$store"
export PATH=$O/bin:$PATH LD_LIBRARY_PATH=$O/lib

as_printed() {
	block sh "$readme" >script
	sed -n '/^It prints/,/^Whoever/p' "$readme" | grep messages | sort >wanted
	PKG_CONFIG_PATH=$work/usr/lib/pkgconfig LD_LIBRARY_PATH=$work/usr/lib timeout 50 bash -ec "$(<script); wait" >said 2>&1
	sort said | diff wanted -
}

told_how() {
	[[ $(python3 consume.py 2>&1) == "usage: consume.py PATH" ]]
}

told_taken() {
	local holder said

	splinterctl channel create "file:$store" || return 1
	splinterctl channel recv "file:$store" >/dev/null &
	holder=$!
	sleep 1
	said=$(timeout 10 python3 consume.py "$store" 2>&1)
	kill $holder
	rm -f "$store"
	[[ $said == "consume.py: another consumer has this channel" ]] || { echo "$said"; return 1; }
}

cp "$top"/examples/channel/* "$work"
point "the library is installed" installed
point "the commands of the README print what it says" as_printed
point "without arguments, the consumer says how it is used" told_how
point "a second consumer says that there is one" told_taken
echo "1..$nr"
