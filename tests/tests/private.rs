//! `muara all` on one machine: its private bus lets in who has a key, its commands say how it goes, its figures are shown.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use bus::{Bus, BusConfig};
use serde_json::Value;
use tests::{Process, client, eventually};

struct House {
    muara: Process,
    folder: tempfile::TempDir,
    nats: u16,
    figures: u16,
    whatsapp: u16,
}

impl House {
    async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("muara-").tempdir().expect("a folder");
        // As root, PostgreSQL runs as another user, who must get to its folder.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        let port = || servers::free_port().expect("a free port");
        let (web, nats, figures, whatsapp) = (port(), port(), port(), port());
        let city = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/directory/jakarta");
        let settings = format!(
            "[site]\nbase_url = \"http://127.0.0.1:{web}\"\n[data]\nfolder = \"{}\"\nseed = \"{}\"\n[bus]\nport = {nats}\n\
             [web]\nlisten = \"127.0.0.1:{web}\"\n[metrics]\nlisten = \"127.0.0.1:{figures}\"\n",
            folder.path().display(),
            city.display()
        );
        fs::write(folder.path().join("muara.toml"), settings).expect("the folder is ours");
        let muara = Process::start("muara", "muara", &["--config", "muara.toml", "all"], folder.path());
        let house = Self { muara, folder, nats, figures, whatsapp };
        eventually("the pages answer", || answers(format!("http://127.0.0.1:{web}/health"))).await;
        house
    }

    fn muara(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(tests::built("muara"));
        command.current_dir(self.folder.path()).args(["--config", "muara.toml"]).args(arguments);
        let output = command.output().expect("muara starts");
        assert!(output.status.success(), "muara {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The WhatsApp adapter with the key that `muara all` has made for it.
    fn whatsapp(&self) -> Process {
        let folder = self.folder.path();
        let settings = format!(
            "[bus]\nurl = \"nats://127.0.0.1:{}\"\nkey_file = \"{}\"\n[door]\nlisten = \"127.0.0.1:{}\"\n[spool]\nfolder = \"{}\"\n\
             [adapter]\napp_secret = \"{}\"\nverify_token = \"uji\"\n\
             [[adapter.accounts]]\nphone_number_id = \"100000000000001\"\naccess_token = \"uji\"\nlabel = \"WA\"\n",
            self.nats,
            folder.join("nats-keys/adapter-whatsapp.nk").display(),
            self.whatsapp,
            folder.join("spool").display(),
            tests::APP_SECRET,
        );
        fs::write(folder.join("whatsapp.toml"), settings).expect("the folder is ours");
        Process::start("whatsapp", "adapter-whatsapp", &["run", "--config", "whatsapp.toml"], folder)
    }

    fn channels(&self) -> Value {
        serde_json::from_str(&self.muara(&["channel", "list", "--json"])).expect("JSON")
    }
}

async fn answers(url: String) -> bool {
    client().get(url).send().await.is_ok_and(|answer| answer.status().is_success())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_machine_lets_in_who_has_a_key_and_says_how_it_goes() {
    let mut house = House::start().await;
    let mut greeting = String::new();
    let stream = TcpStream::connect(("127.0.0.1", house.nats)).expect("the server listens");
    BufReader::new(stream).read_line(&mut greeting).expect("it greets");
    assert!(greeting.contains("\"auth_required\":true"), "anybody on this machine may read everything: {greeting}");

    // Before its program runs: never heard, and no alarm.
    let before = house.channels();
    let whatsapp = |said: &Value| {
        let channels = said["channels"].as_array().expect("a list").clone();
        channels.into_iter().find(|one| one["adapter"] == "whatsapp").expect("the directory has it")
    };
    assert_eq!((&before["bus"], &whatsapp(&before)["alive"]), (&Value::Bool(true), &Value::Bool(false)));
    let mut adapter = house.whatsapp();
    eventually("the adapter is heard", || async { whatsapp(&house.channels())["alive"] == true }).await;
    let table = house.muara(&["channel", "list"]);
    assert!(table.lines().any(|line| line.contains("whatsapp") && line.contains("alive")), "{table}");

    // A program more, while everything runs.
    let said = house.muara(&["channel", "add", "sms", "--account", "1708", "--label", "SMS 1708"]);
    for part in ["Added SMS 1708", "adapter-sms.nk", "\"raw.sms\"", "The private NATS server knows it now."] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let seed = fs::read_to_string(house.folder.path().join("nats-keys/adapter-sms.nk")).expect("the seed is there");
    let (url, user) = (format!("nats://127.0.0.1:{}", house.nats), "adapter-sms".to_owned());
    let config = BusConfig { url, user: Some(user.clone()), password: None, key: Some(seed.into()), name: user, replicas: 1 };
    let sms = tokio::time::timeout(tests::PATIENCE, Bus::connect(&config)).await.expect("it is let in").expect("it is let in");
    assert!(sms.parked(None, 1).await.is_err(), "it may not read what is parked");

    let paused = house.muara(&["channel", "pause", "whatsapp", "--reason", "uji"]);
    assert!(paused.contains("its answers wait, what comes in is taken"), "{paused}");
    assert_eq!(whatsapp(&house.channels())["paused"]["reason"], "uji");
    house.muara(&["channel", "resume", "whatsapp"]);
    assert_eq!(whatsapp(&house.channels())["paused"], Value::Null);

    let figures = format!("http://127.0.0.1:{}/metrics", house.figures);
    eventually("the figures tell of the adapter", || async {
        let Ok(answer) = client().get(&figures).send().await else { return false };
        let text = answer.text().await.unwrap_or_default();
        ["muara_adapter_alive{adapter=\"whatsapp\"} 1", "muara_bus_answers 1", "muara_parked 0", "muara_complaints_unrouted 0"]
            .iter()
            .all(|line| text.contains(line))
    })
    .await;
    adapter.stop();
    house.muara.stop();
}
