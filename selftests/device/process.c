// SPDX-License-Identifier: MIT
/*
 * process.c - what becomes of a store and its writers when a process execs, shares its memory with another, loses its first
 * thread, stands still for long, or leaves its number to somebody else; and what a handle is worth to who was given it.
 * Threads and processes that just die are writers.c's.
 */
#include "kselftest_harness.h"
#include "passing.h"
#include "sleeper.h"
#include <linux/sched.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

FIXTURE(process)
{
	struct desk d;
};

FIXTURE_SETUP(process)
{
	ASSERT_EQ(0, desk_open(&self->d, "process", watchable(1000)));
	ASSERT_EQ(0, set(&self->d, "key", 1));
}

FIXTURE_TEARDOWN(process)
{
	struct spl_check_counts counts;

	EXPECT_EQ(0, reap(self->d.fd).writers);
	EXPECT_EQ(1, reap(self->d.fd).alive);
	EXPECT_EQ(0, check(self->d.fd, 0, &counts));
	desk_close(&self->d);
	EXPECT_EQ(-1, sysfs_number(self->d.id, "lanes"));
}

static bool tell(int fd)
{
	return write(fd, "x", 1) == 1;
}

static bool hear(int fd)
{
	char c;

	return read(fd, &c, 1) == 1;
}

/* A shell that says when it is there, and lives until its standard input ends. */
static void become_a_shell(int in, int out)
{
	dup2(in, 0);
	dup2(out, 1);
	execl("/bin/sh", "sh", "-c", "echo; read x", NULL);
	_exit(97);
}

/* An unlinked store, mapped, in a process that execs: it lives on if the handle does. */
TEST_F(process, exec_keeps_a_handle_that_is_not_to_be_closed)
{
	int to[2], from[2], keeps;
	char name[60];
	__u64 id;
	pid_t pid;

	for (keeps = 0; keeps < 2; keeps++) {
		ASSERT_EQ(0, pipe2(to, O_CLOEXEC));
		ASSERT_EQ(0, pipe2(from, O_CLOEXEC));
		snprintf(name, sizeof(name), "%s.exec", self->d.name);
		pid = fork();
		if (!pid) {
			int fd = open_new(name, small(100));
			struct mapped m;

			id = geometry(fd).store_id;
			if (fd < 0 || map_store(fd, PROT_READ | PROT_WRITE, &m) || !map_self(fd) ||
			    unlink_store(name) || fcntl(fd, F_SETFD, keeps ? 0 : FD_CLOEXEC) ||
			    write(from[1], &id, sizeof(id)) != sizeof(id))
				_exit(1);
			become_a_shell(to[0], from[1]);
		}
		close(to[0]);
		close(from[1]);
		ASSERT_EQ(sizeof(id), read(from[0], &id, sizeof(id)));
		ASSERT_TRUE(hear(from[0])); /* it is the shell now */
		EXPECT_EQ(keeps ? 100 : -1, sysfs_number(id, "lanes"));
		EXPECT_EQ(keeps ? 1 : -1, sysfs_number(id, "handles"));
		EXPECT_EQ(keeps ? 0 : -1, sysfs_number(id, "writers"));
		close(to[1]);
		wait_for(pid);
		EXPECT_EQ(-1, sysfs_number(id, "lanes"));
		close(from[0]);
	}
}

/* A process of its own in the memory of the calling one. */
struct twin {
	int (*run)(struct twin *t);
	int fd, from, to, writer;
	struct spl_self *self;
};

static int twin_main(void *arg)
{
	struct twin *t = arg;

	return t->run(t);
}

static pid_t twin_start(struct twin *t, int flags)
{
	static char stack[64 << 10] __attribute__((aligned(16)));

	return clone(twin_main, stack + sizeof(stack), CLONE_VM | flags | SIGCHLD, t);
}

static int register_and_exit(struct twin *t)
{
	t->writer = reg(t->fd);
	syscall(SYS_exit, 0);
	return 0;
}

static int register_and_exec(struct twin *t)
{
	t->writer = reg(t->fd);
	execl("/bin/sh", "sh", "-c", "exit 3", NULL);
	return 97;
}

