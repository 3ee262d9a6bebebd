/* SPDX-License-Identifier: MIT */
/*
 * channel.h - what the tests of channels share: files, mappings and ends with little typing, and calls that return
 * negative errors. It uses the module's calls and splinter_ring.h, not the library.
 */
#ifndef SPL_TEST_CHANNEL_H
#define SPL_TEST_CHANNEL_H

#include "device.h"
#include "passing.h"
#include "splinter_ring.h"
#include <poll.h>
#include <sys/epoll.h>

#define TX SPL_CHANNEL_TX
#define RX SPL_CHANNEL_RX
#define NONE SPL_CHANNEL_NONE
#define MAY_ALL SPL_CHANNEL_MAY_ALL
#define CREATE SPL_CHANNEL_CREATE
#define LATE_S 60 /* nothing here takes that long unless a wake-up was lost */

static UNUSED struct spl_ioc_channel_open channel_arg(const char *name, __u32 flags, __u64 capacity,
						      __u32 role, __u32 may)
{
	struct spl_ioc_channel_open o = {
		.size = sizeof(o),
		.flags = flags,
		.name = (uintptr_t)name,
		.name_len = name ? strlen(name) : 0,
		.mode = flags & CREATE ? 0600 : 0,
		.capacity = capacity,
		.role = role,
		.may = may,
	};

	return o;
}

/* A channel file, or an error. */
static UNUSED int channel_open(int handle, const char *name, __u32 flags, __u64 capacity,
			       __u32 role, __u32 may)
{
	struct spl_ioc_channel_open o = channel_arg(name, flags, capacity, role, may);
	int ret = call(handle, SPL_IOC_CHANNEL_OPEN, &o);

	return ret ? ret : o.fd;
}

static UNUSED int channel_attach(int fd, __u32 role, __u32 may)
{
	struct spl_ioc_channel_attach a = { .size = sizeof(a), .role = role, .may = may };
	int ret = call(fd, SPL_IOC_CHANNEL_ATTACH, &a);

	return ret ? ret : a.fd;
}

static UNUSED struct spl_ioc_channel_info channel_info(int fd)
{
	struct spl_ioc_channel_info i = { .size = sizeof(i) };

	if (ioctl(fd, SPL_IOC_CHANNEL_INFO, &i))
		memset(&i, 0xff, sizeof(i));
	return i;
}

static UNUSED __u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static UNUSED int channel_wait(int fd, __u64 position, __u64 deadline_ns)
{
	struct spl_ioc_channel_wait w = { .size = sizeof(w),
					  .position = position,
					  .deadline_ns = deadline_ns };

	return call(fd, SPL_IOC_CHANNEL_WAIT, &w);
}

static UNUSED int channel_ring(int fd)
{
	struct spl_ioc_channel_ring r = { .size = sizeof(r) };

	return call(fd, SPL_IOC_CHANNEL_RING, &r);
}

static UNUSED int channel_unlink(int handle, const char *name)
{
	return by_name(handle, SPL_IOC_CHANNEL_UNLINK, name);
}

/* A channel file and its mapping. */
struct end {
	int fd;
	char *base;
	__u64 bytes;
	struct spl_channel_map map;
	struct spl_tx tx;
	struct spl_rx rx;
};

static UNUSED int map_over(struct end *e, __u64 off, __u64 bytes)
{
	void *p = mmap(e->base + off, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, e->fd,
		       off);

	return p == MAP_FAILED ? -errno : 0;
}

/* Maps all that the file's role allows. */
static UNUSED int end_map(struct end *e, int fd)
{
	struct spl_ioc_channel_info i = channel_info(fd);
	struct spl_channel_info *info;
	int ret = 0;

	memset(e, 0, sizeof(*e));
	e->fd = fd;
	e->bytes = i.map_bytes + i.capacity;
	e->base = mmap(NULL, e->bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (e->base == MAP_FAILED)
		return -errno;
	info = (void *)e->base;
	if (i.role == TX) {
		ret = map_over(e, info->tx_off, 4096);
		if (!ret)
			ret = map_over(e, info->data_off, 2 * info->capacity);
	} else if (i.role == RX) {
		ret = map_over(e, info->rx_off, 4096);
	}
	if (ret)
		return ret;
	e->map.info = info;
	e->map.tx = (void *)(e->base + info->tx_off);
	e->map.rx = (void *)(e->base + info->rx_off);
	e->map.data = (unsigned char *)e->base + info->data_off;
	e->map.capacity = info->capacity;
	if (i.role == TX)
		ret = spl_tx_attach(&e->tx, &e->map);
	else if (i.role == RX)
		ret = spl_rx_attach(&e->rx, &e->map);
	return ret;
}

static UNUSED int end_open(struct end *e, int handle, const char *name, __u32 flags, __u64 capacity,
			   __u32 role)
{
	int fd = channel_open(handle, name, flags, capacity, role, MAY_ALL);

	return fd < 0 ? fd : end_map(e, fd);
}

static UNUSED void end_close(struct end *e)
{
	munmap(e->base, e->bytes);
	close(e->fd);
}

static UNUSED __u64 late(void)
{
	return clock_ns() + LATE_S * 1000000000ULL;
}

/* Sends a message of @n bytes, the first 8 of them @value; sleeps for space. */
static UNUSED int end_send(struct end *e, __u64 value, __u32 n)
{
	void *p;
	int ret;

	if (spl_channel_gone(spl_load(&e->map.info->rx.taken)))
		return -EPIPE;
	for (;;) {
		ret = spl_tx_acquire(&e->tx, n, &p);
		if (ret != -EAGAIN)
			break;
		ret = channel_wait(e->fd, spl_tx_want(&e->tx, n), late());
		if (ret)
			return ret;
	}
	if (ret)
		return ret;
	memcpy(p, &value, n < 8 ? n : 8);
	if (n > 8)
		memset((char *)p + 8, (char)value, n - 8);
	spl_tx_commit(&e->tx, n, (__u32)value, 0);
	if (spl_tx_flush(&e->tx))
		return channel_ring(e->fd);
	return 0;
}

/* Receives one; sleeps. Its bytes are checked. */
static UNUSED int end_recv(struct end *e, __u64 *value)
{
	struct spl_received m;
	__u32 i;
	int ret;

	for (;;) {
		ret = spl_rx_acquire(&e->rx, &m);
		if (ret != -EAGAIN)
			break;
		ret = channel_wait(e->fd, e->rx.next, late());
		if (ret)
			return ret;
	}
	if (ret)
		return ret;
	*value = 0;
	memcpy(value, m.payload, m.bytes < 8 ? m.bytes : 8);
	if (m.type != (__u32)*value)
		return -EPROTO;
	for (i = 8; i < m.bytes; i++)
		if (((const char *)m.payload)[i] != (char)*value)
			return -EPROTO;
	if (spl_rx_commit(&e->rx))
		return channel_ring(e->fd);
	return 0;
}

#endif
