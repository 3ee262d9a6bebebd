// SPDX-License-Identifier: MIT
/*
 * torn.c - every 8 bytes of a value say which key's and which epoch's they are, and every read checks all of them (P3).
 * Measuring how fast reads are is not this program's business.
 *
 *	torn [--seconds N] [--value-max N] [--spares N] [--writers N] [--readers N]
 *
 * A writer makes a value for the epoch that its publication will have: compare-and-set on the epoch before it. So a
 * reader can tell from the epoch alone how long the value is and what each word of it must be, and that a key's epoch,
 * and with it the value, never goes back. Only of a key's first value after a delete the epoch isn't known: it is
 * FRESH bytes long and says so.
 */
#include <getopt.h>
#include <signal.h>

#include "../native/fixture.h"

#define KEYS 6
#define FRESH 9
#define BATCH 8

struct shared {
	uint32_t over;
	uint64_t reads, stale_views, writes, deletes;
	uint8_t read_len[]; /* lengths that a reader saw, up to SWEEP_MAX */
};

#define SWEEP_MAX 4096

static struct splk_store *s;
static struct shared *shared;
static uint32_t value_max = 1024;
static double seconds_each = 5;

static uint64_t word_of(uint32_t key, uint64_t epoch, uint64_t i)
{
	return (epoch << 8 | key) * 0x9e3779b97f4a7c15ULL + i * 0x100000001b3ULL;
}

/* Small stores go through all lengths, one after the other; large ones take any from 64 bytes on. */
static uint32_t length_of(uint32_t key, uint64_t epoch)
{
	if (value_max <= SWEEP_MAX)
		return (uint32_t)((epoch + key * 97) % (value_max + 1));
	/* Each power of two as often as the next. */
	epoch = word_of(key, epoch, 77);
	epoch = 64 + (epoch >> 8) % (64ULL << (epoch >> 56) % 15);
	return epoch > value_max ? value_max : (uint32_t)epoch;
}

static void fill(unsigned char *to, uint32_t key, uint64_t epoch, uint32_t len)
{
	uint64_t i, word;

	for (i = 0; i + 8 <= len; i += 8) {
		word = word_of(key, epoch, i / 8);
		memcpy(to + i, &word, 8);
	}
	word = word_of(key, epoch, i / 8);
	memcpy(to + i, &word, len - i);
}

static bool holds(const unsigned char *p, uint32_t key, uint64_t epoch, uint32_t len)
{
	uint64_t i, word, got;

	for (i = 0; i + 8 <= len; i += 8) {
		word = word_of(key, epoch, i / 8);
		memcpy(&got, p + i, 8);
		if (got != word)
			return false;
	}
	word = word_of(key, epoch, i / 8);
	return !memcmp(p + i, &word, len - i);
}

static bool fresh_value(const unsigned char *p, uint32_t key, uint32_t len)
{
	return len == FRESH && holds(p, key, 0, len);
}

static void complain(const char *how, uint32_t key, uint64_t epoch, long len)
{
	fprintf(stderr, "torn: %s: key %u epoch %llu length %ld\n", how, key,
		(unsigned long long)epoch, len);
}

/* One read of a known epoch. */
static int judge(const char *how, uint32_t key, uint64_t epoch, const unsigned char *p, long len,
		 uint64_t *last)
{
	if (!fresh_value(p, key, (uint32_t)len) &&
	    ((uint32_t)len != length_of(key, epoch) || !holds(p, key, epoch, (uint32_t)len))) {
		complain(how, key, epoch, len);
		return 21;
	}
	if (epoch < last[key]) {
		complain("an epoch went back", key, epoch, len);
		return 22;
	}
	last[key] = epoch;
	__atomic_fetch_add(&shared->reads, 1, __ATOMIC_RELAXED);
	if (len <= SWEEP_MAX)
		__atomic_store_n(&shared->read_len[len], 1, __ATOMIC_RELAXED);
	return 0;
}

