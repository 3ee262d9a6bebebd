// SPDX-License-Identifier: MIT
/* rooms.c - values written in place: alloc, put, cancel, and rooms that are not the caller's. */
#include <pthread.h>

#include "fixture.h"

static struct splk_store *s;
static struct splk_alloc mine;

static void *other_thread(void *result)
{
	*(int *)result = splk_put(s, &mine, 0, NULL);
	return NULL;
}

static void put_and_cancel(void)
{
	struct splk_meta meta;
	struct splk_alloc room, copy;
	char key[8] = "room", buf[64];

	IS(splk_alloc(s, key, 4, 10, &room), 0, "alloc");
	OK((uintptr_t)room.ptr % 8 == 0, "it is aligned");
	memset(key, '?', sizeof(key)); /* the room has its own copy */
	memcpy(room.ptr, "0123456789", 10);
	IS(splk_exists(s, KEY("room")), 0, "not there before put");
	copy = room;
	IS(splk_put(s, &room, 0, &meta), 0, "put");
	IS(meta.value_len, 10, "meta: value_len");
	IS(splk_get(s, KEY("room"), buf, sizeof(buf), NULL), 10, "there after put");
	OK(!memcmp(buf, "0123456789", 10), "with its bytes");
	IS(splk_put(s, &copy, 0, NULL), -EPERM, "put the same again");
	IS(splk_cancel(s, &copy), -EPERM, "cancel what was put");

	IS(splk_alloc(s, KEY("room"), 10, &room), 0, "alloc for an existing key");
	room.len = 3;
	memcpy(room.ptr, "abc", 3);
	IS(splk_put(s, &room, SPLK_ABSENT, NULL), -EEXIST, "put if absent");
	IS(splk_size(s, KEY("room")), 10, "the old value stays");
	IS(splk_alloc(s, KEY("room"), 10, &room), 0, "alloc again");
	memcpy(room.ptr, "abc", 3);
	room.len = 3;
	IS(splk_put(s, &room, SPLK_PRESENT, NULL), 0, "put a shorter value");
	IS(splk_get(s, KEY("room"), buf, sizeof(buf), NULL), 3, "it is shorter");
	memcpy(key, "room", 4);
	IS(splk_alloc(s, key, 4, 10, &room), 0, "alloc for an existing key");
	memset(key, '?', sizeof(key));
	memcpy(room.ptr, "def", 3);
	room.len = 3;
	IS(splk_put(s, &room, 0, NULL), 0, "put");
	splk_get(s, KEY("room"), buf, sizeof(buf), NULL);
	OK(!memcmp(buf, "def", 3), "that key has it");
	IS(splk_alloc(s, KEY("room"), 10, &room), 0, "alloc once more");
	room.len = 11;
	IS(splk_put(s, &room, 0, NULL), -EMSGSIZE, "put more than was given");
	IS(splk_alloc(s, KEY("room"), 10, &room), 0, "and again");
	IS(splk_put(s, &room, 64, NULL), -EINVAL, "put with an unknown flag");
	IS(splk_alloc(s, KEY("room"), 10, &room), 0, "and again");
	IS(splk_cancel(s, &room), 0, "cancel");
	IS(splk_size(s, KEY("room")), 3, "nothing has changed");
}

static void several(void)
{
	struct splk_alloc room[3], more;
	char key[16], buf[64];
	int i, j, good = 0;

	for (i = 0; i < 3; i++) {
		MUST(!splk_alloc(s, key, (size_t)sprintf(key, "r%d", i), 20, &room[i]), "a room");
		memset(room[i].ptr, 'a' + i, 20);
	}
	IS(splk_alloc(s, KEY("more"), 1, &more), -ENOBUFS, "spares - 1 rooms at a time");
	for (i = 0; i < 100; i++)
		good += !splk_set(s, KEY("meanwhile"), &i, sizeof(i), 0, NULL);
	IS(good, 100, "other writes go on meanwhile");
	for (i = 2; i >= 0; i--)
		good += !splk_put(s, &room[i], 0, NULL);
	IS(good, 103, "all rooms are put");
	for (i = good = 0; i < 3; i++) {
		MUST(splk_get(s, key, (size_t)sprintf(key, "r%d", i), buf, 64, NULL) == 20, "get");
		for (j = 0; j < 20; j++)
			good += buf[j] == 'a' + i;
	}
	IS(good, 60, "each with its own bytes");
}

static void not_mine(void)
{
	pthread_t thread;
	int result, status;
	pid_t pid;

	MUST(!splk_alloc(s, KEY("mine"), 8, &mine), "a room");
	memset(mine.ptr, 'm', 8);
	MUST(!pthread_create(&thread, NULL, other_thread, &result), "a thread");
	pthread_join(thread, NULL);
	IS(result, -EPERM, "another thread can't put it");
	pid = fork();
	if (!pid) {
		result = splk_put(s, &mine, 0, NULL);
		splk_set(s, KEY("child"), "c", 1, 0, NULL);
		if (result == -EPERM)
			result = splk_put(s, &mine, 0, NULL);
		_exit(result == -EPERM ? 0 : 1);
	}
	status = wait_for(pid);
	IS(status, 0, "nor can a child");
	IS(splk_put(s, &mine, 0, NULL), 0, "its owner can");
	IS(splk_size(s, KEY("mine")), 8, "and it is there");

	MUST(!splk_alloc(s, KEY("lost"), 8, &mine), "a room");
	IS(splk_unregister(s), 0, "unregister with a room in hand");
	IS(splk_put(s, &mine, 0, NULL), -EPERM, "the room is gone");
	IS(splk_set(s, KEY("lost"), "x", 1, 0, NULL), 0, "writing goes on");
	IS(splk_put(s, &mine, 0, NULL), -EPERM, "the room is still gone");
}

int main(void)
{
	s = fresh(100, 64);
	put_and_cancel();
	several();
	not_mine();
	OK(sound(s), "the store is sound");
	splk_close(s);
	return tap_done();
}
