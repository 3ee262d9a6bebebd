/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_attr.h - attributes of a key: type, user flags, labels. They are changed without copying the value, outlive
 * overwrites, and end with the key. Values are splinter_write.h's.
 *
 * A pair {guard, word} per cell is changed by one 16-byte compare-and-swap. The guard carries the incarnation of the
 * key that the pair belongs to; with any other it is stale and reads as zeros. A stale pair may only be replaced once
 * the cell was seen to hold the changer's incarnation after the pair was loaded: then the pair's owner came before it,
 * and whatever that owner still does fails or stays stale. (L): who sees a later key's pair sees its own word gone from
 * the cell.
 */
#ifndef _UAPI_SPLINTER_ATTR_H
#define _UAPI_SPLINTER_ATTR_H

#include "splinter_write.h"

/**
 * struct spl_attr_value - attributes of a key
 * @labels: one bit each
 * @type: enum spl_type
 * @user: user flags
 */
struct spl_attr_value {
	__u64 labels;
	__u8 type;
	__u8 user;
};

#define SPL_ATTR_KEEP_TYPE 0xffU

/**
 * struct spl_attr_edit - a change of attributes, made as one
 * @labels_must: labels that @labels_are speaks of: the change is made only if these are as there
 * @labels_are: see @labels_must
 * @labels_set: labels to set
 * @labels_clear: labels to clear, before @labels_set
 * @type: enum spl_type, or SPL_ATTR_KEEP_TYPE
 * @user_set: user flags to set
 * @user_clear: user flags to clear, before @user_set
 */
struct spl_attr_edit {
	__u64 labels_must;
	__u64 labels_are;
	__u64 labels_set;
	__u64 labels_clear;
	__u8 type;
	__u8 user_set;
	__u8 user_clear;
};

static inline void spl_attr_decode(__u64 inc, __u64 guard, __u64 word, struct spl_attr_value *v)
{
	bool mine = (guard & SPL_INC) == inc;

	v->labels = mine ? word : 0;
	v->type = mine ? (__u8)(guard >> SPL_ATTR_TYPE_SHIFT) & SPL_ATTR_TYPE : 0;
	v->user = mine ? (__u8)(guard >> SPL_ATTR_USER_SHIFT) : 0;
}

/* Where a key is and which incarnation it has: 0, or a negative errno. */
static inline int spl_attr_find(const struct spl_store *s, __u64 hash, const void *key, __u32 klen,
				struct spl_hit *hit, __u64 *inc)
{
	__u32 tries = 0;
	int r;

	do {
		r = spl_find(s, hash, key, klen, hit);
		if (r == SPL_FOUND) {
			*inc = spl_load(&hit->lane->inc) & SPL_INC;
			if (spl_hit_held(hit))
				return 0;
			r = spl_hit_lost(s, hit);
		}
		r = spl_look_failed(r, &tries);
	} while (!r);
	return r;
}

/*
 * May a pair with @guard, loaded after the hit, be taken for the hit's key? If it is another incarnation's, the cell must
 * still be this one's; a word that changed by an overwrite only means another look.
 */
static inline bool spl_attr_is_of(const struct spl_store *s, const struct spl_hit *hit, __u64 inc,
				  __u64 guard)
{
	if ((guard & SPL_INC) == inc)
		return true;
	spl_rmb(); /* (L) */
	return spl_load(spl_cell_at(s, hit->pos)) == hit->word;
}

/**
 * spl_attr_get() - attributes of a key
 * @s: the store
 * @key: the key
 * @klen: its bytes
 * @v: out: the attributes
 *
 * Return: 0, or as spl_get(). Lock-free, any thread.
 */
static inline int spl_attr_get(const struct spl_store *s, const void *key, __u32 klen,
			       struct spl_attr_value *v)
{
	__u64 hash, inc, guard, word;
	struct spl_hit hit;
	__u32 tries = 0;
	int r = spl_key_check(s, klen);

