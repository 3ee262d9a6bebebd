/* SPDX-License-Identifier: MIT */
/*
 * channels.h - what one end of an embedded channel does, led through instruction by instruction while the other end does all
 * that it can, goes on doing it when the victim has died, and meets its successor. Who has an end is told by a lock that a
 * copy of a process would share, so each boundary takes a victim of its own. What must come of it is stream.h's to know.
 */
#ifndef _SELFTESTS_TORTURE_CHANNELS_H
#define _SELFTESTS_TORTURE_CHANNELS_H

#include <sys/prctl.h>

#include "stream.h"
#include "way.h"

#define FROM_FULL (1U << 0) /* no space at first */
#define FROM_DEATH (1U << 1) /* the end's last owner was killed in the middle of a batch */
#define FROM_NOTHING (1U << 2) /* the victim hasn't the end yet */
#define GETS_SPACE (1U << 3) /* the consumer gives back when the producer has looked already */
#define MAY_FAIL (1U << 4) /* with EAGAIN: who comes first decides */
#define SLEEPER (1U << 5) /* the other end sleeps meanwhile */
#define FOREVER (1U << 6) /* the victim may sleep */
#define LEAVES (1U << 7) /* the victim lets its end go */
#define AT_ONCE (1U << 8) /* its messages are published together */
#define OLD \
	(1U \
	 << 9) /* the victim has sent for a round: what it found in the ring doesn't matter any more */

#define SLEEPER_MESSAGES 3

#define BATCH_MAX 4

/**
 * struct channel_case - an operation of an end
 * @name: for people
 * @role: the victim's
 * @flags: above
 * @line: where in the ring its first message stands
 * @there: TX: messages that are there before its own; RX: of its own
 * @nr: its messages
 * @bytes: of each
 * @run: stepped through
 */
struct channel_case {
	const char *name;
	__u32 role;
	__u32 flags;
	__u32 line;
	__u32 there;
	__u32 nr;
	__u32 bytes[BATCH_MAX];
	int (*run)(void);
};

static const struct channel_case *channel_case;
static struct splk_channel *mine; /* the victim's */
static struct ended *victims, *sleepers; /* shared */
static unsigned char outgoing[BATCH_MAX][MESSAGE_MAX], garbage[MESSAGE_MAX];
static pid_t sleeper;

static __u64 patience(void)
{
	return channel_case->flags & FOREVER ? SPLK_FOREVER : 0;
}

static int victim_take(void)
{
	return stream_take(channel_case->role, &mine);
}

static int victim_sends(void)
{
	__u32 i, nr;
	int r;

	for (i = 0; i < channel_case->nr; i++) {
		nr = stream.was_sent + i;
		r = splk_channel_send(mine, outgoing[i], channel_case->bytes[i], stream_type(nr),
				      nr, patience());
		if (r)
			return r;
		victims->nr++;
	}
	return 0;
}

static int victim_commits(__u32 i, __u32 acquired)
{
	__u32 nr = stream.was_sent + i;
	void *room;
	int r = splk_channel_acquire_tx(mine, acquired, &room, 0);

	if (r)
		return r;
	if (acquired > channel_case->bytes[i])
		spl_copy(room, garbage, acquired);
	spl_copy(room, outgoing[i], channel_case->bytes[i]);
	return splk_channel_commit_tx(mine, channel_case->bytes[i], stream_type(nr), nr, SPLK_MORE);
}

static int victim_flushes(void)
{
	int r = splk_channel_flush(mine);

	victims->nr = channel_case->nr;
	return r;
}

static int victim_sends_batch(void)
{
	__u32 i;
	int r;

	for (i = 0; i < channel_case->nr; i++) {
		r = victim_commits(i, channel_case->bytes[i]);
		if (r)
			return r;
	}
	return victim_flushes();
}

static int victim_sends_less(void)
{
	int r = victim_commits(0, 1000);

	return r ? r : victim_flushes();
}

