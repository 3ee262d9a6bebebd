/* SPDX-License-Identifier: MIT */
/*
 * hooked.h - the inline operations as the fuzzer sees them: before each access to shared memory it may change that
 * memory, and it counts the accesses. What is changed is garble.c's.
 */
#ifndef _SELFTESTS_FUZZ_HOOKED_H
#define _SELFTESTS_FUZZ_HOOKED_H

#include "record.h"
#include "splinter_atomic.h"

#undef spl_load
#undef spl_load_acquire
#undef spl_store
#undef spl_store_release
#define spl_load(p) (fuzz_tick(), __atomic_load_n(p, __ATOMIC_RELAXED))
#define spl_load_acquire(p) (fuzz_tick(), __atomic_load_n(p, __ATOMIC_ACQUIRE))
#define spl_store(p, v) (fuzz_tick(), __atomic_store_n(p, v, __ATOMIC_RELAXED))
#define spl_store_release(p, v) (fuzz_tick(), __atomic_store_n(p, v, __ATOMIC_RELEASE))
#define spl_cas64(p, was, now) (fuzz_tick(), (spl_cas64)(p, was, now))
#define spl_or64(p, bits) (fuzz_tick(), (spl_or64)(p, bits))
#define spl_and64(p, bits) (fuzz_tick(), (spl_and64)(p, bits))
#define spl_add64(p, n) (fuzz_tick(), (spl_add64)(p, n))
#define spl_cas128(p, was_lo, was_hi, now_lo, now_hi) \
	(fuzz_tick(), (spl_cas128)(p, was_lo, was_hi, now_lo, now_hi))
/* In two parts, so that bytes change under a copy as well. */
#define spl_copy(dst, src, n)                                                               \
	do {                                                                                \
		unsigned char *copy_to = (unsigned char *)(dst);                            \
		const unsigned char *copy_from = (const unsigned char *)(src);              \
		__u32 copy_n = (n), copy_half = copy_n / 2;                                 \
                                                                                            \
		fuzz_tick();                                                                \
		(spl_copy)(copy_to, copy_from, copy_half);                                  \
		fuzz_tick();                                                                \
		(spl_copy)(copy_to + copy_half, copy_from + copy_half, copy_n - copy_half); \
	} while (0)

#include "splinter_store.h"

/* What takes 65536 looks outside takes few here: how loops end doesn't depend on the number. */
#undef SPL_TRIES
#define SPL_TRIES 24U

#include "splinter_ops.h"

#endif /* _SELFTESTS_FUZZ_HOOKED_H */
