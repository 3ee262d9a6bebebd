/* SPDX-License-Identifier: MIT */
/*
 * cases.h - the operations that victims are led through, and the store that each of them finds. How they are led is
 * torture.c's.
 */
#ifndef _SELFTESTS_TORTURE_CASES_H
#define _SELFTESTS_TORTURE_CASES_H

#include "bound.h"

#define HAS_K (1U << 0)
#define HAS_HOME_FULL (1U << 1) /* seven keys in K's home, made before K: K is displaced */
#define HAS_NEXT_FULL (1U << 2) /* seven more in the next bucket: K goes to the third */
#define HAS_TWIN (1U << 3)
#define HAS_ONE_LANE (1U << 4) /* all lanes but one taken */
#define HAS_NO_LANE (1U << 5) /* all lanes taken */
#define HAS_HISTORY (1U << 6) /* all lanes used before; K has labels */
#define HAS_K_LARGE (1U << 7)
#define HAS_K_INT (1U << 8)
#define HAS_STALE_ATTR (1U << 9) /* K's cell has labels of a key that is gone */
#define HAS_BOUND (1U << 11) /* K is bound to groups, or its birth is waited for */
#define HAS_MASK (1U << 12) /* of what HAS_BOUND says only the watch mask, and nobody waits */
#define HAS_K_LATE (1U << 10) /* home was full when K came, and isn't any more */

#define LARGE 1000

struct test_case {
	const char *name;
	__u32 has;
	__u32 value_len;
	__u64 lanes;
	struct job job;
};

#define ONE(NAME, HAS, LEN, OP, FLAGS, NUMBER)                      \
	{                                                           \
		NAME, HAS, LEN, 12,                                 \
		{                                                   \
			NAME, false, 1,                             \
			{                                           \
				{                                   \
					OP, KEY_K, 0, FLAGS, NUMBER \
				}                                   \
			}                                           \
		}                                                   \
	}

