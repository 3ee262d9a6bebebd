/* SPDX-License-Identifier: MIT */
/*
 * storm.h - what supervisor, workers and verifier share beside the store: who intends what, and what has been
 * acknowledged. It is in pages of its own, which no death of a process touches.
 */
#ifndef _SELFTESTS_STORM_STORM_H
#define _SELFTESTS_STORM_STORM_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "splinterk.h"

#define SLOTS 8
#define OWNED 12 /* keys that only one slot writes */
#define CHURN 48 /* keys that everybody writes */
#define LANES 130 /* not enough for all: inserts are refused now and then */
#define VALUE_MAX 512

/*
 * A key's versions rise by one. Before an operation its owner stores the version that it makes in @intent, after it in
 * @acked; so at any time the key has a version from @acked to @intent, and between operations exactly one.
 */
struct oracle {
	uint64_t acked;
	uint64_t intent;
};

/**
 * struct slot - a place for a worker; who is killed is replaced by another process in the same slot
 * @inside: odd while an operation is under way; rises with its begin and its end
 * @ops: operations that ended
 * @key: versions of the slot's own keys
 * @counter: of a common counter: increments that were told to have happened, and those tried
 * @label: byte of the slot in the common key's labels
 * @stops: times that it was stopped; written by the supervisor
 * @slowest_ns: longest operation in which it wasn't stopped
 */
struct slot {
	uint64_t inside;
	uint64_t ops;
	struct oracle key[OWNED];
	struct oracle counter;
	struct oracle label;
	uint64_t stops;
	uint64_t slowest_ns;
} __attribute__((aligned(128)));

struct shared {
	struct slot slot[SLOTS];
	uint64_t lost; /* everything that a key should not have been */
	uint64_t verified;
	uint64_t refused; /* ENOSPC */
	uint32_t over;
};

extern struct shared *shared;
extern const char *spec;

/* Version 0, and then each eighth, is a deletion. */
static inline bool version_absent(uint64_t version)
{
	return !version || version % 8 == 7;
}

static inline bool absent_between(uint64_t from, uint64_t to)
{
	for (; from <= to; from++)
		if (version_absent(from))
			return true;
	return false;
}

static inline uint64_t load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static inline void store(uint64_t *p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}

static inline uint64_t random_next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545F4914F6CDD1DULL >> 16;
}

static inline uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* A key's name is one word: who owns it, and its number. */
static inline uint64_t key_of(uint32_t slot, uint32_t n)
{
	return 0x6b00000000000000ULL | (uint64_t)slot << 32 | n;
}

#define CHURN_SLOT 100
#define KEY_COUNTER key_of(101, 0)
#define KEY_LABELS key_of(102, 0)

uint32_t value_make(unsigned char *to, uint64_t key, uint64_t version);
/* The version that a value says it is, or -1: it is torn, or another key's. */
int64_t value_version(const unsigned char *p, long len, uint64_t key);

__attribute__((format(printf, 1, 2))) void lost(const char *format, ...);
struct splk_store *storm_open(bool read_only);

__attribute__((noreturn)) void worker_main(uint32_t slot, uint64_t seed);
__attribute__((noreturn)) void verifier_main(uint64_t seed);
/* When all are dead: what is left must be what was acknowledged. */
void verify_end(struct splk_store *s);

#endif /* _SELFTESTS_STORM_STORM_H */
