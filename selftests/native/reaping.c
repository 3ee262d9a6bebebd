// SPDX-License-Identifier: MIT
/* selftest-timeout: 300 */
/*
 * reaping.c - P2: writers that are killed anywhere, threads that vanish, reapers that die, and holders of whom nothing can
 * be known. Every death leaves a store that is sound and lacks nothing but the dead.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "fixture.h"

static struct splk_store *s;
static struct spl_wcell *cells;

static struct splk_reaped reap(struct splk_store *store)
{
	struct splk_reaped r = { .size = sizeof(r) };
	int err = splk_reap(store, &r);

	if (err)
		printf("# reap: %s\n", splk_strerror(err));
	return r;
}

/* Values that show a tear: one byte, repeated, as many as the byte says. */
static void write_for_ever(unsigned int seed)
{
	unsigned char value[64];
	char key[16];
	size_t n, len;

	for (;;) {
		n = (size_t)sprintf(key, "k%d", rand_r(&seed) % 60);
		len = (size_t)(rand_r(&seed) % 64) + 1;
		memset(value, (int)len, len);
		switch (rand_r(&seed) % 8) {
		case 0:
			splk_delete(s, key, n);
			break;
		case 1:
			splk_math(s, KEY("count"), SPLK_INC, 0, SPLK_MATH_CREATE, NULL);
			break;
		case 2:
			splk_label_change(s, key, n, 1, 0, NULL);
			break;
		case 3:
			splk_append(s, KEY("log"), "x", 1, 0, NULL);
			if (splk_size(s, KEY("log")) == 64)
				splk_delete(s, KEY("log"));
			break;
		default:
			splk_set(s, key, n, value, len, 0, NULL);
		}
	}
}

static int torn(void)
{
	char key[64];
	unsigned char value[64];
	uint64_t cursor = 0;
	long klen, vlen, i, bad = 0;

	while ((klen = splk_next(s, &cursor, "k", 1, key, sizeof(key), NULL)) > 0) {
		vlen = splk_get(s, key, (size_t)klen, value, sizeof(value), NULL);
		bad += vlen < 1;
		for (i = 0; i < vlen; i++)
			bad += value[i] != vlen;
	}
	return (int)bad + (klen < 0);
}

static void killed(int kills)
{
	struct splk_stats stats = { .size = sizeof(stats) };
	int i, bad_keys = 0, unsound = 0, missed = 0, finished = 0, undone = 0;
	unsigned int seed = 1;
	struct splk_reaped r;
	pid_t pid[2];

	for (i = 0; i < kills; i++) {
		for (int k = 0; k < 2; k++) {
			pid[k] = fork();
			if (!pid[k])
				write_for_ever(seed + (unsigned int)(2 * i + k));
		}
		nap_us(500 + rand_r(&seed) % 3000);
		kill(pid[0], SIGKILL);
		nap_us(rand_r(&seed) % 300);
		/* The second goes on while the first is repaired, half of the time. */
		if (i % 2)
			kill(pid[1], SIGKILL);
		wait_for(pid[0]);
		r = reap(s);
		finished += (int)r.finished;
		undone += (int)r.undone;
		kill(pid[1], SIGKILL);
		wait_for(pid[1]);
		r = reap(s);
		finished += (int)r.finished;
		undone += (int)r.undone;
		missed += writers_now(s) != 0;
		bad_keys += torn();
		unsound += !sound(s);
	}
	printf("# %d killed, %d of their operations finished, %d undone\n", 2 * kills, finished,
	       undone);
	IS(missed, 0, "every dead writer is found");
	IS(bad_keys, 0, "every key reads, whole");
	IS(unsound, 0, "the store is sound after each death");
	splk_stats(s, &stats);
	OK(stats.reap >= (uint64_t)kills, "statistics count them");
}

