//! Whole pages of staff, as a browser asks for them: who is signed in is looked up, rows are read, HTML is written and packed. Without the network.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use bus::{Bus, BusConfig, Stop};
use ed25519_dalek::SigningKey;
use model::{AgencyId, Language, Role, Site, clock::Zone};
use object_store::memory::InMemory;
use store::{PgPool, staff::NewStaff};
use tower::ServiceExt;
use web::{Clock, Context, Rooms};

use crate::{NOW, Worst};

type Error = Box<dyn std::error::Error>;

/// Of every account here.
const PASSWORD: &str = "sandi untuk mengukur";
/// Complaints whose pages are opened, of each list.
const OPENED: usize = 3;
/// What no page is longer than.
const MOST_BYTES: usize = 50_000_000;

/// The pages over the database that is measured.
pub(crate) struct Pages {
    router: Router,
}

impl Pages {
    /// With an admin, and an officer of this agency.
    pub(crate) async fn open(db: &PgPool, bus: &str, agency: AgencyId) -> Result<Self, Error> {
        let config = BusConfig { url: bus.to_owned(), user: None, password: None, key: None, name: "lists".into(), replicas: 1 };
        let bus = Bus::connect(&config).await?;
        bus.ensure().await?;
        let mut tx = store::begin(db).await?;
        let hash = store::staff::hash_password(PASSWORD);
        for (login, role, agency) in [("admin", Role::Admin, None), ("officer", Role::Officer, Some(agency))] {
            let new = NewStaff { login: login.into(), name: "Petugas".into(), role, agency, office: None, language: Language::Id };
            store::staff::create(&mut tx, &new, &hash, NOW).await?;
        }
        store::commit(tx).await?;
        let context = Context {
            db: db.clone(),
            bus,
            files: Arc::new(InMemory::new()),
            site: Site { name: "Kota Contoh".into(), base_url: "http://localhost".into(), zone: Zone::Wib },
            staff_key: SigningKey::from_bytes(&[7; 32]),
            vault: None,
            factor_for: Vec::new(),
            mails: false,
            elsewhere: None,
            desk_url: None,
            import_url: None,
            form_url: None,
            behind_proxy: false,
            clock: Clock::from_fn(|| NOW),
        };
        Ok(Self { router: web::router(Rooms::open(context, Stop::new()).await?) })
    }

    pub(crate) async fn measure(&self, worst: &mut Worst) -> Result<(), Error> {
        for (login, who) in [("admin", "everything"), ("officer", "a large agency")] {
            println!("\n{:<58}  median ms   worst ms", format!("whole pages, {who}"));
            let cookie = self.sign_in(login).await?;
            let mut shown = Vec::new();
            for list in ["open", "overdue", "done"] {
                let page = format!("/antrean?view={list}");
                shown.extend(complaints(&self.get(&cookie, &page).await?).map(|complaint| (complaint, list)));
                worst.time(&page, async || self.get(&cookie, &page).await).await?;
            }
            for page in ["/antrean?cari=banjir", "/antrean?cari=banjir+lampu"] {
                worst.time(page, async || self.get(&cookie, page).await).await?;
            }
            for (complaint, list) in shown {
                worst.time(&format!("a complaint of the list {list}"), async || self.get(&cookie, &complaint).await).await?;
            }
        }
        Ok(())
    }

    async fn sign_in(&self, login: &str) -> Result<String, Error> {
        let form = Request::post("/masuk").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let fields = format!("login={login}&password={}", PASSWORD.replace(' ', "+"));
        let answer = self.router.clone().oneshot(form.body(Body::from(fields))?).await?;
        let cookie = answer.headers().get(header::SET_COOKIE).ok_or("nobody is signed in")?.to_str()?;
        Ok(cookie.split(';').next().unwrap_or_default().to_owned())
    }

    async fn get(&self, cookie: &str, page: &str) -> Result<String, Error> {
        let answer = self.router.clone().oneshot(Request::get(page).header(header::COOKIE, cookie).body(Body::empty())?).await?;
        let status = answer.status();
        let body = to_bytes(answer.into_body(), MOST_BYTES).await?;
        if status == StatusCode::OK { Ok(String::from_utf8(body.to_vec())?) } else { Err(format!("{page} says {status}").into()) }
    }
}

/// The first complaints that a list leads to.
fn complaints(list: &str) -> impl Iterator<Item = String> {
    list.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| link.starts_with("/aduan/"))
        .take(OPENED)
        .map(str::to_owned)
}
