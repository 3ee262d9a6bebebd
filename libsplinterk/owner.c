// SPDX-License-Identifier: MIT
/*
 * owner.c - who holds a writer cell of an embedded store, and whether that thread still lives. Taking and giving cells is
 * cells.c's.
 *
 * A thread is named by a pair of words that one 16-byte compare-and-swap puts into spl_wcell.owner and owner_start, so
 * that there is no instant at which a cell is taken but not known by whom:
 *
 *	lo	63: set | 62: reaping | 61..22: start time in clock ticks, 0: not known | 21..0: thread id
 *	hi	63..32: the boot (hash of its id) | 31..0: pid and time namespace (hash of their inode numbers)
 *
 * The start time tells a thread from a later one with the same id. No pidfd: one can't be left in the store for others to
 * find, and to open one for an id says nothing about whose id it was before.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* A whole small file, NUL-terminated; its length or -1. */
static ssize_t slurp(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, cap - 1);
	close(fd);
	if (n > 0)
		buf[n] = 0;
	return n > 0 ? n : -1;
}

/* State letter and start time out of /proc/.../stat; the command in parentheses may contain anything. */
static bool parse_stat(const char *stat, char *state, uint64_t *start)
{
	const char *p = strrchr(stat, ')');
	int field;

	if (!p || p[1] != ' ')
		return false;
	p += 2;
	*state = *p;
	for (field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (!p)
			return false;
		p++;
	}
	*start = strtoull(p, NULL, 10) & OWNER_START;
	return true;
}

/* Is /proc that of our pid namespace? Otherwise the ids in it are others'. */
static bool proc_is_ours(void)
{
	char text[32];
	ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = 0;
	return atol(text) == (long)getpid();
}

static uint64_t namespace_hash(void)
{
	static const char *const names[] = { "/proc/self/ns/pid", "/proc/self/ns/time" };
	uint64_t ids[4] = { 0 };
	struct stat st;
	int i;

	for (i = 0; i < 2; i++)
		if (!stat(names[i], &st)) {
			ids[2 * i] = st.st_dev;
			ids[2 * i + 1] = st.st_ino;
		}
	return ids[1] ? XXH64(ids, sizeof(ids), 0) & OWNER_SPACE : 0;
}

static uint64_t boot_hash(void)
{
	char text[64];
	ssize_t n = slurp("/proc/sys/kernel/random/boot_id", text, sizeof(text));

	return n > 0 ? (XXH64(text, (size_t)n, 0) | 1) & 0xffffffffU : 0;
}

int owner_self(struct owner *self)
{
	long tid = syscall(SYS_gettid);
	char text[1024], state;
	uint64_t start = 0, boot;

	if ((uint64_t)tid & ~OWNER_TID)
		return -EIO;
	if (slurp("/proc/thread-self/stat", text, sizeof(text)) < 0) {
		/* Without /proc a writer can't be told from others after its death; for want of descriptors it must wait. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			return -errno;
	} else if (!parse_stat(text, &state, &start)) {
		start = 0;
	}
	errno = 0;
	boot = boot_hash();
	if (!boot && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return -errno;
	self->lo = OWNER_SET | start << OWNER_START_SHIFT | (uint64_t)tid;
	self->hi = boot << OWNER_BOOT_SHIFT | namespace_hash();
	return 0;
}

static enum life life_of(long tid, uint64_t start)
{
	char path[48], text[1024], state;
	uint64_t now;

	/* Any thread's id will do for kill(), and EPERM is a sign of life. */
	if (kill((pid_t)tid, 0) && errno == ESRCH)
		return LIFE_DEAD;
	if (!proc_is_ours())
		return LIFE_ALIVE;
	snprintf(path, sizeof(path), "/proc/%ld/stat", tid);
	if (slurp(path, text, sizeof(text)) < 0) /* gone meanwhile, or hidden from us (hidepid) */
		return kill((pid_t)tid, 0) && errno == ESRCH ? LIFE_DEAD : LIFE_ALIVE;
	if (!parse_stat(text, &state, &now))
		return LIFE_ALIVE;
	if (state == 'Z' || state == 'X' ||
	    state == 'x') /* has left its memory, whoever has still to wait for it */
		return LIFE_DEAD;
	return start && now != start ? LIFE_DEAD : LIFE_ALIVE;
}

enum life owner_life(const struct owner *self, const struct owner *who)
{
	uint64_t start = who->lo >> OWNER_START_SHIFT & OWNER_START;
	uint64_t boot = who->hi >> OWNER_BOOT_SHIFT, my_boot = self->hi >> OWNER_BOOT_SHIFT;
	long tid = (long)(who->lo & OWNER_TID);

	if (!(who->lo & OWNER_SET) || !tid)
		return LIFE_UNKNOWN; /* nobody of us wrote that */
	if (!boot || !my_boot)
		return LIFE_UNKNOWN;
	if (boot != my_boot)
		return LIFE_DEAD;
	/* Without a namespace (no /proc) nothing can be said of anybody: ids mean nothing. */
	if (!(self->hi & OWNER_SPACE) || (self->hi ^ who->hi) & OWNER_SPACE)
		return LIFE_UNKNOWN;
	if (!((self->lo ^ who->lo) & ~OWNER_REAPING))
		return LIFE_ALIVE;
	return life_of(tid, start);
}
