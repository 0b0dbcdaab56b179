// Helps who writes about a complaint: keeps a draft while they type, puts templates in, says what becomes of the words on the citizen's platform, and says to
// others that somebody is here. Without this module there are buttons for the first two, the platform's limits stand in words, and nobody is seen.

const PAUSE = 1500;
const EVERY = 20_000;
/** Who has not touched the page for so long is not there. */
const LEFT = 30 * 60_000;
/** Who has not typed for so long only looks. */
const WRITES = 60_000;

let touched = Date.now();
for (const event of ["pointerdown", "keydown", "wheel"]) addEventListener(event, () => (touched = Date.now()), { passive: true });

const pens = [...document.querySelectorAll("textarea[data-draft]")];
const csrf = () => document.querySelector("input[name=csrf]")?.value ?? "";

// ---- Drafts

/** Forms whose draft is on its way: a form is sent after it, or the draft would come back to life. */
const keeping = new Map();

function keep(pen) {
  const { form } = pen;
  const fields = new URLSearchParams({ csrf: csrf(), form: pen.dataset.draft, text: pen.value, quiet: "ya" });
  const said = document.querySelector(`#draf-${pen.dataset.draft}`);
  // One after another: a late one must not write over a newer one.
  const before = keeping.get(form) ?? Promise.resolve();
  const kept = before
    .then(() => fetch(addressOf(form, "draf"), { method: "POST", body: fields, redirect: "manual" }))
    .then(async (answer) => {
      if (said) said.textContent = answer.ok ? await answer.text() : "";
    })
    .catch(() => {
      if (said) said.textContent = "";
    })
    .finally(() => {
      if (keeping.get(form) === kept) keeping.delete(form);
    });
  keeping.set(form, kept);
}

/** The address of another act on the same complaint. */
function addressOf(form, act) {
  return new URL(form.getAttribute("action"), location.href).pathname.replace(/[^/]+$/, act);
}

const waiting = new Map();

function later(pen) {
  clearTimeout(waiting.get(pen));
  waiting.set(pen, setTimeout(() => keep(pen), PAUSE));
}

for (const pen of pens) {
  pen.addEventListener("input", () => later(pen));
  pen.form.addEventListener("submit", (event) => {
    clearTimeout(waiting.get(pen));
    const under = keeping.get(pen.form);
    if (!under) return;
    event.preventDefault();
    const by = event.submitter;
    under.then(() => pen.form.requestSubmit(by));
  });
}

// ---- Templates

for (const button of document.querySelectorAll("button[data-use]")) {
  button.addEventListener("click", (event) => {
    const choice = document.querySelector(`#${CSS.escape(button.dataset.use)}`);
    const text = choice?.selectedOptions[0]?.dataset.text;
    event.preventDefault();
    if (!text) return choice?.focus();
    const pen = document.querySelector(`#${CSS.escape(choice.dataset.into)}`);
    pen.value = pen.value.trim() ? `${pen.value.trimEnd()}\n\n${text}` : text;
    pen.dispatchEvent(new Event("input", { bubbles: true }));
    pen.focus();
  });
}

// ---- What becomes of the words

const HERE = "\ue000";
const BASIC =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const DOUBLE = "\f^{}\\[~]|€";

