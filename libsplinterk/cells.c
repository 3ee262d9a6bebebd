// SPDX-License-Identifier: MIT
/*
 * cells.c - hands out the writer cells of an embedded store, takes them back, and has those of the dead repaired. Who is
 * dead is owner.c's to tell, the repair splinter_reap.h's.
 *
 *	free (0, 0)  --claim-->  thread  --release-->  free
 *	                         dead thread or dead reaper  --CAS-->  reaper  --repaired-->  free
 *
 * Every step but the release is a compare-and-swap of the pair that names the holder, so that of two reapers one gets the
 * cell, and a reaper that dies is a dead holder for the next one.
 */
#include <stdlib.h>

#include "internal.h"

static struct owner holder_of(const struct spl_wcell *cell)
{
	struct owner who;

	/* The two may belong to two holders: then the compare-and-swap that would act on them fails. */
	who.lo = spl_load_acquire(&cell->owner);
	who.hi = spl_load(&cell->owner_start);
	return who;
}

static bool change_holder(struct spl_wcell *cell, const struct owner *was, const struct owner *now)
{
	return spl_cas128(&cell->owner, was->lo, was->hi, now->lo, now->hi);
}

static const struct owner nobody;

/* A look at one cell: repairs it if its holder is dead. */
static void reap_one(struct splk_store *store, const struct owner *self, uint32_t idx,
		     struct splk_reaped *reaped, struct spl_reap_counts *counts)
{
	struct spl_wcell *cell = &store->view.wcells[idx];
	struct spl_counters due;
	struct owner who = holder_of(cell), reaper = { self->lo | OWNER_REAPING, self->hi };

	if (!who.lo)
		return;
	switch (owner_life(self, &who)) {
	case LIFE_ALIVE:
		reaped->alive++;
		return;
	case LIFE_UNKNOWN:
		reaped->unknown++;
		return;
	case LIFE_DEAD:
		break;
	}
	if (!change_holder(cell, &who, &reaper))
		return; /* another reaper was first */
	spl_reap_writer(&store->view, idx, counts);
	/* Who waits for what the dead one did, or did just now; before the cell can be another's. */
	due.groups = spl_load(&cell->ring_groups);
	due.bells = spl_load(&cell->ring_bells);
	(void)embed_ring(store, &due);
	spl_store_release(&cell->ring_groups, 0);
	spl_store_release(&cell->ring_bells, 0);
	spl_count(&store->view.wcells[idx].nr_reap);
	/* Fails only if somebody writes what no writer writes. */
	(void)change_holder(cell, &reaper, &nobody);
	reaped->writers++;
}

static void reap_all(struct splk_store *store, const struct owner *self, struct splk_reaped *reaped)
{
	struct spl_reap_counts counts = { 0 };
	uint32_t i;

	for (i = 0; i < store->view.max_writers; i++)
		reap_one(store, self, i, reaped, &counts);
	reaped->finished = (uint32_t)counts.finished;
	reaped->undone = (uint32_t)counts.undone;
}

int cells_reap(struct splk_store *store, struct splk_reaped *reaped)
{
	struct owner self;
	int err = owner_self(&self);

	if (!err)
		reap_all(store, &self, reaped);
	return err;
}

/* Writer cells whose holders are dead; nothing is done about them. */
uint64_t cells_dead(const struct splk_store *store)
{
	struct owner self, who;
	uint64_t n = 0;
	uint32_t i;

	if (owner_self(&self))
		return 0;
	for (i = 0; i < store->view.max_writers; i++) {
		who = holder_of(&store->view.wcells[i]);
		n += who.lo && owner_life(&self, &who) == LIFE_DEAD;
	}
	return n;
}

static bool claim_free(struct splk_store *store, const struct owner *self, struct claim *claim)
{
	struct spl_wcell *cells = store->view.wcells;
	uint32_t i;

	for (i = 0; i < store->view.max_writers; i++) {
		if (spl_load(&cells[i].owner) || !change_holder(&cells[i], &nobody, self))
			continue;
		spl_store(&cells[i].owner_tid, self->lo & OWNER_TID); /* for people */
		claim->idx = i;
		claim->owner = *self;
		return true;
	}
	return false;
}

int cells_claim(struct splk_store *store, struct claim *claim)
{
	struct splk_reaped reaped = { 0 };
	struct owner self;
	int err = owner_self(&self);

	if (err)
		return err;
	if (claim_free(store, &self, claim))
		return 0;
	reap_all(store, &self, &reaped);
	return claim_free(store, &self, claim) ? 0 : -EUSERS;
}

void cells_release(struct splk_store *store, const struct claim *claim, bool own)
{
	(void)own;
	/*
	 * By the name that it was claimed in: that of a thread that vanished has been reaped, and may be
	 * somebody else's by now.
	 */
	(void)change_holder(&store->view.wcells[claim->idx], &claim->owner, &nobody);
}

/* Cells that a check holds so that nobody registers meanwhile; those of the dead are repaired on the way. */
static int take_all(struct splk_store *store, const struct owner *self, struct splk_reaped *reaped,
		    uint32_t *taken)
{
	struct owner checker = { self->lo | OWNER_REAPING, self->hi }, who;
	struct spl_reap_counts counts = { 0 };
	struct spl_wcell *cell;

	for (*taken = 0; *taken < store->view.max_writers; ++*taken) {
		cell = &store->view.wcells[*taken];
		reap_one(store, self, *taken, reaped, &counts);
		who = holder_of(cell);
		if (who.lo == self->lo && who.hi == self->hi)
			continue; /* the caller's own */
		if (!change_holder(cell, &nobody, &checker))
			return -EBUSY;
	}
	return 0;
}

static void give_all(struct splk_store *store, const struct owner *self, uint32_t taken)
{
	struct owner checker = { self->lo | OWNER_REAPING, self->hi };
	uint32_t i;

	/* Fails, as it should, for the caller's own. */
	for (i = 0; i < taken; i++)
		(void)change_holder(&store->view.wcells[i], &checker, &nobody);
}

static uint64_t count_checker(struct splk_store *store, const struct owner *self, uint32_t taken)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < taken; i++)
		n += spl_load(&store->view.wcells[i].owner) == (self->lo | OWNER_REAPING);
	return n;
}

int cells_check(struct splk_store *store, uint32_t flags, struct spl_check_counts *counts)
{
	struct spl_check_work work = { 0 };
	struct splk_reaped reaped = { 0 };
	struct owner self;
	uint32_t taken = 0;
	int err = owner_self(&self);

	if (err)
		return err;
	work.seen = calloc(store->view.free_words, sizeof(__u64));
	if (!work.seen)
		return -ENOMEM;
	if (flags & SPL_CHECK_REPAIR)
		err = take_all(store, &self, &reaped, &taken);
	if (!err)
		err = spl_check(&store->view, &work, flags, counts);
	counts->writers -= err ? 0 : count_checker(store, &self, taken);
	give_all(store, &self, taken);
	free(work.seen);
	return err;
}
