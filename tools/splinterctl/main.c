// SPDX-License-Identifier: MIT
/*
 * main.c - the options that may stand before the subcommand; the rest of the line is frame.c's.
 */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl.h"
#include "out.h"

static const struct option options[] = {
	{ "store", required_argument, NULL, 's' }, { "device", required_argument, NULL, 'd' },
	{ "json", no_argument, NULL, 'j' },	   { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },	   { 0 },
};

int main(int argc, char **argv)
{
	struct ctl ctl = { 0 };
	int got, r;

	/* Times are local; keys and regular expressions are bytes, whatever the locale. */
	setlocale(LC_TIME, "");
	/* A reader that leaves early (head) ends this silently. */
	signal(SIGPIPE, SIG_DFL);
	while ((got = getopt_long(argc, argv, "+s:jhV", options, NULL)) != -1) {
		switch (got) {
		case 's':
			ctl.spec = optarg;
			break;
		case 'd':
			ctl.device = optarg;
			break;
		case 'j':
			ctl.json = true;
			break;
		case 'h':
			ctl_help_all();
			return out_flush(&ctl);
		case 'V':
			printf("splinterctl %u.%u\n", splk_version() >> 16,
			       splk_version() & 0xffff);
			return out_flush(&ctl);
		default:
			fprintf(stderr, "Try: splinterctl help\n");
			return CTL_USAGE;
		}
	}
	if (optind == argc) {
		fprintf(stderr, "splinterctl: which subcommand?\nTry: splinterctl help\n");
		return CTL_USAGE;
	}
	ctl_guard(&ctl);
	r = ctl_run(&ctl, argc - optind, argv + optind);
	free(ctl.spec_found);
	return r;
}
