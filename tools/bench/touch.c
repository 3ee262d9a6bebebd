// SPDX-License-Identifier: MIT
/* touch.c - what a process pays that comes to a store of 1 GiB: open, map, and the first get. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "splinterk.h"

#define STORE_BYTES (1ULL << 30)
#define VALUE_BYTES 1024

static char path[192];
static uint64_t map_bytes;
static struct subject *ours, *bare;

static void open_and_get(void *context, uint64_t ops)
{
	struct splk_store *store;
	char value[VALUE_BYTES];
	double began = now_ns();
	struct key16 key;

	(void)context;
	(void)ops;
	key_of(0, &key);
	if (splk_open(path, NULL, &store) ||
	    splk_get(store, key.b, KEY_BYTES, value, sizeof(value), NULL) != sizeof(value))
		die("the store of 1 GiB can't be read");
	ours->told_ns = now_ns() - began;
	splk_close(store);
}

/* The same without a store: open, map all of it, read one byte of the info page, the middle and the end. */
static void open_and_touch(void *context, uint64_t ops)
{
	double began = now_ns();
	int fd = open(path + strlen("file:"), O_RDWR | O_CLOEXEC);
	char *at = mmap(NULL, map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)context;
	(void)ops;
	if (fd < 0 || at == MAP_FAILED)
		die("the file of 1 GiB can't be mapped");
	*(volatile char *)at;
	*(volatile char *)(at + map_bytes / 2);
	*(volatile char *)(at + map_bytes - 1);
	bare->told_ns = now_ns() - began;
	munmap(at, map_bytes);
	close(fd);
}

static void make(uint64_t lanes)
{
	struct splk_options options = {
		.size = sizeof(options),
		.flags = SPLK_CREATE | SPLK_EXCL,
		.geometry = { .lanes = lanes, .value_max = VALUE_BYTES, .key_max = KEY_BYTES },
	};
	char value[VALUE_BYTES] = { 0 };
	struct splk_store *store;
	struct key16 key;
	int i, r = splk_open(path, &options, &store);

	if (r)
		die("no store of 1 GiB: %s", splk_strerror(r));
	for (i = 0; i < 1000; i++) {
		key_of((uint64_t)i, &key);
		if (splk_set(store, key.b, KEY_BYTES, value, sizeof(value), 0, NULL))
			die("no key");
	}
	splk_close(store);
}

void section_touch(void)
{
	struct group g = { .name = "first touch", .rounds = settings.rounds };
	int a = group_subject(&g, "", open_and_get, NULL);
	int b = group_subject(&g, "", open_and_touch, NULL);
	struct figure *f = group_figure(&g, "open, map and first get of a 1 GiB store", a, b, COST,
					0, "open, mmap, 3 bytes read");
	struct spl_info plan = {
		.geometry = { .lanes = 1, .value_max = VALUE_BYTES, .key_max = KEY_BYTES }
	};

	f->unit = "ns";
	if (!group_wanted(&g))
		return;
	if (memory_available() < 3 * STORE_BYTES)
		return report_skip("first touch", "less than 3 GiB of memory available");
	plan.geometry.lanes = STORE_BYTES / (VALUE_BYTES + 123 + KEY_BYTES);
	if (spl_layout_plan(&plan))
		die("no layout of 1 GiB");
	map_bytes = plan.map_bytes;
	snprintf(path, sizeof(path), "file:%s/touch", bench_folder());
	progress("%s", "making a store of 1 GiB");
	make(plan.geometry.lanes);
	ours = &g.subjects[a];
	bare = &g.subjects[b];
	ours->once = bare->once = true;
	group_run(&g);
	splk_unlink(path, NULL, 0);
}
