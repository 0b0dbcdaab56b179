// The citizen's form and the clerk's desk in a browser. The test that starts the system says in MUARA_CITY (JSON) where they are:
// { base, form, desk, login, password, maps, prints? }; `prints` is a folder for the slips as PDF.

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SIZES, blame, broke, judge, must, open, verdict, visit, visitor, watched, weight } from "./look.mjs";

const city = JSON.parse(process.env.MUARA_CITY);
const NUMBER = /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/;
const HERE = { permissions: ["geolocation", "clipboard-read", "clipboard-write"], geolocation: { latitude: -6.1767, longitude: 106.8272, accuracy: 12 } };
const browser = await open();

try {
  await pagesOfTheForm();
  await aCitizenWithAPhone();
  await aLostLine();
  await aDraft();
  await withoutScripts();
  await byKeyboard();
  await aDayAtTheDesk();
} catch (error) {
  await broke(error);
} finally {
  await browser.close();
}
verdict();

/** A photo as a phone takes it: large, and too large for a bad line. */
async function photo(page) {
  const url = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 4000, height: 3000 });
    const context = canvas.getContext("2d");
    for (let i = 0; i < 4000; i++) {
      context.fillStyle = `hsl(${(i * 137) % 360} 30% 50%)`;
      context.fillRect((i * 71) % 4000, (i * 53) % 3000, 300, 220);
    }
    return canvas.toDataURL("image/jpeg", 0.95);
  });
  return { name: "lubang.jpg", mimeType: "image/jpeg", buffer: Buffer.from(url.split(",")[1], "base64") };
}

async function pagesOfTheForm() {
  const context = await visitor(browser, HERE);
  const page = await context.newPage();
  await visit(page, city.form + "/");
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
  await judge(page, "form");
  await visit(page, city.form + "/?lang=en");
  must((await page.textContent("h1")) === "Report a problem", "form", "does not speak English");
  await visit(page, city.form + "/tidak-ada?lang=id");
  await judge(page, "form-missing");
  const bytes = await weight(await visitor(browser), city.form + "/");
  console.log(`The form costs ${bytes} bytes.`);
  must(bytes < 60_000, "form", `costs ${bytes} bytes`);
  await context.close();
}

/** Photo, words, place by the device and by the map, a mistake, its correction, the receipt, and the answer that comes by itself. */
async function aCitizenWithAPhone() {
  const context = await visitor(browser, HERE);
  const page = await context.newPage();
  await visit(page, city.form + "/");
  const large = await photo(page);
  await page.setInputFiles("input[name=foto][multiple]", [large, large]);
  await page.waitForSelector("[data-thumbs] li:nth-child(2)");
  await page.click("[data-thumbs] li:nth-child(2) button");
  must((await page.locator("[data-thumbs] li").count()) === 1, "form", "a photo cannot be taken away");
  await page.fill("#teks", "Jalan berlubang besar di depan pasar, motor sering jatuh.");
  await page.click("[data-locate]");
  await page.waitForFunction(() => document.querySelector("[name=lat]").value !== "");
  must((await page.inputValue("[name=lat]")) === "-6.176700", "form", "the device's position is not taken");
  if (city.maps) {
    await page.click("[data-open-map]");
    await page.waitForSelector(".map-box path.area", { state: "attached" });
    const map = page.locator(".map-box .leaflet-container");
    await map.click({ position: { x: 150, y: 150 } });
    must((await page.inputValue("[name=lat]")) !== "-6.176700", "form", "a tap on the map is not taken");
    must((await page.inputValue("#wilayah")) !== "", "form", "a tap on the map does not choose the area");
    await judge(page, "form-map");
  }
  await page.fill("#kontak", "bukan nomor");
  await page.click("#kirim");
  await page.waitForSelector("#ringkasan");
  must(await page.evaluate(() => document.activeElement.id === "ringkasan"), "form", "the summary of mistakes does not have the focus");
  must((await page.getAttribute("#kontak", "aria-invalid")) === "true", "form", "the field with the mistake is not marked");
  must((await page.locator("[data-thumbs] li").count()) === 1, "form", "the photo is gone after a mistake");
  await judge(page, "form-wrong");
  await page.click("#ringkasan a");
  must(await page.evaluate(() => document.activeElement.id === "kontak"), "form", "the summary does not lead to the field");
  await page.fill("#kontak", "0812 3456 7890");
  const [request] = await Promise.all([page.waitForRequest((request) => request.method() === "POST"), page.click("#kirim")]);
  const sent = (await request.sizes()).requestBodySize;
  must(sent < large.buffer.length / 2, "form", `a photo of ${large.buffer.length} bytes makes a form of ${sent}`);
  await receipt(page, "receipt");
  await page.click("[data-copy=nomor]");
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  must(copied === (await page.textContent("#nomor")), "receipt", `copies ${copied}`);

  // The number is found under its link, and the receipt is still there when it is loaded again.
  const number = await page.textContent("#nomor");
  await page.reload();
  must((await page.textContent("#nomor")) === number, "receipt", "shows another number when it is loaded again");
  await visit(page, await page.getAttribute("#tautan", "href"));
  must((await page.textContent("main")).includes(number), "receipt", "the link leads elsewhere");
  await page.goBack();
  await page.goBack();
  must((await page.inputValue("#teks").catch(() => "")) === "", "form", "the way back leads to a form that was sent");
  await context.close();
}

