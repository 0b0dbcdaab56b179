// A button that copies what stands in a field. Without this module the field can be marked and copied by hand, and the button is not shown.

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = document.querySelector(`#${CSS.escape(button.dataset.copy)}`);
    try {
      await navigator.clipboard.writeText(field.value);
      button.querySelector("[role=status]").textContent = button.dataset.done;
    } catch {
      field.select();
    }
  });
}
