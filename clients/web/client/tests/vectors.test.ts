import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlFloat, ControlMap, type ControlValue } from "../src/protocol/control/ControlMap.js";
import { CloseCode } from "../src/protocol/CloseCode.js";
import { ErrorCode } from "../src/protocol/ErrorCode.js";
import { writeCredit } from "../src/protocol/frames/Credit.js";
import { readDeliver, readRun } from "../src/protocol/frames/Deliver.js";
import { readFailure } from "../src/protocol/frames/Failure.js";
import { readFetchEnd, writeFetch } from "../src/protocol/frames/Fetch.js";
import { readLag } from "../src/protocol/frames/Lag.js";
import { readPresence } from "../src/protocol/frames/Presence.js";
import { writePublish } from "../src/protocol/frames/Publish.js";
import { readPublished } from "../src/protocol/frames/Published.js";
import { readSignal, writeSignal } from "../src/protocol/frames/Signal.js";
import { readSubscribed, readUnsubscribed, writeSubscribe, writeUnsubscribe } from "../src/protocol/frames/Subscribe.js";
import { FrameReader, type Frame } from "../src/protocol/FrameReader.js";
import { FrameType } from "../src/protocol/FrameType.js";
import { writeClose, writeFrame } from "../src/protocol/FrameWriter.js";
import { readRecord, type MessageRecord } from "../src/protocol/MessageRecord.js";
import { writeHello, parseWelcome } from "../src/protocol/control/Hello.js";
import type { ClientMessageId, ConversationId, UserId } from "../src/protocol/primitives/Ids.js";
import { AVAILABILITIES, SIGNALS } from "../src/protocol/primitives/Words.js";
import { ProtocolLimits } from "../src/protocol/ProtocolLimits.js";
import { ProtocolViolation } from "../src/protocol/ProtocolViolation.js";
import { allVectors, hex, readVectors, type Value, type Vector } from "./support/vectors.js";

const frames = allVectors().filter((vector) => !["invalid.txt", "resume.txt", "record.txt", "scram.txt"].includes(vector.file));

/** The number, where this client can have it; a greater one makes the whole unreadable. */
function isReadable(...values: (Value | undefined)[]): boolean {
  return values.every((value) => typeof value === "number" || (typeof value === "bigint" && value <= BigInt(Number.MAX_SAFE_INTEGER)));
}

function only(vector: Vector): Frame {
  const all = [...new FrameReader(ProtocolLimits.serverFrameSizeMax).push(vector.frames[0]!.bytes)];
  assert.equal(all.length, 1);
  return all[0]!;
}

/** A map as the vectors write it. */
function plain(value: ControlValue): Value {
  return value instanceof ControlMap
    ? Object.fromEntries([...value.entries()].map(([key, inner]) => [key, plain(inner)]))
    : value instanceof ControlFloat
      ? value.value
      : Array.isArray(value)
        ? (value as ControlValue[]).map(plain)
        : (value as Value);
}

/** A map as the client writes it. */
function control(value: Value): ControlValue {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) {
    return value as ControlValue;
  }

  return Array.isArray(value) ? value.map(control) : mapOf(value);
}

function mapOf(fields: { [key: string]: Value }): ControlMap {
  const map = new ControlMap();
  Object.entries(fields).forEach(([key, value]) => map.set(key, control(value)));
  return map;
}

/** Big integers that fit a number are numbers, in vectors and here. */
function normal(value: Value): Value {
  return typeof value === "bigint" && Number.isSafeInteger(Number(value))
    ? Number(value)
    : value instanceof Uint8Array
      ? hex(value)
      : Array.isArray(value)
        ? value.map(normal)
        : typeof value === "object" && value !== null
          ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, normal(inner)]))
          : value;
}

test("the vectors are there", () => {
  assert.ok(frames.length > 150, `${frames.length} vectors`);
});

