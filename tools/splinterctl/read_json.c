// SPDX-License-Identifier: MIT
/*
 * read_json.c - JSON lines, parsed by jansson: any objects for ingest, those that export writes for import.
 */
#include <errno.h>
#include <jansson.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest.h"
#include "out.h"

struct json {
	json_t *object;
	void *owned[2]; /* key and value where they don't stand in the object */
};

static int open_json(struct source *src)
{
	src->state = calloc(1, sizeof(struct json));
	return src->state ? 0 : -ENOMEM;
}

static void let_go(struct json *j)
{
	json_decref(j->object);
	j->object = NULL;
	free(j->owned[0]);
	free(j->owned[1]);
	j->owned[0] = NULL;
	j->owned[1] = NULL;
}

static void close_json(struct source *src)
{
	let_go(src->state);
	free(src->state);
}

static enum read_result decode(struct source *src, const char *name, const json_t *code,
			       void **owned, const char **data, size_t *len)
{
	size_t room = json_string_length(code) / 4 * 3 + 4;
	int n;

	*owned = malloc(room);
	if (!*owned)
		return read_why(src, READ_STOP, src->in.line, "no memory");
	n = strlen(json_string_value(code)) == json_string_length(code)
		    ? b64_pton(json_string_value(code), *owned, room)
		    : -1;
	if (n < 0)
		return read_why(src, READ_BAD, src->in.line, "'%s_base64' is not base64", name);
	*data = *owned;
	*len = (size_t)n;
	return READ_RECORD;
}

/* Bytes of a member, or of its base64 twin. @any: what is no string is taken as JSON text. */
static enum read_result member(struct source *src, const char *name, bool any, void **owned,
			       const char **data, size_t *len)
{
	struct json *j = src->state;
	json_t *m = json_object_get(j->object, name), *code;
	char twin[256];

	snprintf(twin, sizeof(twin), "%s_base64", name);
	code = json_object_get(j->object, twin);
	if (m && code)
		return read_why(src, READ_BAD, src->in.line, "both '%s' and '%s'", name, twin);
	if (json_is_string(code))
		return decode(src, name, code, owned, data, len);
	if (json_is_string(m)) {
		*data = json_string_value(m);
		*len = json_string_length(m);
		return READ_RECORD;
	}
	if (!m && !code)
		return read_why(src, READ_BAD, src->in.line, "no member '%s'", name);
	if (!any || code)
		return read_why(src, READ_BAD, src->in.line, "'%s' is not a string",
				code ? twin : name);
	*owned = json_dumps(m, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!*owned)
		return read_why(src, READ_STOP, src->in.line, "no memory");
	*data = *owned;
	*len = strlen(*data);
	return READ_RECORD;
}

/* The next line as an object. */
static enum read_result next_object(struct source *src, const char **line, size_t *len)
{
	struct json *j = src->state;
	enum read_result r;
	json_error_t error;

	let_go(j);
	do {
		r = read_line(src, line, len);
		if (r != READ_RECORD)
			return r;
	} while (strspn(*line, " \t\r\n") >= *len);
	j->object = json_loadb(*line, *len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
	if (!j->object)
		return read_why(src, READ_BAD, src->in.line, "column %d: %s", error.column,
				out_shown(error.text, strlen(error.text)));
	if (!json_is_object(j->object))
		return read_why(src, READ_BAD, src->in.line, "not a JSON object");
	return READ_RECORD;
}

static enum read_result next_json(struct source *src, struct record *rec)
{
	struct json *j = src->state;
	const char *line;
	size_t len;
	enum read_result r = next_object(src, &line, &len);

	if (r != READ_RECORD)
		return r;
	rec->line = src->in.line;
	r = member(src, src->key ? src->key : "key", true, &j->owned[0], &rec->key, &rec->klen);
	if (r != READ_RECORD)
		return r;
	if (!rec->klen)
		return read_why(src, READ_BAD, rec->line, "an empty key");
	if (!src->whole)
		return member(src, src->value ? src->value : "value", true, &j->owned[1],
			      &rec->value, &rec->vlen);
	while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	rec->value = line;
	rec->vlen = len;
	return READ_RECORD;
}

const struct reader read_json = {
	.name = "json",
	.suffixes = "json jsonl ndjson",
	.open = open_json,
	.next = next_json,
	.close = close_json,
};

static enum read_result import_type(struct source *src, struct record *rec)
{
	struct json *j = src->state;
	json_t *m = json_object_get(j->object, "type");
	int type;

	if (!m)
		return READ_RECORD;
	type = json_is_string(m) ? splk_type_parse(json_string_value(m)) : -EINVAL;
	if (type < 0)
		return read_why(src, READ_BAD, rec->line, "'type' is not the name of a type");
	rec->has_type = true;
	rec->type = (uint32_t)type;
	return READ_RECORD;
}

/* A mask as a number, or as a string in hexadecimal. */
static enum read_result import_mask(struct source *src, struct record *rec, const char *name,
				    uint64_t max, bool *has, uint64_t *mask)
{
	struct json *j = src->state;
	json_t *m = json_object_get(j->object, name);
	const char *text;
	char *end = NULL;

	if (!m)
		return READ_RECORD;
	*has = true;
	if (json_is_integer(m) && json_integer_value(m) >= 0) {
		*mask = (uint64_t)json_integer_value(m);
	} else if (json_is_string(m)) {
		text = json_string_value(m);
		errno = 0;
		*mask = strtoull(text, &end, 16);
		if (strncmp(text, "0x", 2) || errno || *end || !text[2])
			*mask = UINT64_MAX;
		if (*mask == UINT64_MAX && strcasecmp(text, "0xffffffffffffffff") != 0)
			*has = false;
	} else {
		*has = false;
	}
	if (!*has || *mask > max)
		return read_why(src, READ_BAD, rec->line, "'%s' is not a mask of up to 0x%llx",
				name, (unsigned long long)max);
	return READ_RECORD;
}

static enum read_result next_import(struct source *src, struct record *rec)
{
	struct json *j = src->state;
	uint64_t flags = 0;
	const char *line;
	size_t len;
	enum read_result r = next_object(src, &line, &len);

	rec->line = src->in.line;
	if (r == READ_RECORD)
		r = member(src, "key", false, &j->owned[0], &rec->key, &rec->klen);
	if (r == READ_RECORD)
		r = member(src, "value", false, &j->owned[1], &rec->value, &rec->vlen);
	if (r == READ_RECORD && !rec->klen)
		r = read_why(src, READ_BAD, rec->line, "an empty key");
	if (r == READ_RECORD)
		r = import_type(src, rec);
	if (r == READ_RECORD)
		r = import_mask(src, rec, "flags", 0xff, &rec->has_flags, &flags);
	if (r == READ_RECORD)
		r = import_mask(src, rec, "labels", UINT64_MAX, &rec->has_labels, &rec->labels);
	rec->flags = (uint32_t)flags;
	return r;
}

const struct reader read_import = {
	.name = "export",
	.suffixes = "",
	.open = open_json,
	.next = next_import,
	.close = close_json,
};
