/* SPDX-License-Identifier: MIT */
/*
 * victim.h - a process that is led through a function one instruction at a time, copied at any instruction (a copy is a
 * process of its own that stands at the same instruction, with the same private memory), killed, or let go. x86-64.
 */
#ifndef _SELFTESTS_TORTURE_VICTIM_H
#define _SELFTESTS_TORTURE_VICTIM_H

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where a victim is made to call the kernel, where its function has ended, and where it stops thereafter. */
void victim_call_site(void);
void victim_end(void);
void victim_gone(void);
__asm__(".text\n"
	".globl victim_call_site\n"
	"victim_call_site: syscall\n"
	"	int3\n"
	".globl victim_end\n"
	"victim_end: ret\n"
	".globl victim_gone\n"
	"victim_gone: int3\n"
	"	ret\n");

#define VICTIM_SYSCALL 0x050fUL /* the instruction */
#define VICTIM_SYS_FUTEX_WAITV 449

typedef void victim_fn(void *arg);

static void __attribute__((noreturn)) victim_fail(const char *what)
{
	printf("Bail out! ptrace: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int victim_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) != pid)
		if (errno != EINTR)
			victim_fail("wait");
	return status;
}

/*
 * Lets it run as @request says, and waits for it. What stops and continues all processes for a while, from outside, is no
 * business of a victim's.
 */
static int victim_resume(pid_t pid, int request)
{
	int status;

	do {
		if (ptrace(request, pid, NULL, NULL))
			victim_fail("continue");
		status = victim_wait(pid);
	} while (WIFSTOPPED(status) &&
		 (WSTOPSIG(status) == SIGCONT || WSTOPSIG(status) == SIGSTOP));
	return status;
}

static void victim_must_stop(int status, const char *what)
{
	if (WIFSTOPPED(status) && (WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP ||
				   WSTOPSIG(status) == SIGCONT))
		return;
	errno = 0;
	printf("# status %#x\n", (unsigned int)status);
	victim_fail(what);
}

static __attribute__((unused)) unsigned long victim_pc(pid_t pid)
{
	errno = 0;
	return (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), NULL);
}

/* One instruction. False: the function has ended, or (victim_died) it ended the process. */
static bool victim_died;

static __attribute__((unused)) bool victim_step(pid_t pid)
{
	int status;

	if (victim_pc(pid) == (unsigned long)victim_end)
		return false;
	status = victim_resume(pid, PTRACE_SINGLESTEP);
	victim_died = !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP;
	return !victim_died && victim_pc(pid) != (unsigned long)victim_end;
}

/* Starts a process that has done @before, if that is not NULL, and stands before the first instruction of @fn. */
static __attribute__((unused)) pid_t victim_start(victim_fn *fn, void *arg, void (*before)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		victim_fail("fork");
	if (!pid) {
		if (before)
			before();
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(99);
		__asm__ volatile("int3" ::: "memory");
		fn(arg);
		victim_end();
		victim_gone();
		_exit(0);
	}
	victim_must_stop(victim_wait(pid),
			 "it is refused here, and without it nothing can be tested");
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL,
		   PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE))
		victim_fail("options");
	while (victim_pc(pid) != (unsigned long)fn)
		victim_step(pid);
	return pid;
}

/* Makes it call the kernel where it stands; what came of it. */
static __attribute__((unused)) long victim_call(pid_t pid, long nr, unsigned long a,
						unsigned long b, unsigned long c)
{
	struct user_regs_struct regs, call;
	long r;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		victim_fail("registers");
	regs.orig_rax = (unsigned long)-1;
	call = regs;
	call.rip = (unsigned long)victim_call_site;
	call.rax = (unsigned long)nr;
	call.rdi = a;
	call.rsi = b;
	call.rdx = c;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &call))
		victim_fail("registers");
	victim_must_stop(victim_resume(pid, PTRACE_CONT), "call");
	r = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rax), NULL);
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs))
		victim_fail("registers");
	return r;
}