static int victim_sends_many(void)
{
	struct splk_message m[BATCH_MAX] = { 0 };
	__u32 i;
	int r;

	for (i = 0; i < channel_case->nr; i++) {
		m[i].payload = outgoing[i];
		m[i].bytes = channel_case->bytes[i];
		m[i].type = stream_type(stream.was_sent + i);
		m[i].correlation = stream.was_sent + i;
	}
	r = splk_channel_send_many(mine, m, (int)i, 0);
	if (r > 0)
		victims->nr = (__u32)r;
	return r == (int)i ? 0 : r;
}

static int victim_takes_back(void)
{
	void *room;
	int r = splk_channel_acquire_tx(mine, 1000, &room, 0);

	if (r)
		return r;
	spl_copy(room, garbage, 1000);
	splk_channel_rollback(mine);
	r = victim_commits(0, 900);
	if (r)
		return r;
	splk_channel_rollback(mine);
	return victim_sends();
}

static int victim_takes_back_batch(void)
{
	void *room;
	int i, r = 0;

	for (i = 0; !r && i < 2; i++) {
		r = splk_channel_acquire_tx(mine, SHORT, &room, 0);
		if (!r)
			r = splk_channel_commit_tx(mine, SHORT, 0, 0, SPLK_MORE);
	}
	splk_channel_rollback(mine);
	return r ? r : victim_sends();
}

static int victim_receives(void)
{
	struct got *got;
	__u32 i;
	long r;

	for (i = 0; i < channel_case->nr; i++) {
		got = &victims->got[i];
		r = splk_channel_recv(mine, got->payload, sizeof(got->payload), &got->m,
				      patience());
		if (r < 0)
			return (int)r;
		victims->nr++;
	}
	return 0;
}

static int victim_acquires(__u32 i)
{
	struct got *got = &victims->got[i];
	int r = splk_channel_acquire_rx(mine, &got->m, 0);

	if (!r)
		spl_copy(got->payload, got->m.payload, got->m.bytes);
	return r;
}

static int victim_gives_back(__u32 nr)
{
	int r = splk_channel_commit_rx(mine);

	victims->nr += nr;
	return r;
}

static int victim_receives_batch(void)
{
	__u32 i;
	int r;

	for (i = 0; i < channel_case->nr; i++) {
		r = victim_acquires(i);
		if (r)
			return r;
	}
	return victim_gives_back(channel_case->nr);
}

static int victim_receives_many(void)
{
	struct splk_message m[BATCH_MAX];
	int i, r = splk_channel_acquire_rx_many(mine, m, BATCH_MAX, 0);

	for (i = 0; i < r; i++) {
		victims->got[i].m = m[i];
		spl_copy(victims->got[i].payload, m[i].payload, m[i].bytes);
	}
	return r < 0 ? r : victim_gives_back((__u32)r);
}

static int victim_receives_again(void)
{
	int r = victim_acquires(0);

	if (!r)
		r = victim_acquires(1);
	splk_channel_rollback(mine);
	if (!r)
		r = victim_acquires(0);
	return r ? r : victim_gives_back(1);
}

static int victim_takes_over(void)
{
	int r = victim_take();

	if (r)
		return r;
	return channel_case->role == TX ? victim_sends() : victim_receives();
}

static int victim_closes(void)
{
	splk_channel_close(mine);
	return 0;
}

