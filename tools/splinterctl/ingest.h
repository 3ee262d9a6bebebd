/* SPDX-License-Identifier: MIT */
/*
 * ingest.h - records on their way from an input into a store: what a reader of a format tells, and what the engine counts.
 */
#ifndef _INGEST_H
#define _INGEST_H

#include "ctl.h"
#include "input.h"

/* A record; its bytes are valid until the reader is asked for the next one. */
struct record {
	const char *key;
	size_t klen;
	const char *value;
	size_t vlen;
	uint64_t line; /* where it begins */
	bool has_type;
	bool has_flags;
	bool has_labels;
	uint32_t type;
	uint32_t flags;
	uint64_t labels;
};

/* What reader.next() tells. */
enum read_result {
	READ_END, /* no more */
	READ_RECORD,
	READ_BAD, /* this record is malformed: source.why; there may be more */
	READ_STOP, /* nothing can be read from here on: source.why */
};

/**
 * struct source - an input that is being read in some format
 * @in: the lines
 * @key: name of what holds the key; NULL: the format's default
 * @value: the same for the value
 * @whole: the value is the whole record
 * @no_header: (csv) the first record is one like the others
 * @delimiter: (lines, csv) between fields
 * @why: out: what is wrong, for READ_BAD and READ_STOP
 * @why_line: out: where
 * @note: out: something to be told at the end; ""
 * @state: the reader's
 */
struct source {
	struct input in;
	const char *key;
	const char *value;
	bool whole;
	bool no_header;
	char delimiter;
	char why[200];
	uint64_t why_line;
	char note[100];
	void *state;
};

/**
 * struct reader - a format
 * @name: as --format has it
 * @suffixes: of files in it, separated by blanks
 * @open: makes @state; 0 or a negative errno
 * @next: next record
 * @close: frees @state
 */
struct reader {
	const char *name;
	const char *suffixes;
	int (*open)(struct source *src);
	enum read_result (*next)(struct source *src, struct record *rec);
	void (*close)(struct source *src);
};

extern const struct reader read_lines, read_csv, read_json, read_control, read_import;

/* Helpers of readers. */
enum read_result read_why(struct source *src, enum read_result result, uint64_t line,
			  const char *format, ...) __attribute__((format(printf, 4, 5)));
enum read_result read_line(struct source *src, const char **line, size_t *len);

/* What to do with a key that the input has more than once. */
enum duplicates { DUPLICATES_LAST, DUPLICATES_FIRST, DUPLICATES_FAIL };

/* What came of an ingest. */
struct totals {
	uint64_t records; /* read, and not malformed */
	uint64_t bytes; /* of the input */
	uint64_t made; /* keys that were not there before */
	uint64_t replaced; /* keys that were there before this input */
	uint64_t kept; /* the same, left as they were because of --keep */
	uint64_t duplicates; /* records whose key stood earlier in the input */
	uint64_t malformed;
	uint64_t too_long; /* key or value doesn't fit the store's geometry */
	uint64_t elsewhere; /* records that --long-to took */
	uint64_t stopped_line; /* where reading ended early; 0: it did not */
	bool interrupted; /* by a signal */
	double seconds;
	int code; /* exit code */
};

/* How to ingest. */
struct ingest {
	struct ctl *ctl;
	const struct reader *reader;
	struct source *src;
	enum duplicates duplicates;
	bool keep;
	bool strict;
	bool quiet;
	struct splk_store
		*long_store; /* takes what is too long for ctl->store; NULL: nothing does */
	struct totals totals;
	/* Of ingest.c: */
	struct spl_geometry geometry;
	struct spl_geometry long_geometry;
	void *seen;
	unsigned int complaints;
	uint64_t began_ns;
	uint64_t shown_ns;
};

void ingest_run(struct ingest *in);

/* keyset.c: keys met so far. Returns whether the key was there; *@mark is a bit of its own for each key. */
int keyset_add(void **set, const char *key, size_t klen, bool **mark);
void keyset_free(void **set);

/* progress.c */
uint64_t progress_now_ns(void);
void progress_show(struct ingest *in, bool last);
void progress_clear(const struct ingest *in);

#endif /* _INGEST_H */
