// Makes a form with photos comfortable: smaller photos, a point on the map, a draft that survives a lost line, sending with progress.
// Without this module the form works as it stands; everything here adds to it.

const form = document.querySelector("form[data-form]");
const say = (key, facts = {}) =>
  Object.entries(facts).reduce((text, [name, value]) => text.replace(`{${name}}`, value), form.dataset[`say${key}`]);

if (form) {
  document.documentElement.classList.add("js");
  const photos = photoField(form.querySelector("[data-photos]"));
  const place = placeField(form.querySelector("[data-place]"));
  for (const text of form.querySelectorAll("[data-count]")) counted(text);
  const draft = form.dataset.draft ? draftOf(form.dataset.draft, photos, place) : null;
  sending(photos, draft);
  document.getElementById("ringkasan")?.focus();
}

// Photos

function photoField(field) {
  const most = Number(form.dataset.maxPhotos);
  const largest = Number(form.dataset.maxPhoto);
  const list = field.querySelector("[data-thumbs]");
  const status = field.querySelector("[data-photo-status]");
  const chosen = [];
  let changed = () => {};

  function draw() {
    list.replaceChildren(
      ...chosen.map((photo, at) => {
        const item = document.createElement("li");
        const shown = photo.url ? Object.assign(new Image(), { src: photo.url, alt: say("Photo", { n: at + 1 }) }) : document.createElement("span");
        if (!photo.url) shown.textContent = photo.name;
        const remove = document.createElement("button");
        remove.type = "button";
        remove.textContent = "×";
        remove.setAttribute("aria-label", say("Remove", { n: at + 1 }));
        remove.addEventListener("click", () => {
          chosen.splice(at, 1);
          if (photo.url) URL.revokeObjectURL(photo.url);
          draw();
          (list.querySelectorAll("button")[Math.max(0, at - 1)] ?? field.querySelector("input")).focus();
          changed();
        });
        item.append(shown, remove);
        return item;
      }),
    );
    status.textContent = chosen.length ? say("Photos", { n: chosen.length }) : "";
  }

  function add(blob, name) {
    // What the browser cannot show (a scan) goes by its name.
    const url = blob.type.startsWith("image/") ? URL.createObjectURL(blob) : "";
    chosen.push({ blob, name, url });
  }

  async function take(files) {
    let told = "";
    // One after the other: a cheap phone has memory for one large photo at a time.
    for (const file of files) {
      if (chosen.length >= most) {
        told = say("Many", { n: most });
        break;
      }
      status.textContent = say("Working");
      const blob = await smaller(file);
      if (blob.size > largest) told = say("Large", { nth: chosen.length + 1, mb: Math.floor(largest / 1048576) });
      else add(blob, blob === file ? file.name : file.name.replace(/\.[^.]*$/, "") + ".jpg");
    }
    draw();
    if (told) status.textContent = told;
    changed();
  }

  // Another module has files: a scanner, an entry that is mended.
  form.addEventListener("muara:files", ({ detail }) => take(detail));
  for (const input of field.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      const files = [...input.files];
      input.value = "";
      take(files);
    });
    // Files that were chosen before this module came would be sent twice or not at all.
    if (input.files.length) input.dispatchEvent(new Event("change"));
  }

  return {
    all: () => chosen,
    put(photos) {
      for (const { blob, name } of photos) add(blob, name);
      draw();
    },
    onChange: (call) => (changed = call),
  };
}

const SIDE = 2048;

// A photo of at most SIDE pixels a side, turned upright. Its hidden data (position, device) stays behind. What cannot be read here is sent
// as it is: the server looks at it.
async function smaller(file) {
  if (!/^image\/(jpeg|png|webp|hei[cf])$/.test(file.type) && file.type) return file;
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file;
  }
  const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.82));
  canvas.width = canvas.height = 0;
  if (!blob || (scale === 1 && blob.size >= file.size && file.type !== "image/heic")) return file;
  return blob;
}

// Place

