// SPDX-License-Identifier: MIT
/*
 * channel_flow.c - messages between processes that sleep: none lost, none late, deadlines, signals, poll, epoll. The only
 * way to fail is late: no wake-up is helped by a timer.
 * selftest-timeout: 600
 */
#include "kselftest_harness.h"
#include "channel.h"
#include <pthread.h>

FIXTURE(flow)
{
	char name[32];
	int h;
	struct end tx, rx;
};

FIXTURE_SETUP(flow)
{
	snprintf(self->name, sizeof(self->name), "flow%d", getpid());
	self->h = open_new(self->name, small(10));
	ASSERT_GE(self->h, 0);
}

FIXTURE_TEARDOWN(flow)
{
	unlink_store(self->name);
	close(self->h);
}

/* Answers what comes in @in on @out, until @in's producer is gone. */
static void echo(int h, const char *in, const char *out, __u32 bytes)
{
	struct end rx, tx;
	__u64 v;
	int ret;

	if (end_open(&rx, h, in, 0, 0, RX) || end_open(&tx, h, out, 0, 0, TX))
		_exit(1);
	while (!(ret = end_recv(&rx, &v)))
		if (end_send(&tx, v + 1, bytes))
			_exit(2);
	_exit(ret == -EPIPE ? 0 : 3);
}

TEST_F_TIMEOUT(flow, both_ways_between_processes_that_sleep, 120)
{
	static const __u32 sizes[] = { 8, 48, 49, 1000, 2032 };
	__u64 v, i, n = 0;
	size_t s;
	pid_t pid;

	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		ASSERT_EQ(0, end_open(&self->tx, self->h, "ask", CREATE, 4096, TX));
		ASSERT_EQ(0, end_open(&self->rx, self->h, "answer", CREATE, 4096, RX));
		pid = fork();
		if (!pid)
			echo(self->h, "ask", "answer", sizes[s]);
		for (i = 0; i < 300; i++, n++) {
			ASSERT_EQ(0, end_send(&self->tx, n, sizes[s]));
			ASSERT_EQ(0, end_recv(&self->rx, &v));
			ASSERT_EQ(n + 1, v);
		}
		end_close(&self->tx);
		EXPECT_EQ(-EPIPE, end_recv(&self->rx, &v));
		end_close(&self->rx);
		EXPECT_EQ(0, wait_for(pid));
		channel_unlink(self->h, "ask");
		channel_unlink(self->h, "answer");
	}
}

/*
 * Both ends sleep as often as they can: a ring of 64 lines, a producer and a consumer that stop at random. Who sleeps and
 * isn't woken is late, and nothing else fails. On a slow machine it ends after a time, and tells how far it came.
 */
#define STORM 300000
#define STORM_S 60
#define STORM_MIN 5000 /* less than this in that time isn't a slow machine */
#define LAST (~0ULL)

static void storm_consume(int h)
{
	unsigned int seed = 7;
	struct end rx;
	__u64 v, i;

	if (end_open(&rx, h, "storm", 0, 0, RX))
		_exit(1);
	for (i = 0;; i++) {
		if (end_recv(&rx, &v))
			_exit(2);
		if (v == LAST)
			_exit(0);
		if (v != i)
			_exit(3);
		if (rand_r(&seed) % 8 == 0)
			sched_yield();
	}
}

TEST_F_TIMEOUT(flow, no_wake_up_is_lost, 170)
{
	unsigned int seed = 3;
	double began = now_s();
	pid_t pid;
	__u64 i;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "storm", CREATE, 4096, TX));
	pid = fork();
	if (!pid)
		storm_consume(self->h);
	for (i = 0; i < STORM && now_s() - began < STORM_S; i++) {
		ASSERT_EQ(0, end_send(&self->tx, i, rand_r(&seed) % 200 + 8));
		if (rand_r(&seed) % 8 == 0)
			sched_yield();
	}
	ASSERT_EQ(0, end_send(&self->tx, LAST, 8));
	EXPECT_EQ(0, wait_for(pid));
	TH_LOG("%llu messages in %.1f s", (unsigned long long)i, now_s() - began);
	EXPECT_LT(STORM_MIN, i);
	end_close(&self->tx);
}

