// SPDX-License-Identifier: MIT
/* guest.c - giving up, the clock, and the table, for calls.c and wake.c, which measure. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guest.h"

void die(const char *what)
{
	fprintf(stderr, "bench-guest: %s: %s\n", what, strerror(errno));
	exit(2);
}

double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void print_head(void)
{
	printf("%-32s %12s  %-28s %12s %9s %9s  must\n", "figure", "ns", "peer in the same guest",
	       "ns", "ratio", "min..max");
}

static double median(const double *ns)
{
	double sorted[ROUNDS];

	memcpy(sorted, ns, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(*sorted), compare_doubles);
	return sorted[ROUNDS / 2];
}

bool print_figure(const struct figure *f, const double (*ns)[ROUNDS])
{
	double ratio[ROUNDS];
	bool met;
	int r;

	for (r = 0; r < ROUNDS; r++)
		ratio[r] = ns[f->subject][r] / ns[f->reference][r];
	qsort(ratio, ROUNDS, sizeof(*ratio), compare_doubles);
	met = !f->bound || ratio[ROUNDS / 2] <= f->bound;
	printf("%-32s %12.0f  %-28s %12.0f %9.3f %9.3f..%-8.3f", f->name, median(ns[f->subject]),
	       f->against, median(ns[f->reference]), ratio[ROUNDS / 2], ratio[0],
	       ratio[ROUNDS - 1]);
	if (f->bound)
		printf(" <= %g %s", f->bound, met ? "met" : "MISSED");
	putchar('\n');
	fflush(stdout);
	return met;
}
