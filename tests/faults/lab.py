# SPDX-License-Identifier: Apache-2.0
"""Hosts that are network namespaces, as ../lib/netlab.sh makes them, for Python.

Names are the same (namespace LAB-HOST, folder netlab-LAB in TMPDIR with a file "owner"), so that the two
exclude each other, and each sweeps up what a killed run of the other left behind.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

# What runs before a command in a host: a /run of its own, seen by that command and its children alone.
ENTER = 'mount --bind "$0" /run && exec "$@"'


class LabError(Exception):
    pass


def process_start(pid):
    """Clock ticks since boot; tells a process from a later one of the same id. None when it has ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def wait_until(condition, seconds, pause=0.1):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


class Lab:
    """Use it as a context: what it made goes when the context ends, however it does."""

    def __init__(self, name):
        self.name = name
        self.folder = pathlib.Path(tempfile.gettempdir()) / f"netlab-{name}"

    def __enter__(self):
        owner = self.folder / "owner"
        if owner.exists() and owner.stat().st_uid == os.getuid():
            pid, _, start = owner.read_text().strip().partition(" ")
            if start and process_start(pid) == start:
                raise LabError(f"lab {self.name} is in use by process {pid}: stop it first")
        self.sweep()
        self.folder.mkdir(mode=0o711)
        owner.write_text(f"{os.getpid()} {process_start(os.getpid())}\n")
        return self

    def __exit__(self, *_):
        self.sweep()

    # --- hosts and cables -------------------------------------------------------------------------

    def host(self, name):
        """An empty host with lo up."""
        (self.folder / name / "run").mkdir(parents=True)
        subprocess.run(["ip", "netns", "add", self.namespace(name)], check=True)
        self.ip(name, "link set lo up")
        self.run(name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")

    def switch(self, name):
        """An underlay segment."""
        self.host(name)
        self.ip(name, "link add br0 type bridge forward_delay 0", "link set br0 up")
        self.run(name, "sysctl", "-eqw", "net.bridge.bridge-nf-call-iptables=0",
                 "net.bridge.bridge-nf-call-ip6tables=0")

    def cable(self, switch, host, interface):
        """At the switch's end it is named HOST.INTERFACE."""
        port = f"{host}.{interface}"
        self.ip(host, f"link add {interface} type veth peer name {port} netns {self.namespace(switch)}")
        self.ip(switch, f"link set {port} master br0 up")

    # --- commands in hosts ------------------------------------------------------------------------

    def namespace(self, host):
        return f"{self.name}-{host}"

    def path(self, host, *parts):
        return self.folder.joinpath(host, *parts)

    def ip(self, host, *lines, check=True):
        """Lines for ip, all at once; with check=False each is tried whatever becomes of the others."""
        done = subprocess.run(["ip", *([] if check else ["-force"]), "-n", self.namespace(host), "-batch", "-"],
                              input="\n".join(lines) + "\n", text=True, capture_output=True)
        if check and done.returncode:
            raise LabError(f"ip on {host}: {'; '.join(lines)}: {done.stderr.strip()}")

    def run(self, host, *command, check=True, text=None):
        """Standard output of a command that ends soon."""
        done = subprocess.run(["ip", "netns", "exec", self.namespace(host), *command],
                              input=text, stdin=None if text else subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE if check else subprocess.DEVNULL)
        if check and done.returncode:
            raise LabError(f"{' '.join(command)} on {host}: {done.stderr.strip()}")
        return done.stdout

    def spawn(self, host, log, *command, environment=None):
        """Start a program; what it prints is appended to the file log."""
        with open(log, "ab") as output:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.namespace(host), "sh", "-c", ENTER, str(self.path(host, "run")),
                 *map(str, command)], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **(environment or {})})

    # --- processes --------------------------------------------------------------------------------

    def processes(self, host):
        """Name of each process of the host, by id."""
        found = {}
        for pid in subprocess.run(["ip", "netns", "pids", self.namespace(host)],
                                  text=True, capture_output=True).stdout.split():
            try:
                if process_start(pid):
                    found[int(pid)] = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                pass
        return found

    def namespaces(self):
        lines = subprocess.run(["ip", "netns", "list"], text=True, capture_output=True).stdout.splitlines()
        return [line.split()[0] for line in lines if line.startswith(self.name + "-")]

    def signal_all(self, number):
        """Send it to whatever still runs in a host; False when nothing does."""
        pids = [pid for namespace in self.namespaces()
                for pid in self.processes(namespace.removeprefix(self.name + "-"))]
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        return bool(pids)

    def sweep(self):
        """Ask processes to end, then make them; then names and files."""
        if self.signal_all(signal.SIGTERM):
            self.signal_all(signal.SIGCONT)
            if not wait_until(lambda: not self.signal_all(0), 5):
                self.signal_all(signal.SIGKILL)
                wait_until(lambda: not self.signal_all(0), 2)
        for namespace in self.namespaces():
            subprocess.run(["ip", "netns", "del", namespace], check=False)
        if self.folder.is_dir() and not self.folder.is_symlink() and self.folder.stat().st_uid == os.getuid():
            shutil.rmtree(self.folder)
