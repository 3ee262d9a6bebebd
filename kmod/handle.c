// SPDX-License-Identifier: GPL-2.0
/*
 * handle.c - open files of /dev/splinter, and the store that each is attached to. Finding a store is kstore.c's.
 */
#include <linux/slab.h>

#include "kmod.h"

/**
 * spl_handle_ns() - where a handle looks for names: the network namespace of who opened it
 * @file: the handle
 *
 * Return: the namespace, not referenced: the handle keeps it.
 */
struct spl_ns *spl_handle_ns(const struct file *file)
{
	const struct spl_handle *h = file->private_data;

	return h->ns;
}

/**
 * spl_handle_open() - open(2)
 * @inode: the device's
 * @file: the new file
 *
 * A fresh handle has the default store, if there is one in the opener's network namespace.
 *
 * Return: 0 or -ENOMEM.
 */
int spl_handle_open(struct inode *inode, struct file *file)
{
	struct spl_handle *h;
	int ret;

	h = kzalloc(sizeof(*h), SPL_GFP);
	if (!h)
		return -ENOMEM;
	spin_lock_init(&h->lock);
	spl_notify_init(&h->notify);
	h->inode = spl_inode_new(MAX_LFS_FILESIZE);
	if (IS_ERR(h->inode)) {
		ret = PTR_ERR(h->inode);
		goto err_free;
	}
	h->ns = spl_ns_get(spl_ns_current());
	h->kstore = spl_kstore_attach_default(h->ns);
	file->private_data = h;
	file->f_mapping = h->inode->i_mapping;
	return 0;

err_free:
	kfree(h);
	return ret;
}

/**
 * spl_handle_release() - the last reference to the file is gone, and with it all mappings
 * @inode: the device's
 * @file: the file
 *
 * Return: 0.
 */
int spl_handle_release(struct inode *inode, struct file *file)
{
	struct spl_handle *h = file->private_data;

	spl_notify_exit(&h->notify);
	if (h->kstore) {
		/* Always: its lock also waits for a reaper that is about to unpin this handle. */
		spl_slot_release(h->kstore, h);
		spl_kstore_detach(h->kstore);
	}
	spl_ns_put(h->ns);
	iput(h->inode);
	kfree(h);
	return 0;
}

/**
 * spl_handle_kstore_get() - the store of a handle
 * @h: the handle
 *
 * Return: the store, for spl_kstore_put(), or ERR_PTR(-ENXIO).
 */
struct spl_kstore *spl_handle_kstore_get(struct spl_handle *h)
{
	struct spl_kstore *k;

	spin_lock(&h->lock);
	k = h->kstore ? spl_kstore_get(h->kstore) : ERR_PTR(-ENXIO);
	spin_unlock(&h->lock);
	return k;
}

/**
 * spl_handle_attach_begin() - from now until spl_handle_attach_end() nobody else attaches or uses this handle's store
 * @h: the handle
 *
 * Return: 0 or -EBUSY: attached by name already, or its store is in use.
 */
int spl_handle_attach_begin(struct spl_handle *h)
{
	int ret = 0;

	spin_lock(&h->lock);
	if (h->attaching || h->named || h->pins)
		ret = -EBUSY;
	else
		h->attaching = true;
	spin_unlock(&h->lock);
	return ret;
}

/**
 * spl_handle_attach_end() - attach the handle
 * @h: the handle
 * @k: the store: what spl_kstore_attach() gave is the handle's from now on; or an error pointer: all stays as it was
 */
void spl_handle_attach_end(struct spl_handle *h, struct spl_kstore *k)
{
	struct spl_kstore *old = NULL;

	spin_lock(&h->lock);
	h->attaching = false;
	if (!IS_ERR(k)) {
		old = h->kstore;
		h->kstore = k;
		/* Pairs with spl_handle_kstore_own(): the store before that it is for good. */
		smp_store_release(&h->named, true);
	}
	spin_unlock(&h->lock);
	if (old)
		spl_kstore_detach(old);
}

/**
 * spl_handle_pin() - keep the handle attached to its store
 * @h: the handle
 *
 * Return: the store, referenced by the handle until spl_handle_unpin(); -ENXIO: none; -EBUSY: it is being replaced.
 */
struct spl_kstore *spl_handle_pin(struct spl_handle *h)
{
	struct spl_kstore *k;

	spin_lock(&h->lock);
	if (h->attaching) {
		k = ERR_PTR(-EBUSY);
	} else if (!h->kstore) {
		k = ERR_PTR(-ENXIO);
	} else {
		h->pins++;
		k = h->kstore;
	}
	spin_unlock(&h->lock);
	return k;
}

/**
 * spl_handle_pin_more() - one more pin for who has one
 * @h: the handle
 */
void spl_handle_pin_more(struct spl_handle *h)
{
	spin_lock(&h->lock);
	h->pins++;
	spin_unlock(&h->lock);
}

/**
 * spl_handle_unpin() - undo spl_handle_pin() or spl_handle_pin_more()
 * @h: the handle
 */
void spl_handle_unpin(struct spl_handle *h)
{
	spin_lock(&h->lock);
	h->pins--;
	spin_unlock(&h->lock);
}
