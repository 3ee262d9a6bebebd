// SPDX-License-Identifier: MIT
/* script.c - what a worker does: random operations on few keys, each recorded before it begins and after it has ended. */
#include "script.h"

#define ROOM 64

static uint64_t below(struct script *c, uint64_t n)
{
	return (random_next(&c->x) >> 33) % n;
}

void names_choose(struct names *names, const struct spl_store *s, uint32_t keys, uint64_t seed)
{
	uint64_t n = seed % 1000, first = 0, hash;
	bool same_tag = seed >> 20 & 1;
	uint32_t key;

	for (key = 0; key < keys; n++) {
		names->len[key] = (__u32)snprintf(names->name[key], sizeof(names->name[key]),
						  "%llx", (unsigned long long)n);
		hash = spl_hash(s, names->name[key], names->len[key]);
		if (!key)
			first = hash;
		if (spl_home(s, hash) != spl_home(s, first))
			continue;
		if (key == 1 && same_tag && spl_tag(hash) != spl_tag(first))
			continue;
		key++;
	}
}

/* The hot key half of the time. */
static uint32_t any_key(struct script *c)
{
	return below(c, 2) ? 0 : (uint32_t)below(c, c->config->keys);
}

/* A value that no other operation of the history makes, often one that integer operations can work on. */
static void any_value(struct script *c, struct op *op)
{
	uint32_t i;

	op->len = below(c, 3) ? (uint32_t)below(c, VALUE_MAX + 1) : 8;
	c->made++;
	for (i = 0; i < op->len; i++)
		op->val[i] = (unsigned char)(c->who << 5 ^ c->made * 7 ^ i / 8);
}

static struct op *begin(struct script *c, enum kind kind, uint32_t key)
{
	struct op *op = &c->rec->op[c->rec->nr];

	memset(op, 0, sizeof(*op));
	op->kind = (uint8_t)kind;
	op->key = (uint8_t)key;
	op->who = (uint8_t)c->who;
	return op;
}

/* From here on the operation can have happened. */
static void go(struct script *c, struct op *op)
{
	op->inv = stamp(c->clock);
	__atomic_store_n(&c->rec->nr, c->rec->nr + 1, __ATOMIC_RELEASE);
}

static void over(struct script *c, struct op *op, long ret, const struct spl_meta *meta)
{
	op->ret = ret;
	if (meta && ret >= 0) {
		op->epoch = meta->epoch;
		c->seen[op->key] = meta->epoch;
	}
	op->resp = stamp(c->clock);
	__atomic_store_n(&op->end, END_KNOWN, __ATOMIC_RELEASE);
}

#define NAME(c, key) (c)->names->name[key], (c)->names->len[key]

static void do_put(struct script *c, uint32_t key)
{
	struct op *op = begin(c, OP_PUT, key);
	struct spl_room room;
	struct spl_meta meta = { 0 };
	int r;

	any_value(c, op);
	op->flags = (uint8_t)below(c, 3);
	r = spl_alloc(&c->w, NAME(c, key), op->len, &room);
	MUST(!r, "room for a value");
	memcpy(room.ptr, op->val, op->len);
	if (!below(c, 8)) {
		spl_cancel(&c->w, &room);
		return;
	}
	go(c, op);
	over(c, op, spl_put(&c->w, &room, op->flags, &meta), &meta);
}

static void do_append(struct script *c, uint32_t key)
{
	struct op *op = begin(c, OP_APPEND, key);
	struct spl_meta meta = { 0 };

	any_value(c, op);
	op->len %= 9;
	op->flags = below(c, 3) ? 0 : SPL_SET_PRESENT;
	go(c, op);
	over(c, op, spl_append(&c->w, NAME(c, key), op->val, op->len, op->flags, &meta), &meta);
}

static void do_math(struct script *c, uint32_t key)
{
	struct op *op = begin(c, OP_MATH, key);
	__u64 number = 0;
	int r;

	op->math = (uint8_t)below(c, SPL_MATH_COUNT);
	op->arg = random_next(&c->x) >> below(c, 64);
	op->flags = below(c, 2) ? SPL_MATH_CREATE : 0;
	go(c, op);
	r = spl_math(&c->w, NAME(c, key), op->math, op->arg, op->flags, &number);
	op->word = number;
	over(c, op, r, NULL);
}

