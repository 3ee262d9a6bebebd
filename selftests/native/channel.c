// SPDX-License-Identifier: MIT
/*
 * channel.c - channels through the library, on the embedded backend: who may open what, ends that go and come, deadlines,
 * and no system call where none is needed. The ring itself is ring.c's, calls with replies are channel_rpc.c's.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "fixture.h"
#include "splinter_channel.h"
#include "splinterk_channel.h"

static struct splk_channel_options with(uint32_t role, uint64_t capacity)
{
	return (struct splk_channel_options){
		.size = sizeof(struct splk_channel_options),
		.role = role,
		.capacity = capacity,
	};
}

static struct splk_channel *end_of(int fd, uint32_t role, uint32_t flags)
{
	struct splk_channel_options options = with(role, 0);
	struct splk_channel *ch = NULL;

	options.flags = flags;
	MUST(!splk_channel_attach(fd, &options, &ch), "an end");
	return ch;
}

static struct splk_channel *fresh_channel(uint64_t capacity)
{
	struct splk_channel_options options = with(SPLK_CHANNEL_NONE, capacity);
	struct splk_channel *ch = NULL;

	MUST(!splk_channel_open(NULL, "memfd:", &options, &ch), "a channel");
	return ch;
}

static int open_error(const char *name, const struct splk_channel_options *options)
{
	struct splk_channel *ch = (void *)1;
	int err = splk_channel_open(NULL, name, options, &ch);

	if (!err)
		splk_channel_close(ch);
	else if (ch)
		return 1; /* it must be NULL */
	return err;
}

static void bad_arguments(void)
{
	struct splk_channel_options o = with(SPLK_CHANNEL_TX, 5000);
	char longer[sizeof(o) + 8] = { 0 };
	struct splk_store *store = fresh(4, 64);
	struct splk_channel *ch;

	IS(open_error("memfd:", &o), -EINVAL, "a capacity that is no power of two");
	o.capacity = 2048;
	IS(open_error("memfd:", &o), -EINVAL, "a capacity too small");
	o.capacity = 1ULL << 31;
	IS(open_error("memfd:", &o), -EINVAL, "a capacity too large");
	o = with(3, 0);
	IS(open_error("memfd:", &o), -EINVAL, "no such role");
	o = with(SPLK_CHANNEL_TX, 0);
	o.flags = 1 << 20;
	IS(open_error("memfd:", &o), -EINVAL, "no such flag");
	o.flags = SPLK_EXCL;
	IS(open_error("memfd:", &o), -EINVAL, "EXCL without CREATE");
	o = with(SPLK_CHANNEL_TX, 0);
	o.size = sizeof(longer);
	memcpy(longer, &o, sizeof(o));
	IS(open_error("memfd:", (void *)longer), 0, "longer options of zeros");
	longer[sizeof(o) + 3] = 1;
	IS(open_error("memfd:", (void *)longer), -E2BIG, "longer options that mean something");
	IS(open_error("nonsense", NULL), -EINVAL, "a name without a store");
	IS(open_error("file:/nowhere/x", NULL), -ENOENT, "a file that isn't there");
	IS(open_error("file:/dev/null", NULL), -EBADMSG, "a file that is no channel");
	IS(splk_channel_open(store, "name", NULL, &ch), -EOPNOTSUPP, "a name in an embedded store");
	IS(splk_channel_open(store, NULL, NULL, &ch), 0, "one without a name beside such a store");
	splk_channel_close(ch);
	IS(splk_channel_attach(splk_fd(store), NULL, &ch), -EBADMSG, "a store is no channel");
	IS(splk_channels(store, NULL, NULL), -EINVAL, "a list of nothing to nobody");
	splk_close(store);
	splk_channel_close(NULL);
}

