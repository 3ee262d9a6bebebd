// SPDX-License-Identifier: MIT
/*
 * signal_storm.c - no wake-up is lost and none is stolen: many sleepers of all kinds, hundreds of thousands of events,
 * writers that die anywhere between a publication and its ring. Only a deadline fails: no sleeper here has one of its
 * own, so that a lost wake-up is one that never comes.
 *
 * selftest-timeout: 400
 */
#include "kselftest_harness.h"
#include "sleeper.h"
#include <sys/ptrace.h>

#define GROUP 5
#define NR_EACH 2
#define ROUNDS 20000
#define ROUNDS_S 25 /* or as many as that takes */
#define EVENTS 150000 /* of each writer */
#define EVENTS_S 30
#define KILLS_S 25
#define NR_WRITERS 2

enum kind {
	BY_GROUP,
	BY_GROUPS,
	BY_KEY,
	BY_LIFE, /* a key that comes and goes */
	BY_POLL,
	BY_READ,
	BY_LEVEL,
	BY_EDGE,
	BY_EVENTFD,
	NR_KINDS
};

static const char *const kinds[] = { "wait for a group",
				     "wait for all groups",
				     "wait for a key",
				     "wait for a life",
				     "poll",
				     "read",
				     "epoll, level",
				     "epoll, edge",
				     "eventfd" };

struct shared {
	__u64 acked[NR_KINDS * NR_EACH];
	__u32 up;
	__u32 done;
};

static struct shared *shared;

struct sleep {
	struct desk d; /* of which only fd and mapping are used: it writes nothing */
	enum kind kind;
	int ep, efd;
	__u64 known; /* count or epoch */
	__u64 told; /* sum of records */
};

/* Sleeps once. What it has heard of then: see heard_of_all(). */
static __u64 sleep_once(struct sleep *z)
{
	struct spl_group_count all[SPL_GROUPS];
	struct spl_pulses rec[SPL_GROUPS];
	struct epoll_event e;
	__u64 value = 0;
	eventfd_t n;
	long nr;
	__u32 i;

	switch (z->kind) {
	case BY_GROUP:
		if (wait_group(z->d.fd, GROUP, &z->known, FOREVER))
			_exit(10);
		return z->known;
	case BY_GROUPS:
		for (i = 0; i < SPL_GROUPS; i++)
			all[i] = (struct spl_group_count){ .group = i,
							   .count = i == GROUP ? z->known
									       : count(&z->d, i) };
		if (wait_counts(z->d.fd, all, SPL_GROUPS, FOREVER))
			_exit(11);
		return z->known = all[GROUP].count;
	case BY_KEY: /* it may be woken before the group of its key is pulsed: its value is what it has heard of */
		if (wait_key(z->d.fd, "k", &z->known, FOREVER) ||
		    spl_get(&z->d.m.s, literal("k"), 1, &value, sizeof(value), NULL) < 0)
			_exit(12);
		return value;
	case BY_LIFE:
		if (wait_key(z->d.fd, "life", &z->known, FOREVER))
			_exit(13);
		return z->known;
	case BY_POLL:
		if (polled(z->d.fd, -1) != POLLIN)
			_exit(14);
		break;
	case BY_LEVEL:
	case BY_EDGE:
		if (epoll_wait(z->ep, &e, 1, -1) != 1)
			_exit(15);
		break;
	case BY_EVENTFD:
		if (eventfd_read(z->efd, &n))
			_exit(16);
		return count(&z->d, GROUP);
	default:
		break;
	}
	nr = read_records(z->d.fd, rec, SPL_GROUPS);
	if (nr != 1 && nr != -EAGAIN)
		_exit(17);
	if (nr == 1)
		z->told += rec[0].pulses;
	return z->told;
}

