// SPDX-License-Identifier: MIT
/*
 * memcg.c - a store's pages are charged to the memory cgroup of who creates it: one that doesn't fit is refused, nobody
 * is killed for it.
 */
#include "kselftest_harness.h"
#include "device.h"
#include <sys/mount.h>

FIXTURE(memcg)
{
	char root[64], group[128];
};

static int put(const char *group, const char *file, const char *value)
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	ret = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static long long number(const char *group, const char *file, const char *key)
{
	char path[256], word[64];
	long long n = -1, v;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (!key) {
		if (fscanf(f, "%lld", &n) != 1)
			n = -1;
	} else {
		while (fscanf(f, "%63s %lld", word, &v) == 2)
			if (!strcmp(word, key))
				n = v;
	}
	fclose(f);
	return n;
}

FIXTURE_SETUP(memcg)
{
	snprintf(self->root, sizeof(self->root), "/tmp/memcg.%d", getpid());
	snprintf(self->group, sizeof(self->group), "%s/splinter", self->root);
	ASSERT_EQ(0, mkdir(self->root, 0700));
	ASSERT_EQ(0, mount("none", self->root, "cgroup2", 0, NULL));
	ASSERT_EQ(0, put(self->root, "cgroup.subtree_control", "+memory"));
	ASSERT_EQ(0, mkdir(self->group, 0700));
}

FIXTURE_TEARDOWN(memcg)
{
	unlink_store("charged");
	rmdir(self->group);
	umount2(self->root, MNT_DETACH);
	rmdir(self->root);
}

/* What a child in the group gets when it creates a store of @lanes pages. */
static int create_in(const char *group, __u64 lanes)
{
	pid_t pid = fork();

	if (!pid) {
		struct spl_geometry g = small(lanes);
		int ret;

		g.value_max = 4000;
		if (put(group, "cgroup.procs", "0"))
			_exit(99);
		ret = open_new("charged", g);
		_exit(ret < 0 ? -ret : 0);
	}
	return wait_for(pid);
}

TEST_F(memcg, pages_are_charged_to_the_creator)
{
	ASSERT_EQ(0, create_in(self->group, 4096));
	EXPECT_LT(16LL << 20, number(self->group, "memory.current", NULL));
	ASSERT_EQ(0, unlink_store("charged"));
	/* charges are taken in batches, so a few stay for a while */
	EXPECT_GT(4LL << 20, number(self->group, "memory.current", NULL));
}

TEST_F(memcg, beyond_the_limit_is_refused_and_nobody_killed)
{
	ASSERT_EQ(0, put(self->group, "memory.max", "32M"));
	EXPECT_EQ(ENOMEM, create_in(self->group, 16384));
	EXPECT_EQ(0, number(self->group, "memory.events", "oom_kill"));
	EXPECT_EQ(-ENOENT, unlink_store("charged"));
	EXPECT_GT(4LL << 20, number(self->group, "memory.current", NULL));
	EXPECT_EQ(0, create_in(self->group, 2048));
}

TEST_HARNESS_MAIN
