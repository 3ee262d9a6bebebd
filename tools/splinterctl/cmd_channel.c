// SPDX-License-Identifier: MIT
/*
 * cmd_channel.c - channel: makes, lists, shows and unlinks channels, sends standard input through one and receives to
 * standard output. Many of them at one look are cmd_top.c's.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmds.h"
#include "out.h"
#include "parse.h"
#include "splinter_channel.h"
#include "splinterk_channel.h"

#define CHUNK (64U << 10) /* bytes of a message if nothing says where one ends */

static const struct ctl_opt channel_opts[] = {
	{ "capacity", 'c', "SIZE",
	  "bytes of the ring, a power of two from 4K to 1G (of what is made: 64K)" },
	{ "mode", 'm', "MODE", "permission bits of what is made, octal (0600)" },
	{ "create", 'C', NULL, "send, recv: make the channel if there is none" },
	{ "lines", 'l', NULL, "send: each line is a message; recv: a newline after each" },
	{ "size", 'z', "SIZE", "send: messages of this many bytes" },
	{ "type", 't', "NUMBER", "send: type of the messages (0)" },
	{ "count", 'k', "NUMBER", "recv: end after so many messages" },
	{ "timeout", 'T', "SECONDS", "send, recv: give up after waiting so long; exit code 1" },
	{ "interval", 'i', "SECONDS", "show: rates over this time (1)" },
	{ 0 },
};

struct job {
	const char *name;
	struct splk_channel *ch;
	uint32_t message_max;
	bool lines;
	uint64_t size; /* 0: as it comes */
	uint64_t type;
	uint64_t count; /* 0: without end */
	uint64_t timeout_ns; /* 0: for ever */
	uint64_t interval_ns;
	uint64_t capacity; /* 0: not given */
	uint64_t mode;
	bool create;
	bool alone; /* nobody has had the other end since this one was taken */
	uint64_t read_first; /* where the consumer was then */
};

static bool is_file(const char *name)
{
	return !strncmp(name, "file:", 5);
}

/* Neither a channel nor the folder that it would be in. */
static bool no_folder(const struct job *j)
{
	char *path = is_file(j->name) ? strdup(j->name + 5) : NULL;
	bool none = path && access(dirname(path), F_OK) && errno == ENOENT;

	free(path);
	return none;
}

static int say(struct ctl *ctl, const struct job *j, long err);

/* What is there, and what to do about it. Without a capacity, opening it can't end here again. */
static int say_exists(struct ctl *ctl, const struct job *j)
{
	struct splk_channel_options o = { .size = sizeof(o), .role = SPLK_CHANNEL_NONE };
	struct splk_channel_info info = { .size = sizeof(info) };
	struct splk_channel *ch = NULL;
	char bytes[32];
	int r = splk_channel_open(is_file(j->name) ? NULL : ctl->store, j->name, &o, &ch);

	if (!r)
		r = splk_channel_info(ch, &info);
	splk_channel_close(ch);
	if (r)
		return say(ctl, j, r);
	return ctl_fail(ctl, CTL_STORE,
			"channel '%s': there is such a channel already, of %s; use that, or take "
			"it away with `splinterctl channel unlink`",
			out_shown(j->name, strlen(j->name)), out_bytes(info.capacity, bytes));
}

