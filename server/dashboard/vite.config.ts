import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const SHIPPED = ["preact", "@preact/signals", "@preact/signals-core", "uplot", "@fontsource-variable/inter"];

/** Puts the licences of what is shipped beside it, as they ask. */
function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      const source = SHIPPED.map(
        (name) => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim()}\n`,
      );
      this.emitFile({ type: "asset", fileName: "licences.txt", source: source.join("\n---\n\n") });
    },
  };
}

export default defineConfig({
  plugins: [licences()],
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // Nothing inside of pages or of other files: the content security policy allows files of the service alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": process.env["GALAPAGOS_URL"] ?? "http://127.0.0.1:8765" } },
});
