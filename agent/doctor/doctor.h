/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `nexd --doctor`: what is wrong on this host, as a JSON list of findings on standard
 * output, each {"check","verdict","what","remedy"}. Checks of the way to the service are
 * made here, all others by the plugins. It runs beside a nexd that works, or instead of one
 * that does not, and changes nothing. It may block, for some ten seconds in all.
 */
#ifndef NX_AGENT_DOCTOR_DOCTOR_H
#define NX_AGENT_DOCTOR_DOCTOR_H

#include <nexodus/diagnosis.h>

#include "agent/agent.h"

/* All checks of a configured agent (nx_life_configure()), none of whose parts has begun. */
void nx_doctor_examine(const struct nx_agent *agent, const struct nx_diagnosis *diagnosis);

/* Configure, examine, print. The program's exit code: NX_EXIT_OK whatever was found. */
int nx_doctor_run(struct nx_agent *agent);

/* --- among the doctor's own files ------------------------------------------------------------ */

/* Report one finding. */
void nx_doctor_say(const struct nx_diagnosis *diagnosis, const char *check, enum nx_verdict verdict,
		   const char *remedy, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* "service" and "clock". Answers whether the service has answered. */
bool nx_doctor_service(const struct nx_options *options, const struct nx_diagnosis *diagnosis);
/* "udp": do datagrams get out, and answers back in? */
void nx_doctor_udp(const struct nx_options *options, bool service_answers,
		   const struct nx_diagnosis *diagnosis);
/* "clock", from what the service's clock says. Pure but for the report. */
void nx_doctor_clock(int64_t ours, int64_t theirs, const struct nx_diagnosis *diagnosis);

#endif
