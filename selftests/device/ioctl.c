// SPDX-License-Identifier: MIT
/*
 * ioctl.c - the promise of extensible structs: short, zero-extended, garbage-extended; flags and reserved members.
 */
#include "kselftest_harness.h"
#include "device.h"

static const struct {
	const char *name;
	unsigned int cmd;
	__u32 size;
} calls[] = {
	{ "info", SPL_IOC_INFO, sizeof(struct spl_ioc_info) },
	{ "create", SPL_IOC_CREATE, sizeof(struct spl_ioc_create) },
	{ "open", SPL_IOC_OPEN, sizeof(struct spl_ioc_open) },
	{ "list", SPL_IOC_LIST, sizeof(struct spl_ioc_list) },
	{ "unlink", SPL_IOC_UNLINK, sizeof(struct spl_ioc_unlink) },
	{ "destroy", SPL_IOC_DESTROY, sizeof(struct spl_ioc_unlink) },
	{ "geometry", SPL_IOC_GEOMETRY, sizeof(struct spl_ioc_geometry) },
	{ "register", SPL_IOC_REGISTER, sizeof(struct spl_ioc_register) },
	{ "unregister", SPL_IOC_UNREGISTER, sizeof(struct spl_ioc_unregister) },
	{ "reap", SPL_IOC_REAP, sizeof(struct spl_ioc_reap) },
	{ "check", SPL_IOC_CHECK, sizeof(struct spl_ioc_check) },
	{ "ring", SPL_IOC_RING, sizeof(struct spl_ioc_ring) },
	{ "subscribe", SPL_IOC_SUBSCRIBE, sizeof(struct spl_ioc_subscribe) },
	{ "eventfd", SPL_IOC_EVENTFD, sizeof(struct spl_ioc_eventfd) },
	{ "wait", SPL_IOC_WAIT, sizeof(struct spl_ioc_wait) },
	{ "setattr", SPL_IOC_SETATTR, sizeof(struct spl_ioc_setattr) },
};

#define NR_CALLS (sizeof(calls) / sizeof(calls[0]))

FIXTURE(ioctl)
{
	int fd;
	char name[32];
};

