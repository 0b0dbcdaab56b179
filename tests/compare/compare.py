"""Muara beside others, on this machine, in one run, with the same complaints. README.md says what is measured and how fair it is.

    python3 tests/compare/compare.py [--only muara,redmine,rt,node-red] [--seed 1] [--quick] [--json FILE]
"""

import argparse
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import load
from complaints import Complaints
from mailbox import Mailbox
from parts import folder, say


def rate(count, seconds):
    return count / seconds


class Cost:
    """Seconds of a processor for a thousand, of a system and of its PostgreSQL: what a busy machine makes least worse. And how busy it was with others."""

    def __init__(self, system):
        self.system, self.before = system, self._now(system)

    @staticmethod
    def _now(system):
        own, database = sum(program.seconds() for program in system.programs_of_it()), system.postgres.program.seconds()
        beside = sum(program.seconds() for program in system.programs_beside())
        ours = own + database + beside + sum(os.times()[:4])
        return own, database, ours, busy_seconds(), time.perf_counter()

    def of(self, count):
        own, database, ours, busy, elapsed = (now - before for now, before in zip(self._now(self.system), self.before, strict=True))
        others = max(busy - ours, 0) / (elapsed * os.cpu_count())
        return {"own": round(own * 1000 / count, 2), "PostgreSQL": round(database * 1000 / count, 2), "others %": round(others * 100)}


