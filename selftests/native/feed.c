// SPDX-License-Identifier: MIT
/* selftest-timeout: 180 */
/*
 * feed.c - the change feed: who follows it from an empty store and never looks at it otherwise ends with what is in it, though
 * many write, and die; nothing older is told after something newer, nothing twice; what is lost is told.
 */
#include <signal.h>
#include <stdlib.h>

#include "fixture.h"

#define MANY 200

static struct splk_store *s;
static struct splk_feed *feed;

static void fresh_feed(uint32_t records, uint64_t lanes, uint32_t key_max)
{
	struct splk_options options = options_for(lanes, 64);

	options.geometry.feed = records;
	options.geometry.key_max = key_max;
	s = fresh_with(&options);
	MUST(!splk_feed_open(s, &feed), "a feed");
}

static void over(void)
{
	splk_feed_close(feed);
	splk_close(s);
}

/* Next: kind of what is told of that key, 0: nothing, -1: another key. */
static int next_is(const void *key, size_t klen, struct splk_change *c)
{
	int r = splk_feed_next(feed, c);

	if (r != 1)
		return r;
	return c->key_len == klen && !memcmp(c->key, key, klen) ? (int)c->kind : -1;
}

static void test_kinds(void)
{
	struct splk_change c;

	fresh_feed(128, 100, 64);
	IS(splk_feed_next(feed, &c), 0, "nothing has changed");
	MUST(!splk_set(s, KEY("a"), "1", 1, 0, NULL), "a key");
	OK(next_is(KEY("a"), &c) == SPLK_CHANGE_SET && c.epoch == 1, "a new key is told");
	IS(splk_feed_next(feed, &c), 0, "once");
	splk_set(s, KEY("a"), "2", 1, 0, NULL);
	splk_set(s, KEY("a"), "3", 1, 0, NULL);
	splk_bump(s, KEY("a"), NULL);
	OK(next_is(KEY("a"), &c) == SPLK_CHANGE_SET && c.epoch == 4,
	   "several changes, as it is now");
	IS(splk_feed_next(feed, &c), 0, "once");
	splk_label_change(s, KEY("a"), 5, 0, NULL);
	OK(next_is(KEY("a"), &c) == SPLK_CHANGE_LABELS && c.labels == 5 && c.epoch == 4, "labels");
	splk_label_change(s, KEY("a"), 2, 5, NULL);
	splk_set(s, KEY("a"), "5", 1, 0, NULL);
	IS(next_is(KEY("a"), &c), SPLK_CHANGE_LABELS, "labels and a value");
	OK(next_is(KEY("a"), &c) == SPLK_CHANGE_SET && c.labels == 2 && c.epoch == 5, "each");
	splk_type_set(s, KEY("a"), SPL_TYPE_JSON);
	IS(splk_feed_next(feed, &c), 0, "a type is no change");
	splk_delete(s, KEY("a"));
	OK(next_is(KEY("a"), &c) == SPLK_CHANGE_GONE && c.epoch == 5, "one that went");
	splk_set(s, KEY("a"), "6", 1, 0, NULL);
	splk_delete(s, KEY("a"));
	splk_set(s, KEY("a"), "7", 1, 0, NULL);
	OK(next_is(KEY("a"), &c) == SPLK_CHANGE_SET && c.epoch == 7,
	   "made, deleted and made: it is there");
	IS(splk_feed_next(feed, &c), 0, "and nothing else");
	splk_set(s, KEY("b"), "1", 1, 0, NULL);
	splk_delete(s, KEY("b"));
	OK(next_is(KEY("b"), &c) == SPLK_CHANGE_GONE, "made and deleted: it is gone");
	IS(splk_feed_next(feed, &c), 0, "and nothing else");
	over();
	s = fresh(10, 64);
	IS(splk_feed_open(s, &feed), -EOPNOTSUPP, "a store without a feed");
	splk_close(s);
}

