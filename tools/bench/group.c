// SPDX-License-Identifier: MIT
/*
 * group.c - measures the subjects of a section in turn, round after round, and makes figures of the rounds. A ratio is
 * taken within each round, and the median of those is what counts.
 */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench.h"

/* Short, so that few batches are disturbed; longer where each operation waits for another process anyway. */
#define BATCH_NS 1.5e6
#define SLEEPER_BATCH_NS 1e7
#define AGAIN_MAX 6

double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int group_subject(struct group *g, const char *name, void (*run)(void *, uint64_t), void *context)
{
	struct subject *s = &g->subjects[g->nr_subjects];

	if (g->nr_subjects == SUBJECTS_MAX)
		die("%s: too many subjects", g->name);
	s->name = name;
	s->run = run;
	s->context = context;
	return g->nr_subjects++;
}

struct figure *group_figure(struct group *g, const char *name, int subject, int reference,
			    enum kind kind, double bound, const char *note)
{
	struct figure *f = &g->figures[g->nr_figures];

	if (g->nr_figures++ == FIGURES_MAX)
		die("%s: too many figures", g->name);
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->note, sizeof(f->note), "%s", note);
	f->subject = subject;
	f->reference = reference;
	f->one = f->both = -1;
	f->kind = kind;
	f->bound = bound;
	f->unit = kind == SHARE ? "%" : "ns/op";
	return f;
}

bool wanted(const char *name)
{
	static regex_t pattern;
	static bool compiled;

	if (!settings.only)
		return true;
	if (!compiled && regcomp(&pattern, settings.only, REG_EXTENDED | REG_NOSUB | REG_ICASE))
		die("--only: not a regular expression: %s", settings.only);
	compiled = true;
	return !regexec(&pattern, name, 0, NULL, 0);
}

/* Leaves only what is asked for. */
bool group_wanted(struct group *g)
{
	int i, k, kept = 0, all[4];
	struct figure *f;

	for (i = 0; i < g->nr_figures; i++) {
		f = &g->figures[i];
		if (!wanted(f->name))
			continue;
		all[0] = f->subject, all[1] = f->reference, all[2] = f->one, all[3] = f->both;
		for (k = 0; k < 4; k++)
			if (all[k] >= 0)
				g->subjects[all[k]].needed = true;
		g->figures[kept++] = *f;
	}
	g->nr_figures = kept;
	return kept;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median_of(const double *x, int n)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, x, (size_t)n * sizeof(*x));
	qsort(sorted, (size_t)n, sizeof(*sorted), compare);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static double least_of(const double *x, int n)
{
	double least = x[0];
	int i;

	for (i = 1; i < n; i++)
		least = x[i] < least ? x[i] : least;
	return least;
}

static double most_of(const double *x, int n)
{
	double most = x[0];
	int i;

	for (i = 1; i < n; i++)
		most = x[i] > most ? x[i] : most;
	return most;
}

static long preemptions(void)
{
	struct rusage use;

	getrusage(RUSAGE_THREAD, &use);
	return use.ru_nivcsw;
}

/* A batch in which another program had the CPU tells nothing of this one, and is measured again, though not for ever. */
static double measure(struct subject *s)
{
	double began, took = 0;
	long lost;
	int i;

	for (i = 0; i < AGAIN_MAX; i++) {
		lost = preemptions();
		began = now_ns();
		s->run(s->context, s->ops);
		took = now_ns() - began;
		if (s->once)
			return s->told_ns;
		if (s->sleeps || preemptions() == lost)
			break;
	}
	return took / (double)s->ops;
}

static void choose_ops(struct subject *s, double batch_ns)
{
	double took;

	if (s->once || s->ops)
		return;
	for (s->ops = 64; s->ops < 1 << 24; s->ops *= 4) {
		took = measure(s) * (double)s->ops;
		if (took > batch_ns / 8) {
			s->ops = (uint64_t)((double)s->ops * batch_ns / took) + 1;
			break;
		}
	}
	s->ops = (s->ops + BATCH_LONG - 1) & ~(uint64_t)(BATCH_LONG - 1);
}

static double ratio_in(const struct group *g, const struct figure *f, int round)
{
	double a = g->subjects[f->subject].ns[round], b;

	if (f->reference < 0)
		return 0;
	b = g->subjects[f->reference].ns[round];
	if (f->kind == COST)
		return a / b;
	if (f->kind == GAIN)
		return b / a;
	/* Both at once over one alone, ours over the floor's: costs of an operation, so each speed-up is one / both. */
	return b / a / (g->subjects[f->one].ns[round] / g->subjects[f->both].ns[round]);
}

static void figure_finish(const struct group *g, struct figure *f, int rounds)
{
	const struct subject *s = &g->subjects[f->subject];
	double ratios[ROUNDS_MAX];
	int i;

	f->value = median_of(s->ns, rounds);
	f->min = least_of(s->ns, rounds);
	f->max = most_of(s->ns, rounds);
	f->met = true;
	if (f->reference < 0)
		return;
	for (i = 0; i < rounds; i++)
		ratios[i] = ratio_in(g, f, i);
	f->floor = median_of(g->subjects[f->reference].ns, rounds);
	f->floor_min = least_of(g->subjects[f->reference].ns, rounds);
	f->ratio = median_of(ratios, rounds);
	f->ratio_min = least_of(ratios, rounds);
	f->ratio_max = most_of(ratios, rounds);
	if (f->bound)
		f->met = f->kind == COST ? f->ratio <= f->bound : f->ratio >= f->bound;
}

void group_run(struct group *g)
{
	int rounds = g->rounds ? g->rounds : settings.rounds, i, k, r;
	struct subject *s;

	for (i = 0; i < g->nr_subjects; i++)
		if (g->subjects[i].needed)
			choose_ops(&g->subjects[i],
				   g->subjects[i].sleeps ? SLEEPER_BATCH_NS : BATCH_NS);
	for (r = 0; r < rounds; r++) {
		progress("%s, round %d of %d", g->name, r + 1, rounds);
		/* Every round begins with another one, so that none always follows the same neighbour's mess. */
		for (k = 0; k < g->nr_subjects; k++) {
			s = &g->subjects[(k + r) % g->nr_subjects];
			if (!s->needed)
				continue;
			if (!s->once)
				s->run(s->context, s->ops); /* its own lines into its caches */
			s->ns[r] = measure(s);
		}
	}
	for (i = 0; i < g->nr_figures; i++) {
		figure_finish(g, &g->figures[i], rounds);
		report_figure(&g->figures[i]);
	}
}
