/* SPDX-License-Identifier: MIT */
/*
 * model.h - what the keys that only one writer at a time changes must hold: the writer notes each step before it takes
 * it and after, in memory that outlives it, so that after its death each key must be as it was before the step or after
 * it, and all others as they were noted. Killing is kill.c's.
 */
#ifndef _DEMO_MODEL_H
#define _DEMO_MODEL_H

#include "demo.h"

enum { MODEL_SETS = 24, MODEL_TEXTS = 12, MODEL_NUMBERS = 12, MODEL_KEYS = 48 };
enum { PIECE = 16 };

/* A key: absent, or the value that @n stands for: the n-th set, n pieces of text, the number n. */
struct state {
	bool present;
	uint64_t n;
};

/* @step is written before @key says that there is one, and until it doesn't. */
struct model {
	struct state keys[MODEL_KEYS];
	struct state before;
	struct state after;
	uint64_t epochs[MODEL_KEYS];
	uint32_t value_max;
	uint32_t text_max; /* pieces */
	int key; /* the one that a step is about, or -1 */
};

static inline void model_begin(struct model *m, uint32_t value_max)
{
	memset(m, 0, sizeof(*m));
	m->value_max = value_max < VALUE_BYTES_MAX ? value_max : VALUE_BYTES_MAX;
	m->text_max = m->value_max / PIECE;
	m->key = -1;
}

static inline int model_key(char *key, int i)
{
	if (i < MODEL_SETS)
		return sprintf(key, "demo:value/%02d", i);
	if (i < MODEL_SETS + MODEL_TEXTS)
		return sprintf(key, "demo:text/%02d", i);
	return sprintf(key, "demo:number/%02d", i);
}

static inline void model_piece(char piece[PIECE], int i, uint64_t n)
{
	uint64_t words[PIECE / 8] = { mix(n * MODEL_KEYS + i), n };

	memcpy(piece, words, PIECE);
}

static inline uint32_t model_value(const struct model *m, int i, uint64_t n, void *buf)
{
	struct stamp stamp = { .key = 1000 + i, .writer = 1, .seq = n };

	return value_make(buf, i % 4 ? m->value_max : VALUE_BYTES_SHORT, &stamp);
}

/* One write, noted. @brief: of those in which the index changes most of the time: short values made and deleted. */
static inline int model_step(struct model *m, struct splk_store *store, uint64_t *random,
			     bool brief)
{
	unsigned char value[VALUE_BYTES_MAX];
	int i = brief ? 4 * random_below(random, MODEL_SETS / 4) : random_below(random, MODEL_KEYS);
	int klen, r;
	char key[32], piece[PIECE];
	struct state after = m->keys[i];

	klen = model_key(key, i);
	after.n++;
	after.present = true;
	if (i < MODEL_SETS && m->keys[i].present && (brief || random_below(random, 2)))
		after.present = false;
	if (i >= MODEL_SETS && i < MODEL_SETS + MODEL_TEXTS && after.n > m->text_max)
		after = (struct state){ .present = true, .n = 0 };
	m->before = m->keys[i];
	m->after = after;
	__atomic_store_n(&m->key, i, __ATOMIC_RELEASE);
	if (!after.present) {
		r = splk_delete(store, key, klen);
	} else if (i < MODEL_SETS) {
		r = splk_set(store, key, klen, value, model_value(m, i, after.n, value), 0, NULL);
	} else if (i >= MODEL_SETS + MODEL_TEXTS) {
		r = splk_math(store, key, klen, SPLK_INC, 0, SPLK_MATH_CREATE, NULL);
	} else if (!after.n) {
		r = splk_set(store, key, klen, NULL, 0, 0, NULL);
	} else {
		model_piece(piece, i, after.n);
		r = (int)splk_append(store, key, klen, piece, PIECE, 0, NULL);
		r = r < 0 ? r : 0;
	}
	if (r)
		return r;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	m->keys[i] = after;
	__atomic_store_n(&m->key, -1, __ATOMIC_RELEASE);
	return 0;
}

/* Is what was read (an error if it isn't there) what @s stands for? */
static inline bool model_is(const struct model *m, int i, const struct state *s, const void *value,
			    long len)
{
	unsigned char want[VALUE_BYTES_MAX];
	uint64_t n;

	if (!s->present)
		return len == -ENOENT;
	if (i < MODEL_SETS)
		return len == (long)model_value(m, i, s->n, want) && !memcmp(value, want, len);
	if (i >= MODEL_SETS + MODEL_TEXTS)
		return len == 8 && !memcmp(value, &s->n, 8);
	for (n = 1; n <= s->n; n++)
		model_piece((char *)want + (n - 1) * PIECE, i, n);
	return len == (long)s->n * PIECE && !memcmp(value, want, len);
}

/* How many keys aren't as they must be; the one that a step was about may be as before or after. */
static inline uint64_t model_compare(struct model *m, struct splk_store *store)
{
	unsigned char value[VALUE_BYTES_MAX];
	struct splk_meta meta;
	uint64_t wrong = 0;
	char key[32];
	long len;
	int i;

	for (i = 0; i < MODEL_KEYS; i++) {
		len = splk_get(store, key, model_key(key, i), value, sizeof(value), &meta);
		if (i == m->key && model_is(m, i, &m->before, value, len))
			m->keys[i] = m->before;
		else if (i == m->key && model_is(m, i, &m->after, value, len))
			m->keys[i] = m->after;
		else if (i == m->key || !model_is(m, i, &m->keys[i], value, len))
			wrong++;
		if (len >= 0 && meta.epoch < m->epochs[i])
			wrong++;
		if (len >= 0)
			m->epochs[i] = meta.epoch;
	}
	return wrong;
}

/* The dead writer is repaired: what its last step came to is known. */
static inline void model_settle(struct model *m)
{
	m->key = -1;
}

static inline uint64_t model_keys(const struct model *m)
{
	uint64_t nr = 0;
	int i;

	for (i = 0; i < MODEL_KEYS; i++)
		nr += m->keys[i].present;
	return nr;
}

static inline void model_clean_up(struct splk_store *store)
{
	char key[32];
	int i, r;

	for (i = 0; i < MODEL_KEYS; i++) {
		r = splk_delete(store, key, model_key(key, i));
		if (r != -ENOENT)
			must(r, "delete");
	}
}

#endif /* _DEMO_MODEL_H */
