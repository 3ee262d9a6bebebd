// SPDX-License-Identifier: MIT
/* selftest-timeout: 300 */
/* full.c - a store fills to its last lane, refuses the next key without harm, and takes one for each that is deleted. */
#include "fixture.h"

static int key_of(char *key, int i)
{
	return sprintf(key, "key:%d", i);
}

static int count_intact(struct splk_store *s, int from, int to)
{
	char key[32], value[64];
	int i, n, good = 0;

	for (i = from; i < to; i++) {
		n = key_of(key, i);
		good += splk_get(s, key, (size_t)n, value, sizeof(value), NULL) == n &&
			!memcmp(key, value, (size_t)n);
	}
	return good;
}

static int fill(struct splk_store *s, int from, int to)
{
	char key[32];
	int i, n;

	for (i = from; i < to; i++) {
		n = key_of(key, i);
		if (splk_set(s, key, (size_t)n, key, (size_t)n, 0, NULL))
			break;
	}
	return i - from;
}

static void one_size(int lanes)
{
	struct splk_store *s = fresh((uint64_t)lanes, 64);
	struct splk_stats stats = { .size = sizeof(stats) };
	char key[32], name[64];
	int i, n, bad = 0;

	snprintf(name, sizeof(name), "%d lanes hold as many keys", lanes);
	IS(fill(s, 0, lanes), lanes, name);
	IS(splk_set(s, KEY("one more"), "x", 1, 0, NULL), -ENOSPC, "and no more");
	IS(splk_append(s, KEY("one more"), "x", 1, 0, NULL), -ENOSPC, "not by append");
	IS(splk_math(s, KEY("one more"), SPLK_INC, 0, SPLK_MATH_CREATE, NULL), -ENOSPC,
	   "not by math");
	IS(splk_set(s, KEY("one more"), "x", 1, SPLK_ABSENT, NULL), -ENOSPC, "not if absent");
	IS(splk_exists(s, KEY("one more")), 0, "it isn't there");
	IS(count_intact(s, 0, lanes), lanes, "all the others are");
	IS(fill(s, 0, lanes), lanes, "each can be overwritten");
	splk_stats(s, &stats);
	IS(stats.lanes_used, lanes, "statistics: all lanes used");
	for (i = 0; i < lanes && i < 1000; i++) {
		n = key_of(key, i);
		bad += splk_delete(s, key, (size_t)n) != 0;
		bad += splk_set(s, KEY("one more"), "x", 1, 0, NULL) != 0;
		bad += splk_set(s, KEY("yet another"), "x", 1, 0, NULL) != -ENOSPC;
		bad += splk_delete(s, KEY("one more")) != 0;
		bad += splk_set(s, key, (size_t)n, key, (size_t)n, 0, NULL) != 0;
	}
	IS(bad, 0, "each delete makes one insert possible, and one only");
	IS(count_intact(s, 0, lanes), lanes, "all keys intact");
	OK(sound(s), "the store is sound");
	splk_close(s);
}

/* The promise of the geometry, and the time that it may take. */
static void a_million(void)
{
	struct splk_options options = options_for(1000000, 64);
	struct splk_info info = { .size = sizeof(info) };
	double start = cpu_seconds(), took;
	struct splk_store *s;
	uint64_t other;

	s = fresh_with(&options);
	took = cpu_seconds() - start;
	OK(took < 2, "1,000,000 lanes of 64 bytes are made in %.2f s", took);
	splk_info(s, &info);
	other = info.bytes / 1000000 - info.geometry.key_max - info.geometry.value_max;
	OK(other <= 128, "%llu bytes a lane beside key and value", (unsigned long long)other);
	IS(fill(s, 0, 1000000), 1000000, "and hold 1,000,000 keys");
	IS(splk_set(s, KEY("one more"), "x", 1, 0, NULL), -ENOSPC, "and no more");
	IS(count_intact(s, 0, 1000000), 1000000, "all of them intact");
	splk_close(s);
}

int main(void)
{
	one_size(1);
	one_size(2);
	one_size(63);
	one_size(64);
	one_size(1000);
	one_size(50000);
	a_million();
	return tap_done();
}
