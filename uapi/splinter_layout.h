/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_layout.h - the bytes of a mapped store: regions, structs, encodings, and the sizes that follow from a
 * geometry. How they are read and changed is splinter_ops.h's.
 *
 * All words are little-endian, naturally aligned, and accessed whole. A reader in any language starts at the info
 * page and finds the rest by the region table; it needs no other file.
 */
#ifndef _UAPI_SPLINTER_LAYOUT_H
#define _UAPI_SPLINTER_LAYOUT_H

#include "splinter.h"

#define SPL_MAGIC 0x315245544e4c5053ULL /* "SPLNTER1" */
#define SPL_PAGE_BYTES 4096U
#define SPL_CHUNK_BYTES (2ULL << 20)

/* Region ids. A store has those whose size is not 0; ids that a reader doesn't know are none of its business. */
enum spl_region_id {
	SPL_REGION_INFO = 0, /* struct spl_info; kernel writes, all read */
	SPL_REGION_WRITERS =
		1, /* struct spl_wcell[max_writers]; each written by its writer, then by its reaper */
	SPL_REGION_FREE =
		2, /* free map: bit n % 64 of word n / 64 says that lane n may be taken; then its summary */
	SPL_REGION_ATTR = 3, /* struct spl_attrs[buckets] */
	SPL_REGION_INDEX = 4, /* struct spl_bucket[buckets] */
	SPL_REGION_LANES = 5, /* lanes_total times lane_stride bytes */
	SPL_REGION_SIGNAL = 6, /* struct spl_signal */
	SPL_REGION_WATCH =
		7, /* struct spl_attr[buckets * SPL_BUCKET_SLOTS], if SPL_GEOMETRY_WATCH */
	SPL_REGION_FEED =
		9, /* change feed: geometry.feed records for each writer cell, or absent */
	/* Room that is named already and has size 0 in this version: */
	SPL_REGION_EXPIRY = 8, /* expiry and eviction bits, one struct spl_attr a cell */
	SPL_REGION_VECTORS = 10, /* table of vector partitions */
	SPL_REGION_COUNT = 32,
};

/**
 * struct spl_region - where a region lies
 * @id: enum spl_region_id; the entry's position in the table is its id
 * @flags: 0
 * @off: bytes from offset 0 of the mapping; a multiple of SPL_PAGE_BYTES
 * @bytes: its size, 0: absent
 * @stride: bytes from one element to the next
 */
struct spl_region {
	__u32 id;
	__u32 flags;
	__u64 off;
	__u64 bytes;
	__u64 stride;
};

#define SPL_HASH_XXH64 \
	1 /* XXH64 (xxHash specification 0.1.1) of the key's bytes, seeded with @hash_seed */

/* spl_info.features_required: a reader that doesn't know one of the bits must not touch the store. */
#define SPL_REQUIRED_ALL 0ULL
/* spl_info.backend */
#define SPL_BACKEND_DEVICE 1
#define SPL_BACKEND_EMBEDDED 2

/**
 * struct spl_info - the info page, at offset 0 of every mapping
 * @magic: SPL_MAGIC; written last
 * @abi: SPL_ABI_VERSION of the creator
 * @info_bytes: bytes of this struct as its creator knew it
 * @features: SPL_FEATURE_*; unknown bits may be ignored
 * @features_required: unknown bits must not be ignored
 * @store_id: never 0
 * @created_ns: CLOCK_REALTIME at creation
 * @clock_ns: coarse CLOCK_REALTIME, kept by the kernel while writers are registered; 0 on the embedded backend
 * @hash_seed: seed of the key hash, random per store
 * @hash: SPL_HASH_XXH64
 * @backend: SPL_BACKEND_*
 * @geometry: as granted
 * @lanes_total: lanes with all spares; lane numbers are below it
 * @lane_stride: bytes from lane to lane
 * @lane_bits: bits of a cell that hold the lane number
 * @buckets: buckets of the index
 * @data_off: offset of the first writable byte
 * @map_bytes: bytes of the whole mapping
 * @regions: indexed by enum spl_region_id
 */
