img: fx/x
enviroment: {A: b}
memlimit: 1g
build: .
services: {}
#! 1:1: image: this key is required
#! 1:1: img: unknown key; did you mean image?
#! 2:1: enviroment: unknown key; did you mean environment?
#! 3:1: memlimit: unknown key; did you mean mem_limit?
#! 4:1: build: not possible in a template: templates start images, they do not build them: write image:
#! 5:1: services: not possible in a template: a template is one service: write its keys at the top level
