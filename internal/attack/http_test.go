package attack

import "testing"

func TestA339(t *testing.T) { run(t) }
func TestA340(t *testing.T) { run(t) }
func TestA341(t *testing.T) { run(t) }
func TestA342(t *testing.T) { run(t) }
func TestA343(t *testing.T) { run(t) }
func TestA344(t *testing.T) { run(t) }
func TestA345(t *testing.T) { run(t) }
func TestA347(t *testing.T) { run(t) }
func TestA348(t *testing.T) { run(t) }
func TestA352(t *testing.T) { run(t) }
func TestA353(t *testing.T) { run(t) }
func TestA354(t *testing.T) { run(t) }
func TestA358(t *testing.T) { run(t) }
func TestA361(t *testing.T) { run(t) }
func TestA363(t *testing.T) { run(t) }
func TestA398(t *testing.T) { run(t) }
func TestA400(t *testing.T) { run(t) }
