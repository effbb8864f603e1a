/* SPDX-License-Identifier: Apache-2.0 */
/* From nothing to a running agent, and back. */
#ifndef NX_AGENT_LIFE_H
#define NX_AGENT_LIFE_H

#include "agent/agent.h"

/* Load configuration and plugins, without a trace on the host: all that can be wrong with the
 * configuration alone is found here. `agent->config` knows the command line. */
enum nx_status nx_life_configure(struct nx_agent *agent, struct nx_error *error);
/* Make the parts in order: NX_EXIT_OK, or the program's exit code, and `error` says why. After a failure
 * nx_life_end() is due all the same. */
int nx_life_begin(struct nx_agent *agent, struct nx_error *error);
/* Run until nx_agent_end(); the program's exit code. */
int nx_life_run(struct nx_agent *agent);
/* SIGHUP: take the configuration anew, or keep the old one. */
enum nx_status nx_life_reload(struct nx_agent *agent, struct nx_error *error);
/* Tear down what there is. */
void nx_life_end(struct nx_agent *agent);

#endif
