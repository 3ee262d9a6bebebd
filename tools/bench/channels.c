// SPDX-License-Identifier: MIT
/*
 * channels.c - round trips and streams between two processes on two CPUs. Virtual CPUs move between places near to and far
 * from each other: a bare round trip is measured just before and just after each round, and the round is dropped if it
 * moved, or if either process lost its CPU. The loops are channel_loops.c's.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include "channel.h"

#define TRIPS 4000
#define SLOW_TRIPS 2000
#define MOVED 0.1 /* a bare round trip that differs by more has moved */
#define TRIES 10 /* rounds tried for each that is wanted */

static struct pair *pair;
static struct ends mine, theirs;
static struct splk_channel *there, *back, *long_there;
static int to_helper[2], from_helper[2];
static pid_t helper;
static uint64_t marks[TRIPS + 1];
static double scale; /* ns of a tick */

struct trip {
	double p50, p95, p99, p999, max;
	bool lost; /* a process was taken off its CPU */
};

static long preemptions(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return use.ru_nivcsw;
}

static struct splk_channel *end_of(struct splk_channel *ch, uint32_t role)
{
	struct splk_channel_options o = { .size = sizeof(o), .role = role };
	struct splk_channel *end;

	if (splk_channel_attach(splk_channel_fd(ch), &o, &end))
		die("channels: no end of a channel");
	return end;
}

/* The bare loops never sleep; what sleeping costs is measured apart. */
static void set_spins(struct ends *e, enum pair_task task)
{
	uint32_t spins = task == OURS_SLEEPING ? SPLK_SPINS_NONE : SPLK_SPINS_ONLY;

	splk_channel_spin(e->tx, spins);
	splk_channel_spin(e->rx, spins);
	splk_channel_spin(e->long_tx ? e->long_tx : e->long_rx, spins);
}

static void place(bool same_cpu)
{
	pin(same_cpu ? cpu_mine() : cpu_other());
}

static void help(void)
{
	enum pair_task task;
	long lost;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(to_helper[1]);
	theirs.rx = end_of(there, SPLK_CHANNEL_RX);
	theirs.tx = end_of(back, SPLK_CHANNEL_TX);
	theirs.long_rx = end_of(long_there, SPLK_CHANNEL_RX);
	while (read(to_helper[0], &c, 1) == 1) {
		task = (enum pair_task)pair->task;
		place(pair->same_cpu);
		splk_channel_spin(theirs.rx,
				  task == OURS_SLEEPING ? SPLK_SPINS_NONE : SPLK_SPINS_DEFAULT);
		__atomic_store_n(&pair->ready, 1, __ATOMIC_RELEASE);
		if (!pair->same_cpu)
			while (!__atomic_load_n(&pair->go, __ATOMIC_ACQUIRE))
				_mm_pause();
		lost = preemptions();
		if (task < BARE_STREAM)
			pair_pong(&theirs, task, pair->ops);
		else
			pair_consume(&theirs, task, pair->ops);
		pair->lost = preemptions() - lost;
		if (write(from_helper[1], "", 1) != 1)
			break;
	}
	_exit(0);
}

static void begin(enum pair_task task, uint64_t ops, bool same_cpu)
{
	memset(pair->line, 0, sizeof(pair->line));
	pair->word = 0;
	pair->head = pair->tail = 0;
	pair->task = task;
	pair->ops = ops;
	pair->same_cpu = same_cpu;
	pair->ready = pair->go = 0;
	set_spins(&mine, task);
	if (write(to_helper[1], "", 1) != 1)
		die("channels: the second process is gone");
	while (!same_cpu && !__atomic_load_n(&pair->ready, __ATOMIC_ACQUIRE))
		_mm_pause();
	__atomic_store_n(&pair->go, 1, __ATOMIC_RELEASE);
}

