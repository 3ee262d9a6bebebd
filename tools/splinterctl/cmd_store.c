// SPDX-License-Identifier: MIT
/*
 * cmd_store.c - init, stores, unlink, destroy: stores as things that are made and go away. Which of them a command works
 * on is cmd_use.c's and select.c's.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"
#include "splinter_layout.h"

#define LANES_DEFAULT (16 << 10)
#define VALUE_MAX_DEFAULT 4096

static const struct ctl_opt init_opts[] = {
	{ "lanes", 'l', "N", "keys that it holds at most (16K)" },
	{ "value-max", 'v', "BYTES", "longest value (4K)" },
	{ "key-max", 'k', "BYTES", "longest key (64)" },
	{ "writers", 'w', "N", "threads that may write at one time (64)" },
	{ "spares", 0, "N", "lanes per writer beyond --lanes (4)" },
	{ "watch", 'W', NULL, "keys can be bound to groups (37 bytes for each)" },
	{ "feed", 'f', "N",
	  "changes that each writer keeps for `feed`; a power of two, 128 or more" },
	{ "policy", 'p', "WHERE", "local, bind or interleave (module only)" },
	{ "node", 'n', "N", "NUMA node, for --policy bind (implied)" },
	{ "mode", 'm', "OCTAL", "permission bits, whatever the umask says (0600)" },
	{ "or-open", 'o', NULL, "content with a store that has this geometry already" },
	{ 0 },
};

static int init_policy(const struct ctl *ctl, const struct ctl_args *args, struct spl_geometry *g)
{
	static const char *const names[] = { "local", "bind", "interleave", NULL };
	const char *policy = ctl_opt(args, "policy"), *node = ctl_opt(args, "node");
	uint64_t n;
	int r;

	g->node = -1;
	if (node) {
		r = parse_u64(ctl, "--node", node, INT32_MAX, &n);
		if (r)
			return r;
		g->node = (int32_t)n;
		g->policy = SPL_POLICY_BIND;
	}
	if (!policy)
		return 0;
	for (g->policy = 0; names[g->policy]; g->policy++)
		if (!strcmp(names[g->policy], policy))
			break;
	if (!names[g->policy])
		return ctl_usage(ctl, "--policy is local, bind or interleave, not '%s'", policy);
	if ((g->policy == SPL_POLICY_BIND) != !!node)
		return ctl_usage(ctl, node ? "--node needs --policy bind"
					   : "--policy bind needs --node N");
	return 0;
}

static int init_feed(const struct ctl *ctl, const char *word, struct spl_geometry *g)
{
	uint64_t n;
	int r;

	if (!word)
		return 0;
	r = parse_size(ctl, "--feed", word, SPL_FEED_MAX, &n);
	if (r)
		return r;
	if (n < SPL_FEED_MIN || (n & (n - 1)))
		return ctl_usage(ctl, "--feed is a power of two, %u to %u, not %s", SPL_FEED_MIN,
				 SPL_FEED_MAX, word);
	g->feed = (uint32_t)n;
	return 0;
}

static int init_geometry(const struct ctl *ctl, const struct ctl_args *args, struct spl_geometry *g)
{
	/* The limits of a running module may be lower; it says so itself. */
	const struct {
		const char *name;
		const char *what;
		uint64_t value, max;
	} sizes[] = {
		{ "lanes", "--lanes", LANES_DEFAULT, SPL_LANES_MAX },
		{ "value-max", "--value-max", VALUE_MAX_DEFAULT, SPL_VALUE_MAX },
		{ "key-max", "--key-max", SPL_KEY_MAX_DEFAULT, SPL_KEY_MAX },
		{ "writers", "--writers", SPL_WRITERS_DEFAULT, SPL_WRITERS_MAX },
		{ "spares", "--spares", SPL_SPARES_DEFAULT, SPL_SPARES_MAX },
	};
	const uint64_t mins[] = { 1, SPL_VALUE_MIN, 1, 1, SPL_SPARES_MIN };
	uint64_t got[5];
	int i, r;

	for (i = 0; i < 5; i++) {
		const char *word = ctl_opt(args, sizes[i].name);

		got[i] = sizes[i].value;
		if (!word)
			continue;
		r = parse_size(ctl, sizes[i].what, word, sizes[i].max, &got[i]);
		if (r)
			return r;
		if (got[i] < mins[i])
			return ctl_usage(ctl, "%s is %llu at least", sizes[i].what,
					 (unsigned long long)mins[i]);
	}
	g->lanes = got[0];
	g->value_max = (uint32_t)got[1];
	g->key_max = (uint32_t)got[2];
	g->max_writers = (uint32_t)got[3];
	g->spares = (uint32_t)got[4];
	g->flags = ctl_opt(args, "watch") ? SPL_GEOMETRY_WATCH : 0;
	r = init_feed(ctl, ctl_opt(args, "feed"), g);
	return r ? r : init_policy(ctl, args, g);
}

