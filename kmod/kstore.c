// SPDX-License-Identifier: GPL-2.0
/*
 * kstore.c - stores: created, named, found, listed, unlinked, destroyed. Pages are mem.c's, writers slot.c's, the open
 * files attached to a store handle.c's.
 */
#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "kmod.h"

/*
 * Protects all tables, next_id, nr_linked, and of each store: live, linked, nr_handles, owner. Taken
 * by ioctl, open and release, inside misc_mtx; no user memory is touched under it, and nobody sleeps long.
 */
static DEFINE_MUTEX(spl_kstores_lock);

/* Stores that have their name, those under construction included; the namespace is part of the key. */
static DEFINE_HASHTABLE(by_name, 8);

static u64 next_id = 1;

static u32 key_of(const struct spl_ns *ns, const char *name, u32 len)
{
	return full_name_hash(ns, name, len);
}

static struct spl_kstore *find(const struct spl_ns *ns, const char *name, u32 len)
{
	struct spl_kstore *k;

	lockdep_assert_held(&spl_kstores_lock);
	hash_for_each_possible(by_name, k, name_node, key_of(ns, name, len)) {
		if (k->ns == ns && k->name_len == len && !memcmp(k->name, name, len))
			return k;
	}
	return NULL;
}

/*
 * What a handle may do was decided when it was opened, so it is the opener's credentials that count, whoever holds the
 * handle now. A handle is for reading at least, for mmap() needs that.
 */
static int check_access(const struct spl_kstore *k, const struct file *file)
{
	if (!k->name_len)
		return 0; /* the default store is whose the device is */
	return spl_access_check(file, &k->owner, file->f_mode & FMODE_WRITE ? 06 : 04);
}

static bool same_geometry(const struct spl_geometry *a, const struct spl_geometry *b)
{
	return a->lanes == b->lanes && a->value_max == b->value_max &&
	       a->key_max == b->key_max && a->max_writers == b->max_writers &&
	       a->spares == b->spares && a->policy == b->policy && a->node == b->node &&
	       a->flags == b->flags && a->feed == b->feed;
}

/**
 * spl_kstore_plan() - check a geometry and compute the layout that follows from it
 * @want: as asked for
 * @plan: out: with its geometry completed
 *
 * Return: 0; -EOPNOTSUPP: unknown flag; -EINVAL: a limit, policy or node that can't be; -ENODEV: no such node, or it
 * has no memory; -EOVERFLOW: more than can be addressed.
 */
int spl_kstore_plan(const struct spl_geometry *want, struct spl_info *plan)
{
	struct spl_geometry *g = &plan->geometry;

	memset(plan, 0, sizeof(*plan));
	*g = *want;
	if (g->flags & ~SPL_GEOMETRY_ALL)
		return -EOPNOTSUPP;
	switch (g->policy) {
	case SPL_POLICY_BIND:
		if (g->node < 0)
			return -EINVAL;
		if (g->node >= MAX_NUMNODES || !node_state(g->node, N_MEMORY))
			return -ENODEV;
		break;
	case SPL_POLICY_LOCAL:
	case SPL_POLICY_INTERLEAVE:
		if (g->node != 0 && g->node != -1)
			return -EINVAL;
		g->node = -1;
		break;
	default:
		return -EINVAL;
	}
	switch (spl_layout_plan(plan)) {
	case 0:
		return 0;
	case SPL_PLAN_OVERFLOW:
		return -EOVERFLOW;
	default:
		return -EINVAL;
	}
}

/* Takes the name and an id, so that nobody else builds a store of that name meanwhile. */
static int reserve(struct spl_kstore *k)
{
	int ret = 0;

	mutex_lock(&spl_kstores_lock);
	if (k->ns->ended) {
		ret = -ENXIO;
		goto out;
	}
	if (find(k->ns, k->name, k->name_len)) {
		ret = -EEXIST;
		goto out;
	}
	k->id = next_id;
	ret = xa_reserve(&k->ns->by_id, k->id, SPL_GFP);
	if (ret)
		goto out;
	next_id++;
	k->linked = true;
	hash_add(by_name, &k->name_node, key_of(k->ns, k->name, k->name_len));
out:
	mutex_unlock(&spl_kstores_lock);
	return ret;
}

static void unreserve(struct spl_kstore *k)
{
	mutex_lock(&spl_kstores_lock);
	hash_del(&k->name_node);
	xa_release(&k->ns->by_id, k->id);
	k->linked = false;
	mutex_unlock(&spl_kstores_lock);
	complete_all(&k->built);
}

