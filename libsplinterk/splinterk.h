/* SPDX-License-Identifier: MIT */
/*
 * splinterk.h - stores of /dev/splinter and embedded ones, for C, C++ and whatever calls C. Everything that a store does
 * without a system call is uapi/splinter_*.h's inline code; this is the stable, thread-safe way to it.
 */
#ifndef _SPLINTERK_H
#define _SPLINTERK_H

#include <stddef.h>
#include <stdint.h>

#include "splinter.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: rules of all functions
 *
 * Every function that can fail returns a negative errno; none sets errno. What a value means stands at the function;
 * splk_strerror() makes a sentence of it. A function that failed has changed nothing, unless it says otherwise.
 *
 * Threads: any thread may call any function on one handle at any time, except splk_close(), which must be the last call
 * on its handle. No function takes a lock that another process could hold. A thread's first write through a handle
 * registers the thread as a writer (a few system calls); the thread's exit, splk_unregister() and splk_close() give
 * that back. After fork() the child may go on with the parent's handles: its first write registers the child.
 * Between vfork() and exec nothing may be called.
 *
 * Signals: functions that write are not async-signal-safe; a handler must not call them. Those that only read are.
 *
 * Keys are 1 to key_max bytes of any value, NUL included; values are 0 to value_max bytes. Lengths are in bytes, times
 * in nanoseconds of CLOCK_REALTIME.
 *
 * Errors that every function with a key may return:
 *  - EINVAL: an argument makes no sense: an empty key, an unknown flag.
 *  - EMSGSIZE: a key longer than key_max, or a value longer than value_max.
 *  - EBADMSG: the store's bytes contradict each other: somebody wrote what no writer writes.
 *  - EAGAIN: other writers were faster so many times in a row that this call stopped trying; call again.
 *
 * Errors that every function that writes may return:
 *  - EBADF: the handle is read-only.
 *  - EUSERS: all writer cells (geometry.max_writers) belong to live threads. splk_open() with more of them helps.
 *  - EBUSY: (device) the thread writes through another handle already that shares this one's descriptor (dup).
 *  - ENOMEM: no memory for what the library keeps of a thread.
 *  - EMFILE, ENFILE: (embedded) no descriptor to look up in /proc who this thread is: nobody could tell when it is dead.
 */

#define SPLK_VERSION_MAJOR 1
#define SPLK_VERSION_MINOR 0

struct splk_store;

/* Of splk_open() and splk_attach_fd(): */
/* The handle maps nothing writable, and can't be made to. */
#define SPLK_READ_ONLY (1U << 0)
/* Make the store if there is none; one that is there is attached if its geometry is the one asked for (else EEXIST). */
#define SPLK_CREATE (1U << 1)
/* With SPLK_CREATE: EEXIST if there is one. */
#define SPLK_EXCL (1U << 2)
#define SPLK_OPEN_ALL (SPLK_READ_ONLY | SPLK_CREATE | SPLK_EXCL)

/**
 * struct splk_options - how to open or create; all zeros but @size means: attach, read and write
 * @size: sizeof(struct splk_options); a member beyond it counts as zero
 * @flags: SPLK_READ_ONLY, SPLK_CREATE, SPLK_EXCL
 * @mode: permission bits of a store that is made, 0 to 0666, the umask applies as in open(2); 0: 0600
 * @reserved: 0
 * @device: path of the device; NULL: /dev/splinter
 * @geometry: of a store that is made: lanes and value_max at least, zeros elsewhere are defaults. flags:
 *	SPL_GEOMETRY_WATCH, for splk_watch(); feed: for splk_feed_open()
 */
struct splk_options {
	uint32_t size;
	uint32_t flags;
	uint32_t mode;
	uint32_t reserved;
	const char *device;
	struct spl_geometry geometry;
};

