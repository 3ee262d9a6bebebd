/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_ops.h - all lock-free operations on a mapped store, inline, one implementation for kernel and user space.
 *
 *	splinter_read.h    get, view, exists, stat, get many, walk
 *	splinter_write.h   set, compare-and-set, append, alloc/put, delete, integers, bump, set many
 *	splinter_attr.h    type, user flags, labels; walk over keys by label
 *	splinter_watch.h   groups: bind keys and labels to them, read and pulse them
 *	splinter_feed.h    the change feed: which keys changed
 *	splinter_reap.h    repair after a writer's death
 *	splinter_check.h   verify a whole store
 *
 * User space needs XXH64 from <xxhash.h> (Debian: libxxhash-dev; nothing to link).
 */
#ifndef _UAPI_SPLINTER_OPS_H
#define _UAPI_SPLINTER_OPS_H

#include "splinter_check.h"
#include "splinter_feed.h"

#endif /* _UAPI_SPLINTER_OPS_H */