static int say(struct ctl *ctl, const struct job *j, long err)
{
	char fault[CTL_FILE_FAULT], refused[CTL_FILE_FAULT + 8];
	const char *what = splk_strerror((int)err);
	int code = CTL_STORE;

	switch (-err) {
	case ENOENT:
		what = no_folder(j) ? "there is no such folder"
				    : "no such channel; `splinterctl channel create` makes it";
		break;
	case EEXIST:
		return say_exists(ctl, j);
	case EBUSY:
		what = "somebody has that end";
		break;
	case EPIPE:
		what = "the other end has gone";
		code = CTL_REFUSED;
		break;
	case EMSGSIZE:
		return ctl_fail(ctl, CTL_REFUSED, "channel '%s': a message has at most %u bytes",
				out_shown(j->name, strlen(j->name)), j->message_max);
	case EBADMSG:
		/* A file that isn't one is refused before there is a channel. */
		what = "the other end writes what can't be";
		if (!j->ch && is_file(j->name)) {
			snprintf(refused, sizeof(refused), "this is %s",
				 ctl_file_fault(j->name + 5, true, fault));
			what = refused;
		}
		break;
	default:
		break;
	}
	return ctl_fail(ctl, code, "channel '%s': %s", out_shown(j->name, strlen(j->name)), what);
}

/* Channels of files need no store; all others are the module's, and a store's. */
static int need_store(struct ctl *ctl, const char *name, bool writes)
{
	if (is_file(name))
		return 0;
	if (!strncmp(ctl_spec(ctl), "file:", 5))
		return ctl_fail(
			ctl, CTL_STORE,
			"a store in a file has no channels; name the channel itself file:PATH");
	return ctl_need(ctl, writes);
}

static int open_end(struct ctl *ctl, struct job *j, uint32_t role, uint32_t flags)
{
	struct splk_channel_options o = {
		.size = sizeof(o),
		.flags = flags | (j->create ? SPLK_CREATE : 0),
		.role = role,
		.capacity = j->capacity,
		.mode = (uint32_t)j->mode,
	};
	struct splk_channel_info info = { .size = sizeof(info) };
	int r = need_store(ctl, j->name, role != SPLK_CHANNEL_NONE || o.flags & SPLK_CREATE);

	if (r)
		return r;
	r = splk_channel_open(is_file(j->name) ? NULL : ctl->store, j->name, &o, &j->ch);
	if (!r)
		r = splk_channel_info(j->ch, &info);
	j->message_max = info.message_max;
	j->read_first = info.read;
	j->alone = role == SPLK_CHANNEL_TX
			   ? info.rx_state == SPLK_END_GONE
			   : info.tx_state == SPLK_END_GONE && info.head == info.read;
	return r ? say(ctl, j, r) : 0;
}

static uint64_t deadline(const struct job *j)
{
	return j->timeout_ns ? splk_after(j->timeout_ns) : SPLK_FOREVER;
}

/*
 * The other end is said to have gone. Was that before this one came, then somebody else may come yet: now and then this
 * is looked at. 1: try again; 0: it has gone; or -ETIMEDOUT.
 */
static int still_alone(struct job *j, uint32_t role, uint64_t until)
{
	struct splk_channel_info info = { .size = sizeof(info) };
	struct timespec pause = { 0, 10000000 };

	if (!j->alone)
		return 0;
	splk_channel_info(j->ch, &info);
	if (role == SPLK_CHANNEL_TX ? info.rx_state != SPLK_END_GONE || info.read != j->read_first
				    : info.tx_state != SPLK_END_GONE || info.head != info.read) {
		j->alone = false;
		return 1;
	}
	if (splk_after(0) >= until)
		return -ETIMEDOUT;
	nanosleep(&pause, NULL);
	return 1;
}

static int send_one(struct ctl *ctl, struct job *j, const char *bytes, size_t n)
{
	uint64_t until = deadline(j);
	int r;

	do {
		r = splk_channel_send(j->ch, bytes, n, (uint32_t)j->type, 0, until);
		if (r == -EPIPE)
			r = still_alone(j, SPLK_CHANNEL_TX, until) ?: r;
	} while (r == -EINTR || r > 0);
	if (r == -ETIMEDOUT)
		return CTL_NO;
	return r ? say(ctl, j, r) : 0;
}

