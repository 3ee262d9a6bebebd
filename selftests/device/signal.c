// SPDX-License-Identifier: MIT
/*
 * signal.c - the calls of signals: who may ring, waiting for groups and for keys, deadlines, interruption, bad
 * arguments, and that nothing is rung unless somebody sleeps. Polling is signal_poll.c's, eventfds signal_eventfd.c's,
 * many sleepers at once signal_storm.c's.
 */
#include "kselftest_harness.h"
#include "sleeper.h"

FIXTURE(signal)
{
	struct desk d;
	int reader;
};

FIXTURE_SETUP(signal)
{
	ASSERT_EQ(0, desk_open(&self->d, "signal", watchable(100)));
	self->reader = open_named(self->d.name, O_RDONLY);
	ASSERT_GE(self->reader, 0);
}

FIXTURE_TEARDOWN(signal)
{
	EXPECT_TRUE(asleep(&self->d, 0));
	close(self->reader);
	desk_close(&self->d);
	EXPECT_EQ(-1, sysfs_number(self->d.id, "lanes"));
}

TEST_F(signal, feature_is_told)
{
	struct spl_ioc_info i = { .size = sizeof(i) };

	EXPECT_EQ(0, call(self->reader, SPL_IOC_INFO, &i));
	EXPECT_TRUE(i.features & SPL_FEATURE_SIGNAL);
	EXPECT_TRUE(i.features & SPL_FEATURE_FEED);
	EXPECT_EQ(SPL_GEOMETRY_WATCH, geometry(self->reader).geometry.flags);
	EXPECT_EQ(1, sysfs_number(self->d.id, "watch"));
	EXPECT_EQ(0, sysfs_number(self->d.id, "feed"));
}

TEST_F(signal, a_store_has_the_feed_that_was_asked_for)
{
	struct spl_geometry g = small(10);
	int fd, other;

	g.feed = 128;
	fd = open_new("signal: feed", g);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(128, geometry(fd).geometry.feed);
	EXPECT_EQ(0, geometry(fd).geometry.flags);
	EXPECT_EQ(128, sysfs_number(geometry(fd).store_id, "feed"));
	EXPECT_EQ(0, sysfs_number(geometry(fd).store_id, "watch"));
	other = dev_open(O_RDWR);
	g.feed = 256;
	{
		struct spl_ioc_create c = create_arg("signal: feed", g);

		c.flags = SPL_CREATE_OR_OPEN;
		EXPECT_EQ(-EEXIST, call(other, SPL_IOC_CREATE, &c));
		c.geometry.feed = 127;
		EXPECT_EQ(-EINVAL, call(other, SPL_IOC_CREATE, &c));
		c.geometry.feed = 64;
		EXPECT_EQ(-EINVAL, call(other, SPL_IOC_CREATE, &c));
		c.geometry.feed = SPL_FEED_MAX * 2;
		EXPECT_EQ(-EINVAL, call(other, SPL_IOC_CREATE, &c));
		c.geometry.feed = 128;
		c.geometry.feed_reserved = 1;
		EXPECT_EQ(-EINVAL, call(other, SPL_IOC_CREATE, &c));
	}
	unlink_store("signal: feed");
	close(other);
	close(fd);
}

TEST_F(signal, only_who_may_write_rings)
{
	EXPECT_EQ(-EBADF, ring(self->reader, ~0ULL, ~0ULL));
	EXPECT_EQ(0, ring(self->d.fd, ~0ULL, ~0ULL));
	EXPECT_EQ(0, ring(self->d.fd, 0, 0));
	EXPECT_EQ(2, sysfs_number(self->d.id, "rings"));
	EXPECT_EQ(0, sysfs_number(self->d.id, "wakeups"));
}

