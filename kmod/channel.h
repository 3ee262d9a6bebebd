/* SPDX-License-Identifier: GPL-2.0 */
/*
 * channel.h - what channel.c (channels: names, memory, ends) and chfile.c (channel files) share.
 *
 * References to a channel are held by its name while it is linked, by each channel file, and by an ioctl for its
 * length; the last one destroys it. It holds none to its store: a store that goes lets its channels go on without it.
 *
 * Locks
 *	spl_channels_lock	(channel.c) names, ids, to which store a channel belongs; never held while user memory is
 *				touched, and together with no other lock of ours
 *	channel->lock		(spin) who has which end, and where it is mapped; innermost, but for the wait queues
 */
#ifndef _SPL_CHANNEL_H
#define _SPL_CHANNEL_H

#include <linux/wait.h>

#include "kmod.h"
#include "splinter_channel.h"

/**
 * struct spl_end - one end of a channel
 * @wq: who sleeps at this end, pollers included; its lock protects @nr_rung and @armed
 * @nr_rung: how often it was rung for
 * @armed: since it was rung for last, @shown->asleep was set and a heavy barrier made: see chwait.c
 * @shown: its part of the info page
 * @taken: what @shown->taken is; READ_ONCE() without the lock
 * @file: who has it, or NULL; not referenced, it lets go before it goes
 * @pid: process that took it, or has it mapped; referenced
 * @mm: memory in which it is mapped for writing, or NULL; the struct is pinned (mmgrab), the memory isn't
 * @nr_maps: its mappings for writing, all of them in @mm
 *
 * From @taken on protected by the channel's lock.
 */
struct spl_end {
	wait_queue_head_t wq;
	u64 nr_rung;
	bool armed;
	struct spl_channel_end *shown;
	u64 taken;
	struct spl_chfile *file;
	struct pid *pid;
	struct mm_struct *mm;
	unsigned int nr_maps;
};

/**
 * struct spl_channel - a channel
 * @refs: see the top of this file
 * @id: never 0, never used twice
 * @owner: whose it is, and what others may (spl_channels_lock)
 * @plan: sizes and offsets: the truth that nothing mapped can change
 * @mem: the info page and the ring
 * @tx_page: the producer's
 * @rx_page: the consumer's
 * @info: the info page as the kernel writes it
 * @tx: the producer's page: any bytes
 * @rx: the consumer's page: any bytes
 * @kstore: whose it is, or NULL: gone (spl_channels_lock)
 * @linked: has its name (spl_channels_lock)
 * @name_node: in the table of names while @linked
 * @nr_files: open channel files
 * @lock: see above
 * @ends: by SPL_CHANNEL_TX and SPL_CHANNEL_RX; [0] is unused
 * @name_len: bytes of @name
 * @name: not terminated
 */
struct spl_channel {
	refcount_t refs;
	u64 id;
	struct spl_owner owner;
	struct spl_channel_info plan;
	struct spl_mem mem;
	struct page *tx_page;
	struct page *rx_page;
	struct spl_channel_info *info;
	struct spl_channel_tx *tx;
	struct spl_channel_rx *rx;

	struct spl_kstore *kstore;
	bool linked;
	struct hlist_node name_node;
	atomic_t nr_files;

	spinlock_t lock; /* see above */
	struct spl_end ends[3];

	u32 name_len;
	char name[SPL_NAME_MAX];
};

/**
 * struct spl_chfile - an open channel file
 * @ch: referenced
 * @role: SPL_CHANNEL_NONE also after the end was lost (the channel's lock; READ_ONCE() without)
 * @may: roles that may be asked of it
 */
struct spl_chfile {
	struct spl_channel *ch;
	u32 role;
	u32 may;
};

static inline struct spl_end *spl_channel_end(struct spl_channel *ch, u32 role)
{
	return &ch->ends[role];
}

static inline struct spl_end *spl_channel_peer(struct spl_channel *ch, u32 role)
{
	return &ch->ends[SPL_CHANNEL_TX + SPL_CHANNEL_RX - role];
}

/* channel.c */
struct spl_channel *spl_channel_get(struct spl_channel *ch);
void spl_channel_put(struct spl_channel *ch);
int spl_channel_take(struct spl_chfile *cf, u32 role);
void spl_channel_let_go(struct spl_chfile *cf);
struct page *spl_channel_page(const struct spl_channel *ch, pgoff_t pgoff);

/* chfile.c */
struct file *spl_chfile_new(struct spl_channel *ch, u32 role, u32 may);

/* chwait.c */
int spl_chwait_wait(struct spl_chfile *cf, const struct spl_ioc_channel_wait *a);
int spl_chwait_ring(struct spl_chfile *cf);
__poll_t spl_chwait_poll(struct spl_chfile *cf, struct file *file, struct poll_table_struct *pt);

#endif /* _SPL_CHANNEL_H */
