"""Redmine of Debian 12 behind puma: mail in by its mail handler's HTTP interface, to which `rdm-mailhandler.rb` posts each mail."""

import atexit
import os
import secrets
import urllib.parse
import urllib.request
from pathlib import Path

from complaints import OFFICE
from mailbox import PASSWORD
from parts import Postgres, Program, System, answers, folder, free_port, run, wait

HERE = Path(__file__).parent
ROOT = Path("/usr/share/redmine")
# One process a core, as puma advises; the database's pool is as large as the threads.
PROCESSES, THREADS = 2, 5


class Redmine(System):
    name, database, table = "Redmine", "redmine", "issues"

    def __init__(self, unknown_user="accept"):
        self.folder, self.key, self.unknown_user = folder("redmine"), secrets.token_hex(16), unknown_user
        self.postgres = Postgres(self.folder)
        self.postgres.create("redmine")
        # An instance of its own, as Debian's package has it: a name in its folder, everything of it in ours.
        self.instance = ROOT / "instances" / self.folder.name
        self.instance.symlink_to(self.folder / "instance")
        atexit.register(self.instance.unlink, missing_ok=True)
        for name in ("config", "log", "files", "tmp/cache", "tmp/pids", "public/plugin_assets"):
            (self.folder / "instance" / name).mkdir(parents=True)
        settings = f"production:\n  adapter: postgresql\n  host: {self.postgres.socket}\n  username: muara\n  database: redmine\n  encoding: utf8\n  pool: {THREADS}\n"
        (self.folder / "instance/config/database.yml").write_text(settings)
        (self.folder / "instance/config/secret_key.txt").write_text(secrets.token_hex(32))
        self.environment = {
            **os.environ, "BUNDLER_VERSION": "2.3.15", "REDMINE_INSTANCE": self.folder.name, "RAILS_ENV": "production", "REDMINE_LANG": "en", "SCHEMA": "/dev/null",
            "COMPARE_KEY": self.key, "RUBYOPT": "-W0",
        }
        self.rake("db:migrate")
        self.rake("redmine:load_default_data")  # by itself: it must see the tables that were just made
        # The runner is told by a file: Debian's package has no `bin/rails`.
        starter = "require './config/environment'; load ARGV[0]"
        run(["bundle", "exec", "ruby", "-e", starter, HERE / "redmine.rb"], cwd=ROOT, env=self.environment)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = ["puma", "--workers", PROCESSES, "--threads", f"{THREADS}:{THREADS}", "--bind", f"tcp://127.0.0.1:{port}", "--environment", "production",
                   "--preload", "config.ru"]
        self.program = Program(command, self.folder / "puma.log", cwd=ROOT, env=self.environment)
        wait(self.name, lambda: answers(self.url), self.program)

    def rake(self, *tasks):
        run(["bundle", "exec", "rake", *tasks], cwd=ROOT, env=self.environment)

    def version(self):
        packages = ("redmine", "puma", "ruby3.1")
        return ", ".join(run(["dpkg-query", "-W", "-f", "${Package} ${Version}", package]) for package in packages)

    def take(self, mail):
        """Hands one mail over; the answer comes when the issue is stored."""
        fields = {"key": self.key, "email": mail, "unknown_user": self.unknown_user, "no_permission_check": "1", "no_account_notice": "1", "no_notification": "1", "issue[project]": "aduan"}
        request = urllib.request.Request(f"{self.url}/mail_handler", urllib.parse.urlencode(fields).encode())
        with urllib.request.urlopen(request, timeout=120) as answer:
            if answer.status != 201:
                raise RuntimeError(f"Redmine answers {answer.status}")

    def read_mailbox(self, mailbox):
        """Its task for a mailbox, as cron starts it: asks Dovecot for every unseen mail, one after the other."""
        server = ["host=127.0.0.1", f"port={mailbox.port}", f"username={OFFICE}", f"password={PASSWORD}"]
        self.rake("redmine:email:receive_imap", *server, f"unknown_user={self.unknown_user}", "no_permission_check=1", "no_account_notice=1", "no_notification=1", "project=aduan")
