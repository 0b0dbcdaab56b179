// Entries that are not with the door yet, and their slips: drawn here, because there may be no line.

import { line, leaving, supplied } from "./office.js";
import * as store from "./store.js";

const page = document.querySelector("[data-waiting-list]");
const says = page.dataset;
const list = page.querySelector("ul");
const row = page.querySelector("template[data-row]");
const slips = document.querySelector("[data-slips]");
const paper = document.querySelector("[data-papers]");
let supplies = null;
let send = null;

begin().catch(() => {});

async function begin() {
  leaving();
  supplies = await supplied();
  if (!supplies) {
    page.querySelector("[data-locked]").hidden = false;
    return;
  }
  addEventListener("hashchange", draw);
  for (const link of paper.querySelectorAll("a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      choose(link.dataset.paper);
    });
  }
  page.querySelector("[data-send]").addEventListener("click", () => send());
  await draw();
  send = line(supplies, draw);
}

async function draw() {
  const all = (await store.entries()).filter((kept) => kept.office === supplies.office);
  page.querySelector("[data-none]").hidden = all.length > 0;
  page.querySelector("[data-send]").hidden = !all.some((kept) => kept.state === "waiting");
  list.replaceChildren(...all.map(drawn));
  await slip(all.find((kept) => kept.id === location.hash.slice(1)));
}

function drawn(kept) {
  const item = row.content.cloneNode(true).firstElementChild;
  const number = item.querySelector("[data-number]");
  number.textContent = kept.number;
  number.href = `#${kept.id}`;
  item.querySelector("time").textContent = clock(kept.at, document.documentElement.lang);
  item.querySelector("[data-about]").textContent = [category(kept.category, document.documentElement.lang), kept.by].filter(Boolean).join(" · ");
  item.querySelector("[data-state]").textContent = says[`say${kept.state[0].toUpperCase()}${kept.state.slice(1)}`];
  const wrong = item.querySelector("[data-problems]");
  wrong.replaceChildren(...kept.problems.map(({ text }) => Object.assign(document.createElement("li"), { textContent: text })));
  wrong.hidden = !kept.problems.length;
  const mend = item.querySelector("[data-mend]");
  mend.href = `/?perbaiki=${kept.id}`;
  mend.hidden = kept.state !== "wrong";
  return item;
}

/** The slip of one entry. What is shown stays: it may have been sent meanwhile, and the citizen still stands there. */
async function slip(kept) {
  const shown = slips.querySelector(".slip");
  if (!location.hash.slice(1)) {
    slips.hidden = true;
    return;
  }
  if (shown?.dataset.id === location.hash.slice(1)) return said(kept);
  if (!kept) {
    // It is with the door, which draws its slip.
    if (document.documentElement.dataset.line === "done" && /^[0-9a-f-]{36}$/.test(location.hash.slice(1))) location.replace(`/slip/${location.hash.slice(1)}`);
    return;
  }
  const form = await store.unseal(supplies.key, kept);
  const template = slips.querySelector(`template[data-slip="${kept.language}"]`);
  const drawn = template.content.cloneNode(true).firstElementChild;
  drawn.dataset.id = kept.id;
  const fill = (name, text) => {
    for (const place of drawn.querySelectorAll(`[data-fill="${name}"]`)) {
      place.textContent = text;
      const part = place.closest("[data-part]");
      if (part) part.hidden = !text;
    }
  };
  fill("number", kept.number);
  drawn.querySelector("[data-fill=number]").id = "nomor";
  fill("office", supplies.label);
  fill("time", moment(kept.at, kept.language));
  fill("category", category(kept.category, kept.language));
  const contact = (form.get("kontak") ?? "").trim();
  const kind = !contact ? "" : contact.includes("@") ? "mailto" : "tel";
  for (const part of drawn.querySelectorAll("[data-by-contact]")) part.hidden = part.dataset.byContact !== kind || !supplies.answered.includes(kind);
  const link = supplies.site.base_url ? `${supplies.site.base_url.replace(/\/$/, "")}/t/${form.get("kode")}` : "";
  fill("link", link);
  drawn.querySelector("[data-no-link]").hidden = Boolean(link);
  await code(drawn.querySelector("[data-qr]"), link);
  slips.querySelector(".slip")?.remove();
  slips.append(drawn);
  said(kept);
  slips.hidden = false;
  document.querySelector("[data-slip-title]").focus();
}

function said(kept) {
  slips.hidden = false;
  document.querySelector("[data-slip-waits]").hidden = kept?.state !== "waiting";
  document.querySelector("[data-slip-sent]").hidden = Boolean(kept);
}

/** The QR code, if its module was bundled; else the link stands there in words. */
async function code(box, link) {
  if (!link || !says.qr) return;
  const { encode } = await import(says.qr);
  const { data, size } = encode(link, { ecc: "M", border: 4 });
  const make = (name, facts) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(facts)) element.setAttribute(key, value);
    return element;
  };
  const svg = make("svg", { class: "qr", viewBox: `0 0 ${size} ${size}`, "shape-rendering": "crispEdges", "aria-hidden": "true", focusable: "false" });
  const dark = [];
  data.forEach((line, y) => line.forEach((on, x) => on && dark.push(`M${x} ${y}h1v1h-1z`)));
  svg.append(make("path", { fill: "#fff", d: `M0 0h${size}v${size}H0z` }), make("path", { d: dark.join("") }));
  box.replaceChildren(svg);
}

function choose(word) {
  for (const link of paper.querySelectorAll("a")) link.toggleAttribute("aria-current", link.dataset.paper === word);
  for (const link of paper.querySelectorAll("a[aria-current]")) link.setAttribute("aria-current", "page");
  document.body.className = `slip-${word}`;
}

function category(code, language) {
  return supplies.categories[code]?.[language] ?? "";
}

/** As the server says it: `27 November 2026 pukul 14.05 WIB`. */
function moment(at, language) {
  const day = new Intl.DateTimeFormat(language === "en" ? "en-GB" : "id-ID", { timeZone: supplies.site.time_zone, day: "numeric", month: "long", year: "numeric" });
  return `${day.format(at)}${language === "en" ? ", " : " pukul "}${clock(at, language)}`;
}

function clock(at, language) {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: supplies.site.time_zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
  return `${language === "en" ? parts : parts.replace(":", ".")} ${supplies.site.zone}`;
}
