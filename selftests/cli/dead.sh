#!/bin/bash
# SPDX-License-Identifier: MIT
#
# dead.sh - a writer that was killed is told from one that lives, by stats, check and reap; an ingest or unset that is
# interrupted tells how far it came; a file that is cut while it is mapped is told, too.
# shellcheck source=selftests/cli/tap.bash
. "$(dirname "$(realpath "$0")")/tap.bash"

# slow_ingest SIGNAL [OPTION...]: records, then nothing more until a second has gone by and the signal comes.
slow_ingest() {
	mkfifo pipe
	{
		seq -f $'key number %g\tv' 90 # more than what is looked at before the first record
		sleep 3
	} >pipe 2>/dev/null &
	run timeout --preserve-status -s "$1" 1 splinterctl ingest "${@:2}" -f lines pipe
	kill $! 2>/dev/null
	rm pipe
}

store s --lanes 100 --value-max 16 --key-max 16
slow_ingest KILL
point "killed" gives 137 ""
run splinterctl stats
point "stats: a cell is taken" grep -qE '^writers +1$' out
point "stats: by a dead writer" grep -qE '^writers_dead +1$' out
run splinterctl check
point "check tells it" grep -qF "sound; 1 dead writer left something, which \`splinterctl reap\` clears" out
point "and is content" gives 0
run splinterctl reap
point "reap counts it" grep -qE '^1 dead writers? reaped' out
run splinterctl reap --json
point "once" gives 0 '{"writers":0,"finished":0,"undone":0,"alive":0,"unknown":0}'
run splinterctl stats --json
point "and its cell is free" grep -q '"writers":0,"writers_dead":0,' out

slow_ingest INT
point "Ctrl-C" gives 130
point "tells the totals so far" grep -qE '^90 records, .* 0 keys made, 90 replaced; INTERRUPTED at line 90$' out
point "and nothing else" test ! -s err
slow_ingest TERM --json
point "SIGTERM" gives 143
point "JSON" grep -qE '"records":90,.*"stopped_line":90,"interrupted":true,' out
point "the store is sound" sound
run splinterctl stats
point "and the writer is gone" grep -qE '^writers +0$' out

# catching PID: until splinterctl runs there and has a handler for SIGTERM, or has ended.
catching() {
	local status

	while [[ -e /proc/$1/exe ]]; do
		status=$(<"/proc/$1/status")
		[[ $status =~ Name:[[:space:]]splinterctl.*SigCgt:[[:space:]]([0-9a-f]+) ]] || continue
		((0x${BASH_REMATCH[1]} & 0x4000)) && break
	done 2>/dev/null
}

# A signal that comes while keys are deleted; if all were gone before it came, once more.
store many --lanes 300K --value-max 8 --key-max 16 --writers 2
for ((i = 0; i < 20; i++)); do
	seq -f $'%.0f\t.' 300000 | splinterctl ingest --quiet -f lines
	splinterctl unset --prefix '' >out 2>err &
	catching $!
	kill $!
	run_wait $!
	((code == 0)) || break
done
point "unset --prefix: SIGTERM" gives 143
point "tells that it is not done" fails 143 "INTERRUPTED; other keys that begin so may be left"
point "and how many keys it has deleted" test $(($(<out) + $(splinterctl list --count))) = 300000
point "not all" test "$(<out)" -lt 300000

# cut_under SUBCOMMAND OPERAND...: it has mapped a copy of store s, and the copy is cut; then come records, for who waits for them.
cut_under() {
	cp s under
	splinterctl "$1" --store file:under "${@:2}" >out 2>err &
	until grep -q '/under$' "/proc/$!/maps" || [[ ! -e /proc/$!/exe ]]; do :; done 2>/dev/null
	truncate -s 4096 under
	seq -f $'key number %g\tv' 90 >&3
	run_wait $!
	point "$1 of a store that is cut" fails 3 "splinterctl $1: the file of the store or channel was cut while it was in use"
}

mkfifo pipe
exec 3<>pipe
cut_under watch k --timeout 2
cut_under ingest --format lines pipe
finish
