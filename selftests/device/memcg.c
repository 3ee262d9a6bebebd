// SPDX-License-Identifier: MIT
/*
 * memcg.c - the pages of stores and channels are charged to the memory cgroup of who creates them, what a sleeper needs to
 * the sleeper's: one that doesn't fit is refused, nobody is killed for it.
 */
#include "kselftest_harness.h"
#include "cgroup.h"
#include "channel.h"
#include <pthread.h>

FIXTURE(memcg)
{
	struct cgroup g;
};

FIXTURE_SETUP(memcg)
{
	ASSERT_EQ(0, cgroup_open(&self->g));
}

FIXTURE_TEARDOWN(memcg)
{
	unlink_store("charged");
	cgroup_close(&self->g);
}

/* What a child in the group gets when it creates a store of @lanes pages. */
static int create_in(const struct cgroup *group, __u64 lanes)
{
	pid_t pid = fork();

	if (!pid) {
		struct spl_geometry g = small(lanes);
		int ret;

		g.value_max = 4000;
		if (cgroup_put(group, "cgroup.procs", "0"))
			_exit(99);
		ret = open_new("charged", g);
		_exit(ret < 0 ? -ret : 0);
	}
	return wait_for(pid);
}

TEST_F(memcg, pages_are_charged_to_the_creator)
{
	ASSERT_EQ(0, create_in(&self->g, 4096));
	EXPECT_LT(16LL << 20, cgroup_number(&self->g, "memory.current", NULL));
	ASSERT_EQ(0, unlink_store("charged"));
	/* charges are taken in batches, so a few stay for a while */
	EXPECT_GT(4LL << 20, cgroup_number(&self->g, "memory.current", NULL));
}

/* A namespace whose last process goes while a store is there: nobody has it open, so it is destroyed. */
TEST_F_TIMEOUT(memcg, the_end_of_a_network_namespace_gives_pages_back, 90)
{
	double end = now_s() + 60;
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWNET))
			_exit(errno == EINVAL ? KSFT_SKIP : 98);
		_exit(create_in(&self->g, 4096) ||
		      cgroup_number(&self->g, "memory.current", NULL) < 16LL << 20);
	}
	switch (wait_for(pid)) {
	case 0:
		break;
	case KSFT_SKIP:
		SKIP(return, "no network namespaces in this kernel");
	default:
		ASSERT_TRUE(0);
	}
	EXPECT_EQ(-ENOENT, unlink_store("charged"));
	while (cgroup_number(&self->g, "memory.current", NULL) > 4LL << 20 && now_s() < end)
		usleep(10000);
	EXPECT_GT(4LL << 20, cgroup_number(&self->g, "memory.current", NULL));
}

TEST_F(memcg, beyond_the_limit_is_refused_and_nobody_killed)
{
	ASSERT_EQ(0, cgroup_put(&self->g, "memory.max", "32M"));
	EXPECT_EQ(ENOMEM, create_in(&self->g, 16384));
	EXPECT_EQ(0, cgroup_number(&self->g, "memory.events", "oom_kill"));
	EXPECT_EQ(-ENOENT, unlink_store("charged"));
	EXPECT_GT(4LL << 20, cgroup_number(&self->g, "memory.current", NULL));
	EXPECT_EQ(0, create_in(&self->g, 2048));
}

/* What a child in the group gets when it makes channels of @capacity, as long as it can; *@nr is how many. */
static int channels_in(const struct cgroup *group, int h, __u64 capacity, int *nr, int max)
{
	pid_t pid = fork();

	if (!pid) {
		char name[16];
		int ret = 0;

		if (cgroup_put(group, "cgroup.procs", "0"))
			_exit(99);
		for (*nr = 0; *nr < max; ++*nr) {
			snprintf(name, sizeof(name), "c%d", *nr);
			ret = channel_open(h, name, CREATE, capacity, NONE, 0);
			if (ret < 0)
				_exit(-ret);
			close(ret);
		}
		_exit(0);
	}
	return wait_for(pid);
}

