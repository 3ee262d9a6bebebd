// SPDX-License-Identifier: MIT
/*
 * torn.c - P3: processes write and read the same few keys; every byte of every read is checked, and time never runs back.
 * A value is: number of the write, then bytes that follow from it, as many as follow from it.
 */
#include "fixture.h"

#define KEYS 4
#define VALUE_MAX 300
#define SECONDS 1.5

static struct splk_store *s;

static size_t make(unsigned char *value, uint64_t n)
{
	size_t len = 8 + n * 7919 % (VALUE_MAX - 8), i;

	memcpy(value, &n, 8);
	for (i = 8; i < len; i++)
		value[i] = (unsigned char)(n * 31 + i);
	return len;
}

static bool whole(const unsigned char *value, long len)
{
	unsigned char wanted[VALUE_MAX];
	uint64_t n;

	if (len < 8)
		return false;
	memcpy(&n, value, 8);
	return make(wanted, n) == (size_t)len && !memcmp(value, wanted, (size_t)len);
}

static int write_some(uint64_t n)
{
	unsigned char value[VALUE_MAX];
	struct splk_alloc room;
	double end = seconds() + SECONDS;
	char key[4] = "key";

	for (; n % 1024 || seconds() < end; n++) {
		key[2] = (char)('0' + n % KEYS);
		if (n % 5 == 0) {
			if (splk_alloc(s, key, 3, VALUE_MAX, &room))
				return 1;
			room.len = make(room.ptr, n);
			if (splk_put(s, &room, 0, NULL))
				return 2;
		} else if (splk_set(s, key, 3, value, make(value, n), 0, NULL)) {
			return 3;
		}
		if (n % 97 == 0) {
			int err = splk_delete(s, key, 3);

			if (err && err != -ENOENT)
				return 4;
		}
	}
	return 0;
}

static int read_some(bool in_place)
{
	unsigned char value[VALUE_MAX];
	uint64_t n, epochs[KEYS] = { 0 }, held = 0;
	double end = seconds() + SECONDS;
	struct splk_meta meta;
	struct splk_view view;
	char key[4] = "key";
	long len;

	for (n = 0; n % 1024 || seconds() < end; n++) {
		key[2] = (char)('0' + n % KEYS);
		if (in_place) {
			len = splk_view(s, key, 3, &view);
			if (len < 0 && len != -ENOENT)
				return 11;
			if (len < 0)
				continue;
			memcpy(value, view.ptr, (size_t)len);
			if (!splk_view_valid(s, &view))
				continue;
			held++;
			meta = view.meta;
		} else {
			len = splk_get(s, key, 3, value, sizeof(value), &meta);
			if (len < 0 && len != -ENOENT)
				return 12;
			if (len < 0)
				continue;
			held++;
		}
		if (!whole(value, len))
			return 13;
		if (meta.epoch < epochs[n % KEYS])
			return 14;
		epochs[n % KEYS] = meta.epoch;
	}
	return held ? 0 : 15;
}

static void all_at_once(uint32_t spares)
{
	struct splk_options options = options_for(8, VALUE_MAX);
	static const char *const names[] = { "a writer", "another writer", "a reader that copies",
					     "a reader in place" };
	int i, status;
	pid_t pid[4];

	options.geometry.spares = spares;
	s = fresh_with(&options);
	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(i < 2 ? write_some((uint64_t)i << 40) : read_some(i == 3));
	}
	for (i = 0; i < 4; i++) {
		status = wait_for(pid[i]);
		OK(!status, "%u spares: %s sees nothing torn, nothing late (status %d)", spares,
		   names[i], status);
	}
	splk_reap(s, NULL);
	OK(sound(s), "the store is sound");
	splk_close(s);
}

int main(void)
{
	all_at_once(2);
	all_at_once(8);
	return tap_done();
}
