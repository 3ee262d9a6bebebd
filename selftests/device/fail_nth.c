// SPDX-License-Identifier: MIT
/*
 * fail_nth.c - every allocation and every copy of user memory that each call makes fails once, the n-th for every n:
 * the call reports it and has left nothing behind. Needs a kernel with fault injection.
 * selftest-timeout: 600
 */
#include "kselftest_harness.h"
#include "module.h"

static int nth_fd = -1;

static void tell(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY);

	if (fd >= 0) {
		if (write(fd, value, strlen(value)) < 0)
			perror(file);
		close(fd);
	}
}

static void arm(int n)
{
	char buf[16];

	if (pwrite(nth_fd, buf, snprintf(buf, sizeof(buf), "%d", n), 0) < 0)
		_exit(97);
}

/* Was the fault injected since arm()? Disarms. */
static int hit(void)
{
	char buf[16] = {};

	if (pread(nth_fd, buf, sizeof(buf) - 1, 0) < 0)
		_exit(96);
	arm(0);
	return atoi(buf) == 0;
}

/* All places may fail, and say nothing of it in the kernel's log. */
static int may_fail(void)
{
	tell("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	tell("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	tell("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	tell("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	tell("/sys/kernel/debug/failslab/verbose", "0");
	tell("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	tell("/sys/kernel/debug/fail_usercopy/verbose", "0");
	tell("/sys/kernel/debug/fail_futex/verbose", "0");
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	return nth_fd;
}

FIXTURE(fail_nth)
{
	char name[32];
	int fd;
	long long stores, handles;
	__u64 id;
};

#define NEEDS_FAULTS() do { if (nth_fd < 0) SKIP(return, "no fault injection in this kernel"); } while (0)

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

/* Runs @op with the n-th failing for n = 1, 2, ... until nothing is left to fail; @undo after each success. */
#define SWEEP(op, undo)                                                                                    \
	do {                                                                                               \
		int n, ret, was_hit = 1, failed = 0;                                                       \
		for (n = 1; was_hit && n < 5000; n++) {                                                    \
			arm(n);                                                                            \
			ret = (op);                                                                        \
			was_hit = hit();                                                                   \
			if (ret >= 0) {                                                                    \
				undo;                                                                      \
				continue;                                                                  \
			}                                                                                  \
			failed++;                                                                          \
			ASSERT_TRUE(was_hit && (ret == -ENOMEM || ret == -EFAULT))                         \
			{                                                                                  \
				TH_LOG("n = %d: %d", n, ret);                                              \
			}                                                                                  \
		}                                                                                          \
		ASSERT_FALSE(was_hit);                                                                     \
		TH_LOG("%d places, %d failed the call", n - 2, failed);                                    \
	} while (0)

TEST_F(fail_nth, open)
{
	NEEDS_FAULTS();
	SWEEP(dev_open(O_RDWR), close(ret));
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
		SWEEP(create_only(fd, "nth", 10, policy), undo_create(&fd));
	EXPECT_EQ(-ENOENT, unlink_store("nth"));
	close(fd);
}

/* With chunks: where one fails, pages take its place. */
TEST_F(fail_nth, create_with_chunks)
{
	int fd = dev_open(O_RDWR), policy;

	NEEDS_FAULTS();
	for (policy = 0; policy < 3; policy++)
		SWEEP(create_only(fd, "nth", 30000, policy), undo_create(&fd));
	EXPECT_EQ(-ENOENT, unlink_store("nth"));
	close(fd);
}

TEST_F(fail_nth, attach)
{
	int fd = dev_open(O_RDWR);

	NEEDS_FAULTS();
	SWEEP(attach(fd, self->name), (close(fd), fd = dev_open(O_RDWR)));
	close(fd);
}

static int list(int fd)
{
	static __u64 buf[512];
	struct spl_ioc_list l = { .size = sizeof(l), .buf = (uintptr_t)buf, .buf_bytes = sizeof(buf) };

	return call(fd, SPL_IOC_LIST, &l);
}

TEST_F(fail_nth, list)
{
	NEEDS_FAULTS();
	SWEEP(list(self->fd), );
}

static int check_store(int fd, __u32 flags)
{
	struct spl_check_counts c;

	return check(fd, flags, &c);
}

TEST_F(fail_nth, check)
{
	NEEDS_FAULTS();
	SWEEP(check_store(self->fd, 0), );
	SWEEP(check_store(self->fd, SPL_CHECK_REPAIR), );
}

TEST_F(fail_nth, register)
{
	NEEDS_FAULTS();
	SWEEP(reg(self->fd), unreg(self->fd, ret));
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
	SWEEP(map_at(self->fd, 0, 4096, PROT_READ, &p), munmap(p, 4096));
	SWEEP(map_at(self->fd, g.data_off, g.map_bytes - g.data_off, PROT_READ | PROT_WRITE, &p),
	      munmap(p, g.map_bytes - g.data_off));
	SWEEP(map_at(self->fd, SPL_MMAP_SELF, 4096, PROT_READ, &p), munmap(p, 4096));
}

TEST_F(fail_nth, unlink)
{
	int fd = dev_open(O_RDWR);

	NEEDS_FAULTS();
	SWEEP((close(open_new("nth", small(1))), by_name(fd, SPL_IOC_DESTROY, "nth")), );
	unlink_store("nth");
	close(fd);
}

static int try_load(int ko)
{
	return syscall(SYS_finit_module, ko, "lanes=10 max_writers=1", 0) ? -errno : 0;
}

TEST(loading)
{
	char params[1024];
	int ko = module_file();

	if (may_fail() < 0 || ko < 0)
		SKIP(return, "no fault injection in this kernel, or no splinter.ko");
	module_params(params, sizeof(params));
	ASSERT_EQ(0, module_unload());
	SWEEP(try_load(ko), ASSERT_EQ(0, module_unload()));
	EXPECT_FALSE(module_loaded());
	EXPECT_EQ(0, module_load(ko, params));
}

TEST_HARNESS_MAIN
