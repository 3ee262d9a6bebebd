/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_check.h - verifies index, lanes, writer cells and free map of a store against each other, and mends what
 * is found when told to. What a dead writer left in the middle of an operation is splinter_reap.h's, done before.
 *
 * Each lane must be referred to exactly once: by a live cell, by a slot of a writer cell, on its way (extra), or by
 * the free map. Where two claim it, the index wins over a slot and a slot over the map.
 */
#ifndef _UAPI_SPLINTER_CHECK_H
#define _UAPI_SPLINTER_CHECK_H

#include "splinter_reap.h"

/**
 * struct spl_check_work - what a check works with
 * @seen: (lanes_total + 63) / 64 zeroed words, private memory
 * @poll: called every 64 steps with @poll_arg; not 0: the check ends with that
 * @poll_arg: see @poll
 */
struct spl_check_work {
	__u64 *seen;
	int (*poll)(void *arg);
	void *poll_arg;
};

#define SPL_CHECK_STRIDE 64U

static inline int spl_check_poll(const struct spl_check_work *w, __u32 i)
{
	return w->poll && !(i % SPL_CHECK_STRIDE) ? w->poll(w->poll_arg) : 0;
}

/* Mark a lane as referred to; false if it was already. */
static inline bool spl_check_mark(const struct spl_check_work *w, __u32 n)
{
	__u64 bit = 1ULL << (n % 64);
	bool first = !(w->seen[n / 64] & bit);

	w->seen[n / 64] |= bit;
	return first;
}

/* Does the live cell at @pos hold what its word says? Keeps the key's hit for the caller. */
static inline int spl_check_live(const struct spl_store *s, __u64 pos, __u64 word,
				 struct spl_hit *hit)
{
	struct spl_lane *lane = spl_lane_at(s, spl_lane_of(s, word));
	unsigned char key[SPL_KEY_MAX];
	__u64 seq, hash, *cell = spl_cell_at(s, pos);
	__u32 klen, vlen;
	int r;

	if (!lane)
		return SPL_MISS;
	seq = spl_load_acquire(&lane->seq); /* (c) */
	klen = spl_load(&lane->klen);
	vlen = spl_load(&lane->vlen);
	if (klen > s->key_max || vlen > s->value_max)
		klen = 0;
	spl_copy(key, spl_lane_key(lane), klen);
	spl_rmb(); /* (b) */
	if (!spl_seq_names(s, seq, word) || !spl_seq_held(seq, spl_load(&lane->seq))) {
		spl_rmb(); /* (K) */
		/* A writer is at it; or the word stays and names nothing, see spl_hit_lost(). */
		return spl_load(cell) == word ? SPL_MISS : SPL_AGAIN;
	}
	hash = spl_hash(s, key, klen);
	hit->home = spl_home(s, hash);
	if (!klen ||
	    (word & SPL_CELL_HEAD & ~SPL_CELL_STATE) !=
		    (spl_tag(hash) | spl_dist(spl_dist_of(word))) ||
	    spl_bucket_at(s, hit->home, spl_dist_of(word)) != pos / SPL_BUCKET_SLOTS)
		return SPL_MISS;
	r = spl_find(s, hash, key, klen, hit);
	if (r == SPL_MISS)
		hit->pos = SPL_POS_NONE;
	else if (r < 0) /* a neighbour is damaged, and counted as such */
		hit->pos = pos;
	return r == SPL_AGAIN || spl_load(cell) != word ? SPL_AGAIN : SPL_FOUND;
}

