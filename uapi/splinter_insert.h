/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_insert.h - making a key that isn't there, at most once, though several writers may try and any of them may
 * stop or die. Replacing and deleting are splinter_write.h's; what a dead inserter left is splinter_reap.h's.
 *
 * The sequence word of the lane is the decision (pending, then ready or aborted); the cell follows it:
 *
 *	1. lane: pending
 *	2. cell: empty -> tentative (no reader sees it); then, away from home, the home's overflow bit
 *	3. full barrier							(D)
 *	4. judge: look at all cells of the key's probe range for a twin
 *	     a live one, or a tentative one in a lower cell: abort
 *	     a tentative one in a higher cell: abort that; if it was ready already, make it live: a live twin
 *	     none, and the epoch is above the bucket's floor: ready
 *	5. cell: tentative -> live if ready, -> empty if aborted
 *
 * Whoever meets a tentative cell of its own key helps with 4 and 5, and goes on; so a stopped inserter delays nobody.
 * The inserter itself reads its lane's word last: aborted means try again; any other word than its own pending one
 * means that the insert happened, be it long ago.
 *
 * (D) pairs with itself in the other inserter and in a helper: of two that place and then look, one sees the other.
 * (E) overflow bits: they are asked for, with a new version, after the cell is taken and before the lane can be
 *     ready; who clears it loads the overflow word before it looks at the cells, and its compare-and-swap fails on a
 *     new version. So a live key away from home always has its bits.
 * (F) the floor is loaded after the look for twins; a deleter raises it before its compare-and-swap. So a look that
 *     missed a deleted twin sees that one's epoch in the floor, and epochs never go back.
 */
#ifndef _UAPI_SPLINTER_INSERT_H
#define _UAPI_SPLINTER_INSERT_H

#include "splinter_notice.h"

#define SPL_POS_NONE (~0ULL)
#define SPL_ORDER_NONE (~0U)

/* Ask for the overflow bits of a cell word (E). False only if others change the overflow word without end. */
static inline bool spl_overflow_set(const struct spl_store *s, __u32 home, __u64 word)
{
	__u64 *p = &s->index[home].overflow;
	__u32 tries;
	__u64 was;

	for (tries = 0; tries < SPL_TRIES; tries++) {
		was = spl_load(p);
		if (spl_cas64(p, was, (was | spl_overflow_of(word)) + SPL_OVERFLOW_VERSION))
			return true;
	}
	return false;
}

/* The bits of @overflow that a cell, or one of its pairs, needs. */
static inline __u64 spl_overflow_needed(const struct spl_store *s, __u32 home, __u64 overflow)
{
	__u64 needed = overflow & SPL_NOTICE ? spl_notice_needed(s, home) : 0;
	__u64 bits, word, state, *cell;
	__u32 d, i;

	for (bits = overflow & SPL_OVERFLOW_DISTS; bits; bits &= bits - 1) {
		d = (__u32)__builtin_ctzll(bits);
		cell = s->index[spl_bucket_at(s, home, d)].cell;
		for (i = 0; i < SPL_BUCKET_CELLS; i++) {
			word = spl_load(&cell[i]);
			state = word & SPL_CELL_STATE;
			if (spl_dist_of(word) != d)
				continue;
			if (state == SPL_CELL_LIVE || state == SPL_CELL_TENTATIVE)
				needed |= spl_overflow_of(word);
			else if (state == SPL_CELL_DEAD) /* for spl_end_owed() */
				needed |= 1ULL << d;
		}
	}
	return needed;
}

/* Clear the overflow bits that no cell needs any more (E). Bits left over cost look-ups a line, no more. */
static inline void spl_overflow_clear(const struct spl_store *s, __u32 home)
{
	__u64 *p = &s->index[home].overflow;
	__u64 was, now;
	__u32 tries;

	/* Few tries: it only saves look-ups a line, and the kernel runs it beside hostile writers. */
	for (tries = 0; tries < 64; tries++) {
		was = spl_load_acquire(p);
		now = was & (~SPL_OVERFLOW_MASK | spl_overflow_needed(s, home, was));
		if (now == was || spl_cas64(p, was, now))
			return;
	}
}

/* A cell's place in a key's probe sequence: the same for all who look for that key. */
static spl_inline __u32 spl_order(__u64 pos, __u64 word)
{
	return spl_dist_of(word) * SPL_BUCKET_SLOTS + (__u32)(pos % SPL_BUCKET_SLOTS);
}

/*
 * The next cell of the probe sequence, at or after order @from and other than order @self, that holds the key of @f,
 * tentative or live. SPL_FOUND (its bytes held; its order in @order), SPL_MISS, SPL_AGAIN, -EBADMSG.
 */
