// supervisor_verbs: supervision trees, and actors that move in them. Specs are plain data; docs/supervision.md has the
// fields.
import { type Answer, type Child, type ChildCounts, type ChildPage, type TransferPrepared } from "./answers.js";
import { type Started } from "./actor_verbs.js";
import { ProtocolViolation } from "./peeper_error.js";
import { StateVerbs, type AllOptions, type PageOptions } from "./state_verbs.js";
import { type Target, checkTarget, targetFields } from "./target.js";
import { type Payload, encodePayload } from "./value.js";
import { type ReadOptions, type TimeoutOptions, type Treatment, allPages, uint32, uint64 } from "./verbs.js";

export interface TransferOptions extends TimeoutOptions {
    /** Only from this supervisor; default: whichever has it. */
    source?: Target | undefined;
}

/** A child: its id in its supervisor, or its incarnation where children have no ids (simple_one_for_one). */
export type ChildOf = string | bigint;

function childFields(child: ChildOf): { child: string } | { incarnation: bigint } {
    return typeof child === "string" ? { child } : { incarnation: uint64("child", child) };
}

function transferFields(target: Target, to: Target, source: Target | undefined): object {
    checkTarget(to);
    return {
        ...targetFields(target),
        ...(typeof to === "string" ? { target: to } : { targetId: to }),
        ...(source !== undefined && (typeof source === "string" ? { source } : { sourceId: source })),
    };
}

export abstract class SupervisorVerbs extends StateVerbs {
    /** Starts a supervisor with all its children, in order, or nothing at all. */
    async startSupervisor(spec: Payload, options: TimeoutOptions & { name?: string } = {}): Promise<Started> {
        const timeoutMs = this.waitMs(options.timeoutMs);
        const value = { name: options.name ?? "", spec: encodePayload(spec), timeoutMs };
        return this.starts({ case: "startSupervisor", value }, this.waits(timeoutMs, options));
    }

    /** Adds a child and starts it. For simple_one_for_one the spec may hold "name" and "argument". */
    async startChild(supervisor: Target, spec: Payload, options: TimeoutOptions = {}): Promise<Started> {
        const timeoutMs = this.waitMs(options.timeoutMs);
        // Where nothing is said, its init has the time that its spec gives to it.
        const value = { ...targetFields(supervisor), spec: encodePayload(spec), timeoutMs: options.timeoutMs ?? 0 };
        return this.starts({ case: "startChild", value }, this.waits(timeoutMs, options));
    }

    /** Stops a child as its spec says; the spec stays unless the child is temporary. */
    async terminateChild(supervisor: Target, child: ChildOf, options: TimeoutOptions = {}): Promise<void> {
        const timeoutMs = this.waitMs(options.timeoutMs);
        const value = { ...targetFields(supervisor), ...childFields(child), timeoutMs };
        await this.do({ case: "terminateChild", value }, this.waits(timeoutMs, options));
    }

    /** Starts a child again that was stopped; its state begins anew. */
    async restartChild(supervisor: Target, child: string, options: TimeoutOptions = {}): Promise<Started> {
        const timeoutMs = this.waitMs(options.timeoutMs);
        const value = { ...targetFields(supervisor), child, timeoutMs: options.timeoutMs ?? 0 };
        return this.starts({ case: "restartChild", value }, this.waits(timeoutMs, options));
    }

    /** Removes the spec of a child that was stopped. */
    async deleteChild(supervisor: Target, child: string, options: ReadOptions = {}): Promise<void> {
        await this.do({ case: "deleteChild", value: { ...targetFields(supervisor), child } }, this.acts(options));
    }

    /** The children of a supervisor, newest first; of none: the actors and supervisors that have no supervisor. */
    whichChildren(supervisor?: Target, options: AllOptions & { child?: string } = {}): AsyncGenerator<Child, void, undefined> {
        return allPages(
            (cursor: bigint | undefined) => this.whichChildrenPage(supervisor, { ...options, cursor }),
            (page) => page.children,
        );
    }

    /** One page of whichChildren(). */
    async whichChildrenPage(supervisor?: Target, options: PageOptions & { child?: string } = {}): Promise<ChildPage> {
        const value = {
            ...(supervisor !== undefined && targetFields(supervisor)),
            child: options.child ?? "",
            cursor: uint64("cursor", options.cursor),
            limit: uint32("limit", options.limit),
        };
        return this.get({ case: "whichChildren", value }, this.reads(options), "children");
    }

    /** The four numbers that OTP tells. */
    async countChildren(supervisor: Target, options: ReadOptions = {}): Promise<ChildCounts> {
        return this.get({ case: "countChildren", value: targetFields(supervisor) }, this.reads(options), "childCounts");
    }

    /** A child's spec, with all defaults filled in. */
    async getChildSpec(supervisor: Target, child: ChildOf, options: ReadOptions = {}): Promise<Answer> {
        const value = { ...targetFields(supervisor), ...childFields(child) };
        return this.ask({ case: "getChildSpec", value }, this.reads(options), (body) => {
            if (body.case !== "reply") throw new ProtocolViolation(`an answer of the kind "${body.case}" to getChildSpec`);
            return this.payload(body.value.payload);
        });
    }

    /** Checks a list of children's specs and starts nothing. Rejects with BadSpec, which names the field. */
    async checkSpecs(specs: Payload, options: ReadOptions = {}): Promise<void> {
        await this.do({ case: "checkSpecs", value: { specs: encodePayload(specs) } }, this.reads(options));
    }

    /** Gives a running supervisor new flags and specs; children that run go on untouched. */
    async changeSupervisor(supervisor: Target, spec: Payload, options: ReadOptions = {}): Promise<void> {
        const value = { ...targetFields(supervisor), spec: encodePayload(spec) };
        await this.do({ case: "changeSupervisor", value }, this.acts(options));
    }

    /** Moves an actor to another supervisor of this server. After a time-out the transfer goes on. */
    async transfer(target: Target, to: Target, options: TransferOptions = {}): Promise<Started> {
        const timeoutMs = this.waitMs(options.timeoutMs);
        const value = { ...transferFields(target, to, options.source), timeoutMs };
        return this.starts({ case: "transfer", value }, this.waits(timeoutMs, options));
    }

    /** Whether transfer() would be let in now; the answer's handle is for one commitTransfer(). */
    async prepareTransfer(target: Target, to: Target, options: ReadOptions & { source?: Target } = {}): Promise<TransferPrepared> {
        const value = transferFields(target, to, options.source);
        return this.get({ case: "prepareTransfer", value }, this.acts(options), "transferPrepared");
    }

    /** Does what was prepared. Conflict: the handle is used or too old, or things have changed. */
    async commitTransfer(handle: bigint | number, options: TimeoutOptions = {}): Promise<Started> {
        const timeoutMs = this.waitMs(options.timeoutMs);
        const value = { handle: uint64("handle", handle), timeoutMs };
        return this.starts({ case: "commitTransfer", value }, this.waits(timeoutMs, options));
    }

    private starts(body: Parameters<typeof this.ask>[0], treatment: Treatment): Promise<Started> {
        return this.ask(body, treatment, (answer) => this.started(answer, false));
    }
}
