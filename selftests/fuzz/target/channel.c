// SPDX-License-Identifier: MIT
/*
 * channel.c - a channel whose two ends work while words change under them: which of them, when and to what is the input's
 * to say, or the other end gets a turn in the middle of an operation. Each operation ends, within the ring, with a message
 * of a length that may be or an error. Where nobody writes what an honest end doesn't, messages arrive whole, in order, and
 * once, whoever dies and is replaced; and there is space if there is.
 *
 *	byte 0		bit 0: attacks; bits 1..2: capacity; bit 3: fenced; bits 4..5: where positions begin
 *	bytes 1..7	unused
 *	then 8 bytes a record: kind, a, b, c, v
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sanitizer/asan_interface.h>

#include "hooked.h"
#include "record.h"
#include "splinter_ring.h"

#define NR_CAPACITIES 3U
#define CAPACITY_MAX (SPL_CHANNEL_CAPACITY_MIN << (NR_CAPACITIES - 1))
#define SENT_MAX (CAPACITY_MAX / SPL_CHANNEL_LINE)

enum end { TX, RX, NR_ENDS };

/**
 * struct pages - one channel's memory, kept from input to input
 * @all: all of it, once, as attackers and the oracle see it
 * @map: as each end has it, with what it may not write read-only; the ring between pages that nobody may touch, the
 *	words in pages with nothing else that may be touched
 */
struct pages {
	unsigned char *all;
	struct spl_channel_map map[NR_ENDS];
};

/**
 * struct sent - a message as it was committed
 * @at: its position
 * @bytes: of its payload, each of them the low byte of @number
 * @number: its type; its correlation is the complement
 */
struct sent {
	__u64 at;
	__u32 bytes;
	__u32 number;
};

/**
 * struct world - a channel under attack
 * @pages: where it is
 * @map: as attackers have it
 * @tx: producer
 * @rx: consumer
 * @alive: has each end been attached since it died?
 * @acting: whose operation is under way
 * @hostile: words change
 * @begin: position that the channel began at
 * @acquired: bytes of room that the producer has; below 0: none
 * @buf: where messages are copied to, exactly message_max bytes
 * @sent: what the consumer has not given back, by number % SENT_MAX
 * @given: number of the first of them
 * @taken: number of the first that the consumer hasn't acquired
 * @published: number of the first that wasn't flushed
 * @committed: number of the next
 * @flushing: those from @published on may be published or not, all or none
 */
static struct world {
	struct pages *pages;
	struct spl_channel_map map;
	struct spl_tx tx;
	struct spl_rx rx;
	bool alive[NR_ENDS];
	enum end acting;
	bool hostile;
	__u64 begin;
	int64_t acquired;
	unsigned char *buf;
	struct sent sent[SENT_MAX];
	__u32 given;
	__u32 taken;
	__u32 published;
	__u32 committed;
	bool flushing;
} world;

/* Pages. */

static void *must(void *p)
{
	if (p == MAP_FAILED)
		abort();
	return p;
}

/* @bytes of a page that is mapped for one end; the rest of it is not to be touched. */
static void *map_page(int fd, __u64 off, int prot, size_t bytes)
{
	char *p = must(mmap(NULL, SPL_PAGE_BYTES, prot, MAP_SHARED, fd, (off_t)off));

	ASAN_POISON_MEMORY_REGION(p + bytes, SPL_PAGE_BYTES - bytes);
	return p;
}

static void map_end(struct spl_channel_map *map, int fd, const struct spl_channel_info *i,
		    enum end end)
{
	int tx = PROT_READ | (end == TX ? PROT_WRITE : 0);
	int rx = PROT_READ | (end == RX ? PROT_WRITE : 0);
	size_t bytes = 2 * i->capacity + 2 * SPL_PAGE_BYTES, n;
	unsigned char *area;

