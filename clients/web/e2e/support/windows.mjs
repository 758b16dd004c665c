// Windows of the real browser, and what people do in them.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { PASSWORD } from "./broker.mjs";

export const artefacts = fileURLToPath(new URL("../../../../artifacts/web/", import.meta.url));
mkdirSync(artefacts, { recursive: true });

const executable = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => path !== undefined && existsSync(path));

/** Why no test here can run; false when they can. */
export const skip = executable === undefined ? "there is no Chromium here" : false;

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 760 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

export class Windows {
  /** What any of the pages complained about: errors, and violations of the Content-Security-Policy. */
  complaints = [];
  #browser;

  static async open() {
    const windows = new Windows();
    windows.#browser = await chromium.launch({ executablePath: executable, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
    return windows;
  }

  async close() {
    await this.#browser.close();
  }

  /** A window of a browser that nobody used before. */
  async blank(broker, options = DESKTOP, path = "/") {
    const context = await this.#browser.newContext(options);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => this.complaints.push(`${error.name}: ${error.message}`));
    page.on("console", (message) => {
      // The browser says by itself when a connection cannot be made, which tests cause on purpose.
      if (message.type() === "error" && !/WebSocket|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED/.test(message.text())) this.complaints.push(message.text());
    });
    await page.goto(`${broker.http}${path}`);
    return page;
  }

  /** A window in which somebody new is signed in. */
  async newcomer(broker, name, options = DESKTOP) {
    const page = await this.blank(broker, options);
    await page.getByRole("button", { name: "Create an account" }).click();
    await fill(page, name, PASSWORD);
    await page.getByRole("navigation", { name: "Conversations" }).waitFor();
    return page;
  }

  /** A window in which somebody who has an account signs in. */
  async guest(broker, name, options = DESKTOP) {
    const page = await this.blank(broker, options);
    await fill(page, name, PASSWORD);
    await page.getByRole("navigation", { name: "Conversations" }).waitFor();
    return page;
  }
}

async function fill(page, name, password) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
}

export async function shot(page, name) {
  await page.screenshot({ path: join(artefacts, `${name}.png`) });
}

/** Goes to a room of that name by the keyboard's way. */
export async function openRoom(page, name) {
  await page.evaluate((room) => (location.hash = `#/room/${room}`), name);
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

export const field = (page) => page.locator("#composer");

export async function say(page, text) {
  await field(page).fill(text);
  await field(page).press("Enter");
}

/** The row that says something. */
export const row = (page, text) => page.locator(".log .row", { hasText: text });

/** A message that is on stable storage, as its sender sees it. */
export const stored = (page, text) => row(page, text).locator('.tick[data-state="stored"], .tick[data-state="read"]');

/** Waits until something holds, with a reason when it never does. */
export async function until(what, condition, timeout = 15_000) {
  const end = Date.now() + timeout;
  for (;;) {
    if (await condition()) return;
    if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
