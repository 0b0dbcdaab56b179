//! Which language a visitor reads: what they chose (`?lang=`), what they chose before (a cookie), what their device asks for.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderValue, Method, Uri, header, request::Parts},
    middleware::Next,
    response::Response,
};
use model::Language;

/// Remembers the choice for a year.
pub const LANGUAGE_COOKIE: &str = "bahasa";

/// What a page must know of the request to be drawn: the language, and its own address for the links to the other language.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The language to answer in.
    pub language: Language,
    /// The path of the page.
    pub path: String,
    /// Its query without `lang`.
    pub query: String,
    /// Whether the page can be asked for again by its address.
    pub is_get: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        let language = asked(&parts.uri)
            .or_else(|| cookie(header(header::COOKIE)))
            .or_else(|| accepted(header(header::ACCEPT_LANGUAGE)))
            .unwrap_or_default();
        let rest: Vec<&str> =
            parts.uri.query().unwrap_or_default().split('&').filter(|pair| !is_choice(pair) && !pair.is_empty()).collect();
        let is_get = parts.method == Method::GET || parts.method == Method::HEAD;
        Ok(Self { language, path: parts.uri.path().to_owned(), query: rest.join("&"), is_get })
    }
}

impl Visit {
    /// The address of this page in another language.
    pub fn in_language(&self, language: Language) -> String {
        if !self.is_get {
            return format!("/?lang={}", language.tag());
        }
        let and = if self.query.is_empty() { "" } else { "&" };
        format!("{}?{}{and}lang={}", self.path, self.query, language.tag())
    }
}

fn is_choice(pair: &str) -> bool {
    pair.split('=').next() == Some("lang")
}

/// Only a language we have: anything else is no choice.
fn known(tag: &str) -> Option<Language> {
    [Language::Id, Language::En].into_iter().find(|language| language.tag() == tag)
}

fn asked(uri: &Uri) -> Option<Language> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(known)
}

fn cookie(header: &str) -> Option<Language> {
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == LANGUAGE_COOKIE)
        .and_then(|(_, tag)| known(tag))
}

/// The first language of the list that we have. Malay and Javanese readers read Indonesian, so only English is looked for before it.
fn accepted(header: &str) -> Option<Language> {
    header.split(',').map(|part| part.trim().get(..2).unwrap_or_default().to_ascii_lowercase()).find_map(|tag| known(&tag))
}

/// Keeps a choice made with `?lang=` in a cookie, so that the next page is in the same language. A layer around all pages.
pub async fn remember_language(request: Request, next: Next) -> Response {
    let choice = asked(request.uri());
    let mut response = next.run(request).await;
    if let Some(language) = choice {
        response.headers_mut().append(header::SET_COOKIE, language_cookie(language));
    }
    response
}

/// Makes the browser ask for this language from now on.
pub fn language_cookie(language: Language) -> HeaderValue {
    HeaderValue::from_static(match language {
        Language::Id => "bahasa=id; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
        Language::En => "bahasa=en; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn visit(uri: &str, headers: &[(&str, &str)]) -> Visit {
        let mut request = axum::http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        Visit::from_request_parts(&mut parts, &()).await.expect("never fails")
    }

    #[tokio::test]
    async fn what_was_chosen_counts_before_what_the_device_asks_for() {
        let english_device = [("accept-language", "en-GB,en;q=0.9")];
        let chose_before = [("accept-language", "en-GB"), ("cookie", "a=b; bahasa=id")];
        for (uri, headers, expected) in [
            ("/", &[][..], Language::Id),
            ("/", &english_device[..], Language::En),
            ("/", &[("accept-language", "fr, id;q=0.5")][..], Language::Id),
            ("/", &chose_before[..], Language::Id),
            ("/?lang=en", &chose_before[..], Language::En),
            ("/?lang=xx", &chose_before[..], Language::Id),
        ] {
            assert_eq!(visit(uri, headers).await.language, expected, "{uri} {headers:?}");
        }
    }

    #[test]
    fn no_script_reads_the_choice_and_no_other_site_sends_it() {
        for language in [Language::Id, Language::En] {
            let cookie = language_cookie(language);
            let cookie = cookie.to_str().expect("text");
            assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"), "{cookie}");
        }
    }

    #[tokio::test]
    async fn the_link_to_the_other_language_keeps_the_rest_of_the_address() {
        let visit = visit("/antrean?lihat=semua&lang=id&q=a%20b", &[]).await;
        assert_eq!(visit.in_language(Language::En), "/antrean?lihat=semua&q=a%20b&lang=en");
    }
}
