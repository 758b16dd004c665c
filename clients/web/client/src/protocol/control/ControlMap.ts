import { utf8Decode, utf8Encode, utf8Size } from "../encoding/Utf8.js";
import { fromHex, readId, type Id } from "../primitives/Ids.js";
import { ProtocolLimits } from "../ProtocolLimits.js";

/** A control body has a field that cannot be read; the message names it. */
export class ControlFormatError extends Error {
  override readonly name = "ControlFormatError";
}

/** A number with a fraction's format: no field of this version has one, so it is only carried along. */
export class ControlFloat {
  constructor(readonly value: number) {}
}

/** What a field may hold. Integers beyond ±(2⁵³ − 1) are bigints. */
export type ControlValue = null | boolean | number | bigint | string | Uint8Array | ControlFloat | ControlMap | readonly ControlValue[];

/**
 * The body of a control frame: one MessagePack map with text keys (protocol.md §2.4), read into a plain map first and judged field by field afterwards.
 *
 * What a stranger may send is bounded before anything is allocated for it: entries, elements, nesting and sizes, all of them by bytes seen, never by what a header declares. Extension types are refused.
 */
export class ControlMap {
  readonly #fields = new Map<string, ControlValue>();

  /** The body that these bytes are. @throws ControlFormatError when they are none. */
  static parse(bytes: Uint8Array): ControlMap {
    const reader = new Reader(bytes);
    const map = reader.map(1);
    if (reader.at !== bytes.length) {
      throw new ControlFormatError("bytes behind the map");
    }

    return map;
  }

  /** The field names, in the order they were set or read. */
  get keys(): string[] {
    return [...this.#fields.keys()];
  }

  /** A field's raw value; undefined when it is absent or nil, which mean the same. */
  get(key: string): Exclude<ControlValue, null> | undefined {
    return this.#fields.get(key) ?? undefined;
  }

  /** Sets a field; undefined leaves it out. */
  set(key: string, value: ControlValue | undefined): this {
    if (value !== undefined) {
      this.#fields.set(key, value);
    }

    return this;
  }

  /** Sets a field of an id's bytes; undefined leaves it out. */
  setId(key: string, id: string | undefined): this {
    return this.set(key, id === undefined ? undefined : fromHex(id));
  }

  /** Sets a field of many ids. */
  setIds(key: string, ids: readonly string[] | undefined): this {
    return this.set(key, ids?.map(fromHex));
  }

  /** A text field of at most so many bytes; undefined when absent. */
  text(key: string, sizeMax: number = ProtocolLimits.serverFrameSizeMax): string | undefined {
    const value = this.get(key);
    if (value === undefined) {
      return undefined;
    }

    if (typeof value !== "string" || (value.length * 3 > sizeMax && utf8Size(value) > sizeMax)) {
      throw new ControlFormatError(`${key}: a text of at most ${sizeMax} bytes is expected`);
    }

    return value;
  }

  /** An unsigned integer field up to 2⁵³ − 1; 0 when absent. */
  number(key: string, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.get(key) ?? 0;
    if (typeof value !== "number" || value < 0 || value > max) {
      throw new ControlFormatError(`${key}: an unsigned integer of at most ${max} is expected`);
    }

    return value;
  }

  /** An unsigned integer field of 64 bits; 0 when absent. */
  big(key: string): bigint {
    const value = this.get(key) ?? 0;
    if ((typeof value !== "number" && typeof value !== "bigint") || value < 0) {
      throw new ControlFormatError(`${key}: an unsigned integer is expected`);
    }

    return BigInt(value);
  }

  /** A boolean field; false when absent. */
  flag(key: string): boolean {
    const value = this.get(key) ?? false;
    if (typeof value !== "boolean") {
      throw new ControlFormatError(`${key}: a boolean is expected`);
    }

    return value;
  }

  /** An id field; undefined when absent. */
  optionalId<T extends Id<string>>(key: string): T | undefined {
    const value = this.get(key);
    return value === undefined ? undefined : toId<T>(key, value);
  }

  /** An id field that has to be there. */
  id<T extends Id<string>>(key: string): T {
    return toId<T>(key, this.get(key));
  }

  /** A field of bytes; undefined when absent. */
  bytes(key: string): Uint8Array | undefined {
    const value = this.get(key);
    if (value !== undefined && !(value instanceof Uint8Array)) {
      throw new ControlFormatError(`${key}: bytes are expected`);
    }

    return value;
  }

  /** A map; undefined when absent. */
  map(key: string): ControlMap | undefined {
    const value = this.get(key);
    if (value !== undefined && !(value instanceof ControlMap)) {
      throw new ControlFormatError(`${key}: a map is expected`);
    }

    return value;
  }

  /** An array of ids that has to be there. */
  ids<T extends Id<string>>(key: string): T[] {
    return this.#elements(key).map((element) => toId<T>(key, element));
  }

  /** An array of texts that has to be there. */
  texts(key: string): string[] {
    return this.#elements(key).map((element) => {
      if (typeof element !== "string") {
        throw new ControlFormatError(`${key}: texts are expected`);
      }

      return element;
    });
  }

  /** An array of maps that has to be there, each read by `parse`. */
  maps<T>(key: string, parse: (map: ControlMap) => T): T[] {
    return this.nullableMaps(key, parse).map((item) => {
      if (item === undefined) {
        throw new ControlFormatError(`${key}: maps are expected`);
      }

      return item;
    });
  }

  /** The same where a nil may stand for what there is not. */
  nullableMaps<T>(key: string, parse: (map: ControlMap) => T): (T | undefined)[] {
    return this.#elements(key).map((element) => {
      if (element !== null && !(element instanceof ControlMap)) {
        throw new ControlFormatError(`${key}: maps are expected`);
      }

      return element === null ? undefined : parse(element);
    });
  }

  /** The bytes of the body. @throws ControlFormatError for a text with a lone surrogate or a number that has no form. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const writer = new Writer();
    writer.map(this);
    return writer.written;
  }

  /** Every field, in order. */
  entries(): IterableIterator<[string, ControlValue]> {
    return this.#fields.entries();
  }

  #elements(key: string): readonly ControlValue[] {
    const value = this.get(key);
    if (!Array.isArray(value)) {
      throw new ControlFormatError(`${key}: an array is expected`);
    }

    return value as readonly ControlValue[];
  }
}

