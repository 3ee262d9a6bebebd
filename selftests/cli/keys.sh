#!/bin/bash
# SPDX-License-Identifier: MIT
#
# keys.sh - values go in and out byte for byte, keys too, and what is known of keys besides their values.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

store s --lanes 100 --value-max 1K --key-max 32

does "set is silent" 0 "" splinterctl set a hello
does "get gives the value" 0 hello splinterctl get a
point "get adds no line break" test "$(splinterctl get a | wc -c)" = 5
refuses "get of a missing key" 1 "key 'nope': no such key" splinterctl get nope
does "an empty value is a value" 0 "" splinterctl set empty ""
point "its length is 0" test "$(splinterctl get empty | wc -c)" = 0
does "options may follow operands" 0 '{"key":"a","epoch":2,"length":3}' splinterctl set a new --json

head -c 1024 /dev/urandom >bytes
run splinterctl set bin - <bytes
point "set - takes any bytes" gives 0 ""
splinterctl get bin >back
point "get gives them back" cmp bytes back
does "set --file too" 0 "" splinterctl set bin2 --file bytes
splinterctl get bin2 >back
point "the same bytes" cmp bytes back
run splinterctl get bin --json
point "not UTF-8 goes as base64" grep -qF "\"value_base64\":\"$(base64 -w0 bytes)\"" out
head -c 1025 /dev/zero >long
refuses "a value that is too long by a byte" 4 "longer than the store's longest value, 1024 bytes" \
	splinterctl set bin --file long
splinterctl get bin >back
point "changed nothing" cmp bytes back
refuses "a key that is too long" 4 "the store takes" splinterctl set "$(printf '%033d' 0)" v
refuses "an empty key" 2 "at least one byte" splinterctl set "" v
refuses "a file that isn't there" 5 "No such file" splinterctl set a --file nowhere
refuses "no value" 2 "one value" splinterctl set a
refuses "two values" 2 "one value" splinterctl set a b --int 3

does "a key with NUL, escaped" 0 "" splinterctl set -e 'k\0\xffz' v
does "the same in hexadecimal" 0 v splinterctl get -x 6b00ff7a
does "another one without" 0 "" splinterctl exists a
does "exists: no" 1 "" splinterctl exists a nope
refuses "half a hexadecimal byte" 2 "pairs of hexadecimal digits" splinterctl get -x 6b0
refuses "an escape that isn't one" 2 "after a backslash" splinterctl get -e 'k\q'

does "--absent: there" 1 "" splinterctl set a x --absent
does "--present: not there" 1 "" splinterctl set nope x --present
does "--epoch: another" 1 "" splinterctl set a x --epoch 1
does "--epoch: this one" 0 "" splinterctl set a x --epoch 2
does "that was published" 0 x splinterctl get a
refuses "two conditions" 2 "one of --absent" splinterctl set a x --absent --epoch 2

does "append" 0 "" splinterctl append a yz
does "append of standard input" 0 "" splinterctl append a - <<<" in"
does "all of it" 0 "xyz in" splinterctl get a
does "append makes a key" 0 "" splinterctl append fresh v
does "unless told not to" 1 "" splinterctl append nope v --present
refuses "append beyond the longest value" 4 "longer than" splinterctl append bin x
does "bump" 0 '{"key":"fresh","epoch":2}' splinterctl bump fresh --json
does "bump keeps the value" 0 v splinterctl get fresh

does "type void at first" 0 void splinterctl type a
does "type named" 0 "" splinterctl type a json
does "type told" 0 json splinterctl type a
refuses "no such type" 2 "types are: void" splinterctl type a text
does "flags" 0 "" splinterctl flags a --set 0x81
does "flags, one cleared" 0 "" splinterctl flags a --clear 1
does "flags told" 0 0x80 splinterctl flags a
does "label set" 0 "" splinterctl label set a 0 5 63
does "labels told" 0 "0 5 63" splinterctl label get a
does "test-and-set of a label that is set" 1 "" splinterctl label test-and-set a 5
does "test-and-set of one that isn't" 0 "" splinterctl label test-and-set a 7
does "swap" 0 "" splinterctl label swap a 0 1
does "swap again" 1 "" splinterctl label swap a 0 1
refuses "swap of a label with itself" 2 "have a label in common" splinterctl label swap a 1 1
refuses "swap of masks that overlap" 2 "have a label in common" splinterctl label swap a 0x3 1
does "label clear by mask" 0 "" splinterctl label clear a 0x8000000000000080
does "labels after all that" 0 '{"key":"a","labels":"0x22"}' splinterctl label get a --json
refuses "label 64" 2 "from 0 to 63" splinterctl label set a 64
does "attributes outlive a set" 0 "" splinterctl set a other
run splinterctl head a --json
point "head tells all" grep -qE '^\{"key":"a","epoch":6,"length":5,"type":"json","flags":128,"labels":"0x22","ctime_ns":[0-9]+,"mtime_ns":[0-9]+\}$' out

does "unset" 0 "" splinterctl unset a fresh
refuses "unset of a missing key goes on" 1 "key 'a': no such key" splinterctl unset a empty
does "with the others" 1 "" splinterctl exists empty
splinterctl set p:1 x
splinterctl set p:2 x
does "unset --prefix" 0 2 splinterctl unset --prefix p:
point "the store is sound" sound

store full --lanes 3 --value-max 8
for i in 1 2 3; do splinterctl set "k$i" "v$i"; done
refuses "a full store" 4 "the store is full" splinterctl set k4 v
does "its old keys are intact" 0 v1v2v3 sh -c "splinterctl get k1; splinterctl get k2; splinterctl get k3"
does "one of them can be set" 0 "" splinterctl set k2 new
does "one delete" 0 "" splinterctl unset k1
does "makes one insert possible" 0 "" splinterctl set k4 v
does "and no more" 4 "" splinterctl set k5 v
if [[ -w /dev/full ]]; then
	run sh -c 'splinterctl get k2 >/dev/full'
	point "output that can't be written" fails 5 "standard output: No space left"
fi
finish
