/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_store.h - a process's private view of a mapped store, and the decoding of its words. What is done with
 * them is splinter_read.h's, splinter_write.h's and splinter_reap.h's.
 *
 * Nothing in the mapping is trusted: the view is made of copies that were checked once, and every number read from
 * the mapping later is bounded by them.
 */
#ifndef _UAPI_SPLINTER_STORE_H
#define _UAPI_SPLINTER_STORE_H

#include "splinter_atomic.h"
#include "splinter_layout.h"

/* A key that others change so fast, or bytes that change so oddly, that this many looks didn't settle: -EAGAIN. */
#define SPL_TRIES 4096U

/**
 * struct spl_store - view of a store; constant once attached, so that any number of threads may share it
 * @index: buckets
 * @lanes: lane 0
 * @seed: of the hash
 * @lane_stride: bytes from lane to lane
 * @lane_mask: bits of a cell that hold the lane number
 * @gen_mask: low bits of a generation that a cell holds
 * @lane_bits: bits in @lane_mask
 * @lanes_total: lanes, spares included
 * @buckets: how many
 * @key_max: bytes of the longest key
 * @value_max: bytes of the longest value
 * @attrs: attributes, by bucket
 * @free: free map
 * @free_top: its summary
 * @wcells: writer cells
 * @max_writers: how many
 * @spares: slots of each that are in use
 * @free_words: words of @free
 * @lanes_wanted: lanes without the spares
 * @watch: watch masks, or NULL
 * @signal: groups and bells
 * @feed: rings of the change feed
 * @feed_bytes: of each writer's ring; 0: there is none
 * @info: the info page
 *
 * The pointers lead into the mapping, everything else is a checked copy.
 */
struct spl_store {
	struct spl_bucket *index;
	unsigned char *lanes;
	__u64 seed;
	__u64 lane_stride;
	__u64 lane_mask;
	__u64 gen_mask;
	__u32 lane_bits;
	__u32 lanes_total;
	__u32 buckets;
	__u32 key_max;
	__u32 value_max;
	struct spl_attrs *attrs;
	__u64 *free;
	__u64 *free_top;
	struct spl_wcell *wcells;
	__u32 max_writers;
	__u32 spares;
	__u32 free_words;
	__u64 lanes_wanted;
	struct spl_attr *watch;
	struct spl_signal *signal;
	unsigned char *feed;
	__u64 feed_bytes;
	const struct spl_info *info;
};

static inline bool spl_region_holds(const struct spl_info *i, __u64 data_bytes, __u32 id, __u64 nr,
				    __u64 stride)
{
	const struct spl_region *r = &i->regions[id];

	return r->id == id && r->stride == stride && r->off >= i->data_off &&
	       r->off % SPL_PAGE_BYTES == 0 && r->bytes <= data_bytes &&
	       r->off - i->data_off <= data_bytes - r->bytes && r->bytes / stride >= nr;
}

/**
 * spl_store_attach() - make a view of a mapped store
 * @s: out: the view
 * @info: the info page, or a copy; stays referenced for its clock
 * @data: address at which offset info->data_off is mapped
 * @data_bytes: bytes mapped there
 *
 * Return: 0; -EBADMSG: not a store, or numbers in it contradict each other; -EPROTONOSUPPORT: made by a version
 * whose stores this one must not touch. Thread-safe; the mapping isn't changed.
 */
