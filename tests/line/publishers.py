"""What teams of five products do when a backup finishes: leave a dump, and send a notice of it. They know no more."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

import boto3

from jobs.envelope import kms_master, seal
from tests.rows import FIRST_DAY


def insync(device, day, **changes):
    began, ended = _times(day)
    said = {"schema": "insync/1", "customerID": "acme", "deviceID": device, "snapshotID": int(began.timestamp())}
    said |= {"backupType": "incremental" if day else "full", "status": "backed_up", **_said(began, ended, "endTime")}
    said |= {"filesAdded": 15 + day % 4, "filesUpdated": 23 + day % 5, "filesDeleted": 5 + day % 3, "filesTotal": 1_700}
    return said | {"bytesTotal": 12_125_322, "bytesChanged": 216_336, "bytesTransferred": 129_801} | changes


def phoenix(device, day, deleted=None, total=1_900):
    began, ended = _times(day)
    files = {"added": 14 + day % 3, "modified": 18 + day % 4, "deleted": 5 + day % 3 if deleted is None else deleted}
    said = {"schema": "phoenix/1", "organizationID": "acme", "serverID": device, "backupSetID": "bs-7"}
    said |= {"jobID": f"job-{day}", "jobType": "incremental" if day else "full", "jobStatus": "successful"}
    size = {"source": 15_022_199, "changed": 260_764, "transferred": 143_420, "stored": 117_343}
    return said | _said(began, ended, "endTime") | {"fileStats": files | {"total": total}, "byteStats": size}


def cloudranger(device, day):
    began, ended = _times(day)
    said = {"schema": "cloudranger/1", "organizationID": "acme", "resourceType": "EBS", "resourceID": device}
    said |= {"snapshotID": f"snap-{day}", "parentSnapshotID": f"snap-{day - 1}" if day else None, "state": "completed"}
    size = {"volumeSizeGiB": 80, "blockSize": 524_288, "changedBlocks": 1_100 + day % 7}
    return said | _said(began, ended, "completionTime") | size


def sfapex(device, day):
    began, ended = _times(day)
    said = {"schema": "sfapex/1", "organizationID": "acme", "orgID": device, "jobID": f"sf-{day}", "status": "success"}
    objects = [{"name": "Account", "added": 31 + day % 9, "updated": 24, "deleted": day % 3, "total": 21_000}]
    return said | {"jobType": "incremental"} | _said(began, ended, "endTime") | {"objects": objects}


def restic(day):
    """Two files: what restic prints, and its exit status."""
    said = {"message_type": "summary", "files_new": 14, "files_changed": 18, "files_unmodified": 1877, "dirs_new": 0}
    said |= {"dirs_changed": 38, "dirs_unmodified": 13, "data_blobs": 32, "tree_blobs": 39, "data_added": 724_256}
    said |= {"total_files_processed": 1909, "total_bytes_processed": 15_022_199, "total_duration": 0.3}
    return {"backup.jsonl": [said | {"snapshot_id": f"{day:08x}"}], "exit": "0"}


class Publisher:
    """Leaves dumps in a bucket and tells a topic of them; what it leaves of one product is sealed."""

    def __init__(self, bucket, topic, sealed_product, key):
        self.bucket, self.topic, self.sealed_product, self.key = bucket, topic, sealed_product, key
        self.s3, self.sns = boto3.client("s3"), boto3.client("sns")

    def leave(self, product, device, day, files):
        """Land the files of one run, by what each is; return the notice of it, which names the first."""
        stem = f"landing/{product}/{device}/{_times(day)[0]:%Y%m%dT%H%M%SZ}"
        dumps = []
        for what, said in files.items():
            text = said if isinstance(said, str) else "".join(f"{json.dumps(record)}\n" for record in said)
            content, ending = text.encode(), ""
            if product == self.sealed_product:
                context = {"tenant_id": "acme", "product": product, "device_id": device}
                content, ending = seal(content, kms_master(self.key), context), ".enc"
            key = f"{stem}.{what}{ending}"
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
            digest = hashlib.sha256(content).hexdigest()
            dumps.append({"uri": f"s3://{self.bucket}/{key}", "bytes": len(content), "sha256": digest})
        notice = {"schema": "uda.backup_complete/1", "product": product, "device_id": device, "dump": dumps[0]}
        return json.dumps(notice)

    def tell(self, notices):
        for notice in notices:
            self.sns.publish(TopicArn=self.topic, Message=notice)


def _times(day) -> tuple[datetime, datetime]:
    began = FIRST_DAY + timedelta(days=day)
    return began, began + timedelta(minutes=2)


def _said(began, ended, end_name):
    return {"startTime": f"{began:%Y-%m-%dT%H:%M:%SZ}", end_name: f"{ended:%Y-%m-%dT%H:%M:%SZ}"}
