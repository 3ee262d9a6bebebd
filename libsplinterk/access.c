// SPDX-License-Identifier: MIT
/* access.c - who may open a store: its mode, owner and group, on their way to a backend. */
#include "internal.h"

static int setattr(const char *spec, const struct splk_options *options,
		   struct spl_ioc_setattr *change)
{
	struct splk_options opt;
	struct spec s;
	int err;

	err = spec_parse(spec, &s);
	if (!err)
		err = options_take(options, 0, &opt);
	if (err)
		return err;
	switch (s.kind) {
	case SPEC_DEVICE:
		return device_setattr(&s, &opt, change);
	case SPEC_FILE:
		return embed_setattr(&s, change);
	case SPEC_MEMFD:
	case SPEC_FD:
		break;
	}
	return -EINVAL;
}

int splk_chmod(const char *spec, const struct splk_options *options, uint32_t mode)
{
	struct spl_ioc_setattr change = { .mask = SPL_SETATTR_MODE, .mode = mode };

	if (mode & ~0666U)
		return -EINVAL;
	return setattr(spec, options, &change);
}

int splk_chown(const char *spec, const struct splk_options *options, uint32_t uid, uint32_t gid)
{
	struct spl_ioc_setattr change = { 0 };

	if (uid != SPLK_SAME_ID) {
		change.mask |= SPL_SETATTR_UID;
		change.uid = uid;
	}
	if (gid != SPLK_SAME_ID) {
		change.mask |= SPL_SETATTR_GID;
		change.gid = gid;
	}
	return change.mask ? setattr(spec, options, &change) : -EINVAL;
}
