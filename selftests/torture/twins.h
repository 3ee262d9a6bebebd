/* SPDX-License-Identifier: MIT */
/*
 * twins.h - two processes, both in the middle of an operation on the same key. The first stands at each of its accesses to
 * the store while the second is led from access to access; at their meetings both go on, in either order or by turns, or
 * others work beside them before, or one of them dies. The death of both is deaths.h's. The second may also be the
 * reaper of a third that died in the middle of its operation.
 *
 * Who is to die is left where it stands, and never goes on: to others that is the same as a kill.
 */
#ifndef _SELFTESTS_TORTURE_TWINS_H
#define _SELFTESTS_TORTURE_TWINS_H

#include <limits.h>

#include "access.h"
#include "deaths.h"

#define THIRD 3

/* What happens when the first stands where it stands, before the second begins. */
enum prelude {
	PRELUDE_NONE,
	PRELUDE_BEFORE, /* a cell becomes free before the one that the first has chosen */
	PRELUDE_LATE, /* the same, and the first's epoch is too low from then on */
	PRELUDE_BEHIND, /* the first's cell is taken, and free again when the second has one behind it */
};

struct twin {
	const char *name;
	enum prelude prelude;
	__u32 without; /* keys of cases that it is not for */
	__u32 with; /* keys that these need */
	struct job job;
};

#define TWIN(NAME, PRELUDE, WITHOUT, WITH, OP, NUMBER)          \
	{                                                       \
		NAME, PRELUDE, WITHOUT, WITH,                   \
		{                                               \
			NAME, false, 1,                         \
			{                                       \
				{                               \
					OP, KEY_K, 0, 0, NUMBER \
				}                               \
			}                                       \
		}                                               \
	}

/* The epoch of the compare-and-set is the one that K has at first. */
static struct twin twin_kinds[] = {
	TWIN("set", PRELUDE_NONE, 0, 0, ACT_SET, 0),
	TWIN("delete", PRELUDE_NONE, 0, 0, ACT_DELETE, 0),
	TWIN("append", PRELUDE_NONE, 0, 0, ACT_APPEND, 0),
	TWIN("cas", PRELUDE_NONE, 0, HAS_K, ACT_CAS, 0),
	TWIN("label", PRELUDE_NONE, 0, 0, ACT_LABEL, 1 << 6),
	TWIN("get", PRELUDE_NONE, 0, 0, ACT_GET, 0),
	TWIN("set-before", PRELUDE_BEFORE, HAS_K | HAS_NO_LANE, 0, ACT_SET, 0),
	TWIN("set-late", PRELUDE_LATE, HAS_K | HAS_NO_LANE, 0, ACT_SET, 0),
	TWIN("set-behind", PRELUDE_BEHIND, HAS_K | HAS_NO_LANE | HAS_ONE_LANE, 0, ACT_SET, 0),
};

#define NR_TWINS ((int)(sizeof(twin_kinds) / sizeof(twin_kinds[0])))

/* Both where they stand, the store open to them. */
struct meeting {
	const struct twin *
		twin; /* NULL: the second is the reaper of somebody who was in the middle of the case's operation */
	pid_t pid[2];
	bool changed[2]; /* has its last access changed the store? */
	const struct history *h;
	const struct snap *here;
	bool third; /* somebody died in the middle of an insert, and is to be repaired before they go on */
};

static const __u32 twin_idx[2] = { VICTIM, SECOND };

static bool twin_ends(const struct meeting *m, struct history *h, int v, pid_t pid)
{
	if (!let_go(pid, h))
		return false;
	if (m->twin)
		history_end(h, &h->part[v], &world.tell[twin_idx[v]]);
	else
		history_end(h, &h->part[!v], v ? NULL : &world.tell[SECOND]);
	return true;
}

static void twins_begin(const struct meeting *m, struct history *h)
{
	*h = *m->h;
	if (m->third)
		repair(THIRD);
}

/* So many accesses further, or to its end. */
static void twin_walks(pid_t pid, long accesses)
{
	bool more = true;

	for (; more && accesses > 0; accesses--) {
		access_close(pid);
		more = access_next(pid);
		access_open(pid);
		if (more)
			access_make(pid);
	}
}

