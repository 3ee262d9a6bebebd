// SPDX-License-Identifier: MIT
/*
 * read_csv.c - comma-separated values (RFC 4180), parsed by libcsv; quoted fields may hold line breaks.
 */
#include <csv.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest.h"

#define COLUMNS_MAX 1024
#define NO_COLUMN COLUMNS_MAX

struct csv {
	struct csv_parser parser;
	char *buf; /* fields of the row, one behind the other, each with a NUL */
	size_t len;
	size_t cap;
	size_t begin[COLUMNS_MAX];
	size_t size[COLUMNS_MAX];
	size_t nr; /* fields so far */
	bool done; /* the row is complete */
	bool failed; /* no memory, or too many columns */
	char *raw; /* the row as it stands, for source.whole */
	size_t raw_len;
	size_t raw_cap;
	size_t columns; /* that every row has; 0: not known yet */
	size_t key;
	size_t value;
};

static bool room(char **buf, size_t *cap, size_t need)
{
	size_t more = *cap ? *cap : 4096;
	char *grown;

	if (need > INPUT_LINE_MAX)
		return false;
	while (more < need)
		more *= 2;
	grown = more == *cap ? *buf : realloc(*buf, more);
	if (!grown)
		return false;
	*buf = grown;
	*cap = more;
	return true;
}

static void on_field(void *data, size_t len, void *arg)
{
	struct csv *c = arg;

	if (c->nr == COLUMNS_MAX || !room(&c->buf, &c->cap, c->len + len + 1)) {
		c->failed = true;
		return;
	}
	c->begin[c->nr] = c->len;
	c->size[c->nr++] = len;
	if (len)
		memcpy(c->buf + c->len, data, len);
	c->buf[c->len + len] = 0;
	c->len += len + 1;
}

static void on_row(int last, void *arg)
{
	struct csv *c = arg;

	(void)last;
	c->done = true;
}

/* libcsv drops what this calls space around unquoted fields: only the CR before a line feed. */
static int is_space(unsigned char c)
{
	return c == '\r';
}

static int is_end(unsigned char c)
{
	return c == '\n';
}

static int start_parser(struct source *src)
{
	struct csv *c = src->state;

	if (csv_init(&c->parser, CSV_STRICT | CSV_STRICT_FINI))
		return -ENOMEM;
	csv_set_delim(&c->parser, (unsigned char)src->delimiter);
	csv_set_space_func(&c->parser, is_space);
	csv_set_term_func(&c->parser, is_end);
	return 0;
}

static int open_csv(struct source *src)
{
	if (!src->delimiter)
		src->delimiter = ',';
	src->state = calloc(1, sizeof(struct csv));
	if (!src->state)
		return -ENOMEM;
	return start_parser(src);
}

static void close_csv(struct source *src)
{
	struct csv *c = src->state;

	csv_free(&c->parser);
	free(c->buf);
	free(c->raw);
	free(c);
}

/* After a fault: the next line is taken as the beginning of a row. */
static enum read_result again(struct source *src, enum read_result r)
{
	struct csv *c = src->state;

	csv_free(&c->parser);
	return start_parser(src) ? READ_STOP : r;
}

static enum read_result end_of_input(struct source *src, uint64_t line)
{
	struct csv *c = src->state;

	if (csv_fini(&c->parser, on_field, on_row, c))
		return again(src,
			     read_why(src, READ_BAD, line,
				      "a quoted field of the record that begins here never ends"));
	return c->done ? READ_RECORD : READ_END;
}

/* One row into the fields. *@line: where it begins. */
static enum read_result next_row(struct source *src, uint64_t *line)
{
	struct csv *c = src->state;
	enum read_result r;
	const char *text;
	size_t len;

	c->nr = 0;
	c->len = 0;
	c->raw_len = 0;
	c->done = false;
	*line = src->in.line + 1;
	while (!c->done) {
		r = read_line(src, &text, &len);
		if (r == READ_END)
			return end_of_input(src, *line);
		if (r == READ_STOP)
			return r;
		if (!room(&c->raw, &c->raw_cap, c->raw_len + len))
			return read_why(src, READ_STOP, *line, "a record longer than %zu MiB",
					INPUT_LINE_MAX >> 20);
		memcpy(c->raw + c->raw_len, text, len);
		c->raw_len += len;
		if (text[len - 1] != '\n')
			strcpy(src->note, "the last line has no line break: is the input whole?");
		if (csv_parse(&c->parser, text, len, on_field, on_row, c) != len)
			return again(src, read_why(src, READ_BAD, src->in.line,
						   "a quote where none may be"));
		if (!c->done && c->raw_len == len && !c->nr && (*text == '\n' || *text == '\r')) {
			*line = src->in.line + 1;
			c->raw_len = 0;
		}
	}
	return c->failed ? read_why(src, READ_STOP, *line, "more than %d columns, or no memory",
				    COLUMNS_MAX)
			 : READ_RECORD;
}

/* The column of a name in the header, or of a number from 1. */
static size_t column(const struct csv *c, const char *name, bool header)
{
	unsigned long n;
	char *end;
	size_t i;

	for (i = 0; header && i < c->nr; i++)
		if (!strcmp(c->buf + c->begin[i], name))
			return i;
	n = strtoul(name, &end, 10);
	return *name >= '1' && *name <= '9' && !*end && n <= c->nr ? n - 1 : NO_COLUMN;
}

/* From the first row: which columns are key and value. */
static enum read_result choose(struct source *src, uint64_t line)
{
	struct csv *c = src->state;
	bool header = !src->no_header;

	c->columns = c->nr;
	c->key = src->key ? column(c, src->key, header) : 0;
	if (c->key == NO_COLUMN)
		return read_why(src, READ_STOP, line, "no column '%s' for the key (--key)",
				src->key);
	if (src->whole)
		return READ_RECORD;
	if (src->value)
		c->value = column(c, src->value, header);
	else if (c->columns == 2)
		c->value = 1 - c->key;
	else
		return read_why(src, READ_STOP, line,
				"%zu columns: which is the value? --value COLUMN, or --whole",
				c->columns);
	if (c->value == NO_COLUMN)
		return read_why(src, READ_STOP, line, "no column '%s' for the value (--value)",
				src->value);
	return READ_RECORD;
}

static enum read_result next_csv(struct source *src, struct record *rec)
{
	struct csv *c = src->state;
	enum read_result r = next_row(src, &rec->line);

	if (r == READ_RECORD && !c->columns) {
		r = choose(src, rec->line);
		if (r == READ_RECORD && !src->no_header)
			r = next_row(src, &rec->line);
	}
	if (r != READ_RECORD)
		return r;
	if (c->nr != c->columns)
		return read_why(src, READ_BAD, rec->line,
				"%zu columns where the first line has %zu", c->nr, c->columns);
	rec->key = c->buf + c->begin[c->key];
	rec->klen = c->size[c->key];
	if (!rec->klen)
		return read_why(src, READ_BAD, rec->line, "an empty key");
	if (!src->whole) {
		rec->value = c->buf + c->begin[c->value];
		rec->vlen = c->size[c->value];
		return READ_RECORD;
	}
	rec->value = c->raw;
	rec->vlen = c->raw_len;
	if (rec->vlen && rec->value[rec->vlen - 1] == '\n')
		rec->vlen--;
	if (rec->vlen && rec->value[rec->vlen - 1] == '\r')
		rec->vlen--;
	return READ_RECORD;
}

const struct reader read_csv = {
	.name = "csv",
	.suffixes = "csv",
	.open = open_csv,
	.next = next_csv,
	.close = close_csv,
};
