# SPDX-License-Identifier: Apache-2.0
"""How each kind of schedule.KINDS is done to the mesh, and undone.

A function BEGIN(mesh, fault); where something is to be healed it returns the function that does.
"""
import os
import signal
import sqlite3
import subprocess

import lab
from mesh import GATEWAYS, NUMBERS

ACTIONS = {}


def action(*kinds):
    def note(function):
        for kind in kinds:
            ACTIONS[kind] = function
        return function
    return note


# --- the underlay ---------------------------------------------------------------------------------------

@action("link.flap", "link.down")
def link_down(mesh, fault):
    mesh.lab.ip(fault.target, "link set eth0 down")
    return lambda: mesh.plumb(fault.target)


@action("cable.out", "relay.cut")
def cable_out(mesh, fault):
    """The host keeps its addresses and sees that it has no carrier."""
    switch = f"l-{fault.target}" if fault.target in GATEWAYS else "net"
    mesh.lab.ip(switch, f"link set {fault.target}.eth0 down")
    return lambda: mesh.lab.ip(switch, f"link set {fault.target}.eth0 up")


@action("switch.down")
def switch_down(mesh, fault):
    mesh.lab.ip(fault.target, "link set br0 down")
    return lambda: mesh.lab.ip(fault.target, "link set br0 up")


def firewall(mesh, host, name, *rules):
    """A table of its own, before conntrack sees anything; what heals it minds not if it is gone already."""
    mesh.lab.run(host, "nft", "-f", "-", text=f"""table inet {name} {{
        chain in {{
            type filter hook prerouting priority raw - 10; policy accept;
            {"; ".join(rules)}
        }}
    }}
    """)
    return lambda: mesh.lab.run(host, "nft", "delete", "table", "inet", name, check=False)


@action("loss")
def loss(mesh, fault):
    return firewall(mesh, fault.target, "faultloss",
                    f'iifname "eth0" numgen random mod 100 < {fault.value} drop')


@action("udp.cut")
def udp_cut(mesh, fault):
    """Two hosts lose each other's UDP; everything else goes through."""
    heal = []
    for here, there in (fault.target, fault.target[::-1]):
        number = NUMBERS[there]
        heal.append(firewall(mesh, here, f"faultcut{number}",
                             f"meta l4proto udp ip saddr {{ 203.0.113.{number}, 203.0.113.{number + 100} }} drop",
                             f"meta l4proto udp ip6 saddr {{ 2001:db8:99::{number}, 2001:db8:99::{number + 100} }} drop"))
    return lambda: [undo() for undo in heal]


def readdress(mesh, host, interface, number):
    """Another address in each family that the interface has one of."""
    old = mesh.addresses[host, interface]
    new = [f"2001:db8:99::{number}/64" if ":" in address else f"203.0.113.{number}/24" for address in old]
    mesh.addresses[host, interface] = new
    mesh.lab.ip(host, *(f"address del {address} dev {interface}" for address in old), check=False)
    mesh.plumb(host)


@action("address.change")
def address_change(mesh, fault):
    number = NUMBERS[fault.target]
    readdress(mesh, fault.target, "eth0", number + 100)
    return lambda: readdress(mesh, fault.target, "eth0", number)


@action("ipv6.off")
def ipv6_off(mesh, fault):
    def switch(off):
        mesh.lab.run(fault.target, "sysctl", "-qw", f"net.ipv6.conf.all.disable_ipv6={off}")

    def on():
        switch(0)
        mesh.plumb(fault.target)
    switch(1)
    return on


# --- NATs -----------------------------------------------------------------------------------------------

@action("nat.port")
def nat_port(mesh, fault):
    """Reboots: everything is mapped anew, the tunnel to another port."""
    mesh.nat(fault.target, fault.value)


@action("nat.address")
def nat_address(mesh, fault):
    gateway, number, _ = GATEWAYS[fault.target]

    def change(to):
        readdress(mesh, gateway, "wan", to)
        mesh.lab.run(gateway, "conntrack", "-F", check=False)
    change(number + 100)
    return lambda: change(number)


@action("nat.symmetric")
def nat_symmetric(mesh, fault):
    mesh.nat(fault.target, "fully-random")
    return lambda: mesh.nat(fault.target, "")


# --- programs -------------------------------------------------------------------------------------------

def program(mesh, target):
    return mesh.server if target == "server" else mesh.agents[target]


@action("server.kill", "agent.kill", "relay.kill")
def kill(mesh, fault):
    victim = program(mesh, fault.target)
    victim.kill()
    return victim.start


@action("server.term", "agent.term")
def term(mesh, fault):
    victim = program(mesh, fault.target)
    victim.term()

    def again():
        victim.ended()
        victim.start()
    return again


@action("server.freeze", "agent.freeze")
def freeze(mesh, fault):
    victim = program(mesh, fault.target)
    victim.signal(signal.SIGSTOP)
    return lambda: victim.signal(signal.SIGCONT)


@action("database.lock")
def database_lock(mesh, fault):
    connection = sqlite3.connect(mesh.lab.path("server", "state", "nexodus.db"), timeout=5, isolation_level=None,
                                 check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection.close


@action("clock.jump")
def clock_jump(mesh, fault):
    mesh.clock_set(fault.target, fault.value)
    return lambda: mesh.clock_set(fault.target, 0)


# --- somebody else on the host --------------------------------------------------------------------------

@action("firewall.flush")
def firewall_flush(mesh, fault):
    mesh.lab.run(fault.target, "nft", "flush", "ruleset")


@action("routes.flush")
def routes_flush(mesh, fault):
    mesh.lab.ip(fault.target, "route flush dev wg0", "-6 route flush dev wg0", check=False)


@action("tunnel.delete")
def tunnel_delete(mesh, fault):
    mesh.lab.ip(fault.target, "link del wg0", check=False)


@action("tunnel.kill")
def tunnel_kill(mesh, fault):
    """The program that carries the tunnel; where the kernel does, there is none."""
    for pid, name in mesh.lab.processes(fault.target).items():
        if name == "wireguard-go":
            os.kill(pid, signal.SIGKILL)


@action("device.churn")
def device_churn(mesh, fault):
    """A host that joins, and is deleted. What the service could not be told is made up for in the quiet."""
    mesh.agent_add(fault.target)
    mesh.agents[fault.target].start()

    def leave():
        mesh.agents[fault.target].term()
        mesh.agents[fault.target].ended()
        mesh.agent_forget(fault.target)
        try:
            mesh.device_delete(fault.target, seconds=3)
        except (lab.LabError, ValueError, subprocess.SubprocessError):
            pass
    return leave