static const struct channel_case channel_cases[] = {
	{ "tx-send", TX, 0, 60, 2, 2, { SHORT, 48 }, victim_sends },
	{ "tx-send-empty", TX, 0, 63, 0, 1, { 0 }, victim_sends },
	{ "tx-send-long", TX, 0, 50, 2, 2, { LONG, SHORT }, victim_sends },
	{ "tx-batch", TX, AT_ONCE, 60, 1, 3, { SHORT, 200, 48 }, victim_sends_batch },
	{ "tx-many", TX, AT_ONCE, 60, 1, 3, { 48, 200, SHORT }, victim_sends_many },
	{ "tx-send-less", TX, OLD, 56, 0, 1, { SHORT }, victim_sends_less },
	{ "tx-rollback", TX, OLD, 56, 0, 1, { SHORT }, victim_takes_back },
	{ "tx-rollback-batch", TX, OLD, 56, 0, 1, { SHORT }, victim_takes_back_batch },
	{ "tx-full", TX, FROM_FULL | MAY_FAIL, 10, 0, 1, { SHORT }, victim_sends },
	{ "tx-space", TX, FROM_FULL | GETS_SPACE, 10, 0, 2, { SHORT, SHORT }, victim_sends },
	{ "tx-sleep", TX, FROM_FULL | FOREVER, 10, 0, 1, { SHORT }, victim_sends },
	{ "tx-wake", TX, SLEEPER, 60, 0, 1, { SHORT }, victim_sends },
	{ "tx-takeover", TX, FROM_DEATH | FROM_NOTHING, 50, 1, 1, { SHORT }, victim_takes_over },
	{ "tx-close", TX, LEAVES, 60, 2, 0, { 0 }, victim_closes },
	{ "rx-receive", RX, 0, 60, 3, 3, { SHORT, 0, 48 }, victim_receives },
	{ "rx-receive-long", RX, 0, 50, 2, 2, { LONG, SHORT }, victim_receives },
	{ "rx-batch", RX, 0, 60, 3, 3, { SHORT, 200, 48 }, victim_receives_batch },
	{ "rx-many", RX, 0, 60, 3, 3, { 48, 200, SHORT }, victim_receives_many },
	{ "rx-rollback", RX, 0, 62, 2, 2, { 100, SHORT }, victim_receives_again },
	{ "rx-empty", RX, MAY_FAIL, 5, 1, 2, { SHORT }, victim_receives },
	{ "rx-sleep", RX, FOREVER, 5, 0, 1, { 0 }, victim_receives },
	{ "rx-wake", RX, FROM_FULL | SLEEPER, 10, 0, 1, { 0 }, victim_receives },
	{ "rx-takeover", RX, FROM_DEATH | FROM_NOTHING, 50, 1, 1, { LONG }, victim_takes_over },
	{ "rx-close", RX, LEAVES, 60, 2, 2, { SHORT, SHORT }, victim_closes },
};

#define NR_CHANNEL_CASES ((int)(sizeof(channel_cases) / sizeof(channel_cases[0])))

static bool victim_ages(void)
{
	static unsigned char buf[MESSAGE_MAX];
	struct splk_channel *rx;
	__u32 nr = stream.was_sent - LINES;

	if (stream_take(RX, &rx))
		return false;
	for (; nr < stream.was_sent; nr++) {
		stream_fill(buf, nr, stream.where[nr], SHORT);
		if (splk_channel_send(mine, buf, SHORT, stream_type(nr), nr, 0) ||
		    splk_channel_recv(rx, buf, sizeof(buf), NULL, 0) != SHORT)
			return false;
	}
	splk_channel_close(rx);
	return true;
}

static void channel_before(void)
{
	if (!(channel_case->flags & FROM_NOTHING) && victim_take())
		_exit(98);
	if (channel_case->flags & OLD && !victim_ages())
		_exit(98);
}

static spl_noinline void channel_work(void *arg)
{
	(void)arg;
	victims->r = channel_case->run();
}

/* Another process: sends some messages, or receives up to a long one, and sleeps whenever it has to. */
static void __attribute__((noreturn)) sleeper_work(void)
{
	struct splk_channel *ch;
	struct got *got;
	__u32 i, nr;
	long r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (stream_take(channel_case->role == TX ? RX : TX, &ch))
		_exit(2);
	for (i = 0; i < SLEEPER_MESSAGES; i++) {
		got = &sleepers->got[i];
		nr = stream.was_sent + i;
		stream_fill(garbage, nr, stream.where[nr], SHORT);
		/* EPIPE: the victim has gone and its successor isn't there yet. */
		do {
			if (channel_case->role == RX)
				r = splk_channel_send(ch, garbage, SHORT, stream_type(nr), nr,
						      SPLK_FOREVER);
			else
				r = splk_channel_recv(ch, got->payload, sizeof(got->payload),
						      &got->m, SPLK_FOREVER);
		} while (r == -EPIPE);
		if (r < 0)
			_exit(3);
		__atomic_fetch_add(&sleepers->nr, 1, __ATOMIC_RELEASE);
		if (channel_case->role == TX && got->m.bytes == LONG)
			break;
	}
	_exit(0);
}

