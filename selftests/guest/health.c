// SPDX-License-Identifier: MIT
/*
 * health.c - is the kernel well? Reads its log, its taint and kmemleak; what follows from the answer is init's business.
 */
#define _GNU_SOURCE
#include "health.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

/* Bad page, died, warned, soft lockup. */
#define TAINT_ILL (1UL << 5 | 1UL << 7 | 1UL << 9 | 1UL << 14)

static const char signs[] =
	"BUG: |WARNING: |Oops|general protection fault|Call Trace|KASAN|KCSAN|UBSAN|leak"
	"|INFO: task |INFO: possible |INFO: trying to register|possible circular"
	"|suspicious RCU|detected stall|scheduling while atomic|refcount_t: "
	"|list_(add|del) corruption|cannot create duplicate";
static regex_t sign;

/*
 * A test that has the kernel kill a process for want of memory says so in the log before. The kernel then tells, once, by
 * which calls it came there, and that is no fault.
 */
static const char oom_notice[] = "selftest: for want of memory a process will be killed";
static enum { OOM_FAULT, OOM_DUE, OOM_TOLD } oom;
static int log_fd = -1;
static char complaint[512];

static bool tell_kmemleak(const char *what)
{
	int fd = open("/sys/kernel/debug/kmemleak", O_WRONLY | O_CLOEXEC);
	bool told = fd >= 0 && write(fd, what, strlen(what)) > 0;

	if (fd >= 0)
		close(fd);
	return told;
}

bool health_start(void)
{
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd < 0 || lseek(log_fd, 0, SEEK_END) < 0)
		return false;
	if (regcomp(&sign, signs, REG_EXTENDED | REG_NOSUB))
		return false;
	klogctl(8, NULL,
		7); /* the console has all from now on: a log for those who can't read the share any more */
	tell_kmemleak("clear");
	return true;
}

const char *health_complaint(void)
{
	char record[8192], *text;
	ssize_t len;

	for (;;) {
		len = read(log_fd, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue; /* the ring went round: read on from its oldest record */
		if (len <= 0)
			return complaint[0] ? complaint : NULL;
		record[len] = 0;
		text = strchr(record, ';');
		if (!text || complaint[0])
			continue;
		text[strcspn(text, "\n")] = 0;
		/* Facility 0 is the kernel; what user space writes to /dev/kmsg has another. */
		if (atoi(record) > 7) {
			if (!strcmp(text + 1, oom_notice))
				oom = OOM_DUE;
			continue;
		}
		if (oom == OOM_DUE && strstr(text, " invoked oom-killer: ")) {
			oom = OOM_TOLD;
		} else if (oom == OOM_TOLD && strstr(text, "Call Trace")) {
			oom = OOM_FAULT;
			continue;
		}
		if (!regexec(&sign, text + 1, 0, NULL, 0))
			snprintf(complaint, sizeof(complaint), "%s", text + 1);
	}
}

void health_forget(void)
{
	complaint[0] = 0;
	oom = OOM_FAULT;
}

void health_log_sleepers(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	health_complaint();
	if (fd < 0 || write(fd, "w", 1) != 1)
		fprintf(stderr, "init: no list of sleepers: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
	lseek(log_fd, 0, SEEK_END);
}

unsigned long health_taint(void)
{
	unsigned long taint = TAINT_ILL;
	FILE *f = fopen("/proc/sys/kernel/tainted", "re");

	if (f && fscanf(f, "%lu", &taint) != 1)
		taint = TAINT_ILL;
	if (f)
		fclose(f);
	return taint & TAINT_ILL;
}

int health_leaks(char *text, size_t size)
{
	int fd = open("/sys/kernel/debug/kmemleak", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	/* An object counts after 5 s of age; only a second scan is free of what registers held during the first. */
	sleep(6);
	if (!tell_kmemleak("scan") || !tell_kmemleak("scan")) {
		snprintf(text, size, "kmemleak does not scan");
		close(fd);
		return 1;
	}
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return n > 0;
}

void health_copy_log(const char *path)
{
	int size = klogctl(10, NULL, 0);
	char *log = malloc(size > 0 ? size : 1);
	FILE *f = fopen(path, "we");

	if (f && log && size > 0) {
		size = klogctl(3, log, size);
		if (size > 0)
			fwrite(log, 1, size, f);
	}
	if (f)
		fclose(f);
	free(log);
}
