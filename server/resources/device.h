/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: what registration, change and deletion have in common. */
#ifndef NX_SERVER_RESOURCES_DEVICE_H
#define NX_SERVER_RESOURCES_DEVICE_H

#include <nexodus/driver.h>
#include <nexodus/ipam.h>

#include "server/http/request.h"
#include "server/resources/fields.h"

/* Bytes of a host name (RFC 1035) and of an operating system's name. */
#define NX_HOSTNAME_LIMIT 255
#define NX_OS_LIMIT 64

struct nx_asking;

/* --- judging what a client sends: any thread ------------------------------------- */

/* The driver that the body names (the first loaded when none), and its key in canonical form. */
enum nx_status nx_device_key_read(struct nx_server *server, const struct nx_json *body, const char **driver,
				  char key[static NX_PUBLIC_KEY_TEXT], struct nx_error *error);
/* All relay plugins judge the device as it would stand. */
enum nx_status nx_device_relay_check(struct nx_server *server, const struct nx_value *record,
				     struct nx_error *error);

#define NX_CHILD_PREFIX_LIMIT 64
/* Bits at least, as agents take it: fc00::/7 is the largest network, 0.0.0.0/1 a default route's half. */
#define NX_CHILD_BITS_MINIMUM 7
struct nx_child_prefixes {
	bool given;	  /* the body says something, if only null */
	const char *text; /* as it is stored: JSON; lives as long as the request */
	size_t count;
	struct nx_prefix prefix[NX_CHILD_PREFIX_LIMIT];
};
/* null, or a list of prefixes of loaded families; host bits are cleared, what is as
 * large as a default route or much of one is refused, and so are overlaps. */
enum nx_status nx_child_prefixes_read(struct nx_request *request, const struct nx_json *body,
				      struct nx_child_prefixes *out, struct nx_error *error);
/*
 * In a transaction: they overlap neither the organization's own prefixes nor what other
 * devices of it advertise. `device_id` is the one that is judged.
 */
enum nx_status nx_child_prefixes_check(const struct nx_fields *fields, struct nx_tx *tx,
				       const struct nx_value *organization, const char *device_id,
				       const struct nx_child_prefixes *children, struct nx_error *error);
/* What is stored, as prefixes again. */
void nx_child_prefixes_parse(const char *text, struct nx_child_prefixes *out);

/* --- in a command ------------------------------------------------------------------ */

/* The texts of a record that the server itself writes: addresses and prefixes. */
struct nx_device_texts {
	char prefix[NX_FAMILY_LIMIT][NX_ADDRESS_TEXT];
	char address[NX_FAMILY_LIMIT][NX_ADDRESS_TEXT];
	struct nx_address chosen[NX_FAMILY_LIMIT]; /* length 0: none in this command */
	/* While its organization is renumbered. */
	char second_prefix[NX_FAMILY_LIMIT][NX_ADDRESS_TEXT];
	char second[NX_FAMILY_LIMIT][NX_ADDRESS_TEXT];
	struct nx_address
		second_chosen[NX_FAMILY_LIMIT]; /* length 0: none, or the first one in another prefix */
};
struct nx_renumbering_source;
/*
 * Choose an address in each family that the device supports and has none of, and write it
 * and the organization's prefix into the record. `wanted` (may be NULL): per family, length 0
 * for none. `asking`: for strategies that block (lease.h).
 */
enum nx_status nx_device_addresses_choose(struct nx_server *server, struct nx_tx *tx,
					  const struct nx_value *organization,
					  const struct nx_address *wanted, struct nx_value *record,
					  struct nx_asking *asking, struct nx_device_texts *texts,
					  struct nx_error *error);
/* Before anything is written: is a strategy to be asked first that blocks? Then its question is open in
 * `asking`, and the answer NX_UNAVAILABLE. */
enum nx_status nx_device_addresses_foresee(struct nx_server *server, const struct nx_value *organization,
					   const struct nx_address *wanted, const struct nx_value *record,
					   struct nx_asking *asking, struct nx_error *error);
/* Choose a second address of one family for a device that has a first one and no second. */
enum nx_status nx_device_second_choose(struct nx_server *server, struct nx_tx *tx,
				       const struct nx_renumbering_source *source, struct nx_value *record,
				       struct nx_device_texts *texts, struct nx_error *error);
/* What strategies are told of the device; borrows from the record. */
struct nx_lease_request nx_device_lease_request(const struct nx_value *record);
/* Write the leases of what was chosen; the device's row is there. */
enum nx_status nx_device_addresses_write(struct nx_server *server, struct nx_tx *tx,
					 const struct nx_value *record, const struct nx_device_texts *texts,
					 struct nx_error *error);
/* Its JSON appended to `out`, and announced to the watchers of its organization. */
enum nx_status nx_device_announce(struct nx_server *server, struct nx_tx *tx, const struct nx_value *record,
				  struct nx_buffer *out, struct nx_error *error);
/* What watchers are told of a device that has left an organization. */
enum nx_status nx_device_announce_gone(struct nx_server *server, struct nx_tx *tx,
				       const struct nx_value *record, int64_t revision,
				       struct nx_error *error);
/* Delete a device with its leases and tokens, and leave a tombstone. */
enum nx_status nx_device_remove(struct nx_server *server, struct nx_tx *tx, const struct nx_value *record,
				struct nx_error *error);
/* Delete all devices for which `where`, a constant text, is true. */
enum nx_status nx_devices_remove(struct nx_server *server, struct nx_tx *tx, const char *where,
				 const struct nx_value *params, size_t count, struct nx_error *error);

/* The tokens that `sql` selects (one column, the hash) lose their power at the commit: cached
 * principals are forgotten, streams cut off. Their rows are the caller's to delete. */
enum nx_status nx_tokens_revoke(struct nx_server *server, struct nx_tx *tx, const char *sql,
				const struct nx_value *params, size_t count, struct nx_error *error);

#endif
