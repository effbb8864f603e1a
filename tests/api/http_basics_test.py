# SPDX-License-Identifier: Apache-2.0
"""What every path has in common: methods, parameters, ids, errors, figures, description."""

import json
import os
import re
import subprocess
import unittest

from server import SOURCE_DIR, Server, run, wait_for

ID = "0190a0a0-0000-7000-8000-000000000000"


class Basics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.token = cls.server.admin_token()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def test_status(self):
        for path in ("/live", "/ready"):
            answer = self.server.get(path)
            self.assertEqual((answer.status, answer.json), (200, {"status": "UP"}))
            self.assertEqual(answer.headers["Content-Type"], "application/json")

    def test_unknown_path(self):
        for path in ("/", "/api", "/api/devices/", "/api//devices", "/API/devices", '/x"y', "/%ff"):
            answer = self.server.get(path, token=self.token)
            self.assertEqual(answer.status, 404, path)
            self.assertEqual(answer.json, {"error": "not found", "resource": path})

    def test_unknown_method(self):
        answer = self.server.request("PUT", "/api/devices", token=self.token)
        self.assertEqual(answer.status, 405)
        self.assertEqual(answer.headers["Allow"], "GET, HEAD, POST")
        self.assertEqual(answer.json["error"], "operation not allowed")
        self.assertIn("GET, HEAD, POST", answer.json["reason"])
        self.assertEqual(self.server.request("BREW", "/live").status, 405)

    def test_head(self):
        with self.server.socket() as connection:
            connection.sendall(b"HEAD /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            data = b""
            while piece := connection.recv(4096):
                data += piece
        self.assertTrue(data.startswith(b"HTTP/1.1 200 "))
        self.assertIn(b"Content-Length: 15\r\n", data)
        self.assertTrue(data.endswith(b"\r\n\r\n"))

    def test_nobody(self):
        answer = self.server.get("/api/devices")
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.headers["WWW-Authenticate"], 'Bearer realm="nexodus"')
        self.assertIn("error", answer.json)
        for header in ("Bearer", "Bearer ", "Basic YTpi", "Bearer nxu_short", "Bearer " + self.token + "x",
                       "Bearer nxd_" + self.token[4:], "bearer\t" + self.token, self.token):
            answer = self.server.get("/api/devices", headers={"Authorization": header})
            self.assertEqual(answer.status, 401, header)
            self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])
        for header in ("Bearer " + self.token, "bearer  " + self.token):
            self.assertEqual(self.server.get("/api/devices", headers={"Authorization": header}).status, 200)

    def test_parameters(self):
        for path in ("/api/devices/x", "/api/organizations/1", f"/api/organizations/{ID}x/devices",
                     f"/api/organizations/{ID}/devices/me", "/api/devices/%00", "/api/devices/%zz"):
            answer = self.server.get(path, token=self.token)
            self.assertEqual((answer.status, answer.json["error"]), (400, "path parameter invalid"), path)
        for path in (f"/api/devices/{ID}", f"/api/organizations/{ID}", "/api/users/a%2Fb%20%C3%A9"):
            self.assertEqual(self.server.get(path, token=self.token).status, 404, path)
        self.assertEqual(self.server.get("/api/users/%ff", token=self.token).status, 400)

    def test_bad_query(self):
        for query in ("sort=%", "a=%ff", "&".join(f"a{i}=" for i in range(40))):
            self.assertEqual(self.server.get(f"/api/devices?{query}", token=self.token).status, 400, query)

    def test_request_id(self):
        made = [self.server.get("/live").headers["X-Request-Id"] for _ in range(3)]
        self.assertEqual(len(set(made)), 3)
        answer = self.server.get("/api/nothing", headers={"X-Request-Id": "of-my-own.1"})
        self.assertEqual(answer.headers["X-Request-Id"], "of-my-own.1")
        for bad in ("a b", "x" * 65, 'quote"', "a;b"):
            answer = self.server.get("/live", headers={"X-Request-Id": bad})
            self.assertNotEqual(answer.headers["X-Request-Id"], bad)
        answer = self.server.get("/api/devices", token=self.token, headers={"X-Request-Id": "look-for-me"})
        line = wait_for(lambda: [event for event in self.server.events()
                                 if event.get("request") == "look-for-me"], 5, "the line in the log")[0]
        self.assertEqual((line["event"], line["method"], line["path"], line["status"]),
                         ("request", "GET", "/api/devices", "200"))
        self.assertIn("principal", line)
        self.assertIn("ms", line)

    def test_log_cannot_be_forged(self):
        self.server.get("/x%0a{}", headers={"User-Agent": "\x1b[2J"})
        self.server.sign_in('eve"\n{"event":"forged"}\n\x1b[2J', "wrong")
        self.assertNotIn("forged", [event.get("event") for event in self.server.events()])
        self.assertNotIn("\x1b", self.server.log())

    def test_nothing_secret_in_the_log(self):
        self.server.get("/api/devices?secret=canary", token=self.token)
        self.server.sign_in("admin", "canary-password")
        log = self.server.log()
        for secret in (self.token, self.server.admin_password(), "canary"):
            self.assertNotIn(secret, log)

    def test_metrics(self):
        before = self.server.metric("nexodus_http_requests_total")
        for _ in range(5):
            self.server.get("/live")
        answer = self.server.get("/metrics")
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        self.assertGreaterEqual(self.server.metric("nexodus_http_requests_total"), before + 6)
        for line in answer.text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) \S+ .+|[a-z_]+(\{[^}]*(\{[^}]*\}[^}]*)*\})? [0-9.]+)$')
        for name in ("nexodus_http_connections", "nexodus_http_watchers", "nexodus_store_commits_total",
                     "process_resident_memory_bytes", "nexodus_http_request_seconds_count"):
            self.assertIn("\n" + name, answer.text)
        self.assertNotIn(self.token, answer.text)

    def test_description(self):
        """What is served is the document, and it describes every path and no other."""
        served = self.server.get("/api/openapi.json")
        self.assertEqual(served.json, json.loads((SOURCE_DIR / "docs" / "openapi.json").read_text()))
        routes = json.loads(subprocess.run([self.server.program, "--print-routes"], check=True,
                                           capture_output=True).stdout)
        known = {(route["method"].lower(), route["path"]) for route in routes}
        described = {(method, path) for path, methods in served.json["paths"].items() for method in methods
                     if method in ("get", "post", "put", "patch", "delete")}
        self.assertEqual(known, described)

    def test_json(self):
        for body in ("", "{", "[]", '"x"', '{"a":1}x', '{"a":1,"a":2}', '{"a":"\ud800"}', "[" * 100,
                     '{"a":01}', "{'a':1}", '{"a":\x01}', "nul"):
            answer = self.server.post("/api/organizations", body.encode("utf-8", "surrogatepass"),
                                      token=self.token)
            self.assertEqual((answer.status, answer.json["error"]), (400, "request json is invalid"), body)


