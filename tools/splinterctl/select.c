// SPDX-License-Identifier: MIT
/*
 * select.c - which store a command works on: --store, then $SPLINTER_STORE, then what `use` remembered, then the default
 * store; and opening it with a message that says what to do if that fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"
#include "out.h"
#include "splinter_channel.h"
#include "splinter_layout.h"

/* Where `use` remembers; to be freed. NULL: there is no home. */
char *ctl_remembered_path(void)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int r;

	if (base && *base == '/')
		r = asprintf(&path, "%s/splinter/store", base);
	else if (home && *home)
		r = asprintf(&path, "%s/.config/splinter/store", home);
	else
		return NULL;
	return r < 0 ? NULL : path;
}

static char *remembered(void)
{
	char *path = ctl_remembered_path(), *line = NULL;
	FILE *f = path ? fopen(path, "re") : NULL;
	size_t room = 0;
	ssize_t len = -1;

	if (f) {
		len = getline(&line, &room, f);
		fclose(f);
	}
	free(path);
	if (len > 0 && line[len - 1] == '\n')
		line[--len] = 0;
	if (len <= 0) {
		free(line);
		return NULL;
	}
	return line;
}

const char *ctl_spec(struct ctl *ctl)
{
	const char *env = getenv("SPLINTER_STORE");

	if (ctl->spec) {
		ctl->spec_from = NULL;
		return ctl->spec;
	}
	if (env && *env) {
		ctl->spec_from = "$SPLINTER_STORE";
		return env;
	}
	free(ctl->spec_found);
	ctl->spec_found = remembered();
	ctl->spec_from = ctl->spec_found ? "`splinterctl use`" : NULL;
	return ctl->spec_found ? ctl->spec_found : "default";
}

bool ctl_is_default(const char *spec)
{
	return !*spec || !strcmp(spec, "default");
}

/* What -ENODEV says of the device. */
const char *ctl_no_device(const struct ctl *ctl, char text[CTL_NO_DEVICE])
{
	const char *path = ctl->device ? ctl->device : "/dev/splinter";

	snprintf(text, CTL_NO_DEVICE,
		 access(path, F_OK) ? "there is no %s" : "%s is not the module's device", path);
	return text;
}

/* The device itself can't be opened. */
int ctl_device_error(const struct ctl *ctl, int err)
{
	const char *path = ctl->device ? ctl->device : "/dev/splinter";
	char text[CTL_NO_DEVICE];
	struct stat st;

	if (err == -ENODEV)
		return ctl_fail(ctl, CTL_STORE, "%s; load the module (modprobe splinter)",
				ctl_no_device(ctl, text));
	if ((err == -EACCES || err == -EPERM) && !stat(path, &st))
		return ctl_fail(
			ctl, CTL_STORE,
			"%s (mode %04o, uid %u, gid %u): permission denied; the module's parameters mode and gid set that",
			path, st.st_mode & 0777, st.st_uid, st.st_gid);
	return ctl_fail(ctl, CTL_STORE, "%s: %s", path, splk_strerror(err));
}

/*
 * What the file is that was refused as a store, or with @channel as a channel: "no store", for one. It is looked at again,
 * only to tell people more.
 */
const char *ctl_file_fault(const char *path, bool channel, char text[CTL_FILE_FAULT])
{
	const char *self = channel ? "channel" : "store", *other = channel ? "store" : "channel";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	union {
		uint64_t magic;
		struct spl_info store;
		struct spl_channel_info channel;
	} page = { 0 };
	uint64_t bytes;
	struct stat st;
	char is[32], was[32];

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    pread(fd, &page, sizeof(page), 0) < 0)
		page.magic = 0;
	if (fd >= 0)
		close(fd);
	bytes = channel ? page.channel.map_bytes : page.store.map_bytes;
	if (page.magic == (channel ? SPL_MAGIC : SPL_CHANNEL_MAGIC))
		snprintf(text, CTL_FILE_FAULT, "a %s, no %s", other, self);
	else if (page.magic != (channel ? SPL_CHANNEL_MAGIC : SPL_MAGIC))
		snprintf(text, CTL_FILE_FAULT, "no %s", self);
	else if ((uint64_t)st.st_size < bytes || !bytes)
		snprintf(text, CTL_FILE_FAULT, "a %s that was cut: %s of %s are there", self,
			 out_bytes((uint64_t)st.st_size, is),
			 bytes ? out_bytes(bytes, was) : "its first page");
	else
		snprintf(text, CTL_FILE_FAULT, "a damaged %s", self);
	return text;
}

