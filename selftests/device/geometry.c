// SPDX-License-Identifier: MIT
/*
 * geometry.c - what a store may be made of, and that a creation that fails leaves nothing behind and doesn't take long.
 */
#include "kselftest_harness.h"
#include "device.h"

FIXTURE(geometry)
{
	int fd;
	long long stores;
	char name[32];
};

FIXTURE_SETUP(geometry)
{
	snprintf(self->name, sizeof(self->name), "geometry%d", getpid());
	self->stores = sysfs_number(0, "stores_count");
	self->fd = dev_open(O_RDWR);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(geometry)
{
	unlink_store(self->name);
	close(self->fd);
	EXPECT_EQ(self->stores, sysfs_number(0, "stores_count"));
}

TEST_F(geometry, zeros_get_defaults_and_the_reply_says_what_the_store_has)
{
	struct spl_ioc_create c = create_arg(self->name, small(1000));
	struct spl_ioc_geometry g;

	c.geometry.node = 0;
	ASSERT_EQ(0, call(self->fd, SPL_IOC_CREATE, &c));
	EXPECT_EQ(1000, c.geometry.lanes);
	EXPECT_EQ(64, c.geometry.value_max);
	EXPECT_EQ(SPL_KEY_MAX_DEFAULT, c.geometry.key_max);
	EXPECT_EQ(SPL_WRITERS_DEFAULT, c.geometry.max_writers);
	EXPECT_EQ(SPL_SPARES_DEFAULT, c.geometry.spares);
	EXPECT_EQ(SPL_POLICY_LOCAL, c.geometry.policy);
	EXPECT_EQ(-1, c.geometry.node);
	EXPECT_EQ(1000 + SPL_WRITERS_DEFAULT * SPL_SPARES_DEFAULT, c.lanes_total);
	EXPECT_NE(0, c.store_id);
	g = geometry(self->fd);
	EXPECT_EQ(0, memcmp(&g.geometry, &c.geometry, sizeof(g.geometry)));
	EXPECT_EQ(c.bytes, g.bytes);
	EXPECT_EQ(c.store_id, g.store_id);
	EXPECT_EQ(c.lanes_total, g.lanes_total);
	EXPECT_EQ(g.bytes, g.pages * 4096);
	EXPECT_EQ(g.bytes, g.map_bytes - g.data_off + 4096);
}

TEST_F(geometry, limits)
{
	static const struct {
		struct spl_geometry g;
		int ret;
	} tries[] = {
		{ { .lanes = 0, .value_max = 64 }, -EINVAL },
		{ { .lanes = SPL_LANES_MAX + 1, .value_max = 64 }, -EINVAL },
		{ { .lanes = ~0ULL, .value_max = 64 }, -EINVAL },
		{ { .lanes = 1, .value_max = 0 }, -EINVAL },
		{ { .lanes = 1, .value_max = SPL_VALUE_MIN - 1 }, -EINVAL },
		{ { .lanes = 1, .value_max = SPL_VALUE_MIN }, 0 },
		{ { .lanes = 1, .value_max = SPL_VALUE_MAX, .max_writers = 1, .spares = 2 }, 0 },
		{ { .lanes = 1, .value_max = SPL_VALUE_MAX + 1 }, -EINVAL },
		{ { .lanes = 1, .value_max = ~0U }, -EINVAL },
		{ { .lanes = 1, .value_max = 64, .key_max = 1 }, 0 },
		{ { .lanes = 1, .value_max = 64, .key_max = SPL_KEY_MAX }, 0 },
		{ { .lanes = 1, .value_max = 64, .key_max = SPL_KEY_MAX + 1 }, -EINVAL },
		{ { .lanes = 1, .value_max = 64, .max_writers = 1 }, 0 },
		{ { .lanes = 1, .value_max = 64, .max_writers = SPL_WRITERS_MAX }, 0 },
		{ { .lanes = 1, .value_max = 64, .max_writers = SPL_WRITERS_MAX + 1 }, -EINVAL },
		{ { .lanes = 1, .value_max = 64, .spares = 1 }, -EINVAL },
		{ { .lanes = 1, .value_max = 64, .spares = SPL_SPARES_MAX }, 0 },
		{ { .lanes = 1, .value_max = 64, .spares = SPL_SPARES_MAX + 1 }, -EINVAL },
		{ { .lanes = 1, .value_max = 64, .policy = 3 }, -EINVAL },
		{ { .lanes = 1, .value_max = 64, .policy = SPL_POLICY_LOCAL, .node = 1 }, -EINVAL },
		{ { .lanes = 1, .value_max = 64, .policy = SPL_POLICY_INTERLEAVE, .node = -2 },
		  -EINVAL },
		{ { .lanes = 1, .value_max = 64, .policy = SPL_POLICY_BIND, .node = -1 }, -EINVAL },
		{ { .lanes = 1, .value_max = 64, .policy = SPL_POLICY_BIND, .node = 900 },
		  -ENODEV },
		{ { .lanes = 1, .value_max = 64, .policy = SPL_POLICY_BIND, .node = 0x7fffffff },
		  -ENODEV },
	};
	size_t i;
	int fd;

	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		fd = dev_open(O_RDWR);
		EXPECT_EQ(tries[i].ret, create(fd, self->name, tries[i].g))
		{
			TH_LOG("try %zu", i);
		}
		if (!tries[i].ret)
			EXPECT_EQ(0, by_name(fd, SPL_IOC_DESTROY, self->name));
		close(fd);
	}
}

