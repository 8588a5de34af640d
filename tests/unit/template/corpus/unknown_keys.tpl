img: fx/x
enviroment: {A: b}
memlimit: 1g
build: .
services: {}
