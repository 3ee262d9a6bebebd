/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_watch.h - binding keys, labels, and the coming and going of keys to groups; reading groups. What a change then
 * does is splinter_notice.h's; sleeping needs the kernel and is the library's.
 */
#ifndef _UAPI_SPLINTER_WATCH_H
#define _UAPI_SPLINTER_WATCH_H

#include "splinter_attr.h"

/* One try to change a watch pair. 0: done, the mask was @was; -EAGAIN: look again. */
static inline int spl_watch_once(struct spl_writer *w, const struct spl_hit *hit, __u64 inc,
				 __u64 set, __u64 clear, __u64 *was)
{
	const struct spl_store *s = w->s;
	struct spl_attr *a = spl_watch_at(s, hit->pos);
	__u64 guard, word, now;

	if (!spl_attr_load(a, &guard, &word) || !spl_attr_is_of(s, hit, inc, guard))
		return -EAGAIN;
	*was = (guard & SPL_INC) == inc ? word : 0;
	now = (*was & ~clear) | set;
	spl_declare(w, SPL_OP_ATTR, 0, hit->pos, 0);
	if (!spl_cas128(&a->guard, guard, word, inc, now)) /* (L) */
		return -EAGAIN;
	if (set)
		spl_notice_ask(s, hit->pos, SPL_NOTICE_WATCH); /* (S) */
	spl_mb(); /* (S) */
	return 0;
}

/* Few: the kernel marks beside hostile writers, and looks whether it goes on. */
#define SPL_MARK_TRIES 64U

/**
 * struct spl_mark - where the mark of a key stands
 * @pos: position of its cell
 * @inc: the key's incarnation
 */
struct spl_mark {
	__u64 pos;
	__u64 inc;
};

/**
 * spl_wait_mark() - say that somebody waits for a key, or that nobody does any more
 * @s: the store, writable
 * @key: the key
 * @klen: its bytes
 * @on: which of both
 * @at: out: where the mark was made, or NULL
 *
 * While the mark stands, every change of the key, and its end, pulses its bell. For who puts to sleep: the kernel, or the library
 * for an embedded store. Nobody may die in between, or the mark's bit may be missing: so a process that marks a store
 * does it again whenever it begins to wait. Once it is taken away, and nothing else bound, changes cost what they did before.
 *
 * Return: 0, or as spl_get(); -EAGAIN: worth another call.
 */
static inline int spl_wait_mark(const struct spl_store *s, const void *key, __u32 klen, bool on,
				struct spl_mark *at)
{
	int r = spl_key_check(s, klen);
	__u64 hash, inc, guard, word, now;
	struct spl_attr *a;
	struct spl_hit hit;
	__u32 tries = 0;
	bool mine;

	if (r)
		return r;
	hash = spl_hash(s, key, klen);
	while (++tries < SPL_MARK_TRIES) {
		r = spl_attr_find(s, hash, key, klen, &hit, &inc);
		if (r)
			return r;
		a = spl_attr_at(s, hit.pos);
		if (!spl_attr_load(a, &guard, &word))
			break;
		if (!spl_attr_is_of(s, &hit, inc, guard))
			continue;
		mine = (guard & SPL_INC) == inc;
		if (!on && !(mine && (guard & SPL_ATTR_WAITED)))
			return 0;
		now = mine ? guard : inc;
		now = on ? now | SPL_ATTR_WAITED : now & ~SPL_ATTR_WAITED;
		if (!spl_cas128(&a->guard, guard, word, now, mine ? word : 0)) /* (L) */
			continue;
		if (on)
			spl_notice_ask(s, hit.pos, SPL_NOTICE_ATTR); /* (S) */
		else
			spl_overflow_clear(s, (__u32)(hit.pos / SPL_BUCKET_SLOTS));
		spl_mb(); /* (S) */
		if (at)
			*at = (struct spl_mark){ hit.pos, inc };
		return 0;
	}
	return -EAGAIN;
}