static void sleep_begin(struct sleep *z, const char *name, enum kind kind)
{
	struct epoll_event e = { .events = EPOLLIN | (kind == BY_EDGE ? EPOLLET : 0) };

	memset(z, 0, sizeof(*z));
	z->kind = kind;
	z->d.fd = open_named(name, O_RDONLY);
	if (z->d.fd < 0 || map_store(z->d.fd, PROT_READ, &z->d.m))
		_exit(20);
	if (kind >= BY_POLL && kind <= BY_EDGE && subscribe(z->d.fd, 1ULL << GROUP))
		_exit(21);
	if (kind != BY_READ && kind >= BY_POLL)
		nonblocking(z->d.fd);
	if (kind == BY_LEVEL || kind == BY_EDGE) {
		z->ep = epoll_create1(0);
		if (epoll_ctl(z->ep, EPOLL_CTL_ADD, z->d.fd, &e))
			_exit(22);
	}
	if (kind == BY_EVENTFD) {
		z->efd = eventfd(0, 0);
		if (bind_eventfd(z->d.fd, z->efd, 1ULL << GROUP, 0))
			_exit(23);
	}
	if (kind == BY_KEY)
		z->known = epoch(&z->d, "k");
	__atomic_fetch_add(&shared->up, 1, __ATOMIC_SEQ_CST);
}

static void wait_until_up(__u32 nr)
{
	while (__atomic_load_n(&shared->up, __ATOMIC_ACQUIRE) < nr)
		usleep(1000);
}

FIXTURE(storm)
{
	struct desk d;
	pid_t pid[NR_KINDS * NR_EACH];
};

FIXTURE_SETUP(storm)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	ASSERT_EQ(0, desk_open(&self->d, "storm", watchable(100)));
	ASSERT_EQ(0, set(&self->d, "k", 0));
	ASSERT_EQ(0, watch(&self->d, "k", 1ULL << GROUP));
}

FIXTURE_TEARDOWN(storm)
{
	struct spl_check_counts c;

	EXPECT_TRUE(asleep(&self->d, 0));
	EXPECT_EQ(0, self->d.m.s.signal->births);
	EXPECT_EQ(0, check(self->d.fd, 0, &c));
	EXPECT_EQ(0, c.lanes_lost + c.lanes_shared + c.cells_bad + c.free_stale);
	desk_close(&self->d);
	EXPECT_EQ(-1, sysfs_number(self->d.id, "lanes"));
}

/* Does each sleeper know how things stand, or hear of it without anything that happens meanwhile? */
static bool heard_of_all(struct desk *d)
{
	double late = now_s() + LATE_S;
	__u64 now, value = 0;
	int i;

	spl_get(&d->m.s, literal("k"), 1, &value, sizeof(value), NULL);
	for (i = 0; i < NR_KINDS * NR_EACH; i++) {
		now = i / NR_EACH == BY_KEY    ? value
		      : i / NR_EACH == BY_LIFE ? epoch(d, "life")
					       : count(d, GROUP);
		while (__atomic_load_n(&shared->acked[i], __ATOMIC_ACQUIRE) != now) {
			sched_yield();
			if (now_s() < late)
				continue;
			printf("# %s knows %llx, not %llx\n", kinds[i / NR_EACH],
			       (unsigned long long)shared->acked[i], (unsigned long long)now);
			return false;
		}
	}
	return true;
}

/* Sleepers that tell what they have heard of until they are killed. */
static void sleepers_start(pid_t *pid, const char *name)
{
	struct sleep z;
	int i;

	for (i = 0; i < NR_KINDS * NR_EACH; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		sleep_begin(&z, name, i / NR_EACH);
		for (;;)
			__atomic_store_n(&shared->acked[i], sleep_once(&z), __ATOMIC_RELEASE);
	}
	wait_until_up(NR_KINDS * NR_EACH);
}

static bool sleepers_end(const pid_t *pid)
{
	bool all = true;
	int i;

	for (i = 0; i < NR_KINDS * NR_EACH; i++) {
		kill(pid[i], SIGKILL);
		all &= wait_for(pid[i]) == 256 + SIGKILL;
	}
	return all;
}

