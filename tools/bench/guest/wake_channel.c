// SPDX-License-Identifier: MIT
/* wake_channel.c - a message of 8 bytes wakes who sleeps at the other end of a channel: in the wait call, or by epoll. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "guest.h"
#include "splinter_ring.h"
#include "wake.h"

static int tx_fd, rx_fd, ep;
static struct spl_tx tx;
static struct spl_rx rx;

static void channel_wake(void)
{
	struct spl_ioc_channel_ring r = { .size = sizeof(r) };
	void *p;

	if (spl_tx_acquire(&tx, 8, &p))
		die("a channel without space");
	memset(p, 1, 8);
	spl_tx_commit(&tx, 8, 0, 0);
	if (spl_tx_flush(&tx) && ioctl(tx_fd, SPL_IOC_CHANNEL_RING, &r))
		die("ring");
}

static void channel_sleep(void)
{
	struct spl_ioc_channel_wait w = { .size = sizeof(w),
					  .position = rx.next,
					  .deadline_ns = SPL_CHANNEL_FOREVER };

	if (ioctl(rx_fd, SPL_IOC_CHANNEL_WAIT, &w))
		die("wait");
}

static void channel_epoll(void)
{
	epoll_sleep(ep);
}

static void channel_drain(void)
{
	struct spl_received m;

	if (spl_rx_acquire(&rx, &m))
		die("a channel without its message");
	spl_rx_commit(&rx);
}

static void map_channel(int fd, int role, struct spl_channel_map *map)
{
	struct spl_ioc_channel_info i = { .size = sizeof(i) };
	char *base;
	void *p;

	if (ioctl(fd, SPL_IOC_CHANNEL_INFO, &i))
		die("channel");
	base = mmap(NULL, i.map_bytes + i.capacity, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		die("mmap");
	map->info = (void *)base;
	map->tx = (void *)(base + map->info->tx_off);
	map->rx = (void *)(base + map->info->rx_off);
	map->data = (unsigned char *)base + map->info->data_off;
	map->capacity = i.capacity;
	map->fenced = false;
	p = mmap(role == SPL_CHANNEL_TX ? (void *)map->tx : (void *)map->rx, 4096,
		 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 (off_t)(role == SPL_CHANNEL_TX ? map->info->tx_off : map->info->rx_off));
	if (p != MAP_FAILED && role == SPL_CHANNEL_TX)
		p = mmap(map->data, 2 * i.capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 fd, (off_t)map->info->data_off);
	if (p == MAP_FAILED)
		die("mmap");
}

void channel_make(void)
{
	struct spl_ioc_channel_open o = { .size = sizeof(o),
					  .flags = SPL_CHANNEL_CREATE,
					  .mode = 0600,
					  .role = SPL_CHANNEL_TX,
					  .may = SPL_CHANNEL_MAY_ALL };
	struct spl_ioc_channel_attach a = { .size = sizeof(a), .role = SPL_CHANNEL_RX };
	int fd = open("/dev/splinter", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, SPL_IOC_CHANNEL_OPEN, &o))
		die("/dev/splinter (is the module loaded?)");
	tx_fd = o.fd;
	if (ioctl(tx_fd, SPL_IOC_CHANNEL_ATTACH, &a))
		die("attach");
	rx_fd = a.fd;
	ep = epoll_make(rx_fd);
}

void channel_writer(void)
{
	struct spl_channel_map map;

	map_channel(tx_fd, SPL_CHANNEL_TX, &map);
	if (spl_tx_attach(&tx, &map))
		die("attach");
}

void channel_reader(void)
{
	struct spl_channel_map map;

	map_channel(rx_fd, SPL_CHANNEL_RX, &map);
	if (spl_rx_attach(&rx, &map))
		die("attach");
}

const struct subject by_channel = { channel_wake, channel_sleep, channel_drain };
const struct subject by_channel_epoll = { channel_wake, channel_epoll, channel_drain };
