// SPDX-License-Identifier: MIT
/* threads.c - threads register by writing, and stop being writers when they end, unregister, or the handle closes. */
#include <pthread.h>

#include "fixture.h"

static struct splk_store *s;
static pthread_barrier_t barrier;

static void *write_once(void *arg)
{
	return (void *)(intptr_t)splk_set(arg ? arg : s, KEY("k"), "1", 1, 0, NULL);
}

static void *write_and_wait(void *unused)
{
	intptr_t r = splk_set(s, KEY("k"), "1", 1, 0, NULL);

	(void)unused;
	pthread_barrier_wait(&barrier); /* all have written */
	pthread_barrier_wait(&barrier); /* the main thread has looked */
	return (void *)r;
}

static void *write_close_write(void *arg)
{
	struct splk_store **two = arg;

	splk_set(two[0], KEY("k"), "1", 1, 0, NULL);
	splk_set(two[1], KEY("k"), "1", 1, 0, NULL);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier); /* the main thread has closed the first */
	return (void *)(intptr_t)splk_set(two[1], KEY("k"), "2", 1, 0, NULL);
}

static long run(void *(*body)(void *), void *arg)
{
	pthread_t thread;
	void *result;

	MUST(!pthread_create(&thread, NULL, body, arg), "a thread");
	pthread_join(thread, &result);
	return (long)(intptr_t)result;
}

static void come_and_go(void)
{
	int i, bad = 0;

	IS(writers_now(s), 0, "a fresh store has no writers");
	splk_exists(s, KEY("k"));
	IS(writers_now(s), 0, "a reader is none");
	IS(splk_set(s, KEY("k"), "1", 1, 0, NULL), 0, "a write");
	IS(writers_now(s), 1, "makes one");
	IS(splk_register(s), 0, "the first has the first cell");
	IS(splk_unregister(s), 0, "unregister");
	IS(writers_now(s), 0, "takes it away");
	IS(splk_unregister(s), -ENOENT, "once");
	IS(splk_set(s, KEY("k"), "1", 1, 0, NULL), 0, "the next write");
	IS(writers_now(s), 1, "makes it one again");
	for (i = 0; i < 100; i++)
		bad += run(write_once, NULL) != 0;
	IS(bad, 0, "a hundred threads write, one after the other");
	IS(writers_now(s), 1, "and their ends unregister them");
}

static void too_many(void)
{
	pthread_t threads[3];
	int i, bad = 0;
	void *r;

	pthread_barrier_init(&barrier, NULL, 4);
	for (i = 0; i < 3; i++)
		MUST(!pthread_create(&threads[i], NULL, write_and_wait, NULL), "a thread");
	pthread_barrier_wait(&barrier);
	IS(writers_now(s), 4, "four threads are four writers");
	IS(run(write_once, NULL), -EUSERS, "a fifth finds no cell");
	IS(splk_set(s, KEY("k"), "1", 1, 0, NULL), 0, "the others go on");
	IS(splk_unregister(s), 0, "one leaves");
	IS(run(write_once, NULL), 0, "the fifth finds a cell");
	pthread_barrier_wait(&barrier);
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], &r);
		bad += r != NULL;
	}
	IS(bad, 0, "the three had cells");
	IS(writers_now(s), 0, "all have ended");
}

static void close_first(void)
{
	struct splk_store *two[2] = { fresh(10, 8), fresh(10, 8) }, *again = NULL;
	int keep = dup(splk_fd(two[0]));
	pthread_t thread;
	void *r;

	pthread_barrier_init(&barrier, NULL, 2);
	MUST(!pthread_create(&thread, NULL, write_close_write, two), "a thread");
	pthread_barrier_wait(&barrier);
	splk_close(two[0]);
	MUST(!splk_attach_fd(keep, NULL, &again), "attach");
	IS(writers_now(again), 0, "closing a handle takes back other threads' cells");
	pthread_barrier_wait(&barrier);
	pthread_join(thread, &r);
	OK(!r, "the thread goes on with its other handle");
	IS(writers_now(two[1]), 0, "and its end unregisters it there");
	splk_close(two[1]);
	splk_close(again);
	close(keep);
}

static void many_handles(void)
{
	struct splk_store *list[8];
	int i, k, bad = 0;

	for (i = 0; i < 8; i++)
		list[i] = fresh(10, 8);
	for (k = 0; k < 100; k++)
		for (i = 0; i < 8; i++)
			bad += splk_set(list[i], KEY("i"), &i, sizeof(i), 0, NULL) != 0;
	IS(bad, 0, "one thread, eight handles in turn");
	for (i = 0; i < 8; i++)
		bad += writers_now(list[i]) != 1 ||
		       splk_get(list[i], KEY("i"), &k, sizeof(k), NULL) != 4 || k != i;
	IS(bad, 0, "each has one writer and its own value");
	for (i = 0; i < 8; i++)
		splk_close(list[i]);
}

int main(void)
{
	struct splk_options options = options_for(10, 8);

	options.geometry.max_writers = 4;
	s = fresh_with(&options);
	come_and_go();
	too_many();
	close_first();
	many_handles();
	OK(sound(s), "the store is sound");
	splk_close(s);
	return tap_done();
}
