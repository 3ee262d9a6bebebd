// SPDX-License-Identifier: MIT
/*
 * channel_end.c - how an end ends: death at any moment, exec, close, unmapping; what the other one is told at once, what
 * can still be received, who takes over; files that fork, dup and sockets hand on.
 */
#include "kselftest_harness.h"
#include "channel.h"
#include "module.h"
#include <linux/io_uring.h>
#include <pthread.h>
#include <sys/uio.h>

FIXTURE(end)
{
	char name[32];
	int h;
	struct end tx, rx;
};

FIXTURE_SETUP(end)
{
	snprintf(self->name, sizeof(self->name), "end%d", getpid());
	self->h = open_new(self->name, small(10));
	ASSERT_GE(self->h, 0);
}

FIXTURE_TEARDOWN(end)
{
	unlink_store(self->name);
	close(self->h);
}

/* Sends numbers from where the last producer ended until it is killed. What it has published is said by the ring. */
static void produce(int h, __u64 v, unsigned int seed)
{
	struct end tx;

	if (end_open(&tx, h, "a", 0, 0, TX))
		_exit(1);
	for (;; v++)
		if (end_send(&tx, v, rand_r(&seed) % 300 + 8))
			_exit(2);
}

/*
 * A producer dies at a random moment, again and again. The consumer, who sleeps when there is nothing, gets all that was
 * published, whole and in order, and then EPIPE; the next producer goes on behind it.
 */
TEST_F_TIMEOUT(end, producers_die_at_any_moment, 170)
{
	double began = now_s();
	unsigned int seed = 1;
	__u64 v, next = 0;
	int i, ret, polled;

	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", CREATE, 4096, RX));
	for (i = 0; i < 200 && now_s() - began < 60; i++) {
		struct pollfd p = { .fd = self->rx.fd, .events = POLLIN };
		pid_t killer, pid = fork();
		int us = rand_r(&seed) % 3000;

		if (!pid)
			produce(self->h, next, i);
		/* Once it has the end: before that nobody is missed. */
		while (!(spl_load(&self->rx.map.info->tx.taken) & 1) &&
		       !waitpid(pid, &ret, WNOHANG))
			sched_yield();
		killer = fork();
		if (!killer) {
			usleep(us);
			kill(pid, SIGKILL);
			_exit(0);
		}
		while (!(ret = end_recv(&self->rx, &v)))
			ASSERT_EQ(next++, v);
		ASSERT_EQ(-EPIPE, ret);
		polled = poll(&p, 1, 0);
		ASSERT_EQ(1, polled);
		ASSERT_EQ(POLLHUP, p.revents);
		wait_for(killer);
		ASSERT_EQ(256 + SIGKILL, wait_for(pid));
	}
	TH_LOG("%d deaths, %llu messages", i, (unsigned long long)next);
	EXPECT_LT(10, i);
	end_close(&self->rx);
}

/* Receives numbers until it is killed; where it is stands in the ring. */
static void consume(int h, unsigned int seed)
{
	struct end rx;
	__u64 v, last = 0;

	if (end_open(&rx, h, "a", 0, 0, RX))
		_exit(1);
	for (;;) {
		if (end_recv(&rx, &v))
			_exit(2);
		if (last && v != last + 1)
			_exit(3);
		last = v;
		if (rand_r(&seed) % 64 == 0)
			sched_yield();
	}
}

