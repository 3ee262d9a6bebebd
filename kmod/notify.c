// SPDX-License-Identifier: GPL-2.0
/*
 * notify.c - what a handle tells: its subscription (poll, read), and the eventfds that are bound through it. Queues
 * and ringing are signal.c's.
 *
 * A subscription has a place in the queue of each of its groups, armed only while somebody may be asleep because of it: who
 * polls or reads arms what isn't pending and looks again, by (T) of signal.c, after he entered the handle's own wait
 * queue. With edges nobody asks again before the next one, so there polling arms in any case.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kmod.h"
#include "signal.h"

/**
 * struct spl_subscription - groups that a handle tells about
 * @groups: which; while there are any the handle is pinned to its store
 * @told: count of each as the handle told it
 * @on: places in their queues
 */
struct spl_subscription {
	u64 groups;
	u64 told[SPL_GROUPS];
	struct spl_sleeper on[SPL_GROUPS];
};

/**
 * struct bound - groups of an eventfd
 * @node: in the list of the handle's, which it pins to its store
 * @notify: the handle's
 * @ctx: the eventfd; referenced
 * @groups: which
 * @closed: its last descriptor is gone
 * @pt: to get into @end's queue
 * @end: told of that
 * @end_of: the eventfd's wait queue, which lives as long as @ctx
 * @first: groups when it was made: by rank in this mask a group has its place in @on
 * @on: places in queues
 */
struct bound {
	struct list_head node;
	struct spl_notify *notify;
	struct eventfd_ctx *ctx;
	u64 groups;
	bool closed;
	poll_table pt;
	wait_queue_entry_t end;
	wait_queue_head_t *end_of;
	u64 first;
	struct spl_sleeper on[];
};

static struct spl_handle *to_handle(struct spl_notify *n)
{
	return container_of(n, struct spl_handle, notify);
}

/* Someone sleeps on the handle, or may be about to. */
static int handle_rung(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct spl_sleeper *s = container_of(wait, struct spl_sleeper, wait);
	struct spl_notify *n = wait->private;

	if (!s->armed)
		return 0;
	spl_signal_woken(s, false);
	wake_up_poll(&n->wait, EPOLLIN | EPOLLRDNORM);
	return 1;
}

/* Without the lock too, by who is sure of the store. */
static bool is_pending(const struct spl_kstore *k, const struct spl_subscription *sub)
{
	u64 left;

	/* Pairs with resubscribe(): a group after what was told of it. */
	for (left = smp_load_acquire(&sub->groups); left; left &= left - 1)
		if (spl_pulse_count(k, __ffs64(left)) != READ_ONCE(sub->told[__ffs64(left)]))
			return true;
	return false;
}

/* Mostly who polls does so because something is pending, as he has been woken for it. */
static bool is_pending_unlocked(const struct spl_handle *h)
{
	const struct spl_kstore *k = spl_handle_kstore_own(h);
	const struct spl_subscription *sub;

	sub = smp_load_acquire(&h->notify.sub); /* pairs with subscribe() */
	return k && sub && is_pending(k, sub);
}

/* The caller has entered the handle's wait queue. */
static void arm_all(struct spl_subscription *sub)
{
	u64 left;

	for (left = sub->groups; left; left &= left - 1)
		spl_signal_arm(&sub->on[__ffs64(left)]);
	smp_mb(); /* (T) */
}

/**
 * spl_notify_poll() - poll(2), select(2), epoll(7)
 * @file: the handle
 * @pt: who asks
 *
 * Return: EPOLLIN and EPOLLRDNORM, or EPOLLERR: no subscription.
 */
__poll_t spl_notify_poll(struct file *file, struct poll_table_struct *pt)
{
	const __poll_t in = EPOLLIN | EPOLLRDNORM;
	struct spl_handle *h = file->private_data;
	__poll_t asked, mask = EPOLLERR;
	struct spl_notify *n = &h->notify;

	poll_wait(file, &n->wait, pt);
	asked = poll_requested_events(pt);
	if (!(asked & (__force __poll_t)EPOLLET) && is_pending_unlocked(h))
		return in;
	spin_lock(&n->lock);
	if (n->sub && n->sub->groups) {
		mask = is_pending(h->kstore, n->sub) ? in : 0;
		if (asked & in && (!mask || asked & (__force __poll_t)EPOLLET)) {
			arm_all(n->sub);
			mask = is_pending(h->kstore, n->sub) ? in : 0;
		}
	}
	spin_unlock(&n->lock);
	return mask;
}

