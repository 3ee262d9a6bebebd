// SPDX-License-Identifier: GPL-2.0
/*
 * signal.c - who sleeps on which counter of a store, and ringing: waking all of them. The calls that sleep are sleep.c's
 * and notify.c's.
 *
 *	sleeper						ring, under the queue's lock piece by piece
 *	(a) enter the queue				(d) wake all who were in the queue
 *	(b) armed = 1, under the queue's lock		(e) armed = 0, unless somebody has armed since
 *	(T) full barrier
 *	(c) count as known? sleep
 *
 * (T) pairs with the one in spl_pulse_each(): the writer sees (b), and rings; or (c) sees the writer's count.
 * Threads are taken out of the queue under the lock, and woken after it. A thread that goes on to sleep enters again.
 *
 * The lock orders (b) and rings: a (b) before a ring has its (a) before it, so it is woken; one between its pieces is
 * counted, and (e) leaves armed at 1; one after it stands: the next writer rings. Who is woken looks by (b), (T), (c)
 * again, so the ring needs no barrier of its own. An eventfd is told and looks at nothing: while one is bound, armed
 * stays 1, or a count that moves between (e) and a new (b) would be told to nobody.
 *
 * Nothing here depends on what stands in the mapping: armed is only written, so a hostile process can see to it that
 * its own store's sleepers aren't woken, or are for nothing, and no more.
 */
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "kmod.h"
#include "signal.h"

static void queue_init(struct spl_queue *q, struct spl_group *counter)
{
	init_waitqueue_head(&q->wq);
	q->counter = counter;
}

/**
 * spl_signal_init() - room for a store's sleepers
 * @k: the store; its pages are there
 *
 * Return: 0 or -ENOMEM.
 */
int spl_signal_init(struct spl_kstore *k)
{
	struct spl_signals *sig;
	u32 i;

	sig = kvzalloc(sizeof(*sig), SPL_GFP);
	if (!sig)
		return -ENOMEM;
	mutex_init(&sig->marks_lock);
	init_waitqueue_head(&sig->repaired);
	for (i = 0; i < SPL_GROUPS; i++) {
		queue_init(&sig->group[i], &k->view.signal->group[i]);
		queue_init(&sig->bell[i], &k->view.signal->bell[i]);
		INIT_LIST_HEAD(&sig->keys[i]);
	}
	k->signals = sig;
	return 0;
}

/**
 * spl_signal_exit() - undo spl_signal_init()
 * @k: a store without handles, so nobody sleeps
 */
void spl_signal_exit(struct spl_kstore *k)
{
	kvfree(k->signals);
}

/**
 * spl_signal_choose() - which queue a sleeper is to enter when he arms
 * @s: the sleeper; its wait.func calls spl_signal_woken()
 * @q: the queue
 */
void spl_signal_choose(struct spl_sleeper *s, struct spl_queue *q)
{
	s->queue = q;
	s->armed = false;
	INIT_LIST_HEAD(&s->wait.entry);
}

/**
 * spl_signal_join() - enter a queue (a)
 * @s: the sleeper; its wait.func calls spl_signal_woken()
 * @q: the queue
 */
void spl_signal_join(struct spl_sleeper *s, struct spl_queue *q)
{
	spl_signal_choose(s, q);
	add_wait_queue(&q->wq, &s->wait);
}

/**
 * spl_signal_arm() - from now on the writers ring (b)
 * @s: a sleeper; who isn't in his queue enters it (a)
 *
 * The caller goes on with (T): smp_mb(), then looks.
 */
void spl_signal_arm(struct spl_sleeper *s)
{
	struct spl_queue *q = s->queue;
	unsigned long flags;

	/*
	 * If it is, who disarms it wakes whom this is for afterwards: he was in the queue, or in the handle's, before he
	 * came here.
	 */
	if (READ_ONCE(s->armed))
		return;
	spin_lock_irqsave(&q->wq.lock, flags);
	if (list_empty(&s->wait.entry))
		__add_wait_queue(&q->wq, &s->wait);
	WRITE_ONCE(s->armed, true);
	q->nr_armed++;
	WRITE_ONCE(q->counter->armed, 1);
	spin_unlock_irqrestore(&q->wq.lock, flags);
}

/**
 * spl_signal_thread_woken() - for wait.func of a thread, its wait.private: it is being rung
 * @s: the sleeper; out of the queue, and may be gone when this returns
 * @rung: who is woken when the lock is released: then nobody wakes up just to wait for it
 */
void spl_signal_thread_woken(struct spl_sleeper *s, struct spl_rung *rung)
{
	spl_signal_woken(s, false);
	rung->thread[rung->nr++] = get_task_struct(s->wait.private);
	list_del_init_careful(&s->wait.entry);
}

/**
 * spl_signal_leave() - leave the queue; the last one who was armed spares the writers the ring
 * @s: a sleeper
 */
