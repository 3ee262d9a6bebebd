// SPDX-License-Identifier: MIT
/* large.c - stores that no cache holds: batches and pages at a million keys, the distance to the floor at four million. */
#include "bench.h"

#define MILLION 1000000
#define BYTES 64

static void million(void)
{
	static struct bench_store large, small;
	static struct work w, small_w;
	struct group g = { .name = "1 M keys" };
	int get = group_subject(&g, "", data_get, &w);
	int many = group_subject(&g, "", data_get_batched, &w);
	int pages = group_subject(&g, "", data_get, &small_w);
	int floor_g = group_subject(&g, "", floor_get, &w);
	int loose = group_subject(&g, "", floor_get_loose, &w);
	int batched = group_subject(&g, "", floor_get_batched, &w);
	int apart = group_subject(&g, "", floor_get_apart, &w);
	int many64 = group_subject(&g, "", data_get_long, &w);

	group_figure(&g, "get_many(16), 1 M keys", many, get, GAIN, 3, "get, 1 M keys");
	group_figure(&g, "get over 4 KiB pages, 1 M keys", pages, get, COST, 0,
		     "get over 2 MiB pages");
	group_figure(&g, "get, 1 M keys", get, floor_g, COST, 0, "floor: lines in turn, copy");
	group_figure(&g, "get_many(16), 1 M keys / overlapping floor", many, loose, COST, 0,
		     "the same lines, overlapping");
	group_figure(&g, "get_many(16), 1 M keys / floor in batches of 16", many, batched, COST, 0,
		     "the same lines: cells, then lanes");
	group_figure(&g, "get_many(16) floor: lines in batches, 1 M keys", batched, get, GAIN, 0,
		     "get, 1 M keys");
	group_figure(&g, "get_many(16), 1 M keys / floor of batches apart", many, apart, COST, 0,
		     "a batch begins when the last has ended");
	group_figure(&g, "get_many(16) floor: batches apart, 1 M keys", apart, get, GAIN, 0,
		     "get, 1 M keys");
	group_figure(&g, "get_many(64), 1 M keys", many64, get, GAIN, 0, "get, 1 M keys");
	if (!group_wanted(&g))
		return;
	store_make(&large, MILLION, BYTES, PAGES_LARGE);
	store_make(&small, MILLION, BYTES, PAGES_SMALL);
	work_make(&w, &large, UNIFORM, 4, ALL);
	work_make(&small_w, &small, UNIFORM, 5, ALL);
	printf("pages:    1 M keys: %s, and %s\n", large.pages, small.pages);
	group_run(&g);
	work_drop(&w);
	work_drop(&small_w);
	store_drop(&large);
	store_drop(&small);
}

static void four_million(void)
{
	static struct bench_store b;
	static struct work w;
	struct group g = { .name = "4 M keys" };
	int get = group_subject(&g, "", data_get, &w);
	int set = group_subject(&g, "", data_set, &w);
	int floor_g = group_subject(&g, "", floor_get, &w);
	int floor_s = group_subject(&g, "", floor_set, &w);

	group_figure(&g, "get, 4 M keys", get, floor_g, COST, 1.2, "floor: lines in turn, copy");
	group_figure(&g, "set, 4 M keys", set, floor_s, COST, 1.2, "floor: lines, copy, one CAS");
	if (!group_wanted(&g))
		return;
	if (store_bytes(4 * MILLION, BYTES) > memory_available() / 2)
		return report_skip("4 M keys", "too little memory available");
	store_make(&b, 4 * MILLION, BYTES, PAGES_LARGE);
	work_make(&w, &b, UNIFORM, 6, ALL);
	printf("pages:    4 M keys: %s\n", b.pages);
	group_run(&g);
	work_drop(&w);
	store_drop(&b);
}

void section_large(void)
{
	million();
	four_million();
}
