// SPDX-License-Identifier: MIT
/*
 * signal.c - groups and what is bound to them, waiting, keys by label: the inline operations behind stable functions. How
 * one sleeps and wakes is the backends'. The change feed is feed.c's.
 */
#include <string.h>

#include "internal.h"

/* The library's records are the kernel's, without a copy. */
_Static_assert(sizeof(struct splk_group_count) == sizeof(struct spl_group_count) &&
		       offsetof(struct splk_group_count, count) ==
			       offsetof(struct spl_group_count, count) &&
		       sizeof(struct splk_pulses) == sizeof(struct spl_pulses) &&
		       offsetof(struct splk_pulses, pulses) == offsetof(struct spl_pulses, pulses),
	       "records are passed on");

static inline uint32_t narrow(size_t n)
{
	return spl_likely(n <= UINT32_MAX) ? (uint32_t)n : UINT32_MAX;
}

/* Called by ring_if_due() only; what can't be woken now is due again after the next change. */
void ring_due(struct splk_store *store, struct spl_writer *w, const struct spl_counters *due)
{
	int saved = errno;

	if (!store->backend->ring(store, due))
		spl_ring_done(w);
	errno = saved;
}

int splk_watch(struct splk_store *store, const void *key, size_t klen, uint64_t set, uint64_t clear,
	       uint64_t *old)
{
	struct spl_writer *w;
	__u64 was = 0;
	int err = 0;

	if (set | clear) {
		w = writer_get(store, &err);
		if (!w)
			return err;
		err = spl_watch(w, key, narrow(klen), set, clear, &was);
	} else {
		err = spl_watch_get(&store->view, key, narrow(klen), &was);
	}
	if (!err && old)
		*old = was;
	return err;
}

/* Bindings beside those of keys are words of their own: may this handle change one, and what was it? */
static int bind_check(struct splk_store *store, uint64_t change, const __u64 *word, uint64_t *old)
{
	if (change && store->read_only)
		return -EBADF;
	if (old)
		*old = spl_load(word);
	return 0;
}

int splk_label_bind(struct splk_store *store, uint32_t label, uint64_t set, uint64_t clear,
		    uint64_t *old)
{
	int err;

	if (label >= SPL_LABELS)
		return -EINVAL;
	err = bind_check(store, set | clear, &store->view.signal->label_groups[label], old);
	if (!err && (set | clear))
		err = spl_label_bind(&store->view, label, set, clear);
	return err;
}

int splk_keys_bind(struct splk_store *store, uint64_t set, uint64_t clear, uint64_t *old)
{
	int err = bind_check(store, set | clear, &store->view.signal->keys_groups, old);

	if (!err && (set | clear))
		spl_keys_bind(&store->view, set, clear);
	return err;
}

int splk_feed_bind(struct splk_store *store, uint64_t set, uint64_t clear, uint64_t *old)
{
	int err = store->view.feed_bytes ? 0 : -EOPNOTSUPP;

	if (!err)
		err = bind_check(store, set | clear, &store->view.signal->feed_groups, old);
	if (!err && (set | clear))
		spl_feed_bind(&store->view, set, clear);
	return err;
}

int splk_signal(struct splk_store *store, uint64_t groups)
{
	int err = 0;
	struct spl_writer *w = writer_get(store, &err);

	if (spl_unlikely(!w))
		return err;
	spl_signal(w, groups);
	ring_if_due(store, w);
	return 0;
}

int splk_group_count(struct splk_store *store, uint32_t group, uint64_t *count)
{
	__u64 now = 0;
	int err = spl_group_count(&store->view, group, &now);

	if (!err)
		*count = now;
	return err;
}

int groups_moved(struct splk_store *store, struct splk_group_count *counts, uint32_t n)
{
	struct splk_group_count now[SPL_GROUPS];
	int moved = 0;
	__u64 count = 0;
	uint32_t i;

	for (i = 0; i < n; i++) {
		now[i] = counts[i];
		(void)spl_group_count(&store->view, now[i].group, &count);
		now[i].count = count;
		moved += now[i].count != counts[i].count;
	}
	if (moved)
		memcpy(counts, now, n * sizeof(*counts));
	return moved;
}

int key_moved(struct splk_store *store, const void *key, uint32_t klen, uint64_t *epoch)
{
	struct spl_meta meta = { 0 };
	int err = spl_stat(&store->view, key, klen, &meta);

	if (err == -ENOENT)
		meta.epoch = 0;
	else if (err)
		return err;
	if (meta.epoch == *epoch)
		return 0;
	*epoch = meta.epoch;
	return 1;
}

int splk_wait_groups(struct splk_store *store, struct splk_group_count *counts, size_t n,
		     uint64_t deadline, uint32_t flags)
{
	int moved;
	size_t i;

	if (!n || n > SPL_GROUPS || (flags & ~SPLK_WAIT_ALL))
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (counts[i].group >= SPL_GROUPS || counts[i].reserved)
			return -EINVAL;
	moved = groups_moved(store, counts, (uint32_t)n);
	if (moved)
		return moved;
	if (!deadline)
		return -ETIMEDOUT;
	return store->backend->wait_groups(store, counts, (uint32_t)n, deadline, flags);
}

int splk_wait_key(struct splk_store *store, const void *key, size_t klen, uint64_t *epoch,
		  uint64_t deadline, uint32_t flags)
{
	int r;

	if (flags & ~SPLK_WAIT_ALL)
		return -EINVAL;
	r = key_moved(store, key, narrow(klen), epoch);
	if (!r)
		r = deadline ? store->backend->wait_key(store, key, narrow(klen), epoch, deadline,
							flags)
			     : -ETIMEDOUT;
	return r > 0 ? 0 : r;
}

int splk_subscribe(struct splk_store *store, uint64_t groups)
{
	return store->backend->subscribe(store, groups);
}

long splk_pulses(struct splk_store *store, struct splk_pulses *pulses, size_t n)
{
	return store->backend->pulses(store, pulses, n);
}

int splk_eventfd_bind(struct splk_store *store, int fd, uint64_t groups)
{
	return store->backend->eventfd(store, fd, groups, 0);
}

int splk_eventfd_unbind(struct splk_store *store, int fd, uint64_t groups)
{
	return store->backend->eventfd(store, fd, groups, SPL_EVENTFD_UNBIND);
}

long splk_next_labelled(struct splk_store *store, uint64_t *cursor, uint64_t mask, uint64_t are,
			void *key, size_t cap, struct splk_meta *meta, uint64_t *labels)
{
	unsigned char buf[SPL_KEY_MAX];
	__u64 at = *cursor, all = 0;
	struct spl_meta m = { 0 };
	long r = spl_next_labelled(&store->view, &at, mask, are, buf, &m, &all);

	if (r > 0 && (size_t)r > cap)
		return -EMSGSIZE;
	if (r >= 0)
		*cursor = at;
	if (r <= 0)
		return r;
	memcpy(key, buf, (size_t)r);
	if (meta)
		meta_tell(meta, &m);
	if (labels)
		*labels = all;
	return r;
}
