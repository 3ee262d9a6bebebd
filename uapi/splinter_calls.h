/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_calls.h - the ioctl ABI of channels: structs, flags, errno contract. Part of splinter.h, whose rules hold
 * here too. The bytes of a channel are splinter_channel.h's.
 */
#ifndef _UAPI_SPLINTER_CALLS_H
#define _UAPI_SPLINTER_CALLS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include "splinter.h"

/**
 * DOC: channels
 *
 * A channel is a ring from one producer (TX) to one consumer (RX); its bytes are splinter_channel.h's. OPEN, LIST and
 * UNLINK are calls on a handle and concern the channels of the handle's store; ATTACH, WAIT, RING and INFO are calls on
 * a channel file, which OPEN and ATTACH give. A channel file may have a role: it is that end of the
 * channel, and there is one of each. It also has the roles that ATTACH may ask of it: what may be passed on.
 *
 * mmap() of a channel file, always MAP_SHARED, never executable: any page-aligned part of [0, map_bytes + capacity)
 * for reading, as the ring stands there twice in a row. For writing only what the end writes: TX the page at tx_off,
 * and within the ring; RX the page at rx_off. An end is mapped for writing by one process at a time, and fork() doesn't
 * hand such mappings on. An end that was mapped so is let go with the last of these mappings: at munmap(), exec, or the
 * death of the process, whoever else has the file open; one that wasn't, when the file is closed for the last time.
 * Errors: EINVAL (MAP_PRIVATE, beyond the end), EACCES (PROT_EXEC; PROT_WRITE where the role doesn't allow it), EBUSY
 * (another process has the end mapped for writing).
 *
 * poll(): an RX end has POLLIN while a message is there at spl_channel_rx.read; a TX end has POLLOUT while
 * spl_channel_rx.read has reached spl_channel_tx.want; both have POLLHUP while the other end was taken and let go; a
 * file without a role has POLLERR. With EPOLLET each ring of the other end is an edge, and so is the loss of it.
 */

#define SPL_IOC_CHANNEL_OPEN _IO(SPL_IOC_MAGIC, 0x10)
#define SPL_IOC_CHANNEL_ATTACH _IO(SPL_IOC_MAGIC, 0x11)
#define SPL_IOC_CHANNEL_WAIT _IO(SPL_IOC_MAGIC, 0x12)
#define SPL_IOC_CHANNEL_RING _IO(SPL_IOC_MAGIC, 0x13)
#define SPL_IOC_CHANNEL_LIST _IO(SPL_IOC_MAGIC, 0x14)
#define SPL_IOC_CHANNEL_UNLINK _IO(SPL_IOC_MAGIC, 0x15)
#define SPL_IOC_CHANNEL_INFO _IO(SPL_IOC_MAGIC, 0x16)
#define SPL_IOC_CHANNEL_SETATTR _IO(SPL_IOC_MAGIC, 0x17)

#define SPL_FEATURE_CHANNELS (1ULL << 8) /* (module) a feature bit, beside those above */

/* Which end of a channel a file is. */
enum spl_channel_role {
	SPL_CHANNEL_NONE = 0, /* neither: maps everything for reading */
	SPL_CHANNEL_TX = 1, /* the producer */
	SPL_CHANNEL_RX = 2, /* the consumer */
};

/* Masks of roles that ATTACH may ask of a file. */
#define SPL_CHANNEL_MAY_TX (1U << SPL_CHANNEL_TX)
#define SPL_CHANNEL_MAY_RX (1U << SPL_CHANNEL_RX)
#define SPL_CHANNEL_MAY_ALL (SPL_CHANNEL_MAY_TX | SPL_CHANNEL_MAY_RX)

/* SPL_IOC_CHANNEL_OPEN: make it if there is none of that name. */
#define SPL_CHANNEL_CREATE (1U << 0)
/* With CREATE: EEXIST if there is one. */
#define SPL_CHANNEL_EXCL (1U << 1)
/* If it is made: pages from the caller's NUMA node, whatever the store's policy is. */
#define SPL_CHANNEL_LOCAL (1U << 2)
#define SPL_CHANNEL_OPEN_ALL (SPL_CHANNEL_CREATE | SPL_CHANNEL_EXCL | SPL_CHANNEL_LOCAL)

#define SPL_CHANNEL_CAPACITY_DEFAULT (64ULL << 10)

