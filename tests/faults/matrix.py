# SPDX-License-Identifier: Apache-2.0
"""Who reaches whom, in which family, by which path: as in ../lib/matrix.sh, with two relays and NATs.

A cell is a real ping from one host's tunnel to another's address. Its path is what nexd on the first host
says of the other, and to whom its allowed prefixes lead; the hop count of the answer must agree.
"""
import collections
import concurrent.futures
import ipaddress
import time

from mesh import BEHIND
from schedule import HOSTS, RELAYS

SPOKES = ("spoke", "sym")
UNDERLAY = {"home": {4}, "sym": {4}, "v4only": {4}, "v6only": {6}}      # both, for all others
V4_ONLY = ("v4only",)                                                   # no IPv6 in the mesh either
COLUMNS = HOSTS + ("behind",)

Cell = collections.namedtuple("Cell", "source destination family path answer wrong")


def gateway(destination):
    return "router" if destination == "behind" else destination


def expected(source, destination, family):
    """The path, None where there is none to look for. Of the relays a spoke uses one, and others by that."""
    other = gateway(destination)
    if source == destination or (family == 6 and (source in V4_ONLY or other in V4_ONLY)):
        return None
    if source == other:
        return "local"
    if {source, other} & set(RELAYS):
        return "either" if {source, other} & set(SPOKES) else "direct"
    if source in SPOKES or other in SPOKES or not UNDERLAY.get(source, {4, 6}) & UNDERLAY.get(other, {4, 6}):
        return "relay"
    return "direct"


def hops(source, destination, path):
    """How many routers an answer may have passed."""
    relays = {"relay": (1, 2) if source in SPOKES and destination in SPOKES else (1,)}.get(path, (0,))
    return [count + (destination == "behind" and path != "local") for count in relays]


class Matrix:
    def __init__(self, mesh):
        self.mesh = mesh
        self.addresses = {("behind", family): BEHIND[family][0] for family in (4, 6)}

    def records(self):
        """Addresses as the service has recorded them."""
        for device in self.mesh.devices():
            self.addresses[device["hostname"], 4] = device.get("tunnel_ip")
            self.addresses[device["hostname"], 6] = device.get("tunnel_ip_v6")

    def pings(self, source):
        """address -> hop limit of its answer, for all that answer."""
        addresses = [address for (host, family), address in self.addresses.items()
                     if address and host in COLUMNS and expected(source, host, family)]
        script = 'for a; do { x=$(ping -nc1 -W2 "$a" 2>/dev/null) || exit; x=${x#*ttl=}; echo "$a ${x%% *}"; } & done; wait'
        lines = self.mesh.lab.run(source, "sh", "-c", script, "sh", *addresses, check=False).splitlines()
        return {line.split()[0]: int(line.split()[1]) for line in lines if len(line.split()) == 2}

    def row(self, source):
        peers = self.mesh.says(source, "peers") or []
        answers = self.pings(source)
        return [self.judge(source, destination, family, peers, answers)
                for destination in COLUMNS for family in (4, 6) if expected(source, destination, family)]

    def judge(self, source, destination, family, peers, answers):
        wanted, address = expected(source, destination, family), self.addresses.get((destination, family))
        path, reason = self.path(source, destination, address, peers) if wanted != "local" else ("local", "")
        answer, wrong = answers.get(address), ""
        if not address:
            wrong = "the service has no address of it"
        elif answer is None:
            wrong = f"no answer from {address}, path {path} ({reason})"
        elif path not in (("direct", "relay") if wanted == "either" else (wanted,)):
            wrong = f"{path} ({reason}), but {wanted} expected"
        elif 64 - answer not in hops(source, destination, path):
            wrong = f"{path}, but over {64 - answer} routers"
        return Cell(source, destination, family, path, answer, wrong)

    @staticmethod
    def path(source, destination, address, peers):
        """What nexd says, and why; it must lead to where it says."""
        through, bits = "nobody", -1
        for peer in peers:
            for prefix in map(ipaddress.ip_network, peer["allowed_ips"]):
                if address and ipaddress.ip_address(address) in prefix and prefix.prefixlen > bits:
                    through, bits = peer["hostname"], prefix.prefixlen
        for peer in peers:
            if peer["hostname"] != gateway(destination):
                continue
            agrees = through == peer["hostname"] if peer["path"] == "direct" else through in RELAYS
            return (peer["path"] if agrees else f"{peer['path']} through {through}"), peer["reason"]
        return "none", "not a peer"

    def rows(self, sources):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return dict(zip(sources, pool.map(self.row, sources)))

    def settle(self, reach_limit, path_limit):
        """Look until every cell is as specified. Returns the seconds until everybody reached everybody, the
        seconds until all ways were as specified (None for what did not happen within its limit), the cells."""
        begin, reached, sources, seen = time.monotonic(), None, HOSTS, {}
        while True:
            self.records()
            seen.update(self.rows(sources))
            after = time.monotonic() - begin
            cells = [cell for row in seen.values() for cell in row]
            if reached is None and all(cell.answer for cell in cells):
                reached = after
            sources = [host for host in HOSTS if any(cell.wrong for cell in seen[host])]
            if not sources:
                # What was right a while ago is looked at once more: all must be right at one time.
                seen = self.rows(HOSTS)
                cells = [cell for row in seen.values() for cell in row]
                sources = [host for host in HOSTS if any(cell.wrong for cell in seen[host])]
                if not sources:
                    return reached, after, cells
            if after > path_limit or (reached is None and after > reach_limit):
                return reached, None, cells
            time.sleep(0.5)


def show(cells):
    """A line for each host and family: how many it reaches directly and by relay."""
    lines = []
    for source in HOSTS:
        counts = collections.Counter((cell.path, cell.family) for cell in cells if cell.source == source)
        lines.append(f"    {source:7}" + "".join(
            f"  IPv{family}: {counts['direct', family]} direct, {counts['relay', family]} relayed" for family in (4, 6)))
    return "\n".join(lines)
