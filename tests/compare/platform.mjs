// Meta's side, as little as there must be: takes every message (POST …/messages) and gives it an id. It tells nobody what became of it.
import { createServer } from "node:http";

let taken = 0;
createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    const body = request.method === "POST" ? { messaging_product: "whatsapp", messages: [{ id: `wamid.reply.${++taken}` }] } : { taken };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