static void roles(void)
{
	struct splk_channel *none = fresh_channel(4096), *tx, *rx, *second;
	struct splk_channel_options o = with(SPLK_CHANNEL_TX, 0);
	struct splk_channel_info info = { .size = sizeof(info) };
	struct splk_message m;
	char buf[8];
	int fd = splk_channel_fd(none);

	splk_channel_info(none, &info);
	OK(info.tx_state == SPLK_END_NONE && info.rx_state == SPLK_END_NONE, "nobody was there");
	tx = end_of(fd, SPLK_CHANNEL_TX, 0);
	IS(splk_channel_attach(fd, &o, &second), -EBUSY, "there is one producer");
	rx = end_of(fd, SPLK_CHANNEL_RX, 0);
	o.role = SPLK_CHANNEL_RX;
	IS(splk_channel_attach(fd, &o, &second), -EBUSY, "and one consumer");
	o.capacity = 8192;
	o.role = SPLK_CHANNEL_NONE;
	IS(splk_channel_attach(fd, &o, &second), -EEXIST, "and one capacity");
	IS(splk_channel_send(rx, "x", 1, 0, 0, 0), -EBADF, "a consumer doesn't send");
	IS(splk_channel_recv(tx, buf, 1, NULL, 0), -EBADF, "a producer doesn't receive");
	IS(splk_channel_send(none, "x", 1, 0, 0, 0), -EBADF, "who looks on does neither");
	IS(splk_channel_commit_tx(tx, 0, 0, 0, 0), -EINVAL, "no commit without a room");
	IS(splk_channel_commit_rx(rx), -EINVAL, "nothing to give back");

	IS(splk_channel_recv(rx, buf, sizeof(buf), &m, 0), -EAGAIN, "nothing there");
	IS(splk_channel_send(tx, "hello", 5, 7, 9, 0), 0, "send");
	IS(splk_channel_recv(rx, buf, 4, &m, 0), -EMSGSIZE, "a buffer too small");
	OK(m.bytes == 5 && m.type == 7, "how long it is");
	IS(splk_channel_recv(rx, buf, sizeof(buf), &m, 0), 5, "it is still there");
	OK(!memcmp(buf, "hello", 5) && m.type == 7 && m.correlation == 9, "as it was sent");
	IS(splk_channel_send(tx, buf, 2033, 0, 0, 0), -EMSGSIZE, "too long to be sent");
	splk_channel_info(none, &info);
	OK(info.tx_messages == 1 && info.rx_messages == 1 && info.tx_bytes == 5 &&
		   info.rx_bytes == 5 && info.message_max == 2032 && info.capacity == 4096 &&
		   info.head == 64 && info.read == 64 && info.tx_state == SPLK_END_TAKEN,
	   "what went through it");

	splk_channel_send(tx, "a", 1, 0, 0, 0);
	splk_channel_send(tx, "b", 1, 0, 0, 0);
	MUST(!splk_channel_acquire_rx(rx, &m, 0), "a message");
	IS(splk_channel_recv(rx, buf, sizeof(buf), NULL, 0), -EBUSY, "recv beside acquire");
	splk_channel_rollback(rx);
	IS(splk_channel_recv(rx, buf, sizeof(buf), NULL, 0), 1, "recv after rollback");
	splk_channel_close(rx);
	IS(splk_channel_send(tx, "c", 1, 0, 0, SPLK_FOREVER), -EPIPE, "the consumer has gone");
	rx = end_of(fd, SPLK_CHANNEL_RX, 0);
	OK(splk_channel_recv(rx, buf, sizeof(buf), NULL, 0) == 1 && buf[0] == 'b',
	   "another one goes on where it ended");
	IS(splk_channel_send(tx, "d", 1, 0, 0, SPLK_FOREVER), 0, "and so does the producer");
	splk_channel_close(tx);
	IS(splk_channel_recv(rx, buf, sizeof(buf), NULL, SPLK_FOREVER), 1, "what was sent comes,");
	IS(splk_channel_recv(rx, buf, sizeof(buf), NULL, SPLK_FOREVER), -EPIPE, "then the end");
	IS(splk_channel_recv(rx, buf, sizeof(buf), NULL, 0), -EPIPE, "without waiting too");
	splk_channel_close(rx);
	tx = end_of(fd, SPLK_CHANNEL_TX, SPLK_CHANNEL_LINGER);
	IS(splk_channel_send(tx, "e", 1, 0, 0, SPLK_FOREVER), 0, "LINGER: sent to the next one");
	while (!splk_channel_send(tx, "", 0, 0, 0, 0))
		;
	IS(splk_channel_send(tx, "", 0, 0, 0, SPLK_FOREVER), -EPIPE, "as long as there is space");
	splk_channel_close(tx);
	splk_channel_close(none);
}

