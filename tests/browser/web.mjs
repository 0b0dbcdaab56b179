// The pages of `web` in a browser. The test that starts the system says in MUARA_CITY (JSON) where it is and what is in it:
// { base, password, tracking: { open, asked, resolved, same }, complaints: { open, triage, secret, blocked }, number, incident, closed, parked,
// leaving, invitation, now (seconds) }

import { createHmac } from "node:crypto";

import { SIZES, blame, broke, judge, must, open, verdict, visit, visitor, weight } from "./look.mjs";

const city = JSON.parse(process.env.MUARA_CITY);
const at = (path) => city.base + path;
// One grey pixel.
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";
const browser = await open();

try {
  await forCitizens();
  await withoutScripts();
  await isItThisOne();
  await onPaper();
  for (const [login, pages] of Object.entries(staffPages())) await forStaff(login, pages);
  await toldByAPerson();
  await decidedByKeyboard({});
  await decidedByKeyboard({ javaScriptEnabled: false });
  await rulesByTwo();
  await joinedByHand();
  await twoSteps();
  await invited();
  await theListByKeyboard();
  await searchedWithoutScripts();
  await whoWrites();
  await anOfficersDay();
  await theOtherLanguage();
} catch (error) {
  await broke(error);
} finally {
  await browser.close();
}
verdict();

async function forCitizens() {
  const context = await visitor(browser);
  const page = await context.newPage();
  for (const [name, path] of [
    ["home", "/"],
    ["lookup", "/cek"],
    ["lookup-found", `/cek?number=${city.number}`],
    ["lookup-mistyped", "/cek?number=7KQ2"],
    ["track-open", city.tracking.open],
    ["track-asked", city.tracking.asked],
    ["track-resolved", city.tracking.resolved],
    ["track-same", city.tracking.same],
    ["track-referee", city.tracking.refused],
    ["task", city.task],
    ["sign-in", "/masuk"],
    ["not-found", "/tidak-ada"],
  ]) {
    await visit(page, at(path));
    await judge(page, name);
  }
  const bytes = await weight(await visitor(browser), at(city.tracking.open));
  console.log(`A tracking page costs ${bytes} bytes without photos.`);
  must(bytes < 50_000, "track", `costs ${bytes} bytes without photos`);

  // The first thing a keyboard meets leads past the menu.
  await visit(page, at("/"));
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.className);
  must(first === "skip", "home", `the keyboard meets ${first} first`);
  await page.keyboard.press("Enter");
  must((await page.evaluate(() => document.activeElement.id)) === "isi", "home", "the skip link does not lead to the content");
  await context.close();
}

/** Everything a citizen needs works without JavaScript. */
async function withoutScripts() {
  const context = await visitor(browser, { javaScriptEnabled: false });
  const page = await context.newPage();
  await visit(page, at("/"));
  await page.fill("#nomor", city.number);
  await page.click("text=Lihat");
  must(page.url().includes("/cek?number="), "lookup", "the form leads elsewhere");
  await visit(page, at(city.tracking.asked));
  await page.fill("#pesan", "Sisi utara, dekat halte.");
  await page.click("button:has-text('Kirim')");
  must((await page.textContent("main")).includes("Pesan Anda sudah kami tambahkan"), "track", "words are not taken without scripts");
  await visit(page, at(city.tracking.resolved));
  await page.fill("#alasan", "Masih berlubang di sebelahnya.");
  await page.click("button:has-text('Belum selesai')");
  must((await page.textContent("main")).includes("Laporan dibuka kembali"), "track", "'not done' is not taken without scripts");
  await context.close();
}

/** One tap says yes, by the keyboard too; "mine is another one" takes it back; a code leads to another channel. All without JavaScript; who judges the
 * pages needs it. */
