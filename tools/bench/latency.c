// SPDX-License-Identifier: MIT
/*
 * latency.c - how long single operations take: percentiles. A clock that is read around each one costs as much as the
 * operation, so what two readings with nothing in between take is subtracted, and the floor is treated alike.
 */
#include <stdlib.h>

#include "bench.h"

#define KEYS 10000
#define BYTES 64

#ifdef __x86_64__
#include <x86intrin.h>
static inline uint64_t ticks(void)
{
	uint64_t t;

	_mm_lfence();
	t = __rdtsc();
	_mm_lfence();
	return t;
}
#else
static inline uint64_t ticks(void)
{
	return (uint64_t)now_ns();
}
#endif

static double ns_per_tick(void)
{
	double began = now_ns();
	uint64_t first = ticks();

	while (now_ns() - began < 2e7)
		;
	return (now_ns() - began) / (double)(ticks() - first);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void nothing(void *context, uint64_t ops)
{
	__asm__ volatile("" : : "r"(context), "r"(ops) : "memory");
}

static void one(const char *name, void (*run)(void *, uint64_t), struct work *w)
{
	static const double shares[] = { 0.5, 0.95, 0.99, 0.999 };
	uint64_t n = settings.quick ? 100000 : 1000000, i, began, empty;
	uint64_t *took = calloc(n, sizeof(*took));
	double ns[5], scale = ns_per_tick();
	/* Called as the operations are, so that the call is subtracted too. */
	void (*volatile call)(void *, uint64_t) = nothing;

	if (!took)
		die("no memory");
	for (i = 0; i < n; i++) {
		began = ticks();
		call(w, 1);
		took[i] = ticks() - began;
	}
	qsort(took, n, sizeof(*took), compare);
	empty = took[n / 2];
	call = run;
	run(w, 2 * w->q.n);
	for (i = 0; i < n; i++) {
		if (!(i & 0xffff))
			progress("latency of %s", name);
		began = ticks();
		call(w, 1);
		took[i] = ticks() - began;
	}
	qsort(took, n, sizeof(*took), compare);
	for (i = 0; i < 5; i++) {
		began = took[i < 4 ? (uint64_t)(shares[i] * (double)n) : n - 1];
		ns[i] = began > empty ? (double)(began - empty) * scale : 0;
	}
	report_latency(name, ns);
	free(took);
}

void section_latency(void)
{
	static const struct {
		const char *name;
		void (*run)(void *, uint64_t);
	} list[] = {
		{ "latency of get", data_get },
		{ "latency of the get's floor", floor_get },
		{ "latency of set", data_set },
		{ "latency of the set's floor", floor_set },
	};
	static struct bench_store b;
	static struct work w;
	size_t i;

	for (i = 0; i < 4; i++) {
		if (!wanted(list[i].name))
			continue;
		if (!b.map) {
			store_make(&b, KEYS, BYTES, PAGES_LARGE);
			work_make(&w, &b, UNIFORM, 7, ALL);
		}
		one(list[i].name, list[i].run, &w);
	}
	if (b.map) {
		work_drop(&w);
		store_drop(&b);
	}
}
