// SPDX-License-Identifier: MIT
/* channel_device.c - channels of /dev/splinter: every ioctl that concerns them is here. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "channel.h"

static int call(int fd, unsigned long request, void *arg)
{
	if (ioctl(fd, request, arg) >= 0)
		return 0;
	/* A module that is older than channels. */
	return errno == ENOTTY ? -EOPNOTSUPP : -errno;
}

/* The role came with the file. */
static int take(struct splk_channel *ch)
{
	(void)ch;
	return 0;
}

static void taken(struct splk_channel *ch)
{
	(void)ch;
}

static int wait(struct splk_channel *ch, uint64_t position, uint64_t deadline)
{
	struct spl_ioc_channel_wait arg = {
		.size = sizeof(arg),
		.position = position,
		.deadline_ns = deadline,
	};

	return call(ch->fd, SPL_IOC_CHANNEL_WAIT, &arg);
}

static void ring(struct splk_channel *ch)
{
	struct spl_ioc_channel_ring arg = { .size = sizeof(arg) };

	(void)call(ch->fd, SPL_IOC_CHANNEL_RING, &arg);
}

/* The kernel lets the role go when the file closes. */
static void release(struct splk_channel *ch)
{
	(void)ch;
}

static const struct channel_backend backend = {
	.kind = SPL_BACKEND_DEVICE,
	.take = take,
	.taken = taken,
	.wait = wait,
	.ring = ring,
	.release = release,
};

int channel_device_open(int fd, const char *name, const struct splk_channel_options *opt,
			struct splk_channel **channel)
{
	struct spl_ioc_channel_open arg = {
		.size = sizeof(arg),
		.name = (uintptr_t)name,
		.name_len = (uint32_t)strlen(name),
		.capacity = opt->capacity,
		.role = opt->role,
		.may = opt->may,
	};
	sigset_t held;
	int err;

	if ((opt->flags & SPLK_CREATE) || !*name) {
		arg.flags |= SPL_CHANNEL_CREATE;
		arg.mode = opt->mode;
	}
	if (opt->flags & SPLK_EXCL)
		arg.flags |= SPL_CHANNEL_EXCL;
	signals_hold(&held);
	err = call(fd, SPL_IOC_CHANNEL_OPEN, &arg);
	signals_release(&held);
	return err ? err : channel_make(arg.fd, &backend, opt, channel);
}

int channel_device_attach(int fd, const struct splk_channel_options *opt,
			  struct splk_channel **channel)
{
	struct spl_ioc_channel_info info = { .size = sizeof(info) };
	struct spl_ioc_channel_attach arg = {
		.size = sizeof(arg),
		.role = opt->role,
		.may = opt->may,
	};
	int err = call(fd, SPL_IOC_CHANNEL_INFO, &info), own;

	if (err)
		return err == -EOPNOTSUPP ? -EBADMSG : err; /* no channel file at all */
	/* An end that was passed on as it is. */
	if (opt->role != SPLK_CHANNEL_NONE && info.role == opt->role) {
		own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		return own < 0 ? -errno : channel_make(own, &backend, opt, channel);
	}
	err = call(fd, SPL_IOC_CHANNEL_ATTACH, &arg);
	return err ? err : channel_make(arg.fd, &backend, opt, channel);
}

int channel_device_unlink(int fd, const char *name)
{
	struct spl_ioc_unlink arg = {
		.size = sizeof(arg),
		.name = (uintptr_t)name,
		.name_len = (uint32_t)strlen(name),
	};

	return call(fd, SPL_IOC_CHANNEL_UNLINK, &arg);
}

static int each_record(char *buf, const struct spl_ioc_list *list,
		       int (*each)(const struct spl_channel_entry *entry, void *arg), void *arg)
{
	const struct spl_channel_entry *entry;
	uint32_t i, off = 0;
	int r = 0;

	for (i = 0; i < list->nr && !r; i++, off += entry->record_bytes) {
		entry = (const struct spl_channel_entry *)(void *)(buf + off);
		r = each(entry, arg);
	}
	return r;
}

int splk_channels(struct splk_store *store,
		  int (*each)(const struct spl_channel_entry *entry, void *arg), void *arg)
{
	struct spl_ioc_list list = { .size = sizeof(list) };
	const uint32_t room = 64 << 10; /* many times the longest record */
	void *buf;
	int r = 0;

	if (!store || !each)
		return -EINVAL;
	if (store->backend != &device_backend)
		return -EOPNOTSUPP;
	buf = malloc(room);
	if (!buf)
		return -ENOMEM;
	do {
		list.buf = (uintptr_t)buf;
		list.buf_bytes = room;
		r = call(splk_fd(store), SPL_IOC_CHANNEL_LIST, &list);
		if (!r)
			r = each_record(buf, &list, each, arg);
	} while (!r && list.cursor);
	free(buf);
	return r;
}
