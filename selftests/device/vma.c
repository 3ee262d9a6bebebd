// SPDX-License-Identifier: MIT
/*
 * vma.c - what others than mmap(2)'s caller do to a mapping: userfaultfd, the files of /proc, advice of another process,
 * locking; and faults while parts of it come, move and go. Who may map what is map.c's.
 */
#include "kselftest_harness.h"
#include "device.h"
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/uio.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#define PAGE 4096
#define PRESENT (1ULL << 63)
#define SOFT_DIRTY (1ULL << 55)

FIXTURE(vma)
{
	char name[32];
	int fd;
	struct spl_ioc_geometry g;
	char *p;
	__u64 bytes;
};

FIXTURE_SETUP(vma)
{
	snprintf(self->name, sizeof(self->name), "vma%d", getpid());
	self->fd = open_new(self->name, small(40000));
	ASSERT_GE(self->fd, 0);
	self->g = geometry(self->fd);
	self->bytes = self->g.map_bytes - self->g.data_off;
	ASSERT_LT(4U << 20, self->bytes); /* some of it on large pages */
	self->p = mmap(NULL, self->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
		       self->g.data_off);
	ASSERT_NE(MAP_FAILED, (void *)self->p);
}

FIXTURE_TEARDOWN(vma)
{
	unlink_store(self->name);
	munmap(self->p, self->bytes);
	close(self->fd);
	EXPECT_EQ(-1, sysfs_number(self->g.store_id, "lanes"));
}

/* A word of each page says where it is, and when it was written. */
static void mark(char *p, __u64 bytes, __u64 salt)
{
	__u64 off;

	for (off = 0; off < bytes; off += PAGE)
		*(volatile __u64 *)(p + off) = off + salt;
}

static long wrong(const char *p, __u64 bytes, __u64 salt)
{
	__u64 off;
	long n = 0;

	for (off = 0; off < bytes; off += PAGE)
		n += *(volatile __u64 *)(p + off) != off + salt;
	return n;
}

/* The pages are the store's: nobody else fills them, or stands between them and who writes. */
TEST_F(vma, userfaultfd_serves_none_of_it)
{
	static const __u64 modes[] = { UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP,
				       UFFDIO_REGISTER_MODE_MINOR };
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), ret;
	size_t i;

	if (fd < 0 && errno == ENOSYS)
		SKIP(return, "this kernel has no userfaultfd");
	ASSERT_GE(fd, 0);
	if (ioctl(fd, UFFDIO_API, &api)) {
		api = (struct uffdio_api){ .api = UFFD_API };
		ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	}
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct uffdio_register r = {
			.range = { (uintptr_t)self->p, self->bytes & ~(PAGE - 1ULL) },
			.mode = modes[i],
		};
		struct uffdio_writeprotect w = { .range = r.range,
						 .mode = UFFDIO_WRITEPROTECT_MODE_WP };

		mark(self->p, self->bytes, i);
		ret = ioctl(fd, UFFDIO_REGISTER, &r);
		if (ret) {
			EXPECT_EQ(EINVAL, errno);
			continue;
		}
		/* Noting who was written to, without a say in it, is allowed for all memory since 6.7. */
		EXPECT_EQ(UFFDIO_REGISTER_MODE_WP, modes[i]);
		EXPECT_TRUE(api.features & UFFD_FEATURE_WP_ASYNC);
		EXPECT_EQ(0, ioctl(fd, UFFDIO_WRITEPROTECT, &w));
		EXPECT_EQ(0, wrong(self->p, self->bytes, i));
		mark(self->p, self->bytes, i + 1);
		EXPECT_EQ(0, wrong(self->p, self->bytes, i + 1));
		EXPECT_EQ(0, ioctl(fd, UFFDIO_UNREGISTER, &r.range));
		EXPECT_EQ(0, wrong(self->p, self->bytes, i + 1));
	}
	close(fd);
}

static __u64 pagemap(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	__u64 entry = 0;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)p / PAGE * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry;
}

static int clear_refs(const char *how)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	int ret = write(fd, how, 1) == 1 ? 0 : -errno;

	close(fd);
	return ret;
}

