# SPDX-License-Identifier: Apache-2.0
"""The mesh that is made to suffer: ten hosts with an agent each, one behind the router, a guest, the server.

	r1, r2		relays
	alpha, beta	ordinary hosts with both families
	router		the same, and advertises a network of each family, where "behind" is
	spoke		--relay-only
	home		behind a NAT with endpoint-independent mapping, IPv4 alone
	sym		behind a symmetric NAT, IPv4 alone
	v4only		IPv6 switched off
	v6only		no IPv4 outside
	guest		comes and goes
"""
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import time

from lab import LabError, wait_until
from schedule import HOSTS, RELAYS

SERVER4, SERVER6 = "203.0.113.254", "2001:db8:99::254"
NUMBERS = {"r1": 1, "r2": 2, "alpha": 11, "beta": 12, "router": 13, "spoke": 14, "v4only": 15, "v6only": 16,
           "guest": 30}
GATEWAYS = {"home": ("g1", 21, ""), "sym": ("g2", 22, "fully-random")}
OPTIONS = {"r1": ["--relay-node"], "r2": ["--relay-node"], "spoke": ["--relay-only"],
           "router": ["--advertise-cidr=172.17.20.0/24,2001:db8:abcd:12::/64"]}
BEHIND = {4: ("172.17.20.2", "172.17.20.0/24"), 6: ("2001:db8:abcd:12::2", "2001:db8:abcd:12::/64")}
# Answers that do not come are noticed after three of these.
KEEPALIVE = 5
STUN_INTERVAL = 20


class Program:
    """nexd or nexodus-server on a host: runs, or does not, and is meant to or not."""

    def __init__(self, mesh, host, name, *arguments, environment=None):
        self.mesh, self.host, self.name, self.arguments = mesh, host, name, arguments
        self.environment = environment or {}
        self.process = None
        self.ending = False         # it was asked to
        self.log = mesh.lab.folder / "log" / host

    def start(self):
        folder = {"nexd": "agent", "nexodus-server": "server"}[self.name]
        self.ending = False
        self.process = self.mesh.lab.spawn(
            self.host, self.log, self.mesh.build / folder / self.name, *self.arguments,
            environment={**self.environment, **self.mesh.clock_environment(self.host)})
        # Until then a signal meets the shell that becomes the program, or one that is still being loaded.
        if not wait_until(self.takes_signals, 30):
            raise LabError(f"{self.name} on {self.host} did not begin to take signals")

    def takes_signals(self):
        """It catches or blocks SIGTERM, or has a thread that waits for it, which no mask shows; or it has ended."""
        try:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return True
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        caught = any(int(facts.get(mask, "0"), 16) >> (signal.SIGTERM - 1) & 1 for mask in ("SigBlk", "SigCgt"))
        return caught or int(facts.get("Threads", "1")) > 1 or self.process.poll() is not None

    def signal(self, number):
        if self.process:
            self.process.send_signal(number)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def term(self):
        """Ask it to end; ended() waits."""
        self.ending = True
        self.signal(signal.SIGTERM)

    def ended(self, seconds=60):
        """Wait for its end after term(); raises when it does not come, or is not in order."""
        if not self.process:
            return
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name} on {self.host} did not end within {seconds} s of SIGTERM") from None
        self.process = None
        if status:
            raise LabError(f"{self.name} on {self.host} ended with status {status} after SIGTERM")

    def check(self):
        """Raises when it has ended though nobody asked it to."""
        if self.process and not self.ending and self.process.poll() is not None:
            raise LabError(f"{self.name} on {self.host} ended by itself with status {self.process.returncode}")


