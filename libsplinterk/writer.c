// SPDX-License-Identifier: MIT
/*
 * writer.c - which writer cell the calling thread writes through. Cells are handed out by the backends.
 *
 * A thread registers at its first write through a handle and is found again by one comparison in a thread-local word.
 * A child of fork() inherits all of that memory and must use none of it: two processes in one writer cell would ruin
 * each other's lanes. So each process has a number that every registration bears; it stands in a page that the kernel
 * wipes in a child, however that came to be.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

static pthread_mutex_t registry =
	PTHREAD_MUTEX_INITIALIZER; /* protects all below, and registration.store */
static struct registration *all;
static uint64_t last_process;
static uint64_t last_serial;

/* This process's number; 0: a new process that has none yet. Read without the lock. */
static uint64_t process_word;
static uint64_t *process = &process_word;

static pthread_key_t at_exit_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_error;

static __thread struct {
	uint64_t store_id;
	uint64_t process;
	struct registration *reg;
} last;
static __thread struct {
	uint64_t process;
	struct registration *first;
} mine;

/* Remove from the list of all; the lock is held. */
static void unlink_registration(struct registration *reg)
{
	struct registration **p = &all;

	while (*p && *p != reg)
		p = &(*p)->next;
	if (*p)
		*p = reg->next;
}

static void free_registration(struct registration *reg)
{
	uint32_t i;

	for (i = 0; i < SPL_SPARES_MAX; i++)
		free(reg->rooms[i]);
	free(reg);
}

/* The calling thread's registrations end; handles that are still open get their cells back. */
static void thread_ends(void *unused)
{
	struct registration *reg;

	(void)unused;
	memset(&last, 0, sizeof(last));
	if (mine.process != __atomic_load_n(process, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&registry);
	while ((reg = mine.first)) {
		mine.first = reg->thread_next;
		unlink_registration(reg);
		if (reg->store)
			reg->store->backend->release(reg->store, &reg->claim, true);
		free_registration(reg);
	}
	pthread_mutex_unlock(&registry);
}

static void fork_prepare(void)
{
	pthread_mutex_lock(&registry);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&registry);
}

static void fork_child(void)
{
	__atomic_store_n(process, 0, __ATOMIC_RELAXED); /* where the kernel didn't */
	pthread_mutex_unlock(&registry);
}

