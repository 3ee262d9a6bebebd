/* SPDX-License-Identifier: MIT */
/*
 * store.pml - the operations of uapi/splinter_insert.h, splinter_write.h and splinter_reap.h on a few cells and lanes,
 * step by step, and what must hold. Who runs them, and on what cells, is insert.pml's, overflow.pml's and swap.pml's;
 * the free map is pool.pml's.
 *
 * One step is one access to shared memory, with these exceptions, of which none hides an outcome that matters:
 *   - a lane's sequence word, key, epoch and the look whether they held are read at once: a read that did not hold is a
 *     read of an earlier moment or a further try;
 *   - new_word and op are declared at once (new_word means nothing before op); asking for overflow bits is one step, for
 *     its loop ends with the one compare-and-swap that succeeded; a further generation goes from filling to pending or
 *     ready in one step, for no word names it yet;
 *   - the first empty cell is found in one step; with ANY_CELL it is any empty cell, which is more than the code does;
 *   - what only the reaper of the same writer looks at is a step of its own only if somebody dies (OWN);
 *   - taking a lane from the free map and giving it back are one step each here: the steps are pool.pml's;
 *   - with COARSE a cell and the lane that it names are looked at at once.
 *
 * Modelled: cells of a home bucket and of one bucket farther on; tentative, live and dead words with generations; lane
 * states; insert with help, overflow word (distance, tags, version), epoch floor; overwrite by swap; delete; what writer
 * cells declare; writers killed between any two steps while others go on, one or two of them, reaped in any order; the
 * reaper killed between any two steps and followed by another; the writer cell of a dead one used again.
 *
 * Not modelled: memory order (all is sequentially consistent); generations and versions that wrap (asserted not to
 * happen); the bytes of values and who reads them; attributes; several spares a writer, rooms (alloc, put); keys whose
 * tags are equal but not in the overflow word; several distances, probe sequences that come back; the bounds of hostile
 * numbers; spl_check(); who tells the reaper that a writer is dead, and that one reaps at a time.
 *
 * Held at each step: at most one live cell a key; epochs rise, over delete and insert too; a live key away from home has
 * its overflow bits; a word that stands in a cell names what its lane holds; nobody fills a lane that a cell names or
 * another has; an answer (happened, did not happen) to caller or reaper is what was. At the end: each lane is in one
 * place, nothing is tentative, dead, declared or in hand. With "ends": no cycle, so that who tries again does so because
 * another got on, also if a third stands still for ever at any step.
 *
 * A fault is built in by -DF_...; run says what each is, and that spin finds it.
 */

#define EMPTY 0
#define TENT 1
#define LIVE 2
#define DEAD 3
/* Generations: 8, or 32 with WIDE. */
#ifdef WIDE
#define GENS 5
#define word_t short
#else
#define GENS 3
#define word_t byte
#endif
#define GEN_MAX ((1 << GENS) - 1)
#define WORD(st, gen, lane) ((st) << (GENS + 3) | (gen) << 3 | (lane))
#define ST(w) ((w) >> (GENS + 3))
#define GEN(w) (((w) >> 3) & GEN_MAX)
#define LANE(w) ((w) & 7)

#define FREE 0
#define FILLING 1
#define READY 2
#define PENDING 3
#define ABORTED 4
#define SPARE 5
#define SEQ(gen, who, st) ((gen) << 5 | (who) << 3 | (st))
#define SGEN(s) ((s) >> 5)
#define SWHO(s) (((s) >> 3) & 3)
#define SST(s) ((s) & 7)
#define NAMES(s, w) (SGEN(s) == GEN(w) && SST(s) != FILLING)

#define OP_NONE 0
#define OP_SWAP 1
#define OP_INSERT 2
#define OP_DELETE 3
#define OP_HELP 4
#define OP(o, pos) ((o) << 4 | (pos))
#define OPOF(o) ((o) >> 4)
#define POSOF(o) ((o) & 15)

#define GIVE 8

#define MISS 0
#define FOUND 1
#define AGAIN 2
#define CLEAR 3
#define TWIN 4
#define LOWER 5

#define NONE 15
#define K 1
#define X 2
#define Z 3 /* stands at home all the time */

/* Overflow word: what a key away from home needs, and whether a look-up of it goes on. */
#define NEEDS(k) (1 | (k) << 1)
#define GOES_ON(o, k) (((o) & 1) && ((o) & (k) << 1))

/* Shared memory. Cells from FAR on are of the bucket after the home bucket. */
word_t cell[NC];
byte ovf; /* bit 0: distance 1; 1, 2: tags of K, X; above: version */
byte epoch_floor;
word_t seq[NL];
byte lkey[NL], lepoch[NL];
word_t oldw[NW], neww[NW];
byte op[NW], extra[NW], slot[NW], opseq[NW];

/* What the model knows and the code doesn't. */
byte ghost_pub; /* writers whose offered lane went live */
byte ghost_epoch[4];
byte alive; /* writers not ended and not killed */
byte killed;
byte i_;

