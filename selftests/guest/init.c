// SPDX-License-Identifier: MIT
/*
 * init.c - PID 1 of the test guest: makes the host's root writable in memory, loads the module, runs the job, reads the
 * kernel log after each step, and writes the verdict last. What a well kernel is, health.c knows; building the job and
 * reading TAP is the host's part (boot, run).
 *
 * The job is the file "job" of the share "out", one word and its arguments per line, separated by tabs:
 *
 *	out PATH		where the share "out" shall appear in the guest (the same path as on the host)
 *	share PATH		the same for the second share
 *	dir PATH		working directory of every command
 *	env NAME=VALUE		for every command
 *	module PATH		load this; its parameters are the splinter.* words of the kernel's command line
 *	run SECONDS NAME CMD	a test, given to /bin/sh -c
 *	exec SECONDS CMD	no test but a command whose status is the verdict
 *	tty ROWS COLUMNS	before exec: the command has a terminal
 *
 * The second serial port carries the commands' output and, in lines that open with a record separator, what init itself
 * has to say: "begin NAME", "end STATUS MILLISECONDS". The first one is the kernel's console.
 */
#define _GNU_SOURCE
#include "health.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define EXIT_PORT 0xf4
#define EXIT_PASS 42 /* QEMU leaves with 2 * n + 1; 0 and 1 would look like its own statuses */
#define EXIT_FAIL 43

static FILE *stream;
static struct termios cooked;
static bool on_tty;
static bool is_exec; /* the job is a command: say nothing that it does not say itself */
static const char *module_path;
static char module_args[1024];
static char reasons[8192]; /* why the verdict is "fail"; empty: pass */

static void fail(const char *fmt, ...)
{
	size_t len = strlen(reasons);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reasons + len, sizeof(reasons) - len, fmt, ap);
	va_end(ap);
	len = strlen(reasons);
	snprintf(reasons + len, sizeof(reasons) - len, "\n");
}

/* The end of everything: the verdict is on the share before QEMU hears of it. */
static void __attribute__((noreturn)) leave(void)
{
	bool pass = !reasons[0];
	FILE *f;

	health_copy_log("/out/dmesg");
	f = fopen("/out/verdict.new", "w");
	if (f) {
		fprintf(f, "%s\n%s", pass ? "pass" : "fail", reasons);
		if (fclose(f) || rename("/out/verdict.new", "/out/verdict"))
			pass = false;
	} else {
		pass = false;
	}
	if (!pass)
		fprintf(stderr, "init: %s", reasons[0] ? reasons : "cannot write the verdict\n");
	if (stream) {
		fflush(stream);
		tcdrain(fileno(stream));
	}
	sync();
	if (!ioperm(EXIT_PORT, 1, 1))
		outb(pass ? EXIT_PASS : EXIT_FAIL, EXIT_PORT);
	for (;;)
		pause();
}

static void __attribute__((noreturn)) die(const char *what)
{
	fail("init: %s: %s", what, strerror(errno));
	leave();
}

static void make_mount(const char *type, const char *source, const char *where, unsigned long flags,
		       const char *data)
{
	mkdir(where, 0755);
	if (mount(source, where, type, flags, data))
		die(where);
}

static void try_mount(const char *type, const char *where)
{
	mkdir(where, 0755);
	mount(type, where, type, 0, NULL);
}

static void move_mount_to(const char *from, const char *to)
{
	char path[4096];

	for (char *p = strcpy(path, to) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(path, 0755);
	}
	mkdir(path, 0755);
	if (mount(from, path, NULL, MS_MOVE, NULL))
		die(path);
}

static int load_module(const char *path, const char *args)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -1;
	ret = syscall(SYS_finit_module, fd, args, 0);
	close(fd);
	return ret;
}