/* Every message is one sleep: up to a hundred thousand of them each way. */
TEST_F_TIMEOUT(flow, hundreds_of_thousands_of_sleeps, 170)
{
	double began = now_s();
	__u64 v, i, sleeps = 0;
	pid_t pid;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "ask", CREATE, 4096, TX));
	ASSERT_EQ(0, end_open(&self->rx, self->h, "answer", CREATE, 4096, RX));
	pid = fork();
	if (!pid)
		echo(self->h, "ask", "answer", 16);
	for (i = 0; i < 100000 && now_s() - began < STORM_S; i++) {
		ASSERT_EQ(0, end_send(&self->tx, i, 16));
		if (!spl_rx_ready(&self->rx.rx)) {
			ASSERT_EQ(0, channel_wait(self->rx.fd, self->rx.rx.next, late()));
			sleeps++;
		}
		ASSERT_EQ(0, end_recv(&self->rx, &v));
		ASSERT_EQ(i + 1, v);
	}
	TH_LOG("%llu sleeps at this end in %.1f s", (unsigned long long)sleeps, now_s() - began);
	EXPECT_LT(STORM_MIN / 5, sleeps);
	end_close(&self->tx);
	end_close(&self->rx);
	EXPECT_EQ(0, wait_for(pid));
}

TEST_F(flow, deadlines_are_absolute)
{
	__u64 began, took;

	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", CREATE, 4096, RX));
	/* Nobody has come yet: that's no broken channel. */
	EXPECT_EQ(-ETIMEDOUT, channel_wait(self->rx.fd, 0, 0));
	EXPECT_EQ(-ETIMEDOUT, channel_wait(self->rx.fd, 0, clock_ns() - 1));
	began = clock_ns();
	EXPECT_EQ(-ETIMEDOUT, channel_wait(self->rx.fd, 0, began + 200000000));
	took = clock_ns() - began;
	EXPECT_LE(200000000, took);
	EXPECT_GT(2000000000, took);
	EXPECT_EQ(-EINVAL, channel_wait(self->rx.fd, 1, 0));
	EXPECT_EQ(-EINVAL, channel_wait(self->rx.fd, 32, 0));
	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", 0, 0, TX));
	EXPECT_EQ(0, channel_wait(self->tx.fd, 0, 0));
	EXPECT_EQ(-ETIMEDOUT, channel_wait(self->tx.fd, 64, 0));
	/* Who gave up is rung for once. */
	EXPECT_EQ(1, self->rx.map.info->rx.asleep);
	EXPECT_EQ(0, end_send(&self->tx, 1, 8));
	EXPECT_EQ(0, self->rx.map.info->rx.asleep);
	EXPECT_EQ(0, channel_wait(self->rx.fd, 0, 0));
	EXPECT_EQ(-ETIMEDOUT, channel_wait(self->rx.fd, 64, 0));
	end_close(&self->tx);
	/* What was published is there, and then it is told that nobody will publish more. */
	EXPECT_EQ(0, channel_wait(self->rx.fd, 0, 0));
	EXPECT_EQ(-EPIPE, channel_wait(self->rx.fd, 64, 0));
	end_close(&self->rx);
}

static volatile int nr_signals;

static void on_signal(int sig)
{
	(void)sig;
	nr_signals++;
}

struct helper {
	pthread_t target;
	struct end *tx;
	int signals;
	bool stop;
};

/* Signals first, then a message. */
static void *pester(void *arg)
{
	struct helper *h = arg;
	int i;

	for (i = 0; i < h->signals && !__atomic_load_n(&h->stop, __ATOMIC_RELAXED); i++) {
		usleep(5000);
		pthread_kill(h->target, SIGUSR1);
	}
	usleep(100000);
	if (h->tx)
		end_send(h->tx, 77, 8);
	return NULL;
}

TEST_F(flow, signals_restart_or_interrupt)
{
	struct helper h = { .target = pthread_self(), .tx = &self->tx, .signals = 20 };
	struct sigaction sa = { .sa_handler = on_signal };
	__u64 began;
	pthread_t t;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
	/* Restarted as it stands, until the message is there. */
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &sa, NULL);
	nr_signals = 0;
	pthread_create(&t, NULL, pester, &h);
	EXPECT_EQ(0, channel_wait(self->rx.fd, 0, late()));
	pthread_join(t, NULL);
	EXPECT_LT(5, nr_signals);

	/* A deadline is not put off by signals. */
	h.tx = NULL;
	h.signals = 50;
	began = clock_ns();
	pthread_create(&t, NULL, pester, &h);
	EXPECT_EQ(-ETIMEDOUT, channel_wait(self->rx.fd, 64, began + 150000000));
	EXPECT_LE(150000000, clock_ns() - began);
	pthread_join(t, NULL);

	sa.sa_flags = 0;
	sigaction(SIGUSR1, &sa, NULL);
	/* As many as it takes: the first ones may come before the wait. */
	h.signals = 10000;
	pthread_create(&t, NULL, pester, &h);
	EXPECT_EQ(-EINTR, channel_wait(self->rx.fd, 64, late()));
	__atomic_store_n(&h.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	end_close(&self->tx);
	end_close(&self->rx);
}