#define DEFAULT_LIVES \
	"the default store is the module's: it is made when that is loaded, and lives as long"

/* What a store takes, and what there is of it: of memory, or of room in the folder of its file. */
static int init_no_room(const struct ctl *ctl, const char *spec, const struct spl_geometry *g)
{
	struct splk_options device = { .size = sizeof(device), .device = ctl->device };
	struct splk_caps caps = { .size = sizeof(caps) };
	struct spl_info plan = { .geometry = *g };
	char needs[32], has[32], there[96] = "";
	struct statvfs fs;
	char *path;

	spl_layout_plan(&plan);
	out_bytes(plan.map_bytes, needs);
	if (!strncmp(spec, "file:", 5)) {
		path = strdup(spec + 5);
		if (path && !statvfs(dirname(path), &fs))
			snprintf(there, sizeof(there), ", there are %s free",
				 out_bytes(fs.f_bavail * fs.f_frsize, has));
		free(path);
	} else if (!splk_caps(&device, &caps) && !caps.device_error) {
		snprintf(there, sizeof(there), ", the machine has %s%s",
			 out_bytes(caps.module.bytes_max, has),
			 g->policy == SPL_POLICY_BIND ? " on all nodes" : "");
	}
	return ctl_fail(
		ctl, CTL_STORE,
		"store '%s': it needs %s%s; fewer --lanes, a smaller --value-max, or fewer --writers and --spares need less",
		spec, needs, there);
}

/* What is in the way of a new store isn't always one. */
static const char *init_in_the_way(const struct ctl *ctl, const char *spec,
				   char text[CTL_FILE_FAULT + 48])
{
	struct splk_options options = { .size = sizeof(options),
					.device = ctl->device,
					.flags = SPLK_READ_ONLY };
	char fault[CTL_FILE_FAULT];
	struct splk_store *store;
	int r = splk_open(spec, &options, &store);

	if (!r)
		splk_close(store);
	if (r == -EISDIR)
		return "is a folder";
	if (r == -EBADMSG && !strncmp(spec, "file:", 5)) {
		snprintf(text, CTL_FILE_FAULT + 48,
			 "there is a file that is %s; nothing was changed",
			 ctl_file_fault(spec + 5, false, fault));
		return text;
	}
	return "there is such a store; nothing was changed. --or-open accepts it, `unlink` takes it away";
}

/* What only init can get, and what the general message says less well. */
static int init_fail(const struct ctl *ctl, const char *spec, int err, bool or_open,
		     const struct spl_geometry *g)
{
	struct splk_options device = { .size = sizeof(device), .device = ctl->device };
	struct splk_caps caps = { .size = sizeof(caps) };
	const char *what = splk_strerror(err);
	char no_node[64], in_the_way[CTL_FILE_FAULT + 48];

	switch (-err) {
	case EEXIST:
		what = or_open ? "there is one with another geometry (`splinterctl geometry` tells)"
			       : init_in_the_way(ctl, spec, in_the_way);
		break;
	case ENOENT:
		what = "no such folder";
		break;
	case ENODEV:
		/* Either there is no module, or no such node. */
		if (splk_caps(&device, &caps) || caps.device_error)
			return ctl_store_error(ctl, spec, err);
		snprintf(no_node, sizeof(no_node), "there is no NUMA node %d with memory", g->node);
		what = no_node;
		break;
	case ENOMEM:
	case ENOSPC:
		return init_no_room(ctl, spec, g);
	case EOPNOTSUPP:
		what = "a store in a file has neither --policy nor --node";
		break;
	case EINVAL:
		if (strchr(spec, '/') || !strcmp(spec, "file:"))
			return ctl_store_error(ctl, spec, err);
		what = "no such limits, or a name that can't be: 1 to 255 bytes of UTF-8 without '/'";
		break;
	case EOVERFLOW:
		what = "lanes times size is more than can be addressed";
		break;
	default:
		return ctl_store_error(ctl, spec, err);
	}
	return ctl_fail(ctl, CTL_STORE, "store '%s': %s", spec, what);
}

