//! The areas of the directory as a form offers them: kelurahan in groups by kecamatan.

use std::collections::BTreeMap;

use model::Area;

/// A kecamatan and its kelurahan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaGroup {
    /// `Gambir, Jakarta Pusat`.
    pub label: String,
    /// Its kelurahan, by name.
    pub areas: Vec<Area>,
}

/// Digits of the code of a kelurahan, a kecamatan, a city.
const LEVELS: [usize; 3] = [10, 7, 4];

/// Every kelurahan, grouped and sorted by name.
pub fn area_groups(areas: &[Area]) -> Vec<AreaGroup> {
    let names: BTreeMap<&str, &str> = areas.iter().map(|area| (area.code.as_str(), area.name.as_str())).collect();
    let mut groups: BTreeMap<&str, Vec<Area>> = BTreeMap::new();
    for area in areas.iter().filter(|area| area.code.len() == LEVELS[0]) {
        groups.entry(area.code.get(..LEVELS[1]).unwrap_or_default()).or_default().push(area.clone());
    }
    let label = |code: &str| {
        let parts = [Some(code), code.get(..LEVELS[2])].into_iter().flatten().filter_map(|code| names.get(code).copied());
        parts.collect::<Vec<_>>().join(", ")
    };
    let mut groups: Vec<AreaGroup> = groups.into_iter().map(|(code, areas)| AreaGroup { label: label(code), areas }).collect();
    groups.sort_by(|a, b| a.label.cmp(&b.label));
    for group in &mut groups {
        group.areas.sort_by(|a, b| a.name.cmp(&b.name));
    }
    groups
}

/// An area in words, as an address says it: `Kelurahan Gambir, Kecamatan Gambir, Jakarta Pusat`. `None` for an unknown code.
pub fn area_in_words(areas: &[Area], code: &str) -> Option<String> {
    let name =
        |digits: usize| code.get(..digits).and_then(|code| areas.iter().find(|area| area.code == code)).map(|area| area.name.as_str());
    areas.iter().find(|area| area.code == code)?;
    let parts = [(LEVELS[0], "Kelurahan"), (LEVELS[1], "Kecamatan"), (LEVELS[2], "")];
    let said = parts.iter().filter_map(|(digits, kind)| name(*digits).map(|name| with_kind(kind, name)));
    Some(said.collect::<Vec<_>>().join(", "))
}

fn with_kind(kind: &str, name: &str) -> String {
    let said = name.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind));
    if said { name.to_owned() } else { format!("{kind} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn areas() -> Vec<Area> {
        [
            ("3171", "Kota B"),
            ("3171020", "Sawah"),
            ("3171020002", "Melati"),
            ("3171020001", "Anggrek"),
            ("3171010", "Alun"),
            ("3171010001", "Kelurahan Kenanga"),
        ]
        .map(|(code, name)| Area { code: code.into(), name: name.into() })
        .to_vec()
    }

    #[test]
    fn kelurahan_stand_under_their_kecamatan_in_the_order_of_their_names() {
        let groups = area_groups(&areas());
        let said: Vec<(&str, Vec<&str>)> =
            groups.iter().map(|group| (group.label.as_str(), group.areas.iter().map(|area| area.name.as_str()).collect())).collect();
        assert_eq!(said, [("Alun, Kota B", vec!["Kelurahan Kenanga"]), ("Sawah, Kota B", vec!["Anggrek", "Melati"])]);
    }

    #[test]
    fn an_area_is_said_as_an_address_says_it() {
        let said = |code| area_in_words(&areas(), code);
        assert_eq!(said("3171020002").as_deref(), Some("Kelurahan Melati, Kecamatan Sawah, Kota B"));
        assert_eq!(said("3171010001").as_deref(), Some("Kelurahan Kenanga, Kecamatan Alun, Kota B"));
        assert_eq!(said("3171").as_deref(), Some("Kota B"));
        assert_eq!(said("9999999999"), None);
    }
}
