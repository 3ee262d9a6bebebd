// SPDX-License-Identifier: MIT
/* report.c - figures as a table while they come, and as JSON at the end; whether all bounds were met. The plot is plot's. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static struct figure *figures;
static int nr_figures, nr_missed, nr_bounds, nr_skips, nr_latencies;
static struct {
	char name[64];
	double ns[5];
} latencies[32];
static struct {
	char what[64], why[96];
} skips[16];
static bool begun;

static void begin(void)
{
	progress("%s", "");
	if (!begun)
		printf("\n%-44s %9s %17s   %-27s %9s %7s %15s  %s\n", "figure", "median",
		       "min .. max", "floor or peer", "median", "ratio", "min .. max", "must");
	begun = true;
}

void report_figure(const struct figure *f)
{
	static const char *const sign[] = {
		[COST] = "<=", [GAIN] = ">=", [SPEEDUP] = ">=", [SHARE] = ">="
	};
	char must[48] = "";

	begin();
	figures = realloc(figures, (size_t)(nr_figures + 1) * sizeof(*figures));
	if (!figures)
		die("no memory");
	figures[nr_figures++] = *f;
	if (f->bound) {
		nr_bounds++;
		nr_missed += !f->met;
		snprintf(must, sizeof(must), "%s %g %s", sign[f->kind], f->bound,
			 f->met ? "met" : "MISSED");
	}
	printf("%-44s %9.2f %8.2f..%-8.2f ", f->name, f->value, f->min, f->max);
	if (f->reference >= 0)
		printf("  %-27s %9.2f %7.3f %7.3f..%-7.3f %s", f->note, f->floor, f->ratio,
		       f->ratio_min, f->ratio_max, must);
	else
		printf("%s %s", f->unit, f->note);
	putchar('\n');
	fflush(stdout);
}

void report_latency(const char *name, const double *ns)
{
	begin();
	if (nr_latencies == 32)
		die("too many latencies");
	snprintf(latencies[nr_latencies].name, sizeof(latencies[0].name), "%s", name);
	memcpy(latencies[nr_latencies++].ns, ns, sizeof(latencies[0].ns));
	printf("%-44s p50 %.0f  p95 %.0f  p99 %.0f  p99.9 %.0f  max %.0f ns\n", name, ns[0], ns[1],
	       ns[2], ns[3], ns[4]);
	fflush(stdout);
}

void report_skip(const char *what, const char *why)
{
	begin();
	if (nr_skips == 16)
		return;
	snprintf(skips[nr_skips].what, sizeof(skips[0].what), "%s", what);
	snprintf(skips[nr_skips++].why, sizeof(skips[0].why), "%s", why);
	printf("%-44s skipped: %s\n", what, why);
}

/* What has no reference has neither floor nor ratio. */
static void number(FILE *out, const char *name, double x, bool there, const char *end)
{
	if (there)
		fprintf(out, "\"%s\": %.4f%s", name, x, end);
	else
		fprintf(out, "\"%s\": null%s", name, end);
}

static void figure_json(FILE *out, const struct figure *f)
{
	bool referred = f->reference >= 0;

	fprintf(out, "    {\"name\": \"%s\", ", f->name);
	number(out, "value", f->value, true, ", ");
	fprintf(out, "\"unit\": \"%s\", ", f->unit);
	number(out, "floor", f->floor, referred, ", ");
	number(out, "ratio", f->ratio, referred, ", ");
	number(out, "bound", f->bound, f->bound != 0, ", ");
	fprintf(out, "\"met\": %s, ", !f->bound ? "null" : f->met ? "true" : "false");
	fprintf(out, "\"against\": \"%s\", \"kind\": \"%s\", ", f->note,
		f->kind == COST	     ? "value/floor"
		: f->kind == GAIN    ? "floor/value"
		: f->kind == SPEEDUP ? "speed-up/speed-up"
				     : "share");
	number(out, "min", f->min, true, ", ");
	number(out, "max", f->max, true, ", ");
	number(out, "floor_min", f->floor_min, referred, ", ");
	number(out, "ratio_min", f->ratio_min, referred, ", ");
	number(out, "ratio_max", f->ratio_max, referred, "}");
}

static void write_json(const char *path)
{
	FILE *out = fopen(path, "we");
	int i;

	if (!out)
		die("cannot write %s", path);
	fprintf(out, "{\n");
	machine_json(out);
	fprintf(out, ",\n  \"rounds\": %d,\n  \"quick\": %s,\n  \"figures\": [\n", settings.rounds,
		settings.quick ? "true" : "false");
	for (i = 0; i < nr_figures; i++) {
		figure_json(out, &figures[i]);
		fprintf(out, "%s\n", i + 1 < nr_figures ? "," : "");
	}
	fprintf(out, "  ],\n  \"latencies_ns\": [\n");
	for (i = 0; i < nr_latencies; i++)
		fprintf(out,
			"    {\"name\": \"%s\", \"p50\": %.1f, \"p95\": %.1f, \"p99\": %.1f, "
			"\"p99.9\": %.1f, \"max\": %.1f}%s\n",
			latencies[i].name, latencies[i].ns[0], latencies[i].ns[1],
			latencies[i].ns[2], latencies[i].ns[3], latencies[i].ns[4],
			i + 1 < nr_latencies ? "," : "");
	fprintf(out, "  ],\n  \"skipped\": [\n");
	for (i = 0; i < nr_skips; i++)
		fprintf(out, "    {\"name\": \"%s\", \"why\": \"%s\"}%s\n", skips[i].what,
			skips[i].why, i + 1 < nr_skips ? "," : "");
	fprintf(out, "  ]\n}\n");
	if (fclose(out))
		die("cannot write %s", path);
}

/* How many bounds were missed; -1: nothing was measured. */
int report_end(const char *json_path)
{
	int i;

	if (json_path)
		write_json(json_path);
	progress("%s", "");
	if (!nr_figures && !nr_latencies)
		return -1;
	printf("\n%d figures, %d of %d bounds met, %d skipped\n", nr_figures, nr_bounds - nr_missed,
	       nr_bounds, nr_skips);
	for (i = 0; i < nr_figures; i++)
		if (figures[i].bound && !figures[i].met)
			printf("missed: %s: %.3f, must be %s %g\n", figures[i].name,
			       figures[i].ratio,
			       figures[i].kind == COST ? "<=" : ">=", figures[i].bound);
	return nr_missed;
}