async function isItThisOne() {
  const context = await visitor(browser, { javaScriptEnabled: false, viewport: SIZES.phone });
  const page = await context.newPage();
  const judging = await visitor(browser);
  const seen = await judging.newPage();
  const text = () => page.textContent("main");
  await visit(page, at(city.tracking.same));
  must((await text()).includes("Apakah ini hal yang sama?"), "track-same", "nothing is asked");
  await page.focus("button[name=jawab][value=ya]");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/*done=sama");
  must((await text()).includes("Dilaporkan juga oleh warga lain"), "track-same", "what it is joined with is not told");
  must((await page.locator("button[name=jawab]").count()) === 0, "track-same", "it is asked twice");
  await visit(seen, at(city.tracking.same));
  await unfold(seen);
  await judge(seen, "track-joined");
  await page.click("summary:has-text('Laporan saya hal lain')");
  await page.fill("#lain", "Punya saya di jalan belakang.");
  await page.click("button:has-text('Pisahkan laporan saya')");
  await page.waitForURL("**/*done=lain");
  must((await text()).includes("sudah dipisahkan"), "track-joined", "leaving is not told");
  const code = /SAMBUNG [2-9A-Z]{3}-[2-9A-Z]{3}-[2-9A-Z]{3}/;
  for (const one of [page, seen]) {
    await visit(one, at(city.tracking.same));
    await one.click("summary:has-text('Lanjutkan di saluran lain')");
    await one.click("button:has-text('Buat kode')");
    await one.waitForURL("**/sambung");
    must(code.test(await one.textContent("main")), "track-connect", "no code is shown");
  }
  await judge(seen, "track-connect");
  await judging.close();
  await context.close();
}

/** What reached nobody is printed without its form, and settled on a phone without scripts. */
async function toldByAPerson() {
  const context = await visitor(browser, { javaScriptEnabled: false, viewport: SIZES.phone });
  const page = await signIn(context, "triase");
  await visit(page, at("/tak-sampai"));
  must((await page.locator(".unreached").count()) === 1, "unreached", "the task is not there");
  await page.emulateMedia({ media: "print" });
  must(!(await page.isVisible(".unreached form")) && (await page.isVisible(".unreached .only-print")), "unreached", "the form is printed, or the paper's line is not");
  await page.emulateMedia({ media: "screen" });
  must(!(await page.isVisible("[data-print]")), "unreached", "a button is shown that does nothing");
  await page.selectOption("select[name=how]", "letter");
  await page.fill("textarea[name=text]", "Surat ke ketua RT.");
  await page.click("button:has-text('Sudah disampaikan')");
  await page.waitForURL("**/tak-sampai?done=disampaikan");
  must((await page.textContent("main")).includes("Semua jawaban sampai"), "unreached", "the task is still there");
  await context.close();
}

/** On paper there are no buttons and no menu. */
async function onPaper() {
  const context = await visitor(browser);
  const page = await context.newPage();
  await visit(page, at(city.tracking.open));
  await page.emulateMedia({ media: "print" });
  for (const hidden of [".top", "form", ".foot"]) {
    const shown = await page.evaluate((selector) => [...document.querySelectorAll(selector)].some((one) => one.checkVisibility()), hidden);
    must(!shown, "track on paper", `${hidden} is printed`);
  }
  await context.close();
}

