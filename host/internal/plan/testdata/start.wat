;; A fixup that starts the main module: a module that only does that takes its
;; place.
(component
  (import "f" (func $f (param "s" string)))
  (core module $shim
    (table (export "t") 1 1 funcref)
    (type $t (func (param i32 i32)))
    (func (export "0") (type $t) local.get 0 local.get 1 i32.const 0 call_indirect (type $t)))
  (core module $main
    (import "" "f" (func (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "_initialize")))
  (core module $fixup
    (import "" "0" (func (param i32 i32)))
    (import "" "init" (func))
    (import "" "t" (table 1 1 funcref))
    (start 1)
    (elem (i32.const 0) func 0))
  (core instance $s (instantiate $shim))
  (core instance $imports (export "f" (func $s "0")))
  (core instance $m (instantiate $main (with "" (instance $imports))))
  (core func $f (canon lower (func $f) (memory (core memory $m "memory"))))
  (core instance $fill
    (export "0" (func $f))
    (export "init" (func $m "_initialize"))
    (export "t" (table $s "t")))
  (core instance (instantiate $fixup (with "" (instance $fill))))
)
