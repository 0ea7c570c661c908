// frame_reader: cuts a stream of bytes into frames, in time that is linear in the bytes.
import { ProtocolViolation } from "./peeper_error.js";

/** Called with each whole frame: bytes[from, end). The bytes are borrowed until it returns. */
export type OnFrame = (bytes: Uint8Array, from: number, end: number) => void;

export class FrameReader {
    private parts: Uint8Array[] = []; // of a frame that is not whole yet
    private have = 0; // bytes in parts
    private need = 0; // bytes that parts must have before looking again helps

    constructor(
        private readonly frameBytesMax: number,
        private readonly onFrame: OnFrame,
    ) {}

    /** Takes the next bytes. Throws ProtocolViolation where they are no frames; nothing may be fed after that. */
    feed(chunk: Uint8Array): void {
        if (this.have > 0) {
            this.parts.push(chunk);
            this.have += chunk.length;
            if (this.have < this.need) return;
            chunk = this.parts.length === 1 ? chunk : Buffer.concat(this.parts, this.have);
            this.parts = [];
            this.have = 0;
        }
        this.keep(chunk, this.cut(chunk));
    }

    /** Hands on all whole frames; answers where the rest begins. Sets `need`. */
    private cut(chunk: Uint8Array): number {
        let at = 0;
        for (;;) {
            let length = 0;
            let body = at;
            for (let shift = 0; ; shift += 7) {
                if (body >= chunk.length) {
                    this.need = body - at + 1;
                    return at;
                }
                const byte = chunk[body++] as number;
                length += (byte & 0x7f) * 2 ** shift;
                if (byte < 0x80) {
                    if (byte === 0 && shift > 0) throw new ProtocolViolation("a length that is not in its shortest form");
                    break;
                }
                if (shift === 28) throw new ProtocolViolation("a length of more than 5 bytes");
            }
            if (length > this.frameBytesMax) {
                throw new ProtocolViolation(`a frame of ${length} bytes, over frameBytesMax (${this.frameBytesMax})`);
            }
            const end = body + length;
            if (end > chunk.length) {
                this.need = end - at;
                return at;
            }
            this.onFrame(chunk, body, end);
            at = end;
        }
    }

    private keep(chunk: Uint8Array, at: number): void {
        if (at === chunk.length) return;
        this.parts = [at === 0 ? chunk : chunk.subarray(at)];
        this.have = chunk.length - at;
    }
}