static void many(void)
{
	struct splk_channel *none = fresh_channel(4096);
	struct splk_channel *tx = end_of(splk_channel_fd(none), SPLK_CHANNEL_TX, 0);
	struct splk_channel *rx = end_of(splk_channel_fd(none), SPLK_CHANNEL_RX, 0);
	struct splk_message in[100], out[100];
	struct splk_channel_info info = { .size = sizeof(info) };
	char text[100][3], one[8];
	int i, bad = 0;

	for (i = 0; i < 100; i++) {
		memset(text[i], 'a' + i % 26, sizeof(text[i]));
		in[i] = (struct splk_message){ .payload = text[i],
					       .bytes = (uint32_t)i % 4,
					       .type = (uint32_t)i,
					       .correlation = ~(uint32_t)i };
	}
	IS(splk_channel_send_many(rx, in, 3, 0), -EBADF, "a consumer doesn't send many");
	IS(splk_channel_acquire_rx_many(tx, out, 3, 0), -EBADF, "a producer doesn't get many");
	IS(splk_channel_send_many(tx, in, -1, 0), -EINVAL, "fewer than none");
	IS(splk_channel_acquire_rx_many(rx, out, -1, 0), -EINVAL, "room for fewer than none");
	IS(splk_channel_send_many(tx, NULL, 1, 0), -EINVAL, "messages from nowhere");
	IS(splk_channel_acquire_rx_many(rx, NULL, 1, 0), -EINVAL, "messages to nowhere");
	IS(splk_channel_send_many(tx, in, 0, 0), 0, "none to send");
	IS(splk_channel_acquire_rx_many(rx, out, 0, 0), 0, "room for none");
	IS(splk_channel_acquire_rx_many(rx, out, 100, 0), -EAGAIN, "none is there");
	IS(splk_channel_send_many(tx, in, 5, 0), 5, "five at once");
	IS(splk_channel_acquire_rx_many(rx, out, 2, 0), 2, "two of them");
	IS(splk_channel_acquire_rx_many(rx, out + 2, 98, 0), 3, "the others");
	splk_channel_rollback(rx);
	IS(splk_channel_acquire_rx_many(rx, out, 100, 0), 5, "all of them again");
	IS(splk_channel_commit_rx(rx), 0, "given back");
	IS(splk_channel_send_many(tx, in, 100, 0), 64, "as many as fit, without waiting");
	IS(splk_channel_send_many(tx, in, 36, 0), -EAGAIN, "then none");
	IS(splk_channel_acquire_rx_many(rx, out, 100, 0), 64, "a full ring at once");
	for (i = 0; i < 64; i++)
		bad += out[i].bytes != in[i].bytes || out[i].type != in[i].type ||
		       out[i].correlation != in[i].correlation ||
		       memcmp(out[i].payload, text[i], out[i].bytes);
	IS(bad, 0, "each as it was sent");
	splk_channel_commit_rx(rx);
	in[3].bytes = 2033;
	IS(splk_channel_send_many(tx, in, 5, 0), 3, "up to one that is too long");
	IS(splk_channel_send_many(tx, in + 3, 2, 0), -EMSGSIZE, "which the next call says");
	IS(splk_channel_recv(rx, one, sizeof(one), NULL, 0), 0, "they were published");
	splk_channel_info(none, &info);
	OK(info.tx_messages == 72 && info.rx_messages == 70, "and counted");
	splk_channel_close(rx);
	IS(splk_channel_send_many(tx, in, 3, 0), -EPIPE, "to nobody");
	splk_channel_close(tx);
	splk_channel_close(none);
}

static void deadlines(void)
{
	struct splk_channel *none = fresh_channel(4096);
	struct splk_channel *tx = end_of(splk_channel_fd(none), SPLK_CHANNEL_TX, 0);
	struct splk_channel *rx = end_of(splk_channel_fd(none), SPLK_CHANNEL_RX, 0);
	static const uint32_t spins[] = { SPLK_SPINS_NONE, 100, SPLK_SPINS_ONLY };
	double began, took;
	char buf[8];
	uint32_t i;

	for (i = 0; i < 3; i++) {
		splk_channel_spin(rx, spins[i]);
		splk_channel_spin(tx, spins[i]);
		began = seconds();
		IS(splk_channel_recv(rx, buf, 8, NULL, splk_after(30000000)), -ETIMEDOUT,
		   "nothing came");
		took = seconds() - began;
		OK(took >= 0.03 && took < 5, "in 30 ms: %.1f", took * 1000);
		while (!splk_channel_send(tx, "", 0, 0, 0, 0))
			;
		began = seconds();
		IS(splk_channel_send(tx, "", 0, 0, 0, splk_after(30000000)), -ETIMEDOUT,
		   "no space came");
		took = seconds() - began;
		OK(took >= 0.03 && took < 5, "in 30 ms: %.1f", took * 1000);
		while (!splk_channel_recv(rx, buf, 8, NULL, 0))
			;
	}
	IS(splk_channel_wait(rx, 0, 1), -ETIMEDOUT, "a deadline long past");
	IS(splk_channel_wait(tx, 2032, 0), 0, "space to wait for is there");
	IS(splk_channel_wait(tx, 2033, 0), -EMSGSIZE, "for that much never");
	OK(splk_after(SPLK_FOREVER - 1) == SPLK_FOREVER, "a duration beyond all time is for ever");
	splk_channel_close(rx);
	splk_channel_close(tx);
	splk_channel_close(none);
}

