# SPDX-License-Identifier: Apache-2.0
"""Signing in with a password, and what is done against guessing."""

import pathlib
import threading
import time
import unittest

from server import Server, run

# Tries by one name: so many at once, then one in so many seconds.
BURST = 10
REFILL = 3

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def cpu_ticks(pid):
    """What the process has computed so far, all its threads, in clock ticks."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.password = cls.server.admin_password()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def post(self, form, headers=None, path="/oauth/token"):
        return self.server.post(path, form, headers=FORM if headers is None else headers)

    def test_answer(self):
        answer = self.server.sign_in("admin", self.password)
        self.assertEqual(answer.status, 200)
        self.assertEqual(set(answer.json), {"access_token", "token_type", "expires_in", "scope"})
        self.assertEqual(answer.json["token_type"], "Bearer")
        self.assertEqual(answer.json["expires_in"], 24 * 60 * 60)
        self.assertRegex(answer.json["access_token"], r"^nxu_[A-Za-z0-9_-]{43}$")
        self.assertIn("read:devices", answer.json["scope"].split())
        self.assertEqual(answer.headers["Cache-Control"], "no-store")

    def test_each_its_own(self):
        tokens = {self.server.token("admin", self.password) for _ in range(3)}
        self.assertEqual(len(tokens), 3)

    def test_errors(self):
        for form, status, error in (
                ("", 400, "invalid_request"),
                ("username=admin&password=x", 400, "invalid_request"),
                ("grant_type=password", 400, "invalid_request"),
                ("grant_type=password&username=admin", 400, "invalid_request"),
                ("grant_type=password&username=&password=x", 400, "invalid_request"),
                ("grant_type=client_credentials", 400, "unsupported_grant_type"),
                ("grant_type=password&username=admin&password=wrong", 400, "invalid_grant"),
                ("grant_type=password&username=nobody&password=wrong", 400, "invalid_grant"),
                ("grant_type=password&username=admin&password=" + "x" * 5000, 400, "invalid_grant"),
                ("grant_type=%", 400, "invalid_request"),
                ("grant_type=password&username=%00&password=x", 400, "invalid_request"),
                ("grant_type=password&username=%ff&password=x", 400, "invalid_request"),
                (b"grant_type=password\0&username=admin", 400, "invalid_request")):
            answer = self.post(form)
            self.assertEqual((answer.status, answer.json["error"]), (status, error), form)
            self.assertIn("error_description", answer.json)
        same = {self.post(f"grant_type=password&username={name}&password=wrong").body
                for name in ("admin", "nobody")}
        self.assertEqual(len(same), 1, "whether a user exists is not told")

    def test_form_only(self):
        body = f'{{"grant_type":"password","username":"admin","password":"{self.password}"}}'
        self.assertEqual(self.post(body, {"Content-Type": "application/json"}).status, 415)
        self.assertEqual(self.post(f"grant_type=password&username=admin&password={self.password}",
                                   {"Content-Type": "text/plain"}).status, 415)
        self.assertEqual(self.post("grant_type=x", {"Content-Type": FORM["Content-Type"] + "; charset=utf-8"})
                         .json["error"], "unsupported_grant_type")

    def test_revoking(self):
        token = self.server.token("admin", self.password)
        other = self.server.token("admin", self.password)
        self.assertEqual(self.server.get("/api/devices", token=token).status, 200)
        self.assertEqual(self.post(f"token={token}", path="/oauth/revoke").status, 200)
        self.assertEqual(self.server.get("/api/devices", token=token).status, 401)
        self.assertEqual(self.server.get("/api/devices", token=other).status, 200)
        for again in (f"token={token}", "token=rubbish", "token=nxu_" + "A" * 43):
            self.assertEqual(self.post(again, path="/oauth/revoke").status, 200)
        self.assertEqual(self.post("", path="/oauth/revoke").status, 400)
        self.assertEqual(self.post("token=", {}, path="/oauth/revoke").status, 415)

    def test_revoking_under_use(self):
        """From the answer to the revocation on, nobody gets in: not with what was read before either."""
        for _ in range(10):
            token = self.server.token("admin", self.password)
            revoked = threading.Event()
            late = []

            def ask():
                connection = self.server.connection()
                for _ in range(200):
                    before = revoked.is_set()
                    if self.server.get("/api/devices", token=token, connection=connection).status == 401:
                        break
                    if before:
                        late.append(1)
                connection.close()

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            self.assertEqual(self.post(f"token={token}", path="/oauth/revoke").status, 200)
            revoked.set()
            for thread in threads:
                thread.join()
            self.assertEqual(late, [])

    def test_hashes_are_kept(self):
        token = self.server.token("admin", self.password)
        for file in self.server.state.glob("nexodus.db*"):
            self.assertNotIn(token.encode(), file.read_bytes())
            self.assertEqual(file.stat().st_mode & 0o077, 0)


class Lifetimes(unittest.TestCase):
    def test_expiry(self):
        with Server(token_lifetime="60s") as server:
            answer = server.sign_in("admin", server.admin_password())
            self.assertEqual(answer.json["expires_in"], 60)


class Guessing(unittest.TestCase):
    def test_by_name(self):
        with Server() as server:
            statuses = [server.sign_in("admin", "wrong").status for _ in range(15)]
            self.assertEqual(statuses[:10], [400] * 10)
            self.assertIn(429, statuses)
            answer = server.sign_in("admin", server.admin_password())
            self.assertEqual(answer.status, 429, "guessing on is pointless")
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
            self.assertEqual(server.sign_in("another", "wrong").status, 400)
            time.sleep(int(answer.headers["Retry-After"]) + 0.5)
            self.assertEqual(server.sign_in("admin", server.admin_password()).status, 200)

    def test_by_address(self):
        with Server() as server:
            statuses = [server.sign_in(f"user-{number}", "wrong").status for number in range(60)]
            self.assertEqual(statuses[:30], [400] * 30)
            self.assertIn(429, statuses)

    def test_good_ones_are_not_counted(self):
        with Server() as server:
            for _ in range(40):
                self.assertEqual(server.sign_in("admin", server.admin_password()).status, 200)

    def test_at_once(self):
        """Many at once are no way around, and leave the server answering."""
        with Server() as server:
            statuses = []

            def guess():
                for _ in range(4):
                    statuses.append(server.sign_in("admin", "wrong").status)

            begin = time.monotonic()
            threads = [threading.Thread(target=guess) for _ in range(30)]
            for thread in threads:
                thread.start()
            self.assertEqual(server.get("/live").status, 200)
            self.assertEqual(server.get("/ready").status, 200)
            for thread in threads:
                thread.join()
            # One more every REFILL seconds, however long this machine took.
            refilled = (time.monotonic() - begin) / REFILL
            self.assertLessEqual(statuses.count(400), BURST + 1 + refilled)
            self.assertLessEqual(set(statuses), {400, 429, 503})

    def test_work_tells_nothing(self):
        """A name that nobody has costs the server as much work as a wrong password does."""
        with Server() as server:
            def work(names):
                before = cpu_ticks(server.process.pid)
                for name in names:
                    self.assertEqual(server.sign_in(name, "wrong").status, 400)
                return cpu_ticks(server.process.pid) - before

            known = work(["admin"] * 9)
            unknown = work([f"user-{number}" for number in range(9)])
            self.assertGreater(known, 10, "a password that costs nothing to check is one to guess")
            self.assertGreater(unknown, known / 2)
            self.assertLess(unknown, known * 2)


if __name__ == "__main__":
    run()
