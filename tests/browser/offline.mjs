// The desk without a line, in a browser that is closed and opened again. The test that starts the system says in MUARA_CITY (JSON):
// { base, desk, clerks: { one, colleague, elsewhere }, password, numbers, module, profile, entries }. The last line that it writes is what
// it printed: [{ number, link }].

import { createServer, connect } from "node:net";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { SIZES, broke, judge, must, verdict, visit, watched } from "./look.mjs";

const city = JSON.parse(process.env.MUARA_CITY);
const NUMBER = /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/;
const HOUR = 60 * 60 * 1000;
const printed = [];

// A line that can be cut: what the browser calls the desk is this.
const line = await cable(new URL(city.desk).port);
const desk = `http://127.0.0.1:${line.port}`;
let browser = await start();

try {
  await theSameNumbers();
  await signIn(city.clerks.one);
  await aStoreThatOpensLate();
  await anHourWithoutALine();
  await theBrowserIsClosedAndOpened();
  await theLineIsBack();
  await aRefusedEntryIsMended();
  await whoLeavesLocksUp();
  await aLineThatTakesAndGivesNoAnswer();
} catch (error) {
  await broke(error);
} finally {
  await browser.close();
  line.cut();
}
writeFileSync(join(city.profile, "printed.json"), JSON.stringify(printed));
verdict();

