// SPDX-License-Identifier: MIT
/*
 * pair.c - two processes on two CPUs with keys of their own, and one hot key between a writer and a reader. The two CPUs
 * may be halves of one core, so a speed-up stands beside that of the floor's loop.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define KEYS 10000
#define BYTES 64
#define TRIALS 20
#define TRIAL_NS 5e5

enum task { GET, SET, FLOOR_GET, FLOOR_SET, SERIAL_SET, LOOSE_SET, ROW_SET, WRITE_HOT, TASKS };

/* Between the two processes. The helper sleeps in a pipe, so that who is alone has the core alone. */
static struct shared {
	int task;
	uint64_t ops;
	int ready, go, done, stop;
	double took;
	long lost;
} * shared;

static struct bench_store b;
static struct work mine, theirs;
static struct spl_writer their_writer;
static int to_helper[2], from_helper[2];
static pid_t helper;
static uint64_t ops_of[TASKS];

static void (*const tasks[])(void *, uint64_t) = {
	[GET] = data_get,
	[SET] = data_set,
	[FLOOR_GET] = floor_get,
	[FLOOR_SET] = floor_set,
	[SERIAL_SET] = data_set_serial,
	[LOOSE_SET] = floor_set_loose,
	[ROW_SET] = floor_set_row,
};

static long preemptions(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return use.ru_nivcsw;
}

static void wait_for(int *flag)
{
	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
}

static void tell(int *flag, int value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

static void write_hot(void)
{
	const struct key16 *key = &mine.q.keys[0];

	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE))
		if (spl_set(&their_writer, key->b, KEY_BYTES, theirs.values, BYTES, 0, NULL) < 0)
			_exit(1);
}

static void help(void)
{
	double began;
	long lost;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(to_helper[1]); /* so that its end is seen */
	pin(cpu_other());
	while (read(to_helper[0], &c, 1) == 1) {
		if (shared->task != WRITE_HOT)
			tasks[shared->task](&theirs, shared->ops);
		lost = preemptions();
		tell(&shared->ready, 1);
		wait_for(&shared->go);
		began = now_ns();
		if (shared->task == WRITE_HOT)
			write_hot();
		else
			tasks[shared->task](&theirs, shared->ops);
		shared->took = now_ns() - began;
		shared->lost = preemptions() - lost;
		tell(&shared->done, 1);
		if (write(from_helper[1], "", 1) != 1)
			break;
	}
	_exit(0);
}

static void begin_both(enum task task)
{
	shared->task = task;
	shared->ops = ops_of[task];
	shared->ready = shared->go = shared->done = shared->stop = 0;
	if (write(to_helper[1], "", 1) != 1)
		die("the second process is gone");
	if (task != WRITE_HOT)
		tasks[task](&mine, shared->ops);
	wait_for(&shared->ready);
	tell(&shared->go, 1);
}

static void end_both(void)
{
	char c;

	if (read(from_helper[0], &c, 1) != 1)
		die("the second process is gone");
}

/* ns for an operation, of both together: half of what each takes, if they don't disturb each other. */
static double both(enum task task)
{
	double began, took, best = 0, cost;
	long lost;
	int i;

	for (i = 0; i < TRIALS; i++) {
		lost = preemptions();
		begin_both(task);
		began = now_ns();
		tasks[task](&mine, ops_of[task]);
		took = now_ns() - began;
		lost = preemptions() - lost;
		end_both();
		cost = 1 / ((double)ops_of[task] / took + (double)ops_of[task] / shared->took);
		if (!lost && !shared->lost)
			return cost;
		best = !best || cost < best ? cost : best;
	}
	return best;
}

static double alone(enum task task)
{
	double began, took = 0, best = 0;
	long lost;
	int i;

	/* All of them: lines that the other process left in its cache are to be here again. */
	tasks[task](&mine, ops_of[task]);
	for (i = 0; i < TRIALS; i++) {
		lost = preemptions();
		began = now_ns();
		tasks[task](&mine, ops_of[task]);
		took = (now_ns() - began) / (double)ops_of[task];
		best = !best || took < best ? took : best;
		if (preemptions() == lost)
			return took;
	}
	return best;
}

struct trial {
	struct subject *subject;
	enum task task;
	bool both;
};

static void run_trial(void *context, uint64_t ops)
{
	struct trial *t = context;

	(void)ops;
	t->subject->told_ns = t->both ? both(t->task) : alone(t->task);
}

