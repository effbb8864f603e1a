# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a request: documents that are no JSON, and values that no field of a
kind takes. Bodies are bytes, so that anything can stand in them.

A refusal is what api.md says of it: the `error`, and the `field` if it is about one.
"""

import base64
import json

from world import public_key

NO_JSON = ("request json is invalid", None)


def invalid(field):
    return "invalid data in field", field


def missing(field):
    return "field not present", field


def text_of(value):
    return json.dumps(value).encode()


def nested(depth, opener=b"[", closer=b"]", core=b""):
    return opener * depth + core + closer * depth


# --- documents ----------------------------------------------------------------------------

# Where a string can stand: what is no text at all.
NO_TEXTS = {
    "an overlong slash": b'"\xc0\xaf"',
    "an overlong NUL": b'"\xc0\x80"',
    "an overlong euro sign": b'"\xf0\x82\x82\xac"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "a pair of surrogates in UTF-8": b'"\xed\xa0\xbd\xed\xb8\x80"',
    "byte 0xff": b'"a\xff"',
    "a lone continuation byte": b'"\x80"',
    "UTF-8 cut short by the quote": b'"\xe2\x82"',
    "past U+10FFFF": b'"\xf4\x90\x80\x80"',
    "an escaped NUL": b'"a\\u0000b"',
    "a NUL": b'"a\0b"',
    "a bare newline": b'"a\nb"',
    "a bare escape character": b'"\x1b[2J"',
    "a high surrogate alone": b'"\\ud800"',
    "a low surrogate alone": b'"\\udc00\\ud800"',
    "a high surrogate and a letter": b'"\\ud800\\u0041"',
}

# Where any value can stand: what is no JSON.
NO_VALUES = {
    **NO_TEXTS,
    "nothing": b"",
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "-Infinity": b"-Infinity",
    "undefined": b"undefined",
    "True": b"True",
    "half a null": b"nul",
    "single quotes": b"'x'",
    "an open string": b'"x',
    "an escaped quote at the end": b'"x\\"',
    "an unknown escape": b'"\\x41"',
    "a short escape": b'"\\u12"',
    "a hexadecimal number": b"0x10",
    "a leading zero": b"01",
    "a plus sign": b"+1",
    "no digit before the point": b".5",
    "no digit after the point": b"1.",
    "no exponent": b"1e",
    "two signs": b"--1",
    "a number past all doubles": b"1e999",
    "a small number past all doubles": b"-1e400",
    "a number of 100 digits": b"9" * 100,
    "a number of 100,000 digits": b"9" * 100000,
    "a comment": b"1 /* one */",
    "a comment to the end of the line": b"1 // one\n",
    "a form feed": b"\f1",
    "a no-break space": b"\xc2\xa01",
    "a byte order mark": b"\xef\xbb\xbf1",
    "a trailing comma in an array": b"[1,]",
    "a trailing comma in an object": b'{"a":1,}',
    "a comma alone": b"[,]",
    "no comma": b"[1 2]",
    "no colon": b'{"a" 1}',
    "no value": b'{"a":}',
    "a bare name": b"{a:1}",
    "a number as name": b"{1:1}",
    "a name that is no text": b'{"\xff":1}',
    "a name with a NUL": b'{"\\u0000":1}',
    "a name twice": b'{"a":1,"b":2,"a":1}',
    "a name twice, once escaped": b'{"a":1,"\\u0061":1}',
    "a name twice among many": b'{"a":1,' + b",".join(b'"m%d":1' % i for i in range(1000)) + b',"a":1}',
    "the wrong bracket": b"[1}",
    "an open array": b"[1",
    "33 deep": nested(32),
    "33 deep in objects": nested(32, b'{"x":', b"}", b"1"),
    "10,000 deep": nested(10000),
    "10,000 deep in objects": nested(10000, b'{"x":', b"}", b"1"),
    "10,000 deep and open": b"[" * 10000,
    "500,000 deep": nested(500000),
}

# A value as deep as a body may hold: one level is the body itself.
DEEPEST = nested(31)


def with_member(body, name, value):
    """A body (an object, or an array of one) with one more member, at its end."""
    end = len(body) - (2 if body.endswith(b"}]") else 1)
    comma = b"" if body[:end].endswith(b"{") else b","
    return body[:end] + comma + b'"' + name + b'":' + value + body[end:]


def without_member(document, name):
    if isinstance(document, list):
        return [without_member(document[0], name)]
    return {key: value for key, value in document.items() if key != name}


def first_name(document):
    return next(iter(document[0] if isinstance(document, list) else document)).encode()


def no_documents(document):
    """(what is wrong, body): a body that would be taken, spoilt in every way."""
    body = text_of(document)
    turned = document[0] if isinstance(document, list) else [document]
    name = first_name(document)
    yield from (("no body", b""), ("white space", b" \r\n\t"), ("a NUL", b"\0"), ("a quote", b'"'))
    yield from ((f"cut after {length} bytes", body[:length]) for length in (1, len(body) // 2, len(body) - 1))
    for what, tail in (("a letter", b"x"), ("itself", body), ("a comma", b","), ("a NUL", b"\0"),
                       ("a bracket", b"]"), ("a brace", b"}"), ("a comment", b"// end"), ("0xff", b"\xff")):
        yield f"followed by {what}", body + tail
    for what, head in (("a byte order mark", b"\xef\xbb\xbf"), ("a comment", b"/**/"), ("a comma", b","),
                       ("a guard", b")]}',\n"), ("a form feed", b"\f")):
        yield f"after {what}", head + body
    yield "in UTF-16", body.decode().encode("utf-16")
    yield "in UTF-16 without a mark", body.decode().encode("utf-16-le")
    yield "in single quotes", body.replace(b'"', b"'")
    yield "as a form", b"name=x&public_key=y"
    for top in (b'"x"', b'"{}"', b"7", b"0", b"-1.5", b"null", b"true", b"false", text_of(turned), text_of(body.decode())):
        yield f"{top[:20]!r} at the top", top
    yield "the first member twice", with_member(body, name, b'"x"')
    for what, value in NO_VALUES.items():
        yield f"a member more: {what}", with_member(body, b"unknown", value)


# --- fields ---------------------------------------------------------------------------------
# A kind of field: field name → (what is wrong, value as bytes, refusal), and `good`, values that it takes.

NUMBERS = (b"5", b"0", b"-1", b"1.5", b"99999999999999999999", b"1e300", b"9007199254740993")
NO_STRINGS = (*NUMBERS, b"true", b"false", b"[]", b'["x"]', b"{}", b'{"a":"b"}')
NO_FLAGS = (*NUMBERS, b"1", b'"true"', b'"false"', b'""', b'"x"', b"[]", b"[true]", b"{}")
CONTROL = ("\x01", "a\nb", "a\tb", "\x1b[2J", "\x7f", "\x85", "\x9b1m", "a\rb")


class Kind:
    required = False
    good = ()

    def wrong(self, field):
        """Values, each with its refusal."""
        yield from ((value, invalid(field)) for value in self.values())
        yield from ((value, NO_JSON) for value in (*NO_TEXTS.values(), b"1e999", b"-1e400", b"NaN"))

    def values(self):
        raise NotImplementedError


class Text(Kind):
    def __init__(self, limit, required=False):
        self.limit, self.required, self.filled = limit, required, required
        self.good = (text_of("x" * limit), b'"' + "é".encode() * (limit // 2) + b'"', text_of("\U0001f980 \"\\/'"))

    def values(self):
        yield from NO_STRINGS
        yield from map(text_of, CONTROL)
        yield from (text_of("x" * length) for length in (self.limit + 1, 65536, 1000000))
        yield b'"' + "é".encode() * (self.limit // 2 + 1) + b'"'

    def wrong(self, field):
        yield from super().wrong(field)
        if self.filled:
            yield b'""', missing(field)


class NewName(Text):
    """Of what has one, that no other may have; it can be left out, and not be empty."""

    def __init__(self, limit):
        super().__init__(limit)
        self.filled = True
        self.good = (text_of("y" * limit), b'"' + "ü".encode() * (limit // 2) + b'"', text_of("\U0001f980 \"\\/'?"))


class Word(Text):
    """A text of which only some are taken."""

    def __init__(self, *wrong, good=(), required=False):
        super().__init__(60, required)
        self.few, self.good = wrong, tuple(map(text_of, good))

    def values(self):
        yield from super().values()
        yield from map(text_of, self.few)


class Flag(Kind):
    def __init__(self, good=(b"true", b"false")):
        self.good = good

    def values(self):
        return NO_FLAGS


class Number(Kind):
    def __init__(self, *wrong, good):
        self.few, self.good = wrong, good

    def values(self):
        yield from (b"-1", b"-0.5", b"1.5", b"1e300", b"99999999999999999999", b"9007199254740992",
                    b"9007199254740993", b"-9007199254740993", b"9223372036854775808", b"18446744073709551616",
                    b"0.1e-300", b"true", b'"5"', b'""', b"[]", b"[5]", b"{}")
        yield from self.few


class Prefix(Kind):
    """Of an organization; which ones are wrong is prefixes_test.py's to say."""

    def __init__(self, other, column):
        self.other, self.column = other, column

    def values(self):
        yield from NO_STRINGS
        yield from map(text_of, (*CONTROL, "x", "/", "/64", "0", "1/2/3", self.other, "x" * 300, "1" * 65536, "/" * 1000000))

    def wrong(self, field):
        yield from super().wrong(field)
        yield b'""', missing(self.column)