/* A word goes live in a cell: part of the step that does it. */
inline went_live(at, w) {
	assert(NAMES(seq[LANE(w)], w) && SST(seq[LANE(w)]) == READY);
	assert(at < FAR || (ovf & NEEDS(lkey[LANE(w)])) == NEEDS(lkey[LANE(w)]));
	i_ = 0;
	do
	:: i_ < NC ->
		assert(i_ == at || ST(cell[i_]) != LIVE || lkey[LANE(cell[i_])] != lkey[LANE(w)]);
		i_++
	:: else -> break
	od;
	i_ = 0;
	assert(lepoch[LANE(w)] > ghost_epoch[lkey[LANE(w)]]);
	ghost_epoch[lkey[LANE(w)]] = lepoch[LANE(w)];
	ghost_pub = ghost_pub | 1 << SWHO(seq[LANE(w)])
}

/* Compare-and-swap of a cell; @ok says whether. */
inline cas_cell(at, was, now, ok) {
	d_step {
		if
		:: cell[at] == was ->
			cell[at] = now;
			if
			:: ST(now) == LIVE -> went_live(at, now)
			:: else
			fi;
			ok = 1
		:: else -> ok = 0
		fi
	}
}

inline cas_seq(n, was, now) {
	d_step {
		if
		:: seq[n] == was -> seq[n] = now
		:: else
		fi
	}
}

/* The lane that is in the slot becomes the writer's next generation. No cell may name it, nobody else may have it. */
inline begin(st) {
	assert(SWHO(seq[n]) == me && SST(seq[n]) != FREE && SGEN(seq[n]) < GEN_MAX);
	i_ = 0;
	do
	:: i_ < NC -> assert((ST(cell[i_]) != LIVE && ST(cell[i_]) != TENT) || LANE(cell[i_]) != n); i_++
	:: else -> break
	od;
	i_ = 0;
	seq[n] = SEQ(SGEN(seq[n]) + 1, me, st)
}

/* spl_fill_end(): a further try is a further generation. */
inline fill_end(st) {
	d_step {
		if
		:: SST(seq[n]) == FILLING -> seq[n] = SEQ(SGEN(seq[n]), me, st)
#ifdef F_SAME_GENERATION
		:: else -> seq[n] = SEQ(SGEN(seq[n]), me, st)
#else
		:: else -> begin(st)
#endif
		fi;
		fs = seq[n];
		lkey[n] = key;
		lepoch[n] = ep
	}
}

inline declare(o, at, w) {
	d_step { neww[me] = w; op[me] = OP(o, at); if :: o != OP_HELP -> ghost_pub = ghost_pub & ~(1 << me) :: else fi }
}

/* A step where a loop before it ends; spin takes no bare d_step there. */
#define AFTER_LOOP if :: d_step

/* Stores that only the reaper of their writer looks at are steps of their own only if somebody dies. */
#if DEATHS
#define OWN {
#else
#define OWN atomic {
#endif

#if FAR < NC
#define IF_FAR(at) if :: at >= FAR ->
#define FI_FAR :: else fi
#define BITS GOES_ON(ovf, key)
#else
#define BITS 0
#endif
#define LAST(b) (i >= NC || (i >= FAR && !(b)))

inline overflow_set() {
#ifdef F_NO_VERSION
	ovf = ovf | NEEDS(key)
#else
	d_step { assert(ovf < 248); ovf = (ovf | NEEDS(key)) + 8 }
#endif
}

/*
 * c: 0, then the cell to look at, NC: all seen, NONE: done. ow: the word as loaded; on: what is needed of it. Which tag a
 * cell's word has, its lane tells here, at the same moment.
 */