static void zombie(void)
{
	struct splk_reaped r;
	pid_t pid = fork();

	if (!pid) {
		splk_set(s, KEY("z"), "1", 1, 0, NULL);
		kill(getpid(), SIGKILL);
	}
	siginfo_t info;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	r = reap(s);
	IS(r.writers, 1, "a dead process that nobody has waited for is dead");
	wait_for(pid);
}

/* Statistics tell the dead from the living; what opening a handle reaps is the first reap's through it to tell. */
static void told(void)
{
	struct splk_stats stats = { .size = sizeof(stats) };
	struct splk_store *other;
	struct splk_reaped r;
	pid_t pid = fork();

	if (!pid) {
		splk_set(s, KEY("t"), "1", 1, 0, NULL);
		kill(getpid(), SIGKILL);
	}
	wait_for(pid);
	splk_set(s, KEY("t"), "2", 1, 0, NULL);
	MUST(!splk_stats(s, &stats), "statistics");
	IS(stats.writers, 2, "two cells are in use");
	IS(stats.dead, 1, "one of them by a dead writer");
	splk_unregister(s);
	MUST(!splk_attach_fd(splk_fd(s), NULL, &other), "another handle");
	MUST(!splk_stats(s, &stats), "statistics");
	IS(stats.dead, 0, "opening it reaped");
	r = reap(other);
	IS(r.writers, 1, "which the first reap tells");
	r = reap(other);
	IS(r.writers, 0, "once");
	splk_close(other);
}

static void *vanish(void *unused)
{
	splk_set(s, KEY("v"), "1", 1, 0, NULL);
	syscall(SYS_exit, 0); /* no destructors */
	return unused;
}

static void dead_thread(void)
{
	pthread_t thread;
	struct splk_reaped r;

	MUST(!pthread_create(&thread, NULL, vanish, NULL), "a thread");
	pthread_join(thread, NULL);
	nap_us(20000); /* the join may come before the last of the thread */
	IS(writers_now(s), 1, "a thread that vanishes leaves its cell");
	r = reap(s);
	IS(r.writers, 1, "and is found dead, though its process lives");
	IS(writers_now(s), 0, "the cell is free");
}

/* What a thread that vanished had registered is dropped with the handle, not taken from whoever has the cell now. */
static void after_a_vanished_thread(void)
{
	struct splk_store *mine = NULL, *other = NULL, *old = s;
	struct splk_options options = options_for(64, 64);
	pthread_t thread;
	int idx;

	options.geometry.max_writers = 1;
	mine = s = fresh_with(&options);
	MUST(!splk_attach_fd(splk_fd(s), NULL, &other), "attach");
	MUST(!pthread_create(&thread, NULL, vanish, NULL), "a thread");
	pthread_join(thread, NULL);
	nap_us(20000);
	idx = splk_register(other);
	IS(idx, 0, "its cell goes to another handle");
	splk_close(mine);
	IS(writers_now(other), 1, "which keeps it when the first is closed");
	IS(splk_set(other, KEY("k"), "1", 1, 0, NULL), 0, "and goes on writing");
	splk_unregister(other);
	s = other;
	IS(splk_register(s), 0, "a new thread's turn");
	splk_close(other);
	s = old;
}

/* This thread's own words, as the library makes them. */
static void my_words(uint64_t *lo, uint64_t *hi)
{
	int idx = splk_register(s);

	MUST(idx >= 0, "a writer cell");
	*lo = cells[idx].owner;
	*hi = cells[idx].owner_start;
	splk_unregister(s);
}

static struct splk_reaped with_holder(uint64_t lo, uint64_t hi)
{
	struct splk_reaped r;

	cells[5].owner = lo;
	cells[5].owner_start = hi;
	r = reap(s);
	cells[5].owner = 0;
	cells[5].owner_start = 0;
	return r;
}

#define START(n) ((uint64_t)(n) << 22)
#define REAPING (1ULL << 62)

