#!/bin/bash
# SPDX-License-Identifier: MIT
#
# channel_example.sh - examples/channel runs as its README prints it, against an installed library, and says what it says.
set -u

here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
O=${O:-$top/build}
work=$(mktemp -d)
store=/dev/shm/splinter-numbers
trap 'rm -rf "$work" "$store"' EXIT
export PATH=$O/bin:$PATH LD_LIBRARY_PATH=$O/lib
nr=0

# Runs a command in the work folder; what it prints is shown if it fails.
point() {
	local name=$1 said
	shift

	nr=$((nr + 1))
	if said=$(cd "$work" && "$@" 2>&1); then
		echo "ok $nr - $name"
	else
		echo "not ok $nr - $name"
		# shellcheck disable=SC2001
		sed 's/^/# /' <<<"$said"
	fi
}

# The n-th block of the README after a fence that begins with $1.
block() {
	sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{//!p}" "$top/examples/channel/README.md"
}

installed() {
	make --no-print-directory -C "$top/libsplinterk" O="$O" PREFIX="$work/usr" install
}

as_printed() {
	block sh >script
	sed -n '/^It prints/,/^Whoever/p' "$top/examples/channel/README.md" | grep messages | sort >wanted
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
rm -f "$store"
point "the library is installed" installed
point "the commands of the README print what it says" as_printed
point "without arguments, the consumer says how it is used" told_how
point "a second consumer says that there is one" told_taken
echo "1..$nr"
