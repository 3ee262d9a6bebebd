// SPDX-License-Identifier: MIT
/*
 * channel.c - channels are made, found, listed and unlinked; who may open them, and what each end may map. What goes
 * through them is channel_flow.c's, the end of an end channel_end.c's.
 */
#include "kselftest_harness.h"
#include "channel.h"
#include <sys/sysinfo.h>

FIXTURE(channel)
{
	char name[32];
	int h;
	__u64 id;
};

FIXTURE_SETUP(channel)
{
	snprintf(self->name, sizeof(self->name), "channel%d", getpid());
	self->h = open_new(self->name, small(10));
	ASSERT_GE(self->h, 0);
	self->id = geometry(self->h).store_id;
}

FIXTURE_TEARDOWN(channel)
{
	unlink_store(self->name);
	close(self->h);
	EXPECT_EQ(-1, sysfs_number(self->id, "lanes"));
}

TEST_F(channel, feature_is_told)
{
	struct spl_ioc_info i = { .size = sizeof(i) };

	EXPECT_EQ(0, call(self->h, SPL_IOC_INFO, &i));
	EXPECT_TRUE(i.features & SPL_FEATURE_CHANNELS);
}

TEST_F(channel, made_and_found_by_name)
{
	struct spl_ioc_channel_open o = channel_arg("a", CREATE, 8192, TX, 0);
	struct spl_channel_info *info;
	int fd;

	EXPECT_EQ(-ENOENT, channel_open(self->h, "a", 0, 0, NONE, 0));
	EXPECT_EQ(0, sysfs_number(self->id, "channels"));
	ASSERT_EQ(0, call(self->h, SPL_IOC_CHANNEL_OPEN, &o));
	EXPECT_EQ(1, sysfs_number(self->id, "channels"));
	EXPECT_EQ(8192, o.capacity);
	EXPECT_NE(0, o.channel_id);
	EXPECT_TRUE(fcntl(o.fd, F_GETFD) & FD_CLOEXEC);
	info = mmap(NULL, 4096, PROT_READ, MAP_SHARED, o.fd, 0);
	ASSERT_NE(MAP_FAILED, info);
	EXPECT_EQ(SPL_CHANNEL_MAGIC, info->magic);
	EXPECT_EQ(o.channel_id, info->channel_id);
	EXPECT_EQ(8192, info->capacity);
	EXPECT_EQ(o.map_bytes, info->map_bytes);
	EXPECT_EQ(SPL_BACKEND_DEVICE, info->backend);
	EXPECT_EQ(3, info->tx.taken);
	EXPECT_EQ(0, info->rx.taken);

	EXPECT_EQ(-EEXIST, channel_open(self->h, "a", CREATE | SPL_CHANNEL_EXCL, 8192, NONE, 0));
	EXPECT_EQ(-EEXIST, channel_open(self->h, "a", CREATE, 4096, NONE, 0));
	EXPECT_EQ(-EEXIST, channel_open(self->h, "a", 0, 4096, NONE, 0));
	fd = channel_open(self->h, "a", CREATE, 8192, RX, 0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(o.channel_id, channel_info(fd).channel_id);
	EXPECT_EQ(RX, channel_info(fd).role);
	EXPECT_EQ(3, info->rx.taken);
	close(fd);
	EXPECT_EQ(2, info->rx.taken);
	close(o.fd);
	munmap(info, 4096);

	fd = channel_open(self->h, "a", 0, 0, NONE, 0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(o.channel_id, channel_info(fd).channel_id);
	close(fd);
	EXPECT_EQ(0, channel_unlink(self->h, "a"));
	EXPECT_EQ(-ENOENT, channel_unlink(self->h, "a"));
	EXPECT_EQ(0, sysfs_number(self->id, "channels"));
}

TEST_F(channel, without_a_name_it_lives_as_long_as_its_files)
{
	int fd, other;

	EXPECT_EQ(-EINVAL, channel_open(self->h, NULL, 0, 0, TX, 0));
	fd = channel_open(self->h, NULL, CREATE, 0, TX, MAY_ALL);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(SPL_CHANNEL_CAPACITY_DEFAULT, channel_info(fd).capacity);
	other = channel_attach(fd, RX, 0);
	ASSERT_GE(other, 0);
	close(fd);
	EXPECT_EQ(1, sysfs_number(self->id, "channels"));
	close(other);
	EXPECT_EQ(0, sysfs_number(self->id, "channels"));
}

TEST_F(channel, capacities_that_cannot_be)
{
	static const __u64 bad[] = { 1,		  64,	   2048,       4095,	   4097,
				     3 * 4096ULL, 1 << 31, 1ULL << 31, 1ULL << 63, ~0ULL };
	struct sysinfo si;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_EQ(-EINVAL, channel_open(self->h, "x", CREATE, bad[i], TX, 0));
	ASSERT_EQ(0, sysinfo(&si));
	if (si.totalram < 1UL << 30)
		EXPECT_EQ(-ENOMEM, channel_open(self->h, "x", CREATE, 1 << 30, TX, 0));
	EXPECT_EQ(0, sysfs_number(self->id, "channels"));
	for (i = 12; i < 28; i++) {
		fd = channel_open(self->h, "x", CREATE, 1ULL << i, TX, 0);
		ASSERT_GE(fd, 0);
		EXPECT_EQ(1ULL << i, channel_info(fd).capacity);
		close(fd);
		EXPECT_EQ(0, channel_unlink(self->h, "x"));
	}
}

TEST_F(channel, arguments_that_contradict_each_other)
{
	struct spl_ioc_channel_open o = channel_arg("x", 0, 0, TX, 0);

	o.mode = 0600;
	EXPECT_EQ(-EINVAL, call(self->h, SPL_IOC_CHANNEL_OPEN, &o));
	EXPECT_EQ(-EINVAL, channel_open(self->h, "x", SPL_CHANNEL_EXCL, 0, TX, 0));
	EXPECT_EQ(-EINVAL, channel_open(self->h, "x", SPL_CHANNEL_LOCAL, 0, TX, 0));
	EXPECT_EQ(-EINVAL, channel_open(self->h, "x", CREATE, 0, 3, 0));
	EXPECT_EQ(-EINVAL, channel_open(self->h, "x", CREATE, 0, TX, 1));
	EXPECT_EQ(-EINVAL, channel_open(self->h, "x", CREATE, 0, TX, 8));
	EXPECT_EQ(-EINVAL, channel_open(self->h, "a/b", CREATE, 0, TX, 0));
	EXPECT_EQ(-EINVAL, channel_open(self->h, "..", CREATE, 0, TX, 0));
	EXPECT_EQ(-EILSEQ, channel_open(self->h, "\xff", CREATE, 0, TX, 0));
	o = channel_arg("x", CREATE, 0, TX, 0);
	o.mode = 0700;
	EXPECT_EQ(-EINVAL, call(self->h, SPL_IOC_CHANNEL_OPEN, &o));
	o = channel_arg("x", CREATE, 0, TX, 0);
	o.name_len = 256;
	EXPECT_EQ(-ENAMETOOLONG, call(self->h, SPL_IOC_CHANNEL_OPEN, &o));
	o = channel_arg("x", CREATE, 0, TX, 0);
	o.reserved = 1;
	EXPECT_EQ(-EINVAL, call(self->h, SPL_IOC_CHANNEL_OPEN, &o));
	o = channel_arg("x", CREATE, 0, TX, 0);
	o.name = 8;
	EXPECT_EQ(-EFAULT, call(self->h, SPL_IOC_CHANNEL_OPEN, &o));
	EXPECT_EQ(-EINVAL, channel_unlink(self->h, ""));
	EXPECT_EQ(0, sysfs_number(self->id, "channels"));
}

TEST_F(channel, a_role_is_taken_once)
{
	int fd = channel_open(self->h, "a", CREATE, 0, TX, MAY_ALL), rx;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EBUSY, channel_open(self->h, "a", 0, 0, TX, 0));
	EXPECT_EQ(-EBUSY, channel_attach(fd, TX, 0));
	rx = channel_attach(fd, RX, 0);
	ASSERT_GE(rx, 0);
	EXPECT_EQ(-EBUSY, channel_attach(fd, RX, 0));
	EXPECT_EQ(-EBUSY, channel_open(self->h, "a", 0, 0, RX, 0));
	close(rx);
	rx = channel_open(self->h, "a", 0, 0, RX, 0);
	EXPECT_GE(rx, 0);
	close(fd);
	fd = channel_open(self->h, "a", 0, 0, TX, 0);
	EXPECT_GE(fd, 0);
	close(fd);
	close(rx);
	channel_unlink(self->h, "a");
}

TEST_F(channel, attach_gives_no_more_than_the_file_may)
{
	int fd = channel_open(self->h, "a", CREATE, 0, NONE, SPL_CHANNEL_MAY_RX), rx, none;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EACCES, channel_attach(fd, TX, 0));
	EXPECT_EQ(-EACCES, channel_attach(fd, RX, MAY_ALL));
	EXPECT_EQ(-EINVAL, channel_attach(fd, 3, 0));
	EXPECT_EQ(-EINVAL, channel_attach(fd, NONE, 1));
	rx = channel_attach(fd, RX, 0);
	ASSERT_GE(rx, 0);
	EXPECT_EQ(-EACCES, channel_attach(rx, TX, 0));
	EXPECT_EQ(-EACCES, channel_attach(rx, RX, 0));
	none = channel_attach(rx, NONE, 0);
	ASSERT_GE(none, 0);
	EXPECT_EQ(NONE, channel_info(none).role);
	EXPECT_EQ(-EBADF, channel_ring(none));
	EXPECT_EQ(-EBADF, channel_wait(none, 0, 0));
	close(none);
	close(rx);
	close(fd);
	channel_unlink(self->h, "a");
}

