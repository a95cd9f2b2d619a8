//go:build unix

package engine

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// canSpawn says whether servers can be started on this system.
const canSpawn = true

// process is one run of a server, in a process group of its own.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	watch  *exec.Cmd
	leash  io.WriteCloser // the watch's standard input
}

// spawn starts argv in dir with its output appended to the file log.
func spawn(dir, log string, argv []string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	confine(cmd, dir)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.exited)
	}()

	// The read ends at the end of this binary, or with a line from release.
	p.watch = exec.Command("/bin/sh", "-c", `read -r line && exit; kill -9 -"$1"; sleep 1; rm -rf "$2"`,
		"sh", strconv.Itoa(cmd.Process.Pid), dir)
	p.watch.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the keyboard is not for it
	if p.leash, err = p.watch.StdinPipe(); err == nil {
		err = p.watch.Start()
	}
	if err != nil {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		return nil, err
	}
	return p, nil
}

// end asks the process to end, and kills it if it has not after five seconds.
func (p *process) end(sig syscall.Signal) {
	p.cmd.Process.Signal(sig)
	select {
	case <-p.exited:
		p.release()
	case <-time.After(5 * time.Second):
		p.kill()
	}
}

// kill ends the process and its children with SIGKILL and returns when none of them is left. PostgreSQL's
// children have process groups of their own, so they are looked up, once their parent can make no more.
func (p *process) kill() {
	pid := p.cmd.Process.Pid
	p.cmd.Process.Signal(syscall.SIGSTOP)
	for _, state := stat(pid); state == "R" || state == "S" || state == "D"; _, state = stat(pid) {
		time.Sleep(100 * time.Microsecond) // a fork under way comes to its end first
	}
	children := childrenOf(pid)
	for _, c := range children {
		syscall.Kill(c, syscall.SIGKILL)
	}
	syscall.Kill(-pid, syscall.SIGKILL) // last, for a child that sees its parent gone says so to its client
	<-p.exited
	for _, c := range children {
		for parent, state := stat(c); parent != 0 && state != "Z"; parent, state = stat(c) {
			time.Sleep(time.Millisecond)
		}
	}
	p.release()
}

// release lets the watch go.
func (p *process) release() {
	io.WriteString(p.leash, "\n")
	p.leash.Close()
	p.watch.Wait()
}

// childrenOf returns the processes whose parent is pid, as far as the system has /proc.
func childrenOf(pid int) []int {
	var children []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if c, err := strconv.Atoi(e.Name()); err == nil {
			if parent, _ := stat(c); parent == pid {
				children = append(children, c)
			}
		}
	}
	return children
}

// stat returns the parent of a process and its state, 0 if there is no such process.
func stat(pid int) (parent int, state string) {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:]) // the name before it may hold anything
	if len(f) < 2 {
		return 0, ""
	}
	parent, _ = strconv.Atoi(f[1])
	return parent, f[0]
}

// confine makes cmd run in dir, in a process group of its own, with an environment that holds nothing of
// the caller's, and without a superuser's rights.
func confine(cmd *exec.Cmd, dir string) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid, gid, ok := nobody(); ok {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
}

// newDir returns a new directory that the servers' user owns.
func newDir(name string) (string, error) {
	dir, err := os.MkdirTemp("", "engine-"+name+"-")
	if err != nil {
		return "", err
	}
	if uid, gid, ok := nobody(); ok {
		err = os.Chown(dir, int(uid), int(gid))
	}
	return dir, err
}

// nobody returns the user to run servers as, ok if that is not the one who runs the test.
func nobody() (uid, gid uint32, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return 65534, 65534, true
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	group, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if errors.Join(err, err2) != nil {
		return 65534, 65534, true
	}
	return uint32(id), uint32(group), true
}
