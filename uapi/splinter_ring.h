/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_ring.h - what the two ends of a channel do, without a system call and without waiting for each other. Sleeping,
 * ringing and who may have an end are the library's and the kernel's; the bytes are splinter_channel.h's.
 *
 * Nothing that the other end wrote is trusted: it is loaded once, then bounded by what was checked at attaching. An end
 * belongs to one thread at a time.
 *
 *	producer				consumer
 *	payload, headers			load the stamp at its position, acquire (P)
 *	zero behind them, if below dirty	payload
 *	stamp of the first, release (P)		store read, sometimes tail, release (Q)
 *	(R), load rx.asleep			(R), load tx.asleep
 *	load tail, read, acquire (Q)
 *
 * (P) who sees the stamp of a batch's first message sees all messages of the batch, and the end behind them.
 * (Q) who sees the space sees that its bytes are no longer read.
 * (R) publishing before looking for a sleeper. Its partner stands where an end goes to sleep: between saying so and
 *	looking once more. That one is heavy: it makes a barrier of this one, which costs nothing.
 */
#ifndef _UAPI_SPLINTER_RING_H
#define _UAPI_SPLINTER_RING_H

#include "splinter_channel.h"

/* (R) where the sleeper makes the heavy barrier. The kernel is interrupted by no sleeper, and has its own. */
#ifdef __KERNEL__
#define spl_light_mb() smp_mb() /* (R) */
#else
#define spl_light_mb() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#endif

/**
 * struct spl_channel_map - where a channel's pages are; @info is not read beyond the ends' words
 * @info: info page
 * @tx: producer's page
 * @rx: consumer's page
 * @data: the ring, twice in a row
 * @capacity: of the ring, checked
 * @fenced: SPL_CHANNEL_FENCED is required
 */
struct spl_channel_map {
	struct spl_channel_info *info;
	struct spl_channel_tx *tx;
	struct spl_channel_rx *rx;
	unsigned char *data;
	__u64 capacity;
	bool fenced;
};

#define SPL_TX_AHEAD (2 * SPL_CHANNEL_LINE) /* how far ahead the producer asks for lines */

/**
 * struct spl_tx - a producer's private state
 * @data: the ring
 * @mask: capacity - 1
 * @head: published up to here
 * @next: committed up to here; what lies between is the batch
 * @limit: space ends here, as far as is known
 * @end: room of more than a line was acquired up to here at most
 * @dirty: below it a line that nothing was published in may carry a valid stamp
 * @first: word of the batch's first message
 * @message_max: bytes of the longest message
 * @nr_batch: messages of the batch
 * @bytes_batch: of their payload
 * @tail: as last seen
 * @map: pages
 */
struct spl_tx {
	unsigned char *data;
	__u64 mask;
	__u64 head;
	__u64 next;
	__u64 limit;
	__u64 end;
	__u64 dirty;
	__u64 first;
	__u32 message_max;
	__u32 nr_batch;
	__u64 bytes_batch;
	__u64 tail;
	struct spl_channel_map map;
};

/**
 * struct spl_rx - a consumer's private state
 * @data: the ring
 * @mask: capacity - 1
 * @read: given back up to here
 * @next: acquired up to here
 * @tail: as last told
 * @message_max: bytes of the longest message
 * @nr_batch: messages acquired and not given back
 * @bytes_batch: of their payload
 * @map: pages
 */
struct spl_rx {
	unsigned char *data;
	__u64 mask;
	__u64 read;
	__u64 next;
	__u64 tail;
	__u32 message_max;
	__u32 nr_batch;
	__u64 bytes_batch;
	struct spl_channel_map map;
};

/**
 * struct spl_received - a message as its consumer sees it
 * @payload: in the ring, in one piece, until it is given back; it may change under a producer that misbehaves
 * @bytes: of it
 * @type: the sender's
 * @correlation: the sender's
 */
struct spl_received {
	const void *payload;
	__u32 bytes;
	__u32 type;
	__u32 correlation;
};