/**
 * struct spl_ioc_channel_open - SPL_IOC_CHANNEL_OPEN: a channel file, of a channel that is there or is made
 * @size: in: sizeof(struct spl_ioc_channel_open)
 * @flags: in: mask of SPL_CHANNEL_OPEN_ALL
 * @name: in: address of the name, of the same characters as a store's
 * @name_len: in: bytes of @name; 0: a new channel without a name (needs CREATE)
 * @mode: in: for CREATE: permission bits, 0 to 0666; the caller's umask applies; otherwise 0
 * @capacity: in: bytes of the ring, a power of two of 4 KiB to 1 GiB; 0: whatever it has, and if it is made
 *	SPL_CHANNEL_CAPACITY_DEFAULT; out: what it has
 * @role: in: enum spl_channel_role: which end the file shall be
 * @may: in: mask of SPL_CHANNEL_MAY_ALL: roles that SPL_IOC_CHANNEL_ATTACH may ask of the file
 * @fd: out: the channel file, close-on-exec
 * @reserved: in: must be 0
 * @channel_id: out: never 0, never used again while the module is loaded
 * @map_bytes: out: length of the channel's mapping up to the end of the first copy of the ring
 *
 * Who may: as with stores, the credentials that the handle was opened with count. A file without role and with @may 0
 * needs permission to read the channel. A role, or @may, needs permission to read and to write, and a handle open for
 * writing: also the consumer tells the producer how far it is, in memory that nobody else may write. To make a channel
 * needs a handle open for writing, and nothing more: who has the store may add to it.
 *
 * Errors: ENOENT, EEXIST (EXCL; or its capacity isn't @capacity), EINVAL (a capacity, name, mode, role or mask that
 * can't be; no name without CREATE; EXCL or LOCAL without CREATE), ENAMETOOLONG, EILSEQ (name is not UTF-8), EBADF
 * (handle is read-only), EACCES (mode of the channel), EBUSY (the role is taken), ENXIO (no store), ENOMEM, EMFILE,
 * ENFILE, EINTR (a signal came while it was made). On every error nothing was made or taken.
 */
struct spl_ioc_channel_open {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u64 capacity;
	__u32 role;
	__u32 may;
	__s32 fd;
	__u32 reserved;
	__u64 channel_id;
	__u64 map_bytes;
};

/**
 * struct spl_ioc_channel_attach - SPL_IOC_CHANNEL_ATTACH: another file of the same channel
 * @size: in: sizeof(struct spl_ioc_channel_attach)
 * @flags: in: must be 0
 * @role: in: enum spl_channel_role: which end the new file shall be
 * @may: in: roles that may be asked of the new file
 * @fd: out: the new file, close-on-exec
 * @reserved: in: must be 0
 *
 * @role and @may must be among what may be asked of this file; SPL_CHANNEL_NONE always is. So a file passed over a
 * socket lets its receiver take the roles that it was opened for, and no other.
 * Errors: EINVAL (role or mask that can't be), EACCES (more than this file may), EBUSY (the role is taken), EMFILE,
 * ENFILE, ENOMEM. On every error nothing was taken.
 */
struct spl_ioc_channel_attach {
	__u32 size;
	__u32 flags;
	__u32 role;
	__u32 may;
	__s32 fd;
	__u32 reserved;
};

/* No deadline. */
#define SPL_CHANNEL_FOREVER (~0ULL)

/**
 * struct spl_ioc_channel_wait - SPL_IOC_CHANNEL_WAIT: sleep until the other end has gone on
 * @size: in: sizeof(struct spl_ioc_channel_wait)
 * @flags: in: must be 0
 * @position: in: RX: a multiple of 64: until a message starts there; TX: until spl_channel_rx.read has reached it
 * @deadline_ns: in: CLOCK_MONOTONIC; 0, or any time that has passed: look, don't sleep; SPL_CHANNEL_FOREVER: none
 *
 * What is there already is told at once, and for RX before the loss of the other end: what was published is received.
 * TX is told of the loss first. Nothing is written back: a call that a signal interrupts is restarted as it stands
 * (SA_RESTART), or fails with EINTR.
 * Errors: EBADF (the file is no end of a channel, or not any more), EINVAL (position), EPIPE (the other end was taken
 * and let go), ETIMEDOUT, EINTR.
 */