inline overflow_clear() {
	do
#ifdef F_CLEAR_UNSEEN
	:: d_step { c == 0 -> c = FAR; on = 0 } /* looks at the cells, then loads the word */
#else
	:: d_step { c == 0 -> ow = ovf; on = 0; c = ((ow & 1) -> FAR : NC) }
#endif
	:: d_step {
		c >= FAR && c < NC ->
		if
		:: ST(cell[c]) == LIVE || ST(cell[c]) == TENT -> on = on | NEEDS(lkey[LANE(cell[c])])
		:: else
		fi;
		c++
	   }
#ifdef F_CLEAR_UNSEEN
	:: d_step { c == NC -> ow = ovf; c = NC + 1 }
	:: d_step {
		c == NC + 1 ->
#else
	:: d_step {
		c == NC ->
#endif
		if
		:: ovf == ow ->
			ovf = ovf & (248 | on);
			c = FAR;
			do
			:: c < NC ->
				assert(ST(cell[c]) != LIVE ||
				       (ovf & NEEDS(lkey[LANE(cell[c])])) == NEEDS(lkey[LANE(cell[c])]));
				c++
			:: else -> break
			od;
			c = NONE
		:: else -> c = 0
		fi
	   }
	:: d_step { c == NONE -> c = 0; ow = 0; on = 0 }; break
	od
}

/* spl_settle() of word @w in cell @at, decision @s: one step, and the overflow bit. */
inline settle(at, w, s) {
	d_step {
		ok = 0;
		if
		:: SST(s) == READY && cell[at] == w ->
			cell[at] = w ^ WORD(TENT | LIVE, 0, 0);
			went_live(at, cell[at])
		:: SST(s) == ABORTED && cell[at] == w -> cell[at] = EMPTY; ok = 1
		:: else
		fi
	};
#if FAR < NC
	if
	:: ok && at >= FAR -> overflow_clear()
	:: else
	fi
#endif
}

/* Where a look-up is: r. */
#define SEEN 6 /* a word that may be the key's; its lane is looked at next */
#define DECIDE 7
#define LOAD 8
#define SETTLE 9
#define FULL 10

/* The lane of word w, found in cell i. r: FOUND (w, hs) or AGAIN; of another key: on to the next cell. */
inline match() {
	hs = seq[LANE(w)];
	if
	:: !NAMES(hs, w) -> assert(cell[i] != w); r = AGAIN
	:: NAMES(hs, w) && lkey[LANE(w)] == key -> r = FOUND
	:: else -> r = MISS; i++
	fi;
	if
	:: r != FOUND -> w = 0; hs = 0
	:: else
	fi
}

/* The word of cell i, and with COARSE its lane at once. */
inline look(want_tentative) {
	w = cell[i];
	if
	:: ST(w) == LIVE || (want_tentative && ST(w) == TENT) ->
#ifdef COARSE
		match()
#else
		r = SEEN
#endif
	:: else -> w = 0; i++
	fi
}

/* spl_find() from i = 0, r = MISS, bits = 0: ends with FOUND, AGAIN, or MISS and i = NC. Options of a loop. */
#if FAR < NC
#define FIND_OPTIONS							\
	:: d_step { r == MISS && i < NC && (i != FAR || bits) -> look(0) }	\
	:: d_step { r == MISS && i == FAR && !bits -> if :: GOES_ON(ovf, key) -> bits = 1 :: else -> i = NC fi } \
	:: d_step { r == SEEN -> match() }
#else
#define FIND_OPTIONS							\
	:: d_step { r == MISS && i < NC -> look(0) }			\
	:: d_step { r == SEEN -> match() }
#endif

inline find_anew() {
	r = MISS; i = 0; bits = 0; w = 0; hs = 0
}

/*
 * spl_judge(): may the tentative cell @jp, whose lane has epoch @je, become live? v: CLEAR, TWIN, LOWER, AGAIN (unsure).
 * Each call of spl_next_twin() loads the overflow word anew.
 */
inline judge_start(at, e) {
	jp = at; je = e; i = 0; r = MISS; bits = BITS; v = 0;
#ifdef F_FLOOR_FIRST
	if :: je <= epoch_floor -> jp = jp | 8 :: else fi;
#endif
}
#define JP (jp & 7)

inline judge() {
	do
	:: d_step {
		!v && r == MISS && !LAST(bits) ->
		if
		:: i == JP -> i++
		:: else
		fi;
		if
		:: !LAST(bits) -> look(1)
		:: else
		fi
	   }
	:: d_step { r == SEEN -> match() }
	:: d_step {
		r == FOUND ->
		if
		:: ST(w) == LIVE -> v = TWIN; r = MISS
		:: ST(w) == TENT && SST(hs) == PENDING && i < JP -> v = LOWER; r = MISS
		:: ST(w) == TENT && SST(hs) == PENDING && i > JP ->
			if
			:: seq[LANE(w)] == hs -> seq[LANE(w)] = hs - PENDING + ABORTED
			:: else
			fi;
			r = LOAD
		:: ST(w) == TENT && SST(hs) != PENDING -> r = LOAD
		fi
	   }
	:: d_step { r == LOAD -> hs = seq[LANE(w)]; r = SETTLE; if :: !NAMES(hs, w) -> v = AGAIN; r = MISS :: else fi }
	:: r == SETTLE ->
		settle(i, w, hs);
		AFTER_LOOP {
			if
			:: SST(hs) != ABORTED -> v = AGAIN
			:: else -> i++; bits = BITS
			fi;
			r = MISS; w = 0; hs = 0; ok = 0
		} fi
	:: d_step { r == AGAIN -> v = AGAIN; r = MISS }
	:: d_step {
		!v && r == MISS && LAST(bits) ->
#ifdef F_FLOOR_FIRST
		v = (jp & 8 -> TWIN : CLEAR)
#else
#ifdef F_NO_FLOOR
		v = CLEAR
#else
		v = (je > epoch_floor -> CLEAR : TWIN)
#endif
#endif
	   }
	:: d_step { v -> w = 0; hs = 0; i = 0; bits = 0; jp = 0; je = 0 }; break
	od
}

/* spl_help(): decide the tentative word @tw in cell @tp, whoever placed it. */
inline help() {
	d_step {
		ts = seq[LANE(tw)];
		r = (NAMES(ts, tw) -> (SST(ts) == PENDING -> DECIDE : SETTLE) : MISS)
	};
	if
	:: r == DECIDE ->
#if FAR < NC
#ifndef F_HELP_NO_BIT
		if
		:: tp >= FAR -> OWN declare(OP_HELP, tp, tw); overflow_set() }
		:: else
		fi;
#endif
#endif
		d_step { judge_start(tp, lepoch[LANE(tw)]) };
#ifdef F_HELP_NO_SCAN
		v = CLEAR;
#else
		judge();
#endif
		AFTER_LOOP {
			if
			:: v == CLEAR && seq[LANE(tw)] == ts -> seq[LANE(tw)] = ts - PENDING + READY
			:: v == TWIN && seq[LANE(tw)] == ts -> seq[LANE(tw)] = ts - PENDING + ABORTED
			:: else
			fi;
			v = 0
		} fi;
		d_step { ts = seq[LANE(tw)]; r = (NAMES(ts, tw) -> SETTLE : MISS) }
	:: else
	fi;
	if
	:: r == SETTLE -> settle(tp, tw, ts)
	:: else
	fi;
#if FAR < NC
	if
	:: tp >= FAR -> overflow_clear(); op[me] = OP_NONE
	:: else
	fi;
#endif
	AFTER_LOOP { ts = 0; tw = 0; tp = NONE; r = MISS; ok = 0; i = 0; bits = BITS } fi
}

