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
