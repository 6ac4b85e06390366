#!/usr/bin/python3
"""A provider of an interface of its own, in Python with plain gRPC: stats.wit.

It needs grpcio and cryptography, and nothing generated: the few protobuf
messages of the protocol and the binary form of WIT values are written out
below, so that one file is the whole program, and its SHA-256 pins all of it.
docs/provider-protocol.md is what it follows.
"""

import base64
import datetime
import json
import math
import os
import signal
import statistics
import struct
import sys
import threading
from concurrent import futures

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

INTERFACE = "example:stats/summary@0.1.0"

WIT = """package example:stats@0.1.0;

interface summary {
  variant problem {
    access-denied,
    unavailable,
    not-finite(u32),
  }

  record moments {
    count: u64,
    mean: f64,
    deviation: option<f64>,
  }

  summarise: func(samples: list<f64>) -> result<moments, problem>;

  resource histogram {
    constructor(width: f64);
    add: func(samples: list<f64>) -> result<u64, problem>;
    buckets: func() -> list<tuple<f64, u64>>;
  }
}
"""

# Codes of writ.provider.v1.Error.
INVALID, TOO_LARGE, UNIMPLEMENTED, INTERNAL = 3, 4, 8, 9

MAX_HANDLES = 1 << 16  # of one scope


class Refused(Exception):
    """A call's failure that is none of its function's results."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


# --- Protobuf: fields are varints (wire type 0) or bytes (wire type 2). ---


def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, value):
    """A field with a number, bytes, or text; nothing for a zero of either."""
    if not value:
        return b""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return message(number, value)


def message(number, value):
    """A field that is there even when it is empty, as a member of a oneof is."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    """The fields of a message: lists of values by number."""
    found, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = data[at : at + size], at + size
        elif kind == 2:
            size, at = read_varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError("unknown wire type")
        if at > len(data):
            raise ValueError("a message ends too early")
        found.setdefault(key >> 3, []).append(value)
    return found


def read_varint(data, at):
    n = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("not a varint")
        n |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return n, at


def one(found, number, default=b""):
    return found.get(number, [default])[-1]


def numbers(found, number):
    """A repeated integer, packed or not."""
    for value in found.get(number, []):
        if isinstance(value, int):
            yield value
            continue
        at = 0
        while at < len(value):
            n, at = read_varint(value, at)
            yield n


# --- The binary form of WIT values, as far as the interface needs it. ---


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if size > len(self.data) - self.at:
            raise Refused(INVALID, "the arguments end too early")
        self.at += size
        return self.data[self.at - size : self.at]

    def unsigned(self):
        n = shift = 0
        while True:
            byte = self.take(1)[0]
            n |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 63:
                raise Refused(INVALID, "a number has more than 64 bits")
        if shift > 7 and byte == 0:
            raise Refused(INVALID, "a number is longer than it has to be")
        if n >> 64:
            raise Refused(INVALID, "a number has more than 64 bits")
        return n

    def f64(self):
        raw = self.take(8)
        (value,) = struct.unpack("<d", raw)
        if math.isnan(value) and raw != NAN:
            raise Refused(INVALID, "a NaN is not the one that there is")
        return value

    def floats(self):
        count = self.unsigned()
        if count > (len(self.data) - self.at) // 8:
            raise Refused(INVALID, "the arguments end too early")
        return [self.f64() for _ in range(count)]

    def end(self):
        if self.at != len(self.data):
            raise Refused(INVALID, "bytes are left over")


NAN = bytes.fromhex("000000000000f87f")


def f64(value):
    return NAN if math.isnan(value) else struct.pack("<d", value)


def ok(value):
    return b"\x00" + value


def not_finite(index):
    return b"\x01" + b"\x02" + varint(index)  # err, case 2 of problem, its u32


# --- The interface itself. ---


def first_bad(samples):
    return next((i for i, s in enumerate(samples) if not math.isfinite(s)), None)


def summarise(samples):
    bad = first_bad(samples)
    if bad is not None:
        return not_finite(bad)
    if len(samples) > 1:
        deviation = b"\x01" + f64(spread(samples))
    else:
        deviation = b"\x00"
    mean = math.fsum(s / len(samples) for s in samples) if samples else 0.0
    return ok(varint(len(samples)) + f64(mean) + deviation)


def spread(samples):
    try:
        return statistics.stdev(samples)
    except OverflowError:
        return math.inf


class Histogram:
    def __init__(self, width):
        self.width = width if math.isfinite(width) and width > 0 else 1.0
        self.lock = threading.Lock()
        self.counts = {}

    def add(self, samples):
        bad = first_bad(samples)
        if bad is not None:
            return not_finite(bad)
        with self.lock:
            for sample in samples:
                bucket = sample // self.width * self.width
                self.counts[bucket] = self.counts.get(bucket, 0) + 1
            return ok(varint(sum(self.counts.values())))

    def buckets(self):
        with self.lock:
            found = sorted(self.counts.items())
        return varint(len(found)) + b"".join(f64(start) + varint(count) for start, count in found)


class Scopes:
    """The resources of each component instance, by its number and their ids."""

    def __init__(self):
        self.lock = threading.Lock()
        self.open = {}
        self.last = 0

    def give(self, scope, thing):
        with self.lock:
            things = self.open.setdefault(scope, {})
            if len(things) >= MAX_HANDLES:
                raise Refused(TOO_LARGE, "the caller has too many resources")
            self.last += 1
            things[self.last] = thing
            return varint(self.last)

    def lend(self, scope, handle):
        with self.lock:
            thing = self.open.get(scope, {}).get(handle)
        if thing is None:
            raise Refused(INVALID, f"the caller has no resource {handle}")
        return thing

    def drop(self, scope, handles, ended):
        with self.lock:
            for handle in handles:
                self.open.get(scope, {}).pop(handle, None)
            if ended:
                self.open.pop(scope, None)


scopes = Scopes()


def call(scope, interface, function, arguments):
    """Calls a function: its result in the binary form."""
    functions = {
        "summarise": lambda r: (summarise, r.floats()),
        "[constructor]histogram": lambda r: (lambda width: scopes.give(scope, Histogram(width)), r.f64()),
        "[method]histogram.add": lambda r: (scopes.lend(scope, r.unsigned()).add, r.floats()),
        "[method]histogram.buckets": lambda r: (scopes.lend(scope, r.unsigned()).buckets,),
    }
    if interface != INTERFACE or function not in functions:
        raise Refused(UNIMPLEMENTED, f"there is no function {function!r} in {interface!r}")
    reader = Reader(arguments)
    implementation, *values = functions[function](reader)
    reader.end()
    return implementation(*values)


# --- writ.provider.v1.Custom ---


def invoke(data, context=None):
    request = fields(data)
    try:
        result = call(one(request, 2, 0), one(request, 3).decode(), one(request, 4).decode(), one(request, 5))
        return field(2, result)
    except Refused as refused:
        return message(1, field(1, refused.code) + field(2, str(refused)))
    except Exception as error:  # a mistake in here ends the call, and not the provider
        return message(1, field(1, INTERNAL) + field(2, f"the provider failed: {error}"))


def drop(data, context=None):
    request = fields(data)
    scopes.drop(one(request, 2, 0), numbers(request, 3), bool(one(request, 4, 0)))
    return b""


def channel(requests, context):
    """Operations come as messages with ids, and are answered likewise."""
    for request in requests:
        results = b""
        for operation in fields(request).get(1, []):
            parts = fields(operation)
            result = field(1, one(parts, 1, 0))
            if 2 in parts:
                result += message(2, invoke(one(parts, 2)))
            elif 3 in parts:
                result += message(3, drop(one(parts, 3)))
            results += message(1, result)  # without a result for an operation it does not know
        yield results


# --- writ.provider.v1.Provider ---


def describe(data, context):
    return b"".join(
        [
            field(1, "stats"),
            field(2, "0.1.0"),
            field(3, "Custom"),
            field(4, INTERFACE),
            message(6, field(1, "stats.wit") + field(2, WIT)),
            message(7, field(1, INTERFACE + "#*") + field(2, "call") + field(3, "statistics of samples")),
        ]
    )


configured = threading.Lock()


def configure(data, context):
    if not configured.acquire(blocking=False):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "configured twice")
    settings = json.loads(one(fields(data), 1) or b"{}")
    for name in settings:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"unknown setting {name!r}: there are none")
    return b""


def health(data, context):
    return field(1, 1)  # STATUS_SERVING


# --- The handshake. ---


def identity():
    """A key and a certificate that signs itself, good for this run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def credentials(key, certificate):
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return grpc.ssl_server_credentials(
        [(private, certificate.public_bytes(pem))],
        root_certificates=os.environ["PLUGIN_CLIENT_CERT"].encode(),
        require_client_auth=True,
    )


