// peeper-client: a client of peeperd, the server of stateful actors whose state survives crashes of their code.
export type * from "./answers.js";
export type { CallOptions, CastOptions, StartOptions, Started, StopOptions } from "./actor_verbs.js";
export { Client, type ClientEvents, type UpgradeOptions, connect } from "./client.js";
export {
    Closed,
    ConnectFailed,
    Disconnected,
    InvalidArgument,
    InvalidValue,
    PeeperError,
    ProtocolViolation,
    RequestTimeout,
    ServerError,
    type StatusName,
    TooManyRequests,
    errors,
} from "./errors.js";
export type { ConnectOptions } from "./options.js";
export type { AllOptions, PageOptions, RowOptions } from "./state_verbs.js";
export type { ChildOf, TransferOptions } from "./supervisor_verbs.js";
export { type Incarnation, type Target, incarnation } from "./target.js";
export type { WatchOptions } from "./tie_verbs.js";
export { Link, Monitor } from "./ties.js";
export { Double, type Payload, Raw, type Value, decodePayload, encodePayload } from "./value.js";
export type { ReadOptions, RequestOptions, TimeoutOptions } from "./verbs.js";
export { Watch } from "./watch.js";
