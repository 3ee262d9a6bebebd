/* SPDX-License-Identifier: MIT */
/*
 * sleep.pml - an end of a channel that sleeps and one that rings: spl_tx_flush(), spl_channel_asleep() and the waits of the
 * library and the kernel, by the letters (P) and (R). A producer publishes N messages; its stores go through a store
 * buffer, so that what it loads afterwards may be older than what it has not yet shown: what x86 and arm64 do. A consumer
 * takes them, sleeping whenever there is none. Space the other way is the same with the roles exchanged.
 *
 * The heavy barrier of the sleeper empties the producer's buffer, wherever that is: an interrupt, or membarrier(2). It is
 * a full one for the sleeper too, so its own flag needs no buffer here.
 *
 * Held: no deadlock, which is what a lost wake-up is: a consumer asleep, a producer at its end. All N messages are taken.
 *
 * Not modelled: payloads (see litmus), spinning, deaths and deadlines, which only add wake-ups.
 */
#ifndef N
#define N 3
#endif

byte stamp;   /* messages that memory shows */
byte buffer;  /* messages that the producer has stored and memory doesn't show yet */
bit asleep;   /* the consumer's flag; only atomic changes */
bit sleeping; /* in the futex, or in the kernel's queue */
byte taken;
bit done;

/* Stores become visible at any time, in order. */
active proctype Buffer() {
	do
	:: atomic { buffer > 0 -> stamp++; buffer-- }
	:: done && buffer == 0 -> break
	od
}

/* Clears the flag, then wakes whom it finds. */
inline ring() {
	d_step { asleep = 0 };
	d_step { sleeping = 0 }
}

active proctype Producer() {
	byte i;
	do
	:: i < N ->
#ifdef F_FLAG_FIRST
		/* The flag is looked at before publishing. */
		bit seen;
		seen = asleep;
		buffer++;
		if
		:: seen -> ring()
		:: else
		fi;
#else
		buffer++; /* (P) */
#ifdef FENCED
		buffer == 0; /* (R) as a full barrier of its own */
#endif
		if
		:: asleep -> ring() /* (R) light: nothing but the order in the program */
		:: else
		fi;
#endif
		i++
	:: else -> break
	od;
	done = 1
}

active proctype Consumer() {
	do
	:: taken < N ->
		if
		:: stamp > taken -> taken++
		:: else ->
#ifdef F_CHECK_FIRST
			/* The last look comes before the flag. */
			if
			:: stamp > taken -> goto again
			:: else
			fi;
			asleep = 1;
#else
			asleep = 1;
#if !defined(F_NO_BARRIER) && !defined(FENCED)
			/* (R) heavy: what others have stored so far is visible, and our flag to what they load from now. */
			buffer == 0;
#endif
			if
			:: stamp > taken -> asleep = 0; goto again
			:: else
			fi;
#endif
#ifdef F_SLEEP_UNCHECKED
			sleeping = 1;
#else
			/* The futex, or the queue's lock: asleep only if nobody has rung meanwhile. */
			d_step { sleeping = asleep };
#endif
			!sleeping;
			asleep = 0
		fi;
again:		skip
	:: else -> break
	od;
	assert(taken == N)
}
