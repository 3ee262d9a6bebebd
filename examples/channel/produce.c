// SPDX-License-Identifier: MIT
/* produce.c - sends the numbers 1 to N, and their squares, through a channel; consume.py adds them up. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <splinterk_channel.h>

int main(int argc, char **argv)
{
	struct splk_channel_options options = {
		.size = sizeof(options),
		.flags = SPLK_CREATE | SPLK_CHANNEL_LINGER,
		.role = SPLK_CHANNEL_TX,
		.spins = SPLK_SPINS_ONLY, /* without the module, plain Python couldn't wake us */
		.capacity = 1 << 16,
	};
	uint64_t numbers[2], n = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	struct splk_channel *tx;
	int err;

	if (!n) {
		fprintf(stderr, "usage: produce file:PATH N\n");
		return 2;
	}
	err = splk_channel_open(NULL, argv[1], &options, &tx);
	for (numbers[0] = 1; !err && numbers[0] <= n; numbers[0]++) {
		numbers[1] = numbers[0] * numbers[0];
		err = splk_channel_send(tx, numbers, sizeof(numbers), 1, 0, SPLK_FOREVER);
	}
	if (err) {
		fprintf(stderr, "produce: %s\n", splk_strerror(err));
		return 1;
	}
	printf("sent %" PRIu64 " messages\n", n);
	splk_channel_close(tx);
	return 0;
}