static spl_inline struct spl_message *spl_message_at(unsigned char *data, __u64 mask,
						     __u64 position)
{
	return (struct spl_message *)(void *)(data + (position & mask));
}

/* (R) of both ends. */
static spl_inline bool spl_channel_asleep(const struct spl_channel_map *map,
					  const struct spl_channel_end *other)
{
	if (map->fenced)
		spl_mb();
	else
		spl_light_mb();
	return spl_load(&other->asleep);
}

/* Is a position that the other end wrote between two that are known? */
static inline bool spl_position_within(__u64 position, __u64 from, __u64 to)
{
	return position - from <= to - from && position % SPL_CHANNEL_LINE == 0;
}

/**
 * spl_tx_attach() - begin to produce where the last producer ended
 * @t: out: state
 * @map: pages
 *
 * Follows the stamps from where the consumer is, at most capacity / 64 steps.
 *
 * Return: 0; -EBADMSG: the consumer's positions can't be.
 */
static inline int spl_tx_attach(struct spl_tx *t, const struct spl_channel_map *map)
{
	__u64 read, head, word, tail = spl_load_acquire(&map->rx->tail);
	__u64 max = SPL_CHANNEL_MESSAGE_MAX(map->capacity);

	memset(t, 0, sizeof(*t));
	t->map = *map;
	t->data = map->data;
	t->mask = map->capacity - 1;
	t->message_max = (__u32)max;
	read = spl_load_acquire(&map->rx->read);
	if (tail % SPL_CHANNEL_LINE || !spl_position_within(read, tail, tail + map->capacity))
		return -EBADMSG;
	for (head = read; head - read < map->capacity; head += spl_message_room((__u32)word)) {
		word = spl_load_acquire(&spl_message_at(t->data, t->mask, head)->word);
		if (!spl_message_there(word, head))
			break;
		word = spl_message_bytes(word);
		if (word > max)
			return -EBADMSG;
	}
	if (head - read > map->capacity)
		return -EBADMSG;
	t->head = head;
	t->next = head;
	t->end = head;
	t->tail = tail;
	t->limit = read + map->capacity;
	t->dirty = head + map->capacity; /* nobody knows what the last producer left */
	spl_store(&map->tx->head, head);
	spl_store(&map->tx->want, head);
	return 0;
}

/* No space as far as is known: looks again. 0, -EAGAIN, -EBADMSG. */
static spl_noinline int spl_tx_look(struct spl_tx *t, __u64 end)
{
	__u64 capacity = t->mask + 1, tail, read;

	tail = spl_load_acquire(&t->map.rx->tail); /* (Q) */
	if (!spl_position_within(tail, t->tail, t->head))
		return -EBADMSG;
	t->tail = tail;
	if (!spl_channel_reached(t->limit, tail + capacity))
		t->limit = tail + capacity;
	if (spl_channel_reached(t->limit, end))
		return 0;
	/* Exact, but each look takes the line from the consumer, who writes it with each message. */
	read = spl_load_acquire(&t->map.rx->read); /* (Q) */
	if (!spl_position_within(read, t->limit - capacity, t->head))
		return -EBADMSG;
	t->limit = read + capacity;
	if (spl_channel_reached(t->limit, end))
		return 0;
	spl_store(&t->map.tx->want, end - capacity);
	return -EAGAIN;
}

/* What spl_channel_rx.read must reach for a message of @max bytes. */
static inline __u64 spl_tx_want(const struct spl_tx *t, __u32 max)
{
	return t->next + spl_message_room(max) - (t->mask + 1);
}

/**
 * spl_tx_acquire() - room for the next message
 * @t: state
 * @max: bytes of payload at most
 * @payload: out: where to write them, in one piece
 *
 * Acquiring again before a commit starts over with the same room.
 *
 * Return: 0; -EMSGSIZE; -EAGAIN: not that much space now; -EBADMSG: the consumer's positions can't be.
 */
