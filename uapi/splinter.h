/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter.h - the ioctl ABI of /dev/splinter: structs, flags, errno contract. Those of channels are
 * splinter_calls.h's, those of sleeping and waking splinter_wait.h's; this file includes both. The bytes behind mmap are
 * splinter_layout.h's, the operations on them splinter_ops.h's.
 */
#ifndef _UAPI_SPLINTER_H
#define _UAPI_SPLINTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: ioctl rules
 *
 * Every ioctl takes a pointer to a struct whose first member, @size, is what the caller's header says the struct
 * measures. A shorter struct than the module's is taken as if its missing tail were zero; a longer one is accepted
 * only if all bytes beyond the module's struct are zero. What the module writes back is cut at the caller's size.
 *
 * Errors of every ioctl:
 *  - EFAULT: the struct, or a buffer that it names, is not accessible.
 *  - EINVAL: @size is smaller than the call's first published struct, a reserved member is not zero, or the
 *    arguments contradict each other.
 *  - E2BIG: bytes beyond the module's struct are not zero: the caller asks for what this module doesn't know.
 *  - EOPNOTSUPP: a flag is not known to this module.
 *  - ENOTTY: no such call.
 *
 * The errors of each call stand at its struct. All calls are safe from any thread.
 */

/* Nothing is released yet: until then layouts change without a new number, and programs are built anew. */
#define SPL_ABI_VERSION 1

/* Limits of the ABI; what a running module allows may be less and is told by SPL_IOC_INFO. */
#define SPL_NAME_MAX 255 /* bytes of a store's name, without a terminator */
#define SPL_LANES_MAX (1ULL << 31)
#define SPL_KEY_MAX 1024
#define SPL_VALUE_MIN 8
#define SPL_VALUE_MAX (16U << 20)
#define SPL_WRITERS_MAX 4096
#define SPL_SPARES_MIN 2
#define SPL_SPARES_MAX 8
#define SPL_FEED_MIN 128 /* at least three records of the longest key's delete */
#define SPL_FEED_MAX (1U << 20)

/* What a create with zeros in its geometry gets. */
#define SPL_KEY_MAX_DEFAULT 64
#define SPL_WRITERS_DEFAULT 64
#define SPL_SPARES_DEFAULT 4

/**
 * DOC: names
 *
 * A network namespace has its own stores: a handle finds, lists, counts and takes away those of the namespace in which
 * it was opened, whoever holds it now, and makes them there. The default store is the initial namespace's. With the
 * namespace go the names of its stores; handles that are open keep theirs until they are closed.
 */

/**
 * DOC: mmap
 *
 * Always MAP_SHARED, never executable. Any page-aligned part of [0, map_bytes) may be mapped for reading (between info
 * page and data_off lies nothing: SIGBUS), of [data_off, map_bytes) for writing too, by a handle open for writing.
 * mprotect() can't add what mmap() wouldn't have given; mappings can be split, moved and shrunk, not grown.
 *
 * Errors: EINVAL (MAP_PRIVATE, beyond map_bytes, more than the one page at SPL_MMAP_SELF), EACCES (PROT_EXEC;
 * PROT_WRITE where it isn't allowed; SPL_MMAP_SELF of a read-only handle), ENXIO (no store), EBUSY (another thread is
 * just attaching the handle), and those of SPL_IOC_REGISTER for SPL_MMAP_SELF.
 */

/* Offset for mmap() of the handle's own page (struct spl_self): mapping it registers the calling thread as a writer. */
#define SPL_MMAP_SELF (1ULL << 46)

#define SPL_IOC_MAGIC 0xF5
#define SPL_IOC_INFO _IO(SPL_IOC_MAGIC, 0x00)
#define SPL_IOC_CREATE _IO(SPL_IOC_MAGIC, 0x01)
#define SPL_IOC_OPEN _IO(SPL_IOC_MAGIC, 0x02)
#define SPL_IOC_LIST _IO(SPL_IOC_MAGIC, 0x03)
#define SPL_IOC_UNLINK _IO(SPL_IOC_MAGIC, 0x04)
#define SPL_IOC_DESTROY _IO(SPL_IOC_MAGIC, 0x05)
#define SPL_IOC_GEOMETRY _IO(SPL_IOC_MAGIC, 0x06)
#define SPL_IOC_REGISTER _IO(SPL_IOC_MAGIC, 0x07)
#define SPL_IOC_UNREGISTER _IO(SPL_IOC_MAGIC, 0x08)
#define SPL_IOC_REAP _IO(SPL_IOC_MAGIC, 0x09)
#define SPL_IOC_CHECK _IO(SPL_IOC_MAGIC, 0x0a)
#define SPL_IOC_SETATTR _IO(SPL_IOC_MAGIC, 0x20)