static inline int spl_store_attach(struct spl_store *s, const struct spl_info *info, void *data,
				   __u64 data_bytes)
{
	const struct spl_geometry *g;
	struct spl_info i;

	if (spl_load_acquire(&info->magic) != SPL_MAGIC)
		return -EBADMSG;
	memcpy(&i, info, sizeof(i)); /* once: the page may change under a hostile creator */
	g = &i.geometry;
	if (i.abi != SPL_ABI_VERSION || (i.features_required & ~SPL_REQUIRED_ALL) ||
	    i.hash != SPL_HASH_XXH64)
		return -EPROTONOSUPPORT;
	if (i.info_bytes < sizeof(i) || !g->lanes || g->lanes > SPL_LANES_MAX || !g->key_max ||
	    g->key_max > SPL_KEY_MAX || g->value_max < SPL_VALUE_MIN ||
	    g->value_max > SPL_VALUE_MAX || !g->max_writers || g->max_writers > SPL_WRITERS_MAX ||
	    g->spares < SPL_SPARES_MIN || g->spares > SPL_SPARES_MAX || g->feed > SPL_FEED_MAX ||
	    (g->feed && g->feed < SPL_FEED_MIN) || (g->feed & (g->feed - 1)))
		return -EBADMSG;
	if (i.lanes_total != g->lanes + (__u64)g->max_writers * g->spares || i.lane_bits > 32 ||
	    i.lanes_total > 1ULL << i.lane_bits || i.lane_stride % 8 ||
	    i.lane_stride < (__u64)SPL_VALUE_OFF(g->key_max) + g->value_max ||
	    i.lane_stride > 1ULL << 30)
		return -EBADMSG;
	/* Regions are page-aligned in the mapping; so must its start be, or their elements aren't aligned in memory. */
	if (!i.buckets || i.buckets > 1U << 30 || i.data_off % SPL_PAGE_BYTES)
		return -EBADMSG;
	if (!spl_region_holds(&i, data_bytes, SPL_REGION_WRITERS, g->max_writers,
			      sizeof(struct spl_wcell)) ||
	    !spl_region_holds(&i, data_bytes, SPL_REGION_FREE,
			      SPL_FREE_WORDS(i.lanes_total) + SPL_FREE_TOP_WORDS(i.lanes_total),
			      sizeof(__u64)) ||
	    !spl_region_holds(&i, data_bytes, SPL_REGION_ATTR, i.buckets,
			      sizeof(struct spl_attrs)) ||
	    !spl_region_holds(&i, data_bytes, SPL_REGION_INDEX, i.buckets,
			      sizeof(struct spl_bucket)) ||
	    !spl_region_holds(&i, data_bytes, SPL_REGION_LANES, i.lanes_total, i.lane_stride) ||
	    !spl_region_holds(&i, data_bytes, SPL_REGION_SIGNAL, 1, sizeof(struct spl_signal)) ||
	    ((g->flags & SPL_GEOMETRY_WATCH) &&
	     !spl_region_holds(&i, data_bytes, SPL_REGION_WATCH,
			       (__u64)i.buckets * SPL_BUCKET_SLOTS, sizeof(struct spl_attr))) ||
	    (g->feed && !spl_region_holds(&i, data_bytes, SPL_REGION_FEED, g->max_writers,
					  g->feed * sizeof(struct spl_feed_record))))
		return -EBADMSG;

	memset(s, 0, sizeof(*s));
	s->index = (struct spl_bucket *)((char *)data +
					 (i.regions[SPL_REGION_INDEX].off - i.data_off));
	s->lanes = (unsigned char *)data + (i.regions[SPL_REGION_LANES].off - i.data_off);
	s->attrs =
		(struct spl_attrs *)((char *)data + (i.regions[SPL_REGION_ATTR].off - i.data_off));
	s->free = (__u64 *)((char *)data + (i.regions[SPL_REGION_FREE].off - i.data_off));
	s->wcells = (struct spl_wcell *)((char *)data +
					 (i.regions[SPL_REGION_WRITERS].off - i.data_off));
	s->signal = (struct spl_signal *)((char *)data +
					  (i.regions[SPL_REGION_SIGNAL].off - i.data_off));
	if (g->feed)
		s->feed = (unsigned char *)data + (i.regions[SPL_REGION_FEED].off - i.data_off);
	s->feed_bytes = g->feed * sizeof(struct spl_feed_record);
	if (g->flags & SPL_GEOMETRY_WATCH)
		s->watch = (struct spl_attr *)((char *)data +
					       (i.regions[SPL_REGION_WATCH].off - i.data_off));
	s->seed = i.hash_seed;
	s->lane_stride = i.lane_stride;
	s->lane_bits = i.lane_bits;
	s->lane_mask = (1ULL << i.lane_bits) - 1;
	s->gen_mask = (1ULL << (SPL_CELL_REF_BITS - i.lane_bits)) - 1;
	s->lanes_total = (__u32)i.lanes_total;
	s->lanes_wanted = g->lanes;
	s->buckets = i.buckets;
	s->key_max = g->key_max;
	s->value_max = g->value_max;
	s->max_writers = g->max_writers;
	s->spares = g->spares;
	s->free_words = (__u32)SPL_FREE_WORDS(i.lanes_total);
	s->free_top = s->free + s->free_words;
	s->info = info;
	return 0;
}

