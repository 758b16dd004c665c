// Makes one program of the README's examples, in their order: it is compiled with the tests, and run against a broker.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]);
const imports = new Set();
const body = blocks.map((block) =>
  block.replace(/^import \{ (.*) \} from "fastchat-client";\n/gm, (_, names) => {
    names.split(", ").forEach((name) => imports.add(name));
    return "";
  }),
);
const program = `// Made from README.md by scripts/readme.js.
import { ${[...imports].sort().join(", ")} } from "../../src/index.js";

export const BLOCKS = ${blocks.length};

export async function run(url: string, console: { log(...values: unknown[]): void }): Promise<FastChatClient> {
${body.join("\n").replaceAll('"wss://chat.example.org/ws"', "url")}
  return chat;
}
`;
mkdirSync(join(root, "tests", "generated"), { recursive: true });
writeFileSync(join(root, "tests", "generated", "readme.ts"), program);
