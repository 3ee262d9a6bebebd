#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench_help.sh - make bench BENCH=--help tells the options, and neither installs nor builds anything for it.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

for option in --help "--quick --help"; do
	run env -u MAKEFLAGS make --no-print-directory -C "$TOP" bench BENCH="$option" O="$tmp/built"
	point "make bench BENCH='$option'" gives 0
	point "says nothing of packages" test "$(head -c 6 out)" = usage:
	point "builds nothing" test ! -e built
done
sed -n 's/^\t\t{ "\([a-z]*\)", .*/--\1/p' "$TOP/tools/bench/main.c" | grep -vx -e --help >options
missing() {
	while read -r option; do
		grep -qF -- "$option" out || echo "$option"
	done <options
}
point "tells each option" test -s options -a -z "$(missing)"
finish
