package peeper

import (
	"time"

	"peeper/sdk/go/gen/peeperv1"
)

// ActorInfo describes one actor or supervisor.
type ActorInfo struct {
	Name        string
	Unit        uint64 // stays the same over restarts
	Incarnation Incarnation
	Behaviour   string
	// Status is starting, running, restarting, waiting, suspended, stopping or ended.
	Status string
	State  *StateInfo // nil in listings, and where none was committed yet
	// NewestVersion is that of the newest committed state; 0 where none was committed yet.
	NewestVersion uint64
	Restarts      uint64
	Mailbox       uint32 // messages waiting or in flight
	Worker        int32  // the worker thread that holds it; -1 while no host does
	HostPID       int32  // 0 while no host holds it
	LastCrash     *CrashInfo
	Turn          time.Duration // how long the present turn has been running
	Suspended     bool          // by Suspend
	// Supervisor is a name, or "@id"; empty where it has none.
	Supervisor   string
	Links        uint32
	Monitors     uint32
	TrapExit     bool
	Hibernating  bool
	IsSupervisor bool
	Strategy     string // of a supervisor
	Timers       uint32 // that are pending
	// Awaits is whose answer it waits for: a name, or "@id".
	Awaits        string
	Isolation     Isolation
	Quarantined   bool
	Watchers      uint32
	EventsDropped uint64
	Tables        uint32
	TableBytes    uint64
	SteppedBack   *SteppedBack // the last time; nil if it never was
	Version       string       // of its code
	CodeRefused   string       // why it was not upgraded with the others
}

func actorInfo(p *peeperv1.ActorInfo) *ActorInfo {
	info := &ActorInfo{
		Name: p.Name, Unit: p.Unit, Incarnation: Incarnation(p.Incarnation), Behaviour: p.Behaviour, Status: p.Status,
		Restarts: p.Restarts, Mailbox: p.Mailbox, Worker: p.Worker, HostPID: p.HostPid, Turn: milliseconds(p.TurnMs),
		Suspended: p.Suspended, Supervisor: p.Supervisor, Links: p.Links, Monitors: p.Monitors, TrapExit: p.TrapExit,
		Hibernating: p.Hibernating, IsSupervisor: p.IsSupervisor, Strategy: p.Strategy, Timers: p.Timers,
		Awaits: p.Awaits, Isolation: Isolation(p.Isolation), Quarantined: p.Quarantined, Watchers: p.Watchers,
		EventsDropped: p.EventsDropped, Tables: p.Tables, TableBytes: p.TableBytes, Version: p.Version,
		CodeRefused: p.CodeRefused, NewestVersion: p.NewestVersion,
	}
	if p.State != nil {
		info.State = stateInfo(p.State)
	}
	if p.LastCrash != nil {
		crash := p.LastCrash
		info.LastCrash = &CrashInfo{Kind: crash.Kind, Reason: lenient(crash.Reason), At: moment(crash.AtMs),
			Message: crash.Message, Backtrace: crash.Backtrace, ID: crash.Id}
	}
	if p.SteppedBack != nil {
		step := steppedBack(p.SteppedBack)
		info.SteppedBack = &step
	}
	return info
}

// SteppedBack says that an actor was restarted with an older state than its newest.
type SteppedBack struct {
	From uint64 // the newest version then
	To   uint64 // the one that it was given
	At   time.Time
}

func steppedBack(p *peeperv1.SteppedBack) SteppedBack {
	return SteppedBack{From: p.GetFrom(), To: p.GetTo(), At: moment(p.GetAtMs())}
}

// StateInfo is one generation of an actor's state.
type StateInfo struct {
	Value   any // an Opaque where the behaviour has its own encoding
	Version uint64
	At      time.Time
	Turn    uint64 // of the server, that committed it
	Unit    uint64 // whose state it is
}

func stateInfo(p *peeperv1.StateInfo) *StateInfo {
	return &StateInfo{Value: lenient(p.Value), Version: p.Version, At: moment(p.AtMs), Turn: p.Turn, Unit: p.Unit}
}

// CrashInfo tells how an incarnation ended.
type CrashInfo struct {
	Kind      string // raise, contract, exit, signal, deadline, memory, killed or host_lost
	Reason    any
	At        time.Time
	Message   string
	Backtrace []string // innermost first
	ID        uint64   // in the crash log; 0 where it was not kept
}

// CrashReport describes one crash of the log.
type CrashReport struct {
	Crash        uint64 // counts up
	Name         string // empty for an anonymous actor
	Unit         uint64
	Incarnation  Incarnation // that ended
	Behaviour    string
	Version      string
	Kind         string
	Reason       any
	Message      string
	Backtrace    []string
	Turn         string // which message did it: init, call, cast, info, continue or terminate
	Payload      any    // that message
	PayloadBytes uint64
	PayloadCut   bool   // too long to be kept whole, so it cannot be run again
	StateVersion uint64 // of the last good state before
	HostPID      int32
	At           time.Time
	Attempts     uint32 // hosts that were lost under the message before
	// MessageSetAside: it killed its host, and the actor goes on with those behind it.
	MessageSetAside bool
	Redriven        uint32
}

func crashReport(p *peeperv1.CrashReport) *CrashReport {
	return &CrashReport{
		Crash: p.Crash, Name: p.Name, Unit: p.Unit, Incarnation: Incarnation(p.Incarnation), Behaviour: p.Behaviour,
		Version: p.Version, Kind: p.Kind, Reason: lenient(p.Reason), Message: p.Message, Backtrace: p.Backtrace,
		Turn: p.Turn, Payload: lenient(p.Payload), PayloadBytes: p.PayloadBytes, PayloadCut: p.PayloadCut,
		StateVersion: p.StateVersion, HostPID: p.HostPid, At: moment(p.AtMs), Attempts: p.Attempts,
		MessageSetAside: p.MessageSetAside, Redriven: p.Redriven,
	}
}
