// A map of the city's areas to point at: `pick(box, {...})` draws it into the box. Leaflet comes from the bundle; the outlines come from
// the door, so no map server learns who complains about what.

export async function pick(box, { leaflet, outline, point, area, label, center, onPick }) {
  const [bundle, areas] = await Promise.all([import(leaflet), outlines(outline)]);
  const L = bundle.default ?? bundle;
  const canvas = document.createElement("div");
  canvas.className = "map tall";
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", label);
  const use = document.createElement("button");
  use.type = "button";
  use.textContent = center;
  box.append(canvas, use);

  const map = L.map(canvas, { attributionControl: false, zoomSnap: 0.5 });
  const shapes = L.geoJSON(areas, { style: { className: "area", fillOpacity: 1 }, interactive: false }).addTo(map);
  map.fitBounds(boundsOf(L, shapes.getLayers(), area ?? ""));
  named(L, map, shapes);
  let marker = null;

  function show(at) {
    marker?.remove();
    marker = at ? L.circleMarker([at.lat, at.lon], { radius: 10, className: "here", fillOpacity: 1, interactive: false }).addTo(map) : null;
  }

  function choose({ lat, lng }) {
    const at = { lat, lon: lng };
    show(at);
    onPick(at, areaOf(areas, at));
  }

  map.on("click", ({ latlng }) => choose(latlng));
  use.addEventListener("click", () => choose(map.getCenter()));
  if (point) {
    show(point);
    map.setView([point.lat, point.lon], 15);
  }
  canvas.focus();
  return {
    show(at) {
      show(at);
      if (at) map.setView([at.lat, at.lon], Math.max(map.getZoom(), 15));
    },
  };
}

// One area as it is; of a larger one, or of a code without an outline, where most of its areas are.
function boundsOf(L, shapes, code) {
  const within = shapes.filter((shape) => shape.feature.properties.code.startsWith(code));
  return within.length === 1 ? within[0].getBounds().pad(0.3) : middleOf(L, within.length ? within : shapes);
}

// Where nine tenths of the areas are: islands far out at sea would make the city a dot.
function middleOf(L, shapes) {
  const centers = shapes.map((shape) => shape.getBounds().getCenter());
  const range = (of) => {
    const sorted = centers.map(of).sort((a, b) => a - b);
    return [sorted[Math.floor(sorted.length * 0.05)], sorted[Math.ceil(sorted.length * 0.95) - 1]];
  };
  const [south, north] = range(({ lat }) => lat);
  const [west, east] = range(({ lng }) => lng);
  return L.latLngBounds([south, west], [north, east]).pad(0.1);
}

async function outlines(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

// Names of areas where they fit: only those in view, and only close up.
function named(L, map, shapes) {
  const names = L.layerGroup().addTo(map);
  const draw = () => {
    names.clearLayers();
    if (map.getZoom() < 13) return;
    const view = map.getBounds();
    shapes.eachLayer((shape) => {
      const middle = shape.getBounds().getCenter();
      if (!view.contains(middle)) return;
      const icon = L.divIcon({ className: "map-name", html: "", iconSize: null });
      const mark = L.marker(middle, { icon, interactive: false, keyboard: false }).addTo(names);
      mark.getElement().textContent = shape.feature.properties.name ?? "";
    });
  };
  map.on("moveend", draw);
  draw();
}

// The area that holds the point, by counting how often a line to the east crosses its outline.
export function areaOf(areas, { lat, lon }) {
  const crosses = (ring) => {
    let inside = false;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [[ax, ay], [bx, by]] = [ring[i], ring[j]];
      if (ay > lat !== by > lat && lon < ((bx - ax) * (lat - ay)) / (by - ay) + ax) inside = !inside;
    }
    return inside;
  };
  const holds = (rings) => rings.reduce((inside, ring) => inside !== crosses(ring), false);
  const found = areas.features.find(({ geometry }) =>
    (geometry.type === "MultiPolygon" ? geometry.coordinates : [geometry.coordinates]).some(holds),
  );
  return found ? found.properties : null;
}
