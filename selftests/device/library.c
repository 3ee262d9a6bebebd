// SPDX-License-Identifier: MIT
/* library.c - libsplinterk on the device: what its embedded tests show natively, where the kernel has a part in it. */
#include <pthread.h>
#include <signal.h>

#include "../native/fixture.h"

static int seen;

static int count_ours(const struct spl_store_entry *entry, void *arg)
{
	size_t n = strlen(arg);

	seen += entry->name_len == n && !memcmp(entry->name, arg, n);
	return 0;
}

static int stores_named(const char *name)
{
	seen = 0;
	return splk_stores(NULL, count_ours, (void *)name) ? -1 : seen;
}

static void open_and_unlink(void)
{
	struct splk_options o = options_for(100, 64), ro = { .size = sizeof(ro) };
	struct splk_store *a = NULL, *b = NULL;
	struct splk_info info = { .size = sizeof(info) };
	struct splk_caps caps = { .size = sizeof(caps) };
	char buf[64];

	ro.flags = SPLK_READ_ONLY;
	IS(splk_caps(NULL, &caps), 0, "capabilities");
	IS(caps.device_error, 0, "the device answers");
	IS(splk_open("lib", NULL, &a), -ENOENT, "no such store");
	IS(splk_open("a/b", &o, &a), -EINVAL, "a name with a slash");
	IS(splk_open("lib", &o, &a), 0, "create");
	MUST(a, "a store");
	IS(splk_open("lib", &o, &b), 0, "create or open");
	splk_close(b);
	o.flags |= SPLK_EXCL;
	IS(splk_open("lib", &o, &b), -EEXIST, "create it again");
	o.flags = SPLK_CREATE;
	o.geometry.lanes = 101;
	IS(splk_open("lib", &o, &b), -EEXIST, "create or open with another geometry");
	IS(splk_set(a, KEY("k"), "here", 4, 0, NULL), 0, "set");
	IS(splk_open("dev:lib", &ro, &b), 0, "open read-only");
	IS(splk_get(b, KEY("k"), buf, sizeof(buf), NULL), 4, "get");
	IS(splk_set(b, KEY("k"), "x", 1, 0, NULL), -EBADF, "set through it");
	IS(splk_reap(b, NULL), -EBADF, "reap through it");
	splk_close(b);
	IS(splk_info(a, &info), 0, "info");
	IS(info.backend, SPL_BACKEND_DEVICE, "it says what it is");
	OK(info.pages && info.bytes && info.store_id, "and how large");
	IS(stores_named("lib"), 1, "it is listed");
	IS(splk_open("lib", NULL, &b), 0, "a second handle");
	IS(splk_unlink("lib", NULL, SPLK_DESTROY), -EBUSY, "destroy while it is used");
	IS(splk_unlink("lib", NULL, 0), 0, "unlink");
	IS(stores_named("lib"), 0, "it isn't listed any more");
	IS(splk_get(b, KEY("k"), buf, sizeof(buf), NULL), 4, "those who have it go on");
	splk_close(a);
	splk_close(b);
	IS(splk_unlink("lib", NULL, 0), -ENOENT, "unlink it again");
}

static void default_store(void)
{
	struct splk_options o = options_for(100, 64);
	struct splk_store *s = NULL;
	uint64_t n = 0;

	IS(splk_open("", NULL, &s), 0, "the default store");
	IS(splk_open("default", &o, &s), -EINVAL, "is made by the module alone");
	IS(splk_open("default", NULL, &s), 0, "by its name");
	IS(splk_math(s, KEY("lib n"), SPLK_INC, 0, SPLK_MATH_CREATE, &n), 0, "write to it");
	IS(splk_delete(s, KEY("lib n")), 0, "and clean up");
	splk_close(s);
}

static struct splk_store *s;

static void *write_once(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)splk_set(s, KEY("t"), "1", 1, 0, NULL);
}

static void writers(void)
{
	struct splk_options o = options_for(100, 64);
	struct splk_store *twin = NULL;
	pthread_t thread;
	int i, idx, bad = 0;
	void *r;
	pid_t pid;

	o.geometry.max_writers = 4;
	MUST(!splk_open("lib writers", &o, &s), "a store");
	IS(writers_now(s), 0, "no writers");
	for (i = 0; i < 20; i++) {
		MUST(!pthread_create(&thread, NULL, write_once, NULL), "a thread");
		pthread_join(thread, &r);
		bad += r != NULL;
	}
	IS(bad, 0, "twenty threads write, one after the other");
	IS(writers_now(s), 0, "their ends unregister them");
	idx = splk_register(s);
	OK(idx >= 0, "register");
	IS(splk_attach_fd(splk_fd(s), NULL, &twin), 0, "a second handle of the same descriptor");
	IS(splk_set(twin, KEY("k"), "1", 1, 0, NULL), -EBUSY, "can't write beside the first");
	splk_close(twin);
	IS(splk_set(s, KEY("k"), "1", 1, 0, NULL), 0, "which goes on");
	for (i = bad = 0; i < 10; i++) {
		pid = fork();
		if (!pid) {
			if (splk_register(s) == idx || splk_set(s, KEY("c"), "1", 1, 0, NULL))
				_exit(1);
			kill(getpid(), i % 2 ? SIGKILL : SIGTERM);
		}
		bad += wait_for(pid) != 1000 + (i % 2 ? SIGKILL : SIGTERM);
	}
	IS(bad, 0, "ten children write in cells of their own, and are killed");
	IS(splk_register(s), idx, "the parent keeps its own");
	IS(splk_reap(s, NULL), 0, "reap");
	IS(writers_now(s), 1, "none but the parent is left");
	IS(splk_unregister(s), 0, "unregister");
	OK(sound(s), "the store is sound");
	splk_close(s);
	IS(splk_unlink("lib writers", NULL, SPLK_DESTROY), 0, "destroy");
}

static void killed_in_the_middle(void)
{
	struct splk_options o = options_for(30, 64);
	struct splk_reaped reaped = { .size = sizeof(reaped) };
	int i, bad = 0;
	unsigned int k;
	pid_t pid;

	MUST(!splk_open("lib kills", &o, &s), "a store");
	for (i = 0; i < 30; i++) {
		pid = fork();
		if (!pid) {
			for (k = 0;; k++) {
				unsigned char key = (unsigned char)(k * 7 % 30);

				splk_set(s, &key, 1, &k, sizeof(k), 0, NULL);
				if (k % 3 == 0)
					splk_delete(s, &key, 1);
			}
		}
		nap_us(3000 + i * 300);
		kill(pid, SIGKILL);
		wait_for(pid);
		bad += splk_reap(s, &reaped) || !sound(s);
	}
	IS(bad, 0, "thirty writers are killed, and the store is sound each time");
	IS(writers_now(s), 0, "none is left");
	splk_close(s);
	IS(splk_unlink("lib kills", NULL, SPLK_DESTROY), 0, "destroy");
}

int main(void)
{
	open_and_unlink();
	default_store();
	writers();
	killed_in_the_middle();
	return tap_done();
}
