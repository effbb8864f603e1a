/* SPDX-License-Identifier: Apache-2.0 */
/* The route table as JSON, for the tests that are generated from it. */
#ifndef NX_SERVER_ROUTES_PRINT_H
#define NX_SERVER_ROUTES_PRINT_H

#include <stdio.h>

/* [{"method", "path", "access": ["user", "device", "key"], "rule", "parameters": {name: "uuid"|"text"}}, …];
 * no access: everybody, without a token. */
void nx_routes_print(FILE *out);

#endif
