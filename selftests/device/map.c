// SPDX-License-Identifier: MIT
/*
 * map.c - which part of a store which handle may map, and how; that nothing done to a mapping later widens that.
 */
#include "kselftest_harness.h"
#include "device.h"
#include <sys/ptrace.h>
#include <sys/uio.h>

#define R PROT_READ
#define W PROT_WRITE
#define X PROT_EXEC

FIXTURE(map)
{
	char name[32];
	int rw, ro;
	struct spl_ioc_geometry g;
};

FIXTURE_SETUP(map)
{
	snprintf(self->name, sizeof(self->name), "map%d", getpid());
	self->rw = open_new(self->name, small(100000)); /* data starts at 2 MiB */
	ASSERT_GE(self->rw, 0);
	self->ro = open_named(self->name, O_RDONLY);
	ASSERT_GE(self->ro, 0);
	self->g = geometry(self->rw);
	ASSERT_EQ(2 << 20, self->g.data_off);
}

FIXTURE_TEARDOWN(map)
{
	unlink_store(self->name);
	close(self->rw);
	close(self->ro);
}

/* Maps and unmaps. */
static int try_map(int fd, __u64 off, __u64 len, int prot, int flags)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);

	if (p == MAP_FAILED)
		return -errno;
	return munmap(p, len) ? -errno : 0;
}

TEST_F(map, matrix)
{
	__u64 all = self->g.map_bytes, off = self->g.data_off, data = all - off;
	struct {
		__u64 off, len;
		int prot, rw, ro;
	} tries[] = {
		{ 0, 4096, R, 0, 0 },
		{ 0, all, R, 0, 0 },
		{ off, data, R, 0, 0 },
		{ off, data, R | W, 0, -EACCES },
		{ off, data, W, 0, -EACCES },
		{ off, 4096, R | W, 0, -EACCES },
		{ off + 4096, data - 4096, R | W, 0, -EACCES },
		{ all - 4096, 4096, R | W, 0, -EACCES },
		{ off, data, PROT_NONE, 0, 0 },
		{ 0, 4096, R | W, -EACCES, -EACCES },
		{ 0, all, R | W, -EACCES, -EACCES },
		{ off - 4096, 8192, R | W, -EACCES, -EACCES },
		{ off - 4096, 8192, R, 0, 0 },
		{ 4096, 4096, R, 0, 0 },
		{ 4096, 4096, R | W, -EACCES, -EACCES },
		{ off, data + 4096, R, -EINVAL, -EINVAL },
		{ off, data + 4096, R | W, -EINVAL, -EACCES },
		{ all, 4096, R, -EINVAL, -EINVAL },
		{ all - 4096, 8192, R, -EINVAL, -EINVAL },
		{ 1ULL << 45, 4096, R, -EINVAL, -EINVAL },
		{ SPL_MMAP_SELF - 4096, 8192, R, -EINVAL, -EINVAL },
		{ SPL_MMAP_SELF + 4096, 4096, R, -EINVAL, -EINVAL },
		{ 0x7ffffffffffff000ULL, 4096, R, -EINVAL, -EINVAL },
		{ off, data, R | X, -EACCES, -EACCES },
		{ off, data, R | W | X, -EACCES, -EACCES },
		{ 0, 4096, X, -EACCES, -EACCES },
		{ off + 512, 4096, R, -EINVAL, -EINVAL },
		{ SPL_MMAP_SELF, 4096, R, 0, -EACCES },
		{ SPL_MMAP_SELF, 4096, R | W, -EACCES, -EACCES },
		{ SPL_MMAP_SELF, 4096, R | X, -EACCES, -EACCES },
		{ SPL_MMAP_SELF, 8192, R, -EINVAL, -EINVAL },
	};
	size_t i;

	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		EXPECT_EQ(tries[i].rw,
			  try_map(self->rw, tries[i].off, tries[i].len, tries[i].prot, MAP_SHARED))
		{
			TH_LOG("try %zu, writable handle", i);
		}
		EXPECT_EQ(tries[i].ro,
			  try_map(self->ro, tries[i].off, tries[i].len, tries[i].prot, MAP_SHARED))
		{
			TH_LOG("try %zu, read-only handle", i);
		}
		EXPECT_GT(0,
			  try_map(self->rw, tries[i].off, tries[i].len, tries[i].prot, MAP_PRIVATE))
		{
			TH_LOG("try %zu, private", i);
		}
	}
	EXPECT_EQ(-EINVAL, try_map(self->rw, off, data, R, MAP_PRIVATE));
	EXPECT_EQ(-EINVAL, try_map(self->ro, off, data, R, MAP_PRIVATE));
	EXPECT_EQ(0, try_map(self->rw, off, data, R | W, MAP_SHARED_VALIDATE));
	EXPECT_EQ(0, try_map(self->rw, off, data, R | W, MAP_SHARED | MAP_POPULATE));
	EXPECT_EQ(0, try_map(self->rw, 0, all, R, MAP_SHARED | MAP_POPULATE));
}