/* How many of a hundred looks at a key that is being written all the time succeed at once. */
static void read_hot(void *context, uint64_t ops)
{
	const struct key16 *key = &mine.q.keys[0];
	struct spl_store *s = &b.s;
	uint64_t i, n = 20000, good = 0, hash = spl_hash(s, key->b, KEY_BYTES);
	struct trial *t = context;

	(void)ops;
	begin_both(WRITE_HOT);
	for (i = 0; i < n; i++)
		good += spl_get_once(s, hash, key->b, KEY_BYTES, mine.buf, BYTES, NULL) == BYTES;
	tell(&shared->stop, 1);
	end_both();
	t->subject->told_ns = 100.0 * (double)good / (double)n;
}

static void make(void)
{
	double took;
	int i;

	store_make(&b, KEYS, BYTES, PAGES_SHARED);
	work_make(&mine, &b, UNIFORM, 8, EVEN);
	work_make(&theirs, &b, UNIFORM, 9, ODD);
	seq_addresses(&mine.q);
	seq_addresses(&theirs.q);
	if (spl_writer_init(&their_writer, &b.s, 1))
		die("no second writer");
	theirs.writer = &their_writer;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED || pipe(to_helper) || pipe(from_helper))
		die("no second process: %s", strerror(errno));
	for (i = 0; i < WRITE_HOT; i++) {
		tasks[i](&mine, 1 << 15);
		took = now_ns();
		tasks[i](&mine, 1 << 15);
		took = (now_ns() - took) / (1 << 15);
		ops_of[i] = (uint64_t)(TRIAL_NS / took) + 64;
	}
	fflush(stdout);
	helper = fork();
	if (helper < 0)
		die("fork: %s", strerror(errno));
	if (!helper)
		help();
}

void section_pair(void)
{
	static struct trial trials[2 * TASKS + 1];
	struct group g = { .name = "two processes" };
	int one[TASKS], two[TASKS], hot, i;
	struct figure *f;

	for (i = 0; i < WRITE_HOT; i++) {
		one[i] = group_subject(&g, "", run_trial, &trials[2 * i]);
		two[i] = group_subject(&g, "", run_trial, &trials[2 * i + 1]);
	}
	hot = group_subject(&g, "", read_hot, &trials[2 * TASKS]);
	for (i = GET; i <= SET; i++) {
		f = group_figure(&g, i == GET ? "two processes, get" : "two processes, set", two[i],
				 one[i], SPEEDUP, 0.97, "one; ratio: speed-up/floor's");
		f->one = one[FLOOR_GET + i];
		f->both = two[FLOOR_GET + i];
	}
	f = group_figure(&g, "two processes, set, each after the one before", two[SERIAL_SET],
			 one[SERIAL_SET], SPEEDUP, 0, "one; ratio: speed-up/floor's");
	f->one = one[FLOOR_SET];
	f->both = two[FLOOR_SET];
	group_figure(&g, "floor of two processes, set, overlapping", two[LOOSE_SET], one[LOOSE_SET],
		     GAIN, 0, "one; ratio: speed-up");
	group_figure(&g, "floor of two processes, set, by addresses", two[ROW_SET], one[ROW_SET],
		     GAIN, 0, "one; ratio: speed-up");
	group_figure(&g, "floor of two processes, get", two[FLOOR_GET], one[FLOOR_GET], GAIN, 0,
		     "one; ratio: speed-up");
	group_figure(&g, "floor of two processes, set", two[FLOOR_SET], one[FLOOR_SET], GAIN, 0,
		     "one; ratio: speed-up");
	group_figure(&g, "hot key: reads without a retry", hot, -1, SHARE, 0,
		     "of one reader, while one writes all the time");
	if (!group_wanted(&g))
		return;
	if (cpu_mine() == cpu_other())
		return report_skip("two processes, hot key", "one CPU only");
	for (i = 0; i < g.nr_subjects; i++) {
		struct trial *t = g.subjects[i].context;

		t->subject = &g.subjects[i];
		t->task = (enum task)(i / 2);
		t->both = i % 2;
		g.subjects[i].once = true;
	}
	make();
	printf("pages:    two processes: %s\n", b.pages);
	group_run(&g);
	close(to_helper[1]);
	waitpid(helper, NULL, 0);
	work_drop(&mine);
	work_drop(&theirs);
	store_drop(&b);
}
