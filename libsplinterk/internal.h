/* SPDX-License-Identifier: MIT */
/* internal.h - what the files of the library share: the handle, and what a backend must be able to do. */
#ifndef _SPLINTERK_INTERNAL_H
#define _SPLINTERK_INTERNAL_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "splinterk.h"
#include "splinter_ops.h"

#define hidden __attribute__((visibility("hidden")))

/* Holder of a writer cell of an embedded store: see owner.c. */
struct owner {
	uint64_t lo;
	uint64_t hi;
};

/* A writer cell, and in whose name it was claimed. */
struct claim {
	uint32_t idx;
	struct owner owner;
};

struct backend {
	/* A writer cell for the calling thread; negative errno. */
	int (*claim)(struct splk_store *store, struct claim *claim);
	/* Give one of this process back; own: it is the calling thread's. No operation uses it. */
	void (*release)(struct splk_store *store, const struct claim *claim, bool own);
	int (*reap)(struct splk_store *store, struct splk_reaped *reaped);
	int (*check)(struct splk_store *store, uint32_t flags, struct spl_check_counts *counts);

	/* Wake who sleeps on these counters. */
	int (*ring)(struct splk_store *store, const struct spl_counters *due);
	/* Sleep until one differs: how many do, or a negative errno; arguments are checked, and were looked at. */
	int (*wait_groups)(struct splk_store *store, struct splk_group_count *counts, uint32_t n,
			   uint64_t deadline, uint32_t flags);
	int (*wait_key)(struct splk_store *store, const void *key, uint32_t klen, uint64_t *epoch,
			uint64_t deadline, uint32_t flags);
	int (*subscribe)(struct splk_store *store, uint64_t groups);
	long (*pulses)(struct splk_store *store, struct splk_pulses *pulses, size_t n);
	int (*eventfd)(struct splk_store *store, int fd, uint64_t groups, uint32_t flags);
};

/**
 * struct splk_store - a handle; constant once made, but for @reap_s
 * @view: what the inline operations work on
 * @info: info page: the kernel's, or @copy
 * @copy: of an embedded store's info page, which others might change
 * @backend: device or embedded
 * @id: never used again in this process, also not for a handle at the same address
 * @info_map: mapping of the info page, or NULL
 * @data: mapping from @info->data_off on
 * @data_bytes: its length
 * @fd: owned
 * @read_only: @data can't be written
 * @reap_s: second in which a full store last made somebody look for dead writers
 * @opened: what opening it reaped, until splk_reap() has told it
 */
struct splk_store {
	struct spl_store view;
	const struct spl_info *info;
	struct spl_info copy;
	const struct backend *backend;
	uint64_t id;
	void *info_map;
	void *data;
	size_t data_bytes;
	int fd;
	bool read_only;
	uint64_t reap_s;
	struct splk_reaped opened;
};

/* A specification taken apart: see splk_open(). */
enum spec_kind { SPEC_DEVICE, SPEC_MEMFD, SPEC_FILE, SPEC_FD };

struct spec {
	enum spec_kind kind;
	const char *name; /* store, label or path */
	size_t name_len;
	int fd;
};

/* spec.c */
hidden int spec_parse(const char *text, struct spec *spec);
hidden int options_take(const struct splk_options *from, uint32_t flags, struct splk_options *to);
hidden int size_check(uint32_t size);

/* open.c */
hidden struct splk_store *store_new(int fd, const struct backend *backend, bool read_only);
hidden int store_map(struct splk_store *store, const struct spl_info *info);
hidden void store_free(struct splk_store *store);

/* device.c */
hidden int device_open(const struct spec *spec, const struct splk_options *options,
		       struct splk_store **store);
hidden int device_attach(int fd, bool read_only, struct splk_store **store);
hidden int device_unlink(const struct spec *spec, const struct splk_options *options,
			 uint32_t flags);
hidden int device_setattr(const struct spec *spec, const struct splk_options *options,
			  struct spl_ioc_setattr *change);
hidden int device_geometry(const struct splk_store *store, struct spl_ioc_geometry *geometry);
hidden int device_call(int fd, unsigned long request, void *arg);
hidden int device_info(const char *device, struct spl_ioc_info *info);
hidden extern const struct backend device_backend;

/* What splinterk_signal.h's functions of the same names tell; the backend's parts are in signal_*.c. */
#define SIGNAL_PARTS(backend)                                                                   \
	hidden int backend##_ring(struct splk_store *store, const struct spl_counters *due);    \
	hidden int backend##_wait_groups(struct splk_store *store,                              \
					 struct splk_group_count *counts, uint32_t n,           \
					 uint64_t deadline, uint32_t flags);                    \
	hidden int backend##_wait_key(struct splk_store *store, const void *key, uint32_t klen, \
				      uint64_t *epoch, uint64_t deadline, uint32_t flags);      \
	hidden int backend##_subscribe(struct splk_store *store, uint64_t groups);              \
	hidden long backend##_pulses(struct splk_store *store, struct splk_pulses *pulses,      \
				     size_t n);                                                 \
	hidden int backend##_eventfd(struct splk_store *store, int fd, uint64_t groups,         \
				     uint32_t flags)
