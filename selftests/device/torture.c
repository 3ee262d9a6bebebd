// SPDX-License-Identifier: MIT
// selftest-timeout: 400
/*
 * torture.c - P1 and P2 where the kernel repairs: a process that writes to a store of /dev/splinter is stopped and killed at
 * instruction boundaries of its operations. Every instruction there is, with a reaper that can be stepped through as well, is
 * selftests/torture's on the embedded backend; a guest is slow, so here it is every boundary at which the store
 * has just changed or is about to, and a sample of the others.
 */
#include "device.h"

#include "../torture/way.h"

static int fd;
static const char *store_name = "torture";
static struct snap *at_first;
static struct history story;
static struct model first_model;

/* The victim: it has a handle of its own, and the mapping that it inherits. */
static struct orders victim_orders;
static bool by_page;

static void become_writer(void)
{
	int own = open_named(store_name, O_RDWR);

	if (own < 0 || (by_page ? !map_self(own) : reg(own) != 1))
		_exit(98);
	spl_writer_init(&victim_orders.w, &world.s, 1);
}

static void restore(void)
{
	snap_put(at_first);
	memset(&world.tell[1], 0, sizeof(world.tell[1]));
}

static struct way way = {
	.work = victim_work,
	.arg = &victim_orders,
	.before = become_writer,
	.reset = restore,
};

static bool kernel_says_sound(__u64 writers)
{
	struct spl_check_counts c;
	int err;

	do
		err = check(fd, 0, &c);
	while (err == -EINTR); /* the beat of watch() */
	if (err) {
		printf("# check: %s\n", strerror(-err));
		return false;
	}
	if (c.writers == writers &&
	    !(c.tentative | c.dead | c.lanes_flight | c.lanes_lost | c.lanes_shared | c.cells_bad |
	      c.keys_twice | c.overflow_stale | c.overflow_missing | c.free_stale))
		return true;
	printf("# writers %llu tentative %llu dead %llu flight %llu lost %llu shared %llu bad %llu twice %llu stale %llu missing %llu map %llu\n",
	       c.writers, c.tentative, c.dead, c.lanes_flight, c.lanes_lost, c.lanes_shared,
	       c.cells_bad, c.keys_twice, c.overflow_stale, c.overflow_missing, c.free_stale);
	return false;
}

static void begin(const struct job *job)
{
	memset(&story, 0, sizeof(story));
	story.start = first_model;
	history_begin(&story, job);
}

static void kill_at(const struct job *job, long at, bool late)
{
	pid_t pid = way_lead(&way, at);

	if (pid < 0)
		return;
	begin(job);
	tally.kills++;
	place.kill = true;
	if (late) /* others work beside the victim before it dies */
		crowd_run(&story, &world.w, SCRIPT_SET, 0);
	victim_kill(pid);
	history_end(&story, &story.part[0], NULL);
	if (!kernel_says_sound(1))
		failure(NULL, "the kernel finds something unsound after a death");
	judge_rest(&story, 1);
	place.kill = false;
}

static void stop_at(const struct job *job, long at)
{
	pid_t pid = way_lead(&way, at);
	struct spl_ioc_reap r;

	if (pid < 0)
		return;
	begin(job);
	tally.stops++;
	tally.boundaries++;
	r = reap(fd);
	if (r.writers || r.alive != 2)
		failure(NULL, "a stopped writer is taken for dead");
	crowd_run(&story, &world.w, SCRIPT_ALL, 0);
	if (!let_go(pid, &story))
		return;
	history_end(&story, &story.part[0], &world.tell[1]);
	if (!kernel_says_sound(1))
		failure(NULL, "the kernel finds something unsound afterwards");
	judge_rest(&story, 1);
}

static void one_case(struct test_case *c)
{
	unsigned long failures = tally.failures, boundaries = tally.boundaries;
	struct spl_geometry g = world_geometry(c->lanes);
	struct mapped m;
	long k;

	fd = open_new(store_name, g);
	if (fd < 0 || map_store(fd, PROT_READ | PROT_WRITE, &m) || reg(fd) != CROWD)
		die("a store: %d", fd);
	world_take(m.info, m.data, m.data_bytes);
	case_fill(c, &first_model);
	at_first = snap_new();
	snap_take(at_first);
	victim_orders.job = &c->job;
	victim_orders.tell = &world.tell[1];
	way.bytes = world.data;
	way.size = world.bytes;
	place.op = c->name;
	place.script = -1;
	place.then = -1;
	place.state = -1;
	way_record(&way);
	for (k = 0; k < way.len; k++) {
		place.at = k;
		if (!way.near[k] && draw(1, (__u64)way.len / 16 + 1))
			continue;
		by_page = draw(2, 2);
		stop_at(&c->job, k);
		kill_at(&c->job, k, draw(3, 2));
	}
	printf("# %s: %lu of %ld boundaries\n", c->name, tally.boundaries - boundaries, way.len);
	printf("%sok %d - %s\n", tally.failures > failures ? "not " : "", (int)(c - cases) + 1,
	       c->name);
	fflush(stdout);
	free(at_first);
	munmap(world.tell, WRITERS * sizeof(*world.tell));
	unmap_store(&m);
	unlink_store(store_name);
	close(fd);
}

int main(void)
{
	static const char *const names[] = {
		"insert",    "insert-displaced",
		"overwrite", "overwrite-large",
		"delete",    "delete-displaced",
		"append",    "math",
		"put",	     "label",
	};
	size_t i;
	int k, nr = 0;

	covered = calloc(1, (size_t)(&etext - &__executable_start));
	if (!covered)
		die("no memory");
	watch();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (k = 0; k < NR_CASES; k++)
			if (!strcmp(cases[k].name, names[i])) {
				one_case(&cases[k]);
				nr++;
			}
	printf("1..%d\n", nr);
	printf("# torture: %d operations, %lu boundaries, %lu stops, %lu kills, %lu failures\n", nr,
	       tally.boundaries, tally.stops, tally.kills, tally.failures);
	return tally.failures != 0;
}