TEST_F(signal, a_wait_that_has_its_answer_does_not_sleep)
{
	__u64 known = 7;

	EXPECT_EQ(0, wait_group(self->reader, 3, &known, FOREVER));
	EXPECT_EQ(0, known);
	EXPECT_EQ(-ETIMEDOUT, wait_group(self->reader, 3, &known, 0));
	known = 1;
	EXPECT_EQ(0, wait_key(self->reader, "absent", &known, FOREVER));
	EXPECT_EQ(0, known);
	EXPECT_EQ(-ETIMEDOUT, wait_key(self->reader, "absent", &known, 0));
	EXPECT_EQ(0, set(&self->d, "k", 1));
	EXPECT_EQ(0, wait_key(self->reader, "k", &known, FOREVER));
	EXPECT_EQ(epoch(&self->d, "k"), known);
	EXPECT_EQ(-ETIMEDOUT, wait_key(self->reader, "k", &known, 0));
	EXPECT_EQ(0, sysfs_number(self->d.id, "wakeups"));
}

TEST_F(signal, a_deadline_is_kept)
{
	__u64 began = clock_ns(), known = 0;

	EXPECT_EQ(-ETIMEDOUT, wait_group(self->reader, 0, &known, in_ms(50)));
	EXPECT_LE(50000000ULL, clock_ns() - began);
	EXPECT_EQ(-ETIMEDOUT, wait_key(self->reader, "absent", &known, in_ms(50)));
	EXPECT_LE(100000000ULL, clock_ns() - began);
	EXPECT_EQ(0, known);
	/* Who has given up costs writers nothing. */
	EXPECT_EQ(0, set(&self->d, "absent", 1));
	EXPECT_EQ(0, pulse(&self->d, ~0ULL));
	EXPECT_EQ(0, self->d.rings);
}

TEST_F(signal, a_pulse_wakes_who_waits_for_its_group)
{
	struct sleeper z = { .fd = self->reader, .group = 63 };

	sleeper_start(&z);
	ASSERT_TRUE(asleep(&self->d, 1));
	EXPECT_EQ(0, pulse(&self->d, 1)); /* another group */
	EXPECT_EQ(0, self->d.rings);
	EXPECT_EQ(0, pulse(&self->d, 1ULL << 63));
	EXPECT_EQ(0, sleeper_end(&z));
	EXPECT_EQ(1, z.known);
	EXPECT_EQ(1, self->d.rings);
	EXPECT_EQ(1, sysfs_number(self->d.id, "rings"));
	EXPECT_EQ(1, sysfs_number(self->d.id, "wakeups"));
	EXPECT_EQ(0, pulse(&self->d, 1ULL << 63));
	EXPECT_EQ(1, self->d.rings);
}

TEST_F(signal, waits_for_any_of_all_groups)
{
	struct spl_group_count c[SPL_GROUPS];
	pid_t pid;
	__u32 i;

	for (i = 0; i < SPL_GROUPS; i++)
		c[i] = (struct spl_group_count){ .group = i };
	EXPECT_EQ(-ETIMEDOUT, wait_counts(self->reader, c, SPL_GROUPS, in_ms(10)));
	pid = fork();
	if (!pid) {
		int ret = wait_counts(self->reader, c, SPL_GROUPS, FOREVER);

		_exit(ret || c[41].count != 1 || c[40].count);
	}
	ASSERT_TRUE(asleep(&self->d, SPL_GROUPS));
	EXPECT_EQ(0, pulse(&self->d, 1ULL << 41));
	EXPECT_EQ(0, wait_for(pid));
}

TEST_F(signal, a_write_wakes_who_waits_for_its_key)
{
	struct sleeper z = { .fd = self->reader, .key = "k" };

	EXPECT_EQ(0, set(&self->d, "k", 1));
	EXPECT_EQ(0, set(&self->d, "other", 1));
	z.known = epoch(&self->d, "k");
	sleeper_start(&z);
	ASSERT_TRUE(asleep(&self->d, 1));
	EXPECT_EQ(0, set(&self->d, "other", 2));
	EXPECT_EQ(0, self->d.rings);
	EXPECT_EQ(0, set(&self->d, "k", 2));
	EXPECT_EQ(1, self->d.rings);
	EXPECT_EQ(0, sleeper_end(&z));
	EXPECT_EQ(epoch(&self->d, "k"), z.known);
	/* The mark is gone with who waited. */
	EXPECT_EQ(0, set(&self->d, "k", 3));
	EXPECT_EQ(1, self->d.rings);
}

