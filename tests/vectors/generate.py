#!/usr/bin/env python3
"""Writes the vectors of this directory from protocol.md alone (Python's standard library, no FastChat code).

The broker and the clients are checked against these files, so nothing here may be taken from them: who changes the protocol changes
protocol.md, then this script, then runs it, and reads the difference. `generate.py DIRECTORY` writes elsewhere.
"""

import base64
import hashlib
import hmac
import json
import os
import sys

# Bytes that tell where they come from and show the order of bytes: the conversation is c0 c1 c2 …, the user a0 a1 a2 …
def ident(first):
    return bytes(range(first, first + 16))

CONVERSATION, GROUP = ident(0xC0), ident(0x60)
USER, OTHER, IMPORTED, BOT = ident(0xA0), ident(0xB0), ident(0xE0), ident(0xF0)
SESSION, NEW_SESSION = ident(0x50), ident(0x40)
M1, M7, M8, KEY = ident(0x10), ident(0x70), ident(0x80), ident(0x20)
DEVICE = 0xD0D1D2D3D4D5D6D7
TOKEN = "fct_0123456789abcdefghijklmnopqrstuvwxyzABCD"
REFRESH = "fr1_" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG" * 2
TIME = 1_700_000_000_000_000  # 2023-11-14 22:13:20 UTC
LATEST = 2**64 - 1
HELLO = "Grüße".encode()
# RFC 8037, A.2 to A.4: the key, its thumbprint, and a signature.
PUBLIC_KEY = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
ASSERTION = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
HASH = hashlib.sha256(HELLO).digest()
LINK = base64.urlsafe_b64encode(GROUP + KEY).decode().rstrip("=")

TYPES = {
    "Hello": 0x01, "Welcome": 0x02, "Ping": 0x03, "Pong": 0x04, "Close": 0x05, "Error": 0x06, "Credit": 0x07,
    "Challenge": 0x08, "Proof": 0x09,
    "Publish": 0x10, "Published": 0x11, "Subscribe": 0x12, "Subscribed": 0x13, "Unsubscribe": 0x14, "Unsubscribed": 0x15,
    "Deliver": 0x16, "Lag": 0x17, "Fetch": 0x18, "Chunk": 0x19, "FetchEnd": 0x1A, "Signal": 0x1C,
    "CreateConversation": 0x20, "ResolveConversation": 0x21, "AddMembers": 0x22, "RemoveMember": 0x23, "ListMembers": 0x24,
    "ListConversations": 0x25, "ResolveUsers": 0x26, "ImportUsers": 0x27, "Backup": 0x28, "GetStats": 0x78, "Drain": 0x79, "GetLimits": 0x7A, "SetLimits": 0x7B, "GetActivity": 0x7C, "Reply": 0x2F,
    "ChangeConversation": 0x30, "ChangeMember": 0x31, "CreateJoinLink": 0x32, "ListJoinLinks": 0x33, "RevokeJoinLink": 0x34, "JoinByLink": 0x35,
    "GetAnnotations": 0x38, "GetThread": 0x39, "GetPins": 0x3A, "Forward": 0x3B, "Schedule": 0x3C, "ListScheduled": 0x3D, "CancelScheduled": 0x3E,
    "Hide": 0x3F, "MoveCursor": 0x40, "ListCursors": 0x41, "GetInbox": 0x42, "ListHidden": 0x43,
    "SetPresence": 0x48, "WatchPresence": 0x49,
    "SetProfile": 0x50, "GetProfiles": 0x51, "SearchUsers": 0x52, "Block": 0x53, "ListBlocks": 0x54,
    "CreateService": 0x55, "ListServices": 0x56, "RevokeService": 0x57,
    "BeginUpload": 0x58, "PutChunk": 0x59, "FinishUpload": 0x5A, "GetAttachment": 0x5B, "GetUsage": 0x5C, "CancelUpload": 0x5D,
    "Reauthenticate": 0x60, "ListDevices": 0x61, "NameDevice": 0x62, "EndDevices": 0x63, "ChangePassword": 0x64, "SuspendUser": 0x65, "ListUsers": 0x66, "ListSessions": 0x67, "BeginProof": 0x68,
    "ChangeServiceKeys": 0x6A,
    "ExportPerson": 0x70, "GetExport": 0x71, "ErasePerson": 0x72, "EraseConversation": 0x73, "Notice": 0x80, "Presence": 0x81,
}


# --- bytes: everything is a list of parts, (bytes, what they are) ---

def u(value, size, what):
    return [(value.to_bytes(size, "little"), f"{what} {value}")]

def i64(value, what):
    return [(value.to_bytes(8, "little", signed=True), f"{what} {value}")]

def raw(data, what):
    return [(data, what)]

def join(parts):
    return b"".join(data for data, _ in parts)

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF

assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C

def frame(name, request, body, kind=None, length=None):
    kind = TYPES[name] if kind is None else kind
    length = len(join(body)) if length is None else length
    return (raw(length.to_bytes(3, "little"), f"length {length}") + raw(bytes([kind]), f"type {name or 'unknown'}")
            + u(request, 4, "request") + body)

def record(sequence, body, sender=USER, message=M1, device=DEVICE, kind=1, publisher=None, erased=False, sent_at=TIME):
    flags = (1 if publisher else 0) | (2 if erased else 0)
    covered = (u(sequence, 8, "sequence") + i64(sent_at, "sent_at") + raw(sender, "sender") + raw(message, "client message id")
               + u(device, 8, "device") + u(kind, 1, "kind") + u(flags, 1, "flags") + raw(bytes(2), "zero")
               + (raw(publisher, "publisher") if publisher else []) + (raw(body, f"body {shown(body)}") if body else []))
    size, crc = 8 + len(join(covered)), crc32c(join(covered))
    fields = {"size": size, "crc32c": crc, "sequence": sequence, "sent_at": sent_at, "sender": sender, "client_message_id": message,
              "device": device, "kind": kind, "flags": flags}
    if publisher:
        fields["publisher"] = publisher
    fields["body"] = body
    return u(size, 4, "size") + raw(crc.to_bytes(4, "little"), f"crc32c {crc:08x}") + covered, fields

def shown(body):
    try:
        text = body.decode()
        return json.dumps(text, ensure_ascii=False) if text.isprintable() else f"{len(body)} bytes"
    except UnicodeDecodeError:
        return f"{len(body)} bytes"


# --- MessagePack, the shortest form of everything ---

def pack(value, what=""):
    label = f"{what}{'' if not what else ' '}"
    if value is None:
        return raw(b"\xc0", label + "nil")
    if isinstance(value, bool):
        return raw(b"\xc3" if value else b"\xc2", label + str(value).lower())
    if isinstance(value, int):
        return raw(pack_int(value), label + str(value))
    if isinstance(value, bytes):
        head = bytes([0xC4, len(value)]) if len(value) < 256 else b"\xc5" + len(value).to_bytes(2, "big")
        return raw(head + value, label + f"bin {len(value)}")
    if isinstance(value, str):
        data = value.encode()
        head = (bytes([0xA0 | len(data)]) if len(data) < 32 else bytes([0xD9, len(data)]) if len(data) < 256
                else b"\xda" + len(data).to_bytes(2, "big"))
        return raw(head + data, label + json.dumps(value, ensure_ascii=False))
    if isinstance(value, list):
        head = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + len(value).to_bytes(2, "big")
        return raw(head, label + f"array of {len(value)}") + [part for element in value for part in pack(element, "-")]
    head = bytes([0x80 | len(value)]) if len(value) < 16 else b"\xde" + len(value).to_bytes(2, "big")
    parts = raw(head, label + f"map of {len(value)}")
    for key, element in value.items():
        parts += pack(key, "key") + pack(element, "=")
    return parts

def pack_int(value):
    if 0 <= value < 0x80:
        return bytes([value])
    if -32 <= value < 0:
        return value.to_bytes(1, "big", signed=True)
    for limit, code, size in ((0xFF, 0xCC, 1), (0xFFFF, 0xCD, 2), (0xFFFFFFFF, 0xCE, 4), (2**64 - 1, 0xCF, 8)):
        if 0 <= value <= limit:
            return bytes([code]) + value.to_bytes(size, "big")
    return b"\xd3" + value.to_bytes(8, "big", signed=True)


# --- text ---

def literal(value):
    if isinstance(value, bytes):
        return "hex:" + value.hex()
    if isinstance(value, dict):
        return {key: literal(element) for key, element in value.items()}
    if isinstance(value, list):
        return [literal(element) for element in value]
    if isinstance(value, int) and abs(value) > 2**53 - 1:
        return f"int:{value}"
    return value

class File:
    def __init__(self, name, *heading):
        self.name, self.lines = name, ["# " + line for line in heading]

    def begin(self, name, fields):
        self.lines += ["", "== " + name]
        self.lines += [f"{key} = {json.dumps(literal(value), ensure_ascii=False)}" for key, value in fields.items()]

    def bytes(self, parts):
        for data, what in parts:
            for at in range(0, max(len(data), 1), 16):
                line = " ".join(f"{byte:02x}" for byte in data[at:at + 16])
                if line:
                    self.lines.append(f"{line:<47}  # {what}" if at == 0 and what else line)

    def frame(self, name, kind, fields, body, request=0, **more):
        self.begin(name, {"frame": kind, "request": request, **fields, **more})
        self.bytes(frame(kind, request, body))

    def map(self, name, kind, entries, request=0, parts=None, **more):
        self.frame(name, kind, {"map": entries}, pack(entries) if parts is None else parts, request, **more)

    def step(self, direction, kind, body, request=0, note=""):
        self.lines += ["", f"{direction} {kind}" + (f"  # {note}" if note else "")]
        self.bytes(frame(kind, request, body))

    def note(self, text):
        self.lines += ["", "# " + text]

    def write(self, directory):
        with open(os.path.join(directory, self.name + ".txt"), "w", encoding="utf-8", newline="\n") as out:
            out.write("\n".join(self.lines) + "\n")