/* Mark the lane of the replaced word as the writer's own (G). */
inline mark() {
	d_step {
		assert(seq[LANE(hw)] == hs);
		seq[LANE(hw)] = SEQ(SGEN(hs), me, SPARE)
	}
}

/* spl_swap(): ok says whether. */
inline swap() {
#ifndef F_OLD_LATE
	oldw[me] = hw;
#endif
	OWN
		declare(OP_SWAP, hp, WORD(LIVE, SGEN(fs), n));
#ifdef F_SLOT_FIRST
		slot[me] = LANE(hw);
#endif
		cas_cell(hp, hw, WORD(LIVE, SGEN(fs), n), ok)
	};
	if
	:: !ok ->
#ifdef F_SLOT_FIRST
		slot[me] = n;
#endif
		op[me] = OP_NONE
	:: ok ->
#ifdef F_OLD_LATE
		oldw[me] = hw;
#endif
#ifdef F_MARK_LATE
		slot[me] = LANE(hw);
		op[me] = OP_NONE;
		oldw[me] = 0;
		mark()
#else
#ifdef F_OLD_FORGOTTEN
		oldw[me] = 0;
#endif
		OWN
			mark();
			slot[me] = LANE(hw);
			op[me] = OP_NONE
		}
#endif
	fi
}

/* spl_pool_take() and spl_pool_give(), as one step each. */
inline take() {
	i = 0;
	do
	:: i < NL && SST(seq[i]) != FREE -> i++
	:: else -> break
	od;
	assert(i < NL); /* geometries here have a lane for every key */
	seq[i] = SEQ(SGEN(seq[i]), me, SPARE);
	extra[me] = i + 1;
	i = 0
}

inline give_extra(who) {
	d_step {
		assert(SST(seq[(extra[who] & 7) - 1]) == SPARE && SWHO(seq[(extra[who] & 7) - 1]) == who &&
		       SGEN(seq[(extra[who] & 7) - 1]) < GEN_MAX);
		seq[(extra[who] & 7) - 1] = SEQ(SGEN(seq[(extra[who] & 7) - 1]) + 1, 0, FREE);
		extra[who] = 0
	}
}

inline forget() {
	n = 0; fs = 0; ep = 0; hp = 0; hw = 0; hs = 0; w = 0; r = 0; ok = 0; i = 0; v = 0; jp = 0; je = 0;
	tp = NONE; tw = 0; ts = 0; bits = 0; c = 0; ow = 0; on = 0
}

#define WRITER_LOCALS							\
	word_t fs, hw, hs, w, tw, ts;					\
	byte n, ep, hp, r, ok, i, v, jp, je, tp = NONE, c, ow, on;		\
	bit bits

/* The end of an operation, or of its writer. */
#define ENDED { alive = alive & ~(1 << me); forget() }
#define KILLED d_step { killed & 1 << me -> killed = killed & ~(1 << me); forget() }

/* What the loop over the cells may return when others change them meanwhile is more than the first that is empty now. */
#define PLACE_AT(x) d_step { r == MISS && LAST(bits) && tp == NONE && cell[x] == EMPTY ->	\
		i = 0; bits = 0; hp = x; hw = WORD(TENT, SGEN(fs), n); r = DECIDE }
#define PLACE_NOWHERE d_step { r == MISS && LAST(bits) && tp == NONE && cell[0] != EMPTY && cell[1] != EMPTY && \
		cell[NC - 1] != EMPTY -> i = 0; bits = 0; r = FULL }

