/* SPDX-License-Identifier: MIT */
/*
 * history.h - what is recorded of an operation, what a key is to the checker, and what a run is made of. No part of the
 * store is known here.
 */
#ifndef _SELFTESTS_LINEAR_HISTORY_H
#define _SELFTESTS_LINEAR_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define VALUE_MAX 40
#define WORKERS_MAX 8
#define KEYS_MAX 10
#define OPS_MAX 32 /* of one worker in one history */
#define HISTORY_MAX (2 * WORKERS_MAX * OPS_MAX + 2 * KEYS_MAX)
#define KEY_OPS_MAX 512

enum kind {
	OP_SET,
	OP_PUT,
	OP_SET_EPOCH,
	OP_APPEND,
	OP_MATH,
	OP_BUMP,
	OP_DELETE,
	OP_GET,
	OP_VIEW,
	OP_STAT,
	OP_EXISTS,
	OP_ATTR_GET,
	OP_ATTR_CHANGE,
	OP_KINDS,
};

enum { END_NEVER = 0, END_KNOWN = 1, END_UNUSABLE = 2 };

/**
 * struct op - one operation on one key
 * @inv: stamp taken before the call
 * @resp: stamp taken after it; of one that a killed process left: when its writer had been reaped
 * @kind: enum kind
 * @key: number of the key
 * @who: worker
 * @end: END_NEVER: the process was killed inside; END_UNUSABLE: a view that didn't hold
 * @flags: of the call
 * @math: operation of OP_MATH
 * @type: attr change: type wanted
 * @type_was: attr: type told
 * @len: bytes of @val; get: room
 * @out_len: bytes of @out
 * @arg: epoch wanted; operand; labels required
 * @set: labels to set, @clear: to clear, @must: to compare
 * @ret: returned
 * @epoch: told by the call; 0: it doesn't tell
 * @word: told: number of OP_MATH, labels
 */
struct op {
	uint64_t inv;
	uint64_t resp;
	uint8_t kind;
	uint8_t key;
	uint8_t who;
	uint8_t end;
	uint8_t flags;
	uint8_t math;
	uint8_t type;
	uint8_t type_was;
	uint32_t len;
	uint32_t out_len;
	uint64_t arg;
	uint64_t set;
	uint64_t clear;
	uint64_t must;
	int64_t ret;
	uint64_t epoch;
	uint64_t word;
	unsigned char val[VALUE_MAX];
	unsigned char out[VALUE_MAX];
};

/**
 * struct state - a key as the model has it; compared as bytes, so that what doesn't matter is zero
 * @present: is there such a key
 * @loose: @epoch is only the least that it can be
 * @type: enum spl_type
 * @len: bytes of the value
 * @epoch: of the key; of an absent one: the last it had
 * @labels: of the key
 * @val: the value
 */
struct state {
	uint8_t present;
	uint8_t loose;
	uint8_t type;
	uint8_t zero;
	uint32_t len;
	uint64_t epoch;
	uint64_t labels;
	unsigned char val[VALUE_MAX];
};

/* What a history is made of; follows from its seed. */
struct config {
	uint64_t seed;
	uint32_t workers;
	uint32_t keys;
	uint32_t lanes;
	uint32_t spares;
	uint32_t ops; /* of each worker */
	uint32_t kills; /* at most */
	uint32_t cores; /* 0: not pinned */
	bool roomy; /* ENOSPC can't be */
	uint8_t nr_focus; /* 0: all kinds of operations; or as many as this, */
	uint8_t focus[5]; /* of these */
};

struct history {
	struct op op[HISTORY_MAX];
	uint32_t nr;
};

bool model_step(const struct state *was, const struct op *op, bool roomy, struct state *now);

enum verdict { LINEAR, NOT_LINEAR, UNDECIDED };

enum verdict check_key(const struct op *const *ops, uint32_t nr, const struct state *start,
		       bool roomy);
extern uint64_t check_steps;

/* The first key of a history that has no linearization, or -1; -2: undecided. */
int check_history(const struct history *h, uint32_t keys, const struct state *start, bool roomy);

/* Keeps the failing history if none shorter is kept. */
void shortest_offer(const struct history *h, uint32_t key, const struct state *start, bool roomy,
		    uint64_t seed);
bool shortest_print(void);

#endif /* _SELFTESTS_LINEAR_HISTORY_H */