/* The value of each is made by case_make(). Epoch 0 of a compare-and-set: the one that K has. */
static struct test_case cases[] = {
	ONE("insert", 0, 24, ACT_SET, 0, 0),
	ONE("insert-empty", 0, 0, ACT_SET, 0, 0),
	ONE("insert-large", 0, LARGE, ACT_SET, 0, 0),
	ONE("insert-used", HAS_HISTORY, 24, ACT_SET, 0, 0),
	ONE("insert-twin", HAS_TWIN, 24, ACT_SET, 0, 0),
	ONE("insert-displaced", HAS_HOME_FULL, 24, ACT_SET, 0, 0),
	ONE("insert-beside-twin", HAS_HOME_FULL | HAS_TWIN, 24, ACT_SET, 0, 0),
	{ "insert-far",
	  HAS_HOME_FULL | HAS_NEXT_FULL,
	  24,
	  24,
	  { "insert-far", false, 1, { { ACT_SET, KEY_K, 0, 0, 0 } } } },
	ONE("insert-last", HAS_ONE_LANE, 24, ACT_SET, 0, 0),
	ONE("insert-full", HAS_NO_LANE, 24, ACT_SET, 0, 0),
	ONE("insert-absent", 0, 24, ACT_SET, SPL_SET_ABSENT, 0),
	ONE("set-absent-there", HAS_K, 24, ACT_SET, SPL_SET_ABSENT, 0),
	ONE("set-present", HAS_K, 24, ACT_SET, SPL_SET_PRESENT, 0),
	ONE("set-present-gone", 0, 24, ACT_SET, SPL_SET_PRESENT, 0),
	ONE("overwrite", HAS_K, 24, ACT_SET, 0, 0),
	ONE("overwrite-large", HAS_K | HAS_K_LARGE, LARGE, ACT_SET, 0, 0),
	ONE("overwrite-used", HAS_K | HAS_HISTORY, 24, ACT_SET, 0, 0),
	ONE("overwrite-displaced", HAS_K | HAS_HOME_FULL, 24, ACT_SET, 0, 0),
	ONE("overwrite-full", HAS_K | HAS_NO_LANE, 24, ACT_SET, 0, 0),
	ONE("delete", HAS_K, 0, ACT_DELETE, 0, 0),
	ONE("delete-used", HAS_K | HAS_HISTORY, 0, ACT_DELETE, 0, 0),
	ONE("delete-displaced", HAS_K | HAS_HOME_FULL, 0, ACT_DELETE, 0, 0),
	ONE("delete-late", HAS_K | HAS_HOME_FULL | HAS_K_LATE, 0, ACT_DELETE, 0, 0),
	ONE("delete-full", HAS_K | HAS_NO_LANE, 0, ACT_DELETE, 0, 0),
	ONE("delete-gone", 0, 0, ACT_DELETE, 0, 0),
	ONE("append", HAS_K, 24, ACT_APPEND, 0, 0),
	ONE("append-large", HAS_K | HAS_K_LARGE, 150, ACT_APPEND, 0, 0),
	ONE("append-makes", 0, 24, ACT_APPEND, 0, 0),
	ONE("append-too-long", HAS_K | HAS_K_LARGE, LARGE, ACT_APPEND, 0, 0),
	ONE("math", HAS_K | HAS_K_INT, 0, ACT_MATH, 0, 7),
	ONE("math-makes", 0, 0, ACT_MATH, SPL_MATH_CREATE, 7),
	ONE("math-no-integer", HAS_K, 0, ACT_MATH, 0, 7),
	ONE("cas", HAS_K, 24, ACT_CAS, 0, 0),
	ONE("cas-stale", HAS_K, 24, ACT_CAS, 0, 77),
	ONE("cas-gone", 0, 24, ACT_CAS, 0, 1),
	ONE("bump", HAS_K, 0, ACT_BUMP, 0, 0),
	ONE("put", HAS_K, 24, ACT_PUT, 0, 0),
	ONE("put-large", HAS_K, LARGE, ACT_PUT, 0, 0),
	ONE("put-makes", 0, 24, ACT_PUT, 0, 0),
	ONE("label", HAS_K | HAS_HISTORY, 0, ACT_LABEL, 0, 1 << 3),
	ONE("label-first", HAS_K | HAS_STALE_ATTR, 0, ACT_LABEL, 0, 1 << 3),
	ONE("labels", HAS_K | HAS_HISTORY, 0, ACT_LABELS, 0, 0),
	ONE("overwrite-bound", HAS_K | HAS_BOUND, 24, ACT_SET, 0, 0),
	ONE("overwrite-watched", HAS_K | HAS_BOUND | HAS_MASK, 24, ACT_SET, 0, 0),
	ONE("delete-bound", HAS_K | HAS_BOUND, 0, ACT_DELETE, 0, 0),
	ONE("label-bound", HAS_K | HAS_BOUND, 0, ACT_LABEL, 0, 1 << 3),
	ONE("insert-awaited", HAS_BOUND, 24, ACT_SET, 0, 0),
	ONE("watch", HAS_K | HAS_STALE_ATTR, 0, ACT_WATCH, 0, 1 << 4),
	ONE("watch-more", HAS_K | HAS_BOUND, 0, ACT_WATCH, 0, 1 << 4),
	ONE("signal", HAS_K, 0, ACT_SIGNAL, 0, 3),
	ONE("get", HAS_K, 0, ACT_GET, 0, 0),
	ONE("get-large", HAS_K | HAS_K_LARGE, 0, ACT_GET, 0, 0),
	ONE("get-displaced", HAS_K | HAS_HOME_FULL, 0, ACT_GET, 0, 0),
	ONE("get-gone", HAS_TWIN, 0, ACT_GET, 0, 0),
	{ "get-many",
	  HAS_K,
	  0,
	  12,
	  { "get-many",
	    true,
	    3,
	    { { .op = ACT_GET, .key = KEY_K },
	      { .op = ACT_GET, .key = KEY_NEW0 },
	      { .op = ACT_GET, .key = KEY_SAME } } } },
	{ "set-many",
	  HAS_K,
	  24,
	  12,
	  { "set-many",
	    true,
	    3,
	    { { .op = ACT_SET, .key = KEY_SAME },
	      { .op = ACT_SET, .key = KEY_NEW0 },
	      { .op = ACT_SET, .key = KEY_K } } } },
};

#define NR_CASES ((int)(sizeof(cases) / sizeof(cases[0])))

