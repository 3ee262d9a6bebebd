// SPDX-License-Identifier: MIT
/*
 * wake.c - from a write to the reader that it wakes, on the other CPU: channels through the wait call and through epoll,
 * beside eventfd, pipe and futex in the same guest. Calls that wake nobody are calls.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "splinter_ring.h"

#define ROUNDS 15
#define SAMPLES 60

/* What both processes see. */
struct shared {
	double stamp_ns; /* taken by the writer just before it writes */
	double took_ns; /* by the reader, once it runs */
	uint64_t asleep; /* samples that the reader is about to sleep for */
	uint64_t woken; /* samples that it was woken for */
	uint32_t futex;
};

static struct shared *shared;
static int eventfd_fd, pipe_fd[2], ep_eventfd, ep_channel, tx_fd, rx_fd;
static struct spl_tx tx;
static struct spl_rx rx;

static void die(const char *what)
{
	fprintf(stderr, "bench-guest: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("affinity");
}

static void write_eventfd(void)
{
	uint64_t one = 1;

	if (write(eventfd_fd, &one, 8) != 8)
		die("eventfd");
}

static void read_eventfd(void)
{
	uint64_t n;

	if (read(eventfd_fd, &n, 8) != 8)
		die("eventfd");
}

static void poll_in(int ep)
{
	struct epoll_event ev;

	if (epoll_wait(ep, &ev, 1, -1) != 1)
		die("epoll");
}

static void poll_eventfd(void)
{
	poll_in(ep_eventfd);
}

static void write_pipe(void)
{
	if (write(pipe_fd[1], "x", 1) != 1)
		die("pipe");
}

static void read_pipe(void)
{
	char byte;

	if (read(pipe_fd[0], &byte, 1) != 1)
		die("pipe");
}

static void write_futex(void)
{
	__atomic_store_n(&shared->futex, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &shared->futex, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void read_futex(void)
{
	while (!__atomic_load_n(&shared->futex, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &shared->futex, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void write_channel(void)
{
	struct spl_ioc_channel_ring r = { .size = sizeof(r) };
	void *p;

	if (spl_tx_acquire(&tx, 8, &p))
		die("a channel without space");
	memset(p, 1, 8);
	spl_tx_commit(&tx, 8, 0, 0);
	if (spl_tx_flush(&tx) && ioctl(tx_fd, SPL_IOC_CHANNEL_RING, &r))
		die("ring");
}

static void read_channel(void)
{
	struct spl_ioc_channel_wait w = { .size = sizeof(w),
					  .position = rx.next,
					  .deadline_ns = SPL_CHANNEL_FOREVER };

	if (ioctl(rx_fd, SPL_IOC_CHANNEL_WAIT, &w))
		die("wait");
}

static void poll_channel(void)
{
	poll_in(ep_channel);
}

static void drain_futex(void)
{
	shared->futex = 0;
}

static void drain_channel(void)
{
	struct spl_received m;

	if (spl_rx_acquire(&rx, &m))
		die("a channel without its message");
	spl_rx_commit(&rx);
}

static void drain_nothing(void)
{
}

enum subject {
	EVENTFD,
	EVENTFD_EPOLL,
	PIPE,
	FUTEX,
	CHANNEL,
	CHANNEL_EPOLL,
	SUBJECTS,
};

static const struct {
	void (*wake)(void);
	void (*sleep)(void); /* until then; the clock stops when this returns */
	void (*drain)(void);
} subjects[SUBJECTS] = {
	{ write_eventfd, read_eventfd, drain_nothing },
	{ write_eventfd, poll_eventfd, read_eventfd },
	{ write_pipe, read_pipe, drain_nothing },
	{ write_futex, read_futex, drain_futex },
	{ write_channel, read_channel, drain_channel },
	{ write_channel, poll_channel, drain_channel },
};

static const struct {
	const char *name, *against;
	enum subject subject, reference;
} figures[] = {
	{ "wake by a channel, epoll", "eventfd, epoll", CHANNEL_EPOLL, EVENTFD_EPOLL },
	{ "wake by a channel, wait call", "futex", CHANNEL, FUTEX },
	{ "wake by a channel, wait call", "eventfd, read", CHANNEL, EVENTFD },
	{ "wake by a channel, wait call", "pipe, read", CHANNEL, PIPE },
};

static void map_channel(int fd, int role, struct spl_channel_map *map)
{
	struct spl_ioc_channel_info i = { .size = sizeof(i) };
	char *base;
	void *p;

	if (ioctl(fd, SPL_IOC_CHANNEL_INFO, &i))
		die("channel");
	base = mmap(NULL, i.map_bytes + i.capacity, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		die("mmap");
	map->info = (void *)base;
	map->tx = (void *)(base + map->info->tx_off);
	map->rx = (void *)(base + map->info->rx_off);
	map->data = (unsigned char *)base + map->info->data_off;
	map->capacity = i.capacity;
	map->fenced = false;
	p = mmap(role == SPL_CHANNEL_TX ? (void *)map->tx : (void *)map->rx, 4096,
		 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 (off_t)(role == SPL_CHANNEL_TX ? map->info->tx_off : map->info->rx_off));
	if (p != MAP_FAILED && role == SPL_CHANNEL_TX)
		p = mmap(map->data, 2 * i.capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 fd, (off_t)map->info->data_off);
	if (p == MAP_FAILED)
		die("mmap");
}

static void make_channel(void)
{
	struct spl_ioc_channel_open o = { .size = sizeof(o),
					  .flags = SPL_CHANNEL_CREATE,
					  .mode = 0600,
					  .role = SPL_CHANNEL_TX,
					  .may = SPL_CHANNEL_MAY_ALL };
	struct spl_ioc_channel_attach a = { .size = sizeof(a), .role = SPL_CHANNEL_RX };
	int fd = open("/dev/splinter", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, SPL_IOC_CHANNEL_OPEN, &o))
		die("/dev/splinter (is the module loaded?)");
	tx_fd = o.fd;
	if (ioctl(tx_fd, SPL_IOC_CHANNEL_ATTACH, &a))
		die("attach");
	rx_fd = a.fd;
}

static int watch(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		die("epoll");
	return ep;
}

static void reader(void)
{
	struct spl_channel_map map;
	uint64_t n = 0;
	int r, s, i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(1);
	map_channel(rx_fd, SPL_CHANNEL_RX, &map);
	if (spl_rx_attach(&rx, &map))
		die("attach");
	for (r = -1; r < ROUNDS; r++)
		for (s = 0; s < SUBJECTS; s++)
			for (i = 0; i < SAMPLES; i++) {
				n++;
				__atomic_store_n(&shared->asleep, n, __ATOMIC_SEQ_CST);
				subjects[s].sleep();
				shared->took_ns = now_ns() - shared->stamp_ns;
				subjects[s].drain();
				__atomic_store_n(&shared->woken, n, __ATOMIC_SEQ_CST);
			}
	_exit(0);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of one round, what a tenth stays below: the others have met what else the host does. */
static double sample(int s, uint64_t *n)
{
	double took[SAMPLES];
	int i;

	for (i = 0; i < SAMPLES; i++) {
		(*n)++;
		while (__atomic_load_n(&shared->asleep, __ATOMIC_SEQ_CST) != *n)
			sched_yield();
		usleep(500); /* it sleeps by now */
		shared->stamp_ns = now_ns();
		subjects[s].wake();
		while (__atomic_load_n(&shared->woken, __ATOMIC_SEQ_CST) != *n)
			sched_yield();
		took[i] = shared->took_ns;
	}
	qsort(took, SAMPLES, sizeof(*took), compare);
	return took[SAMPLES / 10];
}

static double ns[SUBJECTS][ROUNDS];

static void print_figure(size_t i)
{
	double ratio[ROUNDS], value[ROUNDS], reference[ROUNDS];
	int r;

	for (r = 0; r < ROUNDS; r++) {
		value[r] = ns[figures[i].subject][r];
		reference[r] = ns[figures[i].reference][r];
		ratio[r] = value[r] / reference[r];
	}
	qsort(ratio, ROUNDS, sizeof(*ratio), compare);
	qsort(value, ROUNDS, sizeof(*value), compare);
	qsort(reference, ROUNDS, sizeof(*reference), compare);
	printf("%-32s %12.0f  %-28s %12.0f %9.3f %9.3f..%.3f\n", figures[i].name, value[ROUNDS / 2],
	       figures[i].against, reference[ROUNDS / 2], ratio[ROUNDS / 2], ratio[0],
	       ratio[ROUNDS - 1]);
}

int main(void)
{
	struct spl_channel_map map;
	uint64_t n = 0;
	size_t i;
	int r, s;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	eventfd_fd = eventfd(0, EFD_CLOEXEC);
	if (shared == MAP_FAILED || eventfd_fd < 0 || pipe(pipe_fd))
		die("set-up");
	make_channel();
	ep_eventfd = watch(eventfd_fd);
	ep_channel = watch(rx_fd);
	if (!fork())
		reader();
	pin(0);
	map_channel(tx_fd, SPL_CHANNEL_TX, &map);
	if (spl_tx_attach(&tx, &map))
		die("attach");
	/* The first round warms up: it isn't kept. */
	for (r = -1; r < ROUNDS; r++)
		for (s = 0; s < SUBJECTS; s++)
			ns[s][r < 0 ? 0 : r] = sample(s, &n);
	for (i = 0; i < sizeof(figures) / sizeof(*figures); i++)
		print_figure(i);
	return 0;
}
