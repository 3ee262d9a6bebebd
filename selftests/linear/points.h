/* SPDX-License-Identifier: MIT */
/*
 * points.h - the operations under test. With LINEAR_POINTS every access to shared memory is a point at which
 * linear_point() may let others run, end the process or switch to another task; without it they are as users compile them.
 */
#ifndef _SELFTESTS_LINEAR_POINTS_H
#define _SELFTESTS_LINEAR_POINTS_H

#include "splinter_atomic.h"

#ifdef LINEAR_POINTS

void linear_point(void);

/* Torn copies take luck with 16 bytes at a time; here each copy has a point in its middle. */
static inline void points_copy(void *dst, const void *src, __u32 n)
{
	spl_copy(dst, src, n / 2);
	linear_point();
	spl_copy((char *)dst + n / 2, (const char *)src + n / 2, n - n / 2);
}

#undef spl_load
#undef spl_load_acquire
#undef spl_store
#undef spl_store_release
#define spl_load(p)                                   \
	({                                            \
		linear_point();                       \
		__atomic_load_n(p, __ATOMIC_RELAXED); \
	})
#define spl_load_acquire(p)                           \
	({                                            \
		linear_point();                       \
		__atomic_load_n(p, __ATOMIC_ACQUIRE); \
	})
#define spl_store(p, v)                                          \
	({                                                       \
		__typeof__(*(p)) points_v = (v);                 \
		linear_point();                                  \
		__atomic_store_n(p, points_v, __ATOMIC_RELAXED); \
	})
#define spl_store_release(p, v)                                  \
	({                                                       \
		__typeof__(*(p)) points_v = (v);                 \
		linear_point();                                  \
		__atomic_store_n(p, points_v, __ATOMIC_RELEASE); \
	})
/* A name in parentheses is the function. */
#define spl_cas64(p, was, now) (linear_point(), (spl_cas64)(p, was, now))
#define spl_cas128(p, a, b, c, d) (linear_point(), (spl_cas128)(p, a, b, c, d))
#define spl_or64(p, bits) (linear_point(), (spl_or64)(p, bits))
#define spl_and64(p, bits) (linear_point(), (spl_and64)(p, bits))
#define spl_add64(p, n) (linear_point(), (spl_add64)(p, n))
#define spl_copy(dst, src, n) points_copy(dst, src, n)

#endif

#include "../native/rawstore.h"

#endif /* _SELFTESTS_LINEAR_POINTS_H */
