package peeper

import (
	"time"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// verb is what the client knows about one kind of request.
type verb struct {
	name   string
	field  protowire.Number // of the request in ClientFrame
	answer protowire.Number // of its answer in ServerFrame; 0: Reply or Done
	// timeout is the field of the request that says how long the caller waits; 0: it has none.
	timeout protowire.Number
	// specified: what it starts has a time-out of its own, which counts unless the caller names one.
	specified bool
	// repeats: it only reads, so it is sent again where its connection is lost.
	repeats bool
	// over: it takes back what ends with the connection anyway, so a lost connection answers it.
	over bool
	// patience takes the place of Options.RequestTimeout; 0: it does not.
	patience time.Duration
}

// Fields of ServerFrame.
const (
	answerReply = protowire.Number(3)
	answerError = protowire.Number(4)
	answerDone  = protowire.Number(5)
	answerEvent = protowire.Number(11)
)

// An upgrade asks all actors of a behaviour.
const upgradePatience = 10 * time.Minute

var (
	verbCall             = &verb{name: "call", field: 3, answer: answerReply, timeout: 4}
	verbCast             = &verb{name: "cast", field: 4, answer: answerDone}
	verbSend             = &verb{name: "send", field: 5, answer: answerDone}
	verbStart            = &verb{name: "start", field: 6, answer: 6, timeout: 4}
	verbStop             = &verb{name: "stop", field: 7, answer: answerDone, timeout: 4}
	verbKill             = &verb{name: "kill", field: 8, answer: answerDone}
	verbWhereIs          = &verb{name: "whereis", field: 9, answer: 7, repeats: true}
	verbList             = &verb{name: "list", field: 10, answer: 8, repeats: true}
	verbInspect          = &verb{name: "inspect", field: 11, answer: 9, repeats: true}
	verbResume           = &verb{name: "resume", field: 12, answer: answerDone}
	verbPing             = &verb{name: "ping", field: 13, answer: 10, repeats: true}
	verbStartSupervisor  = &verb{name: "start_supervisor", field: 14, answer: 6, timeout: 3}
	verbStartChild       = &verb{name: "start_child", field: 15, answer: 6, timeout: 4, specified: true}
	verbTerminateChild   = &verb{name: "terminate_child", field: 16, answer: answerDone, timeout: 5}
	verbRestartChild     = &verb{name: "restart_child", field: 17, answer: 6, timeout: 5, specified: true}
	verbDeleteChild      = &verb{name: "delete_child", field: 18, answer: answerDone}
	verbWhichChildren    = &verb{name: "which_children", field: 19, answer: 12, repeats: true}
	verbCountChildren    = &verb{name: "count_children", field: 20, answer: 13, repeats: true}
	verbGetChildSpec     = &verb{name: "get_child_spec", field: 21, answer: answerReply, repeats: true}
	verbCheckSpecs       = &verb{name: "check_specs", field: 22, answer: answerDone, repeats: true}
	verbChangeSupervisor = &verb{name: "change_supervisor", field: 23, answer: answerDone}
	verbMonitor          = &verb{name: "monitor", field: 24, answer: 14, repeats: true} // the lost one is over
	verbDemonitor        = &verb{name: "demonitor", field: 25, answer: answerDone, over: true}
	verbLink             = &verb{name: "link", field: 26, answer: answerDone}
	verbUnlink           = &verb{name: "unlink", field: 27, answer: answerDone, over: true}
	verbSuspend          = &verb{name: "suspend", field: 28, answer: answerDone}
	verbGetState         = &verb{name: "get_state", field: 29, answer: 15, repeats: true}
	verbReplaceState     = &verb{name: "replace_state", field: 30, answer: answerDone, timeout: 4}
	verbListCrashes      = &verb{name: "crashes", field: 31, answer: 16, repeats: true}
	verbShowCrash        = &verb{name: "show_crash", field: 32, answer: 17, repeats: true}
	verbRedrive          = &verb{name: "redrive", field: 33, timeout: 2}
	verbDiscardCrash     = &verb{name: "discard_crash", field: 34, answer: answerDone}
	verbGenerations      = &verb{name: "generations", field: 35, answer: 18, repeats: true}
	verbRestoreState     = &verb{name: "restore_state", field: 36, answer: answerDone, timeout: 4}
	verbWatch            = &verb{name: "watch", field: 37, answer: 19, repeats: true} // the lost one is over
	verbUnwatch          = &verb{name: "unwatch", field: 38, answer: answerDone, over: true}
	verbTransfer         = &verb{name: "transfer", field: 39, answer: 6, timeout: 7}
	verbPrepareTransfer  = &verb{name: "prepare_transfer", field: 40, answer: 20, repeats: true}
	verbCommitTransfer   = &verb{name: "commit_transfer", field: 41, answer: 6, timeout: 2}
	verbBehaviours       = &verb{name: "behaviours", field: 42, answer: 21, repeats: true}
	verbDeploy           = &verb{name: "deploy", field: 43, answer: 22, patience: upgradePatience}
	verbUpgrade          = &verb{name: "upgrade", field: 44, answer: 22, patience: upgradePatience}
	verbTables           = &verb{name: "tables", field: 45, answer: 23, repeats: true}
	verbRows             = &verb{name: "rows", field: 46, answer: 24, repeats: true}
)

// featureIdempotency is the server's promise that a request with a key it has seen is not run again.
const featureIdempotency = "idempotency"

// Where the schema puts the idempotency key; 0: it has none, and keys are not sent.
var (
	callKeyField = keyField((&peeperv1.Call{}).ProtoReflect().Descriptor())
	castKeyField = keyField((&peeperv1.Cast{}).ProtoReflect().Descriptor())
)

func keyField(message protoreflect.MessageDescriptor) protowire.Number {
	field := message.Fields().ByName("idempotency_key")
	if field == nil || field.Kind() != protoreflect.StringKind && field.Kind() != protoreflect.BytesKind {
		return 0
	}
	return field.Number()
}