static void sleeper_start(void)
{
	int status;

	if (sleeper) {
		kill(sleeper, SIGKILL);
		waitpid(sleeper, &status, 0);
	}
	memset(sleepers, 0, sizeof(*sleepers));
	fflush(stdout);
	sleeper = fork();
	if (sleeper < 0)
		die("fork");
	if (!sleeper)
		sleeper_work();
	while (!process_sleeps(sleeper) ||
	       !spl_load(channel_case->role == TX ? &stream.info->rx.asleep
						  : &stream.info->tx.asleep))
		sched_yield();
}

static void sleeper_end(void)
{
	must("the sleeper", victim_wait(sleeper), 0);
	sleeper = 0;
}

static void ends_close(void)
{
	splk_channel_close(stream.tx);
	splk_channel_close(stream.rx);
	stream.tx = NULL;
	stream.rx = NULL;
}

/* What is sent next: by the victim, or by the one that sleeps while the victim receives. */
static void channel_plan(const struct channel_case *c)
{
	__u32 i, nr;

	for (i = 0; i < (c->role == TX ? c->nr : SLEEPER_MESSAGES); i++) {
		nr = stream.was_sent + i;
		stream_plan(nr, c->role == TX ? c->bytes[i] : SHORT);
		if (c->role == TX)
			stream_fill(outgoing[i], nr, stream.where[nr], c->bytes[i]);
	}
	stream_fill(garbage, NUMBERS, stream.where[stream.was_sent], sizeof(garbage));
}

static void channel_other(void)
{
	__u32 other = channel_case->role == TX ? RX : TX;

	if (stream_take(other, other == TX ? &stream.tx : &stream.rx))
		failure(NULL, "the other end can't be had");
}

static void channel_reset(void)
{
	ends_close();
	memcpy(stream.bytes, stream.saved, stream.size);
	stream.sent = stream.was_sent;
	stream.received = stream.was_received;
	channel_plan(channel_case);
	memset(victims, 0, sizeof(*victims));
	victims->r = 1;
	if (!(channel_case->flags & (SLEEPER | OLD)))
		channel_other();
}

/* The victim has its end, and has taken no step. */
static void channel_meanwhile(void)
{
	int i;

	if (channel_case->flags & SLEEPER)
		sleeper_start();
	if (channel_case->flags & OLD)
		channel_other();
	for (i = 0; channel_case->flags & GETS_SPACE && i < 3; i++)
		must("receive", stream_receive(0), 0);
}

static struct way channel_way = {
	.work = channel_work,
	.before = channel_before,
	.reset = channel_reset,
	.meanwhile = channel_meanwhile,
};

/* How many messages the victim has published: all of which it knows, and only whole batches. */
static __u32 published(void)
{
	__u32 nr = stream_visible(stream.was_sent, stream.was_sent + channel_case->nr);

	if (nr < victims->nr || (channel_case->flags & AT_ONCE && nr && nr < channel_case->nr))
		stream_fail("published is not what was sent", nr, victims->nr);
	return nr;
}

/* What the victim says that it received is what was sent. */
static void judge_received(const struct ended *e, __u32 from, __u32 nr)
{
	__u32 i;

	for (i = 0; i < nr && i < GOT_MAX; i++)
		if (!stream_is(from + i, &e->got[i].m, e->got[i].payload))
			stream_fail("given back and not received whole", from + i, nr);
}

