/* SPDX-License-Identifier: MIT */
/* wake.h - what wake.c measures: how the writer wakes, and how the reader sleeps until then. */
#ifndef _WAKE_H
#define _WAKE_H

struct subject {
	void (*wake)(void);
	void (*sleep)(void); /* until then; the clock stops when this returns */
	void (*drain)(void); /* so that the next sleep sleeps; NULL: nothing to do */
};

/* What both processes need is made before they part; then each prepares itself. Each file has its own subjects. */
void peers_make(void);
void channel_make(void);
void channel_writer(void);
void channel_reader(void);
void signal_make(void);
void signal_reader(void);
void signal_end(void);

extern const struct subject by_eventfd, by_eventfd_epoll, by_pipe, by_futex;
extern const struct subject by_channel, by_channel_epoll;
extern const struct subject by_group, by_group_epoll, by_group_eventfd, by_key;

/* An epoll instance that sleeps until one descriptor is readable (wake_peers.c). */
int epoll_make(int fd);
void epoll_sleep(int ep);

#endif /* _WAKE_H */
