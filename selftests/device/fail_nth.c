// SPDX-License-Identifier: MIT
/*
 * fail_nth.c - every allocation and every copy of user memory that each call makes fails once, the n-th for every n:
 * the call reports it and has left nothing behind. Needs a kernel with fault injection.
 * selftest-timeout: 600
 */
#include "kselftest_harness.h"
#include "fail_nth.h"
#include "sleeper.h"

FIXTURE(fail_nth)
{
	char name[32];
	int fd;
	long long stores, handles;
	__u64 id;
};

FIXTURE_SETUP(fail_nth)
{
	self->fd = -1;
	if (may_fail() < 0)
		return;
	snprintf(self->name, sizeof(self->name), "fail%d", getpid());
	self->fd = open_new(self->name, small(100));
	ASSERT_GE(self->fd, 0);
	self->id = geometry(self->fd).store_id;
	self->stores = sysfs_number(0, "stores_count");
	self->handles = sysfs_number(self->id, "handles");
}

FIXTURE_TEARDOWN(fail_nth)
{
	if (self->fd < 0)
		return;
	EXPECT_EQ(self->stores, sysfs_number(0, "stores_count"));
	EXPECT_EQ(self->handles, sysfs_number(self->id, "handles"));
	EXPECT_EQ(0, sysfs_number(self->id, "writers"));
	unlink_store(self->name);
	close(self->fd);
	close(nth_fd);
}

static int is_fault(int ret)
{
	return ret == -ENOMEM || ret == -EFAULT;
}

#define SWEEP_OURS(op, undo) SWEEP(op, is_fault, undo)

TEST_F(fail_nth, open)
{
	NEEDS_FAULTS();
	SWEEP_OURS(dev_open(O_RDWR), close(ret));
}

static int create_only(int fd, const char *name, __u64 lanes, __u32 policy)
{
	struct spl_ioc_create c = create_arg(name, small(lanes));

	c.geometry.policy = policy;
	if (policy == SPL_POLICY_BIND)
		c.geometry.node = 0;
	c.geometry.max_writers = 1;
	return call(fd, SPL_IOC_CREATE, &c);
}

static void undo_create(int *fd)
{
	by_name(*fd, SPL_IOC_UNLINK, "nth");
	close(*fd);
	*fd = dev_open(O_RDWR);
}

TEST_F(fail_nth, create_small)
{
	int fd = dev_open(O_RDWR), policy;

	NEEDS_FAULTS();
	for (policy = 0; policy < 3; policy++)
		SWEEP_OURS(create_only(fd, "nth", 10, policy), undo_create(&fd));
	EXPECT_EQ(-ENOENT, unlink_store("nth"));
	close(fd);
}

/* With chunks: where one fails, pages take its place. */
TEST_F(fail_nth, create_with_chunks)
{
	int fd = dev_open(O_RDWR), policy;

	NEEDS_FAULTS();
	for (policy = 0; policy < 3; policy++)
		SWEEP_OURS(create_only(fd, "nth", 30000, policy), undo_create(&fd));
	EXPECT_EQ(-ENOENT, unlink_store("nth"));
	close(fd);
}

TEST_F(fail_nth, attach)
{
	int fd = dev_open(O_RDWR);

	NEEDS_FAULTS();
	SWEEP_OURS(attach(fd, self->name), (close(fd), fd = dev_open(O_RDWR)));
	close(fd);
}

static int list(int fd)
{
	static __u64 buf[512];
	struct spl_ioc_list l = { .size = sizeof(l),
				  .buf = (uintptr_t)buf,
				  .buf_bytes = sizeof(buf) };

	return call(fd, SPL_IOC_LIST, &l);
}

TEST_F(fail_nth, list)
{
	NEEDS_FAULTS();
	SWEEP_OURS(list(self->fd), );
}

static int check_store(int fd, __u32 flags)
{
	struct spl_check_counts c;

	return check(fd, flags, &c);
}

static int set_mode(int fd, const char *name, __u32 mode)
{
	struct spl_ioc_setattr s = { .size = sizeof(s),
				     .name = (uintptr_t)name,
				     .name_len = strlen(name),
				     .mask = SPL_SETATTR_MODE,
				     .mode = mode };

	return call(fd, SPL_IOC_SETATTR, &s);
}

TEST_F(fail_nth, setattr)
{
	NEEDS_FAULTS();
	SWEEP_OURS(set_mode(self->fd, self->name, 0640), set_mode(self->fd, self->name, 0600));
	EXPECT_EQ(0600, sysfs_number(self->id, "mode"));
}

TEST_F(fail_nth, check)
{
	NEEDS_FAULTS();
	SWEEP_OURS(check_store(self->fd, 0), );
	SWEEP_OURS(check_store(self->fd, SPL_CHECK_REPAIR), );
}

TEST_F(fail_nth, register)
{
	NEEDS_FAULTS();
	SWEEP_OURS(reg(self->fd), unreg(self->fd, ret));
}

static int map_at(int fd, __u64 off, __u64 len, int prot, void **p)
{
	*p = mmap(NULL, len, prot, MAP_SHARED, fd, off);
	return *p == MAP_FAILED ? -errno : 0;
}

TEST_F(fail_nth, map)
{
	struct spl_ioc_geometry g = geometry(self->fd);
	void *p;

	NEEDS_FAULTS();
	SWEEP_OURS(map_at(self->fd, 0, 4096, PROT_READ, &p), munmap(p, 4096));
	SWEEP_OURS(map_at(self->fd, g.data_off, g.map_bytes - g.data_off, PROT_READ | PROT_WRITE,
			  &p),
		   munmap(p, g.map_bytes - g.data_off));
	SWEEP_OURS(map_at(self->fd, SPL_MMAP_SELF, 4096, PROT_READ, &p), munmap(p, 4096));
}

/* Sleeps until the deadline, as nothing moves. It isn't computed here: asking for the time may be what fails. */
static int sleep_until(int fd, const char *key, __u64 deadline)
{
	struct spl_group_count c[3] = { { .group = 1 }, { .group = 2 }, { .group = 3 } };
	__u64 known = 0;
	int ret = key ? wait_key(fd, key, &known, deadline) : wait_counts(fd, c, 3, deadline);

	return ret == -ETIMEDOUT ? 0 : ret;
}

TEST_F(fail_nth, signals)
{
	int efd = eventfd(0, EFD_CLOEXEC);
	__u64 deadline;

	NEEDS_FAULTS();
	SWEEP_OURS(subscribe(self->fd, 3), subscribe(self->fd, 0));
	SWEEP_OURS(bind_eventfd(self->fd, efd, 3, 0),
		   bind_eventfd(self->fd, efd, 3, SPL_EVENTFD_UNBIND));
	deadline = in_ms(1000);
	SWEEP_OURS(sleep_until(self->fd, NULL, deadline), );
	deadline = in_ms(1000);
	SWEEP_OURS(sleep_until(self->fd, "absent", deadline), );
	EXPECT_EQ(0, sysfs_number(self->id, "sleepers"));
	close(efd);
}

TEST_F(fail_nth, destroy)
{
	int fd = dev_open(O_RDWR);

	NEEDS_FAULTS();
	close(open_new("nth", small(1)));
	SWEEP_OURS(by_name(fd, SPL_IOC_DESTROY, "nth"), close(open_new("nth", small(1))));
	EXPECT_EQ(0, unlink_store("nth"));
	close(fd);
}

TEST_HARNESS_MAIN