static spl_noinline int spl_next_twin(const struct spl_store *s, const struct spl_fill *f,
				      __u32 from, __u32 self, struct spl_hit *hit, __u32 *order)
{
	__u64 overflow = spl_load_acquire(&s->index[f->home].overflow);
	__u64 bits = 1, head, word, *cell;
	__u32 d, i, bucket;
	int r;

	if (overflow & spl_overflow_tag(spl_tag(f->hash)))
		bits |= overflow & SPL_OVERFLOW_DISTS;
	for (; bits; bits &= bits - 1) {
		d = (__u32)__builtin_ctzll(bits);
		bucket = spl_bucket_at(s, f->home, d);
		head = spl_tag(f->hash) | spl_dist(d);
		for (i = 0; i < SPL_BUCKET_CELLS; i++) {
			*order = d * SPL_BUCKET_SLOTS + i;
			if (*order < from || *order == self)
				continue;
			cell = &s->index[bucket].cell[i];
			word = spl_load_acquire(cell);
			if (((word ^ head) & SPL_CELL_HEAD & ~SPL_CELL_STATE) || !word ||
			    (word & SPL_CELL_STATE) == SPL_CELL_DEAD)
				continue;
			r = spl_match(s, cell, word, f->key, f->klen, hit);
			if (r == SPL_MISS)
				continue;
			hit->pos = (__u64)bucket * SPL_BUCKET_SLOTS + i;
			hit->home = f->home;
			if (r == SPL_FOUND && !spl_hit_held(hit))
				r = spl_hit_lost(s, hit);
			return r;
		}
	}
	return SPL_MISS;
}

/* Let the cell of a decided insert follow the decision @seq. */
static inline void spl_settle(const struct spl_store *s, __u32 home, __u64 pos, __u64 word,
			      __u64 seq)
{
	__u64 *cell = spl_cell_at(s, pos);

	switch (seq & SPL_LANE_STATE) {
	case SPL_LANE_READY:
		spl_cas64(cell, word, word ^ (SPL_CELL_TENTATIVE | SPL_CELL_LIVE)); /* (A) */
		break;
	case SPL_LANE_ABORTED:
		if (spl_cas64(cell, word, SPL_CELL_EMPTY) && spl_dist_of(word))
			spl_overflow_clear(s, home);
		break;
	default: /* published, replaced and reused by now: the cell holds another word */
		break;
	}
}

enum spl_verdict {
	SPL_CLEAR, /* no twin: may become ready */
	SPL_TWIN, /* a live twin, or the epoch is too low: must abort */
	SPL_LOWER, /* a tentative twin in a lower cell */
	SPL_UNSURE, /* things moved: look again */
};

/*
 * May the tentative cell of order @self, whose lane has @epoch, become live? Aborts tentative twins in higher cells.
 * A verdict, or -EBADMSG.
 */
static spl_noinline int spl_judge(const struct spl_store *s, const struct spl_fill *f, __u32 self,
				  __u64 epoch)
{
	__u32 from = 0, order;
	struct spl_hit twin;
	__u64 seq;
	int r;

	for (;; from = order + 1) {
		r = spl_next_twin(s, f, from, self, &twin, &order);
		if (r < 0)
			return r;
		if (r == SPL_AGAIN)
			return SPL_UNSURE;
		if (r == SPL_MISS)
			break;
		if ((twin.word & SPL_CELL_STATE) == SPL_CELL_LIVE)
			return SPL_TWIN;
		if ((twin.seq & SPL_LANE_STATE) == SPL_LANE_PENDING && order < self)
			return SPL_LOWER;
		if ((twin.seq & SPL_LANE_STATE) == SPL_LANE_PENDING)
			spl_cas64(&twin.lane->seq, twin.seq,
				  (twin.seq & ~SPL_LANE_STATE) | SPL_LANE_ABORTED);
		seq = spl_load_acquire(&twin.lane->seq);
		if (!spl_seq_names(s, seq, twin.word))
			return SPL_UNSURE;
		spl_settle(s, f->home, twin.pos, twin.word, seq);
		if ((seq & SPL_LANE_STATE) != SPL_LANE_ABORTED)
			return SPL_UNSURE;
	}
	spl_rmb(); /* (F) */
	return epoch > spl_load(&s->attrs[f->home].epoch_floor) ? SPL_CLEAR : SPL_TWIN;
}

