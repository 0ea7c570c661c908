package main

import (
	"strconv"

	"peeper/sdk/go"
)

// verbs are all requests of the SDK. Where Transfer has two actors, `target` moves and `to` is the supervisor.
var verbs = map[string]verb{
	"call": func(c *call) (any, error) { return payload(c.Call(c.ctx, c.aim(), c.value("message"), c.with()...)) },
	"cast": func(c *call) (any, error) { return done(c.Cast(c.ctx, c.aim(), c.value("message"), c.with()...)) },
	"send": func(c *call) (any, error) { return done(c.Send(c.ctx, c.aim(), c.value("message"), c.with()...)) },

	"start":   start,
	"stop":    func(c *call) (any, error) { return done(c.Stop(c.ctx, c.aim(), c.value("reason"), c.with()...)) },
	"kill":    func(c *call) (any, error) { return done(c.Kill(c.ctx, c.aim(), c.with()...)) },
	"suspend": func(c *call) (any, error) { return done(c.Suspend(c.ctx, c.aim(), c.with()...)) },
	"resume":  func(c *call) (any, error) { return done(c.Resume(c.ctx, c.aim(), c.with()...)) },
	"ping":    func(c *call) (any, error) { return done(c.Ping(c.ctx, c.with()...)) },
	"whereis": func(c *call) (any, error) {
		id, err := c.WhereIs(c.ctx, c.aim(), c.with()...)
		if id == 0 {
			return object{}, err
		}
		return object{"id": strconv.FormatUint(uint64(id), 10)}, err
	},
	"list": func(c *call) (any, error) {
		return told(c.List(c.ctx, peeper.ListOptions{Prefix: c.text("prefix"), Cursor: c.number("cursor"),
			Limit: c.small("limit")}, c.with()...))
	},
	"inspect": func(c *call) (any, error) { return told(c.Inspect(c.ctx, c.aim(), c.number("version"), c.with()...)) },

	"get_state":   func(c *call) (any, error) { return told(c.GetState(c.ctx, c.aim(), c.number("version"), c.with()...)) },
	"generations": func(c *call) (any, error) { return told(c.Generations(c.ctx, c.aim(), c.with()...)) },
	"restore_state": func(c *call) (any, error) {
		return done(c.RestoreState(c.ctx, c.aim(), c.number("version"), c.with()...))
	},
	"replace_state": func(c *call) (any, error) {
		return done(c.ReplaceState(c.ctx, c.aim(), c.value("state"), c.with()...))
	},
	"tables": func(c *call) (any, error) {
		tables, err := c.Tables(c.ctx, c.aim(), c.with()...)
		return listed("tables", tables, err)
	},
	"rows":       func(c *call) (any, error) { return rows(c, c.text("table")) },
	"dictionary": func(c *call) (any, error) { return rows(c, "") },

	"crashes": func(c *call) (any, error) {
		return told(c.Crashes(c.ctx, peeper.CrashesOptions{Name: c.text("name"), Cursor: c.number("cursor"),
			Limit: c.small("limit")}, c.with()...))
	},
	"show_crash": func(c *call) (any, error) { return told(c.ShowCrash(c.ctx, c.number("crash"), c.with()...)) },
	"redrive": func(c *call) (any, error) {
		reply, replied, err := c.Redrive(c.ctx, c.number("crash"), c.with()...)
		if !replied {
			return object{}, err
		}
		return payload(reply, err)
	},
	"discard_crash": func(c *call) (any, error) { return done(c.DiscardCrash(c.ctx, c.number("crash"), c.with()...)) },

	"behaviours": func(c *call) (any, error) {
		behaviours, err := c.Behaviours(c.ctx, c.with()...)
		return listed("behaviours", behaviours, err)
	},
	"deploy": func(c *call) (any, error) {
		return told(c.Deploy(c.ctx, c.text("file"), c.bytes("content"), c.value("extra"), c.with()...))
	},
	"upgrade": func(c *call) (any, error) {
		return told(c.Upgrade(c.ctx, peeper.UpgradeOptions{Behaviour: c.text("behaviour"), File: c.text("file"),
			Content: c.bytes("content"), Extra: c.value("extra"), DryRun: c.flag("dry_run")}, c.with()...))
	},

	"start_supervisor": func(c *call) (any, error) {
		return told(c.StartSupervisor(c.ctx, c.text("name"), c.value("spec"), c.with()...))
	},
	"start_child": func(c *call) (any, error) {
		return told(c.StartChild(c.ctx, c.aim(), c.value("spec"), c.with()...))
	},
	"terminate_child": func(c *call) (any, error) {
		return done(c.TerminateChild(c.ctx, c.aim(), c.child(), c.with()...))
	},
	"restart_child": func(c *call) (any, error) {
		return told(c.RestartChild(c.ctx, c.aim(), c.text("child"), c.with()...))
	},
	"delete_child": func(c *call) (any, error) {
		return done(c.DeleteChild(c.ctx, c.aim(), c.text("child"), c.with()...))
	},
	"which_children": func(c *call) (any, error) {
		return told(c.WhichChildren(c.ctx, c.aim(), peeper.WhichChildrenOptions{Child: c.text("child"),
			Cursor: c.number("cursor"), Limit: c.small("limit")}, c.with()...))
	},
	"count_children": func(c *call) (any, error) { return told(c.CountChildren(c.ctx, c.aim(), c.with()...)) },
	"get_child_spec": func(c *call) (any, error) {
		return payload(c.GetChildSpec(c.ctx, c.aim(), c.child(), c.with()...))
	},
	"check_specs": func(c *call) (any, error) { return done(c.CheckSpecs(c.ctx, c.value("specs"), c.with()...)) },
	"change_supervisor": func(c *call) (any, error) {
		return done(c.ChangeSupervisor(c.ctx, c.aim(), c.value("spec"), c.with()...))
	},
	"transfer": func(c *call) (any, error) {
		return told(c.Transfer(c.ctx, c.aim(), c.target("to"), c.source(), c.with()...))
	},
	"prepare_transfer": func(c *call) (any, error) {
		return told(c.PrepareTransfer(c.ctx, c.aim(), c.target("to"), c.source(), c.with()...))
	},
	"commit_transfer": func(c *call) (any, error) {
		return told(c.CommitTransfer(c.ctx, c.number("handle"), c.with()...))
	},

	"monitor": func(c *call) (any, error) {
		m, err := c.Monitor(c.ctx, c.aim(), c.with()...)
		if err != nil {
			return nil, err
		}
		c.down(m)
		return ref(m.Ref()), nil
	},
	"demonitor": func(c *call) (any, error) {
		return done(c.Demonitor(c.ctx, c.number("ref"), c.flag("flush"), c.with()...))
	},
	"link":   func(c *call) (any, error) { return done(c.Link(c.ctx, c.aim(), c.with()...)) },
	"unlink": func(c *call) (any, error) { return done(c.Unlink(c.ctx, c.aim(), c.with()...)) },
	"watch": func(c *call) (any, error) {
		w, err := c.Watch(c.ctx, c.text("name"), peeper.WatchOptions{Prefix: c.flag("prefix"),
			FromVersion: c.number("from_version"), Unit: c.number("unit"), WithOld: c.flag("with_old")}, c.with()...)
		if err != nil {
			return nil, err
		}
		c.changes(w)
		return ref(w.Ref()), nil
	},
	"unwatch": func(c *call) (any, error) { return done(c.Unwatch(c.ctx, c.number("ref"), c.with()...)) },
}

// Other names, by which the protocol or the list of verbs knows them.
func init() {
	for alias, name := range map[string]string{
		"where_is": "whereis", "list_generations": "generations", "list_tables": "tables", "read_table": "rows",
		"list_crashes": "crashes", "list_behaviours": "behaviours", "prepare": "prepare_transfer", "commit": "commit_transfer",
	} {
		verbs[alias] = verbs[name]
	}
}
