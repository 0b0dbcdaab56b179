"""Muara, its release build: every program as an admin runs it, its own PostgreSQL and nats-server, a mailbox, and the played platform."""

import os
import shutil
import time
import urllib.request
from pathlib import Path

from complaints import OFFICE, SECRET
from mailbox import PASSWORD, Mailbox, Sink
from parts import Postgres, Program, System, answers, folder, free_port, run, wait

ROOT = Path(__file__).parents[2]
BUILT = Path(os.environ.get("COMPARE_MUARA", ROOT / "target/release"))
TOOLS = Path(os.environ.get("COMPARE_NATS", Path.home() / ".cache/muara/tools/nats-server"))
# What seals who wrote; no secret of anybody.
VAULT = "banding " + "6b" * 32
# As `crates/servers/src/nats.rs` writes it.
NATS = 'listen: "127.0.0.1:{port}"\nserver_name: "compare"\nmax_payload: 1MB\njetstream {{ store_dir: "{folder}", sync_interval: 10s }}\n'
CORE = """[site]
name = "Kota Uji"
base_url = "http://127.0.0.1:{web}"
[data]
folder = "{folder}"
[storage]
folder = "{folder}/files"
[database]
private = false
url = "postgres://muara@localhost/muara?host={socket}"
[bus]
private = false
url = "nats://127.0.0.1:{nats}"
[web]
listen = "127.0.0.1:{web}"
[vault]
keys = "{vault}"
"""
DOOR = '[bus]\nurl = "nats://127.0.0.1:{nats}"\n[door]\nlisten = "127.0.0.1:{port}"\n[spool]\nfolder = "{folder}/spool-{name}"\nmax_bytes = 2147483648\n'
WHATSAPP = """[adapter]
app_secret = "{secret}"
verify_token = "banding"
graph_url = "http://127.0.0.1:{platform}"
pair_pause = 0
throughput = 100000
[[adapter.accounts]]
phone_number_id = "100000000000001"
access_token = "contoh"
label = "WA"
"""
SERVER = 'host = "127.0.0.1"\nport = {port}\nsecurity = "none"\nuser = "' + OFFICE + '"\npassword = "' + PASSWORD + '"\n'
EMAIL = """[adapter]
reply_key = "kunci-contoh-untuk-banding-yang-panjang"
state_folder = "{folder}/state-email"
[[adapter.accounts]]
address = "{office}"
name = "Pengaduan Kota Uji"
authserv_id = "mx.kota.example.id"
[adapter.accounts.imap]
{imap}[adapter.accounts.smtp]
{smtp}"""


class Muara(System):
    name, database, table = "Muara", "muara", "complaint"

    def __init__(self):
        self.folder = folder("muara")
        self.postgres = Postgres(self.folder)
        self.postgres.create("muara")
        (self.folder / "mailbox").mkdir()
        self.mailbox, self.sink = Mailbox(self.folder / "mailbox"), Sink()
        self.programs = {}
        self.ports = {name: free_port() for name in ("nats", "web", "whatsapp", "email", "platform")}
        self._write()
        self._start("nats-server", [self._nats(), "--config", self.folder / "nats.conf"])
        wait("nats-server", lambda: "Server is ready" in (self.folder / "nats-server.log").read_text(), self.programs["nats-server"])
        self._start("platform", ["node", Path(__file__).parent / "platform.mjs", self.ports["platform"]])
        for words in (["migrate"], ["seed", ROOT / "deploy/directory/jakarta"], ["channel", "add", "email", "--account", OFFICE, "--label", "Surel resmi"]):
            run([BUILT / "muara", "--config", "muara.toml", *words], cwd=self.folder)
        for role in ("web", "intake", "dispatch"):
            self._start(role, [BUILT / "muara", "--config", "muara.toml", role])
        for name in ("whatsapp", "email"):
            self._start(name, [BUILT / f"adapter-{name}", "run", "--config", f"{name}.toml"])
        for name in ("web", "whatsapp", "email"):
            health = f"http://127.0.0.1:{self.ports[name]}/health"
            wait(name, lambda: urllib.request.urlopen(health, timeout=5).status == 200, self.programs[name])
        wait("the played platform", lambda: answers(f"http://127.0.0.1:{self.ports['platform']}"), self.programs["platform"])
        self.webhook = f"http://127.0.0.1:{self.ports['whatsapp']}/webhook"
        time.sleep(3)  # the mailbox is listened to

    def _nats(self):
        return TOOLS if TOOLS.exists() else shutil.which("nats-server")

    def _write(self):
        places = {**self.ports, "folder": self.folder, "socket": self.postgres.socket, "vault": VAULT, "secret": SECRET, "office": OFFICE}
        places["imap"], places["smtp"] = SERVER.format(port=self.mailbox.port), SERVER.format(port=self.sink.port)
        door = lambda name: DOOR.format(**{**places, "name": name, "port": self.ports[name]})
        (self.folder / "nats.conf").write_text(NATS.format(port=self.ports["nats"], folder=self.folder / "nats"))
        (self.folder / "muara.toml").write_text(CORE.format(**places))
        (self.folder / "whatsapp.toml").write_text(door("whatsapp") + WHATSAPP.format(**places))
        (self.folder / "email.toml").write_text(door("email") + EMAIL.format(**places))

    def _start(self, name, command):
        self.programs[name] = Program(command, self.folder / f"{name}.log", cwd=self.folder)

    def version(self):
        return f"{run([BUILT / 'muara', '--version']).strip()}, {run([self._nats(), '--version']).strip()}"

    def count(self, what):
        return int(self.postgres.ask(f"select count(*) from {what}", "muara"))

    def settled(self):
        """Messages that are recorded: some join an earlier complaint."""
        return self.count("message")

    def unanswered(self):
        return self.count("reply where receipt is null")

    def programs_of_it(self):
        return [program for name, program in self.programs.items() if name != "platform"]

    def programs_beside(self):
        return [self.programs["platform"], self.mailbox.program]

    def stop(self):
        for program in reversed(list(self.programs.values())):
            program.stop()
        self.mailbox.stop()
        self.postgres.stop()
