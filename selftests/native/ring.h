/* SPDX-License-Identifier: MIT */
/* ring.h - a channel made of the inline operations alone, for tests that look behind the library. */
#ifndef _SELFTESTS_NATIVE_RING_H
#define _SELFTESTS_NATIVE_RING_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "splinter_ring.h"
#include "tap.h"

struct ring {
	struct spl_channel_info plan;
	struct spl_channel_map map;
	struct spl_tx tx;
	struct spl_rx rx;
	unsigned char *area; /* the ring twice, between pages that nobody may touch */
	size_t area_bytes;
};

static inline void ring_make(struct ring *r, __u64 capacity)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);
	unsigned char *pages;

	memset(r, 0, sizeof(*r));
	r->plan.capacity = capacity;
	MUST(fd >= 0 && !spl_channel_plan(&r->plan), "a plan");
	MUST(!ftruncate(fd, (off_t)r->plan.map_bytes), "memory");
	pages = mmap(NULL, 3 * SPL_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	r->area_bytes = 2 * capacity + 2 * SPL_PAGE_BYTES;
	r->area = mmap(NULL, r->area_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(pages != MAP_FAILED && r->area != MAP_FAILED, "memory");
	r->map.data = r->area + SPL_PAGE_BYTES;
	for (int i = 0; i < 2; i++)
		MUST(mmap(r->map.data + (size_t)i * capacity, capacity, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, fd, (off_t)r->plan.data_off) != MAP_FAILED,
		     "the ring, twice");
	close(fd);
	r->map.info = (struct spl_channel_info *)(void *)pages;
	r->map.tx = (struct spl_channel_tx *)(void *)(pages + r->plan.tx_off);
	r->map.rx = (struct spl_channel_rx *)(void *)(pages + r->plan.rx_off);
	r->map.capacity = capacity;
	MUST(!spl_tx_attach(&r->tx, &r->map) && !spl_rx_attach(&r->rx, &r->map), "both ends");
}

static inline void ring_drop(struct ring *r)
{
	munmap(r->map.info, 3 * SPL_PAGE_BYTES);
	munmap(r->area, r->area_bytes);
}

static inline __u64 ring_random(__u64 *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1dULL;
}

/* Byte @i of message @number. */
static inline unsigned char ring_byte(__u32 number, __u32 i)
{
	return (unsigned char)(number * 31 + i * 7 + (i >> 8));
}

static inline int ring_put(struct spl_tx *t, __u32 bytes, __u32 number)
{
	void *payload;
	__u32 i;
	int err = spl_tx_acquire(t, bytes, &payload);

	if (err)
		return err;
	for (i = 0; i < bytes; i++)
		((unsigned char *)payload)[i] = ring_byte(number, i);
	spl_tx_commit(t, bytes, number, ~number);
	return 0;
}

static inline int ring_send(struct spl_tx *t, __u32 bytes, __u32 number)
{
	int err = ring_put(t, bytes, number);

	if (!err)
		spl_tx_flush(t);
	return err;
}

/* 0: the next message is this one, whole; it is acquired. */
static inline int ring_take(struct spl_rx *r, __u32 bytes, __u32 number)
{
	struct spl_received m;
	__u32 i;
	int err = spl_rx_acquire(r, &m);

	if (err)
		return err;
	if (m.bytes != bytes || m.type != number || m.correlation != ~number)
		return -EILSEQ;
	for (i = 0; i < bytes; i++)
		if (((const unsigned char *)m.payload)[i] != ring_byte(number, i))
			return -EILSEQ;
	return 0;
}

static inline int ring_recv(struct spl_rx *r, __u32 bytes, __u32 number)
{
	int err = ring_take(r, bytes, number);

	if (!err)
		spl_rx_commit(r);
	return err;
}

static inline bool ring_empty(struct spl_rx *r)
{
	struct spl_received m;

	return spl_rx_acquire(r, &m) == -EAGAIN;
}

#endif /* _SELFTESTS_NATIVE_RING_H */
