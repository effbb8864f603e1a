#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What nexd makes of its options, however they are given, and what it says to an operator who errs."""
import json
import os
import os.path
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from service import (BUILD, KEY, ORGANIZATION, PATIENCE, Agent, Service, device, enter_namespaces,  # noqa: E402
                     interface_remove, interface_stands, run, wait)

NOBODY = 65534
NETWORK_CAPABILITIES = 0x3000  # CAP_NET_ADMIN, CAP_NET_RAW

# option -> (value, what the registration must say of it)
TOLD = {
    "request-ip": ("100.100.0.7,200::7", {"tunnel_ip": "100.100.0.7", "tunnel_ip_v6": "200::7"}),
    "advertise-cidr": ("172.17.20.0/24,2001:db8:abcd:12::/64",
                       {"child_prefix": ["172.17.20.0/24", "2001:db8:abcd:12::/64"]}),
    "child-prefix": ("0200:1::/64,10.0.0.0/8", {"child_prefix": ["10.0.0.0/8", "200:1::/64"]}),
    "local-endpoint-ip": ("203.0.113.9:4000,[2001:db8:9::9]:4001",
                          {"local_ip": "203.0.113.9:4000", "local_ip_v6": "[2001:db8:9::9]:4001"}),
    "relay-node": ("true", {"relay": True, "symmetric_nat": False}),
    "relay-only": ("true", {"relay": False, "symmetric_nat": True}),
    "organization-id": (ORGANIZATION, {"organization_id": ORGANIZATION}),
    "listen-port": ("45321", {"local_ip": "192.0.2.1:45321"}),
}

# (option, wrong value, words of the refusal)
WRONG = [
    ("request-ip", "100.100.0.7,100.100.0.8", "second address of its family"),
    ("request-ip", "100.100.0.0/16", "not an address"),
    ("request-ip", "200:7", "not an address"),
    ("advertise-cidr", "200:/64", "did you mean 200::/64"),
    ("advertise-cidr", "0.0.0.0/0", "default route"),
    ("advertise-cidr", "10.0.0.0/8,::/0", "default route"),
    ("advertise-cidr", "172.17.20.5/24", "did you mean 172.17.20.0/24"),
    ("child-prefix", "10.0.0.0/33", "not a prefix"),
    ("local-endpoint-ip", "host.example", "not an address"),
    ("local-endpoint-ip", "192.0.2.1:70000", "not an address"),
    ("listen-port", "70000", "0 to 65535"),
    ("listen-port", "-1", "0 to 65535"),
    ("listen-port", "many", "0 to 65535"),
    ("mtu", "100", "576"),
    ("relay-node", "perhaps", "true, false"),
    ("relay-only", "2", "true, false"),
    ("keep-interface", "x", "true, false"),
    ("interface", "a/b", "15 letters"),
    ("interface", "a-name-that-is-too-long", "15 letters"),
    ("organization-id", "mine", "UUID"),
    ("state-directory", "", "folder is needed"),
    ("ca-file", "/nonexistent", "No such file"),
    ("registration-key-file", "/nonexistent", "No such file"),
    ("username", "ann", "no password"),
    ("driver", "carrier-pigeon", "driver/carrier-pigeon"),
    ("plugins", "nothing-of-the-kind", "nothing-of-the-kind"),
    ("wireguard-backend", "magic", "auto, kernel or wireguard-go"),
    ("log-level", "loud", "error, warning, info or debug"),
    ("log-format", "poem", "human, key-value or json"),
]


def variable(option):
    return "NEXD_" + option.upper().replace("-", "_")


