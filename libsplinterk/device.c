// SPDX-License-Identifier: MIT
/* device.c - stores of /dev/splinter: every ioctl that concerns them is here. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

int device_call(int fd, unsigned long request, void *arg)
{
	int r;

	do
		r = ioctl(fd, request, arg);
	while (r < 0 && errno == EINTR && request != SPL_IOC_CHECK);
	if (r >= 0)
		return 0;
	/* Something answers under our name that isn't us, or is older than the call. */
	return errno == ENOTTY ? -ENODEV : -errno;
}

/* An open descriptor of the device, with what it told of itself. */
static int open_device(const char *path, int mode, struct spl_ioc_info *info)
{
	int err, fd = open(path, mode | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENXIO || errno == ENOTDIR ? -ENODEV : -errno;
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	/* No ioctl of ours reaches a file of another kind: the number might mean something there. */
	if (fstat(fd, &st) || !S_ISCHR(st.st_mode))
		err = -ENODEV;
	else
		err = device_call(fd, SPL_IOC_INFO, info);
	if (!err && info->abi != SPL_ABI_VERSION)
		err = -EPROTONOSUPPORT;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int map_info(struct splk_store *store)
{
	void *page = mmap(NULL, SPL_PAGE_BYTES, PROT_READ, MAP_SHARED, store->fd, 0);

	if (page == MAP_FAILED)
		return errno == ENXIO ? -ENOENT : -errno; /* ENXIO: the handle has no store */
	store->info_map = page;
	return 0;
}

/* Takes over @fd, also on failure. */
int device_attach(int fd, bool read_only, struct splk_store **store)
{
	struct splk_store *new = store_new(fd, &device_backend, read_only);
	int err;

	if (!new) {
		close(fd);
		return -ENOMEM;
	}
	err = map_info(new);
	if (!err)
		err = store_map(new, new->info_map);
	if (err)
		store_free(new);
	else
		*store = new;
	return err;
}

static int create(int fd, const struct spec *spec, const struct splk_options *opt)
{
	struct spl_ioc_create arg = {
		.size = sizeof(arg),
		.flags = opt->flags & SPLK_EXCL ? 0 : SPL_CREATE_OR_OPEN,
		.name = (uintptr_t)spec->name,
		.name_len = (uint32_t)spec->name_len,
		.mode = opt->mode,
		.geometry = opt->geometry,
	};
	sigset_t held;
	int err;

	signals_hold(&held);
	err = device_call(fd, SPL_IOC_CREATE, &arg);
	signals_release(&held);
	return err;
}

static int attach(int fd, const struct spec *spec)
{
	struct spl_ioc_open arg = {
		.size = sizeof(arg),
		.name = (uintptr_t)spec->name,
		.name_len = (uint32_t)spec->name_len,
	};

	/* A fresh handle is the default store's already. */
	return spec->name_len ? device_call(fd, SPL_IOC_OPEN, &arg) : 0;
}

int device_open(const struct spec *spec, const struct splk_options *opt, struct splk_store **store)
{
	bool read_only = opt->flags & SPLK_READ_ONLY;
	struct spl_ioc_info info;
	int err, fd;

	if ((opt->flags & SPLK_CREATE) && !spec->name_len)
		return -EINVAL; /* the default store is made by whoever loads the module */
	fd = open_device(opt->device, read_only ? O_RDONLY : O_RDWR, &info);
	if (fd < 0)
		return fd;
	err = opt->flags & SPLK_CREATE ? create(fd, spec, opt) : attach(fd, spec);
	if (err) {
		close(fd);
		return err;
	}
	return device_attach(fd, read_only, store);
}

int device_unlink(const struct spec *spec, const struct splk_options *opt, uint32_t flags)
{
	struct spl_ioc_unlink arg = {
		.size = sizeof(arg),
		.name = (uintptr_t)spec->name,
		.name_len = (uint32_t)spec->name_len,
	};
	struct spl_ioc_info info;
	int err, fd;

	if (!spec->name_len)
		return -EINVAL; /* the default store ends with the module */
	fd = open_device(opt->device, O_RDWR, &info);
	if (fd < 0)
		return fd;
	err = device_call(fd, flags & SPLK_DESTROY ? SPL_IOC_DESTROY : SPL_IOC_UNLINK, &arg);
	close(fd);
	return err;
}

/* @change: what is to be set; the rest is filled in here */
int device_setattr(const struct spec *spec, const struct splk_options *opt,
		   struct spl_ioc_setattr *change)
{
	struct spl_ioc_info info;
	int err, fd;

	if (!spec->name_len)
		return -EINVAL; /* the default store is open to who may open the device */
	fd = open_device(opt->device, O_RDONLY, &info);
	if (fd < 0)
		return fd;
	change->size = sizeof(*change);
	change->name = (uintptr_t)spec->name;
	change->name_len = (uint32_t)spec->name_len;
	err = device_call(fd, SPL_IOC_SETATTR, change);
	close(fd);
	return err;
}

int device_info(const char *device, struct spl_ioc_info *info)
{
	int fd = open_device(device, O_RDONLY, info);

	if (fd < 0) {
		memset(info, 0, sizeof(*info));
		return fd;
	}
	close(fd);
	return 0;
}

int device_geometry(const struct splk_store *store, struct spl_ioc_geometry *geometry)
{
	memset(geometry, 0, sizeof(*geometry));
	geometry->size = sizeof(*geometry);
	return device_call(store->fd, SPL_IOC_GEOMETRY, geometry);
}

/* The list is asked for through a handle of the default store, which is nobody's but this call's. */
static void forget_own(struct spl_store_entry *entry)
{
	if (!entry->name_len && entry->handles)
		entry->handles--;
}

static int each_record(char *buf, const struct spl_ioc_list *list,
		       int (*each)(const struct spl_store_entry *entry, void *arg), void *arg)
{
	struct spl_store_entry *entry;
	uint32_t i, off = 0;
	int r = 0;

	for (i = 0; i < list->nr && !r; i++, off += entry->record_bytes) {
		entry = (struct spl_store_entry *)(buf + off);
		forget_own(entry);
		r = each(entry, arg);
	}
	return r;
}

int splk_stores(const struct splk_options *options,
		int (*each)(const struct spl_store_entry *entry, void *arg), void *arg)
{
	struct spl_ioc_list list = { .size = sizeof(list) };
	const uint32_t room = 64 << 10; /* many times the longest record */
	struct splk_options opt;
	struct spl_ioc_info info;
	void *buf;
	int fd, r;

	if (!each)
		return -EINVAL;
	r = options_take(options, 0, &opt);
	if (r)
		return r;
	fd = open_device(opt.device, O_RDONLY, &info);
	if (fd < 0)
		return fd;
	buf = malloc(room);
	r = buf ? 0 : -ENOMEM;
	while (!r) {
		list.buf = (uintptr_t)buf;
		list.buf_bytes = room;
		r = device_call(fd, SPL_IOC_LIST, &list);
		if (!r)
			r = each_record(buf, &list, each, arg);
		if (!list.cursor)
			break;
	}
	free(buf);
	close(fd);
	return r;
}

static int register_writer(struct splk_store *store, struct claim *claim)
{
	struct spl_ioc_register arg = { .size = sizeof(arg) };
	int err = device_call(store->fd, SPL_IOC_REGISTER, &arg);

	claim->idx = arg.writer;
	/* "try again" would be the wrong advice: nothing changes before a writer leaves. */
	return err == -EAGAIN ? -EUSERS : err;
}

static void unregister_writer(struct splk_store *store, const struct claim *claim, bool own)
{
	struct spl_ioc_unregister arg = { .size = sizeof(arg), .writer = claim->idx };

	/* Not left to the kernel: a child of fork, or a duplicate, may keep the file open when the handle goes. */
	if (!own)
		arg.flags = SPL_UNREGISTER_PROCESS;
	(void)device_call(store->fd, SPL_IOC_UNREGISTER, &arg);
}

static int reap(struct splk_store *store, struct splk_reaped *reaped)
{
	struct spl_ioc_reap arg = { .size = sizeof(arg) };
	int err = device_call(store->fd, SPL_IOC_REAP, &arg);

	reaped->writers = arg.writers;
	reaped->alive = arg.alive;
	reaped->finished = arg.finished;
	reaped->undone = arg.undone;
	return err;
}

static int check(struct splk_store *store, uint32_t flags, struct spl_check_counts *counts)
{
	struct spl_ioc_check arg = { .size = sizeof(arg), .flags = flags };
	int err = device_call(store->fd, SPL_IOC_CHECK, &arg);

	*counts = arg.counts;
	return err;
}

const struct backend device_backend = {
	.claim = register_writer,
	.release = unregister_writer,
	.reap = reap,
	.check = check,
	.ring = device_ring,
	.wait_groups = device_wait_groups,
	.wait_key = device_wait_key,
	.subscribe = device_subscribe,
	.pulses = device_pulses,
	.eventfd = device_eventfd,
};
