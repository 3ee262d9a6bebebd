/* SPDX-License-Identifier: MIT */
/*
 * walk.h - leads one victim through its operation. At every instruction boundary a copy of it is killed there, another is
 * stopped while others work and then let go, and others are led on, instruction by instruction, in a store that was
 * changed under them. Deaths of two, and of reapers, are deaths.h's.
 */
#ifndef _SELFTESTS_TORTURE_WALK_H
#define _SELFTESTS_TORTURE_WALK_H

#include "judge.h"

#define VICTIM 1
#define STATES_MAX 512

/* Every different content of the store that the victim of a case went through, in order. */
struct states {
	int nr;
	struct snap *snap[STATES_MAX];
};

/* What others do before a dead writer is repaired. */
enum before_repair {
	NOTHING,
	MUCH, /* so that all lanes are used again */
	LITTLE, /* its lane replaced, and not yet used again */
	BEFORE_REPAIR_COUNT,
};

/* The victim is dead and the store as it left it. */
static UNUSED void judge_dead(const struct history *so_far, enum before_repair before)
{
	static struct history h;

	h = *so_far;
	if (before == MUCH)
		crowd_run(&h, &world.w, SCRIPT_ALL, 0);
	if (before == LITTLE) {
		set(&h, &world.w, KEY_K, 1);
		set(&h, &world.w, KEY_OTHER, 2);
	}
	repair(VICTIM);
	history_end(&h, &h.part[0], NULL);
	judge_rest(&h, VICTIM);
}

static UNUSED void kill_here(pid_t pid, const struct history *h, const struct snap *here)
{
	pid_t copy = victim_copy(pid);
	int before;

	place.kill = true;
	victim_kill(copy);
	tally.kills++;
	for (before = NOTHING; before < BEFORE_REPAIR_COUNT; before++) {
		judge_dead(h, before);
		snap_put(here);
	}
	place.kill = false;
}

/* The victim has come to its end: its reaper has nothing to do. */
static UNUSED void judge_done(struct history *h)
{
	history_end(h, &h->part[0], &world.tell[VICTIM]);
	repair(VICTIM);
	judge_rest(h, VICTIM);
}

static UNUSED void stop_here(pid_t pid, const struct history *so_far, const struct snap *here,
			     enum script script)
{
	static struct history h;
	pid_t copy = victim_copy(pid);

	h = *so_far;
	tally.stops++;
	crowd_run(&h, &world.w, script, draw(1, ~0ULL));
	if (let_go(copy, &h))
		judge_done(&h);
	snap_put(here);
}

/* Leads a copy on through a store that others have just changed: killed at every change of its, stopped now and then. */
static UNUSED void lead_on(pid_t pid, const struct history *h)
{
	static unsigned char seen[VDSO_BYTES];
	static struct history end;
	struct snap *here;
	long k = place.at;
	bool more = true, fresh = true, changed;

	memcpy(seen, vdso_seen, sizeof(seen));
	here = snap_new();
	for (; more; k++) {
		changed = fresh || snap_differs(here);
		fresh = false;
		snap_take(here);
		place.then = k;
		if (changed && wanted(k, options.only.then))
			kill_here(pid, h, here);
		if (wanted(k, options.only.then) && (options.replay || !draw(2, 64)))
			stop_here(pid, h, here, draw(3, SCRIPT_COUNT));
		more = step(pid);
	}
	end = *h;
	if (let_go(pid, &end))
		judge_done(&end);
	free(here);
	memcpy(vdso_seen, seen, sizeof(seen));
	place.then = -1;
}

/* Is the script to be run here and the victim led on afterwards? */
static bool leads_on(const struct job *job)
{
	if (options.replay)
		return options.only.then >= 0;
	return !draw(4, options.share * (__u64)(job->nr > 1 ? 4 : 1));
}

static bool stops_for(int script)
{
	return options.full || options.replay || script == SCRIPT_ALL ||
	       script == 1 + place.at % (SCRIPT_COUNT - 1);
}

static void at_boundary(pid_t pid, const struct history *h, const struct snap *here)
{
	static struct history changed;
	int script;

	tally.all++;
	if (!wanted(place.at, options.only.at))
		return;
	tally.boundaries++;
	if (options.only.script < 0)
		kill_here(pid, h, here);
	for (script = 0; script < SCRIPT_COUNT; script++) {
		place.script = script;
		if (!wanted(script, options.only.script) ||
		    (options.only.kill && options.only.then < 0))
			continue;
		if (stops_for(script) && options.only.then < 0)
			stop_here(pid, h, here, script);
		if (leads_on(h->part[0].job)) {
			pid_t copy = victim_copy(pid);

			changed = *h;
			crowd_run(&changed, &world.w, script, draw(1, ~0ULL));
			lead_on(copy, &changed);
			snap_put(here);
		}
	}
	place.script = -1;
}

/* One case from its first instruction to its last, @torture or not. Collects the states in @states. */
static UNUSED void walk(struct test_case *c, const struct model *start_model, struct states *states,
			bool torture)
{
	static struct history h;
	struct snap *here = snap_new();
	bool more = true;
	pid_t pid;

	memset(&h, 0, sizeof(h));
	h.start = *start_model;
	history_begin(&h, &c->job);
	place.op = c->name;
	place.kind = KIND_CASE;
	place.state = -1;
	place.partner = NULL;
	place.script = -1;
	place.then = -1;
	states->nr = 0;
	pid = start(&c->job, VICTIM, false);
	for (place.at = 0; more; place.at++) {
		cover(pid);
		snap_take(here);
		if (!states->nr || snap_differs(states->snap[states->nr - 1])) {
			if (states->nr == STATES_MAX)
				die("more than %d states", STATES_MAX);
			states->snap[states->nr] = snap_new();
			snap_take(states->snap[states->nr++]);
		}
		if (torture)
			at_boundary(pid, &h, here);
		more = step(pid);
	}
	/* The last boundary: done, but not yet gone. */
	snap_take(here);
	if (torture)
		at_boundary(pid, &h, here);
	if (let_go(pid, &h))
		judge_done(&h);
	snap_put(states->snap[0]);
	free(here);
}

#endif /* _SELFTESTS_TORTURE_WALK_H */
