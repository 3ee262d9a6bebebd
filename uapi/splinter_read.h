/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_read.h - look-ups and reads: they write nothing shared and wait for nobody. Changes are splinter_write.h's.
 *
 * A read takes a cell word, goes to the lane that it names, copies, and looks at the lane's sequence word again:
 *
 *	reader					writer that reuses the lane
 *	load cell		(a)		exchange cell			(A)
 *	load seq		(c)		seq = next generation, filling
 *	copy bytes				write barrier			(B)
 *	read barrier		(b)		change bytes
 *	load seq: same generation?		seq = ready, release		(C)
 *
 * (a) pairs with (A): who sees the word sees the lane's bytes. On every machine the address dependency orders it.
 * (b) pairs with (B): who copied a changed byte sees the new generation.
 * (c) pairs with (C): who sees a generation as whole sees all its bytes.
 * (K) pairs with the release in spl_fill_begin() and those that mark a lane: who sees another generation in the lane sees
 * another word in the cell; a word that stayed is damage.
 * The read takes place at (a). While the generation stands, the bytes are those of the publication that (a) saw, even
 * if another has replaced it since.
 *
 * A key never moves between cells while it lives, so a key that is there all the time is found by any order of looks.
 */
#ifndef _UAPI_SPLINTER_READ_H
#define _UAPI_SPLINTER_READ_H

#include "splinter_store.h"

#if defined(__SSE2__) && !defined(__KERNEL__) && !defined(SPL_TSAN)
#include <emmintrin.h>
#endif

/**
 * struct spl_meta - what is known of a publication beside its bytes
 * @epoch: the key's epoch
 * @ctime_ns: CLOCK_REALTIME (coarse) when the key was made
 * @mtime_ns: CLOCK_REALTIME (coarse) when this value was published
 * @inc: incarnation of the key
 * @vlen: bytes of the value
 * @klen: bytes of the key
 */
struct spl_meta {
	__u64 epoch;
	__u64 ctime_ns;
	__u64 mtime_ns;
	__u64 inc;
	__u32 vlen;
	__u32 klen;
};

/**
 * struct spl_view - a value read in place
 * @ptr: the bytes; they may change at any time, see spl_view_valid()
 * @meta: of the publication
 * @lane: (private) where it lies
 * @seq: (private) the lane's sequence word
 */
struct spl_view {
	const void *ptr;
	struct spl_meta meta;
	const struct spl_lane *lane;
	__u64 seq;
};

/**
 * struct spl_io - one operation of a batch
 * @key: the key
 * @klen: its bytes
 * @cap: get: room at @buf; set: bytes of the value at @buf
 * @buf: get: where the value goes; set: the value (not written)
 * @result: out: bytes of the value, or a negative errno
 */
struct spl_io {
	const void *key;
	void *buf;
	__u32 klen;
	__u32 cap;
	long result;
};

/* Where a look-up ended. @seq was whole and named by @word when the key compared equal; copies must be checked. */
struct spl_hit {
	struct spl_lane *lane;
	__u64 seq;
	__u64 word;
	__u64 pos;
	__u32 home;
};

enum { SPL_MISS = 0, SPL_FOUND = 1, SPL_AGAIN = 2 };

/*
 * Compares a key with that of the lane that @word, found in @cell, names. SPL_FOUND leaves the last check to the caller.
 */
static spl_inline int spl_match(const struct spl_store *s, __u64 *cell, __u64 word, const void *key,
				__u32 klen, struct spl_hit *hit)
{
	struct spl_lane *lane = spl_lane_at(s, spl_lane_of(s, word));

	if (spl_unlikely(!lane))
		return -EBADMSG;
	hit->seq = spl_load_acquire(&lane->seq); /* (c) */
	if (spl_unlikely(!spl_seq_names(s, hit->seq, word)))
		goto changed;
	if (spl_likely(spl_load(&lane->klen) == klen &&
		       spl_key_equal(spl_lane_key(lane), (const unsigned char *)key, klen))) {
		hit->lane = lane;
		hit->word = word;
		return SPL_FOUND;
	}
	spl_rmb(); /* (b) */
	if (spl_likely(spl_seq_held(hit->seq, spl_load(&lane->seq))))
		return SPL_MISS;
changed:
	/* A lane is reused only after its word has left the cell; a word that stayed names nothing: damage. */
	spl_rmb(); /* (K) */
	return spl_load(cell) == word ? -EBADMSG : SPL_AGAIN;
}

