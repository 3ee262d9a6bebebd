/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_feed.h - following the change feed: which keys changed since this follower last asked. Records are appended by
 * splinter_notice.h. Nothing is written to the store, so any number of followers, read-only ones too, may be at it.
 *
 * A record says where to look, not what is there: what is told is the key as it stands when it is looked at. So a
 * record that comes late can't tell an old state after a new one, and what was told already isn't told again.
 *
 *	writer					follower
 *	write barrier		(U)		head, acquire		(U)
 *	record over an old one			copy the record
 *	head, release		(U)		read barrier		(U)
 *						head again: less than a ring away?
 *
 * (U): who copied bytes of a record that is being overwritten sees, when it looks again, the head that the writer had
 * before; and beyond its head a writer overwrites no more than one record.
 */
#ifndef _UAPI_SPLINTER_FEED_H
#define _UAPI_SPLINTER_FEED_H

#include "splinter_attr.h"

/* What is told. */
enum spl_told_kind {
	SPL_TOLD_SET = 1, /* the key has another value, or is new */
	SPL_TOLD_GONE = 2, /* there is no such key any more */
	SPL_TOLD_LABELS = 3, /* the key's labels are others */
	SPL_TOLD_OVERRUN = 4, /* records of @writer were lost: look at all keys */
};

/**
 * struct spl_told - a key as it stands, or an overrun
 * @kind: enum spl_told_kind
 * @writer: whose record led to it; of an overrun: whose records were lost
 * @epoch: of the key; of one that is gone: the last that it had
 * @labels: of the key
 * @klen: bytes of the key
 */
struct spl_told {
	__u32 kind;
	__u32 writer;
	__u64 epoch;
	__u64 labels;
	__u32 klen;
};

/**
 * struct spl_known - what a follower told last of a key; all 0: of none
 * @hash: of the key, by which it is found
 * @state: of its value: epoch * 2, plus 1 if it was gone; of one key it only rises. 0: only labels were told
 * @seen: the same, of what its labels were told with, too
 * @labels: its labels
 */
struct spl_known {
	__u64 hash;
	__u64 state;
	__u64 seen;
	__u64 labels;
};

/**
 * struct spl_follower - a place in the change feed; of one thread
 * @s: the store
 * @at: for each writer cell, how far its ring was read
 * @known: what was told last; memory that was zero at first
 * @nr_known: how many, a power of two
 * @writer: whose ring is read now
 * @taken: records of it in this turn
 */
struct spl_follower {
	const struct spl_store *s;
	__u64 *at;
	struct spl_known *known;
	__u64 nr_known;
	__u32 writer;
	__u32 taken;
};

/* Entries of @known among which the hash leaves a choice. */
#define SPL_FEED_WAYS 8ULL
/* A writer that never rests mustn't keep a follower from the others. */
#define SPL_FEED_TURN 64U
/* Records that tell nothing, after which a call returns all the same. */
#define SPL_FEED_TRIES 65536U

/**
 * spl_feed_follow() - begin: changes from now on are told
 * @f: out: the follower
 * @s: the store
 * @at: room for s->max_writers words
 * @known: zeroed memory. What has no room in it may be told again: with four entries for each key that the store holds,
 *	one in many thousands
 * @nr_known: entries of it, a power of two, SPL_FEED_WAYS at least
 *
 * Who looks at all keys after this call, and then follows, misses nothing.
 *
 * Return: 0; -EOPNOTSUPP: a store without change feed; -EINVAL: @nr_known.
 */
static inline int spl_feed_follow(struct spl_follower *f, const struct spl_store *s, __u64 *at,
				  struct spl_known *known, __u64 nr_known)
{
	__u32 i;

	if (!s->feed_bytes)
		return -EOPNOTSUPP;
	if (nr_known < SPL_FEED_WAYS || (nr_known & (nr_known - 1)))
		return -EINVAL;
	memset(f, 0, sizeof(*f));
	f->s = s;
	f->at = at;
	f->known = known;
	f->nr_known = nr_known;
	for (i = 0; i < s->max_writers; i++)
		at[i] = spl_load_acquire(&s->wcells[i].feed_head) &
			~(__u64)(sizeof(struct spl_feed_record) - 1);
	return 0;
}

/* Bytes of a record with a key. */
static inline __u64 spl_feed_bytes(__u32 klen)
{
	const __u64 record = sizeof(struct spl_feed_record);

	return record + (klen + record - 1) / record * record;
}

static inline void spl_feed_copy(const struct spl_store *s, __u32 idx, __u64 at, __u64 *to)
{
	const __u64 *from = spl_feed_at(s, idx, at);

	to[0] = spl_load(&from[0]);
	to[1] = spl_load(&from[1]);
	to[2] = spl_load(&from[2]);
	to[3] = spl_load(&from[3]);
}

