// SPDX-License-Identifier: MIT
/*
 * threads_all.c - threads of one process, each a writer of its own, do all operations on the same few keys; others read,
 * walk and check, and a last one reaps writers that stopped in the middle. One process, so that ThreadSanitizer sees both
 * sides of every access. Deaths at every instruction are another test's.
 */
#include <pthread.h>

#include "rawstore.h"

#define WRITERS 3
#define MORTALS 2
#define KEYS 6
#define VALUE_MAX 96

static struct rawstore raw;
static unsigned long rounds = 20000;
static volatile int over;
static long bad[16];

/* All bytes of a value are equal, and there are as many as the byte says; 8 bytes are a number. */
static bool whole(const unsigned char *value, long n)
{
	long i;

	if (n == 8 || n == 0)
		return true;
	for (i = 0; i < n; i++)
		if (value[i] != n)
			return false;
	return true;
}

static __u32 key_of(__u64 x, char *key)
{
	return (__u32)snprintf(key, 16, "k%u", (unsigned int)(x % KEYS));
}

/* Bytes seen through a view change while they are looked at; the view says whether that mattered. */
__attribute__((noinline, no_sanitize("thread"))) static bool view_whole(const struct spl_view *v,
									long n)
{
	const volatile unsigned char *p = v->ptr;
	bool good = true;
	long i;

	for (i = 0; n != 8 && i < n; i++)
		good = good && p[i] == n;
	return good || !spl_view_valid(v);
}

static void read_one(__u64 x, long *errors)
{
	unsigned char value[VALUE_MAX];
	struct spl_attr_value attr;
	struct spl_meta meta;
	struct spl_view view;
	char key[16];
	__u32 klen = key_of(x >> 8, key);
	long n = 0;

	switch (x % 5) {
	case 0:
		n = spl_get(&raw.s, key, klen, value, sizeof(value), &meta);
		*errors += n >= 0 && !whole(value, n);
		break;
	case 1:
		n = spl_view(&raw.s, key, klen, &view);
		*errors += n >= 0 && !view_whole(&view, n);
		break;
	case 2:
		n = spl_stat(&raw.s, key, klen, &meta);
		break;
	case 3:
		n = spl_attr_get(&raw.s, key, klen, &attr);
		break;
	default:
		n = spl_exists(&raw.s, key, klen);
	}
	*errors += n < 0 && n != -ENOENT;
}

static void write_one(struct spl_writer *w, __u64 x, long *errors)
{
	struct spl_attr_edit edit = { .labels_set = x >> 32 & 7,
				      .labels_clear = x >> 36 & 7,
				      .type = SPL_ATTR_KEEP_TYPE };
	unsigned char value[VALUE_MAX];
	__u32 len = 9 + (__u32)(x >> 40) % (VALUE_MAX - 9);
	struct spl_room room;
	struct spl_meta meta;
	char key[16];
	__u32 klen = key_of(x >> 8, key);
	__u64 number;
	long r = 0;

	memset(value, (int)len, len);
	switch (x % 9) {
	case 0:
		r = spl_delete(w, key, klen);
		break;
	case 1:
		r = spl_math(w, key, klen, SPL_MATH_INC, 0, SPL_MATH_CREATE, &number);
		break;
	case 2:
		r = spl_bump(w, key, klen, &meta);
		break;
	case 3:
		r = spl_attr_change(w, key, klen, &edit, NULL);
		break;
	case 4:
		r = spl_alloc(w, key, klen, len, &room);
		if (r)
			break;
		memset(room.ptr, (int)len, len);
		r = spl_put(w, &room, 0, NULL);
		break;
	case 5:
		if (!spl_stat(w->s, key, klen, &meta))
			r = spl_set_epoch(w, key, klen, value, len, meta.epoch, NULL);
		break;
	case 6: /* empty, then nothing added: a value of no bytes */
		r = spl_append(w, key, klen, value, 0, 0, NULL);
		break;
	default:
		r = spl_set(w, key, klen, value, len, 0, NULL);
	}
	*errors += r < 0 && r != -ENOENT && r != -ENOSPC && r != -ESTALE && r != -EPROTOTYPE;
}