static void do_read(struct script *c, uint32_t key, enum kind kind)
{
	struct op *op = begin(c, kind, key);
	struct spl_view view;
	struct spl_meta meta = { 0 };
	long r;

	op->len = below(c, 4) ? VALUE_MAX : (uint32_t)below(c, VALUE_MAX);
	go(c, op);
	switch (kind) {
	case OP_GET:
		r = spl_get(c->s, NAME(c, key), op->out, op->len, &meta);
		op->out_len = r < 0 ? 0 : (uint32_t)r;
		break;
	case OP_VIEW:
		op->len = VALUE_MAX;
		r = spl_view(c->s, NAME(c, key), &view);
		meta = view.meta;
		if (r >= 0) {
			spl_copy(op->out, view.ptr, (__u32)r);
			op->out_len = (uint32_t)r;
		}
		if (r >= 0 && !spl_view_valid(&view)) {
			op->resp = stamp(c->clock);
			op->end = END_UNUSABLE;
			return;
		}
		break;
	case OP_STAT:
		r = spl_stat(c->s, NAME(c, key), &meta);
		op->out_len = r ? 0 : meta.vlen;
		break;
	default:
		r = spl_exists(c->s, NAME(c, key));
		over(c, op, r, NULL);
		return;
	}
	over(c, op, r, &meta);
}

static void do_attr_get(struct script *c, uint32_t key)
{
	struct op *op = begin(c, OP_ATTR_GET, key);
	struct spl_attr_value v = { 0 };
	int r;

	go(c, op);
	r = spl_attr_get(c->s, NAME(c, key), &v);
	op->word = v.labels;
	op->type_was = v.type;
	over(c, op, r, NULL);
}

static void do_attr_change(struct script *c, uint32_t key)
{
	struct op *op = begin(c, OP_ATTR_CHANGE, key);
	struct spl_attr_value was = { 0 };
	struct spl_attr_edit e = { 0 };
	int r;

	e.labels_must = below(c, 2) ? below(c, 4) : 0;
	e.labels_are = below(c, 4);
	e.labels_set = below(c, 4);
	e.labels_clear = below(c, 4);
	e.type = below(c, 3) ? (__u8)below(c, SPL_TYPE_COUNT) : SPL_ATTR_KEEP_TYPE;
	op->must = e.labels_must;
	op->arg = e.labels_are;
	op->set = e.labels_set;
	op->clear = e.labels_clear;
	op->type = e.type;
	go(c, op);
	r = spl_attr_change(&c->w, NAME(c, key), &e, &was);
	op->word = was.labels;
	op->type_was = was.type;
	over(c, op, r, NULL);
}

/* Two at once: each an operation of its own that happens some time during the call. */
static void do_many(struct script *c, uint32_t key, enum kind kind)
{
	uint32_t keys[2] = { key, any_key(c) }, i;
	struct spl_io io[2] = { 0 };
	struct op *op[2];

	for (i = 0; i < 2; i++) {
		op[i] = begin(c, kind, keys[i]);
		if (kind == OP_SET)
			any_value(c, op[i]);
		else
			op[i]->len = VALUE_MAX;
		io[i].key = c->names->name[keys[i]];
		io[i].klen = c->names->len[keys[i]];
		io[i].buf = kind == OP_SET ? op[i]->val : op[i]->out;
		io[i].cap = op[i]->len;
		go(c, op[i]);
	}
	if (kind == OP_SET)
		spl_set_many(&c->w, io, 2, 0);
	else
		spl_get_many(c->s, io, 2);
	for (i = 0; i < 2; i++) {
		if (kind == OP_GET && io[i].result >= 0)
			op[i]->out_len = (uint32_t)io[i].result;
		over(c, op[i], io[i].result, NULL);
	}
}

