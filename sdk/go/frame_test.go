package peeper

import (
	"bytes"
	"errors"
	"net"
	"testing"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// FuzzRequestFrame holds what is written by hand to the generated code.
func FuzzRequestFrame(f *testing.F) {
	f.Add(uint64(1), "name", uint64(0), "payload", uint32(5000))
	f.Add(uint64(1<<63), "", uint64(1<<40), "", uint32(0))
	f.Fuzz(func(t *testing.T, id uint64, name string, incarnation uint64, payload string, ms uint32) {
		body := appendTarget(nil, name, incarnation)
		body, start := openLength(append(body, 3<<3|byte(protowire.BytesType)))
		body, err := encodeValue(body, payload)
		if err != nil {
			return
		}
		body = closeLength(body, start)
		for _, v := range []*verb{verbCall, verbCast, verbSend} {
			frame, rest, err := cutFrame(appendFrame(nil, id, v.field, body, v.timeout, uint64(ms)), 1<<30)
			if err != nil || len(rest) != 0 {
				t.Fatalf("%s: %d bytes left, %v", v.name, len(rest), err)
			}
			var read peeperv1.ClientFrame
			if err := proto.Unmarshal(frame, &read); err != nil {
				if proto.Unmarshal(appendTarget(nil, name, 0), &peeperv1.Kill{}) != nil {
					return // the name is not UTF-8, which aim refuses
				}
				t.Fatalf("%s: %v", v.name, err)
			}
			value := encoded(t, payload)
			var want *peeperv1.ClientFrame
			switch v {
			case verbCall:
				want = &peeperv1.ClientFrame{Id: id, Body: &peeperv1.ClientFrame_Call{Call: &peeperv1.Call{
					Name: name, Id: incarnation, Payload: value, DeadlineMs: ms}}}
			case verbCast:
				want = &peeperv1.ClientFrame{Id: id, Body: &peeperv1.ClientFrame_Cast{Cast: &peeperv1.Cast{
					Name: name, Id: incarnation, Payload: value}}}
			default:
				want = &peeperv1.ClientFrame{Id: id, Body: &peeperv1.ClientFrame_Send{Send: &peeperv1.Send{
					Name: name, Id: incarnation, Payload: value}}}
			}
			if !proto.Equal(&read, want) {
				t.Fatalf("%s: %v instead of %v", v.name, &read, want)
			}
		}
	})
}

var answers = []*peeperv1.ServerFrame{
	{Id: 7, Body: &peeperv1.ServerFrame_Reply{Reply: &peeperv1.Reply{Payload: []byte{tagInt, 2}}}},
	{Id: 1 << 62, Body: &peeperv1.ServerFrame_Done{Done: &peeperv1.Done{}}},
	{Body: &peeperv1.ServerFrame_Event{Event: &peeperv1.Event{Kind: &peeperv1.Event_Goodbye{Goodbye: &peeperv1.Goodbye{Message: "bye"}}}}},
	{Id: 9, Body: &peeperv1.ServerFrame_Error{Error: &peeperv1.Error{Status: peeperv1.Status_STATUS_NOPROC, Message: "nobody"}}},
}

// FuzzAnswerFrame holds what is read by hand to the generated code.
func FuzzAnswerFrame(f *testing.F) {
	for _, frame := range answers {
		data, err := proto.Marshal(frame)
		check(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var generated peeperv1.ServerFrame
		if proto.Unmarshal(data, &generated) != nil {
			parseFrame(data) // may take more, but ends
			return
		}
		frame, err := parseFrame(data)
		if err != nil {
			t.Fatalf("the generated code takes it: %v", err)
		}
		if frame.id != generated.Id {
			t.Fatalf("id %d instead of %d", frame.id, generated.Id)
		}
		// Two bodies in one frame are merged there, and no server sends them; unknown ones count here.
		count := 0
		for rest := data; len(rest) > 0; {
			number, kind, n := protowire.ConsumeField(rest)
			if number != 1 && kind == protowire.BytesType {
				count++
			}
			rest = rest[n:]
		}
		reply, done := generated.GetReply(), generated.GetDone() != nil
		if count != 1 || reply == nil && !done {
			return
		}
		if done != (frame.field == answerDone) || (reply != nil) != (frame.field == answerReply) {
			t.Fatalf("field %d, but %v", frame.field, &generated)
		}
		if reply != nil {
			if payload, err := parseReply(frame.body); err != nil || !bytes.Equal(payload, reply.Payload) {
				t.Fatalf("%x, %v instead of %x", payload, err, reply.Payload)
			}
		}
	})
}

// FuzzFrameReader cuts a stream anywhere, and finds the same frames as when it comes whole.
func FuzzFrameReader(f *testing.F) {
	f.Add([]byte{0, 1, 9, 3, 1, 2, 3, 0x80}, 3)
	f.Add(bytes.Repeat([]byte{5, 1, 2, 3, 4, 5}, 100), 7)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 1}, 1)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		if step < 1 || step > 1<<16 {
			return
		}
		whole, wholeErr := frames(&pieces{data: data, step: len(data) + 1})
		cut, cutErr := frames(&pieces{data: data, step: step})
		if len(whole) != len(cut) || (wholeErr == errSaidClose) != (cutErr == errSaidClose) {
			t.Fatalf("%d frames, %v; in pieces %d, %v", len(whole), wholeErr, len(cut), cutErr)
		}
		for i := range whole {
			if !bytes.Equal(whole[i], cut[i]) {
				t.Fatalf("frame %d is %x, in pieces %x", i, whole[i], cut[i])
			}
		}
	})
}

