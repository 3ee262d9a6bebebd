# SPDX-License-Identifier: MIT
#
# points.bash - what shell tests share: TAP's points, numbered, with what was said as comments. Sourced; tests of splinterctl
# have more, in cli/tap.bash.
# shellcheck shell=bash

nr=0

# comments: what comes in, as comments.
comments() {
	sed 's/^#* \?/# /'
}

# outcome STATUS NAME: a point; returns the status.
outcome() {
	nr=$((nr + 1))
	if (($1)); then echo "not ok $nr - $2"; else echo "ok $nr - $2"; fi
	return "$1"
}

# point NAME COMMAND...: a point that holds if the command succeeds; what it prints is shown if it doesn't.
point() {
	local said status=0

	said=$("${@:2}" 2>&1) || status=$?
	outcome $status "$1" || comments <<<"$said"
}
