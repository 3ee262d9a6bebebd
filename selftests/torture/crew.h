/* SPDX-License-Identifier: MIT */
/*
 * crew.h - the work in pieces, done by as many processes as there are processors, and a bar that says on a terminal how far it
 * has come. What a piece is, and what came of each, is torture.c's and table.h's.
 */
#ifndef _SELFTESTS_TORTURE_CREW_H
#define _SELFTESTS_TORTURE_CREW_H

#include <sys/prctl.h>
#include <time.h>

#include "table.h"

struct piece {
	int row; /* of the table */
	enum kind kind;
};

static struct piece pieces[NR_ROWS * KIND_COUNT];
static int nr_pieces;

/* Shared by the crew. */
struct crew {
	int next; /* piece; taken by atomic addition */
	int done;
};

static struct crew *crew;

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void __attribute__((noreturn)) crew_work(void (*piece_do)(const struct piece *p))
{
	struct cell *cell;
	double began;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	watch();
	for (;;) {
		i = __atomic_fetch_add(&crew->next, 1, __ATOMIC_RELAXED);
		if (i >= nr_pieces)
			break;
		memset(&tally, 0, sizeof(tally));
		began = now_s();
		piece_do(&pieces[i]);
		cell = &table[pieces[i].row].cell[pieces[i].kind];
		cell->tally = tally;
		cell->seconds = now_s() - began;
		fflush(stdout);
		__atomic_fetch_add(&crew->done, 1, __ATOMIC_RELEASE);
	}
	exit(0);
}

static void bar(double began, bool last)
{
	static const char full[] = "########################################";
	int done = __atomic_load_n(&crew->done, __ATOMIC_ACQUIRE), width = (int)sizeof(full) - 1;
	struct tally t = table_sum();
	double gone = now_s() - began;

	if (!isatty(2))
		return;
	if (last)
		fprintf(stderr, "\r\033[K");
	else
		fprintf(stderr,
			"\r\033[K[%-*.*s] %d of %d parts, %lu stops, %lu kills, %lu failures, %.0f s",
			width, width * done / nr_pieces, full, done, nr_pieces, t.stops, t.kills,
			t.failures, gone);
}

/* All pieces, by @nr processes. Ends the program if one of those can't go on. */
static UNUSED void crew_run(int nr, void (*piece_do)(const struct piece *p))
{
	const struct timespec moment = { .tv_nsec = 100000000 };
	double began = now_s();
	int i, status, bad = 0;
	pid_t pid[CPU_SETSIZE];

	crew = shared_bytes(sizeof(*crew));
	fflush(stdout);
	for (i = 0; i < nr; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			victim_fail("fork");
		if (!pid[i])
			crew_work(piece_do);
	}
	for (i = 0; i < nr && !bad;) {
		bar(began, false);
		if (!waitpid(pid[i], &status, WNOHANG)) {
			nanosleep(&moment, NULL);
			continue;
		}
		pid[i++] = 0;
		bad = status;
	}
	bar(began, true);
	if (!bad)
		return;
	for (i = 0; i < nr; i++)
		if (pid[i])
			kill(pid[i], SIGKILL);
	if (!WIFEXITED(bad))
		die("one of the crew died of signal %d", WTERMSIG(bad));
	exit(WEXITSTATUS(bad));
}

#endif /* _SELFTESTS_TORTURE_CREW_H */
