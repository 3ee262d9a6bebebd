// SPDX-License-Identifier: MIT
/*
 * linear.c - records short histories of concurrent operations and asks for each key whether some order of them explains
 * all results (P3; with kills P2). The search is check.c's, what a key is model.c's.
 *
 *	linear [--mode scheduled|processes] [--seed N] [--groups N] [--seconds N] [--workers N] [--no-kills] [--repeat N]
 *		[--enough N] [--focus N,...]
 *
 * Each group of histories follows from its seed, the first from --seed. To replay one that failed: the seed that is
 * printed, with --groups 1. Scheduled ones replay exactly; processes repeat the same script, not the same timing.
 */
#include <getopt.h>
#include <time.h>
#include <unistd.h>

#include "script.h"

#define GROUP 64 /* histories of processes on one store */

struct totals totals;
void (*point_hook)(void);
static bool tty;

#ifdef LINEAR_POINTS
void linear_point(void)
{
	if (point_hook)
		point_hook();
}
#endif

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Is the history explained, and the store in order after it? */
void judge(const struct history *h, const struct config *c, const struct state *start,
	   struct rawstore *raw)
{
	int key = check_history(h, c->keys, start, c->roomy);
	uint32_t i;

	totals.histories++;
	totals.ops += h->nr;
	totals.roomy += c->roomy;
	for (i = 0; i < h->nr; i++) {
		totals.per_kind[h->op[i].kind]++;
		totals.nospace += h->op[i].end == END_KNOWN && h->op[i].ret == -ENOSPC;
	}
	if (key == -2) {
		totals.undecided++;
		printf("# too hard to decide: seed %llu\n", (unsigned long long)c->seed);
	}
	if (key >= 0) {
		if (!totals.bad++)
			printf("# not linearizable: key %d, seed %llu\n", key,
			       (unsigned long long)c->seed);
		shortest_offer(h, (uint32_t)key, &start[key], c->roomy, c->seed);
	}
	if (!rawstore_sound(raw) && !totals.unsound++)
		printf("# the store is not sound after a history of seed %llu\n",
		       (unsigned long long)c->seed);
}

static void configure(struct config *c, uint64_t seed, uint32_t workers, bool processes, bool kills)
{
	static const uint32_t lanes[] = { 1, 2, 3, 3, 4, 6, 8, 12, 16, 24 };
	uint64_t x = mix_seed(seed, 77);
	uint32_t holding, i;

	memset(c, 0, sizeof(*c));
	c->seed = seed;
	c->workers = workers ? workers
			     : 2 + (uint32_t)(random_next(&x) >> 33) %
					       (processes || !(seed % 4) ? 7 : 4);
	c->lanes = lanes[(random_next(&x) >> 33) % 10];
	c->keys = 1 + (uint32_t)(random_next(&x) >> 33) % (c->lanes > 4 ? KEYS_MAX : 4);
	c->spares = random_next(&x) >> 62 ? 2 : 3;
	c->ops = 2 + (uint32_t)(random_next(&x) >> 33) % (processes ? 10 : 6);
#ifndef LINEAR_POINTS
	/* Without points only long scripts of few workers meet. */
	if (!workers && seed % 4)
		c->workers = 2;
	c->ops += 12;
#endif
	c->cores = (uint32_t)(random_next(&x) >> 33) % 3;
	c->kills = kills && random_next(&x) >> 63 ? 1 + (uint32_t)(random_next(&x) >> 62) : 0;
	if (c->kills >= c->workers)
		c->kills = c->workers - 1;
	c->nr_focus = random_next(&x) >> 63 ? 2 + (uint8_t)(random_next(&x) >> 62) : 0;
	for (i = 0; i < c->nr_focus; i++)
		c->focus[i] = (uint8_t)((random_next(&x) >> 33) % 100);
	/* Each worker can have one lane on its way, a dead one until it is reaped, and so can a reaper's. */
	holding = c->keys + 2 * c->workers + 4 * c->kills;
	c->roomy = c->lanes >= holding;
}

/* Numbers as do_one() knows them. */
static void focus_on(struct config *c, const char *list)
{
	char *end;

	if (!list)
		return;
	for (c->nr_focus = 0; c->nr_focus < 5 && *list; list = *end ? end + 1 : end)
		c->focus[c->nr_focus++] = (uint8_t)strtoul(list, &end, 10);
}

