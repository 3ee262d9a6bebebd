/* SPDX-License-Identifier: MIT */
/*
 * cmds.h - the subcommands, each in the cmd_*.c of its group, and what several of those files print alike.
 */
#ifndef _CMDS_H
#define _CMDS_H

#include <jansson.h>

#include "ctl.h"

extern const struct ctl_command cmd_init, cmd_stores, cmd_use, cmd_unlink, cmd_destroy; /* stores */
extern const struct ctl_command cmd_chmod, cmd_chown; /* who may open them */
extern const struct ctl_command cmd_info, cmd_geometry, cmd_stats, cmd_caps; /* what there is */
extern const struct ctl_command cmd_check, cmd_reap; /* repair */
extern const struct ctl_command cmd_set, cmd_get, cmd_append, cmd_unset, cmd_exists, cmd_bump;
extern const struct ctl_command cmd_list, cmd_head, cmd_type, cmd_flags, cmd_label;
extern const struct ctl_command cmd_math, cmd_watch;
extern const struct ctl_command cmd_bind, cmd_signal, cmd_feed; /* signals */
extern const struct ctl_command cmd_ingest, cmd_import, cmd_export;
extern const struct ctl_command cmd_channel, cmd_top;
extern const struct ctl_command cmd_help;

/* cmd_info.c */
void out_info_json(json_t *object, const struct splk_info *info);
/* cmd_head.c */
void out_head_json(json_t *object, const struct splk_meta *meta, const struct splk_attr *attr);
void out_labels(uint64_t labels);

/* cmd_key.c */
int take_sign(const struct ctl *ctl, const struct ctl_args *args, uint32_t type, bool *is_signed);

#endif /* _CMDS_H */
