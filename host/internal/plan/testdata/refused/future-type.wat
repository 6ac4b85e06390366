(component (type $f (future u8)) (export "f" (type $f)))
