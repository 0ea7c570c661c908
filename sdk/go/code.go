package peeper

import (
	"context"
	"time"

	"peeper/sdk/go/gen/peeperv1"
)

// BehaviourInfo describes one version of a behaviour.
type BehaviourInfo struct {
	Name      string
	Version   string   // as the code calls itself; may be empty
	Kind      string   // "native" or "lua"
	Callbacks []string // that it has
	Actors    uint64   // that run this version
	File      string   // that it comes from, without a directory
	Current   bool     // new actors run it
}

// Behaviours answers which code there is: each version that new actors, or at least one, run.
func (c *Client) Behaviours(ctx context.Context, options ...Option) ([]BehaviourInfo, error) {
	var p peeperv1.BehaviourListing
	if err := c.ask(ctx, verbBehaviours, &peeperv1.ListBehaviours{}, &p, options); err != nil {
		return nil, err
	}
	var all []BehaviourInfo
	for _, b := range p.Behaviours {
		all = append(all, BehaviourInfo{b.Name, b.Version, b.Kind, b.Callbacks, b.Actors, b.File, b.Current})
	}
	return all, nil
}

// UpgradeReport tells what a Deploy or an Upgrade has done.
type UpgradeReport struct {
	Behaviour string
	From, To  string           // versions
	Changed   uint64           // actors that run the new version now; of a dry run: that would
	Moved     uint64           // actors of other behaviours, which only got another host
	Refused   uint64           // actors that stay on their old version, alive
	Gone      uint64           // actors that ended meanwhile
	Left      uint64           // actors that were not asked, because the upgrade was stopped
	Refusals  []UpgradeRefusal // the first 100
	Took      time.Duration
	DryRun    bool
	Stopped   string // why it was stopped before all were asked; empty if it was not
}

// UpgradeRefusal names one actor that was not upgraded.
type UpgradeRefusal struct {
	Name   string // empty for an anonymous actor
	Unit   uint64
	Reason string
}

func upgradeReport(p *peeperv1.UpgradeReport) *UpgradeReport {
	report := &UpgradeReport{Behaviour: p.Behaviour, From: p.From, To: p.To, Changed: p.Changed, Moved: p.Moved,
		Refused: p.Refused, Gone: p.Gone, Left: p.Left, Took: milliseconds(p.TookMs), DryRun: p.DryRun, Stopped: p.Stopped}
	for _, r := range p.Refusals {
		report.Refusals = append(report.Refusals, UpgradeRefusal{r.Name, r.Unit, r.Reason})
	}
	return report
}

// Deploy gives the server a file with a behaviour, named without a directory, and upgrades the actors of that behaviour.
// Extra is for their code_change. Without a deadline of the context it may take 10 minutes.
func (c *Client) Deploy(ctx context.Context, file string, content []byte, extra any, options ...Option) (*UpgradeReport, error) {
	encoded, err := value(extra)
	if err != nil {
		return nil, err
	}
	var p peeperv1.UpgradeReport
	err = c.ask(ctx, verbDeploy, &peeperv1.Deploy{File: file, Content: content, Extra: encoded}, &p, options)
	if err != nil {
		return nil, err
	}
	return upgradeReport(&p), nil
}

// UpgradeOptions describe an upgrade.
type UpgradeOptions struct {
	Behaviour string
	// File is where the code comes from, without a directory, and Content what is in it. Both empty: the behaviour's file
	// is read from the server's directory again.
	File    string
	Content []byte
	Extra   any  // for code_change
	DryRun  bool // tells who would refuse, and changes nothing
}

// Upgrade brings all actors of a behaviour to another version of its code while they run. It answers when all have been
// asked; UpgradeProgress comes through Client.Events before. Without a deadline of the context it may take 10 minutes.
func (c *Client) Upgrade(ctx context.Context, o UpgradeOptions, options ...Option) (*UpgradeReport, error) {
	extra, err := value(o.Extra)
	if err != nil {
		return nil, err
	}
	var p peeperv1.UpgradeReport
	err = c.ask(ctx, verbUpgrade, &peeperv1.Upgrade{Behaviour: o.Behaviour, File: o.File, Content: o.Content, Extra: extra,
		DryRun: o.DryRun}, &p, options)
	if err != nil {
		return nil, err
	}
	return upgradeReport(&p), nil
}
