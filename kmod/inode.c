// SPDX-License-Identifier: GPL-2.0
/*
 * inode.c - inodes without names, on a file system that nobody mounts. A store's inode is what its pages belong to, so
 * that a shared futex on them is the same one in every process; a handle's inode is what its mappings are linked to.
 */
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "kmod.h"

/* Our own: from the kernel's a process may be killed for an inode. */
static struct kmem_cache *inode_cache;

static void init_once(void *inode)
{
	inode_init_once(inode);
}

static struct inode *spl_alloc_inode(struct super_block *sb)
{
	return alloc_inode_sb(sb, inode_cache, SPL_GFP);
}

static void free_inode(struct inode *inode)
{
	kmem_cache_free(inode_cache, inode);
}

static const struct super_operations super_ops = {
	.alloc_inode = spl_alloc_inode,
	.free_inode = free_inode,
	.statfs = simple_statfs,
};

static int init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *pseudo = init_pseudo(fc, 0x53504c4e);

	if (!pseudo)
		return -ENOMEM;
	pseudo->ops = &super_ops;
	return 0;
}

/* No owner: the mount is ours, and would keep the module from ever unloading. */
static struct file_system_type spl_fs_type = {
	.name = "splinter",
	.init_fs_context = init_fs_context,
	.kill_sb = kill_anon_super,
};

static struct vfsmount *spl_mnt;
static int spl_mnt_count;

/* The pages have no other copy: dirty or not is all one. */
static const struct address_space_operations spl_aops = {
	.dirty_folio = noop_dirty_folio,
};

static void drop_cache(void)
{
	rcu_barrier(); /* inodes are freed a grace period after their end */
	kmem_cache_destroy(inode_cache);
}

/**
 * spl_inode_init() - mount the file system
 *
 * Return: 0 or -ENOMEM.
 */
int spl_inode_init(void)
{
	int ret;

	inode_cache = kmem_cache_create("splinter_inode", sizeof(struct inode), 0, SLAB_ACCOUNT,
					init_once);
	if (!inode_cache)
		return -ENOMEM;
	ret = simple_pin_fs(&spl_fs_type, &spl_mnt, &spl_mnt_count);
	if (ret)
		drop_cache();
	return ret;
}

/**
 * spl_inode_exit() - unmount it; no inode is left
 */
void spl_inode_exit(void)
{
	simple_release_fs(&spl_mnt, &spl_mnt_count);
	drop_cache();
}

/**
 * spl_inode_new() - a new inode
 * @size: bytes; beyond them no 2 MiB page is mapped (since 6.12)
 *
 * Return: the inode, for iput(), or an error pointer.
 */
struct inode *spl_inode_new(loff_t size)
{
	struct inode *inode = alloc_anon_inode(spl_mnt->mnt_sb);

	if (IS_ERR(inode))
		return inode;
	inode->i_mapping->a_ops = &spl_aops;
	i_size_write(inode, size);
	return inode;
}
