//! Pages for citizens, agencies and admins. Every route is in [`router`]; one file an action: its input, its handler, its tests.
//!
//! GET shows and changes nothing: previews and mail scanners open links. POST acts, from our own pages only (`origin`), and for
//! staff with the token of their session (`form`). What staff may see is decided in `store::access`, what they may do in
//! `model::decide`; here both are only asked.

mod account;
mod admin;
mod agency;
mod citizen;
mod client;
mod copy;
mod error;
mod files;
mod form;
mod health;
mod limits;
mod live;
mod origin;
mod outlines;
mod page;
mod rooms;
mod rules;
mod run;
mod says;
mod session;
mod task;
mod telephone;
#[cfg(test)]
mod tests;
mod upload;

use std::time::Duration;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use tower_http::{compression::CompressionLayer, timeout::TimeoutLayer};

pub use account::oidc::Elsewhere;
pub use agency::head::report::pack;
pub use copy::{Copy, copy};
pub use error::WebError;
pub use rooms::{Clock, Context, Rooms};
pub use run::{RunError, run};

/// Forms hold words; only a photo is larger.
const MOST_BYTES_OF_A_FORM: usize = 64 * 1024;
/// No page takes this long unless something is wrong.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);
/// A photo may come over a slow line.
const LONGEST_UPLOAD: Duration = Duration::from_mins(2);

/// What several agencies do with one complaint.
fn together() -> Router<Rooms> {
    Router::new()
        .route("/aduan/{id}/koordinasi", post(agency::together::consult))
        .route("/aduan/{id}/saran", post(agency::together::advise))
        .route("/aduan/{id}/bagi", post(agency::together::share))
        .route("/aduan/{id}/pimpin", post(agency::together::lead))
        .route("/aduan/{id}/disposisi", post(agency::together::pass_down))
        .route("/aduan/{id}/tarik", post(agency::together::take_back))
        .route("/aduan/{id}/lokasi", post(agency::move_pin::submit))
        .route("/aduan/{id}/titip", post(agency::tasks::give))
        .route("/aduan/{id}/tugas/{task}/tautan", post(agency::tasks::link))
        .route("/aduan/{id}/tugas/{task}/tarik", post(agency::tasks::recall))
        .route("/pengurus", get(agency::tasks::show).post(agency::tasks::add))
        .route("/pengurus/{id}/hapus", post(agency::tasks::remove))
}

/// Figures, and the lists behind them.
fn figures() -> Router<Rooms> {
    Router::new()
        .route("/meja", get(agency::head::show))
        .route("/meja/daftar", get(agency::head::list::show))
        .route("/meja/laporan", get(agency::head::report::show))
        .route("/meja/periksa", get(agency::head::review::show))
        .route("/meja/periksa/{dispatch}", post(agency::head::review::submit))
}

