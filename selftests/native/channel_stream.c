// SPDX-License-Identifier: MIT
// selftest-timeout: 120
/*
 * channel_stream.c - a producer and a consumer in two processes, which sleep for each other without any timeout: a wake-up
 * that is lost is a test that doesn't end, and the deadline says so. Every byte of every message is checked.
 */
#include <signal.h>

#include "fixture.h"
#include "splinterk_channel.h"

#define DEADLINE_S 100

struct shape {
	const char *name;
	uint64_t messages;
	uint64_t capacity;
	uint32_t max; /* bytes of a message */
	uint32_t spins;
	uint32_t batch; /* messages published together, and given back together */
	uint32_t dawdle; /* one message in so many is followed by a rest, at either end */
	bool many; /* a call for each batch */
};

#define BATCH_MAX 64

static const struct shape shapes[] = {
	{ "short ones, sleeping at once, resting often", 200000, 4096, 48, SPLK_SPINS_NONE, 1, 40,
	  false },
	{ "all sizes in the smallest ring", 300000, 4096, 2032, SPLK_SPINS_NONE, 1, 500, false },
	{ "all sizes, spinning first", 500000, 4096, 2032, 200, 1, 1000, false },
	{ "batches", 2000000, 65536, 100, SPLK_SPINS_DEFAULT, 17, 5000, false },
	{ "batches, a call for each", 2000000, 65536, 100, SPLK_SPINS_DEFAULT, 17, 5000, true },
	{ "batches longer than the ring", 300000, 4096, 200, SPLK_SPINS_NONE, BATCH_MAX, 500,
	  true },
	{ "short ones", 2000000, 65536, 48, SPLK_SPINS_DEFAULT, 1, 5000, false },
	{ "long ones", 20000, 1 << 20, (1 << 19) - 16, SPLK_SPINS_DEFAULT, 1, 50, false },
};

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1dULL;
}

static void rest(uint64_t *x, uint32_t one_in)
{
	volatile uint32_t i;

	if (next(x) % one_in)
		return;
	for (i = (uint32_t)(next(x) % 20000); i; i--)
		;
}

/* Words that depend on the message and on their place in it. */
static void fill(unsigned char *to, uint32_t bytes, uint64_t seed)
{
	uint32_t i;

	for (i = 0; i + 8 <= bytes; i += 8, seed += 0x9e3779b97f4a7c15ULL)
		memcpy(to + i, &seed, 8);
	memcpy(to + i, &seed, bytes - i);
}

static bool holds(const unsigned char *from, uint32_t bytes, uint64_t seed)
{
	uint32_t i;

	for (i = 0; i + 8 <= bytes; i += 8, seed += 0x9e3779b97f4a7c15ULL)
		if (memcmp(from + i, &seed, 8))
			return false;
	return !memcmp(from + i, &seed, bytes - i);
}

static uint32_t bytes_of(const struct shape *s, uint64_t *x)
{
	uint64_t r = next(x);

	return (uint32_t)(r % 3 ? (r >> 8) % (s->max < 200 ? s->max + 1 : 200)
				: (r >> 8) % (s->max + 1));
}

static int produce(struct splk_channel *tx, const struct shape *s)
{
	uint64_t x = 1, lazy = 2, i, seed;
	uint32_t bytes;
	void *payload;

	for (i = 0; i < s->messages; i++) {
		bytes = bytes_of(s, &x);
		seed = next(&x);
		if (splk_channel_acquire_tx(tx, bytes, &payload, SPLK_FOREVER))
			return 2;
		fill(payload, bytes, seed);
		if (splk_channel_commit_tx(tx, bytes, (uint32_t)i, (uint32_t)seed,
					   (i + 1) % s->batch && i + 1 < s->messages ? SPLK_MORE
										     : 0))
			return 3;
		rest(&lazy, s->dawdle);
	}
	splk_channel_close(tx);
	return 0;
}

static int produce_many(struct splk_channel *tx, const struct shape *s)
{
	static unsigned char payload[BATCH_MAX][256];
	struct splk_message m[BATCH_MAX] = { 0 };
	uint64_t x = 1, lazy = 2, i, seed;
	uint32_t k;

	for (i = 0; i < s->messages; i += k) {
		for (k = 0; k < s->batch && i + k < s->messages; k++) {
			m[k].bytes = bytes_of(s, &x);
			seed = next(&x);
			fill(payload[k], m[k].bytes, seed);
			m[k].payload = payload[k];
			m[k].type = (uint32_t)(i + k);
			m[k].correlation = (uint32_t)seed;
		}
		if (splk_channel_send_many(tx, m, (int)k, SPLK_FOREVER) != (int)k)
			return 2;
		rest(&lazy, s->dawdle);
	}
	splk_channel_close(tx);
	return 0;
}