TEST_F(geometry, modes_beyond_0666_are_refused)
{
	struct spl_ioc_create c = create_arg(self->name, small(1));

	c.mode = 01600;
	EXPECT_EQ(-EINVAL, call(self->fd, SPL_IOC_CREATE, &c));
	c.mode = 0700;
	EXPECT_EQ(-EINVAL, call(self->fd, SPL_IOC_CREATE, &c));
}

TEST_F(geometry, sizes_that_cannot_be_addressed_overflow)
{
	struct spl_geometry g = small(SPL_LANES_MAX);

	g.value_max = SPL_VALUE_MAX;
	EXPECT_EQ(-EOVERFLOW, create(self->fd, self->name, g));
}

TEST_F(geometry, more_than_the_machine_has_is_refused_at_once)
{
	struct spl_geometry g = small(1ULL << 30);
	double start = now_s();

	EXPECT_EQ(-ENOMEM, create(self->fd, self->name, g));
	g.policy = SPL_POLICY_INTERLEAVE;
	EXPECT_EQ(-ENOMEM, create(self->fd, self->name, g));
	/* a little more than a node has */
	g.policy = SPL_POLICY_BIND;
	g.node = 1;
	g.lanes = 1;
	g.value_max = 16 << 20;
	g.max_writers = 64;
	g.spares = 8;
	EXPECT_EQ(-ENOMEM, create(self->fd, self->name, g));
	EXPECT_LT(now_s() - start, 2.0);
}

/* Close to what is free: either it works, or it fails; nobody is killed for it, and all is given back. */
TEST_F(geometry, the_oom_killer_is_left_alone)
{
	struct spl_geometry g = small(1);
	pid_t bystander = fork();
	long mib;
	int fd, ret, status;

	if (!bystander) {
		pause();
		_exit(0);
	}
	g.value_max = 1 << 20;
	g.max_writers = 1;
	g.spares = 2;
	for (mib = 64; mib < 2000; mib += 64) {
		g.lanes = mib;
		fd = dev_open(O_RDWR);
		ret = create(fd, self->name, g);
		if (!ret)
			EXPECT_EQ(0, by_name(fd, SPL_IOC_DESTROY, self->name));
		close(fd);
		if (ret)
			break;
	}
	EXPECT_EQ(-ENOMEM, ret);
	EXPECT_GT(mib, 64);
	EXPECT_EQ(0, waitpid(bystander, &status, WNOHANG));
	kill(bystander, SIGKILL);
	wait_for(bystander);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST_F(geometry, a_signal_interrupts_a_long_creation)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct spl_geometry g = small(1);
	struct timespec ts = { .tv_nsec = 5000000 };
	int ret = 0, i;
	pid_t parent = getpid(), pid;

	sigaction(SIGALRM, &sa, NULL);
	g.value_max = 1 << 20;
	g.lanes = 200;
	g.max_writers = 1;
	pid = fork();
	if (!pid) {
		for (i = 0; i < 200 && !kill(parent, SIGALRM); i++)
			nanosleep(&ts, NULL);
		_exit(0);
	}
	for (i = 0; i < 50; i++) {
		ret = create(self->fd, self->name, g);
		if (ret)
			break;
		close(self->fd);
		EXPECT_EQ(0, unlink_store(self->name));
		self->fd = dev_open(O_RDWR);
	}
	kill(pid, SIGKILL);
	wait_for(pid);
	EXPECT_EQ(-EINTR, ret);
	EXPECT_EQ(-ENOENT, unlink_store(self->name));
	EXPECT_EQ(self->stores, sysfs_number(0, "stores_count"));
}

TEST_HARNESS_MAIN
