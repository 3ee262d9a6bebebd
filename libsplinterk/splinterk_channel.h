/* SPDX-License-Identifier: MIT */
/*
 * splinterk_channel.h - channels: rings of messages from one producer to one consumer, in memory that both map; and calls
 * with replies over a pair of them. Stores are splinterk.h's, whose rules hold here too.
 */
#ifndef _SPLINTERK_CHANNEL_H
#define _SPLINTERK_CHANNEL_H

#include <sys/types.h>

#include "splinterk.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: rules of channels
 *
 * A handle is one end of a channel, or neither. It belongs to one thread at a time, but for splk_channel_info() and
 * splk_channel_fd(), which any thread may call; the two ends of a channel are independent of each other. A child of
 * fork() has none of its parent's ends: it may only close the handles, and attaches by descriptor before the fork's
 * copy is used for more. No function is async-signal-safe.
 *
 * Sending and receiving make no system call while the other end isn't asleep and this one needn't wait.
 *
 * Deadlines are times of CLOCK_MONOTONIC in nanoseconds: 0: don't wait (-EAGAIN); SPLK_FOREVER: wait without end;
 * splk_after() makes one of a duration. Functions with a deadline may return:
 *  - EAGAIN: (deadline 0) not now.
 *  - ETIMEDOUT: not before the deadline.
 *  - EPIPE: the other end was there and has gone. A receiver is told when it has had all messages. Another process may
 *	take the other end later; then things go on.
 *  - EINTR: a signal's handler ran while the call slept; nothing was lost. (With SA_RESTART the device goes on.)
 *  - EBADMSG: the other end wrote what can't be.
 *  - EBADF: the handle isn't that end.
 *
 * The embedded backend doesn't notice that a process died while this one sleeps; before it sleeps, it does.
 */

/* Which end. */
#define SPLK_CHANNEL_NONE 0 /* looks on: splk_channel_info() */
#define SPLK_CHANNEL_TX 1 /* the producer */
#define SPLK_CHANNEL_RX 2 /* the consumer */

/* Of struct splk_channel_options, beside SPLK_CREATE and SPLK_EXCL: */
/* Sending goes on without a consumer, as long as there is space: what is sent waits for the next one. */
#define SPLK_CHANNEL_LINGER (1U << 8)
#define SPLK_CHANNEL_ALL (SPLK_CREATE | SPLK_EXCL | SPLK_CHANNEL_LINGER)

#define SPLK_SPINS_DEFAULT 0 /* about as long as a wake-up takes; none on a single CPU */
#define SPLK_SPINS_NONE 1 /* sleep at once */
#define SPLK_SPINS_ONLY (~0U) /* never sleep */

struct splk_channel;

/**
 * struct splk_channel_options - how to open or create
 * @size: sizeof(struct splk_channel_options); a member beyond it counts as zero
 * @flags: SPLK_CREATE, SPLK_EXCL, SPLK_CHANNEL_LINGER
 * @role: SPLK_CHANNEL_*
 * @spins: looks at the ring before a call sleeps, or SPLK_SPINS_*
 * @capacity: bytes of the ring, a power of two of 4096 to 2^30; 0: whatever is there, 65536 if it is made
 * @mode: of a channel that is made, 0 to 0666, the umask applies; 0: 0600
 * @may: (device) 1 << SPLK_CHANNEL_* for each role that others may take who are given the descriptor
 * @reserved: 0
 */
struct splk_channel_options {
	uint32_t size;
	uint32_t flags;
	uint32_t role;
	uint32_t spins;
	uint64_t capacity;
	uint32_t mode;
	uint32_t may;
	uint64_t reserved;
};

/**
 * struct splk_message - a message received, or to be sent
 * @payload: received: in the ring (splk_channel_acquire_rx()), or the buffer (splk_channel_recv()); to be sent: where from
 * @bytes: of payload
 * @type: the sender's
 * @correlation: the sender's
 * @reserved: 0
 */
struct splk_message {
	const void *payload;
	uint32_t bytes;
	uint32_t type;
	uint32_t correlation;
	uint32_t reserved;
};

