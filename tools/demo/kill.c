// SPDX-License-Identifier: MIT
/*
 * kill.c - kills a writer again and again in the middle of what it does, while another writer and a reader go on with
 * the same keys; says what was lost or leaked. Races without deaths are race.c's, the state to compare with model.h's.
 */
#include "demo.h"
#include "model.h"

enum { SHARED_KEYS = 16, RECORDS_MAX = 256, REAL_KEY_MAX = 128, GIVE_UP = 10 };

/* A key that was there before, and its value: writers publish it again and again, as it is. */
struct record {
	char key[REAL_KEY_MAX];
	uint32_t klen;
	uint32_t vlen;
	unsigned char *value;
};

struct shared {
	struct model model;
	uint64_t victim_ops;
	int started; /* number of the round whose victim writes */
	int stop;
	/* of the survivors: */
	uint64_t writes __attribute__((aligned(128)));
	uint64_t write_failed;
	uint64_t reads __attribute__((aligned(128)));
	uint64_t read_wrong;
};

static struct shared *shared;
static struct record records[RECORDS_MAX];
static uint32_t nr_records;
static uint32_t value_max;

static void add(uint64_t *what)
{
	__atomic_store_n(what, *what + 1, __ATOMIC_RELAXED);
}

static int shared_key(char *key, uint32_t i)
{
	return sprintf(key, "demo:both/%02u", i);
}

/* Writes that both writers do: a shared key gets a value of its own, a record its old one. */
static int write_shared(struct splk_store *store, uint64_t *random, struct stamp *stamp)
{
	unsigned char value[VALUE_BYTES_MAX];
	struct record *r;
	char key[32];

	if (nr_records && random_below(random, 2)) {
		r = &records[random_below(random, nr_records)];
		return splk_set(store, r->key, r->klen, r->value, r->vlen, SPLK_PRESENT, NULL);
	}
	stamp->key = random_below(random, SHARED_KEYS);
	stamp->seq++;
	return splk_set(store, key, shared_key(key, stamp->key), value,
			value_make(value, value_max, stamp), 0, NULL);
}

static void __attribute__((noreturn)) run_victim(const char *spec, int round)
{
	uint64_t random = mix(round) ^ (uint64_t)getpid();
	struct stamp stamp = { .writer = 1, .seq = (uint64_t)round << 32 };
	struct splk_store *store = open_store(spec, false);
	int r;

	must(splk_register(store), "register");
	__atomic_store_n(&shared->started, round, __ATOMIC_RELEASE);
	for (;;) {
		if (round % 2 || random_below(&random, 5))
			r = model_step(&shared->model, store, &random, round % 2);
		else
			r = write_shared(store, &random, &stamp);
		if (r)
			die("a write failed: %s", splk_strerror(r));
		add(&shared->victim_ops);
	}
}

static void __attribute__((noreturn)) run_survivor(const char *spec)
{
	struct splk_store *store = open_store(spec, false);
	struct stamp stamp = { .writer = 2 };
	uint64_t random = 2;

	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED))
		add(write_shared(store, &random, &stamp) ? &shared->write_failed : &shared->writes);
	splk_close(store);
	_exit(0);
}

static void __attribute__((noreturn)) run_reader(const char *spec)
{
	static unsigned char value[SPL_VALUE_MAX];
	struct splk_store *store = open_store(spec, true);
	uint64_t random = 3, last[SHARED_KEYS] = { 0 };
	struct splk_meta meta;
	struct stamp stamp;
	struct record *r;
	char key[32];
	uint32_t i;
	bool good;
	long len;

	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		if (nr_records && random_below(&random, 2)) {
			r = &records[random_below(&random, nr_records)];
			len = splk_get(store, r->key, r->klen, value, sizeof(value), NULL);
			good = len == (long)r->vlen && !memcmp(value, r->value, r->vlen);
		} else {
			i = random_below(&random, SHARED_KEYS);
			len = splk_get(store, key, shared_key(key, i), value, sizeof(value), &meta);
			good = value_holds(value, len, value_max, i, &stamp) &&
			       meta.epoch >= last[i];
			last[i] = meta.epoch;
		}
		add(&shared->reads);
		if (!good)
			add(&shared->read_wrong);
	}
	splk_close(store);
	_exit(0);
}

