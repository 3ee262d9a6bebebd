// SPDX-License-Identifier: GPL-2.0
/*
 * slot.c - which thread has which writer cell, who of them is dead, and when their cells are repaired and taken back.
 * How a cell is repaired is uapi/splinter_reap.h's.
 *
 * A thread is dead for us when it can't run user code on the memory that it registered with any more: it has exited, or
 * it replaced that memory (exec). Nothing else counts: a stopped thread is alive.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/futex.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "kmod.h"
#include "splinter_reap.h"

#define REAP_PERIOD HZ

/*
 * Exit and exec pass through these locks after the thread's last user instruction and before anybody can know of its
 * end (pthread_join() returns when exit has cleared the thread's number, which is later). So what it stored to the
 * mapping comes before what is read after this says that it is gone.
 */
static bool has_left(struct task_struct *t, const struct mm_struct *mm)
{
	bool left;

	task_lock(t);
	left = t->mm != mm;
	task_unlock(t);
	if (!left) {
		raw_spin_lock_irq(&t->pi_lock);
		left = t->futex_state != FUTEX_STATE_OK;
		raw_spin_unlock_irq(&t->pi_lock);
	}
	return left;
}

static bool thread_is_dead(const struct spl_slot *slot)
{
	struct task_struct *t;
	bool dead;

	if (slot->gone)
		return true;
	rcu_read_lock();
	t = pid_task(slot->pid, PIDTYPE_PID);
	dead = !t || has_left(t, slot->mm);
	rcu_read_unlock();
	/* No task at all: pairs with the full barrier in exit_mm(), long before the thread lost its number. */
	smp_rmb();
	return dead;
}

static bool is_current(const struct spl_slot *slot)
{
	return slot->pid == task_pid(current) && slot->mm == current->mm && !slot->gone;
}

static void end_self(struct spl_slot *slot)
{
	struct spl_self *words;

	if (!slot->self)
		return;
	words = page_address(slot->self->page);
	WRITE_ONCE(words->registered, 0);
	slot->self->registered = false;
	slot->self = NULL;
}

/* Repairs what the writer left, then the cell is anybody's. */
static void take_back(struct spl_kstore *k, u32 idx)
{
	struct spl_slot *slot = &k->slots[idx];
	struct spl_wcell *cell = &k->view.wcells[idx];
	struct spl_reap_counts counts = {};

	lockdep_assert_held(&k->writers_lock);
	if (thread_is_dead(slot)) {
		k->nr_reaped++;
		spl_count(&cell->nr_reap);
	}
	spl_reap_writer(&k->view, idx, &counts);
	spl_signal_ring_owed(k, cell);
	k->nr_finished += counts.finished;
	k->nr_undone += counts.undone;

	WRITE_ONCE(cell->owner_tid, 0);
	WRITE_ONCE(cell->owner, 0);
	end_self(slot);
	put_pid(slot->pid);
	mmdrop(slot->mm);
	spl_handle_unpin(slot->handle);
	memset(slot, 0, sizeof(*slot));
	WRITE_ONCE(k->nr_writers, k->nr_writers - 1);
	if (!k->nr_writers)
		spl_clock_stop(k);
}

static unsigned int reap_dead(struct spl_kstore *k)
{
	unsigned int nr = 0;
	u32 i;

	lockdep_assert_held(&k->writers_lock);
	if (k->repairing)
		return 0;
	for (i = 0; i < k->plan.geometry.max_writers && k->nr_writers; i++) {
		if (!k->slots[i].handle || !thread_is_dead(&k->slots[i]))
			continue;
		take_back(k, i);
		nr++;
		cond_resched();
	}
	return nr;
}

static void reap_work(struct work_struct *work)
{
	struct spl_kstore *k = container_of(to_delayed_work(work), struct spl_kstore, reap_work);

	mutex_lock(&k->writers_lock);
	reap_dead(k);
	if (k->nr_writers)
		queue_delayed_work(system_unbound_wq, &k->reap_work, REAP_PERIOD);
	mutex_unlock(&k->writers_lock);
}

/**
 * spl_slot_init() - room for a store's writers
 * @k: the store
 *
 * Return: 0 or -ENOMEM.
 */
int spl_slot_init(struct spl_kstore *k)
{
	mutex_init(&k->writers_lock);
	INIT_LIST_HEAD(&k->clock_node);
	INIT_DELAYED_WORK(&k->reap_work, reap_work);
	k->slots = kvcalloc(k->plan.geometry.max_writers, sizeof(*k->slots), SPL_GFP);
	return k->slots ? 0 : -ENOMEM;
}

/**
 * spl_slot_exit() - undo spl_slot_init()
 * @k: a store without writers
 */
