// What a page pays for the library: bundled, minified and compressed, by what it imports. `node scripts/size.js` after `npm run build`.
import { buildSync } from "esbuild";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Bytes of a page's script that imports this, and uses it. */
export function sizeOf(names) {
  const contents = names === "*" ? 'import * as all from "./dist/index.js"; console.log(all);' : `import { ${names} } from "./dist/index.js"; console.log(${names});`;
  const [output] = buildSync({ stdin: { contents, resolveDir: root }, bundle: true, minify: true, format: "esm", target: "es2022", write: false }).outputFiles;
  return { minified: output.contents.length, gzipped: gzipSync(output.contents, { level: 9 }).length };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [title, names] of [
    ["everything", "*"],
    ["a client without stores", "FastChatClient"],
    ["a client with the stores of a browser", "FastChatClient, IndexedDbTokenStore, IndexedDbOutbox"],
    ["the codes of errors", "ErrorCode"],
  ]) {
    const { minified, gzipped } = sizeOf(names);
    console.log(`${title}: ${minified} bytes minified, ${gzipped} gzipped`);
  }
}
