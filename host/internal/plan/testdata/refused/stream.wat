(component
  (type $s (stream u8))
  (import "i" (instance (export "f" (func (result (list $s)))))))