/* The next record of the ring whose turn it is, and the key of a delete. 1: a record; 0: none; -EOVERFLOW: lost. */
static inline int spl_feed_take(struct spl_follower *f, struct spl_feed_record *r,
				unsigned char *key)
{
	const __u64 record = sizeof(*r);
	const struct spl_store *s = f->s;
	const __u64 *head_at = &s->wcells[f->writer].feed_head;
	__u64 head = spl_load_acquire(head_at) & ~(record - 1); /* (U) */
	__u64 at = f->at[f->writer], chunk[4], bytes;
	__u32 i, klen = 0, part;

	if (head == at)
		return 0;
	f->at[f->writer] = head; /* unless all goes well */
	if (head - at > s->feed_bytes) /* or it went back: damaged */
		return -EOVERFLOW;
	spl_feed_copy(s, f->writer, at, chunk);
	memcpy(r, chunk, sizeof(*r));
	if ((r->what & 0xff) == SPL_FEED_DELETE)
		klen = (__u32)(r->what >> SPL_FEED_KLEN_SHIFT) & 0xffff;
	bytes = spl_feed_bytes(klen);
	if (klen > s->key_max || bytes > head - at)
		return -EOVERFLOW;
	for (i = 0; i < klen; i += (__u32)record) {
		part = klen - i < record ? klen - i : (__u32)record;
		spl_feed_copy(s, f->writer, at + record + i, chunk);
		memcpy(key + i, chunk, part);
	}
	spl_rmb(); /* (U) */
	head = spl_load(head_at) & ~(record - 1);
	if (head - at > s->feed_bytes - spl_feed_bytes(s->key_max)) {
		f->at[f->writer] = head;
		return -EOVERFLOW;
	}
	f->at[f->writer] = at + bytes;
	return 1;
}

/* Where what was told of a key is remembered; of a set that is full, a key that is gone makes room, or any. */
static inline struct spl_known *spl_feed_known(struct spl_follower *f, __u64 hash)
{
	struct spl_known *set = &f->known[hash & (f->nr_known - 1) & ~(SPL_FEED_WAYS - 1)];
	struct spl_known *room = &set[(hash >> 32) % SPL_FEED_WAYS];
	__u32 i;

	for (i = 0; i < SPL_FEED_WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
		if (set[i].state & 1)
			room = &set[i];
	}
	for (i = 0; i < SPL_FEED_WAYS; i++)
		if (!(set[i].hash | set[i].seen))
			room = &set[i];
	memset(room, 0, sizeof(*room));
	return room;
}

/* Is it news? If so, it is remembered. */
static inline bool spl_feed_news(struct spl_follower *f, __u64 hash, const struct spl_told *t)
{
	struct spl_known *k = spl_feed_known(f, hash);
	__u64 state = t->epoch * 2 + (t->kind == SPL_TOLD_GONE);

	if (t->kind == SPL_TOLD_LABELS ? k->seen && t->labels == k->labels
				       : state <= k->state || state < k->seen)
		return false;
	if (t->kind != SPL_TOLD_LABELS)
		k->state = state;
	k->seen = state;
	k->hash = hash;
	k->labels = t->labels;
	return true;
}

/* What a record leads to: true if that is to be told. */
static inline bool spl_feed_tell(struct spl_follower *f, const struct spl_feed_record *r,
				 unsigned char *key, struct spl_told *t)
{
	__u64 pos = r->what >> SPL_FEED_POS_SHIFT, hash, inc = r->inc & SPL_INC;
	const struct spl_store *s = f->s;
	struct spl_meta m;
	struct spl_hit hit;
	int found;

	if (!spl_pos_holds(s, pos))
		return false;
	t->kind = (r->what & 0xff) == SPL_FEED_LABEL ? SPL_TOLD_LABELS : SPL_TOLD_SET;
	t->writer = f->writer;
	if ((r->what & 0xff) == SPL_FEED_DELETE) {
		t->klen = (__u32)(r->what >> SPL_FEED_KLEN_SHIFT) & 0xffff;
		if (!t->klen)
			return false;
		hash = spl_hash(s, key, t->klen);
		/* Made again meanwhile: then it stands there, as another one. */
		found = spl_attr_find(s, hash, key, t->klen, &hit, &inc);
		if (found == -ENOENT) {
			t->kind = SPL_TOLD_GONE;
			t->epoch = r->epoch;
			t->labels = 0;
			return spl_feed_news(f, hash, t);
		}
		if (found)
			return false;
		pos = hit.pos;
	}
	if (spl_attr_look(s, pos, inc, key, &m, &t->labels) != 1)
		return false;
	t->klen = m.klen;
	t->epoch = m.epoch;
	return spl_feed_news(f, spl_hash(s, key, m.klen), t);
}

static inline void spl_feed_turn(struct spl_follower *f)
{
	f->taken = 0;
	f->writer = f->writer + 1 < f->s->max_writers ? f->writer + 1 : 0;
}

/**
 * spl_feed_next() - the next key that changed
 * @f: the follower
 * @key: out: the key; room for s->key_max bytes
 * @t: out: what there is to tell
 *
 * What one writer did to one key is told in order; a state that was replaced before it was told isn't told. After an
 * overrun keys may have changed, come and gone untold: who needs them all looks at all of them, as at the beginning.
 *
 * Return: 1: @t is filled in; 0: nothing new; -EAGAIN: so many records told nothing new that others may have
 * come meanwhile: call again. Never touches more than the store's own bytes, whatever they hold.
 */
static inline int spl_feed_next(struct spl_follower *f, void *key, struct spl_told *t)
{
	struct spl_feed_record r = { 0, 0, 0, 0 };
	__u32 empty = 0, tries = 0;
	int got;

	while (empty < f->s->max_writers) {
		if (f->taken >= SPL_FEED_TURN)
			spl_feed_turn(f);
		got = spl_feed_take(f, &r, (unsigned char *)key);
		if (!got) {
			spl_feed_turn(f);
			empty++;
			continue;
		}
		empty = 0;
		f->taken++;
		if (got < 0) {
			memset(t, 0, sizeof(*t));
			t->kind = SPL_TOLD_OVERRUN;
			t->writer = f->writer;
			return 1;
		}
		if (spl_feed_tell(f, &r, (unsigned char *)key, t))
			return 1;
		if (++tries >= SPL_FEED_TRIES)
			return -EAGAIN;
	}
	return 0;
}

#endif /* _UAPI_SPLINTER_FEED_H */