/* spl_set(): overwrite or insert. */
inline set_key() {
	d_step { n = slot[me]; begin(FILLING) };
	do
	FIND_OPTIONS
	:: d_step { r == AGAIN -> find_anew() }
	:: d_step {
		r == FOUND ->
		/* The epoch, under the same generation. */
		if
		:: NAMES(seq[LANE(w)], w) -> ep = lepoch[LANE(w)] + 1; hp = i; hw = w; r = DECIDE; i = 0; w = 0; bits = 0
		:: else -> find_anew()
		fi
	   }
	:: r == DECIDE ->
		fill_end(READY);
		swap();
		d_step { find_anew(); fs = 0; ep = 0; hp = 0; hw = 0 };
		if
		:: ok -> break
		:: else
		fi
	:: d_step { r == MISS && i == NC -> if :: !extra[me] -> take() :: else fi; i = 0; r = LOAD; bits = 0 };
again:
		ep = epoch_floor + 1;
		fill_end(PENDING);
		d_step { r = MISS; i = 0; tp = NONE; bits = BITS };
		do
		/* Any twin, live or tentative? */
		:: d_step { r == MISS && !LAST(bits) -> look(1) }
		:: d_step { r == SEEN -> match() }
		:: d_step { r == AGAIN -> r = MISS; i = 0; tp = NONE; tw = 0; bits = BITS }
		:: d_step {
			r == FOUND && ST(w) == TENT ->
			if
			:: tp == NONE -> tp = i; tw = w
			:: else
			fi;
			i++; r = MISS; w = 0; hs = 0; bits = BITS
		   }
		:: d_step { r == FOUND && ST(w) == LIVE -> find_anew(); tp = NONE; tw = 0; fs = 0; ep = 0 }; break
		:: r == MISS && LAST(bits) && tp != NONE -> help()
#ifndef ANY_CELL
		:: d_step {
			r == MISS && LAST(bits) && tp == NONE ->
			i = 0; bits = 0; hp = 0;
			do
			:: hp < NC && cell[hp] != EMPTY -> hp++
			:: else -> break
			od;
			if
			:: hp == NC -> hp = 0; r = FULL
			:: else -> hw = WORD(TENT, SGEN(fs), n); r = DECIDE
			fi
		   }
#else
		:: PLACE_AT(0)
		:: PLACE_AT(1)
#if NC > 2
		:: PLACE_AT(2)
#endif
		:: PLACE_NOWHERE
#endif
		:: r == FULL -> goto refused
		:: r == DECIDE ->
#ifdef F_BIT_FIRST
			if
			:: hp >= FAR -> overflow_set()
			:: else
			fi;
#endif
			OWN
				declare(OP_INSERT, hp, hw);
#ifdef F_LIVE_AT_ONCE
				d_step {
					if
					:: cell[hp] == EMPTY ->
						seq[n] = SEQ(SGEN(fs), me, READY);
						cell[hp] = WORD(LIVE, SGEN(fs), n);
						went_live(hp, cell[hp]);
						ok = 1
					:: else
					fi
				}
			};
			if
			:: ok -> goto happened
			:: else
			fi;
			op[me] = OP_NONE;
#else
				cas_cell(hp, EMPTY, hw, ok)
			};
			if
			:: ok -> break
			:: !ok -> op[me] = OP_NONE
			fi;
#endif
			d_step { hp = 0; hw = 0; r = AGAIN }
		od;
		if
		:: !ok -> goto next /* there is a live twin: overwrite it */
		:: ok ->
			ok = 0
		fi;
#if FAR < NC
#ifndef F_BIT_FIRST
#ifndef F_BIT_LATE
		if
		:: hp >= FAR -> overflow_set()
		:: else
		fi;
#endif
#endif
#endif
#ifdef F_NO_SCAN
		v = CLEAR;
#else
		do
		:: d_step { !v -> judge_start(hp, ep) }; judge()
#ifdef F_JUDGE_ON
		:: d_step { v == AGAIN -> v = 0 }
#else
		/* Decided by a helper? Then no more aborting of others. */
		:: d_step { v == AGAIN -> v = (seq[n] == fs -> 0 : LOWER) }
#endif
		:: v && v != AGAIN -> break
		od;
#endif
#if FAR < NC
#ifdef F_BIT_LATE
		if
		:: hp >= FAR -> overflow_set()
		:: else
		fi;
#endif
#endif
		AFTER_LOOP {
			if
			:: seq[n] == fs -> seq[n] = (v == CLEAR -> fs - PENDING + READY : fs - PENDING + ABORTED)
			:: else
			fi;
			v = 0
		} fi;
		d_step {
			ts = seq[n];
			r = (SGEN(ts) == SGEN(fs) && (SST(ts) == ABORTED || SST(ts) == READY) -> SETTLE : MISS)
		};
#ifdef F_NO_SETTLE
		r = (SST(ts) == ABORTED -> MISS : r);
#endif
		if
		:: r == SETTLE -> settle(hp, hw, ts)
		:: else
		fi;
		AFTER_LOOP { r = (SGEN(ts) == SGEN(fs) && SST(ts) == ABORTED -> AGAIN : MISS); ts = 0; ok = 0 } fi;
		if
		:: r == AGAIN ->
			assert(!(ghost_pub & 1 << me));
#if FAR < NC
			if
			:: hp >= FAR -> overflow_clear()
			:: else
			fi;
#endif
#ifdef F_OP_LATE
			fill_end(PENDING);
#endif
			op[me] = OP_NONE;
			d_step { hp = 0; hw = 0; r = MISS };
			goto again
		:: else
		fi;
happened:
		OWN
			assert(ghost_pub & 1 << me);
			slot[me] = extra[me] - 1;
			extra[me] = 0;
			op[me] = OP_NONE
		};
		break;