for (const vector of frames) {
  const title = `${vector.file}: ${vector.name}`;
  test(`${title}: is cut from the stream, wherever its borders lie`, () => {
    const bytes = vector.frames[0]!.bytes;
    const frame = only(vector);
    assert.equal(frame.type, FrameType[vector.fields["frame"] as keyof typeof FrameType]);
    assert.equal(frame.request, vector.fields["request"]);
    const twice = new Uint8Array([...bytes, ...bytes]);
    for (let border = 1; border < twice.length; border++) {
      const reader = new FrameReader(ProtocolLimits.serverFrameSizeMax);
      const got = [...reader.push(twice.subarray(0, border)), ...reader.push(twice.subarray(border))];
      assert.deepEqual(got.map((one) => hex(one.body)), [hex(frame.body), hex(frame.body)]);
      assert.equal(reader.pending, 0);
    }
  });

  if (vector.fields["map"] !== undefined) {
    test(`${title}: its map is read and written`, () => {
      const map = ControlMap.parse(only(vector).body);
      assert.deepEqual(normal(plain(map)), normal(vector.fields["map"]!));
      if (vector.fields["canonical"] !== false) {
        const written = writeFrame(only(vector).type, only(vector).request, mapOf(vector.fields["map"] as { [key: string]: Value }).toBytes());
        assert.equal(hex(written), hex(vector.frames[0]!.bytes));
      }
    });
  }
}

/** What each frame's layout is checked by: what the client writes is compared byte by byte, what it reads field by field. */
const layouts: Record<string, (vector: Vector, frame: Frame) => void> = {
  Publish: ({ fields, frames: [bytes] }, frame) => {
    const written = () =>
      writePublish(
        {
          conversation: hex(fields["conversation"]) as ConversationId,
          id: hex(fields["client_message_id"]) as ClientMessageId,
          kind: fields["kind"] as number,
          onBehalfOf: fields["on_behalf_of"] === undefined ? undefined : (hex(fields["on_behalf_of"]) as UserId),
          ifHead: fields["if_head"] === undefined ? undefined : Number(fields["if_head"]),
          body: fields["body"] as Uint8Array,
        },
        frame.request,
      );
    if (fields["if_head"] !== undefined && !isReadable(fields["if_head"])) {
      assert.throws(written, RangeError);
    } else {
      assert.equal(hex(written()), hex(bytes!.bytes));
    }
  },
  Published: ({ fields }, frame) => {
    const read = readPublished(frame.body);
    if (!isReadable(fields["sequence"])) {
      assert.equal(read, undefined);
      return;
    }

    assert.deepEqual(read, {
      epoch: fields["epoch"], durability: fields["durability"], isDuplicate: fields["duplicate"] === 1, sequence: fields["sequence"], sentAt: (fields["sent_at"] as number) / 1000,
    });
  },
  Subscribe: ({ fields, frames: [bytes] }, frame) => {
    const sequence = typeof fields["after"] === "bigint" ? Infinity : (fields["after"] as number);
    const written = writeSubscribe(hex(fields["conversation"]) as ConversationId, { epoch: fields["epoch"] as number, sequence }, frame.request);
    assert.equal(hex(written), hex(bytes!.bytes));
  },
  Subscribed: ({ fields }, frame) => {
    const { status, epoch, first, head } = fields;
    assert.deepEqual(readSubscribed(frame.body), isReadable(first, head) ? { status, epoch, first, head } : undefined);
  },
  Unsubscribe: ({ fields, frames: [bytes] }, frame) => {
    assert.equal(hex(writeUnsubscribe(hex(fields["conversation"]) as ConversationId, frame.request)), hex(bytes!.bytes));
  },
  Unsubscribed: ({ fields }, frame) => assert.equal(readUnsubscribed(frame.body), hex(fields["conversation"])),
  Deliver: checkRecords,
  Chunk: checkRecords,
  Lag: ({ fields }, frame) => {
    const { epoch, flags, next, head } = fields;
    assert.deepEqual(readLag(frame.body), isReadable(next, head) ? { conversation: hex(fields["conversation"]), epoch, isCut: flags === 1, next, head } : undefined);
  },
  Fetch: ({ fields, frames: [bytes] }, frame) => {
    const big = fields["position"] as number | bigint;
    const sequence = big === 0xffff_ffff_ffff_ffffn ? Infinity : Number(big);
    const written = () =>
      writeFetch(
        {
          conversation: hex(fields["conversation"]) as ConversationId,
          position: { epoch: fields["epoch"] as number, sequence },
          isForward: fields["direction"] === 0,
          countMax: fields["max_count"] as number,
          bytesMax: fields["max_bytes"] as number,
        },
        frame.request,
      );
    if (sequence !== Infinity && !Number.isSafeInteger(sequence)) {
      assert.throws(written, RangeError);
    } else {
      assert.equal(hex(written()), hex(bytes!.bytes));
    }
  },
  FetchEnd: ({ fields }, frame) => {
    const { epoch, count, first, last, head } = fields;
    assert.deepEqual(readFetchEnd(frame.body), isReadable(first, last, head) ? { isComplete: fields["complete"] === 1, epoch, count, first, last, head } : undefined);
  },
  Credit: ({ fields, frames: [bytes] }) => assert.equal(hex(writeCredit(fields["bytes"] as number)), hex(bytes!.bytes)),
  Signal: ({ fields, frames: [bytes] }, frame) => {
    const kind = SIGNALS[fields["kind"] as number];
    if (fields["user"] === undefined) {
      assert.equal(hex(writeSignal(hex(fields["conversation"]) as ConversationId, kind!)), hex(bytes!.bytes));
    } else {
      assert.deepEqual(readSignal(frame.body), { conversation: hex(fields["conversation"]), user: hex(fields["user"]), kind, timeToLive: fields["time_to_live_ms"] });
    }
  },
  Presence: ({ fields }, frame) => {
    const entries = (fields["entries"] as { [key: string]: Value }[]).map((entry) => ({
      user: hex(entry["user"]),
      availability: AVAILABILITIES[entry["availability"] as number],
      lastSeen: entry["last_seen"] === 0 ? undefined : (entry["last_seen"] as number) / 1000,
      status: entry["status"],
    }));
    assert.deepEqual(readPresence(frame.body), {
      conversation: hex(fields["conversation"]), shape: fields["shape"], online: fields["online"], members: fields["members"], entries,
    });
  },
  Error: checkFailure,
  Close: (vector, frame) => {
    checkFailure(vector, frame);
    if (vector.fields["retry_after_ms"] === 0) {
      assert.equal(hex(writeClose(vector.fields["code"] as number, vector.fields["reason"] as string)), hex(vector.frames[0]!.bytes));
    }
  },
  Ping: ({ fields, frames: [bytes] }, frame) => assert.equal(hex(writeFrame(FrameType.Ping, frame.request, fields["body"] as Uint8Array)), hex(bytes!.bytes)),
  Pong: ({ fields, frames: [bytes] }, frame) => assert.equal(hex(writeFrame(FrameType.Pong, frame.request, fields["body"] as Uint8Array)), hex(bytes!.bytes)),
};