/* The same for consumers: the producer, who sleeps for space, gets EPIPE; the next consumer goes on where the last was. */
TEST_F_TIMEOUT(end, consumers_die_at_any_moment, 170)
{
	double began = now_s();
	unsigned int seed = 2;
	__u64 v = 1, got, last;
	int i, ret;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
	for (i = 0; i < 200 && now_s() - began < 60; i++) {
		pid_t killer, pid = fork();
		int us = rand_r(&seed) % 3000;

		if (!pid)
			consume(self->h, i);
		while (!(spl_load(&self->tx.map.info->rx.taken) & 1) &&
		       !waitpid(pid, &ret, WNOHANG))
			sched_yield();
		killer = fork();
		if (!killer) {
			usleep(us);
			kill(pid, SIGKILL);
			_exit(0);
		}
		while (!(ret = end_send(&self->tx, v, rand_r(&seed) % 300 + 8)))
			v++;
		ASSERT_EQ(-EPIPE, ret);
		wait_for(killer);
		ASSERT_EQ(256 + SIGKILL, wait_for(pid));
	}
	/* What nobody took is all there, in order. */
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
	end_close(&self->tx);
	last = 0;
	while (!(ret = end_recv(&self->rx, &got))) {
		if (last)
			ASSERT_EQ(last + 1, got);
		last = got;
	}
	EXPECT_EQ(-EPIPE, ret);
	if (last)
		EXPECT_EQ(v - 1, last);
	TH_LOG("%d deaths, %llu messages", i, (unsigned long long)v);
	EXPECT_LT(10, i);
	end_close(&self->rx);
}

/* How long after the death a sleeper knows: at once, not at some deadline. */
TEST_F(end, who_sleeps_is_told_at_once)
{
	int way, ready[2];
	__u64 told;
	pid_t pid;
	char byte;

	for (way = 0; way < 5; way++) {
		ASSERT_EQ(0, end_open(&self->rx, self->h, "a", CREATE, 4096, RX));
		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		if (!pid) {
			struct end tx;

			if (end_open(&tx, self->h, "a", 0, 0, TX) || write(ready[1], "x", 1) != 1)
				_exit(1);
			usleep(100000);
			if (way == 0)
				kill(getpid(), SIGKILL);
			if (way == 1)
				_exit(0);
			if (way == 2)
				execl("/bin/sleep", "sleep", "1000", NULL);
			if (way == 3)
				munmap(tx.base, tx.bytes);
			if (way == 4)
				end_close(&tx);
			pause();
		}
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		EXPECT_EQ(-EPIPE, channel_wait(self->rx.fd, 0, clock_ns() + 20000000000ULL))
		{
			TH_LOG("way %d", way);
		}
		told = self->rx.map.info->tx.taken;
		EXPECT_EQ(0, told & 1);
		kill(pid, SIGKILL);
		wait_for(pid);
		end_close(&self->rx);
		close(ready[0]);
		close(ready[1]);
	}
}

/* A worker's end doesn't live on in files that its relatives have. */
TEST_F(end, relatives_do_not_keep_it_alive)
{
	int fd = channel_open(self->h, "a", CREATE, 4096, TX, SPL_CHANNEL_MAY_TX), ready[2];
	struct end tx;
	char byte;
	pid_t pid;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	if (!pid) {
		if (end_map(&tx, fd) || end_send(&tx, 5, 8) || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	/* It has the end; nobody else can have it, not even through the same file. */
	EXPECT_EQ(-EBUSY, end_map(&tx, fd));
	EXPECT_EQ(-EBUSY, channel_attach(fd, TX, 0));
	kill(pid, SIGKILL);
	EXPECT_EQ(0, channel_wait(self->rx.fd, 0, late()));
	EXPECT_EQ(-EPIPE, channel_wait(self->rx.fd, 64, late()));
	wait_for(pid);
	/* This file is no end any more; what it may is still asked of it. */
	EXPECT_EQ(NONE, channel_info(fd).role);
	EXPECT_EQ(-EBADF, channel_ring(fd));
	EXPECT_EQ(-EBADF, channel_wait(fd, 0, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				   self->rx.map.info->tx_off));
	EXPECT_EQ(EACCES, errno);
	pid = channel_attach(fd, TX, 0);
	ASSERT_GE(pid, 0);
	ASSERT_EQ(0, end_map(&tx, pid));
	EXPECT_EQ(64, tx.tx.head);
	EXPECT_EQ(0, end_send(&tx, 6, 8));
	EXPECT_EQ(0, channel_wait(self->rx.fd, 64, 0));
	end_close(&tx);
	end_close(&self->rx);
	close(fd);
}

TEST_F(end, fork_does_not_hand_it_on)
{
	pid_t pid;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
	EXPECT_EQ(SIGSEGV, dies_of((char *)self->tx.map.tx, 0));
	EXPECT_EQ(0, dies_of((char *)self->tx.map.info, 0));
	/* Nor can it be asked to: a heavy barrier is for one address space. */
	EXPECT_EQ(-1, madvise(self->tx.map.tx, 4096, MADV_DOFORK));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, madvise(self->tx.map.data, 8192, MADV_DOFORK));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(SIGSEGV, dies_of((char *)self->tx.map.tx, 0));
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
	pid = fork();
	if (!pid)
		pause();
	/* The child has the file, and a reading mapping, but no end. */
	munmap(self->tx.base, self->tx.bytes);
	EXPECT_EQ(2, self->rx.map.info->tx.taken);
	EXPECT_EQ(-EPIPE, channel_wait(self->rx.fd, 0, late()));
	kill(pid, SIGKILL);
	wait_for(pid);
	close(self->tx.fd);
	end_close(&self->rx);
}

static int io_uring_with(void *buf, size_t bytes)
{
	struct io_uring_params params = {};
	struct iovec iov = { buf, bytes };
	int fd = syscall(SYS_io_uring_setup, 1, &params), ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &iov, 1) ? -errno : 0;
	close(fd);
	return ret;
}