static void ignore(int sig)
{
	(void)sig;
}

/* The other process does something to an end while this one sleeps at the other. */
static void sleepers(void)
{
	struct splk_channel *none = fresh_channel(4096), *tx, *rx;
	struct splk_channel_info info = { .size = sizeof(info) };
	struct sigaction act = { .sa_handler = ignore };
	char buf[8];
	pid_t pid;

	rx = end_of(splk_channel_fd(none), SPLK_CHANNEL_RX, 0);
	splk_channel_spin(rx, SPLK_SPINS_NONE);
	pid = fork();
	if (!pid) {
		tx = end_of(splk_channel_fd(none), SPLK_CHANNEL_TX, 0);
		nap_us(50000);
		splk_channel_close(tx);
		_exit(0);
	}
	IS(splk_channel_recv(rx, buf, 8, NULL, SPLK_FOREVER), -EPIPE, "woken as the producer goes");
	wait_for(pid);
	pid = fork();
	if (!pid) {
		tx = end_of(splk_channel_fd(none), SPLK_CHANNEL_TX, 0);
		splk_channel_send(tx, "last", 4, 0, 0, 0);
		kill(getpid(), SIGKILL);
	}
	wait_for(pid);
	splk_channel_info(none, &info);
	OK(info.tx_state == SPLK_END_GONE && info.rx_state == SPLK_END_TAKEN,
	   "who looks on sees that one was killed, and that one lives");
	splk_channel_info(rx, &info);
	OK(info.tx_state == SPLK_END_GONE && info.rx_state == SPLK_END_TAKEN,
	   "so does the end that lives");
	IS(splk_channel_recv(rx, buf, 8, NULL, SPLK_FOREVER), 4, "the last words of one killed");
	IS(splk_channel_recv(rx, buf, 8, NULL, SPLK_FOREVER), -EPIPE, "its death, before sleeping");
	tx = end_of(splk_channel_fd(none), SPLK_CHANNEL_TX, 0);
	IS(splk_channel_send(tx, "new", 3, 0, 0, 0), 0, "another takes over from it");
	IS(splk_channel_recv(rx, buf, 8, NULL, SPLK_FOREVER), 3, "and is received");

	sigaction(SIGUSR1, &act, NULL);
	pid = fork();
	if (!pid) {
		nap_us(50000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	IS(splk_channel_recv(rx, buf, 8, NULL, SPLK_FOREVER), -EINTR, "a signal ends the sleep");
	wait_for(pid);

	pid = fork();
	if (!pid) {
		/* Nothing of the parent's ends is here; only the descriptor is. */
		int bad = splk_channel_send(tx, "x", 1, 0, 0, 0) != -EBADF;

		bad |= splk_channel_recv(rx, buf, 8, NULL, 0) != -EBADF;
		splk_channel_close(tx);
		splk_channel_close(rx);
		_exit(bad);
	}
	IS(wait_for(pid), 0, "a child has none of its parent's ends");
	IS(splk_channel_send(tx, "still", 5, 0, 0, 0), 0, "and lets none of them go");
	IS(splk_channel_recv(rx, buf, 8, NULL, 0), 5, "neither end");
	splk_channel_close(tx);
	splk_channel_close(rx);
	splk_channel_close(none);
}

static void files(void)
{
	struct splk_channel_options o = with(SPLK_CHANNEL_TX, 8192);
	struct splk_channel *tx, *rx;
	char path[96], spec[104], buf[8], *dir = folder();
	int fd;

	snprintf(path, sizeof(path), "%s/channel", dir);
	snprintf(spec, sizeof(spec), "file:%s", path);
	IS(open_error(spec, &o), -ENOENT, "no file yet");
	o.flags = SPLK_CREATE | SPLK_EXCL;
	MUST(!splk_channel_open(NULL, spec, &o, &tx), "a channel in a file");
	IS(open_error(spec, &o), -EEXIST, "EXCL: there is one");
	o.flags = SPLK_CREATE;
	o.role = SPLK_CHANNEL_RX;
	o.capacity = 4096;
	IS(open_error(spec, &o), -EEXIST, "with another capacity");
	o.capacity = 0;
	MUST(!splk_channel_open(NULL, spec, &o, &rx), "its consumer");
	splk_channel_send(tx, "file", 4, 0, 0, 0);
	IS(splk_channel_recv(rx, buf, 8, NULL, 0), 4, "through a file");
	splk_channel_send(tx, "kept", 4, 0, 0, 0);
	splk_channel_close(tx);
	splk_channel_close(rx);
	o = with(SPLK_CHANNEL_RX, 0);
	MUST(!splk_channel_open(NULL, spec, &o, &rx), "its consumer again");
	IS(splk_channel_recv(rx, buf, 8, NULL, 0), 4, "what nobody received stays in the file");
	splk_channel_close(rx);
	fd = open(path, O_RDWR);
	MUST(fd >= 0 && !ftruncate(fd, 8192), "a cut file");
	IS(open_error(spec, &o), -EBADMSG, "a file that was cut is refused");
	close(fd);
	IS(splk_channel_unlink(NULL, spec), -EBADMSG, "and not removed as a channel");
	unlink(path);
	o.flags = SPLK_CREATE;
	IS(open_error(spec, &o), 0, "made anew");
	IS(splk_channel_unlink(NULL, spec), 0, "unlink");
	IS(splk_channel_unlink(NULL, spec), -ENOENT, "once");
	rmdir(dir);
}

/* What an attacker writes into the info page once it is mapped: after the look at the file, before that at the page. */
static struct spl_channel_info *spoil_at, spoil_with;

int madvise(void *at, size_t bytes, int advice)
{
	if (spoil_at)
		*spoil_at = spoil_with;
	spoil_at = NULL;
	return (int)syscall(SYS_madvise, at, bytes, advice);
}

static void info_page_changes(void)
{
	struct splk_channel_options o = with(SPLK_CHANNEL_TX, 0);
	struct splk_channel *none = fresh_channel(4096), *tx;
	struct spl_channel_info *info, sound;
	int fd = splk_channel_fd(none);

	info = mmap(NULL, SPL_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(info != MAP_FAILED, "the info page");
	sound = spoil_with = *info;
	spoil_at = info;
	IS(splk_channel_attach(fd, &o, &tx), 0, "an info page that doesn't change");
	splk_channel_close(tx);
	spoil_with.backend = SPL_BACKEND_DEVICE; /* whose ring is mapped twice by one call */
	spoil_at = info;
	IS(splk_channel_attach(fd, &o, &tx), -EBADMSG, "one that says another backend than it did");
	spoil_with = *info = sound;
	spoil_with.capacity *= 2;
	spoil_with.map_bytes = spoil_with.data_off + spoil_with.capacity;
	spoil_at = info;
	IS(splk_channel_attach(fd, &o, &tx), -EBADMSG, "one that says more than the file has");
	*info = sound;
	IS(splk_channel_attach(fd, &o, &tx), 0, "nothing was taken meanwhile");
	splk_channel_close(tx);
	munmap(info, SPL_PAGE_BYTES);
	splk_channel_close(none);
}

/* The kernel kills the child that makes a system call. */
static void no_system_call(void)
{
	struct sock_filter only_exit[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { .len = 4, .filter = only_exit };
	struct splk_channel *none = fresh_channel(4096), *tx, *rx;
	char buf[2032] = { 0 };
	int status;
	uint32_t i;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		tx = end_of(splk_channel_fd(none), SPLK_CHANNEL_TX, 0);
		rx = end_of(splk_channel_fd(none), SPLK_CHANNEL_RX, 0);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
			_exit(77);
		for (i = 0; i < 10000; i++)
			if (splk_channel_send(tx, buf, i % 2033, 0, 0, SPLK_FOREVER) ||
			    splk_channel_recv(rx, buf, sizeof(buf), NULL, SPLK_FOREVER) !=
				    i % 2033 ||
			    splk_channel_recv(rx, buf, sizeof(buf), NULL, 0) != -EAGAIN)
				syscall(SYS_exit_group, 1);
		syscall(SYS_exit_group, 0); /* _exit() may do more under a sanitizer */
	}
	status = wait_for(pid);
	if (status == 77)
		SKIP("no system call", "no seccomp filters here");
	else
		IS(status, 0, "no system call is made while nobody sleeps");
	splk_channel_close(none);
}

int main(void)
{
	bad_arguments();
	roles();
	many();
	deadlines();
	sleepers();
	files();
	info_page_changes();
	no_system_call();
	return tap_done();
}
