// SPDX-License-Identifier: MIT
/*
 * parse.c - words of the command line as numbers, sizes, times, keys and masks.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

/* Digits of any base that C knows, nothing before them and nothing that doesn't fit. */
static bool digits(const char *word, int base, uint64_t *out, char **end)
{
	if (!isdigit((unsigned char)*word))
		return false;
	errno = 0;
	*out = strtoull(word, end, base);
	return !errno && *end != word;
}

int parse_u64(const struct ctl *ctl, const char *what, const char *word, uint64_t max,
	      uint64_t *out)
{
	char *end;

	if (!digits(word, 0, out, &end) || *end)
		return ctl_usage(ctl, "%s: '%s' is not a number from 0 to %llu", what, word,
				 (unsigned long long)max);
	if (*out > max)
		return ctl_usage(ctl, "%s: %s is more than %llu", what, word,
				 (unsigned long long)max);
	return 0;
}

int parse_size(const struct ctl *ctl, const char *what, const char *word, uint64_t max,
	       uint64_t *out)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	unsigned int shift = 0;
	char *end;

	if (!digits(word, 10, out, &end))
		return ctl_usage(ctl, "%s: '%s' is not a number with or without K, M, G or T", what,
				 word);
	suffix = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
	if (suffix) {
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
		end++;
		if (end[0] == 'i' && end[1] == 'B')
			end += 2;
	}
	if (*end)
		return ctl_usage(ctl, "%s: '%s' is not a number with or without K, M, G or T", what,
				 word);
	if (*out > UINT64_MAX >> shift || *out << shift > max)
		return ctl_usage(ctl, "%s: %s is more than %llu", what, word,
				 (unsigned long long)max);
	*out <<= shift;
	return 0;
}

/* A 64-bit integer, signed or not, in any base that C knows. */
int parse_number(const struct ctl *ctl, const char *what, const char *word, uint64_t *out)
{
	bool negative = *word == '-';
	char *end;

	if (!digits(word + negative, 0, out, &end) || *end)
		return ctl_usage(ctl, "%s: '%s' is not an integer of 64 bits", what, word);
	if (negative) {
		if (*out > 1ULL << 63)
			return ctl_usage(ctl,
					 "%s: '%s' is less than the smallest integer of 64 bits",
					 what, word);
		*out = -*out;
	}
	return 0;
}

int parse_seconds(const struct ctl *ctl, const char *what, const char *word, uint64_t *out_ns)
{
	double seconds;
	char *end;

	seconds = strtod(word, &end);
	if (end != word && !strcmp(end, "ms"))
		seconds /= 1000;
	else if (end == word || (*end && strcmp(end, "s") != 0))
		seconds = -1;
	if (!(seconds >= 0 && seconds <= 1e9))
		return ctl_usage(ctl, "%s: '%s' is not a number of seconds (0.5, 10, 200ms)", what,
				 word);
	*out_ns = (uint64_t)llround(seconds * 1e9);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of a word of hexadecimal digits; @to NULL: only whether it is one. */
static long unhex(const char *from, char *to)
{
	long n;

	for (n = 0; *from; n++, from += 2) {
		if (hex_digit(from[0]) < 0 || hex_digit(from[1]) < 0)
			return -1;
		if (to)
			to[n] = (char)(hex_digit(from[0]) << 4 | hex_digit(from[1]));
	}
	return n;
}

/* The same with the escapes that out_escaped() prints, and those of C that are one letter. */
static long unescape(const char *from, char *to)
{
	static const char names[] = "abfnrtve\\0", bytes[] = "\a\b\f\n\r\t\v\033\\";
	const char *name;
	char c;
	long n;

	for (n = 0; *from; n++) {
		c = *from++;
		if (c == '\\' && *from == 'x') {
			if (hex_digit(from[1]) < 0 || hex_digit(from[2]) < 0)
				return -1;
			c = (char)(hex_digit(from[1]) << 4 | hex_digit(from[2]));
			from += 3;
		} else if (c == '\\') {
			name = *from ? strchr(names, *from) : NULL;
			if (!name)
				return -1;
			c = bytes[name - names];
			from++;
		}
		if (to)
			to[n] = c;
	}
	return n;
}

int parse_key(const struct ctl *ctl, char *word, struct ctl_key *key)
{
	long len = (long)strlen(word);

	if (ctl->key_hex && unhex(word, NULL) < 0)
		return ctl_usage(ctl, "key '%s': not pairs of hexadecimal digits", word);
	if (ctl->key_escape && unescape(word, NULL) < 0)
		return ctl_usage(ctl, "key '%s': after a backslash comes one of abefnrtv0\\ or xHH",
				 word);
	if (ctl->key_hex)
		len = unhex(word, word);
	else if (ctl->key_escape)
		len = unescape(word, word);
	key->data = word;
	key->len = (size_t)len;
	return len ? 0 : ctl_usage(ctl, "a key has at least one byte");
}

/* Numbers from 0 to 63, and masks of them, as one mask. */
static int parse_bits(const struct ctl *ctl, const char *what, char *const *words, uint64_t *mask)
{
	uint64_t n;
	char *end;

	*mask = 0;
	for (; *words; words++) {
		bool hex = !strncmp(*words, "0x", 2);

		if (!digits(*words, hex ? 16 : 10, &n, &end) || *end || (!hex && n > 63))
			return ctl_usage(
				ctl, "%s '%s' is neither a number from 0 to 63 nor a mask 0x...",
				what, *words);
		*mask |= hex ? n : 1ULL << n;
	}
	return 0;
}

int parse_labels(const struct ctl *ctl, char *const *words, uint64_t *mask)
{
	return parse_bits(ctl, "label", words, mask);
}

int parse_groups(const struct ctl *ctl, char *const *words, uint64_t *mask)
{
	return parse_bits(ctl, "group", words, mask);
}

int parse_type(const struct ctl *ctl, const char *word, uint32_t *type)
{
	int r = splk_type_parse(word);
	const char *name;
	char names[256] = "";
	uint32_t i;

	if (r >= 0) {
		*type = (uint32_t)r;
		return 0;
	}
	for (i = 0; (name = splk_type_name(i)); i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), " %s", name);
	return ctl_usage(ctl, "'%s' is not a type; types are:%s", word, names);
}