/* The next event comes while they go to sleep again. */
TEST_F_TIMEOUT(storm, every_sleeper_is_woken_by_every_event, 180)
{
	double end = now_s() + ROUNDS_S;
	__u64 round;

	sleepers_start(self->pid, self->d.name);
	for (round = 1; round <= ROUNDS && now_s() < end; round++) {
		ASSERT_EQ(0, set(&self->d, "k", round));
		ASSERT_EQ(0, round & 1 ? set(&self->d, "life", round) : del(&self->d, "life"));
		if (!heard_of_all(&self->d))
			break;
		EXPECT_EQ(round, count(&self->d, GROUP));
	}
	TH_LOG("%llu events, each told to %d sleepers", (unsigned long long)round - 1,
	       NR_KINDS * NR_EACH);
	EXPECT_TRUE(round > ROUNDS || now_s() >= end);
	EXPECT_TRUE(sleepers_end(self->pid));
}

/* What a writer had published when it was killed is heard of by all, though nobody writes any more. */
TEST_F_TIMEOUT(storm, writers_killed_at_any_time_leave_nobody_asleep, 180)
{
	double end = now_s() + KILLS_S;
	unsigned int kills = 0;
	struct desk d;
	pid_t pid;
	__u64 n;

	srand(getpid());
	sleepers_start(self->pid, self->d.name);
	ASSERT_EQ(0, set(&self->d, "life", 1));
	ASSERT_EQ(0, set(&self->d, "k", 1));
	for (; now_s() < end; kills++) {
		pid = fork();
		if (!pid) {
			if (desk_join(&d, self->d.name))
				_exit(1);
			for (n = 0;; n++) {
				if (set(&d, "k", (__u64)getpid() << 32 | n) ||
				    (n & 1 ? set(&d, "life", n) : del(&d, "life") + ENOENT < 0))
					_exit(2);
			}
		}
		usleep(2000 + rand() % 8000);
		kill(pid, SIGKILL);
		ASSERT_EQ(256 + SIGKILL, wait_for(pid));
		if (!heard_of_all(&self->d))
			break;
	}
	TH_LOG("%u kills, %llu events", kills, (unsigned long long)count(&self->d, GROUP));
	EXPECT_TRUE(now_s() >= end);
	EXPECT_TRUE(sleepers_end(self->pid));
}

/* Writers that wait for nobody; the last event, told to all, is of the time when they are done. */
TEST_F_TIMEOUT(storm, none_of_very_many_events_is_lost, 180)
{
	int i, status, late = 0;
	pid_t writer[NR_WRITERS];
	struct sleep z;
	struct desk d;
	double end;
	__u64 n;

	for (i = 0; i < NR_KINDS * NR_EACH; i++) {
		self->pid[i] = fork();
		if (self->pid[i])
			continue;
		sleep_begin(&z, self->d.name, i / NR_EACH);
		for (;;) {
			n = sleep_once(&z);
			if (!__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE))
				continue;
			if (z.kind == BY_LIFE ? z.known != 0
					      : n == (z.kind == BY_KEY ? ~0ULL : shared->acked[0]))
				_exit(0);
		}
	}
	wait_until_up(NR_KINDS * NR_EACH);
	for (i = 0; i < NR_WRITERS; i++) {
		writer[i] = fork();
		if (writer[i])
			continue;
		end = now_s() + EVENTS_S;
		if (desk_join(&d, self->d.name))
			_exit(1);
		for (n = 0; n < EVENTS && now_s() < end; n++)
			if (set(&d, "k", n) || (n % 64 == 0 && set(&d, "life", n)) ||
			    (n % 64 == 32 && del(&d, "life") < -ENOENT))
				_exit(2);
		_exit(0);
	}
	for (i = 0; i < NR_WRITERS; i++)
		EXPECT_EQ(0, wait_for(writer[i]));
	del(&self->d, "life");
	n = count(&self->d, GROUP) + 1;
	shared->acked[0] = n;
	__atomic_store_n(&shared->done, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(0, set(&self->d, "k", ~0ULL));
	EXPECT_EQ(0, set(&self->d, "life", ~0ULL));
	TH_LOG("%llu events, %lld rings, %lld wake-ups", (unsigned long long)n,
	       sysfs_number(self->d.id, "rings"), sysfs_number(self->d.id, "wakeups"));
	EXPECT_EQ(n, count(&self->d, GROUP));
	end = now_s() + LATE_S;
	for (i = 0; i < NR_KINDS * NR_EACH; i++) {
		while (!late && !waitpid(self->pid[i], &status, WNOHANG) && !(late = now_s() > end))
			usleep(1000);
		EXPECT_EQ(0, late ? -1 : status)
		{
			TH_LOG("%s", kinds[i / NR_EACH]);
		}
		if (late) {
			kill(self->pid[i], SIGKILL);
			waitpid(self->pid[i], &status, 0);
		}
	}
}