/** A number at once, and who has it as soon as the core says so: without a reload. */
async function receipt(page, name) {
  await page.waitForURL(/\/terima\//);
  must(NUMBER.test(await page.textContent("#nomor")), name, "shows no number");
  await page.waitForFunction(() => !document.querySelector("[data-live-part]").textContent.includes("Sudah aman di kami"));
  const state = await page.textContent("[data-live-part]");
  must(/diteruskan ke|menentukan dinas/.test(state), name, `says ${state.trim()}`);
  await judge(page, name);
}

/** The line breaks while the form is sent, and comes back. */
async function aLostLine() {
  // The browser tells of the loss on the console, rightly: this visitor's is not listened to.
  const context = await browser.newContext({ viewport: SIZES.desk, locale: "id-ID" });
  watched(context);
  const page = await context.newPage();
  await visit(page, city.form + "/");
  await page.fill("#teks", "Sampah menumpuk di pinggir kali.");
  // The answer is lost, not the question: the worst case, for it was taken already.
  let lost = 0;
  await context.route(city.form + "/", async (route) => {
    if (route.request().method() !== "POST" || lost > 0) return route.continue();
    lost += 1;
    await route.fetch();
    await route.abort("connectionreset");
  });
  await page.click("#kirim");
  await page.waitForSelector("[data-send-status].error");
  must((await page.textContent("[data-send-status]")).includes("Sambungan terputus"), "a lost line", "is not told");
  must((await page.inputValue("#teks")).includes("Sampah"), "a lost line", "takes the words along");
  await judge(page, "form-lost");
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.waitForURL(/\/terima\//);
  must(NUMBER.test(await page.textContent("#nomor")), "a lost line", "no number in the end");
  await context.close();
}

/** The browser is closed in the middle, and opened again. */
async function aDraft() {
  const context = await visitor(browser, HERE);
  let page = await context.newPage();
  await visit(page, city.form + "/");
  await page.setInputFiles("input[name=foto][multiple]", await photo(page));
  await page.waitForSelector("[data-thumbs] li");
  await page.fill("#teks", "Lampu jalan mati.");
  await page.fill("#tempat", "Depan halte");
  const id = await page.inputValue("[name=kiriman]");
  await page.waitForFunction(() => Object.values(localStorage).some((kept) => kept.includes("Depan halte")));
  await page.close();
  page = await context.newPage();
  await visit(page, city.form + "/");
  await page.waitForSelector("[data-thumbs] li");
  must((await page.inputValue("#teks")) === "Lampu jalan mati." && (await page.inputValue("#tempat")) === "Depan halte", "a draft", "is not brought back");
  must((await page.inputValue("[name=kiriman]")) === id, "a draft", "comes back under another id: sent twice, it would be two complaints");
  await judge(page, "form-draft");
  await Promise.all([page.waitForEvent("load"), page.click("form > .notice button")]);
  must((await page.inputValue("#teks")) === "", "a draft", "cannot be discarded");
  must((await page.inputValue("[name=kiriman]")) !== id, "a draft", "leaves its id behind");
  await context.close();
}

async function withoutScripts() {
  const context = await visitor(browser, { javaScriptEnabled: false });
  const page = await context.newPage();
  await visit(page, city.form + "/");
  await page.fill("#teks", "Trotoar rusak.");
  await page.fill("#kontak", "x");
  await page.click("#kirim");
  must((await page.textContent("#ringkasan")).includes("nomor telepon"), "without scripts", "a mistake is not told");
  must((await page.inputValue("#teks")) === "Trotoar rusak.", "without scripts", "the words are gone after a mistake");
  await page.fill("#kontak", "");
  await page.setInputFiles("input[name=foto][multiple]", { name: "a.jpg", mimeType: "image/jpeg", buffer: Buffer.from([255, 216, 255, 224, 0, 16]) });
  await page.selectOption("#wilayah", { index: 5 });
  await page.click("#kirim");
  must(NUMBER.test(await page.textContent("#nomor")), "without scripts", "no number");
  await context.close();
}

/** From the first key to the number without a mouse. */
async function byKeyboard() {
  const context = await visitor(browser);
  const page = await context.newPage();
  await visit(page, city.form + "/");
  const reached = new Set();
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => document.activeElement.id || document.activeElement.name || document.activeElement.tagName);
    reached.add(here);
    if (here === "situs") blame("form", "the keyboard meets the field that people must not fill");
    if (here === "teks") await page.keyboard.type("Pohon tumbang menutup jalan.");
    if (here === "kirim") break;
  }
  for (const field of ["foto", "teks", "tempat", "nama", "kontak", "tampil", "kirim"]) must(reached.has(field), "form", `the keyboard does not reach ${field}`);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/terima\//);
  must(NUMBER.test(await page.textContent("#nomor")), "form", "no number by keyboard");
  await context.close();
}

