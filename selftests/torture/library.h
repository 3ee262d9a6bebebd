/* SPDX-License-Identifier: MIT */
/*
 * library.h - becoming and ceasing to be a writer of an embedded store, which libsplinterk does and no inline operation.
 * Who has a cell is told by process id, so that a copy of a victim is nobody: each boundary takes a victim of its own,
 * led there from the start. What happens there is as in walk.h, with the library's own reaper.
 */
#ifndef _SELFTESTS_TORTURE_LIBRARY_H
#define _SELFTESTS_TORTURE_LIBRARY_H

#include <sys/stat.h>

#include "judge.h"
#include "splinterk.h"

#define LIBRARY_WRITERS 3
#define LIBRARY_KEY "key", 3

struct library_case {
	const char *name;
	int (*before)(void); /* in the victim, not stepped through */
	int (*run)(void);
	int dead; /* writers that died before, in the middle of an insert */
};

static struct splk_store *library;
static unsigned char *library_bytes, *library_saved;
static size_t library_size;
static const struct library_case *library_case;
static int *library_result; /* shared */

static int victim_register(void)
{
	int r = splk_register(library);

	return r < 0 ? r : 0;
}

static int victim_unregister(void)
{
	return splk_unregister(library);
}

static int victim_set(void)
{
	return splk_set(library, LIBRARY_KEY, "victim's", 8, 0, NULL);
}

static int victim_reap(void)
{
	return splk_reap(library, NULL);
}

static int victim_close(void)
{
	splk_close(library);
	return 0;
}

static const struct library_case library_cases[] = {
	{ "register", NULL, victim_register, 0 },
	{ "register-reaping", NULL, victim_register, LIBRARY_WRITERS - 1 },
	{ "first-set", NULL, victim_set, 0 },
	{ "unregister", victim_register, victim_unregister, 0 },
	{ "close", victim_register, victim_close, 0 },
	{ "reap", NULL, victim_reap, LIBRARY_WRITERS - 1 },
};

#define NR_LIBRARY_CASES ((int)(sizeof(library_cases) / sizeof(library_cases[0])))

static void library_before(void)
{
	if (library_case->before && library_case->before())
		_exit(98);
}

static spl_noinline void library_work(void *arg)
{
	(void)arg;
	*library_result = library_case->run();
}

/* A process of its own that works for a moment. False: it couldn't. */
static bool newcomer(void)
{
	int status;
	pid_t pid;
	char buf[8];

	fflush(stdout);
	pid = fork();
	if (!pid) {
		status = splk_set(library, "newcomer", 8, "here", 4, 0, NULL) ||
			 splk_get(library, "newcomer", 8, buf, sizeof(buf), NULL) != 4 ||
			 splk_reap(library, NULL) || splk_delete(library, "newcomer", 8) ||
			 splk_unregister(library);
		_exit(status);
	}
	return pid > 0 && victim_wait(pid) == 0;
}

/* The harness, a writer all the time, uses the same key. */
static bool works(void)
{
	char buf[16];
	long len = splk_get(library, LIBRARY_KEY, buf, sizeof(buf), NULL);

	beat++;
	return (len == -ENOENT || (len == 8 && !memcmp(buf, "victim's", 8)) ||
		(len == 7 && !memcmp(buf, "crowd's", 7))) &&
	       !splk_set(library, LIBRARY_KEY, "crowd's", 7, 0, NULL) &&
	       splk_get(library, LIBRARY_KEY, buf, sizeof(buf), NULL) == 7 &&
	       !splk_delete(library, LIBRARY_KEY) && splk_delete(library, LIBRARY_KEY) == -ENOENT &&
	       !splk_set(library, "other", 5, "1", 1, 0, NULL);
}

/* After all are gone: everything sound, nobody registered but the harness, and every cell can be had. */
static void library_rest(void)
{
	struct splk_reaped reaped = { .size = sizeof(reaped) };
	struct spl_check_counts c;
	int i;

	if (splk_reap(library, &reaped) || splk_check(library, 0, &c)) {
		failure(NULL, "reap and check");
		return;
	}
	if (c.tentative | c.dead | c.lanes_flight | c.lanes_lost | c.lanes_shared | c.cells_bad |
	    c.keys_twice | c.overflow_stale | c.overflow_missing | c.free_stale)
		failure(NULL, "the store isn't sound");
	if (c.writers != 1 || reaped.alive != 1)
		failure(NULL, "a writer cell is lost");
	for (i = 0; i < 2; i++)
		if (!works() || !newcomer())
			failure(NULL, "something doesn't work afterwards");
}

static int library_live(void)
{
	struct splk_stats stats = { .size = sizeof(stats) };

	return splk_stats(library, &stats) ? -1 : (int)stats.writers;
}

/* Where the first victim of a case was at each boundary, and for how many times it came there. */
#define PATH_MAX_STEPS (1 << 16)
static struct {
	unsigned long pc;
	__u32 visits;
} path[PATH_MAX_STEPS];
static long path_len;

static bool watch_point(pid_t pid, unsigned long pc)
{
	return !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]), pc) &&
	       !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), pc ? 1 : 0);
}

/* Takes a victim near to a boundary with a breakpoint of the machine. Where it is now; -1: at its end. */
static long leap(pid_t pid, long at)
{
	long k, best = 0, cost = at, passed;

	for (k = at; k > 0 && at - k < cost; k--) {
		/* Not in the vDSO, which goes other ways when the time moves on. */
		if (path[k].visits + (at - k) < cost &&
		    path[k].pc - getauxval(AT_SYSINFO_EHDR) >= VDSO_BYTES) {
			cost = path[k].visits + (at - k);
			best = k;
		}
	}
	if (!best || !watch_point(pid, path[best].pc))
		return 0;
	for (passed = 0; passed < path[best].visits; passed++) {
		if (ptrace(PTRACE_CONT, pid, NULL, NULL))
			victim_fail("continue");
		if (!WIFSTOPPED(victim_wait(pid)))
			return -1;
	}
	watch_point(pid, 0);
	return best;
}

