/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_write.h - changes: each fills a spare lane that nobody reads and publishes it by one compare-and-swap of
 * the key's cell. Keys that aren't there yet are splinter_insert.h's, attributes splinter_attr.h's.
 *
 *	declare: old word, new word, cell		(G)
 *	CAS cell: old word -> new word			(A)
 *	mark the old lane as mine, slot = old lane	(G)
 *	declare: nothing, release
 *
 * (G) pairs with the reaper, which has to know whether a dead writer's word was ever published. It was if the word
 * stands in the cell, or if its lane isn't as the dead writer left it, or if some writer cell names it as old word: who
 * replaced it declared it before the compare-and-swap, and marks its lane before it declares anything else.
 */
#ifndef _UAPI_SPLINTER_WRITE_H
#define _UAPI_SPLINTER_WRITE_H

#include "splinter_insert.h"

#define SPL_SET_ABSENT (1U << 0) /* only if the key is not there: else -EEXIST */
#define SPL_SET_PRESENT (1U << 1) /* only if the key is there: else -ENOENT */
#define SPL_SET_ALL (SPL_SET_ABSENT | SPL_SET_PRESENT)

/* Integer operations on values of 8 bytes. */
enum spl_math_op {
	SPL_MATH_AND = 0,
	SPL_MATH_OR = 1,
	SPL_MATH_XOR = 2,
	SPL_MATH_NOT = 3, /* operand unused */
	SPL_MATH_ADD = 4,
	SPL_MATH_SUB = 5,
	SPL_MATH_INC = 6, /* ADD of 1 */
	SPL_MATH_DEC = 7, /* SUB of 1 */
	SPL_MATH_COUNT = 8,
};

#define SPL_MATH_SIGNED \
	(1U << 0) /* operand and value are two's complement: matters for saturation */
#define SPL_MATH_SATURATE \
	(1U << 1) /* ADD, SUB, INC, DEC stop at the ends of the range instead of wrapping */
#define SPL_MATH_CREATE (1U << 2) /* an absent key counts as 0 */
#define SPL_MATH_ALL (SPL_MATH_SIGNED | SPL_MATH_SATURATE | SPL_MATH_CREATE)

/* What a change does with the value; known at compile time wherever it is used. */
enum spl_how {
	SPL_HOW_SET, /* the caller's bytes */
	SPL_HOW_PUT, /* bytes that stand in the lane already */
	SPL_HOW_APPEND, /* the old value, then the caller's bytes */
	SPL_HOW_MATH, /* a number made of the old one */
	SPL_HOW_BUMP, /* the old value */
};

/* A change as asked for. */
struct spl_change {
	enum spl_how how;
	__u32 flags;
	const void *data;
	__u32 len;
	__u32 math_op;
	__u64 operand; /* math: operand in, result out; compare-and-set: the epoch wanted */
	bool want_epoch;
};

static inline __u64 spl_math_eval(__u32 op, __u32 flags, __u64 a, __u64 b)
{
	__u64 r;

	switch (op) {
	case SPL_MATH_AND:
		return a & b;
	case SPL_MATH_OR:
		return a | b;
	case SPL_MATH_XOR:
		return a ^ b;
	case SPL_MATH_NOT:
		return ~a;
	case SPL_MATH_INC:
		b = 1;
		/* fallthrough */
	case SPL_MATH_ADD:
		r = a + b;
		if (!(flags & SPL_MATH_SATURATE))
			return r;
		if (!(flags & SPL_MATH_SIGNED))
			return r < a ? ~0ULL : r;
		if (((a ^ r) & (b ^ r)) >> 63)
			return a >> 63 ? 1ULL << 63 : ~(1ULL << 63);
		return r;
	case SPL_MATH_DEC:
		b = 1;
		/* fallthrough */
	default:
		r = a - b;
		if (!(flags & SPL_MATH_SATURATE))
			return r;
		if (!(flags & SPL_MATH_SIGNED))
			return a < b ? 0 : r;
		if (((a ^ b) & (a ^ r)) >> 63)
			return a >> 63 ? 1ULL << 63 : ~(1ULL << 63);
		return r;
	}
}

/*
 * Write the value of a change into the lane, given the old one (@old NULL: no such key). Bounds are checked, the old
 * bytes may be torn: the caller checks the old lane's generation before it believes result or error.
 */
