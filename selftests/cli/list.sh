#!/bin/bash
# SPDX-License-Identifier: MIT
#
# list.sh - which keys list prints, and that nothing it prints does things to a terminal.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

sorted() {
	splinterctl list "$@" | LC_ALL=C sort | tr '\n' ' '
}

store s --lanes 100 --value-max 64
does "nothing in an empty store" 0 "" splinterctl list
for key in apple apricot Avocado banana "with space" größe 'back\slash'; do
	splinterctl set "$key" v
done
splinterctl set -x 1b5b324a ff
splinterctl set -e 'n\0l' v
splinterctl type banana json
splinterctl label set apple 3 4
splinterctl label set apricot 3

does "all" 0 'Avocado \e[2J apple apricot back\\slash banana größe n\x00l with space ' sorted
does "prefix" 0 "apple apricot " sorted --prefix ap
does "regex" 0 "apple banana " sorted --regex 'le$|^b.n'
does "regex in either case" 0 "Avocado apple apricot " sorted --regex '^a' --ignore-case
does "regex across a NUL" 0 'n\x00l ' sorted --regex '^n[^a]l$'
does "type" 0 "banana " sorted --type json
does "label" 0 "apple apricot " sorted --label 3
does "labels" 0 "apple " sorted --label 0x18
does "several conditions" 0 "apricot " sorted --label 3 --regex cot
does "count" 0 9 splinterctl list --count
does "count in JSON" 0 '{"count":2}' splinterctl list --count --json --prefix ap
does "what list prints, --key-escape reads" 0 v splinterctl get -e "$(splinterctl list --prefix n)"
does "keys as they are" 0 6e006c00 sh -c "splinterctl list -0 --prefix n | od -An -tx1 | tr -d ' \n'"
run splinterctl list --long --prefix banana
point "long" grep -qE '^ +1 +1 json +0x00 0x0{16} 20[0-9T:.+-]+  banana$' out
run splinterctl list --json --prefix banana
point "JSON" grep -qE '^\{"key":"banana","epoch":1,"length":1,"type":"json","flags":0,"labels":"0x0",' out
refuses "a regular expression that isn't one" 2 "--regex '('" splinterctl list --regex '('
refuses "two forms" 2 "one of --json" splinterctl list --json --long
finish
