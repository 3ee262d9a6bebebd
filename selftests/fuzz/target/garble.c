// SPDX-License-Identifier: MIT
/*
 * garble.c - what a hostile process writes: words that are nearly right, because random ones are refused at the first
 * look. Which, where and when is the input's to say.
 */
#include <string.h>

#include "world.h"

/* A lane number: mostly one that is there, sometimes just beyond. */
static uint32_t some_lane(const struct world *w, uint32_t v)
{
	if (v % 32 == 31)
		return w->s.lanes_total + v / 32 % 3;
	return v / 32 % w->s.lanes_total;
}

static struct spl_lane *lane_at(const struct world *w, uint64_t n)
{
	return (struct spl_lane *)(w->s.lanes + n % w->s.lanes_total * w->s.lane_stride);
}

static __u64 *cell_at(const struct world *w, uint32_t bucket, uint32_t i)
{
	return &w->s.index[bucket % w->s.buckets].cell[i % SPL_BUCKET_CELLS];
}

/*
 * A cell word for key @b in lane @v, of the generation that the lane has, or nearly. @c: state, distance, and whether
 * tag or generation are off.
 */
static uint64_t some_word(const struct world *w, const struct record *r)
{
	static const uint64_t states[] = { SPL_CELL_LIVE, SPL_CELL_TENTATIVE, SPL_CELL_LIVE,
					   SPL_CELL_DEAD };
	const struct key *k = &w->key[r->b % NR_KEYS];
	uint32_t n = some_lane(w, r->v);
	uint64_t gen = lane_at(w, n)->seq >> SPL_LANE_GEN_SHIFT;
	uint64_t word = states[r->c & 3] | spl_dist(r->c >> 2 & 7) | spl_tag(k->hash);

	if (r->c >> 5 == 6)
		gen++;
	if (r->c >> 5 == 7)
		word ^= 1ULL << (r->v % 64);
	return word | ((gen << w->s.lane_bits) & SPL_CELL_REF) | n;
}

/* Where a key may stand: a bucket of its probe sequence. */
static __u64 *cell_of_key(const struct world *w, uint32_t key, uint32_t d, uint32_t i)
{
	uint32_t home = spl_home(&w->s, w->key[key % NR_KEYS].hash);

	return cell_at(w, spl_bucket_at(&w->s, home, d), i);
}

static void garble_cell(struct world *w, const struct record *r)
{
	uint64_t word = some_word(w, r);
	uint32_t d = spl_dist_of(word), home = spl_home(&w->s, w->key[r->b % NR_KEYS].hash);

	*cell_of_key(w, r->b, d, r->v) = word;
	if (d && r->a & 0x80)
		w->s.index[home].overflow |= spl_overflow_of(word);
}

/* A lane that holds key @b, with header words that lie. */
static void garble_lane(struct world *w, const struct record *r)
{
	static const uint64_t states[] = { SPL_LANE_READY,   SPL_LANE_PENDING,
					   SPL_LANE_ABORTED, SPL_LANE_SPARE,
					   SPL_LANE_FREE,    SPL_LANE_FILLING,
					   SPL_LANE_READY,   0xf };
	const struct key *k = &w->key[r->b % NR_KEYS];
	struct spl_lane *lane = lane_at(w, r->v >> 8);
	uint64_t gen = lane->seq & SPL_LANE_GEN;

	if (r->c & 0x10)
		gen += 1ULL << SPL_LANE_GEN_SHIFT;
	if (r->c & 0x20)
		gen = (uint64_t)r->v << 32 & SPL_LANE_GEN;
	lane->seq = gen | (uint64_t)(r->c >> 6) << SPL_LANE_WRITER_SHIFT | states[r->c & 7];
	if (!(r->c & 8))
		return;
	lane->klen = (uint16_t)k->len;
	memcpy(lane + 1, k->bytes, k->len);
	switch (r->v & 7) {
	case 0:
		lane->klen = (uint16_t)mix(r, 1);
		break;
	case 1:
		lane->klen = 0;
		break;
	case 2:
		lane->vlen = w->s.value_max + 1;
		break;
	case 3:
		lane->vlen = (uint32_t)mix(r, 2);
		break;
	case 4:
		lane->vlen = w->s.value_max;
		break;
	case 5:
		lane->epoch = ~0ULL;
		lane->inc = mix(r, 3);
		break;
	default:
		lane->vlen = 8;
	}
}

