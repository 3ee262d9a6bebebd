/* SPDX-License-Identifier: MIT */
/*
 * signal.pml - from a publication to who sleeps for it: uapi's splinter_notice.h and splinter_watch.h, sleeping on the
 * device (the kernel's queues), and with EMBEDDED on a futex. Each access to shared memory is a step; what the kernel does
 * under a queue's lock is one, and who is in the kernel isn't killed there.
 *
 * NW writers publish the key WRITES times each. NB sleepers bind it (BOUND: it is bound already), each to a group of its own,
 * or all to one (ONE_GROUP), look at it, sleep, and look again each time that they are woken. With LABEL another process binds
 * it by a label, and sleepers wait for that as well. With CLEARS, somebody else takes away a bit that nobody needs (LEFT: there
 * is one). DEATHS writers or labellers are killed at any step and reaped, with REAPER_DIES the reaper once, too; STOPS of
 * them stop for ever instead.
 *
 * Held: when nothing moves any more, every sleeper has seen the last state that others than the stopped published. There is
 * no clock: nobody is woken by one.
 *
 * Not modelled: memory order (litmus), whether a dead writer's exchange took place (store.pml), incarnations.
 */
#ifndef NW
#define NW 2
#endif
#ifndef NB
#define NB 2
#endif
#ifndef WRITES
#define WRITES 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef STOPS
#define STOPS 0
#endif
#ifdef ONE_GROUP
#define NG 1
#define GROUP(b) 0
#else
#define NG NB
#define GROUP(b) (b)
#endif
#ifdef LABEL
#define NA (NW + 1)
#else
#define NA NW
#endif

/* Whoever may be killed: { steps } unless { FORGET }. */
#if DEATHS || STOPS
#define MORTAL(what) unless { what }
#else
#define MORTAL(what)
#endif

#define OP_SWAP 1
#define OP_ATTR 2

byte value; /* publications */
byte word; /* bit 0: SPL_NOTICE; above: version */
byte pair; /* groups */
byte count[NG], armed[NG], bell[NG];
byte op[NA], ring[NA];

/* The kernel's: who is in a group's queue, or sleeps on its futex; who of them has been woken. */
byte queue[NG], woken;

/* What the model knows. */
byte published; /* writers whose declared exchange took place */
byte sure; /* the last publication by somebody who isn't stopped */
byte last[NA];
byte seen[NB];
byte alive, killed, unreaped, in_kernel;

#ifdef LEFT
#define WORD_AT_FIRST 1
#else
#define WORD_AT_FIRST 0
#endif

inline next_group(mask) {
	do
	:: g < NG && !(mask & 1 << g) -> g++
	:: else -> break
	od
}

/* spl_pulse() for the cell of @who; @m: groups, gone afterwards. */
inline pulse(who, m) {
	if
	:: atomic {
		m ->
		due = ring[who];
		ring[who] = due | m;
		next_group(m)
	   };
		do
#ifdef F_ARMED_EARLY
		:: atomic { g < NG -> due = due | (armed[g] & 1) << g };
			atomic { count[g]++; g++; next_group(m) }
#else
		:: atomic { g < NG -> count[g]++ };
			atomic { due = due | (armed[g] & 1) << g; g++; next_group(m) } /* (T) */
#endif
		:: atomic { g == NG -> ring[who] = due; due = 0; g = 0; m = 0; break }
		od
	:: else
	fi
}

/* SPL_IOC_RING, or futexes; then spl_ring_done(). */
inline wake_due(who) {
	atomic {
		due = ring[who];
#ifdef F_RING_CLEARED
		ring[who] = 0;
#endif
		next_group(due)
	};
	do
#ifdef EMBEDDED
	:: atomic { g < NG && !(armed[g] & 1) -> g++; next_group(due) }
	:: atomic { g < NG && (armed[g] & 1) -> a = armed[g] };
#ifdef F_CLEARED_FIRST
		d_step { if :: armed[g] == a -> armed[g] = a & ~1 :: else fi };
		bell[g]++;
		atomic { woken = woken | queue[g]; queue[g] = 0; a = 0; g++; next_group(due) }
#else
#ifndef F_BELL_AFTER_WAKE
		bell[g]++;
#endif
		d_step { woken = woken | queue[g]; queue[g] = 0 };
#ifdef F_BELL_AFTER_WAKE
		bell[g]++;
#endif
		atomic {
			if
			:: armed[g] == a -> armed[g] = a & ~1
			:: else
			fi;
			a = 0;
			g++;
			next_group(due)
		}
#endif
#else
#ifdef F_ARMED_LATE
	:: atomic { g < NG -> in_kernel = in_kernel | 1 << who; woken = woken | queue[g] };
		atomic { armed[g] = 0; in_kernel = in_kernel & ~(1 << who); g++; next_group(due) }
#else
	:: atomic { g < NG -> in_kernel = in_kernel | 1 << who; armed[g] = 0 };
		atomic {
#ifdef F_WAKE_ONE
			if
			:: queue[g] & ~woken & 1 -> woken = woken | 1
			:: else -> woken = woken | queue[g]
			fi;
#else
			woken = woken | queue[g];
#endif
			in_kernel = in_kernel & ~(1 << who);
			g++;
			next_group(due)
		}
#endif
#endif
	:: atomic { g == NG -> ring[who] = 0; due = 0; g = 0; break }
	od
}