struct spl_info {
	__u64 magic;
	__u32 abi;
	__u32 info_bytes;
	__u64 features;
	__u64 features_required;
	__u64 store_id;
	__u64 created_ns;
	__u64 clock_ns;
	__u64 hash_seed;
	__u32 hash;
	__u32 backend;
	struct spl_geometry geometry;
	__u64 lanes_total;
	__u64 lane_stride;
	__u32 lane_bits;
	__u32 buckets;
	__u64 data_off;
	__u64 map_bytes;
	struct spl_region regions[SPL_REGION_COUNT];
};

/**
 * struct spl_self - the handle's own page, mapped at SPL_MMAP_SELF; read-only, not inherited by fork
 * @magic: SPL_MAGIC
 * @writer: index of the writer cell of the thread that mapped the page
 * @registered: 1 while that registration holds
 * @store_id: the store that the handle is attached to
 */
struct spl_self {
	__u64 magic;
	__u32 writer;
	__u32 registered;
	__u64 store_id;
};

/*
 * Cell: one word of the index.
 *
 *   63 62 | 61..58 | 57..48 | 47 ............................ 0
 *   state |  dist  |  tag   | generation << lane_bits | lane        (tentative, live)
 *   dead  |  dist  |   0    | writer << 36 | operation              (dead)
 *
 * 0 is an empty cell. dist says which bucket of the key's probe sequence this is: the sequence of home bucket h goes
 * h + dist * (dist + 1) / 2, modulo the number of buckets; triangular steps keep full buckets from growing runs.
 *
 * A live or tentative word names one
 * fill of one lane: it comes back only after the generation has wrapped, 2^(48 - lane_bits) fills of that lane later.
 */
#define SPL_BUCKET_CELLS 7
#define SPL_BUCKET_SLOTS 8 /* words of a bucket; a position is bucket * SPL_BUCKET_SLOTS + cell */
#define SPL_DIST_MAX 15

#define SPL_CELL_EMPTY 0ULL
#define SPL_CELL_TENTATIVE (1ULL << 62)
#define SPL_CELL_LIVE (2ULL << 62)
#define SPL_CELL_DEAD (3ULL << 62)
#define SPL_CELL_STATE (3ULL << 62)
#define SPL_CELL_DIST_SHIFT 58
#define SPL_CELL_TAG_SHIFT 48
#define SPL_CELL_TAG_BITS 10
#define SPL_CELL_REF_BITS 48
#define SPL_CELL_REF ((1ULL << SPL_CELL_REF_BITS) - 1)
#define SPL_CELL_HEAD (~SPL_CELL_REF) /* state, dist, tag: what a look-up compares */
#define SPL_OPSEQ_BITS 36
#define SPL_OPSEQ ((1ULL << SPL_OPSEQ_BITS) - 1)

/**
 * struct spl_bucket - one cache line of the index
 * @cell: see above; changed by compare-and-swap, except that a dead cell is emptied by its deleter (or its reaper)
 * @overflow: bit 0 (SPL_NOTICE_ATTR): a key in one of the cells may have labels, or somebody who waits for it; bit 16
 *	(SPL_NOTICE_WATCH): a watch mask. The others are of the keys whose home is this bucket and that stand elsewhere:
 *	bits 1..15: bit d says that one may stand at distance d; bits 17..39: bit 17 + tag * 23 / 1024 says that one may
 *	have that tag, so that a look-up of an absent key rarely goes on. Bits 40..63: version, raised whenever bits are
 *	asked for
 */
struct spl_bucket {
	__u64 cell[SPL_BUCKET_CELLS];
	__u64 overflow;
} __attribute__((aligned(64)));

