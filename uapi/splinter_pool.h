/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_pool.h - a writer's private state, and lanes on their way between the free map and a writer. Publishing
 * them is splinter_write.h's and splinter_insert.h's.
 *
 * Lanes beyond the geometry's belong to the writer cells, spares of them each; a publication exchanges one of them with
 * a lane of the index, an insert with one from the free map. So geometry.lanes keys always fit and an overwrite never
 * lacks a lane.
 *
 *	take					give
 *	extra = lane, generation		extra = lane, generation, "to the map"
 *	CAS seq: free -> spare, mine	(H)	seq = generation + 1, free, release	(J)
 *	clear bit, release			set bit
 *	... use ... extra = 0			extra = 0
 *
 * The map only says where to look; the sequence word decides who has a lane. (H): the bit goes after the compare-and-
 * swap; (J): the bit comes after the release. So a reaper that first sees the bit clear and then the lane free under
 * the generation that the dead giver was about to write knows that the bit is still to be set.
 * (M): opseq rises before a bit goes, so a search that missed a lane for that sees that something moved.
 * (N): a bit of the map and then the summary, by the giver; the summary and then the map, by who clears it: one sees the
 * other.
 */
#ifndef _UAPI_SPLINTER_POOL_H
#define _UAPI_SPLINTER_POOL_H

#include "splinter_read.h"

/**
 * struct spl_writer - one thread's right to write
 * @s: the store
 * @cell: its writer cell; nobody else writes it while the thread lives
 * @idx: number of the cell
 * @next: slot whose lane is filled next: the one that was replaced longest ago
 * @held: slots given out by spl_alloc()
 * @map_word: word of the free map where the last lane was found
 *
 * Not to be used by two threads at once, nor by a child of fork.
 */
struct spl_writer {
	const struct spl_store *s;
	struct spl_wcell *cell;
	__u32 idx;
	__u32 next;
	__u32 held;
	__u32 map_word;
};

/**
 * spl_writer_init() - private state for a registered writer cell
 * @w: out: the writer
 * @s: the store; must outlive @w
 * @idx: number of the writer cell, as registration told it
 *
 * Return: 0, or -EINVAL if the store has no such cell.
 */
static inline int spl_writer_init(struct spl_writer *w, const struct spl_store *s, __u32 idx)
{
	if (idx >= s->max_writers)
		return -EINVAL;
	w->s = s;
	w->cell = &s->wcells[idx];
	w->idx = idx;
	w->next = 0;
	w->held = 0;
	/* Writers start apart from each other. */
	w->map_word = (__u32)((__u64)s->free_words * idx / s->max_writers);
	return 0;
}

/* Statistics are the writer's own: plain adds, summed by whoever asks. */
static spl_inline void spl_count(__u64 *n)
{
	spl_store(n, spl_load(n) + 1);
}

static spl_inline __u64 spl_seq(__u64 gen_part, __u32 writer, __u64 state)
{
	return (gen_part & SPL_LANE_GEN) | (__u64)writer << SPL_LANE_WRITER_SHIFT | state;
}

static spl_inline __u64 spl_seq_next(__u64 seq, __u32 writer, __u64 state)
{
	return spl_seq((seq & SPL_LANE_GEN) + (1ULL << SPL_LANE_GEN_SHIFT), writer, state);
}

static spl_inline __u64 spl_extra(__u64 seq, __u32 lane, __u64 give)
{
	return seq >> SPL_LANE_GEN_SHIFT << SPL_EXTRA_GEN_SHIFT | give | (__u64)(lane + 1);
}

static spl_inline bool spl_extra_names(__u64 extra, __u64 seq)
{
	return extra >> SPL_EXTRA_GEN_SHIFT ==
	       (seq >> SPL_LANE_GEN_SHIFT << SPL_EXTRA_GEN_SHIFT) >> SPL_EXTRA_GEN_SHIFT;
}

/* The lane that extra names, or NULL. */
static spl_inline struct spl_lane *spl_extra_lane(const struct spl_store *s, __u64 extra, __u32 *nr)
{
	*nr = (__u32)extra - 1;
	return (__u32)extra ? spl_lane_at(s, *nr) : NULL;
}

/* Try to take a lane out of one word of the free map. */
static inline bool spl_pool_take_in(struct spl_writer *w, __u32 pos)
{
	const struct spl_store *s = w->s;
	struct spl_lane *lane;
	__u64 bits, seq;
	__u32 n;

	for (bits = spl_load(&s->free[pos]); bits; bits &= bits - 1) {
		n = pos * 64 + (__u32)__builtin_ctzll(bits);
		lane = spl_lane_at(s, n);
		if (!lane)
			return false;
		seq = spl_load_acquire(&lane->seq);
		if ((seq & SPL_LANE_STATE) != SPL_LANE_FREE)
			continue;
		/* (J) The bit must be this giving's: an older one was cleared before the lane could become free again. */
		if (!(spl_load(&s->free[pos]) & 1ULL << (n % 64)))
			continue;
		spl_store_release(&w->cell->extra, spl_extra(seq, n, 0));
		spl_count(&w->cell->opseq); /* for spl_pool_moves() */
		if (!spl_cas64(&lane->seq, seq, spl_seq(seq, w->idx, SPL_LANE_SPARE)))
			continue;
		spl_and64(&s->free[pos], ~(1ULL << (n % 64))); /* (H), (M) */
		w->map_word = pos;
		return true;
	}
	return false;
}