refused:
		assert(!(ghost_pub & 1 << me)); /* -ENOSPC */
		break;
next:
		skip
	od;
	if
	:: extra[me] -> give_extra(me)
	:: else
	fi
}

/* spl_delete(). */
inline delete_key() {
	d_step { find_anew() };
	do
	FIND_OPTIONS
	:: d_step { r == AGAIN -> find_anew(); ep = 0; je = 0; hp = 0; hw = 0; fs = 0 }
	:: r == MISS && i == NC -> break
	:: d_step {
		r == FOUND ->
		if
		:: NAMES(seq[LANE(w)], w) -> ep = lepoch[LANE(w)]; hp = i; hw = w; r = DECIDE; i = 0; w = 0; bits = 0
		:: else -> find_anew()
		fi
	   }
	:: r == DECIDE ->
#ifndef F_FLOOR_LATE
		/* load, compare-and-swap: a floor that another raised between is one more look */
		je = epoch_floor;
		d_step {
			if
			:: je < ep && epoch_floor == je -> epoch_floor = ep; r = LOAD
			:: je < ep && epoch_floor != je -> r = AGAIN
			:: else -> r = LOAD
			fi
		}
#else
		r = LOAD
#endif
	:: r == LOAD ->
		oldw[me] = hw;
		OWN
			d_step { opseq[me]++; assert(opseq[me] < 8); fs = WORD(DEAD, me, opseq[me]) };
			declare(OP_DELETE, hp, fs);
			d_step {
#ifdef F_NO_DEAD_WORD
				if :: cell[hp] == hw -> cell[hp] = EMPTY; ok = 1 :: else fi;
#else
				if :: cell[hp] == hw -> cell[hp] = fs; ok = 1 :: else fi;
#endif
				if :: ok -> ghost_pub = ghost_pub | 1 << me :: else fi
			}
		};
		if
		:: ok -> break
		:: else -> op[me] = OP_NONE; r = AGAIN
		fi
	od;
	if
	:: ok ->
#ifdef F_FLOOR_LATE
		d_step { if :: epoch_floor < ep -> epoch_floor = ep :: else fi };
#endif
		OWN
			mark();
#ifdef F_EMPTY_FIRST
			d_step { assert(cell[hp] == fs); cell[hp] = EMPTY };
			extra[me] = GIVE | (LANE(hw) + 1)
#else
			extra[me] = GIVE | (LANE(hw) + 1);
#ifndef F_NO_DEAD_WORD
			d_step { assert(cell[hp] == fs); cell[hp] = EMPTY }
#endif
#endif
		};
#if FAR < NC
		if
		:: hp >= FAR -> overflow_clear()
		:: else
		fi;
#endif
		OWN
			op[me] = OP_NONE;
			give_extra(me)
		}
	:: else
	fi
}

proctype Setter(byte me; byte key; byte times) {
	WRITER_LOCALS;
	{
		do
		:: times -> set_key(); AFTER_LOOP { forget(); times-- } fi
		:: !times -> break
		od;
		AFTER_LOOP ENDED fi
	}
#if DEATHS
	unless { KILLED }
#endif
}

proctype Deleter(byte me; byte key) {
	WRITER_LOCALS;
	{
		delete_key();
		AFTER_LOOP ENDED fi
	}
#if DEATHS
	unless { KILLED }
#endif
}

#if DEATHS
/*
 * spl_reap_writer(), d the dead writer. The stages, in z: what the code's control flow is.
 */
#define Z_START 0
#define Z_LANE 1
#define Z_WORDS 2
#define Z_LANE2 3
#define Z_NOT 4
#define Z_DONE 5
#define Z_SLOT 6
#define Z_CELL 7
#define Z_ABORT 8
#define Z_EXTRA 9
#define Z_BIT 10
#define Z_OP 11
#define Z_END 12

inline reap_untouched(yes, no) {
	z = (NAMES(seq[LANE(w)], w) && SWHO(seq[LANE(w)]) == d && SST(seq[LANE(w)]) == READY -> yes : no)
}

