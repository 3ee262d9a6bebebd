// SPDX-License-Identifier: MIT
/*
 * ops.c - what honest processes do with the store, and what may come of it: a value within its bounds or one of the
 * errors that the operation names. At the end a repair makes a sound store of whatever is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

const uint32_t fuzz_op_kinds = OP_KINDS;

/*
 * Accesses of one operation: two loops of SPL_TRIES rounds, one in the other, each over a probe sequence with keys to
 * be compared. What goes on for longer goes on for ever.
 */
#define STEPS_MAX 4000000ULL
/* SPL_FEED_TRIES look-ups of one round each. */
#define FOLLOW_PARTS 16U

/* Errors of a look-up, and those that a change adds. */
static const int read_errors[] = { EINVAL, ENOENT, EMSGSIZE, EBADMSG, EAGAIN, 0 };
static const int write_errors[] = { EINVAL, ENOENT,  EMSGSIZE, EBADMSG,	   EAGAIN, EEXIST,
				    ENOSPC, ENOBUFS, ESTALE,   EPROTOTYPE, 0 };
static const int watch_errors[] = { EINVAL, ENOENT, EMSGSIZE, EBADMSG, EAGAIN, EOPNOTSUPP, 0 };

static void expect(long r, long max, const int *errors, const char *what)
{
	if (r >= 0 && r <= max)
		return;
	for (; r < 0 && *errors; errors++)
		if (r == -*errors)
			return;
	fuzz_broken(what, r);
}

static const struct key *key_of(const struct world *w, const struct record *r)
{
	return &w->key[r->a % NR_KEYS];
}

static uint32_t len_of(const struct world *w, const struct record *r)
{
	return r->v % (w->s.value_max + 1);
}

static uint32_t writer_of(const struct world *w, const struct record *r)
{
	return r->c % w->nr_writers;
}

static struct spl_writer *writer(struct world *w, const struct record *r)
{
	w->acting = writer_of(w, r);
	return &w->w[w->acting];
}

/* Bytes that a reader was given may be anything, but there. */
static void touch(const void *p, long n)
{
	const volatile uint8_t *byte = p;
	long i;

	for (i = 0; i < n; i++)
		(void)byte[i];
}

static void get(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	struct spl_meta meta;
	long n;

	n = spl_get(&w->s, k->bytes, k->len, w->out, w->s.value_max, r->b & 1 ? &meta : NULL);
	expect(n, w->s.value_max, read_errors, "get");
	touch(w->out, n);
}

static void get_room(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	/* Little room, or more than any value needs. */
	uint32_t cap = r->b & 1 ? w->s.value_max + r->v % 512 : len_of(w, r);
	uint8_t *buf = malloc(cap ? cap : 1);
	long n = spl_get(&w->s, k->bytes, k->len, buf, cap, NULL);

	expect(n, cap < w->s.value_max ? cap : w->s.value_max, read_errors, "get with other room");
	if (n == -EMSGSIZE && cap >= w->s.value_max)
		fuzz_broken("room for any value is not enough", cap);
	free(buf);
}

static void view_valid(struct world *w, const struct record *r)
{
	struct spl_view *v = &w->view[r->b % NR_VIEWS];

	if (!v->lane)
		return;
	touch(v->ptr, v->meta.vlen);
	(void)spl_view_valid(v);
	v->lane = NULL;
}

static void view(struct world *w, const struct record *r)
{
	struct spl_view *v = &w->view[r->b % NR_VIEWS];
	const struct key *k = key_of(w, r);
	long n = spl_view(&w->s, k->bytes, k->len, v);

	expect(n, w->s.value_max, read_errors, "view");
	if (n < 0)
		v->lane = NULL;
	else if (v->meta.vlen != n)
		fuzz_broken("a view's length", n);
	if (r->b & 2)
		view_valid(w, r);
}

