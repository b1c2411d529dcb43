"""The command line: one parser, one subcommand a word. Errors become exit status 0, 1 or 2 here and nowhere else."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jobs import __version__
from jobs.commands import follow
from jobs.errors import ConfigError, UdaError
from jobs.options import (
    ExactParser,
    add_alerts,
    add_device,
    add_erase,
    add_feedback,
    add_seal,
    add_search,
    add_what_if_words,
    moment,
    zone,
)
from jobs.read.job import PRODUCTS

STAGES = {
    "ingest": "read what landed into the tables backups and rejects",
    "features": "put each new backup beside the one before it",
    "train": "learn what each device usually does",
    "score": "score new backups; write scores, anomalies and devices",
    "report": "write the page of what is unusual, and tell of it through the channels",
}
LINE = """\
stages, each a part of `run`:
  landing -ingest-> backups -features-> features -train-> models -score-> anomalies -report-> page, alerts

exit status: 0 done, whether anomalies were found or not; 1 failed, one line says why; 2 wrong usage or configuration
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = ExactParser(
        prog="uda",
        description="Unusual data activity in backup fleets: which backups are unusual, why, and which one to restore.",
        epilog=LINE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"uda {__version__}")
    words = top.add_subparsers(dest="word", required=True, metavar="COMMAND", parser_class=ExactParser)
    common = ExactParser(add_help=False)
    common.add_argument("--lake", metavar="DIR", help="folder or s3a:// address of the tables (default: configuration)")
    common.add_argument("--config", metavar="FILE", type=Path, help="TOML file (default: UDA_CONFIG, conf/local.toml)")
    running = ExactParser(add_help=False)
    running.add_argument("--log", choices=("text", "json"), default="text", help="how events look on stderr")
    running.add_argument("--moment", type=moment, metavar="TIME", help="take this for now, as in 2025-03-30T21:00:00Z")
    landing = ExactParser(add_help=False)
    landing.add_argument("--landing", metavar="DIR", help="folder into which records arrive (default: configuration)")
    reading = ExactParser(add_help=False, parents=[landing])
    queue = "SQS queue, or folder, of notices that name what to read (default: configuration; none: all that landed)"
    reading.add_argument("--queue", metavar="URL", help=queue)

    everything = "all stages for what is new, in one go"
    words.add_parser("run", help=everything, description=everything, parents=[common, running, reading])
    for name, does in STAGES.items():
        parents = [common, running, reading] if name == "ingest" else [common, running]
        words.add_parser(name, help=does, description=does, parents=parents)
    listing = ExactParser(add_help=False)
    listing.add_argument("--json", action="store_true", help="one JSON object a line, all columns")
    listing.add_argument("--limit", type=int, metavar="N", help="only the newest N of them")
    for name, does in (
        ("anomalies", "what is unusual, newest first"),
        ("devices", "each device as it stands: judged or why not, silent, and its last good backup"),
        ("runs", "what ran, and what became of every record"),
    ):
        words.add_parser(name, help=does, description=does, parents=[common, listing])
    add_search(words, [common, listing])
    add_alerts(words, [common, listing])
    add_feedback(words, [common, landing])
    add_device(words, [common, landing])
    add_erase(words, [common, running, landing])
    says = "canonical records from what a backup tool left, as JSON on stdout; what can't be used, on stderr"
    read = words.add_parser("read", help=says, description=says)
    read.add_argument("product", metavar="PRODUCT", choices=PRODUCTS, help=f"one of {', '.join(PRODUCTS)}")
    read.add_argument("paths", metavar="PATH", type=Path, nargs="+", help="files, or folders of a landing")
    zone_help = "zone of local times that the tool prints, as in Europe/Berlin (default: they are refused)"
    read.add_argument("--time-zone", type=zone, metavar="ZONE", help=zone_help)
    keys = "TOML file with keys for sealed dumps in it (default: UDA_CONFIG, conf/local.toml)"
    read.add_argument("--config", metavar="FILE", type=Path, help=keys)
    add_what_if_words(words)
    add_seal(words)
    lacks = "what this machine lacks and how to get it"
    words.add_parser("doctor", help=lacks, description=lacks, parents=[common])
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = parser().parse_args(arguments)
    try:
        return follow(options)
    except ConfigError as error:
        return _failed(error, 2)
    except UdaError as error:
        return _failed(error, 1)
    except BrokenPipeError:  # the reader of a listing has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _failed("interrupted; what was written is whole, run it again to go on", 1)
    except Exception as error:  # the last place where it can be said; the first line is what a person can read
        return _failed(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}", 1)


def _failed(error: object, status: int) -> int:
    for line in str(error).splitlines():
        sys.stderr.write(f"uda: {line}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
