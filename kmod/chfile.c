// SPDX-License-Identifier: GPL-2.0
/*
 * chfile.c - channel files: what they may map, the calls on them, and how an end is lost. Which channel and which end
 * a file has is channel.c's, sleeping and waking chwait.c's.
 *
 *	offset			reading		writing
 *	info page		any file	nobody
 *	page at tx_off		any file	TX
 *	page at rx_off		any file	RX
 *	ring, twice in a row	any file	TX
 *	between them		SIGBUS		nobody
 *
 * An end that was mapped for writing is lost with the last of these mappings: when its process unmaps it, execs or dies, at
 * once, even if others, who were given the file or inherited it, have it open. One that wasn't, when its file is released.
 */
#include <linux/anon_inodes.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "channel.h"

static void wake_both(struct spl_channel *ch)
{
	wake_up_interruptible_poll(&ch->ends[SPL_CHANNEL_TX].wq, EPOLLHUP | EPOLLOUT);
	wake_up_interruptible_poll(&ch->ends[SPL_CHANNEL_RX].wq, EPOLLHUP | EPOLLIN);
}

static int chfile_release(struct inode *inode, struct file *file)
{
	struct spl_chfile *cf = file->private_data;
	struct spl_channel *ch = cf->ch;
	bool lost;

	spin_lock(&ch->lock);
	lost = cf->role != SPL_CHANNEL_NONE;
	if (lost)
		spl_channel_let_go(cf);
	spin_unlock(&ch->lock);
	if (lost)
		wake_both(ch);
	atomic_dec(&ch->nr_files);
	spl_channel_put(ch);
	kfree(cf);
	return 0;
}

static struct spl_chfile *vma_file(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

static vm_fault_t chfile_fault(struct vm_fault *vmf)
{
	return spl_map_fault(vmf, spl_channel_page(vma_file(vmf->vma)->ch, vmf->pgoff));
}

static const struct vm_operations_struct view_ops = {
	.fault = chfile_fault,
#ifdef CONFIG_NUMA
	.get_policy = spl_map_get_policy,
#endif
};

/* One more mapping of an end: a part of one that is split, or one that is moved. */
static void end_open(struct vm_area_struct *vma)
{
	struct spl_chfile *cf = vma_file(vma);

	spin_lock(&cf->ch->lock);
	spl_channel_end(cf->ch, cf->role)->nr_maps++;
	spin_unlock(&cf->ch->lock);
}

static void end_close(struct vm_area_struct *vma)
{
	struct spl_chfile *cf = vma_file(vma);
	struct spl_channel *ch = cf->ch;
	struct mm_struct *mm = NULL;
	struct spl_end *end;

	spin_lock(&ch->lock);
	end = spl_channel_end(ch, cf->role);
	if (!--end->nr_maps) {
		mm = end->mm;
		end->mm = NULL;
		spl_channel_let_go(cf);
	}
	spin_unlock(&ch->lock);
	if (mm) {
		wake_both(ch);
		mmdrop(mm);
	}
}

/* ptrace(2), /proc/PID/mem: VM_IO lets them not have the page, and they ask for its bytes. */
static int end_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len, int write)
{
	struct page *page = spl_channel_page(vma_file(vma)->ch, linear_page_index(vma, addr));
	int bytes = min_t(int, len, PAGE_SIZE - offset_in_page(addr));
	void *at;

	if (!page || (write && !(vma->vm_flags & VM_WRITE)))
		return -EFAULT;
	at = page_address(page) + offset_in_page(addr);
	if (write)
		memcpy(at, buf, bytes);
	else
		memcpy(buf, at, bytes);
	return bytes;
}

static const struct vm_operations_struct end_ops = {
	.open = end_open,
	.close = end_close,
	.fault = chfile_fault,
	.access = end_access,
#ifdef CONFIG_NUMA
	.get_policy = spl_map_get_policy,
#endif
};

