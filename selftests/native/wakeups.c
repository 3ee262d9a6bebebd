// SPDX-License-Identifier: MIT
/* selftest-timeout: 300 */
/*
 * wakeups.c - no wake-up is lost on the embedded backend. A writer is stopped, or killed, at many instructions of a change that
 * somebody sleeps for: stopped, it keeps nobody else's change from waking; killed, the reaper wakes in its place. And a
 * storm in which every change is the last one until all who sleep have told that they woke. Nothing here wakes by the
 * clock: a deadline only ever fails a test.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>

#include "fixture.h"

#define DEADLINE_NS 20000000000ULL
#define GROUP 5

static struct splk_store *s;

/* A thread that sleeps whenever it isn't told to end. */
struct sleeper {
	pthread_t thread;
	bool by_key;
	uint64_t woken; /* wake-ups told; written by the thread */
	uint64_t known; /* count or epoch that it knows; written by the thread */
	int error;
	bool end;
};

/* A wait that was over only when its time was is told what moved all the same: it was not woken. */
static int in_time(int r, uint64_t deadline)
{
	return r < 0 || splk_after(0) < deadline ? r : -ETIMEDOUT;
}

static const char key[] = "watched", other[] = "another";

static void *sleeping(void *arg)
{
	struct splk_group_count c = { .group = GROUP };
	struct sleeper *me = arg;
	uint64_t known = me->known, deadline;
	int r;

	while (!__atomic_load_n(&me->end, __ATOMIC_ACQUIRE)) {
		deadline = splk_after(DEADLINE_NS);
		if (me->by_key) {
			r = splk_wait_key(s, key, sizeof(key), &known, deadline, 0);
		} else {
			c.count = known;
			r = splk_wait_groups(s, &c, 1, deadline, 0);
			known = c.count;
		}
		r = in_time(r, deadline);
		if (r < 0) {
			__atomic_store_n(&me->error, r, __ATOMIC_RELEASE);
			break;
		}
		__atomic_store_n(&me->known, known, __ATOMIC_RELEASE);
		__atomic_fetch_add(&me->woken, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static uint64_t truth(const struct sleeper *me)
{
	uint64_t now = 0;

	if (me->by_key) {
		if (splk_epoch(s, key, sizeof(key), &now))
			now = 0;
	} else {
		MUST(!splk_group_count(s, GROUP, &now), "the count");
	}
	return now;
}

/* Has the sleeper been told how it stands? A lost wake-up ends by the sleeper's own deadline, as an error. */
static bool told(const struct sleeper *me)
{
	while (__atomic_load_n(&me->known, __ATOMIC_ACQUIRE) != truth(me)) {
		if (__atomic_load_n(&me->error, __ATOMIC_ACQUIRE))
			return false;
		sched_yield();
	}
	return true;
}

static const struct spl_signal *signals(void)
{
	const char *bytes = raw(s);

	return (const struct spl_signal *)(bytes + ((const struct spl_info *)bytes)
							   ->regions[SPL_REGION_SIGNAL]
							   .off);
}

/* Somebody is asleep, or about to be. */
static void until_armed(const struct spl_signal *sig, bool by_key)
{
	const struct spl_group *of = by_key ? sig->bell : &sig->group[GROUP];
	uint32_t i, n = by_key ? SPL_GROUPS : 1;

	for (;;) {
		for (i = 0; i < n; i++)
			if (spl_load_acquire(&of[i].armed) & 1)
				return;
		sched_yield();
	}
}

static int op_set(void)
{
	return splk_set(s, key, sizeof(key), "value", 5, 0, NULL);
}

static int op_label(void)
{
	uint64_t old;
	int r = splk_label_change(s, key, sizeof(key), 1, 0, &old);

	return r || !(old & 1) ? r : splk_label_change(s, key, sizeof(key), 0, 1, NULL);
}

static int op_delete(void)
{
	return splk_delete(s, key, sizeof(key));
}

static int op_signal(void)
{
	return splk_signal(s, 1ULL << GROUP);
}

/* The key as every round finds it: there, and bound. */
static void prepare(void)
{
	int r = splk_set(s, key, sizeof(key), "before", 6, 0, NULL);

	MUST(!r, "the key");
	MUST(!splk_watch(s, key, sizeof(key), 1ULL << GROUP, 0, NULL), "it is bound");
}

/* A child that has gone @steps instructions into @run and stands there. False: it was through before that. */
static bool stop_at(int (*run)(void), long steps, pid_t *child)
{
	pid_t pid = fork();
	int status;
	long i;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		splk_register(s);
		raise(SIGSTOP);
		_exit(run() != 0);
	}
	*child = pid;
	MUST(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status),
	     "the child stands at its start");
	for (i = 0; i < steps; i++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			break;
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return false;
	}
	return true;
}

static void end_of(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

/* Instructions of @run from start to end. */
static long length_of(int (*run)(void))
{
	int status;
	long n = 0;
	pid_t pid;

	stop_at(run, 0, &pid);
	do {
		MUST(!ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), "a step");
		MUST(waitpid(pid, &status, 0) == pid, "its end");
		n++;
	} while (WIFSTOPPED(status));
	return n;
}

struct task {
	const char *name;
	int (*run)(void);
	bool by_key;
};

static void start(struct sleeper *me, bool by_key)
{
	memset(me, 0, sizeof(*me));
	me->by_key = by_key;
	me->known = truth(me);
	MUST(!pthread_create(&me->thread, NULL, sleeping, me), "a sleeper");
}

static void finish(struct sleeper *me)
{
	__atomic_store_n(&me->end, true, __ATOMIC_RELEASE);
	prepare(); /* a change wakes it for the last time */
	pthread_join(me->thread, NULL);
}

static void at_each_point(const struct task *task, bool stop)
{
	const struct spl_signal *sig = signals();
	long n, at, step, points = 0, lost = 0;
	struct sleeper me;
	pid_t pid;

	prepare();
	n = length_of(task->run);
	step = n / 50 + 1;
	prepare();
	start(&me, task->by_key);
	/* The thread must not be in the child's way: what it holds at the fork is gone there. */
	for (at = getpid() % step; at < n && !lost; at += step, points++) {
		MUST(told(&me), "the sleeper knows how it stands");
		until_armed(sig, task->by_key);
		if (!stop_at(task->run, at, &pid))
			break;
		if (stop) {
			/* Another writer's change, of the same group or key, wakes nevertheless. */
			if (task->by_key)
				op_set();
			else
				splk_set(s, other, sizeof(other), "x", 1, 0, NULL);
			lost += !told(&me);
		}
		end_of(pid);
		MUST(!splk_reap(s, NULL), "the reaper");
		lost += !told(&me);
		prepare();
	}
	OK(!lost, "%s %s: %s, %ld points of %ld instructions", task->name,
	   task->by_key ? "of a key waited for" : "of a bound key", stop ? "stopped" : "killed",
	   points, n);
	finish(&me);
}

/* A storm: each round's changes are the last until every sleeper has told that it knows. */
#define SLEEPERS 8
#define WRITERS 2
#define ROUNDS 10000

struct storm {
	uint64_t round; /* the round that is on */
	uint64_t knows[SLEEPERS]; /* the round that a sleeper knows of */
	uint64_t error;
};

static struct storm *storm;

/* Sleepers wait for one group, for three, or for a key. */
static int storm_sleep(uint32_t me)
{
	const uint32_t groups[] = { GROUP, 40, 41 };
	struct splk_group_count counts[3] = { 0 };
	uint64_t seen = 0, epoch = 0, value, deadline;
	uint32_t i, n = me % 3 == 1 ? 3 : 1;
	int r;

	while (seen < ROUNDS) {
		for (i = 0; i < n; i++) {
			counts[i].group = groups[i];
			splk_group_count(s, groups[i], &counts[i].count);
		}
		if (splk_epoch(s, key, sizeof(key), &epoch))
			return 2;
		if (splk_get(s, key, sizeof(key), &value, sizeof(value), NULL) != sizeof(value))
			return 3;
		if (value > seen) {
			seen = value;
			__atomic_store_n(&storm->knows[me], seen, __ATOMIC_RELEASE);
			continue;
		}
		deadline = splk_after(DEADLINE_NS);
		if (me % 3 == 2)
			r = splk_wait_key(s, key, sizeof(key), &epoch, deadline, 0);
		else
			r = splk_wait_groups(s, counts, n, deadline, 0);
		r = in_time(r, deadline);
		if (r < 0) {
			__atomic_store_n(&storm->error, seen + 1, __ATOMIC_RELEASE);
			return 4;
		}
	}
	return 0;
}

static bool all_know(uint64_t round)
{
	uint32_t i;

	for (i = 0; i < SLEEPERS; i++)
		while (__atomic_load_n(&storm->knows[i], __ATOMIC_ACQUIRE) < round) {
			if (__atomic_load_n(&storm->error, __ATOMIC_ACQUIRE))
				return false;
			sched_yield();
		}
	return true;
}

/* Writers take turns at the rounds; between theirs they make noise on a group that only some wait for. */
static int storm_write(uint32_t me)
{
	uint64_t round;

	for (;;) {
		round = __atomic_load_n(&storm->round, __ATOMIC_ACQUIRE) + 1;
		if (round > ROUNDS || __atomic_load_n(&storm->error, __ATOMIC_ACQUIRE))
			return 0;
		if (round % WRITERS != me) {
			if (round % 7 == 0)
				splk_signal(s, 1ULL << 40);
			sched_yield();
			continue;
		}
		if (splk_set(s, key, sizeof(key), &round, sizeof(round), 0, NULL))
			return 2;
		if (!all_know(round))
			return 3;
		__atomic_store_n(&storm->round, round, __ATOMIC_RELEASE);
	}
}

static void test_storm(void)
{
	pid_t pids[SLEEPERS + WRITERS];
	double began = seconds();
	uint64_t zero = 0;
	int i, bad = 0;

	storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	MUST(storm != MAP_FAILED, "memory");
	MUST(!splk_set(s, key, sizeof(key), &zero, sizeof(zero), 0, NULL), "the key");
	for (i = 0; i < SLEEPERS + WRITERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(i < SLEEPERS ? storm_sleep((uint32_t)i)
					   : storm_write((uint32_t)(i - SLEEPERS)));
	}
	for (i = 0; i < SLEEPERS + WRITERS; i++) {
		int status = wait_for(pids[i]);

		if (status)
			printf("# process %d: %d\n", i, status);
		bad += !!status;
	}
	IS(bad, 0, "a storm: every sleeper wakes in every round");
	printf("# %d rounds of %d sleepers, %.1f s\n", ROUNDS, SLEEPERS, seconds() - began);
}

int main(void)
{
	static const struct task tasks[] = {
		{ "set", op_set, false },      { "set", op_set, true },
		{ "label", op_label, false },  { "delete", op_delete, false },
		{ "delete", op_delete, true }, { "signal", op_signal, false },
	};
	struct splk_options options = options_for(100, 64);
	size_t i;

	options.geometry.flags = SPL_GEOMETRY_WATCH;
	s = fresh_with(&options);
	MUST(!splk_set(s, other, sizeof(other), "x", 1, 0, NULL), "a second key");
	MUST(!splk_watch(s, other, sizeof(other), 1ULL << GROUP, 0, NULL), "bound, too");
	MUST(!splk_label_bind(s, 0, 1ULL << GROUP, 0, NULL), "a label");
	for (i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
		at_each_point(&tasks[i], false);
		at_each_point(&tasks[i], true);
	}
	OK(sound(s), "the store is sound");
	prepare();
	test_storm();
	OK(sound(s), "the store is still sound");
	splk_close(s);
	return tap_done();
}
