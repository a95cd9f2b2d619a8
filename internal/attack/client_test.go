package attack

import "testing"

func TestA081(t *testing.T) { run(t) }
func TestA082(t *testing.T) { run(t) }
func TestA083(t *testing.T) { run(t) }
func TestA085(t *testing.T) { run(t) }
func TestA086(t *testing.T) { run(t) }
func TestA087(t *testing.T) { run(t) }
func TestA088(t *testing.T) { run(t) }
func TestA089(t *testing.T) { run(t) }
func TestA090(t *testing.T) { run(t) }
func TestA091(t *testing.T) { run(t) }
func TestA092(t *testing.T) { run(t) }
func TestA093(t *testing.T) { run(t) }
func TestA095(t *testing.T) { run(t) }
func TestA100(t *testing.T) { run(t) }
func TestA101(t *testing.T) { run(t) }
func TestA117(t *testing.T) { run(t) }
func TestA119(t *testing.T) { run(t) }
func TestA122(t *testing.T) { run(t) }
