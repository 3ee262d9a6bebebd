// SPDX-License-Identifier: MIT
/*
 * wait.c - waiting for groups and keys on the embedded backend: what is told at once, what wakes, deadlines, signals, and
 * arguments that make no sense. Deaths, stops and storms are wakeups.c's.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "fixture.h"

#define MASK(group) (1ULL << (group))
#define LONG_NS 20000000000ULL

static struct splk_store *s;

static uint64_t count_of(uint32_t group)
{
	uint64_t count = 0;

	MUST(!splk_group_count(s, group, &count), "a group's count");
	return count;
}

static uint64_t epoch_of(const char *key)
{
	uint64_t epoch = 0;

	return splk_epoch(s, key, strlen(key), &epoch) ? 0 : epoch;
}

/* A process that does something a little later. */
static pid_t later(int (*run)(void), long us)
{
	pid_t pid = fork();

	if (!pid) {
		nap_us(us);
		_exit(run() != 0);
	}
	return pid;
}

static int set_a(void)
{
	return splk_set(s, KEY("a"), "new", 3, 0, NULL);
}

static int set_b(void)
{
	return splk_set(s, KEY("b"), "new", 3, 0, NULL);
}

static int delete_b(void)
{
	return splk_delete(s, KEY("b"));
}

static int renew_a(void)
{
	return splk_delete(s, KEY("a")) || splk_set(s, KEY("a"), "newer", 5, 0, NULL);
}

static int label_a(void)
{
	return splk_label_change(s, KEY("a"), 1, 0, NULL);
}

static int signal_9(void)
{
	return splk_signal(s, MASK(9));
}

static void groups_wake(const char *name, int (*run)(void), const uint32_t *groups, uint32_t n,
			uint32_t which)
{
	struct splk_group_count counts[64] = { 0 };
	uint32_t i;
	pid_t pid;
	int r;

	for (i = 0; i < n; i++) {
		counts[i].group = groups[i];
		counts[i].count = count_of(groups[i]);
	}
	pid = later(run, 20000);
	r = splk_wait_groups(s, counts, n, splk_after(LONG_NS), 0);
	OK(r == 1 && counts[which].count == count_of(groups[which]), "%s", name);
	MUST(!wait_for(pid), "the other process");
}

static void test_groups(void)
{
	const uint32_t one[] = { 1 }, nine[] = { 9 }, five[] = { 0, 9, 63, 1, 5 }, keys[] = { 2 };
	uint32_t all[64], i;
	struct splk_group_count c = { .group = 1 };

	MUST(!splk_watch(s, KEY("a"), MASK(1), 0, NULL), "a is bound");
	MUST(!splk_keys_bind(s, MASK(2), 0, NULL), "comings and goings are bound");
	for (i = 0; i < 64; i++)
		all[i] = i;
	groups_wake("a set wakes", set_a, one, 1, 0);
	groups_wake("a change of labels wakes", label_a, one, 1, 0);
	groups_wake("a signal wakes", signal_9, nine, 1, 0);
	groups_wake("one of five groups wakes", signal_9, five, 5, 1);
	groups_wake("one of all groups wakes", signal_9, all, 64, 9);
	groups_wake("a new key wakes", set_b, keys, 1, 0);
	groups_wake("one that goes wakes", delete_b, keys, 1, 0);

	c.count = count_of(1) - 1;
	IS(splk_wait_groups(s, &c, 1, SPLK_FOREVER, 0), 1, "what differs already is told at once");
	OK(c.count == count_of(1), "and as it is now");
}

static void key_wakes(const char *name, const char *key, int (*run)(void), bool there)
{
	uint64_t known = epoch_of(key), epoch = known;
	pid_t pid = later(run, 20000);
	int r = splk_wait_key(s, key, strlen(key), &epoch, splk_after(LONG_NS), 0);

	OK(!r && epoch != known && !!epoch == there, "%s", name);
	MUST(!wait_for(pid), "the other process");
	if (there)
		OK(epoch <= epoch_of(key), "and is told its epoch");
}

static void test_keys(void)
{
	uint64_t epoch = 77, known;
	pid_t pid;

	key_wakes("a key's set wakes who waits for it", "a", set_a, true);
	key_wakes("one that comes", "b", set_b, true);
	key_wakes("one that goes", "b", delete_b, false);
	key_wakes("one that comes again", "b", set_b, true);
	key_wakes("one that goes again", "b", delete_b, false);
	IS(splk_wait_key(s, KEY("a"), &epoch, SPLK_FOREVER, 0), 0, "another epoch is told at once");
	OK(epoch == epoch_of("a"), "the one that it has");
	known = epoch = epoch_of("a");
	pid = later(renew_a, 20000);
	IS(splk_wait_key(s, KEY("a"), &epoch, splk_after(LONG_NS), 0), 0,
	   "one that goes and comes");
	OK(!epoch || epoch > known, "is gone, or has a higher epoch");
	MUST(!wait_for(pid), "the other process");
	epoch = known;
	IS(splk_wait_key(s, KEY("a"), &epoch, SPLK_FOREVER, 0), 0,
	   "and that differs from the old one");
}

