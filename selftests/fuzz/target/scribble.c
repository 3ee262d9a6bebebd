// SPDX-License-Identifier: MIT
/*
 * scribble.c - one process writes at full speed what garble.c knows while others read, write, reap and check; all of them
 * end every operation, soon, with a value or an error. Then the store is mended.
 *
 *	scribble [SECONDS]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "world.h"

#define FIRST_WRITE 9U
#define STORE 3 /* of a geometry with three writers */
#define CHILDREN 5
#define LATE_NS 10000000000ULL /* what takes longer hangs; a busy machine alone doesn't do that */

static struct world w;
static struct record doing;

/**
 * struct line - what a child tells
 * @ops: operations so far
 * @began_ns: when the one under way began
 * @worst_ns: the longest
 * @worst: its kind
 */
static struct line {
	volatile uint64_t ops;
	volatile uint64_t began_ns;
	volatile uint64_t worst_ns;
	volatile uint32_t worst;
} * line;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

void fuzz_broken(const char *what, long result)
{
	printf("# broken: operation %u (a %u b %u c %u v %u): %s: %ld\n", doing.kind, doing.a,
	       doing.b, doing.c, doing.v, what, result);
	fflush(stdout);
	abort();
}

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545F4914F6CDD1DULL >> 8;
}

static struct record some(uint64_t *x)
{
	uint64_t bits = next(x) << 32 ^ next(x);
	struct record r;

	memcpy(&r, &bits, sizeof(r));
	return r;
}

/* Child 0 scribbles; 1 reads; the others have a writer each, and the last of them reaps itself and checks. */
static void child(uint32_t me)
{
	uint64_t x = 0x1234567ULL * (me + 1) ^ now_ns(), end;
	struct line *mine = &line[me];
	struct record r;

	for (;;) {
		r = some(&x);
		mine->ops++;
		if (!me) {
			garble(&w, &r);
			continue;
		}
		r.kind = (uint8_t)(me == 1 ? r.kind % FIRST_WRITE
					   : r.kind % (me + 1 == CHILDREN ? OP_KINDS
									  : OP_KINDS - 2));
		r.c = (uint8_t)(me == 1 ? 0 : me - 2);
		doing = r;
		mine->began_ns = now_ns();
		op_run(&w, &r);
		end = now_ns();
		if (end - mine->began_ns > mine->worst_ns) {
			mine->worst_ns = end - mine->began_ns;
			mine->worst = r.kind;
		}
	}
}

static bool all_move(const pid_t *pid, const char **why)
{
	int i, status;

	for (i = 0; i < CHILDREN; i++) {
		if (waitpid(pid[i], &status, WNOHANG)) {
			*why = "died";
			return false;
		}
		if (i && line[i].began_ns && now_ns() - line[i].began_ns > LATE_NS) {
			*why = "hangs";
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	uint64_t end = now_ns() + (argc > 1 ? strtoull(argv[1], NULL, 0) : 5) * 1000000000ULL;
	static const char *const names[] = { "scribbler", "reader", "writer", "writer",
					     "writer, reaper, checker" };
	const char *why = "";
	pid_t pid[CHILDREN];
	bool good = true;
	uint32_t i;

	line = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(line != MAP_FAILED && !world_make(&w, STORE, true), "a store");
	fflush(stdout);
	for (i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		if (!pid[i])
			child(i);
	}
	while (good && now_ns() < end) {
		usleep(50000);
		good = all_move(pid, &why);
	}
	for (i = 0; i < CHILDREN; i++)
		kill(pid[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	for (i = 0; i < CHILDREN; i++)
		printf("# %s: %llu operations, the longest %.3f s (kind %u)\n", names[i],
		       (unsigned long long)line[i].ops, (double)line[i].worst_ns * 1e-9,
		       line[i].worst);
	OK(good, "every operation ended with a value or an error %s", why);
	for (i = 0; i < CHILDREN; i++)
		good = good && line[i].ops > 100;
	OK(good, "all were at work");
	w.tainted = true;
	op_mend(&w); /* dies if it can't */
	OK(true, "the store is mended");
	return tap_done();
}
