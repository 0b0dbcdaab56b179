//! Line icons, drawn for this project on a 24-unit grid. Always beside words, never instead of them.

use model::{DispatchState, Status};

/// The inline SVG of an icon by name; an unknown name is a dot, which a test of the templates notices.
pub fn icon(name: &str) -> String {
    format!(
        r#"<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{}</svg>"#,
        shape(name).unwrap_or(r#"<circle cx="12" cy="12" r="1"/>"#)
    )
}

/// The icon that goes with a status.
pub fn status_icon(status: &Status) -> String {
    icon(match status {
        Status::Received => "inbox",
        Status::Forwarded => "send",
        Status::InProgress => "work",
        Status::AwaitingCitizen => "question",
        Status::Resolved => "check",
    })
}

/// The icon that goes with how far an agency is.
pub fn work_icon(state: &DispatchState) -> String {
    icon(match state {
        DispatchState::Open => "inbox",
        DispatchState::InProgress => "work",
        DispatchState::AwaitingCitizen => "question",
        DispatchState::Done => "check",
        DispatchState::HandedOver => "handover",
    })
}

fn shape(name: &str) -> Option<&'static str> {
    Some(match name {
        "mark" => r#"<path d="M3 5c5 0 6 7 9 14M21 5c-5 0-6 7-9 14M12 4v8"/>"#,
        "inbox" => r#"<path d="M4 13h4l1.5 3h5L16 13h4"/><path d="M6 5h12l2 8v6H4v-6z"/>"#,
        "send" => r#"<path d="M4 12h14"/><path d="m12 6 6 6-6 6"/>"#,
        "work" => {
            r#"<circle cx="12" cy="12" r="3.5"/><path d="M12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2"/>"#
        }
        "question" => r#"<path d="M4 5h16v11H9l-5 4z"/><path d="M10 9a2 2 0 1 1 2.6 1.9c-.4.2-.6.5-.6 1"/><path d="M12 13.6v.1"/>"#,
        "check" => r#"<circle cx="12" cy="12" r="9"/><path d="m8 12.5 3 3 5-6"/>"#,
        "clock" => r#"<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3.5 2"/>"#,
        "late" => r#"<path d="M12 4 2.5 20h19z"/><path d="M12 10v4M12 17v.1"/>"#,
        "alert" => r#"<circle cx="12" cy="12" r="9"/><path d="M12 7.5v5M12 16v.1"/>"#,
        "info" => r#"<circle cx="12" cy="12" r="9"/><path d="M12 11v5.5M12 7.5v.1"/>"#,
        "photo" => r#"<path d="M4 7h4l1.5-2h5L16 7h4v12H4z"/><circle cx="12" cy="13" r="3.5"/>"#,
        "gallery" => r#"<path d="M4 5h16v14H4z"/><path d="m4 16 5-5 4 4 2.5-2.5L20 17"/><path d="M15.500 9v.1"/>"#,
        "here" => r#"<circle cx="12" cy="12" r="6"/><path d="M12 2.500V6M12 18v3.500M2.500 12H6M18 12h3.500"/><path d="M12 12v.1"/>"#,
        "map" => r#"<path d="m3 6 6-2 6 2 6-2v14l-6 2-6-2-6 2zM9 4v14M15 6v14"/>"#,
        "eye" => {
            r#"<path d="M2.5 12c2.500-4.500 5.800-6.500 9.500-6.500s7 2 9.500 6.500c-2.500 4.500-5.800 6.500-9.500 6.500s-7-2-9.500-6.500z"/><circle cx="12" cy="12" r="2.8"/>"#
        }
        "copy" => r#"<path d="M8 8h12v12H8z"/><path d="M16 8V4H4v12h4"/>"#,
        "file" => r#"<path d="M6 3h8l4 4v14H6z"/><path d="M14 3v4h4"/>"#,
        "sound" => r#"<path d="M5 10v4h3l4 4V6l-4 4z"/><path d="M16 9a4.5 4.5 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11"/>"#,
        "film" => r#"<path d="M4 6h11v12H4zM15 10l5-3v10l-5-3z"/>"#,
        "place" => r#"<path d="M12 21c4-5 6.5-8 6.5-11.5a6.5 6.5 0 0 0-13 0C5.5 13 8 16 12 21z"/><circle cx="12" cy="9.5" r="2.3"/>"#,
        "person" => r#"<circle cx="12" cy="8" r="4"/><path d="M4.5 20.500c1-4 4-5.5 7.5-5.500s6.5 1.5 7.5 5.5"/>"#,
        "building" => r#"<path d="M5 21V5l7-2v18M12 8h7v13M3 21h18M8 8v.1M8 12v.1M8 16v.1M15.5 12v.1M15.5 16v.1"/>"#,
        "note" => r#"<path d="M5 4h14v11l-5 5H5z"/><path d="M14 20v-5h5M8.5 9h7M8.5 12.500h4"/>"#,
        "answer" => r#"<path d="M4 5h16v11H9l-5 4z"/><path d="M8 9h8M8 12h5"/>"#,
        "handover" => r#"<path d="M4 8h13M13 4l4 4-4 4M20 16H7M11 12l-4 4 4 4"/>"#,
        "again" => r#"<path d="M4 12a8 8 0 1 0 2.5-5.8"/><path d="M4 4v4.500h4.5"/>"#,
        "search" => r#"<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>"#,
        "phone" => r#"<path d="M7 3h10v18H7zM11 18h2"/>"#,
        "lock" => r#"<path d="M6 11h12v9H6z"/><path d="M8.5 11V8a3.5 3.5 0 0 1 7 0v3"/>"#,
        "key" => r#"<circle cx="8" cy="16" r="4"/><path d="m11 13 8.5-8.500M15.500 9l3 3"/>"#,
        "out" => r#"<path d="M10 4H5v16h5M14 8l4 4-4 4M18 12H9"/>"#,
        "print" => r#"<path d="M7 9V4h10v5M7 17H4V9h16v8h-3"/><path d="M7 14h10v6H7z"/>"#,
        "plus" => r#"<path d="M12 5v14M5 12h14"/>"#,
        "cross" => r#"<path d="m6 6 12 12M18 6 6 18"/>"#,
        "next" => r#"<path d="m9 5 7 7-7 7"/>"#,
        "sent" => r#"<path d="m5 12.5 4.5 4.500L19 7"/>"#,
        "delivered" => r#"<path d="m2.5 12.5 4.5 4.500L16 7M12 16l1 1 9-10"/>"#,
        "flag" => r#"<path d="M6 21V4h12l-2.5 4L18 12H6"/>"#,
        "live" => {
            r#"<circle cx="12" cy="12" r="2.5"/><path d="M7.8 16.200a6 6 0 0 1 0-8.400M16.2 7.800a6 6 0 0 1 0 8.400M5 19a10 10 0 0 1 0-14M19 5a10 10 0 0 1 0 14"/>"#
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_that_a_template_names_is_drawn() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).expect("the folder of templates").flatten() {
            let text = std::fs::read_to_string(entry.path()).expect("a template");
            for name in text.split("icon(\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(name, _)| name) {
                assert!(shape(name).is_some(), "{name} in {}", entry.path().display());
                seen += 1;
            }
        }
        assert!(seen > 5);
        assert!(icon("no such icon").contains("<circle"));
    }
}