function placeField(field) {
  if (!field) return null;
  const [lat, lon] = ["lat", "lon"].map((name) => form.elements[name]);
  const status = field.querySelector("[data-place-status]");
  const box = field.querySelector(".map-box");
  const opener = field.querySelector("[data-open-map]");
  let map = null;
  let changed = () => {};

  function set(point, words, area) {
    lat.value = point ? point.lat.toFixed(6) : "";
    lon.value = point ? point.lon.toFixed(6) : "";
    status.textContent = words;
    if (point) {
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "quiet";
      remove.textContent = say("Unpoint");
      remove.addEventListener("click", () => {
        map?.show(null);
        set(null, "");
        field.querySelector("button").focus();
      });
      status.append(" ", remove);
    }
    const select = form.elements.wilayah;
    if (area && select && [...select.options].some((option) => option.value === area.code)) select.value = area.code;
    changed();
  }

  field.querySelector("[data-locate]")?.addEventListener("click", () => {
    status.textContent = say("Locating");
    const refused = (error) => set(null, error?.code === 1 ? say("Denied") : say("NoPosition"));
    if (!navigator.geolocation) return refused();
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const point = { lat: coords.latitude, lon: coords.longitude };
        map?.show(point);
        set(point, say("Located", { n: Math.max(1, Math.round(coords.accuracy)) }));
      },
      refused,
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 60000 },
    );
  });

  opener?.addEventListener("click", async () => {
    box.hidden = !box.hidden;
    opener.setAttribute("aria-expanded", String(!box.hidden));
    if (box.hidden || map) return;
    try {
      const { pick } = await import(new URL(field.dataset.map, location.href));
      const known = lat.value ? { lat: Number(lat.value), lon: Number(lon.value) } : null;
      map = await pick(box, {
        leaflet: field.dataset.leaflet,
        outline: form.dataset.outline,
        point: known,
        area: form.elements.wilayah?.value,
        label: say("MapLabel"),
        center: say("MapCenter"),
        onPick: (point, area) => set(point, area ? say("PointedIn", { nama: area.name }) : say("Pointed"), area),
      });
    } catch {
      box.hidden = true;
      opener.setAttribute("aria-expanded", "false");
      status.textContent = say("MapFailed");
    }
  });

  if (lat.value && lon.value) set({ lat: Number(lat.value), lon: Number(lon.value) }, say("Pointed"));
  return { set, onChange: (call) => (changed = call) };
}

// Characters

function counted(text) {
  const most = Number(text.dataset.count);
  const left = document.createElement("p");
  left.className = "hint";
  text.after(left);
  const tell = () => {
    const n = [...text.value.trim()].length;
    const shown = (n) => n.toLocaleString(document.documentElement.lang);
    left.textContent = n > most * 0.8 ? text.dataset.sayLeft.replace("{n}", shown(n)).replace("{most}", shown(most)) : "";
    left.classList.toggle("error", n > most);
  };
  text.addEventListener("input", tell);
  tell();
}

// Draft: words and photos stay on this device until they are sent, at most for a day.

const DAY = 24 * 60 * 60 * 1000;

function draftOf(name, photos, place) {
  const key = `muara.${name}`;
  const kept = () => [...new FormData(form)].filter(([field, value]) => typeof value === "string" && field !== "situs");
  const store = fileStore();

  const draft = {
    save() {
      try {
        localStorage.setItem(key, JSON.stringify({ at: Date.now(), fields: kept() }));
      } catch {
        // Private windows may refuse: the page itself still has everything.
      }
      store.put(key, photos.all().map(({ blob, name }) => ({ blob, name })));
    },
    clear() {
      clearTimeout(timer);
      localStorage.removeItem(key);
      store.put(key, null);
    },
  };

  let timer;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(draft.save, 400);
  };
  form.addEventListener("input", soon);
  photos.onChange(soon);
  place?.onChange(soon);
  // The page may be put away at any moment on a phone: the camera opens, the browser leaves.
  addEventListener("visibilitychange", () => document.visibilityState === "hidden" && timer && draft.save());

  // A page that comes back with problems has its own words.
  if (!document.getElementById("ringkasan")) restore();
  return draft;

  async function restore() {
    let last = null;
    try {
      last = JSON.parse(localStorage.getItem(key));
    } catch {
      // Not ours, or broken: as if there were none.
    }
    const typed = last?.fields?.some(([field, value]) => value && ["isi", "tempat", "nama", "kontak", "lat"].includes(field));
    const files = (await store.get(key)) ?? [];
    if (!last || Date.now() - last.at > DAY || (!typed && !files.length)) return draft.clear();
    for (const [field, value] of last.fields) {
      if (field === "bahasa") continue;
      const control = form.elements[field];
      if (control) control.value = value; // The id too: what may have arrived after all gets the same number.
    }
    photos.put(files);
    if (form.elements.lat?.value) place?.set({ lat: Number(form.elements.lat.value), lon: Number(form.elements.lon.value) }, say("Pointed"));
    for (const text of form.querySelectorAll("[data-count]")) text.dispatchEvent(new Event("input"));
    offer();
  }

  function offer() {
    const notice = document.createElement("div");
    notice.className = "notice info";
    notice.setAttribute("role", "status");
    const words = document.createElement("p");
    words.textContent = say("Restored");
    const discard = document.createElement("button");
    discard.type = "button";
    discard.textContent = say("Discard");
    discard.addEventListener("click", () => {
      draft.clear();
      location.replace(location.pathname + location.search);
    });
    notice.append(words, discard);
    form.prepend(notice);
  }
}