TEST_F(signal, birth_and_death_of_a_key_wake_who_waits_for_them)
{
	struct sleeper z = { .fd = self->reader, .key = "k" };
	__u64 first;

	sleeper_start(&z);
	ASSERT_TRUE(asleep(&self->d, 1));
	EXPECT_NE(0, self->d.m.s.signal->births);
	EXPECT_EQ(0, set(&self->d, "k", 1));
	EXPECT_EQ(0, sleeper_end(&z));
	first = z.known;
	EXPECT_EQ(epoch(&self->d, "k"), first);
	EXPECT_EQ(0, self->d.m.s.signal->births);

	sleeper_start(&z);
	ASSERT_TRUE(asleep(&self->d, 1));
	EXPECT_EQ(0, del(&self->d, "k"));
	EXPECT_EQ(0, sleeper_end(&z));
	EXPECT_EQ(0, z.known);
	EXPECT_EQ(2, self->d.rings);

	/* Who knows the epoch of a former life is told at once. */
	EXPECT_EQ(0, set(&self->d, "k", 1));
	z.known = first;
	EXPECT_EQ(0, wait_key(self->reader, "k", &z.known, FOREVER));
	EXPECT_LT(first, z.known);
	EXPECT_EQ(2, self->d.rings);
}

/* After waiting nothing is left that a write would have to look at. */
TEST_F(signal, a_key_that_was_waited_for_costs_what_it_did_before)
{
	struct sleeper z[3];
	__u64 before = 0, after = 0;
	__u32 i;

	EXPECT_EQ(0, set(&self->d, "k", 1));
	for (i = 0; i < 3; i++) {
		z[i] = (struct sleeper){ .fd = self->reader,
					 .key = "k",
					 .known = epoch(&self->d, "k") };
		sleeper_start(&z[i]);
	}
	ASSERT_TRUE(asleep(&self->d, 3));
	EXPECT_EQ(0, set(&self->d, "k", 2));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, sleeper_end(&z[i]));
	EXPECT_EQ(1, self->d.rings);
	for (i = 0; i < self->d.m.s.buckets; i++)
		EXPECT_EQ(0, self->d.m.s.index[i].overflow & SPL_NOTICE);
	for (i = 0; i < SPL_GROUPS; i++)
		before += self->d.m.s.signal->bell[i].count;
	EXPECT_EQ(1, before);
	EXPECT_EQ(0, set(&self->d, "k", 3));
	for (i = 0; i < SPL_GROUPS; i++)
		after += self->d.m.s.signal->bell[i].count;
	EXPECT_EQ(before, after);
}

TEST_F(signal, many_events_without_a_sleeper_make_no_call)
{
	int i;

	EXPECT_EQ(0, set(&self->d, "k", 0));
	EXPECT_EQ(0, watch(&self->d, "k", 0xff));
	for (i = 0; i < 10000; i++)
		ASSERT_EQ(0, set(&self->d, "k", i));
	EXPECT_EQ(0, del(&self->d, "k"));
	EXPECT_EQ(10001, (long long)count(&self->d, 7));
	EXPECT_EQ(0, self->d.rings);
	EXPECT_EQ(0, sysfs_number(self->d.id, "rings"));
}

