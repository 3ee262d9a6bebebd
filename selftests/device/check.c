// SPDX-License-Identifier: MIT
/*
 * check.c - the kernel's check and repair of a whole store, and reaping of writers that were killed while they wrote.
 */
#include "kselftest_harness.h"
#include "device.h"

FIXTURE(check)
{
	char name[32];
	int fd;
	__u64 id;
	struct mapped m;
};

FIXTURE_SETUP(check)
{
	snprintf(self->name, sizeof(self->name), "check%d", getpid());
	self->fd = open_new(self->name, small(1000));
	ASSERT_GE(self->fd, 0);
	self->id = geometry(self->fd).store_id;
	ASSERT_EQ(0, map_store(self->fd, PROT_READ | PROT_WRITE, &self->m));
}

FIXTURE_TEARDOWN(check)
{
	unmap_store(&self->m);
	unlink_store(self->name);
	close(self->fd);
}

static int sound(const struct spl_check_counts *c)
{
	return !(c->tentative | c->dead | c->lanes_flight | c->lanes_lost | c->lanes_shared |
		 c->cells_bad | c->keys_twice | c->overflow_stale | c->overflow_missing |
		 c->free_stale);
}

static int set(struct spl_writer *w, int key, const void *val, __u32 len)
{
	char k[16];

	return spl_set(w, k, snprintf(k, sizeof(k), "key%d", key), val, len, 0, NULL);
}

static int del(struct spl_writer *w, int key)
{
	char k[16];

	return spl_delete(w, k, snprintf(k, sizeof(k), "key%d", key));
}

TEST_F(check, a_fresh_store_is_sound)
{
	struct spl_check_counts c;

	ASSERT_EQ(0, check(self->fd, 0, &c));
	EXPECT_TRUE(sound(&c));
	EXPECT_EQ(0, c.live);
	EXPECT_EQ(1000, c.lanes_free);
	EXPECT_EQ(SPL_WRITERS_DEFAULT * SPL_SPARES_DEFAULT, c.lanes_spare);
	EXPECT_EQ(0, c.writers);
}

TEST_F(check, what_is_written_is_counted)
{
	struct spl_check_counts c;
	struct spl_writer w;
	int i;

	ASSERT_EQ(0, reg(self->fd));
	ASSERT_EQ(0, spl_writer_init(&w, &self->m.s, 0));
	for (i = 0; i < 1000; i++)
		ASSERT_LE(0, set(&w, i, &i, sizeof(i)));
	EXPECT_EQ(-ENOSPC, set(&w, 1000, &i, sizeof(i)));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, del(&w, i * 7));
	ASSERT_EQ(0, check(self->fd, 0, &c));
	EXPECT_TRUE(sound(&c));
	EXPECT_EQ(900, c.live);
	EXPECT_EQ(100, c.lanes_free);
	EXPECT_EQ(1, c.writers);
	EXPECT_EQ(900, sysfs_number(self->id, "lanes_used"));
	EXPECT_EQ(1000, sysfs_number(self->id, "inserts"));
	EXPECT_EQ(1000, sysfs_number(self->id, "publishes"));
	EXPECT_EQ(100, sysfs_number(self->id, "deletes"));
	EXPECT_EQ(1, sysfs_number(self->id, "full"));
	ASSERT_EQ(0, unreg(self->fd, 0));
	ASSERT_EQ(0, check(self->fd, 0, &c));
	EXPECT_TRUE(sound(&c));
	EXPECT_EQ(900, c.live);
}

