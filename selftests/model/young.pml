/* SPDX-License-Identifier: MIT */
/*
 * young.pml - somebody waits for a key that isn't there, or for the end of one that is, and who makes or deletes it stops at any
 * step for ever: others who give it a value then tell that sleeper, by uapi's spl_wait_birth(), spl_birth_owed(),
 * spl_end_owed(). Waking is signal.pml's: here a sleeper goes on once the count has moved.
 *
 * Births: one inserts; another finds the key, helps if need be, and overwrites it. END: one deletes; another makes the key
 * anew in a second cell. Somebody else clears SPL_NOTICE where he may.
 *
 * Held: when nothing moves any more, and somebody has completed a set, the sleeper has seen it.
 */
#define EMPTY 0
#define TENTATIVE 1
#define DEAD 1
#define LIVE 2
#define NEWER 3

#ifdef END
byte cell = LIVE;
#else
byte cell;
#endif
byte second; /* where the key is made anew */
byte word; /* bit 0: SPL_NOTICE; above: version; all buckets' */
byte count;
bit births, mark, op;

bit stopped, done, awake;

inline ask() {
	word = word + 2;
	word = word | 1
}

active proctype First() {
	{
#ifdef END
		cell = DEAD;
		if
		:: mark -> count++
		:: !mark
		fi;
		mark = 0;
		cell = EMPTY
#else
		op = 1;
		cell = TENTATIVE;
		d_step { if :: cell == TENTATIVE -> cell = LIVE :: else fi };
#ifdef F_OP_EARLY
		op = 0;
#endif
		if
		:: births -> count++ /* (S) */
		:: !births
		fi;
		op = 0
#endif
	} unless {
		stopped
	}
}

active proctype Stops() {
	stopped = 1
}

active proctype Second() {
#ifdef END
end_gone:
	cell != LIVE;
	second = LIVE;
	if
	:: word & 1 -> /* (S) */
#ifndef F_NO_LOOK
		if
		:: cell == DEAD ->
			if
			:: mark -> count++
			:: !mark
			fi
		:: cell != DEAD
		fi
#endif
	:: !(word & 1)
	fi;
#else
end_there:
	cell != EMPTY;
	d_step { if :: cell == TENTATIVE -> cell = LIVE :: else fi };
	cell = NEWER;
	if
	:: word & 1 -> /* (S) */
#ifndef F_NO_LOOK
		if
		:: op ->
			if
			:: births -> count++
			:: !births
			fi
		:: !op
		fi
#endif
	:: !(word & 1)
	fi;
#endif
	done = 1
}

active proctype Sleeper() {
	byte known, was;

#ifdef END
	was = LIVE;
#endif
	do
	:: known = count;
#ifdef END
		d_step { if :: cell == LIVE -> mark = 1 :: else fi };
		ask();
		if
		:: cell != LIVE -> break
		:: cell == LIVE
		fi;
#else
		births = 1;
#ifndef F_NOT_ASKED
		ask();
#endif
		if
		:: cell >= LIVE -> break
		:: cell < LIVE
		fi;
#endif
end_asleep:	count != known
	od;
	awake = 1
}

active proctype Clearer() {
	byte n, w, needed;

	do
	:: n < 2 ->
		w = word;
#ifdef F_NOT_NEEDED
		needed = 0;
#else
#ifdef END
		needed = mark && cell != EMPTY;
#else
		needed = births;
#endif
#endif
		d_step {
			if
			:: !needed && word == w -> word = word & ~1
			:: else
			fi;
			n++;
			w = 0;
			needed = 0
		}
	:: n == 2 -> break
	od
}

init {
	timeout;
	assert(!done || awake)
}
