// Looking at pages with the eyes of many: phone and desktop, light and dark, keyboard and screen reader.
// Other scripts of this folder use it: `open` a browser, `visit` a page, `judge` it. What is wrong is collected and told at the end.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const executablePath = process.env.MUARA_CHROMIUM || "/usr/bin/chromium";
/** Where pictures of the pages go; none are taken without it. */
const pictures = process.env.MUARA_PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });

/** How long something may take on a machine that does much else, in milliseconds: nothing here is timed, it comes or it does not. */
export const PATIENCE = 90_000;

export const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 900 } };
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

const wrong = [];
/** Notes that something is not as it should be. */
export function blame(where, what) {
  wrong.push(`${where}: ${what}`);
}

/** Says that this must hold. */
export function must(holds, where, what) {
  if (!holds) blame(where, what);
}

export async function open() {
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
}

/** A fresh visitor. Anything that a page complains about, and any request that leaves the machine, is noted. */
export async function visitor(browser, options = {}) {
  const context = await browser.newContext({ viewport: SIZES.desk, locale: "id-ID", timezoneId: "Asia/Jakarta", reducedMotion: "reduce", ...options });
  context.on("console", (message) => {
    if (message.type() === "error" && !expected(message.text())) blame(message.page()?.url() ?? "?", `the console says: ${message.text()}`);
  });
  watched(context);
  context.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1" && hostname !== "localhost") blame(request.url(), "a page asks another host");
  });
  return context;
}

/** What the pages of a context last did: told when the script breaks, so that a failure that nobody can repeat still says where it stood. */
const lately = [];
const contexts = new Set();

/** Waits with patience, blames the errors of scripts, and keeps what happens in mind. */
export function watched(context) {
  context.setDefaultTimeout(PATIENCE);
  contexts.add(context);
  const note = (what) => {
    lately.push(`${new Date().toISOString()} ${what}`);
    if (lately.length > 40) lately.shift();
  };
  context.on("console", (message) => note(`console: ${message.text()}`));
  context.on("requestfailed", (request) => note(`failed: ${request.method()} ${request.url()} ${request.failure()?.errorText}`));
  context.on("response", (response) => note(`${response.status()} ${response.request().method()} ${response.url()}`));
  context.on("weberror", (error) => blame("a script", error.error().message));
  context.on("close", () => contexts.delete(context));
}

/** The script itself broke: says where, and what its pages showed and did before. */
export async function broke(error) {
  blame("the script", error.stack);
  for (const line of lately) console.error(line);
  for (const page of [...contexts].flatMap((context) => context.pages())) {
    const html = await Promise.race([page.content().catch(String), new Promise((done) => setTimeout(done, 5000, "it does not answer"))]);
    console.error(`--- ${page.url()}\n${html.slice(0, 4000)}`);
  }
}

/** A page that answers 4xx on purpose is told on the console too. */
function expected(text) {
  return /status of (404|403|409|422|429)/.test(text);
}

/** Opens a page and waits until it stands. */
export async function visit(page, url) {
  const answer = await page.goto(url, { waitUntil: "load" });
  return answer;
}

/** Looks at the page as it stands, in both sizes and both themes. */
export async function judge(page, name) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const where = `${name} (${size}, ${colorScheme})`;
      if (pictures) await page.screenshot({ path: join(pictures, `${name}-${size}-${colorScheme}.png`), fullPage: true });
      const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
      for (const { id, help, nodes } of violations) {
        for (const node of nodes) blame(where, `${id}: ${help}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`);
      }
    }
    await fits(page, `${name} (${size})`);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

/** Nothing hangs over the edge, and what a finger must hit is large enough. */
async function fits(page, where) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  must(over <= 0, where, `the page is ${over} pixels too wide`);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("button, .button, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), select, textarea, summary, nav a")]
      .filter((element) => element.checkVisibility() && !element.closest(".hidden-visually, .skip"))
      .map((element) => ({ box: element.getBoundingClientRect(), html: element.outerHTML.slice(0, 100) }))
      .filter(({ box }) => box.width > 0 && (box.height < 43.5 || box.width < 24))
      .map(({ box, html }) => `${Math.round(box.width)}×${Math.round(box.height)} ${html}`),
  );
  for (const one of small) blame(where, `too small to hit: ${one}`);
}

/** What a page costs over the line: bytes of everything but pictures that people sent. */
export async function weight(context, url) {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  const kinds = new Map();
  let bytes = 0;
  session.on("Network.responseReceived", ({ requestId, type, response }) => kinds.set(requestId, { type, url: response.url }));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const { type } = kinds.get(requestId) ?? {};
    if (type !== "Image") bytes += encodedDataLength;
  });
  await page.goto(url, { waitUntil: "load" });
  await page.close();
  return bytes;
}

/** Tells what was wrong and ends. */
export function verdict() {
  for (const one of wrong) console.error(`✗ ${one}`);
  console.log(wrong.length === 0 ? "All pages are as they should be." : `${wrong.length} things are wrong.`);
  process.exit(wrong.length === 0 ? 0 : 1);
}