/* A batch tells no epochs: they are looked for between one before it and one after it. */
static int judge_batch(uint32_t key, uint64_t low, const unsigned char *p, long len)
{
	uint64_t epoch, high;

	if (fresh_value(p, key, (uint32_t)len))
		return 0;
	if (splk_epoch(s, &key, 1, &high))
		high = low + 100000;
	for (epoch = low; epoch <= high; epoch++)
		if (length_of(key, epoch) == (uint32_t)len && holds(p, key, epoch, (uint32_t)len))
			return 0;
	complain("a batch", key, low, len);
	return 23;
}

static int read_batch(unsigned char *bufs, uint32_t key)
{
	uint64_t low[BATCH] = { 0 };
	uint8_t keys[BATCH];
	struct splk_io io[BATCH];
	uint32_t i;
	int err = 0;

	for (i = 0; i < BATCH; i++) {
		keys[i] = (uint8_t)((key + i) % KEYS);
		if (splk_epoch(s, &keys[i], 1, &low[i]))
			low[i] = 0;
		io[i] = (struct splk_io){ &keys[i], bufs + (size_t)i * value_max, 1, value_max, 0 };
	}
	splk_get_many(s, io, BATCH);
	for (i = 0; i < BATCH && !err; i++) {
		if (io[i].result < 0 && io[i].result != -ENOENT)
			err = 24;
		else if (io[i].result >= 0 && low[i])
			err = judge_batch(keys[i], low[i], io[i].buf, (long)io[i].result);
	}
	return err;
}

static int read_all(uint32_t me)
{
	unsigned char *bufs = malloc((size_t)BATCH * value_max);
	uint64_t last[KEYS] = { 0 }, n;
	struct splk_meta meta;
	struct splk_view view;
	uint8_t key;
	int err = 0;
	long len;

	if (!bufs)
		return 20;
	for (n = me; !err && !__atomic_load_n(&shared->over, __ATOMIC_RELAXED); n++) {
		key = (uint8_t)(n % KEYS);
		switch (n / KEYS % 4) {
		case 0:
		case 1:
			len = splk_get(s, &key, 1, bufs, value_max, &meta);
			if (len >= 0)
				err = judge("a copy", key, meta.epoch, bufs, len, last);
			break;
		case 2:
			len = splk_view(s, &key, 1, &view);
			if (len < 0)
				break;
			/* The bytes are copied, for the check takes long: the copy must hold if the view did. */
			memcpy(bufs, view.ptr, (size_t)len);
			if (splk_view_valid(s, &view))
				err = judge("a view", key, view.meta.epoch, bufs, len, last);
			else
				__atomic_fetch_add(&shared->stale_views, 1, __ATOMIC_RELAXED);
			break;
		default:
			len = 0;
			err = read_batch(bufs, key);
		}
		if (len < 0 && len != -ENOENT)
			return 25;
	}
	free(bufs);
	return err;
}

static int write_one(unsigned char *buf, uint8_t key, uint64_t *epoch)
{
	struct splk_meta meta;
	uint32_t len;
	int err;

	len = length_of(key, *epoch + 1);
	fill(buf, key, *epoch + 1, len);
	err = splk_set_epoch(s, &key, 1, buf, len, *epoch, &meta);
	if (err == -ENOENT) {
		fill(buf, key, 0, FRESH);
		err = splk_set(s, &key, 1, buf, FRESH, SPLK_ABSENT, &meta);
		if (!err || err == -EEXIST)
			__atomic_fetch_add(&shared->writes, 1, __ATOMIC_RELAXED);
		if (!err)
			*epoch = meta.epoch;
		return err == -EEXIST ? 0 : err;
	}
	if (err == -ESTALE) {
		err = splk_epoch(s, &key, 1, epoch);
		return err == -ENOENT ? 0 : err;
	}
	if (!err && meta.epoch != *epoch + 1) {
		complain("a compare-and-set made another epoch", key, meta.epoch, (long)*epoch);
		return -EPROTO;
	}
	if (!err)
		*epoch = meta.epoch;
	__atomic_fetch_add(&shared->writes, 1, __ATOMIC_RELAXED);
	return err;
}

