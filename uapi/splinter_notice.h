/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_notice.h - what a change tells others, between its compare-and-swap and the end of what it declared: pulses of
 * the counters that its key is bound to, and a record in the change feed. Binding is splinter_watch.h's, following the
 * feed splinter_feed.h's; waking who sleeps is for who can: see spl_ring_due().
 *
 *	writer					binder
 *	exchange cell		(A)		pair = groups		(16-byte CAS)
 *	full barrier		(S)		bucket's bit = 1	(locked), full barrier	(S)
 *	load bucket's bit			look at the key
 *
 * (S): the writer sees the bit, or the binder sees the new value.
 *
 *	load bucket's word			pair = groups		(16-byte CAS)
 *	read barrier		(s)		word's version + 1	(S)
 *	load pair
 *	exchange cell, full barrier, pulse	full barrier		(S)
 *	word still the same?			look at the key
 *
 * (S), (s): what the pair said is believed if no binding came in between; otherwise the writer looks again.
 *
 *	writer					sleeper
 *	count + 1				armed = 1
 *	full barrier		(T)		full barrier		(T)
 *	load armed				load count
 *
 * (T): the writer sees that somebody is about to sleep, or that one sees that the count has moved.
 *
 * (U): a feed record is whole before feed_head covers it (release, acquire), and who copied bytes of a record that is
 * being overwritten sees the head that the writer had before (write barrier, read barrier).
 */
#ifndef _UAPI_SPLINTER_NOTICE_H
#define _UAPI_SPLINTER_NOTICE_H

#include "splinter_pool.h"

static spl_inline struct spl_attr *spl_attr_at(const struct spl_store *s, __u64 pos)
{
	return &s->attrs[pos / SPL_BUCKET_SLOTS].cell[pos % SPL_BUCKET_SLOTS];
}

/* Only of a store that has them. */
static spl_inline struct spl_attr *spl_watch_at(const struct spl_store *s, __u64 pos)
{
	return &s->watch[pos];
}

/*
 * A pair as it stood at one moment. By one load where there is one that can't tear (x86-64: every CPU that has AVX makes
 * aligned 16-byte loads whole); otherwise by two equal looks.
 */
static inline bool spl_attr_load(const struct spl_attr *a, __u64 *guard, __u64 *word)
{
#if defined(__SSE2__) && !defined(__KERNEL__) && !defined(SPL_TSAN)
	__m128i pair;

	__asm__ __volatile__("movdqa %1, %0" : "=x"(pair) : "m"(*a));
	*guard = (__u64)_mm_cvtsi128_si64(pair);
	*word = (__u64)_mm_cvtsi128_si64(_mm_unpackhi_epi64(pair, pair));
	return true;
#else
	__u32 tries;

	for (tries = 0; tries < SPL_TRIES; tries++) {
		*guard = spl_load_acquire(&a->guard);
		*word = spl_load_acquire(&a->word);
		if (*guard == spl_load_acquire(&a->guard) && *word == spl_load(&a->word))
			return true;
	}
	return false;
#endif
}

/* The bits of SPL_NOTICE that the pairs of the cell ask for. Stale ones may, too: that costs a look, no more. */
static inline __u64 spl_pairs_ask(const struct spl_store *s, __u64 pos)
{
	const struct spl_attr *a = spl_attr_at(s, pos);
	__u64 bits = 0;

	if (spl_load(&a->word) || (spl_load(&a->guard) & SPL_ATTR_WAITED))
		bits = SPL_NOTICE_ATTR;
	if (s->watch && spl_load(&spl_watch_at(s, pos)->word))
		bits |= SPL_NOTICE_WATCH;
	return bits;
}

/* The overflow word of the bucket in which a cell stands, for its SPL_NOTICE. */
static spl_inline __u64 *spl_notice_at(const struct spl_store *s, __u64 pos)
{
	return &s->index[pos / SPL_BUCKET_SLOTS].overflow;
}

