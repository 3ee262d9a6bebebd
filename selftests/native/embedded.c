// SPDX-License-Identifier: MIT
/*
 * embedded.c - stores in memfds and files: made completely or not at all, shared by processes, and never taken for one
 * when they aren't. Writers' deaths are reaping.c's.
 */
#include <signal.h>
#include <sys/socket.h>

#include <signal.h>
#include <sys/time.h>

#include "fixture.h"

static char spec[256], path[128], *dir;

static void use(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(spec, sizeof(spec), "file:%s", path);
}

static int open_with(uint32_t flags, uint64_t lanes, struct splk_store **store)
{
	struct splk_options options = options_for(lanes, 64);

	options.flags = flags;
	return splk_open(spec, &options, store);
}

static int files_in_dir(void)
{
	char command[128];
	FILE *f;
	int n = -1;

	snprintf(command, sizeof(command), "ls -A %s | wc -l", dir);
	f = popen(command, "r");
	if (!f || fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		pclose(f);
	return n;
}

static void create_and_open(void)
{
	struct splk_store *a = NULL, *b = NULL;
	struct splk_info info = { .size = sizeof(info) };
	struct stat st;
	char buf[8];
	mode_t mask = umask(0);

	use("one");
	IS(splk_open(spec, NULL, &a), -ENOENT, "no such file");
	OK(!a, "no handle");
	IS(open_with(SPLK_CREATE | SPLK_EXCL, 100, &a), 0, "create");
	MUST(a, "a store");
	OK(!stat(path, &st) && (st.st_mode & 07777) == 0600, "mode 0600 unless told");
	OK(st.st_blocks * 512 >= st.st_size, "all of its room is reserved");
	IS(open_with(SPLK_CREATE | SPLK_EXCL, 100, &b), -EEXIST, "create it again");
	IS(open_with(SPLK_CREATE, 100, &b), 0, "create or open");
	IS(splk_set(a, KEY("k"), "one", 3, 0, NULL), 0, "what one handle sets");
	IS(splk_get(b, KEY("k"), buf, 8, NULL), 3, "the other gets");
	splk_close(b);
	IS(open_with(SPLK_CREATE, 101, &b), -EEXIST, "create or open with another geometry");
	IS(open_with(SPLK_READ_ONLY, 0, &b), 0, "open read-only");
	splk_info(b, &info);
	IS(info.read_only, 1, "it says so");
	IS(info.backend, SPL_BACKEND_EMBEDDED, "it says what it is");
	IS(info.geometry.lanes, 100, "it says its geometry");
	IS(splk_set(b, KEY("k"), "x", 1, 0, NULL), -EBADF, "a write is refused");
	IS(splk_delete(b, KEY("k")), -EBADF, "a delete");
	IS(splk_reap(b, NULL), -EBADF, "a reap");
	IS(splk_get(b, KEY("k"), buf, 8, NULL), 3, "a read is not");
	splk_close(b);
	splk_close(a);
	IS(splk_open(spec, NULL, &a), 0, "open it later");
	IS(splk_get(a, KEY("k"), buf, 8, NULL), 3, "it is all there");
	splk_close(a);
	IS(splk_chmod(spec, NULL, 0444), 0, "chmod");
	IS(splk_chmod(spec, NULL, 0604), 0, "chmod of one that is read-only");
	OK(!stat(path, &st) && (st.st_mode & 07777) == 0604, "it has the mode");
	IS(splk_chmod(spec, NULL, 01600), -EINVAL, "chmod to what can't be");
	IS(splk_chown(spec, NULL, getuid(), SPLK_SAME_ID), 0, "chown to oneself");
	IS(splk_chown(spec, NULL, SPLK_SAME_ID, getgid()), 0, "and one's group");
	IS(splk_chown("memfd:", NULL, 1, 1), -EINVAL, "chown of a memfd");
	IS(splk_chmod("file:/dev/null", NULL, 0600), -EBADMSG, "chmod of what is no store");
	IS(splk_unlink(spec, NULL, SPLK_DESTROY), -EOPNOTSUPP, "destroy is the device's");
	IS(splk_unlink(spec, NULL, 0), 0, "unlink");
	IS(splk_unlink(spec, NULL, 0), -ENOENT, "unlink it again");
	IS(files_in_dir(), 0, "nothing is left");
	umask(mask);
}

static void options_and_specs(void)
{
	struct splk_options o = options_for(10, 8);
	struct splk_store *s = NULL;
	struct {
		struct splk_options options;
		char more[16];
	} longer = { .options = o };

	IS(splk_open(NULL, NULL, &s), -EINVAL, "no specification");
	IS(splk_open("file:", &o, &s), -EINVAL, "no path");
	IS(splk_open("dev:", &o, &s), -EINVAL, "no name");
	IS(splk_open("fd:", NULL, &s), -EINVAL, "no number");
	IS(splk_open("fd:-1", NULL, &s), -EINVAL, "a bad number");
	IS(splk_open("fd:999", NULL, &s), -EBADF, "no such descriptor");
	use("nowhere/x");
	IS(splk_open(spec, &o, &s), -ENOENT, "no such folder");
	snprintf(spec, sizeof(spec), "file:%s", dir);
	IS(splk_open(spec, NULL, &s), -EISDIR, "a folder");
	use("x");
	o.size = 4;
	IS(splk_open(spec, &o, &s), -EINVAL, "options too short");
	o = options_for(10, 8);
	o.flags = 1U << 31;
	IS(splk_open(spec, &o, &s), -EINVAL, "unknown flag");
	o.flags = SPLK_EXCL;
	IS(splk_open(spec, &o, &s), -EINVAL, "EXCL without CREATE");
	o.flags = SPLK_CREATE | SPLK_READ_ONLY;
	IS(splk_open(spec, &o, &s), -EINVAL, "CREATE, read-only");
	o = options_for(10, 8);
	o.mode = 04755;
	IS(splk_open(spec, &o, &s), -EINVAL, "a mode beyond 0666");
	longer.options.size = sizeof(longer);
	longer.more[9] = 1;
	IS(splk_open(spec, &longer.options, &s), -E2BIG, "options from a newer header, in use");
	longer.more[9] = 0;
	IS(splk_open(spec, &longer.options, &s), 0, "options from a newer header, unused");
	splk_close(s);
	splk_unlink(spec, NULL, 0);
	IS(files_in_dir(), 0, "nothing is left");
}

/* A file with these bytes is refused, and is the same afterwards. */
static void refuse(const void *bytes, size_t n, int want, const char *name)
{
	struct splk_store *s = NULL;
	struct stat before, after;
	static char now[1 << 16];
	int fd;
	ssize_t len;

	use("foreign");
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
	MUST(fd >= 0 && write(fd, bytes, n) == (ssize_t)n, "a file");
	fstat(fd, &before);
	IS(splk_open(spec, NULL, &s), want, name);
	OK(open_with(SPLK_READ_ONLY, 0, &s) == want && open_with(SPLK_CREATE, 10, &s) == want,
	   "%s: by every way", name);
	len = pread(fd, now, sizeof(now), 0);
	fstat(fd, &after);
	OK(len == (ssize_t)n && !memcmp(now, bytes, n) &&
		   before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_ino == after.st_ino,
	   "%s: the file is untouched", name);
	close(fd);
	unlink(path);
}

static void foreign(void)
{
	static char bytes[1 << 16], changed[1 << 16];
	struct spl_info *info = (struct spl_info *)changed;
	struct splk_store *s = NULL;
	size_t n;
	int fd;

	use("good");
	struct splk_options o = options_for(10, 8);
	o.geometry.max_writers = 4;
	MUST(!splk_open(spec, &o, &s), "a store");
	n = (size_t)pread(splk_fd(s), bytes, sizeof(bytes), 0);
	splk_close(s);
	MUST(n > 8192 && n < sizeof(bytes), "a small store");
	splk_unlink(spec, NULL, 0);

	refuse("", 0, -EBADMSG, "an empty file");
	refuse("#!/bin/sh\n", 10, -EBADMSG, "a script");
	refuse(bytes, 4, -EBADMSG, "four bytes of a store");
	refuse(bytes, 200, -EBADMSG, "half of its first page");
	refuse(bytes, 4096, -EBADMSG, "its first page alone");
	refuse(bytes, n - 4096, -EBADMSG, "a store without its last page");
	refuse(bytes, n - 1, -EBADMSG, "a store without its last byte");
	memset(changed, 0, n);
	refuse(changed, n, -EBADMSG, "zeros");
#define CHANGE(...)                        \
	do {                               \
		memcpy(changed, bytes, n); \
		__VA_ARGS__;               \
	} while (0)
	CHANGE(info->magic = 0);
	refuse(changed, n, -EBADMSG, "one that was never finished");
	CHANGE(info->abi = 2);
	refuse(changed, n, -EPROTONOSUPPORT, "another version");
	CHANGE(info->features_required = 1ULL << 40);
	refuse(changed, n, -EPROTONOSUPPORT, "a feature that must be known");
	CHANGE(info->backend = SPL_BACKEND_DEVICE);
	refuse(changed, n, -EBADMSG, "a copy of a device's store");
	CHANGE(info->map_bytes = 1ULL << 40);
	refuse(changed, n, -EBADMSG, "larger than its file");
	CHANGE(info->data_off = 0);
	refuse(changed, n, -EBADMSG, "data over the info page");
	CHANGE(info->data_off = 5000);
	refuse(changed, n, -EBADMSG, "data off a page");
	CHANGE(info->data_off = n);
	refuse(changed, n, -EBADMSG, "no data");
	CHANGE(info->regions[SPL_REGION_LANES].off = ~0ULL << 12);
	refuse(changed, n, -EBADMSG, "lanes out of the file");
	CHANGE(info->lanes_total = 1 << 20);
	refuse(changed, n, -EBADMSG, "lanes beyond their region");
	CHANGE(info->buckets = 1 << 20);
	refuse(changed, n, -EBADMSG, "an index beyond its region");
	CHANGE(info->geometry.key_max = 60000);
	refuse(changed, n, -EBADMSG, "keys beyond their lane");

	use("fifo");
	MUST(!mkfifo(path, 0600), "a FIFO");
	IS(splk_open(spec, NULL, &s), -EBADMSG, "a FIFO, without waiting for it");
	unlink(path);
	snprintf(spec, sizeof(spec), "file:/dev/null");
	IS(splk_open(spec, NULL, &s), -EBADMSG, "a device");
	use("foreign");
	fd = open(path, O_CREAT | O_RDWR, 0600);
	IS(splk_unlink(spec, NULL, 0), -EBADMSG, "unlink of a foreign file");
	OK(!access(path, F_OK), "which stays");
	close(fd);
	unlink(path);
}

/* Many make the same file at the same time: all get the same store, and it is never seen half-made. */
static void made_once(void)
{
	struct splk_store *s = NULL;
	int i, bad = 0;
	pid_t pid[8];
	uint64_t sum = 0;

	use("race");
	for (i = 0; i < 8; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(open_with(SPLK_CREATE, 5000, &s) ||
			      splk_math(s, KEY("sum"), SPLK_INC, 0, SPLK_MATH_CREATE, NULL));
	}
	for (i = 0; i < 8; i++)
		bad += wait_for(pid[i]) != 0;
	IS(bad, 0, "eight processes create or open one file");
	MUST(!splk_open(spec, NULL, &s), "open");
	splk_get(s, KEY("sum"), &sum, sizeof(sum), NULL);
	IS(sum, 8, "and all have the same store");
	splk_close(s);
	splk_unlink(spec, NULL, 0);
	for (i = bad = 0; i < 30; i++) {
		pid[0] = fork();
		if (!pid[0])
			_exit(open_with(SPLK_CREATE, 200000, &s) != 0);
		nap_us(i * 1500);
		kill(pid[0], SIGKILL);
		wait_for(pid[0]);
		s = NULL;
		bad += splk_open(spec, NULL, &s) != (access(path, F_OK) ? -ENOENT : 0);
		splk_close(s);
		splk_unlink(spec, NULL, 0);
		bad += files_in_dir() != 0;
	}
	IS(bad, 0, "killed while it makes one: a whole store or none, and nothing else left");
}

static int send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 'f';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -1;
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = -1;

	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	if (recvmsg(socket, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

static void passed_on(void)
{
	struct splk_options ro = { .size = sizeof(ro), .flags = SPLK_READ_ONLY };
	struct splk_store *s, *other = NULL;
	int pair[2], fd;
	char buf[32];
	void *map;
	pid_t pid;

	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "sockets");
	pid = fork(); /* before the store: it has to come over the socket */
	if (!pid) {
		fd = receive_fd(pair[1]);
		if (splk_attach_fd(fd, NULL, &other) ||
		    splk_get(other, KEY("k"), buf, 32, NULL) != 4)
			_exit(1);
		close(fd);
		if (splk_set(other, KEY("answer"), "from there", 10, 0, NULL))
			_exit(2);
		splk_close(other);
		_exit(0);
	}
	s = fresh(100, 64);
	splk_set(s, KEY("k"), "here", 4, 0, NULL);
	MUST(!send_fd(pair[0], splk_fd(s)), "send");
	IS(wait_for(pid), 0, "a memfd is passed to another process, which reads and writes");
	IS(splk_get(s, KEY("answer"), buf, 32, NULL), 10, "its answer is here");
	IS(ftruncate(splk_fd(s), 4096), -1, "nobody who has it can cut it short");

	IS(splk_attach_fd(splk_fd(s), &ro, &other), 0, "attach read-only");
	IS(fcntl(splk_fd(other), F_GETFL) & O_ACCMODE, O_RDONLY, "its descriptor is");
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, splk_fd(other), 0);
	OK(map == MAP_FAILED, "no writable mapping comes of it");
	IS(splk_set(other, KEY("k"), "x", 1, 0, NULL), -EBADF, "no write, either");
	fd = dup(splk_fd(other));
	splk_close(other);
	other = NULL;
	IS(splk_attach_fd(fd, NULL, &other), -EACCES, "read and write through it: refused");
	snprintf(buf, sizeof(buf), "fd:%d", fd);
	IS(splk_open(buf, &ro, &other), 0, "by its number");
	splk_close(other);
	close(fd);
	IS(splk_attach_fd(pair[0], NULL, &other), -EBADMSG, "a socket is no store");
	IS(fcntl(splk_fd(s), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC, "descriptors end with exec");
	splk_close(s);
}

static void no_room(void)
{
	struct splk_store *s = NULL;

	use("huge");
	OK(open_with(SPLK_CREATE, SPL_LANES_MAX, &s) < 0, "a file larger than its file system");
	IS(files_in_dir(), 0, "leaves nothing behind");
}

static void on_tick(int signal)
{
	(void)signal;
}

/* A profiler's timer, faster than the store is made. */
static void under_a_timer(void)
{
	struct itimerval fast = { { 0, 500 }, { 0, 500 } }, off = { { 0, 0 }, { 0, 0 } };
	struct sigaction act = { .sa_handler = on_tick };
	struct splk_store *s = NULL;

	use("timer");
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &fast, NULL);
	IS(open_with(SPLK_CREATE, 300000, &s), 0, "a store is made although signals keep coming");
	setitimer(ITIMER_REAL, &off, NULL);
	splk_close(s);
	unlink(path);
}

int main(void)
{
	dir = folder();
	create_and_open();
	options_and_specs();
	foreign();
	made_once();
	passed_on();
	no_room();
	under_a_timer();
	rmdir(dir);
	return tap_done();
}
