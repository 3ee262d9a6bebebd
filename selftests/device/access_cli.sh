#!/bin/bash
# SPDX-License-Identifier: MIT
#
# access_cli.sh - splinterctl chmod and chown with the module. What they refuse without it is selftests/cli/stores.sh's.
set -u
# shellcheck source=selftests/cli/tap.bash
. "$TOP/selftests/cli/tap.bash"

# told: mode, owner and group of the store, as the list has them.
told() {
	splinterctl stores --json | sed -n "s/^{\"name\":\"$store\",.*\"uid\":\([0-9]*\),\"gid\":\([0-9]*\),\"mode\":\"\([0-7]*\)\".*/\3 \1 \2/p"
}

store=access$$
splinterctl init "dev:$store" --lanes 10 --value-max 64 >/dev/null || exit 1
point "as made" test "$(told)" = "0600 0 0"
does "chmod" 0 "" splinterctl chmod 0640 "$store"
point "the list tells" test "$(told)" = "0640 0 0"
does "chmod to nothing" 0 "" splinterctl chmod 0 "$store"
point "the list tells that" test "$(told)" = "0000 0 0"
does "chown" 0 "" splinterctl chown 1001:2001 "$store"
point "the list tells both" test "$(told)" = "0000 1001 2001"
does "chown by name" 0 "" splinterctl chown root "$store"
point "the group stays" test "$(told)" = "0000 0 2001"
does "chown of the group" 0 "" splinterctl chown :2002 "$store"
point "the owner stays" test "$(told)" = "0000 0 2002"
mode=$(stat -c %a /dev/splinter)
chmod 0666 /dev/splinter
other=(setpriv --reuid 1003 --regid 2003 --clear-groups splinterctl)
refuses "chmod by another" 3 "only its owner" "${other[@]}" chmod 0666 "$store"
refuses "chown by another" 3 "only its owner" "${other[@]}" chown 1003 "$store"
chmod "$mode" /dev/splinter
refuses "chmod of nothing" 3 "no such store" splinterctl chmod 0600 "no$store"
refuses "the default store" 3 "change /dev/splinter" splinterctl chown 1001 default
point "nothing came of these" test "$(told)" = "0000 0 2002"
does "unlink" 0 "" splinterctl unlink "$store"
finish
