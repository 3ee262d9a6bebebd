// SPDX-License-Identifier: MIT
/*
 * channel_io.c - messages: sent, received, waited for. The ring is uapi/splinter_ring.h's; sleeping is the backends'.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"

/* Looks between two at what changes seldom: the other end's life, the clock. */
#define LOOKS 256U
/* A pause is some 40 ns on most machines: together about as long as a sleep and a wake-up take. */
#define SPINS 500U
/* A look at the consumer's exact position takes its line away. */
#define EXACT_LOOKS 32U

#if defined(__x86_64__)
#define relax() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define relax() __asm__ __volatile__("isb" ::: "memory")
#endif

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

uint64_t splk_after(uint64_t ns)
{
	uint64_t now = now_ns();

	return ns > SPLK_FOREVER - now ? SPLK_FOREVER : now + ns;
}

void splk_channel_spin(struct splk_channel *ch, uint32_t spins)
{
	if (spins == SPLK_SPINS_DEFAULT)
		spins = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPINS : SPLK_SPINS_NONE;
	ch->spins = spins;
}

static bool tx_gone(const struct splk_channel *ch)
{
	return spl_channel_gone(spl_load(&ch->map.info->rx.taken));
}

static void ring(struct splk_channel *ch, __u64 *nr_rings)
{
	spl_store(nr_rings, *nr_rings + 1);
	ch->backend->ring(ch);
}

static inline void flush(struct splk_channel *ch)
{
	if (spl_unlikely(spl_tx_flush(&ch->tx)))
		ring(ch, &ch->map.tx->nr_rings);
}

static inline void give_back(struct splk_channel *ch)
{
	if (spl_unlikely(spl_rx_commit(&ch->rx)))
		ring(ch, &ch->map.rx->nr_rings);
}

/* @i looks have found nothing. Return: 0: look on; 1: sleep; -ETIMEDOUT. */
static inline int spun(const struct splk_channel *ch, uint32_t i, uint64_t deadline)
{
	if (ch->spins != SPLK_SPINS_ONLY)
		return i >= ch->spins;
	if (i % LOOKS == 0 && deadline != SPLK_FOREVER && now_ns() >= deadline)
		return -ETIMEDOUT;
	return 0;
}

/* No message was there. */
static spl_noinline int rx_wait(struct splk_channel *ch, uint64_t deadline)
{
	uint32_t i;
	int r = 0;

	for (i = 1; deadline && !r; i++) {
		relax();
		if (spl_likely(spl_rx_ready(&ch->rx)))
			return 0;
		if (i % LOOKS == 0 && spl_channel_gone(spl_load(&ch->map.info->tx.taken)))
			break;
		r = spun(ch, i, deadline);
	}
	/* In this order: what was published before the end went is there. */
	if (spl_channel_gone(spl_load_acquire(&ch->map.info->tx.taken)))
		return spl_rx_ready(&ch->rx) ? 0 : -EPIPE;
	if (!deadline)
		return -EAGAIN;
	if (r < 0)
		return r;
	spl_store(&ch->map.rx->nr_waits, ch->map.rx->nr_waits + 1);
	return ch->backend->wait(ch, ch->rx.next, deadline);
}

/* There was no space. */
static spl_noinline int tx_wait(struct splk_channel *ch, uint32_t max, uint64_t deadline)
{
	uint64_t want = spl_tx_want(&ch->tx, max);
	uint32_t i;
	int r = 0;

	/* What is committed and not published is space that nobody would ever give back. */
	flush(ch);
	for (i = 1; deadline && !r; i++) {
		if (spl_channel_reached(spl_load(&ch->map.rx->tail), want) ||
		    (i % EXACT_LOOKS == 0 && channel_there(ch, want)))
			return 0;
		if (i % LOOKS == 0 && tx_gone(ch))
			break;
		relax();
		r = spun(ch, i, deadline);
	}
	if (tx_gone(ch))
		return -EPIPE;
	if (!deadline)
		return -EAGAIN;
	if (r < 0)
		return r;
	spl_store(&ch->map.tx->nr_waits, ch->map.tx->nr_waits + 1);
	return ch->backend->wait(ch, want, deadline);
}

/* Only -EAGAIN is worth waiting. */
static inline int rx_acquire(struct splk_channel *ch, struct spl_received *m, uint64_t deadline)
{
	int err, waited;

	while (spl_unlikely((err = spl_rx_acquire(&ch->rx, m)) == -EAGAIN)) {
		waited = rx_wait(ch, deadline);
		if (waited)
			return waited;
	}
	return err;
}

static inline int tx_acquire(struct splk_channel *ch, size_t max, void **payload, uint64_t deadline)
{
	int err, waited;

	if (spl_unlikely(max > ch->tx.message_max))
		return -EMSGSIZE;
	if (spl_unlikely(tx_gone(ch)) && !ch->linger)
		return -EPIPE;
	while (spl_unlikely((err = spl_tx_acquire(&ch->tx, (uint32_t)max, payload)) == -EAGAIN)) {
		waited = tx_wait(ch, (uint32_t)max, deadline);
		if (waited)
			return waited;
	}
	return err;
}

static inline bool is_tx(const struct splk_channel *ch)
{
	return spl_likely(ch->role == SPLK_CHANNEL_TX);
}

static inline bool is_rx(const struct splk_channel *ch)
{
	return spl_likely(ch->role == SPLK_CHANNEL_RX);
}

