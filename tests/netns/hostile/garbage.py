#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""garbage.py ADDRESS PORT: answers there in the server's place as soon as it has gone, each time in another way that no
server would. Says "WAY begins", and "WAY is cut off" where the host would not have all of it."""
import itertools
import socket
import sys
import threading
import time

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DEVICE = b'{"type":"change","value":{"id":"' + b"A" * 1000 + b'","child_prefix":["0.0.0.0/0"]}}\n'
MANY = 65536  # more than anybody takes
# way -> (how it begins, what follows, how often)
WAYS = {
    "a head without end": (HEAD, b"X-Header: " + b"x" * 1000 + b"\r\n", MANY),
    "a line without end": (HEAD + b'\r\n{"type":"', b"[" * 4096, MANY),
    "lines of nothing": (HEAD + b"\r\n", b"\x00\xff[]{}\n" * 512, 64),
    "devices that are none": (HEAD + b"\r\n", DEVICE, 1000),
    "noise": (b"", bytes(range(256)), 64),
}


def answer(connection, way):
    begin, rest, times = WAYS[way]
    print(way, "begins", flush=True)
    with connection:
        connection.settimeout(20)
        try:
            connection.recv(65536)
            connection.sendall(begin)
            for _ in range(times):
                connection.sendall(rest)
        except OSError:
            print(way, "is cut off", flush=True)


def listen():
    while True:
        try:
            return socket.create_server((sys.argv[1], int(sys.argv[2])))
        except OSError:
            time.sleep(0.02)


def main():
    with listen() as listener:
        for way in itertools.cycle(WAYS):
            client, _ = listener.accept()
            threading.Thread(target=answer, args=(client, way), daemon=True).start()


print("waiting", flush=True)
main()