static int send_lines(struct ctl *ctl, struct job *j)
{
	size_t room = 0;
	char *line = NULL;
	ssize_t n;
	int r = 0;

	while (!r && (n = getline(&line, &room, stdin)) > 0)
		r = send_one(ctl, j, line, (size_t)(line[n - 1] == '\n' ? n - 1 : n));
	if (!r && ferror(stdin))
		r = ctl_fail(ctl, CTL_INPUT, "standard input: %s", strerror(errno));
	free(line);
	return r;
}

static int send_chunks(struct ctl *ctl, struct job *j)
{
	size_t size = j->size ? j->size : j->message_max < CHUNK ? j->message_max : CHUNK, have;
	char *buf;
	ssize_t n;
	int r = 0;

	if (size > j->message_max)
		return say(ctl, j, -EMSGSIZE);
	buf = malloc(size);
	if (!buf)
		return ctl_fail(ctl, CTL_STORE, "no memory");
	do {
		have = 0;
		do {
			n = read(STDIN_FILENO, buf + have, size - have);
			if (n > 0)
				have += (size_t)n;
		} while ((n < 0 && errno == EINTR) || (n > 0 && j->size && have < size));
		if (have)
			r = send_one(ctl, j, buf, have);
	} while (!r && n > 0);
	if (!r && n < 0)
		r = ctl_fail(ctl, CTL_INPUT, "standard input: %s", strerror(errno));
	free(buf);
	return r;
}

static int channel_send(struct ctl *ctl, struct job *j)
{
	int r = open_end(ctl, j, SPLK_CHANNEL_TX, SPLK_CHANNEL_LINGER);

	if (!r)
		r = j->lines ? send_lines(ctl, j) : send_chunks(ctl, j);
	return r;
}

static int print_message(struct ctl *ctl, const struct job *j, const struct splk_message *m)
{
	json_t *o;

	if (ctl->json) {
		o = json_object();
		out_json_u64(o, "type", m->type);
		out_json_u64(o, "correlation", m->correlation);
		out_json_u64(o, "length", m->bytes);
		out_json_bytes(o, "payload", m->payload, m->bytes);
		return out_json(ctl, o);
	}
	if (m->bytes)
		fwrite(m->payload, m->bytes, 1, stdout);
	if (j->lines)
		putchar('\n');
	return ferror(stdout) ? ctl_fail(ctl, CTL_INPUT, "standard output: %s", strerror(errno))
			      : 0;
}

/* What came is written out before anything is waited for. */
static int channel_recv(struct ctl *ctl, struct job *j)
{
	struct splk_message m;
	uint64_t nr = 0, until;
	int r = open_end(ctl, j, SPLK_CHANNEL_RX, 0), err;

	until = deadline(j);
	while (!r && (!j->count || nr < j->count)) {
		err = splk_channel_acquire_rx(j->ch, &m, 0);
		if (err == -EAGAIN) {
			r = out_flush(ctl);
			if (!r)
				err = splk_channel_acquire_rx(j->ch, &m, until);
		}
		if (err == -EPIPE)
			err = still_alone(j, SPLK_CHANNEL_RX, until) ?: err;
		if (r || err == -EINTR || err > 0)
			continue;
		if (err == -EPIPE)
			break; /* all that was sent is here */
		if (err == -ETIMEDOUT)
			r = CTL_NO;
		else if (err)
			r = say(ctl, j, err);
		else
			r = print_message(ctl, j, &m);
		if (!err) {
			splk_channel_commit_rx(j->ch);
			j->alone = false;
			until = deadline(j);
			nr++;
		}
	}
	err = out_flush(ctl);
	return r ? r : err;
}

static const char *state_name(uint32_t state)
{
	static const char *const names[] = { "never taken", "taken", "gone" };

	return state < 3 ? names[state] : "?";
}

static double rate(uint64_t before, uint64_t after, uint64_t ns)
{
	return after < before ? 0 : (double)(after - before) * 1e9 / (double)ns;
}

static const char *messages(uint64_t n, char text[40])
{
	snprintf(text, 40, "%llu message%s", (unsigned long long)n, n == 1 ? "" : "s");
	return text;
}

