// Shows a place on a map of area outlines, without any tile server. Leaflet comes from the bundle; without it, or without this module,
// the place stands in words beside the map's place.

const box = document.querySelector("[data-map]");

async function draw() {
  const { module, outlines, lat, lon, area, label } = box.dataset;
  const [L, answer] = await Promise.all([import(module), fetch(outlines)]);
  if (!answer.ok) return;
  const areas = await answer.json();
  box.hidden = false;
  const map = L.map(box, { attributionControl: false, scrollWheelZoom: false, zoomSnap: 0.5 });
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", label);
  const here = [Number(lat), Number(lon)];
  // Leaflet draws shapes only where it already has a view.
  map.setView(here, 14);
  const chosen = (code) => area && code.length >= 7 && area.startsWith(code);
  const shapes = L.geoJSON(areas, {
    interactive: false,
    style: (feature) => ({ className: chosen(feature.properties.code) ? "area chosen" : "area" }),
  }).addTo(map);
  L.circleMarker(here, { radius: 9, className: "here", interactive: false }).addTo(map);
  // Only a kelurahan or kecamatan says where it is; a whole city with its islands would make the place a dot.
  const around = area.length >= 7 && shapes.getLayers().find((shape) => shape.feature.properties.code === area);
  if (around) map.fitBounds(around.getBounds().pad(0.4));
  // Names of what is in sight; a whole city of names would hide it.
  for (const shape of shapes.getLayers()) {
    const { code, name } = shape.feature.properties;
    const near = code.length === 10 && map.getBounds().intersects(shape.getBounds());
    if (near) shape.bindTooltip(name, { permanent: true, direction: "center", className: "map-name" });
  }
}

if (box?.dataset.module) draw().catch(() => (box.hidden = true));
