// SPDX-License-Identifier: MIT
/*
 * early.c - what ends a command before it is done: Ctrl-C, after which it tells how far it came.
 */
#include <signal.h>

#include "ctl.h"

volatile sig_atomic_t ctl_stopped;

static void on_stop(int number)
{
	ctl_stopped = number;
}

/* The first Ctrl-C ends it in good order, a second one at once. One that is ignored (nohup) stays so. */
void ctl_catch_stop(void)
{
	static const int numbers[] = { SIGINT, SIGTERM };
	struct sigaction act = { .sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND }, old;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (!sigaction(numbers[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(numbers[i], &act, NULL);
}
