// SPDX-License-Identifier: MIT
/*
 * channel_hostile.c - an end that writes anything into what it may write: the other end gets an error or nonsense, never a
 * byte from elsewhere, and the kernel neither notices nor hangs. What an end makes of forged bytes without a kernel is
 * the native tests' and the fuzzer's.
 * selftest-timeout: 300
 */
#include "kselftest_harness.h"
#include "channel.h"
#include <sys/prctl.h>

#define ROUND_S 6

FIXTURE(hostile)
{
	char name[32];
	int h;
	struct end tx, rx;
};

FIXTURE_SETUP(hostile)
{
	snprintf(self->name, sizeof(self->name), "hostile%d", getpid());
	self->h = open_new(self->name, small(10));
	ASSERT_GE(self->h, 0);
}

FIXTURE_TEARDOWN(hostile)
{
	unlink_store(self->name);
	close(self->h);
}

TEST_F(hostile, forged_headers_are_refused)
{
	__u64 v, lengths[] = { 2033, 4096, 1 << 20, SPL_MESSAGE_BYTES };
	size_t i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
		ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
		*(__u64 *)self->tx.map.data = spl_message_stamp(0) | lengths[i];
		EXPECT_EQ(0, channel_wait(self->rx.fd, 0, 0));
		EXPECT_EQ(-EBADMSG, end_recv(&self->rx, &v));
		end_close(&self->tx);
		/* Nor does the next producer follow it out of the ring. */
		EXPECT_EQ(-EBADMSG, end_open(&self->tx, self->h, "a", 0, 0, TX));
		end_close(&self->tx);
		end_close(&self->rx);
		channel_unlink(self->h, "a");
	}
}

TEST_F(hostile, forged_positions_are_refused)
{
	static const __u64 forged[] = { 1,	    64,	   4096,       8192,
					1ULL << 63, ~0ULL, ~0ULL - 63, (1ULL << 63) + 64 };
	size_t i;
	__u64 k;
	int ret;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
		ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
		self->rx.map.rx->read = forged[i];
		self->rx.map.rx->tail = forged[i];
		for (k = 0; k < 65; k++) {
			void *p;

			ret = spl_tx_acquire(&self->tx.tx, 48, &p);
			if (ret)
				break;
			spl_tx_commit(&self->tx.tx, 48, 0, 0);
			spl_tx_flush(&self->tx.tx);
		}
		/* Where a consumer could be, is believed. */
		if (forged[i] == 64 || forged[i] == 4096) {
			EXPECT_EQ(0, ret);
		} else {
			EXPECT_EQ(64, k);
			EXPECT_EQ(-EBADMSG, ret);
		}
		/* The kernel only compares. */
		ret = channel_wait(self->tx.fd, 64, 0);
		EXPECT_TRUE(ret == 0 || ret == -ETIMEDOUT);
		end_close(&self->tx);
		end_close(&self->rx);
		channel_unlink(self->h, "a");
	}
}

