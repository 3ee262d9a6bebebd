/* SPDX-License-Identifier: MIT */
/*
 * splinterk_signal.h - groups, waiting, the change feed, and keys by label. Part of splinterk.h, whose rules hold here too.
 */
#ifndef _SPLINTERK_SIGNAL_H
#define _SPLINTERK_SIGNAL_H

#include <stddef.h>
#include <stdint.h>

#include "splinter.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: rules of signals
 *
 * A store has 64 groups, each of which counts pulses. Keys (their watch mask), labels, the coming and going of keys, and
 * the change feed are bound to groups; a change pulses each group that it concerns once, after it can be seen. Masks of
 * groups and of labels have bit n for number n.
 *
 * A change makes a system call only if somebody sleeps on a group that it pulsed, or waits for its key. Who sleeps is
 * always woken by the change itself; no function looks from time to time. A process that is killed between a change and
 * the wake-up: the kernel wakes in its place; of an embedded store, whoever reaps.
 *
 * Deadlines are times of CLOCK_MONOTONIC in nanoseconds; splk_after() makes one of a duration. 0, and every time that has
 * passed: look, but don't sleep. SPLK_FOREVER: none. When a signal's handler has run, a call goes on to the same deadline,
 * unless it was given SPLK_INTERRUPTIBLE.
 *
 * The device's sleepers may have read-only handles. An embedded store's write that they sleep: with a read-only handle
 * they get EBADF.
 */

struct splk_store;
struct splk_meta;

#define SPLK_FOREVER (~0ULL)

/* Of functions that wait: EINTR when a signal's handler ran. (Device: of one that was installed without SA_RESTART.) */
#define SPLK_INTERRUPTIBLE (1U << 0)
#define SPLK_WAIT_ALL SPLK_INTERRUPTIBLE

/**
 * splk_after() - the deadline that lies so far ahead
 * @ns: nanoseconds from now
 *
 * Return: the deadline; SPLK_FOREVER if it can't be told.
 */
uint64_t splk_after(uint64_t ns);

/**
 * splk_watch() - bind a key to groups, or take it off them
 * @store: handle of a store with SPL_GEOMETRY_WATCH
 * @key: key; must exist
 * @klen: its bytes
 * @set: mask of groups to add
 * @clear: mask of groups to take off; one that is in both is added
 * @old: NULL, or out: the key's groups before
 *
 * From the call on every change of the key's value or labels pulses its groups, and so does its end, with which the
 * binding ends. With @set and @clear both 0 it only tells, also through a read-only handle. Any thread.
 *
 * Return: 0, or -EOPNOTSUPP (a store without SPL_GEOMETRY_WATCH), -ENOENT, -EMSGSIZE, -EINVAL, -EBADF, -EUSERS, -EAGAIN,
 * -EBADMSG.
 */
int splk_watch(struct splk_store *store, const void *key, size_t klen, uint64_t set, uint64_t clear,
	       uint64_t *old);

/**
 * splk_label_bind() - bind a label to groups, or take it off them
 * @store: handle
 * @label: its number, 0 to 63
 * @set: mask of groups to add
 * @clear: mask of groups to take off; one that is in both is added
 * @old: NULL, or out: the label's groups just before
 *
 * Changes of all keys that have the label, or get or lose it, pulse its groups. With @set and @clear both 0 it only
 * tells, also through a read-only handle. Any thread.
 *
 * Return: 0, or -EINVAL (no such label), -EBADF.
 */
int splk_label_bind(struct splk_store *store, uint32_t label, uint64_t set, uint64_t clear,
		    uint64_t *old);

/**
 * splk_keys_bind() - bind the coming and going of keys to groups
 * @store: handle
 * @set: mask of groups to add
 * @clear: mask of groups to take off; one that is in both is added
 * @old: NULL, or out: the groups just before
 *
 * Every insert and every delete pulses them. With @set and @clear both 0 it only tells, also through a read-only
 * handle. Any thread.
 *
 * Return: 0, or -EBADF.
 */
int splk_keys_bind(struct splk_store *store, uint64_t set, uint64_t clear, uint64_t *old);

/**
 * splk_feed_bind() - bind the change feed to groups, so that who follows it can sleep
 * @store: handle of a store with a change feed
 * @set: mask of groups to add
 * @clear: mask of groups to take off; one that is in both is added
 * @old: NULL, or out: the groups just before
 *
 * Every record pulses them, beside what its change pulses: best a group of its own. With @set and @clear both 0 it only
 * tells, also through a read-only handle. Any thread.
 *
 * Return: 0, or -EOPNOTSUPP (no change feed), -EBADF.
 */
