# SPDX-License-Identifier: Apache-2.0
"""Signing in: where the password comes from, what a terminal shows, and certificates."""

import fcntl
import os
import pathlib
import pty
import resource
import signal
import subprocess
import tempfile
import termios
import unittest

from nexctl import PATIENCE, PROGRAM, Answer, Case, environment, nexctl, shell
from server import Server, wait_for

PASSWORD = "canary pass&word=%41 ä"


class Terminal:
    """nexctl on a terminal of its own, which keeps what it shows."""

    def __init__(self, *arguments, **how):
        self.master, self.slave = pty.openpty()
        self.shown = b""
        self.process = subprocess.Popen([PROGRAM, *arguments], env=environment(**how), stdin=self.slave,
                                        stdout=subprocess.PIPE, stderr=self.slave, start_new_session=True,
                                        preexec_fn=self.control)
        os.set_blocking(self.master, False)

    def control(self):
        """In the child: the terminal is the one that sends it signals; SIGQUIT shall leave no core."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def read(self):
        try:
            self.shown += os.read(self.master, 65536)
        except OSError:
            pass
        return self.shown

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def type_after(self, prompt, text):
        wait_for(lambda: prompt in self.read() and not self.echoes(), 10, f"{prompt} in {self.shown}")
        os.write(self.master, text)

    def end(self):
        out, _ = self.process.communicate(timeout=20 * PATIENCE)
        self.read()
        return Answer(self.process.returncode, out, self.shown)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        os.close(self.master)
        os.close(self.slave)


class SignIn(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.url = f"http://127.0.0.1:{cls.server.port}"
        cls.admin = cls.server.admin_token()
        answer = cls.server.post("/api/users", {"username": "ann", "password": PASSWORD}, token=cls.admin)
        assert answer.status == 201, answer

    def me(self, *options, **how):
        return nexctl("user", "show", "me", "--output=json", *options, url=self.url, **how)

    def is_ann(self, answer):
        self.assertEqual(self.must(answer).json["username"], "ann")
        self.assertNotIn("canary", answer.out + answer.err)

    def test_from_a_file(self):
        for text in (PASSWORD, PASSWORD + "\n", PASSWORD + "\r\nmore\n"):
            self.is_ann(self.me("--username=ann", "--password-file", self.file(text)))
        for name, says in {"/nonexistent/x": "/nonexistent/x", "/": "/", self.file("x" * 2000): "file"}.items():
            self.refused(self.me("--username=ann", "--password-file", name), 1, says)

    def test_from_the_environment(self):
        self.is_ann(self.me(variables={"NEXCTL_USERNAME": "ann", "NEXCTL_PASSWORD_FILE": self.file(PASSWORD)}))
        self.is_ann(self.me(variables={"NEXCTL_USERNAME": "ann", "NEXCTL_PASSWORD": PASSWORD}))
        self.is_ann(self.me("--password-file", self.file(PASSWORD),
                            variables={"NEXCTL_USERNAME": "ann", "NEXCTL_PASSWORD": "another one"}))

    def test_from_standard_input(self):
        for options in ((), ("--password-file=-",)):
            self.is_ann(self.me("--username=ann", *options, stdin=PASSWORD.encode() + b"\nmore\n"))
            self.is_ann(self.me("--username=ann", *options, stdin=PASSWORD.encode()))
        for nothing in (b"", b"x" * 5000):
            self.refused(self.me("--username=ann", stdin=nothing), 1, "no password was given, or one that is too long\n")
        self.refused(shell('"$0" user show me --username=ann <&-', url=self.url), 1, "no password was given")

    def test_which_one_counts(self):
        self.is_ann(self.me("--username=ann", "--password-file", self.file(PASSWORD), token=self.admin))
        self.assertEqual(self.me("--username=ann", "--token", self.admin).json["username"], "admin")
        self.assertEqual(self.me(token=self.admin, variables={"NEXCTL_USERNAME": "ann"}).json["username"], "admin")

    def test_refusals(self):
        wrong = self.file("canary wrong one")
        for user in ("ann", "nobody", ""):
            answer = self.refused(self.me("--username", user, "--password-file", wrong), 1, "the server answered 4")
            self.assertNotIn("canary", answer.err)
        for token in ("", "nxu_short", "x\u00e9"):
            answer = self.refused(self.me("--token", token), 1, "the server answered 401: ")
            self.assertIn("Sign in with --username and --password-file, or give a valid token in NEXCTL_TOKEN.", answer.err)
        self.refused(self.me(), 1, "the server answered 401: ")

    def test_on_a_terminal(self):
        with Terminal("user", "show", "me", "--output=json", "--username=ann", url=self.url) as terminal:
            terminal.type_after(b"Password: ", PASSWORD.encode() + b"\n")
            answer = terminal.end()
            self.assertEqual((answer.code, answer.json["username"]), (0, "ann"), answer)
            self.assertEqual(answer.err, "Password: \r\n", "nothing that was typed is shown")
            self.assertTrue(terminal.echoes())

    def test_nothing_typed(self):
        with Terminal("device", "list", "--username=ann", url=self.url) as terminal:
            terminal.type_after(b"Password: ", b"\x04")
            answer = self.refused(terminal.end(), 1, "no password was given")
            self.assertTrue(terminal.echoes(), answer)

    def test_broken_off(self):
        for key, number in ((b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT), (None, signal.SIGTERM), (None, signal.SIGHUP)):
            with self.subTest(number), Terminal("device", "list", "--username=ann", url=self.url) as terminal:
                terminal.type_after(b"Password: ", b"half" + (key or b""))
                if not key:
                    terminal.process.send_signal(number)
                self.assertEqual(terminal.end().code, -number)
                self.assertTrue(terminal.echoes(), "the terminal shows again what is typed")

    def test_a_new_password(self):
        users = self.server.get("/api/users", token=self.admin).json
        count = len(users)
        create = ("user", "create", "--name=carl", "--new-password-file=-")
        for second, code in ((b"another one", 1), (b"carl's password", 0)):
            with Terminal(*create, url=self.url, token=self.admin) as terminal:
                terminal.type_after(b"New password: ", b"carl's password\n")
                terminal.type_after(b"Once more: ", second + b"\n")
                answer = terminal.end()
                self.assertEqual(answer.code, code, answer)
                self.assertEqual("two different passwords" in answer.err, code == 1)
                self.assertNotIn("carl's", answer.err)
        self.server.token("carl", "carl's password")
        self.assertEqual(len(self.server.get("/api/users", token=self.admin).json), count + 1)

    def test_nothing_is_written(self):
        folder = self.folder()
        answer = subprocess.run([PROGRAM, "device", "list"], cwd=folder, capture_output=True, check=False,
                                env=environment(url=self.url, token=self.admin, HOME=str(folder), TMPDIR=str(folder)))
        self.assertEqual(answer.returncode, 0, answer)
        self.assertEqual(list(folder.iterdir()), [])


class Certificates(Case):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="nexodus-cli-")
        cls.addClassCleanup(temporary.cleanup)
        folder = pathlib.Path(temporary.name)
        for name in ("one", "two"):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / f"{name}.key",
                 "-out", folder / f"{name}.pem"], check=True, capture_output=True)
            (folder / f"{name}.key").chmod(0o600)
        cls.one, cls.two = str(folder / "one.pem"), str(folder / "two.pem")
        cls.server = Server(tls=cls.one, tls_certificate=cls.one, tls_key=folder / "one.key").__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.token = cls.server.admin_token()

    def ask(self, *options, host="localhost", scheme="https", **how):
        return nexctl("user", "list", *options, url=f"{scheme}://{host}:{self.server.port}", token=self.token, **how)

    def test_the_right_one(self):
        self.must(self.ask("--ca-file", self.one))
        self.must(self.ask(variables={"NEXCTL_CA_FILE": self.one}))

    def test_the_wrong_ones(self):
        self.refused(self.ask(), 1, "certificate")
        self.refused(self.ask("--ca-file", self.two), 1, "certificate")
        self.refused(self.ask("--ca-file", self.one, host="127.0.0.1"), 1, "certificate", "127.0.0.1")
        self.refused(self.ask("--ca-file", "/nonexistent"), 1, "/nonexistent")

    def test_no_tls(self):
        self.refused(self.ask(scheme="http"), 1, "cannot ask http://localhost")


if __name__ == "__main__":
    unittest.main(verbosity=2)
