// Shows places on maps of area outlines, without any tile server. Leaflet comes from the bundle; without it, or without this module,
// the places stand in words beside the maps' places. A map has one place (data-lat, data-lon), or two to compare (data-points).

const boxes = [...document.querySelectorAll("[data-map]")];
let shared;

/** Leaflet and the outlines, fetched once for all maps of a page. */
function parts({ module, outlines }) {
  const areas = async () => {
    const answer = await fetch(outlines);
    if (!answer.ok) throw new Error(`outlines: ${answer.status}`);
    return answer.json();
  };
  shared ??= Promise.all([import(module), areas()]);
  return shared;
}

async function draw(box) {
  const [L, areas] = await parts(box.dataset);
  const { lat, lon, area = "", label, points } = box.dataset;
  // "-6.17,106.82,A;-6.18,106.83,B"
  const places = (points ?? `${lat},${lon},`).split(";").map((place) => {
    const [north, east, name] = place.split(",");
    return { at: [Number(north), Number(east)], name };
  });
  box.hidden = false;
  const map = L.map(box, { attributionControl: false, scrollWheelZoom: false, zoomSnap: 0.5 });
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", label);
  // Leaflet draws shapes only where it already has a view.
  map.setView(places[0].at, 14);
  const chosen = (code) => area && code.length >= 7 && area.startsWith(code);
  const shapes = L.geoJSON(areas, {
    interactive: false,
    style: (feature) => ({ className: chosen(feature.properties.code) ? "area chosen" : "area" }),
  }).addTo(map);
  if (places.length > 1) L.polyline(places.map((place) => place.at), { className: "between", interactive: false }).addTo(map);
  for (const [turn, { at, name }] of places.entries()) {
    const dot = L.circleMarker(at, { radius: 9, className: "here", interactive: false }).addTo(map);
    // Colour alone tells nobody which is which. One name above, one below: close points do not hide them.
    const side = turn === 0 ? { direction: "top", offset: [0, -8] } : { direction: "bottom", offset: [0, 8] };
    if (name) dot.bindTooltip(name, { permanent: true, className: "map-name place", ...side });
  }
  // A form of the page may ask where it is: tapping the map says it, beside typing it.
  const field = points ? null : document.querySelector("[data-point]");
  let put;
  if (field) {
    map.on("click", ({ latlng }) => {
      field.value = `${latlng.lat.toFixed(6)}, ${latlng.lng.toFixed(6)}`;
      put ??= L.circleMarker(latlng, { radius: 9, className: "here", interactive: false }).addTo(map);
      put.setLatLng(latlng);
      const fold = field.closest("details");
      if (fold) fold.open = true;
    });
  }
  if (places.length > 1) {
    map.fitBounds(L.latLngBounds(places.map((place) => place.at)).pad(0.3), { maxZoom: 16 });
  } else {
    // Only a kelurahan or kecamatan says where it is; a whole city with its islands would make the place a dot.
    const around = area.length >= 7 && shapes.getLayers().find((shape) => shape.feature.properties.code === area);
    if (around) map.fitBounds(around.getBounds().pad(0.4));
  }
  // Names of what is in sight; a whole city of names would hide it.
  for (const shape of shapes.getLayers()) {
    const { code, name } = shape.feature.properties;
    const near = code.length === 10 && map.getBounds().intersects(shape.getBounds());
    if (near) shape.bindTooltip(name, { permanent: true, direction: "center", className: "map-name" });
  }
}

/** A page of pairs has ten maps of a whole city: each is drawn when somebody comes near it. */
const watcher = new IntersectionObserver(
  (seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      const box = target.querySelector("[data-map]");
      draw(box).catch(() => (box.hidden = true));
    }
  },
  { rootMargin: "600px" },
);
// A hidden box is never in sight; what holds it is.
for (const box of boxes) if (box.dataset.module) watcher.observe(box.parentElement);
