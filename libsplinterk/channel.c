// SPDX-License-Identifier: MIT
/*
 * channel.c - handles of channels: which backend opens them, their mappings, their end. Messages are channel_io.c's.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel.h"

/* All handles of the process, so that a child of fork can be rid of what isn't its own. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct splk_channel *all;

static void before_fork(void)
{
	pthread_mutex_lock(&all_lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&all_lock);
}

static void in_child(void)
{
	struct splk_channel *ch;

	for (ch = all; ch; ch = ch->next) {
		/* The lock would outlive the parent in here. */
		if (ch->lock_fd >= 0)
			close(ch->lock_fd);
		ch->lock_fd = -1;
		ch->foreign = true;
		ch->role = SPLK_CHANNEL_NONE;
	}
	all = NULL;
	pthread_mutex_unlock(&all_lock);
}

static void watch_forks(void)
{
	(void)pthread_atfork(before_fork, after_fork, in_child);
}

static void list_add(struct splk_channel *ch)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&all_lock);
	ch->next = all;
	all = ch;
	pthread_mutex_unlock(&all_lock);
}

static void list_remove(const struct splk_channel *ch)
{
	struct splk_channel **at;

	pthread_mutex_lock(&all_lock);
	for (at = &all; *at && *at != ch; at = &(*at)->next)
		;
	if (*at)
		*at = ch->next;
	pthread_mutex_unlock(&all_lock);
}

struct spl_channel_end *channel_end(const struct splk_channel *ch, uint32_t role)
{
	return role == SPLK_CHANNEL_TX ? &ch->map.info->tx : &ch->map.info->rx;
}

bool channel_there(const struct splk_channel *ch, uint64_t position)
{
	if (ch->role == SPLK_CHANNEL_RX)
		return spl_rx_ready(&ch->rx);
	return spl_channel_reached(spl_load(&ch->map.rx->read), position);
}

/* Is the file as long as it is said to be? A device knows what it lets be mapped. */
static bool has_bytes(const struct splk_channel *ch, uint64_t bytes)
{
	struct stat st;

	return ch->backend->kind == SPL_BACKEND_DEVICE ||
	       (!fstat(ch->fd, &st) && (uint64_t)st.st_size == bytes);
}

/* A copy of the info page, so that what has been checked stays so; nothing from before counts, ends may write it. */
static int info_take(struct splk_channel *ch)
{
	struct spl_channel_info *i = &ch->info;
	uint64_t c;

	if (spl_load_acquire(&ch->map.info->magic) != SPL_CHANNEL_MAGIC)
		return -EBADMSG;
	memcpy(i, ch->map.info, sizeof(*i));
	if (i->abi != SPL_ABI_VERSION || (i->features_required & ~SPL_CHANNEL_REQUIRED_ALL))
		return -EPROTONOSUPPORT;
	c = i->capacity;
	if (i->backend != ch->backend->kind || i->info_bytes < sizeof(*i) ||
	    c < SPL_CHANNEL_CAPACITY_MIN || c > SPL_CHANNEL_CAPACITY_MAX || (c & (c - 1)) ||
	    i->map_bytes != i->data_off + c || i->map_bytes > SPL_MMAP_SELF ||
	    i->tx_off % SPL_PAGE_BYTES || i->rx_off % SPL_PAGE_BYTES ||
	    i->data_off % SPL_PAGE_BYTES || i->tx_off >= i->map_bytes ||
	    i->rx_off >= i->map_bytes || !has_bytes(ch, i->map_bytes))
		return -EBADMSG;
	ch->map.capacity = c;
	ch->map.fenced = i->features_required & SPL_CHANNEL_FENCED;
	return 0;
}

/* NULL: errno says why. */
static void *map_at(const struct splk_channel *ch, void *at, size_t bytes, uint64_t off,
		    uint32_t writer)
{
	int prot = PROT_READ | (ch->role == writer ? PROT_WRITE : 0);
	void *p = mmap(at, bytes, prot, MAP_SHARED | (at ? MAP_FIXED : 0), ch->fd, (off_t)off);

	if (p == MAP_FAILED)
		return NULL;
	/* A child that went on with its parent's end would spoil both. */
	(void)madvise(p, bytes, MADV_DONTFORK);
	return p;
}

