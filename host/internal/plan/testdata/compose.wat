;; Two components inside one: the second calls a function of the first, and the
;; outer one tries to call into what it contains.
(component
  (component $greeter
    (core module $m
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
      (func (export "greet") (param i32 i32) (result i32) i32.const 0))
    (core instance $m (instantiate $m))
    (func $greet (param "name" string) (result string)
      (canon lift (core func $m "greet") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
    (instance $i (export "greet" (func $greet)))
    (export "t:t/greet@1.0.0" (instance $i)))
  (component $caller
    (import "t:t/greet@1.0.0" (instance $g (export "greet" (func (param "name" string) (result string)))))
    (core module $mem
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
    (core module $m
      (import "g" "greet" (func (param i32 i32 i32)))
      (func (export "run")))
    (core instance $mem (instantiate $mem))
    (core func $greet (canon lower (func $g "greet") (memory (core memory $mem "memory")) (realloc (core func $mem "realloc")) string-encoding=utf16))
    (core instance $imports (export "greet" (func $greet)))
    (core instance $m (instantiate $m (with "g" (instance $imports))))
    (func $run (canon lift (core func $m "run")))
    (export "run" (func $run)))
  (instance $g (instantiate $greeter))
  (alias export $g "t:t/greet@1.0.0" (instance $greet))
  (instance $c (instantiate $caller (with "t:t/greet@1.0.0" (instance $greet))))
  (core module $m
    (import "" "run" (func))
    (func (export "outer")))
  (core func $run (canon lower (func $c "run")))
  (core instance $imports (export "run" (func $run)))
  (core instance $m (instantiate $m (with "" (instance $imports))))
  (func (export "outer") (canon lift (core func $m "outer")))
  (export "run" (func $c "run"))
  (export "t:t/greet@1.0.0" (instance $greet))
)
