# SPDX-License-Identifier: Apache-2.0
"""A nexodus-server of one's own, for tests: started from the build tree on a free port with
a temporary state directory, and stopped by its process id.

    with Server() as server:
        token = server.admin_token()
        answer = server.get("/api/devices", token=token)
        assert answer.status == 200 and answer.json == []

With NEXODUS_TEST_STORE=postgresql (and PGHOST, PGUSER, as tests/lib/pg-temp.sh sets them) each
server gets a fresh database there, otherwise a fresh SQLite file.

Leaving the block stops the server and fails when it did not end well: an exit code other
than 0, or a sanitizer's report in its log. NEXODUS_BUILD_DIR says where the build tree is.
"""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.parse

SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("NEXODUS_BUILD_DIR", SOURCE_DIR / "build" / "debug"))
# Sanitized programs are several times slower; deadlines of tests are multiplied with this.
PATIENCE = float(os.environ.get("NEXODUS_TEST_PATIENCE", "1"))

# Servers of tests that run at the same time do not meet.
ANY_STUN_PORTS = {"NEXODUS_STUN_PORT": "0", "NEXODUS_STUN_ALTERNATE_PORT": "0"}

numbers = itertools.count()


def psql(statement, database="postgres"):
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-c", statement, database], check=True,
                   stdout=subprocess.DEVNULL)


