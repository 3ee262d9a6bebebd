// SPDX-License-Identifier: MIT
/*
 * signal_poll.c - a handle's subscription: poll, select, epoll (level and edge), read and its records. Calls that wait
 * are signal.c's.
 */
#include "kselftest_harness.h"
#include "sleeper.h"

FIXTURE(poll)
{
	struct desk d;
	int fd; /* read-only, subscribed to groups 1 and 63 */
};

#define G1 (1ULL << 1)
#define G63 (1ULL << 63)

FIXTURE_SETUP(poll)
{
	ASSERT_EQ(0, desk_open(&self->d, "poll", watchable(100)));
	self->fd = handle_on(self->d.name, O_RDONLY, G1 | G63);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(poll)
{
	close(self->fd);
	EXPECT_TRUE(asleep(&self->d, 0));
	desk_close(&self->d);
	EXPECT_EQ(-1, sysfs_number(self->d.id, "lanes"));
}

TEST_F(poll, a_handle_without_subscription_says_so)
{
	int fd = open_named(self->d.name, O_RDONLY);
	struct spl_pulses rec[2];

	EXPECT_EQ(POLLERR, polled(fd, -1));
	EXPECT_EQ(-EINVAL, read_records(fd, rec, 2));
	EXPECT_EQ(0, subscribe(fd, 1));
	EXPECT_EQ(0, polled(fd, 0));
	EXPECT_EQ(0, subscribe(fd, 0));
	EXPECT_EQ(POLLERR, polled(fd, -1));
	EXPECT_EQ(0, subscribe(fd, 0));
	close(fd);
}

TEST_F(poll, pending_groups_are_read_once)
{
	struct spl_pulses rec[4];

	EXPECT_EQ(0, polled(self->fd, 0));
	EXPECT_EQ(0, pulse(&self->d, 1)); /* not subscribed */
	EXPECT_EQ(0, polled(self->fd, 0));
	EXPECT_EQ(0, pulse(&self->d, G63));
	EXPECT_EQ(0, pulse(&self->d, G63 | G1));
	EXPECT_EQ(POLLIN, polled(self->fd, -1));
	EXPECT_EQ(POLLIN, polled(self->fd, -1));
	EXPECT_EQ(2, read_records(self->fd, rec, 4));
	EXPECT_EQ(1, rec[0].group);
	EXPECT_EQ(1, rec[0].pulses);
	EXPECT_EQ(63, rec[1].group);
	EXPECT_EQ(2, rec[1].pulses);
	EXPECT_EQ(0, rec[0].reserved | rec[1].reserved);
	EXPECT_EQ(0, polled(self->fd, 0));
	EXPECT_EQ(0, nonblocking(self->fd));
	EXPECT_EQ(-EAGAIN, read_records(self->fd, rec, 4));
}

TEST_F(poll, short_buffers)
{
	struct spl_pulses rec[2];
	char buf[64];

	EXPECT_EQ(0, pulse(&self->d, G63 | G1));
	errno = 0;
	EXPECT_EQ(-1, read(self->fd, buf, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->fd, buf, sizeof(rec[0]) - 1));
	EXPECT_EQ(EINVAL, errno);
	/* One record at a time; the other one stays pending. */
	EXPECT_EQ((int)sizeof(rec[0]), read(self->fd, buf, 2 * sizeof(rec[0]) - 1));
	EXPECT_EQ(POLLIN, polled(self->fd, 0));
	EXPECT_EQ(1, read_records(self->fd, rec, 1));
	EXPECT_EQ(63, rec[0].group);
	EXPECT_EQ(0, polled(self->fd, 0));
}

TEST_F(poll, what_could_not_be_copied_is_told_again)
{
	struct spl_pulses rec[2];

	EXPECT_EQ(0, pulse(&self->d, G63 | G1));
	EXPECT_EQ(-1, read(self->fd, (void *)4096, 4096));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(2, read_records(self->fd, rec, 2));
	EXPECT_EQ(1, rec[0].pulses);
	EXPECT_EQ(1, rec[1].pulses);
}

TEST_F(poll, all_groups_at_once)
{
	struct spl_pulses rec[SPL_GROUPS + 8];
	int i;

	EXPECT_EQ(0, subscribe(self->fd, ~0ULL));
	EXPECT_EQ(0, polled(self->fd, 0));
	EXPECT_EQ(SPL_GROUPS, sysfs_number(self->d.id, "sleepers"));
	EXPECT_EQ(0, pulse(&self->d, ~0ULL));
	EXPECT_EQ(1, self->d.rings);
	EXPECT_EQ(SPL_GROUPS, read_records(self->fd, rec, SPL_GROUPS + 8));
	for (i = 0; i < SPL_GROUPS; i++) {
		EXPECT_EQ(i, (int)rec[i].group);
		EXPECT_EQ(1, rec[i].pulses);
	}
}

TEST_F(poll, a_changed_subscription_forgets_nothing)
{
	struct spl_pulses rec[4];

	EXPECT_EQ(0, pulse(&self->d, 2 * G1 | G1));
	EXPECT_EQ(0, subscribe(self->fd, G1 | 2 * G1)); /* 63 goes, 2 comes, as it is now */
	EXPECT_EQ(1, read_records(self->fd, rec, 4));
	EXPECT_EQ(1, rec[0].group);
	EXPECT_EQ(0, pulse(&self->d, G63 | 2 * G1));
	EXPECT_EQ(1, read_records(self->fd, rec, 4));
	EXPECT_EQ(2, rec[0].group);
}

/* While nobody has asked, or while something is pending, a handle costs writers nothing. */
TEST_F(poll, rings_only_for_who_may_sleep)
{
	struct spl_pulses rec[4];
	int i;

	for (i = 0; i < 100; i++)
		EXPECT_EQ(0, pulse(&self->d, G1));
	EXPECT_EQ(0, self->d.rings);
	EXPECT_EQ(POLLIN, polled(self->fd, 0));
	EXPECT_EQ(1, read_records(self->fd, rec, 4));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(0, pulse(&self->d, G1));
	EXPECT_EQ(0, self->d.rings);
	EXPECT_EQ(1, read_records(self->fd, rec, 4));
	EXPECT_EQ(100, rec[0].pulses);
	EXPECT_EQ(0, polled(self->fd, 0)); /* from here on it might sleep */
	for (i = 0; i < 100; i++)
		EXPECT_EQ(0, pulse(&self->d, G1));
	EXPECT_EQ(1, self->d.rings);
	EXPECT_EQ(1, sysfs_number(self->d.id, "rings"));
}

struct waker {
	struct desk *d;
	char name[40];
	__u64 groups;
	long long sleepers; /* to wait for */
	pthread_t thread;
	int ret;
};

/* Pulses once as many sleep as should; a writer of its own. */
static void *waker_run(void *arg)
{
	struct waker *k = arg;
	struct desk d;

	k->ret = desk_join(&d, k->name);
	if (k->ret)
		return NULL;
	k->ret = asleep(&d, k->sleepers) ? pulse(&d, k->groups) : -ETIME;
	desk_leave(&d);
	return NULL;
}

static void waker_start(struct waker *k, struct desk *d, __u64 groups, long long sleepers)
{
	*k = (struct waker){ .groups = groups, .sleepers = sleepers };
	strcpy(k->name, d->name);
	pthread_create(&k->thread, NULL, waker_run, k);
}

static int waker_end(struct waker *k)
{
	pthread_join(k->thread, NULL);
	return k->ret;
}

TEST_F(poll, poll_sleeps_until_a_pulse)
{
	struct waker k;

	waker_start(&k, &self->d, G63, 2);
	EXPECT_EQ(POLLIN, polled(self->fd, LATE_S * 1000));
	EXPECT_EQ(0, waker_end(&k));
}

TEST_F(poll, select_sleeps_until_a_pulse)
{
	struct timeval tv = { .tv_sec = LATE_S };
	struct waker k;
	fd_set in;

	FD_ZERO(&in);
	FD_SET(self->fd, &in);
	waker_start(&k, &self->d, G1, 2);
	EXPECT_EQ(1, select(self->fd + 1, &in, NULL, NULL, &tv));
	EXPECT_EQ(0, waker_end(&k));
}

TEST_F(poll, read_sleeps_until_a_pulse)
{
	struct spl_pulses rec[4];
	struct waker k;

	waker_start(&k, &self->d, G63, 2);
	EXPECT_EQ(1, read_records(self->fd, rec, 4));
	EXPECT_EQ(63, rec[0].group);
	EXPECT_EQ(0, waker_end(&k));
}

static int epoll_of(int fd, __u32 events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) ? -errno : ep;
}