/**
 * spl_store_format() - give fresh, zeroed data its first content: all lanes free but each writer cell's spares
 * @s: view of a store that nobody else sees yet
 */
static inline void spl_store_format(const struct spl_store *s)
{
	__u64 n = s->lanes_wanted;
	__u32 i, k;

	for (i = 0; i < n / 64; i++)
		s->free[i] = ~0ULL;
	if (n % 64)
		s->free[n / 64] = (1ULL << (n % 64)) - 1;
	for (i = 0; i < (n + 4095) / 4096; i++)
		s->free_top[i / 64] |= 1ULL << (i % 64);
	for (i = 0; i < s->max_writers; i++)
		for (k = 0; k < s->spares; k++)
			s->wcells[i].slots[k] = (__u32)(n + (__u64)i * s->spares + k);
}

/* The time of a change: the kernel's clock in the info page while it runs, else (embedded backend) the system's. */
static spl_inline __u64 spl_now_ns(const struct spl_store *s)
{
	__u64 now = spl_load(&s->info->clock_ns);

	return spl_likely(now) ? now : spl_clock_ns();
}

static spl_inline __u64 spl_hash(const struct spl_store *s, const void *key, __u32 klen)
{
	return spl_hash_bytes(key, klen, s->seed);
}

/* The bucket comes from the hash's high bits, the tag from its low ones. */
static spl_inline __u32 spl_home(const struct spl_store *s, __u64 hash)
{
	return (__u32)(((hash >> 32) * s->buckets) >> 32);
}

static spl_inline __u64 spl_tag(__u64 hash)
{
	return (hash & ((1ULL << SPL_CELL_TAG_BITS) - 1)) << SPL_CELL_TAG_SHIFT;
}

static spl_inline __u64 spl_dist(__u32 d)
{
	return (__u64)d << SPL_CELL_DIST_SHIFT;
}

static spl_inline __u32 spl_dist_of(__u64 word)
{
	return (__u32)(word >> SPL_CELL_DIST_SHIFT) & SPL_DIST_MAX;
}

/* Bucket number @d of the probe sequence of @home. */
static spl_inline __u32 spl_bucket_at(const struct spl_store *s, __u32 home, __u32 d)
{
	__u32 b = home + d * (d + 1) / 2;

	while (spl_unlikely(b >= s->buckets))
		b -= s->buckets;
	return b;
}

/* The home whose probe sequence has @bucket as number @d. */
static spl_inline __u32 spl_home_at(const struct spl_store *s, __u32 bucket, __u32 d)
{
	__u32 step = d * (d + 1) / 2;

	while (spl_unlikely(bucket < step))
		bucket += s->buckets;
	return bucket - step;
}

/* The overflow bits that a cell word needs in its key's home bucket. */
static spl_inline __u64 spl_overflow_tag(__u64 word)
{
	__u32 tag = (__u32)(word >> SPL_CELL_TAG_SHIFT) & ((1U << SPL_CELL_TAG_BITS) - 1);

	return 1ULL << (SPL_OVERFLOW_TAG_SHIFT + (tag * SPL_OVERFLOW_TAGS >> SPL_CELL_TAG_BITS));
}

