/** CRC-32C (Castagnoli, reflected), as records and chunks carry it (protocol.md §5.1): four bytes a step, over tables of 4 KiB. */

const TABLES: readonly Int32Array[] = makeTables();

/** The checksum of a part of bytes. */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const [t0, t1, t2, t3] = TABLES as [Int32Array, Int32Array, Int32Array, Int32Array];
  let crc = -1;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc = t3[crc & 0xff]! ^ t2[(crc >>> 8) & 0xff]! ^ t1[(crc >>> 16) & 0xff]! ^ t0[crc >>> 24]!;
  }

  for (; at < end; at++) {
    crc = t0[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  }

  return ~crc >>> 0;
}

function makeTables(): Int32Array[] {
  const tables = [0, 1, 2, 3].map(() => new Int32Array(256));
  const [t0, t1, t2, t3] = tables as [Int32Array, Int32Array, Int32Array, Int32Array];
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }

    t0[byte] = crc;
  }

  for (let byte = 0; byte < 256; byte++) {
    t1[byte] = t0[t0[byte]! & 0xff]! ^ (t0[byte]! >>> 8);
    t2[byte] = t0[t1[byte]! & 0xff]! ^ (t1[byte]! >>> 8);
    t3[byte] = t0[t2[byte]! & 0xff]! ^ (t2[byte]! >>> 8);
  }

  return tables;
}
