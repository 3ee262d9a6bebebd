// SPDX-License-Identifier: GPL-2.0
/*
 * sleep.c - SPL_IOC_WAIT: a thread sleeps until the count of a group, or the epoch of a key, isn't any more as it knows
 * it; and the marks by which writers know that a key is waited for. Queues and ringing are signal.c's.
 *
 * A key that is there has a mark, bit 55 of its guard; for one that isn't, the store's births mask says that every
 * insert of a key with that bell is to ring it. Marks are made before the thread looks at the key for the last time,
 * so by (S) a writer sees the mark or the thread sees what was written; and (T) as for groups. They are counted here
 * and taken away with the last thread that waits for the key. Nobody else makes or takes them, so that marks_lock is
 * enough; but a delete takes a key's mark with the key, and wakes who waited for it.
 *
 * A repair mends overflow words by what it finds, so none may be marked under its hands: who wants to waits for its end,
 * as long as his deadline allows and no signal comes. Taking a mark away is what any writer may do at any time (E), and
 * needs no end of anything, so a thread that is killed doesn't wait. What a repair was needed for may have
 * spoiled marks: when it is over it wakes all sleepers, and each makes his own once more before he looks.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "kmod.h"
#include "signal.h"
#include "splinter_watch.h"

/* A hostile process can make a look at its store fail as often as it likes; an honest one can't make this many fail. */
#define LOOKS_MAX 64

/**
 * struct waited - a key that is waited for; one of those who do brought it, the last one frees it
 * @node: in the list of its bell
 * @refs: threads that wait for it
 * @at: where the mark was made last
 * @klen: bytes of @key
 * @key: not terminated
 */
struct waited {
	struct list_head node;
	unsigned int refs;
	struct spl_mark at;
	u32 klen;
	u8 key[];
};

/**
 * struct sleep - what a thread waits for
 * @k: the store
 * @deadline_ns: as the caller gave it
 * @on: places in queues
 * @nr: how many
 * @counts: groups, as known; NULL: a key
 * @key: the key
 * @klen: its bytes
 * @hash: its hash
 * @own: the key as the thread brought it; NULL: it has left it behind, others count by it
 * @waited: the key as it is counted: @own, or what an earlier thread brought
 * @epoch: as known; then as it was seen to be
 * @birth: it isn't there, as known
 * @nr_repairs: the store's when the mark was made
 */
struct sleep {
	struct spl_kstore *k;
	u64 deadline_ns;
	struct spl_sleeper *on;
	u32 nr;
	struct spl_group_count *counts;
	const u8 *key;
	u32 klen;
	u64 hash;
	struct waited *own;
	struct waited *waited;
	u64 epoch;
	bool birth;
	u64 nr_repairs;
};

/* 1: a count is another one; 0: none is. */
static int look_at_groups(const struct sleep *z)
{
	u32 i;

	for (i = 0; i < z->nr; i++)
		if (spl_pulse_count(z->k, z->counts[i].group) != z->counts[i].count)
			return 1;
	return 0;
}

/* 1: the epoch is another one, and stands in @z now; 0: it isn't; or as spl_get(). */
static int look_at_key(struct sleep *z)
{
	struct spl_meta meta;
	long ret = spl_get_hashed(&z->k->view, z->hash, z->key, z->klen, NULL, 0, &meta);

	if (ret == -ENOENT)
		meta.epoch = 0;
	else if (ret < 0)
		return ret;
	if (meta.epoch == z->epoch)
		return 0;
	z->epoch = meta.epoch;
	return 1;
}

static int look(struct sleep *z)
{
	return z->counts ? look_at_groups(z) : look_at_key(z);
}

static int thread_rung(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	spl_signal_thread_woken(container_of(wait, struct spl_sleeper, wait), key);
	return 1;
}

static void choose(struct sleep *z, u32 i, struct spl_queue *q)
{
	init_waitqueue_func_entry(&z->on[i].wait, thread_rung);
	z->on[i].wait.private = current;
	spl_signal_choose(&z->on[i], q);
}

/* May the mark that was made be gone? */
static bool is_spoiled(const struct sleep *z)
{
	return z->key && READ_ONCE(z->k->signals->nr_repairs) != z->nr_repairs;
}

/* As SPL_IOC_WAIT, or -ESTALE: the mark must be made once more. */
static int sleep_on(struct sleep *z)
{
	ktime_t deadline = z->deadline_ns;
	bool expired = false;
	int ret;
	u32 i;

	for (;;) {
		/* Before (b): who rings from there on finds a thread that he can wake. */
		set_current_state(TASK_INTERRUPTIBLE);
		for (i = 0; i < z->nr; i++)
			spl_signal_arm(&z->on[i]); /* (a), (b) */
		smp_mb(); /* (T) */
		ret = look(z); /* (c) */
		if (ret)
			break;
		if (expired)
			ret = -ETIMEDOUT;
		else if (signal_pending(current))
			ret = -ERESTARTSYS; /* as it stands: the deadline is absolute */
		else if (is_spoiled(z))
			ret = -ESTALE;
		if (ret)
			break;
		expired = !schedule_hrtimeout_range(z->deadline_ns > KTIME_MAX ? NULL : &deadline,
						    current->timer_slack_ns, HRTIMER_MODE_ABS);
		ret = look(z); /* mostly it has moved, and there is no need to arm once more */
		if (ret)
			break;
	}
	__set_current_state(TASK_RUNNING);
	for (i = 0; i < z->nr; i++)
		spl_signal_leave(&z->on[i]);
	return ret;
}