class Mesh:
    def __init__(self, lab, build):
        self.lab, self.build = lab, pathlib.Path(build)
        self.key = self.token = None
        self.addresses = {}         # (host, interface) -> its addresses on the underlay
        self.gateways = {}          # host -> default routes
        self.agents = {}
        self.server = None
        (lab.folder / "log").mkdir(mode=0o700)

    # --- to lay it out ------------------------------------------------------------------------------

    def make(self):
        for switch in ("net", "lan"):
            self.lab.switch(switch)
        self.outside("server", 254)
        for host, number in NUMBERS.items():
            self.outside(host, number)
        self.lab.run("v4only", "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        for host in GATEWAYS:
            self.behind_nat(host)
        self.lab.host("behind")
        self.plug("lan", "router", "lan0", "172.17.20.1/24", "2001:db8:abcd:12::1/64")
        self.plug("lan", "behind", "eth0", "172.17.20.2/24", "2001:db8:abcd:12::2/64")
        self.gateways["behind"] = ["172.17.20.1", "2001:db8:abcd:12::1"]
        self.plumb("behind")

    def outside(self, host, number):
        addresses = [f"203.0.113.{number}/24", f"2001:db8:99::{number}/64"]
        if host in ("v4only", "v6only"):
            addresses = [addresses[host == "v6only"]]
        self.lab.host(host)
        self.plug("net", host, "eth0", *addresses)

    def behind_nat(self, host):
        gateway, number, kind = GATEWAYS[host]
        self.lab.switch(f"l-{host}")
        self.lab.host(gateway)
        self.lab.host(host)
        self.plug("net", gateway, "wan", f"203.0.113.{number}/24")
        self.plug(f"l-{host}", gateway, "lan", "192.168.7.1/24")
        self.gateways[host] = ["192.168.7.1"]
        self.plug(f"l-{host}", host, "eth0", "192.168.7.2/24")
        self.lab.run(gateway, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.nat(host, kind)

    def plug(self, switch, host, interface, *addresses):
        self.lab.cable(switch, host, interface)
        self.addresses[host, interface] = list(addresses)
        self.plumb(host)

    def plumb(self, host):
        """What a network manager does when something came back: links, addresses, default routes."""
        for (name, interface), addresses in self.addresses.items():
            if name == host:
                self.lab.ip(host, f"link set {interface} up", check=False)
                self.lab.ip(host, *(f"address replace {address} dev {interface}{' nodad' * (':' in address)}"
                                    for address in addresses), check=False)
        if host in self.gateways:
            self.lab.ip(host, *(f"route replace default via {via}" for via in self.gateways[host]), check=False)

    def nat(self, host, kind):
        """Anew: what it has mapped before is forgotten. kind: flags of masquerade, or a port for UDP."""
        gateway = GATEWAYS[host][0]
        port = f"meta l4proto udp masquerade to :{kind}" if isinstance(kind, int) else ""
        self.lab.run(gateway, "nft", "-f", "-", text=f"""table inet labnat
            delete table inet labnat
            table inet labnat {{
                chain post {{
                    type nat hook postrouting priority srcnat; policy accept;
                    oifname != "wan" accept
                    {port}
                    masquerade {"" if port else kind}
                }}
                chain in {{
                    type filter hook input priority filter; policy accept;
                    iifname "wan" meta l4proto {{ tcp, udp }} ct state new drop
                }}
                chain thru {{
                    type filter hook forward priority filter; policy accept;
                    iifname "wan" ct state new drop
                }}
            }}
            """)
        self.lab.run(gateway, "conntrack", "-F", check=False)

    # --- clocks -------------------------------------------------------------------------------------

    def clock_environment(self, host):
        """A clock that can be set, and sanitizers that bear with it and keep little of what is freed."""
        clock = self.lab.path(host, "clock")
        if not clock.exists():
            self.clock_set(host, 0)
        options = [os.environ.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0", "quarantine_size_mb=4"]
        return {"LD_PRELOAD": str(self.build / "tests/faults/libclock.so"), "NEXODUS_TEST_CLOCK": str(clock),
                "ASAN_OPTIONS": ":".join(filter(None, options))}

    def clock_set(self, host, seconds):
        with open(self.lab.path(host, "clock"), "r+b" if self.lab.path(host, "clock").exists() else "wb") as clock:
            clock.write(struct.pack("=q", seconds * 10**9))
        if seconds and abs(self.clock_offset(host) - seconds) > 5:
            raise LabError(f"the clock of {host} cannot be set: the library in front of the C library's does nothing")

    def clock_offset(self, host):
        """By how much a program there sees another time than the machine's."""
        variables = self.clock_environment(host)
        return int(subprocess.run(["date", "+%s"], env={**os.environ, **variables}, text=True, check=True,
                                  stdout=subprocess.PIPE).stdout) - int(time.time())

    # --- programs -----------------------------------------------------------------------------------

    def start(self):
        """The server, and everybody enrolled, the relays first, as an administrator would."""
        self.server = Program(
            self, "server", "nexodus-server", f"--listen={SERVER4}:8080,[{SERVER6}]:8080",
            f"--state-directory={self.lab.path('server', 'state')}", f"--plugin-directory={self.build / 'plugins'}",
            "--set", f"stun.advertise={SERVER4}, {SERVER6}")
        self.server.start()
        if not wait_until(self.server_ready, 60):
            raise LabError("the server did not become ready")
        self.sign_in()
        self.key = json.loads(self.nexctl("reg-key", "create", "--output", "json"))["key"]
        for host in HOSTS:
            self.agent_add(host)
            self.agents[host].start()
            if host in RELAYS and not wait_until(lambda host=host: self.says(host, "status"), 60):
                raise LabError(f"nexd on {host} did not come up")

    def agent_add(self, host):
        address = SERVER4 if host != "v6only" else f"[{SERVER6}]"
        self.agents[host] = Program(
            self, host, "nexd", f"--service-url=http://{address}:8080", f"--hostname={host}",
            f"--state-directory={self.lab.path(host, 'state')}", f"--plugin-directory={self.build / 'plugins'}",
            f"--control-socket={self.lab.path(host, 'nexd.sock')}", "--listen-port=51820",
            f"--set=relay.keepalive={KEEPALIVE}", f"--stun-interval={STUN_INTERVAL}", *OPTIONS.get(host, []),
            environment={"NEXD_REGISTRATION_KEY": self.key})

    def agent_forget(self, host):
        self.agents.pop(host, None)
        shutil.rmtree(self.lab.path(host, "state"), ignore_errors=True)

    def programs(self):
        return [self.server, *self.agents.values()]

    # --- the service --------------------------------------------------------------------------------

    def server_ready(self):
        return self.lab.run("server", "curl", "-s", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}",
                            f"http://{SERVER4}:8080/ready", check=False) == "200"

    def sign_in(self):
        password = self.lab.path("server", "state", "admin-password").read_text().strip()
        answer = self.lab.run("server", "curl", "-s", "-m", "30", f"http://{SERVER4}:8080/oauth/token",
                              "-d", "grant_type=password", "-d", "username=admin",
                              "--data-urlencode", "password@-", text=password)
        self.token = json.loads(answer)["access_token"]

    def nexctl(self, *arguments, seconds=30):
        return self.lab.run("server", "env", f"NEXCTL_SERVICE_URL=http://{SERVER4}:8080",
                            f"NEXCTL_TOKEN={self.token}", "timeout", str(seconds),
                            str(self.build / "cli/nexctl"), *arguments)

    def devices(self, seconds=30):
        return json.loads(self.nexctl("device", "list", "--output", "json", seconds=seconds))

    def device_delete(self, host, seconds=30):
        for device in self.devices(seconds):
            if device["hostname"] == host:
                self.nexctl("device", "delete", device["id"], seconds=seconds)

    # --- an agent's word ----------------------------------------------------------------------------

    def says(self, host, verb):
        """What nexd there answers; None when it does not."""
        done = subprocess.run(["timeout", "20", self.build / "cli/nexctl", "nexd", verb, "--socket",
                               self.lab.path(host, "nexd.sock"), "--output", "json"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else None