static void *write_all(void *arg)
{
	__u32 me = (__u32)(uintptr_t)arg;
	__u64 x = 0x9e3779b97f4a7c15ULL * (me + 1);
	struct spl_writer w;
	unsigned long i;

	writer_of(&w, &raw, me);
	for (i = 0; i < rounds; i++) {
		write_one(&w, next_random(&x) >> 8, &bad[me]);
		read_one(next_random(&x) >> 8, &bad[me]);
	}
	return NULL;
}

static void *read_all(void *arg)
{
	__u32 me = (__u32)(uintptr_t)arg;
	__u64 x = 0xfeedULL * (me + 1), cursor;
	unsigned char value[4][VALUE_MAX];
	struct spl_io io[4];
	char key[4][16];
	int i;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		read_one(next_random(&x) >> 8, &bad[me]);
		for (i = 0; i < 4; i++)
			io[i] = (struct spl_io){ .key = key[i],
						 .klen = key_of(next_random(&x) >> 8, key[i]),
						 .buf = value[i],
						 .cap = VALUE_MAX };
		spl_get_many(&raw.s, io, 4);
		for (i = 0; i < 4; i++)
			bad[me] += io[i].result >= 0 ? !whole(value[i], io[i].result)
						     : io[i].result != -ENOENT;
		cursor = 0;
		while (spl_next(&raw.s, &cursor, key[0], sizeof(key[0]), NULL) > 0)
			;
		rawstore_check(&raw, 0);
	}
	return NULL;
}

struct mortal {
	struct spl_writer w;
	__u64 x;
	long errors;
};

/* A life of a few operations; then the writer cell is left as it stands. */
static void *live(void *arg)
{
	struct mortal *m = arg;
	int i;

	for (i = 0; i < 40; i++)
		write_one(&m->w, next_random(&m->x) >> 8, &m->errors);
	return NULL;
}

/* Threads that come and go in the same writer cells, reaped in between, while the others go on. */
static void *reap_all(void *arg)
{
	struct mortal m[MORTALS] = { 0 };
	struct spl_reap_counts counts = { 0 };
	pthread_t id[MORTALS];
	__u64 x = 77;
	int i;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		for (i = 0; i < MORTALS; i++) {
			writer_of(&m[i].w, &raw, WRITERS + (__u32)i);
			m[i].x = next_random(&x);
			MUST(!pthread_create(&id[i], NULL, live, &m[i]), "a thread");
		}
		for (i = 0; i < MORTALS; i++) {
			pthread_join(id[i], NULL);
			bad[(uintptr_t)arg] += m[i].errors;
			m[i].errors = 0;
			bad[(uintptr_t)arg] += !!spl_reap_writer(&raw.s, m[i].w.idx, &counts);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t id[WRITERS + 3];
	uintptr_t i;
	long sum = 0;

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 0);
	/* Fewer lanes than keys: inserts meet a full store as well. */
	rawstore_make(&raw, KEYS - 1, VALUE_MAX, 16, WRITERS + MORTALS, 2);
	for (i = 0; i < WRITERS; i++)
		MUST(!pthread_create(&id[i], NULL, write_all, (void *)i), "a thread");
	MUST(!pthread_create(&id[WRITERS], NULL, read_all, (void *)(uintptr_t)WRITERS), "a thread");
	MUST(!pthread_create(&id[WRITERS + 1], NULL, read_all, (void *)(uintptr_t)(WRITERS + 1)),
	     "a thread");
	MUST(!pthread_create(&id[WRITERS + 2], NULL, reap_all, (void *)(uintptr_t)(WRITERS + 2)),
	     "a thread");
	for (i = 0; i < WRITERS; i++)
		pthread_join(id[i], NULL);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (; i < WRITERS + 3; i++)
		pthread_join(id[i], NULL);
	for (i = 0; i < WRITERS + 3; i++)
		sum += bad[i];
	IS(sum, 0, "every operation ends well, every value is whole");
	OK(rawstore_sound(&raw), "sound at the end");
	return tap_done();
}
