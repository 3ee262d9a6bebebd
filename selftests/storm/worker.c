// SPDX-License-Identifier: MIT
/*
 * worker.c - a process that writes and verifies until it is killed, and takes over from the one that was killed before it
 * in its slot. What others see is verify.c's.
 */
#include "storm.h"

struct worker {
	struct splk_store *s;
	struct slot *slot;
	uint32_t nr;
	uint64_t x;
	uint64_t epoch[OWNED]; /* of own keys; 0: not known */
	uint64_t begun_ns;
	uint64_t stops;
};

static uint64_t below(struct worker *w, uint64_t n)
{
	return random_next(&w->x) % n;
}

static void begin(struct worker *w)
{
	w->stops = load(&w->slot->stops);
	w->begun_ns = now_ns(CLOCK_MONOTONIC);
	store(&w->slot->inside, (load(&w->slot->inside) | 1) + 2);
}

static void done(struct worker *w)
{
	uint64_t took = now_ns(CLOCK_MONOTONIC) - w->begun_ns;

	store(&w->slot->inside, (load(&w->slot->inside) | 1) + 1);
	store(&w->slot->ops, load(&w->slot->ops) + 1);
	if (w->stops == load(&w->slot->stops) && took > load(&w->slot->slowest_ns))
		store(&w->slot->slowest_ns, took);
}

/* Errors that no operation here may have. */
static bool refused(long r)
{
	if (r == -ENOSPC)
		__atomic_fetch_add(&shared->refused, 1, __ATOMIC_RELAXED);
	return r == -ENOSPC;
}

static int publish(struct worker *w, uint32_t k, uint64_t version)
{
	uint64_t key = key_of(w->nr, k);
	unsigned char value[VALUE_MAX];
	struct splk_meta meta = { 0 };
	struct splk_alloc room;
	uint32_t len;
	int r;

	switch (below(w, 4)) {
	case 0:
		r = splk_alloc(w->s, &key, sizeof(key), VALUE_MAX, &room);
		if (r)
			return r;
		room.len = value_make(room.ptr, key, version);
		r = splk_put(w->s, &room, 0, &meta);
		break;
	case 1:
		len = value_make(value, key, version);
		if (w->epoch[k]) {
			r = splk_set_epoch(w->s, &key, sizeof(key), value, len, w->epoch[k], &meta);
			break;
		}
		/* fallthrough */
	default:
		len = value_make(value, key, version);
		r = splk_set(w->s, &key, sizeof(key), value, len, 0, &meta);
		break;
	}
	if (!r && meta.epoch <= w->epoch[k]) {
		lost("slot %u key %u: epoch %llu after %llu", w->nr, k,
		     (unsigned long long)meta.epoch, (unsigned long long)w->epoch[k]);
	}
	if (!r)
		w->epoch[k] = meta.epoch;
	return r;
}

static void write_own(struct worker *w, uint32_t k)
{
	struct oracle *o = &w->slot->key[k];
	uint64_t before = load(&o->intent), version = before + 1, key = key_of(w->nr, k);
	bool delete = version_absent(version);
	int r;

	begin(w);
	store(&o->intent, version);
	r = delete ? splk_delete(w->s, &key, sizeof(key)) : publish(w, k, version);
	if (delete)
		w->epoch[k] = 0;
	if (!r || (delete &&r == -ENOENT))
		store(&o->acked, version);
	else if (refused(r) && absent_between(load(&o->acked), before))
		store(&o->intent, before); /* nothing was published: the number is free */
	else
		lost("slot %u key %u: version %llu is refused: %s", w->nr, k,
		     (unsigned long long)version, splk_strerror(r));
	done(w);
}

/* Own keys are known: between operations exactly, after a death as far as the oracle tells. */
static void read_own(struct worker *w, uint32_t k, bool after_death)
{
	struct oracle *o = &w->slot->key[k];
	uint64_t acked = load(&o->acked), intent = load(&o->intent), key = key_of(w->nr, k);
	unsigned char value[VALUE_MAX];
	struct splk_meta meta;
	int64_t version;
	long r;

	begin(w);
	r = splk_get(w->s, &key, sizeof(key), value, sizeof(value), &meta);
	done(w);
	if (r == -ENOENT) {
		if (!absent_between(acked, intent))
			lost("slot %u key %u is gone, acknowledged %llu intended %llu%s", w->nr, k,
			     (unsigned long long)acked, (unsigned long long)intent,
			     after_death ? ", after a death" : "");
		return;
	}
	version = r < 0 ? -1 : value_version(value, r, key);
	if (version < 0 || (uint64_t)version < acked || (uint64_t)version > intent ||
	    version_absent((uint64_t)version)) {
		lost("slot %u key %u is version %lld (%ld), acknowledged %llu intended %llu%s",
		     w->nr, k, (long long)version, r, (unsigned long long)acked,
		     (unsigned long long)intent, after_death ? ", after a death" : "");
		return;
	}
	/*
	 * What is there now is what the dead one left: an overwrite of his either happened before he died or never will,
	 * and an insert needs an absent key. An absent one may still be made by whoever helps his insert.
	 */
	if (after_death)
		store(&o->acked, (uint64_t)version);
	w->epoch[k] = meta.epoch;
}

