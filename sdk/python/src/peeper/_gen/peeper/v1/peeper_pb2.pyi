from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
ISOLATION_OWN: Isolation
ISOLATION_SHARED: Isolation
ISOLATION_UNSPECIFIED: Isolation
ON_INTENSITY_BACKOFF: OnIntensity
ON_INTENSITY_STOP: OnIntensity
ON_INTENSITY_SUSPEND: OnIntensity
ON_INTENSITY_UNSPECIFIED: OnIntensity
RESTART_PERMANENT: Restart
RESTART_TEMPORARY: Restart
RESTART_TRANSIENT: Restart
RESTART_UNSPECIFIED: Restart
STATUS_ALREADY_PRESENT: Status
STATUS_ALREADY_STARTED: Status
STATUS_BAD_SPEC: Status
STATUS_CONFLICT: Status
STATUS_CRASHED: Status
STATUS_DEADLOCK: Status
STATUS_DOWN: Status
STATUS_FORBIDDEN: Status
STATUS_INTERNAL: Status
STATUS_INVALID: Status
STATUS_MAILBOX_FULL: Status
STATUS_MAX_CHILDREN: Status
STATUS_NOPROC: Status
STATUS_NOT_FOUND: Status
STATUS_NO_MEMORY: Status
STATUS_OVERLOADED: Status
STATUS_PROTOCOL: Status
STATUS_REFUSED: Status
STATUS_RESTARTING: Status
STATUS_RUNNING: Status
STATUS_SHUTTING_DOWN: Status
STATUS_SIMPLE_ONE_FOR_ONE: Status
STATUS_TIMEOUT: Status
STATUS_TOO_LARGE: Status
STATUS_UNAUTHENTICATED: Status
STATUS_UNKNOWN_BEHAVIOUR: Status
STATUS_UNSPECIFIED: Status
STATUS_UNSUPPORTED_VERSION: Status

class ActorInfo(_message.Message):
    __slots__ = ["awaits", "behaviour", "code_refused", "events_dropped", "hibernating", "host_pid", "incarnation", "is_supervisor", "isolation", "last_crash", "links", "mailbox", "monitors", "name", "newest_version", "quarantined", "restarts", "state", "status", "stepped_back", "strategy", "supervisor", "suspended", "table_bytes", "tables", "timers", "trap_exit", "turn_ms", "unit", "version", "watchers", "worker"]
    AWAITS_FIELD_NUMBER: _ClassVar[int]
    BEHAVIOUR_FIELD_NUMBER: _ClassVar[int]
    CODE_REFUSED_FIELD_NUMBER: _ClassVar[int]
    EVENTS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    HIBERNATING_FIELD_NUMBER: _ClassVar[int]
    HOST_PID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    IS_SUPERVISOR_FIELD_NUMBER: _ClassVar[int]
    LAST_CRASH_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    MAILBOX_FIELD_NUMBER: _ClassVar[int]
    MONITORS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NEWEST_VERSION_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STEPPED_BACK_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    SUPERVISOR_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    TABLES_FIELD_NUMBER: _ClassVar[int]
    TABLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TIMERS_FIELD_NUMBER: _ClassVar[int]
    TRAP_EXIT_FIELD_NUMBER: _ClassVar[int]
    TURN_MS_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WATCHERS_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    awaits: str
    behaviour: str
    code_refused: str
    events_dropped: int
    hibernating: bool
    host_pid: int
    incarnation: int
    is_supervisor: bool
    isolation: Isolation
    last_crash: CrashInfo
    links: int
    mailbox: int
    monitors: int
    name: str
    newest_version: int
    quarantined: bool
    restarts: int
    state: StateInfo
    status: str
    stepped_back: SteppedBack
    strategy: str
    supervisor: str
    suspended: bool
    table_bytes: int
    tables: int
    timers: int
    trap_exit: bool
    turn_ms: int
    unit: int
    version: str
    watchers: int
    worker: int
    def __init__(self, name: _Optional[str] = ..., unit: _Optional[int] = ..., incarnation: _Optional[int] = ..., behaviour: _Optional[str] = ..., status: _Optional[str] = ..., state: _Optional[_Union[StateInfo, _Mapping]] = ..., restarts: _Optional[int] = ..., mailbox: _Optional[int] = ..., worker: _Optional[int] = ..., host_pid: _Optional[int] = ..., last_crash: _Optional[_Union[CrashInfo, _Mapping]] = ..., turn_ms: _Optional[int] = ..., suspended: bool = ..., supervisor: _Optional[str] = ..., links: _Optional[int] = ..., monitors: _Optional[int] = ..., trap_exit: bool = ..., hibernating: bool = ..., is_supervisor: bool = ..., strategy: _Optional[str] = ..., timers: _Optional[int] = ..., awaits: _Optional[str] = ..., isolation: _Optional[_Union[Isolation, str]] = ..., quarantined: bool = ..., watchers: _Optional[int] = ..., events_dropped: _Optional[int] = ..., tables: _Optional[int] = ..., table_bytes: _Optional[int] = ..., stepped_back: _Optional[_Union[SteppedBack, _Mapping]] = ..., version: _Optional[str] = ..., code_refused: _Optional[str] = ..., newest_version: _Optional[int] = ...) -> None: ...