/// Every route there is.
#[expect(clippy::too_many_lines, reason = "one line a route, all in one place")]
pub fn router(rooms: Rooms) -> Router {
    let citizens = Router::new()
        .route("/", get(citizen::home::show))
        .route("/cek", get(citizen::lookup::show))
        .route("/t/{code}", get(citizen::track::show))
        .route("/t/{code}/foto/{id}", get(citizen::photo::show))
        .route("/t/{code}/pesan", post(citizen::write::submit))
        .route("/t/{code}/sama", post(citizen::same::submit))
        .route("/t/{code}/lain", post(citizen::leave::submit))
        .route("/t/{code}/tingkat", post(citizen::regrade::submit))
        .route("/t/{code}/data", get(citizen::data::fetch).post(citizen::data::submit))
        .route("/t/{code}/sambung", post(citizen::connect::submit))
        .route("/t/{code}/belum-selesai", post(citizen::reopen::submit))
        .route("/tugas/{code}", get(task::show))
        .route("/tugas/{code}/foto/{id}", get(task::photo));
    let accounts = Router::new()
        .route("/masuk", get(account::sign_in::show).post(account::sign_in::submit))
        .route("/masuk/kode", post(account::sign_in::submit_code))
        .route("/masuk/kunci", post(account::passkey::sign_in::ask))
        .route("/masuk/kunci/selesai", post(account::passkey::sign_in::submit))
        .route("/masuk/lain", get(account::oidc::go))
        .route("/masuk/kembali", get(account::oidc::come_back))
        .route("/akun-lain", get(account::oidc::show).post(account::oidc::begin))
        .route("/akun-lain/lepas", post(account::oidc::disconnect))
        .route("/undangan/{token}", get(account::invitation::show).post(account::invitation::submit))
        .route("/faktor", get(account::factor::show).post(account::factor::confirm))
        .route("/faktor/mulai", post(account::factor::begin))
        .route("/faktor/kode", post(account::factor::codes))
        .route("/faktor/lepas", post(account::factor::remove))
        .route("/faktor/kunci", post(account::passkey::own::ask))
        .route("/faktor/kunci/selesai", post(account::passkey::own::add))
        .route("/faktor/kunci/{id}", post(account::passkey::own::rename))
        .route("/faktor/kunci/{id}/hapus", post(account::passkey::own::remove))
        .route("/keluar", post(account::sign_out::submit))
        .route("/telepon", get(account::telephone::show).post(account::telephone::submit))
        .route("/sandi", get(account::password::show).post(account::password::submit));
    let agencies = together()
        .merge(figures())
        .route("/antrean", get(agency::queue::show))
        .route("/antrean/cari", post(agency::queue::search))
        .route("/antrean/simpan", post(agency::saved::keep))
        .route("/antrean/simpan/{id}/hapus", post(agency::saved::remove))
        .route("/aduan/{id}", get(agency::complaint::show))
        .route("/aduan/{id}/ambil", post(agency::claim::submit))
        .route("/aduan/{id}/tanya", post(agency::ask::submit))
        .route("/aduan/{id}/jawab", post(agency::answer::submit))
        .route("/antrean/sekaligus", post(agency::bulk::submit))
        .route("/aduan/{id}/draf", post(agency::writing::keep))
        .route("/aduan/{id}/hadir", post(agency::present::say))
        .route("/aduan/{id}/batal", post(agency::undo::submit))
        .route("/templat", get(agency::templates::show).post(agency::templates::add))
        .route("/templat/{id}", post(agency::templates::change))
        .route("/templat/{id}/hapus", post(agency::templates::remove))
        .route("/aduan/{id}/lepas", post(agency::held::release))
        .route("/aduan/{id}/tolak", post(agency::held::reject))
        .route("/aduan/{id}/catat", post(agency::note::submit))
        .route("/aduan/{id}/alihkan", post(agency::hand_over::submit))
        .route("/aduan/{id}/arahkan", post(agency::route::submit))
        .route("/aduan/{id}/tetapkan", post(agency::place::submit))
        .route("/aduan/{id}/buka-lagi", post(agency::reopen::submit))
        .route("/aduan/{id}/pisah", post(agency::incident::split))
        .route("/aduan/{id}/gabung", post(agency::incident::by_hand))
        .route("/usulan", get(agency::incident::suggestions))
        .route("/usulan/{complaint}/{other}", post(agency::incident::decide))
        .route("/tak-sampai", get(agency::unreached::show))
        .route("/tak-sampai/{complaint}", post(agency::unreached::submit))
        .route("/langkah/{id}/batal", post(agency::incident::undo))
        .route("/kejadian/{id}", get(agency::incident::show))
        .route("/kejadian/{id}/tindakan", post(agency::incident::act))
        .route("/kejadian/{id}/buka", post(agency::incident::reopen))
        .route("/aduan/{id}/blokir", post(agency::block::submit))
        .route("/aduan/{id}/buka-blokir", post(agency::unblock::submit))
        .route("/aduan/{id}/tingkat", post(agency::regrade::submit))
        .route("/aduan/{id}/pelapor", post(agency::unmask::submit))
        .route("/berkas/{id}", get(agency::file::show))
        .route("/loket", get(agency::desk::show))
        .route("/pos", get(agency::post::show))
        .route(model::desk::SEARCH, post(agency::desk_api::search))
        .route(model::desk::UNDELIVERED, post(agency::desk_api::undelivered))
        .route("/impor", get(agency::import::show))
        .route("/peta.json", get(outlines::show));
    let admins = Router::new()
        .route("/admin", get(admin::channels::show))
        .route("/admin/kanal/jeda", post(admin::channel_pause::pause))
        .route("/admin/kanal/lanjut", post(admin::channel_pause::resume))
        .route("/admin/terparkir", get(admin::parked::list))
        .route("/admin/terparkir/{id}", get(admin::parked::show))
        .route("/admin/terparkir/{id}/isi", post(admin::parked_content::submit))
        .route("/admin/terparkir/{id}/ulangi", post(admin::parked_retry::submit))
        .route("/admin/terparkir/{id}/buang", post(admin::parked_drop::submit))
        .route("/admin/petugas", get(admin::staff::show).post(admin::staff_add::submit))
        .route("/admin/petugas/{id}/aktif", post(admin::staff_active::submit))
        .route("/admin/petugas/{id}/tutup", get(admin::staff_close::show).post(admin::staff_close::submit))
        .route("/admin/petugas/{id}/faktor", post(admin::staff_factor::submit))
        .route("/admin/petugas/{id}/rahasia", post(admin::staff_named::submit))
        .route("/admin/petugas/{id}/sandi", post(admin::staff_password::submit))
        .route("/admin/direktori", get(admin::directory::show))
        .merge(escalation())
        .merge(rules())
        .route("/permintaan-data", get(admin::requests::show))
        .route("/permintaan-data/{id}", post(admin::requests::submit))
        .route("/admin/neraca", get(admin::balance::show))
        .route("/admin/kabar", get(admin::notices::show))
        .route("/admin/catatan", get(admin::audit::show))
        .route("/admin/catatan/periksa", post(admin::audit::check));
    let pages = citizens
        .merge(accounts)
        .merge(agencies)
        .merge(admins)
        .route("/health", get(health::show))
        .layer(DefaultBodyLimit::max(MOST_BYTES_OF_A_FORM))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONGEST_ANSWER));
    let uploads = Router::new()
        .route("/aduan/{id}/selesai", post(agency::resolve::submit))
        .route("/tugas/{code}", post(task::submit))
        .route("/pos", post(agency::post::submit))
        .route("/meja/unduh", post(agency::head::export::submit))
        .route("/meja/laporan/unduh", post(agency::head::report::take))
        .layer(DefaultBodyLimit::max(upload::MOST_BYTES + MOST_BYTES_OF_A_FORM))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LONGEST_UPLOAD));
    // These stay open as long as somebody looks.
    let streams = Router::new()
        .route("/t/{code}/live", get(citizen::live::show))
        .route("/aduan/{id}/live", get(agency::live::of_complaint))
        .route("/antrean/live", get(agency::live::of_queue));
    let policy = ui::Policy { form_targets: rooms.token_origins(), https: rooms.https() };
    let router = pages
        .merge(uploads)
        .merge(streams)
        .merge(ui::routes())
        .fallback(error::nothing_here)
        .method_not_allowed_fallback(error::nothing_here)
        .layer(middleware::from_fn(origin::only_our_own_posts))
        .layer(middleware::from_fn_with_state(rooms.clone(), error::draw))
        .layer(middleware::from_fn(ui::remember_language))
        .layer(CompressionLayer::new().gzip(true))
        .with_state(rooms);
    ui::secured(router, &policy)
}

