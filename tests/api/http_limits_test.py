# SPDX-License-Identifier: Apache-2.0
"""What an HTTP server must withstand: requests that end in two places, clients that never
finish, more of everything than there is room for, signals in the middle of it."""

import contextlib
import json
import pathlib
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from server import PATIENCE, Server, run, wait_for

MIB = 1024 * 1024


def read_all(connection, seconds=10):
    """Everything until the server closes."""
    connection.settimeout(seconds * PATIENCE)
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def is_closed(connection, seconds=0.0):
    """Has the server closed it, within so many seconds?"""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    if not waiting.poll(seconds * 1000):
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except ConnectionError:
        return True


def idle(server, count):
    return [server.socket() for _ in range(count)]


def busy_one(server):
    """A connection in the middle of a request, as the server has seen; None when it is refused."""
    connection = server.socket()
    try:
        connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"
                           b"Expect: 100-continue\r\n\r\n")
        if connection.recv(100).startswith(b"HTTP/1.1 100 "):
            return connection
    except ConnectionError:
        pass
    connection.close()
    return None


def busy(server, count):
    """One after the other, patiently: the server may not have noticed yet that earlier ones ended."""
    return [wait_for(lambda: busy_one(server), 5, "a place for a request") for _ in range(count)]


def is_refused(server):
    """Is another connection closed at once?"""
    with server.socket() as connection:
        return is_closed(connection, 0.5)


def close(connections):
    for connection in connections:
        connection.close()


class Smuggling(unittest.TestCase):
    """A request of which two readers could say that it ends in different places."""

    HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def refused(self, *headers, version="HTTP/1.1", body=None):
        head = f"POST /oauth/token {version}\r\nHost: x\r\n".encode()
        for header in headers:
            head += header + b"\r\n"
        with self.server.socket() as connection:
            connection.sendall(head + b"\r\n" + (self.HIDDEN if body is None else body) + self.HIDDEN)
            answer = read_all(connection)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
        self.assertIn(b"Connection: close", answer)
        self.assertNotIn("smuggled", self.server.log())
        return answer

    def test_two_lengths(self):
        answer = self.refused(b"Content-Length: 0", b"Content-Length: 36")
        self.assertIn("more than one Content-Length", json.loads(answer.split(b"\r\n\r\n")[1])["reason"])
        self.refused(b"Content-Length: 0", b"Content-Length: 0")
        self.refused(b"content-length: 0", b"CONTENT-LENGTH: 36")

    def test_length_and_coding(self):
        chunked = b"0\r\n\r\n"
        self.refused(b"Content-Length: 41", b"Transfer-Encoding: chunked", body=chunked)
        self.refused(b"Transfer-Encoding: chunked", b"Content-Length: 41", body=chunked)

    def test_codings(self):
        chunked = b"0\r\n\r\n"
        self.refused(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=chunked)
        self.refused(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=chunked)
        self.refused(b"Transfer-Encoding: identity")
        self.refused(b"Transfer-Encoding: gzip, chunked", body=chunked)
        self.refused(b"Transfer-Encoding: xchunked", body=chunked)
        self.refused(b"Transfer-Encoding: chunked", version="HTTP/1.0", body=chunked)

    def test_lengths_that_are_no_numbers(self):
        for length in (b"+5", b"-1", b"0x24", b"36, 36", b"3 6", b"", b"99999999999999999999"):
            with self.server.socket() as connection:
                connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: " + length +
                                   b"\r\n\r\n" + self.HIDDEN)
                answer = read_all(connection)
            # libmicrohttpd answers these itself, and closes.
            self.assertRegex(answer, rb"^HTTP/1\.1 4(00|13) ")
            self.assertIn(b"Connection: close", answer)
        self.assertNotIn("smuggled", self.server.log())

    def test_names_in_disguise(self):
        self.refused(b"Content-Length : 36")
        self.refused(b"Content-Length\t: 36")
        self.refused(b"Content-Length: 36\r\n folded")
        self.refused(b"Transfer-Encoding: chunked\r\n folded")
        self.refused(b"Transfer Encoding: chunked")
        self.refused(b"X: a\rContent-Length: 36")
        self.refused(b"Host: another")

    def test_bad_chunks(self):
        for chunks in (b"zz\r\n", b"-1\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n",
                       b"fffffffffffffffff\r\n"):
            with self.server.socket() as connection:
                connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
                                   b"\r\n\r\n" + chunks + self.HIDDEN)
                answer = read_all(connection)
            self.assertRegex(answer, rb"^HTTP/1\.1 4(00|13) ")
            self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)

    def test_a_good_chunked_request(self):
        with self.server.socket() as connection:
            connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                               b"Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n"
                               b"6\r\ngrant_\r\n6\r\ntype=x\r\n0\r\n\r\n")
            self.assertIn(b"unsupported_grant_type", read_all(connection))