static spl_inline int spl_tx_acquire(struct spl_tx *t, __u32 max, void **payload)
{
	__u64 end;
	int err;

	if (spl_unlikely(max > t->message_max))
		return -EMSGSIZE;
	end = t->next + spl_message_room(max);
	if (spl_unlikely(!spl_channel_reached(t->limit, end))) {
		err = spl_tx_look(t, end);
		if (err)
			return err;
	}
	if (spl_unlikely(max > SPL_CHANNEL_LINE - SPL_CHANNEL_HEADER) &&
	    !spl_channel_reached(t->end, end))
		t->end = end;
	*payload = spl_message_at(t->data, t->mask, t->next) + 1;
	return 0;
}

static spl_inline void spl_tx_soil(struct spl_tx *t, __u64 end)
{
	if (!spl_channel_reached(t->dirty, end))
		t->dirty = end;
}

/**
 * spl_tx_flush() - publish the batch
 * @t: state
 *
 * Return: true: the consumer sleeps and must be rung for.
 */
static spl_inline bool spl_tx_flush(struct spl_tx *t)
{
	struct spl_channel_tx *page = t->map.tx;

	if (!t->nr_batch)
		return false;
	if (spl_unlikely(!spl_channel_reached(t->next, t->end)))
		spl_tx_soil(t, t->end);
	/*
	 * The consumer will look at the line behind the batch: no old bytes there may look like a message. The line at
	 * the limit is the consumer's still; it holds the header of a message, whose stamp is another one's.
	 */
	if (spl_unlikely(!spl_channel_reached(t->next, t->dirty)) && t->next != t->limit)
		spl_store(&spl_message_at(t->data, t->mask, t->next)->word, 0ULL);
	spl_store_release(&spl_message_at(t->data, t->mask, t->head)->word, t->first); /* (P) */
	t->head = t->next;
	spl_store(&page->head, t->head);
	spl_store(&page->nr_messages, page->nr_messages + t->nr_batch);
	spl_store(&page->nr_bytes, page->nr_bytes + t->bytes_batch);
	t->nr_batch = 0;
	t->bytes_batch = 0;
	return spl_channel_asleep(&t->map, &t->map.info->rx); /* (R) */
}

/**
 * spl_tx_commit() - end the message whose room was acquired
 * @t: state
 * @bytes: of its payload, not more than was acquired
 * @type: for the receiver
 * @correlation: for the receiver
 *
 * It is there for the consumer once spl_tx_flush() has published it with all others since the last one.
 */
static spl_inline void spl_tx_commit(struct spl_tx *t, __u32 bytes, __u32 type, __u32 correlation)
{
	struct spl_message *m = spl_message_at(t->data, t->mask, t->next);
	__u64 word = spl_message_stamp(t->next) | bytes;

	m->type = type;
	m->correlation = correlation;
	if (!t->nr_batch)
		t->first = word;
	else
		spl_store(&m->word, word); /* nobody comes here before the first one's */
	t->next += spl_message_room(bytes);
	if (bytes > SPL_CHANNEL_LINE - SPL_CHANNEL_HEADER)
		spl_tx_soil(t, t->next + t->mask + 1);
	t->nr_batch++;
	t->bytes_batch += bytes;
	/* The consumer had this line last; stores to it would fill the store buffer until it has come over. */
	spl_prefetch_write(spl_message_at(t->data, t->mask, t->next + SPL_TX_AHEAD));
}

/**
 * spl_tx_rollback() - take back what was acquired or committed and isn't published
 * @t: state
 */
static inline void spl_tx_rollback(struct spl_tx *t)
{
	spl_tx_soil(t, t->next); /* what was acquired beyond stays in @end */
	t->next = t->head;
	t->nr_batch = 0;
	t->bytes_batch = 0;
}

/**
 * spl_rx_attach() - begin to consume where the last consumer ended
 * @r: out: state
 * @map: pages
 *
 * A message that the last one received and didn't give back is received again.
 *
 * Return: 0; -EBADMSG: the positions in the consumer's page can't be.
 */
