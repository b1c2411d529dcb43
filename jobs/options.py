"""Options that commands of their own take, and the values that they stand for."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from jobs.tables import DEVICE_WORDS, SEALED_FOR, VERDICTS


class ExactParser(argparse.ArgumentParser):
    """A parser that takes no abbreviation: a script that says --lak must not start to mean something else one day."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)


def add_what_if_words(words: Any) -> None:
    """`simulate` and `backtest`: what the detector would have said of a history; neither needs a lake."""
    shared = ExactParser(add_help=False)
    backups = "canonical records: a Parquet or JSON Lines file, or a folder with such files"
    shared.add_argument("--backups", metavar="PATH", type=Path, required=True, help=backups)
    config = "TOML file with budget and look_back_days (default: UDA_CONFIG, conf/local.toml)"
    shared.add_argument("--config", metavar="FILE", type=Path, help=config)
    does = "make what-if rows for a backtest: real backups as they would look with a simulated attack in them"
    simulating = words.add_parser("simulate", help=does, description=does, parents=[shared])
    file = "file to write: JSON Lines if its name ends in .jsonl, else Parquet"
    simulating.add_argument("--out", metavar="PATH", type=Path, required=True, help=file)
    seed = "draws the backups that are attacked; the same seed, the same rows (default: %(default)s)"
    simulating.add_argument("--seed", metavar="N", type=partial(_whole, least=0), default=7, help=seed)
    does = "score a history walking forward, and report what would have alerted, how soon and at what price"
    testing = words.add_parser("backtest", help=does, description=does, parents=[shared])
    what_if = "rows that might have stood in place of backups, as `uda simulate` writes them"
    testing.add_argument("--what-if", metavar="PATH", type=Path, help=what_if)
    folder = "folder for scores/ (Parquet) and report.html; what it held of both is replaced"
    testing.add_argument("--out", metavar="DIR", type=Path, required=True, help=folder)
    refit = "backups after which a device's model is fitted anew (default: %(default)s)"
    testing.add_argument("--refit-every", metavar="N", type=partial(_whole, least=1), default=1, help=refit)
    budget = "false alerts per device-year that are allowed (default: configuration)"
    testing.add_argument("--budget", metavar="X", type=_budget, help=budget)
    fleet = "fleet model as JSON to judge by (default: the one that comes with the package)"
    testing.add_argument("--fleet-model", metavar="FILE", type=Path, help=fleet)


