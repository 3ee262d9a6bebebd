/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * splinter_atomic.h - loads, stores, compare-and-swap and barriers under one name for the kernel and for user space
 * (GCC and Clang, C11 and C++), and the few other things in which the two differ. Protocols are built elsewhere.
 *
 * Names follow the kernel: load and store are relaxed; *_acquire and *_release order as in C11; spl_cas64(),
 * spl_cas128(), spl_or64(), spl_and64() and spl_add64() order everything before them and after them against themselves, and
 * spl_mb_after_cas() makes that a full barrier. All word accesses are single copies that can't tear.
 */
#ifndef _UAPI_SPLINTER_ATOMIC_H
#define _UAPI_SPLINTER_ATOMIC_H

#ifdef __KERNEL__

#include <asm/barrier.h>
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/prefetch.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <linux/xxhash.h>

#define spl_load(p) READ_ONCE(*(p))
#define spl_load_acquire(p) smp_load_acquire(p)
#define spl_store(p, v) WRITE_ONCE(*(p), v)
#define spl_store_release(p, v) smp_store_release(p, v)
#define spl_mb() smp_mb()
#define spl_rmb() smp_rmb()
#define spl_wmb() smp_wmb()
#define spl_mb_after_cas() smp_mb__after_atomic()
#define spl_likely(x) likely(x)
#define spl_unlikely(x) unlikely(x)
#define spl_noinline noinline __maybe_unused
#define spl_inline __always_inline
#define spl_prefetch(p) prefetch(p)
#define spl_prefetch_write(p) prefetchw(p)

static inline bool spl_cas64(__u64 *p, __u64 was, __u64 now)
{
	return cmpxchg(p, was, now) == was;
}

/* atomic64_or() and not its fetching kin: on x86 that is a loop, which a hostile process could keep going. */
static inline void spl_or64(__u64 *p, __u64 bits)
{
	smp_mb__before_atomic();
	atomic64_or(bits, (atomic64_t *)p);
	smp_mb__after_atomic();
}

static inline void spl_and64(__u64 *p, __u64 bits)
{
	smp_mb__before_atomic();
	atomic64_and(bits, (atomic64_t *)p);
	smp_mb__after_atomic();
}

static inline void spl_add64(__u64 *p, __u64 n)
{
	smp_mb__before_atomic();
	atomic64_add((s64)n, (atomic64_t *)p);
	smp_mb__after_atomic();
}

static inline __u64 spl_hash_bytes(const void *key, __u32 klen, __u64 seed)
{
	return xxh64(key, klen, seed);
}

static inline __u64 spl_clock_ns(void)
{
	return ktime_get_coarse_real_ns();
}

#else /* !__KERNEL__ */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <linux/types.h>
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

/*
 * ThreadSanitizer takes bytes that are read while they change, and believed only if the generation held, for a race; nor
 * does it see into the assembly of spl_cas128(). So the former happens where it doesn't look, and the latter is told to
 * it. Every write remains visible to it: two writers in one lane are found.
 */
#if defined(__SANITIZE_THREAD__)
#define SPL_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SPL_TSAN
#endif
#endif

#define spl_load(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define spl_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define spl_store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define spl_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define spl_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define spl_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define spl_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#ifdef __x86_64__ /* a locked instruction is a full barrier */
#define spl_mb_after_cas() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#else
#define spl_mb_after_cas() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif
#define spl_likely(x) __builtin_expect(!!(x), 1)
#define spl_unlikely(x) __builtin_expect(!!(x), 0)
#define spl_noinline __attribute__((noinline, unused))
#define spl_inline inline __attribute__((always_inline))
#define spl_prefetch(p) __builtin_prefetch(p)
#ifdef __x86_64__ /* of the builtin the compiler makes a plain one unless told of the machine */
#define spl_prefetch_write(p) __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)(p)))
#else
#define spl_prefetch_write(p) __builtin_prefetch(p, 1)
#endif

