// SPDX-License-Identifier: MIT
/*
 * shortest.c - makes a failing history as short as it can and keeps the shortest for people to read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"

static struct {
	struct op op[KEY_OPS_MAX];
	uint32_t nr;
	struct state start;
	uint64_t seed;
} kept;

static const char *const names[OP_KINDS] = {
	"set", "put",  "set_epoch", "append", "math", "bump",	     "delete",
	"get", "view", "stat",	    "exists", "attr", "attr_change",
};

static bool fails(const struct op *op, uint32_t nr, const struct state *start, bool roomy)
{
	const struct op *ops[KEY_OPS_MAX];
	uint32_t i;

	for (i = 0; i < nr; i++)
		ops[i] = &op[i];
	return check_key(ops, nr, start, roomy) == NOT_LINEAR;
}

static int by_call(const void *a, const void *b)
{
	const struct op *x = a, *y = b;

	return x->inv < y->inv ? -1 : x->inv > y->inv;
}

/* What had been called by stamp @t; what hadn't returned is as cut off. */
static uint32_t prefix(struct op *to, const struct op *from, uint32_t nr, uint64_t t)
{
	uint32_t i, n = 0;

	for (i = 0; i < nr; i++) {
		if (from[i].inv > t)
			continue;
		to[n] = from[i];
		if (to[n].resp > t) {
			to[n].resp = UINT64_MAX;
			to[n].end = END_NEVER;
		}
		n++;
	}
	return n;
}

/* An operation that changed nothing can be left out: what is left must still be explained. */
static bool observes(const struct op *op)
{
	if (op->end != END_KNOWN)
		return false;
	return op->ret < 0 || op->kind == OP_GET || op->kind == OP_VIEW || op->kind == OP_STAT ||
	       op->kind == OP_EXISTS || op->kind == OP_ATTR_GET;
}

void shortest_offer(const struct history *h, uint32_t key, const struct state *start, bool roomy,
		    uint64_t seed)
{
	static struct op all[KEY_OPS_MAX], cut[KEY_OPS_MAX], less[KEY_OPS_MAX];
	uint32_t i, k, n, nr = 0;
	uint64_t t, end = UINT64_MAX;

	for (i = 0; i < h->nr && nr < KEY_OPS_MAX; i++)
		if (h->op[i].key == key && h->op[i].end != END_UNUSABLE)
			all[nr++] = h->op[i];
	qsort(all, nr, sizeof(*all), by_call);
	for (i = 0; i < nr; i++) {
		t = all[i].resp;
		if (t >= end)
			continue;
		n = prefix(cut, all, nr, t);
		if (fails(cut, n, start, roomy))
			end = t;
	}
	n = prefix(cut, all, nr, end);
	for (i = 0; i < n;) {
		for (k = 0; k < n; k++)
			less[k - (k > i)] = cut[k];
		if (observes(&cut[i]) && fails(less, n - 1, start, roomy))
			memcpy(cut, less, --n * sizeof(*cut));
		else
			i++;
	}
	if (kept.nr && kept.nr <= n)
		return;
	memcpy(kept.op, cut, n * sizeof(*cut));
	kept.nr = n;
	kept.start = *start;
	kept.seed = seed;
}

static void print_bytes(const unsigned char *p, uint32_t n)
{
	uint32_t i;

	printf("%u:", n);
	for (i = 0; i < n && i < 10; i++)
		printf("%02x", p[i]);
	if (n > 10)
		printf("..%02x", p[n - 1]);
}

static void print_op(const struct op *op)
{
	printf("#   %6llu-", (unsigned long long)op->inv);
	if (op->resp == UINT64_MAX)
		printf("      ");
	else
		printf("%-6llu", (unsigned long long)op->resp);
	printf(" w%u %s", op->who, names[op->kind]);
	if (op->kind <= OP_SET_EPOCH || op->kind == OP_APPEND) {
		putchar(' ');
		print_bytes(op->val, op->len);
	}
	if (op->flags)
		printf(" flags %u", op->flags);
	if (op->kind == OP_SET_EPOCH)
		printf(" if epoch %llu", (unsigned long long)op->arg);
	if (op->kind == OP_MATH)
		printf(" op %u by %llu", op->math, (unsigned long long)op->arg);
	if (op->kind == OP_ATTR_CHANGE)
		printf(" must %llx are %llx set %llx clear %llx type %u",
		       (unsigned long long)op->must, (unsigned long long)op->arg,
		       (unsigned long long)op->set, (unsigned long long)op->clear, op->type);
	if (op->end == END_NEVER) {
		puts(op->resp == UINT64_MAX ? " ..." : " killed, then reaped");
		return;
	}
	printf(" = %lld", (long long)op->ret);
	if (op->ret >= 0 && (op->kind == OP_GET || op->kind == OP_VIEW)) {
		putchar(' ');
		print_bytes(op->out, op->out_len);
	}
	if (op->kind == OP_STAT)
		printf(" length %u", op->out_len);
	if (op->epoch)
		printf(" epoch %llu", (unsigned long long)op->epoch);
	if (op->kind == OP_MATH && !op->ret)
		printf(" number %llu", (unsigned long long)op->word);
	if (op->kind >= OP_ATTR_GET)
		printf(" labels %llx type %u", (unsigned long long)op->word, op->type_was);
	putchar('\n');
}

/* False if there is none. */
bool shortest_print(void)
{
	uint32_t i;

	if (!kept.nr)
		return false;
	printf("# shortest failing history, key %u, seed %llu (stamps of call and return, worker, operation):\n",
	       kept.op[0].key, (unsigned long long)kept.seed);
	printf("#   before: %s", kept.start.present ? "" : "absent\n");
	if (kept.start.present) {
		print_bytes(kept.start.val, kept.start.len);
		printf(" epoch %llu labels %llx type %u\n", (unsigned long long)kept.start.epoch,
		       (unsigned long long)kept.start.labels, kept.start.type);
	}
	for (i = 0; i < kept.nr; i++)
		print_op(&kept.op[i]);
	return true;
}
