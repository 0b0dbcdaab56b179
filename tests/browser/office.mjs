// A day at the office in a browser. `node office.mjs morning`, then `evening`, then `night`; the test that starts the system says in MUARA_CITY (JSON) where it
// is and what the day's stories are: { base, password, agencies, stories: { name: { page, number, citizen } }, pages: [[page, number]] }.

import { broke, must, open, verdict, visit, visitor } from "./look.mjs";

const city = JSON.parse(process.env.MUARA_CITY);
const at = (path) => city.base + path;
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";
const { asked, tree, waste, lamp, late } = city.stories;
const browser = await open();

try {
  await { morning, evening, night }[process.argv[2]]();
} catch (error) {
  await broke(error);
} finally {
  await browser.close();
}
verdict();

async function morning() {
  await handedOver();
  await passedBackAndForth();
  await aQuestion();
  await settled();
}

async function evening() {
  await answered();
  await contested();
}

async function night() {
  await escalated();
  await everyCitizensPage();
}

async function signIn(login) {
  const context = await visitor(browser);
  const page = await context.newPage();
  await visit(page, at("/masuk"));
  await page.fill("#nama", login);
  await page.fill("#sandi", city.password);
  await page.click("main button[type=submit]");
  await page.waitForURL((url) => !url.pathname.startsWith("/masuk"));
  return page;
}

/** Folds a form open, whatever else is open. */
async function unfold(page, field) {
  await page.evaluate((field) => {
    for (const fold of document.querySelectorAll("details[name=tindakan]")) fold.open = fold.querySelector(field) !== null;
  }, field);
}

/** Gives a complaint to another agency with a reason. */
async function handOver(page, one, agency, reason) {
  await visit(page, at(one.page));
  await unfold(page, "#kata-alihkan");
  await page.check(`form[action$='/alihkan'] input[name=agency][value='${agency}']`);
  await page.fill("#kata-alihkan", reason);
  await page.locator("form[action$='/alihkan'] button.main").click();
  await page.waitForURL("**/*done=alihkan");
}

/** The parks agency has a tree that lies on the road: the roads agency takes it from the queue. */
async function handedOver() {
  const parks = await signIn("taman1");
  await visit(parks, at("/antrean"));
  must((await parks.textContent("main")).includes(tree.number), "hand-over", "the tree is not in the parks agency's queue");
  await handOver(parks, tree, city.agencies.roads, "Pohonnya menutup badan jalan.");
  const roads = await signIn("jalan1");
  await visit(roads, at(tree.page));
  await roads.click("button:has-text('Ambil laporan ini')");
  await roads.waitForURL("**/*done=ambil");
  must((await roads.textContent("main")).includes("Pohonnya menutup badan jalan."), "hand-over", "why it came is not told");
  await parks.context().close();
  await roads.context().close();
}

/** Nobody wants the lamp. The third refusal ends with the referee, who says whose it is. */
async function passedBackAndForth() {
  const [roads, parks] = [await signIn("jalan1"), await signIn("taman1")];
  await handOver(roads, lamp, city.agencies.parks, "Lampu taman.");
  await handOver(parks, lamp, city.agencies.roads, "Bukan lampu taman, tiang jalan.");
  await handOver(roads, lamp, city.agencies.parks, "Tiangnya di dalam taman.");
  const referee = await signIn("triase1");
  await visit(referee, at("/antrean?view=referee"));
  must((await referee.textContent("main")).includes(lamp.number), "referee", "the lamp is not before the referee");
  await visit(referee, at(lamp.page));
  await unfold(referee, "#kata-tetapkan");
  for (const box of await referee.locator("form[action$='/tetapkan'] input[name=agency]:checked").all()) await box.uncheck();
  await referee.check(`form[action$='/tetapkan'] input[name=agency][value='${city.agencies.roads}']`);
  await referee.selectOption("#utama-tetapkan", city.agencies.roads);
  await referee.fill("#kata-tetapkan", "Tiang berada di trotoar jalan kota.");
  await referee.locator("form[action$='/tetapkan'] button.main").click();
  await referee.waitForURL("**/*done=tetapkan");
  await visit(roads, at(lamp.page));
  must((await roads.textContent("main")).includes("Tiang berada di trotoar jalan kota."), "referee", "the agency does not read why");
  for (const page of [roads, parks, referee]) await page.context().close();
}

