/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/thread.h"

#include <signal.h>
#include <string.h>

enum nx_status nx_thread_start(pthread_t *thread, const char *name, void *(*run)(void *context),
			       void *context, struct nx_error *error)
{
	sigset_t all, before;
	int failure;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	failure = pthread_create(thread, NULL, run, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "cannot start the thread %s: %s", name,
			       strerrordesc_np(failure));
	pthread_setname_np(*thread, name);
	return NX_OK;
}
