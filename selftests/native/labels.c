// SPDX-License-Identifier: MIT
/* selftest-timeout: 120 */
/*
 * labels.c - labels as a work queue: of two processes that take the same 100,000 keys by test-and-set each key is taken once;
 * and walks over the keys with certain labels find these, all of them, once.
 */
#include <stdlib.h>

#include "fixture.h"

#define KEYS 100000
#define WAITING 1
#define SERVICING 2

static struct splk_store *s;

static void test_take(void)
{
	uint32_t *taken = mmap(NULL, 2 * KEYS * sizeof(*taken), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t i, labels, twice = 0, never = 0, wrong = 0, by_first = 0;
	double began = seconds();
	pid_t pids[2];
	int w, r;

	MUST(taken != MAP_FAILED, "memory");
	for (w = 0; w < 2; w++) {
		pids[w] = fork();
		if (pids[w])
			continue;
		for (i = 0; i < KEYS; i++) {
			r = splk_label_cas(s, &i, sizeof(i), WAITING | SERVICING, WAITING,
					   SERVICING, NULL);
			if (r && r != -ESTALE)
				_exit(1);
			taken[(uint64_t)w * KEYS + i] += !r;
		}
		_exit(0);
	}
	OK(!wait_for(pids[0]) && !wait_for(pids[1]), "two workers");
	for (i = 0; i < KEYS; i++) {
		struct splk_attr attr;

		labels = taken[i] + taken[KEYS + i];
		by_first += taken[i];
		twice += labels > 1;
		never += !labels;
		wrong += splk_attr(s, &i, sizeof(i), &attr) || attr.labels != SERVICING;
	}
	IS(twice, 0, "no key is taken twice");
	IS(never, 0, "each is taken");
	IS(wrong, 0, "and labelled so");
	printf("# one took %llu of %d, %.3f s\n", (unsigned long long)by_first, KEYS,
	       seconds() - began);
	munmap(taken, 2 * KEYS * sizeof(*taken));
}

/* How many a walk finds of @mask and @are; each must be one that @holds says, and none twice. */
static long walk(uint64_t mask, uint64_t are, bool (*holds)(uint64_t key), long *bad)
{
	unsigned char *seen = calloc(KEYS, 1);
	uint64_t cursor = 0, key, labels;
	struct splk_meta meta;
	long n = 0, len;

	while ((len = splk_next_labelled(s, &cursor, mask, are, &key, sizeof(key), &meta,
					 &labels)) > 0) {
		n++;
		*bad += len != sizeof(key) || key >= KEYS || seen[key]++ || !holds(key) ||
			(labels & mask) != are || meta.epoch != 1;
	}
	*bad += len != 0;
	free(seen);
	return n;
}

static bool third(uint64_t key)
{
	return key % 3 == 0;
}

static bool third_not_seventh(uint64_t key)
{
	return key % 3 == 0 && key % 7;
}

static bool seventh(uint64_t key)
{
	return key % 7 == 0;
}

static void test_walk(void)
{
	uint64_t i, cursor, key;
	long bad = 0;

	for (i = 0; i < KEYS; i++)
		splk_label_change(s, &i, sizeof(i),
				  (i % 3 ? 0 : 1ULL << 40) | (i % 7 ? 0 : 1ULL << 63), ~0ULL, NULL);
	IS(walk(1ULL << 40, 1ULL << 40, third, &bad), KEYS / 3 + 1, "one label");
	IS(walk(1ULL << 63, 1ULL << 63, seventh, &bad), KEYS / 7 + 1, "another");
	IS(walk(1ULL << 40 | 1ULL << 63, 1ULL << 40, third_not_seventh, &bad),
	   KEYS / 3 + 1 - (KEYS / 21 + 1), "one without the other");
	IS(walk(2, 2, third, &bad), 0, "one that no key has");
	for (i = 0; i < KEYS; i += 3)
		splk_delete(s, &i, sizeof(i));
	IS(walk(1ULL << 40, 1ULL << 40, third, &bad), 0, "keys that are gone aren't found");
	for (i = 0; i < KEYS; i += 3)
		splk_set(s, &i, sizeof(i), "new", 3, 0, NULL);
	IS(walk(1ULL << 40, 1ULL << 40, third, &bad), 0, "nor those that came in their places");
	IS(bad, 0, "each that is told is one, and told once");
	cursor = 0;
	IS(splk_next_labelled(s, &cursor, 1, 0, &key, 8, NULL, NULL), -EINVAL,
	   "no label to be set");
	IS(splk_next_labelled(s, &cursor, 1, 3, &key, 8, NULL, NULL), -EINVAL,
	   "one out of the mask");
	IS(splk_next_labelled(s, &cursor, 1ULL << 63, 1ULL << 63, &key, 7, NULL, NULL), -EMSGSIZE,
	   "no room for the key");
	IS(splk_next_labelled(s, &cursor, 1ULL << 63, 1ULL << 63, &key, 8, NULL, NULL), 8,
	   "which is told then");
}

int main(void)
{
	struct splk_options options = options_for(KEYS, 8);
	uint64_t i;

	s = fresh_with(&options);
	for (i = 0; i < KEYS; i++)
		MUST(!splk_set(s, &i, sizeof(i), &i, sizeof(i), 0, NULL) &&
			     !splk_label_change(s, &i, sizeof(i), WAITING, 0, NULL),
		     "keys that wait");
	test_take();
	test_walk();
	OK(sound(s), "the store is sound");
	splk_close(s);
	return tap_done();
}
