/* SPDX-License-Identifier: MIT */
/*
 * batch.c - get_many and set_many tell and do what as many gets and sets would, in a full store, where keys stand far
 * from home, and whatever else is in the batch. And: short keys are hashed as XXH64 hashes them.
 */
#include "rawstore.h"

#define KEYS 20000
#define MOST 50

static struct rawstore raw;
static struct spl_writer w;
static char keys[KEYS + MOST][16];

static void key_of(unsigned number)
{
	snprintf(keys[number], sizeof(keys[number]), "k%014x", number * 7919);
}

/* Batches of all lengths; every third key of a batch has a flaw, if there are to be any. */
static long differ(bool flaws)
{
	static char bufs[MOST][64], one[64];
	struct spl_io io[MOST];
	__u32 nr, i, at = 0, good, said;
	__u64 x = 1, number;
	long bad = 0, r;

	for (nr = 0; nr < KEYS; nr++) {
		good = 0;
		for (i = 0; i < nr % MOST; i++) {
			number = nr % 2 ? next_random(&x) % KEYS : at++ % KEYS;
			if (flaws && i % 3 == 1)
				number = KEYS + i;
			io[i] = (struct spl_io){ keys[number], bufs[i], 15, 64, 0 };
			if (flaws && i % 3 == 2) {
				io[i].klen = number % 5 == 1 ? 0 : number % 5 == 2 ? 17 : 15;
				io[i].cap = number % 5 == 3 ? 3 : 64;
				io[i].buf = number % 5 == 4 ? NULL : bufs[i];
			}
		}
		memset(bufs, 0, sizeof(bufs));
		said = spl_get_many(&raw.s, io, nr % MOST);
		for (i = 0; i < nr % MOST; i++) {
			memset(one, 0, sizeof(one));
			r = spl_get(&raw.s, io[i].key, io[i].klen, io[i].buf ? one : NULL,
				    io[i].cap, NULL);
			bad += r != io[i].result || memcmp(one, bufs[i], sizeof(one));
			good += r >= 0;
		}
		bad += said != good;
	}
	return bad;
}

static void sets(void)
{
	struct spl_io io[MOST];
	__u32 i, nr, done = 0;
	long bad = 0;

	for (nr = 1; done + nr <= KEYS; nr = nr % (MOST - 1) + 1, done += nr) {
		for (i = 0; i < nr; i++)
			io[i] = (struct spl_io){ keys[done + i], keys[KEYS - 1 - done - i], 15, 16,
						 0 };
		bad += spl_set_many(&w, io, nr, SPL_SET_PRESENT) != nr;
		for (i = 0; i < nr; i++)
			bad += io[i].result != 16;
	}
	IS(bad, 0, "set_many sets each of its keys");
	io[0] = (struct spl_io){ keys[1], keys[2], 15, 16, 0 };
	io[1] = (struct spl_io){ keys[1], keys[2], 0, 16, 0 };
	io[2] = (struct spl_io){ keys[1], keys[2], 17, 16, 0 };
	io[3] = (struct spl_io){ keys[1], keys[2], 15, 65, 0 };
	io[4] = (struct spl_io){ keys[KEYS], keys[2], 15, 16, 0 };
	IS(spl_set_many(&w, io, 5, 0), 1, "of five one can be done");
	IS(io[0].result, 16, "that one tells its bytes");
	IS(io[1].result, -EINVAL, "an empty key");
	IS(io[2].result, -EMSGSIZE, "a key too long");
	IS(io[3].result, -EMSGSIZE, "a value too long");
	IS(io[4].result, -ENOSPC, "a new key in a full store");
	IS(spl_set_many(&w, io, 5, ~0U), 0, "unknown flags");
	IS(io[0].result, -EINVAL, "tell so");
	IS(spl_set_many(&w, io, 0, 0), 0, "an empty batch");
}

static void hashes(void)
{
	unsigned char key[80];
	long bad = 0;
	__u64 x = 3;
	__u32 n, i;

	for (i = 0; i < 64000; i++) {
		n = i % 64;
		for (__u32 k = 0; k < n; k++)
			key[k] = (unsigned char)next_random(&x);
		bad += spl_hash_bytes(key, n, x) != XXH64(key, n, x);
	}
	IS(bad, 0, "keys of 0 to 63 bytes are hashed as by XXH64");
}

int main(void)
{
	__u32 i, failed = 0, far = 0;

	rawstore_make(&raw, KEYS, 64, 16, 1, 4);
	writer_of(&w, &raw, 0);
	for (i = 0; i < KEYS + MOST; i++)
		key_of(i);
	for (i = 0; i < KEYS; i++)
		failed += spl_set(&w, keys[i], 15, keys[i], i % 17, 0, NULL) < 0;
	IS(failed, 0, "a store is filled");
	for (i = 0; i < raw.s.buckets; i++)
		far += !!(raw.s.index[i].overflow & SPL_OVERFLOW_DISTS);
	OK(far > 50, "keys stand far from home: of %u buckets", far);
	IS(differ(false), 0, "get_many tells what gets tell");
	IS(differ(true), 0, "also of absent keys, bad lengths, and buffers too small or missing");
	sets();
	IS(differ(false), 0, "get_many tells what set_many set");
	OK(rawstore_sound(&raw), "the store is sound");
	hashes();
	rawstore_drop(&raw);
	return tap_done();
}
