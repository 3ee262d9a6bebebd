// SPDX-License-Identifier: MIT
/*
 * ops.c - does one operation on each of a thousand keys, in a function of its own that run tells callgrind to count.
 * Nothing here is random, so that the same code gives the same count.
 */
#include <stdio.h>
#include <string.h>

#include "../../native/rawstore.h"

#define KEYS 1000
#define KEY_BYTES 16
#define VALUE_BYTES 64

/* Called once for each key, and not to be merged into its caller: these are what is counted. */
#define COUNTED __attribute__((noinline, noipa, used))

static struct rawstore raw;
static struct spl_writer writer;
static char value[VALUE_BYTES], buf[VALUE_BYTES];

COUNTED static long op_get(const char *key)
{
	return spl_get(&raw.s, key, KEY_BYTES, buf, sizeof(buf), NULL) == VALUE_BYTES;
}

COUNTED static long op_absent(const char *key)
{
	return spl_get(&raw.s, key, KEY_BYTES, buf, sizeof(buf), NULL) == -ENOENT;
}

COUNTED static long op_set(const char *key)
{
	return spl_set(&writer, key, KEY_BYTES, value, sizeof(value), 0, NULL) == VALUE_BYTES;
}

COUNTED static long op_insert(const char *key)
{
	return spl_set(&writer, key, KEY_BYTES, value, sizeof(value), 0, NULL) == VALUE_BYTES;
}

COUNTED static long op_delete(const char *key)
{
	return spl_delete(&writer, key, KEY_BYTES) == 0;
}

COUNTED static long op_inc(const char *key)
{
	return spl_math(&writer, key, KEY_BYTES, SPL_MATH_INC, 0, 0, NULL) == 0;
}

static const struct {
	const char *name;
	long (*run)(const char *key);
} ops[] = {
	{ "get", op_get },	 { "absent", op_absent }, { "set", op_set },
	{ "insert", op_insert }, { "delete", op_delete }, { "inc", op_inc },
};

static void key_of(int number, char key[KEY_BYTES + 1])
{
	snprintf(key, KEY_BYTES + 1, "k%015d", number);
}

/* What has to be there before: a value, an integer, or nothing. */
static bool prepare(const char *op)
{
	bool number = !strcmp(op, "inc");
	char key[KEY_BYTES + 1];
	int i;

	if (!strcmp(op, "absent") || !strcmp(op, "insert"))
		return true;
	for (i = 0; i < KEYS; i++) {
		key_of(i, key);
		if (spl_set(&writer, key, KEY_BYTES, value, number ? 8 : VALUE_BYTES, 0, NULL) < 0)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	char key[KEY_BYTES + 1];
	int i, bad = 0;
	size_t k;

	for (k = 0; argc == 2 && k < sizeof(ops) / sizeof(*ops); k++) {
		if (strcmp(argv[1], ops[k].name))
			continue;
		rawstore_make(&raw, 2 * KEYS, VALUE_BYTES, KEY_BYTES, 4, 4);
		writer_of(&writer, &raw, 0);
		bad = !prepare(ops[k].name);
		for (i = 0; i < KEYS; i++) {
			key_of(i, key);
			bad |= !ops[k].run(key);
		}
		if (bad)
			fprintf(stderr, "ops: %s gave a wrong result\n", argv[1]);
		return bad;
	}
	fprintf(stderr, "usage: ops get|absent|set|insert|delete|inc\n");
	return 2;
}