FIXTURE_SETUP(ioctl)
{
	snprintf(self->name, sizeof(self->name), "ioctl%d", getpid());
	self->fd = open_new(self->name, small(100));
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(ioctl)
{
	unlink_store(self->name);
	close(self->fd);
}

/* A struct with which the call does no harm; what it returns is noted before its length is played with. */
static void fill(void *buf, unsigned int cmd)
{
	memset(buf, 0, 8192);
	if (cmd == SPL_IOC_OPEN || cmd == SPL_IOC_UNLINK || cmd == SPL_IOC_DESTROY) {
		struct spl_ioc_unlink *u = buf;

		u->name = (uintptr_t) "no such store";
		u->name_len = 13;
	} else if (cmd == SPL_IOC_SETATTR) {
		struct spl_ioc_setattr *s = buf;

		s->name = (uintptr_t) "no such store";
		s->name_len = 13;
		s->mask = SPL_SETATTR_MODE;
	} else if (cmd == SPL_IOC_UNREGISTER) {
		((struct spl_ioc_unregister *)buf)->writer = 5000;
	}
}

TEST_F(ioctl, refuses_structs_shorter_than_the_first_published_ones)
{
	char buf[8192];
	size_t i;
	__u32 size;

	for (i = 0; i < NR_CALLS; i++) {
		for (size = 0; size < calls[i].size; size++) {
			fill(buf, calls[i].cmd);
			*(__u32 *)buf = size;
			EXPECT_EQ(-EINVAL, call(self->fd, calls[i].cmd, buf))
			{
				TH_LOG("%s with size %u", calls[i].name, size);
			}
		}
	}
}

TEST_F(ioctl, takes_zero_extended_structs_and_leaves_the_extension_alone)
{
	char buf[8192];
	int plain, ret;
	size_t i, k;

	for (i = 0; i < NR_CALLS; i++) {
		fill(buf, calls[i].cmd);
		*(__u32 *)buf = calls[i].size;
		plain = call(self->fd, calls[i].cmd, buf);
		fill(buf, calls[i].cmd);
		*(__u32 *)buf = calls[i].size + 64;
		memset(buf + calls[i].size + 64, 0x55, 64);
		ret = call(self->fd, calls[i].cmd, buf);
		EXPECT_EQ(plain, ret)
		{
			TH_LOG("%s", calls[i].name);
		}
		EXPECT_NE(-E2BIG, ret);
		for (k = 0; k < 64; k++) {
			ASSERT_EQ(0, buf[calls[i].size + k]);
			ASSERT_EQ(0x55, buf[calls[i].size + 64 + k]);
		}
	}
}

TEST_F(ioctl, refuses_garbage_extended_structs)
{
	char buf[8192];
	size_t i, k;

	for (i = 0; i < NR_CALLS; i++) {
		for (k = 0; k < 64; k += 7) {
			fill(buf, calls[i].cmd);
			*(__u32 *)buf = calls[i].size + 64;
			buf[calls[i].size + k] = 1;
			EXPECT_EQ(-E2BIG, call(self->fd, calls[i].cmd, buf))
			{
				TH_LOG("%s with a byte %zu behind its end", calls[i].name, k);
			}
		}
		fill(buf, calls[i].cmd);
		*(__u32 *)buf = ~0U;
		EXPECT_EQ(-E2BIG, call(self->fd, calls[i].cmd, buf));
	}
}

TEST_F(ioctl, refuses_unknown_flags)
{
	char buf[8192];
	size_t i;
	int bit;

	for (i = 0; i < NR_CALLS; i++) {
		for (bit = 1; bit < 32; bit++) {
			fill(buf, calls[i].cmd);
			((__u32 *)buf)[0] = calls[i].size;
			((__u32 *)buf)[1] = 1U << bit;
			EXPECT_EQ(-EOPNOTSUPP, call(self->fd, calls[i].cmd, buf))
			{
				TH_LOG("%s with flag %d", calls[i].name, bit);
			}
		}
	}
}

TEST_F(ioctl, refuses_reserved_members_that_are_not_zero)
{
	struct spl_ioc_open o = { .size = sizeof(o), .reserved = 1 };
	struct spl_ioc_unlink u = { .size = sizeof(u), .reserved = 1 };
	struct spl_ioc_register r = { .size = sizeof(r), .reserved = 1 };
	struct spl_ioc_unregister n = { .size = sizeof(n), .reserved = 1 };
	struct spl_ioc_create c;
	int i, fd = dev_open(O_RDWR);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EINVAL, call(fd, SPL_IOC_OPEN, &o));
	EXPECT_EQ(-EINVAL, call(fd, SPL_IOC_UNLINK, &u));
	EXPECT_EQ(-EINVAL, call(fd, SPL_IOC_DESTROY, &u));
	EXPECT_EQ(-EINVAL, call(fd, SPL_IOC_REGISTER, &r));
	EXPECT_EQ(-EINVAL, call(fd, SPL_IOC_UNREGISTER, &n));
	for (i = 0; i < 2; i++) {
		c = create_arg("reserved", small(1));
		c.geometry.reserved[i] = 1;
		EXPECT_EQ(-EINVAL, call(fd, SPL_IOC_CREATE, &c));
	}
	c = create_arg("reserved", small(1));
	c.geometry.feed_reserved = 1;
	EXPECT_EQ(-EINVAL, call(fd, SPL_IOC_CREATE, &c));
	c = create_arg("reserved", small(1));
	c.geometry.flags = 1ULL << 63;
	EXPECT_EQ(-EOPNOTSUPP, call(fd, SPL_IOC_CREATE, &c));
	close(fd);
}

static int is_known(unsigned int nr)
{
	size_t i;

	for (i = 0; i < NR_CALLS; i++)
		if (nr == _IOC_NR(calls[i].cmd))
			return 1;
	return nr == _IOC_NR(SPL_IOC_CHANNEL_OPEN) || nr == _IOC_NR(SPL_IOC_CHANNEL_LIST) ||
	       nr == _IOC_NR(SPL_IOC_CHANNEL_UNLINK) || nr == _IOC_NR(SPL_IOC_CHANNEL_SETATTR);
}

TEST_F(ioctl, refuses_unknown_calls)
{
	char buf[8192] = {};
	unsigned int nr;

	for (nr = 0; nr < 256; nr++)
		if (!is_known(nr))
			EXPECT_EQ(-ENOTTY, call(self->fd, _IO(SPL_IOC_MAGIC, nr), buf));
	EXPECT_EQ(-ENOTTY, call(self->fd, _IO(SPL_IOC_MAGIC + 1, 0), buf));
	EXPECT_EQ(-ENOTTY, call(self->fd, _IOWR(SPL_IOC_MAGIC, 0, int), buf));
}

TEST_F(ioctl, tells_of_memory_that_is_not_there)
{
	struct spl_ioc_list l = { .size = sizeof(l), .buf = 8, .buf_bytes = 4096 };
	struct spl_ioc_open o = { .size = sizeof(o), .name = 8, .name_len = 3 };
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = dev_open(O_RDWR);
	size_t i;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	for (i = 0; i < NR_CALLS; i++) {
		EXPECT_EQ(-EFAULT, call(self->fd, calls[i].cmd, (void *)8));
		/* size is there, the rest isn't */
		*(__u32 *)(page + 4092) = calls[i].size;
		EXPECT_EQ(-EFAULT, call(self->fd, calls[i].cmd, page + 4092));
	}
	EXPECT_EQ(-EFAULT, call(self->fd, SPL_IOC_LIST, &l));
	l.buf = 12;
	EXPECT_EQ(-EINVAL, call(self->fd, SPL_IOC_LIST, &l));
	EXPECT_EQ(-EFAULT, call(fd, SPL_IOC_OPEN, &o));
	close(fd);
}

