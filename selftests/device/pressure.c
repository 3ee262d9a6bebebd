// SPDX-License-Identifier: MIT
/*
 * pressure.c - little memory: stores are made until there is no more, and made and destroyed without end; nobody is killed
 * for a store, who is killed for what else he wants leaves a sound one, and afterwards as much is free as before.
 */
#include "kselftest_harness.h"
#include "cgroup.h"
#include "sleeper.h"
#include <sys/resource.h>

/* What an emptied group may still be charged for: page cache, stocks of objects. */
#define LEFT_BYTES (64 << 10)

FIXTURE(pressure)
{
	struct cgroup g;
	long long stores;
};

FIXTURE_SETUP(pressure)
{
	self->stores = sysfs_number(0, "stores_count");
	ASSERT_EQ(0, cgroup_open(&self->g));
}

FIXTURE_TEARDOWN(pressure)
{
	EXPECT_EQ(self->stores, sysfs_number(0, "stores_count"));
	cgroup_close(&self->g);
}

/* A store of somewhat more than @bytes. */
static struct spl_geometry sized(__u64 bytes)
{
	struct spl_geometry g = small(bytes / 1200 + 1);

	g.value_max = 1000;
	g.max_writers = 2;
	g.spares = 2;
	return g;
}

/* What a group without processes is charged for, once all that can be given back has been. */
static long long left_in(const struct cgroup *g)
{
	double late = now_s() + LATE_S / 4;
	long long n;

	/* Inodes and the like wait for an RCU grace period, charges for the CPU that has taken too many. */
	do {
		cgroup_put(g, "memory.high", "0");
		n = cgroup_number(g, "memory.current", NULL);
	} while (n > LEFT_BYTES && now_s() < late && !usleep(10000));
	cgroup_put(g, "memory.high", "max");
	return n;
}

#define STORES_MAX 1200

static void name_of(char *name, int i)
{
	sprintf(name, "pressure%d", i);
}

/*
 * Makes stores until there is no memory, destroys a third of them, and so on; unlinks them all. Returns the first error but
 * that. open(2) and the table of descriptors cost memory that isn't the module's to refuse, so that is all had before.
 */
static int fill(const struct cgroup *group, __u64 bytes, int *nr)
{
	static const struct rlimit many = { STORES_MAX + 100, STORES_MAX + 100 };
	static int fd[STORES_MAX];
	static bool has[STORES_MAX];
	int ret = 0, i, again;
	char name[32];

	if (setrlimit(RLIMIT_NOFILE, &many) || cgroup_put(group, "cgroup.procs", "0"))
		return 99;
	for (i = 0; i < STORES_MAX; i++) {
		fd[i] = dev_open(O_RDWR);
		has[i] = false;
		if (fd[i] < 0)
			return 98;
	}
	for (again = 0; again < 3; again++) {
		for (i = 0; i < STORES_MAX && !ret; i++) {
			if (has[i])
				continue;
			name_of(name, i);
			ret = create(fd[i], name, sized(bytes));
			has[i] = !ret;
		}
		if (ret != -ENOMEM)
			return ret ? -ret : 97;
		*nr = i - 1;
		ret = 0;
		for (i = 0; i < STORES_MAX; i++) {
			if (!has[i] || (again < 2 && i % 3 != again))
				continue;
			name_of(name, i);
			if (by_name(fd[i], SPL_IOC_DESTROY, name) || close(fd[i]))
				return 96;
			fd[i] = dev_open(O_RDWR);
			if (fd[i] < 0)
				return 95;
			has[i] = false;
		}
	}
	return 0;
}

TEST_F_TIMEOUT(pressure, until_there_is_no_more, 120)
{
	static const __u64 sizes[] = { 30000, 100000, 500000, 1 << 20, 6 << 20 };
	int *nr = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ASSERT_EQ(0, cgroup_put(&self->g, "memory.max", "24M"));
		pid = fork();
		if (!pid)
			_exit(fill(&self->g, sizes[i], nr));
		EXPECT_EQ(0, wait_for(pid))
		{
			TH_LOG("stores of %llu bytes", sizes[i]);
		}
		EXPECT_EQ(0, cgroup_number(&self->g, "memory.events", "oom_kill"));
		EXPECT_LE(2, *nr);
		EXPECT_EQ(self->stores, sysfs_number(0, "stores_count"));
		EXPECT_GE(LEFT_BYTES, left_in(&self->g));
	}
	munmap(nr, 4096);
}

