// SPDX-License-Identifier: MIT
/*
 * early.c - what ends a command before it is done: Ctrl-C, after which it tells how far it came, and a file that is cut
 * while it is mapped.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

volatile sig_atomic_t ctl_stopped;

static const struct ctl *guarded;

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

static void say(const char *text)
{
	ssize_t n = write(STDERR_FILENO, text, strlen(text));

	(void)n; /* there is nobody left to tell */
}

static void on_bus(int number, siginfo_t *info, void *context)
{
	(void)context;
	/* Sent by somebody, or broken memory: what it means when nobody catches it, once this has returned. */
	if (info->si_code != BUS_ADRERR) {
		raise(number);
		return;
	}
	say("splinterctl ");
	say(guarded->command ? guarded->command->name : "");
	say(": the file of the store or channel was cut while it was in use, or can't be read any more\n");
	_exit(CTL_STORE);
}

/* Touching a page that a file has no more is a SIGBUS, in whatever operation that happens. */
void ctl_guard(const struct ctl *ctl)
{
	struct sigaction act = { .sa_sigaction = on_bus,
				 .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND) };

	guarded = ctl;
	sigaction(SIGBUS, &act, NULL);
}
