/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_channel.h - the bytes of a channel: pages, header words, and the sizes that follow from a capacity. What its
 * ends do with them is splinter_ring.h's; the calls of the device are splinter.h's.
 *
 * All words are little-endian, naturally aligned, and accessed whole. Documentation/design/channels.md says why.
 */
#ifndef _UAPI_SPLINTER_CHANNEL_H
#define _UAPI_SPLINTER_CHANNEL_H

#include "splinter_atomic.h"
#include "splinter_layout.h"

#define SPL_CHANNEL_MAGIC 0x314e4843544c5053ULL /* "SPLTCHN1" */
#define SPL_CHANNEL_CAPACITY_MIN 4096ULL
#define SPL_CHANNEL_CAPACITY_MAX (1ULL << 30)
#define SPL_CHANNEL_LINE 64U
#define SPL_CHANNEL_HEADER 16U
/* Longest message of a channel, as then it fits wherever it stands once half of the ring is free. */
#define SPL_CHANNEL_MESSAGE_MAX(capacity) ((__u32)((capacity) / 2 - SPL_CHANNEL_HEADER))

/* spl_channel_info.features_required: who doesn't know one of the bits must not take an end. */
/* Both ends have a full barrier between publishing and looking whether the other sleeps: nobody makes one for them. */
#define SPL_CHANNEL_FENCED (1ULL << 0)
#define SPL_CHANNEL_REQUIRED_ALL SPL_CHANNEL_FENCED

/**
 * struct spl_channel_end - what the other end has to know of one end
 * @asleep: 1: it sleeps, or is about to look once more before it does; who finds that after publishing rings. Set by
 *	the kernel, and cleared by it before it wakes: it stays for the next ring if who slept has given up (embedded:
 *	by the ends; the futex that is slept on)
 * @reserved: 0
 * @taken: bit 0: somebody has this end; 1..63: how often it was taken. 0: never yet; even otherwise: let go (EPIPE)
 * @pid: (embedded) process that took it, in its own namespace, for people; device: 0
 * @reserved2: 0
 */
struct spl_channel_end {
	__u32 asleep;
	__u32 reserved;
	__u64 taken;
	__u64 pid;
	__u64 reserved2[5];
} __attribute__((aligned(64)));

/**
 * struct spl_channel_info - the info page, at offset 0; read by all, written by the kernel (embedded: by the ends)
 * @magic: SPL_CHANNEL_MAGIC; written last
 * @abi: SPL_ABI_VERSION of the creator
 * @info_bytes: bytes of this struct as its creator knew it
 * @features: unknown bits may be ignored
 * @features_required: SPL_CHANNEL_FENCED; unknown bits must not be ignored
 * @channel_id: never 0
 * @created_ns: CLOCK_REALTIME at creation
 * @capacity: bytes of the ring, a power of two
 * @backend: SPL_BACKEND_*
 * @reserved: 0
 * @tx_off: offset of struct spl_channel_tx, a page
 * @rx_off: offset of struct spl_channel_rx, a page
 * @data_off: offset of the ring. Its @capacity bytes are mapped twice in a row: once by one call for twice as much
 *	(device), or by two
 * @map_bytes: data_off + capacity
 * @reserved2: 0
 * @rx: loaded by the producer after each publication
 * @tx: loaded by the consumer after each message
 */
struct spl_channel_info {
	__u64 magic;
	__u32 abi;
	__u32 info_bytes;
	__u64 features;
	__u64 features_required;
	__u64 channel_id;
	__u64 created_ns;
	__u64 capacity;
	__u32 backend;
	__u32 reserved;
	__u64 tx_off;
	__u64 rx_off;
	__u64 data_off;
	__u64 map_bytes;
	__u64 reserved2[4];
	struct spl_channel_end rx;
	struct spl_channel_end tx;
};

/**
 * struct spl_channel_tx - the producer's page; only the producer writes it
 * @head: end of the last message published; may lag behind the stamps after a death
 * @want: position that spl_channel_rx.read must reach for what the producer last had no space for: the end can be
 *	written to (POLLOUT) if it has
 * @nr_messages: published so far, by all producers
 * @nr_bytes: of their payload
 * @nr_rings: times that the consumer was rung for
 * @nr_waits: times that the producer slept
 * @reserved: 0
 */
