// SPDX-License-Identifier: MIT
/*
 * access.c - the promise that access is enforced: who may change mode, owner and group of stores and channels, what a
 * capability opens, and what a handle that is passed on lets its receiver do.
 */
#include "kselftest_harness.h"
#include "channel.h"
#include "passing.h"
#include <linux/capability.h>
#include <sys/prctl.h>

/* People: the owner (of the groups MINE and ALSO), somebody of the group MINE, somebody else. */
enum { OWNER = 1001, MATE = 1002, OTHER = 1003, MINE = 2001, ALSO = 2002, STRANGE = 2003 };

static void become(uid_t uid)
{
	static const gid_t also[] = { ALSO };
	gid_t gid = uid == OTHER ? STRANGE : MINE;

	if (setgroups(uid == OWNER, also) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		_exit(99);
}

static struct spl_ioc_setattr set_arg(const char *name, __u32 mask, __u32 mode, __u32 uid,
				      __u32 gid)
{
	struct spl_ioc_setattr s = {
		.size = sizeof(s),
		.name = (uintptr_t)name,
		.name_len = name ? strlen(name) : 0,
		.mask = mask,
		.mode = mode,
		.uid = uid,
		.gid = gid,
	};

	return s;
}

static int set(int fd, const char *name, __u32 mask, __u32 mode, __u32 uid, __u32 gid)
{
	struct spl_ioc_setattr s = set_arg(name, mask, mode, uid, gid);

	return call(fd, SPL_IOC_SETATTR, &s);
}

#define MODE SPL_SETATTR_MODE
#define UID SPL_SETATTR_UID
#define GID SPL_SETATTR_GID

/* Runs @body as @user in a child, and is what it leaves in `got`: 0 or a negative error. */
#define AS(user, body)                             \
	({                                         \
		pid_t pid_ = fork();               \
		if (!pid_) {                       \
			int got = 0;               \
			become(user);              \
			body;                      \
			_exit(got < 0 ? -got : 0); \
		}                                  \
		-wait_for(pid_);                   \
	})

static int try_open(const char *name, int flags)
{
	int fd = open_named(name, flags);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int set_fresh(const char *name, __u32 mask, __u32 mode, __u32 uid, __u32 gid)
{
	int fd = dev_open(O_RDONLY), ret;

	if (fd < 0)
		return -EIO;
	ret = set(fd, name, mask, mode, uid, gid);
	close(fd);
	return ret;
}

FIXTURE(access)
{
	char name[32];
	struct stat st;
	int fd;
	__u64 id;
};

/* A store of OWNER's, of the group MINE, 0600; and a handle of root's on it. */
FIXTURE_SETUP(access)
{
	snprintf(self->name, sizeof(self->name), "access%d", getpid());
	ASSERT_EQ(0, stat(DEV, &self->st));
	ASSERT_EQ(0, chmod(DEV, 0666));
	umask(0);
	ASSERT_EQ(0, AS(OWNER, got = open_new(self->name, small(100))));
	self->fd = open_named(self->name, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->id = geometry(self->fd).store_id;
}

FIXTURE_TEARDOWN(access)
{
	unlink_store(self->name);
	close(self->fd);
	chmod(DEV, self->st.st_mode & 0777);
}

TEST_F(access, the_owner_changes_the_mode_for_opens_to_come)
{
	EXPECT_EQ(-EACCES, AS(OTHER, got = try_open(self->name, O_RDONLY)));
	EXPECT_EQ(0, AS(OWNER, got = set_fresh(self->name, MODE, 0644, 0, 0)));
	EXPECT_EQ(0644, sysfs_number(self->id, "mode"));
	EXPECT_EQ(0, AS(OTHER, got = try_open(self->name, O_RDONLY)));
	EXPECT_EQ(-EACCES, AS(OTHER, got = try_open(self->name, O_RDWR)));
	/* Also what takes the store from himself, and back. */
	EXPECT_EQ(0, AS(OWNER, got = set_fresh(self->name, MODE, 0, 0, 0)));
	EXPECT_EQ(-EACCES, AS(OWNER, got = try_open(self->name, O_RDONLY)));
	EXPECT_EQ(0, AS(OWNER, got = set_fresh(self->name, MODE, 0660, 0, 0)));
	EXPECT_EQ(0, AS(OWNER, got = try_open(self->name, O_RDWR)));
	EXPECT_EQ(0, AS(MATE, got = try_open(self->name, O_RDWR)));
	EXPECT_EQ(-EACCES, AS(OTHER, got = try_open(self->name, O_RDONLY)));
}

/* OTHER opens a store that all may write; then its mode is changed; then he maps it. */
static int opens_before(const char *name, int opened, int changed)
{
	struct mapped m;
	char byte = 0;
	int fd = open_named(name, O_RDWR);

	if (fd < 0 || write(opened, &byte, 1) != 1 || read(changed, &byte, 1) != 1)
		return 1;
	if (map_store(fd, PROT_READ | PROT_WRITE, &m) || reg(fd) < 0)
		return 2;
	((volatile char *)m.data)[m.data_bytes - 1] = 1;
	return try_open(name, O_RDONLY) == -EACCES ? 0 : 3;
}

TEST_F(access, open_handles_keep_what_they_have)
{
	int opened[2], changed[2];
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, set(self->fd, NULL, MODE, 0666, 0, 0));
	ASSERT_EQ(0, pipe(opened));
	ASSERT_EQ(0, pipe(changed));
	pid = fork();
	if (!pid) {
		become(OTHER);
		_exit(opens_before(self->name, opened[1], changed[0]));
	}
	close(opened[1]);
	EXPECT_EQ(1, read(opened[0], &byte, 1));
	EXPECT_EQ(0, set(self->fd, NULL, MODE, 0600, 0, 0));
	EXPECT_EQ(1, write(changed[1], &byte, 1));
	EXPECT_EQ(0, wait_for(pid));
}

TEST_F(access, only_the_owner_and_who_has_the_capability_change_anything)
{
	EXPECT_EQ(0, set(self->fd, NULL, MODE, 0666, 0, 0));
	EXPECT_EQ(-EPERM, AS(MATE, got = set_fresh(self->name, MODE, 0666, 0, 0)));
	EXPECT_EQ(-EPERM, AS(OTHER, got = set_fresh(self->name, MODE, 0666, 0, 0)));
	EXPECT_EQ(-EPERM, AS(OTHER, got = set_fresh(self->name, UID, 0, OTHER, 0)));
	EXPECT_EQ(-EPERM, AS(OTHER, got = set_fresh(self->name, GID, 0, 0, STRANGE)));
	/* The owner: to himself, and to groups of his. */
	EXPECT_EQ(0, AS(OWNER, got = set_fresh(self->name, UID, 0, OWNER, 0)));
	EXPECT_EQ(-EPERM, AS(OWNER, got = set_fresh(self->name, UID, 0, OTHER, 0)));
	EXPECT_EQ(-EPERM, AS(OWNER, got = set_fresh(self->name, GID, 0, 0, STRANGE)));
	EXPECT_EQ(0, AS(OWNER, got = set_fresh(self->name, GID, 0, 0, ALSO)));
	EXPECT_EQ(ALSO, sysfs_number(self->id, "gid"));
	/* All or nothing. */
	EXPECT_EQ(-EPERM, AS(OWNER, got = set_fresh(self->name, MODE | GID, 0600, 0, STRANGE)));
	EXPECT_EQ(0666, sysfs_number(self->id, "mode"));
	EXPECT_EQ(0, AS(OWNER, got = set_fresh(self->name, MODE | UID | GID, 0640, OWNER, MINE)));
	EXPECT_EQ(0640, sysfs_number(self->id, "mode"));
	EXPECT_EQ(MINE, sysfs_number(self->id, "gid"));
	/* Given away: it is the new owner's from now on. */
	EXPECT_EQ(0, set(self->fd, NULL, UID | GID, 0, OTHER, STRANGE));
	EXPECT_EQ(OTHER, sysfs_number(self->id, "uid"));
	EXPECT_EQ(-EPERM, AS(OWNER, got = set_fresh(self->name, MODE, 0666, 0, 0)));
	EXPECT_EQ(-EACCES, AS(OWNER, got = try_open(self->name, O_RDONLY)));
	EXPECT_EQ(-EACCES, AS(OWNER, got = unlink_store(self->name)));
	EXPECT_EQ(0, AS(OTHER, got = set_fresh(self->name, MODE, 0600, 0, 0)));
	EXPECT_EQ(0, AS(OTHER, got = unlink_store(self->name)));
	/* Unlinked, it is there by its handle still. */
	EXPECT_EQ(-ENOENT, set(self->fd, self->name, MODE, 0644, 0, 0));
	EXPECT_EQ(0, set(self->fd, NULL, MODE, 0644, 0, 0));
	EXPECT_EQ(0644, sysfs_number(self->id, "mode"));
}

TEST_F(access, what_cannot_be_set_is_refused)
{
	struct spl_ioc_setattr s = set_arg(self->name, MODE, 0666, 0, 0);
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = dev_open(O_RDONLY), bit;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, set(fd, self->name, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, set(fd, self->name, MODE, 0777, 0, 0));
	EXPECT_EQ(-EINVAL, set(fd, self->name, MODE, 01666, 0, 0));
	EXPECT_EQ(-EINVAL, set(fd, self->name, MODE, ~0U, 0, 0));
	EXPECT_EQ(-EINVAL, set(fd, self->name, UID, 0, ~0U, 0));
	EXPECT_EQ(-EINVAL, set(fd, self->name, GID, 0, 0, ~0U));
	EXPECT_EQ(-EINVAL, set(fd, self->name, MODE, 0, 1, 0));
	EXPECT_EQ(-EINVAL, set(fd, self->name, MODE, 0, 0, 1));
	EXPECT_EQ(-EINVAL, set(fd, self->name, UID, 1, 0, 0));
	for (bit = 3; bit < 32; bit++)
		EXPECT_EQ(-EOPNOTSUPP, set(fd, self->name, MODE | 1U << bit, 0600, 0, 0));
	s.reserved = 1;
	EXPECT_EQ(-EINVAL, call(fd, SPL_IOC_SETATTR, &s));
	s = set_arg(self->name, MODE, 0666, 0, 0);
	s.name_len = 256;
	EXPECT_EQ(-ENAMETOOLONG, call(fd, SPL_IOC_SETATTR, &s));
	s.name_len = 5;
	s.name = (uintptr_t)page;
	ASSERT_EQ(0, munmap(page, 4096));
	EXPECT_EQ(-EFAULT, call(fd, SPL_IOC_SETATTR, &s));
	EXPECT_EQ(-ENOENT, set(fd, "no such store", MODE, 0600, 0, 0));
	/* Who may have the default store is who may open the device: chmod(1) of that does it. */
	EXPECT_EQ(-EINVAL, set(fd, NULL, MODE, 0600, 0, 0));
	EXPECT_EQ(0600, sysfs_number(self->id, "mode"));
	close(fd);
}

static void keep_caps(__u32 caps)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { .effective = caps, .permitted = caps } };

	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) ||
	    setresgid(STRANGE, STRANGE, STRANGE) || setresuid(OTHER, OTHER, OTHER) ||
	    syscall(SYS_capset, &h, d))
		_exit(99);
}

