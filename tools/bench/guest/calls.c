// SPDX-License-Identifier: MIT
/*
 * calls.c - what needs the module, as ratios to a peer in the same guest: calls, faults, creation, reaping. Emulated time
 * says nothing of real time, so no bound stands here. What needs no module is measured natively, beside this folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"
#include "splinter_layout.h"

#define CALLS 2000
#define CHUNK SPL_CHUNK_BYTES
#define LARGE_BYTES (256ULL << 20)

static void call(int fd, unsigned long cmd, void *arg, const char *what)
{
	while (ioctl(fd, cmd, arg))
		if (errno != EINTR)
			die(what);
}

static int create(const char *name, uint64_t lanes, uint32_t value_max)
{
	struct spl_ioc_create c = {
		.size = sizeof(c),
		.name = (uintptr_t)name,
		.name_len = (uint32_t)strlen(name),
		.mode = 0600,
		.geometry = { .lanes = lanes, .value_max = value_max, .key_max = 8, .node = -1 },
	};
	int fd = open("/dev/splinter", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("/dev/splinter (is the module loaded?)");
	call(fd, SPL_IOC_CREATE, &c, "create");
	return fd;
}

static void destroy(int fd, const char *name)
{
	struct spl_ioc_unlink u = {
		.size = sizeof(u),
		.name = (uintptr_t)name,
		.name_len = (uint32_t)strlen(name),
	};

	call(fd, SPL_IOC_UNLINK, &u, "unlink");
	close(fd);
}

/* Has it pages of 2 MiB? */
static bool has_chunks(int fd)
{
	struct spl_ioc_geometry g = { .size = sizeof(g) };

	call(fd, SPL_IOC_GEOMETRY, &g, "geometry");
	return g.chunk_pages;
}

/* Stores that live as long as the run. */
static int pages_fd, chunks_fd, million_fd, thousand_fd;

static double time_getppid(void)
{
	double began = now_ns();
	int i;

	for (i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return (now_ns() - began) / CALLS;
}

static double time_refused(void)
{
	double began = now_ns();
	int i;

	for (i = 0; i < CALLS; i++)
		if (!ioctl(pages_fd, _IO(SPL_IOC_MAGIC, 0xff), 0))
			die("an ioctl that doesn't exist");
	return (now_ns() - began) / CALLS;
}

static double time_geometry(void)
{
	struct spl_ioc_geometry g = { .size = sizeof(g) };
	double began = now_ns();
	int i;

	for (i = 0; i < CALLS; i++)
		call(pages_fd, SPL_IOC_GEOMETRY, &g, "geometry");
	return (now_ns() - began) / CALLS;
}

static double touch(char *at, uint64_t bytes, uint64_t step)
{
	double began = now_ns();
	uint64_t off;

	for (off = 0; off < bytes; off += step)
		*(volatile char *)(at + off) = 0;
	return (now_ns() - began) / (double)(bytes / step);
}

/* Faults of the store's data, on pages of @step bytes. */
static double fault_store(int fd, uint64_t step)
{
	struct spl_ioc_geometry g = { .size = sizeof(g) };
	uint64_t bytes;
	double took;
	char *at;

	call(fd, SPL_IOC_GEOMETRY, &g, "geometry");
	bytes = (g.map_bytes - g.data_off) / step * step;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)g.data_off);
	if (at == MAP_FAILED)
		die("mmap");
	took = touch(at, bytes, step);
	munmap(at, bytes);
	return took;
}

