/* SPDX-License-Identifier: MIT */
/*
 * pool.pml - lanes on their way between the free map and writers: spl_pool_take(), spl_pool_give() and spl_reap_extra()
 * of uapi/, each access to shared memory a step. Three writers take a lane, some use it (it becomes a slot's, and is
 * given back under a later generation, as by a delete), some give it back as it is; up to DEATHS of them are killed at
 * any step, each is reaped, and with REAPER_DIES the reaper of the first one dies at any step and another follows.
 *
 * Held: a lane has one owner; nobody gives away what isn't his; at the end every lane is free and has its bit in the
 * map; no bit stands for a lane in use. No cycle (pan -l): whoever looks on, looks at less.
 *
 * Not modelled: memory order, wrapping generations, several words of the map and their summary, cells (see store.pml).
 */
#ifndef DEATHS
#define DEATHS 0
#endif
#define NW 3
#ifndef NL
#define NL 2
#endif

#define FREE 0
#define SPARE 1
#define SEQ(gen, who, st) ((gen) << 3 | (who) << 1 | (st))
#define SGEN(s) ((s) >> 3)
#define SWHO(s) (((s) >> 1) & 3)
#define SST(s) ((s) & 1)

#define GIVE 8
#define EXTRA(gen, give, n) ((gen) << 4 | (give) | ((n) + 1))
#define EGEN(e) ((e) >> 4)
#define ELANE(e) (((e) & 7) - 1)

byte map = (1 << NL) - 1;
byte seq[NL];
byte extra[NW];
byte slot[NW]; /* lane + 1 */

byte owner[NL]; /* what the model knows: writer + 1, 0: the map */
byte alive, killed, unreaped;

/* Writer @who makes the lane of its extra free (J). */
inline make_free(who) {
	assert(owner[ELANE(extra[who])] == who + 1 && SGEN(seq[ELANE(extra[who])]) < 15);
	owner[ELANE(extra[who])] = 0;
#ifdef F_SAME_GENERATION
	seq[ELANE(extra[who])] = SEQ(SGEN(seq[ELANE(extra[who])]), 0, FREE)
#else
	seq[ELANE(extra[who])] = SEQ(SGEN(seq[ELANE(extra[who])]) + 1, 0, FREE)
#endif
}