# --- bodies of the fixed frames: (fields, parts) ---

def publish(message, body, kind=1, on_behalf=None, flags=None, zero=b"\0\0", conversation=CONVERSATION):
    flags = (1 if on_behalf else 0) if flags is None else flags
    fields = {"conversation": conversation, "client_message_id": message, "kind": kind, "flags": flags}
    if on_behalf:
        fields["on_behalf_of"] = on_behalf
    fields["body"] = body
    return fields, (raw(conversation, "conversation") + raw(message, "client message id") + u(kind, 1, "kind") + u(flags, 1, "flags")
                    + raw(zero, "zero") + (raw(on_behalf, "on behalf of") if on_behalf else [])
                    + (raw(body, f"body {shown(body)}") if body else []))

def attached(content, name, media_type, text):
    name = name.encode()
    value = hashlib.sha256(content).digest() + len(content).to_bytes(8, "little") + bytes([len(name), 0, 0, 0]) + name + media_type.encode()
    attributes = bytes([7, 0]) + len(value).to_bytes(2, "little") + value
    return len(attributes).to_bytes(4, "little") + bytes([1, 0, 0, 0]) + attributes + text

def published(epoch, sequence, durability=1, duplicate=0, sent_at=TIME):
    fields = {"epoch": epoch, "durability": durability, "duplicate": duplicate, "sequence": sequence, "sent_at": sent_at}
    return fields, (u(epoch, 4, "epoch") + u(durability, 1, "durability") + u(duplicate, 1, "duplicate") + raw(bytes(2), "zero")
                    + u(sequence, 8, "sequence") + i64(sent_at, "sent_at"))

def subscribe(epoch, after, conversation=CONVERSATION, zero=0):
    return ({"conversation": conversation, "epoch": epoch, "after": after},
            raw(conversation, "conversation") + u(epoch, 4, "epoch") + raw(zero.to_bytes(4, "little"), "zero") + u(after, 8, "after"))

def subscribed(status, epoch, first, head):
    return ({"status": status, "epoch": epoch, "first": first, "head": head},
            u(status, 1, "status") + raw(bytes(3), "zero") + u(epoch, 4, "epoch") + u(first, 8, "first") + u(head, 8, "head"))

def only_conversation(conversation=CONVERSATION):
    return {"conversation": conversation}, raw(conversation, "conversation")

def deliver(epoch, *records, conversation=CONVERSATION):
    return ({"conversation": conversation, "epoch": epoch, "count": len(records), "records": [fields for _, fields in records]},
            raw(conversation, "conversation") + u(epoch, 4, "epoch") + u(len(records), 4, "count")
            + [part for parts, _ in records for part in parts])

def lag(epoch, following, head, flags=0):
    return ({"conversation": CONVERSATION, "epoch": epoch, "flags": flags, "next": following, "head": head},
            raw(CONVERSATION, "conversation") + u(epoch, 4, "epoch") + u(flags, 4, "flags") + u(following, 8, "next") + u(head, 8, "head"))

def signal(kind, zero=bytes(3), conversation=CONVERSATION):
    return ({"conversation": conversation, "kind": kind},
            raw(conversation, "conversation") + u(kind, 1, "kind") + raw(zero, "zero"))

def relayed_signal(kind, time_to_live):
    return ({"conversation": CONVERSATION, "user": OTHER, "kind": kind, "time_to_live_ms": time_to_live},
            raw(CONVERSATION, "conversation") + raw(OTHER, "user") + u(kind, 1, "kind") + raw(bytes(3), "zero") + u(time_to_live, 4, "time to live ms"))

def presence(shape, online, members, *entries):
    fields = {"conversation": CONVERSATION, "shape": shape, "online": online, "members": members, "entries": []}
    parts = (raw(CONVERSATION, "conversation") + u(shape, 1, "shape") + raw(bytes(3), "zero") + u(online, 4, "online") + u(members, 4, "members"))
    for user, availability, last_seen, status in entries:
        fields["entries"].append({"user": user, "availability": availability, "last_seen": last_seen, "status": status})
        text = status.encode()
        parts += (raw(user, "user") + u(availability, 1, "availability") + u(len(text), 1, "status size") + raw(bytes(2), "zero") + i64(last_seen, "last seen")
                  + (raw(text, "status " + json.dumps(status, ensure_ascii=False)) if text else []))
    return fields, parts

def fetch(epoch, direction, position, count, size, zero=bytes(3)):
    return ({"conversation": CONVERSATION, "epoch": epoch, "direction": direction, "position": position, "max_count": count, "max_bytes": size},
            raw(CONVERSATION, "conversation") + u(epoch, 4, "epoch") + u(direction, 1, "direction") + raw(zero, "zero")
            + u(position, 8, "position") + u(count, 4, "max count") + u(size, 4, "max bytes"))

def fetch_end(complete, epoch, count, first, last, head):
    return ({"complete": complete, "epoch": epoch, "count": count, "first": first, "last": last, "head": head},
            u(complete, 1, "complete") + raw(bytes(3), "zero") + u(epoch, 4, "epoch") + u(count, 4, "count") + raw(bytes(4), "zero")
            + u(first, 8, "first") + u(last, 8, "last") + u(head, 8, "head"))

def failure(code, retry_after_ms, reason, in_order=False):
    return ({"code": code, "retry_after_ms": retry_after_ms, "reason": reason} | ({"in_order": True} if in_order else {}),
            u(code, 2, "code") + (u(1, 2, "flags: in order") if in_order else raw(bytes(2), "flags")) + u(retry_after_ms, 4, "retry after")
            + (raw(reason.encode(), "reason " + json.dumps(reason, ensure_ascii=False)) if reason else []))

def credit(size):
    return {"bytes": size}, u(size, 4, "bytes")

def opaque(data):
    return {"body": data}, raw(data, "body") if data else []

def welcome(session=SESSION, resumed=False, token=None, **more):
    entries = {"version": 1, "server": "fastchat/0.1.0", "session": session, "resumed": resumed, "user": USER, "name": "Ada",
               "device": DEVICE}
    if token:
        entries["token"] = token
    return {**entries, **more, "heartbeat_ms": 60_000, "frame_size_max": 66_560, "body_size_max": 65_536, "in_flight_max": 4_096, "time_us": TIME, "signals": True}

def conversation_map(conversation, kind, name=None, title=None, role="none", epoch=1, head=0, created=False):
    entries = {"conversation": conversation, "kind": kind, "name": name, "title": title, "role": role, "epoch": epoch, "head": head,
               "created": created}
    return {key: value for key, value in entries.items() if value is not None}


# --- SCRAM-SHA-256 (RFC 5802, RFC 7677), from Python's own PBKDF2 and HMAC ---

def scram(name, password, salt, iterations, client_nonce, broker_nonce, flag="n", binding=b"", extra="", kept=None):
    sha = lambda data: hashlib.sha256(data).digest()
    mac = lambda key, data: hmac.new(key, data, hashlib.sha256).digest()
    b64 = lambda data: base64.b64encode(data).decode()
    def keys(count):
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, count)
        return mac(salted, b"Client Key"), sha(mac(salted, b"Client Key")), mac(salted, b"Server Key")
    client_key, stored_key, server_key = keys(iterations)
    header = f"{flag},,"
    bare = f"n={name.replace('=', '=3D').replace(',', '=2C')},r={client_nonce}"
    server_first = f"r={client_nonce}{broker_nonce},s={b64(salt)},i={iterations}{extra}"
    without_proof = f"c={b64(header.encode() + binding)},r={client_nonce}{broker_nonce}"
    message = f"{bare},{server_first},{without_proof}".encode()
    proof = bytes(a ^ b for a, b in zip(client_key, mac(stored_key, message)))
    _, kept_stored_key, kept_server_key = keys(kept or iterations)
    return {"name": name, "password": password, "client_nonce": client_nonce, "binding": binding, "client_first": header + bare, "server_first": server_first,
            "client_final": f"{without_proof},p={b64(proof)}", "server_final": "v=" + b64(mac(server_key, message)),
            "stored_key": kept_stored_key, "server_key": kept_server_key}

SALT = bytes(range(0x90, 0xA0))
OFFERS = ",o=PLAIN SCRAM-SHA-256 tls-exporter tls-server-end-point"
NONCES = "fyko+d2lbbFgONRv9qkx", "3rfcNHYJY1ZVvWVs7jAbcdefghijklmn"
SCRAM = scram("ada", "pässwörd", SALT, 600_000, *NONCES, flag="p=tls-server-end-point", binding=HASH, extra=OFFERS)

