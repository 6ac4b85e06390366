;; An adapter that needs the main module's memory, which needs the adapter: the
;; detour through the table stays, and only what is a trampoline skips it.
(component
  (import "now" (func $now (result u64)))
  (import "print" (func $print (param "s" string)))
  (core module $shim
    (table (export "$imports") 2 2 funcref)
    (type $t (func (param i32 i32)))
    (func (export "0") (type $t) local.get 0 local.get 1 i32.const 0 call_indirect (type $t))
    (func (export "1") (type $t) local.get 0 local.get 1 i32.const 1 call_indirect (type $t)))
  (core module $main
    (import "preview1" "write" (func (param i32 i32)))
    (import "host" "print" (func (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "run")))
  (core module $adapter
    (import "env" "memory" (memory 0))
    (import "host" "now" (func (result i64)))
    (func (export "write") (param i32 i32)))
  (core module $fixup
    (import "" "0" (func (param i32 i32)))
    (import "" "1" (func (param i32 i32)))
    (import "" "$imports" (table 2 2 funcref))
    (elem (i32.const 0) func 0 1))
  (core instance $s (instantiate $shim))
  (core instance $p1 (export "write" (func $s "0")))
  (core instance $host (export "print" (func $s "1")))
  (core instance $m (instantiate $main (with "preview1" (instance $p1)) (with "host" (instance $host))))
  (core func $now (canon lower (func $now)))
  (core instance $env (export "memory" (memory $m "memory")))
  (core instance $now (export "now" (func $now)))
  (core instance $a (instantiate $adapter (with "env" (instance $env)) (with "host" (instance $now))))
  (core func $print (canon lower (func $print) (memory (core memory $m "memory"))))
  (core instance $fill
    (export "0" (func $a "write"))
    (export "1" (func $print))
    (export "$imports" (table $s "$imports")))
  (core instance (instantiate $fixup (with "" (instance $fill))))
  (func (export "run") (canon lift (core func $m "run")))
)
