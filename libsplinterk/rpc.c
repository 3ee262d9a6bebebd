// SPDX-License-Identifier: MIT
/* rpc.c - calls and replies over a pair of channels: which reply is whose. Messages are channel_io.c's. */
#include <stdlib.h>
#include <string.h>

#include "channel.h"

/* Ids come round: a reply to a call of so many ids ago isn't on its way any more. */
#define BEHIND_MAX (1U << 30)

enum call_state { CALL_FREE, CALL_SENT, CALL_REPLIED };

/*
 * @id: generation << 8 | slot, so that a late reply isn't taken for another call's, nor for one of a caller that had these
 * ends before: generations go on from the lines that have been sent through the channel, which are at least as many as
 * the calls.
 */
struct slot {
	enum call_state state;
	uint32_t id;
	struct splk_message reply; /* its payload is allocated */
};

/**
 * struct splk_rpc - a caller
 * @tx: calls go out
 * @rx: replies come in
 * @unanswered: calls sent, replies not yet seen; those that were cancelled too
 * @before: ids up to here, by their distance, were a caller's who had these ends before
 * @last: slot that was taken last
 * @slots: by the low bits of their ids
 */
struct splk_rpc {
	struct splk_channel *tx;
	struct splk_channel *rx;
	uint64_t unanswered;
	uint32_t before;
	uint32_t last;
	struct slot slots[SPLK_CALLS_MAX];
};

int splk_rpc_new(struct splk_channel *tx, struct splk_channel *rx, struct splk_rpc **rpc)
{
	struct splk_rpc *new;
	uint32_t i, first;

	if (!rpc)
		return -EINVAL;
	*rpc = NULL;
	if (!tx || !rx || tx->role != SPLK_CHANNEL_TX || rx->role != SPLK_CHANNEL_RX)
		return -EBADF;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->tx = tx;
	new->rx = rx;
	first = (uint32_t)(tx->tx.next / SPL_CHANNEL_LINE) * SPLK_CALLS_MAX;
	for (i = 0; i < SPLK_CALLS_MAX; i++)
		new->slots[i].id = first + i;
	new->before = first + SPLK_CALLS_MAX - 1;
	*rpc = new;
	return 0;
}

void splk_rpc_free(struct splk_rpc *rpc)
{
	uint32_t i;

	if (!rpc)
		return;
	for (i = 0; i < SPLK_CALLS_MAX; i++)
		free((void *)(uintptr_t)rpc->slots[i].reply.payload);
	free(rpc);
}

static struct slot *find(struct splk_rpc *rpc, uint32_t id)
{
	struct slot *s = &rpc->slots[id % SPLK_CALLS_MAX];

	return s->state != CALL_FREE && s->id == id ? s : NULL;
}

static void forget(struct slot *s)
{
	free((void *)(uintptr_t)s->reply.payload);
	s->reply.payload = NULL;
	s->state = CALL_FREE;
}

static struct slot *take(struct splk_rpc *rpc)
{
	struct slot *s;
	uint32_t i, at;

	for (i = 1; i <= SPLK_CALLS_MAX; i++) {
		at = (rpc->last + i) % SPLK_CALLS_MAX;
		s = &rpc->slots[at];
		if (s->state != CALL_FREE)
			continue;
		rpc->last = at;
		s->id += SPLK_CALLS_MAX;
		if (s->id - rpc->before > BEHIND_MAX)
			rpc->before = s->id - BEHIND_MAX;
		return s;
	}
	return NULL;
}

/* Does a reply, which may be to a call that was cancelled, count as one of @unanswered? */
static bool is_owed(const struct splk_rpc *rpc, uint32_t id)
{
	return (int32_t)(id - rpc->before) > 0;
}

/* Keeps a reply for its call. The message is acquired. */
static int keep(struct slot *s, const struct splk_message *m)
{
	void *copy = malloc(m->bytes ? m->bytes : 1);

	if (!copy)
		return -ENOMEM;
	spl_copy(copy, m->payload, m->bytes);
	s->reply = *m;
	s->reply.payload = copy;
	s->state = CALL_REPLIED;
	return 0;
}