/*
 * Which cells have this head: bit 2i + 1 for cell i. Without branches, for which cell it is can't be predicted. The
 * vector form compares 16 bits of each word; the word itself is loaded again, whole, before it is used.
 */
static spl_inline __u32 spl_cells_with(const __u64 *cell, __u64 head)
{
#if defined(__SSE2__) && !defined(__KERNEL__) && !defined(SPL_TSAN)
	const __m128 *line = (const __m128 *)cell;
	__m128i want = _mm_set1_epi16((short)(head >> SPL_CELL_REF_BITS));
	__m128i low = _mm_castps_si128(_mm_shuffle_ps(line[0], line[1], 0xdd));
	__m128i high = _mm_castps_si128(_mm_shuffle_ps(line[2], line[3], 0xdd));

	low = _mm_cmpeq_epi16(low, want);
	high = _mm_cmpeq_epi16(high, want);
	return (__u32)_mm_movemask_epi8(_mm_packs_epi16(low, high)) & 0x2aaa;
#else
	__u32 mask = 0, i, is;

	for (i = 0; i < SPL_BUCKET_CELLS; i++) {
		is = !((spl_load(&cell[i]) ^ head) >> SPL_CELL_REF_BITS);
		mask |= is << (2 * i + 1);
	}
	return mask;
#endif
}

static spl_inline int spl_find_in(const struct spl_store *s, __u32 bucket, __u64 head,
				  const void *key, __u32 klen, struct spl_hit *hit)
{
	__u64 *cell = s->index[bucket].cell;
	__u64 word;
	__u32 i, mask;
	int r;

	for (mask = spl_cells_with(cell, head); mask; mask &= mask - 1) {
		i = (__u32)__builtin_ctz(mask) / 2;
		word = spl_load(&cell[i]); /* (a) */
		if (spl_unlikely((word ^ head) & SPL_CELL_HEAD))
			return SPL_AGAIN;
		r = spl_match(s, &cell[i], word, key, klen, hit);
		if (spl_unlikely(r == SPL_MISS))
			continue;
		hit->pos = (__u64)bucket * SPL_BUCKET_SLOTS + i;
		return r;
	}
	return SPL_MISS;
}

/* Buckets beyond the key's home, as the home's overflow word tells. */
static spl_noinline int spl_find_far(const struct spl_store *s, __u32 home, __u64 overflow,
				     __u64 head, const void *key, __u32 klen, struct spl_hit *hit)
{
	__u64 bits;
	__u32 d;
	int r;

	for (bits = overflow & SPL_OVERFLOW_DISTS; bits; bits &= bits - 1) {
		d = (__u32)__builtin_ctzll(bits);
		r = spl_find_in(s, spl_bucket_at(s, home, d), head | spl_dist(d), key, klen, hit);
		if (r != SPL_MISS)
			return r;
	}
	return SPL_MISS;
}

/* One look at a key's places: SPL_FOUND, SPL_MISS, SPL_AGAIN or -EBADMSG. */
static spl_inline int spl_find(const struct spl_store *s, __u64 hash, const void *key, __u32 klen,
			       struct spl_hit *hit)
{
	__u64 head = SPL_CELL_LIVE | spl_tag(hash);
	struct spl_hit far;
	__u64 overflow;
	int r;

	hit->home = spl_home(s, hash);
	r = spl_find_in(s, hit->home, head, key, klen, hit);
	if (r != SPL_MISS)
		return r;
	overflow = spl_load(&s->index[hit->home].overflow);
	if (spl_likely(!(overflow & spl_overflow_tag(head))))
		return SPL_MISS;
	/* By a copy, so that on the hot path the hit needs no memory. */
	far = *hit;
	r = spl_find_far(s, hit->home, overflow, head, key, klen, &far);
	*hit = far;
	return r;
}

