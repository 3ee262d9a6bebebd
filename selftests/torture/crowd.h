/* SPDX-License-Identifier: MIT */
/*
 * crowd.h - what others do while a victim is stopped or dead: the whole set of operations, and short scripts that each
 * take something away from under it. Whether all of that can be explained is history.h's.
 */
#ifndef _SELFTESTS_TORTURE_CROWD_H
#define _SELFTESTS_TORTURE_CROWD_H

#include "history.h"

enum script {
	SCRIPT_ALL, /* every operation, on the same key, on keys of its home, on others */
	SCRIPT_SET,
	SCRIPT_DELETE,
	SCRIPT_AGAIN, /* delete and make */
	SCRIPT_NEIGHBOURS, /* new keys take the cells of K's home */
	SCRIPT_LEAVE, /* keys of K's home go */
	SCRIPT_CHURN, /* so many publications that every lane is used again */
	SCRIPT_FILL, /* up to the last lane */
	SCRIPT_LABEL,
	SCRIPT_RANDOM,
	SCRIPT_COUNT,
};

static const char *const script_names[] = {
	"all", "set", "delete", "again", "neighbours", "leave", "churn", "fill", "label", "random",
};

/* Values of the crowd; victims have others. */
static int small_value(__u32 tag)
{
	return value_make(100 + tag % 16, 24 + tag % 3 * 8);
}

static void does(struct history *h, struct spl_writer *w, enum act_op op, enum key key, int value,
		 __u32 flags, __u64 number)
{
	struct act a = { op, key, value, flags, number };

	history_do(h, w, &a);
}

static void set(struct history *h, struct spl_writer *w, enum key key, __u32 tag)
{
	does(h, w, ACT_SET, key, small_value(tag), 0, 0);
}

static void del(struct history *h, struct spl_writer *w, enum key key)
{
	does(h, w, ACT_DELETE, key, 0, 0, 0);
}

static void get(struct history *h, struct spl_writer *w, enum key key)
{
	does(h, w, ACT_GET, key, 0, 0, 0);
}

/* Every operation on one key, which is there or not; afterwards it is as @stays says. */
static UNUSED void crowd_key(struct history *h, struct spl_writer *w, enum key key, bool stays)
{
	struct act get_it = { .op = ACT_GET, .key = key };
	__u64 epoch;

	get(h, w, key);
	does(h, w, ACT_SET, key, small_value(1), SPL_SET_ABSENT, 0);
	does(h, w, ACT_SET, key, small_value(2), SPL_SET_PRESENT, 0);
	set(h, w, key, 3);
	does(h, w, ACT_APPEND, key, small_value(4), 0, 0);
	does(h, w, ACT_BUMP, key, 0, 0, 0);
	does(h, w, ACT_LABEL, key, 0, 0, 1ULL << 9);
	does(h, w, ACT_LABELS, key, 0, 0, 0);
	epoch = history_do(h, w, &get_it).epoch;
	does(h, w, ACT_CAS, key, small_value(5), 0, epoch);
	does(h, w, ACT_CAS, key, small_value(6), 0, epoch);
	does(h, w, ACT_PUT, key, value_make(7, 700), 0, 0);
	del(h, w, key);
	get(h, w, key);
	del(h, w, key);
	does(h, w, ACT_MATH, key, 0, SPL_MATH_CREATE, 5);
	does(h, w, ACT_MATH, key, 0, 0, 6);
	del(h, w, key);
	does(h, w, ACT_PUT, key, small_value(8), 0, 0);
	get(h, w, key);
	if (!stays)
		del(h, w, key);
}

static void crowd_all(struct history *h, struct spl_writer *w)
{
	struct act gets[] = {
		{ .op = ACT_GET, .key = KEY_K },
		{ .op = ACT_GET, .key = KEY_SAME },
		{ .op = ACT_GET, .key = KEY_OTHER },
		{ .op = ACT_GET, .key = KEY_NEW1 },
	};
	struct act sets[] = {
		{ .op = ACT_SET, .key = KEY_SAME, .value = small_value(10) },
		{ .op = ACT_SET, .key = KEY_K, .value = small_value(11) },
	};

	history_many(h, w, gets, 4);
	crowd_key(h, w, KEY_K, true);
	crowd_key(h, w, KEY_NEW0, false);
	crowd_key(h, w, KEY_SAME, true);
	history_many(h, w, sets, 2);
	history_many(h, w, gets, 4);
	does(h, w, ACT_MATH, KEY_INT, 0, SPL_MATH_CREATE, 3);
	set(h, w, KEY_OTHER, 12);
	get(h, w, KEY_OTHER);
}