/* The cell of a key that is there, found without believing anything but its tag; NULL: none. */
static __u64 *live_cell(const struct world *w, uint32_t key)
{
	const struct key *k = &w->key[key % NR_KEYS];
	uint32_t d, i;
	__u64 *cell;

	for (d = 0; d <= SPL_DIST_MAX; d++)
		for (i = 0; i < SPL_BUCKET_CELLS; i++) {
			cell = cell_of_key(w, key, d, i);
			if (!((*cell ^ (SPL_CELL_LIVE | spl_tag(k->hash) | spl_dist(d))) &
			      SPL_CELL_HEAD))
				return cell;
		}
	return NULL;
}

/* One word of what a key that is there stands on; all else holds, so that the key is found. */
static void garble_live(struct world *w, const struct record *r)
{
	__u64 *cell = live_cell(w, r->b);
	struct spl_lane *lane;

	if (!cell || (*cell & w->s.lane_mask) >= w->s.lanes_total)
		return;
	lane = lane_at(w, *cell & w->s.lane_mask);
	switch (r->c % 12) {
	case 0:
	case 1:
		lane->vlen = w->s.value_max + 1 + r->v % 64;
		break;
	case 2:
		lane->vlen = (uint32_t)mix(r, 20);
		break;
	case 3:
		lane->klen = (uint16_t)(w->s.key_max + 1 + r->v % 64);
		break;
	case 4:
		lane->klen = (uint16_t)(r->v & 1 ? mix(r, 21) : 0);
		break;
	case 5:
		lane->epoch = ~0ULL - (r->v & 1);
		break;
	case 6:
		lane->inc = mix(r, 22);
		break;
	case 7:
		lane->seq = (lane->seq & ~SPL_LANE_STATE) | (r->v & SPL_LANE_STATE);
		break;
	case 8:
		lane->seq += 1ULL << SPL_LANE_GEN_SHIFT;
		break;
	case 9:
		((uint8_t *)(lane + 1))[r->v % w->s.key_max] ^= (uint8_t)(r->v >> 8);
		break;
	case 10:
		*cell = (*cell & ~w->s.lane_mask) |
			((w->s.lanes_total + r->v % 3) & w->s.lane_mask);
		break;
	default:
		*cell = (*cell & ~SPL_CELL_STATE) | (r->v & 1 ? SPL_CELL_TENTATIVE : SPL_CELL_DEAD);
	}
}

/* Position of a cell. */
static uint64_t pos_of(const struct world *w, const __u64 *at)
{
	uint64_t i;

	for (i = 0; i < w->s.buckets; i++)
		if (at >= w->s.index[i].cell && at < w->s.index[i].cell + SPL_BUCKET_CELLS)
			return i * SPL_BUCKET_SLOTS + (uint64_t)(at - w->s.index[i].cell);
	return 0;
}

/* As if the writer had died in the middle of something with a cell that is there, each word of it right or nearly. */
static void garble_death(struct world *w, const struct record *r)
{
	struct spl_wcell *cell = &w->s.wcells[r->c % w->s.max_writers];
	__u64 *at = live_cell(w, r->b), word = at ? *at : some_word(w, r);
	uint64_t positions = (uint64_t)w->s.buckets * SPL_BUCKET_SLOTS, pos;
	uint32_t slot = r->v % w->s.spares;

	pos = mix(r, 23) % positions;
	if (at)
		pos = pos_of(w, at);
	if (!(r->v >> 8 & 15))
		pos = r->v & 1 << 12 ? mix(r, 24) >> 16 : positions;
	if (!(r->v >> 13 & 7))
		slot = r->v & 1 << 16 ? 0xff : w->s.spares + slot;
	cell->old_word = r->v & 1 << 17 ? word : some_word(w, r);
	cell->new_word = r->v & 1 << 18 ? word : some_word(w, r);
	if (r->v & 1 << 19)
		cell->new_word = (cell->new_word & ~SPL_CELL_STATE) | SPL_CELL_TENTATIVE;
	if (r->v & 1 << 20)
		cell->new_word = SPL_CELL_DEAD | (cell->new_word & SPL_CELL_REF);
	if (r->v & 1 << 21) /* its own slot, its own lane */
		cell->slots[slot % SPL_SPARES_MAX] = (uint32_t)(cell->new_word & w->s.lane_mask);
	cell->op = (1 + (r->v >> 22 & 3)) | (uint64_t)slot << SPL_OP_SLOT_SHIFT |
		   pos << SPL_OP_POS_SHIFT;
}

