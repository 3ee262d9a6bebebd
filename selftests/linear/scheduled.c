// SPDX-License-Identifier: MIT
/*
 * scheduled.c - workers as tasks of one process: at every access to shared memory a random scheduler says who goes on,
 * who is killed, and when whose death is repaired. All follows from the seed, so that a failure replays exactly. What it
 * can't show is what a machine does besides taking turns; processes.c's workers run for themselves.
 *
 * Two kinds of schedules: turns taken at random, rarely or often; and priorities that change at few random points, after
 * S. Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs" (ASPLOS 2010).
 */
#include <ucontext.h>

#include "script.h"

#define TASKS_MAX (4 * WORKERS_MAX)
#define STACK_BYTES (64 << 10)
#define POINTS_MAX 2000000
#define CHANGES_MAX 8

struct task {
	ucontext_t context;
	struct script script;
	struct record rec;
	uint64_t dead_at; /* stamp by which a dead one had been reaped */
	uint32_t idx; /* writer cell */
	uint32_t nr_ops;
	uint32_t priority;
	int dead_task; /* of a reaper: whom it reaps */
	bool runnable;
	bool reaper;
};

static struct task tasks[TASKS_MAX];
static char stacks[TASKS_MAX][STACK_BYTES] __attribute__((aligned(64)));
static ucontext_t home;
static int nr_tasks, current;
static struct rawstore raw;
static uint64_t clock_word;
static uint64_t x;
static const struct config *config;
static struct names names;
static uint32_t points, one_in, changes[CHANGES_MAX], nr_kills, kill_at[WORKERS_MAX];
static bool by_priority;

static void task_main(int nr);

static struct task *task_new(uint32_t idx, bool reaper)
{
	struct task *t = &tasks[nr_tasks];

	MUST(nr_tasks < TASKS_MAX, "a task");
	t->rec.nr = 0;
	t->dead_at = 0;
	t->idx = idx;
	t->nr_ops = config->ops;
	t->priority = (uint32_t)(random_next(&x) >> 40) + 1000;
	t->runnable = true;
	t->reaper = reaper;
	MUST(!getcontext(&t->context), "a context");
	t->context.uc_stack.ss_sp = stacks[nr_tasks];
	t->context.uc_stack.ss_size = STACK_BYTES;
	t->context.uc_link = NULL;
	makecontext(&t->context, (void (*)(void))task_main, 1, nr_tasks);
	nr_tasks++;
	return t;
}

/* Who runs next; -1: nobody is left. */
static int choose(void)
{
	int i, best = -1, nr = 0;

	for (i = 0; i < nr_tasks; i++) {
		if (!tasks[i].runnable)
			continue;
		nr++;
		if (by_priority) {
			if (best < 0 || tasks[i].priority > tasks[best].priority)
				best = i;
		} else if (!((random_next(&x) >> 33) % (uint32_t)nr)) {
			best = i;
		}
	}
	return best;
}

static void switch_away(void)
{
	int was = current, next = choose();

	if (next == was)
		return;
	totals.switches++;
	current = next;
	if (next < 0)
		swapcontext(&tasks[was].context, &home);
	else
		swapcontext(&tasks[was].context, &tasks[next].context);
}

static void die(void)
{
	struct task *t = &tasks[current], *r;

	t->runnable = false;
	r = task_new(t->idx, true);
	r->dead_task = t->reaper ? t->dead_task : current;
	totals.kills++;
	switch_away();
	abort(); /* the dead don't come back */
}

static void scheduled_point(void)
{
	uint32_t i;

	if (++points > POINTS_MAX) {
		printf("# wedged: %d accesses and no end, seed %llu\n", POINTS_MAX,
		       (unsigned long long)config->seed);
		exit(1);
	}
	for (i = 0; i < nr_kills; i++)
		if (points == kill_at[i] && nr_tasks < TASKS_MAX - 2)
			die();
	if (!by_priority) {
		if (!((random_next(&x) >> 33) % one_in))
			switch_away();
		return;
	}
	for (i = 0; i < CHANGES_MAX; i++) {
		if (points == changes[i]) {
			tasks[current].priority = CHANGES_MAX - i;
			switch_away();
		}
	}
}

static void reap(struct task *t)
{
	struct spl_reap_counts counts = { 0 };
	struct task *heir;

	MUST(!spl_reap_writer(&raw.s, t->idx, &counts), "a writer to reap");
	tasks[t->dead_task].dead_at = stamp(&clock_word);
	totals.reaps++;
	if (random_next(&x) >> 63) {
		heir = task_new(t->idx, false);
		heir->nr_ops = 3;
	}
}

static void work(struct task *t)
{
	struct script *c = &t->script;

	memset(c, 0, sizeof(*c));
	c->s = &raw.s;
	c->clock = &clock_word;
	c->rec = &t->rec;
	c->names = &names;
	c->config = config;
	c->who = t->idx;
	c->x = mix_seed(config->seed, (uint64_t)(t - tasks) + 10);
	c->made = (uint32_t)(t - tasks) * 20;
	writer_of(&c->w, &raw, t->idx);
	script_run(c, t->nr_ops);
}

static void task_main(int nr)
{
	struct task *t = &tasks[nr];

	if (t->reaper)
		reap(t);
	else
		work(t);
	t->runnable = false;
	switch_away();
	abort();
}

static void schedule_choose(void)
{
	static const uint32_t rates[] = { 1, 2, 4, 8, 20, 50 };
	uint32_t i, length = config->workers * config->ops * 30,
		    nr = (uint32_t)(random_next(&x) >> 61);

	by_priority = random_next(&x) >> 63;
	one_in = rates[(random_next(&x) >> 33) % 6];
	for (i = 0; i < CHANGES_MAX; i++)
		changes[i] = i <= nr ? 1 + (uint32_t)(random_next(&x) >> 33) % length : 0;
	nr_kills = config->kills;
	for (i = 0; i < nr_kills; i++)
		kill_at[i] = 1 + (uint32_t)(random_next(&x) >> 33) % length;
}

static void run_all(void)
{
	ucontext_t *first;

	points = 0;
	current = choose();
	first = &tasks[current].context;
	point_hook = scheduled_point;
	swapcontext(&home, first);
	point_hook = NULL;
}

/* The store is fresh for each history: a seed says all. */
void scheduled_group(const struct config *c)
{
	static struct state start[KEYS_MAX];
	static struct history h;
	uint32_t i;

	config = c;
	x = mix_seed(c->seed, 1);
	rawstore_make(&raw, c->lanes, VALUE_MAX, 8, c->workers, c->spares);
	names_choose(&names, &raw.s, c->keys, mix_seed(c->seed, 2));
	schedule_choose();
	clock_word = 1;
	nr_tasks = 0;
	for (i = 0; i < c->workers; i++)
		task_new(i, false);
	run_all();
	h.nr = 0;
	for (i = 0; i < (uint32_t)nr_tasks; i++)
		history_add(&h, &tasks[i].rec, tasks[i].dead_at);
	script_last_look(&h, &raw.s, &names, c->keys, &clock_word);
	memset(start, 0, sizeof(start));
	judge(&h, c, start, &raw);
	rawstore_drop(&raw);
}
