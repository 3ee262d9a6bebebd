// SPDX-License-Identifier: GPL-2.0
/*
 * chwait.c - sleeping at an end of a channel, and waking the other one. When there is something to wake for is said by
 * words that the ends write; each is loaded once, and nothing is done by it but waking too often or never.
 *
 *	sleeper					the other end
 *	(a) enter the wait queue		store stamp, or read
 *	(b) asleep = 1				(R) a compiler barrier
 *	(R) heavy barrier			load asleep; not 0: ring
 *	(c) look again; sleep			ring: (d) asleep = 0 (e) wake all in the queue
 *
 * (R) orders the other end's store before its load by interrupting every CPU that may run it: what it does so costs
 *	nothing while nobody sleeps. Either (c) sees the store, or the load sees (b).
 * (a) before (b) and (d) before (e): who set the flag that a ring found is in the queue that this ring wakes; a flag set
 *	after (d) stays for the next ring.
 *
 * The flag stays until it is rung for, also when who set it has given up or lost the end; and while it does, one (R) is
 * enough for all who come to sleep. A load of the other end's stands before its interruption by that (R), and with it the store before
 * the load: (c) of whoever comes later sees that store. Or it stands behind the interruption, and finds the flag, as that
 * was set before and nobody has cleared it: it rings. An end that is mapped, or a thread that is switched in, after the
 * (R) has passed a full barrier since, and is behind it. So who finds the flag armed, in the queue (a), goes on with
 * (c); if a ring is under way, its (d) was either before that, and the flag wasn't armed, or its (e) finds who came. Of
 * several who arm at the same time each makes its own (R), and the flag counts as armed by those that no (d) met. So
 * nobody can interrupt an end more often than it has rung, once for each thread that waits: not by deadlines that
 * have passed, nor by polling.
 */
#include <linux/hrtimer.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include "channel.h"

static void barrier_here(void *unused)
{
	smp_mb(); /* (R) */
}

/* (R): a full barrier on this CPU, and on each that may be running user code of the process that has @end mapped. */
static void heavy_barrier(struct spl_channel *ch, struct spl_end *end)
{
	struct mm_struct *mm;

	/* The lock: who maps the end after this sees the flag. */
	spin_lock(&ch->lock);
	mm = end->mm;
	if (mm)
		mmgrab(mm);
	spin_unlock(&ch->lock);

	smp_mb(); /* the flag before the mask: a CPU that isn't in it yet passes a full barrier when it gets there */
	if (mm) {
		preempt_disable();
		smp_call_function_many(spl_mm_cpus(mm), barrier_here, NULL, true);
		preempt_enable();
		mmdrop(mm);
	}
	smp_mb(); /* the interrupts before what is looked at next */
}

/* (b) and (R), unless both were since the last ring. The caller is in the wait queue. */
static void arm(struct spl_channel *ch, u32 role)
{
	struct spl_end *end = spl_channel_end(ch, role);
	bool was_armed;
	u64 nr_rung;

	spin_lock_irq(&end->wq.lock);
	was_armed = end->armed;
	nr_rung = end->nr_rung;
	if (!was_armed)
		WRITE_ONCE(end->shown->asleep, 1);
	spin_unlock_irq(&end->wq.lock);
	if (was_armed)
		return;
	heavy_barrier(ch, spl_channel_peer(ch, role));
	spin_lock_irq(&end->wq.lock);
	if (end->nr_rung == nr_rung)
		end->armed = true;
	spin_unlock_irq(&end->wq.lock);
}

/* Has the other end gone as far as @position? */
static bool reached(const struct spl_channel *ch, u32 role, u64 position)
{
	const u64 *word;

	if (role == SPL_CHANNEL_TX)
		return spl_channel_reached(READ_ONCE(ch->rx->read), position);
	position &= ~(u64)(SPL_CHANNEL_LINE - 1);
	word = ch->mem.data + (position & (ch->plan.capacity - 1));
	return spl_message_there(READ_ONCE(*word), position);
}

/*
 * Why not to sleep: 1: what is waited for is there; -EPIPE, -EBADF; 0: nothing yet. (V) The loss of the other end first,
 * as what it published before that must be seen.
 */
static int verdict(struct spl_chfile *cf, u32 role, u64 position)
{
	struct spl_end *peer = spl_channel_peer(cf->ch, role);
	bool gone = spl_channel_gone(smp_load_acquire(&peer->taken)); /* (V) */

	if (READ_ONCE(cf->role) != role)
		return -EBADF;
	if (gone && role == SPL_CHANNEL_TX)
		return -EPIPE;
	if (reached(cf->ch, role, position))
		return 1;
	return gone ? -EPIPE : 0;
}