static int polled(int fd, int events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, timeout_ms);

	return n < 0 ? -errno : p.revents;
}

TEST_F(flow, poll_is_level)
{
	int none;
	__u64 v;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
	EXPECT_EQ(POLLOUT, polled(self->tx.fd, POLLOUT | POLLIN, 0));
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
	EXPECT_EQ(0, polled(self->rx.fd, POLLIN, 20));
	EXPECT_EQ(0, end_send(&self->tx, 1, 2000));
	EXPECT_EQ(POLLIN, polled(self->rx.fd, POLLIN, 0));
	EXPECT_EQ(POLLIN, polled(self->rx.fd, POLLIN | POLLOUT, 0));
	/* Room for another one, then for none: what there was no space for is what it waits for. */
	EXPECT_EQ(POLLOUT, polled(self->tx.fd, POLLOUT, 0));
	EXPECT_EQ(0, end_send(&self->tx, 2, 2000));
	{
		void *p;

		EXPECT_EQ(-EAGAIN, spl_tx_acquire(&self->tx.tx, 100, &p));
	}
	EXPECT_EQ(0, polled(self->tx.fd, POLLOUT, 20));
	EXPECT_EQ(0, end_recv(&self->rx, &v));
	EXPECT_EQ(POLLOUT, polled(self->tx.fd, POLLOUT, 0));

	none = channel_attach(self->tx.fd, NONE, 0);
	EXPECT_EQ(POLLERR, polled(none, POLLIN | POLLOUT, 0));
	close(none);

	end_close(&self->tx);
	EXPECT_EQ(POLLIN | POLLHUP, polled(self->rx.fd, POLLIN, 0));
	EXPECT_EQ(0, end_recv(&self->rx, &v));
	EXPECT_EQ(2, v);
	EXPECT_EQ(POLLHUP, polled(self->rx.fd, POLLIN, -1));
	EXPECT_EQ(POLLHUP, polled(self->rx.fd, 0, -1));
	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", 0, 0, TX));
	EXPECT_EQ(0, polled(self->rx.fd, POLLIN, 0));
	end_close(&self->rx);
	EXPECT_EQ(POLLOUT | POLLHUP, polled(self->tx.fd, POLLOUT, 0));
	end_close(&self->tx);
}

/* A consumer that only ever polls, and a producer that polls for space: level or edges. */
static void poll_consume(int h, int edge)
{
	struct epoll_event ev = { .events = EPOLLIN | (edge ? EPOLLET : 0) };
	int ep = epoll_create1(0), got;
	struct spl_received m;
	struct end rx;
	__u64 i = 0;

	if (end_open(&rx, h, "a", 0, 0, RX) || epoll_ctl(ep, EPOLL_CTL_ADD, rx.fd, &ev))
		_exit(1);
	for (;;) {
		got = epoll_wait(ep, &ev, 1, LATE_S * 1000);
		if (got != 1 || !(ev.events & EPOLLIN))
			_exit(2);
		/* With edges all must be taken; with levels one is enough. */
		while (!spl_rx_acquire(&rx.rx, &m)) {
			if (*(__u64 *)m.payload == LAST)
				_exit(0);
			if (m.bytes != 16 || *(__u64 *)m.payload != i++)
				_exit(3);
			if (spl_rx_commit(&rx.rx))
				channel_ring(rx.fd);
			if (!edge)
				break;
		}
	}
}

/* How many it sent; negative: it was late. The last one's value is LAST. */
static long poll_produce(struct end *tx, int edge, __u64 n)
{
	double began = now_s();
	struct epoll_event ev = { .events = EPOLLOUT | (edge ? EPOLLET : 0) };
	unsigned int seed = 5;
	int ep = epoll_create1(0);
	void *p = NULL;
	__u64 i;

	if (epoll_ctl(ep, EPOLL_CTL_ADD, tx->fd, &ev))
		return -1;
	for (i = 0; i <= n; i++) {
		if (now_s() - began > STORM_S)
			n = i;
		while (spl_tx_acquire(&tx->tx, 16, &p) == -EAGAIN)
			if (epoll_wait(ep, &ev, 1, LATE_S * 1000) != 1)
				return -2;
		((__u64 *)p)[0] = i < n ? i : LAST;
		((__u64 *)p)[1] = 0;
		spl_tx_commit(&tx->tx, 16, 0, 0);
		if (spl_tx_flush(&tx->tx))
			channel_ring(tx->fd);
		if (rand_r(&seed) % 16 == 0)
			usleep(rand_r(&seed) % 50);
	}
	close(ep);
	return (long)n;
}

