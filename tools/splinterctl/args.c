// SPDX-License-Identifier: MIT
/*
 * args.c - options and operands of a subcommand by its table, its help text from the same table, and near misses.
 * getopt_long(3) does the parsing.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static const struct ctl_opt store_opts[] = {
	{ "store", 's', "SPEC", "the store (see `splinterctl help`)" },
	{ "device", 0, "PATH", "the device instead of /dev/splinter" },
	{ 0 },
};

static const struct ctl_opt json_opts[] = {
	{ "json", 'j', NULL, "print JSON" },
	{ 0 },
};

static const struct ctl_opt key_opts[] = {
	{ "key-hex", 'x', NULL, "keys are given as hexadecimal digits" },
	{ "key-escape", 'e', NULL, "keys are given with \\xHH, \\n, \\0, \\\\ ... for bytes" },
	{ 0 },
};

static const struct ctl_opt help_opts[] = {
	{ "help", 'h', NULL, "this text" },
	{ 0 },
};

static int add(const struct ctl_opt **opts, int n, const struct ctl_opt *more)
{
	for (; more && more->name && n < CTL_OPTS_MAX - 1; more++)
		opts[n++] = more;
	opts[n] = NULL;
	return n;
}

/* All options that a subcommand knows, its own first. */
static int all_opts(const struct ctl_command *c, const struct ctl_opt **opts)
{
	int n = add(opts, 0, c->opts);

	if (c->flags & CTL_KEYS)
		n = add(opts, n, key_opts);
	if (c->flags & CTL_JSON)
		n = add(opts, n, json_opts);
	if (c->flags & (CTL_READS | CTL_WRITES | CTL_SPEC))
		n = add(opts, n, store_opts);
	return add(opts, n, help_opts);
}

/* What an option is worth: its argument, "" for one that has none, NULL if it wasn't given. */
const char *ctl_opt(const struct ctl_args *args, const char *name)
{
	int i;

	for (i = 0; i < args->nr_opts; i++)
		if (!strcmp(args->opts[i]->name, name))
			return args->values[i];
	fprintf(stderr, "splinterctl: no option --%s in the table of %s\n", name,
		args->command->name);
	abort();
}

static int complain(const struct ctl *ctl, const struct ctl_args *args, char **argv, int at,
		    int letter, bool missing)
{
	const char *names[CTL_OPTS_MAX + 1], *near;
	const char *word = argv[at - 1];
	char name[64];
	int i;

	if (missing)
		return ctl_usage(ctl, "option '%s' needs an argument", word);
	if (letter)
		return ctl_usage(
			ctl,
			"there is no option '-%c'; put -- before an operand that begins with '-'",
			letter);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (i = 0; i < args->nr_opts; i++) {
		names[i] = args->opts[i]->name;
		if (!strcmp(names[i], name))
			return ctl_usage(ctl, "option --%s takes no argument", name);
	}
	names[i] = NULL;
	near = ctl_nearest(name, names);
	if (near)
		return ctl_usage(ctl, "there is no option --%s; did you mean --%s?", name, near);
	return ctl_usage(ctl, "there is no option --%s", name);
}

static int count_operands(const struct ctl *ctl, const struct ctl_command *c, int nr, char **words)
{
	if (nr < c->min)
		return ctl_usage(ctl, "missing operand: splinterctl %s %s", c->name, c->usage);
	if (c->max >= 0 && nr > c->max)
		return ctl_usage(ctl, "an operand too many: '%s'; usage: splinterctl %s%s%s",
				 words[c->max], c->name, *c->usage ? " " : "", c->usage);
	return 0;
}

/* What the frame does with the options that several subcommands share. */
static int take_shared(struct ctl *ctl, const struct ctl_args *args)
{
	unsigned int flags = args->command->flags;
	const char *value;

	if (flags & (CTL_READS | CTL_WRITES | CTL_SPEC)) {
		value = ctl_opt(args, "store");
		if (value)
			ctl->spec = value;
		value = ctl_opt(args, "device");
		if (value)
			ctl->device = value;
	}
	if ((flags & CTL_JSON) && ctl_opt(args, "json"))
		ctl->json = true;
	if (flags & CTL_KEYS) {
		ctl->key_hex = ctl_opt(args, "key-hex");
		ctl->key_escape = ctl_opt(args, "key-escape");
		if (ctl->key_hex && ctl->key_escape)
			return ctl_usage(ctl, "--key-hex and --key-escape exclude each other");
	}
	return 0;
}

