"""The verbs of supervisors, for the tests: how to ask, and what was answered as plain data."""
from __future__ import annotations

from typing import Any

import peeper_wire as wire

Plain = dict[str, Any]
ALL = 1000  # children on one page


def address(target: wire.Target) -> Plain:
    return wire.address(target)


def which_child(child: wire.Target) -> Plain:
    """A child by its id in the supervisor, or by its incarnation."""
    return {"incarnation": child} if isinstance(child, int) else {"child": child}


def start_supervisor(name: str, spec: Any, timeout_ms: int = 0) -> Any:
    return wire.pb.StartSupervisor(name=name, spec=wire.encode_value(spec), timeout_ms=timeout_ms)


def start_child(supervisor: wire.Target, spec: Any, timeout_ms: int = 0) -> Any:
    return wire.pb.StartChild(**address(supervisor), spec=wire.encode_value(spec), timeout_ms=timeout_ms)


def terminate_child(supervisor: wire.Target, child: wire.Target, timeout_ms: int = 0) -> Any:
    return wire.pb.TerminateChild(**address(supervisor), **which_child(child), timeout_ms=timeout_ms)


def restart_child(supervisor: wire.Target, child: str, timeout_ms: int = 0) -> Any:
    return wire.pb.RestartChild(**address(supervisor), child=child, timeout_ms=timeout_ms)


def delete_child(supervisor: wire.Target, child: str) -> Any:
    return wire.pb.DeleteChild(**address(supervisor), child=child)


def which_children(supervisor: wire.Target, cursor: int = 0, limit: int = ALL, child: str = "") -> Any:
    return wire.pb.WhichChildren(**address(supervisor), child=child, cursor=cursor, limit=limit)


def count_children(supervisor: wire.Target) -> Any:
    return wire.pb.CountChildren(**address(supervisor))


def get_child_spec(supervisor: wire.Target, child: wire.Target) -> Any:
    return wire.pb.GetChildSpec(**address(supervisor), **which_child(child))


def check_specs(specs: Any) -> Any:
    return wire.pb.CheckSpecs(specs=wire.encode_value(specs))


def change_supervisor(supervisor: wire.Target, spec: Any) -> Any:
    return wire.pb.ChangeSupervisor(**address(supervisor), spec=wire.encode_value(spec))


def child_from(child: Any) -> Plain:
    return {
        "id": child.id,
        "incarnation": child.incarnation,
        "status": child.status,
        "supervisor": child.supervisor,
        "name": child.name,
        "behaviour": child.behaviour,
        "restarts": child.restarts,
        "mailbox": child.mailbox,
        "unit": child.unit,
        "children": child.children,
        "strategy": child.strategy,
        "restart": child.restart,
        "significant": child.significant,
    }


def children_from(frame: Any) -> list[Plain]:
    """Newest first."""
    return [child_from(child) for child in frame.children.children]


def counts_from(frame: Any) -> Plain:
    counts = frame.child_counts
    return {"specs": counts.specs, "active": counts.active, "supervisors": counts.supervisors,
            "workers": counts.workers}


def all_children(client: wire.Client, supervisor: wire.Target) -> list[Plain]:
    """Every page of them."""
    found: list[Plain] = []
    cursor = 0
    while True:
        frame = client.request("which_children", which_children(supervisor, cursor))
        found += children_from(frame)
        cursor = frame.children.next
        if cursor == 0:
            return found


# --- Steps of YAML cases: verb: (field of ClientFrame, how to build it from the step, how to read the answer) ---------


def _started(frame: Any) -> Plain:
    answer = frame.started
    return {"id": answer.id, "unit": answer.unit, "name": answer.name, "ignored": answer.ignored,
            "info": wire.decode_value(answer.info) if answer.info else None}


def _page(step: Plain) -> Any:
    return which_children(step["which_children"] or "", step.get("cursor", 0), step.get("limit", ALL),
                          step.get("child", ""))


def _transfer(step: dict[str, Any], verb: str) -> dict[str, Any]:
    fields = wire.address(step[verb])
    for name in ("target", "source"):
        who = step.get("to" if name == "target" else "from")
        if who is not None:
            fields[f"{name}_id" if isinstance(who, int) else name] = who
    return fields


STEP_VERBS = {
    "transfer": ("transfer", lambda s: wire.pb.Transfer(**_transfer(s, "transfer"), timeout_ms=s.get("timeout", 0)),
                 _started),
    "prepare_transfer": ("prepare_transfer", lambda s: wire.pb.PrepareTransfer(**_transfer(s, "prepare_transfer")),
                         lambda frame: frame.transfer_prepared.handle),
    "commit_transfer": ("commit_transfer", lambda s: wire.pb.CommitTransfer(
        handle=s["commit_transfer"], timeout_ms=s.get("timeout", 0)), _started),
    "start_supervisor": ("start_supervisor", lambda s: start_supervisor(
        s["start_supervisor"] or "", s["spec"], s.get("timeout", 0)), _started),
    "start_child": ("start_child", lambda s: start_child(s["start_child"], s["spec"], s.get("timeout", 0)), _started),
    "terminate_child": ("terminate_child", lambda s: terminate_child(
        s["terminate_child"], s["child"], s.get("timeout", 0)), lambda frame: frame.WhichOneof("body")),
    "restart_child": ("restart_child", lambda s: restart_child(
        s["restart_child"], s["child"], s.get("timeout", 0)), _started),
    "delete_child": ("delete_child", lambda s: delete_child(s["delete_child"], s["child"]),
                     lambda frame: frame.WhichOneof("body")),
    "which_children": ("which_children", _page, children_from),
    "count_children": ("count_children", lambda s: count_children(s["count_children"]),
                       lambda frame: list(counts_from(frame).values())),
    "get_child_spec": ("get_child_spec", lambda s: get_child_spec(s["get_child_spec"], s["child"]),
                       lambda frame: wire.decode_value(frame.reply.payload)),
    "check_specs": ("check_specs", lambda s: check_specs(s["check_specs"]), lambda frame: frame.WhichOneof("body")),
    "change_supervisor": ("change_supervisor", lambda s: change_supervisor(s["change_supervisor"], s["spec"]),
                          lambda frame: frame.WhichOneof("body")),
}