static spl_inline int spl_fill_value(const struct spl_store *s, struct spl_change *c,
				     struct spl_fill *f, struct spl_lane *old, __u64 *number)
{
	unsigned char *to = spl_lane_value(f->lane, f->klen);
	__u32 vlen = old ? spl_load(&old->vlen) : 0;

	if (spl_unlikely(vlen > s->value_max))
		return -EBADMSG;
	switch (c->how) {
	case SPL_HOW_SET:
	case SPL_HOW_PUT:
		return 0; /* in the lane since before the look-up */
	case SPL_HOW_APPEND:
		if (c->len > s->value_max - vlen)
			return -EMSGSIZE;
		if (old)
			spl_copy(to, spl_lane_value(old, f->klen), vlen);
		spl_copy(to + vlen, c->data, c->len);
		f->vlen = vlen + c->len;
		return 0;
	case SPL_HOW_MATH:
		*number = 0;
		if (old && vlen != sizeof(*number))
			return -EPROTOTYPE;
		if (old)
			spl_copy(number, spl_lane_value(old, f->klen), sizeof(*number));
		*number = spl_math_eval(c->math_op, c->flags, *number, c->operand);
		memcpy(to, number, sizeof(*number));
		f->vlen = sizeof(*number);
		return 0;
	default:
		spl_copy(to, spl_lane_value(old, f->klen), vlen);
		f->vlen = vlen;
		return 0;
	}
}

/* Replace @old_word at @pos by the filled lane. On success the old lane is the slot's. */
static spl_inline bool spl_swap(struct spl_writer *w, const struct spl_fill *f,
				const struct spl_hit *hit, struct spl_foresight ahead)
{
	const struct spl_store *s = w->s;
	struct spl_wcell *cell = w->cell;
	__u64 new_word = (hit->word & SPL_CELL_HEAD) | spl_ref(s, f->seq, f->n);

	spl_store_release(&cell->old_word, hit->word); /* (G) */
	spl_declare(w, SPL_OP_SWAP, f->slot, hit->pos, new_word);
	if (spl_unlikely(!spl_cas64(spl_cell_at(s, hit->pos), hit->word, new_word))) { /* (A) */
		spl_store_release(&cell->op, SPL_OP_NONE);
		spl_count(&w->cell->nr_conflict);
		return false;
	}
	spl_store_release(&hit->lane->seq, spl_seq(hit->seq, w->idx, SPL_LANE_SPARE)); /* (G) */
	/* Soon to be filled: a store that waits for its line then would hold up a compare-and-swap. */
	spl_prefetch_write((unsigned char *)hit->lane + 64);
	spl_store_release(&cell->slots[f->slot], spl_lane_of(s, hit->word));
	if (spl_notice_wanted(s, hit->pos))
		spl_notice_set(s, w->idx, hit->pos, hit->lane, ahead);
	spl_store_release(&cell->op, SPL_OP_NONE);
	w->next = f->slot + 1 < s->spares ? f->slot + 1 : 0;
	spl_count(&cell->nr_publish);
	return true;
}

static spl_inline void spl_meta_tell(struct spl_meta *meta, const struct spl_fill *f, __u64 epoch,
				     __u64 inc, __u64 ctime_ns, __u64 now_ns)
{
	if (!meta)
		return;
	meta->epoch = epoch;
	meta->inc = inc;
	meta->ctime_ns = ctime_ns;
	meta->mtime_ns = now_ns;
	meta->vlen = f->vlen;
	meta->klen = f->klen;
}

/* By a copy of the fill, so that on the hot path it needs no memory. */
static spl_inline int spl_insert_copy(struct spl_writer *w, struct spl_fill *f, __u64 now_ns,
				      __u64 *epoch)
{
	struct spl_fill copy = *f;
	__u64 made = 0;
	int r = spl_insert(w, &copy, now_ns, &made);

	*f = copy;
	*epoch = made;
	return r;
}

