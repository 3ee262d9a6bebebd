// SPDX-License-Identifier: GPL-2.0
/*
 * map.c - mmap: which part of a store a handle may map, and how; faults. Pages are mem.c's, the meaning of a
 * struct spl_self page slot.c's.
 *
 *	offset			reading		writing
 *	info page		any handle	nobody
 *	gap to data_off		SIGBUS		nobody
 *	data			any handle	handles open for writing, mappings that begin and end in the data
 *	SPL_MMAP_SELF		handles open for writing	nobody
 */
#include <linux/mm.h>

#include "kmod.h"

#define SELF_PGOFF (SPL_MMAP_SELF >> PAGE_SHIFT)

static struct spl_handle *vma_handle(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

/* A mapping pins the handle to its store, so this needs no lock. */
static struct spl_kstore *vma_kstore(const struct vm_area_struct *vma)
{
	return vma_handle(vma)->kstore;
}

/* The process has ended or replaced its memory: its writers need not wait until somebody looks for them. */
static void reap_if_exiting(struct vm_area_struct *vma)
{
	if (!atomic_read(&vma->vm_mm->mm_users))
		spl_slot_mm_exit(vma_kstore(vma), vma->vm_mm);
}

static void data_open(struct vm_area_struct *vma)
{
	spl_handle_pin_more(vma_handle(vma));
}

static void data_close(struct vm_area_struct *vma)
{
	reap_if_exiting(vma);
	spl_handle_unpin(vma_handle(vma));
}

/**
 * spl_map_fault() - answers a fault with a page
 * @vmf: the fault
 * @page: the page, or NULL: nothing is there
 *
 * Return: 0, with a reference taken, or VM_FAULT_SIGBUS.
 */
vm_fault_t spl_map_fault(struct vm_fault *vmf, struct page *page)
{
	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

#ifdef CONFIG_NUMA
/* Pages stay where they were placed: without a policy of its own NUMA balancing leaves a mapping alone. */
struct mempolicy *spl_map_get_policy(SPL_GET_POLICY_ARGS)
{
	return NULL;
}
#endif

static vm_fault_t data_fault(struct vm_fault *vmf)
{
	return spl_map_fault(vmf, spl_mem_page(&vma_kstore(vmf->vma)->mem, vmf->pgoff));
}

static const struct vm_operations_struct data_ops = {
	.open = data_open,
	.close = data_close,
	.fault = data_fault,
#ifdef CONFIG_NUMA
	.get_policy = spl_map_get_policy,
#endif
};

static void self_open(struct vm_area_struct *vma)
{
	spl_handle_pin_more(vma_handle(vma));
	spl_slot_self_open(vma_kstore(vma), vma->vm_private_data);
}

static void self_close(struct vm_area_struct *vma)
{
	reap_if_exiting(vma);
	spl_slot_self_close(vma_kstore(vma), vma->vm_private_data);
	spl_handle_unpin(vma_handle(vma));
}

static vm_fault_t self_fault(struct vm_fault *vmf)
{
	struct spl_self_map *self = vmf->vma->vm_private_data;

	return spl_map_fault(vmf, self->page);
}

static const struct vm_operations_struct self_ops = {
	.open = self_open,
	.close = self_close,
	.fault = self_fault,
};

static int map_data(struct spl_kstore *k, struct file *file, struct vm_area_struct *vma)
{
	const struct spl_mem *mem = &k->mem;
	unsigned long clear = VM_MAYEXEC;

	if (vma->vm_pgoff >= mem->end || vma_pages(vma) > mem->end - vma->vm_pgoff)
		return -EINVAL;
	if (vma->vm_pgoff < mem->first || !(file->f_mode & FMODE_WRITE)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		clear |= VM_MAYWRITE;
	}
	/* VM_DONTDUMP: what all share is no part of one's memory. For good: VM_DONTEXPAND has MADV_DODUMP refused. */
	spl_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, clear);
	vma->vm_ops = &data_ops;
	return 0;
}

static int map_self(struct spl_kstore *k, struct file *file, struct vm_area_struct *vma)
{
	struct spl_self_map *self;

	if (vma_pages(vma) != 1)
		return -EINVAL;
	if (!(file->f_mode & FMODE_WRITE) || vma->vm_flags & VM_WRITE)
		return -EACCES;
	self = spl_slot_self_map(k, file->private_data);
	if (IS_ERR(self))
		return PTR_ERR(self);
	vma->vm_private_data = self;
	/* VM_IO: otherwise MADV_DOFORK could clear VM_DONTCOPY. */
	spl_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP | VM_IO,
			 VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &self_ops;
	return 0;
}

/**
 * spl_map_mmap() - mmap(2)
 * @file: the handle
 * @vma: the new mapping
 *
 * Return: 0; -EINVAL: MAP_PRIVATE, or beyond the end; -EACCES: executable, or writable where that is not allowed;
 * -ENXIO: no store; -EBUSY: the handle is being attached to another one; -EAGAIN, -ENOMEM: no writer cell.
 */
int spl_map_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct spl_handle *h = file->private_data;
	struct spl_kstore *k;
	int ret;

	/* Not VM_SHARED: the kernel takes that away from mappings of a read-only handle. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	k = spl_handle_pin(h);
	if (IS_ERR(k))
		return PTR_ERR(k);
	if (vma->vm_pgoff == SELF_PGOFF)
		ret = map_self(k, file, vma);
	else
		ret = map_data(k, file, vma);
	if (ret)
		spl_handle_unpin(h);
	return ret;
}
