/* SPDX-License-Identifier: MIT */
/* script.h - random operations of one worker and the record of them; the two ways to run workers are built on it. */
#ifndef _SELFTESTS_LINEAR_SCRIPT_H
#define _SELFTESTS_LINEAR_SCRIPT_H

#include "points.h"

#include "history.h"

/* Names of the keys of a group: at home in one bucket, some with the same tag. */
struct names {
	char name[KEYS_MAX][8];
	__u32 len[KEYS_MAX];
};

/* One worker's record, in memory that outlives it. */
struct record {
	struct op op[OPS_MAX];
	uint32_t nr;
};

/**
 * struct script - one worker at work
 * @s: the store
 * @w: its right to write
 * @clock: next stamp, see stamp()
 * @rec: where it records
 * @names: keys
 * @config: of the group
 * @who: worker
 * @x: random state
 * @seen: epochs last told, by key
 * @made: values made so far
 */
struct script {
	const struct spl_store *s;
	struct spl_writer w;
	uint64_t *clock;
	struct record *rec;
	const struct names *names;
	const struct config *config;
	uint32_t who;
	uint64_t x;
	uint64_t seen[KEYS_MAX];
	uint32_t made;
};

/*
 * Stamps are taken from one counter by atomic additions. All additions to one word have one order, whatever core they
 * run on, and each is a full barrier: if the stamp of A's return is lower than that of B's call, all that A did was over,
 * and visible, before B began. A clock of each core would promise that only as far as the clocks agree.
 */
static inline uint64_t stamp(uint64_t *clock)
{
	return __atomic_fetch_add(clock, 1, __ATOMIC_SEQ_CST);
}

static inline uint64_t random_next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545F4914F6CDD1DULL;
}

static inline uint64_t mix_seed(uint64_t a, uint64_t b)
{
	a = (a ^ b * 0x9e3779b97f4a7c15ULL) + 0x7f4a7c159e3779b9ULL;
	a = (a ^ a >> 30) * 0xbf58476d1ce4e5b9ULL;
	a = (a ^ a >> 27) * 0x94d049bb133111ebULL;
	return (a ^ a >> 31) | 1;
}

void names_choose(struct names *names, const struct spl_store *s, uint32_t keys, uint64_t seed);
void script_run(struct script *c, uint32_t nr);
/* What everybody reads when all have ended: the last operations of a history. */
void script_last_look(struct history *h, const struct spl_store *s, const struct names *names,
		      uint32_t keys, uint64_t *clock);
/* Those operations say what a key is; for the next history on the same store. */
void state_from(struct state *state, const struct history *h, uint32_t key);
void history_add(struct history *h, const struct record *rec, uint64_t dead_at);

/* A group of histories on one store; 0, or -1 after saying what is wrong. */
struct totals {
	uint64_t histories, ops, kills, reaps, switches, bad, undecided, unsound;
	uint64_t per_kind[OP_KINDS], nospace, contended, roomy;
};

extern struct totals totals;

void judge(const struct history *h, const struct config *c, const struct state *start,
	   struct rawstore *raw);
void scheduled_group(const struct config *c);
void processes_group(const struct config *c, uint32_t histories);

/* Of linear_point(): who decides what happens there. */
extern void (*point_hook)(void);

#endif /* _SELFTESTS_LINEAR_SCRIPT_H */
