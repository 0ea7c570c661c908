// bench measures pipelined calls a second from one process with one core: `inc` to counters of a running peeperd.
//
//	go run ./cmd/bench [-address HOST:PORT] [-callers 512] [-seconds 5] [-async]
//
// It prints one line of JSON. GOMAXPROCS is 1 unless the environment says otherwise.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/pprof"
	"sort"
	"sync"
	"syscall"
	"time"

	"peeper/sdk/go"
)

type settings struct {
	address  string
	callers  int
	actors   int
	duration time.Duration
	async    bool
	token    string
	profile  string
}

func main() {
	log.SetFlags(0)
	var s settings
	seconds := flag.Float64("seconds", 5, "how long to measure")
	flag.StringVar(&s.address, "address", "127.0.0.1:7420", "the server")
	flag.StringVar(&s.token, "token", os.Getenv("PEEPER_TOKEN"), "the server's secret")
	flag.IntVar(&s.callers, "callers", 512, "calls in flight")
	flag.IntVar(&s.actors, "actors", 64, "actors that are called")
	flag.BoolVar(&s.async, "async", false, "one goroutine sends with CallAsync, instead of one for each call in flight")
	flag.StringVar(&s.profile, "profile", "", "write a CPU profile to this file")
	flag.Parse()
	s.duration = time.Duration(*seconds * float64(time.Second))
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	if err := run(s); err != nil {
		log.Fatal(err)
	}
}

func run(s settings) error {
	ctx := context.Background()
	client, err := peeper.Connect(ctx, s.address, peeper.Options{Token: s.token, Client: "peeper-go-bench",
		RequestsMax: s.callers + 16})
	if err != nil {
		return err
	}
	defer client.Close()
	targets := make([]peeper.Target, s.actors)
	for i := range targets {
		name := fmt.Sprintf("go-bench-%d", i)
		if _, err := client.Start(ctx, peeper.StartOptions{Name: name, Behaviour: "counter"}); err != nil {
			return err
		}
		targets[i] = peeper.Name(name)
		defer client.Stop(ctx, targets[i], nil)
	}
	measure := callers
	if s.async {
		measure = window
	}
	if _, err := measure(ctx, client, targets, s.callers, s.duration/10); err != nil { // to warm up
		return err
	}
	if s.profile != "" {
		file, err := os.Create(s.profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	began, cpu := time.Now(), cpuTime()
	taken, err := measure(ctx, client, targets, s.callers, s.duration)
	if err != nil {
		return err
	}
	elapsed, used := time.Since(began), cpuTime()-cpu
	sort.Slice(taken, func(i, j int) bool { return taken[i] < taken[j] })
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"calls_per_s":     int(float64(len(taken)) / elapsed.Seconds()),
		"cpu_us_per_call": float64(used.Microseconds()) / float64(len(taken)),
		"cores_used":      float64(int(100*used.Seconds()/elapsed.Seconds())) / 100,
		"p50_us":          taken[len(taken)/2].Microseconds(),
		"p99_us":          taken[len(taken)*99/100].Microseconds(),
		"callers":         s.callers,
		"gomaxprocs":      runtime.GOMAXPROCS(0),
		"go":              runtime.Version(),
	})
}

// callers measures with one goroutine for each call in flight.
func callers(ctx context.Context, client *peeper.Client, targets []peeper.Target, count int, d time.Duration) ([]time.Duration, error) {
	until := time.Now().Add(d)
	times := make([][]time.Duration, count)
	errs := make([]error, count)
	var all sync.WaitGroup
	for i := 0; i < count; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for last := time.Now(); last.Before(until); {
				if _, errs[i] = client.Call(ctx, targets[i%len(targets)], "inc"); errs[i] != nil {
					return
				}
				now := time.Now()
				times[i] = append(times[i], now.Sub(last))
				last = now
			}
		}(i)
	}
	all.Wait()
	var joined []time.Duration
	for i, part := range times {
		if errs[i] != nil {
			return nil, errs[i]
		}
		joined = append(joined, part...)
	}
	return joined, nil
}

// window measures with one goroutine that keeps `count` calls in flight.
func window(ctx context.Context, client *peeper.Client, targets []peeper.Target, count int, d time.Duration) ([]time.Duration, error) {
	type flight struct {
		pending *peeper.Pending
		began   time.Time
	}
	until := time.Now().Add(d)
	flights := make([]flight, count)
	var taken []time.Duration
	for i := 0; ; i++ {
		f := &flights[i%count]
		now := time.Now()
		if f.pending != nil {
			if _, err := f.pending.Wait(); err != nil {
				return nil, err
			}
			now = time.Now()
			taken = append(taken, now.Sub(f.began))
			f.pending = nil
		}
		if now.Before(until) {
			*f = flight{client.CallAsync(ctx, targets[i%len(targets)], "inc"), now}
		} else if i%count == 0 {
			for i := range flights {
				if p := flights[i].pending; p != nil {
					if _, err := p.Wait(); err != nil {
						return nil, err
					}
				}
			}
			return taken, nil
		}
	}
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
