# SPDX-License-Identifier: Apache-2.0
"""A host of its own (network and mount namespace), nexd on it, and a service that a test plays.

Call enter_namespaces() first. A Service answers each request with what the test's `answer` function
says, and keeps every request. An Agent is one run of nexd."""
import ctypes
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ["NEXODUS_BUILD_DIR"]
PATIENCE = float(os.environ.get("NEXODUS_TEST_PATIENCE", "1"))
ORGANIZATION = "00000000-0000-7000-8000-0000000000ff"
KEY = "nxr_canary-registration-key"
INTERFACE = "wg0"


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def enter_namespaces():
    """A network without a way out, and a /run that is nobody else's."""
    if os.geteuid() != 0:
        print("SKIPPED: it makes a network namespace, for which it needs root")
        sys.exit(77)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000 | 0x00020000) != 0:  # CLONE_NEWNET | CLONE_NEWNS
        raise OSError(ctypes.get_errno(), "unshare")
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", "192.0.2.1/24", "dev", "lo", "scope", "global")
    run("ip", "address", "add", "2001:db8::1/64", "dev", "lo", "nodad")


def wait(what, condition, seconds=10):
    end = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen in time: " + what)


def text_of(file):
    """Empty where nexd has just replaced it: it writes a file anew and renames it."""
    try:
        return file.read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""


def device_id(number):
    return f"00000000-0000-7000-8000-{number:012x}"


def public_key(number):
    import base64
    return base64.b64encode(number.to_bytes(32, "little")).decode()


def device(number, revision, **more):
    return {"id": device_id(number), "organization_id": ORGANIZATION, "public_key": public_key(number),
            "driver": "wireguard", "hostname": f"host{number}", "revision": revision,
            "tunnel_ip": f"100.100.{number >> 8}.{number & 255}", "organization_prefix": "100.100.0.0/16",
            "tunnel_ip_v6": f"200::{number:x}", "organization_prefix_v6": "200::/64",
            "local_ip": f"192.0.2.{number % 250 + 2}:51820", "local_ip_v6": "", "ipv6_supported": True,
            "child_prefix": None, "relay": False, "symmetric_nat": False} | more


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self):
        return json.loads(self.body)

    def bearer(self):
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


class Service:
    """`answer(request)` is (status, body) or (status, body, headers); a function as body is called
    with a `send(bytes)` and holds the stream until it returns."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("Content-Length", "0"))
                request = Request(self.command, self.path, self.headers, self.rfile.read(length))
                service.requests.append(request)
                try:
                    self.reply(*service.answer(request))
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_GET = do_POST = do_PATCH = handle_any

            def reply(self, status, body, headers=()):
                self.send_response(status)
                for name, value in dict(headers).items():
                    self.send_header(name, value)
                if callable(body):
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.close_connection = True
                    body(self.wfile.write)
                    return
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, address):
                if not isinstance(sys.exc_info()[1], ConnectionError):  # an agent that is killed
                    super().handle_error(request, address)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def seen(self, method, path):
        return [r for r in self.requests if r.method == method and r.path.startswith(path)]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Agent:
    """nexd with a state directory; `options` are added to its command line."""

    def __init__(self, url, state=None, *options, environment=None, key=KEY):
        self.own = state is None
        self.directory = state or tempfile.mkdtemp(prefix="nexodus-agent-")
        self.log_path = os.path.join(self.directory, "log")
        self.socket_path = os.path.join(self.directory, "nexd.sock")
        env = {"PATH": os.environ["PATH"]} | ({"NEXD_REGISTRATION_KEY": key} if key else {}) | (environment or {})
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [f"{BUILD}/agent/nexd", f"--service-url={url}", f"--state-directory={self.directory}/state",
             f"--plugin-directory={BUILD}/plugins", f"--control-socket={self.socket_path}",
             "--config=/dev/null", "--hostname=self", *options],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        log.close()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def ask(self, command):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(20 * PATIENCE)
            connection.connect(self.socket_path)
            connection.sendall(json.dumps({"command": command}).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = connection.recv(1 << 20)
                if not part:
                    raise AssertionError("no whole answer")
                answer += part
        return json.loads(answer)

    def is_in_state(self, state):
        try:
            return self.ask("status")["state"] == state
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def wait_state(self, state, seconds=10):
        try:
            wait(f"nexd is {state}", lambda: self.is_in_state(state), seconds)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.log()}") from None

    def wait_exit(self, seconds=15):
        return self.process.wait(seconds * PATIENCE)

    def state_text(self):
        """All that it keeps, as one text."""
        folder = pathlib.Path(self.directory, "state")
        return "".join(text_of(file) for file in folder.iterdir())

    def memory(self):
        """Anonymous memory in kB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20 * PATIENCE)

    def remove(self):
        self.stop()
        if self.own:
            shutil.rmtree(self.directory)


def routes(family):
    """Prefixes routed into the tunnel."""
    listing = subprocess.run(["ip", f"-{family}", "-j", "route", "show", "dev", INTERFACE],
                             capture_output=True, text=True).stdout
    return {route["dst"] for route in json.loads(listing or "[]")}


def routing():
    """Every route and rule, a line each."""
    return [line.strip() for family in "46" for what in ("route", "rule")
            for line in run("ip", f"-{family}", what).splitlines()]


def interface_stands():
    return subprocess.run(["ip", "link", "show", INTERFACE], capture_output=True).returncode == 0


def interface_remove():
    subprocess.run(["ip", "link", "delete", INTERFACE], capture_output=True)
