// SPDX-License-Identifier: MIT
/*
 * writers.c - who has which writer cell, and when it is taken back: threads, fork, exec, dup, passed handles, munmap.
 */
#include "kselftest_harness.h"
#include "device.h"
#include <pthread.h>
#include <sys/socket.h>

#define NR_WRITERS 4

FIXTURE(writers)
{
	char name[32];
	int fd;
	__u64 id;
};

FIXTURE_SETUP(writers)
{
	struct spl_geometry g = small(100);

	snprintf(self->name, sizeof(self->name), "writers%d", getpid());
	g.max_writers = NR_WRITERS;
	self->fd = open_new(self->name, g);
	ASSERT_GE(self->fd, 0);
	self->id = geometry(self->fd).store_id;
}

FIXTURE_TEARDOWN(writers)
{
	struct spl_check_counts c;

	/* Whatever happened, no lane is lost. */
	EXPECT_EQ(0, check(self->fd, 0, &c));
	EXPECT_EQ(0, c.lanes_lost + c.lanes_shared + c.cells_bad + c.free_stale);
	unlink_store(self->name);
	close(self->fd);
}

#define WRITERS(self) sysfs_number((self)->id, "writers")

struct thread {
	int fd, writer;
	pthread_barrier_t up, down;
};

static void *register_and_wait(void *arg)
{
	struct thread *t = arg;

	t->writer = reg(t->fd);
	pthread_barrier_wait(&t->up);
	pthread_barrier_wait(&t->down);
	return NULL;
}

static pthread_t start(struct thread *t, int fd)
{
	pthread_t id;

	t->fd = fd;
	pthread_barrier_init(&t->up, NULL, 2);
	pthread_barrier_init(&t->down, NULL, 2);
	pthread_create(&id, NULL, register_and_wait, t);
	pthread_barrier_wait(&t->up);
	return id;
}

static void stop(struct thread *t, pthread_t id)
{
	pthread_barrier_wait(&t->down);
	pthread_join(id, NULL);
}

TEST_F(writers, a_thread_has_one_cell_per_handle)
{
	int other = open_named(self->name, O_RDWR), dupfd = dup(self->fd);

	EXPECT_EQ(0, reg(self->fd));
	EXPECT_EQ(0, reg(self->fd));
	EXPECT_EQ(0, reg(dupfd));
	EXPECT_EQ(1, reg(other));
	EXPECT_EQ(2, WRITERS(self));
	EXPECT_EQ(-ENOENT, unreg(self->fd, 1));
	EXPECT_EQ(0, unreg(dupfd, 0));
	EXPECT_EQ(-ENOENT, unreg(self->fd, 0));
	EXPECT_EQ(-ENOENT, unreg(self->fd, NR_WRITERS));
	EXPECT_EQ(-ENOENT, unreg(self->fd, ~0U));
	EXPECT_EQ(1, WRITERS(self));
	close(other);
	EXPECT_EQ(0, WRITERS(self));
	close(dupfd);
}

TEST_F(writers, at_most_max_writers)
{
	int fd[NR_WRITERS + 1], i;

	for (i = 0; i < NR_WRITERS; i++) {
		fd[i] = open_named(self->name, O_RDWR);
		EXPECT_EQ(i, reg(fd[i]));
	}
	fd[i] = open_named(self->name, O_RDWR);
	EXPECT_EQ(-EAGAIN, reg(fd[i]));
	EXPECT_EQ(NULL, map_self(fd[i]));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, unreg(fd[2], 2));
	EXPECT_EQ(2, reg(fd[i]));
	for (i = 0; i <= NR_WRITERS; i++)
		close(fd[i]);
	EXPECT_EQ(0, WRITERS(self));
}

TEST_F(writers, another_live_threads_cell_is_not_taken)
{
	struct thread t;
	pthread_t id = start(&t, self->fd);

	ASSERT_EQ(0, t.writer);
	EXPECT_EQ(-EPERM, unreg(self->fd, 0));
	EXPECT_EQ(1, reg(self->fd));
	EXPECT_EQ(2, WRITERS(self));
	stop(&t, id);
	EXPECT_EQ(0, unreg(self->fd, 0));
	EXPECT_EQ(1, WRITERS(self));
	EXPECT_EQ(0, unreg(self->fd, 1));
}

