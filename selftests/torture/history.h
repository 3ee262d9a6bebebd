/* SPDX-License-Identifier: MIT */
/*
 * history.h - what the harness did, one operation after the other, beside what one or two victims did meanwhile, and the
 * question whether there is an order of all that a sequential store would answer in the same way (linearizability).
 */
#ifndef _SELFTESTS_TORTURE_HISTORY_H
#define _SELFTESTS_TORTURE_HISTORY_H

#include "act.h"

#define HISTORY_MAX 512
#define VICTIMS 2
#define NEVER INT32_MAX

/* What a victim was told to do. */
struct job {
	const char *name;
	bool many; /* as one batch */
	int nr;
	struct act act[TOLD_MAX];
};

/* A victim's operations take place in order, but reads of one batch in any order, after event number @from and before event number @to. */
struct part {
	const struct job *job;
	bool known; /* it has come to its end and told what happened; else any number of its operations did */
	int from;
	int to;
	struct told told[TOLD_MAX];
};

struct history {
	struct model start;
	int nr;
	struct act act[HISTORY_MAX];
	struct told told[HISTORY_MAX];
	int nr_parts;
	struct part part[VICTIMS];
};

/* The harness does something, and it is written down. */
static UNUSED struct told history_do(struct history *h, struct spl_writer *w, const struct act *a)
{
	static struct tell t;

	if (h->nr == HISTORY_MAX)
		die("too long a history");
	act_run(w, a, &t, 0);
	h->act[h->nr] = *a;
	h->told[h->nr] = act_told(a, &t, 0);
	return h->told[h->nr++];
}

static UNUSED void history_many(struct history *h, struct spl_writer *w, const struct act *a,
				int nr)
{
	static struct tell t;
	int i;

	if (h->nr + nr > HISTORY_MAX)
		die("too long a history");
	act_run_many(w, a, nr, &t);
	for (i = 0; i < nr; i++) {
		h->act[h->nr] = a[i];
		h->told[h->nr++] = act_told(&a[i], &t, i);
	}
}

static UNUSED struct part *history_begin(struct history *h, const struct job *job)
{
	struct part *p = &h->part[h->nr_parts++];

	p->job = job;
	p->known = false;
	p->from = h->nr;
	p->to = NEVER;
	return p;
}

/* The victim has told; or, if it is dead, nothing of it happens any more. */
static UNUSED void history_end(struct history *h, struct part *p, const struct tell *t)
{
	int i;

	p->to = h->nr;
	p->known = t != NULL;
	for (i = 0; t && i < p->job->nr; i++)
		p->told[i] = act_told(&p->job->act[i], t, i);
}

static __u32 holders_at(const struct history *h, int i)
{
	__u32 n = 0;
	int v;

	for (v = 0; v < h->nr_parts; v++)
		n += h->part[v].from <= i && i < h->part[v].to;
	return n;
}

static bool explain(const struct history *h, int i, const __u32 *left, const struct model *from);

/* May an operation that is left of a part take place here? */
static bool explain_part(const struct history *h, int i, const __u32 *left, int v,
			 const struct model *from, bool must)
{
	const struct part *p = &h->part[v];
	bool any = p->job->many && p->job->act[0].op == ACT_GET;
	__u32 after[VICTIMS] = { left[0], left[1] }, next;
	struct model m;
	int k;

	for (next = left[v]; next; next = any ? next & (next - 1) : 0) {
		k = __builtin_ctz(next);
		m = *from;
		after[v] = left[v] & ~(1U << k);
		if (model_apply(&m, &p->job->act[k], p->known ? &p->told[k] : NULL,
				(__u32)h->nr_parts - 1) &&
		    explain(h, i, after, &m))
			return true;
	}
	if (p->known || !must)
		return false;
	after[v] = 0; /* it died before */
	return explain(h, i, after, from);
}

static bool explain(const struct history *h, int i, const __u32 *left, const struct model *from)
{
	struct model m = *from;
	bool must, stuck;
	int v;

	for (;; i++) {
		stuck = false;
		for (v = 0; v < h->nr_parts; v++) {
			if (!left[v] || h->part[v].from > i)
				continue;
			must = i >= h->part[v].to;
			if (explain_part(h, i, left, v, &m, must))
				return true;
			stuck = stuck || must;
		}
		if (stuck)
			return false;
		if (i == h->nr)
			return true;
		if (!model_apply(&m, &h->act[i], &h->told[i], holders_at(h, i)))
			return false;
	}
}

static UNUSED bool history_explained(const struct history *h)
{
	__u32 left[VICTIMS] = { 0 };
	int v;

	for (v = 0; v < h->nr_parts; v++)
		left[v] = (1U << h->part[v].job->nr) - 1;
	return explain(h, 0, left, &h->start);
}

static void print_act(const struct act *a, const struct told *t)
{
	printf("%s %s", act_names[a->op], world.key[a->key].text);
	if (a->op == ACT_SET || a->op == ACT_PUT || a->op == ACT_APPEND || a->op == ACT_CAS)
		printf(" value %d (%u bytes) flags %u", a->value, values[a->value].len, a->flags);
	if (a->op == ACT_MATH || a->op == ACT_CAS || a->op == ACT_LABEL)
		printf(" number %#llx", a->number);
	if (!t)
		printf(": not known");
	else
		printf(": %ld epoch %llu value %d number %#llx", t->r, t->epoch, t->value,
		       t->number);
	printf("\n");
}

static UNUSED void history_print(const struct history *h)
{
	int i, v, k;

	for (i = 0; i < KEY_COUNT; i++)
		if (h->start.key[i].value >= 0)
			printf("#   at first %s: value %d epoch %llu labels %#llx\n",
			       world.key[i].text, h->start.key[i].value, h->start.key[i].epoch,
			       h->start.key[i].labels);
	for (v = 0; v < h->nr_parts; v++)
		for (k = 0; k < h->part[v].job->nr; k++) {
			printf("#   victim %d, between %d and %d: ", v, h->part[v].from,
			       h->part[v].to);
			print_act(&h->part[v].job->act[k],
				  h->part[v].known ? &h->part[v].told[k] : NULL);
		}
	for (i = 0; i < h->nr; i++) {
		if (h->act[i].op == ACT_GET && h->told[i].r == -ENOENT && h->act[i].key != KEY_K)
			continue; /* most keys aren't there */
		printf("#   %d ", i);
		print_act(&h->act[i], &h->told[i]);
	}
}

#endif /* _SELFTESTS_TORTURE_HISTORY_H */