SIGNAL_PARTS(device);
SIGNAL_PARTS(embed);

/* embed.c */
hidden int embed_open(const struct spec *spec, const struct splk_options *options,
		      struct splk_store **store);
hidden int embed_attach(int fd, bool read_only, struct splk_store **store);
hidden int embed_unlink(const struct spec *spec);
hidden int embed_setattr(const struct spec *spec, const struct spl_ioc_setattr *change);
hidden extern const struct backend embed_backend;

/* build.c: takes over nothing; the new descriptor is the caller's */
hidden int build_memfd(const char *label, const struct spl_info *plan);
hidden int build_file(const char *path, uint32_t mode, const struct spl_info *plan);
hidden int build_sealed(const char *label, int (*fill)(int fd, const void *plan), const void *plan);
hidden int build_named(const char *path, uint32_t mode, int (*fill)(int fd, const void *plan),
		       const void *plan);
hidden int build_reserve(int fd, uint64_t map_bytes, uint64_t data_off);

/* owner.c; what the bits mean stands there */
#define OWNER_SET (1ULL << 63)
#define OWNER_REAPING (1ULL << 62)
#define OWNER_START_SHIFT 22
#define OWNER_START ((1ULL << 40) - 1)
#define OWNER_TID ((1ULL << OWNER_START_SHIFT) - 1)
#define OWNER_BOOT_SHIFT 32
#define OWNER_SPACE 0xffffffffULL

enum life { LIFE_ALIVE, LIFE_DEAD, LIFE_UNKNOWN };
hidden int owner_self(struct owner *self);
hidden enum life owner_life(const struct owner *self, const struct owner *who);

/* cells.c */
hidden int cells_claim(struct splk_store *store, struct claim *claim);
hidden void cells_release(struct splk_store *store, const struct claim *claim, bool own);
hidden int cells_reap(struct splk_store *store, struct splk_reaped *reaped);
hidden uint64_t cells_dead(const struct splk_store *store);
hidden int cells_check(struct splk_store *store, uint32_t flags, struct spl_check_counts *counts);

/* writer.c: the calling thread's right to write through a handle */

/* A room given out by splk_alloc(), with its own copy of the key. */
struct room {
	struct spl_room alloc;
	uint64_t serial; /* 0: free */
	unsigned char key[SPL_KEY_MAX];
};

/**
 * struct registration - one thread's writer cell of one handle; used by that thread alone
 * @writer: the inline operations' state
 * @claim: its writer cell
 * @store: the handle, NULL once that is closed
 * @store_id: its id
 * @process: process_number() of the process that registered
 * @serial: never used again in this process
 * @next: in the list of all
 * @thread_next: in the list of the thread, which frees it
 * @rooms: rooms given out, allocated when first needed
 */
struct registration {
	struct spl_writer writer;
	struct claim claim;
	struct splk_store *store;
	uint64_t store_id;
	uint64_t process;
	uint64_t serial;
	struct registration *next;
	struct registration *thread_next;
	struct room *rooms[SPL_SPARES_MAX];
};

/* The calling thread's, registered if need be; NULL and @err. */
hidden struct registration *registration_get(struct splk_store *store, int *err);
/* The calling thread's if it has one. */
hidden struct registration *registration_peek(struct splk_store *store);
hidden void writer_forget_store(struct splk_store *store);

static inline struct spl_writer *writer_get(struct splk_store *store, int *err)
{
	struct registration *reg = registration_get(store, err);

	return spl_likely(reg != NULL) ? &reg->writer : NULL;
}

/* signal.c */
hidden void ring_due(struct splk_store *store, struct spl_writer *w,
		     const struct spl_counters *due);
/* How many counts aren't as told, and all of them if any; likewise 1 or 0 of a key, or a negative errno. */
hidden int groups_moved(struct splk_store *store, struct splk_group_count *counts, uint32_t n);
hidden int key_moved(struct splk_store *store, const void *key, uint32_t klen, uint64_t *epoch);

/* After whatever may have changed something: wakes who waits for that. */
static inline void ring_if_due(struct splk_store *store, struct spl_writer *w)
{
	struct spl_counters due;

	if (spl_ring_due(w, &due))
		ring_due(store, w, &due);
}

static inline void meta_tell(struct splk_meta *to, const struct spl_meta *from)
{
	to->epoch = from->epoch;
	to->ctime_ns = from->ctime_ns;
	to->mtime_ns = from->mtime_ns;
	to->value_len = from->vlen;
	to->key_len = from->klen;
	to->reserved[0] = 0;
	to->reserved[1] = 0;
}

/*
 * Signals wait while a store is made. Making one ends with EINTR when a signal comes and is undone; beside a fast interval
 * timer it would never come to its end.
 */
static inline void signals_hold(sigset_t *old)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, old);
}

static inline void signals_release(const sigset_t *old)
{
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

#endif /* _SPLINTERK_INTERNAL_H */
