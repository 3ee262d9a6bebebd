// SPDX-License-Identifier: GPL-2.0
/*
 * channel.c - channels: made, named, found, listed, unlinked, destroyed; and who has which end. Open files of channels are
 * chfile.c's, sleeping and waking chwait.c's, what the ends write splinter_ring.h's.
 */
#include <linux/file.h>
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "channel.h"

/* Protects the table, next_id, each store's channels, and each channel's kstore, linked and owner. */
static DEFINE_MUTEX(spl_channels_lock);

/* Channels that have their name; the store is part of the key. */
static DEFINE_HASHTABLE(by_name, 8);

static u64 next_id = 1;

static u32 key_of(const struct spl_kstore *k, const char *name, u32 len)
{
	return full_name_hash(k, name, len);
}

static struct spl_channel *find(const struct spl_kstore *k, const char *name, u32 len)
{
	struct spl_channel *ch;

	lockdep_assert_held(&spl_channels_lock);
	hash_for_each_possible(by_name, ch, name_node, key_of(k, name, len)) {
		if (ch->kstore == k && ch->name_len == len && !memcmp(ch->name, name, len))
			return ch;
	}
	return NULL;
}

/* The name's reference is the caller's to drop, without the lock. */
static void unlink_name(struct spl_channel *ch)
{
	lockdep_assert_held(&spl_channels_lock);
	hash_del(&ch->name_node);
	ch->linked = false;
}

/**
 * spl_channel_get() - one more reference
 * @ch: a channel that the caller has a reference to
 *
 * Return: @ch; spl_channel_put() is the caller's to call.
 */
struct spl_channel *spl_channel_get(struct spl_channel *ch)
{
	refcount_inc(&ch->refs);
	return ch;
}

static void destroy(struct spl_channel *ch)
{
	if (ch->mem.pages)
		spl_mem_destroy(&ch->mem);
	if (ch->tx_page)
		put_page(ch->tx_page);
	if (ch->rx_page)
		put_page(ch->rx_page);
	kvfree(ch);
}

/**
 * spl_channel_put() - drop a reference; the last one destroys the channel
 * @ch: the channel
 *
 * May sleep.
 */
void spl_channel_put(struct spl_channel *ch)
{
	/* Under the lock, so that who finds a channel in a table finds one that lives. */
	if (!refcount_dec_and_mutex_lock(&ch->refs, &spl_channels_lock))
		return;
	if (ch->kstore) {
		xa_erase(&ch->kstore->channels, ch->id);
		WRITE_ONCE(ch->kstore->nr_channels, ch->kstore->nr_channels - 1);
	}
	mutex_unlock(&spl_channels_lock);
	destroy(ch);
}

/* Pages of the ends: like the info page, whose node they share. */
static struct page *end_page(const struct spl_channel *ch, bool bound)
{
	return alloc_pages_node(page_to_nid(ch->mem.pages[0]),
				SPL_GFP | __GFP_ZERO | (bound ? __GFP_THISNODE : 0), 0);
}

static int get_memory(struct spl_channel *ch, const struct spl_kstore *k, bool local)
{
	const struct spl_geometry *g = &k->plan.geometry;
	struct spl_info *plan;
	int ret;

	plan = kzalloc(sizeof(*plan), SPL_GFP);
	if (!plan)
		return -ENOMEM;
	plan->data_off = ch->plan.data_off;
	plan->map_bytes = ch->plan.map_bytes;
	plan->geometry.policy = local ? SPL_POLICY_LOCAL : g->policy;
	plan->geometry.node = local ? -1 : g->node;
	ret = spl_mem_create(&ch->mem, plan);
	local = plan->geometry.policy != SPL_POLICY_BIND;
	kfree(plan);
	if (ret)
		return ret;
	i_size_write(ch->mem.inode, ch->plan.map_bytes + ch->plan.capacity);
	ch->tx_page = end_page(ch, !local);
	ch->rx_page = end_page(ch, !local);
	if (!ch->tx_page || !ch->rx_page)
		return -ENOMEM;
	ch->tx = page_address(ch->tx_page);
	ch->rx = page_address(ch->rx_page);
	ch->info = page_address(ch->mem.pages[0]);
	return 0;
}

