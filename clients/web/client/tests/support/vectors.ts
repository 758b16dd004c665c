import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A value of a vector's field. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Value[] | { [key: string]: Value };

export interface Vector {
  readonly file: string;
  readonly name: string;
  readonly fields: Record<string, Value>;
  readonly frames: { readonly side: string; readonly frame: string; bytes: Uint8Array }[];
}

/** The directory of the vectors: that of the project, wherever the compiled test lies. */
export const VECTORS = join(projectRoot(), "tests", "vectors");

/** The project's root: where protocol.md is. */
export function projectRoot(): string {
  return process.env["FASTCHAT_ROOT"] ?? join(import.meta.dirname, "..", "..", "..", "..", "..", "..");
}

/** Every vector of every file. */
export function allVectors(): Vector[] {
  return readdirSync(VECTORS).filter((name) => name.endsWith(".txt")).flatMap(readVectors);
}

/** The vectors of a file: the reader of tests/vectors/README.md. */
export function readVectors(file: string): Vector[] {
  const vectors: Vector[] = [];
  for (const raw of readFileSync(join(VECTORS, file), "utf8").split("\n")) {
    const line = raw.trim();
    const field = /^([a-z_0-9]+) = (.*)$/.exec(line);
    const current = vectors.at(-1)!;
    if (line === "" || line.startsWith("#")) {
      continue;
    }

    if (line.startsWith("== ")) {
      vectors.push({ file, name: line.slice(3), fields: {}, frames: [] });
    } else if (line.startsWith("<") || line.startsWith(">")) {
      current.frames.push({ side: line[0]!, frame: line.slice(1).split("#")[0]!.trim(), bytes: new Uint8Array() });
    } else if (field) {
      current.fields[field[1]!] = valueOf(JSON.parse(field[2]!));
    } else {
      if (current.frames.length === 0) {
        current.frames.push({ side: "", frame: "", bytes: new Uint8Array() });
      }

      const frame = current.frames.at(-1)!;
      frame.bytes = new Uint8Array([...frame.bytes, ...Buffer.from(line.split("#")[0]!.replaceAll(" ", ""), "hex")]);
    }
  }

  return vectors;
}

function valueOf(json: unknown): Value {
  if (typeof json === "string") {
    return json.startsWith("hex:") ? new Uint8Array(Buffer.from(json.slice(4), "hex")) : json.startsWith("int:") ? BigInt(json.slice(4)) : json;
  }

  if (Array.isArray(json)) {
    return json.map(valueOf);
  }

  return typeof json === "object" && json !== null ? Object.fromEntries(Object.entries(json).map(([key, value]) => [key, valueOf(value)])) : (json as Value);
}

/** The text of bytes. */
export function hex(bytes: Value | undefined): string {
  return Buffer.from(bytes as Uint8Array).toString("hex");
}