/* Try to take a lane out of the 64 words that a bit of the summary stands for; clear the bit if they are empty. */
static inline bool spl_pool_take_block(struct spl_writer *w, __u32 block)
{
	const struct spl_store *s = w->s;
	__u32 end = block * 64 + 64 < s->free_words ? block * 64 + 64 : s->free_words, i;
	__u64 bit = 1ULL << (block % 64);

	for (i = block * 64; i < end; i++)
		if (spl_load(&s->free[i]) && spl_pool_take_in(w, i))
			return true;
	spl_and64(&s->free_top[block / 64], ~bit);
	spl_mb_after_cas(); /* (N) pairs with spl_pool_show(), which sets a bit of the map and then looks here */
	for (i = block * 64; i < end; i++) {
		if (spl_load(&s->free[i])) {
			spl_or64(&s->free_top[block / 64], bit);
			break;
		}
	}
	return false;
}

/*
 * Looks where the writer last had to do with the map, then where the summary says, then everywhere: a lane that is free
 * throughout the search is found. 0, or -ENOSPC.
 */
static inline int spl_pool_search(struct spl_writer *w)
{
	const struct spl_store *s = w->s;
	__u32 nr_blocks = (s->free_words + 63) / 64, block = w->map_word / 64, i;

	if (spl_pool_take_in(w, w->map_word))
		return 0;
	for (i = 0; i < nr_blocks; i++, block = block + 1 < nr_blocks ? block + 1 : 0) {
		if (!(block % 64) && i + 64 <= nr_blocks && !spl_load(&s->free_top[block / 64])) {
			i += 63; /* 64 blocks without a lane, by the summary */
			block += 63;
			continue;
		}
		if (spl_load(&s->free_top[block / 64]) & 1ULL << (block % 64) &&
		    spl_pool_take_block(w, block))
			return 0;
	}
	for (i = 0; i < s->free_words; i++)
		if (spl_load(&s->free[i]) && spl_pool_take_in(w, i))
			return 0;
	spl_store_release(&w->cell->extra, 0);
	return -ENOSPC;
}

/* Rises with every giving and taking, before it can be seen: has anything moved between two looks? */
static inline __u64 spl_pool_moves(const struct spl_store *s)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < s->max_writers; i++)
		sum += spl_load_acquire(&s->wcells[i].opseq);
	return sum;
}

/**
 * spl_pool_take() - take a lane from the free map into extra
 * @w: the writer
 *
 * Return: 0 (the lane is in w->cell->extra, and the writer's); -ENOSPC: there was a moment at which no lane was free, or
 * others gave and took without end.
 */
static spl_noinline int spl_pool_take(struct spl_writer *w)
{
	__u64 moves;
	__u32 tries;

	for (tries = 0; tries < 64; tries++) {
		moves = spl_pool_moves(w->s);
		if (!spl_pool_search(w))
			return 0;
		spl_rmb(); /* (M) */
		if (moves == spl_pool_moves(w->s))
			break;
	}
	return -ENOSPC;
}

/* Let takers find a free lane. */
static inline void spl_pool_show(const struct spl_store *s, __u32 n)
{
	__u64 *top = &s->free_top[n / (64 * 64 * 64)], bit = 1ULL << (n / 4096 % 64);

	spl_or64(&s->free[n / 64], 1ULL << (n % 64));
	spl_mb_after_cas(); /* (N) */
	if (!(spl_load(top) & bit))
		spl_or64(top, bit);
}

/* Put the lane that extra says is on its way to the map there. Also run by the reaper, from wherever the giver died. */
static inline void spl_pool_give_extra(const struct spl_store *s, struct spl_wcell *cell)
{
	__u64 seq, bit, bits, extra = spl_load(&cell->extra);
	struct spl_lane *lane;
	__u32 n;

	lane = spl_extra_lane(s, extra, &n);
	if (lane) {
		bit = 1ULL << (n % 64);
		/* (H), (J): the bit first, then the lane */
		bits = spl_load_acquire(&s->free[n / 64]);
		seq = spl_load_acquire(&lane->seq);
		if (spl_extra_names(extra, seq)) {
			spl_store_release(&lane->seq,
					  spl_seq_next(seq, 0, SPL_LANE_FREE)); /* (J) */
			spl_pool_show(s, n);
		} else if (!(bits & bit) && (seq & SPL_LANE_STATE) == SPL_LANE_FREE &&
			   spl_extra_names(extra, seq - (1ULL << SPL_LANE_GEN_SHIFT))) {
			spl_pool_show(s, n);
		}
	}
	spl_store_release(&cell->extra, 0);
}

