// SPDX-License-Identifier: MIT
/* error.c - sentences for error numbers, as this library means them. */
#include <string.h>

#include "internal.h"

static const struct {
	int err;
	const char *text;
} texts[] = {
	{ 0, "Success" },
	{ EAGAIN,
	  "Not now: other writers were faster each time, or a channel has no message or no space; try again" },
	{ ENOENT, "No such key, or no such store" },
	{ ENOSPC, "All lanes of the store are taken, or the file system has no room for it" },
	{ EMSGSIZE,
	  "The key is longer than key_max, the value than value_max, a message than the channel takes, or the buffer too small" },
	{ EEXIST, "The key exists already, or a store of that name with another geometry" },
	{ EPROTOTYPE, "The value is not an integer of 8 bytes" },
	{ EDQUOT, "The quota doesn't allow a store of this size" },
	{ EBADMSG, "Not a splinter store, or a damaged or truncated one" },
	{ EPROTONOSUPPORT, "The store is of a version that this library doesn't know" },
	{ ESTALE, "The key has changed meanwhile: its epoch or labels are not as expected" },
	{ EBADF, "The handle is read-only" },
	{ EROFS, "The file system is read-only, or the store is sealed" },
	{ EUSERS,
	  "All writer cells of the store belong to live threads; a store with more max_writers is needed" },
	{ ENODEV,
	  "The splinter module is not loaded (no /dev/splinter): load it with modprobe splinter, or use an "
	  "embedded store (memfd: or file:PATH); or the machine has no such NUMA node" },
	{ EACCES, "The mode of the device, the store or the file doesn't allow it" },
	{ EPERM, "Not permitted: another owner's store, or another thread's allocation" },
	{ EINVAL,
	  "An argument makes no sense: an empty key, an unknown flag, a name or limit that can't be" },
	{ E2BIG, "The caller asks for an option that this version doesn't know" },
	{ EOVERFLOW, "Lanes times size is more than can be addressed" },
	{ ENOMEM, "Not enough memory for a store of this size" },
	{ ENOBUFS, "All rooms that a thread may hold at one time are given out" },
	{ EBUSY,
	  "Others have the store or that end of the channel, or this thread writes through the same "
	  "descriptor already" },
	{ EOPNOTSUPP, "This backend can't do that" },
	{ ENAMETOOLONG, "The name is too long" },
	{ EILSEQ, "The name is not UTF-8" },
	{ ENXIO, "The handle has no store" },
	{ EPIPE, "The other end of the channel was there and has gone" },
	{ ETIMEDOUT, "It didn't happen before the deadline" },
	{ EINTR, "Interrupted by a signal" },
	{ EIO, "An input or output error of the system" },
};

const char *splk_strerror(int err)
{
	const char *text;
	size_t i;

	if (err < 0)
		err = -err;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].err == err)
			return texts[i].text;
	text = strerrordesc_np(err); /* constant, unlike strerror() */
	return text ? text : "Unknown error";
}

uint32_t splk_version(void)
{
	return SPLK_VERSION_MAJOR << 16 | SPLK_VERSION_MINOR;
}
