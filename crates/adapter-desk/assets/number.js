// Numbers and codes, made in the browser as the core makes them, so that a slip without a line is as good as any.
// The same test vectors are tried here and in Rust: fixtures/numbers.json.

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS = 11;

/** The number of the complaint that an entry opens: `Reference::of` for the first turn. */
export async function numberOf(adapter, account, id, turn = 0) {
  const hashed = [];
  for (const part of [adapter, account, id]) {
    const bytes = new TextEncoder().encode(part);
    const length = new DataView(new ArrayBuffer(8));
    length.setBigUint64(0, BigInt(bytes.length));
    hashed.push(...new Uint8Array(length.buffer), ...bytes);
  }
  hashed.push(turn);
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(hashed));
  let bits = new DataView(digest).getBigUint64(0);
  const symbols = [];
  while (symbols.length < SYMBOLS) {
    symbols.push(Number(bits & 31n));
    bits >>= 5n;
  }
  symbols.push(check(symbols));
  return symbols.map((symbol) => ALPHABET[symbol]).join("").replace(/.{4}(?=.)/g, "$&-");
}

// A weighted sum in the field of 32 elements, each place with its own power of two.
function check(symbols) {
  let weight = 1;
  let sum = 0;
  for (const symbol of symbols) {
    weight = timesTwo(weight);
    sum ^= multiply(symbol, weight);
  }
  return sum;
}

function timesTwo(x) {
  const doubled = x << 1;
  return doubled & 32 ? doubled ^ 0b100101 : doubled;
}

function multiply(a, b) {
  let product = 0;
  for (; b > 0; b >>= 1) {
    if (b & 1) product ^= a;
    a = timesTwo(a);
  }
  return product;
}

/** A time-ordered UUID (version 7), whose time is when the entry was begun. */
export function newId(now = Date.now()) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let place = 5, time = now; place >= 0; place--, time = Math.floor(time / 256)) bytes[place] = time % 256;
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The code in the citizen's link: 128 random bits. */
export function newCode() {
  return toBase64(crypto.getRandomValues(new Uint8Array(16)));
}

export function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}