#define SPL_NOTICE_ATTR 1ULL
#define SPL_NOTICE_WATCH (1ULL << 16)
#define SPL_NOTICE (SPL_NOTICE_ATTR | SPL_NOTICE_WATCH)
#define SPL_OVERFLOW_DISTS 0xfffeULL
#define SPL_OVERFLOW_TAG_SHIFT 17
#define SPL_OVERFLOW_TAGS 23
#define SPL_OVERFLOW_VERSION (1ULL << 40)
#define SPL_OVERFLOW_MASK (SPL_OVERFLOW_VERSION - 1)

/**
 * struct spl_attr - two words of a key that change in place, by one 16-byte compare-and-swap
 * @guard: bits 0..47: the incarnation (spl_lane.inc) that @word belongs to. In the ATTR region also: 48..54: enum
 *	spl_type; 55: somebody waits for the key; 56..63: user flags
 * @word: ATTR: labels; WATCH: the groups that a change of the key pulses
 *
 * A pair whose incarnation isn't that of the key in the cell is stale and reads as zeros, so a new key never sees
 * what was set for the one before it.
 */
struct spl_attr {
	__u64 guard;
	__u64 word;
} __attribute__((aligned(16)));

/**
 * struct spl_attrs - attributes of a bucket's cells
 * @cell: by the cell's number in its bucket
 * @epoch_floor: no key with this home bucket that is inserted from now on has an epoch at or below it; only rises
 * @reserved: 0
 */
struct spl_attrs {
	struct spl_attr cell[SPL_BUCKET_CELLS];
	__u64 epoch_floor;
	__u64 reserved;
} __attribute__((aligned(64)));

#define SPL_INC_BITS 48
#define SPL_INC ((1ULL << SPL_INC_BITS) - 1)
#define SPL_ATTR_TYPE_SHIFT 48
#define SPL_ATTR_TYPE 0x7f
#define SPL_ATTR_WAITED (1ULL << 55)
#define SPL_ATTR_USER_SHIFT 56

/* Types are names for users; the store treats all values alike. */
enum spl_type {
	SPL_TYPE_VOID = 0, /* not said */
	SPL_TYPE_BIGINT = 1, /* 8 bytes, signed */
	SPL_TYPE_BIGUINT = 2, /* 8 bytes, unsigned */
	SPL_TYPE_JSON = 3,
	SPL_TYPE_BINARY = 4,
	SPL_TYPE_IMGDATA = 5,
	SPL_TYPE_AUDIO = 6,
	SPL_TYPE_VARTEXT = 7,
	SPL_TYPE_COUNT = 8,
};

/**
 * struct spl_lane - header of a lane; the key follows, then, at the next multiple of 8, the value
 * @seq: bits 16..63: generation, raised by each fill; 4..15: writer that filled or took the lane; 0..3: SPL_LANE_*
 * @epoch: publications of the key; the next one's is this plus one
 * @vlen: bytes of the value
 * @klen: bytes of the key
 * @flags: 0
 * @inc: incarnation: writer << 36 | operation of the insert that made the key; 0 is never used
 * @ctime_ns: CLOCK_REALTIME (coarse) of that insert
 * @mtime_ns: CLOCK_REALTIME (coarse) of this publication
 *
 * Written by the lane's owner while no cell names this generation; @seq also by helpers, see splinter_insert.h.
 */
struct spl_lane {
	__u64 seq;
	__u64 epoch;
	__u32 vlen;
	__u16 klen;
	__u16 flags;
	__u64 inc;
	__u64 ctime_ns;
	__u64 mtime_ns;
};

#define SPL_LANE_FREE 0x0ULL /* in the free map */
#define SPL_LANE_FILLING 0x1ULL /* its bytes change: the only state that fails a read */
#define SPL_LANE_READY 0x2ULL /* whole; published or about to be */
#define SPL_LANE_PENDING 0x4ULL /* whole; placed as tentative or about to be, not decided */
#define SPL_LANE_ABORTED 0x6ULL /* decided: the insert didn't happen */
#define SPL_LANE_SPARE 0x8ULL /* owned by the writer named in seq */
#define SPL_LANE_STATE 0xfULL
#define SPL_LANE_WRITER_SHIFT 4
#define SPL_LANE_GEN_SHIFT 16
#define SPL_LANE_GEN (~0ULL << SPL_LANE_GEN_SHIFT)