static void progress(double begun, double seconds, bool last)
{
	if (!tty)
		return;
	printf("\r\033[K%llu histories, %llu operations, %llu kills, %llu bad, %.0f of %.0f s%s",
	       (unsigned long long)totals.histories, (unsigned long long)totals.ops,
	       (unsigned long long)totals.kills, (unsigned long long)totals.bad, now_s() - begun,
	       seconds, last ? "\n" : "");
	fflush(stdout);
}

static int report(const char *mode)
{
	printf("linear: %s, %llu histories, %llu operations, %llu refused for room, %llu with room for all, "
	       "%llu kills, %llu reaps, ",
	       mode, (unsigned long long)totals.histories, (unsigned long long)totals.ops,
	       (unsigned long long)totals.nospace, (unsigned long long)totals.roomy,
	       (unsigned long long)totals.kills, (unsigned long long)totals.reaps);
	if (totals.contended)
		printf("%llu with operations at the same time, ",
		       (unsigned long long)totals.contended);
	printf("%llu steps of the checker, %llu not linearizable, %llu not sound, %llu undecided\n",
	       (unsigned long long)check_steps, (unsigned long long)totals.bad,
	       (unsigned long long)totals.unsound, (unsigned long long)totals.undecided);
	/* Deciding is NP-complete: one history that is too hard is no finding, many of them are a check that doesn't. */
	return totals.bad || totals.unsound || totals.undecided * 1000 > totals.histories ||
	       !totals.histories;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' },
		{ "groups", required_argument, NULL, 'g' },
		{ "seconds", required_argument, NULL, 't' },
		{ "workers", required_argument, NULL, 'w' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "focus", required_argument, NULL, 'f' },
		{ "enough", required_argument, NULL, 'e' },
		{ "no-kills", no_argument, NULL, 'k' },
		{ 0 },
	};
	uint64_t seed = (uint64_t)time(NULL) * 1000003, groups = UINT64_MAX, repeat = 1,
		 enough = 20, i, k;
	double begun = now_s(), said = begun, seconds = 10;
	const char *mode = "scheduled", *focus = NULL;
	bool processes, kills = true;
	struct config c;
	uint32_t workers = 0;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'm':
			mode = optarg;
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'g':
			groups = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtod(optarg, NULL);
			break;
		case 'w':
			workers = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'r':
			repeat = strtoull(optarg, NULL, 0);
			break;
		case 'f':
			focus = optarg;
			break;
		case 'e':
			enough = strtoull(optarg, NULL, 0);
			break;
		case 'k':
			kills = false;
			break;
		default:
			return 2;
		}
	}
	processes = !strcmp(mode, "processes");
	if ((!processes && strcmp(mode, "scheduled")) || workers == 1 || workers > WORKERS_MAX) {
		fprintf(stderr, "linear: --mode is scheduled or processes, --workers 2 to %d\n",
			WORKERS_MAX);
		return 2;
	}
#ifndef LINEAR_POINTS
	if (!processes) {
		fprintf(stderr, "linear: this build has no points to schedule at\n");
		return 2;
	}
#endif
	tty = isatty(1);
	setvbuf(stdout, NULL, tty ? _IOFBF : _IOLBF, 1 << 16);
	printf("# seed %llu\n", (unsigned long long)seed);
	for (i = 0; i < groups && now_s() - begun < seconds && totals.bad < enough &&
		    totals.unsound < enough;
	     i++) {
		configure(&c, seed + i, workers, processes, kills);
		focus_on(&c, focus);
		for (k = 0; k < repeat; k++) {
			if (processes)
				processes_group(&c, GROUP);
			else
				scheduled_group(&c);
		}
		if (now_s() - said > 0.5) {
			said = now_s();
			progress(begun, seconds, false);
		}
	}
	progress(begun, seconds, true);
	if (shortest_print())
		printf("# to repeat it: linear --mode %s --groups 1 --seed SEED%s\n", mode,
		       processes ? " --repeat 100 (the same scripts, not the same timing)" : "");
	return report(mode);
}
