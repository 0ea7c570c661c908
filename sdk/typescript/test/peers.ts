// peers: servers that are none, and a proxy that breaks connections.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { once } from "node:events";
import { type AddressInfo, type Server as NetServer, type Socket, connect, createServer } from "node:net";
import {
    type ClientFrame,
    ClientFrameSchema,
    type ServerFrame,
    ServerFrameSchema,
} from "../gen/peeper/v1/peeper_pb.js";
import { Writer } from "../src/bytes.js";
import { type Client, type ClientEvents } from "../src/client.js";
import { FrameReader } from "../src/frame_reader.js";

async function listen(server: NetServer, port = 0): Promise<string> {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A listener whose connections are treated as `onSocket` says. */
export class Peer {
    readonly sockets = new Set<Socket>();
    address = "";
    private readonly server: NetServer;

    constructor(onSocket: (socket: Socket) => void) {
        this.server = createServer((socket) => {
            this.sockets.add(socket);
            socket.on("error", () => undefined);
            socket.on("close", () => this.sockets.delete(socket));
            onSocket(socket);
        });
    }

    async start(): Promise<this> {
        this.address = await listen(this.server);
        return this;
    }

    cut(): void {
        for (const socket of this.sockets) socket.destroy();
    }

    async stop(): Promise<void> {
        const closed = once(this.server, "close");
        this.server.close();
        this.cut();
        await closed;
    }
}

type Answer = (frame: ClientFrame, socket: Socket) => ServerFrame["body"] | undefined;

function write(socket: Socket, id: bigint, body: ServerFrame["body"]): void {
    const bytes = toBinary(ServerFrameSchema, create(ServerFrameSchema, { id, body }));
    const out = new Writer(bytes.length + 8);
    out.varint(bytes.length);
    out.raw(bytes);
    socket.write(out.bytes.subarray(0, out.at));
}

/** Speaks the protocol and answers as `answer` says; undefined: not at all. Every frame is in `frames`. */
export class FakeServer extends Peer {
    readonly frames: ClientFrame[] = [];
    features: string[] = [];

    constructor(private readonly answer: Answer) {
        super((socket) => {
            const reader = new FrameReader(1 << 30, (bytes, from, end) => {
                const frame = fromBinary(ClientFrameSchema, bytes.subarray(from, end));
                if (frame.body.case === "hello") this.welcome(socket, frame.id);
                else this.take(frame, socket);
            });
            socket.on("data", (chunk) => reader.feed(chunk));
        });
    }

    push(body: ServerFrame["body"]): void {
        for (const socket of this.sockets) write(socket, 0n, body);
    }

    /** An answer of its own time. */
    say(socket: Socket, id: bigint, body: ServerFrame["body"]): void {
        write(socket, id, body);
    }

    private welcome(socket: Socket, id: bigint): void {
        const limits = { frameBytesMax: 1 << 22, nameBytesMax: 255, deadlineMsMax: 3600000, mailboxMax: 10000 };
        const value = { protocolVersion: 1, serverVersion: "fake", limits, features: this.features };
        write(socket, id, { case: "welcome", value: value as never });
    }

    private take(frame: ClientFrame, socket: Socket): void {
        this.frames.push(frame);
        const body = this.answer(frame, socket);
        if (body !== undefined) write(socket, frame.id, body);
    }
}

/** Passes bytes on, and can be cut. `target` may change between connections. */
export class Proxy extends Peer {
    connections = 0;
    /** While false, what clients send is swallowed. */
    passing = true;

    constructor(public target: string) {
        super((socket) => {
            this.connections++;
            const [host, port] = this.target.split(":") as [string, string];
            const upstream = connect(Number(port), host);
            upstream.on("error", () => socket.destroy());
            upstream.on("close", () => socket.destroy());
            socket.on("close", () => upstream.destroy());
            socket.on("data", (chunk) => {
                if (this.passing) upstream.write(chunk);
            });
            upstream.on("data", (chunk) => {
                if (this.passing) socket.write(chunk);
            });
        });
    }
}

/** Resolves at the next event of that name. */
export function next<N extends keyof ClientEvents>(client: Client, name: N): Promise<ClientEvents[N]> {
    return new Promise((resolve) => {
        const listener = (...args: ClientEvents[N]): void => {
            client.off(name, listener);
            resolve(args);
        };
        client.on(name, listener);
    });
}
