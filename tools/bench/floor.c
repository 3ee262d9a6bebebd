// SPDX-License-Identifier: MIT
/*
 * floor.c - the least that memory asks for an operation: no hash, no compare, no check. What the store does is data.c's.
 *
 * A get of n bytes: load the key's cell, then the first line of its lane, then copy n bytes, then go on to the next.
 * Each address is computed from what was loaded before, by adding a zero that the compiler can't know, so nothing is
 * fetched ahead of its turn (see disasm). Cell and lane of each key were looked up before, in the store's own index.
 */
#include <string.h>

#include "bench.h"

static volatile uint64_t runtime_zero;

/* For 64 bytes the compiler knows the length, which is more than a store may: the floor is allowed to. */
static inline __attribute__((always_inline)) void copy(void *to, const void *from, uint32_t n)
{
	if (n == 64)
		__builtin_memcpy(to, from, 64);
	else
		memcpy(to, from, n);
}

static inline unsigned char *lane_of(const struct work *w, const struct place *p)
{
	return (unsigned char *)(w->q.base + p->lane);
}

static inline __attribute__((always_inline)) void walk_get(struct work *w, uint64_t ops, uint32_t n,
							   uint64_t zero)
{
	const uint32_t off = SPL_VALUE_OFF(KEY_BYTES);
	uint64_t first, count, i, dep = 0, word, head;
	const struct place *p;
	unsigned char *lane;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++) {
			p = &w->q.places[i + (dep & zero)];
			word = spl_load(w->q.base + p->cell);
			lane = lane_of(w, p) + (word & zero);
			head = spl_load((uint64_t *)lane);
			copy(w->buf, lane + off + (head & zero), n);
			dep = spl_load((uint64_t *)(w->buf + n - 8));
		}
	}
}

void floor_get(void *context, uint64_t ops)
{
	struct work *w = context;

	if (w->n == 64)
		walk_get(w, ops, 64, runtime_zero);
	else
		walk_get(w, ops, w->n, runtime_zero);
}

/* The same accesses, each free to overtake the one before: what the machine could do with perfect foresight. */
void floor_get_loose(void *context, uint64_t ops)
{
	const uint32_t off = SPL_VALUE_OFF(KEY_BYTES);
	struct work *w = context;
	uint64_t first, count, i, sum = 0;
	const struct place *p;
	unsigned char *lane;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++) {
			p = &w->q.places[i];
			lane = lane_of(w, p);
			sum += spl_load(w->q.base + p->cell) + spl_load((uint64_t *)lane);
			copy(w->buf, lane + off, w->n);
			__asm__ volatile("" : : "r"(sum) : "memory");
		}
	}
}

/*
 * The same accesses in batches: all cells are on their way, then all lanes, then they are copied. Only the lane's address
 * comes out of its cell; operations of a batch wait for nothing of each other. @apart: a batch's places are known when
 * the one before it has been copied.
 */
static inline __attribute__((always_inline)) void walk_batches(struct work *w, uint64_t ops,
							       bool apart)
{
	uint64_t first, count, i, dep = 0, zero = runtime_zero;
	const uint32_t off = SPL_VALUE_OFF(KEY_BYTES);
	const unsigned char *lane[BATCH];
	const struct place *p;
	uint32_t k, nr;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i += nr) {
			nr = first + count - i < BATCH ? first + count - i : BATCH;
			p = &w->q.places[i + (dep & zero)];
			for (k = 0; k < nr; k++)
				spl_prefetch(w->q.base + p[k].cell);
			/* The next batch's places, as get_many() does with its keys. */
			for (k = 0; k < BATCH; k += 64 / sizeof(*p))
				spl_prefetch(&p[BATCH + k]);
			for (k = 0; k < nr; k++) {
				lane[k] = lane_of(w, &p[k]) +
					  (spl_load(w->q.base + p[k].cell) & zero);
				spl_prefetch(lane[k]);
				spl_prefetch(lane[k] + off);
			}
			for (k = 0; k < nr; k++) {
				copy(w->buf + k * w->n,
				     lane[k] + off + (spl_load((uint64_t *)lane[k]) & zero), w->n);
				if (apart)
					dep += spl_load((uint64_t *)(w->buf + (k + 1) * w->n - 8));
			}
		}
	}
}

void floor_get_batched(void *context, uint64_t ops)
{
	walk_batches(context, ops, false);
}

void floor_get_apart(void *context, uint64_t ops)
{
	walk_batches(context, ops, true);
}

/* @row: by addresses that stand in a row, instead of places. */
static inline __attribute__((always_inline)) void walk_set(struct work *w, uint64_t ops, uint32_t n,
							   uint64_t zero, bool row)
{
	const uint32_t off = SPL_VALUE_OFF(KEY_BYTES);
	uint64_t first, count, i, at, dep = 0, word, head;
	unsigned char *lane;
	__u64 *cell;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++) {
			at = i + (dep & zero);
			cell = row ? w->q.addresses[at].cell : w->q.base + w->q.places[at].cell;
			word = spl_load(cell);
			lane = (row ? w->q.addresses[at].lane : lane_of(w, &w->q.places[at])) +
			       (word & zero);
			head = spl_load((uint64_t *)lane);
			copy(lane + off + (head & zero), w->values + i % VALUES * n, n);
			/* What was there is put there again: the cost is the same, and the store stays whole. */
			dep = spl_cas64(cell, word, word);
		}
	}
}

void floor_set(void *context, uint64_t ops)
{
	struct work *w = context;

	if (w->n == 64)
		walk_set(w, ops, 64, runtime_zero, false);
	else
		walk_set(w, ops, w->n, runtime_zero, false);
}

/*
 * The same loop by addresses. Nothing waits less for what comes before it; but there are processors that see that these are addresses,
 * and fetch what the next ones point to. No store whose keys are bytes can have that.
 */
void floor_set_row(void *context, uint64_t ops)
{
	struct work *w = context;

	walk_set(w, ops, 64, runtime_zero, true);
}

/* The same, but the next operation doesn't wait for this one's compare-and-swap. */
void floor_set_loose(void *context, uint64_t ops)
{
	const uint32_t off = SPL_VALUE_OFF(KEY_BYTES);
	uint64_t first, count, i, word, head, bad = 0, zero = runtime_zero;
	struct work *w = context;
	const struct place *p;
	unsigned char *lane;
	__u64 *cell;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++) {
			p = &w->q.places[i];
			cell = w->q.base + p->cell;
			word = spl_load(cell);
			lane = lane_of(w, p) + (word & zero);
			head = spl_load((uint64_t *)lane);
			copy(lane + off + (head & zero), w->values + i % VALUES * w->n, w->n);
			bad |= !spl_cas64(cell, word, word);
		}
	}
	__asm__ volatile("" : : "r"(bad));
}
