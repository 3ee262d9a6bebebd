/* SPDX-License-Identifier: MIT */
/*
 * fail_nth.h - makes the n-th allocation, or copy of user memory, of a system call fail, for every n.
 */
#ifndef SPL_TEST_FAIL_NTH_H
#define SPL_TEST_FAIL_NTH_H

#include "module.h"

static int nth_fd = -1;

static UNUSED void tell(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY);

	if (fd >= 0) {
		if (write(fd, value, strlen(value)) < 0)
			perror(file);
		close(fd);
	}
}

/* While it is armed, the copies of these two calls may be the ones that fail; that disarms it. */
static UNUSED void arm(int n)
{
	char buf[16];
	int len = snprintf(buf, sizeof(buf), "%d", n), tries;

	for (tries = 0; pwrite(nth_fd, buf, len, 0) < 0; tries++)
		if (tries > 10)
			_exit(97);
}

/* Was the fault injected since arm()? Disarms. */
static UNUSED int hit(void)
{
	char buf[16] = {};
	int ret = pread(nth_fd, buf, sizeof(buf) - 1, 0) < 0 ? 0 : atoi(buf) == 0;

	arm(0);
	return ret;
}

/* All places may fail, and say nothing of it in the kernel's log. */
static UNUSED int may_fail(void)
{
	tell("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	tell("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	tell("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	tell("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	tell("/sys/kernel/debug/failslab/verbose", "0");
	tell("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	tell("/sys/kernel/debug/fail_usercopy/verbose", "0");
	tell("/sys/kernel/debug/fail_futex/verbose", "0");
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	return nth_fd;
}

#define NEEDS_FAULTS()                                                                            \
	do {                                                                                      \
		if (nth_fd < 0)                                                                   \
			SKIP(return, "no fault injection in this kernel; a debug kernel has it"); \
	} while (0)

/* Runs @op with the n-th failing for n = 1, 2, ... until nothing is left to fail; @undo after each success.
 * @is_fault tells whether an error may come of that. */
#define SWEEP(op, is_fault, undo)                                       \
	do {                                                            \
		int n, ret, was_hit = 1, failed = 0;                    \
		for (n = 1; was_hit && n < 5000; n++) {                 \
			arm(n);                                         \
			ret = (op);                                     \
			was_hit = hit();                                \
			if (ret >= 0) {                                 \
				undo;                                   \
				continue;                               \
			}                                               \
			failed++;                                       \
			ASSERT_TRUE(was_hit &&is_fault(ret))            \
			{                                               \
				TH_LOG("n = %d: %d", n, ret);           \
			}                                               \
		}                                                       \
		ASSERT_FALSE(was_hit);                                  \
		TH_LOG("%d places, %d failed the call", n - 2, failed); \
	} while (0)

#endif
