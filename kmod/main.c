// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - loads and unloads the module: its parameters, its device, the default store.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "kmod.h"

static bool default_store = true;
module_param(default_store, bool, 0444);
MODULE_PARM_DESC(default_store, "make the default store (default: 1)");

static unsigned long lanes = 16384;
module_param(lanes, ulong, 0444);
MODULE_PARM_DESC(lanes, "keys that the default store holds (default: 16384)");

static unsigned int value_max = 1024;
module_param(value_max, uint, 0444);
MODULE_PARM_DESC(value_max, "bytes of the default store's longest value (default: 1024)");

static unsigned int key_max;
module_param(key_max, uint, 0444);
MODULE_PARM_DESC(key_max, "bytes of the default store's longest key (default: 64)");

static unsigned int max_writers;
module_param(max_writers, uint, 0444);
MODULE_PARM_DESC(max_writers, "threads that may write to the default store at one time (default: 64)");

static bool watch = true;
module_param(watch, bool, 0444);
MODULE_PARM_DESC(watch, "keys of the default store can be bound to groups: 37 bytes a key (default: 1)");

static unsigned int feed;
module_param(feed, uint, 0444);
MODULE_PARM_DESC(feed, "changes that each writer of the default store keeps for the change feed, a power of two; 0: none (default: 0)");

static int node = -1;
module_param(node, int, 0444);
MODULE_PARM_DESC(node, "NUMA node of the default store's pages, -1: the one where the module is loaded (default: -1)");

static ushort mode = 0660;
module_param(mode, ushort, 0444);
MODULE_PARM_DESC(mode, "permission bits of /dev/splinter, octal with a leading 0 (default: 0660)");

static unsigned int gid;
module_param(gid, uint, 0444);
MODULE_PARM_DESC(gid, "group that udev shall give /dev/splinter to (default: 0)");

/**
 * spl_param_gid() - the parameter gid
 *
 * Return: a group id.
 */
u32 spl_param_gid(void)
{
	return gid;
}

/* True when the device may be opened: all that an open file needs is there. */
static bool ready;

static int main_open(struct inode *inode, struct file *file)
{
	if (!smp_load_acquire(&ready)) /* pairs with init's last step */
		return -ENODEV;
	return spl_handle_open(inode, file);
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.open = main_open,
	.release = spl_handle_release,
	.mmap = spl_map_mmap,
	.poll = spl_notify_poll,
	.read = spl_notify_read,
	.get_unmapped_area = thp_get_unmapped_area,
	.unlocked_ioctl = spl_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "splinter",
	.fops = &fops,
	.groups = spl_sysfs_device_groups,
};

/* Built before anybody can open the device, so that what is likely to fail fails without an opener to wait for. */
static struct spl_kstore *build_default_store(void)
{
	struct spl_geometry want = {
		.lanes = lanes,
		.value_max = value_max,
		.key_max = key_max,
		.max_writers = max_writers,
		.policy = node == -1 ? SPL_POLICY_LOCAL : SPL_POLICY_BIND,
		.node = node,
		.flags = watch ? SPL_GEOMETRY_WATCH : 0,
		.feed = feed,
	};
	struct spl_kstore *k;
	struct spl_info plan;
	int ret;

	ret = spl_kstore_plan(&want, &plan);
	if (ret)
		return ERR_PTR(ret);
	k = spl_kstore_create(spl_ns_initial(), "", 0, mode, &plan, current_cred());
	if (!IS_ERR(k))
		k->owner.gid = make_kgid(&init_user_ns, gid);
	return k;
}

static int __init main_init(void)
{
	struct spl_kstore *k = NULL;
	int ret;

	if (mode & ~0666) {
		pr_err("splinter: mode=0%o is not within 0666\n", mode);
		return -EINVAL;
	}
	device.mode = mode;
	ret = spl_inode_init();
	if (ret)
		return ret;
	ret = spl_ns_init();
	if (ret)
		goto err_inode;
	if (default_store) {
		k = build_default_store();
		if (IS_ERR(k)) {
			ret = PTR_ERR(k);
			pr_err("splinter: can't make the default store: error %d\n", ret);
			goto err_ns;
		}
	}
	ret = misc_register(&device);
	if (ret)
		goto err_store;
	ret = spl_sysfs_init(device.this_device);
	if (ret)
		goto err_misc;
	if (k) {
		ret = spl_kstore_publish(k, 0);
		if (ret)
			goto err_sysfs;
	}
	smp_store_release(&ready, true); /* pairs with main_open() */
	return 0;

err_sysfs:
	spl_sysfs_exit();
err_misc:
	misc_deregister(&device);
err_store:
	if (k)
		spl_kstore_abandon(k);
err_ns:
	spl_ns_exit();
err_inode:
	spl_inode_exit();
	return ret;
}

static void __exit main_exit(void)
{
	spl_ns_exit();
	spl_clock_exit();
	spl_sysfs_exit();
	misc_deregister(&device);
	spl_inode_exit();
}

module_init(main_init);
module_exit(main_exit);

MODULE_DESCRIPTION("Splinter: a key/value store that processes share at memory speed");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
