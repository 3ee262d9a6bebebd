// SPDX-License-Identifier: MIT
/*
 * wire.c - the least that a client of Redis or memcached can do: requests into one buffer, one send, and as many
 * bytes back as the answers have. A client library would only be slower.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench.h"

#define FRAME 128 /* more than what stands around key and value in any request or answer */

void wire_make(struct wire *w, enum server which, int fd, struct seq *q, uint32_t n, uint32_t depth)
{
	*w = (struct wire){ .which = which, .fd = fd, .q = q, .n = n, .depth = depth };
	w->out = calloc(depth, n + FRAME);
	w->in = calloc(depth, n + FRAME);
	if (!w->out || !w->in)
		die("no memory");
}

static void send_all(struct wire *w, size_t bytes)
{
	const char *at = w->out;
	ssize_t n;

	for (; bytes; bytes -= (size_t)n, at += n) {
		n = send(w->fd, at, bytes, MSG_NOSIGNAL);
		if (n <= 0)
			die("a server hung up: %s", strerror(errno));
	}
}

static void receive_all(struct wire *w, size_t bytes)
{
	char *at = w->in;
	ssize_t n;

	for (; bytes; bytes -= (size_t)n, at += n) {
		n = recv(w->fd, at, bytes, 0);
		if (n <= 0)
			die("a server hung up: %s", n ? strerror(errno) : "end of file");
	}
}

static size_t ask_get(const struct wire *w, char *out, const struct key16 *key)
{
	if (w->which == REDIS)
		return (size_t)sprintf(out, "*2\r\n$3\r\nGET\r\n$%d\r\n%.16s\r\n", KEY_BYTES,
				       key->b);
	return (size_t)sprintf(out, "get %.16s\r\n", key->b);
}

static size_t ask_set(const struct wire *w, char *out, const struct key16 *key)
{
	size_t at;

	if (w->which == REDIS)
		at = (size_t)sprintf(out, "*3\r\n$3\r\nSET\r\n$%d\r\n%.16s\r\n$%u\r\n", KEY_BYTES,
				     key->b, w->n);
	else
		at = (size_t)sprintf(out, "set %.16s 0 0 %u\r\n", key->b, w->n);
	memset(out + at, 'v', w->n);
	memcpy(out + at + w->n, "\r\n", 2);
	return at + w->n + 2;
}

static size_t answer_get(const struct wire *w, char *line)
{
	/* Every value has the same length, and so have the answers. */
	if (w->which == REDIS)
		return (size_t)sprintf(line, "$%u\r\n", w->n) + w->n + 2;
	return (size_t)sprintf(line, "VALUE %.16s 0 %u\r\n", w->q->keys[0].b, w->n) + w->n + 7;
}

static void go(struct wire *w, uint64_t ops, bool set, const struct key16 *keys)
{
	const char *good = w->which == REDIS ? "+OK\r\n" : "STORED\r\n";
	size_t answer, bytes;
	char line[FRAME];
	uint64_t i, k, n;

	answer = set ? strlen(good) : answer_get(w, line);
	for (i = 0; i < ops; i += n) {
		n = ops - i < w->depth ? ops - i : w->depth;
		for (k = 0, bytes = 0; k < n; k++)
			bytes += set ? ask_set(w, w->out + bytes, &keys[i + k])
				     : ask_get(w, w->out + bytes, &keys[i + k]);
		send_all(w, bytes);
		receive_all(w, n * answer);
		if (w->in[0] != (set ? *good : *line) || w->in[n * answer - 1] != '\n')
			die("a server gave an answer that isn't one: %.20s", w->in);
	}
}

void wire_fill(struct wire *w, uint64_t keys)
{
	struct key16 key;
	uint64_t i;

	for (i = 0; i < keys; i++) {
		key_of(i, &key);
		go(w, 1, true, &key);
	}
}

static void go_on(struct wire *w, uint64_t ops, bool set)
{
	uint64_t first, count;

	for (; ops; ops -= count) {
		count = seq_piece(w->q, ops, &first);
		go(w, count, set, w->q->keys + first);
	}
}

void wire_get(void *context, uint64_t ops)
{
	go_on(context, ops, false);
}

void wire_set(void *context, uint64_t ops)
{
	go_on(context, ops, true);
}