/* Every n-th key that is there. */
static void take_records(struct splk_store *store, uint64_t live)
{
	uint64_t cursor = 0, step = live / RECORDS_MAX + 1, i;
	char key[SPL_KEY_MAX];
	void *value;
	long klen, vlen;

	for (i = 0; (klen = splk_next(store, &cursor, NULL, 0, key, sizeof(key), NULL)) > 0; i++) {
		struct record *r = &records[nr_records];

		if (i % step || klen > REAL_KEY_MAX || nr_records == RECORDS_MAX)
			continue;
		vlen = splk_get_alloc(store, key, klen, &value, NULL);
		must(vlen, "get");
		memcpy(r->key, key, klen);
		r->klen = klen;
		r->vlen = vlen;
		r->value = value;
		nr_records++;
	}
	must(klen, "next");
}

static void make_keys(struct splk_store *store)
{
	unsigned char value[VALUE_BYTES_MAX];
	struct stamp stamp = { 0 };
	char key[32];

	for (stamp.key = 0; stamp.key < SHARED_KEYS; stamp.key++)
		must(splk_set(store, key, shared_key(key, stamp.key), value,
			      value_make(value, value_max, &stamp), 0, NULL),
		     "set");
}

/* Every key of both writers that can't be read whole. */
static uint64_t nr_unreadable(struct splk_store *store)
{
	unsigned char value[VALUE_BYTES_MAX];
	uint64_t wrong = 0, i;
	struct stamp stamp;
	char key[32];
	void *copy;
	long len;

	for (i = 0; i < SHARED_KEYS; i++) {
		len = splk_get(store, key, shared_key(key, i), value, sizeof(value), NULL);
		wrong += !value_holds(value, len, value_max, i, &stamp);
	}
	for (i = 0; i < nr_records; i++) {
		len = splk_get_alloc(store, records[i].key, records[i].klen, &copy, NULL);
		wrong += len != (long)records[i].vlen || memcmp(copy, records[i].value, len) != 0;
		if (len >= 0)
			free(copy);
	}
	return wrong;
}

/*
 * One death. Most victims are writing; one in eight is still attaching or registering. Half of the rest live for less
 * than 64 us, so that the first operations after registration get their share. False: it ended by itself.
 */
static bool kill_one(const char *spec, int round, uint64_t *random)
{
	bool early = !random_below(random, 8);
	uint64_t from, delay_ns;
	int status;
	pid_t pid = fork_child();

	if (!pid)
		run_victim(spec, round);
	while (!early && __atomic_load_n(&shared->started, __ATOMIC_ACQUIRE) != round) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return false;
		usleep(50);
	}
	from = now_ns();
	delay_ns = random_below(random, random_below(random, 2) ? 64000 : 2000000);
	while (now_ns() - from < delay_ns)
		;
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

static void end_of(pid_t pid, const char *who)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die("the surviving %s ended badly", who);
}