/* May an end write all of these pages? */
static bool is_own(const struct spl_channel *ch, u32 role, pgoff_t pgoff, unsigned long nr)
{
	pgoff_t ring = ch->plan.data_off >> PAGE_SHIFT;

	switch (role) {
	case SPL_CHANNEL_TX:
		return pgoff >= ring || (pgoff == ch->plan.tx_off >> PAGE_SHIFT && nr == 1);
	case SPL_CHANNEL_RX:
		return pgoff == ch->plan.rx_off >> PAGE_SHIFT && nr == 1;
	default:
		return false;
	}
}

static int map_end(struct spl_chfile *cf, struct vm_area_struct *vma)
{
	struct spl_channel *ch = cf->ch;
	struct spl_end *end;
	int ret = 0;

	spin_lock(&ch->lock);
	end = spl_channel_end(ch, cf->role);
	if (!is_own(ch, cf->role, vma->vm_pgoff, vma_pages(vma))) {
		ret = -EACCES;
	} else if (end->nr_maps && end->mm != vma->vm_mm) {
		ret = -EBUSY;
	} else {
		if (!end->nr_maps++) {
			end->mm = vma->vm_mm;
			mmgrab(end->mm);
			put_pid(end->pid);
			end->pid = get_task_pid(current, PIDTYPE_TGID);
		}
		vma->vm_ops = &end_ops;
	}
	spin_unlock(&ch->lock);
	return ret;
}

static int chfile_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct spl_chfile *cf = file->private_data;
	pgoff_t nr = (cf->ch->plan.map_bytes + cf->ch->plan.capacity) >> PAGE_SHIFT;
	int ret;

	/* Not VM_SHARED: the kernel takes that away from mappings of a file that isn't open for writing. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	if (vma->vm_pgoff >= nr || vma_pages(vma) > nr - vma->vm_pgoff)
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE) {
		ret = map_end(cf, vma);
		if (ret)
			return ret;
		/*
		 * VM_DONTCOPY: a child would be a second producer, and who is to be interrupted by a heavy barrier would
		 * not be one address space. VM_IO: MADV_DOFORK can't undo that; and who asks the mapping for pages, to
		 * hold them for longer than the end lasts, as io_uring's fixed buffers do, gets none.
		 */
		spl_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP | VM_IO,
				 VM_MAYEXEC);
		return 0;
	}
	spl_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &view_ops;
	return 0;
}

static __poll_t chfile_poll(struct file *file, struct poll_table_struct *pt)
{
	return spl_chwait_poll(file->private_data, file, pt);
}

static int ioc_attach(struct spl_chfile *cf, void *arg, void __user *ubuf, u32 size)
{
	return spl_channel_attach(cf, arg, ubuf, size);
}

static int ioc_wait(struct spl_chfile *cf, void *arg, void __user *ubuf, u32 size)
{
	return spl_chwait_wait(cf, arg);
}

static int ioc_ring(struct spl_chfile *cf, void *arg, void __user *ubuf, u32 size)
{
	const struct spl_ioc_channel_ring *a = arg;

	return a->flags ? -EOPNOTSUPP : spl_chwait_ring(cf);
}

static int ioc_info(struct spl_chfile *cf, void *arg, void __user *ubuf, u32 size)
{
	struct spl_ioc_channel_info *a = arg;

	if (a->flags)
		return -EOPNOTSUPP;
	a->channel_id = cf->ch->id;
	a->capacity = cf->ch->plan.capacity;
	a->map_bytes = cf->ch->plan.map_bytes;
	a->role = READ_ONCE(cf->role);
	a->may = cf->may;
	return copy_to_user(ubuf, a, min_t(u32, size, sizeof(*a))) ? -EFAULT : 0;
}

#define NR(cmd) (_IOC_NR(cmd) - _IOC_NR(SPL_IOC_CHANNEL_ATTACH))