static int try_map(int fd, __u64 off, __u64 bytes, int prot)
{
	void *p = mmap(NULL, bytes, prot, MAP_SHARED, fd, off);
	int err;

	if (p == MAP_FAILED)
		return errno;
	/* Nothing brings more than what was given. */
	err = mprotect(p, bytes, PROT_READ | PROT_EXEC) ? 0 : 1000;
	if (!(prot & PROT_WRITE) && !mprotect(p, bytes, PROT_READ | PROT_WRITE))
		err = 1001;
	if (prot & PROT_WRITE &&
	    (mprotect(p, bytes, PROT_READ) || mprotect(p, bytes, PROT_READ | PROT_WRITE)))
		err = 1002;
	munmap(p, bytes);
	return err;
}

TEST_F(channel, each_end_maps_what_is_its_own)
{
	static const __u64 capacities[] = { 4096, 65536, 4 << 20 };
	struct spl_ioc_channel_open o;
	struct spl_channel_info *info;
	size_t i;

	for (i = 0; i < 3; i++) {
		__u64 c = capacities[i], d, all;
		void *keep[3];
		int fd[3], role;

		o = channel_arg("a", CREATE, c, NONE, MAY_ALL);
		ASSERT_EQ(0, call(self->h, SPL_IOC_CHANNEL_OPEN, &o));
		fd[NONE] = o.fd;
		fd[TX] = channel_attach(o.fd, TX, 0);
		fd[RX] = channel_attach(o.fd, RX, 0);
		info = mmap(NULL, 4096, PROT_READ, MAP_SHARED, o.fd, 0);
		ASSERT_NE(MAP_FAILED, info);
		d = info->data_off;
		all = info->map_bytes + c;
		/* An end lives as long as a mapping for writing: one stays while others are tried. */
		keep[TX] =
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd[TX], info->tx_off);
		keep[RX] =
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd[RX], info->rx_off);
		ASSERT_NE(MAP_FAILED, keep[TX]);
		ASSERT_NE(MAP_FAILED, keep[RX]);
		for (role = 0; role < 3; role++) {
			int w = PROT_READ | PROT_WRITE, f = fd[role];
			int tx = role == TX ? 0 : EACCES, rx = role == RX ? 0 : EACCES;

			EXPECT_EQ(0, try_map(f, 0, 4096, PROT_READ));
			EXPECT_EQ(0, try_map(f, info->tx_off, 4096, PROT_READ));
			EXPECT_EQ(0, try_map(f, info->rx_off, 4096, PROT_READ));
			EXPECT_EQ(0, try_map(f, 0, all, PROT_READ));
			EXPECT_EQ(0, try_map(f, d, 2 * c, PROT_READ));
			EXPECT_EQ(EACCES, try_map(f, 0, 4096, w));
			EXPECT_EQ(EACCES, try_map(f, 0, all, w));
			EXPECT_EQ(tx, try_map(f, info->tx_off, 4096, w));
			EXPECT_EQ(EACCES, try_map(f, info->tx_off, 8192, w));
			EXPECT_EQ(rx, try_map(f, info->rx_off, 4096, w));
			EXPECT_EQ(EACCES, try_map(f, info->rx_off, d - info->rx_off + 4096, w));
			EXPECT_EQ(tx, try_map(f, d, c, w));
			EXPECT_EQ(tx, try_map(f, d, 2 * c, w));
			EXPECT_EQ(tx, try_map(f, d + c, c, w));
			EXPECT_EQ(tx, try_map(f, d + 2 * c - 4096, 4096, w));
			EXPECT_EQ(EINVAL, try_map(f, d + 2 * c - 4096, 8192, PROT_READ));
			EXPECT_EQ(EINVAL, try_map(f, all, 4096, PROT_READ));
			EXPECT_EQ(EINVAL, try_map(f, 1ULL << 50, 4096, PROT_READ));
			EXPECT_EQ(EACCES, try_map(f, 0, 4096, PROT_READ | PROT_EXEC));
			EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, f, 0));
			close(f);
		}
		munmap(keep[TX], 4096);
		munmap(keep[RX], 4096);
		munmap(info, 4096);
		channel_unlink(self->h, "a");
	}
}