/* Pages that somebody holds could still be written when the end is another's. */
TEST_F(end, nobody_holds_its_pages)
{
	void *plain = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *ring;

	/* First: closing an io_uring leaves work to do that ends a creation like a signal (EINTR). */
	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4 << 20, TX));
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
	if (io_uring_with(plain, 4096) == -ENOSYS)
		SKIP(return, "no io_uring in this kernel");
	EXPECT_EQ(0, io_uring_with(plain, 4096));
	ring = (char *)self->tx.map.data;
	EXPECT_EQ(-EFAULT, io_uring_with(ring, 4096)); /* not there yet */
	memset(ring, 1, 4 << 20);
	EXPECT_EQ(-EFAULT, io_uring_with(ring, 4096));
	EXPECT_EQ(-EFAULT, io_uring_with(ring + 4096, 2 << 20));
	self->tx.map.tx->nr_waits = 1;
	EXPECT_EQ(-EFAULT, io_uring_with(self->tx.map.tx, 4096));
	self->rx.map.rx->nr_waits = 1;
	EXPECT_EQ(-EFAULT, io_uring_with(self->rx.map.rx, 4096));
	end_close(&self->tx);
	end_close(&self->rx);
	munmap(plain, 4096);
}

/* System calls copy to and from a ring, and debuggers look at it and change it. */
TEST_F(end, its_bytes_are_reached_by_copying)
{
	struct iovec local, remote;
	int s[2], mem, place;
	char buf[4096];
	char *ring;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 8192, TX));
	ring = (char *)self->tx.map.data;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	/* Across the end of the ring, too. */
	for (place = 100; place < 16000; place += 4000) {
		memset(ring + place, place / 100, 200);
		ASSERT_EQ(200, write(s[0], ring + place, 200));
		ASSERT_EQ(200, read(s[1], buf, sizeof(buf)));
		EXPECT_EQ(0, memcmp(buf, ring + place, 200));
		memset(buf, 99, 200);
		ASSERT_EQ(200, write(s[0], buf, 200));
		ASSERT_EQ(200, read(s[1], ring + place, 200));
		EXPECT_EQ(0, memcmp(buf, ring + place, 200));
	}
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ASSERT_GE(mem, 0);
	for (place = 0; place < 16384; place++)
		ring[place] = place >> 4;
	ASSERT_EQ(4096, pread(mem, buf, 4096, (uintptr_t)(ring + 6000)));
	EXPECT_EQ(0, memcmp(buf, ring + 6000, 4096));
	memset(buf, 7, sizeof(buf));
	ASSERT_EQ(4096, pwrite(mem, buf, 4096, (uintptr_t)(ring + 6000)));
	EXPECT_EQ(0, memcmp(buf, ring + 6000, 4096));
	EXPECT_EQ(0, memcmp(buf, ring, 6000 + 4096 - 8192));
	EXPECT_EQ(6000 >> 4 & 0xff, (unsigned char)ring[5999] + 1);
	/* No more than the process itself could do. */
	ASSERT_EQ(0, mprotect(ring, 4096, PROT_READ));
	EXPECT_EQ(-1, pwrite(mem, buf, 1, (uintptr_t)ring));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, pwrite(mem, buf, 1, (uintptr_t)self->tx.map.rx));
	EXPECT_EQ(EIO, errno);
	local = (struct iovec){ buf, 100 };
	remote = (struct iovec){ ring, 100 };
	EXPECT_EQ(-1, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_TRUE(errno == EFAULT || errno == ENOSYS); /* a kernel may not have it */
	close(mem);
	close(s[0]);
	close(s[1]);
	end_close(&self->tx);
}