/* Whether somebody else may take the victim's end now, is up to who comes first; who does leaves it again. */
static void intrude(void)
{
	struct splk_channel **end = channel_case->role == TX ? &stream.tx : &stream.rx;
	int r = stream_take(channel_case->role, end);

	if (r || !(channel_case->flags & (FROM_NOTHING | LEAVES))) {
		must("another end", r, -EBUSY);
		return;
	}
	if (channel_case->role == TX)
		stream.sent = stream.was_sent + published();
	splk_channel_close(*end);
	*end = NULL;
}

/* The victim produces, and is stopped: @all of what a consumer can do, or one thing. */
static void beside_tx(bool all)
{
	__u32 left, there = stream.was_sent - stream.received, nr = there + published();

	intrude();
	if (all) {
		stream_consume(nr);
		return;
	}
	must("receive", stream_receive(0), nr ? 0 : stream_none(TX));
	left = stream_visible(stream.received, stream.was_sent + channel_case->nr);
	must("messages after one was received", left, nr - !!nr);
}

static void beside_rx(bool all)
{
	bool gone, full = stream.where[stream.sent] - stream.rx_page->read == RING;

	judge_received(victims, stream.was_received, stream_given_back() - stream.was_received);
	intrude();
	gone = spl_channel_gone(spl_load(&stream.info->rx.taken));
	if (all && !gone)
		stream_produce();
	else
		must("send", stream_send(SHORT, 0), gone ? -EPIPE : full ? -EAGAIN : 0);
}

/* The victim sleeps. */
static void wake_it(void)
{
	if (channel_case->role == TX)
		must("receive", stream_receive(0), 0);
	else
		must("send", stream_send(SHORT, 0), 0);
}

/* The victim has come to its end, and knows what it did. */
static void judge_end(void)
{
	int r = victims->r;

	if (r && (r != -EAGAIN || !(channel_case->flags & MAY_FAIL)))
		stream_fail("what the victim was told", r, 0);
	if (channel_case->role == RX) {
		must("given back", stream_given_back() - stream.was_received, victims->nr);
		judge_received(victims, stream.was_received, victims->nr);
	} else if (!(channel_case->flags & SLEEPER)) {
		must("published", published(), victims->nr);
	}
}

/* The victim is gone, the consumer is alive. */
static void rest_tx(__u32 lag)
{
	stream.sent = stream.was_sent + published();
	while (stream.received < stream.sent)
		if (stream_receive(SPLK_FOREVER)) {
			stream_fail("a message is lost", stream.received, stream.sent);
			return;
		}
	must("receive from the dead", stream_receive(SPLK_FOREVER), -EPIPE);
	must("receive from the dead", stream_receive(0), -EPIPE);
	must("the end's next owner", stream_take(TX, &stream.tx), 0);
	must("receive from an empty ring", stream_receive(0), -EAGAIN);
	stream_goes_on(lag);
}

static void rest_rx(__u32 lag)
{
	int r;

	stream.received = stream_given_back();
	while (!stream_send(SHORT, 0))
		;
	must("send to the dead", stream_send(SHORT, SPLK_FOREVER), -EPIPE);
	must("send to the dead", stream_send(SHORT, 0), -EPIPE);
	must("the end's next owner", stream_take(RX, &stream.rx), 0);
	while (!(r = stream_send(SHORT, 0)))
		;
	must("send to a full ring", r, -EAGAIN);
	stream_goes_on(lag);
}

/* The consumer slept, and nobody has rung for it if the victim died before it could. */
static void rest_wake_tx(__u32 lag)
{
	__u32 nr;

	must("the end's next owner", stream_take(TX, &stream.tx), 0);
	for (nr = stream.was_sent; stream.where[nr] < stream.tx_page->head; nr++)
		;
	stream.sent = nr;
	must("send", stream_send(LONG, 0), 0);
	sleeper_end();
	nr = stream.sent - stream.was_sent;
	must("what the sleeper received", sleepers->nr, nr);
	judge_received(sleepers, stream.was_received, nr);
	if (nr < 1 + victims->nr)
		stream_fail("a message is lost", nr, victims->nr);
	stream.received = stream.sent;
	must("the end's next owner", stream_take(RX, &stream.rx), 0);
	stream_goes_on(lag);
}

