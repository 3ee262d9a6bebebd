// SPDX-License-Identifier: GPL-2.0
/*
 * ioctl.c - the calls of uapi/splinter.h: copies their structs in and out, refuses what it doesn't know, and hands the
 * work to the other files.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kmod.h"

/* One call at work. @arg is the kernel's copy of the struct, @ubuf the caller's, @size what he says that it measures. */
struct call {
	struct file *file;
	struct spl_handle *h;
	void *arg;
	void __user *ubuf;
	u32 size;
	u32 ksize;
};

/* What the module writes is cut at the caller's size. */
static int reply(const struct call *c)
{
	return copy_to_user(c->ubuf, c->arg, min(c->size, c->ksize)) ? -EFAULT : 0;
}

static bool is_writable(const struct call *c)
{
	return c->file->f_mode & FMODE_WRITE;
}

/* Copies a name; @name has room for SPL_NAME_MAX bytes. */
static int get_name(char *name, u64 addr, u32 len)
{
	if (len > SPL_NAME_MAX)
		return -ENAMETOOLONG;
	return copy_from_user(name, u64_to_user_ptr(addr), len) ? -EFAULT : 0;
}

/**
 * spl_features() - what this module can do on this machine
 *
 * Return: mask of SPL_FEATURE_*.
 */
u64 spl_features(void)
{
	return SPL_FEATURE_ATTR | (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) ? SPL_FEATURE_HUGE : 0) |
	       (IS_ENABLED(CONFIG_NUMA) ? SPL_FEATURE_NUMA : 0) | SPL_FEATURE_SIGNAL |
	       SPL_FEATURE_FEED | SPL_FEATURE_CHANNELS;
}

static int ioc_info(struct call *c)
{
	struct spl_ioc_info *a = c->arg;

	if (a->flags)
		return -EOPNOTSUPP;
	a->abi = SPL_ABI_VERSION;
	a->max_writers = SPL_WRITERS_MAX;
	a->features = spl_features();
	a->lanes_max = SPL_LANES_MAX;
	a->value_max = SPL_VALUE_MAX;
	a->key_max = SPL_KEY_MAX;
	a->bytes_max = spl_mem_bytes_max();
	a->stores = spl_kstore_count(c->h->ns);
	a->page_bytes = SPL_PAGE_BYTES;
	a->chunk_bytes = IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) ? SPL_CHUNK_BYTES : 0;
	return reply(c);
}

static void tell_created(struct spl_ioc_create *a, const struct spl_kstore *k)
{
	a->geometry = k->plan.geometry;
	a->bytes = (u64)k->mem.nr_pages << PAGE_SHIFT;
	a->lanes_total = k->plan.lanes_total;
	a->store_id = k->id;
}

/* The reply is written before anybody can see the store: on every error nothing was made. */
static struct spl_kstore *create(struct call *c, const char *name, const struct spl_info *plan)
{
	struct spl_ioc_create *a = c->arg;
	struct spl_kstore *k;
	int ret;

	k = spl_kstore_create(c->h->ns, name, a->name_len, a->mode & ~current_umask(), plan,
			      c->file->f_cred);
	if (IS_ERR(k))
		return k;
	tell_created(a, k);
	ret = reply(c);
	if (!ret)
		ret = spl_kstore_publish(k, 1);
	if (ret) {
		spl_kstore_abandon(k);
		return ERR_PTR(ret);
	}
	return k;
}

static struct spl_kstore *create_or_open(struct call *c, const char *name,
					 const struct spl_info *plan)
{
	struct spl_ioc_create *a = c->arg;
	struct spl_kstore *k;

	for (;;) {
		k = spl_kstore_attach(name, a->name_len, c->file, &plan->geometry);
		if (!IS_ERR(k)) {
			tell_created(a, k);
			if (!reply(c))
				return k;
			spl_kstore_detach(k);
			return ERR_PTR(-EFAULT);
		}
		if (PTR_ERR(k) != -ENOENT)
			return k;
		k = create(c, name, plan);
		if (PTR_ERR_OR_ZERO(k) != -EEXIST) /* else somebody was faster */
			return k;
	}
}

