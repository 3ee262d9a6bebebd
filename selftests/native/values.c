// SPDX-License-Identifier: MIT
/* values.c - what is set is got: every way to read and write a value, in one thread. Limits are limits.c's. */
#include "fixture.h"

static void set_and_get(struct splk_store *s)
{
	struct splk_meta first, second, seen;
	char buf[64];
	void *copy;

	IS(splk_get(s, KEY("a"), buf, sizeof(buf), NULL), -ENOENT, "a missing key");
	IS(splk_exists(s, KEY("a")), 0, "doesn't exist");
	IS(splk_set(s, KEY("a"), "hello", 5, 0, &first), 0, "set");
	IS(splk_get(s, KEY("a"), buf, sizeof(buf), &seen), 5, "get tells the length");
	OK(!memcmp(buf, "hello", 5), "get gives the bytes");
	IS(seen.epoch, first.epoch, "get tells the epoch that set told");
	IS(seen.value_len, 5, "meta: value_len");
	IS(seen.key_len, 1, "meta: key_len");
	IS(splk_exists(s, KEY("a")), 1, "exists");
	IS(splk_size(s, KEY("a")), 5, "size");
	IS(splk_get(s, KEY("a"), NULL, 0, NULL), 5, "get without a buffer tells the length");
	memset(&seen, 0, sizeof(seen));
	IS(splk_get(s, KEY("a"), buf, 4, &seen), -EMSGSIZE, "a buffer too small");
	IS(seen.value_len, 5, "and what it takes");
	IS(splk_get_alloc(s, KEY("a"), &copy, NULL), 5, "get_alloc");
	OK(!memcmp(copy, "hello", 6), "get_alloc ends with a NUL");
	free(copy);
	IS(splk_set(s, KEY("a"), "", 0, 0, &second), 0, "an empty value");
	OK(second.epoch > first.epoch, "the epoch rises");
	IS(second.ctime_ns, first.ctime_ns, "ctime stays");
	IS(splk_get(s, KEY("a"), buf, sizeof(buf), NULL), 0, "get of an empty value");
	IS(splk_set(s, KEY("a"), NULL, 0, 0, NULL), 0, "an empty value without an address");
	IS(splk_delete(s, KEY("a")), 0, "delete");
	IS(splk_delete(s, KEY("a")), -ENOENT, "delete what is gone");
	IS(splk_set(s, KEY("a"), "x", 1, 0, &seen), 0, "make it again");
	OK(seen.epoch > second.epoch, "its epoch goes on from where it was");
}

static void conditions(struct splk_store *s)
{
	struct splk_meta meta;
	uint64_t epoch;

	IS(splk_set(s, KEY("c"), "1", 1, SPLK_PRESENT, NULL), -ENOENT, "PRESENT of a missing key");
	IS(splk_set(s, KEY("c"), "1", 1, SPLK_ABSENT, &meta), 0, "ABSENT of a missing key");
	IS(splk_set(s, KEY("c"), "2", 1, SPLK_ABSENT, NULL), -EEXIST, "ABSENT of a key");
	IS(splk_set(s, KEY("c"), "3", 1, SPLK_PRESENT, &meta), 0, "PRESENT of a key");
	IS(splk_epoch(s, KEY("c"), &epoch), 0, "epoch");
	IS(epoch, meta.epoch, "epoch is the last publication's");
	IS(splk_set_epoch(s, KEY("c"), "4", 1, epoch + 1, NULL), -ESTALE,
	   "compare-and-set, another epoch");
	IS(splk_set_epoch(s, KEY("c"), "4", 1, epoch, &meta), 0, "compare-and-set");
	IS(meta.epoch, epoch + 1, "it published once");
	IS(splk_set_epoch(s, KEY("none"), "4", 1, epoch, NULL), -ENOENT,
	   "compare-and-set of no key");
	IS(splk_bump(s, KEY("c"), &meta), 0, "bump");
	IS(meta.epoch, epoch + 2, "bump raises the epoch");
	IS(splk_bump(s, KEY("none"), NULL), -ENOENT, "bump of no key");
}

static void appends(struct splk_store *s)
{
	char buf[64];

	IS(splk_append(s, KEY("ap"), "x", 1, SPLK_PRESENT, NULL), -ENOENT, "append to no key");
	IS(splk_append(s, KEY("ap"), "ab", 2, 0, NULL), 2, "append makes it");
	IS(splk_append(s, KEY("ap"), "cde", 3, 0, NULL), 5, "append tells the new length");
	IS(splk_append(s, KEY("ap"), NULL, 0, 0, NULL), 5, "append nothing");
	IS(splk_get(s, KEY("ap"), buf, sizeof(buf), NULL), 5, "get it");
	OK(!memcmp(buf, "abcde", 5), "it is both");
}