/**
 * splk_channel_open() - take an end of a channel, or make one
 * @store: the store whose channel it is, or NULL
 * @name: with a store of the device: the channel's name; NULL or "": a new one without a name.
 *	With an embedded store: NULL, a new one in anonymous memory.
 *	Without a store: "STORE/NAME", or "/NAME" for the default store of the device; "memfd:" or "memfd:LABEL": a new one in
 *	anonymous memory; "file:PATH": one in a file (in /dev/shm, best); "fd:N": as splk_channel_attach()
 * @options: NULL: neither end of one that is there
 * @channel: the handle, on success
 *
 * What is made without a name is made whether or not SPLK_CREATE is given.
 *
 * Return: 0, or
 *  -ENOENT: no such channel or store; -EEXIST: SPLK_EXCL, or it is there with another capacity;
 *  -EBUSY: somebody has that end;
 *  -EINVAL: an option, a capacity, a name that can't be; -E2BIG: an option that this version doesn't know;
 *  -EBADF: the store's handle is read-only; -EACCES, -EPERM: modes; -ENODEV: no module;
 *  -EOPNOTSUPP: a name in an embedded store; the device is older than channels; (embedded) the channel needs
 *	membarrier(2), which this process may not call;
 *  -EBADMSG, -EPROTONOSUPPORT: the file is no channel, or of another version;
 *  -ENAMETOOLONG, -EILSEQ, -ENOMEM, -ENOSPC, -EMFILE, -ENFILE, -EINTR: as splk_open() says.
 */
int splk_channel_open(struct splk_store *store, const char *name,
		      const struct splk_channel_options *options, struct splk_channel **channel);

/**
 * splk_channel_attach() - take an end of the channel behind a descriptor
 * @fd: what splk_channel_fd() told, received over a socket or inherited; the caller keeps it and may close it
 * @options: @role, @may, @spins, SPLK_CHANNEL_LINGER
 * @channel: the handle, on success
 *
 * The descriptor of an end of the device that was passed on is used as that end.
 *
 * Return: 0, or an error of splk_channel_open(); -EACCES: (device) the descriptor may not be used for that role.
 */
int splk_channel_attach(int fd, const struct splk_channel_options *options,
			struct splk_channel **channel);

/**
 * splk_channel_fd() - the descriptor behind a handle: to be passed on, and (device) for poll(2) and epoll(7)
 * @channel: handle
 *
 * An RX end has POLLIN while there is a message that it hasn't given back; a TX end has POLLOUT unless its last try with
 * deadline 0 found too little space and there still is; POLLHUP: the other end has gone. Embedded: not for poll.
 *
 * Return: the descriptor (close-on-exec); the handle keeps owning it.
 */
int splk_channel_fd(const struct splk_channel *channel);

/**
 * splk_channel_close() - let the end go
 * @channel: handle, or NULL
 *
 * What was acquired and not committed is as if it never had been; so is a batch that wasn't flushed. The other end is told.
 */
void splk_channel_close(struct splk_channel *channel);

/**
 * splk_channel_spin() - how long to look before sleeping
 * @channel: handle
 * @spins: looks, or SPLK_SPINS_*
 */
void splk_channel_spin(struct splk_channel *channel, uint32_t spins);

/**
 * splk_channel_send() - send a message
 * @channel: TX end
 * @buf: payload
 * @bytes: of it, 0 to capacity / 2 - 16
 * @type: for the receiver
 * @correlation: for the receiver
 * @deadline: see above
 *
 * Flushes what was committed with SPLK_MORE before it; takes the place of what is acquired.
 *
 * Return: 0; -EMSGSIZE; those with a deadline.
 */
int splk_channel_send(struct splk_channel *channel, const void *buf, size_t bytes, uint32_t type,
		      uint32_t correlation, uint64_t deadline);

/**
 * splk_channel_send_many() - send messages, published together
 * @channel: TX end
 * @messages: what to send
 * @nr: of them
 * @deadline: see above
 *
 * One publication, and one look whether somebody must be woken, for all; where they lack space, for as many as fit at a
 * time. Of short messages this is several times as fast as one call each.
 *
 * Return: messages sent: fewer than @nr if one is too long, or the deadline or the end of the other came first: the next
 * call says which. If none was: an error of splk_channel_send(), or -EINVAL.
 */
int splk_channel_send_many(struct splk_channel *channel, const struct splk_message *messages,
			   int nr, uint64_t deadline);

/**
 * splk_channel_recv() - receive a message
 * @channel: RX end
 * @buf: where to
 * @size: bytes there
 * @message: out: what came; NULL: only its payload is wanted
 * @deadline: see above
 *
 * Return: bytes of payload; -EMSGSIZE: it is longer than @size: it stays, and @message tells how long it is;
 * -EBUSY: messages are acquired; those with a deadline.
 */
ssize_t splk_channel_recv(struct splk_channel *channel, void *buf, size_t size,
			  struct splk_message *message, uint64_t deadline);

/**
 * splk_channel_acquire_tx() - room for a message, in the ring
 * @channel: TX end
 * @max: bytes of payload at most, 0 to capacity / 2 - 16
 * @payload: out: where to write them
 * @deadline: see above
 *
 * Before it waits, what was committed with SPLK_MORE is flushed.
 *
 * Return: 0; -EMSGSIZE; those with a deadline.
 */
