// SPDX-License-Identifier: MIT
/* nodevice.c - without the module everything that needs it says so, and says what to do. */
#include "fixture.h"

static int count(const struct spl_store_entry *entry, void *arg)
{
	(void)entry;
	++*(int *)arg;
	return 0;
}

int main(void)
{
	struct splk_options o = options_for(10, 8);
	struct splk_caps caps = { .size = sizeof(caps) };
	struct splk_store *s = NULL;
	char name[300];
	int n = 0;

	o.device = "/dev/there-is-no-splinter";
	IS(splk_open("name", &o, &s), -ENODEV, "create");
	o.flags = 0;
	IS(splk_open("", &o, &s), -ENODEV, "open the default store");
	IS(splk_open("default", &o, &s), -ENODEV, "by its name");
	o.flags = SPLK_READ_ONLY;
	IS(splk_open("dev:memfd:", &o, &s), -ENODEV, "a name like a prefix");
	o.device = "/dev/null";
	IS(splk_open("name", &o, &s), -ENODEV, "another device in its place");
	o.flags = 0;
	IS(splk_unlink("name", NULL, 4), -EINVAL, "unlink: unknown flag");
	memset(&o.geometry, 0, sizeof(o.geometry));
	IS(splk_unlink("name", &o, SPLK_DESTROY), -ENODEV, "destroy");
	IS(splk_unlink("memfd:", &o, 0), -EINVAL, "unlink of a memfd");
	IS(splk_unlink("default", &o, 0), -EINVAL, "unlink of the default store");
	IS(splk_unlink("", &o, SPLK_DESTROY), -EINVAL, "destroy of it");
	IS(splk_chmod("name", &o, 0600), -ENODEV, "chmod");
	IS(splk_chmod("name", &o, 0700), -EINVAL, "chmod: no such bits");
	IS(splk_chmod("default", &o, 0600), -EINVAL, "chmod of the default store");
	IS(splk_chown("name", &o, 1, SPLK_SAME_ID), -ENODEV, "chown");
	IS(splk_chown("name", &o, SPLK_SAME_ID, SPLK_SAME_ID), -EINVAL, "chown: to what?");
	IS(splk_stores(&o, count, &n), -ENODEV, "list");
	IS(n, 0, "lists nothing");
	o.device = "/etc/passwd";
	IS(splk_open("name", &o, &s), -ENODEV, "a file in its place");
	memset(name, 'n', sizeof(name));
	name[256] = 0;
	IS(splk_open(name, &o, &s), -ENAMETOOLONG, "a name too long");
	IS(splk_caps(&o, &caps), 0, "capabilities are told without it");
	IS(caps.device_error, -ENODEV, "and why there is no device");
	IS(caps.version, splk_version(), "and which library this is");
	OK(strstr(splk_strerror(-ENODEV), "modprobe splinter"), "the message says what to do");
	OK(strstr(splk_strerror(-ENODEV), "memfd:"), "and what goes without");
	OK(strstr(splk_strerror(-ENODEV), "NUMA node"), "or that it may be the node");
	OK(!strcmp(splk_strerror(-EBADMSG), splk_strerror(EBADMSG)), "of either sign");
	OK(splk_strerror(-4095), "of any number");
	OK(!s, "no handle has come of all that");
	return tap_done();
}
