/* SPDX-License-Identifier: MIT */
/*
 * world.h - the store that is tortured: made small so that it can be copied, with keys whose places in the index are
 * chosen, and a table of all values that anybody writes. What is done to it is act.h's.
 */
#ifndef _SELFTESTS_TORTURE_WORLD_H
#define _SELFTESTS_TORTURE_WORLD_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "splinter_ops.h"

#define UNUSED __attribute__((unused))
#define WRITERS 4
#define SPARES 3
#define VALUE_MAX 1200
#define CROWD 0 /* writer cell of the harness; victims have the others */

/* Keys by what they are for. */
enum key {
	KEY_K, /* the victim's */
	KEY_TWIN, /* same home, same tag */
	KEY_INT, /* 8 bytes */
	KEY_OTHER, /* another home */
	KEY_NEW0, /* of K's home, not there at first */
	KEY_NEW1,
	KEY_SAME, /* seven of K's home */
	KEY_NEXT = KEY_SAME + SPL_BUCKET_CELLS, /* seven of the next bucket in K's probe sequence */
	KEY_FILL = KEY_NEXT + SPL_BUCKET_CELLS, /* to fill the store with */
	KEY_COUNT = KEY_FILL + 24,
};

struct key_name {
	__u32 len;
	char text[24];
};

/* What a process that is stepped through tells; not part of the store. */
#define TOLD_MAX 4
struct tell {
	long r[TOLD_MAX];
	__u64 epoch[TOLD_MAX];
	__u64 number[TOLD_MAX]; /* an integer's, or the labels */
	unsigned char buf[TOLD_MAX][VALUE_MAX];
};

struct world {
	struct spl_info info;
	struct spl_store s;
	unsigned char *data;
	size_t bytes;
	struct spl_writer w; /* the harness's own */
	struct tell *tell; /* by writer cell; shared */
	struct key_name key[KEY_COUNT];
};

static struct world world;

/* All the bytes, what victims have told so far, and the harness's own state as a writer. */
struct snap {
	struct spl_writer w;
	struct tell tell[WRITERS];
	unsigned char data[];
};

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("Bail out! ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	exit(2);
}

static void *shared_bytes(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("no memory");
	return p;
}

static __u64 key_hash(const struct key_name *k)
{
	return spl_hash(&world.s, k->text, k->len);
}

/* A name of which @fits says that it stands where it should. */
static void name_key(enum key key, const char *stem, bool (*fits)(__u64 hash))
{
	struct key_name *k = &world.key[key];
	__u32 i;

	for (i = 0; i < 10000000; i++) {
		k->len = (__u32)snprintf(k->text, sizeof(k->text), "%s%u.%u", stem, key, i);
		if (fits(key_hash(k)))
			return;
	}
	die("no key %s", stem);
}

static __u32 home_of(enum key key)
{
	return spl_home(&world.s, key_hash(&world.key[key]));
}

static bool fits_any(__u64 hash)
{
	(void)hash;
	return true;
}

static bool fits_home(__u64 hash)
{
	return spl_home(&world.s, hash) == home_of(KEY_K) &&
	       spl_tag(hash) != spl_tag(key_hash(&world.key[KEY_K]));
}

static bool fits_twin(__u64 hash)
{
	return spl_home(&world.s, hash) == home_of(KEY_K) &&
	       spl_tag(hash) == spl_tag(key_hash(&world.key[KEY_K]));
}

static bool fits_next(__u64 hash)
{
	return spl_home(&world.s, hash) == spl_bucket_at(&world.s, home_of(KEY_K), 1);
}

static bool fits_elsewhere(__u64 hash)
{
	return !fits_home(hash) && !fits_twin(hash) && !fits_next(hash);
}

static UNUSED void name_keys(void)
{
	int i;

	name_key(KEY_K, "victim", fits_any);
	name_key(KEY_TWIN, "twin", fits_twin);
	name_key(KEY_INT, "int", fits_elsewhere);
	name_key(KEY_OTHER, "other", fits_elsewhere);
	name_key(KEY_NEW0, "new", fits_home);
	name_key(KEY_NEW1, "new", fits_home);
	for (i = KEY_SAME; i < KEY_NEXT; i++)
		name_key(i, "same", fits_home);
	for (i = KEY_NEXT; i < KEY_FILL; i++)
		name_key(i, "next", fits_next);
	for (i = KEY_FILL; i < KEY_COUNT; i++)
		name_key(i, "fill", fits_elsewhere);
}

static UNUSED struct spl_geometry world_geometry(__u64 lanes)
{
	struct spl_geometry g = {
		.lanes = lanes,
		.value_max = VALUE_MAX,
		.key_max = sizeof(world.key[0].text),
		.max_writers = WRITERS,
		.spares = SPARES,
		.node = -1,
		.flags = SPL_GEOMETRY_WATCH,
	};

	return g;
}

/* A world of a store that is mapped already. */
static UNUSED void world_take(const struct spl_info *info, void *data, size_t bytes)
{
	memset(&world, 0, sizeof(world));
	world.info = *info;
	world.data = data;
	world.bytes = bytes;
	world.tell = shared_bytes(WRITERS * sizeof(*world.tell));
	if (spl_store_attach(&world.s, &world.info, data, bytes))
		die("attach");
	spl_writer_init(&world.w, &world.s, CROWD);
	name_keys();
}

