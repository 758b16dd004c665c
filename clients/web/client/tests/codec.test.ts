import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlFloat, ControlFormatError, ControlMap, type ControlValue } from "../src/protocol/control/ControlMap.js";
import { crc32c } from "../src/protocol/encoding/Crc32C.js";
import { readI64, readU64, writeU64 } from "../src/protocol/encoding/Numbers.js";
import { utf8Decode, utf8Encode } from "../src/protocol/encoding/Utf8.js";
import { readDeliver, readRun } from "../src/protocol/frames/Deliver.js";
import { readFailure } from "../src/protocol/frames/Failure.js";
import { readFetchEnd } from "../src/protocol/frames/Fetch.js";
import { readLag } from "../src/protocol/frames/Lag.js";
import { readPresence } from "../src/protocol/frames/Presence.js";
import { readPublished } from "../src/protocol/frames/Published.js";
import { readSignal } from "../src/protocol/frames/Signal.js";
import { readSubscribed, readUnsubscribed } from "../src/protocol/frames/Subscribe.js";
import { FrameReader } from "../src/protocol/FrameReader.js";
import { readRecord } from "../src/protocol/MessageRecord.js";
import { readAttributes, writeAttributes, type MessageAttributes } from "../src/protocol/messages/MessageAttributes.js";
import { attributesOf, readErased, readMembership, readPin, readReaction, targetOfRecord, textOf, writeEdit, writeReaction, writeRich } from "../src/protocol/messages/MessageBodies.js";
import { conversationId, fromHex, randomId, toHex } from "../src/protocol/primitives/Ids.js";
import { MessageKind } from "../src/protocol/primitives/MessageKind.js";
import { parseConversationInfo } from "../src/protocol/control/ConversationInfo.js";
import { parseWelcome } from "../src/protocol/control/Hello.js";
import { parseProfile } from "../src/protocol/control/Profile.js";
import { parseInboxEntry, parseMessageState } from "../src/client/Pages.js";
import { ProtocolLimits } from "../src/protocol/ProtocolLimits.js";
import { ProtocolViolation } from "../src/protocol/ProtocolViolation.js";
import { allVectors } from "./support/vectors.js";