/* The drivers that the shares need; the host put them into the initramfs in the order of their names. */
static void load_drivers(void)
{
	struct dirent **list;
	char path[512];
	int n = scandir("/drivers", &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/drivers/%s", list[i]->d_name);
		if (list[i]->d_name[0] != '.' && load_module(path, "") && errno != EEXIST)
			die(path);
	}
}

static bool is_loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	return !access(path, F_OK);
}

/* splinter.lanes=7 on the kernel's command line is lanes=7 for the module. */
static void read_module_args(void)
{
	static char line[4096];
	FILE *f = fopen("/proc/cmdline", "r");
	size_t len = 0;

	if (!f || !fgets(line, sizeof(line), f))
		die("/proc/cmdline");
	fclose(f);
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		if (!strncmp(word, "splinter.", 9))
			len += snprintf(module_args + len, sizeof(module_args) - len, "%s ",
					word + 9);
}

/* Host's root below, memory above: every path of the host can be read and written, and nothing written stays. */
static void enter_root(void)
{
	make_mount("9p", "root", "/host", MS_RDONLY,
		   "trans=virtio,version=9p2000.L,msize=262144,cache=loose,access=client");
	make_mount("tmpfs", "tmpfs", "/upper", 0, "size=60%");
	mkdir("/upper/files", 0755);
	mkdir("/upper/work", 0755);
	make_mount("overlay", "overlay", "/new", 0,
		   "lowerdir=/host,upperdir=/upper/files,workdir=/upper/work");
	move_mount_to("/proc", "/new/proc");
	move_mount_to("/sys", "/new/sys");
	move_mount_to("/dev", "/new/dev");
	move_mount_to("/out", "/new/out");
	if (chdir("/new") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		die("new root");

	make_mount("tmpfs", "tmpfs", "/run", 0, "mode=755");
	make_mount("tmpfs", "tmpfs", "/dev/shm", 0, "mode=1777");
	make_mount("devpts", "devpts", "/dev/pts", 0, "mode=620,ptmxmode=666");
	try_mount("debugfs", "/sys/kernel/debug");
	try_mount("tracefs", "/sys/kernel/tracing");
	try_mount("bpf", "/sys/fs/bpf");
	try_mount("cgroup2", "/sys/fs/cgroup");
	chmod("/dev/shm", 01777);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
}

static void start_loopback(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &lo))
		die("loopback");
	close(s);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

