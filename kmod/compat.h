/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat.h - all differences between the kernels that splinter builds for (6.1 and 6.12); nothing else tests a version.
 */
#ifndef _SPL_COMPAT_H
#define _SPL_COMPAT_H

#include <linux/cpumask.h>
#include <linux/eventfd.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/version.h>

/* vm_flags became read-only in 6.3. May sleep from then on: it takes the lock of the mapping. */
static inline void spl_vm_flags_mod(struct vm_area_struct *vma, unsigned long set,
				    unsigned long clear)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

/* vm_operations_struct.get_policy() tells the interleave index too since 6.7. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define SPL_GET_POLICY_ARGS struct vm_area_struct *vma, unsigned long addr, pgoff_t *ilx
#else
#define SPL_GET_POLICY_ARGS struct vm_area_struct *vma, unsigned long addr
#endif

/* CPUs that may be running user code in @mm; all of them where the architecture doesn't keep that. */
static inline const struct cpumask *spl_mm_cpus(struct mm_struct *mm)
{
#ifdef CONFIG_X86
	return mm_cpumask(mm);
#else
	return cpu_online_mask;
#endif
}

/* What callbacks of a kobj_type that only look are given since 6.3. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define SPL_KOBJ_ARG const struct kobject *
#else
#define SPL_KOBJ_ARG struct kobject *
#endif

/* eventfd_signal() lost its second argument in 6.8. */
static inline void spl_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

#endif /* _SPL_COMPAT_H */
