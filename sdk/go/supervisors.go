package peeper

import (
	"context"
	"time"

	"peeper/sdk/go/gen/peeperv1"
)

// Specs of supervisors and of children are values, map[string]any, with the keys that docs/supervision.md describes.

// StartSupervisor starts a supervisor with all its children, in order, or nothing at all. With an empty name it has the
// spec's own, or none.
func (c *Client) StartSupervisor(ctx context.Context, name string, spec any, options ...Option) (*Started, error) {
	encoded, err := encodeValue(nil, spec)
	if err != nil {
		return nil, err
	}
	var p peeperv1.Started
	if err := c.ask(ctx, verbStartSupervisor, &peeperv1.StartSupervisor{Name: name, Spec: encoded}, &p, options); err != nil {
		return nil, err
	}
	return started(&p), nil
}

// StartChild adds a child to a supervisor and starts it.
func (c *Client) StartChild(ctx context.Context, supervisor Target, spec any, options ...Option) (*Started, error) {
	name, id, err := split(supervisor)
	if err != nil {
		return nil, err
	}
	encoded, err := encodeValue(nil, spec)
	if err != nil {
		return nil, err
	}
	var p peeperv1.Started
	if err := c.ask(ctx, verbStartChild, &peeperv1.StartChild{Name: name, Id: id, Spec: encoded}, &p, options); err != nil {
		return nil, err
	}
	return started(&p), nil
}

// ChildID names a child of a supervisor: by its id there, or under simple_one_for_one by its incarnation.
type ChildID struct {
	ID          string
	Incarnation Incarnation
}

// TerminateChild stops a child as its spec's "shutdown" says; the spec stays unless the child is temporary.
func (c *Client) TerminateChild(ctx context.Context, supervisor Target, child ChildID, options ...Option) error {
	name, id, err := split(supervisor)
	if err != nil {
		return err
	}
	return c.ask(ctx, verbTerminateChild, &peeperv1.TerminateChild{Name: name, Id: id, Child: child.ID,
		Incarnation: uint64(child.Incarnation)}, nil, options)
}

// RestartChild starts a child again that was stopped. Its state begins anew.
func (c *Client) RestartChild(ctx context.Context, supervisor Target, child string, options ...Option) (*Started, error) {
	name, id, err := split(supervisor)
	if err != nil {
		return nil, err
	}
	var p peeperv1.Started
	err = c.ask(ctx, verbRestartChild, &peeperv1.RestartChild{Name: name, Id: id, Child: child}, &p, options)
	if err != nil {
		return nil, err
	}
	return started(&p), nil
}

// DeleteChild removes the spec of a child that was stopped.
func (c *Client) DeleteChild(ctx context.Context, supervisor Target, child string, options ...Option) error {
	name, id, err := split(supervisor)
	if err != nil {
		return err
	}
	return c.ask(ctx, verbDeleteChild, &peeperv1.DeleteChild{Name: name, Id: id, Child: child}, nil, options)
}

// WhichChildrenOptions choose a page of children.
type WhichChildrenOptions struct {
	Child  string // only the child with this id
	Cursor uint64 // Next of the page before; 0 for the first page
	Limit  uint32 // 0 means 100; at most 1000
}

// Child describes one child of a supervisor.
type Child struct {
	ID          string      // empty under simple_one_for_one
	Incarnation Incarnation // 0: there is none now
	// Status is starting, running, restarting, waiting, suspended, stopping, or stopped (the spec only).
	Status      string
	Supervisor  bool
	Name        string
	Behaviour   string
	Restarts    uint64
	Mailbox     uint32
	Unit        uint64 // 0: there is none now
	Children    uint32 // of a supervisor: its own, stopped ones too
	Strategy    string // of a supervisor
	Restart     string
	Significant bool
}

// Children is a page of children, newest first.
type Children struct {
	Children []Child
	Next     uint64 // 0 after the last page
}

// WhichChildren answers the children of a supervisor. For no supervisor, Name(""), it is what has none.
func (c *Client) WhichChildren(ctx context.Context, supervisor Target, o WhichChildrenOptions, options ...Option) (*Children, error) {
	name, id, err := split(supervisor)
	if err != nil {
		return nil, err
	}
	var p peeperv1.Children
	err = c.ask(ctx, verbWhichChildren, &peeperv1.WhichChildren{Name: name, Id: id, Child: o.Child, Cursor: o.Cursor,
		Limit: o.Limit}, &p, options)
	if err != nil {
		return nil, err
	}
	page := &Children{Next: p.Next}
	for _, k := range p.Children {
		page.Children = append(page.Children, Child{ID: k.Id, Incarnation: Incarnation(k.Incarnation), Status: k.Status,
			Supervisor: k.Supervisor, Name: k.Name, Behaviour: k.Behaviour, Restarts: k.Restarts, Mailbox: k.Mailbox,
			Unit: k.Unit, Children: k.Children, Strategy: k.Strategy, Restart: k.Restart, Significant: k.Significant})
	}
	return page, nil
}