def scram_file():
    out = File("scram", "Exchanges of protocol.md §3.5. `binding` are the bytes that the proof is bound to, the keys those that a broker keeps afterwards.",
               "The first is RFC 7677's, whose iterations no client of FastChat accepts: what is hashed is the same.")
    rfc = scram("user", "pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096, "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    assert rfc["client_final"].endswith("p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") and rfc["server_final"] == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    out.begin("RFC 7677 §3", rfc)

    def exchange(title, one, hello, challenge, keys, note=None):
        out.begin(title, one)
        if note:
            out.note(note)
        out.step(">", "Hello", pack({"version": 1, "client": "vectors/1", "scram": one["client_first"], **hello}))
        out.step("<", "Challenge", pack({"scram": one["server_first"], **challenge}))
        out.step(">", "Proof", pack({"scram": one["client_final"], **({"stored_key": one["stored_key"], "server_key": one["server_key"]} if keys else {})}))
        out.step("<", "Welcome", pack(welcome(token=TOKEN, scram=one["server_final"])))

    exchange("without TLS", scram("ada", "correct horse", SALT, 600_000, *NONCES, extra=",o=SCRAM-SHA-256"), {}, {}, False)
    exchange("bound to the broker's certificate; a password that is not ASCII", SCRAM, {"device": DEVICE}, {}, False)
    exchange("bound to the session; an account is made", scram("Ada", "battery staple", SALT, 600_000, *NONCES, flag="p=tls-exporter", binding=KEY + KEY, extra=OFFERS),
             {"register": True}, {"iterations": 600_000}, True)
    exchange("behind a proxy that ends TLS", scram("ada", "correct horse", SALT, 100_000, *NONCES, flag="y", extra=",o=SCRAM-SHA-256"), {}, {}, False)
    exchange("the broker wants more iterations from now on", scram("ada", "correct horse", SALT, 100_000, *NONCES, extra=",o=PLAIN SCRAM-SHA-256", kept=700_000),
             {}, {"iterations": 700_000}, True, "The proof is made with the old keys, and those of the same password with the new number come with it.")
    exchange("a name that nobody can have, and an extension that nobody knows", scram("a,b=c", "correct horse", SALT, 100_000, *NONCES, extra=",x=1,o=SCRAM-SHA-256"), {}, {}, False)
    return out


def connection_files():
    hello = File("hello", "Hello, C→S (protocol.md §3.2)")
    hello.map("make an account", "Hello", {"version": 1, "client": "vectors/1", "name": "Ada", "password": "correct horse", "register": True})
    hello.map("password on a known device", "Hello", {"version": 1, "name": "ada", "password": "pässwörd", "device": DEVICE})
    hello.map("token, session and window", "Hello",
              {"version": 1, "client": "vectors/1", "token": TOKEN, "session": SESSION, "attempt": 3, "window": 262_144})
    hello.map("somebody is looking", "Hello", {"version": 1, "client": "vectors/1", "token": TOKEN, "signals": True})
    hello.map("password, for a client that keeps refresh tokens", "Hello", {"version": 1, "renews": True, "name": "ada", "password": "correct horse"})
    hello.map("a signed token of an issuer, on a known device", "Hello", {"version": 1, "client": "vectors/1", "assertion": ASSERTION, "device": DEVICE})
    hello.map("the certificate of a service account", "Hello", {"version": 1, "certificate": True, "name": "bridge"})
    hello.map("refresh token", "Hello", {"version": 1, "client": "vectors/1", "refresh": REFRESH, "session": SESSION, "attempt": 4})
    hello.map("a proof of the password is to come", "Hello", {"version": 1, "renews": True, "scram": SCRAM["client_first"], "device": DEVICE})
    hello.note("What a reader accepts although no writer of this version sends it: keys it does not know, nil for absent, wide integers.")
    hello.map("unknown keys and nil", "Hello", {"version": 1, "token": TOKEN, "name": None, "later": {"deep": [1, -1, True, None, b"\xff", "é"]}},
              canonical=False)
    wide = (raw(b"\x83", "map of 3") + pack("version", "key") + raw(b"\xcf" + (1).to_bytes(8, "big"), "= 1 as uint 64") + pack("token", "key")
            + raw(b"\xda" + len(TOKEN).to_bytes(2, "big") + TOKEN.encode(), "= str 16") + pack("window", "key")
            + raw(b"\xd2" + (65_536).to_bytes(4, "big"), "= 65536 as int 32"))
    hello.map("wide encodings", "Hello", {"version": 1, "token": TOKEN, "window": 65_536}, parts=wide, canonical=False)

    welcomes = File("welcome", "Welcome, S→C (protocol.md §3.2)")
    welcomes.map("after a password", "Welcome", welcome(token=TOKEN))
    welcomes.map("resumed with a token", "Welcome", welcome(resumed=True))
    welcomes.map("after a proof", "Welcome", welcome(token=TOKEN, scram=SCRAM["server_final"]))
    welcomes.map("after a refresh token", "Welcome", welcome(token=TOKEN, refresh=REFRESH, token_seconds=900))

    ping, pong = File("ping", "Ping, both (protocol.md §3.3)"), File("pong", "Pong, both (protocol.md §3.3)")
    for out, kind in ((ping, "Ping"), (pong, "Pong")):
        out.frame("empty", kind, *opaque(b""))
        out.frame("eight bytes and a request number", kind, *opaque(bytes(range(1, 9))), request=0x04030201)
        out.frame("the longest", kind, *opaque(bytes(range(64))))

    close = File("close", "Close, both (protocol.md §9)")
    close.frame("normal without a reason", "Close", *failure(4000, 0, ""))
    close.frame("too busy, with a time", "Close", *failure(4101, 2_500, "try later"))
    close.frame("too often from this address", "Close", *failure(4106, 12_345, "too many wrong passwords"))
    close.frame("frame too large", "Close", *failure(4301, 0, "a frame body here has at most 8192 bytes"))
    close.frame("a code of a later version: its hundred tells what to do", "Close", *failure(4199, 1_000, ""))
    error = File("error", "Error, S→C (protocol.md §8)")
    error.frame("bad request", "Error", *failure(1, 0, "position: malformed"), request=9)
    error.frame("overloaded, with a time", "Error", *failure(15, 250, ""), request=2**32 - 1)
    error.frame("a publish that came too soon, to be repeated before any other", "Error", *failure(20, 250, "", in_order=True), request=0x40000007)
    error.frame("a reason that is not ASCII", "Error", *failure(7, 0, "naïve – 名前"), request=1)

    credits = File("credit", "Credit, C→S (protocol.md §7.1)")
    for size in (1, 65_536, 2**32 - 1):
        credits.frame(f"{size} bytes", "Credit", *credit(size))
    challenges = File("challenge", "Challenge, S→C (protocol.md §3.5)")
    challenges.map("sign-in", "Challenge", {"scram": SCRAM["server_first"]})
    challenges.map("an account is being made, or has too few iterations", "Challenge", {"scram": SCRAM["server_first"], "iterations": 600_000})
    proofs = File("proof", "Proof, C→S (protocol.md §3.5)")
    proofs.map("sign-in", "Proof", {"scram": SCRAM["client_final"]})
    proofs.map("with the keys that were asked for", "Proof",
               {"scram": SCRAM["client_final"], "stored_key": SCRAM["stored_key"], "server_key": SCRAM["server_key"]})
    return [hello, welcomes, challenges, proofs, ping, pong, close, error, credits]


def message_files():
    publishes = File("publish", "Publish, C→S (protocol.md §4.2)")
    publishes.frame("text", "Publish", *publish(M1, b"hello"), request=3)
    publishes.frame("empty text", "Publish", *publish(M7, b""), request=2**32 - 1)
    publishes.frame("text beyond ASCII, a control character and U+0000", "Publish", *publish(M1, "zażółć 🙂\x1b\0".encode()), request=4)
    publishes.frame("opaque bytes", "Publish", *publish(M8, b"\xff\xfe\x00\x80", kind=2), request=5)
    publishes.frame("on behalf of somebody", "Publish", *publish(M1, b"hi", on_behalf=IMPORTED), request=6)
    publishes.frame("rich: a text with an attachment (attribute 7 of protocol.md §5.2)", "Publish", *publish(M7, attached(HELLO, "grüße.txt", "text/plain", b"look"), kind=7), request=7)

    acknowledged = File("published", "Published, S→C (protocol.md §4.3)")
    acknowledged.frame("stored here", "Published", *published(1, 1), request=3)
    acknowledged.frame("duplicate, stored by a majority", "Published", *published(2, 0x0102030405060708, 2, 1, TIME + 1), request=4)
    acknowledged.frame("a clock before 1970", "Published", *published(2**32 - 1, 2**64 - 2, 1, 0, -1), request=5)

    subscribes = File("subscribe", "Subscribe, C→S (protocol.md §6.1)")
    subscribes.frame("from the start of whichever epoch", "Subscribe", *subscribe(0, 0), request=1)
    subscribes.frame("behind a position", "Subscribe", *subscribe(1, 41), request=2)
    subscribes.frame("only what is new", "Subscribe", *subscribe(0, LATEST), request=3)
    answers = File("subscribed", "Subscribed, S→C (protocol.md §6.2)")
    answers.frame("resumed", "Subscribed", *subscribed(0, 1, 42, 42), request=1)
    answers.frame("up to date", "Subscribed", *subscribed(0, 1, 43, 42), request=2)
    answers.frame("truncated", "Subscribed", *subscribed(1, 3, 1_000, 0x0102030405060708), request=3)
    answers.frame("epoch changed", "Subscribed", *subscribed(2, 2, 0, 50), request=4)

    unsubscribe = File("unsubscribe", "Unsubscribe, C→S (protocol.md §4.1)")
    unsubscribe.frame("a conversation", "Unsubscribe", *only_conversation(), request=8)
    unsubscribed = File("unsubscribed", "Unsubscribed, S→C (protocol.md §4.1)")
    unsubscribed.frame("an answer", "Unsubscribed", *only_conversation(), request=8)
    unsubscribed.frame("a member was removed: nobody asked", "Unsubscribed", *only_conversation(GROUP), request=0)

    sha256_of_hello = bytes.fromhex("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    one = record(1, b"hello")
    three = (record(7, "naïve 🙂".encode(), message=M7),
             record(8, b"\x00\xff", sender=IMPORTED, message=M8, device=1, kind=2, publisher=BOT, sent_at=TIME - 1),
             record(9, sha256_of_hello, erased=True, sent_at=TIME + 1))
    joined = record(5, OTHER + b"\x01" + bytes(7), kind=128, message=KEY)
    left = record(6, OTHER + b"\x00" + bytes(7), kind=129, sender=OTHER, message=M8)
    banned = record(7, OTHER + b"\x07" + bytes(7), kind=129, message=M7)
    muted = record(11, OTHER + b"\x02" + bytes(7) + (5).to_bytes(8, "little") + (TIME + 600_000_000).to_bytes(8, "little") + (5).to_bytes(8, "little"), kind=130)
    invited = record(12, OTHER + b"\x06" + bytes(7) + bytes(8) + (1).to_bytes(8, "little") + bytes(8), kind=130)
    changed = record(13, join(pack({"title": "Lobby", "topic": "", "archived": False, "slow_mode": 30, "history": "joined"})), kind=131)
    erased = record(14, (7).to_bytes(8, "little") + b"\x05\x80", kind=133, sender=OTHER)
    delivers, chunk = File("deliver", "Deliver, S→C (protocol.md §4.4)"), File("chunk", "Chunk, S→C (protocol.md §4.4)")
    delivers.frame("one record", "Deliver", *deliver(1, one))
    delivers.frame("three records: text, on behalf, erased", "Deliver", *deliver(2, *three))
    chunk.frame("one record", "Chunk", *deliver(1, one), request=11)
    chunk.frame("membership of a group", "Chunk", *deliver(1, joined, left, conversation=GROUP), request=12)
    chunk.frame("changes of a member and of the conversation", "Chunk", *deliver(1, muted, invited, changed, conversation=GROUP), request=13)

    records = File("record", "Records (protocol.md §5.1): the stored bytes, without a frame around them")
    for name, (parts, fields) in (("text", one), ("empty text", record(2**64 - 2, b"")), ("text beyond ASCII", three[0]),
                                  ("opaque, on behalf", three[1]), ("erased: the body is the SHA-256 of \"hello\"", three[2]),
                                  ("erased, on behalf", record(10, sha256_of_hello, sender=IMPORTED, publisher=BOT, erased=True)),
                                  ("member added", joined), ("member removed", left), ("member banned", banned),
                                  ("member changed: a moderator since 5, muted, who reads from 5 on", muted),
                                  ("member changed: invited as a member", invited), ("conversation changed", changed),
                                  ("erased with their author: 7, 9 and 22", erased)):
        records.begin(name, fields)
        records.bytes(parts)

    lags = File("lag", "Lag, S→C (protocol.md §7.2)")
    lags.frame("fell behind", "Lag", *lag(1, 180, 204))
    lags.frame("the log was cut off", "Lag", *lag(1, 180, 204, flags=1))
    lags.frame("wide numbers", "Lag", *lag(0x01020304, 0x0102030405060708, 0x1112131415161718))

    fetches = File("fetch", "Fetch, C→S (protocol.md §4.5)")
    fetches.frame("forward from the start", "Fetch", *fetch(0, 0, 0, 0, 0), request=11)
    fetches.frame("backward from the head", "Fetch", *fetch(0, 1, LATEST, 50, 65_536), request=12)
    fetches.frame("forward from a position", "Fetch", *fetch(1, 0, 0x0102030405060708, 10_000, 1_048_576), request=13)
    ends = File("fetch-end", "FetchEnd, S→C (protocol.md §4.5)")
    ends.frame("complete page", "FetchEnd", *fetch_end(1, 1, 50, 155, 204, 204), request=12)
    ends.frame("more follows", "FetchEnd", *fetch_end(0, 1, 2, 0x0102030405060708, 0x0102030405060709, 0x1112131415161718), request=13)
    ends.frame("empty page, another epoch", "FetchEnd", *fetch_end(0, 2, 0, 0, 0, 50), request=14)

    signals = File("signal", "Signal, both (protocol.md §4.9): 20 bytes from a client, 40 from a broker")
    for kind, name in ((1, "typing"), (2, "recording"), (3, "stopped")):
        signals.frame(f"from a client: {name}", "Signal", *signal(kind))
        signals.frame(f"from a broker: {name}", "Signal", *relayed_signal(kind, 0 if kind == 3 else 8_000))
    signals.frame("from a broker: a kind of a later version, ignored", "Signal", *relayed_signal(200, 0x01020304))

    told = File("presence", "Presence, S→C, optional (protocol.md §4.9)")
    minute = TIME - TIME % 60_000_000
    told.frame("changes", "Presence", *presence(0, 2, 3, (USER, 3, 0, "in a meeting – back at 3"), (OTHER, 0, minute, "")))
    told.frame("restart", "Presence", *presence(1, 1, 2, (USER, 4, 0, "hidden"), (OTHER, 0, 0, "")))
    told.frame("changes of numbers only", "Presence", *presence(0, 1, 3))
    told.frame("counts", "Presence", *presence(2, 0x01020304, 0x11121314))
    told.frame("ended", "Presence", *presence(3, 0, 0))
    told.frame("the longest status", "Presence", *presence(0, 1, 1, (USER, 1, 0, "é" * 64)))
    return [publishes, acknowledged, subscribes, answers, unsubscribe, unsubscribed, delivers, chunk, records, lags, fetches, ends, signals, told]


def control_files():
    files = []

    def file(name, kind, cases, heading):
        out = File(name, heading)
        for request, (title, entries) in enumerate(cases, 20):
            out.map(title, kind, entries, request)
        files.append(out)

    file("create-conversation", "CreateConversation", [
        ("public", {"kind": "public", "name": "lobby", "title": "Lobby – come in"}),
        ("group with members and a key", {"kind": "group", "members": [OTHER, IMPORTED], "key": KEY}),
        ("nothing said: a group without a name", {}),
        ("channel with settings", {"kind": "channel", "name": "news", "topic": "what is new", "slow_mode": 30, "history": "all"}),
        ("direct", {"kind": "direct", "members": [OTHER], "key": KEY})], "CreateConversation, C→S (protocol.md §4.6)")
    file("resolve-conversation", "ResolveConversation", [
        ("by name, made when it is free", {"name": "lobby", "create": True}),
        ("by id", {"conversation": CONVERSATION})], "ResolveConversation, C→S (protocol.md §4.6)")
    file("add-members", "AddMembers", [
        ("two members", {"conversation": GROUP, "users": [OTHER, IMPORTED]}),
        ("an owner", {"conversation": GROUP, "users": [OTHER], "role": "owner"}),
        ("sixteen: the longer array header", {"conversation": GROUP, "users": [ident(n) for n in range(1, 17)]})],
        "AddMembers, C→S (protocol.md §4.6)")
    file("remove-member", "RemoveMember", [
        ("somebody", {"conversation": GROUP, "user": OTHER}),
        ("oneself", {"conversation": GROUP})], "RemoveMember, C→S (protocol.md §4.6)")
    file("list-members", "ListMembers", [
        ("first page", {"conversation": GROUP}),
        ("next page", {"conversation": GROUP, "after": OTHER, "limit": 500})], "ListMembers, C→S (protocol.md §4.6)")
    file("list-conversations", "ListConversations", [
        ("first page", {}),
        ("next page", {"after": GROUP, "limit": 100})], "ListConversations, C→S (protocol.md §4.6)")
    file("resolve-users", "ResolveUsers", [
        ("by name", {"names": ["ada", "nobody", "naïve"]}),
        ("by id", {"users": [USER, OTHER]})], "ResolveUsers, C→S (protocol.md §4.6)")
    file("import-users", "ImportUsers", [
        ("two names", {"names": ["ada_", "[x]"]})], "ImportUsers, C→S (protocol.md §4.6)")
    file("backup", "Backup", [
        ("begin one", {"directory": "/srv/backups", "keep": 7}),
        ("how does it go?", {}),
        ("stop it", {"stop": True})], "Backup, C→S (protocol.md §4.6)")

    file("get-stats", "GetStats", [("what is counted", {})], "GetStats, C→S (protocol.md §4.6)")
    file("drain", "Drain", [("go home", {})], "Drain, C→S (protocol.md §4.6)")
    file("get-limits", "GetLimits", [("what is in force", {})], "GetLimits, C→S (protocol.md §4.6)")
    file("set-limits", "SetLimits", [
        ("two of them", {"limits": {"limit_publishes_per_second": 5, "limit_trusted": ["10.0.0.0/8", "::1/128"]}}),
        ("no rates", {"limits": {"limits": False}})], "SetLimits, C→S (protocol.md §4.6)")

    file("get-activity", "GetActivity", [("what the broker is busy with", {})], "GetActivity, C→S (protocol.md §4.6)")

    file("get-annotations", "GetAnnotations", [
        ("everything", {"conversation": GROUP}),
        ("a stretch", {"conversation": GROUP, "first": 100, "last": 199})], "GetAnnotations, C→S (protocol.md §4.6)")
    file("get-thread", "GetThread", [
        ("first page", {"conversation": GROUP, "root": 7}),
        ("next page", {"conversation": GROUP, "root": 7, "after": 41, "limit": 50})], "GetThread, C→S (protocol.md §4.6)")
    file("get-pins", "GetPins", [("first page", {"conversation": GROUP})], "GetPins, C→S (protocol.md §4.6)")
    file("forward", "Forward", [("one message", {"from": GROUP, "sequence": 7, "conversation": CONVERSATION, "id": M1})], "Forward, C→S (protocol.md §4.6)")
    file("schedule", "Schedule", [
        ("a text", {"conversation": GROUP, "id": M1, "kind": 1, "body": "good morning".encode(), "at": TIME}),
        ("at once", {"conversation": GROUP, "id": M7, "body": b"", "at": 1})], "Schedule, C→S (protocol.md §4.6)")
    file("list-scheduled", "ListScheduled", [
        ("all", {}),
        ("next page of one conversation's", {"conversation": GROUP, "after": GROUP + M1, "limit": 100})], "ListScheduled, C→S (protocol.md §4.6)")
    file("cancel-scheduled", "CancelScheduled", [("one message", {"conversation": GROUP, "id": M1})], "CancelScheduled, C→S (protocol.md §4.6)")
    file("hide", "Hide", [
        ("two messages", {"conversation": GROUP, "sequences": (41).to_bytes(8, "little") + (42).to_bytes(8, "little"), "hidden": True}),
        ("one again", {"conversation": GROUP, "sequences": (42).to_bytes(8, "little"), "hidden": False})], "Hide, C→S (protocol.md §4.6)")
    file("list-hidden", "ListHidden", [
        ("all", {}),
        ("next page of one conversation's", {"conversation": GROUP, "after": GROUP + (42).to_bytes(8, "little"), "limit": 100})], "ListHidden, C→S (protocol.md §4.6)")
    file("move-cursor", "MoveCursor", [
        ("read", {"conversation": GROUP, "read": 41}),
        ("delivered", {"conversation": GROUP, "delivered": 42}),
        ("read a thread in private", {"conversation": GROUP, "read": 41, "private": True, "thread": 7})], "MoveCursor, C→S (protocol.md §4.6)")
    file("list-cursors", "ListCursors", [
        ("first page", {"conversation": GROUP}),
        ("next page of a thread's", {"conversation": GROUP, "after": OTHER, "limit": 100, "thread": 7})], "ListCursors, C→S (protocol.md §4.6)")
    file("get-inbox", "GetInbox", [
        ("first page", {}),
        ("what is different, next page", {"known": GROUP + (41).to_bytes(8, "little") + (40).to_bytes(8, "little") + (99).to_bytes(8, "little"), "epoch": 1, "limit": 200}),
        ("of some ids only", {"first": CONVERSATION, "last": GROUP})], "GetInbox, C→S (protocol.md §4.6)")
    file("set-profile", "SetProfile", [
        ("everything", {"display_name": "Ada Lovelace", "avatar": "https://pictures.example/ada.png", "locale": "en-GB",
                        "fields": {"pronouns": "she/her", "title": "Countess – of numbers"}, "if_version": 0}),
        ("one thing taken away", {"avatar": ""}),
        ("a field set and a field taken away", {"fields": {"pronouns": "", "team": "engines"}, "if_version": 0x0102030405060708}),
        ("nothing", {})], "SetProfile, C→S (protocol.md §4.8)")
    file("get-profiles", "GetProfiles", [
        ("one that the client has and one that it has not", {"users": [{"user": USER, "version": 3}, {"user": OTHER}]})],
        "GetProfiles, C→S (protocol.md §4.8)")
    file("search-users", "SearchUsers", [
        ("first page", {"prefix": "ad"}),
        ("next page", {"prefix": "é", "after": OTHER, "limit": 50})], "SearchUsers, C→S (protocol.md §4.8)")
    file("block", "Block", [
        ("block", {"user": OTHER, "blocked": True}),
        ("take it back", {"user": OTHER, "blocked": False})], "Block, C→S (protocol.md §4.8)")
    file("list-blocks", "ListBlocks", [
        ("first page", {}),
        ("next page", {"after": OTHER, "limit": 100})], "ListBlocks, C→S (protocol.md §4.8)")
    file("create-service", "CreateService", [
        ("publishes anywhere a user may", {"name": "shop", "rights": ["publish"]}),
        ("imports, and reads two conversations", {"name": "bridge", "rights": ["import", "read"], "conversations": [CONVERSATION, GROUP]}),
        ("signs in by key", {"name": "shop", "rights": ["publish"], "key": PUBLIC_KEY}),
        ("signs in by certificate", {"name": "shop", "rights": ["publish"], "certificate": "uri:spiffe://example.org/shop"})],
        "CreateService, C→S (protocol.md §4.8)")
    file("list-services", "ListServices", [
        ("first page", {}),
        ("next page", {"after": OTHER, "limit": 100})], "ListServices, C→S (protocol.md §4.8)")
    file("revoke-service", "RevokeService", [("end it", {"user": OTHER})], "RevokeService, C→S (protocol.md §4.8)")
    file("change-service-keys", "ChangeServiceKeys", [
        ("another key", {"user": OTHER, "add": PUBLIC_KEY}),
        ("the old one goes", {"user": OTHER, "remove": THUMBPRINT}),
        ("both at once", {"user": OTHER, "add": PUBLIC_KEY, "remove": THUMBPRINT})], "ChangeServiceKeys, C→S (protocol.md §4.8)")
    file("begin-upload", "BeginUpload", [
        ("a new content", {"hash": HASH, "size": len(HELLO)}),
        ("one that a message has", {"hash": HASH, "conversation": GROUP, "sequence": 7})], "BeginUpload, C→S (protocol.md §4.10)")
    file("put-chunk", "PutChunk", [
        ("the only one", {"hash": HASH, "offset": 0, "crc": crc32c(HELLO), "bytes": HELLO}),
        ("the second one", {"hash": HASH, "offset": 65_536, "crc": crc32c(b"\x00\x01\x02"), "bytes": b"\x00\x01\x02"})], "PutChunk, C→S (protocol.md §4.10)")
    file("finish-upload", "FinishUpload", [("all is there", {"hash": HASH})], "FinishUpload, C→S (protocol.md §4.10)")
    file("get-attachment", "GetAttachment", [
        ("the first 64 KiB", {"conversation": GROUP, "sequence": 7, "hash": HASH}),
        ("a range", {"conversation": GROUP, "sequence": 7, "hash": HASH, "offset": 0x0102030405, "length": 1_000})], "GetAttachment, C→S (protocol.md §4.10)")
    file("get-usage", "GetUsage", [("how much is it?", {})], "GetUsage, C→S (protocol.md §4.10)")
    file("cancel-upload", "CancelUpload", [("give it up", {"hash": HASH})], "CancelUpload, C→S (protocol.md §4.10)")
    file("reauthenticate", "Reauthenticate", [
        ("with a newer token", {"token": TOKEN}),
        ("with the refresh token", {"refresh": REFRESH}),
        ("with a newer signed token", {"assertion": ASSERTION})], "Reauthenticate, C→S (protocol.md §4.11)")
    file("list-devices", "ListDevices", [
        ("one's own", {}),
        ("somebody's, the next page", {"user": OTHER, "after": DEVICE, "limit": 100})], "ListDevices, C→S (protocol.md §4.11)")
    file("name-device", "NameDevice", [
        ("this one", {"name": "the laptop"}),
        ("another one", {"device": DEVICE, "name": "Telefon – blau"})], "NameDevice, C→S (protocol.md §4.11)")
    file("end-devices", "EndDevices", [
        ("one", {"device": DEVICE}),
        ("all others", {"others": True}),
        ("everything of somebody", {"user": OTHER, "all": True})], "EndDevices, C→S (protocol.md §4.11)")
    file("begin-proof", "BeginProof", [
        ("to be erased", {"scram": SCRAM["client_first"]}),
        ("for another password", {"scram": SCRAM["client_first"], "changes": True})], "BeginProof, C→S (protocol.md §4.11)")
    file("change-password", "ChangePassword", [
        ("for a client that keeps refresh tokens", {"password": "correct horse", "new": "battery staple", "renews": True}),
        ("by a proof", {"scram": SCRAM["client_final"], "stored_key": SCRAM["stored_key"], "server_key": SCRAM["server_key"], "renews": True})], "ChangePassword, C→S (protocol.md §4.11)")
    file("suspend-user", "SuspendUser", [
        ("shut out", {"user": OTHER, "suspended": True}),
        ("let in again", {"user": OTHER, "suspended": False})], "SuspendUser, C→S (protocol.md §4.11)")
    file("list-users", "ListUsers", [
        ("first page", {}),
        ("next page", {"after": OTHER, "limit": 100}),
        ("whose name begins so", {"prefix": "ad"})], "ListUsers, C→S (protocol.md §4.11)")
    file("list-sessions", "ListSessions", [
        ("first page", {}),
        ("somebody's, the next page", {"user": OTHER, "after": SESSION, "limit": 100})], "ListSessions, C→S (protocol.md §4.11)")
    file("export-person", "ExportPerson", [
        ("begin", {"begin": True}),
        ("how does another's go?", {"user": OTHER}),
        ("no more", {"discard": True})], "ExportPerson, C→S (protocol.md §4.12)")
    file("get-export", "GetExport", [
        ("the beginning", {"offset": 0}),
        ("a range of another's", {"user": OTHER, "offset": 0x0102030405, "length": 1_000})], "GetExport, C→S (protocol.md §4.12)")
    file("erase-person", "ErasePerson", [
        ("oneself", {"begin": True, "password": "correct horse"}),
        ("oneself, by a proof", {"begin": True, "scram": SCRAM["client_final"]}),
        ("another", {"user": OTHER, "begin": True}),
        ("how does it go?", {"user": OTHER})], "ErasePerson, C→S (protocol.md §4.12)")
    file("erase-conversation", "EraseConversation", [
        ("all of it", {"conversation": GROUP, "begin": True}),
        ("how does it go?", {"conversation": GROUP})], "EraseConversation, C→S (protocol.md §4.6)")
    file("set-presence", "SetPresence", [
        ("do not disturb, with a line that goes", {"availability": "dnd", "status": "in a meeting", "status_until": TIME + 3_600_000_000}),
        ("nobody is at this device", {"idle": True}),
        ("no line any more", {"status": ""}),
        ("what holds now?", {})], "SetPresence, C→S (protocol.md §4.9)")
    file("watch-presence", "WatchPresence", [
        ("begin", {"conversation": CONVERSATION}),
        ("end", {"conversation": CONVERSATION, "watch": False})], "WatchPresence, C→S (protocol.md §4.9)")
    file("change-conversation", "ChangeConversation", [
        ("describe", {"conversation": GROUP, "title": "Lobby", "topic": "", "avatar": "https://chat.example/a.png"}),
        ("configure", {"conversation": GROUP, "archived": True, "slow_mode": 21_600, "history": "invited"}),
        ("keep for thirty days and up to a gibibyte", {"conversation": GROUP, "retention_seconds": 2_592_000, "retention_bytes": 1 << 30})],
        "ChangeConversation, C→S (protocol.md §4.6)")
    file("change-member", "ChangeMember", [
        ("join", {"conversation": CONVERSATION, "change": "join"}),
        ("accept", {"conversation": GROUP, "change": "accept"}),
        ("decline", {"conversation": GROUP, "change": "decline"}),
        ("invite", {"conversation": GROUP, "change": "invite", "user": OTHER, "role": "reader"}),
        ("uninvite", {"conversation": GROUP, "change": "uninvite", "user": OTHER}),
        ("role", {"conversation": GROUP, "change": "role", "user": OTHER, "role": "moderator"}),
        ("mute for ten minutes", {"conversation": GROUP, "change": "mute", "user": OTHER, "seconds": 600}),
        ("mute for as long as can be", {"conversation": GROUP, "change": "mute", "user": OTHER}),
        ("not muted any more", {"conversation": GROUP, "change": "mute", "user": OTHER, "seconds": 0}),
        ("ban", {"conversation": GROUP, "change": "ban", "user": OTHER}),
        ("unban", {"conversation": GROUP, "change": "unban", "user": OTHER})], "ChangeMember, C→S (protocol.md §4.6)")
    file("create-join-link", "CreateJoinLink", [
        ("nothing said: members, any number of uses, seven days", {"conversation": GROUP}),
        ("two readers, one day", {"conversation": GROUP, "role": "reader", "uses": 2, "seconds": 86_400}),
        ("with the maker's secret", {"conversation": GROUP, "key": KEY})], "CreateJoinLink, C→S (protocol.md §4.6)")
    file("list-join-links", "ListJoinLinks", [("of a group", {"conversation": GROUP})], "ListJoinLinks, C→S (protocol.md §4.6)")
    file("revoke-join-link", "RevokeJoinLink", [("one", {"conversation": GROUP, "id": KEY})], "RevokeJoinLink, C→S (protocol.md §4.6)")
    file("join-by-link", "JoinByLink", [("follow it", {"link": LINK})], "JoinByLink, C→S (protocol.md §4.6)")

    replies = File("reply", "Reply, S→C (protocol.md §4.6): `to` is the request that it answers")
    lobby = conversation_map(CONVERSATION, "public", "lobby", "Lobby – come in", created=True)
    group = conversation_map(GROUP, "group", role="owner", epoch=3, head=0x0102030405060708)
    for request, (title, to, entries) in enumerate([
            ("a public conversation, made", "CreateConversation", lobby),
            ("a group", "ResolveConversation", group),
            ("members added", "AddMembers", {"added": 2, "sequence": 6}),
            ("member removed", "RemoveMember", {"sequence": 7}),
            ("members", "ListMembers", {"members": [{"user": USER, "name": "Ada", "role": "owner", "since": 0},
                                                    {"user": OTHER, "name": "Bob", "role": "member", "since": 5}], "complete": True}),
            ("conversations", "ListConversations", {"conversations": [lobby, group], "complete": False}),
            ("no conversations", "ListConversations", {"conversations": [], "complete": True}),
            ("users, the second unknown", "ResolveUsers", {"users": [{"user": USER, "name": "Ada", "external": False}, None,
                                                                     {"user": IMPORTED, "name": "naïve", "external": True}]}),
            ("imported users", "ImportUsers", {"users": [IMPORTED, OTHER]}),
            ("a backup under way", "Backup", {"run": 1, "running": True, "done": 1_048_576, "total": 70_000_000}),
            ("a backup that failed", "Backup", {"run": 2, "running": False, "done": 0, "total": 0, "failure": "no space left on device"}),
            ("a backup that is complete", "Backup", {
                "run": 3, "running": False, "done": 70_000_000, "total": 70_000_000, "backup": 12, "taken_at": TIME, "epoch": 1,
                "commit": 123_456, "files": 9, "copied": 1_048_576, "dropped": 1}),
            ("what a broker counts", "GetStats", {
                "stats": {"fastchat.published": 12_345_678, "fastchat.closed": 4, "fastchat.commit.p99": 900}, "parts": {"fastchat.closed": {"HeartbeatTimeout": 3, "BadFrame": 1}}}),
            ("a broker drains", "Drain", {"draining": True}),
            ("limits", "GetLimits", {"limits": {"limits": True, "limit_burst_seconds": 10, "limit_wrong_passwords": 20, "limit_trusted": ["127.0.0.0/8"]}}),
            ("what a broker is busy with", "GetActivity", {
                "time_us": TIME, "loops": 2, "answered": 1,
                "shards": [{"shard": 0, "loop": 0, "queued": 0, "messages": 1_000, "bytes": 150_000, "delivered": 70_000, "subscriptions": 70, "lagging": 1, "conversations": 3}],
                "conversations": [{"conversation": CONVERSATION, "kind": "public", "name": "general", "messages": 600, "bytes": 90_000},
                                  {"conversation": GROUP, "kind": "group", "title": "Engines", "messages": 2, "bytes": 300}],
                "refusals": [{"act": "sign_in_refused", "detail": "BadCredentials", "remote": "192.0.2.7", "count": 41, "at": TIME},
                             {"act": "access_denied", "detail": "GetStats", "remote": "192.0.2.9", "user": USER, "count": 1, "at": TIME}]}),
            ("a profile changed", "SetProfile", {"version": 4}),
            ("profiles: one is the client's own version, one may not be seen", "GetProfiles", {"profiles": [
                {"user": USER, "version": 3, "unchanged": True}, None,
                {"user": OTHER, "version": 7, "name": "Bob", "display_name": "Bob – der Baumeister", "avatar": "pictures/7", "locale": "de",
                 "fields": {"pronouns": "he/him", "team": "engines"}},
                {"user": IMPORTED, "version": 0, "name": "naïve"}]}),
            ("people found", "SearchUsers", {"users": [{"user": USER, "name": "Ada", "external": False, "display_name": "Ada Lovelace"},
                                                       {"user": IMPORTED, "name": "adam", "external": True}], "more": False, "complete": True}),
            ("blocked", "Block", {"changed": True}),
            ("blocks", "ListBlocks", {"blocks": [{"user": OTHER, "name": "Bob", "blocked_at": TIME}], "complete": True}),
            ("a service made", "CreateService", {"user": OTHER, "token": TOKEN}),
            ("a service with a key made", "CreateService", {"user": OTHER, "key": THUMBPRINT}),
            ("a service's keys", "ChangeServiceKeys", {"keys": [THUMBPRINT]}),
            ("services", "ListServices", {"services": [
                {"user": USER, "name": "shop", "rights": ["publish"], "created_at": TIME},
                {"user": OTHER, "name": "bridge", "rights": ["publish", "import", "read"], "conversations": 2, "created_at": TIME},
                {"user": IMPORTED, "name": "clerk", "rights": ["read"], "created_at": TIME, "keys": [THUMBPRINT], "certificate": "dns:clerk.example.org"}], "complete": True}),
            ("a service ended", "RevokeService", {}),
            ("the connection goes on", "Reauthenticate", {"token_seconds": 900}),
            ("the next pair of tokens", "Reauthenticate", {"token": TOKEN, "refresh": REFRESH, "token_seconds": 900}),
            ("devices", "ListDevices", {"devices": [
                {"device": DEVICE, "name": "the laptop", "created_at": TIME, "last_seen": TIME + 3_600_000_000, "signed_in": "password", "current": True, "online": True},
                {"device": DEVICE + 1, "name": "", "created_at": TIME, "last_seen": TIME, "signed_in": "token", "current": False, "online": False}], "complete": True}),
            ("a device named", "NameDevice", {}),
            ("devices ended", "EndDevices", {"ended": 3}),
            ("the password changed", "ChangePassword", {"token": TOKEN, "refresh": REFRESH, "token_seconds": 900, "ended": 2}),
            ("somebody shut out", "SuspendUser", {"changed": True}),
            ("accounts", "ListUsers", {"users": [
                {"user": USER, "name": "Ada", "external": False, "suspended": False, "created_at": TIME},
                {"user": OTHER, "name": "Bob", "external": False, "suspended": True, "created_at": TIME}], "complete": True}),
            ("sessions", "ListSessions", {"sessions": [
                {"session": SESSION, "user": USER, "name": "Ada", "device": DEVICE, "remote": "192.0.2.7", "token_seconds": 431},
                {"session": KEY, "user": OTHER, "name": "Bob", "device": 5, "remote": "::1"}], "complete": False}),
            ("what the user chose", "SetPresence", {"availability": "dnd", "status": "in a meeting", "status_until": TIME + 3_600_000_000}),
            ("who is there", "WatchPresence", {"online": 1, "members": 2, "entries": [
                {"user": USER, "availability": "away", "status": "lunch"},
                {"user": OTHER, "availability": "offline", "last_seen": TIME - TIME % 60_000_000}]}),
            ("how many are there", "WatchPresence", {"online": 17, "members": 4_000}),
            ("a group with every key", "ResolveConversation", {
                "conversation": GROUP, "kind": "group", "name": "crew", "title": "The crew", "topic": "rockets", "avatar": "https://chat.example/a.png", "archived": True,
                "slow_mode": 30, "history": "invited", "role": "member", "muted_until": TIME, "visible_from": 7, "epoch": 1, "head": 9, "created": False}),
            ("a direct conversation", "CreateConversation", {
                "conversation": CONVERSATION, "kind": "direct", "peer": OTHER, "role": "member", "epoch": 1, "head": 0, "created": True}),
            ("an invitation", "ResolveConversation", conversation_map(GROUP, "group", role="invited", head=4)),
            ("members of every kind, and more to come", "ListMembers", {
                "members": [{"user": USER, "name": "Ada", "role": "admin", "since": 0}, {"user": OTHER, "name": "Bob", "role": "reader", "since": 5, "muted_until": TIME},
                            {"user": IMPORTED, "name": "naïve", "role": "banned", "since": 6}], "complete": False, "next": BOT}),
            ("a member changed", "ChangeMember", {"changed": True, "sequence": 8}),
            ("it was so already", "ChangeMember", {"changed": False, "sequence": 8}),
            ("a conversation changed", "ChangeConversation", {"changed": True, "sequence": 9}),
            ("a link", "CreateJoinLink", {"link": LINK, "expires": TIME}),
            ("links", "ListJoinLinks", {"links": [
                {"id": KEY, "role": "member", "expires": TIME, "expired": False, "creator": USER},
                {"id": M1, "role": "reader", "uses_left": 0, "expires": TIME, "expired": True, "creator": OTHER}]}),
            ("a link revoked", "RevokeJoinLink", {"changed": True}),
            ("joined by a link", "JoinByLink", {"conversation": GROUP, "changed": True, "sequence": 10}),
            ("scheduled", "Schedule", {"at": TIME}),
            ("it was published already", "Schedule", {"at": TIME, "sequence": 11, "epoch": 1}),
            ("what waits, the second refused", "ListScheduled", {"scheduled": [
                {"conversation": GROUP, "id": M1, "at": TIME, "kind": 1, "body": b"good morning"},
                {"conversation": GROUP, "id": M7, "at": TIME, "kind": 2, "body": b"", "refused": 3}], "complete": False, "next": GROUP + M7}),
            ("taken back", "CancelScheduled", {"changed": True}),
            ("hidden", "Hide", {"changed": 2, "version": 7}),
            ("what is hidden", "ListHidden", {"hidden": GROUP + (41).to_bytes(8, "little") + GROUP + (42).to_bytes(8, "little"), "version": 7, "complete": True}),
            ("an upload that goes on", "BeginUpload", {"offset": 131_072, "size": 150_000, "complete": False, "expires": TIME}),
            ("an upload that is complete", "FinishUpload", {"offset": 150_000, "size": 150_000, "complete": True, "expires": TIME}),
            ("a range", "GetAttachment", {"size": len(HELLO), "bytes": HELLO[1:4]}),
            ("what is used", "GetUsage", {"used": 154_096, "quota": 1_073_741_824, "attachments": 2, "open": 1, "open_max": 16, "size_max": 104_857_600}),
            ("given up", "CancelUpload", {"changed": True}),
            ("an export is ready", "ExportPerson", {"state": "ready", "looked": 7, "records": 41, "size": 150_000, "hash": HASH, "until": TIME}),
            ("an export did not come about", "ExportPerson", {"state": "failed", "looked": 7, "records": 0, "reason": "the archive would have more than 1048576 bytes"}),
            ("a part of it", "GetExport", {"bytes": HELLO}),
            ("somebody is being erased", "ErasePerson", {"state": "running", "begun": TIME, "erased": 41, "backups": False}),
            ("a conversation is erased", "EraseConversation", {"state": "done", "begun": TIME, "erased": 41, "backups": True})], 20):
        replies.map(title, "Reply", entries, request, to=to)

    notices = File("notice", "Notice, S→C, optional (protocol.md §4.7)")
    notices.map("added", "Notice", {"event": "added", "conversation": GROUP})
    notices.map("invited", "Notice", {"event": "invited", "conversation": GROUP})
    notices.map("removed", "Notice", {"event": "removed", "conversation": GROUP})
    notices.map("profile", "Notice", {"event": "profile", "user": OTHER, "version": 7})
    notices.map("blocks", "Notice", {"event": "blocks"})
    notices.map("scheduled", "Notice", {"event": "scheduled", "conversation": GROUP, "id": M1})
    notices.map("refused when its time had come", "Notice", {"event": "scheduled", "conversation": GROUP, "id": M1, "refused": 3})
    notices.map("hidden", "Notice", {"event": "hidden", "conversation": GROUP, "version": 7})
    notices.map("an event of a later version: ignored", "Notice", {"event": "later", "number": -5})
    return files + [replies, notices]


def invalid_file():
    out = File("invalid",
               "What a broker does with wrong or unfinished bytes from a client. `state` is awaiting_hello or ready, `limit` the longest frame body in it.",
               "`layer` says who finds it: reader (the frame's header), state (its type and request number), body (its layout), meaning (its values).",
               "`outcome`: need_more_data, close with `code` (protocol.md §9), error with `code` (§8; the connection lives), ignore.")

    def case(name, parts, layer, outcome, code=None, state="ready"):
        fields = {"state": state, "limit": 8_192 if state == "awaiting_hello" else 66_560, "layer": layer, "outcome": outcome}
        out.begin(name, {**fields, "code": code} if code else fields)
        out.bytes(parts)

    def body(name, kind, parts, request=9, outcome="error", code="BAD_REQUEST", **more):
        case(name, frame(kind, request, parts), "body", outcome, code, **more)

    whole = frame("Publish", 3, publish(M1, b"hello")[1])
    case("nothing", [], "reader", "need_more_data")
    case("one byte", raw(join(whole)[:1], ""), "reader", "need_more_data")
    case("seven of eight header bytes", raw(join(whole)[:7], ""), "reader", "need_more_data")
    case("a header and no body", raw(join(whole)[:8], ""), "reader", "need_more_data")
    case("one byte short", raw(join(whole)[:-1], ""), "reader", "need_more_data")
    for state, limit in (("awaiting_hello", 8_192), ("ready", 66_560)):
        kind = "Hello" if state == "awaiting_hello" else "Publish"
        case(f"{state}: the longest body, announced", frame(kind, 0, [], length=limit), "reader", "need_more_data", state=state)
        case(f"{state}: one byte over the limit, refused on sight of the header", frame(kind, 0, [], length=limit + 1), "reader", "close",
             "FRAME_TOO_LARGE", state=state)
    case("the greatest length", frame("Publish", 1, [], length=0xFFFFFF), "reader", "close", "FRAME_TOO_LARGE")
    case("seven bytes of a header that is too large", raw(b"\xff\xff\xff\x10\x01\x00\x00", ""), "reader", "need_more_data")
    case("type 0", frame("", 0, [], kind=0), "reader", "close", "BAD_FRAME")
    case("type 0 before Hello, with a request", frame("", 5, raw(b"\1", "body"), kind=0), "reader", "close", "BAD_FRAME", state="awaiting_hello")

    case("Publish before Hello", whole, "state", "close", "OUT_OF_STATE", "awaiting_hello")
    case("Ping before Hello", frame("Ping", 0, []), "state", "close", "OUT_OF_STATE", "awaiting_hello")
    case("Hello twice", frame("Hello", 0, pack({"version": 1, "token": TOKEN})), "state", "close", "OUT_OF_STATE")
    case("Proof before Hello", frame("Proof", 0, pack({"scram": SCRAM["client_final"]})), "state", "close", "OUT_OF_STATE", "awaiting_hello")
    case("Proof after Welcome", frame("Proof", 0, pack({"scram": SCRAM["client_final"]})), "state", "close", "OUT_OF_STATE")
    for kind, parts in (("Welcome", pack(welcome())), ("Challenge", pack({"scram": SCRAM["server_first"]})), ("Deliver", deliver(1, record(1, b"hello"))[1]), ("Published", published(1, 1)[1]),
                        ("Error", failure(1, 0, "")[1]), ("Reply", pack({})), ("Notice", pack({"event": "added"}))):
        case(f"{kind}: only brokers send it", frame(kind, 0, parts), "state", "close", "OUT_OF_STATE")
    case("Publish with request 0", frame("Publish", 0, publish(M1, b"hello")[1]), "state", "close", "BAD_FRAME")
    case("Subscribe with request 0", frame("Subscribe", 0, subscribe(0, 0)[1]), "state", "close", "BAD_FRAME")
    case("ListConversations with request 0", frame("ListConversations", 0, pack({})), "state", "close", "BAD_FRAME")
    case("a reserved type with a request", frame("", 12, [], kind=0x1B), "state", "error", "UNSUPPORTED")
    case("a reserved type without a request", frame("", 0, [], kind=0x1B), "state", "close", "BAD_FRAME")
    case("the last unknown type with a request", frame("", 13, [], kind=0x7F), "state", "error", "UNSUPPORTED")
    case("an unknown optional type", frame("", 0, raw(b"\1\2\3", "body"), kind=0x90), "state", "ignore")
    case("an unknown optional type with a request", frame("", 14, [], kind=0xFF), "state", "ignore")

    body("Publish of 20 bytes", "Publish", raw(join(whole)[8:28], "20 bytes"))
    body("Publish one byte short of its fixed part", "Publish", raw(join(whole)[8:43], "35 bytes"))
    body("Publish with an unknown flag", "Publish", publish(M1, b"hello", flags=4)[1])
    body("Publish on condition of a head of 7 bytes", "Publish", publish(M1, bytes(7), flags=2)[1])
    body("Publish with a zero field set", "Publish", publish(M1, b"hello", zero=b"\0\1")[1])
    body("Publish on behalf of 15 bytes", "Publish", publish(M1, bytes(range(15)), flags=1)[1])
    body("Subscribe one byte short", "Subscribe", raw(join(subscribe(1, 1)[1])[:-1], "31 bytes"))
    body("Subscribe one byte long", "Subscribe", subscribe(1, 1)[1] + raw(b"\0", "one more"))
    body("Subscribe with a zero field set", "Subscribe", subscribe(1, 1, zero=0x01000000)[1])
    body("Unsubscribe of 15 bytes", "Unsubscribe", raw(CONVERSATION[:15], "15 bytes"))
    body("Unsubscribe of 17 bytes", "Unsubscribe", raw(CONVERSATION + b"\0", "17 bytes"))
    body("Unsubscribe of nothing", "Unsubscribe", [])
    body("Fetch one byte short", "Fetch", raw(join(fetch(0, 0, 0, 0, 0)[1])[:-1], "39 bytes"))
    body("Fetch one byte long", "Fetch", fetch(0, 0, 0, 0, 0)[1] + raw(b"\0", "one more"))
    body("Fetch in a third direction", "Fetch", fetch(0, 2, 0, 0, 0)[1])
    for at in range(3):
        body(f"Fetch with zero byte {at} set", "Fetch", fetch(0, 0, 0, 0, 0, zero=bytes(1 if n == at else 0 for n in range(3)))[1])
    for name, parts in (("of 3 bytes", raw(b"\1\0\0", "bytes")), ("of 5 bytes", raw(b"\1\0\0\0\0", "bytes")), ("of nothing", []),
                        ("that adds nothing", credit(0)[1])):
        body("Credit " + name, "Credit", parts, 0, "close", "BAD_FRAME")

    for name, parts in (("of 19 bytes", raw(join(signal(1)[1])[:-1], "19 bytes")), ("of 21 bytes", signal(1)[1] + raw(b"\0", "one more")), ("of nothing", []),
                        ("of kind 0", signal(0)[1]), ("of kind 4", signal(4)[1]), ("with a zero field set", signal(1, zero=b"\0\0\1")[1])):
        body("Signal " + name, "Signal", parts, 0, "close", "BAD_FRAME")

    token = pack("token", "key") + pack(TOKEN)
    maps = [
        ("empty body", []),
        ("nil", raw(b"\xc0", "nil")),
        ("an array", pack([1])),
        ("a text", pack("token")),
        ("a byte that MessagePack never uses", raw(b"\xc1", "")),
        ("an extension type", raw(b"\x81", "map of 1") + pack("x", "key") + raw(b"\xd4\x01\x00", "= fixext 1")),
        ("a timestamp", raw(b"\x81", "map of 1") + pack("x", "key") + raw(b"\xd6\xff\x00\x00\x00\x00", "= timestamp 32")),
        ("an extension of 4 GiB", raw(b"\x81", "map of 1") + pack("x", "key") + raw(b"\xc9\xff\xff\xff\xff\x01", "= ext 32")),
        ("a key twice", raw(b"\x82", "map of 2") + token + token),
        ("a key twice, first nil", raw(b"\x82", "map of 2") + pack("a", "key") + pack(None) + pack("a", "key") + pack(1)),
        ("a key that is a number", raw(b"\x81", "map of 1") + pack(1, "key") + pack(1)),
        ("a key that is nil", raw(b"\x81", "map of 1") + pack(None, "key") + pack(1)),
        ("bytes behind the map", pack({}) + raw(b"\xc0", "one more")),
        ("fewer entries than declared", raw(b"\x82", "map of 2") + token),
        ("a key without a value", raw(b"\x81", "map of 1") + pack("token", "key")),
        ("4 Gi entries declared", raw(b"\xdf\xff\xff\xff\xff", "map of 4294967295")),
        ("65 entries", pack({f"k{n:02}": n for n in range(65)})),
        ("501 elements", pack({"a": [None] * 501})[:-501] + raw(b"\xc0" * 501, "501 × nil")),
        ("4 Gi elements declared", raw(b"\x81", "map of 1") + pack("a", "key") + raw(b"\xdd\xff\xff\xff\xff", "= array of 4294967295")),
        ("a text of 4 GiB declared", raw(b"\x81", "map of 1") + pack("a", "key") + raw(b"\xdb\xff\xff\xff\xff", "= str 32")),
        ("a text cut short", raw(b"\x81", "map of 1") + pack("a", "key") + raw(b"\xa5abc", "= str 5, three bytes of it")),
        ("ill-formed UTF-8 in a value", raw(b"\x81", "map of 1") + pack("a", "key") + raw(b"\xa2\xc3\x28", "= str 2")),
        ("a surrogate in a value", raw(b"\x81", "map of 1") + pack("a", "key") + raw(b"\xa3\xed\xa0\x80", "= str 3")),
        ("ill-formed UTF-8 in a key", raw(b"\x81\xa1\xff", "map of 1, key") + pack(1)),
        ("nine deep", raw(b"\x81", "map of 1") + pack("a", "key") + raw(b"\x91" * 8, "8 arrays") + pack(1)),
        ("nine deep in maps nobody asked for", raw(b"\x81\xa1a" * 9, "9 maps") + pack(1)),
        ("a thousand deep", raw(b"\x81", "map of 1") + pack("a", "key") + raw(b"\x91" * 1000, "1000 arrays")),
    ]
    for name, parts in maps:
        body(f"Hello, {name}", "Hello", parts, 0, "close", "BAD_FRAME", state="awaiting_hello")
        body(f"ListConversations, {name}", "ListConversations", parts)
    for name, entries in (("version is a text", {"version": "1"}), ("version is negative", {"version": -1}), ("register is a number", {"version": 1, "register": 1}),
                          ("token is bytes", {"version": 1, "token": b"abc"}), ("session of 15 bytes", {"version": 1, "session": SESSION[:15]}),
                          ("session as a text", {"version": 1, "session": SESSION.hex()}), ("window over 32 bits", {"version": 1, "window": 2**32}),
                          ("client of 65 bytes", {"version": 1, "client": "x" * 65}),
                          ("scram of 1025 bytes", {"version": 1, "scram": "x" * 1025}), ("scram is bytes", {"version": 1, "scram": b"n,,n=ada,r=abc"})):
        body(f"Hello, {name}", "Hello", pack(entries), 0, "close", "BAD_FRAME", state="awaiting_hello")

    for name, message in (("kind 0", publish(M1, b"hello", kind=0)), ("kind 128: brokers write it", publish(M1, OTHER + b"\1" + bytes(7), kind=128)),
                          ("kind 129: brokers write it", publish(M1, OTHER + bytes(8), kind=129))):
        case("Publish, " + name, frame("Publish", 9, message[1]), "meaning", "error", "KIND_INVALID")
    for name, text in (("ff fe", b"\xff\xfe"), ("an overlong form", b"\xc0\xaf"), ("a surrogate", b"\xed\xa0\x80"), ("a character cut short", b"ok\xf0\x9f\x99"),
                       ("above U+10FFFF", b"\xf4\x90\x80\x80")):
        case("Publish, text with " + name, frame("Publish", 10, publish(M1, text)[1]), "meaning", "error", "INVALID_TEXT")
    return out


def resume_file():
    out = File("resume", "The traces of protocol.md §10.2 to §10.4, byte for byte: > is sent by the client, < by the broker.",
               "§10.4 has smaller numbers here than there.")
    out.begin("10.2 reconnect with unanswered publishes", {"processed": 41, "epoch": 1})
    out.note("Processed up to 1:41; M7 and M8 were sent, no answer came, the connection broke. The frames need not wait for Welcome.")
    out.step(">", "Hello", pack({"version": 1, "token": TOKEN, "session": SESSION}))
    out.step(">", "Subscribe", subscribe(1, 41)[1], 1)
    out.step(">", "Publish", publish(M7, b"seven")[1], 2)
    out.step(">", "Publish", publish(M8, b"eight")[1], 3)
    out.step("<", "Welcome", pack(welcome(resumed=True)))
    out.step("<", "Subscribed", subscribed(0, 1, 42, 42)[1], 1, "RESUMED")
    out.step("<", "Deliver", deliver(1, record(42, b"seven", message=M7, sent_at=TIME - 5_000_000))[1], note="M7 had been stored before the break")
    out.step("<", "Published", published(1, 42, duplicate=1, sent_at=TIME + 1_000)[1], 2, "the old position; sent_at is this attempt's")
    out.step("<", "Published", published(1, 43, sent_at=TIME + 1_001)[1], 3)
    out.step("<", "Deliver", deliver(1, record(43, b"eight", message=M8, sent_at=TIME + 1_001))[1])

    out.begin("10.2 the broker was restarted: another session, the same frames", {"processed": 41, "epoch": 1})
    out.step(">", "Hello", pack({"version": 1, "token": TOKEN, "session": SESSION}))
    out.step(">", "Subscribe", subscribe(1, 41)[1], 1)
    out.step(">", "Publish", publish(M7, b"seven")[1], 2)
    out.step("<", "Welcome", pack(welcome(session=NEW_SESSION)), note="resumed=false, and nothing else differs")
    out.step("<", "Subscribed", subscribed(0, 1, 42, 41)[1], 1, "first is behind the head: up to date")
    out.step("<", "Published", published(1, 42, sent_at=TIME + 1_000)[1], 2)
    out.step("<", "Deliver", deliver(1, record(42, b"seven", message=M7, sent_at=TIME + 1_000))[1])

    out.begin("10.3 the log lost its tail", {"processed": 57, "epoch": 1})
    out.step(">", "Subscribe", subscribe(1, 57)[1], 1)
    out.step("<", "Subscribed", subscribed(2, 2, 0, 50)[1], 1, "EPOCH_CHANGED: there is no subscription")
    out.note("The client tells its application that records 1:51 … 1:57 may be gone, forgets them, and")
    out.step(">", "Subscribe", subscribe(2, 50)[1], 2)
    out.step("<", "Subscribed", subscribed(0, 2, 51, 50)[1], 2, "RESUMED")

    out.begin("10.4 a slow reader", {"processed": 99, "epoch": 1})
    text = lambda sequence: record(sequence, f"message {sequence}".encode(), message=ident(0x10 + sequence % 100), sent_at=TIME + sequence)
    out.step("<", "Deliver", deliver(1, text(100))[1])
    out.note("The client stops reading; the broker's buffer for it fills, and the client reads again.")
    out.step("<", "Deliver", deliver(1, text(101), text(102))[1], note="what had been queued")
    out.step("<", "Lag", lag(1, 103, 105)[1], note="in its place in the stream")
    out.step("<", "Deliver", deliver(1, text(103), text(104), text(105))[1], note="from the log")
    out.step("<", "Deliver", deliver(1, text(106))[1], note="live")
    return out


if __name__ == "__main__":
    target = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    for each in connection_files() + message_files() + control_files() + [invalid_file(), resume_file(), scram_file()]:
        each.write(target)