async function aDayAtTheDesk() {
  const context = await visitor(browser);
  const page = await context.newPage();
  await visit(page, city.desk + "/");
  await judge(page, "desk-gate");
  await visit(page, city.base + "/masuk");
  await page.fill("#nama", city.login);
  await page.fill("#sandi", city.password);
  await page.click("main button[type=submit]");
  await visit(page, city.base + "/loket");
  await page.click("main form button[type=submit]");
  await page.waitForSelector("#teks");
  must(page.url().startsWith(city.desk), "desk", `the clerk arrives at ${page.url()}`);
  must((await page.inputValue("#wilayah")) !== "", "desk", "the office's own area is not chosen");
  await judge(page, "desk");

  await page.click("#kirim");
  await page.waitForSelector("#ringkasan");
  await judge(page, "desk-wrong");
  await page.fill("#teks", "Jalan di gang kami berlubang, anak-anak jatuh.");
  await page.selectOption("#kategori", "road");
  await page.fill("#nama", "Warga Contoh");
  await page.selectOption("#identitas", "ktp");
  await page.fill("#kontak", "081234567890");
  await page.setInputFiles("input[name=foto][multiple]", { name: "surat.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4 surat") });
  await page.waitForSelector("[data-thumbs] li");
  await page.check("[name=dibacakan]");
  await page.click("#kirim");
  await page.waitForURL(/\/slip\//);
  const number = await page.textContent("#nomor");
  must(NUMBER.test(number), "slip", "shows no number");
  await page.waitForFunction(() => document.querySelector(".slip-facts").textContent.includes("Diteruskan ke"));
  const slip = await page.textContent(".slip");
  for (const personal of ["Warga Contoh", "81234567890", "anak-anak"]) must(!slip.includes(personal), "slip", `says ${personal}`);

  const address = page.url();
  for (const [paper, width, height] of [["80", 80, null], ["58", 58, null], ["a5", 148, 210], ["besar", 210, 297]]) {
    await visit(page, `${address}?kertas=${paper}`);
    await judge(page, `slip-${paper}`);
    await onPaper(page, paper, width, height);
  }

  await visit(page, city.desk + "/hari-ini");
  must((await page.textContent("main")).includes(number), "desk", "the list of the day misses the entry");
  await judge(page, "desk-today");
  await page.click(`text=${number}`);
  must((await page.textContent("#nomor")) === number, "desk", "the slip cannot be had again");
  await isItKnown(page, number);
  await theQueue(page);
  await smallScreens(page);
  await Promise.all([page.waitForEvent("load"), page.click("text=Keluar")]);
  await visit(page, address);
  must(!(await page.locator("#nomor").count()), "desk", "slips are shown after signing out");
  await context.close();
}