function toId<T extends Id<string>>(key: string, value: ControlValue | undefined): T {
  if (!(value instanceof Uint8Array) || value.length !== 16) {
    throw new ControlFormatError(`${key}: an id of 16 bytes is expected`);
  }

  return readId<T>(value, 0);
}

/** Cuts values from bytes. Every length is held against the bytes that are there before it is believed. */
class Reader {
  at = 0;
  readonly #view: DataView;

  constructor(readonly source: Uint8Array) {
    this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  map(depth: number): ControlMap {
    const code = this.#byte();
    const count = (code & 0xf0) === 0x80 ? code & 0x0f : code === 0xde ? this.#unsigned(2) : code === 0xdf ? this.#unsigned(4) : -1;
    if (count < 0) {
      throw new ControlFormatError("a map is expected");
    }

    checkDepth(depth);
    if (count > ProtocolLimits.controlMapMax) {
      throw new ControlFormatError(`a map has at most ${ProtocolLimits.controlMapMax} entries`);
    }

    const map = new ControlMap();
    const seen = new Set<string>();
    for (let i = 0; i < count; i++) {
      const key = this.#value(depth + 1);
      if (typeof key !== "string") {
        throw new ControlFormatError("map keys are texts");
      }

      if (seen.has(key)) {
        throw new ControlFormatError("a key occurs twice");
      }

      seen.add(key);
      map.set(key, this.#value(depth + 1));
    }

    return map;
  }

  #value(depth: number): ControlValue {
    const code = this.#byte();
    if (code < 0x80) {
      return code;
    }

    if (code >= 0xe0) {
      return code - 256;
    }

    if (code < 0x90 || code === 0xde || code === 0xdf) {
      this.at--;
      return this.map(depth);
    }

    if (code < 0xa0) {
      return this.#array(code & 0x0f, depth);
    }

    if (code < 0xc0) {
      return this.#text(code & 0x1f);
    }

    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#slice(this.#unsigned(1 << (code - 0xc4)));
      case 0xca:
        return new ControlFloat(this.#view.getFloat32(this.#skip(4)));
      case 0xcb:
        return new ControlFloat(this.#view.getFloat64(this.#skip(8)));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(1 << (code - 0xcc));
      case 0xcf:
        return narrow(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return narrow(this.#view.getBigInt64(this.#skip(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(1 << (code - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(code === 0xdc ? 2 : 4), depth);
      default:
        throw new ControlFormatError(code === 0xc1 ? "not well-formed MessagePack" : "extension types are not part of this protocol");
    }
  }

  #array(count: number, depth: number): ControlValue[] {
    checkDepth(depth);
    if (count > ProtocolLimits.controlArrayMax) {
      throw new ControlFormatError(`an array has at most ${ProtocolLimits.controlArrayMax} elements`);
    }

    const list: ControlValue[] = [];
    for (let i = 0; i < count; i++) {
      list.push(this.#value(depth + 1));
    }

    return list;
  }

  #text(size: number): string {
    const text = utf8Decode(this.#slice(size));
    if (text === undefined) {
      throw new ControlFormatError("a text is not well-formed UTF-8");
    }

    return text;
  }

  #slice(size: number): Uint8Array {
    const start = this.#skip(size);
    return this.source.subarray(start, start + size);
  }

  #unsigned(size: number): number {
    const at = this.#skip(size);
    return size === 1 ? this.#view.getUint8(at) : size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #byte(): number {
    return this.source[this.#skip(1)]!;
  }

  /** Moves on, and tells from where. */
  #skip(size: number): number {
    const start = this.at;
    if (size > this.source.length - start) {
      throw new ControlFormatError("not well-formed MessagePack: it ends early");
    }

    this.at = start + size;
    return start;
  }
}

/** Writes values in their shortest form. */
class Writer {
  #bytes = new Uint8Array(256);
  #size = 0;

  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#size);
  }

  map(map: ControlMap): void {
    const entries = [...map.entries()];
    this.#head(entries.length, 0x80, 15, [0, 0xde, 0xdf]);
    for (const [key, value] of entries) {
      this.#value(key);
      this.#value(value);
    }
  }

  #value(value: ControlValue): void {
    if (value === null) {
      this.#put(0xc0);
    } else if (typeof value === "boolean") {
      this.#put(value ? 0xc3 : 0xc2);
    } else if (typeof value === "number" || typeof value === "bigint") {
      this.#integer(value);
    } else if (typeof value === "string") {
      this.#text(value);
    } else if (value instanceof Uint8Array) {
      this.#head(value.length, 0, -1, [0xc4, 0xc5, 0xc6]);
      this.#raw(value);
    } else if (value instanceof ControlMap) {
      this.map(value);
    } else if (value instanceof ControlFloat) {
      new DataView(this.#bytes.buffer).setFloat64(this.#claim(9) + 1, value.value);
      this.#bytes[this.#size - 9] = 0xcb;
    } else {
      this.#head(value.length, 0x90, 15, [0, 0xdc, 0xdd]);
      value.forEach((element) => this.#value(element));
    }
  }

  #text(text: string): void {
    const bytes = utf8Encode(text);
    if (bytes === undefined) {
      throw new ControlFormatError("a text holds a lone surrogate");
    }

    this.#head(bytes.length, 0xa0, 31, [0xd9, 0xda, 0xdb]);
    this.#raw(bytes);
  }

  #integer(value: number | bigint): void {
    if (typeof value === "number" && !Number.isSafeInteger(value)) {
      throw new ControlFormatError(`${value} is no whole number up to 2⁵³ − 1`);
    }

    if (value >= 0 && value <= 0xffff_ffff) {
      this.#head(Number(value), 0, 127, [0xcc, 0xcd, 0xce]);
    } else if (value < 0 && value >= -0x8000_0000) {
      this.#negative(Number(value));
    } else {
      const big = BigInt(value);
      if (BigInt.asUintN(64, big) !== big && BigInt.asIntN(64, big) !== big) {
        throw new ControlFormatError(`${value} has more than 64 bits`);
      }

      const at = this.#claim(9);
      this.#bytes[at] = value < 0 ? 0xd3 : 0xcf;
      new DataView(this.#bytes.buffer).setBigUint64(at + 1, BigInt.asUintN(64, big));
    }
  }

  #negative(value: number): void {
    if (value >= -32) {
      this.#put(value & 0xff);
    } else {
      const width = value >= -0x80 ? 0 : value >= -0x8000 ? 1 : 2;
      this.#put(0xd0 + width);
      this.#big(value, 1 << width);
    }
  }

  /** A count or number in its shortest form: in the code itself up to `fixMax`, else behind it in 1, 2 or 4 bytes. */
  #head(count: number, fix: number, fixMax: number, codes: readonly [number, number, number]): void {
    if (count <= fixMax) {
      this.#put(fix | count);
    } else {
      const width = count <= 0xff && codes[0] !== 0 ? 0 : count <= 0xffff ? 1 : 2;
      this.#put(codes[width]!);
      this.#big(count, 1 << width);
    }
  }

  #big(value: number, size: number): void {
    const at = this.#claim(size);
    for (let i = 0; i < size; i++) {
      this.#bytes[at + i] = value >>> (8 * (size - 1 - i));
    }
  }

  #raw(bytes: Uint8Array): void {
    const at = this.#claim(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #put(byte: number): void {
    const at = this.#claim(1);
    this.#bytes[at] = byte;
  }

  #claim(size: number): number {
    const at = this.#size;
    if (at + size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, at + size));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }

    this.#size = at + size;
    return at;
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function checkDepth(depth: number): void {
  if (depth > ProtocolLimits.controlDepthMax) {
    throw new ControlFormatError(`values nest at most ${ProtocolLimits.controlDepthMax} deep`);
  }
}
