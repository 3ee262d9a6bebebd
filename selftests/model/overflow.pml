/* SPDX-License-Identifier: MIT */
/*
 * overflow.pml - a home bucket of one cell and, farther on, a bucket of one or two: the overflow bits are there whenever
 * a key that stands away from home is live, and an insert that they do not yet tell of makes no second key.
 */
#ifndef NC
#define NC 2
#endif
#define FAR 1
#ifndef NW
#define NW 3
#endif
#define NL (NW + 4)
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef X_AT
#define X_AT 0
#endif
#include "store.pml"

init {
	atomic {
		format();
#ifdef WITH_X
		stock(X_AT, X, NW, 1);
#endif
#ifdef WITH_K
		stock(1, K, NW + 1, 1);
#endif
#ifdef WITH_Z
		stock(0, Z, NW + 2, 1);
#endif
		start_all()
	};
	_nr_pr == 1;
	check_end()
}
