// SPDX-License-Identifier: MIT
/*
 * cmd_key.c - unset, exists, bump, math: what is done to keys without a value at hand.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"
#include "splinter_layout.h"

static const struct ctl_opt unset_opts[] = {
	{ "prefix", 'p', "PREFIX", "all keys that begin so" },
	{ 0 },
};

static int unset_prefix(struct ctl *ctl, const char *prefix)
{
	uint64_t cursor = 0, nr = 0;
	char key[SPL_KEY_MAX];
	long klen = 0;
	int r = 0;

	ctl_catch_stop();
	while (!ctl_stopped && !r &&
	       (klen = splk_next(ctl->store, &cursor, prefix, strlen(prefix), key, sizeof(key),
				 NULL)) > 0) {
		r = splk_delete(ctl->store, key, (size_t)klen);
		nr += !r;
		if (r == -ENOENT)
			r = 0;
	}
	printf("%llu\n", (unsigned long long)nr); /* however it ended: so many are gone */
	if (r)
		return ctl_error(ctl, r, "key '%s'", out_shown(key, (size_t)klen));
	if (klen < 0)
		return ctl_error(ctl, klen, "keys");
	if (klen && ctl_stopped)
		return ctl_fail(ctl, CTL_SIGNAL + ctl_stopped,
				"INTERRUPTED; other keys that begin so may be left");
	return nr ? CTL_OK : CTL_NO;
}

static int run_unset(struct ctl *ctl, struct ctl_args *args)
{
	const char *prefix = ctl_opt(args, "prefix");
	struct ctl_key key;
	int i, r = 0, code;

	if (!prefix == !args->nr)
		return ctl_usage(ctl, "either keys, or --prefix");
	if (prefix)
		return unset_prefix(ctl, prefix);
	for (i = 0; i < args->nr; i++) {
		code = parse_key(ctl, args->operands[i], &key);
		if (code)
			return code;
		code = splk_delete(ctl->store, key.data, key.len);
		if (code)
			code = ctl_error(ctl, code, "key '%s'", out_shown(key.data, key.len));
		if (code > r)
			r = code;
	}
	return r;
}

const struct ctl_command cmd_unset = {
	.name = "unset",
	.group = "Keys and values",
	.usage = "KEY...",
	.summary = "delete keys",
	.about =
		"All of the keys are tried. Exit code 1: one of them, or with --prefix all of them, did not\n"
		"exist. --prefix prints how many it has deleted, also after Ctrl-C (exit code 130); with PREFIX\n"
		"'' that is all.",
	.opts = unset_opts,
	.flags = CTL_WRITES | CTL_KEYS,
	.max = -1,
	.run = run_unset,
};

static int run_exists(struct ctl *ctl, struct ctl_args *args)
{
	struct ctl_key key;
	int i, r;

	for (i = 0; i < args->nr; i++) {
		r = parse_key(ctl, args->operands[i], &key);
		if (r)
			return r;
		r = splk_exists(ctl->store, key.data, key.len);
		/* A key that no store of this geometry can hold isn't there either. */
		if (!r || r == -EMSGSIZE)
			return CTL_NO;
		if (r < 0)
			return ctl_error(ctl, r, "key '%s'", out_shown(key.data, key.len));
	}
	return CTL_OK;
}

const struct ctl_command cmd_exists = {
	.name = "exists",
	.group = "Keys and values",
	.usage = "KEY...",
	.summary = "tell by the exit code whether all these keys are there",
	.flags = CTL_READS | CTL_KEYS,
	.min = 1,
	.max = -1,
	.run = run_exists,
};

static int run_bump(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_meta meta;
	struct ctl_key key;
	int i, r = 0, code;
	json_t *o;

	for (i = 0; i < args->nr; i++) {
		code = parse_key(ctl, args->operands[i], &key);
		if (code)
			return code;
		code = splk_bump(ctl->store, key.data, key.len, &meta);
		if (code) {
			code = ctl_error(ctl, code, "key '%s'", out_shown(key.data, key.len));
		} else if (ctl->json) {
			o = json_object();
			out_json_bytes(o, "key", key.data, key.len);
			out_json_u64(o, "epoch", meta.epoch);
			code = out_json(ctl, o);
		}
		if (code > r)
			r = code;
	}
	return r;
}

const struct ctl_command cmd_bump = {
	.name = "bump",
	.group = "Keys and values",
	.usage = "KEY...",
	.summary = "publish keys again as they are: their epochs rise, who watches them wakes",
	.flags = CTL_JSON | CTL_WRITES | CTL_KEYS,
	.min = 1,
	.max = -1,
	.run = run_bump,
};

