/* SPDX-License-Identifier: MIT */
/* channel.h - what the benchmark of channels is made of: loops for both of two processes (channel_loops.c), run by channels.c. */
#ifndef _BENCH_CHANNEL_H
#define _BENCH_CHANNEL_H

#include "bench.h"
#include "splinterk_channel.h"

#define MESSAGE 32 /* bytes of a short message */
#define PUBLISH 32 /* short messages that a stream publishes together */
#define RING_BYTES (256U << 10)
#define RING_LONG_BYTES (1U << 20)

enum pair_task {
	RAW, /* round trips: a bare line for each direction */
	RAW_ONE, /* one line for both: half as many transfers, and no ring could be it */
	OURS,
	OURS_SLEEPING,
	FUTEX,
	EVENTFD,
	PIPE,
	SOCKET,
	BARE_STREAM, /* streams: a slot of one line for a message */
	PACKED_STREAM, /* the same, slots as long as the message */
	OUR_STREAM,
	OUR_SINGLY, /* the same, with a call for each message */
	BARE_4K,
	OUR_4K,
	BARE_64K,
	OUR_64K,
	PAIR_TASKS,
};

struct line {
	uint64_t seq;
	char payload[MESSAGE];
} __attribute__((aligned(64)));

/* Mapped by both processes. */
struct pair {
	struct line line[2];
	uint32_t word __attribute__((aligned(64))); /* futex */
	uint64_t head __attribute__((aligned(64)));
	uint64_t tail __attribute__((aligned(64)));
	int task __attribute__((aligned(64)));
	int ready, go;
	int same_cpu;
	long lost;
	uint64_t ops;
	unsigned char ring[RING_LONG_BYTES] __attribute__((aligned(4096)));
};

/* One process's ends; the other has the other ones. */
struct ends {
	struct pair *pair;
	struct splk_channel *tx, *rx; /* short messages */
	struct splk_channel *long_tx, *long_rx;
	int eventfd_out, eventfd_in, pipe_out, pipe_in, socket;
};

/* @marks: of @ops + 1 readings of the clock, one before each round trip and one at the end. */
void pair_ping(struct ends *e, enum pair_task task, uint64_t ops, uint64_t *marks);
void pair_pong(struct ends *e, enum pair_task task, uint64_t ops);
void pair_produce(struct ends *e, enum pair_task task, uint64_t ops);
void pair_consume(struct ends *e, enum pair_task task, uint64_t ops);

#endif /* _BENCH_CHANNEL_H */