def nexd(*options, environment=None):
    """A run that is to end by itself: (exit code, standard output, standard error)."""
    done = subprocess.run([f"{BUILD}/agent/nexd", f"--plugin-directory={BUILD}/plugins", *options],
                          env={"PATH": os.environ["PATH"], "NEXD_CONFIG": "/dev/null",
                               "NEXD_SERVICE_URL": "http://127.0.0.1:9"} | (environment or {}),
                          capture_output=True, text=True, timeout=30 * PATIENCE, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def status_of(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith(name + ":"))


def process_is(pid, name, namespace):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip() == name and os.readlink(f"/proc/{pid}/ns/net") == namespace
    except OSError:  # it has ended meanwhile
        return False


class Options(unittest.TestCase):
    """Without a trace on the host: --check-config and --help."""

    def test_help_tells_of_each(self):
        code, text, _ = nexd("--help")
        self.assertEqual(code, 0)
        told = {name.removeprefix("[no-]") for name in re.findall(r"^  --(\S+?)(?:=| )", text, re.M)}
        self.assertEqual(({*TOLD} | {option for option, _, _ in WRONG}) - told, set())

    def test_wrong_values_are_refused(self):
        for option, value, words in WRONG:
            for way in "option", "environment":
                with self.subTest(option=option, value=value, way=way):
                    given = ([f"--{option}={value}"], {}) if way == "option" else ([], {variable(option): value})
                    code, _, text = nexd("--check-config", *given[0], environment=given[1])
                    self.assertEqual(code, 2, text)
                    self.assertIn(words, text)
                    self.assertNotIn("Sanitizer", text)

    def test_the_doctor_tells_of_wrong_values(self):
        for option, value, words in WRONG:
            with self.subTest(option=option, value=value):
                code, text, error = nexd("--doctor", environment={variable(option): value})
                self.assertEqual(code, 0, error)
                [found] = json.loads(text)
                self.assertEqual((found["check"], found["verdict"]), ("configuration", "problem"))
                self.assertIn(words, found["what"])

    def test_wrong_together(self):
        for options, words in ((["--relay-node", "--relay-only"], "exclude each other"),
                               (["--registration-key=x", "--registration-key-file=/dev/null"], "set one of them"),
                               (["--no-such-option"], "--no-such-option"),
                               (["word"], "options only"),
                               (["--plugins=ipam-v4,ipam-v6,relay"], "driver"),
                               (["--plugins=ipam-v4,ipam-v6,driver-wireguard"], "relay policy"),
                               (["--plugins=relay,driver-wireguard"], "address family")):
            with self.subTest(options):
                code, _, text = nexd("--check-config", *options)
                self.assertEqual(code, 2, text)
                self.assertIn(words, text)

    def test_option_before_environment_before_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write("[nexd]\nlisten-port=1001\nmtu=1001\ninterface=file0\n")
            file.flush()
            code, text, error = nexd("--check-config", "--listen-port=1003",
                                     environment={"NEXD_CONFIG": file.name, "NEXD_LISTEN_PORT": "1002",
                                                  "NEXD_MTU": "1002"})
        self.assertEqual(code, 0, error)
        for line in ("listen-port *= *1003", "mtu *= *1002", "interface *= *file0"):
            self.assertRegex(text, line)


class Operator(unittest.TestCase):
    def setUp(self):
        self.service = Service(self.answer)
        self.end = threading.Event()
        self.agents = []
        self.stun = []  # answers to the question for STUN servers, the last of them for good

    def tearDown(self):
        self.end.set()
        for agent in self.agents:
            agent.stop()
        logs = "".join(agent.log() for agent in self.agents)
        for agent in self.agents:
            agent.remove()
        self.service.stop()
        interface_remove()
        self.assertNotIn("Sanitizer", logs)
        self.assertNotIn(KEY, logs)

    def answer(self, request):
        if request.path == "/api/devices":
            body = request.json()
            self.record = device(1, 1) | {name: body[name] for name in ("public_key", "hostname", "local_ip")}
            return 201, self.record
        if request.path.endswith("/events"):
            def stream(send):
                send(json.dumps({"type": "change", "value": self.record}).encode() + b"\n{\"type\":\"tail\"}\n")
                self.end.wait(60)
            return 200, stream
        if request.path == "/api/stun" and self.stun:
            return self.stun.pop(0) if len(self.stun) > 1 else self.stun[0]
        return 200, self.record

    def start(self, *options, url=None, state=None, **more):
        agent = Agent(url or self.service.url, state, *options, **more)
        self.agents.append(agent)
        return agent

    def running(self, *options, **more):
        agent = self.start(*options, **more)
        agent.wait_state("running")
        return agent

    def exit_says(self, agent, code, *words):
        self.assertEqual(agent.wait_exit(), code, agent.log())
        for word in words:
            self.assertIn(word, agent.log())
        self.assertFalse(interface_stands(), "it leaves no interface behind")

    # --- what options do -------------------------------------------------------------

    def test_options_are_told_to_the_service(self):
        for option, (value, expected) in TOLD.items():
            for way in "option", "environment":
                with self.subTest(option=option, way=way):
                    before = len(self.service.seen("POST", "/api/devices"))
                    agent = self.running(f"--{option}={value}") if way == "option" else \
                        self.running(environment={variable(option): value})
                    body = self.service.seen("POST", "/api/devices")[before].json()
                    self.assertEqual({name: body.get(name) for name in expected}, expected)
                    agent.stop()

    def test_the_tunnel_is_as_asked(self):
        agent = self.running("--listen-port=45322", "--mtu=1300")
        self.assertEqual(agent.ask("status")["listen_port"], 45322)
        self.assertEqual(json.loads(run("ip", "-j", "link", "show", "wg0"))[0]["mtu"], 1300)
        agent.stop()
        self.assertFalse(interface_stands())
        agent = self.running("--keep-interface")
        agent.stop()
        self.assertTrue(interface_stands())
        agent = self.running(state=agent.directory)
        self.assertIn("interface adopted", agent.log())

    def test_stun_servers_are_asked_for_until_they_are_known(self):
        self.stun = [(503, {"error": "busy"}), (500, b"<html>"), (200, {"servers": ["192.0.2.77:3478"]})]
        agent = self.running()
        wait("they are known", lambda: "192.0.2.77" in agent.state_text(), 20)
        self.assertEqual(len(self.service.seen("GET", "/api/stun")), 3)

    def test_what_root_may_is_given_up(self):
        """By nexd, and by the program that carries its tunnel, if there is one."""
        agent = self.running()
        here = os.readlink("/proc/self/ns/net")
        carriers = [pid for pid in os.listdir("/proc") if pid.isdigit() and process_is(pid, "wireguard-go", here)]
        self.assertEqual(len(carriers), agent.ask("status")["backend"] == "wireguard-go")
        for pid in [agent.process.pid, *carriers]:
            for name in ("CapPrm", "CapEff", "CapBnd"):
                self.assertEqual(status_of(pid, name), status_of("self", name) & NETWORK_CAPABILITIES, name)
            self.assertEqual(status_of(pid, "NoNewPrivs"), 1)

    # --- what an operator is told ------------------------------------------------------

    def test_a_service_that_is_away_from_the_start(self):
        with NobodyThere() as url:
            agent = self.start(url=url)
            wait("it says so", lambda: "cannot register yet" in agent.log())
            wait("the status says so", lambda: "onnect" in agent.ask("status")["last_error"])
            self.assertIsNone(agent.process.poll())
        agent.stop()

    def test_a_second_one(self):
        first = self.running()
        second = self.start(state=first.directory)
        self.assertEqual(second.wait_exit(), 4)
        self.assertIn(f"another nexd (process {first.process.pid}) runs on the state directory", second.log())
        other = self.start()  # its own state, the same interface
        self.assertEqual(other.wait_exit(), 4)
        self.assertIn("Choose another --interface", other.log())
        first.wait_state("running")

    def test_a_port_that_is_taken(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("0.0.0.0", 45323))
            self.exit_says(self.start("--listen-port=45323"), 4, "choose another listen port")

    def test_a_state_directory_that_cannot_be(self):
        for path, code, words in (("/dev/null", 5, "is no directory"),
                                  ("/proc/nexd", 1, "choose another --state-directory")):
            self.exit_says(self.start(f"--state-directory={path}"), code, words)

    def test_not_root(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chown(folder, NOBODY, NOBODY)
            # It may still read what is built, which may lie in a folder that is closed to others.
            capabilities = "=-all,+dac_read_search"
            program = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                       f"--inh-caps{capabilities}", f"--ambient-caps{capabilities}", f"--bounding-set{capabilities}"]
            for state, words in ((folder, "run nexd as root"), ("/root/nexd", "run nexd as root")):
                done = subprocess.run([*program, f"{BUILD}/agent/nexd", "--config=/dev/null",
                                       f"--plugin-directory={BUILD}/plugins", "--service-url=http://127.0.0.1:9",
                                       f"--state-directory={state}", "--control-socket="],
                                      capture_output=True, text=True, timeout=30 * PATIENCE)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(words, done.stderr)

    def test_no_tun_device(self):
        """Where the kernel has WireGuard, it is asked not to use it."""
        run("mount", "-t", "tmpfs", "tmpfs", "/dev/net")
        try:
            self.exit_says(self.start("--wireguard-backend=wireguard-go"), 1, "/dev/net/tun", "modprobe tun")
        finally:
            run("umount", "/dev/net")

    def test_no_program(self):
        self.exit_says(self.start("--wireguard-backend=wireguard-go", "--set=driver-wireguard.wireguard-go=no-such-go"),
                       1, "no-such-go is not installed")

    def test_no_backend_in_the_kernel(self):
        agent = self.start("--wireguard-backend=kernel")
        wait("it ends or runs", lambda: agent.process.poll() is not None or agent.is_in_state("running"))
        if agent.process.poll() is not None:  # this kernel has none
            self.exit_says(agent, 1, "the backend is set to kernel")


class NobodyThere:
    """A URL where nobody answers, for as long as it is used."""

    def __enter__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))  # bound, and never listening
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def __exit__(self, *_):
        self.socket.close()


if __name__ == "__main__":
    enter_namespaces()
    unittest.main(verbosity=2)