static void show_text(const struct splk_channel_info *a, const struct splk_channel_info *b,
		      uint64_t ns)
{
	char bytes[32], count[40];

	out_field("id", "%llu", (unsigned long long)b->channel_id);
	out_field("backend", "%s", b->backend == 1 ? "device" : "file");
	out_field("created", "%s", out_time(b->created_ns, (char[64]){ 0 }));
	out_field("capacity", "%s", out_bytes(b->capacity, bytes));
	out_field("longest message", "%u", b->message_max);
	out_field("producer", "%s", state_name(b->tx_state));
	out_field("consumer", "%s", state_name(b->rx_state));
	out_field("depth", "%s, %s, %.0f %%", messages(b->tx_messages - b->rx_messages, count),
		  out_bytes(b->head - b->read, bytes),
		  100.0 * (double)(b->head - b->read) / (double)b->capacity);
	out_field("sent", "%s, %s", messages(b->tx_messages, count), out_bytes(b->tx_bytes, bytes));
	out_field("received", "%s, %s", messages(b->rx_messages, count),
		  out_bytes(b->rx_bytes, bytes));
	out_field("sleeps", "%llu of the producer, %llu of the consumer",
		  (unsigned long long)b->tx_waits, (unsigned long long)b->rx_waits);
	out_field("rings", "%llu by the producer, %llu by the consumer",
		  (unsigned long long)b->tx_rings, (unsigned long long)b->rx_rings);
	out_field("rate", "%.0f messages/s, %s/s", rate(a->tx_messages, b->tx_messages, ns),
		  out_bytes((uint64_t)rate(a->tx_bytes, b->tx_bytes, ns), bytes));
}

static int show_json(struct ctl *ctl, const struct splk_channel_info *a,
		     const struct splk_channel_info *b, uint64_t ns)
{
	json_t *o = json_object();

	out_json_u64(o, "channel_id", b->channel_id);
	out_json_text(o, "backend", b->backend == 1 ? "device" : "file");
	out_json_u64(o, "created_ns", b->created_ns);
	out_json_u64(o, "capacity", b->capacity);
	out_json_u64(o, "message_max", b->message_max);
	out_json_text(o, "producer", state_name(b->tx_state));
	out_json_text(o, "consumer", state_name(b->rx_state));
	out_json_u64(o, "depth_messages", b->tx_messages - b->rx_messages);
	out_json_u64(o, "depth_bytes", b->head - b->read);
	out_json_u64(o, "sent_messages", b->tx_messages);
	out_json_u64(o, "sent_bytes", b->tx_bytes);
	out_json_u64(o, "received_messages", b->rx_messages);
	out_json_u64(o, "received_bytes", b->rx_bytes);
	out_json_u64(o, "tx_sleeps", b->tx_waits);
	out_json_u64(o, "rx_sleeps", b->rx_waits);
	out_json_u64(o, "tx_rings", b->tx_rings);
	out_json_u64(o, "rx_rings", b->rx_rings);
	out_json_u64(o, "messages_per_s", (uint64_t)rate(a->tx_messages, b->tx_messages, ns));
	out_json_u64(o, "bytes_per_s", (uint64_t)rate(a->tx_bytes, b->tx_bytes, ns));
	return out_json(ctl, o);
}

static int channel_show(struct ctl *ctl, struct job *j)
{
	struct splk_channel_info a = { .size = sizeof(a) }, b = { .size = sizeof(b) };
	struct timespec pause = { (time_t)(j->interval_ns / 1000000000),
				  (long)(j->interval_ns % 1000000000) };
	int r = open_end(ctl, j, SPLK_CHANNEL_NONE, 0);

	if (r)
		return r;
	splk_channel_info(j->ch, &a);
	nanosleep(&pause, NULL);
	splk_channel_info(j->ch, &b);
	if (ctl->json)
		return show_json(ctl, &a, &b, j->interval_ns);
	show_text(&a, &b, j->interval_ns);
	return 0;
}

