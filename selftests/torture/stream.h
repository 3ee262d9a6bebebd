/* SPDX-License-Identifier: MIT */
/*
 * stream.h - the messages of a channel by their numbers: who knows a number knows where in the ring its message stands and
 * what it says, so that whoever receives can tell that all came, once, whole and in order. The ends that send and receive
 * while a victim is stopped or dead are here too; the victims are channels.h's.
 */
#ifndef _SELFTESTS_TORTURE_STREAM_H
#define _SELFTESTS_TORTURE_STREAM_H

#include <sched.h>
#include <sys/stat.h>

#include "judge.h"
#include "splinter_ring.h"
#include "splinterk.h"
#include "splinterk_channel.h"

#define TX SPLK_CHANNEL_TX
#define RX SPLK_CHANNEL_RX

#define RING 4096U
#define LINES (RING / SPL_CHANNEL_LINE)
#define MESSAGE_MAX 2032U
#define SHORT 24U
#define LONG 1500U /* more than a quarter of the ring */
#define NUMBERS 4096

/* What another process has done with a channel; shared. */
#define GOT_MAX 8
struct ended {
	int r; /* of the call that it ended with */
	__u32 nr; /* messages that calls which have returned have published, or given back */
	struct got {
		struct splk_message m;
		unsigned char payload[MESSAGE_MAX];
	} got[GOT_MAX];
};

/*
 * @sent, @received: the numbers that the next one sent, and received, has; @was_sent, @was_received: when a victim begins.
 * @tx, @rx: ends of the harness
 */
static struct {
	int fd;
	unsigned char *bytes, *saved;
	size_t size;
	const struct spl_channel_info *info;
	const struct spl_channel_tx *tx_page;
	const struct spl_channel_rx *rx_page;
	unsigned char *data;
	struct splk_channel *tx, *rx;
	__u32 sent, received, was_sent, was_received;
	__u32 bytes_of[NUMBERS];
	__u64 where[NUMBERS + 1];
} stream;

static void stream_fail(const char *why, long a, long b)
{
	char buf[160];

	snprintf(buf, sizeof(buf), "%s: %ld, %ld", why, a, b);
	failure(NULL, buf);
}

/* The message of this number will have @bytes. */
static void stream_plan(__u32 nr, __u32 bytes)
{
	if (nr >= NUMBERS)
		die("more than %d messages", NUMBERS);
	stream.bytes_of[nr] = bytes;
	stream.where[nr + 1] = stream.where[nr] + spl_message_room(bytes);
}

static __u32 stream_type(__u32 nr)
{
	return nr * 7 + 1;
}

/*
 * The payload of a message that stands at @pos. Where a line begins it is made to look like a message: on odd lines, like
 * one that stands there now; on even ones, like one in the next round. Both must never be taken for one.
 */
static void stream_fill(unsigned char *payload, __u32 nr, __u64 pos, __u32 bytes)
{
	__u64 from = pos + SPL_CHANNEL_HEADER, line, word;
	__u32 i;

	for (i = 0; i < bytes; i++)
		payload[i] = (unsigned char)(nr * 37 + i * 5 + i / 256);
	for (line = pos + SPL_CHANNEL_LINE; line + sizeof(word) <= from + bytes;
	     line += SPL_CHANNEL_LINE) {
		word = spl_message_stamp(line / SPL_CHANNEL_LINE & 1 ? line : line + RING) | 8;
		memcpy(payload + (line - from), &word, sizeof(word));
	}
}

/* Is it this message, whole? */
static bool stream_is(__u32 nr, const struct splk_message *m, const void *payload)
{
	static unsigned char should[MESSAGE_MAX];
	__u32 bytes = stream.bytes_of[nr];

	stream_fill(should, nr, stream.where[nr], bytes);
	return m->bytes == bytes && m->type == stream_type(nr) && m->correlation == nr &&
	       !memcmp(payload, should, bytes);
}

/* Messages that are there for a consumer, of those with numbers from @nr on and below @end. */
static __u32 stream_visible(__u32 nr, __u32 end)
{
	__u32 n = nr;
	__u64 word;

	for (; n < end; n++) {
		word = spl_load_acquire((const __u64 *)(stream.data + stream.where[n] % RING));
		if (!spl_message_there(word, stream.where[n]))
			break;
		if (spl_message_bytes(word) != stream.bytes_of[n])
			stream_fail("a message has another length", n, spl_message_bytes(word));
	}
	return n - nr;
}

/* The number of the first message that wasn't given back. */
static __u32 stream_given_back(void)
{
	__u64 read = spl_load_acquire(&stream.rx_page->read);
	__u32 n;

	for (n = stream.was_received; n < NUMBERS && stream.where[n] < read; n++)
		;
	if (stream.where[n] != read)
		stream_fail("no message starts where the consumer is", (long)read, n);
	return n;
}

static int stream_take(__u32 role, struct splk_channel **ch)
{
	struct splk_channel_options o = { .size = sizeof(o),
					  .role = role,
					  .spins = SPLK_SPINS_NONE };

	return splk_channel_attach(stream.fd, &o, ch);
}

static int stream_send(__u32 bytes, __u64 deadline)
{
	static unsigned char buf[MESSAGE_MAX];
	__u32 nr = stream.sent;
	int r;

	stream_plan(nr, bytes);
	stream_fill(buf, nr, stream.where[nr], bytes);
	r = splk_channel_send(stream.tx, buf, bytes, stream_type(nr), nr, deadline);
	if (!r)
		stream.sent++;
	beat++;
	return r;
}

