// SPDX-License-Identifier: MIT
/* forks.c - a child goes on with its parent's handles, but never in its parent's name, however it was made. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "fixture.h"

static struct splk_store *s;

static pid_t by_fork(void)
{
	return fork();
}

/* Past every handler that fork() runs. */
static pid_t by_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

#define ROUNDS 20000

static int hammer(const char *key, size_t klen)
{
	uint64_t i;

	for (i = 0; i < ROUNDS; i++) {
		if (splk_set(s, key, klen, &i, sizeof(i), 0, NULL) ||
		    splk_math(s, KEY("shared"), SPLK_INC, 0, SPLK_MATH_CREATE, NULL))
			return 1;
		if (!(i % 100) && splk_delete(s, key, klen))
			return 1;
	}
	return 0;
}

static void both_write(pid_t (*make)(void), const char *how)
{
	uint64_t sum = 0;
	int idx = splk_register(s), bad, grandchild;
	pid_t pid;

	printf("# %s\n", how);
	splk_delete(s, KEY("shared"));
	pid = make();
	if (!pid) {
		if (splk_register(s) == idx || splk_register(s) < 0)
			_exit(2);
		if (hammer(KEY("child")))
			_exit(3);
		grandchild = make();
		if (!grandchild)
			_exit(splk_register(s) == idx || hammer(KEY("grandchild")) ? 4 : 0);
		if (wait_for(grandchild))
			_exit(5);
		splk_close(s); /* the child's own way out; the parent's handle stays */
		_exit(0);
	}
	bad = hammer(KEY("parent"));
	IS(wait_for(pid), 0, "child and grandchild write in cells of their own");
	IS(bad, 0, "the parent writes at the same time");
	IS(splk_register(s), idx, "and has kept its cell");
	splk_get(s, KEY("shared"), &sum, sizeof(sum), NULL);
	IS(sum, 3 * ROUNDS, "what all three count is complete");
	OK(splk_reap(s, NULL) == 0 && writers_now(s) == 1, "the children's cells come back");
	OK(sound(s), "the store is sound");
}

static void *forking_thread(void *unused)
{
	int i, bad = 0;
	pid_t pid;

	for (i = 0; i < 50; i++) {
		pid = fork();
		if (!pid)
			_exit(splk_set(s, KEY("f"), "1", 1, 0, NULL) || splk_delete(s, KEY("f")));
		bad += wait_for(pid) != 0;
	}
	return bad ? unused : &s;
}

static bool stop;

static void *coming_and_going(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		splk_set(s, KEY("g"), "1", 1, 0, NULL);
		splk_unregister(s);
	}
	return unused;
}

/* fork() may come while other threads hold whatever the library locks. */
static void among_threads(void)
{
	pthread_t forker, other[2];
	void *good;
	int i;

	for (i = 0; i < 2; i++)
		MUST(!pthread_create(&other[i], NULL, coming_and_going, NULL), "a thread");
	MUST(!pthread_create(&forker, NULL, forking_thread, NULL), "a thread");
	pthread_join(forker, &good);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(other[i], NULL);
	OK(good, "children of a process whose threads register all the time");
	splk_reap(s, NULL);
	OK(sound(s), "the store is sound");
}

int main(void)
{
	s = fresh(1000, 64);
	both_write(by_fork, "fork()");
	both_write(by_clone, "clone without fork handlers");
	among_threads();
	splk_close(s);
	return tap_done();
}
