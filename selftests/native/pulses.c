// SPDX-License-Identifier: MIT
/*
 * pulses.c - a change of a bound key pulses each of its groups once, whatever kind of change it is, and one that didn't
 * happen pulses none; keys that nobody bound pulse nothing. The mark in the bucket that says so comes and goes with the
 * bindings.
 */
#include "fixture.h"

#define MASK(group) (1ULL << (group))

enum { G_KEY, G_LABEL, G_KEYS, G_FEED, GROUPS };

static struct splk_store *s;

static struct splk_store *fresh_watched(uint32_t feed)
{
	struct splk_options options = options_for(1000, 64);

	options.geometry.flags = SPL_GEOMETRY_WATCH;
	options.geometry.feed = feed;
	return fresh_with(&options);
}

static uint64_t count_of(uint32_t group)
{
	uint64_t count = 0;

	MUST(!splk_group_count(s, group, &count), "a group's count");
	return count;
}

static int do_set(void)
{
	return splk_set(s, KEY("k"), "value", 5, 0, NULL);
}

static int do_set_number(void)
{
	return splk_set(s, KEY("k"), "12345678", 8, SPLK_PRESENT, NULL);
}

static int do_set_epoch(void)
{
	uint64_t epoch;

	MUST(!splk_epoch(s, KEY("k"), &epoch), "an epoch");
	return splk_set_epoch(s, KEY("k"), "other", 5, epoch, NULL);
}

static int do_append(void)
{
	return splk_append(s, KEY("k"), "x", 1, 0, NULL) == 6 ? 0 : -1;
}

static int do_inc(void)
{
	return splk_math(s, KEY("k"), SPLK_INC, 0, 0, NULL);
}

static int do_bump(void)
{
	return splk_bump(s, KEY("k"), NULL);
}

static int do_put(void)
{
	struct splk_alloc room;
	int err = splk_alloc(s, KEY("k"), 8, &room);

	memset(room.ptr, 1, 8);
	return err ? err : splk_put(s, &room, 0, NULL);
}

static int do_many(void)
{
	struct splk_io io = { "k", "many", 1, 4, 0 };

	return splk_set_many(s, &io, 1, 0) == 1 ? 0 : -1;
}

static int do_label(void)
{
	return splk_label_change(s, KEY("k"), 1, 0, NULL);
}

static int do_label_cas(void)
{
	return splk_label_cas(s, KEY("k"), 1 | 4, 1, 4, NULL);
}

static int do_unlabel(void)
{
	return splk_label_change(s, KEY("k"), 0, 4, NULL);
}

static int do_label_same(void)
{
	return splk_label_change(s, KEY("k"), 0, 4, NULL);
}

static int do_type(void)
{
	return splk_type_set(s, KEY("k"), SPL_TYPE_JSON);
}

static int do_watch_more(void)
{
	return splk_watch(s, KEY("k"), 0, MASK(63), NULL);
}

static int do_absent(void)
{
	return splk_set(s, KEY("k"), "no", 2, SPLK_ABSENT, NULL) == -EEXIST ? 0 : -1;
}

static int do_stale(void)
{
	return splk_set_epoch(s, KEY("k"), "no", 2, 999999, NULL) == -ESTALE ? 0 : -1;
}

static int do_no_label(void)
{
	return splk_label_cas(s, KEY("k"), 8, 8, 0, NULL) == -ESTALE ? 0 : -1;
}

static int do_no_number(void)
{
	return splk_math(s, KEY("k"), SPLK_INC, 0, 0, NULL) == -EPROTOTYPE ? 0 : -1;
}

static int do_other(void)
{
	return splk_set(s, KEY("other"), "x", 1, SPLK_PRESENT, NULL);
}

static int do_insert(void)
{
	return splk_set(s, KEY("new"), "x", 1, SPLK_ABSENT, NULL);
}

static int do_delete_new(void)
{
	return splk_delete(s, KEY("new"));
}

static int do_delete(void)
{
	return splk_delete(s, KEY("k"));
}

static int do_delete_none(void)
{
	return splk_delete(s, KEY("k")) == -ENOENT ? 0 : -1;
}

static int do_again(void)
{
	return splk_set(s, KEY("k"), "again", 5, 0, NULL);
}

static int do_signal(void)
{
	return splk_signal(s, MASK(G_KEY) | MASK(G_LABEL));
}