void spl_slot_exit(struct spl_kstore *k)
{
	cancel_delayed_work_sync(&k->reap_work);
	kvfree(k->slots);
}

static int find_slot(struct spl_kstore *k, const struct spl_handle *h, u32 *idx)
{
	u32 i, nr = k->plan.geometry.max_writers, unused = nr;

	for (i = 0; i < nr; i++) {
		if (!k->slots[i].handle) {
			unused = min(unused, i);
		} else if (k->slots[i].handle == h && is_current(&k->slots[i])) {
			*idx = i;
			return 1;
		}
	}
	*idx = unused;
	return unused < nr ? 0 : -EAGAIN;
}

static int register_current(struct spl_kstore *k, struct spl_handle *h, u32 *idx, bool *fresh)
{
	struct spl_slot *slot;
	int ret;

	lockdep_assert_held(&k->writers_lock);
	if (!current->mm)
		return -EINVAL;
	if (k->repairing)
		return -EAGAIN;
	ret = find_slot(k, h, idx);
	if (ret == -EAGAIN && reap_dead(k))
		ret = find_slot(k, h, idx);
	*fresh = !ret;
	if (ret)
		return min(ret, 0);

	slot = &k->slots[*idx];
	slot->handle = h;
	spl_handle_pin_more(h);
	slot->pid = get_pid(task_pid(current));
	slot->mm = current->mm;
	mmgrab(slot->mm);
	WRITE_ONCE(k->view.wcells[*idx].owner_tid, task_pid_vnr(current));
	WRITE_ONCE(k->view.wcells[*idx].owner, 1);
	WRITE_ONCE(k->nr_writers, k->nr_writers + 1);
	if (k->nr_writers == 1) {
		spl_clock_start(k);
		queue_delayed_work(system_unbound_wq, &k->reap_work, REAP_PERIOD);
	}
	return 0;
}

/**
 * spl_slot_register() - a writer cell for the calling thread
 * @k: the store
 * @h: a handle attached to it, pinned by the caller
 * @idx: out: the cell; the one that the thread has already, if it has one through this handle
 * @fresh: out: false if it is that one
 *
 * Return: 0; -EAGAIN: none is free, or a repair is running.
 */
int spl_slot_register(struct spl_kstore *k, struct spl_handle *h, u32 *idx, bool *fresh)
{
	int ret;

	mutex_lock(&k->writers_lock);
	ret = register_current(k, h, idx, fresh);
	mutex_unlock(&k->writers_lock);
	return ret;
}

/**
 * spl_slot_unregister() - give back the cell of the calling thread, or of a dead one
 * @k: the store
 * @h: the handle through which it was registered
 * @idx: the cell
 * @process: it may also be another thread's of the calling process
 *
 * Return: 0; -ENOENT: not this handle's; -EPERM: another live thread's.
 */
int spl_slot_unregister(struct spl_kstore *k, const struct spl_handle *h, u32 idx, bool process)
{
	struct spl_slot *slot;
	bool mine;
	int ret = 0;

	if (idx >= k->plan.geometry.max_writers)
		return -ENOENT;
	mutex_lock(&k->writers_lock);
	slot = &k->slots[idx];
	mine = is_current(slot) || (process && slot->mm && slot->mm == current->mm);
	if (slot->handle != h)
		ret = -ENOENT;
	else if (k->repairing || !(mine || thread_is_dead(slot)))
		ret = -EPERM;
	else
		take_back(k, idx);
	mutex_unlock(&k->writers_lock);
	return ret;
}

/**
 * spl_slot_self_map() - register the calling thread and give it a struct spl_self page
 * @k: the store
 * @h: a handle attached to it, pinned by the caller
 *
 * Return: the page with one more mapping counted, for spl_slot_self_close(); or an error pointer: -ENOMEM, -EAGAIN.
 */
struct spl_self_map *spl_slot_self_map(struct spl_kstore *k, struct spl_handle *h)
{
	struct spl_self_map *self, *fresh;
	struct spl_self *words;
	bool is_new;
	u32 idx;
	int ret;

	fresh = kzalloc(sizeof(*fresh), SPL_GFP);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	fresh->page = alloc_page(SPL_GFP | __GFP_ZERO);
	if (!fresh->page) {
		ret = -ENOMEM;
		goto err_free;
	}

