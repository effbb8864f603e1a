/* SPDX-License-Identifier: Apache-2.0 */
/* docs/openapi.json, as it was when the program was built. */
#ifndef NX_SERVER_HTTP_OPENAPI_H
#define NX_SERVER_HTTP_OPENAPI_H

extern const char nx_openapi[]; /* ends with a NUL */

#endif
