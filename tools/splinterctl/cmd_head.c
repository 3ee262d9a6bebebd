// SPDX-License-Identifier: MIT
/*
 * cmd_head.c - head, type, flags: what is known of a key besides its value. Labels are cmd_label.c's.
 */
#include <errno.h>
#include <stdio.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"

void out_head_json(json_t *o, const struct splk_meta *meta, const struct splk_attr *attr)
{
	const char *type = splk_type_name(attr->type);

	out_json_u64(o, "epoch", meta->epoch);
	out_json_u64(o, "length", meta->value_len);
	out_json_text(o, "type", type ? type : "?");
	out_json_u64(o, "flags", attr->user);
	out_json_hex(o, "labels", attr->labels);
	out_json_u64(o, "ctime_ns", meta->ctime_ns);
	out_json_u64(o, "mtime_ns", meta->mtime_ns);
}

/* Numbers of the labels that are set. */
void out_labels(uint64_t labels)
{
	const char *comma = "";
	int i;

	for (i = 0; i < 64; i++) {
		if (labels >> i & 1) {
			printf("%s%d", comma, i);
			comma = " ";
		}
	}
	printf(labels ? "\n" : "none\n");
}

static int head(struct ctl *ctl, const struct ctl_key *key)
{
	struct splk_attr attr = { 0 };
	struct splk_meta meta;
	const char *type;
	char time[64];
	json_t *o;
	long n;
	int r;

	n = splk_get(ctl->store, key->data, key->len, NULL, 0, &meta);
	r = n < 0 ? (int)n : splk_attr(ctl->store, key->data, key->len, &attr);
	if (r)
		return ctl_error(ctl, r, "key '%s'", out_shown(key->data, key->len));
	if (ctl->json) {
		o = json_object();
		out_json_bytes(o, "key", key->data, key->len);
		out_head_json(o, &meta, &attr);
		return out_json(ctl, o);
	}
	type = splk_type_name(attr.type);
	printf("%-18s ", "key");
	out_escaped(key->data, key->len);
	putchar('\n');
	out_field("epoch", "%llu", (unsigned long long)meta.epoch);
	out_field("length", "%u", meta.value_len);
	out_field("type", "%s", type ? type : "?");
	out_field("flags", "0x%02x", attr.user);
	printf("%-18s ", "labels");
	out_labels(attr.labels);
	out_field("made", "%s", out_time(meta.ctime_ns, time));
	out_field("changed", "%s", out_time(meta.mtime_ns, time));
	return 0;
}

static int run_head(struct ctl *ctl, struct ctl_args *args)
{
	struct ctl_key key;
	int i, r = 0, code;

	for (i = 0; i < args->nr; i++) {
		code = parse_key(ctl, args->operands[i], &key);
		if (!code)
			code = head(ctl, &key);
		if (code > r)
			r = code;
	}
	return r;
}

const struct ctl_command cmd_head = {
	.name = "head",
	.group = "Looking",
	.usage = "KEY...",
	.summary = "epoch, length, type, flags, labels and times of keys",
	.flags = CTL_JSON | CTL_READS | CTL_KEYS,
	.min = 1,
	.max = -1,
	.run = run_head,
};

static int run_type(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_attr attr;
	struct ctl_key key;
	const char *name;
	uint32_t type;
	json_t *o;
	int r = parse_key(ctl, args->operands[0], &key);

	if (r)
		return r;
	if (args->nr == 2) {
		r = parse_type(ctl, args->operands[1], &type);
		if (r)
			return r;
		r = splk_type_set(ctl->store, key.data, key.len, type);
		return r ? ctl_error(ctl, r, "key '%s'", out_shown(key.data, key.len)) : 0;
	}
	r = splk_attr(ctl->store, key.data, key.len, &attr);
	if (r)
		return ctl_error(ctl, r, "key '%s'", out_shown(key.data, key.len));
	name = splk_type_name(attr.type);
	if (!ctl->json) {
		printf("%s\n", name ? name : "?");
		return 0;
	}
	o = json_object();
	out_json_bytes(o, "key", key.data, key.len);
	out_json_text(o, "type", name ? name : "?");
	return out_json(ctl, o);
}

/* Opens for writing only if it is to change something. */
static int run_type_either(struct ctl *ctl, struct ctl_args *args)
{
	int r = ctl_need(ctl, args->nr == 2);

	return r ? r : run_type(ctl, args);
}

const struct ctl_command cmd_type = {
	.name = "type",
	.group = "Labels and types",
	.usage = "KEY [TYPE]",
	.summary = "tell or name a key's type",
	.about =
		"Types: void bigint biguint json binary imgdata audio vartext. They are names: no value is\n"
		"converted or checked.",
	.flags = CTL_JSON | CTL_SPEC | CTL_KEYS,
	.min = 1,
	.max = 2,
	.run = run_type_either,
};

static const struct ctl_opt flags_opts[] = {
	{ "set", 'S', "MASK", "flags to set, 0 to 0xff" },
	{ "clear", 'c', "MASK", "flags to clear" },
	{ 0 },
};

static int run_flags(struct ctl *ctl, struct ctl_args *args)
{
	const char *set = ctl_opt(args, "set"), *clear = ctl_opt(args, "clear");
	uint64_t setting = 0, clearing = 0;
	struct splk_attr attr;
	struct ctl_key key;
	json_t *o;
	int r = parse_key(ctl, args->operands[0], &key);

	if (!r && set)
		r = parse_u64(ctl, "--set", set, 0xff, &setting);
	if (!r && clear)
		r = parse_u64(ctl, "--clear", clear, 0xff, &clearing);
	if (!r)
		r = ctl_need(ctl, set || clear);
	if (r)
		return r;
	if (set || clear)
		r = splk_user_change(ctl->store, key.data, key.len, (uint32_t)setting,
				     (uint32_t)clearing);
	else
		r = splk_attr(ctl->store, key.data, key.len, &attr);
	if (r)
		return ctl_error(ctl, r, "key '%s'", out_shown(key.data, key.len));
	if (set || clear)
		return 0;
	if (!ctl->json) {
		printf("0x%02x\n", attr.user);
		return 0;
	}
	o = json_object();
	out_json_bytes(o, "key", key.data, key.len);
	out_json_u64(o, "flags", attr.user);
	return out_json(ctl, o);
}

const struct ctl_command cmd_flags = {
	.name = "flags",
	.group = "Labels and types",
	.usage = "KEY",
	.summary = "tell, set or clear a key's 8 user flags",
	.about = "A flag that is in both masks is set. Set and cleared in one step.",
	.opts = flags_opts,
	.flags = CTL_JSON | CTL_SPEC | CTL_KEYS,
	.min = 1,
	.max = 1,
	.run = run_flags,
};
