// SPDX-License-Identifier: GPL-2.0
/*
 * ns.c - network namespaces: each has stores of its own, and takes their names along when it ends. Which stores these are is
 * kstore.c's, that a folder of sysfs is shown in one of them only is sysfs.c's.
 */
#include <linux/nsproxy.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "kmod.h"

static unsigned int ns_id __read_mostly;

static struct spl_ns **place(const struct net *net)
{
	return net_generic(net, ns_id);
}

static int __net_init ns_begin(struct net *net)
{
	struct spl_ns *ns = kzalloc(sizeof(*ns), SPL_GFP);

	if (!ns)
		return -ENOMEM;
	refcount_set(&ns->refs, 1);
	ns->net = net;
	ns->user_ns = get_user_ns(net->user_ns);
	mutex_init(&ns->lock);
	INIT_LIST_HEAD(&ns->shown);
	xa_init_flags(&ns->by_id, XA_FLAGS_ACCOUNT);
	*place(net) = ns;
	return 0;
}

/* Nobody is in the namespace any more, but handles that were opened there may still be open elsewhere. */
static void __net_exit ns_end(struct net *net)
{
	struct spl_ns *ns = *place(net);

	spl_kstore_end(ns);
	spl_ns_put(ns);
}

static struct pernet_operations ns_ops = {
	.init = ns_begin,
	.exit = ns_end,
	.id = &ns_id,
	.size = sizeof(struct spl_ns *),
};

/**
 * spl_ns_init() - begin with the namespaces that there are, and hear of those to come
 *
 * Return: 0 or -ENOMEM.
 */
int spl_ns_init(void)
{
	return register_pernet_subsys(&ns_ops);
}

/**
 * spl_ns_exit() - the module goes: all namespaces end for it, and no handle is open, so this destroys all stores
 */
void spl_ns_exit(void)
{
	unregister_pernet_subsys(&ns_ops);
}

/**
 * spl_ns_of() - what a network namespace has of ours
 * @net: one that can't end meanwhile
 *
 * Return: it, not referenced: it is there as long as @net.
 */
struct spl_ns *spl_ns_of(const struct net *net)
{
	return *place(net);
}

/**
 * spl_ns_current() - the calling thread's
 *
 * Return: it, not referenced: it is there as long as the thread stays in it.
 */
struct spl_ns *spl_ns_current(void)
{
	return spl_ns_of(current->nsproxy->net_ns);
}

/**
 * spl_ns_initial() - that of the machine itself
 *
 * Return: it, not referenced: it is there as long as the module.
 */
struct spl_ns *spl_ns_initial(void)
{
	return spl_ns_of(&init_net);
}

/**
 * spl_ns_get() - one more reference; it keeps the struct, not the namespace
 * @ns: one that can't go meanwhile
 *
 * Return: @ns; spl_ns_put() is the caller's to call.
 */
struct spl_ns *spl_ns_get(struct spl_ns *ns)
{
	refcount_inc(&ns->refs);
	return ns;
}

/**
 * spl_ns_put() - drop a reference
 * @ns: a namespace
 */
void spl_ns_put(struct spl_ns *ns)
{
	if (!refcount_dec_and_test(&ns->refs))
		return;
	xa_destroy(&ns->by_id);
	put_user_ns(ns->user_ns);
	kfree(ns);
}
