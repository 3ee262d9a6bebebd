// SPDX-License-Identifier: MIT
/*
 * cmd_watch.c - watch: sleeps until keys change or groups are pulsed, and tells. A thread for each key, one for all groups:
 * each sleeps for what is its own.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"

static const struct ctl_opt watch_opts[] = {
	{ "group", 'g', "GROUP,...", "groups, 0 to 63 or masks 0x..." },
	{ "label", 'L', "LABEL,...", "groups that these labels are bound to" },
	{ "oneshot", '1', NULL, "end with the first change" },
	{ "timeout", 't', "SECONDS", "end after this time; exit code 1" },
	{ "since", 'E', "EPOCH", "a key with another epoch than this counts as changed at once" },
	{ "values", 'v', NULL, "print values, too" },
	{ 0 },
};

/* A key, and what was last told of it. */
struct watched {
	struct watch *in;
	struct ctl_key key;
	uint64_t epoch; /* 0: no such key */
	pthread_t thread;
};

struct watch {
	struct ctl *ctl;
	struct watched *keys;
	int nr;
	uint64_t groups;
	bool values;
	bool oneshot;
	uint64_t deadline;
	pthread_mutex_t print; /* one line at a time; who ends the program holds it */
};

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
static int look(struct ctl *ctl, struct watch *w, struct watched *k, uint64_t before)
{
	struct splk_meta meta = { 0 };
	void *value = NULL;
	long n;
	int r;

	if (k->epoch && w->values)
		n = splk_get_alloc(ctl->store, k->key.data, k->key.len, &value, &meta);
	else
		n = splk_get(ctl->store, k->key.data, k->key.len, NULL, 0, &meta);
	if (n < 0 && n != -ENOENT && n != -EAGAIN)
		return -ctl_error(ctl, n, "key '%s'", out_shown(k->key.data, k->key.len));
	if (n == -EAGAIN)
		return 0; /* it changes: the next look sees it */
	k->epoch = n < 0 ? 0 : meta.epoch;
	if (k->epoch == before)
		return 0; /* came and went */
	r = print_change(ctl, k, &meta, value);
	free(value);
	return r ? -r : 1;
}

/* Sleeps for a key, tells, and so on; ends with an exit code. */
static int watch_key(struct watched *k)
{
	struct watch *w = k->in;
	uint64_t before;
	int r;

	for (;;) {
		before = k->epoch;
		r = splk_wait_key(w->ctl->store, k->key.data, k->key.len, &k->epoch, w->deadline,
				  0);
		pthread_mutex_lock(&w->print);
		if (r == -ETIMEDOUT)
			return CTL_NO;
		if (r && r != -EAGAIN)
			return ctl_error(w->ctl, r, "key '%s'", out_shown(k->key.data, k->key.len));
		r = r ? 0 : look(w->ctl, w, k, before);
		if (r < 0)
			return -r;
		if (r && w->oneshot)
			return CTL_OK;
		pthread_mutex_unlock(&w->print);
	}
}

static int print_group(struct ctl *ctl, uint32_t group, uint64_t pulses, uint64_t count)
{
	json_t *o;

	if (!ctl->json) {
		printf("group %u pulses %llu count %llu\n", group, (unsigned long long)pulses,
		       (unsigned long long)count);
		return out_flush(ctl);
	}
	o = json_object();
	out_json_u64(o, "group", group);
	out_json_u64(o, "pulses", pulses);
	out_json_u64(o, "count", count);
	return out_json(ctl, o) ? CTL_INPUT : out_flush(ctl);
}

static int watch_groups(struct watch *w)
{
	struct splk_group_count now[64] = { 0 }, was[64];
	uint64_t left;
	uint32_t n = 0, i;
	int r;

	for (left = w->groups; left; left &= left - 1) {
		now[n].group = (uint32_t)__builtin_ctzll(left);
		splk_group_count(w->ctl->store, now[n].group, &now[n].count);
		n++;
	}
	for (;;) {
		memcpy(was, now, sizeof(was));
		r = splk_wait_groups(w->ctl->store, now, n, w->deadline, 0);
		pthread_mutex_lock(&w->print);
		if (r == -ETIMEDOUT)
			return CTL_NO;
		if (r < 0)
			return ctl_error(w->ctl, r, "groups");
		for (i = 0, r = 0; i < n && !r; i++)
			if (now[i].count != was[i].count)
				r = print_group(w->ctl, now[i].group, now[i].count - was[i].count,
						now[i].count);
		if (r || w->oneshot)
			return r;
		pthread_mutex_unlock(&w->print);
	}
}

