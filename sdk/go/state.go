package peeper

import (
	"context"
	"time"

	"peeper/sdk/go/gen/peeperv1"
)

// GetState answers the newest committed state, or that of a version that is not 0. It neither wakes the actor nor waits
// for its turn.
func (c *Client) GetState(ctx context.Context, target Target, version uint64, options ...Option) (*StateInfo, error) {
	name, id, err := split(target)
	if err != nil {
		return nil, err
	}
	var p peeperv1.StateInfo
	err = c.ask(ctx, verbGetState, &peeperv1.GetState{Name: name, Id: id, Version: version}, &p, options)
	if err != nil {
		return nil, err
	}
	return stateInfo(&p), nil
}

// Generation is a state without its value.
type Generation struct {
	Version uint64
	At      time.Time
	Turn    uint64 // of the server, that committed it
	Bytes   uint64 // of the encoded state
}

// Generations are the states that the server still has of an actor.
type Generations struct {
	Generations []Generation // newest first
	Kept        uint32       // so many are kept at most
}

// Generations answers which states the server still has.
func (c *Client) Generations(ctx context.Context, target Target, options ...Option) (*Generations, error) {
	var p peeperv1.Generations
	if err := c.aimed(ctx, verbGenerations, target, &p, options); err != nil {
		return nil, err
	}
	result := &Generations{Kept: p.Kept}
	for _, g := range p.Generations {
		result.Generations = append(result.Generations, Generation{g.Version, moment(g.AtMs), g.Turn, g.Bytes})
	}
	return result, nil
}

// RestoreState gives the actor the state of one of its generations, which becomes a new version.
func (c *Client) RestoreState(ctx context.Context, target Target, version uint64, options ...Option) error {
	name, id, err := split(target)
	if err != nil {
		return err
	}
	return c.ask(ctx, verbRestoreState, &peeperv1.RestoreState{Name: name, Id: id, Version: version}, nil, options)
}

// ReplaceState gives the actor another state, before all messages that wait for it, also while it is suspended.
func (c *Client) ReplaceState(ctx context.Context, target Target, state any, options ...Option) error {
	name, id, err := split(target)
	if err != nil {
		return err
	}
	encoded, err := encodeValue(nil, state)
	if err != nil {
		return err
	}
	return c.ask(ctx, verbReplaceState, &peeperv1.ReplaceState{Name: name, Id: id, State: encoded}, nil, options)
}

// TableInfo describes one table.
type TableInfo struct {
	Name    string // empty: the dictionary
	Ordered bool   // by key; else rows are in the order in which they were entered
	Private bool   // its rows are not shown
	Heir    bool   // a restart gives it back, whatever StartOptions.KeepTables says
	Rows    uint32
	Bytes   uint64
}

// Tables answers which tables an actor has, by name.
func (c *Client) Tables(ctx context.Context, target Target, options ...Option) ([]TableInfo, error) {
	var p peeperv1.TableListing
	if err := c.aimed(ctx, verbTables, target, &p, options); err != nil {
		return nil, err
	}
	var tables []TableInfo
	for _, t := range p.Tables {
		tables = append(tables, TableInfo{t.Name, t.Ordered, t.Private, t.Heir, t.Rows, t.Bytes})
	}
	return tables, nil
}

// RowsOptions choose a page of a table's rows.
type RowsOptions struct {
	Table  string // empty: the dictionary
	Prefix string // only rows whose key is a string that begins with it
	From   *Key   // Next of the page before; nil: the first page
	Limit  uint32 // 0 means 100; at most 1000
}

// Key is a key of a table. Nil, too, can be one.
type Key struct{ Value any }

// Row is one row of a table.
type Row struct{ Key, Value any }

// Rows is a page of rows. It may be short, even empty, while Next is not nil.
type Rows struct {
	Rows []Row
	Next *Key // nil after the last page
}

// Rows answers a page of a table's rows.
func (c *Client) Rows(ctx context.Context, target Target, o RowsOptions, options ...Option) (*Rows, error) {
	name, id, err := split(target)
	if err != nil {
		return nil, err
	}
	request := &peeperv1.ReadTable{Name: name, Id: id, Table: o.Table, Prefix: o.Prefix, Limit: o.Limit}
	if o.From != nil {
		if request.From, err = encodeValue(nil, o.From.Value); err != nil {
			return nil, err
		}
	}
	var p peeperv1.Rows
	if err := c.ask(ctx, verbRows, request, &p, options); err != nil {
		return nil, err
	}
	rows := &Rows{}
	for _, row := range p.Rows {
		rows.Rows = append(rows.Rows, Row{lenient(row.Key), lenient(row.Value)})
	}
	if len(p.Next) > 0 {
		rows.Next = &Key{lenient(p.Next)}
	}
	return rows, nil
}

// AllRows hands over all rows from o.From on, page by page, until `each` answers false.
func (c *Client) AllRows(ctx context.Context, target Target, o RowsOptions, each func(Row) bool) error {
	for {
		page, err := c.Rows(ctx, target, o)
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			if !each(row) {
				return nil
			}
		}
		if o.From = page.Next; o.From == nil {
			return nil
		}
	}
}

// Dictionary hands over all rows of the actor's dictionary, until `each` answers false.
func (c *Client) Dictionary(ctx context.Context, target Target, each func(Row) bool) error {
	return c.AllRows(ctx, target, RowsOptions{}, each)
}
