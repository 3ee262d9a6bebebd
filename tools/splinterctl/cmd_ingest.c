// SPDX-License-Identifier: MIT
/*
 * cmd_ingest.c - ingest and import: options, choice of the format, totals. ingest.c does the work.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmds.h"
#include "ingest.h"
#include "out.h"

static const struct ctl_opt ingest_opts[] = {
	{ "format", 'f', "FORMAT", "lines, csv, json or control; default: by the name's suffix" },
	{ "key", 'k', "FIELD", "what holds the key (csv: column, json: member, control: field)" },
	{ "value", 'v', "FIELD", "what holds the value (csv: column, json: member)" },
	{ "whole", 'w', NULL, "the value is the whole record (csv, json; control always)" },
	{ "delimiter", 'D', "CHAR", "between fields (lines: TAB, csv: comma)" },
	{ "no-header", 0, NULL, "(csv) the first line is a record; columns are numbers from 1" },
	{ "duplicates", 'd', "WHICH",
	  "of a key that the input repeats: last (default), first, fail" },
	{ "keep", 'K', NULL, "leave keys alone that the store had before" },
	{ "long-to", 'L', "SPEC", "another store, for what is too long for this one" },
	{ "strict", 'S', NULL, "stop at the first record that is malformed or too long" },
	{ "allow-empty", 0, NULL, "an input without records is no error" },
	{ "quiet", 'q', NULL, "no progress, no totals" },
	{ 0 },
};

/* The last ones of ingest: what import knows, too. */
#define IMPORT_OPTS (&ingest_opts[6])

static const struct reader *const readers[] = { &read_lines, &read_csv, &read_json, &read_control };

