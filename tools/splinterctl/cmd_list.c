// SPDX-License-Identifier: MIT
/*
 * cmd_list.c - list: the keys of a store, all or those that match. Values are cmd_export.c's.
 */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"

static const struct ctl_opt list_opts[] = {
	{ "prefix", 'p', "PREFIX", "keys that begin so" },
	{ "regex", 'r', "REGEX", "keys that an extended regular expression matches somewhere" },
	{ "ignore-case", 'i', NULL, "letters of --regex match in either case" },
	{ "type", 't', "TYPE", "keys of this type" },
	{ "label", 'L', "LABEL", "keys with this label (0 to 63), or all labels of a mask 0x..." },
	{ "long", 'l', NULL, "epoch, length, type, flags, labels and time of change, too" },
	{ "null", '0', NULL, "keys as they are, each ended by a NUL byte" },
	{ "count", 'c', NULL, "only how many" },
	{ 0 },
};

/* What is listed, and how. */
struct list {
	const char *prefix;
	bool has_regex;
	regex_t regex;
	bool has_type;
	uint32_t type;
	uint64_t labels;
	bool details;
	bool null;
	bool count;
	uint64_t nr;
};

static int list_options(struct ctl *ctl, const struct ctl_args *args, struct list *l)
{
	const char *regex = ctl_opt(args, "regex"), *type = ctl_opt(args, "type");
	char *label[] = { (char *)ctl_opt(args, "label"), NULL };
	char message[128];
	int r = 0;

	l->prefix = ctl_opt(args, "prefix");
	l->details = ctl_opt(args, "long") || ctl->json;
	l->null = ctl_opt(args, "null");
	l->count = ctl_opt(args, "count");
	l->has_type = type;
	if (ctl->json + l->null + !!ctl_opt(args, "long") > 1 && !l->count)
		return ctl_usage(ctl, "only one of --json, --null and --long");
	if (type)
		r = parse_type(ctl, type, &l->type);
	if (!r)
		r = parse_labels(ctl, label, &l->labels);
	if (r || !regex)
		return r;
	r = regcomp(&l->regex, regex,
		    REG_EXTENDED | REG_NOSUB | (ctl_opt(args, "ignore-case") ? REG_ICASE : 0));
	if (r) {
		regerror(r, &l->regex, message, sizeof(message));
		return ctl_usage(ctl, "--regex '%s': %s", regex, message);
	}
	l->has_regex = true;
	return 0;
}

/* Keys hold any bytes, so the expression gets their bounds. */
static bool regex_matches(const regex_t *regex, const char *key, size_t klen)
{
	regmatch_t bounds = { .rm_so = 0, .rm_eo = (regoff_t)klen };

	return !regexec(regex, key, 1, &bounds, REG_STARTEND);
}

static void print_long(const char *key, size_t klen, const struct splk_meta *meta,
		       const struct splk_attr *attr)
{
	const char *type = splk_type_name(attr->type);
	char time[64];

	printf("%8llu %10u %-8s 0x%02x 0x%016llx %s  ", (unsigned long long)meta->epoch,
	       meta->value_len, type ? type : "?", attr->user, (unsigned long long)attr->labels,
	       out_time(meta->mtime_ns, time));
	out_escaped(key, klen);
	putchar('\n');
}

static int print_key(struct ctl *ctl, const struct list *l, const char *key, size_t klen,
		     const struct splk_meta *meta, const struct splk_attr *attr)
{
	json_t *o;

	if (ctl->json) {
		o = json_object();
		out_json_bytes(o, "key", key, klen);
		out_head_json(o, meta, attr);
		return out_json(ctl, o);
	}
	if (l->details) {
		print_long(key, klen, meta, attr);
	} else if (l->null) {
		fwrite(key, klen, 1, stdout);
		putchar(0);
	} else {
		out_escaped(key, klen);
		putchar('\n');
	}
	return ferror(stdout) ? ctl_fail(ctl, CTL_INPUT, "standard output: %s", strerror(errno))
			      : 0;
}

static int list_one(struct ctl *ctl, struct list *l, const char *key, size_t klen,
		    const struct splk_meta *meta)
{
	struct splk_attr attr = { 0 };
	int r;

	if (l->has_regex && !regex_matches(&l->regex, key, klen))
		return 0;
	if ((l->details && !l->count) || l->has_type || l->labels) {
		r = splk_attr(ctl->store, key, klen, &attr);
		if (r == -ENOENT)
			return 0; /* it went meanwhile */
		if (r)
			return ctl_error(ctl, r, "key '%s'", out_shown(key, klen));
	}
	if (l->has_type && attr.type != l->type)
		return 0;
	if ((attr.labels & l->labels) != l->labels)
		return 0;
	l->nr++;
	return l->count ? 0 : print_key(ctl, l, key, klen, meta, &attr);
}

static int list_all(struct ctl *ctl, struct list *l)
{
	size_t plen = l->prefix ? strlen(l->prefix) : 0;
	struct splk_meta meta;
	uint64_t cursor = 0;
	char key[SPL_KEY_MAX];
	long klen;
	int r = 0;

	while (!r && (klen = splk_next(ctl->store, &cursor, l->prefix, plen, key, sizeof(key),
				       &meta)) > 0)
		r = list_one(ctl, l, key, (size_t)klen, &meta);
	if (!r && klen < 0)
		r = ctl_error(ctl, klen, "keys");
	return r;
}

static int run_list(struct ctl *ctl, struct ctl_args *args)
{
	struct list l = { 0 };
	json_t *o;
	int r = list_options(ctl, args, &l);

	if (r)
		return r;
	r = list_all(ctl, &l);
	if (l.has_regex)
		regfree(&l.regex);
	if (r || !l.count)
		return r;
	if (!ctl->json) {
		printf("%llu\n", (unsigned long long)l.nr);
		return 0;
	}
	o = json_object();
	out_json_u64(o, "count", l.nr);
	return out_json(ctl, o);
}

const struct ctl_command cmd_list = {
	.name = "list",
	.group = "Looking",
	.usage = "",
	.summary = "list keys: all, or by prefix, regular expression, type, labels",
	.about =
		"In no order. Bytes that aren't printable UTF-8, and backslashes, are shown with a backslash,\n"
		"as --key-escape of the other subcommands reads them. Regular expressions see bytes; their\n"
		"'.' is any byte but NUL. With several conditions, all must hold.",
	.opts = list_opts,
	.flags = CTL_JSON | CTL_READS,
	.run = run_list,
};