/* A channel that nobody sees yet. */
static struct spl_channel *build(const struct spl_kstore *k, const char *name,
				 const struct spl_ioc_channel_open *a, const struct cred *cred)
{
	struct spl_channel *ch;
	int ret, i;

	ch = kvzalloc(sizeof(*ch), SPL_GFP);
	if (!ch)
		return ERR_PTR(-ENOMEM);
	refcount_set(&ch->refs, 1);
	spin_lock_init(&ch->lock);
	for (i = 0; i < ARRAY_SIZE(ch->ends); i++)
		init_waitqueue_head(&ch->ends[i].wq);
	ch->owner.uid = cred->fsuid;
	ch->owner.gid = cred->fsgid;
	ch->owner.mode = a->mode & ~current_umask();
	memcpy(ch->name, name, a->name_len);
	ch->name_len = a->name_len;
	ch->plan.capacity = a->capacity ?: SPL_CHANNEL_CAPACITY_DEFAULT;
	ret = spl_channel_plan(&ch->plan) ? -EINVAL :
					    get_memory(ch, k, a->flags & SPL_CHANNEL_LOCAL);
	if (ret)
		goto err_destroy;

	mutex_lock(&spl_channels_lock);
	ch->id = next_id++;
	mutex_unlock(&spl_channels_lock);
	ch->plan.channel_id = ch->id;
	ch->plan.created_ns = ktime_get_real_ns();
	ch->plan.backend = SPL_BACKEND_DEVICE;
	ch->plan.magic = SPL_CHANNEL_MAGIC;
	*ch->info = ch->plan;
	ch->ends[SPL_CHANNEL_TX].shown = &ch->info->tx;
	ch->ends[SPL_CHANNEL_RX].shown = &ch->info->rx;
	return ch;

err_destroy:
	destroy(ch);
	return ERR_PTR(ret);
}

/* Lets others see a channel that was built. */
static int publish(struct spl_kstore *k, struct spl_channel *ch)
{
	int ret = 0;

	mutex_lock(&spl_channels_lock);
	if (ch->name_len && find(k, ch->name, ch->name_len))
		ret = -EEXIST;
	if (!ret)
		ret = xa_insert(&k->channels, ch->id, ch, SPL_GFP);
	if (!ret) {
		ch->kstore = k;
		WRITE_ONCE(k->nr_channels, k->nr_channels + 1);
		if (ch->name_len) {
			hash_add(by_name, &ch->name_node, key_of(k, ch->name, ch->name_len));
			ch->linked = true;
			spl_channel_get(ch); /* the name's */
		}
	}
	mutex_unlock(&spl_channels_lock);
	return ret;
}

/* A channel that is there, for an open: referenced, or an error pointer. */
static struct spl_channel *lookup(struct spl_kstore *k, const char *name,
				  const struct spl_ioc_channel_open *a, const struct file *handle)
{
	umode_t want = a->role || a->may ? 06 : 04;
	struct spl_channel *ch;
	int ret = 0;

	mutex_lock(&spl_channels_lock);
	ch = find(k, name, a->name_len);
	if (!ch)
		ret = -ENOENT;
	else if (a->flags & SPL_CHANNEL_EXCL)
		ret = -EEXIST;
	else
		ret = spl_access_check(handle, &ch->owner, want);
	if (!ret && a->capacity && a->capacity != ch->plan.capacity)
		ret = -EEXIST;
	if (!ret)
		spl_channel_get(ch);
	mutex_unlock(&spl_channels_lock);
	return ret ? ERR_PTR(ret) : ch;
}

static int check_open(const struct spl_ioc_channel_open *a, const char *name,
		      const struct file *handle)
{
	if (a->flags & ~SPL_CHANNEL_OPEN_ALL)
		return -EOPNOTSUPP;
	if (a->reserved || a->role > SPL_CHANNEL_RX || a->may & ~SPL_CHANNEL_MAY_ALL)
		return -EINVAL;
	if (a->flags & SPL_CHANNEL_CREATE) {
		if (a->mode & ~0666)
			return -EINVAL;
	} else if (a->flags || a->mode || !a->name_len) {
		return -EINVAL;
	}
	if (a->capacity && !is_power_of_2(a->capacity))
		return -EINVAL;
	if (!(handle->f_mode & FMODE_WRITE) &&
	    (a->role || a->may || a->flags & SPL_CHANNEL_CREATE))
		return -EBADF;
	return a->name_len ? spl_name_check(name, a->name_len) : 0;
}

