(component (import "f" (func (param "e" error-context))))
