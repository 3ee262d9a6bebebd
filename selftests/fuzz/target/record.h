/* SPDX-License-Identifier: MIT */
/*
 * record.h - inputs as all targets read them: records of 8 bytes, each an operation of an honest process, its death, or
 * an attack. What these are is the target's: fuzz.c attacks a store, channel.c a channel.
 */
#ifndef _SELFTESTS_FUZZ_RECORD_H
#define _SELFTESTS_FUZZ_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct record - the unit of an input
 * @kind: what to do; see below
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

/*
 * Kinds: below fuzz_op_kinds operations; then the death of who does the next operation, and attacks now, in the next
 * operation, and all through the next operation.
 */
#define KIND_ALL 64U
#define KIND_DIE 28U
#define KIND_NOW 32U
#define KIND_AT 48U
#define KIND_OFTEN 56U

/* What @r chooses, mixed so that one number gives several. */
static inline uint64_t mix(const struct record *r, uint32_t salt)
{
	uint64_t x = ((uint64_t)r->v << 32 | (uint32_t)(r->b << 8 | r->c)) + salt;

	x *= 0x9e3779b97f4a7c15ULL;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ULL;
	return x ^ x >> 32;
}

/* The target's own. */
struct world;
extern const uint32_t fuzz_op_kinds;
/* One attack; never through the hooked operations. */
void garble(struct world *w, const struct record *r);
/* One operation, its result checked against what its contract allows. */
void op_run(struct world *w, const struct record *r);
/* May who does it die in it? */
bool op_mortal(const struct record *r);
void op_died(struct world *w);
/* It hangs if it makes more accesses. */
uint64_t op_steps(const struct record *r);

/* play.c */
void fuzz_tick(void);
uint32_t play_read(const uint8_t *data, size_t size, struct record *records);
void play(struct world *w, const struct record *r);
void fuzz_broken(const char *what, long result) __attribute__((noreturn));

#endif /* _SELFTESTS_FUZZ_RECORD_H */
