/* SPDX-License-Identifier: MIT */
/*
 * act.h - one operation as data, the running of it, and a model that says what it must answer. Whether a history of them
 * can be explained is history.h's.
 */
#ifndef _SELFTESTS_TORTURE_ACT_H
#define _SELFTESTS_TORTURE_ACT_H

#include "world.h"

enum act_op {
	ACT_GET,
	ACT_SET,
	ACT_PUT, /* alloc, fill in, put */
	ACT_DELETE,
	ACT_APPEND,
	ACT_MATH, /* add @number */
	ACT_CAS, /* set if the epoch is @number */
	ACT_BUMP,
	ACT_LABEL, /* set labels @number */
	ACT_LABELS, /* get them */
	ACT_WATCH, /* bind to groups @number */
	ACT_SIGNAL, /* pulse groups @number */
};

static const char *const act_names[] = {
	"get", "set",  "put",	"delete", "append", "math",
	"cas", "bump", "label", "labels", "watch",  "signal",
};

struct act {
	enum act_op op;
	enum key key;
	int value;
	__u32 flags;
	__u64 number;
};

/* What came of it. @epoch 0: not told. */
struct told {
	long r;
	int value;
	__u64 epoch;
	__u64 number;
};

#define ACT_KEY(a) world.key[(a)->key].text, world.key[(a)->key].len

/* Runs one operation; what it tells goes to place @i of @t. Also what victims run: nothing else is in here. */
static spl_noinline void act_run(struct spl_writer *w, const struct act *a, struct tell *t, int i)
{
	const struct value *v = &values[a->value];
	struct spl_attr_edit edit = { .labels_set = a->number, .type = SPL_ATTR_KEEP_TYPE };
	struct spl_attr_value was = { 0 };
	struct spl_meta meta = { 0 };
	struct spl_room room;
	long r;

	switch (a->op) {
	case ACT_GET:
		r = spl_get(w->s, ACT_KEY(a), t->buf[i], VALUE_MAX, &meta);
		break;
	case ACT_SET:
		r = spl_set(w, ACT_KEY(a), v->bytes, v->len, a->flags, &meta);
		break;
	case ACT_PUT:
		r = spl_alloc(w, ACT_KEY(a), v->len, &room);
		if (!r) {
			memcpy(room.ptr, v->bytes, v->len);
			r = spl_put(w, &room, a->flags, &meta);
		}
		break;
	case ACT_DELETE:
		r = spl_delete(w, ACT_KEY(a));
		break;
	case ACT_APPEND:
		r = spl_append(w, ACT_KEY(a), v->bytes, v->len, a->flags, &meta);
		break;
	case ACT_MATH:
		r = spl_math(w, ACT_KEY(a), SPL_MATH_ADD, a->number, a->flags, &t->number[i]);
		break;
	case ACT_CAS:
		r = spl_set_epoch(w, ACT_KEY(a), v->bytes, v->len, a->number, &meta);
		break;
	case ACT_BUMP:
		r = spl_bump(w, ACT_KEY(a), &meta);
		break;
	case ACT_LABEL:
		r = spl_attr_change(w, ACT_KEY(a), &edit, &was);
		t->number[i] = was.labels;
		break;
	case ACT_WATCH:
		r = spl_watch(w, ACT_KEY(a), a->number, 0, &t->number[i]);
		break;
	case ACT_SIGNAL:
		spl_signal(w, a->number);
		r = 0;
		break;
	default:
		r = spl_attr_get(w->s, ACT_KEY(a), &was);
		t->number[i] = was.labels;
		break;
	}
	t->r[i] = r;
	t->epoch[i] = meta.epoch;
}

static spl_noinline void act_run_many(struct spl_writer *w, const struct act *a, int nr,
				      struct tell *t)
{
	struct spl_io io[TOLD_MAX];
	int i;

	for (i = 0; i < nr; i++) {
		io[i].key = world.key[a[i].key].text;
		io[i].klen = world.key[a[i].key].len;
		io[i].buf = a[i].op == ACT_GET ? t->buf[i] : values[a[i].value].bytes;
		io[i].cap = a[i].op == ACT_GET ? VALUE_MAX : values[a[i].value].len;
		io[i].result = -EINTR;
	}
	if (a->op == ACT_GET)
		spl_get_many(w->s, io, (__u32)nr);
	else
		spl_set_many(w, io, (__u32)nr, a->flags);
	for (i = 0; i < nr; i++) {
		t->r[i] = io[i].result;
		t->epoch[i] = 0;
	}
}

static UNUSED struct told act_told(const struct act *a, const struct tell *t, int i)
{
	struct told told = { t->r[i], -1, t->epoch[i], t->number[i] };

	if (told.r < 0)
		told.epoch = 0;
	if (a->op == ACT_GET && told.r >= 0)
		told.value = value_of(t->buf[i], (__u32)told.r);
	return told;
}