class Answer:
    """Status, headers (any case) and body of a response."""

    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Server:
    """One server process. `options` are options of its command line, without "--":
    Server(plugins="ipam-v4", workers=2). `store="postgresql"` wants `database` as well."""

    def __init__(self, environment=None, state=None, tls=None, **options):
        self.own_state = state is None
        self.state = pathlib.Path(state or tempfile.mkdtemp(prefix="nexodus-test-"))
        self.environment = environment or {}
        self.tls = tls  # path of a certificate to trust
        self.process = None
        self.port = 0
        self.exit_code = None
        self.options = {
            "state-directory": str(self.state),
            "plugin-directory": str(BUILD_DIR / "plugins"),
            "log-format": "json",
            "config": str(self.state / "server.conf"),
        }
        if not (self.state / "server.conf").exists():
            (self.state / "server.conf").write_text("")
        self.set(**options)
        self.database = None
        if os.environ.get("NEXODUS_TEST_STORE") == "postgresql" and "store" not in self.options:
            self.database = f"nexodus_test_{os.getpid()}_{next(numbers)}"
            psql(f"CREATE DATABASE {self.database}")
            self.set(store="postgresql", database=f"dbname={self.database}")

    # --- life ---------------------------------------------------------------------

    def set(self, **options):
        """Options of the next start; max_connections=5 is --max-connections=5."""
        self.options.update({name.replace("_", "-"): str(value) for name, value in options.items()})

    @property
    def program(self):
        return os.environ.get("NEXODUS_SERVER", str(BUILD_DIR / "server" / "nexodus-server"))

    @property
    def log_path(self):
        return self.state / "server.log"

    def command(self, *more):
        listen = self.options.get("listen", f"127.0.0.1:{self.port}")
        options = {**self.options, "listen": listen}
        return [self.program, *(f"--{name}={value}" for name, value in options.items()), *more]

    def start(self, seconds=30):
        """Answers when the server is ready. A restart listens where it did before."""
        given = {**os.environ, **ANY_STUN_PORTS, **self.environment}
        environment = {name: value for name, value in given.items() if value is not None}
        begin = self.log_path.stat().st_size if self.log_path.exists() else 0
        if self.options.get("log-level") in ("warning", "error") and not self.port:
            self.port = free_port()  # it will not say which one it got
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        wait_for(lambda: self._is_up(begin), seconds, "the server to be ready")
        return self

    def _is_up(self, begin):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()[begin:]}")
        for event in self.events(begin):
            if event.get("event") == "listening":
                self.port = int(event["addresses"].split()[0].rsplit(":", 1)[1])
        try:
            return self.port and self.get("/ready").status == 200
        except OSError:
            return False

    def send_signal(self, number):
        os.kill(self.process.pid, number)

    def stop(self, number=signal.SIGTERM, seconds=30):
        """Ends the server and answers its exit code."""
        if self.process and self.process.poll() is None:
            self.send_signal(number)
            try:
                self.process.wait(seconds * PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the server did not end in {seconds} s:\n{self.log()[-4000:]}")
        self.exit_code = self.process.returncode if self.process else None
        return self.exit_code

    def kill(self):
        """As if the power had gone."""
        self.process.kill()
        self.process.wait()

    def check(self):
        """What must be true of a server that has ended."""
        log = self.log()
        for report in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
                       "runtime error:"):
            assert report not in log, log[log.index(report):][:6000]
        assert self.exit_code == 0, f"exit code {self.exit_code}:\n{log[-4000:]}"

    def clean(self):
        if self.database:
            psql(f"DROP DATABASE {self.database} WITH (FORCE)")
        if self.own_state:
            shutil.rmtree(self.state, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            if self.process and self.process.poll() is None:
                self.kill()
            self.clean()
            raise

    def __exit__(self, kind, value, trace):
        try:
            was_killed = self.process.poll() is not None
            self.stop()
            if not was_killed and kind is None:
                self.check()
        finally:
            self.clean()

    def sql(self, statement):
        """Change the database of a server that is stopped behind its back."""
        if self.database:
            psql(statement, self.database)
            return
        with contextlib.closing(sqlite3.connect(self.state / "nexodus.db")) as database, database:
            database.execute(statement)

    # --- what it says -----------------------------------------------------------------

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def events(self, begin=0):
        """The lines of the log that are events, as dictionaries."""
        found = []
        for line in self.log()[begin:].splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                pass
        return found

    def metric(self, name):
        """The sum of a metric over its labels."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(name) and line[len(name)] in " {":
                total += float(line.rsplit(" ", 1)[1])
        return total

    def strategy_metric(self, name, strategy, **labels):
        """One line of a metric of a strategy's."""
        given = ",".join(f'{key}="{value}"' for key, value in {"strategy": strategy, **labels}.items())
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(f"nexodus_strategy_{name}{{{given}}} "):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no metric nexodus_strategy_{name}{{{given}}}")

    # --- asking it --------------------------------------------------------------------

    def socket(self, seconds=10):
        """A connection to say anything on."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=seconds * PATIENCE)
        if not self.tls:
            return plain
        context = ssl.create_default_context(cafile=self.tls)
        return context.wrap_socket(plain, server_hostname="localhost")

    def connection(self, seconds=30):
        """A connection that is kept, as http.client has it."""
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds * PATIENCE)
        context = ssl.create_default_context(cafile=self.tls)
        return http.client.HTTPSConnection("localhost", self.port, timeout=seconds * PATIENCE,
                                           context=context)

    def request(self, method, path, body=None, token=None, headers=None, connection=None):
        """`body`: bytes or text as they are, anything else as JSON."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        used = connection or self.connection()
        try:
            used.request(method, path, body, sent)
            response = used.getresponse()
            return Answer(response, response.read())
        finally:
            if not connection:
                used.close()

    def get(self, path, **how):
        return self.request("GET", path, **how)

    def post(self, path, body=None, **how):
        return self.request("POST", path, body, **how)

    def patch(self, path, body=None, **how):
        return self.request("PATCH", path, body, **how)

    def delete(self, path, **how):
        return self.request("DELETE", path, **how)

    # --- signing in --------------------------------------------------------------------

    def admin_password(self):
        return (self.state / "admin-password").read_text().strip()

    def sign_in(self, username, password):
        form = urllib.parse.urlencode(
            {"grant_type": "password", "username": username, "password": password})
        return self.post("/oauth/token", form,
                         headers={"Content-Type": "application/x-www-form-urlencoded"})

    def token(self, username, password):
        answer = self.sign_in(username, password)
        assert answer.status == 200, answer
        return answer.json["access_token"]

    def admin_token(self):
        return self.token("admin", self.admin_password())


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(condition, seconds, what):
    """Until the condition is true; fails when it is not in time."""
    until = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def run():
    """At the end of each test file."""
    unittest.main(verbosity=2)
