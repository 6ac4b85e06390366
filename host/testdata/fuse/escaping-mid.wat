;; The start function of a module whose exports have names calls the host: a
;; canonical function may be of that module, and must not be there before.
(component
  (import "see" (func $see (param "v" u32)))
  (core func $see (canon lower (func $see)))
  (core module $env (memory (export "memory") 1) (data (i32.const 0) "\01"))
  (core module $lib
    (import "env" "memory" (memory 1))
    (data (i32.const 1) "\02")
    (func (export "f") (result i32) (i32.load (i32.const 0))))
  (core module $init
    (import "" "see" (func $see (param i32)))
    (import "lib" "f" (func $f (result i32)))
    (import "env" "memory" (memory 1))
    (data (i32.const 2) "\03")
    (func $start (call $see (call $f)) (i32.store8 (i32.const 3) (i32.const 9)))
    (func (export "get") (result i32) (call $f))
    (start $start))
  (core module $main
    (import "init" "get" (func $get (result i32)))
    (import "env" "memory" (memory 1))
    (data (i32.const 3) "\04")
    (func (export "run") (result i32) (call $get)))
  (core instance $host (export "see" (func $see)))
  (core instance $env (instantiate $env))
  (core instance $lib (instantiate $lib (with "env" (instance $env))))
  (core instance $init (instantiate $init (with "" (instance $host)) (with "env" (instance $env)) (with "lib" (instance $lib))))
  (core instance $named (export "get" (func $init "get")))
  (core instance $main (instantiate $main (with "init" (instance $named)) (with "env" (instance $env))))
  (func (export "run") (result u32) (canon lift (core func $main "run"))))