/* As user OTHER with these capabilities: open, change, take away. */
static int with_caps(const char *name, __u32 caps, int want_open, int want_set, int want_unlink)
{
	pid_t pid = fork();

	if (!pid) {
		keep_caps(caps);
		if (try_open(name, O_RDWR) != want_open)
			_exit(1);
		if (set_fresh(name, UID, 0, OWNER, 0) != want_set)
			_exit(2);
		if (unlink_store(name) != want_unlink)
			_exit(3);
		_exit(0);
	}
	return wait_for(pid);
}

TEST_F(access, what_each_capability_opens)
{
	const __u32 dac = 1U << CAP_DAC_OVERRIDE, ipc = 1U << CAP_IPC_OWNER;

	EXPECT_EQ(0, with_caps(self->name, 0, -EACCES, -EPERM, -EACCES));
	EXPECT_EQ(0, with_caps(self->name, 1U << CAP_FOWNER | 1U << CAP_CHOWN | 1U << CAP_SYS_ADMIN,
			       -EACCES, -EPERM, -EACCES));
	EXPECT_EQ(0, with_caps(self->name, dac, 0, -EPERM, -EACCES));
	EXPECT_EQ(0, with_caps(self->name, ipc, 0, 0, 0));
	EXPECT_EQ(-ENOENT, try_open(self->name, O_RDONLY));
}