static void do_set(struct script *c, uint32_t key, enum kind kind)
{
	struct op *op = begin(c, kind, key);
	struct spl_meta meta = { 0 };
	long r;

	any_value(c, op);
	if (kind == OP_SET) {
		op->flags = below(c, 2) ? 0 : (uint8_t)below(c, 3);
		go(c, op);
		r = spl_set(&c->w, NAME(c, key), op->val, op->len, op->flags, &meta);
	} else {
		op->arg = c->seen[key] + !below(c, 4);
		go(c, op);
		r = spl_set_epoch(&c->w, NAME(c, key), op->val, op->len, op->arg, &meta);
	}
	over(c, op, r, &meta);
}

static void do_one(struct script *c)
{
	uint32_t key = any_key(c), what = (uint32_t)below(c, 100);
	struct spl_meta meta = { 0 };
	struct op *op;

	if (c->config->nr_focus)
		what = c->config->focus[what % c->config->nr_focus];
	switch (what) {
	case 0 ... 17:
		do_set(c, key, OP_SET);
		break;
	case 18 ... 29:
		do_set(c, key, OP_SET_EPOCH);
		break;
	case 30 ... 33:
		do_put(c, key);
		break;
	case 34 ... 50:
		op = begin(c, OP_DELETE, key);
		go(c, op);
		over(c, op, spl_delete(&c->w, NAME(c, key)), NULL);
		break;
	case 51 ... 56:
		do_append(c, key);
		break;
	case 57 ... 64:
		do_math(c, key);
		break;
	case 65 ... 67:
		op = begin(c, OP_BUMP, key);
		go(c, op);
		over(c, op, spl_bump(&c->w, NAME(c, key), &meta), &meta);
		break;
	case 68 ... 71:
		do_attr_get(c, key);
		break;
	case 72 ... 78:
		do_attr_change(c, key);
		break;
	case 79 ... 80:
		do_many(c, key, OP_SET);
		break;
	case 81 ... 82:
		do_many(c, key, OP_GET);
		break;
	case 83 ... 85:
		do_read(c, key, OP_VIEW);
		break;
	case 86 ... 87:
		do_read(c, key, OP_STAT);
		break;
	case 88 ... 89:
		do_read(c, key, OP_EXISTS);
		break;
	default:
		do_read(c, key, OP_GET);
		break;
	}
}

void script_run(struct script *c, uint32_t nr)
{
	while (nr-- && c->rec->nr + 2 <= OPS_MAX)
		do_one(c);
}

void history_add(struct history *h, const struct record *rec, uint64_t dead_at)
{
	uint32_t i, nr = __atomic_load_n(&rec->nr, __ATOMIC_ACQUIRE);

	for (i = 0; i < nr; i++) {
		h->op[h->nr] = rec->op[i];
		if (rec->op[i].end == END_NEVER)
			h->op[h->nr].resp = dead_at;
		h->nr++;
	}
}

void script_last_look(struct history *h, const struct spl_store *s, const struct names *names,
		      uint32_t keys, uint64_t *clock)
{
	static struct record rec;
	struct script c = { .s = s, .clock = clock, .rec = &rec, .names = names };
	struct spl_meta meta = { 0 };
	struct op *op;
	uint32_t key;
	long r;

	c.who = WORKERS_MAX;
	for (key = 0; key < keys; key++) {
		rec.nr = 0;
		op = begin(&c, OP_GET, key);
		op->len = VALUE_MAX;
		go(&c, op);
		r = spl_get(s, NAME(&c, key), op->out, op->len, &meta);
		op->out_len = r < 0 ? 0 : (uint32_t)r;
		over(&c, op, r, &meta);
		do_attr_get(&c, key);
		history_add(h, &rec, 0);
	}
}

void state_from(struct state *state, const struct history *h, uint32_t key)
{
	uint64_t epoch = state->epoch;
	const struct op *op;
	uint32_t i;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < h->nr; i++) {
		op = &h->op[i];
		if (op->key != key)
			continue;
		/* Of an absent key the highest epoch that anybody was told. */
		if (op->end == END_KNOWN && op->epoch > epoch)
			epoch = op->epoch;
		if (op->who != WORKERS_MAX || op->ret < 0)
			continue;
		if (op->kind == OP_GET) {
			state->present = 1;
			state->len = op->out_len;
			memcpy(state->val, op->out, op->out_len);
			epoch = op->epoch;
		} else {
			state->labels = op->word;
			state->type = op->type_was;
		}
	}
	state->epoch = epoch;
}
