/* SPDX-License-Identifier: Apache-2.0 */
/* nexd tells the service manager that started it how it stands, and that its loop goes round. */
#ifndef NX_AGENT_NOTIFY_H
#define NX_AGENT_NOTIFY_H

#include "agent/agent.h"

/* The interface is up: from here on the manager may go on with what waits for the mesh, and is told
 * from the loop. The service need not be reachable: a host joins from what it knows. */
void nx_agent_notify_start(struct nx_agent *agent);
/* The end has begun. Fine without a start. */
void nx_agent_notify_stop(struct nx_agent *agent);

#endif
