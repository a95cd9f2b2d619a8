//go:build !unix

package engine

import (
	"errors"
	"os/exec"
	"syscall"
)

// On other systems there are no process groups and no signals to end them with: tests that ask for a server
// are skipped, and the rest of their packages is built and run.

const canSpawn = false

type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

func spawn(dir, log string, argv []string) (*process, error) { return nil, errors.ErrUnsupported }

func (*process) end(syscall.Signal) {}

func (*process) kill() {}

func confine(cmd *exec.Cmd, dir string) {}

func newDir(name string) (string, error) { return "", errors.ErrUnsupported }
