// SPDX-License-Identifier: MIT
/*
 * cmd_access.c - chmod, chown: who may open a store. What it has now is told by `stores`.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "cmds.h"
#include "parse.h"

static int access_fail(const struct ctl *ctl, const char *spec, int err)
{
	switch (-err) {
	case ENOENT:
		return ctl_fail(ctl, CTL_STORE, "store '%s': no such store", spec);
	case EPERM:
		return ctl_fail(
			ctl, CTL_STORE,
			"store '%s': only its owner may, and to give it to others only root", spec);
	default:
		return ctl_store_error(ctl, spec, err);
	}
}

static int refuse_default(const struct ctl *ctl, const char *spec)
{
	if (!strncmp(spec, "memfd:", 6) || !strncmp(spec, "fd:", 3))
		return ctl_usage(ctl, "'%s' has no name to be opened by", spec);
	if (ctl_is_default(spec))
		return ctl_fail(ctl, CTL_STORE,
				"the default store is open to who may open the device: change %s",
				ctl->device ? ctl->device : "/dev/splinter");
	return 0;
}

static int run_chmod(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_options options = { .size = sizeof(options), .device = ctl->device };
	const char *mode = args->operands[0], *spec = args->operands[1];
	unsigned long bits;
	char *end;
	int r;

	bits = strtoul(mode, &end, 8);
	if (*mode < '0' || *mode > '7' || *end || bits & ~0666UL)
		return ctl_usage(ctl, "the mode is octal, read and write: 0000 to 0666, not '%s'",
				 mode);
	r = refuse_default(ctl, spec);
	if (r)
		return r;
	r = splk_chmod(spec, &options, (uint32_t)bits);
	return r ? access_fail(ctl, spec, r) : 0;
}

const struct ctl_command cmd_chmod = {
	.name = "chmod",
	.group = "Stores",
	.usage = "OCTAL SPEC",
	.summary = "change who may open a store",
	.about = "Who has it open keeps what he has. The store must be named, as with unlink.\n"
		 "The default store is open to who may open the device.",
	.flags = CTL_SPEC,
	.min = 2,
	.max = 2,
	.run = run_chmod,
};

/* A number of an account; one that is made of digits is none of the names. */
static int parse_id(const struct ctl *ctl, const char *word, bool group, uint32_t *id)
{
	const struct passwd *user;
	const struct group *members;
	uint64_t n;
	int r;

	if (word[strspn(word, "0123456789")] == '\0') {
		r = parse_u64(ctl, group ? "the group" : "the owner", word, UINT32_MAX - 1, &n);
		if (!r)
			*id = (uint32_t)n;
		return r;
	}
	if (group) {
		members = getgrnam(word);
		if (!members)
			return ctl_usage(ctl, "there is no group '%s'", word);
		*id = members->gr_gid;
	} else {
		user = getpwnam(word);
		if (!user)
			return ctl_usage(ctl, "there is no user '%s'", word);
		*id = user->pw_uid;
	}
	return 0;
}

static int run_chown(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_options options = { .size = sizeof(options), .device = ctl->device };
	uint32_t uid = SPLK_SAME_ID, gid = SPLK_SAME_ID;
	char *owner = args->operands[0], *group = strchr(owner, ':');
	const char *spec = args->operands[1];
	int r = 0;

	if (group)
		*group++ = '\0';
	if ((!*owner && !group) || (group && !*group))
		return ctl_usage(ctl, "OWNER, OWNER:GROUP or :GROUP, names or numbers");
	if (*owner)
		r = parse_id(ctl, owner, false, &uid);
	if (!r && group)
		r = parse_id(ctl, group, true, &gid);
	if (!r)
		r = refuse_default(ctl, spec);
	if (r)
		return r;
	r = splk_chown(spec, &options, uid, gid);
	return r ? access_fail(ctl, spec, r) : 0;
}

const struct ctl_command cmd_chown = {
	.name = "chown",
	.group = "Stores",
	.usage = "[OWNER][:GROUP] SPEC",
	.summary = "change whose a store is",
	.about =
		"The owner may set a group that he is a member of; all else is root's. Names or numbers.\n"
		"The store must be named, as with unlink.",
	.flags = CTL_SPEC,
	.min = 2,
	.max = 2,
	.run = run_chown,
};