/* Publish a filled lane under its key: overwrite or insert. Bytes of the value, or a negative errno. */
static spl_inline long spl_publish(struct spl_writer *w, struct spl_fill *f, struct spl_change *c,
				   struct spl_meta *meta)
{
	const struct spl_store *s = w->s;
	__u64 epoch, made, inc, ctime_ns, now_ns = spl_now_ns(s), number = 0;
	struct spl_foresight ahead;
	struct spl_hit hit;
	__u32 tries = 0;
	long r;

	for (;;) {
		if (spl_unlikely(++tries > SPL_TRIES))
			return -EAGAIN;
		r = spl_find(s, f->hash, f->key, f->klen, &hit);
		if (spl_likely(r == SPL_FOUND)) {
			epoch = spl_load(&hit.lane->epoch);
			inc = spl_load(&hit.lane->inc);
			ctime_ns = spl_load(&hit.lane->ctime_ns);
			r = spl_fill_value(s, c, f, hit.lane, &number);
			if (spl_unlikely(c->flags & SPL_SET_ABSENT) && c->how != SPL_HOW_MATH)
				r = -EEXIST;
			if (c->want_epoch && epoch != c->operand)
				r = -ESTALE;
			if (spl_unlikely(!spl_hit_held(&hit))) {
				if (spl_hit_lost(s, &hit) < 0)
					return -EBADMSG;
				continue;
			}
			if (spl_unlikely(r))
				return r;
			ahead = spl_notice_ahead(s, hit.pos, inc);
			spl_fill_end(w, f, epoch + 1, inc, ctime_ns, now_ns, SPL_LANE_READY);
			if (spl_unlikely(!spl_swap(w, f, &hit, ahead)))
				continue;
			spl_meta_tell(meta, f, epoch + 1, inc, ctime_ns, now_ns);
			break;
		}
		if (r == SPL_AGAIN)
			continue;
		if (spl_unlikely(r < 0))
			return r;
		if (c->how == SPL_HOW_BUMP || c->want_epoch ||
		    (c->how == SPL_HOW_MATH ? !(c->flags & SPL_MATH_CREATE)
					    : !!(c->flags & SPL_SET_PRESENT)))
			return -ENOENT;
		r = spl_fill_value(s, c, f, NULL, &number);
		if (!r)
			r = spl_insert_copy(w, f, now_ns, &made);
		if (r == -EEXIST)
			continue;
		if (r)
			return r;
		spl_meta_tell(meta, f, made, spl_load(&w->cell->opseq) & SPL_OPSEQ, now_ns, now_ns);
		if (meta)
			meta->inc |= (__u64)w->idx << SPL_OPSEQ_BITS;
		break;
	}
	if (c->how == SPL_HOW_MATH)
		c->operand = number;
	return f->vlen;
}

/* Common frame, the key checked and hashed: claim a spare, publish, and leave nothing in hand. */
static spl_inline long spl_change_hashed(struct spl_writer *w, __u64 hash, const void *key,
					 __u32 klen, struct spl_change *c, struct spl_meta *meta)
{
	const struct spl_store *s = w->s;
	struct spl_fill f;
	long r;

	if (spl_unlikely(c->len > s->value_max))
		return -EMSGSIZE;
	f.key = key;
	f.klen = klen;
	f.hash = hash;
	f.home = spl_home(s, hash);
	spl_prefetch_write(&s->index[f.home]);
	r = spl_fill_begin(w, &f);
	if (spl_unlikely(r))
		return r;
	f.vlen = c->len;
	if (c->how == SPL_HOW_SET)
		spl_copy(spl_lane_value(f.lane, klen), c->data, c->len);
	r = spl_publish(w, &f, c, meta);
	if (spl_unlikely((__u32)spl_load(&w->cell->extra)))
		spl_pool_untake(s, w->cell);
	return r;
}

static spl_inline long spl_change(struct spl_writer *w, const void *key, __u32 klen,
				  struct spl_change *c, struct spl_meta *meta)
{
	int r = spl_key_check(w->s, klen);

	return spl_unlikely(r)
		       ? r
		       : spl_change_hashed(w, spl_hash(w->s, key, klen), key, klen, c, meta);
}