static const struct ctl_opt math_opts[] = {
	{ "signed", 'S', NULL, "the integer is signed, as all are but those of type biguint" },
	{ "unsigned", 'U', NULL, "the integer is unsigned, as those of type biguint are" },
	{ "saturate", 't', NULL, "stop at the smallest and largest number, don't wrap around" },
	{ "create", 'c', NULL, "a missing key counts as 0 and is made" },
	{ 0 },
};

static const struct {
	const char *name;
	enum splk_math op;
	bool operand;
} operations[] = {
	{ "and", SPLK_AND, true },  { "or", SPLK_OR, true },	{ "xor", SPLK_XOR, true },
	{ "not", SPLK_NOT, false }, { "add", SPLK_ADD, true },	{ "sub", SPLK_SUB, true },
	{ "inc", SPLK_INC, false }, { "dec", SPLK_DEC, false },
};

#define NR_OPERATIONS ((int)(sizeof(operations) / sizeof(*operations)))

static int math_print(struct ctl *ctl, const struct ctl_key *key, uint64_t result, bool is_signed)
{
	json_t *o;

	if (!ctl->json) {
		if (is_signed)
			printf("%lld\n", (long long)result);
		else
			printf("%llu\n", (unsigned long long)result);
		return 0;
	}
	o = json_object();
	out_json_bytes(o, "key", key->data, key->len);
	if (is_signed)
		json_object_set_new(o, "result", json_integer((json_int_t)result));
	else
		out_json_u64(o, "result", result);
	return out_json(ctl, o);
}

/* One rule for all who read or print an integer: it is signed unless its type is biguint or the user says so. */
int take_sign(const struct ctl *ctl, const struct ctl_args *args, uint32_t type, bool *is_signed)
{
	bool yes = ctl_opt(args, "signed"), no = ctl_opt(args, "unsigned");

	*is_signed = yes || (!no && type != SPL_TYPE_BIGUINT);
	return yes && no ? ctl_usage(ctl, "--signed and --unsigned exclude each other") : 0;
}

static int run_math(struct ctl *ctl, struct ctl_args *args)
{
	bool is_signed;
	uint32_t flags = (ctl_opt(args, "saturate") ? SPLK_SATURATE : 0) |
			 (ctl_opt(args, "create") ? SPLK_MATH_CREATE : 0);
	const char *names[NR_OPERATIONS + 1] = { 0 }, *near;
	uint64_t operand = 0, result;
	struct splk_attr attr = { 0 };
	struct ctl_key key;
	int i, r = parse_key(ctl, args->operands[0], &key);

	if (r)
		return r;
	for (i = 0; i < NR_OPERATIONS; i++) {
		names[i] = operations[i].name;
		if (!strcmp(names[i], args->operands[1]))
			break;
	}
	if (i == NR_OPERATIONS) {
		near = ctl_nearest(args->operands[1], names);
		if (near)
			return ctl_usage(ctl, "'%s' is no operation; did you mean '%s'?",
					 args->operands[1], near);
		return ctl_usage(ctl,
				 "'%s' is no operation; there are and or xor not add sub inc dec",
				 args->operands[1]);
	}
	if (operations[i].operand != (args->nr == 3))
		return ctl_usage(ctl,
				 operations[i].operand ? "%s needs a number" : "%s takes no number",
				 operations[i].name);
	if (args->nr == 3)
		r = parse_number(ctl, operations[i].name, args->operands[2], &operand);
	if (r)
		return r;
	splk_attr(ctl->store, key.data, key.len, &attr);
	r = take_sign(ctl, args, attr.type, &is_signed);
	if (r)
		return r;
	flags |= is_signed ? SPLK_SIGNED : 0;
	r = splk_math(ctl->store, key.data, key.len, operations[i].op, operand, flags, &result);
	if (r)
		return ctl_error(ctl, r, "key '%s'", out_shown(key.data, key.len));
	return math_print(ctl, &key, result, is_signed);
}

const struct ctl_command cmd_math = {
	.name = "math",
	.group = "Keys and values",
	.usage = "KEY and|or|xor|not|add|sub|inc|dec [N]",
	.summary = "change an integer of 8 bytes, atomically, and print the result",
	.about =
		"N is decimal, 0x... or 0...; put -- before a negative one. `set --int` makes an integer.\n"
		"The result is signed unless the key's type is biguint; --signed and --unsigned say otherwise.\n"
		"Exit code 1: no such key; 4: its value isn't 8 bytes long.",
	.opts = math_opts,
	.flags = CTL_JSON | CTL_WRITES | CTL_KEYS,
	.min = 2,
	.max = 3,
	.run = run_math,
};