static int events_of(int ep, int timeout_ms)
{
	struct epoll_event e[4];
	int n = epoll_wait(ep, e, 4, timeout_ms);

	return n == 1 ? (int)e[0].events : n ? -1 : 0;
}

TEST_F(poll, level_triggered_epoll_tells_as_long_as_something_is_pending)
{
	int ep = epoll_of(self->fd, EPOLLIN);
	struct spl_pulses rec[4];
	struct waker k;

	ASSERT_GE(ep, 0);
	EXPECT_EQ(0, events_of(ep, 0));
	EXPECT_EQ(0, pulse(&self->d, G1 | G63));
	EXPECT_EQ(EPOLLIN, events_of(ep, -1));
	EXPECT_EQ(1, read_records(self->fd, rec, 1));
	EXPECT_EQ(EPOLLIN, events_of(ep, 0));
	EXPECT_EQ(1, read_records(self->fd, rec, 1));
	EXPECT_EQ(0, events_of(ep, 0));
	waker_start(&k, &self->d, G63, 2);
	EXPECT_EQ(EPOLLIN, events_of(ep, LATE_S * 1000));
	EXPECT_EQ(0, waker_end(&k));
	close(ep);
}

TEST_F(poll, edge_triggered_epoll_tells_each_ring_once)
{
	int ep = epoll_of(self->fd, EPOLLIN | EPOLLET), i;
	struct spl_pulses rec[4];

	ASSERT_GE(ep, 0);
	EXPECT_EQ(0, nonblocking(self->fd));
	EXPECT_EQ(0, events_of(ep, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, pulse(&self->d, G1));
		EXPECT_EQ(EPOLLIN, events_of(ep, LATE_S * 1000));
		EXPECT_EQ(0, events_of(ep, 0));
		/* Also if nothing has been read, the next one is an edge. */
		EXPECT_EQ(0, pulse(&self->d, i ? G63 : G1));
		EXPECT_EQ(EPOLLIN, events_of(ep, LATE_S * 1000));
		EXPECT_EQ(i ? 2 : 1, read_records(self->fd, rec, 4));
		EXPECT_EQ(-EAGAIN, read_records(self->fd, rec, 4));
		EXPECT_EQ(0, events_of(ep, 0));
	}
	EXPECT_EQ(6, self->d.rings);
	close(ep);
}