/** The same numbers in each run: a failure can be repeated by its seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

const hexOf = (map: ControlMap) => toHex(map.toBytes());
const of = (value: ControlValue) => new ControlMap().set("v", value);

test("CRC-32C of the check value, and of every length", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array()), 0);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  const bytes = new Uint8Array(64).map((_, i) => i);
  for (let size = 0; size <= 64; size++) {
    // Bit by bit, as the definition has it.
    let expected = 0xffff_ffff;
    for (const byte of bytes.subarray(0, size)) {
      expected ^= byte;
      for (let bit = 0; bit < 8; bit++) {
        expected = expected & 1 ? (expected >>> 1) ^ 0x82f63b78 : expected >>> 1;
      }
    }

    assert.equal(crc32c(bytes, 0, size), ~expected >>> 0, `of ${size} bytes`);
  }
});

test("integers in their shortest form, and back", () => {
  const forms: [number | bigint, string][] = [
    [0, "00"], [127, "7f"], [128, "cc80"], [255, "ccff"], [256, "cd0100"], [65_535, "cdffff"], [65_536, "ce00010000"], [4_294_967_295, "ceffffffff"], [4_294_967_296, "cf0000000100000000"],
    [Number.MAX_SAFE_INTEGER, "cf001fffffffffffff"], [0xffff_ffff_ffff_ffffn, "cfffffffffffffffff"], [-1, "ff"], [-32, "e0"], [-33, "d0df"], [-128, "d080"], [-129, "d1ff7f"], [-32_768, "d18000"],
    [-32_769, "d2ffff7fff"], [-2_147_483_648, "d280000000"], [-2_147_483_649, "d3ffffffff7fffffff"],
  ];
  for (const [value, form] of forms) {
    assert.equal(hexOf(of(value)), `81a176${form}`, String(value));
    assert.equal(ControlMap.parse(fromHex(`81a176${form}`)).get("v"), value);
  }
});

test("what is no integer, no text and no map has no form", () => {
  for (const value of [1.5, NaN, Infinity, 2 ** 53, 1n << 64n, -(1n << 64n), "\udc00", "a\ud800"]) {
    assert.throws(() => of(value).toBytes(), ControlFormatError, String(value));
  }
});

test("lengths of texts, bytes, arrays and maps at the borders of their forms", () => {
  for (const size of [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536]) {
    const bytes = new Uint8Array(size).fill(65);
    const text = "A".repeat(size);
    const map = ControlMap.parse(new ControlMap().set("b", bytes).set("t", text).toBytes());
    assert.deepEqual(map.bytes("b"), bytes);
    assert.equal(map.text("t"), text);
  }

  for (const count of [0, 15, 16, 500]) {
    assert.equal((ControlMap.parse(of(Array.from({ length: count }, () => 1)).toBytes()).get("v") as unknown[]).length, count);
  }

  const wide = new ControlMap();
  for (let i = 0; i < 64; i++) {
    wide.set(`k${i}`, i);
  }

  assert.equal(ControlMap.parse(wide.toBytes()).keys.length, 64);
  assert.ok((ControlMap.parse(of(new ControlFloat(1.5)).toBytes()).get("v") as ControlFloat).value === 1.5);
});

test("bodies against §2.4 are refused", () => {
  const deep = (levels: number) => `81a161${"91".repeat(levels - 1)}01`;
  const refused: [string, string][] = [
    ["nothing", ""], ["no map", "01"], ["an array", "9101"], ["bytes behind the map", "8000"], ["a key that is no text", "810101"], ["a key twice", "82a16101a16102"], ["cut off", "81a161"],
    ["a text that is cut off", "81a161a568"], ["bytes that declare 4 GiB", "81a161c6ffffffff"], ["a text that declares 4 GiB", "81a161dbffffffff"], ["an array that declares 4 G", "81a161ddffffffff"],
    ["a map that declares 4 G", "dfffffffff"], ["65 entries", `de0041${"a16101".repeat(65)}`], ["an array of 501", `81a161dc01f5${"01".repeat(501)}`], ["nine levels", deep(9)], ["an extension", "81a161d40100"],
    ["a timestamp", "81a161d6ff00000000"], ["a long extension", "81a161c7010100"], ["an unused code", "81a161c1"], ["ill-formed UTF-8", "81a161a2c328"], ["an overlong form", "81a161a2c080"], ["a surrogate", "81a161a3eda080"],
  ];
  for (const [title, form] of refused) {
    assert.throws(() => ControlMap.parse(fromHex(form)), ControlFormatError, title);
  }

  ControlMap.parse(fromHex(deep(8)));
});

test("fields of the wrong type are named", () => {
  const map = ControlMap.parse(new ControlMap().set("n", -1).set("t", "text").set("b", new Uint8Array(15)).set("l", [1]).set("big", 0xffff_ffff_ffff_ffffn).set("nil", null).toBytes());
  assert.throws(() => map.number("n"), /n: /);
  assert.throws(() => map.number("t"), ControlFormatError);
  assert.throws(() => map.number("big"), ControlFormatError);
  assert.equal(map.big("big"), 0xffff_ffff_ffff_ffffn);
  assert.throws(() => map.text("n"), ControlFormatError);
  assert.throws(() => map.text("t", 3), ControlFormatError);
  assert.throws(() => map.id("b"), ControlFormatError);
  assert.throws(() => map.id("absent"), ControlFormatError);
  assert.throws(() => map.flag("n"), ControlFormatError);
  assert.throws(() => map.texts("l"), ControlFormatError);
  assert.throws(() => map.maps("l", () => 0), ControlFormatError);
  assert.deepEqual([map.number("absent"), map.number("nil"), map.text("nil"), map.flag("nil")], [0, 0, undefined, false]);
});

test("64-bit integers: exact up to 2⁵³ − 1, refused beyond, and 2⁶⁴ − 1 for LATEST", () => {
  const bytes = new Uint8Array(8);
  for (const value of [0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]) {
    writeU64(bytes, 0, value);
    assert.equal(readU64(bytes, 0), value);
    assert.equal(readI64(bytes, 0), value);
  }

  writeU64(bytes, 0, Infinity);
  assert.equal(toHex(bytes), "ff".repeat(8));
  assert.ok(Number.isNaN(readU64(bytes, 0)));
  assert.equal(readI64(bytes, 0), -1);
  for (const value of [-1, 1.5, 2 ** 53, NaN, -Infinity]) {
    assert.throws(() => writeU64(bytes, 0, value), RangeError);
  }
});

test("ids are checked, and random ones are not the same", () => {
  assert.equal(conversationId("0123456789abcdef0123456789abcdef"), "0123456789abcdef0123456789abcdef");
  for (const bad of ["", "0123", "0123456789ABCDEF0123456789ABCDEF", "g".repeat(32), "0".repeat(33)]) {
    assert.throws(() => conversationId(bad), TypeError);
  }

  assert.notEqual(randomId(), randomId());
  assert.equal(toHex(fromHex("00ff10a9")), "00ff10a9");
});

test("UTF-8 is kept exactly: a mark at the beginning, U+0000, everything outside the BMP", () => {
  for (const text of ["\ufeffa", "\u0000", "👩‍👩‍👧‍👦", "\u{10ffff}", "e\u0301"]) {
    assert.equal(utf8Decode(utf8Encode(text)!), text);
  }

  assert.equal(utf8Encode("\udc00\ud800"), undefined);
  assert.equal(utf8Decode(new Uint8Array([0xff])), undefined);
});

test("attributes: everything there and back", () => {
  const attributes: MessageAttributes = {
    replyTo: 5, thread: 3, mentions: ["a0".repeat(16) as never, "b0".repeat(16) as never], mentionsAll: true, expires: 1_800_000_000_000.5,
    attachments: [{ id: "ab".repeat(32) as never, size: 2 ** 40, name: "résumé.pdf", mediaType: "application/pdf" }, { id: "cd".repeat(32) as never, size: 0, name: "x", mediaType: "" }],
    own: new Map([[128, new Uint8Array([1, 2])], [255, new Uint8Array()]]),
  };
  const read = readAttributes(writeAttributes(attributes))!;
  assert.deepEqual({ ...read, own: [...read.own!].map(([type, value]) => [type, [...value]]) }, { ...attributes, own: [[128, [1, 2]], [255, []]] });
  const body = writeRich({ kind: MessageKind.Text, attributes: writeAttributes(attributes), content: utf8Encode("hi")! });
  assert.equal(textOf(MessageKind.Rich, body), "hi");
  assert.equal(attributesOf(MessageKind.Edit, writeEdit({ target: 1, kind: MessageKind.Rich, content: body }))?.replyTo, 5);
  assert.equal(textOf(MessageKind.Edit, writeEdit({ target: 1, kind: MessageKind.Rich, content: body })), "hi");
});

test("attributes of a later version are skipped, ill-formed ones are none", () => {
  assert.deepEqual(readAttributes(new Uint8Array([99, 0, 1, 0, 7, 4, 0, 0, 0])), { mentionsAll: true });
  for (const bad of [[1], [1, 0, 8, 0], [1, 1, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0], [4, 0, 0, 0, 4, 0, 0, 0], [4, 0, 1, 0, 9], [7, 0, 2, 0, 1, 1], [0, 0, 0, 0]]) {
    assert.equal(readAttributes(new Uint8Array(bad)), undefined, String(bad));
  }

  assert.throws(() => writeAttributes({ own: new Map([[5, new Uint8Array()]]) }), RangeError);
  assert.throws(() => writeAttributes({ own: new Map([[128, new Uint8Array(5000)]]) }), RangeError);
  assert.throws(() => writeAttributes({ replyTo: -1 }), RangeError);
  assert.throws(() => writeReaction({ target: 1, isAdded: true, reaction: "" }), RangeError);
});

test("a frame over the limit is refused on sight of its header, a type 0 as well", () => {
  const push = (bytes: number[]) => () => [...new FrameReader(10).push(new Uint8Array(bytes))];
  assert.throws(push([11, 0, 0, 5, 0, 0, 0, 0]), (error) => error instanceof ProtocolViolation && error.code === 4301);
  assert.throws(push([1, 0, 0, 0, 0, 0, 0, 0]), (error) => error instanceof ProtocolViolation && error.code === 4300);
  assert.deepEqual(push([1, 0, 0, 5, 0, 0, 0])(), []);
});

test("a large frame that comes byte by byte is joined once", () => {
  const size = 200_000;
  const frame = new Uint8Array(8 + size);
  frame.set([size & 0xff, (size >> 8) & 0xff, size >> 16, 0x16]);
  const reader = new FrameReader(ProtocolLimits.serverFrameSizeMax);
  const started = performance.now();
  let got = 0;
  for (let i = 0; i < frame.length; i++) {
    got += [...reader.push(frame.subarray(i, i + 1))].length;
  }

  assert.equal(got, 1);
  assert.ok(performance.now() - started < 5000, "quadratic");
});

test("fuzz: whatever a broker sends is read, or refused by the library's own errors, and by nothing else", () => {
  const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000);
  const rounds = Number(process.env["FUZZ_ROUNDS"] ?? 20_000);
  const random = randomFrom(seed);
  const sources = allVectors().flatMap((vector) => vector.frames.map((frame) => frame.bytes)).filter((bytes) => bytes.length > 8);
  const readers: ((bytes: Uint8Array) => unknown)[] = [
    (bytes) => ControlMap.parse(bytes), (bytes) => readRun(readDeliver(bytes), 0), readPublished, readSubscribed, readUnsubscribed, readLag, readFetchEnd, readSignal, readPresence, readFailure, readAttributes,
    readErased, readMembership, readPin, readReaction, (bytes) => readRecord(bytes, 0), (bytes) => textOf(random(256), bytes), (bytes) => targetOfRecord(random(256), bytes), (bytes) => attributesOf(random(8), bytes),
    (bytes) => parseWelcome(ControlMap.parse(bytes)), (bytes) => parseConversationInfo(ControlMap.parse(bytes)), (bytes) => parseProfile(ControlMap.parse(bytes)), (bytes) => parseInboxEntry(ControlMap.parse(bytes)),
    (bytes) => parseMessageState(ControlMap.parse(bytes)), (bytes) => [...new FrameReader(ProtocolLimits.serverFrameSizeMax).push(bytes)],
  ];
  let read = 0;
  for (let round = 0; round < rounds; round++) {
    const source = sources[random(sources.length)]!;
    let bytes = source.slice(random(3) === 0 ? 0 : 8, random(2) === 0 ? source.length : random(source.length + 1));
    for (let change = random(6); change > 0 && bytes.length > 0; change--) {
      const at = random(bytes.length);
      switch (random(4)) {
        case 0:
          bytes[at] = random(256);
          break;
        case 1:
          bytes[at]! ^= 1 << random(8);
          break;
        case 2:
          bytes = new Uint8Array([...bytes.subarray(0, at), random(256), ...bytes.subarray(at)]);
          break;
        default:
          bytes = new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]);
      }
    }

    for (const reader of readers) {
      try {
        reader(bytes);
        read++;
      } catch (error) {
        assert.ok(error instanceof ControlFormatError || error instanceof ProtocolViolation, `seed ${seed}, round ${round}: ${String(error)} for ${toHex(bytes)}`);
      }
    }
  }

  assert.ok(read > rounds);
});