/* Where a store's pages come from. */
enum spl_policy {
	SPL_POLICY_LOCAL = 0, /* the node of the thread that creates, others if it is full */
	SPL_POLICY_BIND = 1, /* @node only: ENOMEM rather than another node */
	SPL_POLICY_INTERLEAVE = 2, /* page by page (2 MiB or 4 KiB) over all nodes with memory */
};

/* The values of a store's module are never moved: geometry is fixed at creation. */
#define SPL_GEOMETRY_WATCH (1ULL << 0) /* each key can be bound to groups: 32 bytes a lane */
#define SPL_GEOMETRY_ALL SPL_GEOMETRY_WATCH

/**
 * struct spl_geometry - what a store is made of
 * @lanes: keys that the store holds at most, 1 to SPL_LANES_MAX
 * @value_max: bytes of the longest value, SPL_VALUE_MIN to SPL_VALUE_MAX
 * @key_max: bytes of the longest key, 1 to SPL_KEY_MAX; 0: SPL_KEY_MAX_DEFAULT
 * @max_writers: threads that may write at one time, 1 to SPL_WRITERS_MAX; 0: SPL_WRITERS_DEFAULT
 * @spares: lanes each writer cell owns beyond @lanes, SPL_SPARES_MIN to SPL_SPARES_MAX; 0: SPL_SPARES_DEFAULT.
 *	A replaced value stays readable for @spares - 1 further publications of the writer that replaced it.
 * @policy: enum spl_policy
 * @node: NUMA node for SPL_POLICY_BIND; otherwise must be -1 or 0, and -1 is reported
 * @flags: mask of SPL_GEOMETRY_ALL
 * @feed: records of 32 bytes that each writer keeps of its changes for the change feed, a power of two,
 *	SPL_FEED_MIN to SPL_FEED_MAX; 0: no change feed
 * @feed_reserved: must be zero
 * @reserved: must be zero
 */
struct spl_geometry {
	__u64 lanes;
	__u32 value_max;
	__u32 key_max;
	__u32 max_writers;
	__u32 spares;
	__u32 policy;
	__s32 node;
	__u64 flags;
	__u32 feed;
	__u32 feed_reserved;
	__u64 reserved[2];
};

/* Feature bits of the module (SPL_IOC_INFO) and of a store's layout (struct spl_info). */
#define SPL_FEATURE_ATTR (1ULL << 0) /* types, user flags and labels per key: the ATTR region */
#define SPL_FEATURE_HUGE \
	(1ULL << 1) /* (module) 2 MiB chunks and mappings where size and alignment allow */
#define SPL_FEATURE_NUMA (1ULL << 2) /* (module) SPL_POLICY_BIND and SPL_POLICY_INTERLEAVE */
#define SPL_FEATURE_SIGNAL (1ULL << 3) /* groups, watch masks, waiting: the SIGNAL region */
#define SPL_FEATURE_FEED (1ULL << 4) /* geometry.feed */

/**
 * struct spl_ioc_info - SPL_IOC_INFO: what this module can do
 * @size: in: sizeof(struct spl_ioc_info)
 * @flags: in: must be 0
 * @abi: out: SPL_ABI_VERSION of the module
 * @max_writers: out: limit per store
 * @features: out: SPL_FEATURE_*
 * @lanes_max: out: limit of geometry.lanes
 * @value_max: out: limit of geometry.value_max
 * @key_max: out: limit of geometry.key_max
 * @bytes_max: out: largest store in bytes that this machine could hold at all
 * @stores: out: number of named stores in the handle's network namespace
 * @page_bytes: out: the smallest page
 * @chunk_bytes: out: the large page, or 0
 */
struct spl_ioc_info {
	__u32 size;
	__u32 flags;
	__u32 abi;
	__u32 max_writers;
	__u64 features;
	__u64 lanes_max;
	__u32 value_max;
	__u32 key_max;
	__u64 bytes_max;
	__u64 stores;
	__u32 page_bytes;
	__u32 chunk_bytes;
};

