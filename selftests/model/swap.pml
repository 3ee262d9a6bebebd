/* SPDX-License-Identifier: MIT */
/*
 * swap.pml - X and K live in one bucket: overwrites and deletes, deaths in them, and the reaper, which has to tell from the
 * cell, the lane and the old words of all writer cells whether a dead writer's swap took place (G).
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
#define DEATHS 1
#endif
#include "store.pml"

init {
	atomic {
		format();
		stock(0, X, NW, 1);
		stock(1, K, NW + 1, 1);
		start_all()
	};
	_nr_pr == 1;
	check_end()
}