/* Records of pending groups, which are told now. */
static int take(const struct spl_kstore *k, struct spl_subscription *sub, struct spl_pulses *rec,
		int max)
{
	u64 left, count;
	int nr = 0;
	u32 group;

	for (left = sub->groups; left && nr < max; left &= left - 1) {
		group = __ffs64(left);
		count = spl_pulse_count(k, group);
		if (count == sub->told[group])
			continue;
		rec[nr].group = group;
		rec[nr].reserved = 0;
		rec[nr].pulses = count - sub->told[group];
		WRITE_ONCE(sub->told[group], count);
		nr++;
	}
	return nr;
}

/* Nobody was told after all. What was told to others since, by the same handle, is in @told and stays. */
static void untake(struct spl_notify *n, const struct spl_pulses *rec, int nr)
{
	spin_lock(&n->lock);
	while (nr--)
		if (n->sub->groups & BIT_ULL(rec[nr].group))
			WRITE_ONCE(n->sub->told[rec[nr].group],
				   n->sub->told[rec[nr].group] - rec[nr].pulses);
	spin_unlock(&n->lock);
	wake_up_poll(&n->wait, EPOLLIN | EPOLLRDNORM);
}

/* The number of records; 0: none, and who sleeps on n->wait is woken when there are some; -EINVAL: no subscription. */
static int take_or_arm(struct spl_handle *h, struct spl_pulses *rec, int max)
{
	struct spl_notify *n = &h->notify;
	int nr = -EINVAL;

	spin_lock(&n->lock);
	if (n->sub && n->sub->groups) {
		nr = take(h->kstore, n->sub, rec, max);
		if (!nr) {
			arm_all(n->sub);
			nr = take(h->kstore, n->sub, rec, max);
		}
	}
	spin_unlock(&n->lock);
	return nr;
}

/**
 * spl_notify_read() - read(2)
 * @file: the handle
 * @buf: the caller's
 * @bytes: of it
 * @pos: not used
 *
 * Return: bytes of the records told, or what uapi/splinter_wait.h says.
 */
ssize_t spl_notify_read(struct file *file, char __user *buf, size_t bytes, loff_t *pos)
{
	struct spl_handle *h = file->private_data;
	struct spl_pulses rec[SPL_GROUPS] __uninitialized;
	int nr, max = min_t(size_t, bytes / sizeof(rec[0]), SPL_GROUPS);
	struct spl_notify *n = &h->notify;
	DEFINE_WAIT(wait);

	if (!max)
		return -EINVAL;
	for (;;) {
		prepare_to_wait(&n->wait, &wait, TASK_INTERRUPTIBLE);
		nr = take_or_arm(h, rec, max);
		if (!nr && file->f_flags & O_NONBLOCK)
			nr = -EAGAIN;
		else if (!nr && signal_pending(current))
			nr = -ERESTARTSYS;
		if (nr)
			break;
		schedule();
	}
	finish_wait(&n->wait, &wait);
	if (nr < 0)
		return nr;
	if (copy_to_user(buf, rec, nr * sizeof(rec[0]))) {
		untake(n, rec, nr);
		return -EFAULT;
	}
	return nr * sizeof(rec[0]);
}

/* From @sub->groups to @groups. */
static void resubscribe(struct spl_notify *n, struct spl_kstore *k, u64 groups)
{
	struct spl_subscription *sub = n->sub;
	u64 join = groups & ~sub->groups, leave = sub->groups & ~groups;
	struct spl_sleeper *s;
	u32 group;

	spin_lock(&n->lock);
	for (; join; join &= join - 1) {
		group = __ffs64(join);
		s = &sub->on[group];
		init_waitqueue_func_entry(&s->wait, handle_rung);
		s->wait.private = n;
		WRITE_ONCE(sub->told[group], spl_pulse_count(k, group));
		spl_signal_join(s, &k->signals->group[group]);
	}
	for (; leave; leave &= leave - 1)
		spl_signal_leave(&sub->on[__ffs64(leave)]);
	smp_store_release(&sub->groups, groups); /* pairs with is_pending() */
	spin_unlock(&n->lock);
	/* Who sleeps here looks and arms again, or has nothing to sleep for any more. */
	wake_up_poll(&n->wait, EPOLLIN | EPOLLRDNORM | EPOLLERR);
}

