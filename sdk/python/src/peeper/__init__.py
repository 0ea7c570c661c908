"""peeper: a client of peeperd, the server for actors whose state survives crashes.

    import peeper

    async with peeper.Client("localhost:7420") as client:      # asyncio
        await client.call("counter", "inc")

    with peeper.connect("localhost:7420") as client:           # blocking
        client.call("counter", "inc")

Client, values and errors say the rest.
"""
from ._gen.statuses import *  # noqa: F403
from ._gen.statuses import __all__ as _statuses
from .answers import (
    ActorInfo, BehaviourInfo, Changed, Child, ChildCounts, Children, CrashInfo, CrashListing, CrashReport, Down,
    Ended, Event, Exit, Gap, Generation, Generations, Goodbye, Incarnation, Isolation, Limits, Listing, Lost,
    OldState, OnIntensity, Restart, Restored, Row, Rows, Started, StateInfo, StepBack, SteppedBack, TableInfo,
    TransferPrepared, UpgradeProgress, UpgradeRefusal, UpgradeReport, WatchEvent, Welcome)
from .asking import Target
from .client import Client
from .errors import (
    Closed, ConnectFailed, Disconnected, InvalidArgument, InvalidValue, NotPeeper, PeeperError, StatusError,
    TooManyRequests)
from .failures import ClientTimeout
from .sync_client import SyncClient, connect
from .ties import Link, Monitor
from .values import Encoded, Value
from .watches import SyncWatch, Watch

__version__ = "0.1.0"

__all__ = [
    "ActorInfo", "BehaviourInfo", "Changed", "Child", "ChildCounts", "Children", "Client", "ClientTimeout", "Closed",
    "ConnectFailed", "CrashInfo", "CrashListing", "CrashReport", "Disconnected", "Down", "Encoded", "Ended", "Event",
    "Exit", "Gap", "Generation", "Generations", "Goodbye", "Incarnation", "InvalidArgument", "InvalidValue",
    "Isolation", "Limits", "Link", "Listing", "Lost", "Monitor", "NotPeeper", "OldState", "OnIntensity",
    "PeeperError", "Restart", "Restored", "Row", "Rows", "Started", "StateInfo", "StatusError", "StepBack",
    "SteppedBack", "SyncClient", "SyncWatch", "TableInfo", "Target", "TooManyRequests", "TransferPrepared",
    "UpgradeProgress", "UpgradeRefusal", "UpgradeReport", "Value", "Watch", "WatchEvent", "Welcome", "connect",
]
__all__ += _statuses