/* Operations as a writer cell declares them. */
#define SPL_OP_NONE 0
#define SPL_OP_SWAP 1 /* replace old_word by new_word: overwrite */
#define SPL_OP_INSERT 2 /* place new_word, tentative, then live */
#define SPL_OP_DELETE 3 /* replace old_word by new_word: a dead word */
#define SPL_OP_HELP 4 /* ask for the overflow bit of somebody else's tentative new_word */
#define SPL_OP_ATTR \
	5 /* change a pair of the key in the cell; new_word: labels that it had or has */

/**
 * struct spl_wcell - a writer cell: what its writer is about to do, and the lanes that it owns
 * @owner: 0: free; device: 1, the truth is the kernel's; embedded: bit 63: taken; 62: being repaired, by the thread
 *	named; 61..22: start time of the thread in clock ticks since boot (0: not known); 21..0: its id
 * @owner_start: embedded: 63..32: hash of the boot id; 31..0: hash of its pid and time namespaces; changed together
 *	with @owner by one 16-byte compare-and-swap
 * @op: bits 0..7: SPL_OP_*; 8..15: slot; 16..63: position of the cell. Written after the words that it needs
 * @old_word: cell word to be replaced. Left as it is when the operation ends: wherever a word stands here, it has
 *	been seen in a cell
 * @new_word: cell word to be published
 * @extra: a lane on its way between free map and writer: bits 0..31: lane + 1; 32: on its way to the map; 33..63: low
 *	bits of its generation when the way began; 0: none
 * @opseq: operations so far; never goes back, also from one registration to the next
 * @owner_tid: thread that registered, for people; means nothing while @owner is 0
 * @slots: lanes that the writer owns, spares of them
 * @ring_groups: groups whose sleepers this writer has to wake; also while it finds out
 * @ring_bells: bells, likewise
 * @feed_head: bytes that this writer, and those that had the cell before it, appended to its ring of the change feed
 * @reserved: 0
 * @nr_publish: values published (inserts included)
 * @nr_insert: keys made
 * @nr_delete: keys deleted
 * @nr_conflict: publications tried again because another writer was first
 * @nr_help: inserts of others that this writer finished or cleared
 * @nr_full: inserts refused with ENOSPC
 * @nr_reap: (kept by the reaper) times that this cell was reaped from a dead writer
 * @nr_attr: attribute changes
 *
 * Written by its writer alone, and by the reaper once the writer is dead. Statistics are summed by whoever asks.
 */
struct spl_wcell {
	__u64 owner;
	__u64 owner_start;
	__u64 op;
	__u64 old_word;
	__u64 new_word;
	__u64 extra;
	__u64 opseq;
	__u64 owner_tid;

	__u32 slots[SPL_SPARES_MAX];
	__u64 ring_groups;
	__u64 ring_bells;
	__u64 feed_head;
	__u64 reserved;

	__u64 nr_publish;
	__u64 nr_insert;
	__u64 nr_delete;
	__u64 nr_conflict;
	__u64 nr_help;
	__u64 nr_full;
	__u64 nr_reap;
	__u64 nr_attr;
} __attribute__((aligned(64)));

#define SPL_OP_SLOT_SHIFT 8
#define SPL_OP_POS_SHIFT 16
#define SPL_EXTRA_GIVE (1ULL << 32)
#define SPL_EXTRA_GEN_SHIFT 33

/*
 * Summary of the free map, right behind it: bit n % 64 of word n / 64 says that one of the words n * 64 to n * 64 + 63
 * may have a bit. Advice only: who finds nothing by it looks at every word.
 */
#define SPL_FREE_WORDS(lanes) (((lanes) + 63) / 64)
#define SPL_FREE_TOP_WORDS(lanes) ((SPL_FREE_WORDS(lanes) + 4095) / 4096)