/**
 * splk_open() - attach to a store, or make one
 * @spec: which one:
 *	"" or "default": the default store of the device;
 *	"NAME" or "dev:NAME": the store of that name of the device (the prefix for names that look like the rest);
 *	"memfd:" or "memfd:LABEL": a fresh embedded store in anonymous memory, made whether or not SPLK_CREATE is given;
 *	"file:PATH": an embedded store in a file;
 *	"fd:N": what splk_attach_fd() attaches to
 * @options: NULL: attach, read and write
 * @store: the handle, on success
 *
 * A store that is made has all its memory; a file appears under its name only when it is complete.
 *
 * Return: 0, or
 *  -ENODEV: no /dev/splinter, or what is there isn't it: the module is not loaded; or geometry.node is no node with memory;
 *  -ENOENT: no such store; -EEXIST: see SPLK_CREATE and SPLK_EXCL;
 *  -EACCES, -EPERM: the mode of device, store, file or folder;
 *  -EINVAL: a flag, a limit of the geometry, a name or a specification that can't be;
 *  -ENAMETOOLONG, -EILSEQ: the name;
 *  -EOVERFLOW: lanes times size is not addressable;
 *  -ENOMEM, -ENOSPC, -EDQUOT: not that much memory, room in the file system, or quota;
 *  -EOPNOTSUPP: a NUMA policy for an embedded store; a newer geometry flag than the module's;
 *  -EBADMSG: the file is not a store, is truncated or damaged; it is left as it was;
 *  -EPROTONOSUPPORT: the store is of a version, or needs a feature, that this library doesn't know;
 *  -EBUSY, -EMFILE, -ENFILE, -EINTR: as open(2) and mmap(2) say.
 */
int splk_open(const char *spec, const struct splk_options *options, struct splk_store **store);

/**
 * splk_attach_fd() - attach to an embedded store, or to a handle of the device, by file descriptor
 * @fd: a memfd or file that holds a store, or an open /dev/splinter that is attached already (received over a socket,
 *	inherited); the caller keeps it and may close it
 * @options: flags other than SPLK_READ_ONLY are EINVAL; NULL: read and write
 * @store: the handle, on success
 *
 * Return: 0, or an error of splk_open(); -EACCES if @fd isn't open for writing and the handle is to be.
 */
int splk_attach_fd(int fd, const struct splk_options *options, struct splk_store **store);

/**
 * splk_fd() - the descriptor behind a handle, to be passed on; the handle keeps owning it
 * @store: handle
 *
 * Return: the descriptor (close-on-exec).
 */
int splk_fd(const struct splk_store *store);

/**
 * splk_close() - give a handle back
 * @store: handle, or NULL
 *
 * No other thread may be inside a call on it; no view of it may be used any more.
 */
void splk_close(struct splk_store *store);

/* Of splk_unlink(): only if nobody else has the store, so that its memory is free at once (device only). */
#define SPLK_DESTROY (1U << 0)

/**
 * splk_unlink() - take a store's name away; the store lives until its last handle closes
 * @spec: as of splk_open(); not "memfd:" or "fd:", and not the default store, which ends with the module
 * @options: NULL, or @device; other members must be zero
 * @flags: SPLK_DESTROY
 *
 * Return: 0, -ENOENT, -ENODEV, -EACCES or -EPERM, -EINVAL, -EBUSY (SPLK_DESTROY: others have it), -EOPNOTSUPP
 * (SPLK_DESTROY of a file), -EBADMSG (the file is no store: not removed).
 */
int splk_unlink(const char *spec, const struct splk_options *options, uint32_t flags);

/**
 * splk_chmod() - change who may open a store; who has it open keeps what he has
 * @spec: as of splk_open(); not "memfd:" or "fd:", and not the default store, which is open to who may open the device
 * @options: NULL, or @device; other members must be zero
 * @mode: permission bits, 0 to 0666; no umask applies
 *
 * Return: 0, -ENOENT, -ENODEV, -EACCES, -EPERM (neither owner nor privileged), -EINVAL, -EBADMSG (the file is no store).
 */
int splk_chmod(const char *spec, const struct splk_options *options, uint32_t mode);

/* Of splk_chown(): as it is. */
#define SPLK_SAME_ID ((uint32_t)-1)

/**
 * splk_chown() - change whose a store is
 * @spec: as of splk_chmod()
 * @options: as of splk_chmod()
 * @uid: the new owner, or SPLK_SAME_ID: that needs privilege
 * @gid: the new group, or SPLK_SAME_ID; the owner may set one that he is a member of
 *
 * Return: as splk_chmod(); -EINVAL also for an id that has no meaning in the caller's user namespace, and if both are
 * SPLK_SAME_ID.
 */
int splk_chown(const char *spec, const struct splk_options *options, uint32_t uid, uint32_t gid);

