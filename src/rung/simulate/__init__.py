"""Traces replayed through the real lanes and the real rule, with modelled reasoners, in virtual time."""

from rung.simulate.ladder import ModelledLadder, Speeds
from rung.simulate.loop import Deadlock, VirtualLoop, run
from rung.simulate.processor import LocalSpeed, Processor
from rung.simulate.quality import DrawnVerdicts
from rung.simulate.reasoners import ModelledEndpoint, ModelledLocal, Size, Work
from rung.simulate.replay import Climbing, Outcome, Replayed, replay
from rung.simulate.server import EndpointSpeed, Server
from rung.simulate.trace import Arrival, read_trace, scaled
from rung.simulate.workload import Asked, Mix, workload

__all__ = [
    "Arrival",
    "Asked",
    "Climbing",
    "Deadlock",
    "DrawnVerdicts",
    "EndpointSpeed",
    "LocalSpeed",
    "Mix",
    "ModelledEndpoint",
    "ModelledLadder",
    "ModelledLocal",
    "Outcome",
    "Processor",
    "Replayed",
    "Server",
    "Size",
    "Speeds",
    "VirtualLoop",
    "Work",
    "read_trace",
    "replay",
    "run",
    "scaled",
    "workload",
]
