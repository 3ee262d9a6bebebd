/* SPDX-License-Identifier: MIT */
/*
 * table.h - what came of every operation: for a reader at the end of the run, for programs in a file. Which lines of the
 * headers were not seen is lines' to tell, from the addresses in another.
 */
#ifndef _SELFTESTS_TORTURE_TABLE_H
#define _SELFTESTS_TORTURE_TABLE_H

#include "channels.h"
#include "library.h"
#include "twins.h"

#define NR_ROWS (NR_CASES + NR_LIBRARY_CASES + NR_CHANNEL_CASES)

struct cell {
	struct tally tally;
	double seconds;
};

struct row {
	struct cell cell[KIND_COUNT];
};

static struct row *table; /* shared by the crew; each cell written by one of them */

static const char *const kind_names[] = {
	"one", "deaths", "reaper", "twins", "library", "channel"
};
static const char *const kind_units[] = { "boundaries", "second victims", "deaths",
					  "meetings",	"boundaries",	  "boundaries" };

static const char *row_name(int i)
{
	if (i < NR_CASES)
		return cases[i].name;
	i -= NR_CASES;
	return i < NR_LIBRARY_CASES ? library_cases[i].name
				    : channel_cases[i - NR_LIBRARY_CASES].name;
}

/* Has this row work of this kind? */
static UNUSED bool row_has(int i, enum kind kind)
{
	if (kind == KIND_LIBRARY)
		return i >= NR_CASES && i < NR_CASES + NR_LIBRARY_CASES;
	return kind == KIND_CHANNEL ? i >= NR_CASES + NR_LIBRARY_CASES : i < NR_CASES;
}

static void tally_add(struct tally *sum, const struct tally *t)
{
	sum->boundaries += t->boundaries;
	sum->all += t->all;
	sum->lost += t->lost;
	sum->runs += t->runs;
	sum->runs_all += t->runs_all;
	sum->steps += t->steps;
	sum->stops += t->stops;
	sum->kills += t->kills;
	sum->failures += t->failures;
}

static struct tally row_sum(const struct row *row)
{
	struct tally sum = { 0 };
	int k;

	for (k = 0; k < KIND_COUNT; k++)
		tally_add(&sum, &row->cell[k].tally);
	return sum;
}

static UNUSED struct tally table_sum(void)
{
	struct tally sum = { 0 }, t;
	int i;

	for (i = 0; i < NR_ROWS; i++) {
		t = row_sum(&table[i]);
		tally_add(&sum, &t);
	}
	return sum;
}

/* What was left out of one kind, and why. */
static int missing(char *buf, size_t cap, enum kind kind, const struct tally *t)
{
	unsigned long drawn = t->all - t->boundaries - t->lost, runs = t->runs_all - t->runs;
	int n = 0;

	if (!drawn && !runs && !t->lost)
		return 0;
	n += snprintf(buf + n, cap - (size_t)n, "; %s:", kind_names[kind]);
	if (runs)
		n += snprintf(buf + n, cap - (size_t)n, " %lu of %lu %s not drawn", runs,
			      t->runs_all, kind == KIND_TWINS ? "first stops" : kind_units[kind]);
	if (drawn)
		n += snprintf(buf + n, cap - (size_t)n, "%s %lu of %lu %s not drawn",
			      runs ? "," : "", drawn, t->all, kind_units[kind]);
	if (t->lost)
		n += snprintf(buf + n, cap - (size_t)n, "%s %lu of %lu %s not found again",
			      runs || drawn ? "," : "", t->lost, t->all, kind_units[kind]);
	return n;
}

static void print_row(const char *name, const struct tally *t, const char *why)
{
	printf("# %-20s %10lu %9lu %8lu %8lu  %s\n", name, t->boundaries, t->stops, t->kills,
	       t->all - t->boundaries, why);
}

/* After failures only the operations that failed: who reads that looks for those. */
static UNUSED void table_print(void)
{
	struct tally sum = table_sum(), t;
	double seconds;
	char why[512];
	int i, k, n;

	printf("# %-20s %10s %9s %8s %8s  %s\n", "operation", "boundaries", "stops", "kills", "not",
	       "why not");
	for (i = 0; i < NR_ROWS; i++) {
		t = row_sum(&table[i]);
		if (!t.boundaries || (sum.failures && !t.failures))
			continue;
		why[0] = 0;
		for (n = 0, k = 0; k < KIND_COUNT; k++)
			n += missing(why + n, sizeof(why) - (size_t)n, k, &table[i].cell[k].tally);
		print_row(row_name(i), &t, n ? why + 2 : "");
	}
	for (k = 0; k < KIND_COUNT; k++) {
		memset(&t, 0, sizeof(t));
		seconds = 0;
		for (i = 0; i < NR_ROWS; i++) {
			tally_add(&t, &table[i].cell[k].tally);
			seconds += table[i].cell[k].seconds;
		}
		snprintf(why, sizeof(why), "%lu of %lu runs, %.0f s", t.runs, t.runs_all, seconds);
		if (t.boundaries)
			print_row(kind_names[k], &t, why);
	}
}

/* One line for each operation and kind, fields separated by tabs; the first line names them. */
static UNUSED void table_write(const char *path)
{
	FILE *f = fopen(path, "w");
	int i, k;

	if (!f)
		die("%s: %s", path, strerror(errno));
	fprintf(f,
		"operation\tkind\tboundaries\tof\tlost\truns\truns_of\tsteps\tstops\tkills\tfailures\t"
		"seconds\n");
	for (i = 0; i < NR_ROWS; i++) {
		for (k = 0; k < KIND_COUNT; k++) {
			const struct cell *c = &table[i].cell[k];
			const struct tally *t = &c->tally;

			if (t->all || t->runs_all)
				fprintf(f,
					"%s\t%s\t%lu\t%lu\t%lu\t%lu\t%lu\t%lu\t%lu\t%lu\t%lu\t%.2f\n",
					row_name(i), kind_names[k], t->boundaries, t->all, t->lost,
					t->runs, t->runs_all, t->steps, t->stops, t->kills,
					t->failures, c->seconds);
		}
	}
	if (fclose(f))
		die("%s: %s", path, strerror(errno));
}

/* Addresses of instructions that victims were led through, in the program's file. */
static UNUSED void addresses_write(const char *path)
{
	FILE *f = fopen(path, "w");
	long i;

	for (i = 0; f && i < &etext - &__executable_start; i++)
		if (covered[i])
			fprintf(f, "%#lx\n", i);
	if (!f || fclose(f))
		die("%s: %s", path, strerror(errno));
}

#endif /* _SELFTESTS_TORTURE_TABLE_H */
