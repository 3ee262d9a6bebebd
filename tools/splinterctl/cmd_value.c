// SPDX-License-Identifier: MIT
/*
 * cmd_value.c - set, append, get: values in and out, byte for byte. Other things done to keys are cmd_key.c's.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmds.h"
#include "input.h"
#include "out.h"
#include "parse.h"
#include "splinter_layout.h"

/* A value to be written, and where it comes from. */
struct value {
	const void *data;
	size_t len;
	void *owned; /* to be freed */
	uint64_t number;
};

static int value_from_file(struct ctl *ctl, const char *path, struct value *v)
{
	struct splk_info info = { .size = sizeof(info) };
	int r = splk_info(ctl->store, &info);

	if (r)
		return ctl_error(ctl, r, "%s", ctl_spec(ctl));
	r = input_slurp(path, info.geometry.value_max, &v->owned, &v->len);
	v->data = v->owned;
	if (r == -EMSGSIZE)
		return ctl_fail(
			ctl, CTL_REFUSED,
			"%s: longer than the store's longest value, %u bytes; nothing was changed",
			input_name(path), info.geometry.value_max);
	return r ? ctl_fail(ctl, CTL_INPUT, "%s: %s", input_name(path), strerror(-r)) : 0;
}

/* The value is an operand, "-" for standard input, or an option's. @number: of --int, or NULL. */
static int value_take(struct ctl *ctl, const struct ctl_args *args, const char *number,
		      struct value *v)
{
	const char *file = ctl_opt(args, "file"), *operand = args->operands[1];
	int r;

	if (!operand + !file + !number != 2)
		return ctl_usage(ctl, "one value: VALUE, - for standard input, or %s",
				 args->command == &cmd_set ? "--file or --int" : "--file");
	if (number) {
		r = parse_number(ctl, "--int", number, &v->number);
		v->number = htole64(v->number);
		v->data = &v->number;
		v->len = sizeof(v->number);
		return r;
	}
	if (file || !strcmp(operand, "-"))
		return value_from_file(ctl, file ? file : "-", v);
	v->data = operand;
	v->len = strlen(operand);
	return 0;
}

static int tell_meta(struct ctl *ctl, const struct ctl_key *key, const struct splk_meta *meta)
{
	json_t *o;

	if (!ctl->json)
		return 0;
	o = json_object();
	out_json_bytes(o, "key", key->data, key->len);
	out_json_u64(o, "epoch", meta->epoch);
	out_json_u64(o, "length", meta->value_len);
	return out_json(ctl, o);
}

static const struct ctl_opt set_opts[] = {
	{ "file", 'f', "PATH", "the value is what the file holds" },
	{ "int", 'i', "N", "the value is an integer of 8 bytes, and its type says so" },
	{ "type", 't', "TYPE", "name the type (after the value was set)" },
	{ "absent", 'a', NULL, "only if there is no such key" },
	{ "present", 'p', NULL, "only if there is such a key" },
	{ "epoch", 'E', "N", "only if the key's epoch is N" },
	{ 0 },
};

/* Type to be set, or UINT32_MAX for none. */
static int set_type(struct ctl *ctl, const struct ctl_args *args, uint32_t *type)
{
	const char *name = ctl_opt(args, "type"), *number = ctl_opt(args, "int");
	uint64_t n;
	int r;

	*type = UINT32_MAX;
	if (name)
		return parse_type(ctl, name, type);
	if (!number)
		return 0;
	r = parse_number(ctl, "--int", number, &n);
	*type = n > INT64_MAX && *number != '-' ? SPL_TYPE_BIGUINT : SPL_TYPE_BIGINT;
	return r;
}

/* Of lengths it says which one doesn't fit; of a condition that isn't met the length is beside the point. */
static int set_fail(struct ctl *ctl, const struct ctl_key *key, size_t vlen, int err)
{
	struct splk_info info = { .size = sizeof(info) };
	const char *shown = out_shown(key->data, key->len);

	if (err != -EMSGSIZE || splk_info(ctl->store, &info))
		return ctl_error(ctl, err, "key '%s'", shown);
	if (key->len > info.geometry.key_max)
		return ctl_fail(ctl, CTL_REFUSED, "key '%s' of %zu bytes: the store takes %u",
				shown, key->len, info.geometry.key_max);
	return ctl_fail(ctl, CTL_REFUSED, "key '%s', value of %zu bytes: the store takes %u", shown,
			vlen, info.geometry.value_max);
}

static int set_value(struct ctl *ctl, const struct ctl_args *args, const struct ctl_key *key,
		     const struct value *v, struct splk_meta *meta)
{
	const char *epoch = ctl_opt(args, "epoch");
	uint32_t flags = (ctl_opt(args, "absent") ? SPLK_ABSENT : 0) |
			 (ctl_opt(args, "present") ? SPLK_PRESENT : 0);
	uint64_t n;
	int r;

	if (epoch) {
		r = parse_u64(ctl, "--epoch", epoch, UINT64_MAX, &n);
		if (r)
			return r;
		r = splk_set_epoch(ctl->store, key->data, key->len, v->data, v->len, n, meta);
	} else {
		r = splk_set(ctl->store, key->data, key->len, v->data, v->len, flags, meta);
	}
	return r ? set_fail(ctl, key, v->len, r) : 0;
}

