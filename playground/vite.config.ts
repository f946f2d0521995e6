import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  // The server embeds dist/, and a proxy may put it under any path.
  base: "./",
  plugins: [react()],
  // Two copies of graphql would not recognise each other's schemas.
  resolve: { dedupe: ["graphql", "react", "react-dom"] },
  worker: { format: "es" },
  build: {
    target: "es2022",
    license: { fileName: "licenses.md" },
    // Notes to the React compiler, which has run before the packages were published.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
    // The editor is one large chunk, loaded once from the server itself.
    chunkSizeWarningLimit: 8192,
  },
  // `npm run dev` beside a server on its default port.
  server: { proxy: { "/graphql": { target: "http://127.0.0.1:8080", ws: true } } },
});
