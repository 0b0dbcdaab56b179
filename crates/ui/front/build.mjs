// Bundles each package into one file in ../dist that needs nothing else: pages load it by its name.
import { build } from "esbuild";

const dist = new URL("../dist/", import.meta.url).pathname;
const shared = { bundle: true, minify: true, legalComments: "eof", logLevel: "warning" };

// QR codes for slips that are drawn in the browser.
await build({ ...shared, entryPoints: ["qr.js"], format: "esm", target: "es2022", outfile: `${dist}qr.js` });

// Leaflet's style goes into its script: whoever imports it has both, and a page without a map loads neither.
const style = await build({ ...shared, entryPoints: ["leaflet/dist/leaflet.css"], loader: { ".png": "dataurl" }, write: false });
await build({
  ...shared,
  entryPoints: ["leaflet.js"],
  format: "esm",
  target: "es2022",
  define: { LEAFLET_STYLE: JSON.stringify(style.outputFiles[0].text) },
  outfile: `${dist}leaflet.js`,
});
