"""Makes random jobs: what each does, and what is asked of proctracker for it."""

from __future__ import annotations

import os
import random
import time
from dataclasses import asdict, dataclass, field
from typing import Any

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "job.sh")


@dataclass
class Plan:
    """One job: the actions of ``job.sh`` and the template's attributes that the checks need to know."""

    tag: str
    actions: list[str]
    hold: bool = False
    start: float | None = None
    deadline: float | None = None
    limit: float | None = None
    retries: int = 0
    delay: float = 0.0
    after: str | None = None
    after_any: str | None = None
    rerunnable: bool = False
    count: int = 0
    parallel: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def known(self) -> dict[str, Any]:
        """The plan as the history keeps it."""
        return asdict(self)


class Planner:
    """Makes the plans of one client; the same seed makes the same plans, but for moments and ids."""

    def __init__(self, rng: random.Random, name: str, contact: str, folder: str, image: str) -> None:
        self.rng, self.name, self.contact, self.folder, self.image = rng, name, contact, folder, image
        self.made = 0

    def plan(self, dependencies: list[str]) -> Plan:
        """Plan a job, perhaps on one of these jobs."""
        self.made += 1
        rng = self.rng
        plan = Plan(f"{self.name}n{self.made}", self._actions())
        plan.hold = rng.random() < 0.12
        if rng.random() < 0.10:
            plan.start = time.time() + rng.choice([0.2, 0.8, 2])
        if rng.random() < 0.06:
            plan.deadline = max(time.time(), plan.start or 0) + rng.choice([0.7, 1.5, 3])
        if rng.random() < 0.08:
            plan.limit = rng.choice([0.3, 1])
        if rng.random() < 0.2 or plan.actions[0].startswith("flaky"):
            plan.retries = rng.choice([1, 2, 3])
            plan.delay = rng.choice([0, 0, 0.1, 0.5])
        if rng.random() < 0.15 and dependencies:
            setattr(plan, rng.choice(["after", "after_any"]), rng.choice(dependencies))
        plan.rerunnable = rng.random() < 0.15
        if rng.random() < 0.2:
            plan.extra["priority"] = rng.randrange(-5, 6)
        if rng.random() < 0.05:
            plan.extra["min_slots"] = 2
        return plan

    def array(self, dependencies: list[str]) -> Plan:
        """Plan an array."""
        plan = self.plan(dependencies)
        plan.hold = False
        plan.count = self.rng.choice([1, 2, 5, 12] if self.contact == "process" else [1, 2, 4])
        plan.parallel = self.rng.choice([None, 1, 2, 3])
        return plan

    def template(self, plan: Plan) -> dict[str, Any]:
        """Write a plan as a template."""
        extensions: dict[str, Any] = {}
        template: dict[str, Any] = {
            "remote_command": "sh",
            "args": [*self.words(plan)],
            "submit_as_hold": plan.hold or None,
            "start_time": plan.start,
            "deadline_time": plan.deadline,
            "rerunnable": plan.rerunnable or None,
            "resource_limits": {"WALLCLOCK_TIME": plan.limit} if plan.limit else None,
            **plan.extra,
        }
        if self.contact != "process":
            template["job_category"] = self.image
            extensions["volumes"] = [f"{self.folder}:/model"]
        for name in ("after", "after_any"):
            if getattr(plan, name):
                extensions[name] = [getattr(plan, name)]
        if plan.retries:
            extensions["retries"] = plan.retries
        if plan.delay:
            extensions["retry_delay"] = plan.delay
        template["implementation_specific"] = extensions or None
        return {name: value for name, value in template.items() if value is not None}

    def words(self, plan: Plan) -> list[str]:
        """The arguments of ``sh``."""
        below = self.folder if self.contact == "process" else "/model"
        return [f"{below}/job.sh", f"{below}/records", plan.tag, *plan.actions]

    def _actions(self) -> list[str]:
        rng = self.rng
        kinds = [
            (25, lambda: ["exit:0"]),
            (15, lambda: [f"sleep:{rng.choice([0.005, 0.03, 0.1, 0.3, 0.8, 1.5])}", "exit:0"]),
            (12, lambda: [f"sleep:{rng.choice([0, 0.02, 0.2])}", f"exit:{rng.choice(_CODES)}"]),
            (10, lambda: [f"sleep:{rng.choice([0, 0.05])}", self._death()]),
            (8, lambda: [f"trap:{rng.choice([0, 3, 9])}", "sleep:3", "exit:0"]),
            (5, lambda: ["deaf", f"sleep:{rng.choice([1.5, 4])}", "exit:0"]),
            (
                9,
                lambda: [
                    f"child:{rng.choice([0.2, 1.5])}",
                    f"sleep:{rng.choice([0, 0.4])}",
                    f"exit:{rng.choice([0, 0, 5])}",
                ],
            ),
            (5, lambda: [f"output:{rng.choice([1000, 70000, 2000000])}", "exit:0"]),
            (11, lambda: [f"flaky:{rng.choice([2, 3])}", f"sleep:{rng.choice([0, 0.05])}", "exit:0"]),
        ]
        return rng.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0]()

    def _death(self) -> str:
        number = self.rng.choice([9, 15, 6, 10, 1, 2, 11, 12, 14])
        # The first process of a container is deaf to its own signals.
        return f"kill:{number}" if self.contact == "process" else f"exit:{128 + number}"


_CODES = [1, 2, 3, 42, 77, 124, 125, 128, 130, 137, 143, 200, 255]