/* In turn, on one store. The key is bound to a group of its own, label 0 to another. */
static const struct {
	const char *name;
	int (*run)(void);
	uint32_t pulses[GROUPS];
} steps[] = {
	{ "set", do_set, { 1, 0, 0, 1 } },
	{ "compare-and-set", do_set_epoch, { 1, 0, 0, 1 } },
	{ "append", do_append, { 1, 0, 0, 1 } },
	{ "an integer's place", do_set_number, { 1, 0, 0, 1 } },
	{ "INC", do_inc, { 1, 0, 0, 1 } },
	{ "bump", do_bump, { 1, 0, 0, 1 } },
	{ "alloc and put", do_put, { 1, 0, 0, 1 } },
	{ "set_many", do_many, { 1, 0, 0, 1 } },
	{ "a label comes", do_label, { 1, 1, 0, 1 } },
	{ "set, with the label", do_set, { 1, 1, 0, 1 } },
	{ "a label goes by test-and-set", do_label_cas, { 1, 1, 0, 1 } },
	{ "set, without the label", do_set, { 1, 0, 0, 1 } },
	{ "a label that is bound to nothing goes", do_unlabel, { 1, 0, 0, 1 } },
	{ "a label that isn't there is cleared", do_label_same, { 0, 0, 0, 0 } },
	{ "a type", do_type, { 0, 0, 0, 0 } },
	{ "a binding", do_watch_more, { 0, 0, 0, 0 } },
	{ "a set that is refused: EEXIST", do_absent, { 0, 0, 0, 0 } },
	{ "a set that is refused: ESTALE", do_stale, { 0, 0, 0, 0 } },
	{ "a test-and-set that is refused", do_no_label, { 0, 0, 0, 0 } },
	{ "an INC that is refused", do_no_number, { 0, 0, 0, 0 } },
	{ "set of a key that nobody bound", do_other, { 0, 0, 0, 1 } },
	{ "insert", do_insert, { 0, 0, 1, 1 } },
	{ "delete of a key that nobody bound", do_delete_new, { 0, 0, 1, 1 } },
	{ "a label comes back", do_label, { 1, 1, 0, 1 } },
	{ "delete", do_delete, { 1, 1, 1, 1 } },
	{ "delete of nothing", do_delete_none, { 0, 0, 0, 0 } },
	{ "made again, it is bound to nothing", do_again, { 0, 0, 1, 1 } },
	{ "set of it", do_set, { 0, 0, 0, 1 } },
	{ "signal", do_signal, { 1, 1, 0, 0 } },
};

static bool step_holds(size_t i)
{
	uint64_t before[GROUPS], got;
	bool good = true;
	uint32_t g;
	int r;

	for (g = 0; g < GROUPS; g++)
		before[g] = count_of(g);
	r = steps[i].run();
	if (r)
		printf("# it returned %d\n", r);
	for (g = 0; g < GROUPS; g++) {
		got = count_of(g) - before[g];
		if (got != steps[i].pulses[g])
			printf("# group %u: %llu pulses, not %u\n", g, (unsigned long long)got,
			       steps[i].pulses[g]);
		good &= got == steps[i].pulses[g];
	}
	return good && !r;
}

static void test_steps(void)
{
	uint64_t old = 1;
	size_t i;

	s = fresh_watched(1024);
	MUST(!splk_set(s, KEY("k"), "v", 1, 0, NULL) && !splk_set(s, KEY("other"), "v", 1, 0, NULL),
	     "keys");
	OK(!splk_watch(s, KEY("k"), MASK(G_KEY), 0, &old) && !old, "a key is bound");
	OK(!splk_watch(s, KEY("k"), 0, 0, &old) && old == MASK(G_KEY), "and tells it");
	OK(!splk_label_bind(s, 0, MASK(G_LABEL), 0, &old) && !old, "a label is bound");
	OK(!splk_label_bind(s, 0, 0, 0, &old) && old == MASK(G_LABEL), "and tells it");
	OK(!splk_keys_bind(s, MASK(G_KEYS), 0, NULL), "comings and goings are bound");
	OK(!splk_feed_bind(s, MASK(G_FEED), 0, NULL), "the feed is bound");
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		OK(step_holds(i), "%s", steps[i].name);
	OK(sound(s), "the store is sound");
	splk_close(s);
}

/* A key bound to all groups, by its mask and by its labels: still once each. */
static void test_all_groups(void)
{
	uint32_t g, wrong = 0;

	s = fresh_watched(0);
	MUST(!splk_set(s, KEY("k"), "v", 1, 0, NULL), "a key");
	MUST(!splk_watch(s, KEY("k"), ~0ULL, 0, NULL), "bound to all groups");
	for (g = 0; g < 64; g++)
		MUST(!splk_label_bind(s, g, ~0ULL, 0, NULL), "labels, too");
	MUST(!splk_label_change(s, KEY("k"), ~0ULL, 0, NULL), "all labels");
	for (g = 0; g < 64; g++)
		wrong += count_of(g) != 1;
	IS(wrong, 0, "64 labels bound to 64 groups each: a change pulses each group once");
	MUST(!splk_set(s, KEY("k"), "w", 1, 0, NULL), "a set");
	for (g = 0; g < 64; g++)
		wrong += count_of(g) != 2;
	IS(wrong, 0, "and so does a set");
	splk_close(s);
}

/* How many buckets say that a key of theirs may be bound. */
static uint32_t noticed(void)
{
	char *bytes = raw(s);
	const struct spl_info *info = (const struct spl_info *)bytes;
	const struct spl_bucket *b =
		(const struct spl_bucket *)(bytes + info->regions[SPL_REGION_INDEX].off);
	uint32_t i, n = 0;

	for (i = 0; i < info->buckets; i++)
		n += !!(b[i].overflow & SPL_NOTICE);
	munmap(bytes, info->map_bytes);
	return n;
}