	map->info = map_page(fd, 0, PROT_READ, sizeof(*map->info));
	map->tx = map_page(fd, i->tx_off, tx, sizeof(*map->tx));
	map->rx = map_page(fd, i->rx_off, rx, sizeof(*map->rx));
	area = must(mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	map->data = area + SPL_PAGE_BYTES;
	for (n = 0; n < 2; n++)
		must(mmap(map->data + n * i->capacity, i->capacity, tx, MAP_SHARED | MAP_FIXED, fd,
			  (off_t)i->data_off));
	map->capacity = i->capacity;
}

static struct pages *pages_of(const struct spl_channel_info *i)
{
	static struct pages made[NR_CAPACITIES];
	struct pages *p = &made[__builtin_ctzll(i->capacity / SPL_CHANNEL_CAPACITY_MIN)];
	enum end end;
	int fd;

	if (p->all)
		return p;
	fd = memfd_create("channel", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)i->map_bytes))
		abort();
	p->all = must(mmap(NULL, i->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	for (end = TX; end < NR_ENDS; end++)
		map_end(&p->map[end], fd, i, end);
	close(fd);
	return p;
}

/* What every end's own memory says, whatever the other writes. */

static void check_tx(const struct spl_tx *t)
{
	const __u64 capacity = t->mask + 1;

	if (t->next - t->head > capacity)
		fuzz_broken("a batch is longer than the ring", (long)(t->next - t->head));
	if (t->limit - t->next > capacity || t->limit - t->head > capacity)
		fuzz_broken("more space than the ring has", (long)(t->limit - t->head));
	if ((t->head | t->next | t->limit | t->tail) % SPL_CHANNEL_LINE)
		fuzz_broken("a producer's position", (long)(t->head | t->next | t->limit));
}

static void check_rx(const struct spl_rx *r)
{
	if (r->next - r->read > r->mask + 1)
		fuzz_broken("more messages than the ring has room for", (long)(r->next - r->read));
	if ((r->read | r->next | r->tail) % SPL_CHANNEL_LINE || r->read - r->tail > r->mask + 1)
		fuzz_broken("a consumer's position", (long)(r->read | r->next));
}

static void expect(int r, bool again, const char *what)
{
	if (r && !(r == -EAGAIN && again) && !(r == -EBADMSG && world.hostile))
		fuzz_broken(what, r);
}

static struct sent *sent_at(struct world *w, __u32 number)
{
	return &w->sent[number % SENT_MAX];
}

/* Attaching: where the last one ended, of messages that were published or not. */

static void attached_tx(struct world *w)
{
	__u64 end;

	if (w->hostile)
		return;
	if (w->flushing &&
	    w->tx.head == sent_at(w, w->committed - 1)->at +
				  spl_message_room(sent_at(w, w->committed - 1)->bytes))
		w->published = w->committed;
	w->flushing = false;
	w->committed = w->published;
	end = w->published == w->given
		      ? w->map.rx->read
		      : sent_at(w, w->published - 1)->at +
				spl_message_room(sent_at(w, w->published - 1)->bytes);
	if (w->tx.head != end)
		fuzz_broken("a producer doesn't go on where the last one ended",
			    (long)(w->tx.head - end));
}

static void attach_tx(struct world *w, const struct record *r)
{
	int err;

	(void)r;
	w->acting = TX;
	w->alive[TX] = false;
	w->acquired = -1;
	err = spl_tx_attach(&w->tx, &w->pages->map[TX]);
	expect(err, false, "a producer attaches");
	if (err)
		return;
	w->alive[TX] = true;
	check_tx(&w->tx);
	attached_tx(w);
}

static void attach_rx(struct world *w, const struct record *r)
{
	int err;

	(void)r;
	w->acting = RX;
	w->alive[RX] = false;
	err = spl_rx_attach(&w->rx, &w->pages->map[RX]);
	expect(err, false, "a consumer attaches");
	if (err)
		return;
	w->alive[RX] = true;
	check_rx(&w->rx);
	if (w->hostile)
		return;
	while (w->given != w->taken && sent_at(w, w->given)->at != w->rx.read)
		w->given++;
	w->taken = w->given;
}

static bool has_end(struct world *w, enum end end)
{
	if (!w->alive[end])
		(end == TX ? attach_tx : attach_rx)(w, NULL);
	w->acting = end;
	return w->alive[end];
}

/* Sending. */

static __u32 length_of(const struct world *w, const struct record *r)
{
	__u32 max = w->tx.message_max, near = SPL_CHANNEL_LINE - SPL_CHANNEL_HEADER;

	switch (r->b % 8) {
	case 0:
		return r->v % (max + 1);
	case 1:
		return max - r->v % 200;
	case 2:
		return max + r->v % 3;
	case 3:
		return max / 2 + r->v % 128;
	case 4:
		return near + r->v % 200;
	default:
		return r->v % (near + 1);
	}
}

static int acquire(struct world *w, const struct record *r)
{
	__u32 max = length_of(w, r);
	__u64 used = w->tx.next - w->map.rx->read;
	void *payload;
	int err;

	err = spl_tx_acquire(&w->tx, max, &payload);
	if (max > w->tx.message_max) {
		if (err != -EMSGSIZE)
			fuzz_broken("a message that is too long", err);
		return err;
	}
	expect(err, true, "acquiring room");
	check_tx(&w->tx);
	if (err == -EAGAIN && !w->hostile && used + spl_message_room(max) <= w->tx.mask + 1)
		fuzz_broken("no space though there is", (long)used);
	if (err)
		return err;
	if (w->tx.next + spl_message_room(max) - w->tx.head > w->tx.mask + 1)
		fuzz_broken("room beyond the ring", (long)max);
	w->acquired = max;
	memset(payload, (int)w->committed, max);
	return 0;
}

/* Less than was acquired, sometimes. */
static void commit(struct world *w, const struct record *r)
{
	__u32 bytes, number = w->committed;

	if (w->acquired < 0)
		return;
	bytes = r->c & 1 ? (__u32)w->acquired : (__u32)((r->v >> 8) % ((__u64)w->acquired + 1));
	*sent_at(w, number) = (struct sent){ w->tx.next, bytes, number };
	w->acquired = -1;
	spl_tx_commit(&w->tx, bytes, number, ~number);
	w->committed++;
	check_tx(&w->tx);
}

static void flush(struct world *w)
{
	__u32 asleep = w->map.info->rx.asleep;
	bool ring, any = w->tx.nr_batch;

	w->flushing = any;
	ring = spl_tx_flush(&w->tx);
	w->flushing = false;
	w->published = w->committed;
	if (!w->hostile && ring != (any && asleep))
		fuzz_broken("a sleeper is rung for, or not", ring);
	check_tx(&w->tx);
}

static void put(struct world *w, const struct record *r)
{
	if (has_end(w, TX) && !acquire(w, r))
		commit(w, r);
}

static void send(struct world *w, const struct record *r)
{
	put(w, r);
	if (w->alive[TX])
		flush(w);
}

static void burst(struct world *w, const struct record *r)
{
	struct record each = *r;
	__u32 left = 1 + r->a % 32;

	if (!has_end(w, TX))
		return;
	for (; left && !acquire(w, &each); left--) {
		commit(w, &each);
		each.v += 0x101;
	}
	if (r->c & 2)
		flush(w);
}

static void acquire_only(struct world *w, const struct record *r)
{
	if (has_end(w, TX))
		acquire(w, r);
}

static void commit_only(struct world *w, const struct record *r)
{
	if (has_end(w, TX))
		commit(w, r);
}

static void flush_only(struct world *w, const struct record *r)
{
	(void)r;
	if (has_end(w, TX))
		flush(w);
}

static void rollback_tx(struct world *w, const struct record *r)
{
	(void)r;
	if (!has_end(w, TX))
		return;
	w->acquired = -1;
	spl_tx_rollback(&w->tx);
	w->committed = w->published;
	check_tx(&w->tx);
}

/* Receiving. */

/* The next message is the one that was sent next. */
static void compare(struct world *w, const struct spl_received *m)
{
	const struct sent *s = sent_at(w, w->taken);
	__u32 i;

	if (w->taken == w->published && w->flushing && w->taken != w->committed)
		w->published = w->committed;
	if (w->taken == w->published)
		fuzz_broken("a message that nobody sent", m->type);
	if (m->bytes != s->bytes || m->type != s->number || m->correlation != ~s->number)
		fuzz_broken("another message than was sent", m->type);
	for (i = 0; i < m->bytes; i++)
		if (w->buf[i] != (unsigned char)s->number)
			fuzz_broken("another byte than was sent", i);
	w->taken++;
}

static int take_one(struct world *w)
{
	__u32 published = w->published, i;
	const volatile unsigned char *byte;
	struct spl_received m = { 0 };
	int err;

	err = spl_rx_acquire(&w->rx, &m);
	expect(err, true, "receiving");
	/* Where it lies first, and only then what else may be wrong with it. */
	byte = m.payload;
	for (i = 0; !err && i < m.bytes; i += i + 64 < m.bytes ? 64 : 1)
		(void)byte[i];
	check_rx(&w->rx);
	if (err == -EAGAIN && !w->hostile && w->taken != published)
		fuzz_broken("a message isn't there", (long)w->taken);
	if (err)
		return err;
	if (m.bytes > SPL_CHANNEL_MESSAGE_MAX(w->map.capacity))
		fuzz_broken("a length", m.bytes);
	spl_copy(w->buf, m.payload, m.bytes);
	if (!w->hostile)
		compare(w, &m);
	return 0;
}

static void give_back(struct world *w)
{
	__u32 asleep = w->map.info->tx.asleep;
	bool ring;

	ring = spl_rx_commit(&w->rx);
	w->given = w->taken;
	if (!w->hostile && ring != !!asleep)
		fuzz_broken("a sleeper is rung for, or not", ring);
	check_rx(&w->rx);
}

static void take(struct world *w, const struct record *r)
{
	(void)r;
	if (has_end(w, RX))
		take_one(w);
}

static void receive(struct world *w, const struct record *r)
{
	(void)r;
	if (has_end(w, RX) && !take_one(w))
		give_back(w);
}

static void drain(struct world *w, const struct record *r)
{
	__u32 left = 1 + r->a % 64;

	if (!has_end(w, RX))
		return;
	while (left-- && !take_one(w))
		if (r->c & 1)
			give_back(w);
	give_back(w);
}

static void commit_rx(struct world *w, const struct record *r)
{
	(void)r;
	if (has_end(w, RX))
		give_back(w);
}

static void rollback_rx(struct world *w, const struct record *r)
{
	(void)r;
	if (!has_end(w, RX))
		return;
	spl_rx_rollback(&w->rx);
	w->taken = w->given;
	check_rx(&w->rx);
}

/* What comes before a sleep, and what the kernel writes then. */
static void look(struct world *w, const struct record *r)
{
	bool ready;

	if (has_end(w, RX)) {
		ready = spl_rx_ready(&w->rx);
		if (!w->hostile && !w->flushing && ready != (w->taken != w->published))
			fuzz_broken("a message is there, or not", ready);
	}
	if (has_end(w, TX))
		(void)spl_tx_want(&w->tx, length_of(w, r));
	w->map.info->rx.asleep = r->c & 1;
	w->map.info->tx.asleep = r->c >> 1 & 1;
}

/* Attacks. */

/* Numbers that somebody might have forgotten to think of, and near misses of good ones. */
static __u64 odd(const struct world *w, const struct record *r, __u32 salt)
{
	const __u64 near[] = { w->tx.head, w->tx.next, w->tx.limit, w->tx.tail,
			       w->rx.read, w->rx.next, w->rx.tail,  w->begin };
	__u64 x = mix(r, salt), n = near[x % 8];

	switch (x >> 8 & 7) {
	case 0:
		return mix(r, salt + 1);
	case 1:
		return ~0ULL << (x >> 16 & 63);
	case 2:
		return 1ULL << (x >> 16 & 63);
	case 3:
		return n + (x >> 16 & 127) - 64;
	case 4:
		return n + ((x >> 16) % 5 - 2) * w->map.capacity;
	case 5:
		return n + ((x >> 16) % 9 - 4) * SPL_CHANNEL_LINE +
		       ((x >> 24) % 3 - 1) * w->map.capacity;
	default:
		return n + ((x >> 16) % 9 - 4) * SPL_CHANNEL_LINE;
	}
}

static struct spl_message *line_at(const struct world *w, __u64 at)
{
	return spl_message_at(w->map.data, w->map.capacity - 1,
			      at & ~(__u64)(SPL_CHANNEL_LINE - 1));
}

/* A header whose stamp is right, mostly; its length may be anything. */
static void forge_header(struct world *w, const struct record *r)
{
	__u64 at = r->b & 3 ? w->rx.next : odd(w, r, 1);
	__u32 max = SPL_CHANNEL_MESSAGE_MAX(w->map.capacity), bytes;
	struct spl_message *m;

	if (r->b & 4)
		at += (r->b >> 3 & 7) * SPL_CHANNEL_LINE;
	switch (r->c & 7) {
	case 0:
		bytes = max + 1 + (r->v & 127);
		break;
	case 1:
		bytes = (__u32)SPL_MESSAGE_BYTES - (r->v & 127);
		break;
	case 2:
		bytes = (__u32)(w->rx.read + w->map.capacity - w->rx.next - (r->v & 127));
		break;
	case 3:
		bytes = (__u32)mix(r, 2) >> (r->v & 31);
		break;
	case 4:
		bytes = max - (r->v & 127);
		break;
	default:
		bytes = r->v & 127;
	}
	m = line_at(w, at);
	m->word = spl_message_stamp(at) | (bytes & SPL_MESSAGE_BYTES);
	if (!(r->c >> 3 & 7))
		m->word ^= 1ULL << (r->v >> 8 & 63);
	if (r->c >> 6 == 3)
		m->word = spl_message_stamp(odd(w, r, 3)) | (bytes & SPL_MESSAGE_BYTES);
	m->type = r->v;
}

/* Messages, one behind the other, from where the consumer's page says. */
static void forge_chain(struct world *w, const struct record *r)
{
	__u64 read = r->b & 1 ? w->rx.read : w->map.rx->read, at = read;
	__u32 max = SPL_CHANNEL_MESSAGE_MAX(w->map.capacity);
	__u32 bytes = (r->c & 3 ? r->v & 127 : (r->v & 0xffff) % (max + 2)), left = r->b >> 1;

	for (; left-- && at - read < w->map.capacity; at += spl_message_room(bytes))
		line_at(w, at)->word = spl_message_stamp(at) | bytes;
	if (r->c & 4)
		line_at(w, at)->word = spl_message_stamp(at) | (mix(r, 4) & SPL_MESSAGE_BYTES);
}

static void forge_positions(struct world *w, const struct record *r)
{
	if (r->b % 3 != 1)
		w->map.rx->tail = odd(w, r, 5);
	if (r->b % 3 != 2)
		w->map.rx->read = odd(w, r, r->c & 1 ? 5 : 7);
}

/* Words that nothing should depend on. */
static void forge_counts(struct world *w, const struct record *r)
{
	w->map.tx->head = odd(w, r, 9);
	w->map.tx->want = odd(w, r, 11);
	if (r->b & 1)
		w->map.tx->nr_messages = mix(r, 13);
	if (r->b & 2)
		w->map.rx->nr_bytes = mix(r, 14);
	w->map.info->rx.asleep = r->c;
	w->map.info->tx.asleep = r->v;
	w->map.info->rx.taken = mix(r, 15);
}

/* A piece of the ring. */
static void forge_bytes(struct world *w, const struct record *r)
{
	__u64 at = odd(w, r, 17), i, n = 1ULL << (r->b & 15);

	for (i = 0; i < n && i < w->map.capacity; i++)
		w->map.data[(at + i) & (w->map.capacity - 1)] =
			(unsigned char)(r->c & 1 ? r->v : mix(r, 100 + (__u32)i));
}

/* What was right: things get on after an end was told nonsense. */
static void behave(struct world *w, const struct record *r)
{
	__u64 at = r->b & 1 ? w->rx.read : w->tx.head;

	if (at % SPL_CHANNEL_LINE)
		at = w->begin;
	w->map.rx->tail = at;
	w->map.rx->read = at;
}

static const uint8_t rx_ops[] = { 6, 7, 8, 9, 10 };
static const uint8_t tx_ops[] = { 0, 1, 2, 3, 4, 5 };

/* In the middle of an operation of one end the other gets a turn. */
static void take_turns(struct world *w, const struct record *r)
{
	enum end was = w->acting;
	struct record other = *r;

	if (!w->alive[was == TX ? RX : TX])
		return;
	other.kind = was == TX ? rx_ops[r->a % sizeof(rx_ops)] : tx_ops[r->a % sizeof(tx_ops)];
	op_run(w, &other);
	w->acting = was;
}

void garble(struct world *w, const struct record *r)
{
	static void (*const attacks[])(struct world *, const struct record *) = {
		forge_header, forge_header, forge_positions, forge_positions,
		forge_chain,  forge_counts, forge_bytes,     behave,
	};

	if (!w->hostile || r->a & 0x80)
		take_turns(w, r);
	else
		attacks[r->a % (sizeof(attacks) / sizeof(attacks[0]))](w, r);
}

/* What play.c asks for. */

static void (*const ops[])(struct world *, const struct record *) = {
	send,  put,	  burst,       acquire_only, commit_only, flush_only, take, receive,
	drain, commit_rx, rollback_rx, rollback_tx,  attach_tx,	  attach_rx,  look,
};

const uint32_t fuzz_op_kinds = sizeof(ops) / sizeof(ops[0]);

bool op_mortal(const struct record *r)
{
	(void)r;
	return true;
}

void op_died(struct world *w)
{
	w->alive[w->acting] = false;
}

/* Attaching, and then messages of few accesses each. */
uint64_t op_steps(const struct record *r)
{
	(void)r;
	return world.map.capacity / SPL_CHANNEL_LINE + 16 + 64 * 32;
}

void op_run(struct world *w, const struct record *r)
{
	ops[r->kind % fuzz_op_kinds](w, r);
}

static void make(struct world *w, const uint8_t *data)
{
	static const __u64 begins[] = { 0, 1ULL << 38, 1ULL << 63, 0 };
	struct spl_channel_info plan = { 0 };
	struct pages *p;
	enum end end;

	plan.capacity = SPL_CHANNEL_CAPACITY_MIN << (data[0] >> 1 & 3) % NR_CAPACITIES;
	if (spl_channel_plan(&plan))
		abort();
	p = pages_of(&plan);
	memset(p->all, 0, plan.map_bytes);
	memset(w, 0, sizeof(*w));
	w->pages = p;
	w->map = (struct spl_channel_map){
		.info = (struct spl_channel_info *)(void *)p->all,
		.tx = (struct spl_channel_tx *)(void *)(p->all + plan.tx_off),
		.rx = (struct spl_channel_rx *)(void *)(p->all + plan.rx_off),
		.data = p->all + plan.data_off,
		.capacity = plan.capacity,
	};
	*w->map.info = plan;
	for (end = TX; end < NR_ENDS; end++)
		p->map[end].fenced = data[0] >> 3 & 1;
	w->hostile = data[0] & 1;
	w->buf = malloc(SPL_CHANNEL_MESSAGE_MAX(plan.capacity));
	/* Two rings before a number is over, or where the first begins. */
	w->begin = begins[data[0] >> 4 & 3] - (data[0] & 0x30 ? 2 * plan.capacity : 0);
	w->map.rx->tail = w->begin;
	w->map.rx->read = w->begin;
	attach_tx(w, NULL);
	attach_rx(w, NULL);
}

/* Whoever died is replaced, and what was sent arrives. */
static void finish(struct world *w)
{
	if (w->hostile || !has_end(w, TX) || !has_end(w, RX))
		return;
	flush(w);
	rollback_rx(w, NULL);
	while (w->taken != w->published)
		take_one(w);
	give_back(w);
	if (take_one(w) != -EAGAIN)
		fuzz_broken("more messages than were sent", (long)w->taken);
	if (w->map.rx->read != w->tx.head || w->map.rx->tail != w->tx.head)
		fuzz_broken("an empty ring isn't given back", (long)w->tx.head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record records[RECORDS_MAX];
	uint32_t nr, i;

	if (size < RECORD_BYTES)
		return 0;
	nr = play_read(data, size, records);
	make(&world, data);
	for (i = 0; i < nr; i++)
		play(&world, &records[i]);
	finish(&world);
	free(world.buf);
	return 0;
}
