// What axe-core thinks of a page.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Everything that axe finds serious or critical. It runs in a world of its own, which the page's policy does not concern. */
export async function judge(where, name) {
  await where.waitForTimeout(400);
  const session = await where.context().newCDPSession(where);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
  await session.send("Runtime.evaluate", { expression: axe, contextId: executionContextId });
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    contextId: executionContextId, awaitPromise: true, returnByValue: true,
    expression: `axe.run(document, { resultTypes: ["violations"] }).then((found) => found.violations.filter((one) => one.impact === "serious" || one.impact === "critical")
      .map((one) => one.id + ": " + one.nodes.map((node) => node.html.slice(0, 160) + " | " + (node.any[0]?.message ?? node.all[0]?.message ?? node.none[0]?.message ?? "")).slice(0, 4).join(" || ")))`,
  });
  assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
  assert.deepEqual(result.value, [], name);
}
