// SPDX-License-Identifier: MIT
/* feed.c - following the change feed: the inline operations, with memory for what a follower has to remember. */
#include <stdlib.h>
#include <sys/mman.h>

#include "internal.h"

_Static_assert((int)SPLK_CHANGE_SET == (int)SPL_TOLD_SET &&
		       (int)SPLK_CHANGE_GONE == (int)SPL_TOLD_GONE &&
		       (int)SPLK_CHANGE_LABELS == (int)SPL_TOLD_LABELS &&
		       (int)SPLK_CHANGE_OVERRUN == (int)SPL_TOLD_OVERRUN,
	       "kinds are passed on");

/* Pages of it exist once a key was told that belongs there. */
#define KNOWN_MAX (1ULL << 22)

struct splk_feed {
	struct spl_follower follower;
	struct spl_known *known;
	size_t known_bytes;
	unsigned char key[SPL_KEY_MAX];
	__u64 at[];
};

int splk_feed_open(struct splk_store *store, struct splk_feed **feed)
{
	const struct spl_store *s = &store->view;
	uint64_t nr = SPL_FEED_WAYS;
	struct splk_feed *new;
	int err;

	*feed = NULL;
	if (!s->feed_bytes)
		return -EOPNOTSUPP;
	while (nr < KNOWN_MAX && nr < 4 * s->lanes_wanted)
		nr *= 2;
	new = calloc(1, sizeof(*new) + s->max_writers * sizeof(new->at[0]));
	if (!new)
		return -ENOMEM;
	new->known_bytes = nr * sizeof(*new->known);
	new->known = mmap(NULL, new->known_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (new->known == MAP_FAILED) {
		free(new);
		return -ENOMEM;
	}
	err = spl_feed_follow(&new->follower, s, new->at, new->known, nr);
	if (err) {
		munmap(new->known, new->known_bytes);
		free(new);
		return err;
	}
	*feed = new;
	return 0;
}

int splk_feed_next(struct splk_feed *feed, struct splk_change *change)
{
	struct spl_told told;
	int r = spl_feed_next(&feed->follower, feed->key, &told);

	if (r != 1)
		return r;
	*change = (struct splk_change){
		.kind = told.kind,
		.writer = told.writer,
		.key = told.kind == SPL_TOLD_OVERRUN ? NULL : feed->key,
		.key_len = told.klen,
		.epoch = told.epoch,
		.labels = told.labels,
	};
	return 1;
}

void splk_feed_close(struct splk_feed *feed)
{
	if (!feed)
		return;
	munmap(feed->known, feed->known_bytes);
	free(feed);
}