/* One key as a sequential store would have it. */
struct model_key {
	int value; /* -1: not there */
	bool unsure; /* the epoch is @epoch or higher: nobody told it yet */
	__u64 epoch; /* also the last one, of a key that isn't there */
	__u64 labels;
	__u64 groups;
};

struct model {
	struct model_key key[KEY_COUNT];
	__u32 live;
	__u32 lanes;
};

static bool model_epoch(struct model_key *k, __u64 epoch)
{
	if (!epoch)
		return true;
	if (k->unsure ? epoch < k->epoch : epoch != k->epoch)
		return false;
	k->unsure = false;
	k->epoch = epoch;
	return true;
}

static bool model_publish(struct model *m, struct model_key *k, int value, const struct told *t,
			  __u32 holders)
{
	if (k->value < 0) {
		if (t && t->r == -ENOSPC)
			return m->live + holders >= m->lanes;
		if (m->live >= m->lanes)
			return !t;
		m->live++;
		k->unsure = true;
		k->labels = 0;
		k->groups = 0;
	}
	if (t && t->r < 0)
		return false;
	k->epoch++;
	k->value = value;
	return !t || model_epoch(k, t->epoch);
}

static bool says(const struct told *t, long r)
{
	return !t || t->r == r;
}

static bool model_math(struct model *m, struct model_key *k, const struct act *a,
		       const struct told *t, __u32 holders)
{
	__u64 n = 0;

	if (k->value < 0 && !(a->flags & SPL_MATH_CREATE))
		return says(t, -ENOENT);
	if (k->value >= 0 && values[k->value].len != sizeof(n))
		return says(t, -EPROTOTYPE);
	if (k->value >= 0)
		memcpy(&n, values[k->value].bytes, sizeof(n));
	n += a->number;
	return model_publish(m, k, value_number(n), t, holders) &&
	       (!t || t->r == -ENOSPC || (!t->r && t->number == n));
}

/*
 * Does @a take place now with what it told (@t NULL: nobody knows)? @holders operations of others under way may each keep
 * one lane. Changes the model.
 */
static UNUSED bool model_apply(struct model *m, const struct act *a, const struct told *t,
			       __u32 holders)
{
	struct model_key *k = &m->key[a->key];
	bool there = k->value >= 0;
	int value;

	switch (a->op) {
	case ACT_GET:
		return there ? !t || (t->value == k->value && model_epoch(k, t->epoch))
			     : says(t, -ENOENT);
	case ACT_SET:
	case ACT_PUT:
		if (there && (a->flags & SPL_SET_ABSENT))
			return says(t, -EEXIST);
		if (!there && (a->flags & SPL_SET_PRESENT))
			return says(t, -ENOENT);
		return model_publish(m, k, a->value, t, holders) &&
		       (!t || t->r == -ENOSPC || t->r == values[a->value].len);
	case ACT_DELETE:
		m->live -= there;
		k->value = -1;
		return says(t, there ? 0 : -ENOENT);
	case ACT_APPEND:
		if (!there && (a->flags & SPL_SET_PRESENT))
			return says(t, -ENOENT);
		value = there ? value_append(k->value, a->value) : a->value;
		if (value < 0)
			return says(t, -EMSGSIZE);
		return model_publish(m, k, value, t, holders) &&
		       (!t || t->r == -ENOSPC || t->r == values[value].len);
	case ACT_MATH:
		return model_math(m, k, a, t, holders);
	case ACT_CAS:
		if (!there)
			return says(t, -ENOENT);
		if (k->unsure && t && t->r == -ESTALE)
			return true;
		if (k->unsure ? a->number < k->epoch : a->number != k->epoch)
			return says(t, -ESTALE);
		return model_publish(m, k, a->value, t, holders) && says(t, values[a->value].len);
	case ACT_BUMP:
		if (!there)
			return says(t, -ENOENT);
		return model_publish(m, k, k->value, t, holders) && says(t, 0);
	case ACT_LABEL:
	case ACT_LABELS:
		if (!there)
			return says(t, -ENOENT);
		if (!says(t, 0) || (t && t->number != k->labels))
			return false;
		if (a->op == ACT_LABEL)
			k->labels |= a->number;
		return true;
	case ACT_WATCH:
		if (!there)
			return says(t, -ENOENT);
		if (!says(t, 0) || (t && t->number != k->groups))
			return false;
		k->groups |= a->number;
		return true;
	case ACT_SIGNAL:
		return says(t, 0);
	}
	return false;
}

#endif /* _SELFTESTS_TORTURE_ACT_H */
