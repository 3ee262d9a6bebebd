// SPDX-License-Identifier: MIT
/*
 * storm.c - eight processes work on one store while they are killed, stopped and continued at random (P1, P2, P3). This
 * is who kills, stops, replaces and watches; what they do is worker.c's, what must come of it verify.c's.
 *
 *	storm [--seconds N] [--seed N] [--store SPEC]
 *
 * SPEC is one of splk_open()'s; without it an embedded store in a file of its own. The last line says what came of it; the
 * exit status is 0 if nothing was wedged, lost or leaked. An operation is wedged if it has run for 10 s of its own, or has
 * not ended in 60 s in which its process wasn't stopped.
 */
#include <getopt.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "storm.h"

#define WEDGED_CPU_NS 10000000000ULL
#define WEDGED_WALL_NS 60000000000ULL
/* What one look counts at most: between two we may not have run either. */
#define LOOK_WALL_NS 1000000000ULL
#define STOPPED_MAX 6

struct shared *shared;
const char *spec;

static struct {
	pid_t pid;
	bool stopped;
	uint64_t go_on_ns; /* when it is to be continued */
	uint64_t inside; /* as last seen */
	uint64_t since_cpu_ns; /* its processor time then */
	uint64_t wall_ns; /* gone by since, unless stopped */
} slots[SLOTS];

static uint64_t x, kills, stops, wedged;
static pid_t verifier;

struct splk_store *storm_open(bool read_only)
{
	struct splk_options o = { .size = sizeof(o), .flags = read_only ? SPLK_READ_ONLY : 0 };
	struct splk_store *s;
	int r = splk_open(spec, &o, &s);

	if (r) {
		lost("the store does not open: %s", splk_strerror(r));
		_exit(1);
	}
	return s;
}

static struct splk_store *create(void)
{
	struct splk_options o = {
		.size = sizeof(o),
		.flags = SPLK_CREATE | SPLK_EXCL,
		.geometry = { .lanes = LANES,
			      .value_max = VALUE_MAX,
			      .key_max = 16,
			      .max_writers = SLOTS + 2,
			      .spares = 2 },
	};
	uint64_t counter = KEY_COUNTER, labels = KEY_LABELS, zero = 0;
	struct splk_store *s;
	int r = splk_open(spec, &o, &s);

	if (!r)
		r = splk_set(s, &counter, sizeof(counter), &zero, sizeof(zero), 0, NULL);
	if (!r)
		r = splk_set(s, &labels, sizeof(labels), NULL, 0, 0, NULL);
	if (!r)
		r = splk_unregister(s);
	if (!r)
		return s;
	fprintf(stderr, "storm: %s: %s\n", spec, splk_strerror(r));
	exit(1);
}

static pid_t start(void (*what)(uint32_t slot, uint64_t seed), uint32_t slot)
{
	uint64_t seed = random_next(&x);
	pid_t parent = getpid(), pid = fork();

	if (pid < 0) {
		perror("storm: fork");
		exit(1);
	}
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		what(slot, seed);
	_exit(1);
}

static void work(uint32_t slot, uint64_t seed)
{
	worker_main(slot, seed);
}

static void verify(uint32_t slot, uint64_t seed)
{
	(void)slot;
	verifier_main(seed);
}

static void replace(uint32_t i)
{
	memset(&slots[i], 0, sizeof(slots[i]));
	slots[i].pid = start(work, i);
}

static void kill_one(uint32_t i)
{
	int status = 0;

	kill(slots[i].pid, SIGKILL);
	if (waitpid(slots[i].pid, &status, 0) != slots[i].pid || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGKILL)
		lost("slot %u ended by itself: status %#x", i, (unsigned int)status);
	kills++;
	slots[i].pid = 0;
}

static void stop_one(uint32_t i)
{
	uint64_t r = random_next(&x);

	/* Before the signal, so that what it makes slow doesn't count. */
	store(&shared->slot[i].stops, load(&shared->slot[i].stops) + 1);
	kill(slots[i].pid, SIGSTOP);
	slots[i].stopped = true;
	slots[i].go_on_ns =
		now_ns(CLOCK_MONOTONIC) + (r % 32 ? r % 150000000 : 1000000000 + r % 2000000000);
	stops++;
}

static void continue_one(uint32_t i)
{
	kill(slots[i].pid, SIGCONT);
	slots[i].stopped = false;
}

