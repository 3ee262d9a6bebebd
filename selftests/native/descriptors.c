/* SPDX-License-Identifier: MIT */
/*
 * descriptors.c - a process without a free descriptor doesn't become a writer that nobody could reap: it is told so, and
 * writes once it has closed something.
 */
#include <sys/resource.h>

#include "fixture.h"

int main(void)
{
	struct splk_store *s = fresh(100, 64);
	struct rlimit few;
	int first = open("/dev/null", O_RDONLY);

	MUST(first >= 0 && !getrlimit(RLIMIT_NOFILE, &few), "descriptors");
	few.rlim_cur = (rlim_t)first + 1;
	MUST(!setrlimit(RLIMIT_NOFILE, &few), "a low limit");
	IS(splk_set(s, KEY("key"), KEY("value"), 0, NULL), -EMFILE, "no descriptor, no writer");
	IS(writers_now(s), 0, "and no cell taken");
	close(first);
	IS(splk_set(s, KEY("key"), KEY("value"), 0, NULL), 0, "with one free it writes");
	OK(sound(s), "sound");
	splk_close(s);
	return tap_done();
}
