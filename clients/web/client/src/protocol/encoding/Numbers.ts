/** Little-endian integers (protocol.md §2.1) in plain byte arrays, without a DataView for each of them. */

const U32 = 0x1_0000_0000;

export function readU16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

export function readU24(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** An unsigned integer of 64 bits, exact up to 2⁵³ − 1; what is greater becomes NaN, which equals and exceeds nothing, so that every check refuses it. */
export function readU64(bytes: Uint8Array, at: number): number {
  const high = readU32(bytes, at + 4);
  return high < 0x20_0000 ? high * U32 + readU32(bytes, at) : NaN;
}

/** A signed integer of 64 bits, NaN beyond ±2⁵³. */
export function readI64(bytes: Uint8Array, at: number): number {
  const high = readU32(bytes, at + 4) | 0;
  const value = high * U32 + readU32(bytes, at);
  return Number.isSafeInteger(value) ? value : NaN;
}

export function readBigU64(bytes: Uint8Array, at: number): bigint {
  return (BigInt(readU32(bytes, at + 4)) << 32n) | BigInt(readU32(bytes, at));
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

export function writeU24(bytes: Uint8Array, at: number, value: number): void {
  writeU16(bytes, at, value);
  bytes[at + 2] = value >>> 16;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  writeU24(bytes, at, value);
  bytes[at + 3] = value >>> 24;
}

/** Writes a whole number up to 2⁵³ − 1, or Infinity as 2⁶⁴ − 1. @throws RangeError for anything else. */
export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  if (value === Infinity) {
    bytes.fill(0xff, at, at + 8);
    return;
  }

  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${value} is no whole number from 0 to 2⁵³ − 1`);
  }

  writeU32(bytes, at, value % U32);
  writeU32(bytes, at + 4, Math.floor(value / U32));
}
