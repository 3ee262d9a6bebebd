/* SPDX-License-Identifier: MIT */
/*
 * device.h - what the tests of /dev/splinter share: calls that return negative errors, stores with little typing.
 */
#ifndef SPL_TEST_DEVICE_H
#define SPL_TEST_DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "splinter_ops.h"

#define DEV "/dev/splinter"
#define SYSFS "/sys/class/misc/splinter"
#define UNUSED __attribute__((unused))

static UNUSED int dev_open(int flags)
{
	int fd = open(DEV, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static UNUSED int call(int fd, unsigned int cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

/* A geometry of @lanes small values. */
static UNUSED struct spl_geometry small(__u64 lanes)
{
	struct spl_geometry g = {
		.lanes = lanes,
		.value_max = 64,
		.node = -1,
	};

	return g;
}

static UNUSED struct spl_ioc_create create_arg(const char *name, struct spl_geometry g)
{
	struct spl_ioc_create c = {
		.size = sizeof(c),
		.name = (uintptr_t)name,
		.name_len = strlen(name),
		.mode = 0600,
		.geometry = g,
	};

	return c;
}

static UNUSED int create(int fd, const char *name, struct spl_geometry g)
{
	struct spl_ioc_create c = create_arg(name, g);

	return call(fd, SPL_IOC_CREATE, &c);
}

/* A handle of its own on a new store. */
static UNUSED int open_new(const char *name, struct spl_geometry g)
{
	int fd = dev_open(O_RDWR), ret;

	if (fd < 0)
		return fd;
	ret = create(fd, name, g);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

static UNUSED int attach(int fd, const char *name)
{
	struct spl_ioc_open o = {
		.size = sizeof(o),
		.name = (uintptr_t)name,
		.name_len = strlen(name),
	};

	return call(fd, SPL_IOC_OPEN, &o);
}

static UNUSED int open_named(const char *name, int flags)
{
	int fd = dev_open(flags), ret;

	if (fd < 0)
		return fd;
	ret = attach(fd, name);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

static UNUSED int by_name(int fd, unsigned int cmd, const char *name)
{
	struct spl_ioc_unlink u = {
		.size = sizeof(u),
		.name = (uintptr_t)name,
		.name_len = strlen(name),
	};

	return call(fd, cmd, &u);
}

static UNUSED int unlink_store(const char *name)
{
	int fd = dev_open(O_RDWR), ret;

	if (fd < 0)
		return fd;
	ret = by_name(fd, SPL_IOC_UNLINK, name);
	close(fd);
	return ret;
}

static UNUSED struct spl_ioc_geometry geometry(int fd)
{
	struct spl_ioc_geometry g = { .size = sizeof(g) };

	if (ioctl(fd, SPL_IOC_GEOMETRY, &g))
		memset(&g, 0, sizeof(g));
	return g;
}

static UNUSED int reg(int fd)
{
	struct spl_ioc_register r = { .size = sizeof(r) };
	int ret = call(fd, SPL_IOC_REGISTER, &r);

	return ret ? ret : (int)r.writer;
}

static UNUSED int unreg(int fd, __u32 writer)
{
	struct spl_ioc_unregister u = { .size = sizeof(u), .writer = writer };

	return call(fd, SPL_IOC_UNREGISTER, &u);
}

static UNUSED struct spl_ioc_reap reap(int fd)
{
	struct spl_ioc_reap r = { .size = sizeof(r) };

	if (ioctl(fd, SPL_IOC_REAP, &r))
		memset(&r, 0xff, sizeof(r));
	return r;
}

static UNUSED int check(int fd, __u32 flags, struct spl_check_counts *counts)
{
	struct spl_ioc_check c = { .size = sizeof(c), .flags = flags };
	int ret = call(fd, SPL_IOC_CHECK, &c);

	*counts = c.counts;
	return ret;
}

static UNUSED struct spl_self *map_self(int fd)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, SPL_MMAP_SELF);

	return p == MAP_FAILED ? NULL : p;
}

/* The store of a handle that is open for writing, mapped whole, with a view of it. */
struct mapped {
	struct spl_info *info;
	void *data;
	__u64 data_bytes;
	struct spl_store s;
};

static UNUSED int map_store(int fd, int prot, struct mapped *m)
{
	struct spl_ioc_geometry g = geometry(fd);
	void *p;

	if (!g.size || !g.map_bytes)
		return -ENXIO;
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	m->info = p;
	m->data_bytes = g.map_bytes - g.data_off;
	m->data = mmap(NULL, m->data_bytes, prot, MAP_SHARED, fd, g.data_off);
	if (m->data == MAP_FAILED)
		return -errno;
	return spl_store_attach(&m->s, m->info, m->data, m->data_bytes);
}

static UNUSED void unmap_store(struct mapped *m)
{
	munmap(m->info, 4096);
	munmap(m->data, m->data_bytes);
}

/* A number from a file of a store's folder, or of the module's if @id is 0; -1: no such file. */
static UNUSED long long sysfs_number(__u64 id, const char *file)
{
	long long n = -1;
	char path[256];
	FILE *f;

	if (id)
		snprintf(path, sizeof(path), SYSFS "/stores/%llu/%s", (unsigned long long)id, file);
	else
		snprintf(path, sizeof(path), SYSFS "/%s", file);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%lli", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

/* Waits for a child and tells its exit status; 256 and more: it was killed. */
static UNUSED int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* Does an access to @p die of a signal? 0: no, otherwise which. */
static UNUSED int dies_of(volatile char *p, int write)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		if (write)
			*p = 1;
		else
			(void)*p;
		_exit(0);
	}
	status = wait_for(pid);
	return status >= 256 ? status - 256 : 0;
}

static UNUSED void drop_to(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		_exit(99);
}

static UNUSED double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

#endif
