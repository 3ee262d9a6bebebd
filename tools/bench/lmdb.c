// SPDX-License-Identifier: MIT
/*
 * lmdb.c - LMDB as a user would have it for shared data that needn't outlive the machine: in memory, no sync. A read
 * renews a read transaction, a write is a transaction of its own.
 */
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"

struct lmdb {
	MDB_env *env;
	MDB_txn *reader;
	MDB_dbi dbi;
	struct seq *q;
	uint32_t n;
	char *value, *buf;
	char path[256];
};

static void must(int r, const char *what)
{
	if (r)
		die("LMDB: %s: %s", what, mdb_strerror(r));
}

static void put(struct lmdb *l, const struct key16 *key)
{
	MDB_val k = { KEY_BYTES, (void *)key->b }, v = { l->n, l->value };
	MDB_txn *txn;

	must(mdb_txn_begin(l->env, NULL, 0, &txn), "begin");
	must(mdb_put(txn, l->dbi, &k, &v, 0), "put");
	must(mdb_txn_commit(txn), "commit");
}

struct lmdb *lmdb_make(struct seq *q, uint64_t keys, uint32_t n)
{
	struct lmdb *l = calloc(1, sizeof(*l));
	struct key16 key;
	MDB_txn *txn;
	uint64_t i;

	if (!l)
		die("no memory");
	l->q = q;
	l->n = n;
	l->value = calloc(1, n);
	l->buf = malloc(n);
	snprintf(l->path, sizeof(l->path), "%s/lmdb", bench_folder());
	if (mkdir(l->path, 0700) || !l->value || !l->buf)
		die("no folder for LMDB: %s", l->path);
	must(mdb_env_create(&l->env), "create");
	must(mdb_env_set_mapsize(l->env, (keys * (n + 256) + (64 << 20)) & ~4095ULL), "mapsize");
	/* The fastest that it can without a sync, see mdb_env_open(3). */
	must(mdb_env_open(l->env, l->path, MDB_NOSYNC | MDB_WRITEMAP, 0600), "open");
	must(mdb_txn_begin(l->env, NULL, 0, &txn), "begin");
	must(mdb_dbi_open(txn, NULL, 0, &l->dbi), "dbi");
	must(mdb_txn_commit(txn), "commit");
	for (i = 0; i < keys; i++) {
		key_of(i, &key);
		put(l, &key);
	}
	must(mdb_txn_begin(l->env, NULL, MDB_RDONLY, &l->reader), "begin");
	mdb_txn_reset(l->reader);
	return l;
}

void lmdb_drop(struct lmdb *l)
{
	mdb_txn_abort(l->reader);
	mdb_env_close(l->env);
	free(l->value);
	free(l->buf);
	free(l);
}

void lmdb_get(void *context, uint64_t ops)
{
	struct lmdb *l = context;
	uint64_t first, count, i;
	MDB_val k, v;

	for (; ops; ops -= count) {
		count = seq_piece(l->q, ops, &first);
		for (i = first; i < first + count; i++) {
			k = (MDB_val){ KEY_BYTES, l->q->keys[i].b };
			if (mdb_txn_renew(l->reader) || mdb_get(l->reader, l->dbi, &k, &v) ||
			    v.mv_size != l->n)
				die("LMDB: a get failed");
			memcpy(l->buf, v.mv_data, l->n);
			mdb_txn_reset(l->reader);
		}
	}
}

void lmdb_set(void *context, uint64_t ops)
{
	struct lmdb *l = context;
	uint64_t first, count, i;

	for (; ops; ops -= count) {
		count = seq_piece(l->q, ops, &first);
		for (i = first; i < first + count; i++)
			put(l, &l->q->keys[i]);
	}
}
