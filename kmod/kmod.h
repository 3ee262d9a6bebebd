/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kmod.h - what the files of splinter.ko share: the kernel's objects, their locks and references.
 *
 * Objects
 *	store	struct spl_kstore; referenced by its name while it is linked, by each handle attached to it, and for
 *		the length of an ioctl that uses it. The last reference destroys it: memory, sysfs folder and all.
 *	handle	struct spl_handle; an open file. Mappings hold the file, so a handle outlives its mappings.
 *	ns	struct spl_ns; what is ours of a network namespace. Referenced by that, by each handle opened in it, and by each
 *		store made in it. Nothing of ours refers to the network namespace itself.
 *	slot	struct spl_slot; the kernel's own truth about one writer cell.
 *
 * Locks, outermost first
 *	handle->notify.change	one change of what a handle tells; no user memory is touched under it
 *	mmap_lock		(the kernel's) held when a mapping is made or goes
 *	ns->lock		folders of sysfs, against the end of the namespace; files there take neither this nor the next
 *	spl_kstores_lock	names, ids, attach counts, owners and modes; never held while user memory is touched
 *	kstore->writers_lock	slots, and the right to reap
 *	handle->notify.lock	(spin) what a handle tells
 *	handle->lock		(spin) which store the handle is attached to, and what keeps it so
 *	queues' locks		(spin, interrupts off) who sleeps on a counter, see signal.h
 *	clock's lock		(spin) list of stores whose clock runs
 * spl_kstores_lock and writers_lock are never held together; nor is handle->lock with one below it. marks_lock of a store
 * nests in check_lock and in nothing else. The locks of channels are channel.h's: the one that sleeps
 * is never held together with one of these, the other is innermost.
 */
#ifndef _SPL_KMOD_H
#define _SPL_KMOD_H

#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "signal.h"
#include "splinter_store.h"

#define SPL_CHUNK_ORDER 9
#define SPL_CHUNK_PAGES BIT(SPL_CHUNK_ORDER)

/* For all that a caller makes the module keep: charged to him, and rather ENOMEM than a process killed for it. */
#define SPL_GFP (GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

struct net;
struct spl_handle;
struct spl_chfile;

/**
 * struct spl_mem - the pages of a store; constant from creation to destruction
 * @inode: identity of the pages for shared futexes; no file refers to it
 * @pages: the info page, then the data in order
 * @nr_pages: entries of @pages
 * @nr_chunk_pages: how many of them are part of 2 MiB chunks
 * @first: page offset of pages[1] in a mapping
 * @end: page offset behind the last page
 * @node_pages: pages per NUMA node, nr_node_ids entries
 * @info: the info page as the kernel writes it
 * @data: the data as one range of kernel addresses
 */
struct spl_mem {
	struct inode *inode;
	struct page **pages;
	unsigned long nr_pages;
	unsigned long nr_chunk_pages;
	pgoff_t first;
	pgoff_t end;
	unsigned long *node_pages;
	struct spl_info *info;
	void *data;
};

/**
 * struct spl_self_map - a struct spl_self page and the mappings of it
 * @page: the page
 * @idx: the writer cell that it tells, while @registered
 * @registered: its slot refers to it; false once the registration ended before the mapping did
 * @nr_maps: mappings (two while mremap() moves one)
 *
 * All but @page is protected by writers_lock.
 */
struct spl_self_map {
	struct page *page;
	u32 idx;
	bool registered;
	unsigned int nr_maps;
};

/**
 * struct spl_slot - who has a writer cell
 * @handle: through which it registered; NULL: the slot is free
 * @pid: the thread; referenced
 * @mm: the memory that it registered with; the struct is pinned (mmgrab), the memory isn't
 * @self: its own page, if mapped
 * @gone: registration ended while it couldn't be reaped: a repair was running
 */
struct spl_slot {
	struct spl_handle *handle;
	struct pid *pid;
	struct mm_struct *mm;
	struct spl_self_map *self;
	bool gone;
};

/**
 * struct spl_ns - what is ours of a network namespace
 * @refs: see the top of this file
 * @net: the namespace: a number to compare, never followed, for it may be gone
 * @user_ns: who owns it: what a capability has to be for; referenced
 * @lock: see above; protects @shown
 * @shown: stores that have a folder in sysfs
 * @ended: the namespace is gone: no store gets a name any more (spl_kstores_lock, and @lock to change it)
 * @by_id: published stores that have their name; an index is reserved while a store is under construction
 *	(spl_kstores_lock)
 * @nr_linked: how many are published (spl_kstores_lock)
 */
struct spl_ns {
	refcount_t refs;
	const struct net *net;
	struct user_namespace *user_ns;
	struct mutex lock; /* see above */
	struct list_head shown;
	bool ended;
	struct xarray by_id;
	unsigned long nr_linked;
};

/**
 * struct spl_owner - whose a store or a channel is
 * @uid: owner
 * @gid: group
 * @mode: permission bits
 */
struct spl_owner {
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
};

/**
 * struct spl_kstore - a store
 * @kobj: its folder in sysfs; releasing it frees the struct
 * @refs: see the top of this file
 * @ns: where it was made; referenced
 * @id: never 0, never used twice
 * @owner: whose it is, and what others may (spl_kstores_lock; READ_ONCE() of a member without)
 * @plan: geometry and layout: the truth that nothing mapped can change
 * @mem: its pages
 * @view: what the operations of uapi/ work on
 * @built: completes when creation succeeded or failed
 * @name_node: in the table of names while @linked
 * @live: published: creation can't fail any more (spl_kstores_lock)
 * @linked: has its name (spl_kstores_lock)
 * @shown: in the namespace's list while @kobj is added, otherwise empty (ns->lock)
 * @nr_handles: handles attached (spl_kstores_lock)
 * @writers_lock: protects @slots to @nr_undone, and all reaping
 * @slots: one per writer cell
 * @nr_writers: slots in use
 * @repairing: a repair runs, nothing may be registered or reaped
 * @nr_reaped: dead writers reaped
 * @nr_finished: operations of theirs that had happened
 * @nr_undone: operations of theirs that had not
 * @reap_work: looks for dead writers while there are any writers
 * @clock_node: in the list of stores whose clock runs (clock's lock)
 * @check_lock: one check at a time; nests outside writers_lock
 * @signals: who sleeps
 * @channels: its channels by their ids; not referenced, they leave before they go (spl_channels_lock)
 * @nr_channels: how many
 * @name_len: bytes of @name
 * @name: not terminated
 */
struct spl_kstore {
	struct kobject kobj;
	refcount_t refs;
	struct spl_ns *ns;
	u64 id;
	struct spl_owner owner;
	struct spl_info plan;
	struct spl_mem mem;
	struct spl_store view;

	struct completion built;
	struct hlist_node name_node;
	bool live;
	bool linked;
	struct list_head shown;
	unsigned int nr_handles;

	struct mutex writers_lock; /* see above */
	struct spl_slot *slots;
	unsigned int nr_writers;
	bool repairing;
	u64 nr_reaped;
	u64 nr_finished;
	u64 nr_undone;
	struct delayed_work reap_work;
	struct list_head clock_node;

	struct mutex check_lock; /* see above */

	struct spl_signals *signals;

	struct xarray channels;
	unsigned long nr_channels;

	u32 name_len;
	char name[SPL_NAME_MAX];
};

/**
 * struct spl_handle - an open file of /dev/splinter
 * @ns: the network namespace of its opener; referenced
 * @inode: what its mappings are linked to; of its own, so that attaching to a store doesn't change f_mapping
 * @notify: what it tells: subscription and eventfds
 * @lock: protects the members below
 * @kstore: the store that it is attached to, or NULL; referenced
 * @named: attached by name: for good; smp_load_acquire() without the lock
 * @attaching: an ioctl is about to attach it; nothing may be pinned
 * @pins: mappings, registered writers, a subscription, eventfds, and calls that make one or sleep: the store stays
 *	while there are any
 */
struct spl_handle {
	struct spl_ns *ns;
	struct inode *inode;
	struct spl_notify notify;
	spinlock_t lock; /* see above */
	struct spl_kstore *kstore;
	bool named;
	bool attaching;
	unsigned int pins;
};

/**
 * spl_handle_kstore_own() - the store of a handle, if it is its for good
 * @h: the handle, whose file the caller holds
 *
 * Return: the store, which stays without a reference of the caller's; NULL: spl_handle_kstore_get() tells.
 */
static inline struct spl_kstore *spl_handle_kstore_own(const struct spl_handle *h)
{
	/* Pairs with spl_handle_attach_end(). */
	return smp_load_acquire(&h->named) ? h->kstore : NULL;
}

/* What a group has been pulsed. (T): by acquire, so that who is told of a pulse sees what it tells of. */
static inline u64 spl_pulse_count(const struct spl_kstore *k, u32 group)
{
	return spl_load_acquire(&k->view.signal->group[group].count);
}

/* main.c */
u32 spl_param_gid(void);

/* handle.c */
struct spl_ns *spl_handle_ns(const struct file *file);
int spl_handle_open(struct inode *inode, struct file *file);
int spl_handle_release(struct inode *inode, struct file *file);
struct spl_kstore *spl_handle_kstore_get(struct spl_handle *h);
int spl_handle_attach_begin(struct spl_handle *h);
void spl_handle_attach_end(struct spl_handle *h, struct spl_kstore *k);
struct spl_kstore *spl_handle_pin(struct spl_handle *h);
void spl_handle_pin_more(struct spl_handle *h);
void spl_handle_unpin(struct spl_handle *h);

/* ioctl.c */
long spl_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
u64 spl_features(void);
int spl_ioctl_fetch(void *arg, u32 ksize, u32 min_size, void __user *ubuf, u32 *size);

/* name.c */
int spl_name_check(const char *name, u32 len);

/* ns.c */
int spl_ns_init(void);
void spl_ns_exit(void);
struct spl_ns *spl_ns_of(const struct net *net);
struct spl_ns *spl_ns_current(void);
struct spl_ns *spl_ns_initial(void);
struct spl_ns *spl_ns_get(struct spl_ns *ns);
void spl_ns_put(struct spl_ns *ns);

/* access.c */
bool spl_access_owns(const struct file *file, const struct spl_owner *o);
int spl_access_check(const struct file *file, const struct spl_owner *o, umode_t want);
int spl_access_plan(const struct spl_ioc_setattr *a);
int spl_access_change(const struct file *file, struct spl_owner *o,
		      const struct spl_ioc_setattr *a);

/* Who reads without the lock gets each member as it was before or after. */
static inline void spl_access_set(struct spl_owner *o, const struct spl_owner *to)
{
	WRITE_ONCE(o->uid, to->uid);
	WRITE_ONCE(o->gid, to->gid);
	WRITE_ONCE(o->mode, to->mode);
}

/* kstore.c */
struct spl_kstore *spl_kstore_create(struct spl_ns *ns, const char *name, u32 len, umode_t mode,
				     const struct spl_info *plan, const struct cred *cred);
int spl_kstore_plan(const struct spl_geometry *want, struct spl_info *plan);
int spl_kstore_publish(struct spl_kstore *k, unsigned int nr_handles);
void spl_kstore_abandon(struct spl_kstore *k);
struct spl_kstore *spl_kstore_attach(const char *name, u32 len, const struct file *file,
				     const struct spl_geometry *want);
struct spl_kstore *spl_kstore_attach_default(struct spl_ns *ns);
void spl_kstore_detach(struct spl_kstore *k);
struct spl_kstore *spl_kstore_get(struct spl_kstore *k);
void spl_kstore_put(struct spl_kstore *k);
int spl_kstore_unlink(const char *name, u32 len, const struct file *file,
		      const struct spl_kstore *own, bool destroy);
u32 spl_kstore_entry(struct spl_ns *ns, u64 *cursor, struct spl_store_entry *entry);
unsigned long spl_kstore_count(const struct spl_ns *ns);
void spl_kstore_end(struct spl_ns *ns);
int spl_kstore_setattr(const char *name, u32 len, const struct file *file, struct spl_kstore *own,
		       const struct spl_ioc_setattr *a);

/* A list record with the longest name. */
#define SPL_ENTRY_MAX ALIGN(sizeof(struct spl_store_entry) + SPL_NAME_MAX, 8)

/* mem.c */
int spl_mem_create(struct spl_mem *mem, const struct spl_info *plan);
void spl_mem_destroy(struct spl_mem *mem);
struct page *spl_mem_page(const struct spl_mem *mem, pgoff_t pgoff);
u64 spl_mem_bytes_max(void);

/* inode.c */
int spl_inode_init(void);
void spl_inode_exit(void);
struct inode *spl_inode_new(loff_t size);

/* map.c */
int spl_map_mmap(struct file *file, struct vm_area_struct *vma);
vm_fault_t spl_map_fault(struct vm_fault *vmf, struct page *page);
#ifdef CONFIG_NUMA
struct mempolicy *spl_map_get_policy(SPL_GET_POLICY_ARGS);
#endif

/* slot.c */
int spl_slot_init(struct spl_kstore *k);
void spl_slot_exit(struct spl_kstore *k);
int spl_slot_register(struct spl_kstore *k, struct spl_handle *h, u32 *idx, bool *fresh);
int spl_slot_unregister(struct spl_kstore *k, const struct spl_handle *h, u32 idx, bool process);
struct spl_self_map *spl_slot_self_map(struct spl_kstore *k, struct spl_handle *h);
void spl_slot_self_open(struct spl_kstore *k, struct spl_self_map *self);
void spl_slot_self_close(struct spl_kstore *k, struct spl_self_map *self);
void spl_slot_mm_exit(struct spl_kstore *k, const struct mm_struct *mm);
void spl_slot_release(struct spl_kstore *k, const struct spl_handle *h);
void spl_slot_reap(struct spl_kstore *k, struct spl_ioc_reap *res);
int spl_slot_quiesce(struct spl_kstore *k, const struct spl_handle *h);
void spl_slot_resume(struct spl_kstore *k);

/* clock.c */
void spl_clock_start(struct spl_kstore *k);
void spl_clock_stop(struct spl_kstore *k);
void spl_clock_exit(void);
u64 spl_clock_deadline(u64 ns);

/* check.c */
int spl_kcheck(struct spl_kstore *k, const struct spl_handle *h, u32 flags,
	       struct spl_check_counts *counts);

/* channel.c */
int spl_channel_open(struct spl_kstore *k, const struct file *handle,
		     struct spl_ioc_channel_open *a, void __user *ubuf, u32 size);
int spl_channel_attach(struct spl_chfile *from, struct spl_ioc_channel_attach *a,
		       void __user *ubuf, u32 size);
int spl_channel_unlink(struct spl_kstore *k, const char *name, u32 len, const struct file *handle);
int spl_channel_setattr(struct spl_kstore *k, const char *name, u32 len, const struct file *handle,
			const struct spl_ioc_setattr *a);
u32 spl_channel_entry(struct spl_kstore *k, const struct file *handle, u64 *cursor,
		      struct spl_channel_entry *entry);
void spl_channel_orphan(struct spl_kstore *k);

/* A list record with the longest name. */
#define SPL_CHANNEL_ENTRY_MAX ALIGN(sizeof(struct spl_channel_entry) + SPL_NAME_MAX, 8)

/* signal.c */
int spl_signal_init(struct spl_kstore *k);
void spl_signal_exit(struct spl_kstore *k);
void spl_signal_ring(struct spl_kstore *k, u64 groups, u64 bells);
int spl_signal_ring_for(struct spl_kstore *k, const struct spl_ioc_ring *a);
void spl_signal_ring_owed(struct spl_kstore *k, struct spl_wcell *cell);
void spl_signal_count(struct spl_kstore *k, u64 *sleepers, u64 *wakeups);

/* sleep.c */
int spl_sleep_groups(struct spl_kstore *k, const struct spl_ioc_wait *a);
int spl_sleep_key(struct spl_kstore *k, struct spl_ioc_wait *a);
void spl_sleep_hold(struct spl_kstore *k);
void spl_sleep_release(struct spl_kstore *k);

/* notify.c */
void spl_notify_init(struct spl_notify *n);
void spl_notify_exit(struct spl_notify *n);
__poll_t spl_notify_poll(struct file *file, struct poll_table_struct *pt);
ssize_t spl_notify_read(struct file *file, char __user *buf, size_t bytes, loff_t *pos);
int spl_notify_subscribe(struct spl_handle *h, const struct spl_ioc_subscribe *a);
int spl_notify_eventfd(struct spl_handle *h, const struct spl_ioc_eventfd *a);

/* sysfs.c */
extern const struct attribute_group *spl_sysfs_device_groups[];
extern const struct kobj_type spl_sysfs_ktype;
int spl_sysfs_init(struct device *dev);
void spl_sysfs_exit(void);
int spl_sysfs_add(struct spl_kstore *k);

#endif /* _SPL_KMOD_H */