TEST_F(end, mappings_split_and_move)
{
	char *p, *to;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 65536, TX));
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
	p = (char *)self->tx.map.data;
	ASSERT_EQ(0, munmap(p + 8192, 4096));
	ASSERT_EQ(0, mprotect(p + 16384, 4096, PROT_READ));
	to = mremap(p + 20480, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, p + 8192 - 4096);
	ASSERT_NE(MAP_FAILED, to);
	to[0] = 1;
	munmap(self->tx.map.tx, 4096);
	EXPECT_EQ(3, self->rx.map.info->tx.taken);
	munmap(p, 131072);
	EXPECT_EQ(2, self->rx.map.info->tx.taken);
	munmap(self->tx.base, self->tx.bytes);
	close(self->tx.fd);
	end_close(&self->rx);
}

TEST_F(end, dup_is_the_same_end)
{
	int fd = channel_open(self->h, "a", CREATE, 4096, TX, 0), other = dup(fd), none;
	struct spl_channel_info *info;

	none = channel_open(self->h, "a", 0, 0, NONE, 0);
	info = mmap(NULL, 4096, PROT_READ, MAP_SHARED, none, 0);
	ASSERT_NE(MAP_FAILED, info);
	close(fd);
	EXPECT_EQ(3, info->tx.taken);
	EXPECT_EQ(0, channel_ring(other));
	close(other);
	EXPECT_EQ(2, info->tx.taken);
	munmap(info, 4096);
	close(none);
}

/* Somebody without any right to the device becomes a consumer, and nothing else, of who passes him a file. */
TEST_F(end, an_end_passed_over_a_socket)
{
	int s[2], fd, give;
	__u64 v, sum = 0;
	pid_t pid;
	int i;

	for (give = 0; give < 2; give++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
		fd = channel_open(self->h, NULL, CREATE, 4096, TX, MAY_ALL);
		ASSERT_EQ(0, end_map(&self->tx, fd));
		pid = fork();
		if (!pid) {
			struct end rx;

			close(self->h);
			close(self->tx.fd);
			drop_to(1001, 2001);
			fd = fd_receive(s[1]);
			if (give) {
				if (channel_attach(fd, TX, 0) != -EACCES)
					_exit(10);
				fd = channel_attach(fd, RX, 0);
			}
			if (fd < 0 || end_map(&rx, fd))
				_exit(11);
			if (dies_of((char *)rx.map.data, 1) != SIGSEGV)
				_exit(12);
			for (i = 0; i < 500; i++) {
				if (end_recv(&rx, &v))
					_exit(13);
				sum += v;
			}
			_exit(sum == 500 * 499 / 2 ? 0 : 14);
		}
		/* The end itself, or the right to take it. */
		fd = give ? channel_attach(self->tx.fd, NONE, SPL_CHANNEL_MAY_RX)
			  : channel_attach(self->tx.fd, RX, 0);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(0, fd_pass(s[0], fd));
		close(fd);
		for (i = 0; i < 500; i++)
			ASSERT_EQ(0, end_send(&self->tx, i, 100));
		EXPECT_EQ(0, wait_for(pid));
		EXPECT_EQ(-EPIPE, end_send(&self->tx, i, 100));
		end_close(&self->tx);
		close(s[0]);
		close(s[1]);
	}
}

