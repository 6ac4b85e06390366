;; Outer aliases: a module, a component and a type of the enclosing component.
;; A module that is instantiated twice is listed once, an unused one not at all.
(component
  (type $point (record (field "x" s32) (field "y" s32)))
  (core module $m (memory (export "memory") 1) (func (export "f") (param i32 i32) (result i32) i32.const 0))
  (core module $unused (func (export "g")))
  (component $inner
    (component $innermost
      (alias outer 2 $m (core module $m))
      (alias outer 2 $point (type $point))
      (core instance $i (instantiate $m))
      (export $p "point" (type $point))
      (func (export "sum") (param "p" $p) (result s32) (canon lift (core func $i "f"))))
    (instance $one (instantiate $innermost))
    (export "one" (instance $one)))
  (instance $x (instantiate $inner))
  (instance $y (instantiate $inner))
  (alias export $x "one" (instance $one))
  (export "t:t/x@1.0.0" (instance $one))
  (export "nested" (instance $y))
)
