package peeper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestStatesAreReadRestoredAndReplaced(t *testing.T) {
	c, ctx := connect(t), soon(t)
	name := actor(t, c, "counter", 1)
	must[any](t)(c.Call(ctx, name, "inc"))
	newest := must[*StateInfo](t)(c.GetState(ctx, name, 0))
	if newest.Value != int64(2) || newest.Version != 2 || time.Since(newest.At) > time.Minute {
		t.Errorf("%+v", newest)
	}
	kept := must[*Generations](t)(c.Generations(ctx, name))
	if len(kept.Generations) != 2 || kept.Generations[1].Version != 1 || kept.Kept < 2 {
		t.Errorf("%+v", kept)
	}
	check(t, c.RestoreState(ctx, name, 1))
	if state := must[any](t)(c.Call(ctx, name, "state")); state != int64(1) {
		t.Errorf("%v", state)
	}
	check(t, c.ReplaceState(ctx, name, 40))
	info := must[*ActorInfo](t)(c.Inspect(ctx, name, 0))
	if info.State.Value != int64(40) || info.Status != "running" {
		t.Errorf("%+v", info)
	}
	check(t, c.Suspend(ctx, name))
	check(t, c.Resume(ctx, name))
	check(t, c.Kill(ctx, name))
	eventually(t, "it has begun again with its state", func() bool {
		state, err := c.Call(ctx, name, "state")
		return err == nil && state == int64(40)
	})
}

func TestPagesAreReadToTheirEnd(t *testing.T) {
	c, ctx := connect(t), soon(t)
	name := actor(t, c, "probe", nil)
	if _, err := c.Call(ctx, name, []any{[]any{"table", "t", 0}, []any{"table_fill", "t", 25, 1}, []any{"reply", 0}}); err != nil {
		t.Fatal(err)
	}
	rows := 0
	check(t, c.AllRows(ctx, name, RowsOptions{Table: "t", Limit: 10}, func(Row) bool { rows++; return true }))
	tables := must[[]TableInfo](t)(c.Tables(ctx, name))
	if rows != 25 || len(tables) == 0 || tables[len(tables)-1].Rows != 25 {
		t.Errorf("%d rows, %+v", rows, tables)
	}
	check(t, c.Dictionary(ctx, name, func(Row) bool { return true }))
	for i := 0; i < 12; i++ {
		n := fmt.Sprintf("%s/page/%d", t.Name(), i)
		must[*Started](t)(c.Start(ctx, StartOptions{Name: n, Behaviour: "counter"}))
		defer c.Stop(ctx, Name(n), nil)
	}
	actors := 0
	check(t, c.ListAll(ctx, ListOptions{Prefix: t.Name() + "/page/", Limit: 5}, func(*ActorInfo) bool { actors++; return true }))
	if actors != 12 {
		t.Errorf("%d actors", actors)
	}
	check(t, c.ListAll(ctx, ListOptions{Limit: 1}, func(*ActorInfo) bool { return false }))
}

func TestCrashesAreShownRedrivenAndDiscarded(t *testing.T) {
	c, ctx := connect(t), soon(t)
	name := actor(t, c, "probe", "kept")
	if _, err := c.Call(ctx, name, []any{"raise", "boom"}); !errors.Is(err, StatusCrashed) {
		t.Fatal(err)
	}
	var crash *CrashReport
	check(t, c.AllCrashes(ctx, CrashesOptions{Name: string(name)}, func(r *CrashReport) bool { crash = r; return false }))
	shown := must[*CrashReport](t)(c.ShowCrash(ctx, crash.Crash))
	if fmt.Sprint(shown.Payload) != "[raise boom]" || shown.Turn != "call" || shown.Kind != "raise" || shown.Reason != "boom" {
		t.Errorf("%+v", shown)
	}
	if _, _, err := c.Redrive(ctx, crash.Crash); !errors.Is(err, StatusCrashed) {
		t.Errorf("redriven: %v", err)
	}
	check(t, c.DiscardCrash(ctx, crash.Crash))
	if _, err := c.ShowCrash(ctx, crash.Crash); !errors.Is(err, StatusNotFound) {
		t.Errorf("discarded: %v", err)
	}
}

