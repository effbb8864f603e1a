/* SPDX-License-Identifier: Apache-2.0 */
/* The suites of the unit test program: each file registers its own. */
#ifndef NX_WIREGUARD_SUITES_H
#define NX_WIREGUARD_SUITES_H

void key_suite(void);
void private_key_suite(void);
void uapi_read_suite(void);
void uapi_write_suite(void);
void uapi_socket_suite(void);
void kernel_dump_suite(void);
void kernel_set_suite(void);
void peers_suite(void);

#endif
