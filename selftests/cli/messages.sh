#!/bin/bash
# SPDX-License-Identifier: MIT
#
# messages.sh - what splinterctl advises fits what went wrong: a folder is no store to be unlinked, a typing error no lack of
# room, and the module's own store is neither made nor taken away.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

# silent WORDS: the last run didn't say this.
silent() {
	! grep -qF -- "$1" "$tmp/err"
}

store s --lanes 8 --value-max 16 --key-max 8
splinterctl set app 1

# The module's default store
for command in "unlink default" "destroy default" "init default" "init --store default"; do
	# shellcheck disable=SC2086
	refuses "$command" 3 "the default store is the module's" splinterctl $command
done
refuses "unlink without a name" 3 "lives as long" splinterctl unlink ''
does "a named one may be called so" 3 "" splinterctl --device "$tmp/no" unlink dev:default

# What is in the way of a new store
mkdir folder
echo hello >notstore
refuses "init on a folder" 3 "is a folder" splinterctl init file:folder
point "which is not to be unlinked" silent unlink
refuses "init on a file that is no store" 3 "there is a file that is no store" splinterctl init file:notstore
point "which is not to be unlinked either" silent "unlink"
refuses "init on a store" 3 "--or-open accepts it, \`unlink\` takes it away" splinterctl init file:s

# Files that are refused, and why
does "a channel" 0 "" splinterctl channel create file:ring
cp s cut
truncate -s 4096 cut
cp s stub
truncate -s 20 stub
cp s spoiled
printf '\377' | dd of=spoiled bs=1 seek=144 conv=notrunc status=none
cp ring halfring
truncate -s 5000 halfring
refuses "no store" 3 "this is no store; it was left" splinterctl --store file:notstore list
refuses "a channel" 3 "this is a channel, no store; it was left" splinterctl --store file:ring list
refuses "a store that was cut" 3 "this is a store that was cut: 4.00 KiB of " splinterctl --store file:cut list
refuses "in its first page" 3 "this is a store that was cut: 20 B of its first page are there" splinterctl --store file:stub list
refuses "a damaged store" 3 "this is a damaged store; it was left" splinterctl --store file:spoiled list
refuses "something that is no file" 3 "this is no store" splinterctl --store file:/dev/null list
refuses "init where a channel is" 3 "there is a file that is a channel, no store; nothing was changed" splinterctl init file:ring
refuses "no channel" 3 "this is no channel" splinterctl channel show file:notstore
refuses "a store" 3 "this is a store, no channel" splinterctl channel show file:s
refuses "a channel that was cut" 3 "this is a channel that was cut: 4.88 KiB of " splinterctl channel show file:halfring

# Specifications that are slips
refuses "a path without file:" 3 "did you mean file:/dev/shm/x?" splinterctl --store /dev/shm/x get a
refuses "another word in place of file" 3 "did you mean file:/dev/shm/x?" splinterctl --store fiel:/dev/shm/x get a
refuses "a relative path" 3 "did you mean file:a/b?" splinterctl --store a/b get a
refuses "init of a path" 3 "did you mean file:/dev/shm/x?" splinterctl init /dev/shm/x
refuses "unlink of a path" 3 "did you mean file:/dev/shm/x?" splinterctl unlink /dev/shm/x
refuses "a name with a slash" 3 "a name has no '/'" splinterctl --store dev:a/b get a
refuses "no path" 3 "file: needs a path" splinterctl --store file: get a
refuses "unlink of what isn't there" 3 "no such store" splinterctl unlink "file:$tmp/gone"
point "which need not be made first" silent init
if [[ $(id -u) != 0 ]]; then
	device=$tmp/forbidden
	: >"$device"
	chmod 0 "$device"
	refuses "stores without permission" 3 "(mode 0000, uid" splinterctl --device "$device" stores
	point "names no store" silent "store '"
fi

# Too much
refuses "memory, or room, that isn't there" 3 "it needs 9.48 TiB" splinterctl init file:huge --lanes 600M --value-max 16K
point "tells what there is" grep -qE "there are [0-9.]+ [KMGT]iB free; fewer --lanes, .* --writers and --spares" err
refuses "set: a long key" 4 "key 'long-long-key' of 13 bytes: the store takes 8" splinterctl set long-long-key v
refuses "set: a long value" 4 "value of 17 bytes: the store takes 16" splinterctl set k 12345678901234567

# Where to build
refuses "make: a folder that can't be" 2 "notstore/o can't be written; O= names another" \
	make --no-print-directory -C "$TOP" O="$tmp/notstore/o" user
refuses "selftests/run: a folder that can't be" 1 "notstore/o can't be written (Not a directory); O= names another" \
	env O="$tmp/notstore/o" "$TOP/selftests/run" cli

# Conditions and operands
refuses "a key for a label's groups" 2 "--label binds no key: 'app' is not a group" splinterctl bind --label 5 app
refuses "a key for the feed's" 2 "--feed binds no key: 'app' is not a group" splinterctl bind --feed app
refuses "set --absent" 1 "key 'app': the key exists" splinterctl set -a app 1
point "says nothing of lengths" silent bytes
refuses "set --epoch" 1 "key 'app': the key has another epoch" splinterctl set -E 99 app 1
refuses "an operand too many" 2 "an operand too many: 'z'; usage: splinterctl set KEY [VALUE|-]" splinterctl set x y z
refuses "a negative value" 2 "there is no option '-5'; put --" splinterctl set n -5
refuses "set --int" 2 "--int: 'app' is not an integer" splinterctl set --int app 5
refuses "math: no number" 2 "add: 'x' is not an integer" splinterctl math app add x
refuses "math: near" 2 "'ad' is no operation; did you mean 'add'?" splinterctl math n ad 3
refuses "math: far" 2 "'frobnicate' is no operation; there are and or" splinterctl math n frobnicate

# Modes
does "init --mode, whatever the umask" 0 666 sh -c 'umask 077; splinterctl init -m 666 file:open >/dev/null; stat -c %a open'
does "and without it" 0 600 sh -c 'umask 0; splinterctl init file:closed >/dev/null; stat -c %a closed'
finish