TEST_F(process, one_that_shares_memory_is_a_writer_of_its_own)
{
	long long reaps = sysfs_number(self->d.id, "reaps");
	struct twin t = { .run = register_and_exit, .fd = self->d.fd };
	int mine = reg(self->d.fd);
	pid_t pid = twin_start(&t, 0);

	ASSERT_LT(0, pid);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_LE(0, t.writer);
	EXPECT_NE(mine, t.writer);
	reap(self->d.fd);
	EXPECT_EQ(reaps + 1, sysfs_number(self->d.id, "reaps"));
	EXPECT_EQ(mine, reg(self->d.fd));

	t.run = register_and_exec;
	pid = twin_start(&t, CLONE_VFORK);
	ASSERT_LT(0, pid);
	reap(self->d.fd); /* it runs, but on memory of its own */
	EXPECT_EQ(reaps + 2, sysfs_number(self->d.id, "reaps"));
	EXPECT_EQ(3, wait_for(pid));
	EXPECT_NE(mine, t.writer);
	EXPECT_EQ(mine, reg(self->d.fd));
	EXPECT_EQ(0, set(&self->d, "key", 2));
}

static int inherit_the_memory(struct twin *t)
{
	volatile struct spl_self *theirs = t->self;
	struct spl_self *mine = map_self(t->fd);

	if (!mine || mine->writer == theirs->writer || !tell(t->to) || !hear(t->from))
		syscall(SYS_exit, 1);
	/* The others have looked, so the kernel has: the registration has ended, its page hasn't. */
	if (theirs->registered || !mine->registered)
		syscall(SYS_exit, 2);
	munmap(t->self, 4096);
	if (!mine->registered)
		syscall(SYS_exit, 3);
	munmap(mine, 4096);
	syscall(SYS_exit, tell(t->to) ? 0 : 4);
	return 0;
}

/* The memory that a writer registered with is still there, but he isn't. */
TEST_F(process, memory_that_outlives_its_process_keeps_no_writer)
{
	int to[2], end[2], from[2], i;
	pid_t pid;

	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(end));
	ASSERT_EQ(0, pipe(from));
	pid = fork();
	if (!pid) {
		struct twin t = {
			.run = inherit_the_memory,
			.fd = self->d.fd,
			.from = to[0],
			.to = from[1],
			.self = map_self(self->d.fd),
		};

		if (!t.self || twin_start(&t, 0) <= 0 || !hear(end[0]))
			_exit(1);
		_exit(0);
	}
	close(from[1]);
	ASSERT_TRUE(hear(from[0]));
	EXPECT_EQ(3, reap(self->d.fd).alive);
	ASSERT_TRUE(tell(end[1]));
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(2, reap(self->d.fd).alive);
	ASSERT_TRUE(tell(to[1]));
	EXPECT_TRUE(hear(from[0]));
	EXPECT_EQ(1, reap(self->d.fd).alive);
	EXPECT_FALSE(hear(from[0])); /* nobody has the other end: it is gone */
	for (i = 0; i < 2; i++) {
		close(to[i]);
		close(end[i]);
	}
	close(from[0]);
}

struct crew {
	struct desk *d;
	int from, to;
	volatile int ready;
	pid_t leader;
};

static void *sleep_in_a_crew(void *arg)
{
	struct crew *c = arg;
	__u64 known = 0;

	__atomic_add_fetch(&c->ready, 1, __ATOMIC_SEQ_CST);
	wait_group(c->d->fd, 9, &known, FOREVER);
	return NULL;
}

/* A thread that isn't the first execs: it gets the number of the first one, who is gone. */
static void *exec_in_a_crew(void *arg)
{
	struct crew *c = arg;

	if (reg(c->d->fd) < 0)
		_exit(1);
	__atomic_add_fetch(&c->ready, 1, __ATOMIC_SEQ_CST);
	while (reap(c->d->fd).alive != 2) /* as long as the leader hasn't ended */
		usleep(1000);
	become_a_shell(c->from, c->to);
	return NULL;
}