void spl_signal_leave(struct spl_sleeper *s)
{
	struct spl_queue *q = s->queue;
	unsigned long flags;

	/* A thread that was rung: the ring sees to the counter's armed (e), and touches @s no more. */
	if (list_empty_careful(&s->wait.entry))
		return;
	spin_lock_irqsave(&q->wq.lock, flags);
	__remove_wait_queue(&q->wq, &s->wait);
	spl_signal_disarm(s);
	if (!q->nr_armed)
		WRITE_ONCE(q->counter->armed, 0);
	spin_unlock_irqrestore(&q->wq.lock, flags);
}

/* They may have woken up before, and left: then it is for nothing. */
static void wake_threads(struct spl_rung *rung)
{
	while (rung->nr) {
		wake_up_process(rung->thread[--rung->nr]);
		put_task_struct(rung->thread[rung->nr]);
	}
}

/* A place in a queue where nobody sleeps: how far ring() has come. */
static int is_cursor(struct wait_queue_entry *wait, unsigned int mode, int flags, void *key)
{
	return 0;
}

/*
 * Lets the lock of a queue go for a while, interrupts with it. Who enters a queue does so at its head, behind the cursor, and
 * counts in nr_armed if he arms; so he need not be met. Who comes after @next may leave meanwhile, and @next too.
 *
 * Return: who comes next, now.
 */
static noinline struct wait_queue_entry *pause_before(struct spl_queue *q,
						      struct wait_queue_entry *next,
						      struct spl_rung *rung)
{
	struct wait_queue_entry cursor = { .func = is_cursor };

	list_add_tail(&cursor.entry, &next->entry);
	spin_unlock_irq(&q->wq.lock);
	wake_threads(rung);
	cond_resched();
	spin_lock_irq(&q->wq.lock);
	next = list_next_entry(&cursor, entry);
	list_del(&cursor.entry);
	return next;
}

/* (d) and (e). A queue can be long: every SPL_RING_STRIDE sleepers there is a pause. Nobody leaves it but by his own func. */
static void ring(struct spl_queue *q)
{
	struct wait_queue_entry *wait, *next;
	struct spl_rung rung __uninitialized;
	u32 n = 0;

	rung.nr = 0;
	spin_lock_irq(&q->wq.lock);
	list_for_each_entry_safe(wait, next, &q->wq.head, entry) {
		wait->func(wait, TASK_NORMAL, 0, &rung); /* (d); may leave the queue */
		if (++n % SPL_RING_STRIDE == 0 && !list_entry_is_head(next, &q->wq.head, entry))
			next = pause_before(q, next, &rung);
	}
	WRITE_ONCE(q->counter->armed, !!q->nr_armed); /* (e) */
	spin_unlock_irq(&q->wq.lock);
	wake_threads(&rung);
}

/**
 * spl_signal_ring() - wake all who sleep on counters
 * @k: the store
 * @groups: mask of groups
 * @bells: mask of bells
 *
 * From process context, may sleep; takes the queues' locks only.
 */
void spl_signal_ring(struct spl_kstore *k, u64 groups, u64 bells)
{
	for (; groups; groups &= groups - 1)
		ring(&k->signals->group[__ffs64(groups)]);
	for (; bells; bells &= bells - 1)
		ring(&k->signals->bell[__ffs64(bells)]);
}

/**
 * spl_signal_ring_for() - SPL_IOC_RING
 * @k: the store
 * @a: the call's struct
 *
 * Return: 0 or -EOPNOTSUPP.
 */
int spl_signal_ring_for(struct spl_kstore *k, const struct spl_ioc_ring *a)
{
	if (a->flags)
		return -EOPNOTSUPP;
	spl_signal_ring(k, a->groups, a->bells);
	atomic64_inc(&k->signals->nr_rings);
	return 0;
}

/**
 * spl_signal_ring_owed() - wake whom a writer that is no more would have woken
 * @k: the store, its writers_lock held
 * @cell: the writer's cell; its declarations are zero afterwards
 *
 * Armed or not: between adding to a count and looking whether somebody sleeps a writer declares what it may find.
 */
void spl_signal_ring_owed(struct spl_kstore *k, struct spl_wcell *cell)
{
	lockdep_assert_held(&k->writers_lock);
	spl_signal_ring(k, READ_ONCE(cell->ring_groups), READ_ONCE(cell->ring_bells));
	WRITE_ONCE(cell->ring_groups, 0);
	WRITE_ONCE(cell->ring_bells, 0);
}

/**
 * spl_signal_count() - how many sleep, and how many were woken
 * @k: the store
 * @sleepers: out: places in queues that count on being rung; none of whom it wakes at this moment
 * @wakeups: out: sleepers woken so far
 */
void spl_signal_count(struct spl_kstore *k, u64 *sleepers, u64 *wakeups)
{
	const struct spl_queue *q;
	u32 i;

	*sleepers = 0;
	*wakeups = 0;
	for (i = 0; i < 2 * SPL_GROUPS; i++) {
		q = i < SPL_GROUPS ? &k->signals->group[i] : &k->signals->bell[i - SPL_GROUPS];
		*sleepers += READ_ONCE(q->nr_armed);
		*wakeups += READ_ONCE(q->nr_wakeups);
	}
}
