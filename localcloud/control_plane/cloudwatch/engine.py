"""CloudWatch as the rest of the control plane sees it: `desired.Metrics` and `desired.Alarms`, and what evaluates them.

Level-triggered: each minute of AWS time every alarm is judged by the data points there are then, however they came. An
alarm is evaluated every minute, whatever its period is, over windows that end with the last full minute ("Alarm
evaluation", CloudWatch user guide). A minute in which nobody called `tick` is not made up for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.control_plane.cloudwatch import reasons, requests
from localcloud.control_plane.cloudwatch.alarms import Alarm, State, name_of
from localcloud.control_plane.cloudwatch.dashboards import Dashboards
from localcloud.control_plane.cloudwatch.evaluation import COMPARISONS, Rule, Verdict, evaluation_range, judge
from localcloud.control_plane.cloudwatch.history import History
from localcloud.control_plane.cloudwatch.periods import MINUTE, AwsTime
from localcloud.control_plane.cloudwatch.queries import DataPoint
from localcloud.control_plane.cloudwatch.samples import Samples
from localcloud.control_plane.cloudwatch.store import Metric, Scope, Store
from localcloud.control_plane.lock import LOCK
from localcloud.desired import AlarmAction, AlarmState, Measurement

log = logging.getLogger(__name__)

Act = Callable[[AlarmAction], str]
REPEATING = "autoscaling"
"""The service whose actions are called each minute, for as long as the alarm stays in the state."""
FORGETTING_MINUTES = 60
"""How often the store is cleared of what is too old."""


class CloudWatch:
    """One for all accounts and regions. `clock` is Unix time."""

    def __init__(self, aws_time: AwsTime, clock: Callable[[], float] = time.time) -> None:
        self.time = aws_time
        self.clock = clock
        self.store = Store()
        self.history = History()
        self.dashboards = Dashboards(clock)
        self._alarms: dict[Scope, dict[str, Alarm]] = {}
        self._acts: dict[str, Act] = {}
        self._forgotten = 0

    # --- metrics ------------------------------------------------------------------------------------------

    def publish(self, account: str, region: str, measurements: Sequence[Measurement]) -> None:
        with LOCK:
            for one in measurements:
                samples = Samples()
                samples.add(one.values)
                metric = Metric(one.namespace, one.name, tuple(sorted(one.dimensions.items())))
                self.store.add((account, region), metric, self.time.minute(one.at), one.unit, samples)

    # --- alarms -------------------------------------------------------------------------------------------

    def alarms(self, scope: Scope) -> dict[str, Alarm]:
        """By name, in its order."""
        return dict(sorted(self._alarms.get(scope, {}).items()))

    def state(self, account: str, region: str, alarm: str) -> AlarmState | None:
        with LOCK:
            found = self._alarms.get((account, region), {}).get(name_of(alarm))
            return found.state.value if found and alarm in (found.name, found.arn) else None

    def put(self, account: str, region: str, alarm: Mapping[str, Any]) -> str:
        """An alarm that exists keeps its state and its tags (PutMetricAlarm, API reference)."""
        with LOCK:
            values, queries = requests.checked(alarm, region)
            now, alarms = self.clock(), self._alarms.setdefault((account, region), {})
            record = alarms.get(alarm["AlarmName"])
            change = "Create" if record is None else "Update"
            if record is None:
                tags = {tag["Key"]: tag["Value"] for tag in alarm.get("Tags") or ()}
                record = Alarm(account, region, alarm["AlarmName"], values, queries, now, tags, updated_at=now)
                alarms[record.name] = record
            else:
                record.parameters, record.queries = values, queries
                record.configured_at, record.evaluated = now, None
            self.history.configured(record, change, now)
            return record.arn

    def delete(self, account: str, region: str, names: Sequence[str]) -> None:
        with LOCK:
            for name in names:
                record = self._alarms.get((account, region), {}).pop(name, None)
                if record is not None:
                    self.history.configured(record, "Delete", self.clock())

    def enable_actions(self, alarm: Alarm, enabled: bool) -> None:
        if alarm.configuration()["ActionsEnabled"] != enabled:
            alarm.parameters = {**alarm.parameters, "ActionsEnabled": enabled}
            alarm.configured_at = self.clock()
            self.history.configured(alarm, "Update", alarm.configured_at)

    def on_action(self, service: str, act: Act) -> None:
        self._acts[service] = act

    # --- evaluation ---------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Evaluates every alarm that was not evaluated in this minute, as it is."""
        with LOCK:
            minute = self.time.minute(now)
            for alarm in [alarm for alarms in self._alarms.values() for alarm in alarms.values()]:
                if alarm.evaluated is None or alarm.evaluated < minute:
                    alarm.evaluated = minute
                    self._evaluate(alarm, minute, now)
            if minute >= self._forgotten + FORGETTING_MINUTES:
                self._forgotten = minute
                self.store.forget(minute)

    def _evaluate(self, alarm: Alarm, minute: int, now: float) -> None:
        points = self._points(alarm, minute)
        _, breaches = COMPARISONS[alarm.parameters["ComparisonOperator"]]
        threshold = alarm.parameters["Threshold"]
        rule = Rule(alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.treat_missing_data)
        verdict: Verdict[DataPoint] = judge(points, rule, lambda point: breaches(point.value, threshold))
        newest = max([*verdict.breaching, *verdict.fine], key=lambda point: point.at, default=None)
        value = newest.value if newest else None
        if verdict.state is None or verdict.state == alarm.state.value:
            self._act(alarm, alarm.state, now, value, repeated=True)
        else:
            reason, data = reasons.reason(alarm, verdict), reasons.reason_data(alarm, verdict, now)
            self.move(alarm, State(verdict.state, reason, data), now, value)

    def _points(self, alarm: Alarm, minute: int) -> list[DataPoint | None]:
        """Of the evaluation range that ends where this minute begins; the newest last."""
        query, length = alarm.watched, alarm.watched.period // MINUTE
        points: list[DataPoint | None] = []
        for age in range(evaluation_range(alarm.evaluation_periods, query.period), 0, -1):
            first = minute - age * length
            found = alarm.queries.value(self.store, alarm.scope, query, range(first, first + length))
            points.append(found and DataPoint(self.time.begin(first), *found))
        return points

    def move(self, alarm: Alarm, state: State, now: float, value: float | None = None) -> None:
        """Into a state, with all that follows when it is another one. SetAlarmState does this too."""
        old, alarm.state, alarm.updated_at = alarm.state, state, now
        if state.value != old.value:
            self.history.moved(alarm, old, now)
            self._act(alarm, old, now, value, repeated=False)

    def _act(self, alarm: Alarm, old: State, now: float, value: float | None, repeated: bool) -> None:
        for arn in alarm.actions():
            service = arn.split(":")[2]
            if repeated and service != REPEATING:
                continue
            action = AlarmAction(arn, *alarm.scope, alarm.view(), old.value, now, repeated, value)
            failure = self._done(service, action)
            # One that is repeated would fill the history with what it says already.
            if not repeated or failure != alarm.failures.get(arn, ""):
                self.history.acted(alarm, arn, now, failure)
            alarm.failures[arn] = failure

    def _done(self, service: str, action: AlarmAction) -> str:
        """The failure's sentence; empty when it was done."""
        act = self._acts.get(service)
        if act is None:
            return f"localcloud does not support alarm actions of {service} here"
        try:
            return act(action)
        except Exception as error:
            log.exception("action %s of alarm %s", action.action_arn, action.alarm["AlarmName"])
            return f"localcloud failed: {error}"
