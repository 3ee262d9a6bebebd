/* SPDX-License-Identifier: MIT */
/*
 * input.h - a file or standard input, read line by line with line numbers, or whole up to a limit.
 */
#ifndef _INPUT_H
#define _INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest line: the longest value in base64, or all of it in escapes of JSON, and its key. */
#define INPUT_LINE_MAX ((size_t)128 << 20)

/**
 * struct input - where records come from
 * @name: for messages
 * @fd: descriptor
 * @total: bytes of a regular file; 0: not known
 * @taken: bytes of all lines told so far
 * @line: number of the line told last, from 1
 * @buf: what was read and not told yet is from @begin to @end
 * @cap: room at @buf
 * @begin: see @buf
 * @end: see @buf
 * @eof: nothing more comes
 */
struct input {
	const char *name;
	int fd;
	uint64_t total;
	uint64_t taken;
	uint64_t line;
	char *buf;
	size_t cap;
	size_t begin;
	size_t end;
	bool eof;
};

const char *input_name(const char *path);
int input_open(struct input *in, const char *path);
/* Once ctl_stopped is set reading ends with EINTR, also what waits for input. */
int input_peek(struct input *in, const char **data, size_t *len);
int input_line(struct input *in, const char **line, size_t *len);
void input_close(struct input *in);
int input_slurp(const char *path, size_t max, void **data, size_t *len);

#endif /* _INPUT_H */
