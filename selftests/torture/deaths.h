/* SPDX-License-Identifier: MIT */
/*
 * deaths.h - two deaths, and reapers that die: for every content of the store at which the victim of a case may have died,
 * a second process works on the same keys and is killed at every change that it makes, and both are repaired in
 * either order; and the repair itself is stopped and killed. One victim is walk.h's.
 *
 * A dead process has no private memory, so that what others find depends on the content of the store alone: boundaries
 * between which it doesn't change are one place to die at.
 */
#ifndef _SELFTESTS_TORTURE_DEATHS_H
#define _SELFTESTS_TORTURE_DEATHS_H

#include "access.h"
#include "walk.h"

#define SECOND 2

/* What the second process does. Values are made by deaths_prepare(). */
static struct job partners[] = {
	{ "set", false, 1, { { ACT_SET, KEY_K, 0, 0, 0 } } },
	{ "delete", false, 1, { { ACT_DELETE, KEY_K, 0, 0, 0 } } },
	{ "neighbour", false, 1, { { ACT_SET, KEY_NEW0, 0, 0, 0 } } },
	{ "bump", false, 1, { { ACT_BUMP, KEY_K, 0, 0, 0 } } },
	{ "label", false, 1, { { ACT_LABEL, KEY_K, 0, 0, 1 << 5 } } },
};

#define NR_PARTNERS ((int)(sizeof(partners) / sizeof(partners[0])))

static UNUSED void deaths_prepare(void)
{
	int i;

	for (i = 0; i < NR_PARTNERS; i++)
		partners[i].act[0].value = value_make(80 + (__u32)i, 40);
}

/* Both are dead: repair after them, the one @first or the other, with a look in between. */
static void judge_two(const struct history *so_far, bool first)
{
	static struct history h;
	struct spl_writer heir;
	int i, v;

	h = *so_far;
	for (i = 0; i < 2; i++) {
		v = first ? i : 1 - i;
		repair(v ? SECOND : VICTIM);
		history_end(&h, &h.part[v], NULL);
		if (!i) {
			get(&h, &world.w, KEY_K);
			/* An heir declares something else, and leaves alone the lane that its forerunner replaced. */
			spl_writer_init(&heir, &world.s, v ? SECOND : VICTIM);
			heir.next = 1;
			set(&h, &heir, KEY_OTHER, 1);
		}
	}
	judge_rest(&h, first ? VICTIM : SECOND);
}

static void kill_second(pid_t pid, const struct history *h, const struct snap *here)
{
	pid_t copy = victim_copy(pid);

	place.kill = true;
	victim_kill(copy);
	tally.kills++;
	judge_two(h, true);
	snap_put(here);
	judge_two(h, false);
	snap_put(here);
	place.kill = false;
}

/* The second process is alive; the first is repaired while it stands here; then it goes on. */
static void reap_beside(pid_t pid, const struct history *so_far, const struct snap *here)
{
	static struct history h;
	pid_t copy = victim_copy(pid);

	h = *so_far;
	tally.stops++;
	repair(VICTIM);
	history_end(&h, &h.part[0], NULL);
	get(&h, &world.w, KEY_K);
	if (let_go(copy, &h)) {
		history_end(&h, &h.part[1], &world.tell[SECOND]);
		repair(SECOND);
		judge_rest(&h, VICTIM);
	}
	snap_put(here);
}

static bool sampled(__u64 often)
{
	return options.replay || options.full || !draw(0, often);
}

/* The first died in this state; leads the second through its operation. */
static void pair(const struct test_case *c, const struct model *start_model, struct job *partner)
{
	static struct history h;
	struct snap *here = snap_new();
	bool more = true, changed = true;
	pid_t pid;

	memset(&h, 0, sizeof(h));
	h.start = *start_model;
	history_begin(&h, &c->job);
	history_begin(&h, partner);
	place.partner = partner->name;
	pid = start(partner, SECOND, false);
	access_close(pid);
	for (place.at = 0; more; place.at++) {
		more = access_next(pid);
		snap_take(here);
		access_open(pid);
		tally.boundaries++;
		tally.all++;
		if (wanted(place.at, options.only.at)) {
			if (changed || !more)
				kill_second(pid, &h, here);
			if (changed || sampled(8))
				reap_beside(pid, &h, here);
		}
		if (more)
			access_make(pid);
		access_close(pid);
		changed = snap_differs(here);
	}
	victim_kill(pid);
	free(here);
	place.partner = NULL;
}

static UNUSED void pairs(const struct test_case *c, const struct model *start_model,
			 const struct states *states)
{
	int i, k;

	place.op = c->name;
	place.kind = KIND_PAIR;
	tally.runs_all += (unsigned long)(states->nr * NR_PARTNERS);
	for (i = 0; i < states->nr; i++) {
		for (k = 0; k < NR_PARTNERS; k++) {
			place.state = i;
			if (!wanted(i, options.only.state) ||
			    (options.only.partner &&
			     strcmp(options.only.partner, partners[k].name)) ||
			    (!options.full && !options.replay && draw((__u64)k, 12)))
				continue;
			tally.runs++;
			snap_put(states->snap[i]);
			pair(c, start_model, &partners[k]);
		}
	}
	place.state = -1;
}

/* The reaper stands here: killed, and another repairs; or stopped while others work, and then it goes on. */
static void reaper_here(pid_t pid, const struct history *so_far, const struct snap *here,
			bool changed)
{
	static struct history h;
	pid_t copy;
	int before;

	if (changed) {
		copy = victim_copy(pid);
		place.kill = true;
		victim_kill(copy);
		tally.kills++;
		for (before = NOTHING; before < BEFORE_REPAIR_COUNT; before++) {
			judge_dead(so_far, before);
			snap_put(here);
		}
		place.kill = false;
	}
	if (!changed && !sampled(16))
		return;
	copy = victim_copy(pid);
	h = *so_far;
	tally.stops++;
	crowd_run(&h, &world.w, changed ? SCRIPT_ALL : draw(1, SCRIPT_COUNT), draw(2, ~0ULL));
	if (let_go(copy, &h)) {
		history_end(&h, &h.part[0], NULL);
		judge_rest(&h, VICTIM);
	}
	snap_put(here);
}

static void reaper(const struct test_case *c, const struct model *start_model)
{
	static struct history h;
	struct snap *here = snap_new();
	bool more = true, changed = true;
	pid_t pid;

	memset(&h, 0, sizeof(h));
	h.start = *start_model;
	history_begin(&h, &c->job);
	pid = start(NULL, VICTIM, true);
	for (place.at = 0; more; place.at++) {
		if (changed)
			snap_take(here);
		if (wanted(place.at, options.only.at))
			reaper_here(pid, &h, here, changed);
		more = step(pid);
		changed = snap_differs(here);
		tally.boundaries++;
		tally.all++;
	}
	snap_take(here);
	if (wanted(place.at, options.only.at))
		reaper_here(pid, &h, here, true);
	victim_kill(pid);
	free(here);
}

static UNUSED void reapers(const struct test_case *c, const struct model *start_model,
			   const struct states *states)
{
	int i;

	place.op = c->name;
	place.kind = KIND_REAPER;
	tally.runs_all += (unsigned long)states->nr;
	for (i = 0; i < states->nr; i++) {
		place.state = i;
		if (!wanted(i, options.only.state) ||
		    (!options.full && !options.replay && draw(0, 3)))
			continue;
		tally.runs++;
		snap_put(states->snap[i]);
		reaper(c, start_model);
	}
	place.state = -1;
}

#endif /* _SELFTESTS_TORTURE_DEATHS_H */