TEST_F(signal, bad_arguments)
{
	struct spl_group_count c[SPL_GROUPS + 1] = { { .group = 64 } };
	struct spl_ioc_wait w = { .size = sizeof(w), .counts = (uintptr_t)c, .nr = 1 }, bad;
	struct spl_ioc_subscribe s = { .size = sizeof(s), .flags = 1 };
	struct spl_ioc_ring r = { .size = sizeof(r), .flags = 1 };
	char long_key[SPL_KEY_MAX_DEFAULT + 2];
	__u64 known = 0;

	memset(long_key, 'x', sizeof(long_key));
	long_key[sizeof(long_key) - 1] = 0;
	EXPECT_EQ(-EINVAL, call(self->reader, SPL_IOC_WAIT, &w)); /* no such group */
	c[0] = (struct spl_group_count){ .group = ~0U };
	EXPECT_EQ(-EINVAL, call(self->reader, SPL_IOC_WAIT, &w));
	c[0] = (struct spl_group_count){ .reserved = 1 };
	EXPECT_EQ(-EINVAL, call(self->reader, SPL_IOC_WAIT, &w));
	c[0] = (struct spl_group_count){};
	EXPECT_EQ(-ETIMEDOUT, call(self->reader, SPL_IOC_WAIT, &w));
#define REFUSED(error, member, value)                                       \
	do {                                                                \
		bad = w;                                                    \
		bad.member = value;                                         \
		EXPECT_EQ(-(error), call(self->reader, SPL_IOC_WAIT, &bad)) \
		{                                                           \
			TH_LOG("%s = %lld", #member, (long long)value);     \
		}                                                           \
	} while (0)
	REFUSED(EINVAL, nr, 0);
	REFUSED(EINVAL, nr, SPL_GROUPS + 1);
	REFUSED(EINVAL, nr, ~0U);
	REFUSED(EINVAL, klen, 1);
	REFUSED(EINVAL, key, 1);
	REFUSED(EINVAL, epoch, 1);
	REFUSED(EFAULT, counts, 4096);
	REFUSED(EOPNOTSUPP, flags, 2);
	w = (struct spl_ioc_wait){
		.size = sizeof(w), .flags = SPL_WAIT_KEY, .key = (uintptr_t) "k", .klen = 1
	};
	EXPECT_EQ(-ETIMEDOUT, call(self->reader, SPL_IOC_WAIT, &w));
	REFUSED(EINVAL, klen, 0);
	REFUSED(EMSGSIZE, klen, SPL_KEY_MAX_DEFAULT + 1);
	REFUSED(EMSGSIZE, klen, ~0U);
	REFUSED(EINVAL, nr, 1);
	REFUSED(EINVAL, counts, (uintptr_t)c);
	REFUSED(EFAULT, key, 4096);
	EXPECT_EQ(-EMSGSIZE, wait_key(self->reader, long_key, &known, 0));
	EXPECT_EQ(-EOPNOTSUPP, call(self->d.fd, SPL_IOC_RING, &r));
	EXPECT_EQ(-EOPNOTSUPP, call(self->reader, SPL_IOC_SUBSCRIBE, &s));
}

TEST_F(signal, a_sleeper_keeps_its_handle_on_its_store)
{
	int fd = open_named(self->d.name, O_RDONLY);
	struct sleeper z = { .fd = fd, .deadline = in_ms(300) };

	sleeper_start(&z);
	ASSERT_TRUE(asleep(&self->d, 1));
	EXPECT_EQ(-EBUSY, attach(fd, self->d.name));
	EXPECT_EQ(-ETIMEDOUT, sleeper_end(&z));
	close(fd);
}

/* Closing wakes nobody, and takes nothing from who sleeps. */
TEST_F(signal, close_while_others_sleep)
{
	int fd = open_named(self->d.name, O_RDONLY), other = open_named(self->d.name, O_RDONLY);
	struct sleeper a = { .fd = fd }, b = { .fd = fd, .key = "k" }, c = { .fd = other };
	long long handles;

	sleeper_start(&a);
	sleeper_start(&b);
	sleeper_start(&c);
	ASSERT_TRUE(asleep(&self->d, 3));
	handles = sysfs_number(self->d.id, "handles");
	close(fd);
	usleep(10000);
	EXPECT_EQ(3, sysfs_number(self->d.id, "sleepers"));
	EXPECT_EQ(handles, sysfs_number(self->d.id, "handles"));
	EXPECT_EQ(0, pulse(&self->d, 1));
	EXPECT_EQ(0, sleeper_end(&a));
	EXPECT_EQ(0, sleeper_end(&c));
	EXPECT_EQ(0, set(&self->d, "k", 1));
	EXPECT_EQ(0, sleeper_end(&b));
	EXPECT_EQ(handles - 1, sysfs_number(self->d.id, "handles"));
	close(other);
}

TEST_F(signal, a_killed_sleeper_leaves_nothing)
{
	__u64 known = 0;
	pid_t pid = fork();

	if (!pid) {
		wait_key(self->reader, "k", &known, FOREVER);
		_exit(0);
	}
	ASSERT_TRUE(asleep(&self->d, 1));
	EXPECT_NE(0, self->d.m.s.signal->births);
	kill(pid, SIGKILL);
	EXPECT_EQ(256 + SIGKILL, wait_for(pid));
	EXPECT_EQ(0, sysfs_number(self->d.id, "sleepers"));
	EXPECT_EQ(0, self->d.m.s.signal->births);
	EXPECT_EQ(0, set(&self->d, "k", 1));
	EXPECT_EQ(0, self->d.rings);
}

static volatile sig_atomic_t handled;

static void on_signal(int nr)
{
	(void)nr;
	handled++;
}

/* A process that sleeps and is sent signals meanwhile; its status: 0: it slept on, 1: EINTR. */
static pid_t sleep_with(int fd, int flags, const char *key)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };
	__u64 known = 0;
	pid_t pid = fork();
	int ret;

	if (pid)
		return pid;
	sigaction(SIGUSR1, &sa, NULL);
	ret = key ? wait_key(fd, key, &known, FOREVER) : wait_group(fd, 5, &known, FOREVER);
	if (!handled)
		_exit(3);
	_exit(ret == -EINTR && !known ? 1 : ret || known != 1 ? 2 : 0);
}