/* Both go on: @first to its end, or @turn accesses far, then the other to its end. */
static void both_go_on(const struct meeting *m, int first, bool crowd, long turn)
{
	static struct history h;
	pid_t pid[2] = { victim_copy(m->pid[0]), victim_copy(m->pid[1]) };
	bool good = true;

	twins_begin(m, &h);
	tally.stops++;
	if (crowd)
		crowd_run(&h, &world.w, SCRIPT_ALL, 0);
	if (turn)
		twin_walks(pid[first], turn);
	else
		good = twin_ends(m, &h, first, pid[first]);
	if (!twin_ends(m, &h, !first, pid[!first]))
		good = false;
	get(&h, &world.w, KEY_K);
	if (turn && !twin_ends(m, &h, first, pid[first]))
		good = false;
	if (good) {
		repair(VICTIM);
		repair(SECOND);
		judge_rest(&h, twin_idx[first]);
	}
	snap_put(m->here);
}

/* One dies. It is repaired before the other goes on, or after others have seen what that one has made of it. */
static void one_dies(const struct meeting *m, int dead, bool early)
{
	static struct history h;
	pid_t pid = victim_copy(m->pid[!dead]);
	bool good;

	twins_begin(m, &h);
	place.kill = true;
	tally.kills++;
	if (early) {
		repair(twin_idx[dead]);
		history_end(&h, &h.part[dead], NULL);
		set(&h, &world.w, KEY_OTHER, 1);
	}
	good = twin_ends(m, &h, !dead, pid);
	if (!early) {
		set(&h, &world.w, KEY_K, 1);
		repair(twin_idx[dead]);
		history_end(&h, &h.part[dead], NULL);
	}
	if (good) {
		repair(twin_idx[!dead]);
		judge_rest(&h, twin_idx[dead]);
	}
	snap_put(m->here);
	place.kill = false;
}

static void twins_meet(const struct meeting *m)
{
	int dead;

	tally.boundaries++;
	both_go_on(m, 0, false, 0);
	if (options.replay || !draw(1, 4))
		both_go_on(m, (int)draw(2, 2), true, 0);
	if (options.replay || !draw(3, 2)) {
		access_slowly = !draw(6, 64);
		both_go_on(m, 0, false,
			   access_slowly ? LONG_MAX : 1 + (long)draw(4, 1 + draw(5, 48)));
		access_slowly = false;
	}
	for (dead = 0; dead < 2; dead++) {
		if (!m->changed[dead])
			continue;
		one_dies(m, dead, true);
		one_dies(m, dead, false);
	}
}

/* Another key takes the cell that the first would, and its writer dies; repaired, it will not have happened. */
static void in_the_way(void)
{
	static struct job job = { "third", false, 1, { { ACT_SET, KEY_NEW0, 0, 0, 0 } } };
	pid_t pid = start(&job, THIRD, false);
	struct snap *here = snap_new();
	bool declared = false;

	access_close(pid);
	while (!(declared && snap_differs(here)) && access_next(pid)) {
		declared = (world.s.wcells[THIRD].op & 0xff) == SPL_OP_INSERT;
		snap_take(here);
		access_open(pid);
		access_make(pid);
		access_close(pid);
	}
	victim_kill(pid);
	free(here);
}

static bool twin_chosen(long first, long second)
{
	return options.replay || !((first + second) % options.every);
}

/* The first stands at one of its accesses; leads a copy of @fresh through the second's operation. */
static void meet_all(const struct twin *t, pid_t one, pid_t fresh, bool changed,
		     const struct history *so_far)
{
	static struct history h;
	struct snap *here = snap_new();
	struct meeting m = { .twin = t, .pid = { one }, .h = &h, .here = here };
	enum prelude prelude = t ? t->prelude : PRELUDE_NONE;
	bool more = true;

	h = *so_far;
	if (prelude == PRELUDE_BEFORE || prelude == PRELUDE_LATE)
		del(&h, &world.w, KEY_SAME);
	if (prelude == PRELUDE_BEHIND)
		in_the_way();
	if (t)
		history_begin(&h, &t->job);
	m.pid[1] = victim_copy(fresh);
	m.changed[0] = t && changed;
	m.third = prelude == PRELUDE_BEHIND;
	for (place.at = 0; more; place.at++) {
		more = access_next(m.pid[1]);
		snap_take(here);
		tally.all++;
		access_open(m.pid[1]);
		if (wanted(place.at, options.only.at) && twin_chosen(place.state, place.at))
			twins_meet(&m);
		if (more)
			access_make(m.pid[1]);
		access_close(m.pid[1]);
		m.changed[1] = t && snap_differs(here);
	}
	victim_kill(m.pid[1]);
	free(here);
}