static bool as_sent(const struct splk_message *m, const struct shape *s, uint64_t *x, uint64_t i)
{
	uint32_t bytes = bytes_of(s, x);
	uint64_t seed = next(x);

	if (m->bytes == bytes && m->type == (uint32_t)i && m->correlation == (uint32_t)seed &&
	    holds(m->payload, bytes, seed))
		return true;
	printf("# message %llu: %u bytes where %u were sent\n", (unsigned long long)i, m->bytes,
	       bytes);
	return false;
}

static int consume_many(struct splk_channel *rx, const struct shape *s)
{
	struct splk_message m[BATCH_MAX];
	uint64_t x = 1, lazy = 3, i;
	int k, nr;

	for (i = 0; i < s->messages; i += (uint64_t)nr) {
		nr = splk_channel_acquire_rx_many(rx, m, (int)s->batch, SPLK_FOREVER);
		if (nr < 1)
			return nr;
		for (k = 0; k < nr; k++)
			if (!as_sent(&m[k], s, &x, i + (uint64_t)k))
				return -1;
		splk_channel_commit_rx(rx);
		rest(&lazy, s->dawdle);
	}
	return splk_channel_acquire_rx_many(rx, m, 1, SPLK_FOREVER);
}

static int consume(struct splk_channel *rx, const struct shape *s)
{
	struct splk_message m;
	uint64_t x = 1, lazy = 3, i;
	uint32_t held = 0;
	int err;

	for (i = 0; i < s->messages; i++) {
		/* Who waits gives back first: the producer may need it. */
		err = splk_channel_acquire_rx(rx, &m, held ? 0 : SPLK_FOREVER);
		if (err == -EAGAIN) {
			splk_channel_commit_rx(rx);
			held = 0;
			err = splk_channel_acquire_rx(rx, &m, SPLK_FOREVER);
		}
		if (err)
			return err;
		if (!as_sent(&m, s, &x, i))
			return -1;
		if (++held >= s->batch) {
			splk_channel_commit_rx(rx);
			held = 0;
		}
		rest(&lazy, s->dawdle);
	}
	if (held)
		splk_channel_commit_rx(rx);
	return splk_channel_acquire_rx(rx, &m, SPLK_FOREVER);
}

static pid_t producer;
static const struct shape *now;

static void too_late(int sig)
{
	static const char text[] =
		"Bail out! lost wake-up, or stuck: not done by the deadline in: ";

	(void)sig;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0 ||
	    write(STDOUT_FILENO, now->name, strlen(now->name)) < 0 ||
	    write(STDOUT_FILENO, "\n", 1) < 0)
		_exit(2);
	kill(producer, SIGKILL);
	_exit(1);
}

static void stream(const struct shape *s)
{
	struct splk_channel_options options = {
		.size = sizeof(options),
		.role = SPLK_CHANNEL_RX,
		.spins = s->spins,
		.capacity = s->capacity,
	};
	struct splk_channel_info info = { .size = sizeof(info) };
	struct splk_channel *rx, *tx;
	double began = seconds();
	int end;

	now = s;
	MUST(!splk_channel_open(NULL, "memfd:", &options, &rx), "a channel");
	fflush(stdout);
	producer = fork();
	MUST(producer >= 0, "fork");
	if (!producer) {
		options.role = SPLK_CHANNEL_TX;
		if (splk_channel_attach(splk_channel_fd(rx), &options, &tx))
			_exit(1);
		_exit(s->many ? produce_many(tx, s) : produce(tx, s));
	}
	end = s->many ? consume_many(rx, s) : consume(rx, s);
	OK(end == -EPIPE && !wait_for(producer), "%s: %llu messages", s->name,
	   (unsigned long long)s->messages);
	splk_channel_info(rx, &info);
	printf("# %.1f s; the producer slept %llu times, the consumer %llu; %llu and %llu rings\n",
	       seconds() - began, (unsigned long long)info.tx_waits,
	       (unsigned long long)info.rx_waits, (unsigned long long)info.rx_rings,
	       (unsigned long long)info.tx_rings);
	splk_channel_close(rx);
}

int main(void)
{
	size_t i;

	signal(SIGALRM, too_late);
	alarm(DEADLINE_S);
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		stream(&shapes[i]);
	return tap_done();
}