static int subscribe(struct spl_handle *h, u64 groups)
{
	struct spl_notify *n = &h->notify;
	struct spl_subscription *sub;
	struct spl_kstore *k;
	bool was;

	lockdep_assert_held(&n->change);
	k = spl_handle_pin(h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	if (!n->sub) {
		sub = kvzalloc(sizeof(*sub), SPL_GFP);
		if (!sub) {
			spl_handle_unpin(h);
			return -ENOMEM;
		}
		spin_lock(&n->lock);
		smp_store_release(&n->sub, sub); /* pairs with is_pending_unlocked() */
		spin_unlock(&n->lock);
	}
	was = n->sub->groups;
	resubscribe(n, k, groups);
	if (!groups)
		spl_handle_unpin(h);
	if (was)
		spl_handle_unpin(h);
	return 0;
}

/**
 * spl_notify_subscribe() - SPL_IOC_SUBSCRIBE
 * @h: the handle
 * @a: the call's struct
 *
 * Return: 0, or what uapi/splinter_wait.h says.
 */
int spl_notify_subscribe(struct spl_handle *h, const struct spl_ioc_subscribe *a)
{
	int ret;

	if (a->flags)
		return -EOPNOTSUPP;
	mutex_lock(&h->notify.change);
	ret = subscribe(h, a->groups);
	mutex_unlock(&h->notify.change);
	return ret;
}

static int eventfd_rung(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct bound *b = wait->private;

	spl_signal_woken(container_of(wait, struct spl_sleeper, wait), true);
	spl_eventfd_signal(b->ctx);
	return 1;
}

/* In the eventfd's wait queue: its lock is held, by who signals it, also by eventfd_rung(). */
static int eventfd_event(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct bound *b = container_of(wait, struct bound, end);

	if (!(key_to_poll(key) & EPOLLHUP))
		return 0;
	WRITE_ONCE(b->closed, true);
	schedule_work(&b->notify->sweep);
	return 0;
}

static void eventfd_enter(struct file *file, wait_queue_head_t *head, poll_table *pt)
{
	struct bound *b = container_of(pt, struct bound, pt);

	b->end_of = head;
	add_wait_queue(head, &b->end);
}

static void bound_leave(struct bound *b, u64 groups)
{
	u32 i = 0;
	u64 left;

	for (left = b->first; left; left &= left - 1, i++)
		if (groups & b->groups & BIT_ULL(__ffs64(left)))
			spl_signal_leave(&b->on[i]);
	b->groups &= ~groups;
}

static void bound_drop(struct bound *b)
{
	bound_leave(b, ~0ULL);
	if (b->end_of)
		remove_wait_queue(b->end_of, &b->end);
	eventfd_ctx_put(b->ctx);
	list_del(&b->node);
	b->notify->nr_bound--;
	spl_handle_unpin(to_handle(b->notify));
	kfree(b);
}

static void sweep(struct work_struct *work)
{
	struct spl_notify *n = container_of(work, struct spl_notify, sweep);
	struct bound *b, *next;

	mutex_lock(&n->change);
	list_for_each_entry_safe(b, next, &n->bound, node)
		if (READ_ONCE(b->closed))
			bound_drop(b);
	mutex_unlock(&n->change);
}

/* @ctx and the pin are the new binding's. */
static struct bound *bound_new(struct spl_notify *n, const struct spl_kstore *k,
			       struct eventfd_ctx *ctx, u64 groups)
{
	struct bound *b;
	u32 i = 0;

	b = kzalloc(struct_size(b, on, hweight64(groups)), SPL_GFP);
	if (!b)
		return NULL;
	b->notify = n;
	b->ctx = ctx;
	b->groups = groups;
	b->first = groups;
	list_add(&b->node, &n->bound);
	n->nr_bound++;
	for (; groups; groups &= groups - 1, i++) {
		init_waitqueue_func_entry(&b->on[i].wait, eventfd_rung);
		b->on[i].wait.private = b;
		spl_signal_join(&b->on[i], &k->signals->group[__ffs64(groups)]);
		spl_signal_arm(&b->on[i]);
	}
	smp_mb(); /* (T): what the caller sees after the call is older than what is signalled */
	return b;
}

static int bind(struct spl_handle *h, struct file *file, struct eventfd_ctx *ctx, u64 groups)
{
	struct spl_notify *n = &h->notify;
	struct spl_kstore *k;
	struct bound *b;

	lockdep_assert_held(&n->change);
	list_for_each_entry(b, &n->bound, node)
		if (b->ctx == ctx)
			groups &= ~b->groups;
	k = spl_handle_pin(h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	if (!groups) { /* it has them all */
		spl_handle_unpin(h);
		eventfd_ctx_put(ctx);
		return 0;
	}
	b = n->nr_bound < SPL_EVENTFDS_MAX ? bound_new(n, k, ctx, groups) : ERR_PTR(-ENOSPC);
	if (IS_ERR_OR_NULL(b)) {
		spl_handle_unpin(h);
		return b ? PTR_ERR(b) : -ENOMEM;
	}
	init_waitqueue_func_entry(&b->end, eventfd_event);
	init_poll_funcptr(&b->pt, eventfd_enter);
	vfs_poll(file, &b->pt);
	return 0;
}

static int unbind(struct spl_notify *n, const struct eventfd_ctx *ctx, u64 groups)
{
	struct bound *b, *next;
	int ret = -ENOENT;

	lockdep_assert_held(&n->change);
	list_for_each_entry_safe(b, next, &n->bound, node) {
		if (b->ctx != ctx || !(b->groups & groups))
			continue;
		ret = 0;
		bound_leave(b, groups);
		if (!b->groups)
			bound_drop(b);
	}
	return ret;
}

/**
 * spl_notify_eventfd() - SPL_IOC_EVENTFD
 * @h: the handle
 * @a: the call's struct
 *
 * Return: 0, or what uapi/splinter_wait.h says.
 */
int spl_notify_eventfd(struct spl_handle *h, const struct spl_ioc_eventfd *a)
{
	bool is_unbind = a->flags & SPL_EVENTFD_UNBIND;
	struct eventfd_ctx *ctx;
	struct file *file;
	int ret;

	if (a->flags & ~SPL_EVENTFD_ALL)
		return -EOPNOTSUPP;
	if (!a->groups || a->reserved)
		return -EINVAL;
	file = fget(a->fd);
	if (!file)
		return -EBADF;
	ctx = eventfd_ctx_fileget(file);
	ret = PTR_ERR_OR_ZERO(ctx);
	if (ret)
		goto out_put_file;
	mutex_lock(&h->notify.change);
	ret = is_unbind ? unbind(&h->notify, ctx, a->groups) : bind(h, file, ctx, a->groups);
	mutex_unlock(&h->notify.change);
	if (ret || is_unbind)
		eventfd_ctx_put(ctx);
out_put_file:
	fput(file);
	return ret;
}

/**
 * spl_notify_init() - a new handle tells nothing
 * @n: the handle's
 */
void spl_notify_init(struct spl_notify *n)
{
	init_waitqueue_head(&n->wait);
	spin_lock_init(&n->lock);
	mutex_init(&n->change);
	INIT_LIST_HEAD(&n->bound);
	INIT_WORK(&n->sweep, sweep);
}

/**
 * spl_notify_exit() - a handle is released: nobody polls or reads it
 * @n: the handle's; its store, if it has one, is still there
 */
void spl_notify_exit(struct spl_notify *n)
{
	struct bound *b, *next;

	mutex_lock(&n->change);
	if (n->sub && n->sub->groups)
		subscribe(to_handle(n), 0);
	list_for_each_entry_safe(b, next, &n->bound, node)
		bound_drop(b);
	mutex_unlock(&n->change);
	cancel_work_sync(&n->sweep); /* nobody can schedule it any more */
	kvfree(n->sub);
}
