// SPDX-License-Identifier: GPL-2.0
/*
 * sysfs.c - what can be read about the module and its stores below /sys/class/misc/splinter, one value per file; see
 * Documentation/ABI/testing/sysfs-class-misc-splinter.
 */
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "kmod.h"

/* The module */

static ssize_t abi_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", SPL_ABI_VERSION);
}
static DEVICE_ATTR_RO(abi);

static ssize_t features_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "0x%llx\n", spl_features());
}
static DEVICE_ATTR_RO(features);

static ssize_t stores_count_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", spl_kstore_count(spl_ns_current()));
}
static DEVICE_ATTR_RO(stores_count);

static ssize_t gid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", spl_param_gid());
}
static DEVICE_ATTR_RO(gid);

static struct attribute *device_attrs[] = {
	&dev_attr_abi.attr,
	&dev_attr_features.attr,
	&dev_attr_stores_count.attr,
	&dev_attr_gid.attr,
	NULL,
};

static const struct attribute_group device_group = {
	.attrs = device_attrs,
};

const struct attribute_group *spl_sysfs_device_groups[] = {
	&device_group,
	NULL,
};

/* A store. Its files are gone before any of what they read. */

static struct spl_kstore *to_kstore(struct kobject *kobj)
{
	return container_of(kobj, struct spl_kstore, kobj);
}

#define STORE_ATTR(_name, _format, _value)							\
static ssize_t store_##_name##_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf) \
{												\
	struct spl_kstore *k = to_kstore(kobj);							\
												\
	return sysfs_emit(buf, _format "\n", _value);						\
}												\
static struct kobj_attribute store_##_name = __ATTR(_name, 0444, store_##_name##_show, NULL)

STORE_ATTR(linked, "%d", READ_ONCE(k->linked));
STORE_ATTR(uid, "%u", from_kuid_munged(current_user_ns(), READ_ONCE(k->owner.uid)));
STORE_ATTR(gid, "%u", from_kgid_munged(current_user_ns(), READ_ONCE(k->owner.gid)));
STORE_ATTR(mode, "0%o", READ_ONCE(k->owner.mode));
STORE_ATTR(lanes, "%llu", k->plan.geometry.lanes);
STORE_ATTR(lanes_total, "%llu", k->plan.lanes_total);
STORE_ATTR(value_max, "%u", k->plan.geometry.value_max);
STORE_ATTR(key_max, "%u", k->plan.geometry.key_max);
STORE_ATTR(max_writers, "%u", k->plan.geometry.max_writers);
STORE_ATTR(spares, "%u", k->plan.geometry.spares);
STORE_ATTR(watch, "%d", !!(k->plan.geometry.flags & SPL_GEOMETRY_WATCH));
STORE_ATTR(feed, "%u", k->plan.geometry.feed);
STORE_ATTR(node, "%d", k->plan.geometry.node);
STORE_ATTR(bytes, "%llu", (u64)k->mem.nr_pages << PAGE_SHIFT);
STORE_ATTR(pages, "%lu", k->mem.nr_pages);
STORE_ATTR(huge_pages, "%lu", k->mem.nr_chunk_pages / SPL_CHUNK_PAGES);
STORE_ATTR(handles, "%u", READ_ONCE(k->nr_handles));
STORE_ATTR(writers, "%u", READ_ONCE(k->nr_writers));
STORE_ATTR(channels, "%lu", READ_ONCE(k->nr_channels));
STORE_ATTR(reaps, "%llu", READ_ONCE(k->nr_reaped));
STORE_ATTR(reaps_finished, "%llu", READ_ONCE(k->nr_finished));
STORE_ATTR(reaps_undone, "%llu", READ_ONCE(k->nr_undone));

STORE_ATTR(rings, "%lld", atomic64_read(&k->signals->nr_rings));

static ssize_t store_sleepers_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	u64 sleepers, wakeups;

	spl_signal_count(to_kstore(kobj), &sleepers, &wakeups);
	return sysfs_emit(buf, "%llu\n", sleepers);
}

static struct kobj_attribute store_sleepers = __ATTR(sleepers, 0444, store_sleepers_show, NULL);

