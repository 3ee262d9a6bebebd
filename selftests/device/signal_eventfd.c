// SPDX-License-Identifier: MIT
/*
 * signal_eventfd.c - eventfds that are bound to groups: of any process, under any number, and how bindings end.
 */
#include "kselftest_harness.h"
#include "sleeper.h"
#include <sys/resource.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

FIXTURE(eventfd)
{
	struct desk d;
	int fd; /* read-only */
	int efd;
};

FIXTURE_SETUP(eventfd)
{
	ASSERT_EQ(0, desk_open(&self->d, "eventfd", watchable(100)));
	self->fd = open_named(self->d.name, O_RDONLY);
	ASSERT_GE(self->fd, 0);
	self->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT_GE(self->efd, 0);
}

FIXTURE_TEARDOWN(eventfd)
{
	close(self->efd);
	close(self->fd);
	EXPECT_TRUE(asleep(&self->d, 0));
	desk_close(&self->d);
	EXPECT_EQ(-1, sysfs_number(self->d.id, "lanes"));
}

static long long value_of(int efd)
{
	eventfd_t n;

	return eventfd_read(efd, &n) ? -errno : (long long)n;
}

TEST_F(eventfd, is_signalled_by_pulses_of_its_groups)
{
	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, 6, 0));
	EXPECT_EQ(2, sysfs_number(self->d.id, "sleepers"));
	EXPECT_EQ(0, pulse(&self->d, 1));
	EXPECT_EQ(0, self->d.rings);
	EXPECT_EQ(-EAGAIN, value_of(self->efd));
	EXPECT_EQ(0, pulse(&self->d, 4));
	EXPECT_EQ(1, value_of(self->efd));
	/* It stays bound, without anybody's doing. */
	EXPECT_EQ(0, pulse(&self->d, 2));
	EXPECT_EQ(0, pulse(&self->d, 2));
	EXPECT_EQ(2, value_of(self->efd));
	EXPECT_EQ(3, self->d.rings);
	EXPECT_EQ(3, sysfs_number(self->d.id, "wakeups"));
}

TEST_F(eventfd, groups_are_added_and_taken_off)
{
	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, 1, 0));
	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, 3, 0)); /* 1 isn't bound twice */
	EXPECT_EQ(2, sysfs_number(self->d.id, "sleepers"));
	EXPECT_EQ(0, pulse(&self->d, 1));
	EXPECT_EQ(1, value_of(self->efd));
	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, 1 | 1 << 9, SPL_EVENTFD_UNBIND));
	EXPECT_EQ(0, pulse(&self->d, 1));
	EXPECT_EQ(1, self->d.rings);
	EXPECT_EQ(0, pulse(&self->d, 2));
	EXPECT_EQ(1, value_of(self->efd));
	EXPECT_EQ(-ENOENT, bind_eventfd(self->fd, self->efd, 1, SPL_EVENTFD_UNBIND));
	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, ~0ULL, SPL_EVENTFD_UNBIND));
	EXPECT_EQ(-ENOENT, bind_eventfd(self->fd, self->efd, ~0ULL, SPL_EVENTFD_UNBIND));
	EXPECT_EQ(0, sysfs_number(self->d.id, "sleepers"));
	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, ~0ULL, 0));
	EXPECT_EQ(SPL_GROUPS, sysfs_number(self->d.id, "sleepers"));
}

/* What the eventfd has counted stays when it is taken off. */
TEST_F(eventfd, unbinding_reads_nothing)
{
	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, 1, 0));
	EXPECT_EQ(0, pulse(&self->d, 1));
	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, 1, SPL_EVENTFD_UNBIND));
	EXPECT_EQ(1, value_of(self->efd));
}