TEST_F(process, a_thread_that_takes_its_leaders_number_is_not_taken_for_it)
{
	long long reaps = sysfs_number(self->d.id, "reaps");
	int to[2], from[2];
	pthread_t id;
	pid_t pid;

	ASSERT_EQ(0, pipe2(to, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(from, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		static struct crew c;

		c.d = &self->d;
		c.from = to[0];
		c.to = from[1];
		if (reg(self->d.fd) < 0 || pthread_create(&id, NULL, sleep_in_a_crew, &c) ||
		    pthread_create(&id, NULL, exec_in_a_crew, &c))
			_exit(1);
		while (c.ready != 2)
			usleep(1000);
		syscall(SYS_exit, 0);
	}
	close(to[0]);
	close(from[1]);
	ASSERT_TRUE(hear(from[0]));
	reap(self->d.fd);
	EXPECT_EQ(1, reap(self->d.fd).alive);
	EXPECT_EQ(reaps + 2, sysfs_number(self->d.id, "reaps"));
	EXPECT_EQ(0, sysfs_number(self->d.id, "sleepers"));
	close(to[1]);
	EXPECT_EQ(0, wait_for(pid) & ~1); /* read at the end of input: 1 */
	close(from[0]);
}

static bool is_stopped(pid_t pid)
{
	int status;

	return waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status);
}

/* Stopped for as long as all this takes, it holds nobody up, is taken for dead by nobody, and then goes on. */
TEST_F_TIMEOUT(process, a_stopped_one_is_waited_for_by_nobody, 120)
{
	int to[2], from[2], i, fd;
	struct sleeper z = { .group = 7 };
	struct mapped m;
	char name[60];
	pid_t pid;

	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(from));
	pid = fork();
	if (!pid) {
		struct spl_meta meta;
		struct desk d;
		__u64 v = 0;

		if (desk_join(&d, self->d.name) || set(&d, "theirs", 1))
			_exit(1);
		z.fd = d.fd;
		sleeper_start(&z);
		if (!asleep(&d, 1) || !tell(from[1]) || !hear(to[0]))
			_exit(2);
		/* The store has no name any more. */
		if (sleeper_end(&z) || z.known != 1 || reap(d.fd).alive != 2 ||
		    spl_get(&d.m.s, "theirs", 6, &v, sizeof(v), &meta) != sizeof(v) || v != 199 ||
		    set(&d, "theirs", 2) || set(&d, "new", 3))
			_exit(3);
		_exit(0);
	}
	ASSERT_TRUE(hear(from[0]));
	kill(pid, SIGSTOP);
	ASSERT_TRUE(is_stopped(pid));

	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, set(&self->d, "key", i));
		ASSERT_EQ(0, set(&self->d, "theirs", i));
		ASSERT_EQ(2, reap(self->d.fd).alive);
		snprintf(name, sizeof(name), "%s.%d", self->d.name, i);
		fd = open_new(name, small(100));
		ASSERT_GE(fd, 0);
		ASSERT_EQ(0, map_store(fd, PROT_READ | PROT_WRITE, &m));
		ASSERT_EQ(0, reg(fd));
		ASSERT_EQ(-EBUSY, by_name(self->d.fd, SPL_IOC_DESTROY, name));
		unmap_store(&m);
		close(fd);
		ASSERT_EQ(0, by_name(self->d.fd, SPL_IOC_DESTROY, name));
	}
	EXPECT_EQ(-EBUSY, by_name(self->d.fd, SPL_IOC_DESTROY, self->d.name)); /* it has a handle */
	EXPECT_EQ(0, pulse(&self->d, 1 << 7)); /* rings for who can't come */
	EXPECT_EQ(0, unlink_store(self->d.name));
	fd = open_new(self->d.name, small(10)); /* the name is anybody's */
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_EQ(2, reap(self->d.fd).alive);

	kill(pid, SIGCONT);
	ASSERT_TRUE(tell(to[1]));
	EXPECT_EQ(0, wait_for(pid));
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
}

/* fork() with a number of the caller's choice, which nobody must have. */
static pid_t fork_as(pid_t number)
{
	struct clone_args a = { .exit_signal = SIGCHLD,
				.set_tid = (uintptr_t)&number,
				.set_tid_size = 1 };
	long ret = syscall(SYS_clone3, &a, sizeof(a));

	return ret < 0 ? -errno : ret;
}

TEST_F(process, a_number_used_again_is_another_writer)
{
	long long reaps = sysfs_number(self->d.id, "reaps");
	int fd = open_named(self->d.name, O_RDWR), to[2], from[2], i;
	pid_t pid = fork(), again = -EEXIST;

	if (!pid)
		_exit(reg(fd) < 0); /* and nothing tells the module of its end */
	ASSERT_EQ(0, wait_for(pid));
	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(from));
	/* It is free a moment later, or somebody has it. */
	for (i = 0; again == -EEXIST && i < 1000; i++)
		again = fork_as(pid);
	if (!again) {
		if (getpid() != pid || reg(fd) < 0 || !tell(from[1]) || !hear(to[0]))
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(pid, again);
	ASSERT_TRUE(hear(from[0]));
	EXPECT_EQ(2, reap(fd).alive);
	EXPECT_EQ(reaps + 1, sysfs_number(self->d.id, "reaps"));
	ASSERT_TRUE(tell(to[1]));
	EXPECT_EQ(0, wait_for(pid));
	close(fd);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
}