/* Keys 0 and 1 have one writer each, the others are everybody's; the last two are deleted now and then. */
static int write_all(uint32_t me, uint32_t writers)
{
	unsigned char *buf = malloc(value_max);
	uint64_t epochs[KEYS] = { 0 }, n;
	uint8_t key;
	int err = 0;

	if (!buf)
		return 10;
	for (n = me; !err && !__atomic_load_n(&shared->over, __ATOMIC_RELAXED); n++) {
		key = (uint8_t)(n * 7 / 3 % KEYS);
		if (key < 2 && key != me % writers)
			continue;
		err = write_one(buf, key, &epochs[key]);
		if (!err && key >= KEYS - 2 && n % 37 == 0) {
			err = splk_delete(s, &key, 1);
			err = err == -ENOENT ? 0 : err;
			__atomic_fetch_add(&shared->deletes, 1, __ATOMIC_RELAXED);
		}
	}
	free(buf);
	if (err)
		fprintf(stderr, "torn: a write: %s\n", splk_strerror(err));
	return err ? 11 : 0;
}

static uint64_t lengths_read(void)
{
	uint64_t n = 0, i;

	for (i = 0; i <= value_max && i <= SWEEP_MAX; i++)
		n += shared->read_len[i];
	return n;
}

/* On a busy machine it takes longer until each length has been read. A process that ends early has failed. */
static void wait_until_read(void)
{
	double begun = seconds(), gone;
	siginfo_t early = { 0 };

	do {
		nap_us(50000);
		gone = seconds() - begun;
		waitid(P_ALL, 0, &early, WEXITED | WNOHANG | WNOWAIT);
	} while (!early.si_pid &&
		 (gone < seconds_each || (value_max <= SWEEP_MAX && lengths_read() <= value_max &&
					  gone < seconds_each + 60)));
	__atomic_store_n(&shared->over, 1, __ATOMIC_RELAXED);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 't' },
		{ "value-max", required_argument, NULL, 'v' },
		{ "spares", required_argument, NULL, 's' },
		{ "writers", required_argument, NULL, 'w' },
		{ "readers", required_argument, NULL, 'r' },
		{ 0 },
	};
	uint32_t spares = 2, writers = 2, readers = 2, i;
	struct splk_options geometry;
	bool good = true, all;
	pid_t pid[32];
	int o, status;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 't':
			seconds_each = strtod(optarg, NULL);
			break;
		case 'v':
			value_max = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 's':
			spares = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'w':
			writers = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'r':
			readers = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	}
	if (!writers || writers + readers > 32 || value_max < FRESH) {
		fprintf(stderr, "torn: 1 to 32 processes, values of %d bytes or more\n", FRESH);
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared) + SWEEP_MAX + 1, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(shared != MAP_FAILED, "memory");
	geometry = options_for(KEYS + writers, value_max);
	geometry.geometry.spares = spares;
	geometry.geometry.max_writers = writers + 1;
	geometry.geometry.key_max = 8;
	s = fresh_with(&geometry);
	for (i = 0; i < writers + readers; i++) {
		pid[i] = fork();
		MUST(pid[i] >= 0, "fork");
		if (!pid[i])
			_exit(i < writers ? write_all(i, writers) : read_all(i - writers));
	}
	wait_until_read();
	for (i = 0; i < writers + readers; i++) {
		status = wait_for(pid[i]);
		if (status)
			printf("# process %u: status %d\n", i, status);
		good = good && !status;
	}
	splk_reap(s, NULL);
	good = sound(s) && good && shared->reads && shared->writes;
	printf("torn: values of up to %u bytes, %llu writes, %llu deletes, %llu reads whole, %llu views dropped, ",
	       value_max, (unsigned long long)shared->writes, (unsigned long long)shared->deletes,
	       (unsigned long long)shared->reads, (unsigned long long)shared->stale_views);
	all = value_max > SWEEP_MAX || lengths_read() == value_max + 1;
	if (value_max <= SWEEP_MAX)
		printf("%llu of %u lengths read, ", (unsigned long long)lengths_read(),
		       value_max + 1);
	puts(good ? all ? "none torn" : "too short a run" : "FAILED");
	splk_close(s);
	return good && all ? 0 : 1;
}