static void test_mark(void)
{
	uint64_t i;

	s = fresh_watched(0);
	for (i = 0; i < 500; i++)
		MUST(!splk_set(s, &i, sizeof(i), "v", 1, 0, NULL), "500 keys");
	IS(noticed(), 0, "keys that nobody bound leave no mark");
	for (i = 0; i < 50; i++)
		MUST(!splk_watch(s, &i, sizeof(i), 1, 0, NULL), "50 bound");
	OK(noticed() > 30 && noticed() <= 50, "those that are bound do: %u buckets", noticed());
	for (i = 50; i < 100; i++)
		MUST(!splk_label_change(s, &i, sizeof(i), 2, 0, NULL), "50 labelled");
	OK(noticed() > 60 && noticed() <= 100, "those with labels, too: %u buckets", noticed());
	for (i = 0; i < 100; i++)
		MUST(!splk_delete(s, &i, sizeof(i)), "all of them go");
	IS(noticed(), 0, "and with them the marks");
	OK(sound(s), "the store is sound");
	splk_close(s);
}

static void test_refusals(void)
{
	struct splk_options ro = { .size = sizeof(ro), .flags = SPLK_READ_ONLY };
	struct splk_store *reader;
	uint64_t got = 7;

	s = fresh(10, 64);
	MUST(!splk_set(s, KEY("k"), "v", 1, 0, NULL), "a key");
	IS(splk_watch(s, KEY("k"), 1, 0, NULL), -EOPNOTSUPP, "a store without watch masks");
	IS(splk_watch(s, KEY("k"), 0, 0, &got), -EOPNOTSUPP, "also when only asked");
	IS(splk_feed_bind(s, 1, 0, NULL), -EOPNOTSUPP, "a store without a change feed");
	IS(splk_label_bind(s, 64, 1, 0, NULL), -EINVAL, "label 64");
	IS(splk_group_count(s, 64, &got), -EINVAL, "group 64");
	splk_close(s);

	s = fresh_watched(1024);
	MUST(!splk_set(s, KEY("k"), "v", 1, 0, NULL), "a key");
	IS(splk_watch(s, KEY("none"), 1, 0, NULL), -ENOENT, "a key that isn't there");
	IS(splk_watch(s, "", 0, 1, 0, NULL), -EINVAL, "an empty key");
	IS(splk_watch(s, "x", 100000, 1, 0, NULL), -EMSGSIZE, "a key too long");
	MUST(!splk_attach_fd(splk_fd(s), &ro, &reader), "a read-only handle");
	IS(splk_watch(reader, KEY("k"), 1, 0, NULL), -EBADF, "read-only: a key");
	IS(splk_label_bind(reader, 0, 1, 0, NULL), -EBADF, "read-only: a label");
	IS(splk_keys_bind(reader, 1, 0, NULL), -EBADF, "read-only: comings and goings");
	IS(splk_feed_bind(reader, 1, 0, NULL), -EBADF, "read-only: the feed");
	IS(splk_signal(reader, 1), -EBADF, "read-only: a signal");
	OK(!splk_watch(reader, KEY("k"), 0, 0, &got) && !got, "read-only: it may ask");
	OK(!splk_keys_bind(reader, 0, 0, &got) && !got, "read-only: of the rest, too");
	IS(splk_subscribe(s, 1), -EOPNOTSUPP, "poll is the device's");
	IS(splk_pulses(s, NULL, 0), -EOPNOTSUPP, "so is read");
	IS(splk_eventfd_bind(s, 0, 1), -EOPNOTSUPP, "so are eventfds");
	IS(splk_eventfd_unbind(s, 0, 1), -EOPNOTSUPP, "to take them off, too");
	splk_close(reader);
	splk_close(s);
}

/* Stores that differ in what they can tell are different stores. */
static void test_geometry(void)
{
	struct splk_options options = options_for(10, 64);
	struct splk_store *again;
	char path[128];
	char *dir = folder();

	snprintf(path, sizeof(path), "file:%s/s", dir);
	options.geometry.flags = SPL_GEOMETRY_WATCH;
	options.geometry.feed = 128;
	MUST(!splk_open(path, &options, &s), "a store with both");
	IS(splk_open(path, &options, &again), 0, "the same again");
	splk_close(again);
	options.geometry.flags = 0;
	IS(splk_open(path, &options, &again), -EEXIST, "without watch masks it is another one");
	options.geometry.flags = SPL_GEOMETRY_WATCH;
	options.geometry.feed = 256;
	IS(splk_open(path, &options, &again), -EEXIST, "and with a longer feed");
	options.geometry.feed = 100;
	IS(splk_open("memfd:", &options, &again), -EINVAL, "a feed of no power of two");
	options.geometry.feed = 64;
	IS(splk_open("memfd:", &options, &again), -EINVAL, "a feed too short");
	splk_close(s);
	unlink(path + 5);
	rmdir(dir);
}

int main(void)
{
	test_steps();
	test_all_groups();
	test_mark();
	test_refusals();
	test_geometry();
	return tap_done();
}
