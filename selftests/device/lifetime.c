// SPDX-License-Identifier: MIT
/*
 * lifetime.c - stores live until unlinked, unlinked ones until their last handle closes; who may attach, list, unlink.
 */
#include "kselftest_harness.h"
#include "device.h"

FIXTURE(lifetime)
{
	char name[32];
	long long stores;
	int fd;
	__u64 id;
};

FIXTURE_SETUP(lifetime)
{
	snprintf(self->name, sizeof(self->name), "life%d", getpid());
	self->stores = sysfs_number(0, "stores_count");
	self->fd = open_new(self->name, small(100));
	ASSERT_GE(self->fd, 0);
	self->id = geometry(self->fd).store_id;
}

FIXTURE_TEARDOWN(lifetime)
{
	unlink_store(self->name);
	close(self->fd);
	EXPECT_EQ(self->stores, sysfs_number(0, "stores_count"));
	EXPECT_EQ(-1, sysfs_number(self->id, "lanes"));
}

TEST_F(lifetime, a_name_is_taken_once)
{
	struct spl_ioc_create c = create_arg(self->name, small(100));
	int fd = dev_open(O_RDWR);

	EXPECT_EQ(-EEXIST, call(fd, SPL_IOC_CREATE, &c));
	c = create_arg(self->name, small(101));
	c.flags = SPL_CREATE_OR_OPEN;
	EXPECT_EQ(-EEXIST, call(fd, SPL_IOC_CREATE, &c));
	c = create_arg(self->name, small(100));
	c.flags = SPL_CREATE_OR_OPEN;
	EXPECT_EQ(0, call(fd, SPL_IOC_CREATE, &c));
	EXPECT_EQ(self->id, c.store_id);
	EXPECT_EQ(SPL_KEY_MAX_DEFAULT, c.geometry.key_max);
	EXPECT_EQ(geometry(fd).bytes, c.bytes);
	close(fd);
}

TEST_F(lifetime, creating_or_opening_at_once_makes_one_store)
{
	struct spl_geometry g = small(20000);
	char name[40], buf;
	int go[2], i, done = 0;
	pid_t pid[8];

	snprintf(name, sizeof(name), "%s.race", self->name);
	ASSERT_EQ(0, pipe(go));
	for (i = 0; i < 8; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			struct spl_ioc_create c = create_arg(name, g);
			int fd = dev_open(O_RDWR);

			close(go[1]);
			c.flags = SPL_CREATE_OR_OPEN;
			if (read(go[0], &buf, 1) != 0 || call(fd, SPL_IOC_CREATE, &c))
				_exit(1);
			_exit(geometry(fd).store_id == c.store_id && c.store_id ? 0 : 2);
		}
	}
	close(go[0]);
	close(go[1]);
	for (i = 0; i < 8; i++)
		done += wait_for(pid[i]) == 0;
	EXPECT_EQ(8, done);
	EXPECT_EQ(self->stores + 2, sysfs_number(0, "stores_count"));
	EXPECT_EQ(0, unlink_store(name));
}

TEST_F(lifetime, a_named_store_outlives_its_handles)
{
	close(self->fd);
	EXPECT_EQ(0, sysfs_number(self->id, "handles"));
	self->fd = open_named(self->name, O_RDWR);
	ASSERT_GE(self->fd, 0);
	EXPECT_EQ(self->id, geometry(self->fd).store_id);
	EXPECT_EQ(1, sysfs_number(self->id, "handles"));
}

TEST_F(lifetime, an_unlinked_store_lives_until_its_last_handle_closes)
{
	int other = open_named(self->name, O_RDWR);
	struct mapped m;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, map_store(other, PROT_READ | PROT_WRITE, &m));
	EXPECT_EQ(0, by_name(self->fd, SPL_IOC_UNLINK, self->name));
	EXPECT_EQ(-ENOENT, by_name(self->fd, SPL_IOC_UNLINK, self->name));
	EXPECT_EQ(-ENOENT, open_named(self->name, O_RDWR));
	EXPECT_EQ(0, sysfs_number(self->id, "linked"));
	close(self->fd);
	EXPECT_EQ(100, sysfs_number(self->id, "lanes"));
	((char *)m.data)[0] = 1;
	/* The name is free again, for another store. */
	self->fd = open_new(self->name, small(50));
	ASSERT_GE(self->fd, 0);
	EXPECT_LT(self->id, geometry(self->fd).store_id);
	close(other);
	/* The mapping is a handle too. */
	EXPECT_EQ(100, sysfs_number(self->id, "lanes"));
	EXPECT_EQ(1, ((char *)m.data)[0]);
	unmap_store(&m);
	EXPECT_EQ(-1, sysfs_number(self->id, "lanes"));
}