function staffPages() {
  const { open: one, triage, secret, blocked, refused, late, held } = city.complaints;
  return {
    jalan: { queue: "/antrean", found: "/antrean?cari=jalan%20berlubang", "found-nothing": "/antrean?cari=helikopter", overdue: "/antrean?view=overdue", empty: "/antrean?view=done&category=tree", complaint: one, secret, late, escalated: "/antrean?view=escalated", incident: city.incident, unreached: "/tak-sampai" },
    "jalan.penyelia": { block: one, blocked, templates: "/templat", bodies: "/pengurus", head: "/meja", review: "/meja/periksa", "head-list": "/meja/daftar?measure=came" },
    triase: { import: "/impor", triage: "/antrean", held: "/antrean?view=karantina", "held-one": held, filter: "/antrean?view=open&category=road", route: triage, referee: "/antrean?view=referee", decide: refused, asked: "/antrean?view=asked", same: "/usulan", rules: "/aturan", "rules-draft": "/aturan/draf", "rules-trial": "/aturan/coba", "rules-version": "/aturan/versi/1", "incident-triage": city.incident },
    loket: { desk: "/loket", post: "/pos", "post-entered": `/pos?nomor=${city.number}` },
    admin: {
      channels: "/admin",
      head: "/meja",
      report: "/meja/laporan?month=2026-11",
      "head-weeks": "/meja?from=2026-08-01&to=2026-11-20&area=3171090",
      "head-nothing": "/meja?from=2020-01-01&to=2020-01-02&category=tree",
      parked: "/admin/terparkir",
      balance: "/admin/neraca",
      "parked-one": city.parked,
      staff: "/admin/petugas",
      directory: "/admin/direktori",
      escalation: "/admin/eskalasi",
      audit: "/admin/catatan",
      password: "/sandi",
      telephone: "/telepon",
      factor: "/faktor",
      leaving: city.leaving,
      forbidden: "/loket",
    },
  };
}

async function signIn(context, login) {
  const page = await context.newPage();
  await visit(page, at("/masuk"));
  await page.fill("#nama", login);
  await page.fill("#sandi", city.password);
  await page.click("main button[type=submit]");
  must(!page.url().includes("/masuk"), login, "cannot sign in");
  return page;
}

async function forStaff(login, pages) {
  const context = await visitor(browser);
  const page = await signIn(context, login);
  for (const [name, path] of Object.entries(pages)) {
    await visit(page, at(path));
    if (name === "complaint") await mapStands(page);
    await unfold(page);
    await judge(page, `${login}-${name}`);
  }
  await context.close();
}

async function mapStands(page) {
  if (!city.maps) return;
  await page.waitForSelector(".map path.area").catch(() => blame("complaint", "the map does not stand"));
  must((await page.locator(".map path.chosen").count()) > 0, "complaint", "the area is not marked");
}

/** Opens what is folded away, so that it is looked at too. */
async function unfold(page) {
  await page.evaluate(() => {
    // The menu's groups would lie over the page.
    for (const details of document.querySelectorAll("details:not(.menu-group)")) {
      details.removeAttribute("name");
      details.open = true;
    }
  });
}

/** Goes from where the keyboard is to what `wanted` (a selector) is, by Tab alone. */
async function tabTo(page, wanted, where) {
  for (let presses = 0; presses < 150; presses++) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate((selector) => document.activeElement.matches(selector), wanted);
    if (found) return;
  }
  throw new Error(`${where}: the keyboard does not reach ${wanted}`);
}