	mutex_lock(&k->writers_lock);
	ret = register_current(k, h, &idx, &is_new);
	if (ret) {
		mutex_unlock(&k->writers_lock);
		goto err_free_page;
	}
	self = k->slots[idx].self;
	if (!self) {
		self = fresh;
		fresh = NULL;
		self->idx = idx;
		self->registered = true;
		words = page_address(self->page);
		words->writer = idx;
		words->registered = 1;
		words->store_id = k->id;
		words->magic = SPL_MAGIC;
		k->slots[idx].self = self;
	}
	self->nr_maps++;
	mutex_unlock(&k->writers_lock);
	if (fresh) {
		put_page(fresh->page);
		kfree(fresh);
	}
	return self;

err_free_page:
	put_page(fresh->page);
err_free:
	kfree(fresh);
	return ERR_PTR(ret);
}

/**
 * spl_slot_self_open() - the page is mapped once more
 * @k: the store
 * @self: the page
 */
void spl_slot_self_open(struct spl_kstore *k, struct spl_self_map *self)
{
	mutex_lock(&k->writers_lock);
	self->nr_maps++;
	mutex_unlock(&k->writers_lock);
}

/**
 * spl_slot_self_close() - the page is mapped once less; the last time, its registration ends
 * @k: the store
 * @self: the page
 */
void spl_slot_self_close(struct spl_kstore *k, struct spl_self_map *self)
{
	bool last;

	mutex_lock(&k->writers_lock);
	last = !--self->nr_maps;
	if (last && self->registered) {
		if (k->repairing) {
			k->slots[self->idx].gone = true;
			end_self(&k->slots[self->idx]);
		} else {
			take_back(k, self->idx);
		}
	}
	mutex_unlock(&k->writers_lock);
	if (last) {
		put_page(self->page);
		kfree(self);
	}
}

/**
 * spl_slot_mm_exit() - a process is gone: take back what all its threads had
 * @k: a store that it had mapped
 * @mm: its memory, without users
 */
void spl_slot_mm_exit(struct spl_kstore *k, const struct mm_struct *mm)
{
	u32 i;

	if (!READ_ONCE(k->nr_writers))
		return;
	mutex_lock(&k->writers_lock);
	for (i = 0; i < k->plan.geometry.max_writers && k->nr_writers; i++) {
		if (!k->slots[i].handle || k->slots[i].mm != mm)
			continue;
		if (k->repairing)
			k->slots[i].gone = true;
		else
			take_back(k, i);
		cond_resched();
	}
	mutex_unlock(&k->writers_lock);
}

/**
 * spl_slot_release() - a handle is released: take back all that was registered through it
 * @k: the store
 * @h: the handle; nothing is mapped through it any more
 */
void spl_slot_release(struct spl_kstore *k, const struct spl_handle *h)
{
	u32 i;

	/* No repair runs: it allows no writer but one of the handle that asked for it, and keeps that handle open. */
	mutex_lock(&k->writers_lock);
	for (i = 0; i < k->plan.geometry.max_writers; i++) {
		if (k->slots[i].handle != h)
			continue;
		take_back(k, i);
		cond_resched();
	}
	mutex_unlock(&k->writers_lock);
}

/**
 * spl_slot_reap() - look for dead writers now
 * @k: the store
 * @res: out: what was found
 */
void spl_slot_reap(struct spl_kstore *k, struct spl_ioc_reap *res)
{
	u64 finished, undone;

	mutex_lock(&k->writers_lock);
	finished = k->nr_finished;
	undone = k->nr_undone;
	res->writers = reap_dead(k);
	res->alive = k->nr_writers;
	res->finished = k->nr_finished - finished;
	res->undone = k->nr_undone - undone;
	mutex_unlock(&k->writers_lock);
}

/**
 * spl_slot_quiesce() - no writers but the calling thread until spl_slot_resume()
 * @k: the store, its check_lock held
 * @h: the caller's handle: what the thread registered through another one might be released meanwhile, so it counts
 *	as somebody else's
 *
 * Return: 0 or -EBUSY: others are registered.
 */
int spl_slot_quiesce(struct spl_kstore *k, const struct spl_handle *h)
{
	int ret = 0;
	u32 i;

	lockdep_assert_held(&k->check_lock);
	mutex_lock(&k->writers_lock);
	reap_dead(k);
	for (i = 0; i < k->plan.geometry.max_writers && k->nr_writers; i++) {
		if (k->slots[i].handle && !(k->slots[i].handle == h && is_current(&k->slots[i])))
			ret = -EBUSY;
	}
	if (!ret)
		k->repairing = true;
	mutex_unlock(&k->writers_lock);
	return ret;
}

/**
 * spl_slot_resume() - undo spl_slot_quiesce()
 * @k: the store
 */
void spl_slot_resume(struct spl_kstore *k)
{
	mutex_lock(&k->writers_lock);
	k->repairing = false;
	reap_dead(k); /* who left meanwhile */
	mutex_unlock(&k->writers_lock);
}