static void test_lengths(void)
{
	unsigned char key[1024];
	struct splk_change c;
	uint32_t n, i, bad = 0;

	fresh_feed(128, 20, 1024);
	for (n = 1; n <= 1024; n++) {
		for (i = 0; i < n; i++)
			key[i] = (unsigned char)(n * 7 + i);
		bad += splk_set(s, key, n, "v", 1, 0, NULL) != 0;
		bad += next_is(key, n, &c) != SPLK_CHANGE_SET;
		bad += splk_delete(s, key, n) != 0;
		bad += next_is(key, n, &c) != SPLK_CHANGE_GONE;
		bad += splk_feed_next(feed, &c) != 0;
	}
	IS(bad, 0, "keys of all lengths come and go, round and round the ring");
	over();
}

static void test_overrun(void)
{
	struct splk_change c;
	uint64_t i;
	int n = 0, lost = 0;

	fresh_feed(128, 1000, 64);
	for (i = 0; i < 100; i++)
		splk_set(s, &i, sizeof(i), "v", 1, 0, NULL);
	while (splk_feed_next(feed, &c) == 1) {
		n++;
		lost += c.kind == SPLK_CHANGE_OVERRUN;
	}
	OK(n == 100 && !lost, "what fits is told: %d", n);
	for (i = 0; i < 1000; i++)
		splk_set(s, &i, sizeof(i), "w", 1, 0, NULL);
	for (n = 0, lost = 0; splk_feed_next(feed, &c) == 1; n++)
		lost += c.kind == SPLK_CHANGE_OVERRUN && !c.key;
	OK(lost == 1 && n == 1, "what doesn't is told to be lost, once");
	splk_set(s, &i, sizeof(i), "x", 1, SPLK_ABSENT, NULL);
	i = 3;
	splk_set(s, &i, sizeof(i), "x", 1, 0, NULL);
	IS(next_is(&i, sizeof(i), &c), SPLK_CHANGE_SET, "and it goes on from there");
	over();
}

/* Writers on few keys, with any operation; each change is small, and many meet. */
static void write_for_ever(uint64_t seed, uint64_t rounds)
{
	uint64_t x = seed * 2654435761u + 1, key;

	while (rounds--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		key = x % MANY;
		switch (x >> 40 & 7) {
		case 0:
			splk_delete(s, &key, sizeof(key));
			break;
		case 1:
			splk_label_change(s, &key, sizeof(key), 1 << (x >> 50 & 7),
					  1 << (x >> 53 & 7), NULL);
			break;
		case 2:
			splk_append(s, &key, sizeof(key), "x", 1, 0, NULL);
			break;
		default:
			splk_set(s, &key, sizeof(key), &x, sizeof(x), 0, NULL);
		}
	}
}

/* What a follower believes. */
static struct {
	uint64_t epoch;
	uint64_t labels;
	bool there;
} belief[MANY];

static long back, twice, overruns;

/* What one does who was overrun. */
static void look_at_all(void)
{
	struct splk_attr attr;
	uint64_t key, epoch;

	for (key = 0; key < MANY; key++) {
		belief[key].there = !splk_epoch(s, &key, sizeof(key), &epoch) &&
				    !splk_attr(s, &key, sizeof(key), &attr);
		if (!belief[key].there)
			continue;
		belief[key].epoch = epoch;
		belief[key].labels = attr.labels;
	}
}

static void believe(const struct splk_change *c)
{
	uint64_t key;

	if (c->kind == SPLK_CHANGE_OVERRUN) {
		overruns++;
		look_at_all();
		return;
	}
	memcpy(&key, c->key, sizeof(key));
	if (key >= MANY)
		return;
	if (c->kind == SPLK_CHANGE_GONE) {
		back += !overruns && c->epoch < belief[key].epoch && belief[key].there;
		belief[key].there = false;
	} else {
		back += c->epoch < belief[key].epoch;
		/* What it found by itself after an overrun may be told as well. */
		twice += !overruns && belief[key].there && c->epoch == belief[key].epoch &&
			 c->labels == belief[key].labels && c->kind == SPLK_CHANGE_LABELS;
		belief[key].there = true;
	}
	if (c->epoch > belief[key].epoch)
		belief[key].epoch = c->epoch;
	belief[key].labels = c->labels;
}

static int follow(void)
{
	struct splk_change c;
	int n = 0, r;

	while ((r = splk_feed_next(feed, &c)) == 1 || r == -EAGAIN)
		if (r == 1) {
			believe(&c);
			n++;
		}
	return n;
}

