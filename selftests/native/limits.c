// SPDX-License-Identifier: MIT
/* limits.c - bad input: keys, values and geometries at and beyond their limits. Full stores are full.c's. */
#include "fixture.h"

static char big[2048];

static void keys_and_values(void)
{
	struct splk_options options = options_for(10, 100);
	struct splk_meta before, after;
	struct splk_alloc room;
	struct splk_store *s;
	char buf[128];

	options.geometry.key_max = 20;
	s = fresh_with(&options);
	memset(big, 'k', sizeof(big));

	IS(splk_set(s, big, 20, big, 100, 0, &before), 0, "the longest key and value");
	IS(splk_get(s, big, 20, buf, sizeof(buf), NULL), 100, "come back");
	IS(splk_set(s, big, 21, "x", 1, 0, NULL), -EMSGSIZE, "set: key too long");
	IS(splk_set(s, big, 20, big, 101, 0, NULL), -EMSGSIZE, "set: value too long");
	IS(splk_set(s, big, 20, big, (1ULL << 32) + 1, 0, NULL), -EMSGSIZE,
	   "set: value longer than 32 bits");
	IS(splk_set(s, big, (1ULL << 32) + 1, "x", 1, 0, NULL), -EMSGSIZE,
	   "set: key longer than 32 bits");
	IS(splk_set_epoch(s, big, 20, big, 101, before.epoch, NULL), -EMSGSIZE,
	   "set_epoch: value too long");
	IS(splk_append(s, big, 20, "x", 1, 0, NULL), -EMSGSIZE, "append: beyond value_max");
	IS(splk_append(s, big, 20, big, (1ULL << 32) + 1, 0, NULL), -EMSGSIZE,
	   "append: longer than 32 bits");
	IS(splk_alloc(s, big, 21, 1, &room), -EMSGSIZE, "alloc: key too long");
	IS(splk_alloc(s, big, 20, 101, &room), -EMSGSIZE, "alloc: value too long");
	IS(splk_get(s, big, 21, buf, sizeof(buf), NULL), -EMSGSIZE, "get: key too long");
	IS(splk_exists(s, big, 21), -EMSGSIZE, "exists: key too long");
	IS(splk_delete(s, big, 21), -EMSGSIZE, "delete: key too long");
	IS(splk_math(s, big, 21, SPLK_INC, 0, 0, NULL), -EMSGSIZE, "math: key too long");
	IS(splk_type_set(s, big, 21, SPL_TYPE_JSON), -EMSGSIZE, "type: key too long");
	IS(splk_get(s, big, 20, buf, sizeof(buf), &after), 100, "after all that");
	IS(after.epoch, before.epoch, "nothing has changed");

	IS(splk_set(s, "", 0, "x", 1, 0, NULL), -EINVAL, "set: empty key");
	IS(splk_get(s, "", 0, buf, 1, NULL), -EINVAL, "get: empty key");
	IS(splk_delete(s, "", 0), -EINVAL, "delete: empty key");
	IS(splk_alloc(s, "", 0, 1, &room), -EINVAL, "alloc: empty key");
	IS(splk_set(s, KEY("x"), NULL, 1, 0, NULL), -EINVAL, "set: a length without an address");
	IS(splk_set(s, KEY("x"), "1", 1, 4, NULL), -EINVAL, "set: unknown flag");
	IS(splk_set(s, KEY("x"), "1", 1, SPLK_SET_ALL, NULL), -EINVAL, "set: both conditions");
	IS(splk_append(s, KEY("x"), "1", 1, SPLK_ABSENT, NULL), -EINVAL, "append: ABSENT");

	IS(splk_set(s, "a\0b", 3, "1", 1, 0, NULL), 0, "a key with a NUL byte");
	IS(splk_set(s, "a\0c", 3, "22", 2, 0, NULL), 0, "another");
	IS(splk_set(s, "a", 1, "333", 3, 0, NULL), 0, "and the one before the NUL");
	IS(splk_size(s, "a\0b", 3), 1, "they");
	IS(splk_size(s, "a\0c", 3), 2, "are");
	IS(splk_size(s, "a", 1), 3, "three");
	IS(splk_set(s, "\0", 1, "z", 1, 0, NULL), 0, "a key of one NUL byte");
	IS(splk_exists(s, "\0", 1), 1, "exists");
	OK(sound(s), "the store is sound");
	splk_close(s);
}

static int try_geometry(struct spl_geometry geometry)
{
	struct splk_options options = { .size = sizeof(options), .flags = SPLK_CREATE };
	struct splk_store *s = NULL;
	int err;

	options.geometry = geometry;
	err = splk_open("memfd:", &options, &s);
	if (err && s)
		return 1;
	splk_close(s);
	return err;
}

#define G(...) ((struct spl_geometry){ __VA_ARGS__ })

static void geometries(void)
{
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .key_max = 1, .max_writers = 1, .spares = 2)),
	   0, "the smallest geometry");
	IS(try_geometry(G(.lanes = 0, .value_max = 8)), -EINVAL, "no lanes");
	IS(try_geometry(G(.lanes = SPL_LANES_MAX + 1, .value_max = 8)), -EINVAL, "too many lanes");
	IS(try_geometry(G(.lanes = ~0ULL, .value_max = 8)), -EINVAL, "far too many lanes");
	IS(try_geometry(G(.lanes = SPL_LANES_MAX, .value_max = SPL_VALUE_MAX)), -EOVERFLOW,
	   "lanes times size overflow");
	IS(try_geometry(G(.lanes = 1ULL << 30, .value_max = 1 << 12)), -ENOMEM,
	   "more memory than there is");
	IS(try_geometry(G(.lanes = 1, .value_max = 7)), -EINVAL, "values too short");
	IS(try_geometry(G(.lanes = 1, .value_max = SPL_VALUE_MAX, .max_writers = 1)), 0,
	   "values of the limit");
	IS(try_geometry(G(.lanes = 1, .value_max = SPL_VALUE_MAX + 1)), -EINVAL, "values too long");
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .key_max = SPL_KEY_MAX)), 0,
	   "keys of the limit");
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .key_max = SPL_KEY_MAX + 1)), -EINVAL,
	   "keys too long");
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .max_writers = SPL_WRITERS_MAX)), 0,
	   "writers of the limit");
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .max_writers = SPL_WRITERS_MAX + 1)), -EINVAL,
	   "too many writers");
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .spares = 1)), -EINVAL, "too few spares");
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .spares = SPL_SPARES_MAX + 1)), -EINVAL,
	   "too many spares");
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .flags = 1ULL << 63)), -EOPNOTSUPP,
	   "unknown flag");
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .reserved = { 1 })), -EINVAL,
	   "reserved words");
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .policy = SPL_POLICY_BIND)), -EOPNOTSUPP,
	   "a NUMA policy");
	IS(try_geometry(G(.lanes = 1, .value_max = 8, .policy = 77)), -EINVAL, "no such policy");
}

int main(void)
{
	keys_and_values();
	geometries();
	return tap_done();
}
