"""moto's server, quick enough for thousands of messages: it works out all of a queue's attributes for each one."""

from __future__ import annotations

import sys
import time

from moto.server import main
from moto.sqs import models

vars(models)["unix_time_millis"] = lambda: time.time() * 1000
setattr(models.SQSBackend, "is_message_valid_based_on_retention_period", lambda *_: True)  # noqa: B010 - mypy knows methods

if __name__ == "__main__":
    main(sys.argv[1:])