static void rest_wake_rx(__u32 lag)
{
	stream.received = stream_given_back();
	stream.sent = stream.was_sent + SLEEPER_MESSAGES;
	must("the end's next owner", stream_take(RX, &stream.rx), 0);
	while (stream.received < stream.sent)
		if (stream_receive(SPLK_FOREVER)) {
			stream_fail("a message is lost", stream.received, stream.sent);
			return;
		}
	sleeper_end();
	must("the end's next owner", stream_take(TX, &stream.tx), 0);
	stream_goes_on(lag);
}

static void channel_rest(__u32 lag)
{
	bool tx = channel_case->role == TX;

	if (channel_case->flags & SLEEPER)
		tx ? rest_wake_tx(lag) : rest_wake_rx(lag);
	else
		tx ? rest_tx(lag) : rest_rx(lag);
}

static void channel_stop(pid_t pid, long at, bool all)
{
	tally.stops++;
	if (at == channel_way.len)
		wake_it();
	else if (!(channel_case->flags & SLEEPER))
		channel_case->role == TX ? beside_tx(all) : beside_rx(all);
	if (victim_finish(pid)) {
		failure(NULL, "the victim did not come to its end");
		return;
	}
	judge_end();
	/* It was the victim who had to ring. */
	while (channel_case->flags & SLEEPER && !__atomic_load_n(&sleepers->nr, __ATOMIC_ACQUIRE))
		sched_yield();
	channel_rest(0);
}

static void channel_kill(pid_t pid)
{
	place.kill = true;
	tally.kills++;
	victim_kill(pid);
	if (channel_case->role == RX)
		judge_received(victims, stream.was_received,
			       stream_given_back() - stream.was_received);
	channel_rest(channel_case->nr);
	place.kill = false;
}

/* Somebody has the end, is in the middle of something, and dies. */
static void channel_predecessor(void)
{
	struct splk_message m;
	int status, r = 0;
	void *room;
	pid_t pid;

	stream_plan(stream.sent, SHORT);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (victim_take())
			_exit(1);
		stream.tx = stream.rx = mine;
		if (channel_case->role == TX) {
			r |= stream_send(SHORT, 0);
			r |= splk_channel_acquire_tx(mine, SHORT, &room, 0);
			r |= splk_channel_commit_tx(mine, SHORT, 0, 0, SPLK_MORE);
			r |= splk_channel_acquire_tx(mine, MESSAGE_MAX - SHORT, &room, 0);
			stream_fill(room, 0, stream.where[stream.sent] + SPL_CHANNEL_LINE,
				    MESSAGE_MAX - SHORT);
			r |= splk_channel_commit_tx(mine, MESSAGE_MAX - SHORT, 0, 0, SPLK_MORE);
		} else {
			r |= splk_channel_acquire_rx(mine, &m, 0);
		}
		if (r)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	status = victim_wait(pid);
	if (!WIFSIGNALED(status))
		die("an end that should have died: %#x", (unsigned int)status);
	if (channel_case->role == TX)
		stream.sent++;
}

/* The ring is dirty from end to end, and the next message stands where the case wants it. */
static void channel_fill(const struct channel_case *c)
{
	__u32 i, from = c->line - (c->role == TX ? c->there : 0);

	for (i = 0; i < 3; i++) {
		must("send", stream_send(LONG, 0), 0);
		must("receive", stream_receive(0), 0);
	}
	while (stream.where[stream.sent] / SPL_CHANNEL_LINE % LINES != from) {
		must("send", stream_send(SHORT, 0), 0);
		must("receive", stream_receive(0), 0);
	}
	for (i = 0; i < c->there; i++)
		must("send", stream_send(c->role == TX ? SHORT : c->bytes[i], 0), 0);
	if (c->flags & FROM_FULL)
		stream_brim();
}

