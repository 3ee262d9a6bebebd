# SPDX-License-Identifier: MIT
#
# tap.bash - what the tests of splinterctl share: points of TAP, a store of their own, and a run with its output kept.
# Sourced; the tests are the *.sh beside it.
# shellcheck shell=bash

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export XDG_CONFIG_HOME=$tmp/config
unset SPLINTER_STORE
cd "$tmp" || exit 1

nr=0
code=0

# run COMMAND...: its output is in $tmp/out and $tmp/err, its exit status in $code.
run() {
	code=0
	"$@" >"$tmp/out" 2>"$tmp/err" || code=$?
}

# run_wait PID: the same for a command in the background, whose output went to out and err.
run_wait() {
	code=0
	wait "$1" 2>/dev/null || code=$?
}

# point NAME COMMAND...: a point that holds if the command succeeds.
point() {
	local name=$1
	shift

	nr=$((nr + 1))
	if "$@"; then
		echo "ok $nr - $name"
		return
	fi
	echo "not ok $nr - $name"
	echo "# failed: $*"
	echo "# status $code"
	sed 's/^/# out: /' "$tmp/out" | head -20
	sed 's/^/# err: /' "$tmp/err" | head -20
}

# gives CODE [OUT]: the last run ended so, and printed this.
gives() {
	[[ $code == "$1" ]] && { (($# < 2)) || [[ $(<"$tmp/out") == "$2" ]]; }
}

# fails CODE WORDS: the last run ended so, and said this on standard error.
fails() {
	[[ $code == "$1" ]] && grep -qF -- "$2" "$tmp/err"
}

# does NAME CODE OUT COMMAND...: a point for a run with its status and what it prints.
does() {
	local name=$1 want=$2 out=$3
	shift 3

	run "$@"
	point "$name" gives "$want" "$out"
}

# refuses NAME CODE WORDS COMMAND...: a point for a run that fails and says why.
refuses() {
	local name=$1 want=$2 words=$3
	shift 3

	run "$@"
	point "$name" fails "$want" "$words"
}

# store NAME [OPTION...]: a fresh one, which SPLINTER_STORE names.
store() {
	export SPLINTER_STORE=file:$tmp/$1
	rm -f "${tmp:?}/$1"
	splinterctl init "${@:2}" >/dev/null || exit 1
}

# total NAME: a count of the last ingest, which had --json.
total() {
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$tmp/out"
}

sound() {
	splinterctl check >"$tmp/check"
}

finish() {
	echo "1..$nr"
}
