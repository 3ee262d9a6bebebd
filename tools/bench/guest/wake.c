// SPDX-License-Identifier: MIT
/*
 * wake.c - from a write to the reader that it wakes, on the other CPU: the signals of a store (wake_signal.c) and channels
 * (wake_channel.c), beside eventfd, pipe and futex in the same guest (wake_peers.c). Calls that wake nobody are calls.c's.
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "guest.h"
#include "wake.h"

#define SAMPLES 60

/*
 * Wake-ups of the same kind before each one that is measured. Without any, who comes after one that goes the same way through the
 * kernel finds it in the caches, and the others don't: then the order of the subjects is measured.
 */
#define WARM_UPS 1

/* What both processes see. */
struct shared {
	double stamp_ns; /* taken by the writer just before it writes */
	double took_ns; /* by the reader, once it runs */
	uint64_t asleep; /* samples that the reader is about to sleep for */
	uint64_t woken; /* samples that it was woken for */
};

static struct shared *shared;

enum which {
	EVENTFD,
	EVENTFD_EPOLL,
	PIPE,
	FUTEX,
	GROUP,
	GROUP_EPOLL,
	GROUP_EVENTFD,
	KEY,
	CHANNEL,
	CHANNEL_EPOLL,
	SUBJECTS,
};

static const struct subject *const subjects[SUBJECTS] = {
	&by_eventfd,	 &by_eventfd_epoll, &by_pipe, &by_futex,   &by_group,
	&by_group_epoll, &by_group_eventfd, &by_key,  &by_channel, &by_channel_epoll,
};

static const struct figure figures[] = {
	{ "wake by a group, epoll", "eventfd, epoll", GROUP_EPOLL, EVENTFD_EPOLL, 1.1 },
	{ "wake by an eventfd's group, epoll", "eventfd, epoll", GROUP_EVENTFD, EVENTFD_EPOLL,
	  1.1 },
	{ "wake by a group, wait call", "futex", GROUP, FUTEX, 1.2 },
	{ "wake by a key, wait call", "futex", KEY, FUTEX, 1.2 },
	{ "wake by a channel, epoll", "eventfd, epoll", CHANNEL_EPOLL, EVENTFD_EPOLL, 1.1 },
	{ "wake by a channel, wait call", "futex", CHANNEL, FUTEX, 1.2 },
	{ "wake by a channel, wait call", "eventfd, read", CHANNEL, EVENTFD, 0 },
	{ "wake by a channel, wait call", "pipe, read", CHANNEL, PIPE, 0 },
};

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("affinity");
}

/* The reader's part of a sample. */
static void read_one(const struct subject *subject)
{
	static uint64_t n;

	n++;
	__atomic_store_n(&shared->asleep, n, __ATOMIC_SEQ_CST);
	subject->sleep();
	shared->took_ns = now_ns() - shared->stamp_ns;
	if (subject->drain)
		subject->drain();
	__atomic_store_n(&shared->woken, n, __ATOMIC_SEQ_CST);
}

static void reader(void)
{
	int s, i, w;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(1);
	channel_reader();
	signal_reader();
	for (i = 0; i < (ROUNDS + 1) * SAMPLES; i++)
		for (s = 0; s < SUBJECTS; s++)
			for (w = 0; w <= WARM_UPS; w++)
				read_one(subjects[s]);
	_exit(0);
}

static double sample(const struct subject *subject)
{
	static uint64_t n;

	n++;
	while (__atomic_load_n(&shared->asleep, __ATOMIC_SEQ_CST) != n)
		sched_yield();
	usleep(500); /* it sleeps by now */
	shared->stamp_ns = now_ns();
	subject->wake();
	while (__atomic_load_n(&shared->woken, __ATOMIC_SEQ_CST) != n)
		sched_yield();
	return shared->took_ns;
}

static double ns[SUBJECTS][ROUNDS];

/* One sample of each, warmed up, and again. What a tenth stays below is kept: the others have met what else the host does. */
static void measure(int round)
{
	static double took[SUBJECTS][SAMPLES];
	int i, s, w;

	for (i = 0; i < SAMPLES; i++)
		for (s = 0; s < SUBJECTS; s++)
			for (w = 0; w <= WARM_UPS; w++)
				took[s][i] = sample(subjects[s]); /* the last one stays */
	for (s = 0; s < SUBJECTS; s++) {
		qsort(took[s], SAMPLES, sizeof(*took[s]), compare_doubles);
		ns[s][round] = took[s][SAMPLES / 10];
	}
}

int main(void)
{
	int r, missed = 0;
	size_t i;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	peers_make();
	channel_make();
	signal_make();
	if (!fork())
		reader();
	pin(0);
	channel_writer();
	/* The first round warms up: it isn't kept. */
	for (r = -1; r < ROUNDS; r++)
		measure(r < 0 ? 0 : r);
	signal_end();
	for (i = 0; i < sizeof(figures) / sizeof(*figures); i++)
		missed += !print_figure(&figures[i], ns);
	return missed ? 1 : 0;
}
