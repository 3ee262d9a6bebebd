/* SPDX-License-Identifier: MIT */
/* rawstore.h - a store made of the inline operations alone, shared with the children of a test; no library. */
#ifndef _SELFTESTS_NATIVE_RAWSTORE_H
#define _SELFTESTS_NATIVE_RAWSTORE_H

#include <stdlib.h>
#include <sys/mman.h>

#include "splinter_ops.h"
#include "tap.h"

struct rawstore {
	struct spl_info info;
	struct spl_store s;
	void *map;
};

static inline void rawstore_make_with(struct rawstore *r, const struct spl_geometry *g)
{
	char *at;

	memset(r, 0, sizeof(*r));
	r->info.geometry = *g;
	MUST(!spl_layout_plan(&r->info), "geometry");
	r->info.magic = SPL_MAGIC;
	r->info.hash_seed = 0x5eed;
	at = mmap(NULL, r->info.map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		  0);
	MUST(at != MAP_FAILED, "memory");
	r->map = at;
	MUST(!spl_store_attach(&r->s, &r->info, at + r->info.data_off,
			       r->info.map_bytes - r->info.data_off),
	     "attach");
	spl_store_format(&r->s);
}

static inline void rawstore_make(struct rawstore *r, __u64 lanes, __u32 value_max, __u32 key_max,
				 __u32 writers, __u32 spares)
{
	rawstore_make_with(r, &(struct spl_geometry){
				      .lanes = lanes,
				      .value_max = value_max,
				      .key_max = key_max,
				      .max_writers = writers,
				      .spares = spares,
			      });
}

static inline void rawstore_drop(struct rawstore *r)
{
	munmap(r->map, r->info.map_bytes);
}

static inline void writer_of(struct spl_writer *w, struct rawstore *r, __u32 idx)
{
	MUST(!spl_writer_init(w, &r->s, idx), "a writer cell");
}

static inline struct spl_check_counts rawstore_check(struct rawstore *r, __u32 flags)
{
	struct spl_check_work work = { .seen = calloc(r->s.free_words, sizeof(__u64)) };
	struct spl_check_counts c;

	MUST(work.seen, "memory");
	MUST(!spl_check(&r->s, &work, flags, &c), "check");
	free(work.seen);
	return c;
}

/* Nothing lost, nothing doubled, nothing under way, and every lane somewhere. */
static inline bool rawstore_sound(struct rawstore *r)
{
	struct spl_check_counts c = rawstore_check(r, 0);
	bool good = !(c.tentative | c.dead | c.lanes_flight | c.lanes_lost | c.lanes_shared |
		      c.cells_bad | c.keys_twice | c.overflow_stale | c.overflow_missing |
		      c.free_stale) &&
		    c.live + c.lanes_free == r->info.geometry.lanes;

	if (!good)
		printf("# live %llu free %llu spare %llu | tentative %llu dead %llu flight %llu lost %llu shared %llu "
		       "bad %llu twice %llu overflow stale %llu missing %llu free stale %llu\n",
		       c.live, c.lanes_free, c.lanes_spare, c.tentative, c.dead, c.lanes_flight,
		       c.lanes_lost, c.lanes_shared, c.cells_bad, c.keys_twice, c.overflow_stale,
		       c.overflow_missing, c.free_stale);
	return good;
}

static inline __u64 next_random(__u64 *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545F4914F6CDD1DULL;
}

#endif /* _SELFTESTS_NATIVE_RAWSTORE_H */
