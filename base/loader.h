/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin loader, one for both roles. Control thread only.
 *
 * nx_plugins_load() opens each file of the list (plain names, "ipam-v4") in the
 * role's directory once, judges the open descriptor (owner and mode of file and
 * directory, ELF class, machine and type), loads from that descriptor with
 * RTLD_NOW|RTLD_LOCAL, judges the descriptor it exports, orders by need, and
 * calls `load`. A refusal names path, expected and found, and leaves nothing
 * loaded.
 */
#ifndef NX_BASE_LOADER_H
#define NX_BASE_LOADER_H

#include <nexodus/plugin.h>

#include "base/config.h"
#include "base/error.h"

struct nx_plugins; /* a set of loaded plugins */

/* One loaded plugin; `instance` is set by its `load`. */
struct nx_loaded {
	const struct nx_plugin *plugin; /* a copy: members beyond the plugin's size are 0 */
	const char *path;
	void *instance;
	bool started;
};

struct nx_plugins_request {
	enum nx_role role;
	const char *directory; /* the role's: ".../nexodus/server" */
	/* Names separated by spaces or commas; "*" for every .so of the directory. "" for none. */
	const char *names;
	struct nx_config *config;	       /* plugins' sections are declared in it */
	const struct nx_agent_services *agent; /* NULL on the server */
	void *program; /* what the program needs behind a host handle; see nx_host_program() */
};

/* Open and describe, declare configuration sections. After this nx_config_load() is due. */
enum nx_status nx_plugins_open(const struct nx_plugins_request *request, struct nx_plugins **out,
			       struct nx_error *error);
/* Call `load` of each in order of need, then nothing is missing but `start`. */
enum nx_status nx_plugins_load(struct nx_plugins *plugins, struct nx_error *error);
/* Start in order; on failure those started are stopped in reverse and the error says which failed. */
enum nx_status nx_plugins_start(struct nx_plugins *plugins, struct nx_error *error);
/* All reload or the first failure is told (those before it have reloaded). */
enum nx_status nx_plugins_reload(struct nx_plugins *plugins, struct nx_error *error);
void nx_plugins_stop(struct nx_plugins *plugins);
/* Stop what runs and unload all, so that nx_plugins_load() may be called once more. */
void nx_plugins_unload(struct nx_plugins *plugins);
/* Stop what runs, unload, close, withdraw configuration. NULL is fine. */
void nx_plugins_free(struct nx_plugins *plugins);

size_t nx_plugins_count(const struct nx_plugins *plugins);
const struct nx_loaded *nx_plugins_at(const struct nx_plugins *plugins, size_t index); /* load order */

/* A capability as the programs use it. */
struct nx_capability {
	const char *kind;
	const char *key;
	const void *ops; /* host's own copy of the table: members beyond the plugin's size are 0 */
	const struct nx_loaded *provider;
};
size_t nx_plugins_capability_count(const struct nx_plugins *plugins, const char *kind);
/* The index-th capability of a kind in load order; NULL past the end. Instance: provider->instance. */
const struct nx_capability *nx_plugins_capability(const struct nx_plugins *plugins, const char *kind,
						  size_t index);
const struct nx_capability *nx_plugins_find(const struct nx_plugins *plugins, const char *kind,
					    const char *key);

/* --- one file by itself, for a program that judges plugins --- */

/* The parts of a descriptor, which are judged one by one; each may rely on those before it. */
enum nx_plugin_part {
	NX_PART_TEXTS = 0, /* name, version, …, and that there is a `load` */
	NX_PART_PROVIDES,
	NX_PART_NEEDS,
	NX_PART_CONFIGURATION,
	NX_PART_FIELDS,
	NX_PART_MIGRATIONS,
	NX_PART_COUNT,
};

/*
 * Open the file at `path`, of either role, and read what it says it is. It is judged as one of a plugin
 * directory, but who may write it is only told: `doubt->status` is NX_OK when a program would take it. Of the
 * descriptor only the identity is judged.
 */
enum nx_status nx_plugin_file_open(const char *path, struct nx_plugins **out, struct nx_error *doubt,
				   struct nx_error *error);
/* Judge one part of the descriptor. */
enum nx_status nx_plugin_part_judge(const struct nx_plugins *plugins, enum nx_plugin_part part,
				    struct nx_error *error);
/*
 * Make the opened file, all of whose parts are fit, one that can be loaded: declare its configuration. The
 * needs it has of other plugins are not looked at. After this nx_config_load() and nx_plugins_load() are due.
 */
enum nx_status nx_plugin_file_adopt(struct nx_plugins *plugins, struct nx_config *config,
				    const struct nx_agent_services *agent, void *program,
				    struct nx_error *error);

/* Behind an opaque host handle: the plugin's name, and the program's pointer of the request. */
const char *nx_host_name(const struct nx_host *host);
void *nx_host_program(const struct nx_host *host);

#endif
