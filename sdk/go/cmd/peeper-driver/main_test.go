package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"

	"peeper/sdk/go/internal/peeperd"
)

// session runs the driver and talks to it.
type session struct {
	t    *testing.T
	in   io.WriteCloser
	out  *json.Decoder
	next int
}

func open(t *testing.T) *session {
	t.Helper()
	server, err := peeperd.Launch("../../../../build", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	requests, in := io.Pipe()
	answers, out := io.Pipe()
	over := make(chan error, 1)
	go func() { over <- run(requests, out) }()
	t.Cleanup(func() {
		in.Close()
		go io.Copy(io.Discard, answers)
		if err := <-over; err != nil {
			t.Error(err)
		}
		server.Kill()
	})
	s := &session{t: t, in: in, out: json.NewDecoder(answers)}
	_, port, _ := net.SplitHostPort(server.Address)
	if answer := s.ask("connect", `{"port": "`+port+`"}`); answer["ok"] == nil {
		t.Fatal(answer)
	}
	return s
}

// ask answers the next message of the driver, which must be the request's answer.
func (s *session) ask(verb, args string) object {
	s.t.Helper()
	s.next++
	fmt.Fprintf(s.in, `{"id": %d, "client": "main", "verb": %q, "args": %s}`+"\n", s.next, verb, args)
	answer := s.read()
	if answer["id"] != float64(s.next) {
		s.t.Fatalf("%v does not answer %d", answer, s.next)
	}
	return answer
}

func (s *session) read() object {
	s.t.Helper()
	var message object
	if err := s.out.Decode(&message); err != nil {
		s.t.Fatal(err)
	}
	return message
}

func (s *session) expect(got any, want string) {
	s.t.Helper()
	var wanted any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		s.t.Fatal(err)
	}
	if message, ok := got.(object); ok && message["id"] != nil {
		delete(message, "id")
	}
	if !reflect.DeepEqual(got, wanted) {
		told, _ := json.Marshal(got)
		s.t.Errorf("%s instead of %s", told, want)
	}
}

func TestTaggedValuesGoThroughTheSdkAndBack(t *testing.T) {
	s := open(t)
	s.ask("start", `{"name": "c", "behaviour": "cache"}`)
	for _, value := range []string{`null`, `true`, `"text"`, `{"int": "-9223372036854775808"}`, `{"double": "0.1"}`,
		`{"double": "nan"}`, `{"double": "-inf"}`, `{"bytes": "/wA="}`, `[]`, `{"map": []}`,
		`[{"map": [["a", [null]], ["b", {"int": "9007199254740993"}]]}]`} {
		s.ask("call", `{"target": {"name": "c"}, "message": ["put", "k", `+value+`]}`)
		s.expect(s.ask("call", `{"target": {"name": "c"}, "message": ["get", "k"]}`), `{"ok": {"payload": `+value+`}}`)
	}
	answer := s.ask("cast", `{"target": {"name": "c"}, "message": [{"int": "9223372036854775808"}]}`)
	if failure := answer["error"].(object); failure["local"] != "InvalidValue" || failure["path"] != "[0]" {
		t.Error(answer)
	}
}

func TestAnswersErrorsAndEventsHaveTheNamesOfTheProtocol(t *testing.T) {
	s := open(t)
	started := s.ask("start", `{"name": "a", "behaviour": "probe", "restart": "temporary", "monitor": true}`)["ok"].(object)
	if started["id"] == "" || started["monitor"] == "" || started["name"] != "a" {
		t.Error(started)
	}
	failure := s.ask("call", `{"target": {"name": "none"}, "message": null, "deadline_ms": 100}`)["error"].(object)
	if failure["status"] != "NOPROC" || failure["retryable"] != false || failure["reason"] != nil {
		t.Error(failure)
	}
	watch := s.ask("watch", `{"name": "a", "from_version": "1"}`)["ok"].(object)
	if changed := s.read(); changed["event"] != "changed" || changed["version"] != "1" || changed["ref"] != watch["ref"] {
		t.Error(changed)
	}
	info := s.ask("inspect", `{"target": {"incarnation": "`+started["id"].(string)+`"}}`)["ok"].(object)
	if info["incarnation"] != started["id"] || info["state"].(object)["at_ms"] == "" || info["host_pid"] == 0 {
		t.Error(info)
	}
	s.expect(s.ask("whereis", `{"target": {"name": "none"}}`), `{"ok": {}}`)
	fmt.Fprintln(s.in, `{"id": 99, "verb": "stop", "args": {"target": {"name": "a"}, "reason": "over"}}`)
	seen := map[any]bool{}
	for i := 0; i < 3; i++ {
		message := s.read()
		seen[message["event"]] = true
		if message["event"] != nil && message["reason"] != "over" {
			t.Error(message)
		}
	}
	if !seen["down"] || !seen["ended"] || !seen[nil] {
		t.Error(seen)
	}
}

func TestEveryVerbIsListedAndWhatIsWrongIsTold(t *testing.T) {
	s := open(t)
	verbs := fmt.Sprint(s.ask("features", `{}`)["ok"])
	for _, verb := range strings.Fields(`connect close call cast send start stop kill suspend resume whereis list inspect
		get_state generations restore_state replace_state tables rows dictionary crashes show_crash redrive discard_crash
		behaviours deploy upgrade start_supervisor start_child terminate_child restart_child delete_child which_children
		count_children get_child_spec check_specs change_supervisor transfer prepare_transfer commit_transfer monitor
		demonitor link unlink watch unwatch ping`) {
		if !strings.Contains(verbs, verb) {
			t.Errorf("there is no %s", verb)
		}
	}
	for _, wrong := range [][2]string{{"fly", `{}`}, {"list", `{"cursor": "x"}`}, {"start", `{"restart": "never"}`},
		{"call", `{"message": {"float": 1}}`}, {"call", `{"message": {"map": [1]}}`}} {
		if answer := s.ask(wrong[0], wrong[1]); answer["error"] == nil {
			t.Error(answer)
		}
	}
	s.expect(s.ask("close", `{}`), `{"ok": {}}`)
	if answer := s.ask("ping", `{}`); answer["error"] == nil {
		t.Error(answer)
	}
}
