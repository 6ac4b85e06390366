(component
  (import "f" (func $f))
  (core module $m (import "" "f" (func (result i32))))
  (core func $f' (canon lower (func $f) async))
  (core instance (instantiate $m (with "" (instance (export "f" (func $f')))))))
