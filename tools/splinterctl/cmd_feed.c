// SPDX-License-Identifier: MIT
/*
 * cmd_feed.c - feed: which keys a store has, and which of them change from then on, told once each as they stand.
 */
#include <errno.h>
#include <stdio.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"

static const struct ctl_opt feed_opts[] = {
	{ "follow", 'f', NULL, "go on with changes; sleep in between" },
	{ "new", 'n', NULL, "leave out the keys that are there already" },
	{ "timeout", 't', "SECONDS", "end after this time; exit code 1" },
	{ 0 },
};

static int tell(struct ctl *ctl, const char *what, const void *key, size_t klen, uint64_t epoch,
		uint64_t labels)
{
	json_t *o;

	if (!ctl->json) {
		printf("%s %llu 0x%llx ", what, (unsigned long long)epoch,
		       (unsigned long long)labels);
		out_escaped(key, klen);
		putchar('\n');
		return 0;
	}
	o = json_object();
	out_json_text(o, "change", what);
	out_json_bytes(o, "key", key, klen);
	out_json_u64(o, "epoch", epoch);
	out_json_hex(o, "labels", labels);
	return out_json(ctl, o);
}

/* All keys, as they stand. */
static int tell_all(struct ctl *ctl)
{
	struct splk_attr attr = { 0 };
	struct splk_meta meta;
	char key[SPL_KEY_MAX];
	uint64_t cursor = 0;
	long n;
	int r = 0;

	while (!r && (n = splk_next(ctl->store, &cursor, NULL, 0, key, sizeof(key), &meta)) > 0)
		if (!splk_attr(ctl->store, key, (size_t)n, &attr))
			r = tell(ctl, "set", key, (size_t)n, meta.epoch, attr.labels);
	return r;
}

static int tell_change(struct ctl *ctl, const struct splk_change *c)
{
	static const char *const names[] = { "", "set", "gone", "labels" };
	json_t *o;

	if (c->kind != SPLK_CHANGE_OVERRUN)
		return tell(ctl, names[c->kind], c->key, c->key_len, c->epoch, c->labels);
	if (ctl->json) {
		o = json_object();
		out_json_text(o, "change", "overrun");
		out_json_u64(o, "writer", c->writer);
		out_json(ctl, o);
	} else {
		printf("overrun: changes of writer %u were lost; all keys follow\n", c->writer);
	}
	return tell_all(ctl);
}

static int tell_changes(struct ctl *ctl, struct splk_feed *feed)
{
	struct splk_change change;
	int got, r = 0;

	while (!r && ((got = splk_feed_next(feed, &change)) == 1 || got == -EAGAIN))
		if (got == 1)
			r = tell_change(ctl, &change);
	return r ? r : out_flush(ctl);
}

static int follow(struct ctl *ctl, struct splk_feed *feed, uint64_t deadline)
{
	struct splk_group_count count = { 0 };
	uint64_t groups = 0;
	int r;

	splk_feed_bind(ctl->store, 0, 0, &groups);
	if (!groups)
		return ctl_fail(
			ctl, CTL_REFUSED,
			"nothing would wake this: the feed is bound to no group; `splinterctl "
			"bind --feed 63` binds it");
	count.group = (uint32_t)__builtin_ctzll(groups);
	for (;;) {
		/* The count first, then the feed: what comes in between moves it. */
		r = splk_group_count(ctl->store, count.group, &count.count);
		if (!r)
			r = tell_changes(ctl, feed);
		if (r)
			return r;
		r = splk_wait_groups(ctl->store, &count, 1, deadline, 0);
		if (r == -ETIMEDOUT)
			return CTL_NO;
		if (r < 0)
			return ctl_error(ctl, r, "feed");
	}
}

static int run_feed(struct ctl *ctl, struct ctl_args *args)
{
	const char *timeout = ctl_opt(args, "timeout");
	bool go_on = ctl_opt(args, "follow");
	uint64_t deadline = SPLK_FOREVER, ns;
	struct splk_feed *feed;
	int r = 0;

	if (timeout && !go_on)
		return ctl_usage(ctl, "--timeout needs --follow");
	if (timeout) {
		r = parse_seconds(ctl, "--timeout", timeout, &ns);
		deadline = r ? 0 : splk_after(ns);
	}
	if (!r)
		r = ctl_need_sleep(ctl, go_on);
	if (r)
		return r;
	r = splk_feed_open(ctl->store, &feed);
	if (r == -EOPNOTSUPP)
		return ctl_fail(
			ctl, CTL_REFUSED,
			"this store has no change feed; `splinterctl init --feed N` makes one that has");
	if (r)
		return ctl_error(ctl, r, "feed");
	if (!ctl_opt(args, "new"))
		r = tell_all(ctl);
	if (!r && go_on)
		r = follow(ctl, feed, deadline);
	splk_feed_close(feed);
	return r;
}

const struct ctl_command cmd_feed = {
	.name = "feed",
	.group = "Signals",
	.usage = "",
	.summary = "the keys that are there, then those that change",
	.about =
		"A line for each: set, gone or labels; epoch; labels; key. A key that changes several times\n"
		"is told as it stands at last. When changes were lost since too many came, that is told, and\n"
		"all keys again. Needs a store made with `init --feed N`; --follow needs `bind --feed GROUP`,\n"
		"and, as it sleeps, permission to write a store in a file.",
	.opts = feed_opts,
	.flags = CTL_JSON | CTL_SPEC,
	.run = run_feed,
};
