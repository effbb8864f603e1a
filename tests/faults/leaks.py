# SPDX-License-Identifier: Apache-2.0
"""What a host and its program have, to be compared with what they had before."""
import pathlib
import re

DESCRIPTORS_MORE = 8        # a connection or two, and what a request in flight needs
MEMORY_FACTOR = 1.5         # and this many kB: allocators keep some of what was freed
MEMORY_MORE = 24 * 1024


class Usage:
    """Descriptors, memory in kB, and threads of a process."""

    def __init__(self, pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        self.descriptors = len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))
        self.memory = int(re.search(r"VmRSS:\s+(\d+)", status)[1])
        self.threads = int(re.search(r"Threads:\s+(\d+)", status)[1])

    def __str__(self):
        return f"{self.descriptors} descriptors, {self.memory} kB, {self.threads} threads"

    def exceeds(self, before):
        """In words, what has grown beyond its limit; nothing when all is well."""
        if self.descriptors > before.descriptors + DESCRIPTORS_MORE:
            return f"{self.descriptors} descriptors, {before.descriptors} before"
        if self.memory > before.memory * MEMORY_FACTOR + MEMORY_MORE:
            return f"{self.memory} kB of memory, {before.memory} before"
        if self.threads > before.threads + 2:
            return f"{self.threads} threads, {before.threads} before"
        return ""


# Addresses that the kernel makes itself, anew for each interface; and what it does not print in order.
LINK_LOCAL = re.compile(r"\bfe80::\S*")
SETTINGS = r"^net\.(ipv4\.(ip_forward|conf\.[^ ]*\.(forwarding|rp_filter|src_valid_mark))|" \
           r"ipv6\.conf\.[^ ]*\.(forwarding|accept_ra|disable_ipv6)) "


# A tunnel that was made anew inherits what forwarding has made of the default; it goes with the tunnel.
INHERITED = re.compile(r"^setting: net\.ipv6\.conf\.wg0\.accept_ra ")
# To one host: which of them need a route of their own depends on the relay that a spoke has chosen.
HOST_ROUTE = re.compile(r"^route[46]: (\S+) dev wg0 ")


def host_state(lab, host):
    """All of the host that an agent could leave something in, as a set of lines."""
    parts = {
        "link": lab.run(host, "ip", "-br", "link"),
        "address": lab.run(host, "ip", "-o", "address"),
        "firewall": lab.run(host, "nft", "-s", "list", "ruleset"),
        "setting": lab.run(host, "sh", "-c", f"sysctl -a 2>/dev/null | grep -E '{SETTINGS}'", check=False),
    }
    for family in "46":
        parts[f"route{family}"] = lab.run(host, "ip", f"-{family}", "route", "show", "table", "all", check=False)
        parts[f"rule{family}"] = lab.run(host, "ip", f"-{family}", "rule", check=False)
    lines = {f"{kind}: {' '.join(line.split())}" for kind, text in parts.items() for line in text.splitlines()
             if line.strip() and not LINK_LOCAL.search(line)}
    lines = {line for line in lines if not INHERITED.search(line)}
    # How long an address is valid, the interface's number, and whether a link has a carrier at this instant.
    lines = {re.sub(r"^address: \d+: | (valid|preferred)_lft \S+|\\", "", line) for line in lines}
    lines |= {f"process: {name}" for name in lab.processes(host).values()}
    return lines | files(lab, host)


def files(lab, host):
    """Files in the host's /run and in the agent's folder: what was half written must not stay."""
    return {f"file: {path.relative_to(lab.path(host))}" for path in lab.path(host).rglob("*") if not path.is_dir()}


def sockets(lab, host):
    """Sockets that belong to a program (what is in TIME-WAIT belongs to the kernel)."""
    return [line for line in lab.run(host, "ss", "-Hatuwn").splitlines() if "TIME-WAIT" not in line]


def routes_of_others(lines, addresses):
    """Without the routes to hosts that are members now: any other one was left behind."""
    return {line for line in lines if not (found := HOST_ROUTE.match(line)) or found[1] not in addresses}


def difference(before, after):
    return [f"- {line}" for line in sorted(before - after)] + [f"+ {line}" for line in sorted(after - before)]
