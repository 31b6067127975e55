/**
 * How the screen is built. The output is embedded into the server binary, so everything is served from one origin, nothing is
 * fetched from outside, and the heavy parts (map, charts) are files of their own that load when a page first needs them.
 */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const backend = process.env["ANLAN_BACKEND"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/api": { target: backend, ws: true } } },
  worker: { format: "es" },
  build: {
    target: "es2022",
    // maplibre is one indivisible 1 MB module, loaded only by the map.
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      output: {
        manualChunks(id: string) {
          if (/node_modules\/(react|react-dom|react-router|scheduler)\//.test(id)) return "react";
          if (/node_modules\/(echarts|zrender)\//.test(id)) return "charts";
          if (/node_modules\/maplibre-gl\//.test(id)) return "maplibre";
          return undefined;
        },
      },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node", css: true },
});