/* 0: the next one has come. */
static int stream_receive(__u64 deadline)
{
	static unsigned char buf[MESSAGE_MAX];
	struct splk_message m;
	long r = splk_channel_recv(stream.rx, buf, sizeof(buf), &m, deadline);

	beat++;
	if (r < 0)
		return (int)r;
	if (!stream_is(stream.received, &m, buf))
		stream_fail("another message came, or a torn one", stream.received, m.correlation);
	stream.received++;
	return 0;
}

/* Until the deadline, which is now; the beat of judge.h may come before it. */
static int stream_wait(struct splk_channel *ch, __u32 bytes)
{
	int r;

	do
		r = splk_channel_wait(ch, bytes, splk_after(1));
	while (r == -EINTR);
	return r;
}

static void must(const char *what, long is, long should)
{
	if (is != should)
		stream_fail(what, is, should);
}

/* What an end is told that could only go on if the other one, of @role, did something. */
static int stream_none(__u32 role)
{
	const struct spl_channel_end *end = role == TX ? &stream.info->tx : &stream.info->rx;

	return spl_channel_gone(spl_load_acquire(&end->taken)) ? -EPIPE : -EAGAIN;
}

/* All that a consumer can do, where @nr messages are there. */
static void stream_consume(__u32 nr)
{
	struct splk_message m;
	__u32 i;

	if (nr) {
		must("a look", splk_channel_wait(stream.rx, 0, 0), 0);
		must("acquire", splk_channel_acquire_rx(stream.rx, &m, 0), 0);
		must("rollback", splk_channel_rollback(stream.rx), 0);
	}
	if (nr > 2) {
		for (i = 0; i < 2; i++) {
			must("acquire", splk_channel_acquire_rx(stream.rx, &m, 0), 0);
			if (!stream_is(stream.received + i, &m, m.payload))
				stream_fail("another message came, or a torn one",
					    stream.received + i, m.correlation);
		}
		must("commit", splk_channel_commit_rx(stream.rx), 0);
		stream.received += 2;
		nr -= 2;
	}
	for (i = 0; i < nr; i++)
		must("receive", stream_receive(0), 0);
	must("receive from an empty ring", stream_receive(0), stream_none(TX));
	must("wait for a message", stream_wait(stream.rx, 0),
	     stream_none(TX) == -EPIPE ? -EPIPE : -ETIMEDOUT);
}

/* Up to the last line that there is. */
static void stream_brim(void)
{
	__u64 read = spl_load(&stream.rx_page->read);
	__u32 i, free = (__u32)(read + RING - stream.where[stream.sent]) / SPL_CHANNEL_LINE;

	for (i = 0; i < free; i++)
		must("send where there is space", stream_send(i % 49, 0), 0);
	must("send to a full ring", stream_send(SHORT, 0), -EAGAIN);
}

/* What is written and taken back must never be seen. */
static void stream_take_back(__u32 bytes)
{
	void *room;

	if (splk_channel_acquire_tx(stream.tx, bytes, &room, 0))
		return;
	stream_fill(room, NUMBERS, stream.where[stream.sent], bytes);
	must("rollback", splk_channel_rollback(stream.tx), 0);
}

/* All that a producer can do. */
static void stream_produce(void)
{
	void *room;
	__u32 i;

	stream_take_back(600);
	for (i = 0; i < 3; i++) {
		stream_plan(stream.sent, SHORT);
		if (splk_channel_acquire_tx(stream.tx, SHORT, &room, 0))
			break;
		stream_fill(room, stream.sent, stream.where[stream.sent], SHORT);
		must("commit",
		     splk_channel_commit_tx(stream.tx, SHORT, stream_type(stream.sent), stream.sent,
					    SPLK_MORE),
		     0);
		stream.sent++;
	}
	must("flush", splk_channel_flush(stream.tx), 0);
	stream_brim();
	must("wait for space", stream_wait(stream.tx, SHORT), -ETIMEDOUT);
}

/*
 * The harness has both ends: all that was sent comes, and things go on for more than two rounds. A death may have cost the
 * counters up to @lag messages.
 */
static void stream_goes_on(__u32 lag)
{
	__u64 sent, received;
	__u32 i;

	while (stream.received < stream.sent)
		if (stream_receive(0)) {
			stream_fail("a message is lost", stream.received, stream.sent);
			return;
		}
	for (i = 0; i < 2 * LINES + 8; i++) {
		must("send", stream_send(i % 32 == 31 ? LONG : i * 7 % 49, 0), 0);
		must("receive", stream_receive(0), 0);
		must("receive from an empty ring", stream_receive(0), -EAGAIN);
	}
	stream_produce();
	must("a full ring", (long)(stream.where[stream.sent] - stream.where[stream.received]),
	     RING);
	stream_consume(stream.sent - stream.received);
	must("head", (long)stream.tx_page->head, (long)stream.where[stream.sent]);
	must("read", (long)stream.rx_page->read, (long)stream.where[stream.sent]);
	sent = stream.tx_page->nr_messages;
	received = stream.rx_page->nr_messages;
	if (stream.sent - sent > lag || stream.sent - received > lag)
		stream_fail("the counters are wrong", (long)sent, (long)received);
}

#endif /* _SELFTESTS_TORTURE_STREAM_H */