static void views(struct splk_store *s)
{
	struct splk_view view;
	int i;

	IS(splk_view(s, KEY("none"), &view), -ENOENT, "view of no key");
	splk_set(s, KEY("v"), "look", 4, 0, NULL);
	IS(splk_view(s, KEY("v"), &view), 4, "view");
	OK(!memcmp(view.ptr, "look", 4), "its bytes");
	OK((uintptr_t)view.ptr % 8 == 0, "it is aligned");
	IS(splk_view_valid(s, &view), 1, "it holds");
	splk_set(s, KEY("v"), "loop", 4, 0, NULL);
	IS(splk_view_valid(s, &view), 1, "a replaced value stays a while");
	OK(!memcmp(view.ptr, "look", 4), "with its old bytes");
	for (i = 0; i < 16; i++)
		splk_set(s, KEY("v"), "over", 4, 0, NULL);
	IS(splk_view_valid(s, &view), 0, "and then doesn't");
	splk_view_release(s, &view);
	IS(splk_view_valid(s, &view), 0, "released is not valid");
}

static void batches(struct splk_store *s)
{
	struct splk_io io[40];
	char keys[40][8], values[40][8];
	int i, good;

	for (i = 0; i < 40; i++) {
		io[i].klen = (uint32_t)sprintf(keys[i], "m%d", i);
		io[i].key = keys[i];
		io[i].buf = memcpy(values[i], keys[i], 8);
		io[i].len = io[i].klen;
	}
	io[7].klen = 0;
	IS(splk_set_many(s, io, 40, 0), 39, "set_many: all but the bad one");
	IS(io[7].result, -EINVAL, "the bad one says why");
	io[7].klen = 2;
	memset(values, 0, sizeof(values));
	for (i = 0; i < 40; i++)
		io[i].len = 8;
	IS(splk_get_many(s, io, 40), 39, "get_many: all but the missing one");
	IS(io[7].result, -ENOENT, "the missing one says so");
	for (i = good = 0; i < 40; i++)
		good += i == 7 ||
			(io[i].result == io[i].klen && !memcmp(values[i], keys[i], io[i].klen));
	IS(good, 40, "each got its own");
	IS(splk_set_many(s, io, 40, SPLK_SET_ALL), 0, "set_many refuses both conditions");
	IS(io[39].result, -EINVAL, "each says why");
}

static void walks(void)
{
	struct splk_store *s = fresh(100, 64);
	char key[64], seen[100] = { 0 };
	uint64_t cursor = 0;
	int i, n, once = 0;
	long len;

	for (i = 0; i < 100; i++) {
		n = sprintf(key, i % 2 ? "odd%d" : "even%d", i);
		MUST(!splk_set(s, key, (size_t)n, &i, sizeof(i), 0, NULL), "fill");
	}
	while ((len = splk_next(s, &cursor, NULL, 0, key, sizeof(key), NULL)) > 0) {
		key[len] = 0;
		seen[atoi(key + (key[0] == 'o' ? 3 : 4))]++;
		splk_set(s, key, (size_t)len, "changed", 7, 0, NULL); /* a walk outlives writers */
	}
	IS(len, 0, "a walk ends");
	for (i = 0; i < 100; i++)
		once += seen[i] == 1;
	IS(once, 100, "it tells each key once");
	for (n = 0, cursor = 0;
	     (len = splk_next(s, &cursor, "odd", 3, key, sizeof(key), NULL)) > 0;)
		n += !memcmp(key, "odd", 3);
	IS(n, 50, "a prefix tells those with it");
	cursor = 0;
	IS(splk_next(s, &cursor, NULL, 0, key, 1, NULL), -EMSGSIZE, "room too small for a key");
	OK(splk_next(s, &cursor, NULL, 0, key, sizeof(key), NULL) > 0, "the next try has it");
	cursor = ~0ULL;
	IS(splk_next(s, &cursor, NULL, 0, key, sizeof(key), NULL), 0, "a cursor out of nowhere");
	splk_close(s);
}

static void times(struct splk_store *s)
{
	uint64_t before = (uint64_t)time(NULL), ctime_ns, mtime_ns;

	splk_set(s, KEY("t"), "1", 1, 0, NULL);
	IS(splk_times(s, KEY("t"), &ctime_ns, &mtime_ns), 0, "times");
	OK(ctime_ns / 1000000000 + 2 >= before && ctime_ns / 1000000000 <= before + 60,
	   "ctime is about now");
	nap_us(20000);
	splk_set(s, KEY("t"), "2", 1, 0, NULL);
	IS(splk_times(s, KEY("t"), &before, NULL), 0, "one of them");
	IS(before, ctime_ns, "ctime stays");
	IS(splk_times(s, KEY("t"), NULL, &before), 0, "the other");
	OK(before > mtime_ns, "mtime goes on");
	IS(splk_times(s, KEY("none"), NULL, NULL), -ENOENT, "times of no key");
}

int main(void)
{
	struct splk_store *s = fresh(1000, 64);

	set_and_get(s);
	conditions(s);
	appends(s);
	views(s);
	batches(s);
	times(s);
	OK(sound(s), "the store is sound");
	splk_close(s);
	walks();
	return tap_done();
}