/* What is told before anybody can see the file, or a channel that was made: on every error nothing happened. */
static int tell_opened(const struct spl_channel *ch, struct spl_ioc_channel_open *a, int fd,
		       void __user *ubuf, u32 size)
{
	struct spl_ioc_channel_open out = *a;

	out.capacity = ch->plan.capacity;
	out.channel_id = ch->id;
	out.map_bytes = ch->plan.map_bytes;
	out.fd = fd;
	return copy_to_user(ubuf, &out, min_t(u32, size, sizeof(out))) ? -EFAULT : 0;
}

/* One try to open or to make it: -EEXIST may come of somebody who was faster. */
static int open_once(struct spl_kstore *k, const char *name, struct spl_ioc_channel_open *a,
		     const struct file *handle, void __user *ubuf, u32 size)
{
	struct spl_channel *ch = ERR_PTR(-ENOENT);
	bool fresh = false;
	struct file *file;
	int fd, ret;

	if (a->name_len)
		ch = lookup(k, name, a, handle);
	if (ch == ERR_PTR(-ENOENT) && a->flags & SPL_CHANNEL_CREATE) {
		ch = build(k, name, a, handle->f_cred);
		fresh = true;
	}
	if (IS_ERR(ch))
		return PTR_ERR(ch);
	file = spl_chfile_new(ch, a->role, a->may);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto out_put;
	}
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto err_file;
	}
	ret = tell_opened(ch, a, fd, ubuf, size);
	if (ret)
		goto err_fd;
	ret = spl_channel_take(file->private_data, a->role);
	if (ret)
		goto err_fd;
	if (fresh)
		ret = publish(k, ch);
	if (ret)
		goto err_fd;
	fd_install(fd, file);
	goto out_put;

err_fd:
	put_unused_fd(fd);
err_file:
	fput(file);
out_put:
	spl_channel_put(ch); /* this call's */
	return fresh && ret == -EEXIST ? -EAGAIN : ret;
}

/**
 * spl_channel_open() - SPL_IOC_CHANNEL_OPEN
 * @k: the handle's store
 * @handle: the handle
 * @a: the call's struct
 * @ubuf: where it came from
 * @size: bytes of it that the caller knows
 *
 * Return: 0, or what uapi/splinter_calls.h says.
 */
int spl_channel_open(struct spl_kstore *k, const struct file *handle,
		     struct spl_ioc_channel_open *a, void __user *ubuf, u32 size)
{
	char name[SPL_NAME_MAX];
	int ret;

	if (a->name_len > SPL_NAME_MAX)
		return -ENAMETOOLONG;
	if (copy_from_user(name, u64_to_user_ptr(a->name), a->name_len))
		return -EFAULT;
	ret = check_open(a, name, handle);
	while (!ret) {
		ret = open_once(k, name, a, handle, ubuf, size);
		if (ret != -EAGAIN)
			break;
		if (a->flags & SPL_CHANNEL_EXCL)
			return -EEXIST;
		ret = signal_pending(current) ? -EINTR : 0;
	}
	return ret;
}

/**
 * spl_channel_attach() - SPL_IOC_CHANNEL_ATTACH
 * @from: the channel file that is asked
 * @a: the call's struct
 * @ubuf: where it came from
 * @size: bytes of it that the caller knows
 *
 * Return: 0, or what uapi/splinter_calls.h says.
 */
int spl_channel_attach(struct spl_chfile *from, struct spl_ioc_channel_attach *a,
		       void __user *ubuf, u32 size)
{
	struct file *file;
	int ret;

	if (a->flags)
		return -EOPNOTSUPP;
	if (a->reserved || a->role > SPL_CHANNEL_RX || a->may & ~SPL_CHANNEL_MAY_ALL)
		return -EINVAL;
	if ((a->may | (a->role ? BIT(a->role) : 0)) & ~from->may)
		return -EACCES;
	file = spl_chfile_new(from->ch, a->role, a->may);
	if (IS_ERR(file))
		return PTR_ERR(file);
	a->fd = get_unused_fd_flags(O_CLOEXEC);
	if (a->fd < 0) {
		ret = a->fd;
		goto err_file;
	}
	ret = copy_to_user(ubuf, a, min_t(u32, size, sizeof(*a))) ? -EFAULT : 0;
	if (!ret)
		ret = spl_channel_take(file->private_data, a->role);
	if (ret)
		goto err_fd;
	fd_install(a->fd, file);
	return 0;

err_fd:
	put_unused_fd(a->fd);
err_file:
	fput(file);
	return ret;
}