TEST_F(writers, dead_threads_are_reaped_on_demand)
{
	struct thread t[2];
	pthread_t id[2] = { start(&t[0], self->fd), start(&t[1], self->fd) };
	struct spl_ioc_reap r = reap(self->fd);

	EXPECT_EQ(0, r.writers);
	EXPECT_EQ(2, r.alive);
	stop(&t[0], id[0]);
	r = reap(self->fd);
	EXPECT_EQ(1, r.writers);
	EXPECT_EQ(1, r.alive);
	stop(&t[1], id[1]);
	r = reap(self->fd);
	EXPECT_EQ(1, r.writers);
	EXPECT_EQ(0, r.alive);
	EXPECT_EQ(2, sysfs_number(self->id, "reaps"));
}

TEST_F(writers, dead_threads_are_reaped_periodically)
{
	struct thread t;
	pthread_t id = start(&t, self->fd);
	int i;

	EXPECT_EQ(1, WRITERS(self));
	stop(&t, id);
	for (i = 0; i < 100 && WRITERS(self); i++)
		usleep(100000);
	EXPECT_EQ(0, WRITERS(self));
}

TEST_F(writers, dead_threads_are_reaped_when_their_cells_are_needed)
{
	struct thread t[NR_WRITERS];
	pthread_t id[NR_WRITERS];
	int i;

	for (i = 0; i < NR_WRITERS; i++)
		id[i] = start(&t[i], self->fd);
	EXPECT_EQ(-EAGAIN, reg(self->fd));
	stop(&t[0], id[0]);
	EXPECT_EQ(0, reg(self->fd));
	for (i = 1; i < NR_WRITERS; i++)
		stop(&t[i], id[i]);
}

/* Neither handle nor mapping closes when the child dies: only its memory goes. */
TEST_F(writers, a_dead_process_is_reaped_at_once)
{
	struct mapped m;
	int i, gone = 0;
	pid_t pid;

	ASSERT_EQ(0, map_store(self->fd, PROT_READ | PROT_WRITE, &m));
	for (i = 0; i < 10; i++) {
		pid = fork();
		if (!pid) {
			reg(self->fd);
			kill(getpid(), SIGKILL);
		}
		wait_for(pid);
		gone += WRITERS(self) == 0;
	}
	EXPECT_EQ(10, gone);
	EXPECT_EQ(10, sysfs_number(self->id, "reaps"));
	unmap_store(&m);
}

TEST_F(writers, a_stopped_writer_is_alive)
{
	struct spl_ioc_reap r;
	int up[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(up));
	pid = fork();
	if (!pid) {
		reg(self->fd);
		if (write(up[1], "x", 1) == 1)
			raise(SIGSTOP);
		_exit(0);
	}
	ASSERT_EQ(1, read(up[0], &c, 1));
	waitpid(pid, NULL, WUNTRACED);
	r = reap(self->fd);
	EXPECT_EQ(0, r.writers);
	EXPECT_EQ(1, r.alive);
	kill(pid, SIGKILL);
	wait_for(pid);
	r = reap(self->fd);
	EXPECT_EQ(0, r.alive);
}

/* A thread that has exited but that nobody has waited for: a leader whose other threads live on. */
static void *outlive_the_leader(void *arg)
{
	int fd = *(int *)arg;

	while (reap(fd).writers == 0)
		usleep(10000);
	_exit(reap(fd).alive == 0 ? 0 : 1);
}

TEST_F(writers, a_dead_leader_of_a_live_process_is_dead)
{
	pid_t pid = fork();
	pthread_t id;

	if (!pid) {
		if (reg(self->fd) != 0)
			_exit(2);
		pthread_create(&id, NULL, outlive_the_leader, &self->fd);
		syscall(SYS_exit, 0);
	}
	EXPECT_EQ(0, wait_for(pid));
}

