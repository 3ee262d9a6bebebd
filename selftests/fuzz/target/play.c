// SPDX-License-Identifier: MIT
/*
 * play.c - plays the records of an input: operations, and what happens at the n-th access of the next one, once or again
 * and again. An operation has to end, within so many accesses.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

#define DUE_MAX 8U

/* Attacks in one operation. Then the attacker rests, or an input would take minutes. */
#define ATTACKS_MAX 100000U

static struct {
	struct world *world;
	struct record due[DUE_MAX];
	uint64_t at[DUE_MAX];
	uint32_t period[DUE_MAX];
	uint32_t nr_due;
	uint64_t steps;
	uint64_t next;
	uint64_t die_at;
	uint32_t attacks;
	jmp_buf died;
	struct record op;
} now;

static uint64_t most_steps[KIND_DIE];

void fuzz_broken(const char *what, long result)
{
	fprintf(stderr,
		"broken: operation %u (a %u b %u c %u v %u): %s: %ld, after %llu accesses\n",
		now.op.kind, now.op.a, now.op.b, now.op.c, now.op.v, what, result,
		(unsigned long long)now.steps);
	abort();
}

static void find_next(void)
{
	uint32_t i;

	now.next = op_steps(&now.op);
	for (i = 0; i < now.nr_due; i++)
		if (now.at[i] < now.next)
			now.next = now.at[i];
	if (now.die_at && now.die_at < now.next)
		now.next = now.die_at;
}

/* Accesses of the attack itself are none of the operation. */
static void attack_now(void)
{
	struct world *w = now.world;
	uint32_t i;

	now.world = NULL;
	for (i = 0; i < now.nr_due; i++) {
		if (now.at[i] != now.steps)
			continue;
		garble(w, &now.due[i]);
		now.at[i] = now.period[i] && ++now.attacks < ATTACKS_MAX ? now.steps + now.period[i]
									 : ~0ULL;
		now.due[i].v += now.period[i] ? 0x100 : 0; /* not the same each time */
	}
	now.world = w;
	find_next();
}

void fuzz_tick(void)
{
	if (!now.world)
		return;
	if (++now.steps < now.next)
		return;
	if (now.steps >= op_steps(&now.op))
		fuzz_broken("it does not end", 0);
	if (now.steps == now.die_at)
		longjmp(now.died, 1);
	attack_now();
}

static void run(struct world *w, const struct record *r)
{
	now.op = *r;
	now.attacks = 0;
	now.steps = 0;
	if (!op_mortal(r))
		now.die_at = 0;
	find_next();
	now.world = w;
	if (!setjmp(now.died))
		op_run(w, r);
	else
		op_died(w);
	now.world = NULL;
	now.nr_due = 0;
	now.die_at = 0;
	if (now.steps > most_steps[r->kind])
		most_steps[r->kind] = now.steps;
}

static void schedule(const struct record *r, uint32_t period)
{
	if (now.nr_due == DUE_MAX)
		return;
	now.due[now.nr_due] = *r;
	now.at[now.nr_due] = 1 + (r->v >> 20) % (r->v & 1 << 16 ? 400 : 24);
	now.period[now.nr_due] = period;
	now.nr_due++;
}

/* Does what a record says, or notes it for the next operation. */
void play(struct world *w, const struct record *r)
{
	uint32_t kind = r->kind;

	if (kind >= KIND_OFTEN)
		schedule(r, 1 + (r->v >> 17 & 63));
	else if (kind >= KIND_AT)
		schedule(r, 0);
	else if (kind >= KIND_NOW)
		garble(w, r);
	else if (kind >= KIND_DIE)
		now.die_at = 1 + r->v % (r->a & 1 ? 400 : 48);
	else if (kind < fuzz_op_kinds)
		run(w, r);
}

/* The records behind an input's first 8 bytes; nothing is left of an input before it. */
uint32_t play_read(const uint8_t *data, size_t size, struct record *records)
{
	uint32_t nr = (uint32_t)(size / RECORD_BYTES) - 1, i;

	if (nr > RECORDS_MAX)
		nr = RECORDS_MAX;
	memcpy(records, data + RECORD_BYTES, nr * RECORD_BYTES);
	for (i = 0; i < nr; i++)
		records[i].kind %= KIND_ALL;
	memset(&now, 0, sizeof(now));
	return nr;
}

__attribute__((destructor)) static void tell_steps(void)
{
	uint32_t i;

	if (!getenv("FUZZ_STEPS"))
		return;
	for (i = 0; i < fuzz_op_kinds; i++)
		fprintf(stderr, "operation %u: at most %llu accesses\n", i,
			(unsigned long long)most_steps[i]);
}