/**
 * splk_stores() - the stores of the device, whoever may open them
 * @options: NULL, or @device
 * @each: called for each store; the record is valid during the call; non-zero ends the walk
 * @arg: passed to @each
 *
 * The handle that the call itself opens is not counted.
 *
 * Return: 0, what @each returned if that was not 0, -ENODEV, -EACCES, -ENOMEM.
 */
int splk_stores(const struct splk_options *options,
		int (*each)(const struct spl_store_entry *entry, void *arg), void *arg);

/**
 * struct splk_info - what a store is
 * @size: in: sizeof(struct splk_info); what lies beyond it is not written
 * @backend: 1: device, 2: embedded (SPL_BACKEND_*)
 * @abi: version of the layout
 * @read_only: 1 if the handle is
 * @features: SPL_FEATURE_* of the layout
 * @store_id: never 0
 * @created_ns: when it was made
 * @bytes: memory that it takes
 * @lanes_total: geometry.lanes and all spares
 * @lane_stride: bytes from lane to lane
 * @index_bytes: size of the index
 * @geometry: as granted
 * @pages: (device) all pages of the store, otherwise 0
 * @chunk_pages: (device) pages of @pages in 2 MiB chunks, otherwise 0
 */
struct splk_info {
	uint32_t size;
	uint32_t backend;
	uint32_t abi;
	uint32_t read_only;
	uint64_t features;
	uint64_t store_id;
	uint64_t created_ns;
	uint64_t bytes;
	uint64_t lanes_total;
	uint64_t lane_stride;
	uint64_t index_bytes;
	struct spl_geometry geometry;
	uint64_t pages;
	uint64_t chunk_pages;
};

/**
 * splk_info() - what a store is
 * @store: handle
 * @info: in: @size; out: the rest
 *
 * Return: 0, -EINVAL (@size is too small to hold a first member).
 */
int splk_info(struct splk_store *store, struct splk_info *info);

/**
 * struct splk_stats - counts of a store since it was made, summed over all writers, past ones included
 * @size: in: sizeof(struct splk_stats); what lies beyond it is not written
 * @writers: writer cells in use now, @dead among them
 * @lanes: keys that the store can hold
 * @lanes_used: keys that it holds; while writers work, those of theirs under way are counted or not
 * @publish: values published, inserts included
 * @insert: keys made
 * @deletes: keys deleted
 * @conflict: publications tried again because another writer was first
 * @help: inserts of others that a writer finished or cleared
 * @full: inserts refused with ENOSPC
 * @reap: writers reaped after their death
 * @attr: changes of types, flags and labels
 * @dead: (embedded) writer cells of the dead, which a reap will give back; of the device, the kernel has done so
 */
struct splk_stats {
	uint32_t size;
	uint32_t writers;
	uint64_t lanes;
	uint64_t lanes_used;
	uint64_t publish;
	uint64_t insert;
	uint64_t deletes;
	uint64_t conflict;
	uint64_t help;
	uint64_t full;
	uint64_t reap;
	uint64_t attr;
	uint64_t dead;
};

/**
 * splk_stats() - counts of a store; not one instant's, since nobody is stopped for it
 * @store: handle
 * @stats: in: @size; out: the rest
 *
 * Return: 0, -EINVAL (@size).
 */
int splk_stats(struct splk_store *store, struct splk_stats *stats);

/**
 * struct splk_caps - what this library and this machine can do
 * @size: in: sizeof(struct splk_caps); what lies beyond it is not written
 * @version: library: SPLK_VERSION_MAJOR << 16 | SPLK_VERSION_MINOR
 * @abi: layout version that the library knows
 * @device_error: 0: the device answers; otherwise why not, a negative errno (-ENODEV: not loaded)
 * @layout_features: SPL_FEATURE_* of stores that the library makes
 * @module: of the device, all zeros if @device_error
 */
struct splk_caps {
	uint32_t size;
	uint32_t version;
	uint32_t abi;
	int32_t device_error;
	uint64_t layout_features;
	struct spl_ioc_info module;
};

/**
 * splk_caps() - what this library and this machine can do
 * @options: NULL, or @device
 * @caps: in: @size; out: the rest
 *
 * Return: 0 (also without a device), -EINVAL (@size, an option).
 */
int splk_caps(const struct splk_options *options, struct splk_caps *caps);

/**
 * struct splk_meta - what is known of a key besides its value; every function that takes one takes NULL too
 * @epoch: publications of the key; rises with each, also across a delete and a new insert
 * @ctime_ns: when the key was made
 * @mtime_ns: when this value was published
 * @value_len: bytes of the value
 * @key_len: bytes of the key
 * @reserved: 0
 */
