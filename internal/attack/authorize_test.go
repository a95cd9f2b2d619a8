package attack

import "testing"

func TestA001(t *testing.T) { run(t) }
func TestA002(t *testing.T) { run(t) }
func TestA003(t *testing.T) { run(t) }
func TestA004(t *testing.T) { run(t) }
func TestA005(t *testing.T) { run(t) }
func TestA006(t *testing.T) { run(t) }
func TestA007(t *testing.T) { run(t) }
func TestA008(t *testing.T) { run(t) }
func TestA009(t *testing.T) { run(t) }
func TestA010(t *testing.T) { run(t) }
func TestA011(t *testing.T) { run(t) }
func TestA012(t *testing.T) { run(t) }
func TestA014(t *testing.T) { run(t) }
func TestA015(t *testing.T) { run(t) }
func TestA017(t *testing.T) { run(t) }
func TestA018(t *testing.T) { run(t) }
func TestA019(t *testing.T) { run(t) }
func TestA024(t *testing.T) { run(t) }
func TestA026(t *testing.T) { run(t) }
func TestA027(t *testing.T) { run(t) }
func TestA028(t *testing.T) { run(t) }
func TestA029(t *testing.T) { run(t) }
func TestA030(t *testing.T) { run(t) }