int splk_channel_acquire_tx(struct splk_channel *channel, size_t max, void **payload,
			    uint64_t deadline);

/* Of splk_channel_commit_tx(): publish it together with what comes next, or by splk_channel_flush(). */
#define SPLK_MORE (1U << 0)

/**
 * splk_channel_commit_tx() - send what was written to the room acquired
 * @channel: TX end
 * @bytes: of payload, not more than acquired
 * @type: for the receiver
 * @correlation: for the receiver
 * @flags: SPLK_MORE
 *
 * Return: 0; -EINVAL: nothing is acquired, or less; a flag; -EBADF.
 */
int splk_channel_commit_tx(struct splk_channel *channel, size_t bytes, uint32_t type,
			   uint32_t correlation, uint32_t flags);

/**
 * splk_channel_flush() - publish what was committed with SPLK_MORE
 * @channel: TX end
 *
 * Return: 0; -EBADF.
 */
int splk_channel_flush(struct splk_channel *channel);

/**
 * splk_channel_rollback() - take back what isn't published (TX), or receive again what wasn't given back (RX)
 * @channel: an end
 *
 * TX: the room acquired, and all that was committed with SPLK_MORE and isn't flushed.
 *
 * Return: 0; -EBADF.
 */
int splk_channel_rollback(struct splk_channel *channel);

/**
 * splk_channel_acquire_rx() - the next message, where it lies in the ring
 * @channel: RX end
 * @message: out: what came; its payload is there until splk_channel_commit_rx()
 * @deadline: see above
 *
 * Several may be acquired one after the other; who waits meanwhile may wait for a producer that lacks their space. A
 * producer that misbehaves can change a payload while it is read.
 *
 * Return: 0; those with a deadline.
 */
int splk_channel_acquire_rx(struct splk_channel *channel, struct splk_message *message,
			    uint64_t deadline);

/**
 * splk_channel_acquire_rx_many() - all messages that are there, where they lie in the ring
 * @channel: RX end
 * @messages: out: what came, as splk_channel_acquire_rx() says
 * @nr: room there
 * @deadline: for the first; the others aren't waited for
 *
 * Return: messages acquired, 1 to @nr (0 if @nr is 0); -EINVAL; those with a deadline.
 */
int splk_channel_acquire_rx_many(struct splk_channel *channel, struct splk_message *messages,
				 int nr, uint64_t deadline);

/**
 * splk_channel_commit_rx() - give back all messages that were acquired
 * @channel: RX end
 *
 * Return: 0; -EINVAL: none is; -EBADF.
 */
int splk_channel_commit_rx(struct splk_channel *channel);

/**
 * splk_channel_wait() - wait until a message is there (RX), or room for one of @bytes (TX)
 * @channel: an end
 * @bytes: TX: of payload; RX: 0
 * @deadline: see above
 *
 * Return: 0; -EMSGSIZE; those with a deadline.
 */
int splk_channel_wait(struct splk_channel *channel, size_t bytes, uint64_t deadline);

/* How things stand with an end. */
#define SPLK_END_NONE 0 /* nobody took it yet */
#define SPLK_END_TAKEN 1
#define SPLK_END_GONE 2 /* it was taken and let go, or its process died */

/**
 * struct splk_channel_info - a channel and what went through it
 * @size: in: sizeof(struct splk_channel_info); what lies beyond it is not written
 * @role: of the handle
 * @backend: 1: device, 2: embedded
 * @message_max: bytes of the longest message
 * @capacity: bytes of the ring
 * @channel_id: never 0
 * @created_ns: when it was made
 * @tx_state: SPLK_END_*
 * @rx_state: SPLK_END_*
 * @head: position up to which was sent; positions count bytes of the ring since it was made
 * @read: position up to which was received
 * @tx_messages: sent
 * @tx_bytes: payload sent
 * @tx_rings: times that the consumer had to be woken
 * @tx_waits: times that the producer slept
 * @rx_messages: received
 * @rx_bytes: payload received
 * @rx_rings: times that the producer had to be woken
 * @rx_waits: times that the consumer slept
 *
 * The counts are what each end says of itself.
 */
struct splk_channel_info {
	uint32_t size;
	uint32_t role;
	uint32_t backend;
	uint32_t message_max;
	uint64_t capacity;
	uint64_t channel_id;
	uint64_t created_ns;
	uint32_t tx_state;
	uint32_t rx_state;
	uint64_t head;
	uint64_t read;
	uint64_t tx_messages;
	uint64_t tx_bytes;
	uint64_t tx_rings;
	uint64_t tx_waits;
	uint64_t rx_messages;
	uint64_t rx_bytes;
	uint64_t rx_rings;
	uint64_t rx_waits;
};

