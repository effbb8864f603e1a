/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin ABI of Nexodus: what a `.so` exports and what it may call.
 *
 * A plugin exports exactly one function, `nexodus_plugin()`, which returns a
 * constant descriptor. Everything else in the file is hidden. The file's name
 * without ".so" is the plugin's name.
 *
 * Versions (changelog: docs/plugins/abi.md)
 *   A plugin is loaded when its major equals the host's and its minor is not
 *   above the host's. Within a major, structures only grow at their end; both
 *   sides read a member only where the other side's `size` covers it. Rows of
 *   a table are read with the stride that the table states (`row_size`).
 *
 * Threads
 *   The life-cycle functions run on one control thread, never two at a time.
 *   Each capability header says on which thread its functions run.
 *
 * Ownership
 *   Descriptors, tables and strings in them live as long as the file is
 *   loaded and are never written. What the host passes in is valid for the
 *   call only, unless a comment says otherwise.
 */
#ifndef NEXODUS_PLUGIN_H
#define NEXODUS_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nexodus/address.h>
#include <nexodus/error.h>
#include <nexodus/json.h>

#define NX_PLUGIN_MAGIC 0x4e584f44u /* "NXOD" */
#define NX_ABI_MAJOR 1
#define NX_ABI_MINOR 2

enum nx_role {
	NX_ROLE_SERVER = 1,
	NX_ROLE_AGENT = 2,
};

/* A constant array whose row type may grow: rows are `row_size` bytes apart. */
struct nx_table {
	const void *rows;
	uint32_t count;
	uint32_t row_size;
};

#define NX_TABLE(array)                                                                                      \
	{                                                                                                    \
		(array), sizeof(array) / sizeof((array)[0]), sizeof((array)[0])                              \
	}

/* --- what a plugin provides and needs ---------------------------------- */

/*
 * A capability: a kind ("ipam", "strategy", "family", "relay", "driver") and a
 * key ("inet6", "random", "hub", "wireguard"), written "ipam/inet6" in messages.
 * `ops` is the kind's table of functions (ipam.h, strategy.h, family.h, relay.h,
 * driver.h), which starts with `size_t size`.
 */
struct nx_provide {
	const char *kind;
	const char *key;
	const void *ops;
};

struct nx_need {
	const char *kind;
	const char *key; /* NULL: any of that kind */
	bool soft;	 /* soft: only orders loading; hard: the plugin is refused without it */
};

/* --- configuration ------------------------------------------------------ */

enum nx_config_type {
	NX_CONFIG_STRING = 1,
	NX_CONFIG_INTEGER = 2,	/* decimal, bounds inclusive */
	NX_CONFIG_BOOLEAN = 3,	/* true, false, yes, no, on, off, 1, 0 */
	NX_CONFIG_DURATION = 4, /* "90", "90s", "5m", "2h", "7d"; read as seconds */
	NX_CONFIG_PREFIX = 5,	/* an address prefix; the plugin judges which are fit */
};

/*
 * One key of the plugin's own section. With plugin "ipam-v6" and name "prefix":
 * `[ipam-v6] prefix = …` in the file, NEXODUS_IPAM_V6_PREFIX (server) or
 * NEXD_IPAM_V6_PREFIX (agent) in the environment, `--set ipam-v6.prefix=…` on
 * the command line; the last of these three wins over the ones before it.
 *
 * An agent plugin may give a key a `flag`: with "relay-node", nexd takes
 * `--relay-node` (a BOOLEAN needs no value) and NEXD_RELAY_NODE as well, and
 * shows it in its help. A plugin never repeats a flag of nexd itself.
 */
struct nx_config_key {
	const char *name;
	enum nx_config_type type;
	const char *fallback; /* default, in the form a person writes */
	int64_t minimum;      /* INTEGER and DURATION */
	int64_t maximum;
	bool reloadable; /* may change on SIGHUP */
	const char *summary;
	const char *flag; /* agent: a long option of its own, without "--"; NULL: none */
};

/* --- fields of the API and columns of the store (server) ---------------- */

enum nx_resource {
	NX_RESOURCE_ORGANIZATION = 1,
	NX_RESOURCE_DEVICE = 2,
};

enum nx_field_type {
	NX_FIELD_STRING = 1,
	NX_FIELD_BOOLEAN = 2,
	NX_FIELD_INTEGER = 3,
	NX_FIELD_ENDPOINT = 4, /* "address:port" or "[address]:port", or "" */
	NX_FIELD_ADDRESS = 5,  /* an address, or "" */
	NX_FIELD_PREFIX = 6,   /* a prefix, or "" */
};

/*
 * What the core does with a field of a family, beyond storing and showing it.
 * A plugin that provides "ipam/…" has exactly one field of each of the first
 * three meanings.
 */
enum nx_field_meaning {
	NX_MEANING_PLAIN = 0,		    /* stored and shown as the client wrote it */
	NX_MEANING_ORGANIZATION_PREFIX = 1, /* organization: the prefix that its pool gives from */
	NX_MEANING_DEVICE_PREFIX = 2,	    /* device: its organization's prefix, written by the core */
	NX_MEANING_DEVICE_ADDRESS = 3,	    /* device: the leased address; at creation, a requested one */
	NX_MEANING_DEVICE_SUPPORTED = 4,    /* device: boolean; false: no address of this family */
	/* Since 1.1. Organization, at most one field of a family: the name of the strategy that
	 * proposes its addresses; "" is the configured one. */
	NX_MEANING_ORGANIZATION_STRATEGY = 5,
	/*
	 * Since 1.2, all three of a family or none: a family without them cannot be renumbered. While an
	 * organization moves to another prefix its devices have two addresses, of which the core writes the
	 * second one here; "" otherwise.
	 */
	NX_MEANING_ORGANIZATION_SECOND_PREFIX = 6, /* organization: the prefix beside the first */
	NX_MEANING_DEVICE_SECOND_PREFIX = 7,	   /* device: the prefix of its second address */
	NX_MEANING_DEVICE_SECOND_ADDRESS = 8,	   /* device: leased to it as the first one is */
};

