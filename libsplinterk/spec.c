// SPDX-License-Identifier: MIT
/* spec.c - takes specifications and options apart; what they name is opened by device.c and embed.c. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static bool skip(const char **text, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(*text, prefix, n))
		return false;
	*text += n;
	return true;
}

static int parse_fd(const char *text, int *fd)
{
	unsigned long n;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (*end || errno || n > INT_MAX)
		return -EINVAL;
	*fd = (int)n;
	return 0;
}

int spec_parse(const char *text, struct spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	spec->fd = -1;
	if (!text)
		return -EINVAL;
	if (skip(&text, "fd:")) {
		spec->kind = SPEC_FD;
		return parse_fd(text, &spec->fd);
	}
	if (skip(&text, "memfd:")) {
		spec->kind = SPEC_MEMFD;
	} else if (skip(&text, "file:")) {
		spec->kind = SPEC_FILE;
		if (!*text)
			return -EINVAL;
	} else {
		spec->kind = SPEC_DEVICE;
		if (skip(&text, "dev:")) {
			if (!*text) /* the prefix says that a name follows */
				return -EINVAL;
		} else if (!strcmp(text, "default")) {
			text = "";
		}
	}
	spec->name = text;
	spec->name_len = strlen(text);
	if (spec->kind == SPEC_DEVICE && spec->name_len > SPL_NAME_MAX)
		return -ENAMETOOLONG;
	return 0;
}

int size_check(uint32_t size)
{
	return size < sizeof(uint32_t) * 2 ? -EINVAL : 0;
}

/* A caller built with a longer struct than ours may use only what we know. */
static bool tail_is_zero(const struct splk_options *from)
{
	const unsigned char *byte = (const unsigned char *)from;
	uint32_t i;

	for (i = sizeof(*from); i < from->size; i++)
		if (byte[i])
			return false;
	return true;
}

int options_take(const struct splk_options *from, uint32_t flags, struct splk_options *to)
{
	memset(to, 0, sizeof(*to));
	if (from) {
		if (size_check(from->size))
			return -EINVAL;
		if (from->size > sizeof(*to) && !tail_is_zero(from))
			return -E2BIG;
		memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	}
	to->size = sizeof(*to);
	if ((to->flags & ~flags) || to->reserved || (to->mode & ~0666U))
		return -EINVAL;
	if ((to->flags & SPLK_EXCL) && !(to->flags & SPLK_CREATE))
		return -EINVAL;
	if ((to->flags & SPLK_CREATE) && (to->flags & SPLK_READ_ONLY))
		return -EINVAL;
	if (!to->mode)
		to->mode = 0600;
	if (!to->device)
		to->device = "/dev/splinter";
	return 0;
}
