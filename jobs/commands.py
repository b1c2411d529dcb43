"""What each word of the command line does with the options that were given; `jobs.cli` says how it ended."""

from __future__ import annotations

import argparse
import getpass
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs import log
from jobs.config import Config, load_config
from jobs.doctor.job import doctor
from jobs.errors import ConfigError, UdaError
from jobs.ingest.sealed import Seals
from jobs.read.job import read
from jobs.run import start_run
from jobs.tables import ALERTS, ANOMALIES, DEVICES, RUNS

if TYPE_CHECKING:
    from jobs.store import Store


def follow(options: argparse.Namespace) -> int:
    """Do what was asked for; return the exit status: not 0 if `doctor` found something lacking."""
    if options.word == "doctor":
        return doctor(options.lake, options.config, os.environ, sys.stdout)
    if options.word == "alerts" and options.action == "test":
        _try_channel(options)
    elif options.word == "alerts" and options.action == "check":
        _check_alerts(options, _config(options))
    elif options.word in BESIDE_A_LAKE:
        BESIDE_A_LAKE[options.word](options)
    else:
        OF_A_LAKE.get(options.word, _run)(options, _config(options))
    return 0


def _config(options: argparse.Namespace) -> Config:
    config = load_config(options.config, os.environ)
    lake = options.lake or config.lake
    landing = getattr(options, "landing", None) or config.landing
    if not lake:
        raise ConfigError("no lake: say --lake DIR, or set lake in the configuration")
    if options.word in ("run", "ingest", "feedback", "device", "erase"):
        if not landing:
            raise ConfigError("no landing folder: say --landing DIR, or set landing in the configuration")
        if "://" not in landing and not Path(landing).is_dir():
            raise ConfigError(f"{landing}: no such folder; make it, and land records in its folder canonical/")
    queue = getattr(options, "queue", None) or config.queue
    landing, queue = (_absolute(place) if place else "" for place in (landing, queue))
    return replace(config, lake=_absolute(lake), landing=landing, queue=queue)


def _absolute(place: str) -> str:
    return place.rstrip("/") if "://" in place else str(Path(place).resolve())


def _read(options: argparse.Namespace) -> None:
    config = load_config(options.config, os.environ)
    seals = Seals(config.sealed, config.tenants)
    read(options.product, options.paths, options.time_zone, start_run().moment, seals, sys.stdout, sys.stderr)


def _seal(options: argparse.Namespace) -> None:
    from jobs.seal.job import new_key, seal_file

    if options.new_key:
        if options.file or options.context or options.out:
            raise ConfigError("--new-key makes a key and seals nothing; seal with --key-file afterwards")
        new_key(options.new_key, sys.stdout)
    elif options.file:
        context = dict(options.context or ())
        seal_file(options.file, options.key_file, options.kms_key, context, options.out, sys.stdout)
    else:
        raise ConfigError("no file to seal: say uda seal FILE")


def _what_if(options: argparse.Namespace) -> None:
    from jobs.backtest.job import backtest  # arrays and pages, which the other commands need not wait for
    from jobs.simulate.job import simulate

    config = load_config(options.config, os.environ)
    reach = config.features.look_back_days
    if options.word == "simulate":
        simulate(options.backups, options.out, options.seed, reach, sys.stdout)
    else:
        fleet, budget = (options.fleet_model, options.refit_every), options.budget or config.score.budget
        backtest(options.backups, options.what_if, options.out, *fleet, budget, config, sys.stdout)


def _feedback(options: argparse.Namespace, config: Config) -> None:
    from jobs.feedback.job import feedback  # half a second, which the other commands need not wait for

    said = {"verdict": options.verdict, "given_by": options.by or _login_name(), "note": options.note}
    feedback(config, options.anomaly, options.tenant, said, options.until, start_run(options.moment), sys.stdout)


def _device(options: argparse.Namespace, config: Config) -> None:
    from jobs.feedback.device import device_note

    device = {"device_id": options.device, "tenant_id": options.tenant, "product": options.product}
    said = {"new_device_id": options.new, "given_by": options.by or _login_name(), "note": options.note}
    window = (options.since, options.until)
    device_note(config, options.say, device, said, window, start_run(options.moment), sys.stdout)