/* Without sleeping: 1, or why not to; 0: go to sleep. */
static int look_first(struct sleep *z)
{
	int ret = look(z);

	if (!ret && z->deadline_ns <= ktime_get_ns())
		ret = -ETIMEDOUT;
	return ret;
}

static int wait_for_groups(struct sleep *z)
{
	struct spl_sleeper one;
	int ret = look_first(z);
	u32 i;

	if (ret)
		return ret;
	z->on = &one;
	if (z->nr > 1)
		z->on = kmalloc_array(z->nr, sizeof(*z->on), SPL_GFP);
	if (!z->on)
		return -ENOMEM;
	for (i = 0; i < z->nr; i++)
		choose(z, i, &z->k->signals->group[z->counts[i].group]);
	ret = sleep_on(z);
	if (z->on != &one)
		kfree(z->on);
	return ret;
}

static int fetch_counts(struct sleep *z, const struct spl_ioc_wait *a)
{
	u64 seen = 0;
	u32 i;

	if (!a->nr || a->nr > SPL_GROUPS || a->klen || a->key || a->epoch)
		return -EINVAL;
	z->nr = a->nr;
	if (copy_from_user(z->counts, u64_to_user_ptr(a->counts), z->nr * sizeof(*z->counts)))
		return -EFAULT;
	for (i = 0; i < z->nr; i++) {
		if (z->counts[i].group >= SPL_GROUPS || z->counts[i].reserved)
			return -EINVAL;
		z->counts[i].group = array_index_nospec(z->counts[i].group, SPL_GROUPS);
		if (seen & BIT_ULL(z->counts[i].group))
			return -EINVAL;
		seen |= BIT_ULL(z->counts[i].group);
	}
	return 0;
}

/**
 * spl_sleep_groups() - SPL_IOC_WAIT for groups
 * @k: the store
 * @a: the call's struct
 *
 * Return: 0, or what uapi/splinter_wait.h says.
 */
int spl_sleep_groups(struct spl_kstore *k, const struct spl_ioc_wait *a)
{
	struct spl_group_count counts[SPL_GROUPS] __uninitialized;
	struct sleep z = {
		.k = k,
		.deadline_ns = spl_clock_deadline(a->deadline_ns),
		.counts = counts,
	};
	int ret = fetch_counts(&z, a);
	u32 i;

	if (!ret)
		ret = wait_for_groups(&z);
	if (ret < 0)
		return ret;
	for (i = 0; i < z.nr; i++)
		counts[i].count = spl_pulse_count(k, counts[i].group);
	return copy_to_user(u64_to_user_ptr(a->counts), counts, z.nr * sizeof(*counts)) ? -EFAULT :
										       0;
}

static struct waited *find(const struct list_head *keys, const struct sleep *z)
{
	struct waited *w;

	list_for_each_entry(w, keys, node)
		if (w->klen == z->klen && !memcmp(w->key, z->key, z->klen))
			return w;
	return NULL;
}

/* @at: as spl_wait_mark(). */
static int set_mark(const struct sleep *z, bool on, struct spl_mark *at)
{
	u32 looks = LOOKS_MAX;
	int ret;

	do {
		ret = spl_wait_mark(&z->k->view, z->key, z->klen, on, at);
		cond_resched();
	} while (ret == -EAGAIN && --looks);
	return ret;
}

static void count_key(struct spl_signals *sig, struct sleep *z, u32 bell)
{
	z->waited = find(&sig->keys[bell], z);
	if (!z->waited) {
		z->waited = z->own;
		list_add(&z->waited->node, &sig->keys[bell]);
	}
	z->waited->refs++;
}

/* The mark mostly stands where it was made. */
static void unset_mark(const struct sleep *z)
{
	if (is_spoiled(z) || !spl_wait_unmark(&z->k->view, &z->waited->at))
		set_mark(z, false, NULL);
}

static void uncount_key(struct sleep *z)
{
	struct waited *w = z->waited;

	if (!--w->refs) {
		list_del(&w->node);
		unset_mark(z);
		if (w != z->own)
			kfree(w);
	} else if (w == z->own) {
		z->own = NULL;
	}
}

static void end_births(const struct spl_store *s, const struct sleep *z, u32 bell)
{
	spl_and64(&s->signal->births, ~(1ULL << bell));
	spl_birth_done(s, z->key, z->klen);
}

static void count(struct sleep *z, u32 bell)
{
	struct spl_signals *sig = z->k->signals;

	if (!z->birth)
		count_key(sig, z, bell);
	else
		sig->nr_births[bell]++;
}

static void uncount(struct sleep *z, u32 bell)
{
	struct spl_signals *sig = z->k->signals;

	if (!z->birth)
		uncount_key(z);
	else if (!--sig->nr_births[bell])
		end_births(&z->k->view, z, bell);
}

