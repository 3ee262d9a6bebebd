/* SPDX-License-Identifier: MIT */
/*
 * judge.h - what must hold after a victim was stopped or killed, the counts, and the telling of failures in such a way that
 * each can be run again. Where victims are stopped and killed is walk.h's and deaths.h's.
 */
#ifndef _SELFTESTS_TORTURE_JUDGE_H
#define _SELFTESTS_TORTURE_JUDGE_H

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <unistd.h>

#include "cases.h"
#include "victim.h"

enum kind { KIND_CASE, KIND_PAIR, KIND_REAPER, KIND_TWINS, KIND_LIBRARY, KIND_CHANNEL, KIND_COUNT };

/* Where we are; also what a replay asks for: -1, NULL: everything. */
struct place {
	const char *op;
	enum kind kind;
	int state; /* of the first victim, by number of its distinct states */
	const char *partner; /* operation of the second victim */
	long at;
	int script; /* run while the victim is stopped there */
	long then; /* after that script the victim was led on to here */
	bool kill;
};

struct options {
	struct place only;
	bool replay;
	bool full;
	bool one; /* failure is enough */
	__u64 seed;
	__u64 share; /* one in so many victims is led on through a store that others changed */
	int limit; /* seconds: what takes longer is waiting */
	long first; /* twins: every so many-th access of the first process, */
	long every; /* and every so many-th of the second */
};

/* @all: boundaries that there are where @runs were made; @lost: of these, not to be led to. */
struct tally {
	unsigned long boundaries, all, lost, runs, runs_all, steps, stops, kills, failures;
};

static struct place place;
static struct options options = { .only = { .state = -1, .at = -1, .script = -1, .then = -1 },
				  .seed = 1,
				  .limit = 20 };
static struct tally tally;
static volatile unsigned long beat; /* rises with everything that gets done */

static int place_text(char *buf, size_t cap)
{
	char state[32] = "", partner[64] = "", script[32] = "", then[32] = "";
	static const char *const kinds[] = { "", " --deaths", " --reaper", " --twins", "", "" };

	if (place.state >= 0)
		snprintf(state, sizeof(state), " --state %d", place.state);
	if (place.partner)
		snprintf(partner, sizeof(partner), " --partner %s", place.partner);
	if (place.script >= 0)
		snprintf(script, sizeof(script), " --script %s", script_names[place.script]);
	if (place.then >= 0)
		snprintf(then, sizeof(then), " --then %ld", place.then);
	return snprintf(buf, cap, "torture --seed %llu --op %s%s%s%s --at %ld%s%s%s", options.seed,
			place.op ? place.op : "?", kinds[place.kind], state, partner, place.at,
			script, then, place.kill ? " --kill" : "");
}

/* Nobody may wait: what takes this long is waiting. */
static void overdue(int sig)
{
	static const char text[] = "not ok 1 - somebody waits; see the place:\n";
	static unsigned long last;
	static int same;
	char buf[256];
	int n;

	(void)sig;
	same = beat == last ? same + 1 : 0;
	last = beat;
	if (same < options.limit)
		return;
	n = place_text(buf, sizeof(buf) - 1);
	buf[n++] = '\n';
	if (write(1, text, sizeof(text) - 1) < 0 || write(1, buf, (size_t)n) < 0)
		_exit(3);
	_exit(1);
}

