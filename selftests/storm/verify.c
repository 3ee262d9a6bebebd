// SPDX-License-Identifier: MIT
/* verify.c - what values are, and a process that reads all of them all the time and believes nobody. */
#include <stdarg.h>

#include "storm.h"

static uint64_t word_of(uint64_t key, uint64_t version, uint64_t i)
{
	return (version * 0x9e3779b97f4a7c15ULL ^ key) + i * 0x100000001b3ULL;
}

/* The version, then words that follow from key and version, as many as follow from them. */
uint32_t value_make(unsigned char *to, uint64_t key, uint64_t version)
{
	uint32_t words = 1 + (uint32_t)(word_of(key, version, 99) >> 40) % (VALUE_MAX / 8), i;
	uint64_t word = version;

	for (i = 0; i < words; i++) {
		memcpy(to + 8 * i, &word, 8);
		word = word_of(key, version, i);
	}
	return 8 * words;
}

int64_t value_version(const unsigned char *p, long len, uint64_t key)
{
	unsigned char wanted[VALUE_MAX];
	uint64_t version;

	if (len < 8 || len > VALUE_MAX)
		return -1;
	memcpy(&version, p, 8);
	if (value_make(wanted, key, version) != (uint32_t)len || memcmp(p, wanted, (size_t)len))
		return -1;
	return (int64_t)version;
}

void lost(const char *format, ...)
{
	va_list args;

	/* A few say enough. */
	if (__atomic_fetch_add(&shared->lost, 1, __ATOMIC_RELAXED) > 20)
		return;
	fprintf(stderr, "storm: LOST: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* A key must have a version from what was acknowledged before the look to what was intended after it. */
static void verify_owned(struct splk_store *s, uint32_t slot, uint32_t k, uint64_t *last)
{
	const struct oracle *o = &shared->slot[slot].key[k];
	uint64_t acked = load(&o->acked), intent, key = key_of(slot, k);
	unsigned char value[VALUE_MAX];
	struct splk_view view;
	int64_t version;
	long r;

	if (*last % 4) {
		r = splk_get(s, &key, sizeof(key), value, sizeof(value), NULL);
	} else {
		r = splk_view(s, &key, sizeof(key), &view);
		if (r >= 0) {
			memcpy(value, view.ptr, (size_t)r);
			if (!splk_view_valid(s, &view))
				return;
		}
	}
	intent = load(&o->intent);
	if (r == -ENOENT) {
		if (!absent_between(acked, intent))
			lost("the verifier misses slot %u key %u, acknowledged %llu intended %llu",
			     slot, k, (unsigned long long)acked, (unsigned long long)intent);
		return;
	}
	version = r < 0 ? -1 : value_version(value, r, key);
	if (version < 0 || (uint64_t)version < acked || (uint64_t)version > intent ||
	    (uint64_t)version < *last)
		lost("the verifier reads slot %u key %u as version %lld (%ld), acknowledged %llu intended %llu, "
		     "last read %llu",
		     slot, k, (long long)version, r, (unsigned long long)acked,
		     (unsigned long long)intent, (unsigned long long)*last);
	else
		*last = (uint64_t)version;
}

static void verify_counter(struct splk_store *s, uint64_t *last)
{
	uint64_t low = 0, high = 0, n = 0, key = KEY_COUNTER;
	uint32_t i;
	long r;

	for (i = 0; i < SLOTS; i++)
		low += load(&shared->slot[i].counter.acked);
	r = splk_get(s, &key, sizeof(key), &n, sizeof(n), NULL);
	for (i = 0; i < SLOTS; i++)
		high += load(&shared->slot[i].counter.intent);
	if (r != 8 || n < low || n > high || n < *last)
		lost("the counter is %llu (%ld), acknowledged %llu, tried %llu, last read %llu",
		     (unsigned long long)n, r, (unsigned long long)low, (unsigned long long)high,
		     (unsigned long long)*last);
	*last = n;
}

void verifier_main(uint64_t seed)
{
	uint64_t last[SLOTS][OWNED] = { 0 }, last_count = 0, x = seed | 1, key, r;
	struct splk_store *s = storm_open(true);
	unsigned char value[VALUE_MAX];
	uint32_t slot, k;
	long len;

	while (!__atomic_load_n(&shared->over, __ATOMIC_RELAXED)) {
		r = random_next(&x);
		slot = (uint32_t)(r >> 8) % SLOTS;
		k = (uint32_t)(r >> 16) % OWNED;
		switch (r % 8) {
		case 0:
			verify_counter(s, &last_count);
			break;
		case 1:
			key = key_of(CHURN_SLOT, (uint32_t)(r >> 16) % CHURN);
			len = splk_get(s, &key, sizeof(key), value, sizeof(value), NULL);
			if (len >= 0 ? value_version(value, len, key) < 0 : len != -ENOENT)
				lost("the verifier reads churn key %llx: %ld",
				     (unsigned long long)key, len);
			break;
		default:
			verify_owned(s, slot, k, &last[slot][k]);
			break;
		}
		__atomic_fetch_add(&shared->verified, 1, __ATOMIC_RELAXED);
	}
	splk_close(s);
	_exit(0);
}

void verify_end(struct splk_store *s)
{
	uint64_t last, key = KEY_LABELS, old;
	struct splk_attr attr = { 0 };
	uint32_t slot, k;
	int r;

	for (slot = 0; slot < SLOTS; slot++) {
		for (k = 0; k < OWNED; k++) {
			last = 0;
			verify_owned(s, slot, k, &last);
		}
	}
	last = 0;
	verify_counter(s, &last);
	r = splk_attr(s, &key, sizeof(key), &attr);
	for (slot = 0; slot < SLOTS; slot++) {
		old = attr.labels >> (8 * slot) & 0xff;
		if (r || (old != load(&shared->slot[slot].label.acked) &&
			  old != load(&shared->slot[slot].label.intent)))
			lost("in the end labels of slot %u are %llx: %s", slot,
			     (unsigned long long)old, splk_strerror(r));
	}
}