struct splk_meta {
	uint64_t epoch;
	uint64_t ctime_ns;
	uint64_t mtime_ns;
	uint32_t value_len;
	uint32_t key_len;
	uint64_t reserved[2];
};

/**
 * splk_get() - copy a value
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @buf: where the value goes; NULL: only its length is told
 * @cap: bytes of room at @buf
 * @meta: NULL, or filled in with the same publication's
 *
 * The value is one that a single set wrote whole. Makes no system call. What it wrote to @buf on an error means nothing.
 *
 * Return: length of the value, or -ENOENT, -EMSGSIZE (@cap is too small; @meta->value_len is filled in; or @klen is
 * over key_max), -EINVAL, -EAGAIN, -EBADMSG.
 */
long splk_get(struct splk_store *store, const void *key, size_t klen, void *buf, size_t cap,
	      struct splk_meta *meta);

/**
 * splk_get_alloc() - copy a value into memory of its size
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @value: out: from malloc(), one NUL byte after the value; the caller frees it
 * @meta: NULL, or filled in
 *
 * Return: length of the value, or an error of splk_get(), or -ENOMEM.
 */
long splk_get_alloc(struct splk_store *store, const void *key, size_t klen, void **value,
		    struct splk_meta *meta);

/**
 * splk_size() - length of a value
 * @store: handle
 * @key: key
 * @klen: its bytes
 *
 * Return: length, or an error of splk_get().
 */
long splk_size(struct splk_store *store, const void *key, size_t klen);

/**
 * splk_exists() - is there such a key
 * @store: handle
 * @key: key
 * @klen: its bytes
 *
 * Return: 1, 0, or -EMSGSIZE, -EINVAL, -EAGAIN, -EBADMSG.
 */
int splk_exists(struct splk_store *store, const void *key, size_t klen);

/**
 * splk_epoch() - a key's epoch
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @epoch: out
 *
 * Return: 0, or an error of splk_get().
 */
int splk_epoch(struct splk_store *store, const void *key, size_t klen, uint64_t *epoch);

/**
 * splk_times() - when a key was made and last published
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @ctime_ns: out, or NULL
 * @mtime_ns: out, or NULL
 *
 * Return: 0, or an error of splk_get().
 */
int splk_times(struct splk_store *store, const void *key, size_t klen, uint64_t *ctime_ns,
	       uint64_t *mtime_ns);

/**
 * struct splk_view - a value where it lies
 * @ptr: first byte; aligned to 8
 * @len: bytes
 * @meta: of this publication
 * @token: the library's
 */
struct splk_view {
	const void *ptr;
	uint64_t len;
	struct splk_meta meta;
	uint64_t token[6];
};

/**
 * splk_view() - look at a value without copying it
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @view: out
 *
 * The bytes may be overwritten while they are looked at; splk_view_valid() tells afterwards whether what was read held.
 * Until then, decide nothing on them that can't be taken back, and follow no length in them unchecked. A replaced value
 * stays for geometry.spares - 1 further publications of the writer that replaced it.
 *
 * Return: length of the value, or an error of splk_get().
 */
long splk_view(struct splk_store *store, const void *key, size_t klen, struct splk_view *view);

/**
 * splk_view_valid() - did the bytes of a view hold until now
 * @store: handle
 * @view: from splk_view()
 *
 * Return: 1: all that was read from the view before this call is the value; 0: some of it may not be.
 */
int splk_view_valid(struct splk_store *store, const struct splk_view *view);

/**
 * splk_view_release() - end a view
 * @store: handle
 * @view: must not be used any more; @ptr is NULL afterwards
 *
 * Nobody waits for views, so that one that is never released harms nobody.
 */
void splk_view_release(struct splk_store *store, struct splk_view *view);

/* Of functions that publish a value: EEXIST if there is such a key, */
#define SPLK_ABSENT (1U << 0)
/* or ENOENT if there is none. */
#define SPLK_PRESENT (1U << 1)
#define SPLK_SET_ALL (SPLK_ABSENT | SPLK_PRESENT)