inline reap_writer() {
	do
	:: d_step {
		z == Z_START ->
		hp = POSOF(op[d]); o = OPOF(op[d]); w = neww[d]; hw = oldw[d];
#ifdef F_REAP_OP_FIRST
		op[d] = OP_NONE;
#endif
		/* and the first load from what others change */
		if
		:: o == OP_SWAP && slot[d] != LANE(w) -> z = Z_DONE
		:: o == OP_SWAP && slot[d] == LANE(w) && cell[hp] == w -> z = Z_DONE
#ifdef F_CELL_ONLY
		:: o == OP_SWAP && slot[d] == LANE(w) && cell[hp] != w -> z = Z_NOT
#else
		:: o == OP_SWAP && slot[d] == LANE(w) && cell[hp] != w -> z = Z_LANE
#endif
		:: o == OP_INSERT -> hs = seq[LANE(w)]; z = (NAMES(hs, w) && SST(hs) == PENDING -> Z_ABORT : Z_LANE)
		:: o == OP_DELETE ->
#ifdef F_REAP_CELL_ONLY
			z = (cell[hp] != w -> Z_NOT : Z_DONE)
#else
			z = (cell[hp] != w && extra[d] != (GIVE | (LANE(hw) + 1)) -> Z_NOT : Z_DONE)
#endif
		:: o == OP_HELP -> z = Z_BIT
		:: o == OP_NONE -> z = Z_END
		fi
	   }

	/* spl_reap_published() */
	:: d_step { o == OP_SWAP && z == Z_LANE -> reap_untouched(Z_WORDS, Z_DONE); i = 0 }
	:: d_step {
		o == OP_SWAP && z == Z_WORDS ->
#ifndef F_NO_EVIDENCE
		if
		:: i != d && oldw[i] == w -> z = Z_DONE
		:: else
		fi;
		i++;
		if
		:: i == d -> i++
		:: else
		fi;
#else
		i = NW;
#endif
		if
		:: z == Z_WORDS && i >= NW ->
#ifdef F_ONE_LOOK
			z = Z_NOT
#else
			z = Z_LANE2
#endif
		:: else
		fi;
		if
		:: z != Z_WORDS -> i = 0
		:: else
		fi
	   }
	:: d_step { o == OP_SWAP && z == Z_LANE2 -> reap_untouched(Z_NOT, Z_DONE) }
	:: d_step { z == Z_NOT -> assert(!(ghost_pub & 1 << d)); z = Z_OP }
	:: d_step {
		o == OP_SWAP && z == Z_DONE ->
		assert(ghost_pub & 1 << d);
		if
		:: NAMES(seq[LANE(hw)], hw) -> seq[LANE(hw)] = SEQ(SGEN(seq[LANE(hw)]), d, SPARE)
		:: else
		fi;
		z = Z_SLOT
	   }
	:: d_step { o == OP_SWAP && z == Z_SLOT -> slot[d] = LANE(hw); z = Z_OP }

	/* spl_reap_insert() */
	:: d_step {
		o == OP_INSERT && z == Z_ABORT ->
		if
		:: seq[LANE(w)] == hs -> seq[LANE(w)] = hs - PENDING + ABORTED
		:: else
		fi;
		hs = 0; z = Z_LANE2
	   }
	:: d_step { o == OP_INSERT && z == Z_LANE2 -> hs = seq[LANE(w)]; z = Z_LANE }
	:: d_step {
		o == OP_INSERT && z == Z_LANE ->
		if
		:: NAMES(hs, w) && SST(hs) != READY && SST(hs) != SPARE ->
			assert(!(ghost_pub & 1 << d));
#ifndef F_REAP_LEAVES_CELL
			if
			:: cell[hp] == w -> cell[hp] = EMPTY
			:: else
			fi;
#endif
			z = Z_BIT
		:: NAMES(hs, w) && SST(hs) == READY ->
			if
			:: cell[hp] == w -> cell[hp] = w ^ WORD(TENT | LIVE, 0, 0); went_live(hp, cell[hp])
			:: else
			fi;
			z = Z_SLOT
		:: else -> z = Z_SLOT
		fi;
		hs = 0
	   }
	:: d_step {
		o == OP_INSERT && z == Z_SLOT ->
		assert(ghost_pub & 1 << d);
		if
		:: extra[d] && !(extra[d] & GIVE) ->
#ifdef F_REAP_EXTRA_FIRST
			i = extra[d];
			extra[d] = 0;
#else
			slot[d] = extra[d] - 1;
#endif
			z = Z_EXTRA
		:: else -> z = Z_OP
		fi
	   }
#ifdef F_REAP_EXTRA_FIRST
	:: d_step { o == OP_INSERT && z == Z_EXTRA -> slot[d] = i - 1; i = 0; z = Z_OP }
#else
	:: d_step { o == OP_INSERT && z == Z_EXTRA -> extra[d] = 0; z = Z_OP }
#endif

	/* spl_reap_delete() */
	:: d_step {
		o == OP_DELETE && z == Z_DONE ->
		assert(ghost_pub & 1 << d);
		if
		:: extra[d] != (GIVE | (LANE(hw) + 1)) && NAMES(seq[LANE(hw)], hw) ->
			seq[LANE(hw)] = SEQ(SGEN(seq[LANE(hw)]), d, SPARE);
			z = Z_EXTRA
		:: else -> z = Z_CELL
		fi
	   }
	:: d_step { o == OP_DELETE && z == Z_EXTRA -> extra[d] = GIVE | (LANE(hw) + 1); z = Z_CELL }
	:: d_step {
		o == OP_DELETE && z == Z_CELL ->
		if
		:: cell[hp] == w -> cell[hp] = EMPTY
		:: else
		fi;
		z = Z_BIT
	   }
	:: z == Z_BIT ->
#if FAR < NC
		if
		:: hp >= FAR -> overflow_clear()
		:: else
		fi;
#endif
		z = Z_OP
	:: d_step { z == Z_OP -> op[d] = OP_NONE; z = Z_END }

	/* spl_reap_extra() */
	:: d_step {
		z == Z_END && extra[d] && !(extra[d] & GIVE) ->
		if
		:: slot[d] == extra[d] - 1 || SST(seq[extra[d] - 1]) != SPARE || SWHO(seq[extra[d] - 1]) != d -> extra[d] = 0
		:: else -> extra[d] = extra[d] | GIVE
		fi
	   }
	:: z == Z_END && (extra[d] & GIVE) -> give_extra(d)
	:: d_step { z == Z_END && !extra[d] -> reap_anew() }; break
	od
}

