"""Calls that are played on a real Asterisk, to record traces and to test against; one module a kind of call."""

from tests.e2e.asterisk.scenes import by_ami, combined, desks, outbound, queues, transfers
from tests.e2e.asterisk.scenes.stage import SCENES, Scene, Stage

__all__ = ["SCENES", "Scene", "Stage", "by_ami", "combined", "desks", "outbound", "queues", "transfers"]
