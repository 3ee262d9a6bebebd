// SPDX-License-Identifier: MIT
/*
 * cmd_use.c - use: remembers which store is meant where none is named. select.c reads it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmds.h"
#include "out.h"

static const struct ctl_opt use_opts[] = {
	{ "clear", 'c', NULL, "forget it" },
	{ 0 },
};

static int make_folders(char *path)
{
	char *slash;
	int r = 0;

	for (slash = strchr(path + 1, '/'); slash && !r; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		r = mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
		*slash = '/';
	}
	return r;
}

/* Whole or not at all: written beside, then renamed. */
static int write_file(const char *path, const char *line)
{
	char *beside = NULL;
	FILE *f;
	int r = 0;

	if (asprintf(&beside, "%s.%d", path, (int)getpid()) < 0)
		return -ENOMEM;
	f = fopen(beside, "we");
	if (!f || fprintf(f, "%s\n", line) < 0)
		r = -errno;
	if (f && fclose(f) && !r)
		r = -errno;
	if (!r && rename(beside, path))
		r = -errno;
	if (r)
		unlink(beside);
	free(beside);
	return r;
}

/* A file that is remembered must be found from every folder. */
static char *absolute(const char *spec)
{
	char *whole = NULL, *cwd;

	if (strncmp(spec, "file:", 5) || spec[5] == '/')
		return strdup(spec);
	cwd = getcwd(NULL, 0);
	if (!cwd || asprintf(&whole, "file:%s/%s", cwd, spec + 5) < 0)
		whole = NULL;
	free(cwd);
	return whole;
}

static int tell(struct ctl *ctl)
{
	const char *spec = ctl_spec(ctl), *from;
	json_t *o;

	from = ctl->spec_from ? ctl->spec_from : ctl->spec ? "--store" : "nothing else was said";

	if (!ctl->json) {
		printf("%s (%s)\n", spec, from);
		return 0;
	}
	o = json_object();
	out_json_text(o, "store", spec);
	out_json_text(o, "from", from);
	return out_json(ctl, o);
}

static int remember(struct ctl *ctl, const char *path, const char *spec)
{
	struct splk_store *store;
	char *whole;
	int r;

	if (strchr(spec, '\n') || !*spec)
		return ctl_usage(ctl, "a store's name has no line breaks, and at least one byte");
	r = ctl_open(ctl, spec, false, &store);
	if (r)
		return r;
	splk_close(store);
	whole = absolute(spec);
	r = whole ? write_file(path, whole) : -errno;
	free(whole);
	return r ? ctl_fail(ctl, CTL_INPUT, "%s: %s", path, strerror(-r)) : 0;
}

static int run_use(struct ctl *ctl, struct ctl_args *args)
{
	bool clear = ctl_opt(args, "clear");
	char *path;
	int r;

	if (!clear && !args->nr)
		return tell(ctl);
	if (clear && args->nr)
		return ctl_usage(ctl, "--clear or a store, not both");
	path = ctl_remembered_path();
	if (!path)
		return ctl_fail(ctl, CTL_INPUT,
				"nowhere to remember it: neither HOME nor XDG_CONFIG_HOME is set");
	r = make_folders(path);
	if (r && !clear)
		r = ctl_fail(ctl, CTL_INPUT, "%s: %s", path, strerror(-r));
	else if (!clear)
		r = remember(ctl, path, args->operands[0]);
	else if (unlink(path) && errno != ENOENT)
		r = ctl_fail(ctl, CTL_INPUT, "%s: %s", path, strerror(errno));
	else
		r = 0;
	free(path);
	return r;
}

const struct ctl_command cmd_use = {
	.name = "use",
	.group = "Stores",
	.usage = "[SPEC]",
	.summary = "remember a store for the next commands, or tell which one is used",
	.about = "Kept in $XDG_CONFIG_HOME/splinter/store (~/.config/splinter/store), one line.\n"
		 "--store and $SPLINTER_STORE go before it.",
	.opts = use_opts,
	.flags = CTL_JSON | CTL_SPEC,
	.max = 1,
	.run = run_use,
};