	if (r)
		return r;
	hash = spl_hash(s, key, klen);
	while (++tries < SPL_TRIES) {
		r = spl_attr_find(s, hash, key, klen, &hit, &inc);
		if (r)
			return r;
		if (!spl_attr_load(spl_attr_at(s, hit.pos), &guard, &word))
			break;
		if (!spl_attr_is_of(s, &hit, inc, guard))
			continue;
		spl_attr_decode(inc, guard, word, v);
		return 0;
	}
	return -EAGAIN;
}

/* After a key's labels changed from @was to @now. */
static spl_noinline void spl_labels_notice(struct spl_writer *w, const struct spl_hit *hit,
					   __u64 hash, __u64 inc, __u64 was, __u64 now)
{
	struct spl_event e = { SPL_FEED_LABEL, 0, hit->pos, inc, 0, hash, NULL };
	const struct spl_store *s = w->s;

	spl_mb_after_cas(); /* (S) */
	spl_pulse(s, w->cell, spl_bound_to(s, hash, hit->pos, inc, was | now));
	if (s->feed_bytes)
		spl_feed_append(s, w->idx, &e);
}

/**
 * spl_attr_change() - change attributes of a key in one step
 * @w: the writer
 * @key: the key
 * @klen: its bytes
 * @e: the change
 * @was: out: the attributes before it, or NULL; filled for -ESTALE as well
 *
 * With @labels_must it is a test-and-set: of many workers that try the same, exactly one succeeds. A change of labels
 * pulses the groups of the key's watch mask and those of all labels that the key had or has.
 *
 * Return: 0; -ESTALE: the labels aren't as required; -EINVAL: no such type; -ENOENT, -EMSGSIZE, -EAGAIN, -EBADMSG as
 * spl_get().
 */
static inline int spl_attr_change(struct spl_writer *w, const void *key, __u32 klen,
				  const struct spl_attr_edit *e, struct spl_attr_value *was)
{
	const struct spl_store *s = w->s;
	__u64 hash, inc, guard, word, now_guard, now_word;
	struct spl_attr_value v;
	struct spl_attr *a;
	struct spl_hit hit;
	__u32 tries = 0;
	int r = spl_key_check(s, klen);

	if (r)
		return r;
	if (e->type != SPL_ATTR_KEEP_TYPE && e->type >= SPL_TYPE_COUNT)
		return -EINVAL;
	hash = spl_hash(s, key, klen);
	while (++tries < SPL_TRIES) {
		r = spl_attr_find(s, hash, key, klen, &hit, &inc);
		if (r)
			return r;
		a = spl_attr_at(s, hit.pos);
		if (!spl_attr_load(a, &guard, &word))
			break;
		if (!spl_attr_is_of(s, &hit, inc, guard))
			continue;
		spl_attr_decode(inc, guard, word, &v);
		if (was)
			*was = v;
		if ((v.labels ^ e->labels_are) & e->labels_must)
			return -ESTALE;
		if (e->type != SPL_ATTR_KEEP_TYPE)
			v.type = e->type;
		v.user = (__u8)((v.user & ~e->user_clear) | e->user_set);
		now_word = (v.labels & ~e->labels_clear) | e->labels_set;
		now_guard = inc | (__u64)v.type << SPL_ATTR_TYPE_SHIFT |
			    (__u64)v.user << SPL_ATTR_USER_SHIFT;
		if ((guard & SPL_INC) == inc)
			now_guard |= guard & SPL_ATTR_WAITED;
		spl_declare(w, SPL_OP_ATTR, 0, hit.pos, v.labels | now_word);
		if (spl_cas128(&a->guard, guard, word, now_guard, now_word)) { /* (L) */
			spl_count(&w->cell->nr_attr);
			if (e->labels_set)
				spl_notice_ask(s, hit.pos, SPL_NOTICE_ATTR); /* (S) */
			if (v.labels != now_word)
				spl_labels_notice(w, &hit, hash, inc, v.labels, now_word);
			spl_store_release(&w->cell->op, SPL_OP_NONE);
			return 0;
		}
		spl_store_release(&w->cell->op, SPL_OP_NONE);
	}
	return -EAGAIN;
}

