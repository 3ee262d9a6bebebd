// SPDX-License-Identifier: MIT
/*
 * fail_load.c - every allocation of loading the module fails once: nothing is left of it. The kernel's own loader says
 * in the log what it lacks, so this is apart from fail_nth.c.
 * selftest-timeout: 900
 */
#include "kselftest_harness.h"
#include "fail_nth.h"

static int any(int ret)
{
	return ret < 0; /* the loader has errors of its own for what it couldn't read */
}

static int try_load(int ko)
{
	return syscall(SYS_finit_module, ko, "lanes=10 max_writers=1", 0) ? -errno : 0;
}

TEST(a_load_that_fails_leaves_nothing_behind)
{
	char params[1024];
	int ko = module_file();

	if (may_fail() < 0 || ko < 0)
		SKIP(return,
			   "no fault injection in this kernel (a debug kernel has it), or no splinter.ko");
	module_params(params, sizeof(params));
	ASSERT_EQ(0, module_unload());
	SWEEP(try_load(ko), any, ASSERT_EQ(0, module_unload()));
	EXPECT_FALSE(module_loaded());
	EXPECT_EQ(0, module_load(ko, params));
}

TEST_HARNESS_MAIN
