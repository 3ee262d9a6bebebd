// SPDX-License-Identifier: MIT
/* machine.c - on what it was measured: nothing that names the machine, everything that explains its figures. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"

static struct {
	char cpu[128], kernel[208], compiler[64], caches[192], thp[64];
	const char *virt;
	double load;
	long cpus, memory_mib;
	int mine, other;
} machine;

static void first_line(const char *path, char *to, size_t room)
{
	FILE *f = fopen(path, "re");

	*to = 0;
	if (f && fgets(to, (int)room, f))
		to[strcspn(to, "\n")] = 0;
	if (f)
		fclose(f);
}

static void field_of(const char *path, const char *name, char *to, size_t room)
{
	FILE *f = fopen(path, "re");
	char line[4096], *value;

	while (f && fgets(line, sizeof(line), f)) {
		value = strchr(line, ':');
		if (strncmp(line, name, strlen(name)) || !value)
			continue;
		value[1 + strcspn(value + 1, "\n")] = 0;
		snprintf(to, room, "%.*s", (int)room - 1, value + 1 + strspn(value + 1, " \t"));
		break;
	}
	if (f)
		fclose(f);
}

static void look_at_caches(void)
{
	char path[128], level[8], type[16], size[16];
	size_t at = 0;
	int i;

	for (i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%d/level", i);
		first_line(path, level, sizeof(level));
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%d/type", i);
		first_line(path, type, sizeof(type));
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
		first_line(path, size, sizeof(size));
		if (*level)
			at += (size_t)snprintf(machine.caches + at, sizeof(machine.caches) - at,
					       "%sL%s %s %s", at ? ", " : "", level, type, size);
		if (at >= sizeof(machine.caches))
			break;
	}
}

uint64_t memory_available(void)
{
	char text[64] = "";

	field_of("/proc/meminfo", "MemAvailable", text, sizeof(text));
	return strtoull(text, NULL, 10) << 10;
}

int cpu_mine(void)
{
	return machine.mine;
}

int cpu_other(void)
{
	return machine.other;
}

void machine_look(void)
{
	char flags[4096] = "";
	struct utsname name;
	cpu_set_t set;
	int i;

	uname(&name);
	snprintf(machine.kernel, sizeof(machine.kernel), "%s %s %s", name.sysname, name.release,
		 name.machine);
	field_of("/proc/cpuinfo", "model name", machine.cpu, sizeof(machine.cpu));
	field_of("/proc/cpuinfo", "flags", flags, sizeof(flags));
	machine.virt = strstr(flags, " hypervisor") ? "virtual" : "no hypervisor seen";
#ifdef __clang__
	snprintf(machine.compiler, sizeof(machine.compiler), "clang %s", __clang_version__);
#else
	snprintf(machine.compiler, sizeof(machine.compiler), "gcc %s", __VERSION__);
#endif
	first_line("/sys/kernel/mm/transparent_hugepage/enabled", machine.thp, sizeof(machine.thp));
	look_at_caches();
	if (getloadavg(&machine.load, 1) != 1)
		machine.load = 0;
	machine.memory_mib =
		(long)((double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 20));
	/* The last CPU is ours, the first one the servers' and second processes': interrupts are often on the first. */
	machine.mine = machine.other = -1;
	if (sched_getaffinity(0, sizeof(set), &set))
		die("sched_getaffinity failed");
	machine.cpus = CPU_COUNT(&set);
	for (i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		if (machine.other < 0)
			machine.other = i;
		machine.mine = i;
	}
}

void machine_print(FILE *out)
{
	fprintf(out, "cpu:      %s, %ld CPUs, %s\n", machine.cpu, machine.cpus, machine.virt);
	fprintf(out, "caches:   %s\n", machine.caches);
	fprintf(out, "memory:   %ld MiB; transparent huge pages: %s\n", machine.memory_mib,
		machine.thp);
	fprintf(out, "kernel:   %s\n", machine.kernel);
	fprintf(out, "compiler: %s, %s\n", machine.compiler, BENCH_FLAGS);
	fprintf(out, "pinned:   measuring on CPU %d, servers and second processes on CPU %d\n",
		machine.mine, machine.other);
	fprintf(out, "load:     %.2f in the last minute\n", machine.load);
	if (machine.load > 0.5)
		fprintf(out,
			"WARNING:  this machine is busy; figures are provisional, trust ratios "
			"before times and minima before medians\n");
	if (machine.mine == machine.other)
		fprintf(out, "WARNING:  one CPU only; peers and pairs share it with us\n");
}

static void text(FILE *out, const char *name, const char *value, const char *end)
{
	fprintf(out, "    \"%s\": \"", name);
	for (; *value; value++)
		if (*value != '"' && *value != '\\' && (unsigned char)*value >= ' ')
			putc(*value, out);
	fprintf(out, "\"%s\n", end);
}

void machine_json(FILE *out)
{
	fprintf(out, "  \"machine\": {\n");
	text(out, "cpu", machine.cpu, ",");
	text(out, "virtual", machine.virt, ",");
	text(out, "caches", machine.caches, ",");
	text(out, "huge_pages", machine.thp, ",");
	text(out, "kernel", machine.kernel, ",");
	text(out, "compiler", machine.compiler, ",");
	text(out, "flags", BENCH_FLAGS, ",");
	fprintf(out, "    \"cpus\": %ld,\n    \"memory_mib\": %ld,\n", machine.cpus,
		machine.memory_mib);
	fprintf(out, "    \"pinned\": [%d, %d],\n    \"load\": %.2f\n  }", machine.mine,
		machine.other, machine.load);
}