/* Has the lane of a hit kept its bytes until now? */
static spl_inline bool spl_hit_held(const struct spl_hit *hit)
{
	spl_rmb(); /* (b) */
	return spl_seq_held(hit->seq, spl_load(&hit->lane->seq));
}

static spl_inline void spl_meta_load(struct spl_meta *meta, const struct spl_lane *lane, __u32 klen,
				     __u32 vlen)
{
	meta->epoch = spl_load(&lane->epoch);
	meta->ctime_ns = spl_load(&lane->ctime_ns);
	meta->mtime_ns = spl_load(&lane->mtime_ns);
	meta->inc = spl_load(&lane->inc);
	meta->vlen = vlen;
	meta->klen = klen;
}

/*
 * What it means that a hit's lane didn't keep its bytes. A lane is filled again only after its word has left the cell: if
 * the word is still there, the store is damaged, and looking again could go on for ever.
 */
static spl_inline int spl_hit_lost(const struct spl_store *s, const struct spl_hit *hit)
{
	spl_rmb(); /* (K) */
	return spl_load(spl_cell_at(s, hit->pos)) == hit->word ? -EBADMSG : SPL_AGAIN;
}

/* What a look that failed means: go on (0), or give up with an errno. */
static spl_inline int spl_look_failed(int r, __u32 *tries)
{
	if (r == SPL_MISS)
		return -ENOENT;
	if (r < 0)
		return r;
	return ++*tries < SPL_TRIES ? 0 : -EAGAIN;
}

/* One look: bytes of the value; -EMSGSIZE, -ENOENT, -EBADMSG; -EAGAIN: look again. */
static spl_inline long spl_get_once(const struct spl_store *s, __u64 hash, const void *key,
				    __u32 klen, void *buf, __u32 cap, struct spl_meta *meta)
{
	struct spl_hit hit;
	__u32 vlen;
	int r;

	r = spl_find(s, hash, key, klen, &hit);
	if (spl_unlikely(r != SPL_FOUND))
		return r == SPL_MISS ? -ENOENT : r < 0 ? r : -EAGAIN;
	vlen = spl_load(&hit.lane->vlen);
	if (spl_unlikely(vlen > s->value_max))
		return spl_hit_held(&hit) || spl_hit_lost(s, &hit) < 0 ? -EBADMSG : -EAGAIN;
	if (buf && spl_likely(vlen <= cap))
		spl_copy(buf, spl_lane_value(hit.lane, klen), vlen);
	if (meta)
		spl_meta_load(meta, hit.lane, klen, vlen);
	if (spl_unlikely(!spl_hit_held(&hit)))
		return spl_hit_lost(s, &hit) < 0 ? -EBADMSG : -EAGAIN;
	return buf && spl_unlikely(vlen > cap) ? -EMSGSIZE : (long)vlen;
}

static spl_noinline long spl_get_again(const struct spl_store *s, __u64 hash, const void *key,
				       __u32 klen, void *buf, __u32 cap, struct spl_meta *meta)
{
	__u32 tries;
	long r;

	for (tries = 0; tries < SPL_TRIES; tries++) {
		r = spl_get_once(s, hash, key, klen, buf, cap, meta);
		if (r != -EAGAIN)
			return r;
	}
	return -EAGAIN;
}

static spl_inline long spl_get_hashed(const struct spl_store *s, __u64 hash, const void *key,
				      __u32 klen, void *buf, __u32 cap, struct spl_meta *meta)
{
	long r = spl_get_once(s, hash, key, klen, buf, cap, meta);

	return spl_likely(r != -EAGAIN) ? r : spl_get_again(s, hash, key, klen, buf, cap, meta);
}

/**
 * spl_get() - copy a key's value
 * @s: the store
 * @key: the key
 * @klen: its bytes
 * @buf: where the value goes, or NULL to ask for its length
 * @cap: room at @buf
 * @meta: out: what is known of the publication, or NULL; filled for -EMSGSIZE as well
 *
 * Return: bytes of the value; -ENOENT; -EMSGSIZE: longer than @cap (then @buf is as it was), or @klen is longer than
 * the store's keys; -EINVAL: empty key; -EBADMSG: damaged store; -EAGAIN: others change the key faster than it can be
 * copied. On -EAGAIN and -EBADMSG @buf may hold anything. Lock-free, any thread, no system call.
 */