TEST_F(signal, signals_interrupt_or_restart_as_they_were_asked_to)
{
	int key, i;
	pid_t pid;

	for (key = 0; key < 2; key++) {
		pid = sleep_with(self->reader, 0, key ? "k" : NULL);
		ASSERT_TRUE(asleep(&self->d, 1));
		kill(pid, SIGUSR1);
		EXPECT_EQ(1, wait_for(pid));

		pid = sleep_with(self->reader, SA_RESTART, key ? "k" : NULL);
		for (i = 0; i < 20; i++) {
			ASSERT_TRUE(asleep(&self->d, 1));
			kill(pid, SIGUSR1);
			usleep(2000);
		}
		/* Without a handler a stop and a continuation are nothing that anybody notices. */
		kill(pid, SIGSTOP);
		usleep(2000);
		kill(pid, SIGCONT);
		ASSERT_TRUE(asleep(&self->d, 1));
		EXPECT_EQ(0, key ? set(&self->d, "k", 1) : pulse(&self->d, 1 << 5));
		EXPECT_EQ(0, wait_for(pid));
	}
}

TEST_F(signal, a_restarted_wait_keeps_its_deadline)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	__u64 began = clock_ns(), known = 0;
	pid_t pid = fork();
	int i;

	if (!pid) {
		sigaction(SIGUSR1, &sa, NULL);
		_exit(-wait_group(self->reader, 5, &known, began + 300000000));
	}
	for (i = 0; i < 25; i++) {
		usleep(10000);
		if (sysfs_number(self->d.id, "sleepers") == 1)
			kill(pid, SIGUSR1);
	}
	EXPECT_EQ(ETIMEDOUT, wait_for(pid));
	EXPECT_LE(300000000ULL, clock_ns() - began);
	EXPECT_GT(LATE_S * 1000000000ULL, clock_ns() - began);
}