static UNUSED void watch(void)
{
	struct sigaction action = { .sa_handler = overdue, .sa_flags = SA_RESTART };
	struct itimerval every = { { 1, 0 }, { 1, 0 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static UNUSED void failure(const struct history *h, const char *why)
{
	char buf[256];

	tally.failures++;
	if (tally.failures > 5)
		return;
	place_text(buf, sizeof(buf));
	printf("\n# FAILED: %s\n# again: %s\n", why, buf);
	if (h && tally.failures <= 2)
		history_print(h);
	fflush(stdout);
	if (options.one) {
		printf("not ok 1 - every instruction\n1..1\n");
		exit(1);
	}
}

/* A number that the seed and the place decide, so that a replay draws the same. */
static UNUSED __u64 draw(__u64 what, __u64 below)
{
	__u64 x[] = { what,
		      options.seed,
		      (__u64)place.kind,
		      (__u64)place.state,
		      (__u64)place.at,
		      (__u64)place.script,
		      (__u64)place.then };

	return XXH64(x, sizeof(x), XXH64(place.op, strlen(place.op), 0)) % below;
}

/* Is this number wanted by a replay, or is there none? */
static UNUSED bool wanted(long n, long only)
{
	return only < 0 || n == only;
}

/* The store is at rest: everything must be seen, sound, explained; and everything must work, for an heir too. */
static UNUSED bool judge_rest(struct history *h, __u32 heir)
{
	char why[300];
	struct spl_writer w;
	int round;

	spl_writer_init(&w, &world.s, heir);
	if (!bound_told(why, sizeof(why))) {
		failure(h, why);
		return false;
	}
	for (round = 0; round < 2; round++) {
		beat++;
		if (!crowd_looks(h, &world.w)) {
			failure(h, "a walk tells not each key once");
			return false;
		}
		if (!world_sound(why, sizeof(why))) {
			failure(h, why);
			return false;
		}
		if (!history_explained(h)) {
			failure(h, "no order of the operations explains the results");
			return false;
		}
		if (round)
			break;
		crowd_key(h, &w, KEY_K, true);
		crowd_key(h, &w, KEY_NEW1, false);
		crowd_run(h, &world.w, SCRIPT_ALL, 0);
	}
	return true;
}

static UNUSED void repair(__u32 idx)
{
	struct spl_reap_counts counts = { 0 };

	beat++;
	spl_reap_writer(&world.s, idx, &counts);
}

/* What a victim is told to do; prepared before the fork. */
struct orders {
	struct spl_writer w;
	const struct job *job;
	struct tell *tell;
	bool reaper; /* to repair after writer cell w.idx */
};

static spl_noinline void victim_work(void *arg)
{
	struct orders *o = arg;
	struct spl_reap_counts counts = { 0 };
	int i;

	if (o->reaper)
		spl_reap_writer(o->w.s, o->w.idx, &counts);
	else if (o->job->many)
		act_run_many(&o->w, o->job->act, o->job->nr, o->tell);
	else
		for (i = 0; i < o->job->nr; i++)
			act_run(&o->w, &o->job->act[i], o->tell, i);
}

/*
 * The vDSO's clock looks again if the time moved on while it looked, as it does under our hands: what it repeats, without
 * touching the store, counts once. So boundaries have the same numbers in every run.
 */
#define VDSO_BYTES 16384
static unsigned char vdso_seen[VDSO_BYTES];

static UNUSED pid_t start(const struct job *job, __u32 idx, bool reaper)
{
	static struct orders orders;

	spl_writer_init(&orders.w, &world.s, idx);
	orders.job = job;
	orders.tell = &world.tell[reaper ? 0 : idx];
	orders.reaper = reaper;
	memset(vdso_seen, 0, sizeof(vdso_seen));
	return victim_start(victim_work, &orders, NULL);
}

/* Lets a victim go on to its end. */
static UNUSED bool let_go(pid_t pid, struct history *h)
{
	beat++;
	if (!victim_finish(pid))
		return true;
	failure(h, "the victim did not come to its end");
	return false;
}

/* Code that victims were led through, by byte of the program. */
extern char __executable_start, etext;
static unsigned char *covered;

static UNUSED void cover(pid_t pid)
{
	unsigned long pc = victim_pc(pid), from = (unsigned long)&__executable_start;

	if (pc >= from && pc < (unsigned long)&etext)
		covered[pc - from] = 1;
}

static bool repeats(pid_t pid)
{
	unsigned long off = victim_pc(pid) - getauxval(AT_SYSINFO_EHDR);
	bool seen;

	if (off >= VDSO_BYTES)
		return false;
	seen = vdso_seen[off];
	vdso_seen[off] = 1;
	return seen;
}

/* On to the next boundary. False: the function has ended. */
static UNUSED bool step(pid_t pid)
{
	bool more;

	do {
		more = victim_step(pid);
		beat++;
		tally.steps++;
	} while (more && repeats(pid));
	if (victim_died)
		failure(NULL, "the victim died by itself");
	else if (more)
		cover(pid);
	return more;
}

#endif /* _SELFTESTS_TORTURE_JUDGE_H */
