"""Every message is a Detection Finding to the published classes of OCSF 1.5.0, which know all its attributes."""

from __future__ import annotations

import json
import typing
from copy import deepcopy

import pytest
from py_ocsf_models import OCSF_VERSION
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from pydantic import BaseModel, ValidationError

from jobs.alerts.ocsf import VERSION, detection_finding
from jobs.tables import ALERT_EVENTS, ANOMALY_STATUSES, KINDS
from tests.fast.alerts.samples import MOMENT, event

# In the standard, as recommended, since before 1.5.0; the classes lack it.
NOT_IN_THE_CLASSES = {"is_alert"}


def unknown(model, given, at=""):
    """Names of attributes that a published class does not have; what it calls any object is not looked into."""
    for name, value in given.items():
        field = model.model_fields.get(name)
        if field is None:
            yield f"{at}{name}"
            continue
        for inner in filter(is_class, parts(field.annotation)):
            for item in value if isinstance(value, list) else [value]:
                yield from unknown(inner, item, f"{at}{name}.")


def parts(annotation):
    yield annotation
    for part in typing.get_args(annotation):
        yield from parts(part)


def is_class(part):
    return isinstance(part, type) and issubclass(part, BaseModel)


def check(finding):
    """Types as they are, words as the standard's enumerations have them, nothing that it does not know."""
    parsed = DetectionFinding.model_validate_json(json.dumps(finding), strict=True)
    assert set(unknown(DetectionFinding, finding)) == NOT_IN_THE_CLASSES
    for name in ("activity", "severity", "status"):
        said = finding["activity_name" if name == "activity" else name]
        assert getattr(parsed, f"{name}_id").name == said.replace(" ", "")
    assert parsed.category_uid == finding["category_uid"]
    assert parsed.metadata.version == OCSF_VERSION == VERSION
    assert parsed.type_uid.name == finding["activity_name"]


@pytest.mark.parametrize("word", ALERT_EVENTS)
@pytest.mark.parametrize("status", ANOMALY_STATUSES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_event_of_an_episode_is_a_detection_finding(word, status, kind):
    check(detection_finding(event(word, status=status, anomaly_kind=kind), MOMENT))


def test_unknown_figures_and_moments_are_null_and_still_one():
    unknown_to_us = {"value": None, "share": None, "last_good_backup_id": None, "last_good_at": None}
    check(detection_finding(event("started", **unknown_to_us), MOMENT))


@pytest.mark.parametrize(
    "wrong", [{"time": None}, {"severity_id": 7}, {"time": "now"}, {"finding_info": {"title": "no uid"}}]
)
def test_what_is_none_is_refused_by_the_classes(wrong):
    with pytest.raises(ValidationError):
        check(detection_finding(event("started"), MOMENT) | wrong)


def test_an_attribute_that_the_standard_does_not_know_is_seen_wherever_it_stands():
    finding = deepcopy(detection_finding(event("started"), MOMENT))  # findings share what is the same in all
    finding["metadata"]["product"]["colour"] = finding["resources"][0]["colour"] = "red"
    assert {"metadata.product.colour", "resources.colour"} <= set(unknown(DetectionFinding, finding))