static spl_inline long spl_get(const struct spl_store *s, const void *key, __u32 klen, void *buf,
			       __u32 cap, struct spl_meta *meta)
{
	int r = spl_key_check(s, klen);

	return spl_unlikely(r)
		       ? r
		       : spl_get_hashed(s, spl_hash(s, key, klen), key, klen, buf, cap, meta);
}

/**
 * spl_view() - look at a key's value in place
 * @s: the store
 * @key: the key
 * @klen: its bytes
 * @v: out: the view
 *
 * The bytes are whole as long as spl_view_valid() says so; read first, ask then, and drop what was read if it says no.
 *
 * Return: bytes of the value, or as spl_get().
 */
static inline long spl_view(const struct spl_store *s, const void *key, __u32 klen,
			    struct spl_view *v)
{
	struct spl_hit hit;
	__u32 vlen, tries = 0;
	__u64 hash;
	int r = spl_key_check(s, klen);

	if (spl_unlikely(r))
		return r;
	hash = spl_hash(s, key, klen);
	do {
		r = spl_find(s, hash, key, klen, &hit);
		if (r == SPL_FOUND) {
			vlen = spl_load(&hit.lane->vlen);
			spl_meta_load(&v->meta, hit.lane, klen, vlen);
			v->ptr = spl_lane_value(hit.lane, klen);
			v->lane = hit.lane;
			v->seq = hit.seq;
			if (spl_hit_held(&hit))
				return vlen <= s->value_max ? (long)vlen : -EBADMSG;
			r = spl_hit_lost(s, &hit);
		}
		r = spl_look_failed(r, &tries);
	} while (!r);
	return r;
}

/**
 * spl_view_valid() - did the bytes of a view hold until now?
 * @v: the view
 *
 * Return: true: everything read from v->ptr before this call was of one publication.
 */
static inline bool spl_view_valid(const struct spl_view *v)
{
	spl_rmb(); /* (b) */
	return spl_seq_held(v->seq, spl_load(&v->lane->seq));
}

/**
 * spl_stat() - what is known of a key beside its value
 * @s: the store
 * @key: the key
 * @klen: its bytes
 * @meta: out
 *
 * Return: 0, or as spl_get().
 */
static inline int spl_stat(const struct spl_store *s, const void *key, __u32 klen,
			   struct spl_meta *meta)
{
	long r = spl_get(s, key, klen, NULL, 0, meta);

	return r < 0 ? (int)r : 0;
}

/**
 * spl_exists() - is there such a key?
 * @s: the store
 * @key: the key
 * @klen: its bytes
 *
 * Return: 1, 0, or a negative errno as spl_get().
 */
static inline int spl_exists(const struct spl_store *s, const void *key, __u32 klen)
{
	long r = spl_get(s, key, klen, NULL, 0, NULL);

	return r >= 0 ? 1 : r == -ENOENT ? 0 : (int)r;
}

/* Operations of a batch that are under way at once: enough to hide the memory's latency. */
#define SPL_BATCH 32

/*
 * An operation of a batch on its way: the lane that the cell names which may be its key's, or NULL, and the generation
 * that it names, where a sequence word has it.
 */
struct spl_ahead {
	__u64 hash;
	__u64 gen;
	struct spl_bucket *bucket;
	struct spl_lane *lane;
};

/*
 * Keys of a batch often stand in a row, and those of the next call behind them. Between the store's lines the machine
 * doesn't see that, and each call would begin by waiting for its keys.
 */
static spl_inline void spl_ahead_keys(const struct spl_io *io, __u32 n)
{
	const char *first = (const char *)io[0].key, *last = (const char *)io[n - 1].key;
	__u64 bytes = (__u64)(last - first), off;

	if (bytes && bytes <= SPL_BATCH * 64)
		for (off = 64; off <= bytes + 64; off += 64)
			spl_prefetch(last + off);
}

