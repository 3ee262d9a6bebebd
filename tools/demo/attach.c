// SPDX-License-Identifier: MIT
/*
 * attach.c - attaches read-only to stores and runs a command that finds each as an open file, the first as descriptor
 * 3: for programs that can open and mmap but not call an ioctl, which a named store of the device needs.
 */
#include <fcntl.h>

#include "demo.h"

int main(int argc, char **argv)
{
	struct splk_store *store;
	int i, fd;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		store = open_store(argv[i], true);
		fd = splk_fd(store);
		if (fd == 2 + i ? fcntl(fd, F_SETFD, 0) : dup2(fd, 2 + i) < 0)
			die("%s: %s", argv[i], strerror(errno));
	}
	if (i >= argc - 1) {
		fprintf(stderr, "usage: demo-attach STORE... -- COMMAND [ARGUMENT...]\n");
		return 2;
	}
	execvp(argv[i + 1], argv + i + 1);
	die("%s: %s", argv[i + 1], strerror(errno));
}
