//! The whole road on a small made-up collection: files in, figures and answers out.

use std::{
    fs,
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
};

use measure::{Files, Report, Task};

/// What was printed.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn measured(task: Task, folder: &Path, train: Option<&str>, test: Option<&str>) -> String {
    let paper = Paper::default();
    let files = Files { data: folder.to_owned(), train: train.map(|name| folder.join(name)), test: test.map(|name| folder.join(name)) };
    let mut report = Report::new(Box::new(paper.clone()), Some(&folder.join("answers")));
    measure::run(task, &files, &mut report).expect("the files are as they should be");
    String::from_utf8(paper.0.lock().expect("nobody panicked").clone()).expect("text")
}

const HEADER: &str = "id,created_at,text,address,kelurahan_id,kelurahan,kecamatan_id,kecamatan,topic,agency\n";

/// Complaints about three matters in three streets, in the order of time.
fn complaints(from: usize, count: usize) -> String {
    let matters = [
        ("lampu jalan padam gelap sekali", "Lampu", "Dinas Perhubungan"),
        ("sampah menumpuk bau belum diangkut", "Sampah", "Dinas Lingkungan"),
        ("jalan berlubang aspal rusak parah", "Jalan", "Dinas Bina Marga"),
    ];
    let row = |number: usize| {
        let (text, topic, agency) = matters[number % 3];
        let street = ["Melati", "Kenanga", "Cempaka"][number / 3 % 3];
        let day = number / 10;
        format!(
            "{number},2022-{:02}-{:02} 08:00:00,\"{text}, catatan {number} kata{}\",Jl {street} no {number},{},x,1,y,{topic},{agency}\n",
            1 + day / 28,
            1 + day % 28,
            number * 7,
            number / 3 % 3
        )
    };
    HEADER.to_owned() + &(from..from + count).map(row).collect::<String>()
}

#[test]
fn agencies_are_learned_from_one_file_and_asked_of_the_other() {
    let folder = tempfile::tempdir().expect("a place for files");
    fs::write(folder.path().join("train.csv"), complaints(0, 240)).expect("room");
    fs::write(folder.path().join("test.csv"), complaints(240, 30)).expect("room");
    let said = measured(Task::Agency, folder.path(), Some("train.csv"), Some("test.csv"));
    assert!(said.contains("agency: 30 rows asked") && said.contains("agency top-1") && said.contains("1.000 ["), "{said}");
    let answers = fs::read_to_string(folder.path().join("answers/agency.csv")).expect("was written");
    assert_eq!(answers.lines().count(), 31, "a header and a line for every row that was asked");
    assert!(answers.starts_with("id,fold,truth,first,p1"), "{answers}");
}

#[test]
fn pairs_are_told_with_reasons_and_the_earlier_one_is_found() {
    let folder = tempfile::tempdir().expect("a place for files");
    let mut documents = HEADER.to_owned();
    let mut pairs = "pair_id,a_id,b_id,label,confidence,stratum,difficulty\n".to_owned();
    for number in 0..40 {
        let (one, other) = (2 * number, 2 * number + 1);
        let same = number % 2 == 0;
        let gang = if same { number } else { number + 1 };
        documents.extend([
            format!("{one},2022-03-01 08:00:00,lampu padam gelap warga {number} resah,Jl Melati gang {number} no 3,1,x,1,y,t,a\n"),
            format!("{other},2022-03-01 11:00:00,pju mati di gang warga {number} takut,melati gg {gang},1,x,1,y,t,a\n"),
        ]);
        pairs.extend([format!("P{number},{one},{other},{},high,S1,rewritten\n", if same { "same" } else { "different" })]);
    }
    fs::write(folder.path().join("docs_small.csv"), documents).expect("room");
    fs::write(folder.path().join("pairs.csv"), pairs).expect("room");
    let said = measured(Task::Dedupe, folder.path(), Some("pairs.csv"), None);
    assert!(said.contains("40 pairs, 40 of high confidence and not by rule"), "{said}");
    assert!(said.contains("dedupe among documents within the first 5"), "{said}");
    let answers = fs::read_to_string(folder.path().join("answers/dedupe-order-1.csv")).expect("was written");
    assert_eq!(answers.lines().count(), 41);
    assert!(answers.lines().next().is_some_and(|header| header.contains(",gang,house,")), "the figures are the reasons");
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().expect("a place for files");
    let files = Files { data: folder.path().to_owned(), train: None, test: None };
    let mut report = Report::new(Box::new(Paper::default()), None);
    let error = measure::run(Task::Kind, &files, &mut report).expect_err("there is nothing").to_string();
    assert!(error.contains("types_dev.csv"), "{error}");
}

#[test]
fn a_real_complaint_that_would_be_held_is_counted_and_named() {
    let folder = tempfile::tempdir().expect("a place for files");
    let write = |name: &str, texts: &[&str]| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("room");
        let rows: Vec<String> = texts.iter().enumerate().map(|(id, text)| format!("{id},\"{text}\"\n")).collect();
        fs::write(file, format!("id,text\n{}", rows.concat())).expect("room");
    };
    write("surabaya-wargaku-2022-2023/complaints_dev.csv", &["lampu jalan padam", "slot gacor maxwin bonus new member", "pohon tumbang"]);
    write("surabaya-sapawarga-2015-2017/messages.csv", &["jalan rusak"]);
    write("purbalingga-aduan/dataset_cleaned_redacted.csv", &["sampah menumpuk"]);
    let said = measured(Task::Held, folder.path(), None, None);
    assert!(said.contains("1 of 3 texts of wargaku held") && said.contains("0 of 1 texts of sapawarga held"), "{said}");
    let answers = fs::read_to_string(folder.path().join("answers/held.csv")).expect("was written");
    assert!(answers.contains("wargaku,1,") && answers.contains("advert +60"), "{answers}");
}

/// With the collection in `MUARA_DATA`; without it nothing is measured.
#[test]
fn of_real_complaints_fewer_than_one_in_a_thousand_are_held() {
    let Some(data) = std::env::var_os("MUARA_DATA") else {
        eprintln!("SKIPPED: MUARA_DATA names no folder with the collections of complaints");
        return;
    };
    let paper = Paper::default();
    let files = Files { data: data.into(), train: None, test: None };
    measure::run(Task::Held, &files, &mut Report::new(Box::new(paper.clone()), None)).expect("the collection is whole");
    let said = String::from_utf8(paper.0.lock().expect("nobody panicked").clone()).expect("text");
    println!("{said}");
    for source in ["wargaku", "sapawarga", "purbalingga"] {
        let line = said.lines().find(|line| line.ends_with(&format!("texts of {source} held"))).expect("a line");
        let counts: Vec<usize> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        assert!(counts[0] * 1000 < counts[1], "{line}");
    }
}
