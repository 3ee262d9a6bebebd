// SPDX-License-Identifier: MIT
/*
 * cmd_signal.c - bind, signal: what pulses the 64 groups. Who sleeps on them is cmd_watch.c's, the change feed cmd_feed.c's.
 */
#include <errno.h>
#include <stdio.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"

static const struct ctl_opt bind_opts[] = {
	{ "label", 'L', "LABEL", "bind a label rather than a key" },
	{ "keys", 'k', NULL, "bind the coming and going of keys" },
	{ "feed", 'f', NULL, "bind the change feed" },
	{ "unbind", 'u', NULL, "take the groups off" },
	{ 0 },
};

/* What is bound: one of these. */
struct bound {
	struct ctl_key key;
	const char *label;
	bool keys;
	bool feed;
};

static int bind_error(struct ctl *ctl, const struct bound *b, int err)
{
	if (err == -EOPNOTSUPP)
		return ctl_fail(
			ctl, CTL_REFUSED,
			b->feed ? "this store has no change feed; `splinterctl init --feed N` "
				  "makes one that has"
				: "the keys of this store can't be bound; `splinterctl init "
				  "--watch` makes one whose keys can");
	if (b->key.data)
		return ctl_error(ctl, err, "key '%s'", out_shown(b->key.data, b->key.len));
	return ctl_error(ctl, err, "groups");
}

static int bind_one(struct ctl *ctl, const struct bound *b, uint64_t label, uint64_t set,
		    uint64_t clear, uint64_t *old)
{
	if (b->label)
		return splk_label_bind(ctl->store, (uint32_t)label, set, clear, old);
	if (b->keys)
		return splk_keys_bind(ctl->store, set, clear, old);
	if (b->feed)
		return splk_feed_bind(ctl->store, set, clear, old);
	return splk_watch(ctl->store, b->key.data, b->key.len, set, clear, old);
}

static int bind_tell(struct ctl *ctl, const struct bound *b, uint64_t label, uint64_t groups)
{
	json_t *o;

	if (!ctl->json) {
		out_labels(groups);
		return 0;
	}
	o = json_object();
	if (b->key.data)
		out_json_bytes(o, "key", b->key.data, b->key.len);
	if (b->label)
		out_json_u64(o, "label", label);
	out_json_hex(o, "groups", groups);
	return out_json(ctl, o);
}

static int run_bind(struct ctl *ctl, struct ctl_args *args)
{
	struct bound b = { .label = ctl_opt(args, "label"),
			   .keys = ctl_opt(args, "keys"),
			   .feed = ctl_opt(args, "feed") };
	uint64_t label = 0, groups = 0, old = 0;
	char **words = args->operands;
	bool unbind = ctl_opt(args, "unbind");
	int r = 0;

	if (!!b.label + b.keys + b.feed > 1)
		return ctl_usage(ctl, "one of --label, --keys and --feed");
	if (b.label)
		r = parse_u64(ctl, "--label", b.label, 63, &label);
	else if (!b.keys && !b.feed && !*words)
		return ctl_usage(ctl, "which key? or --label, --keys, --feed");
	else if (!b.keys && !b.feed)
		r = parse_key(ctl, *words++, &b.key);
	if (!r && !b.key.data && *words && (**words < '0' || **words > '9'))
		return ctl_usage(ctl,
				 "%s binds no key: '%s' is not a group, 0 to 63 or a mask 0x...",
				 b.label  ? "--label"
				 : b.keys ? "--keys"
					  : "--feed",
				 *words);
	if (!r)
		r = parse_groups(ctl, words, &groups);
	if (!r && unbind && !groups)
		return ctl_usage(ctl, "--unbind needs groups");
	if (!r)
		r = ctl_need(ctl, groups != 0);
	if (r)
		return r;
	r = bind_one(ctl, &b, label, unbind ? 0 : groups, unbind ? groups : 0, &old);
	if (r)
		return bind_error(ctl, &b, r);
	return groups ? 0 : bind_tell(ctl, &b, label, old);
}

const struct ctl_command cmd_bind = {
	.name = "bind",
	.group = "Signals",
	.usage = "KEY|--label LABEL|--keys|--feed [GROUP...]",
	.summary = "have changes pulse groups; without GROUP tell which",
	.about =
		"GROUP is a number from 0 to 63, or a mask 0x... of several. A key that is bound pulses its\n"
		"groups with every change of its value or labels, and when it goes; a label does so for all\n"
		"keys that have, get or lose it. Keys can be bound in stores made with `init --watch`.",
	.opts = bind_opts,
	.flags = CTL_JSON | CTL_SPEC | CTL_KEYS,
	.max = -1,
	.run = run_bind,
};

static int run_signal(struct ctl *ctl, struct ctl_args *args)
{
	uint64_t groups;
	int r = parse_groups(ctl, args->operands, &groups);

	if (!r)
		r = ctl_need(ctl, true);
	if (r)
		return r;
	r = splk_signal(ctl->store, groups);
	return r ? ctl_error(ctl, r, "groups") : 0;
}

const struct ctl_command cmd_signal = {
	.name = "signal",
	.group = "Signals",
	.usage = "GROUP...",
	.summary = "pulse groups without changing a key",
	.flags = CTL_SPEC,
	.min = 1,
	.max = -1,
	.run = run_signal,
};
