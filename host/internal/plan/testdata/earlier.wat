;; A shim in front of an instance that is made before its user needs no table
;; either.
(component
  (core module $shim
    (table (export "t") 1 1 funcref)
    (type $t (func (param i32)))
    (func (export "f") (type $t) local.get 0 i32.const 0 call_indirect (type $t)))
  (core module $lib (func (export "f") (param i32)))
  (core module $user
    (import "lib" "f" (func (param i32)))
    (func (export "run")))
  (core module $fixup
    (import "" "f" (func (param i32)))
    (import "" "t" (table 1 1 funcref))
    (elem (i32.const 0) func 0))
  (core instance $s (instantiate $shim))
  (core instance $l (instantiate $lib))
  (core instance $fill (export "f" (func $l "f")) (export "t" (table $s "t")))
  (core instance (instantiate $fixup (with "" (instance $fill))))
  (core instance $u (instantiate $user (with "lib" (instance $s))))
  (func (export "run") (canon lift (core func $u "run")))
)
