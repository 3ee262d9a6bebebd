// SPDX-License-Identifier: MIT
/* embed.c - attaches to embedded stores, which need no module. Making them is build.c's, writer cells are cells.c's. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* A copy, so that what has been checked stays so. A short or foreign file leaves no magic in it. */
static int read_info(int fd, struct spl_info *info, uint64_t *bytes)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	n = pread(fd, info, sizeof(*info), 0);
	if (n < 0)
		return -errno;
	*bytes = (uint64_t)st.st_size;
	if (n < (ssize_t)offsetof(struct spl_info, features) || info->magic != SPL_MAGIC)
		return -EBADMSG;
	if (info->abi != SPL_ABI_VERSION)
		return -EPROTONOSUPPORT;
	return n == sizeof(*info) ? 0 : -EBADMSG;
}

/* Takes over @fd, also on failure. */
int embed_attach(int fd, bool read_only, struct splk_store **store)
{
	struct splk_store *new = store_new(fd, &embed_backend, read_only);
	uint64_t bytes;
	int err;

	if (!new) {
		close(fd);
		return -ENOMEM;
	}
	err = read_info(fd, &new->copy, &bytes);
	/* One of another length was cut, or isn't what its first page says: touching it would be a SIGBUS. */
	if (!err && (new->copy.backend != SPL_BACKEND_EMBEDDED || new->copy.map_bytes != bytes))
		err = -EBADMSG;
	if (!err)
		err = store_map(new, &new->copy);
	if (err) {
		store_free(new);
		return err;
	}
	if (!read_only)
		(void)cells_reap(
			new, &new->opened); /* the writers of the last run, perhaps all of them */
	*store = new;
	return 0;
}

static int plan(const struct splk_options *opt, struct spl_info *info)
{
	memset(info, 0, sizeof(*info));
	info->geometry = opt->geometry;
	if (opt->geometry.flags & ~SPL_GEOMETRY_ALL)
		return -EOPNOTSUPP;
	switch (spl_layout_plan(info)) {
	case 0:
		break;
	case SPL_PLAN_OVERFLOW:
		return -EOVERFLOW;
	default:
		return -EINVAL;
	}
	if (opt->geometry.policy > SPL_POLICY_INTERLEAVE)
		return -EINVAL;
	if (opt->geometry.policy != SPL_POLICY_LOCAL)
		return -EOPNOTSUPP;
	return opt->geometry.node == 0 || opt->geometry.node == -1 ? 0 : -EINVAL;
}

static bool same_geometry(const struct spl_geometry *a, const struct spl_geometry *b)
{
	return a->lanes == b->lanes && a->value_max == b->value_max && a->key_max == b->key_max &&
	       a->max_writers == b->max_writers && a->spares == b->spares && a->flags == b->flags &&
	       a->feed == b->feed;
}

static int open_file(const char *path, bool read_only, struct splk_store **store)
{
	/* O_NONBLOCK: of a FIFO or a device nothing is to be waited for before it is refused. */
	int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	return embed_attach(fd, read_only, store);
}

static int create_file(const char *path, const struct splk_options *opt, struct splk_store **store)
{
	struct spl_info info;
	int tries, fd, err = plan(opt, &info);

	if (err)
		return err;
	/* Between the look and the making of it others may make or remove the file. */
	for (tries = 0; tries < 16; tries++) {
		if (!(opt->flags & SPLK_EXCL)) {
			err = open_file(path, false, store);
			if (!err && !same_geometry(&(*store)->copy.geometry, &info.geometry)) {
				splk_close(*store);
				*store = NULL;
				err = -EEXIST;
			}
			if (err != -ENOENT)
				return err;
		}
		fd = build_file(path, opt->mode, &info);
		if (fd >= 0)
			return embed_attach(fd, false, store);
		if (fd != -EEXIST || (opt->flags & SPLK_EXCL))
			return fd;
	}
	return -EEXIST; /* a dangling link, for one */
}

static int create_memfd(const char *label, const struct splk_options *opt,
			struct splk_store **store)
{
	struct spl_info info;
	int fd, err = plan(opt, &info);

	if (err)
		return err;
	if (opt->flags & SPLK_READ_ONLY)
		return -EINVAL; /* for ever empty */
	fd = build_memfd(label, &info);
	return fd < 0 ? fd : embed_attach(fd, false, store);
}

int embed_open(const struct spec *spec, const struct splk_options *opt, struct splk_store **store)
{
	if (spec->kind == SPEC_MEMFD)
		return create_memfd(spec->name, opt, store);
	if (opt->flags & SPLK_CREATE)
		return create_file(spec->name, opt, store);
	return open_file(spec->name, opt->flags & SPLK_READ_ONLY, store);
}

/*
 * For what is done to a file and not to what is in it: a slip of the pen must not hit one that is something else, an old
 * or damaged store will do. Returns a descriptor for reading.
 */
static int open_any_store(const char *path)
{
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct spl_info info;
	uint64_t bytes;

	if (fd < 0)
		return -errno;
	err = read_info(fd, &info, &bytes);
	if (!err || err == -EPROTONOSUPPORT)
		return fd;
	close(fd);
	return err;
}

int embed_unlink(const struct spec *spec)
{
	int fd = open_any_store(spec->name);

	if (fd < 0)
		return fd;
	close(fd);
	return unlink(spec->name) ? -errno : 0;
}

int embed_setattr(const struct spec *spec, const struct spl_ioc_setattr *change)
{
	int err = 0, fd = open_any_store(spec->name);

	if (fd < 0)
		return fd;
	if (change->mask & SPL_SETATTR_MODE && fchmod(fd, change->mode))
		err = -errno;
	if (!err && change->mask & (SPL_SETATTR_UID | SPL_SETATTR_GID) &&
	    fchown(fd, change->mask & SPL_SETATTR_UID ? change->uid : SPLK_SAME_ID,
		   change->mask & SPL_SETATTR_GID ? change->gid : SPLK_SAME_ID))
		err = -errno;
	close(fd);
	return err;
}

const struct backend embed_backend = {
	.claim = cells_claim,
	.release = cells_release,
	.reap = cells_reap,
	.check = cells_check,
	.ring = embed_ring,
	.wait_groups = embed_wait_groups,
	.wait_key = embed_wait_key,
	.subscribe = embed_subscribe,
	.pulses = embed_pulses,
	.eventfd = embed_eventfd,
};
