"""Node-RED: webhook in, signature looked at, one INSERT. The flow is ours; `node-red/function.js` is what it does."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

from complaints import SECRET
from parts import Postgres, Program, System, folder, free_port, run, wait

HERE = Path(__file__).parent / "node-red"
NODE = Path(os.environ.get("COMPARE_NODE", "/tmp/muara-compare-node"))
TABLE = """create table complaint (
  id bigint generated always as identity primary key, channel text not null, external_id text not null, sender text not null,
  name text not null, body text not null, sent_at timestamptz not null, received_at timestamptz not null default now(),
  unique (channel, external_id)
)"""


def flow():
    """Two wires: the web server's node, the function, the answer."""
    node = lambda name, kind, wires, **more: {"id": name, "type": kind, "z": "intake", "x": 0, "y": 0, "name": name, "wires": wires, **more}
    return [
        {"id": "intake", "type": "tab", "label": "intake"},
        node("in", "http in", [["record"]], url="/webhook", method="post", upload=False, skipBodyParsing=True, swaggerDoc=""),
        node("record", "function", [["out"]], func=(HERE / "function.js").read_text(), outputs=1, timeout=0, noerr=0, initialize="", finalize="", libs=[]),
        node("out", "http response", [], statusCode="", headers={}),
    ]


class NodeRed(System):
    name, database, table = "Node-RED", "nodered", "complaint"

    def __init__(self):
        self.folder = folder("node-red")
        self.postgres = Postgres(self.folder)
        self.postgres.create("nodered")
        self.postgres.ask(TABLE, "nodered")
        (self.folder / "flows.json").write_text(json.dumps(flow()))
        port = free_port()
        environment = {**os.environ, "COMPARE_NODE": str(NODE), "COMPARE_PORT": str(port), "COMPARE_SECRET": SECRET, "COMPARE_SOCKET": str(self.postgres.socket)}
        red = NODE / "node_modules/node-red/red.js"
        command = ["node", red, "--settings", HERE / "settings.js", "--userDir", self.folder, self.folder / "flows.json"]
        self.program = Program(command, self.folder / "node-red.log", env=environment, cwd=self.folder)
        self.webhook = f"http://127.0.0.1:{port}/webhook"
        wait(self.name, self._refuses_strangers, self.program)

    def _refuses_strangers(self):
        """The web server is there before its flows are, and answers 404 until then."""
        try:
            urllib.request.urlopen(self.webhook, b"{}", timeout=5).close()
        except urllib.error.HTTPError as refusal:
            return refusal.code == 401
        return False

    def version(self):
        version = lambda package: json.loads((NODE / "node_modules" / package / "package.json").read_text())["version"]
        return f"Node-RED {version('node-red')}, pg {version('pg')}, Node {run(['node', '--version']).strip()}"
