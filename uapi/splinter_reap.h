/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_reap.h - what is to be done for a writer that died: finish the operation that it had declared if its
 * compare-and-swap took place, take it back if not. Who is dead, and that one only reaps a cell, is the caller's to
 * know: the kernel for the device, libsplinterk for the embedded backend.
 *
 * Every step may be repeated: a reaper that dies itself is followed by another that starts again. All that is read is
 * bounded; every loop ends. Nothing waits for a live process, and live processes may do anything meanwhile.
 */
#ifndef _UAPI_SPLINTER_REAP_H
#define _UAPI_SPLINTER_REAP_H

#include "splinter_watch.h"

/**
 * struct spl_reap_counts - what reaping found; added to
 * @finished: operations that had happened and were completed
 * @undone: operations that had not happened and were taken back
 * @lanes_back: lanes that were on their way and went back to the free map
 */
struct spl_reap_counts {
	__u64 finished;
	__u64 undone;
	__u64 lanes_back;
};

/* Is the lane of the word as writer @idx left it when it offered the word to the index? */
static inline bool spl_reap_untouched(const struct spl_store *s, __u32 idx, __u64 word,
				      const struct spl_lane *lane)
{
	__u64 seq = spl_load_acquire(&lane->seq);

	return spl_seq_names(s, seq, word) &&
	       (seq & ~SPL_LANE_GEN) == ((__u64)idx << SPL_LANE_WRITER_SHIFT | SPL_LANE_READY);
}

/* Did the dead writer's swap take place? See (G) in splinter_write.h. */
static inline bool spl_reap_published(const struct spl_store *s, __u32 idx, __u64 pos, __u64 word,
				      const struct spl_lane *lane)
{
	__u32 i;

	if (spl_load_acquire(spl_cell_at(s, pos)) == word)
		return true;
	if (!spl_reap_untouched(s, idx, word, lane))
		return true;
	spl_mb(); /* (G): the cell, then the old words, then the lane again */
	for (i = 0; i < s->max_writers; i++)
		if (i != idx && spl_load_acquire(&s->wcells[i].old_word) == word)
			return true;
	spl_mb(); /* (G) */
	return !spl_reap_untouched(s, idx, word, lane);
}

/* What others are told of a key: from its lane, as far as that is whole while @word names it. */
static inline bool spl_reap_event(const struct spl_store *s, __u64 pos, __u64 word,
				  unsigned char *key, struct spl_event *e)
{
	struct spl_lane *lane = spl_lane_at(s, spl_lane_of(s, word));
	__u64 seq;

	if (!lane)
		return false;
	seq = spl_load_acquire(&lane->seq); /* (c) */
	e->klen = spl_load(&lane->klen);
	if (!e->klen || e->klen > s->key_max)
		return false;
	spl_copy(key, spl_lane_key(lane), e->klen);
	e->epoch = spl_load(&lane->epoch);
	e->inc = spl_load(&lane->inc) & SPL_INC;
	spl_rmb(); /* (b) */
	if (!spl_seq_names(s, seq, word) || !spl_seq_held(seq, spl_load(&lane->seq)))
		return false;
	e->pos = pos;
	e->hash = spl_hash(s, key, e->klen);
	e->key = key;
	return true;
}

/*
 * Tell others what the dead writer didn't come to, of the key that stands in its cell now. Who replaced it, or took it
 * away, told those to whom the pairs led then; not whom a label that is gone led to, nor who waits for births. Where its
 * hash can't be had it is all bells.
 */
static inline void spl_reap_notice(const struct spl_store *s, __u32 idx, __u64 pos, __u32 kind,
				   __u64 labels, bool born)
{
	__u64 word = spl_load_acquire(spl_cell_at(s, pos));
	struct spl_event e = { kind, 0, pos, 0, 0, 0, NULL };
	bool live = (word & SPL_CELL_STATE) == SPL_CELL_LIVE, known;
	struct spl_counters to = { 0, 0 }, keys;
	unsigned char key[SPL_KEY_MAX];
	__u64 asked;

	known = live && spl_reap_event(s, pos, word, key, &e);
	asked = kind == SPL_FEED_LABEL ? spl_pairs_ask(s, pos) : 0;
	if (asked)
		spl_notice_ask(s, pos, asked); /* (S) */
	spl_mb(); /* (S) */
	if (known) {
		to = spl_bound_to(s, e.hash, pos, e.inc, labels);
	} else {
		to.groups = spl_bound_labels(s, labels | spl_load(&spl_attr_at(s, pos)->word));
		if (s->watch)
			to.groups |= spl_load(&spl_watch_at(s, pos)->word);
		to.bells = live || born ? ~0ULL : 0;
	}
	if (born) {
		keys = spl_bound_keys(s, e.hash);
		to.groups |= keys.groups;
		to.bells |= keys.bells;
	}
	spl_pulse(s, &s->wcells[idx], to);
	if (known && s->feed_bytes)
		spl_feed_append(s, idx, &e);
}