class CommandLine(unittest.TestCase):
    def run_it(self, *arguments, **environment):
        server = Server()
        try:
            command = server.command(*arguments)
            return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60,
                                  env={**os.environ, **environment})
        finally:
            server.clean()

    def test_help_and_version(self):
        ended = self.run_it("--help")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        for option in ("--listen", "--check-config", "--add-plugin", "--drop-plugin", "--dry-run", "--max-watchers", "NEXODUS_"):
            self.assertIn(option, ended.stdout)
        self.assertRegex(self.run_it("--version").stdout, r"^nexodus-server \d+\.\d+\.\d+\n$")

    def test_check_config(self):
        ended = self.run_it("--check-config", NEXODUS_WORKERS="7")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertRegex(ended.stdout, r"(?s)environment NEXODUS_WORKERS.*workers = 7")
        self.assertIn("# plugins: ", ended.stdout)

    def test_refusals(self):
        for arguments, text in (
                (["--nonsense"], "nonsense"),
                (["--workers=0"], "workers"),
                (["--workers=many"], "workers"),
                (["--store=oracle"], "sqlite or postgresql"),
                (["--log-level=loud"], "error, warning, info or debug"),
                (["--listen=8080"], "127.0.0.1:8080"),
                (["--listen=localhost:8080"], "127.0.0.1:8080"),
                (["--plugins=nothing"], "nothing"),
                (["--plugin-directory=/nonexistent"], "/nonexistent"),
                (["--config=/nonexistent"], "/nonexistent"),
                (["operand"], "--help"),
                (["--drop-plugin"], "name of a plugin")):
            ended = self.run_it(*arguments)
            self.assertEqual(ended.returncode, 2, (arguments, ended))
            self.assertIn(text, ended.stderr)

    def test_port_taken(self):
        with Server() as server:
            ended = self.run_it(f"--listen=127.0.0.1:{server.port}")
            self.assertEqual(ended.returncode, 1, ended)
            self.assertIn("another server", ended.stderr)

    def test_both_families(self):
        with Server(listen="127.0.0.1:0, [::1]:0") as server:
            started = [event for event in server.events() if event.get("event") == "listening"][0]
            four, six = started["addresses"].split()
            self.assertRegex(four, r"^127\.0\.0\.1:\d+$")
            port = int(re.fullmatch(r"\[::1\]:(\d+)", six)[1])
            import http.client
            connection = http.client.HTTPConnection("::1", port)
            connection.request("GET", "/live")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()

    def test_first_administrator(self):
        with Server() as server:
            kept = server.state / "admin-password"
            self.assertEqual(kept.stat().st_mode & 0o7777, 0o600)
            password = server.admin_password()
            server.stop()
            server.start()
            self.assertEqual(server.admin_password(), password, "made once")
            self.assertEqual(server.sign_in("admin", password).status, 200)

    def test_password_of_ones_own(self):
        server = Server(admin_username="root")
        mine = server.state / "mine"
        mine.write_text("correct horse\n")
        mine.chmod(0o600)
        server.set(admin_password_file=mine)
        with server:
            self.assertEqual(server.sign_in("root", "correct horse").status, 200)
            self.assertFalse((server.state / "admin-password").exists())


if __name__ == "__main__":
    run()