int splk_feed_bind(struct splk_store *store, uint64_t set, uint64_t clear, uint64_t *old);

/**
 * splk_signal() - pulse groups without changing a key
 * @store: handle
 * @groups: mask of groups
 *
 * Any thread.
 *
 * Return: 0, or -EBADF, -EUSERS, -EBUSY, -ENOMEM.
 */
int splk_signal(struct splk_store *store, uint64_t groups);

/**
 * splk_group_count() - how often a group was pulsed
 * @store: handle
 * @group: its number, 0 to 63
 * @count: out: its counter; wraps
 *
 * Who sees a pulse counted sees the change that made it. No system call. Any thread.
 *
 * Return: 0, or -EINVAL (no such group).
 */
int splk_group_count(struct splk_store *store, uint32_t group, uint64_t *count);

/**
 * struct splk_group_count - a group and its count
 * @group: its number, 0 to 63
 * @reserved: 0
 * @count: its count
 */
struct splk_group_count {
	uint32_t group;
	uint32_t reserved;
	uint64_t count;
};

/**
 * splk_wait_groups() - sleep until one of some groups was pulsed
 * @store: handle
 * @counts: in: groups, and their counts as the caller knows them, reserved 0; out: the counts as they are
 * @n: how many, 1 to 64
 * @deadline: see above
 * @flags: 0 or SPLK_INTERRUPTIBLE
 *
 * Read the counts, look at what they stand for, then wait for them to be others: so nothing is missed that is pulsed in
 * between. What differs already is told at once, without a system call. Any thread, and any number at one time.
 *
 * Return: how many of the counts are others, 1 or more; or -ETIMEDOUT, -EINTR (SPLK_INTERRUPTIBLE), -EINVAL (no such group,
 * @n, a flag), -EBADF (embedded, read-only), -EOPNOTSUPP (embedded, several groups: Linux before 5.16). On an error
 * @counts is as it was.
 */
int splk_wait_groups(struct splk_store *store, struct splk_group_count *counts, size_t n,
		     uint64_t deadline, uint32_t flags);

/**
 * splk_wait_key() - sleep until a key has another epoch, comes or goes
 * @store: handle
 * @key: key
 * @klen: its bytes
 * @epoch: in: its epoch as the caller knows it, 0: there is no such key; out: as it is, 0: it is gone
 * @deadline: see above
 * @flags: 0 or SPLK_INTERRUPTIBLE
 *
 * Needs no binding and no SPL_GEOMETRY_WATCH. A key that was deleted and made again has another epoch than it ever had.
 * Labels have no epoch: for them bind the key. Any thread, and any number at one time. Embedded: a key that was waited
 * for once costs its writers a little more until it is deleted.
 *
 * Return: 0, or -ETIMEDOUT, -EINTR (SPLK_INTERRUPTIBLE), -EMSGSIZE, -EINVAL, -EBADF (embedded, read-only), -ENOMEM (device),
 * -EAGAIN, -EBADMSG. On an error @epoch is as it was.
 */
int splk_wait_key(struct splk_store *store, const void *key, size_t klen, uint64_t *epoch,
		  uint64_t deadline, uint32_t flags);

/**
 * splk_subscribe() - which groups poll(2) and splk_pulses() of this handle are about (device only)
 * @store: handle; splk_fd() is what poll, select and epoll take
 * @groups: mask of groups; 0: none
 *
 * The descriptor is readable while a group was pulsed that splk_pulses() hasn't told; with edge-triggered epoll, call
 * that until -EAGAIN (O_NONBLOCK). What was pulsed before the call isn't told. Any thread.
 *
 * Return: 0, or -EOPNOTSUPP (an embedded store), -ENOMEM.
 */
int splk_subscribe(struct splk_store *store, uint64_t groups);

/**
 * struct splk_pulses - what splk_pulses() tells of a group
 * @group: its number
 * @reserved: 0
 * @pulses: since it was last told, 1 or more
 */
struct splk_pulses {
	uint32_t group;
	uint32_t reserved;
	uint64_t pulses;
};

/**
 * splk_pulses() - which subscribed groups were pulsed, and how often (device only)
 * @store: handle
 * @pulses: out: a record for each such group: number, pulses since it was last told
 * @n: room for so many, 1 or more; 64 is always enough
 *
 * Sleeps while there are none, unless the descriptor has O_NONBLOCK. What one thread is told, others aren't.
 *
 * Return: number of records; -EAGAIN (O_NONBLOCK, none), -EINTR, -EINVAL (@n is 0, no subscription), -EOPNOTSUPP (an
 * embedded store).
 */
