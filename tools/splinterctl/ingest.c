// SPDX-License-Identifier: MIT
/*
 * ingest.c - takes records from a reader and puts them into the store, counts them, and says which were not taken and why.
 * The formats are read_*.c's, options and totals cmd_ingest.c's.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ingest.h"
#include "out.h"

#define COMPLAINTS_MAX 10
#define PROGRESS_EVERY 64

/* For readers: something is wrong at a line. */
enum read_result read_why(struct source *src, enum read_result result, uint64_t line,
			  const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(src->why, sizeof(src->why), format, ap);
	va_end(ap);
	src->why_line = line;
	return result;
}

/* For readers of text: READ_RECORD with a line, READ_END, or READ_STOP. */
enum read_result read_line(struct source *src, const char **line, size_t *len)
{
	int r = input_line(&src->in, line, len);

	if (!r)
		return READ_END;
	if (r == -EFBIG)
		return read_why(src, READ_STOP, src->in.line + 1, "longer than %zu MiB",
				INPUT_LINE_MAX >> 20);
	if (r < 0)
		return read_why(src, READ_STOP, src->in.line + 1, "%s", strerror(-r));
	if (memchr(*line, 0, *len))
		return read_why(src, READ_STOP, src->in.line,
				"a NUL byte: this is binary data, not text");
	return READ_RECORD;
}

/* A record, or a part of the input, that is not taken. */
static void complain(struct ingest *in, uint64_t line, const char *what)
{
	if (in->complaints++ < COMPLAINTS_MAX) {
		progress_clear(in);
		ctl_warn(in->ctl, "%s: line %llu: %s", in->src->in.name, (unsigned long long)line,
			 what);
	} else if (in->complaints == COMPLAINTS_MAX + 1) {
		progress_clear(in);
		ctl_warn(in->ctl, "%s: further faults are only counted", in->src->in.name);
	}
}

static int stop(struct ingest *in, uint64_t line, int code)
{
	in->totals.stopped_line = line;
	in->totals.code = code;
	return code;
}

/* A record that the store refuses, which --strict doesn't bear. */
static int refuse(struct ingest *in, const struct record *rec, int code, const char *what)
{
	complain(in, rec->line, what);
	if (in->totals.code < code)
		in->totals.code = code;
	return in->strict ? stop(in, rec->line, code) : 0;
}

/* The store's own word ends it: it is full, read-only, damaged. */
static int store_fails(struct ingest *in, const struct record *rec, int err)
{
	char what[300];

	snprintf(what, sizeof(what), "key '%s': %s%s", out_shown(rec->key, rec->klen),
		 ctl_key_strerror(err), ctl_advice(err));
	in->complaints = 0;
	complain(in, rec->line, what);
	return stop(in, rec->line, ctl_exit_of(err) == CTL_NO ? CTL_STORE : ctl_exit_of(err));
}

static int put_attributes(struct splk_store *store, const struct record *rec)
{
	int r = 0;

	if (rec->has_type)
		r = splk_type_set(store, rec->key, rec->klen, rec->type);
	if (!r && rec->has_flags)
		r = splk_user_change(store, rec->key, rec->klen, rec->flags, 0xff);
	if (!r && rec->has_labels)
		r = splk_label_change(store, rec->key, rec->klen, rec->labels, UINT64_MAX, NULL);
	return r == -ENOENT ? 0 : r; /* somebody deleted it meanwhile */
}

/* @again: the key stood earlier in the input; *@kept: and the store had it even before, and keeps it. */
static int put(struct ingest *in, struct splk_store *store, const struct record *rec, bool again,
	       bool *kept)
{
	int r = -EEXIST;

	if (again && *kept)
		return 0;
	/* Only an attempt to make the key tells for sure whether it was there. */
	if (!again)
		r = splk_set(store, rec->key, rec->klen, rec->value, rec->vlen, SPLK_ABSENT, NULL);
	if (!r) {
		in->totals.made++;
	} else if (r == -EEXIST && in->keep && !again) {
		*kept = true;
		in->totals.kept++;
		return 0;
	} else if (r == -EEXIST) {
		r = splk_set(store, rec->key, rec->klen, rec->value, rec->vlen, 0, NULL);
		if (!r && !again)
			in->totals.replaced++;
	}
	return r ? r : put_attributes(store, rec);
}

static bool fits(const struct spl_geometry *g, const struct record *rec)
{
	return rec->klen <= g->key_max && rec->vlen <= g->value_max;
}

