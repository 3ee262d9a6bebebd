/* SPDX-License-Identifier: MIT */
/* tap.h - says in TAP what a test found; one process prints, children tell it by their exit status. */
#ifndef _SELFTESTS_NATIVE_TAP_H
#define _SELFTESTS_NATIVE_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static int tap_points, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool tap_point(bool good, const char *file,
								    int line, const char *name, ...)
{
	va_list args;

	printf("%sok %d - ", good ? "" : "not ", ++tap_points);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	putchar('\n');
	if (!good) {
		tap_failed++;
		printf("# %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

__attribute__((unused)) static bool tap_equal(long long got, long long want, const char *file,
					      int line, const char *name)
{
	bool good = tap_point(got == want, file, line, "%s", name);

	if (!good)
		printf("# got %lld, wanted %lld\n", got, want);
	return good;
}

/* One point: a condition that must hold. */
#define OK(condition, ...) tap_point(condition, __FILE__, __LINE__, __VA_ARGS__)
/* One point: two numbers that must be equal. */
#define IS(got, want, name) tap_equal((long long)(got), (long long)(want), __FILE__, __LINE__, name)
#define SKIP(name, why) printf("ok %d - %s # SKIP %s\n", ++tap_points, name, why)
/* Without this the rest makes no sense. */
#define MUST(condition, name)                                                      \
	do {                                                                       \
		if (!(condition)) {                                                \
			printf("Bail out! %s:%d: %s\n", __FILE__, __LINE__, name); \
			exit(1);                                                   \
		}                                                                  \
	} while (0)

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_points);
	return tap_failed ? 1 : 0;
}

#endif /* _SELFTESTS_NATIVE_TAP_H */
