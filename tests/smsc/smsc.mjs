// An operator's short message centre, by npm's `smpp`. What it does is said to it over a second port, one line of JSON each way:
//   {"deliver": {…fields of deliver_sm, octets as {"hex": "…"}}}   brought again until it hears yes, also over the next link
//   {"hang_up": true}                                              the link breaks
// and it tells
//   {"bound": "muara"}, {"submitted": {…, "hex": "…"}}, {"answered": code}
import fs from "node:fs";
import net from "node:net";
import smpp from "smpp";

const [port, ear, password, key, cert] = process.argv.slice(2);
const AGAIN = 200;
let bound = null;
let listener = null;
let number = 1000;
const waiting = [];

const tell = (what) => listener?.write(`${JSON.stringify(what)}\n`);
const octets = (value) => (value && typeof value === "object" && "hex" in value ? Buffer.from(value.hex, "hex") : value);

function bring() {
  const session = bound;
  if (!session || waiting.length === 0 || waiting[0].on === session) return;
  const message = waiting[0];
  message.on = session;
  session.deliver_sm({ ...message.fields }, (answer) => {
    tell({ answered: answer.command_status });
    if (answer.command_status === 0) waiting.shift();
    else message.on = null;
    setTimeout(bring, answer.command_status === 0 ? 0 : AGAIN);
  });
}

// A real one reports in decimal on what it answered in hexadecimal.
function report(pdu, id) {
  const state = pdu.destination_addr.endsWith("99") ? "UNDELIV" : "DELIVRD";
  const words = `id:${String(id).padStart(10, "0")} sub:001 dlvrd:001 submit date:2611210900 done date:2611210901 stat:${state} err:${state === "DELIVRD" ? "000" : "011"} text:`;
  waiting.push({ fields: { source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4, short_message: words }, on: null });
  bring();
}

function take(session) {
  session.on("error", () => session.destroy());
  session.on("close", () => {
    if (bound === session) bound = null;
    for (const message of waiting) message.on = null;
  });
  session.on("bind_transceiver", (pdu) => {
    if (pdu.password !== password) {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }), () => session.close());
      return;
    }
    session.send(pdu.response({ system_id: "operator" }));
    // A trial binds beside the link that is used, and leaves at once.
    bound = session;
    tell({ bound: pdu.system_id });
    setTimeout(bring, AGAIN);
  });
  session.on("submit_sm", (pdu) => {
    number += 1;
    const id = number;
    const { udh, message } = pdu.short_message;
    tell({
      submitted: {
        to: pdu.destination_addr,
        from: pdu.source_addr,
        esm_class: pdu.esm_class,
        data_coding: pdu.data_coding,
        parts: udh ? [...udh[0].subarray(-3)] : [],
        text: Buffer.isBuffer(message) ? message.toString("hex") : message,
      },
    });
    session.send(pdu.response({ message_id: id.toString(16) }));
    if (pdu.registered_delivery) setTimeout(() => report(pdu, id), 0);
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => session.send(pdu.response(), () => session.close()));
}

const secured = key ? { key: fs.readFileSync(key), cert: fs.readFileSync(cert) } : {};
const server = smpp.createServer(secured, take);
server.listen(Number(port), "127.0.0.1");

net
  .createServer((socket) => {
    listener = socket;
    let rest = "";
    socket.on("data", (data) => {
      const lines = (rest + data).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const said = JSON.parse(line);
        if (said.hang_up) bound?.destroy();
        if (said.deliver) {
          const fields = Object.fromEntries(Object.entries(said.deliver).map(([name, value]) => [name, octets(value)]));
          if (fields.udh) {
            fields.short_message = { udh: fields.udh, message: fields.short_message };
            delete fields.udh;
          }
          waiting.push({ fields, on: null });
          bring();
        }
      }
    });
    socket.on("error", () => {});
  })
  .listen(Number(ear), "127.0.0.1");