#define NR_READERS (sizeof(readers) / sizeof(*readers))

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);
	const char *at = words;

	for (; len && (at = strstr(at, word)); at++)
		if ((at == words || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

/* Never guessed from the bytes: a wrong guess fills the store with rubbish. */
static const struct reader *choose(const struct ctl *ctl, const char *format, const char *path)
{
	const char *base = strrchr(path, '/'), *dot = strrchr(path, '.');
	size_t i;

	base = base ? base + 1 : path;
	for (i = 0; i < NR_READERS; i++) {
		if (format ? !strcmp(readers[i]->name, format)
			   : dot && dot > base && has_word(readers[i]->suffixes, dot + 1))
			return readers[i];
	}
	if (!format && strlen(base) >= 8 && !strcmp(base + strlen(base) - 8, "Packages"))
		return &read_control;
	if (format)
		ctl_usage(ctl, "there is no format '%s', only lines, csv, json and control",
			  format);
	else
		ctl_usage(ctl, "%s: which format? --format lines, csv, json or control",
			  input_name(path));
	return NULL;
}

static int common_options(struct ingest *in, const struct ctl_args *args)
{
	static const char *const names[] = { "last", "first", "fail" };
	const char *duplicates = ctl_opt(args, "duplicates");
	int i;

	in->keep = ctl_opt(args, "keep");
	in->strict = ctl_opt(args, "strict");
	in->quiet = ctl_opt(args, "quiet");
	if (!duplicates)
		return 0;
	for (i = 0; i < 3; i++) {
		if (!strcmp(names[i], duplicates)) {
			in->duplicates = (enum duplicates)i;
			return 0;
		}
	}
	return ctl_usage(in->ctl, "--duplicates is last, first or fail, not '%s'", duplicates);
}

/* Compressed files are the likeliest binary ones. */
static int refuse_packed(const struct ctl *ctl, struct input *in)
{
	static const struct {
		const char *magic, *tool;
		size_t len;
	} packed[] = {
		{ "\x1f\x8b", "zcat", 2 },
		{ "\xfd"
		  "7zXZ",
		  "xzcat", 5 },
		{ "BZh", "bzcat", 3 },
		{ "\x28\xb5\x2f\xfd", "zstdcat", 4 },
		{ "\x04\x22\x4d\x18", "lz4cat", 4 },
	};
	const char *data;
	size_t len, i;
	int r = input_peek(in, &data, &len);

	if (r)
		return ctl_fail(ctl, CTL_INPUT, "%s: %s", in->name, strerror(-r));
	for (i = 0; i < sizeof(packed) / sizeof(*packed); i++)
		if (len >= packed[i].len && !memcmp(data, packed[i].magic, packed[i].len))
			return ctl_fail(
				ctl, CTL_INPUT,
				"%s: line 1: compressed data; nothing was read. Try: %s FILE | splinterctl %s ... -",
				in->name, packed[i].tool, ctl->command->name);
	return 0;
}

static int totals_json(const struct ingest *in)
{
	const struct totals *t = &in->totals;
	json_t *o = json_object();

	out_json_u64(o, "records", t->records);
	out_json_u64(o, "bytes", t->bytes);
	out_json_u64(o, "made", t->made);
	out_json_u64(o, "replaced", t->replaced);
	out_json_u64(o, "kept", t->kept);
	out_json_u64(o, "duplicates", t->duplicates);
	out_json_u64(o, "malformed", t->malformed);
	out_json_u64(o, "too_long", t->too_long);
	out_json_u64(o, "elsewhere", t->elsewhere);
	if (t->stopped_line || t->interrupted)
		out_json_u64(o, "stopped_line", t->stopped_line);
	if (t->interrupted)
		out_json_bool(o, "interrupted", true);
	json_object_set_new(o, "seconds", json_real(t->seconds));
	return out_json(in->ctl, o);
}

static int totals_tell(const struct ingest *in)
{
	static const char *const policy[] = { "the last one counts", "the first one counts",
					      "refused" };
	const struct totals *t = &in->totals;
	char bytes[32];

	if (in->ctl->json)
		return totals_json(in);
	printf("%llu record%s, %s in %.2f s: %llu key%s made, %llu replaced",
	       (unsigned long long)t->records, t->records == 1 ? "" : "s",
	       out_bytes(t->bytes, bytes), t->seconds, (unsigned long long)t->made,
	       t->made == 1 ? "" : "s", (unsigned long long)t->replaced);
	if (t->kept)
		printf(", %llu kept", (unsigned long long)t->kept);
	if (t->duplicates)
		printf(", %llu duplicate%s (%s)", (unsigned long long)t->duplicates,
		       t->duplicates == 1 ? "" : "s", policy[in->duplicates]);
	if (t->elsewhere)
		printf(", %llu in the store for long ones", (unsigned long long)t->elsewhere);
	if (t->too_long)
		printf(", %llu TOO LONG", (unsigned long long)t->too_long);
	if (t->malformed)
		printf(", %llu MALFORMED", (unsigned long long)t->malformed);
	if (t->stopped_line || t->interrupted)
		printf("; %s at line %llu", t->interrupted ? "INTERRUPTED" : "STOPPED",
		       (unsigned long long)t->stopped_line);
	putchar('\n');
	return 0;
}

static int run_input(struct ingest *in, const struct ctl_args *args)
{
	int r;

	ingest_run(in);
	r = in->totals.code;
	if (!in->totals.records && !r && !ctl_opt(args, "allow-empty"))
		r = ctl_fail(in->ctl, CTL_INPUT, "%s: %s", in->src->in.name,
			     in->totals.bytes ? "no records in it" : "it is empty");
	if (!in->quiet && totals_tell(in) && !r)
		r = CTL_INPUT;
	return r;
}

/* One store under two names would lose each record at once. */
static int open_long(struct ingest *in, const char *spec)
{
	struct splk_info a = { .size = sizeof(a) }, b = { .size = sizeof(b) };
	int r = ctl_open(in->ctl, spec, true, &in->long_store);

	if (r)
		return r;
	if (splk_info(in->ctl->store, &a) || splk_info(in->long_store, &b) ||
	    (a.backend == b.backend && a.store_id == b.store_id))
		return ctl_usage(in->ctl, "--long-to %s: that is the same store", spec);
	return 0;
}

static int run(struct ingest *in, const struct ctl_args *args, const char *path)
{
	const char *other = ctl_opt(args, "long-to");
	int r = common_options(in, args);

	if (!r && other && in->keep)
		r = ctl_usage(in->ctl, "--keep and --long-to exclude each other");
	if (r)
		return r;
	r = input_open(&in->src->in, path);
	if (r)
		return ctl_fail(in->ctl, CTL_INPUT, "%s: %s; nothing was read", in->src->in.name,
				strerror(-r));
	r = refuse_packed(in->ctl, &in->src->in);
	if (!r && other)
		r = open_long(in, other);
	if (!r)
		r = run_input(in, args);
	splk_close(in->long_store);
	input_close(&in->src->in);
	return r;
}

static int run_ingest(struct ctl *ctl, struct ctl_args *args)
{
	const char *path = args->nr ? args->operands[0] : "-", *delimiter;
	struct source src = { 0 };
	struct ingest in = { .ctl = ctl, .src = &src };

	in.reader = choose(ctl, ctl_opt(args, "format"), path);
	if (!in.reader)
		return CTL_USAGE;
	src.key = ctl_opt(args, "key");
	src.value = ctl_opt(args, "value");
	src.whole = ctl_opt(args, "whole");
	src.no_header = ctl_opt(args, "no-header");
	delimiter = ctl_opt(args, "delimiter");
	if (delimiter && !strcmp(delimiter, "\\t"))
		delimiter = "\t";
	if (delimiter && (strlen(delimiter) != 1 || strchr("\r\n\"", *delimiter)))
		return ctl_usage(ctl,
				 "--delimiter is one byte, and neither a quote nor a line break");
	if (delimiter)
		src.delimiter = *delimiter;
	if (src.whole && src.value)
		return ctl_usage(ctl, "--value or --whole, not both");
	if (in.reader == &read_lines && (src.key || src.value || src.whole))
		return ctl_usage(ctl, "--key, --value and --whole are for csv, json and control");
	if (in.reader == &read_control && src.value)
		return ctl_usage(ctl, "the value is the whole record in format control");
	return run(&in, args, path);
}

const struct ctl_command cmd_ingest = {
	.name = "ingest",
	.group = "In bulk",
	.usage = "[FILE|-]",
	.summary = "take records of a file or standard input into the store",
	.about =
		"lines    KEY, TAB, VALUE per line\n"
		"csv      a header, then records; key: the first column, value: the other one of two\n"
		"json     an object per line; key and value: its members of these names\n"
		"control  Debian control files (apt-cache dumpavail): records between empty lines; key: the\n"
		"         field Package, value: the record as it stands, its last line break included\n"
		"Records that are malformed or too long for the store are reported with their line, counted\n"
		"and left out; all others go in (--strict stops instead). A NUL byte, a full store or a\n"
		"read error stops; what was read before stays. Exit code 5: something was malformed or\n"
		"unreadable; 4: too long, or the store is full; 130: Ctrl-C, after which the totals are told.\n"
		"Of duplicates in the input the last counts.\n"
		"With --long-to a key is in one of the two stores: it is deleted from the other.",
	.opts = ingest_opts,
	.flags = CTL_JSON | CTL_WRITES,
	.max = 1,
	.run = run_ingest,
};

static int run_import(struct ctl *ctl, struct ctl_args *args)
{
	struct source src = { 0 };
	struct ingest in = { .ctl = ctl, .src = &src, .reader = &read_import };

	return run(&in, args, args->nr ? args->operands[0] : "-");
}

const struct ctl_command cmd_import = {
	.name = "import",
	.group = "In bulk",
	.usage = "[FILE|-]",
	.summary = "take in what export wrote: values, types, flags and labels",
	.about =
		"One JSON object per line: key or key_base64, value or value_base64, and, if they are there,\n"
		"type, flags, labels. Other members are passed over: epochs and times are the new store's.\n"
		"Faults are treated as by ingest.",
	.opts = IMPORT_OPTS,
	.flags = CTL_JSON | CTL_WRITES,
	.max = 1,
	.run = run_import,
};
