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
