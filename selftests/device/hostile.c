// SPDX-License-Identifier: MIT
// selftest-timeout: 240
/*
 * hostile.c - a process writes garbage into every writable page of a store (P5), random and nearly right, while others
 * read and write, writers are killed and reaped, and the kernel registers, checks, repairs, lists, maps and unmaps. All
 * of them go on; the kernel's log, which is looked at after each test, stays clean.
 */
#define UNHOOKED
#include "../fuzz/target/garble.c"
#include "kselftest_harness.h"
#include "device.h"

#define SECONDS 12
#define LATE_S 20.0 /* emulated, on a busy machine, with a debug kernel */
#define NR_WORKERS 5

enum { SCRIBBLER, READER, READER2, WRITER, WRITER2 };

/* What each process has done. Shared. */
static struct line {
	volatile unsigned long ops;
	volatile long bad;
} * line;

static __u64 seed = 0x9e3779b97f4a7c15ULL;

static __u64 some(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545F4914F6CDD1DULL >> 8;
}

static void make_keys(struct world *w)
{
	__u32 i;

	for (i = 0; i < NR_KEYS; i++) {
		w->key[i].len = 1 + i % 8;
		w->key[i].bytes = calloc(1, 8);
		memset(w->key[i].bytes, 'a' + (int)i, 8);
		w->key[i].hash = spl_hash(&w->s, w->key[i].bytes, w->key[i].len);
	}
}

static int open_world(const char *name, int flags, struct world *w, struct mapped *m)
{
	int fd = open_named(name, flags);

	if (fd < 0)
		return fd;
	if (map_store(fd, flags == O_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE, m))
		return -1;
	memset(w, 0, sizeof(*w));
	w->s = m->s;
	make_keys(w);
	return fd;
}

/* Half of it random words anywhere, half the fuzzer's attacks. */
static void scribble(struct world *w, const struct mapped *m, struct line *l)
{
	__u64 *words = m->data, bits;
	struct record r;

	for (;; l->ops++) {
		bits = some() << 32 ^ some();
		if (bits % 4 == 0) {
			words[some() % (m->data_bytes / 8)] = bits >> 2;
			continue;
		}
		memcpy(&r, &bits, sizeof(r));
		garble(w, &r);
	}
}

static bool is_answer(long r, long max)
{
	switch (r) {
	case -EINVAL:
	case -ENOENT:
	case -EMSGSIZE:
	case -EBADMSG:
	case -EAGAIN:
	case -EEXIST:
	case -ENOSPC:
	case -ENOBUFS:
	case -ESTALE:
	case -EPROTOTYPE:
		return true;
	default:
		return r >= 0 && r <= max;
	}
}

static long read_something(struct world *w)
{
	const struct key *k = &w->key[some() % NR_KEYS];
	unsigned char buf[64];
	struct spl_attr_value v;
	struct spl_meta meta;
	struct spl_view view;
	__u64 at = some() % 3 ? 0 : some();

	switch (some() % 5) {
	case 0:
		return spl_get(&w->s, k->bytes, k->len, buf, sizeof(buf), &meta);
	case 1:
		return spl_view(&w->s, k->bytes, k->len, &view);
	case 2:
		return spl_attr_get(&w->s, k->bytes, k->len, &v);
	case 3:
		return spl_next(&w->s, &at, buf, sizeof(buf), &meta);
	default:
		return spl_stat(&w->s, k->bytes, k->len, &meta);
	}
}

static long write_something(struct world *w, struct spl_writer *writer)
{
	const struct key *k = &w->key[some() % NR_KEYS];
	struct spl_attr_edit edit = { .labels_set = some(), .type = SPL_ATTR_KEEP_TYPE };
	unsigned char buf[64] = "value";
	struct spl_room room;
	long r;

	switch (some() % 8) {
	case 0:
		return spl_delete(writer, k->bytes, k->len);
	case 1:
		return spl_math(writer, k->bytes, k->len, SPL_MATH_INC, 0, SPL_MATH_CREATE, NULL);
	case 2:
		return spl_append(writer, k->bytes, k->len, buf, some() % 9, 0, NULL);
	case 3:
		return spl_attr_change(writer, k->bytes, k->len, &edit, NULL);
	case 4:
		r = spl_alloc(writer, k->bytes, k->len, some() % 65, &room);
		return r ? r : spl_put(writer, &room, 0, NULL);
	default:
		return spl_set(writer, k->bytes, k->len, buf, some() % 65, 0, NULL);
	}
}

static void work(const char *name, int who)
{
	struct spl_writer writer;
	struct line *l = &line[who];
	struct mapped m;
	struct world w;
	int fd, idx = 0;
	long r;

	seed ^= (__u64)getpid() << 20;
	some();
	fd = open_world(name, who == READER || who == READER2 ? O_RDONLY : O_RDWR, &w, &m);
	if (fd < 0)
		_exit(1);
	if (who == SCRIBBLER)
		scribble(&w, &m, l);
	while (who >= WRITER && (idx = reg(fd)) < 0)
		if (idx != -EAGAIN)
			_exit(2);
	if (who >= WRITER && spl_writer_init(&writer, &w.s, idx))
		_exit(3);
	for (;; l->ops++) {
		r = who >= WRITER && some() % 4 ? write_something(&w, &writer) : read_something(&w);
		if (!is_answer(r, 64)) {
			l->bad = r;
			_exit(4);
		}
	}
}

static pid_t start(const char *name, int who)
{
	pid_t pid = fork();

	if (!pid)
		work(name, who);
	return pid;
}