static inline bool spl_cas64(__u64 *p, __u64 was, __u64 now)
{
	return __atomic_compare_exchange_n(p, &was, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline void spl_or64(__u64 *p, __u64 bits)
{
	__atomic_fetch_or(p, bits, __ATOMIC_SEQ_CST);
}

static inline void spl_and64(__u64 *p, __u64 bits)
{
	__atomic_fetch_and(p, bits, __ATOMIC_SEQ_CST);
}

static inline void spl_add64(__u64 *p, __u64 n)
{
	__atomic_fetch_add(p, n, __ATOMIC_SEQ_CST);
}

#define SPL_XXH_1 0x9e3779b185ebca87ULL
#define SPL_XXH_2 0xc2b2ae3d27d4eb4fULL
#define SPL_XXH_3 0x165667b19e3779f9ULL
#define SPL_XXH_4 0x85ebca77c2b2ae63ULL
#define SPL_XXH_5 0x27d4eb2f165667c5ULL

static spl_inline __u64 spl_xxh_rotl(__u64 x, int n)
{
	return x << n | x >> (64 - n);
}

static spl_inline __u64 spl_xxh_word(__u64 h, const unsigned char *at)
{
	__u64 w;

	__builtin_memcpy(&w, at, 8);
	h ^= spl_xxh_rotl(w * SPL_XXH_2, 31) * SPL_XXH_1;
	return spl_xxh_rotl(h, 27) * SPL_XXH_1 + SPL_XXH_4;
}

static spl_noinline __u64 spl_hash_long(const void *key, __u32 klen, __u64 seed)
{
	return XXH64(key, klen, seed);
}

/* XXH64 of short keys in place: XXH64() is a call, a loop, and a look for 32 bytes at once. */
static spl_inline __u64 spl_hash_bytes(const void *key, __u32 klen, __u64 seed)
{
	const unsigned char *at = (const unsigned char *)key;
	__u64 h = seed + SPL_XXH_5 + klen;
	__u32 w;

	if (spl_unlikely(klen >= 32))
		return spl_hash_long(key, klen, seed);
	if (klen & 16) {
		h = spl_xxh_word(h, at);
		h = spl_xxh_word(h, at + 8);
		at += 16;
	}
	if (klen & 8) {
		h = spl_xxh_word(h, at);
		at += 8;
	}
	if (klen & 4) {
		__builtin_memcpy(&w, at, 4);
		h = spl_xxh_rotl(h ^ w * SPL_XXH_1, 23) * SPL_XXH_2 + SPL_XXH_3;
		at += 4;
	}
	for (klen &= 3; klen; klen--)
		h = spl_xxh_rotl(h ^ *at++ * SPL_XXH_5, 11) * SPL_XXH_1;
	h = (h ^ h >> 33) * SPL_XXH_2;
	h = (h ^ h >> 29) * SPL_XXH_3;
	return h ^ h >> 32;
}

/* No system call: the vDSO answers. */
static inline __u64 spl_clock_ns(void)
{
	struct timespec ts;

#ifdef CLOCK_REALTIME_COARSE
	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
#else /* plain C11, without POSIX */
	timespec_get(&ts, TIME_UTC);
#endif
	return (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
}

#endif /* __KERNEL__ */

#ifdef SPL_TSAN
#define spl_racing __attribute__((noinline, unused, no_sanitize("thread")))
#ifdef __cplusplus
extern "C" {
#endif
void __tsan_acquire(void *p);
void __tsan_release(void *p);
void __tsan_write_range(void *p, long bytes);
#ifdef __cplusplus
}
#endif
#define spl_tsan_acquire(p) __tsan_acquire(p)
#define spl_tsan_release(p) __tsan_release(p)
#else
#define spl_racing spl_inline /* reads bytes that may change meanwhile */
#define spl_tsan_acquire(p)
#define spl_tsan_release(p)
#endif

/**
 * spl_cas128() - compare and swap two adjacent words as one
 * @p: address of the first word, a multiple of 16
 * @was_lo: expected first word
 * @was_hi: expected second word
 * @now_lo: new first word
 * @now_hi: new second word
 *
 * Return: true if the pair was as expected and has been replaced. Ordering as spl_cas64().
 */
static inline bool spl_cas128(__u64 *p, __u64 was_lo, __u64 was_hi, __u64 now_lo, __u64 now_hi)
{
#if defined(__x86_64__)
	bool done;

	spl_tsan_release(p);
	__asm__ __volatile__("lock cmpxchg16b %1"
			     : "=@ccz"(done), "+m"(*(__u64(*)[2])p), "+a"(was_lo), "+d"(was_hi)
			     : "b"(now_lo), "c"(now_hi)
			     : "memory");
	spl_tsan_acquire(p);
	return done;
#elif defined(__aarch64__)
	__u64 lo, hi;
	__u32 fail;

	__asm__ __volatile__("1:	ldaxp	%0, %1, [%3]\n"
			     "	cmp	%0, %4\n"
			     "	ccmp	%1, %5, #0, eq\n"
			     "	b.ne	2f\n"
			     "	stlxp	%w2, %6, %7, [%3]\n"
			     "	cbnz	%w2, 1b\n"
			     "	b	3f\n"
			     "2:	clrex\n"
			     "	mov	%w2, #1\n"
			     "3:"
			     : "=&r"(lo), "=&r"(hi), "=&r"(fail)
			     : "r"(p), "r"(was_lo), "r"(was_hi), "r"(now_lo), "r"(now_hi)
			     : "cc", "memory");
	return !fail;
#else
#error "splinter needs a 16-byte compare-and-swap: x86-64 or arm64"
#endif
}

/*
 * memcpy() makes very large copies with stores that bypass the cache, and that x86 doesn't order after earlier ones: (B)
 * needs them behind "filling". Behind the copy it orders them itself.
 */
static spl_inline void spl_before_stream(__u32 n)
{
#if defined(__x86_64__) && !defined(__KERNEL__)
	if (n >= 256U << 10)
		__builtin_ia32_sfence();
#else
	(void)n;
#endif
}

#ifdef SPL_TSAN
static spl_racing void spl_copy_unseen(unsigned char *to, const unsigned char *from, __u32 n)
{
	while (n--)
		*(volatile unsigned char *)to++ = *(const volatile unsigned char *)from++;
}
#endif

/* Copies from here on are worth a call. */
#define SPL_COPY_INLINE 128U

static spl_inline void spl_copy16(unsigned char *to, const unsigned char *from)
{
	__builtin_memcpy(to, from, 16);
}

/**
 * spl_copy() - copy bytes that another process may be changing
 * @dst: where to
 * @src: where from
 * @n: how many
 *
 * Whoever copies checks the lane's generation afterwards. Short copies are made in place, 16 bytes at a time, the last
 * ones overlapping: no call, no loop, and no byte is written beyond @n.
 */
static spl_inline void spl_copy(void *dst, const void *src, __u32 n)
{
	const unsigned char *from = (const unsigned char *)src;
	unsigned char *to = (unsigned char *)dst;
#ifdef SPL_TSAN

	spl_copy_unseen(to, from, n);
	__tsan_write_range(dst, (long)n);
#else
	__u32 i;

	/* The compiler would warn of sizes that, it thinks, the buffers can't have. */
	__asm__("" : "+r"(from), "+r"(to));
	if (spl_likely(n >= 16 && n <= SPL_COPY_INLINE)) {
		if (n > 64) {
			spl_copy16(to, from);
			spl_copy16(to + 16, from + 16);
			spl_copy16(to + 32, from + 32);
			spl_copy16(to + 48, from + 48);
			to += n - 64;
			from += n - 64;
			n = 64;
		}
		spl_copy16(to, from);
		if (n > 32) {
			spl_copy16(to + 16, from + 16);
			spl_copy16(to + n - 32, from + n - 32);
		}
		spl_copy16(to + n - 16, from + n - 16);
	} else if (n > SPL_COPY_INLINE) {
		spl_before_stream(n);
		memcpy(to, from, n);
	} else if (n >= 8) {
		__builtin_memcpy(to, from, 8);
		if (!__builtin_constant_p(n) || n > 8) /* of a number nothing is left */
			__builtin_memcpy(to + n - 8, from + n - 8, 8);
	} else {
		for (i = 0; i < n; i++)
			to[i] = from[i];
	}
#endif
}

#endif /* _UAPI_SPLINTER_ATOMIC_H */