proctype Writer(byte me; bit use) {
	byte bits, n, s, r;
	{
		bits = map;
		do
		:: d_step {
			r == 0 && bits ->
			n = 0;
			do
			:: !(bits & 1 << n) -> n++
			:: else -> break
			od;
			s = seq[n];
			bits = bits & ~(1 << n);
			if
			:: SST(s) == FREE -> r = 4
			:: else -> s = 0
			fi
		   }
		/* (J) The bit must be this giving's. */
#ifdef F_BIT_UNCHECKED
		:: d_step { r == 4 -> r = 1 }
#else
		:: d_step { r == 4 -> r = (map >> n) & 1; if :: !r -> s = 0 :: else fi }
#endif
#ifndef F_EXTRA_LATE
		:: d_step { r == 1 -> extra[me] = EXTRA(SGEN(s), 0, n); r = 2 }
#else
		:: d_step { r == 1 -> r = 2 }
#endif
#ifdef F_BIT_FIRST
		:: r == 2 -> d_step { map = map & ~(1 << n); r = 5 }
		:: d_step {
			r == 5 ->
#else
		:: d_step {
			r == 2 ->
#endif
			if
			:: seq[n] == s ->
				seq[n] = SEQ(SGEN(s), me, SPARE);
				assert(!owner[n]);
				owner[n] = me + 1;
				r = 3
			:: else -> r = 0
			fi;
			s = 0
		   }
		:: r == 3 ->
#ifdef F_EXTRA_LATE
			extra[me] = EXTRA(SGEN(seq[n]), 0, n);
#endif
#ifndef F_BIT_FIRST
			map = map & ~(1 << n); /* (H) */
#endif
			break
		:: r == 0 && !bits -> extra[me] = 0; break
		od;
		bits = 0;
		if
		:: r == 3 && use ->
			/* As an insert ends: the slot's lane is published, the taken one is the slot's; and a fill. */
			assert(!(map & 1 << n)); /* no bit for a lane in use */
			slot[me] = n + 1;
			extra[me] = 0;
			seq[n] = SEQ(SGEN(seq[n]) + 1, me, SPARE);
			assert(!(map & 1 << n));
			d_step { extra[me] = EXTRA(SGEN(seq[n]), GIVE, n); slot[me] = 0 } /* deleted by me */
		:: r == 3 && !use -> extra[me] = extra[me] | GIVE
		:: else
		fi;
		if
		:: r == 3 ->
#ifdef F_BIT_BEFORE_FREE
			map = map | 1 << n;
			d_step { make_free(me) };
#else
			d_step { make_free(me) };
			map = map | 1 << n;
#endif
			extra[me] = 0
		:: else
		fi;
		d_step { alive = alive & ~(1 << me); n = 0; r = 0 }
	} unless {
		d_step { killed & 1 << me -> killed = killed & ~(1 << me); bits = 0; n = 0; s = 0; r = 0 }
	}
}

/* spl_reap_extra(), spl_pool_give_extra(); z: where it is. */
inline reap_anew() {
	z = 0; bits = 0
}

inline reap_extra() {
	do
	:: d_step {
		z == 0 && extra[d] && !(extra[d] & GIVE) ->
#ifdef F_REAP_ANY
		if
		:: slot[d] == ELANE(extra[d]) + 1 -> extra[d] = 0; z = 9
#else
		if
		:: slot[d] == ELANE(extra[d]) + 1 || seq[ELANE(extra[d])] != SEQ(EGEN(extra[d]), d, SPARE) -> extra[d] = 0; z = 9
#endif
		:: else -> z = 1
		fi
	   }
#ifndef F_REAP_LEAVES_BIT
	:: d_step { z == 1 -> map = map & ~(1 << ELANE(extra[d])); z = 2 } /* (H) */
#else
	:: d_step { z == 1 -> z = 2 }
#endif
	:: d_step { z == 2 -> extra[d] = extra[d] | GIVE; z = 3 }
	:: d_step { z == 0 && (extra[d] & GIVE) -> z = 3 }
	:: d_step { z == 3 -> bits = (map >> ELANE(extra[d])) & 1; z = 4 }
	:: d_step {
		z == 4 ->
		if
		:: SGEN(seq[ELANE(extra[d])]) == EGEN(extra[d]) && SST(seq[ELANE(extra[d])]) == SPARE ->
			make_free(d);
			z = 5
#ifndef F_NO_BIT_BACK
		:: !bits && seq[ELANE(extra[d])] == SEQ(EGEN(extra[d]) + 1, 0, FREE) -> z = 5
#endif
		:: else -> z = 6
		fi;
		bits = 0
	   }
	:: d_step { z == 5 -> map = map | 1 << ELANE(extra[d]); z = 6 }
	:: d_step { z == 6 -> extra[d] = 0; z = 9 }
	:: d_step { z == 0 && !extra[d] -> z = 9 }
	:: d_step { z == 9 -> reap_anew() }; break
	od
}

#define KILL(x) d_step { (alive & 1 << (x)) && deaths < DEATHS -> alive = alive & ~(1 << (x)); \
			 killed = killed | 1 << (x); unreaped = unreaped | 1 << (x); deaths++ }

bit reaper_killed;

proctype Kernel() {
	byte deaths, d, z;
	bit bits;

	do
	:: KILL(0)
	:: KILL(1)
	:: KILL(2)
	:: unreaped ->
		if
		:: unreaped & 1 -> d = 0
		:: unreaped & 2 -> d = 1
		:: unreaped & 4 -> d = 2
		fi;
#ifdef REAPER_DIES
		{
			reap_extra()
		} unless {
			d_step { reaper_killed -> reap_anew() }
		};
#endif
		reap_extra();
		/* A slot's lane stays the cell's; the test's next holder gives it back at once. */
		if
		:: d_step {
			slot[d] ->
			owner[slot[d] - 1] = 0;
			seq[slot[d] - 1] = SEQ(SGEN(seq[slot[d] - 1]) + 1, 0, FREE);
			map = map | 1 << (slot[d] - 1);
			slot[d] = 0
		   }
		:: else
		fi;
		if
		:: d_step { unreaped = unreaped & ~(1 << d); d = 0 }
		fi
	:: !alive && !unreaped -> break
	od
}

proctype Killer() {
	reaper_killed = 1
}

init {
	byte i;

	atomic {
		alive = 7;
		run Writer(0, 0);
		run Writer(1, 1);
		run Writer(2, 1);
#if DEATHS
		run Kernel();
#ifdef REAPER_DIES
		run Killer()
#endif
#endif
	};
	_nr_pr == 1;
	d_step {
		do
		:: i < NL -> assert(SST(seq[i]) == FREE && (map & 1 << i) && !owner[i]); i++
		:: else -> break
		od
	}
}
