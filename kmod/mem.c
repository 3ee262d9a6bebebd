// SPDX-License-Identifier: GPL-2.0
/*
 * mem.c - the pages of a store: taken from the right NUMA nodes, all at creation, accounted to who creates; and the
 * kernel's own view of them. Mapping them into processes is map.c's.
 */
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "kmod.h"

static_assert(PAGE_SIZE == SPL_PAGE_BYTES);
static_assert(sizeof(struct spl_info) <= PAGE_SIZE);

/* Wherever these fail, nobody is killed for us and nothing is printed. */
#define CHUNK_GFP (GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY)
#define PAGE_GFP (SPL_GFP | __GFP_ZERO)

/* Page pointers come from one kvmalloc(), which gives no more than this. */
#define PAGES_MAX (INT_MAX / sizeof(struct page *))

/* Where the next page of a store is to come from. */
struct placement {
	u32 policy;
	int nid;
};

static int pick_node(struct placement *pl)
{
	int nid = pl->nid;

	if (pl->policy == SPL_POLICY_INTERLEAVE)
		pl->nid = next_node_in(nid, node_states[N_MEMORY]);
	return nid;
}

/* Pages that a node could give without swapping: a guess, made to fail early rather than after a minute. */
static unsigned long node_available(int nid)
{
	pg_data_t *pgdat = NODE_DATA(nid);
	unsigned long nr = 0;
	int i;

	for (i = 0; i <= ZONE_NORMAL; i++)
		nr += zone_page_state(&pgdat->node_zones[i], NR_FREE_PAGES);
	nr += max(atomic_long_read(&pgdat->vm_stat[NR_ACTIVE_FILE]), 0L);
	nr += max(atomic_long_read(&pgdat->vm_stat[NR_INACTIVE_FILE]), 0L);
	return nr;
}

static int check_room(const struct spl_info *plan, unsigned long nr_pages)
{
	const struct spl_geometry *g = &plan->geometry;
	unsigned long need = nr_pages + nr_pages / 256; /* page pointers and page tables come on top */

	if (nr_pages > PAGES_MAX || need > totalram_pages())
		return -ENOMEM;
	if (g->policy == SPL_POLICY_BIND)
		return need > node_available(g->node) ? -ENOMEM : 0;
	return need > si_mem_available() ? -ENOMEM : 0;
}

/* The page becomes number @pgoff of the store's inode: what a shared futex on it is known by. */
static void adopt(struct spl_mem *mem, struct page *page, pgoff_t pgoff, unsigned int nr)
{
	unsigned int i;

	page->mapping = mem->inode->i_mapping;
	page->index = pgoff;
	mem->node_pages[page_to_nid(page)] += nr;
	for (i = 0; i < nr; i++)
		mem->pages[mem->nr_pages++] = page + i;
}

static int add_page(struct spl_mem *mem, struct placement *pl, pgoff_t pgoff)
{
	gfp_t gfp = PAGE_GFP | (pl->policy == SPL_POLICY_BIND ? __GFP_THISNODE : 0);
	struct page *page = alloc_pages_node(pick_node(pl), gfp, 0);

	if (!page)
		return -ENOMEM;
	adopt(mem, page, pgoff, 1);
	return 0;
}

/* A chunk, or as many pages if there is no chunk to be had. */
static int add_chunk(struct spl_mem *mem, struct placement *pl, pgoff_t pgoff)
{
	gfp_t gfp = CHUNK_GFP | (pl->policy == SPL_POLICY_LOCAL ? 0 : __GFP_THISNODE);
	struct placement one = { .policy = pl->policy, .nid = pick_node(pl) };
	struct page *page;
	unsigned int i;
	int ret;

	page = alloc_pages_node(one.nid, gfp, SPL_CHUNK_ORDER);
	if (page) {
		adopt(mem, page, pgoff, SPL_CHUNK_PAGES);
		mem->nr_chunk_pages += SPL_CHUNK_PAGES;
		return 0;
	}
	if (one.policy == SPL_POLICY_INTERLEAVE)
		one.policy = SPL_POLICY_LOCAL; /* these 2 MiB from this node, if it has them */
	for (i = 0; i < SPL_CHUNK_PAGES; i++) {
		if (signal_pending(current))
			return -EINTR;
		ret = add_page(mem, &one, pgoff + i);
		if (ret)
			return ret;
	}
	return 0;
}

static bool chunk_fits(pgoff_t pgoff, pgoff_t end)
{
	return IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) && IS_ALIGNED(pgoff, SPL_CHUNK_PAGES) &&
	       end - pgoff >= SPL_CHUNK_PAGES;
}

