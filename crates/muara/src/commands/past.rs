//! Reads decided complaints of an earlier system from CSV and fits them to the directory.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, bail};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use model::Directory;
use store::learned::Decided;

/// What a column can hold.
const FIELDS: [&str; 7] = ["key", "at", "text", "place", "area", "category", "agency"];
/// A text may be so long, in characters; what is longer is cut.
const LONGEST: usize = 20_000;

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// With the key of each.
    rows: Vec<(String, Decided)>,
    /// What was taken from which column, for people.
    columns: String,
    /// Rows whose time cannot be read.
    timeless: usize,
}

/// Rows that can be kept, and what could not be understood.
#[derive(Default)]
pub(crate) struct Fitted {
    /// With the key of each.
    pub(crate) rows: Vec<(String, Decided)>,
    columns: String,
    timeless: usize,
    without_text: usize,
    undecided: usize,
    unknown: BTreeMap<(&'static str, String), usize>,
}

/// Reads a file with a header; `columns` are `what=column`. Fields stand between commas, semicolons or tabs: what the header has most.
pub(crate) fn read(file: &Path, columns: &[String]) -> anyhow::Result<Past> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut reader = csv::ReaderBuilder::new().delimiter(between(&text)).from_reader(text.as_slice());
    let header = reader.headers().with_context(|| format!("cannot read the header of {}", file.display()))?.clone();
    let places = places(&header, columns)?;
    let taken = |field: &&'static str| Some(format!("{field} from `{}`", &header[*places.get(*field)?]));
    let mut past = Past { columns: FIELDS.iter().filter_map(taken).collect::<Vec<_>>().join(", "), ..Past::default() };
    for (number, line) in reader.records().enumerate() {
        let line = line.with_context(|| format!("line {} cannot be read", number + 2))?;
        let field = |name: &str| places.get(name).and_then(|&at| line.get(at)).map(str::trim).unwrap_or_default();
        let key = Some(field("key")).filter(|key| !key.is_empty()).map_or_else(|| (number + 1).to_string(), str::to_owned);
        let at = time(field("at"));
        past.timeless += usize::from(at.is_none());
        let row = Decided {
            opened_at: at.unwrap_or(Timestamp::UNIX_EPOCH),
            text: field("text").chars().take(LONGEST).collect(),
            place: field("place").chars().take(LONGEST).collect(),
            area: field("area").to_owned(),
            category: field("category").to_owned(),
            agency: field("agency").to_owned(),
        };
        past.rows.push((key, row));
    }
    Ok(past)
}

fn between(text: &[u8]) -> u8 {
    let header = String::from_utf8_lossy(text.split(|byte| *byte == b'\n').next().unwrap_or_default());
    [b'\t', b';', b','].into_iter().max_by_key(|byte| header.matches(char::from(*byte)).count()).unwrap_or(b',')
}

fn places(header: &csv::StringRecord, columns: &[String]) -> anyhow::Result<BTreeMap<String, usize>> {
    let find = |column: &str| header.iter().position(|name| name.trim().eq_ignore_ascii_case(column));
    let mut places: BTreeMap<String, usize> = FIELDS.iter().filter_map(|field| Some(((*field).to_owned(), find(field)?))).collect();
    for mapping in columns {
        let (field, column) = mapping.split_once('=').with_context(|| format!("`{mapping}` is not WHAT=COLUMN"))?;
        if !FIELDS.contains(&field) {
            bail!("`{field}` is none of {}", FIELDS.join(", "));
        }
        let at = find(column)
            .with_context(|| format!("the file has no column `{column}`; it has {}", header.iter().collect::<Vec<_>>().join(", ")))?;
        places.insert(field.to_owned(), at);
    }
    if !places.contains_key("text") {
        bail!("no column holds the text: say --columns text=…; the file has {}", header.iter().collect::<Vec<_>>().join(", "));
    }
    Ok(places)
}

/// Local time or with a zone.
fn time(written: &str) -> Option<Timestamp> {
    let local = || written.replace(' ', "T").parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    written.parse().ok().or_else(local)
}

/// Codes or names become codes of the directory; what it does not know is left empty and counted.
pub(crate) fn fit(past: Past, directory: &Directory) -> Fitted {
    let mut fitted = Fitted { columns: past.columns, timeless: past.timeless, ..Fitted::default() };
    let areas = directory.areas.values().map(|area| (area.code.as_str(), area.name.as_str()));
    let kelurahan = codes(areas.filter(|(code, _)| code.len() == 10));
    let categories = codes(directory.categories.values().map(|one| (one.code.as_str(), one.name_id.as_str())));
    let agencies = codes(directory.agencies.values().map(|one| (one.code.as_str(), one.name.as_str())));
    for (key, mut row) in past.rows {
        if row.text.is_empty() {
            fitted.without_text += 1;
            continue;
        }
        for (what, value, known) in
            [("area", &mut row.area, &kelurahan), ("category", &mut row.category, &categories), ("agency", &mut row.agency, &agencies)]
        {
            let code = known.get(&value.to_lowercase()).and_then(|codes| codes.as_deref());
            if code.is_none() && !value.is_empty() {
                *fitted.unknown.entry((what, value.clone())).or_default() += 1;
            }
            code.unwrap_or_default().clone_into(value);
        }
        if row.area.is_empty() && row.category.is_empty() && row.agency.is_empty() {
            fitted.undecided += 1;
            continue;
        }
        fitted.rows.push((key, row));
    }
    fitted
}