/**
 * spl_channel_take() - make a file an end
 * @cf: the file, without a role
 * @role: which; SPL_CHANNEL_NONE: nothing happens
 *
 * Return: 0 or -EBUSY: the role is taken.
 */
int spl_channel_take(struct spl_chfile *cf, u32 role)
{
	struct spl_channel *ch = cf->ch;
	struct spl_end *end = spl_channel_end(ch, role);
	int ret = 0;

	if (!role)
		return 0;
	spin_lock(&ch->lock);
	if (end->file) {
		ret = -EBUSY;
	} else {
		end->file = cf;
		end->pid = get_task_pid(current, PIDTYPE_TGID);
		WRITE_ONCE(cf->role, role);
		WRITE_ONCE(end->taken, end->taken + 3);
		WRITE_ONCE(end->shown->taken, end->taken);
	}
	spin_unlock(&ch->lock);
	return ret;
}

/**
 * spl_channel_let_go() - the end is nobody's any more: tell whoever sleeps
 * @cf: a file that has an end, which isn't mapped for writing; the channel's lock is held
 *
 * The caller wakes both ends when it has dropped the lock: spl_chwait_ring() isn't for him, as he has no end.
 */
void spl_channel_let_go(struct spl_chfile *cf)
{
	struct spl_end *end = spl_channel_end(cf->ch, cf->role);

	lockdep_assert_held(&cf->ch->lock);
	end->file = NULL;
	put_pid(end->pid);
	end->pid = NULL;
	WRITE_ONCE(cf->role, SPL_CHANNEL_NONE);
	/* (V) pairs with the acquire in chwait.c: who sees that the end was let go sees all that it published. */
	smp_store_release(&end->taken, end->taken - 1);
	/* (V) as well, for the ends' own code. */
	smp_store_release(&end->shown->taken, end->taken);
}

/**
 * spl_channel_page() - the page at a page offset of a mapping
 * @ch: the channel
 * @pgoff: any number
 *
 * Return: the page, no reference taken, or NULL: nothing is there.
 */
struct page *spl_channel_page(const struct spl_channel *ch, pgoff_t pgoff)
{
	pgoff_t first = ch->plan.data_off >> PAGE_SHIFT, nr = ch->plan.capacity >> PAGE_SHIFT;

	if (pgoff == ch->plan.tx_off >> PAGE_SHIFT)
		return ch->tx_page;
	if (pgoff == ch->plan.rx_off >> PAGE_SHIFT)
		return ch->rx_page;
	if (pgoff < first)
		return pgoff ? NULL : ch->mem.pages[0];
	if (pgoff - first >= 2 * nr)
		return NULL;
	return spl_mem_page(&ch->mem, first + ((pgoff - first) & (nr - 1)));
}

/* The store may be changing hands right now: then it is the old owner's or the new one's. */
static bool owns_store(const struct file *handle, const struct spl_kstore *k)
{
	struct spl_owner owner = { .uid = READ_ONCE(k->owner.uid) };

	return spl_access_owns(handle, &owner);
}

/**
 * spl_channel_unlink() - SPL_IOC_CHANNEL_UNLINK
 * @k: the store
 * @name: the name
 * @len: bytes of @name
 * @handle: the handle that asks
 *
 * Return: 0, -ENOENT, -EACCES.
 */
int spl_channel_unlink(struct spl_kstore *k, const char *name, u32 len, const struct file *handle)
{
	struct spl_channel *ch;
	int ret = 0;

	mutex_lock(&spl_channels_lock);
	ch = find(k, name, len);
	if (!ch)
		ret = -ENOENT;
	else if (!spl_access_owns(handle, &ch->owner) && !owns_store(handle, k))
		ret = -EACCES;
	else
		unlink_name(ch);
	mutex_unlock(&spl_channels_lock);
	if (!ret)
		spl_channel_put(ch);
	return ret;
}

