/* SPDX-License-Identifier: MIT */
/*
 * way.h - victims that can't be copied, because somebody knows them by their process: each boundary takes one of its own,
 * which is led there from the start, most of the way by one of the machine's breakpoints. What is done to it there is
 * its caller's.
 */
#ifndef _SELFTESTS_TORTURE_WAY_H
#define _SELFTESTS_TORTURE_WAY_H

#include <linux/perf_event.h>

#include "judge.h"

#define WAY_MAX (1 << 16)

/**
 * struct way - what such victims do, and where the first of them was at each boundary
 * @work: stepped through
 * @arg: for @work
 * @before: done by each victim before it is stepped through
 * @reset: done by the harness before each victim
 * @meanwhile: NULL, or done by the harness after @before
 * @bytes: the store
 * @size: its bytes
 * @len: out: boundaries
 * @sleeps: out: at the last of them the victim is about to sleep until somebody else does something; one more boundary
 *	is the sleep
 * @near: out: boundaries at which the store has just changed, or is about to, or nearly so; and the kernel is called
 * @pc: out: where the victim is
 * @visits: out: for how many times it comes there
 */
struct way {
	victim_fn *work;
	void *arg;
	void (*before)(void);
	void (*reset)(void);
	void (*meanwhile)(void);
	unsigned char *bytes;
	size_t size;
	long len;
	bool sleeps;
	unsigned char near[WAY_MAX];
	unsigned long pc[WAY_MAX];
	__u32 visits[WAY_MAX];
};

static bool watch_point(pid_t pid, unsigned long pc)
{
	return !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]), pc) &&
	       !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), pc ? 1 : 0);
}

/*
 * The kernel switches its scheduler's hooks on with the first event of a process and off after the last one, by patching
 * its own code on running CPUs, and a breakpoint of the machine is such an event. One that stays keeps it from doing that
 * for each victim (and from waiting for a grace period each time). Where it isn't allowed, all goes on without.
 */
static void way_keep_hooks(void)
{
	static bool kept;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	if (!kept)
		kept = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC) >= 0;
}

/* In the middle of one instruction that repeats itself: a breakpoint is passed once only. */
static bool way_repeats(const struct way *w, long k)
{
	return k && w->pc[k - 1] == w->pc[k];
}

/* Takes a victim near to a boundary. Where it is now; -1: at its end. */
static long way_leap(const struct way *w, pid_t pid, long at)
{
	long k, best = 0, cost = at;
	__u32 passed;

	for (k = at; k > 0 && at - k < cost; k--) {
		/* Not in the vDSO, which goes other ways when the time moves on. */
		if (w->visits[k] + (at - k) < cost && !way_repeats(w, k) &&
		    w->pc[k] - getauxval(AT_SYSINFO_EHDR) >= VDSO_BYTES) {
			cost = w->visits[k] + (at - k);
			best = k;
		}
	}
	if (!best || !watch_point(pid, w->pc[best]))
		return 0;
	for (passed = 0; passed < w->visits[best]; passed++) {
		if (!WIFSTOPPED(victim_resume(pid, PTRACE_CONT)))
			return -1;
	}
	watch_point(pid, 0);
	return best;
}

static pid_t way_lead_once(const struct way *w, long at)
{
	pid_t pid;
	long k;

	w->reset();
	pid = victim_start(w->work, w->arg, w->before);
	if (w->meanwhile)
		w->meanwhile();
	k = way_leap(w, pid, at);
	if (k < 0)
		return -1;
	for (; k < at; k++)
		if (!victim_step(pid))
			break;
	beat++;
	if (at >= w->len || victim_pc(pid) == w->pc[at])
		return pid;
	victim_kill(pid);
	return -1;
}

static UNUSED long way_boundaries(const struct way *w)
{
	return w->len + w->sleeps;
}

/* Leads a new victim to a boundary. -1: it went another way, time and again. */
static UNUSED pid_t way_lead(const struct way *w, long at)
{
	bool doze = w->sleeps && at == w->len;
	pid_t pid = -1;
	int tries;

	for (tries = 0; pid < 0 && tries < 8; tries++)
		pid = way_lead_once(w, doze ? at - 1 : at);
	if (doze && pid >= 0)
		victim_doze(pid);
	return pid;
}

/* The victim is at boundary @k. */
static void way_note(struct way *w, long k, pid_t pid)
{
	long i;

	w->pc[k] = victim_pc(pid);
	for (w->visits[k] = 1, i = k - 1; i >= 0; i--) {
		if (w->pc[i] == w->pc[k]) {
			w->visits[k] = w->visits[i] + !way_repeats(w, k);
			break;
		}
	}
	cover(pid);
}

/* The first victim. */
static UNUSED void way_record(struct way *w)
{
	unsigned char *was = malloc(w->size);
	bool calls;
	long k = 0;
	pid_t pid;

	if (!was)
		die("no memory");
	way_keep_hooks();
	w->len = 0;
	w->sleeps = false;
	memset(w->near, 0, sizeof(w->near));
	pid = way_lead(w, 0);
	do {
		way_note(w, k, pid);
		memcpy(was, w->bytes, w->size);
		calls = victim_calls(pid);
		victim_step(pid);
		tally.steps++;
		beat++;
		if (calls || memcmp(was, w->bytes, w->size))
			memset(w->near + (k > 2 ? k - 2 : 0), 1, 6);
		k++;
		w->sleeps = victim_lies_down(pid);
	} while (!w->sleeps && victim_pc(pid) != (unsigned long)victim_end && k < WAY_MAX - 4);
	way_note(w, k, pid);
	w->len = k + 1;
	w->near[0] = 1;
	w->near[k] = 1;
	w->near[k + 1] = 1;
	victim_kill(pid);
	free(was);
}

#endif /* _SELFTESTS_TORTURE_WAY_H */
