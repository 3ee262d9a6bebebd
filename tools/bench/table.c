// SPDX-License-Identifier: MIT
/* table.c - the figures of a small store, one thread: 10,000 keys, 64 bytes, against the floor and against the peers. */
#include "bench.h"

#define KEYS 10000
#define BYTES 64
#define DEPTH 16

static struct bench_store values, numbers;
static struct work w, numbers_w;
static struct seq peers_q;

/* A store of integers for INC. */
static void make_numbers(void)
{
	struct key16 key;
	uint64_t i;

	store_make(&numbers, KEYS, BYTES, PAGES_LARGE);
	for (i = 0; i < KEYS; i++) {
		key_of(i, &key);
		if (spl_set(&numbers.w, key.b, KEY_BYTES, &i, sizeof(i), 0, NULL) != sizeof(i))
			die("no integers");
	}
	work_make(&numbers_w, &numbers, UNIFORM, 2, ALL);
}

static void inline_figures(void)
{
	struct group g = { .name = "get, set, INC" };
	int floor_g = group_subject(&g, "", floor_get, &w);
	int floor_s = group_subject(&g, "", floor_set, &w);
	int get = group_subject(&g, "", data_get, &w);
	int set = group_subject(&g, "", data_set, &w);
	int absent = group_subject(&g, "", data_get_absent, &w);
	int serial = group_subject(&g, "", data_get_serial, &w);
	int loose = group_subject(&g, "", floor_get_loose, &w);
	int cas = group_subject(&g, "", data_get_cas, &w);
	int inc = group_subject(&g, "", data_inc, &numbers_w);
	int many = group_subject(&g, "", data_get_batched, &w);

	group_figure(&g, "get", get, floor_g, COST, 1.1, "floor: lines in turn, copy");
	group_figure(&g, "set", set, floor_s, COST, 1.3, "floor: lines, copy, one CAS");
	group_figure(&g, "get absent", absent, get, COST, 0.8, "get");
	group_figure(&g, "INC", inc, cas, COST, 1.1, "get + a bare 16-byte CAS");
	group_figure(&g, "get, each after the one before", serial, floor_g, COST, 0,
		     "floor: lines in turn, copy");
	group_figure(&g, "floor with all accesses overlapping", loose, floor_g, COST, 0,
		     "floor: lines in turn, copy");
	group_figure(&g, "get_many(16)", many, get, GAIN, 0, "get");
	if (!group_wanted(&g))
		return;
	store_make(&values, KEYS, BYTES, PAGES_LARGE);
	work_make(&w, &values, UNIFORM, 1, ALL);
	work_pairs(&w);
	make_numbers();
	printf("pages:    10 k keys inline: %s\n", values.pages);
	group_run(&g);
	work_drop(&w);
	work_drop(&numbers_w);
	store_drop(&values);
	store_drop(&numbers);
}

/* LMDB: a library in our process as we are. Ours is called through libsplinterk, which is what compares. */
static void lmdb_figures(void)
{
	struct group g = { .name = "LMDB" };
	int ours_g = group_subject(&g, "", library_get, NULL);
	int ours_s = group_subject(&g, "", library_set, NULL);
	int lmdb_g = group_subject(&g, "", lmdb_get, NULL);
	int lmdb_s = group_subject(&g, "", lmdb_set, NULL);

	group_figure(&g, "get (library) vs LMDB", ours_g, lmdb_g, GAIN, 6, "LMDB get");
	group_figure(&g, "set (library) vs LMDB", ours_s, lmdb_s, GAIN, 15, "LMDB put");
	if (!group_wanted(&g))
		return;
	struct library *ours = library_make(&peers_q, KEYS, BYTES);
	struct lmdb *theirs = lmdb_make(&peers_q, KEYS, BYTES);

	g.subjects[ours_g].context = g.subjects[ours_s].context = ours;
	g.subjects[lmdb_g].context = g.subjects[lmdb_s].context = theirs;
	group_run(&g);
	lmdb_drop(theirs);
	library_drop(ours);
}

static void server_figures(enum server which, const char *name)
{
	struct group g = { .name = name };
	int ours_g = group_subject(&g, "", library_get, NULL);
	int ours_s = group_subject(&g, "", library_set, NULL);
	int theirs[4], i;
	struct wire one, many;
	char label[72];
	bool redis = which == REDIS;

	for (i = 0; i < 4; i++) {
		theirs[i] =
			group_subject(&g, "", i % 2 ? wire_set : wire_get, i < 2 ? &one : &many);
		g.subjects[theirs[i]].sleeps = true;
		snprintf(label, sizeof(label), "%s (library) vs %s%s", i % 2 ? "set" : "get", name,
			 i < 2 ? "" : ", pipelined by 16");
		group_figure(&g, label, i % 2 ? ours_s : ours_g, theirs[i], GAIN,
			     redis && i == 0 ? 1000 : 0, name);
	}
	if (!group_wanted(&g))
		return;
	if (cpu_mine() == cpu_other())
		return report_skip(name, "one CPU only");
	struct library *ours = library_make(&peers_q, KEYS, BYTES);
	int fd = server_start(which);

	g.subjects[ours_g].context = g.subjects[ours_s].context = ours;
	wire_make(&one, which, fd, &peers_q, BYTES, 1);
	wire_make(&many, which, fd, &peers_q, BYTES, DEPTH);
	wire_fill(&many, KEYS);
	group_run(&g);
	library_drop(ours);
}

void section_table(void)
{
	/* Sequences are made from a store; this one is only their source. */
	static struct bench_store source;

	inline_figures();
	store_make(&source, KEYS, BYTES, PAGES_LARGE);
	seq_make(&peers_q, &source, UNIFORM, 3, ALL);
	lmdb_figures();
	server_figures(REDIS, "Redis");
	server_figures(MEMCACHED, "memcached");
	seq_drop(&peers_q);
	store_drop(&source);
}
