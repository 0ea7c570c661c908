package peeper

import (
	"context"
	"math"
	"time"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/proto"
)

// Restart says which ends of an incarnation are followed by a new one. The zero value is transient.
type Restart int32

// What Restart may be.
const (
	RestartPermanent Restart = 1
	RestartTransient Restart = 2 // after abnormal ends only
	RestartTemporary Restart = 3
)

// OnIntensity says what follows more restarts than the intensity allows. The zero value is backoff.
type OnIntensity int32

// What OnIntensity may be.
const (
	OnIntensityBackoff OnIntensity = 1 // restart later and later
	OnIntensitySuspend OnIntensity = 2 // keep state and mailbox, run nothing until Resume
	OnIntensityStop    OnIntensity = 3 // end the actor
)

// Isolation says with whom an actor shares its host process. The zero value is shared.
type Isolation int32

// What Isolation may be.
const (
	IsolationShared Isolation = 1
	IsolationOwn    Isolation = 2 // with nobody
)

// Intensity bounds restarts: more than Restarts within Period (1 ms to 1 h) is a crash loop.
type Intensity struct {
	Restarts uint32
	Period   time.Duration
}

// NeverHibernate is for StartOptions.HibernateAfter.
const NeverHibernate = time.Duration(math.MaxUint32) * time.Millisecond

// StartOptions describe a new actor.
type StartOptions struct {
	Name        string // empty: an anonymous actor, addressed by its incarnation
	Behaviour   string
	Argument    any // for init
	Restart     Restart
	OnIntensity OnIntensity
	Intensity   *Intensity // nil: 3 restarts in 5 s
	MailboxMax  uint32     // messages that may wait; 0: the server's default
	// Link makes this connection the actor's parent: when it ends, the actor ends too.
	Link bool
	// Monitor watches the actor from its first moment: Started.Monitor.
	Monitor bool
	// NoTrapExit: exits of linked actors end this one instead of becoming messages.
	NoTrapExit bool
	// HibernateAfter is the idleness after which no host keeps a copy of it. 0: as its behaviour says.
	HibernateAfter time.Duration
	Isolation      Isolation
	Generations    uint32 // good states that are kept, 1 to 16; 0: the server's default
	// StepBack: a crash right after a restart is followed by a restart with the generation before.
	StepBack bool
	// Listener is the name of an actor that hears of changes of the state; empty: nobody.
	Listener string
	// KeepTables are the tables that a restart gives back; nil: all, empty: none.
	KeepTables []string
}

// Started says what was started.
type Started struct {
	ID      Incarnation // 0 where init answered "ignore"
	Unit    uint64      // stays the same over restarts
	Name    string
	Ignored bool // init wanted no actor, and that is no error
	// Monitor is the one that was asked for. It ends with the actor, by Demonitor or with the client.
	Monitor *Monitor
	Info    any // what init gave to whoever starts it
}

func started(p *peeperv1.Started) *Started {
	return &Started{ID: Incarnation(p.Id), Unit: p.Unit, Name: p.Name, Ignored: p.Ignored, Info: lenient(p.Info)}
}

// Start creates an actor, and answers when its init has returned.
func (c *Client) Start(ctx context.Context, o StartOptions, options ...Option) (*Started, error) {
	argument, err := value(o.Argument)
	if err != nil {
		return nil, err
	}
	p := &peeperv1.Start{Name: o.Name, Behaviour: o.Behaviour, Argument: argument, Restart: peeperv1.Restart(o.Restart),
		OnIntensity: peeperv1.OnIntensity(o.OnIntensity), MailboxMax: o.MailboxMax, Link: o.Link, Monitor: o.Monitor,
		NoTrapExit: o.NoTrapExit, Isolation: peeperv1.Isolation(o.Isolation), Generations: o.Generations,
		StepBack: o.StepBack, Listener: o.Listener}
	if p.HibernateAfterMs, err = wholeMs("HibernateAfter", o.HibernateAfter); err != nil {
		return nil, err
	}
	if o.Intensity != nil {
		p.Intensity = &peeperv1.Intensity{Restarts: o.Intensity.Restarts}
		if p.Intensity.PeriodMs, err = wholeMs("Intensity.Period", o.Intensity.Period); err != nil {
			return nil, err
		}
	}
	if o.KeepTables != nil {
		p.KeepTables = &peeperv1.Keep{Names: o.KeepTables}
	}
	m := newMonitor(c, tie{name: o.Name})
	var answered peeperv1.Started
	err = c.askHooked(ctx, verbStart, p, &answered, options, func(a answer) { c.ties.started(c, a, o.Link, m) })
	if err != nil {
		c.ties.leave(c, m)
		return nil, err
	}
	result := started(&answered)
	if answered.Monitor != 0 {
		result.Monitor = m
	}
	return result, nil
}

