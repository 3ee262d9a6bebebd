// SPDX-License-Identifier: GPL-2.0
/*
 * check.c - runs a check of a whole store for an ioctl: memory, interruption, and quiet for a repair. What is checked
 * is uapi/splinter_check.h's.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "kmod.h"
#include "splinter_check.h"

static int poll(void *arg)
{
	cond_resched();
	return signal_pending(current) ? -EINTR : 0;
}

/**
 * spl_kcheck() - check a store
 * @k: the store
 * @h: the handle that asks
 * @flags: mask of SPL_CHECK_ALL
 * @counts: out: what was found; undefined on error
 *
 * Return: 0; -ENOMEM; -EINTR: a signal came, repairs so far were made; -EBUSY: repair while others are registered.
 */
int spl_kcheck(struct spl_kstore *k, const struct spl_handle *h, u32 flags,
	       struct spl_check_counts *counts)
{
	struct spl_check_work work = { .poll = poll };
	bool repair = flags & SPL_CHECK_REPAIR;
	int ret;

	if (mutex_lock_interruptible(&k->check_lock))
		return -EINTR;
	work.seen = kvcalloc(BITS_TO_LONGS(k->plan.lanes_total), sizeof(long), SPL_GFP);
	if (!work.seen) {
		ret = -ENOMEM;
		goto out_unlock;
	}
	if (repair) {
		ret = spl_slot_quiesce(k, h);
		if (ret)
			goto out_free;
	}
	if (repair)
		spl_sleep_hold(k);
	ret = spl_check(&k->view, &work, flags, counts);
	if (repair) {
		spl_sleep_release(k);
		spl_slot_resume(k);
	}
out_free:
	kvfree(work.seen);
out_unlock:
	mutex_unlock(&k->check_lock);
	return ret;
}
