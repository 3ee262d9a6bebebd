// SPDX-License-Identifier: MIT
/* attributes.c - types, user flags and labels: they outlive overwrites, end with their key, and are won by one. */
#include <pthread.h>

#include "fixture.h"

static struct splk_store *s;

static void types(void)
{
	struct splk_attr a;
	int i, good = 0;

	splk_set(s, KEY("k"), "1", 1, 0, NULL);
	IS(splk_attr(s, KEY("k"), &a), 0, "attributes of a new key");
	OK(!a.type && !a.user && !a.labels, "are zero");
	IS(splk_attr(s, KEY("none"), &a), -ENOENT, "of no key");
	IS(splk_type_set(s, KEY("none"), SPL_TYPE_JSON), -ENOENT, "type of no key");
	IS(splk_type_set(s, KEY("k"), SPL_TYPE_COUNT), -EINVAL, "no such type");
	IS(splk_type_set(s, KEY("k"), 256 + SPL_TYPE_JSON), -EINVAL, "nor one beyond 8 bits");
	IS(splk_type_set(s, KEY("k"), SPL_TYPE_JSON), 0, "set the type");
	for (i = 0; i < SPL_TYPE_COUNT; i++)
		good += splk_type_parse(splk_type_name((uint32_t)i)) == i;
	IS(good, SPL_TYPE_COUNT, "names of types");
	OK(!splk_type_name(SPL_TYPE_COUNT), "no name for no type");
	IS(splk_type_parse("BigInt"), SPL_TYPE_BIGINT, "in any case");
	IS(splk_type_parse("number"), -EINVAL, "no such name");
	IS(splk_user_change(s, KEY("k"), 0x81, 0), 0, "set user flags");
	IS(splk_user_change(s, KEY("k"), 0x02, 0x80), 0, "set and clear user flags");
	IS(splk_user_change(s, KEY("k"), 0x100, 0), -EINVAL, "more than 8 of them");
	IS(splk_attr(s, KEY("k"), &a), 0, "look");
	OK(a.type == SPL_TYPE_JSON && a.user == 0x03, "type and flags are as set");
	splk_set(s, KEY("k"), "22", 2, 0, NULL);
	splk_attr(s, KEY("k"), &a);
	OK(a.type == SPL_TYPE_JSON && a.user == 0x03, "also after an overwrite");
}

static void labels(void)
{
	struct splk_attr a;
	uint64_t old = 99;

	IS(splk_label_change(s, KEY("k"), 1ULL << 63 | 5, 0, &old), 0, "set labels");
	IS(old, 0, "there were none");
	IS(splk_label_change(s, KEY("k"), 2, 5, &old), 0, "set and clear");
	IS(old, (long long)(1ULL << 63 | 5), "told what there were");
	IS(splk_label_cas(s, KEY("k"), 0xff, 5, 7, &old), -ESTALE, "not as expected");
	IS(old, (long long)(1ULL << 63 | 2), "told what there are");
	IS(splk_label_cas(s, KEY("k"), 0xff, 2, 0x104, &old), 0, "as expected");
	splk_attr(s, KEY("k"), &a);
	IS(a.labels, (long long)(1ULL << 63 | 4), "changed under the mask only");
	OK(a.type == SPL_TYPE_JSON && a.user == 0x03, "type and flags stay");
	splk_delete(s, KEY("k"));
	splk_set(s, KEY("k"), "1", 1, 0, NULL);
	splk_attr(s, KEY("k"), &a);
	OK(!a.type && !a.user && !a.labels, "a key made again has none of it");
	IS(splk_label_change(s, KEY("none"), 1, 0, NULL), -ENOENT, "labels of no key");
}

#define TASKS 200
#define WAITING 1
#define SERVICING 2

static void *worker(void *won)
{
	char key[16];
	size_t n;
	int i;

	for (i = 0; i < TASKS; i++) {
		n = (size_t)sprintf(key, "task%d", i);
		if (!splk_label_cas(s, key, n, WAITING | SERVICING, WAITING, SERVICING, NULL))
			++*(int *)won;
	}
	return NULL;
}

static void one_wins(void)
{
	int i, won[4] = { 0 };
	pthread_t threads[4];
	char key[16];
	size_t n;

	for (i = 0; i < TASKS; i++) {
		n = (size_t)sprintf(key, "task%d", i);
		splk_set(s, key, n, "do", 2, 0, NULL);
		splk_label_change(s, key, n, WAITING, 0, NULL);
	}
	for (i = 0; i < 4; i++)
		MUST(!pthread_create(&threads[i], NULL, worker, &won[i]), "a thread");
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	IS(won[0] + won[1] + won[2] + won[3], TASKS, "each task is taken by exactly one of four");
}

int main(void)
{
	s = fresh(1000, 64);
	types();
	labels();
	one_wins();
	OK(sound(s), "the store is sound");
	splk_close(s);
	return tap_done();
}
