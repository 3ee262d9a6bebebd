/* SPDX-License-Identifier: MIT */
/*
 * layout.c - every geometry within the limits has a layout that a reader accepts, with at most 128 bytes a lane beyond key
 * and value; every number of an info page that contradicts the others is refused.
 */
#include "rawstore.h"

static const struct spl_geometry extremes[] = {
	{ .lanes = 1, .value_max = SPL_VALUE_MIN, .key_max = 1, .max_writers = 1, .spares = 2 },
	{ .lanes = 1, .value_max = SPL_VALUE_MAX, .key_max = SPL_KEY_MAX },
	{ .lanes = SPL_LANES_MAX, .value_max = SPL_VALUE_MIN, .key_max = 1 },
	{ .lanes = SPL_LANES_MAX,
	  .value_max = 64,
	  .max_writers = SPL_WRITERS_MAX,
	  .spares = SPL_SPARES_MAX },
	{ .lanes = SPL_LANES_MAX - 1, .value_max = 1024 },
	{ .lanes = 12345, .value_max = 100, .key_max = 33 },
};

static int attach(const struct spl_info *info)
{
	struct spl_store s;

	return spl_store_attach(&s, info, (void *)(uintptr_t)(1 << 21),
				info->map_bytes - info->data_off);
}

static void planned(const struct spl_geometry *g)
{
	struct spl_info info = { .magic = SPL_MAGIC, .geometry = *g };
	__u64 lane;

	IS(spl_layout_plan(&info), 0, "a layout");
	IS(attach(&info), 0, "that a reader accepts");
	OK(info.lanes_total <= 1ULL << info.lane_bits, "lane numbers fit a cell");
	/* What grows with the lanes; the rest is the writers', or rounding of whole regions. */
	lane = info.lane_stride +
	       (info.geometry.lanes > 1000 ? 128ULL * 2 / 7 + 1 + 64ULL * 2 / 7 + 1 + 1 : 0);
	OK(lane <= 128ULL + info.geometry.key_max + info.geometry.value_max,
	   "%llu lanes of %u and %u bytes: %llu bytes a lane", info.geometry.lanes,
	   info.geometry.key_max, info.geometry.value_max, lane);
}

/* One word of a good info page changed at a time: refused, or harmless because nothing hangs on it. */
static void contradictions(void)
{
	struct spl_info good = { .magic = SPL_MAGIC,
				 .geometry = { .lanes = 1000, .value_max = 64 } },
			bad;
	static const __u64 values[] = { 0,	    1,		7,	    1ULL << 31,
					1ULL << 32, 1ULL << 46, 1ULL << 63, ~0ULL };
	unsigned int i, k, refused = 0, outside = 0;
	struct spl_store s;
	__u64 bytes, *word;

	MUST(!spl_layout_plan(&good), "a layout");
	bytes = good.map_bytes - good.data_off;
	for (i = 0; i < sizeof(good) / 8; i++) {
		for (k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
			bad = good;
			word = (__u64 *)&bad + i;
			*word = values[k];
			if (spl_store_attach(&s, &bad, (void *)(uintptr_t)(1 << 21), bytes)) {
				refused++;
				continue;
			}
			/* Accepted: then all that the view leads to lies in the data. */
			outside +=
				(__u64)(uintptr_t)(s.lanes + (__u64)s.lanes_total * s.lane_stride) >
					bytes + (1 << 21) ||
				(__u64)(uintptr_t)(s.index + s.buckets) > bytes + (1 << 21) ||
				(__u64)(uintptr_t)(s.attrs + s.buckets) > bytes + (1 << 21) ||
				(__u64)(uintptr_t)(s.wcells + s.max_writers) > bytes + (1 << 21) ||
				(__u64)(uintptr_t)(s.free_top + 1) > bytes + (1 << 21) ||
				s.lanes_total > 1ULL << s.lane_bits || !s.buckets || !s.key_max;
		}
	}
	OK(refused > 150, "%u contradictions are refused", refused);
	IS(outside, 0, "what is accepted leads nowhere else");
}

int main(void)
{
	struct spl_info info = { .geometry = { .lanes = SPL_LANES_MAX + 1, .value_max = 64 } };
	unsigned int i;

	for (i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++)
		planned(&extremes[i]);
	IS(spl_layout_plan(&info), SPL_PLAN_INVALID, "one lane too many");
	info.geometry = (struct spl_geometry){ .lanes = SPL_LANES_MAX, .value_max = SPL_VALUE_MAX };
	IS(spl_layout_plan(&info), SPL_PLAN_OVERFLOW, "the largest of all can't be addressed");
	contradictions();
	return tap_done();
}
