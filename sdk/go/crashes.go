package peeper

import (
	"context"

	"peeper/sdk/go/gen/peeperv1"
)

// CrashesOptions choose a page of the crash log.
type CrashesOptions struct {
	Name   string // only of this actor; empty: of all
	Cursor uint64 // Next of the page before; 0 for the first page
	Limit  uint32 // 0 means 100; at most 1000
}

// CrashListing is a page of the crash log, newest first, without messages.
type CrashListing struct {
	Reports []*CrashReport
	Next    uint64 // 0 after the last page
}

// Crashes answers a page of the crash log.
func (c *Client) Crashes(ctx context.Context, o CrashesOptions, options ...Option) (*CrashListing, error) {
	var p peeperv1.CrashListing
	err := c.ask(ctx, verbListCrashes, &peeperv1.ListCrashes{Name: o.Name, Cursor: o.Cursor, Limit: o.Limit}, &p, options)
	if err != nil {
		return nil, err
	}
	listing := &CrashListing{Next: p.Next}
	for _, report := range p.Reports {
		listing.Reports = append(listing.Reports, crashReport(report))
	}
	return listing, nil
}

// AllCrashes hands over all crashes from o.Cursor on, page by page, until `each` answers false.
func (c *Client) AllCrashes(ctx context.Context, o CrashesOptions, each func(*CrashReport) bool) error {
	for {
		page, err := c.Crashes(ctx, o)
		if err != nil {
			return err
		}
		for _, report := range page.Reports {
			if !each(report) {
				return nil
			}
		}
		if o.Cursor = page.Next; o.Cursor == 0 {
			return nil
		}
	}
}

// ShowCrash answers one crash, with its message.
func (c *Client) ShowCrash(ctx context.Context, crash uint64, options ...Option) (*CrashReport, error) {
	var p peeperv1.CrashReport
	if err := c.ask(ctx, verbShowCrash, &peeperv1.ShowCrash{Crash: crash}, &p, options); err != nil {
		return nil, err
	}
	return crashReport(&p), nil
}

// Redrive runs the message of a crash again. A call is answered with its reply and true, another message with false when
// it is in the mailbox.
func (c *Client) Redrive(ctx context.Context, crash uint64, options ...Option) (reply any, replied bool, err error) {
	r := newRequest(verbRedrive)
	r.body = refBody(r.body, crash)
	err = c.do(ctx, r, join(options), func(a answer) error {
		if a.field == answerDone {
			return nil
		}
		replied = true
		payload, err := parseReply(a.body)
		if err == nil {
			reply, err = decodeValue(payload)
		}
		return err
	})
	return reply, replied, err
}

// DiscardCrash removes a crash from the log.
func (c *Client) DiscardCrash(ctx context.Context, crash uint64, options ...Option) error {
	return c.ask(ctx, verbDiscardCrash, &peeperv1.DiscardCrash{Crash: crash}, nil, options)
}
