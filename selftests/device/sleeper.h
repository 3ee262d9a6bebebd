/* SPDX-License-Identifier: MIT */
/*
 * sleeper.h - what the tests of signals share: a store with a writer that rings only when it must, the calls that sleep
 * with little typing, and threads that sleep in them. Calls return negative errors. No library: the module's calls.
 */
#ifndef SPL_TEST_SLEEPER_H
#define SPL_TEST_SLEEPER_H

#include "device.h"
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>

#define LATE_S 60 /* nothing takes that long unless a wake-up was lost */
#define FOREVER SPL_WAIT_FOREVER

/* A key; the compiler would warn of lengths that, it thinks, the literal can't have. */
static UNUSED const char *literal(const char *key)
{
	__asm__("" : "+r"(key));
	return key;
}

/* A store, mapped, and the calling thread as its writer. */
struct desk {
	char name[40];
	int fd;
	__u64 id;
	struct mapped m;
	struct spl_writer w;
	int rings; /* calls of SPL_IOC_RING */
};

static UNUSED struct spl_geometry watchable(__u64 lanes)
{
	struct spl_geometry g = small(lanes);

	g.flags = SPL_GEOMETRY_WATCH;
	return g;
}

/* The calling thread becomes a writer, through a handle of its own. */
static UNUSED int desk_join(struct desk *d, const char *name)
{
	int ret;

	if (d->name != name)
		snprintf(d->name, sizeof(d->name), "%s", name);
	d->rings = 0;
	d->fd = open_named(d->name, O_RDWR);
	if (d->fd < 0)
		return d->fd;
	d->id = geometry(d->fd).store_id;
	ret = map_store(d->fd, PROT_READ | PROT_WRITE, &d->m);
	if (!ret)
		ret = reg(d->fd);
	return ret < 0 ? ret : spl_writer_init(&d->w, &d->m.s, ret);
}

static UNUSED int desk_open(struct desk *d, const char *prefix, struct spl_geometry g)
{
	int fd, ret;

	snprintf(d->name, sizeof(d->name), "%s%d", prefix, getpid());
	fd = open_new(d->name, g);
	if (fd < 0)
		return fd;
	ret = desk_join(d, d->name);
	close(fd);
	return ret;
}

static UNUSED void desk_leave(struct desk *d)
{
	unmap_store(&d->m);
	close(d->fd);
}

static UNUSED void desk_close(struct desk *d)
{
	unlink_store(d->name);
	desk_leave(d);
}

static UNUSED int ring(int fd, __u64 groups, __u64 bells)
{
	struct spl_ioc_ring r = { .size = sizeof(r), .groups = groups, .bells = bells };

	return call(fd, SPL_IOC_RING, &r);
}

/* What a writer does after each change. */
static UNUSED int ring_if_due(struct desk *d)
{
	struct spl_counters to;
	int ret;

	if (!spl_ring_due(&d->w, &to))
		return 0;
	ret = ring(d->fd, to.groups, to.bells);
	spl_ring_done(&d->w);
	d->rings++;
	return ret;
}

static UNUSED long set_only(struct desk *d, const char *key, __u64 value)
{
	return spl_set(&d->w, literal(key), strlen(key), &value, sizeof(value), 0, NULL);
}

static UNUSED long set(struct desk *d, const char *key, __u64 value)
{
	long ret = set_only(d, key, value);

	return ret < 0 ? ret : ring_if_due(d);
}

static UNUSED int del(struct desk *d, const char *key)
{
	int ret = spl_delete(&d->w, literal(key), strlen(key));

	return ret < 0 ? ret : ring_if_due(d);
}

static UNUSED int watch(struct desk *d, const char *key, __u64 groups)
{
	return spl_watch(&d->w, literal(key), strlen(key), groups, 0, NULL);
}

static UNUSED int pulse(struct desk *d, __u64 groups)
{
	spl_signal(&d->w, groups);
	return ring_if_due(d);
}

static UNUSED __u64 count(struct desk *d, __u32 group)
{
	__u64 n = 0;

	spl_group_count(&d->m.s, group, &n);
	return n;
}