/* SPL_IOC_CREATE: an existing store of that name is attached instead, if its geometry is the one asked for. */
#define SPL_CREATE_OR_OPEN (1U << 0)
#define SPL_CREATE_ALL SPL_CREATE_OR_OPEN

/**
 * struct spl_ioc_create - SPL_IOC_CREATE: make a store and attach this handle to it
 * @size: in: sizeof(struct spl_ioc_create)
 * @flags: in: mask of SPL_CREATE_ALL
 * @name: in: address of the name: 1 to SPL_NAME_MAX bytes of UTF-8 without '/', NUL or other control characters,
 *	not "." or ".."
 * @name_len: in: bytes of @name
 * @mode: in: permission bits as of chmod(2), 0 to 0666; the caller's umask applies
 * @geometry: in: what is wanted; out: what the store has (zeros replaced by the defaults)
 * @bytes: out: memory that the store takes, spares and page rounding included
 * @lanes_total: out: lanes with all spares
 * @store_id: out: never 0, never used again while the module is loaded
 *
 * Needs a handle that is open for writing. Errors: EEXIST (name taken; with SPL_CREATE_OR_OPEN: taken with another
 * geometry), EINVAL (a limit, an empty name, a bad character), ENAMETOOLONG, EILSEQ (name is not UTF-8), EOVERFLOW
 * (lanes times size is not addressable), ENOMEM (not that much memory there, or not on that node), ENODEV (no such
 * node), EBADF (handle is read-only), EBUSY (handle has a mapping or writers, or its store is not the default one), ENXIO
 * (the network namespace in which the handle was opened is gone),
 * EACCES (with SPL_CREATE_OR_OPEN: the mode of the store), EINTR (a signal came: a creation isn't restarted, for
 * under an interval timer it might never end). On every error nothing was made.
 */
struct spl_ioc_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	struct spl_geometry geometry;
	__u64 bytes;
	__u64 lanes_total;
	__u64 store_id;
};

/**
 * struct spl_ioc_open - SPL_IOC_OPEN: attach this handle to a named store
 * @size: in: sizeof(struct spl_ioc_open)
 * @flags: in: must be 0
 * @name: in: address of the name
 * @name_len: in: bytes of @name; 0: the default store
 * @reserved: in: must be 0
 * @store_id: out: the store's id
 *
 * A fresh handle is attached to the default store if there is one; this call replaces that once, before anything is
 * mapped. A handle opened in another network namespace than the initial one has none.
 * Errors: ENOENT, ENAMETOOLONG, EACCES (mode), EBUSY (handle has a mapping or was attached by name already).
 */
struct spl_ioc_open {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 reserved;
	__u64 store_id;
};

/**
 * struct spl_store_entry - one record of SPL_IOC_LIST
 * @record_bytes: distance to the next record, a multiple of 8
 * @name_len: bytes of @name
 * @store_id: the store's id
 * @bytes: memory that it takes
 * @lanes: geometry.lanes
 * @handles: handles attached now
 * @writers: writers registered now
 * @uid: owner, in the caller's user namespace
 * @gid: group, in the caller's user namespace
 * @mode: permission bits
 * @reserved: 0
 * @name: not NUL-terminated; empty for the default store
 */
struct spl_store_entry {
	__u32 record_bytes;
	__u32 name_len;
	__u64 store_id;
	__u64 bytes;
	__u64 lanes;
	__u32 handles;
	__u32 writers;
	__u32 uid;
	__u32 gid;
	__u32 mode;
	__u32 reserved;
	__u8 name[];
};

/**
 * struct spl_ioc_list - SPL_IOC_LIST: the stores of the handle's network namespace, in order of their ids
 * @size: in: sizeof(struct spl_ioc_list)
 * @flags: in: must be 0
 * @cursor: in: 0 to start, or what the last call left; out: where to go on, 0 at the end
 * @buf: in: address for records, aligned to 8
 * @buf_bytes: in: room at @buf; out: bytes written
 * @nr: out: records written
 *
 * Stores that come or go between two calls may be missed or told; others are told exactly once.
 * Errors: ENOBUFS (not even one record fits).
 */
struct spl_ioc_list {
	__u32 size;
	__u32 flags;
	__u64 cursor;
	__aligned_u64 buf;
	__u32 buf_bytes;
	__u32 nr;
};

