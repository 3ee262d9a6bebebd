// SPDX-License-Identifier: MIT
// selftest-timeout: 600
/*
 * torture.c - P1, P2, P3 at every instruction: leads a process through each operation and stops and kills it at every
 * instruction boundary. See walk.h for one victim, deaths.h for two and for reapers. This file reads the
 * options, goes through the cases and adds up.
 *
 *	torture [--full] [--share N] [--one] [--seed N] [--list]
 *	torture --op NAME [--at N] [--kill | --script NAME [--then N]]		again what failed
 *	torture --op NAME --pair --state N --partner NAME [--at N]
 *	torture --op NAME --reaper --state N [--at N]
 */
#include <getopt.h>
#include <time.h>

#include "deaths.h"
#include "library.h"

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void report(const char *what, const struct tally *before, int states, double began)
{
	if (isatty(2))
		fprintf(stderr, "\r\033[K");
	printf("# %-20s %6lu boundaries %4d states %7lu stops %7lu kills %8lu steps %3lu failures %6.1f s\n",
	       what, tally.boundaries - before->boundaries, states, tally.stops - before->stops,
	       tally.kills - before->kills, tally.steps - before->steps,
	       tally.failures - before->failures, now_s() - began);
	fflush(stdout);
}

/* A replay, or one that asks for a kind, runs that kind only. */
static bool runs(enum kind kind)
{
	return options.only.kind == kind || (options.only.kind == KIND_CASE && !options.replay);
}

static void run_case(struct test_case *c)
{
	static struct states states;
	struct tally before = tally;
	struct model start_model;
	double began = now_s();
	int i;

	if (isatty(2))
		fprintf(stderr, "\r\033[K%s ...", c->name);
	world_make(c->lanes);
	case_fill(c, &start_model);
	walk(c, &start_model, &states);
	report(c->name, &before, states.nr, began);
	if (runs(KIND_PAIR)) {
		before = tally;
		began = now_s();
		pairs(c, &start_model, &states);
		report("  two deaths", &before, states.nr, began);
	}
	if (runs(KIND_REAPER)) {
		before = tally;
		began = now_s();
		reapers(c, &start_model, &states);
		report("  its reaper", &before, states.nr, began);
	}
	for (i = 0; i < states.nr; i++)
		free(states.snap[i]);
	world_drop();
}

static void options_read(int argc, char **argv)
{
	static const struct option known[] = {
		{ "full", no_argument, NULL, 'f' },
		{ "one", no_argument, NULL, '1' },
		{ "share", required_argument, NULL, 'h' },
		{ "seed", required_argument, NULL, 's' },
		{ "list", no_argument, NULL, 'l' },
		{ "op", required_argument, NULL, 'o' },
		{ "at", required_argument, NULL, 'a' },
		{ "kill", no_argument, NULL, 'k' },
		{ "script", required_argument, NULL, 'c' },
		{ "then", required_argument, NULL, 't' },
		{ "pair", no_argument, NULL, 'p' },
		{ "reaper", no_argument, NULL, 'r' },
		{ "library", no_argument, NULL, 'b' },
		{ "state", required_argument, NULL, 'n' },
		{ "partner", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int c, i;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'f':
			options.full = true;
			break;
		case '1':
			options.one = true;
			break;
		case 'h':
			options.share = strtoull(optarg, NULL, 0);
			break;
		case 's':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			for (i = 0; i < NR_CASES; i++)
				printf("%s\n", cases[i].name);
			exit(0);
		case 'o':
			options.only.op = optarg;
			break;
		case 'a':
			options.only.at = strtol(optarg, NULL, 0);
			options.replay = true;
			break;
		case 'k':
			options.only.kill = true;
			break;
		case 'c':
			for (i = 0; i < SCRIPT_COUNT; i++)
				if (!strcmp(optarg, script_names[i]))
					options.only.script = i;
			break;
		case 't':
			options.only.then = strtol(optarg, NULL, 0);
			break;
		case 'p':
			options.only.kind = KIND_PAIR;
			break;
		case 'r':
			options.only.kind = KIND_REAPER;
			break;
		case 'b':
			options.only.kind = KIND_LIBRARY;
			break;
		case 'n':
			options.only.state = atoi(optarg);
			break;
		case 'w':
			options.only.partner = optarg;
			break;
		default:
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	int i, nr = 0;

	options_read(argc, argv);
	if (!options.share)
		options.share = options.full ? 24 : 400;
	covered = calloc(1, (size_t)(&etext - &__executable_start));
	if (!covered)
		die("no memory");
	watch();
	deaths_prepare();
	for (i = 0; i < NR_CASES; i++) {
		if (options.only.op && strcmp(options.only.op, cases[i].name))
			continue;
		run_case(&cases[i]);
		nr++;
	}
	for (i = 0; i < NR_LIBRARY_CASES; i++) {
		struct tally before = tally;
		double began = now_s();
		long len;

		if (options.only.op && strcmp(options.only.op, library_cases[i].name))
			continue;
		len = library_walk(&library_cases[i]);
		report(library_cases[i].name, &before, 0, began);
		printf("#   %ld of its %ld boundaries were not covered\n",
		       len - (long)(tally.boundaries - before.boundaries), len);
		nr++;
	}
	printf("%sok 1 - every instruction\n1..1\n", tally.failures || !nr ? "not " : "");
	printf("torture: %d operations, %lu boundaries, %lu stops, %lu kills, %lu failures\n", nr,
	       tally.boundaries, tally.stops, tally.kills, tally.failures);
	return tally.failures || !nr;
}