/* Give back a lane that was taken and not needed. */
static spl_noinline void spl_pool_untake(const struct spl_store *s, struct spl_wcell *cell)
{
	__u64 extra = spl_load(&cell->extra);

	if (!(__u32)extra)
		return;
	spl_count(&cell->opseq); /* for spl_pool_moves() */
	spl_store_release(&cell->extra, extra | SPL_EXTRA_GIVE);
	spl_pool_give_extra(s, cell);
}

/**
 * struct spl_fill - a lane that its writer is making ready
 * @key: the key
 * @hash: its hash
 * @klen: its bytes
 * @home: its home bucket
 * @slot: slot of the writer cell that names the lane
 * @n: number of the lane
 * @vlen: bytes of the value
 * @lane: the lane
 * @seq: its sequence word
 */
struct spl_fill {
	const void *key;
	__u64 hash;
	__u32 klen;
	__u32 home;
	__u32 slot;
	__u32 n;
	__u32 vlen;
	struct spl_lane *lane;
	__u64 seq;
};

/**
 * spl_fill_begin() - claim the oldest spare that isn't held, and write the key into it
 * @w: the writer
 * @f: in: key and klen; out: all but vlen
 *
 * From here on reads of what the lane held before fail, and only those.
 *
 * Return: 0; -ENOBUFS: spl_alloc() holds all spares; -EBADMSG: damaged store.
 */
static spl_inline int spl_fill_begin(struct spl_writer *w, struct spl_fill *f)
{
	const struct spl_store *s = w->s;
	__u32 slot = w->next, i;
	unsigned char *to;

	if (spl_unlikely(w->held)) {
		for (i = 0; w->held & 1U << slot; slot = slot + 1 < s->spares ? slot + 1 : 0)
			if (++i > s->spares)
				return -ENOBUFS;
	}
	f->slot = slot;
	f->n = spl_load(&w->cell->slots[slot]);
	f->lane = spl_lane_at(s, f->n);
	if (spl_unlikely(!f->lane))
		return -EBADMSG;
	f->seq = spl_seq_next(spl_load(&f->lane->seq), w->idx, SPL_LANE_FILLING);
	spl_store_release(&f->lane->seq,
			  f->seq); /* (K) after the word that named it has left its cell */
	spl_wmb(); /* (B) */
	to = spl_lane_key(f->lane);
	spl_copy(to, f->key, f->klen);
	spl_store(&f->lane->klen, (__u16)f->klen);
	spl_store(&f->lane->flags, 0);
	return 0;
}

/**
 * spl_fill_end() - write the header and declare the lane whole
 * @w: the writer
 * @f: the fill, its value written
 * @epoch: the publication's epoch
 * @inc: the key's incarnation
 * @ctime_ns: when the key was made
 * @now_ns: when this value was made
 * @state: SPL_LANE_READY or SPL_LANE_PENDING
 *
 * Called again for a further try it begins a new generation, so that one generation is offered to the index once.
 */
static spl_inline void spl_fill_end(struct spl_writer *w, struct spl_fill *f, __u64 epoch,
				    __u64 inc, __u64 ctime_ns, __u64 now_ns, __u64 state)
{
	struct spl_lane *lane = f->lane;

	if (spl_unlikely((f->seq & SPL_LANE_STATE) != SPL_LANE_FILLING)) {
		f->seq = spl_seq_next(f->seq, w->idx, SPL_LANE_FILLING);
		spl_store_release(&lane->seq, f->seq);
		spl_wmb(); /* (B) */
	}
	spl_store(&lane->vlen, f->vlen);
	spl_store(&lane->epoch, epoch);
	spl_store(&lane->inc, inc);
	spl_store(&lane->ctime_ns, ctime_ns);
	spl_store(&lane->mtime_ns, now_ns);
	f->seq = (f->seq & ~SPL_LANE_STATE) | state;
	spl_store_release(&lane->seq, f->seq); /* (C) */
}

/**
 * spl_declare() - tell the reaper what is about to be done
 * @w: the writer
 * @op: SPL_OP_*
 * @slot: slot concerned
 * @pos: position of the cell
 * @new_word: word to be published
 */
static spl_inline void spl_declare(struct spl_writer *w, __u64 op, __u32 slot, __u64 pos,
				   __u64 new_word)
{
	spl_store(&w->cell->new_word, new_word);
	spl_store_release(&w->cell->op,
			  op | (__u64)slot << SPL_OP_SLOT_SHIFT | pos << SPL_OP_POS_SHIFT);
}

static spl_inline __u64 spl_opseq_next(struct spl_writer *w)
{
	__u64 n = spl_load(&w->cell->opseq) + 1;

	spl_store(&w->cell->opseq, n);
	return (__u64)w->idx << SPL_OPSEQ_BITS | (n & SPL_OPSEQ);
}

#endif /* _UAPI_SPLINTER_POOL_H */
