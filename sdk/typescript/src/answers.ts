// answers: what requests are answered with, as plain data.
//
// Ids are bigints, since they use all of 64 bits; an id of 0, which means "none", is left out. What counts or measures
// is a number. Times (`atMs`) are Unix milliseconds: `new Date(info.atMs)`. Payloads are decoded; one that is no Value
// (a behaviour's own encoding, or a message that was cut) is a Raw. answers.test.ts compares all of this to the schema.
import { type Incarnation } from "./target.js";
import { type Raw, type Value } from "./value.js";

/** A payload that came. */
export type Answer = Value | Raw;

/** What the server said when it was connected to. */
export interface Welcome {
    protocolVersion: number;
    /** For people. */
    serverVersion: string;
    /** What it refuses. */
    limits: { frameBytesMax: number; nameBytesMax: number; deadlineMsMax: number; mailboxMax: number };
    /** Optional features that this client and the server have, such as "idempotency". */
    features: string[];
}

/** Which ends of an incarnation are followed by a new one. */
export type Restart = "permanent" | "transient" | "temporary";
/** What follows more restarts than the intensity allows. */
export type OnIntensity = "backoff" | "suspend" | "stop";
/** With whom an actor shares its host process. */
export type Isolation = "shared" | "own";

/** One good state of an actor. */
export interface StateInfo {
    value: Answer;
    /** Counts committed changes; the state that init returned is version 1. */
    version: number;
    atMs: number;
    /** Which turn of the server committed it, counted from its start. */
    turn: number;
    /** Whose state it is: a version means something only together with its unit. */
    unit?: bigint;
}

/** A state without its value. */
export interface Generation {
    version: number;
    atMs: number;
    turn: number;
    /** Of the encoded state. */
    bytes: number;
}

export interface Generations {
    /** Newest first. */
    generations: Generation[];
    /** So many are kept at most. */
    kept: number;
}

/** How an incarnation ended. */
export interface CrashInfo {
    /** raise, contract, exit, signal, deadline, memory, killed or host_lost. */
    kind: string;
    reason?: Answer;
    atMs: number;
    /** Where and how, for a person. This and the backtrace are empty in listings. */
    message: string;
    /** Innermost first. */
    backtrace: string[];
    /** In the server's crash log; absent where it was not kept. */
    id?: bigint;
}

/** An actor that crashed right after its restart was restarted with an older generation. */
export interface SteppedBack {
    from: number;
    to: number;
    atMs: number;
}

/** All that is known of one actor. */
export interface ActorInfo {
    /** Empty: anonymous. */
    name: string;
    unit?: bigint;
    incarnation?: Incarnation;
    behaviour: string;
    /** starting, running, restarting, waiting (back-off), suspended, stopping or ended. */
    status: string;
    /** Absent in listings and where none was committed yet. */
    state?: StateInfo;
    restarts: number;
    /** Messages waiting or in flight. */
    mailbox: number;
    /** Worker thread that holds it; -1 while no host does. */
    worker: number;
    hostPid: number;
    lastCrash?: CrashInfo;
    /** Milliseconds for which the present turn has been running; 0 while none is known to. */
    turnMs: number;
    suspended: boolean;
    /** A name, or "@id"; empty: none. */
    supervisor: string;
    links: number;
    monitors: number;
    trapExit: boolean;
    hibernating: boolean;
    isSupervisor: boolean;
    /** Of a supervisor. */
    strategy: string;
    timers: number;
    /** Whose answer it waits for: a name, or "@id"; empty: nobody's. */
    awaits: string;
    isolation?: Isolation;
    quarantined: boolean;
    watchers: number;
    eventsDropped: number;
    tables: number;
    tableBytes: number;
    steppedBack?: SteppedBack;
    /** Of the code that it runs. */
    version: string;
    /** Why it was not upgraded with the others; empty: it has not refused to be. */
    codeRefused: string;
    /** Version of the newest committed state, in listings as well; 0: none was committed yet. */
    newestVersion: number;
}

export interface ActorPage {
    actors: ActorInfo[];
    /** Goes on with; absent after the last page. */
    next?: bigint;
}

export interface TableInfo {
    /** Empty: the dictionary. */
    name: string;
    ordered: boolean;
    private: boolean;
    /** A restart gives it back, whatever keepTables says. */
    heir: boolean;
    rows: number;
    bytes: number;
}

