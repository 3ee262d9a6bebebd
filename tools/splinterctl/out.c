// SPDX-License-Identifier: MIT
/*
 * out.c - how data is printed: bytes as JSON or escaped text, numbers and times for people.
 */
#include <errno.h>
#include <resolv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "out.h"

/* Bytes under @name as text, or, where they aren't UTF-8, in base64 under @name_base64. */
void out_json_bytes(json_t *object, const char *name, const void *data, size_t len)
{
	json_t *text = json_stringn(data, len);
	size_t room = (len + 2) / 3 * 4 + 1;
	char other[64], *code;

	if (text) {
		json_object_set_new(object, name, text);
		return;
	}
	code = malloc(room);
	if (!code || b64_ntop(data, len, code, room) < 0)
		abort();
	snprintf(other, sizeof(other), "%s_base64", name);
	json_object_set_new(object, other, json_string_nocheck(code));
	free(code);
}

/* JSON numbers are signed here; what is larger goes as a string of digits rather than wrong. */
void out_json_u64(json_t *object, const char *name, uint64_t value)
{
	char text[24];

	if (value <= INT64_MAX) {
		json_object_set_new(object, name, json_integer((json_int_t)value));
		return;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	json_object_set_new(object, name, json_string(text));
}

void out_json_hex(json_t *object, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	json_object_set_new(object, name, json_string(text));
}

void out_json_text(json_t *object, const char *name, const char *text)
{
	out_json_bytes(object, name, text, strlen(text));
}

void out_json_bool(json_t *object, const char *name, bool value)
{
	json_object_set_new(object, name, json_boolean(value));
}

/* One line; the object is given up. */
int out_json(const struct ctl *ctl, json_t *object)
{
	int r = json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));

	json_decref(object);
	putchar('\n');
	return r ? ctl_fail(ctl, CTL_INPUT, "standard output: %s", strerror(errno)) : 0;
}

static size_t escape_byte(unsigned char c, char to[5])
{
	static const char bytes[] = "\a\b\f\n\r\t\v\033\\", names[] = "abfnrtve\\";
	const char *p = c ? strchr(bytes, c) : NULL;

	if (p)
		return (size_t)sprintf(to, "\\%c", names[p - bytes]);
	if (c < ' ' || c == 0x7f)
		return (size_t)sprintf(to, "\\x%02x", c);
	to[0] = (char)c;
	to[1] = 0;
	return 1;
}

/* Bytes of the UTF-8 character at @s, or 0: it isn't one, or it is a control character. */
static size_t utf8_char(const unsigned char *s, size_t len)
{
	size_t n = *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;
	json_t *text;

	if (!n || n > len || (*s == 0xc2 && s[1] < 0xa0))
		return 0;
	text = json_stringn((const char *)s, n);
	json_decref(text);
	return text ? n : 0;
}

/* One character or byte as it is printed: returns bytes taken, fills @to (at most 4 and a NUL). */
static size_t escape_next(const unsigned char *s, size_t len, char to[5])
{
	size_t n = utf8_char(s, len);

	if (n) {
		memcpy(to, s, n);
		to[n] = 0;
		return n;
	}
	if (*s >= 0x80)
		sprintf(to, "\\x%02x", *s);
	else
		escape_byte(*s, to);
	return 1;
}

/* Nothing that does things to a terminal, and readable back with --key-escape. */
void out_escaped(const void *data, size_t len)
{
	const unsigned char *s = data, *end = s + len;
	char piece[5];

	while (s < end) {
		if (*s >= ' ' && *s < 0x7f && *s != '\\') {
			putchar(*s++);
			continue;
		}
		s += escape_next(s, (size_t)(end - s), piece);
		fputs(piece, stdout);
	}
}

/* The beginning of a key, for a message; valid until the next call. */
const char *out_shown(const void *data, size_t len)
{
	static char buf[100];
	const unsigned char *s = data, *end = s + len;
	char piece[5];
	size_t n = 0;

	while (s < end) {
		s += escape_next(s, (size_t)(end - s), piece);
		if (n + strlen(piece) > sizeof(buf) - 4) {
			strcpy(buf + n, "...");
			return buf;
		}
		strcpy(buf + n, piece);
		n += strlen(piece);
	}
	buf[n] = 0;
	return buf;
}

/* A line "name  value" of a listing for people. */
void out_field(const char *name, const char *format, ...)
{
	va_list ap;

	printf("%-18s ", name);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

const char *out_bytes(uint64_t bytes, char buf[32])
{
	static const char units[] = "KMGTPE";
	double n = (double)bytes;
	int unit = -1;

	while (n >= 1024 && unit < 5) {
		n /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(buf, 32, "%llu B", (unsigned long long)bytes);
	else
		snprintf(buf, 32,
			 n < 10	   ? "%.2f %ciB"
			 : n < 100 ? "%.1f %ciB"
				   : "%.0f %ciB",
			 n, units[unit]);
	return buf;
}

/* Local time with its offset and nanoseconds, as RFC 3339 has it. */
const char *out_time(uint64_t ns, char buf[64])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char zone[8];

	if (!ns || !localtime_r(&seconds, &tm)) {
		strcpy(buf, "-");
		return buf;
	}
	strftime(zone, sizeof(zone), "%z", &tm);
	strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + strlen(buf), 32, ".%09u%.3s:%s", (unsigned int)(ns % 1000000000), zone,
		 zone + 3);
	return buf;
}

/* Whether all that was printed arrived. */
int out_flush(const struct ctl *ctl)
{
	if (fflush(stdout) || ferror(stdout))
		return ctl_fail(ctl, CTL_INPUT, "standard output: %s", strerror(errno));
	return 0;
}
