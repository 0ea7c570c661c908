import { create } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Error as ErrorFrame, ErrorSchema, Status, StatusSchema } from "../gen/peeper/v1/peeper_pb.js";
import { serverError } from "../src/errors.js";
import { PeeperError, ServerError, encodePayload, errors } from "../src/index.js";

function frame(fields: Partial<ErrorFrame>): ErrorFrame {
    return create(ErrorSchema, fields as never);
}

test("every status of the schema has a class of its own", () => {
    const statuses = StatusSchema.values.filter((value) => value.number !== 0);
    assert.ok(statuses.length >= 27);
    const classes = new Set();
    for (const { number, localName } of statuses) {
        const error = serverError(frame({ status: number, message: "why" }), false);
        assert.equal(error.status, localName);
        assert.equal(error.statusNumber, number);
        assert.ok(error instanceof PeeperError && error instanceof ServerError);
        assert.equal(error.name.toUpperCase(), localName.replaceAll("_", ""));
        assert.equal((errors as Record<string, unknown>)[error.name], error.constructor);
        classes.add(error.constructor);
    }
    assert.equal(classes.size, statuses.length);
    assert.equal(Object.keys(errors).length, statuses.length);
});

test("an error says what the frame says", () => {
    const error = serverError(
        frame({
            status: Status.MAILBOX_FULL,
            message: "the mailbox is full",
            retryable: true,
            retryAfterMs: 20,
            reason: encodePayload(["a", 1]),
            kind: "raise",
        }),
        false,
    );
    assert.ok(error instanceof errors.MailboxFull);
    assert.equal(error.message, "the mailbox is full");
    assert.equal(String(error), "MailboxFull: the mailbox is full");
    assert.equal(error.retryable, true);
    assert.equal(error.retryAfterMs, 20);
    assert.deepStrictEqual(error.reason, ["a", 1]);
    assert.equal(error.kind, "raise");
    assert.equal(serverError(frame({ status: Status.DOWN }), false).reason, undefined);
});

test("a number that is not known is treated like INTERNAL", () => {
    const error = serverError(frame({ status: 999 as Status, message: "new", retryable: true }), false);
    assert.ok(error instanceof errors.Internal);
    assert.equal(error.statusNumber, 999);
    assert.equal(error.retryable, true);
});
