#!/bin/bash
# SPDX-License-Identifier: MIT
#
# math.sh - integers from the command line: operations, limits, and what isn't one.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

store s --lanes 100 --value-max 64

splinterctl set n --int 12
does "and" 0 8 splinterctl math n and 10
does "or" 0 15 splinterctl math n or 0x7
does "xor" 0 0 splinterctl math n xor 017
does "inc" 0 1 splinterctl math n inc
does "dec" 0 0 splinterctl math n dec
does "not, signed by its type" 0 -1 splinterctl math n not
does "add of a negative number" 0 -6 splinterctl math n add -- -5
does "sub" 0 -16 splinterctl math n sub 10
does "get --int" 0 -16 splinterctl get --int n
does "JSON" 0 '{"key":"n","result":-15}' splinterctl math --json n inc
does "8 bytes, little-endian" 0 f1ffffffffffffff sh -c "splinterctl get n | od -An -tx1 | tr -d ' \n'"

does "a missing key" 1 "" splinterctl math fresh inc
does "which --create makes" 0 1 splinterctl math fresh inc --create
does "signed by default" 0 -1 splinterctl math fresh sub 2
does "get agrees" 0 -1 splinterctl get --int fresh
does "JSON agrees" 0 '{"key":"fresh","result":-2}' splinterctl math --json fresh dec
does "unsigned if told so" 0 18446744073709551615 splinterctl math -U fresh inc
does "get agrees on that, too" 0 18446744073709551615 splinterctl get --int --unsigned fresh
does "saturated" 0 18446744073709551615 splinterctl math -U fresh add 5 --saturate
does "wrapped" 0 4 splinterctl math -U fresh add 5
does "saturated at 0" 0 0 splinterctl math -U fresh sub 9 --saturate
does "not at 0 if signed" 0 -9 splinterctl math fresh sub 9 --saturate
splinterctl type fresh biguint
does "unsigned by its type" 0 18446744073709551607 splinterctl get --int fresh
does "in math as well" 0 18446744073709551608 splinterctl math fresh inc
does "signed if told so" 0 -8 splinterctl get --int -S fresh
refuses "both" 2 "exclude each other" splinterctl math -S -U fresh inc
refuses "a sign without --int" 2 "are for --int" splinterctl get -U fresh
splinterctl set top --int 9223372036854775807
does "saturated, signed" 0 9223372036854775807 splinterctl math top inc --saturate
splinterctl set big --int 18446744073709551615
does "the largest number" 0 18446744073709551615 splinterctl get --int big
does "its type" 0 biguint splinterctl type big

splinterctl set text hello
refuses "math on text" 4 "the value is not an integer of 8 bytes" splinterctl math text inc
does "changed nothing" 0 hello splinterctl get text
refuses "get --int of text" 4 "5 bytes" splinterctl get --int text
refuses "no such operation" 2 "did you mean 'xor'" splinterctl math n xro 1
refuses "no number" 2 "add needs a number" splinterctl math n add
refuses "a number too many" 2 "inc takes no number" splinterctl math n inc 1
refuses "not a number" 2 "not an integer" splinterctl math n add 1x
refuses "beyond 64 bits" 2 "not an integer of 64 bits" splinterctl math n add 18446744073709551616
refuses "a minus sign without --" 2 "put -- before" splinterctl math n add -5
finish
