package peeper

import (
	"context"
	"net"
	"reflect"
	"testing"
	"time"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// everyRequest sends each kind of request once, with all that can be said in it.
func everyRequest(ctx context.Context, c *Client) {
	const a, s, o = Name("a"), Incarnation(7), Name("o")
	t := Timeout(time.Second)
	c.Call(ctx, a, 1, t, IdempotencyKey("k"))
	c.Cast(ctx, a, 1, IdempotencyKey("k"))
	c.Send(ctx, a, 1)
	c.Start(ctx, StartOptions{Name: "a", Behaviour: "b", Argument: 1, Restart: 1, OnIntensity: 1,
		Intensity: &Intensity{1, time.Second}, MailboxMax: 1, Link: true, Monitor: true, NoTrapExit: true,
		HibernateAfter: time.Second, Isolation: 1, Generations: 1, StepBack: true, Listener: "l", KeepTables: []string{"t"}}, t)
	c.Stop(ctx, a, 1, t)
	c.Kill(ctx, a)
	c.WhereIs(ctx, s)
	c.List(ctx, ListOptions{"p", 1, 1})
	c.Inspect(ctx, a, 1)
	c.Resume(ctx, a)
	c.Ping(ctx)
	c.StartSupervisor(ctx, "s", 1, t)
	c.StartChild(ctx, s, 1, t)
	c.TerminateChild(ctx, s, ChildID{"c", 1}, t)
	c.RestartChild(ctx, s, "c", t)
	c.DeleteChild(ctx, s, "c")
	c.WhichChildren(ctx, s, WhichChildrenOptions{"c", 1, 1})
	c.CountChildren(ctx, s)
	c.GetChildSpec(ctx, s, ChildID{"c", 1})
	c.CheckSpecs(ctx, 1)
	c.ChangeSupervisor(ctx, s, 1)
	c.Monitor(ctx, a)
	c.Demonitor(ctx, 1, true)
	c.Link(ctx, a)
	c.Unlink(ctx, a)
	c.Suspend(ctx, a)
	c.GetState(ctx, a, 1)
	c.ReplaceState(ctx, a, 1, t)
	c.Crashes(ctx, CrashesOptions{"a", 1, 1})
	c.ShowCrash(ctx, 1)
	c.Redrive(ctx, 1, t)
	c.DiscardCrash(ctx, 1)
	c.Generations(ctx, a)
	c.RestoreState(ctx, a, 1, t)
	c.Watch(ctx, "a", WatchOptions{true, 1, 1, true})
	c.Unwatch(ctx, 1)
	c.Transfer(ctx, a, s, o, t)
	c.PrepareTransfer(ctx, a, s, o)
	c.CommitTransfer(ctx, 1, t)
	c.Behaviours(ctx)
	c.Deploy(ctx, "f", []byte("c"), 1)
	c.Upgrade(ctx, UpgradeOptions{"b", "f", []byte("c"), 1, true})
	c.Tables(ctx, a)
	c.Rows(ctx, a, RowsOptions{"t", "p", &Key{1}, 1})
}

// other is the field that stands for this one where a target is of the other kind.
var other = map[protoreflect.Name]protoreflect.Name{"name": "id", "id": "name", "target": "target_id",
	"target_id": "target", "source": "source_id", "source_id": "source"}

func TestEveryFieldOfEveryRequestCanBeSet(t *testing.T) {
	seen := map[protoreflect.Name]bool{}
	done := make(chan *peeperv1.ClientFrame, 100)
	c := connectTo(t, greeted(t, nil, func(conn net.Conn, frame *peeperv1.ClientFrame) bool {
		tell(conn, &peeperv1.ServerFrame{Id: frame.Id, Body: &peeperv1.ServerFrame_Error{Error: &peeperv1.Error{Status: 1}}})
		done <- frame
		return true
	}), Options{})
	everyRequest(soon(t), c)
	for len(done) > 0 {
		m := next(t, done).ProtoReflect()
		body := m.WhichOneof(m.Descriptor().Oneofs().ByName("body"))
		seen[body.Name()] = true
		request := m.Get(body).Message()
		for i, fields := 0, request.Descriptor().Fields(); i < fields.Len(); i++ {
			field := fields.Get(i)
			if request.Has(field) {
				continue
			}
			if instead := fields.ByName(other[field.Name()]); instead == nil || !request.Has(instead) {
				t.Errorf("%s.%s is never set", body.Name(), field.Name())
			}
		}
	}
	bodies := (&peeperv1.ClientFrame{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for i := 0; i < bodies.Len(); i++ {
		if name := bodies.Get(i).Name(); !seen[name] && name != "hello" {
			t.Errorf("there is no verb for %s", name)
		}
	}
}

// fill sets every field of a message to something.
func fill(m protoreflect.Message) {
	for i, fields := 0, m.Descriptor().Fields(); i < fields.Len(); i++ {
		field := fields.Get(i)
		switch {
		case field.IsList() && field.Kind() == protoreflect.MessageKind:
			fill(m.Mutable(field).List().AppendMutable().Message())
		case field.IsList():
			m.Mutable(field).List().Append(protoreflect.ValueOfString("x"))
		case field.Kind() == protoreflect.MessageKind:
			fill(m.Mutable(field).Message())
		default:
			m.Set(field, map[protoreflect.Kind]protoreflect.Value{
				protoreflect.StringKind: protoreflect.ValueOfString("x"),
				protoreflect.BytesKind:  protoreflect.ValueOfBytes([]byte{tagInt, 2}),
				protoreflect.BoolKind:   protoreflect.ValueOfBool(true),
				protoreflect.Uint64Kind: protoreflect.ValueOfUint64(1),
				protoreflect.Uint32Kind: protoreflect.ValueOfUint32(1),
				protoreflect.Int32Kind:  protoreflect.ValueOfInt32(1),
				protoreflect.EnumKind:   protoreflect.ValueOfEnum(1),
			}[field.Kind()])
		}
	}
}

func filled[T proto.Message](m T) T {
	fill(m.ProtoReflect())
	return m
}

// same holds a struct of the SDK to the message it was made of: as many fields, and none left empty.
func same(t *testing.T, message proto.Message, made any) {
	t.Helper()
	v := reflect.Indirect(reflect.ValueOf(made))
	fields := message.ProtoReflect().Descriptor().Fields()
	if v.NumField() != fields.Len() {
		t.Errorf("%s has %d fields, %s %d", v.Type(), v.NumField(), message.ProtoReflect().Descriptor().Name(), fields.Len())
	}
	for i := 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("%s.%s is not taken from the answer", v.Type(), v.Type().Field(i).Name)
		}
	}
}

func TestEveryFieldOfTheAnswersIsTaken(t *testing.T) {
	same(t, &peeperv1.StateInfo{}, stateInfo(filled(&peeperv1.StateInfo{})))
	info := actorInfo(filled(&peeperv1.ActorInfo{}))
	same(t, &peeperv1.ActorInfo{}, info)
	same(t, &peeperv1.CrashInfo{}, info.LastCrash)
	same(t, &peeperv1.SteppedBack{}, info.SteppedBack)
	same(t, &peeperv1.CrashReport{}, crashReport(filled(&peeperv1.CrashReport{})))
	report := upgradeReport(filled(&peeperv1.UpgradeReport{}))
	same(t, &peeperv1.UpgradeReport{}, report)
	same(t, &peeperv1.UpgradeRefusal{}, report.Refusals[0])
	s := started(filled(&peeperv1.Started{}))
	s.Monitor = &Monitor{}
	same(t, &peeperv1.Started{}, s)
	for _, e := range []*peeperv1.Event{
		{Kind: &peeperv1.Event_Changed{Changed: filled(&peeperv1.Changed{})}},
		{Kind: &peeperv1.Event_Ended{Ended: filled(&peeperv1.Ended{})}},
		{Kind: &peeperv1.Event_Gap{Gap: filled(&peeperv1.Gap{})}},
		{Kind: &peeperv1.Event_SteppedBack{SteppedBack: filled(&peeperv1.StepBack{})}},
	} {
		m := e.ProtoReflect()
		kind := m.WhichOneof(m.Descriptor().Oneofs().ByName("kind"))
		same(t, m.Get(kind).Message().Interface(), watched(e, 1))
	}
}