class Prefixes(Kind):
    """That a device advertises."""

    good = (b"[]", b'["10.1.0.0/16","2001:db8::/48"]')

    def values(self):
        yield from (b"5", b"true", b'"10.0.0.0/8"', b'""', b"{}", b'{"0":"10.0.0.0/8"}')
        for item in (b"5", b"null", b"true", b"[]", b'["10.0.0.0/8"]', b"{}", b'""', b'"x"', b'"10.0.0.0"', b'"10.0.0.0/33"'):
            yield b"[" + item + b"]"
            yield b'["10.1.0.0/16",' + item + b"]"
        yield from (text_of([text + "/16"]) for text in CONTROL)
        yield text_of(["x" * 65536])
        yield text_of([f"10.{i}.0.0/16" for i in range(65)])
        yield text_of(["10.1.0.0/16"] * 10000)


class Address(Kind):
    def __init__(self, other):
        self.other = other

    def values(self):
        yield from NO_STRINGS
        yield from map(text_of, (*CONTROL, "x", "1", ".", ":", self.other, "x" * 300, "1" * 65536))


class Endpoint(Kind):
    def __init__(self, address, other):
        self.address, self.other = address, other
        self.good = (text_of(f"{address}:1"), text_of(f"{address}:65535"))

    def values(self):
        yield from NO_STRINGS
        bad = ("", ":", ":0", ":65536", ":-1", ":+1", ":051820", ":1 ", ": 1", ":1:1", ":x", ":99999999999999999999", "/24")
        yield from map(text_of, (self.address + tail for tail in bad))
        yield from map(text_of, (*CONTROL, f" {self.address}:1", f"{self.other}:1", "nowhere", "example.org:1", ":1", "[]:1",
                                 "[x]:1", "[fe80::1%eth0]:1", "2001:db8::1:51820", "x" * 300, "1" * 65536))