/* What is the owner's to do is neither to be had by a handle of his, nor lent to a handle that isn't. */
TEST_F(access, opener_and_caller_must_both_be_allowed)
{
	int pair[2], fd;

	EXPECT_EQ(0, AS(OTHER, {
			  if (set(self->fd, NULL, MODE, 0666, 0, 0) != -EPERM ||
			      set(self->fd, self->name, MODE, 0666, 0, 0) != -EPERM ||
			      set(self->fd, NULL, UID, 0, OTHER, 0) != -EPERM ||
			      by_name(self->fd, SPL_IOC_UNLINK, self->name) != -EACCES ||
			      by_name(self->fd, SPL_IOC_DESTROY, self->name) != -EACCES)
				  got = -1;
		  }));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	EXPECT_EQ(0, AS(OTHER, {
			  fd = dev_open(O_RDWR);
			  got = fd < 0 ? fd : fd_pass(pair[0], fd);
		  }));
	fd = fd_receive(pair[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPERM, set(fd, self->name, MODE, 0666, 0, 0));
	EXPECT_EQ(-EACCES, by_name(fd, SPL_IOC_UNLINK, self->name));
	EXPECT_EQ(-EACCES, by_name(fd, SPL_IOC_DESTROY, self->name));
	EXPECT_EQ(-EACCES, attach(fd, self->name));
	EXPECT_EQ(0600, sysfs_number(self->id, "mode"));
	EXPECT_EQ(0, try_open(self->name, O_RDWR));
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

/* What somebody who may open nothing can do with a handle for reading that he was given. 0, or which one he couldn't. */
static int use_read_only(int fd, const char *name)
{
	struct spl_ioc_geometry g = geometry(fd);
	struct spl_ioc_reap r = { .size = sizeof(r) };
	struct spl_check_counts counts;
	struct mapped m;
	char path[64];
	char buf[64];
	int again;

	if (try_open(name, O_RDONLY) != -EACCES)
		return 1;
	if (map_store(fd, PROT_READ, &m))
		return 2;
	if (spl_get(&m.s, "key", 3, buf, sizeof(buf), NULL) != 5 || memcmp(buf, "value", 5))
		return 3;
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, g.data_off) != MAP_FAILED ||
	    errno != EACCES)
		return 4;
	if (!mprotect(m.data, 4096, PROT_READ | PROT_WRITE))
		return 5;
	if (reg(fd) != -EBADF || map_self(fd) || call(fd, SPL_IOC_REAP, &r) != -EBADF ||
	    check(fd, SPL_CHECK_REPAIR, &counts) != -EBADF || create(fd, "x", small(1)) != -EBADF)
		return 6;
	if (by_name(fd, SPL_IOC_UNLINK, name) != -EACCES ||
	    set(fd, NULL, MODE, 0666, 0, 0) != -EPERM || attach(fd, name) != -EBUSY)
		return 7;
	/* Opened again it is a handle of its own, with the rights of who opens. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again < 0 || geometry(again).store_id == g.store_id || attach(again, name) != -EACCES)
		return 8;
	unmap_store(&m);
	return 0;
}

TEST_F(access, a_handle_passed_on_shares_what_its_opener_may)
{
	struct spl_writer w = {};
	int pair[2], rd, i;
	struct mapped m;

	ASSERT_EQ(0, map_store(self->fd, PROT_READ | PROT_WRITE, &m));
	i = reg(self->fd);
	ASSERT_LE(0, i);
	ASSERT_EQ(0, spl_writer_init(&w, &m.s, i));
	ASSERT_LE(0, spl_set(&w, "key", 3, "value", 5, 0, NULL));
	rd = open_named(self->name, O_RDONLY);
	ASSERT_LE(0, rd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	ASSERT_EQ(0, fd_pass(pair[0], rd));
	ASSERT_EQ(0, fd_pass(pair[0], self->fd));
	close(rd);
	EXPECT_EQ(0, AS(OTHER, {
			  int fd;

			  close(self->fd);
			  fd = fd_receive(pair[1]);
			  got = -use_read_only(fd, self->name);
			  close(fd);
		  }));
	/* For writing, it is for writing. */
	EXPECT_EQ(0, AS(OTHER, {
			  int fd = fd_receive(pair[1]);

			  i = reg(fd);
			  if (i < 0 || map_store(fd, PROT_READ | PROT_WRITE, &m) ||
			      spl_writer_init(&w, &m.s, i) ||
			      spl_set(&w, "key", 3, "other", 5, 0, NULL) < 0)
				  got = -1;
		  }));
	close(pair[0]);
	close(pair[1]);
	unmap_store(&m);
}

