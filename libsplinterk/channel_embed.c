// SPDX-License-Identifier: MIT
/*
 * channel_embed.c - channels in a memfd or a file, without the module: a role is a lock on the file, sleeping is a
 * futex's, and its heavy barrier is membarrier(2)'s. Messages are channel_io.c's.
 *
 * All processes that have the file can write all of it, so these words are no protection from each other; what is read
 * from them is bounded all the same.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channel.h"

static int membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) < 0 ? -errno : 0;
}

static int futex(uint32_t *word, int op, uint32_t value, const struct timespec *until)
{
	return syscall(SYS_futex, word, op, value, until, NULL, FUTEX_BITSET_MATCH_ANY) < 0 ? -errno
											    : 0;
}

static struct flock lock_of(uint32_t role)
{
	return (struct flock){
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = role, .l_len = 1
	};
}

/*
 * A lock of an open file description: the kernel drops it when its process dies, and closing another descriptor of the
 * file doesn't. It needs a description of its own.
 */
static int take(struct splk_channel *ch)
{
	struct flock lock = lock_of(ch->role);
	char path[32];

	if (ch->role == SPLK_CHANNEL_NONE)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ch->fd);
	ch->lock_fd = open(path, O_RDWR | O_CLOEXEC);
	if (ch->lock_fd < 0)
		return -errno;
	if (!fcntl(ch->lock_fd, F_OFD_SETLK, &lock))
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

static uint32_t other_role(const struct splk_channel *ch)
{
	return ch->role == SPLK_CHANNEL_TX ? SPLK_CHANNEL_RX : SPLK_CHANNEL_TX;
}

static void taken(struct splk_channel *ch)
{
	struct spl_channel_end *end;

	if (ch->role == SPLK_CHANNEL_NONE)
		return;
	end = channel_end(ch, ch->role);
	spl_store(&end->asleep, 0); /* a predecessor's who died asleep */
	spl_store(&end->pid, (__u64)getpid());
	spl_store_release(&end->taken, ((spl_load(&end->taken) >> 1) + 1) << 1 | 1);
	/* The last owner may have died between the two steps of wake(): nobody would ring for who still sleeps. */
	(void)futex(&channel_end(ch, other_role(ch))->asleep, FUTEX_WAKE, 1, NULL);
}

/* Locks are asked for through the descriptor that holds none: an end would not see its own. */
static bool died(const struct splk_channel *ch, uint32_t role)
{
	struct flock lock = lock_of(role);

	return !fcntl(ch->fd, F_OFD_GETLK, &lock) && lock.l_type == F_UNLCK;
}

/* Has the other end gone, perhaps without a word? */
static bool other_gone(const struct splk_channel *ch)
{
	struct spl_channel_end *other = channel_end(ch, other_role(ch));
	uint64_t was = spl_load_acquire(&other->taken);

	if ((was & 1) && died(ch, other_role(ch))) {
		/* Unless a new one has come since. */
		if (spl_cas64(&other->taken, was, was & ~1ULL))
			was &= ~1ULL;
		else
			was = spl_load_acquire(&other->taken);
	}
	return spl_channel_gone(was);
}

static int sleep_on(uint32_t *word, uint64_t deadline)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline / 1000000000ULL),
		.tv_nsec = (long)(deadline % 1000000000ULL),
	};

	return futex(word, FUTEX_WAIT_BITSET, 1, deadline == SPLK_FOREVER ? NULL : &until);
}

static int wait(struct splk_channel *ch, uint64_t position, uint64_t deadline)
{
	struct spl_channel_end *own = channel_end(ch, ch->role);
	int err;

	do {
		spl_store(&own->asleep, 1U);
		/* (R): whoever published before this and saw nobody asleep has made it visible to us by now. */
		if (ch->map.fenced)
			spl_mb();
		else if ((err = membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED)))
			break;
		err = 0;
		if (channel_there(ch, position))
			break;
		if (other_gone(ch)) {
			err = channel_there(ch, position) ? 0 : -EPIPE;
			break;
		}
		err = sleep_on(&own->asleep, deadline);
	} while (!err || err == -EAGAIN); /* EAGAIN: rung already */
	spl_store(&own->asleep, 0U);
	return err && channel_there(ch, position) ? 0 : err;
}

static void wake(struct spl_channel_end *end)
{
	if (__atomic_exchange_n(&end->asleep, 0, __ATOMIC_SEQ_CST))
		(void)futex(&end->asleep, FUTEX_WAKE, 1, NULL);
}

