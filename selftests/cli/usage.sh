#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage.sh - help, manual page and completion tell of every subcommand and option; what is mistyped is answered usefully.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

page=$TOP/tools/splinterctl/splinterctl.1
subcommands=$(splinterctl help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
point "help lists subcommands" test "$(wc -w <<<"$subcommands")" -ge 28

options_of() {
	splinterctl "$1" --help | sed -n 's/^  .*\(--[a-z][a-z-]*\).*  .*/\1/p'
}

# Its words, without what makes them bold.
man_text() {
	sed -e 's/\\f.//g' -e 's/\\-/-/g' -e 's/^\.[A-Z]* //' "$page"
}

man_text >text
for sub in $subcommands; do
	run splinterctl "$sub" --help
	point "$sub --help" gives 0
	grep -qE "^(\"?label )?$sub( |\$)|^$sub|splinterctl $sub" text || echo "$sub" >>missing
	for option in $(options_of "$sub"); do
		[[ $option == --help ]] || grep -qF -- "$option" text || echo "$sub $option" >>missing
	done
done
touch missing
run cat missing
point "the manual page has them all" test ! -s missing
if command -v groff >/dev/null; then
	run groff -man -Tutf8 -ww -z "$page"
	point "the manual page is well-formed" gives 0 ""
	point "without warnings" test ! -s err
fi

run splinterctl help get set
point "help of two" grep -q 'splinterctl set KEY' out
run splinterctl --version
point "--version" grep -qE '^splinterctl [0-9]+\.[0-9]+$' out
for option in --version --help "get --help" "help get"; do
	refuses "$option that can't be written" 5 "standard output: No space left on device" sh -c "splinterctl $option >/dev/full"
done
refuses "nothing" 2 "which subcommand?" splinterctl
refuses "a near miss" 2 "did you mean 'ingest'?" splinterctl ingset
refuses "a beginning" 2 "did you mean 'geometry'?" splinterctl geo
refuses "nothing near" 2 "there is no subcommand 'frobnicate'" splinterctl frobnicate
refuses "a mistyped option" 2 "did you mean --prefix?" splinterctl list --prefx a
refuses "an unknown letter" 2 "there is no option '-Z'" splinterctl list -Z
refuses "an option without its argument" 2 "needs an argument" splinterctl list --prefix
refuses "an argument too many" 2 "takes no argument" splinterctl list --count=3
refuses "an operand too many" 2 "an operand too many: 'x'" splinterctl list x
refuses "an operand too few" 2 "missing operand: splinterctl get KEY" splinterctl get
refuses "help of nothing" 2 "there is no subcommand 'x'" splinterctl help x
refuses "a device that isn't there" 3 "there is no $tmp/no; load the module" splinterctl --device "$tmp/no" get k
refuses "a device of another kind" 3 "/dev/null is not the module's device; load the module" splinterctl --device /dev/null get k
does "caps without a module" 0 "no: there is no $tmp/no" sh -c "splinterctl --device '$tmp/no' caps | sed -n 's/^module  *//p'"

# Completion, as bash asks for it.
complete() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_splinterctl 2>/dev/null
	printf '%s\n' "${COMPREPLY[@]}"
}
builtin complete -r 2>/dev/null
# shellcheck source=tools/splinterctl/splinterctl.bash
. "$TOP/tools/splinterctl/splinterctl.bash"
store s --lanes 10
splinterctl set apple 1
splinterctl set apricot 1
splinterctl set 'a b' 1
does "completes subcommands" 0 $'geometry\nget' eval 'complete splinterctl ge | sort'
does "completes options" 0 $'--since\n--store' eval 'complete splinterctl watch --s | sort'
does "completes keys" 0 $'apple\napricot' eval 'complete splinterctl get a | sort'
does "completes keys of --store" 0 apple complete splinterctl --store "$SPLINTER_STORE" get app
# As bash takes the line apart: before and after each = and :.
complete_line() {
	COMP_LINE=$1
	mapfile -t COMP_WORDS < <(sed -e 's/[:=]/ & /g' -e 's/  *$//' <<<"$1" | tr -s ' ' '\n')
	[[ $1 == *' ' ]] && COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
	_splinterctl 2>/dev/null
	printf '%s\n' "${COMPREPLY[@]}"
	COMP_LINE=
}
mkdir -p dir
touch dir/big dir/bigl dir/small
splinterctl set job:17 1
splinterctl set job:18 1
does "completes files after file:" 0 $'dir/big\ndir/bigl' eval 'complete_line "splinterctl --store file:dir/bi" | sort'
does "completes --format=" 0 $'csv\ncontrol' complete_line "splinterctl ingest --format=c"
does "completes keys with a colon" 0 $'17\n18' eval 'complete_line "splinterctl get job:1" | sort'
does "completes keys of --store=" 0 apple complete_line "splinterctl --store=$SPLINTER_STORE get app"
does "completes keys for type" 0 apple complete_line "splinterctl type app"
does "and then types" 0 $'bigint\nbiguint' complete_line "splinterctl type apple big"
does "completes -t as --type" 0 $'bigint\nbiguint' complete_line "splinterctl list -t big"
does "offers no keys as values" 0 "" complete_line "splinterctl set apple ap"
does "completes types" 0 $'bigint\nbiguint' complete splinterctl list --type big
finish
