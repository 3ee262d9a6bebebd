// SPDX-License-Identifier: MIT
/* room.c - splk_alloc() and what ends it: values written where they will be read. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* What a token holds: enough to refuse one that is another thread's, another process's, or used up. */
enum { TOKEN_STORE, TOKEN_REGISTRATION, TOKEN_ROOM, TOKEN_SERIAL };

static struct room *free_room(struct registration *reg, uint32_t *nr)
{
	uint32_t i;

	for (i = 0; i < SPL_SPARES_MAX; i++) {
		if (reg->rooms[i] && reg->rooms[i]->serial)
			continue;
		*nr = i;
		if (!reg->rooms[i])
			reg->rooms[i] = calloc(1, sizeof(struct room));
		return reg->rooms[i];
	}
	return NULL; /* not reached: a writer has fewer spares to give */
}

int splk_alloc(struct splk_store *store, const void *key, size_t klen, size_t vlen,
	       struct splk_alloc *alloc)
{
	static uint64_t last_serial;
	struct registration *reg;
	struct room *room;
	uint32_t nr = 0;
	int err = 0;

	reg = registration_get(store, &err);
	if (!reg)
		return err;
	if (klen > store->view.key_max || vlen > store->view.value_max)
		return -EMSGSIZE;
	if (!klen)
		return -EINVAL;
	room = free_room(reg, &nr);
	if (!room)
		return -ENOMEM;
	memcpy(room->key, key, klen);
	err = spl_alloc(&reg->writer, room->key, (uint32_t)klen, (uint32_t)vlen, &room->alloc);
	if (err)
		return err;
	room->serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
	alloc->ptr = room->alloc.ptr;
	alloc->len = vlen;
	alloc->token[TOKEN_STORE] = store->id;
	alloc->token[TOKEN_REGISTRATION] = reg->serial;
	alloc->token[TOKEN_ROOM] = nr;
	alloc->token[TOKEN_SERIAL] = room->serial;
	return 0;
}

/* The room of a token, no longer given out; NULL: it isn't the calling thread's. */
static struct room *take_back(struct splk_store *store, struct splk_alloc *alloc,
			      struct registration **reg)
{
	struct room *room;

	*reg = registration_peek(store);
	if (!*reg || alloc->token[TOKEN_STORE] != store->id ||
	    alloc->token[TOKEN_REGISTRATION] != (*reg)->serial ||
	    alloc->token[TOKEN_ROOM] >= SPL_SPARES_MAX)
		return NULL;
	room = (*reg)->rooms[alloc->token[TOKEN_ROOM]];
	if (!room || !room->serial || room->serial != alloc->token[TOKEN_SERIAL])
		return NULL;
	room->serial = 0;
	alloc->ptr = NULL;
	return room;
}

int splk_put(struct splk_store *store, struct splk_alloc *alloc, uint32_t flags,
	     struct splk_meta *meta)
{
	struct registration *reg;
	struct room *room = take_back(store, alloc, &reg);
	struct spl_meta m = { 0 };
	long r;

	if (!room)
		return -EPERM;
	if (flags == SPLK_SET_ALL || (flags & ~SPLK_SET_ALL) || alloc->len > room->alloc.vlen) {
		spl_cancel(&reg->writer, &room->alloc);
		return alloc->len > room->alloc.vlen ? -EMSGSIZE : -EINVAL;
	}
	room->alloc.vlen = (uint32_t)alloc->len;
	r = spl_put(&reg->writer, &room->alloc, flags, &m);
	ring_if_due(store, &reg->writer);
	if (r < 0)
		return (int)r;
	if (meta) {
		memset(meta, 0, sizeof(*meta));
		meta->epoch = m.epoch;
		meta->ctime_ns = m.ctime_ns;
		meta->mtime_ns = m.mtime_ns;
		meta->value_len = m.vlen;
		meta->key_len = m.klen;
	}
	return 0;
}

int splk_cancel(struct splk_store *store, struct splk_alloc *alloc)
{
	struct registration *reg;
	struct room *room = take_back(store, alloc, &reg);

	if (!room)
		return -EPERM;
	spl_cancel(&reg->writer, &room->alloc);
	return 0;
}