/* Fetches the lane of the first cell with this head, for spl_set_many() only what that touches. */
static spl_inline bool spl_ahead_in(const struct spl_store *s, struct spl_ahead *a, __u64 *cell,
				    __u64 head, bool write)
{
	__u32 mask = spl_cells_with(cell, head);
	__u64 word;

	a->lane = NULL;
	if (spl_unlikely(!mask))
		return false;
	word = spl_load(&cell[__builtin_ctz(mask) / 2]); /* (a) */
	a->gen = word >> s->lane_bits << SPL_LANE_GEN_SHIFT;
	if (spl_likely(!((word ^ head) & SPL_CELL_HEAD)))
		a->lane = spl_lane_at(s, spl_lane_of(s, word));
	if (spl_unlikely(!a->lane))
		return false;
	if (write) {
		spl_prefetch_write(a->lane);
	} else {
		spl_prefetch(a->lane);
		spl_prefetch((unsigned char *)a->lane + 64);
	}
	return true;
}

/* False if the key may be in another bucket, which is fetched then. */
static spl_inline bool spl_ahead_home(const struct spl_store *s, struct spl_ahead *a, bool write)
{
	__u64 head = SPL_CELL_LIVE | spl_tag(a->hash), overflow;
	__u32 d;

	if (spl_likely(spl_ahead_in(s, a, a->bucket->cell, head, write)))
		return true;
	overflow = spl_load(&a->bucket->overflow);
	if (spl_likely(!(overflow & spl_overflow_tag(head)) || !(overflow & SPL_OVERFLOW_DISTS)))
		return true;
	d = (__u32)__builtin_ctzll(overflow & SPL_OVERFLOW_DISTS);
	spl_prefetch(&s->index[spl_bucket_at(s, spl_home(s, a->hash), d)]);
	return false;
}

static spl_noinline void spl_ahead_far(const struct spl_store *s, struct spl_ahead *a)
{
	__u64 bits = spl_load(&a->bucket->overflow) & SPL_OVERFLOW_DISTS;
	__u64 head = SPL_CELL_LIVE | spl_tag(a->hash);
	__u32 home = spl_home(s, a->hash), d, bucket;

	for (; bits; bits &= bits - 1) {
		d = (__u32)__builtin_ctzll(bits);
		bucket = spl_bucket_at(s, home, d);
		if (spl_ahead_in(s, a, s->index[bucket].cell, head | spl_dist(d), false))
			return;
	}
}

static spl_noinline long spl_ahead_again(const struct spl_store *s, __u64 hash,
					 const struct spl_io *io)
{
	int r = spl_key_check(s, io->klen);

	return r ? r : spl_get_again(s, hash, io->key, io->klen, io->buf, io->cap, NULL);
}

/*
 * Get by what was found ahead. @named: the bits of a sequence word by which spl_seq_names() decides.
 *
 * Return: bytes of the value, or -EAGAIN for whatever is out of the ordinary.
 */
static spl_inline long spl_ahead_get(const struct spl_ahead *a, const struct spl_io *io,
				     __u64 named, __u32 value_max)
{
	struct spl_lane *lane = a->lane;
	__u32 klen = io->klen, vlen;
	__u64 seq;

	if (spl_unlikely(!lane))
		return -EAGAIN;
	seq = spl_load_acquire(&lane->seq); /* (c) */
	if (spl_unlikely((seq ^ a->gen) & named || spl_load(&lane->klen) != klen))
		return -EAGAIN;
	if (spl_unlikely(!spl_key_equal(spl_lane_key(lane), (const unsigned char *)io->key, klen)))
		return -EAGAIN;
	vlen = spl_load(&lane->vlen);
	if (spl_unlikely(vlen > value_max || vlen > io->cap))
		return -EAGAIN;
	spl_copy(io->buf, spl_lane_value(lane, klen), vlen);
	spl_rmb(); /* (b) */
	return spl_likely(spl_seq_held(seq, spl_load(&lane->seq))) ? (long)vlen : -EAGAIN;
}

