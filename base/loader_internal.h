/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the loader share; nobody else includes it. */
#ifndef NX_BASE_LOADER_INTERNAL_H
#define NX_BASE_LOADER_INTERNAL_H

#include "base/loader.h"

/* One plugin file, open; what a plugin knows as its host. */
struct nx_host {
	struct nx_loaded loaded; /* what the program sees of it */
	struct nx_plugin plugin; /* our copy of its descriptor */
	struct nx_plugins *set;
	char *name;
	char *path;
	/* Kept open as long as the plugin: the dynamic linker knows the library by the
	 * name of this descriptor, and would answer it again for another of that number. */
	int file;
	void *library;
	bool declared; /* its configuration section */
	bool alive;    /* `load` done, `unload` due */
};

struct nx_plugins {
	enum nx_role role;
	char *directory;
	struct nx_config *config;
	void *program;
	struct nx_services services;
	struct nx_host **items; /* after nx_plugins_open(): in order of need */
	size_t count;
	struct nx_capability *capabilities; /* in load order */
	void **tables;			    /* their ops: a copy each, as long as the host's */
	size_t capability_count;
};

/* --- loader_file.c: files on disk --- */

/* Open the plugin directory; refused unless only root or we can write it. */
enum nx_status loader_directory_open(const char *path, int *out, struct nx_error *error);
/* The plain names in a list, or for "*" those of the directory, sorted. Each is judged. */
enum nx_status loader_names(const struct nx_plugins *set, const char *list, int directory, char ***out,
			    size_t *count, struct nx_error *error);
/* Open host->name in the directory, judge the file, load the library. */
enum nx_status loader_file_open(struct nx_host *host, int directory, struct nx_error *error);
/* The same for host->path. Who may write the file is told in `doubt` instead of refused. */
enum nx_status loader_path_open(struct nx_host *host, struct nx_error *doubt, struct nx_error *error);

/* --- loader_check.c: the descriptor --- */

/* Judge the identity of what the library exports, and copy it into host->plugin. A set without a role takes
 * either. */
enum nx_status loader_identity_read(struct nx_host *host, struct nx_error *error);
/* Judge one part of host->plugin. */
enum nx_status loader_part_check(const struct nx_host *host, enum nx_plugin_part part,
				 struct nx_error *error);
/* Both: identity and all parts. */
enum nx_status loader_descriptor_read(struct nx_host *host, struct nx_error *error);

/* --- loader_schema.c --- */

/* Judge the fields of host->plugin, against those of the plugins before it too. */
enum nx_status loader_fields_check(const struct nx_host *host, struct nx_error *error);
enum nx_status loader_migrations_check(const struct nx_host *host, struct nx_error *error);
/* A table's rows can be read and have all that ABI 1.0 has (`least` bytes). */
enum nx_status loader_table_check(const struct nx_host *host, const struct nx_table *table, const char *name,
				  size_t least, struct nx_error *error);

/* --- loader_order.c --- */

/* Sort set->items by need, keeping the given order otherwise. */
enum nx_status loader_order(struct nx_plugins *set, struct nx_error *error);

/* --- loader.c --- */

/* A file that is not open yet, of a name and a path. */
struct nx_host *loader_host_new(struct nx_plugins *set, const char *name, const char *path);
/* Take what the loaded files provide into the set, in load order. */
enum nx_status loader_capabilities_add(struct nx_plugins *set, struct nx_error *error);
/* Declare the configuration sections of all files. */
enum nx_status loader_keys_declare(struct nx_plugins *set, struct nx_error *error);

/* --- host.c --- */

void loader_services(struct nx_plugins *set, const struct nx_agent_services *agent);

/* Bytes of `type` up to and with `member`: what ABI 1.0 has. */
#define LOADER_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

#endif
