package peeper

import (
	"time"

	"peeper/sdk/go/gen/peeperv1"
)

// Event is what the server or the client tells without a request. From a Watch: *Changed, *Ended, *StepBack,
// *Gap. From Client.Events: *Exit, *UpgradeProgress, *Goodbye, *Disconnected, *Reconnected, *Lost.
type Event interface{ event() }

// Changed is a committed change of a state. Those of one unit come in the order of their versions, each once.
type Changed struct {
	Ref     uint64
	Name    string
	Unit    uint64
	Version uint64
	At      time.Time
	Value   any
	Old     *OldState // nil where it was not asked for, and where there is none
}

// OldState is the state before a change.
type OldState struct{ Value any }

// Ended tells that a unit is over, for good: it was stopped, or given up. A restart is not told.
type Ended struct {
	Ref     uint64
	Name    string
	Unit    uint64
	Reason  any
	Version uint64 // of the last state; 0 where there was none
	Value   any
}

// StepBack tells that an actor which crashed right after its restart goes on with an older state.
type StepBack struct {
	Ref    uint64
	Name   string
	Unit   uint64
	Step   SteppedBack
	Missed uint64 // steps back before this one that were not told
}

// Gap tells that changes were left out: the consumer or the connection was too slow, or a watch was resumed and what
// happened meanwhile is not known. The newest states that the server has follow it. With an empty Name, or versions 0,
// it is not known whose changes, or which, are missing: ask for the states of whom you watch.
type Gap struct {
	Ref          uint64
	Name         string
	Unit         uint64
	FirstVersion uint64
	LastVersion  uint64
}

// Exit tells that an incarnation has ended that this client was linked to.
type Exit struct {
	ID     Incarnation // 0 where nobody had the name, and where the connection was lost under a link by name
	Name   string
	Reason any
}

// UpgradeProgress tells how far an upgrade is that this client has asked for.
type UpgradeProgress struct {
	Behaviour string
	Done      uint64 // actors that were asked
	Total     uint64
	Refused   uint64
}

// Goodbye tells that the server goes down.
type Goodbye struct{ Message string }

// Disconnected tells that the connection was lost; the client makes another one.
type Disconnected struct{ Cause error }

// Reconnected tells that there is a connection again.
type Reconnected struct{ ServerVersion string }

// Lost tells that events were left out because nobody took them: ask WhereIs about those you are linked to.
type Lost struct{ Count uint64 }

func (*Changed) event()         {}
func (*Ended) event()           {}
func (*StepBack) event()        {}
func (*Gap) event()             {}
func (*Exit) event()            {}
func (*UpgradeProgress) event() {}
func (*Goodbye) event()         {}
func (*Disconnected) event()    {}
func (*Reconnected) event()     {}
func (*Lost) event()            {}

// watched makes an Event of what a watch was told; nil if it is of a kind that this version does not know.
func watched(e *peeperv1.Event, ref uint64) Event {
	switch kind := e.Kind.(type) {
	case *peeperv1.Event_Changed:
		p := kind.Changed
		changed := &Changed{Ref: ref, Name: p.Name, Unit: p.Unit, Version: p.Version, At: moment(p.AtMs), Value: lenient(p.Value)}
		if p.Old != nil {
			changed.Old = &OldState{lenient(p.Old.Value)}
		}
		return changed
	case *peeperv1.Event_Ended:
		p := kind.Ended
		return &Ended{Ref: ref, Name: p.Name, Unit: p.Unit, Reason: lenient(p.Reason), Version: p.Version, Value: lenient(p.Value)}
	case *peeperv1.Event_Gap:
		p := kind.Gap
		return &Gap{Ref: ref, Name: p.Name, Unit: p.Unit, FirstVersion: p.FirstVersion, LastVersion: p.LastVersion}
	case *peeperv1.Event_SteppedBack:
		p := kind.SteppedBack
		return &StepBack{Ref: ref, Name: p.Name, Unit: p.Unit, Step: steppedBack(p.Step), Missed: p.Missed}
	}
	return nil
}

// Events answers the channel of what concerns the whole client: exits of those it is linked to, progress of upgrades,
// and what becomes of the connection. There is one channel, closed by Close; it begins with what came before the first
// call. Up to Options.EventsMax events wait in it.
func (c *Client) Events() <-chan Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.eventsOut == nil {
		c.eventsOut = make(chan Event)
		if c.closed {
			close(c.eventsOut)
		} else {
			c.pumps.Add(1)
			go c.pumpEvents()
		}
	}
	return c.eventsOut
}

func (c *Client) pumpEvents() {
	defer c.pumps.Done()
	defer close(c.eventsOut)
	for {
		event, ok, _ := c.events.take()
		if !ok {
			select {
			case <-c.events.kick:
				continue
			case <-c.ctx.Done():
				return
			}
		}
		select {
		case c.eventsOut <- event:
		case <-c.ctx.Done():
			return
		}
	}
}

func (c *Client) tell(event Event) { c.events.push(event) }
