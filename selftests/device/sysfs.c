// SPDX-License-Identifier: MIT
/*
 * sysfs.c - the files below /sys/class/misc/splinter: one value each, none writable, gone with their store.
 */
#include "kselftest_harness.h"
#include "device.h"
#include <dirent.h>

static const char *const store_files[] = {
	"name",	       "linked",	 "uid",		 "gid",	      "mode",
	"lanes",       "lanes_total",	 "lanes_used",	 "value_max", "key_max",
	"max_writers", "spares",	 "policy",	 "node",      "bytes",
	"pages",       "huge_pages",	 "pages_node0",	 "handles",   "writers",
	"reaps",       "reaps_finished", "reaps_undone", "publishes", "inserts",
	"deletes",     "conflicts",	 "helps",	 "full",      "attr_changes",
	"channels",    "watch",		 "feed",	 "sleepers",  "rings",
	"wakeups",
};

static int read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY), n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	buf[n < 0 ? 0 : n] = 0;
	close(fd);
	return n;
}

TEST(the_module_tells_of_itself)
{
	EXPECT_EQ(SPL_ABI_VERSION, sysfs_number(0, "abi"));
	EXPECT_EQ(SPL_FEATURE_ATTR | SPL_FEATURE_HUGE | SPL_FEATURE_NUMA | SPL_FEATURE_SIGNAL |
			  SPL_FEATURE_FEED | SPL_FEATURE_CHANNELS,
		  sysfs_number(0, "features"));
	EXPECT_LE(0, sysfs_number(0, "stores_count"));
	EXPECT_LE(0, sysfs_number(0, "gid"));
}

TEST(every_store_has_its_files_one_line_each_and_none_writable)
{
	int fd = open_new("sysfs: k\xc3\xb6nig", small(77)), n;
	__u64 id = geometry(fd).store_id;
	char path[400], buf[4096];
	struct dirent *e;
	struct stat st;
	int known = 0, unknown = 0;
	size_t i;
	DIR *d;

	ASSERT_GE(fd, 0);
	snprintf(path, sizeof(path), SYSFS "/stores/%llu", (unsigned long long)id);
	d = opendir(path);
	ASSERT_NE(NULL, d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		for (i = 0; i < sizeof(store_files) / sizeof(store_files[0]); i++)
			if (!strcmp(e->d_name, store_files[i]))
				break;
		if (i < sizeof(store_files) / sizeof(store_files[0]))
			known++;
		else
			unknown += strncmp(e->d_name, "pages_node", 10) != 0;
		snprintf(path, sizeof(path), SYSFS "/stores/%llu/%s", (unsigned long long)id,
			 e->d_name);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0444, st.st_mode & 0777);
		n = read_file(path, buf, sizeof(buf));
		EXPECT_LT(0, n);
		EXPECT_EQ(buf + n - 1, strchr(buf, '\n'))
		{
			TH_LOG("%s", e->d_name);
		}
	}
	closedir(d);
	EXPECT_EQ((int)(sizeof(store_files) / sizeof(store_files[0])), known);
	EXPECT_EQ(0, unknown);
	snprintf(path, sizeof(path), SYSFS "/stores/%llu/name", (unsigned long long)id);
	read_file(path, buf, sizeof(buf));
	EXPECT_STREQ("sysfs: k\xc3\xb6nig\n", buf);
	EXPECT_EQ(77, sysfs_number(id, "lanes"));
	EXPECT_EQ(0, sysfs_number(id, "lanes_used"));
	EXPECT_EQ(64, sysfs_number(id, "value_max"));
	EXPECT_EQ(1, sysfs_number(id, "handles"));
	EXPECT_EQ(0600, sysfs_number(id, "mode"));
	EXPECT_EQ((long long)geometry(fd).bytes, sysfs_number(id, "bytes"));
	EXPECT_EQ(0, by_name(fd, SPL_IOC_UNLINK, "sysfs: k\xc3\xb6nig"));
	EXPECT_EQ(0, sysfs_number(id, "linked"));
	close(fd);
	EXPECT_EQ(-1, sysfs_number(id, "lanes"));
}

/* Whoever reads while stores go is served or told that they are gone. */
TEST(files_are_read_while_stores_come_and_go)
{
	pid_t pid = fork();
	char name[32], path[400], buf[4096];
	struct dirent *e;
	int i, n, bad = 0;
	DIR *d;

	if (!pid) {
		for (i = 0; i < 150; i++) {
			int fd;

			snprintf(name, sizeof(name), "sysfs%d", i);
			fd = open_new(name, small(500));
			if (fd < 0 || by_name(fd, SPL_IOC_DESTROY, name))
				_exit(1);
			close(fd);
		}
		_exit(0);
	}
	while (waitpid(pid, &i, WNOHANG) == 0) {
		d = opendir(SYSFS "/stores");
		while (d && (e = readdir(d))) {
			if (e->d_name[0] == '.')
				continue;
			for (n = 0; n < 6; n++) {
				static const char *const f[] = { "lanes_used", "publishes",
								 "name",       "pages_node0",
								 "handles",    "policy" };
				int ret;

				snprintf(path, sizeof(path), SYSFS "/stores/%s/%s", e->d_name,
					 f[n]);
				ret = read_file(path, buf, sizeof(buf));
				bad += ret < 0 && ret != -ENOENT && ret != -ENODEV;
			}
		}
		if (d)
			closedir(d);
	}
	EXPECT_EQ(0, i);
	EXPECT_EQ(0, bad);
}

TEST_HARNESS_MAIN
