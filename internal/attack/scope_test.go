package attack

import "testing"

func TestA148(t *testing.T) { run(t) }
func TestA149(t *testing.T) { run(t) }
func TestA150(t *testing.T) { run(t) }
func TestA152(t *testing.T) { run(t) }
func TestA155(t *testing.T) { run(t) }
func TestA159(t *testing.T) { run(t) }
