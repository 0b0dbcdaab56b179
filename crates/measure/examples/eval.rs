use std::path::PathBuf;
fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let task = match args.next().as_deref() {
        Some("agency") => measure::Task::Agency,
        Some("topic") => measure::Task::Topic,
        Some("kind") => measure::Task::Kind,
        Some("kelurahan") => measure::Task::Kelurahan,
        Some("places") => measure::Task::Places,
        Some("dedupe") => measure::Task::Dedupe,
        _ => measure::Task::Generality,
    };
    let files = measure::Files { data: "/work/shared/data".into(), train: None, test: None };
    let answers: Option<PathBuf> = args.next().map(Into::into);
    measure::run(task, &files, &mut measure::Report::new(Box::new(std::io::stdout()), answers.as_deref()))
}
