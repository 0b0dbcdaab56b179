"""Looks at a running city from outside, with schemathesis and what `docs/openapi` says of every door. README.md says how.

Staff sign in, a citizen complains, and then every door that is described is called with what the description allows and with what it does
not. 1 when a door answered with 5xx, or with a status, a kind of content or a shape that is not described.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

HERE = pathlib.Path(__file__).resolve().parent
DESCRIPTIONS = HERE.parent.parent / "docs/openapi"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# These answer as long as somebody looks, so a call would never end.
STREAMS = "/(live|kabar)$"
# Signing out and a new password would end the run's own session; they are tried without one, in `nobody`.
ENDS_THE_SESSION = "^/(keluar|sandi)$"
# Wapiti's modules, without those that call out.
ATTACKS = "backup,cookieflags,crlf,csp,csrf,exec,file,http_headers,methods,permanentxss,redirect,sql,timesql,upload,xss"
# What docs/security.md explains: the kind, and the method, path and words of the finding.
EXPLAINED = [
    ("Cross Site Request Forgery", r"POST /(masuk|cari)? "),
    ("Secure Flag cookie", r"in the cookie : (bahasa|muara|muara-kenal|loket)$"),
]
# By name of the description: the port after the city's first one.
DOORS = {"muara": 0, "whatsapp": 1, "form": 2, "desk": 3, "import": 8, "figures": 9}


class Unmoved(urllib.request.HTTPRedirectHandler):
    """Answers are looked at where they come from."""

    def redirect_request(self, *_):
        return None


CALL = urllib.request.build_opener(Unmoved)


def call(url, fields=None, cookie=None, kind="application/x-www-form-urlencoded"):
    body = urllib.parse.urlencode(fields).encode() if isinstance(fields, dict) else fields
    request = urllib.request.Request(url, body, {"Cookie": cookie} if cookie else {})
    if body is not None:
        request.add_header("Content-Type", kind)
    try:
        answer = CALL.open(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers, answer.read().decode(errors="replace")


def cookies(headers):
    return "; ".join(line.split(";")[0] for line in headers.get_all("set-cookie") or [])


def hidden(page, name):
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found.group(1) if found else ""


def signed_in(web, login, password):
    status, headers, _ = call(f"{web}/masuk", {"login": login, "password": password})
    assert status == 303, f"{login} cannot sign in: {status}"
    return cookies(headers)


def complaint(web, form):
    """A citizen's complaint, recorded: its link and its number."""
    boundary, fields = "batas", {"kiriman": str(uuid.uuid4()), "bahasa": "id", "isi": "Lampu jalan mati di depan balai warga", "tempat": "Jalan Contoh 1"}
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    body = ("".join(parts) + f"--{boundary}--\r\n").encode()
    status, headers, _ = call(f"{form}/", body, kind=f"multipart/form-data; boundary={boundary}")
    assert status == 303, f"the form was not taken: {status}"
    _, _, receipt = call(urllib.parse.urljoin(form, headers["location"]))
    code = re.search(r"/t/([^\"<\s]+)", receipt).group(1)
    until = time.monotonic() + 30
    while call(f"{web}/t/{code}")[0] != 200:
        assert time.monotonic() < until, "the complaint was not recorded"
        time.sleep(0.2)
    return code


def known_to(web, cookie, code):
    """What somebody who is signed in knows: the token of their forms, and what is there."""
    _, _, queue = call(f"{web}/antrean?view=all", cookie=cookie)
    _, _, page = call(f"{web}/antrean", cookie=cookie)
    complaints = sorted(set(re.findall(r"/aduan/([0-9a-f-]{36})", queue + page)))
    return {"path": {"code": [code], "id": complaints, "complaint": complaints, "number": ["1"]}, "csrf": hidden(page, "csrf")}


def token(web, cookie, page):
    return hidden(call(f"{web}{page}", cookie=cookie)[2], "token")


