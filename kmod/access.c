// SPDX-License-Identifier: GPL-2.0
/*
 * access.c - who may do what with a thing that has an owner, a group and a mode: stores and channels. When it is asked, and
 * under which lock these three are read and changed, is kstore.c's and channel.c's.
 *
 * To have a thing is the right of who opened the handle, whoever holds it now: that is how a handle is shared by passing it.
 * What is the owner's to do (to unlink, to change owner and mode) needs more: both who opened the handle and who
 * calls must be allowed to. Who was given a handle for reading can't open the store to himself by it, nor take it
 * from others; and a program with more rights than its caller can't be made to use them by a handle that it was given.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "kmod.h"

/* Capabilities count in the user namespace that owns the network namespace where names are looked for. */
static bool capable_ipc(const struct spl_ns *ns)
{
	return ns_capable(ns->user_ns, CAP_IPC_OWNER);
}

static bool owns(const struct spl_ns *ns, const struct spl_owner *o)
{
	return uid_eq(current_fsuid(), o->uid) || capable_ipc(ns);
}

/**
 * spl_access_owns() - may a handle be used to do what is the owner's to do?
 * @file: the handle
 * @o: whose it is
 *
 * Return: true if its opener and the calling thread both are the owner, or may do so for him.
 */
bool spl_access_owns(const struct file *file, const struct spl_owner *o)
{
	const struct spl_ns *ns = spl_handle_ns(file);
	const struct cred *old;
	bool ret;

	if (!owns(ns, o))
		return false;
	old = override_creds(file->f_cred);
	ret = owns(ns, o);
	revert_creds(old);
	return ret;
}

/**
 * spl_access_check() - may a handle have something?
 * @file: the handle
 * @o: whose it is
 * @want: which of the lowest three permission bits are needed
 *
 * Return: 0 or -EACCES.
 */
int spl_access_check(const struct file *file, const struct spl_owner *o, umode_t want)
{
	const struct spl_ns *ns = spl_handle_ns(file);
	const struct cred *old = override_creds(file->f_cred);
	umode_t mode = o->mode;
	int ret = 0;

	if (uid_eq(current_fsuid(), o->uid))
		mode >>= 6;
	else if (in_group_p(o->gid))
		mode >>= 3;
	if ((mode & want) != want && !ns_capable(ns->user_ns, CAP_DAC_OVERRIDE) && !capable_ipc(ns))
		ret = -EACCES;
	revert_creds(old);
	return ret;
}

/* As of chmod(2) and chown(2): a thing is given away by nobody but who may do anything with it. */
static bool may_change(const struct spl_ns *ns, const struct spl_owner *from,
		       const struct spl_owner *to)
{
	if (capable_ipc(ns))
		return true;
	return uid_eq(current_fsuid(), from->uid) && uid_eq(to->uid, from->uid) &&
	       (gid_eq(to->gid, from->gid) || in_group_p(to->gid));
}

/**
 * spl_access_change() - what a call of SPL_IOC_SETATTR makes of an owner
 * @file: the handle
 * @o: whose it is; becomes whose it shall be
 * @a: the call's struct, checked by spl_access_plan()
 *
 * Return: 0 or -EPERM: @o is as it was.
 */
int spl_access_change(const struct file *file, struct spl_owner *o, const struct spl_ioc_setattr *a)
{
	const struct spl_ns *ns = spl_handle_ns(file);
	struct spl_owner to = *o;
	const struct cred *old;
	bool may;

	if (a->mask & SPL_SETATTR_MODE)
		to.mode = a->mode;
	if (a->mask & SPL_SETATTR_UID)
		to.uid = make_kuid(current_user_ns(), a->uid);
	if (a->mask & SPL_SETATTR_GID)
		to.gid = make_kgid(current_user_ns(), a->gid);
	may = may_change(ns, o, &to);
	if (may) {
		old = override_creds(file->f_cred);
		may = may_change(ns, o, &to);
		revert_creds(old);
	}
	if (!may)
		return -EPERM;
	*o = to;
	return 0;
}

/**
 * spl_access_plan() - may a call of SPL_IOC_SETATTR be meant?
 * @a: its struct
 *
 * Return: 0; -EOPNOTSUPP: unknown bit; -EINVAL: nothing to set, a member set that isn't to be, bits beyond 0666, an id
 * that the caller's user namespace doesn't have.
 */
int spl_access_plan(const struct spl_ioc_setattr *a)
{
	if (a->flags || a->mask & ~SPL_SETATTR_ALL)
		return -EOPNOTSUPP;
	if (!a->mask || a->reserved)
		return -EINVAL;
	if (a->mask & SPL_SETATTR_MODE ? a->mode & ~0666 : a->mode)
		return -EINVAL;
	if (a->mask & SPL_SETATTR_UID ? !uid_valid(make_kuid(current_user_ns(), a->uid)) : a->uid)
		return -EINVAL;
	if (a->mask & SPL_SETATTR_GID ? !gid_valid(make_kgid(current_user_ns(), a->gid)) : a->gid)
		return -EINVAL;
	return 0;
}
