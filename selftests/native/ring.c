// SPDX-License-Identifier: MIT
/*
 * ring.c - the two ends of a channel in one thread: every size at every place, batches, rollback, ends that change hands,
 * and payloads that look like headers. Hostile ends are ring_hostile.c's, waiting is channel_stream.c's.
 */
#include "ring.h"

#define CAPACITY 4096U
#define LINES (CAPACITY / SPL_CHANNEL_LINE)
#define MAX SPL_CHANNEL_MESSAGE_MAX(CAPACITY)

static void plans(void)
{
	static const __u64 bad[] = { 0,		 1,	     64,   2048,       4095,
				     4097,	 5000,	     6144, 3ULL << 20, (1ULL << 30) + 1,
				     1ULL << 31, 1ULL << 63, ~0ULL };
	struct spl_channel_info info;
	unsigned int i, refused = 0, good = 0;
	__u64 c;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&info, 0, sizeof(info));
		info.capacity = bad[i];
		refused += spl_channel_plan(&info) == SPL_PLAN_INVALID;
	}
	IS(refused, sizeof(bad) / sizeof(bad[0]), "capacities that can't be are refused");
	for (c = 4096; c <= 1ULL << 30; c *= 2) {
		memset(&info, 0, sizeof(info));
		info.capacity = c;
		good += !spl_channel_plan(&info) && info.map_bytes == info.data_off + c &&
			info.data_off % SPL_PAGE_BYTES == 0;
	}
	IS(good, 19, "powers of two from 4 KiB to 1 GiB are taken");
}

/* Moves an empty ring on, so that the next message starts at this line. */
static void move_to(struct ring *r, __u32 line)
{
	while (r->tx.head / SPL_CHANNEL_LINE % LINES != line) {
		MUST(!ring_send(&r->tx, 0, 7), "send to move on");
		MUST(!ring_recv(&r->rx, 0, 7), "receive to move on");
	}
}

static void sizes(__u32 from, __u32 to, __u32 step, const char *name)
{
	__u32 line, bytes, bad = 0, tried = 0;
	struct ring r;

	ring_make(&r, CAPACITY);
	for (line = 0; line < LINES; line++)
		for (bytes = from; bytes <= to; bytes += step) {
			move_to(&r, line);
			bad += ring_send(&r.tx, bytes, bytes) || ring_recv(&r.rx, bytes, bytes) ||
			       !ring_empty(&r.rx);
			tried++;
		}
	ring_drop(&r);
	OK(!bad && tried >= LINES, "%s, at each of %u places of the ring", name, LINES);
}

static void limits(void)
{
	struct ring r;
	void *payload;

	ring_make(&r, CAPACITY);
	IS(spl_tx_acquire(&r.tx, MAX, &payload), 0, "capacity / 2 - 16 bytes fit");
	IS(spl_tx_acquire(&r.tx, MAX + 1, &payload), -EMSGSIZE, "one more: EMSGSIZE");
	IS(spl_tx_acquire(&r.tx, ~0U, &payload), -EMSGSIZE, "4 GiB: EMSGSIZE");
	ring_drop(&r);
}

/* A send fails when there is no space, and only then, wherever the ends are. */
static void space(void)
{
	__u32 sent[LINES], first = 0, nr = 0, number = 0, bytes, i;
	__u64 x = 5, used = 0, room, wrong = 0, full = 0;
	struct ring r;
	int err;

	ring_make(&r, CAPACITY);
	for (i = 0; i < 300000; i++) {
		if (ring_random(&x) % 100 < (i / 1000 % 2 ? 40 : 60)) {
			bytes = (__u32)(ring_random(&x) % (i / 5000 % 2 ? 100 : MAX + 1));
			room = spl_message_room(bytes);
			err = ring_send(&r.tx, bytes, number);
			wrong += err != (used + room <= CAPACITY ? 0 : -EAGAIN);
			full += err == -EAGAIN;
			if (err)
				continue;
			sent[(first + nr++) % LINES] = bytes;
			number++;
			used += room;
		} else if (nr) {
			wrong += ring_recv(&r.rx, sent[first], number - nr) != 0;
			used -= spl_message_room(sent[first]);
			first = (first + 1) % LINES;
			nr--;
		} else {
			wrong += !ring_empty(&r.rx);
		}
	}
	OK(!wrong && full > 1000, "there is space or there isn't, as counted: %llu times full",
	   full);
	ring_drop(&r);
}

