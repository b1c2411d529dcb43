"""What a message can be about."""

from __future__ import annotations

from jobs.alerts.conditions import Operation
from jobs.alerts.events import Event
from jobs.alerts.fleet import FleetEvent

Told = Event | FleetEvent | Operation