TEST_F(channel, the_ring_is_mapped_twice_in_a_row)
{
	static const __u64 capacities[] = { 4096, 65536, 4 << 20 };
	struct end tx, rx;
	size_t i;
	__u64 k;

	for (i = 0; i < 3; i++) {
		__u64 c = capacities[i];

		ASSERT_EQ(0, end_open(&tx, self->h, "a", CREATE, c, TX));
		ASSERT_EQ(0, end_open(&rx, self->h, "a", 0, 0, RX));
		for (k = 0; k < c; k += 4096) {
			*(__u64 *)(tx.map.data + k) = k + 1;
			*(__u64 *)(tx.map.data + c + k + 8) = k + 2;
		}
		for (k = 0; k < c; k += 4096) {
			ASSERT_EQ(k + 1, *(__u64 *)(tx.map.data + c + k));
			ASSERT_EQ(k + 1, *(__u64 *)(rx.map.data + c + k));
			ASSERT_EQ(k + 2, *(__u64 *)(rx.map.data + k + 8));
		}
		/* Not growing, and SIGBUS in the gap. */
		EXPECT_EQ(MAP_FAILED, mremap(rx.base, rx.bytes, rx.bytes + 4096, MREMAP_MAYMOVE));
		if (rx.map.info->data_off > 3 * 4096)
			EXPECT_EQ(SIGBUS, dies_of(rx.base + 3 * 4096, 0));
		EXPECT_EQ(SIGSEGV, dies_of((char *)rx.map.data, 1));
		end_close(&tx);
		end_close(&rx);
		channel_unlink(self->h, "a");
	}
}