/* Fills @args; -1: go on, otherwise the exit code (help was asked for, or something is wrong). */
int ctl_parse(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv,
	      struct ctl_args *args)
{
	struct option longs[CTL_OPTS_MAX + 1] = { 0 };
	char shorts[2 * CTL_OPTS_MAX + 2] = ":", *s = shorts + 1;
	int i, got, r;

	memset(args, 0, sizeof(*args));
	args->command = command;
	args->nr_opts = all_opts(command, args->opts);
	for (i = 0; i < args->nr_opts; i++) {
		const struct ctl_opt *o = args->opts[i];

		/* 256 + i: apart from any letter */
		longs[i] = (struct option){ o->name, o->arg ? required_argument : no_argument, NULL,
					    256 + i };
		if (o->letter) {
			*s++ = o->letter;
			if (o->arg)
				*s++ = ':';
		}
	}
	optind = 0; /* start anew, also with a second line of one process */
	opterr = 0;
	while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (got == '?' || got == ':')
			return complain(ctl, args, argv, optind, optopt < 256 ? optopt : 0,
					got == ':');
		for (i = 0; got < 256 && i < args->nr_opts; i++)
			if (args->opts[i]->letter == got)
				got = 256 + i;
		args->values[got - 256] = optarg ? optarg : "";
	}
	if (ctl_opt(args, "help")) {
		ctl_help_command(command);
		return CTL_OK;
	}
	args->operands = argv + optind;
	args->nr = argc - optind;
	r = take_shared(ctl, args);
	if (!r)
		r = count_operands(ctl, command, args->nr, args->operands);
	return r ? r : -1;
}

/* Changes of single letters, and swaps of neighbours, between two words. */
static int distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), i, j;
	int d[33][33], best;

	if (n > 32 || m > 32)
		return 99;
	for (i = 0; i <= n; i++)
		d[i][0] = (int)i;
	for (j = 0; j <= m; j++)
		d[0][j] = (int)j;
	for (i = 1; i <= n; i++) {
		for (j = 1; j <= m; j++) {
			best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[n][m];
}

/* The one of @words that is meant, probably; NULL: none is near. */
const char *ctl_nearest(const char *word, const char *const *words)
{
	const char *near = NULL;
	int best = strlen(word) < 4 ? 2 : 3, d;

	for (; *words; words++) {
		d = distance(word, *words);
		if (strlen(word) > 1 && !strncmp(word, *words, strlen(word)))
			d = 0;
		if (d < best) {
			best = d;
			near = *words;
		}
	}
	return near;
}

static void help_opt(const struct ctl_opt *o)
{
	char left[64];

	snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
		 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->arg ? " " : "",
		 o->arg ? o->arg : "");
	printf("  %-26s  %s\n", left, o->help);
}

void ctl_help_command(const struct ctl_command *c)
{
	const struct ctl_opt *opts[CTL_OPTS_MAX];
	int i, n = all_opts(c, opts);

	printf("splinterctl %s%s%s\n%s\n", c->name, *c->usage ? " " : "", c->usage, c->summary);
	if (c->about)
		printf("\n%s\n", c->about);
	printf("\nOptions:\n");
	for (i = 0; i < n; i++)
		help_opt(opts[i]);
}

void ctl_help_all(void)
{
	const struct ctl_command *const *c;
	const char *group = "";

	printf("splinterctl [--store SPEC] [--json] SUBCOMMAND ... - keys and values in shared memory\n");
	for (c = ctl_commands; *c; c++) {
		if (strcmp((*c)->group, group) != 0) {
			group = (*c)->group;
			printf("\n%s\n", group);
		}
		printf("  %-10s  %s\n", (*c)->name, (*c)->summary);
	}
	printf("\n`splinterctl SUBCOMMAND --help` tells the rest; splinterctl(1) has examples.\n"
	       "\nThe store is the first of: --store SPEC, $SPLINTER_STORE, what `use` remembered, the\n"
	       "default store. SPEC: default, NAME or dev:NAME (of the module), file:PATH (no module).\n"
	       "\nExit codes: 0 done; 1 no (no such key, condition not met, time is up, faults found);\n"
	       "2 usage; 3 the store can't be opened, made or used; 4 it can't take this (full, too\n"
	       "long, no integer); 5 bad input, or output that can't be written.\n");
}
