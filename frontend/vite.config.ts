/** Builds the UI into the Python package; in development it proxies the API to a running Sonde. */
import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  build: {
    outDir: "../src/sonde/web/static",
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    // The page runs under `default-src 'self'`: nothing may be inlined as a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/api": "http://127.0.0.1:3000",
      "/prometheus": "http://127.0.0.1:3000",
      "/alertmanager": "http://127.0.0.1:3000",
    },
  },
});