static void setup_keys(struct history *h, struct spl_writer *w, const struct test_case *c)
{
	int i, value = c->has & HAS_K_INT ? value_number(40) : small_value(20);

	does(h, w, ACT_MATH, KEY_INT, 0, SPL_MATH_CREATE, 3);
	for (i = 0; i < (c->has & HAS_HOME_FULL ? SPL_BUCKET_CELLS : 2); i++)
		set(h, w, KEY_SAME + i, (__u32)i);
	for (i = 0; c->has & HAS_NEXT_FULL && i < SPL_BUCKET_CELLS; i++)
		set(h, w, KEY_NEXT + i, (__u32)i);
	if (!(c->has & HAS_HOME_FULL))
		set(h, w, KEY_OTHER, 9);
	if (c->has & HAS_TWIN)
		set(h, w, KEY_TWIN, 10);
	if (c->has & HAS_STALE_ATTR) {
		set(h, w, KEY_NEW1, 11);
		does(h, w, ACT_LABEL, KEY_NEW1, 0, 0, 1ULL << 40);
		del(h, w, KEY_NEW1);
	}
	if (c->has & HAS_K)
		does(h, w, ACT_SET, KEY_K, c->has & HAS_K_LARGE ? value_make(21, LARGE) : value, 0,
		     0);
	if (c->has & HAS_K && c->has & HAS_BOUND) {
		does(h, w, ACT_WATCH, KEY_K, 0, 0, 1 << 5);
		if (!(c->has & HAS_MASK))
			does(h, w, ACT_LABEL, KEY_K, 0, 0, 1 << 2);
	}
	if (c->has & HAS_K_LATE)
		for (i = 0; i < 3; i++)
			del(h, w, KEY_SAME + i);
}

/* Every lane was filled before, by every writer; so no generation is 0. */
static void setup_history(struct history *h, struct spl_writer *w)
{
	struct spl_writer other;
	__u32 i, k;

	for (i = 0; i < WRITERS; i++) {
		spl_writer_init(&other, &world.s, i);
		for (k = 0; k < 2 * SPARES; k++) {
			set(h, &other, KEY_K, k);
			set(h, &other, KEY_NEW0, k);
		}
		del(h, &other, KEY_K);
		del(h, &other, KEY_NEW0);
	}
	for (k = 0; k < 12; k++)
		does(h, w, ACT_SET, KEY_FILL + k, small_value(k), 0, 0);
	for (k = 0; k < 12; k++)
		del(h, w, KEY_FILL + k);
}

/* What a case finds in a fresh world, and the model of it that every history of the case starts from. */
static UNUSED void case_fill(struct test_case *c, struct model *start)
{
	static struct history h;
	__u64 free_wanted = c->has & HAS_NO_LANE ? 0 : 1;
	int i;

	memset(&h, 0, sizeof(h));
	for (i = 0; i < KEY_COUNT; i++)
		h.start.key[i].value = -1;
	h.start.lanes = (__u32)c->lanes;
	if (c->has & HAS_HISTORY)
		setup_history(&h, &world.w);
	setup_keys(&h, &world.w, c);
	if (c->has & HAS_HISTORY && c->has & HAS_K)
		does(&h, &world.w, ACT_LABEL, KEY_K, 0, 0, 1ULL << 2);
	*start = h.start;
	for (i = 0; i < h.nr; i++)
		if (!model_apply(start, &h.act[i], &h.told[i], 0))
			die("%s: the setup itself can't be explained", c->name);
	for (i = KEY_FILL; c->has & (HAS_ONE_LANE | HAS_NO_LANE) && i < KEY_COUNT; i++) {
		struct act a = { .op = ACT_SET, .key = (enum key)i, .value = small_value(30) };
		struct told t;

		if (start->live + free_wanted >= start->lanes)
			break;
		h.nr = 0;
		t = history_do(&h, &world.w, &a);
		if (!model_apply(start, &a, &t, 0))
			die("%s: the setup itself can't be explained", c->name);
	}
	bound_start(c->has & HAS_BOUND, c->has & HAS_K, !(c->has & HAS_MASK));
	for (i = 0; i < c->job.nr; i++) {
		c->job.act[i].value = value_make(50 + (__u32)i, c->value_len);
		if (c->job.act[i].op == ACT_CAS && !c->job.act[i].number)
			c->job.act[i].number = start->key[KEY_K].epoch;
	}
}

#endif /* _SELFTESTS_TORTURE_CASES_H */
