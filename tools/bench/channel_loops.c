// SPDX-License-Identifier: MIT
/*
 * channel_loops.c - the loops of two processes that pass messages: through channels, through the barest memory that could do
 * it, and through what the kernel has for it. Who runs them when, and what it cost, is channels.c's.
 */
#include <linux/futex.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include "channel.h"

static void need(bool good, const char *what)
{
	if (!good)
		die("channels: %s failed", what);
}

/* A bare line: payload and sequence in it, and nothing else. */
static void raw_put(struct line *l, const char *payload, uint64_t seq)
{
	memcpy(l->payload, payload, MESSAGE);
	__atomic_store_n(&l->seq, seq, __ATOMIC_RELEASE);
}

static void raw_take(struct line *l, char *payload, uint64_t seq)
{
	while (__atomic_load_n(&l->seq, __ATOMIC_ACQUIRE) != seq)
		_mm_pause();
	memcpy(payload, l->payload, MESSAGE);
}

/* Two states of one word: whose turn it is. */
static void futex_put(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_take(uint32_t *word, uint32_t value)
{
	uint32_t now;

	while ((now = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != value)
		syscall(SYS_futex, word, FUTEX_WAIT, now, NULL, NULL, 0);
}

static void put(struct ends *e, enum pair_task task, const char *buf, uint64_t seq)
{
	static const uint64_t one = 1;

	switch (task) {
	case RAW:
		return raw_put(&e->pair->line[seq % 2], buf, seq);
	case RAW_ONE:
		return raw_put(&e->pair->line[0], buf, seq);
	case OURS:
	case OURS_SLEEPING:
		return need(!splk_channel_send(e->tx, buf, MESSAGE, 0, 0, SPLK_FOREVER), "send");
	case FUTEX:
		return futex_put(&e->pair->word, (uint32_t)seq);
	case EVENTFD:
		return need(write(e->eventfd_out, &one, 8) == 8, "eventfd");
	case PIPE:
		return need(write(e->pipe_out, buf, MESSAGE) == MESSAGE, "pipe");
	default:
		return need(send(e->socket, buf, MESSAGE, 0) == MESSAGE, "socket");
	}
}

static void take(struct ends *e, enum pair_task task, char *buf, uint64_t seq)
{
	uint64_t count;

	switch (task) {
	case RAW:
		return raw_take(&e->pair->line[seq % 2], buf, seq);
	case RAW_ONE:
		return raw_take(&e->pair->line[0], buf, seq);
	case OURS:
	case OURS_SLEEPING:
		return need(splk_channel_recv(e->rx, buf, MESSAGE, NULL, SPLK_FOREVER) == MESSAGE,
			    "receive");
	case FUTEX:
		return futex_take(&e->pair->word, (uint32_t)seq);
	case EVENTFD:
		return need(read(e->eventfd_in, &count, 8) == 8, "eventfd");
	case PIPE:
		return need(read(e->pipe_in, buf, MESSAGE) == MESSAGE, "pipe");
	default:
		return need(recv(e->socket, buf, MESSAGE, 0) == MESSAGE, "socket");
	}
}

/* A copy for each task, so that the measured loops have no switch in them. */
static inline __attribute__((always_inline)) void ping_loop(struct ends *e, enum pair_task task,
							    uint64_t ops, uint64_t *marks)
{
	char buf[MESSAGE] = { 0 };
	uint64_t i;

	for (i = 0; i < ops; i++) {
		marks[i] = __rdtsc();
		put(e, task, buf, 2 * i + 1);
		take(e, task, buf, 2 * i + 2);
	}
	marks[ops] = __rdtsc();
}

static inline __attribute__((always_inline)) void pong_loop(struct ends *e, enum pair_task task,
							    uint64_t ops)
{
	char buf[MESSAGE] = { 0 };
	uint64_t i;

	for (i = 0; i < ops; i++) {
		take(e, task, buf, 2 * i + 1);
		put(e, task, buf, 2 * i + 2);
	}
}

void pair_ping(struct ends *e, enum pair_task task, uint64_t ops, uint64_t *marks)
{
	if (task == RAW)
		ping_loop(e, RAW, ops, marks);
	else if (task == RAW_ONE)
		ping_loop(e, RAW_ONE, ops, marks);
	else if (task == OURS)
		ping_loop(e, OURS, ops, marks);
	else
		ping_loop(e, task, ops, marks);
}

void pair_pong(struct ends *e, enum pair_task task, uint64_t ops)
{
	if (task == RAW)
		pong_loop(e, RAW, ops);
	else if (task == RAW_ONE)
		pong_loop(e, RAW_ONE, ops);
	else if (task == OURS)
		pong_loop(e, OURS, ops);
	else
		pong_loop(e, task, ops);
}

/*
 * A bare ring of slots, with the index published every @every of them, and the space given back when a quarter of it has
 * been read: what any such ring must do at least.
 */
static inline __attribute__((always_inline)) void
bare_produce(struct pair *p, uint64_t ops, size_t slot, size_t bytes, uint64_t every, size_t ring)
{
	uint64_t slots = ring / slot, limit = slots, i;
	static char from[64 << 10];

	for (i = 0; i < ops; i++) {
		while (i == limit) {
			__atomic_store_n(&p->head, i, __ATOMIC_RELEASE);
			limit = __atomic_load_n(&p->tail, __ATOMIC_ACQUIRE) + slots;
			if (i == limit)
				_mm_pause();
		}
		memcpy(p->ring + i % slots * slot, from, bytes);
		if ((i + 1) % every == 0)
			__atomic_store_n(&p->head, i + 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&p->head, ops, __ATOMIC_RELEASE);
}

static inline __attribute__((always_inline)) void
bare_consume(struct pair *p, uint64_t ops, size_t slot, size_t bytes, size_t ring)
{
	uint64_t slots = ring / slot, head = 0, tail = 0, i;
	static char to[64 << 10];

	for (i = 0; i < ops; i++) {
		if (i == head) {
			__atomic_store_n(&p->tail, i, __ATOMIC_RELEASE);
			tail = i;
			while ((head = __atomic_load_n(&p->head, __ATOMIC_ACQUIRE)) == i)
				_mm_pause();
		}
		memcpy(to, p->ring + i % slots * slot, bytes);
		__asm__ volatile("" : : "r"(to) : "memory");
		if (i + 1 - tail >= slots / 4) {
			tail = i + 1;
			__atomic_store_n(&p->tail, tail, __ATOMIC_RELEASE);
		}
	}
}

static void our_produce(struct splk_channel *tx, uint64_t ops)
{
	static const char from[MESSAGE];
	struct splk_message batch[PUBLISH];
	uint64_t i;

	for (i = 0; i < PUBLISH; i++)
		batch[i] = (struct splk_message){ .payload = from, .bytes = MESSAGE };
	for (i = 0; i < ops; i += PUBLISH)
		need(splk_channel_send_many(tx, batch, PUBLISH, SPLK_FOREVER) == PUBLISH, "send");
}

static void our_consume(struct splk_channel *rx, uint64_t ops)
{
	struct splk_message batch[PUBLISH];
	char to[MESSAGE];
	uint64_t i;
	int n, k;

	for (i = 0; i < ops; i += (uint64_t)n) {
		n = splk_channel_acquire_rx_many(rx, batch, PUBLISH, SPLK_FOREVER);
		need(n > 0, "acquire");
		for (k = 0; k < n; k++) {
			memcpy(to, batch[k].payload, MESSAGE);
			__asm__ volatile("" : : "r"(to) : "memory");
		}
		(void)splk_channel_commit_rx(rx);
	}
}

static void our_produce_singly(struct splk_channel *tx, uint64_t ops)
{
	char from[MESSAGE] = { 0 };
	void *payload;
	uint64_t i;

	for (i = 0; i < ops; i++) {
		need(!splk_channel_acquire_tx(tx, MESSAGE, &payload, SPLK_FOREVER), "acquire");
		memcpy(payload, from, MESSAGE);
		splk_channel_commit_tx(tx, MESSAGE, 0, 0, (i + 1) % PUBLISH ? SPLK_MORE : 0);
	}
	splk_channel_flush(tx);
}

static void our_consume_singly(struct splk_channel *rx, uint64_t ops)
{
	struct splk_message m;
	char to[MESSAGE];
	uint64_t i;

	for (i = 0; i < ops; i++) {
		need(!splk_channel_acquire_rx(rx, &m, SPLK_FOREVER), "acquire");
		memcpy(to, m.payload, MESSAGE);
		__asm__ volatile("" : : "r"(to) : "memory");
		if ((i + 1) % PUBLISH == 0)
			splk_channel_commit_rx(rx);
	}
	(void)splk_channel_commit_rx(rx);
}

static void our_copies(struct splk_channel *tx, uint64_t ops, size_t bytes)
{
	static char from[64 << 10];

	while (ops--)
		need(!splk_channel_send(tx, from, bytes, 0, 0, SPLK_FOREVER), "send");
}

static void our_copies_out(struct splk_channel *rx, uint64_t ops, size_t bytes)
{
	static char to[64 << 10];

	while (ops--)
		need(splk_channel_recv(rx, to, sizeof(to), NULL, SPLK_FOREVER) == (ssize_t)bytes,
		     "receive");
}

void pair_produce(struct ends *e, enum pair_task task, uint64_t ops)
{
	switch (task) {
	case BARE_STREAM:
		return bare_produce(e->pair, ops, 64, MESSAGE, PUBLISH, RING_BYTES);
	case PACKED_STREAM:
		return bare_produce(e->pair, ops, MESSAGE, MESSAGE, PUBLISH, RING_BYTES);
	case OUR_STREAM:
		return our_produce(e->tx, ops);
	case OUR_SINGLY:
		return our_produce_singly(e->tx, ops);
	case BARE_4K:
		return bare_produce(e->pair, ops, 4096, 4096, 1, RING_LONG_BYTES);
	case OUR_4K:
		return our_copies(e->long_tx, ops, 4096);
	case BARE_64K:
		return bare_produce(e->pair, ops, 64 << 10, 64 << 10, 1, RING_LONG_BYTES);
	default:
		return our_copies(e->long_tx, ops, 64 << 10);
	}
}

void pair_consume(struct ends *e, enum pair_task task, uint64_t ops)
{
	switch (task) {
	case BARE_STREAM:
		return bare_consume(e->pair, ops, 64, MESSAGE, RING_BYTES);
	case PACKED_STREAM:
		return bare_consume(e->pair, ops, MESSAGE, MESSAGE, RING_BYTES);
	case OUR_STREAM:
		return our_consume(e->rx, ops);
	case OUR_SINGLY:
		return our_consume_singly(e->rx, ops);
	case BARE_4K:
		return bare_consume(e->pair, ops, 4096, 4096, RING_LONG_BYTES);
	case OUR_4K:
		return our_copies_out(e->long_rx, ops, 4096);
	case BARE_64K:
		return bare_consume(e->pair, ops, 64 << 10, 64 << 10, RING_LONG_BYTES);
	default:
		return our_copies_out(e->long_rx, ops, 64 << 10);
	}
}
