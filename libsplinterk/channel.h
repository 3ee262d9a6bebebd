/* SPDX-License-Identifier: MIT */
/* channel.h - what the library's files on channels share: the handle, and what a backend must be able to do. */
#ifndef _SPLINTERK_LIB_CHANNEL_H
#define _SPLINTERK_LIB_CHANNEL_H

#include "internal.h"
#include "splinter_ring.h"
#include "splinterk_channel.h"

struct channel_backend {
	uint32_t kind; /* SPL_BACKEND_* */
	/* Claim the handle's role, before its pages are mapped; negative errno. */
	int (*take)(struct splk_channel *ch);
	/* All is mapped and sound: tell the other end. */
	void (*taken)(struct splk_channel *ch);
	/* Sleep until spl_rx.next is stamped, or spl_channel_rx.read has reached @position. */
	int (*wait)(struct splk_channel *ch, uint64_t position, uint64_t deadline);
	void (*ring)(struct splk_channel *ch);
	/* Has the owner of an end that is marked as taken died? NULL: the kernel clears the mark. */
	bool (*died)(const struct splk_channel *ch, uint32_t role);
	/* Let the role go and close the descriptors. */
	void (*release)(struct splk_channel *ch);
};

/**
 * struct splk_channel - a handle
 * @tx: state of a TX end
 * @rx: state of an RX end
 * @map: where the pages are
 * @backend: device or embedded
 * @role: SPLK_CHANNEL_*
 * @spins: looks before a sleep
 * @linger: SPLK_CHANNEL_LINGER
 * @acquired: TX: bytes of the room acquired, -1: none is
 * @fd: owned, told to others
 * @lock_fd: embedded: the open file whose lock is the role; -1: none
 * @info: checked copy of the info page
 * @may: device: roles that may be asked of @fd
 * @foreign: a child of fork has it from its parent: it has neither mappings nor a role
 * @next: in the list of all
 */
struct splk_channel {
	union {
		struct spl_tx tx;
		struct spl_rx rx;
	};
	struct spl_channel_map map;
	const struct channel_backend *backend;
	uint32_t role;
	uint32_t spins;
	bool linger;
	int64_t acquired;
	int fd;
	int lock_fd;
	struct spl_channel_info info;
	uint32_t may;
	bool foreign;
	struct splk_channel *next;
};

/* channel.c: takes over @fd, also on failure */
hidden int channel_make(int fd, const struct channel_backend *backend,
			const struct splk_channel_options *options, struct splk_channel **channel);
hidden struct spl_channel_end *channel_end(const struct splk_channel *ch, uint32_t role);
/* What WAIT waits for. */
hidden bool channel_there(const struct splk_channel *ch, uint64_t position);

/* channel_device.c */
hidden int channel_device_open(int fd, const char *name, const struct splk_channel_options *options,
			       struct splk_channel **channel);
hidden int channel_device_attach(int fd, const struct splk_channel_options *options,
				 struct splk_channel **channel);
hidden int channel_device_unlink(int fd, const char *name);

/* channel_embed.c */
hidden int channel_embed_memory(const char *label, const struct splk_channel_options *options,
				struct splk_channel **channel);
hidden int channel_embed_file(const char *path, const struct splk_channel_options *options,
			      struct splk_channel **channel);
hidden int channel_embed_attach(int fd, const struct splk_channel_options *options,
				struct splk_channel **channel);
hidden int channel_embed_unlink(const char *path);

#endif /* _SPLINTERK_LIB_CHANNEL_H */