/* The device knows that the ring stands there twice; only one mapping of both can have large pages all through. */
static void *map_ring(const struct splk_channel *ch)
{
	size_t bytes = ch->map.capacity;
	uint64_t off = ch->info.data_off;
	void *at;

	if (ch->info.backend == SPL_BACKEND_DEVICE)
		return map_at(ch, NULL, 2 * bytes, off, SPLK_CHANNEL_TX);
	at = mmap(NULL, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (map_at(ch, at, bytes, off, SPLK_CHANNEL_TX) &&
	    map_at(ch, (char *)at + bytes, bytes, off, SPLK_CHANNEL_TX))
		return at;
	munmap(at, 2 * bytes);
	return NULL;
}

static int map_all(struct splk_channel *ch)
{
	/* Of an embedded channel the ends write the info page themselves. */
	uint32_t writer = ch->lock_fd >= 0 ? ch->role : ~0U;
	int err;

	ch->map.info = map_at(ch, NULL, SPL_PAGE_BYTES, 0, writer);
	if (!ch->map.info)
		return -errno;
	err = info_take(ch);
	if (err)
		return err;
	ch->map.tx = map_at(ch, NULL, SPL_PAGE_BYTES, ch->info.tx_off, SPLK_CHANNEL_TX);
	if (!ch->map.tx)
		return -errno;
	ch->map.rx = map_at(ch, NULL, SPL_PAGE_BYTES, ch->info.rx_off, SPLK_CHANNEL_RX);
	if (!ch->map.rx)
		return -errno;
	ch->map.data = map_ring(ch);
	return ch->map.data ? 0 : -errno;
}

static void channel_free(struct splk_channel *ch)
{
	/* In a child of fork other things may stand at these addresses by now. */
	if (!ch->foreign) {
		if (ch->map.data)
			munmap(ch->map.data, 2 * ch->map.capacity);
		if (ch->map.rx)
			munmap(ch->map.rx, SPL_PAGE_BYTES);
		if (ch->map.tx)
			munmap(ch->map.tx, SPL_PAGE_BYTES);
		if (ch->map.info)
			munmap(ch->map.info, SPL_PAGE_BYTES);
	}
	if (ch->lock_fd >= 0)
		close(ch->lock_fd);
	if (ch->fd >= 0)
		close(ch->fd);
	free(ch);
}

int channel_make(int fd, const struct channel_backend *backend,
		 const struct splk_channel_options *opt, struct splk_channel **channel)
{
	struct splk_channel *ch = calloc(1, sizeof(*ch));
	int err;

	if (!ch) {
		close(fd);
		return -ENOMEM;
	}
	ch->fd = fd;
	ch->lock_fd = -1;
	ch->backend = backend;
	ch->role = opt->role;
	ch->may = opt->may;
	ch->linger = opt->flags & SPLK_CHANNEL_LINGER;
	ch->acquired = -1;
	splk_channel_spin(ch, opt->spins);
	err = backend->take(ch);
	if (!err)
		err = map_all(ch);
	if (!err && opt->capacity && opt->capacity != ch->map.capacity)
		err = -EEXIST;
	if (!err && ch->role == SPLK_CHANNEL_TX)
		err = spl_tx_attach(&ch->tx, &ch->map);
	if (!err && ch->role == SPLK_CHANNEL_RX)
		err = spl_rx_attach(&ch->rx, &ch->map);
	if (err) {
		channel_free(ch);
		return err;
	}
	backend->taken(ch);
	list_add(ch);
	*channel = ch;
	return 0;
}

/* As options_take() of spec.c. */
static int take_options(const struct splk_channel_options *from, uint32_t flags,
			struct splk_channel_options *to)
{
	const uint32_t roles = 1U << SPLK_CHANNEL_TX | 1U << SPLK_CHANNEL_RX;
	uint32_t i;

	memset(to, 0, sizeof(*to));
	if (from) {
		if (size_check(from->size))
			return -EINVAL;
		for (i = sizeof(*to); i < from->size; i++)
			if (((const unsigned char *)from)[i])
				return -E2BIG;
		memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	}
	if ((to->flags & ~flags) || to->reserved || (to->mode & ~0666U) ||
	    to->role > SPLK_CHANNEL_RX || (to->may & ~roles))
		return -EINVAL;
	if ((to->flags & SPLK_EXCL) && !(to->flags & SPLK_CREATE))
		return -EINVAL;
	if (to->capacity &&
	    (to->capacity < SPL_CHANNEL_CAPACITY_MIN || to->capacity > SPL_CHANNEL_CAPACITY_MAX ||
	     (to->capacity & (to->capacity - 1))))
		return -EINVAL;
	if (!to->mode)
		to->mode = 0600;
	return 0;
}

/* "STORE/NAME" of the device: a handle of the store, and the name. */
static int open_store(const char *text, bool read_only, struct splk_store **store,
		      const char **name)
{
	struct splk_options opt = { .size = sizeof(opt), .flags = read_only ? SPLK_READ_ONLY : 0 };
	const char *slash = strchr(text, '/');
	char spec[SPL_NAME_MAX + 8];
	size_t n;

	if (!slash)
		return -EINVAL;
	n = (size_t)(slash - text);
	if (n >= sizeof(spec))
		return -ENAMETOOLONG;
	memcpy(spec, text, n);
	spec[n] = '\0';
	*name = slash + 1;
	return splk_open(spec, &opt, store);
}

static bool is_device(const struct splk_store *store)
{
	return store->backend == &device_backend;
}

/* Without a store's handle: opens one, for as long as it takes. */
static int open_spec(const char *text, const struct splk_channel_options *opt,
		     struct splk_channel **channel)
{
	struct splk_store *store;
	struct spec s;
	int err;

	if (!text)
		return -EINVAL;
	if (strchr(text, '/') && strncmp(text, "file:", 5) && strncmp(text, "memfd:", 6)) {
		err = open_store(text, opt->role == SPLK_CHANNEL_NONE && !opt->flags, &store,
				 &text);
		if (err)
			return err;
		err = channel_device_open(splk_fd(store), text, opt, channel);
		splk_close(store);
		return err;
	}
	err = spec_parse(text, &s);
	if (err)
		return err;
	switch (s.kind) {
	case SPEC_MEMFD:
		return channel_embed_memory(s.name, opt, channel);
	case SPEC_FILE:
		return channel_embed_file(s.name, opt, channel);
	case SPEC_FD:
		return splk_channel_attach(s.fd, opt, channel);
	case SPEC_DEVICE:
		break;
	}
	return -EINVAL;
}

int splk_channel_open(struct splk_store *store, const char *name,
		      const struct splk_channel_options *options, struct splk_channel **channel)
{
	struct splk_channel_options opt;
	int err;

	if (!channel)
		return -EINVAL;
	*channel = NULL;
	err = take_options(options, SPLK_CHANNEL_ALL, &opt);
	if (err)
		return err;
	if (!store)
		return open_spec(name, &opt, channel);
	if (is_device(store))
		return channel_device_open(splk_fd(store), name ? name : "", &opt, channel);
	if (name && *name)
		return -EOPNOTSUPP;
	return channel_embed_memory("", &opt, channel);
}

int splk_channel_attach(int fd, const struct splk_channel_options *options,
			struct splk_channel **channel)
{
	struct splk_channel_options opt;
	struct stat st;
	int err, own;

	if (!channel)
		return -EINVAL;
	*channel = NULL;
	err = take_options(options, SPLK_CHANNEL_LINGER, &opt);
	if (err)
		return err;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return channel_device_attach(fd, &opt, channel);
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return -errno;
	return channel_embed_attach(own, &opt, channel);
}

int splk_channel_fd(const struct splk_channel *ch)
{
	return ch->fd;
}

void splk_channel_close(struct splk_channel *ch)
{
	if (!ch)
		return;
	list_remove(ch);
	if (!ch->foreign) {
		if (ch->role == SPLK_CHANNEL_RX)
			spl_rx_idle(&ch->rx);
		ch->backend->release(ch);
	}
	channel_free(ch);
}

int splk_channel_unlink(struct splk_store *store, const char *name)
{
	struct splk_store *own = NULL;
	struct spec s;
	int err;

	if (!name || !*name)
		return -EINVAL;
	if (store)
		return is_device(store) ? channel_device_unlink(splk_fd(store), name) : -EOPNOTSUPP;
	if (strncmp(name, "file:", 5)) {
		err = open_store(name, false, &own, &name);
		if (!err)
			err = channel_device_unlink(splk_fd(own), name);
		splk_close(own);
		return err;
	}
	err = spec_parse(name, &s);
	return err ? err : channel_embed_unlink(s.name);
}

static uint32_t state(const struct splk_channel *ch, uint32_t role)
{
	uint64_t taken = spl_load_acquire(&channel_end(ch, role)->taken);

	if (!taken)
		return SPLK_END_NONE;
	if (spl_channel_gone(taken) || (ch->backend->died && ch->backend->died(ch, role)))
		return SPLK_END_GONE;
	return SPLK_END_TAKEN;
}

int splk_channel_info(const struct splk_channel *ch, struct splk_channel_info *info)
{
	struct splk_channel_info i = { .size = sizeof(i) };
	uint32_t size;

	if (!info || size_check(info->size) || ch->foreign)
		return -EINVAL;
	i.role = ch->role;
	i.backend = ch->info.backend;
	i.message_max = SPL_CHANNEL_MESSAGE_MAX(ch->map.capacity);
	i.capacity = ch->map.capacity;
	i.channel_id = ch->info.channel_id;
	i.created_ns = ch->info.created_ns;
	i.tx_state = state(ch, SPLK_CHANNEL_TX);
	i.rx_state = state(ch, SPLK_CHANNEL_RX);
	i.read = spl_load(&ch->map.rx->read);
	i.head = spl_load(&ch->map.tx->head);
	i.tx_messages = spl_load(&ch->map.tx->nr_messages);
	i.tx_bytes = spl_load(&ch->map.tx->nr_bytes);
	i.tx_rings = spl_load(&ch->map.tx->nr_rings);
	i.tx_waits = spl_load(&ch->map.tx->nr_waits);
	i.rx_messages = spl_load(&ch->map.rx->nr_messages);
	i.rx_bytes = spl_load(&ch->map.rx->nr_bytes);
	i.rx_rings = spl_load(&ch->map.rx->nr_rings);
	i.rx_waits = spl_load(&ch->map.rx->nr_waits);
	size = info->size < sizeof(i) ? info->size : sizeof(i);
	i.size = info->size;
	memcpy(info, &i, size);
	return 0;
}