/* Both are number 1 in their namespaces. */
TEST_F(process, one_number_in_two_namespaces_is_two_writers)
{
	int to[2][2], from[2], i;
	pid_t pid[2];

	ASSERT_EQ(0, pipe(from));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pipe2(to[i], O_CLOEXEC));
		pid[i] = fork();
		if (pid[i])
			continue;
		if (unshare(CLONE_NEWPID))
			_exit(errno == EINVAL ? 96 : 95);
		pid[i] = fork();
		if (pid[i])
			_exit(wait_for(pid[i]));
		if (getpid() != 1 || reg(self->d.fd) < 0 || !tell(from[1]) || !hear(to[i][0]))
			_exit(1);
		_exit(0);
	}
	close(from[1]);
	if (!hear(from[0]) && wait_for(pid[0]) == 96) {
		wait_for(pid[1]);
		SKIP(return, "this kernel has no PID namespaces");
	}
	ASSERT_TRUE(hear(from[0]));
	EXPECT_EQ(3, reap(self->d.fd).alive);
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(tell(to[i][1]));
		EXPECT_EQ(0, wait_for(pid[i]));
		EXPECT_EQ(2 - i, reap(self->d.fd).alive);
		close(to[i][0]);
		close(to[i][1]);
	}
	close(from[0]);
}

/* Root's store, closed to all others, read by who was given a handle for reading: that and nothing else. */
static int use_a_gift(const char *name, int sock, pid_t giver)
{
	char path[40];
	struct mapped m;
	struct spl_meta meta;
	__u64 value = 0;
	int fd, mine, pidfd;

	drop_to(1001, 2001);
	fd = fd_receive(sock);
	if (fd < 0 || open_named(name, O_RDONLY) != -EACCES)
		return 1;
	if (map_store(fd, PROT_READ | PROT_WRITE, &m) != -EACCES || reg(fd) != -EBADF ||
	    map_self(fd) || create(fd, "gift", small(1)) != -EBADF)
		return 2;
	if (map_store(fd, PROT_READ, &m) ||
	    spl_get(&m.s, "key", 3, &value, sizeof(value), &meta) != sizeof(value) || value != 1)
		return 3;
	if (!mprotect(m.data, m.data_bytes, PROT_READ | PROT_WRITE) || errno != EACCES)
		return 4;
	/* Opened by its name in /proc it is a fresh handle, the opener's own. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	mine = open(path, O_RDWR | O_CLOEXEC);
	if (mine < 0 || geometry(mine).store_id == geometry(fd).store_id ||
	    attach(mine, name) != -EACCES)
		return 5;
	pidfd = syscall(SYS_pidfd_open, giver, 0);
	if (pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, 3, 0) >= 0)
		return 6;
	return 0;
}

TEST_F(process, a_handle_given_to_another_user_is_what_it_was_opened_as)
{
	int sock[2], fd = open_named(self->d.name, O_RDONLY);
	pid_t giver = getpid(), pid;
	struct stat st;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, stat(DEV, &st));
	ASSERT_EQ(0, chmod(DEV, 0666));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock));
	pid = fork();
	if (!pid) {
		close(fd);
		close(self->d.fd);
		_exit(use_a_gift(self->d.name, sock[1], giver));
	}
	EXPECT_EQ(0, fd_pass(sock[0], fd));
	close(fd);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(0, chmod(DEV, st.st_mode & 0777));
	EXPECT_EQ(1, sysfs_number(self->d.id, "handles"));
	close(sock[0]);
	close(sock[1]);
}

/* Taken out of a process that knows nothing of it, a handle outlives that process. */
TEST_F(process, a_handle_taken_from_a_process_outlives_it)
{
	int up[2], number, pidfd, fd;
	char name[60];
	__u64 id;
	pid_t pid;

	snprintf(name, sizeof(name), "%s.taken", self->d.name);
	ASSERT_EQ(0, pipe(up));
	pid = fork();
	if (!pid) {
		number = open_new(name, small(100));
		if (number < 0 || unlink_store(name) || reg(number) != 0 || !map_self(number) ||
		    write(up[1], &number, sizeof(number)) != sizeof(number))
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(sizeof(number), read(up[0], &number, sizeof(number)));
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_GE(pidfd, 0);
	fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	ASSERT_GE(fd, 0);
	id = geometry(fd).store_id;
	EXPECT_EQ(1, sysfs_number(id, "handles"));
	EXPECT_EQ(1, sysfs_number(id, "writers"));
	kill(pid, SIGKILL);
	EXPECT_EQ(256 + SIGKILL, wait_for(pid));
	EXPECT_EQ(0, sysfs_number(id, "writers"));
	EXPECT_EQ(0, reg(fd));
	close(fd);
	EXPECT_EQ(-1, sysfs_number(id, "lanes"));
	close(pidfd);
	close(up[0]);
	close(up[1]);
}

TEST_HARNESS_MAIN
