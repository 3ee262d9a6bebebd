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
#define LOOK_US 50000
/* One operation may cost a process so much of its own time, which stands still while it has no processor; */
#define LATE_CPU_NS 10000000000ULL
/* and be seen under way in so many looks: a process that sleeps costs nothing. */
#define LATE_LOOKS 1200U

static struct world w;
static struct record doing;

/**
 * struct line - what a child tells; it alone writes
 * @turn: odd while an operation is under way; rises with its begin and its end
 * @kind: of the operation under way, or the last
 * @worst: kind of the longest
 * @worst_ns: how long that took
 */
struct line {
	uint64_t turn;
	uint32_t kind;
	uint32_t worst;
	uint64_t worst_ns;
};

static struct {
	struct line line[CHILDREN];
	int over; /* set once: each ends the operation that it is in, and exits */
} * shared;

/**
 * struct child - what the supervisor knows of a child
 * @pid: of the process; 0: it has ended
 * @turn: as last seen
 * @cpu_ns: the process's own time when that turn was first seen
 * @looks: at that turn
 */
static struct child {
	pid_t pid;
	uint64_t turn;
	uint64_t cpu_ns;
	uint32_t looks;
} children[CHILDREN];

static const char *const names[CHILDREN] = { "scribbler", "reader", "writer", "writer",
					     "writer, reaper, checker" };

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		return 0;
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

static void begin(struct line *l, uint32_t kind)
{
	__atomic_store_n(&l->kind, kind, __ATOMIC_RELAXED);
	__atomic_store_n(&l->turn, l->turn + 1,
			 __ATOMIC_RELEASE); /* kind before turn: see is_late() */
}

static void end(struct line *l)
{
	__atomic_store_n(&l->turn, l->turn + 1, __ATOMIC_RELEASE);
}

/* Child 0 scribbles; 1 reads; the others have a writer each, and the last of them reaps itself and checks. */
__attribute__((noreturn)) static void work(uint32_t me)
{
	uint64_t x = 0x1234567ULL * (me + 1) ^ now_ns(CLOCK_MONOTONIC), began, took;
	struct line *mine = &shared->line[me];
	struct record r;

	while (!__atomic_load_n(&shared->over, __ATOMIC_RELAXED)) {
		r = some(&x);
		if (!me) {
			begin(mine, r.kind);
			garble(&w, &r);
			end(mine);
			continue;
		}
		r.kind %= me == 1 ? FIRST_WRITE : OP_KINDS;
		if (me + 1 != CHILDREN && (r.kind == OP_REAP || r.kind == OP_CHECK))
			continue;
		r.c = (uint8_t)(me == 1 ? 0 : me - 2);
		doing = r;
		began = now_ns(CLOCK_MONOTONIC);
		begin(mine, r.kind);
		op_run(&w, &r);
		end(mine);
		took = now_ns(CLOCK_MONOTONIC) - began;
		if (took > mine->worst_ns) {
			mine->worst_ns = took;
			mine->worst = r.kind;
		}
	}
	_exit(0);
}

static uint64_t cpu_ns(pid_t pid)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) ? 0 : now_ns(clock);
}

/*
 * The same operation at two looks, and how much the process has worked between them. Both readings of its clock are
 * ours, one after the other: no reading of another process is subtracted from them, which may be the newer one.
 */
static bool is_late(struct child *c, const struct line *l)
{
	uint64_t turn = __atomic_load_n(&l->turn, __ATOMIC_ACQUIRE), cpu = cpu_ns(c->pid);

	if (!(turn & 1) || turn != c->turn) {
		c->turn = turn;
		c->cpu_ns = cpu;
		c->looks = 0;
		return false;
	}
	return ++c->looks > LATE_LOOKS || cpu > c->cpu_ns + LATE_CPU_NS;
}

/* One look at each child that hasn't ended; false: one died, or what it does takes too long. */
static bool look(void)
{
	bool over = __atomic_load_n(&shared->over, __ATOMIC_RELAXED);
	int i, status;

	for (i = 0; i < CHILDREN; i++) {
		struct child *c = &children[i];
		const struct line *l = &shared->line[i];

		if (!c->pid)
			continue;
		if (waitpid(c->pid, &status, WNOHANG)) {
			c->pid = 0;
			if (over && !status)
				continue;
			printf("# %s: died in an operation of kind %u: status %#x\n", names[i],
			       l->kind, (unsigned int)status);
			return false;
		}
		if (is_late(c, l)) {
			printf("# %s: hangs in an operation of kind %u, after %llu others\n",
			       names[i], l->kind, (unsigned long long)l->turn / 2);
			return false;
		}
	}
	return true;
}

static bool all_ended(void)
{
	int i;

	for (i = 0; i < CHILDREN; i++)
		if (children[i].pid)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	uint64_t until = now_ns(CLOCK_MONOTONIC) +
			 (argc > 1 ? strtoull(argv[1], NULL, 0) : 5) * 1000000000ULL;
	bool good = true, busy = true;
	uint32_t i;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	MUST(shared != MAP_FAILED && !world_make(&w, STORE, true), "a store");
	w.tainted = true; /* as it will be for all of them */
	fflush(stdout);
	for (i = 0; i < CHILDREN; i++) {
		children[i].pid = fork();
		MUST(children[i].pid >= 0, "a child");
		if (!children[i].pid)
			work(i);
	}
	while (good && !all_ended()) {
		usleep(LOOK_US);
		if (now_ns(CLOCK_MONOTONIC) >= until)
			__atomic_store_n(&shared->over, 1, __ATOMIC_RELAXED);
		good = look();
	}
	for (i = 0; i < CHILDREN; i++)
		if (children[i].pid)
			kill(children[i].pid, SIGKILL);
	while (wait(NULL) > 0)
		;
	for (i = 0; i < CHILDREN; i++) {
		printf("# %s: %llu operations, the longest %.3f s (kind %u)\n", names[i],
		       (unsigned long long)shared->line[i].turn / 2,
		       (double)shared->line[i].worst_ns * 1e-9, shared->line[i].worst);
		busy = busy && shared->line[i].turn / 2 > 100;
	}
	OK(good, "every operation ended with a value or an error");
	OK(busy, "all were at work");
	op_mend(&w); /* dies if it can't */
	OK(true, "the store is mended");
	return tap_done();
}