/* A struct that can be read but not written: the reply fails, and the call hasn't happened. */
TEST_F(ioctl, a_reply_that_fails_leaves_nothing_behind)
{
	struct spl_ioc_create *c =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct spl_ioc_register *r = (void *)c;
	struct spl_ioc_open *o = (void *)c;
	long long before, after;
	int fd = dev_open(O_RDWR);

	ASSERT_NE(MAP_FAILED, (void *)c);
	before = sysfs_number(0, "stores_count");
	*c = create_arg("halfway", small(10));
	mprotect(c, 4096, PROT_READ);
	EXPECT_EQ(-EFAULT, call(fd, SPL_IOC_CREATE, c));
	EXPECT_EQ(-ENOENT, unlink_store("halfway"));
	after = sysfs_number(0, "stores_count");
	EXPECT_EQ(before, after);

	mprotect(c, 4096, PROT_READ | PROT_WRITE);
	*c = create_arg(self->name, small(100));
	c->flags = SPL_CREATE_OR_OPEN;
	mprotect(c, 4096, PROT_READ);
	EXPECT_EQ(-EFAULT, call(fd, SPL_IOC_CREATE, c));

	mprotect(c, 4096, PROT_READ | PROT_WRITE);
	memset(o, 0, sizeof(*o));
	o->size = sizeof(*o);
	o->name = (uintptr_t)self->name;
	o->name_len = strlen(self->name);
	mprotect(c, 4096, PROT_READ);
	EXPECT_EQ(-EFAULT, call(fd, SPL_IOC_OPEN, o));
	EXPECT_EQ(1, sysfs_number(geometry(self->fd).store_id, "handles"));

	mprotect(c, 4096, PROT_READ | PROT_WRITE);
	memset(r, 0, sizeof(*r));
	r->size = sizeof(*r);
	mprotect(c, 4096, PROT_READ);
	EXPECT_EQ(-EFAULT, call(self->fd, SPL_IOC_REGISTER, r));
	EXPECT_EQ(0, sysfs_number(geometry(self->fd).store_id, "writers"));

	/* The handle isn't marked as attached by name either. */
	EXPECT_EQ(0, attach(fd, self->name));
	close(fd);
}

TEST_F(ioctl, info_tells_the_limits)
{
	struct spl_ioc_info i = { .size = sizeof(i) };

	ASSERT_EQ(0, call(self->fd, SPL_IOC_INFO, &i));
	EXPECT_EQ(sizeof(i), i.size);
	EXPECT_EQ(SPL_ABI_VERSION, i.abi);
	EXPECT_EQ(SPL_WRITERS_MAX, i.max_writers);
	EXPECT_EQ(SPL_LANES_MAX, i.lanes_max);
	EXPECT_EQ(SPL_VALUE_MAX, i.value_max);
	EXPECT_EQ(SPL_KEY_MAX, i.key_max);
	EXPECT_EQ(SPL_PAGE_BYTES, i.page_bytes);
	EXPECT_EQ(SPL_CHUNK_BYTES, i.chunk_bytes);
	EXPECT_EQ(SPL_FEATURE_ATTR | SPL_FEATURE_HUGE | SPL_FEATURE_NUMA | SPL_FEATURE_SIGNAL |
			  SPL_FEATURE_FEED | SPL_FEATURE_CHANNELS,
		  i.features);
	EXPECT_GT(i.bytes_max, 100ULL << 20);
	EXPECT_LT(i.bytes_max, 1ULL << 46);
	EXPECT_EQ(sysfs_number(0, "stores_count"), (long long)i.stores);
}

TEST_F(ioctl, a_read_only_handle_changes_nothing)
{
	struct spl_ioc_reap r = { .size = sizeof(r) };
	struct spl_check_counts counts;
	int fd = open_named(self->name, O_RDONLY);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EBADF, reg(fd));
	EXPECT_EQ(-EBADF, call(fd, SPL_IOC_REAP, &r));
	EXPECT_EQ(-EBADF, check(fd, SPL_CHECK_REPAIR, &counts));
	EXPECT_EQ(0, check(fd, 0, &counts));
	EXPECT_NE(0, geometry(fd).map_bytes);
	close(fd);
	fd = dev_open(O_RDONLY);
	EXPECT_EQ(-EBADF, create(fd, "readonly", small(1)));
	close(fd);
}

TEST_HARNESS_MAIN