static int channel_create(struct ctl *ctl, struct job *j)
{
	j->create = true;
	return open_end(ctl, j, SPLK_CHANNEL_NONE, SPLK_EXCL);
}

static int channel_unlink(struct ctl *ctl, struct job *j)
{
	int r = need_store(ctl, j->name, true);

	if (r)
		return r;
	r = splk_channel_unlink(is_file(j->name) ? NULL : ctl->store, j->name);
	return r ? say(ctl, j, r) : 0;
}

static const char *taken_name(uint64_t taken)
{
	return taken & 1 ? "taken" : taken ? "gone" : "-";
}

static int list_one(const struct spl_channel_entry *e, void *arg)
{
	bool closed = e->flags & SPL_CHANNEL_ENTRY_CLOSED;
	struct ctl *ctl = arg;
	char bytes[32], mode[12];
	json_t *o;

	snprintf(mode, sizeof(mode), "%04o", e->mode);
	if (ctl->json) {
		o = json_object();
		out_json_bytes(o, "name", e->name, e->name_len);
		out_json_u64(o, "channel_id", e->channel_id);
		out_json_u64(o, "capacity", e->capacity);
		out_json_u64(o, "bytes", e->bytes);
		if (!closed) {
			out_json_text(o, "producer", taken_name(e->tx_taken));
			out_json_text(o, "consumer", taken_name(e->rx_taken));
			out_json_u64(o, "tx_pid", e->tx_pid);
			out_json_u64(o, "rx_pid", e->rx_pid);
			out_json_u64(o, "depth_bytes", e->head - e->read);
			out_json_u64(o, "sent_messages", e->messages);
			out_json_u64(o, "sent_bytes", e->payload);
		}
		out_json_u64(o, "uid", e->uid);
		out_json_u64(o, "gid", e->gid);
		out_json_text(o, "mode", mode);
		return out_json(ctl, o);
	}
	printf("%6llu %s %10s ", (unsigned long long)e->channel_id, mode,
	       out_bytes(e->capacity, bytes));
	if (closed)
		printf("%8s %8s %10s %10s  ", "?", "?", "?", "?");
	else
		printf("%8s %8s %10llu %10llu  ", taken_name(e->tx_taken), taken_name(e->rx_taken),
		       (unsigned long long)(e->head - e->read), (unsigned long long)e->messages);
	out_escaped(e->name, e->name_len);
	putchar('\n');
	return 0;
}

static int channel_list(struct ctl *ctl, struct job *j)
{
	int r = need_store(ctl, "", false);

	(void)j;
	if (r)
		return r;
	if (!ctl->json)
		printf("%6s %4s %10s %8s %8s %10s %10s  %s\n", "ID", "MODE", "CAPACITY", "PRODUCER",
		       "CONSUMER", "DEPTH", "MESSAGES", "NAME");
	r = splk_channels(ctl->store, list_one, ctl);
	return r < 0 ? ctl_error(ctl, r, "channels") : r ? r : out_flush(ctl);
}

static const struct {
	const char *name;
	bool takes_name;
	int (*run)(struct ctl *ctl, struct job *j);
} actions[] = {
	{ "create", true, channel_create }, { "list", false, channel_list },
	{ "send", true, channel_send },	    { "recv", true, channel_recv },
	{ "show", true, channel_show },	    { "unlink", true, channel_unlink },
};

#define NR_ACTIONS ((int)(sizeof(actions) / sizeof(actions[0])))

