// peeper-driver lets a program in any language use the Go SDK: requests as JSON lines on stdin, what the SDK makes of them
// on stdout.
//
//	in:  {"id": 7, "client": "main", "verb": "call", "args": {...}}
//	out: {"id": 7, "ok": ...} or {"id": 7, "error": {...}}, in whatever order they are done
//	     {"client": "main", "event": "down", ...} for what a client is told without asking
//
// The args and answers have the protocol's field names; Values are tagged as tagged.go says.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"sort"
	"sync"

	"peeper/sdk/go"
)

type object = map[string]any

// line is one request.
type line struct {
	ID     any    `json:"id"`
	Client string `json:"client"`
	Verb   string `json:"verb"`
	Args   args   `json:"args"`
}

type driver struct {
	out     *json.Encoder
	mu      sync.Mutex // of out
	clients map[string]*peeper.Client
	all     sync.WaitGroup
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("peeper-driver: ")
	if err := run(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(in io.Reader, out io.Writer) error {
	d := &driver{out: json.NewEncoder(out), clients: map[string]*peeper.Client{}}
	d.out.SetEscapeHTML(false)
	requests := json.NewDecoder(bufio.NewReader(in))
	requests.UseNumber()
	var err error
	for err == nil {
		l := line{Client: "main"}
		if err = requests.Decode(&l); err == nil {
			d.take(l)
		}
	}
	for _, client := range d.clients {
		client.Close()
	}
	d.all.Wait()
	if err == io.EOF {
		return nil
	}
	return err
}

func (d *driver) tell(message object) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.out.Encode(message); err != nil {
		log.Fatal(err)
	}
}

func (d *driver) answer(l line, answer any, err error) {
	if err != nil {
		d.tell(object{"id": l.ID, "error": ofError(err)})
		return
	}
	d.tell(object{"id": l.ID, "ok": answer})
}

// take sends the requests in the order of the lines; their answers come as they do.
func (d *driver) take(l line) {
	switch l.Verb {
	case "features":
		d.answer(l, features(), nil)
		return
	case "connect":
		answer, err := d.connect(l.Client, l.Args)
		d.answer(l, answer, err)
		return
	}
	client, verb := d.clients[l.Client], verbs[l.Verb]
	switch {
	case client == nil:
		d.answer(l, nil, errors.New("there is no client "+l.Client))
	case l.Verb == "close":
		delete(d.clients, l.Client)
		d.answer(l, object{}, client.Close())
	case verb == nil:
		d.answer(l, nil, errors.New("there is no verb "+l.Verb))
	default:
		d.ask(l, client, verb)
	}
}

func (d *driver) ask(l line, client *peeper.Client, verb verb) {
	var once sync.Once
	sent := make(chan struct{})
	pass := func() { once.Do(func() { close(sent) }) }
	d.all.Add(1)
	go func() {
		defer d.all.Done()
		defer pass()
		ctx, cancel := context.WithCancel(context.Background())
		c := &call{Client: client, ctx: ctx, cancel: cancel, args: l.Args, sent: peeper.Sent(pass)}
		answer, err := c.run(verb)
		d.answer(l, answer, err)
		for _, events := range c.followed {
			d.follow(l.Client, events)
		}
	}()
	<-sent
}

// follow tells what comes, until it ends.
func (d *driver) follow(client string, events func(tell func(object))) {
	d.all.Add(1)
	go func() {
		defer d.all.Done()
		events(func(message object) {
			message["client"] = client
			d.tell(message)
		})
	}()
}

func (d *driver) connect(name string, a args) (any, error) {
	c := &call{args: a}
	options := peeper.Options{Token: c.text("token"), Client: c.text("client"), ConnectTimeout: c.ms("connect_timeout_ms"),
		RequestTimeout: c.ms("request_timeout_ms"), RequestsMax: int(c.number("requests_max"))}
	host := c.text("host")
	if host == "" {
		host = "127.0.0.1"
	}
	port := c.number("port")
	if c.err != nil {
		return nil, c.err
	}
	client, err := peeper.Connect(context.Background(), address(host, port), options)
	if err != nil {
		return nil, err
	}
	d.clients[name] = client
	d.follow(name, func(tell func(object)) {
		for event := range client.Events() {
			tell(ofEvent(event))
		}
	})
	return ofAnswer(client.Welcome()), nil
}

func features() []string {
	known := []string{"close", "connect", "features"}
	for name := range verbs {
		known = append(known, name)
	}
	sort.Strings(known)
	return known
}
