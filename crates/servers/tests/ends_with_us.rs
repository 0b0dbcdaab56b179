//! However a process of ours ends, its servers end too.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use servers::testing;

/// Told to the copy of this test that is going to be killed.
const VICTIM: &str = "MUARA_TEST_VICTIM";

#[tokio::test]
async fn kill_9_leaves_no_server_and_no_folder_behind() {
    if env::var_os(VICTIM).is_some() {
        return start_servers_and_wait().await;
    }
    let mut victim = Command::new(env::current_exe().expect("a test has a file"))
        .args(["--exact", "--nocapture", "kill_9_leaves_no_server_and_no_folder_behind"])
        .env(VICTIM, "1")
        .env_remove("MUARA_TEST_POSTGRES")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let started: Vec<PathBuf> = lines.filter_map(|line| line.strip_prefix("started ").map(PathBuf::from)).take(4).collect();
    assert_eq!(started.len(), 4, "the servers did not start");
    assert!(started.iter().all(|path| path.exists()), "{started:?}");
    victim.kill().unwrap();
    victim.wait().unwrap();
    // The processes, as folders of /proc, and the folders of both.
    for gone in &started {
        assert!(
            (0..600).any(|_| !alive(gone) || {
                thread::sleep(Duration::from_millis(50));
                false
            }),
            "{} is still there",
            gone.display()
        );
    }
}

/// A process that has ended and that nobody has waited for yet still has its folder.
fn alive(path: &Path) -> bool {
    path.exists() && !fs::read_to_string(path.join("stat")).is_ok_and(|stat| stat.contains(") Z "))
}

async fn start_servers_and_wait() {
    let _database = testing::empty_database().await;
    let nats = testing::nats();
    let socket = testing::socket_folder().expect("the server runs");
    let folder = socket.parent().expect("the socket lies in the server's folder");
    let postmaster = fs::read_to_string(folder.join("cluster/postmaster.pid")).expect("it says its number");
    let postmaster = postmaster.lines().next().expect("in the first line");
    let mut out = std::io::stdout();
    writeln!(out, "\nstarted {}\nstarted /proc/{postmaster}\nstarted /proc/{}", folder.display(), nats.process().expect("it runs"))
        .expect("somebody listens");
    writeln!(out, "started {}", nats.folder().display()).expect("somebody listens");
    // Until the end.
    let _ = std::io::stdin().read_line(&mut String::new());
}
