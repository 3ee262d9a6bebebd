/* SPDX-License-Identifier: MIT */
/*
 * parse.h - words of the command line as numbers, sizes, times, keys and masks. Each returns 0 or an exit code, and has
 * said then what is wrong with the word.
 */
#ifndef _PARSE_H
#define _PARSE_H

#include "ctl.h"

/* A key as given on the command line; points into the operand, which is rewritten in place. */
struct ctl_key {
	const char *data;
	size_t len;
};

int parse_u64(const struct ctl *ctl, const char *what, const char *word, uint64_t max,
	      uint64_t *out);
int parse_size(const struct ctl *ctl, const char *what, const char *word, uint64_t max,
	       uint64_t *out);
int parse_number(const struct ctl *ctl, const char *what, const char *word, uint64_t *out);
int parse_seconds(const struct ctl *ctl, const char *what, const char *word, uint64_t *out_ns);
int parse_key(const struct ctl *ctl, char *word, struct ctl_key *key);
int parse_labels(const struct ctl *ctl, char *const *words, uint64_t *mask);
int parse_groups(const struct ctl *ctl, char *const *words, uint64_t *mask);
int parse_type(const struct ctl *ctl, const char *word, uint32_t *type);

#endif /* _PARSE_H */
