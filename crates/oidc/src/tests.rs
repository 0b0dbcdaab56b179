//! A provider played here, with keys of its own; what is wrong with its word must be found. A real one is asked in `tests/tests/oidc.rs`.

use std::sync::{Mutex as StdMutex, PoisonError};

use axum::{
    Json, Router,
    extract::State,
    http::HeaderMap,
    routing::{get, post},
};
use outgoing::Limits;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

use super::*;

const BACK: &str = "https://lapor.example.id/masuk/kembali";

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).expect("a time")
}

/// What the played provider says; each test spoils something of it.
#[derive(Clone)]
struct Says {
    issuer: String,
    header: Value,
    claims: Value,
    keys: Vec<Value>,
    signer: Arc<EcdsaKeyPair>,
    /// What was asked for a token: the form, and who asked.
    asked: Vec<(String, String)>,
}

struct Played {
    says: Arc<StdMutex<Says>>,
    provider: Provider,
}

fn key() -> Arc<EcdsaKeyPair> {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    Arc::new(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect("it is one"))
}

fn jwk(key: &EcdsaKeyPair, name: &str) -> Value {
    let point = key.public_key().as_ref();
    let [x, y] = [&point[1..33], &point[33..]].map(|half| BASE64_URL_SAFE_NO_PAD.encode(half));
    json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": name, "use": "sig", "alg": "ES256" })
}

