// SPDX-License-Identifier: MIT
/*
 * progress.c - how far an ingest is, on one line of a terminal; nothing where standard error is none.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ingest.h"
#include "out.h"

#define SHOW_EVERY_NS 100000000ULL
#define BAR 20

uint64_t progress_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool wanted(const struct ingest *in)
{
	return !in->quiet && isatty(STDERR_FILENO);
}

/* Makes room for another line. */
void progress_clear(const struct ingest *in)
{
	if (in->shown_ns && wanted(in))
		fprintf(stderr, "\r\033[K");
}

static void left(char *text, size_t room, double seconds)
{
	unsigned long s = (unsigned long)(seconds + 0.5);

	if (s >= 3600)
		snprintf(text, room, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(text, room, "%lu:%02lu", s / 60, s % 60);
}

/* Called often; draws now and then. @last: what stands there goes away. */
void progress_show(struct ingest *in, bool last)
{
	uint64_t now, taken = in->src->in.taken, total = in->src->in.total;
	char bytes[32], all[32], eta[32], bar[BAR + 1];
	double seconds, part;

	if (!wanted(in))
		return;
	if (last) {
		progress_clear(in);
		return;
	}
	now = progress_now_ns();
	/* The first one comes late, so that what is quick shows none. */
	if (now - (in->shown_ns ? in->shown_ns : in->began_ns) < SHOW_EVERY_NS)
		return;
	in->shown_ns = now;
	seconds = (double)(now - in->began_ns) / 1e9;
	out_bytes(taken, bytes);
	if (!total || taken > total) {
		fprintf(stderr, "\r\033[K%s, %llu records, %.0f records/s", bytes,
			(unsigned long long)in->totals.records,
			(double)in->totals.records / seconds);
		return;
	}
	part = (double)taken / (double)total;
	memset(bar, '.', BAR);
	memset(bar, '#', (size_t)(part * BAR));
	bar[BAR] = 0;
	left(eta, sizeof(eta), part > 0 ? seconds / part - seconds : 0);
	fprintf(stderr, "\r\033[K[%s] %3.0f %%  %s of %s, %llu records, %.0f records/s, ETA %s",
		bar, part * 100, bytes, out_bytes(total, all),
		(unsigned long long)in->totals.records, (double)in->totals.records / seconds, eta);
}