static void batches(void)
{
	struct ring r;
	__u32 i, bad = 0;

	ring_make(&r, CAPACITY);
	for (i = 0; i < 10; i++)
		bad += ring_put(&r.tx, i * 20, i) != 0;
	OK(!bad && ring_empty(&r.rx), "a batch isn't there before it is published");
	spl_tx_flush(&r.tx);
	for (i = 0; i < 10; i++)
		bad += ring_take(&r.rx, i * 20, i) != 0;
	OK(!bad && ring_empty(&r.rx), "then it is, in order, and nothing more");
	IS(spl_load(&r.map.rx->read), 0, "nothing is given back yet");
	spl_rx_rollback(&r.rx);
	for (i = 0; i < 10; i++)
		bad += ring_take(&r.rx, i * 20, i) != 0;
	spl_rx_commit(&r.rx);
	OK(!bad && spl_load(&r.map.rx->read) == r.tx.head,
	   "acquired again, and given back at once");
	IS(spl_load(&r.map.rx->nr_messages), 10, "counted by the consumer");
	IS(spl_load(&r.map.tx->nr_bytes), 900, "and by the producer, in bytes");

	/* All of the ring in one batch: its end is its own first line. */
	for (i = 0; i < LINES; i++)
		bad += ring_put(&r.tx, 48, i) != 0;
	bad += ring_put(&r.tx, 0, 0) != -EAGAIN;
	spl_tx_flush(&r.tx);
	for (i = 0; i < LINES; i++)
		bad += ring_recv(&r.rx, 48, i) != 0;
	OK(!bad && ring_empty(&r.rx), "a batch may fill the ring to its last line");
	ring_drop(&r);
}

/* What was committed and taken back carries stamps of this very lap. */
static void rollbacks(void)
{
	__u32 line, i, n, bad = 0;
	struct spl_received m;
	void *payload = NULL;
	struct ring r;

	ring_make(&r, CAPACITY);
	for (line = 0; line < LINES; line++)
		for (n = 1; n < 12; n++) {
			move_to(&r, line);
			for (i = 0; i < n; i++)
				bad += ring_put(&r.tx, i % 3 * 40, i) != 0;
			spl_tx_rollback(&r.tx);
			bad += !ring_empty(&r.rx);
			/* Each of them ends where one that was taken back began. */
			for (i = 0; i < n; i++)
				bad += ring_send(&r.tx, i % 3 * 40, i + 100) ||
				       ring_recv(&r.rx, i % 3 * 40, i + 100) || !ring_empty(&r.rx);
		}
	OK(!bad, "what was taken back never comes, at each place of the ring");

	/* Short ones alone: a long one would be remembered for its own sake. */
	ring_drop(&r);
	ring_make(&r, CAPACITY);
	bad = 0;
	for (i = 0; i < 2000; i++) {
		/* Now and then nothing that lies ahead is known to be dirty. */
		for (n = 0; i % 50 == 0 && n < LINES + 16; n++)
			bad += ring_send(&r.tx, 8, n) || ring_recv(&r.rx, 8, n);
		bad += spl_tx_acquire(&r.tx, 1000, &payload) != 0;
		for (n = SPL_CHANNEL_LINE - 16; n < 992; n += SPL_CHANNEL_LINE)
			*(__u64 *)(void *)((char *)payload + n) =
				spl_message_stamp(r.tx.next + 16 + n) | 8;
		spl_tx_commit(&r.tx, 8, i, 0);
		spl_tx_flush(&r.tx);
		bad += spl_rx_acquire(&r.rx, &m) || !ring_empty(&r.rx);
		spl_rx_commit(&r.rx);
	}
	OK(!bad, "nor what was written beyond the bytes that were committed");

	/* The same, taken back before any commit. */
	ring_drop(&r);
	ring_make(&r, CAPACITY);
	bad = 0;
	for (i = 0; i < 200; i++) {
		bad += spl_tx_acquire(&r.tx, 1000, &payload) != 0;
		for (n = SPL_CHANNEL_LINE - 16; n < 992; n += SPL_CHANNEL_LINE)
			*(__u64 *)(void *)((char *)payload + n) =
				spl_message_stamp(r.tx.next + 16 + n) | 8;
		spl_tx_rollback(&r.tx);
		for (n = 0; n < 15; n++)
			bad += ring_send(&r.tx, 8, n) || ring_recv(&r.rx, 8, n) ||
			       !ring_empty(&r.rx);
	}
	OK(!bad, "nor what was written to room that was taken back");
	ring_drop(&r);
}