static void stat(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	struct spl_meta meta;

	expect(spl_stat(&w->s, k->bytes, k->len, &meta), 0, read_errors, "stat");
}

static void exists(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	uint32_t len = r->b % 16 == 15 ? 0 : r->b % 16 == 14 ? w->s.key_max + 1 : k->len;
	uint8_t *bytes = calloc(1, len + 1);

	memcpy(bytes, k->bytes, len < k->len ? len : k->len);
	expect(spl_exists(&w->s, bytes, len), 1, read_errors, "exists");
	free(bytes);
}

static uint32_t batch_of(const struct record *r)
{
	return r->b % 16 < 12 ? r->b % 4 : r->b % (NR_KEYS + 4);
}

/* Its buffers live until the next one: the writer may die on the way. */
static uint32_t make_batch(struct world *w, const struct record *r, struct spl_io *io)
{
	uint32_t i, nr = batch_of(r);

	free(w->batch);
	w->batch = malloc((nr + 1) * (size_t)w->s.value_max);
	memset(w->batch, 'm', (nr + 1) * (size_t)w->s.value_max);
	for (i = 0; i < nr; i++) {
		const struct key *k = &w->key[(r->a + i) % NR_KEYS];

		io[i] = (struct spl_io){ .key = k->bytes,
					 .klen = k->len,
					 .buf = w->batch + i * (size_t)w->s.value_max,
					 .cap = i % 3 ? w->s.value_max : len_of(w, r) };
	}
	return nr;
}

static void get_many(struct world *w, const struct record *r)
{
	struct spl_io io[NR_KEYS + 4];
	uint32_t nr, i;

	nr = make_batch(w, r, io);
	expect(spl_get_many(&w->s, io, nr), nr, read_errors, "get_many");
	for (i = 0; i < nr; i++)
		expect(io[i].result, io[i].cap, read_errors, "get_many's result");
}

/* Keys of the world that have these labels. */
static uint32_t count_labelled(const struct world *w, uint64_t mask, uint64_t are)
{
	struct spl_attr_value v;
	uint32_t i, n = 0;

	for (i = 0; i < NR_KEYS; i++)
		n += !spl_attr_get(&w->s, w->key[i].bytes, w->key[i].len, &v) &&
		     (v.labels & mask) == are;
	return n;
}

/* Where nobody attacks, all of them are told, and no others. */
static void walk_labelled(struct world *w, const struct record *r)
{
	uint64_t are = r->c & 1 ? r->v >> 8 : 1ULL << (r->c >> 1 & 31);
	uint64_t mask = r->b & 1 ? are | (r->v & 0xff) : ~(uint64_t)r->v;
	__u64 at = r->b & 2 ? (__u64)r->v << (r->b >> 2 & 31) : 0, labels;
	uint32_t told = 0, wanted = w->tainted ? 0 : count_labelled(w, mask, are);
	uint8_t *key = malloc(w->s.key_max);
	bool all = !at;
	struct spl_meta meta;
	long n;

	while ((n = spl_next_labelled(&w->s, &at, mask, are, key, &meta, &labels)) > 0) {
		if (n > w->s.key_max || (labels & mask) != are ||
		    ++told > w->s.buckets * SPL_BUCKET_CELLS)
			fuzz_broken("walk_labelled", n);
		touch(key, n);
	}
	if (n != (are & mask && !(are & ~mask) ? 0 : -EINVAL))
		fuzz_broken("walk_labelled", n);
	if (!n && all && !w->tainted && told != wanted)
		fuzz_broken("walk_labelled doesn't tell the keys that have these labels", told);
	free(key);
}

