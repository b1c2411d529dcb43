"""Every table: what one row is, its key, its columns with type, unit and what null means. Start reading here.

A table is declared once, here. `jobs.store` makes it in Delta from this (comments and CHECK constraints included) and
refuses a frame that differs, on read and on write. No Spark in this module: types are DDL strings.

Two rules hold everywhere: unknown is null and never 0; every moment is UTC.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: name, DDL type, and a comment that gives unit, range and what null means."""

    name: str
    type: str
    comment: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One table.

    `writer` is the only stage that writes it. `checks` are CHECK constraints by name. `partition_by` is used where a
    slice is replaced whole; `cluster_by` where rows are only ever inserted (an upsert into a clustered table costs ten
    times as much).
    """

    name: str
    grain: str
    key: tuple[str, ...]
    writer: str
    columns: tuple[Column, ...]
    checks: tuple[tuple[str, str], ...] = ()
    partition_by: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def only(self, *names: str) -> tuple[Column, ...]:
        """The named columns, in the order given."""
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in names)


DEVICE = (
    Column("tenant_id", "string", "Whose data this is; 'default' where nothing says otherwise.", True),
    Column("product", "string", "Backup product that printed the record; 'canonical' where nothing says so.", True),
    Column("device_id", "string", "One history: one source backed up by one job of one product.", True),
)
BACKUP_KEY = (
    *DEVICE,
    Column("backup_id", "string", "The product's own name of the backup.", True),
    Column("day", "date", "UTC date of ended_at.", True),
)
KINDS = ("encrypt", "delete", "add", "modify")
STATUSES = ("complete", "partial", "failed")
BACKUP_KINDS = ("full", "incremental", "unknown")
# What a record says in words, and what one counts as that it does not say.
WORDS = ("tenant_id", "product", "device_id", "backup_id", "backup_kind", "status")
SEALED_FOR = ("tenant_id", "product", "device_id", "backup_id")  # what the context of a sealed dump may name
UNSAID = {"tenant_id": "default", "product": "canonical", "backup_kind": "unknown", "status": "complete"}
VERDICTS = {
    "confirmed": "It was an attack: it never teaches, and nothing of its episode is good.",
    "false_positive": "The backup was in order: it counts as good, teaches, and its episode is over.",
    "new_baseline": "The same, and what alerted after it in its episode was in order too.",
    "snooze": "Not now: the device's alerts stay quiet until then. What is learned does not change.",
}
DEVICE_WORDS = {
    "retire": "It is gone: never silent, and named as retired until a newer backup of it lands.",
    "rename": "It is called so from now on: what comes under that name goes on with its history.",
    "snooze": "A planned change: alerts of that time stay quiet until it is over. What is learned does not change.",
}
ALERT_EVENTS = ("started", "grown", "resolved")
ALERT_STATUSES = ("owed", "delivered", "gave_up", "covered")
ALERTS_ARE_ABOUT = ("episode", "fleet", "operation")
ALERT_CONDITIONS = ("stage_failed", "no_run", "dumps_missing", "silent", "emptied", "rejects")
ANOMALY_STATUSES = ("open", "resolved", "confirmed", "false_positive", "new_baseline", "snoozed")
CHANGES = ("added", "updated", "deleted", "moved")
REASONS = {
    "duplicate": "The backup (or what a person said) is held already, from another file or line. No body is kept.",
    "conflicting_record": "A record that is held says something else of the backup, or of what a person spoke of.",
    "bad_json": "The line is not one JSON object.",
    "bad_encoding": "The line is not UTF-8.",
    "missing_field": "A field that every such record needs is missing or empty.",
    "bad_value": "A field has a word or a shape that it can't have.",
    "bad_number": "A count or a size is not a whole number below 2^63.",
    "negative": "A count or a size is below 0.",
    "no_figures": "The run did not fail, and there is no count and no size.",
    "total_below_parts": "A total after the backup is smaller than what was added and updated.",
    "no_time_zone": "A time has no zone; it is never guessed.",
    "bad_time": "A time can't be read, lies before 2000 or in the future, or ends before it begins.",
    "foreign_tenant": "The record names another tenant than its landing prefix belongs to.",
    "empty": "The file has no byte.",
    "unreadable": "The file can't be opened or read to its end; what was readable is used.",
    "unknown_shape": "Neither the file's name nor its content is of a format that is read.",
    "too_long": "The line is longer than any record.",
    "truncated": "A run's output ends before its summary, and its exit status never came.",
    "dry_run": "The tool only tried what it would do.",
    "bad_line": "A line of a run's output can't be read; the run is read from the others.",
    "late_file": "The file of a run came after the run was read.",
    "unseal_failed": "The sealed file does not open: another key, changed, cut off, or not sealed. It is not used.",
    "context_mismatch": "The sealed file was sealed for another tenant, product, device or backup. It is not used.",
    "dump_missing": "A notice came as often as it may, and its dump was never there.",
    "dump_changed": "The dump has another size or SHA-256 than its notice says. It is not read.",
    "dump_outside": "A notice names a dump that does not lie where dumps are read.",
    "erased": "It is of a device or tenant that was erased, and from before that. No body is kept.",
    "no_key": "None of the configured keys is one that the sealed file needs; it can be landed anew once one is.",
}
SEAL_REASONS = ("unseal_failed", "context_mismatch", "no_key")

# What a backup may say of itself in numbers. The order is the order of the columns wherever they stand.
COUNTS = (
    Column("files_added", "bigint", "Files that were not in the backup before. Count; null: unknown."),
    Column("files_updated", "bigint", "Files whose content changed. Count; null: unknown."),
    Column("files_deleted", "bigint", "Files that are no longer there. Count; null: unknown."),
    Column("files_moved", "bigint", "Of added and deleted, pairs with the same content. Count; null: unknown."),
    Column("files_new_extension", "bigint", "Of added, with an extension new to the device. Count; null: unknown."),
    Column("files_total", "bigint", "Files after the backup. Count; null: unknown."),
    Column("dirs_total", "bigint", "Folders after the backup. Count; null: unknown."),
)
SIZES = (
    Column("bytes_uploaded", "bigint", "Logical size of added and updated files. Bytes; null: unknown."),
    Column("bytes_unique", "bigint", "Of bytes_uploaded, new after deduplication. Bytes; null: unknown."),
    Column("bytes_compressed", "bigint", "What was uploaded (or was unique), compressed. Bytes; null: unknown."),
    Column("bytes_deleted", "bigint", "Size of the deleted files. Bytes; null: unknown."),
    Column("bytes_total", "bigint", "Logical size of all files after the backup. Bytes; null: unknown."),
    Column("bytes_total_compressed", "bigint", "The same, compressed. Bytes; null: unknown."),
)
FIGURES = (*COUNTS, *SIZES)
PROVENANCE = (
    Column("derived", "array<string>", "Figures that the tool did not print but a rule gave.", True),
    Column("upper_bound", "array<string>", "Figures that may be too high, never too low.", True),
)
RUN_ID = Column("run_id", "string", "The run that wrote the row; see `runs`.", True)
PATHS_LISTED = "Paths that the backup's list names, of which at most `paths_per_backup` are kept. Count"
SIGNAL_COLUMNS = (
    Column("signal", "string", "The signal that spoke loudest for the kind; null: it did not alert."),
    Column("value", "double", "That signal's value, in `unit`; null: it did not alert."),
    Column("unit", "string", "files, bytes or deviations; null: it did not alert."),
    Column("usual_low", "double", "5 % point of that signal on this device, in `unit`; null: it did not alert."),
    Column("usual_high", "double", "95 % point of that signal on this device, in `unit`; null: it did not alert."),
    Column("share", "double", "Value beside the files or bytes before, 0 to 1; null: no total, or it did not alert."),
)
LAST_GOOD_DEVICE = Column(
    "last_good_device_id", "string", "What the device was called in that one; null: as it is here, or none held."
)
TOGETHER = Column("backups_together", "bigint", "Backups whose evidence made the score together; null: this one alone.")


def _not_negative(columns: tuple[Column, ...]) -> tuple[tuple[str, str], ...]:
    # Delta takes an unknown outcome for a breach, so null is allowed by name.
    return tuple((f"{c.name}_not_negative", f"{c.name} IS NULL OR {c.name} >= 0") for c in columns)


def _one_of(column: str, words: tuple[str, ...]) -> tuple[str, str]:
    return (f"{column}_known", f"{column} IN ({', '.join(repr(word) for word in words)})")


LANDED = Table(
    name="landed",
    grain="one file that landed, as it was when it was first seen",
    key=("path",),
    writer="ingest",
    columns=(
        Column("path", "string", "Below the landing folder.", True),
        Column("source", "string", "Source, as in `backups`, of the tool's run that it is a file of; null: of none."),
        Column("part", "string", "Which file of that run it is, as in backup.jsonl or exit; null: of none."),
        Column(
            "arrival", "bigint", "From 1; files that were first seen together share it, later ones have more.", True
        ),
        Column("modified_at", "timestamp", "When it was last modified, UTC.", True),
        Column("bytes", "bigint", "Its size.", True),
        RUN_ID,
    ),
)

BACKUPS = Table(
    name="backups",
    grain="one finished backup session, from any product, as the tool printed it",
    key=tuple(column.name for column in BACKUP_KEY),
    writer="ingest",
    columns=(
        *BACKUP_KEY,
        Column("ended_at", "timestamp", "When the backup ended, UTC.", True),
        Column("started_at", "timestamp", "When the backup began, UTC; null: unknown."),
        Column("backup_kind", "string", "full, incremental or unknown.", True),
        Column("status", "string", "complete, partial or failed, as the tool says.", True),
        *FIGURES,
        *PROVENANCE,
        Column("extra", "string", "Further fields of the record, as one JSON object; null: none."),
        Column(
            "source",
            "string",
            "The landed file, or the run or day of a tool, below the landing folder.",
            True,
        ),
        Column("position", "bigint", "The record's line (or row) in it, from 1.", True),
        RUN_ID,
    ),
    checks=(*_not_negative(FIGURES), _one_of("status", STATUSES), _one_of("backup_kind", BACKUP_KINDS)),
    cluster_by=("day", "device_id"),
)

REJECTS = Table(
    name="rejects",
    grain="one landed record that was not used; a duplicate stands here too, without its body",
    key=("source", "position"),
    writer="ingest",
    columns=(
        Column(
            "source",
            "string",
            "The landed file, or the run or day of a tool, below the landing folder.",
            True,
        ),
        Column("position", "bigint", "The record's line (or row) in that file, from 1; 0: the file as a whole.", True),
        Column("reason", "string", "One word; docs/tables.md lists them.", True),
        Column("field", "string", "The field at fault; null: not one field."),
        Column("detail", "string", "What is wrong and what to do about it.", True),
        Column("tenant_id", "string", "Tenant of the landing prefix, else what the record says; null: unknown."),
        Column("record", "string", "The record, up to 64 KiB; null: longer (see record_sha256), duplicate, or a file."),
        Column("record_sha256", "string", "SHA-256 of a record that is too long to keep; null: it is in `record`."),
        RUN_ID,
    ),
    checks=(("position_not_negative", "position >= 0"), _one_of("reason", tuple(REASONS))),
)

FILE_CHANGES = Table(
    name="file_changes",
    grain="one changed path of one backup, where a list of them landed; of a long list a sample",
    key=(*(column.name for column in BACKUP_KEY), "path"),
    writer="ingest",
    columns=(
        *BACKUP_KEY,
        Column("path", "string", "As the tool prints it, 4,096 characters at most; other bytes as in \\udce9.", True),
        Column("ended_at", "timestamp", "When the backup ended, UTC.", True),
        Column("change", "string", "added, updated, deleted or moved (here from elsewhere).", True),
        Column("bytes", "bigint", "Size of the file. Bytes; null: unknown."),
        Column("extension", "string", "What follows the last dot, lower case, 16 characters at most; null: none."),
        Column("paths_listed", "bigint", f"{PATHS_LISTED}.", True),
        Column("source", "string", "The run of a tool, below the landing folder, as in `backups`.", True),
        Column("position", "bigint", "The backup's place in it, as in `backups`.", True),
        RUN_ID,
    ),
    checks=(_one_of("change", CHANGES), ("bytes_not_negative", "bytes IS NULL OR bytes >= 0")),
    cluster_by=("day", "device_id"),
)

FEEDBACK = Table(
    name="feedback",
    grain="one verdict of a person on one anomaly; never changed, the latest counts",
    key=("tenant_id", "anomaly_id", "given_at"),
    writer="ingest",
    columns=(
        Column("tenant_id", "string", "Whose data this is; 'default' where nothing says otherwise.", True),
        Column("anomaly_id", "string", "The anomaly that is judged; it need not be held.", True),
        Column("given_at", "timestamp", "When the verdict was given, UTC.", True),
        Column("verdict", "string", "confirmed, false_positive, new_baseline or snooze.", True),
        Column("snooze_until", "timestamp", "Until when to be quiet, UTC; null: the verdict is no snooze."),
        Column("given_by", "string", "Who gave it; null: not said."),
        Column("note", "string", "Why, in their words; null: not said."),
        Column("source", "string", "The landed file, below the landing folder.", True),
        Column("position", "bigint", "The record's line in it, from 1.", True),
        RUN_ID,
    ),
    checks=(
        _one_of("verdict", tuple(VERDICTS)),
        ("snooze_has_an_end", "(snooze_until IS NOT NULL) = (verdict = 'snooze')"),
    ),
)

DEVICE_NOTES = Table(
    name="device_notes",
    grain="what a person said of one device; never changed",
    key=(*(column.name for column in DEVICE), "given_at"),
    writer="ingest",
    columns=(
        *DEVICE,
        Column("given_at", "timestamp", "When it was said, UTC.", True),
        Column("word", "string", "retire, rename or snooze.", True),
        Column("new_device_id", "string", "What the device is called from now on; null: the word is not rename."),
        Column("snooze_from", "timestamp", "From when on to be quiet, UTC; null: the word is not snooze."),
        Column("snooze_until", "timestamp", "Until when, UTC; null: the word is not snooze."),
        Column("given_by", "string", "Who said it; null: not said."),
        Column("note", "string", "Why, in their words; null: not said."),
        Column("source", "string", "The landed file, below the landing folder.", True),
        Column("position", "bigint", "The record's line in it, from 1.", True),
        RUN_ID,
    ),
    checks=(
        _one_of("word", tuple(DEVICE_WORDS)),
        ("rename_has_a_name", "(new_device_id IS NOT NULL) = (word = 'rename')"),
        ("snooze_has_a_time", "(snooze_from IS NOT NULL AND snooze_until IS NOT NULL) = (word = 'snooze')"),
    ),
)

FEATURES = Table(
    name="features",
    grain="one backup beside the one before it on the same device",
    key=tuple(column.name for column in BACKUP_KEY),
    writer="features",
    columns=(
        *BACKUP_KEY,
        Column("ended_at", "timestamp", "When the backup ended, UTC.", True),
        Column("backup_kind", "string", "full, incremental or unknown.", True),
        Column("status", "string", "complete, partial or failed.", True),
        Column("not_judged", "string", "failed, first, redelivery or no_figures: why it gets no score; null: judged."),
        Column("is_redelivery", "boolean", "The same backup is held under an earlier day.", True),
        Column(
            "previous_backup_id",
            "string",
            "Latest earlier complete one of the device; null: none in reach.",
        ),
        Column("previous_ended_at", "timestamp", "When that one ended; null: there is none."),
        Column("gap_hours", "double", "Hours since it ended; null: there is none."),
        Column("files_before", "bigint", "Files before this backup, at least 1; null: unknown."),
        Column("bytes_before", "bigint", "bytes_total of the previous backup, at least 1; null: unknown."),
        Column("bytes_total_compressed_before", "bigint", "bytes_total_compressed of the previous; null: unknown."),
        *FIGURES,
        Column("added_net", "bigint", "Added beyond what was deleted, files, never below 0; null: one is unknown."),
        Column("deleted_net", "bigint", "Deleted beyond what was added, files, never below 0; null: one is unknown."),
        Column("replaced", "bigint", "Added and deleted in pairs, moves aside, files; null: one is unknown."),
        Column("added_share", "double", "files_added / files_before; null: unknown."),
        Column("updated_share", "double", "files_updated / files_before; null: unknown."),
        Column("deleted_share", "double", "files_deleted / files_before; null: unknown."),
        Column("uploaded_share", "double", "bytes_uploaded / bytes_before; null: unknown."),
        Column("compressed_ratio", "double", "bytes_compressed / bytes_uploaded; null: unknown or nothing uploaded."),
        *PROVENANCE,
        Column("unknown", "array<string>", "Figures that are null.", True),
        RUN_ID,
    ),
    checks=(*_not_negative(FIGURES), _one_of("status", STATUSES)),
    cluster_by=("day",),
)

DEVICE_MODELS = Table(
    name="device_models",
    grain="what one device usually does, in a fixed number of readable numbers",
    key=(*(column.name for column in DEVICE), "model_version"),
    writer="train",
    columns=(
        *DEVICE,
        Column("model_version", "string", "Fleet model's version, dash, date up to which was learned.", True),
        Column("layout", "string", "Which signals and bins the numbers below stand for.", True),
        Column("backups", "bigint", "Backups that taught it (at most 365). Count.", True),
        Column("first_taught_at", "timestamp", "End of the oldest backup that taught it.", True),
        Column("last_taught_at", "timestamp", "End of the newest backup that taught it.", True),
        Column("usual_gap_hours", "double", "Median time between two backups; null: fewer than two."),
        Column("backups_per_year", "double", "The device's schedule, shrunk to the fleet's while it is young.", True),
        Column("ratio_offset", "float", "Logits by which the device compresses worse than the fleet's curve.", True),
        Column("ratio_spread", "float", "How far its compression ratios scatter, as a share.", True),
        Column("stored_density", "float", "Compressed share of all it uploaded; null: never known."),
        Column(
            "smallest_share",
            "map<string,double>",
            "Smallest share of its files that would alert, by kind; null: none.",
            True,
        ),
        Column("top", "array<float>", "Largest value of each signal, as ln(1 + x); one number a signal.", True),
        Column("bins", "array<float>", "Decayed counts of backups, twelve bins a signal, signal after signal.", True),
        Column("job_gap_hours", "double", "Between two occasions of its regular job; null: it has none."),
        Column("job_due_from", "timestamp", "The next occasion is due from then on, UTC; null: none is."),
        Column("job_due_until", "timestamp", "Up to then, UTC; null: none is."),
        Column("job_levels", "array<float>", "Largest value of each signal on those occasions; 0 without a job.", True),
    ),
    partition_by=("model_version",),
)

SCORES = Table(
    name="scores",
    grain="one scored backup; a score is given once",
    key=tuple(column.name for column in BACKUP_KEY),
    writer="score",
    columns=(
        *BACKUP_KEY,
        Column("ended_at", "timestamp", "When the backup ended, UTC.", True),
        Column("anomaly_score", "double", "-log10 of false alerts per device-year; higher: more unusual.", True),
        Column("threshold", "double", "Alerts from this score on: -log10(budget).", True),
        Column("budget", "double", "False alerts per device-year that were allowed.", True),
        Column("anomaly_kind", "string", "encrypt, delete, add or modify; null: no evidence at all."),
        Column("evidence", "map<string,double>", "-log10 of a tail probability by signal; below 1 left out.", True),
        Column(
            "cumulative",
            "map<string,double>",
            "Evidence added up so far, by kind; null: none left, as where a sum alerted.",
        ),
        Column("cumulative_backups", "map<string,bigint>", "Over how many backups, by kind; null: none left."),
        Column("loudness", "map<string,double>", "How often its device was loud of late, by kind; 1: as usual.", True),
        TOGETHER,
        Column("unseen", "array<string>", "Signals that the record's figures do not allow.", True),
        Column("smallest_share", "map<string,double>", "As in `device_models`; null: the device has no model."),
        *SIGNAL_COLUMNS,
        Column("model_version", "string", "The version that gave the score.", True),
        RUN_ID,
    ),
    checks=(("budget_positive", "budget > 0"),),
    cluster_by=("day", "anomaly_score"),
)

ANOMALIES = Table(
    name="anomalies",
    grain="one unusual backup",
    key=("tenant_id", "anomaly_id"),
    writer="score",
    columns=(
        Column("tenant_id", "string", "Whose data this is.", True),
        Column("anomaly_id", "string", "First 16 hex digits of the SHA-256 of the backup's key.", True),
        *(column for column in BACKUP_KEY if column.name != "tenant_id"),
        Column("ended_at", "timestamp", "When the backup ended, UTC.", True),
        Column("anomaly_kind", "string", "encrypt, delete, add or modify.", True),
        Column("anomaly_score", "double", "-log10 of false alerts per device-year; higher: more unusual.", True),
        Column("threshold", "double", "The score from which it alerted.", True),
        Column("reason", "string", "One sentence: what, how much, what is usual.", True),
        *SIGNAL_COLUMNS,
        TOGETHER,
        Column("evidence", "map<string,double>", "-log10 of a tail probability by signal; below 1 left out.", True),
        Column("unseen", "array<string>", "Signals that the record's figures do not allow.", True),
        Column("last_good_backup_id", "string", "The backup to restore from; null: none held."),
        Column("last_good_at", "timestamp", "When that one ended; null: none held."),
        LAST_GOOD_DEVICE,
        Column("episode_id", "string", "anomaly_id of the episode's first anomaly.", True),
        Column(
            "status",
            "string",
            "open: the device is not usual again yet; resolved: it is; else what a person said of it, or of its "
            "episode: confirmed, false_positive, new_baseline, snoozed.",
            True,
        ),
        Column("model_version", "string", "The version that gave the score.", True),
        Column("backups_since", "bigint", "Backups of the device judged since, counted up to aged_backups.", True),
        Column("verdict", "string", "Latest verdict on this anomaly itself; null: none was given."),
        Column("verdict_at", "timestamp", "When it was given, UTC; null: none was given."),
        Column("verdict_by", "string", "Who gave it; null: none was given, or not said who."),
        Column("verdict_note", "string", "Why, in their words; null: none was given, or not said why."),
        Column("snoozed_until", "timestamp", "No message about it before then, UTC; null: no snooze covers it."),
        Column("paths_listed", "bigint", f"{PATHS_LISTED}; null: there is no list."),
        Column("paths_kept", "bigint", "Of those, kept and counted below. Count; null: there is no list."),
        Column(
            "top_directories",
            "array<string>",
            "Deepest folders with a tenth of the kept paths, at most 5, as in '40 of 50 in a/b'; null: no list.",
        ),
        Column(
            "extensions",
            "array<string>",
            "What became of kept paths by extension, at most 5, as in '9 added, in no earlier list: .locked'; null: no "
            "list.",
        ),
        Column("sample_paths", "array<string>", "At most 5 kept paths, long ones cut in the middle; null: no list."),
    ),
    checks=(_one_of("anomaly_kind", KINDS), _one_of("status", ANOMALY_STATUSES)),
)

DEVICES = Table(
    name="devices",
    grain="one device as it stands now",
    key=tuple(column.name for column in DEVICE),
    writer="score",
    columns=(
        *DEVICE,
        Column("first_backup_at", "timestamp", "End of the first backup held.", True),
        Column("last_backup_at", "timestamp", "End of the newest backup held.", True),
        Column("last_backup_id", "string", "The newest backup held.", True),
        Column("usual_gap_hours", "double", "Median time between two backups; null: not known yet."),
        Column("last_good_backup_id", "string", "Newest complete backup outside any episode; null: none held."),
        Column("last_good_at", "timestamp", "When that one ended; null: none held."),
        LAST_GOOD_DEVICE,
        Column("open_episode_id", "string", "Episode that still goes on; null: the device is usual."),
        Column(
            "not_judged",
            "string",
            "Why the newest backup got no score, as in `features`, or history: it was too old when it came; or, "
            "whatever it got, retired or renamed. Null: it got one.",
        ),
        Column("renamed_to", "string", "What the device is called now; null: so, as here."),
        Column("snoozed_from", "timestamp", "Alerts from then on are quiet, UTC; null: nobody asked for it."),
        Column("snoozed_until", "timestamp", "Up to then, UTC: the end of what ends last; null: nobody asked for it."),
    ),
)

ALERTS = Table(
    name="alerts",
    grain="one message about an episode, many that began together, or the line itself, owed to a channel or delivered",
    key=("alert_id", "channel"),
    writer="report",
    columns=(
        Column("tenant_id", "string", "Whose data this is; null: it is about the whole lake."),
        Column(
            "alert_id",
            "string",
            "First 16 hex digits of the SHA-256 of episode_id and event, and of what has grown where it has. The same "
            "whenever it is sent.",
            True,
        ),
        Column("channel", "string", "Its name in the configuration.", True),
        Column(
            "event",
            "string",
            "started: the first alert; grown: one of a worse kind than any before, or ten times the devices; resolved: "
            "the device is, or all are, usual again, or verdicts closed it. Of a condition: it began; it is over.",
            True,
        ),
        Column(
            "episode_id", "string", "An episode, as in `anomalies`, a fleet episode, or one time of a condition.", True
        ),
        Column(
            "anomaly_id", "string", "The alert that began it or made it grow; of a resolved one the newest; null: none."
        ),
        Column("product", "string", "Of the device; null: it is not about one."),
        Column("device_id", "string", "The device; null: it is not about one."),
        Column("anomaly_kind", "string", "encrypt, delete, add or modify: that alert's; null: there is none."),
        Column("owed_at", "timestamp", "Moment of the run that found it, UTC.", True),
        Column(
            "status",
            "string",
            "owed, delivered, or gave_up: the last attempt that is allowed failed; covered: not sent, another message "
            "of its fleet episode says it.",
            True,
        ),
        Column("attempts", "bigint", "How often it was sent, or tried to be. Count.", True),
        Column("last_error", "string", "Why the last attempt failed, one line; null: none failed since."),
        Column("next_attempt_at", "timestamp", "Not tried again before, UTC; null: with the next run, or never again."),
        Column("delivered_at", "timestamp", "Moment of the run that delivered it, UTC; null: none has."),
        Column(
            "about", "string", "episode: of one device; fleet: many of a tenant at once; operation: a condition.", True
        ),
        Column("fleet_episode_id", "string", "episode_id of the messages that cover it; null: none do."),
        Column("condition", "string", f"{', '.join(ALERT_CONDITIONS)}: what is wrong; null: it is about an alert."),
        Column("subject", "string", "Which stage, or which reason of rejects; null: neither."),
        Column("detail", "string", "What it was when it began, in words; null: it is about an alert."),
    ),
    checks=(
        _one_of("event", ALERT_EVENTS),
        _one_of("status", ALERT_STATUSES),
        _one_of("about", ALERTS_ARE_ABOUT),
        ("delivered_has_its_moment", "(delivered_at IS NOT NULL) = (status = 'delivered')"),
        ("condition_known", f"condition IS NULL OR {_one_of('condition', ALERT_CONDITIONS)[1]}"),
        ("operation_has_its_condition", "(condition IS NOT NULL) = (about = 'operation')"),
        ("others_have_their_alert", "(anomaly_id IS NULL) = (about = 'operation')"),
        ("covered_has_its_fleet", "(fleet_episode_id IS NOT NULL) = (status = 'covered')"),
    ),
)

ERASED = Table(
    name="erased",
    grain="one device or tenant that was erased: its records of before are refused should they be read again",
    key=("sha256",),
    writer="erase",
    columns=(
        Column("sha256", "string", "SHA-256 of tenant_id, product and device_id, or of tenant_id alone.", True),
        Column("erased_at", "timestamp", "What ended, or was said, up to then is refused, UTC.", True),
        RUN_ID,
    ),
)

RUNS = Table(
    name="runs",
    grain="one event of one stage run",
    key=("run_id", "stage", "event"),
    writer="each stage",
    columns=(
        Column("run_id", "string", "Names one `uda` call; all its stages share it.", True),
        Column("stage", "string", "ingest, features, train, score or report.", True),
        Column("event", "string", "started, ended or failed. Started alone: it was killed.", True),
        Column("at", "timestamp", "When that was.", True),
        Column("moment", "timestamp", "The moment that the run takes for now.", True),
        Column("counts", "map<string,bigint>", "Rows by what became of them.", True),
        Column("versions_read", "map<string,bigint>", "Delta version of each table read.", True),
        Column("versions_written", "map<string,bigint>", "Delta version of each table after writing.", True),
        Column("model_version", "string", "Version trained or used; null: none."),
        Column("code_version", "string", "Version of this program.", True),
        Column("error", "string", "One line, where it failed; null: it did not."),
    ),
    checks=(_one_of("event", ("started", "ended", "failed")),),
)

TABLES = (
    *(LANDED, BACKUPS, REJECTS, FILE_CHANGES, FEEDBACK, DEVICE_NOTES),
    *(FEATURES, DEVICE_MODELS, SCORES, ANOMALIES, DEVICES, ALERTS, ERASED, RUNS),
)
