// SPDX-License-Identifier: MIT
/*
 * processes.c - workers as processes that run for themselves, on one core, two or as the kernel likes, some killed in the
 * middle. A group of histories goes on in one store, so that lanes and generations are used again and again.
 */
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "script.h"

#define DEADLINE_S 60

/* Shared with the workers; each part has lines of its own. */
struct shared {
	uint64_t clock __attribute__((aligned(128)));
	uint32_t round __attribute__((aligned(128)));
	uint32_t arrived __attribute__((aligned(128)));
	struct {
		uint32_t done __attribute__((aligned(128))); /* last round */
		uint32_t kill_point; /* kill yourself at this point; 0: don't */
		struct record rec;
	} worker[WORKERS_MAX];
};

static struct shared *shared;
static struct rawstore raw;
static struct names names;
static pid_t pid[WORKERS_MAX];

/* Of a worker: what its points do. */
static uint64_t pace_x;
static uint32_t pace_one_in, points_left;

static void spin(uint32_t n)
{
	while (n--)
		__asm__ __volatile__("" : : : "memory");
}

static void pause_somehow(void)
{
	uint64_t r = random_next(&pace_x);

	if (r >> 62)
		spin((uint32_t)(r >> 20) & 0x3ff);
	else
		sched_yield();
}

static void process_point(void)
{
	if (points_left && !--points_left)
		raise(SIGKILL);
	if (!((random_next(&pace_x) >> 33) % pace_one_in))
		pause_somehow();
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void pin(uint32_t who, uint32_t cores)
{
	cpu_set_t all, one;
	uint32_t i, nr = 0, want = cores ? who % cores : 0;

	if (!cores || sched_getaffinity(0, sizeof(all), &all))
		return;
	want %= (uint32_t)CPU_COUNT(&all);
	for (i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all) || nr++ != want)
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		(void)sched_setaffinity(0, sizeof(one),
					&one); /* where it runs is a matter of luck then */
	}
}

static void wait_for_round(uint32_t round)
{
	uint32_t n;

	for (n = 0; __atomic_load_n(&shared->round, __ATOMIC_ACQUIRE) != round; n++)
		if (n > 200)
			sched_yield();
}

/* Begin together, but don't wait for those who have no core. */
static void start_together(uint32_t workers)
{
	uint32_t n;

	__atomic_fetch_add(&shared->arrived, 1, __ATOMIC_SEQ_CST);
	for (n = 0; n < (workers > 2 ? 2000 : 40000) &&
		    __atomic_load_n(&shared->arrived, __ATOMIC_RELAXED) < workers;
	     n++)
		spin(1);
}

__attribute__((noreturn)) static void worker(const struct config *c, uint32_t who, uint32_t round)
{
	static const uint32_t rates[] = { 2, 5, 20, 100, 1000 };
	struct script s = { .s = &raw.s, .clock = &shared->clock, .names = &names };

	pin(who, c->cores);
	s.rec = &shared->worker[who].rec;
	s.config = c;
	s.who = who;
	writer_of(&s.w, &raw, who);
	for (;; round++) {
		wait_for_round(round);
		s.x = mix_seed(c->seed, round * 100ULL + who);
		s.made = 0;
		pace_x = mix_seed(s.x, 3);
		pace_one_in = rates[(random_next(&pace_x) >> 33) % 5];
		points_left = shared->worker[who].kill_point;
		start_together(c->workers);
		point_hook = process_point;
		script_run(&s, c->ops);
		point_hook = NULL;
		points_left = 0;
		__atomic_store_n(&shared->worker[who].done, round, __ATOMIC_RELEASE);
	}
}

static void fork_worker(const struct config *c, uint32_t who, uint32_t round)
{
	pid_t parent = getpid();

	pid[who] = fork();
	MUST(pid[who] >= 0, "fork");
	if (pid[who])
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	worker(c, who, round);
}

/* A worker that dies otherwise than by our will is a failure. */
static bool has_died(uint32_t who, bool may)
{
	int status;

	if (waitpid(pid[who], &status, WNOHANG) != pid[who])
		return false;
	MUST(may && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	     "that a worker dies only if killed");
	return true;
}

