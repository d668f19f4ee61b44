;; As little as a module may have; what is there is chosen by parameters.
@imports@
(memory (export "@memory@") 1)
(func (export "@abi@"))
(func (export "@allocator@") (param i32) (result i32) (i32.const 1024))
@exports@
