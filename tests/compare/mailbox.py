"""The city's mailbox: Dovecot on loopback, and a mail server that takes every answer and keeps none."""

import asyncio
import os
import shutil
import socket
import threading

from complaints import OFFICE
from parts import Program, free_port, user_exists, wait

PASSWORD = "rahasia-contoh-surat"
CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = {ids} home={folder}/home/%u
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


class Mailbox:
    """As root, whose programs Dovecot needs for its parts."""

    def __init__(self, inside):
        self.folder, self.port, self.written = inside, free_port(), 0
        self.owner = "dovenull" if os.geteuid() == 0 and user_exists("dovenull") else None
        ids = "uid=dovenull gid=dovenull" if self.owner else ""
        self.maildir = inside / "mail" / OFFICE
        for made in [inside / "mail", inside / "home", self.maildir, *(self.maildir / part for part in ("tmp", "new", "cur"))]:
            made.mkdir(parents=True, exist_ok=True)
            self._give(made)
        inside.chmod(0o755)
        (inside / "dovecot.conf").write_text(CONFIG.format(folder=inside, password=PASSWORD, port=self.port, ids=ids))
        self.program = Program(["/usr/sbin/dovecot", "-F", "-c", inside / "dovecot.conf"], inside / "dovecot.err")
        wait("Dovecot", self._listens, self.program)

    def _listens(self):
        socket.create_connection(("127.0.0.1", self.port)).close()
        return True

    def _give(self, path):
        if self.owner:
            shutil.chown(path, self.owner, self.owner)

    def write(self, mails):
        """Beside the mailbox: `deliver` only renames, as a mail server does last."""
        for mail in mails:
            path = self.maildir / "tmp" / f"1795000000.M{self.written:09}.compare"
            path.write_bytes(mail.encode())
            self._give(path)
            self.written += 1

    def deliver(self):
        for path in sorted((self.maildir / "tmp").iterdir()):
            path.rename(self.maildir / "new" / path.name)

    def stop(self):
        self.program.stop()


class Sink:
    """Takes mail by SMTP (RFC 5321, AUTH PLAIN of RFC 4954) from whoever comes, counts it, forgets it."""

    def __init__(self):
        self.taken, self.port, self.loop = 0, free_port(), asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def _serve(self, reader, writer):
        writer.write(b"220 sink ESMTP\r\n")
        try:
            while line := await reader.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    writer.write(b"354 go on\r\n")
                    while (await reader.readline()) not in (b".\r\n", b""):
                        pass
                    self.taken += 1
                answers = {b"EHLO": b"250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n", b"AUTH": b"235 welcome\r\n", b"QUIT": b"221 bye\r\n"}
                writer.write(answers.get(word, b"250 fine\r\n"))
                if word == b"QUIT":
                    break
        except ConnectionError:
            pass
        writer.close()
