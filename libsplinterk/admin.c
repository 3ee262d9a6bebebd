// SPDX-License-Identifier: MIT
/* admin.c - what a store and a machine are: info, statistics, capabilities; reap and check on their way to a backend. */
#include <string.h>

#include "internal.h"

/* An answer goes to a caller whose header may know a shorter struct than ours. */
static void answer(void *to, const void *from, uint32_t size, size_t ours)
{
	memcpy((char *)to + sizeof(uint32_t), (const char *)from + sizeof(uint32_t),
	       (size < ours ? size : ours) - sizeof(uint32_t));
}

int splk_info(struct splk_store *store, struct splk_info *info)
{
	const struct spl_info *page = store->info;
	struct spl_ioc_geometry geometry;
	struct splk_info full = { 0 };

	if (size_check(info->size))
		return -EINVAL;
	full.backend = page->backend;
	full.abi = page->abi;
	full.read_only = store->read_only;
	full.features = page->features;
	full.store_id = page->store_id;
	full.created_ns = page->created_ns;
	full.bytes = page->map_bytes;
	full.lanes_total = store->view.lanes_total;
	full.lane_stride = store->view.lane_stride;
	full.index_bytes = page->regions[SPL_REGION_INDEX].bytes;
	full.geometry = page->geometry;
	if (page->backend == SPL_BACKEND_DEVICE && !device_geometry(store, &geometry)) {
		full.bytes = geometry.bytes;
		full.pages = geometry.pages;
		full.chunk_pages = geometry.chunk_pages;
	}
	answer(info, &full, info->size, sizeof(full));
	return 0;
}

int splk_stats(struct splk_store *store, struct splk_stats *stats)
{
	const struct spl_store *s = &store->view;
	struct splk_stats full = { 0 };
	uint64_t free_lanes = 0;
	uint32_t i;

	if (size_check(stats->size))
		return -EINVAL;
	for (i = 0; i < s->max_writers; i++) {
		const struct spl_wcell *cell = &s->wcells[i];

		full.writers += !!spl_load(&cell->owner);
		full.publish += spl_load(&cell->nr_publish);
		full.insert += spl_load(&cell->nr_insert);
		full.deletes += spl_load(&cell->nr_delete);
		full.conflict += spl_load(&cell->nr_conflict);
		full.help += spl_load(&cell->nr_help);
		full.full += spl_load(&cell->nr_full);
		full.reap += spl_load(&cell->nr_reap);
		full.attr += spl_load(&cell->nr_attr);
	}
	for (i = 0; i < s->free_words; i++)
		free_lanes += (uint64_t)__builtin_popcountll(spl_load(&s->free[i]));
	full.lanes = s->lanes_wanted;
	full.lanes_used = free_lanes < s->lanes_wanted ? s->lanes_wanted - free_lanes : 0;
	if (full.writers && store->backend == &embed_backend)
		full.dead = cells_dead(store);
	answer(stats, &full, stats->size, sizeof(full));
	return 0;
}

int splk_caps(const struct splk_options *options, struct splk_caps *caps)
{
	struct splk_caps full = { 0 };
	struct splk_options opt;
	int err = options_take(options, 0, &opt);

	if (err)
		return err;
	if (size_check(caps->size))
		return -EINVAL;
	full.version = splk_version();
	full.abi = SPL_ABI_VERSION;
	full.layout_features = SPL_FEATURE_ATTR | SPL_FEATURE_SIGNAL | SPL_FEATURE_FEED;
	full.device_error = device_info(opt.device, &full.module);
	answer(caps, &full, caps->size, sizeof(full));
	return 0;
}

int splk_reap(struct splk_store *store, struct splk_reaped *reaped)
{
	struct splk_reaped full = { 0 };
	int err;

	if (reaped && size_check(reaped->size))
		return -EINVAL;
	if (store->read_only)
		return -EBADF;
	err = store->backend->reap(store, &full);
	if (!err && reaped) {
		/* relaxed: counts; of several callers one gets them */
		full.writers += __atomic_exchange_n(&store->opened.writers, 0, __ATOMIC_RELAXED);
		full.finished += __atomic_exchange_n(&store->opened.finished, 0, __ATOMIC_RELAXED);
		full.undone += __atomic_exchange_n(&store->opened.undone, 0, __ATOMIC_RELAXED);
	}
	if (!err && reaped)
		answer(reaped, &full, reaped->size, sizeof(full));
	return err;
}

int splk_check(struct splk_store *store, uint32_t flags, struct spl_check_counts *counts)
{
	if (flags & ~SPL_CHECK_ALL)
		return -EINVAL;
	if ((flags & SPL_CHECK_REPAIR) && store->read_only)
		return -EBADF;
	memset(counts, 0, sizeof(*counts));
	return store->backend->check(store, flags, counts);
}