/*
 * The key in a cell with its labels, both of one moment, if it is of the incarnation @inc: 1; 0: another one or none; -EAGAIN:
 * others replace its value without end.
 */
static inline int spl_attr_look(const struct spl_store *s, __u64 pos, __u64 inc, void *key,
				struct spl_meta *m, __u64 *labels)
{
	__u64 word, seq, guard, set;
	struct spl_lane *lane;
	__u32 klen, vlen, tries;

	for (tries = 0; tries < SPL_TRIES; tries++) {
		word = spl_load_acquire(spl_cell_at(s, pos));
		lane = spl_lane_at(s, spl_lane_of(s, word));
		if ((word & SPL_CELL_STATE) != SPL_CELL_LIVE || !lane)
			return 0;
		seq = spl_load_acquire(&lane->seq); /* (c) */
		klen = spl_load(&lane->klen);
		vlen = spl_load(&lane->vlen);
		spl_meta_load(m, lane, klen, vlen);
		if (klen <= s->key_max)
			spl_copy(key, spl_lane_key(lane), klen);
		*labels = 0;
		if (spl_attr_load(spl_attr_at(s, pos), &guard, &set) && (guard & SPL_INC) == inc)
			*labels = set;
		spl_rmb(); /* (b) */
		if (spl_seq_names(s, seq, word) && spl_seq_held(seq, spl_load(&lane->seq)))
			return klen && klen <= s->key_max && vlen <= s->value_max &&
			       (m->inc & SPL_INC) == inc;
		spl_rmb(); /* (K) */
		if (spl_load(spl_cell_at(s, pos)) == word)
			return 0; /* damaged, see spl_hit_lost() */
	}
	return -EAGAIN;
}

/* The cells of a bucket, as bits, whose labels may be as asked for. */
static spl_inline __u32 spl_labels_in(const struct spl_attrs *a, __u64 mask, __u64 are)
{
	__u32 i, cells = 0;

	for (i = 0; i < SPL_BUCKET_CELLS; i++)
		cells |= (__u32)((spl_load(&a->cell[i].word) & mask) == are) << i;
	return cells;
}

/**
 * spl_next_labelled() - walk over the keys with certain labels
 * @s: the store
 * @cursor: in: 0 to start, or what the last call left; out: where to go on
 * @mask: labels that @are speaks of
 * @are: what they are; one at least must be set
 * @key: out: the key; room for s->key_max bytes
 * @meta: out: of the key's publication
 * @labels: out: all its labels
 *
 * Reads the plane of attributes from one end to the other, and of keys only those that are told. A key that has these
 * labels from the first call to the last is told once; one that gets or loses them meanwhile may be told or not.
 *
 * Return: bytes of the key, 0 at the end, -EINVAL: no label is to be set: see spl_next().
 */
static inline long spl_next_labelled(const struct spl_store *s, __u64 *cursor, __u64 mask,
				     __u64 are, void *key, struct spl_meta *meta, __u64 *labels)
{
	__u64 bucket, pos, from, guard, word;
	__u32 cells;

	if (!(are & mask) || (are & ~mask))
		return -EINVAL;
	for (bucket = *cursor / SPL_BUCKET_SLOTS; bucket < s->buckets; bucket++) {
		cells = spl_labels_in(&s->attrs[bucket], mask, are);
		if (spl_likely(!cells))
			continue;
		from = *cursor / SPL_BUCKET_SLOTS == bucket ? *cursor % SPL_BUCKET_SLOTS : 0;
		for (cells &= ~0U << from; cells; cells &= cells - 1) {
			pos = bucket * SPL_BUCKET_SLOTS + (__u32)__builtin_ctz(cells);
			if (!spl_attr_load(spl_attr_at(s, pos), &guard, &word) ||
			    spl_attr_look(s, pos, guard & SPL_INC, key, meta, labels) != 1 ||
			    (*labels & mask) != are)
				continue;
			*cursor = pos + 1;
			return meta->klen;
		}
	}
	*cursor = (__u64)s->buckets * SPL_BUCKET_SLOTS;
	return 0;
}

#endif /* _UAPI_SPLINTER_ATTR_H */