/* The flags of a mapping, as two letters each. */
static bool has_flag(const void *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long from, end;
	char line[512], *at;
	bool mine = false, has = false;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &end) == 2)
			mine = from <= (uintptr_t)p && (uintptr_t)p < end;
		at = mine && !strncmp(line, "VmFlags:", 8) ? strstr(line, flag) : NULL;
		has |= at && at[-1] == ' ' && at[2] == ' ';
	}
	if (f)
		fclose(f);
	return has;
}

TEST_F(vma, what_proc_tells_and_clears)
{
	static const char *const hows[] = { "1", "2", "3", "4", "5" };
	char *own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 written, same;
	size_t i;

	ASSERT_NE(MAP_FAILED, (void *)own);
	EXPECT_FALSE(pagemap(self->p) & PRESENT);
	mark(self->p, self->bytes, 1);
	EXPECT_TRUE(pagemap(self->p) & PRESENT);
	EXPECT_TRUE(pagemap(self->p + self->bytes - PAGE) & PRESENT);
	EXPECT_TRUE(has_flag(self->p, "sh"));
	EXPECT_TRUE(has_flag(self->p, "de")); /* doesn't grow, */
	EXPECT_TRUE(has_flag(self->p, "dd")); /* isn't in cores, */
	EXPECT_FALSE(has_flag(self->p, "me")); /* never executable */
	*own = 1;
	for (i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		EXPECT_EQ(0, clear_refs(hows[i]));
		EXPECT_EQ(0, wrong(self->p, self->bytes, 1 + i));
		same = pagemap(own) & SOFT_DIRTY;
		EXPECT_EQ(same, pagemap(self->p + PAGE) & SOFT_DIRTY);
		*own = 2;
		mark(self->p, self->bytes / 2, 2 + i);
		written = pagemap(own) & SOFT_DIRTY;
		EXPECT_EQ(written, pagemap(self->p + PAGE) & SOFT_DIRTY);
		EXPECT_EQ(same, pagemap(self->p + self->bytes - PAGE) & SOFT_DIRTY)
		{
			TH_LOG("after %s", hows[i]);
		}
		mark(self->p, self->bytes, 2 + i);
	}
	EXPECT_EQ(0, wrong(self->p, self->bytes, 1 + i));
	munmap(own, PAGE);
}

TEST_F(vma, advice_of_another_process)
{
	static const int advice[] = { 3 /* WILLNEED */, 20 /* COLD */, 21 /* PAGEOUT */,
				      25 /* COLLAPSE */ };
	struct iovec iov = { self->p, self->bytes };
	int to[2], from[2], pidfd;
	__u64 salt = 0;
	pid_t pid;
	size_t i;

	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(from));
	pid = fork();
	if (!pid) {
		close(to[1]);
		do {
			if (wrong(self->p, self->bytes, salt++) && salt > 1)
				_exit(1);
			mark(self->p, self->bytes, salt);
		} while (write(from[1], "x", 1) == 1 && read(to[0], &i, 1) == 1);
		_exit(wrong(self->p, self->bytes, salt) != 0);
	}
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_GE(pidfd, 0);
	for (i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
		char c;

		ASSERT_EQ(1, read(from[0], &c, 1));
		syscall(SYS_process_madvise, pidfd, &iov, 1, advice[i], 0);
		EXPECT_EQ(0, wrong(self->p, self->bytes, 1 + i));
		ASSERT_EQ(1, write(to[1], "x", 1));
	}
	close(to[1]);
	close(to[0]);
	EXPECT_EQ(0, wait_for(pid));
	close(pidfd);
	close(from[0]);
	close(from[1]);
}

TEST_F(vma, locked_memory)
{
	char *q;

	mark(self->p, self->bytes, 1);
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	q = mmap(NULL, self->bytes, PROT_READ, MAP_SHARED, self->fd, self->g.data_off);
	EXPECT_NE(MAP_FAILED, (void *)q);
	EXPECT_TRUE(pagemap(q + self->bytes - PAGE) & PRESENT); /* nobody has touched it */
	EXPECT_EQ(0, wrong(q, self->bytes, 1));
	EXPECT_EQ(0, munmap(q + PAGE, PAGE));
	EXPECT_EQ(0, munmap(q, self->bytes));
	EXPECT_EQ(0, munlockall());
	EXPECT_EQ(0, wrong(self->p, self->bytes, 1));
}

