# SPDX-License-Identifier: Apache-2.0
"""What the tests of resources share: users, keys of devices, streams of events."""

import base64
import json
import secrets
import unittest

from server import PATIENCE, Server


def public_key():
    raw = bytearray(secrets.token_bytes(32))
    raw[31] &= 0x7F
    return base64.b64encode(bytes(raw)).decode()


def device_token():
    return "nxd_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


class User:
    """Somebody who is signed in, and asks."""

    def __init__(self, server, username, password=None, administrator=None):
        self.server = server
        self.username = username
        if administrator:
            password = secrets.token_hex(8)
            self.id = administrator.must(201).post("/api/users", {"username": username, "password": password}).json["id"]
        self.password = password
        self.token = server.token(username, password)
        if not administrator:
            self.id = self.get("/api/users/me").json["id"]

    def must(self, status):
        return Must(self, status)

    def request(self, method, path, body=None, **how):
        how.setdefault("token", self.token)
        return self.server.request(method, path, body, **how)

    def get(self, path, **how):
        return self.request("GET", path, **how)

    def post(self, path, body=None, **how):
        return self.request("POST", path, body, **how)

    def patch(self, path, body=None, **how):
        return self.request("PATCH", path, body, **how)

    def delete(self, path, **how):
        return self.request("DELETE", path, **how)

    def own_organization(self):
        return [o for o in self.get("/api/organizations").json if o["owner_id"] == self.id][0]

    def organization(self, name=None, **fields):
        return self.must(201).post("/api/organizations", {"name": name or secrets.token_hex(8), **fields}).json

    def device(self, **fields):
        return self.must(201).post("/api/devices", {"public_key": public_key(), **fields}).json

    def key(self, organization, **fields):
        return self.must(201).post(f"/api/organizations/{organization}/registration-keys", fields).json

    def invite(self, other, organization):
        invitation = self.must(201).post("/api/invitations", {"user_id": other.id, "organization_id": organization}).json
        other.must(204).post(f"/api/invitations/{invitation['id']}/accept")


class Must:
    """The same requests, with the status that they must be answered with."""

    def __init__(self, user, status):
        self.user, self.status = user, status

    def __getattr__(self, method):
        def call(*arguments, **how):
            answer = getattr(self.user, method)(*arguments, **how)
            assert answer.status == self.status, f"{method} {arguments}: {answer}"
            return answer
        return call


class Watch:
    """A stream of events, read line by line."""

    def __init__(self, server, token, organization, revision=0, at_tail=False, kinds=("device",), status=200):
        self.connection = server.connection(seconds=10)
        body = json.dumps([{"kind": k, "gt_revision": revision, "at_tail": at_tail} for k in kinds])
        self.connection.request("POST", f"/api/organizations/{organization}/events", body,
                                {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        self.response = self.connection.getresponse()
        if self.response.status != status:
            raise AssertionError(f"{self.response.status} {self.response.read()}")

    def next(self):
        line = self.response.readline()
        return json.loads(line) if line else None

    def until_tail(self):
        found = []
        while True:
            event = self.next()
            assert event is not None, "the stream has ended before its tail"
            if event["type"] == "tail":
                self.tail = event
                return found
            found.append(event)

    def ended(self, seconds=10):
        """Nothing but the end comes, clean or not."""
        self.connection.sock and self.connection.sock.settimeout(seconds * PATIENCE)
        try:
            return self.response.readline() == b""
        except (OSError, ValueError, Exception) as problem:  # noqa: a chunk cut short has its own exception
            return "timed out" not in str(problem)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class ServerCase(unittest.TestCase):
    """A server for all tests of a class, with an administrator and two users."""

    @classmethod
    def configure(cls):
        """Before `cls.server` starts."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.configure()
        cls.server.start()
        cls.admin = User(cls.server, "admin", cls.server.admin_password())
        cls.alice = User(cls.server, "alice", administrator=cls.admin)
        cls.bob = User(cls.server, "bob", administrator=cls.admin)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        try:
            cls.server.check()
        finally:
            cls.server.clean()