static int init_tell(struct ctl *ctl, const char *spec, struct splk_store *store)
{
	struct splk_info info = { .size = sizeof(info) };
	char bytes[32];
	json_t *o;

	splk_info(store, &info);
	if (!ctl->json) {
		printf("%s: %llu lanes, keys to %u bytes, values to %u bytes, %u writers, "
		       "watch %s, feed %u, %s\n",
		       spec, (unsigned long long)info.geometry.lanes, info.geometry.key_max,
		       info.geometry.value_max, info.geometry.max_writers,
		       info.geometry.flags & SPL_GEOMETRY_WATCH ? "yes" : "no", info.geometry.feed,
		       out_bytes(info.bytes, bytes));
		return 0;
	}
	o = json_object();
	out_json_text(o, "store", spec);
	out_info_json(o, &info);
	return out_json(ctl, o);
}

static int run_init(struct ctl *ctl, struct ctl_args *args)
{
	const char *spec = args->nr ? args->operands[0] : ctl_spec(ctl);
	const char *mode = ctl_opt(args, "mode");
	bool or_open = ctl_opt(args, "or-open");
	struct splk_options options = { .size = sizeof(options), .device = ctl->device };
	struct splk_store *store;
	char *end;
	int r;

	if (!strncmp(spec, "memfd:", 6) || !strncmp(spec, "fd:", 3))
		return ctl_usage(ctl, "'%s' would end with this command; use file:PATH", spec);
	if (ctl_is_default(spec))
		return ctl_fail(ctl, CTL_STORE, DEFAULT_LIVES "; name another to be made");
	options.flags = SPLK_CREATE | (or_open ? 0 : SPLK_EXCL);
	if (mode) {
		options.mode = (uint32_t)strtoul(mode, &end, 8);
		if (*mode < '0' || *mode > '7' || *end || options.mode > 0666 || !options.mode)
			return ctl_usage(ctl, "--mode is octal, 0001 to 0666, not '%s'", mode);
		umask(0); /* as with mkdir -m: who names the bits gets them */
	}
	r = init_geometry(ctl, args, &options.geometry);
	if (r)
		return r;
	r = splk_open(spec, &options, &store);
	if (r)
		return init_fail(ctl, spec, r, or_open, &options.geometry);
	r = init_tell(ctl, spec, store);
	splk_close(store);
	return r;
}

const struct ctl_command cmd_init = {
	.name = "init",
	.group = "Stores",
	.usage = "[SPEC]",
	.summary = "make a store",
	.about =
		"Without SPEC it makes the store that other subcommands would use. All its memory is taken\n"
		"at once. A store that exists is left alone (exit code 3). BYTES and N may end in K, M, G.",
	.opts = init_opts,
	.flags = CTL_JSON | CTL_SPEC,
	.max = 1,
	.run = run_init,
};

struct listing {
	struct ctl *ctl;
	int nr;
};

/* Who may use the default store is who may open the device, whose mode anybody with the right may have changed. */
static unsigned int list_mode(const struct listing *l, const struct spl_store_entry *e)
{
	struct stat st;

	if (!e->name_len && !stat(l->ctl->device ? l->ctl->device : "/dev/splinter", &st))
		return st.st_mode & 0777;
	return e->mode;
}