static int add_all(struct spl_mem *mem, struct placement *pl)
{
	pgoff_t pgoff = mem->first;
	int ret;

	while (pgoff < mem->end) {
		/*
		 * EINTR, not a restart: with an interval timer running, a restarted creation might never come to
		 * its end, and the caller would not even know.
		 */
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
		if (chunk_fits(pgoff, mem->end)) {
			ret = add_chunk(mem, pl, pgoff);
			pgoff += SPL_CHUNK_PAGES;
		} else {
			ret = add_page(mem, pl, pgoff);
			pgoff++;
		}
		if (ret)
			return ret;
	}
	return 0;
}

static void drop_pages(struct spl_mem *mem)
{
	unsigned long i, nr;

	for (i = 0; i < mem->nr_pages; i += nr) {
		struct page *page = mem->pages[i];

		/* Someone may still have it pinned for I/O: with the lock he sees the mapping whole, or none. */
		lock_page(page);
		page->mapping = NULL;
		unlock_page(page);
		nr = compound_nr(page);
		put_page(page);
		cond_resched();
	}
	mem->nr_pages = 0;
}

/**
 * spl_mem_create() - get all pages of a store
 * @mem: out
 * @plan: its layout and geometry; policy and node are valid
 *
 * Return: 0; -ENOMEM; -EINTR: a signal came. On error nothing is left, and @mem is all zero.
 */
int spl_mem_create(struct spl_mem *mem, const struct spl_info *plan)
{
	const struct spl_geometry *g = &plan->geometry;
	struct placement pl = { .policy = g->policy };
	unsigned long nr_pages;
	struct inode *inode;
	int ret;

	memset(mem, 0, sizeof(*mem));
	mem->first = plan->data_off >> PAGE_SHIFT;
	mem->end = plan->map_bytes >> PAGE_SHIFT;
	nr_pages = 1 + mem->end - mem->first;
	ret = check_room(plan, nr_pages);
	if (ret)
		return ret;

	if (g->policy == SPL_POLICY_BIND)
		pl.nid = g->node;
	else if (g->policy == SPL_POLICY_INTERLEAVE)
		pl.nid = first_memory_node;
	else
		pl.nid = numa_mem_id();

	inode = spl_inode_new(plan->map_bytes);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	mem->inode = inode;
	ret = -ENOMEM;
	mem->node_pages = kcalloc(nr_node_ids, sizeof(*mem->node_pages), SPL_GFP);
	if (!mem->node_pages)
		goto err_put_inode;
	mem->pages = kvmalloc_array(nr_pages, sizeof(*mem->pages), SPL_GFP);
	if (!mem->pages)
		goto err_free_node_pages;

	ret = add_page(mem, &pl, 0);
	if (ret)
		goto err_free_pages;
	ret = add_all(mem, &pl);
	if (ret)
		goto err_drop_pages;
	mem->info = page_address(mem->pages[0]);
	mem->data = vmap(mem->pages + 1, nr_pages - 1, VM_MAP, PAGE_KERNEL);
	if (!mem->data) {
		ret = -ENOMEM;
		goto err_drop_pages;
	}
	return 0;

err_drop_pages:
	drop_pages(mem);
err_free_pages:
	kvfree(mem->pages);
err_free_node_pages:
	kfree(mem->node_pages);
err_put_inode:
	iput(mem->inode);
	memset(mem, 0, sizeof(*mem));
	return ret;
}

/**
 * spl_mem_destroy() - give them back
 * @mem: nobody else looks at it any more, no process has it mapped
 */
void spl_mem_destroy(struct spl_mem *mem)
{
	vunmap(mem->data);
	drop_pages(mem);
	kvfree(mem->pages);
	kfree(mem->node_pages);
	iput(mem->inode);
}

/**
 * spl_mem_page() - the page at a page offset of a mapping
 * @mem: the store's
 * @pgoff: any number
 *
 * Return: the page, no reference taken, or NULL: nothing is there.
 */
struct page *spl_mem_page(const struct spl_mem *mem, pgoff_t pgoff)
{
	if (!pgoff)
		return mem->pages[0];
	if (pgoff < mem->first || pgoff >= mem->end)
		return NULL;
	return mem->pages[1 + pgoff - mem->first];
}

/**
 * spl_mem_bytes_max() - bytes of the largest store that this machine could hold
 *
 * Return: bytes.
 */
u64 spl_mem_bytes_max(void)
{
	return (u64)min_t(unsigned long, totalram_pages(), PAGES_MAX) << PAGE_SHIFT;
}