// started enters the ties that a Start has made.
func (t *ties) started(c *Client, a answer, link bool, m *Monitor) {
	var p peeperv1.Started
	if a.field != verbStart.answer || proto.Unmarshal(a.body, &p) != nil {
		return
	}
	if link && p.Id != 0 {
		t.link(Incarnation(p.Id))
	}
	if p.Monitor != 0 {
		t.monitor(c, m, p.Monitor)
	}
}

// wholeMs is a duration for the protocol, rounded up.
func wholeMs(argument string, d time.Duration) (uint32, error) {
	if d < 0 || d > NeverHibernate {
		return 0, &InvalidArgumentError{argument, "it is below 0 or over 49 days"}
	}
	return uint32((d + time.Millisecond - 1) / time.Millisecond), nil
}

// Stop runs terminate and ends the actor; its state is forgotten. A nil reason is "normal". After a time-out it goes on.
func (c *Client) Stop(ctx context.Context, target Target, reason any, options ...Option) error {
	name, id, err := split(target)
	if err != nil {
		return err
	}
	encoded, err := value(reason)
	if err != nil {
		return err
	}
	return c.ask(ctx, verbStop, &peeperv1.Stop{Name: name, Id: id, Reason: encoded}, nil, options)
}

// aimed sends a request that has nothing but a target.
func (c *Client) aimed(ctx context.Context, v *verb, target Target, into proto.Message, options []Option) error {
	name, id, err := split(target)
	if err != nil {
		return err
	}
	return c.ask(ctx, v, &peeperv1.Kill{Name: name, Id: id}, into, options) // all of these have the same fields
}

// Kill ends the incarnation at once, without terminate; it restarts with its state.
func (c *Client) Kill(ctx context.Context, target Target, options ...Option) error {
	return c.aimed(ctx, verbKill, target, nil, options)
}

// Suspend lets the actor's messages wait until Resume.
func (c *Client) Suspend(ctx context.Context, target Target, options ...Option) error {
	return c.aimed(ctx, verbSuspend, target, nil, options)
}

// Resume brings an actor back that was suspended, or waits.
func (c *Client) Resume(ctx context.Context, target Target, options ...Option) error {
	return c.aimed(ctx, verbResume, target, nil, options)
}

// WhereIs answers the present incarnation, 0 for nobody.
func (c *Client) WhereIs(ctx context.Context, target Target, options ...Option) (Incarnation, error) {
	var p peeperv1.Located
	err := c.aimed(ctx, verbWhereIs, target, &p, options)
	return Incarnation(p.Id), err
}

// Ping asks whether the server is there.
func (c *Client) Ping(ctx context.Context, options ...Option) error {
	return c.ask(ctx, verbPing, &peeperv1.Ping{}, nil, options)
}

// Inspect answers all about one actor, with its newest state, or that of a version that is not 0. It neither wakes the
// actor nor waits for its turn.
func (c *Client) Inspect(ctx context.Context, target Target, version uint64, options ...Option) (*ActorInfo, error) {
	name, id, err := split(target)
	if err != nil {
		return nil, err
	}
	var p peeperv1.ActorInfo
	if err := c.ask(ctx, verbInspect, &peeperv1.Inspect{Name: name, Id: id, Version: version}, &p, options); err != nil {
		return nil, err
	}
	return actorInfo(&p), nil
}

// ListOptions choose a page of actors.
type ListOptions struct {
	Prefix string // only names that begin with it
	Cursor uint64 // Next of the page before; 0 for the first page
	Limit  uint32 // 0 means 100; at most 1000
}

// Listing is a page of actors, without their states. A page may be short, even empty, while Next is not 0.
type Listing struct {
	Actors []*ActorInfo
	Next   uint64 // 0 after the last page
}

// List answers a page of actors.
func (c *Client) List(ctx context.Context, o ListOptions, options ...Option) (*Listing, error) {
	var p peeperv1.Listing
	err := c.ask(ctx, verbList, &peeperv1.List{Prefix: o.Prefix, Cursor: o.Cursor, Limit: o.Limit}, &p, options)
	if err != nil {
		return nil, err
	}
	listing := &Listing{Next: p.Next}
	for _, actor := range p.Actors {
		listing.Actors = append(listing.Actors, actorInfo(actor))
	}
	return listing, nil
}

// ListAll hands over all actors from o.Cursor on, page by page, until `each` answers false.
func (c *Client) ListAll(ctx context.Context, o ListOptions, each func(*ActorInfo) bool) error {
	for {
		page, err := c.List(ctx, o)
		if err != nil {
			return err
		}
		for _, actor := range page.Actors {
			if !each(actor) {
				return nil
			}
		}
		if o.Cursor = page.Next; o.Cursor == 0 {
			return nil
		}
	}
}