/* Copies what there is to read to the stream; false at the end of it. */
static bool copy_output(int fd, bool *at_line_start)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		fwrite(buf, 1, n, stream);
		fflush(stream);
		*at_line_start = buf[n - 1] == '\n';
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void __attribute__((noreturn)) run_child(const char *command, const int *pipe_fds)
{
	sigset_t none;
	int in = -1, out = pipe_fds[1];

	setsid();
	if (on_tty) {
		in = out = open("/dev/ttyS1", O_RDWR);
		ioctl(in, TIOCSCTTY, 1);
	} else {
		in = open("/dev/null", O_RDWR);
	}
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

/* Nothing of one test lives on into the next. What can't be killed hangs in the kernel, and is the end of the job. */
static void kill_all(void)
{
	long end = now_ms() + 10000;
	pid_t got = 0;

	kill(-1, SIGKILL);
	while (now_ms() < end) {
		got = waitpid(-1, NULL, WNOHANG);
		if (got < 0)
			return;
		if (!got)
			usleep(1000);
	}
	health_log_sleepers();
	fail("a process does not die of SIGKILL");
	leave();
}

/* Runs one command to its end or its time limit. Returns the wait status, or -1 after the time limit. */
static int run_command(const char *command, int seconds)
{
	long end = now_ms() + seconds * 1000L;
	bool at_line_start = true, open_end = true;
	int fds[2], status = -1;
	pid_t pid, got = 0;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		die("pipe");
	fcntl(fds[1], F_SETFL, 0); /* only init's end is non-blocking */
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		run_child(command, fds);
	close(fds[1]);

	while (got != pid && now_ms() < end) {
		struct pollfd p = { .fd = open_end ? fds[0] : -1, .events = POLLIN };

		poll(&p, 1, 20);
		if (open_end)
			open_end = copy_output(fds[0], &at_line_start);
		/* Orphans come to PID 1: reap them on the way. */
		while ((got = waitpid(-1, &status, WNOHANG)) > 0 && got != pid)
			;
	}
	if (got != pid) {
		health_log_sleepers();
		status = -1;
	}
	kill_all();
	copy_output(fds[0], &at_line_start);
	close(fds[0]);
	if (!at_line_start && !on_tty)
		fputc('\n', stream);
	return status;
}

static void describe(int status, int seconds, char *to, size_t size)
{
	if (status == -1)
		snprintf(to, size, "timeout after %d s", seconds);
	else if (WIFSIGNALED(status))
		snprintf(to, size, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(to, size, "exit %d", WEXITSTATUS(status));
}

static void begin(const char *name)
{
	health_forget();
	if (!is_exec)
		fprintf(stream, "\036begin %s\n", name);
}

static void end(const char *how, long since_ms)
{
	if (!is_exec)
		fprintf(stream, "\036end %s\t%ld\n", how, now_ms() - since_ms);
	fflush(stream);
}

static int nr_points;

/* One check of init's own, as a TAP point. */
static void point(bool good, const char *name, const char *why)
{
	if (!is_exec)
		fprintf(stream, "%sok %d - %s\n", good ? "" : "not ", ++nr_points, name);
	if (good)
		return;
	if (!is_exec)
		fprintf(stream, "# %s\n", why);
	fail("%s: %s", name, why);
}

static void check_log(const char *name)
{
	const char *why = health_complaint();

	point(!why, name, why);
}

static void end_points(long since_ms)
{
	if (!is_exec)
		fprintf(stream, "1..%d\n", nr_points);
	nr_points = 0;
	end("exit 0", since_ms);
}

/* The first step of every job: the module, or at least a guest that is up. */
static void load(void)
{
	static bool done;
	long start = now_ms();
	bool good = true;

	if (done)
		return;
	done = true;
	begin("load");
	if (module_path) {
		good = !load_module(module_path, module_args);
		point(good, "the module loads", strerror(errno));
		check_log("loading it leaves the kernel log clean");
	} else {
		point(true, "the guest is up", "");
	}
	end_points(start);
	if (!good)
		leave();
}

/* A test may unload the module or load it with other parameters; the next one finds it as the job asked. */
static void load_again(const char *after)
{
	if (!module_path || is_loaded("splinter") || !load_module(module_path, module_args))
		return;
	fail("after %s the module does not load again: %s", after, strerror(errno));
	fprintf(stream, "not ok - the module loads again\n# %s\n", strerror(errno));
}

static void run_test(char *seconds, char *name, char *command)
{
	long start = now_ms();
	int limit = atoi(seconds);
	const char *complaint;
	char how[64];
	int status;

	begin(name);
	status = run_command(command, limit);
	describe(status, limit, how, sizeof(how));
	complaint = health_complaint();
	if (complaint) {
		if (!is_exec)
			fprintf(stream, "not ok - kernel log: %s\n", complaint);
		fail("%s: kernel log: %s", name, complaint);
	}
	if (status)
		fail("%s: %s", name, how);
	load_again(name);
	end(how, start);
}

/* What a dead process had open may be closed a moment later; a module in use for longer than that is a failure. */
static bool unload(void)
{
	long end = now_ms() + 1000;
	int ret;

	do
		ret = syscall(SYS_delete_module, "splinter", O_NONBLOCK);
	while (ret && errno == EWOULDBLOCK && now_ms() < end && !usleep(10000));
	return !ret;
}

static void finish(void)
{
	long start = now_ms();
	unsigned long taint;
	char why[2048];
	bool good;
	int leaks;

	begin("unload");
	if (module_path) {
		good = !is_loaded("splinter") || unload();
		point(good, "the module unloads", strerror(errno));
	}
	leaks = health_leaks(why, sizeof(why));
	if (leaks >= 0)
		point(!leaks, "no memory leaked", why);
	check_log("the kernel log stays clean");
	taint = health_taint();
	snprintf(why, sizeof(why), "/proc/sys/kernel/tainted has %lu", taint);
	point(!taint, "the kernel is not tainted by a fault", why);
	end_points(start);
}

static char *field(char **rest)
{
	char *word = strsep(rest, "\t");

	return word ? word : "";
}

static void start_terminal(int rows, int columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	on_tty = true;
	tcsetattr(fileno(stream), TCSANOW, &cooked);
	ioctl(fileno(stream), TIOCSWINSZ, &size);
}

static void do_job(void)
{
	FILE *f = fopen("/out/job", "r");
	char *line = NULL, *rest;
	size_t size = 0;

	if (!f)
		die("/out/job");
	close(creat("/out/up", 0644)); /* boot waits for it, to tell people */
	while (getline(&line, &size, f) > 0) {
		rest = line;
		rest[strcspn(rest, "\n")] = 0;
		char *word = field(&rest);

		if (!strcmp(word, "out")) {
			char *path = field(&rest);

			move_mount_to("/out", path);
			rmdir("/out");
			symlink(path, "/out");
		} else if (!strcmp(word, "share")) {
			make_mount("9p", "share", "/mnt", 0,
				   "trans=virtio,version=9p2000.L,msize=262144");
			move_mount_to("/mnt", field(&rest));
		} else if (!strcmp(word, "dir")) {
			if (chdir(field(&rest)))
				die("dir");
		} else if (!strcmp(word, "env")) {
			putenv(strdup(field(&rest)));
		} else if (!strcmp(word, "module")) {
			module_path = strdup(field(&rest));
			setenv("SPLINTER_KO", module_path, 1);
		} else if (!strcmp(word, "tty")) {
			int rows = atoi(field(&rest));

			start_terminal(rows, atoi(field(&rest)));
		} else if (!strcmp(word, "run")) {
			char *seconds = field(&rest), *name = field(&rest);

			load();
			run_test(seconds, name, field(&rest));
		} else if (!strcmp(word, "exec")) {
			char *seconds = field(&rest);

			is_exec = true;
			load();
			run_test(seconds, "command", field(&rest));
		} else {
			fail("init: unknown word in the job: %s", word);
			leave();
		}
	}
	free(line);
	fclose(f);
	load(); /* a job without commands is a smoke test */
}

static void open_stream(void)
{
	struct termios raw;

	stream = fopen("/dev/ttyS1", "r+e");
	if (!stream || tcgetattr(fileno(stream), &cooked))
		die("/dev/ttyS1");
	cfsetspeed(&cooked, B115200);
	cooked.c_cflag |= CLOCAL;
	raw = cooked;
	cfmakeraw(&raw);
	tcsetattr(fileno(stream), TCSANOW, &raw);
}

int main(void)
{
	static char *const environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
		"TERM=linux", "LANG=C.UTF-8", NULL
	};

	clearenv();
	for (size_t i = 0; environment[i]; i++)
		putenv(environment[i]);
	signal(SIGPIPE, SIG_IGN);
	make_mount("proc", "proc", "/proc", 0, NULL);
	make_mount("sysfs", "sysfs", "/sys", 0, NULL);
	make_mount("devtmpfs", "devtmpfs", "/dev", 0, NULL);
	read_module_args();
	load_drivers();
	make_mount("9p", "out", "/out", 0, "trans=virtio,version=9p2000.L,msize=262144");
	enter_root();
	start_loopback();
	sethostname("splinter-guest", strlen("splinter-guest"));
	open_stream();
	/* What the kernel said until here is Debian's, not ours. */
	if (!health_start())
		die("/dev/kmsg");
	do_job();
	finish();
	leave();
}
