// SPDX-License-Identifier: MIT
/*
 * check.c - is there an order of a key's operations that explains all results? What each does alone is model.c's.
 *
 * The search is that of J. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (J. Parallel Distrib. Comput. 17,
 * 1993), with the memory of configurations of G. Lowe, "Testing for linearizability" (Concurrency Computat.: Pract.
 * Exper. 29, 2017): a set of operations done and the state that they led to is tried once. That one key at a time is
 * enough is P-compositionality: A. Horn and D. Kroening, "Faster linearizability checking via P-compositionality"
 * (FORTE 2015).
 *
 * Calls and returns stand in one list in the order of their stamps. An operation whose call stands before the first
 * return may be the next one: it is taken out of the list, call and return. If the walk meets a return, the operation
 * should have been taken before: the last one taken is put back, and the walk goes on behind it. One that was cut off
 * by a kill has a return as well, that of the reaping, and at this one it may also be taken as never having happened.
 */
#include <stdlib.h>
#include <string.h>

#include "history.h"

#define SET_WORDS (KEY_OPS_MAX / 64)
/* Some 500 MB; the one history in twenty thousand that once asked for more than a quarter of it was linearizable. */
#define SEEN_MAX (1U << 22)

uint64_t check_steps;

struct event {
	struct event *prev, *next, *pair;
	const struct op *op;
	uint64_t stamp;
	uint32_t idx;
	bool call;
};

struct config_seen {
	uint64_t done[SET_WORDS];
	struct state state;
};

struct taken {
	struct event *call;
	struct state before;
};

/* Configurations seen: open addressing; slots hold entry + 1. Kept from check to check, so that it is allocated once. */
static struct config_seen *seen;
static uint32_t *slots, nr_seen, cap_seen, nr_slots;

static uint64_t hash_of(const struct config_seen *c)
{
	const unsigned char *p = (const unsigned char *)c;
	uint64_t h = 0x9e3779b97f4a7c15ULL, word;
	size_t i;

	for (i = 0; i + 8 <= sizeof(*c); i += 8) {
		memcpy(&word, p + i, 8);
		h = (h ^ word) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	return h;
}

static void seen_clear(void)
{
	/* A large table that a hard history left isn't worth clearing each time. */
	if (nr_seen > 4096 || !slots) {
		free(slots);
		nr_slots = 1U << 12;
		slots = calloc(nr_slots, sizeof(*slots));
	} else if (nr_seen) {
		memset(slots, 0, nr_slots * sizeof(*slots));
	}
	if (!slots)
		abort();
	nr_seen = 0;
}

static uint32_t *slot_of(const struct config_seen *c)
{
	uint32_t i = (uint32_t)hash_of(c) & (nr_slots - 1);

	while (slots[i] && memcmp(&seen[slots[i] - 1], c, sizeof(*c)))
		i = (i + 1) & (nr_slots - 1);
	return &slots[i];
}

static void seen_grow(void)
{
	uint32_t i;

	if (nr_seen == cap_seen) {
		cap_seen = cap_seen ? 2 * cap_seen : 1024;
		seen = realloc(seen, cap_seen * sizeof(*seen));
		if (!seen)
			abort();
	}
	if (2 * nr_seen < nr_slots)
		return;
	nr_slots *= 4;
	free(slots);
	slots = calloc(nr_slots, sizeof(*slots));
	if (!slots)
		abort();
	for (i = 0; i < nr_seen; i++)
		*slot_of(&seen[i]) = i + 1;
}

/* True the first time. */
static bool seen_add(const struct config_seen *c)
{
	uint32_t *slot;

	seen_grow();
	slot = slot_of(c);
	if (*slot)
		return false;
	seen[nr_seen++] = *c;
	*slot = nr_seen;
	return true;
}

static int by_stamp(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->stamp != y->stamp)
		return x->stamp < y->stamp ? -1 : 1;
	return (int)y->call - (int)x->call;
}