/**
 * splk_set() - publish a value
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @value: value; NULL if @vlen is 0
 * @vlen: its bytes
 * @flags: 0, SPLK_ABSENT or SPLK_PRESENT
 * @meta: NULL, or filled in with what this call published
 *
 * Type, user flags and labels stay as they are; a new key has none. Makes no system call once the thread is registered.
 *
 * Return: 0, or -ENOSPC (a new key, and all lanes are taken), -EEXIST, -ENOENT, -EMSGSIZE, -EINVAL, -EBADF, -EUSERS,
 * -EAGAIN, -EBADMSG.
 */
int splk_set(struct splk_store *store, const void *key, size_t klen, const void *value, size_t vlen,
	     uint32_t flags, struct splk_meta *meta);

/**
 * splk_set_epoch() - publish a value if the key's epoch is the one expected
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @value: value
 * @vlen: its bytes
 * @epoch: as splk_get() told it
 * @meta: NULL, or filled in with what this call published
 *
 * Return: 0, or -ESTALE (another epoch), -ENOENT (no such key any more), or an error of splk_set().
 */
int splk_set_epoch(struct splk_store *store, const void *key, size_t klen, const void *value,
		   size_t vlen, uint64_t epoch, struct splk_meta *meta);

/**
 * struct splk_alloc - a value being made where readers will find it
 * @ptr: where to write; aligned to 8
 * @len: bytes; may be made smaller before splk_put()
 * @token: the library's
 */
struct splk_alloc {
	void *ptr;
	uint64_t len;
	uint64_t token[4];
};

/**
 * splk_alloc() - room for a value, to be filled in and published by splk_put()
 * @store: handle
 * @key: key; not looked at after the call
 * @klen: its bytes
 * @vlen: bytes of the value
 * @alloc: out; to be given to splk_put() or splk_cancel() by the same thread
 *
 * The room holds anything, not zeros. Until then the thread may write other keys through the handle, and hold up to
 * geometry.spares - 1 such rooms.
 *
 * Return: 0, or -ENOBUFS (the thread holds that many), -EMSGSIZE, -EINVAL, -EBADF, -EUSERS, -ENOMEM.
 */
int splk_alloc(struct splk_store *store, const void *key, size_t klen, size_t vlen,
	       struct splk_alloc *alloc);

/**
 * splk_put() - publish what splk_alloc() gave room for
 * @store: handle
 * @alloc: over with this call, whatever it returns
 * @flags: 0, SPLK_ABSENT or SPLK_PRESENT
 * @meta: NULL, or filled in with what this call published
 *
 * Return: 0, or -EPERM (another thread's or another process's room, or one that is no more: nothing was done), -EINVAL,
 * -EMSGSIZE (@len was made larger), or an error of splk_set().
 */
int splk_put(struct splk_store *store, struct splk_alloc *alloc, uint32_t flags,
	     struct splk_meta *meta);

/**
 * splk_cancel() - give up what splk_alloc() gave
 * @store: handle
 * @alloc: must not be used any more
 *
 * Return: 0, or -EPERM as of splk_put().
 */
int splk_cancel(struct splk_store *store, struct splk_alloc *alloc);

/**
 * splk_delete() - remove a key
 * @store: handle
 * @key: key
 * @klen: its bytes
 *
 * Return: 0, or -ENOENT, -EMSGSIZE, -EINVAL, -EBADF, -EUSERS, -EAGAIN, -EBADMSG.
 */
int splk_delete(struct splk_store *store, const void *key, size_t klen);

/**
 * splk_append() - publish the value with bytes added to its end
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @data: what is added
 * @len: bytes of it
 * @flags: 0: a missing key is made; SPLK_PRESENT
 * @meta: NULL, or filled in with what this call published
 *
 * Concurrent appends all arrive, each whole, in some order.
 *
 * Return: length of the new value, or -EMSGSIZE (it would be over value_max), or an error of splk_set().
 */
long splk_append(struct splk_store *store, const void *key, size_t klen, const void *data,
		 size_t len, uint32_t flags, struct splk_meta *meta);

/**
 * splk_bump() - publish the same value again: the epoch rises
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @meta: NULL, or filled in with what this call published
 *
 * Return: 0, or -ENOENT, or an error of splk_set().
 */
int splk_bump(struct splk_store *store, const void *key, size_t klen, struct splk_meta *meta);

/**
 * struct splk_io - one entry of a batch
 * @key: key
 * @buf: get: where the value goes; set: the value
 * @klen: bytes of the key
 * @len: get: room at @buf; set: bytes of the value
 * @result: out: bytes of the value, or an error of splk_get() or splk_set()
 */