/* First content of the pages. The magic goes last, though nobody can look before the store is published. */
static int format(struct spl_kstore *k)
{
	struct spl_info *info = k->mem.info;
	int ret;

	k->plan.magic = SPL_MAGIC;
	k->plan.store_id = k->id;
	k->plan.created_ns = ktime_get_real_ns();
	k->plan.hash_seed = get_random_u64();
	k->plan.backend = SPL_BACKEND_DEVICE;
	ret = spl_store_attach(&k->view, &k->plan, k->mem.data,
			       k->plan.map_bytes - k->plan.data_off);
	if (ret)
		return ret;
	spl_store_format(&k->view);

	*info = k->plan;
	info->clock_ns = k->plan.created_ns;
	return 0;
}

/**
 * spl_kstore_create() - build a store that nobody sees yet, though its name is taken
 * @ns: where
 * @name: 1 to SPL_NAME_MAX bytes that spl_name_check() likes, or none: the default store
 * @len: how many
 * @mode: permission bits
 * @plan: from spl_kstore_plan()
 * @cred: whose it shall be
 *
 * Return: the store, for spl_kstore_publish() or spl_kstore_abandon(); or an error pointer: -EEXIST, -ENOMEM, -EINTR,
 * -ENXIO (the namespace has ended).
 */
struct spl_kstore *spl_kstore_create(struct spl_ns *ns, const char *name, u32 len, umode_t mode,
				     const struct spl_info *plan, const struct cred *cred)
{
	struct spl_kstore *k;
	int ret;

	k = kvzalloc(sizeof(*k), SPL_GFP);
	if (!k)
		return ERR_PTR(-ENOMEM);
	kobject_init(&k->kobj, &spl_sysfs_ktype);
	refcount_set(&k->refs, 1);
	k->ns = spl_ns_get(ns);
	INIT_LIST_HEAD(&k->shown);
	init_completion(&k->built);
	mutex_init(&k->check_lock);
	xa_init_flags(&k->channels, XA_FLAGS_ACCOUNT);
	k->owner.uid = cred->fsuid;
	k->owner.gid = cred->fsgid;
	k->owner.mode = mode;
	k->plan = *plan;
	memcpy(k->name, name, len);
	k->name_len = len;

	ret = reserve(k);
	if (ret)
		goto err_put;
	ret = spl_mem_create(&k->mem, &k->plan);
	if (ret)
		goto err_unreserve;
	ret = format(k);
	if (ret)
		goto err_unreserve;
	ret = spl_signal_init(k);
	if (ret)
		goto err_unreserve;
	ret = spl_slot_init(k);
	if (ret)
		goto err_unreserve;
	return k;

err_unreserve:
	unreserve(k);
err_put:
	spl_kstore_put(k); /* takes down as much as there is */
	return ERR_PTR(ret);
}

/**
 * spl_kstore_publish() - let everybody see a store that was created
 * @k: the store; on success its reference belongs to its name
 * @nr_handles: 1 if the creator attaches to it (a reference of its own), otherwise 0
 *
 * Return: 0; or -ENOMEM, -ENXIO (the namespace has ended): then it is still the creator's.
 */
int spl_kstore_publish(struct spl_kstore *k, unsigned int nr_handles)
{
	struct spl_ns *ns = k->ns;
	int ret;

	mutex_lock(&ns->lock);
	ret = ns->ended ? -ENXIO : spl_sysfs_add(k);
	if (ret)
		goto out;
	list_add(&k->shown, &ns->shown);
	mutex_lock(&spl_kstores_lock);
	xa_store(&ns->by_id, k->id, k, GFP_NOWAIT); /* reserved: needs no memory */
	ns->nr_linked++;
	k->live = true;
	k->nr_handles = nr_handles;
	if (nr_handles)
		spl_kstore_get(k);
	mutex_unlock(&spl_kstores_lock);
out:
	mutex_unlock(&ns->lock);
	if (!ret)
		complete_all(&k->built);
	return ret;
}

/**
 * spl_kstore_abandon() - undo spl_kstore_create()
 * @k: a store that was not published
 */
void spl_kstore_abandon(struct spl_kstore *k)
{
	unreserve(k);
	spl_kstore_put(k);
}

/* A reference to a store for one more handle, under the lock. */
static struct spl_kstore *attach(struct spl_kstore *k)
{
	lockdep_assert_held(&spl_kstores_lock);
	k->nr_handles++;
	return spl_kstore_get(k);
}

