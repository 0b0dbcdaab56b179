//! Things made to hurt.

use serde_json::json;

/// One whole webhook body with a text, to be signed; for tests that post by themselves.
pub fn text_webhook(phone: &str, wamid: &str, text: &str) -> Vec<u8> {
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "6281000000000", "phone_number_id": "100000000000001" },
        "contacts": [{ "profile": { "name": "Warga" }, "wa_id": phone }],
        "messages": [{ "from": phone, "id": wamid, "timestamp": "1795000000", "type": "text", "text": { "body": text } }],
    });
    simulator::webhook::envelope(&[value])
}

/// A PNG of a few bytes that claims 30,000 × 30,000 pixels: 3.6 GB once decoded.
pub fn image_bomb() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let side = 30_000_u32.to_be_bytes();
    let header = [&side[..], &side[..], &[8, 6, 0, 0, 0]].concat();
    for (kind, data) in [(b"IHDR", &header[..]), (b"IDAT", &[0x78, 0x9c, 0x63, 0, 0, 0, 1, 0, 1][..]), (b"IEND", &[][..])] {
        let length = u32::try_from(data.len()).expect("a few bytes");
        let body = [&kind[..], data].concat();
        png.extend(length.to_be_bytes());
        png.extend(&body);
        png.extend(crc32fast::hash(&body).to_be_bytes());
    }
    png
}