/* Decide the tentative cell @t of the same key, as far as that is possible now; the caller looks again. */
static spl_noinline int spl_help(struct spl_writer *w, const struct spl_fill *f,
				 const struct spl_hit *t)
{
	__u64 seq = spl_load_acquire(&t->lane->seq), epoch, state;
	const struct spl_store *s = w->s;
	__u32 d = spl_dist_of(t->word);
	int verdict = SPL_UNSURE;

	if (!spl_seq_names(s, seq, t->word))
		return 0;
	spl_count(&w->cell->nr_help);
	if ((seq & SPL_LANE_STATE) == SPL_LANE_PENDING) {
		epoch = spl_load(&t->lane->epoch);
		if (d) {
			spl_declare(w, SPL_OP_HELP, 0, t->pos, t->word);
			if (spl_overflow_set(s, f->home, t->word)) /* (E) */
				verdict = SPL_CLEAR;
		}
		spl_mb(); /* (D) */
		if (!d || verdict == SPL_CLEAR)
			verdict = spl_judge(s, f, spl_order(t->pos, t->word), epoch);
		if (verdict == SPL_CLEAR || verdict == SPL_TWIN) {
			state = verdict == SPL_CLEAR ? SPL_LANE_READY : SPL_LANE_ABORTED;
			spl_cas64(&t->lane->seq, seq, (seq & ~SPL_LANE_STATE) | state);
		}
		seq = spl_load_acquire(&t->lane->seq);
	}
	if (spl_seq_names(s, seq, t->word))
		spl_settle(s, f->home, t->pos, t->word, seq);
	if (d) {
		/* The insert may have ended before its bit was asked for. */
		spl_overflow_clear(s, f->home);
		spl_store_release(&w->cell->op, SPL_OP_NONE);
	}
	return verdict < 0 ? verdict : 0;
}

/* The first empty cell of a probe sequence, and its distance. */
static inline __u64 spl_first_empty(const struct spl_store *s, __u32 home, __u32 *d)
{
	__u32 i, bucket;

	for (*d = 0; *d <= SPL_DIST_MAX; ++*d) {
		bucket = spl_bucket_at(s, home, *d);
		for (i = 0; i < SPL_BUCKET_CELLS; i++)
			if (spl_load(&s->index[bucket].cell[i]) == SPL_CELL_EMPTY)
				return (__u64)bucket * SPL_BUCKET_SLOTS + i;
	}
	return SPL_POS_NONE;
}

/* Place the pending lane of @f in the first empty cell. 1: placed; 0: look again; -EEXIST, -ENOSPC, -EBADMSG. */
static inline int spl_place(struct spl_writer *w, const struct spl_fill *f, __u64 *pos, __u64 *word)
{
	const struct spl_store *s = w->s;
	struct spl_hit twin, first;
	bool tentative = false;
	__u32 from = 0, order, d;
	int r;

	for (;; from = order + 1) {
		r = spl_next_twin(s, f, from, SPL_ORDER_NONE, &twin, &order);
		if (r == SPL_MISS)
			break;
		if (r != SPL_FOUND)
			return r < 0 ? r : 0;
		if ((twin.word & SPL_CELL_STATE) == SPL_CELL_LIVE)
			return -EEXIST;
		if (!tentative)
			first = twin;
		tentative = true;
	}
	if (tentative)
		return spl_help(w, f, &first);

	*pos = spl_first_empty(s, f->home, &d);
	if (*pos == SPL_POS_NONE)
		return -ENOSPC;
	*word = SPL_CELL_TENTATIVE | spl_dist(d) | spl_tag(f->hash) | spl_ref(s, f->seq, f->n);
	spl_declare(w, SPL_OP_INSERT, f->slot, *pos, *word);
	if (spl_cas64(spl_cell_at(s, *pos), SPL_CELL_EMPTY, *word)) /* (A) */
		return 1;
	spl_store_release(&w->cell->op, SPL_OP_NONE);
	return 0;
}