static int run_set(struct ctl *ctl, struct ctl_args *args)
{
	struct value v = { 0 };
	struct splk_meta meta;
	struct ctl_key key;
	uint32_t type;
	int r, conditions = !!ctl_opt(args, "absent") + !!ctl_opt(args, "present") +
			    !!ctl_opt(args, "epoch");

	if (conditions > 1)
		return ctl_usage(ctl, "one of --absent, --present and --epoch");
	r = parse_key(ctl, args->operands[0], &key);
	if (!r)
		r = set_type(ctl, args, &type);
	if (!r)
		r = value_take(ctl, args, ctl_opt(args, "int"), &v);
	if (!r)
		r = set_value(ctl, args, &key, &v, &meta);
	free(v.owned);
	if (r)
		return r;
	if (type != UINT32_MAX) {
		r = splk_type_set(ctl->store, key.data, key.len, type);
		if (r)
			return ctl_error(ctl, r, "type of key '%s' (its value is set)",
					 out_shown(key.data, key.len));
	}
	return tell_meta(ctl, &key, &meta);
}

const struct ctl_command cmd_set = {
	.name = "set",
	.group = "Keys and values",
	.usage = "KEY [VALUE|-]",
	.summary = "give a key a value",
	.about =
		"The value is VALUE without a line break, or with - all that standard input has, byte for byte.\n"
		"Put -- before a VALUE that begins with '-'. Exit code 1: a condition is not met.",
	.opts = set_opts,
	.flags = CTL_JSON | CTL_WRITES | CTL_KEYS,
	.min = 1,
	.max = 2,
	.run = run_set,
};

static const struct ctl_opt append_opts[] = {
	{ "file", 'f', "PATH", "what is added is what the file holds" },
	{ "present", 'p', NULL, "only if there is such a key" },
	{ 0 },
};

static int run_append(struct ctl *ctl, struct ctl_args *args)
{
	uint32_t flags = ctl_opt(args, "present") ? SPLK_PRESENT : 0;
	struct value v = { 0 };
	struct splk_meta meta;
	struct ctl_key key;
	long n;
	int r = parse_key(ctl, args->operands[0], &key);

	if (!r)
		r = value_take(ctl, args, NULL, &v);
	if (!r) {
		n = splk_append(ctl->store, key.data, key.len, v.data, v.len, flags, &meta);
		r = n < 0 ? ctl_error(ctl, n, "key '%s', %zu bytes more",
				      out_shown(key.data, key.len), v.len)
			  : tell_meta(ctl, &key, &meta);
	}
	free(v.owned);
	return r;
}

const struct ctl_command cmd_append = {
	.name = "append",
	.group = "Keys and values",
	.usage = "KEY [VALUE|-]",
	.summary = "add bytes to the end of a key's value",
	.about = "A missing key counts as an empty one. - is standard input, as with set.",
	.opts = append_opts,
	.flags = CTL_JSON | CTL_WRITES | CTL_KEYS,
	.min = 1,
	.max = 2,
	.run = run_append,
};

static const struct ctl_opt get_opts[] = {
	{ "int", 'i', NULL, "print an integer of 8 bytes in decimal" },
	{ "signed", 'S', NULL, "the integer is signed, as all are but those of type biguint" },
	{ "unsigned", 'U', NULL, "the integer is unsigned, as those of type biguint are" },
	{ 0 },
};

static int get_int(struct ctl *ctl, const struct ctl_args *args, const struct ctl_key *key,
		   const void *value, size_t len, uint32_t type)
{
	bool is_signed;
	uint64_t n;
	int r = take_sign(ctl, args, type, &is_signed);

	if (r)
		return r;

	if (len != sizeof(n))
		return ctl_fail(ctl, CTL_REFUSED,
				"key '%s': the value has %zu bytes, an integer has 8",
				out_shown(key->data, key->len), len);
	memcpy(&n, value, sizeof(n));
	n = le64toh(n);
	if (is_signed)
		printf("%lld\n", (long long)n);
	else
		printf("%llu\n", (unsigned long long)n);
	return 0;
}

static int run_get(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_attr attr = { 0 };
	struct splk_meta meta;
	struct ctl_key key;
	void *value;
	json_t *o;
	long n;
	int r = parse_key(ctl, args->operands[0], &key);

	if (!r && (ctl_opt(args, "signed") || ctl_opt(args, "unsigned")) && !ctl_opt(args, "int"))
		r = ctl_usage(ctl, "--signed and --unsigned are for --int");
	if (r)
		return r;
	n = splk_get_alloc(ctl->store, key.data, key.len, &value, &meta);
	if (n < 0)
		return ctl_error(ctl, n, "key '%s'", out_shown(key.data, key.len));
	/* A key that went meanwhile has no attributes, but had this value. */
	if (ctl->json || ctl_opt(args, "int"))
		splk_attr(ctl->store, key.data, key.len, &attr);
	if (ctl_opt(args, "int")) {
		r = get_int(ctl, args, &key, value, (size_t)n, attr.type);
	} else if (ctl->json) {
		o = json_object();
		out_json_bytes(o, "key", key.data, key.len);
		out_json_bytes(o, "value", value, (size_t)n);
		out_head_json(o, &meta, &attr);
		r = out_json(ctl, o);
	} else if (n && fwrite(value, (size_t)n, 1, stdout) != 1) {
		r = ctl_fail(ctl, CTL_INPUT, "standard output: %s", strerror(errno));
	}
	free(value);
	return r;
}

const struct ctl_command cmd_get = {
	.name = "get",
	.group = "Keys and values",
	.usage = "KEY",
	.summary = "write a key's value to standard output, byte for byte",
	.about =
		"Nothing is added, no line break either. With --json, a value that isn't UTF-8 is in\n"
		"value_base64. Exit code 1: no such key.",
	.opts = get_opts,
	.flags = CTL_JSON | CTL_READS | CTL_KEYS,
	.min = 1,
	.max = 1,
	.run = run_get,
};