static void crowd_random(struct history *h, struct spl_writer *w, __u64 seed)
{
	static const enum key keys[] = { KEY_K,	   KEY_K,    KEY_K,	   KEY_NEW0,
					 KEY_SAME, KEY_TWIN, KEY_SAME + 1, KEY_INT };
	__u64 x = seed | 1;
	int i, nr;

	seed = XXH64(&x, sizeof(x), 1);
	nr = 1 + (int)(seed % 6);
	for (i = 0; i < nr; i++) {
		x = XXH64(&seed, sizeof(seed), (__u64)i);
		switch (x % 8) {
		case 0 ... 2:
			set(h, w, keys[x / 8 % 8], (__u32)(x >> 40));
			break;
		case 3 ... 5:
			del(h, w, keys[x / 8 % 8]);
			break;
		case 6:
			does(h, w, ACT_BUMP, keys[x / 8 % 8], 0, 0, 0);
			break;
		default:
			does(h, w, ACT_LABEL, keys[x / 8 % 8], 0, 0, 1ULL << (x >> 50));
			break;
		}
	}
}

static UNUSED void crowd_run(struct history *h, struct spl_writer *w, enum script script,
			     __u64 seed)
{
	int i;

	switch (script) {
	case SCRIPT_ALL:
		crowd_all(h, w);
		break;
	case SCRIPT_SET:
		set(h, w, KEY_K, 1);
		break;
	case SCRIPT_DELETE:
		del(h, w, KEY_K);
		break;
	case SCRIPT_AGAIN:
		del(h, w, KEY_K);
		does(h, w, ACT_SET, KEY_K, small_value(2), SPL_SET_ABSENT, 0);
		break;
	case SCRIPT_NEIGHBOURS:
		set(h, w, KEY_NEW0, 3);
		set(h, w, KEY_NEW1, 4);
		break;
	case SCRIPT_LEAVE:
		for (i = 0; i < SPL_BUCKET_CELLS; i += 2)
			del(h, w, KEY_SAME + i);
		break;
	case SCRIPT_CHURN:
		for (i = 0; i < 2 * SPARES + 1; i++)
			set(h, w, KEY_K, (__u32)i);
		del(h, w, KEY_K);
		set(h, w, KEY_NEW0, 5);
		for (i = 0; i < 2 * SPARES; i++)
			set(h, w, i & 1 ? KEY_OTHER : KEY_NEW0, (__u32)i);
		del(h, w, KEY_NEW0);
		break;
	case SCRIPT_FILL:
		for (i = KEY_FILL; i < KEY_COUNT; i++)
			set(h, w, i, (__u32)i);
		break;
	case SCRIPT_LABEL:
		does(h, w, ACT_LABEL, KEY_K, 0, 0, 1ULL << 20);
		does(h, w, ACT_LABELS, KEY_K, 0, 0, 0);
		break;
	default:
		crowd_random(h, w, seed);
		break;
	}
	if (script != SCRIPT_ALL) {
		get(h, w, KEY_K);
		get(h, w, KEY_SAME);
	}
}

/* What everybody sees now: every key, its labels, and a walk that tells each of them once. False: the walk is wrong. */
static UNUSED bool crowd_looks(struct history *h, struct spl_writer *w)
{
	unsigned char name[sizeof(world.key[0].text)];
	__u64 cursor = 0, told[2] = { 0 };
	long len, i, there = 0;

	for (i = 0; i < KEY_COUNT; i++) {
		get(h, w, (enum key)i);
		there += h->told[h->nr - 1].r >= 0;
	}
	does(h, w, ACT_LABELS, KEY_K, 0, 0, 0);
	while ((len = spl_next(w->s, &cursor, name, sizeof(name), NULL)) > 0) {
		for (i = 0; i < KEY_COUNT; i++)
			if (world.key[i].len == len && !memcmp(world.key[i].text, name, len))
				break;
		if (i == KEY_COUNT || told[i / 64] & 1ULL << (i % 64))
			return false;
		told[i / 64] |= 1ULL << (i % 64);
		there--;
	}
	return !len && !there;
}

#endif /* _SELFTESTS_TORTURE_CROWD_H */