static ssize_t store_wakeups_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	u64 sleepers, wakeups;

	spl_signal_count(to_kstore(kobj), &sleepers, &wakeups);
	return sysfs_emit(buf, "%llu\n", wakeups);
}

static struct kobj_attribute store_wakeups = __ATTR(wakeups, 0444, store_wakeups_show, NULL);

static ssize_t store_name_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct spl_kstore *k = to_kstore(kobj);

	return sysfs_emit(buf, "%.*s\n", (int)k->name_len, k->name);
}

static struct kobj_attribute store_name = __ATTR(name, 0444, store_name_show, NULL);

static ssize_t store_policy_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	static const char * const names[] = {
		[SPL_POLICY_LOCAL] = "local",
		[SPL_POLICY_BIND] = "bind",
		[SPL_POLICY_INTERLEAVE] = "interleave",
	};

	return sysfs_emit(buf, "%s\n", names[to_kstore(kobj)->plan.geometry.policy]);
}

static struct kobj_attribute store_policy = __ATTR(policy, 0444, store_policy_show, NULL);

/* Lanes that are not in the free map: keys, and what operations under way hold. */
static ssize_t store_lanes_used_show(struct kobject *kobj, struct kobj_attribute *attr,
				     char *buf)
{
	struct spl_kstore *k = to_kstore(kobj);
	u64 nr_free = 0;
	u32 i;

	for (i = 0; i < k->view.free_words; i++) {
		nr_free += hweight64(READ_ONCE(k->view.free[i]));
		if (i % 8192)
			continue;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	nr_free = min(nr_free, k->plan.geometry.lanes); /* the map is anybody's to write */
	return sysfs_emit(buf, "%llu\n", k->plan.geometry.lanes - nr_free);
}

static struct kobj_attribute store_lanes_used =
	__ATTR(lanes_used, 0444, store_lanes_used_show, NULL);

/* Statistics that writers keep, each in its own cell. They are the writers' word, so they may be anything. */
struct sum_attr {
	struct kobj_attribute attr;
	size_t off;
};

static ssize_t sum_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	size_t off = container_of(attr, struct sum_attr, attr)->off;
	struct spl_kstore *k = to_kstore(kobj);
	u64 sum = 0;
	u32 i;

	for (i = 0; i < k->plan.geometry.max_writers; i++)
		sum += READ_ONCE(*(u64 *)((char *)&k->view.wcells[i] + off));
	return sysfs_emit(buf, "%llu\n", sum);
}

#define SUM_ATTR(_name, _member)								\
static struct sum_attr sum_##_name = {								\
	.attr = __ATTR(_name, 0444, sum_show, NULL),						\
	.off = offsetof(struct spl_wcell, _member),						\
}

SUM_ATTR(publishes, nr_publish);
SUM_ATTR(inserts, nr_insert);
SUM_ATTR(deletes, nr_delete);
SUM_ATTR(conflicts, nr_conflict);
SUM_ATTR(helps, nr_help);
SUM_ATTR(full, nr_full);
SUM_ATTR(attr_changes, nr_attr);

static struct attribute *store_attrs[] = {
	&store_name.attr,
	&store_linked.attr,
	&store_uid.attr,
	&store_gid.attr,
	&store_mode.attr,
	&store_lanes.attr,
	&store_lanes_total.attr,
	&store_lanes_used.attr,
	&store_value_max.attr,
	&store_key_max.attr,
	&store_max_writers.attr,
	&store_spares.attr,
	&store_policy.attr,
	&store_watch.attr,
	&store_feed.attr,
	&store_node.attr,
	&store_bytes.attr,
	&store_pages.attr,
	&store_huge_pages.attr,
	&store_handles.attr,
	&store_writers.attr,
	&store_channels.attr,
	&store_sleepers.attr,
	&store_rings.attr,
	&store_wakeups.attr,
	&store_reaps.attr,
	&store_reaps_finished.attr,
	&store_reaps_undone.attr,
	&sum_publishes.attr.attr,
	&sum_inserts.attr.attr,
	&sum_deletes.attr.attr,
	&sum_conflicts.attr.attr,
	&sum_helps.attr.attr,
	&sum_full.attr.attr,
	&sum_attr_changes.attr.attr,
	NULL,
};
ATTRIBUTE_GROUPS(store);