/**
 * spl_kstore_attach() - find a store for a handle
 * @name: its name, or none: the default store
 * @len: bytes of @name
 * @file: the handle
 * @want: NULL, or: wait if it is under construction, and have it only with this geometry
 *
 * Return: the store, for spl_kstore_detach(); or an error pointer: -ENOENT, -EACCES, -EEXIST (other geometry), -EINTR.
 */
struct spl_kstore *spl_kstore_attach(const char *name, u32 len, const struct file *file,
				     const struct spl_geometry *want)
{
	struct spl_kstore *k;
	int ret;

	for (;;) {
		mutex_lock(&spl_kstores_lock);
		k = find(spl_handle_ns(file), name, len);
		if (!k || (!k->live && !want)) {
			k = ERR_PTR(-ENOENT);
			break;
		}
		if (k->live) {
			ret = check_access(k, file);
			if (!ret && want && !same_geometry(want, &k->plan.geometry))
				ret = -EEXIST;
			k = ret ? ERR_PTR(ret) : attach(k);
			break;
		}
		spl_kstore_get(k);
		mutex_unlock(&spl_kstores_lock);
		ret = wait_for_completion_interruptible(&k->built);
		spl_kstore_put(k);
		if (ret)
			return ERR_PTR(-EINTR);
	}
	mutex_unlock(&spl_kstores_lock);
	return k;
}

/**
 * spl_kstore_attach_default() - the default store for a fresh handle: who may open the device may have it
 * @ns: where the handle was opened: only the initial namespace has a default store
 *
 * Return: the store, for spl_kstore_detach(), or NULL: there is none.
 */
struct spl_kstore *spl_kstore_attach_default(struct spl_ns *ns)
{
	struct spl_kstore *k;

	mutex_lock(&spl_kstores_lock);
	k = find(ns, "", 0);
	k = k && k->live ? attach(k) : NULL;
	mutex_unlock(&spl_kstores_lock);
	return k;
}

/**
 * spl_kstore_detach() - a handle goes; undoes the attach functions, and publishing for a handle
 * @k: the store
 */
void spl_kstore_detach(struct spl_kstore *k)
{
	mutex_lock(&spl_kstores_lock);
	k->nr_handles--;
	mutex_unlock(&spl_kstores_lock);
	spl_kstore_put(k);
}

/**
 * spl_kstore_get() - one more reference
 * @k: a store that the caller has a reference to, or holds the lock that keeps one
 *
 * Return: @k; spl_kstore_put() is the caller's to call.
 */
struct spl_kstore *spl_kstore_get(struct spl_kstore *k)
{
	refcount_inc(&k->refs);
	return k;
}

/* Takes the folder; readers of its files are gone when this returns. */
static void hide(struct spl_kstore *k)
{
	lockdep_assert_held(&k->ns->lock);
	if (list_empty(&k->shown))
		return;
	list_del_init(&k->shown);
	kobject_del(&k->kobj);
}

/**
 * spl_kstore_put() - drop a reference; the last one destroys the store
 * @k: the store
 *
 * May sleep, and takes no lock that is held while user memory is touched.
 */
void spl_kstore_put(struct spl_kstore *k)
{
	struct spl_ns *ns = k->ns;

	if (!refcount_dec_and_test(&k->refs))
		return;
	mutex_lock(&ns->lock);
	hide(k);
	mutex_unlock(&ns->lock);
	spl_channel_orphan(k);
	if (k->slots)
		spl_slot_exit(k);
	if (k->signals)
		spl_signal_exit(k);
	if (k->mem.pages)
		spl_mem_destroy(&k->mem);
	kobject_put(&k->kobj);
	spl_ns_put(ns);
}

/* Takes the name; its reference is the caller's to drop, without the lock. */
static void unlink_name(struct spl_kstore *k)
{
	lockdep_assert_held(&spl_kstores_lock);
	hash_del(&k->name_node);
	xa_erase(&k->ns->by_id, k->id);
	k->ns->nr_linked--;
	WRITE_ONCE(k->linked, false);
}

/**
 * spl_kstore_unlink() - take a store's name away
 * @name: the name, or none: the default store
 * @len: bytes of @name
 * @file: the handle that asks
 * @own: the store that this handle is attached to, or NULL
 * @destroy: only if no other handle has it
 *
 * Return: 0, -ENOENT, -EACCES, -EBUSY.
 */