for (const vector of frames.filter((one) => one.fields["map"] === undefined)) {
  test(`${vector.file}: ${vector.name}: its layout`, () => {
    const check = layouts[vector.fields["frame"] as string];
    assert.ok(check !== undefined, `no check for ${String(vector.fields["frame"])}`);
    check(vector, only(vector));
  });
}

for (const vector of readVectors("record.txt")) {
  test(`record.txt: ${vector.name}`, () => checkRecord(readRecord(vector.frames[0]!.bytes, 0), vector.fields));
}

for (const vector of readVectors("resume.txt")) {
  test(`resume.txt: ${vector.name}: every frame of it can be read`, () => {
    for (const { side, frame, bytes } of vector.frames) {
      const [one] = [...new FrameReader(ProtocolLimits.serverFrameSizeMax).push(bytes)];
      assert.equal(one!.type, FrameType[frame as keyof typeof FrameType], `${side} ${frame}`);
      if (frame === "Deliver") {
        assert.ok(readRun(readDeliver(one!.body), 0).length > 0);
      } else if (frame === "Subscribed") {
        assert.ok(readSubscribed(one!.body) !== undefined);
      } else if (frame === "Published") {
        assert.ok(readPublished(one!.body) !== undefined);
      }
    }
  });
}

test("hello.txt: the client writes what the vector says", () => {
  const vector = readVectors("hello.txt").find((one) => one.name === "make an account")!;
  const map = writeHello({ client: "vectors/1", name: "Ada", password: "correct horse", register: true, attempt: 1, window: 5, signals: false });
  const { version, client, name, password, register } = plain(map) as Record<string, Value>;
  assert.deepEqual({ version, client, name, password, register }, vector.fields["map"]);
});

