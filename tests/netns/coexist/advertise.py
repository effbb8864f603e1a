#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A router that advertises itself on an interface, once a second (RFC 4861, 4.2): advertise.py INTERFACE"""
import socket
import struct
import sys
import time

LIFETIME_SECONDS = 600

index = socket.if_nametoindex(sys.argv[1])
router = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
# Type, code, checksum (the kernel's work), hop limit, flags, lifetime, reachable time, retransmission timer.
advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, LIFETIME_SECONDS, 0, 0)
while True:
    try:
        router.sendto(advertisement, ("ff02::1", 0, 0, index))
    except OSError:
        pass  # the link is not up yet
    time.sleep(1)