class BehaviourInfo(_message.Message):
    __slots__ = ["actors", "callbacks", "current", "file", "kind", "name", "version"]
    ACTORS_FIELD_NUMBER: _ClassVar[int]
    CALLBACKS_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    actors: int
    callbacks: _containers.RepeatedScalarFieldContainer[str]
    current: bool
    file: str
    kind: str
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., kind: _Optional[str] = ..., callbacks: _Optional[_Iterable[str]] = ..., actors: _Optional[int] = ..., file: _Optional[str] = ..., current: bool = ...) -> None: ...

class BehaviourListing(_message.Message):
    __slots__ = ["behaviours"]
    BEHAVIOURS_FIELD_NUMBER: _ClassVar[int]
    behaviours: _containers.RepeatedCompositeFieldContainer[BehaviourInfo]
    def __init__(self, behaviours: _Optional[_Iterable[_Union[BehaviourInfo, _Mapping]]] = ...) -> None: ...

class Call(_message.Message):
    __slots__ = ["deadline_ms", "id", "idempotency_key", "name", "payload"]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    deadline_ms: int
    id: int
    idempotency_key: bytes
    name: str
    payload: bytes
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., payload: _Optional[bytes] = ..., deadline_ms: _Optional[int] = ..., idempotency_key: _Optional[bytes] = ...) -> None: ...

class Cast(_message.Message):
    __slots__ = ["id", "idempotency_key", "name", "payload"]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    id: int
    idempotency_key: bytes
    name: str
    payload: bytes
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., payload: _Optional[bytes] = ..., idempotency_key: _Optional[bytes] = ...) -> None: ...

class ChangeSupervisor(_message.Message):
    __slots__ = ["id", "name", "spec"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    spec: bytes
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., spec: _Optional[bytes] = ...) -> None: ...

class Changed(_message.Message):
    __slots__ = ["at_ms", "name", "old", "ref", "unit", "value", "version"]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OLD_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    name: str
    old: OldState
    ref: int
    unit: int
    value: bytes
    version: int
    def __init__(self, ref: _Optional[int] = ..., name: _Optional[str] = ..., unit: _Optional[int] = ..., version: _Optional[int] = ..., at_ms: _Optional[int] = ..., value: _Optional[bytes] = ..., old: _Optional[_Union[OldState, _Mapping]] = ...) -> None: ...

class CheckSpecs(_message.Message):
    __slots__ = ["specs"]
    SPECS_FIELD_NUMBER: _ClassVar[int]
    specs: bytes
    def __init__(self, specs: _Optional[bytes] = ...) -> None: ...

class Child(_message.Message):
    __slots__ = ["behaviour", "children", "id", "incarnation", "mailbox", "name", "restart", "restarts", "significant", "status", "strategy", "supervisor", "unit"]
    BEHAVIOUR_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    MAILBOX_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    RESTART_FIELD_NUMBER: _ClassVar[int]
    SIGNIFICANT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    SUPERVISOR_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    behaviour: str
    children: int
    id: str
    incarnation: int
    mailbox: int
    name: str
    restart: str
    restarts: int
    significant: bool
    status: str
    strategy: str
    supervisor: bool
    unit: int
    def __init__(self, id: _Optional[str] = ..., incarnation: _Optional[int] = ..., status: _Optional[str] = ..., supervisor: bool = ..., name: _Optional[str] = ..., behaviour: _Optional[str] = ..., restarts: _Optional[int] = ..., mailbox: _Optional[int] = ..., unit: _Optional[int] = ..., children: _Optional[int] = ..., strategy: _Optional[str] = ..., restart: _Optional[str] = ..., significant: bool = ...) -> None: ...

class ChildCounts(_message.Message):
    __slots__ = ["active", "specs", "supervisors", "workers"]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    SPECS_FIELD_NUMBER: _ClassVar[int]
    SUPERVISORS_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    active: int
    specs: int
    supervisors: int
    workers: int
    def __init__(self, specs: _Optional[int] = ..., active: _Optional[int] = ..., supervisors: _Optional[int] = ..., workers: _Optional[int] = ...) -> None: ...

class Children(_message.Message):
    __slots__ = ["children", "next"]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    children: _containers.RepeatedCompositeFieldContainer[Child]
    next: int
    def __init__(self, children: _Optional[_Iterable[_Union[Child, _Mapping]]] = ..., next: _Optional[int] = ...) -> None: ...

