/* SPDX-License-Identifier: MIT */
/* selftest-timeout: 300 */
/*
 * notice.c - who is bound is told, wherever a process stops or dies. Every operation is led to each of its accesses to
 * shared memory and left there, for others to go on, or to be reaped; or others come between two accesses of it, or of its
 * reaper. Sleeping isn't tested here: counters must have moved.
 */
#include <setjmp.h>

#define LINEAR_POINTS
#include "../linear/points.h"

#define MAKER 0
#define OTHER 1
#define THIRD 2
#define WRITERS 3

#define G_WATCH 1 /* K's watch mask */
#define G_SECOND 2 /* what a second binder adds */
#define G_LABEL 3 /* of label 5 */
#define G_LABEL2 4 /* of label 6 */
#define G_KEYS 5

#define K "key", 3
#define NEIGHBOUR "nbr", 3

static struct rawstore raw;
static struct spl_store *s;
static struct spl_writer w[WRITERS];
static __u64 counts[2][SPL_GROUPS];
static __u32 bell;

/* At access number @at: the operation ends there (nothing to do), or somebody does something and it goes on. */
static long points, at = -1;
static void (*meanwhile)(void);
static jmp_buf left;

void linear_point(void)
{
	void (*f)(void) = meanwhile;

	if (points++ != at)
		return;
	at = -1;
	if (!f)
		longjmp(left, 1);
	meanwhile = NULL;
	f();
}

/* True if the operation came to access @n. */
static bool until(long n, void (*f)(void), void (*op)(void))
{
	points = 0;
	at = n;
	meanwhile = f;
	if (!setjmp(left))
		op();
	n = at;
	at = -1;
	meanwhile = NULL;
	return n < 0;
}

static void count_from_now(void)
{
	for (int i = 0; i < SPL_GROUPS; i++) {
		counts[0][i] = s->signal->group[i].count;
		counts[1][i] = s->signal->bell[i].count;
	}
}

static bool pulsed(__u32 group)
{
	return s->signal->group[group].count != counts[0][group];
}

static bool rung(void)
{
	return s->signal->bell[bell].count != counts[1][bell];
}

static void label(struct spl_writer *by, __u64 set, __u64 clear)
{
	struct spl_attr_edit e = { 0, 0, set, clear, SPL_ATTR_KEEP_TYPE, 0, 0 };

	spl_attr_change(by, K, &e, NULL);
}

static void fresh_store(void)
{
	memset(raw.map, 0, raw.info.map_bytes);
	spl_store_format(s);
	for (__u32 i = 0; i < WRITERS; i++)
		writer_of(&w[i], &raw, i);
	bell = (__u32)__builtin_ctzll(spl_bell_of(spl_hash(s, K)));
	spl_label_bind(s, 5, 1ULL << G_LABEL, 0);
	spl_label_bind(s, 6, 1ULL << G_LABEL2, 0);
}

static void set_k(struct spl_writer *by)
{
	spl_set(by, K, "v", 1, 0, NULL);
}

static bool is_there(void)
{
	return spl_exists(s, K) == 1;
}

static __u64 labels(void)
{
	struct spl_attr_value v = { 0 };

	return spl_attr_get(s, K, &v) ? 0 : v.labels;
}

static __u64 epoch_now(void)
{
	struct spl_meta m = { 0 };
	char v[8];

	return spl_get(s, K, v, sizeof(v), &m) < 0 ? 0 : m.epoch;
}

static void op_set(void)
{
	set_k(&w[MAKER]);
}

static void op_delete(void)
{
	spl_delete(&w[MAKER], K);
}

static void op_label(void)
{
	label(&w[MAKER], 1ULL << 5, 0);
}

static void op_unlabel(void)
{
	label(&w[MAKER], 0, 1ULL << 5);
}

static void op_watch(void)
{
	spl_watch(&w[MAKER], K, 1ULL << G_WATCH, 0, NULL);
}

static void op_mark(void)
{
	spl_wait_mark(s, K, true, NULL);
}

static void op_reap(void)
{
	struct spl_reap_counts c = { 0 };

	spl_reap_writer(s, MAKER, &c);
}

static void other_sets(void)
{
	set_k(&w[OTHER]);
}

/* So often that every lane that K had before is filled anew. */
static void other_sets_often(void)
{
	for (__u32 i = 0; i < s->spares + 2; i++)
		set_k(&w[OTHER]);
}

