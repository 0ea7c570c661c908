// bytes: writes and reads the pieces that protobuf is made of.
//
// Only what frames and Values need; everything else goes through the generated code.
import { InvalidValue } from "./peeper_error.js";

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const SHORT_TEXT = 64; // up to here a loop is faster than a call into the engine

/** Bytes that a varint of this number takes. */
export function varintBytes(n: number): number {
    let bytes = 1;
    while (n > 0x7f) {
        n = Math.floor(n / 128);
        bytes++;
    }
    return bytes;
}

/** Writes into memory that grows. Where something throws, the owner sets `at` back. */
export class Writer {
    bytes: Uint8Array;
    private view: DataView;
    at = 0;

    constructor(capacity: number) {
        this.bytes = new Uint8Array(capacity);
        this.view = new DataView(this.bytes.buffer);
    }

    /** Makes room for so many more bytes; `from` is where what is still needed begins. */
    reserve(more: number): void {
        if (this.at + more <= this.bytes.length) return;
        const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.at + more));
        grown.set(this.bytes.subarray(0, this.at));
        this.bytes = grown;
        this.view = new DataView(grown.buffer);
    }

    byte(value: number): void {
        this.reserve(1);
        this.bytes[this.at++] = value;
    }

    /** A whole number from 0 to 2^53 - 1. */
    varint(n: number): void {
        this.reserve(8);
        while (n > 0x7fffffff) {
            this.bytes[this.at++] = (n % 128) | 0x80;
            n = Math.floor(n / 128);
        }
        while (n > 0x7f) {
            this.bytes[this.at++] = (n & 0x7f) | 0x80;
            n >>>= 7;
        }
        this.bytes[this.at++] = n;
    }

    /** 0 to 2^64 - 1. */
    varint64(n: bigint): void {
        this.reserve(10);
        while (n > 0x7fffffffn) {
            this.bytes[this.at++] = Number(n & 0x7fn) | 0x80;
            n >>= 7n;
        }
        this.varint(Number(n));
    }

    double(value: number): void {
        this.reserve(8);
        this.view.setFloat64(this.at, value, true);
        this.at += 8;
    }

    raw(data: Uint8Array): void {
        this.reserve(data.length);
        this.bytes.set(data, this.at);
        this.at += data.length;
    }

    /** Begins something whose length comes first; end() with the answer closes it. */
    begin(): number {
        this.reserve(1);
        this.at++;
        return this.at;
    }

    /** Writes the length of what has been written since begin(), in its shortest form. */
    end(began: number): void {
        const length = this.at - began;
        if (length > 0x7f) {
            const more = varintBytes(length) - 1;
            this.reserve(more);
            this.bytes.copyWithin(began + more, began, this.at);
            this.at = began - 1;
            this.varint(length);
            this.at += length;
        } else {
            this.bytes[began - 1] = length;
        }
    }

    /** A length, and the text as UTF-8. Throws InvalidValue for half a surrogate pair. */
    text(text: string): void {
        const length = text.length;
        if (length <= SHORT_TEXT && this.ascii(text, length)) return;
        // An unpaired surrogate has no UTF-8; the encoder would replace it in silence.
        if (/\p{Surrogate}/u.test(text)) throw new InvalidValue("a string with half a surrogate pair is no Unicode");
        const began = this.begin();
        this.reserve(length * 3);
        this.at += textEncoder.encodeInto(text, this.bytes.subarray(this.at)).written;
        this.end(began);
    }

    private ascii(text: string, length: number): boolean {
        this.reserve(length + 1);
        const bytes = this.bytes;
        let at = this.at;
        bytes[at++] = length;
        for (let i = 0; i < length; i++) {
            const unit = text.charCodeAt(i);
            if (unit > 0x7f) return false;
            bytes[at++] = unit;
        }
        this.at = at;
        return true;
    }
}

/** Reads bytes that may be anything: each fault throws InvalidValue, and nothing is read past `end`. */
export class Reader {
    private view: DataView | undefined;

    constructor(
        readonly bytes: Uint8Array,
        public at: number,
        public end: number,
    ) {}

    /** As a number; beyond 2^53 it is not exact, see varint64(). */
    varint(): number {
        let value = 0;
        let factor = 1;
        for (let i = 0; i < 10; i++) {
            if (this.at >= this.end) throw new InvalidValue("the bytes end in the middle of a number");
            const byte = this.bytes[this.at++] as number;
            value += (byte & 0x7f) * factor;
            if (byte < 0x80) return value;
            factor *= 128;
        }
        throw new InvalidValue("a number of more than 10 bytes");
    }

    varint64(): bigint {
        let value = 0n;
        for (let shift = 0n; shift < 70n; shift += 7n) {
            if (this.at >= this.end) throw new InvalidValue("the bytes end in the middle of a number");
            const byte = this.bytes[this.at++] as number;
            value |= BigInt(byte & 0x7f) << shift;
            if (byte < 0x80) return BigInt.asUintN(64, value);
        }
        throw new InvalidValue("a number of more than 10 bytes");
    }

    double(): number {
        if (this.end - this.at < 8) throw new InvalidValue("the bytes end in the middle of a double");
        this.view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
        this.at += 8;
        return this.view.getFloat64(this.at - 8, true);
    }

    /** Reads a length and answers where what it counts ends. */
    block(): number {
        const length = this.varint();
        if (length > this.end - this.at) throw new InvalidValue("a length that passes the end");
        return this.at + length;
    }

    text(): string {
        const end = this.block();
        const from = this.at;
        this.at = end;
        if (end - from <= SHORT_TEXT) {
            let text = "";
            let i = from;
            for (; i < end; i++) {
                const byte = this.bytes[i] as number;
                if (byte > 0x7f) break;
                text += String.fromCharCode(byte);
            }
            if (i === end) return text;
        }
        try {
            return textDecoder.decode(this.bytes.subarray(from, end));
        } catch {
            throw new InvalidValue("a string that is no UTF-8");
        }
    }

    /** Passes over the field of this tag, of any kind that protobuf 3 has. */
    skip(tag: number): void {
        switch (tag & 7) {
            case 0:
                this.varint();
                return;
            case 1:
                this.advance(8);
                return;
            case 2:
                this.at = this.block();
                return;
            case 5:
                this.advance(4);
                return;
            default:
                throw new InvalidValue("a field of no known kind");
        }
    }

    private advance(bytes: number): void {
        if (bytes > this.end - this.at) throw new InvalidValue("the bytes end in the middle of a field");
        this.at += bytes;
    }
}
