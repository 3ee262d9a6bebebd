/* SPDX-License-Identifier: MIT */
/* guest.h - what calls.c and wake.c share: giving up, the clock, and a line of their table. */
#ifndef _GUEST_H
#define _GUEST_H

#include <stdbool.h>

#define ROUNDS 15

struct figure {
	const char *name, *against;
	int subject, reference;
	double bound; /* what the ratio mustn't exceed; 0: only reported */
};

__attribute__((noreturn)) void die(const char *what); /* says errno too */
double now_ns(void);
int compare_doubles(const void *a, const void *b);
void print_head(void);
/* @ns: by subject, what each round took. Whether the bound is met. */
bool print_figure(const struct figure *f, const double (*ns)[ROUNDS]);

#endif /* _GUEST_H */