fn signed(key: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
    let coded = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let text = format!("{}.{}", coded(header), coded(claims));
    let signature = key.sign(&SystemRandom::new(), text.as_bytes()).expect("it signs");
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

impl Played {
    async fn start() -> Self {
        let key = key();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let claims = json!({
            "iss": issuer, "sub": "petugas-7", "aud": "muara", "exp": now().as_second() + 300, "iat": now().as_second(),
            "preferred_username": "contoh.petugas",
        });
        let says = Says {
            issuer: issuer.clone(),
            header: json!({ "alg": "ES256", "kid": "satu" }),
            claims,
            keys: vec![json!({ "kty": "unknown" }), jwk(&key, "satu")],
            signer: key,
            asked: Vec::new(),
        };
        let says = Arc::new(StdMutex::new(says));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(about))
            .route("/keys", get(async |State(room): State<Room>| Json(json!({ "keys": look(&room).keys }))))
            .route("/token", post(token))
            .with_state(says.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let settings = Settings { issuer, client_id: "muara".into(), client_secret: "kata:sandi contoh".to_owned().into() };
        let http = Http::new(Limits::default()).expect("a client");
        Self { says, provider: Provider::new(settings, &http).expect("a provider") }
    }

    fn change(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Goes there and comes back with a code; the provider puts the nonce into its token, as it should.
    async fn round(&self, spoil: impl FnOnce(&mut Says)) -> Result<Person, OidcError> {
        let (begun, _url) = self.provider.begin(BACK, now()).await?;
        self.change(|says| {
            says.claims["nonce"] = json!(begun.nonce);
            spoil(says);
        });
        let answer = Answer { state: begun.state.clone(), code: "kode".into(), iss: Some(self.provider.issuer().to_owned()), error: None };
        self.provider.finish(&answer, &begun, BACK, now()).await
    }
}

/// What is wrong, and how it comes to be.
type Spoilt = (&'static str, Box<dyn Fn(&mut Says)>);

type Room = Arc<StdMutex<Says>>;

fn look(says: &StdMutex<Says>) -> Says {
    says.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

async fn about(State(room): State<Room>) -> Json<Value> {
    let issuer = look(&room).issuer;
    Json(json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth?tenant=kota"), "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"), "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn token(State(room): State<Room>, headers: HeaderMap, form: String) -> Json<Value> {
    let who = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    room.lock().unwrap_or_else(PoisonError::into_inner).asked.push((form, who));
    let says = look(&room);
    Json(json!({ "token_type": "Bearer", "access_token": "x", "id_token": signed(&says.signer, &says.header, &says.claims) }))
}

#[tokio::test]
async fn who_comes_back_with_a_code_is_who_the_provider_says() {
    let played = Played::start().await;
    let person = played.round(|_| ()).await.expect("everything is right");
    assert_eq!((person.subject.as_str(), person.shown.as_deref()), ("petugas-7", Some("contoh.petugas")));
    let (form, who) = look(&played.says).asked.remove(0);
    assert!(form.contains("code=kode") && form.contains("code_verifier=") && !form.contains("secret"), "{form}");
    // `kata:sandi contoh`, coded as in a form and then as in HTTP.
    assert_eq!(who, format!("Basic {}", base64::prelude::BASE64_STANDARD.encode("muara:kata%3Asandi+contoh")));
}

#[tokio::test]
async fn the_way_there_names_everything_once_and_keeps_what_the_provider_put_into_its_address() {
    let played = Played::start().await;
    let (begun, url) = played.provider.begin(BACK, now()).await.expect("it answers");
    let url = Url::parse(&url).expect("an address");
    let value = |name: &str| {
        let values: Vec<String> = url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect();
        assert_eq!(values.len(), 1, "{name}");
        values[0].clone()
    };
    assert_eq!(
        (value("tenant"), value("response_type"), value("client_id"), value("redirect_uri")),
        ("kota".into(), "code".into(), "muara".into(), BACK.into())
    );
    assert_eq!((value("state"), value("nonce"), value("code_challenge_method")), (begun.state.clone(), begun.nonce.clone(), "S256".into()));
    assert_eq!(value("code_challenge"), BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&begun.verifier)));
    let (again, _) = played.provider.begin(BACK, now()).await.expect("it answers");
    assert!(again.state != begun.state && again.nonce != begun.nonce && again.verifier != begun.verifier);
}

#[tokio::test]
async fn a_word_that_is_wrong_anywhere_is_not_believed() {
    let spoilt: Vec<Spoilt> = vec![
        ("signed by somebody else", Box::new(|says| says.signer = key())),
        ("unsigned", Box::new(|says| says.header = json!({ "alg": "none", "kid": "satu" }))),
        ("signed with the public key as a secret", Box::new(|says| says.header = json!({ "alg": "HS256", "kid": "satu" }))),
        ("signed another way than the key does", Box::new(|says| says.header = json!({ "alg": "RS256", "kid": "satu" }))),
        ("a key that nobody knows", Box::new(|says| says.header["kid"] = json!("dua"))),
        ("a key that only encrypts", Box::new(|says| says.keys[1]["use"] = json!("enc"))),
        ("for somebody else", Box::new(|says| says.claims["aud"] = json!("lain"))),
        (
            "for several, and given to another",
            Box::new(|says| {
                says.claims["aud"] = json!(["muara", "lain"]);
                says.claims["azp"] = json!("lain");
            }),
        ),
        ("for several, and nobody says given to whom", Box::new(|says| says.claims["aud"] = json!(["muara", "lain"]))),
        ("by another provider", Box::new(|says| says.claims["iss"] = json!("https://lain.example"))),
        ("over", Box::new(|says| says.claims["exp"] = json!(now().as_second() - 61))),
        ("from the future", Box::new(|says| says.claims["iat"] = json!(now().as_second() + 61))),
        ("old", Box::new(|says| says.claims["iat"] = json!(now().as_second() - 601))),
        ("of another beginning", Box::new(|says| says.claims["nonce"] = json!("lain"))),
        ("of no beginning", Box::new(|says| _ = says.claims.as_object_mut().expect("an object").remove("nonce"))),
        ("about nobody", Box::new(|says| says.claims["sub"] = json!(""))),
        ("about somebody with a name that is too long", Box::new(|says| says.claims["sub"] = json!("x".repeat(256)))),
    ];
    for (what, spoil) in spoilt {
        let played = Played::start().await;
        // Before it is asked for its keys, and once more when it signs.
        played.change(|says| spoil(says));
        let outcome = played.round(|says| spoil(says)).await;
        assert!(outcome.is_err(), "{what}");
        assert!(!format!("{outcome:?}").contains("contoh.petugas"), "{what}");
    }
}

#[tokio::test]
async fn a_key_that_is_new_is_asked_for() {
    let played = Played::start().await;
    played.round(|_| ()).await.expect("the first key");
    let fresh = key();
    let outcome = played
        .round(|says| {
            says.keys = vec![jwk(&fresh, "dua")];
            says.signer = fresh.clone();
            says.header["kid"] = json!("dua");
        })
        .await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_of_another_beginning_another_provider_or_a_refusal_asks_for_no_token() {
    let played = Played::start().await;
    let (begun, _) = played.provider.begin(BACK, now()).await.expect("it answers");
    let right = Answer { state: begun.state.clone(), code: "kode".into(), iss: Some(played.provider.issuer().to_owned()), error: None };
    let wrong = [
        Answer { state: "lain".into(), ..right.clone() },
        Answer { iss: Some("https://lain.example".into()), ..right.clone() },
        Answer { iss: None, ..right.clone() },
        Answer { error: Some("access_denied".into()), ..right.clone() },
        Answer { code: String::new(), ..right },
    ];
    for answer in wrong {
        let outcome = played.provider.finish(&answer, &begun, BACK, now()).await;
        assert!(outcome.is_err_and(|error| error.is_theirs()), "{answer:?}");
    }
    assert!(look(&played.says).asked.is_empty());
}

#[tokio::test]
async fn a_provider_that_calls_itself_otherwise_is_not_believed() {
    let played = Played::start().await;
    played.change(|says| says.issuer += "/lain");
    assert!(matches!(played.provider.begin(BACK, now()).await, Err(OidcError::OtherIssuer)));
}

#[test]
fn an_issuer_is_an_https_address() {
    let http = Http::new(Limits::default()).expect("a client");
    let with = |issuer: &str| {
        let settings = Settings { issuer: issuer.into(), client_id: "muara".into(), client_secret: String::new().into() };
        Provider::new(settings, &http).is_ok()
    };
    assert!(with("https://sso.example.id/realms/pegawai") && with("http://127.0.0.1:9000"));
    for wrong in ["http://sso.example.id", "sso.example.id", "ftp://sso.example.id", "https://sso.example.id/?x=1", ""] {
        assert!(!with(wrong), "{wrong}");
    }
}
