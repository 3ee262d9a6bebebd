// SPDX-License-Identifier: MIT
/*
 * fuzz.c - reads an input: a geometry or a hostile info page, then records, each an operation of an honest process or
 * something that a hostile one writes: between operations, or at the n-th access of the next one, once or again and
 * again. An operation has to end, within so many accesses, with a value or an error.
 *
 *	byte 0		bit 0: hostile info page; bits 1..3: geometry; bits 4..7: keys that are there at the start
 *	byte 1		number of records that change the info page
 *	byte 2		bits 0..1: pages that are mapped beyond the hostile store
 *	bytes 3..7	unused
 *	then 8 bytes a record: kind, a, b, c, v
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

/* A word of the info page, changed: to something small, to a power of two or nearly, by a little, in one bit. */
static void spoil_info(struct spl_info *info, const struct record *r)
{
	static const uint8_t widths[] = { 8, 4, 8, 2 };
	uint32_t width = widths[r->a & 3];
	uint32_t at = (r->b | (uint32_t)r->c << 8) % (sizeof(*info) / width) * width;
	uint32_t region = r->c & 0x80 ? SPL_REGION_SIGNAL + r->c % 4
				      : SPL_REGION_WRITERS + r->c % 5;
	uint64_t x = 0;

	/* Mostly where something is that counts: a region's numbers, or the geometry and what follows from it. */
	if (r->a >> 5 & 1) {
		width = 8;
		at = (uint32_t)offsetof(struct spl_info, regions[region].off) + r->b % 3 * 8;
	} else if (r->a >> 5 == 2) {
		uint32_t from = offsetof(struct spl_info, geometry);

		width = r->b & 1 ? 8 : 4;
		at = from +
		     r->b / 2 % ((offsetof(struct spl_info, regions) - from) / width) * width;
	}
	memcpy(&x, (char *)info + at, width);
	switch (r->a >> 2 & 7) {
	case 0:
		x = r->v & 0xff;
		break;
	case 1:
		x = (1ULL << (r->v & 63)) + (r->v >> 6 & 7) - 3;
		break;
	case 2:
		x += (r->v & 0xff) - 128ULL;
		break;
	case 3:
		x ^= 1ULL << (r->v & 63);
		break;
	case 4:
		x += (uint64_t)((r->v & 15) - 8ULL) * SPL_PAGE_BYTES;
		break;
	case 5:
		x = ~0ULL - (r->v & 0xff);
		break;
	case 6:
		x = (uint64_t)(r->v & 0xff) * SPL_PAGE_BYTES;
		break;
	default:
		x = r->v;
	}
	memcpy((char *)info + at, &x, width);
}

static void sow(struct world *w, uint32_t nr)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		spl_set(&w->w[i % w->nr_writers], w->key[i].bytes, w->key[i].len, w->value,
			i * 3 % (w->s.value_max + 1), 0, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t nr, i, nr_info = 0;
	struct record records[RECORDS_MAX];
	struct spl_info info;
	struct world w;
	uint8_t first;

	if (size < RECORD_BYTES)
		return 0;
	first = data[0];
	nr = play_read(data, size, records);
	i = 0;
	if (first & 1) {
		uint64_t bytes;

		world_plan(&info, first >> 1 & 7);
		bytes = info.map_bytes - info.data_off + (data[2] & 3) * SPL_PAGE_BYTES;
		nr_info = data[1] % 12 < nr ? data[1] % 12 : nr;
		for (; i < nr_info; i++)
			spoil_info(&info, &records[i]);
		if (world_attach(&w, &info, bytes))
			return 0;
	} else if (world_make(&w, first >> 1 & 7, false)) {
		abort();
	}
	sow(&w, first >> 4);
	for (; i < nr; i++)
		play(&w, &records[i]);
	op_mend(&w);
	world_drop(&w);
	return 0;
}
