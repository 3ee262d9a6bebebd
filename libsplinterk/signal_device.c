// SPDX-License-Identifier: MIT
/* signal_device.c - sleeping and waking by the module: the ioctls of splinter_wait.h, and read(2). */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

_Static_assert(SPLK_FOREVER == SPL_WAIT_FOREVER, "deadlines are passed on");

int device_ring(struct splk_store *store, const struct spl_counters *due)
{
	struct spl_ioc_ring arg = {
		.size = sizeof(arg),
		.groups = due->groups,
		.bells = due->bells,
	};

	/* Never interrupted; readers wait for it, so it goes the shortest way. */
	return ioctl(store->fd, SPL_IOC_RING, &arg) ? -errno : 0;
}

/* The deadline is a time, so that a call that is made again ends when the first one would have. */
static int sleep_in(struct splk_store *store, struct spl_ioc_wait *arg, uint32_t flags)
{
	int saved = errno, r;

	do
		r = ioctl(store->fd, SPL_IOC_WAIT, arg) ? -errno : 0;
	while (r == -EINTR && !(flags & SPLK_INTERRUPTIBLE));
	errno = saved;
	return r == -ENOTTY ? -EOPNOTSUPP : r; /* a module from before signals */
}

int device_wait_groups(struct splk_store *store, struct splk_group_count *counts, uint32_t n,
		       uint64_t deadline, uint32_t flags)
{
	struct splk_group_count now[SPL_GROUPS];
	struct spl_ioc_wait arg = {
		.size = sizeof(arg),
		.counts = (uintptr_t)now,
		.nr = n,
		.deadline_ns = deadline,
	};
	int moved = 0, err;
	uint32_t i;

	/* One that is as it was, in spite of what the kernel saw, was written by who mustn't: there is more to wait for. */
	do {
		memcpy(now, counts, n * sizeof(*now));
		err = sleep_in(store, &arg, flags);
		for (i = 0; !err && i < n; i++)
			moved += now[i].count != counts[i].count;
	} while (!err && !moved);
	if (!err)
		memcpy(counts, now, n * sizeof(*now));
	return err ? err : moved;
}

int device_wait_key(struct splk_store *store, const void *key, uint32_t klen, uint64_t *epoch,
		    uint64_t deadline, uint32_t flags)
{
	struct spl_ioc_wait arg = {
		.size = sizeof(arg),
		.flags = SPL_WAIT_KEY,
		.key = (uintptr_t)key,
		.klen = klen,
		.epoch = *epoch,
		.deadline_ns = deadline,
	};
	int err = sleep_in(store, &arg, flags);

	if (!err)
		*epoch = arg.epoch;
	return err;
}

int device_subscribe(struct splk_store *store, uint64_t groups)
{
	struct spl_ioc_subscribe arg = { .size = sizeof(arg), .groups = groups };

	return device_call(store->fd, SPL_IOC_SUBSCRIBE, &arg);
}

long device_pulses(struct splk_store *store, struct splk_pulses *pulses, size_t n)
{
	int saved = errno;
	ssize_t r = read(store->fd, pulses, (n < SPL_GROUPS ? n : SPL_GROUPS) * sizeof(*pulses));

	if (r < 0)
		r = -errno;
	errno = saved;
	return r < 0 ? r : r / (ssize_t)sizeof(*pulses);
}

int device_eventfd(struct splk_store *store, int fd, uint64_t groups, uint32_t flags)
{
	struct spl_ioc_eventfd arg = {
		.size = sizeof(arg),
		.flags = flags,
		.groups = groups,
		.fd = fd,
	};

	return device_call(store->fd, SPL_IOC_EVENTFD, &arg);
}
