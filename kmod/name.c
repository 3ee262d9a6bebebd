// SPDX-License-Identifier: GPL-2.0
/*
 * name.c - which bytes may be a store's name. Who has it is kstore.c's.
 */
#include "kmod.h"

/* One character at @s of at most @len bytes: its length, or 0 if it is not the shortest UTF-8 of a real character. */
static u32 utf8_char(const u8 *s, u32 len, u32 *out)
{
	u32 c, n, i, min;

	if (s[0] < 0x80) {
		*out = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		c = s[0] & 0x1f;
		n = 2;
		min = 0x80;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		c = s[0] & 0x0f;
		n = 3;
		min = 0x800;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		c = s[0] & 0x07;
		n = 4;
		min = 0x10000;
	} else {
		return 0;
	}
	if (n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return n;
}

/**
 * spl_name_check() - may this be the name of a store?
 * @name: the bytes
 * @len: how many
 *
 * Return: 0; -EINVAL: empty, ".", "..", or with a slash or a control character; -ENAMETOOLONG; -EILSEQ: not UTF-8.
 */
int spl_name_check(const char *name, u32 len)
{
	u32 pos, n, c;

	if (!len)
		return -EINVAL;
	if (len > SPL_NAME_MAX)
		return -ENAMETOOLONG;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return -EINVAL;
	for (pos = 0; pos < len; pos += n) {
		n = utf8_char((const u8 *)name + pos, len - pos, &c);
		if (!n)
			return -EILSEQ;
		/* C0, DEL and C1: a name can be printed without harm to a terminal. */
		if (c < 0x20 || c == '/' || (c >= 0x7f && c <= 0x9f))
			return -EINVAL;
	}
	return 0;
}