/**
 * spl_get_many() - copy the values of many keys
 * @s: the store
 * @io: the operations; each gets its own result, as spl_get() would return it
 * @nr: how many
 *
 * Each read is atomic, the batch isn't: reads take place in any order. Memory of up to SPL_BATCH operations is fetched at once.
 *
 * Return: how many succeeded.
 */
static inline __u32 spl_get_many(const struct spl_store *s, struct spl_io *io, __u32 nr)
{
	const __u64 named = s->gen_mask << SPL_LANE_GEN_SHIFT | SPL_LANE_FILLING;
	__u32 i, n, far, value_max = s->value_max, good = nr;
	struct spl_ahead a[SPL_BATCH];
	long r;

	for (; nr; nr -= n, io += n) {
		n = nr < SPL_BATCH ? nr : SPL_BATCH;
		for (i = 0; i < n; i++) {
			a[i].hash = spl_hash(s, io[i].key, io[i].klen);
			a[i].bucket = &s->index[spl_home(s, a[i].hash)];
			spl_prefetch(a[i].bucket);
		}
		spl_ahead_keys(io, n);
		for (i = 0, far = 0; i < n; i++) {
			if (spl_unlikely(!io[i].buf || spl_key_check(s, io[i].klen)))
				a[i].lane = NULL;
			else if (spl_unlikely(!spl_ahead_home(s, &a[i], false)))
				far |= 1U << i;
		}
		for (; spl_unlikely(far); far &= far - 1)
			spl_ahead_far(s, &a[__builtin_ctz(far)]);
		for (i = 0; i < n; i++) {
			r = spl_ahead_get(&a[i], &io[i], named, value_max);
			if (spl_unlikely(r < 0)) {
				r = spl_ahead_again(s, a[i].hash, &io[i]);
				good -= r < 0;
			}
			io[i].result = r;
		}
	}
	return good;
}

/**
 * spl_next() - walk over the keys
 * @s: the store
 * @cursor: in: 0 to start, or what the last call left; out: where to go on
 * @key: out: the key
 * @cap: room at @key; s->key_max is always enough
 * @meta: out: of the key's publication, or NULL
 *
 * A key that is there from the first call to the last is told exactly once; one that comes or goes meanwhile may be
 * told or not. The order is that of the index. Cells that are damaged are passed over.
 *
 * Return: bytes of the key, 0 at the end, -EMSGSIZE: @cap is too small (the cursor stays).
 */
static inline long spl_next(const struct spl_store *s, __u64 *cursor, void *key, __u32 cap,
			    struct spl_meta *meta)
{
	struct spl_lane *lane;
	__u32 klen, vlen, tries;
	__u64 word, seq;
	__u64 *cell;

	for (; *cursor / SPL_BUCKET_SLOTS < s->buckets; ++*cursor) {
		if (!spl_pos_holds(s, *cursor))
			continue;
		cell = spl_cell_at(s, *cursor);
		for (tries = 0; tries < SPL_TRIES; tries++) {
			word = spl_load(cell);
			if ((word & SPL_CELL_STATE) != SPL_CELL_LIVE)
				break;
			lane = spl_lane_at(s, spl_lane_of(s, word));
			if (!lane)
				break;
			seq = spl_load_acquire(&lane->seq); /* (c) */
			klen = spl_load(&lane->klen);
			vlen = spl_load(&lane->vlen);
			if (spl_seq_names(s, seq, word) && klen && klen <= s->key_max &&
			    vlen <= s->value_max) {
				if (klen <= cap)
					spl_copy(key, spl_lane_key(lane), klen);
				if (meta)
					spl_meta_load(meta, lane, klen, vlen);
				spl_rmb(); /* (b) */
				if (spl_seq_held(seq, spl_load(&lane->seq))) {
					if (klen > cap)
						return -EMSGSIZE;
					++*cursor;
					return klen;
				}
			}
			spl_rmb(); /* (K) */
			if (spl_load(cell) == word)
				break; /* damaged, see spl_hit_lost() */
		}
	}
	return 0;
}

#endif /* _UAPI_SPLINTER_READ_H */
