// The import of group chats in a browser. MUARA_IMPORT: where it is; MUARA_TOKEN: the token of a member of staff
// (`cargo run -p adapter-rtrw --example look` prints both).

import { broke, judge, must, open, verdict, visit, visitor } from "./look.mjs";

const base = process.env.MUARA_IMPORT.replace(/\/$/, "");
const CHAT = [
  '19/10/26 07.00 - Pak RT membuat grup "RT 05"',
  "19/10/26 07.15 - Bu Wati: Lampu jalan depan pos ronda mati sudah tiga malam, anak-anak takut pulang mengaji",
  "19/10/26 07.16 - Bu Wati: IMG-20261019-WA0001.jpg (file terlampir)",
  "ini fotonya",
  "19/10/26 07.17 - +62 810-0000-0001: Selokan gang 3 mampet <Pesan ini diedit>",
  "19/10/26 07.18 - Mas Joko: Pesan ini telah dihapus",
  "19/10/26 07.19 - Mas Joko: lokasi: https://maps.google.com/?q=-6.1753,106.8271",
].join("\n");
const browser = await open();

try {
  const context = await visitor(browser);
  await context.addCookies([{ name: "impor", value: process.env.MUARA_TOKEN, url: base }]);
  const page = await context.newPage();
  await visit(page, `${base}/`);
  await judge(page, "impor-unggah");
  await page.getByRole("button", { name: "Lihat isinya" }).click();
  must(page.url() === `${base}/`, "unggah", "an empty form leads nowhere");
  await page.getByLabel("Nama grup").fill("RT 05/RW 02 Melati");
  await page.getByLabel("Siapa yang mengekspor").fill("Ketua RT 05");
  await page.getByRole("button", { name: "Lihat isinya" }).click();
  must((await page.getByText("Pilih berkas ekspor atau tempel").count()) > 0, "unggah", "what is missing is said");
  await judge(page, "impor-kurang");
  await page.getByLabel("Berkas ekspor").setInputFiles([{ name: "_chat.txt", mimeType: "text/plain", buffer: Buffer.from(CHAT) }]);
  await page.getByRole("button", { name: "Lihat isinya" }).click();
  await page.waitForURL(/\/pilih\//);
  await judge(page, "impor-pilih");
  // By keyboard alone: the first complaint and what goes on with it.
  await page.getByRole("checkbox", { name: "Laporan", exact: true }).first().focus();
  await page.keyboard.press("Space");
  await page.getByRole("checkbox", { name: /Sambungan/ }).first().focus();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Impor yang dicentang" }).press("Enter");
  await page.getByRole("heading", { name: "Sudah diimpor" }).waitFor();
  must(/[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}/.test(await page.locator("main").innerText()), "hasil", "the number is shown");
  await judge(page, "impor-hasil");
  // The same chat once more: what was taken is marked.
  await visit(page, `${base}/`);
  await page.getByLabel("Nama grup").fill("RT 05/RW 02 Melati");
  await page.getByLabel("Siapa yang mengekspor").fill("Ketua RT 05");
  await page.getByLabel("Berkas ekspor").setInputFiles([{ name: "_chat.txt", mimeType: "text/plain", buffer: Buffer.from(CHAT) }]);
  await page.getByRole("button", { name: "Lihat isinya" }).click();
  await page.waitForURL(/\/pilih\//);
  must((await page.getByText(/^Sudah diimpor: /).count()) === 2, "pilih", "what was imported before is marked");
  await judge(page, "impor-lagi");
} catch (error) {
  await broke(error);
} finally {
  await browser.close();
}
verdict();
