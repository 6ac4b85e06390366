package host

// TheEngine is the engine of the tests, for the examples: a process has one.
func TheEngine() *Engine { return engine }