/// Which complaints go to which agency.
fn rules() -> Router<Rooms> {
    Router::new()
        .route("/aturan", get(rules::table::show))
        .route("/aturan/versi/{number}", get(rules::table::one))
        .route("/aturan/versi/{number}/kembali", post(rules::table::go_back))
        .route("/aturan/draf", get(rules::draft::show).post(rules::draft::begin))
        .route("/aturan/draf/baris", post(rules::draft::set))
        .route("/aturan/draf/baris/{id}/hapus", post(rules::draft::remove))
        .route("/aturan/draf/buang", post(rules::draft::discard))
        .route("/aturan/coba", get(rules::trial::show))
        .route("/aturan/terbitkan", post(rules::trial::publish))
}

/// Who is told when a clock ends.
fn escalation() -> Router<Rooms> {
    Router::new()
        .route("/admin/eskalasi", get(admin::escalation::show).post(admin::escalation::begin))
        .route("/admin/eskalasi/{id}/akhiri", post(admin::escalation::end))
        .route("/admin/eskalasi/jabatan", post(admin::escalation::hold))
        .route("/admin/eskalasi/jabatan/{id}/akhiri", post(admin::escalation::leave))
        .route("/admin/eskalasi/surel", post(admin::escalation::mail))
        .route("/admin/eskalasi/telepon", post(admin::escalation::telephone))
}
