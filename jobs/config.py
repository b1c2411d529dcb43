"""What a person may set: frozen, typed, strict. Defaults and their reasons are in `default.toml`."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, get_type_hints
from zoneinfo import available_timezones

from jobs.channel_settings import Alerts, Channel, channels_of
from jobs.errors import ConfigError
from jobs.keys import key_faults


@dataclass(frozen=True)
class Ingest:
    """Reading what landed."""

    max_ahead_days: int
    settle_hours: int
    paths_per_backup: int


@dataclass(frozen=True)
class Features:
    """Comparing a backup with the one before."""

    look_back_days: int


@dataclass(frozen=True)
class Train:
    """What teaches the device models."""

    first_days: int
    aged_days: int
    aged_backups: int
    rows_per_partition: int
    fleet_model: str
    fleet_every_days: int
    fleet_devices: int
    fleet_device_days: int
    fleet_backups: int


@dataclass(frozen=True)
class Score:
    """When a backup alerts."""

    budget: float


@dataclass(frozen=True)
class Sealed:
    """Keys that open sealed dumps: where they are, and whose."""

    key_files: Mapping[str, str]
    kms_keys: Mapping[str, str]
    tenants: Mapping[str, str]


@dataclass(frozen=True)
class Mlflow:
    """Where models are recorded."""

    tracking_uri: str
    model_name: str


@dataclass(frozen=True)
class Config:
    """Everything a person may set; see `jobs/default.toml`."""

    lake: str
    landing: str
    queue: str
    ingest: Ingest
    features: Features
    train: Train
    score: Score
    alerts: Alerts
    mlflow: Mlflow
    sealed: Sealed
    tenants: Mapping[str, str]
    time_zone: Mapping[str, str]
    git_devices: Mapping[str, str]
    spark: Mapping[str, str]
    channels: Mapping[str, Channel]


def load_config(path: Path | None, environment: Mapping[str, str]) -> Config:
    """The defaults, overridden by the file and then by `UDA_…` variables.

    Parameters
    ----------
    path : Path or None
        A TOML file; None: `UDA_CONFIG`, else `conf/local.toml` below the working directory if it is there.
    environment : mapping
        Variables; `UDA_SCORE__BUDGET` sets `budget` in `[score]`, `UDA_LAKE` sets `lake`.

    Raises
    ------
    ConfigError
        With one line for every fault: unknown key, wrong type, value out of range, unreadable file.
    """
    settings = tomllib.loads(resources.files("jobs").joinpath("default.toml").read_text(encoding="utf-8"))
    faults: list[str] = []
    chosen = path or (Path(environment["UDA_CONFIG"]) if environment.get("UDA_CONFIG") else None)
    if chosen is None and Path("conf/local.toml").is_file():
        chosen = Path("conf/local.toml")
    if chosen is not None:
        _override(settings, _read_toml(chosen), str(chosen), faults)
    _override(settings, _from_environment(environment, settings), "environment", faults)
    config = _typed(Config, settings, "", faults)
    faults += _out_of_range(settings) if not faults else []
    if faults:
        raise ConfigError("\n".join(faults))
    return config  # type: ignore[no-any-return]  # built from Config's own field types


SMALLEST: dict[int, dict[str, tuple[str, ...]]] = {
    2: {"alerts": ("fleet_devices",)},
    1: {
        "features": ("look_back_days",),
        "train": ("rows_per_partition", "fleet_devices", "fleet_device_days", "fleet_backups"),
        "alerts": ("attempts", "no_run_hours", "reject_records"),
    },
    0: {
        "ingest": ("max_ahead_days", "settle_hours", "paths_per_backup"),
        "train": ("first_days", "aged_days", "aged_backups", "fleet_every_days"),
        "alerts": ("max_age_days",),
    },
}
# Their keys are the user's own.
FREE_TABLES = ("tenants", "time_zone", "git_devices", "spark", "channels", "key_files", "kms_keys")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name an existing file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error


def _from_environment(environment: Mapping[str, str], settings: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in environment.items():
        if not name.startswith("UDA_") or name == "UDA_CONFIG":
            continue
        section, _, key = name.removeprefix("UDA_").lower().partition("__")
        default = settings.get(section, {}).get(key) if key else settings.get(section)
        value = _number(text) if isinstance(default, int | float) else text
        if key:
            found.setdefault(section, {})[key] = value
        else:
            found[section] = value
    return found


def _number(text: str) -> Any:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _override(settings: dict[str, Any], given: dict[str, Any], origin: str, faults: list[str], at: str = "") -> None:
    for key, value in given.items():
        place = f"{origin} [{at}]" if at else origin
        if key not in settings and at not in FREE_TABLES:
            close = difflib.get_close_matches(key, settings, n=1)
            hint = f' (did you mean "{close[0]}"?)' if close else ""
            faults.append(f'{place}: unknown key "{key}"{hint}')
        elif isinstance(settings.get(key), dict):
            if isinstance(value, dict):
                _override(settings[key], value, origin, faults, key)
            else:
                faults.append(f'{place}: "{key}" is a table of keys, got {value!r}')
        else:
            settings[key] = value


def _typed(kind: Any, settings: dict[str, Any], at: str, faults: list[str]) -> Any:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):
        wanted, value = hints[field.name], settings[field.name]
        place = f"{at}.{field.name}".lstrip(".")
        if field.name == "channels":
            values[field.name] = channels_of(value, faults)
        elif is_dataclass(wanted):
            values[field.name] = _typed(wanted, value, field.name, faults)
        elif isinstance(value, dict):
            wrong = {key: item for key, item in value.items() if type(item) is not str}
            faults += [f"{place}.{key}: must be text, got {item!r}" for key, item in wrong.items()]
            values[field.name] = value
        else:
            fits = type(value) is wanted or (wanted is float and type(value) is int)
            if not fits:
                faults.append(f"{place}: must be {wanted.__name__}, got {value!r}")
            values[field.name] = value
    return kind(**values)


def _out_of_range(settings: dict[str, Any]) -> list[str]:
    faults = [
        f"{section}.{key}: must be {smallest} or more, got {settings[section][key]}"
        for smallest, sections in SMALLEST.items()
        for section, keys in sections.items()
        for key in keys
        if settings[section][key] < smallest
    ]
    if not 0 < settings["score"]["budget"] < math.inf:
        faults.append(f"score.budget: must be above 0 and finite, got {settings['score']['budget']}")
    unknown = {prefix: zone for prefix, zone in settings["time_zone"].items() if zone not in available_timezones()}
    faults += [f'time_zone."{p}": must be a name like Europe/Berlin, got {zone!r}' for p, zone in unknown.items()]
    return faults + _git_faults(settings["git_devices"]) + key_faults(**settings["sealed"])


def _git_faults(devices: Mapping[str, str]) -> list[str]:
    at = "git_devices"
    faults = [f'{at}."{path}": must be a repository and a folder in it' for path in devices if "/" not in path[:-1]]
    inside = [(path, other) for path in devices for other in devices if path.startswith(other.rstrip("/") + "/")]
    faults += [f'{at}."{path}": lies inside "{other}"; a file belongs to one device' for path, other in inside]
    names = list(devices.values())
    twice = sorted({name for name in names if names.count(name) > 1})
    return faults + [f'{at}: "{name}" stands for two folders; a device is one' for name in twice]