static inline int spl_rx_attach(struct spl_rx *r, const struct spl_channel_map *map)
{
	__u64 tail = spl_load(&map->rx->tail), read = spl_load(&map->rx->read);

	memset(r, 0, sizeof(*r));
	r->map = *map;
	r->data = map->data;
	r->mask = map->capacity - 1;
	r->message_max = SPL_CHANNEL_MESSAGE_MAX(map->capacity);
	if (tail % SPL_CHANNEL_LINE || !spl_position_within(read, tail, tail + map->capacity))
		return -EBADMSG;
	r->read = read;
	r->next = read;
	r->tail = tail;
	return 0;
}

/* Nothing more there: the producer learns of all its space. */
static spl_noinline void spl_rx_idle(struct spl_rx *r)
{
	r->tail = r->read;
	spl_store_release(&r->map.rx->tail, r->tail); /* (Q) */
}

/* Is a message there? */
static spl_inline bool spl_rx_ready(const struct spl_rx *r)
{
	return spl_message_there(spl_load(&spl_message_at(r->data, r->mask, r->next)->word),
				 r->next);
}

/**
 * spl_rx_acquire() - the next message
 * @r: state
 * @m: out: the message
 *
 * Return: 0; -EAGAIN: none is there; -EBADMSG: what is there can't be a message.
 */
static spl_inline int spl_rx_acquire(struct spl_rx *r, struct spl_received *m)
{
	struct spl_message *at = spl_message_at(r->data, r->mask, r->next);
	__u64 word = spl_load_acquire(&at->word); /* (P) */
	__u32 bytes = spl_message_bytes(word);
	__u64 room = SPL_CHANNEL_LINE;

	if (spl_unlikely(!spl_message_there(word, r->next))) {
		if (r->tail != r->read)
			spl_rx_idle(r);
		return -EAGAIN;
	}
	/*
	 * A branch, not a sum: the processor guesses that the next message is in the next line and loads it meanwhile. A sum
	 * would have it wait for this line to know where that one is.
	 */
	if (spl_unlikely(bytes > SPL_CHANNEL_LINE - SPL_CHANNEL_HEADER)) {
		room = spl_message_room(bytes);
		__asm__ __volatile__("" : "+r"(room)); /* keeps it a branch */
	}
	if (spl_unlikely(bytes > r->message_max || r->next + room - r->read > r->mask + 1))
		return -EBADMSG;
	m->payload = at + 1;
	m->bytes = bytes;
	m->type = spl_load(&at->type);
	m->correlation = spl_load(&at->correlation);
	r->next += room;
	r->nr_batch++;
	r->bytes_batch += bytes;
	return 0;
}

/**
 * spl_rx_commit() - give back all messages acquired so far
 * @r: state
 *
 * Return: true: the producer sleeps for want of space and must be rung for.
 */
static spl_inline bool spl_rx_commit(struct spl_rx *r)
{
	struct spl_channel_rx *page = r->map.rx;

	r->read = r->next;
	spl_store_release(&page->read, r->read); /* (Q) */
	spl_store(&page->nr_messages, page->nr_messages + r->nr_batch);
	spl_store(&page->nr_bytes, page->nr_bytes + r->bytes_batch);
	r->nr_batch = 0;
	r->bytes_batch = 0;
	if (spl_unlikely(r->read - r->tail > r->mask >> 2))
		spl_rx_idle(r);
	return spl_channel_asleep(&r->map, &r->map.info->tx); /* (R) */
}

/**
 * spl_rx_rollback() - messages acquired and not given back will be acquired again
 * @r: state
 */
static inline void spl_rx_rollback(struct spl_rx *r)
{
	r->next = r->read;
	r->nr_batch = 0;
	r->bytes_batch = 0;
}

#endif /* _UAPI_SPLINTER_RING_H */