TEST_F(poll, an_epoll_set_from_before_the_subscription_sees_it)
{
	int fd = open_named(self->d.name, O_RDONLY), ep = epoll_of(fd, EPOLLIN | EPOLLET);

	ASSERT_GE(ep, 0);
	EXPECT_EQ(EPOLLERR, events_of(ep, 0));
	EXPECT_EQ(0, subscribe(fd, G1));
	EXPECT_EQ(0, events_of(ep, 0));
	EXPECT_EQ(0, pulse(&self->d, G1));
	EXPECT_EQ(EPOLLIN, events_of(ep, LATE_S * 1000));
	close(ep);
	close(fd);
}

TEST_F(poll, epoll_of_a_handle_per_group)
{
	int ep = epoll_create1(0), fd[SPL_GROUPS], i, n;
	struct epoll_event e, many[SPL_GROUPS];
	struct spl_pulses rec[2];

	for (i = 0; i < SPL_GROUPS; i++) {
		fd[i] = handle_on(self->d.name, O_RDONLY, 1ULL << i);
		ASSERT_GE(fd[i], 0);
		e = (struct epoll_event){ .events = EPOLLIN, .data.u32 = i };
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd[i], &e));
	}
	for (i = 0; i < SPL_GROUPS; i++) {
		EXPECT_EQ(0, epoll_wait(ep, many, SPL_GROUPS, 0));
		EXPECT_EQ(0, pulse(&self->d, 1ULL << i));
		n = epoll_wait(ep, many, SPL_GROUPS, LATE_S * 1000);
		EXPECT_EQ(1, n);
		EXPECT_EQ(i, (int)many[0].data.u32);
		EXPECT_EQ(1, read_records(fd[i], rec, 2));
	}
	EXPECT_EQ(0, pulse(&self->d, ~0ULL));
	EXPECT_EQ(SPL_GROUPS, epoll_wait(ep, many, SPL_GROUPS, LATE_S * 1000));
	for (i = 0; i < SPL_GROUPS; i++)
		close(fd[i]);
	close(ep);
}