/**
 * spl_set() - give a key a value
 * @w: the writer
 * @key: the key
 * @klen: its bytes
 * @val: the value; not touched after the call
 * @vlen: its bytes, 0 to value_max
 * @flags: mask of SPL_SET_ALL
 * @meta: out: of the new publication, or NULL
 *
 * Return: @vlen; -EMSGSIZE: key or value too long; -EINVAL: empty key, unknown flags; -EEXIST, -ENOENT: see the flags;
 * -ENOSPC: a new key, and all lanes are taken; -ENOBUFS: spl_alloc() holds all spares; -EAGAIN: others change the key
 * without end; -EBADMSG: damaged store. On every error the key is as it was. Lock-free; one thread a writer.
 */
static spl_inline long spl_set(struct spl_writer *w, const void *key, __u32 klen, const void *val,
			       __u32 vlen, __u32 flags, struct spl_meta *meta)
{
	struct spl_change c = { SPL_HOW_SET, flags, val, vlen, 0, 0, false };

	if (spl_unlikely(flags & ~SPL_SET_ALL))
		return -EINVAL;
	return spl_change(w, key, klen, &c, meta);
}

/**
 * spl_set_epoch() - give a key a value if its epoch is still the one seen (compare-and-set)
 * @w: the writer
 * @key: the key
 * @klen: its bytes
 * @val: the value
 * @vlen: its bytes
 * @epoch: the epoch that the key must have
 * @meta: out: of the new publication, or NULL
 *
 * Return: as spl_set(); -ESTALE: the key has another epoch; -ENOENT.
 */
static inline long spl_set_epoch(struct spl_writer *w, const void *key, __u32 klen, const void *val,
				 __u32 vlen, __u64 epoch, struct spl_meta *meta)
{
	struct spl_change c = { SPL_HOW_SET, 0, val, vlen, 0, epoch, true };

	return spl_change(w, key, klen, &c, meta);
}

/**
 * spl_append() - add bytes to a key's value
 * @w: the writer
 * @key: the key
 * @klen: its bytes
 * @data: what to add
 * @len: its bytes
 * @flags: SPL_SET_PRESENT, or 0: an absent key counts as empty
 * @meta: out: of the new publication, or NULL
 *
 * Return: bytes of the new value; -EMSGSIZE: it would be longer than value_max; otherwise as spl_set().
 */
static inline long spl_append(struct spl_writer *w, const void *key, __u32 klen, const void *data,
			      __u32 len, __u32 flags, struct spl_meta *meta)
{
	struct spl_change c = { SPL_HOW_APPEND, flags, data, len, 0, 0, false };

	if (spl_unlikely(flags & ~SPL_SET_PRESENT))
		return -EINVAL;
	return spl_change(w, key, klen, &c, meta);
}

/**
 * spl_math() - change an integer of 8 bytes, and tell the result
 * @w: the writer
 * @key: the key
 * @klen: its bytes
 * @op: enum spl_math_op
 * @operand: the second operand
 * @flags: mask of SPL_MATH_ALL
 * @result: out: the new value, or NULL
 *
 * Values are little-endian, as the machine has them.
 *
 * Return: 0; -EPROTOTYPE: the value isn't 8 bytes long; -ENOENT; -EINVAL: unknown operation or flag; otherwise as
 * spl_set().
 */
static spl_inline int spl_math(struct spl_writer *w, const void *key, __u32 klen, __u32 op,
			       __u64 operand, __u32 flags, __u64 *result)
{
	struct spl_change c = { SPL_HOW_MATH, flags, NULL, 0, op, operand, false };
	long r;

	if (spl_unlikely(op >= SPL_MATH_COUNT || (flags & ~SPL_MATH_ALL)))
		return -EINVAL;
	r = spl_change(w, key, klen, &c, NULL);
	if (spl_unlikely(r < 0))
		return (int)r;
	if (result)
		*result = c.operand;
	return 0;
}

/**
 * spl_bump() - publish a key's value again: its epoch rises, its bytes stay
 * @w: the writer
 * @key: the key
 * @klen: its bytes
 * @meta: out: of the new publication, or NULL
 *
 * Return: 0, or as spl_set(). Costs a copy of the value.
 */
static inline int spl_bump(struct spl_writer *w, const void *key, __u32 klen, struct spl_meta *meta)
{
	struct spl_change c = { SPL_HOW_BUMP, 0, NULL, 0, 0, 0, false };
	long r = spl_change(w, key, klen, &c, meta);

	return r < 0 ? (int)r : 0;
}

