// SPDX-License-Identifier: MIT
/*
 * ring_hostile.c - each end of a channel while the other writes garbage, well aimed or not, while it runs and in between:
 * no access outside of the ring, no length above the limit, no more space than there is, no endless loop.
 */
#include <pthread.h>
#include <sched.h>

#include "ring.h"

#define CAPACITY 8192U
#define MAX SPL_CHANNEL_MESSAGE_MAX(CAPACITY)
#define ROUNDS 400000

static struct ring r;
static __u64 x = 4711;

/* Numbers that somebody might have forgotten to think of, and near misses of good ones. */
static __u64 odd(__u64 near)
{
	switch (ring_random(&x) % 8) {
	case 0:
		return ring_random(&x);
	case 1:
		return near + (ring_random(&x) % 9 - 4) * SPL_CHANNEL_LINE;
	case 2:
		return near + CAPACITY * (ring_random(&x) % 5 - 2);
	case 3:
		return ~0ULL << ring_random(&x) % 64;
	case 4:
		return 1ULL << ring_random(&x) % 64;
	case 5:
		return near + ring_random(&x) % 128 - 64;
	case 6:
		return 0;
	default:
		return near;
	}
}

/* Is the message within the ring as it is mapped? Reads all of it. */
static bool bounded(const struct spl_received *m)
{
	const unsigned char *at = m->payload;
	volatile unsigned char sum = 0;
	__u32 i;

	if (m->bytes > MAX || at < r.map.data || at + m->bytes > r.map.data + 2 * (size_t)CAPACITY)
		return false;
	for (i = 0; i < m->bytes; i++)
		sum = (unsigned char)(sum + at[i]);
	return true;
}

static void spoil_data(void)
{
	__u64 at = r.rx.next + ring_random(&x) % 3 * SPL_CHANNEL_LINE, word;

	switch (ring_random(&x) % 3) {
	case 0: /* a good stamp, a bad length */
		word = spl_message_stamp(at) | (odd(MAX) & SPL_MESSAGE_BYTES);
		break;
	case 1:
		word = spl_message_stamp(odd(at)) | ring_random(&x) % 200;
		break;
	default:
		word = odd(spl_message_stamp(at));
	}
	spl_store(&spl_message_at(r.map.data, CAPACITY - 1, at)->word, word);
}

static void consumer(void)
{
	__u64 got = 0, refused = 0, bad = 0, i;
	struct spl_received m;
	int err;

	for (i = 0; i < ROUNDS; i++) {
		spoil_data();
		err = spl_rx_acquire(&r.rx, &m);
		if (!err) {
			bad += !bounded(&m);
			got++;
		} else if (err == -EBADMSG) {
			refused++;
		} else {
			bad += err != -EAGAIN;
		}
		if (ring_random(&x) % 4 == 0)
			spl_rx_commit(&r.rx);
		bad += r.rx.next - r.rx.read > CAPACITY;
		if (ring_random(&x) % 64 == 0)
			spl_rx_rollback(&r.rx);
	}
	OK(!bad && got > 1000 && refused > 1000,
	   "a consumer stays within the ring: %llu messages, %llu refused", got, refused);
}

static void spoil_positions(void)
{
	__u64 near = ring_random(&x) % 2 ? r.tx.head : r.tx.tail;

	if (ring_random(&x) % 2)
		spl_store(&r.map.rx->tail, odd(near));
	if (ring_random(&x) % 2)
		spl_store(&r.map.rx->read, odd(near));
}

static void producer(void)
{
	__u64 sent = 0, refused = 0, bad = 0, i;
	int err;

	for (i = 0; i < ROUNDS; i++) {
		spoil_positions();
		err = ring_put(&r.tx, (__u32)(ring_random(&x) % (i % 2 ? 100 : MAX + 1)), (__u32)i);
		if (!err)
			sent++;
		else if (err == -EBADMSG)
			refused++;
		else
			bad += err != -EAGAIN;
		/* However it is lied to, what it has not published is within one ring. */
		bad += r.tx.next - r.tx.head > CAPACITY || r.tx.limit - r.tx.head > CAPACITY;
		if (ring_random(&x) % 2)
			spl_tx_flush(&r.tx);
		if (ring_random(&x) % 16 == 0)
			spl_tx_rollback(&r.tx);
		if (ring_random(&x) % 8)
			continue;
		/* An honest consumer that keeps up, so that the producer gets on. */
		spl_store(&r.map.rx->read, r.tx.head);
		spl_store(&r.map.rx->tail, r.tx.head);
	}
	OK(!bad && sent > 1000 && refused > 1000,
	   "a producer is told of no more space than there is: %llu sent, %llu refused", sent,
	   refused);
}

static void newcomers(void)
{
	__u64 taken = 0, refused = 0, bad = 0, i;
	int err;

	for (i = 0; i < ROUNDS / 4; i++) {
		spoil_positions();
		spoil_data();
		err = spl_tx_attach(&r.tx, &r.map);
		taken += !err;
		refused += err == -EBADMSG;
		bad += err && err != -EBADMSG;
		if (!err)
			bad += r.tx.limit - r.tx.head > CAPACITY ||
			       ring_send(&r.tx, 100, 1) == -EBADMSG;
		err = spl_rx_attach(&r.rx, &r.map);
		bad += err && err != -EBADMSG;
		if (err && spl_rx_attach(&r.rx, &r.map)) {
			spl_store(&r.map.rx->tail, 0);
			spl_store(&r.map.rx->read, 0);
			spl_rx_attach(&r.rx, &r.map);
		}
	}
	OK(!bad && taken > 1000 && refused > 1000,
	   "who takes an end over trusts nothing: %llu taken, %llu refused", taken, refused);
}

static int stop;
static __u64 looked_at; /* by the consumer, whose own state is nobody else's */

/* Lengths that change while they are looked at. */
static void *flicker(void *arg)
{
	__u64 at, *word;
	__u32 i, n = 0;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (n++ % 1024 == 0)
			sched_yield();
		at = __atomic_load_n(&looked_at, __ATOMIC_RELAXED);
		word = &spl_message_at(r.map.data, CAPACITY - 1, at)->word;
		/* Left as a good one, so that things get on while this thread doesn't run. */
		for (i = 0; i < 33; i++)
			spl_store(word, spl_message_stamp(at) | (i % 2 ? SPL_MESSAGE_BYTES : 8));
	}
	return NULL;
}

static void while_it_looks(void)
{
	__u64 got = 0, refused = 0, bad = 0, i;
	struct spl_received m;
	pthread_t thread;
	int err;

	MUST(!pthread_create(&thread, NULL, flicker, NULL), "a thread");
	for (i = 0; i < 10 * ROUNDS || (got < 100 && i < 100 * ROUNDS); i++) {
		if (i % 512 == 0)
			sched_yield(); /* there may be one CPU only */
		__atomic_store_n(&looked_at, r.rx.next, __ATOMIC_RELAXED);
		err = spl_rx_acquire(&r.rx, &m);
		got += !err;
		refused += err == -EBADMSG;
		if (!err) {
			bad += !bounded(&m);
			spl_rx_commit(&r.rx);
		}
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	OK(!bad && got >= 20, "within the ring while words change: %llu messages, %llu refused",
	   got, refused);
}

int main(void)
{
	ring_make(&r, CAPACITY);
	consumer();
	ring_drop(&r);
	ring_make(&r, CAPACITY);
	producer();
	newcomers();
	ring_drop(&r);
	ring_make(&r, CAPACITY);
	while_it_looks();
	ring_drop(&r);
	return tap_done();
}