export interface Row {
    key: Answer;
    value: Answer;
}

export interface RowPage {
    rows: Row[];
    /** A key to go on after; absent after the last page. */
    next?: Answer;
}

/** One crash in the server's log. */
export interface CrashReport {
    crash?: bigint;
    name: string;
    unit?: bigint;
    incarnation?: Incarnation;
    behaviour: string;
    version: string;
    kind: string;
    reason?: Answer;
    message: string;
    backtrace: string[];
    /** The message that did it: init, call, cast, info, continue or terminate; empty: none did. */
    turn: string;
    payload?: Answer;
    payloadBytes: number;
    /** It was too long to be kept whole, so it cannot be run again. */
    payloadCut: boolean;
    stateVersion: number;
    hostPid: number;
    atMs: number;
    attempts: number;
    messageSetAside: boolean;
    redriven: number;
}

export interface CrashPage {
    /** Newest first, without payloads. */
    reports: CrashReport[];
    next?: bigint;
}

/** One child of a supervisor. */
export interface Child {
    /** Empty under simple_one_for_one. */
    id: string;
    /** Absent: there is none now. */
    incarnation?: Incarnation;
    /** starting, running, restarting, waiting, suspended, stopping, or stopped (the spec only). */
    status: string;
    supervisor: boolean;
    name: string;
    behaviour: string;
    restarts: number;
    mailbox: number;
    unit?: bigint;
    children: number;
    strategy: string;
    restart: string;
    significant: boolean;
}

export interface ChildPage {
    children: Child[];
    next?: bigint;
}

export interface ChildCounts {
    specs: number;
    active: number;
    supervisors: number;
    workers: number;
}

export interface TransferPrepared {
    /** For one commitTransfer. */
    handle: bigint;
    validMs: number;
}

/** One version of a behaviour. */
export interface BehaviourInfo {
    name: string;
    version: string;
    /** "native" or "lua". */
    kind: string;
    callbacks: string[];
    /** Actors that run this version. */
    actors: number;
    file: string;
    /** New actors run it. */
    current: boolean;
}

export interface UpgradeRefusal {
    name: string;
    unit?: bigint;
    reason: string;
}

export interface UpgradeReport {
    behaviour: string;
    from: string;
    to: string;
    changed: number;
    moved: number;
    refused: number;
    gone: number;
    left: number;
    /** The first 100. */
    refusals: UpgradeRefusal[];
    tookMs: number;
    dryRun: boolean;
    /** Why it was stopped before all were asked; empty: it was not. */
    stopped: string;
}

export interface UpgradeProgress {
    behaviour: string;
    done: number;
    total: number;
    refused: number;
}

/** A monitored incarnation has ended. */
export interface Down {
    ref?: bigint;
    /** Absent where a name was monitored that nobody had, and at the end of the connection. */
    id?: Incarnation;
    /** The name that was monitored; empty where it was an id. */
    name: string;
    /** "noproc": nobody was there; "noconnection": the connection has ended. */
    reason?: Answer;
}

/** A linked incarnation has ended. */
export interface Exit {
    /** As in Down. */
    id?: Incarnation;
    name: string;
    reason?: Answer;
}

/** A watched state has changed. */
export interface Changed {
    type: "changed";
    name: string;
    unit?: bigint;
    version: number;
    atMs: number;
    value: Answer;
    /** The state before, where the watch wants it and there is one. */
    old?: { value: Answer };
}

/** A watched unit is over for good; a restart is not told. */
export interface Ended {
    type: "ended";
    name: string;
    unit?: bigint;
    reason?: Answer;
    /** The last state and its version; version 0: none was committed, or it is not known. */
    version: number;
    value: Answer;
}

/** Changes were left out. The newest states that the server has follow. */
export interface Gap {
    type: "gap";
    /** Empty: it is not known whose changes they were. */
    name: string;
    unit?: bigint;
    /** Versions that were not told, both included; both 0: not known. */
    firstVersion: number;
    lastVersion: number;
}

/** The actor goes on with an older state than its newest; the states that it left were told and are not taken back. */
export interface StepBack {
    type: "steppedBack";
    name: string;
    unit?: bigint;
    step: SteppedBack;
    /** Steps back of the actor before this one that were not told, because the client did not read. */
    missed: number;
}

export type WatchEvent = Changed | Ended | Gap | StepBack;
