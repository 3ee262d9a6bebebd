#!/bin/bash
# SPDX-License-Identifier: MIT
#
# pool.sh - README.md's worker pool runs as printed, against an installed library: each job is done once, in C or in Python.
set -u

here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
O=${O:-$top/build}
store=/dev/shm/splinter-pool
work=$(mktemp -d)
trap 'rm -rf "$work" "$store"' EXIT
export PKG_CONFIG_PATH=$work/usr/lib/pkgconfig LD_LIBRARY_PATH=$work/usr/lib PATH=$O/bin:$PATH
cd "$work" || exit 1
nr=0

# Runs a command; what it prints is shown if it fails.
point() {
	local name=$1 said
	shift

	nr=$((nr + 1))
	if said=$("$@" 2>&1); then
		echo "ok $nr - $name"
	else
		echo "not ok $nr - $name"
		# shellcheck disable=SC2001
		sed 's/^/# /' <<<"$said"
	fi
}

# The block of the README after a fence that says $1.
block() {
	sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{//!p}" "$top/README.md"
}

installed() {
	make --no-print-directory -C "$top/libsplinterk" O="$O" PREFIX="$work/usr" install
}

compiled() {
	# shellcheck disable=SC2046
	cc -Wall -Wextra -Werror pool.c -o pool $(pkg-config --cflags --libs libsplinterk)
}

# Without a store there is a message, and no success.
says_so() {
	local said

	said=$("$@" 2>&1) && return 1
	[[ $said == "pool: No such"* ]] || { echo "$said"; return 1; }
}

# What it prints besides the two counts would be keys that somebody died with, or errors.
as_printed() {
	timeout 100 bash -c "$(block 'sh pool')" >said 2>&1
	cat said
	[[ $(grep -cv ' lanes, \| done$' said) == 0 && $(grep -c ' done$' said) == 2 ]] &&
		(($(sed -n 's/ done$//p' said | paste -sd+) == 300))
}

block 'c pool\.c' >pool.c
block 'python pool\.py' >pool.py
rm -f "$store"
point "the library installs" installed
point "pool.c compiles without a warning" compiled
point "pool.c says that there is no store" says_so ./pool
point "pool.py says that there is no store" says_so python3 pool.py
point "300 jobs are done once each" as_printed
echo "1..$nr"
