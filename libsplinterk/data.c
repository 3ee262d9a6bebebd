// SPDX-License-Identifier: MIT
/* data.c - keys and values: the inline operations behind stable functions. Attributes are attr.c's. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

_Static_assert(SPLK_ABSENT == SPL_SET_ABSENT && SPLK_PRESENT == SPL_SET_PRESENT,
	       "flags are passed on");

/* The library's batches are the inline operations', without a copy. */
_Static_assert(sizeof(struct splk_io) == sizeof(struct spl_io) &&
		       offsetof(struct splk_io, key) == offsetof(struct spl_io, key) &&
		       offsetof(struct splk_io, buf) == offsetof(struct spl_io, buf) &&
		       offsetof(struct splk_io, klen) == offsetof(struct spl_io, klen) &&
		       offsetof(struct splk_io, len) == offsetof(struct spl_io, cap) &&
		       offsetof(struct splk_io, result) == offsetof(struct spl_io, result) &&
		       sizeof(int64_t) == sizeof(long),
	       "struct splk_io is struct spl_io");

/* Lengths are narrowed here: what is over these is over key_max or value_max. */
static inline uint32_t narrow(size_t n)
{
	return spl_likely(n <= UINT32_MAX) ? (uint32_t)n : UINT32_MAX;
}

long splk_get(struct splk_store *store, const void *key, size_t klen, void *buf, size_t cap,
	      struct splk_meta *meta)
{
	struct spl_meta m = { 0 };
	long r;

	if (!meta)
		return spl_get(&store->view, key, narrow(klen), buf, narrow(cap), NULL);
	r = spl_get(&store->view, key, narrow(klen), buf, narrow(cap), &m);
	if (r >= 0 || (r == -EMSGSIZE && klen <= store->view.key_max))
		meta_tell(meta, &m);
	return r;
}

long splk_get_alloc(struct splk_store *store, const void *key, size_t klen, void **value,
		    struct splk_meta *meta)
{
	uint32_t cap, tries = 0;
	unsigned char *buf;
	long r = splk_size(store, key, klen);

	while (r >= 0) {
		/* A value that keeps outgrowing its buffer ends at room for any. */
		cap = ++tries < 8 ? (uint32_t)r : store->view.value_max;
		buf = malloc((size_t)cap + 1);
		if (!buf)
			return -ENOMEM;
		r = splk_get(store, key, klen, buf, cap, meta);
		if (r >= 0) {
			buf[r] = 0;
			*value = buf;
			return r;
		}
		free(buf);
		if (r == -EMSGSIZE && tries < 9)
			r = splk_size(store, key, klen);
	}
	return r;
}

long splk_size(struct splk_store *store, const void *key, size_t klen)
{
	return spl_get(&store->view, key, narrow(klen), NULL, 0, NULL);
}

int splk_exists(struct splk_store *store, const void *key, size_t klen)
{
	return spl_exists(&store->view, key, narrow(klen));
}

int splk_epoch(struct splk_store *store, const void *key, size_t klen, uint64_t *epoch)
{
	struct spl_meta m = { 0 };
	int r = spl_stat(&store->view, key, narrow(klen), &m);

	if (!r)
		*epoch = m.epoch;
	return r;
}

int splk_times(struct splk_store *store, const void *key, size_t klen, uint64_t *ctime_ns,
	       uint64_t *mtime_ns)
{
	struct spl_meta m = { 0 };
	int r = spl_stat(&store->view, key, narrow(klen), &m);

	if (!r && ctime_ns)
		*ctime_ns = m.ctime_ns;
	if (!r && mtime_ns)
		*mtime_ns = m.mtime_ns;
	return r;
}

long splk_view(struct splk_store *store, const void *key, size_t klen, struct splk_view *view)
{
	struct spl_view v = { 0 };
	long r = spl_view(&store->view, key, narrow(klen), &v);

	if (r < 0)
		return r;
	memset(view, 0, sizeof(*view));
	view->ptr = v.ptr;
	view->len = v.meta.vlen;
	meta_tell(&view->meta, &v.meta);
	view->token[0] = (uintptr_t)v.lane;
	view->token[1] = v.seq;
	return r;
}

int splk_view_valid(struct splk_store *store, const struct splk_view *view)
{
	struct spl_view v = { .lane = (const struct spl_lane *)(uintptr_t)view->token[0],
			      .seq = view->token[1] };

	(void)store;
	return v.lane ? spl_view_valid(&v) : 0;
}

void splk_view_release(struct splk_store *store, struct splk_view *view)
{
	(void)store;
	memset(view, 0, sizeof(*view));
}

size_t splk_get_many(struct splk_store *store, struct splk_io *io, size_t n)
{
	size_t good = 0, part;

	for (; n; n -= part, io += part) {
		part = n < 1U << 30 ? n : 1U << 30;
		good += spl_get_many(&store->view, (struct spl_io *)io, (uint32_t)part);
	}
	return good;
}