/**
 * struct spl_group - a counter that can be slept on, two lines
 * @count: pulses; wraps
 * @armed: bit 0: somebody sleeps here, or is about to. Device: written by the kernel alone; embedded: 31..1 rise with each
 *	who arms, so that who has woken all clears the bit only if nobody has come since
 * @bell: embedded: rises when those who sleep are woken; the futex word
 * @reserved: 0
 */
struct spl_group {
	__u64 count;
	__u32 armed;
	__u32 bell;
	__u64 reserved[14];
} __attribute__((aligned(128)));

#define SPL_GROUPS 64
#define SPL_LABELS 64

/**
 * struct spl_signal - groups, and what is bound to them beside keys
 * @label_groups: by label: mask of groups that a change of a key with that label pulses
 * @keys_groups: mask of groups that every insert and delete pulses
 * @births: mask of bells: somebody waits for a key that isn't there
 * @feed_groups: mask of groups that every record of the change feed pulses
 * @reserved: 0
 * @group: the groups
 * @bell: hidden counters for those who wait for one key: the high bits of the key's hash choose
 */
struct spl_signal {
	__u64 label_groups[SPL_LABELS];
	__u64 keys_groups;
	__u64 births;
	__u64 feed_groups;
	__u64 reserved[61];
	struct spl_group group[SPL_GROUPS];
	struct spl_group bell[SPL_GROUPS];
};

/**
 * struct spl_feed_record - one change in a writer's ring of the change feed
 * @what: bits 0..7: enum spl_feed_kind; 8..23: bytes of the key that follows, rounded up to whole records (deletes only);
 *	24..63: position of the cell
 * @inc: incarnation of the key
 * @epoch: of the publication; of a delete: of the last one before it
 * @hash: of the key
 */
struct spl_feed_record {
	__u64 what;
	__u64 inc;
	__u64 epoch;
	__u64 hash;
};

enum spl_feed_kind {
	SPL_FEED_SET = 1,
	SPL_FEED_DELETE = 2,
	SPL_FEED_LABEL = 3,
};

#define SPL_FEED_KLEN_SHIFT 8
#define SPL_FEED_POS_SHIFT 24

/* Bytes before the value of a key of @klen bytes, from the start of the lane. */
#define SPL_VALUE_OFF(klen) ((__u32)sizeof(struct spl_lane) + (((__u32)(klen) + 7) & ~7U))

/* Cells for each lane: with all lanes taken, half of the cells are. See Documentation/design. */
#define SPL_CELLS_PER_LANE 2

/* Padding that a lane may have so that it starts on a rounder address. */
#define SPL_LANE_PAD_MAX 20

static inline __u64 spl_layout_round(__u64 n, __u64 to)
{
	return (n + to - 1) & ~(to - 1);
}

static inline __u64 spl_layout_place(struct spl_info *info, __u32 id, __u64 off, __u64 nr,
				     __u64 stride)
{
	struct spl_region *r = &info->regions[id];

	r->id = id;
	r->off = off;
	r->bytes = spl_layout_round(nr * stride, SPL_PAGE_BYTES);
	r->stride = stride;
	return off + r->bytes;
}

/* What spl_layout_plan() finds wrong. */
#define SPL_PLAN_INVALID 1
#define SPL_PLAN_OVERFLOW 2

/**
 * spl_layout_plan() - sizes and places that follow from a geometry
 * @info: in: all zero but @geometry; out: geometry with its defaults filled in, everything but the fields that are
 *	the creator's own (magic, id, clocks, seed, backend)
 *
 * The policy and node of the geometry are not looked at.
 *
 * Return: 0, or SPL_PLAN_INVALID (a limit is broken), SPL_PLAN_OVERFLOW (the sum of sizes passes 2^46 bytes).
 */
