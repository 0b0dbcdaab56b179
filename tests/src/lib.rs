//! The world of a test: every part real, each program as an admin runs it, Meta played by `simulator`, a folder that goes away.
//!
//! [`World::start`] brings up PostgreSQL, NATS, the three roles and the adapters on free loopback ports. When a world ends, it looks at
//! what is left: nothing parked, nothing waiting, unless the test said that it expects so.
#![expect(clippy::missing_panics_doc, reason = "a test's tools panic: that is how a test fails")]

mod browser;
pub mod cost;
mod disks;
pub mod faults;
mod gateways;
mod hostile;
mod mail;
mod process;
mod proxy;
mod smsc;

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use servers::{Durability, Nats, NatsOptions, Postgres, PostgresOptions};
use simulator::{Platform, Received};
use tempfile::TempDir;

use disks::Disks;

pub use browser::{Browser, Page, client};
pub use gateways::{GATEWAY_WORD, Gammu, Kannel};
pub use hostile::{image_bomb, text_webhook};
pub use mail::OFFICE;
pub use process::{PATIENCE, Process, built};
pub use proxy::Proxy;
pub use smsc::Smsc;

/// What seals who wrote, as the file of keys has it; no secret of anybody.
pub const VAULT: &str = "uji 6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b";
/// Signs what the played platform sends. Known to the adapter by its configuration; protects nothing.
pub const APP_SECRET: &str = "rahasia-contoh-untuk-uji";
/// The password of every account of a test.
pub const PASSWORD: &str = "sandi contoh untuk uji";

/// How a world differs from the ordinary one.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Wishes {
    /// Where the roles find NATS instead of the server itself: a proxy.
    pub bus_of_intake: Option<SocketAddr>,
    /// How much the doors' spools hold.
    pub spool_bytes: Option<u64>,
    /// Starts the form and the desk too.
    pub with_forms: bool,
    /// More lines for the citizens' form: `burst = 1000`.
    pub form: &'static str,
    /// Begins with this backup instead of an empty city.
    pub restore: Option<PathBuf>,
    /// Commits are synced to the disk, as in use: for measurements, and where PostgreSQL is killed.
    pub durable: bool,
    /// How Meta behaves.
    pub platform: simulator::Options,
    /// PostgreSQL counts what each statement takes (`pg_stat_statements`), for [`World::statements`].
    pub count_statements: bool,
    /// Two processes of each role.
    pub pairs: bool,
    /// A proxy on every wire between programs and servers: [`World::wires`].
    pub wires: bool,
    /// Three NATS servers that are one, and keep everything three times.
    pub three_servers: bool,
    /// NATS, PostgreSQL, the first door's spool and the files of citizens lie on disks of their own, which [`World::fill`] fills. As root only.
    pub small_disks: bool,
    /// How long doors keep what the bus has, instead of 30 s.
    pub keep: Option<&'static str>,
    /// More in the environment of every program of ours.
    pub environment: Vec<(String, String)>,
}

/// The wires between programs and servers, each by a proxy.
pub struct Wires {
    /// From the adapters to NATS.
    pub adapters_to_bus: Proxy,
    /// From the roles to NATS.
    pub core_to_bus: Proxy,
    /// From the roles to PostgreSQL.
    pub core_to_database: Proxy,
}

/// A whole running system.
pub struct World {
    /// Meta, played.
    pub platform: Platform,
    /// Stop it, start it.
    pub nats: Nats,
    /// The others of a cluster of three.
    pub more_nats: Vec<Nats>,
    /// Stop it, start it.
    pub postgres: Postgres,
    processes: BTreeMap<&'static str, Process>,
    ports: Ports,
    others: BTreeMap<&'static str, u16>,
    expects_leftovers: bool,
    environment: Vec<(String, String)>,
    keep: Option<&'static str>,
    wires: Option<Wires>,
    disks: Disks,
    folder: TempDir,
}

/// What a world stands on.
struct Ground {
    nats: Nats,
    more_nats: Vec<Nats>,
    postgres: Postgres,
    disks: Disks,
    folder: TempDir,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    web: u16,
    second_web: u16,
    whatsapp: u16,
    form: u16,
    desk: u16,
}

impl World {
    /// The ordinary world.
    pub async fn start() -> Self {
        Self::start_with(Wishes::default()).await
    }

