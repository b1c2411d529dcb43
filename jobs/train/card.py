"""What MLflow keeps of a fleet training beside the model: card, plots, tables, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jobs.backtest.measures import Rate
from jobs.model.attacks import kind_of
from jobs.model.fleet import FleetModel
from jobs.model.sub_kinds import SUB_KINDS
from jobs.tables import KINDS
from jobs.train.gate import Decision, Judgement, recall_by_kind
from jobs.train.plots import lines_svg, shares_svg

LEAST_SHOWN = 0.01  # share of the backups in which a signal is unseen


def model_card(
    facts: Mapping[str, Any], judged: Mapping[str, Judgement], decision: Decision, fitted: Sequence[str]
) -> str:
    """The model card as markdown.

    Parameters
    ----------
    facts : mapping
        What the training was, from `jobs.train.challenger`.
    judged : mapping
        `champion` and `challenger`.
    fitted : sequence of names
        The point sets with rarities of this fleet's own.
    """
    challenger = judged["challenger"]
    hidden = [f"`{name}` ({share:.0%})" for name, share in challenger.unseen.items() if share >= LEAST_SHOWN]
    kinds = {name: recall_by_kind(each.recall) for name, each in judged.items()}
    lines = [
        f"# Fleet model of this fleet, learned until {facts['learned_until']}",
        "",
        f"**{'Promoted' if decision.is_promoted else 'Not promoted'}**: {decision.reason}.",
        "",
        "## Fitted on",
        "",
        f"- {facts['backups']:,} backups of {facts['devices']:,} devices, {facts['device_years']:g} device-years after "
        f"their 33rd backup, from {facts['learned_from']} to {facts['learned_until']} (not included). Backups under "
        "suspicion and confirmed attacks are left out.",
        f'- Shrunk to "{facts["start"]}", from which the points of all sub-kinds are: what an attack looks like was '
        "learned there, from simulated ones.",
        f"- Own rarities and alert rates for the point sets {', '.join(fitted) or 'none'}; the others stay.",
        "",
        "## Judged on",
        "",
        f"{challenger.backups:,} backups of {challenger.devices:,} other devices, {challenger.years:.1f} device-years, "
        f"with simulated attacks, walking forward. Recall is at {facts['budget']:g} alerts a device-year of either "
        "model; alerts are at the threshold in use.",
        "",
        "| | champion | challenger |",
        "|---|---|---|",
        *(
            f"| recall, {kind} | {kinds['champion'][kind]:.3f} | {kinds['challenger'][kind]:.3f} |"
            for kind in kinds["champion"]
        ),
        _alerts_row(judged),
        "",
        "## What it can't see",
        "",
        f"- On the devices that judged, not seen: {', '.join(hidden) or 'nothing'}. A signal needs figures that the "
        "product prints.",
        "- Attacks were simulated on clean backups; whether a clean backup was one, nobody proved.",
        '- See docs/detection.md, "What it cannot see".',
    ]
    return "\n".join(lines) + "\n"


def plots(
    start: FleetModel,
    champion: FleetModel,
    challenger: FleetModel,
    judged: Mapping[str, Judgement],
    fitted: Sequence[str],
) -> dict[str, str]:
    """Plots by file name."""
    sizes = np.arange(len(start.curve), dtype=np.float64)
    curves = {"start": start, "champion": champion, "challenger": challenger}
    ratios = {name: np.stack((sizes, 1 / (1 + np.exp(-fleet.curve)))) for name, fleet in curves.items()}
    names = list(judged["champion"].recall)
    drawn = {
        "plots/curves.svg": lines_svg("Usual compressed share", "mean file size, 2^x bytes", ratios, {}),
        "plots/recall.svg": shares_svg(
            "Recall at equal alerts",
            names,
            {who: [each.recall[name] for name in names] for who, each in judged.items()},
        ),
    }
    for name in fitted:
        tails = [
            dict(zip((s.name for s in SUB_KINDS), fleet.sets[name].tails, strict=True))
            for fleet in (challenger, champion)
        ]
        title = f"Points of set {name}: -log10 of the share of clean backups (dashed: champion)"
        drawn[f"plots/points_{name}.svg"] = lines_svg(title, "points", *tails)
    return drawn


def tables(judged: Mapping[str, Judgement]) -> dict[str, dict[str, Sequence[Any]]]:
    """Tables by file name, as columns."""
    names = list(judged["champion"].recall)
    by_class: dict[str, Sequence[Any]] = {"attack": names, "kind": [KINDS[kind_of(name)] for name in names]}
    for who, each in judged.items():
        by_class[f"{who}, equal alerts"] = [each.recall[name] for name in names]
        by_class[f"{who}, threshold in use"] = [each.caught[name] for name in names]
    unseen = judged["challenger"].unseen
    return {"recall.json": by_class, "unseen.json": {"signal": list(unseen), "share of backups": list(unseen.values())}}


def metrics(judged: Mapping[str, Judgement]) -> dict[str, float]:
    """Figures of both models, named as champion/… and challenger/…."""
    found = {}
    for who, each in judged.items():
        found[f"{who}/alerts_per_device_year"] = each.alerts.value
        found |= {f"{who}/recall/{kind}": value for kind, value in recall_by_kind(each.recall).items()}
        found |= {f"{who}/recall/{name}": value for name, value in each.recall.items()}
        found |= {f"{who}/recall_at_threshold/{name}": value for name, value in each.caught.items()}
    return found


def _alerts_row(judged: Mapping[str, Judgement]) -> str:
    return f"| alerts a device-year | {' | '.join(_rate(each.alerts) for each in judged.values())} |"


def _rate(rate: Rate) -> str:
    """With its interval, which a single device does not give."""
    return f"{rate.value:.2f}" + ("" if np.isnan(rate.low) else f" ({rate.low:.2f} to {rate.high:.2f})")
