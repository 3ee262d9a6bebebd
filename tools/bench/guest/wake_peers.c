// SPDX-License-Identifier: MIT
/* wake_peers.c - what the kernel has itself for waking a reader: eventfd, read or by epoll; pipe; futex. */
#include <linux/futex.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"
#include "wake.h"

static int eventfd_fd, pipe_fd[2], ep;
static uint32_t *futex_word; /* 1: woken */

int epoll_make(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int made = epoll_create1(EPOLL_CLOEXEC);

	if (made < 0 || epoll_ctl(made, EPOLL_CTL_ADD, fd, &ev))
		die("epoll");
	return made;
}

void epoll_sleep(int on)
{
	struct epoll_event ev;

	if (epoll_wait(on, &ev, 1, -1) != 1)
		die("epoll");
}

static void eventfd_wake(void)
{
	uint64_t one = 1;

	if (write(eventfd_fd, &one, 8) != 8)
		die("eventfd");
}

static void eventfd_take(void)
{
	uint64_t n;

	if (read(eventfd_fd, &n, 8) != 8)
		die("eventfd");
}

static void eventfd_epoll(void)
{
	epoll_sleep(ep);
}

static void pipe_wake(void)
{
	if (write(pipe_fd[1], "x", 1) != 1)
		die("pipe");
}

static void pipe_take(void)
{
	char byte;

	if (read(pipe_fd[0], &byte, 1) != 1)
		die("pipe");
}

static void futex_wake(void)
{
	__atomic_store_n(futex_word, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, futex_word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_sleep(void)
{
	while (!__atomic_load_n(futex_word, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, futex_word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void futex_drain(void)
{
	__atomic_store_n(futex_word, 0, __ATOMIC_SEQ_CST);
}

void peers_make(void)
{
	eventfd_fd = eventfd(0, EFD_CLOEXEC);
	futex_word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (eventfd_fd < 0 || futex_word == MAP_FAILED || pipe(pipe_fd))
		die("set-up");
	ep = epoll_make(eventfd_fd);
}

const struct subject by_eventfd = { eventfd_wake, eventfd_take, NULL };
const struct subject by_eventfd_epoll = { eventfd_wake, eventfd_epoll, eventfd_take };
const struct subject by_pipe = { pipe_wake, pipe_take, NULL };
const struct subject by_futex = { futex_wake, futex_sleep, futex_drain };