func TestSupervisorsAndTheirChildren(t *testing.T) {
	c, ctx := connect(t), soon(t)
	one, two := Name(t.Name()+"/1"), Name(t.Name()+"/2")
	for _, name := range []Name{one, two} {
		must[*Started](t)(c.StartSupervisor(ctx, string(name), map[string]any{"children": []any{}}))
		defer c.Stop(ctx, name, "shutdown")
	}
	child := must[*Started](t)(c.StartChild(ctx, one, counterSpec("a")))
	check(t, c.CheckSpecs(ctx, []any{counterSpec("b")}))
	check(t, c.ChangeSupervisor(ctx, one, nil))
	if counts := must[*ChildCounts](t)(c.CountChildren(ctx, one)); *counts != (ChildCounts{1, 1, 0, 1}) {
		t.Errorf("%+v", counts)
	}
	if page := must[*Children](t)(c.WhichChildren(ctx, one, WhichChildrenOptions{})); len(page.Children) != 1 || page.Children[0].Incarnation != child.ID {
		t.Errorf("%+v", page)
	}
	if spec := must[any](t)(c.GetChildSpec(ctx, one, ChildID{ID: "a"})); spec.(map[string]any)["restart"] != "permanent" {
		t.Errorf("%v", spec)
	}
	prepared := must[*Prepared](t)(c.PrepareTransfer(ctx, child.ID, two, one))
	moved := must[*Started](t)(c.CommitTransfer(ctx, prepared.Handle))
	if moved.Unit != child.Unit || prepared.Valid <= 0 {
		t.Errorf("%+v, %+v", moved, prepared)
	}
	eventually(t, "it is back, when it has begun under the other one", func() bool {
		_, err := c.Transfer(ctx, moved.ID, one, nil)
		return err == nil
	})
	check(t, c.TerminateChild(ctx, one, ChildID{ID: "a"}))
	must[*Started](t)(c.RestartChild(ctx, one, "a"))
	check(t, c.TerminateChild(ctx, one, ChildID{ID: "a"}))
	check(t, c.DeleteChild(ctx, one, "a"))
}

const doubler = `return { name = "%s", version = "%d", init = function() return "ok", 0 end,
	handle_call = function(message, from, state) return "reply", %d, state end,
	code_change = function(version, state, extra) return "ok", state end }`

func TestBehavioursAreDeployedAndUpgraded(t *testing.T) {
	// A folder of its own, which may be written to.
	folder := t.TempDir()
	check(t, os.WriteFile(filepath.Join(folder, "first.lua"), []byte(fmt.Sprintf(doubler, "first", 1, 1)), 0o600))
	s := startServer(t, "127.0.0.1:0", "--behaviours", folder)
	c, ctx := connectTo(t, s.Address, Options{}), soon(t)
	if all := must[[]BehaviourInfo](t)(c.Behaviours(ctx)); len(all) != 1 || all[0].Name != "first" || all[0].Kind != "lua" {
		t.Errorf("%+v", all)
	}
	name := Name("a")
	must[*Started](t)(c.Start(ctx, StartOptions{Name: "a", Behaviour: "first"}))
	next := []byte(fmt.Sprintf(doubler, "first", 2, 2))
	dry := must[*UpgradeReport](t)(c.Upgrade(ctx, UpgradeOptions{Behaviour: "first", File: "first.lua", Content: next, DryRun: true}))
	if !dry.DryRun || dry.Changed != 1 {
		t.Errorf("%+v", dry)
	}
	report := must[*UpgradeReport](t)(c.Deploy(ctx, "first.lua", next, nil))
	if report.Changed != 1 || report.From != "1" || report.To != "2" {
		t.Errorf("%+v", report)
	}
	if reply := must[any](t)(c.Call(ctx, name, nil)); reply != int64(2) {
		t.Errorf("%v", reply)
	}
}