/* A pulse is told to one of those who share a handle, and to each handle. */
TEST_F(poll, who_shares_a_handle_shares_what_it_tells)
{
	int other = handle_on(self->d.name, O_RDONLY, G1), dupfd = dup(self->fd);
	struct spl_pulses rec[4];

	EXPECT_EQ(0, nonblocking(self->fd));
	EXPECT_EQ(0, nonblocking(other));
	EXPECT_EQ(0, pulse(&self->d, G1));
	EXPECT_EQ(1, read_records(dupfd, rec, 4));
	EXPECT_EQ(-EAGAIN, read_records(self->fd, rec, 4));
	EXPECT_EQ(1, read_records(other, rec, 4));
	close(dupfd);
	close(other);
}

TEST_F(poll, a_subscription_keeps_the_handle_on_its_store)
{
	int fd = dev_open(O_RDONLY);
	int ret = subscribe(fd, 1);

	if (ret == -ENXIO) { /* there is no default store */
		EXPECT_EQ(-EINVAL, read_records(fd, (struct spl_pulses[1]){}, 1));
	} else {
		EXPECT_EQ(0, ret);
		EXPECT_EQ(-EBUSY, attach(fd, self->d.name));
		EXPECT_EQ(0, subscribe(fd, 0));
	}
	EXPECT_EQ(0, attach(fd, self->d.name));
	EXPECT_EQ(0, subscribe(fd, 1));
	close(fd);
}

TEST_F(poll, ending_the_subscription_wakes_who_reads)
{
	struct spl_pulses rec[2];
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(-read_records(self->fd, rec, 2));
	ASSERT_TRUE(asleep(&self->d, 2));
	EXPECT_EQ(0, subscribe(self->fd, 0));
	status = wait_for(pid);
	EXPECT_EQ(EINVAL, status);
}

static void on_signal(int nr)
{
	(void)nr;
}

TEST_F(poll, signals_interrupt_or_restart_a_read)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct spl_pulses rec[2];
	pid_t pid;
	int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, subscribe(self->fd, 0));
		EXPECT_EQ(0, subscribe(self->fd, G1 | G63));
		pid = fork();
		if (!pid) {
			sa.sa_flags = i ? SA_RESTART : 0;
			sigaction(SIGUSR1, &sa, NULL);
			_exit(read_records(self->fd, rec, 2) == (i ? 1 : -EINTR) ? 0 : 1);
		}
		ASSERT_TRUE(asleep(&self->d, 2));
		usleep(20000);
		kill(pid, SIGUSR1);
		usleep(20000);
		if (i)
			EXPECT_EQ(0, pulse(&self->d, G1));
		EXPECT_EQ(0, wait_for(pid));
	}
}

/* One key that changes all the time keeps nobody from hearing of another one. */
TEST_F(poll, a_noisy_key_starves_nobody)
{
	struct spl_pulses rec[SPL_GROUPS];
	unsigned long long loud = 0, quiet = 0;
	double late = now_s() + LATE_S;
	struct desk d;
	pid_t pid;
	long n, i;

	EXPECT_EQ(0, set(&self->d, "loud", 0));
	EXPECT_EQ(0, watch(&self->d, "loud", G1));
	EXPECT_EQ(0, set(&self->d, "quiet", 0));
	EXPECT_EQ(0, watch(&self->d, "quiet", G63));
	pid = fork();
	if (!pid) {
		if (desk_join(&d, self->d.name))
			_exit(1);
		for (i = 1;; i++)
			set(&d, "loud", i);
	}
	while (count(&self->d, 1) < 100 && now_s() < late)
		usleep(1000);
	for (i = 0; i < 50; i++) {
		EXPECT_EQ(0, set(&self->d, "quiet", i));
		do {
			EXPECT_EQ(POLLIN, polled(self->fd, LATE_S * 1000));
			n = read_records(self->fd, rec, SPL_GROUPS);
			while (n-- > 0)
				*(rec[n].group == 63 ? &quiet : &loud) += rec[n].pulses;
		} while ((long)quiet <= i && now_s() < late);
	}
	EXPECT_EQ(50, quiet);
	EXPECT_LT(50, loud);
	kill(pid, SIGKILL);
	wait_for(pid);
}

TEST_HARNESS_MAIN
