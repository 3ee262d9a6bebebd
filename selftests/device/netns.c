// SPDX-License-Identifier: MIT
/*
 * netns.c - the promise that a container neither sees nor opens the stores of another, nor the host's, and takes its own along
 * when it ends: stores by network namespace, capabilities and ids by user namespace.
 */
#include "kselftest_harness.h"
#include "channel.h"
#include <dirent.h>
#include <sys/mount.h>

#define LATE 60 /* seconds; a namespace ends some time after its last user */

static int own_ns; /* where the tests run */

static void move_to(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		_exit(97);
}

/* A new network namespace, which lives as long as this descriptor. */
static int new_ns(void)
{
	int ns;

	if (unshare(CLONE_NEWNET))
		return -errno;
	ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	move_to(own_ns);
	return ns;
}

/* A handle that is opened in a namespace. */
static int open_in(int ns, int flags)
{
	int fd;

	move_to(ns);
	fd = dev_open(flags);
	move_to(own_ns);
	return fd;
}

static int create_in(int ns, const char *name, __u64 lanes)
{
	int fd = open_in(ns, O_RDWR), ret;

	if (fd < 0)
		return fd;
	ret = create(fd, name, small(lanes));
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static int attach_in(int ns, const char *name)
{
	int fd = open_in(ns, O_RDWR), ret;

	if (fd < 0)
		return fd;
	ret = attach(fd, name);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static long long count(int fd)
{
	struct spl_ioc_info i = { .size = sizeof(i) };

	return call(fd, SPL_IOC_INFO, &i) ? -1 : (long long)i.stores;
}

/* How many stores a handle lists; @e: out: the last of them. */
static int list(int fd, struct spl_store_entry *e)
{
	static __u64 buf[8192];
	struct spl_ioc_list l = { .size = sizeof(l),
				  .buf = (uintptr_t)buf,
				  .buf_bytes = sizeof(buf) };
	__u32 off, i;
	int ret = call(fd, SPL_IOC_LIST, &l);

	if (ret)
		return ret;
	for (off = i = 0; i < l.nr; i++) {
		*e = *(struct spl_store_entry *)((char *)buf + off);
		off += e->record_bytes;
	}
	return l.nr;
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

/* Until the namespace of a handle has ended: its stores have lost their names. */
static int has_ended(int fd)
{
	double end = now_s() + LATE;

	while (count(fd) && now_s() < end)
		usleep(10000);
	return count(fd) == 0;
}

FIXTURE(netns)
{
	long long stores;
	struct stat st;
	int a, b;
};

FIXTURE_SETUP(netns)
{
	self->stores = sysfs_number(0, "stores_count");
	ASSERT_EQ(0, stat(DEV, &self->st));
	own_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own_ns < 0 && errno == ENOENT)
		SKIP(return, "no network namespaces in this kernel");
	ASSERT_LE(0, own_ns);
	self->a = new_ns();
	self->b = new_ns();
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
	ASSERT_EQ(0, chmod(DEV, 0666));
}

FIXTURE_TEARDOWN(netns)
{
	chmod(DEV, self->st.st_mode & 0777);
	EXPECT_EQ(self->stores, sysfs_number(0, "stores_count"));
}

TEST_F(netns, each_has_names_of_its_own)
{
	int ns[3] = { own_ns, self->a, self->b }, fd[3], again, i;
	struct spl_ioc_create c;
	struct spl_store_entry e;

	for (i = 0; i < 3; i++) {
		fd[i] = create_in(ns[i], "twin", 100 + i);
		ASSERT_LE(0, fd[i]);
	}
	for (i = 0; i < 3; i++) {
		again = attach_in(ns[i], "twin");
		EXPECT_EQ(100 + i, geometry(again).geometry.lanes);
		EXPECT_EQ(geometry(fd[i]).store_id, geometry(again).store_id);
		close(again);
		again = open_in(ns[i], O_RDWR);
		c = create_arg("twin", small(100 + i));
		EXPECT_EQ(-EEXIST, call(again, SPL_IOC_CREATE, &c));
		c = create_arg("twin", small(100 + i));
		c.flags = SPL_CREATE_OR_OPEN;
		EXPECT_EQ(0, call(again, SPL_IOC_CREATE, &c));
		EXPECT_EQ(geometry(fd[i]).store_id, c.store_id);
		close(again);
	}
	EXPECT_EQ(self->stores + 1, count(fd[0]));
	EXPECT_EQ(self->stores + 1, sysfs_number(0, "stores_count"));
	for (i = 1; i < 3; i++) {
		EXPECT_EQ(1, count(fd[i]));
		EXPECT_EQ(1, list(fd[i], &e));
		EXPECT_EQ(geometry(fd[i]).store_id, e.store_id);
		move_to(ns[i]);
		EXPECT_EQ(1, sysfs_number(0, "stores_count"));
		move_to(own_ns);
	}
	/* One goes, the others stay. */
	EXPECT_EQ(0, by_name(fd[1], SPL_IOC_UNLINK, "twin"));
	EXPECT_EQ(0, count(fd[1]));
	EXPECT_EQ(-ENOENT, attach_in(self->a, "twin"));
	again = attach_in(self->b, "twin");
	EXPECT_LE(0, again);
	close(again);
	EXPECT_EQ(0, by_name(fd[0], SPL_IOC_DESTROY, "twin"));
	EXPECT_EQ(0, by_name(fd[2], SPL_IOC_DESTROY, "twin"));
	for (i = 0; i < 3; i++)
		close(fd[i]);
}

TEST_F(netns, nothing_of_another_is_there)
{
	int ns[2] = { own_ns, self->a }, fd[2], other, i;
	static const char *const names[] = { "host's", "guest's" };
	struct spl_store_entry e;

	for (i = 0; i < 2; i++)
		fd[i] = create_in(ns[i], names[i], 10);
	for (i = 0; i < 2; i++) {
		other = open_in(ns[!i], O_RDWR);
		ASSERT_LE(0, other);
		EXPECT_EQ(-ENOENT, attach(other, names[i]));
		EXPECT_EQ(-ENOENT, by_name(other, SPL_IOC_UNLINK, names[i]));
		EXPECT_EQ(-ENOENT, by_name(other, SPL_IOC_DESTROY, names[i]));
		EXPECT_EQ(-ENOENT, set_mode(other, names[i], 0666));
		close(other);
		EXPECT_LE(0, fd[i]);
	}
	/* Channels are their stores'. */
	other = channel_open(fd[0], "wire", CREATE, 0, TX, 0);
	EXPECT_LE(0, other);
	EXPECT_EQ(-ENOENT, channel_open(fd[1], "wire", 0, 0, RX, 0));
	EXPECT_EQ(-ENOENT, channel_unlink(fd[1], "wire"));
	close(other);
	EXPECT_EQ(1, list(fd[1], &e));
	EXPECT_EQ(0, by_name(fd[0], SPL_IOC_UNLINK, names[0]));
	EXPECT_EQ(0, by_name(fd[1], SPL_IOC_UNLINK, names[1]));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(netns, the_default_store_is_the_initial_ones)
{
	int fd = open_in(self->a, O_RDWR), here = dev_open(O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_NE(0, geometry(here).store_id);
	EXPECT_EQ(0, geometry(fd).store_id);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-ENXIO, reg(fd));
	EXPECT_EQ(-ENOENT, attach(fd, ""));
	EXPECT_EQ(0, count(fd));
	EXPECT_EQ(0, create(fd, "first", small(10)));
	EXPECT_EQ(0, reg(fd));
	EXPECT_EQ(0, by_name(fd, SPL_IOC_UNLINK, "first"));
	close(fd);
	close(here);
}

/* Where it was opened counts, not who holds it: also when he has moved since, or is somebody else. */
TEST_F(netns, a_handle_keeps_the_namespace_of_its_opener)
{
	int fd = open_in(self->a, O_RDWR), here = open_new("here", small(10)), other;

	ASSERT_LE(0, here);
	EXPECT_EQ(-ENOENT, attach(fd, "here"));
	EXPECT_EQ(0, create(fd, "there", small(10)));
	EXPECT_EQ(-ENOENT, open_named("there", O_RDWR));
	other = attach_in(self->a, "there");
	EXPECT_LE(0, other);
	move_to(self->a);
	EXPECT_EQ(0, by_name(here, SPL_IOC_UNLINK, "here"));
	EXPECT_EQ(-ENOENT, by_name(here, SPL_IOC_UNLINK, "there"));
	move_to(own_ns);
	EXPECT_EQ(0, by_name(fd, SPL_IOC_UNLINK, "there"));
	close(other);
	close(fd);
	close(here);
}

/* Neither handles nor mappings nor stores keep a namespace; its end takes the names, and nothing from who has a store open. */
TEST_F_TIMEOUT(netns, its_end_takes_the_names_along, 150)
{
	int kept = create_in(self->a, "kept", 100), fresh = open_in(self->a, O_RDWR), fd, i;
	int waits = open_in(self->a, O_RDWR);
	struct spl_check_counts counts;
	struct spl_store_entry e;
	struct spl_writer w = {};
	struct spl_ioc_create c;
	char name[32], buf[16];
	struct mapped m;

	ASSERT_LE(0, kept);
	ASSERT_EQ(0, map_store(kept, PROT_READ | PROT_WRITE, &m));
	i = reg(kept);
	ASSERT_EQ(0, spl_writer_init(&w, &m.s, i));
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "left %d", i);
		fd = create_in(self->a, name, 100 + i);
		ASSERT_LE(0, fd);
		close(fd);
	}
	EXPECT_EQ(21, count(fresh));
	close(self->a);
	EXPECT_TRUE(has_ended(fresh));
	EXPECT_EQ(0, list(fresh, &e));
	EXPECT_EQ(-ENOENT, attach(fresh, "kept"));
	EXPECT_EQ(-ENOENT, attach(fresh, "left 3"));
	EXPECT_EQ(-ENOENT, by_name(fresh, SPL_IOC_UNLINK, "kept"));
	EXPECT_EQ(-ENOENT, by_name(kept, SPL_IOC_DESTROY, "kept"));
	EXPECT_EQ(-ENOENT, set_mode(kept, "kept", 0666));
	EXPECT_EQ(-ENXIO, create(fresh, "late", small(10)));
	c = create_arg("kept", small(100));
	c.flags = SPL_CREATE_OR_OPEN;
	EXPECT_EQ(-ENXIO, call(waits, SPL_IOC_CREATE, &c));
	EXPECT_EQ(0, geometry(fresh).store_id);

	/* All that its handles do goes on: reading, writing, registering, channels, checks. */
	EXPECT_LE(0, spl_set(&w, "key", 3, "value", 5, 0, NULL));
	EXPECT_EQ(5, spl_get(&m.s, "key", 3, buf, sizeof(buf), NULL));
	fd = channel_open(kept, "wire", CREATE, 0, TX, 0);
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_EQ(0, check(kept, SPL_CHECK_REPAIR, &counts));
	EXPECT_EQ(1, counts.live);
	close(kept);
	EXPECT_LE(0, spl_set(&w, "key", 3, "other", 5, 0, NULL));
	unmap_store(&m);
	close(fresh);
	close(waits);
}

/* Makes stores until it is told that the namespace has ended. 0, or what went wrong. */
static int make_until_the_end(const int *fds, int nr, int who)
{
	int i, ended = 0, ret;
	char name[32];

	for (i = 0; i < nr; i++) {
		struct spl_ioc_create c;

		/* Some of them are also the other's. */
		snprintf(name, sizeof(name), "race %d %d", i, i % 2 ? who : 0);
		c = create_arg(name, small(50 + i % 3 * 2000));
		c.flags = i % 2 ? 0 : SPL_CREATE_OR_OPEN;
		ret = call(fds[i], SPL_IOC_CREATE, &c);
		if (ret && ret != -ENXIO)
			return 1;
		if (ended && !ret)
			return 2;
		ended = ret;
		/* So that a fast machine isn't through before the end comes. */
		usleep(i % 3 * 1000);
	}
	return ended ? 0 : 3;
}

#define RACE_HANDLES 400

TEST_F_TIMEOUT(netns, stores_are_made_while_it_ends, 150)
{
	static int fds[RACE_HANDLES];
	int round, i, who, look, met = 0, ret;
	struct spl_store_entry e;
	pid_t pid[2];

	for (round = 0; round < 12; round++) {
		int ns = new_ns();

		ASSERT_LE(0, ns);
		look = open_in(ns, O_RDWR);
		for (i = 0; i < RACE_HANDLES; i++)
			fds[i] = open_in(ns, O_RDWR);
		ASSERT_LE(0, fds[RACE_HANDLES - 1]);
		for (who = 0; who < 2; who++) {
			pid[who] = fork();
			if (!pid[who]) {
				close(ns);
				_exit(make_until_the_end(fds + who * RACE_HANDLES / 2,
							 RACE_HANDLES / 2, who + 1));
			}
		}
		usleep(round * 5000);
		close(ns);
		for (who = 0; who < 2; who++) {
			ret = wait_for(pid[who]);
			EXPECT_TRUE(ret == 0 || ret == 3)
			{
				TH_LOG("round %d: %d", round, ret);
			}
			met += !ret;
		}
		EXPECT_TRUE(has_ended(look));
		EXPECT_EQ(0, list(look, &e));
		for (i = 0; i < RACE_HANDLES; i++)
			close(fds[i]);
		close(look);
	}
	/* The race is there to be met. */
	EXPECT_LT(0, met);
}

static int nr_folders(void)
{
	DIR *d = opendir(SYSFS "/stores");
	struct dirent *e;
	int nr = 0;

	if (!d)
		return -1;
	while ((e = readdir(d)))
		nr += e->d_name[0] != '.';
	closedir(d);
	return nr;
}

/* A container's view: /sys is mounted in its namespace. */
static int look_at_sysfs(int ns, int fd, __u64 id, __u64 hosts)
{
	move_to(ns);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL))
		return 10;
	if (sysfs_number(id, "lanes") != 77 || sysfs_number(hosts, "lanes") != -1)
		return 11;
	if (nr_folders() != 1 || sysfs_number(0, "stores_count") != 1)
		return 12;
	/* The namespace ends, the mount and a handle stay. */
	move_to(own_ns);
	close(ns);
	if (!has_ended(fd))
		return 13;
	if (nr_folders() || sysfs_number(id, "lanes") != -1)
		return 14;
	return geometry(fd).geometry.lanes == 77 ? 0 : 15;
}

