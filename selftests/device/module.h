/* SPDX-License-Identifier: MIT */
/*
 * module.h - loads and unloads splinter.ko for the tests that need to, and puts it back as it was.
 */
#ifndef SPL_TEST_MODULE_H
#define SPL_TEST_MODULE_H

#include "device.h"
#include <dirent.h>
#include <libgen.h>
#include <sys/utsname.h>

/* The module beside this build of the tests, or the one that the environment names. */
static UNUSED int module_file(void)
{
	const char *path = getenv("SPLINTER_KO");
	char exe[1024], file[2048];
	struct utsname u;
	ssize_t n;

	if (!path) {
		n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
		if (n < 0 || uname(&u))
			return -1;
		exe[n] = 0;
		snprintf(file, sizeof(file), "%s/../../kmod-%s/splinter.ko", dirname(exe),
			 u.release);
		path = file;
	}
	return open(path, O_RDONLY | O_CLOEXEC);
}

static UNUSED int module_load(int fd, const char *params)
{
	int ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	int i;

	/* The node in /dev is made by a thread of its own. */
	for (i = 0; !ret && i < 500 && access(DEV, F_OK); i++)
		usleep(10000);
	return ret;
}

static UNUSED int module_unload(void)
{
	return syscall(SYS_delete_module, "splinter", O_NONBLOCK) ? -errno : 0;
}

static UNUSED int module_loaded(void)
{
	return !access("/sys/module/splinter/refcnt", F_OK);
}

/* The parameters that the module has now, as words for module_load(). */
static UNUSED void module_params(char *buf, size_t size)
{
	static const char dir[] = "/sys/module/splinter/parameters";
	char path[512], value[128];
	struct dirent *e;
	size_t len = 0;
	FILE *f;
	DIR *d = opendir(dir);

	buf[0] = 0;
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%127s", value) == 1 && len < size)
			len += snprintf(buf + len, size - len, "%s=%s ", e->d_name, value);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}

#endif