/** Presses the button that has the focus, and waits for the page behind it. */
async function pressed(page) {
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

/** Triage decides on pairs and takes it back, without a mouse; with and without scripts. */
async function decidedByKeyboard(options) {
  const scripts = options.javaScriptEnabled !== false;
  const where = scripts ? "same by keyboard" : "same by keyboard without scripts";
  const context = await visitor(browser, options);
  const page = await signIn(context, "triase");
  const said = async (words) => must((await page.textContent("main")).includes(words), where, `does not say "${words}"`);
  const pairs = () => page.locator("section.card form button[value=gabung]").count();
  await visit(page, at("/usulan"));
  const before = await pairs();
  must(before >= 2, where, `there are ${before} pairs`);
  await said("Jarak kedua titik:");
  if (scripts && city.maps) {
    const map = page.locator("[data-points]").first();
    await map.scrollIntoViewIfNeeded().catch(() => {});
    await page.waitForSelector(".map .between", { state: "attached" }).catch(() => blame(where, "the map does not stand"));
    must((await page.locator(".map .here").count()) >= 2, where, "the map does not show both points");
  } else if (!scripts) {
    must((await page.locator(".map:visible").count()) === 0, where, "an empty map is shown");
  }
  // The clock of this city stands: one act about a pair has one way back.
  const acts = [
    ["gabung", "Laporan sudah digabung.", before - 1, true],
    scripts ? ["nanti", "Ditunda. Usulan ini tetap ada di bawah.", before, false] : ["beda", "Dicatat: bukan hal yang sama.", before - 1, false],
  ];
  for (const [value, words, left, taken] of acts) {
    await visit(page, at("/usulan"));
    await tabTo(page, `button[value=${value}]`, where);
    await pressed(page);
    await said(words);
    must((await pairs()) === left, where, `${value}: ${await pairs()} pairs are left of ${before}`);
    if (scripts) await judge(page, `triase-same-${value}`);
    if (!taken) continue;
    await tabTo(page, "form[action^='/langkah/'] button", where);
    await pressed(page);
    await said("Sudah dibatalkan. Semua kembali seperti semula.");
    must((await pairs()) === before, where, `${value} taken back: ${await pairs()} pairs instead of ${before}`);
  }
  await context.close();
}

/** One person changes the draft by keyboard, without scripts; another one publishes it on a phone. Then it is brought back. */
async function rulesByTwo() {
  const where = "rules";
  const context = await visitor(browser, { javaScriptEnabled: false });
  const page = await signIn(context, "triase");
  const said = async (page, words) => must((await page.textContent("main")).includes(words), where, `does not say "${words}"`);
  await visit(page, at("/aturan/draf"));
  await tabTo(page, "#aturan-kategori", where);
  await page.keyboard.type("Pelayanan");
  await tabTo(page, "#aturan-dinas", where);
  await page.keyboard.type("Dinas Bina");
  await tabTo(page, "form[action='/aturan/draf/baris'] button.main", where);
  await pressed(page);
  await said(page, "Baris disimpan di draf.");
  await visit(page, at("/aturan/coba"));
  await said(page, "Anda ikut menyusun draf ini.");
  await context.close();
  const phone = await visitor(browser, { viewport: SIZES.phone });
  const other = await signIn(phone, "triase.dua");
  await visit(other, at("/aturan/coba"));
  await judge(other, "triase-rules-publish");
  await other.fill("#catatan", "Pelayanan kini ditangani Bina Marga.");
  await other.click("button:has-text('Terbitkan sekarang')");
  await other.waitForURL("**/aturan?done=terbit");
  await said(other, "Yang berlaku: versi 2");
  await visit(other, at("/aturan/versi/1"));
  await judge(other, "triase-rules-earlier");
  await other.fill("#alasan", "Belum waktunya.");
  await other.click("button:has-text('Berlakukan lagi')");
  await other.waitForURL("**/aturan?done=kembali");
  await said(other, "Yang berlaku: versi 3");
  await phone.close();
}

/** Somebody joins two complaints by number, and opens what was typed wrong again. */
async function joinedByHand() {
  const context = await visitor(browser);
  const page = await signIn(context, "triase");
  await visit(page, at(city.complaints.triage));
  await tabTo(page, "summary:has(+ .inside #nomor-gabung)", "by hand");
  await page.keyboard.press("Enter");
  await tabTo(page, "#nomor-gabung", "by hand");
  await page.keyboard.type("7KQ2");
  await page.keyboard.press("Tab");
  await page.keyboard.type("Tiang yang sama.");
  await page.keyboard.press("Tab");
  await pressed(page);
  must((await page.textContent("[role=alert]")).includes("Tidak ada laporan dengan nomor itu"), "by hand", "a wrong number is not told");
  must((await page.inputValue("#kata-gabung")) === "Tiang yang sama.", "by hand", "what was typed is lost");
  await judge(page, "triase-by-hand");
  await page.fill("#nomor-gabung", city.number);
  await page.focus("#kata-gabung");
  await page.keyboard.press("Tab");
  await pressed(page);
  must((await page.textContent("main")).includes("Laporan sudah digabung."), "by hand", "joining is not told");
  await visit(page, at(city.closed));
  await judge(page, "triase-incident-closed");
  await page.fill("#alasan-buka", "Air datang lagi.");
  await page.focus("#alasan-buka");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await page.keyboard.press("Tab");
  await pressed(page);
  must((await page.textContent("main")).includes("Kejadian terbuka kembali."), "incident", "opening it again is not told");
  await context.close();
}

/** What an authenticator app shows (RFC 6238), at the time of the city. */
function appCode(secret) {
  const bits = [...secret].map((symbol) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(symbol).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(city.now / 30)));
  const hash = createHmac("sha1", key).update(step).digest();
  const number = hash.readUInt32BE(hash[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

/** The second step is set up from the account's page, with a wrong code first; then it is asked for, without scripts too, where a recovery code does. */
async function twoSteps() {
  const context = await visitor(browser);
  const page = await signIn(context, "jalan.dua");
  await visit(page, at("/sandi"));
  await page.click("main a:has-text('Verifikasi dua langkah')");
  await page.fill("#sandi", city.password);
  await page.click("button:has-text('Mulai')");
  await page.waitForSelector("#rahasia");
  await judge(page, "factor-scan");
  await page.fill("#kode", "000000");
  await page.click("button:has-text('Aktifkan')");
  await page.waitForSelector("#kode-error");
  await judge(page, "factor-wrong");
  await page.fill("#kode", appCode((await page.textContent("#rahasia")).replaceAll(" ", "")));
  await page.click("button:has-text('Aktifkan')");
  await page.waitForSelector(".factor-codes");
  await judge(page, "factor-codes");
  const codes = await page.locator(".factor-codes code").allTextContents();
  must(codes.length === 10, "factor", `${codes.length} recovery codes`);
  await page.click("text=Sudah saya simpan");
  await page.waitForSelector("text=Tersisa 10 kode pemulihan");
  await judge(page, "factor-on");
  await context.close();

  for (const [options, code] of [[{}, codes[0]], [{ javaScriptEnabled: false }, codes[1]]]) {
    const again = await visitor(browser, options);
    const door = await again.newPage();
    await visit(door, at("/masuk?next=/sandi"));
    await door.fill("#nama", "jalan.dua");
    await door.fill("#sandi", city.password);
    await door.click("main button[type=submit]");
    await door.waitForSelector("#kode");
    if (options.javaScriptEnabled !== false) await judge(door, "second-step");
    await door.fill("#kode", code);
    await door.click("main button[type=submit]");
    await door.waitForURL("**/sandi");
    await again.close();
  }
}

/** Somebody new sets their password with the link from their admin, and signs in. */
async function invited() {
  const context = await visitor(browser);
  const page = await context.newPage();
  await visit(page, at(city.invitation));
  await judge(page, "invitation");
  await page.fill("#baru", "kata sandi pilihan sendiri");
  await page.click("main button[type=submit]");
  await page.waitForURL("**/masuk?done=sandi");
  must((await page.textContent("main")).includes("Kata sandi tersimpan"), "invitation", "that it is kept is not told");
  await visit(page, at(city.invitation));
  must((await page.textContent("main")).includes("tidak berlaku lagi"), "invitation", "the link can be used again");
  await judge(page, "invitation-over");
  await context.close();
}

/** j, k, / and ? lead through a list; a name is found and stands in no address. */
async function theListByKeyboard() {
  const where = "the list by keyboard";
  const context = await visitor(browser);
  const page = await signIn(context, "jalan");
  const stands = (place) => page.evaluate((n) => [...document.querySelectorAll(".rows .first a")].indexOf(document.activeElement) === n, place);
  await visit(page, at("/antrean"));
  await page.waitForFunction(() => document.querySelector("#tombol")?.hidden === false);
  await page.keyboard.press("j");
  must(await stands(0), where, "j does not begin at the first line");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  must(await stands(1), where, "j and k do not go from line to line");
  await page.keyboard.press("?");
  must(await page.isVisible("#tombol dl"), where, "? does not show the keys");
  await judge(page, "jalan-keys");
  await page.keyboard.press("/");
  await page.keyboard.type("jalan berlubang");
  must((await page.inputValue("#cari")) === "jalan berlubang", where, "/ does not lead to the search");
  await pressed(page);
  must(page.url().includes("/antrean?cari=jalan%20berlubang"), where, `words lead to ${page.url()}`);
  must((await page.locator(".rows mark").count()) > 0, where, "what fits is not marked");
  await page.fill("#cari", "Budi");
  await page.focus("#cari");
  await pressed(page);
  must(!page.url().includes("Budi"), where, "a name stands in the address");
  must((await page.textContent("main")).includes("nama pelapor"), where, "a name is not found");
  await judge(page, "jalan-found-name");
  await visit(page, at("/antrean"));
  await page.waitForFunction(() => document.querySelector("#tombol")?.hidden === false);
  await page.keyboard.press("j");
  await pressed(page);
  must(page.url().includes("/aduan/"), where, "Enter does not open the complaint");
  await context.close();
}

async function searchedWithoutScripts() {
  const context = await visitor(browser, { javaScriptEnabled: false });
  const page = await signIn(context, "jalan");
  await visit(page, at("/antrean"));
  must(!(await page.isVisible("#tombol")), "search without scripts", "keys are shown that do nothing");
  await page.fill("#cari", "jalan berlubang");
  await page.click("form[role=search] button");
  must((await page.locator(".rows mark").count()) > 0, "search without scripts", "nothing is found");
  await page.click("summary:has-text('Simpan daftar ini')");
  await page.fill("#nama-daftar", "Lubang jalan");
  await page.click("button:has-text('Simpan')");
  must((await page.textContent("main")).includes("Daftar disimpan."), "search without scripts", "that a list is kept is not told");
  must((await page.locator("nav.saved a[aria-current]").count()) === 1, "search without scripts", "the kept list is not where we are");
  await context.close();
}

/** An officer works; the citizen's open page shows it without being loaded again; a stale page is told. */
async function anOfficersDay() {
  const citizens = await visitor(browser);
  const citizen = await citizens.newPage();
  await visit(citizen, at(city.tracking.open));
  const context = await visitor(browser);
  const officer = await signIn(context, "jalan");
  // A tab that hears nothing of what happens elsewhere.
  const second = await context.newPage();
  await second.route("**/live", (route) => route.fulfill({ status: 204 }));
  await visit(second, at(city.complaints.open));
  await visit(officer, at(city.complaints.open));
  await officer.click("button:has-text('Ambil laporan ini')");
  must((await officer.textContent("main")).includes("sekarang Anda tangani"), "complaint", "taking it is not told");
  await citizen
    .waitForFunction(() => document.querySelector("[data-live-part=status]").textContent.includes("Sedang ditangani"))
    .catch(() => blame("track", "an open page does not show what changed"));
  must(await citizen.isVisible("[data-live-news]"), "track", "that the page changed is not said");

  // Its old version is told, and what was typed stays.
  await second.click("summary:has-text('Jawab')");
  await second.fill("#kata-jawab", "Tim turun besok pagi.");
  await second.click("button:has-text('Kirim jawaban')");
  must((await second.textContent("[role=alert]")).includes("Belum tersimpan"), "complaint", "a stale page is not told");
  must((await second.inputValue("#kata-jawab")) === "Tim turun besok pagi.", "complaint", "what was typed is lost");
  await judge(second, "jalan-stale");
  await second.click("button:has-text('Kirim jawaban')");
  must((await second.textContent("main")).includes("Jawaban dikirim"), "complaint", "the second press does not help");

  await officer.goto(at(city.complaints.open));
  await officer.click("summary:has-text('Selesaikan')");
  await officer.fill("#kata-selesai", "Lubang sudah ditambal.");
  await officer.setInputFiles("#foto", { name: "bukti.png", mimeType: "image/png", buffer: Buffer.from(PNG, "base64") });
  await officer.click("button:has-text('Nyatakan selesai')");
  must((await officer.textContent("main")).includes("Laporan dinyatakan selesai"), "complaint", "resolving is not told");
  await citizen
    .waitForFunction(() => document.querySelector("#alasan") !== null)
    .catch(() => blame("track", "'not done' does not appear by itself"));
  await citizens.close();
  await context.close();
}

/** A draft is kept while somebody types; who else is there is seen at once; the platform's limits are said; a photo is made larger by keyboard. */
async function whoWrites() {
  const where = "who writes";
  const context = await visitor(browser);
  const officer = await signIn(context, "jalan");
  const others = await visitor(browser);
  const head = await signIn(others, "jalan.penyelia");
  await visit(head, at(city.complaints.writes));
  await visit(officer, at(city.complaints.writes));
  const sees = (page, words) => page.waitForFunction((words) => document.querySelector("[data-present]")?.textContent.includes(words), words).catch(() => blame(where, `does not say "${words}"`));
  await sees(head, "Joko Jalan sedang membuka");
  await officer.waitForFunction(() => document.querySelector("#tombol")?.hidden === false);
  await officer.keyboard.press("j");
  must((await officer.evaluate(() => document.activeElement.id)) === "kata-jawab", where, "j does not lead to the answer");
  await officer.selectOption("#templat-jawab", { label: "Terjadwal" });
  await officer.click("[data-use=templat-jawab]");
  const filled = await officer.inputValue("#kata-jawab");
  must(filled.startsWith("Laporan ") && filled.includes("Dinas Bina Marga") && !filled.includes("{"), where, `the template says ${filled}`);
  await sees(head, "Joko Jalan sedang menulis");
  await officer.waitForFunction(() => document.querySelector("#draf-jawab").textContent.includes("Draf tersimpan")).catch(() => blame(where, "no draft is kept"));
  if (city.counts) {
    must((await officer.textContent("#hitung-jawab")).startsWith("Terkirim sebagai "), where, "the parts are not said");
    await officer.fill("#kata-jawab", "Panjang sekali. ".repeat(60));
    must((await officer.textContent("#hitung-jawab")).startsWith("Tidak muat dalam 3 SMS"), where, "that it does not fit is not said");
    await officer.fill("#kata-jawab", "a".repeat(20));
    must((await officer.textContent("#hitung-jawab")).includes("1 SMS"), where, `one part is ${await officer.textContent("#hitung-jawab")}`);
  }
  // The last words are kept before the page is left.
  const kept = officer.waitForResponse((answer) => answer.url().endsWith("/draf") && new URLSearchParams(answer.request().postData()).get("text") === filled);
  await officer.fill("#kata-jawab", filled);
  await kept;
  await judge(officer, "jalan-writes");
  await visit(officer, at(city.complaints.writes));
  must((await officer.inputValue("#kata-jawab")) === filled, where, "the draft is not offered again");

  const photo = officer.locator(".photos a").first();
  await photo.focus();
  await officer.keyboard.press("Enter");
  await officer.waitForSelector("dialog.zoom[open]");
  const width = () => officer.evaluate(() => document.querySelector(".zoom img").getBoundingClientRect().width);
  await officer.waitForFunction(() => document.querySelector(".zoom img").complete);
  const before = await width();
  await officer.keyboard.press("+");
  await officer.keyboard.press("+");
  must((await width()) > before, where, "a photo is not made larger");
  await judge(officer, "jalan-photo");
  await officer.keyboard.press("Escape");
  must(!(await officer.isVisible("dialog.zoom")), where, "Escape does not close the photo");
  must(await photo.evaluate((link) => link === document.activeElement), where, "the photo that was opened has not the focus");
  await others.close();
  await context.close();
}

async function theOtherLanguage() {
  const context = await visitor(browser, { locale: "en-GB" });
  const page = await context.newPage();
  await visit(page, at(city.tracking.resolved));
  must((await page.getAttribute("html", "lang")) === "en", "track", "a device that asks for English is not heard");
  await judge(page, "track-english");
  await page.click("text=Bahasa Indonesia");
  must((await page.getAttribute("html", "lang")) === "id", "track", "the language cannot be changed");
  await context.close();
}
