// SPDX-License-Identifier: MIT
/*
 * input.c - a file or standard input, read line by line with line numbers, or whole up to a limit. What the lines mean is
 * read_*.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"
#include "input.h"

#define FIRST_BYTES ((size_t)256 << 10)

const char *input_name(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

/* "-" is standard input. Returns 0 or a negative errno; a folder is EISDIR here, not at the first read. */
int input_open(struct input *in, const char *path)
{
	struct stat st;

	memset(in, 0, sizeof(*in));
	in->name = input_name(path);
	in->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (in->fd < 0 || fstat(in->fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		input_close(in);
		return -EISDIR;
	}
	if (S_ISREG(st.st_mode) && st.st_size > 0) {
		off_t at = lseek(in->fd, 0, SEEK_CUR);

		in->total = (uint64_t)(st.st_size - (at > 0 ? at : 0));
	}
	return 0;
}

void input_close(struct input *in)
{
	if (in->fd > STDIN_FILENO)
		close(in->fd);
	free(in->buf);
	in->buf = NULL;
}

/* More bytes behind those that are there. */
static int fill(struct input *in)
{
	size_t cap = in->cap ? in->cap : FIRST_BYTES;
	ssize_t n;
	char *buf;

	if (in->begin) {
		memmove(in->buf, in->buf + in->begin, in->end - in->begin);
		in->end -= in->begin;
		in->begin = 0;
	}
	if (in->end == cap)
		cap *= 2;
	if (cap > 2 * INPUT_LINE_MAX)
		return -EFBIG;
	if (cap != in->cap) {
		buf = realloc(in->buf, cap);
		if (!buf)
			return -ENOMEM;
		in->buf = buf;
		in->cap = cap;
	}
	do
		n = ctl_stopped ? -1 : read(in->fd, in->buf + in->end, in->cap - in->end);
	while (n < 0 && errno == EINTR && !ctl_stopped);
	if (ctl_stopped)
		return -EINTR;
	if (n < 0)
		return -errno;
	in->eof = !n;
	in->end += (size_t)n;
	return 0;
}

/* The first bytes, without taking them: at least 512, or all that there are. */
int input_peek(struct input *in, const char **data, size_t *len)
{
	int r = 0;

	while (!r && !in->eof && in->end - in->begin < 512)
		r = fill(in);
	*data = in->buf + in->begin;
	*len = in->end - in->begin;
	return r;
}

/*
 * The next line with its line break, valid until the next call; the last one may have none. Returns 1, 0 at the end, or a
 * negative errno (EFBIG: longer than INPUT_LINE_MAX).
 */
int input_line(struct input *in, const char **line, size_t *len)
{
	size_t seen = 0;
	char *nl;
	int r;

	for (;;) {
		nl = in->end > in->begin + seen
			     ? memchr(in->buf + in->begin + seen, '\n', in->end - in->begin - seen)
			     : NULL;
		seen = in->end - in->begin;
		if (nl || (in->eof && seen))
			break;
		if (in->eof)
			return 0;
		if (seen > INPUT_LINE_MAX)
			return -EFBIG;
		r = fill(in);
		if (r)
			return r;
	}
	*line = in->buf + in->begin;
	*len = nl ? (size_t)(nl + 1 - *line) : seen;
	in->begin += *len;
	in->taken += *len;
	in->line++;
	return 1;
}

/* All of a file; EMSGSIZE if it has more than @max bytes. @data is to be freed. */
int input_slurp(const char *path, size_t max, void **data, size_t *len)
{
	struct input in;
	int r = input_open(&in, path);

	*data = NULL;
	*len = 0;
	if (r)
		return r;
	while (!r && !in.eof && in.end <= max)
		r = fill(&in);
	if (!r && in.end > max)
		r = -EMSGSIZE;
	if (!r) {
		*data = in.buf;
		*len = in.end;
		in.buf = NULL;
	}
	input_close(&in);
	return r;
}
