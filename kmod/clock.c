// SPDX-License-Identifier: GPL-2.0
/*
 * clock.c - the coarse clock in the info pages of stores that have writers. One timer serves them all.
 */
#include <linux/ktime.h>
#include <linux/list.h>
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
