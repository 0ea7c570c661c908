import { type Message } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as pb from "../gen/peeper/v1/peeper_pb.js";
import type * as native from "../src/index.js";
import { type StartOptions, type Started } from "../src/index.js";

// The type checker compares the interfaces of answers.ts to the schema: where one has a field that the other has not,
// the line does not compile.
type Fields<M> = Exclude<keyof M, keyof Message>;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Answers<A, M, Other extends string = never> = Same<Exclude<keyof A, Other>, Exclude<Fields<M>, Other>>;

const same: true[] = [
    true satisfies Answers<native.ActorInfo, pb.ActorInfo>,
    true satisfies Answers<native.ActorPage, pb.Listing>,
    true satisfies Answers<native.BehaviourInfo, pb.BehaviourInfo>,
    true satisfies Answers<native.Changed, pb.Changed, "type" | "ref">,
    true satisfies Answers<native.Child, pb.Child>,
    true satisfies Answers<native.ChildCounts, pb.ChildCounts>,
    true satisfies Answers<native.ChildPage, pb.Children>,
    true satisfies Answers<native.CrashInfo, pb.CrashInfo>,
    true satisfies Answers<native.CrashPage, pb.CrashListing>,
    true satisfies Answers<native.CrashReport, pb.CrashReport>,
    true satisfies Answers<native.Down, pb.Down>,
    true satisfies Answers<native.Ended, pb.Ended, "type" | "ref">,
    true satisfies Answers<native.Exit, pb.Exit>,
    true satisfies Answers<native.Gap, pb.Gap, "type" | "ref">,
    true satisfies Answers<native.Generation, pb.Generation>,
    true satisfies Answers<native.Generations, pb.Generations>,
    true satisfies Answers<native.Row, pb.Row>,
    true satisfies Answers<native.RowPage, pb.Rows>,
    true satisfies Answers<native.StateInfo, pb.StateInfo>,
    true satisfies Answers<native.StepBack, pb.StepBack, "type" | "ref">,
    true satisfies Answers<native.SteppedBack, pb.SteppedBack>,
    true satisfies Answers<native.TableInfo, pb.TableInfo>,
    true satisfies Answers<native.TransferPrepared, pb.TransferPrepared>,
    true satisfies Answers<native.UpgradeProgress, pb.UpgradeProgress>,
    true satisfies Answers<native.UpgradeRefusal, pb.UpgradeRefusal>,
    true satisfies Answers<native.UpgradeReport, pb.UpgradeReport>,
    true satisfies Answers<native.Welcome, pb.Welcome>,
    true satisfies Answers<native.Welcome["limits"], pb.Limits>,
    true satisfies Answers<Started, pb.Started, "link">,
    true satisfies Answers<StartOptions, pb.Start, "signal" | "behaviour">,
];

test("the interfaces of answers have the fields of the schema", () => {
    assert.ok(same.every(Boolean));
});

test("every kind of answer is one that a verb or an event handles", () => {
    const kinds = pb.ServerFrameSchema.oneofs[0]?.fields.map((field) => field.localName).sort();
    assert.deepStrictEqual(kinds, [
        "actorInfo", "behaviourListing", "childCounts", "children", "crashListing", "crashReport", "done", "error", "event",
        "generations", "listing", "located", "monitored", "pong", "reply", "rows", "started", "state", "tableListing",
        "transferPrepared", "upgradeReport", "watching", "welcome",
    ]);
});