// Photos do not fit into localStorage.
function fileStore() {
  const opened = new Promise((done) => {
    try {
      const request = indexedDB.open("muara", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("photos");
      request.onsuccess = () => done(request.result);
      request.onerror = () => done(null);
    } catch {
      done(null);
    }
  });
  const run = async (mode, work) => {
    const db = await opened;
    if (!db) return null;
    return new Promise((done) => {
      const request = work(db.transaction("photos", mode).objectStore("photos"));
      request.onsuccess = () => done(request.result);
      request.onerror = () => done(null);
    });
  };
  return {
    get: (key) => run("readonly", (photos) => photos.get(key)),
    put: (key, value) => run("readwrite", (photos) => (value ? photos.put(value, key) : photos.delete(key))),
  };
}

// Sending

// A form that was sent is not shown again, full, on the way back: sent a second time it would be a second complaint.
addEventListener("pageshow", ({ persisted }) => {
  const back = persisted || performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  if (!form || !back || !sessionStorage.getItem("muara.sent")) return;
  sessionStorage.removeItem("muara.sent");
  if (persisted) location.reload();
  else form.reset();
});

function sending(photos, draft) {
  const status = form.querySelector("[data-send-status]");
  const button = form.querySelector("[type=submit]");
  let busy = false;
  let waiting = false;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  addEventListener("online", () => waiting && send());
  form.addEventListener("muara:problems", ({ detail }) => problems(detail));

  function send() {
    if (busy) return;
    busy = true;
    waiting = false;
    draft?.save();
    button.setAttribute("aria-disabled", "true");
    status.classList.remove("error");
    status.textContent = say("Sending");
    const data = new FormData(form);
    data.delete("foto");
    for (const { blob, name } of photos.all()) data.append("foto", blob, name);
    // A page may have its own way to send: it prevents ours, and says how it ended, or lets us do it plainly after all.
    const detail = { data, answer: (response) => done({ response }), plainly: () => transmit(data) };
    if (form.dispatchEvent(new CustomEvent("muara:send", { cancelable: true, detail }))) transmit(data);
  }

  function done(request) {
    busy = false;
    button.removeAttribute("aria-disabled");
    answered(request);
  }

  function transmit(data) {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("accept", "application/json");
    request.responseType = "json";
    // A line that moves nothing for two minutes is dead; the form can be sent again without harm.
    let quiet;
    const alive = () => {
      clearTimeout(quiet);
      quiet = setTimeout(() => request.abort(), 120000);
    };
    alive();
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      alive();
      const part = Math.floor((loaded / total) * 10) * 10;
      status.textContent = say("SentPart", { n: part });
    });
    request.addEventListener("loadend", () => {
      clearTimeout(quiet);
      done(request);
    });
    request.send(data);
  }

  function answered({ response }) {
    if (response?.next) {
      draft?.clear();
      sessionStorage.setItem("muara.sent", "1");
      // In place of this page: the way back must not lead to a form that was sent.
      location.replace(response.next);
    } else if (response?.problems) {
      status.textContent = "";
      problems(response.problems);
    } else {
      waiting = true;
      status.classList.add("error");
      status.textContent = say("Lost");
    }
  }
}

function problems(list) {
  for (const old of form.querySelectorAll(".error[id$='-error']")) old.remove();
  for (const field of form.querySelectorAll(".wrong")) field.classList.remove("wrong");
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");

  const summary = document.createElement("div");
  summary.className = "notice bad summary";
  summary.id = "ringkasan";
  summary.tabIndex = -1;
  summary.setAttribute("role", "alert");
  const inside = document.createElement("div");
  const head = document.createElement("h2");
  head.textContent = list.length === 1 ? say("SummaryOne") : say("SummaryOther", { n: list.length });
  const items = document.createElement("ul");
  for (const { field, text } of list) {
    const link = Object.assign(document.createElement("a"), { href: `#${field}`, textContent: text });
    const item = document.createElement("li");
    item.append(link);
    items.append(item);
    mark(document.getElementById(field), text);
  }
  const kept = document.createElement("p");
  kept.textContent = say("Kept");
  inside.append(head, items, kept);
  summary.append(inside);
  form.querySelector("[data-summary]").replaceChildren(summary);
  summary.focus();
  summary.scrollIntoView({ block: "start" });
}

function mark(control, text) {
  if (!control || control.type === "submit") return;
  const field = control.closest(".field");
  const known = document.getElementById(`${control.id}-error`);
  if (known) {
    known.textContent += ` ${text}`;
    return;
  }
  const words = document.createElement("p");
  words.className = "error";
  words.id = `${control.id}-error`;
  words.textContent = text;
  field.classList.add("wrong");
  const hint = document.getElementById(`${control.id}-hint`);
  (hint ?? field.querySelector(`label[for="${control.id}"], legend`)).after(words);
  control.setAttribute("aria-describedby", [hint?.id, words.id].filter(Boolean).join(" "));
  if (control.matches("input, textarea, select")) control.setAttribute("aria-invalid", "true");
}
