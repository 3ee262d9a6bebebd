/* SPDX-License-Identifier: MIT */
/*
 * race.c - several processes do the same thing to the same key, and what must happen once happens once: linearizable
 * counters, set-if-absent, compare-and-set, test-and-set of labels, append, epochs across deletion.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "rawstore.h"

#define PROCESSES 4
#define TIMES 20000

static struct rawstore raw;
static volatile __u64 *shared; /* one word a process, and a gate */

static void run(void (*what)(struct spl_writer *w, __u32 me))
{
	struct spl_writer w;
	int status, good = 0;
	__u32 i;

	memset((void *)shared, 0, 4096);
	for (i = 0; i < PROCESSES; i++) {
		if (!fork()) {
			writer_of(&w, &raw, i);
			__atomic_fetch_add(&shared[100], 1, __ATOMIC_SEQ_CST);
			while (shared[100] < PROCESSES)
				;
			what(&w, i);
			_exit(0);
		}
	}
	for (i = 0; i < PROCESSES; i++)
		good += wait(&status) > 0 && !status;
	MUST(good == PROCESSES, "all children end well");
}

static __u64 sum(void)
{
	__u64 n = 0, i;

	for (i = 0; i < PROCESSES; i++)
		n += shared[i];
	return n;
}

static void count(struct spl_writer *w, __u32 me)
{
	__u64 result, last = 0;
	int i;

	for (i = 0; i < TIMES; i++) {
		if (spl_math(w, "counter", 7, SPL_MATH_INC, 0, SPL_MATH_CREATE, &result) ||
		    result <= last)
			_exit(1);
		last = result;
	}
	shared[me] = last;
}

static void insert_once(struct spl_writer *w, __u32 me)
{
	char key[16];
	int i, n;

	for (i = 0; i < TIMES; i++) {
		n = snprintf(key, sizeof(key), "once%d", i / 2 % 500);
		if (i % 2)
			shared[50 + me] += !spl_delete(w, key, (__u32)n);
		else if (spl_set(w, key, (__u32)n, &me, 4, SPL_SET_ABSENT, NULL) == 4)
			shared[me]++;
	}
}

static void compare_and_set(struct spl_writer *w, __u32 me)
{
	struct spl_meta meta;
	__u64 value;
	long r;

	while (shared[me] < TIMES / 4) {
		if (spl_get(w->s, "cas", 3, &value, 8, &meta) != 8)
			_exit(1);
		value++;
		r = spl_set_epoch(w, "cas", 3, &value, 8, meta.epoch, NULL);
		if (r == 8)
			shared[me]++;
		else if (r != -ESTALE)
			_exit(2);
	}
}

#define WAITING 1ULL
#define SERVICING 2ULL

static void claim(struct spl_writer *w, __u32 me)
{
	struct spl_attr_edit edit = {
		.labels_must = WAITING | SERVICING,
		.labels_are = WAITING,
		.labels_clear = WAITING,
		.labels_set = SERVICING,
		.type = SPL_ATTR_KEEP_TYPE,
	};
	char key[16];
	int i, n;

	for (i = 0; i < 500; i++) {
		n = snprintf(key, sizeof(key), "job%d", i);
		shared[me] += !spl_attr_change(w, key, (__u32)n, &edit, NULL);
	}
}

static void append(struct spl_writer *w, __u32 me)
{
	char byte = (char)('a' + me);
	int i;

	for (i = 0; i < 200; i++)
		if (spl_append(w, "log", 3, &byte, 1, 0, NULL) < 1)
			_exit(1);
}

static void epochs(struct spl_writer *w, __u32 me)
{
	struct spl_meta meta;
	__u64 last = 0;
	int i;

	for (i = 0; i < TIMES; i++) {
		if ((i + me) % 3 == 0)
			spl_delete(w, "flicker", 7);
		else if (spl_set(w, "flicker", 7, &i, 4, 0, &meta) == 4) {
			if (meta.epoch <= last)
				_exit(1);
			last = meta.epoch;
		}
		if (!spl_stat(w->s, "flicker", 7, &meta)) {
			if (meta.epoch < last)
				_exit(2);
			last = meta.epoch;
		}
	}
}

int main(void)
{
	__u64 number = 0, left = 0, cursor = 0;
	char log[1024], key[64];
	struct spl_attr_value v;
	struct spl_writer w;
	int i, n, letters[PROCESSES] = { 0 };

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(shared != MAP_FAILED, "memory");
	rawstore_make(&raw, 1100, 1024, 16, PROCESSES + 1, 2);
	writer_of(&w, &raw, PROCESSES);

	run(count);
	spl_get(&raw.s, "counter", 7, &number, 8, NULL);
	IS(number, PROCESSES * TIMES, "every INC counts, also the one that makes the key");

	run(insert_once);
	while (spl_next(&raw.s, &cursor, key, sizeof(key), NULL) > 0)
		left += !memcmp(key, "once", 4);
	IS(sum(), left + shared[50] + shared[51] + shared[52] + shared[53],
	   "as many inserts as deletes and keys left");

	number = 0;
	MUST(spl_set(&w, "cas", 3, &number, 8, 0, NULL) == 8, "set");
	run(compare_and_set);
	spl_get(&raw.s, "cas", 3, &number, 8, NULL);
	IS(number, sum(), "every compare-and-set that succeeded counts");

	for (i = 0; i < 500; i++) {
		struct spl_attr_edit waiting = { .labels_set = WAITING,
						 .type = SPL_ATTR_KEEP_TYPE };

		n = snprintf(key, sizeof(key), "job%d", i);
		MUST(spl_set(&w, key, (__u32)n, "", 0, 0, NULL) == 0 &&
			     !spl_attr_change(&w, key, (__u32)n, &waiting, NULL),
		     "a job");
	}
	run(claim);
	IS(sum(), 500, "each job is taken by exactly one");
	for (i = 0, n = 0; i < 500; i++) {
		int k = snprintf(key, sizeof(key), "job%d", i);

		n += !spl_attr_get(&raw.s, key, (__u32)k, &v) && v.labels == SERVICING;
	}
	IS(n, 500, "each job has its new label only");

	run(append);
	n = (int)spl_get(&raw.s, "log", 3, log, sizeof(log), NULL);
	IS(n, PROCESSES * 200, "every append counts");
	for (i = 0; i < n; i++)
		letters[(log[i] - 'a') % PROCESSES]++;
	OK(letters[0] == 200 && letters[1] == 200 && letters[2] == 200 && letters[3] == 200,
	   "each once");

	run(epochs);
	OK(true, "epochs never go back, also across deletion");
	OK(rawstore_sound(&raw), "sound");
	return tap_done();
}
