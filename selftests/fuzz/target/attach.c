// SPDX-License-Identifier: MIT
/*
 * attach.c - the library takes a channel whose info page somebody else has written. It refuses it, or works within the
 * file: what it would touch beyond is a SIGBUS. What changes while it works, channel.c tries.
 *
 *	byte 0		bits 0..1: capacity; bits 2..3: who attaches, none, producer, consumer or both; bits 4..5: pages that
 *			the file has more
 *	bytes 1..7	unused
 *	then 8 bytes a record: unused, a, b, c, v: a word of the info page, changed
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record.h"
#include "splinter_channel.h"
#include "splinterk_channel.h"

#define NR_CAPACITIES 3U
#define NR_ENDS 2

/* There are no operations here; mutate.c asks. */
const uint32_t fuzz_op_kinds = 1;

static void broken(const char *what, long result)
{
	fprintf(stderr, "broken: operation 0: %s: %ld\n", what, result);
	abort();
}

/* Refused, or not now; of an end that works all else would be news. */
static void expect(long r, const char *what)
{
	static const int errors[] = { EBADMSG, EAGAIN, EPIPE, EBUSY, EPROTONOSUPPORT, EMSGSIZE };
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (r == -errors[i])
			return;
	if (r < 0)
		broken(what, r);
}

/* Something small, a power of two or nearly, a little more or less, one bit, whole pages. */
static __u64 spoilt(__u64 x, const struct record *r)
{
	switch (r->a >> 2 & 7) {
	case 0:
		return r->v & 0xff;
	case 1:
		return (1ULL << (r->v & 63)) + (r->v >> 6 & 7) - 3;
	case 2:
		return x + (r->v & 0xff) - 128ULL;
	case 3:
		return x ^ 1ULL << (r->v & 63);
	case 4:
		return x + ((r->v & 15) - 8ULL) * SPL_PAGE_BYTES;
	case 5:
		return 0 - (__u64)(r->v & 0xff) * SPL_PAGE_BYTES;
	case 6:
		return (__u64)(r->v & 0xff) * SPL_PAGE_BYTES;
	default:
		return r->v;
	}
}

static void spoil(struct spl_channel_info *info, const struct record *r)
{
	const __u64 words = sizeof(*info) / 8;
	/* Mostly where the sizes and offsets are. */
	__u64 at = r->a & 3 ? offsetof(struct spl_channel_info, capacity) + r->b % 6 * 8
			    : r->b % words * 8;
	__u64 x;

	memcpy(&x, (char *)info + at, sizeof(x));
	x = spoilt(x, r);
	memcpy((char *)info + at, &x, sizeof(x));
}

/* A file that is as long as the info page says where that may be; else as long as it was meant to be. */
static int make(const uint8_t *data, const struct record *records, uint32_t nr)
{
	struct spl_channel_info info = { 0 };
	uint32_t i;
	int fd;

	info.capacity = SPL_CHANNEL_CAPACITY_MIN << (data[0] & 3) % NR_CAPACITIES;
	if (spl_channel_plan(&info))
		abort();
	info.magic = SPL_CHANNEL_MAGIC;
	info.backend = SPL_BACKEND_EMBEDDED;
	info.map_bytes += (data[0] >> 4 & 3) * SPL_PAGE_BYTES;
	for (i = 0; i < nr; i++)
		spoil(&info, &records[i]);
	fd = memfd_create("channel", MFD_CLOEXEC);
	if (fd < 0 ||
	    ftruncate(fd, info.map_bytes <= 64 * SPL_PAGE_BYTES ? (off_t)info.map_bytes : 0) ||
	    pwrite(fd, &info, sizeof(info), 0) != sizeof(info))
		abort();
	return fd;
}

static void use(struct splk_channel *tx, struct splk_channel *rx)
{
	static unsigned char buf[SPL_CHANNEL_CAPACITY_MIN << NR_CAPACITIES];
	struct splk_channel_info info = { .size = sizeof(info) };
	struct splk_message m;
	uint32_t i;
	void *room;

	for (i = 0; i < 80; i++) {
		if (tx)
			expect(splk_channel_send(tx, buf, i * 97 % 3000, i, i, 0), "send");
		if (rx && i % 3)
			expect(splk_channel_recv(rx, buf, sizeof(buf), &m, 0), "recv");
	}
	if (tx) {
		expect(splk_channel_acquire_tx(tx, 48, &room, 0), "acquire");
		expect(splk_channel_wait(tx, 1, 0), "wait");
		expect(splk_channel_info(tx, &info), "info");
	}
	if (rx) {
		expect(splk_channel_wait(rx, 0, 0), "wait");
		expect(splk_channel_info(rx, &info), "info");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct splk_channel *ends[NR_ENDS] = { NULL }, *none = NULL;
	struct splk_channel_options options = { .size = sizeof(options) };
	struct record records[RECORDS_MAX];
	uint32_t nr, end;
	int fd;

	if (size < RECORD_BYTES)
		return 0;
	nr = (uint32_t)(size / RECORD_BYTES) - 1;
	if (nr > RECORDS_MAX)
		nr = RECORDS_MAX;
	memcpy(records, data + RECORD_BYTES, nr * RECORD_BYTES);
	fd = make(data, records, nr);
	for (end = 0; end < NR_ENDS; end++) {
		options.role = end ? SPLK_CHANNEL_RX : SPLK_CHANNEL_TX;
		if (data[0] >> 2 & 1U << end)
			expect(splk_channel_attach(fd, &options, &ends[end]), "attach");
	}
	options.role = SPLK_CHANNEL_NONE;
	expect(splk_channel_attach(fd, &options, &none), "attach");
	use(ends[0], ends[1]);
	for (end = 0; end < NR_ENDS; end++)
		splk_channel_close(ends[end]);
	splk_channel_close(none);
	close(fd);
	return 0;
}
