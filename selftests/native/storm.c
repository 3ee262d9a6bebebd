/* SPDX-License-Identifier: MIT */
/* selftest-timeout: 300 */
/*
 * storm.c - processes that write the same few keys are killed at random instants; after reaping, every lane is
 * accounted for, every key reads whole, and what no killed process could have touched is as it was (P2, P3).
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rawstore.h"

#define PROCESSES 4
#define ROUNDS 60

static struct rawstore raw;

static __u32 key_of(__u64 number, char key[16])
{
	return (__u32)snprintf(key, 16, "key%llu", number);
}

/* A value says what it is in every word: key, length and a random number. */
static __u32 value_of(__u64 number, __u64 r, __u64 out[8])
{
	__u32 words = 2 + r % 7, i;

	for (i = 0; i < words; i++)
		out[i] = (r & ~0xffULL) | number % 256;
	return words * 8;
}

static bool value_holds(__u64 number, const __u64 *value, long bytes)
{
	long i;

	if (bytes == 8) /* an integer that a math operation made */
		return true;
	if (bytes < 16 || bytes % 8)
		return false;
	for (i = 0; i < bytes / 8; i++)
		if (value[i] != value[0] || (value[i] & 0xff) != number % 256)
			return false;
	return true;
}

/* Exit status of a child that saw what must not be. */
enum { TORN = 10, BAD_ERRNO, EPOCH_BACK };

static bool expected(long r)
{
	return r >= 0 || r == -ENOENT || r == -ENOSPC || r == -EEXIST || r == -EPROTOTYPE ||
	       r == -ESTALE || r == -EMSGSIZE;
}

static void work(__u32 idx, __u64 seed, __u64 nr_keys)
{
	__u64 x = seed | 1, r, number, value[8], result, seen_epoch[512] = { 0 };
	struct spl_room room;
	struct spl_writer w;
	struct spl_meta meta;
	__u32 klen, n;
	char key[16];
	long got;

	writer_of(&w, &raw, idx);
	for (;;) {
		r = next_random(&x);
		number = r % nr_keys;
		klen = key_of(number, key);
		n = value_of(number, next_random(&x), value);
		switch (r >> 40 & 15) {
		case 0 ... 3:
			got = spl_set(&w, key, klen, value, n, 0, NULL);
			break;
		case 4:
			got = spl_set(&w, key, klen, value, n,
				      r & 1 ? SPL_SET_ABSENT : SPL_SET_PRESENT, NULL);
			break;
		case 5 ... 7:
			got = spl_delete(&w, key, klen);
			break;
		case 8:
			got = spl_alloc(&w, key, klen, n, &room);
			if (!got) {
				memcpy(room.ptr, value, n);
				got = spl_put(&w, &room, 0, NULL);
			}
			break;
		case 9:
			got = spl_math(&w, key, klen, SPL_MATH_INC, 0, 0, &result);
			break;
		case 10:
			got = spl_bump(&w, key, klen, NULL);
			break;
		case 11:
			got = spl_stat(&raw.s, key, klen, &meta);
			if (!got)
				got = spl_set_epoch(&w, key, klen, value, n, meta.epoch, NULL);
			break;
		default:
			got = spl_get(&raw.s, key, klen, value, sizeof(value), &meta);
			if (got >= 0 && !value_holds(number, value, got))
				_exit(TORN);
			if (got >= 0) {
				if (meta.epoch < seen_epoch[number])
					_exit(EPOCH_BACK);
				seen_epoch[number] = meta.epoch;
			}
		}
		if (!expected(got))
			_exit(BAD_ERRNO);
	}
}

static void storm(const char *name, __u64 lanes, __u64 nr_keys)
{
	struct spl_reap_counts reaped = { 0 };
	__u64 x = lanes * 77777, value[8], live = 0, k;
	bool good = true, sound = true;
	int round, i, status, kills = 0;
	struct spl_writer w;
	pid_t pid[PROCESSES];
	__u32 klen;
	char key[16];
	long r;

	rawstore_make(&raw, lanes + 1, 64, 16, PROCESSES + 1, 2);
	writer_of(&w, &raw, PROCESSES);
	MUST(spl_set(&w, "untouched", 9, "as it was", 9, 0, NULL) == 9, "a key that nobody writes");
	for (round = 0; round < ROUNDS && good && sound; round++) {
		for (i = 0; i < PROCESSES; i++) {
			pid[i] = fork();
			MUST(pid[i] >= 0, "fork");
			if (!pid[i])
				work((__u32)i, next_random(&x) + (__u64)i, nr_keys);
			x += 12345;
		}
		usleep((useconds_t)(300 + next_random(&x) % 4000));
		/* One after the other, so that the living go on beside the dead; some are reaped meanwhile. */
		for (i = 0; i < PROCESSES; i++) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], &status, 0);
			if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
				printf("# a writer ended with status %#x\n", (unsigned)status);
				good = false;
			}
			kills++;
			if (round & 1)
				spl_reap_writer(&raw.s, (__u32)i, &reaped);
		}
		for (i = PROCESSES - 1; i >= 0; i--)
			spl_reap_writer(&raw.s, (__u32)i, &reaped);
		sound = rawstore_sound(&raw);
		for (k = 0; k < nr_keys; k++) {
			klen = key_of(k, key);
			r = spl_get(&raw.s, key, klen, value, sizeof(value), NULL);
			if (r != -ENOENT && (r < 0 || !value_holds(k, value, r))) {
				printf("# %.16s reads %ld\n", key, r);
				good = false;
			}
			live += r >= 0;
		}
		good = good && spl_get(&raw.s, "untouched", 9, value, sizeof(value), NULL) == 9 &&
		       !memcmp(value, "as it was", 9);
	}
	printf("# %s: %d kills, %llu operations finished by the reaper, %llu taken back, %llu lanes given back\n",
	       name, kills, reaped.finished, reaped.undone, reaped.lanes_back);
	OK(good, "%s: no torn or lost value, no epoch back, no other error", name);
	OK(sound, "%s: every lane accounted for after every round", name);
	OK(live > 0, "%s: keys were there to read", name);
	rawstore_drop(&raw);
}

int main(void)
{
	storm("one key", 4, 1);
	storm("three keys in one bucket", 3, 3);
	storm("a full store", 40, 120);
	storm("displaced keys", 300, 320);
	return tap_done();
}
