/* SPDX-License-Identifier: MIT */
/*
 * repair.c - damage of every kind that a check counts is found, and mended by a repair, after which the store works and a
 * second check finds nothing.
 */
#include "rawstore.h"

#define KEYS 40

static struct rawstore raw;

static __u32 key_of(int number, char key[16])
{
	return (__u32)snprintf(key, 16, "key%d", number);
}

static void fresh(void)
{
	struct spl_writer w;
	char key[16];
	int i;

	rawstore_make(&raw, KEYS + 10, 64, 16, 4, 2);
	writer_of(&w, &raw, 0);
	for (i = 0; i < KEYS; i++)
		MUST(spl_set(&w, key, key_of(i, key), &i, 4, 0, NULL) == 4, "a key");
}

static struct spl_hit find(int number)
{
	struct spl_hit hit;
	char key[16];
	__u32 n = key_of(number, key);

	MUST(spl_find(&raw.s, spl_hash(&raw.s, key, n), key, n, &hit) == SPL_FOUND, "the key");
	return hit;
}

/* Keys other than @but that read as they were set. */
static int intact(int but)
{
	int i, value, good = 0;
	char key[16];

	for (i = 0; i < KEYS; i++)
		good += i != but && spl_get(&raw.s, key, key_of(i, key), &value, 4, NULL) == 4 &&
			value == i;
	return good;
}

/* After the repair: sound, all keys but @but intact, and every other lane takes a key without touching them. */
static void mended(const char *what, int but)
{
	struct spl_check_counts c = rawstore_check(&raw, SPL_CHECK_REPAIR);
	int i, k, n, filled = 0;
	struct spl_writer w;
	char key[16];

	OK(c.repaired > 0, "%s: something is mended", what);
	OK(rawstore_sound(&raw), "%s: sound afterwards", what);
	IS(intact(but), KEYS - (but >= 0), what);
	for (k = 0; k < 4; k++) {
		writer_of(&w, &raw, (__u32)k);
		for (i = 0; i < 5; i++) {
			n = snprintf(key, sizeof(key), "more%d-%d", k, i);
			filled += spl_set(&w, key, (__u32)n, &i, 4, 0, NULL) == 4;
		}
	}
	IS(filled, 10 + (but >= 0), what);
	IS(intact(but), KEYS - (but >= 0), what);
	OK(rawstore_sound(&raw), "%s: still sound when full", what);
	rawstore_drop(&raw);
}

int main(void)
{
	struct spl_check_counts c;
	struct spl_hit hit;
	__u64 bits;

	fresh();
	hit = find(7);
	raw.s.wcells[2].extra = spl_lane_of(&raw.s, hit.word) + 1;
	raw.s.wcells[2].op = SPL_OP_INSERT;
	mended("a lane of the index named as taken by a cell without a writer", -1);

	fresh();
	hit = find(7);
	raw.s.wcells[1].slots[0] = spl_lane_of(&raw.s, hit.word);
	c = rawstore_check(&raw, 0);
	OK(c.lanes_shared == 1 && c.lanes_lost == 1,
	   "a lane with two owners is counted, and the one without");
	mended("a slot that names a lane of the index", -1);

	fresh();
	hit = find(7);
	raw.s.free[spl_lane_of(&raw.s, hit.word) / 64] |= 1ULL
							  << spl_lane_of(&raw.s, hit.word) % 64;
	IS(rawstore_check(&raw, 0).free_stale, 1, "a bit of the map for a lane in use");
	mended("a bit of the map for a lane in use", -1);

	fresh();
	bits = raw.s.free[0] & -raw.s.free[0];
	raw.s.free[0] &= ~bits;
	IS(rawstore_check(&raw, 0).lanes_lost, 1, "a free lane without its bit");
	mended("a free lane without its bit", -1);

	fresh();
	hit = find(7);
	*spl_cell_at(&raw.s, hit.pos) ^= 1ULL << raw.s.lane_bits;
	IS(rawstore_check(&raw, 0).cells_bad, 1, "a cell of another generation");
	mended("a cell of another generation", 7);

	fresh();
	hit = find(7);
	*spl_cell_at(&raw.s, hit.pos) |= raw.s.lane_mask;
	IS(rawstore_check(&raw, 0).cells_bad, 1, "a lane number beyond the end");
	mended("a lane number beyond the end", 7);

	fresh();
	hit = find(7);
	hit.lane->klen = 15;
	IS(rawstore_check(&raw, 0).cells_bad, 1, "a key that isn't the cell's");
	mended("a key that isn't the cell's", 7);

	fresh();
	raw.s.index[find(3).home].overflow |= 0x12ULL | 1ULL << SPL_OVERFLOW_TAG_SHIFT;
	OK(rawstore_check(&raw, 0).overflow_stale >= 1, "overflow bits for nobody");
	mended("overflow bits for nobody", -1);

	fresh();
	/* A spare stands in the map as well, as a free lane, and its slot names another's. */
	hit.lane = spl_lane_at(&raw.s, raw.s.wcells[3].slots[1]);
	hit.lane->seq = 0;
	spl_pool_show(&raw.s, raw.s.wcells[3].slots[1]);
	raw.s.wcells[3].slots[1] = raw.s.wcells[2].slots[0];
	IS(rawstore_check(&raw, 0).lanes_shared, 1,
	   "a slot that names another's lane, its own in the map");
	mended("a slot that names another's lane, its own in the map", -1);

	fresh();
	raw.s.attrs[find(3).home].epoch_floor = ~0ULL;
	IS(rawstore_check(&raw, 0).cells_bad, 1, "a floor that no epoch can pass");
	mended("a floor that no epoch can pass", -1);

	fresh();
	find(7).lane->epoch = ~0ULL;
	IS(rawstore_check(&raw, 0).cells_bad, 1, "an epoch that none could follow");
	mended("an epoch that none could follow", 7);

	fresh();
	*spl_cell_at(&raw.s, find(7).pos) = SPL_CELL_DEAD | 5;
	c = rawstore_check(&raw, 0);
	OK(c.dead == 1 && c.lanes_lost == 1, "a dead cell that nobody will empty");
	mended("a dead cell that nobody will empty", 7);
	return tap_done();
}