TEST_F(lifetime, destroy_needs_to_be_alone)
{
	int other = open_named(self->name, O_RDONLY);

	EXPECT_EQ(-EBUSY, by_name(self->fd, SPL_IOC_DESTROY, self->name));
	close(other);
	/* From a handle that isn't attached to it: the one that is counts. */
	other = dev_open(O_RDWR);
	EXPECT_EQ(-EBUSY, by_name(other, SPL_IOC_DESTROY, self->name));
	close(self->fd);
	EXPECT_EQ(0, by_name(other, SPL_IOC_DESTROY, self->name));
	EXPECT_EQ(-1, sysfs_number(self->id, "lanes"));
	EXPECT_EQ(-ENOENT, by_name(other, SPL_IOC_DESTROY, self->name));
	self->fd = other;
}

TEST_F(lifetime, destroy_by_its_only_handle)
{
	EXPECT_EQ(0, by_name(self->fd, SPL_IOC_DESTROY, self->name));
	EXPECT_EQ(100, sysfs_number(self->id, "lanes"));
	EXPECT_EQ(-ENOENT, open_named(self->name, O_RDWR));
}

TEST_F(lifetime, a_handle_is_attached_by_name_once_and_before_it_is_used)
{
	int fd = dev_open(O_RDWR);
	void *p;

	EXPECT_EQ(-EBUSY, attach(self->fd, self->name));
	EXPECT_EQ(-EBUSY, create(self->fd, "another", small(1)));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-EBUSY, attach(fd, self->name));
	EXPECT_EQ(-EBUSY, create(fd, "another", small(1)));
	munmap(p, 4096);
	ASSERT_LE(0, reg(fd));
	EXPECT_EQ(-EBUSY, attach(fd, self->name));
	EXPECT_EQ(0, unreg(fd, 0));
	EXPECT_EQ(-ENOENT, attach(fd, "no such store"));
	EXPECT_EQ(0, attach(fd, self->name));
	EXPECT_EQ(-EBUSY, attach(fd, ""));
	EXPECT_EQ(self->id, geometry(fd).store_id);
	close(fd);
}

TEST_F(lifetime, open_refuses_long_names)
{
	struct spl_ioc_open o = { .size = sizeof(o),
				  .name = (uintptr_t)self->name,
				  .name_len = 256 };
	int fd = dev_open(O_RDWR);

	EXPECT_EQ(-ENAMETOOLONG, call(fd, SPL_IOC_OPEN, &o));
	EXPECT_EQ(-ENAMETOOLONG, call(fd, SPL_IOC_UNLINK, &o));
	o.name_len = 0;
	EXPECT_EQ(0, call(fd, SPL_IOC_OPEN, &o));
	close(fd);
}

/* The child's verdict on what another user may do with a store of root's. */
static int as_user(const char *name, uid_t uid, gid_t gid, int flags)
{
	pid_t pid = fork();
	int fd, ret;

	if (!pid) {
		drop_to(uid, gid);
		fd = dev_open(flags);
		if (fd < 0)
			_exit(98);
		ret = attach(fd, name);
		_exit(-ret);
	}
	return wait_for(pid);
}

