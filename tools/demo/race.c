// SPDX-License-Identifier: MIT
/*
 * race.c - two writers and two readers on the same keys for some seconds; every byte of every value that is read is
 * checked, and in the end every update is accounted for. Deaths are kill.c's.
 */
#include "demo.h"

enum { WRITERS = 2, READERS = 2, HOT = 64, COUNTERS = 4 };

/* Each process has its own line; only the parent reads all. */
struct counts {
	uint64_t sets;
	uint64_t incs;
	uint64_t gets;
	uint64_t torn;
	uint64_t backwards;
	uint64_t failed;
	uint64_t ns;
} __attribute__((aligned(128)));

struct shared {
	struct counts of[WRITERS + READERS];
	int ready __attribute__((aligned(128)));
	int stop;
};

static int hot_key(char *key, uint32_t i)
{
	return sprintf(key, "demo:hot/%02u", i);
}

static int counter_key(char *key, uint32_t i)
{
	return sprintf(key, "demo:counter/%u", i);
}

static void count(uint64_t *what)
{
	__atomic_store_n(what, *what + 1, __ATOMIC_RELAXED);
}

static bool go_on(const struct shared *shared)
{
	return !__atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

static void meet(struct shared *shared)
{
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < WRITERS + READERS)
		usleep(100);
}

static void run_writer(const char *spec, struct shared *shared, uint32_t me)
{
	struct splk_store *store = open_store(spec, false);
	uint32_t max = value_max_of(store), len;
	struct counts *mine = &shared->of[me];
	unsigned char value[VALUE_BYTES_MAX];
	struct stamp stamp = { .writer = me + 1 };
	uint64_t random = me + 1, from;
	char key[32];
	int klen;

	must(splk_register(store), "register");
	meet(shared);
	from = now_ns();
	while (go_on(shared)) {
		if (!random_below(&random, 16)) {
			klen = counter_key(key, random_below(&random, COUNTERS));
			if (splk_math(store, key, klen, SPLK_INC, 0, 0, NULL))
				count(&mine->failed);
			else
				count(&mine->incs);
			continue;
		}
		stamp.key = random_below(&random, HOT);
		stamp.seq++;
		klen = hot_key(key, stamp.key);
		len = value_make(value, max, &stamp);
		if (splk_set(store, key, klen, value, len, 0, NULL))
			count(&mine->failed);
		else
			count(&mine->sets);
	}
	mine->ns = now_ns() - from;
	splk_close(store);
	_exit(0);
}

static void run_reader(const char *spec, struct shared *shared, uint32_t me)
{
	uint64_t last_epoch[HOT] = { 0 }, last_seq[HOT][WRITERS + 1] = { 0 }, from;
	struct splk_store *store = open_store(spec, true);
	struct counts *mine = &shared->of[me];
	unsigned char value[VALUE_BYTES_MAX];
	uint32_t max = value_max_of(store), i;
	struct splk_meta meta;
	uint64_t random = me + 1;
	struct stamp stamp;
	char key[32];
	long len;

	meet(shared);
	from = now_ns();
	while (go_on(shared)) {
		i = random_below(&random, HOT);
		len = splk_get(store, key, hot_key(key, i), value, sizeof(value), &meta);
		if (len < 0) {
			count(&mine->failed);
			continue;
		}
		count(&mine->gets);
		if (!value_holds(value, len, max, i, &stamp) || stamp.writer > WRITERS) {
			count(&mine->torn);
			continue;
		}
		/* A later publication of one writer has a later number, the same one the same. */
		if (meta.epoch < last_epoch[i] || stamp.seq < last_seq[i][stamp.writer] ||
		    (meta.epoch > last_epoch[i] && last_epoch[i] &&
		     stamp.seq == last_seq[i][stamp.writer]))
			count(&mine->backwards);
		last_epoch[i] = meta.epoch;
		last_seq[i][stamp.writer] = stamp.seq;
	}
	mine->ns = now_ns() - from;
	splk_close(store);
	_exit(0);
}

