"""The sentence that says why a backup is unusual: `anomalies.reason`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.words import UNKNOWN, count_in_words, is_known, quantity_in_words, range_in_words, share_in_words

# What a signal's value means; {} is the value with its unit.
PHRASES = {
    "excess_bytes": "{} uploaded that did not compress as this device's files do",
    "excess_files": "Upload worth {} that did not compress as this device's files do",
    "dense_bytes": "{} uploaded that is denser than what this device holds",
    "rewritten_excess": "{} written over with content that does not compress as this device's files do",
    "ratio_high": "The upload compressed worse than expected by {}",
    "ratio_low": "The upload compressed better than expected by {}",
    "updated": "{} changed",
    "updated_net": "{} changed beyond those added and deleted",
    "replaced": "{} deleted with as many added in their place",
    "replaced_new_ext": "{} replaced by files with an extension new to this device",
    "new_ext": "{} added with an extension new to this device",
    "deleted_net": "{} deleted beyond those added",
    "deleted": "{} deleted",
    "deleted_alone": "{} deleted beyond those added and changed",
    "added_net": "{} added beyond those deleted",
    "added": "{} added",
    "added_alone": "{} added beyond those deleted and changed",
    "uploaded_bytes": "{} uploaded",
    "grown": "Files that were there grew by {}",
    "stored_excess": "The store grew by {} more than the device's files at their usual compression",
    "stored_deficit": "The store shrank by {} more than the device's files at their usual compression",
    "rewritten": "{} written over what was there",
    "lost": "The device lost {}",
    "gained": "The device gained {}",
}


def reason(anomaly: Mapping[str, Any]) -> str:
    """One sentence: what, how much, what is usual, how much of the device.

    Parameters
    ----------
    anomaly : mapping
        `signal`, `value`, `unit`, `usual_low`, `usual_high`, `share`, `anomaly_kind` and `backups_together`, as in
        `anomalies`. What is unknown (None or NaN) is left out of the sentence.

    Examples
    --------
    >>> reason({"anomaly_kind": "delete", "signal": "deleted", "value": 9000.0, "unit": "files",
    ...         "usual_low": 0.0, "usual_high": 3.0, "share": 0.45})
    "9,000 files deleted, usually 0 to 3 a backup; 45 % of the device's files."
    """
    signal, unit = anomaly.get("signal"), anomaly.get("unit")
    if signal is None or not is_known(anomaly.get("value")):
        return f"Unusual as a whole ({anomaly.get('anomaly_kind') or 'no kind'}); no single figure says why."
    # A signal that this version has no phrase for (a table written by a newer one) is still named.
    sentence = PHRASES.get(signal, f"{signal} at {{}}").format(quantity_in_words(anomaly["value"], unit))
    usual = range_in_words(anomaly.get("usual_low"), anomaly.get("usual_high"), unit)
    if usual != UNKNOWN:
        sentence += f", usually {usual}" + (" a backup" if unit == "files" and usual != "none" else "")
    if is_known(anomaly.get("share")) and unit in ("files", "bytes"):
        sentence += f"; {share_in_words(anomaly['share'])} of the device's {unit}"
    together = anomaly.get("backups_together")
    if is_known(together):
        sentence += f"; {count_in_words(int(together or 0))} backups that are a little unusual in this way add up"
    return f"{sentence}."