TEST_F_TIMEOUT(netns, a_folder_of_sysfs_is_seen_where_its_store_is, 150)
{
	int here = open_new("here", small(10)), fd = create_in(self->a, "there", 77);
	__u64 id = geometry(fd).store_id, hosts = geometry(here).store_id;
	int folders = nr_folders();
	pid_t pid;

	ASSERT_LE(0, fd);
	EXPECT_EQ(10, sysfs_number(hosts, "lanes"));
	EXPECT_EQ(-1, sysfs_number(id, "lanes"));
	pid = fork();
	if (!pid) {
		int ns = dup(self->a);

		close(self->a);
		_exit(look_at_sysfs(ns, fd, id, hosts));
	}
	close(self->a);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(folders, nr_folders());
	EXPECT_EQ(0, by_name(here, SPL_IOC_UNLINK, "here"));
	close(here);
	close(fd);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		_exit(96);
	close(fd);
}

/* A child in a user namespace of its own, in which 0, 1, ... are the host's 1001, 1002, ...; it calls @fn there. */
static int in_user_ns(int flags, int (*fn)(void *arg), void *arg)
{
	int up[2], down[2];
	char path[64], byte = 0;
	pid_t pid;

	if (pipe(up) || pipe(down))
		return 95;
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWUSER | flags))
			_exit(94);
		if (write(up[1], &byte, 1) != 1 || read(down[0], &byte, 1) != 1)
			_exit(93);
		if (setgroups(0, NULL) || setresgid(0, 0, 0) || setresuid(0, 0, 0))
			_exit(92);
		_exit(fn(arg));
	}
	if (read(up[0], &byte, 1) != 1)
		return wait_for(pid);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	write_file(path, "0 1001 10");
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	write_file(path, "0 2001 10");
	if (write(down[1], &byte, 1) != 1)
		return 91;
	close(up[0]);
	close(up[1]);
	close(down[0]);
	close(down[1]);
	return wait_for(pid);
}