// pieces is a connection from which a few bytes come at a time.
type pieces struct {
	net.Conn
	data []byte
	step int
}

func (p *pieces) Read(room []byte) (int, error) {
	n := copy(room, p.data[:min(len(p.data), p.step)])
	p.data = p.data[n:]
	if n == 0 {
		return 0, errSaidClose
	}
	return n, nil
}

func min(a, b int) int { return a + b - max(a, b) }

func frames(conn net.Conn) (all [][]byte, err error) {
	in := &frameReader{conn: conn, max: 1 << 20}
	for {
		frame, err := in.next()
		if err != nil {
			return all, err
		}
		all = append(all, append([]byte{}, frame...))
	}
}

func TestAnAnswerThatIsCutAtAnyByteIsNoFrame(t *testing.T) {
	for _, frame := range answers {
		body, err := proto.Marshal(frame)
		check(t, err)
		data := protowire.AppendBytes(nil, body)
		for cut := 0; cut < len(data); cut++ {
			if got, err := frames(&pieces{data: data[:cut], step: 1}); len(got) != 0 || err != errSaidClose {
				t.Errorf("%d bytes of %v: %d frames, %v", cut, frame, len(got), err)
			}
		}
		for cut := 1; cut < len(body); cut++ {
			if got, err := parseFrame(body[:cut]); err == nil && got.field != 0 {
				t.Errorf("%d bytes of %v were read", cut, frame)
			}
		}
	}
}

func TestLargeFramesAreReadAndThoseOverTheLimitAreNot(t *testing.T) {
	large := bytes.Repeat([]byte{1}, 3*readBytes)
	var stream []byte
	for _, size := range []int{len(large), 0, 1, readBytes - 3, readBytes, 2*readBytes + 1} {
		stream = protowire.AppendBytes(stream, large[:size])
	}
	got, _ := frames(&pieces{data: stream, step: 1000})
	if len(got) != 6 || len(got[0]) != len(large) || len(got[5]) != 2*readBytes+1 {
		t.Errorf("%d frames", len(got))
	}
	over := protowire.AppendVarint(nil, 1<<20+1)
	if _, err := frames(&pieces{data: over, step: 1}); err == errSaidClose || errors.Is(err, errFrame) {
		t.Errorf("over the limit: %v", err)
	}
}
