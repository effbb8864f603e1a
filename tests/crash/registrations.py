#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sixty-four clients register two thousand devices at once while the server is killed again and again.

    registrations.py sqlite|postgresql [DEVICES [CLIENTS [KILLS [SEED]]]]

The clients keep a ledger of every answer. At the end, with the server up once more: no address was
given twice, no lease is without its device nor a device without its leases, every registration that was
answered is there with the addresses that were answered, a repeated registration is the same device,
and the database's own check is clean. Needs NEXODUS_BUILD_DIR; postgresql needs the libpq variables
PGHOST, PGUSER and PGDATABASE (tests/lib/pg-temp.sh run sets them).
"""
import base64
import collections
import http.client
import os
import pathlib
import queue
import random
import secrets
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
from server import Server  # noqa: E402


def public_key():
    raw = bytearray(secrets.token_bytes(32))
    raw[31] &= 0x7F
    return base64.b64encode(bytes(raw)).decode()


def device_token():
    return "nxd_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.answered = {}   # public key -> device as it was answered
        self.sent = {}       # public key -> body
        self.retries = 0
        self.problems = []

    def note(self, key, device):
        with self.lock:
            before = self.answered.setdefault(key, device)
            for field in ("id", "tunnel_ip", "tunnel_ip_v6"):
                if before.get(field) != device.get(field):
                    self.problems.append(f"{key}: {field} was {before.get(field)}, now {device.get(field)}")


def attempt(server, key, body):
    """Status and device; status 0 when there was no answer."""
    try:
        answer = server.post("/api/devices", body, token=key)
        return answer.status, answer.json
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None


def client_run(server, key, work, ledger):
    """Register until the queue is empty; what fails is repeated with the same body."""
    while True:
        try:
            body = work.get_nowait()
        except queue.Empty:
            return
        for _ in range(2000):
            status, device = attempt(server, key, body)
            if status in (200, 201):
                ledger.note(body["public_key"], device)
                break
            if status not in (0, 429, 503):
                with ledger.lock:
                    ledger.problems.append(f"answered {status}: {device}")
                break
            with ledger.lock:
                ledger.retries += 1
            time.sleep(random.uniform(0.01, 0.1))
        else:
            with ledger.lock:
                ledger.problems.append("gave up on a registration")


def sql(server, store, text):
    if store == "sqlite":
        command = ["sqlite3", "-separator", "|", str(server.state / "nexodus.db"), text]
    else:
        command = ["psql", "-qAtX", "-F", "|", "-c", text]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.split("|") for line in out.splitlines()]


def judge(server, store, token, organization, ledger, wanted):
    """Everything that must be true, with the server up; answers the list of what is not."""
    wrong = list(ledger.problems)
    devices = server.get(f"/api/organizations/{organization}/devices", token=token).json
    by_key = {d["public_key"]: d for d in devices}
    if len(devices) != wanted:
        wrong.append(f"{len(devices)} devices, not {wanted}")
    for field in ("tunnel_ip", "tunnel_ip_v6"):
        twice = [a for a, n in collections.Counter(d[field] for d in devices).items() if n > 1 or not a]
        if twice:
            wrong.append(f"{field} given twice or empty: {twice[:5]}")
    for key, answered in ledger.answered.items():
        if key not in by_key:
            wrong.append(f"answered and lost: {answered['id']}")
        elif any(by_key[key][f] != answered[f] for f in ("id", "tunnel_ip", "tunnel_ip_v6")):
            wrong.append(f"answered otherwise: {answered} / {by_key[key]}")
    leases = sql(server, store, "SELECT device_id, address FROM leases")
    held = {(d["id"], d[f]) for d in devices for f in ("tunnel_ip", "tunnel_ip_v6")}
    leased = {tuple(row) for row in leases}
    if held != leased or len(leases) != len(leased):
        wrong.append(f"devices without lease: {list(held - leased)[:3]}, leases without device: {list(leased - held)[:3]}")
    sample = random.sample(sorted(ledger.sent), min(50, len(ledger.sent)))
    for key in sample:
        status, device = attempt(server, ledger.key, ledger.sent[key])
        if status not in (200, 201) or device["id"] != by_key[key]["id"]:
            wrong.append(f"a repeated registration answered {status} {device}")
    if store == "sqlite" and sql(server, store, "PRAGMA integrity_check") != [["ok"]]:
        wrong.append("PRAGMA integrity_check is not clean")
    return wrong


def main():
    store = sys.argv[1]
    devices, clients, kills, seed = (int(sys.argv[i]) if len(sys.argv) > i else d
                                     for i, d in ((2, 2000), (3, 64), (4, 8), (5, 1)))
    random.seed(seed)
    options = {"store": store, "max_connections_per_address": 1000}
    if store == "postgresql":
        options["database"] = "host={PGHOST} user={PGUSER} dbname={PGDATABASE}".format(**os.environ)
    server = Server(**options)
    try:
        server.start()
        token = server.admin_token()
        organization = server.get("/api/organizations", token=token).json[0]["id"]
        made = server.post(f"/api/organizations/{organization}/registration-keys", {}, token=token).json
        ledger, work = Ledger(), queue.Queue()
        ledger.key = made["key"]
        for i in range(devices):
            body = {"public_key": public_key(), "token": device_token(), "hostname": f"crash-{i}"}
            ledger.sent[body["public_key"]] = body
            work.put(body)
        threads = [threading.Thread(target=client_run, args=(server, made["key"], work, ledger))
                   for _ in range(clients)]
        for thread in threads:
            thread.start()
        done = 0
        # A kill each time another share of the registrations is answered, and a moment more.
        while any(t.is_alive() for t in threads):
            if done < kills and len(ledger.answered) >= devices * (done + 1) // (kills + 1):
                time.sleep(random.uniform(0, 0.05))
                server.kill()
                started = time.monotonic()
                server.start()
                done += 1
                print(f"kill {done}: {len(ledger.answered)} answered, ready again after "
                      f"{time.monotonic() - started:.2f} s", flush=True)
            time.sleep(0.005)
        for thread in threads:
            thread.join()
        if done < kills:
            ledger.problems.append(f"only {done} of {kills} kills happened")
        wrong = judge(server, store, token, organization, ledger, devices)
        print(f"{store}: {devices} devices, {clients} clients, {done} kills, {ledger.retries} retries, seed {seed}: "
              f"{len(wrong)} problems")
        for line in wrong[:20]:
            print("  " + line)
        server.stop()
        server.check()
        return 1 if wrong else 0
    finally:
        if server.process and server.process.poll() is None:
            server.kill()
        server.clean()


sys.exit(main())
