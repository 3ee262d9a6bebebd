// SPDX-License-Identifier: GPL-2.0
/*
 * clock.c - the coarse clock in the info pages of stores that have writers (one timer serves them all), and deadlines of
 * callers whose clock is shifted.
 */
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/overflow.h>
#include <linux/time_namespace.h>
#include <linux/workqueue.h>

#include "kmod.h"

#define PERIOD_MS 10

/* Protects the list, and clock_node of its stores. Innermost; a store leaves the list before its pages go. */
static DEFINE_SPINLOCK(clock_lock);
static LIST_HEAD(running);

static void tick(struct work_struct *work);
static DECLARE_DELAYED_WORK(clock_work, tick);

static void rearm(void)
{
	queue_delayed_work(system_wq, &clock_work, msecs_to_jiffies(PERIOD_MS));
}

static void tick(struct work_struct *work)
{
	u64 now = ktime_get_coarse_real_ns();
	struct spl_kstore *k;

	spin_lock(&clock_lock);
	list_for_each_entry(k, &running, clock_node)
		WRITE_ONCE(k->mem.info->clock_ns, now);
	if (!list_empty(&running))
		rearm();
	spin_unlock(&clock_lock);
}

/**
 * spl_clock_start() - keep a store's clock running
 * @k: the store, its writers_lock held
 */
void spl_clock_start(struct spl_kstore *k)
{
	lockdep_assert_held(&k->writers_lock);
	WRITE_ONCE(k->mem.info->clock_ns, ktime_get_coarse_real_ns());
	spin_lock(&clock_lock);
	list_add(&k->clock_node, &running);
	rearm();
	spin_unlock(&clock_lock);
}

/**
 * spl_clock_stop() - let it stand
 * @k: the store, its writers_lock held
 */
void spl_clock_stop(struct spl_kstore *k)
{
	lockdep_assert_held(&k->writers_lock);
	spin_lock(&clock_lock);
	list_del_init(&k->clock_node);
	spin_unlock(&clock_lock);
}

/**
 * spl_clock_exit() - the module goes: no tick is left behind
 */
void spl_clock_exit(void)
{
	cancel_delayed_work_sync(&clock_work);
}

/**
 * spl_clock_deadline() - a deadline of the caller's CLOCK_MONOTONIC as one of the machine's
 * @ns: nanoseconds; 0 and what is over KTIME_MAX (no deadline) stay
 *
 * A time namespace shifts the clock that its processes see.
 *
 * Return: nanoseconds to compare with ktime_get_ns().
 */
u64 spl_clock_deadline(u64 ns)
{
	struct timespec64 shift = {};
	s64 host, by;

	if (!ns || ns > KTIME_MAX)
		return ns;
	timens_add_monotonic(&shift);
	by = timespec64_to_ns(&shift);
	if (check_sub_overflow((s64)ns, by, &host))
		return KTIME_MAX;
	return host > 0 ? host : 0;
}