/**
 * spl_wait_unmark() - take a mark away where it was made, without looking for the key
 * @s: the store, writable
 * @at: as spl_wait_mark() told
 *
 * A key stays where it is as long as it lives. If this one has ended its mark ends with it, whoever takes it away.
 *
 * Return: true: it is gone; false: it isn't there, spl_wait_mark() knows of this key as it is now.
 */
static inline bool spl_wait_unmark(const struct spl_store *s, const struct spl_mark *at)
{
	struct spl_attr *a = spl_attr_at(s, at->pos);
	__u64 guard, word;

	if (!spl_attr_load(a, &guard, &word) || (guard & SPL_INC) != at->inc ||
	    !(guard & SPL_ATTR_WAITED) ||
	    !spl_cas128(&a->guard, guard, word, guard & ~SPL_ATTR_WAITED, word)) /* (L) */
		return false;
	spl_overflow_clear(s, (__u32)(at->pos / SPL_BUCKET_SLOTS));
	return true;
}

/**
 * spl_wait_birth() - say that somebody waits for a key that isn't there
 * @s: the store, writable
 * @key: the key
 * @klen: its bytes
 *
 * While its bell's bit of births stands, every insert of a key with that bell pulses it. Look then whether the key has come. When
 * nobody waits there any more the caller clears the bit; then spl_birth_done() spares writers a look.
 *
 * Return: 0, or -EINVAL, -EMSGSIZE as spl_get(). Any thread.
 */
static inline int spl_wait_birth(const struct spl_store *s, const void *key, __u32 klen)
{
	int r = spl_key_check(s, klen);
	__u64 hash;
	__u32 d;

	if (r)
		return r;
	hash = spl_hash(s, key, klen);
	spl_or64(&s->signal->births, spl_bell_of(hash));
	for (d = 0; d <= SPL_DIST_MAX; d++)
		spl_notice_ask(s,
			       (__u64)spl_bucket_at(s, spl_home(s, hash), d) * SPL_BUCKET_SLOTS,
			       SPL_NOTICE_ATTR);
	spl_mb(); /* (S) */
	return 0;
}

/**
 * spl_birth_done() - nobody waits for this key to come any more, or for another one with its bell
 * @s: the store, writable
 * @key: the key
 * @klen: its bytes, as spl_wait_birth() accepted them
 *
 * Takes away what spl_wait_birth() asked for in the buckets where the key may come to stand, as far as nothing else needs
 * it: that nobody waits for any birth is the births mask's to say.
 */
static inline void spl_birth_done(const struct spl_store *s, const void *key, __u32 klen)
{
	__u32 home = spl_home(s, spl_hash(s, key, klen)), d;

	for (d = 0; d <= SPL_DIST_MAX; d++)
		spl_overflow_clear(s, spl_bucket_at(s, home, d));
}

/**
 * spl_watch() - bind a key to groups, or take it off them
 * @w: the writer
 * @key: the key
 * @klen: its bytes
 * @set: mask of groups
 * @clear: mask of groups, taken away before @set is added
 * @was: out: the watch mask before, or NULL
 *
 * Every change of the key's value or labels from the moment of the call on, and its end, pulses each of the groups once. A
 * key that is deleted and made again is another one, and bound to nothing. A change that is under way while the key is
 * taken off a group may pulse it still, whenever its writer goes on.
 *
 * Return: 0; -EOPNOTSUPP: a store without SPL_GEOMETRY_WATCH; -ENOENT, -EMSGSIZE, -EINVAL, -EAGAIN, -EBADMSG as
 * spl_get(). Lock-free; one thread a writer.
 */
static inline int spl_watch(struct spl_writer *w, const void *key, __u32 klen, __u64 set,
			    __u64 clear, __u64 *was)
{
	const struct spl_store *s = w->s;
	int r = spl_key_check(s, klen);
	__u64 hash, inc, before = 0;
	struct spl_hit hit;
	__u32 tries = 0;

	if (r)
		return r;
	if (!s->watch)
		return -EOPNOTSUPP;
	hash = spl_hash(s, key, klen);
	do {
		r = spl_attr_find(s, hash, key, klen, &hit, &inc);
		if (!r)
			r = spl_watch_once(w, &hit, inc, set, clear, &before);
	} while (r == -EAGAIN && ++tries < SPL_TRIES);
	spl_store_release(&w->cell->op, SPL_OP_NONE);
	if (was)
		*was = before;
	return r;
}

