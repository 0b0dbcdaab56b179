// The entry page without the network. An entry is sealed and kept in this browser first, then sent; where there is no line, its slip is
// printed from here, with the number and the link that it will have. Without this module the page sends as every form does.

import { newCode, newId, numberOf } from "./number.js";
import { able, leaving, line, supplied } from "./office.js";
import { sendOne } from "./send.js";
import * as store from "./store.js";

const form = document.querySelector("form[data-form]");
const says = document.querySelector("[data-desk]").dataset;
/** How long a clerk and a citizen wait for the line before the slip is printed without it. */
const PATIENCE = 10_000;
/** Between two tries to get supplies. */
const AGAIN = 5_000;

leaving();
if (form && able) begin();

/** Until there are supplies the page needs the line; a line that comes back, or a browser's store that opens late, ends that. */
async function begin() {
  const supplies = await supplied().catch(() => null);
  if (supplies) prepare(supplies).catch(() => {});
  else setTimeout(begin, AGAIN);
}

async function prepare(supplies) {
  form.elements.giliran.value = supplies.shift;
  const mending = new URLSearchParams(location.search).get("perbaiki");
  if (mending) await mend(supplies, mending);
  else if (!document.getElementById("ringkasan")) {
    form.elements.kiriman.value = newId(Date.now() + supplies.skew);
    form.elements.kode.value = newCode();
  }
  form.addEventListener("muara:send", (event) => {
    event.preventDefault();
    send(supplies, event.detail).catch(event.detail.plainly);
  });
  form.dataset.ready = "kept";
  line(supplies);
}

async function send(supplies, { data, answer, plainly }) {
  const wrong = mistakes(data);
  if (wrong.length) return answer({ problems: wrong });
  const at = Date.now() + supplies.skew;
  const id = data.get("kiriman");
  if (!data.get("kode")) data.set("kode", newCode());
  data.set("dibuat", new Date(at).toISOString());
  const facts = {
    id,
    at,
    office: supplies.office,
    by: supplies.clerk,
    number: await numberOf("desk", supplies.office, id),
    category: data.get("kategori") ?? "",
    language: data.get("bahasa_warga") === "en" ? "en" : "id",
  };
  try {
    await store.keep(supplies.key, facts, data);
  } catch {
    return plainly(); // no room here: then the door must take it
  }
  const outcome = navigator.onLine ? await Promise.race([sendOne(supplies, await store.entry(id)), pause(PATIENCE)]) : "lost";
  if (outcome === "taken") answer({ next: `/slip/${id}` });
  else if (outcome === "wrong") answer({ problems: (await store.entry(id)).problems });
  else if (outcome === "out") answer({ problems: [{ field: "kirim", text: says.sayOut }] });
  else answer({ next: `/luring#${id}` });
}

const pause = (time) => new Promise((done) => setTimeout(() => done("lost"), time));

/** What the door would refuse, as far as it can be known here. */
function mistakes(data) {
  const wrong = [];
  const text = data.get("isi").trim();
  if (!text && !data.getAll("foto").some((file) => file.size)) wrong.push({ field: "teks", text: says.sayEmpty });
  const most = Number(form.querySelector("#teks").dataset.count);
  for (const [field, id] of [["isi", "teks"], ["ringkas", "ringkas"]]) {
    const n = [...data.get(field).trim()].length;
    if (n > most) wrong.push({ field: id, text: says.sayLong.replace("{n}", n).replace("{most}", most) });
  }
  const contact = data.get("kontak").trim();
  const fits = contact.includes("@") ? /^[^\s@]+@[^\s@]+\.[^\s@.]+$/ : /^\+?[\d\s().-]{6,20}$/;
  if (contact && !fits.test(contact)) wrong.push({ field: "kontak", text: says.sayContact });
  return wrong;
}

/** An entry that the door refused comes back into the form, under its id: mended, it keeps its number and its slip. */
async function mend(supplies, id) {
  const kept = await store.entry(id);
  if (!kept || kept.office !== supplies.office) return;
  const typed = await store.unseal(supplies.key, kept);
  for (const [name, value] of typed) {
    const control = form.elements[name];
    if (typeof value !== "string" || !control || name === "giliran" || name === "bahasa") continue;
    if (control.type === "checkbox") control.checked = true;
    else control.value = value;
  }
  const files = typed.getAll("foto").filter((file) => file.size);
  if (files.length) form.dispatchEvent(new CustomEvent("muara:files", { detail: files }));
  for (const text of form.querySelectorAll("[data-count]")) text.dispatchEvent(new Event("input"));
  if (kept.problems.length) form.dispatchEvent(new CustomEvent("muara:problems", { detail: kept.problems }));
}