/* @min_size is what the first published struct of the call measured, and never changes. */
static const struct chfile_op {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	int (*fn)(struct spl_chfile *cf, void *arg, void __user *ubuf, u32 size);
} ops[] = {
	[NR(SPL_IOC_CHANNEL_ATTACH)] = {
		.cmd = SPL_IOC_CHANNEL_ATTACH,
		.size = sizeof(struct spl_ioc_channel_attach),
		.min_size = offsetofend(struct spl_ioc_channel_attach, reserved),
		.fn = ioc_attach,
	},
	[NR(SPL_IOC_CHANNEL_WAIT)] = {
		.cmd = SPL_IOC_CHANNEL_WAIT,
		.size = sizeof(struct spl_ioc_channel_wait),
		.min_size = offsetofend(struct spl_ioc_channel_wait, deadline_ns),
		.fn = ioc_wait,
	},
	[NR(SPL_IOC_CHANNEL_RING)] = {
		.cmd = SPL_IOC_CHANNEL_RING,
		.size = sizeof(struct spl_ioc_channel_ring),
		.min_size = offsetofend(struct spl_ioc_channel_ring, flags),
		.fn = ioc_ring,
	},
	[NR(SPL_IOC_CHANNEL_INFO)] = {
		.cmd = SPL_IOC_CHANNEL_INFO,
		.size = sizeof(struct spl_ioc_channel_info),
		.min_size = offsetofend(struct spl_ioc_channel_info, may),
		.fn = ioc_info,
	},
};

union chfile_arg {
	struct spl_ioc_channel_attach attach;
	struct spl_ioc_channel_wait wait;
	struct spl_ioc_channel_ring ring;
	struct spl_ioc_channel_info info;
};

static long chfile_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *ubuf = (void __user *)arg;
	const struct chfile_op *op;
	union chfile_arg any;
	u32 size;
	int ret;

	if (NR(cmd) >= ARRAY_SIZE(ops))
		return -ENOTTY;
	op = &ops[array_index_nospec(NR(cmd), ARRAY_SIZE(ops))];
	if (op->cmd != cmd)
		return -ENOTTY;
	ret = spl_ioctl_fetch(&any, op->size, op->min_size, ubuf, &size);
	return ret ?: op->fn(file->private_data, &any, ubuf, size);
}

static void chfile_show_fdinfo(struct seq_file *m, struct file *file)
{
	static const char * const names[] = { "none", "tx", "rx" };
	struct spl_chfile *cf = file->private_data;

	seq_printf(m, "splinter-channel:\t%llu\n", cf->ch->id);
	seq_printf(m, "splinter-role:\t%s\n", names[READ_ONCE(cf->role)]);
	seq_printf(m, "splinter-may:\t%x\n", cf->may);
}

static const struct file_operations chfile_fops = {
	.owner = THIS_MODULE,
	.release = chfile_release,
	.mmap = chfile_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.poll = chfile_poll,
	.unlocked_ioctl = chfile_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = chfile_show_fdinfo,
	.llseek = noop_llseek,
};

/**
 * spl_chfile_new() - an open file of a channel, without a role yet
 * @ch: the channel; the file has a reference of its own
 * @role: which one it shall get: a file without one isn't open for writing
 * @may: roles that may be asked of it
 *
 * Return: the file, for fput() or fd_install(), or an error pointer.
 */
struct file *spl_chfile_new(struct spl_channel *ch, u32 role, u32 may)
{
	struct spl_chfile *cf;
	struct file *file;

	cf = kzalloc(sizeof(*cf), SPL_GFP);
	if (!cf)
		return ERR_PTR(-ENOMEM);
	cf->may = may;
	file = anon_inode_getfile("[splinter-channel]", &chfile_fops, cf,
				  role ? O_RDWR : O_RDONLY);
	if (IS_ERR(file)) {
		kfree(cf);
		return file;
	}
	cf->ch = spl_channel_get(ch);
	atomic_inc(&ch->nr_files);
	file->f_mapping = ch->mem.inode->i_mapping;
	return file;
}