static void init_once(void)
{
	void *page = mmap(NULL, SPL_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (page != MAP_FAILED) {
		if (!madvise(page, SPL_PAGE_BYTES, MADV_WIPEONFORK))
			process = page;
		else
			munmap(page, SPL_PAGE_BYTES);
	}
	once_error = -pthread_key_create(&at_exit_key, thread_ends);
	if (!once_error)
		once_error = -pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* The main thread has no destructor when the process exits; other threads may still be at work and keep theirs. */
__attribute__((destructor)) static void process_ends(void)
{
	if (mine.first)
		thread_ends(NULL);
}

/* This process's number. The first call after a fork drops what was the parent's; the lock is held. */
static uint64_t process_number(void)
{
	struct registration *reg;

	if (!*process) {
		/* Their threads don't exist here, and the one that forked knows by mine.process. */
		while ((reg = all)) {
			all = reg->next;
			free_registration(reg);
		}
		__atomic_store_n(process, ++last_process, __ATOMIC_RELAXED);
	}
	return *process;
}

/* Another registration of this thread in the same cell: a handle made of the same open device. */
static bool cell_is_shared(const struct registration *reg)
{
	const struct registration *other;

	for (other = mine.first; other; other = other->thread_next)
		if (other->store && other->claim.idx == reg->claim.idx &&
		    other->store->info->store_id == reg->store->info->store_id)
			return true;
	return false;
}

static struct registration *lookup(struct splk_store *store)
{
	struct registration *reg;

	/* A thread without registrations may run before init_once(). */
	if (!mine.first || mine.process != __atomic_load_n(process, __ATOMIC_RELAXED))
		return NULL;
	for (reg = mine.first; reg; reg = reg->thread_next)
		if (reg->store_id == store->id)
			return reg;
	return NULL;
}

static struct registration *remember(struct splk_store *store, struct registration *reg)
{
	last.store_id = store->id;
	last.process = reg->process;
	last.reg = reg;
	return reg;
}

/* Drop what handles closed by other threads left in this thread's list; the lock is held. */
static void drop_closed(void)
{
	struct registration *reg, **p = &mine.first;

	while ((reg = *p)) {
		if (reg->store) {
			p = &reg->thread_next;
			continue;
		}
		*p = reg->thread_next;
		free_registration(reg);
	}
}

static int register_thread(struct splk_store *store, struct registration *reg)
{
	int err = store->backend->claim(store, &reg->claim);

	if (err)
		return err;
	err = spl_writer_init(&reg->writer, &store->view, reg->claim.idx);
	if (err)
		return -EBADMSG;
	/* Without a destructor the cell would stay taken until the process ends: better no cell. */
	err = -pthread_setspecific(at_exit_key, reg);
	if (err) {
		store->backend->release(store, &reg->claim, true);
		return err;
	}
	reg->store = store;
	reg->store_id = store->id;
	pthread_mutex_lock(&registry);
	reg->process = process_number();
	reg->serial = ++last_serial;
	if (mine.process != reg->process)
		mine.first = NULL;
	mine.process = reg->process;
	drop_closed();
	if (cell_is_shared(reg)) {
		pthread_mutex_unlock(&registry);
		return -EBUSY; /* the cell is the other's: not to be released */
	}
	reg->next = all;
	all = reg;
	reg->thread_next = mine.first;
	mine.first = reg;
	pthread_mutex_unlock(&registry);
	return 0;
}

static struct registration *first_write(struct splk_store *store, int *err)
{
	struct registration *reg;

	*err = store->read_only ? -EBADF : 0;
	if (*err)
		return NULL;
	pthread_once(&once, init_once);
	*err = once_error;
	if (*err)
		return NULL;
	reg = lookup(store);
	if (reg)
		return remember(store, reg);
	reg = calloc(1, sizeof(*reg));
	*err = reg ? register_thread(store, reg) : -ENOMEM;
	if (!*err)
		return remember(store, reg);
	free(reg);
	return NULL;
}

struct registration *registration_get(struct splk_store *store, int *err)
{
	if (spl_likely(last.store_id == store->id &&
		       last.process == __atomic_load_n(process, __ATOMIC_RELAXED)))
		return last.reg;
	return first_write(store, err);
}

struct registration *registration_peek(struct splk_store *store)
{
	return lookup(store);
}

void writer_forget_store(struct splk_store *store)
{
	struct registration *reg, *next;

	pthread_mutex_lock(&registry);
	if (last.store_id == store->id)
		memset(&last, 0, sizeof(last));
	if (last_process &&
	    __atomic_load_n(process,
			    __ATOMIC_RELAXED)) { /* otherwise all of them are the parent's */
		for (reg = all; reg; reg = next) {
			next = reg->next;
			if (reg->store != store)
				continue;
			store->backend->release(store, &reg->claim, lookup(store) == reg);
			unlink_registration(reg);
			reg->store = NULL; /* its thread frees it */
		}
	}
	pthread_mutex_unlock(&registry);
}

int splk_register(struct splk_store *store)
{
	int err = 0;
	struct registration *reg = registration_get(store, &err);

	return reg ? (int)reg->writer.idx : err;
}

int splk_unregister(struct splk_store *store)
{
	struct registration *reg = lookup(store), **p;

	if (!reg)
		return -ENOENT;
	if (last.reg == reg)
		memset(&last, 0, sizeof(last));
	pthread_mutex_lock(&registry);
	for (p = &mine.first; *p != reg;)
		p = &(*p)->thread_next;
	*p = reg->thread_next;
	unlink_registration(reg);
	store->backend->release(store, &reg->claim, true);
	pthread_mutex_unlock(&registry);
	free_registration(reg);
	return 0;
}
