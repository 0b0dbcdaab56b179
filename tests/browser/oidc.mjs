// Signing in with an account at a provider of OpenID Connect, in a real browser. The test that starts both says in MUARA_CITY (JSON):
// { base, login, other, password, name }. The provider's pages ask for any name, and then for consent.

import { broke, judge, must, open, verdict, visit, visitor } from "./look.mjs";

const city = JSON.parse(process.env.MUARA_CITY);
const at = (path) => `${city.base}${path}`;
const browser = await open();

try {
  await nobodyIsKnownBeforeTheyConnect();
  await whoHasAPasswordConnects();
  await withoutAPasswordNextTime();
  await somebodyElsesAccountStaysTheirs();
} catch (error) {
  await broke(error);
} finally {
  await browser.close();
}
verdict();

/** Through the provider's pages. */
async function there(page, name) {
  await page.fill("input[name=login]", name);
  await page.click("button:has-text('Sign in')");
  await page.click("button:has-text('Continue')");
}

async function withPassword(page, login) {
  await visit(page, at("/masuk"));
  await page.fill("#nama", login);
  await page.fill("#sandi", city.password);
  await page.click("main button[type=submit]");
  await page.waitForURL((url) => !url.pathname.startsWith("/masuk"));
}

async function elsewhere(page, name) {
  await visit(page, at("/masuk?next=/sandi"));
  await page.click(`main a:has-text("Masuk dengan ${city.name}")`);
  await there(page, name);
}

async function says(page, words) {
  await page.locator("main", { hasText: words }).waitFor();
}

async function nobodyIsKnownBeforeTheyConnect() {
  const context = await visitor(browser);
  const page = await context.newPage();
  await visit(page, at("/masuk"));
  await judge(page, "sign-in-elsewhere");
  await elsewhere(page, "petugas.satu");
  await says(page, "belum terhubung");
  must((await context.cookies()).every((cookie) => cookie.name !== "muara"), "unknown", "somebody is signed in");
  await context.close();
}

async function whoHasAPasswordConnects() {
  const context = await visitor(browser);
  const page = await context.newPage();
  await withPassword(page, city.login);
  await visit(page, at("/faktor"));
  await page.click("main a[href='/akun-lain']");
  await judge(page, "elsewhere-begin");
  await page.fill("#sandi", "bukan sandinya");
  await page.click("main button:has-text('Hubungkan')");
  await page.locator("[aria-invalid=true]").waitFor();
  await page.fill("#sandi", city.password);
  await page.click("main button:has-text('Hubungkan')");
  await page.click(`main a:has-text("Lanjutkan ke ${city.name}")`);
  await there(page, "petugas.satu");
  await says(page, "Akun terhubung");
  await says(page, "petugas.satu@kota.example.id");
  await judge(page, "elsewhere-connected");
  await context.close();
}

async function withoutAPasswordNextTime() {
  const context = await visitor(browser);
  const page = await context.newPage();
  await elsewhere(page, "petugas.satu");
  await page.waitForURL("**/sandi");
  must((await context.cookies()).some((cookie) => cookie.name === "muara" && cookie.httpOnly), "known", "nobody is signed in");
  must((await context.cookies()).every((cookie) => cookie.name !== "muara-lain"), "known", "the cookie of the way is still there");
  await visit(page, at("/akun-lain"));
  await page.click("main button:has-text('Putuskan hubungan')");
  await says(page, "Hubungan diputuskan");
  await context.close();
  const again = await visitor(browser);
  const stranger = await again.newPage();
  await elsewhere(stranger, "petugas.satu");
  await says(stranger, "belum terhubung");
  await again.close();
}

async function somebodyElsesAccountStaysTheirs() {
  for (const [login, words] of [[city.login, "Akun terhubung"], [city.other, "sudah terhubung dengan petugas lain"]]) {
    const context = await visitor(browser);
    const page = await context.newPage();
    await withPassword(page, login);
    await visit(page, at("/akun-lain"));
    await page.fill("#sandi", city.password);
    await page.click("main button:has-text('Hubungkan')");
    await page.click(`main a:has-text("Lanjutkan ke ${city.name}")`);
    await there(page, "petugas.dua");
    await says(page, words);
    await context.close();
  }
}
