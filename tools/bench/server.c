// SPDX-License-Identifier: MIT
/*
 * server.c - starts the peers that are servers, on unix sockets in a folder of our own, and ends them with us, however
 * we end. What is said to them is wire.c's.
 */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "bench.h"

static pid_t servers[SERVERS];
static char folder[128];
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void clean_up(void)
{
	int i;

	if (getpid() != owner)
		return;
	for (i = 0; i < SERVERS; i++) {
		if (servers[i] <= 0)
			continue;
		kill(servers[i], SIGKILL);
		waitpid(servers[i], NULL, 0);
	}
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A folder in memory, if there is one, that goes when we go. */
const char *bench_folder(void)
{
	if (owner)
		return folder;
	snprintf(folder, sizeof(folder), "%s/splinter-bench.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(folder))
		die("no folder for sockets: %s", strerror(errno));
	owner = getpid();
	atexit(clean_up);
	return folder;
}

static void start(enum server which, const char *socket_path)
{
	pid_t parent = getpid();
	int null;

	servers[which] = fork();
	if (servers[which] < 0)
		die("fork: %s", strerror(errno));
	if (servers[which])
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	pin(cpu_other());
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	if (which == REDIS)
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path,
		       "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", folder,
		       (char *)NULL);
	else
		execlp("memcached", "memcached", "-u", geteuid() ? "nobody" : "root", "-s",
		       socket_path, "-t", "1", "-m", "256", (char *)NULL);
	_exit(127);
}

int server_start(enum server which)
{
	static const char *const names[] = { [REDIS] = "redis-server", [MEMCACHED] = "memcached" };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const struct timespec nap = { .tv_nsec = 10000000 };
	int fd, i, status;

	snprintf(to.sun_path, sizeof(to.sun_path), "%.80s/%s", bench_folder(), names[which]);
	start(which, to.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (i = 0; i < 500; i++, nanosleep(&nap, NULL)) {
		if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
			return fd;
		if (waitpid(servers[which], &status, WNOHANG) == servers[which]) {
			servers[which] = 0;
			break;
		}
	}
	die("%s doesn't start (tools/setup/install bench installs it)", names[which]);
}