/*
 * A pair of the key in the cell is other than zero, and the caller has something in it: one bit of SPL_NOTICE, or both.
 * For all of them, not only for who made it so: that one may have stopped before he came here. The version first: who is
 * about to clear the bit, and hasn't seen the pair, fails or is before the bit; so a bit that is set by then stays. Never
 * fails, unlike spl_overflow_set().
 */
static inline void spl_notice_ask(const struct spl_store *s, __u64 pos, __u64 bits)
{
	__u64 *p = spl_notice_at(s, pos);

	spl_add64(p, SPL_OVERFLOW_VERSION);
	if (bits & ~spl_load(p))
		spl_or64(p, bits); /* (S) */
}

/* What of SPL_NOTICE a bucket's cells need, or somebody who waits for a key that isn't there: see spl_wait_birth(). */
static inline __u64 spl_notice_needed(const struct spl_store *s, __u32 bucket)
{
	__u64 needed = spl_load(&s->signal->births) ? SPL_NOTICE_ATTR : 0;
	__u32 i;

	for (i = 0; i < SPL_BUCKET_CELLS; i++)
		if (spl_load(&s->index[bucket].cell[i]) != SPL_CELL_EMPTY)
			needed |= spl_pairs_ask(s, (__u64)bucket * SPL_BUCKET_SLOTS + i);
	return needed;
}

/* Counters, as masks: what a change has to pulse, or a writer to ring. */
struct spl_counters {
	__u64 groups;
	__u64 bells;
};

static spl_inline __u64 spl_bell_of(__u64 hash)
{
	return 1ULL << (hash >> 58);
}

static inline __u64 spl_bound_labels(const struct spl_store *s, __u64 labels)
{
	__u64 groups = 0;

	for (; labels; labels &= labels - 1)
		groups |= spl_load(&s->signal->label_groups[__builtin_ctzll(labels)]);
	return groups;
}

/* What the incarnation @inc of the key in the cell is bound to, if it has or had @labels beside those that it has now. */
static inline struct spl_counters spl_bound_to(const struct spl_store *s, __u64 hash, __u64 pos,
					       __u64 inc, __u64 labels)
{
	struct spl_counters to = { 0, 0 };
	__u64 guard, word;

	if (s->watch && spl_attr_load(spl_watch_at(s, pos), &guard, &word) &&
	    (guard & SPL_INC) == inc)
		to.groups = word;
	if (spl_attr_load(spl_attr_at(s, pos), &guard, &word) && (guard & SPL_INC) == inc) {
		labels |= word;
		to.bells = guard & SPL_ATTR_WAITED ? spl_bell_of(hash) : 0;
	}
	to.groups |= spl_bound_labels(s, labels);
	return to;
}

/* Pulses counters of one kind. Until it is known who sleeps, @ring of the writer's cell declares to ring them all. */
static spl_inline void spl_pulse_each(struct spl_group *of, __u64 mask, __u64 *ring)
{
	__u64 due = spl_load(ring);
	__u32 i;

	spl_store_release(ring, due | mask);
	for (; mask; mask &= mask - 1) {
		i = (__u32)__builtin_ctzll(mask);
		spl_add64(&of[i].count, 1);
		spl_mb_after_cas(); /* (T) */
		if (spl_unlikely(spl_load(&of[i].armed) & 1))
			due |= 1ULL << i;
	}
	spl_store_release(ring, due);
}

/* Pulse counters for the writer of @cell. */
static spl_noinline void spl_pulse(const struct spl_store *s, struct spl_wcell *cell,
				   struct spl_counters to)
{
	if (to.groups)
		spl_pulse_each(s->signal->group, to.groups, &cell->ring_groups);
	if (to.bells)
		spl_pulse_each(s->signal->bell, to.bells, &cell->ring_bells);
}

