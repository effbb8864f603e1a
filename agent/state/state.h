/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory: who this host is to the service. A folder of mode 0700 with
 * files of mode 0600, each written whole or not at all:
 *
 *   lock           held by the running agent, whose process id is in it
 *   token          the device's own token, made here before it is first sent
 *   identity.json  the device's id and organization, once it is registered
 *   devices.log    the journal of the organization's devices (journal.h)
 *   port           the tunnel's last port: others look for this host there
 *   *.damaged-N    what was set aside because it could not be read
 *
 * The driver keeps its key there too.
 */
#ifndef NX_AGENT_STATE_STATE_H
#define NX_AGENT_STATE_STATE_H

#include <nexodus/driver.h>

#include "agent/state/journal.h"
#include "base/secret.h"

struct nx_identity {
	char device_id[NX_UUID_TEXT]; /* "": not registered yet */
	char organization_id[NX_UUID_TEXT];
	char public_key[NX_PUBLIC_KEY_TEXT]; /* that it is registered with; "": not noted */
	char *declared; /* what the service was last told of this host's wishes (publish.h); NULL: nothing */
};

struct nx_state {
	char *directory;
	int lock; /* -1: not held */
	char token[NX_TOKEN_TEXT];
	struct nx_identity identity;
};

/*
 * Make the folder if need be and take the lock. NX_CONFLICT: another agent runs on
 * it, which is named. NX_DENIED: it is not ours, or others can write to it.
 */
enum nx_status nx_state_open(const char *directory, struct nx_state *out, struct nx_error *error);
void nx_state_close(struct nx_state *state);
/* Read the token, or make and store it. NX_INVALID: what is there is no token. */
enum nx_status nx_state_token(struct nx_state *state, struct nx_error *error);
/*
 * Read the identity; none is no failure. One that is damaged is set aside, with a warning: the service
 * tells it anew to who registers with the same key and token. NX_INVALID: a newer nexd wrote it.
 */
enum nx_status nx_state_identity_read(struct nx_state *state, struct nx_error *error);
enum nx_status nx_state_identity_write(const struct nx_state *state, struct nx_error *error);
/* NX_INVALID: this host is registered, and with another key than this one. */
enum nx_status nx_state_key_check(const struct nx_state *state, const char *public_key,
				  struct nx_error *error);
/* This host is nobody any more: no identity, no known devices, and a new token. */
enum nx_status nx_state_forget(struct nx_state *state, struct nx_error *error);
/* The tunnel's port of the last run; 0: not known. */
uint16_t nx_state_port_read(const struct nx_state *state);
enum nx_status nx_state_port_write(const struct nx_state *state, uint16_t port, struct nx_error *error);
/* A file of the directory: the caller's to free(). */
char *nx_state_path(const struct nx_state *state, const char *name);

#endif