static uint32_t nr_stopped(void)
{
	uint32_t i, n = 0;

	for (i = 0; i < SLOTS; i++)
		n += slots[i].stopped;
	return n;
}

static uint64_t cpu_ns(pid_t pid)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) ? 0 : now_ns(clock);
}

/* Has a process that isn't stopped been inside one operation for too long? */
static void watch(uint32_t i, uint64_t gone_ns)
{
	uint64_t inside = load(&shared->slot[i].inside), cpu;

	if (inside != slots[i].inside || !(inside & 1)) {
		slots[i].inside = inside;
		slots[i].wall_ns = 0;
		slots[i].since_cpu_ns = 0;
		return;
	}
	if (slots[i].stopped)
		return;
	slots[i].wall_ns += gone_ns < LOOK_WALL_NS ? gone_ns : LOOK_WALL_NS;
	/* It costs a system call: only for those that take long. */
	if (slots[i].wall_ns < WEDGED_CPU_NS / 10)
		return;
	cpu = cpu_ns(slots[i].pid);
	if (!slots[i].since_cpu_ns)
		slots[i].since_cpu_ns = cpu;
	if (cpu < slots[i].since_cpu_ns + WEDGED_CPU_NS && slots[i].wall_ns < WEDGED_WALL_NS)
		return;
	fprintf(stderr, "storm: WEDGED: slot %u, process %d: one operation for %llu ms\n", i,
		(int)slots[i].pid, (unsigned long long)slots[i].wall_ns / 1000000);
	wedged++;
	kill_one(i);
	replace(i);
}

static void look_for_dead(void)
{
	int status;
	pid_t pid = waitpid(-1, &status, WNOHANG);
	uint32_t i;

	if (pid <= 0)
		return;
	if (pid == verifier) {
		lost("the verifier ended: status %#x", (unsigned int)status);
		verifier = start(verify, 0);
		return;
	}
	for (i = 0; i < SLOTS; i++) {
		if (slots[i].pid == pid) {
			lost("slot %u ended by itself: status %#x", i, (unsigned int)status);
			replace(i);
		}
	}
}

/* One draw a millisecond: about 30 kills and 60 stops a second. */
static void draw(void)
{
	uint64_t r = random_next(&x);
	uint32_t i = (uint32_t)(r >> 8) % SLOTS;

	if (r % 256 < 8) {
		kill_one(i);
		replace(i);
		/* One of eight doesn't come far: it dies while it opens, reaps or registers. */
		if (!(r >> 30 & 7)) {
			usleep((useconds_t)(r >> 40) % 1500);
			kill_one(i);
			replace(i);
		}
	} else if (r % 256 < 24 && !slots[i].stopped && nr_stopped() < STOPPED_MAX) {
		stop_one(i);
	}
}

static void tick(uint64_t now, uint64_t gone_ns)
{
	uint64_t ms = gone_ns / 1000000, i;

	/* A busy machine gives few ticks; more than a few at once would leave nobody the time to work. */
	for (i = 0; i < (ms < 1 ? 1 : ms > 20 ? 20 : ms); i++)
		draw();
	for (i = 0; i < SLOTS; i++) {
		if (slots[i].stopped && now >= slots[i].go_on_ns)
			continue_one((uint32_t)i);
		watch((uint32_t)i, gone_ns);
	}
	look_for_dead();
}

static uint64_t all_ops(void)
{
	uint64_t n = load(&shared->verified);
	uint32_t i;

	for (i = 0; i < SLOTS; i++)
		n += load(&shared->slot[i].ops);
	return n;
}

static void progress(double gone, double seconds)
{
	fprintf(stderr,
		"\r\033[K%.0f of %.0f s, %llu operations, %llu kills, %llu stops, %llu wedged, %llu lost",
		gone, seconds, (unsigned long long)all_ops(), (unsigned long long)kills,
		(unsigned long long)stops, (unsigned long long)wedged,
		(unsigned long long)load(&shared->lost));
}