/* 0: the caller has marks_lock, and no repair runs. */
static int lock_marks(const struct sleep *z)
{
	struct spl_signals *sig = z->k->signals;
	ktime_t left = KTIME_MAX;
	int ret;

	for (;;) {
		if (mutex_lock_interruptible(&sig->marks_lock))
			return -ERESTARTSYS;
		if (!sig->repairing)
			return 0;
		mutex_unlock(&sig->marks_lock);
		if (z->deadline_ns <= KTIME_MAX)
			left = ktime_sub(z->deadline_ns, ktime_get());
		ret = wait_event_interruptible_hrtimeout(sig->repaired,
							 !READ_ONCE(sig->repairing), left);
		if (ret)
			return ret == -ETIME ? -ETIMEDOUT : ret;
	}
}

/*
 * The key may be deleted at any time, and made again. The mark is for the incarnation whose epoch is known: the thread saw
 * that one just before, and a later one has another epoch.
 */
static int make_mark(struct sleep *z)
{
	int ret;

	z->nr_repairs = z->k->signals->nr_repairs;
	if (z->birth)
		return spl_wait_birth(&z->k->view, z->key, z->klen);
	ret = set_mark(z, true, &z->waited->at);
	return ret == -ENOENT ? 0 : ret; /* deleted meanwhile, which the next look sees */
}

static int mark(struct sleep *z, u32 bell)
{
	int ret = lock_marks(z);

	if (ret)
		return ret;
	count(z, bell);
	ret = make_mark(z);
	if (ret)
		uncount(z, bell);
	mutex_unlock(&z->k->signals->marks_lock);
	return ret;
}

/* Once more, after a repair. */
static int mark_anew(struct sleep *z)
{
	int ret = lock_marks(z);

	if (ret)
		return ret;
	ret = make_mark(z);
	mutex_unlock(&z->k->signals->marks_lock);
	return ret;
}

static void unmark(struct sleep *z, u32 bell)
{
	struct spl_signals *sig = z->k->signals;

	mutex_lock(&sig->marks_lock);
	uncount(z, bell);
	mutex_unlock(&sig->marks_lock);
}

static int wait_for_key(struct sleep *z)
{
	u32 bell = __ffs64(spl_bell_of(z->hash));
	struct spl_sleeper one;
	int ret = look_first(z);

	if (ret)
		return ret;
	ret = mark(z, bell);
	if (ret)
		return ret;
	z->on = &one;
	z->nr = 1;
	for (;;) {
		choose(z, 0, &z->k->signals->bell[bell]);
		ret = sleep_on(z);
		if (ret == -ESTALE)
			ret = mark_anew(z);
		if (ret)
			break;
	}
	unmark(z, bell);
	return ret;
}

/**
 * spl_sleep_key() - SPL_IOC_WAIT for a key
 * @k: the store
 * @a: the call's struct; on success with the key's epoch
 *
 * Return: 0, or what uapi/splinter_wait.h says.
 */
int spl_sleep_key(struct spl_kstore *k, struct spl_ioc_wait *a)
{
	struct sleep z = {
		.k = k,
		.deadline_ns = spl_clock_deadline(a->deadline_ns),
		.klen = a->klen,
		.epoch = a->epoch,
		.birth = !a->epoch,
	};
	int ret;

	if (a->counts || a->nr)
		return -EINVAL;
	ret = spl_key_check(&k->view, a->klen);
	if (ret)
		return ret;
	z.own = kzalloc(struct_size(z.own, key, a->klen), SPL_GFP);
	if (!z.own)
		return -ENOMEM;
	ret = -EFAULT;
	if (copy_from_user(z.own->key, u64_to_user_ptr(a->key), a->klen))
		goto out_free;
	z.own->klen = a->klen;
	z.key = z.own->key;
	z.hash = spl_hash(&k->view, z.key, z.klen);
	ret = wait_for_key(&z);
out_free:
	kfree(z.own);
	a->epoch = z.epoch;
	return min(ret, 0);
}

/**
 * spl_sleep_hold() - no marks are made until spl_sleep_release(): a repair looks at where they are
 * @k: the store, its check_lock held
 */
void spl_sleep_hold(struct spl_kstore *k)
{
	struct spl_signals *sig = k->signals;

	lockdep_assert_held(&k->check_lock);
	mutex_lock(&sig->marks_lock);
	WRITE_ONCE(sig->repairing, true);
	mutex_unlock(&sig->marks_lock);
}

/**
 * spl_sleep_release() - undo spl_sleep_hold(); who sleeps marks anew, and looks at what the repair has left
 * @k: the store
 */
void spl_sleep_release(struct spl_kstore *k)
{
	struct spl_signals *sig = k->signals;

	mutex_lock(&sig->marks_lock);
	WRITE_ONCE(sig->repairing, false);
	WRITE_ONCE(sig->nr_repairs, sig->nr_repairs + 1);
	mutex_unlock(&sig->marks_lock);
	wake_up_all(&sig->repaired);
	spl_signal_ring(k, ~0ULL, ~0ULL);
}
