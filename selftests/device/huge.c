// SPDX-License-Identifier: MIT
/*
 * huge.c - lanes are mapped with 2 MiB pages, shared futexes work on them, and pages are on the nodes asked for.
 */
#include "kselftest_harness.h"
#include "device.h"
#include <linux/futex.h>

#define R PROT_READ
#define W PROT_WRITE

/* FilePmdMapped of the mapping that begins at @p, in bytes. */
static long pmd_mapped(void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	int here = 0;
	long kib = -1, n;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start == (unsigned long)p;
		else if (here && sscanf(line, "FilePmdMapped: %ld kB", &n) == 1)
			kib = n;
	}
	if (f)
		fclose(f);
	return kib < 0 ? -1 : kib << 10;
}

static long futex(__u32 *word, int op, __u32 val, const struct timespec *ts)
{
	return syscall(SYS_futex, word, op, val, ts, NULL, 0);
}

FIXTURE(huge)
{
	char name[32];
	int fd;
	struct spl_ioc_geometry g;
	__u64 data;
};

FIXTURE_SETUP(huge)
{
	struct spl_geometry g = small(40000);

	snprintf(self->name, sizeof(self->name), "huge%d", getpid());
	g.value_max = 256;
	self->fd = open_new(self->name, g);
	ASSERT_GE(self->fd, 0);
	self->g = geometry(self->fd);
	self->data = self->g.map_bytes - self->g.data_off;
	ASSERT_GT(self->data, 10 << 20);
}

FIXTURE_TEARDOWN(huge)
{
	unlink_store(self->name);
	close(self->fd);
}

static void touch_all(volatile char *p, __u64 bytes)
{
	__u64 i;

	for (i = 0; i < bytes; i += 4096)
		(void)p[i];
}

TEST_F(huge, chunks_are_allocated_and_mapped_whole)
{
	__u64 chunks = self->g.chunk_pages / 512;
	char *p;

	EXPECT_EQ(self->data >> 21, chunks);
	EXPECT_EQ(chunks, sysfs_number(self->g.store_id, "huge_pages"));
	p = mmap(NULL, self->data, R | W, MAP_SHARED, self->fd, self->g.data_off);
	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_EQ(0, (uintptr_t)p & ((2 << 20) - 1));
	touch_all(p, self->data);
	EXPECT_EQ(chunks << 21, pmd_mapped(p));
	munmap(p, self->data);

	/* all of it, read-only, at any handle */
	p = mmap(NULL, self->g.map_bytes, R, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)p);
	touch_all(p + self->g.data_off, self->data);
	EXPECT_EQ(chunks << 21, pmd_mapped(p));
	munmap(p, self->g.map_bytes);
}

TEST_F(huge, splits_keep_the_bytes)
{
	char *p = mmap(NULL, self->data, R | W, MAP_SHARED, self->fd, self->g.data_off);
	__u64 i;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)p);
	for (i = 0; i < self->data; i += 4096)
		*(__u64 *)(p + i) = i;
	ASSERT_EQ(0, mprotect(p + (2 << 20) + 8192, 4096, R));
	ASSERT_EQ(0, munmap(p + (4 << 20) + 8192, 4096));
	ASSERT_EQ(0, madvise(p + (6 << 20) + 8192, 4096, MADV_DONTNEED));
	pid = fork();
	for (i = 0; i < self->data; i += 4096) {
		if (i == (4 << 20) + 8192)
			continue;
		if (*(__u64 *)(p + i) != i) {
			if (!pid)
				_exit(1);
			ASSERT_EQ(i, *(__u64 *)(p + i));
		}
	}
	if (!pid)
		_exit(0);
	EXPECT_EQ(0, wait_for(pid));
	munmap(p, self->data);
}

/* Two processes, each with a handle of its own and the page at another address. */
TEST_F(huge, shared_futexes_wake_across_processes)
{
	struct timespec ts = { .tv_sec = 20 };
	__u64 where[] = { 0, (2 << 20) + 4096 * 7 + 64, self->data - 4096 };
	size_t i;

	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		__u64 page = where[i] & ~4095ULL;
		__u32 *mine, *theirs;
		char *p;
		pid_t pid;

		p = mmap(NULL, self->data, R | W, MAP_SHARED, self->fd, self->g.data_off);
		ASSERT_NE(MAP_FAILED, (void *)p);
		mine = (__u32 *)(p + where[i]);
		*mine = 1;
		pid = fork();
		if (!pid) {
			int fd = open_named(self->name, O_RDWR);

			p = mmap(NULL, 4096, R | W, MAP_SHARED, fd, self->g.data_off + page);
			if (p == MAP_FAILED)
				_exit(1);
			theirs = (__u32 *)(p + where[i] - page);
			__atomic_store_n(theirs, 2, __ATOMIC_SEQ_CST);
			while (__atomic_load_n(theirs, __ATOMIC_SEQ_CST) == 2)
				if (futex(theirs, FUTEX_WAIT, 2, &ts) && errno != EAGAIN &&
				    errno != EINTR)
					_exit(2);
			_exit(0);
		}
		while (__atomic_load_n(mine, __ATOMIC_SEQ_CST) != 2)
			sched_yield();
		usleep(50000);
		__atomic_store_n(mine, 3, __ATOMIC_SEQ_CST);
		EXPECT_LE(0, futex(mine, FUTEX_WAKE, 1, NULL));
		EXPECT_EQ(0, wait_for(pid));
		munmap(p, self->data);
	}
}