/* Writes each page of a part, again and again, and knows what it wrote last. */
struct toucher {
	pthread_t thread;
	char *p;
	__u64 bytes, rounds;
	volatile bool *stop;
};

static void *touch(void *arg)
{
	struct toucher *t = arg;

	do {
		mark(t->p, t->bytes, ++t->rounds);
	} while (!*t->stop && !wrong(t->p, t->bytes, t->rounds));
	return (void *)wrong(t->p, t->bytes, t->rounds);
}

static void start_touching(struct toucher *t, int nr, char *p, __u64 bytes, volatile bool *stop)
{
	int i;

	for (i = 0; i < nr; i++) {
		t[i] = (struct toucher){ .p = p + i * bytes, .bytes = bytes, .stop = stop };
		pthread_create(&t[i].thread, NULL, touch, &t[i]);
	}
}

#define TOUCHERS 2
#define PART (1U << 20)

/* The mapping is all that keeps the store, and it is taken apart around and under those who use it. */
TEST_F_TIMEOUT(vma, faults_while_it_is_taken_apart, 120)
{
	struct toucher t[TOUCHERS];
	volatile bool stop = false;
	char *rest = self->p + TOUCHERS * PART, *moved;
	__u64 left = self->bytes - TOUCHERS * PART;
	void *bad;
	int i;

	mark(rest, left, 7);
	start_touching(t, TOUCHERS, self->p, PART, &stop);
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, unlink_store(self->name));
	for (i = 0; i < 200; i++) {
		/* Their part loses its page table entries, but for what they do meanwhile. */
		EXPECT_EQ(0, madvise(self->p, TOUCHERS * PART, MADV_DONTNEED));
		if (i % 50)
			continue;
		left -= PART / 4;
		EXPECT_EQ(0, munmap(rest + left, PART / 4));
		moved = mremap(rest, PAGE * 4, PAGE * 4, MREMAP_MAYMOVE | MREMAP_FIXED,
			       rest + left);
		EXPECT_EQ(rest + left, moved);
		EXPECT_EQ(0, wrong(moved, PAGE * 4, 7 + i / 50 * PAGE * 4));
		munmap(moved, PAGE * 4);
		rest += PAGE * 4;
		left -= PAGE * 4;
	}
	stop = true;
	for (i = 0; i < TOUCHERS; i++) {
		pthread_join(t[i].thread, &bad);
		EXPECT_EQ(NULL, bad);
		EXPECT_EQ(0, wrong(t[i].p, PART, t[i].rounds));
	}
	EXPECT_EQ(1, sysfs_number(self->g.store_id, "handles"));
}

static void touch_until_killed(char *p, int fd)
{
	static struct toucher t[TOUCHERS];
	static volatile bool stop;

	start_touching(t, TOUCHERS, p, PART, &stop);
	close(fd);
	for (;;)
		madvise(p, TOUCHERS * PART, MADV_DONTNEED);
}

TEST_F_TIMEOUT(vma, killed_in_a_fault, 120)
{
	int i;

	for (i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid) {
			int fd = open_named(self->name, O_RDWR);
			struct mapped m;

			if (fd < 0 || map_store(fd, PROT_READ | PROT_WRITE, &m) || !map_self(fd))
				_exit(1);
			munmap(self->p, self->bytes);
			touch_until_killed(m.data, fd);
		}
		while (sysfs_number(self->g.store_id, "writers") != 1)
			usleep(500);
		usleep(i * 1000);
		kill(pid, SIGKILL);
		EXPECT_EQ(256 + SIGKILL, wait_for(pid));
		EXPECT_EQ(1, sysfs_number(self->g.store_id, "handles"));
		EXPECT_EQ(0, sysfs_number(self->g.store_id, "writers"));
	}
}

TEST_HARNESS_MAIN