long splk_pulses(struct splk_store *store, struct splk_pulses *pulses, size_t n);

/**
 * splk_eventfd_bind() - signal an eventfd when groups are pulsed (device only)
 * @store: handle; the binding ends with it
 * @fd: an eventfd; its other descriptors, also in other processes, are signalled as well
 * @groups: mask of groups, not 0
 *
 * The eventfd says that groups were pulsed, not how often. While it is bound, every pulse of its groups makes a system
 * call. Any thread.
 *
 * Return: 0, or -EINVAL (not an eventfd; no groups), -EBADF, -ENOSPC (1024 bindings), -ENOMEM, -EOPNOTSUPP (an embedded
 * store).
 */
int splk_eventfd_bind(struct splk_store *store, int fd, uint64_t groups);

/**
 * splk_eventfd_unbind() - take groups off an eventfd (device only)
 * @store: the handle that bound it
 * @fd: the eventfd
 * @groups: mask of groups, not 0
 *
 * Any thread.
 *
 * Return: 0, or -ENOENT (through this handle it is bound to none of them), -EINVAL, -EBADF, -EOPNOTSUPP.
 */
int splk_eventfd_unbind(struct splk_store *store, int fd, uint64_t groups);

/**
 * splk_next_labelled() - the next key of a walk over keys with certain labels
 * @store: handle
 * @cursor: 0 to start; the library's afterwards
 * @mask: labels that are looked at
 * @are: what they must be; one at least set
 * @key: out: the key, not NUL-terminated
 * @cap: bytes of room at @key; geometry.key_max is always enough
 * @meta: NULL, or filled in
 * @labels: NULL, or out: all its labels
 *
 * Reads 16 bytes for each cell of the index, and of the keys only those that it tells. A key that has these labels from the
 * start of the walk to its end is told exactly once, in no order. Any thread; no system call.
 *
 * Return: length of the key, 0 at the end, or -EINVAL (no label must be set: that is splk_next()'s), -EMSGSIZE (@cap is too
 * small for this one: @cursor has not passed it).
 */
long splk_next_labelled(struct splk_store *store, uint64_t *cursor, uint64_t mask, uint64_t are,
			void *key, size_t cap, struct splk_meta *meta, uint64_t *labels);

struct splk_feed;

/* What a change is. */
enum splk_change_kind {
	SPLK_CHANGE_SET = 1, /* the key has another value, or is new */
	SPLK_CHANGE_GONE = 2, /* there is no such key any more */
	SPLK_CHANGE_LABELS = 3, /* the key's labels are others */
	SPLK_CHANGE_OVERRUN = 4, /* a writer's changes were lost: look at all keys */
};

/**
 * struct splk_change - a key that changed, as it stands now
 * @kind: enum splk_change_kind
 * @writer: number of the writer cell whose change it was, or whose changes were lost
 * @key: the key, until the next call on the feed; NULL if it is an overrun
 * @key_len: its bytes
 * @reserved: 0
 * @epoch: the key's; of one that is gone: the last that it had
 * @labels: the key's
 */
struct splk_change {
	uint32_t kind;
	uint32_t writer;
	const void *key;
	uint32_t key_len;
	uint32_t reserved;
	uint64_t epoch;
	uint64_t labels;
};

/**
 * splk_feed_open() - follow the changes of a store from now on
 * @store: handle, read-only will do, of a store with a change feed (geometry.feed); to be closed after the feed
 * @feed: out: of one thread at a time; any number may follow
 *
 * Who opens the feed and then looks at all keys misses nothing. Takes 32 bytes for each key that it tells, by pages, at most 128 MiB.
 *
 * Return: 0, or -EOPNOTSUPP (no change feed), -ENOMEM.
 */
int splk_feed_open(struct splk_store *store, struct splk_feed **feed);

/**
 * splk_feed_next() - the next key that changed
 * @feed: the feed
 * @change: out
 *
 * A key that changed several times meanwhile is told once, as it stands now; of one key nothing older is told after
 * something newer. When more changes came than the writers' rings hold (geometry.feed records each), an overrun is told:
 * then any key may have changed. No system call; to sleep, see splk_feed_bind().
 *
 * Return: 1, 0: nothing new, or -EAGAIN: others change so much that nothing new was found yet; call again.
 */
int splk_feed_next(struct splk_feed *feed, struct splk_change *change);

/**
 * splk_feed_close() - stop following
 * @feed: the feed, or NULL
 */
void splk_feed_close(struct splk_feed *feed);

#ifdef __cplusplus
}
#endif

#endif /* _SPLINTERK_SIGNAL_H */
