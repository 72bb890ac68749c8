"""state=present: from whatever a stack's status is to the wanted one, through a change set."""

from __future__ import annotations

from typing import Any

from . import compare
from .change_set import ChangeSet, execute, others, prepared, remove_leftovers
from .context import Context
from .describe import Stack, deployed_template, describe
from .errors import StackError, error_code, error_message
from .explain import explain
from .guard import refusals
from .instances import explained, refresh_progress
from .options import KNOWN_AFTER_APPLY, missing_parameters
from .plan import Plan, from_change_set, from_template
from .remove import delete
from .repair import Step, is_ours, next_step
from .resolve import Resolver
from .rollback import continue_rollback
from .template import Template, parse
from .watch import Outcome, operation_events, watch

# await + continue rollback + recreate + update, and room for somebody else's update in between.
MOST_ROUNDS = 8
# A stack that ends in a state to be deleted twice in one run will do so a third time.
MOST_RECREATIONS = 1


class Present:
    """One run of state=present; `run` gives the task's result."""

    def __init__(self, ctx: Context) -> None:
        if ctx.options.template is None:
            raise StackError("state=present needs a template.")
        self.ctx = ctx
        self.options = ctx.options
        self.template: Template = ctx.options.template
        self.attached = False
        self.changed = False
        self.repaired: list[str] = []
        self.recreations = 0

    def run(self) -> dict[str, Any]:
        """Repair, attach, plan and apply until the stack is as wanted."""
        self._follow_named_operation()
        for _ in range(MOST_ROUNDS):
            stack = describe(self.ctx)
            status = stack["StackStatus"] if stack else None
            step = next_step(status)
            if self.options.check:
                return self._checked(stack, step)
            result = self._step(stack, step)
            if result is not None:
                return result
        raise StackError(
            f"{self.options.name} is still not settled after {MOST_ROUNDS} attempts: something else keeps changing it."
        )

    def _step(self, stack: Stack | None, step: Step) -> dict[str, Any] | None:
        """One round; None when the stack has to be looked at again."""
        if stack is None or step is Step.CREATE:
            return self._create()
        if step is Step.AWAIT:
            if not self.options.wait:
                return self._result(Plan(self.options.name), pending=True)
            self._attach(stack)
            return None
        if step is Step.RECREATE:
            self._delete_failed(stack)
            return None
        if step is Step.CONTINUE_ROLLBACK:
            self.repaired.append(f"continued the rollback of {stack['StackStatus']}")
            self.changed = True
            continue_rollback(self.ctx, stack)
            return None
        return self._update(stack)

    def _follow_named_operation(self) -> None:
        """Await the operation an earlier task started with wait=false, and fail with it."""
        token = self.options.operation
        stack = describe(self.ctx) if token and not self.options.check and self.options.wait else None
        if stack is None:
            return
        if any(event.token == token for event in operation_events(self.ctx, stack["StackId"], None)):
            self.attached = True
            self._require(self._watch(stack["StackId"], token))

    def _attach(self, stack: Stack) -> None:
        self.ctx.say(f"{self.options.name} is {stack['StackStatus']}: attaching")
        outcome = self._watch(stack["StackId"], None)
        self.attached = self.changed = True
        if not outcome.succeeded:
            self.ctx.say(
                f"{self.options.name}: what was running ended {outcome.status}. {explain(outcome.events).sentence}"
            )

    def _delete_failed(self, stack: Stack) -> None:
        status = stack["StackStatus"]
        if self.recreations >= MOST_RECREATIONS:
            raise StackError(
                f"{self.options.name} is {status} again after it was deleted once: read the events above.",
                status=status,
            )
        if status == "REVIEW_IN_PROGRESS":
            foreign = [
                str(item["ChangeSetName"]) for item in others(self.ctx) if not is_ours(str(item["ChangeSetName"]))
            ]
            if foreign:
                raise StackError(
                    f"{self.options.name} waits for somebody's review of change set {', '.join(foreign)}. Execute it, "
                    f"or delete it: `aws cloudformation delete-stack --region {self.ctx.region} "
                    f"--stack-name {self.options.name}` (nothing exists in it yet).",
                    status=status,
                )
        self.ctx.say(f"{self.options.name} is {status}, it never came to life: deleting it")
        self.recreations += 1
        self.repaired.append(f"deleted a stack in {status}")
        self.changed = True
        delete(self.ctx, stack)

    def _create(self) -> dict[str, Any]:
        new = self._resolver(None)
        try:
            with prepared(self.ctx, self.template, None) as change_set:
                plan = from_change_set(self.options.name, change_set.changes, None, new)
                self.ctx.say(plan.summary())
                token = execute(self.ctx, change_set)
        except BaseException:
            # CreateChangeSet made a stack of its own for it; it holds nothing.
            self._remove_shell()
            raise
        return self._started(plan, change_set.stack_id, token, protected=False)

    def _remove_shell(self) -> None:
        try:
            shell = describe(self.ctx)
            if shell is not None and shell["StackStatus"] == "REVIEW_IN_PROGRESS" and not others(self.ctx):
                self.ctx.client.delete_stack(StackName=shell["StackId"])
        except Exception as error:  # the next run does it; the fault being reported matters more
            self.ctx.say(f"{self.options.name}: its empty shell is left behind: {error_message(error)}")

    def _update(self, stack: Stack) -> dict[str, Any] | None:
        protected = bool(stack.get("EnableTerminationProtection"))
        differences = compare.differences(self.options, self.template, stack)
        certain = not differences and not compare.doubts(self.options, self.template, stack)
        deployed = deployed_template(self.ctx)
        if certain and compare.template_is_deployed(self.template, deployed):
            return self._unchanged(Plan(self.options.name), stack)
        old = Resolver(_as_template(deployed), compare.parameters_of(stack))
        remove_leftovers(self.ctx)
        try:
            with prepared(self.ctx, self.template, stack) as change_set:
                plan = self._plan(change_set, stack, old, self._resolver(stack))
                if change_set.empty and compare.ROLLBACK_CONFIGURATION in differences:
                    # Whether it is a change by itself is not documented; here the answer was that it is none.
                    self.ctx.say(f"{self.options.name}: its new rollback configuration comes with its next change")
                if plan.empty or self.options.check:
                    return self._unchanged(plan, stack)
                self.ctx.say_block(plan.lines())
                self._guard(plan)
                token = execute(self.ctx, change_set)
        except Exception as error:
            if _somebody_was_faster(error) and not self.options.check:
                return None
            raise
        return self._started(plan, stack["StackId"], token, protected)

    def _plan(self, change_set: ChangeSet, stack: Stack, old: Resolver, new: Resolver) -> Plan:
        plan = from_change_set(self.options.name, change_set.changes, old, new)
        if not change_set.empty and not plan.resources:
            plan = plan.with_note("outputs or settings of the stack itself change")
        before = compare.tags_of(stack)
        for key in sorted(set(before) | set(self.options.tags)):
            left, right = before.get(key, "(none)"), self.options.tags.get(key, "(removed)")
            if left != right and not change_set.empty:
                plan = plan.with_note(f"tag {key}: {left} → {right}")
        for name in self.options.unknown_inputs:
            if name not in self.options.keep_parameters:
                plan = plan.with_note(f"{name}: {old.values.get(name, '(none)')} → {KNOWN_AFTER_APPLY}")
        return plan

    def _guard(self, plan: Plan) -> None:
        refused = refusals(plan, self.options.allowed, self.options.variable("allow_replace_or_delete"))
        if refused:
            raise StackError(
                f"{self.options.name}: refused. {' '.join(refused)}",
                refused=refused,
                plan=plan.as_data(),
                plan_text=plan.lines(),
            )

    def _checked(self, stack: Stack | None, step: Step) -> dict[str, Any]:
        """The plan for check mode, which writes nothing but a change set that it removes again."""
        if stack is not None and step is Step.UPDATE:
            # Check mode never asks for another round: nothing it finds makes it look again.
            return self._update(stack) or self._result(Plan(self.options.name), pending=True)
        if stack is not None and step is Step.AWAIT:
            note = f"{stack['StackStatus']}: it can be planned when that has ended"
            self.ctx.say(f"{self.options.name} is {note}")
            return self._result(Plan(self.options.name, notes=(note,)), pending=True)
        if step is Step.CONTINUE_ROLLBACK:
            note = "UPDATE_ROLLBACK_FAILED: its rollback is continued first, then it is planned"
            return self._result(Plan(self.options.name, notes=(note,)), changed=True)
        plan = from_template(self.options.name, self._resolver(None))
        if stack is not None:
            plan = plan.with_note(f"{stack['StackStatus']}: it is deleted first and created again")
        for name in self.options.unknown_inputs:
            plan = plan.with_note(f"{name}: {KNOWN_AFTER_APPLY}")
        return self._result(plan, changed=True, known_after_apply=True, stack=stack)

    def _resolver(self, stack: Stack | None) -> Resolver:
        existing = compare.parameters_of(stack) if stack else {}
        missing = missing_parameters(self.options, existing)
        if missing:
            raise StackError(f"{self.options.name}: the template's parameters {', '.join(missing)} have no value.")
        return Resolver(self.template, compare.effective_parameters(self.options, self.template, existing))

    def _unchanged(self, plan: Plan, stack: Stack) -> dict[str, Any]:
        """The end of a run (or of a check) in which no change set is executed."""
        refused = refusals(plan, self.options.allowed, self.options.variable("allow_replace_or_delete"))
        wanted = self.options.termination_protection
        if wanted is not None and wanted != bool(stack.get("EnableTerminationProtection")):
            plan = plan.with_note(f"termination protection: {'off → on' if wanted else 'on → off'}")
            if not self.options.check:
                self._protect(wanted)
                stack = describe(self.ctx) or stack
        return self._result(plan, changed=not plan.empty, stack=stack, refused=refused)

    def _started(self, plan: Plan, stack_id: str, token: str, protected: bool) -> dict[str, Any]:
        self.changed = True
        if not self.options.wait:
            return self._result(plan, operation=token, pending=True)
        outcome = self._watch(stack_id, token)
        self._require(outcome)
        wanted = self.options.termination_protection
        if wanted is not None and wanted != protected:
            self._protect(wanted)
        return self._result(plan, operation=token, duration=round(outcome.seconds, 1))

    def _protect(self, on: bool) -> None:
        self.ctx.client.update_termination_protection(StackName=self.options.name, EnableTerminationProtection=on)

    def _watch(self, stack_id: str, token: str | None) -> Outcome:
        client_for = self.ctx.other_client
        return watch(self.ctx, stack_id, token, refresh_progress(client_for) if client_for else None)

    def _require(self, outcome: Outcome) -> None:
        """Raises StackError with the root cause when an operation did not succeed."""
        if outcome.succeeded:
            return
        why = explained(self.ctx, outcome)
        self.ctx.say_block(why.lines())
        after = (
            " The next run deletes what is left and creates it again."
            if outcome.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
            else ""
        )
        raise StackError(
            f"{self.options.name} ended {outcome.status} after {outcome.seconds:.1f} s. {why.sentence}{after}",
            status=outcome.status,
            explanation=why.lines(),
        )

    def _result(self, plan: Plan, *, changed: bool = False, **more: Any) -> dict[str, Any]:
        """The task's result; `stack` among the fields saves reading it once more."""
        found: dict[str, Any] = {
            "changed": self.changed or changed,
            "attached": self.attached,
            "repaired": self.repaired,
            "plan": plan.as_data(),
            "plan_text": [] if plan.empty else plan.lines(),
            "known_after_apply": False,
            "pending": False,
            "operation": "",
            "refused": [],
        }
        return found | more


def _as_template(deployed: Any) -> Template:
    tree = parse(deployed) if isinstance(deployed, str) else deployed
    return Template(deployed if isinstance(deployed, str) else "", tree if isinstance(tree, dict) else {})


def _somebody_was_faster(error: Exception) -> bool:
    """Another operation began after the stack was read, or another run took our change set for a leftover."""
    if error_code(error) in ("InvalidChangeSetStatus", "ChangeSetNotFound", "OperationInProgressException"):
        return True
    return error_code(error) == "ValidationError" and "_IN_PROGRESS" in error_message(error)