/**
 * spl_channel_setattr() - SPL_IOC_CHANNEL_SETATTR
 * @k: the store
 * @name: the name
 * @len: bytes of @name
 * @handle: the handle that asks
 * @a: the call's struct
 *
 * Return: 0, -ENOENT, -EPERM.
 */
int spl_channel_setattr(struct spl_kstore *k, const char *name, u32 len, const struct file *handle,
			const struct spl_ioc_setattr *a)
{
	struct spl_channel *ch;
	int ret;

	mutex_lock(&spl_channels_lock);
	ch = find(k, name, len);
	ret = ch ? spl_access_change(handle, &ch->owner, a) : -ENOENT;
	mutex_unlock(&spl_channels_lock);
	return ret;
}

static u32 pid_of(struct spl_channel *ch, u32 role)
{
	return pid_vnr(spl_channel_end(ch, role)->pid);
}

/* What goes on in a channel: for who may read it. */
static void tell_use(struct spl_channel *ch, struct spl_channel_entry *entry)
{
	/* Words of the ends: for people, nothing is done by them. */
	entry->head = READ_ONCE(ch->tx->head);
	entry->messages = READ_ONCE(ch->tx->nr_messages);
	entry->payload = READ_ONCE(ch->tx->nr_bytes);
	entry->read = READ_ONCE(ch->rx->read);
	spin_lock(&ch->lock);
	entry->tx_taken = ch->ends[SPL_CHANNEL_TX].taken;
	entry->rx_taken = ch->ends[SPL_CHANNEL_RX].taken;
	entry->tx_pid = pid_of(ch, SPL_CHANNEL_TX);
	entry->rx_pid = pid_of(ch, SPL_CHANNEL_RX);
	spin_unlock(&ch->lock);
	entry->files = atomic_read(&ch->nr_files);
}

/**
 * spl_channel_entry() - the list record of a store's next channel
 * @k: the store
 * @handle: the handle that asks
 * @cursor: in: smallest id; out: one more than the id of the channel told
 * @entry: out: room for SPL_CHANNEL_ENTRY_MAX bytes
 *
 * Return: bytes of the record, or 0: no further channel.
 */
u32 spl_channel_entry(struct spl_kstore *k, const struct file *handle, u64 *cursor,
		      struct spl_channel_entry *entry)
{
	unsigned long id = *cursor;
	struct spl_channel *ch;
	u32 bytes = 0;

	mutex_lock(&spl_channels_lock);
	ch = xa_find(&k->channels, &id, ULONG_MAX, XA_PRESENT);
	if (ch) {
		u32 name_len = ch->linked ? ch->name_len : 0;

		bytes = ALIGN(sizeof(*entry) + name_len, 8);
		memset(entry, 0, bytes);
		entry->record_bytes = bytes;
		entry->name_len = name_len;
		entry->channel_id = ch->id;
		entry->capacity = ch->plan.capacity;
		entry->bytes = (u64)(ch->mem.nr_pages + 2) << PAGE_SHIFT;
		if (spl_access_check(handle, &ch->owner, 04))
			entry->flags |= SPL_CHANNEL_ENTRY_CLOSED;
		else
			tell_use(ch, entry);
		entry->uid = from_kuid_munged(current_user_ns(), ch->owner.uid);
		entry->gid = from_kgid_munged(current_user_ns(), ch->owner.gid);
		entry->mode = ch->owner.mode;
		memcpy(entry->name, ch->name, name_len);
		*cursor = ch->id + 1;
	}
	mutex_unlock(&spl_channels_lock);
	return bytes;
}

/**
 * spl_channel_orphan() - a store goes: its channels lose their names, and live as long as their files
 * @k: the store, which nobody refers to
 */
void spl_channel_orphan(struct spl_kstore *k)
{
	struct spl_channel *ch;
	struct hlist_node *next;
	HLIST_HEAD(named);
	unsigned long id;

	mutex_lock(&spl_channels_lock);
	xa_for_each(&k->channels, id, ch) {
		ch->kstore = NULL;
		if (!ch->linked)
			continue;
		unlink_name(ch);
		hlist_add_head(&ch->name_node, &named);
	}
	xa_destroy(&k->channels);
	k->nr_channels = 0;
	mutex_unlock(&spl_channels_lock);
	/* The references of the names keep these. */
	hlist_for_each_entry_safe(ch, next, &named, name_node)
		spl_channel_put(ch);
}