struct spl_ioc_channel_wait {
	__u32 size;
	__u32 flags;
	__u64 position;
	__u64 deadline_ns;
};

/**
 * struct spl_ioc_channel_ring - SPL_IOC_CHANNEL_RING: wake the other end
 * @size: in: sizeof(struct spl_ioc_channel_ring)
 * @flags: in: must be 0
 *
 * Needed, after publishing, if the other end's spl_channel_end.asleep is not 0; harmless otherwise.
 * Errors: EBADF (the file is no end of a channel, or not any more).
 */
struct spl_ioc_channel_ring {
	__u32 size;
	__u32 flags;
};

/*
 * spl_channel_entry.flags: the handle may not read the channel. As with ls(1) of a file, name, size, owner and mode are told;
 * what goes on in it is not: the members from @tx_taken to @files are 0.
 */
#define SPL_CHANNEL_ENTRY_CLOSED (1U << 0)

/**
 * struct spl_channel_entry - one record of SPL_IOC_CHANNEL_LIST
 * @record_bytes: distance to the next record, a multiple of 8
 * @name_len: bytes of @name, 0: the channel has none, or not any more
 * @channel_id: the channel's id
 * @capacity: bytes of the ring
 * @bytes: memory that it takes
 * @tx_taken: spl_channel_end.taken of the producer
 * @rx_taken: of the consumer
 * @head: spl_channel_tx.head, as the producer says
 * @read: spl_channel_rx.read, as the consumer says
 * @messages: spl_channel_tx.nr_messages, as the producer says
 * @payload: spl_channel_tx.nr_bytes, as the producer says
 * @tx_pid: process that took the end TX, in the caller's pid namespace; 0: none, or not visible there
 * @rx_pid: of the end RX
 * @files: open channel files
 * @uid: owner, in the caller's user namespace
 * @gid: group, in the caller's user namespace
 * @mode: permission bits
 * @flags: mask of SPL_CHANNEL_ENTRY_*
 * @reserved: 0
 * @name: not NUL-terminated
 */
struct spl_channel_entry {
	__u32 record_bytes;
	__u32 name_len;
	__u64 channel_id;
	__u64 capacity;
	__u64 bytes;
	__u64 tx_taken;
	__u64 rx_taken;
	__u64 head;
	__u64 read;
	__u64 messages;
	__u64 payload;
	__u32 tx_pid;
	__u32 rx_pid;
	__u32 files;
	__u32 uid;
	__u32 gid;
	__u32 mode;
	__u32 flags;
	__u32 reserved;
	__u8 name[];
};

/*
 * SPL_IOC_CHANNEL_LIST: the channels of the handle's store in order of their ids, those without a name too; otherwise
 * as SPL_IOC_LIST, with struct spl_ioc_list. Errors: ENOBUFS (not even one record fits), ENXIO (no store).
 *
 * SPL_IOC_CHANNEL_UNLINK: takes the name of a channel of the handle's store away, with struct spl_ioc_unlink. The
 * channel lives until its last file closes; who sleeps on it goes on sleeping.
 * Errors: ENOENT, EINVAL (no name), ENAMETOOLONG, EACCES (neither its owner nor the store's nor CAP_IPC_OWNER),
 * ENXIO (no store).
 *
 * SPL_IOC_CHANNEL_SETATTR: changes mode, owner or group of a channel of the handle's store, with struct spl_ioc_setattr
 * and its rules. Channel files that are open keep what they have. Errors: as there, but EINVAL (no name, too).
 */

/**
 * struct spl_ioc_channel_info - SPL_IOC_CHANNEL_INFO: what a channel file is, for who was given it
 * @size: in: sizeof(struct spl_ioc_channel_info)
 * @flags: in: must be 0
 * @channel_id: out: the channel's id
 * @capacity: out: bytes of the ring
 * @map_bytes: out: length of the channel's mapping up to the end of the first copy of the ring
 * @role: out: enum spl_channel_role; SPL_CHANNEL_NONE too if it was let go
 * @may: out: roles that may be asked of the file
 */
struct spl_ioc_channel_info {
	__u32 size;
	__u32 flags;
	__u64 channel_id;
	__u64 capacity;
	__u64 map_bytes;
	__u32 role;
	__u32 may;
};

#endif /* _UAPI_SPLINTER_CALLS_H */