TEST_F(lifetime, modes_are_enforced)
{
	static const struct {
		__u32 mode;
		int owner_r, owner_rw, group_r, group_rw, other_r, other_rw;
	} tries[] = {
		{ 0600, 0, 0, EACCES, EACCES, EACCES, EACCES },
		{ 0640, 0, 0, 0, EACCES, EACCES, EACCES },
		{ 0644, 0, 0, 0, EACCES, 0, EACCES },
		{ 0666, 0, 0, 0, 0, 0, 0 },
		{ 0444, 0, EACCES, 0, EACCES, 0, EACCES },
		{ 0222, EACCES, EACCES, EACCES, EACCES, EACCES, EACCES },
		{ 0066, EACCES, EACCES, 0, 0, 0, 0 },
		{ 0606, 0, 0, EACCES, EACCES, 0, 0 },
	};
	struct stat st;
	char name[48];
	size_t i;

	umask(0);
	ASSERT_EQ(0, stat(DEV, &st));
	ASSERT_EQ(0, chmod(DEV, 0666));
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		pid_t pid;

		snprintf(name, sizeof(name), "%s.%o", self->name, tries[i].mode);
		pid = fork();
		if (!pid) {
			struct spl_ioc_create c = create_arg(name, small(1));

			drop_to(1001, 2001);
			c.mode = tries[i].mode;
			_exit(-call(dev_open(O_RDWR), SPL_IOC_CREATE, &c));
		}
		ASSERT_EQ(0, wait_for(pid));
		EXPECT_EQ(tries[i].owner_r, as_user(name, 1001, 2009, O_RDONLY));
		EXPECT_EQ(tries[i].owner_rw, as_user(name, 1001, 2009, O_RDWR));
		EXPECT_EQ(tries[i].group_r, as_user(name, 1002, 2001, O_RDONLY));
		EXPECT_EQ(tries[i].group_rw, as_user(name, 1002, 2001, O_RDWR));
		EXPECT_EQ(tries[i].other_r, as_user(name, 1003, 2003, O_RDONLY));
		EXPECT_EQ(tries[i].other_rw, as_user(name, 1003, 2003, O_RDWR))
		{
			TH_LOG("mode %o", tries[i].mode);
		}
		EXPECT_EQ(0, as_user(name, 0, 0, O_RDWR));
		EXPECT_EQ(0, unlink_store(name));
	}
	ASSERT_EQ(0, chmod(DEV, st.st_mode & 0777));
}

TEST_F(lifetime, the_umask_applies)
{
	struct spl_ioc_create c = create_arg("", small(1));
	int fd = dev_open(O_RDWR);
	char name[48];

	snprintf(name, sizeof(name), "%s.umask", self->name);
	c.name = (uintptr_t)name;
	c.name_len = strlen(name);
	c.mode = 0666;
	umask(027);
	EXPECT_EQ(0, call(fd, SPL_IOC_CREATE, &c));
	EXPECT_EQ(0640, sysfs_number(c.store_id, "mode"));
	EXPECT_EQ(0, unlink_store(name));
	close(fd);
}

/* Privileges that are gone when the call is made, or come later, don't count: it's the open that decides. */
TEST_F(lifetime, the_openers_credentials_count)
{
	pid_t pid = fork();
	struct stat st;

	if (!pid) {
		int fd = dev_open(O_RDWR);

		drop_to(1001, 2001);
		_exit(-attach(fd, self->name));
	}
	EXPECT_EQ(0, wait_for(pid));
	ASSERT_EQ(0, stat(DEV, &st));
	chmod(DEV, 0666);
	pid = fork();
	if (!pid) {
		int fd;

		setresuid(-1, 1001, -1);
		fd = dev_open(O_RDWR);
		setresuid(-1, 0, -1);
		_exit(-attach(fd, self->name));
	}
	EXPECT_EQ(EACCES, wait_for(pid));
	chmod(DEV, st.st_mode & 0777);
}

TEST_F(lifetime, only_owners_unlink)
{
	struct stat st;
	pid_t pid;

	ASSERT_EQ(0, stat(DEV, &st));
	chmod(DEV, 0666);
	pid = fork();
	if (!pid) {
		int fd;

		drop_to(1001, 2001);
		fd = dev_open(O_RDWR);
		if (by_name(fd, SPL_IOC_UNLINK, self->name) != -EACCES ||
		    by_name(fd, SPL_IOC_DESTROY, self->name) != -EACCES ||
		    by_name(fd, SPL_IOC_UNLINK, "") != -EINVAL)
			_exit(1);
		_exit(0);
	}
	EXPECT_EQ(0, wait_for(pid));
	pid = fork();
	if (!pid) {
		drop_to(1001, 2001);
		if (open_new("mine", small(1)) < 0 || unlink_store("mine"))
			_exit(1);
		_exit(0);
	}
	EXPECT_EQ(0, wait_for(pid));
	chmod(DEV, st.st_mode & 0777);
}

