// target: whom a request means.
import { InvalidArgument } from "./peeper_error.js";

declare const incarnationBrand: unique symbol;

/**
 * The id of one incarnation of an actor, as `start` and `whereis` answer it. After a restart nobody has it any more.
 * At run time a bigint, so that ids can be compared and be keys of a Map.
 */
export type Incarnation = bigint & { readonly [incarnationBrand]: true };

/** A name, or one incarnation. */
export type Target = string | Incarnation;

/** Makes the type of an id that was kept elsewhere, such as in a file. Throws InvalidArgument. */
export function incarnation(id: bigint): Incarnation {
    if (typeof id !== "bigint" || id < 1n || id >= 1n << 64n) {
        throw new InvalidArgument(`${id} is no incarnation's id; that is a bigint from 1 to 2^64 - 1`);
    }
    return id as Incarnation;
}

/** Throws InvalidArgument unless it is a target. */
export function checkTarget(target: Target): Target {
    if (typeof target === "string" ? target !== "" : typeof target === "bigint" && target > 0n) return target;
    const given = typeof target === "string" ? '""' : String(target);
    throw new InvalidArgument(`${given} names nobody; a target is an actor's name, or an incarnation's id (a bigint)`);
}

/** The fields of a request. */
export function targetFields(target: Target): { name: string } | { id: bigint } {
    checkTarget(target);
    return typeof target === "string" ? { name: target } : { id: target };
}