class NoHttp(unittest.TestCase):
    """Messages that are no HTTP. The library answers them before anything of ours sees them: it
    says what kind of error that is, closes the connection, and takes nothing that follows."""

    GET = b"GET /live HTTP/1.1\r\nHost: x\r\n"
    POST = b"POST /oauth/token HTTP/1.1\r\nHost: x\r\n"
    HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    MESSAGES = {
        b"GET /live\r\n\r\n": 400,
        b"GET /live HTTP/9.9\r\nHost: x\r\n\r\n": 505,
        b"GET /live HTTP/1.1\r\n\r\n": 400,
        b"GET /live HTTP/1.1\r\nHost : x\r\n\r\n": 400,
        GET + b"no colon\r\n\r\n": 400,
        POST + b"Content-Length: x\r\n\r\n": 400,
        POST + b"Content-Length: -1\r\n\r\n": 400,
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n": 413,
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n": 400,
        GET + b"X: " + b"x" * 200000 + b"\r\n\r\n": 431,
        b"GET /" + b"x" * 200000 + b" HTTP/1.1\r\nHost: x\r\n\r\n": 414,
    }

    def test_each(self):
        with Server() as server:
            for message, status in self.MESSAGES.items():
                with self.subTest(message=message[:60]), server.socket() as connection:
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        connection.sendall(message + self.HIDDEN)
                    answer = read_all(connection)
                    # A reset may overtake the answer to a head that was too long to be read.
                    self.assertTrue(answer.startswith(f"HTTP/1.1 {status} ".encode()) or (not answer and len(message) > 9999),
                                    answer[:200])
                    # It may send the head of that answer twice (seen with 0.9.75); there is no other answer.
                    self.assertEqual({line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")},
                                     {answer.split(b"\r\n")[0]} if answer else set())
            # What a TLS client says to a plain port, for one.
            with server.socket() as connection:
                connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                self.assertNotIn(b" 200 ", read_all(connection))
            self.assertEqual(server.get("/live").status, 200)
            self.assertNotIn("hidden", server.log())
            self.assertEqual(server.stop(), 0)
            server.check()


class SlowClients(unittest.TestCase):
    """A byte now and then is no sign of life."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(request_timeout=2).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def cut_after(self, start, drip=b"x"):
        with self.server.socket() as connection:
            connection.sendall(start)
            begin = time.monotonic()
            while time.monotonic() - begin < 20:
                if is_closed(connection, 0.3):
                    return time.monotonic() - begin
                try:
                    connection.sendall(drip)
                except ConnectionError:
                    return time.monotonic() - begin
        self.fail("the connection was never cut")

    def test_first_line(self):
        self.assertLess(self.cut_after(b"GET /"), 5 * PATIENCE)

    def test_headers(self):
        self.assertLess(self.cut_after(b"GET /live HTTP/1.1\r\nHost: x\r\nX-Slow: "), 5 * PATIENCE)

    def test_body(self):
        seconds = self.cut_after(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        self.assertGreater(seconds, 1.5)
        self.assertLess(seconds, 5 * PATIENCE)

    def test_silence(self):
        self.assertLess(self.cut_after(b"", b""), 5 * PATIENCE)

    def test_reading(self):
        """A client that asks for much and takes none of it."""
        with self.server.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            request = b"GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
            begin = time.monotonic()
            with self.assertRaises(OSError):
                connection.settimeout(20)
                while time.monotonic() - begin < 20:
                    connection.sendall(request * 20)
                    time.sleep(0.05)
            self.assertLess(time.monotonic() - begin, 19)
        self.assertEqual(self.server.get("/live").status, 200)


class Sizes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.token = cls.server.admin_token()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def raw(self, data):
        with self.server.socket() as connection:
            try:
                connection.sendall(data)
            except ConnectionError:
                pass
            return read_all(connection)

    def test_headers(self):
        answer = self.raw(b"GET /live HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000 + b"\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 431 "), answer)
        answer = self.raw(b"GET /live HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 2000 + b"\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 431 "), answer)
        answer = self.raw(b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 414 "), answer)

    def test_ordinary_headers_fit(self):
        answer = self.server.get("/live", headers={"Authorization": "Bearer " + "x" * 2048,
                                                   "User-Agent": "y" * 300, "X-Forwarded-For": "z" * 200})
        self.assertEqual(answer.status, 200)

    def test_bodies(self):
        for path in ("/api/devices", "/oauth/token", "/api/nothing"):
            answer = self.server.post(path, b" " * (MIB + 1), token=self.token)
            self.assertEqual(answer.status, 413, answer)
            self.assertIn("error", answer.json)
            self.assertEqual(answer.headers["Connection"], "close")
        answer = self.server.post("/api/devices", b" " * MIB, token=self.token)
        self.assertEqual(answer.status, 400, answer)

    def test_announced(self):
        answer = self.raw(b"POST /api/devices HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer)
        answer = self.raw(b"POST /api/devices HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n"
                          b"Expect: 100-continue\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer)

    def test_chunked(self):
        chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
        head = b"POST /api/devices HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertTrue(self.raw(head + chunk * 17 + b"0\r\n\r\n").startswith(b"HTTP/1.1 413 "))
        self.assertEqual(self.raw(head + chunk * 200), b"", "a body without an end is cut off")

    def test_expect(self):
        with self.server.socket() as connection:
            connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                               b"Connection: close\r\nExpect: 100-continue\r\n\r\n")
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 100 Continue"))
            connection.sendall(b"{}")
            self.assertIn(b"HTTP/1.1 415 ", read_all(connection))


class Connections(unittest.TestCase):
    def test_idle_ones_starve_nobody(self):
        with Server(max_connections=1000, max_connections_per_address=900) as server:
            connections = idle(server, 1100)
            for _ in range(20):
                self.assertEqual(server.get("/live").status, 200)
            wait_for(lambda: is_closed(connections[0]), 10, "the longest idle connection to be closed")
            self.assertFalse(is_closed(connections[-1]))
            self.assertLessEqual(server.metric("nexodus_http_connections"), 1000)
            close(connections)

    def test_limit_in_all(self):
        with Server(max_connections=16) as server:
            connections = busy(server, 16)
            wait_for(lambda: is_refused(server), 5, "one too many to be refused")
            close(connections)
            wait_for(lambda: self.answers(server), 5, "room for another")

    def test_limit_per_address(self):
        with Server(max_connections_per_address=4, listen="127.0.0.1:0") as server:
            connections = busy(server, 4)
            wait_for(lambda: is_refused(server), 5, "one too many to be refused")
            elsewhere = socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.2", 0))
            elsewhere.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertTrue(read_all(elsewhere).startswith(b"HTTP/1.1 200 "))
            close(connections + [elsewhere])
            wait_for(lambda: self.answers(server), 5, "room for another")

    def test_a_place_for_each_that_is_given_back(self):
        with Server(max_connections_per_address=8) as server:
            for _ in range(100):
                self.assertEqual(server.get("/live").status, 200)
            wait_for(lambda: server.metric("nexodus_http_connections") <= 2, 5, "connections to be gone")

    @staticmethod
    def answers(server):
        try:
            return server.get("/live").status == 200
        except OSError:
            return False


class Pipelining(unittest.TestCase):
    def test_order(self):
        """Cheap and dear requests in one go: each answer in its place, none lost, none doubled."""
        with Server() as server:
            token = server.admin_token()
            kinds = [
                b"GET /live HTTP/1.1\r\nHost: x\r\nX-Request-Id: live-%d\r\n\r\n",
                b"GET /api/devices HTTP/1.1\r\nHost: x\r\nX-Request-Id: list-%d\r\n"
                b"Authorization: Bearer " + token.encode() + b"\r\n\r\n",
                b"POST /api/devices HTTP/1.1\r\nHost: x\r\nX-Request-Id: post-%d\r\nContent-Length: 7\r\n"
                b"Authorization: Bearer " + token.encode() + b"\r\n\r\nnothing",
                b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nX-Request-Id: form-%d\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                b"DELETE /nothing HTTP/1.1\r\nHost: x\r\nX-Request-Id: none-%d\r\n\r\n",
            ]
            expected, data = [], b""
            for number in range(200):
                request = kinds[number % len(kinds)] % number
                expected.append(request.split(b"X-Request-Id: ")[1].split(b"\r\n")[0])
                data += request
            data += b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            with server.socket() as connection:
                sender = threading.Thread(target=connection.sendall, args=(data,))
                sender.start()
                answer = read_all(connection, 30)
                sender.join()
            got = [line.split(b": ")[1] for line in answer.split(b"\r\n") if line.startswith(b"X-Request-Id: ")]
            self.assertEqual(got[:-1], expected)
            self.assertEqual(answer.count(b"HTTP/1.1 "), 201)


class Watchers(unittest.TestCase):
    def watch(self, server, token, organization):
        connection = server.connection()
        connection.request("POST", f"/api/organizations/{organization}/events",
                           json.dumps([{"kind": "device", "gt_revision": 0, "at_tail": False}]),
                           {"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        return connection, response

    def test_they_outlive_the_deadline(self):
        with Server(request_timeout=1, max_connections_per_address=8) as server:
            token = server.admin_token()
            organization = server.get("/api/organizations", token=token).json[0]["id"]
            watching = [self.watch(server, token, organization) for _ in range(20)]
            for _, response in watching:
                self.assertEqual(json.loads(response.readline())["type"], "tail")
            self.assertEqual(server.metric("nexodus_http_watchers"), 20)
            time.sleep(3)
            key = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
            made = server.post("/api/devices", {"organization_id": organization, "public_key": key,
                                                "hostname": "one"}, token=token)
            self.assertEqual(made.status, 201, made)
            for _, response in watching:
                event = json.loads(response.readline())
                self.assertEqual((event["type"], event["value"]["id"]), ("change", made.json["id"]))
            for connection, _ in watching:
                connection.close()
            wait_for(lambda: server.metric("nexodus_http_watchers") == 0, 5, "closed watchers to be noticed")

    def test_their_limit(self):
        with Server(max_watchers=3) as server:
            token = server.admin_token()
            organization = server.get("/api/organizations", token=token).json[0]["id"]
            watching = [self.watch(server, token, organization) for _ in range(3)]
            answer = server.post(f"/api/organizations/{organization}/events",
                                 [{"kind": "device", "gt_revision": 0, "at_tail": False}], token=token)
            self.assertEqual(answer.status, 503, answer)
            self.assertIn("Retry-After", answer.headers)
            close(connection for connection, _ in watching)


class Signals(unittest.TestCase):
    def test_sigterm_drains(self):
        with Server() as server:
            token = server.admin_token()
            organization = server.get("/api/organizations", token=token).json[0]["id"]
            watcher = server.connection()
            watcher.request("POST", f"/api/organizations/{organization}/events",
                            '[{"kind":"device","gt_revision":0,"at_tail":false}]',
                            {"Authorization": f"Bearer {token}"})
            stream = watcher.getresponse()
            stream.readline()
            waiting = idle(server, 5)
            form = b"grant_type=nothing"
            half = server.socket()
            half.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
                         b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" % len(form) + form[:5])
            wait_for(lambda: server.metric("nexodus_http_requests_under_way") >= 2, 5, "the half request")
            server.send_signal(signal.SIGTERM)
            self.assertEqual(stream.read(), b"", "the stream ends as a stream should")
            for connection in waiting:
                self.assertTrue(is_closed(connection, 5 * PATIENCE))
            with self.assertRaises(OSError):
                wait_for(lambda: server.socket() and False, 3, "it to stop listening")
            half.sendall(form[5:])
            answer = read_all(half)
            self.assertIn(b"unsupported_grant_type", answer)
            self.assertIn(b"Connection: close", answer)
            server.process.wait(10 * PATIENCE)
            self.assertEqual(server.process.returncode, 0)
            server.stop()
            server.check()

    def test_sigterm_waits_for_nobody_for_ever(self):
        with Server() as server:
            half = busy(server, 3)
            begin = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertGreater(time.monotonic() - begin, 9)
            self.assertLess(time.monotonic() - begin, 14 * PATIENCE)
            close(half)
            server.check()

    def test_sigint_at_rest_is_quick(self):
        with Server() as server:
            begin = time.monotonic()
            self.assertEqual(server.stop(signal.SIGINT), 0)
            self.assertLess(time.monotonic() - begin, 3 * PATIENCE)
            server.check()

    def test_sighup(self):
        with Server() as server:
            config = server.state / "server.conf"
            config.write_text("[server]\nlog-level = debug\nmax-connections-per-address = 2\n")
            server.send_signal(signal.SIGHUP)
            self.told(server, "configuration reloaded", 1)
            connections = busy(server, 2)
            wait_for(lambda: is_refused(server), 5, "the new limit to count")
            close(connections)
            for wrong in ("[server]\nlog-level = loud\n", "[server]\nnothing = 1\n", "[server]\nworkers = -1\n",
                          "rubbish\n"):
                config.write_text(wrong)
                told = len(self.all_told(server, "configuration not reloaded, the old one stays"))
                server.send_signal(signal.SIGHUP)
                self.told(server, "configuration not reloaded, the old one stays", told + 1)
            self.assertEqual(server.get("/live").status, 200)

    def test_sighup_refused_changes_nothing(self):
        with Server() as server:
            password = server.admin_password()
            for wrong in ("log-level = loud\n", "tls-certificate = /nowhere.pem\ntls-key = /nowhere.key\n"):
                (server.state / "server.conf").write_text(
                    "[server]\ntoken-lifetime = 60s\nmax-connections-per-address = 2\n" + wrong)
                told = len(self.all_told(server, "configuration not reloaded, the old one stays"))
                server.send_signal(signal.SIGHUP)
                self.told(server, "configuration not reloaded, the old one stays", told + 1)
                answer = server.sign_in("admin", password)
                self.assertEqual(answer.json["expires_in"], 24 * 60 * 60)
                connections = busy(server, 4)
                self.assertFalse(is_refused(server))
                close(connections)

    def test_sighup_under_load(self):
        with Server() as server:
            stop = threading.Event()
            failures = []

            def ask():
                connection = server.connection()
                while not stop.is_set():
                    if server.get("/ready", connection=connection).status != 200:
                        failures.append(1)

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for number in range(10):
                server.send_signal(signal.SIGHUP)
                self.told(server, "configuration reloaded", number + 1)
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])

    @staticmethod
    def all_told(server, event):
        return [line for line in server.events() if line.get("event") == event]

    def told(self, server, event, times):
        wait_for(lambda: len(self.all_told(server, event)) >= times, 5, f"{event!r} {times} times")


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="nexodus-tls-")
        cls.path = pathlib.Path(cls.folder.name)
        for name in ("one", "two"):
            cls.make(name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def make(cls, name):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", cls.file(name, "key"), "-out", cls.file(name, "pem")],
            check=True, capture_output=True)
        pathlib.Path(cls.file(name, "key")).chmod(0o600)

    @classmethod
    def file(cls, name, kind):
        return str(cls.path / f"{name}.{kind}")

    def server(self, certificate="one", key="one"):
        return Server(tls=self.file("one", "pem"), tls_certificate=self.file(certificate, "pem"),
                      tls_key=self.file(key, "key"))

    def issued_to(self, server):
        with server.socket() as connection:
            subject = dict(pair[0] for pair in connection.getpeercert()["subject"])
            return subject["commonName"]

    def test_serving_and_replacing(self):
        with self.server() as server:
            token = server.admin_token()
            self.assertEqual(server.get("/api/devices", token=token).status, 200)
            self.assertEqual(self.issued_to(server), "one")
            kept = server.connection()
            self.assertEqual(server.get("/live", connection=kept).status, 200)
            pathlib.Path(self.file("one", "pem")).rename(self.path / "kept.pem")
            pathlib.Path(self.file("one", "key")).rename(self.path / "kept.key")
            self.make("one")
            server.send_signal(signal.SIGHUP)
            wait_for(lambda: "configuration reloaded" in server.log(), 5, "the reload")
            self.assertEqual(self.issued_to(server), "one")  # verified against the new certificate
            self.assertEqual(server.get("/live", connection=kept).status, 200)
            pathlib.Path(self.file("one", "key")).write_text("rubbish")
            server.send_signal(signal.SIGHUP)
            wait_for(lambda: "the old one stays" in server.log(), 5, "the refusal")
            self.assertEqual(self.issued_to(server), "one")
            (self.path / "kept.pem").rename(self.file("one", "pem"))
            (self.path / "kept.key").rename(self.file("one", "key"))

    def test_no_old_protocol(self):
        with self.server() as server:
            for version in ("-tls1", "-tls1_1"):
                spoken = subprocess.run(
                    ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", version,
                     "-cipher", "DEFAULT@SECLEVEL=0"],
                    input=b"", capture_output=True, check=False)
                self.assertNotEqual(spoken.returncode, 0)

    def test_slow_handshakes_are_cut(self):
        server = self.server()
        server.set(request_timeout=2)
        with server:
            with socket.create_connection(("127.0.0.1", server.port)) as plain:
                plain.sendall(b"\x16\x03\x01")
                self.assertTrue(is_closed(plain, 6 * PATIENCE))
            with socket.create_connection(("127.0.0.1", server.port)) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
                read_all(plain, 6)

    def refused(self, text, **options):
        server = Server(**options)
        try:
            ended = subprocess.run(server.command("--check-config"), capture_output=True, text=True,
                                   check=False)
            self.assertEqual(ended.returncode, 2, ended)
            self.assertIn(text, ended.stderr)
            ended = subprocess.run(server.command(), capture_output=True, text=True, check=False)
            self.assertEqual(ended.returncode, 2, ended)
            self.assertIn(text, ended.stderr)
        finally:
            server.clean()

    def test_refusals(self):
        one, two = self.file("one", "pem"), self.file("two", "key")
        self.refused("is not that of the certificate", tls_certificate=one, tls_key=two)
        self.refused("go together", tls_certificate=one)
        self.refused("cannot read", tls_certificate=one, tls_key="/nonexistent")
        self.refused("no PEM certificate", tls_certificate=two, tls_key=two)
        loose = self.path / "loose.key"
        loose.write_bytes(pathlib.Path(self.file("one", "key")).read_bytes())
        loose.chmod(0o644)
        self.refused("chmod 0600", tls_certificate=one, tls_key=loose)


if __name__ == "__main__":
    run()