static void end(void)
{
	char c;

	if (read(from_helper[0], &c, 1) != 1)
		die("channels: the second process is gone");
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static struct trip trips(enum pair_task task, uint64_t ops, bool same_cpu)
{
	struct trip t = { 0 };
	long lost;
	uint64_t i;

	begin(task, ops, same_cpu);
	lost = preemptions();
	pair_ping(&mine, task, ops, marks);
	lost = preemptions() - lost;
	end();
	t.lost = lost + pair->lost > 2; /* one or two are less than one trip in a thousand */
	for (i = 0; i < ops; i++)
		marks[i] = marks[i + 1] - marks[i];
	qsort(marks, ops, sizeof(*marks), compare);
	t.p50 = (double)marks[ops / 2] * scale;
	t.p95 = (double)marks[ops * 95 / 100] * scale;
	t.p99 = (double)marks[ops * 99 / 100] * scale;
	t.p999 = (double)marks[ops * 999 / 1000] * scale;
	t.max = (double)marks[ops - 1] * scale;
	return t;
}

static bool moved(const struct trip *a, const struct trip *b)
{
	return a->lost || b->lost || a->p50 > b->p50 * (1 + MOVED) || b->p50 > a->p50 * (1 + MOVED);
}

/* ns for a message. */
static double stream(enum pair_task task, uint64_t ops, bool *lost)
{
	double began;
	long was = preemptions();

	begin(task, ops, false);
	began = now_ns();
	pair_produce(&mine, task, ops);
	end(); /* the consumer has all */
	began = now_ns() - began;
	*lost |= preemptions() != was || pair->lost;
	return began / (double)ops;
}

/* A figure of this file's own rounds: value and floor of each. */
struct rounds {
	double value[ROUNDS_MAX], floor[ROUNDS_MAX], ratio[ROUNDS_MAX];
	int n;
};

static void add(struct rounds *r, double value, double floor, enum kind kind)
{
	r->value[r->n] = value;
	r->floor[r->n] = floor;
	r->ratio[r->n++] = kind == COST ? value / floor : floor / value;
}

static void figure(const char *name, const char *note, const struct rounds *r, enum kind kind,
		   double bound)
{
	struct figure f = { .kind = kind, .one = -1, .both = -1, .bound = bound, .unit = "ns/op" };
	int i;

	if (!r->n)
		return report_skip(name, "no round without a disturbance");
	snprintf(f.name, sizeof(f.name), "%s", name);
	snprintf(f.note, sizeof(f.note), "%s", note);
	f.value = median_of(r->value, r->n);
	f.floor = median_of(r->floor, r->n);
	f.ratio = median_of(r->ratio, r->n);
	f.min = f.max = r->value[0];
	f.floor_min = r->floor[0];
	f.ratio_min = f.ratio_max = r->ratio[0];
	for (i = 1; i < r->n; i++) {
		f.min = r->value[i] < f.min ? r->value[i] : f.min;
		f.max = r->value[i] > f.max ? r->value[i] : f.max;
		f.floor_min = r->floor[i] < f.floor_min ? r->floor[i] : f.floor_min;
		f.ratio_min = r->ratio[i] < f.ratio_min ? r->ratio[i] : f.ratio_min;
		f.ratio_max = r->ratio[i] > f.ratio_max ? r->ratio[i] : f.ratio_max;
	}
	f.met = !bound || (kind == COST ? f.ratio <= bound : f.ratio >= bound);
	report_figure(&f);
}

static void round_trips(void)
{
	static struct rounds p50, p99, p999, single;
	static double before[ROUNDS_MAX], after[ROUNDS_MAX];
	struct trip first, ours, one, last;
	int tries, n = 0;

	for (tries = 0; n < settings.rounds && tries < TRIES * settings.rounds; tries++) {
		progress("channels, round trip %d of %d", n + 1, settings.rounds);
		first = trips(RAW, TRIPS, false);
		ours = trips(OURS, TRIPS, false);
		one = trips(RAW_ONE, TRIPS, false);
		last = trips(RAW, TRIPS, false);
		if (ours.lost || one.lost || moved(&first, &last))
			continue;
		before[n] = first.p50;
		after[n++] = last.p50;
		add(&p50, ours.p50, (first.p50 + last.p50) / 2, COST);
		add(&single, ours.p50, one.p50, COST);
		add(&p99, ours.p99, (first.p99 + last.p99) / 2, COST);
		add(&p999, ours.p999, (first.p999 + last.p999) / 2, COST);
	}
	figure("channel: round trip of 32 bytes, p50", "a bare line each way", &p50, COST, 1.15);
	figure("channel: round trip of 32 bytes, p99", "a bare line each way", &p99, COST, 1.3);
	figure("channel: round trip of 32 bytes, p99.9", "a bare line each way", &p999, COST, 1.3);
	figure("channel: round trip, p50, by one line", "one bare line for both ways", &single,
	       COST, 0);
	if (n)
		printf("          %d rounds kept of %d; bare p50 before %.0f, after %.0f ns\n", n,
		       tries, median_of(before, n), median_of(after, n));
}

static void streams(void)
{
	static const struct {
		const char *name, *note;
		enum pair_task ours, bare;
		uint64_t ops;
		double bound;
	} list[] = {
		{ "channel: stream of 32 bytes", "bare ring, a line a message", OUR_STREAM,
		  BARE_STREAM, 40000, 0.9 },
		{ "channel: stream of 32 bytes, packed floor", "bare ring, 32 bytes a slot",
		  OUR_STREAM, PACKED_STREAM, 40000, 0 },
		{ "channel: stream of 32 bytes, a call each", "bare ring, a line a message",
		  OUR_SINGLY, BARE_STREAM, 40000, 0 },
		{ "channel: stream of 4 KiB", "bare memcpy in and out", OUR_4K, BARE_4K, 2000,
		  0.9 },
		{ "channel: stream of 64 KiB", "bare memcpy in and out", OUR_64K, BARE_64K, 150,
		  0.9 },
	};
	static struct rounds r[sizeof(list) / sizeof(list[0])];
	struct trip first, last;
	double ours, bare;
	bool lost;
	int tries;
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		for (tries = 0; r[i].n < settings.rounds && tries < TRIES * settings.rounds;
		     tries++) {
			progress("%s, round %d of %d", list[i].name, r[i].n + 1, settings.rounds);
			lost = false;
			first = trips(RAW, TRIPS / 4, false);
			/* Now the one first, now the other. */
			if (tries % 2)
				bare = stream(list[i].bare, list[i].ops, &lost);
			ours = stream(list[i].ours, list[i].ops, &lost);
			if (tries % 2 == 0)
				bare = stream(list[i].bare, list[i].ops, &lost);
			last = trips(RAW, TRIPS / 4, false);
			if (!lost && !moved(&first, &last))
				add(&r[i], ours, bare, GAIN);
		}
		figure(list[i].name, list[i].note, &r[i], GAIN, list[i].bound);
	}
}