/* The same place in two stores is two futexes. */
TEST_F(huge, futexes_of_different_stores_are_different)
{
	struct timespec ts = { .tv_nsec = 300000000 };
	char other[48];
	__u32 *a, *b;
	pid_t pid;
	int fd;

	snprintf(other, sizeof(other), "%s.other", self->name);
	fd = open_new(other, self->g.geometry);
	ASSERT_GE(fd, 0);
	a = mmap(NULL, 4096, R | W, MAP_SHARED, self->fd, self->g.data_off);
	b = mmap(NULL, 4096, R | W, MAP_SHARED, fd, self->g.data_off);
	pid = fork();
	if (!pid)
		_exit(futex(a, FUTEX_WAIT, 0, &ts) == -1 && errno == ETIMEDOUT ? 0 : 1);
	usleep(100000);
	EXPECT_EQ(0, futex(b, FUTEX_WAKE, 100, NULL));
	EXPECT_EQ(0, wait_for(pid));
	munmap(a, 4096);
	munmap(b, 4096);
	EXPECT_EQ(0, unlink_store(other));
	close(fd);
}

TEST_F(huge, a_reader_may_wait_on_a_read_only_mapping)
{
	struct timespec ts = { .tv_sec = 20 };
	__u32 *word = mmap(NULL, 4096, R | W, MAP_SHARED, self->fd, self->g.data_off);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)word);
	pid = fork();
	if (!pid) {
		int fd = open_named(self->name, O_RDONLY);
		__u32 *p = mmap(NULL, 4096, R, MAP_SHARED, fd, self->g.data_off);

		if (p == MAP_FAILED)
			_exit(1);
		while (!__atomic_load_n(p, __ATOMIC_SEQ_CST))
			if (futex(p, FUTEX_WAIT, 0, &ts) && errno != EAGAIN && errno != EINTR)
				_exit(errno);
		_exit(0);
	}
	usleep(100000);
	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	EXPECT_LE(0, futex(word, FUTEX_WAKE, 1, NULL));
	EXPECT_EQ(0, wait_for(pid));
	munmap(word, 4096);
}

FIXTURE(numa)
{
	char name[32];
};

FIXTURE_SETUP(numa)
{
	snprintf(self->name, sizeof(self->name), "numa%d", getpid());
	ASSERT_EQ(0, access("/sys/devices/system/node/node1", F_OK)); /* the guest has two nodes */
}

FIXTURE_TEARDOWN(numa)
{
	unlink_store(self->name);
}

TEST_F(numa, bind_takes_all_pages_from_the_node)
{
	struct spl_geometry g = small(50000);
	int fd, node;

	g.policy = SPL_POLICY_BIND;
	for (node = 0; node < 2; node++) {
		struct spl_ioc_geometry got;

		g.node = node;
		fd = open_new(self->name, g);
		ASSERT_GE(fd, 0);
		got = geometry(fd);
		EXPECT_EQ(node, got.geometry.node);
		EXPECT_EQ(node ? 0 : (long long)got.pages,
			  sysfs_number(got.store_id, "pages_node0"));
		EXPECT_EQ(node ? (long long)got.pages : 0,
			  sysfs_number(got.store_id, "pages_node1"));
		EXPECT_EQ(node, sysfs_number(got.store_id, "node"));
		EXPECT_EQ(0, by_name(fd, SPL_IOC_DESTROY, self->name));
		close(fd);
	}
}

TEST_F(numa, interleave_takes_pages_from_all_nodes_in_turn)
{
	struct spl_geometry g = small(50000);
	struct spl_ioc_geometry got;
	long long a, b;
	int fd;

	g.policy = SPL_POLICY_INTERLEAVE;
	fd = open_new(self->name, g);
	ASSERT_GE(fd, 0);
	got = geometry(fd);
	a = sysfs_number(got.store_id, "pages_node0");
	b = sysfs_number(got.store_id, "pages_node1");
	EXPECT_EQ((long long)got.pages, a + b);
	EXPECT_LE(llabs(a - b), 513);
	EXPECT_EQ(-1, got.geometry.node);
	close(fd);
}

TEST_F(numa, local_takes_pages_from_the_creators_node)
{
	struct spl_ioc_geometry got;
	cpu_set_t set;
	int fd, cpu;

	for (cpu = 0; cpu < 2; cpu++) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
		fd = open_new(self->name, small(20000));
		ASSERT_GE(fd, 0);
		got = geometry(fd);
		EXPECT_EQ((long long)got.pages,
			  sysfs_number(got.store_id, cpu ? "pages_node1" : "pages_node0"));
		EXPECT_EQ(0, by_name(fd, SPL_IOC_DESTROY, self->name));
		close(fd);
	}
}

TEST_HARNESS_MAIN