/* A process at the same instruction as @pid. */
static __attribute__((unused)) pid_t victim_copy(pid_t pid)
{
	struct user_regs_struct regs, call;
	unsigned long copy;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		victim_fail("registers");
	regs.orig_rax = (unsigned long)-1;
	call = regs;
	call.rip = (unsigned long)victim_call_site;
	call.rax = SYS_clone;
	call.rdi = CLONE_PARENT | SIGCHLD;
	call.rsi = 0;
	call.rdx = 0;
	call.r10 = 0;
	call.r8 = 0;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &call))
		victim_fail("registers");
	victim_must_stop(victim_resume(pid, PTRACE_CONT), "copy");
	if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &copy))
		victim_fail("copy");
	victim_must_stop(victim_wait((pid_t)copy), "the copy");
	victim_must_stop(victim_resume(pid, PTRACE_CONT), "after copying");
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) ||
	    ptrace(PTRACE_SETREGS, (pid_t)copy, NULL, &regs))
		victim_fail("registers");
	return (pid_t)copy;
}

/* Is the next instruction a call of the kernel? */
static __attribute__((unused)) bool victim_calls(pid_t pid)
{
	errno = 0;
	return ((unsigned long)ptrace(PTRACE_PEEKTEXT, pid, victim_pc(pid), NULL) & 0xffff) ==
	       VICTIM_SYSCALL;
}

/* Is it a call that sleeps until another process does something? */
static __attribute__((unused)) bool victim_lies_down(pid_t pid)
{
	struct user_regs_struct regs;
	int op;

	if (!victim_calls(pid))
		return false;
	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		victim_fail("registers");
	op = (int)regs.rsi & FUTEX_CMD_MASK;
	return regs.rax == VICTIM_SYS_FUTEX_WAITV ||
	       (regs.rax == SYS_futex && (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET));
}

/* Does a process sleep? */
static __attribute__((unused)) bool process_sleeps(pid_t pid)
{
	char path[32], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		victim_fail("its state");
	fclose(f);
	return state == 'S';
}

/* The one that runs, or rather sleeps. */
static pid_t victim_dozing;

static bool victim_from_outside(int status)
{
	return WIFSTOPPED(status) && (WSTOPSIG(status) == SIGCONT || WSTOPSIG(status) == SIGSTOP);
}

/* Lets a victim that lies down fall asleep. */
static __attribute__((unused)) void victim_doze(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_CONT, pid, NULL, NULL))
		victim_fail("continue");
	victim_dozing = pid;
	while (!process_sleeps(pid)) {
		if (waitpid(pid, &status, __WALL | WNOHANG) == pid) {
			if (!victim_from_outside(status))
				victim_fail("it does not sleep");
			if (ptrace(PTRACE_CONT, pid, NULL, NULL))
				victim_fail("continue");
		}
		sched_yield();
	}
}

/* On from where it stands, or sleeps. */
static int victim_go_on(pid_t pid)
{
	int status;

	if (victim_dozing != pid)
		return victim_resume(pid, PTRACE_CONT);
	victim_dozing = 0;
	status = victim_wait(pid);
	return victim_from_outside(status) ? victim_resume(pid, PTRACE_CONT) : status;
}

static __attribute__((unused)) void victim_kill(pid_t pid)
{
	if (victim_dozing == pid)
		victim_dozing = 0;
	kill(pid, SIGKILL);
	while (!WIFSIGNALED(victim_wait(pid)))
		;
}

/* Lets it run to its end. Its exit status; 1000 and more: it died of a signal. */
static __attribute__((unused)) int victim_finish(pid_t pid)
{
	int status;

	for (;;) {
		status = victim_go_on(pid);
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (WIFSIGNALED(status))
			return 1000 + WTERMSIG(status);
		if (WSTOPSIG(status) != SIGTRAP) {
			victim_kill(pid);
			return 1000 + WSTOPSIG(status);
		}
	}
}

#endif /* _SELFTESTS_TORTURE_VICTIM_H */