static void walk(struct world *w, const struct record *r)
{
	uint32_t cap = r->b & 1 ? w->s.key_max + r->v % 128 : r->v % (w->s.key_max + 1), rounds = 0;
	uint64_t cursor = r->b & 2 ? (uint64_t)r->v << (r->b >> 2 & 31) : 0;
	uint8_t *key = malloc(cap ? cap : 1);
	struct spl_meta meta;
	__u64 at = cursor;
	long n;

	if (r->b & 0x80) {
		free(key);
		walk_labelled(w, r);
		return;
	}
	while ((n = spl_next(&w->s, &at, key, cap, &meta)) > 0) {
		if (n > w->s.key_max || ++rounds > w->s.buckets * SPL_BUCKET_CELLS)
			fuzz_broken("walk", n);
		touch(key, n);
	}
	if (n && (n != -EMSGSIZE || cap >= w->s.key_max))
		fuzz_broken("walk", n);
	free(key);
}

static void attr_get(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	struct spl_attr_value v;

	expect(spl_attr_get(&w->s, k->bytes, k->len, &v), 0, read_errors, "attr_get");
}

static void set(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	uint32_t len = len_of(w, r), flags = r->b % 8 > 4 ? r->b % 4 : 0;
	struct spl_meta meta;

	expect(spl_set(writer(w, r), k->bytes, k->len, w->value, len, flags, &meta), len,
	       write_errors, "set");
}

static void set_epoch(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	uint32_t len = len_of(w, r);
	struct spl_meta meta = { 0 };

	if (r->b & 1)
		spl_stat(&w->s, k->bytes, k->len, &meta);
	expect(spl_set_epoch(writer(w, r), k->bytes, k->len, w->value, len, meta.epoch, NULL), len,
	       write_errors, "set_epoch");
}

static void append(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	struct spl_meta meta;

	expect(spl_append(writer(w, r), k->bytes, k->len, w->value, len_of(w, r),
			  r->b & SPL_SET_PRESENT, &meta),
	       w->s.value_max, write_errors, "append");
}

static void math(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	__u64 result;

	expect(spl_math(writer(w, r), k->bytes, k->len, r->b % 9, r->v, r->b >> 5, &result), 0,
	       write_errors, "math");
}

static void bump(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);

	expect(spl_bump(writer(w, r), k->bytes, k->len, NULL), 0, write_errors, "bump");
}

static void delete (struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);

	expect(spl_delete(writer(w, r), k->bytes, k->len), 0, write_errors, "delete");
}

static void alloc(struct world *w, const struct record *r)
{
	uint32_t i = r->b % NR_ROOMS, len = len_of(w, r);
	const struct key *k = key_of(w, r);
	long n;

	if (w->room_of[i])
		return;
	n = spl_alloc(writer(w, r), k->bytes, k->len, len, &w->room[i]);
	expect(n, 0, write_errors, "alloc");
	if (n)
		return;
	memset(w->room[i].ptr, 'r', len);
	w->room_of[i] = 1 + writer_of(w, r);
}

static void put(struct world *w, const struct record *r)
{
	uint32_t i = r->b % NR_ROOMS;
	struct spl_room *room = &w->room[i];
	uint32_t owner = w->room_of[i];

	w->room_of[i] = 0;
	if (!owner || w->dead[owner - 1])
		return;
	w->acting = owner - 1;
	memset(room->ptr, 'p', room->vlen);
	if (r->b & 4)
		room->vlen -= r->v % (room->vlen + 1);
	if (r->b & 2)
		spl_cancel(&w->w[owner - 1], room);
	else
		expect(spl_put(&w->w[owner - 1], room, r->b >> 4 & 3, NULL), w->s.value_max,
		       write_errors, "put");
}

static void attr_change(struct world *w, const struct record *r)
{
	struct spl_attr_edit edit = {
		.labels_must = r->b & 1 ? 7 : 0,
		.labels_are = r->v & 7,
		.labels_set = r->v >> 8,
		.labels_clear = r->v & 0xff,
		.type = r->b & 2 ? (uint8_t)(r->b >> 4) : SPL_ATTR_KEEP_TYPE,
		.user_set = (uint8_t)r->v,
	};
	const struct key *k = key_of(w, r);
	struct spl_attr_value was;

	expect(spl_attr_change(writer(w, r), k->bytes, k->len, &edit, &was), 0, write_errors,
	       "attr_change");
}

