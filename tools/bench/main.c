// SPDX-License-Identifier: MIT
/*
 * main.c - what was asked for, in which order it is measured, and what the exit status says: 0 all bounds met, 1 one was
 * missed, 2 it couldn't be measured.
 */
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

struct settings settings = { .rounds = 31 };

static const char usage[] =
	"usage: splinter-bench [--quick] [--report] [--only REGEX] [--rounds N] [--json FILE]\n"
	"\n"
	"  --quick        about 20 seconds: fewer rounds, no matrix of sizes\n"
	"  --report       a missed bound is reported, but no failure\n"
	"  --only REGEX   the figures whose names match\n"
	"  --rounds N     5 to 201 (31; quick: 9)\n"
	"  --json FILE    the figures as JSON\n"
	"\n"
	"Every figure stands beside its floor (what memory alone asks for) or a peer. Both are measured in turn;\n"
	"a ratio is taken in each round, and the median counts. Times are ns for an operation.\n";

void die(const char *format, ...)
{
	va_list args;

	progress("%s", "");
	fputs("bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
	exit(2);
}

/* One line in place on a terminal, nothing elsewhere; an empty one takes it away. */
void progress(const char *format, ...)
{
	static bool shown;
	char line[80];
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (*line || shown)
		fprintf(stderr, "\r\033[K%s", line);
	shown = *line;
	fflush(stderr);
}

void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("no CPU %d to run on", cpu);
}

/* So that what stands in atexit() is done. */
static void interrupted(int sig)
{
	(void)sig;
	exit(130);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "report", no_argument, NULL, 'r' },
		{ "only", required_argument, NULL, 'o' },
		{ "rounds", required_argument, NULL, 'n' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *json = NULL;
	bool report = false;
	int option, missed, rounds = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'q':
			settings.quick = true;
			break;
		case 'r':
			report = true;
			break;
		case 'o':
			settings.only = optarg;
			break;
		case 'n':
			rounds = atoi(optarg);
			if (rounds < 5 || rounds > ROUNDS_MAX)
				die("--rounds takes 5 to %d", ROUNDS_MAX);
			break;
		case 'j':
			json = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	settings.rounds = rounds ? rounds : settings.quick ? 9 : 31;
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	signal(SIGHUP, interrupted);
	machine_look();
	machine_print(stdout);
	fflush(stdout);
	pin(cpu_mine());

	section_table();
	section_watched();
	section_pair();
	section_channels();
	section_touch();
	section_large();
	section_latency();
	if (!settings.quick)
		section_matrix();
	missed = report_end(json);
	if (missed < 0)
		die("nothing to measure: no figure has such a name");
	return missed && !report;
}