static spl_inline __u64 spl_overflow_of(__u64 word)
{
	return 1ULL << spl_dist_of(word) | spl_overflow_tag(word);
}

/* @pos is bounded: of a bounded bucket, or checked by spl_pos_holds(). */
static spl_inline __u64 *spl_cell_at(const struct spl_store *s, __u64 pos)
{
	return &s->index[pos / SPL_BUCKET_SLOTS].cell[pos % SPL_BUCKET_SLOTS];
}

static spl_inline bool spl_pos_holds(const struct spl_store *s, __u64 pos)
{
	return pos / SPL_BUCKET_SLOTS < s->buckets && pos % SPL_BUCKET_SLOTS < SPL_BUCKET_CELLS;
}

/* Lane @n, or NULL if there is no such lane. */
static spl_inline struct spl_lane *spl_lane_at(const struct spl_store *s, __u64 n)
{
	if (spl_unlikely(n >= s->lanes_total))
		return NULL;
	return (struct spl_lane *)(s->lanes + n * s->lane_stride);
}

static spl_inline __u32 spl_lane_of(const struct spl_store *s, __u64 word)
{
	return (__u32)(word & s->lane_mask);
}

/* The reference part of a cell word for a lane whose sequence word is @seq. */
static spl_inline __u64 spl_ref(const struct spl_store *s, __u64 seq, __u32 lane)
{
	return (((seq >> SPL_LANE_GEN_SHIFT) << s->lane_bits) & SPL_CELL_REF) | lane;
}

/* Does a lane whose sequence word is @seq still hold, whole, what the cell word @word names? */
static spl_inline bool spl_seq_names(const struct spl_store *s, __u64 seq, __u64 word)
{
	__u64 differ = ((seq >> SPL_LANE_GEN_SHIFT) ^ (word >> s->lane_bits)) & s->gen_mask;

	return !(differ | (seq & SPL_LANE_FILLING));
}

/* Has no fill begun between two looks at a sequence word, the first of which wasn't in one? */
static spl_inline bool spl_seq_held(__u64 before, __u64 after)
{
	return !(((before ^ after) & SPL_LANE_GEN) | (after & SPL_LANE_FILLING));
}

static spl_inline unsigned char *spl_lane_key(struct spl_lane *lane)
{
	return (unsigned char *)(lane + 1);
}

static spl_inline unsigned char *spl_lane_value(struct spl_lane *lane, __u32 klen)
{
	return (unsigned char *)lane + SPL_VALUE_OFF(klen);
}

/* Keys of equal length; short ones without a call. */
static spl_racing bool spl_key_equal(const unsigned char *a, const unsigned char *b, __u32 n)
{
	__u64 x, y, last_x, last_y;

	for (; n > 16; n -= 8, a += 8, b += 8) {
		memcpy(&x, a, 8);
		memcpy(&y, b, 8);
		if (x != y)
			return false;
	}
	if (spl_likely(n >= 8)) {
		memcpy(&x, a, 8);
		memcpy(&y, b, 8);
		memcpy(&last_x, a + n - 8, 8);
		memcpy(&last_y, b + n - 8, 8);
		return !((x ^ y) | (last_x ^ last_y));
	}
	for (; n; n--)
		if (*a++ != *b++)
			return false;
	return true;
}

/* For cold paths; the compiler's builtin needs a library that the kernel hasn't. */
static inline __u32 spl_nr_bits(__u64 x)
{
	__u32 n;

	for (n = 0; x; x &= x - 1)
		n++;
	return n;
}

static spl_inline int spl_key_check(const struct spl_store *s, __u32 klen)
{
	if (spl_unlikely(!klen))
		return -EINVAL;
	return spl_unlikely(klen > s->key_max) ? -EMSGSIZE : 0;
}

#endif /* _UAPI_SPLINTER_STORE_H */
