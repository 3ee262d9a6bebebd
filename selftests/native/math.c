// SPDX-License-Identifier: MIT
/* math.c - integers: each operation with its result, at both ends of the range, and from several threads at once. */
#include <pthread.h>

#include "fixture.h"

static struct splk_store *s;

static uint64_t calc(uint64_t start, enum splk_math op, uint64_t operand, uint32_t flags)
{
	uint64_t result = 0xdead, stored = 0;

	splk_set(s, KEY("n"), &start, sizeof(start), 0, NULL);
	if (splk_math(s, KEY("n"), op, operand, flags, &result))
		return 0xbad;
	splk_get(s, KEY("n"), &stored, sizeof(stored), NULL);
	return stored == result ? result : 0xbad;
}

static void operations(void)
{
	const uint32_t sat = SPLK_SATURATE, ssat = SPLK_SATURATE | SPLK_SIGNED;

	IS(calc(12, SPLK_AND, 10, 0), 8, "and");
	IS(calc(12, SPLK_OR, 10, 0), 14, "or");
	IS(calc(12, SPLK_XOR, 10, 0), 6, "xor");
	IS(calc(12, SPLK_NOT, 99, 0), ~12LL, "not");
	IS(calc(12, SPLK_ADD, 10, 0), 22, "add");
	IS(calc(12, SPLK_SUB, 10, 0), 2, "sub");
	IS(calc(12, SPLK_INC, 99, 0), 13, "inc");
	IS(calc(12, SPLK_DEC, 99, 0), 11, "dec");
	IS(calc(~0ULL, SPLK_INC, 0, 0), 0, "inc wraps");
	IS(calc(0, SPLK_DEC, 0, 0), -1, "dec wraps");
	IS(calc(~0ULL, SPLK_INC, 0, sat), -1, "inc stops at the top");
	IS(calc(0, SPLK_DEC, 0, sat), 0, "dec stops at zero");
	IS(calc(5, SPLK_SUB, 7, sat), 0, "sub stops at zero");
	IS(calc(INT64_MAX, SPLK_ADD, 1, ssat), INT64_MAX, "signed add stops at the top");
	IS(calc((uint64_t)INT64_MIN, SPLK_SUB, 1, ssat), INT64_MIN, "signed sub stops at the end");
	IS(calc((uint64_t)INT64_MIN, SPLK_ADD, (uint64_t)-1, ssat), INT64_MIN, "add of -1, too");
	IS(calc(INT64_MAX, SPLK_SUB, (uint64_t)-1, ssat), INT64_MAX, "sub of -1, too");
	IS(calc((uint64_t)-3, SPLK_ADD, 5, ssat), 2, "signed add across zero");
	IS(calc((uint64_t)-3, SPLK_DEC, 0, SPLK_SIGNED), -4, "signed dec");
}

static void errors(void)
{
	uint64_t n;

	IS(splk_math(s, KEY("none"), SPLK_INC, 0, 0, &n), -ENOENT, "no such key");
	IS(splk_math(s, KEY("made"), SPLK_ADD, 7, SPLK_MATH_CREATE, &n), 0, "made on demand");
	IS(n, 7, "counts as 0");
	splk_set(s, KEY("text"), "seven b", 7, 0, NULL);
	IS(splk_math(s, KEY("text"), SPLK_INC, 0, 0, NULL), -EPROTOTYPE, "not 8 bytes");
	IS(splk_size(s, KEY("text")), 7, "left as it is");
	IS(splk_math(s, KEY("made"), (enum splk_math)8, 0, 0, NULL), -EINVAL, "no such operation");
	IS(splk_math(s, KEY("made"), SPLK_INC, 0, 8, NULL), -EINVAL, "no such flag");
	IS(splk_math(s, KEY("made"), SPLK_INC, 0, 0, NULL), 0, "without a result");
}

#define ROUNDS 20000

static void *count_up(void *unused)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		if (splk_math(s, KEY("sum"), SPLK_INC, 0, SPLK_MATH_CREATE, NULL))
			return unused;
	return &s;
}

static void together(void)
{
	pthread_t threads[4];
	uint64_t sum = 0;
	void *good;
	int i, n = 0;

	for (i = 0; i < 4; i++)
		MUST(!pthread_create(&threads[i], NULL, count_up, NULL), "a thread");
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &good);
		n += good != NULL;
	}
	IS(n, 4, "four threads count, without an error");
	splk_get(s, KEY("sum"), &sum, sizeof(sum), NULL);
	IS(sum, 4 * ROUNDS, "and none is lost");
}

int main(void)
{
	s = fresh(100, 64);
	operations();
	errors();
	together();
	OK(sound(s), "the store is sound");
	splk_close(s);
	return tap_done();
}
