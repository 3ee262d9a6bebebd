// SPDX-License-Identifier: MIT
/*
 * read_lines.c - lines of a key, a delimiter and a value.
 */
#include <errno.h>
#include <string.h>

#include "ingest.h"

static int open_lines(struct source *src)
{
	if (!src->delimiter)
		src->delimiter = '\t';
	return 0;
}

static enum read_result next_line(struct source *src, struct record *rec)
{
	enum read_result r;
	const char *line, *at;
	size_t len;

	do {
		r = read_line(src, &line, &len);
		if (r != READ_RECORD)
			return r;
	} while (len == 1 && *line == '\n');
	if (line[len - 1] == '\n')
		len--;
	else
		strcpy(src->note, "the last line has no line break: is the input whole?");
	rec->line = src->in.line;
	at = memchr(line, src->delimiter, len);
	if (!at && src->delimiter == '\t')
		return read_why(src, READ_BAD, rec->line, "no TAB between key and value");
	if (!at)
		return read_why(src, READ_BAD, rec->line, "no '%c' between key and value",
				src->delimiter);
	if (at == line)
		return read_why(src, READ_BAD, rec->line, "an empty key");
	rec->key = line;
	rec->klen = (size_t)(at - line);
	rec->value = at + 1;
	rec->vlen = len - rec->klen - 1;
	return READ_RECORD;
}

static void close_lines(struct source *src)
{
	(void)src;
}

const struct reader read_lines = {
	.name = "lines",
	.suffixes = "tsv txt",
	.open = open_lines,
	.next = next_line,
	.close = close_lines,
};
