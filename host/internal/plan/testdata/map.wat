(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
    (func (export "size") (param i32 i32) (result i32) (local.get 1)))
  (core instance $i (instantiate $m))
  (type $map (map string u32))
  (func (export "size") (param "m" $map) (result u32)
    (canon lift (core func $i "size") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