static __u64 rnd(__u64 *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Words that look right more often than random ones do. */
static __u64 nonsense(__u64 *s, __u64 near)
{
	switch (rnd(s) % 5) {
	case 0:
		return rnd(s);
	case 1:
		return near + rnd(s) % 8192;
	case 2:
		return near & ~63ULL;
	case 3:
		return spl_message_stamp(near & ~63ULL) | (rnd(s) % 5000);
	default:
		return 1ULL << rnd(s) % 64;
	}
}

/* Until it is killed: all that this end may write. */
static void scribble(int h, __u32 role)
{
	__u64 s = 88172645463325252ULL + role;
	struct end e;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (end_open(&e, h, "a", 0, 0, role) && !e.map.info)
		_exit(1);
	for (;;) {
		if (role == TX) {
			__u64 near = spl_load(&e.map.rx->read);

			spl_store((__u64 *)e.map.data + rnd(&s) % 512, nonsense(&s, near));
			spl_store((__u64 *)e.map.data + (near & 4095) / 8, nonsense(&s, near));
			spl_store((__u64 *)e.map.tx + rnd(&s) % 16, nonsense(&s, near));
		} else {
			__u64 near = spl_load(&e.map.tx->head);

			spl_store((__u64 *)e.map.rx + rnd(&s) % 16, nonsense(&s, near));
			spl_store((__u64 *)e.map.rx + rnd(&s) % 512, rnd(&s));
		}
		if (rnd(&s) % 64 == 0)
			channel_ring(e.fd);
		if (rnd(&s) % 64 == 0)
			channel_wait(e.fd, nonsense(&s, 0), rnd(&s) % 2 ? 0 : clock_ns() + 1000);
		if (rnd(&s) % 256 == 0) {
			struct pollfd p = { .fd = e.fd, .events = POLLIN | POLLOUT };

			poll(&p, 1, 0);
		}
	}
}

static int known(int ret)
{
	return !ret || ret == -EAGAIN || ret == -EBADMSG || ret == -ETIMEDOUT || ret == -EPIPE;
}

TEST_F_TIMEOUT(hostile, a_producer_that_writes_anything, 120)
{
	__u64 got = 0, refused = 0, sum = 0;
	struct spl_received m;
	double began = now_s();
	pid_t pid;
	int ret;

	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", CREATE, 4096, RX));
	pid = fork();
	if (!pid)
		scribble(self->h, TX);
	while (now_s() - began < ROUND_S) {
		struct pollfd p = { .fd = self->rx.fd, .events = POLLIN };
		__u32 i;

		ret = spl_rx_acquire(&self->rx.rx, &m);
		ASSERT_TRUE(known(ret));
		if (!ret) {
			ASSERT_LE(m.bytes, 2032);
			for (i = 0; i < m.bytes; i++)
				sum += ((const unsigned char *)m.payload)[i];
			spl_rx_commit(&self->rx.rx);
			got++;
			continue;
		}
		if (ret == -EBADMSG) {
			/* Past it, to see more of them. */
			refused++;
			self->rx.rx.next += 64;
			self->rx.rx.read = self->rx.rx.next;
			spl_store(&self->rx.map.rx->read, self->rx.rx.read);
		}
		ret = channel_wait(self->rx.fd, self->rx.rx.next, clock_ns() + 1000000);
		ASSERT_TRUE(known(ret));
		ASSERT_LE(0, poll(&p, 1, 0));
	}
	TH_LOG("%llu messages, %llu refused", (unsigned long long)got, (unsigned long long)refused);
	EXPECT_LT(0, got);
	EXPECT_LT(0, refused);
	kill(pid, SIGKILL);
	EXPECT_EQ(256 + SIGKILL, wait_for(pid));
	EXPECT_EQ(2, self->rx.map.info->tx.taken);
	end_close(&self->rx);
}

TEST_F_TIMEOUT(hostile, a_consumer_that_writes_anything, 120)
{
	__u64 sent = 0, refused = 0;
	double began = now_s();
	pid_t pid;
	void *p;
	int ret;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
	pid = fork();
	if (!pid)
		scribble(self->h, RX);
	while (now_s() - began < ROUND_S) {
		struct pollfd q = { .fd = self->tx.fd, .events = POLLOUT };

		ret = spl_tx_acquire(&self->tx.tx, sent * 7 % 2033, &p);
		ASSERT_TRUE(known(ret));
		if (!ret) {
			memset(p, 1, sent * 7 % 2033);
			spl_tx_commit(&self->tx.tx, sent * 7 % 2033, 0, 0);
			if (spl_tx_flush(&self->tx.tx))
				channel_ring(self->tx.fd);
			sent++;
			continue;
		}
		refused += ret == -EBADMSG;
		ret = channel_wait(self->tx.fd, spl_tx_want(&self->tx.tx, 2000),
				   clock_ns() + 1000000);
		ASSERT_TRUE(known(ret));
		ASSERT_LE(0, poll(&q, 1, 0));
	}
	TH_LOG("%llu messages, %llu refusals", (unsigned long long)sent,
	       (unsigned long long)refused);
	EXPECT_LT(0, sent);
	EXPECT_LT(0, refused);
	kill(pid, SIGKILL);
	EXPECT_EQ(256 + SIGKILL, wait_for(pid));
	EXPECT_EQ(2, self->tx.map.info->rx.taken);
	end_close(&self->tx);
}

/* Function calls that a CPU was interrupted for. */
static long long interruptions(int cpu)
{
	long long n = -1, v;
	char line[512], *p;
	FILE *f = fopen("/proc/interrupts", "r");
	int i;

	while (f && fgets(line, sizeof(line), f)) {
		p = strstr(line, "CAL:");
		for (i = 0, p = p ? p + 4 : NULL; p && i <= cpu; i++) {
			v = strtoll(p, &p, 10);
			n = i == cpu ? v : n;
		}
	}
	if (f)
		fclose(f);
	return n;
}

static int on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/* A producer that never leaves CPU 1, and rings while it is told to. */
static void keep_busy(int h, int *rings)
{
	struct end tx;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (on_cpu(1) || end_open(&tx, h, "a", 0, 0, TX))
		_exit(1);
	spl_store(rings, 2);
	for (;;)
		if (spl_load(rings) == 1 && channel_ring(tx.fd))
			_exit(2);
}

/*
 * A sleeper interrupts the other end's CPUs. Waits that time out at once and polling do so no more often than the other
 * end rings.
 */
TEST_F_TIMEOUT(hostile, interruptions_are_as_many_as_rings, 120)
{
	int *rings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long long was, quiet, rung;
	pid_t pid;
	int i, k;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", CREATE, 4096, RX));
	pid = fork();
	if (!pid)
		keep_busy(self->h, rings);
	ASSERT_EQ(0, on_cpu(0));
	while (spl_load(rings) != 2)
		ASSERT_EQ(0, waitpid(pid, &i, WNOHANG));
	for (k = 0; k < 2; k++) {
		spl_store(rings, k);
		was = interruptions(1);
		for (i = 0; i < 2000; i++) {
			struct pollfd p = { .fd = self->rx.fd, .events = POLLIN };

			ASSERT_EQ(-ETIMEDOUT, channel_wait(self->rx.fd, 0, clock_ns() + 200000));
			ASSERT_EQ(0, poll(&p, 1, 0));
		}
		quiet = k ? quiet : interruptions(1) - was;
		rung = interruptions(1) - was;
	}
	TH_LOG("%lld interruptions; when rung %lld", quiet, rung);
	EXPECT_GT(500, quiet);
	EXPECT_LT(1000, rung);
	kill(pid, SIGKILL);
	EXPECT_EQ(256 + SIGKILL, wait_for(pid));
	end_close(&self->rx);
	munmap(rings, 4096);
}

/* A call with any numbers in it says what calls say. */
TEST_F(hostile, calls_with_any_numbers)
{
	static const unsigned int cmds[] = { SPL_IOC_CHANNEL_ATTACH, SPL_IOC_CHANNEL_WAIT,
					     SPL_IOC_CHANNEL_RING,   SPL_IOC_CHANNEL_INFO,
					     SPL_IOC_CHANNEL_OPEN,   SPL_IOC_CHANNEL_LIST,
					     SPL_IOC_CHANNEL_UNLINK };
	double began = now_s();
	__u64 s = 99, buf[512];
	int fd, i, k, n = 0;

	fd = channel_open(self->h, "a", CREATE, 4096, TX, MAY_ALL);
	ASSERT_GE(fd, 0);
	while (now_s() - began < ROUND_S / 2) {
		for (i = 0; i < 16; i++)
			buf[i] = rnd(&s) % 3 ? rnd(&s) % 4 : nonsense(&s, 0);
		memset(buf + 16, 0, sizeof(buf) - 128);
		buf[0] = rnd(&s) % 200; /* size, and no flags */
		if (rnd(&s) % 8 == 0)
			buf[0] |= rnd(&s) << 32;
		i = rnd(&s) % 7;
		if (cmds[i] == SPL_IOC_CHANNEL_WAIT)
			buf[2] = rnd(&s) % 1000000;
		if (call(i < 4 ? fd : self->h, cmds[i], buf) == 0)
			n++;
		/* Files that came of it. */
		for (k = fd + 1; n % 16 == 0 && k < 64; k++)
			close(k);
	}
	for (k = fd + 1; k < 64; k++)
		close(k);
	EXPECT_LT(0, n);
	close(fd);
}

TEST_HARNESS_MAIN