static UNUSED void world_make(__u64 lanes)
{
	struct spl_info info;
	size_t bytes;
	char *at;

	memset(&info, 0, sizeof(info));
	info.geometry = world_geometry(lanes);
	if (spl_layout_plan(&info))
		die("geometry");
	info.magic = SPL_MAGIC;
	info.hash_seed = 0x5eed;
	bytes = info.map_bytes - info.data_off;
	at = shared_bytes(bytes);
	world_take(&info, at, bytes);
	spl_store_format(&world.s);
}

static UNUSED void world_drop(void)
{
	munmap(world.data, world.bytes);
	munmap(world.tell, WRITERS * sizeof(*world.tell));
}

static UNUSED struct snap *snap_new(void)
{
	struct snap *snap = malloc(sizeof(*snap) + world.bytes);

	if (!snap)
		die("no memory");
	return snap;
}

static UNUSED void snap_take(struct snap *snap)
{
	snap->w = world.w;
	memcpy(snap->tell, world.tell, sizeof(snap->tell));
	memcpy(snap->data, world.data, world.bytes);
}

static UNUSED void snap_put(const struct snap *snap)
{
	world.w = snap->w;
	memcpy(world.tell, snap->tell, sizeof(snap->tell));
	memcpy(world.data, snap->data, world.bytes);
}

static UNUSED bool snap_differs(const struct snap *snap)
{
	return memcmp(snap->data, world.data, world.bytes) != 0;
}

/* Is nothing lost, doubled or under way, and is every lane somewhere? Says in @why what is not. */
static UNUSED bool world_sound(char *why, size_t cap)
{
	static __u64 seen[64];
	struct spl_check_work work = { .seen = seen };
	struct spl_check_counts c;
	__u32 i;

	memset(seen, 0, sizeof(seen));
	if (world.s.free_words > 64 || spl_check(&world.s, &work, 0, &c))
		die("check");
	if (!(c.tentative | c.dead | c.lanes_flight | c.lanes_lost | c.lanes_shared | c.cells_bad |
	      c.keys_twice | c.overflow_stale | c.overflow_missing | c.free_stale) &&
	    c.live + c.lanes_free == world.info.geometry.lanes &&
	    c.lanes_spare == WRITERS * SPARES) {
		for (i = 0; i < WRITERS; i++)
			if (world.s.wcells[i].op || world.s.wcells[i].extra)
				break;
		if (i == WRITERS)
			return true;
		snprintf(why, cap, "writer cell %u still says what is under way", i);
		return false;
	}
	snprintf(why, cap,
		 "unsound: live %llu free %llu spare %llu tentative %llu dead %llu flight %llu "
		 "lost %llu shared %llu bad %llu twice %llu overflow stale %llu missing %llu "
		 "free stale %llu",
		 c.live, c.lanes_free, c.lanes_spare, c.tentative, c.dead, c.lanes_flight,
		 c.lanes_lost, c.lanes_shared, c.cells_bad, c.keys_twice, c.overflow_stale,
		 c.overflow_missing, c.free_stale);
	return false;
}

/*
 * Values are known by numbers; equal bytes have equal numbers. A value that is read and that nobody wrote gets a number
 * that nobody expects.
 */
#define VALUES_MAX 16384
struct value {
	__u32 len;
	__u64 hash;
	unsigned char *bytes;
};

static struct value values[VALUES_MAX];
static __u32 nr_values;
static __u32 value_slot[4 * VALUES_MAX];

static int value_of(const void *bytes, __u32 len)
{
	__u64 hash = XXH64(bytes, len, len);
	__u32 i = (__u32)hash % (4 * VALUES_MAX);
	struct value *v;

	for (; value_slot[i]; i = (i + 1) % (4 * VALUES_MAX)) {
		v = &values[value_slot[i] - 1];
		if (v->hash == hash && v->len == len && !memcmp(v->bytes, bytes, len))
			return (int)value_slot[i] - 1;
	}
	if (nr_values == VALUES_MAX)
		die("too many values");
	v = &values[nr_values++];
	v->len = len;
	v->hash = hash;
	v->bytes = malloc(len + 1);
	if (!v->bytes)
		die("no memory");
	memcpy(v->bytes, bytes, len);
	value_slot[i] = nr_values;
	return (int)nr_values - 1;
}

/* A value of @len bytes that says @tag everywhere. */
static UNUSED int value_make(__u32 tag, __u32 len)
{
	unsigned char bytes[VALUE_MAX];
	__u32 i;

	for (i = 0; i < len; i++)
		bytes[i] = (unsigned char)(tag * 37 + i % 7 * 31 + 1);
	return value_of(bytes, len);
}

static UNUSED int value_append(int a, int b)
{
	unsigned char bytes[VALUE_MAX];

	if (values[a].len + values[b].len > VALUE_MAX)
		return -1;
	memcpy(bytes, values[a].bytes, values[a].len);
	memcpy(bytes + values[a].len, values[b].bytes, values[b].len);
	return value_of(bytes, values[a].len + values[b].len);
}

static UNUSED int value_number(__u64 n)
{
	return value_of(&n, sizeof(n));
}

#endif /* _SELFTESTS_TORTURE_WORLD_H */
