// SPDX-License-Identifier: MIT
/*
 * frame.c - runs one command line: finds the subcommand, parses, opens the store, runs it, closes. main.c calls it once;
 * a prompt would call it per line.
 */
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "out.h"

const struct ctl_command *ctl_find(const char *name)
{
	const struct ctl_command *const *c;

	for (c = ctl_commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

int ctl_unknown(const char *name)
{
	const char *names[64], *near;
	const struct ctl_command *const *c;
	struct ctl nobody = { 0 };
	int n = 0;

	for (c = ctl_commands; *c && n < 63; c++)
		names[n++] = (*c)->name;
	names[n] = NULL;
	near = ctl_nearest(name, names);
	if (near)
		return ctl_usage(&nobody, "there is no subcommand '%s'; did you mean '%s'?", name,
				 near);
	return ctl_usage(&nobody, "there is no subcommand '%s'", name);
}

/* @argv[0] is the subcommand. Returns the exit code. What the line says of store and output ends with it. */
int ctl_run(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *command = ctl_find(argv[0]);
	const struct ctl before = *ctl;
	struct ctl_args args;
	int r;

	if (!command)
		return ctl_unknown(argv[0]);
	ctl->command = command;
	r = ctl_parse(ctl, command, argc, argv, &args);
	if (r < 0) {
		/* A line with a store of its own leaves alone what is open. */
		if (ctl->spec != before.spec)
			ctl->store = NULL;
		r = command->flags & (CTL_READS | CTL_WRITES)
			    ? ctl_need(ctl, command->flags & CTL_WRITES)
			    : 0;
		if (!r)
			r = command->run(ctl, &args);
		if (ctl->store != before.store)
			splk_close(ctl->store);
	}
	if (out_flush(ctl) && !r)
		r = CTL_INPUT;
	ctl->command = NULL;
	ctl->store = before.store;
	ctl->spec = before.spec;
	ctl->device = before.device;
	ctl->json = before.json;
	return r;
}