#define ROOMS 40

/* What the process in the group is told, and tells; by memory, since a pipe would take some of what there is little of. */
struct order {
	int go, done, ret;
};

static void create_when_told(const struct cgroup *group, struct order *o)
{
	int fd[ROOMS], used = 0, i;

	for (i = 0; i < ROOMS; i++)
		fd[i] = dev_open(O_RDWR);
	if (cgroup_put(group, "cgroup.procs", "0") || mlockall(MCL_CURRENT))
		_exit(1);
	for (i = 0; i < ROOMS; i++) {
		__atomic_store_n(&o->done, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(&o->go, __ATOMIC_ACQUIRE) == i)
			usleep(500);
		o->ret = create(fd[used], "room", small(1));
		if (!o->ret && by_name(fd[used++], SPL_IOC_DESTROY, "room"))
			o->ret = 1;
	}
	__atomic_store_n(&o->done, i, __ATOMIC_RELEASE);
	_exit(0);
}

/* Is it alive, and has it done so many? */
static bool has_done(const struct order *o, pid_t pid, int nr)
{
	while (__atomic_load_n(&o->done, __ATOMIC_ACQUIRE) != nr) {
		if (waitpid(pid, NULL, WNOHANG))
			return false;
		usleep(500);
	}
	return true;
}

/* Whichever of its allocations is the one that is too much, a creation is refused, and that is all. */
TEST_F_TIMEOUT(pressure, with_any_room_that_is_left, 120)
{
	struct order *o =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, refused = 0;
	char max[32];
	pid_t pid;

	o->done = -1;
	pid = fork();
	if (!pid)
		create_when_told(&self->g, o);
	for (i = 0; i < ROOMS; i++) {
		ASSERT_TRUE(has_done(o, pid, i))
		{
			TH_LOG("%d pages were left", i - 1);
		}
		/* What has been charged ahead would be room that isn't seen. */
		ASSERT_EQ(0, cgroup_put(&self->g, "memory.high", "0"));
		ASSERT_EQ(0, cgroup_put(&self->g, "memory.high", "max"));
		sprintf(max, "%lld",
			cgroup_number(&self->g, "memory.current", NULL) +
				i * sysconf(_SC_PAGESIZE));
		ASSERT_EQ(0, cgroup_put(&self->g, "memory.max", max));
		__atomic_store_n(&o->go, i + 1, __ATOMIC_RELEASE);
		ASSERT_TRUE(has_done(o, pid, i + 1))
		{
			TH_LOG("%d pages were left", i);
		}
		ASSERT_EQ(0, cgroup_put(&self->g, "memory.max", "max"));
		EXPECT_TRUE(!o->ret || o->ret == -ENOMEM)
		{
			TH_LOG("%d pages were left: %d", i, o->ret);
		}
		refused += o->ret == -ENOMEM;
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_LT(5, refused);
	EXPECT_GT(ROOMS, refused);
	EXPECT_EQ(0, cgroup_number(&self->g, "memory.events", "oom_kill"));
	TH_LOG("%d of %d refused", refused, ROOMS);
	munmap(o, 4096);
}

/* A writer of a store that wants more of other memory than it may have. */
static void want_too_much(const char *name, const struct cgroup *group, int up)
{
	struct spl_self *self;
	struct desk d;
	__u64 n = 0;
	char *p;

	if (cgroup_put(group, "cgroup.procs", "0") || desk_join(&d, name))
		_exit(1);
	self = map_self(d.fd);
	if (!self || write(up, "x", 1) != 1)
		_exit(2);
	for (;;) {
		p = mmap(NULL, 64 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
		if (p == MAP_FAILED || set(&d, "key", ++n) || set(&d, "other", n) ||
		    del(&d, "other"))
			_exit(3);
		memset(p, 1, 64 << 10);
	}
}

TEST_F_TIMEOUT(pressure, killed_for_want_of_memory, 120)
{
	static const char notice[] = "selftest: for want of memory a process will be killed";
	int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC), up[2], i;
	struct spl_check_counts counts;
	struct spl_meta meta;
	struct desk d;
	__u64 value;
	pid_t pid;
	char c;

	ASSERT_GE(log, 0);
	ASSERT_EQ(0, desk_open(&d, "killed", watchable(100)));
	ASSERT_EQ(0, pipe2(up, O_CLOEXEC));
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, cgroup_put(&self->g, "memory.max", "16M"));
		ASSERT_EQ((ssize_t)strlen(notice), write(log, notice, strlen(notice)));
		pid = fork();
		if (!pid)
			want_too_much(d.name, &self->g, up[1]);
		ASSERT_EQ(1, read(up[0], &c, 1));
		EXPECT_EQ(256 + SIGKILL, wait_for(pid));
		EXPECT_EQ(i, cgroup_number(&self->g, "memory.events", "oom_kill"));
		/* Its end was also the end of its registration: nobody had to ask. */
		EXPECT_EQ(1, sysfs_number(d.id, "writers"));
		EXPECT_EQ(1, sysfs_number(d.id, "handles"));
		EXPECT_EQ(sizeof(value), spl_get(&d.m.s, "key", 3, &value, sizeof(value), &meta));
		EXPECT_LT(0, value);
		EXPECT_EQ(0, check(d.fd, 0, &counts));
		EXPECT_EQ(0, counts.lanes_lost + counts.lanes_flight);
		EXPECT_EQ(0, set(&d, "key", 0));
		EXPECT_GE(LEFT_BYTES, left_in(&self->g));
	}
	desk_close(&d);
	close(log);
	close(up[0]);
	close(up[1]);
}

