// SPDX-License-Identifier: MIT
/* matrix.c - get and set over their floors for every number of keys, length of value and spread of keys that fits. */
#include "bench.h"

static const uint64_t keys[] = { 10000, 100000, 1000000, 4000000 };
static const char *const keys_name[] = { "10 k", "100 k", "1 M", "4 M" };
static const uint32_t bytes[] = { 64, 1024, 4096 };
static const char *const bytes_name[] = { "64 B", "1 KiB", "4 KiB" };

static void one(int k, int v)
{
	static const char *const spread_name[] = { "uniform", "Zipf 0.99" };
	static struct bench_store b;
	static struct work w[2];
	struct group g = { .rounds = settings.rounds < 9 ? settings.rounds : 9 };
	char name[32], label[72];
	int spread, get, set, floor_g, floor_s;

	snprintf(name, sizeof(name), "%s keys, %s", keys_name[k], bytes_name[v]);
	g.name = name;
	for (spread = UNIFORM; spread <= ZIPF; spread++) {
		get = group_subject(&g, "", data_get, &w[spread]);
		set = group_subject(&g, "", data_set, &w[spread]);
		floor_g = group_subject(&g, "", floor_get, &w[spread]);
		floor_s = group_subject(&g, "", floor_set, &w[spread]);
		snprintf(label, sizeof(label), "matrix get, %s, %s", name, spread_name[spread]);
		group_figure(&g, label, get, floor_g, COST, 0, "floor: lines in turn, copy");
		snprintf(label, sizeof(label), "matrix set, %s, %s", name, spread_name[spread]);
		group_figure(&g, label, set, floor_s, COST, 0, "floor: lines, copy, one CAS");
	}
	if (!group_wanted(&g))
		return;
	/* Sequences take up to 192 MiB beside it, twice; and others live here as well. */
	if (store_bytes(keys[k], bytes[v]) > memory_available() / 2)
		return report_skip(name, "more than half of the memory available");
	store_make(&b, keys[k], bytes[v], PAGES_LARGE);
	work_make(&w[UNIFORM], &b, UNIFORM, 11, ALL);
	work_make(&w[ZIPF], &b, ZIPF, 12, ALL);
	group_run(&g);
	work_drop(&w[UNIFORM]);
	work_drop(&w[ZIPF]);
	store_drop(&b);
}

void section_matrix(void)
{
	int k, v;

	for (k = 0; k < 4; k++)
		for (v = 0; v < 3; v++)
			one(k, v);
}