TEST_F(eventfd, bad_arguments)
{
	struct spl_ioc_eventfd e = { .size = sizeof(e), .fd = self->efd, .groups = 1 };
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-EBADF, bind_eventfd(self->fd, -1, 1, 0));
	EXPECT_EQ(-EBADF, bind_eventfd(self->fd, 1000, 1, 0));
	EXPECT_EQ(-EINVAL, bind_eventfd(self->fd, pipes[0], 1, 0));
	EXPECT_EQ(-EINVAL, bind_eventfd(self->fd, self->fd, 1, 0));
	EXPECT_EQ(-EINVAL, bind_eventfd(self->fd, self->efd, 0, 0));
	EXPECT_EQ(-EINVAL, bind_eventfd(self->fd, self->efd, 0, SPL_EVENTFD_UNBIND));
	EXPECT_EQ(-EOPNOTSUPP, bind_eventfd(self->fd, self->efd, 1, 2));
	e.reserved = 1;
	EXPECT_EQ(-EINVAL, call(self->fd, SPL_IOC_EVENTFD, &e));
	EXPECT_EQ(-ENOENT, bind_eventfd(self->fd, self->efd, 1, SPL_EVENTFD_UNBIND));
	EXPECT_EQ(0, sysfs_number(self->d.id, "sleepers"));
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(eventfd, a_handle_binds_so_many_and_no_more)
{
	struct rlimit many = { SPL_EVENTFDS_MAX + 64, SPL_EVENTFDS_MAX + 64 };
	int efd[SPL_EVENTFDS_MAX + 1], i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &many));
	for (i = 0; i <= SPL_EVENTFDS_MAX; i++) {
		efd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		ASSERT_GE(efd[i], 0);
		EXPECT_EQ(i < SPL_EVENTFDS_MAX ? 0 : -ENOSPC, bind_eventfd(self->fd, efd[i], 1, 0));
	}
	EXPECT_EQ(0, pulse(&self->d, 1));
	EXPECT_EQ(1, self->d.rings);
	while (i--) {
		EXPECT_EQ(i < SPL_EVENTFDS_MAX ? 1 : -EAGAIN, value_of(efd[i]));
		close(efd[i]);
	}
}

static void send_fd(int sock, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(sock, &m, 0) != 1)
		_exit(97);
}

static int receive_fd(int sock)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	int fd;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&m))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

/* A child sleeps on an eventfd of its own, which somebody else binds. */
static pid_t child_with_eventfd(int sock, int *number)
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();

	if (!pid) {
		struct pollfd p = { .fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN };

		__atomic_store_n(shared, p.fd, __ATOMIC_RELEASE);
		if (sock >= 0)
			send_fd(sock, p.fd);
		_exit(poll(&p, 1, LATE_S * 1000) == 1 && value_of(p.fd) == 1 ? 0 : 1);
	}
	while (!__atomic_load_n(shared, __ATOMIC_ACQUIRE))
		usleep(1000);
	*number = *shared;
	munmap(shared, 4096);
	return pid;
}

TEST_F(eventfd, of_another_process_passed_over_a_socket)
{
	int sock[2], efd, number;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	pid = child_with_eventfd(sock[1], &number);
	efd = receive_fd(sock[0]);
	ASSERT_GE(efd, 0);
	EXPECT_EQ(0, bind_eventfd(self->fd, efd, 1 << 5, 0));
	close(efd);
	EXPECT_EQ(1, sysfs_number(self->d.id, "sleepers"));
	EXPECT_EQ(0, pulse(&self->d, 1 << 5));
	EXPECT_EQ(0, wait_for(pid));
	/* It was the last who had it. */
	EXPECT_TRUE(asleep(&self->d, 0));
	EXPECT_EQ(0, pulse(&self->d, 1 << 5));
	EXPECT_EQ(1, self->d.rings);
	close(sock[0]);
	close(sock[1]);
}

TEST_F(eventfd, of_another_process_taken_from_it)
{
	int efd, number, pidfd;
	pid_t pid = child_with_eventfd(-1, &number);

	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_GE(pidfd, 0);
	efd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	ASSERT_GE(efd, 0);
	EXPECT_EQ(0, bind_eventfd(self->fd, efd, 1 << 5, 0));
	EXPECT_EQ(0, pulse(&self->d, 1 << 5));
	EXPECT_EQ(0, wait_for(pid));
	close(efd);
	close(pidfd);
	EXPECT_TRUE(asleep(&self->d, 0));
}