def _login_name() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return None


def _try_channel(options: argparse.Namespace) -> None:
    from jobs.alerts.trial import try_channel

    channels = load_config(options.config, os.environ).channels
    if options.channel not in channels:
        known = f"those are {', '.join(channels)}" if channels else "there are none"
        raise ConfigError(f"no channel {options.channel!r} in the configuration: {known}")
    try:
        sent = try_channel(channels[options.channel], start_run().moment, os.environ)
    except UdaError as error:
        raise UdaError(f"channel {options.channel}: not delivered: {error}") from error
    sys.stdout.write(f"channel {options.channel}: test message delivered, alert_id {sent}\n")


def _check_alerts(options: argparse.Namespace, config: Config) -> None:
    from jobs.alerts.check import check

    log.set_up_logging("text")
    check(config, start_run(options.moment).moment, os.environ, sys.stdout)


def _list(options: argparse.Namespace, config: Config) -> None:
    from jobs.alerts.listing import alerts_table
    from jobs.report import listing, reading  # half a second, which the other commands need not wait for
    from jobs.report.devices import devices_table, with_silence
    from jobs.search.lookup import search

    table = {"alerts": ALERTS, "devices": DEVICES, "runs": RUNS}.get(options.word, ANOMALIES)
    now = start_run().moment
    rows: Sequence[Mapping[str, Any]]
    if options.word == "search":
        rows = search(config.lake, options.query, now, options.limit)
    elif table is RUNS:  # a run is many rows
        rows = listing.newest_runs(reading.rows_of(config.lake, table), options.limit)
    else:
        rows = reading.rows_of(config.lake, table, limit=options.limit)
    if options.json:
        rows = with_silence(rows) if table is DEVICES else rows
        sys.stdout.writelines(f"{line}\n" for line in listing.as_json_lines(rows))
        return
    shape = (shutil.get_terminal_size((120, 24)).columns, sys.stdout.isatty())
    if table is ALERTS:
        text = alerts_table(rows)
    elif table is DEVICES:
        text = devices_table(rows, now, *shape)
    else:
        in_words = listing.anomalies_table if table is ANOMALIES else listing.runs_table
        text = in_words(rows, *shape)
    sys.stdout.write(text.rstrip("\n") + "\n")


def _run(options: argparse.Namespace, config: Config) -> None:
    from jobs.stages import STAGES as stages
    from jobs.stages import run_stage

    store = _store(options, config)
    for name in stages if options.word == "run" else [options.word]:
        run_stage(name, store, config)


def _erase(options: argparse.Namespace, config: Config) -> None:
    from jobs.erase.job import erase, rows_held, show
    from jobs.erase.what import Whose, sources_of, the_device
    from jobs.stages import STAGES as stages
    from jobs.stages import run_stage

    store = _store(options, config)
    before = [name for name in stages if name != "report"] if options.yes else []
    for name in before:  # nothing may wait that an erased file holds
        run_stage(name, store, config)
    is_device = options.what == "device"
    whose = the_device(store, options.name, options.tenant, options.product) if is_device else Whose(options.name)
    show(rows_held(store, config, whose), sources_of(store, whose), sys.stdout)
    if options.yes:
        erase(store, config, whose)
        run_stage("report", store, config)
        sys.stdout.write("erased; docs/runbook.md says what else may hold it\n")
    else:
        sys.stdout.write("nothing was erased: say --yes\n")


def _store(options: argparse.Namespace, config: Config) -> Store:
    from jobs.spark import session  # seconds, which --help and the listings need not wait for
    from jobs.store import Store

    log.set_up_logging(options.log)
    progress = options.log == "text" and sys.stderr.isatty()
    return Store(session(config.spark, progress), config.lake, start_run(options.moment))


BESIDE_A_LAKE = {"read": _read, "seal": _seal, "simulate": _what_if, "backtest": _what_if}
LISTINGS = ("anomalies", "devices", "search", "runs", "alerts")
OF_A_LAKE = {
    **dict.fromkeys(LISTINGS, _list),
    "feedback": _feedback,
    "device": _device,
    "erase": _erase,
}  # else stages