static void takeovers(void)
{
	__u32 line, i, bad = 0, lost = 0;
	struct ring r;

	ring_make(&r, CAPACITY);
	for (line = 0; line < LINES; line++) {
		move_to(&r, line);
		for (i = 0; i < 8; i++)
			bad += ring_send(&r.tx, i * 5, i) != 0;
		/* It dies with a batch in its hands, and before it said where the last message ended. */
		for (i = 0; i < 5; i++)
			bad += ring_put(&r.tx, 40, i) != 0;
		spl_store(&r.map.tx->head, 0);
		bad += ring_recv(&r.rx, 0, 0) != 0;
		bad += spl_tx_attach(&r.tx, &r.map) != 0;
		bad += spl_load(&r.map.tx->head) != r.tx.head;
		for (i = 1; i < 8; i++)
			lost += ring_recv(&r.rx, i * 5, i) != 0;
		bad += !ring_empty(&r.rx);
		/* The messages of its successor end where its own began. */
		for (i = 0; i < 5; i++)
			lost += ring_send(&r.tx, 40, i + 50) || ring_recv(&r.rx, 40, i + 50) ||
				!ring_empty(&r.rx);
	}
	OK(!bad && !lost, "a producer goes on where another ended, and nothing is lost");

	bad = 0;
	for (line = 0; line < LINES; line++) {
		move_to(&r, line);
		for (i = 0; i < 8; i++)
			bad += ring_send(&r.tx, i * 30, i) != 0;
		bad += ring_recv(&r.rx, 0, 0) || ring_take(&r.rx, 30, 1) || ring_take(&r.rx, 60, 2);
		bad += spl_rx_attach(&r.rx, &r.map) != 0;
		for (i = 1; i < 8; i++)
			bad += ring_recv(&r.rx, i * 30, i) != 0;
		bad += !ring_empty(&r.rx);
	}
	OK(!bad, "a consumer goes on with the first message that wasn't given back");

	/* A full ring, a new producer: no space, and none lost. */
	for (i = 0; i < LINES; i++)
		bad += ring_send(&r.tx, 1, i) != 0;
	bad += spl_tx_attach(&r.tx, &r.map) || ring_send(&r.tx, 0, 0) != -EAGAIN;
	bad += ring_recv(&r.rx, 1, 0) || ring_send(&r.tx, 0, LINES);
	for (i = 1; i <= LINES; i++)
		bad += ring_recv(&r.rx, i < LINES, i) != 0;
	OK(!bad && ring_empty(&r.rx), "a ring that is full is taken over as it is");
	ring_drop(&r);
}

/* Every word of the payload that could be taken for a header in a later lap is one. */
static void forged(void)
{
	__u64 x = 77, at, k;
	__u32 i, n, bytes, seen = 0, bad = 0;
	struct spl_received m;
	struct ring r;
	void *payload;

	ring_make(&r, CAPACITY);
	for (i = 0; i < 200000; i++) {
		bytes = (__u32)(ring_random(&x) % (i % 2 ? 49 : MAX + 1));
		MUST(!spl_tx_acquire(&r.tx, bytes, &payload), "space");
		memset(payload, 0, bytes);
		k = ring_random(&x) % 3 + (ring_random(&x) % 4 > 0);
		for (n = SPL_CHANNEL_LINE - 16; n + 8 <= bytes; n += SPL_CHANNEL_LINE) {
			at = r.tx.next + 16 + n + k * CAPACITY;
			*(__u64 *)(void *)((char *)payload + n) = spl_message_stamp(at) | 32;
		}
		spl_tx_commit(&r.tx, bytes, i, 0);
		spl_tx_flush(&r.tx);
		bad += spl_rx_acquire(&r.rx, &m) || m.bytes != bytes || m.type != i;
		if (!ring_empty(&r.rx))
			seen++;
		r.rx.next = r.tx.head; /* whatever came: on */
		spl_rx_commit(&r.rx);
	}
	OK(!bad && !seen, "payloads full of stamps are never taken for messages: %u were", seen);
	ring_drop(&r);
}

int main(void)
{
	plans();
	sizes(0, 256, 1, "every size from 0 to 256");
	sizes(257, MAX, 5, "sizes up to the longest");
	sizes(MAX, MAX, 1, "the longest");
	limits();
	space();
	batches();
	rollbacks();
	takeovers();
	forged();
	return tap_done();
}
