// SPDX-License-Identifier: MIT
/*
 * unload.c - the module refuses to go while anything is open, goes clean otherwise, and takes or refuses its parameters.
 */
#include "kselftest_harness.h"
#include "module.h"

FIXTURE(unload)
{
	char params[1024];
	int ko;
};

FIXTURE_SETUP(unload)
{
	self->ko = module_file();
	ASSERT_LE(0, self->ko)
	{
		TH_LOG("no splinter.ko beside this test; SPLINTER_KO= may name it");
	}
	module_params(self->params, sizeof(self->params));
}

FIXTURE_TEARDOWN(unload)
{
	if (module_loaded())
		EXPECT_EQ(0, module_unload());
	EXPECT_EQ(0, module_load(self->ko, self->params));
	close(self->ko);
}

TEST_F(unload, refused_while_a_handle_is_open)
{
	int fd = dev_open(O_RDONLY);
	void *p;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	munmap(p, 4096);
	EXPECT_EQ(0, module_unload());
	EXPECT_NE(0, access(SYSFS, F_OK));
	EXPECT_EQ(0, module_load(self->ko, ""));
}

TEST_F(unload, named_stores_without_handles_do_not_hold_it)
{
	int fd = open_new("left behind", small(1000)), i;
	char name[32];

	ASSERT_GE(fd, 0);
	close(fd);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "left %d", i);
		close(open_new(name, small(100)));
	}
	EXPECT_LE(21, sysfs_number(0, "stores_count"));
	EXPECT_EQ(0, module_unload());
	EXPECT_EQ(0, module_load(self->ko, ""));
	EXPECT_EQ(1, sysfs_number(0, "stores_count"));
	EXPECT_EQ(-ENOENT, open_named("left behind", O_RDWR));
}

TEST_F(unload, dead_writers_do_not_hold_it)
{
	pid_t pid = fork();

	if (!pid) {
		int fd = dev_open(O_RDWR);

		reg(fd);
		map_self(fd);
		kill(getpid(), SIGKILL);
	}
	wait_for(pid);
	EXPECT_EQ(0, module_unload());
}

TEST_F(unload, without_a_default_store_a_fresh_handle_has_none)
{
	struct spl_ioc_geometry g = { .size = sizeof(g) };
	struct spl_ioc_reap r = { .size = sizeof(r) };
	struct spl_check_counts counts;
	int fd;

	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(self->ko, "default_store=0"));
	EXPECT_EQ(0, sysfs_number(0, "stores_count"));
	fd = dev_open(O_RDWR);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(NULL, map_self(fd));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-ENXIO, call(fd, SPL_IOC_GEOMETRY, &g));
	EXPECT_EQ(-ENXIO, call(fd, SPL_IOC_REAP, &r));
	EXPECT_EQ(-ENXIO, check(fd, 0, &counts));
	EXPECT_EQ(-ENXIO, reg(fd));
	EXPECT_EQ(-ENXIO, unreg(fd, 0));
	EXPECT_EQ(-EINVAL, by_name(fd, SPL_IOC_UNLINK, ""));
	EXPECT_EQ(-ENOENT, attach(fd, ""));
	EXPECT_EQ(0, create(fd, "first", small(10)));
	EXPECT_EQ(0, reg(fd));
	EXPECT_EQ(0, by_name(fd, SPL_IOC_DESTROY, "first"));
	close(fd);
}

TEST_F(unload, the_default_store_lives_as_long_as_the_module)
{
	int fd = dev_open(O_RDWR), late;

	ASSERT_EQ(0, module_unload() == -EWOULDBLOCK ? 0 : -1);
	EXPECT_EQ(-EINVAL, by_name(fd, SPL_IOC_UNLINK, ""));
	EXPECT_EQ(-EINVAL, by_name(fd, SPL_IOC_DESTROY, ""));
	EXPECT_NE(0, geometry(fd).store_id);
	late = dev_open(O_RDWR);
	ASSERT_GE(late, 0);
	EXPECT_EQ(geometry(fd).store_id, geometry(late).store_id);
	close(late);
	close(fd);
}

TEST_F(unload, parameters_make_the_default_store)
{
	struct spl_ioc_geometry g;
	struct stat st;
	int fd;

	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(
		0,
		module_load(
			self->ko,
			"lanes=500 value_max=100 key_max=20 max_writers=7 node=1 mode=0644 gid=7"));
	ASSERT_EQ(0, stat(DEV, &st));
	EXPECT_EQ(0644, st.st_mode & 0777);
	EXPECT_EQ(7, sysfs_number(0, "gid"));
	fd = dev_open(O_RDWR);
	g = geometry(fd);
	EXPECT_EQ(500, g.geometry.lanes);
	EXPECT_EQ(100, g.geometry.value_max);
	EXPECT_EQ(20, g.geometry.key_max);
	EXPECT_EQ(7, g.geometry.max_writers);
	EXPECT_EQ(SPL_POLICY_BIND, g.geometry.policy);
	EXPECT_EQ(1, g.geometry.node);
	EXPECT_EQ((long long)g.pages, sysfs_number(g.store_id, "pages_node1"));
	close(fd);
}

TEST_F(unload, bad_parameters_leave_nothing_behind)
{
	static const struct {
		const char *params;
		int ret;
	} tries[] = {
		{ "lanes=0", -EINVAL },
		{ "value_max=1", -EINVAL },
		{ "key_max=5000", -EINVAL },
		{ "node=77", -ENODEV },
		{ "node=-2", -EINVAL },
		{ "max_writers=5000", -EINVAL },
		{ "mode=01777", -EINVAL },
		{ "mode=0777", -EINVAL },
		{ "lanes=1000000000", -ENOMEM },
		{ "lanes=2147483648 value_max=16777216", -EOVERFLOW },
	};
	size_t i;

	ASSERT_EQ(0, module_unload());
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		EXPECT_EQ(tries[i].ret, module_load(self->ko, tries[i].params))
		{
			TH_LOG("%s", tries[i].params);
		}
		EXPECT_FALSE(module_loaded());
		EXPECT_NE(0, access(SYSFS, F_OK));
	}
}

TEST_F_TIMEOUT(unload, loads_and_unloads_while_others_try_to_open, 120)
{
	int i, fd;
	pid_t pid = fork();

	if (!pid) {
		for (;;) {
			fd = dev_open(O_RDWR);
			if (fd >= 0) {
				geometry(fd);
				close(fd);
			}
		}
	}
	for (i = 0; i < 20; i++) {
		while (module_loaded() && module_unload())
			usleep(100);
		EXPECT_EQ(0, module_load(self->ko, "lanes=100"));
	}
	kill(pid, SIGKILL);
	wait_for(pid);
}

TEST_HARNESS_MAIN
