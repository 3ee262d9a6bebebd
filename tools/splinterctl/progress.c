// SPDX-License-Identifier: MIT
/*
 * progress.c - how far an ingest is, on one line of a terminal; nothing where standard error is none.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
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

/* Cut where the terminal ends: what wraps can't be taken back. */
static void draw(const char *line)
{
	struct winsize size;
	int columns = 80;

	if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		columns = size.ws_col;
	fprintf(stderr, "\r\033[K%.*s", columns - 1, line);
}

/* Called often; draws now and then. @last: what stands there goes away. */
void progress_show(struct ingest *in, bool last)
{
	uint64_t now, taken = in->src->in.taken, total = in->src->in.total;
	unsigned long long records = in->totals.records;
	char bytes[32], eta[32], bar[BAR + 1], line[200];
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
		snprintf(line, sizeof(line), "%s, %llu records, %.0f records/s", bytes, records,
			 (double)records / seconds);
		draw(line);
		return;
	}
	part = (double)taken / (double)total;
	memset(bar, '.', BAR);
	memset(bar, '#', (size_t)(part * BAR));
	bar[BAR] = 0;
	left(eta, sizeof(eta), part > 0 ? seconds / part - seconds : 0);
	snprintf(line, sizeof(line), "[%s] %.0f %%, %s, %llu records, %.0f/s, ETA %s", bar,
		 part * 100, bytes, records, (double)records / seconds, eta);
	draw(line);
}