static int set_uid(int fd, const char *name, __u32 uid)
{
	struct spl_ioc_setattr s = { .size = sizeof(s),
				     .name = (uintptr_t)name,
				     .name_len = strlen(name),
				     .mask = SPL_SETATTR_UID,
				     .uid = uid };

	return call(fd, SPL_IOC_SETATTR, &s);
}

/* Root of a user namespace in a network namespace that it owns: all of that is his, and no user of others'. */
static int be_root_of_it(void *arg)
{
	struct spl_store_entry e;
	pid_t pid = fork();
	int fd;

	(void)arg;
	if (!pid) {
		drop_to(1, 1);
		umask(0);
		_exit(open_new("user's", small(10)) < 0);
	}
	if (wait_for(pid))
		return 1;
	fd = open_named("user's", O_RDWR);
	if (fd < 0)
		return 2;
	if (list(fd, &e) != 1 || e.uid != 1 || e.gid != 1)
		return 3;
	if (set_uid(fd, "user's", 2) || list(fd, &e) != 1 || e.uid != 2)
		return 4;
	/* Users beyond the map have no number here. */
	if (set_uid(fd, "user's", 10) != -EINVAL || set_uid(fd, "user's", 1001) != -EINVAL)
		return 5;
	if (set_mode(fd, "user's", 0444))
		return 6;
	pid = fork();
	if (!pid) {
		drop_to(3, 3);
		fd = dev_open(O_RDONLY);
		_exit(set_mode(fd, "user's", 0666) != -EPERM ||
		      by_name(fd, SPL_IOC_UNLINK, "user's") != -EACCES ||
		      open_named("user's", O_RDWR) != -EACCES);
	}
	if (wait_for(pid))
		return 7;
	return by_name(fd, SPL_IOC_DESTROY, "user's") ? 8 : 0;
}

