// SPDX-License-Identifier: MIT
/*
 * fuzz.c - reads an input: a geometry or a hostile info page, then records, each an operation of an honest process or
 * something that a hostile one writes: between operations, or at the n-th access of the next one, once or again and
 * again. An operation has to end, within so many accesses, with a value or an error.
 *
 *	byte 0		bit 0: hostile info page; bits 1..3: geometry; bits 4..7: keys that are there at the start
 *	byte 1		number of records that change the info page
 *	byte 2		bits 0..1: pages that are mapped beyond the hostile store
 *	bytes 3..7	unused
 *	then 8 bytes a record: kind, a, b, c, v
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

/*
 * Kinds: below OP_KINDS operations; then the death of the next operation's writer, and attacks now, in the next
 * operation, and all through the next operation.
 */
#define KIND_ALL 64U
#define KIND_DIE 28U
#define KIND_NOW 32U
#define KIND_AT 48U
#define KIND_OFTEN 56U

#define DUE_MAX 8U

/*
 * Accesses of one operation: two loops of SPL_TRIES rounds, one in the other, each over a probe sequence with keys to
 * be compared. What goes on for longer goes on for ever.
 */
#define STEPS_MAX 4000000ULL

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

static uint64_t most_steps[OP_KINDS];

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

	now.next = STEPS_MAX * op_parts(&now.op);
	for (i = 0; i < now.nr_due; i++)
		if (now.at[i] < now.next)
			now.next = now.at[i];
	if (now.die_at && now.die_at < now.next)
		now.next = now.die_at;
}

static void attack_now(void)
{
	uint32_t i;

	for (i = 0; i < now.nr_due; i++) {
		if (now.at[i] != now.steps)
			continue;
		garble(now.world, &now.due[i]);
		now.at[i] = now.period[i] && ++now.attacks < ATTACKS_MAX ? now.steps + now.period[i]
									 : ~0ULL;
		now.due[i].v += now.period[i] ? 0x100 : 0; /* not the same each time */
	}
	find_next();
}

void fuzz_tick(void)
{
	if (!now.world)
		return;
	if (++now.steps < now.next)
		return;
	if (now.steps >= STEPS_MAX * op_parts(&now.op))
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
	if (!op_writes(r))
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

static void play(struct world *w, const struct record *r)
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
	else if (kind < OP_KINDS)
		run(w, r);
}

/* A word of the info page, changed: to something small, to a power of two or nearly, by a little, in one bit. */
static void spoil_info(struct spl_info *info, const struct record *r)
{
	static const uint8_t widths[] = { 8, 4, 8, 2 };
	uint32_t width = widths[r->a & 3];
	uint32_t at = (r->b | (uint32_t)r->c << 8) % (sizeof(*info) / width) * width;
	uint32_t region = r->c & 0x80 ? SPL_REGION_SIGNAL + r->c % 4
				      : SPL_REGION_WRITERS + r->c % 5;
	uint64_t x = 0;

	/* Mostly where something is that counts: a region's numbers, or the geometry and what follows from it. */
	if (r->a >> 5 & 1) {
		width = 8;
		at = (uint32_t)offsetof(struct spl_info, regions[region].off) + r->b % 3 * 8;
	} else if (r->a >> 5 == 2) {
		uint32_t from = offsetof(struct spl_info, geometry);

		width = r->b & 1 ? 8 : 4;
		at = from +
		     r->b / 2 % ((offsetof(struct spl_info, regions) - from) / width) * width;
	}
	memcpy(&x, (char *)info + at, width);
	switch (r->a >> 2 & 7) {
	case 0:
		x = r->v & 0xff;
		break;
	case 1:
		x = (1ULL << (r->v & 63)) + (r->v >> 6 & 7) - 3;
		break;
	case 2:
		x += (r->v & 0xff) - 128ULL;
		break;
	case 3:
		x ^= 1ULL << (r->v & 63);
		break;
	case 4:
		x += (uint64_t)((r->v & 15) - 8ULL) * SPL_PAGE_BYTES;
		break;
	case 5:
		x = ~0ULL - (r->v & 0xff);
		break;
	case 6:
		x = (uint64_t)(r->v & 0xff) * SPL_PAGE_BYTES;
		break;
	default:
		x = r->v;
	}
	memcpy((char *)info + at, &x, width);
}

static void sow(struct world *w, uint32_t nr)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		spl_set(&w->w[i % w->nr_writers], w->key[i].bytes, w->key[i].len, w->value,
			i * 3 % (w->s.value_max + 1), 0, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t nr, i, nr_info = 0;
	struct record records[RECORDS_MAX];
	struct spl_info info;
	struct world w;
	uint8_t first;

	if (size < RECORD_BYTES)
		return 0;
	first = data[0];
	nr = (uint32_t)(size / RECORD_BYTES) - 1;
	if (nr > RECORDS_MAX)
		nr = RECORDS_MAX;
	memcpy(records, data + RECORD_BYTES, nr * RECORD_BYTES);
	for (i = 0; i < nr; i++)
		records[i].kind %= KIND_ALL;
	memset(&now, 0, sizeof(now));
	i = 0;
	if (first & 1) {
		uint64_t bytes;

		world_plan(&info, first >> 1 & 7);
		bytes = info.map_bytes - info.data_off + (data[2] & 3) * SPL_PAGE_BYTES;
		nr_info = data[1] % 12 < nr ? data[1] % 12 : nr;
		for (; i < nr_info; i++)
			spoil_info(&info, &records[i]);
		if (world_attach(&w, &info, bytes))
			return 0;
	} else if (world_make(&w, first >> 1 & 7, false)) {
		abort();
	}
	sow(&w, first >> 4);
	for (; i < nr; i++)
		play(&w, &records[i]);
	op_mend(&w);
	world_drop(&w);
	return 0;
}

__attribute__((destructor)) static void tell_steps(void)
{
	uint32_t i;

	if (!getenv("FUZZ_STEPS"))
		return;
	for (i = 0; i < OP_KINDS; i++)
		fprintf(stderr, "operation %u: at most %llu accesses\n", i,
			(unsigned long long)most_steps[i]);
}