static long poll_storm(int h, int edge, __u64 n)
{
	struct end tx;
	pid_t pid;
	long ret;
	int said;

	if (end_open(&tx, h, "a", CREATE, 4096, TX))
		return -1;
	pid = fork();
	if (!pid)
		poll_consume(h, edge);
	ret = poll_produce(&tx, edge, n);
	if (ret < 0)
		kill(pid, SIGKILL);
	said = wait_for(pid);
	if (said)
		ret = -said;
	end_close(&tx);
	channel_unlink(h, "a");
	return ret;
}

TEST_F_TIMEOUT(flow, epoll_by_level_loses_nothing, 170)
{
	long n = poll_storm(self->h, 0, 30000);

	TH_LOG("%ld messages", n);
	EXPECT_LT(STORM_MIN / 5, n);
}

TEST_F_TIMEOUT(flow, epoll_by_edges_loses_nothing, 170)
{
	long n = poll_storm(self->h, 1, 30000);

	TH_LOG("%ld messages", n);
	EXPECT_LT(STORM_MIN / 5, n);
}

TEST_F(flow, edges_come_once_each)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0);
	__u64 v;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->rx.fd, &ev));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 10));
	ASSERT_EQ(0, end_send(&self->tx, 1, 8));
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, 1000));
	EXPECT_EQ(EPOLLIN, ev.events);
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 10));
	/* The next one too, though the first wasn't taken yet. */
	ASSERT_EQ(0, end_send(&self->tx, 2, 8));
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, 1000));
	EXPECT_EQ(0, end_recv(&self->rx, &v));
	EXPECT_EQ(0, end_recv(&self->rx, &v));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 10));
	end_close(&self->tx);
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, 1000));
	EXPECT_EQ(EPOLLHUP, ev.events);
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 10));
	close(ep);
	end_close(&self->rx);
}

struct waiter {
	int fd;
	int ret;
	__u64 position;
};

static void *wait_thread(void *arg)
{
	struct waiter *w = arg;

	w->ret = channel_wait(w->fd, w->position, late());
	return NULL;
}

/* As a pipe's reader, who sleeps keeps the file until he is woken. */
TEST_F(flow, closing_the_file_under_a_sleeper)
{
	struct waiter w = { .ret = 1 };
	pthread_t t;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
	w.fd = channel_open(self->h, "a", 0, 0, RX, 0);
	ASSERT_GE(w.fd, 0);
	pthread_create(&t, NULL, wait_thread, &w);
	usleep(100000);
	EXPECT_EQ(0, close(w.fd));
	usleep(50000);
	EXPECT_EQ(-EBUSY, channel_open(self->h, "a", 0, 0, RX, 0));
	EXPECT_EQ(0, end_send(&self->tx, 1, 8));
	pthread_join(t, NULL);
	EXPECT_EQ(0, w.ret);
	EXPECT_EQ(2, self->tx.map.info->rx.taken);
	end_close(&self->tx);
}

TEST_F(flow, unlinking_and_losing_the_store_under_a_sleeper)
{
	struct waiter w = { .ret = 1 };
	int h = open_new("going", small(10));
	pthread_t t;

	ASSERT_GE(h, 0);
	ASSERT_EQ(0, end_open(&self->tx, h, "a", CREATE, 4096, TX));
	ASSERT_EQ(0, end_open(&self->rx, h, "a", 0, 0, RX));
	w.fd = self->rx.fd;
	pthread_create(&t, NULL, wait_thread, &w);
	usleep(50000);
	EXPECT_EQ(0, channel_unlink(h, "a"));
	EXPECT_EQ(0, by_name(h, SPL_IOC_DESTROY, "going"));
	close(h);
	usleep(50000);
	EXPECT_EQ(1, w.ret);
	EXPECT_EQ(0, end_send(&self->tx, 1, 8));
	pthread_join(t, NULL);
	EXPECT_EQ(0, w.ret);
	end_close(&self->tx);
	end_close(&self->rx);
}

/* All who sleep at an end are woken. */
TEST_F(flow, several_sleepers_at_one_end)
{
	struct waiter w[4];
	pthread_t t[4];
	int i;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
	for (i = 0; i < 4; i++) {
		w[i] = (struct waiter){ .fd = self->rx.fd, .ret = 1, .position = i / 2 * 64 };
		pthread_create(&t[i], NULL, wait_thread, &w[i]);
	}
	usleep(100000);
	EXPECT_EQ(0, end_send(&self->tx, 1, 8));
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	EXPECT_EQ(1, w[2].ret);
	EXPECT_EQ(0, end_send(&self->tx, 2, 8));
	pthread_join(t[2], NULL);
	pthread_join(t[3], NULL);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, w[i].ret);
	end_close(&self->tx);
	end_close(&self->rx);
}

TEST_HARNESS_MAIN