TEST_F(map, a_write_only_handle_maps_nothing)
{
	int fd = open_named(self->name, O_WRONLY);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EACCES, try_map(fd, 0, 4096, R, MAP_SHARED));
	EXPECT_EQ(-EACCES, try_map(fd, self->g.data_off, 4096, W, MAP_SHARED));
	close(fd);
}

TEST_F(map, mprotect_widens_nothing)
{
	__u64 data = self->g.map_bytes - self->g.data_off;
	char *p;

	p = mmap(NULL, data, R, MAP_SHARED, self->ro, self->g.data_off);
	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_EQ(-1, mprotect(p, data, R | W));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(p, 4096, W));
	EXPECT_EQ(-1, mprotect(p, data, R | X));
	EXPECT_EQ(0, mprotect(p, data, PROT_NONE));
	EXPECT_EQ(0, mprotect(p, data, R));
	EXPECT_EQ(SIGSEGV, dies_of(p, 1));
	munmap(p, data);

	p = mmap(NULL, data, R, MAP_SHARED, self->rw, self->g.data_off);
	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_EQ(SIGSEGV, dies_of(p, 1));
	EXPECT_EQ(0, mprotect(p, data, R | W));
	EXPECT_EQ(0, dies_of(p, 1));
	EXPECT_EQ(-1, mprotect(p, data, R | W | X));
	munmap(p, data);

	p = mmap(NULL, self->g.map_bytes, R, MAP_SHARED, self->rw, 0);
	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_EQ(-1, mprotect(p, 4096, R | W));
	EXPECT_EQ(-1, mprotect(p + self->g.data_off, 4096, R | W));
	munmap(p, self->g.map_bytes);

	p = (char *)map_self(self->rw);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(-1, mprotect(p, 4096, R | W));
	EXPECT_EQ(-1, mprotect(p, 4096, R | X));
	munmap(p, 4096);
}

/* A debugger may write into mappings that the process itself may not write, but not into these. */
TEST_F(map, ptrace_and_proc_mem_write_nothing)
{
	int fd, where[2];
	pid_t pid;
	char *p;

	p = mmap(NULL, 4096, R, MAP_SHARED, self->ro, self->g.data_off);
	ASSERT_NE(MAP_FAILED, (void *)p);
	ASSERT_EQ(0, pipe(where));
	fd = open("/proc/self/mem", O_RDWR);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-1, pwrite(fd, "x", 1, (uintptr_t)p));
	close(fd);
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, pid, p, (void *)0x4141414141414141));
	EXPECT_EQ(EIO, errno);
	kill(pid, SIGKILL);
	wait_for(pid);
	EXPECT_EQ(0, *p);
	munmap(p, 4096);
}

TEST_F(map, the_gap_is_not_there)
{
	char *p = mmap(NULL, self->g.map_bytes, R, MAP_SHARED, self->rw, 0);

	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_EQ(0, dies_of(p, 0));
	EXPECT_EQ(SIGBUS, dies_of(p + 4096, 0));
	EXPECT_EQ(SIGBUS, dies_of(p + self->g.data_off - 1, 0));
	EXPECT_EQ(0, dies_of(p + self->g.data_off, 0));
	EXPECT_EQ(0, dies_of(p + self->g.map_bytes - 1, 0));
	EXPECT_EQ(SIGSEGV, dies_of(p, 1));
	munmap(p, self->g.map_bytes);
}

TEST_F(map, every_handle_and_every_offset_sees_the_same_bytes)
{
	__u64 data = self->g.map_bytes - self->g.data_off, off;
	__u32 *a, *b;

	a = mmap(NULL, data, R | W, MAP_SHARED, self->rw, self->g.data_off);
	ASSERT_NE(MAP_FAILED, (void *)a);
	for (off = 0; off < data; off += 4096)
		a[off / 4 + 17] = off;
	for (off = 0; off < data; off += 4096 * 13) {
		b = mmap(NULL, 4096, R, MAP_SHARED, self->ro, self->g.data_off + off);
		ASSERT_NE(MAP_FAILED, (void *)b);
		EXPECT_EQ(off, b[17]);
		munmap(b, 4096);
	}
	b = mmap(NULL, self->g.map_bytes, R, MAP_SHARED, self->ro, 0);
	ASSERT_NE(MAP_FAILED, (void *)b);
	for (off = 0; off < data; off += 4096)
		ASSERT_EQ(off, b[(self->g.data_off + off) / 4 + 17]);
	munmap(a, data);
	munmap(b, self->g.map_bytes);
}