TEST_F(writers, fork_inherits_no_cell)
{
	struct spl_self *s = map_self(self->fd);
	pid_t pid;

	ASSERT_NE(NULL, s);
	EXPECT_EQ(SPL_MAGIC, s->magic);
	EXPECT_EQ(0, s->writer);
	EXPECT_EQ(1, s->registered);
	EXPECT_EQ(self->id, s->store_id);
	EXPECT_EQ(SIGSEGV, dies_of((char *)s, 0));
	pid = fork();
	if (!pid) {
		/* The parent's cell is not the child's, though the handle is. */
		if (unreg(self->fd, 0) != -EPERM)
			_exit(1);
		if (reg(self->fd) != 1)
			_exit(2);
		_exit(WRITERS(self) == 2 ? 0 : 3);
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(1, s->registered);
	munmap(s, 4096);
	reap(self->fd);
	EXPECT_EQ(0, WRITERS(self));
}

TEST_F(writers, advice_cannot_make_the_self_page_inherited)
{
	struct spl_self *s = map_self(self->fd);

	ASSERT_NE(NULL, s);
	EXPECT_EQ(-1, madvise(s, 4096, MADV_DOFORK));
	EXPECT_EQ(SIGSEGV, dies_of((char *)s, 0));
	munmap(s, 4096);
}

TEST_F(writers, the_self_page_registers_and_its_unmapping_unregisters)
{
	struct spl_self *a = map_self(self->fd), *b, *moved;

	ASSERT_NE(NULL, a);
	EXPECT_EQ(1, WRITERS(self));
	EXPECT_EQ(0, reg(self->fd));
	EXPECT_EQ(1, WRITERS(self));
	b = map_self(self->fd);
	ASSERT_NE(NULL, b);
	EXPECT_EQ(1, WRITERS(self));
	EXPECT_EQ(a->writer, b->writer);
	munmap(a, 4096);
	EXPECT_EQ(1, WRITERS(self));
	EXPECT_EQ(1, b->registered);
	moved = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	moved = mremap(b, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, moved);
	ASSERT_NE(MAP_FAILED, (void *)moved);
	EXPECT_EQ(1, moved->registered);
	EXPECT_EQ(1, WRITERS(self));
	EXPECT_EQ(MAP_FAILED, mremap(moved, 4096, 8192, MREMAP_MAYMOVE));
	munmap(moved, 4096);
	EXPECT_EQ(0, WRITERS(self));
	EXPECT_EQ(0, sysfs_number(self->id, "reaps"));
}

TEST_F(writers, the_self_page_tells_when_its_registration_ended)
{
	struct spl_self *s = map_self(self->fd), *t;

	ASSERT_NE(NULL, s);
	EXPECT_EQ(0, unreg(self->fd, s->writer));
	EXPECT_EQ(0, s->registered);
	t = map_self(self->fd);
	ASSERT_NE(NULL, t);
	EXPECT_EQ(1, t->registered);
	EXPECT_EQ(0, s->registered);
	munmap(s, 4096);
	EXPECT_EQ(1, WRITERS(self));
	EXPECT_EQ(1, t->registered);
	munmap(t, 4096);
	EXPECT_EQ(0, WRITERS(self));
}

TEST_F(writers, a_mapping_keeps_a_closed_handle_and_its_writers)
{
	int fd = open_named(self->name, O_RDWR);
	struct spl_self *s = map_self(fd);
	struct mapped m;

	ASSERT_NE(NULL, s);
	ASSERT_EQ(0, map_store(fd, PROT_READ | PROT_WRITE, &m));
	close(fd);
	EXPECT_EQ(1, WRITERS(self));
	EXPECT_EQ(1, s->registered);
	munmap(s, 4096);
	EXPECT_EQ(0, WRITERS(self));
	EXPECT_EQ(2, sysfs_number(self->id, "handles"));
	unmap_store(&m);
	EXPECT_EQ(1, sysfs_number(self->id, "handles"));
}

TEST_F(writers, exec_ends_a_registration_though_the_thread_number_stays)
{
	int to[2], from[2];
	struct spl_ioc_reap r;
	pid_t pid;
	char c;
	int by_page;

	for (by_page = 0; by_page < 2; by_page++) {
		ASSERT_EQ(0, pipe2(to, O_CLOEXEC));
		ASSERT_EQ(0, pipe2(from, O_CLOEXEC));
		pid = fork();
		if (!pid) {
			dup2(to[0], 0);
			dup2(from[1], 1);
			/* the handle itself is inherited by exec */
			if (fcntl(self->fd, F_SETFD, 0) ||
			    (by_page ? !map_self(self->fd) : reg(self->fd)))
				_exit(1);
			if (write(1, "a", 1) != 1 || read(0, &c, 1) != 1)
				_exit(1);
			execl("/bin/sh", "sh", "-c", "echo b; read x", NULL);
			execl("/bin/busybox", "sh", "-c", "echo b; read x", NULL);
			_exit(1);
		}
		close(to[0]);
		close(from[1]);
		ASSERT_EQ(1, read(from[0], &c, 1));
		EXPECT_EQ(0, reap(self->fd).writers);
		EXPECT_EQ(1, WRITERS(self));
		ASSERT_EQ(1, write(to[1], "x", 1));
		ASSERT_EQ(1, read(from[0], &c, 1));
		EXPECT_EQ('b', c);
		r = reap(self->fd);
		EXPECT_EQ(by_page ? 0 : 1, r.writers); /* the page's unmapping did it already */
		EXPECT_EQ(0, r.alive);
		close(to[1]);
		close(from[0]);
		wait_for(pid);
	}
}

static int send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, c = 'x';
	struct iovec iov = { &c, 1 };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	return sendmsg(sock, &m, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, c;
	struct iovec iov = { &c, 1 };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

TEST_F(writers, a_passed_handle_serves_the_receiver)
{
	int sock[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	pid = fork();
	if (!pid) {
		struct mapped m;

		close(self->fd);
		close(sock[0]);
		fd = receive_fd(sock[1]);
		if (fd < 0 || reg(fd) != 0 || map_store(fd, PROT_READ | PROT_WRITE, &m))
			_exit(1);
		if (write(sock[1], "y", 1) != 1 || read(sock[1], &fd, 1) != 1)
			_exit(2);
		kill(getpid(), SIGKILL);
	}
	close(sock[1]);
	fd = open_named(self->name, O_RDWR);
	ASSERT_EQ(0, send_fd(sock[0], fd));
	close(fd);
	ASSERT_EQ(1, read(sock[0], &fd, 1));
	EXPECT_EQ(1, WRITERS(self));
	EXPECT_EQ(0, reap(self->fd).writers);
	ASSERT_EQ(1, write(sock[0], "z", 1));
	EXPECT_EQ(256 + SIGKILL, wait_for(pid));
	EXPECT_EQ(0, WRITERS(self));
	EXPECT_EQ(1, sysfs_number(self->id, "handles"));
	close(sock[0]);
}

/* A handle in flight, in a socket that nobody reads any more, is closed with it. */
TEST_F(writers, a_handle_lost_in_a_socket_is_released)
{
	int sock[2], fd = open_named(self->name, O_RDWR);

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	ASSERT_EQ(0, reg(fd));
	ASSERT_EQ(0, send_fd(sock[0], fd));
	close(fd);
	EXPECT_EQ(1, WRITERS(self));
	close(sock[0]);
	close(sock[1]);
	EXPECT_EQ(0, WRITERS(self));
}

TEST_F(writers, the_owner_words_inform)
{
	struct mapped m;

	ASSERT_EQ(0, map_store(self->fd, PROT_READ | PROT_WRITE, &m));
	EXPECT_EQ(0, m.s.wcells[0].owner);
	EXPECT_EQ(0, reg(self->fd));
	EXPECT_EQ(1, m.s.wcells[0].owner);
	EXPECT_EQ(syscall(SYS_gettid), (long)m.s.wcells[0].owner_tid);
	/* ... and inform only: the kernel knows better. */
	m.s.wcells[0].owner = 0;
	m.s.wcells[1].owner = 1;
	EXPECT_EQ(0, reg(self->fd));
	EXPECT_EQ(1, WRITERS(self));
	EXPECT_EQ(0, unreg(self->fd, 0));
	EXPECT_EQ(-ENOENT, unreg(self->fd, 1));
	m.s.wcells[1].owner = 0;
	unmap_store(&m);
}

TEST_F(writers, the_clock_runs_while_there_are_writers)
{
	struct mapped m;
	struct timespec ts;
	__u64 a, b;
	int i;

	ASSERT_EQ(0, map_store(self->fd, PROT_READ, &m));
	ASSERT_EQ(0, reg(self->fd));
	a = __atomic_load_n(&m.info->clock_ns, __ATOMIC_RELAXED);
	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	b = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	EXPECT_LT(b - a, 1000000000ULL);
	for (i = 0; i < 200 && __atomic_load_n(&m.info->clock_ns, __ATOMIC_RELAXED) == a; i++)
		usleep(10000);
	EXPECT_LT(a, __atomic_load_n(&m.info->clock_ns, __ATOMIC_RELAXED));
	ASSERT_EQ(0, unreg(self->fd, 0));
	usleep(100000);
	a = __atomic_load_n(&m.info->clock_ns, __ATOMIC_RELAXED);
	usleep(200000);
	EXPECT_EQ(a, __atomic_load_n(&m.info->clock_ns, __ATOMIC_RELAXED));
	unmap_store(&m);
}

static void *churn(void *arg)
{
	int fd = *(int *)arg, i, w;

	for (i = 0; i < 300; i++) {
		struct spl_self *s = i & 1 ? map_self(fd) : NULL;

		w = reg(fd);
		if (w < 0 && w != -EAGAIN)
			return (void *)1;
		if (i % 5 == 0)
			reap(fd);
		if (w >= 0 && i % 3)
			unreg(fd, w);
		if (s)
			munmap(s, 4096);
	}
	return NULL;
}

TEST_F(writers, many_threads_come_and_go)
{
	pthread_t id[6];
	void *bad = NULL, *ret;
	int i;

	for (i = 0; i < 6; i++)
		ASSERT_EQ(0, pthread_create(&id[i], NULL, churn, &self->fd));
	for (i = 0; i < 6; i++) {
		pthread_join(id[i], &ret);
		bad = ret ? ret : bad;
	}
	EXPECT_EQ(NULL, bad);
	reap(self->fd);
	EXPECT_EQ(0, WRITERS(self));
}

/* A process that has done with a store, though somebody else keeps the handle open, ends what its threads had. */
TEST_F(writers, a_process_ends_what_its_threads_had)
{
	struct spl_ioc_unregister u = {
		.size = sizeof(u),
		.flags = SPL_UNREGISTER_PROCESS,
	};
	struct thread t;
	pthread_t id = start(&t, self->fd);
	pid_t pid = fork();

	ASSERT_EQ(0, t.writer);
	if (!pid)
		_exit(call(self->fd, SPL_IOC_UNREGISTER, &u) == -EPERM ? 0 : 1);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(0, call(self->fd, SPL_IOC_UNREGISTER, &u));
	EXPECT_EQ(0, WRITERS(self));
	EXPECT_EQ(-ENOENT, call(self->fd, SPL_IOC_UNREGISTER, &u));
	u.flags = 2;
	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, SPL_IOC_UNREGISTER, &u));
	stop(&t, id);
}

static void *register_and_end(void *arg)
{
	return (void *)(intptr_t)reg(*(int *)arg);
}

/* The reaper takes back a dead thread's cell while the handle that it came through is released. */
TEST_F(writers, release_beside_reap)
{
	int fd, i, pid = fork();
	pthread_t id;

	ASSERT_GE(pid, 0);
	if (!pid) {
		for (;;)
			reap(self->fd);
	}
	for (i = 0; i < 400; i++) {
		fd = open_named(self->name, O_RDWR);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(0, pthread_create(&id, NULL, register_and_end, &fd));
		pthread_join(id, NULL);
		close(fd);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(0, WRITERS(self));
}

TEST_HARNESS_MAIN
