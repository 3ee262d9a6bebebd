// SPDX-License-Identifier: MIT
/*
 * read_control.c - Debian control files (deb822): records of "Field: value" lines, separated by empty lines. The value is
 * the record as it stands, with the line break of its last line and without the empty line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest.h"

struct control {
	const char *field; /* that holds the key */
	size_t flen;
	char *buf; /* the record so far */
	size_t len;
	size_t cap;
	size_t key_at; /* where the key stands in it */
	size_t klen;
	bool has_key;
	bool bad; /* its fault was told: the rest of it is passed over */
};

static int open_control(struct source *src)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->field = src->key ? src->key : "Package";
	c->flen = strlen(c->field);
	src->state = c;
	return 0;
}

static void close_control(struct source *src)
{
	struct control *c = src->state;

	free(c->buf);
	free(c);
}

static int keep(struct control *c, const char *line, size_t len)
{
	size_t cap = c->cap ? c->cap : 4096;
	char *buf;

	if (c->len + len > INPUT_LINE_MAX)
		return -EFBIG;
	while (cap < c->len + len)
		cap *= 2;
	if (cap != c->cap) {
		buf = realloc(c->buf, cap);
		if (!buf)
			return -ENOMEM;
		c->buf = buf;
		c->cap = cap;
	}
	memcpy(c->buf + c->len, line, len);
	c->len += len;
	return 0;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A line of a record. @at: where it stands in the buffer. */
static enum read_result look(struct source *src, size_t at, size_t len)
{
	struct control *c = src->state;
	const char *line = c->buf + at, *colon, *end = line + len, *value;
	size_t name;

	if (*line == ' ' || *line == '\t') {
		if (at == 0)
			return read_why(src, READ_BAD, src->in.line,
					"a record begins with a continuation line");
		return READ_RECORD;
	}
	if (*line == '#')
		return READ_RECORD;
	colon = memchr(line, ':', len);
	name = colon ? (size_t)(colon - line) : 0;
	if (!name || memchr(line, ' ', name))
		return read_why(src, READ_BAD, src->in.line,
				"neither 'Field: value' nor a continuation line");
	if (name != c->flen || strncasecmp(line, c->field, name) != 0)
		return READ_RECORD;
	if (c->has_key)
		return read_why(src, READ_BAD, src->in.line, "a second '%s' in one record",
				c->field);
	for (value = colon + 1; value < end && blank(*value); value++)
		;
	while (end > value && blank(end[-1]))
		end--;
	c->has_key = true;
	c->key_at = (size_t)(value - c->buf);
	c->klen = (size_t)(end - value);
	if (!c->klen)
		return read_why(src, READ_BAD, src->in.line, "'%s' is empty", c->field);
	return READ_RECORD;
}

static enum read_result finish(struct source *src, struct record *rec)
{
	struct control *c = src->state;

	if (!c->has_key)
		return read_why(src, READ_BAD, rec->line,
				"the record that begins here has no field '%s'", c->field);
	rec->key = c->buf + c->key_at;
	rec->klen = c->klen;
	rec->value = c->buf;
	rec->vlen = c->len;
	return READ_RECORD;
}

static enum read_result add_line(struct source *src, const char *line, size_t len)
{
	struct control *c = src->state;
	size_t at = c->len;
	int r = keep(c, line, len);

	if (r == -EFBIG)
		return read_why(src, READ_STOP, src->in.line, "a record longer than %zu MiB",
				INPUT_LINE_MAX >> 20);
	if (r)
		return read_why(src, READ_STOP, src->in.line, "no memory");
	if (line[len - 1] != '\n')
		return read_why(src, READ_BAD, src->in.line,
				"the input ends in the middle of a line: the record is left out");
	return look(src, at, len);
}

static enum read_result next_control(struct source *src, struct record *rec)
{
	struct control *c = src->state;
	enum read_result r;
	const char *line;
	size_t len;

	c->len = 0;
	c->has_key = false;
	for (;;) {
		r = read_line(src, &line, &len);
		if (r == READ_STOP)
			return r;
		if (r == READ_END)
			return c->len ? finish(src, rec) : READ_END;
		if (*line == '\n' || (len == 2 && !memcmp(line, "\r\n", 2))) {
			c->bad = false;
			if (c->len)
				return finish(src, rec);
			continue;
		}
		if (c->bad)
			continue;
		if (!c->len)
			rec->line = src->in.line;
		r = add_line(src, line, len);
		if (r != READ_RECORD) {
			c->bad = r == READ_BAD;
			return r;
		}
	}
}

const struct reader read_control = {
	.name = "control",
	.suffixes = "control deb822 dsc",
	.open = open_control,
	.next = next_control,
	.close = close_control,
};
