"""A queue of notices, drained: what they name is read, and a message deleted once the tables hold what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from jobs.config import Config
from jobs.errors import UdaError
from jobs.files import File
from jobs.ingest.dumps import named, refused_notices
from jobs.ingest.pull import FolderQueue, Queue, kept
from jobs.ingest.sqs import SqsQueue
from jobs.ingest.stems import Fault
from jobs.run import Run

Read = Callable[[Mapping[str, File], Mapping[str, Fault]], Mapping[str, int]]


def drain(config: Config, run: Run, read: Read) -> Counter[str]:
    """Read what the notices of the queue name; return what `read` counted, and how many notices came and still wait.

    A batch after the other, until the queue is empty. Killed at any point the messages come again, and what the tables
    hold of them is not read again.

    Parameters
    ----------
    read : function
        Writes files, by their path below the landing, and refused records, by source, into the tables.
    """
    queue = queue_at(config.queue, run.moment, config.ingest.settle_hours)
    counts: Counter[str] = Counter(notices=0, waiting=0)
    left = []
    for messages in queue.batches():
        with kept(queue, messages):
            found = named(messages, config.landing, config.tenants)
            counts.update(read(found.files, refused_notices(found.refused)))
            missing = {message.id for message in found.missing}
            queue.delete([message for message in messages if message.id not in missing])
        counts["notices"] += len(messages)
        left += found.missing
    queue.give_back(left)  # only now: given back before, they would come again in the same run
    counts["waiting"] = sum(not message.is_last for message in left)
    return counts


def queue_at(address: str, moment: datetime, last_hours: float) -> Queue:
    """The queue with that URL, or in that folder.

    Parameters
    ----------
    moment : datetime
        Of this run.
    last_hours : float
        How long a file in a folder may wait for its dump. Of a queue of SQS its own settings say how often it comes.

    Raises
    ------
    UdaError
        It can't be reached, or there is no such folder.
    """
    if address.startswith(("http://", "https://")):
        return SqsQueue(address)
    if not Path(address).is_dir():
        raise UdaError(f"queue {address}: neither the https:// address of an SQS queue nor a folder with notices")
    return FolderQueue(Path(address), moment - timedelta(hours=last_hours))