/* Keys with their first values; the sum of their epochs. */
static uint64_t prepare(struct splk_store *store)
{
	uint32_t max = value_max_of(store), i, len;
	unsigned char value[VALUE_BYTES_MAX];
	struct splk_meta meta;
	struct stamp stamp = { 0 };
	uint64_t epochs = 0;
	char key[32];

	if (max < 64)
		die("values of %u bytes are too short for this", max);
	for (i = 0; i < HOT; i++) {
		stamp.key = i;
		len = value_make(value, max, &stamp);
		must(splk_set(store, key, hot_key(key, i), value, len, 0, &meta), "set");
		epochs += meta.epoch;
	}
	for (i = 0; i < COUNTERS; i++)
		must(splk_set(store, key, counter_key(key, i), &(uint64_t){ 0 }, 8, 0, NULL),
		     "set");
	return epochs;
}

/* Updates that the store doesn't account for: every set is one epoch, every increment one unit. */
static uint64_t unaccounted(struct splk_store *store, uint64_t epochs, uint64_t sets, uint64_t incs)
{
	uint64_t value, sum = 0, lost, now = 0;
	struct splk_meta meta;
	char key[32];
	uint32_t i;

	for (i = 0; i < HOT; i++) {
		must(splk_get(store, key, hot_key(key, i), NULL, 0, &meta), "get");
		now += meta.epoch;
	}
	for (i = 0; i < COUNTERS; i++) {
		must(splk_get(store, key, counter_key(key, i), &value, 8, NULL), "get");
		sum += value;
	}
	lost = now > epochs + sets ? now - epochs - sets : epochs + sets - now;
	return lost + (sum > incs ? sum - incs : incs - sum);
}

static void clean_up(struct splk_store *store)
{
	char key[32];
	uint32_t i;

	for (i = 0; i < HOT; i++)
		must(splk_delete(store, key, hot_key(key, i)), "delete");
	for (i = 0; i < COUNTERS; i++)
		must(splk_delete(store, key, counter_key(key, i)), "delete");
}

int main(int argc, char **argv)
{
	struct splk_stats before = { .size = sizeof(before) }, after = before;
	double seconds = argc > 2 ? atof(argv[2]) : 0, set_rate = 0, get_rate = 0;
	struct counts sum = { 0 }, *c;
	struct splk_store *store;
	struct shared *shared;
	uint64_t epochs, from;
	int i, status;

	if (argc != 3 || seconds <= 0) {
		fprintf(stderr, "usage: demo-race STORE SECONDS\n");
		return 2;
	}
	store = open_store(argv[1], false);
	shared = shared_memory(sizeof(*shared));
	epochs = prepare(store);
	must(splk_stats(store, &before), "stats");
	for (i = 0; i < WRITERS + READERS; i++) {
		if (fork_child())
			continue;
		if (i < WRITERS)
			run_writer(argv[1], shared, i);
		run_reader(argv[1], shared, i);
	}
	from = now_ns();
	for (;;) {
		double gone = (now_ns() - from) / 1e9;

		progress((gone < seconds ? gone : seconds) * 1000, seconds * 1000);
		if (gone >= seconds)
			break;
		/* Nobody waits for a child that couldn't start. */
		if (waitpid(-1, &status, WNOHANG) > 0)
			die("a process ended early");
		usleep(100000);
	}
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < WRITERS + READERS; i++)
		if (wait(&status) < 0 || status)
			die("a process ended badly");
	must(splk_stats(store, &after), "stats");

	for (i = 0; i < WRITERS + READERS; i++) {
		c = &shared->of[i];
		sum.sets += c->sets;
		sum.incs += c->incs;
		sum.gets += c->gets;
		sum.torn += c->torn;
		sum.backwards += c->backwards;
		sum.failed += c->failed;
		if (i < WRITERS)
			set_rate += (c->sets + c->incs) * 1e9 / c->ns;
		else
			get_rate += c->gets * 1e9 / c->ns;
	}
	result("writers", WRITERS);
	result("readers", READERS);
	result("keys", HOT + COUNTERS);
	result("sets", sum.sets);
	result("increments", sum.incs);
	result("gets", sum.gets);
	result("set_rate", set_rate);
	result("get_rate", get_rate);
	result("conflicts", after.conflict - before.conflict);
	result("torn", sum.torn);
	result("backwards", sum.backwards);
	result("failed", sum.failed);
	result("unaccounted", unaccounted(store, epochs, sum.sets, sum.incs));
	clean_up(store);
	splk_close(store);
	return 0;
}