static void round_begin(const struct config *c, uint32_t round, uint64_t *x, bool *victim)
{
	uint32_t i, left = c->kills;

	for (i = 0; i < c->workers; i++) {
		victim[i] = left && !((random_next(x) >> 33) % c->workers);
		left -= victim[i];
		shared->worker[i].rec.nr = 0;
		shared->worker[i].kill_point = 0;
#ifdef LINEAR_POINTS
		if (victim[i])
			shared->worker[i].kill_point =
				1 + (uint32_t)(random_next(x) >> 33) % (c->ops * 30);
#endif
	}
	shared->arrived = 0;
	__atomic_store_n(&shared->round, round, __ATOMIC_RELEASE);
}

/* Wait for all; the dead are reaped while the others go on. */
static void round_end(const struct config *c, uint32_t round, uint64_t *x, const bool *victim,
		      uint64_t *dead_at)
{
	double deadline = now_s() + DEADLINE_S;
	struct spl_reap_counts counts = { 0 };
	uint32_t i, left = c->workers;
	bool over[WORKERS_MAX] = { 0 }, late;

#ifndef LINEAR_POINTS
	spin((uint32_t)(random_next(x) >> 33) % 30000);
	for (i = 0; i < c->workers; i++)
		if (victim[i])
			kill(pid[i], SIGKILL);
#endif
	(void)x;
	while (left) {
		/* Asked before the look, so that who is done by then isn't wedged. */
		late = now_s() >= deadline;
		for (i = 0; i < c->workers; i++) {
			if (over[i])
				continue;
			/* One that has died after its last operation has died all the same. */
			if (victim[i] && has_died(i, true)) {
				totals.kills++;
				MUST(!spl_reap_writer(&raw.s, i, &counts), "reaping");
				dead_at[i] = stamp(&shared->clock);
				totals.reaps++;
				pid[i] = 0;
			} else if (__atomic_load_n(&shared->worker[i].done, __ATOMIC_ACQUIRE) !=
					   round ||
#ifdef LINEAR_POINTS
				   false
#else
				   victim[i]
#endif
			) {
				if (!victim[i])
					has_died(i, false);
				continue;
			}
			over[i] = true;
			left--;
		}
		MUST(!left || !late, "that no worker is wedged");
		if (left)
			sched_yield();
	}
}

static uint32_t overlaps(const struct history *h)
{
	uint32_t i, k, n = 0;

	for (i = 0; i < h->nr; i++)
		for (k = 0; k < i; k++)
			n += h->op[i].who != h->op[k].who && h->op[i].key == h->op[k].key &&
			     h->op[i].inv < h->op[k].resp && h->op[k].inv < h->op[i].resp;
	return n;
}

void processes_group(const struct config *c, uint32_t histories)
{
	static struct state start[KEYS_MAX];
	uint64_t x = mix_seed(c->seed, 1), dead_at[WORKERS_MAX];
	static struct history h;
	bool victim[WORKERS_MAX];
	uint32_t round, i;

	if (!shared) {
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		MUST(shared != MAP_FAILED, "memory");
	}
	memset(shared, 0, sizeof(*shared));
	memset(start, 0, sizeof(start));
	shared->clock = 1;
	rawstore_make(&raw, c->lanes, VALUE_MAX, 8, c->workers, c->spares);
	names_choose(&names, &raw.s, c->keys, mix_seed(c->seed, 2));
	for (i = 0; i < c->workers; i++)
		fork_worker(c, i, 1);
	for (round = 1; round <= histories; round++) {
		for (i = 0; i < c->workers; i++)
			if (!pid[i])
				fork_worker(c, i, round);
		round_begin(c, round, &x, victim);
		round_end(c, round, &x, victim, dead_at);
		h.nr = 0;
		for (i = 0; i < c->workers; i++)
			history_add(&h, &shared->worker[i].rec, dead_at[i]);
		totals.contended += !!overlaps(&h);
		script_last_look(&h, &raw.s, &names, c->keys, &shared->clock);
		judge(&h, c, start, &raw);
		for (i = 0; i < c->keys; i++)
			state_from(&start[i], &h, i);
	}
	for (i = 0; i < c->workers; i++) {
		if (pid[i]) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
	}
	rawstore_drop(&raw);
}
