/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h - a memory cgroup of one's own, its files read and written.
 */
#ifndef SPL_TEST_CGROUP_H
#define SPL_TEST_CGROUP_H

#include "device.h"
#include <sys/mount.h>

struct cgroup {
	char root[64], path[128];
};

static UNUSED int cgroup_put_at(const char *dir, const char *file, const char *value)
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static UNUSED int cgroup_put(const struct cgroup *g, const char *file, const char *value)
{
	return cgroup_put_at(g->path, file, value);
}

/* The number that is all of a file, or that stands behind a word. */
static UNUSED long long cgroup_number(const struct cgroup *g, const char *file, const char *key)
{
	char path[256], word[64];
	long long n = -1, v;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", g->path, file);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (!key) {
		if (fscanf(f, "%lld", &n) != 1)
			n = -1;
	} else {
		while (fscanf(f, "%63s %lld", word, &v) == 2)
			if (!strcmp(word, key))
				n = v;
	}
	fclose(f);
	return n;
}

static UNUSED int cgroup_open(struct cgroup *g)
{
	int ret;

	snprintf(g->root, sizeof(g->root), "/tmp/memcg.%d", getpid());
	snprintf(g->path, sizeof(g->path), "%s/splinter", g->root);
	if (mkdir(g->root, 0700) || mount("none", g->root, "cgroup2", 0, NULL))
		return -errno;
	ret = cgroup_put_at(g->root, "cgroup.subtree_control", "+memory");
	return ret ? ret : mkdir(g->path, 0700) ? -errno : 0;
}

static UNUSED void cgroup_close(const struct cgroup *g)
{
	rmdir(g->path);
	umount2(g->root, MNT_DETACH);
	rmdir(g->root);
}

#endif