/* spl_notice_ask() */
inline ask() {
#ifndef F_NO_VERSION
	word = word + 2;
#endif
	word = word | 1
}

inline publish(me) {
	d_step { value++; last[me] = value; published = published | 1 << me }
}

/* spl_notice_ahead(), spl_swap(), then spl_notice_set(). What labels lead to isn't foreseen. */
proctype Writer(byte me) {
	byte n, w, p, m, g, due, a;
	{
		do
		:: n < WRITES ->
#ifndef LABEL
#ifdef F_AHEAD_PAIR_FIRST
			p = pair;
			w = word;
#else
			w = word; /* (s) */
			if
			:: w & 1 -> p = pair
			:: else
			fi;
#endif
#endif
			d_step { op[me] = OP_SWAP; published = published & ~(1 << me) };
#ifndef F_PULSE_FIRST
			publish(me); /* (A) */
#endif
#ifdef F_OP_EARLY
			op[me] = 0;
#endif
			if
			:: d_step { word & 1 -> m = p }; /* (S) */
				pulse(me, m);
				if
#ifdef F_AHEAD_BELIEVED
				:: p
				:: else -> m = pair
#else
				:: d_step { p && word == w -> skip }
				:: d_step { !p || word != w -> skip }; m = pair & ~p
#endif
				fi;
				pulse(me, m)
			:: d_step { !(word & 1) -> skip }
			fi;
#ifdef F_PULSE_FIRST
			publish(me);
#endif
			atomic { op[me] = 0; n++; w = 0; p = 0 };
			if
			:: ring[me] -> wake_due(me)
			:: else
			fi
		:: n == WRITES -> break
		od;
		atomic { alive = alive & ~(1 << me); n = 0 }
	} MORTAL(d_step { killed & 1 << me -> killed = killed & ~(1 << me); n = 0; w = 0; p = 0; m = 0; g = 0; due = 0; a = 0 })
}

#ifdef LABEL
/* spl_attr_change(): a first label, whose groups are all. */
proctype Labeller() {
	byte m, g, due, a;
	{
		op[NW] = OP_ATTR;
		d_step { pair = pair | (1 << NG) - 1; m = pair }; /* nobody else changes it */
#ifdef F_OP_EARLY
		op[NW] = 0;
#endif
		ask(); /* (S) */
		pulse(NW, m);
		op[NW] = 0;
		if
		:: ring[NW] -> wake_due(NW)
		:: else
		fi;
		atomic { alive = alive & ~(1 << NW) }
	} MORTAL(d_step { killed & 1 << NW -> killed = killed & ~(1 << NW); m = 0; g = 0; due = 0; a = 0 })
}
#endif

/* What a sleeper waits for: another value; of a label, that, and then another value. */
inline look() {
#ifdef LABEL
	d_step { p = pair };
	if
	:: d_step { p -> seen[me] = value + 1 }
	:: else
	fi;
	p = 0
#else
	d_step { seen[me] = value }
#endif
}

proctype Sleeper(byte me) {
	byte known, b, p;

#if !defined LABEL && !defined BOUND
	/* spl_watch_once() */
#ifdef F_BIT_FIRST
	ask();
#endif
#ifdef F_BOUND_LATE
	d_step { known = count[GROUP(me)]; seen[me] = value };
#endif
	do
	:: p = pair;
		if
		:: d_step { pair == p -> pair = pair | 1 << GROUP(me) } break
		:: else
		fi
	od;
#ifdef F_FIRST_ASKS
	if
	:: !p -> ask()
	:: else
	fi;
#else
#ifndef F_BIT_FIRST
	ask(); /* (S) */
#endif
#endif
	p = 0;
#ifdef F_BOUND_LATE
	goto sleep;
#endif
#endif
	do
	::
#ifdef F_LOOK_FIRST
		look();
		known = count[GROUP(me)];
#else
		known = count[GROUP(me)];
		look();
#endif
sleep:
#ifdef EMBEDDED
#ifndef F_BELL_LATE
		b = bell[GROUP(me)];
#endif
#ifdef F_NO_TICKET
		armed[GROUP(me)] = 1;
#else
		d_step { armed[GROUP(me)] = armed[GROUP(me)] + 2 | 1 };
#endif
#ifdef F_BELL_LATE
		b = bell[GROUP(me)];
#endif
		if
		:: d_step { count[GROUP(me)] != known -> b = 0 } /* (T) */
		:: d_step { count[GROUP(me)] == known -> skip };
			/* FUTEX_WAIT: compares and goes to sleep as one. */
			d_step {
				if
				:: bell[GROUP(me)] == b -> queue[GROUP(me)] = queue[GROUP(me)] | 1 << me
				:: else -> woken = woken | 1 << me
				fi;
				b = 0
			};
end_asleep:		d_step { woken & 1 << me -> woken = woken & ~(1 << me) }
		fi
#else
#ifdef F_QUEUE_LATE
		armed[GROUP(me)] = 1;
		if
		:: d_step { count[GROUP(me)] != known -> skip }
		:: d_step { count[GROUP(me)] == known -> skip };
			queue[GROUP(me)] = queue[GROUP(me)] | 1 << me;
#else
		queue[GROUP(me)] = queue[GROUP(me)] | 1 << me;
		armed[GROUP(me)] = 1;
		if
		:: d_step { count[GROUP(me)] != known -> skip } /* (T) */
		:: d_step { count[GROUP(me)] == known -> skip };
#endif
end_asleep:		d_step { woken & 1 << me -> skip }
		fi;
		d_step { queue[GROUP(me)] = queue[GROUP(me)] & ~(1 << me); woken = woken & ~(1 << me) }
#endif
	od
}