struct splk_io {
	const void *key;
	void *buf;
	uint32_t klen;
	uint32_t len;
	int64_t result;
};

/**
 * splk_get_many() - get several keys, their cache misses overlapped
 * @store: handle
 * @io: entries, each on its own: no common instant, no order
 * @n: number of entries
 *
 * Return: number of entries with a @result that is not negative.
 */
size_t splk_get_many(struct splk_store *store, struct splk_io *io, size_t n);

/**
 * splk_set_many() - set several keys, their cache misses overlapped
 * @store: handle
 * @io: entries, each on its own, in order
 * @n: number of entries
 * @flags: as of splk_set(), for each
 *
 * Return: number of entries with a @result that is not negative. If the thread can't write at all, each @result says why.
 */
size_t splk_set_many(struct splk_store *store, struct splk_io *io, size_t n, uint32_t flags);

/* Integer operations on a value of 8 bytes, little-endian. */
enum splk_math {
	SPLK_AND = 0,
	SPLK_OR = 1,
	SPLK_XOR = 2,
	SPLK_NOT = 3, /* operand unused */
	SPLK_ADD = 4,
	SPLK_SUB = 5,
	SPLK_INC = 6, /* operand unused */
	SPLK_DEC = 7, /* operand unused */
};

/* Value, operand and result are int64_t. Matters with SPLK_SATURATE. */
#define SPLK_SIGNED (1U << 0)
/* Stop at the smallest and largest number instead of wrapping around. */
#define SPLK_SATURATE (1U << 1)
/* A missing key counts as 0 and is made. */
#define SPLK_MATH_CREATE (1U << 2)
#define SPLK_MATH_ALL (SPLK_SIGNED | SPLK_SATURATE | SPLK_MATH_CREATE)

/**
 * splk_math() - change an integer, atomically
 * @store: handle
 * @key: key; must exist, see SPLK_MATH_CREATE
 * @klen: its bytes
 * @op: enum splk_math
 * @operand: right-hand side
 * @flags: mask of SPLK_MATH_ALL
 * @result: NULL, or out: the new value
 *
 * Return: 0, or -ENOENT, -EPROTOTYPE (the value is not 8 bytes long), -ENOSPC (SPLK_MATH_CREATE), -EINVAL, -EMSGSIZE, -EBADF,
 * -EUSERS, -EAGAIN, -EBADMSG.
 */
int splk_math(struct splk_store *store, const void *key, size_t klen, enum splk_math op,
	      uint64_t operand, uint32_t flags, uint64_t *result);

/**
 * struct splk_attr - attributes of a key
 * @type: enum spl_type
 * @user: 8 flags, the user's
 * @labels: 64 bits, the user's
 */
struct splk_attr {
	uint32_t type;
	uint32_t user;
	uint64_t labels;
};

/**
 * splk_attr() - type, user flags and labels of a key, of one instant
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @attr: out
 *
 * Return: 0, or -ENOENT, -EMSGSIZE, -EINVAL, -EAGAIN, -EBADMSG.
 */
int splk_attr(struct splk_store *store, const void *key, size_t klen, struct splk_attr *attr);

/**
 * splk_type_set() - name a key's type; no value is converted or checked
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @type: enum spl_type
 *
 * Return: 0, or -ENOENT, -EINVAL (no such type), -EMSGSIZE, -EBADF, -EUSERS, -EAGAIN, -EBADMSG.
 */
int splk_type_set(struct splk_store *store, const void *key, size_t klen, uint32_t type);

/**
 * splk_type_name() - a type's name in lower case
 * @type: enum spl_type
 *
 * Return: the name, or NULL: no such type.
 */
const char *splk_type_name(uint32_t type);

/**
 * splk_type_parse() - the type of a name, in any case
 * @name: name
 *
 * Return: enum spl_type, or -EINVAL.
 */
int splk_type_parse(const char *name);

/**
 * splk_user_change() - set and clear user flags, atomically
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @set: flags to set, 0 to 255
 * @clear: flags to clear; one that is in both is set
 *
 * Return: 0, or an error of splk_type_set().
 */
int splk_user_change(struct splk_store *store, const void *key, size_t klen, uint32_t set,
		     uint32_t clear);