/* Leads a new victim to a boundary. -1: it went another way, or its end comes before. */
static pid_t lead_once(long at)
{
	pid_t pid;
	long k;

	memcpy(library_bytes, library_saved, library_size);
	*library_result = 1;
	pid = victim_start(library_work, NULL, library_before);
	k = leap(pid, at);
	if (k < 0)
		return -1;
	for (; k < at; k++)
		if (!victim_step(pid))
			break;
	if (at >= path_len || victim_pc(pid) == path[at].pc)
		return pid;
	victim_kill(pid);
	return -1;
}

static pid_t lead_to(long at)
{
	pid_t pid = -1;
	int tries;

	for (tries = 0; pid < 0 && tries < 8; tries++)
		pid = lead_once(at);
	return pid;
}

/* The way of a case: every boundary, and which of them change the store, or are beside those. */
static void record(unsigned char *near)
{
	unsigned char *before = malloc(library_size);
	long k = 0, i;
	pid_t pid;

	if (!before)
		die("no memory");
	path_len = 0;
	pid = lead_to(0);
	do {
		path[k].pc = victim_pc(pid);
		for (path[k].visits = 1, i = k - 1; i >= 0; i--)
			if (path[i].pc == path[k].pc) {
				path[k].visits = path[i].visits + 1;
				break;
			}
		cover(pid);
		memcpy(before, library_bytes, library_size);
		victim_step(pid);
		tally.steps++;
		if (memcmp(before, library_bytes, library_size))
			memset(near + (k > 2 ? k - 2 : 0), 1, 6);
		k++;
	} while (victim_pc(pid) != (unsigned long)victim_end && k < PATH_MAX_STEPS - 4);
	path[k].pc = (unsigned long)victim_end;
	path[k].visits = 1;
	path_len = k + 1;
	near[0] = 1;
	near[k] = 1;
	victim_kill(pid);
	free(before);
}

static void library_boundary(long at)
{
	pid_t pid = lead_to(at);

	if (pid < 0)
		return;
	place.at = at;
	tally.boundaries++;
	if (!options.only.kill) {
		tally.stops++;
		if (!works() || !newcomer())
			failure(NULL, "others cannot work beside it");
		if (victim_finish(pid) || *library_result)
			failure(NULL, "the victim did not succeed");
		else if (library_live() < 1)
			failure(NULL, "the harness lost its cell");
		library_rest();
		pid = lead_to(at);
	}
	if (pid < 0)
		return;
	place.kill = true;
	tally.kills++;
	victim_kill(pid);
	library_rest();
	place.kill = false;
}

/* Writers that died in the middle of inserting a key each. */
static void library_dead(int nr)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < nr; i++) {
		pid = fork();
		if (!pid) {
			char key = (char)('a' + i);
			struct spl_wcell *cells =
				(struct spl_wcell *)(library_bytes +
						     ((struct spl_info *)library_bytes)
							     ->regions[SPL_REGION_WRITERS]
							     .off);
			int idx = splk_register(library);

			if (idx < 0 || splk_set(library, &key, 1, &key, 1, 0, NULL))
				_exit(1);
			/* As if it had been killed before it could say that it was done. */
			cells[idx].op = SPL_OP_HELP;
			kill(getpid(), SIGKILL);
		}
		status = victim_wait(pid);
		if (!WIFSIGNALED(status))
			die("a writer that should have died: %#x", (unsigned int)status);
	}
}

static void library_make(void)
{
	struct splk_options o = {
		.size = sizeof(o),
		.flags = SPLK_CREATE,
		.geometry = { .lanes = 16,
			      .value_max = 64,
			      .max_writers = LIBRARY_WRITERS,
			      .spares = 2 },
	};
	struct stat st;

	if (splk_open("memfd:", &o, &library) || fstat(splk_fd(library), &st))
		die("a store of the library");
	library_size = (size_t)st.st_size;
	library_bytes =
		mmap(NULL, library_size, PROT_READ | PROT_WRITE, MAP_SHARED, splk_fd(library), 0);
	library_saved = malloc(library_size);
	if (library_bytes == MAP_FAILED || !library_saved || splk_register(library) < 0)
		die("a store of the library");
}

/* Through one case: which boundaries change the store, then all of those, their neighbours, and a sample or all of the rest. */
static UNUSED long library_walk(const struct library_case *c)
{
	static unsigned char near[PATH_MAX_STEPS];
	long k;

	library_result = library_result ? library_result : shared_bytes(sizeof(int));
	library_make();
	library_case = c;
	library_dead(c->dead);
	memcpy(library_saved, library_bytes, library_size);
	place.op = c->name;
	place.kind = KIND_LIBRARY;
	place.script = -1;
	place.then = -1;
	memset(near, 0, sizeof(near));
	record(near);
	for (k = 0; k < path_len; k++) {
		place.at = k;
		if (options.only.at >= 0
			    ? k == options.only.at
			    : near[k] || options.full || !draw(5, (__u64)path_len / 50 + 1))
			library_boundary(k);
	}
	munmap(library_bytes, library_size);
	free(library_saved);
	splk_close(library);
	return path_len;
}

#endif /* _SELFTESTS_TORTURE_LIBRARY_H */