/** As the gateway writes it: quotation marks and dashes of word processors become those of a telephone. */
function plain(text) {
  return text
    .replace(/[\u2018-\u201b\u2032\u2035\u00b4`]/g, "'")
    .replace(/[\u201c-\u201f\u2033\u2036\u00ab\u00bb]/g, '"')
    .replace(/[\u2010-\u2015\u2212\u2022\u00b7]/g, "-")
    .replace(/\u2026/g, "...")
    .replace(/\u2192/g, "->")
    .replace(/[\u00a0\u2000-\u200a\u202f\u205f\u3000\t]/g, " ")
    .replace(/[\u00ad\u200b-\u200f\u2060\ufeff\ufe0e\ufe0f]/g, "");
}

/** In how many parts a text message goes. No character is torn between two. */
function parts(text) {
  const characters = [...plain(text)];
  const basic = characters.every((c) => BASIC.includes(c) || DOUBLE.includes(c));
  const size = (c) => (basic ? (DOUBLE.includes(c) ? 2 : 1) : c.length);
  const [alone, joined] = basic ? [160, 153] : [70, 67];
  const whole = characters.reduce((sum, c) => sum + size(c), 0);
  if (whole <= alone) return 1;
  let [n, used] = [1, 0];
  for (const c of characters) {
    if (used + size(c) > joined) [n, used] = [n + 1, 0];
    used += size(c);
  }
  return n;
}

function weight(text) {
  const of = (c) => {
    const code = c.codePointAt(0);
    return code <= 4351 || (code >= 8192 && code <= 8205) || (code >= 8208 && code <= 8223) || (code >= 8242 && code <= 8247) ? 1 : 2;
  };
  return text.split(/(https?:\/\/[^\s,;!?"'()<>[\]{}]+)/i).reduce((sum, piece, at) => sum + (at % 2 ? 23 : [...piece].reduce((all, c) => all + of(c), 0)), 0);
}

const MEASURES = { characters: (text) => [...text].length, units: (text) => text.length, weight, parts };
const says = document.querySelector("#hitung")?.dataset;
const locale = document.documentElement.lang;
const number = (n) => n.toLocaleString(locale);

/** One sentence: how much it is, and what becomes of it. */
export function becomes(words, { counts, most, beyond, frames }) {
  const measure = MEASURES[counts];
  if (!measure) return null;
  const forms = frames.map((frame) => frame.replaceAll(HERE, words));
  const fits = forms.findIndex((form) => measure(form) <= most);
  if (beyond === "link") {
    const at = fits < 0 ? forms.length - 1 : fits;
    const whole = frames[at].includes(HERE);
    return { kind: whole ? "parts" : "link", n: measure(forms[at]), most };
  }
  const used = measure(forms[0]);
  return used <= most ? { kind: "fits", n: used, most } : { kind: "several", n: Math.ceil(used / most), most };
}

function count(pen) {
  const line = document.querySelector(`#hitung-${pen.dataset.draft}`);
  if (!line || !says) return;
  const { counts, most, beyond, frames } = pen.dataset;
  const found = pen.value.trim() ? becomes(pen.value.trim(), { counts, most: Number(most), beyond, frames: JSON.parse(frames) }) : null;
  line.hidden = !found;
  if (!found) return;
  const sentence = says[found.kind].replace("{n}", number(found.n)).replace("{most}", number(found.most));
  if (line.textContent !== sentence) line.textContent = sentence;
  line.classList.toggle("warn", found.kind === "link");
}

for (const pen of pens.filter((pen) => pen.dataset.counts)) {
  pen.addEventListener("input", () => count(pen));
  count(pen);
}

// ---- Who is here

const room = document.querySelector("[data-present]");
let typed = 0;
let said = "";

function state() {
  return Date.now() - typed < WRITES ? "tulis" : "lihat";
}

async function beat() {
  // An open page that nobody touches must not keep its reader signed in.
  if (document.hidden || Date.now() - touched > LEFT) return;
  said = state();
  const answer = await fetch(room.dataset.present, { method: "POST", body: new URLSearchParams({ csrf: csrf(), state: said }), redirect: "manual" });
  if (!answer.ok) return;
  const people = (await answer.text()).trim();
  // Said again only when it is news: a screen reader speaks each time.
  if (room.dataset.people !== people) room.innerHTML = room.dataset.people = people;
}

const beats = () => beat().catch(() => {});

if (room) {
  for (const pen of pens) {
    pen.addEventListener("input", () => {
      typed = Date.now();
      if (said !== "tulis") beats();
    });
  }
  setInterval(beats, EVERY);
  document.addEventListener("muara:present", beats);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : beats()));
  addEventListener("pagehide", leave);
  beats();
}

function leave() {
  said = "";
  navigator.sendBeacon(room.dataset.present, new URLSearchParams({ csrf: csrf(), state: "pergi" }));
}