/**
 * splk_channel_info() - what a channel is
 * @channel: handle
 * @info: in: @size; out: the rest
 *
 * Return: 0; -EINVAL: @size.
 */
int splk_channel_info(const struct splk_channel *channel, struct splk_channel_info *info);

/**
 * splk_channel_unlink() - take a channel's name away; it lives until its last handle closes
 * @store: as of splk_channel_open()
 * @name: as of splk_channel_open(); not "memfd:" or "fd:"
 *
 * Return: 0, -ENOENT, -EACCES or -EPERM, -EINVAL, -ENODEV, -EBADMSG (the file is no channel: not removed),
 * -EOPNOTSUPP (an embedded store).
 */
int splk_channel_unlink(struct splk_store *store, const char *name);

/**
 * splk_channels() - the channels of a store of the device
 * @store: handle
 * @each: called for each; the record is valid during the call; non-zero ends the walk
 * @arg: passed to @each
 *
 * Return: 0, what @each returned if that was not 0, -EOPNOTSUPP (an embedded store), -ENOMEM.
 */
int splk_channels(struct splk_store *store,
		  int (*each)(const struct spl_channel_entry *entry, void *arg), void *arg);

/* Calls and replies. */
struct splk_rpc;

/* Calls without their reply that one caller may have. */
#define SPLK_CALLS_MAX 256

/**
 * splk_rpc_new() - a caller: sends calls through one channel, receives replies through another
 * @tx: TX end of the channel to the server
 * @rx: RX end of the channel from it
 * @rpc: the caller, on success
 *
 * A server needs no such thing: it receives a call as a message and sends the reply with the same correlation, in any
 * order. A caller belongs to one thread at a time, and so do its two ends, which nothing else may use.
 *
 * Return: 0; -EBADF: not such ends; -ENOMEM.
 */
int splk_rpc_new(struct splk_channel *tx, struct splk_channel *rx, struct splk_rpc **rpc);

/**
 * splk_rpc_free() - give a caller back; the channels stay
 * @rpc: caller, or NULL
 */
void splk_rpc_free(struct splk_rpc *rpc);

/**
 * splk_rpc_send() - send a call
 * @rpc: caller
 * @buf: payload
 * @bytes: of it
 * @type: for the server
 * @call: out: which one, for splk_rpc_wait()
 * @deadline: see above
 *
 * While there is no space, it sleeps until a reply to an earlier call comes: every call must have one.
 *
 * Return: 0; -ENOBUFS: SPLK_CALLS_MAX calls aren't over; -ENOMEM: as splk_rpc_wait(); those of splk_channel_send().
 */
int splk_rpc_send(struct splk_rpc *rpc, const void *buf, size_t bytes, uint32_t type,
		  uint32_t *call, uint64_t deadline);

/**
 * splk_rpc_wait() - the reply to a call
 * @rpc: caller
 * @call: what splk_rpc_send() told
 * @buf: where to
 * @size: bytes there
 * @message: out: the reply; NULL: only its payload is wanted
 * @deadline: see above
 *
 * Replies to other calls that come meanwhile are kept for them. After -ETIMEDOUT or -EAGAIN the call still waits for its
 * reply; splk_rpc_cancel() ends that.
 *
 * Return: bytes of payload, and the call is over; -ENOENT: no such call; -EMSGSIZE: the reply is longer than @size and
 * stays, @message tells how long it is; -ENOMEM: no memory to keep another call's reply, it comes again;
 * those with a deadline.
 */
ssize_t splk_rpc_wait(struct splk_rpc *rpc, uint32_t call, void *buf, size_t size,
		      struct splk_message *message, uint64_t deadline);

/**
 * splk_rpc_cancel() - forget a call; its reply is dropped when it comes
 * @rpc: caller
 * @call: what splk_rpc_send() told
 *
 * Return: 0; -ENOENT.
 */
int splk_rpc_cancel(struct splk_rpc *rpc, uint32_t call);

/**
 * splk_rpc_call() - send a call and wait for its reply
 * @rpc: caller
 * @buf: payload
 * @bytes: of it
 * @type: for the server
 * @reply: where to put the reply's payload
 * @size: bytes there
 * @message: out: the reply; NULL: only its payload is wanted
 * @deadline: for both
 *
 * After an error the call is forgotten.
 *
 * Return: bytes of the reply; otherwise as splk_rpc_send() and splk_rpc_wait().
 */
ssize_t splk_rpc_call(struct splk_rpc *rpc, const void *buf, size_t bytes, uint32_t type,
		      void *reply, size_t size, struct splk_message *message, uint64_t deadline);

#ifdef __cplusplus
}
#endif

#endif /* _SPLINTERK_CHANNEL_H */