/* What another user may do with a channel of root's in a store of everybody's. */
static int as_user(const char *store, const char *name, int flags, __u32 role, __u32 may)
{
	pid_t pid = fork();

	if (!pid) {
		int fd, ret;

		drop_to(1001, 2001);
		fd = open_named(store, flags);
		if (fd < 0)
			_exit(98);
		ret = channel_open(fd, name, 0, 0, role, may);
		_exit(ret < 0 ? -ret : 0);
	}
	return wait_for(pid);
}

/* A store that every user may write, and the device open to all; @was is what it was open to. A handle or negative errno. */
static int open_to_all(const char *store, mode_t *was)
{
	struct spl_ioc_create c = create_arg(store, small(10));
	struct stat st;
	int h, ret;

	umask(0);
	if (stat(DEV, &st) || chmod(DEV, 0666))
		return -errno;
	*was = st.st_mode & 0777;
	h = dev_open(O_RDWR);
	c.mode = 0666;
	ret = h < 0 ? h : call(h, SPL_IOC_CREATE, &c);
	return ret ? ret : h;
}

TEST_F(channel, modes_are_enforced)
{
	static const struct {
		__u32 mode;
		int look, end;
	} tries[] = { { 0600, EACCES, EACCES },
		      { 0644, 0, EACCES },
		      { 0666, 0, 0 },
		      { 0622, EACCES, EACCES } };
	char store[48];
	mode_t was;
	size_t i;
	int h;

	snprintf(store, sizeof(store), "%s.open", self->name);
	h = open_to_all(store, &was);
	ASSERT_GE(h, 0);
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct spl_ioc_channel_open o = channel_arg("m", CREATE, 0, NONE, 0);

		o.mode = tries[i].mode;
		ASSERT_EQ(0, call(h, SPL_IOC_CHANNEL_OPEN, &o));
		EXPECT_EQ(tries[i].look, as_user(store, "m", O_RDWR, NONE, 0));
		EXPECT_EQ(tries[i].look, as_user(store, "m", O_RDONLY, NONE, 0));
		EXPECT_EQ(tries[i].end, as_user(store, "m", O_RDWR, NONE, MAY_ALL));
		EXPECT_EQ(tries[i].end, as_user(store, "m", O_RDWR, TX, 0));
		EXPECT_EQ(tries[i].end, as_user(store, "m", O_RDWR, RX, 0));
		EXPECT_EQ(EBADF, as_user(store, "m", O_RDONLY, RX, 0));
		EXPECT_EQ(EBADF, as_user(store, "m", O_RDONLY, NONE, SPL_CHANNEL_MAY_RX));
		close(o.fd);
		EXPECT_EQ(0, channel_unlink(h, "m"));
	}
	unlink_store(store);
	close(h);
	chmod(DEV, was);
}

