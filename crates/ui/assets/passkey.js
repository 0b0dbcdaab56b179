// Passkeys: asks the device for one, and sends what it says with an ordinary form. Without this module, and in a browser that knows no passkeys, the parts
// that need them stay hidden, and what stands in their place is shown.

if (window.PublicKeyCredential && navigator.credentials) {
  for (const part of document.querySelectorAll("[data-passkey-part]")) part.hidden = false;
  for (const instead of document.querySelectorAll("[data-no-passkey]")) instead.hidden = true;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (form.ariaBusy !== "true") ask(form);
    });
  }
}

/** Asks the device; sends the form with its answer, or says why there is none. */
async function ask(form) {
  const status = form.querySelector("[role=status]");
  const say = (word) => (status.textContent = form.dataset[word]);
  form.ariaBusy = "true";
  say("busy");
  try {
    const publicKey = wish(form.dataset.options ? JSON.parse(form.dataset.options) : await fetched(form.dataset.ask));
    const way = form.dataset.passkey === "create" ? "create" : "get";
    form.elements.credential.value = JSON.stringify(told(await navigator.credentials[way]({ publicKey })));
    // Not through the event above again.
    form.submit();
  } catch (error) {
    say(why(error));
  }
  form.ariaBusy = "false";
}

async function fetched(address) {
  const answer = await fetch(address, { method: "POST" });
  if (!answer.ok) throw answer;
  return answer.json();
}

/** Which of the form's sentences tells it. */
function why(error) {
  if (error.status === 429) return "often";
  if (error.name === "InvalidStateError") return "known";
  return error.name === "NotAllowedError" || error.name === "AbortError" ? "cancelled" : "failed";
}

// Bytes travel as base64 for addresses; browsers take and give them as they are.

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** What the server wishes, as the browser takes it. */
function wish(options) {
  const known = (keys = []) => keys.map((key) => ({ ...key, id: bytes(key.id) }));
  const wished = { ...options, challenge: bytes(options.challenge) };
  if (options.user) wished.user = { ...options.user, id: bytes(options.user.id) };
  if (options.excludeCredentials) wished.excludeCredentials = known(options.excludeCredentials);
  if (options.allowCredentials) wished.allowCredentials = known(options.allowCredentials);
  return wished;
}

/** What the device told, as the server reads it. */
function told(credential) {
  const { response } = credential;
  const given = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) given[name] = text(response[name]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: given };
}