static void garble_wcell(struct world *w, const struct record *r)
{
	struct spl_wcell *cell = &w->s.wcells[r->b % w->s.max_writers];
	uint64_t word = some_word(w, r), pos = mix(r, 4) % (w->s.buckets * SPL_BUCKET_SLOTS + 2);
	uint32_t slot = mix(r, 15) % 16 == 15 ? 0xff : r->v % w->s.spares;

	switch (r->c % 10) {
	case 0:
		cell->op = (r->v & 7) | slot << SPL_OP_SLOT_SHIFT | pos << SPL_OP_POS_SHIFT;
		break;
	case 1:
		cell->old_word = word;
		break;
	case 2:
		cell->new_word = word;
		break;
	case 3:
		cell->extra = spl_extra(lane_at(w, r->v / 32)->seq, some_lane(w, r->v),
					r->v & 1 ? SPL_EXTRA_GIVE : 0);
		break;
	case 4:
		cell->extra = mix(r, 5);
		break;
	case 5:
		cell->opseq = r->v & 1 ? ~0ULL : mix(r, 6);
		break;
	case 6:
		cell->slots[slot % SPL_SPARES_MAX] = some_lane(w, r->v / 16);
		break;
	case 7:
		cell->slots[slot % SPL_SPARES_MAX] = ~0U - (r->v & 1);
		break;
	case 8: /* as if it were in the middle of something with that cell */
		word = *cell_at(w, (uint32_t)pos / SPL_BUCKET_SLOTS, (uint32_t)pos);
		cell->old_word = r->v & 8 ? word : cell->old_word;
		cell->new_word = r->v & 16 ? word : some_word(w, r);
		cell->op = (1 + (r->v & 3)) | slot << SPL_OP_SLOT_SHIFT | pos << SPL_OP_POS_SHIFT;
		break;
	default:
		cell->owner = mix(r, 7);
		cell->owner_start = mix(r, 8);
	}
}

static void garble_map(struct world *w, const struct record *r)
{
	uint32_t n = some_lane(w, r->v), i = n / 64 % w->s.free_words;

	switch (r->c % 5) {
	case 0:
		w->s.free[i] ^= 1ULL << (n % 64);
		break;
	case 1:
		w->s.free[i] = ~0ULL;
		break;
	case 2:
		w->s.free[i] = 0;
		break;
	case 3:
		w->s.free_top[0] ^= mix(r, 9);
		break;
	default:
		w->s.free[i] = mix(r, 10);
	}
}

static void garble_overflow(struct world *w, const struct record *r)
{
	__u64 *p = &w->s.index[spl_home(&w->s, w->key[r->b % NR_KEYS].hash)].overflow;

	switch (r->c % 4) {
	case 0:
		*p ^= 1ULL << (r->v % 64);
		break;
	case 1:
		*p = ~0ULL;
		break;
	case 2:
		*p = mix(r, 11);
		break;
	default:
		*p += SPL_OVERFLOW_VERSION;
	}
}

static void garble_attr(struct world *w, const struct record *r)
{
	struct spl_attrs *a = &w->s.attrs[spl_home(&w->s, w->key[r->b % NR_KEYS].hash)];
	struct spl_attr *pair = &a->cell[r->v % SPL_BUCKET_CELLS];

	switch (r->c % 5) {
	case 0:
		a->epoch_floor = ~0ULL;
		break;
	case 1:
		a->epoch_floor = r->v % 16;
		break;
	case 2:
		pair->guard = mix(r, 12);
		pair->word = mix(r, 13);
		break;
	case 3:
		pair->guard = (lane_at(w, r->v / 8)->inc & SPL_INC) | (uint64_t)r->v << 48;
		break;
	default:
		pair->word = ~pair->word;
	}
}

