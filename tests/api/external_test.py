# SPDX-License-Identifier: Apache-2.0
"""The strategy that asks another service: with the reference service, killed and started again, and
with services that lie, break off, or take their time."""

import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from server import PATIENCE, SOURCE_DIR, Server, free_port, run, wait_for
from world import User, public_key

SERVICE = SOURCE_DIR / "plugins" / "strategy-external" / "tests" / "service.py"

# Says a part of its answer, and then nothing.
STOPS_IN_MIDDLE = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 30\\r\\n\\r\\n{"address":"100.1')
    print("asked", flush=True)
    kept = connection
"""


class Program:
    """A service as a process of its own."""

    def __init__(self, *command):
        self.process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        line = self.says("listening on ")
        self.port = int(line.rsplit(":", 1)[1])

    def says(self, what):
        ready, _, _ = select.select([self.process.stdout], [], [], 20 * PATIENCE)
        line = self.process.stdout.readline().decode() if ready else ""
        assert line.startswith(what), f"the service says {line!r}"
        return line

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Hostile:
    """A service in threads of the test: `behave(connection, request)` has a connection to itself."""

    def __init__(self, behave):
        self.behave = behave
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ended = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            connection.settimeout(20 * PATIENCE)
            data = b""
            try:
                while b"\r\n\r\n" not in data or len(data.split(b"\r\n\r\n", 1)[1]) < self.length(data):
                    part = connection.recv(65536)
                    if not part:
                        return
                    data += part
                self.requests.append(data)
                self.behave(connection, data)
            except OSError:
                pass  # it has hung up on us

    @staticmethod
    def length(data):
        for line in data.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                return int(line.split(b":")[1])
        return 0

    def close(self):
        self.ended.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def reply(body, status="200 OK", headers=""):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n{headers}Connection: close\r\n\r\n".encode() + text


class External(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="nexodus-external-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.server = None

    def settings(self, **external):
        """In the configuration file, which SIGHUP reads again."""
        lines = [f"{name.replace('_', '-')} = {value}" for name, value in external.items()]
        (self.server.state / "server.conf").write_text(
            "[strategies]\ntimeout = 10s\nretry = 1s\n[strategy-external]\n" + "\n".join(lines) + "\n")

    def reload(self, says="configuration reloaded", **external):
        self.settings(**external)
        begin = len(self.server.log())
        self.server.send_signal(signal.SIGHUP)
        wait_for(lambda: says in self.server.log()[begin:], 10, "the configuration to be reloaded")

    def serve(self, **external):
        self.server = Server()
        self.addCleanup(self.end)
        self.settings(**external)
        self.server.start()
        self.admin = User(self.server, "admin", self.server.admin_password())
        self.organization = self.admin.organization(strategy="external")

    def end(self):
        try:
            if self.server.process:
                self.server.stop()
                self.server.check()
        finally:
            self.server.clean()

    def hostile(self, behave):
        service = Hostile(behave)
        self.addCleanup(service.close)
        return service

    def program(self, *command):
        program = Program(*command)
        self.addCleanup(program.kill)
        return program

    def reference(self, *options):
        return self.program(SERVICE, "--state", self.directory / "book", *options)

    def post(self, hostname="x", organization=None, **fields):
        return self.admin.post("/api/devices", {
            "public_key": public_key(), "organization_id": (organization or self.organization)["id"],
            "hostname": hostname, **fields})

    def refused(self, answer, says):
        self.assertEqual((answer.status, answer.json["error"]), (503, "service unavailable"), answer)
        self.assertRegex(answer.json["reason"], f"^the strategy 'external' gives no address now: .*{says}")
        self.assertTrue(int(answer.headers["Retry-After"]) > 0)

    # --- a service that works -----------------------------------------------------------------------

    def test_reference_service(self):
        port = free_port()
        options = ("--listen", f"127.0.0.1:{port}")
        service = self.reference(*options)
        self.serve(url=f"http://127.0.0.1:{port}/choose", timeout="5s")
        both = self.admin.organization(strategy="external", strategy_v6="external", cidr="10.7.0.0/29",
                                       cidr_v6="fd07::/64")
        key = public_key()
        first = self.post(organization=both, public_key=key).json
        self.assertEqual((first["tunnel_ip"], first["tunnel_ip_v6"]), ("10.7.0.1", "fd07::1"))
        second = self.post(organization=both).json
        self.assertEqual((second["tunnel_ip"], second["tunnel_ip_v6"]), ("10.7.0.2", "fd07::2"))
        # The same key, the same address; and one that somebody asked for is passed over.
        self.admin.must(200).delete(f"/api/devices/{first['id']}")
        self.assertEqual(self.post(organization=both, public_key=key).json["tunnel_ip"], "10.7.0.1")
        self.assertEqual(self.post(organization=both, tunnel_ip="10.7.0.3").json["tunnel_ip_v6"], "fd07::3")
        self.assertEqual(self.post(organization=both).json["tunnel_ip"], "10.7.0.4")
        # Killed, and started again: it is tried on, and nothing is given twice.
        service.kill()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.post(organization=both)))
        self.reload(url=f"http://127.0.0.1:{port}/choose", timeout="5s", retries=10)
        thread.start()
        self.reference(*options)
        thread.join()
        self.assertEqual((answers[0].status, answers[0].json["tunnel_ip"]), (201, "10.7.0.5"), answers[0])
        self.assertEqual(self.post(organization=both).json["tunnel_ip"], "10.7.0.6")
        full = self.post(organization=both)
        self.assertEqual((full.status, full.json), (409, {
            "error": "the inventory has none left of 10.7.0.0/29", "field": "tunnel_ip"}))

    def test_question(self):
        service = self.hostile(lambda connection, request: connection.sendall(
            reply({"address": f"100.100.3.{len(service.requests)}"})))
        self.serve(url=f"http://127.0.0.1:{service.port}/a/b?c=d", token="s3cret")
        key = public_key()
        self.assertEqual(self.post('quo"te', public_key=key).status, 201)
        self.assertEqual(self.post().status, 201)
        head, body = service.requests[0].split(b"\r\n\r\n", 1)
        self.assertTrue(head.startswith(b"POST /a/b?c=d HTTP/1.1\r\n"), head)
        self.assertIn(b"\r\nAuthorization: Bearer s3cret\r\n", head + b"\r\n")
        self.assertIn(b"\r\nContent-Type: application/json\r\n", head + b"\r\n")
        self.assertEqual(json.loads(body), {
            "family": "inet", "prefix": "100.100.0.0/16", "organization_id": self.organization["id"],
            "public_key": key, "hostname": 'quo"te', "attempt": 0})
        self.assertEqual(json.loads(service.requests[1].split(b"\r\n\r\n", 1)[1])["last"], "100.100.3.1")

    def test_tls_and_tokens(self):
        pem, key, token = (self.directory / name for name in ("cert.pem", "key.pem", "token"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                        key, "-out", pem], check=True, stderr=subprocess.DEVNULL)
        token.write_text("tok-1\n")
        token.chmod(0o600)
        service = self.reference("--certificate", pem, "--key", key, "--token-file", token)
        at = {"url": f"https://localhost:{service.port}/", "retries": 0}
        self.serve(**at, token_file=token)
        self.refused(self.post(), "its service is not trusted: see ca-file")
        self.reload(**at, ca_file=pem, token_file=token)
        self.assertEqual(self.post().json["tunnel_ip"], "100.100.0.1")
        # Another name, another token.
        self.reload(url=f"https://127.0.0.1:{service.port}/", retries=0, ca_file=pem, token_file=token)
        self.refused(self.post(), "its service is not trusted")
        token.write_text("tok-2\n")
        self.reload(**at, ca_file=pem, token_file=token)
        self.refused(self.post(), "its service answers with HTTP status 401")
        # A token that others can read is refused, and what held goes on to hold.
        token.write_text("tok-1\n")
        self.reload(**at, ca_file=pem, token_file=token)
        token.chmod(0o644)
        self.reload("configuration not reloaded", **at, ca_file=pem, token_file=token)
        self.assertIn(f"token-file: {token} has mode 0644", self.server.log())
        self.assertEqual(self.post().status, 201)
        self.assertNotIn("tok-", self.server.log())

    def test_not_configured(self):
        self.serve()
        self.refused(self.post(), "no service is configured")

    # --- that misbehaves ------------------------------------------------------------------------------

    CHUNK = b"400\r\n" + b" " * 1024 + b"\r\n"
    WRONG = {  # what it says, and what the log says
        "garbage": (reply(b"<html>welcome</html>"), "its service's answer is no JSON"),
        "list": (reply(b"[]"), "neither"),
        "null": (reply({"address": None}), "neither"),
        "number": (reply({"address": 7}), "neither"),
        "text": (reply({"address": "far away"}), "is none"),
        "network": (reply({"address": "100.100.0.7/16"}), "is none"),
        "family": (reply({"address": "200::7"}), "is no address of its family"),
        "outside": (reply({"address": "10.0.0.7"}), "lies outside"),
        "reserved": (reply({"address": "100.100.0.0"}), "is reserved"),
        "duplicate": (reply({"address": "100.100.0.1"}), "is taken like all 8"),
        "long": (reply(b" " * 5000 + b'{"address":"100.100.0.9"}'), "longer than 4096 bytes"),
        "endless": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK, "longer than 4096 bytes"),
    }
    NOTHING = b"nothing"
    AWAY = {  # what it says, how often it is asked with one retry, and what the client is told
        "redirect": (reply({}, "302 Found", "Location: http://127.0.0.1:1/\r\n"), 1, "HTTP status 302"),
        "missing": (reply({}, "404 Not Found"), 1, "HTTP status 404"),
        "empty": (b"HTTP/1.1 204 No Content\r\n\r\n", 1, "HTTP status 204"),
        "error": (reply({"address": "100.100.0.9"}, "500 Oops"), 2, "HTTP status 500"),
        "busy": (reply({}, "429 Slow down"), 2, "HTTP status 429"),
        "closed": (NOTHING, 2, "has broken off"),
        "cut": (reply({"address": "100.100.0.9"})[:-5], 2, "has broken off"),
        "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", 2, "does not speak HTTP"),
        "says": (reply({"error": "the database\x1b[2J is away"}), 1, r"its service says: the database\?\[2J is away"),
    }

    def test_wrong_answers(self):
        self.said = None
        def behave(connection, request):
            said = self.said or reply({"address": f"100.100.1.{len(service.requests) % 200}"})
            connection.sendall(b"" if said == self.NOTHING else said)
            while said.endswith(self.CHUNK):  # for as long as it is taken
                connection.sendall(self.CHUNK)
        service = self.hostile(behave)
        self.serve(url=f"http://127.0.0.1:{service.port}/", retries=1)
        self.admin.device(organization_id=self.organization["id"], tunnel_ip="100.100.0.1")
        def good():
            self.said = None
            self.assertEqual(self.post().status, 201)
        for name, (said, says) in self.WRONG.items():
            with self.subTest(name=name):
                begin, asked = len(self.server.log()), len(service.requests)
                self.said = said
                answer = self.post()
                self.assertEqual(answer.status, 500, answer)
                self.assertRegex(self.server.log()[begin:], f"plugin strategy-external misbehaves: .*{says}")
                self.assertEqual(len(service.requests) - asked, 8 if name == "duplicate" else 1)
                good()
        for name, (said, times, says) in self.AWAY.items():
            with self.subTest(name=name):
                asked = len(service.requests)
                self.said = said
                self.refused(self.post(), says)
                self.assertEqual(len(service.requests) - asked, times)
                good()

    def test_slow_answers(self):
        """Bytes that come one by one, in head or body, do not last longer than an attempt; and meanwhile
        others come to their end first."""
        slow = {"head": (b"HTTP/1.1 200 OK\r\nX-", 10000), "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n", 4000)}
        self.begin, self.count, asked = b"", 0, threading.Event()
        def behave(connection, request):
            asked.set()
            connection.sendall(self.begin)
            for _ in range(self.count):
                if service.ended.wait(0.05):
                    return
                connection.sendall(b" ")
        service = self.hostile(behave)
        self.serve(url=f"http://127.0.0.1:{service.port}/", retries=0, timeout="3s")
        other, answers = self.admin.organization(), []
        for where, (self.begin, self.count) in slow.items():
            with self.subTest(where=where):
                asked.clear()
                thread = threading.Thread(target=lambda: answers.append((where, self.post())))
                thread.start()
                self.assertTrue(asked.wait(20 * PATIENCE))
                for number in range(5):
                    self.assertEqual(self.post(organization=other).status, 201)
                    answers.append((where, number))
                thread.join()
                self.refused(answers[-1][1], "its service has not answered in time")
        self.assertEqual([what for where, what in answers if where == "head"][:5], list(range(5)))
        self.assertEqual([what for where, what in answers if where == "body"][:5], list(range(5)))

    def test_killed_in_mid_answer(self):
        """Both whoever waits and the strategy outlive it; the next service is asked like the first."""
        service = self.program("-c", STOPS_IN_MIDDLE)
        self.serve(url=f"http://127.0.0.1:{service.port}/", retries=0, timeout="8s")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.post()))
        thread.start()
        service.says("asked")
        os.kill(service.process.pid, signal.SIGKILL)
        thread.join()
        self.refused(answers[0], "has broken off")
        self.refused(self.post(), "cannot be reached")
        self.reload(url=f"http://127.0.0.1:{self.reference().port}/", retries=0)
        self.assertEqual(self.post().status, 201)

    def test_what_is_kept_needs_no_service(self):
        """Also not the first device since the start, when nothing is known of the pool yet."""
        self.serve(url=f"http://127.0.0.1:{free_port()}/", retries=0)
        base = f"/api/organizations/{self.organization['id']}/reservations"
        for address, host in (("100.100.7.9", "printer"), ("100.100.7.10", "scanner")):
            self.admin.must(201).post(base, {"range": address, "hostname": host})
        self.assertEqual(self.post(hostname="printer").json["tunnel_ip"], "100.100.7.9")
        self.refused(self.post(hostname="plotter"), "cannot be reached")
        self.assertEqual(self.post(hostname="scanner").json["tunnel_ip"], "100.100.7.10")

    def test_away_for_long(self):
        self.serve(url=f"http://127.0.0.1:{free_port()}/", retries=0)
        for _ in range(5):
            self.refused(self.post(), "cannot be reached")
        self.assertIn("has failed several times in a row", self.post().json["reason"])
        self.assertEqual([d["strategy"] for d in self.server.get("/ready").json["degraded"]], ["external"])
        self.reload(url=f"http://127.0.0.1:{self.reference().port}/", retries=0)
        wait_for(lambda: self.post().status == 201, 10, "the strategy to be asked again")
        self.assertEqual(self.server.get("/ready").json, {"status": "UP"})


if __name__ == "__main__":
    run()
