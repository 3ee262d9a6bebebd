/* SPDX-License-Identifier: MIT */
/*
 * access.h - leads a victim from one access to the store to the next. Between two of them nobody else can see that it moves,
 * and it can't see what others do: all boundaries there are one place to stop at. The store is out of the victim's reach, so
 * that the processor stops it at each access; who lets it go opens the store for it before.
 */
#ifndef _SELFTESTS_TORTURE_ACCESS_H
#define _SELFTESTS_TORTURE_ACCESS_H

#include "judge.h"

static void protect(pid_t pid, int prot)
{
	if (victim_call(pid, SYS_mprotect, (unsigned long)world.data, world.bytes,
			(unsigned long)prot))
		victim_fail("mprotect");
}

static UNUSED void access_open(pid_t pid)
{
	protect(pid, PROT_READ | PROT_WRITE);
}

static UNUSED void access_close(pid_t pid)
{
	protect(pid, PROT_NONE);
}

/* Instruction by instruction, so that all the code is told of that it goes through. */
static bool access_slowly;

static bool access_at_end(pid_t pid)
{
	return victim_pc(pid) == (unsigned long)victim_gone + 1;
}

static int run_on(pid_t pid)
{
	int status;

	do {
		if (access_slowly)
			cover(pid);
		status = victim_resume(pid, access_slowly ? PTRACE_SINGLESTEP : PTRACE_CONT);
		tally.steps += access_slowly;
	} while (access_slowly && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP &&
		 !access_at_end(pid));
	return status;
}

/* To the next access of a victim that the store is closed to. False: it has come to its end without. */
static UNUSED bool access_next(pid_t pid)
{
	unsigned long from = (unsigned long)world.data;
	siginfo_t info;
	int status;

	beat++;
	if (access_at_end(pid))
		return false;
	status = run_on(pid);
	if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP && access_at_end(pid))
		return false;
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSEGV ||
	    ptrace(PTRACE_GETSIGINFO, pid, NULL, &info) ||
	    (unsigned long)info.si_addr - from >= world.bytes)
		die("%s: the victim died by itself, status %#x", place.op, (unsigned int)status);
	cover(pid);
	return true;
}

/* Makes the access; the store is open to the victim. */
static UNUSED void access_make(pid_t pid)
{
	victim_step(pid);
	tally.steps++;
	if (victim_died)
		die("%s: the victim died of its access", place.op);
}

#endif /* _SELFTESTS_TORTURE_ACCESS_H */
