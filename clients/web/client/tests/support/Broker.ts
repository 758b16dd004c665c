import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import WebSocket from "ws";
import type { ClientOptions } from "../../src/client/ClientOptions.js";
import type { WebSocketConstructor } from "../../src/client/connections/Transport.js";
import { FastChatClient } from "../../src/client/FastChatClient.js";
import { projectRoot } from "./vectors.js";

/** The command line: that of the project, or another one of the same. */
export const FASTCHAT = process.env["FASTCHAT"] ?? join(projectRoot(), "fastchat");

/** Why no broker can be started; undefined when one can. */
export const noBroker: string | undefined = !existsSync(FASTCHAT)
  ? `${FASTCHAT} is not there`
  : spawnSync("dotnet", ["--version"]).status === 0 ? undefined : "no .NET SDK";

export const webSocket = WebSocket as unknown as WebSocketConstructor;

let names = 0;

/** A name that no other test has. */
export function freshName(what: string): string {
  return `${what}-${process.pid}-${++names}`;
}

/** A broker's process with a data directory of its own. */
export class Broker {
  readonly directory = mkdtempSync(join(tmpdir(), "fastchat-web-"));
  readonly #config: Record<string, unknown>;
  #process: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #http = "127.0.0.1:0";
  #tcp = "127.0.0.1:0";
  errors = "";

  private constructor(config: Record<string, unknown>) {
    this.#config = config;
  }

  static async start(config: Record<string, unknown> = {}): Promise<Broker> {
    const broker = new Broker(config);
    await broker.run();
    return broker;
  }

  /** Starts the process, on the same ports as before. */
  async run(): Promise<void> {
    const file = join(this.directory, "config.json");
    writeFileSync(file, JSON.stringify(this.#config));
    const child = spawn(FASTCHAT, ["serve", "--config", file, "--data", join(this.directory, "data"), "--listen", this.#tcp, "--http", this.#http], { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    this.#ended = new Promise((resolve) => child.once("exit", resolve));
    child.stderr.on("data", (data) => (this.errors += String(data)));
    const ready = await new Promise<{ tcp: string; http: string }>((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line)));
      child.once("exit", (code) => reject(new Error(`the broker ended with ${code}: ${this.errors}`)));
    });
    this.#tcp = ready.tcp;
    this.#http = new URL(ready.http).host;
  }

  get url(): string {
    return `ws://${this.#http}/ws`;
  }

  get tcp(): string {
    return this.#tcp;
  }

  get operatorToken(): string {
    return readFileSync(join(this.directory, "data", "operator.token"), "utf8").trim();
  }

  /** A crash. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#ended;
  }

  /** The end, and nothing is left. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A client with a new account, unless the options say who signs in. */
  connect(options: Partial<ClientOptions> = {}): Promise<FastChatClient> {
    const hasSignIn = options.token !== undefined || options.name !== undefined || options.tokenStore !== undefined || options.assertion !== undefined;
    const account = hasSignIn ? {} : { name: freshName("user"), password: "correct horse", register: true };
    return FastChatClient.connect({ url: this.url, webSocket, ...account, ...options });
  }

  /** Runs the command line as somebody, with these lines as input; gives what it printed. */
  async cli(user: string, args: readonly string[], input = ""): Promise<string[]> {
    const child = spawn(FASTCHAT, [...args, "--server", this.tcp, "--user", user, "--json"], { env: { ...process.env, FASTCHAT_HOME: join(this.directory, "home"), FASTCHAT_PASSWORD: "correct horse" } });
    let out = "";
    let err = "";
    child.stdout.on("data", (data) => (out += String(data)));
    child.stderr.on("data", (data) => (err += String(data)));
    child.stdin.end(input);
    const code = await new Promise((resolve) => child.once("close", resolve));
    if (code !== 0) {
      throw new Error(`fastchat ${args.join(" ")} ended with ${String(code)}: ${err}`);
    }

    return out.split("\n").filter((line) => line !== "");
  }
}

/** Waits until something holds. */
export async function until(holds: () => boolean, ms = 15_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > deadline) {
      throw new Error(`it did not come about within ${ms} ms: ${holds}`);
    }

    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