static UNUSED __u64 epoch(struct desk *d, const char *key)
{
	struct spl_meta meta;

	return spl_stat(&d->m.s, literal(key), strlen(key), &meta) ? 0 : meta.epoch;
}

static UNUSED __u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static UNUSED __u64 in_ms(unsigned int ms)
{
	return clock_ns() + ms * 1000000ULL;
}

static UNUSED int wait_counts(int fd, struct spl_group_count *counts, __u32 nr, __u64 deadline)
{
	struct spl_ioc_wait w = {
		.size = sizeof(w), .counts = (uintptr_t)counts, .nr = nr, .deadline_ns = deadline
	};

	return call(fd, SPL_IOC_WAIT, &w);
}

/* On success *@known is the present count. */
static UNUSED int wait_group(int fd, __u32 group, __u64 *known, __u64 deadline)
{
	struct spl_group_count c = { .group = group, .count = *known };
	int ret = wait_counts(fd, &c, 1, deadline);

	*known = c.count;
	return ret;
}

static UNUSED int wait_key(int fd, const char *key, __u64 *known, __u64 deadline)
{
	struct spl_ioc_wait w = { .size = sizeof(w),
				  .flags = SPL_WAIT_KEY,
				  .klen = strlen(key),
				  .key = (uintptr_t)key,
				  .epoch = *known,
				  .deadline_ns = deadline };
	int ret = call(fd, SPL_IOC_WAIT, &w);

	*known = w.epoch;
	return ret;
}

static UNUSED int subscribe(int fd, __u64 groups)
{
	struct spl_ioc_subscribe s = { .size = sizeof(s), .groups = groups };

	return call(fd, SPL_IOC_SUBSCRIBE, &s);
}

static UNUSED int bind_eventfd(int fd, int efd, __u64 groups, __u32 flags)
{
	struct spl_ioc_eventfd e = {
		.size = sizeof(e), .fd = efd, .groups = groups, .flags = flags
	};

	return call(fd, SPL_IOC_EVENTFD, &e);
}

/* The events of poll(), or an error. */
static UNUSED int polled(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ret = poll(&p, 1, timeout_ms);

	return ret < 0 ? -errno : ret ? p.revents : 0;
}

static UNUSED long read_records(int fd, struct spl_pulses *rec, int nr)
{
	long ret = read(fd, rec, nr * sizeof(*rec));

	return ret < 0 ? -errno : ret / (long)sizeof(*rec);
}

static UNUSED int handle_on(const char *name, int flags, __u64 groups)
{
	int fd = open_named(name, flags), ret;

	if (fd < 0)
		return fd;
	ret = subscribe(fd, groups);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

static UNUSED int nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* Waits until as many places in queues count on being rung. */
static UNUSED bool asleep(struct desk *d, long long nr)
{
	double late = now_s() + LATE_S;

	while (sysfs_number(d->id, "sleepers") != nr) {
		if (now_s() > late)
			return false;
		usleep(1000);
	}
	return true;
}

/* A thread that sleeps until something isn't as it knew it, and what came of it. */
struct sleeper {
	pthread_t thread;
	int fd;
	const char *key; /* or NULL: */
	__u32 group;
	__u64 known, deadline;
	int ret;
};

static UNUSED void *sleeper_run(void *arg)
{
	struct sleeper *z = arg;

	z->ret = z->key ? wait_key(z->fd, z->key, &z->known, z->deadline)
			: wait_group(z->fd, z->group, &z->known, z->deadline);
	return NULL;
}

static UNUSED void sleeper_start(struct sleeper *z)
{
	if (!z->deadline)
		z->deadline = FOREVER;
	z->ret = 1;
	pthread_create(&z->thread, NULL, sleeper_run, z);
}

static UNUSED int sleeper_end(struct sleeper *z)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += LATE_S;
	if (pthread_timedjoin_np(z->thread, NULL, &ts))
		return -ETIME;
	return z->ret;
}

#endif