/* Whoever is through first ends the program; the others sleep, or wait to print. */
static void *key_thread(void *arg)
{
	exit(watch_key(arg));
}

static int watch_all(struct watch *w)
{
	int i, r = 0, last = w->nr - !w->groups;

	/* The last one is this thread's. */
	for (i = 0; i < last && !r; i++)
		r = pthread_create(&w->keys[i].thread, NULL, key_thread, &w->keys[i]);
	if (r)
		return ctl_fail(w->ctl, CTL_STORE, "a thread for each key: %s", strerror(r));
	return w->groups ? watch_groups(w) : watch_key(&w->keys[last]);
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
		w->keys[i].in = w;
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

/* Words between commas, as a mask. */
static int parse_list(const struct ctl *ctl, const char *text,
		      int (*parse)(const struct ctl *ctl, char *const *words, uint64_t *mask),
		      uint64_t *mask)
{
	char *copy = text ? strdup(text) : NULL, *word, *rest = copy;
	uint64_t one;
	int r = 0;

	*mask = 0;
	while (!r && (word = strsep(&rest, ","))) {
		r = parse(ctl, (char *[]){ word, NULL }, &one);
		*mask |= r ? 0 : one;
	}
	free(copy);
	return r;
}

static int groups_of_labels(struct ctl *ctl, uint64_t labels, uint64_t *groups)
{
	uint64_t bound;
	uint32_t label;

	for (; labels; labels &= labels - 1) {
		label = (uint32_t)__builtin_ctzll(labels);
		splk_label_bind(ctl->store, label, 0, 0, &bound);
		if (!bound)
			return ctl_fail(
				ctl, CTL_REFUSED,
				"label %u is bound to no group; `splinterctl bind --label %u "
				"GROUP` binds it",
				label, label);
		*groups |= bound;
	}
	return 0;
}

static int run_watch(struct ctl *ctl, struct ctl_args *args)
{
	const char *timeout = ctl_opt(args, "timeout");
	static struct watch w = { .deadline = SPLK_FOREVER, .print = PTHREAD_MUTEX_INITIALIZER };
	uint64_t ns, labels = 0;
	int r;

	w.ctl = ctl;
	w.nr = args->nr;
	w.values = ctl_opt(args, "values");
	w.oneshot = ctl_opt(args, "oneshot");
	r = parse_list(ctl, ctl_opt(args, "group"), parse_groups, &w.groups);
	if (!r)
		r = parse_list(ctl, ctl_opt(args, "label"), parse_labels, &labels);
	if (!r && !w.nr && !(w.groups | labels))
		return ctl_usage(ctl, "watch what? KEY, --group or --label");
	if (!r && timeout) {
		r = parse_seconds(ctl, "--timeout", timeout, &ns);
		w.deadline = r ? 0 : splk_after(ns);
	}
	if (!r)
		r = ctl_need_sleep(ctl, true);
	if (!r)
		r = groups_of_labels(ctl, labels, &w.groups);
	if (r)
		return r;
	w.keys = calloc((size_t)w.nr + 1, sizeof(*w.keys));
	if (!w.keys)
		return ctl_fail(ctl, CTL_STORE, "no memory");
	r = watch_start(ctl, &w, args->operands, ctl_opt(args, "since"));
	if (!r)
		r = watch_all(&w);
	if (r || w.nr + !!w.groups > 1)
		exit(r); /* other threads have the keys */
	free(w.keys);
	return r;
}

const struct ctl_command cmd_watch = {
	.name = "watch",
	.group = "Signals",
	.usage = "[KEY...]",
	.summary = "sleep until keys change, come or go, or groups are pulsed; and tell",
	.about =
		"Sleeps until the change itself wakes it; of several quick ones it may tell only the last, and\n"
		"the epoch counts them. `get --json` and `head` tell the epoch that --since wants. Of a group\n"
		"it tells how many pulses there were. Changes of labels are told through groups: see `bind`.\n"
		"KEY needs no store made with `init --watch`; only binding keys to groups does.\n"
		"To sleep on a store in a file takes permission to write it.",
	.opts = watch_opts,
	.flags = CTL_JSON | CTL_SPEC | CTL_KEYS,
	.max = -1,
	.run = run_watch,
};
