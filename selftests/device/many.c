// SPDX-License-Identifier: MIT
/*
 * many.c - as many stores at once, and as many writers of one, as there may be: all are found, used, told and reaped.
 */
#include "kselftest_harness.h"
#include "device.h"
#include <pthread.h>
#include <sys/resource.h>

/* Of 64 KiB: what a guest of 1 GiB has room for, and an emulated machine time. */
#define STORES 2000
#define WRITERS SPL_WRITERS_MAX
#define PROCESSES 16

static void name_of(char *name, int i)
{
	sprintf(name, "many%d", i);
}

FIXTURE(many)
{};

FIXTURE_SETUP(many)
{
}

FIXTURE_TEARDOWN(many)
{
}

TEST_F_TIMEOUT(many, stores, 120)
{
	static const struct rlimit limit = { STORES + 100, STORES + 100 };
	static __u64 id[STORES], buf[4096];
	static int fd[STORES];
	struct spl_ioc_list l = { .size = sizeof(l), .buf = (uintptr_t)buf };
	long long before = sysfs_number(0, "stores_count");
	struct spl_geometry g = small(50);
	struct spl_store_entry *e;
	struct mapped m;
	char name[32];
	int i, nr = 0;
	__u32 off;

	g.max_writers = 2;
	g.spares = 2;
	g.value_max = 400;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < STORES; i++) {
		name_of(name, i);
		fd[i] = open_new(name, g);
		ASSERT_LE(0, fd[i]);
		id[i] = geometry(fd[i]).store_id;
		if (!i)
			TH_LOG("%d stores of %llu bytes", STORES, geometry(fd[i]).bytes);
	}
	EXPECT_EQ(before + STORES, sysfs_number(0, "stores_count"));
	EXPECT_LE(64U << 10, geometry(fd[0]).bytes);

	/* All are told, in the order of their making. */
	do {
		l.buf_bytes = sizeof(buf);
		ASSERT_EQ(0, call(fd[0], SPL_IOC_LIST, &l));
		for (off = 0; off < l.buf_bytes; off += e->record_bytes) {
			e = (void *)((char *)buf + off);
			if (nr < STORES && e->store_id == id[nr])
				nr++;
		}
	} while (l.cursor);
	EXPECT_EQ(STORES, nr);

	/* Each has memory of its own, and is found by its name. */
	for (i = 0; i < STORES; i++) {
		ASSERT_EQ(0, map_store(fd[i], PROT_READ | PROT_WRITE, &m));
		*(volatile int *)((char *)m.data + m.data_bytes - 64) = i;
		unmap_store(&m);
	}
	for (i = 0; i < STORES; i++) {
		int other;

		name_of(name, i);
		other = open_named(name, O_RDONLY);
		ASSERT_LE(0, other);
		ASSERT_EQ(id[i], geometry(other).store_id);
		ASSERT_EQ(0, map_store(other, PROT_READ, &m));
		ASSERT_EQ(i, *(volatile int *)((char *)m.data + m.data_bytes - 64));
		unmap_store(&m);
		close(other);
	}
	for (i = 0; i < STORES; i++) {
		name_of(name, i);
		EXPECT_EQ(0, by_name(fd[i], i % 2 ? SPL_IOC_DESTROY : SPL_IOC_UNLINK, name));
		close(fd[i]);
		EXPECT_EQ(-1, sysfs_number(id[i], "lanes"));
	}
	EXPECT_EQ(before, sysfs_number(0, "stores_count"));
}

/* A thread that sets a key of its own, then one that all set. */
static struct mapped shared;
static int handle;
static pthread_barrier_t start;

static void *write_once(void *arg)
{
	struct spl_writer w;
	int idx = reg(handle), value = idx;
	char key[32];

	pthread_barrier_wait(&start); /* all are registered, or have failed to be */
	(void)arg;
	if (idx < 0 || spl_writer_init(&w, &shared.s, idx))
		return (void *)1;
	sprintf(key, "writer%d", idx);
	if (spl_set(&w, key, strlen(key), &value, sizeof(value), 0, NULL) < 0 ||
	    spl_set(&w, "all", 3, &value, sizeof(value), 0, NULL) < 0)
		return (void *)2;
	pause();
	return NULL;
}

static void be_writers(int up)
{
	pthread_attr_t a;
	pthread_t t;
	int i;

	pthread_barrier_init(&start, NULL, WRITERS / PROCESSES + 1);
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 64 << 10);
	for (i = 0; i < WRITERS / PROCESSES; i++)
		if (pthread_create(&t, &a, write_once, NULL))
			_exit(1);
	pthread_barrier_wait(&start);
	if (write(up, "x", 1) != 1)
		_exit(2);
	for (;;)
		pause();
}

TEST_F_TIMEOUT(many, writers, 120)
{
	struct spl_geometry g = small(WRITERS + 1);
	struct spl_check_counts counts;
	int i, up[2], value, idx;
	pid_t pid[PROCESSES];
	struct spl_meta meta;
	double began;
	char key[32], c;
	__u64 id;

	g.max_writers = WRITERS;
	g.spares = 2;
	handle = open_new("many", g);
	ASSERT_LE(0, handle);
	id = geometry(handle).store_id;
	ASSERT_EQ(0, map_store(handle, PROT_READ | PROT_WRITE, &shared));
	ASSERT_EQ(0, pipe2(up, O_CLOEXEC));
	for (i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		if (!pid[i])
			be_writers(up[1]);
	}
	for (i = 0; i < PROCESSES; i++)
		ASSERT_EQ(1, read(up[0], &c, 1));
	EXPECT_EQ(WRITERS, sysfs_number(id, "writers"));
	EXPECT_EQ(-EAGAIN, reg(handle));
	began = now_s();
	while (sysfs_number(id, "publishes") < 2 * WRITERS && now_s() < began + 60)
		usleep(10000);
	EXPECT_EQ(0, reap(handle).writers);

	for (i = 0; i < PROCESSES; i++)
		kill(pid[i], SIGKILL);
	for (i = 0; i < PROCESSES; i++)
		EXPECT_EQ(256 + SIGKILL, wait_for(pid[i]));
	EXPECT_EQ(0, sysfs_number(id, "writers"));
	EXPECT_EQ(WRITERS, sysfs_number(id, "reaps"));
	EXPECT_EQ(0, check(handle, 0, &counts));
	EXPECT_EQ(WRITERS + 1, (int)counts.live);
	EXPECT_EQ(0, counts.lanes_lost + counts.lanes_flight);
	for (i = 0; i < WRITERS; i++) {
		sprintf(key, "writer%d", i);
		ASSERT_EQ(sizeof(value),
			  spl_get(&shared.s, key, strlen(key), &value, sizeof(value), &meta));
		ASSERT_EQ(i, value);
	}
	idx = reg(handle);
	EXPECT_LE(0, idx);
	EXPECT_EQ(0, unreg(handle, idx));
	unlink_store("many");
	unmap_store(&shared);
	close(handle);
	close(up[0]);
	close(up[1]);
}

TEST_HARNESS_MAIN