/* A specification that names no store of any kind; probably a file is meant. Returns the exit code, or 0. */
static int spec_error(const struct ctl *ctl, const char *spec)
{
	const char *path = strchr(spec, '/');

	if (!strcmp(spec, "file:"))
		return ctl_fail(ctl, CTL_STORE, "file: needs a path");
	if (!path || !strncmp(spec, "file:", 5))
		return 0;
	if (!strncmp(spec, "dev:", 4))
		return ctl_fail(ctl, CTL_STORE, "store '%s': a name has no '/'", spec);
	/* What stands before a path is a slip in "file:", or the folder that it begins with. */
	return ctl_fail(ctl, CTL_STORE, "store '%s': a name has no '/'; did you mean file:%s?",
			spec, path > spec && path[-1] == ':' ? path : spec);
}

/* Says what an error of a whole store means and what to do; returns the exit code. */
int ctl_store_error(const struct ctl *ctl, const char *spec, int err)
{
	bool file = !strncmp(spec, "file:", 5), preset = ctl_is_default(spec);
	const char *what = splk_strerror(err), *advice = "";
	char text[CTL_NO_DEVICE], fault[CTL_FILE_FAULT], refused[CTL_FILE_FAULT + 40];
	int r = spec_error(ctl, spec);

	if (r)
		return r;
	switch (-err) {
	case ENODEV:
		what = ctl_no_device(ctl, text);
		advice =
			"load the module (modprobe splinter), or use a store in a file (file:PATH)";
		break;
	case ENOENT:
		what = "no such store";
		advice =
			preset ? "the module was loaded without one (default_store=0): name another with --store"
			: file ? "`splinterctl init SPEC` makes it"
			       : "`splinterctl init SPEC` makes it, `splinterctl stores` lists others";
		break;
	case EEXIST:
		what = "there is such a store already; it was left as it is";
		break;
	case EACCES:
	case EPERM:
		what = file ? "the mode of the file or its folder forbids it"
			    : "the mode of the store or of the device forbids it";
		break;
	case EBADMSG:
		snprintf(refused, sizeof(refused), "this is %s; it was left as it is",
			 file ? ctl_file_fault(spec + 5, false, fault) : "a damaged store");
		what = refused;
		break;
	case EPROTONOSUPPORT:
		what = "it was made by a newer version than this splinterctl";
		break;
	default:
		break;
	}
	return ctl_fail(ctl, CTL_STORE, "store '%s'%s%s%s: %s%s%s", spec,
			ctl->spec_from ? " (from " : "", ctl->spec_from ? ctl->spec_from : "",
			ctl->spec_from ? ")" : "", what, *advice ? "; " : "", advice);
}

int ctl_open(struct ctl *ctl, const char *spec, bool writes, struct splk_store **store)
{
	struct splk_options options = { .size = sizeof(options), .device = ctl->device };
	int r;

	if (!strncmp(spec, "memfd:", 6))
		return ctl_usage(
			ctl,
			"a store in a memfd: ends with the command that made it; use file:PATH");
	options.flags = writes ? 0 : SPLK_READ_ONLY;
	r = splk_open(spec, &options, store);
	return r ? ctl_store_error(ctl, spec, r) : 0;
}

/* For subcommands that learn only from their operands whether they write: opens what ctl_spec() says, if nothing is. */
int ctl_need(struct ctl *ctl, bool writes)
{
	return ctl->store ? 0 : ctl_open(ctl, ctl_spec(ctl), writes, &ctl->store);
}

/* To sleep in an embedded store one writes to it; a handle of the module needs no more than reading. */
int ctl_need_sleep(struct ctl *ctl, bool sleeps)
{
	struct splk_options options = { .size = sizeof(options) };
	const char *spec = ctl_spec(ctl);
	int r;

	if (ctl->store || !sleeps || strncmp(spec, "file:", 5) != 0)
		return ctl_need(ctl, false);
	r = splk_open(spec, &options, &ctl->store);
	if (r != -EACCES && r != -EPERM && r != -EROFS)
		return r ? ctl_store_error(ctl, spec, r) : 0;
	/* If reading is forbidden, too, that is what is said. */
	r = ctl_need(ctl, false);
	return r ? r
		 : ctl_fail(ctl, CTL_STORE,
			    "store '%s': it may be read, but to sleep on a store in a file takes "
			    "permission to write it",
			    spec);
}