static void other_deletes(void)
{
	spl_delete(&w[OTHER], K);
}

static void other_makes_anew(void)
{
	other_deletes();
	other_sets();
}

static void neighbour_goes(void)
{
	spl_delete(&w[THIRD], NEIGHBOUR);
}

static void nothing(void)
{
}

static void (*const others[])(void) = { nothing, other_sets, other_sets_often, other_deletes,
					other_makes_anew };

#define NR_OTHERS (sizeof(others) / sizeof(others[0]))

/* A maker stands anywhere in a binding: others' bindings work, once their calls have returned. */
static void stopped_maker(const char *what, void (*make)(void), void (*bind)(void), __u32 group)
{
	long n, bad = 0;

	for (n = 0;; n++) {
		fresh_store();
		spl_set(&w[THIRD], NEIGHBOUR, "v", 1, 0, NULL);
		set_k(&w[OTHER]);
		if (!until(n, NULL, make))
			break;
		bind();
		if (n % 2)
			neighbour_goes();
		count_from_now();
		other_sets();
		bad += group == SPL_GROUPS ? !rung() : !pulsed(group);
	}
	printf("# %ld places\n", n);
	IS(bad, 0, what);
}

static void bind_watch(void)
{
	spl_watch(&w[OTHER], K, 1ULL << G_SECOND, 0, NULL);
}

static void bind_same(void)
{
	spl_watch(&w[OTHER], K, 1ULL << G_WATCH, 0, NULL);
}

static void bind_label(void)
{
	label(&w[OTHER], 1ULL << 6, 0);
}

static void bind_same_label(void)
{
	label(&w[OTHER], 1ULL << 5, 0);
}

/* Somebody takes a neighbour away, and the bit with it if nobody needs it, between any two accesses of a binder. */
static void clearer_between(const char *what, void (*make)(void), __u32 group)
{
	long n, bad = 0;

	for (n = 0;; n++) {
		fresh_store();
		/* A bit that nobody needs any more. */
		spl_set(&w[THIRD], NEIGHBOUR, "v", 1, 0, NULL);
		spl_watch(&w[THIRD], NEIGHBOUR, 1, 0, NULL);
		set_k(&w[OTHER]);
		if (!until(n, neighbour_goes, make))
			break;
		count_from_now();
		other_sets();
		bad += group == SPL_GROUPS ? !rung() : !pulsed(group);
	}
	IS(bad, 0, what);
}

static void op_neighbour_goes(void)
{
	neighbour_goes();
}

static void binder_between(const char *what, void (*make)(void), __u32 group)
{
	long n, bad = 0;

	for (n = 0;; n++) {
		fresh_store();
		spl_set(&w[THIRD], NEIGHBOUR, "v", 1, 0, NULL);
		spl_watch(&w[THIRD], NEIGHBOUR, 1, 0, NULL);
		set_k(&w[OTHER]);
		if (!until(n, make, op_neighbour_goes))
			break;
		count_from_now();
		other_sets();
		bad += group == SPL_GROUPS ? !rung() : !pulsed(group);
	}
	IS(bad, 0, what);
}

#define ABSENT 1U /* somebody waits for its birth */
#define WATCHED 2U
#define MARKED 4U
#define LABELLED 8U
#define ALL (WATCHED | MARKED | LABELLED)

/* A store with K bound so, or without K; counted from now on. */
static void bound(__u32 to)
{
	fresh_store();
	spl_keys_bind(s, 1ULL << G_KEYS, 0);
	if (to & ABSENT)
		spl_wait_birth(s, K);
	else
		set_k(&w[OTHER]);
	if (to & WATCHED)
		spl_watch(&w[OTHER], K, 1ULL << G_WATCH, 0, NULL);
	if (to & MARKED)
		spl_wait_mark(s, K, true, NULL);
	if (to & LABELLED)
		label(&w[OTHER], 1ULL << 5, 0);
	count_from_now();
}

struct death {
	const char *what;
	void (*op)(void);
	__u32 to;
	__u64 pulses; /* bits: groups that are pulsed if it happened */
	bool rings;
};

