// SPDX-License-Identifier: MIT
// selftest-timeout: 120
/*
 * channel_rpc.c - calls over a pair of channels: replies in any order, calls that time out, replies that come too late, and
 * more calls and longer replies than the rings hold at once. The server is another process.
 */
#include "fixture.h"
#include "splinterk_channel.h"

#define CAPACITY 4096
#define LONGEST 2032

enum { ECHO, LAST_FIRST, LONG_REPLY, SILENT, ANSWER_NOW };

static struct splk_channel *end_of(int fd, uint32_t role)
{
	struct splk_channel_options o = { .size = sizeof(o), .role = role };
	struct splk_channel *ch = NULL;

	if (splk_channel_attach(fd, &o, &ch))
		_exit(9);
	return ch;
}

/* Calls of LAST_FIRST are kept until there are ten and answered backwards; one of SILENT waits for an ANSWER_NOW. */
static int serve(int calls_fd, int replies_fd)
{
	struct splk_channel *rx = end_of(calls_fd, SPLK_CHANNEL_RX);
	struct splk_channel *tx = end_of(replies_fd, SPLK_CHANNEL_TX);
	static char buf[LONGEST], kept[10][8];
	uint32_t kept_id[10], nr = 0, i = 0, silent = 0;
	struct splk_message m;
	ssize_t n;

	while ((n = splk_channel_recv(rx, buf, sizeof(buf), &m, SPLK_FOREVER)) >= 0) {
		switch (m.type) {
		case LAST_FIRST:
			memcpy(kept[nr], buf, 8);
			kept_id[nr++] = m.correlation;
			for (i = nr == 10 ? nr : 0; i; nr = --i)
				if (splk_channel_send(tx, kept[i - 1], 8, 0, kept_id[i - 1],
						      SPLK_FOREVER))
					return 1;
			break;
		case LONG_REPLY:
			if (splk_channel_send(tx, buf, LONGEST, 0, m.correlation, SPLK_FOREVER))
				return 2;
			break;
		case SILENT:
			silent = m.correlation;
			break;
		case ANSWER_NOW:
			if (splk_channel_send(tx, "late", 4, 0, silent, SPLK_FOREVER))
				return 3;
			/* fall through */
		default:
			if (splk_channel_send(tx, buf, (size_t)n, m.type + 100, m.correlation,
					      SPLK_FOREVER))
				return 4;
		}
	}
	return n == -EPIPE ? 0 : 5;
}

static struct splk_rpc *rpc;

static void echoes(void)
{
	char buf[LONGEST], back[LONGEST];
	struct splk_message m;
	uint32_t i, bad = 0;

	memset(buf, 'e', sizeof(buf));
	for (i = 0; i < 20000; i++) {
		memcpy(buf, &i, 4);
		bad += splk_rpc_call(rpc, buf, 4 + i % 1000, ECHO, back, sizeof(back), &m,
				     SPLK_FOREVER) != 4 + i % 1000 ||
		       memcmp(buf, back, 4 + i % 1000) || m.type != ECHO + 100;
	}
	OK(!bad, "20000 calls, 20000 replies");
}

static void out_of_order(void)
{
	uint32_t call[10], round, i, bad = 0;
	uint64_t value, back;

	for (round = 0; round < 100; round++) {
		for (i = 0; i < 10; i++) {
			value = round * 10 + i;
			bad += splk_rpc_send(rpc, &value, 8, LAST_FIRST, &call[i], SPLK_FOREVER) !=
			       0;
		}
		for (i = 0; i < 10; i++) {
			uint32_t at = (i * 7 + round) % 10;

			bad += splk_rpc_wait(rpc, call[at], &back, 8, NULL, SPLK_FOREVER) != 8 ||
			       back != round * 10 + at;
		}
	}
	OK(!bad, "each reply finds its call, sent backwards and asked for criss-cross");
}

