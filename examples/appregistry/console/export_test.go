package console

// Next is where somebody goes after signing in, on a console below base.
func Next(base, wanted string) string { return (&Console{Config: Config{Base: base}}).next(wanted) }
