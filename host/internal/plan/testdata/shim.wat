;; What tools make of a module that imports functions which need its memory: a
;; shim before it and a fixup after it. Neither is in the plan.
(component
  (import "t:t/log@0.1.0" (instance $log
    (export "level" (type (sub resource)))
    (export "write" (func (param "text" string)))
    (export "tick" (func (result u32)))
    (export "never" (func))
  ))
  (core module $shim
    (table (export "$imports") 2 2 funcref)
    (type $t (func (param i32 i32)))
    (type $u (func (param i64)))
    (func (export "0") (type $t) local.get 0 local.get 1 i32.const 0 call_indirect (type $t))
    (func (export "1") (type $u) local.get 0 i32.const 1 call_indirect (type $u)))
  (core module $main
    (import "log" "write" (func (param i32 i32)))
    (import "log" "tick" (func (result i32)))
    (memory (export "memory") 1)
    (func (export "run") (result i32) i32.const 0)
    (func (export "post") (param i32))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
  (core module $fixup
    (import "" "0" (func (param i32 i32)))
    (import "" "1" (func (param i64)))
    (import "" "$imports" (table 2 2 funcref))
    (elem (i32.const 0) func 0 1))
  (core module $unrelated (func (export "one") (param i64)))
  (core instance $unrelated (instantiate $unrelated))
  (core instance $s (instantiate $shim))
  (core func $tick (canon lower (func $log "tick")))
  (core instance $imports (export "write" (func $s "0")) (export "tick" (func $tick)))
  (core instance $m (instantiate $main (with "log" (instance $imports))))
  (core func $write (canon lower (func $log "write") (memory (core memory $m "memory")) string-encoding=utf16))
  (core instance $fill
    (export "0" (func $write))
    (export "1" (func $unrelated "one"))
    (export "$imports" (table $s "$imports")))
  (core instance (instantiate $fixup (with "" (instance $fill))))
  (func (export "run") (result string)
    (canon lift (core func $m "run") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) (post-return (core func $m "post"))))
)