/**
 * struct spl_event - a change, as others are told of it
 * @kind: enum spl_feed_kind
 * @pos: cell of the key
 * @inc: its incarnation
 * @epoch: of the publication
 * @hash: of the key
 * @key: the key
 * @klen: its bytes
 */
struct spl_event {
	__u32 kind;
	__u32 klen;
	__u64 pos;
	__u64 inc;
	__u64 epoch;
	__u64 hash;
	const void *key;
};

static spl_inline __u64 *spl_feed_at(const struct spl_store *s, __u32 idx, __u64 at)
{
	return (__u64 *)(s->feed + idx * s->feed_bytes + (at & (s->feed_bytes - 1)));
}

/* Append a change to the ring of writer @idx. */
static spl_noinline void spl_feed_append(const struct spl_store *s, __u32 idx,
					 const struct spl_event *e)
{
	const __u32 record = sizeof(struct spl_feed_record);
	__u32 klen = e->kind == SPL_FEED_DELETE ? e->klen : 0, i, part;
	struct spl_wcell *cell = &s->wcells[idx];
	__u64 head = spl_load(&cell->feed_head) & ~(__u64)(record - 1), chunk[4], *to;
	struct spl_counters followers = { 0, 0 };

	spl_wmb(); /* (U) */
	to = spl_feed_at(s, idx, head);
	spl_store(&to[0],
		  e->kind | (__u64)klen << SPL_FEED_KLEN_SHIFT | e->pos << SPL_FEED_POS_SHIFT);
	spl_store(&to[1], e->inc);
	spl_store(&to[2], e->epoch);
	spl_store(&to[3], e->hash);
	for (i = 0; i < klen; i += record) {
		part = klen - i < record ? klen - i : record;
		memset(chunk, 0, sizeof(chunk));
		memcpy(chunk, (const char *)e->key + i, part);
		to = spl_feed_at(s, idx, head + record + i);
		spl_store(&to[0], chunk[0]);
		spl_store(&to[1], chunk[1]);
		spl_store(&to[2], chunk[2]);
		spl_store(&to[3], chunk[3]);
	}
	head += record + (klen + record - 1) / record * record;
	spl_store_release(&cell->feed_head, head); /* (U) */
	spl_mb(); /* (S): who binds the feed, and then looks at its heads, is told or sees */
	followers.groups = spl_load(&s->signal->feed_groups);
	spl_pulse(s, cell, followers);
}

/* Is anybody to be told of a change of the key in the cell? After the exchange of the cell. */
static spl_inline bool spl_notice_wanted(const struct spl_store *s, __u64 pos)
{
	spl_mb_after_cas(); /* (S) */
	return spl_unlikely((spl_load(spl_notice_at(s, pos)) & SPL_NOTICE) | s->feed_bytes);
}

/*
 * Has the inserter of this incarnation still to tell of it? It may have stopped, so who gives the key another value tells
 * those who wait for births; they have asked for SPL_NOTICE in each bucket where the key may stand.
 */
static inline bool spl_birth_owed(const struct spl_store *s, __u64 pos, __u64 inc)
{
	__u64 idx = inc >> SPL_OPSEQ_BITS, op;

	if (idx >= s->max_writers)
		return false;
	op = spl_load_acquire(&s->wcells[idx].op);
	return (op & 0xff) == SPL_OP_INSERT && op >> SPL_OP_POS_SHIFT == pos;
}

/* The same for the deleter of a key with this home that somebody waits for. */
static spl_noinline bool spl_end_owed(const struct spl_store *s, __u32 home)
{
	__u64 bits = (spl_load(&s->index[home].overflow) & SPL_OVERFLOW_DISTS) | 1, pos, word;
	__u32 d, i, bucket;

	for (; bits; bits &= bits - 1) {
		d = (__u32)__builtin_ctzll(bits);
		bucket = spl_bucket_at(s, home, d);
		for (i = 0; i < SPL_BUCKET_CELLS; i++) {
			word = spl_load(&s->index[bucket].cell[i]);
			pos = (__u64)bucket * SPL_BUCKET_SLOTS + i;
			if ((word & SPL_CELL_STATE) == SPL_CELL_DEAD && spl_dist_of(word) == d &&
			    (spl_load(&spl_attr_at(s, pos)->guard) & SPL_ATTR_WAITED))
				return true;
		}
	}
	return false;
}