class Key(Kind):
    """A WireGuard public key."""

    required = True

    def values(self):
        yield from NO_STRINGS
        encode = lambda raw: base64.b64encode(raw).decode()
        good = public_key()
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".index(good[42])
        prime = (2 ** 255 - 19).to_bytes(32, "little")
        yield from map(text_of, (
            "garbage", "A" * 44, "=" * 44, good[:-1], good[1:], good + "=", good + "A", " " + good, good + "\n", good[:-1] + "A",
            good[:20] + "-" + good[21:], good[:20] + "_" + good[21:], good[:20] + " " + good[21:], good[:20] + "=" + good[21:],
            good[:42] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[last + 1] + "=",
            encode(b"x" * 31), encode(b"x" * 33), "A" * 42 + "==", "x" * 4000, "A" * 65536, "0" * 64,
            encode(bytes(32)), encode(b"\1" + bytes(31)), encode(prime), encode(b"\xff" * 32), encode(b"x" * 31 + b"\xff")))

    def wrong(self, field):
        yield from super().wrong(field)
        yield b'""', missing(field)


class NoKey(Key):
    """The same where it can be left out; "" is none."""

    required = False

    def wrong(self, field):
        yield from Kind.wrong(self, field)


class Range(Kind):
    """Of addresses of the prefix 100.100.0.0/16."""

    required = True

    def values(self):
        yield from NO_STRINGS
        yield from map(text_of, (*CONTROL, "x", "-", "/", ".", ":", "100.100.0.1-", "-100.100.0.1", "100.100.0.9-100.100.0.2",
                                 "100.100.0.1-200::1", "100.100.0.1-100.100.0.2-100.100.0.3", "100.100.0.0/33", "100.100.0.1/24",
                                 "100.101.0.1", "100.100.255.0-100.101.0.0", "0.0.0.0/0", " 100.100.0.1", "x" * 300, "1" * 65536))

    def wrong(self, field):
        yield from super().wrong(field)
        yield b'""', missing(field)


class Token(Kind):
    """Of a device's own making."""

    def values(self):
        yield from NO_STRINGS
        yield from map(text_of, ("", "short", "nxd_", "nxu_" + "A" * 43, "nxr_" + "A" * 43, "NXD_" + "A" * 43, "nxd_" + "A" * 42,
                                 "nxd_" + "A" * 44, "nxd_" + "A" * 42 + "B", "nxd_" + "A" * 42 + "=", "nxd_" + "+" * 43,
                                 "nxd_" + "/" * 43, " nxd_" + "A" * 43, "nxd_" + "A" * 43 + "\n", "nxd_" + "A" * 65536))


class Password(Kind):
    required = True

    def values(self):
        yield from NO_STRINGS
        yield from map(text_of, ("", "short", "1234567", "x" * 1025, "x" * 65536, "x" * 1000000))


class Uuid(Kind):
    """Of an organization, in a body."""

    def __init__(self, required=False):
        self.required = required

    def values(self):
        yield from NO_STRINGS
        yield from map(text_of, BAD_UUIDS)

    def wrong(self, field):
        yield from super().wrong(field)
        if self.required:
            yield b'""', missing(field)


A_UUID = "00000000-0000-7000-8000-000000000000"
BAD_UUIDS = ("x", "1", "me", "null", A_UUID[1:], A_UUID + "0", A_UUID.replace("-", ""), "{" + A_UUID + "}", "g" + A_UUID[1:],
             A_UUID.replace("-", "_"), " " + A_UUID, A_UUID + " ", "urn:uuid:" + A_UUID, "\U0001f4a9", "x" * 3000)