/* Whatever stands in armed and count: no more than wake-ups too many or too few, for this store. */
TEST_F(signal, hostile_counters_harm_nobody_else)
{
	struct spl_signal *sig = self->d.m.s.signal;
	struct sleeper z = { .fd = self->reader, .group = 9 },
		       y = { .fd = self->reader, .key = "k" };
	struct desk other;
	__u64 known = 0;
	int i;

	ASSERT_EQ(0, desk_open(&other, "other", watchable(10)));
	memset(sig, 0xff, sizeof(*sig));
	known = ~0ULL;
	EXPECT_EQ(-ETIMEDOUT, wait_group(self->reader, 9, &known, in_ms(5)));
	known = 0;
	EXPECT_EQ(-ETIMEDOUT, wait_key(self->reader, "k", &known, in_ms(5)));
	z.known = ~0ULL;
	sleeper_start(&z);
	sleeper_start(&y);
	ASSERT_TRUE(asleep(&self->d, 2));
	for (i = 0; i < 1000; i++) {
		memset(sig, i, sizeof(*sig));
		sig->group[9].count = ~0ULL;
		EXPECT_EQ(0, ring(self->d.fd, ~0ULL, ~0ULL));
	}
	/* Another store's sleepers don't notice. */
	{
		struct sleeper o = { .fd = other.fd };

		sleeper_start(&o);
		ASSERT_TRUE(asleep(&other, 1));
		memset(sig, 0, sizeof(*sig));
		EXPECT_EQ(0, pulse(&other, 1));
		EXPECT_EQ(0, sleeper_end(&o));
	}
	/* Armed was wiped away: the writer doesn't ring, the reaper and anybody else who does wakes all. */
	EXPECT_EQ(0, set(&self->d, "k", 1));
	EXPECT_EQ(0, self->d.rings);
	EXPECT_EQ(0, ring(self->d.fd, ~0ULL, ~0ULL));
	EXPECT_EQ(0, sleeper_end(&z));
	EXPECT_EQ(0, sleeper_end(&y));
	desk_close(&other);
}

TEST_F(signal, the_end_of_a_registration_rings_what_is_owed)
{
	struct sleeper z = { .fd = self->reader, .group = 2 };

	sleeper_start(&z);
	ASSERT_TRUE(asleep(&self->d, 1));
	spl_signal(&self->d.w, 1 << 2); /* and no ring */
	EXPECT_EQ(0, unreg(self->d.fd, self->d.w.idx));
	EXPECT_EQ(0, sleeper_end(&z));
	EXPECT_EQ(0, self->d.w.cell->ring_groups);
}

/* A repair may change anything, so whoever waits looks again; and it loses no mark. */
TEST_F(signal, a_repair_loses_no_sleeper)
{
	struct sleeper z = { .fd = self->reader, .key = "k" },
		       y = { .fd = self->reader, .key = "l" };
	struct spl_check_counts c;

	EXPECT_EQ(0, set(&self->d, "k", 1));
	z.known = epoch(&self->d, "k");
	sleeper_start(&z);
	sleeper_start(&y);
	ASSERT_TRUE(asleep(&self->d, 2));
	EXPECT_EQ(0, check(self->d.fd, SPL_CHECK_REPAIR, &c));
	EXPECT_EQ(0, c.repaired);
	ASSERT_TRUE(asleep(&self->d, 2));
	EXPECT_EQ(0, set(&self->d, "k", 2));
	EXPECT_EQ(0, set(&self->d, "l", 2));
	EXPECT_EQ(0, sleeper_end(&z));
	EXPECT_EQ(0, sleeper_end(&y));
}

/* Keys that are marked as waited for; the marks are taken away if @spoil. */
static int marks(struct spl_store *s, bool spoil)
{
	__u64 *guard;
	__u32 b, i;
	int nr = 0;

	for (b = 0; b < s->buckets; b++) {
		for (i = 0; i < SPL_BUCKET_CELLS; i++) {
			guard = &s->attrs[b].cell[i].guard;
			nr += !!(spl_load(guard) & SPL_ATTR_WAITED);
			if (spoil)
				spl_and64(guard, ~SPL_ATTR_WAITED);
		}
		if (spoil)
			spl_and64(&s->index[b].overflow, ~SPL_NOTICE);
	}
	return nr;
}

