/* SPDX-License-Identifier: MIT */
/* world.h - what the parts of the fuzz target share: one small store, its keys, its writers and a follower. */
#ifndef _SELFTESTS_FUZZ_WORLD_H
#define _SELFTESTS_FUZZ_WORLD_H

#include "record.h"

#ifdef UNHOOKED /* operations as they are, for scribble.c */
#include "splinter_ops.h"
#else
#include "hooked.h"
#endif

#define NR_KEYS 16
#define NR_WRITERS 3
#define NR_ROOMS 2
#define NR_VIEWS 2

struct key {
	uint8_t *bytes; /* exactly @len of them, so that a read beyond shows */
	uint32_t len;
	uint64_t hash;
};

/**
 * struct world - one store under attack
 * @info: its info page
 * @s: the view; of an own store each region is a heap block of its own, of exactly its size
 * @block: heap blocks to be freed
 * @nr_blocks: how many
 * @shared: they are mappings between guard pages instead, for several processes, and stay
 * @key: keys that the script speaks of
 * @w: writers
 * @room: rooms given out by spl_alloc()
 * @room_of: number of the writer that has it; 0: none, else plus one
 * @view: views taken, not asked for yet
 * @value: room for any value, exactly
 * @out: where reads go, exactly value_max bytes
 * @seen: for checks
 * @batch: buffers of the last batch
 * @follower: in the change feed; of no store: none
 * @feed_at: its places, exactly max_writers words
 * @known: what it told, exactly as much as it was promised
 * @told: where keys go that it tells, exactly key_max bytes
 * @nr_writers: how many of @w there are; each has the writer cell of its number
 * @acting: whose operation is under way
 * @tainted: something was written that no honest process writes
 * @borrowed: made of a hostile info page
 * @dead: writers that died in an operation and aren't reaped yet, by number of @w
 */
struct world {
	struct spl_info *info;
	struct spl_store s;
	void *block[12];
	uint32_t nr_blocks;
	bool shared;
	struct key key[NR_KEYS];
	struct spl_writer w[NR_WRITERS];
	struct spl_room room[NR_ROOMS];
	uint32_t room_of[NR_ROOMS];
	struct spl_view view[NR_VIEWS];
	uint8_t *value;
	uint8_t *out;
	uint64_t *seen;
	uint8_t *batch;
	struct spl_follower follower;
	__u64 *feed_at;
	struct spl_known *known;
	uint8_t *told;
	uint32_t nr_writers;
	uint32_t acting;
	bool tainted;
	bool borrowed;
	bool dead[NR_WRITERS];
};

/* Repairs that make any store sound. */
#define MEND_ROUNDS 4U

/* world.c */
int world_make(struct world *w, uint8_t geometry, bool shared);
int world_attach(struct world *w, const struct spl_info *info, uint64_t data_bytes);
void world_plan(struct spl_info *info, uint8_t geometry);
void world_drop(struct world *w);

/* ops.c */
void op_mend(struct world *w);
#define OP_KINDS 28U
#define OP_REAP 20U
#define OP_CHECK 21U
#define OP_FOLLOW 27U

#endif /* _SELFTESTS_FUZZ_WORLD_H */
