(component (import "t:t/i@1.0.0" (instance $i (export "f" (func)))) (export "t:t/j@1.0.0" (instance $i)))