    /// A world with wishes.
    pub async fn start_with(wishes: Wishes) -> Self {
        Self::around(servers_in_a_folder(&wishes), wishes).await
    }

    /// A world whose intake reaches NATS through a proxy.
    pub async fn start_with_a_proxy_before_intake() -> (Self, Proxy) {
        let ground = servers_in_a_folder(&Wishes::default());
        let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, ground.nats.port()))).await;
        let wishes = Wishes { bus_of_intake: Some(proxy.address), ..Wishes::default() };
        (Self::around(ground, wishes).await, proxy)
    }

    async fn around(ground: Ground, wishes: Wishes) -> Self {
        let Ground { nats, more_nats, postgres, disks, folder } = ground;
        let platform = Platform::start_with(wishes.platform.clone()).await.expect("a free port");
        let port = || servers::free_port().expect("a free port");
        let ports = Ports { web: port(), second_web: port(), whatsapp: port(), form: port(), desk: port() };
        let mut world = Self {
            platform,
            nats,
            more_nats,
            postgres,
            processes: BTreeMap::new(),
            ports,
            others: BTreeMap::new(),
            expects_leftovers: false,
            environment: wishes.environment.clone(),
            keep: wishes.keep,
            wires: None,
            disks,
            folder,
        };
        if wishes.wires {
            world.lay_wires().await;
        }
        world.write_settings(&wishes);
        match &wishes.restore {
            Some(backup) => _ = world.muara(&["restore", &backup.display().to_string()]),
            None => world.seed(),
        }
        world.run_core(&wishes);
        world.run_adapters(&wishes);
        world.ready(&wishes).await;
        world.platform.subscribe(&world.webhook(), APP_SECRET);
        world
    }

    async fn lay_wires(&mut self) {
        let nats = SocketAddr::from((Ipv4Addr::LOCALHOST, self.nats.port()));
        let folder = self.folder.path().join("wire");
        fs::create_dir(&folder).expect("the folder is ours");
        let socket = ".s.PGSQL.5432";
        self.wires = Some(Wires {
            adapters_to_bus: Proxy::start(nats).await,
            core_to_bus: Proxy::start(nats).await,
            core_to_database: Proxy::start_before_socket(&folder.join(socket), self.postgres.socket_folder().join(socket)),
        });
    }

    /// Every server of the bus.
    fn bus_url(&self) -> String {
        let more = self.more_nats.iter().map(Nats::url);
        std::iter::once(self.nats.url()).chain(more).collect::<Vec<_>>().join(",")
    }

    /// Where adapters find the bus.
    pub(crate) fn bus_of_adapters(&self) -> String {
        self.wires.as_ref().map_or_else(|| self.bus_url(), |wires| format!("nats://{}", wires.adapters_to_bus.address))
    }

    /// Where the database is, past every proxy.
    pub fn database(&self) -> String {
        self.postgres.url("muara")
    }

    fn write_settings(&self, wishes: &Wishes) {
        let (bus, database) = (self.bus_url(), self.database());
        let bus_of_roles = self.wires.as_ref().map_or_else(|| bus.clone(), |wires| format!("nats://{}", wires.core_to_bus.address));
        let intake_bus = wishes.bus_of_intake.map_or(bus_of_roles.clone(), |proxy| format!("nats://{proxy}"));
        let wire = self.folder.path().join("wire");
        let wired = if wishes.wires { format!("postgres://muara@localhost/muara?host={}", wire.display()) } else { database.clone() };
        let replicas = if wishes.three_servers { 3 } else { 1 };
        let Ports { web, second_web, .. } = self.ports;
        // Commands of an admin go past the proxies.
        for (name, bus, database, port) in [
            ("muara", &bus, &database, web),
            ("roles", &bus_of_roles, &wired, web),
            ("intake", &intake_bus, &wired, web),
            ("web2", &bus_of_roles, &wired, second_web),
        ] {
            self.write(
                &format!("{name}.toml"),
                &format!(
                    "[site]\nname = \"Kota Uji\"\nbase_url = \"{web}\"\n[data]\nfolder = \"{data}\"\n[storage]\nfolder = \"{data}/files\"\n\
                     [database]\nprivate = false\nurl = \"{database}\"\n[bus]\nprivate = false\nurl = \"{bus}\"\nreplicas = {replicas}\n\
                     [web]\nlisten = \"127.0.0.1:{port}\"\ndesk_url = \"{desk}\"\nform_url = \"{form}\"\n\
                     [vault]\nkeys = \"{VAULT}\"\n",
                    web = self.url(),
                    data = self.folder.path().display(),
                    desk = self.desk(),
                    form = self.form(),
                ),
            );
        }
        let spool = wishes.spool_bytes.unwrap_or(64 << 20);
        // What the bus has is kept for a while; a spool that must run full in a test forgets sooner.
        let keep = wishes.keep.unwrap_or(if wishes.spool_bytes.is_some() { "1s" } else { "30s" });
        let nats = self.bus_of_adapters();
        let platform = &self.platform.url;
        let door = |name: &str, port: u16, adapter: &str| {
            let folder = self.folder.path().join(format!("spool-{name}"));
            let text = format!(
                "[bus]\nurl = \"{nats}\"\n[door]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\n\
                 [spool]\nfolder = \"{}\"\nmax_bytes = {spool}\nkeep = \"{keep}\"\n[adapter]\n{adapter}",
                folder.display()
            );
            self.write(&format!("{name}.toml"), &text);
        };
        let account = "[[adapter.accounts]]\nphone_number_id = \"100000000000001\"\naccess_token = \"simulator-token\"\nlabel = \"WA\"\n";
        // No pauses of Meta's: the played platform takes what comes.
        let whatsapp = format!(
            "app_secret = \"{APP_SECRET}\"\nverify_token = \"uji\"\ngraph_url = \"{platform}\"\npair_pause = 0\nthroughput = 100000\n{account}{TEMPLATES}"
        );
        door("whatsapp", self.ports.whatsapp, &whatsapp);
        door("form", self.ports.form, wishes.form);
        // The core is on loopback here, which only what the configuration names may be.
        door("desk", self.ports.desk, &format!("queue = true\ncore_url = \"{}\"\n", self.url()));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("the folder is ours");
    }

    fn seed(&self) {
        self.muara(&["migrate"]);
        let city = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/directory/jakarta");
        self.muara(&["seed", &city.display().to_string()]);
        self.write("password", PASSWORD);
        for (login, role, of) in [
            ("jalan1", "officer", "--agency=dbm"),
            ("jalan2", "supervisor", "--agency=dbm"),
            ("taman1", "officer", "--agency=distamhut"),
            ("triase1", "triage", ""),
            ("admin1", "admin", ""),
        ] {
            let mut arguments = vec!["staff", "add", login, "--name", login, "--role", role, "--password-file", "password"];
            arguments.extend((!of.is_empty()).then_some(of));
            self.muara(&arguments);
        }
    }

    fn run_core(&mut self, wishes: &Wishes) {
        let one = [("web", "roles.toml", "web"), ("intake", "intake.toml", "intake"), ("dispatch", "roles.toml", "dispatch")];
        let other = [("web2", "web2.toml", "web"), ("intake2", "intake.toml", "intake"), ("dispatch2", "roles.toml", "dispatch")];
        for (name, settings, role) in one.into_iter().chain(other.into_iter().filter(|_| wishes.pairs)) {
            self.run(name, "muara", &["--config", settings, role]);
        }
    }

    fn run(&mut self, name: &'static str, program: &'static str, arguments: &[&str]) {
        let process = Process::start_in(name, program, arguments, self.folder.path(), self.environment.clone());
        self.processes.insert(name, process);
    }

    /// Runs the roles in one process instead, as on a small machine: `muara all`.
    pub async fn in_one_process(&mut self) {
        for role in ["web", "intake", "dispatch"] {
            self.process(role).stop();
            self.processes.remove(role);
        }
        self.run("all", "muara", &["--config", "muara.toml", "all"]);
        self.ready(&Wishes::default()).await;
    }

    fn run_adapters(&mut self, wishes: &Wishes) {
        self.run_adapter("whatsapp", "adapter-whatsapp");
        if wishes.with_forms {
            self.run_adapter("form", "adapter-web");
            self.run_adapter("desk", "adapter-desk");
        }
    }

    fn run_adapter(&mut self, name: &'static str, program: &'static str) {
        let settings = format!("{name}.toml");
        self.run(name, program, &["run", "--config", &settings]);
    }

    /// Starts another adapter with this table `[adapter]`, on a free port, and waits until its door is open.
    pub async fn add_adapter(&mut self, name: &'static str, program: &'static str, adapter: &str) {
        self.add_adapter_with(name, program, "", adapter).await;
    }

    /// The same with more lines of the table `[door]`.
    pub async fn add_adapter_with(&mut self, name: &'static str, program: &'static str, door: &str, adapter: &str) {
        let port = servers::free_port().expect("a free port");
        let folder = self.folder.path().join(format!("spool-{name}"));
        let (bus, folder) = (self.bus_of_adapters(), folder.display());
        let keep = self.keep.map(|keep| format!("keep = \"{keep}\"\n")).unwrap_or_default();
        let door = format!("[door]\nlisten = \"127.0.0.1:{port}\"\n{door}[spool]\nfolder = \"{folder}\"\n{keep}");
        self.write(&format!("{name}.toml"), &format!("[bus]\nurl = \"{bus}\"\n{door}[adapter]\n{adapter}"));
        self.run_adapter(name, program);
        let health = format!("http://127.0.0.1:{port}/health");
        eventually(&format!("{health} answers"), || async { get_status(&health).await == Some(200) }).await;
    }

    async fn ready(&self, wishes: &Wishes) {
        let mut doors = vec![self.url(), self.door()];
        if wishes.with_forms {
            doors.extend([self.form(), self.desk()]);
        }
        for door in doors {
            let health = format!("{door}/health");
            eventually(&format!("{health} answers"), || async { get_status(&health).await == Some(200) }).await;
        }
    }

    /// Starts one more adapter, whose door is at this port, with this `[adapter]` table, and waits until it is open.
    pub async fn start_adapter(&mut self, name: &'static str, program: &'static str, port: u16, table: &str) {
        let spool = self.folder.path().join(format!("spool-{name}"));
        let head = format!(
            "[bus]\nurl = \"{}\"\n[door]\nlisten = \"127.0.0.1:{port}\"\n[spool]\nfolder = \"{}\"\n{}[adapter]\n",
            self.bus_of_adapters(),
            spool.display(),
            self.keep.map(|keep| format!("keep = \"{keep}\"\n")).unwrap_or_default(),
        );
        self.write(&format!("{name}.toml"), &format!("{head}{table}"));
        self.run_adapter(name, program);
        self.others.insert(name, port);
        let health = format!("{}/health", self.adapter_url(name));
        eventually(&format!("{health} answers"), || async { get_status(&health).await == Some(200) }).await;
    }

    /// Where an adapter that was started by [`Self::start_adapter`] listens.
    pub fn adapter_url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}", self.others.get(name).unwrap_or_else(|| panic!("no adapter {name}")))
    }

    /// Runs one of the admin's commands, as an admin would, and returns what it said. Panics if it fails.
    pub fn muara(&self, arguments: &[&str]) -> String {
        let (done, said) = self.asked(arguments);
        assert!(done, "muara {arguments:?}: {said}");
        said
    }

    /// Runs a command that must be refused; what it says.
    pub fn muara_refuses(&self, arguments: &[&str]) -> String {
        let (done, said) = self.asked(arguments);
        assert!(!done, "muara {arguments:?}: {said}");
        said
    }

    fn asked(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(process::built("muara"));
        command.current_dir(self.folder.path()).args(["--config", "muara.toml"]).args(arguments);
        let output = command.output().expect("muara starts");
        let said = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// One program of this world.
    pub fn process(&mut self, name: &str) -> &mut Process {
        self.processes.get_mut(name).unwrap_or_else(|| panic!("no process {name}"))
    }

    /// The wires; panics where none were wished for.
    pub fn wires(&self) -> &Wires {
        self.wires.as_ref().expect("this world has wires")
    }

    /// Fills the disk of `nats`, `postgres`, `spool-whatsapp` or `files` until nothing more fits.
    pub fn fill(&self, name: &str) {
        self.disks.fill(&self.folder.path().join(name));
    }

    /// Takes away what [`World::fill`] put there.
    pub fn empty(&self, name: &str) {
        self.disks.empty(&self.folder.path().join(name));
    }

    /// Starts what ended by itself, as the system does with a service, and says which.
    pub fn revive(&mut self) -> Vec<&'static str> {
        let ended: Vec<&'static str> =
            self.processes.iter_mut().filter_map(|(name, process)| process.ended_by_itself().then_some(*name)).collect();
        for name in &ended {
            self.process(name).resume();
        }
        ended
    }

    /// What a program said so far.
    pub fn log(&self, name: &str) -> String {
        self.processes.get(name).unwrap_or_else(|| panic!("no process {name}")).log()
    }

    /// The names of the programs.
    pub fn process_names(&self) -> Vec<&'static str> {
        self.processes.keys().copied().collect()
    }

    /// Where the citizens' pages are.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.web)
    }

    /// Where the WhatsApp adapter listens.
    pub fn door(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.whatsapp)
    }

    /// Where Meta posts.
    pub fn webhook(&self) -> String {
        format!("{}/webhook", self.door())
    }

    /// Where the citizens' form is.
    pub fn form(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.form)
    }

    /// Where the desk is.
    pub fn desk(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.desk)
    }

    /// The folder with everything of this world.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A browser of somebody who is signed in.
    pub async fn signed_in(&self, login: &str) -> Browser {
        let mut browser = Browser::new(&self.url());
        browser.get("/masuk").await;
        let page = browser.post("/masuk", &[("login", login), ("password", PASSWORD)]).await;
        assert!(page.status < 400, "{login} cannot sign in: {} {}", page.status, page.text);
        browser
    }

    /// Asks the database one number. Tests look where pages have no figure; the product's own SQL is in `store` alone.
    pub fn count(&self, what: &str) -> u64 {
        let number = self.ask(what);
        number.parse().unwrap_or_else(|_| panic!("{what}: {number}"))
    }

    /// Asks the database one value, as text.
    pub fn ask(&self, what: &str) -> String {
        let mut psql = Command::new(psql());
        psql.args(["-X", "-At", "-d", &self.postgres.url("muara"), "-c", what]);
        let output = psql.output().expect("psql is there");
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The agency's date for this complaint passed a minute ago, and the complaint is no longer so new that its clocks are left alone.
    pub fn missed(&self, complaint: &str) {
        self.ask(&format!("update dispatch set deadline = now() - interval '1 minute' where complaint = '{complaint}'"));
        self.ask(&format!(
            "update queue_open set look_at = null, opened_at = opened_at - interval '11 minutes' where complaint = '{complaint}'"
        ));
    }

    /// What PostgreSQL's time went to since the last call, the dearest first: milliseconds, calls, and the statement.
    /// Statements that others ran on their way (triggers, functions) are counted in both. Needs [`Wishes::count_statements`].
    pub fn statements(&self) -> String {
        let dearest = "select string_agg(line, E'\\n' order by total desc) from (
             select total_exec_time as total, format('%9s ms %9s  %s %s', round(total_exec_time), calls,
               case when toplevel then ' ' else '+' end, left(regexp_replace(query, '\\s+', ' ', 'g'), 140)) as line
             from pg_stat_statements
             order by total_exec_time desc
             limit 40
           ) as dearest";
        let said = self.ask(dearest);
        self.ask("select pg_stat_statements_reset()");
        said
    }

    /// How many complaints are recorded.
    pub fn complaints(&self) -> u64 {
        self.count("select count(*) from complaint")
    }

    /// Waits until so many complaints are recorded; panics if there are ever more.
    pub async fn complaints_become(&self, expected: u64) {
        eventually(&format!("{expected} complaints"), || async {
            let now = self.complaints();
            assert!(now <= expected, "{now} complaints instead of {expected}");
            now == expected
        })
        .await;
    }

    /// Waits until the citizen has a message that holds all of these words.
    pub async fn hears(&self, phone: &str, words: &[&str]) -> Received {
        let fits = |message: &Received| words.iter().all(|word| message.text.contains(word));
        match self.platform.wait_for(phone, fits).await {
            Some(message) => message,
            None => panic!("{phone} never heard {words:?}, only {:#?}", self.platform.received(phone)),
        }
    }

    /// What went to people instead of on its road stays: the test expects it.
    pub fn expect_leftovers(&mut self) {
        self.expects_leftovers = true;
    }

    /// Waits until nothing is on its way any more, and looks that nothing was left behind.
    pub async fn settled(&self) {
        eventually("nothing is due", || async {
            let due = "select (select count(*) from reply where state = 'due') + (select count(*) from dispatch where state = 'due') \
                       + (select count(*) from attachment where state = 'due')";
            self.platform.waiting() == 0 && self.count(due) == 0
        })
        .await;
        if !self.expects_leftovers {
            let parked = self.muara(&["parked", "list"]);
            assert!(parked.contains("0 shown of 0 parked"), "something was parked: {parked}");
        }
    }
}

