(component (import "i" (instance (export "j" (instance)))))
