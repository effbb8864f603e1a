/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own configuration: its keys, and what is made of their values. */
#ifndef NX_AGENT_OPTIONS_H
#define NX_AGENT_OPTIONS_H

#include <nexodus/address.h>

#include "agent/mapping/stun_servers.h"
#include "base/config.h"

#define NX_OPTIONS_SECTION "nexd"

extern const struct nx_table nx_option_keys;

/* Checked, and copied out of the configuration: a reload does not move it. */
struct nx_options {
	char *service_url;
	char *ca_file;		/* "" for the system's */
	char *organization_id;	/* to register in; "" for the one of the key or of the user */
	char *registration_key; /* "" for none; a secret */
	bool re_enrol;		/* when the service does not know this device any more */
	char *username;		/* "" for none */
	char *password;		/* a secret */
	char *state_directory;
	char *control_socket;
	char *interface;
	char *hostname;
	char *driver; /* "" for the first that is loaded */
	uint16_t listen_port;
	uint32_t mtu;
	bool keep_interface;
	uint32_t drain_seconds;
	struct nx_endpoint *local; /* where it is reached; port 0: the tunnel's */
	size_t local_count;
	struct nx_address *requested;
	size_t requested_count;
	struct nx_prefix *advertised; /* ascending, none twice */
	size_t advertised_count;
	struct nx_prefix *accepted; /* networks of the mesh, whatever this host has there itself */
	size_t accepted_count;
	bool strict; /* no others */
	struct nx_stun_servers stun;
	bool stun_given;	/* `stun` is the operator's word: the service is not asked */
	uint32_t stun_interval; /* seconds */
};

/* NX_INVALID, with the key in error->field, when a value cannot be. */
enum nx_status nx_options_read(const struct nx_config *config, struct nx_options *out,
			       struct nx_error *error);
/* Wipes the secrets. */
void nx_options_release(struct nx_options *options);
/* Take over log level and format. */
enum nx_status nx_options_log(const struct nx_config *config, struct nx_error *error);

#endif
