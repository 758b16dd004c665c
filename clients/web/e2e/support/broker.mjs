// The real broker in a process of its own, on a directory of its own, serving the page that was built.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { FastChatClient } from "../../client/dist/index.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const program = join(root, "src/Cli/bin/Release/net10.0/FastChat.Cli.dll");
export const page = join(root, "clients/web/dist");

/** The password of every account here. */
export const PASSWORD = "correct horse battery";

export class Broker {
  #process;
  #directory = mkdtempSync(join(tmpdir(), "fastchat-web-"));
  #ports = ["127.0.0.1:0", "127.0.0.1:0"];
  http = "";
  log = "";

  static async start() {
    if (!existsSync(program)) throw new Error(`${program} is not there: build the solution first`);
    if (!existsSync(join(page, "index.html"))) throw new Error("the page is not built: clients/web/build.sh");
    const broker = new Broker();
    await broker.restart();
    return broker;
  }

  /** Starts it, again on the same ports and data. */
  async restart() {
    const arguments_ = [program, "serve", "--data", join(this.#directory, "data"), "--listen", this.#ports[0], "--http", this.#ports[1], "--web", page];
    this.#process = spawn("dotnet", arguments_, { env: { ...process.env, XDG_RUNTIME_DIR: this.#directory, FASTCHAT_HOME: this.#directory }, stdio: ["ignore", "pipe", "pipe"] });
    this.#process.stderr.on("data", (text) => (this.log += text));
    const ready = await new Promise((resolve, reject) => {
      createInterface({ input: this.#process.stdout }).once("line", resolve);
      this.#process.once("exit", (code) => reject(new Error(`the broker ended with ${code}: ${this.log}`)));
    });
    const { tcp, http } = JSON.parse(ready);
    this.http = http;
    this.#ports = [tcp, new URL(http).host];
  }

  /** As a power cut would. */
  async kill() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  /** Resolves with the exit code when it has ended by itself. */
  ended() {
    return this.#process.exitCode !== null ? Promise.resolve(this.#process.exitCode) : new Promise((resolve) => this.#process.once("exit", resolve));
  }

  async stop() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get operatorToken() {
    return readFileSync(join(this.#directory, "data/operator.token"), "utf8").trim();
  }

  /** Somebody who is there without a window: the client library. The account is made. */
  client(name) {
    return FastChatClient.connect({ url: `${this.http.replace("http", "ws")}/ws`, name, password: PASSWORD, register: true, webSocket: WebSocket, clientName: "test" });
  }
}