/* How many of the store's channels a user finds closed, or 99: what is told of one isn't what he may know. */
static int closed_to(uid_t uid, gid_t gid, const char *store)
{
	struct spl_ioc_list l = { .size = sizeof(l) };
	static __u64 buf[512];
	__u32 off, nr = 0;
	pid_t pid = fork();
	int fd;

	if (pid)
		return wait_for(pid);
	drop_to(uid, gid);
	fd = open_named(store, O_RDONLY);
	l.buf = (uintptr_t)buf;
	l.buf_bytes = sizeof(buf);
	if (fd < 0 || call(fd, SPL_IOC_CHANNEL_LIST, &l) || l.nr != 3)
		_exit(98);
	for (off = 0; off < l.buf_bytes;) {
		struct spl_channel_entry *e = (void *)((char *)buf + off);
		__u64 use = e->tx_taken | e->rx_taken | e->head | e->read | e->messages |
			    e->payload | e->tx_pid | e->rx_pid | e->files;

		off += e->record_bytes;
		if (e->name_len != 1 || e->capacity != 4096 || e->bytes < 4 * 4096 || e->uid ||
		    e->gid || e->reserved || e->flags & ~SPL_CHANNEL_ENTRY_CLOSED)
			_exit(99);
		if (e->flags ? use != 0
			     : e->head != 5 * 128 || e->messages != 5 || e->payload != 500 ||
				       e->tx_taken != 3 || e->files != 1)
			_exit(99);
		nr += e->flags;
	}
	_exit(nr);
}

/* A list tells what goes on in a channel to who may read it. */
TEST_F(channel, list_keeps_what_modes_close)
{
	static const struct {
		const char *name;
		__u32 mode;
	} made[] = { { "o", 0600 }, { "g", 0640 }, { "a", 0604 } };
	struct end tx[3];
	char store[48];
	mode_t was;
	int h, i, k;

	snprintf(store, sizeof(store), "%s.list", self->name);
	h = open_to_all(store, &was);
	ASSERT_GE(h, 0);
	for (i = 0; i < 3; i++) {
		struct spl_ioc_channel_open o = channel_arg(made[i].name, CREATE, 4096, TX, 0);

		o.mode = made[i].mode;
		ASSERT_EQ(0, call(h, SPL_IOC_CHANNEL_OPEN, &o));
		ASSERT_EQ(0, end_map(&tx[i], o.fd));
		for (k = 0; k < 5; k++)
			ASSERT_EQ(0, end_send(&tx[i], k, 100));
	}
	EXPECT_EQ(0, closed_to(0, 0, store));
	EXPECT_EQ(2, closed_to(1001, 2001, store));
	/* As with files, the group's bits are the group's: who is in it isn't everybody. */
	EXPECT_EQ(2, closed_to(1001, 0, store));
	for (i = 0; i < 3; i++)
		end_close(&tx[i]);
	unlink_store(store);
	close(h);
	chmod(DEV, was);
}

