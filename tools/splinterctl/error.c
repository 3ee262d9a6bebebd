// SPDX-License-Identifier: MIT
/*
 * error.c - says what failed and what to do about it, and which exit code that is.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

static void say(const struct ctl *ctl, const char *format, va_list ap)
{
	fflush(stdout);
	if (ctl->command)
		fprintf(stderr, "splinterctl %s: ", ctl->command->name);
	else
		fprintf(stderr, "splinterctl: ");
	vfprintf(stderr, format, ap);
}

int ctl_usage(const struct ctl *ctl, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(ctl, format, ap);
	va_end(ap);
	if (ctl->command)
		fprintf(stderr, "\nTry: splinterctl %s --help\n", ctl->command->name);
	else
		fprintf(stderr, "\nTry: splinterctl help\n");
	return CTL_USAGE;
}

int ctl_fail(const struct ctl *ctl, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(ctl, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

void ctl_warn(const struct ctl *ctl, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(ctl, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int ctl_exit_of(long err)
{
	switch (-err) {
	case ENOENT:
	case EEXIST:
	case ESTALE:
		return CTL_NO;
	case EMSGSIZE:
	case ENOSPC:
	case EPROTOTYPE:
		return CTL_REFUSED;
	default:
		return CTL_STORE;
	}
}

/* What an error means for a key; the library's sentence serves keys and stores alike. */
const char *ctl_key_strerror(long err)
{
	switch (-err) {
	case ENOENT:
		return "no such key";
	case EEXIST:
		return "the key exists";
	case ESTALE:
		return "the key has another epoch";
	case ENOSPC:
		return "the store is full";
	case EMSGSIZE:
		return "longer than the store takes";
	case EPROTOTYPE:
		return "the value is not an integer of 8 bytes";
	default:
		return splk_strerror((int)err);
	}
}

/* What helps against an error of an operation on a key; "" if nothing is known. */
const char *ctl_advice(long err)
{
	switch (-err) {
	case EMSGSIZE:
		return "; `splinterctl geometry` tells what the store takes";
	case ENOSPC:
		return "; unset keys, or export and import into a store with more --lanes";
	case EPROTOTYPE:
		return "; `set --int` makes an integer";
	case EUSERS:
		return "; `splinterctl reap` frees those of dead writers";
	case EBADMSG:
		return "; `splinterctl check` tells more";
	case EAGAIN:
		return "; try again";
	default:
		return "";
	}
}

/* An error of the library, of an operation inside an open store. */
int ctl_error(const struct ctl *ctl, long err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(ctl, format, ap);
	va_end(ap);
	fprintf(stderr, ": %s%s\n", ctl_key_strerror(err), ctl_advice(err));
	return ctl_exit_of(err);
}