#ifdef CLEARS
/* spl_overflow_clear() after a neighbour's delete. */
proctype Clearer() {
	byte n, w, p;

	do
	:: n < CLEARS ->
#ifdef F_CLEAR_UNSEEN
		p = pair;
		d_step { w = word };
#else
		d_step { w = word }; /* (e) */
		p = pair;
#endif
		d_step {
			if
			:: !p && word == w -> word = word & ~1
			:: else
			fi;
			n++;
			w = 0;
			p = 0
		}
	:: n == CLEARS -> break
	od
}
#endif

bit reaper_killed;

/* spl_reap_notice(), and who called it rings. */
inline reap() {
	if
	:: op[d] == OP_ATTR && pair -> ask()
	:: else
	fi;
	if
	:: d_step { op[d] == OP_ATTR || op[d] == OP_SWAP && published & 1 << d -> m = pair }
	:: else
	fi;
#ifdef F_REAP_OP_FIRST
	op[d] = 0;
#endif
	pulse(d, m);
	op[d] = 0;
	if
	:: ring[d] -> wake_due(d)
	:: else
	fi
}

#define KILL(x) d_step { x < NA && (alive & 1 << (x)) && !(in_kernel & 1 << (x)) && deaths < DEATHS -> alive = alive & ~(1 << (x)); \
			 killed = killed | 1 << (x); unreaped = unreaped | 1 << (x); deaths++ }
#define STOP(x) d_step { x < NA && (alive & 1 << (x)) && !(in_kernel & 1 << (x)) && stops < STOPS -> alive = alive & ~(1 << (x)); \
			 killed = killed | 1 << (x); stopped = stopped | 1 << (x); stops++ }

byte stopped;

proctype Kernel() {
	byte deaths, stops, d, m, g, due, a;

	do
	:: KILL(0)
	:: KILL(1)
	:: KILL(2)
	:: STOP(0)
	:: STOP(1)
	:: STOP(2)
	:: unreaped && !(killed & unreaped) ->
		if
		:: unreaped & 1 -> d = 0
		:: unreaped & 2 -> d = 1
		:: unreaped & 4 -> d = 2
		fi;
#ifdef REAPER_DIES
		{
			reap()
		} unless {
			d_step { reaper_killed && !(in_kernel & 1 << d) -> m = 0; g = 0; due = 0; a = 0 }
		};
#endif
		reap();
		atomic { unreaped = unreaped & ~(1 << d); d = 0 }
	:: !alive && !unreaped -> break
	od
}

proctype Killer() {
	reaper_killed = 1
}

init {
	byte i;

	atomic {
		word = WORD_AT_FIRST;
#ifdef BOUND
		pair = (1 << NG) - 1;
		word = 1;
#endif
		alive = (1 << NA) - 1;
		i = 0;
		do
		:: i < NW -> run Writer(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NB -> run Sleeper(i); i++
		:: else -> break
		od;
		i = 0;
#ifdef LABEL
		run Labeller();
#endif
#ifdef CLEARS
		run Clearer();
#endif
#if DEATHS || STOPS
		run Kernel();
#ifdef REAPER_DIES
		run Killer()
#endif
#endif
	};
	timeout;
	/* Nothing moves any more. */
	d_step {
		sure = 0;
		i = 0;
		do
		:: i < NW ->
			if
			:: !(stopped & 1 << i) && last[i] > sure -> sure = last[i]
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NB ->
#ifdef LABEL
			if
			:: pair && !stopped -> assert(seen[i] > sure)
			:: else
			fi;
#else
			assert(seen[i] >= sure);
#endif
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NA -> assert(stopped & 1 << i || !op[i] && !ring[i]); i++
		:: else -> break
		od
	}
}
