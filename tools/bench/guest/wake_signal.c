// SPDX-License-Identifier: MIT
/*
 * wake_signal.c - setting a key of a store wakes who sleeps because of it: by epoll, on a handle subscribed to the key's
 * group or on an eventfd bound to it; in the wait call, on the group or on the key. Through the library, in two processes.
 */
#include <errno.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "guest.h"
#include "splinterk.h"
#include "wake.h"

#define STORE "bench-wake"

/* A key for each way of sleeping, and a group of the same number: so that each wakes one sleeper. */
enum way { WAIT_GROUP, SUBSCRIBED, EVENTFD, WAIT_KEY, WAYS };

static struct splk_store *store; /* in each process, its own handle */
static int ep_subscribed, eventfd_fd, ep_eventfd;
static struct splk_group_count known = { .group = WAIT_GROUP };
static uint64_t epoch;

static void must(int err, const char *what)
{
	if (err >= 0)
		return;
	errno = -err;
	die(what);
}

static void publish(unsigned char key)
{
	static uint64_t value;

	value++;
	must(splk_set(store, &key, 1, &value, sizeof(value), 0, NULL), "set");
}

static void group_wake(void)
{
	publish(WAIT_GROUP);
}

static void group_sleep(void)
{
	must(splk_wait_groups(store, &known, 1, SPLK_FOREVER, 0), "wait for a group");
}

static void subscribed_wake(void)
{
	publish(SUBSCRIBED);
}

static void subscribed_sleep(void)
{
	epoll_sleep(ep_subscribed);
}

static void subscribed_drain(void)
{
	struct splk_pulses pulses;

	must((int)splk_pulses(store, &pulses, 1), "pulses");
}

static void eventfd_wake(void)
{
	publish(EVENTFD);
}

static void eventfd_sleep(void)
{
	epoll_sleep(ep_eventfd);
}

static void eventfd_drain(void)
{
	uint64_t n;

	if (read(eventfd_fd, &n, 8) != 8)
		die("eventfd");
}

static void key_wake(void)
{
	publish(WAIT_KEY);
}

static void key_sleep(void)
{
	const unsigned char key = WAIT_KEY;

	must(splk_wait_key(store, &key, 1, &epoch, SPLK_FOREVER, 0), "wait for a key");
}

void signal_make(void)
{
	struct splk_options o = {
		.size = sizeof(o),
		.flags = SPLK_CREATE | SPLK_EXCL,
		.geometry = { .lanes = 1000, .value_max = 64, .flags = SPL_GEOMETRY_WATCH },
	};
	unsigned char key;

	must(splk_open(STORE, &o, &store), "store (is the module loaded?)");
	for (key = 0; key < WAYS; key++) {
		publish(key);
		/* Who waits for a key needs no binding. */
		if (key != WAIT_KEY)
			must(splk_watch(store, &key, 1, 1ULL << key, 0, NULL), "watch");
	}
}

void signal_reader(void)
{
	const struct splk_options o = { .size = sizeof(o), .flags = SPLK_READ_ONLY };
	const unsigned char key = WAIT_KEY;

	must(splk_open(STORE, &o, &store), "store");
	must(splk_group_count(store, WAIT_GROUP, &known.count), "count");
	must(splk_epoch(store, &key, 1, &epoch), "epoch");
	must(splk_subscribe(store, 1ULL << SUBSCRIBED), "subscribe");
	ep_subscribed = epoll_make(splk_fd(store));
	eventfd_fd = eventfd(0, EFD_CLOEXEC);
	if (eventfd_fd < 0)
		die("eventfd");
	must(splk_eventfd_bind(store, eventfd_fd, 1ULL << EVENTFD), "bind an eventfd");
	ep_eventfd = epoll_make(eventfd_fd);
}

void signal_end(void)
{
	must(splk_unlink(STORE, NULL, 0), "unlink");
}

const struct subject by_group = { group_wake, group_sleep, NULL };
const struct subject by_group_epoll = { subscribed_wake, subscribed_sleep, subscribed_drain };
const struct subject by_group_eventfd = { eventfd_wake, eventfd_sleep, eventfd_drain };
const struct subject by_key = { key_wake, key_sleep, NULL };