static void watch(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	__u64 was;

	expect(spl_watch(writer(w, r), k->bytes, k->len, r->v, r->b, &was), 0, watch_errors,
	       "watch");
}

static void watch_get(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);
	__u64 groups;

	expect(spl_watch_get(&w->s, k->bytes, k->len, &groups), 0, watch_errors, "watch_get");
}

static void wait_mark(struct world *w, const struct record *r)
{
	const struct key *k = key_of(w, r);

	expect(spl_wait_mark(&w->s, k->bytes, k->len, r->b & 1, NULL), 0, read_errors, "wait_mark");
}

/* Binds labels and the coming and going of keys, pulses groups, and rings who sleeps. */
static void bind(struct world *w, const struct record *r)
{
	struct spl_counters to;
	__u64 count;

	expect(spl_label_bind(&w->s, r->b % (SPL_LABELS + 1), r->v, r->c), 0, watch_errors,
	       "label_bind");
	if (r->a & 1)
		spl_keys_bind(&w->s, r->v >> 8, r->c);
	if (r->a & 2)
		spl_signal(writer(w, r), r->v);
	if (spl_ring_due(writer(w, r), &to))
		spl_ring_done(writer(w, r));
	expect(spl_group_count(&w->s, r->b % (SPL_GROUPS + 1), &count), 0, watch_errors,
	       "group_count");
}

static void set_many(struct world *w, const struct record *r)
{
	struct spl_io io[NR_KEYS + 4];
	uint32_t nr, i;

	nr = make_batch(w, r, io);
	expect(spl_set_many(writer(w, r), io, nr, 0), nr, write_errors, "set_many");
	for (i = 0; i < nr; i++)
		expect(io[i].result, io[i].cap, write_errors, "set_many's result");
}

/* Begins at the newest. Bad sizes are tried, too. */
static void follow_from_now(struct world *w, const struct record *r)
{
	static const uint32_t sizes[] = { SPL_FEED_WAYS,     2 * SPL_FEED_WAYS, SPL_FEED_WAYS, 0,
					  SPL_FEED_WAYS / 2, SPL_FEED_WAYS + 4 };
	uint32_t nr = sizes[r->b % 6];
	int n;

	free(w->known);
	w->known = calloc(nr ? nr : 1, sizeof(*w->known));
	w->follower.s = NULL;
	n = spl_feed_follow(&w->follower, &w->s, w->feed_at, w->known, nr);
	if (n != (!w->s.feed_bytes ? -EOPNOTSUPP : r->b % 6 >= 3 ? -EINVAL : 0))
		fuzz_broken("following from now", n);
}

/* The next that is told: 1, 0, -EAGAIN. */
static int follow_once(struct world *w, struct spl_told *t)
{
	int n = spl_feed_next(&w->follower, w->told, t);

	if (n != 1) {
		if (n && n != -EAGAIN)
			fuzz_broken("following", n);
		return n;
	}
	if (t->kind < SPL_TOLD_SET || t->kind > SPL_TOLD_OVERRUN || t->writer >= w->s.max_writers)
		fuzz_broken("a follower is told", t->kind);
	if (t->kind == SPL_TOLD_OVERRUN ? t->klen : !t->klen || t->klen > w->s.key_max)
		fuzz_broken("a follower is told a key of such a length", t->klen);
	touch(w->told, t->klen);
	return 1;
}

static void follow(struct world *w, const struct record *r)
{
	uint32_t left = 1 + r->b % 8;
	struct spl_told t;

	if (!w->follower.s)
		follow_from_now(w, &(struct record){ 0 });
	while (w->follower.s && left && follow_once(w, &t))
		left--;
}