static double storm(double seconds)
{
	uint64_t begun = now_ns(CLOCK_MONOTONIC), last = begun, said = begun, now;
	bool tty = isatty(2);
	uint32_t i;

	for (i = 0; i < SLOTS; i++)
		replace(i);
	verifier = start(verify, 0);
	for (;;) {
		usleep(1000);
		now = now_ns(CLOCK_MONOTONIC);
		if ((double)(now - begun) >= seconds * 1e9)
			break;
		tick(now, now - last);
		last = now;
		if (tty && now - said > 500000000) {
			said = now;
			progress((double)(now - begun) * 1e-9, seconds);
		}
	}
	if (tty)
		fputs("\r\033[K", stderr);
	/* The last ones die as the others did. */
	for (i = 0; i < SLOTS; i++)
		kill_one(i);
	__atomic_store_n(&shared->over, 1, __ATOMIC_RELAXED);
	if (waitpid(verifier, NULL, 0) != verifier)
		lost("the verifier is gone");
	return (double)(now - begun) * 1e-9;
}

/* Everything that nobody owns, or that is owned twice, now that nobody is left. */
static uint64_t leaks(struct splk_store *s)
{
	struct splk_stats stats = { .size = sizeof(stats) };
	struct spl_check_counts c = { 0 };
	uint64_t n, missing;
	int r;

	r = splk_reap(s, NULL);
	if (!r)
		r = splk_stats(s, &stats);
	if (!r)
		r = splk_check(s, 0, &c);
	if (r) {
		fprintf(stderr, "storm: reap and check: %s\n", splk_strerror(r));
		return 1;
	}
	missing = c.live + c.lanes_free > LANES ? c.live + c.lanes_free - LANES
						: LANES - c.live - c.lanes_free;
	n = missing + stats.writers + c.tentative + c.dead + c.lanes_flight + c.lanes_lost +
	    c.lanes_shared + c.cells_bad + c.keys_twice + c.overflow_stale + c.overflow_missing +
	    c.free_stale;
	if (n)
		fprintf(stderr,
			"storm: LEAKED: %llu keys, %llu free lanes of %d | writers %u tentative %llu dead %llu flight %llu "
			"lost %llu shared %llu bad %llu twice %llu overflow stale %llu missing %llu free stale %llu\n",
			c.live, c.lanes_free, LANES, stats.writers, c.tentative, c.dead,
			c.lanes_flight, c.lanes_lost, c.lanes_shared, c.cells_bad, c.keys_twice,
			c.overflow_stale, c.overflow_missing, c.free_stale);
	return n;
}

static double slowest_ms(void)
{
	uint64_t ns = 0;
	uint32_t i;

	for (i = 0; i < SLOTS; i++)
		if (load(&shared->slot[i].slowest_ns) > ns)
			ns = load(&shared->slot[i].slowest_ns);
	return (double)ns * 1e-6;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "store", required_argument, NULL, 'o' },
		{ 0 },
	};
	struct splk_stats stats = { .size = sizeof(stats) };
	uint64_t seed = (uint64_t)time(NULL), leaked;
	char folder[64] = "", path[128];
	double seconds = 600, gone;
	struct splk_store *s;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 't':
			seconds = strtod(optarg, NULL);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			spec = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!spec) {
		snprintf(folder, sizeof(folder), "%s/splinter-storm-XXXXXX",
			 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
		if (!mkdtemp(folder)) {
			perror("storm: a folder for the store");
			return 1;
		}
		snprintf(path, sizeof(path), "file:%s/store", folder);
		spec = path;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED) {
		perror("storm: memory");
		return 1;
	}
	printf("# seed %llu: who is killed or stopped in which order; the machine says when\n",
	       (unsigned long long)seed);
	fflush(stdout);
	x = (seed * 0x9e3779b97f4a7c15ULL) | 1;
	s = create();
	gone = storm(seconds);
	leaked = leaks(s);
	verify_end(s);
	splk_stats(s, &stats);
	splk_close(s);
	splk_unlink(spec, NULL, 0);
	if (*folder)
		rmdir(folder);
	printf("# %llu operations of the verifier, %llu refused for room, slowest operation that was not stopped %.1f ms\n",
	       (unsigned long long)shared->verified, (unsigned long long)shared->refused,
	       slowest_ms());
	printf("storm: %.0f seconds, %llu operations, %llu kills, %llu stops, %llu reaps, %llu wedged, %llu lost, %llu leaked\n",
	       gone, (unsigned long long)all_ops(), (unsigned long long)kills,
	       (unsigned long long)stops, (unsigned long long)stats.reap,
	       (unsigned long long)wedged, (unsigned long long)shared->lost,
	       (unsigned long long)leaked);
	return wedged || shared->lost || leaked || !kills || !all_ops();
}