static int sleep_until(struct spl_chfile *cf, u32 role, u64 position, ktime_t *deadline)
{
	struct spl_end *end = spl_channel_end(cf->ch, role);
	DEFINE_WAIT(wait);
	bool expired;
	int ret;

	for (;;) {
		prepare_to_wait(&end->wq, &wait, TASK_INTERRUPTIBLE); /* (a) */
		arm(cf->ch, role);
		ret = verdict(cf, role, position); /* (c) */
		if (!ret && signal_pending(current))
			ret = -ERESTARTSYS; /* as it stands: the deadline is absolute */
		if (ret)
			break;
		expired = !schedule_hrtimeout_range(deadline, current->timer_slack_ns,
						    HRTIMER_MODE_ABS);
		/* Mostly it is there now, and the other end need not be interrupted once more. */
		ret = verdict(cf, role, position);
		if (!ret && expired)
			ret = -ETIMEDOUT;
		if (ret)
			break;
	}
	finish_wait(&end->wq, &wait);
	return ret;
}

/**
 * spl_chwait_wait() - SPL_IOC_CHANNEL_WAIT
 * @cf: the end
 * @a: the call's struct
 *
 * Return: 0, or what uapi/splinter_calls.h says.
 */
int spl_chwait_wait(struct spl_chfile *cf, const struct spl_ioc_channel_wait *a)
{
	u32 role = READ_ONCE(cf->role);
	u64 deadline_ns = spl_clock_deadline(a->deadline_ns);
	ktime_t deadline = deadline_ns;
	int ret;

	if (a->flags)
		return -EOPNOTSUPP;
	if (!role)
		return -EBADF;
	if (role == SPL_CHANNEL_RX && a->position % SPL_CHANNEL_LINE)
		return -EINVAL;
	ret = verdict(cf, role, a->position);
	if (ret)
		return min(ret, 0);
	if (deadline_ns <= ktime_get_ns())
		return -ETIMEDOUT;
	ret = sleep_until(cf, role, a->position, deadline_ns > KTIME_MAX ? NULL : &deadline);
	return min(ret, 0);
}

static __poll_t key_of(u32 role)
{
	return role == SPL_CHANNEL_TX ? EPOLLOUT | EPOLLWRNORM : EPOLLIN | EPOLLRDNORM;
}

/**
 * spl_chwait_ring() - SPL_IOC_CHANNEL_RING
 * @cf: the end whose other end is to be woken
 *
 * Return: 0, or -EBADF.
 */
int spl_chwait_ring(struct spl_chfile *cf)
{
	u32 role = READ_ONCE(cf->role);
	struct spl_end *peer;

	if (!role)
		return -EBADF;
	peer = spl_channel_peer(cf->ch, role);
	spin_lock_irq(&peer->wq.lock);
	WRITE_ONCE(peer->shown->asleep, 0); /* (d) */
	peer->armed = false;
	peer->nr_rung++;
	spin_unlock_irq(&peer->wq.lock);
	wake_up_interruptible_poll(&peer->wq,
				   key_of(SPL_CHANNEL_TX + SPL_CHANNEL_RX - role)); /* (e) */
	return 0;
}

static __poll_t look(struct spl_chfile *cf, u32 role)
{
	u64 position = role == SPL_CHANNEL_TX ? READ_ONCE(cf->ch->tx->want) :
						READ_ONCE(cf->ch->rx->read);
	struct spl_end *peer = spl_channel_peer(cf->ch, role);
	bool gone = spl_channel_gone(smp_load_acquire(&peer->taken)); /* (V) */
	__poll_t mask = gone ? EPOLLHUP : 0;

	if (READ_ONCE(cf->role) != role)
		return EPOLLERR;
	return reached(cf->ch, role, position) ? mask | key_of(role) : mask;
}

/**
 * spl_chwait_poll() - poll(2), select(2), epoll(7)
 * @cf: the end
 * @file: its file
 * @pt: who asks
 *
 * Return: EPOLLIN or EPOLLOUT, EPOLLHUP, EPOLLERR.
 */
__poll_t spl_chwait_poll(struct spl_chfile *cf, struct file *file, struct poll_table_struct *pt)
{
	u32 role = READ_ONCE(cf->role);
	__poll_t wanted, mask;

	if (!role)
		return EPOLLERR;
	poll_wait(file, &spl_channel_end(cf->ch, role)->wq, pt); /* (a) */
	mask = look(cf, role);
	wanted = poll_requested_events(pt) & (key_of(role) | (__force __poll_t)EPOLLET);
	if (!(wanted & key_of(role)))
		return mask;
	/*
	 * With edges nobody asks again before the next one, so the other end has to ring for what comes after this
	 * too. Otherwise who finds something asks again before it sleeps.
	 */
	if (!(mask & key_of(role)) || wanted & (__force __poll_t)EPOLLET) {
		arm(cf->ch, role);
		mask = look(cf, role); /* (c) */
	}
	return mask;
}
