// Buttons of receipts and slips: copy and print. Both stay away where the browser cannot.

document.documentElement.classList.add("js");

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) {
    button.hidden = true;
    continue;
  }
  const label = button.querySelector("span");
  const before = label.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    label.textContent = button.dataset.copied;
    button.setAttribute("aria-live", "polite");
    setTimeout(() => (label.textContent = before), 4000);
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}

// A roll of paper has no height: this slip's own is told to the printer, so that it cuts where the words end.
if ("adoptedStyleSheets" in document) {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  addEventListener("beforeprint", () => {
    const height = (width) => {
      const slip = document.querySelector(`.slip-${width} .slip`);
      return slip && Math.ceil((slip.offsetHeight / 96) * 25.4) + 8;
    };
    const [wide, narrow] = [height(80), height(58)];
    if (wide) sheet.replaceSync(`@page roll { size: 80mm ${wide}mm; margin: 4mm; }`);
    if (narrow) sheet.replaceSync(`@page narrow { size: 58mm ${narrow}mm; margin: 4mm 5mm; }`);
  });
}

// A draft whose form has arrived after all is done with.
const sent = document.querySelector("[data-sent]")?.dataset.sent;
if (sent) {
  try {
    const draft = JSON.parse(localStorage.getItem("muara.web"));
    if (draft?.fields?.some(([field, value]) => field === "kiriman" && value === sent)) localStorage.removeItem("muara.web");
  } catch {
    // No draft, or none that can be read.
  }
}
