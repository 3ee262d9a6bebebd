// SPDX-License-Identifier: MIT
/* library.c - the store as programs have it that link libsplinterk: on pages of 4 KiB, by calls. Inline is data.c's. */
#include <stdlib.h>

#include "bench.h"
#include "splinterk.h"

struct library {
	struct splk_store *store;
	struct seq *q;
	uint32_t n;
	char *value, *buf;
};

struct library *library_make(struct seq *q, uint64_t keys, uint32_t n)
{
	struct splk_options options = {
		.size = sizeof(options),
		.geometry = { .lanes = keys, .value_max = n, .key_max = KEY_BYTES },
	};
	struct library *l = calloc(1, sizeof(*l));
	struct key16 key;
	uint64_t i;

	if (!l || splk_open("memfd:bench", &options, &l->store))
		die("libsplinterk: no store");
	l->q = q;
	l->n = n;
	l->value = calloc(1, n);
	l->buf = malloc(n);
	for (i = 0; i < keys; i++) {
		key_of(i, &key);
		if (splk_set(l->store, key.b, KEY_BYTES, l->value, n, 0, NULL))
			die("libsplinterk: a set failed");
	}
	return l;
}

void library_drop(struct library *l)
{
	splk_close(l->store);
	free(l->value);
	free(l->buf);
	free(l);
}

void library_get(void *context, uint64_t ops)
{
	struct library *l = context;
	uint64_t first, count, i, bad = 0;

	for (; ops; ops -= count) {
		count = seq_piece(l->q, ops, &first);
		for (i = first; i < first + count; i++)
			bad |= splk_get(l->store, l->q->keys[i].b, KEY_BYTES, l->buf, l->n, NULL) ^
			       l->n;
	}
	if (bad)
		die("libsplinterk: a get failed");
}

void library_set(void *context, uint64_t ops)
{
	struct library *l = context;
	uint64_t first, count, i;
	int bad = 0;

	for (; ops; ops -= count) {
		count = seq_piece(l->q, ops, &first);
		for (i = first; i < first + count; i++)
			bad |= splk_set(l->store, l->q->keys[i].b, KEY_BYTES, l->value, l->n, 0,
					NULL);
	}
	if (bad)
		die("libsplinterk: a set failed");
}
