# SPDX-License-Identifier: Apache-2.0
"""What goes wrong when: a function of the seed, the duration and nothing else.

A fault begins, lasts, and is healed. It occupies a resource for that long (a host's link, its agent, the
server), so that no two faults undo each other; faults on different resources overlap freely.
"""
import collections
import random

RELAYS = ("r1", "r2")
HOSTS = RELAYS + ("alpha", "beta", "router", "spoke", "home", "sym", "v4only", "v6only")
DUAL = RELAYS + ("alpha", "beta", "router", "spoke")        # both families outside, at public addresses
PUBLIC = DUAL + ("v4only", "v6only")
NATS = ("home", "sym")                                      # hosts that are behind one
PAIRS = tuple((a, b) for i, a in enumerate(PUBLIC) for b in PUBLIC[i + 1:])
# Its agent is never ended, so that what it leaks in all that time is seen.
WITNESS = "beta"
KILLABLE = tuple(host for host in HOSTS if host != WITNESS)

# kind: name. weight: how often, compared with others. targets. resource: what it occupies, None for faults
# that are over at once and disturb no other. seconds: lowest and highest duration. value: limits of a number.
Kind = collections.namedtuple("Kind", "name weight targets resource seconds value", defaults=[(0, 0)])
KINDS = (
    Kind("link.flap", 4, HOSTS, "link", (0.2, 2)),
    Kind("link.down", 3, HOSTS, "link", (5, 30)),
    Kind("cable.out", 2, HOSTS, "link", (3, 30)),
    Kind("relay.cut", 2, RELAYS, "link", (10, 40)),
    Kind("switch.down", 1, ("net",), "switch", (1, 10)),
    Kind("loss", 3, HOSTS, "loss", (5, 30), (5, 50)),
    Kind("udp.cut", 2, PAIRS, "cut", (10, 60)),
    Kind("address.change", 2, ("alpha", "beta", "v4only", "v6only", "spoke"), "link", (5, 40)),
    Kind("ipv6.off", 2, DUAL, "ipv6", (3, 30)),
    Kind("nat.port", 3, ("home",), "nat", (0, 0), (20000, 60000)),
    Kind("nat.address", 2, NATS, "nat", (5, 40)),
    Kind("nat.symmetric", 1, ("home",), "nat", (20, 60)),
    Kind("server.kill", 3, ("server",), "server", (0, 20)),
    Kind("server.term", 2, ("server",), "server", (0, 20)),
    Kind("server.freeze", 1, ("server",), "server", (3, 20)),
    Kind("database.lock", 1, ("server",), "server", (2, 10)),
    Kind("agent.kill", 4, KILLABLE, "agent", (0, 20)),
    Kind("relay.kill", 2, RELAYS, "agent", (0, 30)),
    Kind("agent.term", 2, KILLABLE, "agent", (0, 20)),
    Kind("agent.freeze", 2, HOSTS, "agent", (3, 40)),
    Kind("clock.jump", 3, HOSTS + ("server",), "clock", (5, 60), (-172800, 172800)),
    Kind("firewall.flush", 2, HOSTS, None, (0, 0)),
    Kind("routes.flush", 1, HOSTS, None, (0, 0)),
    Kind("tunnel.delete", 2, HOSTS, None, (0, 0)),
    Kind("tunnel.kill", 2, HOSTS, None, (0, 0)),
    Kind("device.churn", 2, ("guest",), "guest", (8, 40)),
)

Fault = collections.namedtuple("Fault", "begin end kind target value")
GAP = 3.0       # seconds from one fault to the next, on average


class Dice:
    """Only random() is promised to be the same in every Python for the same seed, so all is made of it."""

    def __init__(self, *seed):
        self.random = random.Random("/".join(map(str, seed))).random

    def between(self, limits):
        return limits[0] + (limits[1] - limits[0]) * self.random()

    def pick(self, items):
        return items[int(self.random() * len(items))]

    def kind(self):
        at = self.random() * sum(kind.weight for kind in KINDS)
        for kind in KINDS:
            at -= kind.weight
            if at < 0:
                return kind
        return KINDS[-1]


def round_plan(seed, number, seconds):
    """The faults of one round, in the order of their beginnings; all are healed when the round is over."""
    dice, faults, busy, now = Dice(seed, number), [], {}, 0.0
    while True:
        now += dice.between((0.2, 2 * GAP))
        if now > seconds - 1:
            return faults
        kind = dice.kind()
        target = dice.pick(kind.targets)
        end = round(min(now + dice.between(kind.seconds), seconds), 1)
        value = int(dice.between(kind.value))
        resource = (kind.resource, target)
        if kind.resource and busy.get(resource, -1) >= now:
            continue
        busy[resource] = end
        faults.append(Fault(round(now, 1), max(end, round(now, 1)), kind.name, target, value))


def describe(fault):
    target = " and ".join(fault.target) if isinstance(fault.target, tuple) else fault.target
    value = f" {fault.value:+}" if fault.kind == "clock.jump" else f" {fault.value}" if fault.value else ""
    lasts = f" for {fault.end - fault.begin:.1f} s" if fault.end > fault.begin else ""
    return f"{fault.kind} {target}{value}{lasts}"
