package attack

import "testing"

func TestA168(t *testing.T) { run(t) }
func TestA169(t *testing.T) { run(t) }
func TestA170(t *testing.T) { run(t) }
func TestA173(t *testing.T) { run(t) }
func TestA174(t *testing.T) { run(t) }
func TestA176(t *testing.T) { run(t) }
func TestA180(t *testing.T) { run(t) }
func TestA182(t *testing.T) { run(t) }
func TestA183(t *testing.T) { run(t) }
func TestA189(t *testing.T) { run(t) }
func TestA191(t *testing.T) { run(t) }
