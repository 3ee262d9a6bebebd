/* SPDX-License-Identifier: GPL-2.0 */
/*
 * signal.h - what signal.c (queues of sleepers, ringing), sleep.c (the call that waits) and notify.c (poll, read,
 * eventfds of a handle) share.
 *
 * A sleeper sits in the queue of each counter that it sleeps on. A queue is the store's and ends with it; a sleeper is a
 * thread's for the length of its call, a handle's subscription's, or a bound eventfd's, and each of these keeps its
 * handle attached to the store. All of a queue is protected by its wait queue's lock (spin, interrupts off); under it
 * nothing is locked but what wakes: a handle's or eventfd's wait queue, epoll, the scheduler for those who sleep there.
 */
#ifndef _SPL_SIGNAL_H
#define _SPL_SIGNAL_H

#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "splinter_layout.h"

struct spl_handle;
struct spl_kstore;
struct spl_subscription;
struct task_struct;

/**
 * struct spl_queue - who sleeps on one counter
 * @wq: the sleepers; its lock protects all of this
 * @counter: the counter, in the mapping: any bytes
 * @nr_armed: sleepers that count on being rung; @counter->armed says that there are some
 * @nr_wakeups: sleepers woken so far
 */
struct spl_queue {
	wait_queue_head_t wq;
	struct spl_group *counter;
	unsigned int nr_armed;
	u64 nr_wakeups;
} ____cacheline_aligned_in_smp;

/**
 * struct spl_sleeper - one place in a queue
 * @wait: func and private are who sleeps's own
 * @queue: where
 * @armed: counts on being rung (queue's lock)
 */
struct spl_sleeper {
	wait_queue_entry_t wait;
	struct spl_queue *queue;
	bool armed;
};

/* Sleepers that a ring meets in one go. */
#define SPL_RING_STRIDE 32

/**
 * struct spl_rung - threads that a ring has met and is to wake; wait.func gets it as its key
 * @nr: how many
 * @thread: referenced
 */
struct spl_rung {
	unsigned int nr;
	struct task_struct *thread[SPL_RING_STRIDE];
};

/**
 * struct spl_signals - the sleepers of a store
 * @group: by group
 * @bell: by bell
 * @nr_rings: SPL_IOC_RING calls
 * @marks_lock: protects the members below, and marks in the mapping; taken with no other lock of ours held but check_lock
 * @repairing: a repair runs: marks are taken away, but none is made
 * @nr_repairs: how many have run; READ_ONCE() without the lock
 * @repaired: who waits for the end of one, to make a mark
 * @keys: keys that are waited for, by bell
 * @nr_births: by bell: who waits for keys that aren't there
 */
struct spl_signals {
	struct spl_queue group[SPL_GROUPS];
	struct spl_queue bell[SPL_GROUPS];
	atomic64_t nr_rings;
	struct mutex marks_lock; /* see above */
	bool repairing;
	u64 nr_repairs;
	wait_queue_head_t repaired;
	struct list_head keys[SPL_GROUPS];
	unsigned int nr_births[SPL_GROUPS];
};

/**
 * struct spl_notify - what a handle is to tell
 * @wait: who polls or reads the handle
 * @lock: protects @sub and all of it; queues' locks nest inside
 * @sub: its subscription, NULL until there was one
 * @change: one change of @sub, or of the eventfds, at a time; outermost
 * @bound: eventfds (@change)
 * @nr_bound: how many (@change)
 * @sweep: takes off eventfds that were closed
 */
struct spl_notify {
	wait_queue_head_t wait;
	spinlock_t lock; /* see above */
	struct spl_subscription *sub;
	struct mutex change; /* see above */
	struct list_head bound;
	unsigned int nr_bound;
	struct work_struct sweep;
};

/* The queue's lock is held. */
static inline void spl_signal_disarm(struct spl_sleeper *s)
{
	if (!s->armed)
		return;
	WRITE_ONCE(s->armed, false);
	s->queue->nr_armed--;
}

/**
 * spl_signal_woken() - for wait.func: the sleeper is being rung
 * @s: the sleeper
 * @stays_armed: it doesn't look again
 */
static inline void spl_signal_woken(struct spl_sleeper *s, bool stays_armed)
{
	lockdep_assert_held(&s->queue->wq.lock);
	s->queue->nr_wakeups++;
	if (!stays_armed)
		spl_signal_disarm(s);
}

/* signal.c */
void spl_signal_choose(struct spl_sleeper *s, struct spl_queue *q);
void spl_signal_join(struct spl_sleeper *s, struct spl_queue *q);
void spl_signal_arm(struct spl_sleeper *s);
void spl_signal_thread_woken(struct spl_sleeper *s, struct spl_rung *rung);
void spl_signal_leave(struct spl_sleeper *s);

#endif /* _SPL_SIGNAL_H */
