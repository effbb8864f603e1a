/* SPDX-License-Identifier: Apache-2.0 */
#include "check/netns.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef NEXODUS_CHECK_AGENT
#include "agent/loop.h"
#include "agent/services.h"
#endif
#include "check/agent_host.h"

/* --- namespaces --------------------------------------------------------------------------------- */

/* The first process of the new namespaces does the work; its end is the end of all others in them. */
_Noreturn static void end_as(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

static bool fail_errno(struct check *check, const char *what)
{
	check_skip(check, "%s: %s (it needs root)", what, strerror(errno));
	return false;
}

bool netns_enter(struct check *check)
{
	pid_t child;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) != 0)
		return fail_errno(check, "no namespace can be made");
	child = fork();
	if (child < 0)
		return fail_errno(check, "no process can be made");
	if (child > 0)
		end_as(child);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
		return fail_errno(check, "/run cannot be had alone");
	return true;
}

/* --- what nexd offers --------------------------------------------------------------------------- */

#ifdef NEXODUS_CHECK_AGENT
static uv_loop_t loop; /* plugins may watch, but nothing is waited for here */
static struct nx_services_base base;

const struct nx_agent_services *netns_services(const char *state_directory, void **program)
{
	if (uv_loop_init(&loop) != 0)
		return NULL;
	base = (struct nx_services_base){
		.loop = &loop, .state_directory = state_directory, .interface_name = AGENT_HOST_INTERFACE};
	*program = &base;
	return &nx_agent_services;
}

void netns_release(void)
{
	if (!base.loop)
		return;
	nx_services_release(&base);
	nx_loop_finish(&loop);
	base.loop = NULL;
}
#else
const struct nx_agent_services *netns_services(const char *state_directory, void **program)
{
	(void)state_directory;
	(void)program;
	return NULL;
}

void netns_release(void)
{
}
#endif