static int unknown_action(struct ctl *ctl, const char *word)
{
	const char *words[NR_ACTIONS + 1] = { 0 }, *near;
	int i;

	for (i = 0; i < NR_ACTIONS; i++)
		words[i] = actions[i].name;
	near = ctl_nearest(word, words);
	return ctl_usage(ctl, "'%s' is neither create, list, send, recv, show nor unlink%s%s%s",
			 word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int job_capacity(struct ctl *ctl, const char *word, uint64_t *capacity)
{
	int r = parse_size(ctl, "--capacity", word, UINT64_MAX, capacity);

	if (!r && (*capacity < SPL_CHANNEL_CAPACITY_MIN || *capacity > SPL_CHANNEL_CAPACITY_MAX ||
		   (*capacity & (*capacity - 1))))
		r = ctl_usage(ctl, "--capacity is a power of two from 4K to 1G, not %s", word);
	return r;
}

static int job_options(struct ctl *ctl, const struct ctl_args *args, struct job *j)
{
	const char *w;
	int r = 0;

	j->lines = ctl_opt(args, "lines");
	j->create = ctl_opt(args, "create");
	j->interval_ns = 1000000000;
	w = ctl_opt(args, "capacity");
	if (w)
		r = job_capacity(ctl, w, &j->capacity);
	w = ctl_opt(args, "size");
	if (!r && w)
		r = parse_size(ctl, "--size", w, 1ULL << 29, &j->size);
	if (!r && w && !j->size)
		r = ctl_usage(ctl, "--size 0: a message needs a byte");
	w = ctl_opt(args, "type");
	if (!r && w)
		r = parse_u64(ctl, "--type", w, UINT32_MAX, &j->type);
	w = ctl_opt(args, "count");
	if (!r && w)
		r = parse_u64(ctl, "--count", w, UINT64_MAX, &j->count);
	w = ctl_opt(args, "timeout");
	if (!r && w)
		r = parse_seconds(ctl, "--timeout", w, &j->timeout_ns);
	if (!r && w && !j->timeout_ns)
		j->timeout_ns = 1;
	w = ctl_opt(args, "interval");
	if (!r && w)
		r = parse_seconds(ctl, "--interval", w, &j->interval_ns);
	if (!r && !j->interval_ns)
		j->interval_ns = 1;
	w = ctl_opt(args, "mode");
	if (!r && w) {
		char *end;

		j->mode = strtoull(w, &end, 8);
		if (!*w || *end || j->mode > 0666)
			r = ctl_usage(ctl, "--mode '%s' is not octal within 0666", w);
	}
	if (!r && j->lines && j->size)
		r = ctl_usage(ctl, "--lines and --size exclude each other");
	return r;
}

static int run_channel(struct ctl *ctl, struct ctl_args *args)
{
	struct job j = { .name = args->operands[1] };
	int i, r;

	for (i = 0; i < NR_ACTIONS && strcmp(actions[i].name, args->operands[0]) != 0; i++)
		;
	if (i == NR_ACTIONS)
		return unknown_action(ctl, args->operands[0]);
	if (actions[i].takes_name != (args->nr == 2))
		return ctl_usage(
			ctl, actions[i].takes_name ? "%s needs a channel" : "%s takes no channel",
			actions[i].name);
	r = job_options(ctl, args, &j);
	if (!r)
		r = actions[i].run(ctl, &j);
	splk_channel_close(j.ch);
	return r;
}

const struct ctl_command cmd_channel = {
	.name = "channel",
	.group = "Channels",
	.usage = "create|list|send|recv|show|unlink [CHANNEL]",
	.summary = "rings of messages between two processes",
	.about = "CHANNEL is a name in a store of the module, or file:PATH (no module).\n"
		 "  create CHANNEL   make it; messages stay in it while nobody is there\n"
		 "  list             channels of the store, their ends and depths\n"
		 "  send CHANNEL     standard input, as it comes, by --lines or by --size\n"
		 "  recv CHANNEL     to standard output, until a sender has gone and all is here\n"
		 "  show CHANNEL     depth, counts and rates\n"
		 "  unlink CHANNEL   take its name away; it lives until both ends have closed it",
	.opts = channel_opts,
	.flags = CTL_JSON | CTL_SPEC,
	.min = 1,
	.max = 2,
	.run = run_channel,
};