def look(program, name, url, who, known, options, skip):
    """One description, called as one person."""
    skip = "|".join([STREAMS, *skip])
    words = [program, "run", str(DESCRIPTIONS / f"{name}.yaml"), "--url", url, "--phases", "coverage,fuzzing", "--checks", CHECKS]
    words += ["--max-examples", str(options.examples), "--seed", str(options.seed), "--exclude-path-regex", skip, "--no-color"]
    words += ["--generation-database", "none", "--continue-on-failure", "--request-timeout", "30", "--suppress-health-check", "all", "--warnings", "off"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"), "MUARA_KNOWN": json.dumps(known), "MUARA_SEED": str(options.seed)}
    began = time.monotonic()
    done = subprocess.run(words, cwd=options.report, env=environment, capture_output=True, text=True, timeout=options.patience)
    (options.report / f"{name}-{who}.txt").write_text(done.stdout + done.stderr)
    cases = re.search(r"(\d[\d,]*) (?:generated|test cases?)", done.stdout)
    fine = done.returncode == 0
    print(f"{'fine' if fine else 'NOT'}  {name:9} as {who:8} {cases.group(0) if cases else '?':24} {time.monotonic() - began:5.1f} s", flush=True)
    if not fine:
        print(done.stdout[-6000:], done.stderr[-2000:])
    return fine


def told_of(entry):
    return f"{entry['method']} {entry['path']} {entry['parameter']} {entry['info']}"


def is_explained(kind, entry):
    return any(kind == known and re.search(words, told_of(entry)) for known, words in EXPLAINED)


def scan(scanner, name, url, starts, cookie, report):
    """The pages from a start address on, as somebody. Only what stays on this machine: no module that needs an endpoint or a database of its maker."""
    out = report / f"wapiti-{name}.json"
    words = [scanner, "-u", url, "-m", ATTACKS, "--scope", "folder", "--flush-session", "--no-bugreport", "-d", "3", "--tasks", "4", "-v", "1"]
    words += ["--max-scan-time", "60", "--max-attack-time", "20", "--max-files-per-dir", "10", "--store-session", str(report / "wapiti"), "-f", "json", "-o", str(out)]
    words += ["-x", urllib.parse.urljoin(url, "/keluar"), "-x", urllib.parse.urljoin(url, "/sandi")] + (["-C", cookie] if cookie else [])
    words += [word for start in starts for word in ("-s", urllib.parse.urljoin(url, start))]
    began = time.monotonic()
    subprocess.run(words, capture_output=True, text=True, timeout=1200, check=False)
    told = json.loads(out.read_text())
    found = {kind: entries for part in ("vulnerabilities", "anomalies") for kind, entries in told[part].items() if entries}
    new = [(kind, entry) for kind, entries in found.items() for entry in entries if not is_explained(kind, entry)]
    shown = ", ".join(f"{kind}: {len(entries)}" for kind, entries in found.items()) or "nothing"
    print(f"{'NOT' if new else 'fine'}  wapiti    {name:8} {told['infos']['crawled_pages_nbr']} pages, {shown} {time.monotonic() - began:5.1f} s", flush=True)
    for kind, entry in new[:20]:
        print(f"    {kind}: {told_of(entry)}")
    return not new


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--data", type=pathlib.Path, required=True, help="the city's folder: its first logins and secrets")
    words.add_argument("--port-base", type=int, default=8100)
    words.add_argument("--program", default="schemathesis")
    words.add_argument("--scanner", help="wapiti, to look at the pages too")
    words.add_argument("--examples", type=int, default=10, help="drawn calls for each door and method, besides those at the edges")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--patience", type=int, default=900, help="seconds for one description")
    words.add_argument("--only", help="this description alone")
    words.add_argument("--as", dest="who", help="as this one alone")
    words.add_argument("--report", type=pathlib.Path, default=pathlib.Path("."), help="where the reports go")
    options = words.parse_args()
    options.report.mkdir(parents=True, exist_ok=True)
    url = {name: f"http://127.0.0.1:{options.port_base + port}" for name, port in DOORS.items()}
    passwords = dict(line.split("\t")[:2] for line in (options.data / "first-logins.txt").read_text().splitlines())
    web = url["muara"]
    code = complaint(web, url["form"])
    sessions = {who: signed_in(web, who, passwords[who]) for who in ("admin", "triase", "loket")}
    people = {"nobody": {"path": {"code": [code]}}}
    people |= {who: {**known_to(web, cookie, code), "cookie": cookie} for who, cookie in sessions.items()}
    desk, chats = token(web, sessions["loket"], "/loket"), token(web, sessions["loket"], "/impor")
    people["nobody"]["token"] = desk
    people["desk"] = {"path": {}, "cookie": f"loket={desk}"}
    people["import"] = {"path": {}, "cookie": f"impor={chats}"}
    people["meta"] = {"path": {}, "app_secret": (options.data / "secrets/whatsapp-app-secret").read_text().strip()}
    runs = [("muara", "nobody", []), ("muara", "admin", [ENDS_THE_SESSION]), ("muara", "triase", [ENDS_THE_SESSION])]
    runs += [("form", "nobody", []), ("desk", "nobody", []), ("desk", "desk", ["^/keluar$"]), ("import", "nobody", []), ("import", "import", ["^/keluar$"])]
    runs += [("whatsapp", "nobody", []), ("whatsapp", "meta", []), ("figures", "nobody", [])]
    chosen = [run for run in runs if options.only in (None, run[0]) and options.who in (None, run[1])]
    fine = [look(options.program, name, url[name], who, people[who], options, skip) for name, who, skip in chosen]
    if options.scanner and not options.only:
        pages = [("form", url["form"], [], None), ("nobody", web, [], None)]
        # No page of the public leads to those of staff.
        pages += [("admin", web, ["/admin", "/antrean"], sessions["admin"]), ("desk", url["desk"], [], f"loket={desk}")]
        fine += [scan(options.scanner, name, f"{door}/", starts, cookie, options.report) for name, door, starts, cookie in pages]
    print(f"{sum(fine)} passed, {len(fine) - sum(fine)} failed")
    sys.exit(0 if fine and all(fine) else 1)


if __name__ == "__main__":
    main()
