// The last step of a build: checks what a first visit loads, compresses everything once and for all, and puts the result in place as a whole, so that a running broker never sees half of it.
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** What a first visit may cost, compressed with gzip: the document and all scripts and styles that it needs before it shows the chat. */
const FIRST_LOAD_BYTES_MAX = 150 * 1024;

const web = fileURLToPath(new URL("../../", import.meta.url));
const built = join(web, ".build");
const served = join(web, "dist");
const before = join(web, ".build-before");

const COMPRESSIBLE = new Set([".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt"]);

function filesOf(directory, prefix = "") {
  return readdirSync(join(directory, prefix), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesOf(directory, join(prefix, entry.name)) : [join(prefix, entry.name)]);
}

/** The document, and every script, style and preloaded module that it names. */
function firstLoadOf(document) {
  const html = readFileSync(join(built, document), "utf8");
  const named = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map((match) => match[1]);
  return [document, ...new Set(named)];
}

const files = filesOf(built);
const gzipped = new Map();
for (const file of files.filter((name) => COMPRESSIBLE.has(extname(name)))) {
  const bytes = readFileSync(join(built, file));
  const gzip = gzipSync(bytes, { level: 9 });
  gzipped.set(file, gzip.length);
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  // What does not get smaller is not worth a second copy.
  if (gzip.length < bytes.length) writeFileSync(join(built, `${file}.gz`), gzip);
  if (brotli.length < bytes.length) writeFileSync(join(built, `${file}.br`), brotli);
}

const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
for (const document of files.filter((name) => name.endsWith(".html"))) {
  const load = firstLoadOf(document);
  const sum = load.reduce((total, file) => total + (gzipped.get(file) ?? 0), 0);
  console.log(`${document}: ${kilobytes(sum)} gzip at first (${load.length} files)`);
  if (document === "index.html" && sum > FIRST_LOAD_BYTES_MAX) {
    console.error(`the first load is more than ${kilobytes(FIRST_LOAD_BYTES_MAX)}:`);
    for (const file of load) console.error(`  ${kilobytes(gzipped.get(file) ?? 0)}  ${file}`);
    process.exit(1);
  }
}

rmSync(before, { recursive: true, force: true });
try {
  renameSync(served, before);
} catch (error) {
  if (error.code !== "ENOENT") throw error;
}
renameSync(built, served);
rmSync(before, { recursive: true, force: true });