/**
 * struct spl_foresight - whom a change has to tell, as far as that is known before its exchange
 * @groups: of the key's watch mask
 * @overflow: overflow word of its bucket, from before the mask was looked up; means nothing without @groups
 */
struct spl_foresight {
	__u64 groups;
	__u64 overflow;
};

/*
 * The incarnation @inc of the key in the cell is about to get another value. What labels lead to can't be foreseen: the
 * binding of a label leaves no trace in the bucket.
 */
static spl_inline struct spl_foresight spl_notice_ahead(const struct spl_store *s, __u64 pos,
							__u64 inc)
{
	__u64 overflow = spl_load(spl_notice_at(s, pos)), guard, word;
	struct spl_foresight f;

	f.groups = 0;
	if (spl_likely(!(overflow & SPL_NOTICE)))
		return f;
	f.overflow = overflow;
	if (overflow & SPL_NOTICE_ATTR)
		spl_prefetch(spl_attr_at(s, pos));
	spl_rmb(); /* (s) */
	if (s->watch && spl_attr_load(spl_watch_at(s, pos), &guard, &word) &&
	    (guard & SPL_INC) == (inc & SPL_INC))
		f.groups = word;
	return f;
}

/* After a key got another value: tell those whom its pairs lead to, but for the groups @pulsed, and the feed. */
static spl_noinline void spl_notice_look(const struct spl_store *s, __u32 idx, __u64 pos,
					 struct spl_lane *old, __u64 pulsed)
{
	struct spl_event e = { SPL_FEED_SET, spl_load(&old->klen), pos, 0, 0, 0, NULL };
	struct spl_counters to;

	if (e.klen > s->key_max)
		return;
	e.inc = spl_load(&old->inc) & SPL_INC;
	e.epoch = spl_load(&old->epoch) + 1;
	if (spl_load(spl_notice_at(s, pos)) & SPL_NOTICE) {
		/* Whose bell it is takes a hash, which most that are bound don't need. */
		to = spl_bound_to(s, 0, pos, e.inc, 0);
		to.groups &= ~pulsed;
		if (to.bells || spl_birth_owed(s, pos, e.inc)) {
			e.hash = spl_hash(s, spl_lane_key(old), e.klen);
			to.bells = (to.bells ? ~0ULL : spl_load(&s->signal->births)) &
				   spl_bell_of(e.hash);
		}
		spl_pulse(s, &s->wcells[idx], to);
	}
	if (s->feed_bytes && !e.hash)
		e.hash = spl_hash(s, spl_lane_key(old), e.klen);
	if (s->feed_bytes)
		spl_feed_append(s, idx, &e);
}

/*
 * After a key got another value, if spl_notice_wanted(); @old is the lane that it had before, the writer's own now and as
 * it was. A CPU begins nothing that stands behind a locked instruction before that is done. So what was foreseen is pulsed
 * first: then the two wait once, and the look at the word waits for nothing.
 */
static spl_inline void spl_notice_set(const struct spl_store *s, __u32 idx, __u64 pos,
				      struct spl_lane *old, struct spl_foresight f)
{
	__u64 overflow;

	if (f.groups) {
		spl_pulse_each(s->signal->group, f.groups, &s->wcells[idx].ring_groups);
		overflow = spl_load(spl_notice_at(s, pos));
		if (spl_likely(!((overflow ^ f.overflow) | (overflow & SPL_NOTICE_ATTR) |
				 s->feed_bytes)))
			return;
	}
	spl_notice_look(s, idx, pos, old, f.groups);
}