static inline void spl_reap_overflow(const struct spl_store *s, __u64 pos, __u64 word)
{
	if (spl_dist_of(word))
		spl_overflow_clear(s, spl_home_at(s, (__u32)(pos / SPL_BUCKET_SLOTS),
						  spl_dist_of(word)));
}

static inline void spl_reap_swap(const struct spl_store *s, __u32 idx, __u32 slot, __u64 pos,
				 struct spl_reap_counts *c)
{
	struct spl_wcell *cell = &s->wcells[idx];
	__u64 new_word = spl_load(&cell->new_word), old_word = spl_load(&cell->old_word), seq;
	__u32 n_old = spl_lane_of(s, old_word), n_new = spl_lane_of(s, new_word);
	struct spl_lane *old_lane = spl_lane_at(s, n_old), *new_lane = spl_lane_at(s, n_new);

	if (!old_lane || !new_lane)
		return;
	if (spl_load(&cell->slots[slot]) == n_new &&
	    !spl_reap_published(s, idx, pos, new_word, new_lane)) {
		c->undone++;
		return;
	}
	seq = spl_load(&old_lane->seq);
	if (spl_seq_names(s, seq, old_word))
		spl_store(&old_lane->seq, spl_seq(seq, idx, SPL_LANE_SPARE)); /* (G) */
	spl_store_release(&cell->slots[slot], n_old);
	spl_reap_notice(s, idx, pos, SPL_FEED_SET, 0, false);
	c->finished++;
}

static inline void spl_reap_insert(const struct spl_store *s, __u32 idx, __u32 slot, __u64 pos,
				   struct spl_reap_counts *c)
{
	struct spl_wcell *cell = &s->wcells[idx];
	__u64 word = spl_load(&cell->new_word), extra = spl_load(&cell->extra), seq;
	struct spl_lane *lane = spl_lane_at(s, spl_lane_of(s, word)), *taken;
	__u32 n;

	if (!lane || (word & SPL_CELL_STATE) != SPL_CELL_TENTATIVE)
		return;
	seq = spl_load_acquire(&lane->seq);
	if (spl_seq_names(s, seq, word) && (seq & SPL_LANE_STATE) == SPL_LANE_PENDING) {
		spl_cas64(&lane->seq, seq, (seq & ~SPL_LANE_STATE) | SPL_LANE_ABORTED);
		seq = spl_load_acquire(&lane->seq);
	}
	if (spl_seq_names(s, seq, word) && (seq & SPL_LANE_STATE) != SPL_LANE_READY &&
	    (seq & SPL_LANE_STATE) != SPL_LANE_SPARE) {
		spl_cas64(spl_cell_at(s, pos), word, SPL_CELL_EMPTY);
		spl_reap_overflow(s, pos, word);
		c->undone++;
		return;
	}
	if (spl_seq_names(s, seq, word) && (seq & SPL_LANE_STATE) == SPL_LANE_READY)
		spl_cas64(spl_cell_at(s, pos), word,
			  word ^ (SPL_CELL_TENTATIVE | SPL_CELL_LIVE)); /* (A) */
	/* Its bits may have been asked for when others had made and deleted the key already. */
	spl_reap_overflow(s, pos, word);
	taken = spl_extra_lane(s, extra, &n);
	if (taken && !(extra & SPL_EXTRA_GIVE)) {
		spl_store_release(&cell->slots[slot], n);
		spl_store_release(&cell->extra, 0);
	}
	spl_reap_notice(s, idx, pos, SPL_FEED_SET, 0, true);
	c->finished++;
}

static inline void spl_reap_delete(const struct spl_store *s, __u32 idx, __u64 pos,
				   struct spl_reap_counts *c)
{
	struct spl_wcell *cell = &s->wcells[idx];
	__u64 dead = spl_load(&cell->new_word), old_word = spl_load(&cell->old_word), extra, seq;
	struct spl_lane *lane = spl_lane_at(s, spl_lane_of(s, old_word)), *giving;
	struct spl_event e = { SPL_FEED_DELETE, 0, pos, 0, 0, 0, NULL };
	unsigned char key[SPL_KEY_MAX];
	bool noticed = false;
	__u32 n;

