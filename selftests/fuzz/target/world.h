/* SPDX-License-Identifier: MIT */
/* world.h - what the parts of the fuzz target share: one small store, its keys and writers, and the input's records. */
#ifndef _SELFTESTS_FUZZ_WORLD_H
#define _SELFTESTS_FUZZ_WORLD_H

#include <stddef.h>
#include <stdint.h>

#ifdef UNHOOKED /* operations as they are, for scribble.c */
#include "splinter_ops.h"
#else
#include "hooked.h"
#endif

#define NR_KEYS 16
#define NR_WRITERS 3
#define NR_ROOMS 2
#define NR_VIEWS 2

/**
 * struct record - the unit of an input
 * @kind: what to do; see fuzz.c
 * @a: its arguments
 * @b: see @a
 * @c: see @a
 * @v: see @a
 */
struct record {
	uint8_t kind;
	uint8_t a;
	uint8_t b;
	uint8_t c;
	uint32_t v;
};

#define RECORD_BYTES 8U
#define RECORDS_MAX 96U

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

/* garble.c: one attack; never through the hooked operations */
void garble(struct world *w, const struct record *r);

/* ops.c: one operation, its result checked against what its contract allows */
void op_run(struct world *w, const struct record *r);
void op_mend(struct world *w);
bool op_writes(const struct record *r);
uint32_t op_parts(const struct record *r);
void op_died(struct world *w);
#define OP_KINDS 26U
#define OP_REAP 20U
#define OP_CHECK 21U

/* fuzz.c */
void fuzz_broken(const char *what, long result) __attribute__((noreturn));

#endif /* _SELFTESTS_FUZZ_WORLD_H */
