/* SPDX-License-Identifier: MIT */
/* selftest-timeout: 300 */
/*
 * probe.c - a store filled to its last lane: how many lines of the index a look-up touches, and that ten million
 * deletes and inserts later it touches no more.
 */
#include "rawstore.h"

#define LANES 1000000
#define PAIRS 10000000L
#define LOOKS 2000000

static struct rawstore raw;
static __u64 *member; /* the number whose key stands in the store, by rank */

static void key_of(__u64 number, char key[16])
{
	snprintf(key, 16, "k%014llx", number);
}

/* Lines of the index that spl_find() reads for a key: the home bucket, then those that the overflow word names. */
static unsigned lines_of(const char *key, bool *present)
{
	struct spl_store *s = &raw.s;
	__u64 hash = spl_hash(s, key, 15), overflow, bits;
	__u32 home = spl_home(s, hash);
	unsigned lines = 1;
	struct spl_hit hit;

	*present = spl_find(s, hash, key, 15, &hit) == SPL_FOUND;
	if (*present && !spl_dist_of(hit.word))
		return lines;
	overflow = spl_load(&s->index[home].overflow);
	if (!(overflow & spl_overflow_tag(spl_tag(hash))))
		return lines;
	for (bits = overflow & SPL_OVERFLOW_DISTS; bits; bits &= bits - 1) {
		lines++;
		if (*present && (__u32)__builtin_ctzll(bits) == spl_dist_of(hit.word))
			break;
	}
	return lines;
}

struct spread {
	double mean;
	unsigned max;
	long by_lines[SPL_DIST_MAX + 2];
};

static struct spread look(bool present, __u64 *x, const char *when)
{
	struct spread d = { 0 };
	char key[16];
	bool found;
	long i, sum = 0;
	unsigned n;

	for (i = 0; i < LOOKS; i++) {
		key_of(present ? member[next_random(x) % LANES] : next_random(x) >> 8 | 1ULL << 55,
		       key);
		n = lines_of(key, &found);
		MUST(found == present, "key where it should be");
		sum += n;
		d.by_lines[n]++;
		if (n > d.max)
			d.max = n;
	}
	d.mean = (double)sum / LOOKS;
	printf("# %s, %s keys: mean %.4f lines, max %u; 1: %.3f %%, 2: %.3f %%, more: %.3f %%\n",
	       when, present ? "present" : "absent", d.mean, d.max, 100.0 * d.by_lines[1] / LOOKS,
	       100.0 * d.by_lines[2] / LOOKS,
	       100.0 * (LOOKS - d.by_lines[1] - d.by_lines[2]) / LOOKS);
	return d;
}

int main(void)
{
	struct spread absent[2], present[2];
	__u64 x = 88172645463325252ULL, next = 0;
	struct spl_writer w;
	char key[16];
	long i, rank;

	rawstore_make(&raw, LANES, 8, 16, 2, 2);
	madvise(raw.map, raw.info.map_bytes, MADV_HUGEPAGE);
	writer_of(&w, &raw, 0);
	member = calloc(LANES, sizeof(*member));
	MUST(member, "memory");
	for (i = 0; i < LANES; i++) {
		member[i] = next++;
		key_of(member[i], key);
		if (spl_set(&w, key, 15, &i, 8, 0, NULL) != 8)
			break;
	}
	IS(i, LANES, "every lane takes a key");
	key_of(next, key);
	IS(spl_set(&w, key, 15, &i, 8, 0, NULL), -ENOSPC, "one key more is refused");
	absent[0] = look(false, &x, "filled");
	present[0] = look(true, &x, "filled");

	for (i = 0; i < PAIRS; i++) {
		rank = (long)(next_random(&x) % LANES);
		key_of(member[rank], key);
		MUST(!spl_delete(&w, key, 15), "delete");
		member[rank] = next++;
		key_of(member[rank], key);
		MUST(spl_set(&w, key, 15, &i, 8, 0, NULL) == 8,
		     "one delete makes one insert possible");
	}
	OK(true, "ten million deletes and inserts at 100 %% full");
	absent[1] = look(false, &x, "churned");
	present[1] = look(true, &x, "churned");

	OK(absent[0].mean <= 1.01 && absent[1].mean <= 1.01,
	   "absent key: 1.01 lines in the mean, before and after");
	OK(absent[0].max <= SPL_DIST_MAX + 1 && absent[1].max <= SPL_DIST_MAX + 1,
	   "absent key: 16 lines at most");
	OK(present[0].mean <= 1.10 && present[1].mean <= 1.10,
	   "present key: 1.10 lines in the mean, before and after");
	OK(rawstore_sound(&raw), "sound");
	return tap_done();
}