static void channel_make(const struct channel_case *c)
{
	struct splk_channel_options o = {
		.size = sizeof(o), .role = TX, .capacity = RING, .spins = SPLK_SPINS_NONE
	};
	struct stat st;
	__u32 i;

	stream.sent = 0;
	stream.received = 0;
	if (splk_channel_open(NULL, "memfd:torture", &o, &stream.tx))
		die("a channel");
	stream.fd = dup(splk_channel_fd(stream.tx));
	if (stream.fd < 0 || fstat(stream.fd, &st) || stream_take(RX, &stream.rx))
		die("a channel");
	stream.size = (size_t)st.st_size;
	stream.bytes = mmap(NULL, stream.size, PROT_READ | PROT_WRITE, MAP_SHARED, stream.fd, 0);
	stream.saved = malloc(stream.size);
	if (stream.bytes == MAP_FAILED || !stream.saved)
		die("a channel");
	stream.info = (const struct spl_channel_info *)stream.bytes;
	stream.tx_page = (const struct spl_channel_tx *)(stream.bytes + stream.info->tx_off);
	stream.rx_page = (const struct spl_channel_rx *)(stream.bytes + stream.info->rx_off);
	stream.data = stream.bytes + stream.info->data_off;
	channel_fill(c);
	if (c->flags & FROM_DEATH) {
		if (c->role == TX) {
			splk_channel_close(stream.tx);
			stream.tx = NULL;
		} else {
			splk_channel_close(stream.rx);
			stream.rx = NULL;
		}
		channel_predecessor();
	}
	/* Both ends are known as taken, and are had by nobody: as after two deaths. */
	memcpy(stream.saved, stream.bytes, stream.size);
	stream.was_sent = stream.sent;
	stream.was_received = stream.received;
	for (i = 0; c->flags & OLD && i < LINES; i++) {
		stream_plan(stream.was_sent++, SHORT);
		stream.was_received++;
	}
}

static void channel_drop(void)
{
	int status;

	if (sleeper) {
		kill(sleeper, SIGKILL);
		waitpid(sleeper, &status, 0);
		sleeper = 0;
	}
	ends_close();
	munmap(stream.bytes, stream.size);
	free(stream.saved);
	close(stream.fd);
}

/* What is done to a victim at a boundary, each thing to another one. False: none could be led there. */
static bool channel_boundary(long at)
{
	enum { STOP_ONE, STOP_ALL, KILL, COUNT } what;
	pid_t pid;

	place.at = at;
	for (what = options.only.kill ? KILL : STOP_ONE; what < COUNT; what++) {
		/* One of the two, where nothing happens. */
		if (what < KILL && !channel_way.near[at] && !options.full && !options.replay &&
		    (long)what != at % 2)
			continue;
		pid = way_lead(&channel_way, at);
		if (pid < 0)
			return false;
		if (what == KILL)
			channel_kill(pid);
		else
			channel_stop(pid, at, what == STOP_ALL);
	}
	return true;
}

/* Through one case: of a long one, as library_walk(). */
static UNUSED void channel_walk(const struct channel_case *c)
{
	long k, end;

	victims = victims ? victims : shared_bytes(sizeof(*victims));
	sleepers = sleepers ? sleepers : shared_bytes(sizeof(*sleepers));
	channel_case = c;
	place.op = c->name;
	place.kind = KIND_CHANNEL;
	place.state = -1;
	place.script = -1;
	place.then = -1;
	channel_make(c);
	channel_way.bytes = stream.bytes;
	channel_way.size = stream.size;
	way_record(&channel_way);
	end = way_boundaries(&channel_way);
	tally.all += (unsigned long)end;
	for (k = 0; k < end; k++) {
		place.at = k;
		if (options.only.at >= 0 ? k == options.only.at
					 : channel_way.near[k] || options.full ||
						   !draw(5, (__u64)end / 800 + 1)) {
			if (channel_boundary(k))
				tally.boundaries++;
			else
				tally.lost++;
		}
	}
	channel_drop();
}

#endif /* _SELFTESTS_TORTURE_CHANNELS_H */
