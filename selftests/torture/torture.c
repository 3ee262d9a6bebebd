// SPDX-License-Identifier: MIT
// selftest-timeout: 600
/*
 * torture.c - P1, P2, P3 at every instruction: leads a process through each operation and stops and kills it at every
 * instruction boundary. See walk.h for one victim, deaths.h for two deaths and for reapers, twins.h for two that
 * are alive. This file reads the options and says which pieces of work there are; --help tells how to use it.
 */
#include <getopt.h>

#include "crew.h"

static const char help[] =
	"torture [--full] [--op NAME] ...\n"
	"\n"
	"Leads a process through every operation, instruction by instruction; at each boundary it is stopped while others\n"
	"work, and killed. The last line says what came of it; the exit status is 0 if nothing failed.\n"
	"\n"
	"  --full            all that is drawn otherwise, and closer twins: some minutes\n"
	"  --op NAME         one operation (--list: their names)\n"
	"  --deaths          only: a second process dies where the first has died in the middle of its operation\n"
	"  --reaper          only: the repair is stopped and killed\n"
	"  --twins           only: two live processes in the middle of operations on one key\n"
	"  --partner NAME    what the second process does\n"
	"  --first N         twins: every N-th access to the store of the first process,\n"
	"  --every N         and every N-th of the second\n"
	"  --share N         one victim in N is led on through a store that others have changed\n"
	"  --seed N          what is drawn\n"
	"  --limit N         seconds after which somebody waits (20)\n"
	"  --one             ends at the first failure\n"
	"  --jobs N          processes (as many as there are processors)\n"
	"  --coverage FILE   what was covered, for programs; addresses of instructions go to FILE.code\n"
	"\n"
	"A failure says how to run it again:\n"
	"  torture --op NAME --at N [--kill | --script NAME [--then N]]\n"
	"  torture --op NAME --deaths --state N --partner NAME --at N\n"
	"  torture --op NAME --reaper --state N --at N\n"
	"  torture --op NAME --twins --partner NAME --state N --at N [--then N]\n"
	"  torture --op NAME --at N [--kill]	for operations of the library and of channels\n";

static const char *coverage;
static int jobs;

/* A replay, or one that asks for a kind, runs that kind only. */
static bool runs(enum kind kind)
{
	return options.only.kind == kind || (options.only.kind == KIND_CASE && !options.replay);
}

static void case_do(struct test_case *c, enum kind kind)
{
	static struct states states;
	struct model start_model;
	int i;

	world_make(c->lanes);
	case_fill(c, &start_model);
	walk(c, &start_model, &states, kind == KIND_CASE);
	if (kind == KIND_PAIR)
		pairs(c, &start_model, &states);
	if (kind == KIND_REAPER)
		reapers(c, &start_model, &states);
	if (kind == KIND_TWINS)
		twins(c, &start_model, &states);
	for (i = 0; i < states.nr; i++)
		free(states.snap[i]);
	world_drop();
}

static void piece_do(const struct piece *p)
{
	if (p->kind == KIND_CHANNEL)
		channel_walk(&channel_cases[p->row - NR_CASES - NR_LIBRARY_CASES]);
	else if (p->kind == KIND_LIBRARY)
		library_walk(&library_cases[p->row - NR_CASES]);
	else
		case_do(&cases[p->row], p->kind);
}

/* Kinds with short pieces come last, so that nobody of the crew is left with a long one. How many operations there are. */
static int make_pieces(void)
{
	static const enum kind order[] = { KIND_TWINS,	KIND_CASE,    KIND_PAIR,
					   KIND_REAPER, KIND_LIBRARY, KIND_CHANNEL };
	int i, k, nr = 0;

	for (i = 0; i < NR_ROWS; i++)
		nr += !options.only.op || !strcmp(options.only.op, row_name(i));
	for (k = 0; k < KIND_COUNT; k++)
		for (i = 0; i < NR_ROWS; i++)
			if (row_has(i, order[k]) && (i >= NR_CASES || runs(order[k])) &&
			    (!options.only.op || !strcmp(options.only.op, row_name(i))))
				pieces[nr_pieces++] = (struct piece){ i, order[k] };
	return nr;
}

static int named(const char *name, const char *const *names, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(name, names[i]))
			return i;
	fprintf(stderr, "torture: there is no %s\n", name);
	exit(2);
}

static void list(void)
{
	int i;

	for (i = 0; i < NR_ROWS; i++)
		printf("%s\n", row_name(i));
	exit(0);
}

static void options_read(int argc, char **argv)
{
	static const struct option known[] = {
		{ "help", no_argument, NULL, '?' + 256 },
		{ "full", no_argument, NULL, 'f' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "coverage", required_argument, NULL, 'v' },
		{ "first", required_argument, NULL, 'i' },
		{ "every", required_argument, NULL, 'e' },
		{ "one", no_argument, NULL, '1' },
		{ "limit", required_argument, NULL, 'm' },
		{ "share", required_argument, NULL, 'h' },
		{ "seed", required_argument, NULL, 's' },
		{ "list", no_argument, NULL, 'l' },
		{ "op", required_argument, NULL, 'o' },
		{ "at", required_argument, NULL, 'a' },
		{ "kill", no_argument, NULL, 'k' },
		{ "script", required_argument, NULL, 'c' },
		{ "then", required_argument, NULL, 't' },
		{ "deaths", no_argument, NULL, 'p' },
		{ "reaper", no_argument, NULL, 'r' },
		{ "twins", no_argument, NULL, '2' },
		{ "state", required_argument, NULL, 'n' },
		{ "partner", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case '?' + 256:
			fputs(help, stdout);
			exit(0);
		case 'j':
			jobs = atoi(optarg);
			break;
		case 'v':
			coverage = optarg;
			break;
		case 'i':
			options.first = strtol(optarg, NULL, 0);
			break;
		case 'e':
			options.every = strtol(optarg, NULL, 0);
			break;
		case 'f':
			options.full = true;
			break;
		case 'm':
			options.limit = atoi(optarg);
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
			list();
			break;
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
			options.only.script = named(optarg, script_names, SCRIPT_COUNT);
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
		case '2':
			options.only.kind = KIND_TWINS;
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

static void defaults(void)
{
	cpu_set_t set;

	if (!options.share)
		options.share = options.full ? 64 : 400;
	if (options.first <= 0)
		options.first = options.full ? 1 : 16;
	if (options.every <= 0)
		options.every = 8;
	if (jobs <= 0)
		jobs = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
	if (options.one)
		jobs = 1;
	if (jobs > CPU_SETSIZE)
		jobs = CPU_SETSIZE;
}

int main(int argc, char **argv)
{
	struct tally sum;
	char code[4096];
	int nr;

	options_read(argc, argv);
	defaults();
	covered = shared_bytes((size_t)(&etext - &__executable_start));
	table = shared_bytes(NR_ROWS * sizeof(*table));
	deaths_prepare();
	nr = make_pieces();
	if (nr_pieces)
		crew_run(jobs < nr_pieces ? jobs : nr_pieces, piece_do);
	sum = table_sum();
	table_print();
	if (coverage) {
		table_write(coverage);
		snprintf(code, sizeof(code), "%s.code", coverage);
		addresses_write(code);
	}
	printf("%sok 1 - every instruction\n1..1\n", sum.failures || !nr ? "not " : "");
	printf("torture: %d operations, %lu boundaries, %lu stops, %lu kills, %lu failures\n", nr,
	       sum.boundaries, sum.stops, sum.kills, sum.failures);
	return sum.failures || !nr;
}
