/* SPDX-License-Identifier: MIT */
/*
 * insert.pml - two keys in one home bucket of two or three cells, no other bucket: who makes K, at most once, while X
 * before it goes; that epochs rise when K goes and comes again; writers that die in it. Operations are store.pml's.
 */
#ifndef NC
#define NC 2
#endif
#define FAR NC
#ifndef NW
#define NW 3
#endif
#define NL (NW + 4)
#ifndef DEATHS
#define DEATHS 0
#endif
#include "store.pml"

init {
	atomic {
		format();
#ifdef WITH_X
		stock(0, X, NW, 1);
#endif
#ifdef WITH_K
		stock(1, K, NW + 1, 1);
#endif
		start_all()
	};
	_nr_pr == 1;
	check_end()
}