static double fault_anonymous(uint64_t bytes, uint64_t step)
{
	uint64_t room = bytes + CHUNK;
	char *at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *from = (char *)(((uintptr_t)at + CHUNK - 1) & ~(CHUNK - 1));
	double took;

	if (at == MAP_FAILED)
		die("mmap");
	(void)madvise(at, room, step == CHUNK ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	took = touch(from, bytes, step);
	munmap(at, room);
	return took;
}

static double time_fault_page(void)
{
	return fault_store(pages_fd, SPL_PAGE_BYTES);
}

static double time_fault_anonymous_page(void)
{
	return fault_anonymous(1 << 20, SPL_PAGE_BYTES);
}

static double time_fault_chunk(void)
{
	return fault_store(chunks_fd, CHUNK);
}

static double time_fault_anonymous_chunk(void)
{
	return fault_anonymous(32 << 20, CHUNK);
}

static double time_create(void)
{
	double began = now_ns();

	destroy(create("bench-large", LARGE_BYTES / 1150, 1024), "bench-large");
	return now_ns() - began;
}

static double time_memfd(void)
{
	double began = now_ns();
	int fd = memfd_create("bench", MFD_CLOEXEC);
	void *at;

	if (fd < 0 || ftruncate(fd, (off_t)LARGE_BYTES))
		die("memfd");
	at = mmap(NULL, LARGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (at == MAP_FAILED)
		die("mmap of a memfd");
	munmap(at, LARGE_BYTES);
	close(fd);
	return now_ns() - began;
}

static void *register_and_die(void *arg)
{
	struct spl_ioc_register r = { .size = sizeof(r) };

	call(*(int *)arg, SPL_IOC_REGISTER, &r, "register");
	return NULL;
}

/* One dead writer found and repaired. The kernel looks once a second on its own, and may be first: then once more. */
static double time_reap_in(int fd)
{
	struct spl_ioc_reap r = { .size = sizeof(r) };
	double took = 0;
	pthread_t thread;
	int i;

	for (i = 0; i < 10; i++) {
		if (pthread_create(&thread, NULL, register_and_die, &fd))
			die("a thread");
		pthread_join(thread, NULL);
		took = now_ns();
		call(fd, SPL_IOC_REAP, &r, "reap");
		took = now_ns() - took;
		if (r.writers)
			return took;
	}
	die("no dead writer was ever found");
	return 0;
}

static double time_reap_million(void)
{
	return time_reap_in(million_fd);
}

static double time_reap_thousand(void)
{
	return time_reap_in(thousand_fd);
}

static double time_reap_nothing(void)
{
	struct spl_ioc_reap r = { .size = sizeof(r) };
	double began = now_ns();
	int i;

	for (i = 0; i < 100; i++)
		call(million_fd, SPL_IOC_REAP, &r, "reap");
	return (now_ns() - began) / 100;
}

enum subject {
	GETPPID,
	REFUSED,
	GEOMETRY,
	FAULT_PAGE,
	FAULT_ANONYMOUS_PAGE,
	FAULT_CHUNK,
	FAULT_ANONYMOUS_CHUNK,
	CREATE,
	MEMFD,
	REAP_MILLION,
	REAP_THOUSAND,
	REAP_NOTHING,
	SUBJECTS,
};

static double (*const subjects[SUBJECTS])(void) = {
	time_getppid,
	time_refused,
	time_geometry,
	time_fault_page,
	time_fault_anonymous_page,
	time_fault_chunk,
	time_fault_anonymous_chunk,
	time_create,
	time_memfd,
	time_reap_million,
	time_reap_thousand,
	time_reap_nothing,
};

static const struct figure figures[] = {
	{ "ioctl that is refused", "getppid", REFUSED, GETPPID, 0 },
	{ "ioctl that tells the geometry", "getppid", GEOMETRY, GETPPID, 0 },
	{ "fault of a 4 KiB page", "anonymous 4 KiB page", FAULT_PAGE, FAULT_ANONYMOUS_PAGE, 0 },
	{ "fault of a 2 MiB page", "anonymous 2 MiB page", FAULT_CHUNK, FAULT_ANONYMOUS_CHUNK, 0 },
	{ "create and destroy 256 MiB", "memfd, ftruncate, populate", CREATE, MEMFD, 0 },
	{ "reap a writer, 1 M lanes", "getppid", REAP_MILLION, GETPPID, 0 },
	{ "reap a writer, 1 M lanes", "ioctl that is refused", REAP_MILLION, REFUSED, 0 },
	{ "reap a writer, 1 M lanes", "the same, 1,000 lanes", REAP_MILLION, REAP_THOUSAND, 0 },
	{ "reap without dead writers", "getppid", REAP_NOTHING, GETPPID, 0 },
};

static double ns[SUBJECTS][ROUNDS];

int main(void)
{
	size_t i;
	int r, s;

	pages_fd = create("bench-pages", 8000, 64);
	chunks_fd = create("bench-chunks", 60000, 1024);
	million_fd = create("bench-million", 1000000, 8);
	thousand_fd = create("bench-thousand", 1000, 8);
	if (has_chunks(pages_fd) || !has_chunks(chunks_fd))
		die("a store hasn't the pages that it is made for");
	/* The first round warms up: it isn't kept. */
	for (r = -1; r < ROUNDS; r++)
		for (s = 0; s < SUBJECTS; s++)
			ns[s][r < 0 ? 0 : r] = subjects[s]();
	print_head();
	for (i = 0; i < sizeof(figures) / sizeof(*figures); i++)
		print_figure(&figures[i], ns);
	return 0;
}