static int channel_set(int fd, const char *name, __u32 mask, __u32 mode, __u32 uid, __u32 gid)
{
	struct spl_ioc_setattr s = set_arg(name, mask, mode, uid, gid);

	return call(fd, SPL_IOC_CHANNEL_SETATTR, &s);
}

static int try_channel(const char *store, const char *name, __u32 role)
{
	int h = open_named(store, O_RDWR), fd;

	if (h < 0)
		return -EIO;
	fd = channel_open(h, name, 0, 0, role, 0);
	return fd < 0 ? fd : 0;
}

TEST_F(access, channels_have_a_mode_of_their_own)
{
	struct spl_ioc_channel_open o = channel_arg("c", CREATE, 0, NONE, 0);
	struct spl_ioc_setattr s = set_arg("c", MODE, 0666, 0, 0);
	int fd = dev_open(O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, set(self->fd, NULL, MODE, 0666, 0, 0));
	o.mode = 0666;
	umask(077);
	ASSERT_EQ(0, call(self->fd, SPL_IOC_CHANNEL_OPEN, &o));
	umask(0);
	EXPECT_EQ(-EACCES, AS(OTHER, got = try_channel(self->name, "c", RX)));
	EXPECT_EQ(-EPERM, AS(OTHER, got = channel_set(open_named(self->name, O_RDWR), "c", MODE,
						      0666, 0, 0)));
	/* The store's owner isn't the channel's. */
	EXPECT_EQ(-EPERM, AS(OWNER, got = channel_set(open_named(self->name, O_RDWR), "c", MODE,
						      0666, 0, 0)));
	EXPECT_EQ(-EPERM, AS(OTHER, got = channel_set(self->fd, "c", MODE, 0666, 0, 0)));
	EXPECT_EQ(0, channel_set(self->fd, "c", MODE, 0644, 0, 0));
	EXPECT_EQ(0, AS(OTHER, got = try_channel(self->name, "c", NONE)));
	EXPECT_EQ(-EACCES, AS(OTHER, got = try_channel(self->name, "c", RX)));
	EXPECT_EQ(0, channel_set(self->fd, "c", MODE | UID | GID, 0600, OTHER, STRANGE));
	EXPECT_EQ(0, AS(OTHER, got = try_channel(self->name, "c", RX)));
	EXPECT_EQ(0, AS(OTHER, got = channel_set(open_named(self->name, O_RDONLY), "c", MODE, 0666,
						 0, 0)));
	EXPECT_EQ(0, AS(MATE, got = try_channel(self->name, "c", TX)));

	EXPECT_EQ(-ENOENT, channel_set(self->fd, "d", MODE, 0666, 0, 0));
	EXPECT_EQ(-EINVAL, channel_set(self->fd, NULL, MODE, 0666, 0, 0));
	EXPECT_EQ(-EINVAL, channel_set(self->fd, "c", 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, channel_set(self->fd, "c", MODE, 0777, 0, 0));
	EXPECT_EQ(-EINVAL, channel_set(self->fd, "c", UID, 0, ~0U, 0));
	EXPECT_EQ(-EOPNOTSUPP, channel_set(self->fd, "c", 8, 0, 0, 0));
	s.name_len = 256;
	EXPECT_EQ(-ENAMETOOLONG, call(self->fd, SPL_IOC_CHANNEL_SETATTR, &s));
	s.name_len = 1;
	s.name = 8;
	EXPECT_EQ(-EFAULT, call(self->fd, SPL_IOC_CHANNEL_SETATTR, &s));
	EXPECT_EQ(0, channel_unlink(self->fd, "c"));
	close(o.fd);
	close(fd);
}

TEST_HARNESS_MAIN