/* What a repair is needed for may have spoiled the marks of who sleeps, too. */
TEST_F(signal, a_repair_brings_spoiled_marks_back)
{
	struct sleeper z = { .fd = self->reader, .key = "k" },
		       y = { .fd = self->reader, .key = "l" };
	double late = now_s() + LATE_S / 6;
	struct spl_check_counts c;

	EXPECT_EQ(0, set(&self->d, "k", 1));
	z.known = epoch(&self->d, "k");
	sleeper_start(&z);
	sleeper_start(&y);
	ASSERT_TRUE(asleep(&self->d, 2));
	EXPECT_EQ(1, marks(&self->d.m.s, true));
	spl_store(&self->d.m.s.signal->births, 0ULL);
	EXPECT_EQ(0, check(self->d.fd, SPL_CHECK_REPAIR, &c));
	while (now_s() < late &&
	       (!marks(&self->d.m.s, false) || !spl_load(&self->d.m.s.signal->births)))
		usleep(1000);
	EXPECT_EQ(1, marks(&self->d.m.s, false));
	EXPECT_NE(0, spl_load(&self->d.m.s.signal->births));
	ASSERT_TRUE(asleep(&self->d, 2));
	EXPECT_EQ(0, set(&self->d, "k", 2));
	EXPECT_EQ(0, set(&self->d, "l", 2));
	/* A sleeper that is about to arm again isn't rung, and looks: what counts is that both end by themselves. */
	late = now_s() + LATE_S / 6;
	while (now_s() < late && (z.ret == 1 || y.ret == 1))
		usleep(1000);
	EXPECT_NE(1, z.ret);
	EXPECT_NE(1, y.ret);
	ring(self->d.fd, ~0ULL, ~0ULL); /* or the threads would outlive the test */
	EXPECT_EQ(0, sleeper_end(&z));
	EXPECT_EQ(0, sleeper_end(&y));
	EXPECT_EQ(0, marks(&self->d.m.s, false));
	EXPECT_EQ(0, spl_load(&self->d.m.s.signal->births));
}

/* A child that repairs the store; 0: it is over, before anybody has seen it at work. */
static pid_t begin_repair(int fd, int *done)
{
	struct spl_check_counts c;
	int writer = 0;
	pid_t pid;

	*done = 0;
	pid = fork();
	if (!pid) {
		int ret = check(fd, SPL_CHECK_REPAIR, &c);

		spl_store(done, 1);
		_exit(ret != 0 && ret != -EBUSY);
	}
	while (!spl_load(done)) {
		writer = reg(fd);
		if (writer == -EAGAIN)
			return pid;
		unreg(fd, writer);
		usleep(500);
	}
	wait_for(pid);
	return 0;
}

/* Did that end long before a repair that was under way when it began, and takes @whole ns? */
static bool was_quick(__u64 began, __u64 whole, int *done)
{
	return clock_ns() - began < whole / 3 && !spl_load(done);
}

/* While a repair of a large store runs, who sleeps can be killed, and deadlines are kept. */
TEST_F_TIMEOUT(signal, a_repair_holds_nobody_up, 150)
{
	int *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = open_new("signal: large", watchable(600000)), tries, quick[2] = {};
	struct desk large = { .fd = fd, .id = geometry(fd).store_id };
	__u64 began, whole, known = 0;
	struct spl_check_counts c;
	pid_t repairer, sleeper;

	ASSERT_GE(fd, 0);
	began = clock_ns();
	ASSERT_EQ(0, check(fd, SPL_CHECK_REPAIR, &c));
	whole = clock_ns() - began;
	for (tries = 0; tries < 40 && !(quick[0] && quick[1]); tries++) {
		sleeper = fork();
		if (!sleeper) {
			wait_key(fd, "absent", &known, FOREVER);
			_exit(0);
		}
		ASSERT_TRUE(asleep(&large, 1));
		repairer = begin_repair(fd, done);
		began = clock_ns();
		if (repairer && tries % 2) {
			EXPECT_EQ(-ETIMEDOUT, wait_key(fd, "other", &known, began + whole / 20));
			quick[1] += was_quick(began, whole, done);
		}
		kill(sleeper, SIGKILL);
		ASSERT_EQ(256 + SIGKILL, wait_for(sleeper));
		if (repairer) {
			quick[0] += !(tries % 2) && was_quick(began, whole, done);
			EXPECT_EQ(0, wait_for(repairer));
		}
	}
	TH_LOG("a repair takes %llu ms; %d tries", (unsigned long long)whole / 1000000, tries);
	EXPECT_LT(0, quick[0]);
	EXPECT_LT(0, quick[1]);
	EXPECT_EQ(0, by_name(fd, SPL_IOC_DESTROY, "signal: large"));
	close(fd);
	munmap(done, 4096);
}

TEST_HARNESS_MAIN
