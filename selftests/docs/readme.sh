#!/bin/bash
# SPDX-License-Identifier: MIT
#
# readme.sh - README.md: its examples run as printed, against an installed library, and what it names is there.
set -u

# shellcheck source=selftests/docs/docs.bash
. "$(dirname "$(realpath "$0")")/docs.bash"
readme=$top/README.md
litters /dev/shm/splinter-{hello,jobs,talk}

has_one_block() {
	[[ $(grep -c "^\`\`\`$1\$" "$readme") == 1 && $(block "$1" "$readme" | wc -l) -le $2 ]]
}

# The command of the README that has these words.
command_of() {
	block sh "$readme" | grep -F -- "$1"
}

prints() {
	local want=$1 said
	shift

	said=$("$@" 2>&1)
	[[ $said == "$want" ]] || { echo "printed: $said"; return 1; }
}

compiled() {
	prints "" sh -c "$(command_of 'cc hello.c' | sed 's/^cc /cc -Wall -Wextra -Werror /')"
}

# The words of standard input, each given to a check that says what it means if one isn't there.
each() {
	local bad=0 word

	while read -r word; do
		"$@" "$word" || { echo "not there: $word"; bad=1; }
	done
	return $bad
}

is_place() { [[ -e $top/$1 ]]; }
is_goal() { grep -qE "^(\.PHONY:.* )?$1\b" "$top/Makefile" "$top/tools/setup/install.mk"; }
is_parameter() { grep -qE "^module_param\($1," "$top/kmod/main.c"; }
is_told() { names_under Installation | grep -qx "$1"; }
is_file() { grep -qE "\b(${1%N})\b|\"${1%N}%d\"" "$top/kmod/sysfs.c"; }

places() {
	{
		grep -oE '\]\([^)#:]+\)' "$readme" | tr -d '])('
		names_under 'Layout of the repository'
	} | each is_place
}

goals() {
	grep -oE '(`|    |&& sudo )make [a-z]+\b' "$readme" | sed 's/.*make //' | sort -u | each is_goal
}

# First columns of the table that follows a heading.
names_under() {
	sed -n "/^## $1/,/^## [^$1]/p" "$readme" | sed -n 's/^| \(`[^|]*\) |.*/\1/p' | tr -d '`,' | tr ' ' '\n' | grep .
}

parameters() {
	names_under Installation | each is_parameter &&
		sed -nE 's/^module_param\(([a-z_]+).*/\1/p' "$top/kmod/main.c" | each is_told
}

sysfs_files() {
	names_under 'Reading the statistics' | each is_file
}

# geometry OPTION...: "lanes with spares" and bytes of such a store.
geometry() {
	rm -f "$work/sized"
	splinterctl init "file:$work/sized" "$@" >/dev/null &&
		splinterctl --json --store "file:$work/sized" geometry | sed -E 's/.*"lanes_total":([0-9]+).*"bytes":([0-9]+).*/\1 \2/'
}

# Rows of the table "splinterctl init": options, a sum and what it is, bytes.
sizes() {
	local bad=1 options sum lanes bytes

	while IFS='|' read -r _ options sum bytes _; do
		options=${options//\`/} sum=${sum//×/*} bytes=${bytes//[, ]/} lanes=${sum#*=}
		# shellcheck disable=SC2086
		[[ $((${sum%=*})) == "${lanes// /}" && $(geometry $options) == "${lanes// /} $bytes" ]] ||
			{ echo "$options: not $sum, $bytes"; return 1; }
		bad=0
	done < <(sed -n "/^| .splinterctl init. |/,/^\$/{/^| .--/p}" "$readme")
	return $bad
}

# The text over that table, for stores of all kinds.
bounds() {
	local lanes key value writers spares all bytes most

	for lanes in 1 1000 50000; do for key in 1 9 1024; do for value in 8 77 1024; do for writers in 1 64 1000; do for spares in 2 4; do
		read -r all bytes < <(geometry --lanes $lanes --key-max $key --value-max $value --writers $writers --spares $spares)
		most=$((all * (key + value + 128) + 192 * writers + (20 + 24) * 1024))
		((all * (key + value + 48) < 2 << 20)) || most=$((most + (2 << 20)))
		((all == lanes + writers * spares && bytes <= most)) ||
			{ echo "$lanes $key $value $writers $spares: $bytes, not $most"; return 1; }
	done; done; done; done; done
}

# Line by line by hand, so the watcher sleeps before the next one.
waiting() {
	timeout 50 bash -ec "$(block 'sh waiting' "$readme" | sed 's/ &$/ \& sleep 2/'); wait" | grep -v lanes | sort
}

# What every goal needs is what building needs.
is_named() { grep -q "\`$1\`" "$readme"; }
packages() {
	sed -n '/END/,/END/p' "$top/tools/setup/install" | awk 'NF == 2 { print $2 }' | grep -- '-dev$' | grep -v '^libc6-dev$' |
		each is_named
}

block c "$readme" >hello.c
block python "$readme" >hello.py
for_installed

point "a C example of at most 30 lines" has_one_block c 30
point "a Python example of at most 20 lines" has_one_block python 20
point "the library installs" installed
point "hello.c compiles as told, without a warning" compiled
point "hello.c runs" prints "hello, world (1)" ./hello
point "hello.c runs again, on the store that is there" prints "hello, world (2)" ./hello
point "hello.py finds both keys" prints "greeting b'hello, world'
runs b'\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x00'" sh -c "$(command_of hello.py) | sort"
point "splinterctl lists them" prints "greeting
runs" sh -c "$(command_of splinterctl) | sort"
point "waiting, feed and channel print what it says" prints "group 5 pulses 1 count 1
hello
set 1 0x2 job1" waiting
point "files and folders that it names exist" places
point "goals that it names exist" goals
point "parameters are the module's" parameters
point "files of statistics are the module's" sysfs_files
point "packages that building needs are named" packages
point "sizes of stores are as computed" sizes
point "memory stays within the limit" bounds
echo "1..$nr"
