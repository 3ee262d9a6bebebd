// SPDX-License-Identifier: MIT
/*
 * table.c - all subcommands, in the order in which help lists them; and help itself.
 */
#include <stdio.h>

#include "cmds.h"

static int run_help(struct ctl *ctl, struct ctl_args *args)
{
	const struct ctl_command *command;
	int i;

	(void)ctl;
	if (!args->nr) {
		ctl_help_all();
		return CTL_OK;
	}
	for (i = 0; i < args->nr; i++) {
		command = ctl_find(args->operands[i]);
		if (!command)
			return ctl_unknown(args->operands[i]);
		ctl_help_command(command);
	}
	return CTL_OK;
}

const struct ctl_command cmd_help = {
	.name = "help",
	.group = "Help",
	.usage = "[SUBCOMMAND...]",
	.summary = "this text, or that of subcommands",
	.max = -1,
	.run = run_help,
};

const struct ctl_command *const ctl_commands[] = {
	&cmd_init,   &cmd_stores,  &cmd_use,	&cmd_unlink, &cmd_destroy, &cmd_chmod,
	&cmd_chown,  &cmd_set,	   &cmd_get,	&cmd_append, &cmd_unset,   &cmd_exists,
	&cmd_bump,   &cmd_math,	   &cmd_list,	&cmd_head,   &cmd_info,	   &cmd_geometry,
	&cmd_stats,  &cmd_top,	   &cmd_caps,	&cmd_type,   &cmd_flags,   &cmd_label,
	&cmd_watch,  &cmd_bind,	   &cmd_signal, &cmd_feed,   &cmd_ingest,  &cmd_import,
	&cmd_export, &cmd_channel, &cmd_check,	&cmd_reap,   &cmd_help,	   NULL,
};
