// SPDX-License-Identifier: MIT
/*
 * cmd_watch.c - watch: tells when keys change, by looking at their epochs now and then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"

static const struct ctl_opt watch_opts[] = {
	{ "oneshot", '1', NULL, "end with the first change" },
	{ "timeout", 't', "SECONDS", "end after this time; exit code 1" },
	{ "interval", 'n', "SECONDS", "look this often (0.05)" },
	{ "since", 'E', "EPOCH", "a key with another epoch than this counts as changed at once" },
	{ "values", 'v', NULL, "print values, too" },
	{ 0 },
};

/* A key, and what was last told of it. */
struct watched {
	struct ctl_key key;
	uint64_t epoch; /* 0: no such key */
};

struct watch {
	struct watched *keys;
	int nr;
	bool values;
	bool oneshot;
	uint64_t interval_ns;
	uint64_t end_ns; /* of CLOCK_MONOTONIC; 0: never */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void print_text(const struct watched *w, const struct splk_meta *meta, const void *value)
{
	out_escaped(w->key.data, w->key.len);
	if (!w->epoch)
		printf(" gone");
	else
		printf(" epoch %llu length %u", (unsigned long long)meta->epoch, meta->value_len);
	if (w->epoch && value) {
		printf(" value ");
		out_escaped(value, meta->value_len);
	}
	putchar('\n');
}

static int print_change(struct ctl *ctl, const struct watched *w, const struct splk_meta *meta,
			const void *value)
{
	json_t *o;
	int r = 0;

	if (!ctl->json) {
		print_text(w, meta, value);
	} else {
		o = json_object();
		out_json_bytes(o, "key", w->key.data, w->key.len);
		if (!w->epoch) {
			out_json_bool(o, "gone", true);
		} else {
			out_json_u64(o, "epoch", meta->epoch);
			out_json_u64(o, "length", meta->value_len);
			if (value)
				out_json_bytes(o, "value", value, meta->value_len);
		}
		r = out_json(ctl, o);
	}
	return r ? r : out_flush(ctl);
}

/* Looks at one key. Returns 1: it changed and that was told; 0; or minus an exit code. */
static int look(struct ctl *ctl, struct watch *w, struct watched *k)
{
	struct splk_meta meta = { 0 };
	void *value = NULL;
	uint64_t epoch;
	long n;
	int r;

	r = splk_epoch(ctl->store, k->key.data, k->key.len, &epoch);
	if (r == -ENOENT)
		epoch = 0;
	else if (r == -EAGAIN)
		return 0; /* it changes: the next look sees it */
	else if (r)
		return -ctl_error(ctl, r, "key '%s'", out_shown(k->key.data, k->key.len));
	if (epoch == k->epoch)
		return 0;
	if (epoch && w->values)
		n = splk_get_alloc(ctl->store, k->key.data, k->key.len, &value, &meta);
	else
		n = splk_get(ctl->store, k->key.data, k->key.len, NULL, 0, &meta);
	if (n == -EAGAIN)
		return 0;
	if (n < 0 && n != -ENOENT)
		return -ctl_error(ctl, n, "key '%s'", out_shown(k->key.data, k->key.len));
	if (n < 0 && !k->epoch)
		return 0; /* came and went */
	k->epoch = n < 0 ? 0 : meta.epoch;
	r = print_change(ctl, k, &meta, value);
	free(value);
	return r ? -r : 1;
}

static int watch_keys(struct ctl *ctl, struct watch *w)
{
	struct timespec pause = { (time_t)(w->interval_ns / 1000000000),
				  (long)(w->interval_ns % 1000000000) };
	int i, r;

	for (;;) {
		for (i = 0; i < w->nr; i++) {
			r = look(ctl, w, &w->keys[i]);
			if (r < 0)
				return -r;
			if (r && w->oneshot)
				return CTL_OK;
		}
		if (w->end_ns && now_ns() >= w->end_ns)
			return CTL_NO;
		nanosleep(&pause, NULL);
	}
}

/* What the keys are at the start, which is no change. */
static int watch_start(struct ctl *ctl, struct watch *w, char **operands, const char *since)
{
	uint64_t epoch = 0;
	int i, r;

	if (since) {
		r = parse_u64(ctl, "--since", since, UINT64_MAX, &epoch);
		if (r)
			return r;
	}
	for (i = 0; i < w->nr; i++) {
		r = parse_key(ctl, operands[i], &w->keys[i].key);
		if (r)
			return r;
		w->keys[i].epoch = epoch;
		if (since)
			continue;
		r = splk_epoch(ctl->store, w->keys[i].key.data, w->keys[i].key.len,
			       &w->keys[i].epoch);
		if (r == -ENOENT)
			w->keys[i].epoch = 0;
		else if (r)
			return ctl_error(ctl, r, "key '%s'",
					 out_shown(w->keys[i].key.data, w->keys[i].key.len));
	}
	return 0;
}

static int run_watch(struct ctl *ctl, struct ctl_args *args)
{
	const char *timeout = ctl_opt(args, "timeout"), *interval = ctl_opt(args, "interval");
	struct watch w = { .nr = args->nr, .interval_ns = 50000000 };
	uint64_t timeout_ns;
	int r = 0;

	w.values = ctl_opt(args, "values");
	w.oneshot = ctl_opt(args, "oneshot");
	if (interval)
		r = parse_seconds(ctl, "--interval", interval, &w.interval_ns);
	if (!r && timeout) {
		r = parse_seconds(ctl, "--timeout", timeout, &timeout_ns);
		w.end_ns = r ? 0 : now_ns() + timeout_ns;
		if (!r && w.interval_ns > timeout_ns && timeout_ns)
			w.interval_ns = timeout_ns;
	}
	if (r)
		return r;
	w.keys = calloc((size_t)w.nr, sizeof(*w.keys));
	if (!w.keys)
		return ctl_fail(ctl, CTL_STORE, "no memory");
	r = watch_start(ctl, &w, args->operands, ctl_opt(args, "since"));
	if (!r)
		r = watch_keys(ctl, &w);
	free(w.keys);
	return r;
}

const struct ctl_command cmd_watch = {
	.name = "watch",
	.group = "Looking",
	.usage = "KEY...",
	.summary = "tell when keys change, come or go",
	.about =
		"Looks now and then, so that of several quick changes it may tell only the last; the epoch\n"
		"counts them. `get --json` and `head` tell the epoch that --since wants.",
	.opts = watch_opts,
	.flags = CTL_JSON | CTL_READS | CTL_KEYS,
	.min = 1,
	.max = -1,
	.run = run_watch,
};