/**
 * struct spl_room - a spare lane given out to be written in place
 * @ptr: where the value goes, room for @vlen bytes, aligned to 8
 * @vlen: bytes of the value; may be made smaller before spl_put()
 * @fill: (private)
 */
struct spl_room {
	void *ptr;
	__u32 vlen;
	struct spl_fill fill;
};

/**
 * spl_alloc() - get room for a value where it will be read
 * @w: the writer
 * @key: the key; must stay as it is until spl_put()
 * @klen: its bytes
 * @vlen: bytes of the value
 * @a: out: the room
 *
 * The writer may do other things meanwhile, and hold several; one spare must remain for them.
 *
 * Return: 0; -ENOBUFS: no spare left to give; -EMSGSIZE, -EINVAL, -EBADMSG as spl_set().
 */
static inline int spl_alloc(struct spl_writer *w, const void *key, __u32 klen, __u32 vlen,
			    struct spl_room *a)
{
	const struct spl_store *s = w->s;
	int r = spl_key_check(s, klen);

	if (r)
		return r;
	if (vlen > s->value_max)
		return -EMSGSIZE;
	if (spl_nr_bits(w->held) + 1 >= s->spares)
		return -ENOBUFS;
	a->fill.key = key;
	a->fill.klen = klen;
	a->fill.hash = spl_hash(s, key, klen);
	a->fill.home = spl_home(s, a->fill.hash);
	r = spl_fill_begin(w, &a->fill);
	if (r)
		return r;
	w->held |= 1U << a->fill.slot;
	a->vlen = vlen;
	a->fill.vlen = vlen;
	a->ptr = spl_lane_value(a->fill.lane, klen);
	return 0;
}

/**
 * spl_put() - publish what was written into the room of spl_alloc()
 * @w: the writer
 * @a: the room; over with this call, whatever it returns
 * @flags: mask of SPL_SET_ALL
 * @meta: out: of the new publication, or NULL
 *
 * Return: as spl_set().
 */
static inline long spl_put(struct spl_writer *w, struct spl_room *a, __u32 flags,
			   struct spl_meta *meta)
{
	struct spl_change c = { SPL_HOW_PUT, flags, NULL, 0, 0, 0, false };
	long r = -EINVAL;

	w->held &= ~(1U << a->fill.slot);
	if (a->vlen > a->fill.vlen)
		return -EMSGSIZE;
	a->fill.vlen = a->vlen;
	if (!(flags & ~SPL_SET_ALL))
		r = spl_publish(w, &a->fill, &c, meta);
	if ((__u32)spl_load(&w->cell->extra))
		spl_pool_untake(w->s, w->cell);
	return r;
}

/**
 * spl_cancel() - drop the room of spl_alloc() without publishing
 * @w: the writer
 * @a: the room
 */
static inline void spl_cancel(struct spl_writer *w, struct spl_room *a)
{
	w->held &= ~(1U << a->fill.slot);
}

/* The lane is the deleter's by now, and as it was. */
static spl_noinline void spl_delete_notice(struct spl_writer *w, const struct spl_hit *hit,
					   __u64 hash, const void *key, __u32 klen)
{
	__u64 inc = spl_load(&hit->lane->inc) & SPL_INC, epoch = spl_load(&hit->lane->epoch);
	struct spl_event e = { SPL_FEED_DELETE, klen, hit->pos, inc, epoch, hash, key };

	spl_notice_gone(w->s, w->idx, &e);
}

/**
 * spl_delete() - take a key away
 * @w: the writer
 * @key: the key
 * @klen: its bytes
 *
 * Return: 0; -ENOENT; -EMSGSIZE, -EINVAL, -EAGAIN, -EBADMSG as spl_set().
 *
 * The live word is replaced by a dead one that only this operation has ever written, so that the reaper can tell what
 * happened; the cell is emptied once the old lane is known to be this writer's.
 */
