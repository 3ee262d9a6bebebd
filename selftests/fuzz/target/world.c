// SPDX-License-Identifier: MIT
/* world.c - makes the store that is attacked, so that AddressSanitizer sees every step out of it. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#include "world.h"

#define LANE_GAP 64U /* poisoned, behind each lane */

/* Tiny: few buckets, so that all keys are neighbours. The last has a free map of several words. */
static const struct spl_geometry geometries[] = {
	{ .lanes = 1, .value_max = 8, .key_max = 1, .max_writers = 1, .spares = 2 },
	{ .lanes = 2, .value_max = 8, .key_max = 8, .max_writers = 2, .spares = 2 },
	{ .lanes = 4, .value_max = 16, .key_max = 8, .max_writers = 2, .spares = 2 },
	{ .lanes = 7,
	  .value_max = 64,
	  .key_max = 16,
	  .max_writers = 3,
	  .spares = 3,
	  .flags = SPL_GEOMETRY_WATCH,
	  .feed = SPL_FEED_MIN },
	{ .lanes = 12, .value_max = 24, .key_max = 24, .max_writers = 2, .spares = 4 },
	{ .lanes = 30,
	  .value_max = 8,
	  .key_max = 4,
	  .max_writers = 3,
	  .spares = 2,
	  .flags = SPL_GEOMETRY_WATCH },
	{ .lanes = 3,
	  .value_max = 300,
	  .key_max = 8,
	  .max_writers = 2,
	  .spares = 3,
	  .feed = SPL_FEED_MIN },
	{ .lanes = 150, .value_max = 32, .key_max = 9, .max_writers = 2, .spares = 2 },
};

void world_plan(struct spl_info *info, uint8_t geometry)
{
	memset(info, 0, sizeof(*info));
	info->geometry = geometries[geometry % (sizeof(geometries) / sizeof(geometries[0]))];
	spl_layout_plan(info);
	info->magic = SPL_MAGIC;
	info->store_id = 1;
	info->hash_seed = 0x5eed;
	info->backend = SPL_BACKEND_EMBEDDED;
}

/* A mapping that ends where a page begins that can't be touched. */
static void *guarded(size_t bytes)
{
	size_t whole = (bytes + 4095) & ~(size_t)4095;
	char *p = mmap(NULL, whole + 8192, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + 4096, whole, PROT_READ | PROT_WRITE))
		abort();
	return p + 4096 + (whole - bytes);
}

/* Zeroed, and aligned as a mapping is where that matters. */
static void *block(struct world *w, size_t bytes)
{
	void *p = NULL;

	if (w->shared)
		return guarded(bytes);

	if (posix_memalign(&p, 4096, bytes ? bytes : 1))
		abort();
	memset(p, 0, bytes);
	w->block[w->nr_blocks++] = p;
	return p;
}

static void make_keys(struct world *w)
{
	uint32_t i, len;

	for (i = 0; i < NR_KEYS; i++) {
		len = 1 + i * 5 % w->s.key_max;
		w->key[i].bytes = malloc(len);
		memset(w->key[i].bytes, 'a', len);
		w->key[i].bytes[len - 1] = (uint8_t)('A' + i);
		w->key[i].len = len;
		w->key[i].hash = spl_hash_bytes(w->key[i].bytes, len, w->s.seed);
	}
}

static void make_rest(struct world *w)
{
	uint32_t i;

	make_keys(w);
	w->value = malloc(w->s.value_max);
	w->out = malloc(w->s.value_max);
	memset(w->value, 'v', w->s.value_max);
	w->feed_at = malloc(w->s.max_writers * sizeof(*w->feed_at));
	w->told = malloc(w->s.key_max);
	w->seen = calloc(w->s.free_words, sizeof(*w->seen));
	w->nr_writers = w->s.max_writers < NR_WRITERS ? w->s.max_writers : NR_WRITERS;
	for (i = 0; i < w->nr_writers; i++)
		spl_writer_init(&w->w[i], &w->s, i);
}

/* A sound store in pieces: no region can be left without leaving its heap block. */
int world_make(struct world *w, uint8_t geometry, bool shared)
{
	uint64_t data_bytes, i;
	char *whole;
	int r;

	memset(w, 0, sizeof(*w));
	w->info = block(w, sizeof(*w->info));
	world_plan(w->info, geometry);
	data_bytes = w->info->map_bytes - w->info->data_off;
	whole = block(w, data_bytes);
	r = spl_store_attach(&w->s, w->info, whole, data_bytes);
	if (r)
		return r;
	w->nr_blocks--;
	free(whole);
	w->shared = shared;
	w->s.lane_stride += LANE_GAP;
	w->s.index = block(w, w->s.buckets * sizeof(*w->s.index));
	w->s.attrs = block(w, w->s.buckets * sizeof(*w->s.attrs));
	w->s.lanes = block(w, w->s.lanes_total * w->s.lane_stride);
	w->s.free = block(w, w->s.free_words * sizeof(*w->s.free));
	w->s.free_top =
		block(w, SPL_FREE_TOP_WORDS((uint64_t)w->s.lanes_total) * sizeof(*w->s.free_top));
	w->s.wcells = block(w, w->s.max_writers * sizeof(*w->s.wcells));
	w->s.signal = block(w, sizeof(*w->s.signal));
	if (w->s.watch)
		w->s.watch =
			block(w, (size_t)w->s.buckets * SPL_BUCKET_SLOTS * sizeof(*w->s.watch));
	if (w->s.feed)
		w->s.feed = block(w, w->s.max_writers * w->s.feed_bytes);
	for (i = 0; i < w->s.lanes_total; i++)
		ASAN_POISON_MEMORY_REGION(w->s.lanes + (i + 1) * w->s.lane_stride - LANE_GAP,
					  LANE_GAP);
	spl_store_format(&w->s);
	make_rest(w);
	return 0;
}

/* What a hostile creator's info page describes, in memory that holds exactly what was mapped. */
int world_attach(struct world *w, const struct spl_info *info, uint64_t data_bytes)
{
	void *data;
	int r;

	memset(w, 0, sizeof(*w));
	w->info = block(w, sizeof(*w->info));
	*w->info = *info;
	data = block(w, data_bytes);
	r = spl_store_attach(&w->s, w->info, data, data_bytes);
	if (r) {
		world_drop(w);
		return r;
	}
	spl_store_format(&w->s);
	make_rest(w);
	w->tainted = w->borrowed = true;
	return 0;
}

void world_drop(struct world *w)
{
	uint32_t i;

	if (w->s.lanes && w->value)
		ASAN_UNPOISON_MEMORY_REGION(w->s.lanes,
					    (size_t)w->s.lanes_total * w->s.lane_stride);
	for (i = 0; i < w->nr_blocks; i++)
		free(w->block[i]);
	for (i = 0; i < NR_KEYS; i++)
		free(w->key[i].bytes);
	free(w->value);
	free(w->out);
	free(w->seen);
	free(w->batch);
	free(w->feed_at);
	free(w->known);
	free(w->told);
	memset(w, 0, sizeof(*w));
}