/**
 * spl_watch_get() - the groups that a key is bound to by its watch mask
 * @s: the store
 * @key: the key
 * @klen: its bytes
 * @groups: out: mask of groups
 *
 * Return: 0, or as spl_watch(). Lock-free, any thread.
 */
static inline int spl_watch_get(const struct spl_store *s, const void *key, __u32 klen,
				__u64 *groups)
{
	int r = spl_key_check(s, klen);
	__u64 hash, inc, guard, word;
	struct spl_hit hit;
	__u32 tries = 0;

	if (r)
		return r;
	if (!s->watch)
		return -EOPNOTSUPP;
	hash = spl_hash(s, key, klen);
	while (++tries < SPL_TRIES) {
		r = spl_attr_find(s, hash, key, klen, &hit, &inc);
		if (r)
			return r;
		if (!spl_attr_load(spl_watch_at(s, hit.pos), &guard, &word) ||
		    !spl_attr_is_of(s, &hit, inc, guard))
			continue;
		*groups = (guard & SPL_INC) == inc ? word : 0;
		return 0;
	}
	return -EAGAIN;
}

/**
 * spl_label_bind() - bind a label to groups, or take it off them
 * @s: the store, writable
 * @label: its number, below SPL_LABELS
 * @set: mask of groups to add
 * @clear: mask of groups to take away, before
 *
 * Changes of all keys that have the label, or get or lose it, pulse these groups.
 *
 * Return: 0; -EINVAL: no such label. Any thread.
 */
static inline int spl_label_bind(const struct spl_store *s, __u32 label, __u64 set, __u64 clear)
{
	if (label >= SPL_LABELS)
		return -EINVAL;
	if (clear)
		spl_and64(&s->signal->label_groups[label], ~clear);
	if (set)
		spl_or64(&s->signal->label_groups[label], set);
	spl_mb(); /* (S) */
	return 0;
}

/**
 * spl_keys_bind() - bind the coming and going of keys to groups: every insert and every delete pulses them
 * @s: the store, writable
 * @set: mask of groups to add
 * @clear: mask of groups to take away, before
 *
 * Any thread.
 */
static inline void spl_keys_bind(const struct spl_store *s, __u64 set, __u64 clear)
{
	if (clear)
		spl_and64(&s->signal->keys_groups, ~clear);
	if (set)
		spl_or64(&s->signal->keys_groups, set);
	spl_mb(); /* (S) */
}

/**
 * spl_feed_bind() - bind the change feed to groups: each record pulses them, whatever else its change pulses
 * @s: the store, writable
 * @set: mask of groups to add
 * @clear: mask of groups to take away, before
 *
 * For who follows the feed and sleeps in between. Of a store without one it does nothing. Any thread.
 */
static inline void spl_feed_bind(const struct spl_store *s, __u64 set, __u64 clear)
{
	if (clear)
		spl_and64(&s->signal->feed_groups, ~clear);
	if (set)
		spl_or64(&s->signal->feed_groups, set);
	spl_mb(); /* (S) */
}

/**
 * spl_group_count() - how often a group was pulsed
 * @s: the store
 * @group: its number, below SPL_GROUPS
 * @count: out: the counter; wraps
 *
 * Return: 0; -EINVAL: no such group. Any thread. What was published before a pulse is seen by who saw its count.
 */
static inline int spl_group_count(const struct spl_store *s, __u32 group, __u64 *count)
{
	if (group >= SPL_GROUPS)
		return -EINVAL;
	*count = spl_load_acquire(&s->signal->group[group].count);
	return 0;
}

/**
 * spl_signal() - pulse groups without changing a key
 * @w: the writer
 * @groups: mask of groups
 *
 * spl_ring_due() says then whether somebody sleeps on one of them.
 */
static inline void spl_signal(struct spl_writer *w, __u64 groups)
{
	struct spl_counters to = { groups, 0 };

	spl_pulse(w->s, w->cell, to);
}

#endif /* _UAPI_SPLINTER_WATCH_H */
