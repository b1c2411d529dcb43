"""The demo: real backup histories with a few simulated attacks, through the whole line, and what came of it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

from comparison import (
    attacks_in_words,
    backups_judged,
    beside_each_other,
    exposure_in_words,
    others_in_words,
)

ROOT = Path(__file__).resolve().parent.parent
UDA = Path(sys.executable).with_name("uda")
LAKE, LANDING = ".demo/lake", "demo/landing"  # below ROOT, as a user would type them
FLEET_MODEL = "demo/fleet_model.json"
PAGE = ROOT / LAKE / "_report" / "index.html"

INTRODUCTION = """\
{devices} devices, years of backups each: real histories. The shipped fleet model was trained on these sources too, so
the demo works with another one, demo/fleet_model.json, that never saw any of them.
On the newest backup of {attacks} of them lies one attack. These attacks are SIMULATED, and we put them there:
demo/attacks.csv says which. Nothing in the records gives them away.
Every run of the demo starts with an empty lake in {lake}."""
OTHERS = """\
Alerts on backups that we did not touch. They are real events: unusual, and as far as we know harmless. To an analyst
each is a false alert, and it is what the budget limits."""
NEXT_STEPS = """\
Next, with records of your own: JSON Lines or Parquet in a folder mine/canonical/, one record a backup, at least
  {{"device_id": "nas", "backup_id": "2025-03-30", "ended_at": "2025-03-30T21:15:15Z", "files_deleted": 3}}
then
  {uda} run --lake my-lake --landing mine
  {uda} anomalies --lake my-lake
demo/README.md says what the demo's devices are, and which broken records lie among the good ones."""


class DemoFailed(Exception):
    """The program failed, or left out what it should have written."""


def main() -> int:
    """Run the line on the demo's input and show what it found; 1 if the program failed."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # in step with what the program prints
    started = time.monotonic()
    try:
        show()
    except DemoFailed as failure:
        print(f"\ndemo: {failure}", file=sys.stderr)
        return 1
    print(f"\nThis took {time.monotonic() - started:.0f} seconds.\n\n{NEXT_STEPS.format(uda=shown(UDA))}")
    return 0


def show() -> None:
    """Run, list, compare, account."""
    labels, devices = rows_of("attacks.csv"), rows_of("devices.csv")
    print(INTRODUCTION.format(devices=len(devices), attacks=len(labels), lake=LAKE))
    shutil.rmtree(ROOT / LAKE, ignore_errors=True)
    heading("The whole line")
    uda("run", "--lake", LAKE, "--landing", LANDING)
    heading("What is unusual")
    uda("anomalies", "--lake", LAKE)

    pairs, others = beside_each_other(labels, uda_json("anomalies"))
    heading("The attacks that we put in")
    print(attacks_in_words(pairs))
    heading("What else alerted")
    print(f"{OTHERS}\n\n{others_in_words(others)}\n")
    settings = tomllib.loads((ROOT / "jobs" / "default.toml").read_text())
    days, budget = settings["train"]["first_days"], settings["score"]["budget"]
    print(exposure_in_words(backups_judged(uda_json("runs")), len(devices), days, len(others), budget))

    heading("What ran, and what became of every record")
    uda("runs", "--lake", LAKE)
    if not PAGE.is_file():
        raise DemoFailed(f"there is no report page at {PAGE}")
    print(f"\nThe report page, with charts: {PAGE.as_uri()}")


def rows_of(name: str) -> list[dict[str, str]]:
    """Rows of one of the demo's CSV files."""
    with (ROOT / "demo" / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def heading(text: str) -> None:
    """Set a part off from the one before."""
    print(f"\n{text}\n{'=' * len(text)}")


def shown(path: Path) -> str:
    """Path as one types it in the project's folder."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def uda(*arguments: str) -> None:
    """Run the program as a user would; its output goes where ours goes."""
    print(f"$ UDA_TRAIN__FLEET_MODEL={FLEET_MODEL} {shown(UDA)} {' '.join(arguments)}")
    finish(arguments, capture=False)


def uda_json(command: str) -> list[dict[str, Any]]:
    """Run a listing and take it as JSON, one object a line."""
    return [json.loads(line) for line in finish((command, "--lake", LAKE, "--json"), capture=True).splitlines()]


def finish(arguments: tuple[str, ...], *, capture: bool) -> str:
    """Run the program to its end; DemoFailed unless it ends with 0."""
    if not UDA.exists():
        raise DemoFailed(f"there is no {UDA}; type `make demo`, which sets it up")
    environment = {**os.environ, "UDA_TRAIN__FLEET_MODEL": FLEET_MODEL}
    done = subprocess.run(
        [UDA, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode != 0:
        raise DemoFailed(f"`uda {arguments[0]}` ended with status {done.returncode}; what it printed above says why")
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