static void many(void)
{
	static uint32_t call[SPLK_CALLS_MAX];
	char back[LONGEST];
	uint32_t i, more, bad = 0;
	uint64_t value;

	for (i = 0; i < SPLK_CALLS_MAX; i++) {
		value = i;
		bad += splk_rpc_send(rpc, &value, 8, LONG_REPLY, &call[i], SPLK_FOREVER) != 0;
	}
	IS(splk_rpc_send(rpc, &value, 8, LONG_REPLY, &more, SPLK_FOREVER), -ENOBUFS,
	   "no more calls than SPLK_CALLS_MAX");
	for (i = SPLK_CALLS_MAX; i--;) {
		bad += splk_rpc_wait(rpc, call[i], back, 8, NULL, SPLK_FOREVER) != -EMSGSIZE;
		bad += splk_rpc_wait(rpc, call[i], back, sizeof(back), NULL, SPLK_FOREVER) !=
		       LONGEST;
		memcpy(&value, back, 8);
		bad += value != i;
	}
	OK(!bad, "256 calls whose replies fill the ring 128 times over: no deadlock");
}

static void too_late(void)
{
	struct splk_message m;
	uint32_t call, other;
	char back[16];

	MUST(!splk_rpc_send(rpc, "s", 1, SILENT, &call, SPLK_FOREVER), "a call");
	IS(splk_rpc_wait(rpc, call, back, 16, &m, 0), -EAGAIN, "no reply yet");
	IS(splk_rpc_wait(rpc, call, back, 16, &m, splk_after(20000000)), -ETIMEDOUT,
	   "nor in 20 ms");
	IS(splk_rpc_call(rpc, "n", 1, ANSWER_NOW, back, 16, &m, SPLK_FOREVER), 1,
	   "another call meanwhile");
	IS(splk_rpc_wait(rpc, call, back, 16, &m, SPLK_FOREVER), 4, "its reply came with that");
	IS(splk_rpc_wait(rpc, call, back, 16, &m, 0), -ENOENT, "and the call is over");

	MUST(!splk_rpc_send(rpc, "s", 1, SILENT, &call, SPLK_FOREVER), "a call");
	IS(splk_rpc_cancel(rpc, call), 0, "cancelled");
	IS(splk_rpc_cancel(rpc, call), -ENOENT, "once");
	MUST(!splk_rpc_send(rpc, "n", 1, ANSWER_NOW, &other, SPLK_FOREVER), "a call");
	OK(splk_rpc_wait(rpc, other, back, 16, &m, SPLK_FOREVER) == 1 && back[0] == 'n',
	   "the late reply is nobody's");
}

/* Two channels with a server in this process, and callers who come and go. */
struct line {
	struct splk_channel *calls, *replies; /* neither end */
	struct splk_channel *server_rx, *server_tx;
	struct splk_channel *tx, *rx; /* the caller's */
	struct splk_rpc *caller;
};

static void line_open(struct line *l)
{
	struct splk_channel_options o = { .size = sizeof(o), .capacity = CAPACITY };

	MUST(!splk_channel_open(NULL, "memfd:calls", &o, &l->calls), "a channel");
	MUST(!splk_channel_open(NULL, "memfd:replies", &o, &l->replies), "a channel");
	l->server_rx = end_of(splk_channel_fd(l->calls), SPLK_CHANNEL_RX);
	l->server_tx = end_of(splk_channel_fd(l->replies), SPLK_CHANNEL_TX);
}

static void line_close(struct line *l)
{
	splk_channel_close(l->server_rx);
	splk_channel_close(l->server_tx);
	splk_channel_close(l->calls);
	splk_channel_close(l->replies);
}

static void caller_comes(struct line *l)
{
	l->tx = end_of(splk_channel_fd(l->calls), SPLK_CHANNEL_TX);
	l->rx = end_of(splk_channel_fd(l->replies), SPLK_CHANNEL_RX);
	MUST(!splk_rpc_new(l->tx, l->rx, &l->caller), "a caller");
}

static void caller_goes(struct line *l)
{
	splk_rpc_free(l->caller);
	splk_channel_close(l->tx);
	splk_channel_close(l->rx);
}