/* A file on its way in a socket that nobody reads goes with the socket. */
TEST_F(end, a_file_in_a_closed_socket)
{
	int s[2], fd;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 4096, TX));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	fd = channel_attach(self->tx.fd, RX, 0);
	ASSERT_EQ(0, fd_pass(s[0], fd));
	close(fd);
	EXPECT_EQ(3, self->tx.map.info->rx.taken);
	close(s[0]);
	close(s[1]);
	EXPECT_EQ(-EPIPE, channel_wait(self->tx.fd, 0, late()));
	end_close(&self->tx);
}

TEST_F(end, a_channel_outlives_its_name_and_its_store)
{
	__u64 id, v;
	int h = open_new("short lived", small(10));

	ASSERT_GE(h, 0);
	id = geometry(h).store_id;
	ASSERT_EQ(0, end_open(&self->tx, h, "a", CREATE, 4096, TX));
	ASSERT_EQ(0, end_open(&self->rx, h, "a", 0, 0, RX));
	EXPECT_EQ(0, by_name(h, SPL_IOC_DESTROY, "short lived"));
	close(h);
	EXPECT_EQ(-1, sysfs_number(id, "channels"));
	EXPECT_EQ(0, end_send(&self->tx, 9, 100));
	EXPECT_EQ(0, end_recv(&self->rx, &v));
	EXPECT_EQ(9, v);
	end_close(&self->tx);
	end_close(&self->rx);
}

TEST_F(end, messages_stay_while_nobody_is_there)
{
	__u64 v, i;

	ASSERT_EQ(0, end_open(&self->tx, self->h, "a", CREATE, 65536, TX));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, end_send(&self->tx, i, 100));
	end_close(&self->tx);
	ASSERT_EQ(0, end_open(&self->rx, self->h, "a", 0, 0, RX));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, end_recv(&self->rx, &v));
		ASSERT_EQ(i, v);
	}
	EXPECT_EQ(-EPIPE, end_recv(&self->rx, &v));
	end_close(&self->rx);
}

TEST_F(end, the_module_stays_while_a_channel_file_is_open)
{
	int fd = channel_open(self->h, NULL, CREATE, 4096, TX, 0);
	void *p;

	ASSERT_GE(fd, 0);
	unlink_store(self->name);
	close(self->h);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	munmap(p, 4096);
}

static void *churn(void *arg)
{
	int h = *(int *)arg, i;
	unsigned int seed = (unsigned int)(uintptr_t)&i;
	struct end e;

	for (i = 0; i < 300; i++) {
		char name[8];

		snprintf(name, sizeof(name), "c%d", rand_r(&seed) % 3);
		if (!end_open(&e, h, name, CREATE, 4096, rand_r(&seed) % 3)) {
			channel_wait(e.fd, 0, clock_ns() + rand_r(&seed) % 100000);
			channel_ring(e.fd);
			end_close(&e);
		}
		if (rand_r(&seed) % 4 == 0)
			channel_unlink(h, name);
	}
	return NULL;
}

TEST_F_TIMEOUT(end, ends_come_and_go_under_load, 120)
{
	pthread_t t[4];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, churn, &self->h);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 3; i++) {
		char name[8];

		snprintf(name, sizeof(name), "c%d", i);
		channel_unlink(self->h, name);
	}
	EXPECT_EQ(0, sysfs_number(geometry(self->h).store_id, "channels"));
}

TEST_HARNESS_MAIN