async function aQuestion() {
  const roads = await signIn("jalan1");
  await visit(roads, at(asked.page));
  await unfold(roads, "#kata-tanya");
  await roads.fill("#kata-tanya", "Lubangnya di lajur mana?");
  await roads.locator("form[action$='/tanya'] button.main").click();
  await roads.waitForURL("**/*done=tanya");
  await roads.context().close();
}

async function settle(page, one, words) {
  await visit(page, at(one.page));
  await unfold(page, "#kata-selesai");
  await page.fill("#kata-selesai", words);
  await page.setInputFiles("#foto", { name: "bukti.png", mimeType: "image/png", buffer: Buffer.from(PNG, "base64") });
  await page.locator("form[action$='/selesai'] button.main").click();
  await page.waitForURL("**/*done=selesai");
}

async function settled() {
  const crew = await signIn("sampah1");
  await settle(crew, waste, "Sampah sudah diangkut.");
  await crew.context().close();
}

/** The citizen's words from the chat stand in the conversation; then it is settled. */
async function answered() {
  const roads = await signIn("jalan1");
  await visit(roads, at(asked.page));
  must((await roads.textContent("#percakapan ~ .thread")).includes("Lajur kiri, dekat halte"), "question", "the answer from the chat is not there");
  await settle(roads, asked, "Lubang sudah ditambal.");
  await roads.context().close();
}

async function contested() {
  const context = await visitor(browser);
  const citizen = await context.newPage();
  await visit(citizen, at(waste.citizen));
  await citizen.fill("#alasan", "Masih menumpuk di ujung gang.");
  await citizen.click("button:has-text('Belum selesai')");
  await citizen.waitForURL("**/*done=belum");
  const crew = await signIn("sampah1");
  await visit(crew, at("/antrean"));
  must((await crew.textContent("main")).includes(waste.number), "contested", "it is not in the queue again");
  await visit(crew, at(waste.page));
  must((await crew.textContent("main")).includes("Masih menumpuk di ujung gang."), "contested", "the agency does not read why");
  await crew.context().close();
  await context.close();
}

async function escalated() {
  const head = await signIn("jalan2");
  await visit(head, at(late.page));
  must((await head.locator("#terlewat").count()) === 1, "late", "the red flag is not there");
  await head.context().close();
}

/** Sixty people look: each reads their number, who has it, and what was done. */
async function everyCitizensPage() {
  const context = await visitor(browser);
  const page = await context.newPage();
  const own = {
    [asked.citizen]: ["Lubang sudah ditambal.", "Lubangnya di lajur mana?"],
    [tree.citizen]: ["Pohonnya menutup badan jalan.", "Dinas Bina Marga"],
    [waste.citizen]: ["Sampah sudah diangkut.", "Anda menyatakan belum selesai"],
    [lamp.citizen]: ["Tiang berada di trotoar jalan kota.", "Penengah kota menetapkan"],
  };
  must(city.pages.length === 60, "citizens", `there are ${city.pages.length} pages`);
  for (const [path, number] of city.pages) {
    await visit(page, at(path));
    const words = (await page.textContent("main")).replace(/\s+/g, " ");
    must(words.includes(number), number, "its page does not say its number");
    must((await page.locator(".timeline li").count()) >= 1, number, "its page has no history");
    for (const part of own[path] ?? []) must(words.includes(part), number, `its page does not say "${part}": ${words.slice(0, 1500)}`);
  }
  await context.close();
}
