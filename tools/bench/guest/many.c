// SPDX-License-Identifier: MIT
/*
 * many.c - small stores in great number, and writers: what making one costs, alone and beside 10,000 others that are open,
 * and how long a process with 4,096 writers takes to end. Ratios, as in calls.c; no bound stands here either.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "splinter_layout.h"

#define STORES 10000
#define WRITERS SPL_WRITERS_MAX
#define TIMES 100

static void call(int fd, unsigned long cmd, void *arg, const char *what)
{
	while (ioctl(fd, cmd, arg))
		if (errno != EINTR)
			die(what);
}

static int open_device(void)
{
	int fd = open("/dev/splinter", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("/dev/splinter (is the module loaded?)");
	return fd;
}

static int create(const char *name, uint64_t lanes, uint32_t writers, uint64_t *bytes)
{
	struct spl_ioc_create c = {
		.size = sizeof(c),
		.name = (uintptr_t)name,
		.name_len = (uint32_t)strlen(name),
		.mode = 0600,
		.geometry = { .lanes = lanes,
			      .value_max = 400,
			      .max_writers = writers,
			      .spares = 2,
			      .node = -1 },
	};
	int fd = open_device();

	call(fd, SPL_IOC_CREATE, &c, "create");
	if (bytes)
		*bytes = c.bytes;
	return fd;
}

static void destroy(int fd, const char *name)
{
	struct spl_ioc_unlink u = {
		.size = sizeof(u),
		.name = (uintptr_t)name,
		.name_len = (uint32_t)strlen(name),
	};

	call(fd, SPL_IOC_DESTROY, &u, "destroy");
	close(fd);
}

/* A store of 64 KiB has this many lanes. */
#define LANES 50

static uint64_t store_bytes;

static double time_store(void)
{
	double began = now_ns();
	int i;

	for (i = 0; i < TIMES; i++)
		destroy(create("bench-small", LANES, 2, &store_bytes), "bench-small");
	return (now_ns() - began) / TIMES;
}

static double time_memfd(void)
{
	double began = now_ns();
	void *at;
	int i, fd;

	for (i = 0; i < TIMES; i++) {
		fd = memfd_create("bench", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, (off_t)store_bytes))
			die("memfd");
		at = mmap(NULL, store_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
			  0);
		if (at == MAP_FAILED)
			die("mmap of a memfd");
		munmap(at, store_bytes);
		close(fd);
	}
	return (now_ns() - began) / TIMES;
}

/* From SIGKILL to the end of a process that has as many handles of a store, and is a writer through each of them or none. */
static double time_end(int writers)
{
	static int fd[WRITERS];
	struct spl_ioc_register reg = { .size = sizeof(reg) };
	struct spl_ioc_open o = { .size = sizeof(o),
				  .name = (uintptr_t) "bench-many",
				  .name_len = strlen("bench-many") };
	double began;
	int up[2], i;
	pid_t pid;
	char c;

	if (pipe(up))
		die("pipe");
	pid = fork();
	if (!pid) {
		for (i = 0; i < WRITERS; i++) {
			fd[i] = open_device();
			call(fd[i], SPL_IOC_OPEN, &o, "open");
			if (writers)
				call(fd[i], SPL_IOC_REGISTER, &reg, "register");
		}
		if (mmap(NULL, SPL_PAGE_BYTES, PROT_READ, MAP_SHARED, fd[0], 0) == MAP_FAILED ||
		    write(up[1], "x", 1) != 1)
			die("a process of writers");
		for (;;)
			pause();
	}
	if (read(up[0], &c, 1) != 1)
		die("read");
	began = now_ns();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	began = now_ns() - began;
	close(up[0]);
	close(up[1]);
	return began;
}

enum subject { ALONE, BESIDE, MEMFD, END_WRITERS, END_HANDLES, SUBJECTS };

static const struct figure figures[] = {
	{ "create and destroy 64 KiB", "memfd, ftruncate, populate", ALONE, MEMFD, 0 },
	{ "the same beside 10,000 open ones", "create and destroy 64 KiB", BESIDE, ALONE, 0 },
	{ "end of 4,096 writers", "end of 4,096 handles", END_WRITERS, END_HANDLES, 0 },
};

static double ns[SUBJECTS][ROUNDS];

static void name_of(char *name, int i)
{
	sprintf(name, "bench-%d", i);
}

int main(void)
{
	static const struct rlimit limit = { STORES + WRITERS, STORES + WRITERS };
	static int fd[STORES];
	char name[32];
	double began;
	size_t i;
	int r, n;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("descriptors");
	n = create("bench-many", 100, WRITERS, NULL);
	/* The first round warms up: it isn't kept. */
	for (r = -1; r < ROUNDS; r++) {
		ns[ALONE][r < 0 ? 0 : r] = time_store();
		ns[MEMFD][r < 0 ? 0 : r] = time_memfd();
		ns[END_WRITERS][r < 0 ? 0 : r] = time_end(1);
		ns[END_HANDLES][r < 0 ? 0 : r] = time_end(0);
	}
	destroy(n, "bench-many");
	began = now_ns();
	for (n = 0; n < STORES; n++) {
		name_of(name, n);
		fd[n] = create(name, LANES, 2, NULL);
	}
	began = now_ns() - began;
	for (r = 0; r < ROUNDS; r++)
		ns[BESIDE][r] = time_store();
	for (i = 0; i < sizeof(figures) / sizeof(*figures); i++)
		print_figure(&figures[i], ns);
	printf("%d stores of %llu bytes open at once: made in %.1f s", STORES,
	       (unsigned long long)store_bytes, began / 1e9);
	began = now_ns();
	for (n = 0; n < STORES; n++) {
		name_of(name, n);
		destroy(fd[n], name);
	}
	printf(", destroyed in %.1f s\n", (now_ns() - began) / 1e9);
	return 0;
}