/* One try with one generation. 1: happened; 0: aborted, try again with another generation; or a negative errno. */
static inline int spl_insert_once(struct spl_writer *w, struct spl_fill *f, __u64 epoch)
{
	const struct spl_store *s = w->s;
	__u32 d, tries = 0;
	__u64 pos = 0;
	__u64 word = 0, state, seq;
	bool mine;
	int r;

	do {
		if (++tries > SPL_TRIES)
			return -EAGAIN;
		r = spl_place(w, f, &pos, &word);
		if (r < 0)
			return r;
	} while (!r);

	d = spl_dist_of(word);
	state = SPL_LANE_ABORTED;
	r = 0;
	if (!d || spl_overflow_set(s, f->home, word)) { /* (E) */
		spl_mb_after_cas(); /* (D) */
		/* No longer than the lane is undecided: an aborted insert must not go on aborting others. */
		do
			r = spl_judge(s, f, spl_order(pos, word), epoch);
		while (r == SPL_UNSURE && spl_load(&f->lane->seq) == f->seq && ++tries < SPL_TRIES);
		if (r == SPL_CLEAR)
			state = SPL_LANE_READY;
	}
	mine = spl_cas64(&f->lane->seq, f->seq, (f->seq & ~SPL_LANE_STATE) | state);
	seq = spl_load_acquire(&f->lane->seq);
	if ((seq & (SPL_LANE_GEN | SPL_LANE_STATE)) ==
	    ((f->seq & SPL_LANE_GEN) | SPL_LANE_ABORTED)) {
		spl_settle(s, f->home, pos, word, seq);
		f->seq = seq;
		/* The helper that emptied the cell may not have come to the overflow bit. */
		if (d)
			spl_overflow_clear(s, f->home);
		/* Before the next generation is begun: the reaper takes a new generation for proof of publication. */
		spl_store_release(&w->cell->op, SPL_OP_NONE);
		return r < 0 ? r : tries < SPL_TRIES ? 0 : -EAGAIN;
	}
	if ((seq & (SPL_LANE_GEN | SPL_LANE_STATE)) == ((f->seq & SPL_LANE_GEN) | SPL_LANE_READY))
		spl_settle(s, f->home, pos, word, seq);
	/* Others decided it, and may have deleted the key before its bits were asked for here. */
	if (!mine && d)
		spl_overflow_clear(s, f->home);
	return 1;
}

/* The cell and the incarnation are still declared. */
static spl_inline void spl_insert_notice(struct spl_writer *w, const struct spl_fill *f,
					 __u64 epoch)
{
	__u64 pos = spl_load(&w->cell->op) >> SPL_OP_POS_SHIFT;
	__u64 inc = (__u64)w->idx << SPL_OPSEQ_BITS | (spl_load(&w->cell->opseq) & SPL_OPSEQ);
	struct spl_event e = { SPL_FEED_SET, f->klen, pos, inc, epoch, f->hash, f->key };

	spl_notice_insert(w->s, w->idx, &e);
}

/**
 * spl_insert() - make a key
 * @w: the writer
 * @f: key and value, filled
 * @now_ns: the time
 * @epoch: out: the key's first epoch
 *
 * On success the slot holds the lane taken from the free map; otherwise that lane stays in extra for the caller to use
 * or to give back.
 *
 * Return: 0; -EEXIST: the key is there; -ENOSPC: all lanes taken; -EAGAIN, -EBADMSG.
 */
static spl_noinline int spl_insert(struct spl_writer *w, struct spl_fill *f, __u64 now_ns,
				   __u64 *epoch)
{
	struct spl_wcell *cell = w->cell;
	__u32 tries = 0;
	int r = 0;

	while (!(__u32)spl_load(&cell->extra)) {
		__u64 moves = spl_pool_moves(w->s);
		struct spl_hit hit;

		if (!spl_pool_take(w))
			break;
		/* Full: but a key that came meanwhile can be overwritten, and one that went meanwhile left its lane. */
		if (spl_find(w->s, f->hash, f->key, f->klen, &hit) != SPL_MISS)
			return -EEXIST;
		spl_rmb(); /* (M) */
		if (moves != spl_pool_moves(w->s) && tries++ < 64)
			continue;
		spl_count(&w->cell->nr_full);
		return -ENOSPC;
	}
	tries = 0;
	while (!r && tries++ < SPL_TRIES) {
		*epoch = spl_load_acquire(&w->s->attrs[f->home].epoch_floor) + 1;
		spl_fill_end(w, f, *epoch, spl_opseq_next(w), now_ns, now_ns, SPL_LANE_PENDING);
		r = spl_insert_once(w, f, *epoch);
	}
	if (r == 1)
		spl_store_release(&cell->slots[f->slot], (__u32)spl_load(&cell->extra) - 1);
	if (r == 1) {
		spl_store_release(&cell->extra, 0);
		spl_insert_notice(w, f, *epoch);
	}
	spl_store_release(&cell->op, SPL_OP_NONE);
	if (r != 1)
		return r ? r : -EAGAIN;
	w->next = f->slot + 1 < w->s->spares ? f->slot + 1 : 0;
	spl_count(&w->cell->nr_insert);
	spl_count(&w->cell->nr_publish);
	return 0;
}

#endif /* _UAPI_SPLINTER_INSERT_H */