static int ioc_create(struct call *c)
{
	struct spl_ioc_create *a = c->arg;
	char name[SPL_NAME_MAX];
	struct spl_kstore *k;
	struct spl_info *plan;
	int ret;

	if (a->flags & ~SPL_CREATE_ALL)
		return -EOPNOTSUPP;
	if (!is_writable(c))
		return -EBADF;
	if (a->mode & ~0666)
		return -EINVAL;
	ret = get_name(name, a->name, a->name_len);
	if (!ret)
		ret = spl_name_check(name, a->name_len);
	if (ret)
		return ret;
	plan = kmalloc(sizeof(*plan), SPL_GFP);
	if (!plan)
		return -ENOMEM;
	ret = spl_kstore_plan(&a->geometry, plan);
	if (ret)
		goto out_free;
	ret = spl_handle_attach_begin(c->h);
	if (ret)
		goto out_free;
	k = a->flags & SPL_CREATE_OR_OPEN ? create_or_open(c, name, plan) : create(c, name, plan);
	spl_handle_attach_end(c->h, k);
	ret = PTR_ERR_OR_ZERO(k);
out_free:
	kfree(plan);
	return ret;
}

static int ioc_open(struct call *c)
{
	struct spl_ioc_open *a = c->arg;
	char name[SPL_NAME_MAX];
	struct spl_kstore *k;
	int ret;

	if (a->flags)
		return -EOPNOTSUPP;
	if (a->reserved)
		return -EINVAL;
	ret = get_name(name, a->name, a->name_len);
	if (ret)
		return ret;
	ret = spl_handle_attach_begin(c->h);
	if (ret)
		return ret;
	k = spl_kstore_attach(name, a->name_len, c->file, NULL);
	if (!IS_ERR(k)) {
		a->store_id = k->id;
		if (reply(c)) {
			spl_kstore_detach(k);
			k = ERR_PTR(-EFAULT);
		}
	}
	spl_handle_attach_end(c->h, k);
	return PTR_ERR_OR_ZERO(k);
}

/* The stores, or the channels of one of them. */
static int list(struct call *c, struct spl_kstore *k)
{
	struct spl_ioc_list *a = c->arg;
	u64 cursor = a->cursor;
	u32 room, bytes;
	void *entry;
	int ret = 0;

	if (a->flags)
		return -EOPNOTSUPP;
	if (!IS_ALIGNED(a->buf, 8))
		return -EINVAL;
	entry = kmalloc(max(SPL_ENTRY_MAX, SPL_CHANNEL_ENTRY_MAX), SPL_GFP);
	if (!entry)
		return -ENOMEM;
	room = a->buf_bytes;
	a->buf_bytes = 0;
	a->nr = 0;
	for (;;) {
		bytes = k ? spl_channel_entry(k, c->file, &cursor, entry) :
			    spl_kstore_entry(c->h->ns, &cursor, entry);
		if (!bytes) {
			a->cursor = 0;
			break;
		}
		if (bytes > room - a->buf_bytes) {
			if (!a->nr)
				ret = -ENOBUFS;
			break;
		}
		if (copy_to_user(u64_to_user_ptr(a->buf + a->buf_bytes), entry, bytes)) {
			ret = -EFAULT;
			break;
		}
		a->buf_bytes += bytes;
		a->nr++;
		a->cursor = cursor;
		cond_resched();
	}
	kfree(entry);
	return ret ?: reply(c);
}

static int ioc_list(struct call *c)
{
	return list(c, NULL);
}

/* The store that the handle has, referenced, or NULL. */
static struct spl_kstore *get_own(struct call *c)
{
	struct spl_kstore *k = spl_handle_kstore_get(c->h);

	return IS_ERR(k) ? NULL : k;
}

static int unlink_by_name(struct call *c, bool destroy)
{
	struct spl_ioc_unlink *a = c->arg;
	char name[SPL_NAME_MAX];
	struct spl_kstore *own;
	int ret;

	if (a->flags)
		return -EOPNOTSUPP;
	if (a->reserved || !a->name_len) /* the default store is the module's */
		return -EINVAL;
	ret = get_name(name, a->name, a->name_len);
	if (ret)
		return ret;
	own = get_own(c);
	ret = spl_kstore_unlink(name, a->name_len, c->file, own, destroy);
	if (own)
		spl_kstore_put(own);
	return ret;
}

