/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent as a whole: its parts, made in this order and torn down in reverse by
 * agent/main.c. Everything runs on one thread.
 */
#ifndef NX_AGENT_H
#define NX_AGENT_H

#include <uv.h>

#include "agent/capabilities.h"
#include "agent/drain.h"
#include "agent/mapping/mapping.h"
#include "agent/network/network.h"
#include "agent/options.h"
#include "agent/services.h"
#include "agent/session/client.h"
#include "agent/state/state.h"
#include "agent/wake.h"
#include "base/config.h"
#include "base/loader.h"

struct nx_session; /* session.h */
struct nx_control; /* control.h */
struct nx_echoes;  /* echo.h */

enum {
	NX_EXIT_OK = 0,
	NX_EXIT_FAILURE = 1,
	NX_EXIT_USAGE = 2, /* the command line or the configuration is wrong */
	NX_EXIT_GONE = 3,  /* the service does not know this device any more */
	NX_EXIT_TAKEN = 4, /* another nexd, or what is not ours, has the state directory, interface, port or
			      socket */
	NX_EXIT_STATE = 5, /* what lies in the state directory cannot be used */
};

struct nx_agent {
	struct nx_config *config;
	struct nx_options options;
	struct nx_plugins *plugins;
	struct nx_capabilities capabilities;
	uv_loop_t loop;
	uv_signal_t signals[4];
	bool watches_signals;
	struct nx_services_base services;
	struct nx_state state;
	char public_key[NX_PUBLIC_KEY_TEXT];
	struct nx_network network;
	struct nx_mapping *mapping;
	struct nx_client *client;
	struct nx_session *session;
	struct nx_echoes *echoes;
	struct nx_control *control;
	struct nx_wake *wake;
	struct nx_watch *beat; /* notify.h */
	struct nx_drain drain;
	bool handing_over; /* end, but leave all as it stands for the next nexd */
	int exit_code;
};

/* End the loop; the program's exit code. The first one counts. */
void nx_agent_end(struct nx_agent *agent, int exit_code);

#endif
