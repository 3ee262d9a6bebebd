// SPDX-License-Identifier: MIT
/*
 * cmd_label.c - label: tell, set, clear, test-and-set and swap the 64 labels of a key.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"

/* Labels before a change, as JSON; for people, a change is silent. */
static int tell(struct ctl *ctl, const struct ctl_key *key, const char *name, uint64_t labels)
{
	json_t *o;

	if (!ctl->json)
		return 0;
	o = json_object();
	out_json_bytes(o, "key", key->data, key->len);
	out_json_hex(o, name, labels);
	return out_json(ctl, o);
}

static int key_error(struct ctl *ctl, int r, const struct ctl_key *key)
{
	return ctl_error(ctl, r, "key '%s'", out_shown(key->data, key->len));
}

static int label_get(struct ctl *ctl, const struct ctl_key *key)
{
	struct splk_attr attr;
	int r = splk_attr(ctl->store, key->data, key->len, &attr);

	if (r)
		return key_error(ctl, r, key);
	if (ctl->json)
		return tell(ctl, key, "labels", attr.labels);
	out_labels(attr.labels);
	return 0;
}

static int label_change(struct ctl *ctl, const struct ctl_key *key, uint64_t set, uint64_t clear)
{
	uint64_t old;
	int r = splk_label_change(ctl->store, key->data, key->len, set, clear, &old);

	return r ? key_error(ctl, r, key) : tell(ctl, key, "old", old);
}

/* Of many that try it at one time, exactly one is told 0. */
static int label_swap(struct ctl *ctl, const struct ctl_key *key, uint64_t mask, uint64_t from,
		      uint64_t to)
{
	uint64_t old = 0;
	int r = splk_label_cas(ctl->store, key->data, key->len, mask, from, to, &old);

	if (r && r != -ESTALE)
		return key_error(ctl, r, key);
	return tell(ctl, key, "old", old) ? CTL_INPUT : r ? CTL_NO : CTL_OK;
}

/* All keys that have all of these labels. */
static int label_list(struct ctl *ctl, uint64_t labels)
{
	char name[SPL_KEY_MAX];
	struct ctl_key key = { .data = name };
	uint64_t cursor = 0, has;
	long n = 0;
	int r = 0;

	if (!labels)
		return ctl_usage(ctl, "list needs labels; `splinterctl list` lists all keys");
	while (!r && (n = splk_next_labelled(ctl->store, &cursor, labels, labels, name,
					     sizeof(name), NULL, &has)) > 0) {
		key.len = (size_t)n;
		if (ctl->json) {
			r = tell(ctl, &key, "labels", has);
			continue;
		}
		out_escaped(key.data, key.len);
		putchar('\n');
	}
	return r ? r : n < 0 ? ctl_error(ctl, n, "keys") : 0;
}

static const char *const actions[] = {
	"get", "set", "clear", "test-and-set", "swap", "list", NULL
};

static int run_label(struct ctl *ctl, struct ctl_args *args)
{
	const char *action = args->operands[0], *near;
	char *const *words = args->operands + 2;
	uint64_t labels, from, to;
	struct ctl_key key;
	int which, r;

	for (which = 0; actions[which] && strcmp(actions[which], action) != 0; which++)
		;
	if (!actions[which]) {
		near = ctl_nearest(action, actions);
		return ctl_usage(
			ctl, "'%s' is neither get, set, clear, test-and-set, swap nor list%s%s%s",
			action, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	if (which == 5) {
		r = parse_labels(ctl, args->operands + 1, &labels);
		if (!r)
			r = ctl_need(ctl, false);
		return r ? r : label_list(ctl, labels);
	}
	if (!which != (args->nr == 2) || (which == 4 && args->nr != 4))
		return ctl_usage(ctl,
				 which == 4 ? "swap needs two labels or masks"
				 : which    ? "%s needs labels"
					    : "%s takes no labels",
				 action);
	r = parse_key(ctl, args->operands[1], &key);
	if (!r)
		r = parse_labels(ctl, words, &labels);
	if (!r && which == 4)
		r = parse_labels(ctl, (char *[]){ words[0], NULL }, &from);
	if (!r && which == 4)
		r = parse_labels(ctl, words + 1, &to);
	if (!r && which == 4 && (from & to))
		r = ctl_usage(ctl, "swap: '%s' and '%s' have a label in common", words[0],
			      words[1]);
	if (!r)
		r = ctl_need(ctl, which);
	if (r)
		return r;
	switch (which) {
	case 0:
		return label_get(ctl, &key);
	case 1:
		return label_change(ctl, &key, labels, 0);
	case 2:
		return label_change(ctl, &key, 0, labels);
	case 3:
		return label_swap(ctl, &key, labels, 0, labels);
	default:
		return label_swap(ctl, &key, labels, from, to);
	}
}

const struct ctl_command cmd_label = {
	.name = "label",
	.group = "Labels and types",
	.usage = "get|set|clear|test-and-set|swap KEY [LABEL...], or list LABEL...",
	.summary = "tell or change a key's 64 labels, atomically",
	.about =
		"LABEL is a number from 0 to 63, or a mask 0x... of several.\n"
		"  get KEY                    print their numbers\n"
		"  set KEY LABEL...           set them, leave the others\n"
		"  clear KEY LABEL...         clear them, leave the others\n"
		"  test-and-set KEY LABEL...  set them if none of them is set, otherwise exit code 1\n"
		"  swap KEY FROM TO           if FROM is set and TO isn't, the reverse, otherwise exit code 1\n"
		"  list LABEL...              print the keys that have them all\n"
		"With --json a change prints the labels before it.",
	.flags = CTL_JSON | CTL_SPEC | CTL_KEYS,
	.min = 2,
	.max = -1,
	.run = run_label,
};