TEST_F(check, repair_needs_quiet_and_a_writable_handle)
{
	struct spl_check_counts c;
	int other = open_named(self->name, O_RDWR), ro = open_named(self->name, O_RDONLY);
	pid_t pid;
	int up[2];
	char x;

	EXPECT_EQ(-EBADF, check(ro, SPL_CHECK_REPAIR, &c));
	EXPECT_EQ(0, check(self->fd, SPL_CHECK_REPAIR, &c));
	EXPECT_EQ(0, c.repaired);
	/* one's own cell is no hindrance, unless another handle has it */
	ASSERT_EQ(0, reg(self->fd));
	EXPECT_EQ(0, check(self->fd, SPL_CHECK_REPAIR, &c));
	EXPECT_EQ(-EBUSY, check(other, SPL_CHECK_REPAIR, &c));
	ASSERT_EQ(0, pipe(up));
	pid = fork();
	if (!pid) {
		reg(other);
		if (write(up[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	ASSERT_EQ(1, read(up[0], &x, 1));
	EXPECT_EQ(-EBUSY, check(self->fd, SPL_CHECK_REPAIR, &c));
	EXPECT_EQ(0, check(self->fd, 0, &c));
	kill(pid, SIGKILL);
	wait_for(pid);
	EXPECT_EQ(0, check(self->fd, SPL_CHECK_REPAIR, &c));
	EXPECT_EQ(1, reg(other));
	close(other);
	close(ro);
}

TEST_F(check, garbage_is_found_and_mended)
{
	struct spl_check_counts c;
	struct spl_writer w;
	int i;

	ASSERT_EQ(0, reg(self->fd));
	ASSERT_EQ(0, spl_writer_init(&w, &self->m.s, 0));
	for (i = 0; i < 500; i++)
		ASSERT_LE(0, set(&w, i, &i, sizeof(i)));
	ASSERT_EQ(0, unreg(self->fd, 0));
	/* lanes fall off the map, a cell names a lane that isn't there, a slot names nothing */
	self->m.s.free[0] = 0;
	self->m.s.index[3].cell[2] = ~0ULL >> 1;
	self->m.s.wcells[3].slots[1] = ~0U;
	ASSERT_EQ(0, check(self->fd, 0, &c));
	EXPECT_FALSE(sound(&c));
	ASSERT_EQ(0, check(self->fd, SPL_CHECK_REPAIR, &c));
	EXPECT_LT(0, c.repaired);
	ASSERT_EQ(0, check(self->fd, 0, &c));
	EXPECT_TRUE(sound(&c));
	EXPECT_LE(499, (int)c.live);
}

/* Any bytes at all: the kernel comes back, and after a repair the store is sound. */
TEST_F(check, random_bytes_do_no_harm_to_the_kernel)
{
	struct spl_check_counts c;
	__u64 *words = self->m.data, i, x = 88172645463325252ULL;
	int round, k;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < self->m.data_bytes / 8; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			if (round % 2 || x % 16 == 0)
				words[i] = round % 3 ? x : x >> (x & 63);
		}
		EXPECT_EQ(0, check(self->fd, 0, &c));
		for (k = 0; k < SPL_WRITERS_DEFAULT; k += 3) {
			pid_t pid = fork();

			if (!pid) {
				reg(self->fd);
				kill(getpid(), SIGKILL);
			}
			wait_for(pid);
		}
		ASSERT_LE(0, reg(self->fd));
		reap(self->fd);
		sysfs_number(self->id, "lanes_used");
		sysfs_number(self->id, "publishes");
		EXPECT_EQ(0, unreg(self->fd, 0));
		EXPECT_EQ(0, check(self->fd, SPL_CHECK_REPAIR, &c));
	}
}

/* Others scribble while the kernel checks and reaps. */
TEST_F(check, bytes_that_change_meanwhile_do_no_harm_to_the_kernel)
{
	struct spl_check_counts c;
	pid_t pid = fork();
	int i, bad = 0;

	if (!pid) {
		__u64 *words = self->m.data, i, x = 2463534242ULL, n = self->m.data_bytes / 8;

		for (;;) {
			for (i = 0; i < 100000; i++) {
				x ^= x << 13;
				x ^= x >> 7;
				x ^= x << 17;
				words[(x >> 20) % n] = x;
			}
		}
	}
	for (i = 0; i < 60; i++) {
		pid_t p = fork();

		if (!p) {
			int w = reg(self->fd);

			kill(getpid(), w < 0 ? SIGTERM : SIGKILL);
		}
		bad += wait_for(p) != 256 + SIGKILL;
		bad += check(self->fd, i % 2 ? SPL_CHECK_REPAIR : 0, &c) != 0;
	}
	EXPECT_EQ(0, bad);
	kill(pid, SIGKILL);
	wait_for(pid);
	EXPECT_EQ(0, check(self->fd, SPL_CHECK_REPAIR, &c));
	EXPECT_EQ(0, check(self->fd, 0, &c));
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST_F(check, a_signal_interrupts)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct timespec ts = { .tv_nsec = 20000000 };
	struct spl_check_counts c;
	char name[48];
	pid_t parent = getpid(), pid;
	int fd, i, ret = 0;

	snprintf(name, sizeof(name), "%s.big", self->name);
	fd = open_new(name, small(1000000));
	ASSERT_GE(fd, 0);
	sigaction(SIGUSR1, &sa, NULL);
	pid = fork();
	if (!pid) {
		for (i = 0; i < 500 && !kill(parent, SIGUSR1); i++)
			nanosleep(&ts, NULL);
		_exit(0);
	}
	for (i = 0; i < 50 && ret != -EINTR; i++)
		ret = check(fd, i % 2 ? SPL_CHECK_REPAIR : 0, &c);
	EXPECT_EQ(-EINTR, ret);
	kill(pid, SIGKILL);
	wait_for(pid);
	/* An interrupted repair has left nobody locked out. */
	EXPECT_EQ(0, reg(fd));
	EXPECT_EQ(0, by_name(fd, SPL_IOC_DESTROY, name));
	close(fd);
}

/* Nobody registers while a repair runs, the process that asked for it may leave meanwhile. */
TEST_F(check, a_repair_stands_registration_off)
{
	struct spl_check_counts c;
	char name[48];
	int fd, i, ret, eagain = 0, bad = 0;
	pid_t pid;

	snprintf(name, sizeof(name), "%s.big", self->name);
	fd = open_new(name, small(200000));
	ASSERT_GE(fd, 0);
	pid = fork();
	if (!pid) {
		struct spl_self *s;

		for (;;) {
			s = map_self(fd);
			check(fd, SPL_CHECK_REPAIR, &c);
			if (s)
				munmap(s, 4096);
		}
	}
	for (i = 0; i < 30000 && eagain < 3; i++) {
		ret = reg(fd);
		if (ret >= 0)
			unreg(fd, ret);
		eagain += ret == -EAGAIN;
		bad += ret < 0 && ret != -EAGAIN;
		usleep(1000);
	}
	EXPECT_EQ(0, bad);
	EXPECT_LT(0, eagain);
	kill(pid, SIGKILL);
	wait_for(pid);
	EXPECT_LE(0, reg(fd));
	EXPECT_EQ(0, by_name(fd, SPL_IOC_DESTROY, name));
	close(fd);
}

static void write_for_ever(struct mapped *m, int fd, int seed)
{
	struct spl_writer w;
	unsigned int x = seed * 2654435761U + 1;
	__u64 val[8];
	int i, k;

	i = reg(fd);
	if (i < 0 || spl_writer_init(&w, &m->s, i))
		_exit(1);
	for (;;) {
		x = x * 1664525 + 1013904223;
		for (k = 0; k < 8; k++)
			val[k] = x;
		if (x >> 28 == 0)
			del(&w, x >> 8 & 0x1ff);
		else
			set(&w, x >> 8 & 0x1ff, val, sizeof(val));
	}
}

TEST_F(check, killed_writers_lose_and_leak_nothing)
{
	struct spl_check_counts c;
	struct timespec ts = {};
	int i, k, torn = 0;
	__u64 val[8];
	char key[16];
	pid_t pid[2];

	for (i = 0; i < 60; i++) {
		for (k = 0; k < 2; k++) {
			pid[k] = fork();
			if (!pid[k])
				write_for_ever(&self->m, self->fd, i * 2 + k);
		}
		ts.tv_nsec = 1000000 + (i * 777777) % 20000000;
		nanosleep(&ts, NULL);
		for (k = 0; k < 2; k++) {
			kill(pid[k], SIGKILL);
			ASSERT_EQ(256 + SIGKILL, wait_for(pid[k]));
		}
		EXPECT_EQ(0, sysfs_number(self->id, "writers"));
		ASSERT_EQ(0, check(self->fd, 0, &c));
		ASSERT_TRUE(sound(&c));
		ASSERT_EQ(1000, c.live + c.lanes_free);
		for (k = 0; k < 512; k++) {
			long n = spl_get(&self->m.s, key, snprintf(key, sizeof(key), "key%d", k),
					 val, sizeof(val), NULL);
			int j;

			if (n == -ENOENT)
				continue;
			ASSERT_EQ(64, n);
			for (j = 1; j < 8; j++)
				torn += val[j] != val[0];
		}
	}
	EXPECT_EQ(0, torn);
	EXPECT_LE(60, sysfs_number(self->id, "reaps")); /* some die before they have registered */
	TH_LOG("reaped %lld, finished %lld, undone %lld", sysfs_number(self->id, "reaps"),
	       sysfs_number(self->id, "reaps_finished"), sysfs_number(self->id, "reaps_undone"));
}

TEST_HARNESS_MAIN