/* Receives one message; if it is the reply to @mine it is left acquired, and @m says so by 1. */
static int receive(struct splk_rpc *rpc, const struct slot *mine, struct splk_message *m,
		   uint64_t deadline)
{
	int err = splk_channel_acquire_rx(rpc->rx, m, deadline);
	struct slot *s;

	if (err)
		return err;
	s = find(rpc, m->correlation);
	if (s && s == mine && s->state == CALL_SENT)
		return 1;
	if (s && s->state == CALL_SENT)
		err = keep(s, m);
	if (err) {
		splk_channel_rollback(rpc->rx);
		return err;
	}
	if (rpc->unanswered && is_owed(rpc, m->correlation))
		rpc->unanswered--;
	return splk_channel_commit_rx(rpc->rx);
}

int splk_rpc_send(struct splk_rpc *rpc, const void *buf, size_t bytes, uint32_t type,
		  uint32_t *call, uint64_t deadline)
{
	struct splk_message m;
	struct slot *s;
	int err;

	if (!call)
		return -EINVAL;
	s = take(rpc);
	if (!s)
		return -ENOBUFS;
	for (;;) {
		/* Without calls under way there is nothing to wait for but the space. */
		err = splk_channel_send(rpc->tx, buf, bytes, type, s->id,
					rpc->unanswered ? 0 : deadline);
		if (err != -EAGAIN || !rpc->unanswered)
			break;
		/* The server may be waiting for space too: that of replies. */
		err = receive(rpc, NULL, &m, deadline);
		if (err)
			break;
	}
	if (err) {
		s->id -= SPLK_CALLS_MAX;
		return err;
	}
	rpc->unanswered++;
	s->state = CALL_SENT;
	*call = s->id;
	return 0;
}

/* A reply that came earlier, or has just come: to the caller. */
static ssize_t deliver(struct slot *s, const struct splk_message *m, void *buf, size_t size,
		       struct splk_message *message)
{
	if (message) {
		*message = *m;
		message->payload = buf;
	}
	if (m->bytes > size)
		return -EMSGSIZE;
	spl_copy(buf, m->payload, m->bytes);
	forget(s);
	return (ssize_t)m->bytes;
}

ssize_t splk_rpc_wait(struct splk_rpc *rpc, uint32_t call, void *buf, size_t size,
		      struct splk_message *message, uint64_t deadline)
{
	struct slot *s = find(rpc, call);
	struct splk_message m;
	ssize_t r;

	if (!s)
		return -ENOENT;
	if (s->state == CALL_REPLIED) {
		m = s->reply;
		return deliver(s, &m, buf, size, message);
	}
	do
		r = receive(rpc, s, &m, deadline);
	while (!r);
	if (r < 0)
		return r;
	r = deliver(s, &m, buf, size, message);
	if (r < 0) {
		splk_channel_rollback(rpc->rx);
		return r;
	}
	if (rpc->unanswered)
		rpc->unanswered--;
	splk_channel_commit_rx(rpc->rx);
	return r;
}

int splk_rpc_cancel(struct splk_rpc *rpc, uint32_t call)
{
	struct slot *s = find(rpc, call);

	if (!s)
		return -ENOENT;
	forget(s);
	return 0;
}

ssize_t splk_rpc_call(struct splk_rpc *rpc, const void *buf, size_t bytes, uint32_t type,
		      void *reply, size_t size, struct splk_message *message, uint64_t deadline)
{
	uint32_t call;
	ssize_t r = splk_rpc_send(rpc, buf, bytes, type, &call, deadline);

	if (r)
		return r;
	r = splk_rpc_wait(rpc, call, reply, size, message, deadline);
	if (r < 0)
		(void)splk_rpc_cancel(rpc, call);
	return r;
}