static void ring(struct splk_channel *ch)
{
	wake(channel_end(ch, other_role(ch)));
}

/* Before the lock goes: nobody else changes the word until then, except who believes us dead already. */
static void release(struct splk_channel *ch)
{
	if (ch->role == SPLK_CHANNEL_NONE)
		return;
	spl_and64(&channel_end(ch, ch->role)->taken, ~1ULL);
	ring(ch); /* the exchange in there is the barrier between telling and looking */
}

static const struct channel_backend backend = {
	.kind = SPL_BACKEND_EMBEDDED,
	.take = take,
	.taken = taken,
	.wait = wait,
	.ring = ring,
	.died = died,
	.release = release,
};

static int fill(int fd, const void *plan)
{
	struct spl_channel_info info = *(const struct spl_channel_info *)plan;
	const uint64_t magic = SPL_CHANNEL_MAGIC;
	struct timespec now;
	int err;

	if (getrandom(&info.channel_id, sizeof(info.channel_id), 0) != sizeof(info.channel_id))
		return -EIO;
	info.channel_id |= 1;
	clock_gettime(CLOCK_REALTIME, &now);
	info.created_ns = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
	info.backend = SPL_BACKEND_EMBEDDED;
	if (membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED))
		info.features_required |= SPL_CHANNEL_FENCED;
	err = build_reserve(fd, info.map_bytes, info.data_off);
	if (err)
		return err;
	/* The magic last: before it nobody takes the file for a channel. */
	if (pwrite(fd, &info, sizeof(info), 0) != sizeof(info) ||
	    pwrite(fd, &magic, sizeof(magic), 0) != sizeof(magic))
		return -EIO;
	return 0;
}

static void plan(const struct splk_channel_options *opt, struct spl_channel_info *info)
{
	memset(info, 0, sizeof(*info));
	info->capacity = opt->capacity ? opt->capacity : SPL_CHANNEL_CAPACITY_DEFAULT;
	(void)spl_channel_plan(info); /* the options were checked */
}

/* A look before the mapping: of a file that is shorter than it says a page might be missing. */
static int check_file(int fd, uint64_t *required)
{
	struct spl_channel_info info;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	n = pread(fd, &info, sizeof(info), 0);
	if (n < 0)
		return -errno;
	if (n != sizeof(info) || info.magic != SPL_CHANNEL_MAGIC ||
	    info.backend != SPL_BACKEND_EMBEDDED || info.map_bytes != (uint64_t)st.st_size)
		return -EBADMSG;
	*required = info.features_required;
	return 0;
}

int channel_embed_attach(int fd, const struct splk_channel_options *opt,
			 struct splk_channel **channel)
{
	uint64_t required;
	int err = check_file(fd, &required);

	if (!err && opt->role != SPLK_CHANNEL_NONE && !(required & SPL_CHANNEL_FENCED) &&
	    membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED))
		err = -EOPNOTSUPP;
	if (!err)
		return channel_make(fd, &backend, opt, channel);
	close(fd);
	return err;
}

int channel_embed_memory(const char *label, const struct splk_channel_options *opt,
			 struct splk_channel **channel)
{
	struct spl_channel_info info;
	int fd;

	plan(opt, &info);
	fd = build_sealed(label, fill, &info);
	return fd < 0 ? fd : channel_embed_attach(fd, opt, channel);
}

int channel_embed_file(const char *path, const struct splk_channel_options *opt,
		       struct splk_channel **channel)
{
	int mode = opt->role == SPLK_CHANNEL_NONE ? O_RDONLY : O_RDWR, tries, fd;
	struct spl_channel_info info;

	plan(opt, &info);
	/* Between the look and the making of it others may make or remove the file. */
	for (tries = 0; tries < 16; tries++) {
		if (!(opt->flags & SPLK_EXCL)) {
			fd = open(path, mode | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
			if (fd >= 0)
				return channel_embed_attach(fd, opt, channel);
			if (errno != ENOENT || !(opt->flags & SPLK_CREATE))
				return -errno;
		}
		fd = build_named(path, opt->mode, fill, &info);
		if (fd >= 0)
			return channel_embed_attach(fd, opt, channel);
		if (fd != -EEXIST || (opt->flags & SPLK_EXCL))
			return fd;
	}
	return -EEXIST;
}

int channel_embed_unlink(const char *path)
{
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	uint64_t required;

	if (fd < 0)
		return -errno;
	err = check_file(fd, &required);
	close(fd);
	if (!err && unlink(path))
		err = -errno;
	return err;
}