static int unlink_channels(int h, int nr)
{
	char name[16];
	int i, bad = 0;

	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		bad += channel_unlink(h, name) != 0;
	}
	return bad;
}

TEST_F(memcg, channels_are_charged_to_who_makes_them)
{
	int *nr = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int h = open_new("charged", small(10));

	ASSERT_GE(h, 0);
	ASSERT_EQ(0, channels_in(&self->g, h, 16 << 20, nr, 1));
	EXPECT_LT(16LL << 20, cgroup_number(&self->g, "memory.current", NULL));
	EXPECT_EQ(0, unlink_channels(h, 1));
	EXPECT_GT(4LL << 20, cgroup_number(&self->g, "memory.current", NULL));

	ASSERT_EQ(0, cgroup_put(&self->g, "memory.max", "16M"));
	EXPECT_EQ(ENOMEM, channels_in(&self->g, h, 32 << 20, nr, 1));
	EXPECT_EQ(-ENOENT, channel_unlink(h, "c0"));
	EXPECT_EQ(0, cgroup_number(&self->g, "memory.events", "oom_kill"));
	/* Small ones, four pages each. Not until the group is full: the process itself would be killed for want of memory. */
	EXPECT_EQ(0, channels_in(&self->g, h, 4096, nr, 500));
	EXPECT_EQ(500, *nr);
	EXPECT_LT(500LL * 4 * 4096, cgroup_number(&self->g, "memory.current", NULL));
	EXPECT_EQ(0, unlink_channels(h, 500));
	EXPECT_GT(4LL << 20, cgroup_number(&self->g, "memory.current", NULL));
	close(h);
	munmap(nr, 4096);
}

#define NR_SLEEPERS 200

static void *sleep_for_key(void *arg)
{
	struct spl_ioc_wait *w = arg;
	int fd = open_named("charged", O_RDONLY);

	call(fd, SPL_IOC_WAIT, w);
	return NULL;
}

/* Bytes of the kernel's small objects that a group with threads is charged for, which sleep until a key comes. */
static long long slab_of_sleepers(const struct cgroup *group, __u64 store, __u32 klen)
{
	static char key[SPL_KEY_MAX] = "key";
	struct spl_ioc_wait w = { .size = sizeof(w),
				  .flags = SPL_WAIT_KEY,
				  .klen = klen,
				  .key = (uintptr_t)key,
				  .deadline_ns = SPL_WAIT_FOREVER };
	double late = now_s() + LATE_S;
	pid_t pid = fork();
	pthread_t t;
	long long n;
	int i;

	if (!pid) {
		if (cgroup_put(group, "cgroup.procs", "0"))
			_exit(99);
		for (i = 0; i < NR_SLEEPERS; i++)
			if (pthread_create(&t, NULL, sleep_for_key, &w))
				_exit(98);
		for (;;)
			pause();
	}
	while (sysfs_number(store, "sleepers") != NR_SLEEPERS && now_s() < late)
		usleep(1000);
	sleep(3); /* the kernel adds such figures up every other second */
	n = sysfs_number(store, "sleepers") == NR_SLEEPERS
		    ? cgroup_number(group, "memory.stat", "slab")
		    : -1;
	kill(pid, SIGKILL);
	wait_for(pid);
	return n;
}

TEST_F(memcg, who_sleeps_pays_for_the_key)
{
	struct spl_geometry g = small(10);
	long long few, many;
	__u64 id;
	int h;

	g.key_max = SPL_KEY_MAX;
	h = open_new("charged", g);
	ASSERT_GE(h, 0);
	id = geometry(h).store_id;
	few = slab_of_sleepers(&self->g, id, 8);
	many = slab_of_sleepers(&self->g, id, SPL_KEY_MAX);
	TH_LOG("%lld and %lld bytes", few, many);
	EXPECT_LT(0, few);
	EXPECT_LT(few + NR_SLEEPERS * SPL_KEY_MAX / 2, many);
	close(h);
}

TEST_HARNESS_MAIN