static inline void spl_check_cell(const struct spl_store *s, const struct spl_check_work *w,
				  __u64 pos, bool repair, struct spl_check_counts *c)
{
	__u64 word = spl_load_acquire(spl_cell_at(s, pos)), guard, asked;
	struct spl_hit hit;
	bool drop = false;
	int r;

	hit.pos = pos;
	hit.home = 0;
	switch (word & SPL_CELL_STATE) {
	case SPL_CELL_LIVE:
		break;
	case SPL_CELL_TENTATIVE:
		c->tentative++;
		drop = true;
		goto out;
	case SPL_CELL_DEAD:
		c->dead++;
		drop = true;
		goto out;
	default:
		if (word != SPL_CELL_EMPTY) {
			c->cells_bad++;
			drop = true;
		}
		goto out;
	}
	r = spl_check_live(s, pos, word, &hit);
	if (r == SPL_AGAIN) {
		c->live++;
		if (spl_lane_at(s, spl_lane_of(s, word)))
			spl_check_mark(w, spl_lane_of(s, word));
		return;
	}
	/* A delete makes the epoch its bucket's floor: see spl_check_overflow(), whose limit no mended key may reach. */
	if (r != SPL_FOUND || spl_load(&spl_lane_at(s, spl_lane_of(s, word))->epoch) >> 61) {
		c->cells_bad++;
		drop = true;
		goto out;
	}
	if (!spl_check_mark(w, spl_lane_of(s, word))) {
		c->lanes_shared++;
		drop = true;
		goto out;
	}
	c->live++;
	guard = spl_load(&spl_attr_at(s, pos)->guard);
	if ((guard & SPL_INC) == (spl_load(&spl_lane_at(s, spl_lane_of(s, word))->inc) & SPL_INC))
		c->attrs_live++;
	asked = spl_pairs_ask(s, pos) & ~spl_load(spl_notice_at(s, pos));
	if (repair && asked) {
		spl_notice_ask(s, pos, asked);
		c->repaired++;
	}
	if (hit.pos == SPL_POS_NONE) {
		c->overflow_missing++;
		if (repair && spl_dist_of(word)) {
			spl_overflow_set(s, hit.home, word);
			c->repaired++;
		}
	} else if (hit.pos != pos) {
		c->keys_twice++;
		c->live--;
		w->seen[spl_lane_of(s, word) / 64] &= ~(1ULL << (spl_lane_of(s, word) % 64));
		drop = true;
	}
out:
	if (drop && repair) {
		spl_store_release(spl_cell_at(s, pos), SPL_CELL_EMPTY);
		c->repaired++;
	}
}

static inline void spl_check_overflow(const struct spl_store *s, __u32 bucket, bool repair,
				      struct spl_check_counts *c)
{
	__u64 overflow = spl_load_acquire(&s->index[bucket].overflow) & SPL_OVERFLOW_MASK;
	__u64 stale = overflow & ~spl_overflow_needed(s, bucket, overflow);

	/* No key is published that often; above such a floor none could be made any more. */
	if (spl_load(&s->attrs[bucket].epoch_floor) >> 62) {
		c->cells_bad++;
		if (repair) {
			spl_store(&s->attrs[bucket].epoch_floor, 0);
			c->repaired++;
		}
	}
	/* SPL_NOTICE too many costs a look, and stays where a change of a pair met a delete. */
	c->overflow_stale += spl_nr_bits(stale & ~SPL_NOTICE);
	if (stale && repair) {
		spl_and64(&s->index[bucket].overflow, ~stale);
		c->repaired++;
	}
}

static inline void spl_check_writer(const struct spl_store *s, const struct spl_check_work *w,
				    __u32 idx, bool repair, struct spl_check_counts *c)
{
	struct spl_wcell *cell = &s->wcells[idx];
	__u32 k, n;

	c->writers += !!spl_load(&cell->owner);
	if (repair && (spl_load(&cell->op) || spl_load(&cell->extra))) {
		/* No operation is under way; whoever gets the cell next would take these for his own. */
		spl_store_release(&cell->op, SPL_OP_NONE);
		spl_store_release(&cell->extra, 0);
		c->repaired++;
	}
	for (k = 0; k < s->spares; k++) {
		n = spl_load(&cell->slots[k]);
		if (n < s->lanes_total && spl_check_mark(w, n)) {
			c->lanes_spare++;
			continue;
		}
		c->lanes_shared++;
		if (repair) /* one that nothing refers to is found for it later */
			spl_store(&cell->slots[k], ~0U);
	}
	if (spl_extra_lane(s, spl_load(&cell->extra), &n) && spl_check_mark(w, n))
		c->lanes_flight++;
}

static inline void spl_check_free(const struct spl_store *s, const struct spl_check_work *w,
				  __u32 n, bool repair, struct spl_check_counts *c)
{
	struct spl_lane *lane = spl_lane_at(s, n);

	if (lane && (spl_load_acquire(&lane->seq) & SPL_LANE_STATE) == SPL_LANE_FREE &&
	    spl_check_mark(w, n)) {
		c->lanes_free++;
		return;
	}
	c->free_stale++;
	if (repair) {
		spl_and64(&s->free[n / 64], ~(1ULL << (n % 64)));
		c->repaired++;
	}
}