static int ioc_setattr(struct call *c)
{
	struct spl_ioc_setattr *a = c->arg;
	char name[SPL_NAME_MAX];
	struct spl_kstore *own;
	int ret;

	ret = spl_access_plan(a) ?: get_name(name, a->name, a->name_len);
	if (ret)
		return ret;
	own = get_own(c);
	ret = spl_kstore_setattr(name, a->name_len, c->file, own, a);
	if (own)
		spl_kstore_put(own);
	return ret;
}

static int ioc_unlink(struct call *c)
{
	return unlink_by_name(c, false);
}

static int ioc_destroy(struct call *c)
{
	return unlink_by_name(c, true);
}

static int ioc_geometry(struct call *c)
{
	struct spl_ioc_geometry *a = c->arg;
	struct spl_kstore *k;

	if (a->flags)
		return -EOPNOTSUPP;
	k = spl_handle_kstore_get(c->h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	a->geometry = k->plan.geometry;
	a->bytes = (u64)k->mem.nr_pages << PAGE_SHIFT;
	a->lanes_total = k->plan.lanes_total;
	a->store_id = k->id;
	a->map_bytes = k->plan.map_bytes;
	a->data_off = k->plan.data_off;
	a->chunk_pages = k->mem.nr_chunk_pages;
	a->pages = k->mem.nr_pages;
	spl_kstore_put(k);
	return reply(c);
}

static int ioc_register(struct call *c)
{
	struct spl_ioc_register *a = c->arg;
	struct spl_kstore *k;
	bool fresh;
	int ret;

	if (a->flags)
		return -EOPNOTSUPP;
	if (a->reserved)
		return -EINVAL;
	if (!is_writable(c))
		return -EBADF;
	k = spl_handle_pin(c->h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	ret = spl_slot_register(k, c->h, &a->writer, &fresh);
	if (!ret) {
		ret = reply(c);
		if (ret && fresh)
			spl_slot_unregister(k, c->h, a->writer, false);
	}
	spl_handle_unpin(c->h);
	return ret;
}

static int ioc_unregister(struct call *c)
{
	struct spl_ioc_unregister *a = c->arg;
	struct spl_kstore *k;
	int ret;

	if (a->flags & ~SPL_UNREGISTER_ALL)
		return -EOPNOTSUPP;
	if (a->reserved)
		return -EINVAL;
	k = spl_handle_pin(c->h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	ret = spl_slot_unregister(k, c->h, a->writer, a->flags & SPL_UNREGISTER_PROCESS);
	spl_handle_unpin(c->h);
	return ret;
}

static int ioc_reap(struct call *c)
{
	struct spl_ioc_reap *a = c->arg;
	struct spl_kstore *k;

	if (a->flags)
		return -EOPNOTSUPP;
	if (!is_writable(c))
		return -EBADF;
	k = spl_handle_kstore_get(c->h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	spl_slot_reap(k, a);
	spl_kstore_put(k);
	return reply(c);
}

static int ioc_check(struct call *c)
{
	struct spl_ioc_check *a = c->arg;
	struct spl_kstore *k;
	int ret;

	if (a->flags & ~SPL_CHECK_ALL)
		return -EOPNOTSUPP;
	if (a->flags & SPL_CHECK_REPAIR && !is_writable(c))
		return -EBADF;
	k = spl_handle_kstore_get(c->h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	ret = spl_kcheck(k, c->h, a->flags, &a->counts);
	spl_kstore_put(k);
	return ret ?: reply(c);
}

static int ring(struct file *file, const struct spl_ioc_ring *a)
{
	struct spl_handle *h = file->private_data;
	struct spl_kstore *k;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	k = spl_handle_kstore_own(h);
	if (k)
		return spl_signal_ring_for(k, a);
	k = spl_handle_kstore_get(h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	ret = spl_signal_ring_for(k, a);
	spl_kstore_put(k);
	return ret;
}

static int ioc_ring(struct call *c)
{
	return ring(c->file, c->arg);
}

/* A struct of the size that this module knows, copied in one go: readers wait for that. False: spl_ioctl_fetch() says why. */
static bool fetch_ring(struct spl_ioc_ring *a, const struct spl_ioc_ring __user *ubuf)
{
	if (!user_read_access_begin(ubuf, sizeof(*ubuf)))
		return false;
	unsafe_get_user(a->size, &ubuf->size, err_end);
	unsafe_get_user(a->flags, &ubuf->flags, err_end);
	unsafe_get_user(a->groups, &ubuf->groups, err_end);
	unsafe_get_user(a->bells, &ubuf->bells, err_end);
	user_read_access_end();
	return a->size == sizeof(*a);

err_end:
	user_read_access_end();
	return false;
}

static int ioc_subscribe(struct call *c)
{
	return spl_notify_subscribe(c->h, c->arg);
}

static int ioc_eventfd(struct call *c)
{
	return spl_notify_eventfd(c->h, c->arg);
}

static int ioc_wait(struct call *c)
{
	struct spl_ioc_wait __user *u = c->ubuf;
	struct spl_ioc_wait *a = c->arg;
	struct spl_kstore *k;
	int ret;

	if (a->flags & ~SPL_WAIT_ALL)
		return -EOPNOTSUPP;
	k = spl_handle_pin(c->h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	if (a->flags & SPL_WAIT_KEY)
		ret = spl_sleep_key(k, a) ?: put_user(a->epoch, &u->epoch);
	else
		ret = spl_sleep_groups(k, a);
	spl_handle_unpin(c->h);
	return ret;
}

static int ioc_channel_open(struct call *c)
{
	struct spl_kstore *k = spl_handle_kstore_get(c->h);
	int ret;

	if (IS_ERR(k))
		return PTR_ERR(k);
	ret = spl_channel_open(k, c->file, c->arg, c->ubuf, c->size);
	spl_kstore_put(k);
	return ret;
}

static int ioc_channel_list(struct call *c)
{
	struct spl_kstore *k = spl_handle_kstore_get(c->h);
	int ret;

	if (IS_ERR(k))
		return PTR_ERR(k);
	ret = list(c, k);
	spl_kstore_put(k);
	return ret;
}

static int ioc_channel_unlink(struct call *c)
{
	struct spl_ioc_unlink *a = c->arg;
	char name[SPL_NAME_MAX];
	struct spl_kstore *k;
	int ret;

	if (a->flags)
		return -EOPNOTSUPP;
	if (a->reserved || !a->name_len)
		return -EINVAL;
	ret = get_name(name, a->name, a->name_len);
	if (ret)
		return ret;
	k = spl_handle_kstore_get(c->h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	ret = spl_channel_unlink(k, name, a->name_len, c->file);
	spl_kstore_put(k);
	return ret;
}

static int ioc_channel_setattr(struct call *c)
{
	struct spl_ioc_setattr *a = c->arg;
	char name[SPL_NAME_MAX];
	struct spl_kstore *k;
	int ret;

	ret = spl_access_plan(a);
	if (ret)
		return ret;
	if (!a->name_len)
		return -EINVAL;
	ret = get_name(name, a->name, a->name_len);
	if (ret)
		return ret;
	k = spl_handle_kstore_get(c->h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	ret = spl_channel_setattr(k, name, a->name_len, c->file, a);
	spl_kstore_put(k);
	return ret;
}

static const struct ioctl_op {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	int (*fn)(struct call *c);
} ops[] = {
/* @_last: last member of the first published struct of the call; it never changes. */
#define OP(_cmd, _struct, _last, _fn)								\
	[_IOC_NR(_cmd)] = { _cmd, sizeof(struct _struct), offsetofend(struct _struct, _last), _fn }
	OP(SPL_IOC_INFO, spl_ioc_info, chunk_bytes, ioc_info),
	OP(SPL_IOC_CREATE, spl_ioc_create, store_id, ioc_create),
	OP(SPL_IOC_OPEN, spl_ioc_open, store_id, ioc_open),
	OP(SPL_IOC_LIST, spl_ioc_list, nr, ioc_list),
	OP(SPL_IOC_UNLINK, spl_ioc_unlink, reserved, ioc_unlink),
	OP(SPL_IOC_DESTROY, spl_ioc_unlink, reserved, ioc_destroy),
	OP(SPL_IOC_GEOMETRY, spl_ioc_geometry, pages, ioc_geometry),
	OP(SPL_IOC_REGISTER, spl_ioc_register, reserved, ioc_register),
	OP(SPL_IOC_UNREGISTER, spl_ioc_unregister, reserved, ioc_unregister),
	OP(SPL_IOC_REAP, spl_ioc_reap, undone, ioc_reap),
	OP(SPL_IOC_CHECK, spl_ioc_check, counts, ioc_check),
	OP(SPL_IOC_RING, spl_ioc_ring, bells, ioc_ring),
	OP(SPL_IOC_SUBSCRIBE, spl_ioc_subscribe, groups, ioc_subscribe),
	OP(SPL_IOC_EVENTFD, spl_ioc_eventfd, reserved, ioc_eventfd),
	OP(SPL_IOC_WAIT, spl_ioc_wait, deadline_ns, ioc_wait),
	OP(SPL_IOC_CHANNEL_OPEN, spl_ioc_channel_open, map_bytes, ioc_channel_open),
	OP(SPL_IOC_CHANNEL_LIST, spl_ioc_list, nr, ioc_channel_list),
	OP(SPL_IOC_CHANNEL_UNLINK, spl_ioc_unlink, reserved, ioc_channel_unlink),
	OP(SPL_IOC_CHANNEL_SETATTR, spl_ioc_setattr, reserved, ioc_channel_setattr),
	OP(SPL_IOC_SETATTR, spl_ioc_setattr, reserved, ioc_setattr),
#undef OP
};

/* The largest struct of the table. */
union any_arg {
	struct spl_ioc_info info;
	struct spl_ioc_create create;
	struct spl_ioc_open open;
	struct spl_ioc_list list;
	struct spl_ioc_unlink unlink;
	struct spl_ioc_setattr setattr;
	struct spl_ioc_geometry geometry;
	struct spl_ioc_register reg;
	struct spl_ioc_unregister unregister;
	struct spl_ioc_reap reap;
	struct spl_ioc_check check;
	struct spl_ioc_ring ring;
	struct spl_ioc_subscribe subscribe;
	struct spl_ioc_eventfd eventfd;
	struct spl_ioc_wait wait;
	struct spl_ioc_channel_open channel_open;
};

/**
 * spl_ioctl_fetch() - copy a call's struct in
 * @arg: room for @ksize bytes
 * @ksize: the module's struct
 * @min_size: what the first published one measured
 * @ubuf: the caller's
 * @size: out: what the caller says that it measures
 *
 * Return: 0, -EFAULT, -EINVAL (too short), -E2BIG (has what this module doesn't know).
 */
int spl_ioctl_fetch(void *arg, u32 ksize, u32 min_size, void __user *ubuf, u32 *size)
{
	if (get_user(*size, (u32 __user *)ubuf))
		return -EFAULT;
	if (*size < min_size)
		return -EINVAL;
	if (*size > PAGE_SIZE) /* no struct of ours will ever be that long: don't look at the bytes */
		return -E2BIG;
	return copy_struct_from_user(arg, ksize, ubuf, *size);
}

static long call(struct file *file, unsigned int cmd, void __user *ubuf)
{
	const struct ioctl_op *op;
	union any_arg any __uninitialized;
	struct call c = {
		.file = file,
		.h = file->private_data,
		.arg = &any,
		.ubuf = ubuf,
	};
	int ret;

	if (_IOC_NR(cmd) >= ARRAY_SIZE(ops))
		return -ENOTTY;
	op = &ops[array_index_nospec(_IOC_NR(cmd), ARRAY_SIZE(ops))];
	if (op->cmd != cmd)
		return -ENOTTY;
	c.ksize = op->size;
	ret = spl_ioctl_fetch(&any, op->size, op->min_size, c.ubuf, &c.size);
	return ret ?: op->fn(&c);
}

/**
 * spl_ioctl() - ioctl(2)
 * @file: the handle
 * @cmd: SPL_IOC_*
 * @arg: address of the call's struct
 *
 * Return: 0 or what uapi/splinter.h says for each call.
 */
long spl_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *ubuf = (void __user *)arg;
	struct spl_ioc_ring a;

	if (cmd == SPL_IOC_RING && fetch_ring(&a, ubuf))
		return ring(file, &a);
	return call(file, cmd, ubuf);
}