/** Before entering: by contact, from the entry itself; by number and by words, on the page for it. */
async function isItKnown(page, number) {
  await visit(page, city.desk + "/");
  await page.waitForSelector("form[data-ready]");
  await page.fill("#kontak", "081234567890");
  await page.click("[data-search]");
  await page.waitForSelector("[data-found] [data-results]");
  must((await page.textContent("[data-found]")).includes(number), "search", "does not find a contact");
  must((await page.textContent("[data-found]")).includes("anak-anak"), "search", "does not show the office its own words");
  await judge(page, "desk-found");
  await page.click("[data-pick]");
  must((await page.inputValue("#terkait")) === number, "search", "a finding cannot be noted as related");
  await visit(page, city.desk + "/cari");
  await judge(page, "search");
  await page.fill("#nomor", number.toLowerCase());
  await page.click("main button[type=submit]");
  must((await page.textContent("[data-results]")).includes(number), "search", "does not find a number");
  await page.fill("#nomor", "");
  await page.fill("#teks", "jalan berlubang di gang, anak jatuh");
  await page.click("main button[type=submit]");
  must((await page.textContent("[data-results]")).includes(number), "search", "does not find the same matter in the same place");
  await judge(page, "search-found");
  await visit(page, city.desk + "/tak-sampai");
  await judge(page, "undelivered");
}

/** A number is given, called, shown on the wall, and becomes an entry. */
async function theQueue(page) {
  await visit(page, city.desk + "/antrean");
  await page.click("text=Beri nomor");
  await page.waitForURL(/\/antrean\/nomor\/1/);
  must((await page.textContent("#nomor")) === "001", "queue", "gives another number first");
  await judge(page, "queue-ticket");
  const wall = await page.context().newPage();
  await visit(wall, city.desk + "/antrean/layar");
  await visit(page, city.desk + "/antrean");
  await judge(page, "queue-desk");
  await page.click("text=Panggil berikutnya");
  await wall.waitForFunction(() => document.querySelector(".big-number").textContent === "001");
  await judge(wall, "queue-screen");
  await wall.close();
  await page.click("text=Catat laporan");
  await page.waitForSelector("form[data-ready]");
  must((await page.inputValue("[name=antrean]")) === "1", "queue", "is not tied to the entry");
}

/** 320 pixels, and a desktop at 200 %: nothing hangs over, nothing is cut. */
async function smallScreens(page) {
  for (const path of ["/", "/cari", "/antrean", "/hari-ini", "/luring", "/tak-sampai"]) {
    for (const viewport of [{ width: 320, height: 640 }, { width: 640, height: 450 }]) {
      await page.setViewportSize(viewport);
      await visit(page, city.desk + path);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      must(over <= 0, `${path} at ${viewport.width}`, `is ${over} pixels too wide`);
    }
  }
  await page.setViewportSize(SIZES.desk);
  await visit(page, city.desk + "/");
  const reached = new Set();
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => document.activeElement.id || document.activeElement.name || Object.keys(document.activeElement.dataset)[0] || "");
    reached.add(here);
    if (here === "kirim") break;
  }
  for (const field of ["teks", "kategori", "tempat", "foto", "scan", "nama", "kontak", "search", "terkait", "tampil", "kirim"]) must(reached.has(field), "desk", `the keyboard does not reach ${field}`);
}

/** One page of the right size, with nothing on it but the slip. */
async function onPaper(page, paper, width, height) {
  const pdf = await page.pdf({ preferCSSPageSize: true });
  if (city.prints) {
    mkdirSync(city.prints, { recursive: true });
    const path = join(city.prints, `slip-${paper}.pdf`);
    await page.pdf({ preferCSSPageSize: true, path });
    must(readFileSync(path).length > 0, "slip", "is not printed");
  }
  const text = pdf.toString("latin1");
  const sizes = [...text.matchAll(/\/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)/g)].map(([, w, h]) => [w, h].map((points) => (points / 72) * 25.4));
  must(sizes.length === 1, `slip ${paper}`, `is printed on ${sizes.length} pages`);
  const [w, h] = sizes[0] ?? [0, 0];
  must(Math.abs(w - width) < 1 && (height === null || Math.abs(h - height) < 1), `slip ${paper}`, `is printed on ${w} × ${h} mm`);
  await page.emulateMedia({ media: "print" });
  for (const hidden of [".top", ".foot", ".no-print"]) {
    const shown = await page.evaluate((selector) => [...document.querySelectorAll(selector)].some((one) => one.checkVisibility()), hidden);
    must(!shown, `slip ${paper}`, `${hidden} is printed`);
  }
  await page.emulateMedia({ media: null });
}
