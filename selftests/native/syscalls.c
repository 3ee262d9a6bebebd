/* SPDX-License-Identifier: MIT */
/*
 * syscalls.c - reads and writes make no system call (P4): a child that may only write and exit does a hundred thousand
 * of each. selftests/cli/strace.sh looks at the same operations from outside ("syscalls --loop").
 */
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rawstore.h"

static struct rawstore raw;

/* All operations; the number of those that went wrong. */
static long work(void)
{
	struct spl_attr_edit edit = { .labels_set = 4, .type = SPL_TYPE_JSON };
	char key[16] = "key", buf[64];
	struct spl_room room;
	struct spl_writer w;
	struct spl_view view;
	long bad = 0;
	__u64 n, cursor;
	int i;

	writer_of(&w, &raw, 0);
	for (i = 0; i < 100000; i++) {
		key[3] = (char)('0' + i % 64);
		bad += spl_set(&w, key, 4, &i, 4, 0, NULL) != 4;
		bad += spl_get(&raw.s, key, 4, buf, sizeof(buf), NULL) != 4;
		bad += spl_view(&raw.s, key, 4, &view) != 4 || !spl_view_valid(&view);
		bad += spl_append(&w, key, 4, &i, 4, 0, NULL) != 8;
		bad += spl_math(&w, key, 4, SPL_MATH_ADD, 3, 0, &n) != 0;
		bad += spl_attr_change(&w, key, 4, &edit, NULL) != 0;
		bad += spl_alloc(&w, key, 4, 8, &room) || spl_put(&w, &room, 0, NULL) != 8;
		bad += spl_bump(&w, key, 4, NULL) != 0;
		cursor = 0;
		bad += spl_next(&raw.s, &cursor, buf, sizeof(buf), NULL) <= 0;
		if (i % 3 == 0)
			bad += spl_delete(&w, key, 4) != 0;
	}
	return bad;
}

int main(int argc, char **argv)
{
	int status;
	long bad;

	rawstore_make(&raw, 1000, 64, 16, 2, 2);
	if (argc > 1 && !strcmp(argv[1], "--loop")) {
		if (write(1, "begin\n", 6) != 6)
			return 1;
		bad = work();
		return write(1, "end\n", 4) != 4 || bad;
	}
	if (!fork()) {
		spl_clock_ns(); /* the vDSO is found before */
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
			_exit(2);
		syscall(SYS_exit, work() ? 1 : 0);
	}
	wait(&status);
	MUST(!WIFEXITED(status) || WEXITSTATUS(status) != 2, "seccomp is there");
	OK(WIFEXITED(status) && !WEXITSTATUS(status), "a million operations, no system call");
	return tap_done();
}
