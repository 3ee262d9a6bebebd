// SPDX-License-Identifier: MIT
/*
 * seq.c - sequences of random keys, made before anything is measured. Operation by operation a subject reads 16 bytes of
 * a sequence in order, be it a key or, for a floor, the place where that key was found.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

#define THETA 0.99
#define SEQ_MIN (1ULL << 14)
#define SEQ_MAX (1ULL << 22)

uint64_t random_next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545F4914F6CDD1DULL;
}

/* "k" and 15 digits: one number, one key. */
void key_of(uint64_t number, struct key16 *key)
{
	int i;

	key->b[0] = 'k';
	for (i = KEY_BYTES - 1; i > 0; i--, number /= 10)
		key->b[i] = (char)('0' + number % 10);
}

/* Zipf by Gray et al., "Quickly generating billion-record synthetic databases", as YCSB has it. */
struct zipf {
	double n, zetan, alpha, eta;
};

static void zipf_make(struct zipf *z, uint64_t n)
{
	double zeta2 = 1 + pow(0.5, THETA);
	uint64_t i;

	z->n = (double)n;
	z->zetan = 0;
	for (i = 1; i <= n; i++)
		z->zetan += 1 / pow((double)i, THETA);
	z->alpha = 1 / (1 - THETA);
	z->eta = (1 - pow(2 / z->n, 1 - THETA)) / (1 - zeta2 / z->zetan);
}

static uint64_t zipf_next(const struct zipf *z, uint64_t *x)
{
	double u = (double)(random_next(x) >> 11) * 0x1p-53, uz = u * z->zetan;
	uint64_t rank;

	if (uz < 1)
		return 0;
	if (uz < 1 + pow(0.5, THETA))
		return 1;
	rank = (uint64_t)(z->n * pow(z->eta * u - z->eta + 1, z->alpha));
	return rank < (uint64_t)z->n ? rank : (uint64_t)z->n - 1;
}

/* Popular keys must not lie side by side: ranks are spread over the numbers by a bijection. */
static uint64_t scatter(uint64_t rank, uint64_t n)
{
	static const uint64_t primes[] = { 2654435761ULL, 2246822519ULL, 3266489917ULL };
	int i;

	for (i = 0; i < 3; i++)
		rank = (rank * (primes[i] % n) + 12345) % n;
	return rank;
}

static void *take(uint64_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		die("no memory: %llu bytes", (unsigned long long)bytes);
	(void)madvise(at, bytes, MADV_HUGEPAGE);
	return at;
}

static struct place place_of(const struct seq *q, const struct spl_store *s,
			     const struct key16 *key)
{
	uint64_t cell, lane;
	struct spl_hit hit;

	if (spl_find(s, spl_hash(s, key->b, KEY_BYTES), key->b, KEY_BYTES, &hit) != SPL_FOUND)
		die("a key is missing");
	cell = (uint64_t)(spl_cell_at(s, hit.pos) - q->base);
	lane = (uint64_t)((__u64 *)hit.lane - q->base);
	if (cell > UINT32_MAX || lane > UINT32_MAX)
		die("a store too large for the floor's loops");
	return (struct place){ (uint32_t)cell, (uint32_t)lane };
}

void seq_make(struct seq *q, const struct bench_store *b, enum spread spread, uint64_t seed,
	      enum share share)
{
	uint64_t x = seed * 0x9E3779B97F4A7C15ULL | 1, i, number;
	struct zipf z;

	memset(q, 0, sizeof(*q));
	/* Short for small stores, so that it takes little of their cache; long for large ones, so that they're seen whole. */
	q->n = b->keys < SEQ_MIN ? SEQ_MIN : b->keys < SEQ_MAX ? b->keys : SEQ_MAX;
	q->base = b->map;
	q->keys = take(q->n * sizeof(*q->keys));
	q->absent = take(q->n * sizeof(*q->absent));
	q->places = take(q->n * sizeof(*q->places));
	if (spread == ZIPF)
		zipf_make(&z, b->keys);
	for (i = 0; i < q->n; i++) {
		if (!(i & 0xffff))
			progress("choosing keys, %llu %%", (unsigned long long)(i * 100 / q->n));
		number = spread == ZIPF ? scatter(zipf_next(&z, &x), b->keys)
					: random_next(&x) % b->keys;
		if (share != ALL)
			number = (number & ~1ULL) + (share == ODD);
		key_of(number, &q->keys[i]);
		key_of(number + 500000000000ULL, &q->absent[i]);
		q->places[i] = place_of(q, &b->s, &q->keys[i]);
	}
}

void seq_addresses(struct seq *q)
{
	uint64_t i;

	q->addresses = take(q->n * sizeof(*q->addresses));
	for (i = 0; i < q->n; i++) {
		q->addresses[i].cell = q->base + q->places[i].cell;
		q->addresses[i].lane = (unsigned char *)(q->base + q->places[i].lane);
	}
}

void seq_drop(struct seq *q)
{
	munmap(q->keys, q->n * sizeof(*q->keys));
	munmap(q->absent, q->n * sizeof(*q->absent));
	munmap(q->places, q->n * sizeof(*q->places));
	if (q->addresses)
		munmap(q->addresses, q->n * sizeof(*q->addresses));
	memset(q, 0, sizeof(*q));
}

uint64_t seq_piece(struct seq *q, uint64_t ops, uint64_t *first)
{
	uint64_t count = q->n - q->at < ops ? q->n - q->at : ops;

	*first = q->at;
	q->at = q->at + count < q->n ? q->at + count : 0;
	return count;
}

void work_make(struct work *w, struct bench_store *b, enum spread spread, uint64_t seed,
	       enum share share)
{
	memset(w, 0, sizeof(*w));
	w->b = b;
	w->n = b->value_bytes;
	w->writer = &b->w;
	seq_make(&w->q, b, spread, seed, share);
	w->values = aligned_alloc(64, (uint64_t)VALUES * w->n + 64);
	w->buf = aligned_alloc(64, (uint64_t)BATCH_LONG * w->n + 64);
	if (!w->values || !w->buf)
		die("no memory");
	memset(w->values, 0x5a, (uint64_t)VALUES * w->n);
}

/* For data_get_cas(): a line for each key, and which of them each operation takes. */
void work_pairs(struct work *w)
{
	uint64_t x = 77, i;

	w->pairs = aligned_alloc(64, w->b->keys * 64);
	w->lines = calloc(w->q.n, sizeof(*w->lines));
	if (!w->pairs || !w->lines)
		die("no memory");
	memset(w->pairs, 0, w->b->keys * 64);
	for (i = 0; i < w->q.n; i++)
		w->lines[i] = (uint32_t)(random_next(&x) % w->b->keys);
}

void work_drop(struct work *w)
{
	seq_drop(&w->q);
	free(w->values);
	free(w->buf);
	free(w->pairs);
	free(w->lines);
}