static long beliefs_wrong(void)
{
	struct splk_attr attr;
	uint64_t key, epoch;
	long bad = 0;
	int r;

	for (key = 0; key < MANY; key++) {
		r = splk_epoch(s, &key, sizeof(key), &epoch);
		if (r == -ENOENT) {
			bad += belief[key].there;
			continue;
		}
		splk_attr(s, &key, sizeof(key), &attr);
		bad += !belief[key].there || belief[key].epoch != epoch ||
		       belief[key].labels != attr.labels;
	}
	return bad;
}

static void test_many(bool kill_them)
{
	double end = seconds() + 4;
	int i, deaths = 0, told = 0;
	uint64_t seed = 1;
	pid_t pids[3];

	memset(belief, 0, sizeof(belief));
	back = twice = overruns = 0;
	fresh_feed(1U << 16, 1000, 64);
	for (i = 0; i < 3; i++)
		pids[i] = 0;
	while (seconds() < end) {
		for (i = 0; i < 3; i++) {
			if (pids[i] && !kill_them && waitpid(pids[i], NULL, WNOHANG) != pids[i])
				continue;
			if (pids[i] && kill_them) {
				kill(pids[i], SIGKILL);
				waitpid(pids[i], NULL, 0);
				MUST(!splk_reap(s, NULL), "the reaper");
				deaths++;
			}
			pids[i] = fork();
			seed++;
			if (!pids[i]) {
				write_for_ever(seed, kill_them ? ~0ULL : 20000);
				_exit(0);
			}
		}
		told += follow();
	}
	for (i = 0; i < 3; i++) {
		if (kill_them)
			kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	MUST(!splk_reap(s, NULL), "the reaper");
	told += follow();
	OK(told > 1000, "%d changes were told%s", told, kill_them ? " though writers died" : "");
	if (kill_them)
		OK(deaths > 20, "%d deaths", deaths);
	IS(back, 0, "none is older than what was told before");
	IS(twice, 0, "none is told twice");
	IS(beliefs_wrong(), 0, "the follower knows what is there");
	printf("# overrun %ld times\n", overruns);
	over();
}

/* Any bytes in the rings and the heads: nothing but keys that are there, or seem to have gone, and an end. */
static void test_hostile(void)
{
	char *bytes;
	const struct spl_info *info;
	struct splk_change c;
	uint64_t x = 88172645463325252ULL, i, n;
	long told = 0, bad = 0;
	int round, r;

	fresh_feed(128, 50, 64);
	for (i = 0; i < 40; i++)
		splk_set(s, &i, sizeof(i), "v", 1, 0, NULL);
	follow();
	bytes = raw(s);
	info = (const struct spl_info *)bytes;
	for (round = 0; round < 20000; round++) {
		uint64_t *at = (uint64_t *)(bytes + info->regions[SPL_REGION_FEED].off);
		uint64_t words = info->regions[SPL_REGION_FEED].bytes / 8;
		struct spl_wcell *cell = raw_cells(s);

		for (i = 0; i < 16; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			at[x % words] = x % 3 ? x >> 40 : x;
			/* Plausible ones, too. */
			at[(x >> 20) % (words / 4) * 4] = x % 4 | (x >> 30 & 0x7ff) << 8 |
							  (x >> 42 & 0xff) << 24;
		}
		cell[x % 64].feed_head = x % 5 ? cell[x % 64].feed_head + (x >> 50) * 32 : x;
		munmap((char *)cell - info->regions[SPL_REGION_WRITERS].off, info->map_bytes);
		for (n = 0; (r = splk_feed_next(feed, &c)) == 1; n++) {
			bad += c.kind < SPLK_CHANGE_SET || c.kind > SPLK_CHANGE_OVERRUN;
			bad += c.kind != SPLK_CHANGE_OVERRUN && (!c.key_len || c.key_len > 64);
			bad += n > 64 * 128 * 2;
		}
		told += (long)n;
	}
	OK(!bad, "hostile bytes: %ld told, each of them something", told);
	over();
}

int main(void)
{
	test_kinds();
	test_lengths();
	test_overrun();
	test_many(false);
	test_many(true);
	test_hostile();
	return tap_done();
}
