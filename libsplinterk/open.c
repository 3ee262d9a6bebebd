// SPDX-License-Identifier: MIT
/* open.c - handles: which backend opens them, their mappings, their end. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

struct splk_store *store_new(int fd, const struct backend *backend, bool read_only)
{
	static uint64_t last_id;
	struct splk_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->fd = fd;
	store->backend = backend;
	store->read_only = read_only;
	store->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	return store;
}

/* Maps what follows the info page, of which @info is the page or a copy; checks all its numbers. */
int store_map(struct splk_store *store, const struct spl_info *info)
{
	uint64_t off = info->data_off, end = info->map_bytes;
	int prot = PROT_READ | (store->read_only ? 0 : PROT_WRITE);

	/* Page alignment is what the 16-byte words inside rely on. */
	if (off < SPL_PAGE_BYTES || off % SPL_PAGE_BYTES || end <= off || end > SPL_MMAP_SELF ||
	    end % SPL_PAGE_BYTES)
		return -EBADMSG;
	store->data_bytes = end - off;
	store->data = mmap(NULL, store->data_bytes, prot, MAP_SHARED, store->fd, (off_t)off);
	if (store->data == MAP_FAILED) {
		store->data = NULL;
		return -errno;
	}
	/* A wish: refused where the kernel has no large pages for such a file. */
	if (store->data_bytes >= SPL_CHUNK_BYTES)
		(void)madvise(store->data, store->data_bytes, MADV_HUGEPAGE);
	store->info = info;
	return spl_store_attach(&store->view, info, store->data, store->data_bytes);
}

void store_free(struct splk_store *store)
{
	if (store->data)
		munmap(store->data, store->data_bytes);
	if (store->info_map)
		munmap(store->info_map, SPL_PAGE_BYTES);
	if (store->fd >= 0)
		close(store->fd);
	free(store);
}

int splk_open(const char *spec, const struct splk_options *options, struct splk_store **store)
{
	struct splk_options opt;
	struct spec s;
	int err;

	if (!store)
		return -EINVAL;
	*store = NULL;
	err = spec_parse(spec, &s);
	if (!err)
		err = options_take(options, SPLK_OPEN_ALL, &opt);
	if (err)
		return err;
	switch (s.kind) {
	case SPEC_FD:
		return splk_attach_fd(s.fd, options, store);
	case SPEC_MEMFD:
	case SPEC_FILE:
		return embed_open(&s, &opt, store);
	case SPEC_DEVICE:
		return device_open(&s, &opt, store);
	}
	return -EINVAL;
}

int splk_attach_fd(int fd, const struct splk_options *options, struct splk_store **store)
{
	struct splk_options opt;
	struct stat st;
	char path[32];
	bool read_only;
	int err, mode, own = -1;

	if (!store)
		return -EINVAL;
	*store = NULL;
	err = options_take(options, SPLK_READ_ONLY, &opt);
	if (err)
		return err;
	read_only = opt.flags & SPLK_READ_ONLY;
	mode = fcntl(fd, F_GETFL);
	if (mode < 0 || fstat(fd, &st))
		return -errno;
	if ((mode & O_ACCMODE) == O_RDONLY && !read_only)
		return -EACCES;
	/*
	 * Of a descriptor that is open for writing, only one that is opened anew can keep mprotect() from it. (Not of a
	 * device: a new handle would be attached to the default store.)
	 */
	if (S_ISREG(st.st_mode) && read_only && (mode & O_ACCMODE) != O_RDONLY) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		own = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (own < 0)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return -errno;
	if (S_ISCHR(st.st_mode))
		return device_attach(own, read_only, store);
	return embed_attach(own, read_only, store);
}

int splk_fd(const struct splk_store *store)
{
	return store->fd;
}

void splk_close(struct splk_store *store)
{
	if (!store)
		return;
	writer_forget_store(store);
	store_free(store);
}

int splk_unlink(const char *spec, const struct splk_options *options, uint32_t flags)
{
	struct splk_options opt;
	struct spec s;
	int err;

	if (flags & ~SPLK_DESTROY)
		return -EINVAL;
	err = spec_parse(spec, &s);
	if (!err)
		err = options_take(options, 0, &opt);
	if (err)
		return err;
	switch (s.kind) {
	case SPEC_DEVICE:
		return device_unlink(&s, &opt, flags);
	case SPEC_FILE:
		return flags ? -EOPNOTSUPP : embed_unlink(&s);
	case SPEC_MEMFD:
	case SPEC_FD:
		break;
	}
	return -EINVAL;
}