def busy_seconds():
    """Of all processors, on anything: user, nice, system, interrupts and what the host took."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(fields[at]) for at in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")


def mebibytes(system):
    return round(sum(program.mebibytes() for program in system.programs_of_it()))


def helpdesk(system, complaints, counts):
    """A help desk: its answer to a mail comes when the issue is stored."""
    result = {"version": system.version()}
    system.take(complaints.mail(0))
    before = system.stored()
    # The very same bytes, as a mail server sends them that heard no answer.
    again = complaints.mail(1)
    system.take(again)
    system.take(again)
    result["twice"] = system.stored() - before
    # Each process answers for the first time slowly: that is not measured.
    load.each(lambda _, number: system.take(complaints.mail(number)), range(10, 50), 8)
    at = 100
    for callers, count in counts:
        mails = [complaints.mail(number) for number in range(at, at + count)]
        at, before, cost = at + count, system.stored(), Cost(system)
        seconds, took = load.each(lambda _, mail: system.take(mail), mails, callers)
        assert system.stored() - before == count, f"{system.name}: {system.stored() - before} of {count} stored"
        result[f"mail {callers}"] = {"stored": round(rate(count, seconds), 1), "cost": cost.of(count)}
        say(f"  mail, {callers} at once: {rate(count, seconds):.1f}/s  p50 {load.percentile(took, 50):.0f} ms  p99 {load.percentile(took, 99):.0f} ms  ({count} stored)")
    result["memory"] = mebibytes(system)
    if hasattr(system, "read_mailbox"):
        result["mailbox"] = mailbox(system, complaints, at, counts[0][1])
    return result


def mailbox(system, complaints, at, count):
    """A mailbox instead of callers. The time that the task takes for an empty one, to start, is not counted."""
    box = Mailbox(folder("mailbox"))
    times = []
    for mails in (0, count):
        box.write(complaints.mail(number) for number in range(at, at + mails))
        box.deliver()
        before, began = system.stored(), time.perf_counter()
        system.read_mailbox(box)
        times.append(time.perf_counter() - began)
        assert system.stored() - before == mails, f"{system.name}: {system.stored() - before} of {mails} stored"
    box.stop()
    say(f"  a mailbox of {count} mails: {rate(count, times[1] - times[0]):.1f}/s, after {times[0]:.1f} s to start")
    return round(rate(count, times[1] - times[0]), 1)


def flow(system, complaints, counts):
    """The flow: its answer comes when the row is committed."""
    result = {"version": system.version()}
    again = complaints.webhook(1)
    for _ in range(2):
        load.webhooks(system.webhook, [again], 1)
    result["twice"] = system.stored()
    load.webhooks(system.webhook, [complaints.webhook(number) for number in range(10, 1010)], 8)
    at = 2000
    for callers, count in counts:
        signed = [complaints.webhook(number) for number in range(at, at + count)]
        at, before, cost = at + count, system.stored(), Cost(system)
        seconds, took = load.webhooks(system.webhook, signed, callers)
        assert system.stored() - before == count, f"{system.name}: {system.stored() - before} of {count} stored"
        result[f"webhook {callers}"] = {"stored": round(rate(count, seconds)), "cost": cost.of(count)}
        say(f"  webhooks, {callers} at once: {rate(count, seconds):.0f}/s  p50 {load.percentile(took, 50):.2f} ms  p99 {load.percentile(took, 99):.2f} ms  ({count} stored)")
    result["memory"] = mebibytes(system)
    return result


def until(reached, patience=600):
    began = time.perf_counter()
    while not reached():
        if time.perf_counter() - began > patience:
            raise RuntimeError("it was not reached in time")
        time.sleep(0.5)


def muara(system, complaints, webhooks, mails):
    """Muara: yes when the bytes are synced, stored when recorded, routed and compared, and then everybody is answered."""
    result = {"version": system.version(), "memory at rest": mebibytes(system)}
    again = complaints.webhook(1)
    for _ in range(2):
        load.webhooks(system.webhook, [again], 1)
    system.mailbox.write([complaints.mail(1)] * 2)
    system.mailbox.deliver()
    until(lambda: system.settled() >= 2 and not system.unanswered())
    time.sleep(3)  # a second complaint would come now
    result["twice"] = {adapter: system.count(f"message where adapter = '{adapter}'") for adapter in ("whatsapp", "email")}
    load.webhooks(system.webhook, [complaints.webhook(number) for number in range(10, 1010)], 8)
    until(lambda: system.settled() == 1002 and not system.unanswered())

    at = 2000
    for callers, count in webhooks:
        signed = [complaints.webhook(number) for number in range(at, at + count)]
        at, goal, cost, began = at + count, system.settled() + count, Cost(system), time.perf_counter()
        seconds, took = load.webhooks(system.webhook, signed, callers)
        until(lambda: system.settled() >= goal)
        recorded = time.perf_counter() - began
        until(lambda: not system.unanswered())
        answered = time.perf_counter() - began
        assert system.settled() == goal, f"Muara: {system.settled()} instead of {goal}"
        result[f"webhook {callers}"] = {"yes": round(rate(count, seconds)), "stored": round(rate(count, recorded)), "answered": round(rate(count, answered)), "cost": cost.of(count)}
        say(f"  webhooks, {callers} at once: yes {rate(count, seconds):.0f}/s  p50 {load.percentile(took, 50):.2f} ms  p99 {load.percentile(took, 99):.2f} ms;"
            f"  recorded and routed {rate(count, recorded):.0f}/s;  answered {rate(count, answered):.0f}/s  ({count})")
    result["memory after webhooks"] = mebibytes(system)

    system.mailbox.write(complaints.mail(number) for number in range(100, 100 + mails))
    goal, cost, began = system.settled() + mails, Cost(system), time.perf_counter()
    system.mailbox.deliver()
    until(lambda: system.settled() >= goal)
    recorded = time.perf_counter() - began
    until(lambda: not system.unanswered())
    answered = time.perf_counter() - began
    assert system.settled() == goal, f"Muara: {system.settled()} instead of {goal}"
    result["mail"] = {"stored": round(rate(mails, recorded)), "answered": round(rate(mails, answered)), "cost": cost.of(mails)}
    say(f"  a mailbox of {mails} mails: recorded and routed {rate(mails, recorded):.0f}/s;  answered {rate(mails, answered):.0f}/s")
    result["complaints"], result["routed"] = system.stored(), system.count("complaint where status <> 'received'")
    result["suggested"] = system.count("suggestion")
    result["failed replies"] = system.count("reply where receipt = 'failed'")
    result["memory"] = mebibytes(system)
    return result


def measure(name, start, work, *arguments):
    say(f"== {name} starts")
    system = start()
    try:
        result = work(system, *arguments)
    finally:
        system.stop()
    say(f"  {json.dumps(result)}")
    return result


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--only", default="node-red,muara,redmine,rt")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--quick", action="store_true", help="a tenth of each: whether everything runs")
    options.add_argument("--json", type=Path)
    options = options.parse_args()
    complaints, part = Complaints(options.seed), 10 if options.quick else 1
    few = lambda pairs: [(callers, count // part) for callers, count in pairs]

    def node_red():
        from node_red import NodeRed
        return measure("Node-RED", NodeRed, flow, complaints, few([(1, 8000), (8, 24000)]))

    def ours():
        from muara import Muara
        return measure("Muara", Muara, muara, complaints, few([(1, 8000), (8, 24000)]), 8000 // part)

    def redmine():
        from redmine import Redmine
        return measure("Redmine", Redmine, helpdesk, complaints, few([(1, 600), (8, 1500)]))

    def rt():
        from request_tracker import RequestTracker
        return measure("Request Tracker", RequestTracker, helpdesk, complaints, few([(1, 100), (8, 200)]))

    known = {"node-red": node_red, "muara": ours, "redmine": redmine, "rt": rt}
    say(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, seed {options.seed}")
    results = {name: known[name]() for name in options.only.split(",")}
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
