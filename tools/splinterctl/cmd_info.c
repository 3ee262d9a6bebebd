// SPDX-License-Identifier: MIT
/*
 * cmd_info.c - info, geometry, stats, caps: what a store is, what was done in it, and what library and module can do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmds.h"
#include "out.h"
#include "splinter_layout.h"

typedef unsigned long long ull;

static const char *policy_name(uint32_t policy)
{
	static const char *const names[] = { "local", "bind", "interleave" };

	return policy < 3 ? names[policy] : "?";
}

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ SPL_FEATURE_ATTR, "attr" }, { SPL_FEATURE_HUGE, "huge" },
	{ SPL_FEATURE_NUMA, "numa" }, { SPL_FEATURE_SIGNAL, "signal" },
	{ SPL_FEATURE_FEED, "feed" },
};

static json_t *features_json(uint64_t bits)
{
	json_t *list = json_array();
	char text[24];
	size_t i;

	for (i = 0; i < sizeof(features) / sizeof(*features); i++) {
		if (bits & features[i].bit)
			json_array_append_new(list, json_string(features[i].name));
		bits &= ~features[i].bit;
	}
	if (bits) {
		snprintf(text, sizeof(text), "0x%llx", (ull)bits);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static void features_print(const char *name, uint64_t bits)
{
	json_t *list = features_json(bits);
	char text[128] = "";
	size_t i;

	for (i = 0; i < json_array_size(list); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 json_string_value(json_array_get(list, i)));
	json_decref(list);
	out_field(name, "%s", *text ? text : "none");
}

static void geometry_json(json_t *o, const struct splk_info *info)
{
	const struct spl_geometry *g = &info->geometry;

	out_json_u64(o, "lanes", g->lanes);
	out_json_u64(o, "lanes_total", info->lanes_total);
	out_json_u64(o, "value_max", g->value_max);
	out_json_u64(o, "key_max", g->key_max);
	out_json_u64(o, "max_writers", g->max_writers);
	out_json_u64(o, "spares", g->spares);
	out_json_bool(o, "watch", g->flags & SPL_GEOMETRY_WATCH);
	out_json_u64(o, "feed", g->feed);
	out_json_text(o, "policy", policy_name(g->policy));
	json_object_set_new(o, "node", json_integer(g->node));
	out_json_u64(o, "bytes", info->bytes);
}

static void geometry_print(const struct splk_info *info)
{
	const struct spl_geometry *g = &info->geometry;
	char bytes[32];

	out_field("lanes", "%llu", (ull)g->lanes);
	out_field("lanes with spares", "%llu", (ull)info->lanes_total);
	out_field("longest value", "%u", g->value_max);
	out_field("longest key", "%u", g->key_max);
	out_field("writers at most", "%u", g->max_writers);
	out_field("spares per writer", "%u", g->spares);
	out_field("watch", "%s", g->flags & SPL_GEOMETRY_WATCH ? "yes" : "no");
	out_field("feed", "%u", g->feed);
	if (g->policy == SPL_POLICY_BIND)
		out_field("policy", "bind to node %d", g->node);
	else
		out_field("policy", "%s", policy_name(g->policy));
	out_field("bytes", "%llu (%s)", (ull)info->bytes, out_bytes(info->bytes, bytes));
}

void out_info_json(json_t *o, const struct splk_info *info)
{
	out_json_text(o, "backend", info->backend == SPL_BACKEND_DEVICE ? "module" : "embedded");
	out_json_u64(o, "store_id", info->store_id);
	out_json_u64(o, "abi", info->abi);
	out_json_u64(o, "created_ns", info->created_ns);
	geometry_json(o, info);
	out_json_u64(o, "lane_stride", info->lane_stride);
	out_json_u64(o, "index_bytes", info->index_bytes);
	if (info->pages) {
		out_json_u64(o, "pages", info->pages);
		out_json_u64(o, "chunk_pages", info->chunk_pages);
	}
	json_object_set_new(o, "features", features_json(info->features));
}

static int get_info(struct ctl *ctl, struct splk_info *info)
{
	int r;

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	r = splk_info(ctl->store, info);
	return r ? ctl_error(ctl, r, "%s", ctl_spec(ctl)) : 0;
}

static int run_info(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_info info;
	char time[64];
	int r = get_info(ctl, &info);
	json_t *o;

	(void)args;
	if (r)
		return r;
	if (ctl->json) {
		o = json_object();
		out_json_text(o, "store", ctl_spec(ctl));
		out_info_json(o, &info);
		return out_json(ctl, o);
	}
	out_field("store", "%s", ctl_spec(ctl));
	out_field("backend", "%s", info.backend == SPL_BACKEND_DEVICE ? "module" : "embedded");
	out_field("id", "%llu", (ull)info.store_id);
	out_field("layout version", "%u", info.abi);
	out_field("made", "%s", out_time(info.created_ns, time));
	geometry_print(&info);
	out_field("bytes per lane", "%llu", (ull)info.lane_stride);
	out_field("bytes of index", "%llu", (ull)info.index_bytes);
	if (info.pages)
		out_field("in 2 MiB chunks", "%.1f %%",
			  100.0 * (double)info.chunk_pages / (double)info.pages);
	features_print("features", info.features);
	return 0;
}

const struct ctl_command cmd_info = {
	.name = "info",
	.group = "Looking",
	.usage = "",
	.summary = "what the store is: backend, age, geometry, layout",
	.flags = CTL_JSON | CTL_READS,
	.run = run_info,
};

static int run_geometry(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_info info;
	int r = get_info(ctl, &info);
	json_t *o;

	(void)args;
	if (r)
		return r;
	if (!ctl->json) {
		geometry_print(&info);
		return 0;
	}
	o = json_object();
	geometry_json(o, &info);
	return out_json(ctl, o);
}

const struct ctl_command cmd_geometry = {
	.name = "geometry",
	.group = "Looking",
	.usage = "",
	.summary = "how many lanes, how long keys and values may be, where the pages are",
	.about = "watch: whether keys can be bound to groups.\n"
		 "feed: changes that each writer keeps for `feed`; 0: none.",
	.flags = CTL_JSON | CTL_READS,
	.run = run_geometry,
};

static int run_stats(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_stats s = { .size = sizeof(s) };
	int r = splk_stats(ctl->store, &s);
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "lanes", s.lanes },	  { "lanes_used", s.lanes_used },
		{ "writers", s.writers }, { "writers_dead", s.dead },
		{ "publish", s.publish }, { "insert", s.insert },
		{ "deletes", s.deletes }, { "conflict", s.conflict },
		{ "help", s.help },	  { "full", s.full },
		{ "reap", s.reap },	  { "attr", s.attr },
	};
	json_t *o = ctl->json && !r ? json_object() : NULL;
	size_t i;

	(void)args;
	if (r)
		return ctl_error(ctl, r, "%s", ctl_spec(ctl));
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (o)
			out_json_u64(o, rows[i].name, rows[i].value);
		else
			out_field(rows[i].name, "%llu", (ull)rows[i].value);
	}
	return o ? out_json(ctl, o) : 0;
}

const struct ctl_command cmd_stats = {
	.name = "stats",
	.group = "Looking",
	.usage = "",
	.summary = "counts since the store was made, over all its writers",
	.about =
		"lanes        keys that it can hold         lanes_used   keys that it holds\n"
		"writers      writer cells in use           writers_dead those of the dead, until a reap\n"
		"publish      values published, inserts too insert       keys made\n"
		"deletes      keys deleted                  conflict     publications tried again\n"
		"help         inserts of others finished    full         inserts refused, store full\n"
		"reap         writers reaped after death    attr         changes of types, flags, labels",
	.flags = CTL_JSON | CTL_READS,
	.run = run_stats,
};

static void caps_json(json_t *o, const struct splk_caps *c, const char *why)
{
	char version[24];
	json_t *m;

	snprintf(version, sizeof(version), "%u.%u", c->version >> 16, c->version & 0xffff);
	out_json_text(o, "library", version);
	out_json_u64(o, "abi", c->abi);
	json_object_set_new(o, "features", features_json(c->layout_features));
	if (c->device_error) {
		json_object_set_new(o, "module", json_null());
		out_json_text(o, "module_error", why);
		return;
	}
	m = json_object();
	out_json_u64(m, "abi", c->module.abi);
	out_json_u64(m, "stores", c->module.stores);
	out_json_u64(m, "lanes_max", c->module.lanes_max);
	out_json_u64(m, "value_max", c->module.value_max);
	out_json_u64(m, "key_max", c->module.key_max);
	out_json_u64(m, "max_writers", c->module.max_writers);
	out_json_u64(m, "bytes_max", c->module.bytes_max);
	out_json_u64(m, "page_bytes", c->module.page_bytes);
	out_json_u64(m, "chunk_bytes", c->module.chunk_bytes);
	json_object_set_new(m, "features", features_json(c->module.features));
	json_object_set_new(o, "module", m);
}

static int run_caps(struct ctl *ctl, struct ctl_args *args)
{
	struct splk_options options = { .size = sizeof(options), .device = ctl->device };
	struct splk_caps c = { .size = sizeof(c) };
	char bytes[32], text[CTL_NO_DEVICE];
	int r = splk_caps(&options, &c);
	const char *why;
	json_t *o;

	(void)args;
	if (r)
		return ctl_error(ctl, r, "capabilities");
	why = c.device_error == -ENODEV ? ctl_no_device(ctl, text) : splk_strerror(c.device_error);
	if (ctl->json) {
		o = json_object();
		caps_json(o, &c, why);
		return out_json(ctl, o);
	}
	out_field("library", "%u.%u, layout %u", c.version >> 16, c.version & 0xffff, c.abi);
	features_print("library features", c.layout_features);
	if (c.device_error) {
		out_field("module", "no: %s", why);
		return 0;
	}
	out_field("module", "ABI %u, %llu named stores", c.module.abi, (ull)c.module.stores);
	features_print("module features", c.module.features);
	out_field("lanes at most", "%llu", (ull)c.module.lanes_max);
	out_field("longest value", "%u", c.module.value_max);
	out_field("longest key", "%u", c.module.key_max);
	out_field("writers at most", "%u", c.module.max_writers);
	out_field("largest store", "%s", out_bytes(c.module.bytes_max, bytes));
	return 0;
}

const struct ctl_command cmd_caps = {
	.name = "caps",
	.group = "Looking",
	.usage = "",
	.summary = "what this library, and the module if it is loaded, can do",
	.flags = CTL_JSON | CTL_SPEC,
	.run = run_caps,
};