long splk_next(struct splk_store *store, uint64_t *cursor, const void *prefix, size_t plen,
	       void *key, size_t cap, struct splk_meta *meta)
{
	unsigned char buf[SPL_KEY_MAX];
	struct spl_meta m = { 0 };
	__u64 at = *cursor, before;
	long r;

	if (plen && !prefix)
		return -EINVAL;
	for (;;) {
		before = at;
		r = spl_next(&store->view, &at, buf, sizeof(buf), &m);
		if (r > 0 && ((size_t)r < plen || (plen && memcmp(buf, prefix, plen))))
			continue;
		if (r > 0 && (size_t)r > cap) {
			*cursor = before;
			return -EMSGSIZE;
		}
		*cursor = at;
		if (r <= 0)
			return r;
		memcpy(key, buf, (size_t)r);
		if (meta)
			meta_tell(meta, &m);
		return r;
	}
}

/*
 * A full embedded store may be full of what dead writers hold: one lane each. Looked for once a second, since a full store
 * may be somebody's normal state, and looking costs system calls. The kernel does it by itself for the device.
 */
static spl_noinline bool room_again(struct splk_store *store)
{
	struct splk_reaped reaped = { .size = sizeof(reaped) };
	uint64_t now_s = spl_clock_ns() / 1000000000ULL;

	if (store->info->backend != SPL_BACKEND_EMBEDDED ||
	    __atomic_exchange_n(&store->reap_s, now_s, __ATOMIC_RELAXED) == now_s)
		return false;
	return !store->backend->reap(store, &reaped) && reaped.writers;
}

#define RETRY_FULL(store, r, call)                                     \
	do {                                                           \
		(r) = (call);                                          \
		if (spl_unlikely((r) == -ENOSPC) && room_again(store)) \
			(r) = (call);                                  \
	} while (0)

int splk_set(struct splk_store *store, const void *key, size_t klen, const void *value, size_t vlen,
	     uint32_t flags, struct splk_meta *meta)
{
	struct spl_meta m = { 0 };
	int err = 0;
	struct spl_writer *w = writer_get(store, &err);
	long r;

	if (spl_unlikely(!w))
		return err;
	if (spl_unlikely(flags == SPLK_SET_ALL || (vlen && !value)))
		return -EINVAL;
	RETRY_FULL(store, r,
		   spl_set(w, key, narrow(klen), vlen ? value : "", narrow(vlen), flags,
			   meta ? &m : NULL));
	ring_if_due(store, w);
	if (r < 0)
		return (int)r;
	if (meta)
		meta_tell(meta, &m);
	return 0;
}

int splk_set_epoch(struct splk_store *store, const void *key, size_t klen, const void *value,
		   size_t vlen, uint64_t epoch, struct splk_meta *meta)
{
	struct spl_meta m = { 0 };
	int err = 0;
	struct spl_writer *w = writer_get(store, &err);
	long r;

	if (spl_unlikely(!w))
		return err;
	if (spl_unlikely(vlen && !value))
		return -EINVAL;
	r = spl_set_epoch(w, key, narrow(klen), vlen ? value : "", narrow(vlen), epoch, &m);
	ring_if_due(store, w);
	if (r < 0)
		return (int)r;
	if (meta)
		meta_tell(meta, &m);
	return 0;
}

int splk_delete(struct splk_store *store, const void *key, size_t klen)
{
	int err = 0;
	struct spl_writer *w = writer_get(store, &err);

	if (spl_unlikely(!w))
		return err;
	err = spl_delete(w, key, narrow(klen));
	ring_if_due(store, w);
	return err;
}

long splk_append(struct splk_store *store, const void *key, size_t klen, const void *data,
		 size_t len, uint32_t flags, struct splk_meta *meta)
{
	struct spl_meta m = { 0 };
	int err = 0;
	struct spl_writer *w = writer_get(store, &err);
	long r;

	if (spl_unlikely(!w))
		return err;
	if (spl_unlikely(len && !data))
		return -EINVAL;
	RETRY_FULL(store, r,
		   spl_append(w, key, narrow(klen), len ? data : "", narrow(len), flags, &m));
	ring_if_due(store, w);
	if (r >= 0 && meta)
		meta_tell(meta, &m);
	return r;
}

int splk_bump(struct splk_store *store, const void *key, size_t klen, struct splk_meta *meta)
{
	struct spl_meta m = { 0 };
	int err = 0;
	struct spl_writer *w = writer_get(store, &err);

	if (spl_unlikely(!w))
		return err;
	err = spl_bump(w, key, narrow(klen), &m);
	ring_if_due(store, w);
	if (!err && meta)
		meta_tell(meta, &m);
	return err;
}

size_t splk_set_many(struct splk_store *store, struct splk_io *io, size_t n, uint32_t flags)
{
	int err = 0;
	struct spl_writer *w = writer_get(store, &err);
	size_t i, part, good = 0;

	if (w && flags == SPLK_SET_ALL)
		err = -EINVAL;
	if (err) {
		for (i = 0; i < n; i++)
			io[i].result = err;
		return 0;
	}
	for (; n; n -= part, io += part) {
		part = n < 1U << 30 ? n : 1U << 30;
		good += spl_set_many(w, (struct spl_io *)io, (uint32_t)part, flags);
	}
	if (w)
		ring_if_due(store, w);
	return good;
}
