/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_wait.h - the ioctl ABI of signals: sleeping on groups and keys, and waking who sleeps; poll and read of a
 * handle. Part of splinter.h, whose rules hold here too. The counters themselves are splinter_layout.h's, what moves
 * them splinter_notice.h's.
 */
#ifndef _UAPI_SPLINTER_WAIT_H
#define _UAPI_SPLINTER_WAIT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include "splinter.h"

/**
 * DOC: poll and read
 *
 * A handle has a subscription: the groups that it is to tell about, set by SPL_IOC_SUBSCRIBE. A group is pending while
 * its count isn't the one that the handle told last; at first, the one that it had when it was subscribed.
 *
 * poll(), select(), epoll: POLLIN | POLLRDNORM while a group is pending; POLLERR on a handle without subscription, for
 * nothing could ever wake who sleeps there. With EPOLLET each ring is an edge, read or not, and pulses that come before
 * the edge is told are one.
 *
 * read(): as many struct spl_pulses as there are pending groups and room, in the order of their numbers, at most
 * SPL_GROUPS; what they tell isn't pending any more. Sleeps while none is pending, with O_NONBLOCK fails with EAGAIN.
 * Who shares a handle shares its subscription: a pulse is told to one reader.
 * Errors: EINVAL (a buffer shorter than one record; no subscription), EAGAIN, EINTR, EFAULT (nothing was told).
 *
 * All ways of sleeping work on handles that are open for reading only. Closing a descriptor doesn't wake who sleeps
 * through it: a sleeper keeps its handle open.
 */

/**
 * struct spl_pulses - one record of read()
 * @group: number of the group
 * @reserved: 0
 * @pulses: how far its count has moved since the handle told it last; never 0
 */
struct spl_pulses {
	__u32 group;
	__u32 reserved;
	__u64 pulses;
};

#define SPL_IOC_RING _IO(SPL_IOC_MAGIC, 0x0b)
#define SPL_IOC_SUBSCRIBE _IO(SPL_IOC_MAGIC, 0x0c)
#define SPL_IOC_EVENTFD _IO(SPL_IOC_MAGIC, 0x0d)
#define SPL_IOC_WAIT _IO(SPL_IOC_MAGIC, 0x0e)

/**
 * struct spl_ioc_ring - SPL_IOC_RING: wake who sleeps on counters
 * @size: in: sizeof(struct spl_ioc_ring)
 * @flags: in: must be 0
 * @groups: in: mask of groups
 * @bells: in: mask of bells
 *
 * What spl_ring_due() told, after the counters moved. Harmless at any other time: who sleeps looks again.
 * Errors: EBADF (read-only handle), ENXIO (no store).
 */
struct spl_ioc_ring {
	__u32 size;
	__u32 flags;
	__u64 groups;
	__u64 bells;
};

/**
 * struct spl_ioc_subscribe - SPL_IOC_SUBSCRIBE: which groups poll() and read() of this handle are about
 * @size: in: sizeof(struct spl_ioc_subscribe)
 * @flags: in: must be 0
 * @groups: in: mask of groups; 0: none
 *
 * Groups that were subscribed already stay as they are; others begin with their present count: what is pulsed from now
 * on is told. While a handle has a subscription it can't be attached to another store.
 * Errors: ENXIO (no store), EBUSY (another thread is just attaching the handle), ENOMEM.
 */
struct spl_ioc_subscribe {
	__u32 size;
	__u32 flags;
	__u64 groups;
};

/* SPL_IOC_EVENTFD: take groups off an eventfd rather than add them. */
#define SPL_EVENTFD_UNBIND (1U << 0)
#define SPL_EVENTFD_ALL SPL_EVENTFD_UNBIND

#define SPL_EVENTFDS_MAX 1024 /* bindings of one handle */

/**
 * struct spl_ioc_eventfd - SPL_IOC_EVENTFD: signal an eventfd when groups are rung
 * @size: in: sizeof(struct spl_ioc_eventfd)
 * @flags: in: mask of SPL_EVENTFD_ALL
 * @groups: in: mask of groups to add, or to take off; not 0
 * @fd: in: an eventfd of the calling process
 * @reserved: in: must be 0
 *
 * An eventfd is known by what it refers to: it may be another process's, received or inherited, and is the same one
 * under each of its numbers. A binding is the handle's: it ends when taken off through the same handle, when the handle
 * is released, and when the last descriptor of the eventfd is closed. Rings that come together add 1, so an eventfd says
 * that groups moved, not how often. What is pulsed after the call is signalled: bind, then look. While an eventfd is
 * bound, writers ring for each pulse of its groups, and the handle can't be attached to another store.
 * Errors: EBADF (no such descriptor), EINVAL (not an eventfd; no groups), ENOENT (UNBIND: through this handle it is bound
 * to none of them), ENOSPC (SPL_EVENTFDS_MAX), ENXIO (no store), EBUSY (another thread is just attaching the handle),
 * ENOMEM.
 */
struct spl_ioc_eventfd {
	__u32 size;
	__u32 flags;
	__u64 groups;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct spl_group_count - a group and its count, for SPL_IOC_WAIT
 * @group: in: its number, below SPL_GROUPS
 * @reserved: in: must be 0
 * @count: in: spl_group.count as the caller knows it; out: as it is
 */
struct spl_group_count {
	__u32 group;
	__u32 reserved;
	__u64 count;
};

/* SPL_IOC_WAIT: for a key, not for groups. */
#define SPL_WAIT_KEY (1U << 0)
#define SPL_WAIT_ALL SPL_WAIT_KEY

/* No deadline. */
#define SPL_WAIT_FOREVER (~0ULL)

/**
 * struct spl_ioc_wait - SPL_IOC_WAIT: sleep until something isn't any more as the caller knows it
 * @size: in: sizeof(struct spl_ioc_wait)
 * @flags: in: mask of SPL_WAIT_ALL
 * @counts: in: address of @nr struct spl_group_count: until one of the counts is another one. With SPL_WAIT_KEY: 0
 * @nr: in: 1 to SPL_GROUPS. With SPL_WAIT_KEY: 0
 * @klen: in: bytes of the key, 1 to geometry.key_max. Without SPL_WAIT_KEY: 0
 * @key: in: address of the key. Without SPL_WAIT_KEY: 0
 * @epoch: in: the key's epoch as the caller knows it; 0: it isn't there; out: as it is, 0: it isn't there. Without
 *	SPL_WAIT_KEY: must be 0
 * @deadline_ns: in: CLOCK_MONOTONIC; 0, or any time that has passed: look, don't sleep; SPL_WAIT_FOREVER: none
 *
 * What differs already is told at once. A key that is deleted and made again has another epoch than it ever had.
 * Only success writes anything back (all counts, or the epoch); so a call that a signal interrupts is restarted as it
 * stands (SA_RESTART), or fails with EINTR.
 * Errors: ETIMEDOUT, EINTR, EINVAL (a group that isn't there, or twice; an empty key), EMSGSIZE (a key longer than
 * the store's), ENXIO (no store), EBUSY (another thread is just attaching the handle), ENOMEM, EAGAIN and EBADMSG
 * as spl_get().
 */
struct spl_ioc_wait {
	__u32 size;
	__u32 flags;
	__aligned_u64 counts;
	__u32 nr;
	__u32 klen;
	__aligned_u64 key;
	__u64 epoch;
	__u64 deadline_ns;
};

#endif /* _UAPI_SPLINTER_WAIT_H */
