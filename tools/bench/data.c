// SPDX-License-Identifier: MIT
/* data.c - the store's operations as a program has them that includes the inline headers. Their floors are floor.c's. */
#include "bench.h"

static volatile uint64_t runtime_zero;

static void expect(bool good, const char *what)
{
	if (!good)
		die("%s gave a wrong result: nothing measured here counts", what);
}

void data_get(void *context, uint64_t ops)
{
	struct work *w = context;
	uint64_t first, count, i, bad = 0;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++)
			bad |= spl_get(&w->b->s, w->q.keys[i].b, KEY_BYTES, w->buf, w->n, NULL) ^
			       w->n;
	}
	expect(!bad, "get");
}

/* As the floor goes: the next key is known when the value has been copied. */
void data_get_serial(void *context, uint64_t ops)
{
	struct work *w = context;
	uint64_t first, count, i, bad = 0, dep = 0, zero = runtime_zero;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++) {
			bad |= spl_get(&w->b->s, w->q.keys[i + (dep & zero)].b, KEY_BYTES, w->buf,
				       w->n, NULL) ^
			       w->n;
			dep = spl_load((uint64_t *)(w->buf + w->n - 8));
		}
	}
	expect(!bad, "get");
}

void data_get_absent(void *context, uint64_t ops)
{
	struct work *w = context;
	uint64_t first, count, i, bad = 0;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++)
			bad |= spl_get(&w->b->s, w->q.absent[i].b, KEY_BYTES, w->buf, w->n, NULL) ^
			       -ENOENT;
	}
	expect(!bad, "get of an absent key");
}

/* A get, and one bare 16-byte compare-and-swap on some line that has nothing to do with it. */
void data_get_cas(void *context, uint64_t ops)
{
	struct work *w = context;
	uint64_t first, count, i, bad = 0;
	__u64 *pair;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++) {
			bad |= spl_get(&w->b->s, w->q.keys[i].b, KEY_BYTES, w->buf, w->n, NULL) ^
			       w->n;
			pair = w->pairs + w->lines[i] * 8ULL;
			bad |= !spl_cas128(pair, pair[0], pair[1], pair[0] + 1, pair[1] + 1);
		}
	}
	expect(!bad, "get and compare-and-swap");
}

static inline __attribute__((always_inline)) void get_batched(struct work *w, uint64_t ops,
							      uint32_t most)
{
	struct spl_io io[BATCH_LONG];
	uint64_t first, count, i, bad = 0;
	uint32_t k, nr;

	for (k = 0; k < most; k++)
		io[k] = (struct spl_io){
			.buf = w->buf + k * w->n,
			.klen = KEY_BYTES,
			.cap = w->n,
		};
	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i += nr) {
			nr = first + count - i < most ? first + count - i : most;
			for (k = 0; k < nr; k++)
				io[k].key = w->q.keys[i + k].b;
			bad |= spl_get_many(&w->b->s, io, nr) ^ nr;
		}
	}
	expect(!bad, "get_many");
}

void data_get_batched(void *context, uint64_t ops)
{
	get_batched(context, ops, BATCH);
}

void data_get_long(void *context, uint64_t ops)
{
	get_batched(context, ops, BATCH_LONG);
}

void data_set(void *context, uint64_t ops)
{
	struct work *w = context;
	uint64_t first, count, i, bad = 0;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++)
			bad |= spl_set(w->writer, w->q.keys[i].b, KEY_BYTES,
				       w->values + i % VALUES * w->n, w->n, 0, NULL) ^
			       w->n;
	}
	expect(!bad, "set");
}

/* As the floor goes: the next key is known when this one's epoch is. */
void data_set_serial(void *context, uint64_t ops)
{
	struct work *w = context;
	uint64_t first, count, i, bad = 0, dep = 0, zero = runtime_zero;
	struct spl_meta meta = { 0 };

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++) {
			bad |= spl_set(w->writer, w->q.keys[i + (dep & zero)].b, KEY_BYTES,
				       w->values + i % VALUES * w->n, w->n, 0, &meta) ^
			       w->n;
			dep = meta.epoch;
		}
	}
	expect(!bad, "set");
}

void data_inc(void *context, uint64_t ops)
{
	struct work *w = context;
	uint64_t first, count, i, bad = 0;

	for (; ops; ops -= count) {
		count = seq_piece(&w->q, ops, &first);
		for (i = first; i < first + count; i++)
			bad |= (uint64_t)spl_math(w->writer, w->q.keys[i].b, KEY_BYTES,
						  SPL_MATH_INC, 0, 0, NULL);
	}
	expect(!bad, "INC");
}
