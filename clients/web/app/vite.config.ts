import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

// Two documents, the chat and the operator's page, that share what both need. Names carry hashes, so the broker lets browsers keep everything below assets/ for ever. Nothing is inlined: the page's
// Content-Security-Policy allows files of its own origin and no data: URLs.
export default defineConfig({
  base: "./",
  resolve: { alias: { "@fastchat/client": path("../client/src/index.ts") } },
  build: {
    outDir: path("../.build"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: { input: { index: path("index.html"), admin: path("admin.html") } },
  },
  // While developing: the page from here, the broker as it runs (the origin has to be among its allowed_origins).
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:7480", ws: true } } },
});
