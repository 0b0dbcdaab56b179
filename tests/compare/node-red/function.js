// The flow's one function: is it Meta, and if so one statement. What was there already changes nothing, as the constraint says.
const expected = "sha256=" + global.get("crypto").createHmac("sha256", global.get("secret")).update(msg.payload).digest("hex");
const given = String(msg.req.headers["x-hub-signature-256"] || "");
const same = given.length === expected.length && global.get("crypto").timingSafeEqual(Buffer.from(given), Buffer.from(expected));
if (!same) {
  return { ...msg, statusCode: 401, payload: "" };
}
const value = JSON.parse(msg.payload).entry[0].changes[0].value;
const said = value.messages[0];
await global.get("pool").query({
  name: "insert",
  text: "insert into complaint (channel, external_id, sender, name, body, sent_at) values ('whatsapp', $1, $2, $3, $4, to_timestamp($5)) on conflict do nothing",
  values: [said.id, said.from, value.contacts[0].profile.name, said.text.body, Number(said.timestamp)],
});
return { ...msg, statusCode: 200, payload: "" };