class ClientFrame(_message.Message):
    __slots__ = ["call", "cast", "change_supervisor", "check_specs", "commit_transfer", "count_children", "delete_child", "demonitor", "deploy", "discard_crash", "get_child_spec", "get_state", "hello", "id", "inspect", "kill", "link", "list", "list_behaviours", "list_crashes", "list_generations", "list_tables", "monitor", "ping", "prepare_transfer", "read_table", "redrive", "replace_state", "restart_child", "restore_state", "resume", "send", "show_crash", "start", "start_child", "start_supervisor", "stop", "suspend", "terminate_child", "transfer", "unlink", "unwatch", "upgrade", "watch", "where_is", "which_children"]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CAST_FIELD_NUMBER: _ClassVar[int]
    CHANGE_SUPERVISOR_FIELD_NUMBER: _ClassVar[int]
    CHECK_SPECS_FIELD_NUMBER: _ClassVar[int]
    COMMIT_TRANSFER_FIELD_NUMBER: _ClassVar[int]
    COUNT_CHILDREN_FIELD_NUMBER: _ClassVar[int]
    DELETE_CHILD_FIELD_NUMBER: _ClassVar[int]
    DEMONITOR_FIELD_NUMBER: _ClassVar[int]
    DEPLOY_FIELD_NUMBER: _ClassVar[int]
    DISCARD_CRASH_FIELD_NUMBER: _ClassVar[int]
    GET_CHILD_SPEC_FIELD_NUMBER: _ClassVar[int]
    GET_STATE_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    INSPECT_FIELD_NUMBER: _ClassVar[int]
    KILL_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    LIST_BEHAVIOURS_FIELD_NUMBER: _ClassVar[int]
    LIST_CRASHES_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    LIST_GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    LIST_TABLES_FIELD_NUMBER: _ClassVar[int]
    MONITOR_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    PREPARE_TRANSFER_FIELD_NUMBER: _ClassVar[int]
    READ_TABLE_FIELD_NUMBER: _ClassVar[int]
    REDRIVE_FIELD_NUMBER: _ClassVar[int]
    REPLACE_STATE_FIELD_NUMBER: _ClassVar[int]
    RESTART_CHILD_FIELD_NUMBER: _ClassVar[int]
    RESTORE_STATE_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    SEND_FIELD_NUMBER: _ClassVar[int]
    SHOW_CRASH_FIELD_NUMBER: _ClassVar[int]
    START_CHILD_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    START_SUPERVISOR_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_FIELD_NUMBER: _ClassVar[int]
    TERMINATE_CHILD_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    UNLINK_FIELD_NUMBER: _ClassVar[int]
    UNWATCH_FIELD_NUMBER: _ClassVar[int]
    UPGRADE_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    WHERE_IS_FIELD_NUMBER: _ClassVar[int]
    WHICH_CHILDREN_FIELD_NUMBER: _ClassVar[int]
    call: Call
    cast: Cast
    change_supervisor: ChangeSupervisor
    check_specs: CheckSpecs
    commit_transfer: CommitTransfer
    count_children: CountChildren
    delete_child: DeleteChild
    demonitor: Demonitor
    deploy: Deploy
    discard_crash: DiscardCrash
    get_child_spec: GetChildSpec
    get_state: GetState
    hello: Hello
    id: int
    inspect: Inspect
    kill: Kill
    link: Link
    list: List
    list_behaviours: ListBehaviours
    list_crashes: ListCrashes
    list_generations: ListGenerations
    list_tables: ListTables
    monitor: Monitor
    ping: Ping
    prepare_transfer: PrepareTransfer
    read_table: ReadTable
    redrive: Redrive
    replace_state: ReplaceState
    restart_child: RestartChild
    restore_state: RestoreState
    resume: Resume
    send: Send
    show_crash: ShowCrash
    start: Start
    start_child: StartChild
    start_supervisor: StartSupervisor
    stop: Stop
    suspend: Suspend
    terminate_child: TerminateChild
    transfer: Transfer
    unlink: Unlink
    unwatch: Unwatch
    upgrade: Upgrade
    watch: Watch
    where_is: WhereIs
    which_children: WhichChildren
    def __init__(self, id: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., call: _Optional[_Union[Call, _Mapping]] = ..., cast: _Optional[_Union[Cast, _Mapping]] = ..., send: _Optional[_Union[Send, _Mapping]] = ..., start: _Optional[_Union[Start, _Mapping]] = ..., stop: _Optional[_Union[Stop, _Mapping]] = ..., kill: _Optional[_Union[Kill, _Mapping]] = ..., where_is: _Optional[_Union[WhereIs, _Mapping]] = ..., list: _Optional[_Union[List, _Mapping]] = ..., inspect: _Optional[_Union[Inspect, _Mapping]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., start_supervisor: _Optional[_Union[StartSupervisor, _Mapping]] = ..., start_child: _Optional[_Union[StartChild, _Mapping]] = ..., terminate_child: _Optional[_Union[TerminateChild, _Mapping]] = ..., restart_child: _Optional[_Union[RestartChild, _Mapping]] = ..., delete_child: _Optional[_Union[DeleteChild, _Mapping]] = ..., which_children: _Optional[_Union[WhichChildren, _Mapping]] = ..., count_children: _Optional[_Union[CountChildren, _Mapping]] = ..., get_child_spec: _Optional[_Union[GetChildSpec, _Mapping]] = ..., check_specs: _Optional[_Union[CheckSpecs, _Mapping]] = ..., change_supervisor: _Optional[_Union[ChangeSupervisor, _Mapping]] = ..., monitor: _Optional[_Union[Monitor, _Mapping]] = ..., demonitor: _Optional[_Union[Demonitor, _Mapping]] = ..., link: _Optional[_Union[Link, _Mapping]] = ..., unlink: _Optional[_Union[Unlink, _Mapping]] = ..., suspend: _Optional[_Union[Suspend, _Mapping]] = ..., get_state: _Optional[_Union[GetState, _Mapping]] = ..., replace_state: _Optional[_Union[ReplaceState, _Mapping]] = ..., list_crashes: _Optional[_Union[ListCrashes, _Mapping]] = ..., show_crash: _Optional[_Union[ShowCrash, _Mapping]] = ..., redrive: _Optional[_Union[Redrive, _Mapping]] = ..., discard_crash: _Optional[_Union[DiscardCrash, _Mapping]] = ..., list_generations: _Optional[_Union[ListGenerations, _Mapping]] = ..., restore_state: _Optional[_Union[RestoreState, _Mapping]] = ..., watch: _Optional[_Union[Watch, _Mapping]] = ..., unwatch: _Optional[_Union[Unwatch, _Mapping]] = ..., transfer: _Optional[_Union[Transfer, _Mapping]] = ..., prepare_transfer: _Optional[_Union[PrepareTransfer, _Mapping]] = ..., commit_transfer: _Optional[_Union[CommitTransfer, _Mapping]] = ..., list_behaviours: _Optional[_Union[ListBehaviours, _Mapping]] = ..., deploy: _Optional[_Union[Deploy, _Mapping]] = ..., upgrade: _Optional[_Union[Upgrade, _Mapping]] = ..., list_tables: _Optional[_Union[ListTables, _Mapping]] = ..., read_table: _Optional[_Union[ReadTable, _Mapping]] = ...) -> None: ...

class CommitTransfer(_message.Message):
    __slots__ = ["handle", "timeout_ms"]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    handle: int
    timeout_ms: int
    def __init__(self, handle: _Optional[int] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class CountChildren(_message.Message):
    __slots__ = ["id", "name"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class CrashInfo(_message.Message):
    __slots__ = ["at_ms", "backtrace", "id", "kind", "message", "reason"]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    BACKTRACE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    backtrace: _containers.RepeatedScalarFieldContainer[str]
    id: int
    kind: str
    message: str
    reason: bytes
    def __init__(self, kind: _Optional[str] = ..., reason: _Optional[bytes] = ..., at_ms: _Optional[int] = ..., message: _Optional[str] = ..., backtrace: _Optional[_Iterable[str]] = ..., id: _Optional[int] = ...) -> None: ...

class CrashListing(_message.Message):
    __slots__ = ["next", "reports"]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    next: int
    reports: _containers.RepeatedCompositeFieldContainer[CrashReport]
    def __init__(self, reports: _Optional[_Iterable[_Union[CrashReport, _Mapping]]] = ..., next: _Optional[int] = ...) -> None: ...

class CrashReport(_message.Message):
    __slots__ = ["at_ms", "attempts", "backtrace", "behaviour", "crash", "host_pid", "incarnation", "kind", "message", "message_set_aside", "name", "payload", "payload_bytes", "payload_cut", "reason", "redriven", "state_version", "turn", "unit", "version"]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    BACKTRACE_FIELD_NUMBER: _ClassVar[int]
    BEHAVIOUR_FIELD_NUMBER: _ClassVar[int]
    CRASH_FIELD_NUMBER: _ClassVar[int]
    HOST_PID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_SET_ASIDE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_CUT_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REDRIVEN_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    attempts: int
    backtrace: _containers.RepeatedScalarFieldContainer[str]
    behaviour: str
    crash: int
    host_pid: int
    incarnation: int
    kind: str
    message: str
    message_set_aside: bool
    name: str
    payload: bytes
    payload_bytes: int
    payload_cut: bool
    reason: bytes
    redriven: int
    state_version: int
    turn: str
    unit: int
    version: str
    def __init__(self, crash: _Optional[int] = ..., name: _Optional[str] = ..., unit: _Optional[int] = ..., incarnation: _Optional[int] = ..., behaviour: _Optional[str] = ..., version: _Optional[str] = ..., kind: _Optional[str] = ..., reason: _Optional[bytes] = ..., message: _Optional[str] = ..., backtrace: _Optional[_Iterable[str]] = ..., turn: _Optional[str] = ..., payload: _Optional[bytes] = ..., payload_bytes: _Optional[int] = ..., payload_cut: bool = ..., state_version: _Optional[int] = ..., host_pid: _Optional[int] = ..., at_ms: _Optional[int] = ..., attempts: _Optional[int] = ..., message_set_aside: bool = ..., redriven: _Optional[int] = ...) -> None: ...

class DeleteChild(_message.Message):
    __slots__ = ["child", "id", "name"]
    CHILD_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    child: str
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., child: _Optional[str] = ...) -> None: ...

class Demonitor(_message.Message):
    __slots__ = ["flush", "ref"]
    FLUSH_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    flush: bool
    ref: int
    def __init__(self, ref: _Optional[int] = ..., flush: bool = ...) -> None: ...

class Deploy(_message.Message):
    __slots__ = ["content", "extra", "file"]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    extra: bytes
    file: str
    def __init__(self, file: _Optional[str] = ..., content: _Optional[bytes] = ..., extra: _Optional[bytes] = ...) -> None: ...

class DiscardCrash(_message.Message):
    __slots__ = ["crash"]
    CRASH_FIELD_NUMBER: _ClassVar[int]
    crash: int
    def __init__(self, crash: _Optional[int] = ...) -> None: ...

class Done(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Down(_message.Message):
    __slots__ = ["id", "name", "reason", "ref"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    reason: bytes
    ref: int
    def __init__(self, ref: _Optional[int] = ..., id: _Optional[int] = ..., name: _Optional[str] = ..., reason: _Optional[bytes] = ...) -> None: ...

class Ended(_message.Message):
    __slots__ = ["name", "reason", "ref", "unit", "value", "version"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: bytes
    ref: int
    unit: int
    value: bytes
    version: int
    def __init__(self, ref: _Optional[int] = ..., name: _Optional[str] = ..., unit: _Optional[int] = ..., reason: _Optional[bytes] = ..., version: _Optional[int] = ..., value: _Optional[bytes] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ["kind", "message", "reason", "retry_after_ms", "retryable", "status"]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    message: str
    reason: bytes
    retry_after_ms: int
    retryable: bool
    status: Status
    def __init__(self, status: _Optional[_Union[Status, str]] = ..., message: _Optional[str] = ..., retryable: bool = ..., retry_after_ms: _Optional[int] = ..., reason: _Optional[bytes] = ..., kind: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ["changed", "down", "ended", "exit", "gap", "goodbye", "stepped_back", "upgrade_progress"]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    DOWN_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    STEPPED_BACK_FIELD_NUMBER: _ClassVar[int]
    UPGRADE_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    changed: Changed
    down: Down
    ended: Ended
    exit: Exit
    gap: Gap
    goodbye: Goodbye
    stepped_back: StepBack
    upgrade_progress: UpgradeProgress
    def __init__(self, goodbye: _Optional[_Union[Goodbye, _Mapping]] = ..., down: _Optional[_Union[Down, _Mapping]] = ..., exit: _Optional[_Union[Exit, _Mapping]] = ..., changed: _Optional[_Union[Changed, _Mapping]] = ..., ended: _Optional[_Union[Ended, _Mapping]] = ..., gap: _Optional[_Union[Gap, _Mapping]] = ..., upgrade_progress: _Optional[_Union[UpgradeProgress, _Mapping]] = ..., stepped_back: _Optional[_Union[StepBack, _Mapping]] = ...) -> None: ...

class Exit(_message.Message):
    __slots__ = ["id", "name", "reason"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    reason: bytes
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., reason: _Optional[bytes] = ...) -> None: ...

class Gap(_message.Message):
    __slots__ = ["first_version", "last_version", "name", "ref", "unit"]
    FIRST_VERSION_FIELD_NUMBER: _ClassVar[int]
    LAST_VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    first_version: int
    last_version: int
    name: str
    ref: int
    unit: int
    def __init__(self, ref: _Optional[int] = ..., name: _Optional[str] = ..., unit: _Optional[int] = ..., first_version: _Optional[int] = ..., last_version: _Optional[int] = ...) -> None: ...

class Generation(_message.Message):
    __slots__ = ["at_ms", "bytes", "turn", "version"]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    bytes: int
    turn: int
    version: int
    def __init__(self, version: _Optional[int] = ..., at_ms: _Optional[int] = ..., turn: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Generations(_message.Message):
    __slots__ = ["generations", "kept"]
    GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    generations: _containers.RepeatedCompositeFieldContainer[Generation]
    kept: int
    def __init__(self, generations: _Optional[_Iterable[_Union[Generation, _Mapping]]] = ..., kept: _Optional[int] = ...) -> None: ...

class GetChildSpec(_message.Message):
    __slots__ = ["child", "id", "incarnation", "name"]
    CHILD_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    child: str
    id: int
    incarnation: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., child: _Optional[str] = ..., incarnation: _Optional[int] = ...) -> None: ...

class GetState(_message.Message):
    __slots__ = ["id", "name", "version"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    version: int
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ["message"]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: str
    def __init__(self, message: _Optional[str] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ["client", "features", "protocol_version", "token"]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    client: str
    features: _containers.RepeatedScalarFieldContainer[str]
    protocol_version: int
    token: str
    def __init__(self, protocol_version: _Optional[int] = ..., token: _Optional[str] = ..., client: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ...) -> None: ...

class Inspect(_message.Message):
    __slots__ = ["id", "name", "version"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    version: int
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class Intensity(_message.Message):
    __slots__ = ["period_ms", "restarts"]
    PERIOD_MS_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    period_ms: int
    restarts: int
    def __init__(self, restarts: _Optional[int] = ..., period_ms: _Optional[int] = ...) -> None: ...

class Keep(_message.Message):
    __slots__ = ["names"]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class Kill(_message.Message):
    __slots__ = ["id", "name"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ["deadline_ms_max", "frame_bytes_max", "mailbox_max", "name_bytes_max"]
    DEADLINE_MS_MAX_FIELD_NUMBER: _ClassVar[int]
    FRAME_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    MAILBOX_MAX_FIELD_NUMBER: _ClassVar[int]
    NAME_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    deadline_ms_max: int
    frame_bytes_max: int
    mailbox_max: int
    name_bytes_max: int
    def __init__(self, frame_bytes_max: _Optional[int] = ..., name_bytes_max: _Optional[int] = ..., deadline_ms_max: _Optional[int] = ..., mailbox_max: _Optional[int] = ...) -> None: ...

class Link(_message.Message):
    __slots__ = ["id", "name"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class List(_message.Message):
    __slots__ = ["cursor", "limit", "prefix"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    cursor: int
    limit: int
    prefix: str
    def __init__(self, prefix: _Optional[str] = ..., cursor: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListBehaviours(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListCrashes(_message.Message):
    __slots__ = ["cursor", "limit", "name"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    cursor: int
    limit: int
    name: str
    def __init__(self, name: _Optional[str] = ..., cursor: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListGenerations(_message.Message):
    __slots__ = ["id", "name"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class ListTables(_message.Message):
    __slots__ = ["id", "name"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class Listing(_message.Message):
    __slots__ = ["actors", "next"]
    ACTORS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    actors: _containers.RepeatedCompositeFieldContainer[ActorInfo]
    next: int
    def __init__(self, actors: _Optional[_Iterable[_Union[ActorInfo, _Mapping]]] = ..., next: _Optional[int] = ...) -> None: ...

class Located(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class Monitor(_message.Message):
    __slots__ = ["id", "name"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class Monitored(_message.Message):
    __slots__ = ["ref"]
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: int
    def __init__(self, ref: _Optional[int] = ...) -> None: ...

class OldState(_message.Message):
    __slots__ = ["value"]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: bytes
    def __init__(self, value: _Optional[bytes] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Pong(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class PrepareTransfer(_message.Message):
    __slots__ = ["id", "name", "source", "source_id", "target", "target_id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    source: str
    source_id: int
    target: str
    target_id: int
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., target: _Optional[str] = ..., target_id: _Optional[int] = ..., source: _Optional[str] = ..., source_id: _Optional[int] = ...) -> None: ...

class ReadTable(_message.Message):
    __slots__ = ["id", "limit", "name", "prefix", "table"]
    FROM_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    id: int
    limit: int
    name: str
    prefix: str
    table: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., table: _Optional[str] = ..., prefix: _Optional[str] = ..., limit: _Optional[int] = ..., **kwargs) -> None: ...

class Redrive(_message.Message):
    __slots__ = ["crash", "timeout_ms"]
    CRASH_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    crash: int
    timeout_ms: int
    def __init__(self, crash: _Optional[int] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class ReplaceState(_message.Message):
    __slots__ = ["id", "name", "state", "timeout_ms"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    state: bytes
    timeout_ms: int
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., state: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class Reply(_message.Message):
    __slots__ = ["payload"]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    def __init__(self, payload: _Optional[bytes] = ...) -> None: ...

class RestartChild(_message.Message):
    __slots__ = ["child", "id", "name", "timeout_ms"]
    CHILD_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    child: str
    id: int
    name: str
    timeout_ms: int
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., child: _Optional[str] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class RestoreState(_message.Message):
    __slots__ = ["id", "name", "timeout_ms", "version"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    timeout_ms: int
    version: int
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., version: _Optional[int] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ["id", "name"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class Row(_message.Message):
    __slots__ = ["key", "value"]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: bytes
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class Rows(_message.Message):
    __slots__ = ["next", "rows"]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    next: bytes
    rows: _containers.RepeatedCompositeFieldContainer[Row]
    def __init__(self, rows: _Optional[_Iterable[_Union[Row, _Mapping]]] = ..., next: _Optional[bytes] = ...) -> None: ...

class Send(_message.Message):
    __slots__ = ["id", "name", "payload"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    payload: bytes
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., payload: _Optional[bytes] = ...) -> None: ...

class ServerFrame(_message.Message):
    __slots__ = ["actor_info", "behaviour_listing", "child_counts", "children", "crash_listing", "crash_report", "done", "error", "event", "generations", "id", "listing", "located", "monitored", "pong", "reply", "rows", "started", "state", "table_listing", "transfer_prepared", "upgrade_report", "watching", "welcome"]
    ACTOR_INFO_FIELD_NUMBER: _ClassVar[int]
    BEHAVIOUR_LISTING_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    CHILD_COUNTS_FIELD_NUMBER: _ClassVar[int]
    CRASH_LISTING_FIELD_NUMBER: _ClassVar[int]
    CRASH_REPORT_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LISTING_FIELD_NUMBER: _ClassVar[int]
    LOCATED_FIELD_NUMBER: _ClassVar[int]
    MONITORED_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TABLE_LISTING_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_PREPARED_FIELD_NUMBER: _ClassVar[int]
    UPGRADE_REPORT_FIELD_NUMBER: _ClassVar[int]
    WATCHING_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    actor_info: ActorInfo
    behaviour_listing: BehaviourListing
    child_counts: ChildCounts
    children: Children
    crash_listing: CrashListing
    crash_report: CrashReport
    done: Done
    error: Error
    event: Event
    generations: Generations
    id: int
    listing: Listing
    located: Located
    monitored: Monitored
    pong: Pong
    reply: Reply
    rows: Rows
    started: Started
    state: StateInfo
    table_listing: TableListing
    transfer_prepared: TransferPrepared
    upgrade_report: UpgradeReport
    watching: Watching
    welcome: Welcome
    def __init__(self, id: _Optional[int] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., reply: _Optional[_Union[Reply, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., done: _Optional[_Union[Done, _Mapping]] = ..., started: _Optional[_Union[Started, _Mapping]] = ..., located: _Optional[_Union[Located, _Mapping]] = ..., listing: _Optional[_Union[Listing, _Mapping]] = ..., actor_info: _Optional[_Union[ActorInfo, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ..., event: _Optional[_Union[Event, _Mapping]] = ..., children: _Optional[_Union[Children, _Mapping]] = ..., child_counts: _Optional[_Union[ChildCounts, _Mapping]] = ..., monitored: _Optional[_Union[Monitored, _Mapping]] = ..., state: _Optional[_Union[StateInfo, _Mapping]] = ..., crash_listing: _Optional[_Union[CrashListing, _Mapping]] = ..., crash_report: _Optional[_Union[CrashReport, _Mapping]] = ..., generations: _Optional[_Union[Generations, _Mapping]] = ..., watching: _Optional[_Union[Watching, _Mapping]] = ..., transfer_prepared: _Optional[_Union[TransferPrepared, _Mapping]] = ..., behaviour_listing: _Optional[_Union[BehaviourListing, _Mapping]] = ..., upgrade_report: _Optional[_Union[UpgradeReport, _Mapping]] = ..., table_listing: _Optional[_Union[TableListing, _Mapping]] = ..., rows: _Optional[_Union[Rows, _Mapping]] = ...) -> None: ...

class ShowCrash(_message.Message):
    __slots__ = ["crash"]
    CRASH_FIELD_NUMBER: _ClassVar[int]
    crash: int
    def __init__(self, crash: _Optional[int] = ...) -> None: ...

class Start(_message.Message):
    __slots__ = ["argument", "behaviour", "generations", "hibernate_after_ms", "intensity", "isolation", "keep_tables", "link", "listener", "mailbox_max", "monitor", "name", "no_trap_exit", "on_intensity", "restart", "step_back", "timeout_ms"]
    ARGUMENT_FIELD_NUMBER: _ClassVar[int]
    BEHAVIOUR_FIELD_NUMBER: _ClassVar[int]
    GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    HIBERNATE_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    INTENSITY_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    KEEP_TABLES_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    LISTENER_FIELD_NUMBER: _ClassVar[int]
    MAILBOX_MAX_FIELD_NUMBER: _ClassVar[int]
    MONITOR_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NO_TRAP_EXIT_FIELD_NUMBER: _ClassVar[int]
    ON_INTENSITY_FIELD_NUMBER: _ClassVar[int]
    RESTART_FIELD_NUMBER: _ClassVar[int]
    STEP_BACK_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    argument: bytes
    behaviour: str
    generations: int
    hibernate_after_ms: int
    intensity: Intensity
    isolation: Isolation
    keep_tables: Keep
    link: bool
    listener: str
    mailbox_max: int
    monitor: bool
    name: str
    no_trap_exit: bool
    on_intensity: OnIntensity
    restart: Restart
    step_back: bool
    timeout_ms: int
    def __init__(self, name: _Optional[str] = ..., behaviour: _Optional[str] = ..., argument: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ..., restart: _Optional[_Union[Restart, str]] = ..., on_intensity: _Optional[_Union[OnIntensity, str]] = ..., intensity: _Optional[_Union[Intensity, _Mapping]] = ..., mailbox_max: _Optional[int] = ..., link: bool = ..., monitor: bool = ..., no_trap_exit: bool = ..., hibernate_after_ms: _Optional[int] = ..., isolation: _Optional[_Union[Isolation, str]] = ..., generations: _Optional[int] = ..., step_back: bool = ..., listener: _Optional[str] = ..., keep_tables: _Optional[_Union[Keep, _Mapping]] = ...) -> None: ...

class StartChild(_message.Message):
    __slots__ = ["id", "name", "spec", "timeout_ms"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    spec: bytes
    timeout_ms: int
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., spec: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class StartSupervisor(_message.Message):
    __slots__ = ["name", "spec", "timeout_ms"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    name: str
    spec: bytes
    timeout_ms: int
    def __init__(self, name: _Optional[str] = ..., spec: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ["id", "ignored", "info", "monitor", "name", "unit"]
    ID_FIELD_NUMBER: _ClassVar[int]
    IGNORED_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    MONITOR_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    id: int
    ignored: bool
    info: bytes
    monitor: int
    name: str
    unit: int
    def __init__(self, id: _Optional[int] = ..., unit: _Optional[int] = ..., name: _Optional[str] = ..., ignored: bool = ..., monitor: _Optional[int] = ..., info: _Optional[bytes] = ...) -> None: ...

class StateInfo(_message.Message):
    __slots__ = ["at_ms", "turn", "unit", "value", "version"]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    turn: int
    unit: int
    value: bytes
    version: int
    def __init__(self, value: _Optional[bytes] = ..., version: _Optional[int] = ..., at_ms: _Optional[int] = ..., turn: _Optional[int] = ..., unit: _Optional[int] = ...) -> None: ...

class StepBack(_message.Message):
    __slots__ = ["missed", "name", "ref", "step", "unit"]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    missed: int
    name: str
    ref: int
    step: SteppedBack
    unit: int
    def __init__(self, ref: _Optional[int] = ..., name: _Optional[str] = ..., unit: _Optional[int] = ..., step: _Optional[_Union[SteppedBack, _Mapping]] = ..., missed: _Optional[int] = ...) -> None: ...

class SteppedBack(_message.Message):
    __slots__ = ["at_ms", "to"]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    to: int
    def __init__(self, to: _Optional[int] = ..., at_ms: _Optional[int] = ..., **kwargs) -> None: ...

class Stop(_message.Message):
    __slots__ = ["id", "name", "reason", "timeout_ms"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    reason: bytes
    timeout_ms: int
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., reason: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class Suspend(_message.Message):
    __slots__ = ["id", "name"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class TableInfo(_message.Message):
    __slots__ = ["bytes", "heir", "name", "ordered", "private", "rows"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    HEIR_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ORDERED_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    heir: bool
    name: str
    ordered: bool
    private: bool
    rows: int
    def __init__(self, name: _Optional[str] = ..., ordered: bool = ..., private: bool = ..., heir: bool = ..., rows: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class TableListing(_message.Message):
    __slots__ = ["tables"]
    TABLES_FIELD_NUMBER: _ClassVar[int]
    tables: _containers.RepeatedCompositeFieldContainer[TableInfo]
    def __init__(self, tables: _Optional[_Iterable[_Union[TableInfo, _Mapping]]] = ...) -> None: ...

class TerminateChild(_message.Message):
    __slots__ = ["child", "id", "incarnation", "name", "timeout_ms"]
    CHILD_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    child: str
    id: int
    incarnation: int
    name: str
    timeout_ms: int
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., child: _Optional[str] = ..., incarnation: _Optional[int] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ["id", "name", "source", "source_id", "target", "target_id", "timeout_ms"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    source: str
    source_id: int
    target: str
    target_id: int
    timeout_ms: int
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., target: _Optional[str] = ..., target_id: _Optional[int] = ..., source: _Optional[str] = ..., source_id: _Optional[int] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class TransferPrepared(_message.Message):
    __slots__ = ["handle", "valid_ms"]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    VALID_MS_FIELD_NUMBER: _ClassVar[int]
    handle: int
    valid_ms: int
    def __init__(self, handle: _Optional[int] = ..., valid_ms: _Optional[int] = ...) -> None: ...

class Unlink(_message.Message):
    __slots__ = ["id", "name"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class Unwatch(_message.Message):
    __slots__ = ["ref"]
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: int
    def __init__(self, ref: _Optional[int] = ...) -> None: ...

class Upgrade(_message.Message):
    __slots__ = ["behaviour", "content", "dry_run", "extra", "file"]
    BEHAVIOUR_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    behaviour: str
    content: bytes
    dry_run: bool
    extra: bytes
    file: str
    def __init__(self, behaviour: _Optional[str] = ..., file: _Optional[str] = ..., content: _Optional[bytes] = ..., extra: _Optional[bytes] = ..., dry_run: bool = ...) -> None: ...

class UpgradeProgress(_message.Message):
    __slots__ = ["behaviour", "done", "refused", "total"]
    BEHAVIOUR_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    behaviour: str
    done: int
    refused: int
    total: int
    def __init__(self, behaviour: _Optional[str] = ..., done: _Optional[int] = ..., total: _Optional[int] = ..., refused: _Optional[int] = ...) -> None: ...

class UpgradeRefusal(_message.Message):
    __slots__ = ["name", "reason", "unit"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    unit: int
    def __init__(self, name: _Optional[str] = ..., unit: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class UpgradeReport(_message.Message):
    __slots__ = ["behaviour", "changed", "dry_run", "gone", "left", "moved", "refusals", "refused", "stopped", "to", "took_ms"]
    BEHAVIOUR_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    TOOK_MS_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    behaviour: str
    changed: int
    dry_run: bool
    gone: int
    left: int
    moved: int
    refusals: _containers.RepeatedCompositeFieldContainer[UpgradeRefusal]
    refused: int
    stopped: str
    to: str
    took_ms: int
    def __init__(self, behaviour: _Optional[str] = ..., to: _Optional[str] = ..., changed: _Optional[int] = ..., moved: _Optional[int] = ..., refused: _Optional[int] = ..., gone: _Optional[int] = ..., left: _Optional[int] = ..., refusals: _Optional[_Iterable[_Union[UpgradeRefusal, _Mapping]]] = ..., took_ms: _Optional[int] = ..., dry_run: bool = ..., stopped: _Optional[str] = ..., **kwargs) -> None: ...

class Watch(_message.Message):
    __slots__ = ["from_version", "name", "prefix", "unit", "with_old"]
    FROM_VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    WITH_OLD_FIELD_NUMBER: _ClassVar[int]
    from_version: int
    name: str
    prefix: bool
    unit: int
    with_old: bool
    def __init__(self, name: _Optional[str] = ..., prefix: bool = ..., from_version: _Optional[int] = ..., with_old: bool = ..., unit: _Optional[int] = ...) -> None: ...

class Watching(_message.Message):
    __slots__ = ["ref"]
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: int
    def __init__(self, ref: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ["features", "limits", "protocol_version", "server_version"]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    features: _containers.RepeatedScalarFieldContainer[str]
    limits: Limits
    protocol_version: int
    server_version: str
    def __init__(self, protocol_version: _Optional[int] = ..., server_version: _Optional[str] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., features: _Optional[_Iterable[str]] = ...) -> None: ...

class WhereIs(_message.Message):
    __slots__ = ["id", "name"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class WhichChildren(_message.Message):
    __slots__ = ["child", "cursor", "id", "limit", "name"]
    CHILD_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    child: str
    cursor: int
    id: int
    limit: int
    name: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[int] = ..., child: _Optional[str] = ..., cursor: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class Restart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class OnIntensity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Isolation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
