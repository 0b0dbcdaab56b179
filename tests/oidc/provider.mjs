// A provider of OpenID Connect that nobody here wrote: npm's `oidc-provider`, which passes the foundation's conformance tests. Its two pages are ours:
// the ones that it brings for trying ask another host for a font.
// node provider.mjs PORT CLIENT_ID CLIENT_SECRET RETURN_ADDRESS

import Provider from "oidc-provider";

const [port, client_id, client_secret, redirect_uri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id, client_secret, redirect_uris: [redirect_uri], response_types: ["code"], grant_types: ["authorization_code"] }],
  claims: { openid: ["sub"], profile: ["preferred_username", "name"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true, methods: ["S256"] },
  cookies: { keys: [client_secret] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  async findAccount(_context, id) {
    return { accountId: id, claims: async () => ({ sub: id, preferred_username: `${id}@kota.example.id` }) };
  },
});

provider.use(async (context, next) => {
  if (!context.path.startsWith("/interaction/")) return next();
  const { prompt, params, session } = await provider.interactionDetails(context.req, context.res);
  const signsIn = prompt.name === "login";
  if (context.method === "GET") {
    const inside = signsIn ? '<label>Name <input name="login" autocomplete="username"></label><button>Sign in</button>' : "<button>Continue</button>";
    context.type = "html";
    context.body = `<!DOCTYPE html><html lang="en"><title>Provider</title><link rel="icon" href="data:,"><form method="post">${inside}</form>`;
    return;
  }
  const result = signsIn
    ? { login: { accountId: new URLSearchParams(await body(context.req)).get("login") } }
    : { consent: { grantId: await granted(session.accountId, params.client_id) } };
  context.status = 303;
  context.redirect(await provider.interactionResult(context.req, context.res, result, { mergeWithLastSubmission: !signsIn }));
});

async function body(request) {
  let text = "";
  for await (const part of request) text += part;
  return text;
}

async function granted(accountId, clientId) {
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope("openid profile");
  return grant.save();
}

provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
