// Package peeperd runs real servers for tests.
package peeperd

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"syscall"
)

// Server is one peeperd.
type Server struct {
	Address string
	process *exec.Cmd
	once    sync.Once
}

var ready = regexp.MustCompile(`^ready tcp=(\S+) `)

// Launch starts the server of a build, a folder with bin/ and behaviours/, at that address, and waits until it is ready.
// PEEPER_BUILD names the build if it is set. PEEPER_LOG, if set, shows the server's log.
func Launch(build, address string, options ...string) (*Server, error) {
	if folder := os.Getenv("PEEPER_BUILD"); folder != "" {
		build = folder
	}
	arguments := append([]string{"--listen", address, "--http", "127.0.0.1:0", "--behaviours",
		filepath.Join(build, "behaviours")}, options...)
	s := &Server{process: exec.Command(filepath.Join(build, "bin", "peeperd"), arguments...)}
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getenv("PEEPER_LOG") != "" {
		s.process.Stderr = os.Stderr
	}
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	// Pdeathsig is about the thread that starts the process.
	runtime.LockOSThread()
	err = s.process.Start()
	runtime.UnlockOSThread()
	if err != nil {
		return nil, fmt.Errorf("there is no server to test with, see PEEPER_BUILD: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	found := ready.FindStringSubmatch(line)
	if found == nil {
		s.Kill()
		return nil, fmt.Errorf("peeperd did not say that it is ready, but %q, %v: see PEEPER_LOG", line, err)
	}
	s.Address = found[1]
	return s, nil
}

// Kill ends the server as a crash of the machine would.
func (s *Server) Kill() {
	s.once.Do(func() {
		s.process.Process.Kill()
		s.process.Wait()
	})
}
