/* SPDX-License-Identifier: MIT */
/*
 * ctl.h - what a subcommand is, and what it gets from the frame around it: options, the store, exit codes, errors.
 * Nothing here knows a particular subcommand; table.c lists them.
 */
#ifndef _CTL_H
#define _CTL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "splinterk.h"

/* Exit codes; the manual page and --help tell them to users. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_NO =
		1, /* the answer is no: no such key, condition not met, time is up, check found faults */
	CTL_USAGE = 2, /* the command line makes no sense */
	CTL_STORE = 3, /* the store can't be found, made, opened or used */
	CTL_REFUSED = 4, /* the store can't take this: full, too long, not an integer */
	CTL_INPUT = 5, /* input or output: unreadable, malformed, can't be written */
	CTL_SIGNAL = 128, /* and the signal's number: it ended early, in good order */
};

/* An option of a subcommand. */
struct ctl_opt {
	const char *name; /* long name; NULL ends a list */
	char letter; /* short name, or 0 */
	const char *arg; /* what the help calls its argument; NULL: it has none */
	const char *help;
};

struct ctl_args;
struct ctl;

/* Of ctl_command.flags: */
/* The store is opened before run() is called, read-only */
#define CTL_READS (1U << 0)
/* or for writing. */
#define CTL_WRITES (1U << 1)
/* It prints data, and knows --json. */
#define CTL_JSON (1U << 2)
/* It takes keys, and knows --key-hex and --key-escape. */
#define CTL_KEYS (1U << 3)
/* It takes --store, but opens the store itself. */
#define CTL_SPEC (1U << 4)
/* It lists subcommands and options in help only. */
#define CTL_HELP (1U << 5)

/**
 * struct ctl_command - a subcommand
 * @name: as typed
 * @group: heading that help lists it under
 * @usage: operands, as the usage line shows them
 * @summary: one line
 * @about: the rest of its help; NULL: nothing to add
 * @opts: its own options, besides those that @flags bring; NULL: none
 * @flags: CTL_*
 * @min: fewest operands
 * @max: most operands; -1: any number
 * @run: does it, and returns an exit code
 */
struct ctl_command {
	const char *name;
	const char *group;
	const char *usage;
	const char *summary;
	const char *about;
	const struct ctl_opt *opts;
	unsigned int flags;
	int min;
	int max;
	int (*run)(struct ctl *ctl, struct ctl_args *args);
};

#define CTL_OPTS_MAX 32

/* A parsed command line. Made by ctl_parse(). */
struct ctl_args {
	const struct ctl_command *command;
	const struct ctl_opt *opts[CTL_OPTS_MAX];
	const char *values[CTL_OPTS_MAX]; /* NULL: not given */
	int nr_opts;
	char **operands; /* NULL-terminated */
	int nr;
};

/* One run of the program, or of a line of it: one store, one way to print. */
struct ctl {
	const char *spec; /* of the command line; NULL: ask ctl_spec() */
	const char *device; /* NULL: the library's */
	bool json;
	bool key_hex;
	bool key_escape;
	struct splk_store *store; /* open if the subcommand's flags say so */
	char *spec_found; /* what ctl_spec() found */
	const char *spec_from; /* where it was found, if not on the command line */
	const struct ctl_command *command; /* runs now; errors begin with its name */
};

extern const struct ctl_command *const ctl_commands[]; /* NULL-terminated, by group */

/* frame.c */
const struct ctl_command *ctl_find(const char *name);
int ctl_unknown(const char *name);
int ctl_run(struct ctl *ctl, int argc, char **argv);

/* args.c */
int ctl_parse(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv,
	      struct ctl_args *args);
const char *ctl_opt(const struct ctl_args *args, const char *name);
const char *ctl_nearest(const char *word, const char *const *words);
void ctl_help_command(const struct ctl_command *command);
void ctl_help_all(void);

/* select.c */
const char *ctl_spec(struct ctl *ctl);
int ctl_open(struct ctl *ctl, const char *spec, bool writes, struct splk_store **store);
int ctl_need(struct ctl *ctl, bool writes);
int ctl_need_sleep(struct ctl *ctl, bool sleeps);
int ctl_store_error(const struct ctl *ctl, const char *spec, int err);
#define CTL_NO_DEVICE 4200 /* bytes of that sentence, with the longest path */
const char *ctl_no_device(const struct ctl *ctl, char text[CTL_NO_DEVICE]);
#define CTL_FILE_FAULT 128 /* bytes of those words */
const char *ctl_file_fault(const char *path, bool channel, char text[CTL_FILE_FAULT]);
int ctl_device_error(const struct ctl *ctl, int err);
bool ctl_is_default(const char *spec);
char *ctl_remembered_path(void);

/* early.c */
/* After ctl_catch_stop(): the signal that ends the command; 0: none came. */
extern volatile sig_atomic_t ctl_stopped;
void ctl_catch_stop(void);
void ctl_guard(const struct ctl *ctl);

/* error.c: each prints "splinterctl SUBCOMMAND: ..." on standard error and returns the exit code that fits. */
int ctl_usage(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
int ctl_fail(const struct ctl *ctl, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int ctl_error(const struct ctl *ctl, long err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void ctl_warn(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
int ctl_exit_of(long err);
const char *ctl_key_strerror(long err);
const char *ctl_advice(long err);

#endif /* _CTL_H */
