// "Is there a complaint already?", asked from the entry page with what is typed so far. Without this module the page for searching asks.

const button = document.querySelector("[data-search]");
const box = document.querySelector("[data-found]");
const form = document.querySelector("form[data-form]");

if (button && box) {
  button.hidden = false;
  button.addEventListener("click", search);
}

async function search() {
  const asked = new URLSearchParams();
  for (const [field, name] of [["nomor", "terkait"], ["kontak", "kontak"], ["nama", "nama"], ["isi", "isi"], ["tempat", "tempat"], ["wilayah", "wilayah"], ["lat", "lat"], ["lon", "lon"]]) {
    asked.set(field, form.elements[name]?.value ?? "");
  }
  box.textContent = box.dataset.sayLooking;
  box.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/cari", { method: "POST", body: asked, headers: { accept: "text/html" }, signal: AbortSignal.timeout(15000) });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-results]");
    if (!fresh) throw new Error("no results");
    box.replaceChildren(document.importNode(fresh, true));
    for (const pick of box.querySelectorAll("[data-pick]")) {
      pick.hidden = false;
      pick.addEventListener("click", () => {
        form.elements.terkait.value = pick.dataset.pick;
        form.elements.terkait.focus();
      });
    }
  } catch {
    box.textContent = box.dataset.sayOffline;
  }
  box.removeAttribute("aria-busy");
}