static inline int spl_layout_plan(struct spl_info *info)
{
	struct spl_geometry *g = &info->geometry;
	__u64 need, stride = 0, align, end;
	__u32 i;

	if (!g->key_max)
		g->key_max = SPL_KEY_MAX_DEFAULT;
	if (!g->max_writers)
		g->max_writers = SPL_WRITERS_DEFAULT;
	if (!g->spares)
		g->spares = SPL_SPARES_DEFAULT;
	if (!g->lanes || g->lanes > SPL_LANES_MAX || g->key_max > SPL_KEY_MAX ||
	    g->value_max < SPL_VALUE_MIN || g->value_max > SPL_VALUE_MAX ||
	    g->max_writers > SPL_WRITERS_MAX || g->spares < SPL_SPARES_MIN ||
	    g->spares > SPL_SPARES_MAX || (g->flags & ~SPL_GEOMETRY_ALL) ||
	    g->feed > SPL_FEED_MAX || (g->feed && g->feed < SPL_FEED_MIN) ||
	    (g->feed & (g->feed - 1)) || g->feed_reserved || g->reserved[0] || g->reserved[1])
		return SPL_PLAN_INVALID;

	need = SPL_VALUE_OFF(g->key_max) + g->value_max;
	for (align = 64; align >= 8; align /= 2) {
		stride = spl_layout_round(need, align);
		if (align == 8 || stride - sizeof(struct spl_lane) - g->key_max - g->value_max <=
					  SPL_LANE_PAD_MAX)
			break;
	}
	info->lane_stride = stride;
	info->lanes_total = g->lanes + (__u64)g->max_writers * g->spares;
	for (info->lane_bits = 1; (1ULL << info->lane_bits) < info->lanes_total;)
		info->lane_bits++;
	info->buckets =
		(__u32)((g->lanes * SPL_CELLS_PER_LANE + SPL_BUCKET_CELLS - 1) / SPL_BUCKET_CELLS);

	info->abi = SPL_ABI_VERSION;
	info->info_bytes = sizeof(*info);
	info->features = SPL_FEATURE_ATTR | SPL_FEATURE_SIGNAL | SPL_FEATURE_FEED;
	info->hash = SPL_HASH_XXH64;

	for (i = 0; i < SPL_REGION_COUNT; i++)
		info->regions[i].id = i;
	spl_layout_place(info, SPL_REGION_INFO, 0, 1, sizeof(*info));
	/* Lanes first: large, and best served by 2 MiB pages; the start is rounded to those if there is even one. */
	end = info->lanes_total * stride >= SPL_CHUNK_BYTES ? SPL_CHUNK_BYTES : SPL_PAGE_BYTES;
	info->data_off = end;
	end = spl_layout_place(info, SPL_REGION_LANES, end, info->lanes_total, stride);
	end = spl_layout_place(info, SPL_REGION_INDEX, end, info->buckets,
			       sizeof(struct spl_bucket));
	end = spl_layout_place(info, SPL_REGION_ATTR, end, info->buckets, sizeof(struct spl_attrs));
	end = spl_layout_place(info, SPL_REGION_FREE, end,
			       SPL_FREE_WORDS(info->lanes_total) +
				       SPL_FREE_TOP_WORDS(info->lanes_total),
			       sizeof(__u64));
	end = spl_layout_place(info, SPL_REGION_WRITERS, end, g->max_writers,
			       sizeof(struct spl_wcell));
	end = spl_layout_place(info, SPL_REGION_SIGNAL, end, 1, sizeof(struct spl_signal));
	if (g->flags & SPL_GEOMETRY_WATCH)
		end = spl_layout_place(info, SPL_REGION_WATCH, end,
				       (__u64)info->buckets * SPL_BUCKET_SLOTS,
				       sizeof(struct spl_attr));
	end = spl_layout_place(info, SPL_REGION_FEED, end, g->max_writers,
			       g->feed * sizeof(struct spl_feed_record));
	info->map_bytes = end;
	return end > SPL_MMAP_SELF ? SPL_PLAN_OVERFLOW : 0;
}

#endif /* _UAPI_SPLINTER_LAYOUT_H */