/* With two stores a key is in one of them: what the other one has of it is older. */
static int put_either(struct ingest *in, const struct record *rec, bool again, bool *kept)
{
	struct splk_store *store = in->ctl->store, *other = in->long_store;
	int r;

	if (!fits(&in->geometry, rec)) {
		store = in->long_store;
		other = in->ctl->store;
	}
	r = put(in, store, rec, again, kept);
	if (r || !other)
		return r;
	in->totals.elsewhere += store == in->long_store;
	r = splk_delete(other, rec->key, rec->klen);
	return r == -ENOENT || r == -EMSGSIZE ? 0 : r;
}

static int refuse_long(struct ingest *in, const struct record *rec)
{
	const struct spl_geometry *g = &in->geometry;
	char what[300];
	int n;

	in->totals.too_long++;
	n = snprintf(what, sizeof(what),
		     "key '%s' of %zu bytes, value of %zu: the store takes %u and %u",
		     out_shown(rec->key, rec->klen), rec->klen, rec->vlen, g->key_max,
		     g->value_max);
	g = &in->long_geometry;
	if (in->long_store)
		snprintf(what + n, sizeof(what) - (size_t)n, ", that of --long-to %u and %u",
			 g->key_max, g->value_max);
	return refuse(in, rec, CTL_REFUSED, what);
}

static int take(struct ingest *in, const struct record *rec)
{
	char what[300];
	bool *kept;
	int r, again;

	in->totals.records++;
	if (!fits(&in->geometry, rec) && !(in->long_store && fits(&in->long_geometry, rec)))
		return refuse_long(in, rec);
	again = keyset_add(&in->seen, rec->key, rec->klen, &kept);
	if (again < 0)
		return store_fails(in, rec, again);
	in->totals.duplicates += (uint64_t)again;
	if (again && in->duplicates == DUPLICATES_FAIL) {
		snprintf(what, sizeof(what), "key '%s' stands earlier in the input",
			 out_shown(rec->key, rec->klen));
		complain(in, rec->line, what);
		return stop(in, rec->line, CTL_INPUT);
	}
	if (again && in->duplicates == DUPLICATES_FIRST)
		return 0;
	r = put_either(in, rec, again, kept);
	return r ? store_fails(in, rec, r) : 0;
}

/* One step. Returns whether there is another one. */
static bool step(struct ingest *in)
{
	struct source *src = in->src;
	struct record rec = { 0 };

	enum read_result got = ctl_stopped ? READ_END : in->reader->next(src, &rec);

	/* Also if it was the reader that was interrupted; a whole record still goes in. */
	if (ctl_stopped && got != READ_RECORD) {
		stop(in, src->in.line, CTL_SIGNAL + ctl_stopped);
		in->totals.interrupted = true;
		return false;
	}
	switch (got) {
	case READ_RECORD:
		return !take(in, &rec);
	case READ_BAD:
		in->totals.malformed++;
		complain(in, src->why_line, src->why);
		in->totals.code = CTL_INPUT;
		if (in->strict)
			stop(in, src->why_line, CTL_INPUT);
		return !in->strict;
	case READ_STOP:
		in->complaints = 0;
		complain(in, src->why_line, src->why);
		stop(in, src->why_line, CTL_INPUT);
		return false;
	default:
		return false;
	}
}

/* Fills in->totals; says what is wrong as it goes. */
void ingest_run(struct ingest *in)
{
	struct splk_info info = { .size = sizeof(info) };
	uint64_t n = 0;
	int r = splk_info(in->ctl->store, &info);

	in->geometry = info.geometry;
	if (!r && in->long_store) {
		r = splk_info(in->long_store, &info);
		in->long_geometry = info.geometry;
	}
	in->began_ns = progress_now_ns();
	ctl_catch_stop();
	if (!r)
		r = in->reader->open(in->src);
	if (r) {
		in->totals.code = ctl_error(in->ctl, r, "%s", in->src->in.name);
		return;
	}
	while (step(in))
		if (!(++n % PROGRESS_EVERY))
			progress_show(in, false);
	progress_show(in, true);
	if (*in->src->note)
		ctl_warn(in->ctl, "%s: %s", in->src->in.name, in->src->note);
	in->reader->close(in->src);
	keyset_free(&in->seen);
	in->totals.bytes = in->src->in.taken;
	in->totals.seconds = (double)(progress_now_ns() - in->began_ns) / 1e9;
}