TEST_F(netns, root_of_its_owner_may_do_anything_there)
{
	EXPECT_EQ(0, in_user_ns(CLONE_NEWNET, be_root_of_it, NULL));
}

/* Root of a user namespace, in a network namespace that is somebody else's. */
static int be_a_guest(void *arg)
{
	int fd = dev_open(O_RDWR);
	struct spl_store_entry e;
	const __u64 *id = arg;

	if (open_named("root's", O_RDONLY) != -EACCES)
		return 1;
	if (by_name(fd, SPL_IOC_UNLINK, "root's") != -EACCES ||
	    by_name(fd, SPL_IOC_DESTROY, "root's") != -EACCES)
		return 2;
	if (set_mode(fd, "root's", 0666) != -EPERM || set_uid(fd, "root's", 0) != -EPERM)
		return 3;
	if (list(fd, &e) < 1 || e.store_id != *id || e.uid != 65534 || e.gid != 65534)
		return 4;
	if (sysfs_number(*id, "uid") != 65534 || sysfs_number(*id, "gid") != 65534)
		return 5;
	/* What he makes is his: user 1001 of the host's. */
	if (create(fd, "guest's", small(10)) || list(fd, &e) < 1 || e.uid != 0 || e.gid != 0)
		return 6;
	return set_uid(fd, "guest's", 1) == -EPERM ? 0 : 7;
}

TEST_F(netns, root_of_a_guest_is_nobody_there)
{
	int fd = open_new("root's", small(10));
	__u64 id = geometry(fd).store_id;
	struct spl_store_entry e;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, in_user_ns(0, be_a_guest, &id));
	EXPECT_LE(2, list(fd, &e));
	EXPECT_EQ(1001, e.uid);
	EXPECT_EQ(2001, e.gid);
	EXPECT_EQ(0, sysfs_number(id, "uid"));
	EXPECT_EQ(0, unlink_store("guest's"));
	EXPECT_EQ(0, unlink_store("root's"));
	close(fd);
}

TEST_HARNESS_MAIN
