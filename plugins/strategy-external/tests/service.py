#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A reference of the service that the strategy "external" asks: addresses in order, the same one for
the same key, remembered in a file.

    service.py --state FILE [--listen ADDRESS:PORT] [--token-file FILE] [--certificate FILE --key FILE]

Says `listening on ADDRESS:PORT` when it does. It knows nothing of devices that ask for an address, or
that were there before: it is told of those by being asked once more.
"""

import argparse
import hmac
import http.server
import ipaddress
import json
import os
import pathlib
import ssl
import sys
import threading

BODY_LIMIT = 16384


class Book:
    """Who has what, by organization and prefix. An answer is given when it is on the disk."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.lock = threading.Lock()
        self.prefixes = json.loads(self.path.read_text()) if self.path.exists() else {}

    def write(self):
        fresh = self.path.with_suffix(".new")
        with open(fresh, "w") as file:
            json.dump(self.prefixes, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self.path)

    def choose(self, question):
        """The address as text; None: there is none left."""
        prefix = ipaddress.ip_network(question["prefix"])
        with self.lock:
            page = self.prefixes.setdefault(f"{question['organization_id']} {prefix}", {})
            known = page.get(question["public_key"])
            # Asked again about an address that somebody else has: that is remembered too.
            if known and known["attempt"] >= question["attempt"]:
                return known["address"]
            if known:
                page[f"taken: {known['address']}"] = known
            taken = {entry["address"] for entry in page.values()}
            for number in range(1, min(prefix.num_addresses - 1, 1 << 20)):
                address = str(prefix[number])
                if address not in taken:
                    page[question["public_key"]] = {"address": address, "attempt": question["attempt"]}
                    self.write()
                    return address
        return None


def question_read(body):
    """What is asked, judged."""
    question = json.loads(body)
    for name in ("family", "prefix", "organization_id", "public_key", "hostname"):
        if not isinstance(question[name], str):
            raise ValueError(f"{name} is no text")
    if type(question["attempt"]) is not int:
        raise ValueError("attempt is no number")
    return question


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        expected = self.server.token
        given = self.headers.get("Authorization", "")
        length = int(self.headers.get("Content-Length", "0"))
        if length > BODY_LIMIT:
            self.close_connection = True
            return self.answer(413, {"error": "the question is too long"})
        body = self.rfile.read(length)
        if expected and not hmac.compare_digest(given.encode(), f"Bearer {expected}".encode()):
            return self.answer(401, {"error": "the token is wrong"})
        try:
            question = question_read(body)
            address = self.server.book.choose(question)
        except (ValueError, KeyError) as problem:
            return self.answer(400, {"error": f"the question is wrong: {problem}"})
        if address is None:
            return self.answer(200, {"error": "exhausted", "message": f"the inventory has none left of {question['prefix']}"})
        return self.answer(200, {"address": address})

    def log_message(self, form, *values):
        print(f"{self.address_string()} {form % values}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", required=True)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--token-file")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    given = parser.parse_args()
    host, port = given.listen.rsplit(":", 1)
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    server.daemon_threads = True
    server.book = Book(given.state)
    server.token = pathlib.Path(given.token_file).read_text().strip() if given.token_file else ""
    if given.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given.certificate, given.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("listening on %s:%d" % server.server_address[:2], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