static void take(struct event *call)
{
	call->prev->next = call->next;
	call->next->prev = call->prev;
	call->pair->prev->next = call->pair->next;
	call->pair->next->prev = call->pair->prev;
}

static void put_back(struct event *call)
{
	call->pair->prev->next = call->pair;
	call->pair->next->prev = call->pair;
	call->prev->next = call;
	call->next->prev = call;
}

static void make_list(struct event *ev, struct event *head, const struct op *const *ops,
		      uint32_t nr)
{
	struct event *calls[KEY_OPS_MAX] = { 0 };
	uint32_t i;

	for (i = 0; i < nr; i++) {
		ev[2 * i] = (struct event){
			.op = ops[i], .stamp = ops[i]->inv, .idx = i, .call = true
		};
		ev[2 * i + 1] = (struct event){ .op = ops[i], .stamp = ops[i]->resp, .idx = i };
	}
	qsort(ev, 2 * nr, sizeof(*ev), by_stamp);
	head->prev = head;
	head->next = head;
	for (i = 0; i < 2 * nr; i++) {
		ev[i].prev = head->prev;
		ev[i].next = head;
		head->prev->next = &ev[i];
		head->prev = &ev[i];
		if (ev[i].call) {
			calls[ev[i].idx] = &ev[i];
		} else {
			ev[i].pair = calls[ev[i].idx];
			ev[i].pair->pair = &ev[i];
		}
	}
}

/**
 * check_key() - look for an order of operations on one key
 * @ops: the operations
 * @nr: how many
 * @start: the key before the first
 * @roomy: the store can't be full
 */
enum verdict check_key(const struct op *const *ops, uint32_t nr, const struct state *start,
		       bool roomy)
{
	static struct event ev[2 * KEY_OPS_MAX];
	static struct taken stack[KEY_OPS_MAX];
	struct config_seen next, now = { .state = *start };
	struct event head, *e, *call;
	uint32_t depth = 0;
	bool possible;

	if (nr > KEY_OPS_MAX)
		return UNDECIDED;
	make_list(ev, &head, ops, nr);
	seen_clear();
	for (e = head.next; head.next != &head;) {
		check_steps++;
		next = now;
		call = e->call ? e : e->pair;
		if (e->call)
			possible = model_step(&now.state, e->op, roomy, &next.state);
		else
			possible = e->op->end == END_NEVER; /* taken as one that never happened */
		if (possible) {
			next.done[call->idx / 64] |= 1ULL << (call->idx % 64);
			possible = seen_add(&next);
			if (nr_seen > SEEN_MAX)
				return UNDECIDED;
		}
		if (possible) {
			/* Whether by its call or by its return: the walk goes on behind what it was taken by. */
			stack[depth].call = e;
			stack[depth++].before = now.state;
			take(call);
			now = next;
			e = head.next;
		} else if (e->call) {
			e = e->next;
		} else {
			/* Put back what was taken last. Taken by a return it can't be put off any longer. */
			do {
				if (!depth)
					return NOT_LINEAR;
				e = stack[--depth].call;
				call = e->call ? e : e->pair;
				put_back(call);
				now.state = stack[depth].before;
				now.done[call->idx / 64] &= ~(1ULL << (call->idx % 64));
			} while (!e->call);
			e = e->next;
		}
	}
	return LINEAR;
}

int check_history(const struct history *h, uint32_t keys, const struct state *start, bool roomy)
{
	const struct op *ops[HISTORY_MAX];
	uint32_t key, i, nr;

	for (key = 0; key < keys; key++) {
		for (i = nr = 0; i < h->nr; i++)
			if (h->op[i].key == key && h->op[i].end != END_UNUSABLE)
				ops[nr++] = &h->op[i];
		switch (check_key(ops, nr, &start[key], roomy)) {
		case LINEAR:
			break;
		case NOT_LINEAR:
			return (int)key;
		case UNDECIDED:
			return -2;
		}
	}
	return -1;
}
