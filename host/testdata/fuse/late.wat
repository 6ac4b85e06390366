;; A start function passes a string of a memory that is not there yet: a trap.
;; It would not be one if the last module were made together with the others.
(component
  (import "read" (func $read (param "s" string)))
  (core module $shim
    (table (export "$imports") 1 1 funcref)
    (func (export "0") (param i32 i32) (call_indirect (param i32 i32) (local.get 0) (local.get 1) (i32.const 0))))
  (core module $a
    (import "" "read" (func $read (param i32 i32)))
    (func $start (call $read (i32.const 0) (i32.const 1)))
    (start $start))
  (core module $b
    (memory (export "memory") 1)
    (data (i32.const 0) "x")
    (func (export "run") (result i32) (i32.const 0)))
  (core module $fixup
    (import "" "0" (func (param i32 i32)))
    (import "" "$imports" (table 1 1 funcref))
    (elem (i32.const 0) func 0))
  (core instance $shim (instantiate $shim))
  (core instance $host (export "read" (func $shim "0")))
  (core instance (instantiate $a (with "" (instance $host))))
  (core instance $b (instantiate $b))
  (core func $read (canon lower (func $read) (memory $b "memory")))
  (core instance $fixed (export "0" (func $read)) (export "$imports" (table $shim "$imports")))
  (core module $c)
  (core instance (instantiate $fixup (with "" (instance $fixed))))
  (core instance (instantiate $c))
  (func (export "run") (result u32) (canon lift (core func $b "run"))))