/* What the coming or going of any key with this hash pulses. */
static spl_inline struct spl_counters spl_bound_keys(const struct spl_store *s, __u64 hash)
{
	struct spl_counters to;

	to.groups = spl_load(&s->signal->keys_groups);
	to.bells = spl_load(&s->signal->births) & spl_bell_of(hash);
	return to;
}

static spl_noinline void spl_notice_born(const struct spl_store *s, __u32 idx,
					 const struct spl_event *e)
{
	struct spl_counters to = spl_bound_keys(s, e->hash);

	if (spl_end_owed(s, spl_home(s, e->hash)))
		to.bells |= spl_bell_of(e->hash);
	spl_pulse(s, &s->wcells[idx], to);
	if (s->feed_bytes)
		spl_feed_append(s, idx, e);
}

/* After an insert has happened, by a locked instruction. Nobody can have bound the key before. */
static spl_inline void spl_notice_insert(const struct spl_store *s, __u32 idx,
					 const struct spl_event *e)
{
	struct spl_counters to;
	__u64 overflow;

	spl_mb_after_cas(); /* (S) */
	to = spl_bound_keys(s, e->hash);
	overflow = spl_load(&s->index[spl_home(s, e->hash)].overflow);
	if (spl_unlikely(to.groups | to.bells | s->feed_bytes |
			 (overflow & (SPL_NOTICE_ATTR | SPL_OVERFLOW_DISTS))))
		spl_notice_born(s, idx, e);
}

/*
 * Zero a pair of an incarnation that is over. Its guard becomes @tomb, the number of the delete, which is no key's and comes
 * once: with the key's own it would go on to count as that key's, and with a guard that was there before, somebody who
 * loaded it then could take it for unchanged. One that is being changed at this moment may stay: see spl_pairs_ask().
 */
static inline void spl_pair_clear(struct spl_attr *a, __u64 inc, __u64 tomb)
{
	__u64 guard, word;

	if (spl_attr_load(a, &guard, &word) && (guard & SPL_INC) == inc)
		spl_cas128(&a->guard, guard, word, tomb, 0);
}

/* After the exchange that took a key away, and before its cell is empty. */
static spl_noinline void spl_notice_gone(const struct spl_store *s, __u32 idx,
					 const struct spl_event *e)
{
	struct spl_counters to = spl_bound_to(s, e->hash, e->pos, e->inc, 0);
	__u64 tomb = spl_load(spl_cell_at(s, e->pos)) & SPL_INC; /* of the dead word */

	to.groups |= spl_load(&s->signal->keys_groups);
	spl_pulse(s, &s->wcells[idx], to);
	if (s->feed_bytes)
		spl_feed_append(s, idx, e);
	spl_pair_clear(spl_attr_at(s, e->pos), e->inc, tomb);
	if (s->watch)
		spl_pair_clear(spl_watch_at(s, e->pos), e->inc, tomb);
}

/**
 * spl_ring_due() - does somebody sleep who is to be woken?
 * @w: the writer
 * @to: out: the counters that moved under sleepers
 *
 * To be asked after each call that changes something. Who wakes (device: SPL_IOC_RING; embedded: a futex) says
 * spl_ring_done() then. A writer that dies before that leaves it to its reaper.
 *
 * Return: true: yes. No system call, two loads.
 */
static spl_inline bool spl_ring_due(const struct spl_writer *w, struct spl_counters *to)
{
	to->groups = spl_load(&w->cell->ring_groups);
	to->bells = spl_load(&w->cell->ring_bells);
	return spl_unlikely((to->groups | to->bells) != 0);
}

/**
 * spl_ring_done() - all that spl_ring_due() told was woken
 * @w: the writer
 */
static inline void spl_ring_done(const struct spl_writer *w)
{
	spl_store_release(&w->cell->ring_groups, 0);
	spl_store_release(&w->cell->ring_bells, 0);
}

#endif /* _UAPI_SPLINTER_NOTICE_H */