/* What a change tells others by, and to whom. */
static void garble_notice(struct world *w, const struct record *r)
{
	struct spl_wcell *cell = &w->s.wcells[r->b % w->s.max_writers];
	__u64 *at = live_cell(w, r->b), i = r->v % (w->s.buckets * SPL_BUCKET_CELLS);
	__u64 pos = i / SPL_BUCKET_CELLS * SPL_BUCKET_SLOTS + i % SPL_BUCKET_CELLS, bits;
	struct spl_attr *pair;

	switch (r->c % 8) {
	case 0:
		w->s.signal->label_groups[r->v % SPL_LABELS] = mix(r, 30);
		break;
	case 1:
		w->s.signal->keys_groups = mix(r, 31);
		w->s.signal->births = mix(r, 32);
		break;
	case 2:
		w->s.signal->group[r->v % SPL_GROUPS].armed = r->v >> 8;
		w->s.signal->bell[r->v % SPL_GROUPS].armed = 1;
		w->s.signal->group[r->v % SPL_GROUPS].count = mix(r, 33);
		break;
	case 3:
		cell->feed_head = r->v & 1 ? mix(r, 34) : ~0ULL - r->v % 64;
		break;
	case 4:
		cell->ring_groups = mix(r, 35);
		cell->ring_bells = mix(r, 36);
		break;
	case 5: /* a pair of a key that is there, and its bit, or not */
	case 6:
		pair = w->s.watch && r->v & 1 ? spl_watch_at(&w->s, pos) : spl_attr_at(&w->s, pos);
		bits = r->v & 1 ? SPL_NOTICE_WATCH : SPL_NOTICE_ATTR;
		if (at)
			pair->guard = (lane_at(w, *at & w->s.lane_mask)->inc & SPL_INC) |
				      (r->v & 2 ? SPL_ATTR_WAITED : 0);
		pair->word = mix(r, 37);
		if (r->v & 4)
			*spl_notice_at(&w->s, pos) |= bits;
		break;
	default:
		*spl_notice_at(&w->s, pos) ^= r->v & 1 ? SPL_NOTICE_WATCH : SPL_NOTICE_ATTR;
	}
}

/* A record about key @b at @to in a writer's ring, each word of it right or nearly; how many bytes of the ring it takes. */
static uint64_t forge_feed(struct world *w, const struct record *r, uint32_t idx, uint64_t to)
{
	static const uint32_t kinds[] = { SPL_FEED_SET, SPL_FEED_DELETE, SPL_FEED_DELETE,
					  SPL_FEED_LABEL };
	const struct key *k = &w->key[r->b % NR_KEYS];
	__u64 *at = live_cell(w, r->b);
	uint64_t n = at ? *at & w->s.lane_mask : 0;
	uint32_t kind = r->v >> 8 & 15 ? kinds[r->v & 3] : r->v & 0xff;
	uint32_t klen = kind == SPL_FEED_DELETE ? k->len : 0;
	uint64_t pos = at ? pos_of(w, at) : mix(r, 40) % (w->s.buckets * SPL_BUCKET_SLOTS);
	struct spl_feed_record *record;

	to &= ~(uint64_t)(sizeof(*record) - 1);
	record = (struct spl_feed_record *)(void *)spl_feed_at(&w->s, idx, to);
	switch (r->v >> 2 & 15) {
	case 0:
		klen = w->s.key_max + (r->v >> 12 & 3);
		break;
	case 1:
		klen = (uint16_t)mix(r, 41);
		break;
	case 2:
		klen = 0;
		break;
	case 3:
		pos = (uint64_t)w->s.buckets * SPL_BUCKET_SLOTS + (r->v >> 12 & 7);
		break;
	case 4:
		pos = mix(r, 42) >> (r->v >> 12 & 63);
		break;
	case 5:
		pos |= SPL_BUCKET_SLOTS - 1; /* the overflow word */
		break;
	}
	record->what = kind | (uint64_t)(klen & 0xffff) << SPL_FEED_KLEN_SHIFT |
		       pos << SPL_FEED_POS_SHIFT;
	record->inc = r->v >> 6 & 3 ? lane_at(w, n)->inc : mix(r, 43);
	record->epoch = r->v >> 14 & 1 ? mix(r, 44) : lane_at(w, n)->epoch;
	record->hash = k->hash;
	if (kind == SPL_FEED_DELETE)
		memcpy(spl_feed_at(&w->s, idx, to + sizeof(*record)), k->bytes, k->len);
	return spl_feed_bytes(kind == SPL_FEED_DELETE ? klen & 0xffff : 0);
}

