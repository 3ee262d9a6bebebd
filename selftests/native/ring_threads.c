// SPDX-License-Identifier: MIT
/*
 * ring_threads.c - both ends of a channel in two threads, where ThreadSanitizer sees all of (P) and (Q): a payload that is
 * read before it is written, or written while it is read, is a race.
 */
#include <pthread.h>
#include <sched.h>

#include "ring.h"

#define MESSAGES 300000U

static struct ring r;

static __u32 bytes_of(__u32 i)
{
	return i % 7 ? i % 60 : i * 13 % 2033;
}

static void *produce(void *arg)
{
	__u32 i, batch = 1;

	(void)arg;
	for (i = 0; i < MESSAGES; i++) {
		while (ring_put(&r.tx, bytes_of(i), i)) {
			spl_tx_flush(&r.tx);
			sched_yield();
		}
		if (--batch)
			continue;
		spl_tx_flush(&r.tx);
		batch = i % 9 + 1;
	}
	spl_tx_flush(&r.tx);
	return NULL;
}

int main(void)
{
	pthread_t thread;
	__u32 i, bad = 0;
	int err;

	ring_make(&r, 4096);
	MUST(!pthread_create(&thread, NULL, produce, NULL), "a thread");
	for (i = 0; i < MESSAGES && !bad; i++) {
		while ((err = ring_take(&r.rx, bytes_of(i), i)) == -EAGAIN) {
			spl_rx_commit(&r.rx);
			sched_yield();
		}
		bad += err != 0;
		if (i % 5 == 0)
			spl_rx_commit(&r.rx);
	}
	OK(!bad, "%u messages from thread to thread, each whole", MESSAGES);
	if (bad)
		return tap_done();
	pthread_join(thread, NULL);
	ring_drop(&r);
	return tap_done();
}