static void store_release(struct kobject *kobj)
{
	kvfree(to_kstore(kobj));
}

/* Where the folder is shown: in sysfs as mounted in this network namespace. */
static const void *store_namespace(SPL_KOBJ_ARG kobj)
{
	return container_of(kobj, struct spl_kstore, kobj)->ns->net;
}

const struct kobj_type spl_sysfs_ktype = {
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = store_groups,
	.release = store_release,
	.namespace = store_namespace,
};

/* pages_node0, pages_node1, ...: one file for each node that has memory when the module is loaded. */
struct node_attr {
	struct kobj_attribute attr;
	char name[24];
	int nid;
};

static struct node_attr *node_files;
static struct attribute **node_attrs;
static struct attribute_group node_group;

static struct kobject *stores_dir;

static const struct kobj_ns_type_operations *stores_child_ns_type(SPL_KOBJ_ARG kobj)
{
	return &net_ns_type_operations;
}

static void stores_release(struct kobject *kobj)
{
	kfree(kobj);
}

static const struct kobj_type stores_ktype = {
	.sysfs_ops = &kobj_sysfs_ops,
	.release = stores_release,
	.child_ns_type = stores_child_ns_type,
};

static ssize_t node_pages_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	int nid = container_of(attr, struct node_attr, attr)->nid;

	return sysfs_emit(buf, "%lu\n", to_kstore(kobj)->mem.node_pages[nid]);
}

static int make_node_files(void)
{
	unsigned int nr = 0;
	int nid;

	node_files = kcalloc(num_node_state(N_MEMORY), sizeof(*node_files), GFP_KERNEL);
	node_attrs = kcalloc(num_node_state(N_MEMORY) + 1, sizeof(*node_attrs), GFP_KERNEL);
	if (!node_files || !node_attrs)
		return -ENOMEM;
	for_each_node_state(nid, N_MEMORY) {
		struct node_attr *f = &node_files[nr];

		snprintf(f->name, sizeof(f->name), "pages_node%d", nid);
		sysfs_attr_init(&f->attr.attr);
		f->attr.attr.name = f->name;
		f->attr.attr.mode = 0444;
		f->attr.show = node_pages_show;
		f->nid = nid;
		node_attrs[nr++] = &f->attr.attr;
	}
	node_group.attrs = node_attrs;
	return 0;
}

static void free_node_files(void)
{
	kfree(node_attrs);
	kfree(node_files);
}

/**
 * spl_sysfs_init() - make the folder of the stores
 * @dev: the device
 *
 * Return: 0 or -ENOMEM.
 */
int spl_sysfs_init(struct device *dev)
{
	int ret = make_node_files();

	if (ret)
		goto err_free;
	stores_dir = kzalloc(sizeof(*stores_dir), GFP_KERNEL);
	if (!stores_dir) {
		ret = -ENOMEM;
		goto err_free;
	}
	ret = kobject_init_and_add(stores_dir, &stores_ktype, &dev->kobj, "stores");
	if (ret)
		goto err_put;
	return 0;

err_put:
	kobject_put(stores_dir);
err_free:
	free_node_files();
	return ret;
}

/**
 * spl_sysfs_exit() - undo spl_sysfs_init(); no store is left
 */
void spl_sysfs_exit(void)
{
	kobject_put(stores_dir);
	free_node_files();
}

/**
 * spl_sysfs_add() - show a store; kobject_del() undoes it
 * @k: the store
 *
 * Return: 0 or -ENOMEM.
 */
int spl_sysfs_add(struct spl_kstore *k)
{
	int ret = kobject_add(&k->kobj, stores_dir, "%llu", k->id);

	if (ret)
		return ret;
	ret = sysfs_create_group(&k->kobj, &node_group);
	if (ret) {
		kobject_del(&k->kobj);
		return ret;
	}
	return 0;
}
