# SPDX-License-Identifier: Apache-2.0
"""Clients that do everything at the wrong moment, many at once, for a while. Afterwards the
server must be as it was: nothing leaked, nobody counted twice, everybody answered."""

import json
import random
import socket
import struct
import threading
import time
import unittest

from server import Server, run, wait_for

SECONDS = 8
CLIENTS = 12


class Chaos(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(4)
        self.unexpected = []

    def client(self, server, token, organization, seed):
        chance = random.Random(seed)
        acts = (self.vanish_in_request, self.vanish_before_answer, self.watch_a_little, self.pipeline_and_go,
                self.reset, self.rubbish, self.ask_well)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            try:
                chance.choice(acts)(server, token, organization, chance)
            except OSError:
                pass  # the server may cut off whom it likes here
            except AssertionError as failure:
                self.unexpected.append(failure)

    @staticmethod
    def watching(token, organization):
        body = b'[{"kind":"device","gt_revision":0,"at_tail":false}]'
        return (f"POST /api/organizations/{organization}/events HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body

    @staticmethod
    def listing(token):
        return f"GET /api/devices HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    def vanish_in_request(self, server, token, organization, chance):
        request = self.watching(token, organization)
        with server.socket() as connection:
            connection.sendall(request[:chance.randrange(len(request))])

    def vanish_before_answer(self, server, token, organization, chance):
        with server.socket() as connection:
            connection.sendall(self.listing(token) * chance.randrange(1, 4))

    def watch_a_little(self, server, token, organization, chance):
        with server.socket() as connection:
            connection.sendall(self.watching(token, organization))
            time.sleep(chance.random() * 0.05)
            if chance.random() < 0.5:
                connection.recv(100)
            if chance.random() < 0.3:
                connection.shutdown(socket.SHUT_WR)
                connection.recv(100)

    def pipeline_and_go(self, server, token, organization, chance):
        with server.socket() as connection:
            connection.sendall(self.listing(token) * 3 + self.watching(token, organization) +
                               self.listing(token))
            connection.recv(chance.randrange(1, 2000))

    def reset(self, server, token, organization, chance):
        connection = server.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(chance.choice((self.listing(token), self.watching(token, organization), b"GET /")))
        if chance.random() < 0.5:
            connection.recv(10)
        connection.close()

    def rubbish(self, server, token, organization, chance):
        with server.socket() as connection:
            request = bytearray(self.watching(token, organization))
            for _ in range(chance.randrange(1, 5)):
                request[chance.randrange(len(request))] = chance.randrange(256)
            connection.settimeout(0.2)
            connection.sendall(request)
            connection.recv(1000)

    def ask_well(self, server, token, organization, chance):
        connection = server.connection()
        for _ in range(10):
            answer = server.get("/api/devices", token=token, connection=connection)
            assert answer.status == 200 and isinstance(answer.json, list), answer
        connection.close()

    def test_it(self):
        with Server(request_timeout=2, max_connections=64, max_watchers=40) as server:
            token = server.admin_token()
            organization = server.get("/api/organizations", token=token).json[0]["id"]
            threads = [threading.Thread(target=self.client, args=(server, token, organization, seed))
                       for seed in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for number in range(SECONDS * 4):  # something to watch
                made = server.post("/api/organizations", {"name": f"chaos-{number}"}, token=token)
                self.assertIn(made.status, (201, 503), made)
                time.sleep(0.25)
            for thread in threads:
                thread.join()
            self.assertEqual(self.unexpected, [])
            for name, least in (("watchers", 0), ("requests_under_way", 1), ("requests_queued", 0),
                                ("connections", 1)):
                wait_for(lambda: server.metric("nexodus_http_" + name) <= least, 10, f"no {name}")
            self.assertEqual(server.get("/live").json, json.loads('{"status":"UP"}'))


if __name__ == "__main__":
    run()
