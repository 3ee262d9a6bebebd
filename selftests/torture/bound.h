/* SPDX-License-Identifier: MIT */
/*
 * bound.h - who is bound to K has been told if K isn't any more as it was when the case began: by who changed it, or by
 * that one's reaper. How often isn't asked: a death in between may tell twice.
 */
#ifndef _SELFTESTS_TORTURE_BOUND_H
#define _SELFTESTS_TORTURE_BOUND_H

#include "crowd.h"

/* Groups: of K's watch mask, of its labels 2 and 3, of the coming and going of keys. */
static const __u32 bound_groups[] = { 5, 6, 7, 8 };

enum { BOUND_WATCH, BOUND_OLD_LABEL, BOUND_NEW_LABEL, BOUND_KEYS, BOUND_COUNT };

struct bound_key {
	__u64 inc; /* 0: not there */
	__u64 epoch;
	__u64 labels;
};

static struct {
	bool on, awaited;
	struct bound_key key;
	__u64 count[BOUND_COUNT];
	__u64 bell;
} bound;

static struct bound_key bound_look(void)
{
	const struct key_name *k = &world.key[KEY_K];
	static unsigned char value[VALUE_MAX];
	struct spl_attr_value attr = { 0 };
	struct bound_key now = { 0 };
	struct spl_meta meta;

	if (spl_get(&world.s, k->text, k->len, value, sizeof(value), &meta) < 0)
		return now;
	now.inc = meta.inc & SPL_INC;
	now.epoch = meta.epoch;
	if (!spl_attr_get(&world.s, k->text, k->len, &attr))
		now.labels = attr.labels;
	return now;
}

static __u64 bound_bell(void)
{
	__u64 bell = spl_bell_of(key_hash(&world.key[KEY_K]));

	return spl_load(&world.s.signal->bell[__builtin_ctzll(bell)].count);
}

/* The case begins; @there: K is; @awaited: somebody waits for it. */
static UNUSED void bound_start(bool on, bool there, bool awaited)
{
	const struct key_name *k = &world.key[KEY_K];
	__u32 i;

	bound.on = on;
	bound.awaited = awaited;
	if (!on)
		return;
	spl_label_bind(&world.s, 2, 1ULL << bound_groups[BOUND_OLD_LABEL], 0);
	spl_label_bind(&world.s, 3, 1ULL << bound_groups[BOUND_NEW_LABEL], 0);
	spl_keys_bind(&world.s, 1ULL << bound_groups[BOUND_KEYS], 0);
	if (awaited && (there ? spl_wait_mark(&world.s, k->text, k->len, true, NULL)
			      : spl_wait_birth(&world.s, k->text, k->len)))
		die("a mark");
	bound.key = bound_look();
	bound.bell = bound_bell();
	for (i = 0; i < BOUND_COUNT; i++)
		spl_group_count(&world.s, bound_groups[i], &bound.count[i]);
}

static bool bound_moved(int which)
{
	__u64 now = 0;

	spl_group_count(&world.s, bound_groups[which], &now);
	return now != bound.count[which];
}

/* At rest: says in @why who wasn't told. */
static UNUSED bool bound_told(char *why, size_t cap)
{
	struct bound_key now, *was = &bound.key;
	const char *who = NULL;
	bool same_key;

	if (!bound.on)
		return true;
	now = bound_look();
	same_key = now.inc == was->inc;
	if (same_key && now.epoch == was->epoch && now.labels == was->labels)
		return true;
	if (!same_key && !bound_moved(BOUND_KEYS))
		who = "who waits for keys to come and go";
	if (was->inc && !bound_moved(BOUND_WATCH))
		who = "who watches the key";
	if (was->labels & 1 << 2 && !bound_moved(BOUND_OLD_LABEL))
		who = "who watches its label";
	if (same_key && (now.labels ^ was->labels) & 1 << 3 && !bound_moved(BOUND_NEW_LABEL))
		who = "who watches its new label";
	if (bound.awaited && bound_bell() == bound.bell)
		who = "who waits for the key";
	snprintf(why, cap, "the key has changed, and %s wasn't told", who ? who : "nobody");
	return !who;
}

#endif /* _SELFTESTS_TORTURE_BOUND_H */
