// SPDX-License-Identifier: MIT
/*
 * cmd_export.c - export: keys with values and attributes as JSON lines, which import reads back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmds.h"
#include "out.h"

static const struct ctl_opt export_opts[] = {
	{ "prefix", 'p', "PREFIX", "keys that begin so" },
	{ "meta", 'm', NULL, "epoch, length and times, too (import passes over them)" },
	{ 0 },
};

static int export_key(struct ctl *ctl, const char *key, size_t klen, bool all)
{
	struct splk_attr attr = { 0 };
	struct splk_meta meta;
	const char *type;
	void *value;
	json_t *o;
	long n;

	do
		n = splk_get_alloc(ctl->store, key, klen, &value, &meta);
	while (n == -EAGAIN);
	if (n == -ENOENT)
		return 0; /* it went meanwhile */
	if (n < 0)
		return ctl_error(ctl, n, "key '%s'", out_shown(key, klen));
	splk_attr(ctl->store, key, klen, &attr);
	o = json_object();
	out_json_bytes(o, "key", key, klen);
	out_json_bytes(o, "value", value, (size_t)n);
	free(value);
	if (all) {
		out_head_json(o, &meta, &attr);
		return out_json(ctl, o);
	}
	type = splk_type_name(attr.type);
	if (attr.type && type)
		out_json_text(o, "type", type);
	if (attr.user)
		out_json_u64(o, "flags", attr.user);
	if (attr.labels)
		out_json_hex(o, "labels", attr.labels);
	return out_json(ctl, o);
}

static int run_export(struct ctl *ctl, struct ctl_args *args)
{
	const char *prefix = ctl_opt(args, "prefix");
	bool all = ctl_opt(args, "meta");
	char key[SPL_KEY_MAX];
	uint64_t cursor = 0;
	long klen;
	int r = 0;

	while (!r && (klen = splk_next(ctl->store, &cursor, prefix, prefix ? strlen(prefix) : 0,
				       key, sizeof(key), NULL)) > 0)
		r = export_key(ctl, key, (size_t)klen, all);
	if (!r && klen < 0)
		r = ctl_error(ctl, klen, "keys");
	return r;
}

const struct ctl_command cmd_export = {
	.name = "export",
	.group = "In bulk",
	.usage = "",
	.summary = "write keys, values and attributes to standard output as JSON lines",
	.about =
		"A key or value that isn't UTF-8 stands in base64, in key_base64 or value_base64. type, flags\n"
		"and labels are left out where there are none. Each value is whole; all together are not of\n"
		"one instant if others write meanwhile.",
	.opts = export_opts,
	.flags = CTL_JSON | CTL_READS,
	.run = run_export,
};
