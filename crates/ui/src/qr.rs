//! QR codes, for links on paper.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

/// White modules around the code, as the standard asks.
const QUIET: usize = 4;

/// The QR code of a text as rows of modules, dark ones `true`, without the white around it; `None` when the text is too long for a code.
pub fn qr_modules(text: &str) -> Option<Vec<Vec<bool>>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let modules: Vec<bool> = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
    Some(modules.chunks(code.width()).map(<[bool]>::to_vec).collect())
}

/// The QR code of a text as one inline SVG, black on white in every theme; empty when the text is too long for a code
/// (about 2,300 characters). Error level M: a crease in the paper may take a seventh of it.
pub fn qr_svg(text: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return String::new() };
    let width = code.width();
    let mut path = String::new();
    for (at, _) in code.to_colors().iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        let _ = write!(path, "M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET);
    }
    let side = width + 2 * QUIET;
    format!(
        r##"<svg class="qr" viewBox="0 0 {side} {side}" shape-rendering="crispEdges" aria-hidden="true" focusable="false"><path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{path}"/></svg>"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_a_code_and_a_book_does_not() {
        let svg = qr_svg("https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA");
        assert!(svg.starts_with("<svg") && svg.contains("M4 4h1v1h-1z"));
        assert_eq!(qr_svg(&"x".repeat(5000)), "");
        let modules = qr_modules("https://lapor.example.id").expect("a code");
        assert!(modules.iter().all(|row| row.len() == modules.len()) && modules[0][..7].iter().all(|dark| *dark));
        assert_eq!(qr_modules(&"x".repeat(5000)), None);
    }
}