/* Nothing is appended any more: each call gets on by a record, or over an overrun. */
static void follow_to_the_end(struct world *w)
{
	uint64_t calls = w->s.max_writers * (w->s.feed_bytes / sizeof(struct spl_feed_record) + 1);
	struct spl_told t;

	while (w->follower.s && follow_once(w, &t))
		if (!calls--)
			fuzz_broken("the feed has no end", t.kind);
}

/* The only news is that of a key. */
static void hear_of(struct world *w, const struct key *k, uint32_t kind)
{
	struct spl_told t;

	if (!w->follower.s)
		return;
	if (follow_once(w, &t) != 1 || t.kind != kind || t.klen != k->len ||
	    memcmp(w->told, k->bytes, k->len))
		fuzz_broken("a follower of a mended store isn't told", kind);
	if (follow_once(w, &t))
		fuzz_broken("a follower of a mended store is told more", t.kind);
}

/* The writer's private state dies with it; a new thread gets the cell. */
static void reap(struct world *w, const struct record *r)
{
	struct spl_reap_counts counts = { 0 };
	uint32_t idx = writer_of(w, r), i;

	expect(spl_reap_writer(&w->s, idx, &counts), 0, write_errors, "reap");
	expect((long)(counts.finished + counts.undone), 1, write_errors, "reap's counts");
	for (i = 0; i < NR_ROOMS; i++)
		if (w->room_of[i] == 1 + idx)
			w->room_of[i] = 0;
	spl_writer_init(&w->w[idx], &w->s, idx);
	w->dead[idx] = false;
}

static struct spl_check_counts check_with(struct world *w, uint32_t flags)
{
	struct spl_check_work work = { .seen = (__u64 *)w->seen };
	struct spl_check_counts c;

	memset(w->seen, 0, w->s.free_words * sizeof(*w->seen));
	expect(spl_check(&w->s, &work, flags, &c), 0, write_errors, "check");
	return c;
}

static void check(struct world *w, const struct record *r)
{
	check_with(w, r->b & SPL_CHECK_REPAIR);
}

static bool is_sound(const struct world *w, const struct spl_check_counts *c)
{
	return !(c->tentative | c->dead | c->lanes_flight | c->lanes_lost | c->lanes_shared |
		 c->cells_bad | c->keys_twice | c->overflow_stale | c->overflow_missing |
		 c->free_stale) &&
	       c->live + c->lanes_free == w->s.lanes_wanted;
}

static void unsound(const struct spl_check_counts *c, const char *what)
{
	fprintf(stderr,
		"live %llu tentative %llu dead %llu free %llu spare %llu flight %llu lost %llu shared %llu bad %llu "
		"twice %llu overflow %llu/%llu free stale %llu\n",
		c->live, c->tentative, c->dead, c->lanes_free, c->lanes_spare, c->lanes_flight,
		c->lanes_lost, c->lanes_shared, c->cells_bad, c->keys_twice, c->overflow_stale,
		c->overflow_missing, c->free_stale);
	fuzz_broken(what, 0);
}

/* Of a sound store each writer can set each key, if there is room for it, read it back and delete it; a follower is told. */
static void serve(struct world *w)
{
	const struct key *k;
	uint32_t i;
	long n;

	follow_from_now(w, &(struct record){ 0 });
	for (i = 0; i < NR_KEYS; i++) {
		struct spl_writer *writer = &w->w[i % w->nr_writers];

		k = &w->key[i];
		memset(w->value, 's', w->s.value_max);
		n = spl_set(writer, k->bytes, k->len, w->value, w->s.value_max, 0, NULL);
		if (n == -ENOSPC)
			continue;
		if (n < 0)
			fuzz_broken("a mended store refuses a key", n);
		n = spl_get(&w->s, k->bytes, k->len, w->out, w->s.value_max, NULL);
		if (n != w->s.value_max || memcmp(w->out, w->value, w->s.value_max))
			fuzz_broken("a mended store loses a key", n);
		hear_of(w, k, SPL_TOLD_SET);
		n = spl_delete(writer, k->bytes, k->len);
		if (n)
			fuzz_broken("a mended store keeps a key", n);
		hear_of(w, k, SPL_TOLD_GONE);
	}
}

