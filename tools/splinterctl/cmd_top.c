// SPDX-License-Identifier: MIT
/*
 * cmd_top.c - top: the module's stores and channels with their rates, again and again. One channel in detail is
 * cmd_channel.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"
#include "splinterk_channel.h"

static const struct ctl_opt top_opts[] = {
	{ "once", '1', NULL, "print once, and end" },
	{ "interval", 'n', "SECONDS", "time between two looks (1)" },
	{ 0 },
};

/* A store or a channel as one look saw it. */
struct row {
	uint64_t id;
	uint64_t of; /* channels: the store's id; stores: 0 */
	char name[SPL_NAME_MAX + 1];
	uint32_t name_len;
	bool readable; /* its counts could be read */
	uint64_t bytes;
	uint64_t lanes;
	uint64_t used;
	uint32_t handles;
	uint32_t writers;
	uint64_t events; /* publications and deletions; messages */
	uint64_t payload;
	uint64_t depth;
	uint64_t tx_taken;
	uint64_t rx_taken;
};

struct look {
	struct ctl *ctl;
	struct row *rows;
	size_t nr;
	size_t room;
	uint64_t at_ns;
	uint64_t store_id; /* whose channels are walked */
	int code;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct row *add_row(struct look *l, const void *name, uint32_t len)
{
	struct row *more;

	if (l->nr == l->room) {
		l->room = l->room ? 2 * l->room : 32;
		more = realloc(l->rows, l->room * sizeof(*more));
		if (!more) {
			l->code = ctl_fail(l->ctl, CTL_STORE, "no memory");
			return NULL;
		}
		l->rows = more;
	}
	more = &l->rows[l->nr++];
	memset(more, 0, sizeof(*more));
	more->name_len = len < SPL_NAME_MAX ? len : SPL_NAME_MAX;
	memcpy(more->name, name, more->name_len);
	return more;
}

static int add_channel(const struct spl_channel_entry *e, void *arg)
{
	struct look *l = arg;
	struct row *row = add_row(l, e->name, e->name_len);

	if (!row)
		return 1;
	row->id = e->channel_id;
	row->of = l->store_id;
	row->readable = !(e->flags & SPL_CHANNEL_ENTRY_CLOSED);
	row->bytes = e->capacity;
	row->events = e->messages;
	row->payload = e->payload;
	row->depth = e->head - e->read;
	row->tx_taken = e->tx_taken;
	row->rx_taken = e->rx_taken;
	return 0;
}

static int add_store(const struct spl_store_entry *e, void *arg)
{
	struct look *l = arg;
	struct splk_options o = { .size = sizeof(o),
				  .flags = SPLK_READ_ONLY,
				  .device = l->ctl->device };
	struct splk_stats stats = { .size = sizeof(stats) };
	struct row *row = add_row(l, e->name, e->name_len);
	char spec[SPL_NAME_MAX + 8];
	struct splk_store *store;

	if (!row)
		return 1;
	row->id = e->store_id;
	row->bytes = e->bytes;
	row->lanes = e->lanes;
	row->handles = e->handles;
	row->writers = e->writers;
	snprintf(spec, sizeof(spec), e->name_len ? "dev:%s" : "default", row->name);
	if (splk_open(spec, &o, &store))
		return 0; /* not ours to read, or gone */
	row->handles -= row->handles > 0; /* this one */
	if (!splk_stats(store, &stats)) {
		row->readable = true;
		row->used = stats.lanes_used;
		row->events = stats.publish + stats.deletes;
	}
	l->store_id = e->store_id;
	splk_channels(store, add_channel, l);
	splk_close(store);
	return l->code;
}

static int look(struct ctl *ctl, struct look *l)
{
	struct splk_options o = { .size = sizeof(o), .device = ctl->device };
	int r;

	l->ctl = ctl;
	l->nr = 0;
	l->code = 0;
	r = splk_stores(&o, add_store, l);
	l->at_ns = now_ns();
	if (l->code)
		return l->code;
	return r < 0 ? ctl_device_error(ctl, r) : 0;
}

static double rate_of(const struct look *before, const struct look *l, const struct row *row,
		      bool payload)
{
	const struct row *old = NULL;
	uint64_t was, is;
	size_t i;

	for (i = 0; i < before->nr && !old; i++)
		if (before->rows[i].id == row->id && before->rows[i].of == row->of)
			old = &before->rows[i];
	if (!old || l->at_ns <= before->at_ns)
		return 0;
	was = payload ? old->payload : old->events;
	is = payload ? row->payload : row->events;
	return is < was ? 0 : (double)(is - was) * 1e9 / (double)(l->at_ns - before->at_ns);
}

static const char *ends_of(const struct row *row, char buf[8])
{
	static const char letters[] = "-+x"; /* never, now, gone */

	snprintf(buf, 8, "%c%c",
		 letters[row->tx_taken & 1 ? 1
			 : row->tx_taken   ? 2
					   : 0],
		 letters[row->rx_taken & 1 ? 1
			 : row->rx_taken   ? 2
					   : 0]);
	return buf;
}

static void print_text(const struct look *before, const struct look *l)
{
	char bytes[32], per_s[32], ends[8];
	size_t i;

	printf("%6s %10s %12s %12s %8s %8s %12s  %s\n", "STORE", "SIZE", "LANES", "USED", "HANDLES",
	       "WRITERS", "CHANGES/s", "NAME");
	for (i = 0; i < l->nr; i++) {
		const struct row *row = &l->rows[i];

		if (row->of)
			continue;
		printf("%6llu %10s %12llu ", (unsigned long long)row->id,
		       out_bytes(row->bytes, bytes), (unsigned long long)row->lanes);
		if (row->readable)
			printf("%12llu %8u %8u %12.0f  ", (unsigned long long)row->used,
			       row->handles, row->writers, rate_of(before, l, row, false));
		else
			printf("%12s %8u %8u %12s  ", "?", row->handles, row->writers, "?");
		if (row->name_len)
			out_escaped(row->name, row->name_len);
		else
			printf("(default)");
		putchar('\n');
	}
	printf("\n%6s %6s %10s %10s %5s %12s %12s  %s\n", "CHAN", "STORE", "CAPACITY", "DEPTH",
	       "TX/RX", "MESSAGES/s", "BYTES/s", "NAME");
	for (i = 0; i < l->nr; i++) {
		const struct row *row = &l->rows[i];

		if (!row->of)
			continue;
		printf("%6llu %6llu %10s ", (unsigned long long)row->id,
		       (unsigned long long)row->of, out_bytes(row->bytes, bytes));
		if (row->readable)
			printf("%10llu %5s %12.0f %12s  ", (unsigned long long)row->depth,
			       ends_of(row, ends), rate_of(before, l, row, false),
			       out_bytes((uint64_t)rate_of(before, l, row, true), per_s));
		else
			printf("%10s %5s %12s %12s  ", "?", "?", "?", "?");
		out_escaped(row->name, row->name_len);
		putchar('\n');
	}
}

static json_t *row_json(const struct look *before, const struct look *l, const struct row *row)
{
	json_t *o = json_object();

	out_json_bytes(o, "name", row->name, row->name_len);
	out_json_u64(o, "id", row->id);
	if (!row->of) {
		out_json_u64(o, "bytes", row->bytes);
		out_json_u64(o, "lanes", row->lanes);
		out_json_u64(o, "handles", row->handles);
		out_json_u64(o, "writers", row->writers);
		if (row->readable) {
			out_json_u64(o, "lanes_used", row->used);
			out_json_u64(o, "changes_per_s", (uint64_t)rate_of(before, l, row, false));
		}
		return o;
	}
	out_json_u64(o, "store_id", row->of);
	out_json_u64(o, "capacity", row->bytes);
	if (!row->readable)
		return o;
	out_json_u64(o, "depth_bytes", row->depth);
	out_json_bool(o, "producer", row->tx_taken & 1);
	out_json_bool(o, "consumer", row->rx_taken & 1);
	out_json_u64(o, "messages_per_s", (uint64_t)rate_of(before, l, row, false));
	out_json_u64(o, "bytes_per_s", (uint64_t)rate_of(before, l, row, true));
	return o;
}

static int print_json(struct ctl *ctl, const struct look *before, const struct look *l)
{
	json_t *o = json_object(), *stores = json_array(), *channels = json_array();
	size_t i;

	for (i = 0; i < l->nr; i++)
		json_array_append_new(l->rows[i].of ? channels : stores,
				      row_json(before, l, &l->rows[i]));
	json_object_set_new(o, "stores", stores);
	json_object_set_new(o, "channels", channels);
	return out_json(ctl, o);
}

static int run_top(struct ctl *ctl, struct ctl_args *args)
{
	const char *interval = ctl_opt(args, "interval");
	uint64_t interval_ns = 1000000000;
	struct look looks[2] = { 0 };
	struct timespec pause;
	int r = 0, n;

	if (interval)
		r = parse_seconds(ctl, "--interval", interval, &interval_ns);
	pause.tv_sec = (time_t)(interval_ns / 1000000000);
	pause.tv_nsec = (long)(interval_ns % 1000000000);
	if (!r)
		r = look(ctl, &looks[0]);
	for (n = 1; !r; n++) {
		struct look *l = &looks[n & 1], *before = &looks[!(n & 1)];

		nanosleep(&pause, NULL);
		r = look(ctl, l);
		if (r)
			break;
		if (ctl->json) {
			r = print_json(ctl, before, l);
		} else {
			if (!ctl_opt(args, "once") && isatty(STDOUT_FILENO))
				printf("\033[H\033[2J");
			else if (n > 1)
				putchar('\n');
			print_text(before, l);
		}
		if (!r)
			r = out_flush(ctl);
		if (ctl_opt(args, "once"))
			break;
	}
	free(looks[0].rows);
	free(looks[1].rows);
	return r;
}

const struct ctl_command cmd_top = {
	.name = "top",
	.group = "Looking",
	.usage = "",
	.summary = "stores and channels of the module with live rates",
	.about =
		"Redraws a terminal; otherwise prints table after table, or with --json a line each time.\n"
		"CHANGES are publications and deletions. TX/RX: + taken, x let go, - never taken. A store that\n"
		"isn't yours to read is listed without counts and channels.",
	.opts = top_opts,
	.flags = CTL_JSON | CTL_SPEC,
	.run = run_top,
};
