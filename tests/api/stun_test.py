# SPDX-License-Identifier: Apache-2.0
"""The server's own STUN service: asked by a client that shares no line with it, on both ports and
in both families, by the polite, the broken and the flooding; and what agents are told of it."""

import contextlib
import ipaddress
import os
import pathlib
import secrets
import select
import signal
import socket
import struct
import subprocess
import time
import unittest
import zlib

from server import ANY_STUN_PORTS, PATIENCE, Server, run, wait_for

COOKIE = 0x2112A442
REQUEST, INDICATION, SUCCESS, ERROR = 0x0001, 0x0011, 0x0101, 0x0111
ERROR_CODE, UNKNOWN, XOR_MAPPED, SOFTWARE, FINGERPRINT = 0x0009, 0x000A, 0x0020, 0x8022, 0x8028


# --- messages ------------------------------------------------------------------------------


def attribute(kind, value):
    return struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(kind, *attributes, transaction=None, fingerprint=True):
    body = b"".join(attributes)
    length = len(body) + (8 if fingerprint else 0)
    data = struct.pack(">HHI", kind, length, COOKIE) + (transaction or secrets.token_bytes(12)) + body
    if fingerprint:
        data += attribute(FINGERPRINT, struct.pack(">I", zlib.crc32(data) ^ 0x5354554E))
    return data


def parse(data):
    """Kind, transaction and attributes; whatever is wrong fails the test."""
    kind, length, cookie = struct.unpack(">HHI", data[:8])
    assert cookie == COOKIE and length == len(data) - 20 and length % 4 == 0, data
    attributes, at = {}, 20
    while at < len(data):
        name, size = struct.unpack(">HH", data[at:at + 4])
        attributes[name] = data[at + 4:at + 4 + size]
        if name == FINGERPRINT:
            assert at + 8 == len(data)
            assert attributes[name] == struct.pack(">I", zlib.crc32(data[:at]) ^ 0x5354554E)
        at += 4 + size + -size % 4
    assert at == len(data) and FINGERPRINT in attributes
    return kind, data[8:20], attributes


def mapped_of(attributes, transaction):
    """Address and port of XOR-MAPPED-ADDRESS."""
    value = attributes[XOR_MAPPED]
    mask = struct.pack(">I", COOKIE) + transaction
    assert value[0] == 0 and (value[1], len(value)) in ((1, 8), (2, 20)), value
    port = struct.unpack(">H", value[2:4])[0] ^ (COOKIE >> 16)
    address = bytes(byte ^ mask[i] for i, byte in enumerate(value[4:]))
    return str(ipaddress.ip_address(address)), port


class Client:
    """A UDP socket at an address of this host."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.setblocking(False)
        self.name = self.socket.getsockname()[:2]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, server):
        while True:
            try:
                return self.socket.sendto(data, server)
            except BlockingIOError:
                select.select([], [self.socket], [], 1)

    def receive(self, seconds):
        """The next datagram and where it came from; None when there is none in time."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return None
        data, source = self.socket.recvfrom(65536)
        return data, source[:2]

    def ask(self, server, data=None, seconds=20):
        """Ask again until there is an answer, as UDP wants it."""
        data = data or message(REQUEST)
        until = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < until:
            self.send(data, server)
            answer = self.receive(0.5)
            if answer and answer[0][8:20] == data[8:20]:
                return answer
        raise AssertionError(f"{server} did not answer {self.name}")

    def mapped(self, server):
        data, source = self.ask(server)
        assert source == server, (source, server)
        kind, transaction, attributes = parse(data)
        assert kind == SUCCESS, kind
        return mapped_of(attributes, transaction)


def told(server, token=None):
    """What GET /api/stun says."""
    answer = server.get("/api/stun", token=token or server.admin_token())
    assert answer.status == 200, answer
    return answer.json["servers"]


def ports_of(server):
    return [int(entry[1:]) for entry in told(server)[:2]]


