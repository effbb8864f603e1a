# SPDX-License-Identifier: Apache-2.0
"""Runs nexctl the way a shell does, in an environment that holds nothing of the caller's.

    answer = nexctl("device", "list", url=server_url, token=token)
    answer.code, answer.out, answer.err

A run that a sanitizer complains about fails the test that made it."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TESTS_DIR = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS_DIR / "api"), str(TESTS_DIR / "agent")]

from server import BUILD_DIR, PATIENCE, SOURCE_DIR  # noqa: E402,F401

PROGRAM = str(BUILD_DIR / "cli" / "nexctl")
FORMS = ("column", "no-header", "json", "json-raw")


class Answer:
    def __init__(self, code, out, err):
        self.code, self.raw, self.err = code, out, err.decode(errors="backslashreplace")
        for report in ("Sanitizer", "runtime error:"):
            assert report not in self.err, self.err

    @property
    def out(self):
        return self.raw.decode()

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def json(self):
        return json.loads(self.raw)

    def __repr__(self):
        return f"<exit {self.code}\n{self.raw.decode(errors='backslashreplace')}\n{self.err}>"


def environment(url=None, token=None, **more):
    kept = {name: value for name, value in os.environ.items()
            if name == "PATH" or name.endswith("SAN_OPTIONS")}
    kept["HOME"] = "/nonexistent"
    if url:
        kept["NEXCTL_SERVICE_URL"] = url
    if token:
        kept["NEXCTL_TOKEN"] = token
    return kept | more


def nexctl(*arguments, url=None, token=None, variables=None, stdin=b"", stdout=subprocess.PIPE, seconds=20,
           **more):
    process = subprocess.run([PROGRAM, *arguments], env=environment(url, token, **(variables or {})), input=stdin,
                             stdout=stdout, stderr=subprocess.PIPE, timeout=seconds * PATIENCE, check=False, **more)
    return Answer(process.returncode, process.stdout or b"", process.stderr)


def shell(script, *arguments, **how):
    """The same through sh, where "$0" is nexctl: for redirections."""
    process = subprocess.run(["sh", "-c", script, PROGRAM, *arguments], env=environment(**how),
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=20 * PATIENCE, check=False)
    return Answer(process.returncode, process.stdout, process.stderr)


def commands():
    """Every (noun, verb, operands) of the help tree."""
    found = []
    for line in nexctl("--help").lines:
        words = line.split("  ")[1].split() if line.startswith("  ") and not line.startswith("  -") else []
        if words:
            found.append((words[0], words[1], tuple(words[2:])))
    return found


def words_of(help_text):
    """The options a help text lists."""
    return [line.split()[0] for line in help_text.splitlines() if line.startswith("  --")]


class Case(unittest.TestCase):
    maxDiff = 4000

    def must(self, answer, code=0):
        self.assertEqual(answer.code, code, answer)
        if code == 0:
            self.assertEqual(answer.err, "")
        return answer

    def refused(self, answer, code, *words):
        """It ended with `code` and said these words on standard error, and nothing on standard output."""
        self.assertEqual(answer.code, code, answer)
        self.assertEqual(answer.raw, b"", answer)
        for word in ("nexctl: ", *words):
            self.assertIn(word, answer.err)
        return answer

    def folder(self):
        folder = tempfile.TemporaryDirectory(prefix="nexodus-cli-")
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def file(self, text):
        path = self.folder() / "file"
        path.write_text(text)
        return str(path)