static const struct death deaths[] = {
	{ "a set", op_set, ALL, 1ULL << G_WATCH | 1ULL << G_LABEL, true },
	{ "a delete", op_delete, ALL, 1ULL << G_WATCH | 1ULL << G_LABEL | 1ULL << G_KEYS, true },
	{ "an insert", op_set, ABSENT, 1ULL << G_KEYS, true },
	{ "a label set", op_label, WATCHED | MARKED, 1ULL << G_WATCH | 1ULL << G_LABEL, true },
	{ "a first label", op_label, 0, 1ULL << G_LABEL, false },
	{ "a label taken away", op_unlabel, ALL, 1ULL << G_WATCH | 1ULL << G_LABEL, true },
	{ "a last label", op_unlabel, LABELLED, 1ULL << G_LABEL, false },
};

/* Has it happened, as far as anybody can see? */
static bool happened(const struct death *d, __u64 epoch)
{
	if (d->op == op_label)
		return labels() & 1ULL << 5;
	if (d->op == op_unlabel)
		return !(labels() & 1ULL << 5);
	return epoch_now() != epoch;
}

static bool told(const struct death *d)
{
	bool good = !d->rings || rung();

	for (__u32 g = 0; g < SPL_GROUPS; g++)
		if (d->pulses >> g & 1)
			good = good && pulsed(g);
	return good;
}

/* Whoever is bound is told by the reaper, whatever others did between the death and it. */
static void death(const struct death *d)
{
	long n, bad = 0, seen = 0, unsound = 0;
	size_t other;
	__u64 epoch;
	bool is;

	for (other = 0; other < NR_OTHERS; other++) {
		for (n = 0;; n++) {
			bound(d->to);
			epoch = epoch_now();
			if (!until(n, NULL, d->op))
				break;
			is = happened(d, epoch);
			others[other]();
			op_reap();
			seen += is;
			bad += is && !told(d);
			unsound += !rawstore_sound(&raw);
		}
	}
	printf("# %ld of %s had happened\n", seen, d->what);
	OK(!bad && seen, "%s: who is bound is told after a death at each place", d->what);
	IS(unsound, 0, "and the store is sound");
}

/*
 * The same with others between any two accesses of the reaper, or its own death and another reaper after them. What is
 * bound then stays so.
 */
static void death_between(const struct death *d, bool dies)
{
	long n, m, bad = 0, seen = 0, unsound = 0;
	bool more, is;
	__u64 epoch;

	for (size_t other = 1; other < NR_OTHERS; other++) {
		for (n = 0, more = true; more; n++) {
			for (m = 0;; m++) {
				bound(d->to);
				epoch = epoch_now();
				more = until(n, NULL, d->op);
				is = happened(d, epoch);
				if (!more || !until(m, dies ? NULL : others[other], op_reap))
					break;
				if (dies) {
					others[other]();
					op_reap();
				}
				seen += is;
				bad += is && !told(d);
				count_from_now();
				if (labels() & 1ULL << 5) {
					other_sets();
					bad += !pulsed(G_LABEL);
				}
				unsound += !rawstore_sound(&raw);
			}
		}
	}
	printf("# %ld of %s had happened\n", seen, d->what);
	OK(!bad && seen, "%s: told though %s the reaper's steps", d->what,
	   dies ? "a reaper dies between" : "others come between");
	IS(unsound, 0, "and the store is sound");
}

static void (*binder)(void);
static __u64 epoch_at_first, own_pulses;
static bool binder_first;

static void binder_comes(void)
{
	__u64 was = s->signal->group[G_WATCH].count;

	binder();
	own_pulses = s->signal->group[G_WATCH].count - was;
	count_from_now();
	binder_first = epoch_now() == epoch_at_first;
}

/* Somebody binds the key between any two accesses of a set: if he still sees the old value, he is told of the new one. */
static void binder_meanwhile(const char *what, __u32 to, void (*bind)(void), __u32 group)
{
	long n, bad = 0, seen = 0, twice = 0;
	__u64 was;

	for (n = 0;; n++) {
		bound(to);
		binder = bind;
		epoch_at_first = epoch_now();
		was = s->signal->group[G_WATCH].count;
		if (!until(n, binder_comes, op_set))
			break;
		seen += binder_first;
		bad += binder_first && (group == SPL_GROUPS ? !rung() : !pulsed(group));
		twice += to & WATCHED && s->signal->group[G_WATCH].count - was - own_pulses != 1;
	}
	printf("# %ld places, %ld of them before the exchange\n", n, seen);
	OK(!bad && seen && seen < n, "bound while a set is under way: %s", what);
	IS(twice, 0, "and who was bound is told once");
}