static inline int spl_delete(struct spl_writer *w, const void *key, __u32 klen)
{
	const struct spl_store *s = w->s;
	struct spl_wcell *cell = w->cell;
	__u64 hash, epoch, floor, dead, seq, *p;
	struct spl_hit hit;
	__u32 tries = 0, d;
	bool noticed;
	int r = spl_key_check(s, klen);

	if (spl_unlikely(r))
		return r;
	hash = spl_hash(s, key, klen);
	for (;;) {
		if (spl_unlikely(++tries > SPL_TRIES))
			return -EAGAIN;
		r = spl_find(s, hash, key, klen, &hit);
		if (r == SPL_AGAIN)
			continue;
		if (r != SPL_FOUND)
			return r == SPL_MISS ? -ENOENT : r;
		epoch = spl_load(&hit.lane->epoch);
		if (!spl_hit_held(&hit)) {
			if (spl_hit_lost(s, &hit) < 0)
				return -EBADMSG;
			continue;
		}
		p = &s->attrs[hit.home].epoch_floor;
		floor = spl_load(p);
		if (floor < epoch && !spl_cas64(p, floor, epoch)) /* (F) */
			continue;
		d = spl_dist_of(hit.word);
		dead = SPL_CELL_DEAD | spl_dist(d) | spl_opseq_next(w);
		spl_store_release(&cell->old_word, hit.word); /* (G) */
		spl_declare(w, SPL_OP_DELETE, 0, hit.pos, dead);
		if (spl_cas64(spl_cell_at(s, hit.pos), hit.word, dead))
			break;
		spl_store_release(&cell->op, SPL_OP_NONE);
		spl_count(&w->cell->nr_conflict);
	}
	seq = spl_seq(hit.seq, w->idx, SPL_LANE_SPARE);
	spl_store_release(&hit.lane->seq, seq); /* (G) */
	spl_store_release(&cell->extra, spl_extra(seq, spl_lane_of(s, hit.word), SPL_EXTRA_GIVE));
	noticed = spl_notice_wanted(s, hit.pos) || spl_load(&s->signal->keys_groups);
	if (spl_unlikely(noticed))
		spl_delete_notice(w, &hit, hash, key, klen);
	spl_store_release(spl_cell_at(s, hit.pos), SPL_CELL_EMPTY);
	if (d)
		spl_overflow_clear(s, hit.home);
	if (spl_unlikely(noticed))
		spl_overflow_clear(s, (__u32)(hit.pos / SPL_BUCKET_SLOTS));
	spl_store_release(&cell->op, SPL_OP_NONE);
	w->map_word = spl_lane_of(s, hit.word) / 64;
	spl_pool_give_extra(s, cell);
	spl_count(&w->cell->nr_delete);
	return 0;
}

/**
 * spl_set_many() - give many keys values
 * @w: the writer
 * @io: the operations; each gets its own result, as spl_set() would return it
 * @nr: how many
 * @flags: mask of SPL_SET_ALL, for all of them
 *
 * Each is atomic, the batch isn't; all that succeeded are visible on return.
 *
 * Return: how many succeeded.
 */
static inline __u32 spl_set_many(struct spl_writer *w, struct spl_io *io, __u32 nr, __u32 flags)
{
	const struct spl_store *s = w->s;
	struct spl_ahead a[SPL_BATCH];
	__u32 i, n, good = 0;
	struct spl_change c;
	long r;

	for (; nr; nr -= n, io += n) {
		n = nr < SPL_BATCH ? nr : SPL_BATCH;
		for (i = 0; i < n; i++) {
			a[i].hash = spl_hash(s, io[i].key, io[i].klen);
			a[i].bucket = &s->index[spl_home(s, a[i].hash)];
			spl_prefetch_write(a[i].bucket);
		}
		spl_ahead_keys(io, n);
		/* The old lane's first line is read, and marked; its value isn't touched. */
		for (i = 0; i < n; i++)
			spl_ahead_home(s, &a[i], true);
		for (i = 0; i < n; i++) {
			c = (struct spl_change){ SPL_HOW_SET, flags, io[i].buf, io[i].cap,
						 0,	      0,     false };
			r = spl_key_check(s, io[i].klen);
			if (spl_likely(!r))
				r = flags & ~SPL_SET_ALL
					    ? -EINVAL
					    : spl_change_hashed(w, a[i].hash, io[i].key, io[i].klen,
								&c, NULL);
			io[i].result = r;
			good += r >= 0;
		}
	}
	return good;
}

#endif /* _UAPI_SPLINTER_WRITE_H */