/**
 * splk_label_change() - set and clear labels, atomically
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @set: labels to set
 * @clear: labels to clear; one that is in both is set
 * @old: NULL, or out: the labels before
 *
 * Test-and-set of a label: it was this call that set it if it is not in @old.
 *
 * Return: 0, or an error of splk_type_set().
 */
int splk_label_change(struct splk_store *store, const void *key, size_t klen, uint64_t set,
		      uint64_t clear, uint64_t *old);

/**
 * splk_label_cas() - change labels if they are as expected under a mask
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @mask: labels that are compared, and replaced
 * @expected: what they must be
 * @wanted: what they become
 * @old: NULL, or out: all labels before
 *
 * The step of a work queue: of many workers that turn WAITING into SERVICING exactly one gets 0.
 *
 * Return: 0, or -ESTALE (they are not as expected; @old is filled in), or an error of splk_type_set().
 */
int splk_label_cas(struct splk_store *store, const void *key, size_t klen, uint64_t mask,
		   uint64_t expected, uint64_t wanted, uint64_t *old);

/**
 * splk_next() - the next key of a walk through a store
 * @store: handle
 * @cursor: 0 to start; the library's afterwards
 * @prefix: only keys that begin so; NULL: all
 * @plen: bytes of @prefix
 * @key: out: the key, not NUL-terminated
 * @cap: bytes of room at @key; geometry.key_max is always enough
 * @meta: NULL, or filled in
 *
 * A key that exists from the start of the walk to its end is told exactly once, in no order; others at most once for each
 * time that they were made. Damaged cells are passed over.
 *
 * Return: length of the key, 0 at the end, or -EMSGSIZE (@cap is too small for this one: @cursor has not passed it).
 */
long splk_next(struct splk_store *store, uint64_t *cursor, const void *prefix, size_t plen,
	       void *key, size_t cap, struct splk_meta *meta);

/**
 * splk_register() - register the calling thread as a writer now rather than at its first write
 * @store: handle
 *
 * Return: index of the writer cell, or -EBADF, -EUSERS, -EBUSY, -ENOMEM.
 */
int splk_register(struct splk_store *store);

/**
 * splk_unregister() - give the calling thread's writer cell back; its next write registers again
 * @store: handle
 *
 * Return: 0, or -ENOENT (the thread is not registered).
 */
int splk_unregister(struct splk_store *store);

/**
 * struct splk_reaped - what splk_reap() did
 * @size: in: sizeof(struct splk_reaped); what lies beyond it is not written
 * @writers: dead writers found and reaped
 * @alive: writers that are registered and alive
 * @unknown: writers of which it can't be known here: they are in another pid namespace. Left alone
 * @finished: operations of the dead that had happened and were completed
 * @undone: operations of the dead that had not happened and were taken back
 */
struct splk_reaped {
	uint32_t size;
	uint32_t writers;
	uint32_t alive;
	uint32_t unknown;
	uint32_t finished;
	uint32_t undone;
};

/**
 * splk_reap() - repair now what dead writers left
 * @store: handle
 * @reaped: in: @size; out: the rest; or NULL
 *
 * The kernel does it by itself for the device; embedded stores have it done when they are opened for writing and when
 * a thread finds no free writer cell. What the opening of this handle reaped is counted by the first call.
 *
 * Return: 0, or -EBADF (read-only handle), -EINVAL (@size), -EBADMSG.
 */
int splk_reap(struct splk_store *store, struct splk_reaped *reaped);

/**
 * splk_check() - verify index, lanes and free lanes of the whole store against each other
 * @store: handle
 * @flags: SPL_CHECK_REPAIR
 * @counts: out
 *
 * Takes time in proportion to the store.
 *
 * Return: 0, or -EBADF (repair with a read-only handle), -EBUSY (repair: other writers are registered), -ENOMEM, -EINTR,
 * -EINVAL.
 */
int splk_check(struct splk_store *store, uint32_t flags, struct spl_check_counts *counts);

/**
 * splk_strerror() - a sentence for what a function of this library returned
 * @err: a negative errno, as returned (a positive one is taken as well)
 *
 * Return: a constant string without a full stop or newline.
 */
const char *splk_strerror(int err);

/**
 * splk_version() - of the library that runs, not of the header
 *
 * Return: SPLK_VERSION_MAJOR << 16 | SPLK_VERSION_MINOR.
 */
uint32_t splk_version(void);

#ifdef __cplusplus
}
#endif

#include "splinterk_signal.h"

#endif /* _SPLINTERK_H */