/* The store is somebody's, a channel in it another's: both may take the channel's name away, a third may not. */
TEST_F(channel, owners_unlink)
{
	char store[48];
	mode_t was;
	int h, who;

	snprintf(store, sizeof(store), "%s.own", self->name);
	h = open_to_all(store, &was);
	ASSERT_GE(h, 0);
	for (who = 0; who < 3; who++) {
		static const uid_t uid[] = { 1001, 1002, 0 };
		static const int said[] = { 0, EACCES, 0 };
		pid_t pid = fork();

		if (!pid) {
			drop_to(1001, 2001);
			_exit(channel_open(open_named(store, O_RDWR), "m", CREATE, 0, NONE, 0) < 0);
		}
		ASSERT_EQ(0, wait_for(pid));
		pid = fork();
		if (!pid) {
			drop_to(uid[who], 2009);
			_exit(-channel_unlink(open_named(store, O_RDWR), "m"));
		}
		EXPECT_EQ(said[who], wait_for(pid));
	}
	unlink_store(store);
	close(h);
	chmod(DEV, was);
}

TEST_F(channel, list_tells_every_channel_once)
{
	struct spl_ioc_list l = { .size = sizeof(l) };
	static __u64 buf[64];
	int fd[21], i, seen = 0, nameless = 0, rounds = 0;
	struct end tx, rx;
	char name[32];
	__u64 last = 0, v;
	__u32 off;

	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		fd[i] = channel_open(self->h, name, CREATE, 4096, i % 3, 0);
		ASSERT_GE(fd[i], 0);
	}
	fd[20] = channel_open(self->h, NULL, CREATE, 8192, NONE, 0);
	ASSERT_EQ(0, end_map(&tx, fd[1]));
	ASSERT_EQ(0, end_open(&rx, self->h, "c1", 0, 0, RX));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, end_send(&tx, i, 100));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, end_recv(&rx, &v));
	l.buf = (uintptr_t)buf;
	do {
		l.buf_bytes = sizeof(buf);
		ASSERT_EQ(0, call(self->h, SPL_IOC_CHANNEL_LIST, &l));
		for (off = 0; off < l.buf_bytes;) {
			struct spl_channel_entry *e = (void *)((char *)buf + off);

			ASSERT_EQ(0, e->record_bytes % 8);
			ASSERT_LT(last, e->channel_id);
			last = e->channel_id;
			off += e->record_bytes;
			EXPECT_EQ(0, e->uid);
			if (!e->name_len) {
				nameless++;
				EXPECT_EQ(8192, e->capacity);
				continue;
			}
			snprintf(name, sizeof(name), "%.*s", (int)e->name_len, e->name);
			i = atoi(name + 1);
			seen |= 1 << i;
			EXPECT_EQ(i == 1 || i % 3 == TX ? 3 : 0, e->tx_taken);
			EXPECT_EQ(i == 1 || i % 3 == RX ? 3 : 0, e->rx_taken);
			EXPECT_EQ(i == 1 ? 2 : 1, e->files);
			EXPECT_EQ(i % 3 == TX ? getpid() : 0, (int)e->tx_pid);
			EXPECT_EQ(0600, e->mode);
			EXPECT_EQ(i == 1 ? 5 * 128 : 0, e->head);
			EXPECT_EQ(i == 1 ? 3 * 128 : 0, e->read);
			EXPECT_EQ(i == 1 ? 5 : 0, e->messages);
			EXPECT_EQ(i == 1 ? 500 : 0, e->payload);
		}
		rounds++;
	} while (l.cursor);
	EXPECT_EQ((1 << 20) - 1, seen);
	EXPECT_EQ(1, nameless);
	EXPECT_LT(3, rounds);
	l.buf_bytes = 8;
	EXPECT_EQ(-ENOBUFS, call(self->h, SPL_IOC_CHANNEL_LIST, &l));
	end_close(&tx);
	end_close(&rx);
	for (i = 0; i < 21; i++)
		close(fd[i]);
	EXPECT_EQ(20, sysfs_number(self->id, "channels"));
}

TEST_F(channel, stores_have_channels_of_their_own)
{
	int other = dev_open(O_RDWR), fd, mine;

	fd = channel_open(other, "a", CREATE, 4096, TX, 0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-ENOENT, channel_open(self->h, "a", 0, 0, NONE, 0));
	mine = channel_open(self->h, "a", CREATE, 8192, TX, 0);
	EXPECT_GE(mine, 0);
	EXPECT_NE(channel_info(fd).channel_id, channel_info(mine).channel_id);
	EXPECT_EQ(0, channel_unlink(other, "a"));
	close(fd);
	close(mine);
	close(other);
}

