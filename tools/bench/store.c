// SPDX-License-Identifier: MIT
/* store.c - stores made of the inline operations alone, on the pages asked for. Random operations on them are seq.c's. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

/* The geometry's flags are the caller's. */
static uint64_t plan(struct spl_info *info, uint64_t keys, uint32_t value_bytes)
{
	const __u64 flags = info->geometry.flags;

	memset(info, 0, sizeof(*info));
	info->geometry = (struct spl_geometry){
		.lanes = keys,
		.value_max = value_bytes,
		.key_max = KEY_BYTES,
		.max_writers = 4,
		.flags = flags,
	};
	if (spl_layout_plan(info))
		die("no store of %llu keys", (unsigned long long)keys);
	return spl_layout_round(info->map_bytes, SPL_CHUNK_BYTES) + SPL_CHUNK_BYTES;
}

uint64_t store_bytes(uint64_t keys, uint32_t value_bytes)
{
	struct spl_info info = { 0 };

	return plan(&info, keys, value_bytes);
}

/* Memory that starts on a 2 MiB boundary. */
static char *map_pages(struct bench_store *b, enum pages pages)
{
	int sharing = pages == PAGES_SHARED ? MAP_SHARED : MAP_PRIVATE;
	char *at;

	if (pages != PAGES_SMALL) {
		at = mmap(NULL, b->map_bytes, PROT_READ | PROT_WRITE,
			  sharing | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
		if (at != MAP_FAILED) {
			b->map = at;
			b->pages = "2 MiB (hugetlb)";
			return at;
		}
	}
	at = mmap(NULL, b->map_bytes, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		die("no memory: %zu bytes", b->map_bytes);
	b->map = at;
	b->pages = "4 KiB";
	if (pages == PAGES_LARGE && !madvise(at, b->map_bytes, MADV_HUGEPAGE))
		b->pages = "2 MiB (madvise)";
	else
		(void)madvise(at, b->map_bytes, MADV_NOHUGEPAGE);
	return (char *)spl_layout_round((uint64_t)(uintptr_t)at, SPL_CHUNK_BYTES);
}

/* What madvise() promised: are nine tenths of what was touched really on large pages? */
static void look_at_pages(struct bench_store *b)
{
	unsigned long from, to, large, all = 0;
	bool here = false;
	char line[256];
	FILE *f;

	if (strcmp(b->pages, "2 MiB (madvise)"))
		return;
	f = fopen("/proc/self/smaps", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (unsigned long)b->map && to > (unsigned long)b->map;
		else if (here && sscanf(line, "Anonymous: %lu kB", &large) == 1)
			all = large;
		else if (here && sscanf(line, "AnonHugePages: %lu kB", &large) == 1 &&
			 large < all / 10 * 9)
			b->pages = "2 MiB asked for, mostly 4 KiB got";
	}
	if (f)
		fclose(f);
}

void store_make(struct bench_store *b, uint64_t keys, uint32_t value_bytes, enum pages pages)
{
	unsigned char *value = calloc(1, value_bytes);
	struct key16 key;
	uint64_t i;
	char *at;

	b->keys = keys;
	b->value_bytes = value_bytes;
	b->map_bytes = plan(&b->info, keys, value_bytes);
	b->info.magic = SPL_MAGIC;
	b->info.hash_seed = 0x9e3779b97f4a7c15ULL;
	at = map_pages(b, pages);
	if (!value || spl_store_attach(&b->s, &b->info, at, b->info.map_bytes - b->info.data_off) ||
	    spl_writer_init(&b->w, &b->s, 0))
		die("no store");
	spl_store_format(&b->s);
	for (i = 0; i < keys; i++) {
		if (!(i & 0xffff))
			progress("filling a store of %llu keys, %llu %%", (unsigned long long)keys,
				 (unsigned long long)(i * 100 / keys));
		key_of(i, &key);
		if (spl_set(&b->w, key.b, KEY_BYTES, value, value_bytes, 0, NULL) < 0)
			die("key %llu of %llu was refused", (unsigned long long)i,
			    (unsigned long long)keys);
	}
	free(value);
	look_at_pages(b);
}

void store_drop(struct bench_store *b)
{
	munmap(b->map, b->map_bytes);
	b->map = NULL;
}