static void test_deadlines(void)
{
	struct splk_group_count c = { .group = 7 }, many[2] = { { .group = 7 }, { .group = 8 } };
	uint64_t epoch = epoch_of("a");
	double began, took;

	IS(splk_wait_groups(s, &c, 1, 0, 0), -ETIMEDOUT, "deadline 0: a look at a group");
	IS(splk_wait_key(s, KEY("a"), &epoch, 0, 0), -ETIMEDOUT, "deadline 0: a look at a key");
	IS(splk_wait_groups(s, &c, 1, 1, 0), -ETIMEDOUT, "a deadline long past");
	began = seconds();
	IS(splk_wait_groups(s, &c, 1, splk_after(50000000), 0), -ETIMEDOUT, "50 ms for a group");
	took = seconds() - began;
	OK(took >= 0.05, "not before they are over: %.3f s", took);
	IS(splk_wait_groups(s, many, 2, splk_after(50000000), 0), -ETIMEDOUT, "for two");
	began = seconds();
	IS(splk_wait_key(s, KEY("a"), &epoch, splk_after(50000000), 0), -ETIMEDOUT, "for a key");
	took = seconds() - began;
	OK(took >= 0.05, "not before they are over: %.3f s", took);
	IS(splk_after(~0ULL), SPLK_FOREVER, "a duration that never ends");
	IS(splk_set(s, KEY("a"), "x", 1, 0, NULL), 0,
	   "a store with old sleepers' marks is written");
}

static volatile int alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void test_signals(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { 0 };
	struct sigaction act = { .sa_handler = on_alarm };
	struct splk_group_count c = { .group = 7 };
	uint64_t epoch = epoch_of("a");
	double began = seconds();
	pid_t pid;

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	IS(splk_wait_groups(s, &c, 1, splk_after(100000000), 0), -ETIMEDOUT,
	   "signals don't end a wait");
	OK(seconds() - began >= 0.1 && alarms > 3, "nor make it shorter; %d came", alarms);
	IS(splk_wait_groups(s, &c, 1, splk_after(LONG_NS), SPLK_INTERRUPTIBLE), -EINTR,
	   "unless it is asked for");
	IS(splk_wait_key(s, KEY("a"), &epoch, splk_after(LONG_NS), SPLK_INTERRUPTIBLE), -EINTR,
	   "for a key, too");
	pid = fork();
	if (!pid) {
		nap_us(30000);
		_exit(set_a() != 0);
	}
	IS(splk_wait_key(s, KEY("a"), &epoch, splk_after(LONG_NS), 0), 0,
	   "among signals a set wakes");
	setitimer(ITIMER_REAL, &never, NULL);
	MUST(!wait_for(pid), "the other process");
}

static void test_refusals(void)
{
	struct splk_options ro = { .size = sizeof(ro), .flags = SPLK_READ_ONLY };
	struct splk_group_count c = { .group = 64 }, many[65] = { 0 };
	struct splk_store *reader;
	uint64_t epoch = 0;

	IS(splk_wait_groups(s, &c, 1, 0, 0), -EINVAL, "group 64");
	c.group = 0;
	IS(splk_wait_groups(s, &c, 0, 0, 0), -EINVAL, "no group");
	IS(splk_wait_groups(s, many, 65, 0, 0), -EINVAL, "65 groups");
	IS(splk_wait_groups(s, &c, 1, 0, 2), -EINVAL, "an unknown flag");
	IS(splk_wait_key(s, KEY("a"), &epoch, 0, 2), -EINVAL, "for a key");
	c.reserved = 1;
	IS(splk_wait_groups(s, &c, 1, 0, 0), -EINVAL, "a reserved member");
	IS(splk_wait_key(s, "", 0, &epoch, 0, 0), -EINVAL, "an empty key");
	IS(splk_wait_key(s, "x", 100000, &epoch, 0, 0), -EMSGSIZE, "a key too long");
	MUST(!splk_attach_fd(splk_fd(s), &ro, &reader), "a read-only handle");
	c = (struct splk_group_count){ .group = 50 };
	IS(splk_wait_groups(reader, &c, 1, 0, 0), -ETIMEDOUT, "read-only: it may look");
	IS(splk_wait_groups(reader, &c, 1, splk_after(1), 0), -EBADF, "but not sleep");
	epoch = epoch_of("a");
	IS(splk_wait_key(reader, KEY("a"), &epoch, splk_after(1), 0), -EBADF, "nor for a key");
	splk_close(reader);
}

/* What sleeping costs: nothing, however long. */
static void test_cpu(void)
{
	struct splk_group_count c = { .group = 33 };
	double before = cpu_seconds();

	IS(splk_wait_groups(s, &c, 1, splk_after(500000000), 0), -ETIMEDOUT,
	   "half a second asleep");
	OK(cpu_seconds() - before < 0.005, "takes %.6f s of CPU", cpu_seconds() - before);
}

int main(void)
{
	struct splk_options options = options_for(100, 64);

	options.geometry.flags = SPL_GEOMETRY_WATCH;
	s = fresh_with(&options);
	MUST(!splk_set(s, KEY("a"), "value", 5, 0, NULL), "a key");
	test_groups();
	test_keys();
	test_deadlines();
	test_signals();
	test_refusals();
	test_cpu();
	OK(sound(s), "the store is sound");
	splk_close(s);
	return tap_done();
}