/**
 * struct spl_ioc_unlink - SPL_IOC_UNLINK and SPL_IOC_DESTROY: take a store's name away
 * @size: in: sizeof(struct spl_ioc_unlink)
 * @flags: in: must be 0
 * @name: in: address of the name
 * @name_len: in: bytes of @name; not 0: the default store lives as long as the module
 * @reserved: in: must be 0
 *
 * Unlinked, the store lives until its last handle closes. DESTROY does it only if no other handle has the store,
 * so that its memory is free when the call returns (if the calling handle has it: when that closes).
 * Both the handle's opener and the calling thread must be allowed to: owner, or CAP_IPC_OWNER as in SPL_IOC_SETATTR.
 * Errors: ENOENT, EINVAL (no name), EACCES (not allowed), EBUSY (DESTROY: other handles have it).
 */
struct spl_ioc_unlink {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 reserved;
};

/* spl_ioc_setattr.mask: what is to be set. */
#define SPL_SETATTR_MODE (1U << 0)
#define SPL_SETATTR_UID (1U << 1)
#define SPL_SETATTR_GID (1U << 2)
#define SPL_SETATTR_ALL (SPL_SETATTR_MODE | SPL_SETATTR_UID | SPL_SETATTR_GID)

/**
 * struct spl_ioc_setattr - SPL_IOC_SETATTR: change who may open a store
 * @size: in: sizeof(struct spl_ioc_setattr)
 * @flags: in: must be 0
 * @name: in: address of the name
 * @name_len: in: bytes of @name; 0: the store that the handle has
 * @mask: in: mask of SPL_SETATTR_ALL, not 0; a member that it doesn't name must be 0
 * @mode: in: permission bits, 0 to 0666; no umask applies
 * @uid: in: owner, in the caller's user namespace
 * @gid: in: group, in the caller's user namespace
 * @reserved: in: must be 0
 *
 * As of chmod(2) and chown(2): the owner may change the mode, and set a group that he is a member of. All else needs
 * CAP_IPC_OWNER in the user namespace that owns the network namespace of the handle. Both the handle's opener and the calling
 * thread must be allowed to; the handle need not be open for writing, nor have the store. It counts for
 * who opens from now on: handles and mappings that are there keep what they have. All is changed at once, or nothing.
 * Errors: ENOENT, ENAMETOOLONG, ENXIO (no name, and the handle has no store), EPERM, EINVAL (bits, an id that has no
 * meaning in the caller's user namespace, nothing to set; the default store, which is open to who may open the device),
 * EOPNOTSUPP (@mask has what this module doesn't know).
 */
struct spl_ioc_setattr {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mask;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 reserved;
};

/**
 * struct spl_ioc_geometry - SPL_IOC_GEOMETRY: what the attached store is made of
 * @size: in: sizeof(struct spl_ioc_geometry)
 * @flags: in: must be 0
 * @geometry: out: as created
 * @bytes: out: memory that the store takes
 * @lanes_total: out: lanes with all spares
 * @store_id: out: the store's id
 * @map_bytes: out: length of a read-only mapping of everything from offset 0
 * @data_off: out: offset at which writable mappings may begin
 * @chunk_pages: out: pages of @bytes that are part of 2 MiB chunks
 * @pages: out: all pages of the store
 *
 * Errors: ENXIO (the handle has no store).
 */
struct spl_ioc_geometry {
	__u32 size;
	__u32 flags;
	struct spl_geometry geometry;
	__u64 bytes;
	__u64 lanes_total;
	__u64 store_id;
	__u64 map_bytes;
	__u64 data_off;
	__u64 chunk_pages;
	__u64 pages;
};

/**
 * struct spl_ioc_register - SPL_IOC_REGISTER: a writer cell for the calling thread
 * @size: in: sizeof(struct spl_ioc_register)
 * @flags: in: must be 0
 * @writer: out: index of the writer cell
 * @reserved: in: must be 0
 *
 * A thread has at most one writer cell per handle; a second call tells the same one. The cell is taken back by
 * SPL_IOC_UNREGISTER, when the thread is found dead, when its process unmaps or replaces (exec) the memory that it
 * registered with, or when the handle is released.
 * Errors: EBADF (read-only handle), ENXIO (no store), EAGAIN (all max_writers cells taken, none of them dead;
 * or a repair is running), EBUSY (another thread is just attaching the handle).
 */