/* A writer that is to die @steps instructions after it began to set the key; false: it was done before. */
static bool die_after(struct desk *d, long steps, bool life)
{
	struct desk mine;
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (desk_join(&mine, d->name) || ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(1);
		raise(SIGSTOP);
		if (life && epoch(&mine, "life"))
			spl_delete(&mine.w, literal("life"), 4);
		else
			set_only(&mine, life ? "life" : "k", steps);
		ring_if_due(&mine);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return false;
	while (steps--) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			return false;
		waitpid(pid, &status, 0);
		if (!WIFSTOPPED(status)) /* it has ended */
			return false;
	}
	kill(pid, SIGKILL);
	return wait_for(pid) == 256 + SIGKILL;
}

/*
 * Of a key of which somebody waits for a change, and one whose coming and going is waited for. Whatever was published when
 * the writer died is heard of, without anybody's help.
 */
static void deaths(struct __test_metadata *_metadata, struct desk *d, bool life)
{
	const char *key = life ? "life" : "k";
	int fd = handle_on(d->name, O_RDONLY, 1ULL << GROUP);
	int efd = eventfd(0, EFD_NONBLOCK), kills = 0, published = 0;
	struct sleeper a = {}, b = {};
	struct spl_pulses rec[2];
	double end = now_s() + 20;
	cpu_set_t one;
	__u64 before;
	eventfd_t n;
	long at, k;

	/* Who steps and who is stepped wait for each other all the time: faster on one CPU. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	nonblocking(fd);
	ASSERT_EQ(0, bind_eventfd(fd, efd, 1ULL << GROUP, 0));
	spl_keys_bind(&d->m.s, life ? 1ULL << GROUP : 0, 0);
	/* All instants, in an order that reaches all parts soon: strides of 31, each time begun one later. */
	for (k = 0, at = 0; k < 31 && now_s() < end; at += 31) {
		before = epoch(d, key);
		a = (struct sleeper){ .fd = fd, .key = key, .known = before };
		b = (struct sleeper){ .fd = fd, .group = GROUP, .known = count(d, GROUP) };
		sleeper_start(&a);
		sleeper_start(&b);
		ASSERT_EQ(0, polled(fd, 0));
		ASSERT_TRUE(asleep(d, 4));
		if (!die_after(d, at, life))
			at = ++k - 31;
		kills++;
		if (epoch(d, key) == before) {
			/* It hadn't happened. */
			usleep(1000);
			ASSERT_EQ(1, a.ret);
			ASSERT_EQ(0, life && before ? del(d, key) : (int)set(d, key, at));
		} else {
			published++;
		}
		ASSERT_EQ(0, sleeper_end(&a))
		{
			TH_LOG("a death after %ld instructions", at);
		}
		ASSERT_EQ(0, sleeper_end(&b))
		{
			TH_LOG("a death after %ld instructions", at);
		}
		ASSERT_EQ(POLLIN, polled(fd, LATE_S * 1000));
		ASSERT_EQ(1, read_records(fd, rec, 2));
		ASSERT_EQ(0, eventfd_read(efd, &n));
	}
	TH_LOG("%d deaths, %d of them after the publication", kills, published);
	spl_keys_bind(&d->m.s, 0, ~0ULL);
	close(efd);
	close(fd);
}

TEST_F_TIMEOUT(storm, a_writer_that_dies_anywhere_wakes_who_waits_for_its_key, 120)
{
	deaths(_metadata, &self->d, false);
}

TEST_F_TIMEOUT(storm, a_writer_that_dies_anywhere_wakes_who_waits_for_coming_and_going, 120)
{
	deaths(_metadata, &self->d, true);
}

TEST_HARNESS_MAIN
