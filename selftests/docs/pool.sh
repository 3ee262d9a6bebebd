#!/bin/bash
# SPDX-License-Identifier: MIT
#
# pool.sh - README.md's worker pool runs as printed, against an installed library: each job is done once, in C or in Python.
set -u

# shellcheck source=selftests/docs/docs.bash
. "$(dirname "$(realpath "$0")")/docs.bash"
readme=$top/README.md
store=/dev/shm/splinter-pool
litters "$store"
for_installed

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
	timeout 100 bash -c "$(block 'sh pool' "$readme")" >said 2>&1
	cat said
	[[ $(grep -cv ' lanes, \| done$' said) == 0 && $(grep -c ' done$' said) == 2 ]] &&
		(($(sed -n 's/ done$//p' said | paste -sd+) == 300))
}

block 'c pool\.c' "$readme" >pool.c
block 'python pool\.py' "$readme" >pool.py
rm -f "$store"
point "the library installs" installed
point "pool.c compiles without a warning" compiled
point "pool.c says that there is no store" says_so ./pool
point "pool.py says that there is no store" says_so python3 pool.py
point "300 jobs are done once each" as_printed
echo "1..$nr"
