// SPDX-License-Identifier: MIT
/*
 * nosyscall.c - P4: once a thread is registered, reading and writing make no system call. The kernel kills the child that
 * makes one.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "fixture.h"

#define ROUNDS 2000

static struct splk_store *s;

static void do_set(uint64_t i)
{
	splk_set(s, &i, sizeof(i), &i, sizeof(i), 0, NULL);
}

static void do_get(uint64_t i)
{
	uint64_t value;

	splk_get(s, &i, sizeof(i), &value, sizeof(value), NULL);
}

static void do_delete(uint64_t i)
{
	splk_set(s, &i, sizeof(i), &i, sizeof(i), 0, NULL);
	splk_delete(s, &i, sizeof(i));
}

static void do_conditions(uint64_t i)
{
	struct splk_meta meta;

	splk_set(s, &i, sizeof(i), &i, sizeof(i), SPLK_ABSENT, &meta);
	splk_set_epoch(s, &i, sizeof(i), &i, sizeof(i), meta.epoch, NULL);
	splk_set(s, &i, sizeof(i), &i, sizeof(i), SPLK_PRESENT, NULL);
}

static void do_append(uint64_t i)
{
	i %= 100;
	if (splk_append(s, &i, sizeof(i), "x", 1, 0, NULL) > 30)
		splk_delete(s, &i, sizeof(i));
}

static void do_math(uint64_t i)
{
	i = ~i;
	splk_math(s, &i, sizeof(i), SPLK_ADD, 7, SPLK_MATH_CREATE, NULL);
}

static void do_labels(uint64_t i)
{
	struct splk_attr attr;

	splk_set(s, &i, sizeof(i), &i, sizeof(i), 0, NULL);
	splk_label_change(s, &i, sizeof(i), 1, 2, NULL);
	splk_label_cas(s, &i, sizeof(i), 1, 1, 0, NULL);
	splk_type_set(s, &i, sizeof(i), SPL_TYPE_JSON);
	splk_attr(s, &i, sizeof(i), &attr);
}

static void do_view(uint64_t i)
{
	struct splk_view view;

	if (splk_view(s, &i, sizeof(i), &view) >= 0)
		splk_view_valid(s, &view);
}

static void do_bump(uint64_t i)
{
	splk_bump(s, &i, sizeof(i), NULL);
}

static void do_next(uint64_t i)
{
	static uint64_t cursor;

	if (splk_next(s, &cursor, NULL, 0, &i, sizeof(i), NULL) <= 0)
		cursor = 0;
}

static void do_many(uint64_t i)
{
	uint64_t keys[16];
	struct splk_io io[16];
	int k;

	for (k = 0; k < 16; k++) {
		keys[k] = i + (uint64_t)k;
		io[k] = (struct splk_io){ &keys[k], &keys[k], 8, 8, 0 };
	}
	splk_set_many(s, io, 16, 0);
	splk_get_many(s, io, 16);
}

/* A room's book-keeping is allocated once, before. */
static void do_room(uint64_t i)
{
	struct splk_alloc room;

	if (splk_alloc(s, &i, sizeof(i), 8, &room))
		return;
	memcpy(room.ptr, &i, 8);
	splk_put(s, &room, 0, NULL);
}

/* Everything bound, nobody asleep. */
static void do_watched(uint64_t i)
{
	struct splk_group_count count = { 0 };

	splk_set(s, &i, sizeof(i), &i, sizeof(i), 0, NULL);
	splk_watch(s, &i, sizeof(i), 6, 0, NULL);
	splk_set(s, &i, sizeof(i), &i, sizeof(i), 0, NULL);
	splk_label_change(s, &i, sizeof(i), 1, 2, NULL);
	splk_signal(s, 1);
	splk_wait_groups(s, &count, 1, 0, 0);
	splk_delete(s, &i, sizeof(i));
}

/* The control: the filter does kill. */
static void do_getppid(uint64_t i)
{
	(void)i;
	syscall(SYS_getppid);
}

static void allow_only_exit(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(77);
}

static int in_cage(void (*op)(uint64_t))
{
	uint64_t i;
	pid_t pid = fork();

	if (!pid) {
		do_room(1); /* registers the child */
		allow_only_exit();
		for (i = 0; i < ROUNDS; i++)
			op(i);
		syscall(SYS_exit_group, 0);
	}
	return wait_for(pid);
}

int main(void)
{
	static const struct {
		void (*op)(uint64_t i);
		const char *name;
	} ops[] = {
		{ do_set, "set" },
		{ do_get, "get" },
		{ do_delete, "set and delete" },
		{ do_conditions, "conditional sets" },
		{ do_append, "append" },
		{ do_math, "math" },
		{ do_labels, "types and labels" },
		{ do_view, "view" },
		{ do_bump, "bump" },
		{ do_next, "next" },
		{ do_many, "get_many, set_many" },
		{ do_room, "alloc and put" },
		{ do_watched, "changes of what is bound" },
	};
	struct splk_options options = options_for(3 * ROUNDS, 32);
	size_t i;
	int r;

	options.geometry.flags = SPL_GEOMETRY_WATCH;
	options.geometry.feed = 1024;
	s = fresh_with(&options);
	splk_label_bind(s, 0, 24, 0, NULL);
	splk_keys_bind(s, 32, 0, NULL);
	splk_feed_bind(s, 64, 0, NULL);
	r = in_cage(do_getppid);
	if (r == 77) {
		SKIP("no system call", "no seccomp filters here");
		return tap_done();
	}
	IS(r, 1000 + SIGSYS, "a system call is noticed");
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		IS(in_cage(ops[i].op), 0, ops[i].name);
	splk_close(s);
	return tap_done();
}