/* Sums up the numbers behind a word in a file. */
static long long sum_of(const char *path, const char *word)
{
	char line[256], *at;
	long long sum = 0;
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, word);
		sum += at ? atoll(at + strlen(word)) : 0;
	}
	if (f)
		fclose(f);
	return sum;
}

/* Free memory of the machine, with what CPUs have put by, without what is kept for files. */
static long long free_bytes(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "3", 1) != 1)
		return -1;
	close(fd);
	return sum_of("/proc/meminfo", "MemFree:") * 1024 +
	       sum_of("/proc/zoneinfo", " count:") * sysconf(_SC_PAGESIZE);
}

#define LOOPERS 4
#define LOOPS 300

/* Creates, uses and destroys stores of names that the others use, too. */
static int come_and_go(const struct cgroup *group, unsigned int seed)
{
	struct spl_ioc_create c;
	struct spl_self *self;
	char name[32];
	int i, fd, ret;

	if (cgroup_put(group, "cgroup.procs", "0"))
		return 99;
	for (i = 0; i < LOOPS; i++) {
		name_of(name, rand_r(&seed) % 3);
		fd = dev_open(O_RDWR);
		c = create_arg(name, sized(60000));
		c.flags = rand_r(&seed) % 4 ? SPL_CREATE_OR_OPEN : 0;
		ret = call(fd, SPL_IOC_CREATE, &c);
		if (ret && !(ret == -EEXIST && !c.flags))
			return 1;
		self = !ret && i % 4 == 0 ? map_self(fd) : NULL;
		if (!ret && reg(fd) < 0 && errno != EAGAIN) /* at most two at a time */
			return 2;
		ret = by_name(fd, i % 2 ? SPL_IOC_DESTROY : SPL_IOC_UNLINK, name);
		if (ret && ret != -EBUSY && ret != -ENOENT)
			return 3;
		close(fd);
		if (self) /* with it goes the handle */
			munmap(self, 4096);
	}
	return 0;
}

TEST_F_TIMEOUT(pressure, what_comes_and_goes_leaves_nothing, 120)
{
	long long before = 0, after = 0;
	int round, i, bad = 0;
	pid_t pid[LOOPERS];
	char name[32];

	for (round = 0; round < 2; round++) {
		before = after;
		for (i = 0; i < LOOPERS; i++) {
			pid[i] = fork();
			if (!pid[i])
				_exit(come_and_go(&self->g, round * LOOPERS + i));
		}
		for (i = 0; i < LOOPERS; i++)
			bad |= wait_for(pid[i]);
		EXPECT_EQ(0, bad);
		for (i = 0; i < 3; i++) {
			name_of(name, i);
			unlink_store(name);
		}
		EXPECT_GE(LEFT_BYTES, left_in(&self->g));
		after = free_bytes();
	}
	/* The first round was to warm up. A page left of each store would be twice as much. */
	EXPECT_GT(2LL << 20, before - after);
	TH_LOG("%d stores made, %lld bytes less free", LOOPERS * LOOPS, before - after);
}

TEST_HARNESS_MAIN
