// SPDX-License-Identifier: MIT
/*
 * cmd_check.c - check and reap: whether a store is sound, and mending it.
 */
#include <errno.h>
#include <stdio.h>

#include "cmds.h"
#include "out.h"

static const struct ctl_opt check_opts[] = {
	{ "repair", 'r', NULL, "mend what is found; nobody else may be writing" },
	{ 0 },
};

static int run_check(struct ctl *ctl, struct ctl_args *args)
{
	bool repair = ctl_opt(args, "repair"), sound;
	struct splk_stats stats = { .size = sizeof(stats) };
	struct spl_check_counts c = { 0 };
	int r = ctl_need(ctl, repair);
	/* Things of operations under way, which are faults only where nobody writes. */
	uint64_t flight, faults;
	json_t *o = NULL;
	size_t i;

	if (r)
		return r;
	r = splk_check(ctl->store, repair ? SPL_CHECK_REPAIR : 0, &c);
	if (r == -EBUSY)
		return ctl_fail(
			ctl, CTL_STORE,
			"%s: other writers are registered; stop them, or `splinterctl reap` dead ones",
			ctl_spec(ctl));
	if (r)
		return ctl_error(ctl, r, "%s", ctl_spec(ctl));
	splk_stats(ctl->store, &stats);
	flight = c.tentative + c.dead + c.lanes_flight;
	faults = c.lanes_lost + c.lanes_shared + c.cells_bad + c.keys_twice + c.overflow_missing +
		 c.free_stale;
	sound = !faults && (c.writers || !flight);
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "live", c.live },
		{ "tentative", c.tentative },
		{ "dead", c.dead },
		{ "lanes_free", c.lanes_free },
		{ "lanes_spare", c.lanes_spare },
		{ "lanes_flight", c.lanes_flight },
		{ "lanes_lost", c.lanes_lost },
		{ "lanes_shared", c.lanes_shared },
		{ "cells_bad", c.cells_bad },
		{ "keys_twice", c.keys_twice },
		{ "overflow_stale", c.overflow_stale },
		{ "overflow_missing", c.overflow_missing },
		{ "free_stale", c.free_stale },
		{ "attrs_live", c.attrs_live },
		{ "writers", c.writers },
		{ "writers_dead", stats.dead },
		{ "repaired", c.repaired },
	};
	if (ctl->json)
		o = json_object();
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (o)
			out_json_u64(o, rows[i].name, rows[i].value);
		else
			out_field(rows[i].name, "%llu", (unsigned long long)rows[i].value);
	}
	if (o) {
		out_json_bool(o, "sound", sound);
		r = out_json(ctl, o);
	} else if (sound && c.writers && c.writers <= stats.dead) {
		printf("sound; %llu dead writer%s left something, which `splinterctl reap` clears\n",
		       (unsigned long long)stats.dead, stats.dead == 1 ? "" : "s");
	} else if (sound) {
		printf("sound%s\n",
		       c.writers ? ", as far as that can be seen while others write" : "");
	} else if (c.writers) {
		printf("not sound, or changed while it was looked at: check again when nobody writes\n");
	} else if (c.repaired) {
		printf("was not sound, and was mended; `splinterctl check` tells what it is now\n");
	} else {
		printf("not sound; `splinterctl check --repair` mends it\n");
	}
	return r ? r : sound ? CTL_OK : CTL_NO;
}

const struct ctl_command cmd_check = {
	.name = "check",
	.group = "Repair",
	.usage = "",
	.summary = "verify index, lanes and free lanes of the whole store against each other",
	.about =
		"Exit code 1 says that faults were found (with --repair: and mended, which `repaired` counts;\n"
		"check again). While others write, what they are doing counts as tentative, dead or in flight.",
	.opts = check_opts,
	.flags = CTL_JSON | CTL_SPEC,
	.run = run_check,
};

static int run_reap(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_reaped p = { .size = sizeof(p) };
	int r = splk_reap(ctl->store, &p);
	json_t *o;

	(void)args;
	if (r)
		return ctl_error(ctl, r, "%s", ctl_spec(ctl));
	if (!ctl->json) {
		printf("%u dead writer%s reaped, %u operations finished, %u undone; %u writers alive, %u unknown\n",
		       p.writers, p.writers == 1 ? "" : "s", p.finished, p.undone, p.alive,
		       p.unknown);
		return 0;
	}
	o = json_object();
	out_json_u64(o, "writers", p.writers);
	out_json_u64(o, "finished", p.finished);
	out_json_u64(o, "undone", p.undone);
	out_json_u64(o, "alive", p.alive);
	out_json_u64(o, "unknown", p.unknown);
	return out_json(ctl, o);
}

const struct ctl_command cmd_reap = {
	.name = "reap",
	.group = "Repair",
	.usage = "",
	.summary = "repair now what dead writers left",
	.about =
		"The module does so by itself; this is for a store in a file, or for the impatient.\n"
		"Writers of another pid namespace, of which nothing can be known here, count as unknown.",
	.flags = CTL_JSON | CTL_WRITES,
	.run = run_reap,
};
