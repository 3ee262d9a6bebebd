/* SPDX-License-Identifier: MIT */
/*
 * syscalls.c - reads and writes make no system call (P4), as strace sees it: the program runs itself under strace, and
 * between the two markers that it writes there must be nothing. nosyscall.c asks the kernel to kill who makes one.
 */
#include <unistd.h>

#include "rawstore.h"

static struct rawstore raw;

/* All operations; the number of those that went wrong. */
static long work(void)
{
	struct spl_attr_edit edit = { .labels_set = 4, .type = SPL_TYPE_JSON };
	struct spl_counters due;
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
		/* Bound, by itself and by its label; nobody sleeps. */
		bad += spl_watch(&w, key, 4, 3, 0, NULL) != 0;
		bad += spl_set(&w, key, 4, &i, 4, 0, NULL) != 4;
		bad += spl_ring_due(&w, &due);
		cursor = 0;
		bad += spl_next(&raw.s, &cursor, buf, sizeof(buf), NULL) <= 0;
		if (i % 3 == 0)
			bad += spl_delete(&w, key, 4) != 0;
	}
	return bad;
}

/* Lines of the trace between the markers, or -1 if one is missing. */
static int calls_between(FILE *trace)
{
	bool inside = false;
	char line[1024];
	int nr = 0;

	while (fgets(line, sizeof(line), trace)) {
		if (strstr(line, "write(1, \"end"))
			return inside ? nr : -1;
		if (inside) {
			printf("# %s", line);
			nr++;
		}
		inside |= !!strstr(line, "write(1, \"begin");
	}
	return -1;
}

int main(int argc, char **argv)
{
	char trace[] = "/tmp/splinter-strace-XXXXXX", command[512], self[256];
	ssize_t n;
	long bad;
	FILE *f;
	int fd;

	if (argc > 1 && !strcmp(argv[1], "--loop")) {
		rawstore_make_with(&raw, &(struct spl_geometry){ .lanes = 1000,
								 .value_max = 64,
								 .key_max = 16,
								 .max_writers = 2,
								 .spares = 2,
								 .flags = SPL_GEOMETRY_WATCH,
								 .feed = 1024 });
		spl_label_bind(&raw.s, 2, 4, 0);
		spl_keys_bind(&raw.s, 8, 0);
		spl_feed_bind(&raw.s, 16, 0);
		if (write(1, "begin\n", 6) != 6)
			return 1;
		bad = work();
		return write(1, "end\n", 4) != 4 || bad;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	fd = mkstemp(trace);
	MUST(n > 0 && fd >= 0, "a place for the trace");
	self[n] = 0;
	if (system("strace -V >/dev/null 2>&1")) {
		SKIP("no system call", "strace is not installed");
		return tap_done();
	}
	snprintf(command, sizeof(command), "strace -o %s '%s' --loop >/dev/null", trace, self);
	IS(system(command), 0, "a million operations all succeed");
	f = fdopen(fd, "r");
	MUST(f, "the trace");
	IS(calls_between(f), 0, "and make no system call");
	fclose(f);
	unlink(trace);
	return tap_done();
}
