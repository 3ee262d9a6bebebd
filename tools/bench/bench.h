/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what the parts of the benchmark share. A section is a set of figures that one setup serves; its subjects
 * are measured in turn, round after round, so that what slows the machine slows them alike.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "splinter_ops.h"

#define KEY_BYTES 16
#define ROUNDS_MAX 201
#define BATCH 16 /* operations of a call, where nothing else is said */
#define BATCH_LONG 64

/* settings (main.c) */
struct settings {
	bool quick;
	int rounds;
	const char *only;
};

extern struct settings settings;
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
__attribute__((format(printf, 1, 2))) void progress(const char *format, ...);
double now_ns(void);
void pin(int cpu);
int cpu_mine(void);
int cpu_other(void);

/* measuring (group.c) */
struct subject {
	const char *name;
	void (*run)(void *context, uint64_t ops);
	void *context;
	uint64_t ops; /* of a batch; found by trying */
	bool sleeps; /* waits for others: a lost CPU is no reason to measure again */
	bool once; /* run() is one whole trial of @ops and tells its cost in @told_ns */
	double told_ns;
	bool needed;
	double ns[ROUNDS_MAX];
};

enum kind {
	COST, /* ratio = value / reference: small is good */
	GAIN, /* ratio = reference / value: large is good */
	SPEEDUP, /* ratio of two speed-ups: of subject over reference, and of two more */
	SHARE, /* the subject tells a share, not a time */
};

struct figure {
	char name[72];
	char note[72]; /* what the reference is */
	enum kind kind;
	int subject, reference; /* -1: none */
	int one, both; /* SPEEDUP: the floor's; subject and reference are ours, one and both */
	double bound; /* must reach; 0: only reported */
	const char *unit;
	double value, min, max, floor, floor_min, ratio, ratio_min, ratio_max;
	bool met;
};

#define SUBJECTS_MAX 32
#define FIGURES_MAX 32

struct group {
	const char *name;
	struct subject subjects[SUBJECTS_MAX];
	struct figure figures[FIGURES_MAX];
	int nr_subjects, nr_figures;
	int rounds; /* 0: settings.rounds */
};

int group_subject(struct group *g, const char *name, void (*run)(void *, uint64_t), void *context);
struct figure *group_figure(struct group *g, const char *name, int subject, int reference,
			    enum kind kind, double bound, const char *note);
bool group_wanted(struct group *g);
void group_run(struct group *g);
double median_of(const double *x, int n);

/* reporting (report.c) */
void report_figure(const struct figure *f);
void report_latency(const char *name, const double *ns);
void report_skip(const char *what, const char *why);
int report_end(const char *json_path);

/* the machine (machine.c) */
void machine_look(void);
void machine_print(FILE *out);
void machine_json(FILE *out);
uint64_t memory_available(void);

/* stores and sequences of random operations (store.c, seq.c) */
enum pages { PAGES_LARGE, PAGES_SMALL, PAGES_SHARED };

struct bench_store {
	struct spl_info info;
	struct spl_store s;
	struct spl_writer w;
	uint64_t keys;
	uint32_t value_bytes;
	void *map;
	size_t map_bytes;
	const char *pages; /* what it got */
};

struct key16 {
	char b[KEY_BYTES];
} __attribute__((aligned(16)));

/*
 * Where an operation on a key goes: what a look-up would have found, in words from the beginning of the store. Not as
 * addresses: a processor may recognize an array of these, and fetch ahead what they point to.
 */
struct place {
	uint32_t cell;
	uint32_t lane;
};

/* The same as addresses, for the loop that shows it. */
struct address {
	__u64 *cell;
	unsigned char *lane;
};

struct seq {
	struct key16 *keys;
	struct key16 *absent;
	struct place *places;
	struct address *addresses; /* NULL: not asked for */
	__u64 *base; /* that places count from */
	uint64_t n, at;
};

enum spread { UNIFORM, ZIPF };
enum share { ALL, EVEN, ODD }; /* of the keys, for processes that are to have keys of their own */

void store_make(struct bench_store *b, uint64_t keys, uint32_t value_bytes, enum pages pages);
void store_drop(struct bench_store *b);
uint64_t store_bytes(uint64_t keys, uint32_t value_bytes);
void key_of(uint64_t number, struct key16 *key);
uint64_t random_next(uint64_t *x);
void seq_make(struct seq *q, const struct bench_store *b, enum spread spread, uint64_t seed,
	      enum share share);
void seq_addresses(struct seq *q);
void seq_drop(struct seq *q);
/* The next of @ops operations that lie in one piece. */
uint64_t seq_piece(struct seq *q, uint64_t ops, uint64_t *first);

/* A raw store and operations on it: the context of the subjects in data.c and floor.c. */
struct work {
	struct bench_store *b;
	struct spl_writer *writer;
	struct seq q;
	uint32_t n; /* bytes of a value */
	unsigned char *values; /* VALUES of them, to be set in turn */
	unsigned char *buf;
	__u64 *pairs; /* for bare compare-and-swaps: a line for each key */
	uint32_t *lines;
};

#define VALUES 16

void work_make(struct work *w, struct bench_store *b, enum spread spread, uint64_t seed,
	       enum share share);
void work_pairs(struct work *w);
void work_drop(struct work *w);

void floor_get(void *context, uint64_t ops);
void floor_set(void *context, uint64_t ops);
void floor_set_loose(void *context, uint64_t ops);
void floor_set_row(void *context, uint64_t ops);
void floor_get_loose(void *context, uint64_t ops);
void floor_get_batched(void *context, uint64_t ops);
void floor_get_apart(void *context, uint64_t ops);
void data_get(void *context, uint64_t ops);
void data_get_serial(void *context, uint64_t ops);
void data_set_serial(void *context, uint64_t ops);
void data_get_absent(void *context, uint64_t ops);
void data_get_cas(void *context, uint64_t ops);
void data_get_batched(void *context, uint64_t ops);
void data_get_long(void *context, uint64_t ops);
void data_set(void *context, uint64_t ops);
void data_inc(void *context, uint64_t ops);

/* sections */
void section_table(void);
void section_large(void);
void section_pair(void);
void section_channels(void);
void section_watched(void);
void section_touch(void);
void section_latency(void);
void section_matrix(void);
bool wanted(const char *name);

/* servers (server.c) and what speaks to them (wire.c) */
enum server { REDIS, MEMCACHED, SERVERS };
int server_start(enum server which); /* a connected socket */
const char *bench_folder(void);

struct wire {
	enum server which;
	int fd;
	struct seq *q;
	uint32_t n; /* bytes of a value */
	uint32_t depth; /* requests that are sent together */
	char *out, *in;
};

void wire_make(struct wire *w, enum server which, int fd, struct seq *q, uint32_t n,
	       uint32_t depth);
void wire_fill(struct wire *w, uint64_t keys);
void wire_get(void *context, uint64_t ops);
void wire_set(void *context, uint64_t ops);

/* peers in the process (lmdb.c), and ours through the library (library.c) */
struct lmdb *lmdb_make(struct seq *q, uint64_t keys, uint32_t n);
void lmdb_drop(struct lmdb *l);
void lmdb_get(void *context, uint64_t ops);
void lmdb_set(void *context, uint64_t ops);
struct library *library_make(struct seq *q, uint64_t keys, uint32_t n);
void library_drop(struct library *l);
void library_get(void *context, uint64_t ops);
void library_set(void *context, uint64_t ops);

#endif /* _BENCH_H */
