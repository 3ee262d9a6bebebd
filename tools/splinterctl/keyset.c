// SPDX-License-Identifier: MIT
/*
 * keyset.c - the keys that an input has had so far, to tell duplicates from keys that the store had before. tsearch(3)'s
 * tree, whose depth no input can make worse.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "ingest.h"

struct member {
	size_t klen;
	bool mark;
	char key[];
};

static int compare(const void *x, const void *y)
{
	const struct member *a = x, *b = y;

	if (a->klen != b->klen)
		return a->klen < b->klen ? -1 : 1;
	return memcmp(a->key, b->key, a->klen);
}

/* Returns 1: the key is there already; 0: it is now; or -ENOMEM. */
int keyset_add(void **set, const char *key, size_t klen, bool **mark)
{
	struct member *m = malloc(sizeof(*m) + klen), **found;

	if (!m)
		return -ENOMEM;
	m->klen = klen;
	m->mark = false;
	memcpy(m->key, key, klen);
	found = tsearch(m, set, compare);
	if (!found) {
		free(m);
		return -ENOMEM;
	}
	*mark = &(*found)->mark;
	if (*found == m)
		return 0;
	free(m);
	return 1;
}

void keyset_free(void **set)
{
	tdestroy(*set, free);
	*set = NULL;
}