TEST_F(map, mremap_moves_and_shrinks_but_does_not_grow)
{
	__u64 data = self->g.map_bytes - self->g.data_off;
	char *p, *q;

	p = mmap(NULL, 1 << 20, R | W, MAP_SHARED, self->rw, self->g.data_off);
	ASSERT_NE(MAP_FAILED, (void *)p);
	p[5] = 5;
	p[(1 << 19) + 5] = 6;
	EXPECT_EQ(MAP_FAILED, mremap(p, 1 << 20, data, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(MAP_FAILED, mremap(p, 0, 1 << 20, MREMAP_MAYMOVE));
	q = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_EQ(q, mremap(p, 1 << 20, 1 << 20, MREMAP_MAYMOVE | MREMAP_FIXED, q));
	EXPECT_EQ(5, q[5]);
	EXPECT_EQ(q, mremap(q, 1 << 20, 1 << 19, 0));
	EXPECT_EQ(SIGSEGV, dies_of(q + (1 << 19) + 5, 0));
	EXPECT_EQ(5, q[5]);
	munmap(q, 1 << 20);
}

TEST_F(map, holes_and_splits)
{
	__u64 data = self->g.map_bytes - self->g.data_off;
	char *p = mmap(NULL, data, R | W, MAP_SHARED, self->rw, self->g.data_off);

	ASSERT_NE(MAP_FAILED, (void *)p);
	p[0] = 1;
	p[data - 1] = 2;
	EXPECT_EQ(0, munmap(p + (1 << 20), 4096));
	EXPECT_EQ(0, mprotect(p + (3 << 20), 8192, R));
	EXPECT_EQ(SIGSEGV, dies_of(p + (1 << 20), 0));
	EXPECT_EQ(SIGSEGV, dies_of(p + (3 << 20), 1));
	EXPECT_EQ(0, madvise(p, 1 << 20, MADV_DONTNEED));
	EXPECT_EQ(1, p[0]);
	EXPECT_EQ(2, p[data - 1]);
	EXPECT_EQ(-EBUSY, attach(self->rw, ""));
	munmap(p, data);
}

TEST_F(map, advice_does_no_harm)
{
	static const int advice[] = {
		MADV_NORMAL,
		MADV_RANDOM,
		MADV_SEQUENTIAL,
		MADV_WILLNEED,
		MADV_DONTNEED,
		MADV_FREE,
		MADV_REMOVE,
		MADV_DONTFORK,
		MADV_DOFORK,
		MADV_MERGEABLE,
		MADV_HUGEPAGE,
		MADV_NOHUGEPAGE,
		MADV_DONTDUMP,
		MADV_DODUMP,
		20 /* COLD */,
		21 /* PAGEOUT */,
		22 /* POPULATE_READ */,
		23 /* POPULATE_WRITE */,
		25 /* COLLAPSE */,
	};
	__u64 data = self->g.map_bytes - self->g.data_off;
	char *p = mmap(NULL, data, R | W, MAP_SHARED, self->rw, self->g.data_off);
	size_t i, k;

	ASSERT_NE(MAP_FAILED, (void *)p);
	for (i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
		for (k = 0; k < 4; k++)
			p[k << 21] = i + k;
		madvise(p + 8192, 1 << 20, advice[i]); /* part of a chunk */
		madvise(p + (1 << 20), 3 << 20, advice[i]);
		madvise(p, data, advice[i]);
		for (k = 0; k < 4; k++)
			ASSERT_EQ((char)(i + k), p[k << 21]);
	}
	EXPECT_EQ(0, mlock(p, 1 << 20));
	EXPECT_EQ(0, munlock(p, 1 << 20));
	munmap(p, data);
}

/* Pages that are pinned for I/O when the store goes stay until the I/O is done. */
TEST_F(map, pinned_pages_outlive_the_store)
{
	struct iovec iov;
	char name[48], *p, buf[4096];
	int pipefd[2], fd;

	snprintf(name, sizeof(name), "%s.pin", self->name);
	fd = open_new(name, small(100000));
	ASSERT_GE(fd, 0);
	p = mmap(NULL, 4 << 20, R | W, MAP_SHARED, fd, self->g.data_off);
	ASSERT_NE(MAP_FAILED, (void *)p);
	memset(p, 'a', 4 << 20);
	ASSERT_EQ(0, pipe(pipefd));
	iov.iov_base = p + (1 << 20);
	iov.iov_len = 8192;
	EXPECT_EQ(8192, vmsplice(pipefd[1], &iov, 1, 0));
	munmap(p, 4 << 20);
	EXPECT_EQ(0, by_name(fd, SPL_IOC_DESTROY, name));
	close(fd);
	EXPECT_EQ(4096, read(pipefd[0], buf, 4096));
	EXPECT_EQ('a', buf[0]);
	EXPECT_EQ('a', buf[4095]);
	close(pipefd[0]);
	close(pipefd[1]);
}

TEST_HARNESS_MAIN