for (const vector of readVectors("welcome.txt")) {
  test(`welcome.txt: ${vector.name}`, () => {
    const fields = vector.fields["map"] as Record<string, Value>;
    const welcome = parseWelcome(ControlMap.parse(only(vector).body));
    assert.equal(welcome.session, hex(fields["session"]));
    assert.equal(welcome.user, hex(fields["user"]));
    assert.equal(welcome.device, BigInt(fields["device"] as bigint));
    assert.equal(welcome.tokens.token, fields["token"]);
    assert.equal(welcome.tokens.refresh, fields["refresh"]);
    assert.equal(welcome.tokens.seconds, fields["token_seconds"]);
    assert.equal(welcome.isResumed, fields["resumed"]);
  });
}

for (const vector of readVectors("invalid.txt").filter((one) => one.fields["layer"] === "reader")) {
  test(`invalid.txt: ${vector.name}: the reader says so`, () => {
    const push = () => [...new FrameReader(vector.fields["limit"] as number).push(vector.frames[0]?.bytes ?? new Uint8Array())];
    if (vector.fields["outcome"] === "close") {
      assert.throws(push, (error) => error instanceof ProtocolViolation && error.code === closeCode(vector.fields["code"] as string));
    } else if (vector.fields["outcome"] === "need_more_data") {
      assert.deepEqual(push(), []);
    } else {
      assert.ok(push().length > 0);
    }
  });
}

test("protocol.md and the tables of codes agree", () => {
  for (const vector of readVectors("error.txt")) {
    assert.ok(Object.values(ErrorCode).includes(vector.fields["code"] as never));
  }
});

function closeCode(name: string): number {
  return CloseCode[name.toLowerCase().replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase()) as keyof typeof CloseCode];
}

function checkFailure({ fields }: Vector, frame: Frame): void {
  assert.deepEqual(readFailure(frame.body), {
    code: fields["code"], isInOrder: fields["in_order"] === true, retryAfter: fields["retry_after_ms"], reason: fields["reason"],
  });
}

function checkRecords({ fields }: Vector, frame: Frame): void {
  const deliver = readDeliver(frame.body);
  assert.equal(deliver.conversation, hex(fields["conversation"]));
  assert.equal(deliver.epoch, fields["epoch"]);
  assert.equal(deliver.count, fields["count"]);
  const records = fields["records"] as { [key: string]: Value }[];
  if (records.every((record) => isReadable(record["sequence"]))) {
    readRun(deliver, 0).forEach((record, i) => checkRecord(record, records[i]!));
  } else {
    assert.throws(() => readRun(deliver, 0), ProtocolViolation);
  }
}

function checkRecord(record: MessageRecord | undefined, fields: { [key: string]: Value }): void {
  if (!isReadable(fields["sequence"])) {
    assert.equal(record, undefined);
    return;
  }

  assert.ok(record !== undefined);
  assert.equal(record.size, fields["size"]);
  assert.equal(record.sequence, fields["sequence"]);
  assert.equal(record.sentAt, Number(fields["sent_at"]) / 1000);
  assert.equal(record.sender, hex(fields["sender"]));
  assert.equal(record.clientMessageId, hex(fields["client_message_id"]));
  assert.equal(record.device, BigInt(fields["device"] as number | bigint));
  assert.equal(record.kind, fields["kind"]);
  assert.equal(record.flags, fields["flags"]);
  assert.equal(hex(record.body), hex(fields["body"]));
  assert.equal(record.publisher, hex(fields["publisher"] ?? fields["sender"]));
}