/* Everything that a sound store at rest has none of, and keys that came or went by themselves. */
static uint64_t nr_leaked(struct splk_store *store, uint64_t live, bool tell)
{
	struct spl_check_counts c;
	struct splk_info info = { .size = sizeof(info) };
	uint64_t leaked;

	must(splk_check(store, 0, &c), "check");
	must(splk_info(store, &info), "info");
	leaked = c.tentative + c.dead + c.lanes_flight + c.lanes_lost + c.lanes_shared +
		 c.cells_bad + c.keys_twice + c.overflow_stale + c.overflow_missing + c.free_stale +
		 c.writers;
	leaked += c.live > live ? c.live - live : live - c.live;
	if (c.lanes_free + c.lanes_spare + c.live != info.lanes_total)
		leaked++;
	if (!tell && !leaked)
		return 0;
	result("check_live", c.live);
	result("check_free", c.lanes_free);
	result("check_spare", c.lanes_spare);
	result("check_total", info.lanes_total);
	result("check_under_way", c.tentative + c.dead + c.lanes_flight);
	result("check_lanes_lost", c.lanes_lost);
	result("check_lanes_shared", c.lanes_shared);
	result("check_cells_bad", c.cells_bad);
	result("check_keys_twice", c.keys_twice);
	result("check_overflow_bad", c.overflow_stale + c.overflow_missing);
	result("check_free_stale", c.free_stale);
	result("check_writers", c.writers);
	return leaked;
}

static void clean_up(struct splk_store *store)
{
	char key[32];
	uint32_t i;

	for (i = 0; i < SHARED_KEYS; i++)
		must(splk_delete(store, key, shared_key(key, i)), "delete");
	model_clean_up(store);
}

int main(int argc, char **argv)
{
	struct splk_reaped reaped = { .size = sizeof(reaped) }, sum = { 0 };
	uint64_t wrong = 0, midway = 0, leaked, live, random = 4, from;
	int i, kills = argc > 2 ? atoi(argv[2]) : 0, killed = 0, ended_early = 0;
	struct spl_check_counts check;
	struct splk_store *store;
	pid_t survivor, reader;

	if (argc != 3 || kills <= 0) {
		fprintf(stderr, "usage: demo-kill STORE KILLS\n");
		return 2;
	}
	store = open_store(argv[1], false);
	value_max = value_max_of(store);
	shared = shared_memory(sizeof(*shared));
	must(splk_reap(store, NULL), "reap");
	must(splk_check(store, 0, &check), "check");
	live = check.live;
	take_records(store, live);
	make_keys(store);
	model_begin(&shared->model, value_max);
	survivor = fork_child();
	if (!survivor)
		run_survivor(argv[1]);
	reader = fork_child();
	if (!reader)
		run_reader(argv[1]);

	from = now_ns();
	for (i = 1; i <= kills; i++) {
		if (!kill_one(argv[1], i, &random)) {
			wrong++;
			if (++ended_early == GIVE_UP)
				die("%d writers ended by themselves", GIVE_UP);
			continue;
		}
		killed++;
		midway += shared->model.key >= 0;
		/* Before anybody has repaired anything on demand, and after. */
		wrong += model_compare(&shared->model, store);
		must(splk_reap(store, &reaped), "reap");
		sum.writers += reaped.writers;
		sum.finished += reaped.finished;
		sum.undone += reaped.undone;
		wrong += model_compare(&shared->model, store);
		model_settle(&shared->model);
		if (i % 8 == 0 || i == kills)
			progress(i, kills);
	}
	from = now_ns() - from;
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
	end_of(survivor, "writer");
	end_of(reader, "reader");

	wrong += nr_unreadable(store) + shared->read_wrong + shared->write_failed;
	splk_unregister(store);
	must(splk_reap(store, &reaped), "reap");
	sum.writers += reaped.writers;
	leaked = nr_leaked(store, live + SHARED_KEYS + model_keys(&shared->model), true);
	clean_up(store);
	splk_unregister(store);
	leaked += nr_leaked(store, live, false);

	result("kills", killed);
	result("midway", midway);
	result("kill_ms", from / 1000000);
	result("victim_writes", shared->victim_ops);
	result("survivor_writes", shared->writes);
	result("survivor_reads", shared->reads);
	result("records", nr_records);
	result("keys", SHARED_KEYS + nr_records + MODEL_KEYS);
	result("asked_reaped", sum.writers);
	result("asked_finished", sum.finished);
	result("asked_undone", sum.undone);
	result("wrong", wrong);
	result("leaked", leaked);
	splk_close(store);
	return 0;
}
