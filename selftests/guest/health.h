/* SPDX-License-Identifier: MIT */
/*
 * health.h - what init asks about the kernel under test; health.c answers.
 */
#ifndef GUEST_HEALTH_H
#define GUEST_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

/* From here on the kernel's log is the tests' doing. False: the log can't be read. */
bool health_start(void);

/* The first complaint in the log since the last health_forget(), or NULL. */
const char *health_complaint(void);
void health_forget(void);

/* Logs the kernel stacks of all threads that sleep; these traces are no complaint. */
void health_log_sleepers(void);

/* The bits of /proc/sys/kernel/tainted that a fault sets. */
unsigned long health_taint(void);

/* 1: kmemleak knows of a leak, described in text; 0: of none; -1: this kernel has no kmemleak. */
int health_leaks(char *text, size_t size);

void health_copy_log(const char *path);

#endif
