(component (import "m" (core module $m)) (core instance (instantiate $m)))