static int list_store(const struct spl_store_entry *e, void *arg)
{
	struct listing *l = arg;
	char bytes[32], mode[12];
	json_t *o;

	if (l->ctl->json) {
		o = json_object();
		out_json_bytes(o, "name", e->name, e->name_len);
		out_json_u64(o, "store_id", e->store_id);
		out_json_u64(o, "bytes", e->bytes);
		out_json_u64(o, "lanes", e->lanes);
		out_json_u64(o, "handles", e->handles);
		out_json_u64(o, "writers", e->writers);
		out_json_u64(o, "uid", e->uid);
		out_json_u64(o, "gid", e->gid);
		snprintf(mode, sizeof(mode), "%04o", list_mode(l, e));
		out_json_text(o, "mode", mode);
		return out_json(l->ctl, o);
	}
	if (!l->nr++)
		printf("%6s %4s %6s %6s %10s %10s %7s %7s  %s\n", "ID", "MODE", "UID", "GID",
		       "SIZE", "LANES", "HANDLES", "WRITERS", "NAME");
	printf("%6llu %04o %6u %6u %10s %10llu %7u %7u  ", (unsigned long long)e->store_id,
	       list_mode(l, e), e->uid, e->gid, out_bytes(e->bytes, bytes),
	       (unsigned long long)e->lanes, e->handles, e->writers);
	if (e->name_len)
		out_escaped(e->name, e->name_len);
	else
		printf("(default)");
	putchar('\n');
	return 0;
}

static int run_stores(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_options options = { .size = sizeof(options), .device = ctl->device };
	struct listing l = { .ctl = ctl };
	int r = splk_stores(&options, list_store, &l);

	(void)args;
	if (r > 0)
		return r;
	return r ? ctl_device_error(ctl, r) : 0;
}

const struct ctl_command cmd_stores = {
	.name = "stores",
	.group = "Stores",
	.usage = "",
	.summary = "list the module's stores",
	.flags = CTL_JSON | CTL_SPEC,
	.run = run_stores,
};

static int unlink_store(struct ctl *ctl, const char *spec, uint32_t flags)
{
	struct splk_options options = { .size = sizeof(options), .device = ctl->device };
	int r;

	if (ctl_is_default(spec))
		return ctl_fail(ctl, CTL_STORE, DEFAULT_LIVES "; `rmmod splinter` ends it");
	r = splk_unlink(spec, &options, flags);
	if (!r)
		return 0;
	if (r == -ENOENT)
		return ctl_fail(ctl, CTL_STORE, "store '%s': no such store", spec);
	if (r == -EBUSY)
		return ctl_fail(
			ctl, CTL_STORE,
			"store '%s': others have it (`stores` tells how many); `unlink` doesn't wait for them",
			spec);
	if (r == -EOPNOTSUPP)
		return ctl_fail(ctl, CTL_STORE, "store '%s': `unlink` removes a store in a file",
				spec);
	if (r == -EINVAL && strcmp(spec, "file:") != 0 && !strchr(spec, '/'))
		return ctl_usage(ctl, "store '%s': not a name that a store can have", spec);
	return ctl_store_error(ctl, spec, r);
}

static int run_unlink(struct ctl *ctl, struct ctl_args *args)
{
	return unlink_store(ctl, args->operands[0], 0);
}

const struct ctl_command cmd_unlink = {
	.name = "unlink",
	.group = "Stores",
	.usage = "SPEC",
	.summary = "take a store's name away; it ends with its last user",
	.about = "The store must be named: neither SPLINTER_STORE nor `use` is asked.",
	.flags = CTL_SPEC,
	.min = 1,
	.max = 1,
	.run = run_unlink,
};

static int run_destroy(struct ctl *ctl, struct ctl_args *args)
{
	return unlink_store(ctl, args->operands[0], SPLK_DESTROY);
}

const struct ctl_command cmd_destroy = {
	.name = "destroy",
	.group = "Stores",
	.usage = "SPEC",
	.summary = "unlink, only if nobody has the store, so that its memory is free",
	.about = "For stores of the module. The store must be named, as with unlink.",
	.flags = CTL_SPEC,
	.min = 1,
	.max = 1,
	.run = run_destroy,
};