/// By code and by name, lower case; a name that two bear is no name.
fn codes<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, Option<String>> {
    let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (code, name) in all {
        known.entry(name.to_lowercase()).and_modify(|other| *other = None).or_insert_with(|| Some(code.to_owned()));
        known.insert(code.to_lowercase(), Some(code.to_owned()));
    }
    known
}

impl Fitted {
    /// What was understood, for people.
    pub(crate) fn summary(&self) -> Vec<String> {
        let with = |of: fn(&Decided) -> &str| self.rows.iter().filter(|(_, row)| !of(row).is_empty()).count();
        let mut lines = vec![
            format!("Columns: {}.", self.columns),
            format!(
                "{} rows can be learned from: {} with an agency, {} with a category, {} with an area.",
                self.rows.len(),
                with(|row| &row.agency),
                with(|row| &row.category),
                with(|row| &row.area),
            ),
        ];
        let left = [
            (self.without_text, "rows have no text and are left out."),
            (self.undecided, "rows have no agency, category or area that the directory knows and are left out."),
            (self.timeless, "rows have no time that can be read and count as the oldest."),
        ];
        lines.extend(left.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        let mut unknown: Vec<_> = self.unknown.iter().collect();
        unknown.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let shown = unknown.len().min(20);
        lines.extend(
            unknown
                .iter()
                .take(shown)
                .map(|((what, value), count)| format!("  {what} `{}` is not in the directory ({count} rows)", short(value))),
        );
        if unknown.len() > shown {
            lines.push(format!("  and {} more values that are not in the directory", unknown.len() - shown));
        }
        lines
    }
}

/// A column that was mapped wrongly may hold anything.
fn short(value: &str) -> String {
    value.chars().take(60).filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use model::{Agency, AgencyId, Area, Category};

    use super::*;

    fn directory() -> Directory {
        let area = |code: &str, name: &str| (code.to_owned(), Area { code: code.into(), name: name.into() });
        let id: AgencyId = "00000000-0000-7000-8000-000000000001".parse().expect("an id");
        let category = Category { code: "road".into(), name_id: "Jalan rusak".into(), name_en: "Road".into(), keywords: Vec::new() };
        Directory {
            areas: [area("3171090001", "Menteng Dalam"), area("3171090002", "Kembar"), area("3171100001", "Kembar")].into(),
            agencies: [(id, Agency { id, code: "dbm".into(), name: "Dinas Bina Marga".into() })].into(),
            categories: [("road".to_owned(), category)].into(),
            ..Directory::default()
        }
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a place for files");
        file.write_all(text.as_bytes()).expect("room");
        file
    }

    #[test]
    fn columns_are_mapped_once_and_names_become_codes() {
        let file = file(
            "nomor,tanggal,isi,opd,kategori,kelurahan\n7,2024-05-01 10:00,jalan rusak,Dinas Bina Marga,ROAD,menteng dalam\n8,x,,dbm,road,Kembar\n9,x,lubang,Dinas Lain,road,Kembar\n",
        );
        let columns = ["key=nomor", "at=tanggal", "text=isi", "agency=opd", "category=kategori", "area=kelurahan"].map(str::to_owned);
        let fitted = fit(read(file.path(), &columns).expect("a readable file"), &directory());
        assert_eq!(fitted.rows.len(), 2, "the row without a text is left out");
        let (key, row) = &fitted.rows[0];
        assert_eq!((key.as_str(), row.agency.as_str(), row.category.as_str(), row.area.as_str()), ("7", "dbm", "road", "3171090001"));
        assert_eq!(row.opened_at.to_string(), "2024-05-01T10:00:00Z");
        let (_, row) = &fitted.rows[1];
        assert_eq!((row.agency.as_str(), row.area.as_str()), ("", ""), "an unknown agency, and a name that two areas bear");
        let summary = fitted.summary().join("\n");
        for said in ["text from `isi`", "Dinas Lain", "1 rows have no text", "2 rows have no time"] {
            assert!(summary.contains(said), "{said}: {summary}");
        }
    }

    #[test]
    fn a_table_with_semicolons_is_read_too_and_rows_without_a_decision_are_left_out() {
        let file = file("at;text;agency;category\n2024-05-01;lubang, besar;dbm;ROAD\n2024-05-02;halo;;\n");
        let fitted = fit(read(file.path(), &[]).expect("a readable file"), &directory());
        let [(_, row)] = fitted.rows.as_slice() else { panic!("{} rows", fitted.rows.len()) };
        assert_eq!((row.text.as_str(), row.agency.as_str(), row.category.as_str()), ("lubang, besar", "dbm", "road"));
        assert!(fitted.summary().iter().any(|line| line.starts_with("1 rows have no agency")), "{:?}", fitted.summary());
    }

    #[test]
    fn a_file_without_a_text_is_refused_and_says_what_it_has() {
        let file = file("nomor,isi\n1,x\n");
        let refused = read(file.path(), &[]).expect_err("no text").to_string();
        assert!(refused.contains("nomor, isi"), "{refused}");
        let refused = read(file.path(), &["text=laporan".to_owned()]).expect_err("no such column").to_string();
        assert!(refused.contains("laporan"), "{refused}");
    }
}
