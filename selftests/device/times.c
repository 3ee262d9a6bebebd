// SPDX-License-Identifier: MIT
/*
 * times.c - clocks that differ or jump: waits of a time namespace keep its deadlines, no wait minds that somebody sets the
 * real time, and the store's own clock follows that in both directions.
 */
#include "kselftest_harness.h"
#include "sleeper.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#define SECOND 1000000000ULL
#define DAY (86400 * SECOND)

FIXTURE(times)
{
	struct desk d;
	__u64 real, since; /* the real time, and CLOCK_MONOTONIC, before a test sets the one */
};

static __u64 real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static int set_real(__u64 ns)
{
	struct timespec ts = { .tv_sec = ns / SECOND, .tv_nsec = ns % SECOND };

	return clock_settime(CLOCK_REALTIME, &ts) ? -errno : 0;
}

FIXTURE_SETUP(times)
{
	ASSERT_EQ(0, desk_open(&self->d, "times", watchable(100)));
	ASSERT_EQ(0, set(&self->d, "key", 1));
	self->real = real_ns();
	self->since = clock_ns();
}

FIXTURE_TEARDOWN(times)
{
	EXPECT_EQ(0, set_real(self->real + (clock_ns() - self->since)));
	desk_close(&self->d);
}

static int shift_monotonic(const char *by)
{
	char text[40];
	int fd, ret;

	if (unshare(CLONE_NEWTIME))
		return -errno;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	snprintf(text, sizeof(text), "monotonic %s 0", by);
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* In the namespace: a wait takes as long as it was told to, by the clock that its process sees. */
static int wait_shifted(struct desk *d, int kind)
{
	/* No SA_RESTART: a wait that is far too long is cut off. */
	struct sigaction sa = { .sa_handler = on_alarm };
	__u64 known = kind ? epoch(d, "key") : 0, began = clock_ns();
	int ret;

	sigaction(SIGALRM, &sa, NULL);
	alarm(LATE_S / 3);
	ret = kind ? wait_key(d->fd, "key", &known, began + SECOND / 2)
		   : wait_group(d->fd, 3, &known, began + SECOND / 2);
	if (ret != -ETIMEDOUT)
		return 1;
	return clock_ns() - began < SECOND / 2 ? 2 : 0;
}

TEST_F_TIMEOUT(times, a_namespace_with_a_shifted_clock_keeps_its_deadlines, 120)
{
	static const char *const by[] = { "100000", "-3" }; /* the machine has run for longer */
	int i, kind, ret;
	pid_t pid;

	while (clock_ns() < 5 * SECOND)
		usleep(100000);
	for (i = 0; i < 2; i++) {
		for (kind = 0; kind < 2; kind++) {
			pid = fork();
			if (!pid) {
				ret = shift_monotonic(by[i]);
				if (ret)
					_exit(ret == -EINVAL && !i ? 96 : 95);
				pid = fork(); /* children are in it */
				_exit(pid ? wait_for(pid) : wait_shifted(&self->d, kind));
			}
			ret = wait_for(pid);
			if (ret == 96)
				SKIP(return, "this kernel has no time namespaces");
			EXPECT_EQ(0, ret)
			{
				TH_LOG("clock shifted by %s s, wait %d", by[i], kind);
			}
		}
	}
}

TEST_F(times, namespaces_wake_each_other)
{
	int ret;
	pid_t pid = fork();

	if (!pid) {
		ret = shift_monotonic("100000");
		if (ret)
			_exit(ret == -EINVAL ? 96 : 95);
		pid = fork();
		if (!pid) {
			struct spl_meta meta;
			struct desk d;
			__u64 known = 0;

			/* the real time is one and the same, and so is the store's clock */
			if (desk_join(&d, self->d.name) ||
			    wait_group(d.fd, 3, &known, in_ms(LATE_S * 1000)) || known != 1 ||
			    set(&d, "theirs", 1) || spl_stat(&d.m.s, "theirs", 6, &meta) ||
			    meta.mtime_ns > real_ns() || meta.mtime_ns + DAY < real_ns())
				_exit(1);
			_exit(0);
		}
		_exit(wait_for(pid));
	}
	if (!asleep(&self->d, 1)) {
		if (wait_for(pid) == 96)
			SKIP(return, "this kernel has no time namespaces");
		ASSERT_TRUE(false);
	}
	EXPECT_EQ(0, pulse(&self->d, 1 << 3));
	EXPECT_EQ(0, wait_for(pid));
}

/* Who waits neither wakes nor oversleeps. */
TEST_F(times, setting_the_real_time_moves_no_deadline)
{
	struct sleeper lasting = { .fd = self->d.fd, .group = 3 }, brief[2];
	__u64 began;
	int i;

	lasting.deadline = in_ms(3600 * 1000);
	sleeper_start(&lasting);
	ASSERT_TRUE(asleep(&self->d, 1));
	for (i = 0; i < 2; i++) {
		began = clock_ns();
		brief[i] = (struct sleeper){ .fd = self->d.fd,
					     .key = "key",
					     .known = epoch(&self->d, "key"),
					     .deadline = began + SECOND };
		sleeper_start(&brief[i]);
		while (sysfs_number(self->d.id, "sleepers") != 2 && brief[i].ret == 1)
			usleep(1000);
		ASSERT_EQ(0, set_real(i ? self->real - DAY : self->real + DAY));
		EXPECT_EQ(-ETIMEDOUT, sleeper_end(&brief[i]));
		EXPECT_LE(SECOND, clock_ns() - began);
		EXPECT_TRUE(asleep(&self->d, 1)); /* the other one */
		EXPECT_EQ(1, lasting.ret);
	}
	EXPECT_EQ(0, pulse(&self->d, 1 << 3));
	EXPECT_EQ(0, sleeper_end(&lasting));
}

/* Waits until the store's clock is in the hour after @from. */
static bool clock_comes_to(struct desk *d, __u64 from)
{
	double late = now_s() + LATE_S;

	while (__atomic_load_n(&d->m.info->clock_ns, __ATOMIC_RELAXED) - from > DAY / 24) {
		if (now_s() > late)
			return false;
		usleep(1000);
	}
	return true;
}

TEST_F(times, the_stores_clock_follows_the_real_time)
{
	struct spl_check_counts counts;
	struct spl_meta meta;
	__u64 value = 0;

	/* A coarse clock is a tick behind. */
	EXPECT_TRUE(clock_comes_to(&self->d, self->real - SECOND));
	ASSERT_EQ(0, set_real(self->real + DAY));
	EXPECT_TRUE(clock_comes_to(&self->d, self->real + DAY - SECOND));
	EXPECT_EQ(0, set(&self->d, "late", 2));
	ASSERT_EQ(0, spl_stat(&self->d.m.s, "late", 4, &meta));
	EXPECT_LE(self->real + DAY - SECOND, meta.ctime_ns);
	ASSERT_EQ(0, set_real(self->real));
	EXPECT_TRUE(clock_comes_to(&self->d, self->real - SECOND));
	EXPECT_EQ(0, set(&self->d, "late", 3));
	ASSERT_EQ(0, spl_stat(&self->d.m.s, "late", 4, &meta));
	EXPECT_LE(self->real + DAY - SECOND, meta.ctime_ns); /* made tomorrow, */
	EXPECT_GT(self->real + DAY / 24, meta.mtime_ns); /* published today: no harm */
	EXPECT_EQ(sizeof(value), spl_get(&self->d.m.s, "late", 4, &value, sizeof(value), &meta));
	EXPECT_EQ(3, value);
	EXPECT_EQ(0, check(self->d.fd, 0, &counts));
	EXPECT_EQ(2, counts.live);
}

TEST_HARNESS_MAIN
