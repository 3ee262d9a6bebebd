/* SPDX-License-Identifier: MIT */
/* fixture.h - stores to test on, and a look behind the library at their bytes. */
#ifndef _SELFTESTS_NATIVE_FIXTURE_H
#define _SELFTESTS_NATIVE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "splinter_ops.h"
#include "splinterk.h"
#include "tap.h"

#define KEY(text) text, (sizeof(text) - 1)

static inline struct splk_options options_for(uint64_t lanes, uint32_t value_max)
{
	return (struct splk_options){
		.size = sizeof(struct splk_options),
		.flags = SPLK_CREATE,
		.geometry = { .lanes = lanes, .value_max = value_max },
	};
}

static inline struct splk_store *fresh_with(const struct splk_options *options)
{
	struct splk_store *store = NULL;
	int err = splk_open("memfd:", options, &store);

	if (err)
		printf("# %s\n", splk_strerror(err));
	MUST(!err, "a fresh store");
	return store;
}

static inline struct splk_store *fresh(uint64_t lanes, uint32_t value_max)
{
	struct splk_options options = options_for(lanes, value_max);

	return fresh_with(&options);
}

/* A folder of this test's own; the caller removes it. */
static inline char *folder(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/splinter-test-XXXXXX");
	MUST(mkdtemp(path), "a folder in /tmp");
	return path;
}

/* The store's bytes, writable: what a hostile or buggy process has. */
static inline char *raw(struct splk_store *store)
{
	struct stat st;
	char *bytes;

	MUST(!fstat(splk_fd(store), &st), "size of the store");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, splk_fd(store),
		     0);
	MUST(bytes != MAP_FAILED, "a second mapping of the store");
	return bytes;
}

static inline struct spl_wcell *raw_cells(struct splk_store *store)
{
	char *bytes = raw(store);

	return (struct spl_wcell *)(bytes +
				    ((struct spl_info *)bytes)->regions[SPL_REGION_WRITERS].off);
}

static inline uint32_t writers_now(struct splk_store *store)
{
	struct splk_stats stats = { .size = sizeof(stats) };

	MUST(!splk_stats(store, &stats), "statistics");
	return stats.writers;
}

/* Is the store sound, now that nobody writes? Says what isn't. */
static inline bool sound(struct splk_store *store)
{
	struct spl_check_counts c;
	int err = splk_check(store, 0, &c);
	bool good = !err && !(c.tentative | c.dead | c.lanes_flight | c.lanes_lost |
			      c.lanes_shared | c.cells_bad | c.keys_twice | c.overflow_stale |
			      c.overflow_missing | c.free_stale);

	if (!good)
		printf("# check %d: live %llu tentative %llu dead %llu flight %llu lost %llu shared "
		       "%llu bad %llu twice %llu overflow %llu/%llu free %llu\n",
		       err, c.live, c.tentative, c.dead, c.lanes_flight, c.lanes_lost,
		       c.lanes_shared, c.cells_bad, c.keys_twice, c.overflow_stale,
		       c.overflow_missing, c.free_stale);
	return good;
}

/* Status of a child that exits by itself: 0..255; 1000 + signal otherwise. */
static inline int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static inline double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* What this process has cost: unlike the time on the wall it doesn't depend on who else runs. */
static inline double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline void nap_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

#endif /* _SELFTESTS_NATIVE_FIXTURE_H */