struct spl_ioc_register {
	__u32 size;
	__u32 flags;
	__u32 writer;
	__u32 reserved;
};

/* SPL_IOC_UNREGISTER: also another thread's of the calling process, which then writes no more through it. */
#define SPL_UNREGISTER_PROCESS (1U << 0)
#define SPL_UNREGISTER_ALL SPL_UNREGISTER_PROCESS

/**
 * struct spl_ioc_unregister - SPL_IOC_UNREGISTER: give the calling thread's writer cell back
 * @size: in: sizeof(struct spl_ioc_unregister)
 * @flags: in: mask of SPL_UNREGISTER_ALL
 * @writer: in: what SPL_IOC_REGISTER, or the mapped struct spl_self, told
 * @reserved: in: must be 0
 *
 * Errors: ENOENT (not this handle's), EPERM (another live thread's), ENXIO (no store).
 */
struct spl_ioc_unregister {
	__u32 size;
	__u32 flags;
	__u32 writer;
	__u32 reserved;
};

/**
 * struct spl_ioc_reap - SPL_IOC_REAP: repair what dead writers of the attached store left
 * @size: in: sizeof(struct spl_ioc_reap)
 * @flags: in: must be 0
 * @writers: out: dead writers found and reaped by this call
 * @alive: out: writers that are registered and alive
 * @finished: out: operations of the dead that had happened and were completed
 * @undone: out: operations of the dead that had not happened and were taken back
 *
 * The kernel does the same on release and on exit of a thread's process, and periodically.
 * Errors: EBADF (read-only handle), ENXIO (no store).
 */
struct spl_ioc_reap {
	__u32 size;
	__u32 flags;
	__u32 writers;
	__u32 alive;
	__u32 finished;
	__u32 undone;
};

/*
 * SPL_IOC_CHECK: mend what is found. Needs a handle open for writing, and no writer registered but the calling thread
 * through this handle. Meanwhile registration fails with EAGAIN.
 */
#define SPL_CHECK_REPAIR (1U << 0)
#define SPL_CHECK_ALL SPL_CHECK_REPAIR

/**
 * struct spl_check_counts - what a check of a whole store found
 * @live: keys
 * @tentative: cells of inserts under way
 * @dead: cells of deletes under way
 * @lanes_free: lanes in the free map
 * @lanes_spare: lanes owned by writer cells
 * @lanes_flight: lanes in the hands of operations under way
 * @lanes_lost: lanes that nothing refers to
 * @lanes_shared: lanes that two things refer to
 * @cells_bad: cells whose lane number, generation, tag, distance or key doesn't hold
 * @keys_twice: keys that stand in two cells
 * @overflow_stale: overflow bits set without a displaced key
 * @overflow_missing: displaced keys without an overflow bit: unreachable
 * @free_stale: bits of the free map whose lane isn't free
 * @attrs_live: keys with a type, user flags or labels
 * @writers: writer cells in use
 * @repaired: things mended by this call
 *
 * Without writers @tentative, @dead, @lanes_flight and all from @lanes_lost to @free_stale are 0 in a sound store;
 * with them, the count of operations under way bounds what the check may see in between.
 */
struct spl_check_counts {
	__u64 live;
	__u64 tentative;
	__u64 dead;
	__u64 lanes_free;
	__u64 lanes_spare;
	__u64 lanes_flight;
	__u64 lanes_lost;
	__u64 lanes_shared;
	__u64 cells_bad;
	__u64 keys_twice;
	__u64 overflow_stale;
	__u64 overflow_missing;
	__u64 free_stale;
	__u64 attrs_live;
	__u64 writers;
	__u64 repaired;
};

/**
 * struct spl_ioc_check - SPL_IOC_CHECK: verify index, lanes and free lanes of the attached store against each other
 * @size: in: sizeof(struct spl_ioc_check)
 * @flags: in: mask of SPL_CHECK_ALL
 * @counts: out: what was found
 *
 * Takes time in proportion to the store and memory of a bit a lane; can be interrupted.
 * Errors: ENXIO (no store), EBADF (repair: read-only handle), EBUSY (repair: other writers are registered),
 * ENOMEM, EINTR.
 */
struct spl_ioc_check {
	__u32 size;
	__u32 flags;
	struct spl_check_counts counts;
};

#include "splinter_calls.h"
#include "splinter_wait.h"

#endif /* _UAPI_SPLINTER_H */