/* Who stops tells late what it did itself; what others do is told at once. */
static void stopped_inserter(void)
{
	long n, bad = 0, seen = 0;

	for (n = 0;; n++) {
		bound(ABSENT);
		if (!until(n, NULL, op_set))
			break;
		other_sets();
		seen += is_there();
		bad += is_there() && !rung();
	}
	OK(!bad && seen, "who sets a key whose inserter has stopped tells who waits for it");
}

static void stopped_deleter(void)
{
	long n, bad = 0;

	for (n = 0;; n++) {
		bound(MARKED);
		if (!until(n, NULL, op_delete))
			break;
		other_sets();
		bad += !rung();
	}
	IS(bad, 0, "who makes a key whose deleter has stopped tells who waits for it");
}

static struct spl_mark mark;

static bool has_bit_0(void)
{
	return spl_load(spl_notice_at(s, mark.pos)) & SPL_NOTICE;
}

static void unmark(void)
{
	bool good;

	bound(0);
	spl_wait_mark(s, K, true, &mark);
	OK(has_bit_0() && spl_wait_unmark(s, &mark) && !has_bit_0(),
	   "a mark goes where it was made, and bit 0 with it");
	other_sets();
	OK(!rung() && !spl_wait_unmark(s, &mark), "then nobody is told, and it isn't there");
	bound(WATCHED | LABELLED);
	spl_wait_mark(s, K, true, &mark);
	good = spl_wait_unmark(s, &mark) && has_bit_0();
	count_from_now();
	other_sets();
	OK(good && pulsed(G_WATCH) && pulsed(G_LABEL) && !rung(), "what else is bound stays");
}

static void op_unmark(void)
{
	spl_wait_unmark(s, &mark);
}

static void other_makes_anew_and_marks(void)
{
	other_makes_anew();
	op_mark();
}

static void unmark_between(void)
{
	long n, bad = 0;

	for (n = 0;; n++) {
		bound(0);
		spl_wait_mark(s, K, true, &mark);
		if (!until(n, other_makes_anew_and_marks, op_unmark))
			break;
		count_from_now();
		other_sets();
		bad += !rung();
	}
	printf("# %ld places\n", n);
	OK(!bad && n, "the mark of a key that came after stays while one is taken away");
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	rawstore_make_with(&raw, &(struct spl_geometry){ .lanes = 4,
							 .value_max = 8,
							 .key_max = 8,
							 .max_writers = WRITERS,
							 .spares = 2,
							 .flags = SPL_GEOMETRY_WATCH });
	s = &raw.s;
	stopped_maker("a watch mask that another left half made", op_watch, bind_watch, G_SECOND);
	stopped_maker("the same mask again", op_watch, bind_same, G_WATCH);
	stopped_maker("a label beside one half made", op_label, bind_label, G_LABEL2);
	stopped_maker("the same label again", op_label, bind_same_label, G_LABEL);
	stopped_maker("a mark again", op_mark, op_mark, SPL_GROUPS);
	clearer_between("a mask made while the bit goes", op_watch, G_WATCH);
	clearer_between("a label set while the bit goes", op_label, G_LABEL);
	clearer_between("a mark made while the bit goes", op_mark, SPL_GROUPS);
	binder_between("the bit goes while a mask is made", op_watch, G_WATCH);
	binder_between("the bit goes while a label is set", op_label, G_LABEL);
	binder_between("the bit goes while a mark is made", op_mark, SPL_GROUPS);
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		death(&deaths[i]);
		death_between(&deaths[i], false);
		death_between(&deaths[i], true);
	}
	binder_meanwhile("a first mask", 0, bind_watch, G_SECOND);
	binder_meanwhile("another group", WATCHED, bind_watch, G_SECOND);
	binder_meanwhile("the same group again", WATCHED, bind_same, G_WATCH);
	binder_meanwhile("another group beside labels", ALL, bind_watch, G_SECOND);
	binder_meanwhile("a label", WATCHED, bind_label, G_LABEL2);
	binder_meanwhile("a mark", WATCHED, op_mark, SPL_GROUPS);
	stopped_inserter();
	stopped_deleter();
	unmark();
	unmark_between();
	return tap_done();
}