/* The change feed: how far it reaches, and records in it, at its end or where somebody may be reading. */
static void garble_feed(struct world *w, const struct record *r)
{
	const uint64_t unit = sizeof(struct spl_feed_record);
	uint32_t idx = (r->b >> 4) % w->s.max_writers, i;
	__u64 *head = &w->s.wcells[idx].feed_head;
	uint64_t near = (mix(r, 45) % 9 - 4) * unit + (r->v & 1 << 15 ? r->v % unit : 0);

	if (!w->s.feed_bytes)
		return;
	switch (r->c % 8) {
	case 0:
		*head += near;
		break;
	case 1: /* about an overrun */
		*head += w->s.feed_bytes + near;
		break;
	case 2:
		*head = r->v & 1 ? mix(r, 46) : near;
		break;
	case 3:
		for (i = 0; i < w->s.feed_bytes / 8; i++)
			((__u64 *)(void *)(w->s.feed + idx * w->s.feed_bytes))[i] = mix(r, 47 + i);
		break;
	case 4:
		forge_feed(w, r, idx, *head - (r->c >> 3) * unit);
		break;
	default:
		*head += forge_feed(w, r, idx, *head);
	}
}

/* One region's bytes, wherever it ends. */
static void garble_bytes(struct world *w, const struct record *r)
{
	struct {
		void *at;
		uint64_t bytes;
	} region[] = {
		{ w->s.signal, sizeof(*w->s.signal) },
		{ w->s.index, (uint64_t)w->s.buckets * sizeof(struct spl_bucket) },
		{ w->s.attrs, (uint64_t)w->s.buckets * sizeof(struct spl_attrs) },
		{ w->s.wcells, (uint64_t)w->s.max_writers * sizeof(struct spl_wcell) },
		{ w->s.free, (uint64_t)w->s.free_words * sizeof(uint64_t) },
		{ lane_at(w, r->v >> 8), SPL_VALUE_OFF(w->s.key_max) + w->s.value_max },
	};
	uint32_t which = r->b % 6, n = 1U << (r->c & 7), i;
	uint64_t at = mix(r, 14) % region[which].bytes;

	for (i = 0; i < n && at + i < region[which].bytes; i++)
		((uint8_t *)region[which].at)[at + i] =
			(uint8_t)(r->c & 0x80 ? 0xff : mix(r, 100 + i / 4 * (r->c >> 6 & 1)));
}

/* One thing twice: a cell, a lane, a slot. */
static void garble_twin(struct world *w, const struct record *r)
{
	struct spl_lane *from = lane_at(w, r->v), *to = lane_at(w, r->v >> 8);

	switch (r->c % 3) {
	case 0:
		*cell_of_key(w, r->b, r->v >> 4 & 7, r->v) = *cell_of_key(w, r->b, 0, r->v >> 8);
		break;
	case 1:
		memmove(to, from, SPL_VALUE_OFF(w->s.key_max) + w->s.value_max);
		break;
	default:
		w->s.wcells[r->b % w->s.max_writers].slots[r->v % w->s.spares] =
			(uint32_t)(*cell_of_key(w, r->b, 0, r->v >> 8) & w->s.lane_mask);
	}
}

void garble(struct world *w, const struct record *r)
{
	static void (*const attacks[])(struct world *, const struct record *) = {
		garble_cell,  garble_cell,  garble_lane,   garble_lane,
		garble_wcell, garble_wcell, garble_map,	   garble_overflow,
		garble_attr,  garble_bytes, garble_twin,   garble_live,
		garble_live,  garble_death, garble_notice, garble_feed,
	};

	w->tainted = true;
	attacks[(r->a & 0x7f) % (sizeof(attacks) / sizeof(attacks[0]))](w, r);
}
