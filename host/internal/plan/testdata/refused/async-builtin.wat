(component
  (core module $m (import "" "cancel" (func)))
  (core func $cancel (canon task.cancel))
  (core instance (instantiate $m (with "" (instance (export "cancel" (func $cancel)))))))
