// Package peeper is a client of peeperd, a server of stateful actors whose state survives crashes of their code.
//
// A [Client] holds one connection, which any number of goroutines use at once: their requests travel together, and the
// answers come in whatever order the server has them. When the connection is lost it is made again.
//
//	client, err := peeper.Connect(ctx, "127.0.0.1:7420", peeper.Options{})
//	count, err := client.Call(ctx, peeper.Name("hits"), "inc")
//
// # Contexts
//
// The deadline of a request's context travels with the request, so that the server gives it up at the same time. A
// context without one gives the request [Options.RequestTimeout]. When a context ends, its request returns at once with
// a [TimeoutError]; whether it ran is then unknown, unless the error says that it did not. The context of [Client.Watch]
// and [Client.Monitor] bounds how long these last.
//
// # Values
//
// Messages, replies and states are nil, bool, int64, float64, string, []byte, []any and map[string]any. On the way to
// the server all integer and float types, named types, pointers, and slices and maps of these are taken too. An integer
// that has no exact int64, a string that is not UTF-8 and nesting over 64 levels are an [InvalidValueError].
//
// # Errors
//
// What the server answers is an [*Error]; errors.Is with a Status (errors.Is(err, peeper.StatusNoproc)) asks which.
// What the client itself finds is one of [DisconnectedError], [ConnectError], [TimeoutError], [InvalidArgumentError],
// [InvalidValueError], [ErrClosed] and [ErrTooManyRequests].
package peeper