TEST_F(lifetime, list_tells_every_store_once_in_order_of_ids)
{
	struct spl_ioc_list l = { .size = sizeof(l) };
	char names[20][SPL_NAME_MAX + 1];
	static __u64 buf[128];
	struct spl_store_entry *e;
	int fd[20], i, seen = 0, rounds = 0;
	__u64 last = 0;
	__u32 off;

	for (i = 0; i < 20; i++) {
		snprintf(names[i], sizeof(names[i]), "%s.%0*d", self->name, 1 + i * 10, i);
		fd[i] = open_new(names[i], small(10 + i));
		ASSERT_GE(fd[i], 0);
	}
	l.buf = (uintptr_t)buf;
	do {
		l.buf_bytes = sizeof(buf);
		ASSERT_EQ(0, call(self->fd, SPL_IOC_LIST, &l));
		ASSERT_LE(l.buf_bytes, sizeof(buf));
		for (off = 0; off < l.buf_bytes; off += e->record_bytes) {
			e = (void *)((char *)buf + off);
			ASSERT_EQ(0, e->record_bytes % 8);
			ASSERT_GE(e->record_bytes, sizeof(*e) + e->name_len);
			ASSERT_LT(last, e->store_id);
			last = e->store_id;
			for (i = 0; i < 20; i++) {
				if (strlen(names[i]) != e->name_len ||
				    memcmp(names[i], e->name, e->name_len))
					continue;
				seen |= 1 << i;
				EXPECT_EQ(10 + i, (int)e->lanes);
				EXPECT_EQ(1, e->handles);
				EXPECT_EQ(0, e->writers);
				EXPECT_EQ(0600, e->mode);
				EXPECT_EQ(0, e->uid);
				EXPECT_EQ(geometry(fd[i]).bytes, e->bytes);
			}
		}
		rounds++;
	} while (l.cursor);
	EXPECT_EQ((1 << 20) - 1, seen);
	EXPECT_LT(3, rounds);

	l.cursor = 0;
	l.buf_bytes = 8;
	EXPECT_EQ(-ENOBUFS, call(self->fd, SPL_IOC_LIST, &l));
	l.cursor = ~0ULL;
	l.buf_bytes = sizeof(buf);
	EXPECT_EQ(0, call(self->fd, SPL_IOC_LIST, &l));
	EXPECT_EQ(0, l.nr);
	EXPECT_EQ(0, l.buf_bytes);
	EXPECT_EQ(0, l.cursor);
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(0, unlink_store(names[i]));
		close(fd[i]);
	}
}

TEST_F(lifetime, stores_come_and_go_under_load)
{
	int i, k, bad = 0;
	pid_t pid[4];

	for (k = 0; k < 4; k++) {
		pid[k] = fork();
		if (pid[k])
			continue;
		for (i = 0; i < 100; i++) {
			struct spl_ioc_create c = create_arg("contended", small(50));
			int fd = dev_open(O_RDWR), ret;

			c.flags = SPL_CREATE_OR_OPEN;
			ret = call(fd, SPL_IOC_CREATE, &c);
			if (ret || geometry(fd).store_id != c.store_id)
				_exit(1);
			if (i % 3 == k % 3) {
				ret = by_name(fd, i % 2 ? SPL_IOC_DESTROY : SPL_IOC_UNLINK,
					      "contended");
				if (ret && ret != -EBUSY && ret != -ENOENT)
					_exit(2);
			}
			close(fd);
		}
		_exit(0);
	}
	for (k = 0; k < 4; k++)
		bad |= wait_for(pid[k]);
	EXPECT_EQ(0, bad);
	unlink_store("contended");
}

TEST_HARNESS_MAIN
