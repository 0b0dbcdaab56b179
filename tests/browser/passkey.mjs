// Passkeys in a real browser, with its virtual authenticator in place of a finger. The test that starts the pages says in MUARA_CITY (JSON):
// { base, login, password }. The base is at `localhost`: a number is no name that a passkey can be bound to.

import { broke, judge, must, open, verdict, visit, visitor } from "./look.mjs";

const city = JSON.parse(process.env.MUARA_CITY);
const at = (path) => `${city.base}${path}`;
const byKey = "main button:has-text('Masuk dengan kunci sandi')";
const browser = await open();

try {
  await withoutScriptsNothingIsOffered();
  const context = await visitor(browser);
  const page = await context.newPage();
  const device = await deviceOf(context, page);
  await addsOne(page);
  await addsItOnlyOnce(page);
  await comesInByItAlone(page);
  await comesInByItAfterThePassword(page);
  await isToldWhenTheDeviceSaysNo(page, device);
  await comesInByARecoveryCode(page, await makesRecoveryCodes(page));
  await removesIt(page);
} catch (error) {
  await broke(error);
} finally {
  await browser.close();
}
verdict();

/** A phone with a finger on it, as far as the browser knows. */
async function deviceOf(context, page) {
  const session = await context.newCDPSession(page);
  await session.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options });
  return { asks: (isUserVerified) => session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }) };
}

async function says(page, words) {
  await page.locator("main", { hasText: words }).waitFor();
}

async function withPassword(page) {
  await visit(page, at("/masuk"));
  await page.fill("#nama", city.login);
  await page.fill("#sandi", city.password);
  await page.click("main button:has-text('Masuk'):not(:has-text('kunci'))");
}

async function leaves(page) {
  await page.click("header form button");
  await page.waitForURL("**/masuk");
}

async function withoutScriptsNothingIsOffered() {
  const context = await visitor(browser, { javaScriptEnabled: false });
  const page = await context.newPage();
  await visit(page, at("/masuk"));
  must(!(await page.locator(byKey).isVisible()), "without scripts", "a button is shown that does nothing");
  must(await page.locator("#sandi").isVisible(), "without scripts", "the password is not asked for");
  await withPassword(page);
  await page.waitForURL("**/antrean");
  await visit(page, at("/faktor"));
  must(!(await page.locator("#nama-kunci").isVisible()), "without scripts", "a passkey can be begun that cannot be made");
  await says(page, "Peramban ini tidak bisa memakai kunci sandi");
  await context.close();
}

async function addsOne(page) {
  await withPassword(page);
  await page.waitForURL("**/antrean");
  await visit(page, at("/faktor"));
  await judge(page, "passkey-none");
  await page.fill("#nama-kunci", "Ponsel kantor");
  await page.fill("#sandi-kunci", "bukan sandinya");
  await page.click("main button:has-text('Tambah kunci sandi')");
  await page.locator("#sandi-kunci[aria-invalid=true]").waitFor();
  must((await page.inputValue("#nama-kunci")) === "Ponsel kantor", "wrong password", "the name has to be typed again");
  await judge(page, "passkey-wrong");
  await page.fill("#sandi-kunci", city.password);
  await page.click("main button:has-text('Tambah kunci sandi')");
  await page.locator("main", { hasText: "Ponsel kantor" }).waitFor();
  await judge(page, "passkey-ask");
  await page.click("main button:has-text('Lanjutkan di perangkat')");
  await says(page, "Kunci sandi ditambahkan");
  await page.click("main summary:has-text('Ponsel kantor')");
  await judge(page, "passkey-list");
}

/** The device knows that it has a key for this account. */
async function addsItOnlyOnce(page) {
  await page.fill("#nama-kunci", "Sekali lagi");
  await page.fill("#sandi-kunci", city.password);
  await page.click("main button:has-text('Tambah kunci sandi')");
  await page.click("main button:has-text('Lanjutkan di perangkat')");
  await page.locator("[role=status]", { hasText: "sudah menyimpan kunci sandi" }).waitFor();
  await visit(page, at("/faktor"));
  must((await page.locator("main summary").count()) === 1, "twice", "there are two now");
}

async function comesInByItAlone(page) {
  await leaves(page);
  await judge(page, "sign-in-passkey");
  // By keyboard, as everything.
  await page.focus(byKey);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/antrean");
  const cookies = await page.context().cookies();
  must(cookies.some((cookie) => cookie.name === "muara" && cookie.httpOnly), "alone", "nobody is signed in");
  must(cookies.every((cookie) => cookie.name !== "muara-kunci"), "alone", "the cookie of the way is still there");
  await visit(page, at("/faktor"));
  await page.click("main summary:has-text('Ponsel kantor')");
  await says(page, "Terakhir dipakai");
}

async function comesInByItAfterThePassword(page) {
  await leaves(page);
  await withPassword(page);
  await says(page, "Lanjutkan dengan kunci sandi");
  await judge(page, "second-passkey");
  await page.click(byKey);
  await page.waitForURL("**/antrean");
}

async function isToldWhenTheDeviceSaysNo(page, device) {
  await leaves(page);
  await device.asks(false);
  await page.click(byKey);
  await page.locator("[role=status]", { hasText: "Silakan coba lagi" }).waitFor();
  await judge(page, "sign-in-passkey-no");
  await device.asks(true);
  await page.click(byKey);
  await page.waitForURL("**/antrean");
}

/** With the passkey itself, in place of the password; and they stand on paper. */
async function makesRecoveryCodes(page) {
  await visit(page, at("/faktor"));
  await says(page, "Belum ada kode pemulihan");
  await page.click("main button:has-text('Buat kode baru dengan kunci sandi')");
  await page.waitForSelector(".factor-codes");
  await judge(page, "passkey-codes");
  await page.emulateMedia({ media: "print" });
  const shown = (selector) => page.evaluate((one) => document.querySelector(one)?.checkVisibility() ?? false, selector);
  must(await shown(".factor-codes"), "codes on paper", "they are not printed");
  for (const hidden of [".top", ".foot", "main .buttons"]) must(!(await shown(hidden)), "codes on paper", `${hidden} is printed`);
  await page.emulateMedia({ media: "screen" });
  return page.locator(".factor-codes code").allTextContents();
}

async function comesInByARecoveryCode(page, codes) {
  must(codes.length === 10, "recovery codes", `there are ${codes.length}`);
  await leaves(page);
  await withPassword(page);
  await says(page, "Salah satu kode yang Anda simpan");
  await judge(page, "second-recovery");
  await page.fill("#kode", codes[0]);
  await page.press("#kode", "Enter");
  await page.waitForURL("**/antrean");
  await visit(page, at("/faktor"));
  await says(page, "Kode pemulihan terakhir dipakai");
  await judge(page, "passkey-recovery-used");
}

async function removesIt(page) {
  await visit(page, at("/sandi"));
  await judge(page, "password-passkeys");
  await visit(page, at("/faktor"));
  await page.click("main summary:has-text('Ponsel kantor')");
  await page.fill("main details input[type=password]", city.password);
  await page.click("main button:has-text('Hapus kunci sandi')");
  await says(page, "Kunci sandi dihapus");
  await leaves(page);
  await page.click(byKey);
  await says(page, "tidak dikenal di sini");
  await judge(page, "sign-in-passkey-unknown");
  await withPassword(page);
  await page.waitForURL("**/antrean");
}
