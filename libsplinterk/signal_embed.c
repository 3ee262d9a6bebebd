// SPDX-License-Identifier: MIT
/*
 * signal_embed.c - sleeping and waking without the module: futexes in the store itself. The protocol, and why its steps are in
 * this order, is in Documentation/design/signals.md.
 *
 *	sleeper					ringer
 *	load bell				load armed
 *	armed + 2, bit 0 set	(T)		bell + 1
 *	look; FUTEX_WAIT(bell)			FUTEX_WAKE(bell, all)
 *						armed: bit 0 clear, if it is as it was loaded
 */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* Where a thread sleeps: counters, and their bells as they were before it looked. */
struct bed {
	struct spl_group *at[SPL_GROUPS];
	uint32_t bell[SPL_GROUPS];
	uint32_t n;
};

/* Only others who arm, or wake, can make it fail, and each time one of them has come further. */
static void arm(uint32_t *armed)
{
	uint32_t was = __atomic_load_n(armed, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(armed, &was, (was + 2) | 1, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED))
		;
}

static void lie_down(struct bed *bed)
{
	uint32_t i;

	for (i = 0; i < bed->n; i++) {
		bed->bell[i] = spl_load_acquire(&bed->at[i]->bell);
		arm(&bed->at[i]->armed);
	}
	spl_mb(); /* (T) */
}

static bool past(uint64_t deadline)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec >= deadline;
}

static long sleep_on_all(const struct bed *bed, const struct timespec *until)
{
	struct futex_waitv waits[SPL_GROUPS] = { 0 };
	uint32_t i;

	for (i = 0; i < bed->n; i++)
		waits[i] = (struct futex_waitv){ .val = bed->bell[i],
						 .uaddr = (uintptr_t)&bed->at[i]->bell,
						 .flags = FUTEX_32 };
	return syscall(SYS_futex_waitv, waits, bed->n, 0, until, CLOCK_MONOTONIC);
}

/* 0: look again; -ETIMEDOUT, -EINTR, -EOPNOTSUPP. */
static int sleep_in(const struct bed *bed, uint64_t deadline, uint32_t flags)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline / 1000000000ULL),
		.tv_nsec = (long)(deadline % 1000000000ULL),
	};
	const struct timespec *limit = deadline == SPLK_FOREVER ? NULL : &until;
	int saved = errno, err;
	long r;

	if (bed->n == 1)
		r = syscall(SYS_futex, &bed->at[0]->bell, FUTEX_WAIT_BITSET, bed->bell[0], limit,
			    NULL, FUTEX_BITSET_MATCH_ANY);
	else
		r = sleep_on_all(bed, limit);
	err = r < 0 ? -errno : 0;
	errno = saved;
	if (err == -ENOSYS)
		return -EOPNOTSUPP;
	if (err == -EINTR)
		return flags & SPLK_INTERRUPTIBLE ? err : 0;
	/* EAGAIN: rung already. That may be so each time, and then the kernel doesn't look at the time. */
	return err == -ETIMEDOUT || past(deadline) ? -ETIMEDOUT : 0;
}

int embed_wait_groups(struct splk_store *store, struct splk_group_count *counts, uint32_t n,
		      uint64_t deadline, uint32_t flags)
{
	struct bed bed = { .n = n };
	int err = 0, moved;
	uint32_t i;

	if (store->read_only)
		return -EBADF;
	for (i = 0; i < n; i++)
		bed.at[i] = &store->view.signal->group[counts[i].group];
	for (;;) {
		if (!err)
			lie_down(&bed);
		moved = groups_moved(store, counts, n);
		if (moved || err)
			return moved ? moved : err;
		err = sleep_in(&bed, deadline, flags);
	}
}

int embed_wait_key(struct splk_store *store, const void *key, uint32_t klen, uint64_t *epoch,
		   uint64_t deadline, uint32_t flags)
{
	const struct spl_store *s = &store->view;
	uint64_t bell = spl_bell_of(spl_hash(s, key, klen));
	struct bed bed = { .n = 1, .at = { &s->signal->bell[__builtin_ctzll(bell)] } };
	int err = 0, r;

	if (store->read_only)
		return -EBADF;
	for (;;) {
		if (!err) {
			lie_down(&bed);
			/* Each time: it may be another one, which nobody has marked. */
			r = spl_wait_mark(s, key, klen, true, NULL); /* (S) */
			if (r == -ENOENT)
				r = spl_wait_birth(s, key, klen); /* (S) */
			if (r)
				return r;
		}
		r = key_moved(store, key, klen, epoch);
		if (r || err)
			return r ? r : err;
		err = sleep_in(&bed, deadline, flags);
	}
}

static void ring_one(struct spl_group *g)
{
	uint32_t armed = __atomic_load_n(&g->armed, __ATOMIC_SEQ_CST);

	if (!(armed & 1))
		return;
	__atomic_fetch_add(&g->bell, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &g->bell, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
	/* Who armed since may not have been woken: then the bit stays. */
	__atomic_compare_exchange_n(&g->armed, &armed, armed & ~1U, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_RELAXED);
}

static void ring_each(struct spl_group *of, uint64_t mask)
{
	for (; mask; mask &= mask - 1)
		ring_one(&of[__builtin_ctzll(mask)]);
}

int embed_ring(struct splk_store *store, const struct spl_counters *due)
{
	ring_each(store->view.signal->group, due->groups);
	ring_each(store->view.signal->bell, due->bells);
	return 0;
}

/* The kernel's part; there is none. */
int embed_subscribe(struct splk_store *store, uint64_t groups)
{
	(void)store, (void)groups;
	return -EOPNOTSUPP;
}

long embed_pulses(struct splk_store *store, struct splk_pulses *pulses, size_t n)
{
	(void)store, (void)pulses, (void)n;
	return -EOPNOTSUPP;
}

int embed_eventfd(struct splk_store *store, int fd, uint64_t groups, uint32_t flags)
{
	(void)store, (void)fd, (void)groups, (void)flags;
	return -EOPNOTSUPP;
}
