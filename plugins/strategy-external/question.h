/* SPDX-License-Identifier: Apache-2.0 */
/* What the service is asked, as JSON. Pure function: any thread. */
#ifndef STRATEGY_EXTERNAL_QUESTION_H
#define STRATEGY_EXTERNAL_QUESTION_H

#include <nexodus/plugin.h>
#include <nexodus/strategy.h>

/* Room for any question: texts of a device are a few hundred bytes, of which each takes six at most. */
#define QUESTION_TEXT 4096

/* False when it does not fit, which no device of the server's comes to. */
bool question_write(const struct nx_strategy_request *request, const struct nx_services *services,
		    char out[static QUESTION_TEXT]);

#endif