static struct spl_check_counts repair(struct world *w)
{
	struct spl_check_counts c;
	uint32_t rounds = 0;

	do {
		check_with(w, SPL_CHECK_REPAIR);
		c = check_with(w, 0);
	} while (++rounds < MEND_ROUNDS && !is_sound(w, &c));
	return c;
}

/* A repair drops no key; so if there are more than lanes for keys, as many slots have none until these are deleted. */
static void delete_surplus(struct world *w, uint64_t live)
{
	uint8_t *key = malloc(w->s.key_max);
	__u64 at = 0;
	long n;

	for (; live > w->s.lanes_wanted; live--) {
		n = spl_next(&w->s, &at, key, w->s.key_max, NULL);
		if (n <= 0)
			fuzz_broken("a key that was counted isn't told", n);
		n = spl_delete(&w->w[0], key, (uint32_t)n);
		if (n)
			fuzz_broken("a key of a mended store can't be deleted", n);
	}
	free(key);
}

/* Nobody attacks any more: writers are reaped, the store is mended, and then it serves. */
void op_mend(struct world *w)
{
	struct spl_check_counts c = { 0 };
	struct record r = { 0 };
	uint32_t i;

	for (i = 0; i < w->nr_writers; i++) {
		r.c = (uint8_t)i;
		reap(w, &r);
	}
	follow_to_the_end(w);
	if (!w->tainted) {
		c = check_with(w, 0);
		if (!is_sound(w, &c))
			unsound(&c, "not sound, though nobody attacked");
		return;
	}
	if (w->borrowed) /* regions may lie on one another: there is nothing to mend */
		return;
	c = repair(w);
	if (c.live > w->s.lanes_wanted && c.lanes_shared == c.live - w->s.lanes_wanted) {
		delete_surplus(w, c.live);
		c = repair(w);
	}
	if (!is_sound(w, &c))
		unsound(&c, "repair doesn't mend");
	serve(w);
	c = check_with(w, 0);
	if (!is_sound(w, &c))
		unsound(&c, "a mended store doesn't stay sound");
}

/* Does the operation go through a writer, who may die in it? Those after it are the reaper's and the checker's. */
bool op_mortal(const struct record *r)
{
	return (r->kind % OP_KINDS >= 9 && r->kind % OP_KINDS < 20) ||
	       (r->kind % OP_KINDS >= 24 && r->kind % OP_KINDS < 26);
}

/* Some are many operations. */
uint64_t op_steps(const struct record *r)
{
	switch (r->kind % OP_KINDS) {
	case 6:
	case 19:
		return STEPS_MAX * (1 + batch_of(r));
	case OP_FOLLOW:
		return STEPS_MAX * FOLLOW_PARTS;
	default:
		return STEPS_MAX;
	}
}

void op_died(struct world *w)
{
	w->dead[w->acting] = true;
}

void op_run(struct world *w, const struct record *r)
{
	static void (*const ops[OP_KINDS])(struct world *, const struct record *) = {
		get,   get_room,  view,	     view_valid, stat,	      exists,	       get_many,
		walk,  attr_get,  set,	     set,	 set_epoch,   append,	       math,
		bump,  delete,	  alloc,     put,	 attr_change, set_many,	       reap,
		check, watch_get, wait_mark, watch,	 bind,	      follow_from_now, follow,
	};

	/* A dead writer's cell is reaped before anybody gets it. */
	if (op_mortal(r) && w->dead[writer_of(w, r)])
		reap(w, r);
	ops[r->kind % OP_KINDS](w, r);
}