static bool goes_on(const struct line *l)
{
	unsigned long ops = l->ops;
	double end = now_s() + LATE_S;

	while (l->ops == ops && now_s() < end)
		usleep(1000);
	return l->ops != ops;
}

static int list_stores(int fd)
{
	char buf[4096] __attribute__((aligned(8)));
	struct spl_ioc_list l = {
		.size = sizeof(l),
		.buf = (uintptr_t)buf,
		.buf_bytes = sizeof(buf),
	};

	return call(fd, SPL_IOC_LIST, &l);
}

/* One thing that the kernel does with the store; 0, or what it should not have answered. */
static int ask_kernel(const char *name, int fd, __u64 id)
{
	struct spl_check_counts c;
	struct spl_self *self;
	struct mapped m;
	int other, r = 0;

	switch (some() % 8) {
	case 0:
		reap(fd);
		return 0;
	case 1:
		return check(fd, 0, &c);
	case 2:
		r = check(fd, SPL_CHECK_REPAIR, &c);
		return r == -EBUSY ? 0 : r;
	case 3:
		other = open_named(name, O_RDWR);
		if (other < 0)
			return other;
		r = reg(other);
		if (r >= 0 && some() % 2)
			r = unreg(other, r);
		close(other);
		return r == -EAGAIN || r > 0 ? 0 : r;
	case 4:
		other = open_named(name, O_RDWR);
		if (other < 0)
			return other;
		self = map_self(other);
		r = map_store(other, PROT_READ | PROT_WRITE, &m);
		if (!r)
			unmap_store(&m);
		if (self)
			munmap(self, 4096);
		close(other);
		return r;
	case 5:
		return list_stores(fd);
	case 6:
		return sysfs_number(id, "writers") < 0 || sysfs_number(id, "reaps") < 0 ? -EIO : 0;
	default:
		return geometry(fd).store_id == id ? 0 : -EIO;
	}
}

static int sound(const struct spl_check_counts *c, __u64 lanes)
{
	/* More keys than lanes may stand there; then as many slots have none. */
	__u64 lack = c->live > lanes ? c->live - lanes : 0;

	return !(c->tentative | c->dead | c->lanes_flight | c->lanes_lost | c->cells_bad |
		 c->keys_twice | c->overflow_stale | c->overflow_missing | c->free_stale) &&
	       c->lanes_shared == lack && c->live + c->lanes_free == lanes + lack;
}

FIXTURE(hostile)
{
	char name[32];
	int fd;
	__u64 id;
};

FIXTURE_VARIANT(hostile)
{
	__u64 lanes;
};

FIXTURE_VARIANT_ADD(hostile, tiny)
{
	.lanes = 10,
};

FIXTURE_VARIANT_ADD(hostile, more)
{
	.lanes = 5000,
};

FIXTURE_SETUP(hostile)
{
	struct spl_geometry g = small(variant->lanes);

	snprintf(self->name, sizeof(self->name), "hostile%d", getpid());
	g.max_writers = 4;
	g.key_max = 8;
	self->fd = open_new(self->name, g);
	ASSERT_GE(self->fd, 0);
	self->id = geometry(self->fd).store_id;
	line = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)line);
}

FIXTURE_TEARDOWN(hostile)
{
	unlink_store(self->name);
	close(self->fd);
	munmap((void *)line, 4096);
}

TEST_F_TIMEOUT(hostile, readers_and_kernel_go_on, 100)
{
	double end = now_s() + SECONDS, began, worst = 0;
	unsigned long asked = 0, killed = 0;
	struct spl_check_counts c;
	pid_t pid[NR_WORKERS];
	int i, r, status;

	seed += (__u64)getpid();
	for (i = 0; i < NR_WORKERS; i++)
		pid[i] = start(self->name, i);
	while (now_s() < end) {
		began = now_s();
		r = ask_kernel(self->name, self->fd, self->id);
		ASSERT_EQ(0, r);
		if (now_s() - began > worst)
			worst = now_s() - began;
		asked++;
		for (i = 0; i < NR_WORKERS; i++)
			ASSERT_EQ(0, waitpid(pid[i], &status, WNOHANG));
		if (asked % 8 == 0) {
			i = WRITER + (int)(some() % 2);
			kill(pid[i], SIGKILL);
			ASSERT_EQ(256 + SIGKILL, wait_for(pid[i]));
			pid[i] = start(self->name, i);
			killed++;
		}
	}
	/* Under fire still: each ends what it is in. */
	for (i = 0; i < NR_WORKERS; i++)
		EXPECT_TRUE(goes_on(&line[i]));
	for (i = NR_WORKERS - 1; i >= 0; i--) {
		kill(pid[i], SIGKILL);
		ASSERT_EQ(256 + SIGKILL, wait_for(pid[i]));
		EXPECT_EQ(0, line[i].bad);
		EXPECT_LT(0, line[i].ops);
	}
	ASSERT_EQ(0, check(self->fd, SPL_CHECK_REPAIR, &c));
	ASSERT_EQ(0, check(self->fd, SPL_CHECK_REPAIR, &c));
	ASSERT_EQ(0, check(self->fd, 0, &c));
	EXPECT_TRUE(sound(&c, variant->lanes));
	TH_LOG("%lu words of garbage, %lu reads, %lu writes, %lu kills; %lu calls, the longest %.3f s",
	       line[SCRIBBLER].ops, line[READER].ops + line[READER2].ops,
	       line[WRITER].ops + line[WRITER2].ops, killed, asked, worst);
}

TEST_HARNESS_MAIN