/* Leads the first through its operation. */
static void lead_first(const struct twin *t, pid_t one, pid_t fresh, const struct history *h)
{
	struct snap *here = snap_new();
	bool more = true, changed = false;

	access_close(one);
	access_close(fresh);
	for (place.state = 0; more; place.state++) {
		more = access_next(one);
		snap_take(here);
		access_open(one);
		tally.runs_all++;
		if (wanted(place.state, options.only.state) &&
		    (options.replay || !(place.state % options.first))) {
			tally.runs++;
			meet_all(t, one, fresh, changed, h);
		}
		snap_put(here);
		if (more)
			access_make(one);
		access_close(one);
		changed = snap_differs(here);
	}
	victim_kill(one);
	victim_kill(fresh);
	free(here);
}

static void twins_of(const struct test_case *c, const struct model *start_model, struct twin *t)
{
	static struct history h;
	pid_t one;
	int i;

	memset(&h, 0, sizeof(h));
	h.start = *start_model;
	/* So that the epochs of keys that go are no reason to try again. */
	for (i = 0; i < 4 && (t->prelude == PRELUDE_BEFORE || t->prelude == PRELUDE_BEHIND); i++)
		set(&h, &world.w, KEY_NEW1, (__u32)i);
	if (i)
		del(&h, &world.w, KEY_NEW1);
	t->job.act[0].value = value_make(90, 32);
	if (t->job.act[0].op == ACT_CAS)
		t->job.act[0].number = start_model->key[KEY_K].epoch;
	history_begin(&h, &c->job);
	one = start(&c->job, VICTIM, false);
	lead_first(t, one, start(&t->job, SECOND, false), &h);
}

/* Somebody died in this state; the first is a writer, and the second repairs beside it. */
static void reaper_beside(const struct test_case *c, const struct model *start_model)
{
	static struct job job = {
		"reaper", false, 2, { { ACT_SET, KEY_K, 0, 0, 0 }, { ACT_SET, KEY_OTHER, 0, 0, 0 } }
	};
	static struct history h;
	pid_t one;
	int i;

	memset(&h, 0, sizeof(h));
	h.start = *start_model;
	for (i = 0; i < 2; i++)
		job.act[i].value = value_make(91 + (__u32)i, 32);
	history_begin(&h, &c->job);
	history_begin(&h, &job);
	one = start(&job, SECOND, false);
	lead_first(NULL, one, start(NULL, VICTIM, true), &h);
}

static void reapers_beside(const struct test_case *c, const struct model *start_model,
			   const struct states *states)
{
	int i;

	if (options.only.partner && strcmp(options.only.partner, "reaper"))
		return;
	place.partner = "reaper";
	for (i = 0; i < states->nr; i++) {
		place.then = i;
		snap_put(states->snap[i]);
		if (wanted(i, options.only.then) && world.s.wcells[VICTIM].op)
			reaper_beside(c, start_model);
	}
	place.then = -1;
}

static UNUSED void twins(const struct test_case *c, const struct model *start_model,
			 const struct states *states)
{
	int i;

	place.op = c->name;
	place.kind = KIND_TWINS;
	for (i = 0; i < NR_TWINS; i++) {
		struct twin *t = &twin_kinds[i];

		if ((c->has & t->without) || (c->has & t->with) != t->with ||
		    (options.only.partner && strcmp(options.only.partner, t->name)))
			continue;
		snap_put(states->snap[0]);
		place.partner = t->name;
		twins_of(c, start_model, t);
	}
	reapers_beside(c, start_model, states);
	snap_put(states->snap[0]);
	place.state = -1;
	place.partner = NULL;
}

#endif /* _SELFTESTS_TORTURE_TWINS_H */
