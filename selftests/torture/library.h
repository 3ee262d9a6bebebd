/* SPDX-License-Identifier: MIT */
/*
 * library.h - becoming and ceasing to be a writer of an embedded store, and waiting for a key or a group, which libsplinterk
 * does and no inline operation. Who has a cell is told by process id, so that a copy of a victim is nobody: each boundary takes a victim of its own,
 * led there from the start. What happens there is as in walk.h, with the library's own reaper.
 */
#ifndef _SELFTESTS_TORTURE_LIBRARY_H
#define _SELFTESTS_TORTURE_LIBRARY_H

#include <sys/stat.h>

#include "way.h"
#include "splinterk.h"
#include "splinterk_signal.h"

#define LIBRARY_WRITERS 3
#define LIBRARY_KEY "key", 3
#define LIBRARY_GROUP 3U

struct library_case {
	const char *name;
	int (*before)(void); /* in the victim, not stepped through */
	int (*run)(void);
	int dead; /* writers that died before, in the middle of an insert */
	bool waits; /* until something happens */
	bool there; /* the key, at first */
};

static struct splk_store *library;
static unsigned char *library_bytes, *library_saved;
static size_t library_size;
static const struct library_case *library_case;
static int *library_result; /* shared */
static uint64_t library_epoch; /* of the key, at first */

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

static int victim_waits_key(void)
{
	uint64_t epoch = library_epoch;

	return splk_wait_key(library, LIBRARY_KEY, &epoch, SPLK_FOREVER, 0);
}

static int wait_groups(size_t n)
{
	struct splk_group_count counts[] = { { .group = LIBRARY_GROUP },
					     { .group = LIBRARY_GROUP + 1 } };
	int r = splk_wait_groups(library, counts, n, SPLK_FOREVER, 0);

	return r == 1 ? 0 : r;
}

static int victim_waits_group(void)
{
	return wait_groups(1);
}

static int victim_waits_groups(void)
{
	return wait_groups(2);
}

static const struct library_case library_cases[] = {
	{ "register", .run = victim_register },
	{ "register-reaping", .run = victim_register, .dead = LIBRARY_WRITERS - 1 },
	{ "first-set", .run = victim_set },
	{ "unregister", .before = victim_register, .run = victim_unregister },
	{ "close", .before = victim_register, .run = victim_close },
	{ "reap", .run = victim_reap, .dead = LIBRARY_WRITERS - 1 },
	{ "wait-key", .run = victim_waits_key, .waits = true, .there = true },
	{ "wait-birth", .run = victim_waits_key, .waits = true },
	{ "wait-group", .run = victim_waits_group, .waits = true },
	{ "wait-groups", .run = victim_waits_groups, .waits = true },
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

/* What the victim waits for, once. */
static void happens(void)
{
	beat++;
	if (splk_set(library, LIBRARY_KEY, "crowd's", 7, 0, NULL) ||
	    splk_signal(library, 1ULL << LIBRARY_GROUP))
		failure(NULL, "a change doesn't work beside it");
}

/* How often somebody has rung. */
static __u32 rings(void)
{
	const struct spl_info *info = (const struct spl_info *)library_bytes;
	const struct spl_signal *signal =
		(const struct spl_signal *)(library_bytes + info->regions[SPL_REGION_SIGNAL].off);
	__u32 i, sum = 0;

	for (i = 0; i < SPL_GROUPS; i++)
		sum += spl_load(&signal->group[i].bell) + spl_load(&signal->bell[i].bell);
	return sum;
}

/* Nobody sleeps: one needless ring at most. */
static bool all_quiet(void)
{
	__u32 before;

	happens();
	before = rings();
	happens();
	return rings() == before;
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
	if (library_case->waits && !all_quiet())
		failure(NULL, "a writer rings for nobody, time and again");
	for (i = 0; i < 2; i++)
		if (!works() || !newcomer())
			failure(NULL, "something doesn't work afterwards");
}

static int library_live(void)
{
	struct splk_stats stats = { .size = sizeof(stats) };

	return splk_stats(library, &stats) ? -1 : (int)stats.writers;
}

static void library_reset(void)
{
	memcpy(library_bytes, library_saved, library_size);
	*library_result = 1;
}

static struct way library_way = {
	.work = library_work,
	.before = library_before,
	.reset = library_reset,
};

/* A victim that waits, stopped or asleep: one change wakes it, and nothing else does. */
static void library_wait(long at)
{
	pid_t pid = way_lead(&library_way, at);

	if (pid < 0)
		return;
	tally.stops++;
	happens();
	if (victim_finish(pid) || *library_result)
		failure(NULL, "the victim did not succeed");
	library_rest();
}

static void library_boundary(long at)
{
	bool waits = library_case->waits;
	pid_t pid;

	if (waits && !options.only.kill)
		library_wait(at);
	pid = way_lead(&library_way, at);
	if (pid < 0) {
		tally.lost++;
		return;
	}
	place.at = at;
	tally.boundaries++;
	if (!options.only.kill) {
		tally.stops++;
		if (!works() || !newcomer())
			failure(NULL, "others cannot work beside it");
		if (waits)
			happens();
		if (victim_finish(pid) || *library_result)
			failure(NULL, "the victim did not succeed");
		else if (library_live() < 1)
			failure(NULL, "the harness lost its cell");
		library_rest();
		pid = way_lead(&library_way, at);
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
static UNUSED void library_walk(const struct library_case *c)
{
	long k, end;

	library_epoch = 0;
	library_result = library_result ? library_result : shared_bytes(sizeof(int));
	library_make();
	library_case = c;
	library_dead(c->dead);
	if (c->there && (splk_set(library, LIBRARY_KEY, "crowd's", 7, 0, NULL) ||
			 splk_epoch(library, LIBRARY_KEY, &library_epoch)))
		die("the key");
	memcpy(library_saved, library_bytes, library_size);
	place.op = c->name;
	place.kind = KIND_LIBRARY;
	place.script = -1;
	place.then = -1;
	library_way.bytes = library_bytes;
	library_way.size = library_size;
	way_record(&library_way);
	end = way_boundaries(&library_way);
	tally.all += (unsigned long)end;
	for (k = 0; k < end; k++) {
		place.at = k;
		if (options.only.at >= 0 ? k == options.only.at
					 : library_way.near[k] || options.full ||
						   !draw(5, c->waits ? (__u64)end / 400 + 1
								     : (__u64)end / 50 + 1))
			library_boundary(k);
	}
	munmap(library_bytes, library_size);
	free(library_saved);
	splk_close(library);
}

#endif /* _SELFTESTS_TORTURE_LIBRARY_H */