// ChildCounts are the four numbers that OTP tells.
type ChildCounts struct {
	Specs       uint32 // children, living or not; of simple_one_for_one 1
	Active      uint32 // children that run now
	Supervisors uint32 // children that are supervisors, living or not
	Workers     uint32 // the others
}

// CountChildren counts the children of a supervisor.
func (c *Client) CountChildren(ctx context.Context, supervisor Target, options ...Option) (*ChildCounts, error) {
	var p peeperv1.ChildCounts
	if err := c.aimed(ctx, verbCountChildren, supervisor, &p, options); err != nil {
		return nil, err
	}
	return &ChildCounts{p.Specs, p.Active, p.Supervisors, p.Workers}, nil
}

// GetChildSpec answers a child's spec with all defaults filled in.
func (c *Client) GetChildSpec(ctx context.Context, supervisor Target, child ChildID, options ...Option) (any, error) {
	name, id, err := split(supervisor)
	if err != nil {
		return nil, err
	}
	var p peeperv1.Reply
	err = c.ask(ctx, verbGetChildSpec, &peeperv1.GetChildSpec{Name: name, Id: id, Child: child.ID,
		Incarnation: uint64(child.Incarnation)}, &p, options)
	if err != nil {
		return nil, err
	}
	return decodeValue(p.Payload)
}

// CheckSpecs checks a list of children's specs without starting anything.
func (c *Client) CheckSpecs(ctx context.Context, specs any, options ...Option) error {
	encoded, err := encodeValue(nil, specs)
	if err != nil {
		return err
	}
	return c.ask(ctx, verbCheckSpecs, &peeperv1.CheckSpecs{Specs: encoded}, nil, options)
}

// ChangeSupervisor gives a running supervisor new flags and specs; a nil spec changes nothing. Children that run go on
// untouched; added specs are stored and not started, missing ones stay.
func (c *Client) ChangeSupervisor(ctx context.Context, supervisor Target, spec any, options ...Option) error {
	name, id, err := split(supervisor)
	if err != nil {
		return err
	}
	encoded, err := encodeValue(nil, spec)
	if err != nil {
		return err
	}
	return c.ask(ctx, verbChangeSupervisor, &peeperv1.ChangeSupervisor{Name: name, Id: id, Spec: encoded}, nil, options)
}

// Transfer moves an actor to another supervisor. Source, if not nil, is the supervisor it must be at.
func (c *Client) Transfer(ctx context.Context, actor, to, source Target, options ...Option) (*Started, error) {
	p, err := transferOf(actor, to, source)
	if err != nil {
		return nil, err
	}
	var answered peeperv1.Started
	if err := c.ask(ctx, verbTransfer, p, &answered, options); err != nil {
		return nil, err
	}
	return started(&answered), nil
}

func transferOf(actor, to, source Target) (p *peeperv1.Transfer, err error) {
	p = &peeperv1.Transfer{}
	if p.Name, p.Id, err = split(actor); err != nil {
		return nil, err
	}
	if p.Target, p.TargetId, err = split(to); err != nil {
		return nil, err
	}
	if source != nil {
		p.Source, p.SourceId, err = split(source)
	}
	return p, err
}

// Prepared is a transfer that would be let in now.
type Prepared struct {
	Handle uint64        // for one CommitTransfer
	Valid  time.Duration // how long it is good for
}

// PrepareTransfer says whether Transfer would be let in now, and changes nothing.
func (c *Client) PrepareTransfer(ctx context.Context, actor, to, source Target, options ...Option) (*Prepared, error) {
	p, err := transferOf(actor, to, source)
	if err != nil {
		return nil, err
	}
	var answered peeperv1.TransferPrepared
	// PrepareTransfer is a Transfer without a time-out, field for field.
	if err := c.ask(ctx, verbPrepareTransfer, p, &answered, options); err != nil {
		return nil, err
	}
	return &Prepared{answered.Handle, milliseconds(uint64(answered.ValidMs))}, nil
}

// CommitTransfer does what was prepared.
func (c *Client) CommitTransfer(ctx context.Context, handle uint64, options ...Option) (*Started, error) {
	var p peeperv1.Started
	if err := c.ask(ctx, verbCommitTransfer, &peeperv1.CommitTransfer{Handle: handle}, &p, options); err != nil {
		return nil, err
	}
	return started(&p), nil
}
