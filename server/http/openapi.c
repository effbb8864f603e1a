/* SPDX-License-Identifier: Apache-2.0 */
/* The assembler puts the document into the program; CMake says where it is (NEXODUS_OPENAPI)
 * and builds this file anew when it changes. */
#include "server/http/openapi.h"

__asm__(".pushsection .rodata\n"
	".global nx_openapi\n"
	".hidden nx_openapi\n"
	".type nx_openapi, @object\n"
	"nx_openapi:\n"
	".incbin \"" NEXODUS_OPENAPI "\"\n"
	".byte 0\n"
	".size nx_openapi, . - nx_openapi\n"
	".popsection\n");