enum {
	NX_FIELD_ON_CREATE = 1u << 0, /* clients may send it in POST */
	NX_FIELD_ON_PATCH = 1u << 1,  /* clients may send it in PATCH */
};

/* `column` is created by one of the plugin's migrations, NOT NULL with a default, as
 * TEXT (STRING, ENDPOINT, ADDRESS, PREFIX) or BIGINT (BOOLEAN 0/1, INTEGER). */
struct nx_field {
	enum nx_resource resource;
	const char *name;   /* in JSON */
	const char *column; /* in the store; a lower-case SQL identifier */
	enum nx_field_type type;
	enum nx_field_meaning meaning;
	uint32_t flags;
	const char *fallback; /* value when a client leaves it out: "", "true", "0", … */
};

/* --- migrations (server) ------------------------------------------------- */

/*
 * One step of the plugin's own schema, in SQL that SQLite and PostgreSQL both
 * take; it may hold several statements. Numbers count from 1 without a gap.
 * A step that was applied once must never change: its checksum is recorded,
 * and a difference is refused. `down` undoes it and is recorded in the
 * database, so that the operator can drop a plugin whose file is gone; that of a
 * family deletes the family's leases (DELETE FROM leases WHERE family = '<key>').
 */
struct nx_migration {
	uint32_t number;
	const char *name;
	const char *up;
	const char *down;
};

/* --- what the host offers ------------------------------------------------ */

enum nx_log_level {
	NX_LOG_ERROR = 1,
	NX_LOG_WARNING = 2,
	NX_LOG_INFO = 3,
	NX_LOG_DEBUG = 4,
};

/* An opaque handle of the host for one plugin; valid until `unload` returns. */
struct nx_host;

struct nx_agent_services; /* agent.h */

struct nx_services {
	size_t size;
	/* Any thread. One line, no newline at the end; the host adds time and plugin. */
	void (*log)(struct nx_host *host, enum nx_log_level level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	/* Fill `error` (which may be NULL) and answer `status`. `field` may be NULL. Any thread. */
	enum nx_status (*fail)(struct nx_error *error, enum nx_status status, const char *field,
			       const char *format, ...) __attribute__((format(printf, 4, 5)));
	/* The plugin's own configuration, by key name. Strings live until the next reload.
	 * Control thread, and the thread that runs the plugin's capability. */
	const char *(*config_string)(struct nx_host *host, const char *name);
	int64_t (*config_integer)(struct nx_host *host, const char *name); /* also DURATION, seconds */
	bool (*config_boolean)(struct nx_host *host, const char *name);
	/* Seconds since 1970 (CLOCK_REALTIME) and nanoseconds of CLOCK_BOOTTIME. Any thread. */
	int64_t (*clock_seconds)(void);
	uint64_t (*clock_nanoseconds)(void);
	/* Random bytes fit for keys. Any thread. */
	void (*random_bytes)(void *out, size_t length);
	const struct nx_address_services *address;
	const struct nx_json_services *json;
	/* NULL on the server. */
	const struct nx_agent_services *agent;
};

/* --- the descriptor -------------------------------------------------------- */

struct nx_plugin {
	/* Frozen: these five never move, in any major. */
	uint32_t magic; /* NX_PLUGIN_MAGIC */
	uint32_t size;	/* sizeof(struct nx_plugin) as the plugin knows it */
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t role; /* enum nx_role */

	const char *name; /* the file's name without ".so": [a-z0-9-]+ */
	const char *version;
	const char *license; /* SPDX expression */
	const char *summary; /* one line */

	struct nx_table provides;    /* struct nx_provide */
	struct nx_table needs;	     /* struct nx_need */
	struct nx_table config_keys; /* struct nx_config_key */
	struct nx_table fields;	     /* struct nx_field; server */
	struct nx_table migrations;  /* struct nx_migration; server */

	/*
	 * Life cycle, in order of need: load → start → (reload)* → stop → unload;
	 * stop and unload in reverse order. `load` makes the instance and must not
	 * touch the outside; `start` begins work. When `load` fails nothing else is
	 * called; when `start` fails only `unload` follows. `reload` judges the new
	 * configuration and keeps the old state when it answers a failure. Any of
	 * them but `load` may be NULL.
	 */
	enum nx_status (*load)(struct nx_host *host, const struct nx_services *services, void **instance,
			       struct nx_error *error);
	enum nx_status (*start)(void *instance, struct nx_error *error);
	enum nx_status (*reload)(void *instance, struct nx_error *error);
	void (*stop)(void *instance);
	void (*unload)(void *instance);
};

/* The one symbol a plugin exports. */
#define NX_PLUGIN_ENTRY "nexodus_plugin"
__attribute__((visibility("default"))) const struct nx_plugin *nexodus_plugin(void);

#endif