def add_feedback(words: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """`feedback`: needs a lake and its landing folder, and no Spark."""
    does = "say what an anomaly was, which the next run reads"
    meanings = "\n".join(f"  {word:<15} {meaning}" for word, meaning in VERDICTS.items())
    giving = words.add_parser(
        "feedback",
        help=does,
        description=f"{does}\n\nverdicts:\n{meanings}",
        parents=parents,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    giving.add_argument("anomaly", metavar="ANOMALY", help="its id, or the beginning if no other begins so")
    giving.add_argument("verdict", metavar="VERDICT", choices=tuple(VERDICTS), help=", ".join(VERDICTS))
    giving.add_argument("--tenant", metavar="T", help="whose anomaly it is (default: whoever has it)")
    _add_how_it_is_said(giving)


def add_device(words: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """`device`: needs a lake and its landing folder, and no Spark."""
    does = "say that a device is gone, is called something else, or is to be quiet, which the next run reads"
    meanings = "\n".join(f"  {word:<8} {meaning}" for word, meaning in DEVICE_WORDS.items())
    saying = words.add_parser(
        "device",
        help=does,
        description=f"{does}\n\nwords:\n{meanings}",
        parents=parents,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    saying.add_argument("say", metavar="WORD", choices=tuple(DEVICE_WORDS), help=", ".join(DEVICE_WORDS))
    saying.add_argument("device", metavar="NAME", help="what it is called, as `uda devices` lists it")
    new = "of rename: what it is called now; if that has backups of its own, both become one history"
    saying.add_argument("new", metavar="NEW", nargs="?", help=new)
    _add_which_device(saying)
    since = "begin of a snooze, said as its end is (default: now)"
    saying.add_argument("--from", dest="since", metavar="DATE", type=_day_or_days, help=since)
    _add_how_it_is_said(saying)


def _add_which_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", metavar="T", help="whose device it is (default: whoever has it)")
    parser.add_argument("--product", metavar="P", help="which product backs it up (default: whichever does)")


def _add_how_it_is_said(parser: argparse.ArgumentParser) -> None:
    """What `feedback` and `device` both take: the end of a snooze, why, who and when."""
    until = "end of a snooze: a day, as in 2025-04-30, at whose beginning (UTC) it ends, or so many days from now"
    parser.add_argument("--until", metavar="DATE", type=_day_or_days, help=until)
    parser.add_argument("--note", metavar="TEXT", help="why, in your own words")
    parser.add_argument("--by", metavar="NAME", help="who says so (default: your login name)")
    now = "take this for now, as in 2025-03-30T21:00:00Z"
    parser.add_argument("--moment", type=moment, metavar="TIME", help=now)


def add_erase(words: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """`erase`: shows what it would erase unless it is told to."""
    does = "erase a device or a tenant: every row of it, and every file of the tables that holds one"
    erasing = words.add_parser("erase", help=does, description=does, parents=parents)
    erasing.add_argument("what", metavar="WHAT", choices=("device", "tenant"), help="device or tenant")
    erasing.add_argument("name", metavar="NAME", help="its name; of a device, one of those that it had")
    _add_which_device(erasing)
    erasing.add_argument("--yes", action="store_true", help="do it; without, only show what would be erased")


QUERY = """\
  device:nas1,nas2   one of these; also tenant, product, backup, anomaly, episode, kind, status
  device:web-*       names that begin so; ? is any one character
  kind:-add,modify   none of these
  since:30d          of the last 30 days; 12h are hours, 2025-03-01 is a day (UTC); also until
  score:1            as unusual as once in ten device-years, or more
  path:*/plan/*      a changed file so named, where a list of them landed; ext:locked,docx is by extension
  anything else      stands in the reason; a quotation mark keeps spaces: device:'my nas'
"""


def add_search(words: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """`search`: anomalies of a lake by a query in words."""
    does = "anomalies that a query asks for, newest first"
    searching = words.add_parser(
        "search",
        help=does,
        description=f"{does}\n\na query, in quotes, all of which must hold:\n{QUERY}",
        parents=parents,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    searching.add_argument("query", metavar="QUERY", help='as in "device:nas1 kind:delete since:30d"')


def add_alerts(words: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """`alerts`: the messages of a lake, or what sends those that are owed; or sends a test one, and needs no lake."""
    does = "messages owed and delivered, newest first; or send what is owed, or a test message"
    listing = words.add_parser("alerts", help=does, description=does, parents=parents)
    actions = listing.add_subparsers(dest="action", metavar="check, test", parser_class=ExactParser)
    # Without defaults of their own: they would undo what was said before the word.
    config = "TOML file (default: UDA_CONFIG, conf/local.toml)"
    configured = ExactParser(add_help=False)
    configured.add_argument("--config", metavar="FILE", type=Path, default=argparse.SUPPRESS, help=config)
    finds = "see whether runs come to their end, and send what is owed; for a cron line of its own, without Spark"
    checking = actions.add_parser("check", help=finds, description=finds, parents=[configured])
    lake = "folder or s3a:// address of the tables (default: configuration)"
    checking.add_argument("--lake", metavar="DIR", default=argparse.SUPPRESS, help=lake)
    now = "take this for now, as in 2025-03-30T21:00:00Z"
    checking.add_argument("--moment", type=moment, metavar="TIME", help=now)
    sends = "send a test message through one channel and say what happened"
    testing = actions.add_parser("test", help=sends, description=sends, parents=[configured])
    testing.add_argument("channel", metavar="CHANNEL", help="its name, as in [channels.NAME]")


def add_seal(words: Any) -> None:
    """`seal`: needs neither a lake nor a configuration."""
    does = "seal a dump before it lands, or make the key for it"
    sealing = words.add_parser("seal", help=does, description=does)
    file = "what to seal; its name ends as that of a landed file does, packed or not"
    sealing.add_argument("file", metavar="FILE", type=Path, nargs="?", help=file)
    keys = sealing.add_mutually_exclusive_group(required=True)
    keys.add_argument("--key-file", metavar="PATH", type=Path, help="file with the wrapping key, its owner's alone")
    kms = "wrapping key in AWS KMS: its ARN, or an id in the region of the AWS settings"
    keys.add_argument("--kms-key", metavar="ID", help=kms)
    new = "make a key file instead, which its owner alone may read; never overwrites one"
    keys.add_argument("--new-key", metavar="PATH", type=Path, help=new)
    context = f"whose backup it is, which ingest compares with records and folder: {', '.join(SEALED_FOR)}"
    sealing.add_argument("--context", metavar="NAME=VALUE", type=_named, nargs="+", action="extend", help=context)
    out = "file to write, which must not be there (default: FILE with .enc behind it)"
    sealing.add_argument("--out", metavar="PATH", type=Path, help=out)


def _named(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if name not in SEALED_FOR or not value:
        raise argparse.ArgumentTypeError(f"{text} is not like device_id=nas1; name one of {', '.join(SEALED_FOR)}")
    return name, value


def zone(name: str) -> ZoneInfo:
    """A time zone by its name."""
    if name not in available_timezones():
        raise argparse.ArgumentTypeError(f"{name} is no time zone; name one like Europe/Berlin")
    return ZoneInfo(name)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from {least} on")
    return int(text)


def _budget(text: str) -> float:
    if not 0 < float(text) < math.inf:
        raise argparse.ArgumentTypeError(f"{text} allows no false alerts; name a number above 0")
    return float(text)


def _day_or_days(text: str) -> date | int:
    if text.isdecimal() and len(text) <= 4:
        return _whole(text, least=1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        said = f"{text} is neither a day, as in 2025-04-30, nor a number of days"
        raise argparse.ArgumentTypeError(said) from None


def moment(text: str) -> datetime:
    """A moment, aware."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} has no time zone; write it in UTC with a Z")
    return found
