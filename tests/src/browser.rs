//! A browser without eyes: keeps cookies, fills forms, sends the token that the page gave it.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Client, Method, header, redirect::Policy};

/// A client for requests that a test builds by itself.
#[expect(clippy::disallowed_methods, reason = "a test plays the world outside; nothing of Muara leaves through it")]
pub fn client() -> Client {
    // Whoever was first has done it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(30)).build().expect("a client")
}

/// A page that came back.
#[derive(Debug, Clone)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// Where it was in the end.
    pub path: String,
    /// Its text, as HTML.
    pub text: String,
    /// Its headers, lower-case names.
    pub headers: BTreeMap<String, String>,
}

impl Page {
    /// The value of the first input of that name.
    pub fn input(&self, name: &str) -> Option<String> {
        let input = self.text.split('<').find(|tag| tag.starts_with("input") && tag.contains(&format!("name=\"{name}\"")))?;
        let value = input.split("value=\"").nth(1)?.split('"').next()?;
        Some(value.to_owned())
    }
}

impl Page {
    /// The hidden inputs of the form with that action: what a browser sends along without being asked.
    fn hidden(&self, action: &str) -> Vec<(String, String)> {
        let Some((_, from_form)) = self.text.split_once(&format!("action=\"{action}\"")) else { return Vec::new() };
        let form = from_form.split("</form").next().unwrap_or_default();
        let hidden = form.split('<').filter(|tag| tag.starts_with("input") && tag.contains("type=\"hidden\""));
        let attribute = |tag: &str, name: &str| Some(tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?.to_owned());
        hidden.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?))).collect()
    }
}

/// Somebody's browser.
pub struct Browser {
    base: String,
    client: Client,
    cookies: BTreeMap<String, String>,
    page: Option<Page>,
}

impl Browser {
    /// A browser that goes to one site only.
    pub fn new(base: &str) -> Self {
        Self { base: base.to_owned(), client: client(), cookies: BTreeMap::new(), page: None }
    }

    /// Opens a page, following where it leads.
    pub async fn get(&mut self, path: &str) -> Page {
        self.go(Method::GET, path, None).await
    }

    /// The status of a page, or `None` when nobody answers.
    pub async fn try_get(&mut self, path: &str) -> Option<u16> {
        self.request(&Method::GET, path).send().await.ok().map(|response| response.status().as_u16())
    }

    /// Fills in and sends the form of the last page that goes to `path`, with what it carries hidden, and follows where it leads.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = self.hidden(path);
        form.extend(fields.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        self.go(Method::POST, path, Some(form)).await
    }

    /// Opens a page and sends its form for `action`; panics where that is refused.
    pub async fn act(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Page {
        self.get(page).await;
        let answer = self.post(&format!("{page}/{action}"), fields).await;
        assert!(answer.status < 400, "{page}/{action}: {} {}", answer.status, answer.text);
        answer
    }

    fn hidden(&self, path: &str) -> Vec<(String, String)> {
        self.page.as_ref().map(|page| page.hidden(path)).unwrap_or_default()
    }

    /// The same for a form with files: `(field, file name, media type, bytes)`.
    pub async fn post_files(&mut self, path: &str, fields: &[(&str, &str)], files: &[(&str, &str, &str, Vec<u8>)]) -> Page {
        let mut form = reqwest::multipart::Form::new();
        for (name, value) in self.hidden(path) {
            form = form.text(name, value);
        }
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        for (name, filename, mime, bytes) in files {
            let part =
                reqwest::multipart::Part::bytes(bytes.clone()).file_name((*filename).to_owned()).mime_str(mime).expect("a media type");
            form = form.part((*name).to_owned(), part);
        }
        let request = self.request(&Method::POST, path).multipart(form);
        let (page, next) = self.send(request, path).await;
        match next {
            Some(next) => self.get(&next).await,
            None => page,
        }
    }

    async fn go(&mut self, method: Method, path: &str, form: Option<Vec<(String, String)>>) -> Page {
        let mut request = self.request(&method, path);
        if let Some(form) = form {
            request = request.form(&form);
        }
        let (mut page, mut next) = self.send(request, path).await;
        for _ in 0..5 {
            let Some(path) = next else { break };
            let request = self.request(&Method::GET, &path);
            (page, next) = self.send(request, &path).await;
        }
        page
    }

    fn request(&self, method: &Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        assert!(url.starts_with("http://127.0.0.1:"), "no test leaves this machine: {url}");
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method.clone(), url).header(header::COOKIE, cookies.join("; "));
        if *method == Method::POST {
            request = request.header(header::ORIGIN, &self.base);
        }
        request
    }

    async fn send(&mut self, request: reqwest::RequestBuilder, path: &str) -> (Page, Option<String>) {
        let response = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}"));
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if let Some((name, value)) = cookie.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let next = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let named = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let headers = response.headers().iter().map(named).collect();
        let text = response.text().await.unwrap_or_default();
        let page = Page { status, path: path.to_owned(), text, headers };
        self.page = Some(page.clone());
        (page, next.filter(|_| (300..400).contains(&status)))
    }
}
