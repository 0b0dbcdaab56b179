"""Request Tracker of Debian 12 behind Starlet: mail in by its mail gateway's HTTP interface, to which `rt-mailgate` posts each mail."""

import os
import urllib.parse
import urllib.request
from pathlib import Path

from parts import Postgres, Program, System, answers, folder, free_port, run, wait

HERE = Path(__file__).parent
# Processes that answer, of which each does one thing at a time.
PROCESSES = 4
# Autoreplies are made as always, and written to a file instead of given to a mail server.
SETTINGS = """
Set($rtname, 'kota.example.id');
Set($Organization, 'kota.example.id');
Set($WebDomain, '127.0.0.1');
Set($WebPort, {port});
Set($WebPath, '');
Set($CorrespondAddress, 'aduan@kota.example.id');
Set($CommentAddress, 'komentar@kota.example.id');
Set($OwnerEmail, 'root@kota.example.id');
Set($DatabaseType, 'Pg');
Set($DatabaseHost, '{socket}');
Set($DatabasePort, '5432');
Set($DatabaseName, 'rt');
Set($DatabaseUser, 'muara');
Set($DatabaseAdmin, 'muara');
Set($DatabasePassword, '');
Set($MailCommand, 'mbox');
Set($LogToSTDERR, 'warning');
Set($LogToSyslog, undef);
Set($LogToFile, undef);
1;
"""


class RequestTracker(System):
    name, database, table = "Request Tracker", "rt", "tickets"

    def __init__(self):
        self.folder = folder("rt")
        self.postgres = Postgres(self.folder)
        port = free_port()
        (self.folder / "site.d").mkdir()
        (self.folder / "site.pm").write_text(SETTINGS.format(port=port, socket=self.postgres.socket))
        environment = {**os.environ, "RT_SITE_CONFIG": str(self.folder / "site.pm"), "RT_SITE_CONFIG_DIR": str(self.folder / "site.d")}
        setup = ["rt-setup-database-5", "--dba", "muara", "--dba-password", "", "--action"]
        self.postgres.create("rt")
        run([*setup, "init", "--skip-create"], env=environment, cwd=self.folder)
        run([*setup, "insert", "--datafile", HERE / "request_tracker.pl"], env=environment, cwd=self.folder)
        self.url = f"http://127.0.0.1:{port}"
        command = ["/usr/share/request-tracker5/libexec/rt-server", "--server", "Starlet", "--host", "127.0.0.1", "--port", port, "--max-workers", PROCESSES, "--max-reqs-per-child", 1000000]
        self.program = Program(command, self.folder / "rt.log", env=environment, cwd=self.folder)
        wait(self.name, lambda: answers(self.url), self.program)

    def version(self):
        return ", ".join(run(["dpkg-query", "-W", "-f", "${Package} ${Version}", package]) for package in ("request-tracker5", "starlet", "perl"))

    def take(self, mail):
        """Hands one mail over; the answer comes when the ticket is stored."""
        fields = {"queue": "General", "action": "correspond", "SessionType": "REST", "message": mail}
        request = urllib.request.Request(f"{self.url}/REST/1.0/NoAuth/mail-gateway", urllib.parse.urlencode(fields).encode())
        with urllib.request.urlopen(request, timeout=120) as answer:
            said = answer.read().decode()
        if not said.startswith("ok"):
            raise RuntimeError(f"Request Tracker answers {said!r}")