TEST_F(eventfd, inherited_and_under_another_number_it_is_the_same_one)
{
	int other = dup(self->efd);
	pid_t pid;

	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, 1, 0));
	pid = fork();
	if (!pid)
		_exit(bind_eventfd(self->fd, other, 1, SPL_EVENTFD_UNBIND) ? 1 : 0);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(0, sysfs_number(self->d.id, "sleepers"));
	EXPECT_EQ(0, bind_eventfd(self->fd, other, 1, 0));
	close(other);
	EXPECT_EQ(0, pulse(&self->d, 1));
	EXPECT_EQ(1, value_of(self->efd));
}

/* Killed or not: who is gone costs writers nothing, although the handle through which it was bound lives on. */
TEST_F(eventfd, closed_by_its_process_it_is_taken_off)
{
	int i, number;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		int efd = eventfd(0, EFD_CLOEXEC);

		EXPECT_EQ(0, bind_eventfd(self->fd, efd, ~0ULL, 0));
		close(efd);
	}
	EXPECT_TRUE(asleep(&self->d, 0));
	pid = child_with_eventfd(-1, &number);
	{
		int pidfd = syscall(SYS_pidfd_open, pid, 0);
		int efd = syscall(SYS_pidfd_getfd, pidfd, number, 0);

		EXPECT_EQ(0, bind_eventfd(self->fd, efd, 1, 0));
		close(efd);
		close(pidfd);
	}
	EXPECT_EQ(1, sysfs_number(self->d.id, "sleepers"));
	kill(pid, SIGKILL);
	wait_for(pid);
	EXPECT_TRUE(asleep(&self->d, 0));
	EXPECT_EQ(0, pulse(&self->d, ~0ULL));
	EXPECT_EQ(0, self->d.rings);
}

TEST_F(eventfd, a_binding_ends_with_its_handle_and_keeps_it_on_its_store)
{
	int fd = open_named(self->d.name, O_RDONLY), other = dev_open(O_RDONLY), ret;

	EXPECT_EQ(0, bind_eventfd(fd, self->efd, 1, 0));
	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, 1, 0));
	EXPECT_EQ(2, sysfs_number(self->d.id, "sleepers"));
	EXPECT_EQ(0, pulse(&self->d, 1));
	EXPECT_EQ(2, value_of(self->efd)); /* once for each handle */
	close(fd);
	EXPECT_EQ(1, sysfs_number(self->d.id, "sleepers"));
	EXPECT_EQ(0, pulse(&self->d, 1));
	EXPECT_EQ(1, value_of(self->efd));
	ret = bind_eventfd(other, self->efd, 1, 0);
	if (ret != -ENXIO) {
		EXPECT_EQ(0, ret);
		EXPECT_EQ(-EBUSY, attach(other, self->d.name));
		EXPECT_EQ(0, bind_eventfd(other, self->efd, 1, SPL_EVENTFD_UNBIND));
	}
	EXPECT_EQ(0, attach(other, self->d.name));
	close(other);
}

/* Closing eventfds and handles, binding and ringing, all at once. */
static void *churn(void *arg)
{
	struct desk *d = arg;
	double end = now_s() + 3;
	int fd, efd, i;

	while (now_s() < end) {
		fd = open_named(d->name, O_RDONLY);
		for (i = 0; i < 8; i++) {
			efd = eventfd(0, EFD_NONBLOCK);
			bind_eventfd(fd, efd, 0xff << i, 0);
			if (i & 1)
				bind_eventfd(fd, efd, 0xf << i, SPL_EVENTFD_UNBIND);
			if (i & 2)
				subscribe(fd, 0xffULL << i);
			polled(fd, 0);
			close(efd);
		}
		close(fd);
	}
	return NULL;
}

TEST_F(eventfd, comes_and_goes_while_others_ring)
{
	double end = now_s() + 3;
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, churn, &self->d);
	EXPECT_EQ(0, bind_eventfd(self->fd, self->efd, 1 << 20, 0));
	for (i = 0; now_s() < end; i++)
		EXPECT_EQ(0, pulse(&self->d, 0x7fff | 1 << 20));
	EXPECT_EQ(i, value_of(self->efd));
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

TEST_HARNESS_MAIN