int splk_channel_send(struct splk_channel *ch, const void *buf, size_t bytes, uint32_t type,
		      uint32_t correlation, uint64_t deadline)
{
	void *payload;
	int err;

	if (!is_tx(ch))
		return -EBADF;
	err = tx_acquire(ch, bytes, &payload, deadline);
	if (spl_unlikely(err))
		return err;
	ch->acquired = -1;
	spl_copy(payload, buf, (uint32_t)bytes);
	spl_tx_commit(&ch->tx, (uint32_t)bytes, type, correlation);
	flush(ch);
	return 0;
}

int splk_channel_send_many(struct splk_channel *ch, const struct splk_message *messages, int nr,
			   uint64_t deadline)
{
	const struct splk_message *m;
	void *payload;
	int i, err = 0;

	if (!is_tx(ch))
		return -EBADF;
	if (nr < 0 || (nr && !messages))
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		m = &messages[i];
		err = tx_acquire(ch, m->bytes, &payload, deadline);
		if (spl_unlikely(err))
			break;
		spl_copy(payload, m->payload, m->bytes);
		spl_tx_commit(&ch->tx, m->bytes, m->type, m->correlation);
	}
	if (i)
		ch->acquired = -1;
	flush(ch);
	return i ? i : err;
}

static inline void tell(const struct spl_received *from, const void *payload,
			struct splk_message *to)
{
	to->payload = payload;
	to->bytes = from->bytes;
	to->type = from->type;
	to->correlation = from->correlation;
	to->reserved = 0;
}

ssize_t splk_channel_recv(struct splk_channel *ch, void *buf, size_t size,
			  struct splk_message *message, uint64_t deadline)
{
	struct spl_received m;
	int err;

	if (!is_rx(ch))
		return -EBADF;
	if (ch->rx.nr_batch)
		return -EBUSY;
	err = rx_acquire(ch, &m, deadline);
	if (spl_unlikely(err))
		return err;
	if (message)
		tell(&m, buf, message);
	if (spl_unlikely(m.bytes > size)) {
		spl_rx_rollback(&ch->rx);
		return -EMSGSIZE;
	}
	spl_copy(buf, m.payload, m.bytes);
	give_back(ch);
	return (ssize_t)m.bytes;
}

int splk_channel_acquire_tx(struct splk_channel *ch, size_t max, void **payload, uint64_t deadline)
{
	int err;

	if (!is_tx(ch))
		return -EBADF;
	if (!payload)
		return -EINVAL;
	err = tx_acquire(ch, max, payload, deadline);
	if (spl_likely(!err))
		ch->acquired = (int64_t)max;
	return err;
}

int splk_channel_commit_tx(struct splk_channel *ch, size_t bytes, uint32_t type,
			   uint32_t correlation, uint32_t flags)
{
	if (!is_tx(ch))
		return -EBADF;
	if (ch->acquired < 0 || bytes > (size_t)ch->acquired || (flags & ~SPLK_MORE))
		return -EINVAL;
	ch->acquired = -1;
	spl_tx_commit(&ch->tx, (uint32_t)bytes, type, correlation);
	if (!(flags & SPLK_MORE))
		flush(ch);
	return 0;
}

int splk_channel_flush(struct splk_channel *ch)
{
	if (!is_tx(ch))
		return -EBADF;
	/* What is acquired stays so: the room is where the batch ends. */
	flush(ch);
	return 0;
}

int splk_channel_rollback(struct splk_channel *ch)
{
	if (is_tx(ch)) {
		ch->acquired = -1;
		spl_tx_rollback(&ch->tx);
		return 0;
	}
	if (!is_rx(ch))
		return -EBADF;
	spl_rx_rollback(&ch->rx);
	return 0;
}

int splk_channel_acquire_rx(struct splk_channel *ch, struct splk_message *message,
			    uint64_t deadline)
{
	struct spl_received m;
	int err;

	if (!is_rx(ch))
		return -EBADF;
	if (!message)
		return -EINVAL;
	err = rx_acquire(ch, &m, deadline);
	if (spl_likely(!err))
		tell(&m, m.payload, message);
	return err;
}

int splk_channel_acquire_rx_many(struct splk_channel *ch, struct splk_message *messages, int nr,
				 uint64_t deadline)
{
	struct spl_received m;
	int i, err;

	if (!is_rx(ch))
		return -EBADF;
	if (nr < 0 || (nr && !messages))
		return -EINVAL;
	if (!nr)
		return 0;
	err = rx_acquire(ch, &m, deadline);
	if (spl_unlikely(err))
		return err;
	for (i = 0;;) {
		tell(&m, m.payload, &messages[i]);
		if (++i == nr || spl_rx_acquire(&ch->rx, &m))
			return i;
	}
}

int splk_channel_commit_rx(struct splk_channel *ch)
{
	if (!is_rx(ch))
		return -EBADF;
	if (!ch->rx.nr_batch)
		return -EINVAL;
	give_back(ch);
	return 0;
}

int splk_channel_wait(struct splk_channel *ch, size_t bytes, uint64_t deadline)
{
	struct spl_received m;
	struct spl_rx was;
	void *payload;
	int err;

	if (is_tx(ch))
		return tx_acquire(ch, bytes, &payload, deadline);
	if (!is_rx(ch))
		return -EBADF;
	was = ch->rx;
	err = rx_acquire(ch, &m, deadline);
	if (!err) {
		ch->rx.next = was.next;
		ch->rx.nr_batch = was.nr_batch;
		ch->rx.bytes_batch = was.bytes_batch;
	}
	return err;
}