/// The templates a city would have approved: outside 24 hours only these get through.
const TEMPLATES: &str = "[adapter.templates.resolved]\nname = \"laporan_selesai\"\nlanguages = [\"id\"]\nparams = [\"reference\", \"agency\", \"link\"]\n\
     [adapter.templates.entrusted]\nname = \"permintaan_bantuan\"\nlanguages = [\"id\"]\nparams = [\"name\", \"agency\", \"deadline\", \"link\"]\n\
     [adapter.templates.escalated]\nname = \"batas_waktu_laporan\"\nlanguages = [\"id\"]\nparams = [\"reference\", \"stage\", \"deadline\", \"link\"]\n";

fn servers_in_a_folder(wishes: &Wishes) -> Ground {
    let folder = tempfile::Builder::new().prefix("muara-").tempdir().expect("a folder");
    open_to_the_database(folder.path());
    let mut disks = Disks::default();
    if wishes.small_disks {
        for (name, mebibytes) in [("nats", 256), ("postgres", 1024), ("spool-whatsapp", 64), ("files", 64)] {
            disks.mount(&folder.path().join(name), mebibytes);
        }
    }
    let durability = if wishes.durable { Durability::Durable } else { Durability::Throwaway };
    let counting = [("shared_preload_libraries", "pg_stat_statements"), ("pg_stat_statements.track", "all")];
    let settings = counting.iter().filter(|_| wishes.count_statements).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = PostgresOptions { durability, settings: settings.collect(), ..PostgresOptions::default() };
    let postgres = Postgres::start_with(&folder.path().join("postgres"), &options).expect("PostgreSQL starts");
    postgres.create_database("muara").expect("a database");
    if wishes.count_statements {
        postgres.execute("muara", "create extension pg_stat_statements").expect("PostgreSQL counts statements");
    }
    let (nats, more_nats) = if wishes.three_servers {
        let mut three = cluster(folder.path()).into_iter();
        (three.next().expect("the first of three"), three.collect())
    } else {
        // More than a small disk holds may be promised: what happens when it is full is what is looked at.
        let options = NatsOptions { room: wishes.small_disks.then_some(1 << 40), ..NatsOptions::default() };
        (Nats::start(&folder.path().join("nats"), options).expect("NATS starts"), Vec::new())
    };
    Ground { nats, more_nats, postgres, disks, folder }
}