/* What a sleep costs, beside what the kernel has for it. */
static void sleeping(void)
{
	static const char *const names[] = {
		[RAW] = "a bare line each way",
		[RAW_ONE] = "one bare line",
		[OURS] = "channel",
		[OURS_SLEEPING] = "channel, sleeping",
		[FUTEX] = "futex",
		[EVENTFD] = "eventfd",
		[PIPE] = "pipe",
		[SOCKET] = "unix socket",
	};
	char name[64];
	struct trip t;
	int task, same;

	for (same = 0; same < 2; same++)
		for (task = same ? OURS_SLEEPING : RAW; task <= SOCKET; task++) {
			snprintf(name, sizeof(name), "round trip: %s, %s", names[task],
				 same ? "one CPU" : "two CPUs");
			progress("%s", name);
			t = trips((enum pair_task)task, task <= OURS ? TRIPS : SLOW_TRIPS, same);
			report_latency(name, (double[]){ t.p50, t.p95, t.p99, t.p999, t.max });
		}
}

static struct splk_channel *channel(uint64_t capacity)
{
	struct splk_channel_options o = { .size = sizeof(o), .capacity = capacity };
	struct splk_channel *ch;

	if (splk_channel_open(NULL, "memfd:", &o, &ch))
		die("channels: no channel");
	return ch;
}

static void make(void)
{
	int events[2], pipes[2][2], sockets[2];
	double began = now_ns();
	uint64_t ticks = __rdtsc();

	while (now_ns() - began < 2e7)
		;
	scale = (now_ns() - began) / (double)(__rdtsc() - ticks);
	pair = mmap(NULL, sizeof(*pair), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	there = channel(RING_BYTES);
	back = channel(RING_BYTES);
	long_there = channel(RING_LONG_BYTES);
	events[0] = eventfd(0, 0);
	events[1] = eventfd(0, 0);
	if (pair == MAP_FAILED || pipe(pipes[0]) || pipe(pipes[1]) || pipe(to_helper) ||
	    pipe(from_helper) || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		die("channels: %s", strerror(errno));
	mine = (struct ends){ .pair = pair,
			      .eventfd_out = events[0],
			      .eventfd_in = events[1],
			      .pipe_out = pipes[0][1],
			      .pipe_in = pipes[1][0],
			      .socket = sockets[0] };
	theirs = (struct ends){ .pair = pair,
				.eventfd_out = events[1],
				.eventfd_in = events[0],
				.pipe_out = pipes[1][1],
				.pipe_in = pipes[0][0],
				.socket = sockets[1] };
	fflush(stdout);
	helper = fork();
	if (helper < 0)
		die("fork: %s", strerror(errno));
	if (!helper)
		help();
	mine.tx = end_of(there, SPLK_CHANNEL_TX);
	mine.rx = end_of(back, SPLK_CHANNEL_RX);
	mine.long_tx = end_of(long_there, SPLK_CHANNEL_TX);
}

void section_channels(void)
{
	if (!wanted("channel"))
		return;
	if (cpu_mine() == cpu_other())
		return report_skip("channels", "one CPU only");
	make();
	round_trips();
	streams();
	sleeping();
	close(to_helper[1]);
	waitpid(helper, NULL, 0);
	splk_channel_close(mine.tx);
	splk_channel_close(mine.rx);
	splk_channel_close(mine.long_tx);
	splk_channel_close(there);
	splk_channel_close(back);
	splk_channel_close(long_there);
}
