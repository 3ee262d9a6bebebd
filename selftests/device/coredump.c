// SPDX-License-Identifier: MIT
/*
 * coredump.c - what processes share isn't in the core of one that crashes: no byte of a store or a channel, whatever its
 * coredump_filter and madvise(2) ask for.
 */
#include "kselftest_harness.h"
#include "channel.h"
#include <sys/prctl.h>
#include <sys/resource.h>

#define PATTERN "/proc/sys/kernel/core_pattern"
/* Of coredump_filter: private and shared, anonymous and of files, large pages, DAX. */
#define ANY_MAPPING "0x7f"
#define BLOCK 256

FIXTURE(coredump)
{
	char name[32], pattern[256], file[64];
	int fd, may;
};

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

FIXTURE_SETUP(coredump)
{
	FILE *f = fopen(PATTERN, "re");
	char pattern[80];

	self->may = !!f;
	if (!f)
		SKIP(return, "this kernel writes no cores (CONFIG_COREDUMP)");
	ASSERT_NE(NULL, fgets(self->pattern, sizeof(self->pattern), f));
	fclose(f);
	snprintf(pattern, sizeof(pattern), "/tmp/core%d.%%p", getpid());
	ASSERT_EQ(0, put(PATTERN, pattern));
	snprintf(self->name, sizeof(self->name), "core%d", getpid());
	self->fd = open_new(self->name, small(20000));
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(coredump)
{
	if (!self->may)
		return;
	EXPECT_EQ(0, put(PATTERN, self->pattern));
	unlink_store(self->name);
	close(self->fd);
	unlink(self->file);
}

/* Bytes that nothing else has: no block of them is ever in memory but where it is put. */
static void mark(void *at, __u64 bytes, __u64 salt)
{
	__u64 *w = at, i;

	for (i = 0; i < bytes / 8; i++)
		w[i] = (salt * 0x9e3779b97f4a7c15 + i % (BLOCK / 8)) * 0xd6e8feb86659fd93;
}

/* How many pages of a core have such a block. */
static long count(const char *core, size_t bytes, __u64 salt)
{
	__u64 block[BLOCK / 8];
	size_t off;
	long n = 0;

	mark(block, BLOCK, salt);
	for (off = 0; off + BLOCK <= bytes; off += BLOCK)
		n += !memcmp(core + off, block, BLOCK);
	return n;
}

#define STORE 1
#define PRIVATE 2
#define RING 3
#define PRIVATE_BYTES (1 << 20)

/* Maps all that there is, marks it, and crashes. Exits if that can't be done. */
static void crash(int fd, int channel, int reader)
{
	static const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct mapped m;
	struct end tx, rx;
	char *mine, *view;

	if (put("/proc/self/coredump_filter", ANY_MAPPING) || setrlimit(RLIMIT_CORE, &all) ||
	    prctl(PR_SET_DUMPABLE, 1))
		_exit(1);
	mine = mmap(NULL, PRIVATE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (mine == MAP_FAILED || map_store(fd, PROT_READ | PROT_WRITE, &m) || !map_self(fd) ||
	    end_map(&tx, channel) || end_map(&rx, reader))
		_exit(2);
	view = rx.base + rx.map.info->data_off;
	mark(mine, PRIVATE_BYTES, PRIVATE);
	mark(m.data, m.data_bytes, STORE);
	mark(tx.map.data, tx.map.capacity, RING);
	/* One would have its bytes dumped after all: an end or a store doesn't let him. */
	if (!madvise(m.data, m.data_bytes, MADV_DODUMP) || errno != EINVAL ||
	    !madvise(tx.map.data, 4096, MADV_DODUMP) || errno != EINVAL ||
	    !madvise(view, 4096, MADV_DODUMP) || errno != EINVAL || *(volatile __u64 *)view == 0)
		_exit(3);
	signal(SIGABRT, SIG_DFL);
	abort();
}

TEST_F(coredump, has_nothing_of_what_is_shared)
{
	int channel = channel_open(self->fd, "core", CREATE, 1 << 20, TX, MAY_ALL);
	int reader = channel_open(self->fd, "core", 0, 0, RX, MAY_ALL), fd, status;
	struct stat st;
	pid_t pid;
	char *core;

	ASSERT_GE(channel, 0);
	ASSERT_GE(reader, 0);
	pid = fork();
	if (!pid)
		crash(self->fd, channel, reader);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status))
	{
		TH_LOG("exit %d", WEXITSTATUS(status));
	}
	ASSERT_TRUE(WCOREDUMP(status));
	snprintf(self->file, sizeof(self->file), "/tmp/core%d.%d", getpid(), pid);
	fd = open(self->file, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, fstat(fd, &st));
	core = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)core);
	EXPECT_EQ(PRIVATE_BYTES / BLOCK, count(core, st.st_size, PRIVATE)); /* it is whole */
	EXPECT_EQ(0, count(core, st.st_size, STORE));
	EXPECT_EQ(0, count(core, st.st_size, RING));
	munmap(core, st.st_size);
	close(fd);
	close(channel);
	close(reader);
}

TEST_HARNESS_MAIN