async function cable(to) {
  const open = new Set();
  let whole = true;
  let silent = false;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(to, "127.0.0.1");
    for (const [from, onto] of [[near, far], [far, near]]) {
      open.add(from);
      from.on("data", (bytes) => !(silent && from === far) && onto.write(bytes));
      from.on("error", () => onto.destroy());
      from.on("close", () => {
        open.delete(from);
        onto.destroy();
      });
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const cut = () => {
    whole = false;
    for (const one of open) one.destroy();
  };
  return { port: server.address().port, cut, mend: () => (whole = true), hush: (on) => (silent = on), end: () => server.close() };
}

async function start() {
  mkdirSync(city.profile, { recursive: true });
  const context = await chromium.launchPersistentContext(join(city.profile, "chromium"), {
    executablePath: process.env.MUARA_CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
    viewport: SIZES.desk,
    locale: "id-ID",
    timezoneId: "Asia/Jakarta",
    reducedMotion: "reduce",
    permissions: ["camera"],
  });
  watched(context);
  return context;
}

async function offline(on) {
  if (on) line.cut();
  else line.mend();
  await browser.setOffline(on);
}

async function theSameNumbers() {
  const page = await browser.newPage();
  await visit(page, desk + "/tutup");
  for (const { adapter, account, id, turn, number } of JSON.parse(readFileSync(city.numbers, "utf8"))) {
    const made = await page.evaluate(
      async ([module, ...of]) => (await import(module)).numberOf(...of),
      [new URL(city.module, desk).href, adapter, account, id, turn],
    );
    must(made === number, "numbers", `${account} ${id} is ${made}, not ${number}`);
  }
  const ids = await page.evaluate(async (module) => {
    const { newId, newCode } = await import(module);
    return { early: newId(1_795_143_600_000), late: newId(1_795_143_600_001), code: newCode() };
  }, new URL(city.module, desk).href);
  must(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(ids.early), "ids", `${ids.early} is no UUID of version 7`);
  must(ids.early < ids.late, "ids", "are not in the order of time");
  must(/^[\w-]{22}$/.test(ids.code), "codes", `${ids.code} is no code`);
  await page.close();
}

async function signIn(login) {
  const page = await browser.newPage();
  await visit(page, city.base + "/masuk");
  await page.fill("#nama", login);
  await page.fill("#sandi", city.password);
  await page.click("main button[type=submit]");
  await visit(page, city.base + "/loket");
  await page.click("main form button[type=submit]");
  await page.waitForSelector("#teks");
  await page.close();
  // The cookie is the machine's, whatever the port: now through the line that can be cut.
  await ready();
}

/** The page has its supplies, and the browser has the pages. */
async function ready() {
  const page = await browser.newPage();
  await visit(page, desk + "/");
  await page.waitForSelector("form[data-ready]");
  await page.waitForFunction(async () => (await navigator.serviceWorker.ready) && (await (await caches.open("pages")).keys()).length === 2);
  await page.close();
}

async function enter(page, n, more = async () => {}) {
  await visit(page, desk + "/");
  await page.waitForSelector("form[data-ready]");
  await page.fill("#teks", `Lampu jalan mati di gang ${n}.`);
  await page.fill("#nama", `Warga ${n}`);
  await more();
  await page.click("#kirim");
  await page.waitForURL(/\/(luring#|slip\/)/);
  await page.waitForSelector("#nomor");
}

async function shown(page) {
  const slip = { number: await page.textContent("#nomor"), link: await page.textContent(".slip-link") };
  must(NUMBER.test(slip.number), "an offline slip", `shows ${slip.number}`);
  must(slip.link.startsWith(`${city.base}/t/`), "an offline slip", `leads to ${slip.link}`);
  return slip;
}

/** A browser may fail to open its store, once: the page tries again, without a line too. */
async function aStoreThatOpensLate() {
  const page = await browser.newPage();
  await page.addInitScript(() => {
    const open = indexedDB.open.bind(indexedDB);
    let refused = 0;
    indexedDB.open = (...of) => {
      if (refused++ > 0) return open(...of);
      throw new DOMException("the disk is slow", "UnknownError");
    };
  });
  await offline(true);
  await visit(page, desk + "/");
  await page.waitForSelector("form[data-ready]");
  await page.close();
  await offline(false);
}

async function anHourWithoutALine() {
  const page = await browser.newPage();
  await offline(true);
  const began = Date.now();
  for (let n = 1; n <= city.entries; n++) {
    // The hour passes in the browser's clock: twenty entries, three minutes each.
    await page.clock.setSystemTime(began + Math.floor((n / city.entries) * HOUR));
    await enter(page, n, async () => {
      if (n === 1) await page.setInputFiles("input[name=foto][multiple]", { name: "surat.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4 surat") });
      if (n === 2) await aScannedLetter(page);
      if (n === 3) await page.selectOption("#kategori", "road");
    });
    must(page.url().includes("/luring#"), "an entry without a line", `ends at ${page.url()}`);
    const slip = await shown(page);
    must(!printed.some((one) => one.number === slip.number || one.link === slip.link), "an offline slip", "has the number or the link of another");
    printed.push(slip);
    if (n === 3) await lookedAt(page);
  }
  await page.clock.setSystemTime(began);
  await page.close();
}

/** Two pages by the camera of a browser that has only a pretended one. */
async function aScannedLetter(page) {
  await page.click("[data-scan]");
  await page.waitForSelector("[data-take]:not([disabled])");
  await page.click("[data-take]");
  await page.waitForSelector("[data-scanner] li:nth-child(1)");
  await page.waitForSelector("[data-take]:not([disabled])");
  await page.click("[data-take]");
  await page.waitForSelector("[data-scanner] li:nth-child(2)");
  if (process.env.MUARA_PICTURES) await page.screenshot({ path: join(process.env.MUARA_PICTURES, "desk-scanner-itself.png") });
  await judge(page, "desk-scanner");
  await page.click("[data-done]");
  await page.waitForSelector("[data-thumbs] li:nth-child(2)");
  must(await page.evaluate(() => document.activeElement.matches("[data-scan]")), "scanner", "does not give the focus back");
}

/** Waits for words: what a page says beside the slip comes after it. */
function says(page, selector, words) {
  return page.waitForFunction(([selector, words]) => document.querySelector(selector).textContent.includes(words), [selector, words]);
}

async function lookedAt(page) {
  const slip = await page.textContent(".slip");
  for (const words of ["Tanda terima laporan", "WIB", "Jalan", "112"]) must(slip.includes(words), "an offline slip", `does not say ${words}`);
  for (const personal of ["Warga 3", "gang 3"]) must(!slip.includes(personal), "an offline slip", `says ${personal}`);
  if (city.maps) must(await page.locator(".slip svg.qr").isVisible(), "an offline slip", "has no QR code");
  await says(page, "[data-line]", "3 laporan");
  await judge(page, "luring");
  for (const paper of ["58", "a5", "besar", "80"]) {
    await page.click(`[data-paper="${paper}"]`);
    must(await page.evaluate((paper) => document.body.classList.contains(`slip-${paper}`), paper), "an offline slip", `cannot be had as ${paper}`);
  }
}

async function theBrowserIsClosedAndOpened() {
  await browser.close();
  browser = await start();
  await browser.setOffline(true);
  const page = await browser.newPage();
  await visit(page, desk + "/hari-ini");
  await page.waitForSelector("[data-waiting-list] ul li");
  must((await page.locator("[data-waiting-list] ul.rows > li").count()) === city.entries, "after a restart", "entries are missing");
  await page.click(`text=${printed[4].number}`);
  await page.waitForSelector("#nomor");
  const again = await shown(page);
  must(again.number === printed[4].number && again.link === printed[4].link, "after a restart", "the slip is another");
  const open = await page.evaluate(async () => {
    const db = await new Promise((done) => (indexedDB.open("muara-loket").onsuccess = ({ target }) => done(target.result)));
    const rows = await new Promise((done) => (db.transaction("entries").objectStore("entries").getAll().onsuccess = ({ target }) => done(target.result)));
    return rows.map((row) => JSON.stringify(row) + new TextDecoder().decode(row.words.bytes)).join();
  });
  for (const secret of ["Lampu", "Warga", printed[0].link.split("/t/")[1]]) must(!open.includes(secret), "what the browser keeps", `shows ${secret}`);
  await page.close();
}

async function theLineIsBack() {
  const page = await browser.newPage();
  await visit(page, desk + "/luring");
  await page.waitForSelector("[data-waiting-list] ul li");
  await offline(false);
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.waitForSelector("[data-none]:not([hidden])");
  await visit(page, desk + "/hari-ini");
  const list = await page.textContent("main");
  for (const { number } of printed) must(list.includes(number), "when the line is back", `${number} is not at the desk`);
  await page.close();
}

/** The door refuses what the browser could not know; the entry waits, is mended, and keeps its number. */
async function aRefusedEntryIsMended() {
  const page = await browser.newPage();
  await offline(true);
  await enter(page, "perbaikan", () =>
    page.evaluate(() => document.querySelector("#kategori").append(new Option("Sudah dihapus", "gone", true, true))),
  );
  const slip = await shown(page);
  await offline(false);
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.waitForSelector("[data-mend]:not([hidden])");
  must((await page.textContent("[data-problems]")).includes("sudah tidak ada"), "a refused entry", "does not say why");
  await judge(page, "luring-wrong");
  await page.click("[data-mend]");
  await page.waitForSelector("#ringkasan");
  must((await page.inputValue("#teks")).includes("gang perbaikan"), "a refused entry", "comes back empty");
  await page.selectOption("#kategori", "road");
  await page.click("#kirim");
  await page.waitForURL(/\/slip\//);
  const mended = await shown(page);
  must(mended.number === slip.number && mended.link === slip.link, "a mended entry", "has another slip");
  printed.push(slip);
  await page.close();
}

/** Signed out without a line, with something unsent: nobody reads it, another office does not send it, a colleague does. */
async function whoLeavesLocksUp() {
  const page = await browser.newPage();
  page.on("dialog", (dialog) => dialog.accept());
  await offline(true);
  await enter(page, "terkunci");
  const slip = await shown(page);
  await visit(page, desk + "/luring");
  await page.waitForSelector("[data-waiting-list] ul li");
  await page.click("text=Keluar");
  await page.waitForURL(/\/tutup/);
  await page.waitForSelector("[data-waiting]:not([hidden])");
  must((await page.textContent("[data-waiting]")).includes("1 laporan"), "the closed door", "does not say that something waits");
  await judge(page, "tutup");
  await visit(page, desk + "/");
  must(!(await page.locator("#teks").count()), "the closed door", "lets somebody enter");
  await page.close();
  await offline(false);
  await signIn(city.clerks.elsewhere);
  const other = await browser.newPage();
  await visit(other, desk + "/luring");
  await other.waitForSelector("[data-none]:not([hidden])");
  must(!(await other.textContent("main")).includes(slip.number), "another office", "sees what waits");
  await says(other, "[data-line]", "loket lain");
  await other.close();
  await signIn(city.clerks.colleague);
  const colleague = await browser.newPage();
  await visit(colleague, desk + "/luring");
  await colleague.waitForSelector("[data-none]:not([hidden])");
  await visit(colleague, desk + "/hari-ini");
  must((await colleague.textContent("main")).includes(slip.number), "a colleague", "did not send what was left");
  printed.push(slip);
  await colleague.close();
}

/** The worst line: the entry arrives, the answer does not. The slip is printed here, and it is one complaint. */
async function aLineThatTakesAndGivesNoAnswer() {
  const page = await browser.newPage();
  await visit(page, desk + "/");
  await page.waitForSelector("form[data-ready]");
  await page.fill("#teks", "Saluran mampet di pasar.");
  line.hush(true);
  await page.click("#kirim");
  await page.waitForURL(/\/luring#/);
  await page.waitForSelector("#nomor");
  printed.push(await shown(page));
  line.hush(false);
  line.cut();
  line.mend();
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.waitForSelector("[data-slip-sent]:not([hidden])");
  await page.close();
}