def end_with_host(stop):
    """The host holds standard input open as long as it lives."""
    while sys.stdin.buffer.read(4096):
        pass
    stop.set()


def main():
    if os.environ.get("WRIT_PROVIDER") != "writ.provider.v1":
        sys.exit("this is a provider for writ: name it in host.toml, or run writ provider test")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = threading.Event()
    unary = grpc.unary_unary_rpc_method_handler
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=64),
        options=[("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)],
    )

    def shutdown(data, context):
        stop.set()
        return b""

    for service, methods in {
        "writ.provider.v1.Provider": {"Describe": unary(describe), "Configure": unary(configure), "Health": unary(health)},
        "writ.provider.v1.Custom": {
            "Invoke": unary(invoke),
            "Drop": unary(drop),
            "Channel": grpc.stream_stream_rpc_method_handler(channel),
        },
        "plugin.GRPCController": {"Shutdown": unary(shutdown)},
    }.items():
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, methods)])

    key, certificate = identity()
    path = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "provider.sock")
    if server.add_secure_port("unix:" + path, credentials(key, certificate)) == 0:
        sys.exit("cannot serve on " + path)
    server.start()
    der = certificate.public_bytes(serialization.Encoding.DER)
    print("1|1|unix|" + path + "|grpc|" + base64.b64encode(der).decode().rstrip("="), flush=True)
    threading.Thread(target=end_with_host, args=(stop,), daemon=True).start()
    stop.wait()
    server.stop(0.5).wait()


if __name__ == "__main__":
    main()
