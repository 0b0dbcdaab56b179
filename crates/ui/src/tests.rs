//! Every component once, as a crate with pages would use them.

use askama::Template;
use model::Language;

use crate::*;

#[derive(Template)]
#[template(path = "sample.html")]
struct Sample {
    page: Page,
    clock: Clock,
    deadline: jiff::Timestamp,
    photos: Vec<Photo>,
}

fn sample(title: &str) -> String {
    let now = "2026-11-20T03:00:00Z".parse().expect("a time");
    let site = model::Site { name: "Kota Contoh".into(), base_url: "http://localhost".into(), zone: model::clock::Zone::Wib };
    let visit = Visit { language: Language::Id, path: "/".into(), query: String::new(), is_get: true };
    let page = Page::new(&visit, Words::get(Language::Id), &site, now, title).flash(Tone::Bad, "Belum tersimpan.").script("live.js");
    let photos = vec![Photo { src: "/foto/1".into(), alt: "Foto 1".into(), width: 640, height: 480 }];
    Sample { page, clock: Clock::Late(2), deadline: now, photos }.render().expect("a page")
}

#[test]
fn every_component_draws_itself_with_words_beside_its_icon() {
    let html = sample("Contoh");
    for part in ["Diterima", "Dialihkan", "terlambat 2 hari", "aria-invalid", r#"id="nama-error""#, "Belum tersimpan.", "Berikutnya"] {
        assert!(html.contains(part), "{part} in {html}");
    }
}

#[test]
fn what_people_typed_is_never_markup() {
    assert!(sample("<script>alert(1)</script>").contains("&#60;script&#62;"));
}

#[test]
fn a_page_has_no_inline_script_style_or_handler() {
    let html = sample("Contoh");
    for forbidden in ["<style", " style=", "javascript:", " onclick", " onload", "<script>"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
}
