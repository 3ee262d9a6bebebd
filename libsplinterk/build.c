// SPDX-License-Identifier: MIT
/*
 * build.c - makes embedded stores: reserves their memory, fills in the first content, and shows them to others only when
 * they are complete (channels too are made by these means). Attaching to them is embed.c's.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "internal.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Bytes that the machine could give without killing somebody for them; UINT64_MAX: not known. */
static uint64_t memory_available(void)
{
	uint64_t kib, sum = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	if (!f)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1 ||
		    sscanf(line, "SwapFree: %" SCNu64 " kB", &kib) == 1)
			sum += kib << 10;
	fclose(f);
	return sum ? sum : UINT64_MAX;
}

static bool in_memory(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (uint64_t)fs.f_type == TMPFS_MAGIC;
}

/* Bytes that the file system has for us; UINT64_MAX: it doesn't tell, like that of memfds. */
static uint64_t room_available(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) || !fs.f_blocks)
		return UINT64_MAX;
	return (uint64_t)fs.f_bavail * (uint64_t)(fs.f_frsize ? fs.f_frsize : fs.f_bsize);
}

/* Large pages come by faults on a mapping that asks for them; fallocate() asks for none. */
static void populate_large(int fd, uint64_t off, uint64_t bytes)
{
	void *at;

	if (bytes < SPL_CHUNK_BYTES)
		return;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)off);
	if (at == MAP_FAILED)
		return;
	/* The one without the other would only be a slower fallocate(). */
	if (!madvise(at, bytes, MADV_HUGEPAGE))
		(void)madvise(at, bytes, MADV_POPULATE_WRITE);
	munmap(at, bytes);
}

/* All of the file's room, now: a later write must find no lack of it. */
int build_reserve(int fd, uint64_t map_bytes, uint64_t data_off)
{
	bool memory = in_memory(fd);
	sigset_t held;
	int err = 0;

	/* The kernel would go on until something is killed, */
	if (memory && map_bytes > memory_available())
		return -ENOMEM;
	/* or fill the disk to its last block before it says that there is not enough. */
	if (map_bytes > room_available(fd))
		return -ENOSPC;
	if (ftruncate(fd, (off_t)map_bytes))
		return errno == EFBIG ? -ENOSPC : -errno;
	if (memory)
		populate_large(fd, data_off, map_bytes - data_off);
	signals_hold(&held);
	if (fallocate(fd, 0, 0, (off_t)map_bytes))
		err = errno == EFBIG ? ENOSPC : errno;
	if (err == EOPNOTSUPP)
		err = posix_fallocate(fd, 0, (off_t)map_bytes);
	signals_release(&held);
	return -err;
}

static int write_at(int fd, const void *from, size_t bytes, off_t off)
{
	ssize_t n = pwrite(fd, from, bytes, off);

	if (n < 0)
		return -errno;
	return (size_t)n == bytes ? 0 : -EIO;
}

static int format(int fd, const struct spl_info *info)
{
	size_t bytes = info->map_bytes - info->data_off;
	struct spl_store view;
	void *data =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)info->data_off);
	int err;

	if (data == MAP_FAILED)
		return -errno;
	err = spl_store_attach(&view, info, data, bytes);
	if (!err)
		spl_store_format(&view);
	munmap(data, bytes);
	return err;
}

static int fill_in(struct spl_info *info)
{
	uint64_t random[2];
	struct timespec now;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	clock_gettime(CLOCK_REALTIME, &now);
	info->magic = SPL_MAGIC;
	info->store_id = random[0] | 1;
	info->hash_seed = random[1];
	info->created_ns = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
	info->backend = SPL_BACKEND_EMBEDDED;
	info->geometry.node = -1;
	return 0;
}

static int build(int fd, const void *plan)
{
	struct spl_info info = *(const struct spl_info *)plan, unmarked;
	int err = fill_in(&info);

	if (!err)
		err = build_reserve(fd, info.map_bytes, info.data_off);
	if (!err)
		err = format(fd, &info);
	if (err)
		return err;
	/* The magic last: whoever got hold of the file by other ways than its name finds no store before it is one. */
	unmarked = info;
	unmarked.magic = 0;
	err = write_at(fd, &unmarked, sizeof(unmarked), 0);
	if (!err)
		err = write_at(fd, &info.magic, sizeof(info.magic), 0);
	return err;
}

int build_sealed(const char *label, int (*fill)(int fd, const void *plan), const void *plan)
{
	int err, fd = memfd_create(*label ? label : "splinter", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	err = fill(fd, plan);
	/* Nobody who is given it can make the others' accesses fail. */
	if (!err && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int build_memfd(const char *label, const struct spl_info *plan)
{
	return build_sealed(label, build, plan);
}

/* A file without a name in the folder of @path; with one, in @temp, where the file system has no such files. */
static int open_nameless(const char *path, uint32_t mode, char **temp)
{
	char *copy = strdup(path), *folder;
	uint64_t random;
	int fd;

	*temp = NULL;
	if (!copy)
		return -ENOMEM;
	folder = dirname(copy);
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random) ||
		    asprintf(temp, "%s/.splinter-%016" PRIx64, folder, random) < 0) {
			*temp = NULL;
			free(copy);
			return -ENOMEM;
		}
		fd = open(*temp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode);
	}
	if (fd < 0) {
		fd = -errno;
		free(*temp);
		*temp = NULL;
	}
	free(copy);
	return fd;
}

/* Gives the file its name, in one step and never over another file's. */
static int give_name(int fd, const char *temp, const char *path)
{
	char from[32];

	if (temp)
		return link(temp, path) ? -errno : 0;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

int build_named(const char *path, uint32_t mode, int (*fill)(int fd, const void *plan),
		const void *plan)
{
	struct stat st;
	char *temp;
	int err, fd;

	if (!lstat(path, &st)) /* before the work; the link decides */
		return -EEXIST;
	fd = open_nameless(path, mode, &temp);
	if (fd < 0)
		return fd;
	err = fill(fd, plan);
	if (!err)
		err = give_name(fd, temp, path);
	if (temp) {
		unlink(temp);
		free(temp);
	}
	if (!err)
		return fd;
	close(fd);
	return err;
}

int build_file(const char *path, uint32_t mode, const struct spl_info *plan)
{
	return build_named(path, mode, build, plan);
}
