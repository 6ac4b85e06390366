;; The start function of the third module calls the host, which sees what is in
;; memory then. What is made before it becomes one instance with it.
(component
  (import "see" (func $see (param "v" u32)))
  (core func $see (canon lower (func $see)))
  (core module $env
    (memory (export "memory") 1)
    (global (export "g") (mut i32) (i32.const 1))
    (data (i32.const 0) "a"))
  (core module $lib
    (import "env" "memory" (memory 1))
    (import "env" "g" (global $g (mut i32)))
    (data (i32.const 1) "b")
    (func (export "f") (global.set $g (i32.add (global.get $g) (i32.load8_u (i32.const 3))))))
  (core module $init
    (import "" "see" (func $see (param i32)))
    (import "env" "memory" (memory 1))
    (import "lib" "f" (func $f))
    (data (i32.const 2) "c")
    (func $start
      (call $see (i32.load (i32.const 0)))
      (call $f)
      (i32.store8 (i32.const 3) (i32.const 2)))
    (start $start))
  (core module $main
    (import "env" "memory" (memory 1))
    (import "env" "g" (global $g (mut i32)))
    (import "lib" "f" (func $f))
    (data (i32.const 3) "d")
    (func (export "run") (result i32) (call $f) (i32.add (global.get $g) (i32.load (i32.const 0)))))
  (core instance $host (export "see" (func $see)))
  (core instance $env (instantiate $env))
  (core instance $lib (instantiate $lib (with "env" (instance $env))))
  (core instance (instantiate $init (with "" (instance $host)) (with "env" (instance $env)) (with "lib" (instance $lib))))
  (core instance $main (instantiate $main (with "env" (instance $env)) (with "lib" (instance $lib))))
  (func (export "run") (result u32) (canon lift (core func $main "run"))))
