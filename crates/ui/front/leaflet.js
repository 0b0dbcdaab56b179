// Leaflet with its style. A constructed sheet, because pages allow no style that is written into them.
const sheet = new CSSStyleSheet();
sheet.replaceSync(LEAFLET_STYLE);
document.adoptedStyleSheets.push(sheet);

export * from "leaflet/dist/leaflet-src.esm.js";
