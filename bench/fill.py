#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rows of devices with an address of each family, as if they had registered, without the hours that takes.

    fill.py ORGANIZATION OWNER COUNT sqlite FILE       into the database
    fill.py ORGANIZATION OWNER COUNT csv FOLDER        devices.csv and leases.csv, for COPY

ORGANIZATION must have the prefixes 100.64.0.0/10 and 200::/64, and no device yet. The server must not run.
"""
import base64
import csv
import ipaddress
import pathlib
import sqlite3
import sys
import time
import uuid

V4, V6 = ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("200::/64")
DEVICES = ("id", "organization_id", "user_id", "public_key", "driver", "hostname", "revision", "created_at",
           "organization_prefix", "tunnel_ip", "organization_prefix_v6", "tunnel_ip_v6")
LEASES = ("organization_id", "address", "family", "device_id")


def devices(organization, owner, count):
    now = int(time.time())
    for number in range(1, count + 1):
        key = base64.b64encode(number.to_bytes(32, "big")).decode()
        yield (str(uuid.UUID(int=number)), organization, owner, key, "wireguard", f"host{number}", number, now,
               str(V4), str(V4[number]), str(V6), str(V6[number]))


def leases(organization, count):
    for number in range(1, count + 1):
        device = str(uuid.UUID(int=number))
        yield organization, str(V4[number]), "inet", device
        yield organization, str(V6[number]), "inet6", device


def fill_sqlite(organization, path, tables):
    with sqlite3.connect(path) as database:
        for name, columns, rows in tables:
            marks = ", ".join("?" for _ in columns)
            database.executemany(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})", rows)
        # Each device is a change of its organization.
        database.execute("UPDATE organizations SET revision = (SELECT MAX(revision) FROM devices"
                         " WHERE organization_id = organizations.id) WHERE id = ?", (organization,))


def write_csv(_, folder, tables):
    for name, _, rows in tables:
        with open(pathlib.Path(folder) / f"{name}.csv", "w", newline="") as file:
            csv.writer(file).writerows(rows)


def main():
    organization, owner, count, kind, place = sys.argv[1:]
    tables = (("devices", DEVICES, devices(organization, owner, int(count))),
              ("leases", LEASES, leases(organization, int(count))))
    {"sqlite": fill_sqlite, "csv": write_csv}[kind](organization, place, tables)


if __name__ == "__main__":
    main()