int spl_kstore_unlink(const char *name, u32 len, const struct file *file,
		      const struct spl_kstore *own, bool destroy)
{
	struct spl_kstore *k;
	int ret = 0;

	mutex_lock(&spl_kstores_lock);
	k = find(spl_handle_ns(file), name, len);
	if (!k || !k->live)
		ret = -ENOENT;
	else if (!spl_access_owns(file, &k->owner))
		ret = -EACCES;
	else if (destroy && k->nr_handles > (k == own))
		ret = -EBUSY;
	if (!ret)
		unlink_name(k);
	mutex_unlock(&spl_kstores_lock);
	if (!ret)
		spl_kstore_put(k);
	return ret;
}

/**
 * spl_kstore_setattr() - SPL_IOC_SETATTR
 * @name: the name, or none: the store that the handle has
 * @len: bytes of @name
 * @file: the handle that asks
 * @own: the store that this handle is attached to, or NULL
 * @a: the call's struct
 *
 * Return: 0; -ENOENT; -ENXIO: no name, and no store; -EINVAL: the default store; -EPERM.
 */
int spl_kstore_setattr(const char *name, u32 len, const struct file *file, struct spl_kstore *own,
		       const struct spl_ioc_setattr *a)
{
	struct spl_kstore *k = own;
	struct spl_owner owner;
	int ret;

	if (!len && !k)
		return -ENXIO;
	mutex_lock(&spl_kstores_lock);
	if (len)
		k = find(spl_handle_ns(file), name, len);
	if (!k || !k->live) {
		ret = -ENOENT;
	} else if (!k->name_len) {
		ret = -EINVAL;
	} else {
		owner = k->owner;
		ret = spl_access_change(file, &owner, a);
		if (!ret)
			spl_access_set(&k->owner, &owner);
	}
	mutex_unlock(&spl_kstores_lock);
	return ret;
}

/**
 * spl_kstore_entry() - the list record of the next store
 * @ns: whose stores
 * @cursor: in: smallest id; out: one more than the id of the store told
 * @entry: out: room for SPL_ENTRY_MAX bytes
 *
 * Return: bytes of the record, or 0: no further store.
 */
u32 spl_kstore_entry(struct spl_ns *ns, u64 *cursor, struct spl_store_entry *entry)
{
	unsigned long id = *cursor;
	struct spl_kstore *k;
	u32 bytes = 0;

	mutex_lock(&spl_kstores_lock);
	k = xa_find(&ns->by_id, &id, ULONG_MAX, XA_PRESENT);
	if (k) {
		bytes = ALIGN(sizeof(*entry) + k->name_len, 8);
		memset(entry, 0, bytes);
		entry->record_bytes = bytes;
		entry->name_len = k->name_len;
		entry->store_id = k->id;
		entry->bytes = (u64)k->mem.nr_pages << PAGE_SHIFT;
		entry->lanes = k->plan.geometry.lanes;
		entry->handles = k->nr_handles;
		entry->writers = READ_ONCE(k->nr_writers);
		entry->uid = from_kuid_munged(current_user_ns(), k->owner.uid);
		entry->gid = from_kgid_munged(current_user_ns(), k->owner.gid);
		entry->mode = k->owner.mode;
		memcpy(entry->name, k->name, k->name_len);
		*cursor = k->id + 1;
	}
	mutex_unlock(&spl_kstores_lock);
	return bytes;
}

/**
 * spl_kstore_count() - how many stores have a name, the default store included
 * @ns: whose stores
 *
 * Return: the number.
 */
unsigned long spl_kstore_count(const struct spl_ns *ns)
{
	return READ_ONCE(ns->nr_linked);
}

/**
 * spl_kstore_end() - a namespace ends: its stores are unlinked, and those that nobody has open destroyed
 * @ns: the namespace
 *
 * A store under construction finds @ns ended when it is to be published. What still has handles lives on without name and
 * without folder: the address that tells in which namespace a folder is shown may be the next one's.
 */
void spl_kstore_end(struct spl_ns *ns)
{
	struct spl_kstore *k, *next_shown;
	struct hlist_node *next;
	HLIST_HEAD(named);
	unsigned long id;

	mutex_lock(&ns->lock);
	mutex_lock(&spl_kstores_lock);
	ns->ended = true;
	xa_for_each(&ns->by_id, id, k) {
		unlink_name(k);
		hlist_add_head(&k->name_node, &named);
	}
	mutex_unlock(&spl_kstores_lock);
	list_for_each_entry_safe(k, next_shown, &ns->shown, shown)
		hide(k);
	mutex_unlock(&ns->lock);
	/* The references of the names keep these. */
	hlist_for_each_entry_safe(k, next, &named, name_node)
		spl_kstore_put(k);
}
