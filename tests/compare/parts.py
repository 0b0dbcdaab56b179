"""What every measurement stands on: a folder that goes away, programs that end with us, a PostgreSQL as Muara's private one, questions to it."""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE = 120  # seconds for a program to answer
# What `crates/servers/src/postgres.rs` gives its private server: nothing is taken from what makes a commit last.
SETTINGS = {
    "jit": "off", "log_timezone": "UTC", "timezone": "UTC",
    "shared_buffers": "256MB", "max_wal_size": "2GB", "checkpoint_timeout": "15min",
}
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def say(*words):
    print(*words, flush=True)


def folder(name):
    """A folder that every user may pass through (PostgreSQL is another user when we are root), and that goes away."""
    made = Path(tempfile.mkdtemp(prefix=f"compare-{name}-"))
    made.chmod(0o755)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Program:
    """One program with its children; its words go to a file. Ends with us."""

    def __init__(self, command, log, how=signal.SIGTERM, **options):
        self.log, self.how = Path(log), how
        with self.log.open("ab") as words:
            self.child = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True, **options
            )
        # What was made last ends first: a program before its folder, who asks before who is asked.
        atexit.register(self.stop)

    def stop(self):
        for sign in (self.how, signal.SIGKILL):
            if self.child.poll() is not None:
                return
            try:
                os.killpg(self.child.pid, sign)
                self.child.wait(timeout=30)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue

    def mebibytes(self):
        """Of it and all its children; pages that several processes share are counted once (Pss)."""
        return sum(_pss(number) for number in self._family()) / 1024

    def seconds(self):
        """Of a processor, that it and its children took until now, those that have ended too."""
        return sum(sum(map(int, fields[11:15])) for fields in self._family().values()) / os.sysconf("SC_CLK_TCK")

    def _family(self):
        """What `/proc/<number>/stat` says after the name, by number. PostgreSQL's processes are each a group of their own: parents tell."""
        everybody = dict(_processes())
        family, fresh = {}, {self.child.pid}
        while fresh:
            family |= {number: everybody[number] for number in fresh if number in everybody}
            fresh = {number for number, fields in everybody.items() if int(fields[1]) in fresh} - family.keys()
        return family


def _processes():
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue


def _pss(number):
    try:
        rollup = Path(f"/proc/{number}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)


# A signal ends us as an error does: everything that was started ends first.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))


class Postgres:
    """Private, on a socket only, fsync on."""

    def __init__(self, inside):
        self.data, self.socket = inside / "cluster", inside / "run"
        programs = PROGRAMS[-1]
        root = os.geteuid() == 0
        user = {"user": "postgres", "group": "postgres", "extra_groups": []} if root else {}
        for made in (self.data, self.socket):
            made.mkdir(mode=0o700)
            if root:
                shutil.chown(made, "postgres", "postgres")
        # Who gets through the folder of the socket is ourselves, or root.
        initdb = [programs / "initdb", "-D", self.data, "-U", "muara", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--auth=trust"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **user)
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [programs / "postgres", "-D", self.data, "-c", "listen_addresses=", "-c", f"unix_socket_directories={self.socket}", *settings]
        self.psql = programs / "psql"
        # It does not take SIGTERM for an end while somebody is connected; SIGINT it does.
        self.program = Program(command, inside / "postgres.log", how=signal.SIGINT, cwd="/", **user)
        wait("PostgreSQL", lambda: self.ask("select 1", "postgres") == "1", self.program)

    def ask(self, sql, database):
        command = [self.psql, "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-U", "muara", "-d", database, "-c", sql]
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode:
            raise RuntimeError(answer.stderr.strip())
        return answer.stdout.strip()

    def create(self, database):
        self.ask(f"create database {database}", "postgres")

    def stop(self):
        self.program.stop()


class System:
    """One program before a PostgreSQL of its own: `database` and `table` say where it stores what comes."""

    database = table = None

    def stored(self):
        return int(self.postgres.ask(f"select count(*) from {self.table}", self.database))

    def programs_of_it(self):
        return [self.program]

    def programs_beside(self):
        """Programs that are not its own and work for it: not counted as others' work."""
        return []

    def stop(self):
        self.program.stop()
        self.postgres.stop()


def wait(what, answers, program=None):
    until = time.monotonic() + PATIENCE
    problem = None
    while time.monotonic() < until:
        if program and program.child.poll() is not None:
            break
        try:
            if answers():
                return
        except (OSError, RuntimeError) as error:
            problem = error
        time.sleep(0.1)
    words = program.log.read_text(errors="replace")[-2000:] if program else ""
    raise RuntimeError(f"{what} does not answer: {problem}\n{words}")


def answers(url):
    """Whether something speaks HTTP there, whatever it says."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        pass
    return True


def run(command, **options):
    """Runs a command to its end; its words are shown only when it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def user_exists(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False