static void bump_own(struct worker *w, uint32_t k)
{
	uint64_t key = key_of(w->nr, k), acked = load(&w->slot->key[k].acked);
	bool sure = acked == load(&w->slot->key[k].intent);
	struct splk_meta meta;
	int r;

	begin(w);
	r = splk_bump(w->s, &key, sizeof(key), &meta);
	if (sure && r != (version_absent(acked) ? -ENOENT : 0))
		lost("slot %u key %u: bump of version %llu: %s", w->nr, k,
		     (unsigned long long)acked, splk_strerror(r));
	if (!r)
		w->epoch[k] = meta.epoch;
	done(w);
}

static void count(struct worker *w)
{
	struct oracle *o = &w->slot->counter;
	uint64_t key = KEY_COUNTER;
	int r;

	begin(w);
	store(&o->intent, load(&o->intent) + 1);
	r = splk_math(w->s, &key, sizeof(key), SPLK_INC, 0, 0, NULL);
	if (r)
		lost("the counter: %s", splk_strerror(r));
	else
		store(&o->acked, load(&o->acked) + 1);
	done(w);
}

static void label(struct worker *w)
{
	uint64_t key = KEY_LABELS, shift = 8 * w->nr, old = 0, next, was;
	struct oracle *o = &w->slot->label;
	int r;

	begin(w);
	next = (load(&o->intent) + 1) & 0xff;
	was = load(&o->intent);
	/* Of two open intents in a row either may stand; then the first one is settled by this look. */
	r = splk_label_change(w->s, &key, sizeof(key), 0, 0, &old);
	old = old >> shift & 0xff;
	if (r || (old != load(&o->acked) && old != was))
		lost("labels of slot %u are %llx, acknowledged %llx intended %llx: %s", w->nr,
		     (unsigned long long)old, (unsigned long long)load(&o->acked),
		     (unsigned long long)was, splk_strerror(r));
	store(&o->acked, old);
	store(&o->intent, next);
	r = splk_label_change(w->s, &key, sizeof(key), next << shift, (0xffULL & ~next) << shift,
			      NULL);
	if (r)
		lost("labels: %s", splk_strerror(r));
	store(&o->acked, next);
	done(w);
}

static void check_churn(uint64_t key, const unsigned char *value, long r)
{
	if (r >= 0 ? value_version(value, r, key) < 0 : r != -ENOENT)
		lost("churn key %llx reads %ld", (unsigned long long)key, r);
}

static void churn(struct worker *w)
{
	uint64_t keys[2] = { key_of(CHURN_SLOT, (uint32_t)below(w, CHURN)),
			     key_of(CHURN_SLOT, (uint32_t)below(w, CHURN)) };
	unsigned char value[2][VALUE_MAX];
	struct splk_io io[2];
	long r;
	int i;

	begin(w);
	switch (below(w, 6)) {
	case 0:
	case 1:
		r = splk_set(w->s, &keys[0], 8, value[0],
			     value_make(value[0], keys[0], below(w, 1 << 20)), 0, NULL);
		if (r && !refused(r))
			lost("churn: set: %s", splk_strerror((int)r));
		break;
	case 2:
		r = splk_delete(w->s, &keys[0], 8);
		if (r && r != -ENOENT)
			lost("churn: delete: %s", splk_strerror((int)r));
		break;
	case 3:
	case 4:
		for (i = 0; i < 2; i++)
			io[i] = (struct splk_io){ &keys[i], value[i], 8, VALUE_MAX, 0 };
		splk_get_many(w->s, io, 2);
		for (i = 0; i < 2; i++)
			check_churn(keys[i], value[i], (long)io[i].result);
		break;
	default:
		for (i = 0; i < 2; i++)
			io[i] = (struct splk_io){ &keys[i], value[i], 8,
						  value_make(value[i], keys[i], below(w, 1 << 20)),
						  0 };
		splk_set_many(w->s, io, 2, 0);
		for (i = 0; i < 2; i++)
			if (io[i].result < 0 && !refused((long)io[i].result))
				lost("churn: set many: %s", splk_strerror((int)io[i].result));
		break;
	}
	done(w);
}

void worker_main(uint32_t slot, uint64_t seed)
{
	struct worker w = { .nr = slot, .slot = &shared->slot[slot], .x = seed | 1 };
	uint32_t k;
	int r;

	w.s = storm_open(false);
	begin(&w);
	r = splk_reap(w.s, NULL);
	if (!r)
		r = splk_register(w.s);
	done(&w);
	if (r < 0) {
		lost("slot %u can't register: %s", slot, splk_strerror(r));
		_exit(1);
	}
	for (k = 0; k < OWNED; k++)
		read_own(&w, k, true);
	while (!__atomic_load_n(&shared->over, __ATOMIC_RELAXED)) {
		k = (uint32_t)below(&w, OWNED);
		switch (below(&w, 12)) {
		case 0 ... 3:
			write_own(&w, k);
			break;
		case 4 ... 5:
			read_own(&w, k, false);
			break;
		case 6:
			bump_own(&w, k);
			break;
		case 7:
			count(&w);
			break;
		case 8:
			label(&w);
			break;
		default:
			churn(&w);
			break;
		}
	}
	splk_close(w.s);
	_exit(0);
}
