// SPDX-License-Identifier: MIT
/* mutate.c - changes an input record by record, so that what follows a change keeps its meaning. */
#include <string.h>

#include "record.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max, unsigned int seed);

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x * 0x2545F4914F6CDD1DULL >> 16;
}

static void fresh_record(uint8_t *to, uint64_t *x)
{
	uint64_t bits = next(x) << 32 ^ next(x);

	memcpy(to, &bits, RECORD_BYTES);
	if (next(x) % 2)
		to[0] = (uint8_t)(next(x) % fuzz_op_kinds);
}

/* Room for a record at number @i; the new size. */
static size_t open_gap(uint8_t *data, size_t size, size_t max, size_t i)
{
	if (size + RECORD_BYTES > max || size / RECORD_BYTES > RECORDS_MAX)
		return size;
	memmove(data + (i + 1) * RECORD_BYTES, data + i * RECORD_BYTES, size - i * RECORD_BYTES);
	return size + RECORD_BYTES;
}

static size_t change_once(uint8_t *data, size_t size, size_t max, uint64_t *x)
{
	size_t nr = size / RECORD_BYTES, i = 1 + next(x) % nr, k = next(x) % nr;
	uint8_t copy[RECORD_BYTES];

	switch (next(x) % 8) {
	case 0: /* a new record */
	case 1:
		if (open_gap(data, size, max, i) == size)
			return size;
		fresh_record(data + i * RECORD_BYTES, x);
		return size + RECORD_BYTES;
	case 2: /* one twice */
		if (!k || open_gap(data, size, max, i) == size)
			return size;
		k += k >= i;
		memcpy(data + i * RECORD_BYTES, data + k * RECORD_BYTES, RECORD_BYTES);
		return size + RECORD_BYTES;
	case 3: /* one less */
		if (i >= nr)
			return size;
		memmove(data + i * RECORD_BYTES, data + (i + 1) * RECORD_BYTES,
			size - (i + 1) * RECORD_BYTES);
		return size - RECORD_BYTES;
	case 4: /* two change places */
		if (!k || i >= nr)
			return size;
		memcpy(copy, data + k * RECORD_BYTES, RECORD_BYTES);
		memcpy(data + k * RECORD_BYTES, data + i * RECORD_BYTES, RECORD_BYTES);
		memcpy(data + i * RECORD_BYTES, copy, RECORD_BYTES);
		return size;
	case 5: /* one bit */
		data[next(x) % size] ^= (uint8_t)(1U << next(x) % 8);
		return size;
	case 6:
		data[next(x) % size] = (uint8_t)next(x);
		return size;
	default:
		LLVMFuzzerMutate(data + k * RECORD_BYTES, RECORD_BYTES, RECORD_BYTES);
		return size;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;
	uint32_t times = 1 + (uint32_t)(next(&x) % 4);

	if (max < 2 * RECORD_BYTES)
		return LLVMFuzzerMutate(data, size, max);
	if (size < RECORD_BYTES) {
		memset(data + size, 0, RECORD_BYTES - size);
		size = RECORD_BYTES;
	}
	size -= size % RECORD_BYTES;
	while (times--)
		size = change_once(data, size, max, &x);
	return size;
}

/* The first records of one, the last of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max, unsigned int seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;
	size_t head = a_size / RECORD_BYTES, tail = b_size / RECORD_BYTES;

	head = head ? (1 + next(&x) % head) * RECORD_BYTES : 0;
	tail = tail ? next(&x) % tail * RECORD_BYTES : 0;
	if (head + tail > max)
		tail = (max - head) / RECORD_BYTES * RECORD_BYTES;
	memcpy(out, a, head);
	memcpy(out + head, b + b_size - b_size % RECORD_BYTES - tail, tail);
	return head + tail;
}
