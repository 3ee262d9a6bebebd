// SPDX-License-Identifier: MIT
/*
 * model.c - what one key is and does when nothing happens at the same time. In which order things happened is check.c's.
 *
 * Keys share lanes and epoch floors, so two things are left open here: an insert may be refused as long as the store can
 * be full, and a key that is made again has any epoch above its last.
 */
#include <errno.h>
#include <string.h>

#include "history.h"
#include "splinter_layout.h"

/* From splinter_write.h, said again: the model must not share code with what it judges. */
enum { SET_ABSENT = 1, SET_PRESENT = 2, MATH_CREATE = 4, TYPE_KEPT = 0xff };

static uint64_t number_after(unsigned int math, uint64_t a, uint64_t b)
{
	switch (math) {
	case 0:
		return a & b;
	case 1:
		return a | b;
	case 2:
		return a ^ b;
	case 3:
		return ~a;
	case 4:
		return a + b;
	case 5:
		return a - b;
	case 6:
		return a + 1;
	default:
		return a - 1;
	}
}

/* Somebody was told this epoch: can it be the key's? */
static bool epoch_is(struct state *s, uint64_t epoch)
{
	if (s->loose ? epoch < s->epoch : epoch != s->epoch)
		return false;
	s->epoch = epoch;
	s->loose = 0;
	return true;
}

static void publish(struct state *s, const void *val, uint32_t len)
{
	if (!s->present) {
		s->labels = 0;
		s->type = 0;
		s->present = 1;
		s->loose = 1;
	}
	s->epoch++;
	memmove(s->val, val, len);
	memset(s->val + len, 0, VALUE_MAX - len);
	s->len = len;
}

static int64_t do_set(struct state *s, const struct op *op)
{
	if ((op->flags & SET_ABSENT) && s->present)
		return -EEXIST;
	if ((op->flags & SET_PRESENT) && !s->present)
		return -ENOENT;
	publish(s, op->val, op->len);
	return op->len;
}

static int64_t do_set_epoch(struct state *s, const struct op *op)
{
	if (!s->present)
		return -ENOENT;
	/* With a loose epoch both answers can be right. */
	if (s->loose && op->end == END_KNOWN && op->ret == -ESTALE)
		return -ESTALE;
	if (!epoch_is(s, op->arg))
		return -ESTALE;
	publish(s, op->val, op->len);
	return op->len;
}

static int64_t do_append(struct state *s, const struct op *op)
{
	unsigned char joined[2 * VALUE_MAX];

	if ((op->flags & SET_PRESENT) && !s->present)
		return -ENOENT;
	if (s->len + op->len > VALUE_MAX)
		return -EMSGSIZE;
	memcpy(joined, s->val, s->len);
	memcpy(joined + s->len, op->val, op->len);
	publish(s, joined, s->len + op->len);
	return s->len;
}

static int64_t do_math(struct state *s, const struct op *op, bool *told)
{
	uint64_t number = 0;

	if (!s->present && !(op->flags & MATH_CREATE))
		return -ENOENT;
	if (s->present && s->len != sizeof(number))
		return -EPROTOTYPE;
	memcpy(&number, s->val, sizeof(number));
	number = number_after(op->math, number, op->arg);
	publish(s, &number, sizeof(number));
	*told = op->word == number;
	return 0;
}

static int64_t do_get(const struct state *s, const struct op *op, bool *told)
{
	if (!s->present)
		return -ENOENT;
	if (s->len > op->len)
		return -EMSGSIZE;
	*told = op->out_len == s->len && !memcmp(op->out, s->val, s->len);
	return s->len;
}

static int64_t do_attr(struct state *s, const struct op *op, bool *told)
{
	if (!s->present)
		return -ENOENT;
	*told = op->word == s->labels && op->type_was == s->type;
	if (op->kind == OP_ATTR_GET)
		return 0;
	if ((s->labels ^ op->arg) & op->must)
		return -ESTALE;
	s->labels = (s->labels & ~op->clear) | op->set;
	if (op->type != TYPE_KEPT)
		s->type = op->type;
	return 0;
}

static int64_t do_delete(struct state *s)
{
	uint64_t epoch = s->epoch;

	if (!s->present)
		return -ENOENT;
	memset(s, 0, sizeof(*s));
	s->epoch = epoch;
	return 0;
}

/*
 * Can @op happen to a key in state @was and give the results that it gave? Then @now is the key's next state. Of one
 * that was cut off nothing is compared: it is asked whether it can have taken effect.
 */
bool model_step(const struct state *was, const struct op *op, bool roomy, struct state *now)
{
	bool told = true, known = op->end == END_KNOWN;
	int64_t ret;

	*now = *was;
	switch (op->kind) {
	case OP_SET:
	case OP_PUT:
		ret = do_set(now, op);
		break;
	case OP_SET_EPOCH:
		ret = do_set_epoch(now, op);
		break;
	case OP_APPEND:
		ret = do_append(now, op);
		break;
	case OP_MATH:
		ret = do_math(now, op, &told);
		break;
	case OP_BUMP:
		ret = was->present ? 0 : -ENOENT;
		if (!ret)
			publish(now, was->val, was->len);
		break;
	case OP_DELETE:
		ret = do_delete(now);
		break;
	case OP_GET:
	case OP_VIEW:
		ret = do_get(was, op, &told);
		break;
	case OP_STAT:
		ret = was->present ? 0 : -ENOENT;
		told = ret || op->out_len == was->len;
		break;
	case OP_EXISTS:
		ret = was->present;
		break;
	default:
		ret = do_attr(now, op, &told);
		break;
	}
	if (!known)
		return ret >= 0;
	if (op->ret == -ENOSPC && !roomy && !was->present && now->present) {
		*now = *was;
		return true;
	}
	if (ret != op->ret || !told)
		return false;
	return !op->epoch || epoch_is(now, op->epoch);
}
