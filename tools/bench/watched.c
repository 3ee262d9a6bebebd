// SPDX-License-Identifier: MIT
/*
 * watched.c - what it costs to tell: sets of keys that are bound to a group on which nobody sleeps, and labels as a work queue,
 * which is also checked: of two processes that take the same keys each key is taken by one.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define KEYS 10000
#define BYTES 64
#define QUEUE_KEYS 100000

#define WAITING 1ULL
#define SERVICING 2ULL

static struct bench_store plain, bound, queue;
static struct work plain_w, bound_w;

static void watched_figures(void)
{
	struct group g = { .name = "watched keys" };
	int set = group_subject(&g, "", data_set, &plain_w);
	int told = group_subject(&g, "", data_set, &bound_w);
	struct key16 key;
	uint64_t i;

	group_figure(&g, "set of a watched key, nobody sleeps", told, set, COST, 1.3,
		     "set of a key that isn't watched");
	if (!group_wanted(&g))
		return;
	plain.info.geometry.flags = bound.info.geometry.flags = SPL_GEOMETRY_WATCH;
	store_make(&plain, KEYS, BYTES, PAGES_LARGE);
	store_make(&bound, KEYS, BYTES, PAGES_LARGE);
	for (i = 0; i < KEYS; i++) {
		key_of(i, &key);
		if (spl_watch(&bound.w, key.b, KEY_BYTES, 1ULL << i % SPL_GROUPS, 0, NULL))
			die("a key can't be watched");
	}
	work_make(&plain_w, &plain, UNIFORM, 1, ALL);
	work_make(&bound_w, &bound, UNIFORM, 1, ALL);
	group_run(&g);
	work_drop(&plain_w);
	work_drop(&bound_w);
	store_drop(&plain);
	store_drop(&bound);
}

/* Takes what waits, from one end to the other; how many it got. */
static void take_all(uint32_t idx, uint32_t *taken)
{
	const struct spl_attr_edit edit = { .labels_must = WAITING | SERVICING,
					    .labels_are = WAITING,
					    .labels_clear = WAITING,
					    .labels_set = SERVICING,
					    .type = SPL_ATTR_KEEP_TYPE };
	struct spl_writer w;
	struct key16 key;
	uint64_t i;
	int r;

	if (spl_writer_init(&w, &queue.s, idx))
		die("no writer");
	pin(idx == 1 ? cpu_mine() : cpu_other());
	for (i = 0; i < QUEUE_KEYS; i++) {
		key_of(i, &key);
		r = spl_attr_change(&w, key.b, KEY_BYTES, &edit, NULL);
		if (r && r != -ESTALE)
			die("test-and-set: %d", r);
		taken[i] += !r;
	}
}

/* One trial: all keys wait, two processes take them. */
static void queue_run(void *context, uint64_t ops)
{
	struct spl_attr_edit edit = { .labels_set = WAITING,
				      .labels_clear = SERVICING,
				      .type = SPL_ATTR_KEEP_TYPE };
	struct subject *s = context;
	uint32_t *taken = mmap(NULL, 2 * QUEUE_KEYS * sizeof(*taken), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct key16 key;
	double began;
	int status;
	uint64_t i;
	pid_t pid;

	(void)ops;
	if (taken == MAP_FAILED)
		die("no memory");
	for (i = 0; i < QUEUE_KEYS; i++) {
		key_of(i, &key);
		if (spl_attr_change(&queue.w, key.b, KEY_BYTES, &edit, NULL))
			die("a label");
	}
	began = now_ns();
	pid = fork();
	if (!pid) {
		take_all(2, taken + QUEUE_KEYS);
		_exit(0);
	}
	take_all(1, taken);
	if (waitpid(pid, &status, 0) != pid || status)
		die("the second worker failed");
	s->told_ns = (now_ns() - began) / QUEUE_KEYS;
	pin(cpu_mine());
	for (i = 0; i < QUEUE_KEYS; i++)
		if (taken[i] + taken[QUEUE_KEYS + i] != 1)
			die("key %llu was taken %u times", (unsigned long long)i,
			    taken[i] + taken[QUEUE_KEYS + i]);
	munmap(taken, 2 * QUEUE_KEYS * sizeof(*taken));
}

static void queue_figures(void)
{
	struct group g = { .name = "labels" };
	int take = group_subject(&g, "", queue_run, &g.subjects[0]);

	g.subjects[take].once = true;
	group_figure(&g, "label test-and-set, 2 workers, 100 k keys, 0 errors", take, -1, COST, 0,
		     "each key taken exactly once, or this ends");
	if (!group_wanted(&g))
		return;
	store_make(&queue, QUEUE_KEYS, 8, PAGES_SHARED);
	group_run(&g);
	store_drop(&queue);
}

void section_watched(void)
{
	watched_figures();
	queue_figures();
}