inline reap_anew() {
	o = 0; w = 0; hw = 0; hs = 0; hp = 0; z = 0; i = 0; c = 0; ow = 0; on = 0
}

/* A moment at which writer @x may be killed. */
#define KILL(x) d_step { (alive & MORTAL & 1 << (x)) && deaths < DEATHS -> alive = alive & ~(1 << (x)); \
			 killed = killed | 1 << (x); unreaped = unreaped | 1 << (x); deaths++; x_ = 0 }
#ifndef MORTAL
#define MORTAL 7
#endif

byte unreaped, x_;
bit reaper_killed;

/*
 * Kills up to DEATHS writers at any time, and reaps them, in any order. With REAPER_DIES the reaper may end at any step
 * of the first death's reaping, and all is done again from the beginning.
 */
proctype Kernel() {
	byte deaths, d;
	word_t w, hw, hs;
	byte o, hp, z, i, c, ow, on;

	do
	:: KILL(0)
	:: KILL(1)
#if NW > 2
	:: KILL(2)
#endif
	:: unreaped ->
		if
		:: unreaped & 1 -> d = 0
		:: unreaped & 2 -> d = 1
#if NW > 2
		:: unreaped & 4 -> d = 2
#endif
		fi;
#ifdef REAPER_DIES
		{
			reap_writer()
		} unless {
			d_step { reaper_killed -> reap_anew() }
		};
#endif
		reap_writer();
#ifdef HEIR
		/* The cell goes to another writer. */
		atomic { !(killed & 1 << d) -> unreaped = unreaped & ~(1 << d); alive = alive | 1 << d; run Setter(d, K, 1); d = 0 }
#else
		AFTER_LOOP { unreaped = unreaped & ~(1 << d); d = 0 } fi
#endif
	:: !alive && !unreaped -> break
	od
}

proctype Killer() {
	reaper_killed = 1
}
#endif

/* When all have ended: each lane in one place, nothing in hand. */
inline check_end() {
	d_step {
		byte a, b, refs;

		a = 0;
		do
		:: a < NW -> assert(OPOF(op[a]) == OP_NONE && !extra[a]); a++
		:: else -> break
		od;
		b = 0;
		do
		:: b < NC -> assert(ST(cell[b]) == LIVE || cell[b] == EMPTY); b++
		:: else -> break
		od;
		a = 0;
		do
		:: a < NL ->
			refs = (SST(seq[a]) == FREE);
			b = 0;
			do
			:: b < NC ->
				if
				:: ST(cell[b]) == LIVE && LANE(cell[b]) == a -> assert(NAMES(seq[a], cell[b])); refs++
				:: else
				fi;
				b++
			:: else -> break
			od;
			b = 0;
			do
			:: b < NW ->
				if
				:: slot[b] == a -> assert(SWHO(seq[a]) == b); refs++
				:: else
				fi;
				b++
			:: else -> break
			od;
			assert(refs == 1);
			a++
		:: else -> break
		od
	}
}

/* Lanes 0..NW-1 are the writers' spares. */
inline format() {
	i_ = 0;
	do
	:: i_ < NW -> slot[i_] = i_; seq[i_] = SEQ(0, i_, SPARE); i_++
	:: else -> break
	od;
	i_ = 0
}

/* A live key from before. */
inline stock(at, k, lane, ep0) {
	cell[at] = WORD(LIVE, 1, lane);
	seq[lane] = SEQ(1, 3, READY);
	lkey[lane] = k;
	lepoch[lane] = ep0;
	ghost_epoch[k] = ep0;
	if
	:: at >= FAR -> ovf = ovf | NEEDS(k)
	:: else
	fi
}

/* Who does what: 0 nothing, 1 sets K, 2 deletes K, 3 deletes X, 4 sets X, 5 sets K twice. Lanes from NW on: free, but for what is stocked. */
#ifndef W0
#define W0 0
#endif
#ifndef W1
#define W1 0
#endif
#ifndef W2
#define W2 0
#endif

inline start(w, what) {
	if
	:: what == 0 -> skip
	:: else -> alive = alive | 1 << w
	fi;
	if
	:: what == 1 -> run Setter(w, K, 1)
	:: what == 2 -> run Deleter(w, K)
	:: what == 3 -> run Deleter(w, X)
	:: what == 4 -> run Setter(w, X, 1)
	:: what == 5 -> run Setter(w, K, 2)
	:: else
	fi
}

inline start_all() {
	start(0, W0);
	start(1, W1);
#if NW > 2
	start(2, W2);
#endif
#if DEATHS
	run Kernel();
#ifdef REAPER_DIES
	run Killer()
#endif
#endif
}
