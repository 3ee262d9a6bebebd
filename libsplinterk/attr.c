// SPDX-License-Identifier: MIT
/* attr.c - integers, types, user flags and labels: the inline operations behind stable functions. */
#include <string.h>
#include <strings.h>

#include "internal.h"

_Static_assert((int)SPLK_AND == (int)SPL_MATH_AND && (int)SPLK_OR == (int)SPL_MATH_OR &&
		       (int)SPLK_XOR == (int)SPL_MATH_XOR && (int)SPLK_NOT == (int)SPL_MATH_NOT &&
		       (int)SPLK_ADD == (int)SPL_MATH_ADD && (int)SPLK_SUB == (int)SPL_MATH_SUB &&
		       (int)SPLK_INC == (int)SPL_MATH_INC && (int)SPLK_DEC == (int)SPL_MATH_DEC,
	       "operations are passed on");
_Static_assert(SPLK_SIGNED == SPL_MATH_SIGNED && SPLK_SATURATE == SPL_MATH_SATURATE &&
		       SPLK_MATH_CREATE == SPL_MATH_CREATE,
	       "flags are passed on");

static inline uint32_t narrow(size_t n)
{
	return spl_likely(n <= UINT32_MAX) ? (uint32_t)n : UINT32_MAX;
}

int splk_math(struct splk_store *store, const void *key, size_t klen, enum splk_math op,
	      uint64_t operand, uint32_t flags, uint64_t *result)
{
	int err = 0;
	struct spl_writer *w = writer_get(store, &err);
	__u64 value = 0;

	if (spl_unlikely(!w))
		return err;
	err = spl_math(w, key, narrow(klen), (uint32_t)op, operand, flags, &value);
	ring_if_due(store, w);
	if (!err && result)
		*result = value;
	return err;
}

int splk_attr(struct splk_store *store, const void *key, size_t klen, struct splk_attr *attr)
{
	struct spl_attr_value v;
	int err = spl_attr_get(&store->view, key, narrow(klen), &v);

	if (err)
		return err;
	attr->type = v.type;
	attr->user = v.user;
	attr->labels = v.labels;
	return 0;
}

static int change(struct splk_store *store, const void *key, size_t klen,
		  const struct spl_attr_edit *edit, uint64_t *old)
{
	int err = 0;
	struct spl_writer *w = writer_get(store, &err);
	struct spl_attr_value was = { 0 };

	if (spl_unlikely(!w))
		return err;
	err = spl_attr_change(w, key, narrow(klen), edit, &was);
	ring_if_due(store, w);
	if (old && (!err || err == -ESTALE))
		*old = was.labels;
	return err;
}

int splk_type_set(struct splk_store *store, const void *key, size_t klen, uint32_t type)
{
	struct spl_attr_edit edit = { .type = (uint8_t)type };

	if (type >= SPL_TYPE_COUNT)
		return -EINVAL;
	return change(store, key, klen, &edit, NULL);
}

int splk_user_change(struct splk_store *store, const void *key, size_t klen, uint32_t set,
		     uint32_t clear)
{
	struct spl_attr_edit edit = {
		.type = SPL_ATTR_KEEP_TYPE,
		.user_set = (uint8_t)set,
		.user_clear = (uint8_t)clear,
	};

	if ((set | clear) > 0xff)
		return -EINVAL;
	return change(store, key, klen, &edit, NULL);
}

int splk_label_change(struct splk_store *store, const void *key, size_t klen, uint64_t set,
		      uint64_t clear, uint64_t *old)
{
	struct spl_attr_edit edit = { .type = SPL_ATTR_KEEP_TYPE,
				      .labels_set = set,
				      .labels_clear = clear };

	return change(store, key, klen, &edit, old);
}

int splk_label_cas(struct splk_store *store, const void *key, size_t klen, uint64_t mask,
		   uint64_t expected, uint64_t wanted, uint64_t *old)
{
	struct spl_attr_edit edit = {
		.type = SPL_ATTR_KEEP_TYPE,
		.labels_must = mask,
		.labels_are = expected,
		.labels_clear = mask,
		.labels_set = wanted & mask,
	};

	return change(store, key, klen, &edit, old);
}

static const char *const type_names[SPL_TYPE_COUNT] = {
	[SPL_TYPE_VOID] = "void",   [SPL_TYPE_BIGINT] = "bigint",   [SPL_TYPE_BIGUINT] = "biguint",
	[SPL_TYPE_JSON] = "json",   [SPL_TYPE_BINARY] = "binary",   [SPL_TYPE_IMGDATA] = "imgdata",
	[SPL_TYPE_AUDIO] = "audio", [SPL_TYPE_VARTEXT] = "vartext",
};

const char *splk_type_name(uint32_t type)
{
	return type < SPL_TYPE_COUNT ? type_names[type] : NULL;
}

int splk_type_parse(const char *name)
{
	int i;

	for (i = 0; name && i < SPL_TYPE_COUNT; i++)
		if (!strcasecmp(name, type_names[i]))
			return i;
	return -EINVAL;
}