/* A lane that nothing refers to: for a slot that lacks one, else for the free map. */
static inline void spl_check_adopt(const struct spl_store *s, __u32 n, __u32 *lack,
				   struct spl_check_counts *c)
{
	struct spl_lane *lane = spl_lane_at(s, n);
	__u64 seq = spl_load(&lane->seq);

	for (; *lack < s->max_writers * s->spares; ++*lack) {
		__u32 *slot = &s->wcells[*lack / s->spares].slots[*lack % s->spares];

		if (spl_load(slot) != ~0U)
			continue;
		spl_store(&lane->seq, spl_seq_next(seq, *lack / s->spares, SPL_LANE_SPARE));
		spl_store_release(slot, n);
		c->repaired++;
		return;
	}
	spl_store_release(&lane->seq, spl_seq_next(seq, 0, SPL_LANE_FREE));
	spl_pool_show(s, n);
	c->repaired++;
}

/* Slots that lack a lane though none was lost: the free map has one too many. */
static inline void spl_check_refill(const struct spl_store *s, __u32 lack,
				    struct spl_check_counts *c)
{
	struct spl_lane *lane;
	__u32 word = 0, n;
	__u32 *slot;
	__u64 bits;

	for (; lack < s->max_writers * s->spares; lack++) {
		slot = &s->wcells[lack / s->spares].slots[lack % s->spares];
		if (spl_load(slot) != ~0U)
			continue;
		for (bits = 0; word < s->free_words && !bits;) {
			bits = spl_load(&s->free[word]);
			word += !bits;
		}
		n = bits ? word * 64 + (__u32)__builtin_ctzll(bits) : ~0U;
		lane = spl_lane_at(s, n);
		if (!lane)
			return;
		spl_and64(&s->free[word], ~(bits & -bits));
		spl_store(&lane->seq,
			  spl_seq_next(spl_load(&lane->seq), lack / s->spares, SPL_LANE_SPARE));
		spl_store_release(slot, n);
		c->repaired++;
	}
}

/**
 * spl_check() - verify a whole store, and mend it if told to
 * @s: the store
 * @w: what to work with
 * @flags: mask of SPL_CHECK_ALL; SPL_CHECK_REPAIR only while nobody writes and all dead writers are reaped
 * @c: out: what was found; see struct spl_check_counts
 *
 * Safe on any bytes. While others write, what moves between two looks may be counted twice or not at all.
 *
 * Return: 0; -EOPNOTSUPP: unknown flags; or what w->poll returned.
 */
static inline int spl_check(const struct spl_store *s, const struct spl_check_work *w, __u32 flags,
			    struct spl_check_counts *c)
{
	bool repair = flags & SPL_CHECK_REPAIR;
	__u32 i, k, lack = 0;
	__u64 bits;
	int r;

	if (flags & ~SPL_CHECK_ALL)
		return -EOPNOTSUPP;
	memset(c, 0, sizeof(*c));
	for (i = 0; i < s->buckets; i++) {
		for (k = 0; k < SPL_BUCKET_CELLS; k++)
			spl_check_cell(s, w, (__u64)i * SPL_BUCKET_SLOTS + k, repair, c);
		r = spl_check_poll(w, i);
		if (r)
			return r;
	}
	for (i = 0; i < s->buckets; i++) {
		spl_check_overflow(s, i, repair, c);
		r = spl_check_poll(w, i);
		if (r)
			return r;
	}
	for (i = 0; i < s->max_writers; i++)
		spl_check_writer(s, w, i, repair, c);
	for (i = 0; i < s->free_words; i++) {
		for (bits = spl_load(&s->free[i]); bits; bits &= bits - 1)
			spl_check_free(s, w, i * 64 + (__u32)__builtin_ctzll(bits), repair, c);
		r = spl_check_poll(w, i);
		if (r)
			return r;
	}
	for (i = 0; i < s->lanes_total; i++) {
		if (!(w->seen[i / 64] & 1ULL << (i % 64))) {
			c->lanes_lost++;
			if (repair)
				spl_check_adopt(s, i, &lack, c);
		}
		r = spl_check_poll(w, i);
		if (r)
			return r;
	}
	if (repair)
		spl_check_refill(s, lack, c);
	return 0;
}

#endif /* _UAPI_SPLINTER_CHECK_H */
