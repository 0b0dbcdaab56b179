// Pages of a letter from the camera, one after the other. Where there is no camera, or nobody allows it, the file picker stays.

const button = document.querySelector("[data-scan]");
const dialog = document.querySelector("[data-scanner]");
const form = document.querySelector("form[data-form]");

if (button && dialog?.showModal && navigator.mediaDevices?.getUserMedia) scanner();

function scanner() {
  const video = dialog.querySelector("video");
  const pages = dialog.querySelector("ul");
  const status = dialog.querySelector("[role=status]");
  const take = dialog.querySelector("[data-take]");
  const say = (key, n = "") => dialog.dataset[`say${key}`].replace("{n}", n);
  let camera = null;
  let taken = [];

  button.hidden = false;
  button.addEventListener("click", async () => {
    taken = [];
    pages.replaceChildren();
    status.textContent = say("Asking");
    take.disabled = true;
    dialog.showModal();
    try {
      // Letters are read from above: the camera at the back, as sharp as it is.
      const wanted = { facingMode: { ideal: "environment" }, width: { ideal: 2560 }, height: { ideal: 1920 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
      if (!dialog.open) return stop(stream);
      camera = stream;
      video.srcObject = stream;
      await video.play();
      take.disabled = false;
      status.textContent = say("Ready");
      take.focus();
    } catch {
      status.textContent = say("NoCamera");
    }
  });

  take.addEventListener("click", async () => {
    take.disabled = true;
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
    take.disabled = false;
    if (!blob) return;
    taken.push(new File([blob], `halaman-${taken.length + 1}.jpg`, { type: "image/jpeg" }));
    draw();
    status.textContent = say("Taken", taken.length);
  });

  function draw() {
    for (const image of pages.querySelectorAll("img")) URL.revokeObjectURL(image.src);
    pages.replaceChildren(
      ...taken.map((file, at) => {
        const item = document.createElement("li");
        const image = Object.assign(new Image(), { src: URL.createObjectURL(file), alt: say("Page", at + 1) });
        const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
        remove.setAttribute("aria-label", say("Remove", at + 1));
        remove.addEventListener("click", () => {
          taken.splice(at, 1);
          draw();
          take.focus();
        });
        item.append(image, remove);
        return item;
      }),
    );
  }

  dialog.querySelector("[data-done]").addEventListener("click", () => {
    const files = taken;
    dialog.close();
    if (files.length) form.dispatchEvent(new CustomEvent("muara:files", { detail: files }));
  });
  dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    stop(camera);
    camera = null;
    video.srcObject = null;
    taken = [];
    draw();
    button.focus();
  });
}

function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