static void identities(void)
{
	uint64_t lo, hi, no_tid;
	struct splk_reaped r;
	pid_t gone = fork();

	if (!gone)
		_exit(0);
	wait_for(gone);
	my_words(&lo, &hi);
	no_tid = lo & ~((1ULL << 22) - 1);
	r = with_holder(lo, hi);
	OK(r.alive == 1 && !r.writers, "a living holder is left alone");
	r = with_holder(lo | REAPING, hi);
	OK(r.alive == 1 && !r.writers, "a living reaper, too");
	r = with_holder(lo ^ START(1), hi);
	IS(r.writers, 1, "an id that belongs to a later thread by now: dead");
	r = with_holder(lo ^ START(1) ^ REAPING, hi);
	IS(r.writers, 1, "a reaper that died is taken over");
	r = with_holder(no_tid | (uint64_t)gone, hi);
	IS(r.writers, 1, "no such thread: dead");
	r = with_holder((no_tid & ~START((1ULL << 40) - 1)) | (lo & ((1ULL << 22) - 1)), hi);
	OK(r.alive == 1 && !r.writers, "start time not known, thread there: alive");
	r = with_holder(lo, hi ^ 1ULL << 40);
	IS(r.writers, 1, "another boot: dead");
	r = with_holder(no_tid | (uint64_t)gone, hi ^ 1);
	OK(r.unknown == 1 && !r.writers, "another namespace: not known, left alone");
	r = with_holder(12345, 0);
	OK(r.unknown == 1 && !r.writers, "garbage: not known, left alone");
	r = with_holder(no_tid, hi);
	OK(r.unknown == 1 && !r.writers, "no thread id: not known, left alone");
}

static void on_demand(void)
{
	struct splk_options options = options_for(100, 64);
	struct splk_store *small, *again = NULL;
	int i, bad = 0;
	pid_t pid;

	options.geometry.max_writers = 2;
	small = fresh_with(&options);
	for (i = 0; i < 50; i++) {
		pid = fork();
		if (!pid) {
			if (splk_set(small, KEY("k"), "1", 1, 0, NULL))
				_exit(1);
			kill(getpid(), SIGKILL);
		}
		bad += wait_for(pid) != 1000 + SIGKILL;
	}
	IS(bad, 0, "fifty writers die in two cells: registering reaps");
	OK(writers_now(small) > 0, "the last is still in its cell");
	MUST(!splk_attach_fd(splk_fd(small), NULL, &again), "attach");
	IS(writers_now(again), 0, "opening for writing reaps it");
	splk_close(again);
	splk_close(small);
}

static void other_namespace(void)
{
	int up[2], down[2], status;
	struct splk_reaped r;
	char c = 0;
	pid_t pid;

	MUST(!pipe(up) && !pipe(down), "pipes");
	pid = fork();
	if (!pid) {
		close(up[0]);
		close(down[1]);
		if (unshare(CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWPID))
			_exit(77);
		pid = fork();
		if (!pid) {
			c = splk_set(s, KEY("ns"), "1", 1, 0, NULL) ? 'n' : 'y';
			if (write(up[1], &c, 1) != 1 || read(down[0], &c, 1) < 0)
				_exit(1);
			splk_close(s);
			_exit(0);
		}
		_exit(wait_for(pid));
	}
	close(up[1]);
	close(down[0]);
	if (read(up[0], &c, 1) == 1) {
		IS(c, 'y', "a thread of another pid namespace writes");
		r = reap(s);
		OK(r.unknown == 1 && !r.writers, "from here nothing is known of it: left alone");
	} else {
		SKIP("a thread of another pid namespace", "no namespaces here");
	}
	close(down[1]);
	status = wait_for(pid);
	if (status != 77) {
		IS(status, 0, "it ends");
		IS(writers_now(s), 0, "and has given its cell back itself");
	}
	close(up[0]);
}

int main(void)
{
	struct splk_options options = options_for(60, 64);

	options.geometry.lanes = 64;
	s = fresh_with(&options);
	cells = raw_cells(s);
	identities();
	zombie();
	told();
	dead_thread();
	after_a_vanished_thread();
	on_demand();
	other_namespace();
	killed(400);
	splk_close(s);
	return tap_done();
}
