/* SPDX-License-Identifier: MIT */
/*
 * demo.h - what the demo's programs have in common: values that tell whether they are whole, processes, and lines of
 * output that tools/demo/run reads. What is done to a store is race.c's and kill.c's.
 *
 * Output: "NAME NUMBER" is a result, "@DONE TOTAL" progress, anything on standard error is for people.
 */
#ifndef _DEMO_H
#define _DEMO_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "splinterk.h"

/* One value in four is of any length up to the first, the others up to the second. */
#define VALUE_BYTES_MAX 1536
#define VALUE_BYTES_SHORT 64

static inline __attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static inline void must(long err, const char *what)
{
	if (err < 0)
		die("%s: %s", what, splk_strerror((int)err));
}

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* splitmix64 */
static inline uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static inline uint32_t random_below(uint64_t *state, uint32_t n)
{
	*state = mix(*state);
	return (uint32_t)((*state >> 32) * n >> 32);
}

/* A value's first bytes; they determine its length and every byte that follows. */
struct stamp {
	uint32_t key;
	uint32_t writer;
	uint64_t seq;
};

static inline uint32_t value_make(void *buf, uint32_t max, const struct stamp *stamp)
{
	uint64_t x = mix(stamp->seq ^ (uint64_t)stamp->key << 48 ^ (uint64_t)stamp->writer << 32);
	uint32_t room = max < VALUE_BYTES_MAX ? max : VALUE_BYTES_MAX, len, at;

	if (x >> 62 && room > VALUE_BYTES_SHORT)
		room = VALUE_BYTES_SHORT;
	len = (uint32_t)sizeof(*stamp) + (uint32_t)(x % (room - sizeof(*stamp) + 1));
	memcpy(buf, stamp, sizeof(*stamp));
	for (at = sizeof(*stamp); at < len; at += 8) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		memcpy((char *)buf + at, &x, len - at < 8 ? len - at : 8);
	}
	return len;
}

/* Is this, byte for byte, a value that somebody made for this key? */
static inline bool value_holds(const void *buf, long len, uint32_t max, uint32_t key,
			       struct stamp *stamp)
{
	unsigned char want[VALUE_BYTES_MAX];

	if (len < (long)sizeof(*stamp) || len > VALUE_BYTES_MAX)
		return false;
	memcpy(stamp, buf, sizeof(*stamp));
	return stamp->key == key && value_make(want, max, stamp) == len && !memcmp(want, buf, len);
}

static inline void *shared_memory(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("shared memory: %s", strerror(errno));
	return p;
}

/* Children end with their parent, however that ends. */
static inline pid_t fork_child(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(2);
	}
	return pid;
}

static inline struct splk_store *open_store(const char *spec, bool read_only)
{
	struct splk_options options = { .size = sizeof(options),
					.flags = read_only ? SPLK_READ_ONLY : 0 };
	struct splk_store *store;

	must(splk_open(spec, &options, &store), spec);
	return store;
}

static inline uint32_t value_max_of(struct splk_store *store)
{
	struct splk_info info = { .size = sizeof(info) };

	must(splk_info(store, &info), "info");
	return info.geometry.value_max;
}

static inline void result(const char *name, uint64_t value)
{
	printf("%s %llu\n", name, (unsigned long long)value);
}

static inline void progress(uint64_t done, uint64_t total)
{
	printf("@%llu %llu\n", (unsigned long long)done, (unsigned long long)total);
	fflush(stdout);
}

#endif /* _DEMO_H */