	if (!lane || (dead & SPL_CELL_STATE) != SPL_CELL_DEAD)
		return;
	extra = spl_load(&cell->extra);
	giving = spl_extra_lane(s, extra, &n);
	if (spl_load_acquire(spl_cell_at(s, pos)) != dead && giving != lane) {
		c->undone++;
		return;
	}
	seq = spl_load(&lane->seq);
	if (giving != lane && spl_seq_names(s, seq, old_word)) {
		seq = spl_seq(seq, idx, SPL_LANE_SPARE);
		spl_store(&lane->seq, seq); /* (G) */
		spl_store_release(&cell->extra,
				  spl_extra(seq, spl_lane_of(s, old_word), SPL_EXTRA_GIVE));
	}
	/* While the cell is dead the lane is the dead writer's, and as it was. */
	spl_mb(); /* (S) */
	if (spl_load_acquire(spl_cell_at(s, pos)) == dead &&
	    spl_reap_event(s, pos, old_word, key, &e))
		noticed = spl_notice_wanted(s, pos) || spl_load(&s->signal->keys_groups);
	if (noticed)
		spl_notice_gone(s, idx, &e);
	spl_cas64(spl_cell_at(s, pos), dead, SPL_CELL_EMPTY);
	spl_reap_overflow(s, pos, dead);
	if (noticed)
		spl_overflow_clear(s, (__u32)(pos / SPL_BUCKET_SLOTS));
	c->finished++;
}

/* A lane that was taken from the map, or on its way there. */
static inline void spl_reap_extra(const struct spl_store *s, __u32 idx, struct spl_reap_counts *c)
{
	struct spl_wcell *cell = &s->wcells[idx];
	__u64 extra = spl_load(&cell->extra), seq;
	struct spl_lane *lane;
	__u32 i, n;

	lane = spl_extra_lane(s, extra, &n);
	if (!lane) {
		spl_store_release(&cell->extra, 0);
		return;
	}
	if (!(extra & SPL_EXTRA_GIVE)) {
		seq = spl_load_acquire(&lane->seq);
		for (i = 0; i < s->spares; i++)
			if (spl_load(&cell->slots[i]) == n)
				break;
		if (i < s->spares || !spl_extra_names(extra, seq) ||
		    (seq & ~SPL_LANE_GEN) !=
			    ((__u64)idx << SPL_LANE_WRITER_SHIFT | SPL_LANE_SPARE)) {
			spl_store_release(&cell->extra, 0); /* never mine, or mine in a slot */
			return;
		}
		spl_and64(&s->free[n / 64], ~(1ULL << (n % 64))); /* (H) */
		spl_store_release(&cell->extra, extra | SPL_EXTRA_GIVE);
	}
	spl_count(&cell->opseq); /* for spl_pool_moves() */
	spl_pool_give_extra(s, cell);
	c->lanes_back++;
}

/**
 * spl_reap_writer() - repair what a dead writer left
 * @s: the store
 * @idx: number of its writer cell
 * @c: counts to add to
 *
 * The writer must be dead, and nobody else may reap or hand out the cell meanwhile. Afterwards the cell may be given to
 * another writer; its spares, statistics and operation count stay with it. Also right, and without effect, for a writer
 * that ended orderly; so the caller counts nr_reap.
 *
 * The counters that it had to ring, or may have had, stand in its ring_groups and ring_bells; who sleeps there is woken by the
 * caller, who zeroes them then.
 *
 * Return: 0, or -EINVAL: no such cell.
 */
static inline int spl_reap_writer(const struct spl_store *s, __u32 idx, struct spl_reap_counts *c)
{
	struct spl_wcell *cell;
	__u32 slot;
	__u64 pos;
	__u64 op;

	if (idx >= s->max_writers)
		return -EINVAL;
	cell = &s->wcells[idx];
	op = spl_load_acquire(&cell->op);
	slot = (op >> SPL_OP_SLOT_SHIFT) & 0xff;
	pos = op >> SPL_OP_POS_SHIFT;
	if (slot < s->spares && spl_pos_holds(s, pos)) {
		switch (op & 0xff) {
		case SPL_OP_SWAP:
			spl_reap_swap(s, idx, slot, pos, c);
			break;
		case SPL_OP_INSERT:
			spl_reap_insert(s, idx, slot, pos, c);
			break;
		case SPL_OP_DELETE:
			spl_reap_delete(s, idx, pos, c);
			break;
		case SPL_OP_HELP:
			spl_reap_overflow(s, pos, spl_load(&cell->new_word));
			break;
		case SPL_OP_ATTR:
			spl_reap_notice(s, idx, pos, SPL_FEED_LABEL, spl_load(&cell->new_word),
					false);
			break;
		default:
			break;
		}
	}
	spl_store_release(&cell->op, SPL_OP_NONE);
	spl_reap_extra(s, idx, c);
	return 0;
}

#endif /* _UAPI_SPLINTER_REAP_H */