/// Three servers that are one.
fn cluster(folder: &Path) -> Vec<Nats> {
    let ports: Vec<u16> = (0..3).map(|_| servers::free_port().expect("a free port")).collect();
    let routes = ports.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect::<Vec<_>>().join(", ");
    let start = |(number, port): (usize, &u16)| {
        let config = format!("cluster {{ name: kota, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}\n");
        // What three copies may promise to keep: more than a small disk holds, which is no matter here.
        let options = NatsOptions { config, room: Some(1 << 40), ..NatsOptions::default() };
        Nats::start(&folder.join(format!("nats-{number}")), options).expect("NATS starts")
    };
    ports.iter().enumerate().map(start).collect()
}

/// As root, PostgreSQL runs as another user, who must get to its folder.
fn open_to_the_database(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
}

async fn get_status(url: &str) -> Option<u16> {
    client().get(url).send().await.ok().map(|response| response.status().as_u16())
}

/// Asks again and again until the answer is yes; panics after [`PATIENCE`].
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut yes: impl FnMut() -> F) {
    let since = Instant::now();
    while !yes().await {
        assert!(since.elapsed() < PATIENCE, "{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The program itself where it is: what Debian puts first in the path is a script before it, ten times as dear.
fn psql() -> &'static Path {
    static PSQL: OnceLock<PathBuf> = OnceLock::new();
    PSQL.get_or_init(|| {
        let beside = servers::postgres_programs().ok().map(|folder| folder.join("psql"));
        beside.filter(|psql| psql.is_file()).unwrap_or_else(|| PathBuf::from("psql"))
    })
}