struct spl_channel_tx {
	__u64 head;
	__u64 want;
	__u64 nr_messages;
	__u64 nr_bytes;
	__u64 nr_rings;
	__u64 nr_waits;
	__u64 reserved[2];
} __attribute__((aligned(64)));

/**
 * struct spl_channel_rx - the consumer's page; only the consumer writes it
 * @tail: up to here its bytes are no longer read, as told now and then: a quarter of the ring, an empty ring, a sleep
 * @reserved: 0
 * @read: the same, exactly: start of the first message that wasn't given back. The end can be read from (POLLIN) if
 *	the line there carries its stamp
 * @nr_messages: consumed so far, by all consumers
 * @nr_bytes: of their payload
 * @nr_rings: times that the producer was rung for
 * @nr_waits: times that the consumer slept
 * @reserved2: 0
 */
struct spl_channel_rx {
	__u64 tail;
	__u64 reserved[7];
	__u64 read;
	__u64 nr_messages;
	__u64 nr_bytes;
	__u64 nr_rings;
	__u64 nr_waits;
	__u64 reserved2[3];
} __attribute__((aligned(64)));

/**
 * struct spl_message - header of a message, at the start of a line; the payload follows, up to 48 bytes in that line
 * @word: bits 0..30: bytes of payload; 31..63: stamp: position / 64 << 1 | 1. Written last
 * @type: the sender's
 * @correlation: the sender's: which call a reply answers
 */
struct spl_message {
	__u64 word;
	__u32 type;
	__u32 correlation;
};

#define SPL_MESSAGE_STAMP_SHIFT 31
#define SPL_MESSAGE_BYTES ((1ULL << SPL_MESSAGE_STAMP_SHIFT) - 1)

/* Word of a message of no bytes at a position. No word of zeros is one. */
static inline __u64 spl_message_stamp(__u64 position)
{
	return (position / SPL_CHANNEL_LINE << 1 | 1) << SPL_MESSAGE_STAMP_SHIFT;
}

/* Does a word, loaded once, say that a message starts at @position? */
static inline bool spl_message_there(__u64 word, __u64 position)
{
	return (word ^ spl_message_stamp(position)) >> SPL_MESSAGE_STAMP_SHIFT == 0;
}

static inline __u32 spl_message_bytes(__u64 word)
{
	return (__u32)(word & SPL_MESSAGE_BYTES);
}

/* Bytes of the ring that a message takes. */
static inline __u64 spl_message_room(__u32 bytes)
{
	return ((__u64)bytes + SPL_CHANNEL_HEADER + SPL_CHANNEL_LINE - 1) &
	       ~(__u64)(SPL_CHANNEL_LINE - 1);
}

/* Has @position been reached? Positions are 64 bits and compared by their distance. */
static inline bool spl_channel_reached(__u64 now, __u64 position)
{
	return (__s64)(now - position) >= 0;
}

/* Was this end taken and let go, and not taken again? @taken: spl_channel_end.taken, loaded once. */
static inline bool spl_channel_gone(__u64 taken)
{
	return taken && !(taken & 1);
}

/**
 * spl_channel_plan() - sizes and places that follow from a capacity
 * @info: in: all zero but @capacity; out: everything but what is the creator's own (magic, id, clock, backend,
 *	features_required)
 *
 * Return: 0, or SPL_PLAN_INVALID: not a power of two, or out of bounds.
 */
static inline int spl_channel_plan(struct spl_channel_info *info)
{
	__u64 c = info->capacity;

	if (c < SPL_CHANNEL_CAPACITY_MIN || c > SPL_CHANNEL_CAPACITY_MAX || (c & (c - 1)))
		return SPL_PLAN_INVALID;
	info->abi = SPL_ABI_VERSION;
	info->info_bytes = sizeof(*info);
	info->tx_off = SPL_PAGE_BYTES;
	info->rx_off = 2 * SPL_PAGE_BYTES;
	info->data_off = c >= SPL_CHUNK_BYTES ? SPL_CHUNK_BYTES : 3 * SPL_PAGE_BYTES;
	info->map_bytes = info->data_off + c;
	return 0;
}

#endif /* _UAPI_SPLINTER_CHANNEL_H */