/* A short call that the server has received; what its reply will have to name. */
static uint32_t called(struct line *l, uint32_t *call)
{
	struct splk_message m;
	char buf[16];

	MUST(!splk_rpc_send(l->caller, "call", 4, 0, call, 0), "its call");
	MUST(splk_channel_recv(l->server_rx, buf, sizeof(buf), &m, 0) == 4, "received");
	return m.correlation;
}

static void reply_late(struct line *l, const uint32_t *old, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		MUST(!splk_channel_send(l->server_tx, "late", 4, 0, old[i], 0), "a late reply");
}

/* A caller is gone with a call unanswered, and its reply meets the first call of the next one. */
static void another_caller(void)
{
	uint32_t call, id, old[3];
	struct line l;
	char buf[16];
	int i;

	line_open(&l);
	for (i = 0; i < 3; i++) {
		caller_comes(&l);
		old[i] = called(&l, &call);
		caller_goes(&l);
	}
	caller_comes(&l);
	reply_late(&l, old, 3);
	id = called(&l, &call);
	MUST(!splk_channel_send(l.server_tx, "reply", 5, 0, id, 0), "its reply");
	OK(splk_rpc_wait(l.caller, call, buf, sizeof(buf), NULL, 0) == 5 &&
		   !memcmp(buf, "reply", 5),
	   "a reply to a caller who has gone isn't the next one's");
	caller_goes(&l);
	line_close(&l);
}

/* Replies to a caller who has gone don't count as those that the next one is owed: he goes on making space for them. */
static void owed_to_another(void)
{
	static char buf[LONGEST];
	struct splk_message m;
	uint32_t call, old[8];
	struct line l;
	int i;

	line_open(&l);
	caller_comes(&l);
	for (i = 0; i < 8; i++)
		old[i] = called(&l, &call);
	caller_goes(&l);
	caller_comes(&l);
	reply_late(&l, old, 8);
	for (i = 0; i < 4; i++) {
		MUST(!splk_rpc_send(l.caller, buf, 1200, 0, &call, 0), "a long call");
		if (!i) {
			MUST(splk_channel_recv(l.server_rx, buf, sizeof(buf), &m, 0) == 1200,
			     "received");
			MUST(!splk_channel_send(l.server_tx, buf, LONGEST, 0, m.correlation, 0),
			     "a long reply");
		}
	}
	MUST(splk_channel_recv(l.server_rx, buf, sizeof(buf), &m, 0) == 1200, "received");
	MUST(!splk_rpc_send(l.caller, buf, 1200, 0, &call, 0), "a long call");
	OK(splk_rpc_send(l.caller, buf, 1200, 0, &call, splk_after(1000000)) == -ETIMEDOUT,
	   "the server has the next call in hand, and there is no space for another");
	OK(!splk_channel_send(l.server_tx, buf, LONGEST, 0, m.correlation, 0),
	   "a caller without space for a call makes space for its reply");
	caller_goes(&l);
	line_close(&l);
}

int main(void)
{
	struct splk_channel_options o = { .size = sizeof(o), .capacity = CAPACITY };
	struct splk_channel *calls, *replies, *tx, *rx;
	pid_t server;

	MUST(!splk_channel_open(NULL, "memfd:calls", &o, &calls), "a channel");
	MUST(!splk_channel_open(NULL, "memfd:replies", &o, &replies), "a channel");
	fflush(stdout);
	server = fork();
	if (!server)
		_exit(serve(splk_channel_fd(calls), splk_channel_fd(replies)));
	tx = end_of(splk_channel_fd(calls), SPLK_CHANNEL_TX);
	rx = end_of(splk_channel_fd(replies), SPLK_CHANNEL_RX);
	IS(splk_rpc_new(rx, tx, &rpc), -EBADF, "the ends the wrong way round");
	MUST(!splk_rpc_new(tx, rx, &rpc), "a caller");
	echoes();
	out_of_order();
	many();
	too_late();
	another_caller();
	owed_to_another();
	splk_rpc_free(rpc);
	splk_rpc_free(NULL);
	splk_channel_close(tx);
	IS(wait_for(server), 0, "the server ends when its caller has gone");
	splk_channel_close(rx);
	splk_channel_close(calls);
	splk_channel_close(replies);
	return tap_done();
}