def free_ports():
    """Two UDP ports that nobody has."""
    holders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def udp_ports():
    """Local UDP ports of this network namespace."""
    found = set()
    for table in ("udp", "udp6"):
        path = pathlib.Path("/proc/net") / table
        lines = path.read_text().splitlines()[1:] if path.exists() else []
        found |= {int(line.split()[1].rsplit(":", 1)[1], 16) for line in lines}
    return found


def udp_sockets(process):
    """How many UDP sockets a process has open."""
    inodes = set()
    for table in ("udp", "udp6"):
        path = pathlib.Path("/proc/net") / table
        lines = path.read_text().splitlines()[1:] if path.exists() else []
        inodes |= {f"socket:[{line.split()[9]}]" for line in lines}
    links = []
    for entry in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # of a file that was closed meanwhile
            links.append(os.readlink(entry))
    return sum(link in inodes for link in links)


# --- what it answers -------------------------------------------------------------------------


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(environment={"NEXODUS_STUN_LISTEN": "0.0.0.0, ::"}).__enter__()
        cls.ports = ports_of(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def silence_after(self, *datagrams):
        """None of them is answered: what comes back belongs to a request that was sent after them."""
        with Client("127.0.0.1") as client:
            server = ("127.0.0.1", self.ports[0])
            for data in datagrams:
                client.send(data, server)
            last = message(REQUEST)
            client.send(last, server)
            answer = client.receive(20 * PATIENCE)
            self.assertIsNotNone(answer)
            self.assertEqual(answer[0][8:20], last[8:20], answer)

    def counted(self, result):
        name = f'nexodus_stun_requests_total{{result="{result}"}} '
        lines = [line for line in self.server.get("/metrics").text.splitlines() if line.startswith(name)]
        self.assertEqual(len(lines), 1, name)
        return int(lines[0].rsplit(" ", 1)[1])

    def test_two_ports(self):
        self.assertNotEqual(*self.ports)
        self.assertEqual(len(told(self.server)), 2)

    def test_mapped_address_is_exact(self):
        for address in ("127.0.0.1", "::1"):
            for port in self.ports:
                with self.subTest(address=address, port=port), Client(address) as client:
                    self.assertEqual(client.mapped((address, port)), client.name)

    def test_no_nat_maps_alike(self):
        for address in ("127.0.0.1", "::1"):
            with Client(address) as client:
                first, second = (client.mapped((address, port)) for port in self.ports)
                self.assertEqual(first, second)

    def test_answers_come_from_where_was_asked(self):
        """A NAT and a careful client let nothing else in."""
        for asked in ("127.0.0.1", "127.0.0.2", "127.7.7.7"):
            for source in ("127.0.0.1", "127.0.0.9"):
                for port in self.ports:
                    with self.subTest(asked=asked, source=source), Client(source) as client:
                        _, answered = client.ask((asked, port))
                        self.assertEqual(answered, (asked, port))

    def test_no_fingerprint_needed(self):
        with Client("127.0.0.1") as client:
            data = message(REQUEST, fingerprint=False)
            self.assertEqual(len(data), 20)
            answer, _ = client.ask(("127.0.0.1", self.ports[0]), data)
            kind, transaction, attributes = parse(answer)
            self.assertEqual((kind, transaction), (SUCCESS, data[8:20]))
            self.assertEqual(set(attributes), {XOR_MAPPED, SOFTWARE, FINGERPRINT})

    def test_no_amplifier(self):
        """With the headers of IP and UDP the answer is less than twice the smallest request."""
        for address, headers in (("127.0.0.1", 28), ("::1", 48)):
            with Client(address) as client:
                data = message(REQUEST, fingerprint=False)
                answer, _ = client.ask((address, self.ports[0]), data)
                self.assertLess(headers + len(answer), 2 * (headers + len(data)))
        with Client("127.0.0.1") as client:
            data = message(REQUEST, *(attribute(0x4000 + i, b"") for i in range(120)))
            answer, _ = client.ask(("127.0.0.1", self.ports[0]), data)
            self.assertLess(len(answer), 100)

    def test_optional_attributes_are_passed_over(self):
        with Client("127.0.0.1") as client:
            data = message(REQUEST, attribute(0xC001, b"odd"), attribute(SOFTWARE, b"x" * 127),
                           attribute(0x0006, b"user"))
            kind, transaction, attributes = parse(client.ask(("127.0.0.1", self.ports[0]), data)[0])
            self.assertEqual(kind, SUCCESS)
            self.assertEqual(mapped_of(attributes, transaction), client.name)

    def test_unknown_attributes(self):
        before = self.counted("refused")
        for address in ("127.0.0.1", "::1"):
            with Client(address) as client:
                data = message(REQUEST, attribute(0x0003, bytes([0, 0, 0, 6])), attribute(0x7ABC, b"abc"))
                kind, transaction, attributes = parse(client.ask((address, self.ports[1]), data)[0])
                self.assertEqual((kind, transaction), (ERROR, data[8:20]))
                self.assertEqual(attributes[ERROR_CODE], b"\0\0\4\x14Unknown Attribute")
                self.assertEqual(attributes[UNKNOWN], struct.pack(">HH", 0x0003, 0x7ABC))
        # An answer is counted when it has been sent.
        wait_for(lambda: self.counted("refused") >= before + 2, 20, "both to be counted")

    def test_silence(self):
        """To responses above all: two servers would answer each other for ever."""
        mapped = attribute(XOR_MAPPED, b"\0\1\xa1\x47\xe1\x12\xa6\x43")
        good = message(REQUEST)
        datagrams = [
            message(INDICATION), message(SUCCESS, mapped), message(ERROR, attribute(ERROR_CODE, b"\0\0\4\0")),
            message(0x0003), message(0x0004), message(0x4001), message(0x8001),
            b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", secrets.token_bytes(548), b"\1\0\0\0" + bytes(144),
            good[:-1], good + b"\0", good[:-4] + b"\0\0\0\0", good[:4] + b"\0\0\0\0" + good[8:],
            message(REQUEST, struct.pack(">HH", SOFTWARE, 0xFFFF)),
        ]
        before = self.counted("ignored")
        self.silence_after(*datagrams)
        # the metric is counted before the last request is looked at: it came after them
        self.assertGreaterEqual(self.counted("ignored"), before + len(datagrams))

    def test_too_long(self):
        fits = message(REQUEST, attribute(SOFTWARE, bytes(548 - 20 - 8 - 4)))
        self.assertEqual(len(fits), 548)
        with Client("127.0.0.1") as client:
            self.assertEqual(parse(client.ask(("127.0.0.1", self.ports[0]), fits)[0])[0], SUCCESS)
        # up to what must have been fragments on any network, and more than a 16-bit length counts
        self.silence_after(*(message(REQUEST, attribute(SOFTWARE, bytes(length)))
                             for length in (520, 576, 1480, 4000, 60000)))

    def test_broadcast(self):
        """Answers of many to one forged datagram would amplify it."""
        before = self.counted("ignored")
        with Client("127.0.0.1") as client:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            client.send(message(REQUEST), ("127.255.255.255", self.ports[0]))
            last = message(REQUEST)
            client.send(last, ("127.0.0.1", self.ports[0]))
            self.assertEqual(client.receive(20 * PATIENCE)[0][8:20], last[8:20])
        self.assertEqual(self.counted("ignored"), before + 1)

    def test_flood(self):
        """One source has its share and no more; others are answered meanwhile."""
        limited = self.counted("limited")
        server = ("127.0.0.1", self.ports[0])
        with Client("127.0.0.77") as flooder, Client("127.0.0.78") as other, Client("::1") as third:
            data = message(REQUEST)
            for _ in range(6):
                for _ in range(500):
                    flooder.send(data, server)
                self.assertEqual(other.mapped(server), other.name)
                self.assertEqual(third.mapped(("::1", self.ports[0])), third.name)
            wait_for(lambda: self.counted("limited") > limited, 20, "the flood to be limited")

    def test_nothing_in_the_log(self):
        """A packet costs its sender nothing, a line in a log would cost us."""
        before = len(self.server.log())
        with Client("127.0.0.1") as client:
            for port in self.ports:
                client.send(b"nonsense", ("127.0.0.1", port))
                client.mapped(("127.0.0.1", port))
        self.assertNotIn("stun", self.server.log()[before:].replace("/api/stun", "").lower())


# --- what agents are told ------------------------------------------------------------------------


class Configuration(unittest.TestCase):
    def test_nothing_listens_when_disabled(self):
        with Server(environment={"NEXODUS_STUN_ENABLED": "false",
                                 "NEXODUS_STUN_SERVERS": "stun.example.com:3478"}) as server:
            self.assertEqual(udp_sockets(server.process), 0)
            self.assertEqual(told(server), ["stun.example.com:3478"])

    def test_empty_list(self):
        with Server(environment={"NEXODUS_STUN_ENABLED": "false"}) as server:
            self.assertEqual(server.get("/api/stun", token=server.admin_token()).text, '{"servers":[]}')

    def test_listens_where_http_does(self):
        with Server() as server:
            self.assertEqual(udp_sockets(server.process), 2)
            self.assertTrue(set(ports_of(server)) <= udp_ports())
            line = [event for event in server.events() if event.get("event") == "answering STUN requests"][0]
            self.assertEqual(line["ports"].split(), [str(port) for port in ports_of(server)])
        with Server(listen="127.0.0.1:0, [::1]:0") as server:
            self.assertEqual(udp_sockets(server.process), 4)

    def test_wildcards_hold_the_rest(self):
        listen = "127.0.0.1, 0.0.0.0, [::], ::1 127.0.0.1"
        with Server(environment={"NEXODUS_STUN_LISTEN": listen}) as server:
            self.assertEqual(udp_sockets(server.process), 4)

    def test_ports_of_ones_own(self):
        first, second = free_ports()
        ports = {"NEXODUS_STUN_PORT": str(first), "NEXODUS_STUN_ALTERNATE_PORT": str(second)}
        with Server(environment=ports) as server, Client("127.0.0.1") as client:
            self.assertEqual(told(server), [f":{first}", f":{second}"])
            self.assertEqual(client.mapped(("127.0.0.1", second)), client.name)

    def test_port_taken(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", 0))
            taken = holder.getsockname()[1]
            server = Server(environment={"NEXODUS_STUN_PORT": str(taken)})
            try:
                environment = {**os.environ, **ANY_STUN_PORTS, **server.environment}
                ended = subprocess.run(server.command(), capture_output=True, text=True, check=False,
                                       timeout=60 * PATIENCE, env=environment)
                self.assertEqual(ended.returncode, 1, ended)
                for words in (f"127.0.0.1, UDP port {taken}", "stun.alternate-port", "stun.enabled"):
                    self.assertIn(words, ended.stderr)
            finally:
                server.clean()

    def test_default_port_taken(self):
        """Nobody wrote it down, so it is no reason not to serve; the agents are not told of it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            try:
                wait_for(lambda: self.is_bound(holder, 3478), 30, "the port")
            except AssertionError:
                pass  # a STUN server of this machine has it: all the same
            with Server(environment=dict.fromkeys(ANY_STUN_PORTS)) as server:
                warnings = [event for event in server.events() if event.get("level") == "warning"
                            and "UDP port 3478" in event.get("error", "")]
                self.assertEqual(len(warnings), 1, server.log())
                self.assertNotIn(":3478", told(server))

    @staticmethod
    def is_bound(holder, port):
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

    def test_advertise(self):
        hosts = "stun.example.com, 192.0.2.1 2001:db8::1"
        with Server(environment={"NEXODUS_STUN_ADVERTISE": hosts, "NEXODUS_STUN_SERVERS":
                                 "other.example.com:3478, [2001:db8::2]:19302, 192.0.2.2:3478"}) as server:
            entries = told(server)
            a, b = (int(entry.rsplit(":", 1)[1]) for entry in entries[:2])
            self.assertEqual(entries, [
                f"stun.example.com:{a}", f"stun.example.com:{b}", f"192.0.2.1:{a}", f"192.0.2.1:{b}",
                f"[2001:db8::1]:{a}", f"[2001:db8::1]:{b}",
                "other.example.com:3478", "[2001:db8::2]:19302", "192.0.2.2:3478"])

    def test_reload(self):
        with Server() as server:
            token = server.admin_token()
            own = told(server, token)
            config = server.state / "server.conf"
            config.write_text("[stun]\nservers = a.example.com:3478\n")
            server.send_signal(signal.SIGHUP)
            wait_for(lambda: told(server, token) == [*own, "a.example.com:3478"], 20, "the new server")
            config.write_text("[stun]\nadvertise = b.example.com\n")
            server.send_signal(signal.SIGHUP)
            wait_for(lambda: told(server, token) == ["b.example.com" + entry for entry in own], 20, "the new name")
            # a wrong one is refused as a whole, and the old one stays
            config.write_text("[stun]\nadvertise = c.example.com\nservers = nonsense\n")
            server.send_signal(signal.SIGHUP)
            wait_for(lambda: "configuration not reloaded" in server.log(), 20, "the refusal")
            self.assertEqual(told(server, token), ["b.example.com" + entry for entry in own])
            config.write_text("[stun]\nlisten = 127.0.0.9\n")
            server.send_signal(signal.SIGHUP)
            wait_for(lambda: server.log().count("configuration not reloaded") == 2, 20, "the refusal")

    def check_config(self, *settings):
        server = Server()
        try:
            more = [f"--set=stun.{setting}" for setting in settings]
            return subprocess.run(server.command("--check-config", *more), capture_output=True, text=True,
                                  check=False, timeout=60 * PATIENCE)
        finally:
            server.clean()

    def test_check_config(self):
        self.assertEqual(self.check_config(
            "listen=0.0.0.0, ::", "port=0", "alternate-port=0", "advertise=a.example.com 192.0.2.1",
            "servers=[2001:db8::1]:3478, under_score.example.com.:1").returncode, 0)
        for text, words in (
                ("port=70000", "port"), ("port=-1", "port"), ("enabled=perhaps", "enabled"),
                ("port=3479", "both 3479"), ("nonsense=1", "nonsense"),
                ("listen=localhost", "localhost"), ("listen=127.0.0.1:3478", "without a port"),
                ("listen=[::1", "[::1"), ("listen=" + ", ".join(f"192.0.2.{i}" for i in range(17)), "16"),
                ("advertise=a.example.com:3478", "without a port"), ("advertise=-a.example.com", "-a"),
                ("advertise=300.1.1.1", "300.1.1.1"), ("advertise=a..b", "a..b"),
                ("advertise=" + "a." * 130 + "b", "no host name"), ("advertise=[::1]", "[::1]"),
                ('advertise=a"b', 'a"b'), ("servers=a.example.com", "no host and port"),
                ("servers=a.example.com:0", "no host and port"), ("servers=a:65536", "a:65536"),
                ("servers=a:99999999999999999999", "a:9999"), ("servers=::1:3478", "[2001:db8::1]:3478"),
                ("servers=:3478", "no host and port"), ("servers=a:+1", "a:+1"),
                ("servers=" + ", ".join(f"a{i}:1" for i in range(17)), "16")):
            with self.subTest(text=text[:40]):
                ended = self.check_config(text)
                self.assertEqual(ended.returncode, 2, ended)
                self.assertIn(words, ended.stderr)


if __name__ == "__main__":
    run()