TEST_F(channel, making_one_at_once_makes_one)
{
	char buf;
	int go[2], i, bad = 0;
	pid_t pid[8];

	ASSERT_EQ(0, pipe(go));
	for (i = 0; i < 8; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			close(go[1]);
			if (read(go[0], &buf, 1) != 0)
				_exit(1);
			_exit(channel_open(self->h, "race", CREATE, 1 << 20, NONE, 0) < 0);
		}
	}
	close(go[0]);
	close(go[1]);
	for (i = 0; i < 8; i++)
		bad += wait_for(pid[i]);
	EXPECT_EQ(0, bad);
	EXPECT_EQ(1, sysfs_number(self->id, "channels"));
}

static const struct {
	const char *name;
	unsigned int cmd;
	__u32 size;
	int of_file;
} calls[] = {
	{ "open", SPL_IOC_CHANNEL_OPEN, sizeof(struct spl_ioc_channel_open), 0 },
	{ "attach", SPL_IOC_CHANNEL_ATTACH, sizeof(struct spl_ioc_channel_attach), 1 },
	{ "wait", SPL_IOC_CHANNEL_WAIT, sizeof(struct spl_ioc_channel_wait), 1 },
	{ "ring", SPL_IOC_CHANNEL_RING, sizeof(struct spl_ioc_channel_ring), 1 },
	{ "list", SPL_IOC_CHANNEL_LIST, sizeof(struct spl_ioc_list), 0 },
	{ "unlink", SPL_IOC_CHANNEL_UNLINK, sizeof(struct spl_ioc_unlink), 0 },
	{ "info", SPL_IOC_CHANNEL_INFO, sizeof(struct spl_ioc_channel_info), 1 },
	{ "setattr", SPL_IOC_CHANNEL_SETATTR, sizeof(struct spl_ioc_setattr), 0 },
};

static void fill(char *buf, unsigned int cmd, __u32 size)
{
	memset(buf, 0, 8192);
	*(__u32 *)buf = size;
	if (cmd == SPL_IOC_CHANNEL_UNLINK || cmd == SPL_IOC_CHANNEL_OPEN) {
		struct spl_ioc_unlink *u = (void *)buf;

		u->name = (uintptr_t) "none such";
		u->name_len = 9;
	} else if (cmd == SPL_IOC_CHANNEL_SETATTR) {
		struct spl_ioc_setattr *s = (void *)buf;

		s->name = (uintptr_t) "none such";
		s->name_len = 9;
		s->mask = SPL_SETATTR_MODE;
	} else if (cmd == SPL_IOC_CHANNEL_ATTACH) {
		((struct spl_ioc_channel_attach *)buf)->role = TX; /* taken */
	}
}

TEST_F(channel, short_long_and_garbage_structs)
{
	int end = channel_open(self->h, "a", CREATE, 0, TX, MAY_ALL), plain;
	char buf[8192];
	__u32 size;
	size_t i, k;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int fd = calls[i].of_file ? end : self->h, wrong = calls[i].of_file ? self->h : end;
		unsigned int cmd = calls[i].cmd;

		for (size = 0; size < calls[i].size; size++) {
			fill(buf, cmd, size);
			EXPECT_EQ(-EINVAL, call(fd, cmd, buf));
		}
		fill(buf, cmd, calls[i].size);
		EXPECT_EQ(-ENOTTY, call(wrong, cmd, buf));
		plain = call(fd, cmd, buf);
		fill(buf, cmd, calls[i].size + 64);
		EXPECT_EQ(plain, call(fd, cmd, buf))
		{
			TH_LOG("%s", calls[i].name);
		}
		for (k = 0; k < 64; k += 7) {
			fill(buf, cmd, calls[i].size + 64);
			buf[calls[i].size + k] = 1;
			EXPECT_EQ(-E2BIG, call(fd, cmd, buf));
		}
		fill(buf, cmd, ~0U);
		EXPECT_EQ(-E2BIG, call(fd, cmd, buf));
		fill(buf, cmd, calls[i].size);
		((__u32 *)buf)[1] = 1U << 31;
		EXPECT_EQ(-EOPNOTSUPP, call(fd, cmd, buf));
		EXPECT_EQ(-EFAULT, call(fd, cmd, (void *)8));
	}
	EXPECT_EQ(-ENOTTY, ioctl(end, 0x12345678, buf) < 0 ? -errno : 0);
	EXPECT_EQ(-ENOTTY, ioctl(end, _IO(SPL_IOC_MAGIC, 0x1f), buf) < 0 ? -errno : 0);
	close(end);
}

TEST_HARNESS_MAIN
